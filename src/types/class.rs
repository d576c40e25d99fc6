//! Classes: overriding and the order of vtables.

use crate::db::Db;
use crate::items::ids::DefId;
use crate::mir::data::FnId;

/// The virtual functions of a class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VTable {
    /// The superclass's entries first, in its order.
    pub entries: Vec<VTableEntry>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VTableEntry {
    /// The declaration that introduces the entry: a method (`Body`), a property's or subscript's accessor (`Body` of the accessor, or
    /// `PropertyGet`/`PropertySet` of a stored property), or an initialiser (`Allocate`).
    pub method: FnId,
    /// What the entry holds for this class.
    pub implementation: FnId,
}

/// The vtable of a class.
pub fn vtable(_db: &dyn Db, _class: DefId) -> &VTable {
    static EMPTY: VTable = VTable {
        entries: Vec::new(),
    };
    &EMPTY
}

/// The member of a superclass that this member overrides.
pub fn overridden(_db: &dyn Db, _def: DefId) -> Option<DefId> {
    None
}

/// Whether calls of this class member are dispatched through the vtable: neither final, private, static, nor declared in an extension.
pub fn is_overridable(_db: &dyn Db, _def: DefId) -> bool {
    false
}
