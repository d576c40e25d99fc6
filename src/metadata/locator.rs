//! Finding the files of one module.
//!
//! A module can lie in five kinds of files, whose names begin with its own and may go on with `-` and anything, by which build tools keep several builds of one module
//! apart:
//!
//! | file | what it is |
//! |---|---|
//! | `M.codemodule`, `libM.rmeta` | the module alone: enough for checking |
//! | `libM.rlib`, `libM.a` | an archive with the module and its code |
//! | `libM.so` | a shared library with the module in a section |
//!
//! They are looked for in three places, and the first that has a fitting one decides: the file that `--extern` names; the folders of `-I` and `-L` together, because
//! the module and its code may lie in different ones; the sysroot. A name proves nothing. Every candidate is opened, and
//! turned down for one of the reasons in [`Rejection`]: another compiler made it, it is half-written, another module is in it, it is not the one that
//! somebody was compiled against.
//!
//! What fits is grouped by [`Svh`]: files with the same one came from one compilation, and each adds what the others lack. So an archive that
//! is missing or still being written does not matter to who only checks, which is what lets a build tool begin with a dependent as soon as
//! the module itself is there. Where a module was asked for by name alone and several states of it are found, a module file counts more than
//! archives with the same file name, since a build writes it first and they are then left from the build before; anything else is ambiguous.
//!
//! If nothing fits, the error lists each candidate with the reason. Someone who has looked at the wrong folder, or forgotten to build something
//! again, will see it there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::base::Fingerprint;
use crate::diag::Diagnostic;
use crate::session::{Extern, Options, StableCrateId, Target};
use crate::vfs::{Metadata, System};

use super::file::{Damage, Format, ModuleFile};
use super::svh::Svh;

/// Where modules may lie.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchPaths {
    /// Modules whose files were named.
    pub externs: Vec<Extern>,
    /// The user's folders, in order: `-I`, then `-L`.
    pub folders: Vec<String>,
    /// The folders that came with the compiler.
    pub sysroot: Vec<String>,
}

impl SearchPaths {
    /// What a command line says.
    pub fn of_options(options: &Options) -> SearchPaths {
        let asked = &options.untracked;
        let triple = options.tracked.target.triple();
        let mut folders = asked.import_paths.clone();
        for folder in &asked.library_paths {
            if !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        let mut sysroot: Vec<String> = asked.resource_dir.iter().cloned().collect();
        if let Some(root) = &asked.sysroot {
            sysroot.push(format!("{root}/lib/codira/{triple}"));
            sysroot.push(format!("{root}/lib/codira"));
        }
        SearchPaths {
            externs: asked.externs.clone(),
            folders,
            sysroot,
        }
    }
}

/// Which module is looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What is known of it from a module that was compiled against it.
    pub exactly: Option<Exactly>,
}

/// The module that another one was compiled against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exactly {
    /// Which module it is.
    pub stable_crate_id: StableCrateId,
    /// In which state it was.
    pub svh: Svh,
    /// What was visible of it. Another state will do if this is the same.
    pub interface: Fingerprint,
    /// Who was compiled against it.
    pub by: String,
    /// The file of that module.
    pub by_path: String,
}

/// The files of a module, all from one compilation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Library {
    /// The module, from the first of the files below.
    pub module: ModuleFile,
    /// The archive, if there is one.
    pub archive: Option<ModuleFile>,
    /// The shared library, if there is one.
    pub shared: Option<ModuleFile>,
    /// What was found besides and does not belong to it; for the error when an archive is needed.
    pub rejected: Vec<Candidate>,
}

/// A file that was considered, and why it was not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The file.
    pub path: String,
    /// The reason.
    pub reason: Rejection,
}

/// Why a candidate was turned down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// The file cannot be used at all.
    Damaged(Damage),
    /// It holds a part of a module.
    Partial,
    /// It holds a module of another name.
    OtherName(String),
    /// It was compiled for another machine.
    OtherTarget(String),
    /// It holds another module of the same name.
    OtherCrate(StableCrateId),
    /// It is the module in another state than the one that a dependent was compiled against.
    OtherState(Svh),
    /// It is left from another build than the module file that was chosen.
    OtherBuild(Svh),
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rejection::Damaged(damage) => write!(f, "{damage}"),
            Rejection::Partial => {
                write!(f, "it is a partial module, which has to be merged first")
            }
            Rejection::OtherName(name) => write!(f, "it holds module '{name}'"),
            Rejection::OtherTarget(triple) => write!(f, "it was compiled for {triple}"),
            Rejection::OtherCrate(id) => {
                write!(f, "it is another module of that name (id {id})")
            }
            Rejection::OtherState(svh) => {
                write!(f, "it is the module in another state (hash {svh})")
            }
            Rejection::OtherBuild(svh) => {
                write!(
                    f,
                    "it is from another build than the module file (hash {svh})"
                )
            }
        }
    }
}

/// Why a module was not found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocateError {
    /// Nothing fits; all that was looked at.
    NotFound {
        /// What was looked for.
        wanted: Wanted,
        /// What was looked at.
        candidates: Vec<Candidate>,
        /// Where.
        folders: Vec<String>,
    },
    /// Several fit, and nothing tells which is meant. One path for each.
    Ambiguous {
        /// What was looked for.
        wanted: Wanted,
        /// A file of each, with its id and state.
        found: Vec<(String, StableCrateId, Svh)>,
    },
}

/// Finds the files of modules, one module at a time. Folders are listed once.
pub struct CrateLocator<'a> {
    system: &'a dyn System,
    paths: &'a SearchPaths,
    target: Target,
    listings: RefCell<BTreeMap<String, Vec<PathBuf>>>,
    opened: RefCell<BTreeMap<String, Option<Metadata>>>,
}

impl<'a> CrateLocator<'a> {
    /// A locator for modules compiled for `target`.
    pub fn new(system: &'a dyn System, paths: &'a SearchPaths, target: Target) -> Self {
        CrateLocator {
            system,
            paths,
            target,
            listings: RefCell::default(),
            opened: RefCell::default(),
        }
    }

    /// What the file system said about a file before it was first opened.
    pub fn before(&self, path: &str) -> Option<Metadata> {
        self.opened.borrow().get(path).copied().flatten()
    }

    /// The files of a module.
    pub fn locate(&self, wanted: &Wanted) -> Result<Library, LocateError> {
        let externs = self.paths.externs.iter();
        let named: Vec<PathBuf> = externs
            .filter(|named| named.name == wanted.name)
            .map(|named| PathBuf::from(&named.path))
            .collect();
        let mut candidates = Vec::new();
        if !named.is_empty() {
            let beside = named.iter().flat_map(|path| self.beside(path, wanted));
            let files: Vec<PathBuf> = named.iter().cloned().chain(beside).collect();
            if let Some(found) = self.choose(wanted, files, &mut candidates) {
                return found;
            }
            // A file that was named for an import is the one that is meant, even if it is not there.
            if wanted.exactly.is_none() {
                return Err(LocateError::NotFound {
                    wanted: wanted.clone(),
                    candidates,
                    folders: Vec::new(),
                });
            }
        }
        for folders in [&self.paths.folders, &self.paths.sysroot] {
            let files = folders.iter().flat_map(|folder| self.files(folder, wanted));
            if let Some(found) = self.choose(wanted, files.collect(), &mut candidates) {
                return found;
            }
        }
        let folders = self.paths.folders.iter().chain(&self.paths.sysroot);
        Err(LocateError::NotFound {
            wanted: wanted.clone(),
            candidates,
            folders: folders.cloned().collect(),
        })
    }

    /// The files in a folder that may hold the module, by their names.
    fn files(&self, folder: &str, wanted: &Wanted) -> Vec<PathBuf> {
        let mut listings = self.listings.borrow_mut();
        let listing = listings.entry(folder.to_owned()).or_insert_with(|| {
            let path = if folder.is_empty() { "." } else { folder };
            self.system.list_dir(Path::new(path)).unwrap_or_default()
        });
        let candidates = listing.iter().filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| is_candidate(name, &wanted.name))
        });
        candidates.cloned().collect()
    }

    /// The other files of the build that a named file came from: those beside it with the same name up to the ending.
    fn beside(&self, path: &Path, wanted: &Wanted) -> Vec<PathBuf> {
        let build = |path: &Path| {
            let stem = path.file_stem()?.to_str()?;
            Some(stem.strip_prefix("lib").unwrap_or(stem).to_owned())
        };
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        let mut files = self.files(folder, wanted);
        files.retain(|other| other.file_name() != path.file_name() && build(other) == build(path));
        files
    }

    /// Opens the candidates of one place and takes what fits; none if nothing does.
    fn choose(
        &self,
        wanted: &Wanted,
        files: Vec<PathBuf>,
        candidates: &mut Vec<Candidate>,
    ) -> Option<Result<Library, LocateError>> {
        let mut fitting: BTreeMap<(StableCrateId, Svh), Vec<ModuleFile>> = BTreeMap::new();
        for path in files {
            match self.open(&path, wanted) {
                Ok(file) => {
                    let header = file.header();
                    let key = (header.stable_crate_id, header.svh);
                    fitting.entry(key).or_default().push(file);
                }
                Err(reason) => candidates.push(Candidate {
                    path: path.to_string_lossy().into_owned(),
                    reason,
                }),
            }
        }
        if fitting.len() > 1
            && let Some(exactly) = &wanted.exactly
            && let Some(exact) = fitting.remove(&(exactly.stable_crate_id, exactly.svh))
        {
            // One of the states is the very one; the others would only do.
            return Some(Ok(library(exact, candidates.clone())));
        }
        if fitting.len() > 1 {
            let Some(main) = leading_build(&fitting) else {
                let mut found: Vec<(String, StableCrateId, Svh)> = fitting
                    .iter()
                    .filter_map(|(&(id, svh), files)| {
                        Some((files.first()?.path().to_owned(), id, svh))
                    })
                    .collect();
                found.sort();
                return Some(Err(LocateError::Ambiguous {
                    wanted: wanted.clone(),
                    found,
                }));
            };
            for (_, files) in fitting.extract_if(.., |key, _| *key != main) {
                candidates.extend(files.into_iter().map(|file| Candidate {
                    path: file.path().to_owned(),
                    reason: Rejection::OtherBuild(file.header().svh),
                }));
            }
        }
        let (_, files) = fitting.pop_first()?;
        Some(Ok(library(files, candidates.clone())))
    }

    /// Opens one candidate, if it is what is wanted.
    fn open(&self, path: &Path, wanted: &Wanted) -> Result<ModuleFile, Rejection> {
        let shown = path.to_string_lossy().into_owned();
        let mut opened = self.opened.borrow_mut();
        let before = || self.system.metadata(path).ok();
        opened.entry(shown).or_insert_with(before);
        let file = ModuleFile::open(self.system, path)
            .map_err(|error| Rejection::Damaged(error.damage))?;
        let header = file.header();
        if header.part.is_some() {
            return Err(Rejection::Partial);
        }
        if header.name != wanted.name {
            return Err(Rejection::OtherName(header.name.clone()));
        }
        if header.target != self.target.triple() {
            return Err(Rejection::OtherTarget(header.target.clone()));
        }
        if let Some(exactly) = &wanted.exactly {
            if header.stable_crate_id != exactly.stable_crate_id {
                return Err(Rejection::OtherCrate(header.stable_crate_id));
            }
            if header.svh != exactly.svh && header.interface != exactly.interface {
                return Err(Rejection::OtherState(header.svh));
            }
        }
        Ok(file)
    }
}

/// Whether a file of this name may hold the module.
fn is_candidate(file: &str, module: &str) -> bool {
    let Some((stem, ending)) = file.rsplit_once('.') else {
        return false;
    };
    let stem = match ending {
        "codemodule" => Some(stem),
        "rmeta" | "rlib" | "a" | "so" => stem.strip_prefix("lib"),
        _ => None,
    };
    let rest = stem.and_then(|stem| stem.strip_prefix(module));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The state that is meant among several, if the file names say so: there is one module file, and everything else could be its code from an earlier
/// build. None if nothing tells.
fn leading_build(
    fitting: &BTreeMap<(StableCrateId, Svh), Vec<ModuleFile>>,
) -> Option<(StableCrateId, Svh)> {
    let build = |file: &ModuleFile| {
        let stem = Path::new(file.path()).file_stem()?.to_str()?.to_owned();
        Some(stem.strip_prefix("lib").unwrap_or(&stem).to_owned())
    };
    let mut files = fitting.values().flatten();
    let first = build(files.next()?);
    if !files.all(|file| build(file) == first) {
        return None;
    }
    let is_module = |file: &ModuleFile| file.format() == Format::Module;
    let mut leading = fitting
        .iter()
        .filter(|(_, files)| files.iter().any(is_module));
    match (leading.next(), leading.next()) {
        (Some((&key, _)), None) => Some(key),
        _ => None,
    }
}

/// One library of files with the same hash. The module comes from the smallest kind of file, and of each kind the first in the order of the search is used.
fn library(files: Vec<ModuleFile>, rejected: Vec<Candidate>) -> Library {
    let first = |format| files.iter().find(|file| file.format() == format).cloned();
    let (archive, shared) = (first(Format::Archive), first(Format::SharedLibrary));
    let module = first(Format::Module).or_else(|| archive.clone());
    Library {
        // Groups are made by adding a file, so that there is one.
        module: module.unwrap_or_else(|| files[0].clone()),
        archive,
        shared,
        rejected,
    }
}

impl LocateError {
    /// The error as it is shown.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            LocateError::Ambiguous { wanted, found } => {
                let name = &wanted.name;
                let message = format!("multiple matching modules '{name}' were found");
                let mut error = Diagnostic::global_error("ambiguous-module", message);
                for (path, id, svh) in found {
                    error = error.note(None, format!("'{path}' (id {id}, hash {svh})"));
                }
                let help = format!("name the one that is meant with '--extern {name}=<path>'");
                error.note(None, help)
            }
            LocateError::NotFound {
                wanted,
                candidates,
                folders,
            } => not_found(wanted, candidates, folders),
        }
    }
}

/// The best explanation comes first; then every candidate, whatever its reason.
fn not_found(wanted: &Wanted, candidates: &[Candidate], folders: &[String]) -> Diagnostic {
    let name = &wanted.name;
    let any = |is: fn(&Rejection) -> bool| candidates.iter().any(|c| is(&c.reason));
    let mut help = None;
    let message = match &wanted.exactly {
        Some(Exactly { by, .. }) if any(|r| matches!(r, Rejection::OtherState(_))) => {
            help = Some(format!("module '{by}' has to be compiled again"));
            format!("found possibly newer version of module '{name}' which '{by}' depends on")
        }
        _ if any(|r| matches!(r, Rejection::Damaged(Damage::OtherCompiler { .. }))) => {
            help = Some(format!(
                "module '{name}' has to be compiled again with this compiler"
            ));
            format!("found module '{name}' compiled by an incompatible version of the compiler")
        }
        _ if any(|r| matches!(r, Rejection::OtherTarget(_))) => {
            format!("no module '{name}' for the target of this compilation")
        }
        Some(Exactly { by, .. }) => {
            format!("no such module '{name}' which '{by}' depends on")
        }
        None => format!("no such module '{name}'"),
    };
    let mut error = Diagnostic::global_error("no-such-module", message);
    for candidate in candidates {
        let mut note = String::new();
        let _ = write!(
            note,
            "'{}' was not used: {}",
            candidate.path, candidate.reason
        );
        error = error.note(None, note);
    }
    if let Some(exactly) = &wanted.exactly {
        let (by, path, svh) = (&exactly.by, &exactly.by_path, exactly.svh);
        let note = format!("'{path}': module '{by}' was compiled against '{name}' with hash {svh}");
        error = error.note(None, note);
    }
    if candidates.is_empty() && !folders.is_empty() {
        let folders = folders.join("', '");
        error = error.note(None, format!("searched in '{folders}'"));
    }
    match help {
        Some(help) => error.note(None, help),
        None => error,
    }
}
