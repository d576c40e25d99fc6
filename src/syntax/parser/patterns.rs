//! Patterns: what binds in `let`, `for` and closures, and what matches in `case` and `catch`.

use super::Parser;
use super::types::type_;
use crate::syntax::kind::SyntaxKind::*;

/// A pattern that only binds names: `x`, `_`, `(a, b)`.
pub(super) fn binding_pattern(p: &mut Parser) -> bool {
    let marker = p.start();
    match p.current() {
        UNDERSCORE => {
            p.bump();
            p.finish(marker, WILDCARD_PATTERN);
        }
        // `if let self` rebinds it.
        THIS_KW => {
            let inner = p.start();
            p.bump();
            p.finish(inner, NAME);
            p.finish(marker, IDENT_PATTERN);
        }
        IDENT => {
            name(p);
            p.finish(marker, IDENT_PATTERN);
        }
        L_PAREN => p.nested(|p| tuple_pattern(p, true)),
        LET_KW | VAR_KW | INOUT_KW => {
            p.bump();
            reject_nested_binding(p);
            p.nested(|p| {
                binding_pattern(p);
            });
            p.finish(marker, VALUE_BINDING_PATTERN);
        }
        kind if kind.is_keyword() && !p.at_any(&[IN_KW, WHERE_KW, IF_KW, ELSE_KW]) => {
            let text = p.token_text().to_string();
            let (start, end) = (p.offset(), p.offset() + text.len() as u32);
            p.error(
                "keyword-as-identifier",
                format!("keyword '{text}' cannot be used as an identifier here"),
            );
            p.note(
                "keyword-as-identifier",
                start,
                end,
                "if this name is unavoidable, use backticks to escape it".to_string(),
            );
            p.fixit("keyword-as-identifier", start, end, &format!("`{text}`"));
            name(p);
            p.finish(marker, IDENT_PATTERN);
        }
        _ => {
            p.error("expected-pattern", "expected pattern");
            return false;
        }
    }
    true
}

/// Wraps the current token as a `NAME`.
pub(super) fn name(p: &mut Parser) {
    let marker = p.start();
    p.bump_name();
    p.finish(marker, NAME);
}

fn tuple_pattern(p: &mut Parser, binding: bool) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.in_brackets(|p| {
        while !p.at_any(&[R_PAREN, EOF]) {
            let element = p.start();
            if p.at_label() {
                p.bump_name();
                p.bump();
            }
            let ok = if binding {
                binding_pattern(p)
            } else {
                match_pattern(p, MatchMode::default())
            };
            p.finish(element, TUPLE_PATTERN_ELEMENT);
            if !ok || !p.eat(COMMA) {
                break;
            }
        }
    });
    p.expect_closing(R_PAREN, opener, "expected ')' at end of tuple pattern");
    p.finish(marker, TUPLE_PATTERN);
}

/// How a matching pattern is read.
#[derive(Clone, Copy, Default)]
pub(super) struct MatchMode {
    /// A `let` or `var` stands before: bare names bind.
    pub(super) binding: bool,
}

/// A pattern behind `case` or `catch`, or inside of one.
pub(super) fn match_pattern(p: &mut Parser, mode: MatchMode) -> bool {
    let marker = p.start();
    let mut ok = true;
    p.nested(|p| ok = match_pattern_inner(p, mode));
    if !ok {
        return false;
    }
    loop {
        match p.current() {
            POSTFIX_QUESTION => {
                p.bump();
                p.finish(marker, OPTIONAL_PATTERN);
            }
            AS_KW => {
                p.bump();
                type_(p);
                p.finish(marker, AS_PATTERN);
            }
            _ => return true,
        }
    }
}

/// Reports a `var` or `immutable` here, inside of another one.
pub(super) fn reject_nested_binding(p: &mut Parser) {
    if p.at_any(&[LET_KW, VAR_KW]) {
        let word = p.token_text();
        let immutable = LET_KW.static_text(p.options.dialect).unwrap_or_default();
        p.error(
            "nested-binding-pattern",
            format!("'{word}' cannot appear nested inside another 'var' or '{immutable}' pattern"),
        );
    }
}

fn match_pattern_inner(p: &mut Parser, mode: MatchMode) -> bool {
    let marker = p.start();
    match p.current() {
        LET_KW | VAR_KW | INOUT_KW => {
            if mode.binding {
                reject_nested_binding(p);
            }
            p.bump();
            let ok = match_pattern(p, MatchMode { binding: true });
            p.finish(marker, VALUE_BINDING_PATTERN);
            return ok;
        }
        IDENT
            if matches!(
                p.contextual(),
                Some(BORROWING_KW | UNDERSCORED_BORROWING_KW)
            ) && p.nth(1) == IDENT
                && !p.nth_newline(1) =>
        {
            let kind = p.contextual().unwrap_or(IDENT);
            p.bump_as(kind);
            let ok = match_pattern(p, MatchMode { binding: true });
            p.finish(marker, VALUE_BINDING_PATTERN);
            return ok;
        }
        IS_KW => {
            p.bump();
            type_(p);
            p.finish(marker, IS_PATTERN);
            return true;
        }
        UNDERSCORE if p.nth(1) != DOT => {
            p.bump();
            p.finish(marker, WILDCARD_PATTERN);
            return true;
        }
        IDENT if mode.binding && ends_pattern(p, 1) => {
            name(p);
            p.finish(marker, IDENT_PATTERN);
            return true;
        }
        L_PAREN => {
            let close = p.partner_of(p.pos).map(|close| close - p.pos + 1);
            if close.is_none_or(|n| ends_pattern(p, n)) {
                match_tuple(p, mode);
                return true;
            }
        }
        DOT | IDENT | SELF_TYPE_KW => {
            if let Some(payload) = enum_case_shape(p) {
                enum_case(p, payload, mode);
                return true;
            }
        }
        _ => {}
    }
    let before = p.offset();
    let saved = (
        std::mem::replace(&mut p.no_assignment, true),
        std::mem::replace(&mut p.no_trailing_closure, true),
    );
    let ok = super::exprs::expr_or(p, "expected pattern");
    (p.no_assignment, p.no_trailing_closure) = saved;
    if p.offset() != before {
        p.finish(marker, EXPR_PATTERN);
    }
    ok
}

fn match_tuple(p: &mut Parser, mode: MatchMode) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.in_brackets(|p| {
        while !p.at_any(&[R_PAREN, EOF]) {
            let element = p.start();
            if p.at_label() {
                p.bump_name();
                p.bump();
            }
            let ok = match_pattern(p, mode);
            p.finish(element, TUPLE_PATTERN_ELEMENT);
            if !ok || !p.eat(COMMA) {
                break;
            }
        }
    });
    p.expect_closing(R_PAREN, opener, "expected ')' at end of tuple pattern");
    p.finish(marker, TUPLE_PATTERN);
}

/// Whether a pattern that goes up to `n` places ahead is complete there.
fn ends_pattern(p: &Parser, n: usize) -> bool {
    let mut n = n;
    while p.nth(n) == POSTFIX_QUESTION {
        n += 1;
    }
    match p.nth(n) {
        COLON | COMMA | WHERE_KW | EQ | R_PAREN | R_BRACKET | IN_KW | L_BRACE | AS_KW | EOF
        | SEMICOLON => true,
        _ => p.nth_newline(n),
    }
}

/// Recognises `.name`, `T.name` and `T<U>.name`, each with an optional payload, when nothing else follows.
/// Returns whether a payload is there.
fn enum_case_shape(p: &mut Parser) -> Option<bool> {
    let mut n = 0;
    let mut dots = 0;
    if p.nth(0) != DOT {
        n = 1;
        if p.nth_l_angle(1) {
            return None;
        }
    }
    while p.nth(n) == DOT {
        if !(p.nth_is_name(n + 1)) {
            return None;
        }
        n += 2;
        dots += 1;
    }
    if dots == 0 {
        return None;
    }
    if p.nth(n) == L_PAREN && !p.nth_newline(n) {
        let close = p.partner_of(p.pos + n)?;
        return ends_pattern(p, close - p.pos + 1).then_some(true);
    }
    ends_pattern(p, n).then_some(false)
}

fn enum_case(p: &mut Parser, payload: bool, mode: MatchMode) {
    let marker = p.start();
    let path = p.start();
    if p.at(DOT) {
        p.bump();
        p.bump_name();
        p.finish(path, IMPLICIT_MEMBER_EXPR);
    } else {
        p.bump();
        p.finish(path, IDENT_EXPR);
    }
    while p.at(DOT) {
        p.bump();
        p.bump_name();
        p.finish(path, MEMBER_EXPR);
    }
    if payload {
        p.nested(|p| match_tuple(p, mode));
    }
    p.finish(marker, ENUM_CASE_PATTERN);
}
