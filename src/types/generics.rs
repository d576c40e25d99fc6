//! Generic parameters and requirements of a declaration, flattened over the declarations around it.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};

/// What a declaration is generic over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Generics {
    /// All parameters in scope, outermost first; an index into this is a [`crate::types::TyKind::Param`]'s index.
    pub params: Vec<GenericParam>,
    /// How many of them belong to declarations further out.
    pub parent_count: u32,
    /// All requirements in scope, those of outer declarations first. A protocol's (and its extensions') begin with `Self: P`.
    pub requirements: Vec<Requirement>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenericParam {
    pub name: Name,
    /// `each T`
    pub is_pack: bool,
    /// `immutable N: Int`
    pub is_value: bool,
    /// Stands for a parameter's `some P`.
    pub is_opaque: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Requirement {
    /// The type conforms to the protocol.
    Conforms(Ty, DefId),
    Same(Ty, Ty),
    /// The first is the second or a subclass of it.
    Superclass(Ty, Ty),
    /// The type is a class.
    Class(Ty),
}

/// The generic parameters and requirements in scope of a declaration's signature.
pub fn generics(_db: &dyn Db, _def: DefId) -> &Generics {
    static NONE: Generics = Generics {
        params: Vec::new(),
        parent_count: 0,
        requirements: Vec::new(),
    };
    &NONE
}

/// The parameters in scope as types, in order: the arguments that a declaration has inside itself.
pub fn identity_args(_db: &dyn Db, _def: DefId) -> TyList {
    TyList::empty()
}
