//! Accessors of properties and subscripts.

use super::Parser;
use super::attributes::attributes;
use crate::syntax::kind::SyntaxKind::{self, *};

/// The accessor that the token `n` places ahead begins.
fn nth_accessor(p: &Parser, n: usize) -> Option<SyntaxKind> {
    match p.nth(n) {
        INIT_KW if matches!(p.nth(n + 1), L_PAREN | L_BRACE) => Some(INIT_KW),
        IDENT => p.nth_contextual(n).filter(|kind| {
            matches!(
                kind,
                GET_KW
                    | SET_KW
                    | WILL_SET_KW
                    | DID_SET_KW
                    | READ_KW
                    | MODIFY_KW
                    | UNSAFE_ADDRESS_KW
                    | UNSAFE_MUTABLE_ADDRESS_KW
            ) || matches!(kind, READ_CORO_KW | MODIFY_CORO_KW) && p.nth(n + 1) == L_BRACE
        }),
        _ => None,
    }
}

/// Behind attributes and modifiers, the accessor that begins `n` places ahead.
fn accessor_start(p: &Parser, mut n: usize) -> Option<SyntaxKind> {
    while p.nth(n) == AT && p.nth_is_name(n + 1) {
        n += 2;
        if p.nth(n) == L_PAREN {
            n = p.partner_of(p.pos + n)? - p.pos + 1;
        }
    }
    while p.nth(n) == IDENT
        && matches!(
            p.nth_contextual(n),
            Some(
                MUTATING_KW
                    | NONMUTATING_KW
                    | CONSUMING_KW
                    | BORROWING_KW
                    | UNDERSCORED_CONSUMING_KW
                    | NONISOLATED_KW
            )
        )
        && (p.nth(n + 1) == IDENT || p.nth(n + 1) == INIT_KW)
    {
        n += 1;
    }
    nth_accessor(p, n)
}

/// Whether the `{` here, behind an initial value, begins observers rather than a trailing closure.
pub(super) fn at_accessor_block(p: &Parser) -> bool {
    if !p.at(L_BRACE) {
        return false;
    }
    match p.nth(1) {
        IDENT | AT | INIT_KW => matches!(
            accessor_start(p, 1),
            Some(WILL_SET_KW | DID_SET_KW | INIT_KW)
        ),
        _ => false,
    }
}

/// `{ get set }`, `{ get { } set { } }`, or `{ statements }` for a getter alone.
pub(super) fn accessor_block(p: &mut Parser) {
    p.nested(|p| {
        let marker = p.start();
        let opener = p.offset();
        p.bump();
        let bodiless = p.bodiless;
        if accessor_start(p, 0).is_some() {
            p.in_brackets(accessors);
        } else {
            p.bodiless = false;
            p.in_brackets(super::stmts::block_items);
        }
        p.bodiless = bodiless;
        p.expect_closing(
            R_BRACE,
            opener,
            "expected '}' to end getter/setter definition",
        );
        p.finish(marker, ACCESSOR_BLOCK);
    });
}

fn accessors(p: &mut Parser) {
    while !p.at_any(&[R_BRACE, EOF]) {
        if accessor_start(p, 0).is_none() {
            p.error("expected-accessor", "expected 'get', 'set', 'willSet', or 'didSet' keyword to start an accessor definition");
            p.skip_until(|p| p.at(R_BRACE));
            return;
        }
        accessor(p);
    }
}

fn accessor(p: &mut Parser) {
    let marker = p.start();
    attributes(p);
    if nth_accessor(p, 0).is_none() {
        let list = p.start();
        while nth_accessor(p, 0).is_none() {
            let Some(kind) = p.contextual() else { break };
            let modifier = p.start();
            p.bump_as(kind);
            p.finish(modifier, MODIFIER);
        }
        p.finish(list, MODIFIER_LIST);
    }
    let Some(kind) = nth_accessor(p, 0) else {
        return p.finish(marker, ACCESSOR_DECL);
    };
    let word = p.token_text();
    p.bump_as(kind);
    if p.at(L_PAREN) && matches!(kind, SET_KW | WILL_SET_KW | DID_SET_KW | INIT_KW) {
        let param = p.start();
        let opener = p.offset();
        p.bump();
        if !p.eat(IDENT) {
            p.error(
                "expected-accessor-parameter",
                "expected setter parameter name",
            );
        }
        p.expect_closing(R_PAREN, opener, "expected ')' after setter parameter name");
        p.finish(param, ACCESSOR_PARAM);
    }
    super::functions::effects(p);
    if p.at(L_BRACE) {
        let coroutine = std::mem::replace(
            &mut p.in_coroutine,
            matches!(kind, READ_KW | MODIFY_KW | READ_CORO_KW | MODIFY_CORO_KW),
        );
        let bodiless = std::mem::take(&mut p.bodiless);
        super::stmts::block(p, "");
        p.bodiless = bodiless;
        p.in_coroutine = coroutine;
    } else if !p.bodiless || !p.at(R_BRACE) && accessor_start(p, 0).is_none() {
        let what = match kind {
            GET_KW => "getter".to_owned(),
            SET_KW => "setter".to_owned(),
            _ => format!("'{word}'"),
        };
        p.error(
            "expected-brace",
            format!("expected '{{' to start {what} definition"),
        );
        p.skip_until(|p| p.at(R_BRACE) || accessor_start(p, 0).is_some());
    }
    p.finish(marker, ACCESSOR_DECL);
}
