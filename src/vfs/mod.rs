//! Tour of `vfs`: the one door to the file system.
//!
//! * [`System`] is what the compiler needs from its surroundings: files, the current folder, the environment.
//!   [`OsSystem`] is the real one; [`MemorySystem`] holds files in memory, over another system or over
//!   nothing, for tests and for programs that embed the compiler.
//! * [`read_source`] reads a source file and checks everything that later stages rely on: it is a file,
//!   it did not change under our hands, it is UTF-8 and its offsets fit in 32 bits. What is wrong comes back
//!   as a [`ReadError`], never as a panic.
//! * [`FileBytes`]: a file of which only parts are wanted, mapped where that is possible.
//! * [`System::write`] replaces a file in one step, so that nobody ever sees half of an output. [`KeptFile`]: a file of which little changes from
//!   one time to the next.

mod bytes;
mod kept;
mod memory;
mod os;
mod read;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::base::{ContentHash, Fingerprint};

pub use self::bytes::{BytesCopy, FileBytes};
pub use self::kept::{KeptFile, remove_hidden_files_at_signals};
pub use self::memory::MemorySystem;
pub use self::os::OsSystem;
pub use self::read::{ReadError, ReadErrorKind, SourceText, describe, read_source};

/// What the compiler needs from its surroundings.
pub trait System: Send + Sync + fmt::Debug {
    /// Reads a whole file once. A file that changed during the read is an error; [`read_source`] tries again.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadErrorKind>;

    /// The length of a file and the fingerprint of its content, which need not be in memory as a whole for that. Errors are those of [`System::read`].
    fn content(&self, path: &Path) -> Result<(u64, Fingerprint), ReadErrorKind> {
        let bytes = self.read(path)?;
        Ok((bytes.len() as u64, ContentHash::of(&bytes).fingerprint()))
    }

    /// The bytes of a file of which only parts may be wanted. The real system maps it into memory, so that it is for files that are replaced as a
    /// whole and never written in place, as the compiler's own outputs are.
    fn map(&self, path: &Path) -> Result<FileBytes, ReadErrorKind> {
        self.read(path).map(FileBytes::from)
    }

    /// The bytes of such a file, to be changed without changing the file, and what was known about the file when it was opened.
    fn map_copy(&self, path: &Path) -> Result<(BytesCopy, Metadata), ReadErrorKind> {
        let before = self.metadata(path).map_err(ReadErrorKind::from_io)?;
        Ok((BytesCopy::from(self.read(path)?), before))
    }

    /// What is known about a path without reading it.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// The entries of a folder, sorted by name.
    fn list_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// Replaces the file at `path` by `bytes` in one step: readers see the old file or the new one.
    /// Special files such as `/dev/null` are written to and stay what they are.
    ///
    /// What is known about the file that now has these bytes is returned, so that nobody has to read it to be sure. None for special files, and where somebody
    /// else's file has taken its place at once.
    fn write(&self, path: &Path, bytes: &[u8], kind: OutputKind) -> io::Result<Option<Written>>;

    /// The same for a file that is written again and again. `changed` says where `bytes` may differ from those of the last time with the same `kept`; none
    /// if nothing is known. Systems that have no use for it write the whole file.
    fn write_again(
        &self,
        path: &Path,
        bytes: &[u8],
        changed: Option<&[Range<usize>]>,
        kind: OutputKind,
        kept: &mut Option<KeptFile>,
    ) -> io::Result<()> {
        let _ = (changed, kept);
        self.write(path, bytes, kind).map(drop)
    }

    /// Finds out whether [`System::write`] to `path` can succeed, without changing anything that lasts.
    fn check_writable(&self, path: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder and those above it.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// The folder that relative paths start from.
    fn current_dir(&self) -> io::Result<PathBuf>;

    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<OsString>;

    /// The folder that the compiler was installed in, with `bin` and `lib` below it; none where nobody knows.
    fn install_folder(&self) -> Option<PathBuf> {
        None
    }

    /// Everything on standard input; what an input named `-` reads.
    fn read_stdin(&self) -> io::Result<Vec<u8>>;

    /// The time by the clock that files are stamped with, which can be set to anything at any moment.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Gives a file the time of now as that of its last modification. Systems whose files nobody collects by age need not.
    fn touch(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Whether there is something at `path`.
    fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }
}

/// The trait under the name that embedders know from other compilers.
pub use self::System as FileLoader;

/// What is known about a file without reading it. Two equal stamps of a regular file mean that it was
/// not written in between, as far as the file system can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Metadata {
    /// What is at the path.
    pub kind: FileKind,
    /// Length in bytes.
    pub len: u64,
    /// Last modification in nanoseconds since 1970.
    pub modified: i128,
    /// Last change of the contents or of what is known about the file, by the system's clock, in nanoseconds since 1970: unlike
    /// [`Metadata::modified`] no program can set it. 0 where there is none.
    pub changed: i128,
    /// The file's number in its file system, 0 where there is none.
    pub inode: u64,
}

/// A file that [`System::write`] has put in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// What is known about it.
    pub metadata: Metadata,
    /// Whether its time of modification is one that the system gives to no other write: so that another write shows, however soon it comes.
    pub is_marked: bool,
}

/// The kinds of things at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A device, a pipe, a socket.
    Special,
}

/// What an output is, which decides its permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputKind {
    /// Read and write.
    Data,
    /// Read, write and execute.
    Executable,
}
