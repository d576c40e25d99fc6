//! Where the phases meet the folders that do the work.
//!
//! Each function is one phase: it asks the queries of one folder for everything that the unit needs, in parallel
//! where that pays, and returns plain data.

use std::sync::{MutexGuard, PoisonError};

use crate::base::{ContentHash, FxHashSet};
use crate::codegen::blob::LineKey;
use crate::codegen::{self, CodegenError, Output, program};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile};
use crate::diag::Diagnostic;
use crate::items::{self, Anchor, AnchoredDiagnostic, DefId};
use crate::link;
use crate::session::{Mode, OptLevel, Options};
use crate::vfs::BytesCopy;
use crate::{bodies, mir, types};

use super::changes::Rebuild;
use super::linking;
use super::places::DebugPlaces;
use super::program::RestoredImage;
use super::reuse::{Program, Reuse, Scope};
use super::{Compiler, Ending};

/// What a phase returns.
type Stage<T> = Result<T, Ending>;

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
    pub bytes: BytesCopy,
    /// Their hash, where it is known.
    pub pieces: Option<ContentHash>,
}

impl From<Vec<u8>> for Image {
    fn from(bytes: Vec<u8>) -> Image {
        Image {
            bytes: bytes.into(),
            pieces: None,
        }
    }
}

/// Parses every file; returns what the parser has to say.
pub(super) fn parse(db: &RootDatabase, unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    let found = db.par_map(unit.files(db), |db, &file| {
        items::syntax_diagnostics(db, file)
    });
    Ok(found.into_iter().flatten().collect())
}

/// Everything that the front end has to say about a unit, unsorted.
pub fn diagnostics(db: &RootDatabase, unit: CompilationUnit) -> Vec<Diagnostic> {
    let stages = [parse(db, unit), check(db, unit), analyse(db, unit)];
    let found = stages.into_iter().map(|stage| match stage {
        Ok(found) | Err(Ending::Errors(found) | Ending::InputsChanged(found)) => found,
        Err(Ending::Reported | Ending::Stopped) => Vec::new(),
    });
    found.flatten().collect()
}

/// Reads the declarations of the standard library ahead of the checker, which would ask for them one after
/// the other. What earlier processes have left of them is read when it is asked for.
pub(super) fn library(db: &RootDatabase, unit: CompilationUnit) {
    let Some(library) = unit.library(db) else {
        return;
    };
    if library.compiled(db).is_some() {
        return;
    }
    // The longest first, so that no thread is left alone with one at the end.
    let mut files = library.files(db).to_vec();
    files.sort_by_key(|file| std::cmp::Reverse(file.text(db).len()));
    db.par_map(&files, |db, &file| {
        items::item_tree(db, file);
    });
}

/// The syntax trees as text.
pub(super) fn dump_parse(db: &RootDatabase, unit: CompilationUnit) -> Stage<String> {
    let trees = unit.files(db).iter();
    Ok(trees
        .map(|&file| format!("{:#?}", items::parse(db, file).syntax()))
        .collect())
}

/// Resolves names and checks types: items, signatures, bodies.
pub(super) fn check(db: &RootDatabase, unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    let bodies = bodies_of(db, unit);
    let declarations = db.par_map(&declarations_of(db, unit, &bodies), |db, &def| {
        measured(db, types::check::item_diagnostics(db, def))
    });
    let bodies = db.par_map(&bodies, |db, &def| {
        measured(db, bodies::body_diagnostics(db, def))
    });
    Ok(declarations.into_iter().chain(bodies).flatten().collect())
}

/// The expressions that the solver had most to do with, worst first: where they stand, and the steps.
pub(super) fn worst_expressions(db: &RootDatabase, unit: CompilationUnit) -> Vec<(String, u64)> {
    let worst = bodies::work::worst_expressions(db, &bodies_of(db, unit));
    let shown = worst.into_iter().filter_map(|(def, expr, steps)| {
        let span = items::anchor::anchor_span(db, Anchor::Expr(def, expr))?;
        let file = SourceFile::from_key(span.file);
        let at = crate::db::line_index(db, file).line_col(span.range.start());
        let place = format!("{}:{}:{}", file.path(db), at.line, at.col);
        Some((place, steps))
    });
    shown.collect()
}

/// What checking and analysing find, where only files are looked at about which nothing is known yet.
pub(super) fn findings(db: &RootDatabase, unit: CompilationUnit, reuse: &Reuse) -> Vec<Diagnostic> {
    let files = reuse.unknown(unit, db);
    let inquiries = files.iter().map(|(file, bodies)| match bodies {
        None => Inquiry::all(db, *file),
        Some(bodies) => {
            let mut inquiry = Inquiry::default();
            let owners = items::body_owners(db, *file).iter().copied();
            inquiry.add_bodies(db, owners.filter(|def| bodies.contains(def)).collect());
            inquiry
        }
    });
    let found = ask(db, inquiries.collect());
    reuse.learn(files.into_iter().map(|f| f.0).zip(found).collect())
}

/// What the parser has to say, where only files are looked at that have another text.
pub(super) fn parse_known(
    db: &RootDatabase,
    unit: CompilationUnit,
    reuse: &Reuse,
) -> Vec<Diagnostic> {
    let files = reuse.unparsed(unit, db);
    let found = db.par_map(&files, |db, &file| items::syntax_diagnostics(db, file));
    reuse.learn_syntax(files.into_iter().zip(found).collect(), unit, db)
}

/// What the parser has to say about each file that has to be looked at again.
pub(super) fn parse_again(
    db: &RootDatabase,
    unit: CompilationUnit,
    rebuild: &Rebuild,
) -> Vec<Vec<Diagnostic>> {
    let files = unit.files(db).iter().zip(&rebuild.files);
    let files: Vec<_> = files.collect();
    db.par_map(&files, |db, (file, again)| {
        match again.is_changed || again.is_whole {
            true => items::syntax_diagnostics(db, **file),
            false => Vec::new(),
        }
    })
}

/// What checking and analysing find about each file, where only what has to be looked at again is.
pub(super) fn check_again(
    db: &RootDatabase,
    unit: CompilationUnit,
    rebuild: &Rebuild,
) -> Vec<Vec<Diagnostic>> {
    let files = unit.files(db).iter().zip(&rebuild.files);
    let inquiries = files.map(|(&file, again)| {
        if again.is_whole {
            return Inquiry::all(db, file);
        }
        let mut inquiry = Inquiry::default();
        if again.declarations {
            inquiry.declarations = items::declarations(db, file).to_vec();
        }
        if !again.stale.is_empty() {
            let owners: FxHashSet<DefId> = items::body_owners(db, file).iter().copied().collect();
            let stale = again.stale.iter().map(|stale| stale.0);
            let bodies = stale.filter(|def| owners.contains(def)).collect();
            inquiry.add_bodies(db, bodies);
        }
        inquiry
    });
    ask(db, inquiries.collect())
}

/// Definitions of a file that are asked about.
#[derive(Default)]
struct Inquiry {
    declarations: Vec<DefId>,
    bodies: Vec<DefId>,
}

impl Inquiry {
    fn all(db: &dyn Db, file: SourceFile) -> Inquiry {
        let mut inquiry = Inquiry {
            declarations: items::declarations(db, file).to_vec(),
            bodies: Vec::new(),
        };
        inquiry.add_bodies(db, items::body_owners(db, file).to_vec());
        inquiry
    }

    /// Adds outermost bodies with what is declared in them.
    fn add_bodies(&mut self, db: &dyn Db, outermost: Vec<DefId>) {
        let bodies = with_local_bodies(db, outermost);
        let local = bodies
            .iter()
            .flat_map(|&def| items::local_declarations(db, def));
        self.declarations.extend(local.copied());
        self.bodies.extend(bodies);
    }
}

/// The answers to each inquiry.
fn ask(db: &RootDatabase, inquiries: Vec<Inquiry>) -> Vec<Vec<Diagnostic>> {
    let mut by_file: Vec<Vec<Diagnostic>> = inquiries.iter().map(|_| Vec::new()).collect();
    let mut questions: Vec<(usize, Question)> = Vec::new();
    for (index, inquiry) in inquiries.into_iter().enumerate() {
        let declarations = inquiry.declarations.into_iter().map(Question::Declaration);
        let bodies = inquiry.bodies.into_iter().map(Question::Body);
        questions.extend(declarations.chain(bodies).map(|question| (index, question)));
    }
    let answers = db.par_map(&questions, |db, (index, question)| {
        let found = match *question {
            Question::Declaration(def) => measured(db, types::check::item_diagnostics(db, def)),
            Question::Body(def) => {
                let mut found = measured(db, bodies::body_diagnostics(db, def));
                found.extend(measured(db, mir::flow::flow_diagnostics(db, def)));
                found
            }
        };
        (*index, found)
    });
    for (index, found) in answers {
        by_file[index].extend(found);
    }
    by_file
}

/// What is asked about a definition.
enum Question {
    Declaration(DefId),
    Body(DefId),
}

/// Every declaration of the unit: those of its files, then those inside of `bodies`.
fn declarations_of(db: &dyn Db, unit: CompilationUnit, bodies: &[DefId]) -> Vec<DefId> {
    declarations_in(db, unit.files(db), bodies)
}

fn declarations_in(db: &dyn Db, files: &[SourceFile], bodies: &[DefId]) -> Vec<DefId> {
    let files = files.iter();
    let outer = files.flat_map(|&file| items::declarations(db, file));
    let local = bodies
        .iter()
        .flat_map(|&def| items::local_declarations(db, def));
    outer.chain(local).copied().collect()
}

/// Checks what needs control flow: initialisation, missing returns, exclusivity.
pub(super) fn analyse(db: &RootDatabase, unit: CompilationUnit) -> Stage<Vec<Diagnostic>> {
    let found = db.par_map(&bodies_of(db, unit), |db, &def| {
        measured(db, mir::flow::flow_diagnostics(db, def))
    });
    Ok(found.into_iter().flatten().collect())
}

/// Every body of the unit, those of local declarations after the ones around them.
fn bodies_of(db: &dyn Db, unit: CompilationUnit) -> Vec<DefId> {
    bodies_in(db, unit.files(db))
}

fn bodies_in(db: &dyn Db, files: &[SourceFile]) -> Vec<DefId> {
    let files = files.iter();
    let outermost = files.flat_map(|&file| items::body_owners(db, file));
    with_local_bodies(db, outermost.copied().collect())
}

fn with_local_bodies(db: &dyn Db, outermost: Vec<DefId>) -> Vec<DefId> {
    let mut all = outermost;
    let mut at = 0;
    while let Some(&def) = all.get(at) {
        all.extend(items::local_body_owners(db, def));
        at += 1;
    }
    all
}

fn measured(db: &dyn Db, found: &[AnchoredDiagnostic]) -> Vec<Diagnostic> {
    let found = found.iter();
    found
        .map(|d| items::anchor::resolve_diagnostic(db, d))
        .collect()
}

/// The middle representation as text.
pub(super) fn dump_mir(db: &RootDatabase, unit: CompilationUnit) -> Stage<String> {
    if program::opt_level(db) != OptLevel::None {
        return Ok(program::optimized_text(db, unit));
    }
    let mut text = String::new();
    for def in bodies_of(db, unit) {
        for id in mir::functions_of(db, def) {
            if let Some(mir) = mir::mir(db, id) {
                text.push_str(&mir::dump::dump(db, mir));
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// Cranelift's representation as text.
pub(super) fn dump_clif(db: &RootDatabase, unit: CompilationUnit) -> Stage<String> {
    Ok(program::program_text(db, unit))
}

/// Finds every function that the program needs, with its type arguments, and makes their machine code.
pub(super) fn generate(compiler: &Compiler) -> Stage<MutexGuard<'_, Program>> {
    let program = compiler.program.lock();
    let mut program = program.unwrap_or_else(PoisonError::into_inner);
    update(compiler, &mut program, Scope::Program)?;
    Ok(program)
}

/// The same for objects, which hold what the program itself does not need as well. What is linked at once holds other modules' code too, and so do
/// the objects of a program: only who sees all of it knows which types are met where.
pub(super) fn generate_module(compiler: &Compiler) -> Stage<Output> {
    let db = &compiler.db;
    let program = compiler.program.lock();
    let mut program = program.unwrap_or_else(PoisonError::into_inner);
    let is_linked = linking::needs_linker(compiler);
    let is_program = !is_linked && is_whole_program(compiler);
    let scope = match is_linked || is_program {
        true => Scope::Module,
        false => Scope::Library,
    };
    update(compiler, &mut program, scope)?;
    if program.record.know_keys(db).is_none() {
        // What cannot be read is made again.
        *program = Program::default();
        update(compiler, &mut program, scope)?;
    }
    if let Some((place, state)) = &compiler.record_place {
        program.save(&*compiler.system, place, *state);
    }
    Ok(match scope {
        Scope::Library => codegen::compiled::library(db, &program.record),
        Scope::Module if is_program => codegen::compiled::program_objects(db, &program.record),
        Scope::Module | Scope::Program => program.record.output(),
    })
}

/// Whether objects are those of a program that uses other modules, and the code of all of these is there. Without it each module has its own part only.
fn is_whole_program(compiler: &Compiler) -> bool {
    let (db, unit) = (&compiler.db, compiler.unit);
    compiler.options.untracked.mode == Mode::EmitObject
        && !compiler.modules.is_empty()
        && program::entry(db, unit, false).is_some()
        && super::modules::missing_code(db, unit.dependencies(db)).is_empty()
}

fn update(compiler: &Compiler, program: &mut Program, scope: Scope) -> Stage<()> {
    let updated = program.update(&compiler.db, compiler.unit, scope);
    updated.map_err(|errors| codegen_errors(compiler, errors))?;
    if compiler.record_place.is_some() {
        program.seal(&compiler.db);
    }
    Ok(())
}

fn codegen_errors(compiler: &Compiler, errors: Vec<CodegenError>) -> Ending {
    let modules = compiler.unit.dependencies(&compiler.db);
    let missing = super::modules::missing_code(&compiler.db, modules);
    if !missing.is_empty() {
        return missing.into();
    }
    let errors = errors.iter();
    let errors: Vec<_> = errors
        .map(|error| Diagnostic::internal_error(error.to_string()))
        .collect();
    errors.into()
}

/// Puts machine code into object files, one for each input, or one for the module.
pub(super) fn objects(compiler: &Compiler, code: &Output) -> Stage<Vec<Object>> {
    let (db, options) = (&compiler.db, &compiler.options);
    let lines = codegen::record::line_of_output;
    let debug = DebugPlaces::new(compiler);
    let place = |key: LineKey| code.place(key);
    let extras = link::object_file::Extras {
        debug: debug.as_ref().map(|debug| debug.source(&place)),
        autolink: &linking::autolink_entries(compiler),
    };
    if options.tracked.whole_module && options.untracked.num_threads == 0 {
        let bytes =
            link::object_file::write_object_with(&code.functions, &code.data, &lines, &extras);
        let bytes = bytes.map_err(link_error)?;
        let input = String::new();
        return Ok(vec![Object { input, bytes }]);
    }
    let pieces = codegen::objects::by_file(db, compiler.unit, code);
    let inputs = options.untracked.inputs.iter();
    let object = |(input, piece): (&String, codegen::objects::FileCode<'_>)| {
        let bytes =
            link::object_file::write_object_with(piece.functions, piece.data, &lines, &extras);
        Ok(Object {
            input: input.clone(),
            bytes: bytes.map_err(link_error)?,
        })
    };
    let pieces = inputs
        .zip(pieces)
        .filter(|(input, _)| is_compiled(options, input));
    pieces.map(object).collect()
}

/// Whether an input is one that outputs are made for.
fn is_compiled(options: &Options, input: &String) -> bool {
    let primary = &options.untracked.primary_files;
    primary.is_empty() || primary.contains(input)
}

/// Machine code as text for an assembler: a text for each input, or one for the module.
pub(super) fn assembly(compiler: &Compiler, code: &Output) -> Stage<Vec<(String, String)>> {
    let (db, options) = (&compiler.db, &compiler.options);
    let lines = codegen::record::line_of_output;
    if options.tracked.whole_module && options.untracked.num_threads == 0 {
        let text = link::assembly::write_assembly(&code.functions, &code.data, &lines);
        return Ok(vec![(String::new(), text.map_err(link_error)?)]);
    }
    let pieces = codegen::objects::by_file(db, compiler.unit, code);
    let inputs = options.untracked.inputs.iter();
    let text = |(input, piece): (&String, codegen::objects::FileCode<'_>)| {
        let text = link::assembly::write_assembly(piece.functions, piece.data, &lines);
        Ok((input.clone(), text.map_err(link_error)?))
    };
    let pieces = inputs
        .zip(pieces)
        .filter(|(input, _)| is_compiled(options, input));
    pieces.map(text).collect()
}

/// Puts machine code and the runtime together, in the image that the last build has left where that is possible.
pub(super) fn link(
    compiler: &Compiler,
    program: &Program,
    restored: Option<RestoredImage>,
) -> Stage<Image> {
    if let Some(image) = restored.and_then(|restored| program.relink(restored)) {
        return Ok(image);
    }
    let debug = DebugPlaces::new(compiler);
    let place = |key: LineKey| program.record.place(key);
    let options = link::image::ImageOptions {
        debug: debug.as_ref().map(|debug| debug.source(&place)),
    };
    let bytes = link::image::write_image(&program.record, &options).map_err(link_error)?;
    Ok(bytes.into())
}

/// The same where the image before is changed, which holds in a process that makes one after the other. Debug information is made as a whole.
pub(super) fn link_again(program: &mut Program) -> Stage<()> {
    program.link().map_err(link_error)
}

fn link_error(error: link::LinkError) -> Ending {
    Diagnostic::global_error("link", error.to_string()).into()
}
