//! Inheritance clauses, circles, and values that would contain themselves.

use super::Check;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{ItemKind, TypeRef};
use crate::items::{Anchor, item};
use crate::resolve::decls::{TypeName, extended_decl, inherits};
use crate::resolve::members::written_members;
use crate::resolve::scope::is_nominal;
use crate::types::display::display_type;
use crate::types::lower::{Bounds, Lowerer};
use crate::types::nominal::{declared_self_type, enum_cases, has_payload, is_stored};
use crate::types::signature::{raw_signature, raw_var_type};
use crate::types::ty::{Ty, TyKind};

pub(super) fn check(cx: &mut Check<'_>) {
    clause(cx);
    let db = cx.db;
    match cx.def.kind(db) {
        DefKind::Class => class_circle(cx),
        DefKind::Protocol => protocol_circle(cx),
        DefKind::Struct | DefKind::Enum => endless(cx),
        DefKind::Extension => {
            let ItemKind::Extension(ext) = &cx.item.kind else {
                return;
            };
            // The extended type is looked up from the file: the extension's own parameters come from it.
            let scope = cx.def.parent(db).unwrap_or(cx.def);
            let mut lowerer = Lowerer::new(db, scope, &cx.item.types, Bounds::Context(scope));
            let ty = lowerer.constraint(ext.extended);
            let unknown = lowerer
                .diagnostics
                .into_iter()
                .find(|d| d.code.starts_with("unknown"));
            if let Some(mut diagnostic) = unknown {
                diagnostic.anchor = Anchor::ItemType(cx.def, ext.extended);
                cx.out.push(diagnostic);
            } else if extended_decl(db, cx.def).is_none() && !ty.is_error() {
                let name = display_type(db, ty, false);
                let at = Anchor::ItemType(cx.def, ext.extended);
                cx.error(
                    "extension-of-non-nominal",
                    at,
                    format!("non-nominal type '{name}' cannot be extended"),
                );
            }
        }
        _ => {}
    }
}

fn clause(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let kind = def.kind(db);
    let mut superclass: Option<DefId> = None;
    let mut raw_types = 0;
    let mut seen: Vec<DefId> = Vec::new();
    for entry in inherits(db, def) {
        let at = Anchor::ItemType(def, entry.written);
        if matches!(cx.item.types[entry.written], TypeRef::Suppressed(_)) {
            continue;
        }
        let mut lowerer = Lowerer::new(db, def, &cx.item.types, Bounds::Context(def));
        lowerer.scope_mode.without_members_of = Some(def);
        let ty = lowerer.constraint(entry.written);
        if !lowerer.diagnostics.is_empty() {
            cx.out.append(&mut lowerer.diagnostics);
            continue;
        }
        let name = display_type(db, ty, false);
        for named in &entry.names {
            let TypeName::Def(named) = *named else {
                continue;
            };
            if named.kind(db) == DefKind::Protocol {
                if seen.contains(&named) {
                    let name = named.name(db);
                    if is_nominal(db, def) {
                        let own = def.name(db);
                        cx.error(
                            "redundant-conformance",
                            at,
                            format!("redundant conformance of '{own}' to protocol '{name}'"),
                        );
                        cx.note(
                            Anchor::Name(def),
                            format!("'{own}' declares conformance to protocol '{name}' here"),
                        );
                    } else {
                        cx.error(
                            "duplicate-inheritance",
                            at,
                            format!("duplicate inheritance from '{name}'"),
                        );
                    }
                }
                seen.push(named);
                continue;
            }
            let is_class = named.kind(db) == DefKind::Class;
            match kind {
                DefKind::Class if is_class => match superclass {
                    Some(first) => {
                        let (a, b) = (first.name(db), named.name(db));
                        cx.error(
                            "multiple-inheritance",
                            at,
                            format!("multiple inheritance from classes '{a}' and '{b}'"),
                        );
                    }
                    None => {
                        superclass = Some(named);
                        if item(db, named).is_some_and(|i| i.mods.is_final) {
                            let name = named.name(db);
                            cx.error_here(
                                "inherits-final",
                                format!("inheritance from a final class '{name}'"),
                            );
                        }
                    }
                },
                DefKind::Enum if !is_class => {
                    raw_types += 1;
                    if raw_types > 1 {
                        cx.error(
                            "multiple-raw-types",
                            at,
                            format!("multiple enum raw types '{name}'"),
                        );
                    }
                }
                DefKind::Protocol if is_class => {}
                _ => {
                    let message = format!("inheritance from non-protocol, non-class type '{name}'");
                    // Swift names the class itself when a struct stands where its superclass should.
                    match kind {
                        DefKind::Class => cx.error_here("inherits-non-class", message),
                        DefKind::Struct | DefKind::Enum if is_class => cx.error(
                            "inherits-non-class",
                            at,
                            format!(
                                "non-class type '{}' cannot inherit from class '{name}'",
                                def.name(db)
                            ),
                        ),
                        _ => cx.error("inherits-non-class", at, message),
                    }
                }
            }
        }
        let nominal = entry
            .names
            .iter()
            .any(|n| matches!(n, TypeName::Def(_) | TypeName::AnyObject));
        if !nominal && !ty.is_error() && !ty.is_existential() {
            cx.error(
                "inherits-non-class",
                at,
                format!("inheritance from non-protocol, non-class type '{name}'"),
            );
        }
    }
}

/// A class that inherits from itself is reported once, at the first declaration of the circle.
fn class_circle(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let mut circle = vec![def];
    // Supers that make a circle are not answered by `superclass_decl`, whose fallback cuts it: the clauses are read again.
    let next = |d: DefId| {
        inherits(db, d)
            .iter()
            .flat_map(|i| &i.names)
            .find_map(|n| match n {
                TypeName::Def(s) if s.kind(db) == DefKind::Class => Some(*s),
                _ => None,
            })
    };
    let mut at = next(def);
    while let Some(class) = at {
        if class == def {
            if circle.iter().min_by_key(|d| order(db, **d)) == Some(&def) {
                let name = def.name(db);
                cx.error_here(
                    "circular-inheritance",
                    format!("'{name}' inherits from itself"),
                );
                for other in circle.into_iter().skip(1) {
                    let name = other.name(db);
                    cx.note(Anchor::Name(other), format!("class '{name}' declared here"));
                }
            }
            return;
        }
        if circle.contains(&class) {
            return;
        }
        circle.push(class);
        at = next(class);
    }
}

/// Where a declaration stands among those of its module, without a position.
fn order(db: &dyn Db, def: DefId) -> (usize, usize) {
    let Some(file) = crate::items::file_of(db, def) else {
        return (0, 0);
    };
    let tops = &crate::items::item_tree(db, file).top_level;
    let unit = crate::items::unit_of_file(db, file);
    let files = unit.map_or(&[][..], |u| u.files(db));
    let file_order = files.iter().position(|&f| f == file).unwrap_or(0);
    let mut at = def;
    while let Some(parent) = at.parent(db) {
        if parent.kind(db) == DefKind::File {
            break;
        }
        at = parent;
    }
    (file_order, tops.iter().position(|&d| d == at).unwrap_or(0))
}

/// Of protocols that refine each other the last is reported.
fn protocol_circle(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let mut reached: Vec<DefId> = Vec::new();
    let mut queue: Vec<DefId> = vec![def];
    while let Some(at) = queue.pop() {
        for named in inherits(db, at).iter().flat_map(|i| &i.names) {
            if let TypeName::Def(p) = *named
                && p.kind(db) == DefKind::Protocol
                && !reached.contains(&p)
            {
                reached.push(p);
                queue.push(p);
            }
        }
    }
    if !reached.contains(&def) {
        return;
    }
    let reaches_back = |p: DefId| {
        inherits(db, p)
            .iter()
            .flat_map(|i| &i.names)
            .any(|n| matches!(n, TypeName::Def(d) if reached.contains(d)))
    };
    let last = reached
        .iter()
        .copied()
        .filter(|&p| reaches_back(p))
        .max_by_key(|&p| order(db, p));
    if last == Some(def) {
        let name = def.name(db);
        cx.error_here(
            "circular-protocol",
            format!("protocol '{name}' refines itself"),
        );
    }
}

/// Aliases that stand for themselves; of a circle the first is reported.
pub(super) fn check_alias(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let mut reached: Vec<DefId> = Vec::new();
    let mut queue = vec![def];
    while let Some(at) = queue.pop() {
        let Some(item) = item(db, at) else {
            continue;
        };
        if !matches!(item.kind, ItemKind::TypeAlias { .. }) {
            continue;
        }
        for (_, ty) in item.types.iter() {
            let TypeRef::Path(path) = ty else {
                continue;
            };
            let mode = crate::resolve::decls::TypeScope {
                in_body: true,
                ..Default::default()
            };
            let found = crate::resolve::decls::lookup_type(db, at, path[0].name, mode);
            if let Some(TypeName::Def(d)) = found.map(|f| f.name)
                && d.kind(db) == DefKind::TypeAlias
                && !reached.contains(&d)
            {
                reached.push(d);
                queue.push(d);
            }
        }
    }
    if reached.contains(&def) && reached.iter().min_by_key(|d| order(db, **d)) == Some(&def) {
        let name = def.name(db);
        cx.error_here(
            "circular-alias",
            format!("type alias '{name}' references itself"),
        );
    }
}

/// A struct or enum whose values would hold values of itself.
fn endless(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let Some(this) = declared_self_type(db, def) else {
        return;
    };
    match def.kind(db) {
        DefKind::Struct => {
            for &member in written_members(db, def) {
                if !is_stored(db, member) || crate::resolve::is_static_member(db, member) {
                    continue;
                }
                if let Some(ty) = declared_type(db, member)
                    && holds(db, ty, def, &mut Vec::new())
                {
                    let name = this_name(db, this);
                    cx.error(
                        "recursive-value",
                        Anchor::Name(member),
                        format!("value type '{name}' cannot have a stored property that recursively contains it"),
                    );
                    return;
                }
            }
        }
        _ => {
            if cx.item.mods.is_indirect {
                return;
            }
            for &case in enum_cases(db, def) {
                let recursive = payload_types(db, case)
                    .into_iter()
                    .any(|t| holds(db, t, def, &mut Vec::new()));
                if recursive {
                    let name = this_name(db, this);
                    cx.error_here(
                        "recursive-enum",
                        format!("recursive enum '{name}' is not marked 'indirect'"),
                    );
                    cx.note(Anchor::Name(case), "recursive case here");
                    return;
                }
            }
        }
    }
}

fn this_name(db: &dyn Db, ty: Ty) -> String {
    display_type(db, ty, false)
}

/// A stored property's type where it is written: inferring it is left to the bodies.
fn declared_type(db: &dyn Db, property: DefId) -> Option<Ty> {
    let written =
        matches!(item(db, property).map(|i| &i.kind), Some(ItemKind::Var(v)) if v.ty.is_some());
    let lazy = item(db, property).is_some_and(|i| i.mods.is_weak || i.mods.is_unowned);
    (written && !lazy).then(|| raw_var_type(db, property))
}

fn payload_types(db: &dyn Db, case: DefId) -> Vec<Ty> {
    let indirect = item(db, case)
        .is_some_and(|i| matches!(&i.kind, ItemKind::Case(c) if c.indirect) || i.mods.is_indirect);
    if indirect || !has_payload(db, case) {
        return Vec::new();
    }
    raw_signature(db, case)
        .params
        .iter()
        .map(|p| p.ty)
        .collect()
}

/// Whether a value of the type holds, in place, a value of the declaration.
fn holds(db: &dyn Db, ty: Ty, target: DefId, visited: &mut Vec<Ty>) -> bool {
    match ty.kind() {
        TyKind::Tuple(elems) => elems.iter().any(|e| holds(db, e.ty, target, visited)),
        TyKind::Nominal { def, args } => {
            if *def == target {
                return true;
            }
            if visited.contains(&ty) || visited.len() > 200 {
                return false;
            }
            visited.push(ty);
            let args = args.as_slice();
            match def.kind(db) {
                DefKind::Struct => crate::types::nominal::stored_properties(db, *def)
                    .iter()
                    .filter_map(|&p| declared_type(db, p))
                    .any(|t| holds(db, t.subst(args), target, visited)),
                DefKind::Enum if !item(db, *def).is_some_and(|i| i.mods.is_indirect) => {
                    enum_cases(db, *def)
                        .iter()
                        .flat_map(|&c| payload_types(db, c))
                        .any(|t| holds(db, t.subst(args), target, visited))
                }
                _ => false,
            }
        }
        _ => false,
    }
}
