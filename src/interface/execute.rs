//! Running a program that was never written to a disk.

use std::ffi::CString;
use std::io;

use crate::diag::Diagnostic;
use crate::link::memory_image::MemoryImage;
use crate::vfs::describe;

use super::Compiler;
use super::stages::Image;

/// Becomes the program: its exit status, signals and streams are then those of this process. Returns only
/// when that is impossible.
pub(super) fn replace_process(compiler: &Compiler, image: &Image) -> Diagnostic {
    let name = compiler.options.tracked.module_name.as_str();
    let arguments = &compiler.options.untracked.program_arguments;
    let error = match execute(name, arguments, &image.bytes) {
        Ok(error) | Err(error) => error,
    };
    let reason = describe(&error);
    let message = format!("cannot run the program ({reason})");
    Diagnostic::global_error("cannot-run", message)
}

fn execute(name: &str, arguments: &[String], image: &[u8]) -> io::Result<io::Error> {
    let words = std::iter::once(name).chain(arguments.iter().map(String::as_str));
    let arguments = words.map(CString::new).collect::<Result<Vec<_>, _>>()?;
    Ok(MemoryImage::new(name, image)?.execute(&arguments))
}
