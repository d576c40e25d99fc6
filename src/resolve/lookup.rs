//! Unqualified lookup.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;

/// One step of unqualified lookup, from the inside out. The first layer with a fitting candidate wins; overload resolution takes a layer's
/// candidates together (and module and library functions of one name together).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layer {
    /// Members of the type around the use: to be looked up with [`crate::resolve::member_candidates`] on `this`, or on the metatype when
    /// `is_static`. `context` is the type or extension declaration, `candidates` all members of that name, inherited ones too.
    Members {
        context: DefId,
        is_static: bool,
        candidates: Vec<DefId>,
    },
    /// A type found lexically: a generic parameter, a member type, a local type.
    Type(DefId),
    /// Declarations at the top level of the use's module.
    Module(Vec<DefId>),
    /// Those of an imported module, the library last.
    Imported(Vec<DefId>),
    /// The name of a module itself.
    ModuleName(DefId),
}

/// What an unqualified name may mean in a scope, apart from locals. The scope is the declaration whose body the name stands in.
pub fn lookup_value(_db: &dyn Db, _scope: DefId, _name: Name) -> Vec<Layer> {
    Vec::new()
}

/// The name in scope that is most like one that was not found.
pub fn suggest(_db: &dyn Db, _scope: DefId, _name: Name) -> Option<Name> {
    None
}
