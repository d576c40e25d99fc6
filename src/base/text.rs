//! Positions in a text: byte offsets inside, lines and columns towards people.

pub use rowan::{TextRange, TextSize};

/// A position as diagnostics print it: both count from 1, columns in bytes of UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LineCol {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in bytes, counted from 1.
    pub col: u32,
}

/// Where the lines of a text begin.
///
/// A line ends after `\n`, so that `\r\n` is one line end. A lone `\r` does not end a line but restarts
/// its columns, which is how the reference compiler counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineIndex {
    /// The offset after every `\n`; the first line's 0 is implied.
    starts: Vec<u32>,
    /// The offset after every `\r` that no `\n` follows; nearly always empty.
    lone_returns: Vec<u32>,
    len: u32,
}

impl LineIndex {
    /// Finds the lines of `text`.
    pub fn new(text: &str) -> LineIndex {
        let bytes = text.as_bytes();
        let mut index = LineIndex {
            starts: Vec::new(),
            lone_returns: Vec::new(),
            len: bytes.len() as u32,
        };
        for (i, &byte) in bytes.iter().enumerate() {
            // One comparison for nearly every byte of a program's text.
            if byte > b'\r' {
                continue;
            }
            if byte == b'\n' {
                index.starts.push(i as u32 + 1);
            } else if byte == b'\r' && bytes.get(i + 1) != Some(&b'\n') {
                index.lone_returns.push(i as u32 + 1);
            }
        }
        index
    }

    /// The number of lines; an empty text has one.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32 + 1
    }

    /// The line and column of a byte offset; offsets past the end count as the end.
    pub fn line_col(&self, offset: TextSize) -> LineCol {
        let offset = u32::from(offset).min(self.len);
        let line = self.starts.partition_point(|&start| start <= offset);
        let mut start = self.start_of(line);
        let returns = self.lone_returns.partition_point(|&after| after <= offset);
        if let Some(&after) = self.lone_returns[..returns].last() {
            start = start.max(after);
        }
        LineCol {
            line: line as u32 + 1,
            col: offset - start + 1,
        }
    }

    /// The byte offset of a line and column, `None` when the text has no such line. Columns past the
    /// line's end count as its end.
    pub fn offset(&self, position: LineCol) -> Option<TextSize> {
        let range = self.line_range(position.line)?;
        let offset = u32::from(range.start()).saturating_add(position.col.saturating_sub(1));
        Some(TextSize::new(offset).min(range.end()))
    }

    /// The range of a line, counted from 1, with its line end.
    pub fn line_range(&self, line: u32) -> Option<TextRange> {
        let line = (line as usize).checked_sub(1)?;
        if line > self.starts.len() {
            return None;
        }
        let end = self.starts.get(line).copied().unwrap_or(self.len);
        Some(TextRange::new(self.start_of(line).into(), end.into()))
    }

    /// The text of a line, counted from 1, without its line end.
    pub fn line_text<'a>(&self, text: &'a str, line: u32) -> &'a str {
        let line = self
            .line_range(line)
            .and_then(|range| text.get(usize::from(range.start())..usize::from(range.end())));
        line.unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// The start of the line with this index, counted from 0.
    fn start_of(&self, line: usize) -> u32 {
        match line {
            0 => 0,
            _ => self.starts[line - 1],
        }
    }
}
