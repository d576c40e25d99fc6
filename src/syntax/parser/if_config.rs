//! `#if` around statements, members, switch cases, attributes and member chains.

use super::Parser;
use crate::syntax::if_config::{Truth, version_truth};
use crate::syntax::kind::SyntaxKind::*;

/// What the clauses of an `#if` hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Statements,
    Members,
    Cases,
    Attributes,
    Postfix,
}

/// The number of places ahead where the line of the `#if` here ends; nested `#if`s are looked through.
fn first_inside(p: &Parser) -> usize {
    let mut n = 1;
    loop {
        while !p.nth_newline(n) && p.nth(n) != EOF {
            n += 1;
        }
        if !matches!(p.nth(n), POUND_IF | POUND_ELSEIF | POUND_ELSE) {
            return n;
        }
        n += 1;
    }
}

/// Whether the `#if` here holds cases of the switch around it.
pub(super) fn wraps_cases(p: &Parser) -> bool {
    let n = first_inside(p);
    matches!(p.nth(n), CASE_KW | DEFAULT_KW) || p.nth(n) == AT && p.nth(n + 2) == DEFAULT_KW
}

/// Whether the `#if` here holds members of the expression before it.
pub(super) fn at_postfix_if_config(p: &Parser) -> bool {
    p.nth(first_inside(p)) == DOT
}

/// Whether an `#if` here holds only attributes, with the declaration behind its `#endif`.
pub(super) fn at_attribute_if_config(p: &Parser) -> bool {
    if !p.at(POUND_IF) || p.nth(first_inside(p)) != AT {
        return false;
    }
    // Every line inside begins with an attribute or a directive.
    let (mut n, mut depth) = (0usize, 0u32);
    loop {
        match p.nth(n) {
            POUND_IF => depth += 1,
            POUND_ENDIF => {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
            POUND_ELSEIF | POUND_ELSE | AT => {}
            EOF => return false,
            _ if p.nth_newline(n) => return false,
            _ => {}
        }
        match p.nth(n) {
            // A declaration on the attribute's own line makes this an ordinary `#if`.
            LET_KW | VAR_KW | FN_KW | STRUCT_KW | CLASS_KW | ENUM_KW | EXTENSION_KW
            | PROTOCOL_KW | IMPORT_KW | TYPEALIAS_KW | INIT_KW | SUBSCRIPT_KW => return false,
            L_PAREN | L_BRACKET | L_BRACE => {
                n = p.partner_of(p.pos + n).map_or(n, |close| close - p.pos) + 1
            }
            _ => n += 1,
        }
    }
}

/// Parses `#if … #endif`.
pub(super) fn if_config(p: &mut Parser, context: Context) {
    p.nested(|p| if_config_inner(p, context));
}

fn if_config_inner(p: &mut Parser, context: Context) {
    let marker = p.start();
    let opener = p.offset();
    let mut taken = Truth::False;
    p.if_config_depth += 1;
    while p.at_any(&[POUND_IF, POUND_ELSEIF, POUND_ELSE]) {
        let clause = p.start();
        if p.at(POUND_IF) && p.offset() != opener {
            break;
        }
        let is_else = p.at(POUND_ELSE);
        p.bump();
        let mut truth = Truth::True;
        if !is_else {
            truth = condition(p);
        }
        // What stands on the directive's line beside its condition is one mistake.
        if !p.newline_before() && !p.at(EOF) {
            p.error(
                "extra-directive-tokens",
                "extra tokens following conditional compilation directive",
            );
            p.skip_until(|p| p.newline_before());
        }
        let skip = truth == Truth::False || taken == Truth::True;
        if truth == Truth::True || taken == Truth::True {
            taken = Truth::True;
        } else if truth == Truth::Unknown {
            taken = Truth::Unknown;
        }
        if skip {
            skip_clause(p);
        } else {
            clause_body(p, context);
        }
        p.finish(clause, IF_CONFIG_CLAUSE);
    }
    p.if_config_depth -= 1;
    if !p.eat(POUND_ENDIF) {
        p.error(
            "expected-endif",
            "expected #else or #endif at end of conditional compilation block",
        );
        p.note(
            "expected-endif",
            opener,
            opener + 3,
            "conditional compilation block begins here".to_string(),
        );
    }
    p.finish(marker, IF_CONFIG);
}

/// Parses the condition and says whether versions alone make it false.
fn condition(p: &mut Parser) -> Truth {
    let first = p.pos;
    if p.newline_before() || p.at(EOF) {
        p.error(
            "expected-condition",
            "expected a condition to follow conditional compilation directive",
        );
        return Truth::Unknown;
    }
    let saved = std::mem::replace(&mut p.one_line, true);
    super::exprs::expr_or(
        p,
        "expected a condition to follow conditional compilation directive",
    );
    p.one_line = saved;
    let words: Vec<&str> = p.tokens[first..p.pos]
        .iter()
        .map(|token| &p.text[token.start as usize..token.end as usize])
        .collect();
    version_truth(&words, p.options)
}

/// A clause that the compiler's or language's version rules out is only lexed.
fn skip_clause(p: &mut Parser) {
    let start = p.offset();
    let mut depth = 0u32;
    loop {
        match p.current() {
            EOF => break,
            POUND_IF => depth += 1,
            POUND_ENDIF if depth == 0 => break,
            POUND_ENDIF => depth -= 1,
            POUND_ELSEIF | POUND_ELSE if depth == 0 => break,
            _ => {}
        }
        p.bump();
    }
    let end = p.offset();
    p.add_skipped(start, end);
}

fn clause_body(p: &mut Parser, context: Context) {
    match context {
        Context::Statements => {
            let saved = std::mem::take(&mut p.in_switch_case);
            loop {
                super::stmts::items(p, false);
                if p.at_any(&[CASE_KW, DEFAULT_KW, INTERPOLATION_END, STRING_END]) {
                    p.error("expected-expression", "expected expression");
                    p.bump();
                    continue;
                }
                break;
            }
            p.in_switch_case = saved;
        }
        Context::Members => super::nominal::members(p),
        Context::Cases => super::stmts::switch_cases(p),
        Context::Attributes => super::attributes::attributes(p),
        Context::Postfix => {
            if p.at(POUND_IF) {
                if_config(p, Context::Postfix);
            } else if p.at(DOT) {
                super::postfix::postfix_expr(p, "expected member");
            }
        }
    }
    if !p.at_any(&[POUND_ELSEIF, POUND_ELSE, POUND_ENDIF, EOF, R_BRACE]) {
        p.error(
            "unexpected-tokens",
            "unexpected tokens in conditional compilation block",
        );
        p.skip_until(|p| p.at_any(&[POUND_ELSEIF, POUND_ELSE, POUND_ENDIF, EOF, R_BRACE]));
    }
    if p.at(R_BRACE) {
        p.error(
            "extraneous-brace",
            "unexpected '}' in conditional compilation block",
        );
        p.skip_until(|p| p.at_any(&[POUND_ELSEIF, POUND_ELSE, POUND_ENDIF, EOF]));
    }
}
