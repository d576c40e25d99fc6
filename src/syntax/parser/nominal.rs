//! Types, protocols, extensions and their members.

use super::Parser;
use super::decls::{decl, decl_name, nth_decl_start};
use super::if_config::{Context, if_config};
use super::types::type_;
use crate::syntax::kind::SyntaxKind::*;

/// `struct`, `class`, `actor`, `enum`, `protocol` and `extension`.
pub(super) fn nominal(p: &mut Parser, marker: super::Marker) {
    let (kind, what) = match p.current() {
        STRUCT_KW => (STRUCT_DECL, "struct"),
        CLASS_KW => (CLASS_DECL, "class"),
        ENUM_KW => (ENUM_DECL, "enum"),
        PROTOCOL_KW => (PROTOCOL_DECL, "protocol"),
        EXTENSION_KW => (EXTENSION_DECL, "extension"),
        _ => (ACTOR_DECL, "actor"),
    };
    if kind == ACTOR_DECL {
        p.bump_as(ACTOR_KW);
    } else {
        p.bump();
    }
    if kind == EXTENSION_DECL {
        super::types::type_or(p, "expected type name in extension declaration");
    } else {
        decl_name(p, what);
        if kind == PROTOCOL_DECL && p.at_l_angle() {
            primary_associated_types(p);
        } else {
            super::generics::optional_generic_params(p);
        }
    }
    inheritance_clause(p);
    super::generics::where_clause(p);
    let opener = p.offset();
    if !p.at(L_BRACE) {
        p.error("expected-brace", format!("expected '{{' in {what}"));
        return p.finish(marker, kind);
    }
    let block = p.start();
    p.bump();
    let bodiless = std::mem::replace(&mut p.bodiless, kind == PROTOCOL_DECL);
    let depth = std::mem::take(&mut p.if_config_depth);
    let saved = std::mem::take(&mut p.in_switch_case);
    p.in_brackets(members);
    p.in_switch_case = saved;
    p.if_config_depth = depth;
    p.bodiless = bodiless;
    p.expect_closing(R_BRACE, opener, &format!("expected '}}' in {what}"));
    p.finish(block, MEMBER_BLOCK);
    p.finish(marker, kind);
}

/// Members up to the closing brace or the end of the `#if` clause that they are in.
pub(super) fn members(p: &mut Parser) {
    loop {
        match p.current() {
            R_BRACE | EOF | POUND_ELSEIF | POUND_ELSE | POUND_ENDIF => return,
            SEMICOLON => {
                p.bump();
                continue;
            }
            POUND_IF if !super::if_config::at_attribute_if_config(p) => {
                if_config(p, Context::Members);
                continue;
            }
            POUND_SOURCE_LOCATION => {
                super::stmts::source_location(p);
                continue;
            }
            _ => {}
        }
        let errors = p.error_count();
        if nth_decl_start(p, 0, true) || p.at(POUND_IF) {
            let before = p.pos;
            p.nested(decl);
            if p.pos == before {
                skip_line(p);
            }
        } else {
            if p.at(IDENT) && p.token_text() == "fn" {
                let at = p.prev_end().max(p.offset() + 2);
                p.error_range(
                    "expected-identifier",
                    at,
                    at,
                    "expected identifier in function declaration",
                );
            } else {
                p.error("expected-declaration", "expected declaration");
            }
            skip_line(p);
        }
        if p.error_count() > errors && !p.newline_before() {
            p.skip_until(|p| {
                p.newline_before()
                    || p.at_any(&[SEMICOLON, R_BRACE, POUND_ENDIF])
                    || nth_decl_start(p, 0, true)
            });
        }
        if p.newline_before()
            || p.at_any(&[R_BRACE, EOF, SEMICOLON, POUND_ENDIF])
            || p.error_count() > errors
        {
            continue;
        }
        p.error_after(
            "consecutive-declarations",
            "consecutive declarations on a line must be separated by ';'",
        );
        let at = p.prev_end();
        p.fixit("consecutive-declarations", at, at, ";");
    }
}

/// Skips to the next line or declaration, taking at least one token.
fn skip_line(p: &mut Parser) {
    let error = p.start();
    p.skip_balanced();
    while !p.newline_before()
        && !p.at_any(&[EOF, R_BRACE, SEMICOLON])
        && !nth_decl_start(p, 0, true)
    {
        p.skip_balanced();
    }
    p.finish(error, ERROR);
}

/// `: A, @unchecked B, ~C`
pub(super) fn inheritance_clause(p: &mut Parser) {
    if !p.at(COLON) {
        return;
    }
    let marker = p.start();
    p.bump();
    loop {
        if !type_(p) || !p.eat(COMMA) {
            break;
        }
    }
    p.finish(marker, INHERITANCE_CLAUSE);
}

/// `<Element, Index>` of a protocol.
fn primary_associated_types(p: &mut Parser) {
    let marker = p.start();
    p.bump_l_angle();
    loop {
        let item = p.start();
        if !p.at(IDENT) {
            p.error(
                "expected-identifier",
                "expected an identifier to name primary associated type",
            );
            break;
        }
        p.bump();
        p.finish(item, PRIMARY_ASSOCIATED_TYPE);
        if !p.eat(COMMA) {
            break;
        }
    }
    if p.at_r_angle() {
        p.bump_prefix(1, R_ANGLE);
    } else {
        p.error(
            "expected-closing",
            "expected '>' to complete primary associated type list",
        );
    }
    p.finish(marker, PRIMARY_ASSOCIATED_TYPE_LIST);
}

/// `case a, b(Int), c = 3`
pub(super) fn enum_case_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    loop {
        let element = p.start();
        if !decl_name(p, "enum 'case'") {
            break;
        }
        if p.at(L_PAREN) && !p.newline_before() {
            payload(p);
        }
        if p.at(EQ) {
            let init = p.start();
            p.bump();
            super::exprs::expr(p);
            p.finish(init, INITIALIZER);
        }
        p.finish(element, ENUM_CASE_ELEMENT);
        if !p.eat(COMMA) {
            break;
        }
    }
    if p.at(COLON) && !p.newline_before() {
        p.error(
            "switch-case-in-enum",
            "'case' label can only appear inside a 'switch' statement",
        );
    }
    p.finish(marker, ENUM_CASE_DECL);
}

fn payload(p: &mut Parser) {
    let marker = p.start();
    let opener = p.offset();
    p.bump();
    p.in_brackets(|p| {
        while !p.at_any(&[R_PAREN, EOF]) {
            let param = p.start();
            let named = |p: &Parser, n: usize| p.nth_is_name(n) || p.nth(n) == UNDERSCORE;
            let names = if named(p, 0) && p.nth(1) == COLON {
                1
            } else if named(p, 0) && named(p, 1) && p.nth(2) == COLON {
                2
            } else {
                0
            };
            for _ in 0..names {
                if p.at(UNDERSCORE) {
                    p.bump();
                } else {
                    p.bump_name();
                }
            }
            if names > 0 {
                p.bump();
            }
            let ok = type_(p);
            if p.at_operator("...") {
                p.bump_as(ELLIPSIS);
            }
            if p.at(EQ) {
                let init = p.start();
                p.bump();
                super::exprs::expr(p);
                p.finish(init, INITIALIZER);
            }
            p.finish(param, ENUM_CASE_PARAM);
            if !ok || !p.eat(COMMA) {
                break;
            }
        }
    });
    super::postfix::close_arguments(p, R_PAREN, opener, "expected ')' at end of tuple list");
    p.finish(marker, ENUM_CASE_PAYLOAD);
}
