//! Reading source files, with every way that it can fail as data.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::System;

/// A source file's text, checked.
pub type SourceText = Arc<str>;

/// Why a source file could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// The path as the user spelled it.
    pub path: String,
    /// What went wrong.
    pub kind: ReadErrorKind,
}

/// The ways in which reading a file fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadErrorKind {
    /// There is nothing at the path.
    NotFound,
    /// There is a folder at the path.
    IsDirectory,
    /// The user may not read the file.
    PermissionDenied,
    /// The bytes from `offset` on are not UTF-8.
    NotUtf8 {
        /// The offset of the first wrong byte.
        offset: usize,
    },
    /// Somebody wrote the file while it was read, twice.
    ChangedWhileReading,
    /// The file's offsets do not fit in 32 bits.
    TooLarge,
    /// Anything else, in the system's words.
    Other(String),
}

impl ReadErrorKind {
    /// Classifies an error of the operating system.
    pub fn from_io(error: io::Error) -> ReadErrorKind {
        match error.kind() {
            io::ErrorKind::NotFound => ReadErrorKind::NotFound,
            io::ErrorKind::IsADirectory => ReadErrorKind::IsDirectory,
            io::ErrorKind::PermissionDenied => ReadErrorKind::PermissionDenied,
            _ => ReadErrorKind::Other(describe(&error)),
        }
    }
}

/// An error of the operating system in its own words, without the `(os error 2)` that Rust appends.
pub fn describe(error: &io::Error) -> String {
    match error.kind() {
        // These arise in this program as well, where the standard library has words of its own.
        io::ErrorKind::NotFound => "No such file or directory".into(),
        io::ErrorKind::IsADirectory => "Is a directory".into(),
        io::ErrorKind::PermissionDenied => "Permission denied".into(),
        _ => {
            let text = error.to_string();
            match text.find(" (os error ") {
                Some(end) => text[..end].to_owned(),
                None => text,
            }
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        let reason = match &self.kind {
            ReadErrorKind::NotUtf8 { offset } => {
                return write!(
                    f,
                    "input file '{path}' is not valid UTF-8 (byte offset {offset})"
                );
            }
            ReadErrorKind::ChangedWhileReading => {
                return write!(f, "input file '{path}' was modified during the build");
            }
            ReadErrorKind::TooLarge => {
                return write!(f, "input file '{path}' is larger than 4 GB");
            }
            ReadErrorKind::NotFound => "No such file or directory",
            ReadErrorKind::IsDirectory => "Is a directory",
            ReadErrorKind::PermissionDenied => "Permission denied",
            ReadErrorKind::Other(reason) => reason,
        };
        write!(f, "error opening input file '{path}' ({reason})")
    }
}

/// Reads the source file at `path`; `-` is standard input.
pub fn read_source(system: &dyn System, path: &str) -> Result<SourceText, ReadError> {
    let read = || match path {
        "-" => system.read_stdin().map_err(ReadErrorKind::from_io),
        _ => system.read(Path::new(path)),
    };
    let bytes = match read() {
        // Editors save in bursts; one more look nearly always finds the finished file.
        Err(ReadErrorKind::ChangedWhileReading) => read(),
        first => first,
    };
    let text = bytes.and_then(|bytes| {
        if u32::try_from(bytes.len()).is_err() {
            return Err(ReadErrorKind::TooLarge);
        }
        String::from_utf8(bytes).map_err(|error| ReadErrorKind::NotUtf8 {
            offset: error.utf8_error().valid_up_to(),
        })
    });
    let error = |kind| ReadError {
        path: path.to_owned(),
        kind,
    };
    text.map(SourceText::from).map_err(error)
}
