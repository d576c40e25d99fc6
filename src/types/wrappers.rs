//! The types of what property wrappers make of a variable.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::{Item, ItemKind, VarItem, WrapperRole};
use crate::resolve::access::has_initial_value;
use crate::types::hooks;
use crate::types::lower::{NoHost, TypeHost, resolve_type};
use crate::types::members::member_candidates;
use crate::types::signature::{SigParam, Signature, ThisKind, raw_var_type, var_type};
use crate::types::ty::{Ty, TyKind};

/// The part that a variable plays where property wrappers are involved.
pub fn wrapper_role(db: &dyn Db, var: DefId) -> Option<WrapperRole> {
    if var.kind(db) != DefKind::Var {
        return None;
    }
    match &item(db, var)?.kind {
        ItemKind::Var(data) => data.wrapper.as_ref().map(|w| w.role),
        _ => None,
    }
}

/// The type of a storage, a projection, or a wrapped variable without a written type.
pub(crate) fn wrapper_type(db: &dyn Db, var: DefId, item: &Item, data: &VarItem) -> Ty {
    let Some(wrapper) = &data.wrapper else {
        return Ty::error();
    };
    match wrapper.role {
        // The wrapped value, if it is given, says what the wrapper is; else the declared type does.
        WrapperRole::Storage { of, has_value, .. } => match data.binding {
            Some(binding)
                if has_initial_value(db, data) && (has_value || !has_written_type(db, of)) =>
            {
                hooks::infer_binding(db, binding)
            }
            _ => storage_type(db, var, of, item),
        },
        WrapperRole::Value { storage, count } => {
            let mut ty = var_type(db, storage);
            for _ in 0..count {
                ty = member_type(db, ty, "wrappedValue", var);
            }
            ty
        }
        WrapperRole::Projection { storage } => {
            member_type(db, var_type(db, storage), "projectedValue", var)
        }
    }
}

fn has_written_type(db: &dyn Db, var: DefId) -> bool {
    matches!(item(db, var).map(|i| &i.kind), Some(ItemKind::Var(v)) if v.ty.is_some())
}

/// The type that the declaration asks of a storage that is made without a wrapped value.
pub fn wanted_storage(db: &dyn Db, storage: DefId) -> Option<Ty> {
    let WrapperRole::Storage { of, has_value, .. } = wrapper_role(db, storage)? else {
        return None;
    };
    (!has_value && has_written_type(db, of)).then(|| var_type(db, storage))
}

/// The type of a property of a type.
fn member_type(db: &dyn Db, ty: Ty, name: &str, from: DefId) -> Ty {
    let found = member_candidates(db, ty, Name::new(name), from);
    match found.iter().find(|c| c.def.kind(db) == DefKind::Var) {
        Some(c) => var_type(db, c.def).subst(c.args.as_slice()),
        None => Ty::error(),
    }
}

/// The type of a storage without an initial value: the wrappers that are written, with the arguments that the declared type asks for.
fn storage_type(db: &dyn Db, storage: DefId, of: DefId, storage_item: &Item) -> Ty {
    struct Open;
    impl TypeHost for Open {
        fn fresh(&mut self) -> Option<Ty> {
            Some(Ty::error())
        }
    }
    let Some(value_item) = item(db, of) else {
        return Ty::error();
    };
    let declared = match &value_item.kind {
        ItemKind::Var(v) => v.ty,
        _ => None,
    };
    let Some(declared) = declared else {
        return Ty::error();
    };
    let mut inner = resolve_type(db, of, &value_item.types, declared, &mut NoHost).0;
    let attrs = &storage_item.attrs;
    let wrappers = attrs.iter().rev().filter_map(|a| {
        let ty = resolve_type(db, storage, &storage_item.types, a.ty?, &mut Open).0;
        let def = ty.nominal_def()?;
        let is_wrapper = item(db, def)?
            .attrs
            .iter()
            .any(|a| a.name == "propertyWrapper");
        is_wrapper.then_some((ty, def))
    });
    for (written, def) in wrappers {
        let complete = written
            .as_nominal()
            .is_some_and(|(_, args)| args.iter().all(|a| !a.is_error()));
        if complete {
            inner = written;
            continue;
        }
        // What the wrapped value's type makes of the wrapper's parameters.
        let own = Ty::nominal(def, crate::types::identity_args(db, def).as_slice());
        let pattern = member_type(db, own, "wrappedValue", storage);
        let count = crate::types::generics(db, def).params.len();
        let mut args = vec![Ty::error(); count];
        unify(pattern, inner, &mut args);
        inner = Ty::nominal(def, &args);
    }
    inner
}

/// Reads off the arguments that make the pattern the type.
fn unify(pattern: Ty, ty: Ty, args: &mut [Ty]) {
    match pattern.kind() {
        TyKind::Param { index, .. } => {
            if let Some(slot) = args.get_mut(*index as usize) {
                *slot = ty;
            }
        }
        TyKind::Nominal { .. } => {
            if let (Some((a, left)), Some((b, right))) = (pattern.as_nominal(), ty.as_nominal())
                && a == b
            {
                for (l, r) in left.iter().zip(right.iter()) {
                    unify(l, r, args);
                }
            }
        }
        TyKind::Tuple(left) => {
            if let Some(right) = ty.as_tuple() {
                for (l, r) in left.iter().zip(right) {
                    unify(l.ty, r.ty, args);
                }
            }
        }
        TyKind::Function(left) => {
            if let Some(right) = ty.as_function() {
                unify(left.result, right.result, args);
                for (l, r) in left.params.iter().zip(&right.params) {
                    unify(l.ty, r.ty, args);
                }
            }
        }
        _ => {}
    }
}

/// The function from a wrapped value to the storage.
pub(crate) fn init_signature(db: &dyn Db, def: DefId) -> Signature {
    let none = || Signature::plain(Vec::new(), Ty::error(), ThisKind::None);
    let Some(storage) = def.parent(db) else {
        return none();
    };
    let Some(WrapperRole::Storage { of, .. }) = wrapper_role(db, storage) else {
        return none();
    };
    let value = SigParam::plain(None, Name::new("wrappedValue"), raw_var_type(db, of));
    Signature::plain(vec![value], raw_var_type(db, storage), ThisKind::None)
}

/// What a memberwise initialiser takes for a storage: the wrapped value where the storage can be made from it.
pub(crate) fn memberwise_param(db: &dyn Db, storage: DefId) -> Option<SigParam> {
    let WrapperRole::Storage {
        of,
        by_value,
        has_value,
    } = wrapper_role(db, storage)?
    else {
        return None;
    };
    let name = of.name(db);
    let ty = match by_value {
        true => raw_var_type(db, of),
        false => raw_var_type(db, storage),
    };
    let default = match (by_value, has_value) {
        (true, true) => Some(crate::items::wrappers::default_def(db, storage)),
        (true, false) => None,
        (false, _) => match &item(db, storage)?.kind {
            ItemKind::Var(v) if has_initial_value(db, v) => v.binding,
            _ => None,
        },
    };
    Some(SigParam {
        default,
        ..SigParam::plain(Some(name), name, ty)
    })
}
