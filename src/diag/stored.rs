//! Diagnostics as they are kept on disk, so that a build with nothing to do says what the one before said.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{Name, TextRange};

use super::{Diagnostic, FileKey, FileSpan, FixIt, Label, Severity, SubDiagnostic};

impl Serialize for FileSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (start, end) = (u32::from(self.range.start()), u32::from(self.range.end()));
        (self.file.0, start, end).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FileSpan, D::Error> {
        let (file, start, end) = <(u64, u32, u32)>::deserialize(deserializer)?;
        if start > end {
            return Err(serde::de::Error::custom("a range ends before it begins"));
        }
        let range = TextRange::new(start.into(), end.into());
        Ok(FileSpan::new(FileKey(file), range))
    }
}

/// What is read for a [`Diagnostic`].
#[derive(Deserialize)]
struct Stored {
    severity: Severity,
    code: String,
    message: String,
    span: Option<FileSpan>,
    labels: Vec<Label>,
    notes: Vec<SubDiagnostic>,
    fixits: Vec<FixIt>,
}

impl<'de> Deserialize<'de> for Diagnostic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Diagnostic, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Ok(Diagnostic {
            severity: stored.severity,
            // There are few codes, so that those that were read may stay in memory.
            code: Name::new(&stored.code).as_str(),
            message: stored.message,
            span: stored.span,
            labels: stored.labels,
            notes: stored.notes,
            fixits: stored.fixits,
        })
    }
}

impl Diagnostic {
    /// Every place that the diagnostic mentions.
    fn spans_mut(&mut self) -> impl Iterator<Item = &mut FileSpan> {
        let labels = self.labels.iter_mut().map(|label| &mut label.span);
        let notes = self.notes.iter_mut().flat_map(|note| {
            let fixits = note.fixits.iter_mut().map(|fixit| &mut fixit.range);
            note.span.iter_mut().chain(fixits)
        });
        let fixits = self.fixits.iter_mut().map(|fixit| &mut fixit.range);
        self.span
            .iter_mut()
            .chain(labels)
            .chain(notes)
            .chain(fixits)
    }

    /// The same diagnostic with other keys for its files; none if a file has none.
    pub fn with_files(
        mut self,
        mut key: impl FnMut(FileKey) -> Option<FileKey>,
    ) -> Option<Diagnostic> {
        for span in self.spans_mut() {
            span.file = key(span.file)?;
        }
        Some(self)
    }
}
