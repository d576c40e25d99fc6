//! Tour of `link`: from blobs to files that run.
//!
//! * `runtime.rs`: the runtime as `build.rs` left it: an executable image, the addresses in it, a static library.
//! * `image.rs`: the direct writer. It appends a program to the runtime's image and applies relocations itself: no objects, no linker.
//! * `layout.rs`: where the direct writer puts each blob. `tables.rs`: what it appends for debuggers.
//! * `patch.rs`: an image that is kept, and changed where its program changes.
//! * `memory_image.rs`: running an image without a file.
//! * `object_file.rs`: relocatable objects, for `-c`, libraries and optimised builds.
//! * `assembly.rs`: the same as text for an assembler.
//! * `autolink.rs`: what objects want to be linked with.
//! * `debug.rs`: what debuggers read, in images and in objects.
//! * `archive.rs`: static libraries.
//! * `linker.rs`: calling the system's linker.

pub mod archive;
pub mod assembly;
pub mod autolink;
pub mod debug;
pub mod image;
mod layout;
pub mod linker;
pub mod memory_image;
pub mod object_file;
pub mod patch;
pub mod runtime;
mod tables;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::codegen::blob::{LineKey, SymbolName};

/// Tells the line number of an expression at the time of linking.
pub type LineOf<'a> = &'a (dyn Fn(LineKey) -> u32 + Sync);

/// Why a program could not be linked.
#[derive(Debug)]
pub enum LinkError {
    /// Symbols that nothing defines, each with one that refers to it.
    Undefined(Vec<(SymbolName, SymbolName)>),
    /// Two definitions of a symbol that may have only one.
    Duplicate(SymbolName),
    /// An address is too far away for the instruction that refers to it.
    OutOfRange {
        target: SymbolName,
        in_symbol: SymbolName,
    },
    /// A relocation that is not inside of its blob: an error of the code generator.
    Malformed {
        in_symbol: SymbolName,
    },
    /// The compiler was built without an image of the runtime, so a linker is needed.
    NoRuntimeImage,
    /// Debug information could not be written.
    Debug(String),
    /// There is no linker, or an object could not be written.
    Linker(String),
    /// The linker failed; `message` is what it said.
    Failed {
        status: i32,
        message: String,
    },
    /// The linker was killed.
    Killed {
        signal: i32,
        message: String,
    },
    Io(std::io::Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Undefined(symbols) => {
                for (index, (symbol, user)) in symbols.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(
                        f,
                        "{separator}undefined symbol '{symbol}', referenced by '{user}'"
                    )?;
                }
                Ok(())
            }
            LinkError::Duplicate(symbol) => {
                write!(f, "symbol '{symbol}' is defined more than once")
            }
            LinkError::OutOfRange { target, in_symbol } => {
                write!(
                    f,
                    "'{target}' is out of reach of an instruction in '{in_symbol}'"
                )
            }
            LinkError::Malformed { in_symbol } => {
                write!(f, "'{in_symbol}' has a relocation outside of its bytes")
            }
            LinkError::NoRuntimeImage => f.write_str(
                "this compiler was built without a runtime image; objects and a linker are needed",
            ),
            LinkError::Debug(message) => {
                write!(f, "debug information cannot be written: {message}")
            }
            LinkError::Linker(message) => write!(f, "the linker failed: {}", message.trim_end()),
            LinkError::Failed { status, .. } => write!(
                f,
                "link command failed with exit code {status} (use -v to see invocation)"
            ),
            LinkError::Killed { signal, .. } => write!(
                f,
                "link command failed due to signal {signal} (use -v to see invocation)"
            ),
            LinkError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<std::io::Error> for LinkError {
    fn from(error: std::io::Error) -> Self {
        LinkError::Io(error)
    }
}
