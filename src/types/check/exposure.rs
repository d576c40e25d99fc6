//! Declarations that show types which their users cannot name.

use super::Check;
use crate::db::Db;
use crate::items::Anchor;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::{Access, ItemKind};
use crate::resolve::access::access_of;
use crate::resolve::container_of;
use crate::resolve::scope::{builtin_module, is_type_decl};
use crate::types::signature::{signature, var_type};
use crate::types::ty::{Ty, TyKind};

/// The word for a level.
pub(super) fn word(access: Access) -> &'static str {
    match access {
        Access::Private => "private",
        Access::Fileprivate => "fileprivate",
        Access::Internal => "internal",
        Access::Package => "package",
        Access::Public => "public",
        Access::Open => "open",
    }
}

pub(super) fn check(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let own = reach(db, def).min(Access::Public);
    // What only the file sees is not told apart further.
    if own <= Access::Fileprivate || crate::items::module_of(db, def) == builtin_module(db) {
        return;
    }
    let mut worst: Option<(Access, &str, DefId)> = None;
    let mut look = |ty: Ty, what: &'static str| {
        if let Some((access, named)) = least(db, ty)
            && access < own
            && worst.is_none_or(|(w, ..)| access < w)
        {
            worst = Some((access, what, named));
        }
    };
    match def.kind(db) {
        DefKind::Var => look(var_type(db, def), "its type"),
        DefKind::Case => {
            let params = &signature(db, def).params;
            params
                .iter()
                .for_each(|p| look(p.ty, "an associated value"));
        }
        _ => {
            let signature = signature(db, def);
            signature
                .params
                .iter()
                .for_each(|p| look(p.ty, "its parameter"));
            if def.kind(db) != DefKind::Init {
                let result = match def.kind(db) {
                    DefKind::Subscript => "its element type",
                    _ => "its result",
                };
                look(signature.result, result);
            }
        }
    }
    let Some((access, what, named)) = worst else {
        return;
    };
    let kind = match def.kind(db) {
        DefKind::Init => "initializer",
        DefKind::Subscript => "subscript",
        DefKind::Var if container_of(db, def).is_some() => "property",
        DefKind::Var => match &cx.item.kind {
            ItemKind::Var(v) if v.is_let => "constant",
            _ => "variable",
        },
        _ if container_of(db, def).is_some() => "method",
        _ => "function",
    };
    let level = if access == Access::Private {
        Access::Fileprivate
    } else {
        access
    };
    let uses = word(access);
    let article = if access == Access::Internal {
        "an"
    } else {
        "a"
    };
    let message = if cx.item.mods.access.is_some() {
        format!(
            "{kind} cannot be declared {} because {what} uses {article} {uses} type",
            word(access_of(db, def))
        )
    } else {
        format!(
            "{kind} must be declared {} because {what} uses {article} {uses} type",
            word(level)
        )
    };
    if def.kind(db) == DefKind::Case {
        cx.error_here(
            "exposed-type",
            format!("enum case in {} enum uses {article} {uses} type", word(own)),
        );
    } else {
        cx.error_here("exposed-type", message);
    }
    cx.note(Anchor::Name(named), "type declared here");
}

/// How far a declaration can be seen, with what is around it.
fn reach(db: &dyn Db, def: DefId) -> Access {
    let mut access = access_of(db, def);
    let mut at = def.parent(db);
    while let Some(outer) = at {
        if is_type_decl(db, outer) {
            access = access.min(access_of(db, outer));
        } else if outer.kind(db) == DefKind::Extension {
            at = crate::resolve::decls::extended_decl(db, outer);
            continue;
        } else if outer.kind(db) == DefKind::File {
            break;
        } else if item(db, outer).is_some() {
            // Local declarations are seen in their body alone.
            return Access::Private;
        }
        at = outer.parent(db);
    }
    access
}

/// The least visible declaration that a type names.
fn least(db: &dyn Db, ty: Ty) -> Option<(Access, DefId)> {
    let mut found: Option<(Access, DefId)> = None;
    ty.any_part(&mut |part| {
        let mut add = |d: DefId| {
            let access = reach(db, d);
            if found.is_none_or(|(f, _)| access < f) {
                found = Some((access, d));
            }
        };
        match part.kind() {
            TyKind::Nominal { def, .. } => add(*def),
            TyKind::Existential(e) => e.protocols.iter().for_each(|&p| add(p)),
            _ => {}
        }
        false
    });
    found
}
