//! The operating system's files.

use std::ffi::{CString, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::base::{ContentHash, Fingerprint};

use super::{
    BytesCopy, FileBytes, FileKind, KeptFile, Metadata, OutputKind, ReadErrorKind, System, Written,
};

/// How much of a file is read at once where only its fingerprint is wanted.
const PIECE: u64 = 1 << 20;

/// The real file system and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsSystem;

impl System for OsSystem {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadErrorKind> {
        let mut file = File::open(path).map_err(ReadErrorKind::from_io)?;
        let before = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
        if before.kind == FileKind::Directory {
            return Err(ReadErrorKind::IsDirectory);
        }
        // The length is only a hint: devices have none, and files may grow.
        let mut bytes = Vec::with_capacity(before.len.min(1 << 30) as usize + 1);
        // Some devices never end; what is longer than this is refused anyway.
        let mut bounded = (&mut file).take(u64::from(u32::MAX) + 1);
        bounded
            .read_to_end(&mut bytes)
            .map_err(ReadErrorKind::from_io)?;
        if before.kind == FileKind::File {
            let after = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
            if after != before || after.len != bytes.len() as u64 {
                return Err(ReadErrorKind::ChangedWhileReading);
            }
        }
        Ok(bytes)
    }

    fn content(&self, path: &Path) -> Result<(u64, Fingerprint), ReadErrorKind> {
        let mut file = File::open(path).map_err(ReadErrorKind::from_io)?;
        let before = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
        // What has no length is read by a function that knows an end to it.
        if before.kind != FileKind::File || before.len < PIECE {
            let bytes = self.read(path)?;
            return Ok((bytes.len() as u64, ContentHash::of(&bytes).fingerprint()));
        }
        let mut hash = ContentHash::default();
        let mut piece = Vec::with_capacity(PIECE as usize);
        let mut len = 0;
        loop {
            piece.clear();
            let read = (&mut file).take(PIECE).read_to_end(&mut piece);
            match read.map_err(ReadErrorKind::from_io)? {
                0 => break,
                read => len += read as u64,
            }
            hash.push(&piece);
            if len > before.len {
                return Err(ReadErrorKind::ChangedWhileReading);
            }
        }
        let after = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
        match after == before && after.len == len {
            true => Ok((len, hash.fingerprint())),
            false => Err(ReadErrorKind::ChangedWhileReading),
        }
    }

    fn map(&self, path: &Path) -> Result<FileBytes, ReadErrorKind> {
        let file = File::open(path).map_err(ReadErrorKind::from_io)?;
        let stamp = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
        // Only regular files can be mapped, and no empty ones.
        if stamp.kind != FileKind::File || stamp.len == 0 {
            return self.read(path).map(FileBytes::from);
        }
        // SAFETY: a mapping is sound as long as nobody shortens the file in place, which callers of `map` expect of no one: outputs are replaced.
        let map = unsafe { memmap2::Mmap::map(&file) };
        map.map(FileBytes::from).map_err(ReadErrorKind::from_io)
    }

    fn map_copy(&self, path: &Path) -> Result<(BytesCopy, Metadata), ReadErrorKind> {
        let file = File::open(path).map_err(ReadErrorKind::from_io)?;
        let stamp = stamp(&file.metadata().map_err(ReadErrorKind::from_io)?);
        if stamp.kind != FileKind::File || stamp.len == 0 {
            return Ok((BytesCopy::from(self.read(path)?), stamp));
        }
        // SAFETY: as for `map`. Changes stay in memory.
        let map = unsafe { memmap2::MmapOptions::new().map_copy(&file) };
        let map = map.map_err(ReadErrorKind::from_io)?;
        Ok((BytesCopy::from(map), stamp))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        fs::metadata(path).map(|data| stamp(&data))
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    }

    fn write(&self, path: &Path, bytes: &[u8], kind: OutputKind) -> io::Result<Option<Written>> {
        let target = match destination(path)? {
            Destination::Special => {
                let mut file = OpenOptions::new().write(true).open(path)?;
                return file.write_all(bytes).map(|()| None);
            }
            Destination::File(target) => target,
        };
        let (temporary, mut file) = create_temporary(&target, kind)?;
        let written = file.write_all(bytes).and_then(|()| {
            let (inode, mark) = (file.metadata()?.ino(), mark(&file));
            // A program that is still open for writing could not be run.
            drop(file);
            put_in_place(&temporary, &target)?;
            Ok((inode, mark))
        });
        match written {
            // Renaming counts as a change, so the file is asked only now. Another one may have taken its place.
            Ok((inode, mark)) => {
                let found = fs::metadata(&target).map(|data| stamp(&data)).ok();
                let found = found.filter(|found| found.inode == inode);
                Ok(found.map(|metadata| Written {
                    metadata,
                    is_marked: mark == Some(metadata.modified),
                }))
            }
            Err(error) => {
                // The first failure is the one to report; a leftover that cannot be removed adds nothing.
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    fn write_again(
        &self,
        path: &Path,
        bytes: &[u8],
        changed: Option<&[Range<usize>]>,
        kind: OutputKind,
        kept: &mut Option<KeptFile>,
    ) -> io::Result<()> {
        let target = match destination(path)? {
            Destination::Special => {
                *kept = None;
                return self.write(path, bytes, kind).map(drop);
            }
            Destination::File(target) => target,
        };
        if let (Some(file), Some(changed)) = (kept.as_mut(), changed)
            && file.is_for(&target)
        {
            return file.write(bytes, changed, kind);
        }
        *kept = None;
        *kept = Some(KeptFile::create(&target, bytes, kind)?);
        Ok(())
    }

    fn check_writable(&self, path: &Path) -> io::Result<()> {
        match destination(path)? {
            // Opening a pipe would wait for its reader, so only the permission is looked at.
            Destination::Special => may_write(path),
            Destination::File(target) => {
                // Asking for permission bits would miss read-only mounts, quotas and access lists.
                let (temporary, file) = create_temporary(&target, OutputKind::Data)?;
                drop(file);
                fs::remove_file(temporary)
            }
        }
    }

    fn touch(&self, path: &Path) -> io::Result<()> {
        let file = fs::OpenOptions::new().append(true).open(path)?;
        file.set_modified(self.now())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        std::env::current_dir()
    }

    fn env(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn install_folder(&self) -> Option<PathBuf> {
        let program = std::env::current_exe().ok()?;
        Some(program.parent()?.parent()?.to_path_buf())
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn may_write(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path is a C string that outlives the call.
    match unsafe { libc::access(path.as_ptr(), libc::W_OK) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives the file at `new` the name `target`, in one step.
///
/// Where there is a file of that name, the two change places and the old one is removed: a file that is renamed over another is written to the disk at once by some file systems,
/// and to remove it then takes longer than to write it did. Outputs that last a while get there anyway.
pub(super) fn put_in_place(new: &Path, target: &Path) -> io::Result<()> {
    match exchange(new, target) {
        true => fs::remove_file(new),
        false => fs::rename(new, target),
    }
}

/// Exchanges two files; false where that cannot be done.
pub(super) fn exchange(new: &Path, old: &Path) -> bool {
    let path = |path: &Path| CString::new(path.as_os_str().as_bytes());
    let (Ok(new), Ok(old)) = (path(new), path(old)) else {
        return false;
    };
    // SAFETY: both are terminated strings that live through the call.
    let status = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            new.as_ptr(),
            libc::AT_FDCWD,
            old.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    status == 0
}

/// Gives a file that was just written a time of modification that the system gives to no write: one just before the time that it has given to this one. Its
/// clock ticks much more seldom, and whoever writes to the file from now on gets a time from it. Not a later time than that, because other files that are written at once
/// would seem to be older. None where the system does not keep such times.
fn mark(file: &File) -> Option<i128> {
    let written = file.metadata().ok()?.modified().ok()?;
    let time = written.checked_sub(Duration::from_nanos(1))?;
    file.set_modified(time).ok()?;
    let kept = file.metadata().ok()?;
    (kept.modified().ok()? == time).then(|| stamp(&kept).modified)
}

/// What a write to a path has to replace.
enum Destination {
    /// A regular file, there or not, with symbolic links followed: a link to an output stays a link.
    File(PathBuf),
    /// A device or a pipe, which must be written through.
    Special,
}

fn destination(path: &Path) -> io::Result<Destination> {
    match fs::metadata(path) {
        Ok(data) if data.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(data) if data.is_file() => fs::canonicalize(path).map(Destination::File),
        Ok(_) => Ok(Destination::Special),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Destination::File(path.to_path_buf()))
        }
        Err(error) => Err(error),
    }
}

/// Creates a new file beside `target`, so that renaming it stays within one file system.
pub(super) fn create_temporary(target: &Path, kind: OutputKind) -> io::Result<(PathBuf, File)> {
    create_beside(target, kind, "tmp")
}

/// What the names of hidden files beside `target` begin with.
pub(super) fn hidden_prefix(target: &Path) -> Option<OsString> {
    let mut hidden = OsString::from(".");
    // Long names leave no room for a suffix, so only a part of the name is kept.
    let name = target.file_name()?.to_string_lossy();
    hidden.push(name.chars().take(32).collect::<String>());
    hidden.push(".");
    Some(hidden)
}

/// Creates a new hidden file beside `target`, with a name of this process that ends as `suffix` says.
pub(super) fn create_beside(
    target: &Path,
    kind: OutputKind,
    suffix: &str,
) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let prefix =
        hidden_prefix(target).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mode = match kind {
        OutputKind::Data => 0o666,
        OutputKind::Executable => 0o777,
    };
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut hidden = prefix.clone();
        hidden.push(format!("{}-{number}.{suffix}", std::process::id()));
        let temporary = target.with_file_name(hidden);
        let options = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary);
        match options {
            Ok(file) => return Ok((temporary, file)),
            // Left over by a process of the same number that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn stamp(data: &fs::Metadata) -> Metadata {
    let kind = if data.is_dir() {
        FileKind::Directory
    } else if data.is_file() {
        FileKind::File
    } else {
        FileKind::Special
    };
    Metadata {
        kind,
        len: data.len(),
        modified: i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec()),
        changed: i128::from(data.ctime()) * 1_000_000_000 + i128::from(data.ctime_nsec()),
        inode: data.ino(),
    }
}
