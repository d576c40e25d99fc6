//! Setting up a database: the user's module beside the embedded standard library.

use crate::db::{CompilationUnit, Db, SourceFile, Workspace};
use crate::library::{BUILTIN_SOURCE, CODIRA_SOURCES};
use crate::session::TrackedOptions;
use salsa::Durability;
use std::sync::Arc;

/// Sets the inputs of a compilation of `files` as one module that imports the standard library.
pub fn open(db: &dyn Db, files: Vec<SourceFile>, options: Arc<TrackedOptions>) -> CompilationUnit {
    let library = CompilationUnit::of_library(db, CODIRA_SOURCES, &options);
    let builtin = CompilationUnit::of_builtin(db, BUILTIN_SOURCE, &options);
    let unit = CompilationUnit::of_user(db, files, options, Some(library));
    let _singleton = Workspace::builder(vec![unit, library, builtin])
        .durability(db.durability(Durability::LOW))
        .new(db);
    unit
}
