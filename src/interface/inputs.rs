//! Reading what a compilation is made from.
//!
//! A file that is as the last build saw it is not read. What is known about it is enough to find out what has to be done, and mostly to do it; who needs its text
//! after all reads it then. If it is not the same file any more by that time, the compilation begins anew.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::{Fingerprint, FxHashMap};
use crate::db::{RootDatabase, SourceFile, SourceText, UnreadText};
use crate::diag::Diagnostic;
use crate::session::OutputFileMap;
use crate::store::manifest::{FileFacts, Stamp, UsedModules};
use crate::vfs::{Metadata, ReadError, ReadErrorKind, System, read_source};
use crate::{bodies, items};

use super::incremental::BuildRecord;
use super::{Compiler, Config, Phase, imported, modules, sysroot};

/// What a build was made from, for a record.
pub(super) struct ReadInputs {
    /// A stamp for each source file that is a regular one and did not change meanwhile.
    pub stamps: Vec<Option<Stamp>>,
    /// The modules that were imported, unless one of them changed meanwhile.
    pub modules: Option<UsedModules>,
}

/// Files that were read late, and were not what they had been any more.
#[derive(Debug, Default)]
pub(super) struct LateReads(Mutex<Vec<ReadError>>);

impl LateReads {
    /// What went wrong with them, file by file.
    pub fn problems(&self) -> Vec<Diagnostic> {
        let errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        errors.iter().map(unreadable).collect()
    }

    fn add(&self, error: ReadError) {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        errors.push(error);
    }
}

fn unreadable(error: &ReadError) -> Diagnostic {
    Diagnostic::global_error("unreadable-input", error.to_string())
}

/// Sets the inputs: every source file, and the modules that they import. All files that cannot be read are reported, not just the first.
pub(super) fn read(
    config: Config,
    file_map: OutputFileMap,
    record: Option<&BuildRecord>,
) -> Phase<(Compiler, ReadInputs)> {
    let Config {
        options,
        system,
        store,
        one_shot,
        processors,
    } = config;
    let mut db = match options.untracked.time_passes {
        true => RootDatabase::with_event_log(),
        false => RootDatabase::new(),
    };
    if one_shot {
        db.freeze_inputs();
    }
    if let Some(processors) = processors {
        db.share_processors(processors);
    }
    if let Some(store) = &store {
        db.use_results(store.clone());
    }
    let stamped = record.is_some();
    if let Some(record) = record {
        db.use_records(record.records.clone());
    }
    let late = Arc::new(LateReads::default());
    let started = system.now();
    let known = record.and_then(BuildRecord::known);
    let facts: FxHashMap<&str, (&Stamp, &FileFacts)> = match known {
        Some(known) => {
            let files = known.inputs.iter().zip(&known.files);
            files
                .map(|(stamp, facts)| (stamp.path.as_str(), (stamp, facts)))
                .collect()
        }
        None => FxHashMap::default(),
    };
    let mut errors = Vec::new();
    let mut files = Vec::new();
    let mut stamps = Vec::new();
    for path in &options.untracked.inputs {
        let before = stamped
            .then(|| system.metadata(Path::new(path)).ok())
            .flatten();
        let same = before.and_then(|before| {
            let (stamp, facts) = facts.get(path.as_str())?;
            stamp
                .holds(before, started)
                .then_some((before, stamp, facts))
        });
        if let Some((before, stamp, facts)) = same {
            let read = read_later(&system, &late, path, before);
            let content = Fingerprint(stamp.content());
            let text = UnreadText::new(content, facts.markers, Box::new(read));
            stamps.push(Some((*stamp).clone()));
            files.push(SourceFile::of_text(
                &db,
                path,
                SourceText::Unread(Arc::new(text)),
            ));
            continue;
        }
        match read_source(&*system, path) {
            Ok(text) => {
                stamps.push(stamp_of(&*system, path, before, &text, started));
                let shown = if path == "-" { "<stdin>" } else { path };
                files.push(SourceFile::of_user(&db, shown, text));
            }
            Err(error) => errors.push(unreadable(&error)),
        }
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    let tracked = Arc::new(options.tracked.clone());
    bodies::register();
    let library = sysroot::library(&db, &*system, &options, store.as_deref())?;
    let imports = imported::imports(&db, &options, &files, &stamps, known);
    let wanted = imported::wanted(&imports);
    let loaded = modules::load(&db, &system, &options, wanted, library)?;
    let used = record.and_then(|_| imported::used(&*system, imports, &loaded, known, started));
    let (modules, archives) = (loaded.files, loaded.archives);
    let unit = items::workspace::open_with(&db, files, tracked, library, loaded.units);
    let compiler = Compiler {
        db,
        unit,
        options,
        system,
        file_map,
        store,
        modules,
        archives,
        late,
        reuse: None,
        rebuild: None,
        remade: None,
        program: Arc::default(),
        is_recorded: stamped,
        record_place: None,
    };
    let read = ReadInputs {
        stamps,
        modules: used,
    };
    Ok((compiler, read))
}

fn stamp_of(
    system: &dyn System,
    path: &str,
    before: Option<Metadata>,
    text: &str,
    now: SystemTime,
) -> Option<Stamp> {
    Stamp::new(system, path, before?, text.as_bytes(), now)
}

/// Reads a file of which this is known, when it is asked for.
fn read_later(
    system: &Arc<dyn System>,
    late: &Arc<LateReads>,
    path: &str,
    known: Metadata,
) -> impl Fn() -> Arc<str> + Send + Sync + use<> {
    let (system, late, path) = (system.clone(), late.clone(), path.to_owned());
    move || {
        let read = read_source(&*system, &path);
        let is_same = || system.metadata(Path::new(&path)).ok() == Some(known);
        let error = match read {
            Ok(text) if is_same() => return text,
            Ok(_) => ReadError {
                path: path.clone(),
                kind: ReadErrorKind::ChangedWhileReading,
            },
            Err(error) => error,
        };
        late.add(error);
        Arc::from("")
    }
}
