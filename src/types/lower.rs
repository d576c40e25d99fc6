//! Written types to types.

use crate::base::Arena;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::items::tree::{TypeRef, TypeRefId};
use crate::types::anchor::ItemDiagnostic;
use crate::types::ty::{Existential, Ty};

/// What a body's checker adds to the lowering of a written type.
pub trait TypeHost {
    /// A type for `_` and for each left-out generic argument; none means that leaving out is an error.
    fn fresh(&mut self) -> Option<Ty> {
        None
    }
    /// A type for `some P` outside of a signature's result; none means that it is an error.
    fn opaque(&mut self, _bounds: Ty) -> Option<Ty> {
        None
    }
    /// Whether local types of the function bodies around are visible: true for types written inside a body.
    fn in_body(&self) -> bool {
        false
    }
}

/// A host that adds nothing.
pub struct NoHost;
impl TypeHost for NoHost {}

/// A written type of `context`'s item or body as a type, normalised for the context's generic environment, with what is wrong about it.
pub fn resolve_type(
    _db: &dyn Db,
    _context: DefId,
    _types: &Arena<TypeRef>,
    _id: TypeRefId,
    _host: &mut dyn TypeHost,
) -> (Ty, Vec<ItemDiagnostic>) {
    (Ty::error(), Vec::new())
}

/// The existential of these protocols, sorted and without implied ones.
pub fn compose(
    _db: &dyn Db,
    protocols: &[DefId],
    superclass: Option<Ty>,
    class_bound: bool,
    bindings: Vec<(DefId, Ty)>,
) -> Ty {
    Ty::new(crate::types::ty::TyKind::Existential(Existential {
        protocols: protocols.into(),
        superclass,
        class_bound,
        bindings: bindings.into(),
    }))
}
