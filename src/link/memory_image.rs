//! Running an image without writing it.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

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
