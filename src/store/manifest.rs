//! What one build read and wrote.
//!
//! A manifest lists the inputs and outputs of a build that succeeded, each with a [`Stamp`], and the build's diagnostics. Where all stamps still hold and
//! the command is the same, there is nothing to do but to show the diagnostics again. The file names no path of its own and is replaced as a whole,
//! after the outputs; whatever is wrong with it, there is none.
//!
//! A stamp holds when the file system says that the file is the same one, unwritten; clocks are only compared for equality. A file
//! that had been written just before it was stamped could be written again without any sign in its times, so that its content is compared, as for
//! all files whose times differ: content decides. A stamp from the future says that the clock was set back, and times come again; it proves nothing either.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::base::{ContentHash, Fingerprint};
use crate::db::Markers;
use crate::diag::Diagnostic;
use crate::vfs::{FileKind, Metadata, OutputKind, System, Written};

use crate::metadata::pack::checksum;

const MAGIC: &[u8; 8] = b"CODEDEP\x05";
/// Magic, the compiler's build, a checksum of the rest.
const HEADER: usize = 8 + 16 + 8;
/// How old a file's times must be for them to tell of every later write: some file systems count in steps of two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// The same for file systems whose times have more digits than that.
const SETTLED_FINE: Duration = Duration::from_millis(100);

/// A file as it was at some moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// As spelled on the command line, or as the compiler names it.
    pub path: String,
    metadata: Metadata,
    content: u128,
    /// The content of a program in pieces: the next build makes its own from it.
    pieces: Option<ContentHash>,
    /// Whether the times were old enough to be trusted.
    settled: bool,
    /// When that was found out, in nanoseconds since 1970.
    at: i128,
}

/// Whether a stamp holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fresh {
    /// The file was not touched.
    Untouched,
    /// The file had to be read, and has the same content.
    SameContent,
    /// The file has other content or is gone.
    Changed,
}

impl Stamp {
    /// Stamps a file that had these bytes between the moments at which `before` was asked for and now. None if it was written in between, or is no
    /// regular file.
    pub fn new(
        system: &dyn System,
        path: &str,
        before: Metadata,
        bytes: &[u8],
        now: SystemTime,
    ) -> Option<Stamp> {
        let after = system.metadata(Path::new(path)).ok()?;
        if after != before || after.kind != FileKind::File || after.len != bytes.len() as u64 {
            return None;
        }
        Some(Stamp {
            path: path.to_owned(),
            metadata: after,
            content: ContentHash::of(bytes).fingerprint().0,
            pieces: None,
            settled: is_settled(&after, now),
            at: nanoseconds(now),
        })
    }

    /// A number for the file's bytes.
    pub fn content(&self) -> u128 {
        self.content
    }

    /// Whether the file is still as it was, for somebody who knows what the file system says about it, and that is enough to tell.
    pub fn holds(&self, metadata: Metadata, now: SystemTime) -> bool {
        metadata == self.metadata && self.settled && self.at <= nanoseconds(now)
    }

    /// Stamps an output that was just written: `written` is what [`System::write`] has returned. A file that takes its place later has another
    /// inode, so that this stamp never describes it.
    pub fn of_output(path: &str, written: Written, content: Fingerprint, now: SystemTime) -> Stamp {
        let metadata = written.metadata;
        Stamp {
            path: path.to_owned(),
            metadata,
            content: content.0,
            pieces: None,
            settled: written.is_marked || is_settled(&metadata, now),
            at: nanoseconds(now),
        }
    }

    /// The same stamp with the content in pieces.
    pub fn with_pieces(self, pieces: Option<ContentHash>) -> Stamp {
        Stamp { pieces, ..self }
    }

    /// The content in pieces, of a program.
    pub fn pieces(&self) -> Option<&ContentHash> {
        self.pieces.as_ref()
    }

    /// Whether the file is still as it was; a stamp of new times replaces this one if only the times have changed.
    pub fn check(&mut self, system: &dyn System, now: SystemTime) -> Fresh {
        let Ok(metadata) = system.metadata(Path::new(&self.path)) else {
            return Fresh::Changed;
        };
        if self.holds(metadata, now) {
            return Fresh::Untouched;
        }
        if metadata.kind != FileKind::File || metadata.len != self.metadata.len {
            return Fresh::Changed;
        }
        let Ok((len, content)) = system.content(Path::new(&self.path)) else {
            return Fresh::Changed;
        };
        // As it was before it was read, and so all the time.
        let stays = system.metadata(Path::new(&self.path)).ok() == Some(metadata);
        if !stays || len != metadata.len || content.0 != self.content {
            return Fresh::Changed;
        }
        self.metadata = metadata;
        self.settled = is_settled(&metadata, now);
        self.at = nanoseconds(now);
        Fresh::SameContent
    }
}

fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

fn is_settled(metadata: &Metadata, now: SystemTime) -> bool {
    let last = metadata.modified.max(metadata.changed);
    // Times with digits that coarse clocks do not have come from the kernel's clock, which ticks at least a hundred times a second.
    let is_fine = metadata.changed % 10_000_000 != 0;
    let settled = if is_fine { SETTLED_FINE } else { SETTLED };
    nanoseconds(now) - last > settled.as_nanos() as i128
}

/// What one successful build read, wrote and said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of everything on the command line that decides what is made and said.
    pub command: u128,
    /// The same without the list of inputs.
    pub settings: u128,
    /// The sources, in order.
    pub inputs: Vec<Stamp>,
    /// What was taken from modules that were compiled before.
    pub modules: UsedModules,
    /// What was made.
    pub outputs: Vec<Stamp>,
    /// What was said, in order; files are numbers of inputs.
    pub diagnostics: Vec<Diagnostic>,
    /// What is known about each input; nothing if that is empty.
    pub files: Vec<FileFacts>,
}

/// What a build took from modules that were compiled before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UsedModules {
    /// By input: the modules that its imports name, whether they were found or not.
    pub imports: Vec<Vec<String>>,
    /// The modules, in the order in which they are found.
    pub modules: Vec<UsedModule>,
}

impl UsedModules {
    /// The stamp of the file at `path`, if it is one that was used.
    pub fn stamp_of(&self, path: &str) -> Option<&Stamp> {
        let stamps = self.modules.iter();
        let mut stamps = stamps.flat_map(|used| [&used.module].into_iter().chain(&used.archive));
        stamps.find(|stamp| stamp.path == path)
    }
}

/// A module that was compiled before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UsedModule {
    /// Its name.
    pub name: String,
    /// Which module it is: the number of its `StableCrateId`.
    pub id: u64,
    /// What it shows to those who import it.
    pub interface: Fingerprint,
    /// The file that it was read from.
    pub module: Stamp,
    /// The archive with its code, if it was there.
    pub archive: Option<Stamp>,
}

/// What is known about a source file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileFacts {
    /// What its item tree is kept under, which follows from the text.
    pub key: Fingerprint,
    /// What it shows to other files.
    pub outline: Fingerprint,
    /// What was said about it, unsorted; files are numbers of inputs. None if it has to be asked again in any case.
    pub findings: Option<Vec<Diagnostic>>,
    /// The words that occur in it.
    pub markers: Markers,
}

impl Manifest {
    /// The manifest at `path` that this build of the compiler wrote, if it is there and whole.
    pub fn load(system: &dyn System, path: &Path, build: Fingerprint) -> Option<Manifest> {
        let bytes = system.read(path).ok()?;
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let whole = header[..8] == *MAGIC
            && header[8..24] == build.0.to_le_bytes()
            && header[24..] == checksum(body).to_le_bytes();
        whole.then(|| postcard::from_bytes(body).ok()).flatten()
    }

    /// Writes the manifest to `path`. One that cannot be written only makes the next build slower, so that nobody needs to know.
    pub fn save(&self, system: &dyn System, path: &Path, build: Fingerprint) {
        let Ok(body) = postcard::to_allocvec(self) else {
            return;
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&build.0.to_le_bytes());
        bytes.extend_from_slice(&checksum(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        if let Some(folder) = path.parent() {
            let _ = system.create_dir_all(folder);
        }
        let _ = system.write(path, &bytes, OutputKind::Data);
    }
}
