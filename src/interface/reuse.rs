//! What a process keeps from build to build beside the query engine's memos.
//!
//! The engine answers a question again only after walking through what the answer was made from. For one question that is nothing; for the
//! 300,000 of a large module it is most of a rebuild. So what was found out about a file as a whole is kept here, under two conditions that take
//! no walk to test: its text is the same, and so are the outlines of all files ([`crate::items::outline`]). Everything else goes to the engine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{FxHashMap, FxHashSet};
use crate::codegen::memo::UnitMemo;
use crate::db::{CompilationUnit, RootDatabase, SourceFile};
use crate::diag::{Diagnostic, FileKey};
use crate::items::outline::{FileOutline, file_outline};
use crate::session::OptLevel;

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
    units: Arc<UnitMemo>,
}

impl Reuse {
    fn state(&self) -> MutexGuard<'_, State> {
        // A build that was cancelled leaves only what is true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what does not hold for these texts any more. Nothing is changed when the query engine is interrupted.
    pub fn advance(&self, db: &RootDatabase, versions: &[Version]) {
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
        // From here on no query is asked.
        let same_files = state
            .versions
            .iter()
            .map(|v| v.0)
            .eq(versions.iter().map(|v| v.0));
        let same_outlines = outlines
            .iter()
            .all(|(file, outline)| state.outlines.get(file) == Some(outline));
        if same_files && same_outlines {
            state.findings.retain(|file, _| !changed.contains(file));
            // Builds run one after the other, so that nobody else holds the code.
            if let Some(units) = Arc::get_mut(&mut state.units)
                && !changed.is_empty()
            {
                units.forget_files(db, &changed);
            } else if !changed.is_empty() {
                state.units = Arc::default();
            }
        } else {
            state.findings.clear();
            state.units = Arc::default();
        }
        state.outlines.extend(outlines);
        state.versions = versions.to_vec();
    }

    /// The files about which nothing is known.
    pub fn unknown(&self, unit: CompilationUnit, db: &RootDatabase) -> Vec<SourceFile> {
        let state = self.state();
        let files = unit.files(db).iter().copied();
        files
            .filter(|file| !state.findings.contains_key(file))
            .collect()
    }

    /// Remembers what was found in files, and returns what is known of all.
    pub fn learn(&self, found: Vec<(SourceFile, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
        let mut state = self.state();
        let mut all = Vec::new();
        for (file, found) in found {
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

    /// The code that is kept. Optimised code contains bodies of other files, so it is left to the engine.
    pub fn units(&self, level: OptLevel) -> Option<Arc<UnitMemo>> {
        (level == OptLevel::None).then(|| self.state().units.clone())
    }
}

/// Whether all places of a diagnostic lie in one file.
pub(super) fn stays_in(diagnostic: &Diagnostic, file: FileKey) -> bool {
    let notes = diagnostic.notes.iter().filter_map(|note| note.span);
    let labels = diagnostic.labels.iter().map(|label| label.span);
    let mut spans = diagnostic.span.into_iter().chain(notes).chain(labels);
    spans.all(|span| span.file == file)
}
