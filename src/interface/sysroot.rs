//! The standard library as a module file.
//!
//! Its sources are a part of the compiler, and a module file of them is made once: where the compiler is installed, or when it is first used, in the folder of
//! results that outlive a process. From then on the library is a module that was compiled before, like any other. Where no file can be written it is
//! compiled from its sources each time. The user's sysroot is believed; a file among the results that turns out to be damaged is made again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bodies;
use crate::db::{CompilationUnit, CompiledModule, RootDatabase};
use crate::diag::Diagnostic;
use crate::items::compiled::{ModuleSummary, summary_key};
use crate::items::workspace;
use crate::metadata::{ModuleError, ModuleFile, SearchPaths};
use crate::session::{BUILD_ID, Options, Target, TrackedOptions};
use crate::store::Store;
use crate::vfs::{OsSystem, OutputKind, System};

use super::{modules, outputs};

/// The name of the file in a sysroot's folder.
const FILE_NAME: &str = "Codira.codemodule";
/// How many libraries of other builds stay in a folder of results when a new one comes.
const MAX_LIBRARIES: usize = 8;

/// The standard library for a compilation.
///
/// # Errors
/// When the user's sysroot has a file for it that cannot be used.
pub(super) fn library(
    db: &RootDatabase,
    system: &dyn System,
    options: &Options,
    store: Option<&Store>,
) -> Result<CompilationUnit, Diagnostic> {
    let file = match installed(system, options)? {
        Some(file) => Some(file),
        None => store.and_then(|store| made(store, options.tracked.target)),
    };
    let Some((file, summary)) = file else {
        return Ok(workspace::library(db, &options.tracked));
    };
    let records = Arc::new(file);
    let compiled = CompiledModule {
        interface: records.clone(),
        code: records,
    };
    Ok(workspace::compiled_library(
        db,
        &summary.files,
        &options.tracked,
        compiled,
    ))
}

/// The library's file, and what it says of itself.
type Found = (ModuleFile, ModuleSummary);

fn open(system: &dyn System, path: &Path) -> Result<Found, ModuleError> {
    let file = ModuleFile::open(system, path)?;
    let summary = file.record(summary_key());
    let summary = summary.and_then(|bytes| postcard::from_bytes(bytes).ok());
    match summary {
        Some(summary) => Ok((file, summary)),
        None => Err(ModuleError::damaged_record(file.path())),
    }
}

/// The library of the sysroot: of the one that was asked for, which has to fit, or of the compiler's own.
fn installed(system: &dyn System, options: &Options) -> Result<Option<Found>, Diagnostic> {
    let folders = SearchPaths::of_options(options).sysroot;
    let paths = folders
        .iter()
        .map(|folder| Path::new(folder).join(FILE_NAME));
    for path in paths {
        if system.exists(&path) {
            let found = open(system, &path).map(Some);
            return found
                .map_err(|error| Diagnostic::global_error("unloadable-module", error.to_string()));
        }
    }
    let own = system.install_folder();
    let own = own.map(|root| folder_in(&root, options.tracked.target).join(FILE_NAME));
    Ok(own.and_then(|path| open(system, &path).ok()))
}

/// The folder of a sysroot that modules for a machine lie in.
fn folder_in(root: &Path, target: Target) -> PathBuf {
    root.join("lib/codira").join(target.triple())
}

/// Makes the library's file in a sysroot: in `root`, or in the compiler's own. Returns its path.
///
/// # Errors
/// When it cannot be written.
pub fn install(
    system: &dyn System,
    root: Option<&Path>,
    target: Target,
) -> Result<PathBuf, Diagnostic> {
    let own = || system.install_folder();
    let Some(root) = root.map(Path::to_path_buf).or_else(own) else {
        let message = "it is not known where this compiler is installed; name a folder";
        return Err(Diagnostic::global_error("no-sysroot", message));
    };
    let folder = folder_in(&root, target);
    let path = folder.join(FILE_NAME);
    let written = system.create_dir_all(&folder);
    let written = written.and_then(|()| system.write(&path, &compile(target), OutputKind::Data));
    match written {
        Ok(_) => Ok(path),
        Err(error) => Err(outputs::unwritable(&path.to_string_lossy(), &error)),
    }
}

/// The library in a folder of results, which is made if it is not there. None if it cannot be written.
fn made(store: &Store, target: Target) -> Option<Found> {
    // Results that outlive a process lie on disk, wherever the program's files come from.
    let system = &OsSystem;
    let path = place(store.folder());
    let open = || open(system, &path).ok();
    if let Some(file) = open() {
        return Some(file);
    }
    // Whoever comes while it is being made waits for it.
    let _locked = store.lock(path.file_stem()?.to_str()?)?;
    open().or_else(|| {
        remove_old(system, store.folder());
        system
            .write(&path, &compile(target), OutputKind::Data)
            .ok()?;
        open()
    })
}

/// Removes the libraries of other builds of the compiler but for a few, which may be in use.
fn remove_old(system: &dyn System, folder: &Path) {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("Codira-") && name.ends_with(".codemodule"))
    };
    let files = system.list_dir(folder).unwrap_or_default().into_iter();
    let dated = files.filter(is_library).filter_map(|path| {
        let modified = system.metadata(&path).ok()?.modified;
        Some((std::cmp::Reverse(modified), path))
    });
    let mut dated: Vec<_> = dated.collect();
    dated.sort();
    for (_, path) in dated.into_iter().skip(MAX_LIBRARIES) {
        let _ = system.remove(&path);
        let _ = system.remove(&path.with_extension("lock"));
    }
}

/// Whether a compilation ended because the library in a folder of results is damaged. It is gone then, so that it will be made again.
pub(super) fn discard_damaged(store: Option<&Store>, errors: &[Diagnostic]) -> bool {
    let Some(path) = store.map(|store| place(store.folder())) else {
        return false;
    };
    let damage = ModuleError::damaged_record(&path.to_string_lossy()).to_string();
    errors.iter().any(|error| error.message == damage) && OsSystem.remove(&path).is_ok()
}

/// Where the library of this build of the compiler is in a folder of results.
fn place(folder: &Path) -> PathBuf {
    folder.join(format!("Codira-{}.codemodule", BUILD_ID.to_hex()))
}

/// Compiles the library from its sources: the bytes of its module file. All programs for a machine share it, whatever their options are.
fn compile(target: Target) -> Vec<u8> {
    bodies::register();
    let mut db = RootDatabase::new();
    db.freeze_inputs();
    let options = TrackedOptions {
        target,
        ..TrackedOptions::default()
    };
    let library = workspace::open_library(&db, &options);
    modules::library_file(&db, library).bytes
}
