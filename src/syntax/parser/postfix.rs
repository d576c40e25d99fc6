//! What follows an operand: members, calls, subscripts, trailing closures, `?`, `!` and postfix operators.

use super::closures::closure;
use super::exprs::expr;
use super::primary::primary;
use super::{CHAIN_LIMIT, Parser};
use crate::syntax::kind::SyntaxKind::{self, *};

/// A primary expression with its suffixes.
pub(super) fn postfix_expr(p: &mut Parser, message: &str) -> bool {
    let marker = p.start();
    let Some(kind) = primary(p, message) else {
        return false;
    };
    suffixes(p, marker, kind);
    true
}

/// Parses suffixes behind the expression that began at `marker`.
pub(super) fn suffixes(p: &mut Parser, marker: super::Marker, kind: SyntaxKind) {
    let mut kind = kind;
    for count in 0.. {
        if p.one_line && p.newline_before() {
            return;
        }
        if count >= CHAIN_LIMIT {
            p.too_deep();
            return;
        }
        kind = match p.current() {
            DOT => {
                p.bump();
                member_name(p);
                p.finish(marker, MEMBER_EXPR);
                specialize(p, marker);
                MEMBER_EXPR
            }
            L_PAREN if !p.newline_before() => {
                argument_list(p);
                trailing_closures(p, CALL_EXPR);
                p.finish(marker, CALL_EXPR);
                CALL_EXPR
            }
            L_BRACKET if !p.newline_before() => {
                subscript_arguments(p);
                trailing_closures(p, SUBSCRIPT_EXPR);
                p.finish(marker, SUBSCRIPT_EXPR);
                SUBSCRIPT_EXPR
            }
            L_BRACE if !never_called(kind) && at_trailing_closure(p) => {
                trailing_closures(p, CALL_EXPR);
                p.finish(marker, CALL_EXPR);
                CALL_EXPR
            }
            POSTFIX_QUESTION => {
                p.bump();
                p.finish(marker, OPTIONAL_CHAIN_EXPR);
                OPTIONAL_CHAIN_EXPR
            }
            POSTFIX_BANG => {
                p.bump();
                p.finish(marker, FORCE_UNWRAP_EXPR);
                FORCE_UNWRAP_EXPR
            }
            POSTFIX_OP => {
                p.bump();
                p.finish(marker, POSTFIX_EXPR);
                POSTFIX_EXPR
            }
            POUND_IF if super::if_config::at_postfix_if_config(p) => {
                super::if_config::if_config(p, super::if_config::Context::Postfix);
                p.finish(marker, POSTFIX_IF_CONFIG_EXPR);
                POSTFIX_IF_CONFIG_EXPR
            }
            _ => return,
        };
    }
}

/// Literals, collections and tuples have no trailing closures.
fn never_called(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        INTEGER_LITERAL
            | FLOAT_LITERAL
            | STRING_LITERAL
            | BOOL_LITERAL
            | NIL_LITERAL
            | REGEX_LITERAL
            | ARRAY_EXPR
            | DICTIONARY_EXPR
            | TUPLE_EXPR
            | PAREN_EXPR
            | IF_EXPR
            | SWITCH_EXPR
            | DO_EXPR
            | WILDCARD_EXPR
            | KEY_PATH_EXPR
    )
}

/// The name behind a dot, with argument labels as in `f(a:b:)`.
pub(super) fn member_name(p: &mut Parser) {
    match p.current() {
        INT_NUMBER => p.bump(),
        kind @ (THIS_KW | INIT_KW) => {
            p.bump_as(kind);
            decl_name_args(p);
        }
        kind if kind == IDENT || kind.is_keyword() => {
            if kind.is_keyword() && p.newline_before() && p.at_statement_keyword() {
                p.error_after("expected-member-name", "expected member name following '.'");
                return;
            }
            p.bump_name();
            decl_name_args(p);
        }
        FLOAT_NUMBER | DOLLAR_IDENT => {
            p.error("expected-member-name", "expected member name following '.'");
            p.bump();
        }
        _ => p.error("expected-member-name", "expected member name following '.'"),
    }
}

/// `(a:b:)` behind a function's name: labels only, no values.
pub(super) fn decl_name_args(p: &mut Parser) {
    if !p.at(L_PAREN) || p.nth_space(0) {
        return;
    }
    let Some(close) = p.partner_of(p.pos) else {
        return;
    };
    let close = close - p.pos;
    if close == 1 || close.is_multiple_of(2) {
        return;
    }
    let labels = (1..close)
        .step_by(2)
        .all(|n| (p.nth_is_name(n) || p.nth(n) == UNDERSCORE) && p.nth(n + 1) == COLON);
    if !labels {
        return;
    }
    let marker = p.start();
    p.bump();
    while !p.at(R_PAREN) {
        if p.at(UNDERSCORE) {
            p.bump();
        } else {
            p.bump_name();
        }
        p.bump();
    }
    p.bump();
    p.finish(marker, DECL_NAME_ARGS);
}

/// Wraps what began at `marker` when generic arguments follow.
pub(super) fn specialize(p: &mut Parser, marker: super::Marker) {
    if super::generics::generic_args_in_expr(p) {
        p.finish(marker, SPECIALIZE_EXPR);
    }
}

/// `(a, label: b, &c)`
pub(super) fn argument_list(p: &mut Parser) {
    arguments(p, R_PAREN, "expected ')' in expression list");
}

/// `[a, label: b]`
pub(super) fn subscript_arguments(p: &mut Parser) {
    arguments(p, R_BRACKET, "expected ']' in expression list");
}

fn arguments(p: &mut Parser, closing: SyntaxKind, message: &str) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.nested(|p| {
        p.in_brackets(|p| {
            argument_sequence(p, closing);
        })
    });
    close_arguments(p, closing, opener, message);
    p.finish(marker, ARGUMENT_LIST);
}

/// Takes the closing bracket; otherwise reports it and skips what cannot belong to anything else.
pub(super) fn close_arguments(p: &mut Parser, closing: SyntaxKind, opener: u32, message: &str) {
    if p.at(closing) {
        return p.bump();
    }
    p.expect_closing(closing, opener, message);
    if !p.speculating && p.partner_has_closing(closing, opener) && !p.newline_before() {
        p.skip_to_closing(closing);
        p.eat(closing);
    }
}

impl Parser<'_> {
    /// Whether the bracket that opened at `opener` is closed at or after the current token.
    fn partner_has_closing(&self, closing: SyntaxKind, opener: u32) -> bool {
        let index = self.tokens.partition_point(|token| token.start < opener);
        self.partner_of(index)
            .is_some_and(|close| close >= self.pos && self.token(close).kind == closing)
    }
}

/// The arguments up to the closing bracket. Says whether a comma stands among them.
pub(super) fn argument_sequence(p: &mut Parser, closing: SyntaxKind) -> bool {
    let mut commas = false;
    while !p.at(closing) && !p.at(EOF) {
        let before = p.pos;
        let argument = p.start();
        if p.at_label() {
            if p.at(UNDERSCORE) {
                p.bump();
            } else {
                p.bump_name();
            }
            p.bump();
        }
        let ok = expr(p);
        if p.pos != before {
            p.finish(argument, ARGUMENT);
        }
        if !p.eat(COMMA) {
            break;
        }
        commas = true;
        if !ok && p.pos == before {
            break;
        }
    }
    commas
}

/// Whether the `{` here is a closure that belongs to the expression before it.
pub(super) fn at_trailing_closure(p: &Parser) -> bool {
    if p.one_line || super::accessors::at_accessor_block(p) {
        return false;
    }
    if !p.no_trailing_closure {
        return true;
    }
    // In a condition the braces are the body, unless what follows them can only go on with the condition.
    let Some(close) = p.partner_of(p.pos) else {
        return false;
    };
    let next = close - p.pos + 1;
    if p.nth_newline(next) {
        return false;
    }
    matches!(
        p.nth(next),
        L_BRACE
            | WHERE_KW
            | COMMA
            | L_BRACKET
            | L_PAREN
            | DOT
            | IS_KW
            | AS_KW
            | POSTFIX_QUESTION
            | QUESTION
            | POSTFIX_BANG
            | COLON
            | EQ
            | BINARY_OP
            | POSTFIX_OP
    )
}

/// One unlabelled closure, and labelled ones after it.
fn trailing_closures(p: &mut Parser, _callee: SyntaxKind) {
    if !p.at(L_BRACE) || !at_trailing_closure(p) {
        return;
    }
    closure(p);
    while (p.nth_is_name(0) || p.at(UNDERSCORE)) && p.nth(1) == COLON && p.nth(2) == L_BRACE {
        // In a switch, `default: {` begins the next case.
        if p.at_any(&[DEFAULT_KW, CASE_KW]) {
            break;
        }
        // A label behind a closure in a ternary, `c ? f { } : x`, has no brace behind its colon.
        let marker = p.start();
        if p.at(UNDERSCORE) {
            p.bump();
        } else {
            p.bump_name();
        }
        p.bump();
        closure(p);
        p.finish(marker, LABELED_TRAILING_CLOSURE);
    }
}
