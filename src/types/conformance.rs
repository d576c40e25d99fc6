//! Whether and why a type conforms to a protocol.

use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};

/// Why a type conforms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Conformance {
    /// A nominal (or one of its superclasses) declares it: `source` is the nominal or the extension that does, `args` the arguments of the
    /// declaring nominal.
    Declared {
        nominal: DefId,
        source: DefId,
        args: TyList,
    },
    /// The generic environment says so.
    Assumed,
    /// An existential conforms to a protocol of its own.
    Existential,
    /// Holds by nature: marker protocols.
    Builtin,
}

/// Why the type conforms to the protocol. `env` is the declaration whose generic requirements are assumed to hold; without one, types are
/// concrete and an existential conforms to its own protocols (which is what an instance for `any P` needs).
pub fn conformance(
    _db: &dyn Db,
    _env: Option<DefId>,
    _ty: Ty,
    _protocol: DefId,
) -> Option<Conformance> {
    None
}

/// Whether [`conformance`] finds one.
pub fn conforms(db: &dyn Db, env: Option<DefId>, ty: Ty, protocol: DefId) -> bool {
    conformance(db, env, ty, protocol).is_some()
}

/// The associated type of a concrete type.
pub fn assoc_type(_db: &dyn Db, _ty: Ty, _assoc: DefId) -> Option<Ty> {
    None
}

/// The type with every projection reduced as far as the environment allows, equal type parameters replaced by one representative.
pub fn normalize(_db: &dyn Db, _env: Option<DefId>, ty: Ty) -> Ty {
    ty
}

/// The same without opaque types: their underlying types come from the bodies. For code generation.
pub fn normalize_concrete(_db: &dyn Db, ty: Ty) -> Ty {
    ty
}
