//! A compilation that is repeated while its files change: the database stays, and with it every answer that still holds.
//!
//! [`HotCompiler`] owns the inputs. [`HotCompiler::refresh`] looks at files again and sets what differs; [`HotCompiler::build`] gives a
//! [`Build`], a clone of the database that another thread runs. Setting an input makes the queries of a running build unwind, so an edit never
//! waits for an answer that nobody wants any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use salsa::{Cancelled, Database, Setter};

use crate::bodies;
use crate::db::{CompilationUnit, RootDatabase, SourceFile, Work};
use crate::diag::Diagnostic;
use crate::items;
use crate::metadata::ModuleFile;
use crate::session::{Options, OutputFileMap};
use crate::store::Store;
use crate::vfs::{ReadError, System, read_source};

use super::imported;
use super::modules::{self, Loaded};
use super::reuse::{Program, Reuse, Version};
use super::stages::Image;
use super::sysroot;
use super::{Compiler, Emitter, Ending, ExitStatus, NoCallbacks, Timing};
use super::{emit_global, outputs, phases};

/// A source file that the command line names.
struct Input {
    path: String,
    /// The input of the database. It stays when the file goes, so that a file that comes back finds its answers.
    file: Option<SourceFile>,
    /// Counts the texts that the input has had.
    version: u64,
    /// Why the file cannot be read now.
    error: Option<ReadError>,
}

/// What happened to a source file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The path as spelled on the command line.
    pub path: String,
    /// What happened.
    pub kind: ChangeKind,
}

/// The ways in which a source file changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeKind {
    /// It has another text.
    Edited,
    /// It can be read now.
    Added,
    /// It cannot be read any more.
    Removed,
}

/// A database with the inputs of one module, kept up to date.
pub struct HotCompiler {
    db: RootDatabase,
    unit: CompilationUnit,
    /// The modules that were imported when the process began.
    modules: Vec<ModuleFile>,
    /// What was wrong with them.
    unloadable: Vec<Diagnostic>,
    inputs: Vec<Input>,
    options: Options,
    system: Arc<dyn System>,
    store: Option<Arc<Store>>,
    reuse: Arc<Reuse>,
    program: Arc<Mutex<Program>>,
    /// How many changes the database has seen.
    changes: usize,
}

/// What a change may leave in a database: what was asked about a declaration that is not there any more. See `benches/memory.rs`.
const BYTES_OF_CHANGE: usize = 8 << 10;
/// What all changes together may leave: so much, and so much for each byte of the sources.
const BYTES_KEPT: usize = 64 << 20;
const BYTES_KEPT_PER_BYTE: usize = 16;

impl HotCompiler {
    /// Reads the files that `options` name. Those that cannot be read are errors of each build, until they can.
    pub fn open(
        options: Options,
        system: Arc<dyn System>,
        store: Option<Arc<Store>>,
    ) -> HotCompiler {
        let mut db = match options.untracked.time_passes {
            true => RootDatabase::with_event_log(),
            false => RootDatabase::new(),
        };
        if let Some(store) = &store {
            db.use_results(store.clone());
        }
        bodies::register();
        let paths = options.untracked.inputs.iter();
        let inputs: Vec<Input> = paths
            .map(|path| match read_source(&*system, path) {
                Ok(text) => Input {
                    path: path.clone(),
                    file: Some(SourceFile::of_user(&db, path, text)),
                    version: 0,
                    error: None,
                },
                Err(error) => Input {
                    path: path.clone(),
                    file: None,
                    version: 0,
                    error: Some(error),
                },
            })
            .collect();
        let tracked = Arc::new(options.tracked.clone());
        let library = sysroot::library(&db, &*system, &options, store.as_deref());
        let (library, no_library) = match library {
            Ok(library) => (library, None),
            Err(error) => (items::workspace::library(&db, &tracked), Some(error)),
        };
        let files = present(&inputs);
        let wanted = imported::wanted(&imported::imports(&db, &options, &files, &[], None));
        let loaded = modules::load(&db, &system, &options, wanted, library);
        let (loaded, mut unloadable) = match loaded {
            Ok(loaded) => (loaded, Vec::new()),
            Err(errors) => (Loaded::default(), errors),
        };
        unloadable.extend(no_library);
        let unit = items::workspace::open_with(&db, files, tracked, library, loaded.units);
        HotCompiler {
            db,
            unit,
            modules: loaded.files,
            unloadable,
            inputs,
            options,
            system,
            store,
            reuse: Arc::default(),
            program: Arc::default(),
            changes: 0,
        }
    }

    /// Begins with a new database, as a new process would. Declarations have an identity for the life of a database, so that one in which declarations come and
    /// go for ever would grow for ever.
    pub fn begin_anew(&mut self) {
        let (system, store) = (self.system.clone(), self.store.clone());
        *self = HotCompiler::open(self.options.clone(), system, store);
    }

    /// Whether what changes have left is so much that building once from nothing is better than keeping it.
    fn is_worn(&self) -> bool {
        let files = self.inputs.iter().filter_map(|input| input.file);
        let size: usize = files.map(|file| file.text(&self.db).len()).sum();
        self.changes > (BYTES_KEPT + BYTES_KEPT_PER_BYTE * size) / BYTES_OF_CHANGE
    }

    /// The options of every build.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The folders that hold the inputs: what to watch.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        let folder = |input: &Input| {
            let folder = Path::new(&input.path).parent().unwrap_or(Path::new(""));
            match folder.as_os_str().is_empty() {
                true => PathBuf::from("."),
                false => folder.to_path_buf(),
            }
        };
        self.inputs.iter().map(folder).collect()
    }

    /// Looks at inputs again: at those whose file names are given, or at all. Contents decide, never time stamps. Returns what changed; a
    /// build that was running for anything else has been cancelled then.
    pub fn refresh(&mut self, names: Option<&BTreeSet<std::ffi::OsString>>) -> Vec<Change> {
        let mut changes = Vec::new();
        for index in 0..self.inputs.len() {
            let input = &self.inputs[index];
            let name = Path::new(&input.path).file_name();
            if let (Some(names), Some(name)) = (names, name)
                && !names.contains(name)
            {
                continue;
            }
            let read = read_source(&*self.system, &input.path);
            let kind = match (&input.error, &read) {
                (None, Err(_)) => Some(ChangeKind::Removed),
                (Some(_), Ok(_)) => Some(ChangeKind::Added),
                (None, Ok(_)) => Some(ChangeKind::Edited),
                (Some(_), Err(_)) => None,
            };
            let differs = self.set(index, read);
            if let Some(kind) = kind
                && (differs || kind != ChangeKind::Edited)
            {
                changes.push(Change {
                    path: self.inputs[index].path.clone(),
                    kind,
                });
            }
        }
        let came_or_went = |change: &Change| change.kind != ChangeKind::Edited;
        if changes.iter().any(came_or_went) {
            let files = present(&self.inputs);
            self.unit.set_files(&mut self.db).to(files);
        }
        self.changes += changes.len();
        if !changes.is_empty() && self.is_worn() {
            self.begin_anew();
        }
        changes
    }

    /// Sets an input to what was read; whether its text differs from what the database had.
    fn set(&mut self, index: usize, read: Result<Arc<str>, ReadError>) -> bool {
        let input = &mut self.inputs[index];
        match read {
            Ok(text) => {
                input.error = None;
                match input.file {
                    Some(file) => {
                        let differs = file.update_text(&mut self.db, &text);
                        input.version += u64::from(differs);
                        differs
                    }
                    None => {
                        input.file = Some(SourceFile::of_user(&self.db, &input.path, text));
                        true
                    }
                }
            }
            Err(error) => {
                input.error = Some(error);
                false
            }
        }
    }

    /// Gives back what earlier builds knew and no later one can ask for. The engine would do so at the next change, when somebody waits for it. To be called when
    /// nothing is being built: a build that runs is cancelled.
    pub fn release(&mut self) {
        self.db.trigger_lru_eviction();
    }

    /// A build of the inputs as they are now.
    pub fn build(&self) -> Build {
        let errors = self.inputs.iter().filter_map(|input| input.error.as_ref());
        let unreadable = errors
            .map(|error| Diagnostic::global_error("unreadable-input", error.to_string()))
            .chain(self.unloadable.iter().cloned())
            .collect();
        let readable = self.inputs.iter().filter(|input| input.error.is_none());
        let versions = readable
            .filter_map(|input| Some((input.file?, input.version)))
            .collect();
        Build {
            compiler: Compiler {
                db: self.db.clone(),
                unit: self.unit,
                options: self.options.clone(),
                system: self.system.clone(),
                file_map: OutputFileMap::default(),
                store: self.store.clone(),
                modules: self.modules.clone(),
                archives: Vec::new(),
                late: Arc::default(),
                reuse: Some(self.reuse.clone()),
                rebuild: None,
                remade: None,
                program: self.program.clone(),
                is_recorded: false,
                record_place: None,
            },
            versions,
            unreadable,
        }
    }
}

fn present(inputs: &[Input]) -> Vec<SourceFile> {
    let readable = inputs.iter().filter(|input| input.error.is_none());
    readable.filter_map(|input| input.file).collect()
}

/// One compilation, to be run by any thread.
pub struct Build {
    compiler: Compiler,
    versions: Vec<Version>,
    unreadable: Vec<Diagnostic>,
}

/// How a build of a hot compiler ended.
#[derive(Debug)]
pub struct Built {
    pub status: ExitStatus,
    /// The program, when the mode is to run it.
    pub image: Option<Image>,
    /// How many bodies were checked.
    pub checked: usize,
    /// How many functions were compiled.
    pub compiled: usize,
}

impl Build {
    /// Runs the phases. None when an input was set meanwhile.
    pub fn run(self, emitter: &mut dyn Emitter) -> Option<Built> {
        if !self.unreadable.is_empty() {
            emit_global(emitter, &self.compiler.options, self.unreadable);
            return Some(Built {
                status: ExitStatus::Failure,
                image: None,
                checked: 0,
                compiled: 0,
            });
        }
        let compiler = &self.compiler;
        let db = &compiler.db;
        if let Some(log) = db.event_log() {
            log.clear();
        }
        db.work().clear();
        let emitter = std::panic::AssertUnwindSafe(emitter);
        let work = std::panic::AssertUnwindSafe(|| {
            // The closure takes the wrapper as a whole.
            let emitter = emitter;
            let mut timing = Timing::new(compiler.options.untracked.time_passes);
            if let Some(reuse) = &compiler.reuse {
                let advance = || reuse.advance(db, &self.versions, &compiler.program);
                timing.stage("compare", Some(db), advance);
            }
            run_phases(compiler, emitter.0, timing)
        });
        let ended = Cancelled::catch(work).ok()?;
        let (status, image) = match ended {
            Ok(image) => (ExitStatus::Success, image),
            Err(status) => (status, None),
        };
        Some(Built {
            status,
            image,
            checked: db.work().of(Work::Check),
            compiled: db.work().of(Work::Compile),
        })
    }
}

fn run_phases(
    compiler: &Compiler,
    emitter: &mut dyn Emitter,
    mut timing: Timing,
) -> Result<Option<Image>, ExitStatus> {
    let mode = compiler.options.untracked.mode;
    let writable = outputs::check(
        &compiler.options,
        &*compiler.system,
        &OutputFileMap::default(),
    );
    let ending =
        writable.and_then(|()| phases(compiler, mode, &mut NoCallbacks, emitter, &mut timing));
    if compiler.options.untracked.time_passes {
        emitter.note(&timing.table());
    }
    let ending = ending.map(|outcome| outcome.program);
    ending.map_err(|ending| match ending {
        Ending::Stopped => ExitStatus::Stopped,
        Ending::Reported => ExitStatus::Failure,
        Ending::Errors(errors) | Ending::InputsChanged(errors) => {
            // A new process will make it again.
            sysroot::discard_damaged(compiler.store.as_deref(), &errors);
            emit_global(emitter, &compiler.options, errors);
            ExitStatus::Failure
        }
    })
}
