//! The program on disk: what one build has generated and the next takes over.
//!
//! It lies beside the manifest, in two files: the record as some build wrote it as a whole, and what has changed since. It names the settings and
//! the texts that it belongs to, so that it may be written before the outputs are there, and whatever a killed build leaves is used by nobody it does not fit.
//! Both reading and writing it go on beside other work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::base::{ContentHash, Fingerprint, StableHash, StableHasher};
use crate::codegen::record::ProgramRecord;
use crate::link::patch::KeptImage;
use crate::store::manifest::Stamp;
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

    /// The record for a state of the program's text, if that is what is there, and the program itself, if it is still the one that this stamp describes.
    /// An error is the reason why there is no record.
    fn read(
        &self,
        system: &dyn System,
        state: Fingerprint,
        output: Option<&Stamp>,
    ) -> Result<Restored, &'static str> {
        let missing = |_| "there is no record of the program";
        // The record changes its copy, and what it has changed is found out by comparing the two.
        let base = system.map(&self.beside(".program")).map_err(missing)?;
        let (copy, _) = system.map_copy(&self.beside(".program")).map_err(missing)?;
        if !ProgramRecord::is_same_file(&base, &copy) {
            return Err("the record of the program was replaced meanwhile");
        }
        let edits = system.map(&self.beside(".program.edits")).ok();
        let edits = edits.as_deref();
        let record = ProgramRecord::from_bytes(copy, edits, self.build, state);
        let record = record.ok_or("the record of the program does not belong to this state")?;
        let image = output.and_then(|output| {
            let pieces = output.pieces()?.clone();
            let (bytes, metadata) = system.map_copy(Path::new(&output.path)).ok()?;
            let bytes = output.holds(metadata, system.now()).then_some(bytes)?;
            let image = KeptImage::of_file(&record, bytes)?;
            Some(RestoredImage { image, pieces })
        });
        Ok(Restored {
            record,
            base,
            image,
        })
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
    /// The image that was made from the record.
    pub image: Option<RestoredImage>,
}

/// The program as it lies on the disk, ready to be changed.
#[derive(Debug)]
pub(super) struct RestoredImage {
    pub image: KeptImage,
    pub pieces: ContentHash,
}

/// A record that is being read, or will be.
pub(super) enum Restoring {
    Running(JoinHandle<Result<Restored, &'static str>>),
    Waiting(
        ProgramPlace,
        Fingerprint,
        Option<Box<Stamp>>,
        Arc<dyn System>,
    ),
}

impl Restoring {
    /// Reads the record for a state of the program's text, and the program that this stamp describes, in a thread of its own if that may be.
    pub fn start(
        place: ProgramPlace,
        state: Fingerprint,
        output: Option<Stamp>,
        system: &Arc<dyn System>,
        in_thread: bool,
    ) -> Restoring {
        if in_thread {
            let (place, output, system) = (place.clone(), output.clone(), system.clone());
            let read = move || place.read(&*system, state, output.as_ref());
            let thread = std::thread::Builder::new().name("program".to_owned());
            if let Ok(handle) = thread.spawn(read) {
                return Restoring::Running(handle);
            }
        }
        Restoring::Waiting(place, state, output.map(Box::new), system.clone())
    }

    /// Waits for the record.
    pub fn finish(self) -> Result<Restored, &'static str> {
        match self {
            Restoring::Running(handle) => {
                let lost = Err("the record of the program could not be read");
                handle.join().unwrap_or(lost)
            }
            Restoring::Waiting(place, state, output, system) => {
                place.read(&*system, state, output.as_deref())
            }
        }
    }
}

impl std::fmt::Debug for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restoring")
    }
}
