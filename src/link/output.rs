//! Writing results so that nobody sees half of one, and running an image without writing it.

use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Replaces a file by new contents, or creates it. At every moment the path names the whole old file or the whole new one;
/// a program that runs from the old one is not disturbed.
pub fn replace_file(path: &Path, contents: &[u8], executable: bool) -> io::Result<()> {
    let mut path = path.to_owned();
    if let Ok(metadata) = fs::metadata(&path) {
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if !metadata.is_file() {
            // A device such as /dev/null is written to; replacing it by a file would be a disaster.
            return OpenOptions::new()
                .write(true)
                .open(&path)?
                .write_all(contents);
        }
        // A link to a file stays a link.
        path = fs::canonicalize(&path)?;
    }
    let temporary = temporary_beside(&path);
    let result =
        write_new(&temporary, contents, executable).and_then(|()| exchange(&temporary, &path));
    if result.is_err() {
        // Nothing useful can be done if the unfinished file cannot be removed either.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// A name in the same folder that no other process or thread chooses.
fn temporary_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = std::ffi::OsString::from(".");
    // Long names must stay within the limit of the file system.
    let stem = path.file_name().unwrap_or_default().as_bytes();
    name.push(OsStr::from_bytes(&stem[..stem.len().min(200)]));
    name.push(format!(".{}-{number}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, contents: &[u8], executable: bool) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(contents)
}

/// Puts the file at `new` in the place of `old`. Exchanging the two and then removing the old one takes the
/// freeing of the old file's memory out of the time in which the folder is locked.
fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    if fs::symlink_metadata(old).is_ok() {
        let (from, to) = (c_string(new.as_os_str())?, c_string(old.as_os_str())?);
        // SAFETY: both are terminated strings that live through the call.
        let status = unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                libc::AT_FDCWD,
                from.as_ptr(),
                libc::AT_FDCWD,
                to.as_ptr(),
                libc::RENAME_EXCHANGE,
            )
        };
        if status == 0 {
            return fs::remove_file(new);
        }
        // Not every file system can exchange; all can rename.
    }
    fs::rename(new, old)
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// The signals that a compiler ignores, and that mean to a program what its surroundings say.
pub const IGNORED: [libc::c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

/// An executable that exists only in memory.
pub struct MemoryImage(File);

impl MemoryImage {
    pub fn new(name: &str, contents: &[u8]) -> io::Result<Self> {
        let name = c_string(OsStr::new(name))?;
        // SAFETY: the name is a terminated string; the call makes a descriptor or fails.
        let descriptor = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else owns it.
        let mut file = unsafe { File::from_raw_fd(descriptor) };
        file.write_all(contents)?;
        Ok(MemoryImage(file))
    }

    /// Replaces this process by the program. Returns only if that fails.
    pub fn execute(&self, arguments: &[CString]) -> io::Error {
        let mut pointers: Vec<*const libc::c_char> =
            arguments.iter().map(|argument| argument.as_ptr()).collect();
        pointers.push(std::ptr::null());
        for signal in IGNORED {
            // SAFETY: no handler is installed.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        // SAFETY: arguments and environment are null-terminated arrays of terminated strings.
        unsafe {
            libc::fexecve(self.0.as_raw_fd(), pointers.as_ptr(), environ.cast());
        }
        io::Error::last_os_error()
    }

    /// A path that names the image for processes that this one starts.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.0.as_raw_fd()
        ))
    }
}

unsafe extern "C" {
    /// The environment of the process, as the C library keeps it.
    static environ: *const *const libc::c_char;
}
