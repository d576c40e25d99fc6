//! Closures with their signatures.

use super::Parser;
use super::attributes::attributes;
use super::types::type_annotation;
use crate::syntax::kind::SyntaxKind::*;

/// `{ [captures] (parameters) async throws -> T in statements }`
pub(super) fn closure(p: &mut Parser) {
    p.nested(closure_inner);
}

fn closure_inner(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    let saved = std::mem::take(&mut p.one_line);
    p.in_brackets(|p| {
        if at_signature(p) {
            signature(p);
        }
        super::stmts::block_items(p);
    });
    p.one_line = saved;
    p.expect_closing(R_BRACE, opener, "expected '}' at end of closure");
    p.finish(marker, CLOSURE_EXPR);
}

/// Whether the tokens up to an `in` read as a signature.
fn at_signature(p: &Parser) -> bool {
    let mut n = 0;
    while p.nth(n) == AT && p.nth_is_name(n + 1) {
        n += 2;
        while p.nth(n) == DOT && p.nth_is_name(n + 1) {
            n += 2;
        }
        if p.nth(n) == L_PAREN && !p.nth_space(n) {
            match p.partner_of(p.pos + n) {
                Some(close) => n = close - p.pos + 1,
                None => return false,
            }
        }
    }
    if p.nth(n) == L_BRACKET {
        match p.partner_of(p.pos + n) {
            Some(close) => n = close - p.pos + 1,
            None => return false,
        }
    }
    match p.nth(n) {
        L_PAREN => match p.partner_of(p.pos + n) {
            Some(close) => n = close - p.pos + 1,
            None => return false,
        },
        IDENT | UNDERSCORE
            if p.nth(n + 1) != L_PAREN
                && (!matches!(p.nth_contextual(n), Some(ASYNC_KW))
                    || matches!(p.nth(n + 1), IN_KW | COMMA)) =>
        {
            n += 1;
            while p.nth(n) == COMMA && matches!(p.nth(n + 1), IDENT | UNDERSCORE) {
                n += 2;
            }
        }
        _ => {}
    }
    loop {
        match p.nth(n) {
            IN_KW => return true,
            IDENT if matches!(p.nth_contextual(n), Some(ASYNC_KW | REASYNC_KW)) => n += 1,
            RETHROWS_KW => n += 1,
            THROWS_KW => {
                n += 1;
                if p.nth(n) == L_PAREN {
                    match p.partner_of(p.pos + n) {
                        Some(close) => n = close - p.pos + 1,
                        None => return false,
                    }
                }
            }
            ARROW => return n > 0 && in_follows(p, n + 1),
            _ => return false,
        }
    }
}

/// Whether a type and `in` follow.
fn in_follows(p: &Parser, mut n: usize) -> bool {
    loop {
        match p.nth(n) {
            IN_KW => return true,
            L_PAREN | L_BRACKET => match p.partner_of(p.pos + n) {
                Some(close) => n = close - p.pos + 1,
                None => return false,
            },
            L_BRACE | R_BRACE | R_PAREN | R_BRACKET | SEMICOLON | EOF | EQ => return false,
            _ => n += 1,
        }
    }
}

fn signature(p: &mut Parser) {
    let marker = p.start();
    attributes(p);
    if p.at(L_BRACKET) {
        captures(p);
    }
    if p.at(L_PAREN) {
        let list = p.start();
        let opener = p.offset();
        p.bump();
        while !p.at_any(&[R_PAREN, EOF]) {
            if !parameter(p) || !p.eat(COMMA) {
                break;
            }
        }
        super::postfix::close_arguments(p, R_PAREN, opener, "expected ')' in parameter list");
        p.finish(list, CLOSURE_PARAM_LIST);
    } else if (p.at(UNDERSCORE) || p.at(IDENT))
        && (!p.at_contextual(ASYNC_KW) || matches!(p.nth(1), IN_KW | COMMA))
    {
        let list = p.start();
        loop {
            let param = p.start();
            if p.at(UNDERSCORE) {
                p.bump();
            } else {
                p.bump_name();
            }
            p.finish(param, CLOSURE_PARAM);
            if !p.eat(COMMA) {
                break;
            }
        }
        p.finish(list, CLOSURE_PARAM_LIST);
    }
    super::functions::effects(p);
    if p.at(ARROW) {
        super::functions::return_clause(p, "expected type for closure result");
    }
    p.expect(
        IN_KW,
        "expected-in",
        "expected 'in' after the closure signature",
    );
    p.finish(marker, CLOSURE_SIGNATURE);
}

fn parameter(p: &mut Parser) -> bool {
    let marker = p.start();
    attributes(p);
    let name = |p: &Parser| p.at(UNDERSCORE) || p.nth_is_name(0);
    if p.at(INOUT_KW) && p.nth(1) == IDENT {
        p.bump();
    }
    if p.at(L_PAREN) {
        // Destructuring a tuple in a closure's parameters is no longer in the language.
        p.error(
            "closure-tuple-parameter",
            "closure tuple parameter does not support destructuring",
        );
        p.skip_balanced();
    } else if !name(p) {
        p.error(
            "expected-parameter-name",
            "expected parameter name followed by ':'",
        );
        return false;
    } else {
        for _ in 0..2 {
            if p.at(UNDERSCORE) {
                p.bump();
            } else if name(p) {
                p.bump_name();
            }
        }
    }
    if p.at(COLON) {
        type_annotation(p);
    }
    if p.at_operator("...") {
        p.bump_as(ELLIPSIS);
    }
    p.finish(marker, CLOSURE_PARAM);
    true
}

/// `[weak this, x, unowned y = z]`
fn captures(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    while !p.at_any(&[R_BRACKET, EOF]) {
        let capture = p.start();
        if matches!(p.contextual(), Some(WEAK_KW | UNOWNED_KW))
            && p.at(IDENT)
            && !matches!(p.nth(1), COMMA | R_BRACKET | EQ)
        {
            let modifier = p.start();
            let kind = p.contextual().unwrap_or(IDENT);
            p.bump_as(kind);
            if p.at(L_PAREN) {
                p.skip_balanced();
            }
            p.finish(modifier, MODIFIER);
        }
        if p.at_any(&[LET_KW, VAR_KW]) {
            p.bump();
        }
        if p.nth_is_name(0) {
            let kind = if p.at(THIS_KW) { THIS_KW } else { IDENT };
            p.bump_as(kind);
            if p.at(EQ) {
                let init = p.start();
                p.bump();
                super::exprs::expr(p);
                p.finish(init, INITIALIZER);
            }
        } else {
            p.error(
                "expected-capture",
                "expected name of in closure capture list",
            );
            p.finish(capture, CAPTURE);
            break;
        }
        p.finish(capture, CAPTURE);
        if !p.eat(COMMA) {
            break;
        }
    }
    super::postfix::close_arguments(p, R_BRACKET, opener, "expected ']' at end of capture list");
    p.finish(marker, CAPTURE_LIST);
}
