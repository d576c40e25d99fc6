//! String literals of all forms, and regex literals.

use super::{Lexer, Mode};
use crate::syntax::kind::SyntaxKind::*;

impl Lexer<'_> {
    /// Reads `"`, `"""` or either of them after `hashes` number signs, and enters the string.
    pub(super) fn string_start(&mut self, hashes: usize) {
        let start = self.pos;
        self.pos += hashes + 1;
        let mut multiline = false;
        if self.bytes[self.pos..].starts_with(b"\"\"") && !self.single_line_lookalike(hashes) {
            multiline = true;
            self.pos += 2;
            if !matches!(self.bytes.get(self.pos), Some(b'\n' | b'\r') | None) {
                let at = self.pos;
                self.error(
                    "multiline-string-start",
                    at,
                    at,
                    "multi-line string literal content must begin on a new line",
                );
            }
        }
        self.push(STRING_START, start);
        self.modes.push(Mode::String {
            hashes: hashes as u32,
            multiline,
            start: start as u32,
        });
    }

    /// `#"""#` is a raw string that holds one quote: it closes on its own line.
    fn single_line_lookalike(&self, hashes: usize) -> bool {
        if hashes == 0 {
            return false;
        }
        let mut at = self.pos;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' | b'\r' => return false,
                b'"' if self.has_hashes(at + 1, hashes) => return true,
                _ => at += 1,
            }
        }
        false
    }

    fn has_hashes(&self, at: usize, hashes: usize) -> bool {
        self.bytes.len() >= at + hashes
            && self.bytes[at..at + hashes].iter().all(|&byte| byte == b'#')
    }

    /// Reads text up to the end of the string, an interpolation, or the end of the line.
    pub(super) fn string_text(&mut self, hashes: u32, multiline: bool, string_start: usize) {
        let hashes = hashes as usize;
        let start = self.pos;
        loop {
            match self.bytes.get(self.pos) {
                None => {
                    self.flush_text(start);
                    self.modes.pop();
                    return self.unterminated(string_start);
                }
                Some(b'\n' | b'\r') if !multiline => {
                    self.flush_text(start);
                    self.modes.pop();
                    return self.unterminated(string_start);
                }
                Some(b'"') => {
                    let quotes = if multiline { 3 } else { 1 };
                    let closes = (!multiline || self.bytes[self.pos..].starts_with(b"\"\"\""))
                        && self.has_hashes(self.pos + quotes, hashes);
                    if !closes {
                        self.pos += 1;
                        continue;
                    }
                    self.flush_text(start);
                    let at = self.pos;
                    self.pos += quotes + hashes;
                    self.modes.pop();
                    if multiline && !self.on_own_line(at, string_start) {
                        self.error(
                            "multiline-string-end",
                            at,
                            at,
                            "multi-line string literal closing delimiter must begin on a new line",
                        );
                    }
                    return self.push(STRING_END, at);
                }
                Some(b'\\') if self.has_hashes(self.pos + 1, hashes) => {
                    let escape = self.pos;
                    let at = escape + 1 + hashes;
                    if self.bytes.get(at) == Some(&b'(') {
                        self.flush_text(start);
                        self.pos = at + 1;
                        self.push(INTERPOLATION_START, escape);
                        self.modes.push(Mode::Interpolation { depth: 0 });
                        return;
                    }
                    self.escape(escape, at, multiline);
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    /// Whether only white space stands between the line's start and the closing delimiter.
    fn on_own_line(&self, at: usize, string_start: usize) -> bool {
        let mut pos = at;
        while pos > string_start {
            match self.bytes[pos - 1] {
                b' ' | b'\t' => pos -= 1,
                b'\n' | b'\r' => return true,
                _ => return false,
            }
        }
        false
    }

    fn flush_text(&mut self, start: usize) {
        if self.pos > start {
            self.push(STRING_TEXT, start);
        }
    }

    /// Reports a string that is never closed; strings inside of it are part of the same mistake.
    fn unterminated(&mut self, string_start: usize) {
        if self.modes.is_empty() {
            self.error(
                "unterminated-string",
                string_start,
                string_start + 1,
                "unterminated string literal",
            );
        }
    }

    /// Checks the escape whose selector is at `at`; the decoded text is computed by the typed tree.
    fn escape(&mut self, escape: usize, at: usize, multiline: bool) {
        self.pos = at;
        match self.bytes.get(at) {
            Some(b'0' | b'n' | b'r' | b't' | b'"' | b'\'' | b'\\') => self.pos += 1,
            Some(b'u') => {
                self.pos += 1;
                if self.peek(0) != b'{' {
                    return self.error(
                        "unicode-escape",
                        escape,
                        at + 1,
                        "expected hexadecimal code in braces after unicode escape",
                    );
                }
                let digits = self.pos + 1;
                let mut end = digits;
                while self.bytes.get(end).is_some_and(u8::is_ascii_hexdigit) {
                    end += 1;
                }
                self.pos = end;
                if self.peek(0) != b'}' {
                    return self.error(
                        "unicode-escape",
                        escape,
                        end,
                        "expected '}' in \\u{...} escape sequence",
                    );
                }
                self.pos += 1;
                if end == digits || end - digits > 8 {
                    return self.error(
                        "unicode-escape",
                        escape,
                        end + 1,
                        "\\u{...} escape sequence expects between 1 and 8 hex digits",
                    );
                }
                let value = u32::from_str_radix(&self.text[digits..end], 16).ok();
                if value.and_then(char::from_u32).is_none() {
                    self.error("unicode-escape", escape, end + 1, "invalid unicode scalar");
                }
            }
            Some(b' ' | b'\t' | b'\n' | b'\r') if multiline => {
                // A backslash at the end of a line joins it with the next one.
                while matches!(self.peek(0), b' ' | b'\t') {
                    self.pos += 1;
                }
                if !matches!(self.peek(0), b'\n' | b'\r') {
                    self.error(
                        "invalid-escape",
                        escape,
                        at,
                        "invalid escape sequence in literal",
                    );
                }
            }
            Some(b'\n' | b'\r') | None => {}
            Some(_) => {
                self.pos += self.char_at(at).map_or(1, char::len_utf8);
                self.error(
                    "invalid-escape",
                    escape,
                    self.pos,
                    "invalid escape sequence in literal",
                );
            }
        }
    }

    /// Whether a line break here ends a single-line string from inside of its interpolation: line breaks are
    /// allowed only in the interpolations of multi-line strings.
    pub(super) fn unterminated_by_newline(&self) -> bool {
        matches!(
            self.modes.as_slice(),
            [
                ..,
                Mode::String {
                    multiline: false,
                    ..
                },
                Mode::Interpolation { .. }
            ]
        )
    }

    /// Leaves the innermost string at the end of the text; false when there is none.
    pub(super) fn abandon_string(&mut self) -> bool {
        if let Some(Mode::Interpolation { .. }) = self.modes.last() {
            self.modes.pop();
        }
        match self.modes.pop() {
            Some(Mode::String { start, .. }) => {
                self.unterminated(start as usize);
                true
            }
            Some(Mode::Interpolation { .. }) => true,
            None => false,
        }
    }

    /// Reads `#/…/#`; a line break is allowed only right after the opening delimiter.
    pub(super) fn pound_regex(&mut self, hashes: usize) -> bool {
        let start = self.pos;
        let mut at = start + hashes + 1;
        let multiline = {
            let mut after = at;
            while matches!(self.bytes.get(after), Some(b' ' | b'\t')) {
                after += 1;
            }
            matches!(self.bytes.get(after), Some(b'\n' | b'\r'))
        };
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' | b'\r' if !multiline => break,
                b'\\' => {
                    at += if matches!(self.bytes.get(at + 1), Some(b'\n' | b'\r')) {
                        1
                    } else {
                        2
                    }
                }
                b'/' if self.has_hashes(at + 1, hashes) => {
                    self.pos = at + 1 + hashes;
                    self.push(REGEX, start);
                    return true;
                }
                _ => at += 1,
            }
        }
        self.pos = at.min(self.bytes.len());
        while !self.text.is_char_boundary(self.pos) {
            self.pos += 1;
        }
        self.error(
            "unterminated-regex",
            start,
            start + hashes + 1,
            "unterminated regex literal",
        );
        self.push(REGEX, start);
        true
    }

    /// Reads `/…/` where an operand is expected; otherwise the slash is an operator.
    pub(super) fn try_bare_regex(&mut self) -> bool {
        let start = self.pos;
        let operand_before = matches!(
            self.last,
            IDENT
                | DOLLAR_IDENT
                | INT_NUMBER
                | FLOAT_NUMBER
                | STRING_END
                | R_PAREN
                | R_BRACKET
                | R_BRACE
                | POSTFIX_OP
                | POSTFIX_QUESTION
                | POSTFIX_BANG
                | THIS_KW
                | SELF_TYPE_KW
                | TRUE_KW
                | FALSE_KW
                | NIL_KW
                | SUPER_KW
                | REGEX
                | DOT
        ) && (self.flags & super::NEWLINE_BEFORE == 0);
        if operand_before
            || self.is_left_bound(start)
            || matches!(self.peek(1), b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'*' | 0)
        {
            return false;
        }
        let (mut at, mut class, mut parens) = (start + 1, false, 0i32);
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' | b'\r' => return false,
                b'\\' => {
                    at += 2;
                    continue;
                }
                b'[' => class = true,
                b']' => class = false,
                b'(' if !class => parens += 1,
                b')' if !class => {
                    parens -= 1;
                    if parens < 0 {
                        return false;
                    }
                }
                b'/' if !class => {
                    if matches!(self.bytes[at - 1], b' ' | b'\t') {
                        return false;
                    }
                    self.pos = at + 1;
                    self.push(REGEX, start);
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        false
    }
}
