//! Tour of `diag`: what the compiler has to say, as plain data.
//!
//! * Stages return [`Diagnostic`]s in their values: plain, comparable, without text positions resolved, so
//!   that they live in query memos. [`FileKey`] names a file without this folder knowing the database.
//! * [`report`]: [`prepare`] puts the diagnostics of a whole compilation in order: sorted by position, each
//!   once, warnings raised or dropped as asked, cut off at the limit.
//! * [`render`]: the text for terminals and logs, whose first lines other tools read.
//! * [`json`]: one object a line, for tools that would rather not read the text.
//! * `stored`: how they are kept on disk.
//! * Both renderers see files through [`Files`].

pub mod json;
pub mod render;
pub mod report;
mod stored;
mod width;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

#[cfg(test)]
use crate::base::TextSize;
use crate::base::{LineIndex, TextRange};

pub use self::report::{Report, ReportOptions, prepare};

/// A file, as diagnostics refer to it. The database makes these from its inputs and knows the way back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileKey(pub u64);

/// A stretch of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FileSpan {
    /// The file.
    pub file: FileKey,
    /// The bytes. An empty range points between two characters.
    pub range: TextRange,
}

impl FileSpan {
    /// The span of `range` in `file`.
    pub fn new(file: impl Into<FileKey>, range: TextRange) -> FileSpan {
        FileSpan {
            file: file.into(),
            range,
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// The program is wrong; no output is made.
    Error,
    /// The program is suspicious.
    Warning,
    /// More about another diagnostic.
    Note,
    /// Something that was asked for, such as what an incremental build skipped.
    Remark,
}

impl Severity {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
            Severity::Remark => "remark",
        }
    }
}

/// One thing to say about a program or a command line.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The kind of mistake, a stable name in lower case such as `unresolved-name`. It never carries data.
    pub code: &'static str,
    /// The message: one line, lower case, no full stop.
    pub message: String,
    /// Where; `None` for the command line and the like.
    pub span: Option<FileSpan>,
    /// Other places that the excerpt should mark, with what they are.
    pub labels: Vec<Label>,
    /// Messages that follow.
    pub notes: Vec<SubDiagnostic>,
    /// One correction, as edits that belong together.
    pub fixits: Vec<FixIt>,
}

/// A marked place in a diagnostic's excerpt.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub span: FileSpan,
    /// What it is; may be empty.
    pub message: String,
}

/// A message that belongs to another diagnostic.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SubDiagnostic {
    /// Usually [`Severity::Note`].
    pub severity: Severity,
    /// The message.
    pub message: String,
    /// Where, if somewhere.
    pub span: Option<FileSpan>,
    /// A correction that this note proposes.
    pub fixits: Vec<FixIt>,
}

/// An edit that corrects a mistake: replace the range by the text.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FixIt {
    /// What to replace; empty to insert.
    pub range: FileSpan,
    /// The new text; empty to remove.
    pub replacement: String,
}

impl Diagnostic {
    /// A diagnostic without a place.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            code,
            message: message.into(),
            span: None,
            labels: Vec::new(),
            notes: Vec::new(),
            fixits: Vec::new(),
        }
    }

    /// An error at `span`.
    pub fn error(code: &'static str, span: FileSpan, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message).at(span)
    }

    /// A warning at `span`.
    pub fn warning(code: &'static str, span: FileSpan, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message).at(span)
    }

    /// An error that is nowhere in a file.
    pub fn global_error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message)
    }

    /// A broken promise inside the compiler, reported instead of a panic.
    pub fn internal_error(message: impl std::fmt::Display) -> Diagnostic {
        let text = format!("internal compiler error: {message}");
        Diagnostic::new(Severity::Error, "internal-error", text)
    }

    /// The same at `span`.
    pub fn at(mut self, span: FileSpan) -> Diagnostic {
        self.span = Some(span);
        self
    }

    /// The same with another marked place in its excerpt.
    pub fn label(mut self, span: FileSpan, message: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span,
            message: message.into(),
        });
        self
    }

    /// The same with a note, somewhere or nowhere.
    pub fn note(
        mut self,
        span: impl Into<Option<FileSpan>>,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.notes.push(SubDiagnostic::note(span, message));
        self
    }

    /// The same with an edit that corrects the mistake.
    pub fn fixit(mut self, range: FileSpan, replacement: impl Into<String>) -> Diagnostic {
        self.fixits.push(FixIt {
            range,
            replacement: replacement.into(),
        });
        self
    }

    /// Whether this stops the compiler from making outputs.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl SubDiagnostic {
    /// A note, somewhere or nowhere.
    pub fn note(span: impl Into<Option<FileSpan>>, message: impl Into<String>) -> SubDiagnostic {
        SubDiagnostic {
            severity: Severity::Note,
            message: message.into(),
            span: span.into(),
            fixits: Vec::new(),
        }
    }
}

/// How renderers see the files that diagnostics point into.
pub trait Files {
    /// The path as the user spelled it.
    fn path(&self, file: FileKey) -> &str;
    /// The text that the spans were made for.
    fn text(&self, file: FileKey) -> &str;
    /// The lines of that text.
    fn lines(&self, file: FileKey) -> &LineIndex;
    /// The file's place on the command line, by which diagnostics are sorted.
    fn order(&self, file: FileKey) -> usize;
}

/// [`Files`] for a list in memory: key `n` is the `n`th file. For tests and for command lines.
#[derive(Clone, Debug, Default)]
pub struct FileList {
    files: Vec<(String, String, LineIndex)>,
}

impl FileList {
    /// No files.
    pub fn new() -> FileList {
        FileList::default()
    }

    /// Appends a file.
    pub fn add(&mut self, path: &str, text: &str) -> FileKey {
        let key = FileKey(self.files.len() as u64);
        let lines = LineIndex::new(text);
        self.files.push((path.to_owned(), text.to_owned(), lines));
        key
    }
}

impl Files for FileList {
    fn path(&self, file: FileKey) -> &str {
        &self.files[file.0 as usize].0
    }

    fn text(&self, file: FileKey) -> &str {
        &self.files[file.0 as usize].1
    }

    fn lines(&self, file: FileKey) -> &LineIndex {
        &self.files[file.0 as usize].2
    }

    fn order(&self, file: FileKey) -> usize {
        file.0 as usize
    }
}
