//! Setting up a database: the user's module beside the embedded standard library.

use crate::db::{CompilationUnit, CompiledModule, Db, SourceFile, Workspace};
use crate::library::{BUILTIN_SOURCE, CODIRA_SOURCES};
use crate::session::TrackedOptions;
use salsa::Durability;
use std::sync::Arc;

/// Sets the inputs of a compilation of `files` as one module that imports the standard library.
pub fn open(db: &dyn Db, files: Vec<SourceFile>, options: Arc<TrackedOptions>) -> CompilationUnit {
    let library = library(db, &options);
    open_with(db, files, options, library, Vec::new())
}

/// The standard library, which modules that were compiled before refer to.
pub fn library(db: &dyn Db, options: &TrackedOptions) -> CompilationUnit {
    CompilationUnit::of_library(db, CODIRA_SOURCES, options)
}

/// The standard library as a module that was compiled before.
pub fn compiled_library(
    db: &dyn Db,
    paths: &[String],
    options: &TrackedOptions,
    compiled: CompiledModule,
) -> CompilationUnit {
    let options = CompilationUnit::library_options(options);
    CompilationUnit::of_compiled(db, paths, options, None, Vec::new(), compiled)
}

/// Sets the inputs of a compilation of the standard library itself.
pub fn open_library(db: &dyn Db, options: &TrackedOptions) -> CompilationUnit {
    let library = library(db, options);
    let builtin = CompilationUnit::of_builtin(db, BUILTIN_SOURCE, options);
    let _singleton = Workspace::builder(vec![library, builtin])
        .durability(db.durability(Durability::HIGH))
        .new(db);
    library
}

/// The same with modules that were compiled before, each behind those that it needs.
pub fn open_with(
    db: &dyn Db,
    files: Vec<SourceFile>,
    options: Arc<TrackedOptions>,
    library: CompilationUnit,
    modules: Vec<CompilationUnit>,
) -> CompilationUnit {
    let builtin = CompilationUnit::of_builtin(db, BUILTIN_SOURCE, &options);
    let unit = CompilationUnit::of_importer(db, files, options, Some(library), modules.clone());
    let mut units = vec![unit, library, builtin];
    units.extend(modules);
    let _singleton = Workspace::builder(units)
        .durability(db.durability(Durability::HIGH))
        .new(db);
    unit
}
