//! Which types are property wrappers, by their syntax alone: lowering a variable with an attribute must know whether the attribute wraps
//! it before any name is resolved.
//!
//! A file's wrappers are a query of their own, so that edits elsewhere in the file change nothing.

use crate::base::{FxHashMap, Name};
use crate::db::{CompilationUnit, Db, Marker, SourceFile};
use crate::items::ids::DefId;
use crate::items::is_compiled;
use crate::items::lazy::remembered_of_module;
use crate::items::library::ResultKind;
use crate::items::lower;
use crate::items::records::remembered;
use serde::{Deserialize, Serialize};

/// What lowering needs to know of a wrapper type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WrapperShape {
    /// `init()` exists: a variable without a value starts out with it.
    pub init_plain: bool,
    /// `init(wrappedValue:)` exists.
    pub init_value: bool,
    /// `projectedValue` exists.
    pub projects: bool,
    /// `projectedValue` may be set.
    pub projection_settable: bool,
    /// `wrappedValue` may be set.
    pub settable: bool,
    /// Setting leaves the wrapper itself as it is: it is a class, or says so.
    pub nonmutating_set: bool,
    /// Reading changes the wrapper.
    pub mutating_get: bool,
}

/// The property wrappers that a file declares, with extensions' contributions under the same name.
#[salsa::tracked]
pub(super) fn file_wrappers(db: &dyn Db, file: SourceFile) -> Vec<(Name, WrapperShape)> {
    if !file.has(db, Marker::PropertyWrapper) && !is_compiled(db, file) {
        return Vec::new();
    }
    let shapes = || lower::wrapper_shapes(db, file);
    remembered(db, file, ResultKind::Wrappers, shapes)
}

/// The property wrappers that attributes in a module may name.
#[salsa::tracked]
pub fn wrappers(db: &dyn Db, unit: CompilationUnit) -> FxHashMap<Name, WrapperShape> {
    let mut all = FxHashMap::default();
    let units = unit.dependencies(db).iter().copied().chain([unit]);
    for unit in units {
        if unit.compiled(db).is_some() {
            all.extend(module_wrappers(db, unit));
            continue;
        }
        for &file in unit.files(db) {
            all.extend(file_wrappers(db, file).iter().copied());
        }
    }
    all
}

/// The property wrappers that the files of a module declare, in order.
pub(super) fn module_wrappers(db: &dyn Db, unit: CompilationUnit) -> Vec<(Name, WrapperShape)> {
    remembered_of_module(db, unit, ResultKind::Wrappers, || {
        let files = unit.files(db).iter();
        files
            .flat_map(|&file| file_wrappers(db, file))
            .copied()
            .collect()
    })
}

/// The function that makes a storage from a wrapped value.
pub fn init_def(db: &dyn Db, storage: DefId) -> DefId {
    lower::wrapper_init(db, storage)
}

/// The wrapped value that a declaration gives, as the default value of a memberwise initialiser's parameter.
pub fn default_def(db: &dyn Db, storage: DefId) -> DefId {
    lower::wrapper_default(db, storage)
}
