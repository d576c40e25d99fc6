//! Statements, blocks, and the expressions that are made of blocks.

use super::decls::{decl, nth_decl_start};
use super::exprs::{expr, expr_or};
use super::if_config::{Context, if_config};
use super::patterns::{MatchMode, binding_pattern, match_pattern, reject_nested_binding};
use super::types::type_annotation;
use super::{Marker, Parser};
use crate::syntax::kind::SyntaxKind::*;

/// The root: top-level code and declarations.
pub(super) fn source_file(p: &mut Parser) {
    loop {
        items(p, true);
        match p.current() {
            EOF => break,
            R_BRACE => {
                p.error("extraneous-brace", "extraneous '}' at top level");
                let (start, end) = (p.offset(), p.offset() + 1);
                p.fixit("extraneous-brace", start, end, "");
                let error = p.start();
                p.bump();
                p.finish(error, ERROR);
            }
            POUND_ELSEIF | POUND_ELSE | POUND_ENDIF => {
                p.error(
                    "unexpected-directive",
                    "unexpected conditional compilation block terminator",
                );
                let error = p.start();
                p.bump();
                p.finish(error, ERROR);
            }
            _ => {
                let error = p.start();
                p.bump();
                p.finish(error, ERROR);
            }
        }
    }
    p.finish(Marker(0), SOURCE_FILE);
}

/// The statements of a block, a closure or an accessor, up to its brace.
pub(super) fn block_items(p: &mut Parser) {
    let saved = std::mem::take(&mut p.in_switch_case);
    let depth = std::mem::take(&mut p.if_config_depth);
    items(p, false);
    p.in_switch_case = saved;
    p.if_config_depth = depth;
}

/// Statements and declarations up to what ends them here.
pub(super) fn items(p: &mut Parser, top_level: bool) {
    loop {
        if top_level {
            p.unmute();
        }
        while p.at(SEMICOLON) {
            p.bump();
        }
        if at_items_end(p) {
            return;
        }
        let errors = p.error_count();
        let before = (p.pos, p.offset());
        let was_decl = item(p);
        let failed = p.error_count() > errors;
        if (p.pos, p.offset()) == before {
            // Nothing was taken: what is here belongs nowhere.
            if p.error_count() == errors {
                p.error("expected-expression", "expected expression");
            }
            let error = p.start();
            p.skip_balanced();
            p.finish(error, ERROR);
        }
        if failed && !p.newline_before() {
            p.skip_until(|p| {
                p.newline_before() || p.at_any(&[SEMICOLON, R_BRACE]) || at_items_end(p)
            });
        }
        let misplaced = p.at_any(&[
            ELSE_KW, CATCH_KW, IN_KW, WHERE_KW, R_PAREN, R_BRACKET, COMMA, COLON,
        ]);
        if misplaced || p.bad_character_before() || p.prev_end() == p.unterminated_at {
            continue;
        }
        if p.at(SEMICOLON) || p.newline_before() || at_items_end(p) {
            continue;
        }
        let what = if was_decl {
            "declarations"
        } else {
            "statements"
        };
        p.error_after(
            "consecutive-statements",
            format!("consecutive {what} on a line must be separated by ';'"),
        );
        let at = p.prev_end();
        p.fixit("consecutive-statements", at, at, ";");
    }
}

fn at_items_end(p: &Parser) -> bool {
    match p.current() {
        EOF | R_BRACE => true,
        POUND_ELSEIF | POUND_ELSE | POUND_ENDIF => true,
        CASE_KW | DEFAULT_KW => p.in_switch_case,
        AT => p.in_switch_case && p.nth_text(1) == "unknown" && p.nth(2) == DEFAULT_KW,
        POUND_IF => p.in_switch_case && super::if_config::wraps_cases(p),
        INTERPOLATION_END | STRING_END => true,
        _ => false,
    }
}

/// One statement or declaration; returns whether it was a declaration.
fn item(p: &mut Parser) -> bool {
    match p.current() {
        POUND_IF => {
            if_config(p, Context::Statements);
            return false;
        }
        POUND_SOURCE_LOCATION => {
            source_location(p);
            return false;
        }
        _ => {}
    }
    if nth_decl_start(p, 0, false) {
        p.nested(decl);
        return true;
    }
    p.nested(|p| {
        statement(p);
    });
    false
}

/// `#sourceLocation(file: "x", line: 1)`
pub(super) fn source_location(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    if p.at(L_PAREN) {
        p.skip_balanced();
    } else {
        p.error("expected-paren", "expected '(' after '#sourceLocation'");
    }
    p.finish(marker, SOURCE_LOCATION_DIRECTIVE);
}

/// Whether the token begins a statement that is no expression, so that it does not continue `return`.
fn at_statement_start(p: &Parser) -> bool {
    matches!(
        p.current(),
        RETURN_KW
            | THROW_KW
            | BREAK_KW
            | CONTINUE_KW
            | FALLTHROUGH_KW
            | DEFER_KW
            | GUARD_KW
            | WHILE_KW
            | FOR_KW
            | REPEAT_KW
            | IF_KW
            | SWITCH_KW
            | DO_KW
            | CASE_KW
            | DEFAULT_KW
            | POUND_IF
    )
}

fn statement(p: &mut Parser) {
    let marker = p.start();
    match p.current() {
        RETURN_KW => {
            p.bump();
            let ends = at_items_end(p)
                || p.at(SEMICOLON)
                || p.at(POUND_IF)
                || (p.newline_before() && (at_statement_start(p) || nth_decl_start(p, 0, false)));
            if !ends {
                expr_or(p, "expected expression in 'return' statement");
            }
            p.finish(marker, RETURN_STMT);
        }
        THROW_KW => {
            p.bump();
            expr_or(p, "expected expression in 'throw' statement");
            p.finish(marker, THROW_STMT);
        }
        BREAK_KW | CONTINUE_KW => {
            let kind = if p.at(BREAK_KW) {
                BREAK_STMT
            } else {
                CONTINUE_STMT
            };
            p.bump();
            if p.at(IDENT) && !p.newline_before() {
                p.bump();
            }
            p.finish(marker, kind);
        }
        FALLTHROUGH_KW => {
            p.bump();
            p.finish(marker, FALLTHROUGH_STMT);
        }
        DEFER_KW => {
            p.bump();
            block(p, "expected '{' after 'defer'");
            p.finish(marker, DEFER_STMT);
        }
        GUARD_KW => {
            p.bump();
            conditions(p, "guard");
            if p.expect(
                ELSE_KW,
                "expected-else",
                "expected 'else' after 'guard' condition",
            ) {
                block(p, "expected '{' after 'guard' else");
            } else if p.at(L_BRACE) {
                block(p, "");
            }
            p.finish(marker, GUARD_STMT);
        }
        WHILE_KW => {
            p.bump();
            conditions(p, "while");
            block(p, "expected '{' after 'while' condition");
            p.finish(marker, WHILE_STMT);
        }
        REPEAT_KW if p.nth(1) == L_BRACE || p.nth_newline(1) => {
            p.bump();
            block(p, "expected '{' after 'repeat'");
            if p.expect(
                WHILE_KW,
                "expected-while",
                "expected 'while' after body of 'repeat' statement",
            ) {
                if p.at(L_BRACE) {
                    p.error(
                        "expected-condition",
                        "missing condition in 'while' statement",
                    );
                }
                expr_or(p, "expected expression in 'repeat-while' condition");
            }
            p.finish(marker, REPEAT_STMT);
        }
        FOR_KW => for_stmt(p),
        IDENT => match p.contextual() {
            Some(YIELD_KW)
                if p.in_coroutine
                    && !p.nth_newline(1)
                    && matches!(p.nth(1), AMP | IDENT | THIS_KW | L_PAREN | SUPER_KW) =>
            {
                p.bump_as(YIELD_KW);
                expr(p);
                p.finish(marker, YIELD_STMT);
            }
            Some(DISCARD_KW | FORGET_KW) if p.nth(1) == THIS_KW && !p.nth_newline(1) => {
                p.bump_as(DISCARD_KW);
                expr(p);
                p.finish(marker, DISCARD_STMT);
            }
            Some(THEN_KW)
                if !p.nth_newline(1)
                    && matches!(
                        p.nth(1),
                        IDENT | INT_NUMBER | STRING_START | FLOAT_NUMBER | THIS_KW | TRY_KW
                    ) =>
            {
                p.bump_as(THEN_KW);
                expr(p);
                p.finish(marker, THEN_STMT);
            }
            _ if p.nth(1) == COLON
                && matches!(
                    p.nth(2),
                    FOR_KW | WHILE_KW | REPEAT_KW | IF_KW | SWITCH_KW | DO_KW | GUARD_KW
                ) =>
            {
                super::patterns::name(p);
                p.bump();
                p.nested(statement);
                p.finish(marker, LABELED_STMT);
            }
            _ => expr_stmt(p),
        },
        CASE_KW | DEFAULT_KW => {
            let word = p.token_text();
            p.error(
                "misplaced-case",
                format!("'{word}' label can only appear inside a 'switch' statement"),
            );
            p.skip_until(|p| p.newline_before() || p.at(R_BRACE));
            if p.at_any(&[CASE_KW, DEFAULT_KW]) {
                p.bump();
            }
        }
        _ => expr_stmt(p),
    }
}

fn expr_stmt(p: &mut Parser) {
    let marker = p.start();
    let before = (p.pos, p.offset());
    expr(p);
    if (p.pos, p.offset()) != before {
        p.finish(marker, EXPR_STMT);
    }
}

/// `{ statements }`
pub(super) fn block(p: &mut Parser, message: &str) -> bool {
    if !p.at(L_BRACE) {
        p.error("expected-brace", message);
        return false;
    }
    p.nested(|p| {
        let marker = p.start();
        let opener = p.offset();
        p.bump();
        let one_line = std::mem::take(&mut p.one_line);
        p.in_brackets(block_items);
        p.one_line = one_line;
        p.expect_closing(R_BRACE, opener, "expected '}' at end of brace statement");
        p.finish(marker, CODE_BLOCK);
    });
    true
}

fn for_stmt(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    p.eat(TRY_KW);
    p.eat_contextual(AWAIT_KW);
    if p.at_contextual(UNSAFE_KW) && p.nth(1) == IDENT {
        p.bump_as(UNSAFE_KW);
    }
    let found = if p.eat(CASE_KW) {
        match_pattern(p, MatchMode::default())
    } else {
        binding_pattern(p)
    };
    if p.at(COLON) {
        type_annotation(p);
    }
    if !found {
        p.skip_until(|p| p.at_any(&[IN_KW, L_BRACE, R_BRACE]) || p.newline_before());
    }
    if p.expect(IN_KW, "expected-in", "expected 'in' after for-each pattern") {
        p.without_trailing_closures(|p| {
            if p.at(L_BRACE) {
                p.error(
                    "expected-sequence",
                    "expected Sequence expression for for-each loop",
                );
            } else {
                expr_or(p, "expected Sequence expression for for-each loop");
            }
        });
    } else {
        p.skip_until(|p| p.at_any(&[L_BRACE, R_BRACE]) || p.newline_before());
    }
    where_condition(p);
    block(p, "expected '{' to start the body of for-each loop");
    p.finish(marker, FOR_STMT);
}

/// `where c`: the keyword and the expression stay direct children of what they guard.
fn where_condition(p: &mut Parser) {
    if p.eat(WHERE_KW) {
        p.without_trailing_closures(|p| expr_or(p, "expected expression in 'where' guard"));
    }
}

/// The conditions of `if`, `guard` and `while`.
fn conditions(p: &mut Parser, statement: &str) {
    if p.at(L_BRACE) {
        p.error(
            "missing-condition",
            format!("missing condition in '{statement}' statement"),
        );
        return;
    }
    let marker = p.start();
    p.without_trailing_closures(|p| {
        loop {
            if !condition(p, statement) {
                p.skip_until(|p| p.at_any(&[L_BRACE, R_BRACE, ELSE_KW]) || p.newline_before());
                break;
            }
            if !p.eat(COMMA) {
                break;
            }
            if p.at(L_BRACE) && statement != "guard" || p.at(ELSE_KW) {
                break;
            }
        }
    });
    p.finish(marker, CONDITION_LIST);
}

fn condition(p: &mut Parser, statement: &str) -> bool {
    let marker = p.start();
    match p.current() {
        POUND_AVAILABLE | POUND_UNAVAILABLE => {
            availability_condition(p);
            true
        }
        CASE_KW => {
            p.bump();
            match_pattern(p, MatchMode::default());
            if p.at(COLON) {
                type_annotation(p);
            }
            initializer(p, "expected '=' in pattern matching condition");
            p.finish(marker, CASE_CONDITION);
            true
        }
        LET_KW | VAR_KW | INOUT_KW => {
            let word = p.token_text();
            p.bump();
            if p.at(CASE_KW) {
                p.error(
                    "let-case",
                    format!(
                        "pattern matching binding is spelled with 'case {word}', not '{word} case'"
                    ),
                );
                p.bump();
                match_pattern(p, MatchMode { binding: true });
            } else {
                reject_nested_binding(p);
                binding_pattern(p);
            }
            if p.at(COLON) {
                type_annotation(p);
            }
            if p.at(EQ) {
                initializer(p, "");
            }
            p.finish(marker, BINDING_CONDITION);
            true
        }
        _ => {
            let ok = expr_or(
                p,
                &format!("expected expression, var, or let in '{statement}' condition"),
            );
            if ok {
                p.finish(marker, EXPR_CONDITION);
            }
            ok
        }
    }
}

fn initializer(p: &mut Parser, message: &str) {
    let marker = p.start();
    if p.expect(EQ, "expected-equal", message) {
        expr(p);
        p.finish(marker, INITIALIZER);
    }
}

/// `#available(macOS 10, *)`
pub(super) fn availability_condition(p: &mut Parser) {
    let marker = p.start();
    let word = p.token_text();
    p.bump();
    if !p.at(L_PAREN) {
        p.error("expected-paren", format!("expected '(' after '{word}'"));
        return p.finish(marker, AVAILABILITY_CONDITION);
    }
    let opener = p.offset();
    p.bump();
    while !p.at_any(&[R_PAREN, EOF, L_BRACE]) {
        let arg = p.start();
        let before = p.pos;
        if p.is_operator() && p.token_text() == "*" {
            p.bump_as(STAR);
        } else if p.at(IDENT) {
            p.bump();
            while p.at_any(&[INT_NUMBER, FLOAT_NUMBER, DOT]) {
                p.bump();
            }
        }
        if p.pos == before {
            p.error("expected-platform", "expected platform name");
            p.skip_until(|p| p.at_any(&[R_PAREN, L_BRACE]) || p.newline_before());
            break;
        }
        p.finish(arg, AVAILABILITY_ARG);
        if !p.eat(COMMA) {
            break;
        }
    }
    p.expect_closing(R_PAREN, opener, "expected ')' in availability query");
    p.finish(marker, AVAILABILITY_CONDITION);
}

/// `if conditions { } else if … else { }`
pub(super) fn if_expr(p: &mut Parser) {
    p.nested(|p| {
        let marker = p.start();
        p.bump();
        conditions(p, "if");
        block(p, "expected '{' after 'if' condition");
        if p.at(ELSE_KW) {
            let clause = p.start();
            p.bump();
            if p.at(IF_KW) {
                if_expr(p);
            } else {
                block(p, "expected '{' or 'if' after 'else'");
            }
            p.finish(clause, ELSE_CLAUSE);
        }
        p.finish(marker, IF_EXPR);
    });
}

/// `switch subject { cases }`
pub(super) fn switch_expr(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    if p.at(L_BRACE) {
        p.error(
            "expected-expression",
            "expected expression in 'switch' statement",
        );
    } else {
        p.without_trailing_closures(|p| expr_or(p, "expected expression in 'switch' statement"));
    }
    let opener = p.offset();
    if !p.expect(
        L_BRACE,
        "expected-brace",
        "expected '{' after 'switch' subject expression",
    ) {
        return p.finish(marker, SWITCH_EXPR);
    }
    let one_line = std::mem::take(&mut p.one_line);
    let depth = std::mem::take(&mut p.if_config_depth);
    let after_default = std::mem::take(&mut p.after_default);
    p.in_brackets(|p| p.nested(switch_cases));
    p.after_default = after_default;
    p.if_config_depth = depth;
    p.one_line = one_line;
    p.expect_closing(R_BRACE, opener, "expected '}' at end of 'switch' statement");
    p.finish(marker, SWITCH_EXPR);
}

/// Cases up to the closing brace or the end of the `#if` clause that they are in.
pub(super) fn switch_cases(p: &mut Parser) {
    loop {
        match p.current() {
            CASE_KW | DEFAULT_KW => switch_case(p),
            AT if p.nth(1) == IDENT && matches!(p.nth(2), DEFAULT_KW | CASE_KW) => switch_case(p),
            POUND_IF => if_config(p, Context::Cases),
            POUND_SOURCE_LOCATION => source_location(p),
            SEMICOLON => p.bump(),
            R_BRACE | EOF | POUND_ELSEIF | POUND_ELSE | POUND_ENDIF => return,
            _ => {
                p.error(
                    "statement-outside-case",
                    "all statements inside a switch must be covered by a 'case' or 'default'",
                );
                let error = p.start();
                p.skip_balanced();
                while !p.at_any(&[
                    EOF,
                    R_BRACE,
                    CASE_KW,
                    DEFAULT_KW,
                    POUND_ELSEIF,
                    POUND_ELSE,
                    POUND_ENDIF,
                ]) {
                    p.skip_balanced();
                }
                p.finish(error, ERROR);
            }
        }
    }
}

fn switch_case(p: &mut Parser) {
    let marker = p.start();
    super::attributes::attributes(p);
    let default = p.at(DEFAULT_KW);
    let (start, end) = (p.offset(), p.end_offset());
    if p.after_default {
        p.error(
            "case-after-default",
            "additional 'case' blocks cannot appear after the 'default' block of a 'switch'",
        );
        // One is enough.
        p.after_default = false;
    }
    p.after_default |= default;
    p.bump();
    if !default {
        loop {
            if !case_item(p) {
                p.skip_until(|p| {
                    p.at_any(&[COLON, R_BRACE, CASE_KW, DEFAULT_KW]) || p.newline_before()
                });
                break;
            }
            if !p.eat(COMMA) {
                break;
            }
        }
    }
    let word = if default { "default" } else { "case" };
    if !p.at(COLON) {
        p.error("expected-colon", format!("expected ':' after '{word}'"));
        p.skip_until(|p| p.at_any(&[COLON, R_BRACE]) || p.newline_before());
    }
    let complete = p.eat(COLON);
    let before = p.offset();
    let saved = std::mem::replace(&mut p.in_switch_case, true);
    items(p, false);
    p.in_switch_case = saved;
    if complete && p.offset() == before {
        let message =
            format!("'{word}' label in a 'switch' must have at least one executable statement");
        p.error_range("empty-case", start, end, message);
    }
    p.finish(marker, SWITCH_CASE);
}

fn case_item(p: &mut Parser) -> bool {
    let marker = p.start();
    if !match_pattern(p, MatchMode::default()) {
        return false;
    }
    where_condition(p);
    p.finish(marker, CASE_ITEM);
    true
}

/// `do throws(E) { } catch pattern { }`
pub(super) fn do_expr(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    super::functions::effects(p);
    block(p, "expected '{' after 'do'");
    while p.at(CATCH_KW) {
        let clause = p.start();
        p.bump();
        if !p.at(L_BRACE) {
            p.without_trailing_closures(|p| {
                if p.at(WHERE_KW) {
                    where_condition(p);
                    return;
                }
                while case_item(p) && p.eat(COMMA) {}
            });
        }
        block(p, "expected '{' after 'catch' pattern");
        p.finish(clause, CATCH_CLAUSE);
    }
    p.finish(marker, DO_EXPR);
}
