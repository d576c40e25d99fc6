//! Tour of `interface`: a compilation from end to end.
//!
//! * [`compile`] is one function that reads as the list of phases. Each phase is a call into
//!   [`stages`], which connects the folders below; nothing else decides an order.
//! * [`Compiler`] holds what the phases share: the database, the options, the system, the clock.
//! * [`Callbacks`] lets programs that embed the compiler change the configuration and look at the database
//!   between phases; [`run_compiler`] is their door.
//! * [`hot`]: a compilation that is repeated while its files change.
//! * `extras`: outputs beside the main one.
//! * `linking`: programs and libraries that need the system's linker.
//! * `places`: where expressions stand, for debug information.
//! * `inputs`: reading sources.
//! * `incremental`: finding out that there is nothing to do, and leaving what the next build needs for that. `changes`: what there is to do,
//!   and `mentions`: who can notice a change.
//! * `program`: the program on disk, for the next build.
//! * `imported`: what the next build has to know about the modules that were imported.
//! * `remarks`: what a build that reuses results says about itself.
//! * `modules`: modules that were compiled before, and those that this compilation leaves.
//! * [`sysroot`]: the standard library.
//! * `reuse`: what such a process keeps beside the query engine's memos.
//! * [`emit`]: where diagnostics and printed outputs go. [`timing`]: the table of `--time-passes`.
//!
//! ```
//! use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
//! use codira::vfs::MemorySystem;
//! use std::sync::Arc;
//!
//! let system = Arc::new(MemorySystem::new());
//! let mut emitter = BufferEmitter::default();
//! let args = ["-typecheck".to_owned(), "missing.code".to_owned()];
//! let status = run_compiler(&args, &mut NoCallbacks, system, &mut emitter);
//! assert_eq!(status, ExitStatus::Failure);
//! assert!(emitter.stderr.starts_with("error: error opening input file 'missing.code'"));
//! ```

mod changes;
pub mod emit;
mod execute;
mod extras;
pub mod hot;
mod imported;
mod incremental;
mod inputs;
mod linking;
mod mentions;
mod modules;
mod outputs;
mod places;
mod program;
mod remarks;
mod reuse;
pub mod stages;
pub mod sysroot;
pub mod timing;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Fingerprint, Processors};
use crate::db::{CompilationUnit, DbFiles, RootDatabase};
use crate::diag::{Diagnostic, FileList, Files, Report, ReportOptions, prepare};
use crate::metadata::ModuleFile;
use crate::session::{
    DebugInfo, Invocation, Mode, Options, OutputFileMap, cli, table, version_text,
};
use crate::store::Store;
use crate::vfs::System;

use self::changes::Rebuild;
use self::incremental::BuildRecord;
use self::inputs::{LateReads, ReadInputs};
use self::outputs::Made;
use self::program::ProgramPlace;
use self::remarks::Moment;
use self::reuse::{Program, Reuse};
use self::stages::Image;

use self::emit::Attempts;
pub use self::emit::{BufferEmitter, Emitter, StdEmitter};
pub use self::timing::Timing;

/// Everything that a compilation starts from.
#[derive(Debug)]
pub struct Config {
    /// What the user asked for.
    pub options: Options,
    /// Where files come from and go to.
    pub system: Arc<dyn System>,
    /// Whether the process ends with this compilation. Then nothing is freed first: the operating system takes
    /// all memory back at once, which is much faster.
    pub one_shot: bool,
    /// What earlier processes found out, and a place to leave more.
    pub store: Option<Arc<Store>>,
    /// The processors that this compilation shares with others of the process; all of them if it is the only one.
    pub processors: Option<Arc<Processors>>,
}

/// How a compilation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// All outputs were made.
    Success,
    /// There were errors, and they were reported.
    Failure,
    /// A callback stopped the compilation.
    Stopped,
}

impl ExitStatus {
    /// The number that a process exits with.
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Success | ExitStatus::Stopped => 0,
            ExitStatus::Failure => 1,
        }
    }
}

/// What a callback wants to happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compilation {
    /// Go on.
    Continue,
    /// Make no more outputs; what was reported stays reported.
    Stop,
}

/// Code that runs between the phases. Every method has a default that does nothing.
pub trait Callbacks {
    /// Called before anything is read.
    fn config(&mut self, _config: &mut Config) {}

    /// Called when every file is parsed, with or without errors.
    fn after_parsing(&mut self, _compiler: &Compiler) -> Compilation {
        Compilation::Continue
    }

    /// Called when the program is checked and has no errors.
    fn after_analysis(&mut self, _compiler: &Compiler) -> Compilation {
        Compilation::Continue
    }

    /// Called when the module file is written, before any code is generated: others can import the module now.
    fn after_module(&mut self, _compiler: &Compiler) -> Compilation {
        Compilation::Continue
    }

    /// Called before code is generated: the archives of the modules that are imported are needed now.
    fn before_code(&mut self, _compiler: &Compiler) -> Compilation {
        Compilation::Continue
    }
}

/// No callbacks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCallbacks;

impl Callbacks for NoCallbacks {}

/// What the phases of a compilation share.
pub struct Compiler {
    /// The database with the inputs set.
    pub db: RootDatabase,
    /// The user's module.
    pub unit: CompilationUnit,
    /// What the user asked for.
    pub options: Options,
    /// Where files come from and go to.
    pub system: Arc<dyn System>,
    /// Where the output file map wants outputs.
    pub file_map: OutputFileMap,
    /// What earlier processes found out, and a place to leave more.
    pub store: Option<Arc<Store>>,
    /// The modules that the files import, and those that these need, each behind its own.
    pub modules: Vec<ModuleFile>,
    /// The paths of their archives, as far as these are there.
    pub archives: Vec<String>,
    /// Files that were not read at first.
    late: Arc<LateReads>,
    /// What earlier builds of this process found out.
    reuse: Option<Arc<Reuse>>,
    /// What has to be asked again, where earlier processes have left answers.
    rebuild: Option<Rebuild>,
    /// Why the program that an earlier process has left is not used, if it is not.
    remade: Option<&'static str>,
    /// The program, with what of it is known from before.
    program: Arc<Mutex<Program>>,
    /// Whether what this compilation makes is written down for the next one.
    is_recorded: bool,
    /// Where the program is written down, and as belonging to which texts.
    record_place: Option<(ProgramPlace, Fingerprint)>,
}

impl Compiler {
    /// What is to be said about functions that were compiled.
    fn compiled(&self, rebuild: &Rebuild) -> Vec<String> {
        if rebuild.everything.is_some() || !self.options.untracked.explain_rebuild {
            return Vec::new();
        }
        let program = self.program.lock();
        let program = program.unwrap_or_else(PoisonError::into_inner);
        if program.is_remade {
            let why = match self.options.tracked.opt_level.is_optimized() {
                true => "optimised functions contain others",
                false => self
                    .remade
                    .or(program.missing)
                    .unwrap_or("the record of the program is damaged"),
            };
            return vec![format!("Compiled every function: {why}")];
        }
        remarks::compiled(&self.db, self.unit, rebuild, program.record.generated())
    }

    /// What a phase gives, unless it has met a module file with damage in it, or a source file that has changed. Then that is the error: whatever the phase gives, or says, may be a consequence.
    fn intact<T>(&self, ending: Phase<T>) -> Phase<T> {
        let changed = self.late.problems();
        if !changed.is_empty() {
            return Err(Ending::InputsChanged(changed));
        }
        match modules::damage(&self.db) {
            damage if damage.is_empty() => ending,
            damage => Err(damage.into()),
        }
    }

    /// Leaves what this compilation found out to later ones, if it can be trusted.
    fn save_results(&self) {
        if let Some(store) = &self.store
            && self.intact(Ok(())).is_ok()
        {
            store.save();
        }
    }
}

/// Why a compilation ends before its last phase.
enum Ending {
    /// Errors, which still have to be reported.
    Errors(Vec<Diagnostic>),
    /// Source files are not what they were at the beginning; what that means for them.
    InputsChanged(Vec<Diagnostic>),
    /// Errors that were reported.
    Reported,
    /// A callback said so.
    Stopped,
}

/// What a phase gives: a value, or the end of the compilation.
type Phase<T> = Result<T, Ending>;

impl From<Diagnostic> for Ending {
    fn from(diagnostic: Diagnostic) -> Ending {
        Ending::Errors(vec![diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Ending {
    fn from(diagnostics: Vec<Diagnostic>) -> Ending {
        Ending::Errors(diagnostics)
    }
}

/// Compiles what a command line (without the program's name) asks for.
pub fn run_compiler(
    args: &[String],
    callbacks: &mut dyn Callbacks,
    system: Arc<dyn System>,
    emitter: &mut dyn Emitter,
) -> ExitStatus {
    match cli::parse(&*system, args) {
        Ok(Invocation::Help) => print(emitter, &table::help("languagec")),
        Ok(Invocation::Version) => print(emitter, &version_text(Default::default())),
        Ok(Invocation::Compile(options, warnings)) => {
            emit_global(emitter, &options, warnings);
            let config = Config::new(*options, system);
            run(config, callbacks, emitter)
        }
        Err(problems) => {
            emit_global(emitter, &cli::reporting_options(args), problems);
            ExitStatus::Failure
        }
    }
}

/// Prints a text that was asked for; that it cannot be printed is an error.
pub fn print(emitter: &mut dyn Emitter, text: &str) -> ExitStatus {
    match emitter.print(text) {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            let problem = outputs::unwritable("<stdout>", &error);
            emit_global(emitter, &Options::default(), vec![problem]);
            ExitStatus::Failure
        }
    }
}

/// Reports diagnostics that point into no source file.
pub fn emit_global(emitter: &mut dyn Emitter, options: &Options, diagnostics: Vec<Diagnostic>) {
    let files = FileList::new();
    let report = prepare(diagnostics, &report_options(options), &files);
    emitter.report(&report, &files, options);
}

/// Compiles what `config` asks for.
pub fn run(
    mut config: Config,
    callbacks: &mut dyn Callbacks,
    emitter: &mut dyn Emitter,
) -> ExitStatus {
    callbacks.config(&mut config);
    let mut timing = Timing::new(config.options.untracked.time_passes);
    let options = config.options.clone();
    let mut again = Config::new(options.clone(), config.system.clone());
    (again.one_shot, again.store) = (config.one_shot, config.store.clone());
    again.processors = config.processors.clone();
    let emitter = &mut Attempts::new(emitter);
    let mut ending = compile(config, callbacks, emitter, &mut timing);
    let begins_anew = match &ending {
        Err(Ending::Errors(errors)) => sysroot::discard_damaged(again.store.as_deref(), errors),
        // Editors save in bursts; one more look nearly always finds the finished file.
        Err(Ending::InputsChanged(_)) => true,
        _ => false,
    };
    if begins_anew {
        emitter.begin_anew();
        ending = compile(again, callbacks, emitter, &mut timing);
    }
    if options.untracked.time_passes {
        emitter.note(&timing.table());
    }
    match ending {
        Ok(()) => ExitStatus::Success,
        Err(Ending::Stopped) => ExitStatus::Stopped,
        Err(Ending::Reported) => ExitStatus::Failure,
        Err(Ending::Errors(errors) | Ending::InputsChanged(errors)) => {
            emit_global(emitter, &options, errors);
            ExitStatus::Failure
        }
    }
}

/// The phases of a compilation, in order.
fn compile(
    config: Config,
    callbacks: &mut dyn Callbacks,
    emitter: &mut dyn Emitter,
    timing: &mut Timing,
) -> Phase<()> {
    let mode = config.options.untracked.mode;
    outputs::check_available(&config.options)?;
    let file_map = load_file_map(&config, emitter)?;
    let mut record = BuildRecord::new(&config, &file_map, emitter);
    let current = |record: &mut BuildRecord| record.is_current(&config, &file_map, emitter);
    if timing.stage("compare", None, || record.as_mut().is_some_and(current)) {
        return Ok(());
    }
    if let Some(record) = &mut record {
        record.start_restoring(&config);
    }
    // A place that cannot be written to is found out before any work is done.
    outputs::check(&config.options, &*config.system, &file_map)?;

    let one_shot = config.one_shot;
    let (mut compiler, read) = timing.stage("read", None, || {
        inputs::read(config, file_map, record.as_ref())
    })?;
    // What a linker finds by itself is not known.
    let mut record = record.filter(|_| !linking::inherits_libraries(&compiler));
    if let Some(record) = &mut record {
        let modules = read.modules.as_ref();
        let rebuild = timing.stage("changes", None, || record.rebuild(&compiler, modules));
        match record.program(&compiler, &rebuild) {
            Ok(program) => compiler.program = Arc::new(Mutex::new(program)),
            Err(reason) => compiler.remade = Some(reason),
        }
        compiler.rebuild = Some(rebuild);
        compiler.record_place = record.program_place_of(&compiler, modules);
    }
    let fates = record.as_ref().zip(compiler.rebuild.as_ref());
    let fates = fates.map(|(record, rebuild)| record.fates(rebuild));
    let (options, file_map) = (&compiler.options, &compiler.file_map);
    if let (Some(rebuild), Some(fates)) = (&compiler.rebuild, &fates) {
        remarks::queue(emitter, options, file_map, rebuild, fates);
    }
    remarks::lifecycle(emitter, options, fates.as_deref(), Moment::Starting);
    let ending = phases(&compiler, mode, callbacks, emitter, timing);
    let ending = ending.and_then(|outcome| compiler.intact(Ok(outcome)));
    if ending.is_ok() {
        remarks::lifecycle(emitter, options, fates.as_deref(), Moment::Finished);
    }
    if let Some(rebuild) = &compiler.rebuild {
        let compiled = compiler.compiled(rebuild);
        remarks::explain(emitter, options, rebuild, &compiled);
    }
    timing.stage("save", None, || {
        compiler.save_results();
        if let (Some(record), Ok(outcome)) = (&record, &ending) {
            record.write(&compiler, read, outcome);
        }
    });
    let ending = ending.and_then(|outcome| match outcome.program {
        Some(image) => Err(execute::replace_process(&compiler, &image).into()),
        None => Ok(()),
    });
    if one_shot {
        std::mem::forget(compiler);
    }
    ending
}

/// What a compilation that succeeded said and made.
#[derive(Default)]
struct Outcome {
    /// The diagnostics, as they were shown.
    report: Report,
    /// The outputs.
    made: Vec<Made>,
    /// The program, if it is to be run.
    program: Option<Image>,
    /// What was found about each file, if that is wanted.
    findings: Vec<Vec<Diagnostic>>,
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Outcome {
        Outcome {
            report,
            ..Outcome::default()
        }
    }
}

/// The phases behind reading.
fn phases(
    compiler: &Compiler,
    mode: Mode,
    callbacks: &mut dyn Callbacks,
    emitter: &mut dyn Emitter,
    timing: &mut Timing,
) -> Phase<Outcome> {
    let db = &compiler.db;
    let unit = compiler.unit;

    if mode == Mode::DumpParse {
        let text = timing.stage("parse", Some(db), || stages::dump_parse(db, unit))?;
        outputs::print(compiler, emitter, text)?;
        return Ok(Outcome::default());
    }
    let rebuild = compiler.rebuild.as_ref();
    let mut findings: Vec<Vec<Diagnostic>> = Vec::new();
    let mut diagnostics = match rebuild {
        None if let Some(reuse) = &compiler.reuse => {
            timing.stage("parse", Some(db), || stages::parse_known(db, unit, reuse))
        }
        None => timing.stage("parse", Some(db), || stages::parse(db, unit))?,
        Some(rebuild) => {
            findings = timing.stage("parse", Some(db), || stages::parse_again(db, unit, rebuild));
            findings.concat()
        }
    };
    if callbacks.after_parsing(compiler) == Compilation::Stop {
        finish(compiler, emitter, diagnostics)?;
        return Err(Ending::Stopped);
    }
    if mode == Mode::Parse {
        return finish(compiler, emitter, diagnostics).map(Outcome::from);
    }

    if rebuild.is_none_or(|rebuild| rebuild.everything.is_some()) {
        if mode == Mode::EmitImportedModules {
            let report = finish(compiler, emitter, diagnostics)?;
            outputs::print(compiler, emitter, extras::imported_modules(db, unit))?;
            return Ok(report.into());
        }

        if compiler.reuse.as_ref().is_none_or(|reuse| reuse.is_empty()) {
            timing.stage("library", Some(db), || stages::library(db, unit));
        }
    }
    // Items that parse are checked even when others do not: one mistake does not hide the next.
    match (&compiler.reuse, rebuild) {
        (_, Some(rebuild)) => {
            let found = timing.stage("check", Some(db), || stages::check_again(db, unit, rebuild));
            for ((all, found), again) in findings.iter_mut().zip(found).zip(&rebuild.files) {
                all.extend(found);
                all.extend(again.kept.iter().cloned());
            }
            diagnostics = findings.concat();
        }
        (None, None) => {
            diagnostics.extend(timing.stage("check", Some(db), || stages::check(db, unit))?);
            if timing.is_enabled() {
                timing.note_worst(stages::worst_expressions(db, unit));
            }
            diagnostics.extend(timing.stage("analyse", Some(db), || stages::analyse(db, unit))?);
        }
        (Some(reuse), None) => {
            let found = timing.stage("check", Some(db), || stages::findings(db, unit, reuse));
            diagnostics.extend(found);
        }
    }
    let report = finish(compiler, emitter, diagnostics)?;
    if callbacks.after_analysis(compiler) == Compilation::Stop {
        return Err(Ending::Stopped);
    }
    match mode {
        Mode::Typecheck => {
            return Ok(Outcome {
                findings,
                ..report.into()
            });
        }
        Mode::EmitMir => {
            let text = timing.stage("lower", Some(db), || stages::dump_mir(db, unit));
            let text = compiler.intact(text)?;
            outputs::print(compiler, emitter, text)?;
            return Ok(report.into());
        }
        Mode::EmitClif => {
            let text = timing.stage("lower", Some(db), || stages::dump_clif(db, unit));
            let text = compiler.intact(text)?;
            outputs::print(compiler, emitter, text)?;
            return Ok(report.into());
        }
        Mode::DumpAst | Mode::EmitIr | Mode::EmitBitcode | Mode::EmitImportedModules => {
            return Err(outputs::not_available(mode).into());
        }
        Mode::EmitModule
        | Mode::EmitLibrary
        | Mode::EmitExecutable
        | Mode::Run
        | Mode::EmitObject
        | Mode::EmitAssembly
        | Mode::Parse
        | Mode::DumpParse => {}
    }

    if mode == Mode::EmitAssembly {
        let code = timing.stage("generate", Some(db), || stages::generate_module(compiler));
        let code = compiler.intact(code)?;
        let texts = timing.stage("objects", Some(db), || stages::assembly(compiler, &code));
        let texts = compiler.intact(texts)?;
        outputs::write_assembly(compiler, emitter, texts)?;
        return Ok(report.into());
    }
    let mut made = Vec::new();
    let is_archive = mode == Mode::EmitLibrary && compiler.options.tracked.static_library;
    let mut module = Vec::new();
    // The module is there before its code: others can begin with it.
    if compiler.options.makes_module() || is_archive {
        let file = timing.stage("module", Some(db), || modules::module_file(compiler));
        let file = compiler.intact(Ok(file))?;
        made.extend(outputs::write_module(compiler, &file)?);
        module = file.bytes;
        if callbacks.after_module(compiler) == Compilation::Stop {
            return Err(Ending::Stopped);
        }
    }
    if mode == Mode::EmitModule {
        made.extend(outputs::write_dependencies(compiler)?);
        return Ok(Outcome {
            made,
            findings,
            ..report.into()
        });
    }

    // Generic functions of imported modules, and in programs all of their code: it may be in the making until now.
    if callbacks.before_code(compiler) == Compilation::Stop {
        return Err(Ending::Stopped);
    }
    let linked = linking::needs_linker(compiler);
    let image = if mode == Mode::EmitObject || is_archive || linked {
        let code = timing.stage("generate", Some(db), || stages::generate_module(compiler));
        let code = compiler.intact(code)?;
        let objects = timing.stage("objects", Some(db), || stages::objects(compiler, &code));
        let objects = compiler.intact(objects)?;
        if is_archive {
            let library = timing.stage("archive", Some(db), || {
                modules::library(compiler, &module, &objects, &code)
            });
            let library = compiler.intact(library)?;
            made.extend(outputs::write_library(compiler, library)?);
            made.extend(outputs::write_dependencies(compiler)?);
            return Ok(Outcome {
                made,
                findings,
                ..report.into()
            });
        }
        if !linked {
            made.extend(timing.stage("write", None, || outputs::write_objects(compiler, objects))?);
            made.extend(outputs::write_dependencies(compiler)?);
            return Ok(Outcome {
                made,
                findings,
                ..report.into()
            });
        }
        let mut objects = objects;
        // Whoever finds the library, or debugs the program, finds the module in it.
        let shows =
            mode == Mode::EmitLibrary || compiler.options.tracked.debug_info != DebugInfo::None;
        if shows && !module.is_empty() {
            objects.push(linking::module_object(compiler, &module)?);
        }
        let image = timing.stage("link", None, || {
            linking::link_objects(compiler, objects, emitter)
        })?;
        made.extend(write_image(compiler, &image, timing)?);
        image
    } else {
        let program = timing.stage("generate", Some(db), || stages::generate(compiler));
        let mut program = compiler.intact(program)?;
        // Debug information is made as a whole.
        if compiler.reuse.is_some() && compiler.options.tracked.debug_info == DebugInfo::None {
            let linked = timing.stage("link", None, || stages::link_again(&mut program));
            compiler.intact(linked)?;
            if mode != Mode::Run {
                timing.stage("write", None, || {
                    outputs::write_again(compiler, &mut program)
                })?;
                outputs::write_dependencies(compiler)?;
                return Ok(report.into());
            }
            Image::from(program.image().to_vec())
        } else {
            let place = compiler.record_place.as_ref();
            let restored = program.restored.take();
            let (program, system) = (&*program, &*compiler.system);
            let linked = rayon::in_place_scope(|scope| {
                // The record is written beside the program.
                if let Some((place, state)) = place {
                    scope.spawn(move |_| program.save(system, place, *state));
                }
                let image = timing.stage("link", Some(db), || {
                    stages::link(compiler, program, restored)
                });
                let image = compiler.intact(image)?;
                let written = write_image(compiler, &image, timing)?;
                Phase::Ok((image, written))
            });
            let (image, written) = linked?;
            made.extend(written);
            image
        }
    };
    if mode == Mode::Run {
        return Ok(Outcome {
            program: Some(image),
            ..report.into()
        });
    }
    made.extend(outputs::write_dependencies(compiler)?);
    Ok(Outcome {
        made,
        findings,
        ..report.into()
    })
}

/// Writes a program, unless it is only to be run.
fn write_image(compiler: &Compiler, image: &Image, timing: &mut Timing) -> Phase<Vec<Made>> {
    match compiler.options.untracked.mode {
        Mode::Run => Ok(Vec::new()),
        _ => timing.stage("write", None, || outputs::write_image(compiler, image)),
    }
}

/// The archives of the modules that a program's files import, and of those that these need: whoever links objects needs them.
pub fn imported_archives(
    options: &Options,
    system: Arc<dyn System>,
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let config = Config::new(options.clone(), system);
    let read = inputs::read(config, OutputFileMap::default(), None);
    match read {
        Ok((compiler, _)) => Ok(compiler.archives),
        Err(Ending::Errors(errors) | Ending::InputsChanged(errors)) => Err(errors),
        Err(Ending::Reported | Ending::Stopped) => Ok(Vec::new()),
    }
}

/// Reads the output file map, if there is one.
fn load_file_map(config: &Config, emitter: &mut dyn Emitter) -> Phase<OutputFileMap> {
    let Some(path) = &config.options.untracked.output_file_map else {
        return Ok(OutputFileMap::default());
    };
    OutputFileMap::load(&*config.system, path).map_err(|error| {
        // The messages build on each other, so they stay in their order.
        let report = Report {
            errors: error.diagnostics.len(),
            warnings: 0,
            diagnostics: error.diagnostics,
        };
        emitter.report(&report, &error.files, &config.options);
        Ending::Reported
    })
}

/// Reports what the front end found. Errors end the compilation.
fn finish(
    compiler: &Compiler,
    emitter: &mut dyn Emitter,
    diagnostics: Vec<Diagnostic>,
) -> Phase<Report> {
    compiler.intact(Ok(()))?;
    let files = DbFiles::new(&compiler.db, &[compiler.unit]);
    let primary = &compiler.options.untracked.primary_files;
    let (diagnostics, others) = match primary.is_empty() {
        true => (diagnostics, Vec::new()),
        // Each frontend job speaks for its own files.
        false => diagnostics.into_iter().partition(|diagnostic| {
            let path = diagnostic.span.map(|span| Files::path(&files, span.file));
            path.is_none_or(|path| primary.iter().any(|own| own == path))
        }),
    };
    let report = prepare(diagnostics, &report_options(&compiler.options), &files);
    emitter.report(&report, &files, &compiler.options);
    match report.has_errors() || others.iter().any(Diagnostic::is_error) {
        true => Err(Ending::Reported),
        false => Ok(report),
    }
}

fn report_options(options: &Options) -> ReportOptions {
    ReportOptions {
        warnings_as_errors: options.untracked.warnings_as_errors,
        suppress_warnings: options.untracked.suppress_warnings,
        error_limit: options.untracked.error_limit,
    }
}

impl Config {
    /// A compilation with the embedded standard library.
    pub fn new(options: Options, system: Arc<dyn System>) -> Config {
        Config {
            options,
            system,
            one_shot: false,
            store: None,
            processors: None,
        }
    }
}
