//! Generic parameters, arguments and requirements.

use super::Parser;
use super::attributes::attributes;
use super::types::{type_, type_or};
use crate::syntax::kind::SyntaxKind::*;

/// `<T, each U: P, let N: Int>`
pub(super) fn optional_generic_params(p: &mut Parser) {
    if !p.at_l_angle() {
        return;
    }
    let marker = p.start();
    let opener = p.offset();
    p.bump_l_angle();
    loop {
        if p.at_r_angle() {
            if p.prev_end() == opener + 1 {
                p.error(
                    "expected-generic-parameter",
                    "expected an identifier to name generic parameter",
                );
            }
            break;
        }
        let param = p.start();
        attributes(p);
        p.eat_contextual(EACH_KW);
        p.eat(LET_KW);
        if !p.at(IDENT) {
            p.error(
                "expected-generic-parameter",
                "expected an identifier to name generic parameter",
            );
            break;
        }
        p.bump();
        if p.at_operator("...") {
            p.bump_as(ELLIPSIS);
        }
        if p.eat(COLON) {
            type_(p);
        }
        p.finish(param, GENERIC_PARAM);
        if !p.eat(COMMA) {
            break;
        }
    }
    where_clause(p);
    close_angle(p, opener, "expected '>' to complete generic parameter list");
    p.finish(marker, GENERIC_PARAM_LIST);
}

fn close_angle(p: &mut Parser, opener: u32, message: &str) -> bool {
    if p.at_r_angle() {
        p.bump_prefix(1, R_ANGLE);
        return true;
    }
    p.error("expected-closing", message);
    p.note(
        "expected-closing",
        opener,
        opener + 1,
        "to match this opening '<'".to_string(),
    );
    false
}

/// `<Int, [String]>`
pub(super) fn generic_args(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump_l_angle();
    p.nested(|p| {
        while !p.at_r_angle() {
            if !type_(p) || !p.eat(COMMA) {
                break;
            }
        }
    });
    close_angle(p, opener, "expected '>' to complete generic argument list");
    p.finish(marker, GENERIC_ARG_LIST);
}

/// Parses `<…>` behind a name in an expression when it reads as generic arguments, as Swift decides by the token
/// that follows. Otherwise the `<` is an operator.
pub(super) fn generic_args_in_expr(p: &mut Parser) -> bool {
    if !p.at_l_angle()
        || p.pos < p.no_generics_before
        || !super::types::nth_type_start(p, 1) && p.token_text() == "<"
    {
        return false;
    }
    let mut reached = p.pos;
    let ok = p.speculate(|p| {
        generic_args(p);
        reached = p.pos;
        !p.failed && after_generic_args(p)
    });
    if !ok && reached > p.pos + 1000 {
        // A long attempt that failed would fail again from every place inside of it.
        p.no_generics_before = reached;
    }
    ok
}

fn after_generic_args(p: &Parser) -> bool {
    match p.current() {
        R_PAREN | R_BRACKET | L_BRACE | R_BRACE | DOT | COMMA | SEMICOLON | EOF | POSTFIX_BANG
        | POSTFIX_QUESTION | COLON | INTERPOLATION_END => true,
        L_PAREN | L_BRACKET => !p.newline_before(),
        BINARY_OP => p.token_text() == "&" && p.nth_space(0) || p.token_text().starts_with('?'),
        _ => false,
    }
}

/// `where T: P, T.Element == Int`
pub(super) fn where_clause(p: &mut Parser) {
    if !p.at(WHERE_KW) {
        return;
    }
    let marker = p.start();
    p.bump();
    loop {
        let requirement = p.start();
        attributes(p);
        if !type_or(p, "expected type") {
            p.finish(requirement, GENERIC_REQUIREMENT);
            break;
        }
        if p.eat(COLON) {
            type_(p);
        } else if p.is_operator() && p.token_text() == "==" {
            p.bump_as(EQ_EQ);
            type_(p);
        } else {
            p.error(
                "expected-requirement",
                "expected ':' or '==' to indicate a conformance or same-type requirement",
            );
        }
        if p.at(L_PAREN) && !p.newline_before() {
            // A layout constraint with its size: `_Trivial(64)`.
            p.skip_balanced();
        }
        p.finish(requirement, GENERIC_REQUIREMENT);
        if !p.eat(COMMA) {
            break;
        }
    }
    p.finish(marker, WHERE_CLAUSE);
}
