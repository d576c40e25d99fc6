//! Access control.

use crate::db::Db;
use crate::items::ids::DefId;
use crate::items::tree::Access;

/// Whether `def` may be named from inside `from`.
pub fn is_accessible(_db: &dyn Db, _def: DefId, _from: DefId) -> bool {
    true
}

/// Whether a variable or subscript may be set from inside `from`, as far as access levels go.
pub fn is_settable_from(_db: &dyn Db, _def: DefId, _from: DefId) -> bool {
    true
}

/// The level of access that a declaration has, written or implied by what is around it.
pub fn access_of(_db: &dyn Db, _def: DefId) -> Access {
    Access::Internal
}
