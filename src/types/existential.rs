//! Existentials being opened: which calls can do that, and what is known of the associated types of the value inside.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::decls::all_protocols;
use crate::types::conformance::{assoc_type_unchecked, is_marker};
use crate::types::env::{GenericEnv, is_type_param, self_param};
use crate::types::generics::generic_env;
use crate::types::lang::optional_payload;
use crate::types::lower::compose;
use crate::types::protocols::{assoc_named, assoc_root, primary_assocs};
use crate::types::signature::signature;
use crate::types::ty::{Existential, Ty, TyKind};

/// The type that users of an existential see for an associated type of the value inside: the one that the existential fixes, or else the
/// existential of what its protocols demand of it (`Any` when they demand nothing). None when there is no such associated type.
pub fn projected(db: &dyn Db, existential: &Existential, assoc: DefId) -> Option<Ty> {
    let root = assoc_root(db, assoc);
    if let Some(bound) = bound(db, existential, root) {
        return Some(bound);
    }
    if let Some(class) = existential.superclass
        && let Some(found) = assoc_type_unchecked(db, class, assoc)
    {
        return Some(found);
    }
    let name: Name = root.name(db);
    let mut demands = Demands::default();
    let mut declared = false;
    for &protocol in &existential.protocols {
        let mut family = vec![protocol];
        family.extend_from_slice(all_protocols(db, protocol));
        let (Some(found), Some(env)) = (assoc_named(db, &family, name), generic_env(db, protocol))
        else {
            continue;
        };
        declared = true;
        let inner = Ty::new(TyKind::Assoc {
            base: self_param(),
            assoc: found,
        });
        if let Some(known) = known(db, existential, env, inner) {
            return Some(known);
        }
        demands.add(db, existential, env, inner);
    }
    declared.then(|| demands.existential(db))
}

/// Whether an existential says which type an associated type of the value inside is.
pub fn fixes(db: &dyn Db, existential: &Existential, assoc: DefId) -> bool {
    let root = assoc_root(db, assoc);
    let fixed = |&protocol: &DefId| {
        let mut family = vec![protocol];
        family.extend_from_slice(all_protocols(db, protocol));
        let found = assoc_named(db, &family, root.name(db));
        let (Some(assoc), Some(env)) = (found, generic_env(db, protocol)) else {
            return false;
        };
        let base = self_param();
        known(db, existential, env, Ty::new(TyKind::Assoc { base, assoc })).is_some()
    };
    bound(db, existential, root).is_some()
        || existential.superclass.is_some()
        || existential.protocols.iter().any(fixed)
}

/// What the existential itself fixes for an associated type.
fn bound(db: &dyn Db, existential: &Existential, root: DefId) -> Option<Ty> {
    let name = root.name(db);
    let mut found = existential
        .bindings
        .iter()
        .filter(|(assoc, _)| *assoc == root || assoc.name(db) == name);
    found.next().map(|binding| binding.1)
}

/// The type that a type parameter of a protocol must be, given what the existential fixes.
fn known(db: &dyn Db, existential: &Existential, env: &GenericEnv, param: Ty) -> Option<Ty> {
    let reduced = env.reduce(db, param);
    match reduced.kind() {
        TyKind::Assoc { base, assoc } if *base == self_param() => {
            bound(db, existential, assoc_root(db, *assoc))
        }
        _ if is_type_param(reduced) || reduced.has_params() => None,
        _ => Some(reduced),
    }
}

/// What protocols demand of a type.
#[derive(Default)]
struct Demands {
    protocols: Vec<DefId>,
    superclass: Option<Ty>,
    class_bound: bool,
    bindings: Vec<(DefId, Ty)>,
}

impl Demands {
    fn add(&mut self, db: &dyn Db, existential: &Existential, env: &GenericEnv, param: Ty) {
        let param = env.reduce(db, param);
        self.superclass = self
            .superclass
            .or_else(|| env.superclass_of(db, param).filter(|c| !c.has_params()));
        self.class_bound |= env.is_class(db, param);
        for protocol in env.protocols_of(db, param) {
            if is_marker(db, protocol) || self.protocols.contains(&protocol) {
                continue;
            }
            self.protocols.push(protocol);
            // Only what can be written in angle brackets, so that equal types look the same.
            for &assoc in primary_assocs(db, protocol) {
                let member = Ty::new(TyKind::Assoc { base: param, assoc });
                let assoc = assoc_root(db, assoc);
                if let Some(ty) = known(db, existential, env, member)
                    && !self.bindings.iter().any(|(a, _)| *a == assoc)
                {
                    self.bindings.push((assoc, ty));
                }
            }
        }
    }

    fn existential(self, db: &dyn Db) -> Ty {
        compose(
            db,
            &self.protocols,
            self.superclass,
            self.class_bound,
            self.bindings,
        )
    }
}

/// Whether an existential can be passed for a generic parameter of a function, which then stands for the type of the value inside: a single
/// parameter takes a value, an optional or the metatype of it, and no other mentions it.
pub fn is_openable(db: &dyn Db, function: DefId, index: u32) -> bool {
    if !matches!(
        function.kind(db),
        DefKind::Func | DefKind::Init | DefKind::Subscript
    ) {
        return false;
    }
    let is_param = |ty: Ty| matches!(ty.kind(), TyKind::Param { index: i, .. } if *i == index);
    let mut found = false;
    for param in &signature(db, function).params {
        if !param.ty.any_part(&mut |t| is_param(t)) {
            continue;
        }
        let direct = match param.ty.kind() {
            TyKind::Metatype(of) => is_param(*of),
            _ => is_param(optional_payload(db, param.ty).unwrap_or(param.ty)),
        };
        if found || !direct || param.variadic {
            return false;
        }
        found = true;
    }
    found
}
