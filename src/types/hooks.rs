//! What later folders know and signatures need: inferred types, which only the checker of bodies can find.
//!
//! `bodies` registers its queries once, when the compiler starts. They are tracked queries, so that dependencies are recorded as usual.

use crate::base::stack::with_room;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::Ty;
use std::sync::OnceLock;

/// The functions that `bodies` supplies.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// The type of a `Binding`'s whole pattern, inferred from its initial value; the error type when it has none.
    pub infer_binding: for<'db> fn(&'db dyn Db, DefId) -> Ty,
    /// The type of a global variable that a `guard` of the main file binds.
    pub infer_guarded: for<'db> fn(&'db dyn Db, DefId) -> Ty,
    /// The type behind `some` number n of a function, property or subscript, in terms of its generic parameters.
    pub opaque_underlying: for<'db> fn(&'db dyn Db, DefId, u32) -> Option<Ty>,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Registers the hooks; later calls change nothing.
pub fn register(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

/// The type of a binding's pattern, or the error type while nobody has registered.
pub fn infer_binding(db: &dyn Db, binding: DefId) -> Ty {
    HOOKS
        .get()
        .map_or_else(Ty::error, |h| with_room(|| (h.infer_binding)(db, binding)))
}

/// The type of a global variable that a `guard` binds, or the error type while nobody has registered.
pub fn infer_guarded(db: &dyn Db, var: DefId) -> Ty {
    HOOKS
        .get()
        .map_or_else(Ty::error, |h| with_room(|| (h.infer_guarded)(db, var)))
}

/// The type behind an opaque one.
pub fn opaque_underlying(db: &dyn Db, def: DefId, index: u32) -> Option<Ty> {
    HOOKS
        .get()
        .and_then(|h| with_room(|| (h.opaque_underlying)(db, def, index)))
}
