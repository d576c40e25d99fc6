//! Where declarations begin, and the declarations that are not types or functions.

use super::Parser;
use super::attributes::{attributes, modifier_end, modifiers, nth_modifier};
use super::patterns::{binding_pattern, name};
use super::types::{type_, type_annotation, type_or};
use crate::syntax::kind::SyntaxKind::*;

/// How many modifiers before a declaration are looked at to find out whether it is one.
const MAX_MODIFIERS: usize = 100;

/// Whether a declaration begins `n` places ahead. Behind a modifier or inside of a type, `init` and `case` do too.
pub(super) fn nth_decl_start(p: &Parser, n: usize, member: bool) -> bool {
    let mut n = n;
    let mut member = member;
    // Nobody writes more modifiers; reading on would make long runs of such words quadratic.
    let last = n + MAX_MODIFIERS;
    loop {
        if n > last {
            return false;
        }
        return match p.nth(n) {
            LET_KW | VAR_KW | FN_KW | IMPORT_KW | TYPEALIAS_KW | ENUM_KW | STRUCT_KW | CLASS_KW
            | PROTOCOL_KW | EXTENSION_KW | DEINIT_KW | SUBSCRIPT_KW | OPERATOR_KW
            | PRECEDENCEGROUP_KW | ASSOCIATEDTYPE_KW | STATIC_KW | PUBLIC_KW | PRIVATE_KW
            | INTERNAL_KW | FILEPRIVATE_KW => true,
            AT => true,
            INIT_KW | CASE_KW => member,
            POUND => member && n == 0,
            IDENT => match p.nth_contextual(n) {
                Some(ACTOR_KW | MACRO_KW) if p.nth(n + 1) == IDENT && !p.nth_newline(n + 1) => true,
                Some(_) if nth_modifier(p, n).is_some() => {
                    let next = modifier_end(p, n);
                    if next > n + 1 && p.nth_newline(next) && !member {
                        // `unowned(x)` on a line of its own is a call.
                        return false;
                    }
                    n = next;
                    member = true;
                    continue;
                }
                _ => false,
            },
            _ => false,
        };
    }
}

/// Whether the `class` `n` places ahead stands before another part of a declaration.
pub(super) fn class_is_modifier(p: &Parser, n: usize) -> bool {
    match p.nth(n + 1) {
        FN_KW | VAR_KW | LET_KW | SUBSCRIPT_KW | STATIC_KW | PUBLIC_KW | PRIVATE_KW
        | INTERNAL_KW | FILEPRIVATE_KW | INIT_KW | TYPEALIAS_KW | DEINIT_KW => true,
        IDENT => nth_modifier(p, n + 1).is_some() && nth_decl_start(p, n + 1, true),
        _ => false,
    }
}

/// Parses a declaration with its attributes and modifiers.
pub(super) fn decl(p: &mut Parser) {
    let marker = p.start();
    let attributes_start = p.pos;
    attributes(p);
    modifiers(p);
    if p.at(AT) {
        // Attributes may also stand behind modifiers.
        attributes(p);
        modifiers(p);
    }
    let bodiless = p.bodiless;
    if p.pos > attributes_start && p.replaces_body(attributes_start) {
        p.bodiless = true;
    }
    match p.current() {
        LET_KW | VAR_KW => var_decl(p, marker),
        FN_KW => super::functions::fn_decl(p, marker),
        INIT_KW => super::functions::init_decl(p, marker),
        DEINIT_KW => super::functions::deinit_decl(p, marker),
        SUBSCRIPT_KW => super::functions::subscript_decl(p, marker),
        STRUCT_KW | CLASS_KW | ENUM_KW | PROTOCOL_KW | EXTENSION_KW => {
            super::nominal::nominal(p, marker)
        }
        CASE_KW => super::nominal::enum_case_decl(p, marker),
        IMPORT_KW => import_decl(p, marker),
        TYPEALIAS_KW => typealias(p, marker),
        ASSOCIATEDTYPE_KW => associated_type(p, marker),
        OPERATOR_KW => operator_decl(p, marker),
        PRECEDENCEGROUP_KW => precedence_group(p, marker),
        POUND => {
            super::primary::macro_expansion_rest(p);
            p.finish(marker, MACRO_EXPANSION_DECL);
        }
        IDENT if p.at_contextual(ACTOR_KW) && p.nth(1) == IDENT => {
            super::nominal::nominal(p, marker)
        }
        IDENT if p.at_contextual(MACRO_KW) && p.nth(1) == IDENT => {
            super::functions::macro_decl(p, marker)
        }
        _ => {
            p.error("expected-declaration", "expected declaration");
            p.finish(marker, MISSING_DECL);
        }
    }
    p.bodiless = bodiless;
}

impl Parser<'_> {
    /// Whether an attribute since the token `first` says that the body is elsewhere.
    fn replaces_body(&self, first: usize) -> bool {
        (first..self.pos).any(|index| {
            let token = self.token(index);
            token.kind == IDENT
                && matches!(
                    &self.text[token.start as usize..token.end as usize],
                    "_silgen_name"
                        | "_runtime"
                        | "_extern"
                        | "_builtin"
                        | "_alwaysEmitIntoClient_external"
                        | "extern"
                        | "_semantics_external"
                )
        })
    }
}

fn var_decl(p: &mut Parser, marker: super::Marker) {
    let is_var = p.at(VAR_KW);
    p.bump();
    loop {
        let binding = p.start();
        if !binding_pattern(p) {
            break;
        }
        if p.at(COLON) {
            type_annotation(p);
        }
        if p.at(EQ) {
            let init = p.start();
            let (start, end) = (p.offset(), p.end_offset());
            p.bump();
            let message = "expected initial value after '='";
            if p.newline_before() && (p.at_any(&[R_BRACE, R_PAREN, R_BRACKET, EOF])) {
                // What follows on another line has nothing to do with it.
                p.error_range("expected-expression", start, end, message);
            } else {
                super::exprs::expr_or(p, message);
            }
            p.finish(init, INITIALIZER);
            if super::accessors::at_accessor_block(p) {
                super::accessors::accessor_block(p);
            }
        } else if p.at(L_BRACE) && (is_var || !p.newline_before()) {
            super::accessors::accessor_block(p);
        }
        p.finish(binding, PATTERN_BINDING);
        if !p.eat(COMMA) {
            break;
        }
    }
    p.finish(marker, VAR_DECL);
}

/// `import struct A.B`
fn import_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    if p.at_any(&[
        STRUCT_KW,
        CLASS_KW,
        ENUM_KW,
        PROTOCOL_KW,
        TYPEALIAS_KW,
        FN_KW,
        VAR_KW,
        LET_KW,
    ]) {
        p.bump();
    } else if p.at(IDENT)
        && p.options.dialect == crate::syntax::Dialect::Codira
        && p.token_text() == "fn"
        && p.nth(1) == IDENT
    {
        p.bump_as(FN_KW);
    }
    let path = p.start();
    if !p.at(IDENT) || p.newline_before() {
        p.error(
            "expected-module-name",
            "expected module name in import declaration",
        );
        return p.finish(marker, IMPORT_DECL);
    }
    p.bump();
    while p.at(DOT) {
        p.bump();
        if p.nth_is_name(0) || p.is_operator() {
            p.bump_name();
        } else {
            p.error(
                "expected-module-name",
                "expected identifier in import declaration",
            );
            break;
        }
    }
    p.finish(path, IMPORT_PATH);
    p.finish(marker, IMPORT_DECL);
}

fn typealias(p: &mut Parser, marker: super::Marker) {
    p.bump();
    decl_name(p, "typealias");
    super::generics::optional_generic_params(p);
    if p.at(COLON) {
        p.error("expected-equal", "expected '=' in type alias declaration");
        let colon = p.start();
        p.bump();
        p.finish(colon, ERROR);
        type_(p);
    } else if p.expect(
        EQ,
        "expected-equal",
        "expected '=' in type alias declaration",
    ) {
        type_or(p, "expected type in type alias declaration");
    }
    super::generics::where_clause(p);
    p.finish(marker, TYPEALIAS_DECL);
}

fn associated_type(p: &mut Parser, marker: super::Marker) {
    p.bump();
    decl_name(p, "associatedtype");
    super::nominal::inheritance_clause(p);
    if p.eat(EQ) {
        type_or(p, "expected type in associated type declaration");
    }
    super::generics::where_clause(p);
    p.finish(marker, ASSOCIATED_TYPE_DECL);
}

/// The name of a declaration; a keyword there is reported, with backticks as the cure.
pub(super) fn decl_name(p: &mut Parser, what: &str) -> bool {
    if p.at(IDENT) {
        name(p);
        return true;
    }
    if p.current().is_keyword() && !p.newline_before() {
        let text = p.token_text();
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
        return true;
    }
    if p.at(INT_NUMBER) {
        let text = p.token_text();
        p.error(
            "expected-identifier",
            format!("{what} name can only start with a letter or underscore, not a number"),
        );
        if !text.is_empty() {
            p.bump();
        }
        return true;
    }
    p.error(
        "expected-identifier",
        format!("expected identifier in {what} declaration"),
    );
    false
}

/// `infix operator <> : Group`
fn operator_decl(p: &mut Parser, marker: super::Marker) {
    p.bump();
    if p.is_operator() || p.at_any(&[AMP, QUESTION, POSTFIX_QUESTION, POSTFIX_BANG, ARROW, EQ]) {
        let op = p.start();
        p.bump();
        p.finish(op, NAME);
    } else {
        p.error(
            "expected-operator-name",
            "expected operator name in operator declaration",
        );
    }
    if p.eat(COLON) {
        if p.at(IDENT) {
            p.bump();
            while p.eat(COMMA) {
                if !p.eat(IDENT) {
                    break;
                }
            }
        } else {
            p.error(
                "expected-precedence-group",
                "expected designated type or precedence group name in operator declaration",
            );
        }
    }
    if p.at(L_BRACE) && !p.newline_before() {
        p.error(
            "operator-body",
            "operator should no longer be declared with body",
        );
        let body = p.start();
        p.skip_balanced();
        p.finish(body, ERROR);
    }
    p.finish(marker, OPERATOR_DECL);
}

fn precedence_group(p: &mut Parser, marker: super::Marker) {
    p.bump();
    if p.at(IDENT) {
        name(p);
    } else {
        p.error(
            "expected-identifier",
            "expected identifier after 'precedencegroup'",
        );
    }
    let opener = p.offset();
    if !p.expect(
        L_BRACE,
        "expected-brace",
        "expected '{' after name of precedence group",
    ) {
        return p.finish(marker, PRECEDENCE_GROUP_DECL);
    }
    while !p.at_any(&[R_BRACE, EOF]) {
        let attribute = p.start();
        if !(p.at(IDENT) && p.nth(1) == COLON) {
            let declares = p.current().is_keyword() || p.nth(1) == OPERATOR_KW;
            if declares && p.newline_before() {
                // The closing brace is what is missing.
                break;
            }
            if p.at(SEMICOLON) {
                p.error(
                    "precedence-group-attribute",
                    "expected operator attribute identifier in precedence group body",
                );
            } else {
                let text = p.token_text();
                p.error(
                    "precedence-group-attribute",
                    format!("'{text}' is not a valid precedence group attribute"),
                );
            }
            // Something has to go, or the same token would be looked at for ever.
            let from = p.pos;
            p.skip_until(|p| p.pos > from && (p.at(R_BRACE) || p.newline_before() && p.at(IDENT)));
            continue;
        }
        let known = matches!(
            p.token_text(),
            "higherThan" | "lowerThan" | "associativity" | "assignment"
        );
        if !known {
            let text = p.token_text();
            p.error(
                "precedence-group-attribute",
                format!("'{text}' is not a valid precedence group attribute"),
            );
        }
        p.bump();
        p.bump();
        loop {
            if p.at_any(&[IDENT, TRUE_KW, FALSE_KW]) {
                p.bump();
                while p.at(DOT) && p.nth(1) == IDENT {
                    p.bump();
                    p.bump();
                }
            } else {
                p.error(
                    "precedence-group-attribute",
                    "expected value for precedence group attribute",
                );
                p.skip_until(|p| p.at(R_BRACE) || p.newline_before());
                break;
            }
            if !p.eat(COMMA) {
                break;
            }
        }
        p.finish(attribute, PRECEDENCE_GROUP_ATTRIBUTE);
    }
    p.expect_closing(
        R_BRACE,
        opener,
        "expected '}' at end of precedence group body",
    );
    p.finish(marker, PRECEDENCE_GROUP_DECL);
}
