//! The hand-written lexer: bytes in, flat arrays of tokens and trivia out.
//!
//! Three decisions that other languages leave to the parser are made here, because they depend on bytes:
//! operator fixity (from the white space around an operator), string interpolation (a stack of modes makes
//! the code inside of a string ordinary tokens), and the brackets' partners (so that the parser can look
//! behind a balanced region in constant time).

mod number;
pub(crate) mod operator;
mod string;
mod word;

use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::unicode::*;
use crate::syntax::{Dialect, ParseOptions, Severity, SyntaxError};
use rowan::{TextRange, TextSize};

/// A token that the parser sees.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is; an identifier that is a keyword in some places is an `IDENT`.
    pub kind: SyntaxKind,
    /// One plus the index of the contextual keyword that an identifier spells, or zero.
    pub(crate) contextual: u8,
    /// [`NEWLINE_BEFORE`] and [`SPACE_BEFORE`].
    pub(crate) flags: u8,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// How many pieces of trivia stand before this token in the file.
    pub(crate) trivia: u32,
}

/// The token is the first one of its line.
pub(crate) const NEWLINE_BEFORE: u8 = 1;
/// White space or a comment stands before the token.
pub(crate) const SPACE_BEFORE: u8 = 2;
/// A bracket without a partner.
pub(crate) const NO_PARTNER: u32 = u32::MAX;

/// White space or a comment; it begins where the token or trivia before it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trivia {
    pub(crate) kind: SyntaxKind,
    pub(crate) end: u32,
}

/// The result of lexing.
#[derive(Debug, Default)]
pub struct Lexed {
    /// The tokens, ending with one `EOF`.
    pub tokens: Vec<Token>,
    pub(crate) trivia: Vec<Trivia>,
    /// For an opening bracket the index of the token that closes it.
    pub(crate) partner: Vec<u32>,
    pub(crate) errors: Vec<SyntaxError>,
}

/// Builds an error over a range of bytes.
pub(crate) fn error_at(
    code: &'static str,
    start: usize,
    end: usize,
    message: impl Into<String>,
) -> SyntaxError {
    SyntaxError {
        message: message.into(),
        range: TextRange::new(
            TextSize::new(start as u32),
            TextSize::new(end.max(start) as u32),
        ),
        code,
        severity: Severity::Error,
        fixit: None,
        notes: Vec::new(),
    }
}

/// Cuts `text` into tokens. Texts above 4 GiB are cut off by the loader, positions are 32 bits wide.
pub fn lex(text: &str, options: &ParseOptions) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        pos: 0,
        dialect: options.dialect,
        bare_slash_regex: options.bare_slash_regex,
        out: Lexed::default(),
        modes: Vec::new(),
        open: Vec::new(),
        open_counts: [0; 4],
        last: EOF,
        flags: NEWLINE_BEFORE,
    };
    lexer.out.tokens.reserve(text.len() / 4 + 16);
    lexer.out.trivia.reserve(text.len() / 6 + 16);
    lexer.out.partner.reserve(text.len() / 4 + 16);
    lexer.run();
    lexer.out
}

/// Where the lexer is: in a string's text, or in the code of an interpolation.
#[derive(Clone, Copy)]
enum Mode {
    String {
        hashes: u32,
        multiline: bool,
        start: u32,
    },
    Interpolation {
        depth: u32,
    },
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    dialect: Dialect,
    bare_slash_regex: bool,
    out: Lexed,
    modes: Vec<Mode>,
    /// Indices of the brackets that are open, with their class.
    open: Vec<(u32, u8)>,
    /// How many of each class are in `open`, so that a stray closer costs nothing.
    open_counts: [u32; 4],
    /// The kind of the token before.
    last: SyntaxKind,
    /// The flags of the token to come.
    flags: u8,
}

impl<'t> Lexer<'t> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn char_at(&self, pos: usize) -> Option<char> {
        self.text.get(pos..).and_then(|rest| rest.chars().next())
    }

    fn error(&mut self, code: &'static str, start: usize, end: usize, message: impl Into<String>) {
        self.out.errors.push(error_at(code, start, end, message));
    }

    fn push(&mut self, kind: SyntaxKind, start: usize) {
        self.push_contextual(kind, start, 0);
    }

    fn push_contextual(&mut self, kind: SyntaxKind, start: usize, contextual: u8) {
        let index = self.out.tokens.len() as u32;
        let mut partner = NO_PARTNER;
        match kind {
            L_PAREN | L_BRACKET | L_BRACE | INTERPOLATION_START => {
                let class = bracket_class(kind);
                self.open.push((index, class));
                self.open_counts[class as usize] += 1;
            }
            R_PAREN | R_BRACKET | R_BRACE | INTERPOLATION_END => {
                let class = bracket_class(kind);
                if self.open_counts[class as usize] > 0 {
                    while let Some((opener, opener_class)) = self.open.pop() {
                        self.open_counts[opener_class as usize] -= 1;
                        if opener_class == class {
                            self.out.partner[opener as usize] = index;
                            partner = opener;
                            break;
                        }
                    }
                }
            }
            _ => {}
        }
        self.out.partner.push(partner);
        self.out.tokens.push(Token {
            kind,
            contextual,
            flags: self.flags,
            start: start as u32,
            end: self.pos as u32,
            trivia: self.out.trivia.len() as u32,
        });
        self.flags = 0;
        self.last = kind;
    }

    fn push_trivia(&mut self, kind: SyntaxKind) {
        self.flags |= SPACE_BEFORE;
        self.out.trivia.push(Trivia {
            kind,
            end: self.pos as u32,
        });
    }

    fn run(&mut self) {
        if self.bytes.starts_with("\u{feff}".as_bytes()) {
            self.pos = 3;
            self.push_trivia(WHITESPACE);
        }
        if self.bytes[self.pos..].starts_with(b"#!") {
            self.skip_to_line_end();
            self.push_trivia(SHEBANG);
        }
        loop {
            match self.modes.last() {
                Some(&Mode::String {
                    hashes,
                    multiline,
                    start,
                }) => self.string_text(hashes, multiline, start as usize),
                _ => {
                    self.skip_trivia();
                    if self.pos >= self.bytes.len() {
                        if !self.abandon_string() {
                            break;
                        }
                        continue;
                    }
                    self.code_token();
                }
            }
            if self.pos >= self.bytes.len() && self.modes.is_empty() {
                break;
            }
        }
        self.push(EOF, self.pos);
    }

    fn skip_to_line_end(&mut self) {
        while self.pos < self.bytes.len() && !matches!(self.bytes[self.pos], b'\n' | b'\r') {
            self.pos += 1;
        }
    }

    fn skip_trivia(&mut self) {
        loop {
            let start = self.pos;
            let mut newline = false;
            while let Some(&byte) = self.bytes.get(self.pos) {
                match byte {
                    b' ' | b'\t' | 0x0b | 0x0c => {}
                    b'\n' | b'\r' => newline = true,
                    _ => break,
                }
                self.pos += 1;
            }
            if newline {
                self.flags |= NEWLINE_BEFORE;
                if self.unterminated_by_newline() {
                    // The string that this interpolation belongs to ended with the line.
                    self.pos = start
                        + self.bytes[start..]
                            .iter()
                            .take_while(|b| !matches!(b, b'\n' | b'\r'))
                            .count();
                    if self.pos > start {
                        self.push_trivia(WHITESPACE);
                    }
                    self.abandon_string();
                    continue;
                }
            }
            if self.pos > start {
                self.push_trivia(WHITESPACE);
            }
            match self.bytes.get(self.pos) {
                Some(b'/') if self.peek(1) == b'/' => {
                    self.skip_to_line_end();
                    self.push_trivia(LINE_COMMENT);
                }
                Some(b'/') if self.peek(1) == b'*' => self.block_comment(),
                Some(0) => {
                    let start = self.pos;
                    while self.pos < self.bytes.len() && self.bytes[self.pos] == 0 {
                        self.pos += 1;
                    }
                    self.error(
                        "nul-character",
                        start,
                        start + 1,
                        "nul character embedded in middle of file",
                    );
                    if let Some(error) = self.out.errors.last_mut() {
                        error.severity = Severity::Warning;
                    }
                    self.push_trivia(UNKNOWN);
                }
                Some(b'<' | b'>') if self.flags & NEWLINE_BEFORE != 0 && self.conflict_marker() => {
                }
                _ => break,
            }
        }
    }

    /// A version control system's conflict is skipped as a whole line, with one error.
    fn conflict_marker(&mut self) -> bool {
        let rest = &self.bytes[self.pos..];
        if !(rest.starts_with(b"<<<<<<< ") || rest.starts_with(b">>>>>>> ")) {
            return false;
        }
        let start = self.pos;
        self.skip_to_line_end();
        self.error(
            "conflict-marker",
            start,
            self.pos,
            "source control conflict marker in source file",
        );
        self.push_trivia(UNKNOWN);
        true
    }

    fn block_comment(&mut self) {
        let start = self.pos;
        let mut level = 0u32;
        while let Some(&byte) = self.bytes.get(self.pos) {
            match byte {
                b'/' if self.peek(1) == b'*' => {
                    level += 1;
                    self.pos += 2;
                }
                b'*' if self.peek(1) == b'/' => {
                    level -= 1;
                    self.pos += 2;
                    if level == 0 {
                        break;
                    }
                }
                b'\n' | b'\r' => {
                    self.flags |= NEWLINE_BEFORE;
                    self.pos += 1;
                }
                _ => self.pos += 1,
            }
        }
        if level > 0 {
            let end = self.pos;
            self.error(
                "unterminated-comment",
                end,
                end,
                "unterminated '/*' comment",
            );
            if let Some(error) = self.out.errors.last_mut() {
                let range = TextRange::at(TextSize::new(start as u32), TextSize::new(2));
                error.notes.push(crate::syntax::SyntaxNote {
                    range,
                    message: "comment started here".to_string(),
                });
            }
        }
        self.push_trivia(BLOCK_COMMENT);
    }

    fn code_token(&mut self) {
        let start = self.pos;
        let byte = self.bytes[start];
        let simple = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.word(),
            b'0'..=b'9' => return self.number(),
            b'"' => return self.string_start(0),
            b'(' => {
                if let Some(Mode::Interpolation { depth }) = self.modes.last_mut() {
                    *depth += 1;
                }
                L_PAREN
            }
            b')' => {
                if let Some(Mode::Interpolation { depth }) = self.modes.last_mut() {
                    if *depth == 0 {
                        self.modes.pop();
                        self.pos += 1;
                        return self.push(INTERPOLATION_END, start);
                    }
                    *depth -= 1;
                }
                R_PAREN
            }
            b'[' => L_BRACKET,
            b']' => R_BRACKET,
            b'{' => L_BRACE,
            b'}' => R_BRACE,
            b',' => COMMA,
            b';' => SEMICOLON,
            b':' => COLON,
            b'@' => AT,
            b'\\' => BACKSLASH,
            b'`' => return self.backtick(),
            b'$' => return self.dollar(),
            b'#' => return self.pound(),
            b'\'' => return self.single_quote(),
            b'?' if self.is_left_bound(start) => POSTFIX_QUESTION,
            b'!' if self.is_left_bound(start) => POSTFIX_BANG,
            b'<' if self.peek(1) == b'#' && self.placeholder() => return,
            b'/' if self.bare_slash_regex && self.try_bare_regex() => return,
            _ if is_ascii_operator(byte) => return self.operator(),
            _ if byte >= 0x80 => return self.non_ascii(),
            _ => {
                self.pos += 1;
                let message = if byte < 0x20 || byte == 0x7f {
                    "unprintable ASCII character found in source file"
                } else {
                    "invalid character in source file"
                };
                self.error("invalid-character", start, self.pos, message);
                return self.push_trivia(UNKNOWN);
            }
        };
        self.pos += 1;
        self.push(simple, start);
    }

    fn non_ascii(&mut self) {
        let start = self.pos;
        let Some(c) = self.char_at(start) else {
            self.pos = self.bytes.len();
            return self.push_trivia(UNKNOWN);
        };
        if is_ident_start(c) {
            return self.word();
        }
        if is_operator_start(c) {
            return self.operator();
        }
        self.pos += c.len_utf8();
        if c == '\u{a0}' {
            self.error(
                "non-breaking-space",
                start,
                self.pos,
                "non-breaking space (U+00A0) used instead of regular space",
            );
            if let Some(error) = self.out.errors.last_mut() {
                error.severity = Severity::Warning;
            }
        } else if matches!(c, '\u{201c}' | '\u{201d}') {
            self.error(
                "curly-quote",
                start,
                self.pos,
                "unicode curly quote found, replace with '\"'",
            );
        } else {
            // A run of bad characters is one mistake.
            while let Some(next) = self.char_at(self.pos) {
                if next.is_ascii() || is_ident_continue(next) || is_operator_start(next) {
                    break;
                }
                self.pos += next.len_utf8();
            }
            self.error(
                "invalid-character",
                start,
                self.pos,
                "invalid character in source file",
            );
        }
        self.push_trivia(UNKNOWN);
    }

    /// `<#name#>`: what an editor inserts where something is still to be written.
    fn placeholder(&mut self) -> bool {
        let start = self.pos;
        let mut pos = start + 2;
        while let Some(&byte) = self.bytes.get(pos) {
            match byte {
                b'\n' | b'\r' => return false,
                b'<' if self.bytes.get(pos + 1) == Some(&b'#') => return false,
                b'#' if self.bytes.get(pos + 1) == Some(&b'>') => {
                    self.pos = pos + 2;
                    self.error(
                        "editor-placeholder",
                        start,
                        self.pos,
                        "editor placeholder in source file",
                    );
                    self.push(IDENT, start);
                    return true;
                }
                _ => pos += 1,
            }
        }
        false
    }

    /// `'text'` is no literal; the error offers the right quotes and the text becomes a string.
    fn single_quote(&mut self) {
        let start = self.pos;
        let mut pos = start + 1;
        while let Some(&byte) = self.bytes.get(pos) {
            match byte {
                b'\n' | b'\r' => break,
                b'\\' => pos += 2,
                b'\'' => {
                    self.pos = (start + 1).min(pos);
                    self.push(STRING_START, start);
                    if pos > start + 1 {
                        self.pos = pos;
                        self.push(STRING_TEXT, start + 1);
                    }
                    self.pos = pos + 1;
                    self.push(STRING_END, pos);
                    return self.error(
                        "single-quote",
                        start,
                        pos + 1,
                        "single-quoted string literal found, use '\"'",
                    );
                }
                _ => pos += 1,
            }
        }
        self.skip_to_line_end();
        self.error(
            "unterminated-string",
            start,
            start + 1,
            "unterminated string literal",
        );
        self.push_trivia(UNKNOWN);
    }
}

fn bracket_class(kind: SyntaxKind) -> u8 {
    match kind {
        L_PAREN | R_PAREN => 0,
        L_BRACKET | R_BRACKET => 1,
        L_BRACE | R_BRACE => 2,
        _ => 3,
    }
}
