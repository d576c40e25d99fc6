//! Members by name.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};

/// A member of a type, as lookup finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberCandidate {
    pub def: DefId,
    /// The type that has it, as the declaring type sees it: the base itself, a superclass of it, or the base as `Self`.
    pub base: Ty,
    /// Arguments for the parameters outside of the member's own: of the declaring nominal, or `Self` for protocols.
    pub args: TyList,
    pub origin: Origin,
    /// The extension that declares it, when that has requirements of its own: they must hold for `args`
    /// (see [`crate::types::generics::satisfied`]).
    pub constrained: Option<DefId>,
}

/// Through what a member was found; earlier ones hide later ones of the same signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// The type itself or one of its extensions.
    Own,
    /// The nth superclass.
    Superclass(u32),
    /// A requirement of a protocol.
    Requirement,
    /// An extension of a protocol.
    ProtocolExtension,
}

/// The members of a nominal or protocol with this base name (`init`, `subscript` and operators too): its own, synthesised ones, and those
/// of all its extensions. Not inherited ones.
pub fn members_named(_db: &dyn Db, _container: DefId, _name: Name) -> &[DefId] {
    &[]
}

/// All members of a type with this base name, visible or not: over superclasses, conformances, bounds. For a metatype the members of its
/// instance type (the caller picks static ones and initialisers). `from` supplies the generic environment.
pub fn member_candidates(_db: &dyn Db, _ty: Ty, _name: Name, _from: DefId) -> Vec<MemberCandidate> {
    Vec::new()
}
