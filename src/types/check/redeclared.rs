//! Names declared twice.

use super::Check;
use crate::base::{FxHashMap, Name};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::Access;
use crate::items::{Anchor, item, module_of};
use crate::resolve::access::access_of;
use crate::resolve::container_of;
use crate::resolve::is_static_member;
use crate::resolve::members::declared_members;
use crate::resolve::scope::{file_def_of, is_type_decl, module_scope};
use crate::types::display::display_name;
use crate::types::generics::{generics, params_of};
use crate::types::signature::signature;
use crate::types::ty::{Ty, TyKind};
use crate::types::witness::plain;

pub(super) fn check(cx: &mut Check<'_>) {
    let db = cx.db;
    let map = match cx.def.parent(db).map(|p| (p, p.kind(db))) {
        Some((_, DefKind::File)) => in_module(db, module_of(db, cx.def)),
        Some((parent, DefKind::Extension)) => match container_of(db, cx.def) {
            Some(container) => in_type(db, container),
            None => in_module(db, module_of(db, parent)),
        },
        Some((parent, _)) if is_type_decl(db, parent) => in_type(db, parent),
        _ => return parameters(cx),
    };
    if let Some(&earlier) = map.get(&cx.def) {
        let name = display_name(db, cx.def);
        cx.error_here(
            "redeclaration",
            format!("invalid redeclaration of '{name}'"),
        );
        cx.note(
            Anchor::Name(earlier),
            format!("'{name}' previously declared here"),
        );
    }
    parameters(cx);
}

/// Two parameters of one name.
fn parameters(cx: &mut Check<'_>) {
    let mut seen: Vec<(Name, usize)> = Vec::new();
    if cx.def.kind(cx.db) == DefKind::Case {
        return;
    }
    for (i, param) in params_of(cx.item).iter().enumerate() {
        let name = param.name;
        if name.is_empty() || name == "_" {
            continue;
        }
        match seen.iter().find(|s| s.0 == name) {
            Some(&(_, first)) => {
                let at = Anchor::Param(cx.def, i as u32);
                cx.error(
                    "redeclaration",
                    at,
                    format!("invalid redeclaration of '{name}'"),
                );
                let first = Anchor::Param(cx.def, first as u32);
                cx.note(first, format!("'{name}' previously declared here"));
            }
            None => seen.push((name, i)),
        }
    }
}

/// Declarations of a module's top level that repeat an earlier one, with that one.
#[salsa::tracked]
fn in_module(db: &dyn Db, module: DefId) -> FxHashMap<DefId, DefId> {
    let mut found = FxHashMap::default();
    for defs in module_scope(db, module).by_name.values() {
        repeated(db, defs, &mut found);
    }
    found
}

/// Members that repeat an earlier one.
#[salsa::tracked]
fn in_type(db: &dyn Db, container: DefId) -> FxHashMap<DefId, DefId> {
    let mut found = FxHashMap::default();
    for defs in declared_members(db, container).by_name.values() {
        repeated(db, defs, &mut found);
    }
    found
}

fn repeated(db: &dyn Db, defs: &[DefId], out: &mut FxHashMap<DefId, DefId>) {
    for (i, &later) in defs.iter().enumerate() {
        let mut before = defs[..i].iter().copied();
        if let Some(earlier) = before.find(|&earlier| conflict(db, earlier, later)) {
            out.insert(later, earlier);
        }
    }
}

fn conflict(db: &dyn Db, a: DefId, b: DefId) -> bool {
    let (ka, kb) = (a.kind(db), b.kind(db));
    if module_of(db, a) != module_of(db, b) {
        return false;
    }
    // Private declarations of different files do not meet.
    let hidden = |d| access_of(db, d) <= Access::Fileprivate;
    if file_def_of(db, a) != file_def_of(db, b) && (hidden(a) || hidden(b)) {
        return false;
    }
    let type_like = |d: DefId, k: DefKind| {
        is_type_decl(db, d) || matches!(k, DefKind::TypeAlias | DefKind::AssociatedType)
    };
    if type_like(a, ka) || type_like(b, kb) {
        // A protocol's extension may alias an associated type to give a default.
        return type_like(a, ka)
            && type_like(b, kb)
            && same_conditions(db, a, b)
            && !(ka == DefKind::AssociatedType || kb == DefKind::AssociatedType);
    }
    if is_static_member(db, a) != is_static_member(db, b) {
        return false;
    }
    let valued = |k| matches!(k, DefKind::Var | DefKind::Case);
    let callable = |k| matches!(k, DefKind::Func | DefKind::Init | DefKind::Subscript);
    // A requirement and its default implementation have one name.
    let in_protocol = |d: DefId| {
        d.parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Protocol)
    };
    if in_protocol(a) != in_protocol(b) {
        return false;
    }
    match (valued(ka), valued(kb)) {
        (true, true) => same_conditions(db, a, b),
        _ if callable(ka) && ka == kb => {
            a.name(db) == b.name(db)
                && same_fixity(db, a, b)
                && same_conditions(db, a, b)
                && same_types(db, a, b)
        }
        _ => false,
    }
}

fn same_fixity(db: &dyn Db, a: DefId, b: DefId) -> bool {
    let fixity = |d| item(db, d).map(|i| (i.mods.is_prefix, i.mods.is_postfix));
    fixity(a) == fixity(b)
}

/// Whether two members stand under the same generic requirements.
fn same_conditions(db: &dyn Db, a: DefId, b: DefId) -> bool {
    let (x, y) = (generics(db, a), generics(db, b));
    x.params.len() == y.params.len()
        && x.requirements.len() == y.requirements.len()
        && x.requirements.iter().all(|&r| {
            let wanted = r.map(&mut nameless);
            y.requirements
                .iter()
                .any(|&o| o.map(&mut nameless) == wanted)
        })
}

fn nameless(ty: Ty) -> Ty {
    plain(ty).map(&mut |t| match t.kind() {
        TyKind::Param { index, .. } => Some(Ty::param(*index, Name::new("_"))),
        _ => None,
    })
}

/// Functions may differ in their types alone; `throws` is no difference.
fn same_types(db: &dyn Db, a: DefId, b: DefId) -> bool {
    let (x, y) = (signature(db, a), signature(db, b));
    let params = |s: &crate::types::signature::Signature| -> Vec<(Ty, bool, bool)> {
        let param = |p: &crate::types::signature::SigParam| {
            let inout = p.mode == crate::types::ty::ParamMode::Inout;
            (nameless(p.ty), p.variadic, inout)
        };
        s.params.iter().map(param).collect()
    };
    let unknown = |s: &crate::types::signature::Signature| {
        s.result.has_error() || s.params.iter().any(|p| p.ty.has_error())
    };
    !unknown(x)
        && !unknown(y)
        && params(x) == params(y)
        && nameless(x.result) == nameless(y.result)
        && x.is_async == y.is_async
}
