//! Whether a program changes what the standard library means.

use crate::db::{CompilationUnit, Db, Workspace};
use crate::items::ids::DefId;
use crate::items::library::is_library_module;
use crate::items::{module_def, module_of};

use super::decls::{TypeName, all_protocols, extended_decl, inherits};
use super::index::module_index;
use super::scope::file_scope;

/// Whether some module makes a type of the library conform to a protocol of the library: then what the library's code does with such a type is
/// the program's own affair, and nothing that another process found out about the library may be used.
#[salsa::tracked(returns(copy))]
pub fn library_is_extended(db: &dyn Db) -> bool {
    let Some(workspace) = Workspace::try_get(db) else {
        return true;
    };
    let mut units = workspace.units(db).iter();
    units.any(|&unit| match module_index(db, module_def(db, unit)) {
        Some(index) => index.extends_library,
        None => extends_library(db, unit),
    })
}

/// Whether this module does.
pub(super) fn extends_library(db: &dyn Db, unit: CompilationUnit) -> bool {
    if is_library_module(unit.name(db)) {
        return false;
    }
    let of_library = |def: DefId| is_library_module(module_of(db, def).name(db));
    for &file in unit.files(db) {
        for &extension in &file_scope(db, file).conforming {
            if !extended_decl(db, extension).is_some_and(of_library) {
                continue;
            }
            let inherited = inherits(db, extension);
            let mut names = inherited.iter().flat_map(|inherited| &inherited.names);
            // A protocol of the program may inherit one of the library.
            let concerns_library = names.any(|name| match *name {
                TypeName::Def(def) => {
                    of_library(def) || all_protocols(db, def).iter().copied().any(of_library)
                }
                _ => true,
            });
            if concerns_library {
                return true;
            }
        }
    }
    false
}
