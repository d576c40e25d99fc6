//! Function values whose types differ because a type was opened: `(any P) -> R` where `(T) -> R` is wanted for the type inside; and functions
//! that do not throw, where a cast wants one that may.
//!
//! The library has a generic function for each shape (`_adapt2` and so on, in `Casts.code`), which makes a closure around the value that casts
//! what it is given and what it gives back. This folder only says which one it is, and for which types.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefKind;
use crate::mir::data::{FnId, FnKind};
use crate::resolve::scope::{library_module, module_members};
use crate::types::lang::{LangItem, lang};
use crate::types::ty::{FnTy, ParamMode, Ty, TyList};

/// The library's function that makes a function of type `to` from one of type `from`, and its type arguments; none where there is no such
/// function for parameters like these.
pub(super) fn function_adapter(db: &dyn Db, from: &FnTy, to: &FnTy) -> Option<(FnId, TyList)> {
    let modes = |f: &FnTy| f.params.iter().map(|p| p.mode).collect::<Vec<_>>();
    let modes_of = modes(from);
    if modes_of != modes(to) || from.is_async || to.is_async {
        return None;
    }
    let plain = modes_of.iter().all(|&mode| mode == ParamMode::Borrow);
    let shape = if plain {
        modes_of.len().to_string()
    } else {
        let letters = modes_of.iter().map(|mode| match mode {
            ParamMode::Borrow => 'b',
            ParamMode::Inout => 'i',
            ParamMode::Owned => 'o',
        });
        ['_'].into_iter().chain(letters).collect()
    };
    let name = Name::new(&format!("_adapt{shape}"));
    let def = module_members(db, library_module(db), name)
        .iter()
        .copied()
        .find(|def| def.kind(db) == DefKind::Func)?;
    let never = || Ty::nominal(lang(db, LangItem::Never), &[]);
    let side = |f: &FnTy| {
        let types: Vec<Ty> = f.params.iter().map(|p| p.ty).chain([f.result]).collect();
        types
    };
    let mut args = side(from);
    args.extend(side(to));
    args.extend([from, to].map(|f| f.throws.unwrap_or_else(never)));
    let id = FnId {
        def,
        kind: FnKind::Body,
    };
    Some((id, TyList::new(&args)))
}
