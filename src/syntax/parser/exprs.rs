//! Sequences of operands and operators, and what stands before an operand.

use super::postfix::postfix_expr;
use super::types::{nth_type_start, type_};
use super::{CHAIN_LIMIT, Parser};
use crate::syntax::kind::SyntaxKind::{self, *};

/// Parses an expression.
pub(super) fn expr(p: &mut Parser) -> bool {
    expr_or(p, "expected expression")
}

/// Parses an expression; reports `message` where there is none.
///
/// Operators stay a flat sequence, because precedence groups are declared by programs.
pub(super) fn expr_or(p: &mut Parser, message: &str) -> bool {
    let marker = p.start();
    let around = std::mem::take(&mut p.operators);
    if !element(p, message) {
        return false;
    }
    let mut operators = 0;
    loop {
        if p.one_line && p.newline_before() {
            break;
        }
        // Folding may put each operator on top of the others, and all of them on top of the highest operand.
        if operators > 0 && p.operators + operators >= CHAIN_LIMIT {
            p.too_deep();
            break;
        }
        let op = p.start();
        match p.current() {
            BINARY_OP => {
                p.bump();
                p.finish(op, BINARY_OPERATOR);
                operators += 1;
                if !operand(p, "expected expression after operator") {
                    break;
                }
            }
            AMP if !p.newline_before() => {
                // `a &b` is a mistake in white space; reading it as infix gives the better message.
                p.error(
                    "operator-whitespace",
                    "'&' must have consistent whitespace on both sides",
                );
                p.bump_as(BINARY_OP);
                p.finish(op, BINARY_OPERATOR);
                operators += 1;
                if !operand(p, "expected expression after operator") {
                    break;
                }
            }
            EQ if !p.no_assignment => {
                p.bump();
                p.finish(op, ASSIGN_OPERATOR);
                operators += 1;
                if !operand(p, "expected expression after '='") {
                    break;
                }
            }
            QUESTION => {
                p.bump();
                p.nested(|p| {
                    p.in_ternary(|p| {
                        expr_or(p, "expected expression after '?' in ternary expression")
                    });
                });
                let colon = p.expect(
                    COLON,
                    "expected-colon",
                    "expected ':' after '? ...' in ternary expression",
                );
                p.finish(op, TERNARY_OPERATOR);
                operators += 1;
                if !colon
                    || !operand(
                        p,
                        "expected expression after '? ... :' in ternary expression",
                    )
                {
                    break;
                }
            }
            IS_KW => {
                p.bump();
                operators += 1;
                type_(p);
                p.finish(op, IS_OPERATOR);
            }
            AS_KW => {
                p.bump();
                if p.at_any(&[POSTFIX_QUESTION, POSTFIX_BANG]) {
                    p.bump();
                }
                operators += 1;
                type_(p);
                p.finish(op, AS_OPERATOR);
            }
            ARROW | THROWS_KW | IDENT if at_arrow(p) => {
                super::functions::effects(p);
                p.expect(ARROW, "expected-arrow", "expected '->' in function type");
                p.finish(op, ARROW_OPERATOR);
                operators += 1;
                if !operand(p, "expected type after '->'") {
                    break;
                }
            }
            _ => break,
        }
    }
    if operators > 0 {
        p.finish(marker, SEQUENCE_EXPR);
    }
    p.operators = around.max(p.operators + operators);
    true
}

fn operand(p: &mut Parser, message: &str) -> bool {
    if p.one_line && p.newline_before() {
        p.error_after("expected-expression", message);
        return false;
    }
    element(p, message)
}

fn at_arrow(p: &Parser) -> bool {
    match p.current() {
        ARROW => true,
        THROWS_KW => p.nth(1) == ARROW || p.nth(1) == L_PAREN,
        _ => p.at_contextual(ASYNC_KW) && matches!(p.nth(1), ARROW | THROWS_KW),
    }
}

impl Parser<'_> {
    /// Between `?` and `:` a `=` may stand again; whether `{` is a closure does not change.
    fn in_ternary(&mut self, body: impl FnOnce(&mut Self) -> bool) -> bool {
        let saved = std::mem::replace(&mut self.no_assignment, false);
        let ok = body(self);
        self.no_assignment = saved;
        ok
    }
}

/// Whether the token `n` places ahead can begin an operand on the same line, behind a word like `await`.
fn nth_operand_start(p: &Parser, n: usize) -> bool {
    if p.nth_newline(n) {
        return false;
    }
    match p.nth(n) {
        IDENT => true,
        DOLLAR_IDENT | INT_NUMBER | FLOAT_NUMBER | STRING_START | REGEX | L_PAREN | L_BRACKET
        | THIS_KW | SELF_TYPE_KW | SUPER_KW | TRUE_KW | FALSE_KW | NIL_KW | TRY_KW | POUND
        | PREFIX_OP | AMP | BACKSLASH | IF_KW | SWITCH_KW | DO_KW | ANY_TYPE_KW | UNDERSCORE
        | INIT_KW | REPEAT_KW | L_BRACE => true,
        DOT => p.nth_space(n),
        _ => false,
    }
}

/// An operand with the words and operators before it.
fn element(p: &mut Parser, message: &str) -> bool {
    let marker = p.start();
    let (len, kind) = match p.current() {
        TRY_KW => (1, TRY_EXPR),
        REPEAT_KW if nth_operand_start(p, 1) && p.nth(1) != L_BRACE => (1, PACK_EXPANSION_EXPR),
        IDENT => match p.contextual() {
            None => (0, ERROR),
            Some(AWAIT_KW) if nth_operand_start(p, 1) && (p.nth(1) != L_BRACE) => (1, AWAIT_EXPR),
            Some(UNSAFE_KW)
                if nth_operand_start(p, 1)
                    && !matches!(p.nth(1), L_BRACE | L_PAREN | L_BRACKET)
                    || p.contextual() == Some(UNSAFE_KW)
                        && p.nth_contextual(1) == Some(AWAIT_KW) =>
            {
                (1, UNSAFE_EXPR)
            }
            Some(kind @ (CONSUME_KW | COPY_KW | BORROW_KW | MOVE_KW)) if word_before_name(p) => (
                1,
                match kind {
                    COPY_KW => COPY_EXPR,
                    BORROW_KW => BORROW_EXPR,
                    _ => CONSUME_EXPR,
                },
            ),
            Some(EACH_KW)
                if word_before_name(p)
                    || p.nth(1) == L_PAREN && p.nth_space(1) && !p.nth_newline(1) =>
            {
                (1, PACK_ELEMENT_EXPR)
            }
            Some(ANY_KW | SOME_KW)
                if nth_type_start(p, 1)
                    && p.nth(1) != L_BRACKET
                    && p.nth(1) != INT_NUMBER
                    && type_word(p) =>
            {
                type_(p);
                p.finish(marker, TYPE_EXPR);
                return true;
            }
            _ => (0, ERROR),
        },
        _ => (0, ERROR),
    };
    if len == 0 {
        return unary(p, message);
    }
    let word = p
        .contextual()
        .filter(|_| p.at(IDENT))
        .unwrap_or(p.current());
    p.bump_as(word);
    if kind == TRY_EXPR && p.at_any(&[POSTFIX_QUESTION, POSTFIX_BANG]) {
        p.bump();
    }
    let mut ok = true;
    p.nested(|p| ok = element(p, message));
    p.finish(marker, kind);
    ok
}

fn word_before_name(p: &Parser) -> bool {
    !p.nth_newline(1)
        && matches!(
            p.nth(1),
            IDENT | THIS_KW | DOLLAR_IDENT | SUPER_KW | SELF_TYPE_KW
        )
}

/// Whether `any` or `some` begins a type here rather than being a name that is called.
fn type_word(p: &Parser) -> bool {
    !p.nth_newline(1)
        && (p.nth(1) != L_PAREN || p.nth_space(1))
        && !matches!(p.nth(1), AT | UNDERSCORE | REPEAT_KW | INOUT_KW)
}

/// Prefix operators and their operand.
pub(super) fn unary(p: &mut Parser, message: &str) -> bool {
    let marker = p.start();
    match p.current() {
        PREFIX_OP => {
            p.bump();
            let mut ok = true;
            p.nested(|p| ok = unary(p, message));
            p.finish(marker, PREFIX_EXPR);
            ok
        }
        AMP => {
            p.bump();
            let mut ok = true;
            p.nested(|p| ok = unary(p, message));
            p.finish(marker, INOUT_EXPR);
            ok
        }
        BINARY_OP | POSTFIX_OP => {
            if operator_is_value(p.nth(1)) {
                // An operator as a value, as in `reduce(0, +)`.
                p.bump();
                p.finish(marker, IDENT_EXPR);
                return true;
            }
            p.error(
                "unary-operator-whitespace",
                "unary operator cannot be separated from its operand",
            );
            p.bump_as(PREFIX_OP);
            let mut ok = true;
            p.nested(|p| ok = unary(p, message));
            p.finish(marker, PREFIX_EXPR);
            ok
        }
        _ => postfix_expr(p, message),
    }
}

fn operator_is_value(next: SyntaxKind) -> bool {
    matches!(
        next,
        R_PAREN | COMMA | R_BRACKET | COLON | INTERPOLATION_END
    )
}
