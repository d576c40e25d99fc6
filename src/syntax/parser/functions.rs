//! Functions, initialisers, subscripts, macros: their parameters, effects and bodies.

use super::Parser;
use super::attributes::attributes;
use super::generics::{optional_generic_params, where_clause};
use super::types::{type_, type_or};
use crate::syntax::kind::SyntaxKind::*;

/// `fn name<T>(parameters) async throws -> T where … { }`
pub(super) fn fn_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    let name_start = p.offset();
    let mut name_end = p.offset();
    if p.is_operator() || p.at_any(&[AMP, QUESTION, POSTFIX_QUESTION, POSTFIX_BANG]) {
        let name = p.start();
        let text = p.token_text();
        // In `fn <<T>(…)` the last `<` opens the generic parameters.
        if text.len() > 1 && text.ends_with('<') && p.nth(1) == IDENT && !p.nth_space(1) {
            p.bump_prefix(text.len() as u32 - 1, BINARY_OP);
        } else {
            p.bump();
        }
        name_end = p.prev_end();
        p.finish(name, NAME);
    } else if super::decls::decl_name(p, "function") {
        name_end = p.prev_end();
    }
    optional_generic_params(p);
    let errors = p.error_count();
    if p.at(L_PAREN) {
        params(p, R_PAREN);
    } else {
        p.error(
            "expected-paren",
            "expected '(' in argument list of function declaration",
        );
    }
    effects(p);
    if p.at(ARROW) {
        return_clause(p, "expected type for function result");
        late_effects(p);
    }
    where_clause(p);
    if p.at(L_BRACE) {
        body(p);
    } else if !p.bodiless
        && p.error_count() == errors
        && (p.newline_before() || p.at_any(&[EOF, R_BRACE, SEMICOLON, POUND_ENDIF]))
    {
        p.error_range(
            "expected-body",
            name_start,
            name_end,
            "expected '{' in body of function declaration",
        );
    } else if !p.bodiless && p.error_count() == errors {
        p.error(
            "expected-body",
            "expected '{' in body of function declaration",
        );
    }
    p.finish(marker, FN_DECL);
}

fn body(p: &mut Parser) {
    let saved = std::mem::take(&mut p.in_coroutine);
    let bodiless = std::mem::take(&mut p.bodiless);
    super::stmts::block(p, "expected '{' in body of function declaration");
    p.bodiless = bodiless;
    p.in_coroutine = saved;
}

/// `throws` behind `->` is reported where it stands and taken.
fn late_effects(p: &mut Parser) {
    if p.at_any(&[THROWS_KW, RETHROWS_KW])
        || p.at_contextual(ASYNC_KW) && !p.newline_before() && !matches!(p.nth(1), LET_KW | VAR_KW)
    {
        let word = p.token_text();
        p.error("misplaced-effect", format!("'{word}' must precede '->'"));
        effects(p);
    }
}

pub(super) fn init_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    if p.at_any(&[POSTFIX_QUESTION, POSTFIX_BANG]) {
        p.bump();
    }
    optional_generic_params(p);
    if p.at(L_PAREN) {
        params(p, R_PAREN);
    } else {
        p.error("expected-paren", "expected '(' for initializer parameters");
    }
    effects(p);
    if p.at(ARROW) {
        p.error(
            "initializer-result",
            "initializers cannot have a result type",
        );
        return_clause(p, "expected type");
    }
    where_clause(p);
    if p.at(L_BRACE) {
        body(p);
    }
    p.finish(marker, INIT_DECL);
}

pub(super) fn deinit_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    if p.at(L_PAREN) {
        p.error(
            "deinit-parameters",
            "no parameter clause allowed on deinitializer",
        );
        let error = p.start();
        p.skip_balanced();
        p.finish(error, ERROR);
    }
    effects(p);
    if p.at(L_BRACE) {
        body(p);
    } else if !p.bodiless {
        p.error("expected-body", "expected '{' for deinitializer");
    }
    p.finish(marker, DEINIT_DECL);
}

pub(super) fn subscript_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    optional_generic_params(p);
    if p.at(L_PAREN) {
        params(p, R_PAREN);
    } else {
        p.error("expected-paren", "expected '(' for subscript parameters");
    }
    if p.at(ARROW) {
        return_clause(p, "expected subscripting element type");
    } else {
        p.error("expected-arrow", "expected '->' for subscript element type");
    }
    where_clause(p);
    if p.at(L_BRACE) {
        super::accessors::accessor_block(p);
    } else if !p.bodiless {
        p.error(
            "expected-brace",
            "expected '{' in subscript to specify getter and setter implementation",
        );
    }
    p.finish(marker, SUBSCRIPT_DECL);
}

/// `macro name(parameters) -> T = #externalMacro(…)`
pub(super) fn macro_decl(p: &mut Parser, marker: super::Marker) {
    p.bump_as(MACRO_KW);
    super::decls::decl_name(p, "macro");
    optional_generic_params(p);
    if p.at(L_PAREN) {
        params(p, R_PAREN);
    } else {
        p.error("expected-paren", "expected '(' for macro parameters");
    }
    if p.at(ARROW) {
        return_clause(p, "expected type for macro result");
    }
    if p.at(EQ) {
        let init = p.start();
        p.bump();
        super::exprs::expr_or(p, "expected macro definition");
        p.finish(init, INITIALIZER);
    }
    where_clause(p);
    p.finish(marker, MACRO_DECL);
}

/// `async throws(E)`; nothing is added where there are none.
pub(super) fn effects(p: &mut Parser) {
    let at_effect = |p: &Parser| {
        p.at_any(&[THROWS_KW, RETHROWS_KW])
            || (p.at(IDENT)
                && matches!(p.contextual(), Some(ASYNC_KW | REASYNC_KW))
                && !(p.newline_before() && matches!(p.nth(1), LET_KW | VAR_KW))
                && !matches!(p.nth(1), LET_KW | VAR_KW | COLON))
    };
    if !at_effect(p) {
        return;
    }
    let marker = p.start();
    let mut throws = None;
    while at_effect(p) {
        match p.current() {
            THROWS_KW => {
                throws = Some("throws");
                let clause = p.start();
                p.bump();
                if p.at(L_PAREN) && !p.newline_before() {
                    let opener = p.offset();
                    p.bump();
                    type_or(p, "expected thrown error type after 'throws('");
                    p.expect_closing(R_PAREN, opener, "expected ')' after thrown error type");
                }
                p.finish(clause, THROWS_CLAUSE);
            }
            RETHROWS_KW => {
                throws = Some("rethrows");
                p.bump();
            }
            _ => {
                if let Some(throws) = throws {
                    let word = p.token_text();
                    p.error("effect-order", format!("'{word}' must precede '{throws}'"));
                }
                let kind = p.contextual().unwrap_or(IDENT);
                p.bump_as(kind);
            }
        }
    }
    p.finish(marker, EFFECTS);
}

/// `-> T`
pub(super) fn return_clause(p: &mut Parser, message: &str) {
    let marker = p.start();
    p.bump();
    type_or(p, message);
    p.finish(marker, RETURN_CLAUSE);
}

/// `(label name: T = default, …)`
pub(super) fn params(p: &mut Parser, closing: crate::syntax::SyntaxKind) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.in_brackets(|p| {
        while !p.at_any(&[R_PAREN, EOF]) {
            if !param(p) || !p.eat(COMMA) {
                break;
            }
        }
    });
    super::postfix::close_arguments(p, closing, opener, "expected ')' in parameter list");
    p.finish(marker, PARAM_LIST);
}

fn param(p: &mut Parser) -> bool {
    let marker = p.start();
    attributes(p);
    let name = |p: &Parser, n: usize| p.nth_is_name(n) || p.nth(n) == UNDERSCORE;
    // `isolated x: T` in the old place of a specifier.
    if p.at(INOUT_KW) && name(p, 1) {
        p.error("parameter-specifier", "'inout' before a parameter name is not allowed, place it before the parameter type instead");
        p.bump();
    } else if p.at(IDENT)
        && matches!(
            p.contextual(),
            Some(
                ISOLATED_KW
                    | CONST_KW
                    | OWNED_KW
                    | SHARED_KW
                    | SENDING_KW
                    | BORROWING_KW
                    | CONSUMING_KW
            )
        )
        && name(p, 1)
        && name(p, 2)
    {
        let kind = p.contextual().unwrap_or(IDENT);
        p.bump_as(kind);
    }
    if !name(p, 0) {
        p.error(
            "expected-parameter-name",
            "expected parameter name followed by ':'",
        );
        return false;
    }
    let mut named = 0;
    while named < 2 && name(p, 0) && !p.at(COLON) {
        if p.at(UNDERSCORE) {
            p.bump();
        } else {
            p.bump_name();
        }
        named += 1;
    }
    let mut ok;
    if p.eat(COLON) {
        ok = type_(p);
    } else {
        let message = if named == 2 {
            "expected ':' following argument label and parameter name"
        } else {
            "expected parameter name followed by ':'"
        };
        p.error("expected-colon", message);
        ok = false;
        if super::types::nth_type_start(p, 0) && !p.newline_before() {
            ok = type_(p);
        } else if p.at_any(&[COMMA, R_PAREN]) {
            ok = true;
        }
    }
    if p.is_operator() && p.token_text() == "..." {
        p.bump_as(ELLIPSIS);
    }
    if p.at(EQ) || p.is_operator() && p.token_text() == "==" {
        let init = p.start();
        if p.at(EQ) {
            p.bump();
        } else {
            p.error(
                "expected-equal",
                "expected '=' before default value of parameter",
            );
            p.bump_as(EQ);
        }
        super::exprs::expr_or(p, "expected expression after '='");
        p.finish(init, INITIALIZER);
    }
    p.finish(marker, PARAM);
    ok
}
