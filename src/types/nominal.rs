//! Structs, enums and classes: what they hold and what they inherit.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::item;
use crate::items::tree::ItemKind;
use crate::resolve::decls::{TypeName, extended_decl, inherits, superclass_decl};
use crate::resolve::members::written_members;
use crate::resolve::scope::type_context;
use crate::types::conformance::normalize;
use crate::types::env::self_param;
use crate::types::generics::identity_args;
use crate::types::lower::{Bounds, Lowerer};
use crate::types::signature::signature;
use crate::types::ty::{Ty, TyKind};

/// The type of `this` (or, in a static member, the type whose metatype `this` is) in a type declaration or extension or anything inside:
/// a nominal with its own parameters as arguments; `Self` (parameter 0) in protocols and their extensions. None outside of types.
pub fn declared_self_type(db: &dyn Db, context: DefId) -> Option<Ty> {
    self_type_of(db, type_context(db, context)?)
}

#[salsa::tracked(returns(copy))]
fn self_type_of(db: &dyn Db, context: DefId) -> Option<Ty> {
    let decl = match context.kind(db) {
        DefKind::Extension => extended_decl(db, context)?,
        _ => context,
    };
    if decl.kind(db) == DefKind::Protocol {
        return Some(self_param());
    }
    Some(Ty::nominal(decl, identity_args(db, decl).as_slice()))
}

/// The stored instance properties declared in the type itself, in order.
#[salsa::tracked(returns(deref))]
pub fn stored_properties(db: &dyn Db, nominal: DefId) -> Vec<DefId> {
    let members = written_members(db, nominal).iter().copied();
    members
        .filter(|&m| is_stored(db, m) && !is_static(db, m))
        .collect()
}

fn is_static(db: &dyn Db, def: DefId) -> bool {
    crate::resolve::is_static_member(db, def)
}

/// Whether a variable has storage of its own: no getter or other accessor than observers. A `lazy` variable has, a requirement has not.
pub fn is_stored(db: &dyn Db, def: DefId) -> bool {
    if def.kind(db) != DefKind::Var
        || def
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Protocol)
    {
        return false;
    }
    let Some(item) = item(db, def) else {
        return false;
    };
    let ItemKind::Var(var) = &item.kind else {
        return false;
    };
    // Observers of an override watch the superclass's storage.
    let observed = !var.accessors.is_empty();
    !(item.mods.is_override && observed)
        && var
            .accessors
            .iter()
            .all(|a| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet))
}

/// The cases of an enum in order.
#[salsa::tracked(returns(deref))]
pub fn enum_cases(db: &dyn Db, enum_def: DefId) -> Vec<DefId> {
    let members = written_members(db, enum_def).iter().copied();
    members.filter(|m| m.kind(db) == DefKind::Case).collect()
}

/// The payload of a case in terms of the enum's parameters; empty without one.
#[salsa::tracked(returns(deref))]
pub fn case_payload(db: &dyn Db, case: DefId) -> Vec<(Option<Name>, Ty)> {
    let params = &signature(db, case).params;
    params.iter().map(|p| (p.label, p.ty)).collect()
}

/// Whether a case was declared with a payload, be it an empty one.
pub fn has_payload(db: &dyn Db, case: DefId) -> bool {
    matches!(item(db, case).map(|i| &i.kind), Some(ItemKind::Case(c)) if c.payload.is_some())
}

/// The raw type of an enum that declares one.
#[salsa::tracked(returns(copy), cycle_result = no_type)]
pub fn raw_type(db: &dyn Db, enum_def: DefId) -> Option<Ty> {
    if enum_def.kind(db) != DefKind::Enum {
        return None;
    }
    inherited_nominal(db, enum_def)
}

/// The superclass of a class in terms of the class's parameters.
#[salsa::tracked(returns(copy), cycle_result = no_type)]
pub fn superclass(db: &dyn Db, class: DefId) -> Option<Ty> {
    let decl = superclass_decl(db, class)?;
    // A class that inherits from itself has no superclass, so that nobody walks in circles.
    let mut at = Some(decl);
    let mut steps = 0;
    while let Some(ancestor) = at {
        if ancestor == class || steps > 200 {
            return None;
        }
        steps += 1;
        at = superclass_decl(db, ancestor);
    }
    inherited_nominal(db, class)
}

fn no_type(_: &dyn Db, _: salsa::Id, _: DefId) -> Option<Ty> {
    None
}

/// The first class, struct or enum in an inheritance clause.
fn inherited_nominal(db: &dyn Db, def: DefId) -> Option<Ty> {
    let item = item(db, def)?;
    for entry in inherits(db, def) {
        let names_nominal = entry.names.iter().any(|n| {
            matches!(n, TypeName::Def(d) if crate::resolve::scope::is_nominal(db, *d) && *d != def)
        });
        if !names_nominal {
            continue;
        }
        let mut lowerer = Lowerer::new(db, def, &item.types, Bounds::Context(def));
        lowerer.scope_mode.without_members_of = Some(def);
        let ty = lowerer.constraint(entry.written);
        let ty = match ty.kind() {
            TyKind::Existential(e) => e.superclass?,
            _ => ty,
        };
        return ty.as_nominal().map(|_| normalize(db, Some(def), ty));
    }
    None
}

/// Whether the first class is the second or inherits from it.
pub fn is_subclass(db: &dyn Db, class: DefId, of: DefId) -> bool {
    let mut at = Some(class);
    let mut steps = 0;
    while let Some(class) = at {
        if class == of {
            return true;
        }
        steps += 1;
        at = superclass_decl(db, class).filter(|_| steps < 200);
    }
    false
}

/// The type as an instance of `ancestor`: itself or a superclass, with the arguments substituted.
pub fn inherited_type(db: &dyn Db, ty: Ty, ancestor: DefId) -> Option<Ty> {
    let mut at = match ty.kind() {
        TyKind::DynamicSelf(inner) => *inner,
        _ => ty,
    };
    loop {
        let (def, args) = at.as_nominal()?;
        if def == ancestor {
            return Some(at);
        }
        at = superclass(db, def)?.subst(args.as_slice());
    }
}

/// The type and its superclasses, nearest first.
pub fn class_chain(db: &dyn Db, ty: Ty) -> Vec<Ty> {
    let mut chain = Vec::new();
    let mut at = Some(ty);
    while let Some(ty) = at {
        let Some((def, args)) = ty.as_nominal() else {
            break;
        };
        chain.push(ty);
        at = superclass(db, def).map(|s| s.subst(args.as_slice()));
    }
    chain
}
