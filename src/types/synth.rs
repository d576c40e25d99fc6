//! Members that the compiler makes: initialisers and derived conformances.

use crate::db::Db;
use crate::items::ids::DefId;

/// The synthesised members of a nominal, as definitions of kind `Synth` whose parent is the nominal.
pub fn synth_members(_db: &dyn Db, _nominal: DefId) -> &[DefId] {
    &[]
}

/// The stored properties that the memberwise initialiser takes, in the order of its parameters.
pub fn memberwise_properties(_db: &dyn Db, _nominal: DefId) -> &[DefId] {
    &[]
}

/// The designated initialiser of the superclass that an inherited initialiser forwards to.
pub fn inherited_init_source(_db: &dyn Db, _synth: DefId) -> Option<DefId> {
    None
}
