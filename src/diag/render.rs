//! Diagnostics as text.
//!
//! The first line is `file:line:column: error: message`, exactly as the reference compiler prints it, because
//! editors and build systems read it. Under it stand the lines that matter:
//!
//! ```text
//! main.code:2:5: error: cannot convert value of type 'String' to specified type 'Int'
//! 1 | immutable x: Int =
//!   |              --- expected because of this
//! 2 |     "text"
//!   |     ^^^^^^
//! ```

use std::fmt::Write;

use crate::base::{TextRange, TextSize};

use super::width::{char_width, visible};
use super::{Diagnostic, FileKey, FileSpan, Files, FixIt, Severity};

/// No excerpt line is longer than this many columns; what is further from the mark is cut off.
const MAX_COLUMNS: usize = 160;
/// How much of a long line is shown before the mark.
const BEFORE_MARK: usize = 60;

/// Renders a diagnostic and its notes, ending in a line's end.
pub fn to_text(diagnostic: &Diagnostic, files: &dyn Files, colour: bool) -> String {
    let mut out = String::new();
    let style = Style { colour };
    header(
        &mut out,
        files,
        style,
        diagnostic.severity,
        diagnostic.span,
        &diagnostic.message,
    );
    let labels = diagnostic.labels.iter();
    let labels: Vec<_> = labels.map(|l| (l.span, l.message.as_str())).collect();
    excerpt(
        &mut out,
        files,
        style,
        diagnostic.severity,
        diagnostic.span,
        &labels,
    );
    corrections(&mut out, files, style, &diagnostic.fixits);
    for note in &diagnostic.notes {
        header(
            &mut out,
            files,
            style,
            note.severity,
            note.span,
            &note.message,
        );
        excerpt(&mut out, files, style, note.severity, note.span, &[]);
        corrections(&mut out, files, style, &note.fixits);
    }
    out
}

#[derive(Clone, Copy)]
struct Style {
    colour: bool,
}

impl Style {
    const BOLD: &'static str = "\x1b[1m";
    const GUTTER: &'static str = "\x1b[36m";
    const LABEL: &'static str = "\x1b[34m";
    const HELP: &'static str = "\x1b[32m";

    fn paint(self, code: &str, text: &str) -> String {
        match self.colour && !text.trim().is_empty() {
            true => format!("{code}{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn of(severity: Severity) -> &'static str {
        match severity {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
            Severity::Note => "\x1b[1;34m",
            Severity::Remark => "\x1b[1;36m",
        }
    }
}

fn header(
    out: &mut String,
    files: &dyn Files,
    style: Style,
    severity: Severity,
    span: Option<FileSpan>,
    message: &str,
) {
    if let Some(span) = span {
        let at = files.lines(span.file).line_col(span.range.start());
        let place = format!("{}:{}:{}:", files.path(span.file), at.line, at.col);
        let _ = write!(out, "{} ", style.paint(Style::BOLD, &place));
    }
    let word = format!("{}:", severity.word());
    let word = style.paint(Style::of(severity), &word);
    let _ = writeln!(out, "{word} {}", style.paint(Style::BOLD, message));
}

/// A marked stretch of one line.
struct Mark<'a> {
    line: u32,
    range: TextRange,
    message: &'a str,
    primary: bool,
}

/// Prints the lines with marks, in order, the diagnostic's own file only: the other files' places have
/// notes of their own.
fn excerpt(
    out: &mut String,
    files: &dyn Files,
    style: Style,
    severity: Severity,
    span: Option<FileSpan>,
    labels: &[(FileSpan, &str)],
) {
    let Some(span) = span else { return };
    let mut marks = vec![mark(files, span, "", true)];
    let here = labels.iter().filter(|(at, _)| at.file == span.file);
    marks.extend(here.map(|&(at, message)| mark(files, at, message, false)));
    marks.sort_by_key(|mark| (mark.line, mark.range.start()));
    let last = marks.last().map_or(0, |mark| mark.line);
    let gutter = last.to_string().len();

    let mut shown: Option<u32> = None;
    for group in marks.chunk_by(|a, b| a.line == b.line) {
        let line = group[0].line;
        if shown.is_some_and(|shown| shown + 1 < line) {
            let _ = writeln!(out, "{}", style.paint(Style::GUTTER, "..."));
        }
        shown = Some(line);
        excerpt_line(out, files, style, severity, span.file, gutter, group);
    }
}

fn mark<'a>(files: &dyn Files, span: FileSpan, message: &'a str, primary: bool) -> Mark<'a> {
    let lines = files.lines(span.file);
    let line = lines.line_col(span.range.start()).line;
    Mark {
        line,
        range: span.range,
        message,
        primary,
    }
}

/// Prints one line of source, the row of marks under it, and a row for each label that did not fit there.
fn excerpt_line(
    out: &mut String,
    files: &dyn Files,
    style: Style,
    severity: Severity,
    file: FileKey,
    gutter: usize,
    marks: &[Mark<'_>],
) {
    let line = marks[0].line;
    let lines = files.lines(file);
    let text = lines.line_text(files.text(file), line);
    let start = lines.line_range(line).map(|range| range.start());
    let start = start.unwrap_or_default();
    let focus = marks.iter().find(|mark| mark.primary).unwrap_or(&marks[0]);
    let offset = |at: TextSize| (usize::from(at).saturating_sub(start.into())).min(text.len());
    let shown = Shown::new(text, offset(focus.range.start()));

    let number = format!("{line:>gutter$} |");
    let _ = write!(out, "{} ", style.paint(Style::GUTTER, &number));
    out.push_str(shown.printed.trim_end());
    out.push('\n');

    // A row of cells: blank, a label's underline, or the diagnostic's own.
    let mut cells: Vec<u8> = Vec::new();
    let mut columns = Vec::new();
    for mark in marks {
        let (from, to) = shown.columns(offset(mark.range.start()), offset(mark.range.end()));
        if cells.len() < to {
            cells.resize(to, b' ');
        }
        for cell in &mut cells[from..to] {
            if mark.primary {
                *cell = b'^';
            } else if *cell == b' ' {
                *cell = b'-';
            }
        }
        columns.push(from);
    }
    let margin = style.paint(Style::GUTTER, &format!("{:>gutter$} |", ""));
    let _ = write!(out, "{margin} ");
    for run in cells.chunk_by(|a, b| a == b) {
        let code = match run[0] {
            b'^' => Style::of(severity),
            _ => Style::LABEL,
        };
        let run: String = run.iter().map(|&cell| cell as char).collect();
        out.push_str(&style.paint(code, &run));
    }
    // The rightmost mark's message follows its underline; the others stand below, right to left.
    let mut messages = marks.iter().zip(columns).rev().peekable();
    if let Some((mark, _)) = messages.peek()
        && !mark.message.is_empty()
    {
        let _ = write!(out, " {}", style.paint(Style::LABEL, mark.message));
        messages.next();
    }
    out.push('\n');
    for (mark, column) in messages.filter(|(mark, _)| !mark.message.is_empty()) {
        let message = style.paint(Style::LABEL, mark.message);
        let _ = writeln!(out, "{margin} {:column$}{message}", "");
    }
}

/// A line as it is printed: tabs expanded, control characters visible, clipped around the focus.
struct Shown {
    printed: String,
    /// The offset of the first byte that is shown.
    first: usize,
    /// For every byte from `first` on, and for the end, the column it is printed in. Bytes that are cut off
    /// count as the nearest one that is not.
    column_of: Vec<usize>,
}

impl Shown {
    fn new(text: &str, focus: usize) -> Shown {
        // Only the neighbourhood of the focus is looked at, so that a line of many megabytes costs nothing.
        let focus = floor_boundary(text, focus);
        let first = if focus > MAX_COLUMNS / 2 {
            let back = text[..focus].char_indices().rev().nth(BEFORE_MARK);
            back.map_or(0, |(i, _)| i)
        } else {
            0
        };
        let mut printed = String::new();
        let mut column = 0;
        if first > 0 {
            printed.push('…');
            column = 1;
        }
        let mut column_of = vec![column];
        for c in text[first..].chars() {
            let width = char_width(c, column);
            if column + width > MAX_COLUMNS {
                printed.push('…');
                break;
            }
            match c {
                '\t' => printed.extend(std::iter::repeat_n(' ', width)),
                _ => printed.push(visible(c)),
            }
            column += width;
            // The bytes inside a character, and the one after it, lie at the next character's column.
            column_of.extend(std::iter::repeat_n(column, c.len_utf8()));
        }
        Shown {
            printed,
            first,
            column_of,
        }
    }

    fn column(&self, offset: usize) -> usize {
        let index = offset.saturating_sub(self.first);
        self.column_of[index.min(self.column_of.len() - 1)]
    }

    /// The columns of a range, at least one wide so that an empty range can be seen.
    fn columns(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.column(start);
        let to = self.column(end.max(start)).max(from + 1);
        (from, to)
    }
}

fn floor_boundary(text: &str, mut offset: usize) -> usize {
    offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn corrections(out: &mut String, files: &dyn Files, style: Style, fixits: &[FixIt]) {
    for fixit in fixits {
        let text = files.text(fixit.range.file);
        let range = fixit.range.range;
        let old = text.get(usize::from(range.start())..usize::from(range.end()));
        let old = one_line(old.unwrap_or_default());
        let new = one_line(&fixit.replacement);
        let help = match (old.is_empty(), new.is_empty()) {
            (true, _) => format!("insert '{new}'"),
            (false, true) => format!("remove '{old}'"),
            (false, false) => format!("replace '{old}' with '{new}'"),
        };
        let _ = writeln!(out, "  = {} {help}", style.paint(Style::HELP, "fix-it:"));
    }
}

/// A text shortened to one line of bearable length.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take_while(|&c| c != '\n')
        .take(MAX_COLUMNS / 2)
        .map(visible)
        .collect();
    if line.len() < text.trim_end().len() {
        line.push('…');
    }
    line
}
