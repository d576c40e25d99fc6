//! Where the phases meet the folders that do the work.
//!
//! Each function is one phase: it asks the queries of one folder for everything that the unit needs, in parallel
//! where that pays, and returns plain data. A phase that is not connected yet says so with an internal error.

use crate::db::{CompilationUnit, RootDatabase};
use crate::diag::Diagnostic;
use crate::items;

use super::{Compiler, Ending};

/// What a phase returns.
type Stage<T> = Result<T, Ending>;

/// The functions that the program needs, each once.
#[derive(Debug, Default)]
pub struct Instances;

/// Their machine code.
#[derive(Debug, Default)]
pub struct Code;

/// An object file for an input.
#[derive(Debug)]
pub struct Object {
    /// The input, as spelled on the command line; empty for the whole module.
    pub input: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// A program, ready to be written or run.
#[derive(Debug)]
pub struct Image {
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

fn missing<T>(stage: &str) -> Stage<T> {
    let message = format!("the stage '{stage}' is not connected");
    Err(Diagnostic::internal_error(message).into())
}

/// Parses every file; returns what the parser has to say.
pub(super) fn parse(db: &RootDatabase, unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    let found = db.par_map(unit.files(db), |db, &file| {
        items::syntax_diagnostics(db, file)
    });
    Ok(found.into_iter().flatten().collect())
}

/// The syntax trees as text.
pub(super) fn dump_parse(db: &RootDatabase, unit: CompilationUnit) -> Stage<String> {
    let trees = unit.files(db).iter();
    Ok(trees
        .map(|&file| format!("{:#?}", items::parse(db, file).syntax()))
        .collect())
}

/// Resolves names and checks types: items, signatures, bodies.
pub(super) fn check(_db: &RootDatabase, _unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    missing("check")
}

/// Checks what needs control flow: initialisation, missing returns, exclusivity.
pub(super) fn analyse(_db: &RootDatabase, _unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    missing("analyse")
}

/// The middle representation as text.
pub(super) fn dump_mir(_db: &RootDatabase, _unit: CompilationUnit) -> Stage<String> {
    missing("lower")
}

/// Cranelift's representation as text.
pub(super) fn dump_clif(_db: &RootDatabase, _unit: CompilationUnit) -> Stage<String> {
    missing("generate")
}

/// Finds every function that the program needs, with its type arguments.
pub(super) fn collect(_db: &RootDatabase, _unit: CompilationUnit) -> Stage<Instances> {
    missing("lower")
}

/// Makes their machine code.
pub(super) fn generate(
    _db: &RootDatabase,
    _unit: CompilationUnit,
    _instances: &Instances,
) -> Stage<Code> {
    missing("generate")
}

/// Puts machine code into object files, one for each input, or one for the module.
pub(super) fn objects(
    _db: &RootDatabase,
    _unit: CompilationUnit,
    _code: &Code,
) -> Stage<Vec<Object>> {
    missing("objects")
}

/// Puts machine code, the runtime and the libraries together.
pub(super) fn link(_compiler: &Compiler, _code: &Code) -> Stage<Image> {
    missing("link")
}
