//! What a process keeps from build to build beside the query engine's memos.
//!
//! The engine answers a question again only after walking through what the answer was made from. For one question that is nothing; for the
//! 300,000 of a large module it is most of a rebuild. So what was found out about a file as a whole is kept here, under two conditions that take
//! no walk to test: its text is the same, and so are the outlines of all files ([`crate::items::outline`]). The program is kept as a whole, together with
//! what has changed since it was made: bodies, or with an outline everything. Everything else goes to the engine.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::{Fingerprint, FxHashMap, FxHashSet};
use crate::codegen::record::{Changes, ProgramRecord, Stale};
use crate::codegen::{self, CodegenError};
use crate::db::{CompilationUnit, RootDatabase, SourceFile};
use crate::diag::{Diagnostic, FileKey};
use crate::items::outline::{FileOutline, file_outline};
use crate::items::{DefId, body_owners, body_syntax};
use crate::link::LinkError;
use crate::link::patch::KeptImage;
use crate::vfs::{FileBytes, KeptFile, OutputKind, System};

use super::program::{ProgramPlace, RestoredImage, Restoring};
use super::stages::Image;

/// A file and the number of its text: whoever sets a text counts.
pub type Version = (SourceFile, u64);

/// Knowledge about files, and when it holds.
#[derive(Debug, Default)]
pub struct Reuse {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The files for which everything else here holds, in the unit's order.
    versions: Vec<Version>,
    outlines: FxHashMap<SourceFile, FileOutline>,
    /// What checking and analysing a file has found.
    findings: FxHashMap<SourceFile, Vec<Diagnostic>>,
    /// Files that had nothing to say, and of which only these bodies have another text since.
    again: FxHashMap<SourceFile, FxHashSet<DefId>>,
    /// What the parser has to say about a file.
    syntax: FxHashMap<SourceFile, Vec<Diagnostic>>,
    /// The bodies of files, with hashes of their texts.
    bodies: FxHashMap<SourceFile, Bodies>,
}

/// Bodies with hashes of their texts.
type Bodies = FxHashMap<DefId, u128>;

/// The program that the last build made, and what does not hold any more of it.
#[derive(Debug, Default)]
pub struct Program {
    pub record: ProgramRecord,
    /// The file that the record was read from.
    base: Option<FileBytes>,
    /// A record that is still being read, and replaces the one here.
    restoring: Option<Restoring>,
    /// Whether the record can be written.
    is_sealed: bool,
    stale: StaleParts,
    /// Whether the last update took nothing from the record.
    pub is_remade: bool,
    /// The image that was made from the record that was read.
    pub(super) restored: Option<RestoredImage>,
    /// The image of the record, in a process that makes one after the other.
    image: Option<KeptImage>,
    /// What has changed in the record since the image was made.
    since_image: Changes,
    /// Where the image differs from the file that was written last; none if that is not known.
    since_file: Option<Vec<Range<usize>>>,
    file: Option<KeptFile>,
    /// Why there is no record of an earlier process, where one was looked for.
    pub missing: Option<&'static str>,
}

/// What a record is to hold. Those of one process, or of one place on disk, are all of one scope, because it follows from options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// What a program's entry reaches.
    Program,
    /// What has a home in the module, and what that reaches.
    Module,
    /// The same without what other modules' libraries have.
    Library,
}

/// What has changed since a record was made.
#[derive(Debug, Default)]
enum StaleParts {
    #[default]
    Everything,
    Bodies(FxHashSet<DefId>, FxHashSet<SourceFile>),
}

impl Program {
    /// Makes the record that of the unit as it is now.
    pub fn update(
        &mut self,
        db: &RootDatabase,
        unit: CompilationUnit,
        scope: Scope,
    ) -> Result<(), Vec<CodegenError>> {
        let update = |record: &mut ProgramRecord, stale: &Stale<'_>| {
            if scope == Scope::Program {
                return record.update(db, unit, stale);
            }
            let roots = codegen::compiled::roots(db, unit);
            record.update_from(db, unit, &roots, stale, scope == Scope::Library)
        };
        if let Some(restoring) = self.restoring.take() {
            match restoring.finish() {
                Ok(restored) => {
                    self.record = restored.record;
                    self.base = Some(restored.base);
                    self.restored = restored.image;
                    self.since_image = Changes::Units {
                        changed: Vec::new(),
                        gone: Vec::new(),
                    };
                }
                Err(reason) => {
                    self.missing = Some(reason);
                    self.stale = StaleParts::Everything;
                }
            }
        }
        let changes = match &self.stale {
            StaleParts::Everything => update(&mut self.record, &Stale::Everything)?,
            StaleParts::Bodies(bodies, files) => {
                let files: Vec<SourceFile> = files.iter().copied().collect();
                let files = &files;
                update(&mut self.record, &Stale::Bodies { bodies, files })?
            }
        };
        self.stale = StaleParts::Bodies(FxHashSet::default(), FxHashSet::default());
        self.is_remade = changes == Changes::Everything;
        match (&mut self.since_image, changes) {
            (Changes::Everything, _) => {}
            (all, Changes::Everything) => *all = Changes::Everything,
            (
                Changes::Units { changed, gone },
                Changes::Units {
                    changed: more,
                    gone: also,
                },
            ) => {
                changed.extend(more);
                gone.extend(also);
            }
        }
        Ok(())
    }

    /// Makes the image that of the record.
    pub fn link(&mut self) -> Result<(), LinkError> {
        let patched = match (&mut self.image, &self.since_image) {
            (Some(image), Changes::Units { changed, gone }) => {
                image.patch(&self.record, changed, gone)
            }
            _ => None,
        };
        match patched {
            Some(written) => {
                if let Some(known) = &mut self.since_file {
                    known.extend(written);
                }
            }
            None => {
                self.image = None;
                self.since_file = None;
                self.image = Some(KeptImage::new(&self.record)?);
                // Only a process that goes on keeps an image.
                self.record.expect_updates();
            }
        }
        self.since_image = Changes::Units {
            changed: Vec::new(),
            gone: Vec::new(),
        };
        Ok(())
    }

    /// The image of the record, made from that of the record as it was read. None if it has to be made anew.
    pub(super) fn relink(&self, restored: RestoredImage) -> Option<Image> {
        let RestoredImage {
            mut image,
            mut pieces,
        } = restored;
        let Changes::Units { changed, gone } = &self.since_image else {
            return None;
        };
        let written = image.patch(&self.record, changed, gone)?;
        pieces.change(image.bytes(), &written);
        Some(Image {
            bytes: image.into_bytes(),
            pieces: Some(pieces),
        })
    }

    /// The image, if one was made.
    pub fn image(&self) -> &[u8] {
        self.image.as_ref().map_or(&[], KeptImage::bytes)
    }

    /// Writes the image.
    pub fn write(&mut self, system: &dyn System, path: &Path) -> io::Result<()> {
        let changed = self.since_file.take();
        let Some(image) = &self.image else {
            return Ok(());
        };
        let kind = OutputKind::Executable;
        system.write_again(
            path,
            image.bytes(),
            changed.as_deref(),
            kind,
            &mut self.file,
        )?;
        self.since_file = Some(Vec::new());
        Ok(())
    }

    /// A program that another process has made, of which these parts do not hold any more.
    pub fn restored(
        restoring: Restoring,
        bodies: FxHashSet<DefId>,
        files: FxHashSet<SourceFile>,
    ) -> Program {
        Program {
            restoring: Some(restoring),
            stale: StaleParts::Bodies(bodies, files),
            ..Program::default()
        }
    }

    /// Prepares the record for [`Program::save`].
    pub fn seal(&mut self, db: &RootDatabase) {
        self.is_sealed = self.record.seal(db).is_some();
    }

    /// Writes the record down for the next process.
    pub fn save(&self, system: &dyn System, place: &ProgramPlace, state: Fingerprint) {
        if self.is_sealed {
            place.write(system, &self.record, self.base.as_deref(), state);
        }
    }

    fn forget(&mut self, bodies: FxHashSet<DefId>, files: &FxHashSet<SourceFile>) {
        if let StaleParts::Bodies(known, known_files) = &mut self.stale {
            known.extend(bodies);
            known_files.extend(files);
        }
    }
}

/// The bodies of a file.
fn bodies_of(db: &RootDatabase, file: SourceFile) -> Bodies {
    let owners = body_owners(db, file).iter();
    let hash = |&def: &DefId| (def, body_syntax(db, def).map_or(0, |body| body.hash));
    owners.map(hash).collect()
}

/// The bodies that differ.
fn changed_bodies(old: Option<&Bodies>, new: &Bodies) -> FxHashSet<DefId> {
    let Some(old) = old else {
        return new.keys().copied().collect();
    };
    let differs = |a: &Bodies, b: &Bodies| {
        let changed = a.iter().filter(|(def, hash)| b.get(def) != Some(hash));
        changed.map(|(&def, _)| def).collect::<Vec<DefId>>()
    };
    let mut changed: FxHashSet<DefId> = differs(old, new).into_iter().collect();
    changed.extend(differs(new, old));
    changed
}

impl Reuse {
    fn state(&self) -> MutexGuard<'_, State> {
        // A build that was cancelled leaves only what is true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what does not hold for these texts any more. Nothing is changed when the query engine is interrupted.
    pub fn advance(&self, db: &RootDatabase, versions: &[Version], program: &Mutex<Program>) {
        let mut state = self.state();
        let old: FxHashMap<SourceFile, u64> = state.versions.iter().copied().collect();
        let changed: FxHashSet<SourceFile> = versions
            .iter()
            .filter(|(file, version)| old.get(file) != Some(version))
            .map(|&(file, _)| file)
            .collect();
        let outlines: Vec<(SourceFile, FileOutline)> = changed
            .iter()
            .map(|&file| (file, file_outline(db, file).clone()))
            .collect();
        let bodies: Vec<(SourceFile, Bodies)> = changed
            .iter()
            .map(|&file| (file, bodies_of(db, file)))
            .collect();
        // From here on no query is asked.
        let mut program = program.lock().unwrap_or_else(PoisonError::into_inner);
        let same_files = state
            .versions
            .iter()
            .map(|v| v.0)
            .eq(versions.iter().map(|v| v.0));
        let same_outlines = outlines
            .iter()
            .all(|(file, outline)| state.outlines.get(file) == Some(outline));
        if same_files && same_outlines {
            let mut stale = FxHashSet::default();
            for (file, bodies) in &bodies {
                let differ = changed_bodies(state.bodies.get(file), bodies);
                stale.extend(differ.iter().copied());
                let was_silent = state.findings.remove(file).is_some_and(|f| f.is_empty());
                if was_silent || state.again.contains_key(file) {
                    state.again.entry(*file).or_default().extend(differ);
                }
            }
            program.forget(stale, &changed);
        } else {
            state.findings.clear();
            state.again.clear();
            program.stale = StaleParts::Everything;
        }
        for file in &changed {
            state.syntax.remove(file);
        }
        state.outlines.extend(outlines);
        state.bodies.extend(bodies);
        state.versions = versions.to_vec();
    }

    /// The files about which something has to be asked, with the bodies that it is about, or none if it is everything.
    pub fn unknown(
        &self,
        unit: CompilationUnit,
        db: &RootDatabase,
    ) -> Vec<(SourceFile, Option<FxHashSet<DefId>>)> {
        let state = self.state();
        let files = unit.files(db).iter().copied();
        let unknown = files.filter(|file| !state.findings.contains_key(file));
        unknown
            .map(|file| (file, state.again.get(&file).cloned()))
            .collect()
    }

    /// Whether nothing is known about any file.
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.findings.is_empty() && state.again.is_empty()
    }

    /// The files about which it is not known what the parser has to say.
    pub fn unparsed(&self, unit: CompilationUnit, db: &RootDatabase) -> Vec<SourceFile> {
        let state = self.state();
        let files = unit.files(db).iter().copied();
        files
            .filter(|file| !state.syntax.contains_key(file))
            .collect()
    }

    /// Remembers what the parser has to say about files, and returns what it has about those of a unit.
    pub fn learn_syntax(
        &self,
        found: Vec<(SourceFile, Vec<Diagnostic>)>,
        unit: CompilationUnit,
        db: &RootDatabase,
    ) -> Vec<Diagnostic> {
        let mut state = self.state();
        state.syntax.extend(found);
        let files = unit.files(db).iter();
        let known = files.filter_map(|file| state.syntax.get(file));
        known.flatten().cloned().collect()
    }

    /// Remembers what was found in files, and returns what is known of all.
    pub fn learn(&self, found: Vec<(SourceFile, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
        let mut state = self.state();
        let mut all = Vec::new();
        for (file, found) in found {
            state.again.remove(&file);
            // Places in other files move without notice.
            if found.iter().all(|d| stays_in(d, file.into())) {
                state.findings.insert(file, found);
            } else {
                all.extend(found);
            }
        }
        all.extend(state.findings.values().flatten().cloned());
        all
    }
}

/// Whether all places of a diagnostic lie in one file.
pub(super) fn stays_in(diagnostic: &Diagnostic, file: FileKey) -> bool {
    let notes = diagnostic.notes.iter().filter_map(|note| note.span);
    let labels = diagnostic.labels.iter().map(|label| label.span);
    let mut spans = diagnostic.span.into_iter().chain(notes).chain(labels);
    spans.all(|span| span.file == file)
}
