//! The modules that a compilation uses.
//!
//! A module names what it was compiled against: [`Upstream`](super::Upstream), all of it, each with id, hash and interface. So the store is filled from the imports
//! outwards. What is imported is found by name alone; what those need is found by the exact module, so that two versions of one
//! module can be in one program as long as nobody imports both by the same name. A module that is already in the store is used for everyone who needs it, if what they were compiled
//! against looked the same: the interface decides and not the hash, because a change that nobody can see must not make anybody compile again.
//!
//! What cannot be: the module that is being compiled among those it needs (a cycle, which is shown), two modules that cannot be told apart, a
//! module in two states at once. All are reported, not only the first.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::session::StableCrateId;

use super::file::ModuleFile;

use super::locator::{CrateLocator, Exactly, Library, Wanted};

/// A module of the store: its place in [`CStore::crates`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CrateNum(pub u32);

/// A module that was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrateMetadata {
    /// Its files.
    pub library: Library,
    /// Whether the module that is compiled imports it itself.
    pub is_direct: bool,
    /// The modules that it imports itself, and whether those who import it see them too.
    pub dependencies: Vec<(CrateNum, bool)>,
}

impl CrateMetadata {
    /// The file that the module is read from.
    pub fn module(&self) -> &ModuleFile {
        &self.library.module
    }

    /// The module's name.
    pub fn name(&self) -> &str {
        &self.module().header().name
    }

    /// Which module it is.
    pub fn stable_crate_id(&self) -> StableCrateId {
        self.module().header().stable_crate_id
    }
}

/// All modules that a compilation uses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CStore {
    crates: Vec<CrateMetadata>,
    by_id: BTreeMap<StableCrateId, CrateNum>,
    direct: BTreeMap<String, CrateNum>,
}

impl CStore {
    /// Loads what a module imports, and what that needs. `name` and `id` are those of the module that is compiled. What could be loaded is in the store even if
    /// something is wrong.
    pub fn load<S: AsRef<str>>(
        locator: &CrateLocator<'_>,
        name: &str,
        id: StableCrateId,
        imports: impl IntoIterator<Item = S>,
    ) -> (CStore, Vec<Diagnostic>) {
        let mut loading = Loading {
            locator,
            name,
            id,
            store: CStore::default(),
            problems: Vec::new(),
        };
        for import in imports {
            loading.import(import.as_ref());
        }
        // The list grows while it is walked through.
        let mut next = 0;
        while next < loading.store.crates.len() {
            loading.upstream(CrateNum(next as u32));
            next += 1;
        }
        (loading.store, loading.problems)
    }

    /// Every module, those that are imported first.
    pub fn crates(&self) -> impl Iterator<Item = (CrateNum, &CrateMetadata)> {
        (0..).map(CrateNum).zip(&self.crates)
    }

    /// A module.
    pub fn get(&self, number: CrateNum) -> Option<&CrateMetadata> {
        self.crates.get(number.0 as usize)
    }

    /// The module that an import of this name means.
    pub fn imported(&self, name: &str) -> Option<CrateNum> {
        self.direct.get(name).copied()
    }

    /// The module with this id.
    pub fn by_id(&self, id: StableCrateId) -> Option<CrateNum> {
        self.by_id.get(&id).copied()
    }
}

struct Loading<'a> {
    locator: &'a CrateLocator<'a>,
    name: &'a str,
    id: StableCrateId,
    store: CStore,
    problems: Vec<Diagnostic>,
}

impl Loading<'_> {
    /// Loads what the module itself imports.
    fn import(&mut self, name: &str) {
        if self.store.direct.contains_key(name) {
            return;
        }
        let wanted = Wanted {
            name: name.to_owned(),
            exactly: None,
        };
        match self.locator.locate(&wanted) {
            Ok(library) => {
                let header = library.module.header();
                if header.stable_crate_id == self.id {
                    let message = format!(
                        "module '{name}' cannot be told from the module that is being compiled: both have the same name and the same '-C metadata'"
                    );
                    let path = format!("it was found at '{}'", library.module.path());
                    let error = Diagnostic::global_error("indistinguishable-module", message);
                    self.problems.push(error.note(None, path));
                    return;
                }
                let number = self.add(library, true);
                self.store.direct.insert(name.to_owned(), number);
            }
            Err(error) => self.problems.push(error.diagnostic()),
        }
    }

    fn add(&mut self, library: Library, is_direct: bool) -> CrateNum {
        let id = library.module.header().stable_crate_id;
        let next = CrateNum(self.store.crates.len() as u32);
        let number = *self.store.by_id.entry(id).or_insert(next);
        if number == next {
            self.store.crates.push(CrateMetadata {
                library,
                is_direct,
                dependencies: Vec::new(),
            });
        }
        number
    }

    /// Loads what a loaded module was compiled against.
    fn upstream(&mut self, number: CrateNum) {
        let Some(module) = self.store.get(number).map(|c| c.module().clone()) else {
            return;
        };
        let header = module.header();
        for upstream in &header.upstream {
            if upstream.stable_crate_id == self.id {
                self.report_cycle(&module);
                continue;
            }
            let exactly = Exactly {
                stable_crate_id: upstream.stable_crate_id,
                svh: upstream.svh,
                interface: upstream.interface,
                by: header.name.clone(),
                by_path: module.path().to_owned(),
            };
            let found = match self.store.by_id(upstream.stable_crate_id) {
                Some(number) => {
                    self.check_state(number, &exactly);
                    Some(number)
                }
                None => self.locate(&upstream.name, exactly),
            };
            if let Some(found) = found
                && upstream.is_direct
                && let Some(loaded) = self.store.crates.get_mut(number.0 as usize)
            {
                loaded.dependencies.push((found, upstream.is_reexported));
            }
        }
    }

    fn locate(&mut self, name: &str, exactly: Exactly) -> Option<CrateNum> {
        let wanted = Wanted {
            name: name.to_owned(),
            exactly: Some(exactly),
        };
        match self.locator.locate(&wanted) {
            Ok(library) => Some(self.add(library, false)),
            Err(error) => {
                let error = error.diagnostic();
                // Several modules may miss the same one; once is enough.
                let said = self.problems.iter().any(|p| p.message == error.message);
                if !said {
                    self.problems.push(error);
                }
                None
            }
        }
    }

    /// Reports a module that is in the store in a state that a dependent does not know.
    fn check_state(&mut self, number: CrateNum, exactly: &Exactly) {
        let Some(loaded) = self.store.get(number) else {
            return;
        };
        let (name, header) = (loaded.name(), loaded.module().header());
        if header.svh == exactly.svh || header.interface == exactly.interface {
            return;
        }
        let by = &exactly.by;
        let message =
            format!("found possibly newer version of module '{name}' which '{by}' depends on");
        let error = Diagnostic::global_error("module-version-mismatch", message)
            .note(
                None,
                format!("'{}' has hash {}", loaded.module().path(), header.svh),
            )
            .note(
                None,
                format!(
                    "'{}' was compiled against hash {}",
                    exactly.by_path, exactly.svh
                ),
            )
            .note(None, format!("module '{by}' has to be compiled again"));
        self.problems.push(error);
    }

    /// Reports that a module needs the one that is being compiled, with the shortest way from import to import.
    fn report_cycle(&mut self, module: &ModuleFile) {
        let code = "cyclic-modules";
        if self.problems.iter().any(|p| p.code == code) {
            return;
        }
        let way = way(module, &self.store, self.id).unwrap_or_default();
        let mut chain = format!("module '{}' imports '{}'", self.name, module.header().name);
        for name in way {
            chain.push_str(&format!(", which imports '{name}'"));
        }
        let message = format!("cyclic imports: {chain}, which imports '{}'", self.name);
        self.problems.push(Diagnostic::global_error(code, message));
    }
}

/// The modules between `from` and the module with the id `to`, along direct imports; none if they are not known.
fn way(from: &ModuleFile, store: &CStore, to: StableCrateId) -> Option<Vec<String>> {
    let start = from.header().stable_crate_id;
    let mut seen: BTreeMap<StableCrateId, Option<StableCrateId>> = [(start, None)].into();
    let mut names: BTreeMap<StableCrateId, String> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([from.clone()]);
    while let Some(module) = queue.pop_front() {
        let header = module.header();
        let direct = header.upstream.iter().filter(|upstream| upstream.is_direct);
        for upstream in direct {
            let id = upstream.stable_crate_id;
            if id == to {
                let mut way = Vec::new();
                let mut at = Some(header.stable_crate_id).filter(|&id| id != start);
                while let Some(id) = at {
                    way.extend(names.get(&id).cloned());
                    at = seen.get(&id).copied().flatten().filter(|&id| id != start);
                }
                way.reverse();
                return Some(way);
            }
            if seen.contains_key(&id) {
                continue;
            }
            seen.insert(id, Some(header.stable_crate_id));
            names.insert(id, upstream.name.clone());
            if let Some(loaded) = store.by_id(id).and_then(|number| store.get(number)) {
                queue.push_back(loaded.module().clone());
            }
        }
    }
    None
}
