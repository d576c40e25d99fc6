//! Files in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{FileKind, Metadata, OutputKind, ReadErrorKind, System, Written};

/// Files in memory, alone or laid over another system. Writes stay in memory.
///
/// ```
/// use codira::vfs::{MemorySystem, read_source};
/// let system = MemorySystem::new().with_file("a.code", "print(1)");
/// assert_eq!(&*read_source(&system, "a.code").unwrap(), "print(1)");
/// assert!(read_source(&system, "b.code").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct MemorySystem {
    // Clones share their files, so that a test can keep a handle and look at the outputs.
    state: Arc<Mutex<State>>,
    below: Option<Arc<dyn System>>,
    current_dir: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, MemoryFile>,
    env: BTreeMap<String, OsString>,
    stdin: Vec<u8>,
    /// Counts writes, as a clock that never stands still.
    writes: i128,
    /// The clock, in nanoseconds since 1970, where it has been set. It stands still until it is set again.
    clock: Option<i128>,
}

#[derive(Clone, Debug)]
struct MemoryFile {
    bytes: Vec<u8>,
    modified: i128,
    changed: i128,
    /// How many of the next reads fail, and how.
    fault: Option<(u32, ReadErrorKind)>,
}

impl MemorySystem {
    /// A system without any files, whose current folder is `/`.
    pub fn new() -> MemorySystem {
        MemorySystem {
            state: Arc::default(),
            below: None,
            current_dir: PathBuf::from("/"),
        }
    }

    /// A system that shows the files of `below` where it has none of its own.
    pub fn over(below: Arc<dyn System>) -> MemorySystem {
        let current_dir = below.current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        MemorySystem {
            state: Arc::default(),
            below: Some(below),
            current_dir,
        }
    }

    /// The same with one more file.
    pub fn with_file(self, path: &str, bytes: impl Into<Vec<u8>>) -> MemorySystem {
        self.set(path, bytes);
        self
    }

    /// Creates or replaces a file.
    pub fn set(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.put(self.absolute(Path::new(path)), bytes.into());
    }

    /// Makes the next `times` reads of a file fail.
    pub fn fail_reads(&self, path: &str, times: u32, kind: ReadErrorKind) {
        let path = self.absolute(Path::new(path));
        if let Some(file) = self.state().files.get_mut(&path) {
            file.fault = Some((times, kind));
        }
    }

    /// Sets a variable of the environment.
    pub fn set_env(&self, name: &str, value: &str) {
        self.state().env.insert(name.to_owned(), value.into());
    }

    /// Sets the clock to a time in nanoseconds since 1970. From then on files have the times at which they were written, as on a disk.
    pub fn set_clock(&self, time: i128) {
        self.state().clock = Some(time);
    }

    /// Sets what standard input holds.
    pub fn set_stdin(&self, bytes: impl Into<Vec<u8>>) {
        self.state().stdin = bytes.into();
    }

    /// The contents of a file that is in memory.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.absolute(Path::new(path));
        self.state().files.get(&path).map(|file| file.bytes.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: PathBuf, bytes: Vec<u8>) {
        let mut state = self.state();
        state.writes += 1;
        let file = MemoryFile {
            bytes,
            modified: state.clock.unwrap_or(state.writes),
            changed: state.clock.unwrap_or(0),
            fault: None,
        };
        state.files.insert(path, file);
    }

    /// The path from the root, without `.` and `..`.
    fn absolute(&self, path: &Path) -> PathBuf {
        let mut absolute = PathBuf::new();
        for part in self.current_dir.join(path).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    absolute.pop();
                }
                _ => absolute.push(part),
            }
        }
        absolute
    }

    fn is_dir(&self, path: &Path) -> bool {
        let inside = |file: &PathBuf| file != path && file.starts_with(path);
        path == self.current_dir || self.state().files.keys().any(inside)
    }
}

impl Default for MemorySystem {
    fn default() -> Self {
        Self::new()
    }
}

impl System for MemorySystem {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadErrorKind> {
        let absolute = self.absolute(path);
        if let Some(file) = self.state().files.get_mut(&absolute) {
            if let Some((times, kind)) = &mut file.fault
                && *times > 0
            {
                *times -= 1;
                return Err(kind.clone());
            }
            return Ok(file.bytes.clone());
        }
        if self.is_dir(&absolute) {
            return Err(ReadErrorKind::IsDirectory);
        }
        match &self.below {
            Some(below) => below.read(path),
            None => Err(ReadErrorKind::NotFound),
        }
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let absolute = self.absolute(path);
        let number = |kind, len, modified, changed| Metadata {
            kind,
            len,
            modified,
            changed,
            inode: 0,
        };
        if let Some(file) = self.state().files.get(&absolute) {
            let len = file.bytes.len() as u64;
            return Ok(number(FileKind::File, len, file.modified, file.changed));
        }
        if self.is_dir(&absolute) {
            return Ok(number(FileKind::Directory, 0, 0, 0));
        }
        match &self.below {
            Some(below) => below.metadata(path),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let absolute = self.absolute(path);
        let mut entries = match &self.below {
            Some(below) => below.list_dir(path).unwrap_or_default(),
            None => Vec::new(),
        };
        for file in self.state().files.keys() {
            if let Ok(rest) = file.strip_prefix(&absolute)
                && let Some(first) = rest.components().next()
            {
                entries.push(path.join(first));
            }
        }
        if entries.is_empty() && !self.exists(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        entries.sort();
        entries.dedup();
        Ok(entries)
    }

    fn write(&self, path: &Path, bytes: &[u8], _: OutputKind) -> io::Result<Option<Written>> {
        self.check_writable(path)?;
        self.put(self.absolute(path), bytes.to_vec());
        let metadata = self.metadata(path)?;
        Ok(Some(Written {
            metadata,
            is_marked: false,
        }))
    }

    fn check_writable(&self, path: &Path) -> io::Result<()> {
        match self.is_dir(&self.absolute(path)) {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let absolute = self.absolute(path);
        match self.state().files.remove(&absolute) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        // Folders exist where files are.
        Ok(())
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(self.current_dir.clone())
    }

    fn env(&self, name: &str) -> Option<OsString> {
        let own = self.state().env.get(name).cloned();
        own.or_else(|| self.below.as_ref()?.env(name))
    }

    fn now(&self) -> SystemTime {
        let Some(time) = self.state().clock else {
            return SystemTime::now();
        };
        let distance = Duration::from_nanos(u64::try_from(time.unsigned_abs()).unwrap_or(u64::MAX));
        let found = match time < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(distance),
            false => SystemTime::UNIX_EPOCH.checked_add(distance),
        };
        found.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(self.state().stdin.clone())
    }
}
