//! Attributes and declaration modifiers.

use super::Parser;
use super::types::nth_type_start;
use crate::syntax::kind::SyntaxKind::{self, *};

/// Parses the attributes here into one list; nothing is added where there are none.
pub(super) fn attributes(p: &mut Parser) {
    if !p.at(AT) && !super::if_config::at_attribute_if_config(p) {
        return;
    }
    let marker = p.start();
    loop {
        if p.at(AT) {
            attribute(p);
        } else if super::if_config::at_attribute_if_config(p) {
            super::if_config::if_config(p, super::if_config::Context::Attributes);
        } else {
            break;
        }
    }
    p.finish(marker, ATTRIBUTE_LIST);
}

/// Attributes whose arguments follow rules of their own and are kept as balanced tokens.
fn has_token_arguments(name: &str) -> bool {
    name.starts_with('_')
        || matches!(
            name,
            "available"
                | "backDeployed"
                | "objc"
                | "inline"
                | "optimize"
                | "exclusivity"
                | "derivative"
                | "differentiable"
                | "transpose"
                | "convention"
                | "storageRestrictions"
                | "freestanding"
                | "attached"
                | "unavailableFromAsync"
                | "implementation"
                | "cdecl"
                | "c"
                | "abi"
                | "lifetime"
                | "isolated"
                | "execution"
                | "specialize"
                | "section"
                | "export"
                | "warn"
                | "diagnose"
        )
}

fn attribute(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    if p.at(POUND) || !p.nth_is_name(0) || p.nth_space(0) && p.newline_before() {
        p.error("expected-attribute-name", "expected an attribute name");
        return p.finish(marker, ATTRIBUTE);
    }
    let name = p.token_text();
    let token_arguments = has_token_arguments(name) && p.nth(1) != DOT;
    let type_marker = p.start();
    p.bump_name();
    if p.at_l_angle() && !p.nth_space(0) {
        super::generics::generic_args(p);
    }
    p.finish(type_marker, NAMED_TYPE);
    while p.at(DOT) && p.nth_is_name(1) {
        p.bump();
        p.bump_name();
        if p.at_l_angle() && !p.nth_space(0) {
            super::generics::generic_args(p);
        }
        p.finish(type_marker, MEMBER_TYPE);
    }
    if p.at(L_PAREN) && (!p.nth_space(0) || (name == "available" && !p.newline_before())) {
        if token_arguments {
            let args = p.start();
            let opener = p.offset();
            if p.partner_of(p.pos).is_some() {
                p.skip_balanced();
            } else {
                p.bump();
                p.skip_until(|p| p.newline_before() || p.at(R_BRACE));
                p.expect_closing(
                    R_PAREN,
                    opener,
                    &format!("expected ')' in '{name}' attribute"),
                );
            }
            p.finish(args, ATTRIBUTE_ARGS);
        } else {
            super::postfix::argument_list(p);
        }
    }
    p.finish(marker, ATTRIBUTE);
}

/// An attribute before a type: only a few take arguments, so that `@escaping (Int) -> Void` is read right.
pub(super) fn type_attribute(p: &mut Parser) {
    let marker = p.start();
    p.bump();
    if !p.nth_is_name(0) {
        p.error("expected-attribute-name", "expected an attribute name");
        return p.finish(marker, ATTRIBUTE);
    }
    let takes_arguments = matches!(
        p.token_text(),
        "convention"
            | "isolated"
            | "differentiable"
            | "opened"
            | "_opaqueReturnTypeOf"
            | "execution"
            | "_lifetime"
            | "lifetime"
    );
    let type_marker = p.start();
    p.bump_name();
    p.finish(type_marker, NAMED_TYPE);
    while p.at(DOT) && p.nth(1) == IDENT {
        p.bump();
        p.bump();
        p.finish(type_marker, MEMBER_TYPE);
    }
    if takes_arguments && p.at(L_PAREN) && p.partner_of(p.pos).is_some() {
        let args = p.start();
        p.skip_balanced();
        p.finish(args, ATTRIBUTE_ARGS);
    }
    p.finish(marker, ATTRIBUTE);
}

/// The modifier that the token `n` places ahead spells, if any.
pub(super) fn nth_modifier(p: &Parser, n: usize) -> Option<SyntaxKind> {
    match p.nth(n) {
        kind @ (STATIC_KW | PUBLIC_KW | PRIVATE_KW | FILEPRIVATE_KW | INTERNAL_KW | CLASS_KW) => {
            Some(kind)
        }
        IDENT => p.nth_contextual(n).filter(|kind| {
            matches!(
                kind,
                MUTATING_KW
                    | NONMUTATING_KW
                    | CONSUMING_KW
                    | BORROWING_KW
                    | UNDERSCORED_CONSUMING_KW
                    | ISOLATED_KW
                    | NONISOLATED_KW
                    | DISTRIBUTED_KW
                    | CONVENIENCE_KW
                    | REQUIRED_KW
                    | OVERRIDE_KW
                    | FINAL_KW
                    | LAZY_KW
                    | WEAK_KW
                    | UNOWNED_KW
                    | DYNAMIC_KW
                    | OPTIONAL_KW
                    | OPEN_KW
                    | PACKAGE_KW
                    | INDIRECT_KW
                    | PREFIX_KW
                    | POSTFIX_KW
                    | INFIX_KW
                    | ASYNC_KW
                    | CONST_KW
                    | LOCAL_KW
                    | SENDING_KW
                    | UNSAFE_KW
            )
        }),
        _ => None,
    }
}

/// Parses the modifiers before a declaration.
pub(super) fn modifiers(p: &mut Parser) {
    let mut marker = None;
    while let Some(kind) = nth_modifier(p, 0) {
        // `class` is a modifier only before another part of a declaration.
        let is_modifier = if kind == CLASS_KW {
            super::decls::class_is_modifier(p, 0)
        } else {
            !p.at(IDENT) || super::decls::nth_decl_start(p, modifier_end(p, 0), true)
        };
        if !is_modifier {
            break;
        }
        marker.get_or_insert_with(|| p.start());
        let modifier = p.start();
        p.bump_as(kind);
        if p.at(L_PAREN) && p.partner_of(p.pos).is_some() {
            p.skip_balanced();
        }
        p.finish(modifier, MODIFIER);
    }
    if let Some(marker) = marker {
        p.finish(marker, MODIFIER_LIST);
    }
}

/// How many places ahead the modifier at `n` ends, with its argument as in `unowned(safe)`.
pub(super) fn modifier_end(p: &Parser, n: usize) -> usize {
    if p.nth(n + 1) == L_PAREN {
        match p.partner_of(p.pos + n + 1) {
            Some(close) if close - (p.pos + n + 1) <= 4 => return close - p.pos + 1,
            _ => {}
        }
    }
    n + 1
}

/// Whether an attribute here belongs to a closure's or parameter's type.
#[allow(dead_code)]
pub(super) fn at_type_attribute(p: &Parser) -> bool {
    p.at(AT) && nth_type_start(p, 0)
}
