//! Structs, enums and classes: what they hold and what they inherit.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::Ty;

/// The type of `this` (or, in a static member, the type whose metatype `this` is) in a type declaration or extension or anything inside:
/// a nominal with its own parameters as arguments; `Self` (parameter 0) in protocols and their extensions. None outside of types.
pub fn declared_self_type(_db: &dyn Db, _context: DefId) -> Option<Ty> {
    None
}

/// The stored instance properties declared in the type itself, in order.
pub fn stored_properties(_db: &dyn Db, _nominal: DefId) -> &[DefId] {
    &[]
}

/// The cases of an enum in order.
pub fn enum_cases(_db: &dyn Db, _enum: DefId) -> &[DefId] {
    &[]
}

/// The payload of a case in terms of the enum's parameters; empty without one.
pub fn case_payload(_db: &dyn Db, _case: DefId) -> &[(Option<Name>, Ty)] {
    &[]
}

/// The raw type of an enum that declares one.
pub fn raw_type(_db: &dyn Db, _enum: DefId) -> Option<Ty> {
    None
}

/// The superclass of a class in terms of the class's parameters.
pub fn superclass(_db: &dyn Db, _class: DefId) -> Option<Ty> {
    None
}

/// Whether the first class is the second or inherits from it.
pub fn is_subclass(_db: &dyn Db, _class: DefId, _of: DefId) -> bool {
    false
}

/// The type as an instance of `ancestor`: itself or a superclass, with the arguments substituted.
pub fn inherited_type(_db: &dyn Db, _ty: Ty, _ancestor: DefId) -> Option<Ty> {
    None
}
