//! Operator functions.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;

/// Every function with this operator's name that a module sees: at the top level and in types and extensions, its own, imported, the
/// library's. Callers keep those of the fixity that they need.
pub fn operator_candidates(_db: &dyn Db, _module: DefId, _name: Name) -> &[DefId] {
    &[]
}
