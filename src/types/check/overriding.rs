//! Overrides, and the initialisers that a class must have.

use super::Check;
use crate::db::Db;
use crate::items::Anchor;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::item;
use crate::items::tree::{Access, ItemKind};
use crate::resolve::access::access_of;
use crate::resolve::container_of;
use crate::resolve::is_static_member;
use crate::types::class::{Fit, OverrideCandidate, override_candidates};
use crate::types::display::{display_name, display_type};
use crate::types::lang::optional_payload;
use crate::types::nominal::{class_chain, declared_self_type, is_stored, stored_properties};
use crate::types::signature::{signature, var_type};
use crate::types::synth::{designated_inits, has_default, synth_inits};
use crate::types::witness::is_settable;

/// What messages call a kind of member.
fn kind_word(db: &dyn Db, def: DefId, long: bool) -> &'static str {
    let is_static = is_static_member(db, def);
    match def.kind(db) {
        DefKind::Func if !long => "method",
        DefKind::Func if is_static && item(db, def).is_some_and(|i| i.mods.is_class) => {
            "class method"
        }
        DefKind::Func if is_static => "static method",
        DefKind::Func => "instance method",
        DefKind::Var if long && is_static => "static property",
        DefKind::Var => "property",
        DefKind::Subscript => "subscript",
        _ => "initializer",
    }
}

pub(super) fn check_member(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let mods = &cx.item.mods;
    let in_class = container_of(db, def).is_some_and(|c| c.kind(db) == DefKind::Class);
    if !in_class {
        // A protocol may say that a requirement restates an inherited one.
        let in_protocol = container_of(db, def).is_some_and(|c| c.kind(db) == DefKind::Protocol);
        if mods.is_override && !in_protocol {
            cx.error(
                "override-outside-class",
                Anchor::Start(def),
                "'override' can only be specified on class members",
            );
        }
        return;
    }
    if !matches!(
        def.kind(db),
        DefKind::Func | DefKind::Var | DefKind::Subscript | DefKind::Init
    ) {
        return;
    }
    let found = override_candidates(db, def);
    let marked = mods.is_override || (def.kind(db) == DefKind::Init && mods.is_required);
    if !marked {
        return unmarked(cx, &found);
    }
    let mut fitting = found.iter();
    let Some(base) = fitting.find(|c| c.fit != Fit::Different).map(|c| c.def) else {
        if mods.is_override {
            nothing_overridden(cx, &found);
        }
        return;
    };
    let word = kind_word(db, def, true);
    let base_item = item(db, base);
    let note = Anchor::Name(base);
    if base_item.is_some_and(|i| i.mods.is_final) {
        cx.error_here(
            "override-final",
            format!("{word} overrides a 'final' {word}"),
        );
        cx.note(note, "overridden declaration is here");
    } else if base_item.is_some_and(|i| i.mods.is_static) {
        cx.error_here("override-static", format!("cannot override {word}"));
        cx.note(note, "overridden declaration is here");
    }
    let level =
        access_of(db, base).min(container_of(db, def).map_or(Access::Public, |c| access_of(db, c)));
    let level = level.min(Access::Public);
    if access_of(db, def) < level && def.kind(db) != DefKind::Init {
        cx.error_here(
            "override-access",
            format!("overriding {word} must be as accessible as the declaration it overrides"),
        );
        cx.note(note, "overridden declaration is here");
    }
    if def.kind(db) == DefKind::Var {
        property(cx, base);
    }
    if signature(db, def).throws.is_some()
        && signature(db, base).throws.is_none()
        && matches!(def.kind(db), DefKind::Func)
    {
        cx.error_here(
            "override-throws",
            format!("cannot override non-throwing {word} with throwing {word}"),
        );
    }
}

fn property(cx: &mut Check<'_>, base: DefId) {
    let (db, def) = (cx.db, cx.def);
    let name = cx.item.name;
    let observed = matches!(&cx.item.kind, ItemKind::Var(v)
        if v.accessors.iter().any(|a| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet)));
    if is_stored(db, def) && !observed {
        cx.error_here(
            "override-stored",
            format!("cannot override with a stored property '{name}'"),
        );
        cx.note(Anchor::Name(base), "attempt to override property here");
    } else if is_settable(db, base) && !observed && !is_settable(db, def) {
        cx.error_here(
            "override-read-only",
            format!("cannot override mutable property with read-only property '{name}'"),
        );
        cx.note(Anchor::Name(base), "attempt to override property here");
    } else if observed && !is_settable(db, base) {
        cx.error_here(
            "override-observer",
            format!("cannot observe read-only property '{name}'; it can't change"),
        );
    }
}

/// A member that fits one of a superclass and does not say so.
fn unmarked(cx: &mut Check<'_>, found: &[OverrideCandidate]) {
    let (db, def) = (cx.db, cx.def);
    let Some(base) = found.iter().find(|c| c.fit == Fit::Exact).map(|c| c.def) else {
        return;
    };
    if def.kind(db) == DefKind::Init {
        let designated = |d| crate::types::synth::is_designated(db, d);
        let required = item(db, base).is_some_and(|i| i.mods.is_required);
        if required {
            cx.error_here(
                "required-missing",
                "'required' modifier must be present on all overrides of a required initializer",
            );
            cx.note(
                Anchor::Name(base),
                "overridden required initializer is here",
            );
            return;
        }
        // Convenience initialisers are not inherited when they are declared again; `init()` of a root class is synthesised.
        if !designated(base)
            || matches!(base.kind(db), DefKind::Synth(_)) && base.parent(db).is_none()
        {
            return;
        }
    }
    if def
        .parent(db)
        .is_some_and(|p| p.kind(db) == DefKind::Extension)
        && base
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Extension)
    {
        cx.error_here(
            "override-extension",
            format!(
                "{} overrides a declaration of an extension",
                kind_word(db, def, true)
            ),
        );
        return;
    }
    cx.error_here(
        "override-keyword",
        "overriding declaration requires an 'override' keyword",
    );
    cx.note(Anchor::Name(base), "overridden declaration is here");
}

fn nothing_overridden(cx: &mut Check<'_>, found: &[OverrideCandidate]) {
    let (db, def) = (cx.db, cx.def);
    let word = kind_word(db, def, false);
    if let Some(base) = found.first().map(|c| c.def) {
        if def.kind(db) == DefKind::Var {
            let show = |d| display_type(db, var_type(db, d), false);
            let name = cx.item.name;
            let (own, other) = (show(def), show(base));
            cx.error_here(
                "override-type",
                format!("property '{name}' with type '{own}' cannot override a property with type '{other}'"),
            );
            cx.note(Anchor::Name(base), "attempt to override property here");
            return;
        }
        let (own, other) = (signature(db, def), signature(db, base));
        for (i, (a, b)) in own.params.iter().zip(&other.params).enumerate() {
            if optional_payload(db, b.ty) == Some(a.ty) {
                let show = |t| display_type(db, t, false);
                let word = kind_word(db, def, true);
                let message = format!(
                    "cannot override {word} parameter of type '{}' with non-optional type '{}'",
                    show(b.ty),
                    show(a.ty)
                );
                let at = Anchor::ItemType(def, crate::types::generics::params_of(cx.item)[i].ty);
                cx.error("override-optional", at, message);
                return;
            }
        }
    }
    cx.error_here(
        "override-nothing",
        format!("{word} does not override any {word} from its superclass"),
    );
    for candidate in found {
        let name = display_name(db, candidate.def);
        cx.note(
            Anchor::Name(candidate.def),
            format!(
                "potential overridden {} '{name}' here",
                kind_word(db, def, true)
            ),
        );
    }
}

pub(super) fn check_class(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let Some(this) = declared_self_type(db, def) else {
        return;
    };
    if designated_inits(db, def).is_empty() && convenience_only(db, def) {
        let missing: Vec<DefId> = stored_properties(db, def)
            .iter()
            .copied()
            .filter(|&p| !has_default(db, p))
            .collect();
        if !missing.is_empty() {
            let name = def.name(db);
            cx.error_here(
                "no-initializers",
                format!("class '{name}' has no initializers"),
            );
            for property in missing {
                let name = property.name(db);
                cx.note(
                    Anchor::Name(property),
                    format!("stored property '{name}' without initial value prevents synthesized initializers"),
                );
            }
        }
    }
    // Every required initialiser of a superclass is declared again or inherited.
    let mut seen: Vec<DefId> = Vec::new();
    for class in class_chain(db, this).into_iter().skip(1) {
        let Some((decl, _)) = class.as_nominal() else {
            break;
        };
        for &init in crate::resolve::members::written_members(db, decl) {
            let required = item(db, init).is_some_and(|i| i.mods.is_required);
            if !required || init.kind(db) != DefKind::Init || seen.contains(&init) {
                continue;
            }
            let provided = crate::resolve::members::written_members(db, def)
                .iter()
                .any(|&m| m.kind(db) == DefKind::Init && leads_to(db, m, init));
            let inherited = synth_inits(db, def).iter().any(|&s| leads_to(db, s, init));
            let convenience = item(db, init).is_some_and(|i| i.mods.is_convenience);
            let inherited = inherited
                || (convenience && crate::types::synth::inherits_convenience_inits(db, def));
            // A required initialiser that this class overrides by another of the same name hides those further up.
            let hidden = seen.iter().any(|s| s.name(db) == init.name(db));
            seen.push(init);
            if !provided && !inherited && !hidden && !no_own_inits(db, def) {
                let (name, class) = (display_name(db, init), decl.name(db));
                cx.error(
                    "required-init",
                    Anchor::End(def),
                    format!(
                        "'required' initializer '{name}' must be provided by subclass of '{class}'"
                    ),
                );
                cx.note(
                    Anchor::Name(init),
                    "'required' initializer is declared in superclass here",
                );
            }
        }
    }
}

/// Whether an initialiser overrides another one, perhaps by way of others.
fn leads_to(db: &dyn Db, from: DefId, to: DefId) -> bool {
    let mut at = crate::types::class::overridden(db, from);
    let mut steps = 0;
    while let Some(init) = at {
        if init == to {
            return true;
        }
        steps += 1;
        at = crate::types::class::overridden(db, init).filter(|_| steps < 200);
    }
    false
}

/// Whether a class declares no designated initialiser, so that one was to be synthesised.
fn convenience_only(db: &dyn Db, class: DefId) -> bool {
    !crate::resolve::members::written_members(db, class)
        .iter()
        .any(|&m| m.kind(db) == DefKind::Init && crate::types::synth::is_designated(db, m))
}

fn no_own_inits(db: &dyn Db, class: DefId) -> bool {
    convenience_only(db, class)
}
