//! Literals, names, brackets, key paths, macros.

use super::Parser;
use super::closures::closure;
use super::exprs::expr;
use super::postfix::{
    argument_list, argument_sequence, close_arguments, decl_name_args, member_name, specialize,
};
use crate::syntax::kind::SyntaxKind::{self, *};

/// Parses a primary expression and returns its kind; reports `message` where there is none.
pub(super) fn primary(p: &mut Parser, message: &str) -> Option<SyntaxKind> {
    let marker = p.start();
    let kind = match p.current() {
        IDENT | DOLLAR_IDENT => {
            p.bump();
            decl_name_args(p);
            p.finish(marker, IDENT_EXPR);
            specialize(p, marker);
            return Some(IDENT_EXPR);
        }
        SELF_TYPE_KW | ANY_TYPE_KW => {
            p.bump();
            p.finish(marker, IDENT_EXPR);
            return Some(IDENT_EXPR);
        }
        INIT_KW if matches!(p.nth(1), L_PAREN | DOT) => {
            p.bump();
            IDENT_EXPR
        }
        INT_NUMBER => {
            p.bump();
            INTEGER_LITERAL
        }
        FLOAT_NUMBER => {
            p.bump();
            FLOAT_LITERAL
        }
        STRING_START => {
            string(p);
            return Some(STRING_LITERAL);
        }
        REGEX => {
            p.bump();
            REGEX_LITERAL
        }
        TRUE_KW | FALSE_KW => {
            p.bump();
            BOOL_LITERAL
        }
        NIL_KW => {
            p.bump();
            NIL_LITERAL
        }
        THIS_KW => {
            p.bump();
            THIS_EXPR
        }
        SUPER_KW => {
            p.bump();
            if !p.at_any(&[DOT, L_BRACKET]) {
                p.error("expected-super-member", "expected '.' or '[' after 'super'");
            }
            SUPER_EXPR
        }
        UNDERSCORE => {
            p.bump();
            WILDCARD_EXPR
        }
        DOT => {
            p.bump();
            member_name(p);
            p.finish(marker, IMPLICIT_MEMBER_EXPR);
            specialize(p, marker);
            return Some(IMPLICIT_MEMBER_EXPR);
        }
        L_PAREN => {
            let mut kind = TUPLE_EXPR;
            p.nested(|p| kind = paren(p));
            return Some(kind);
        }
        L_BRACKET => {
            let mut kind = ARRAY_EXPR;
            p.nested(|p| kind = collection(p));
            return Some(kind);
        }
        L_BRACE => {
            closure(p);
            return Some(CLOSURE_EXPR);
        }
        BACKSLASH => {
            key_path(p);
            return Some(KEY_PATH_EXPR);
        }
        POUND => {
            macro_expansion(p);
            return Some(MACRO_EXPANSION_EXPR);
        }
        IF_KW => {
            super::stmts::if_expr(p);
            return Some(IF_EXPR);
        }
        SWITCH_KW => {
            super::stmts::switch_expr(p);
            return Some(SWITCH_EXPR);
        }
        DO_KW => {
            super::stmts::do_expr(p);
            return Some(DO_EXPR);
        }
        AT | INOUT_KW => {
            // A function type with attributes, as in `x as T` without the `as`: `[@Sendable () -> Void]()`.
            super::types::type_(p);
            p.finish(marker, TYPE_EXPR);
            return Some(TYPE_EXPR);
        }
        POUND_AVAILABLE | POUND_UNAVAILABLE => {
            let name = p.token_text();
            p.error(
                "misplaced-availability",
                format!(
                    "{name} may only be used as condition of an 'if', 'guard' or 'while' statement"
                ),
            );
            super::stmts::availability_condition(p);
            return Some(ERROR);
        }
        _ => {
            p.error("expected-expression", message);
            return None;
        }
    };
    p.finish(marker, kind);
    Some(kind)
}

/// A string literal: its segments and the expressions in its interpolations.
pub(super) fn string(p: &mut Parser) {
    let marker = p.start();
    let start = p.offset();
    p.bump();
    loop {
        match p.current() {
            STRING_TEXT => {
                let segment = p.start();
                p.bump();
                p.finish(segment, STRING_SEGMENT);
            }
            INTERPOLATION_START => {
                let interpolation = p.start();
                let opener = p.offset() + p.token_text().len() as u32 - 1;
                let closed = p.partner_of(p.pos).is_some();
                p.bump();
                p.nested(|p| {
                    p.in_brackets(|p| {
                        argument_sequence(p, INTERPOLATION_END);
                    })
                });
                if closed {
                    if !p.at(INTERPOLATION_END) {
                        p.expect_closing(
                            INTERPOLATION_END,
                            opener,
                            "expected ')' in string interpolation",
                        );
                        p.skip_until(|p| p.at(INTERPOLATION_END));
                    }
                    p.eat(INTERPOLATION_END);
                }
                p.finish(interpolation, INTERPOLATION);
                if !closed {
                    break;
                }
            }
            STRING_END => {
                let multiline = p.token_text().contains("\"\"\"");
                p.bump();
                p.finish(marker, STRING_LITERAL);
                if multiline && !p.speculating {
                    check_indentation(p, start, p.prev_end());
                }
                return;
            }
            _ => break,
        }
    }
    p.unterminated_at = p.prev_end();
    p.finish(marker, STRING_LITERAL);
}

/// Every line of a multi-line string must begin with the closing delimiter's indentation.
fn check_indentation(p: &mut Parser, start: u32, end: u32) {
    let text = p.text;
    let literal = &text[start as usize..end as usize];
    let Some(last_line) = literal.rfind('\n') else {
        return;
    };
    let indentation: &str = &literal[last_line + 1..];
    let indentation =
        &indentation[..indentation.len() - indentation.trim_start_matches([' ', '\t']).len()];
    if indentation.is_empty() {
        return;
    }
    // Lines inside of an interpolation are code and not checked: only text tokens count.
    let first = p.tokens.partition_point(|token| token.start < start);
    let mut bad: Option<u32> = None;
    let mut depth = 0usize;
    for token in p.tokens[first + 1..]
        .iter()
        .take_while(|token| token.end < end)
    {
        match token.kind {
            STRING_START => depth += 1,
            STRING_END => depth = depth.saturating_sub(1),
            STRING_TEXT if depth == 0 && bad.is_none() => {
                let token_text = &text[token.start as usize..token.end as usize];
                let mut offset = 0;
                while let Some(newline) = token_text[offset..].find('\n') {
                    let line_start = offset + newline + 1;
                    let absolute = token.start as usize + line_start;
                    let rest = &text[absolute..];
                    let line = rest.lines().next().unwrap_or("");
                    if !line.trim().is_empty() && !line.starts_with(indentation) {
                        let common = line
                            .bytes()
                            .zip(indentation.bytes())
                            .take_while(|(a, b)| a == b)
                            .count();
                        bad = Some((absolute + common) as u32);
                        break;
                    }
                    offset = line_start;
                }
            }
            _ => {}
        }
    }
    if let Some(at) = bad {
        p.error_range(
            "multiline-string-indentation",
            at,
            at,
            "insufficient indentation of line in multi-line string literal",
        );
    }
}

/// `()`, `(x)`, `(a, b: c)`
fn paren(p: &mut Parser) -> SyntaxKind {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    let labelled = p.at_label();
    let first = p.pos;
    let mut commas = false;
    p.in_brackets(|p| commas = argument_sequence(p, R_PAREN));
    let single = p.pos > first && !labelled && !commas;
    close_arguments(p, R_PAREN, opener, "expected ')' in expression list");
    let kind = if single { PAREN_EXPR } else { TUPLE_EXPR };
    p.finish(marker, kind);
    kind
}

/// `[a, b]`, `[k: v]`, `[:]`
fn collection(p: &mut Parser) -> SyntaxKind {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    let mut kind = ARRAY_EXPR;
    p.in_brackets(|p| {
        if p.at(COLON) && p.nth(1) == R_BRACKET {
            p.bump();
            kind = DICTIONARY_EXPR;
            return;
        }
        let mut first = true;
        while !p.at_any(&[R_BRACKET, EOF]) {
            let before = p.pos;
            let element = p.start();
            let ok = expr(p);
            if p.at(COLON) && (first || kind == DICTIONARY_EXPR) {
                kind = DICTIONARY_EXPR;
                p.bump();
                super::exprs::expr_or(p, "expected value in dictionary literal");
                p.finish(element, DICTIONARY_ELEMENT);
            } else if p.at_contextual(OF_KW) && first {
                // `[3 of Int]` as a type in an expression.
                p.bump_as(OF_KW);
                super::types::type_(p);
            } else if kind == DICTIONARY_EXPR && ok {
                p.error("expected-colon", "expected ':' in dictionary literal");
            }
            first = false;
            if !p.eat(COMMA) || p.pos == before {
                break;
            }
        }
    });
    let message = "expected ']' in container literal expression";
    close_arguments(p, R_BRACKET, opener, message);
    p.finish(marker, kind);
    kind
}

/// `\Root.a.b[0]?.c!`
fn key_path(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    if !p.at(DOT) && !p.starts_with(b'.') {
        let root = p.start();
        if super::types::nth_type_start(p, 0) {
            key_path_root(p, root);
        } else {
            p.error("expected-key-path", "expected expression path in key path");
            return p.finish(marker, KEY_PATH_EXPR);
        }
    }
    let mut components = 0;
    loop {
        let component = p.start();
        match p.current() {
            DOT if p.nth(1) == L_BRACKET && components == 0 => {
                p.bump();
                continue;
            }
            DOT if matches!(p.nth(1), POSTFIX_QUESTION | POSTFIX_BANG) => {
                p.bump();
                continue;
            }
            DOT => {
                if p.one_line && p.newline_before() {
                    break;
                }
                p.bump();
                member_name(p);
                if p.at_l_angle() {
                    super::generics::generic_args_in_expr(p);
                }
                p.finish(component, KEY_PATH_PROPERTY);
            }
            L_BRACKET if !p.newline_before() => {
                super::postfix::subscript_arguments(p);
                p.finish(component, KEY_PATH_SUBSCRIPT);
            }
            POSTFIX_QUESTION | POSTFIX_BANG => {
                p.bump();
                p.finish(component, KEY_PATH_OPTIONAL);
            }
            L_PAREN if !p.newline_before() && components > 0 && !p.nth_space(0) => {
                argument_list(p);
                p.finish(component, KEY_PATH_CALL);
            }
            // `\.?.x` and `\T.?` lex their punctuation as one operator.
            BINARY_OP | PREFIX_OP | POSTFIX_OP
                if p.starts_with(b'.') && p.token_text().bytes().all(|b| b".?!".contains(&b)) =>
            {
                let len = p.token_text().len() as u32;
                p.bump_prefix(1, DOT);
                if len > 1 {
                    continue;
                }
            }
            _ => break,
        }
        components += 1;
    }
    p.finish(marker, KEY_PATH_EXPR);
}

/// The root type of a key path: a name with generic arguments, or a bracketed type; its members are components.
fn key_path_root(p: &mut Parser, root: super::Marker) {
    match p.current() {
        IDENT | SELF_TYPE_KW | ANY_TYPE_KW => {
            p.bump();
            if p.at_l_angle() {
                super::generics::generic_args(p);
            }
            p.finish(root, NAMED_TYPE);
        }
        _ => {
            // What follows the brackets is a component, not a member type.
            p.key_path_root = true;
            super::types::simple_type(p);
            p.key_path_root = false;
        }
    }
    while p.at_any(&[POSTFIX_QUESTION, POSTFIX_BANG]) {
        let kind = if p.at(POSTFIX_QUESTION) {
            OPTIONAL_TYPE
        } else {
            IUO_TYPE
        };
        p.bump();
        p.finish(root, kind);
    }
}

/// `#name<T>(arguments) { }`
pub(super) fn macro_expansion(p: &mut Parser) {
    let marker = p.start();
    macro_expansion_rest(p);
    p.finish(marker, MACRO_EXPANSION_EXPR);
}

/// A macro's use without the node around it.
pub(super) fn macro_expansion_rest(p: &mut Parser) {
    p.bump();
    if !p.nth_is_name(0) || p.nth_space(0) {
        p.error(
            "expected-macro-name",
            "expected a macro identifier for a pound literal expression",
        );
        return;
    }
    p.bump_name();
    super::generics::generic_args_in_expr(p);
    if p.at(L_PAREN) && !p.newline_before() {
        argument_list(p);
    }
    if p.at(L_BRACE) && super::postfix::at_trailing_closure(p) && !p.newline_before() {
        closure(p);
        while p.nth_is_name(0)
            && p.nth(1) == COLON
            && p.nth(2) == L_BRACE
            && !p.at_any(&[DEFAULT_KW, CASE_KW])
        {
            let marker = p.start();
            p.bump_name();
            p.bump();
            closure(p);
            p.finish(marker, LABELED_TRAILING_CLOSURE);
        }
    }
}
