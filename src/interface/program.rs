//! The program on disk: what one build has generated and the next takes over.
//!
//! It lies beside the manifest, in two files: the record as some build wrote it as a whole, and what has changed since. It names the settings and
//! the texts that it belongs to, so that it may be written before the outputs are there, and whatever a killed build leaves is used by nobody it does not fit.
//! Both reading and writing it go on beside other work.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::base::{Fingerprint, StableHash, StableHasher};
use crate::codegen::record::ProgramRecord;
use crate::vfs::{FileBytes, OutputKind, System};

/// Where a program's record is.
#[derive(Clone, Debug)]
pub(super) struct ProgramPlace {
    /// The build's manifest.
    pub place: PathBuf,
    pub build: Fingerprint,
}

/// What a record of a program belongs to: the settings, and the texts of all files.
pub(super) fn state_of(
    settings: Fingerprint,
    files: impl Iterator<Item = Fingerprint>,
) -> Fingerprint {
    let mut hasher = StableHasher::new();
    settings.stable_hash(&mut hasher);
    for key in files {
        key.stable_hash(&mut hasher);
    }
    hasher.finish()
}

impl ProgramPlace {
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.place.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    }

    /// The record for a state of the program's text, if that is what is there.
    /// An error is the reason why it is not.
    fn read(&self, system: &dyn System, state: Fingerprint) -> Result<Restored, &'static str> {
        let base = system.map(&self.beside(".program"));
        let base = base.map_err(|_| "there is no record of the program")?;
        let edits = system.map(&self.beside(".program.edits")).ok();
        let edits = edits.as_deref();
        let record = ProgramRecord::from_bytes(&base, edits, self.build, state);
        let record = record.ok_or("the record of the program does not belong to this state")?;
        Ok(Restored { record, base })
    }

    /// Writes down a record that was sealed. One that cannot be written only makes the next build slower, so that nobody needs to know.
    ///
    /// `base` is the file that it was read from.
    pub(super) fn write(
        &self,
        system: &dyn System,
        record: &ProgramRecord,
        base: Option<&[u8]>,
        state: Fingerprint,
    ) {
        let edits = base.and_then(|base| record.edits_since(base, self.build, state));
        let place = self.beside(".program.edits");
        if let Some(edits) = edits {
            let _ = system.write(&place, &edits, OutputKind::Data);
            return;
        }
        let bytes = record.to_bytes(self.build, state);
        if let Some(folder) = self.place.parent() {
            let _ = system.create_dir_all(folder);
        }
        let _ = system.write(&self.beside(".program"), &bytes, OutputKind::Data);
        // They name another base, so that nobody would read them.
        let _ = system.remove(&place);
    }
}

/// A record that was read.
#[derive(Debug)]
pub(super) struct Restored {
    pub record: ProgramRecord,
    /// The file with the record as it was written last as a whole.
    pub base: FileBytes,
}

/// A record that is being read, or will be.
pub(super) enum Restoring {
    Running(JoinHandle<Result<Restored, &'static str>>),
    Waiting(ProgramPlace, Fingerprint, Arc<dyn System>),
}

impl Restoring {
    /// Reads the record for a state of the program's text, in a thread of its own if that may be.
    pub fn start(
        place: ProgramPlace,
        state: Fingerprint,
        system: &Arc<dyn System>,
        in_thread: bool,
    ) -> Restoring {
        if in_thread {
            let (place, system) = (place.clone(), system.clone());
            let read = move || place.read(&*system, state);
            let thread = std::thread::Builder::new().name("program".to_owned());
            if let Ok(handle) = thread.spawn(read) {
                return Restoring::Running(handle);
            }
        }
        Restoring::Waiting(place, state, system.clone())
    }

    /// Waits for the record.
    pub fn finish(self) -> Result<Restored, &'static str> {
        match self {
            Restoring::Running(handle) => {
                let lost = Err("the record of the program could not be read");
                handle.join().unwrap_or(lost)
            }
            Restoring::Waiting(place, state, system) => place.read(&*system, state),
        }
    }
}

impl std::fmt::Debug for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restoring")
    }
}
