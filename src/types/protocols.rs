//! Protocols: requirements, inheritance, associated types.

use crate::db::Db;
use crate::items::ids::DefId;

/// The requirements that the protocol itself declares, in order, without associated types: functions, initialisers, subscripts, variables.
pub fn protocol_requirements(_db: &dyn Db, _protocol: DefId) -> &[DefId] {
    &[]
}

/// Every protocol that it inherits from, directly or not, without itself, each once.
pub fn inherited_protocols(_db: &dyn Db, _protocol: DefId) -> &[DefId] {
    &[]
}

/// The associated types that the protocol itself declares and that redeclare none of an inherited protocol.
pub fn assoc_types(_db: &dyn Db, _protocol: DefId) -> &[DefId] {
    &[]
}

/// Whether only classes can conform.
pub fn is_class_bound(_db: &dyn Db, _protocol: DefId) -> bool {
    false
}
