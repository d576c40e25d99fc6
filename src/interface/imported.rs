//! What a build has taken from modules that were compiled before, and whether the next build finds the same.
//!
//! A build writes down which modules its imports name, and for each that it loaded a stamp of the file that it was read from and of its archive. The next build
//! looks for the same names again, so that a better candidate that has appeared is found, and one that has gone is missed; then stamps are compared. How the search
//! goes is nobody's business but the locator's.
//!
//! A module that has changed matters in one of two ways ([`Change`]). As long as it shows what it showed, findings about files hold, because a
//! dependent reads nothing else; its code is another one, so that the program is put together again. Otherwise everything is asked again.

use std::path::Path;
use std::time::SystemTime;

use crate::base::{Fingerprint, FxHashMap, FxHashSet, StableHash, StableHasher};
use crate::db::{RootDatabase, SourceFile};
use crate::items::imports::written_imports;
use crate::metadata::{CStore, CrateLocator, Library, ModuleFile, SearchPaths};
use crate::session::Options;
use crate::store::manifest::{Fresh, Manifest, Stamp, UsedModule, UsedModules};
use crate::vfs::{Metadata, System};

use super::modules::{Loaded, find};

/// A module that was loaded.
pub(super) struct Opened {
    /// Its files.
    pub library: Library,
    /// What the file system said about the module's file and the archive before they were opened.
    pub before: [Option<Metadata>; 2],
}

/// How the modules of a build differ from those of the last one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Not at all.
    Nothing,
    /// Modules have another content, and show what they showed.
    States,
    /// There is another module, or one shows something else; the words say which.
    Interfaces(String),
}

/// The modules that each file's imports name. The file is not parsed if the last build has seen the same text.
pub(super) fn imports(
    db: &RootDatabase,
    options: &Options,
    files: &[SourceFile],
    stamps: &[Option<Stamp>],
    known: Option<&Manifest>,
) -> Vec<Vec<String>> {
    let known = known.map(|known| {
        let imports = known.inputs.iter().zip(&known.modules.imports);
        let imports = imports.map(|(stamp, names)| (stamp.path.as_str(), (stamp, names)));
        imports.collect::<FxHashMap<_, _>>()
    });
    let own = options.tracked.module_name;
    let files = files.iter().enumerate();
    let imports = files.map(|(index, &file)| {
        let stamp = stamps.get(index).and_then(Option::as_ref);
        let same = stamp.and_then(|stamp| {
            let (old, names) = known.as_ref()?.get(stamp.path.as_str())?;
            (old.content() == stamp.content()).then_some(*names)
        });
        if let Some(names) = same {
            return names.clone();
        }
        let names = written_imports(db, file).into_iter();
        let names = names.filter(|&name| name != own && name != "Codira" && name != "Builtin");
        names.map(|name| name.to_string()).collect()
    });
    imports.collect()
}

/// Each name once, in the order of files.
pub(super) fn wanted(imports: &[Vec<String>]) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let names = imports.iter().flatten();
    names.filter(|name| seen.insert(*name)).cloned().collect()
}

/// What to write down about the modules that a build has loaded. None if a file was written meanwhile.
pub(super) fn used(
    system: &dyn System,
    imports: Vec<Vec<String>>,
    loaded: &Loaded,
    known: Option<&Manifest>,
    started: SystemTime,
) -> Option<UsedModules> {
    let stamp = |file: &ModuleFile, before: Option<Metadata>| {
        let known = known.and_then(|known| known.modules.stamp_of(file.path()));
        // Archives are large, and need not be hashed again.
        if let Some(known) = known.filter(|known| before.is_some_and(|m| known.holds(m, started)))
            && system.metadata(Path::new(file.path())).ok() == before
        {
            return Some(known.clone());
        }
        Stamp::new(system, file.path(), before?, file.bytes(), started)
    };
    let modules = loaded.opened.iter().map(|opened| {
        let Library {
            module, archive, ..
        } = &opened.library;
        let header = module.header();
        let archive = archive.as_ref().map(|file| stamp(file, opened.before[1]));
        Some(UsedModule {
            name: header.name.clone(),
            id: header.stable_crate_id.0,
            interface: header.interface,
            module: stamp(module, opened.before[0])?,
            archive: match archive {
                None => None,
                Some(stamp) => Some(stamp?),
            },
        })
    });
    Some(UsedModules {
        modules: modules.collect::<Option<_>>()?,
        imports,
    })
}

/// Whether a build would find the same modules in the same files, and they are as they were. `read` is set where a file had to be read for that.
pub(super) fn is_current(
    used: &mut UsedModules,
    options: &Options,
    system: &dyn System,
    now: SystemTime,
    read: &mut bool,
) -> bool {
    let wanted = wanted(&used.imports);
    if wanted.is_empty() {
        return true;
    }
    let paths = SearchPaths::of_options(options);
    let locator = CrateLocator::new(system, &paths, options.tracked.target);
    let (store, problems) = find(&locator, options, wanted);
    if !problems.is_empty() || !finds_same(&store, used) {
        return false;
    }
    for module in &mut used.modules {
        for stamp in [&mut module.module].into_iter().chain(&mut module.archive) {
            match stamp.check(system, now) {
                Fresh::Untouched => {}
                Fresh::SameContent => *read = true,
                Fresh::Changed => return false,
            }
        }
    }
    true
}

fn finds_same(store: &CStore, used: &UsedModules) -> bool {
    let found = store.crates().map(|(_, found)| {
        let archive = found.library.archive.as_ref();
        (found.module().path(), archive.map(ModuleFile::path))
    });
    let used = used.modules.iter().map(|module| {
        let archive = module.archive.as_ref();
        let archive = archive.map(|stamp| stamp.path.as_str());
        (module.module.path.as_str(), archive)
    });
    found.eq(used)
}

/// How the modules that a build has loaded differ from those of the last one.
pub(super) fn change(old: &UsedModules, new: &UsedModules, loaded: &[ModuleFile]) -> Change {
    let names = |used: &UsedModules| -> Vec<(String, u64)> {
        let modules = used.modules.iter();
        modules.map(|m| (m.name.clone(), m.id)).collect()
    };
    if names(old) != names(new) {
        return Change::Interfaces("other modules are imported".to_owned());
    }
    let mut change = Change::Nothing;
    for (before, after) in old.modules.iter().zip(&new.modules) {
        let name = &after.name;
        if before.interface != after.interface {
            return Change::Interfaces(format!("the interface of module '{name}' changed"));
        }
        if before.module.content() != after.module.content() {
            // A header says what the records are together. Where one is damaged, whoever needs it has to find that out.
            let file = loaded.iter().find(|f| f.path() == after.module.path);
            if file.is_none_or(|file| file.all_records().is_err()) {
                return Change::Interfaces(format!("module '{name}' changed"));
            }
            change = Change::States;
        }
        let content = |module: &UsedModule| module.archive.as_ref().map(Stamp::content);
        if content(before) != content(after) {
            change = Change::States;
        }
    }
    change
}

/// A number for the modules in the states that they are in: code was made from them.
pub(super) fn state(used: &UsedModules) -> Fingerprint {
    let mut hasher = StableHasher::new();
    for module in &used.modules {
        module.id.stable_hash(&mut hasher);
        let content = |stamp: &Stamp| Fingerprint(stamp.content());
        content(&module.module).stable_hash(&mut hasher);
        module
            .archive
            .as_ref()
            .map(content)
            .stable_hash(&mut hasher);
    }
    hasher.finish()
}
