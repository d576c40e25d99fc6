//! What the last compilation of a module was made from, by which the next build knows that nothing has to be done.
//!
//! What others see of a module is one number, its interface. A module is compiled again when its sources, its command or an interface that it
//! can see have changed; a program is linked again when an archive has changed. What the compilation said is kept, so that a build
//! that does nothing shows the same warnings.
//!
//! A module file also names the states of the modules that it was compiled against. Where one has another state and looks the same, it is written again
//! with that, and nothing is compiled ([`Record::follow_states`]).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::{ContentHash, Fingerprint, StableHash, StableHasher};
use crate::diag::{Files, Report, Severity, json, render};
use crate::interface::Emitter;
use crate::metadata::{ModuleFile, Svh};
use crate::session::{BUILD_ID, Options};
use crate::store::manifest::{Fresh, Stamp};
use crate::vfs::{OutputKind, System, read_source};

use super::plan::Unit;

/// What a compilation said, in each form in which somebody may want to read it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    /// For a file.
    pub plain: String,
    /// For a terminal.
    pub coloured: String,
    /// A JSON object a line.
    pub json: String,
    /// How many errors there were.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
}

impl Emitter for Said {
    fn report(&mut self, report: &Report, files: &dyn Files, _options: &Options) {
        for diagnostic in &report.diagnostics {
            self.plain
                .push_str(&render::to_text(diagnostic, files, false));
            self.coloured
                .push_str(&render::to_text(diagnostic, files, true));
            self.json.push_str(&json::to_json(diagnostic, files));
            self.json.push('\n');
        }
        let shown = report.diagnostics.iter();
        self.warnings += shown.filter(|d| d.severity == Severity::Warning).count();
        self.errors += report.errors;
    }

    fn print(&mut self, text: &str) -> std::io::Result<()> {
        self.note(text);
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.plain.push_str(text);
        self.coloured.push_str(text);
    }
}

/// What a module file says about its module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shown {
    /// A number for what others see of it.
    pub interface: u128,
    /// In which state it is.
    pub svh: Svh,
}

/// A module that a compilation could see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// What was to be seen.
    pub shown: Shown,
}

/// A successful compilation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    command: u128,
    inputs: Vec<Stamp>,
    outputs: Vec<Stamp>,
    /// The modules that it could see.
    seen: Vec<Seen>,
    /// The archives that became part of the output, by module.
    archives: Vec<(String, u128)>,
    /// What others see of it, if they see anything.
    pub shown: Option<Shown>,
    /// What it said.
    pub said: Said,
}

impl Record {
    /// The record at `path`, if it is there and whole.
    pub fn load(system: &dyn System, path: &str) -> Option<Record> {
        let bytes = system.read(Path::new(path)).ok()?;
        let (sum, body) = bytes.split_at_checked(16)?;
        let whole = sum == Fingerprint::of_bytes(body).0.to_le_bytes();
        whole.then(|| postcard::from_bytes(body).ok()).flatten()
    }

    /// Writes the record. One that cannot be written only makes the next build slower.
    pub fn save(&self, system: &dyn System, path: &str) {
        let Ok(body) = postcard::to_allocvec(self) else {
            return;
        };
        let mut bytes = Fingerprint::of_bytes(&body).0.to_le_bytes().to_vec();
        bytes.extend_from_slice(&body);
        let _ = system.write(Path::new(path), &bytes, OutputKind::Data);
    }

    /// Whether a compilation with this command and these interfaces would give the same. Refreshes the stamps; what has to be written down then is told by the flag.
    pub fn is_current(
        &mut self,
        system: &dyn System,
        command: u128,
        seen: &[Seen],
        stamps_changed: &mut bool,
    ) -> bool {
        let interface = |seen: &Seen| (seen.name.clone(), seen.shown.interface);
        let same = self
            .seen
            .iter()
            .map(interface)
            .eq(seen.iter().map(interface));
        if self.command != command || !same {
            return false;
        }
        let now = system.now();
        for stamp in self.inputs.iter_mut().chain(&mut self.outputs) {
            match stamp.check(system, now) {
                Fresh::Untouched => {}
                Fresh::SameContent => *stamps_changed = true,
                Fresh::Changed => return false,
            }
        }
        true
    }

    /// Makes the outputs what a compilation would make of them, where what it can see is as it was but in other states: module files name those.
    /// Returns whether that was possible.
    pub fn follow_states(
        &mut self,
        system: &dyn System,
        unit: &Unit,
        seen: &[Seen],
        stamps_changed: &mut bool,
    ) -> bool {
        if self.seen == seen {
            return true;
        }
        let Some(path) = &unit.metadata else {
            self.seen = seen.to_vec();
            *stamps_changed = true;
            return true;
        };
        let outputs = || {
            let states = |name: &str| {
                let found = seen.iter().find(|seen| seen.name == name);
                found.map(|seen| seen.shown.svh)
            };
            let module = ModuleFile::open(system, Path::new(path)).ok()?;
            let bytes = module.with_states(&states)?;
            let mut outputs = Vec::new();
            if let Some(archive) = &unit.output {
                let found = ModuleFile::open(system, Path::new(archive)).ok()?;
                outputs.push((archive, found.archive_with(&bytes)?));
            }
            outputs.insert(0, (path, bytes));
            let mut stamps = Vec::new();
            for (path, bytes) in outputs {
                let place = Path::new(path);
                let written = system.write(place, &bytes, OutputKind::Data).ok()??;
                let content = ContentHash::of(&bytes).fingerprint();
                stamps.push(Stamp::of_output(path, written, content, system.now()));
            }
            Some(stamps)
        };
        let Some(outputs) = outputs() else {
            return false;
        };
        self.shown = shown_by(system, path);
        for fresh in outputs {
            match self.outputs.iter_mut().find(|old| old.path == fresh.path) {
                Some(old) => *old = fresh,
                None => self.outputs.push(fresh),
            }
        }
        self.seen = seen.to_vec();
        *stamps_changed = true;
        true
    }

    /// Whether the output holds these archives.
    pub fn holds(&self, archives: &[(String, u128)]) -> bool {
        self.archives == archives
    }

    /// A number for the content of the outputs.
    pub fn content(&self) -> u128 {
        let mut hasher = StableHasher::new();
        for stamp in &self.outputs {
            stamp.content().to_le_bytes().stable_hash(&mut hasher);
        }
        hasher.finish().0
    }
}

/// A compilation that has begun: what it is made from is stamped before the compiler reads it, so that a later edit is noticed in any case.
pub struct Begun {
    command: u128,
    inputs: Option<Vec<Stamp>>,
}

impl Begun {
    /// Stamps the sources of `unit`.
    pub fn new(system: &dyn System, unit: &Unit, command: u128) -> Begun {
        let now = system.now();
        let stamp = |path: &String| {
            let before = system.metadata(Path::new(path)).ok()?;
            let text = read_source(system, path).ok()?;
            Stamp::new(system, path, before, text.as_bytes(), now)
        };
        Begun {
            command,
            inputs: unit.sources.iter().map(stamp).collect(),
        }
    }

    /// The record of the compilation, when it has succeeded.
    pub fn finish(
        self,
        system: &dyn System,
        unit: &Unit,
        seen: Vec<Seen>,
        archives: Vec<(String, u128)>,
        said: Said,
    ) -> Option<Record> {
        let docs = unit.metadata.as_ref().map(|path| docs_beside(path));
        let docs = docs.filter(|path| system.exists(Path::new(path)));
        let outputs = unit.metadata.iter().chain(&unit.output).chain(&docs);
        let stamp = |path: &String| {
            let before = system.metadata(Path::new(path)).ok()?;
            let bytes = system.read(Path::new(path)).ok()?;
            Stamp::new(system, path, before, &bytes, system.now())
        };
        let metadata = unit.metadata.as_ref();
        Some(Record {
            command: self.command,
            inputs: self.inputs?,
            outputs: outputs.map(stamp).collect::<Option<_>>()?,
            seen,
            archives,
            shown: metadata.and_then(|path| shown_by(system, path)),
            said,
        })
    }
}

/// Where the documentation of a module lies.
fn docs_beside(metadata: &str) -> String {
    let path = Path::new(metadata).with_extension("codedoc");
    path.to_string_lossy().into_owned()
}

/// A number for everything that decides about a compilation beside the contents of files.
pub fn command_of(system: &dyn System, unit: &Unit) -> u128 {
    let mut hasher = StableHasher::new();
    BUILD_ID.0.to_le_bytes().stable_hash(&mut hasher);
    unit.arguments.stable_hash(&mut hasher);
    let folder = system.current_dir().unwrap_or_default();
    folder
        .as_os_str()
        .as_encoded_bytes()
        .stable_hash(&mut hasher);
    hasher.finish().0
}

/// What a module file says about its module.
pub fn shown_by(system: &dyn System, path: &str) -> Option<Shown> {
    let module = ModuleFile::open(system, Path::new(path)).ok()?;
    let header = module.header();
    Some(Shown {
        interface: header.interface.0,
        svh: header.svh,
    })
}
