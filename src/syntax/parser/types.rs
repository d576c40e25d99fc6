//! Types.

use super::attributes::type_attribute;
use super::generics::generic_args;
use super::{Marker, Parser};
use crate::syntax::kind::SyntaxKind::{self, *};

/// Parses a type; reports `message` where there is none.
pub(super) fn type_or(p: &mut Parser, message: &str) -> bool {
    if !at_type_start(p) {
        p.error("expected-type", message);
        return false;
    }
    p.nested(type_inner);
    true
}

/// Parses a type.
pub(super) fn type_(p: &mut Parser) -> bool {
    type_or(p, "expected type")
}

/// Whether the token `n` places ahead can begin a type.
pub(super) fn nth_type_start(p: &Parser, n: usize) -> bool {
    match p.nth(n) {
        IDENT | SELF_TYPE_KW | ANY_TYPE_KW | L_PAREN | L_BRACKET | AT | INOUT_KW | UNDERSCORE
        | REPEAT_KW => true,
        PREFIX_OP => matches!(p.nth_text(n), "~" | "-") || p.nth_text(n).starts_with('~'),
        INT_NUMBER | CLASS_KW => true,
        _ => false,
    }
}

fn at_type_start(p: &Parser) -> bool {
    nth_type_start(p, 0)
}

/// The word `n` places ahead if it qualifies a type, as `borrowing` in `borrowing T`.
pub(super) fn type_specifier(p: &Parser) -> Option<SyntaxKind> {
    if p.at(INOUT_KW) {
        return Some(INOUT_KW);
    }
    if !p.at(IDENT) {
        return None;
    }
    let kind = p.contextual()?;
    let specifier = matches!(
        kind,
        BORROWING_KW
            | CONSUMING_KW
            | OWNED_KW
            | SHARED_KW
            | SENDING_KW
            | ISOLATED_KW
            | NONISOLATED_KW
            | CONST_KW
            | RESULT_DEPENDS_KW
            | UNDERSCORED_BORROWING_KW
    );
    if !specifier {
        return None;
    }
    if kind == NONISOLATED_KW {
        return (p.nth(1) == L_PAREN && p.nth_text(2) == "nonsending").then_some(kind);
    }
    let word_follows = match p.nth(1) {
        IDENT | SELF_TYPE_KW | ANY_TYPE_KW | L_PAREN | L_BRACKET | AT | INOUT_KW | REPEAT_KW => {
            true
        }
        PREFIX_OP => p.nth_text(1) == "~",
        _ => false,
    };
    (word_follows && !p.nth_newline(1)).then_some(kind)
}

fn type_inner(p: &mut Parser) {
    let marker = p.start();
    if p.at(AT) || type_specifier(p).is_some() {
        while p.at(AT) || type_specifier(p).is_some() {
            if p.at(AT) {
                type_attribute(p);
                continue;
            }
            let specifier = p.start();
            if let Some(kind) = type_specifier(p) {
                p.bump_as(kind);
            }
            if p.at(L_PAREN) && p.nth_text(1) == "nonsending" {
                p.skip_balanced();
            }
            p.finish(specifier, TYPE_SPECIFIER);
        }
        type_(p);
        return p.finish(marker, ATTRIBUTED_TYPE);
    }
    if p.at(REPEAT_KW) {
        p.bump();
        type_(p);
        return p.finish(marker, PACK_EXPANSION_TYPE);
    }
    let tuple = p.at(L_PAREN);
    simple_type(p);
    composition_rest(p, marker);
    if at_function_arrow(p) {
        if !tuple {
            p.error(
                "function-type-parentheses",
                "single argument function types require parentheses",
            );
        }
        super::functions::effects(p);
        if p.expect(ARROW, "expected-arrow", "expected '->' in function type") {
            type_or(p, "expected type for function result");
        }
        p.finish(marker, FUNCTION_TYPE);
    }
}

/// Whether `->` follows, directly or behind `async` and `throws`.
fn at_function_arrow(p: &Parser) -> bool {
    let mut n = 0;
    loop {
        match p.nth(n) {
            ARROW => return true,
            IDENT if matches!(p.nth_contextual(n), Some(ASYNC_KW | REASYNC_KW)) => n += 1,
            RETHROWS_KW => n += 1,
            THROWS_KW => {
                n += 1;
                if p.nth(n) == L_PAREN && n > 0 {
                    match p.partner_of(p.pos + n) {
                        Some(close) => n = close - p.pos + 1,
                        None => return false,
                    }
                }
            }
            _ => return false,
        }
    }
}

fn at_ampersand(p: &Parser) -> bool {
    p.at(AMP) || p.at_operator("&")
}

fn composition_rest(p: &mut Parser, marker: Marker) {
    if !at_ampersand(p) || !nth_type_start(p, 1) {
        return;
    }
    while at_ampersand(p) {
        p.bump_as(AMP);
        if !at_type_start(p) {
            p.error("expected-type", "expected identifier for type name");
            break;
        }
        simple_type(p);
    }
    p.finish(marker, COMPOSITION_TYPE);
}

/// A type without `&` and `->`, with its postfix parts.
pub(super) fn simple_type(p: &mut Parser) {
    let members = !std::mem::take(&mut p.key_path_root);
    let marker = p.start();
    let word = if p.at(IDENT) && nth_type_start(p, 1) && !p.nth_newline(1) {
        p.contextual()
    } else {
        None
    };
    match word {
        Some(kind @ (SOME_KW | ANY_KW)) => {
            p.bump_as(kind);
            let inner = p.start();
            p.nested(|p| {
                simple_type(p);
                composition_rest(p, inner);
            });
            return p.finish(
                marker,
                if kind == SOME_KW {
                    OPAQUE_TYPE
                } else {
                    EXISTENTIAL_TYPE
                },
            );
        }
        Some(EACH_KW) => {
            p.bump_as(EACH_KW);
            p.nested(simple_type);
            return p.finish(marker, PACK_ELEMENT_TYPE);
        }
        _ => {}
    }
    match p.current() {
        IDENT | SELF_TYPE_KW | ANY_TYPE_KW => {
            p.bump();
            optional_generic_args(p);
            p.finish(marker, NAMED_TYPE);
        }
        UNDERSCORE => {
            p.bump();
            p.finish(marker, WILDCARD_TYPE);
        }
        CLASS_KW => {
            p.bump();
            return p.finish(marker, CLASS_CONSTRAINT_TYPE);
        }
        L_PAREN => p.nested(tuple_type),
        L_BRACKET => p.nested(bracket_type),
        PREFIX_OP if p.starts_with(b'~') => {
            p.bump_prefix(1, TILDE);
            p.nested(|p| {
                if at_type_start(p) || p.starts_with(b'~') {
                    simple_type(p);
                } else {
                    p.error("expected-type", "expected type after '~'");
                }
            });
            return p.finish(marker, SUPPRESSED_TYPE);
        }
        PREFIX_OP if p.token_text() == "-" && p.nth(1) == INT_NUMBER => {
            p.bump_as(MINUS);
            p.bump();
            return p.finish(marker, INTEGER_TYPE);
        }
        INT_NUMBER => {
            p.bump();
            return p.finish(marker, INTEGER_TYPE);
        }
        _ => {
            p.error("expected-type", "expected type");
            return;
        }
    }
    postfix_type(p, marker, members);
}

fn optional_generic_args(p: &mut Parser) {
    if p.at_l_angle() {
        generic_args(p);
    }
}

fn postfix_type(p: &mut Parser, marker: Marker, members: bool) {
    loop {
        match p.current() {
            DOT if !members || p.one_line && p.newline_before() => break,
            DOT => {
                if matches!(p.nth_contextual(1), Some(TYPE_KW | PROTOCOL_TYPE_KW)) {
                    p.bump();
                    let kind = p.contextual().unwrap_or(IDENT);
                    p.bump_as(kind);
                    p.finish(marker, METATYPE_TYPE);
                } else if p.nth_is_name(1) && !matches!(p.nth(1), THIS_KW | INIT_KW) {
                    p.bump();
                    p.bump_name();
                    optional_generic_args(p);
                    p.finish(marker, MEMBER_TYPE);
                } else if matches!(p.nth(1), THIS_KW | INIT_KW) || p.nth(1) == L_PAREN {
                    break;
                } else {
                    p.bump();
                    p.error("expected-member-type", "expected member name following '.'");
                    p.finish(marker, MEMBER_TYPE);
                    break;
                }
            }
            POSTFIX_QUESTION => {
                p.bump();
                p.finish(marker, OPTIONAL_TYPE);
            }
            POSTFIX_BANG => {
                p.bump();
                p.finish(marker, IUO_TYPE);
            }
            _ => break,
        }
    }
}

/// `(T, label: U)`: a tuple, a parenthesised type or a function's parameters.
fn tuple_type(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.in_brackets(|p| {
        while !p.at_any(&[R_PAREN, EOF]) {
            if !tuple_type_element(p) {
                break;
            }
            if !p.eat(COMMA) {
                break;
            }
        }
    });
    if !p.at(R_PAREN) {
        p.error("expected-closing", "expected ')' at end of tuple list");
        p.note(
            "expected-closing",
            opener,
            opener + 1,
            "to match this opening '('".to_string(),
        );
        if !p.speculating {
            p.skip_to_closing(R_PAREN);
        }
    }
    p.eat(R_PAREN);
    p.finish(marker, TUPLE_TYPE);
}

fn tuple_type_element(p: &mut Parser) -> bool {
    let marker = p.start();
    let named = |p: &Parser, n: usize| p.nth_is_name(n) || p.nth(n) == UNDERSCORE;
    if named(p, 0) && p.nth(1) == COLON {
        name_or_wildcard(p);
        p.bump();
    } else if named(p, 0)
        && named(p, 1)
        && p.nth(2) == COLON
        && type_specifier(p).is_none_or(|_| p.nth(2) == COLON)
    {
        name_or_wildcard(p);
        name_or_wildcard(p);
        p.bump();
    }
    let ok = type_(p);
    if p.is_operator() && p.token_text() == "..." {
        p.bump_as(ELLIPSIS);
    }
    if p.at(EQ) {
        let init = p.start();
        p.bump();
        super::exprs::expr(p);
        p.finish(init, INITIALIZER);
    }
    p.finish(marker, TUPLE_TYPE_ELEMENT);
    ok
}

fn name_or_wildcard(p: &mut Parser) {
    if p.at(UNDERSCORE) {
        p.bump();
    } else {
        p.bump_name();
    }
}

/// `[T]`, `[K: V]` or `[3 of T]`.
fn bracket_type(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    let mut kind = ARRAY_TYPE;
    type_or(p, "expected element type");
    if p.eat(COLON) {
        kind = DICTIONARY_TYPE;
        type_or(p, "expected dictionary value type");
    } else if p.at_contextual(OF_KW) {
        kind = INLINE_ARRAY_TYPE;
        p.bump_as(OF_KW);
        type_(p);
    }
    let message = if kind == DICTIONARY_TYPE {
        "expected ']' in dictionary type"
    } else {
        "expected ']' in array type"
    };
    p.expect_closing(R_BRACKET, opener, message);
    p.finish(marker, kind);
}

/// `: T`
pub(super) fn type_annotation(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    type_(p);
    p.finish(marker, TYPE_ANNOTATION);
}
