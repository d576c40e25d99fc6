//! Diagnostics for other programs: one JSON object a line (`--message-format=json`).

use serde::Serialize;

use super::{Diagnostic, FileSpan, Files, FixIt, SubDiagnostic};

#[derive(Serialize)]
struct Message<'a> {
    severity: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<Span<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Labelled<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixits: Vec<Edit<'a>>,
}

/// Lines and columns count from 1, columns and offsets in bytes; the end is exclusive.
#[derive(Serialize)]
struct Span<'a> {
    file: &'a str,
    start: u32,
    end: u32,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Labelled<'a> {
    span: Span<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct Edit<'a> {
    span: Span<'a>,
    replacement: &'a str,
}

/// The diagnostic as one line of JSON, without the line's end.
pub fn to_json(diagnostic: &Diagnostic, files: &dyn Files) -> String {
    let labels = diagnostic.labels.iter().map(|label| Labelled {
        span: span(label.span, files),
        message: &label.message,
    });
    let notes = diagnostic.notes.iter().map(|note| sub(note, files));
    let message = Message {
        severity: diagnostic.severity.word(),
        code: diagnostic.code,
        message: &diagnostic.message,
        span: diagnostic.span.map(|at| span(at, files)),
        labels: labels.collect(),
        notes: notes.collect(),
        fixits: edits(&diagnostic.fixits, files),
    };
    // Strings and numbers always serialise.
    serde_json::to_string(&message).unwrap_or_default()
}

fn sub<'a>(note: &'a SubDiagnostic, files: &'a dyn Files) -> Message<'a> {
    Message {
        severity: note.severity.word(),
        code: "",
        message: &note.message,
        span: note.span.map(|at| span(at, files)),
        labels: Vec::new(),
        notes: Vec::new(),
        fixits: edits(&note.fixits, files),
    }
}

fn edits<'a>(fixits: &'a [FixIt], files: &'a dyn Files) -> Vec<Edit<'a>> {
    let edit = |fixit: &'a FixIt| Edit {
        span: span(fixit.range, files),
        replacement: &fixit.replacement,
    };
    fixits.iter().map(edit).collect()
}

fn span(at: FileSpan, files: &dyn Files) -> Span<'_> {
    let lines = files.lines(at.file);
    let (start, end) = (at.range.start(), at.range.end());
    let (first, last) = (lines.line_col(start), lines.line_col(end));
    Span {
        file: files.path(at.file),
        start: start.into(),
        end: end.into(),
        line: first.line,
        column: first.col,
        end_line: last.line,
        end_column: last.col,
    }
}
