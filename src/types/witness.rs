//! Which declaration fulfils a protocol's requirement.

use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::TyList;

/// The implementation of a requirement for a concrete `Self` (the first argument; the requirement's own arguments follow) with its full
/// arguments. The requirement may be a function, initialiser, subscript, variable, or an accessor of the latter two. For an accessor the result
/// is the witness variable's or subscript's accessor when it declares one of that kind, else the variable or subscript itself (a stored
/// property, or one with other accessors). A class's overridable member is returned as declared: the caller dispatches dynamically.
pub fn witness(_db: &dyn Db, _requirement: DefId, _args: TyList) -> Option<(DefId, TyList)> {
    None
}
