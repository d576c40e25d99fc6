//! Running a program that was never written to a disk.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::diag::Diagnostic;
use crate::vfs::describe;

use super::Compiler;
use super::stages::Image;

/// Becomes the program: its exit status, signals and streams are then those of this process. Returns only
/// when that is impossible.
pub(super) fn replace_process(compiler: &Compiler, image: &Image) -> Diagnostic {
    let name = compiler.options.tracked.module_name.as_str();
    let arguments = &compiler.options.untracked.program_arguments;
    match execute(name, arguments, &image.bytes) {
        Ok(never) => match never {},
        Err(error) => {
            let reason = describe(&error);
            let message = format!("cannot run the program ({reason})");
            Diagnostic::global_error("cannot-run", message)
        }
    }
}

fn execute(name: &str, arguments: &[String], image: &[u8]) -> io::Result<Infallible> {
    let c_name = CString::new(name)?;
    // SAFETY: the name is a C string that outlives the call.
    let fd = unsafe { libc::memfd_create(c_name.as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(image)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Err(Command::new(path).arg0(name).args(arguments).exec())
}
