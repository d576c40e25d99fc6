//! Identifiers, keywords, `$` names, backticks, and words after `#`.

use super::{Lexer, error_at};
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::kind::{CONTEXTUAL, KEYWORDS};
use crate::syntax::unicode::*;
use crate::syntax::{Dialect, SyntaxFixIt};
use std::sync::LazyLock;

const SLOTS: usize = 1024;

/// A word in the keyword table: its text, its kind, and one plus its index among the contextual keywords.
type Entry = (&'static [u8], SyntaxKind, u8);

/// An open-addressed table; it is sparse, so nearly every identifier is told apart by one probe.
struct Table {
    slots: Vec<Option<Entry>>,
}

static TABLES: LazyLock<[Table; 2]> =
    LazyLock::new(|| [Table::new(Dialect::Codira), Table::new(Dialect::Swift)]);

fn slot(word: &[u8]) -> usize {
    let len = word.len();
    let hash = (word[0] as usize).wrapping_mul(31)
        ^ (word[len - 1] as usize).wrapping_mul(0x9E5)
        ^ (word[len / 2] as usize).wrapping_mul(0x3D)
        ^ len.wrapping_mul(0x11B);
    (hash ^ (hash >> 7)) % SLOTS
}

impl Table {
    fn new(dialect: Dialect) -> Table {
        let mut table = Table {
            slots: vec![None; SLOTS],
        };
        for &(kind, codira, swift) in KEYWORDS {
            let text = if dialect == Dialect::Codira {
                codira
            } else {
                swift
            };
            table.insert((text.as_bytes(), kind, 0));
        }
        for (index, &(_, text)) in CONTEXTUAL.iter().enumerate() {
            table.insert((text.as_bytes(), IDENT, index as u8 + 1));
        }
        table
    }

    fn insert(&mut self, entry: Entry) {
        let mut at = slot(entry.0);
        while self.slots[at].is_some() {
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = Some(entry);
    }

    fn get(&self, word: &[u8]) -> (SyntaxKind, u8) {
        let mut at = slot(word);
        while let Some((text, kind, contextual)) = self.slots[at] {
            if text == word {
                return (kind, contextual);
            }
            at = (at + 1) % SLOTS;
        }
        (IDENT, 0)
    }
}

/// Which ASCII bytes continue an identifier.
static WORD_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] =
            (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize || byte == b'$' as usize;
        byte += 1;
    }
    table
};

impl Lexer<'_> {
    /// Skips the characters that may continue an identifier.
    pub(super) fn skip_word(&mut self) {
        while let Some(&byte) = self.bytes.get(self.pos) {
            if WORD_BYTE[byte as usize] {
                self.pos += 1;
            } else if byte < 0x80 {
                break;
            } else {
                match self.char_at(self.pos) {
                    Some(c) if is_ident_continue(c) => self.pos += c.len_utf8(),
                    _ => break,
                }
            }
        }
    }

    pub(super) fn word(&mut self) {
        let start = self.pos;
        self.skip_word();
        let word = &self.bytes[start..self.pos];
        if word == b"_" {
            return self.push(UNDERSCORE, start);
        }
        let (mut kind, contextual) = if word.len() > 20 {
            (IDENT, 0)
        } else {
            TABLES[(self.dialect == Dialect::Swift) as usize].get(word)
        };
        if kind == FN_KW && self.dialect == Dialect::Codira && !self.fn_declares(start) {
            kind = IDENT;
        }
        if kind == IDENT
            && matches!(word.len(), 3 | 4)
            && let Some((meant, spelling)) = self.swift_keyword(start)
        {
            kind = meant;
            self.respelled(start, spelling);
        }
        self.push_contextual(kind, start, contextual);
    }

    /// A keyword in Swift's spelling where Codira's file could only mean the keyword: names are not followed by names. With Codira's spelling.
    fn swift_keyword(&self, start: usize) -> Option<(SyntaxKind, &'static str)> {
        if self.dialect == Dialect::Swift {
            return None;
        }
        match &self.text[start..self.pos] {
            "func" if self.fn_declares(start) => Some((FN_KW, "fn")),
            "let" if self.let_binds(start) => Some((LET_KW, "immutable")),
            _ => None,
        }
    }

    /// Says how a keyword is spelt here; it is understood all the same.
    fn respelled(&mut self, start: usize, spelling: &str) {
        let written = &self.text[start..self.pos];
        let message = format!("Codira spells '{written}' as '{spelling}'");
        let mut error = error_at("swift-keyword", start, self.pos, message);
        error.fixit = Some(SyntaxFixIt {
            range: error.range,
            replacement: spelling.to_owned(),
        });
        self.out.errors.push(error);
    }

    /// Whether the `let` that was just read stands before a pattern on the same line.
    fn let_binds(&self, start: usize) -> bool {
        if start > 0 && self.bytes[start - 1] == b'.' {
            return false;
        }
        let rest = self.text[self.pos..].trim_start_matches([' ', '\t']);
        let after_case = self.last == CASE_KW;
        match rest.chars().next() {
            Some('`') => true,
            Some('.' | '(') => after_case,
            Some(c) if c == '_' || is_ident_start(c) => {
                let end = rest.find(|c| !is_ident_continue(c));
                let next = &rest[..end.unwrap_or(rest.len())];
                !matches!(
                    next,
                    "in" | "is" | "as" | "else" | "where" | "throws" | "async"
                )
            }
            _ => false,
        }
    }

    /// Whether the `fn` that was just read declares a function: a name, a backtick, or an operator
    /// that is followed by `(` or `<` must follow on the same line. Elsewhere `fn` is a name.
    fn fn_declares(&self, start: usize) -> bool {
        if start > 0 && self.bytes[start - 1] == b'.' {
            return false;
        }
        let mut at = self.pos;
        while matches!(self.bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        let spaced = at > self.pos;
        let Some(c) = self.char_at(at) else {
            return false;
        };
        if c == '`' {
            return true;
        }
        if is_ident_start(c) {
            let rest = &self.text[at..];
            let end = rest.find(|c| !is_ident_continue(c)).unwrap_or(rest.len());
            return spaced
                && !matches!(
                    &rest[..end],
                    "in" | "is" | "as" | "else" | "throws" | "async" | "where"
                );
        }
        if !is_operator_start(c) || !spaced {
            return false;
        }
        let rest = &self.text[at..];
        let mut end = rest
            .find(|c| !is_operator_continue(c))
            .unwrap_or(rest.len());
        let op = &rest[..end];
        if matches!(op, "=" | "->" | "." | "?") || op.starts_with("//") || op.starts_with("/*") {
            return false;
        }
        // In `fn <<T>(…)` the last `<` opens the generic parameters.
        if op.len() > 1 && op.ends_with('<') {
            return true;
        }
        while matches!(rest.as_bytes().get(end), Some(b' ' | b'\t')) {
            end += 1;
        }
        matches!(rest.as_bytes().get(end), Some(b'(' | b'<'))
    }

    pub(super) fn backtick(&mut self) {
        let start = self.pos;
        let mut at = start + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'`' if at > start + 1 => {
                    self.pos = at + 1;
                    return self.push(IDENT, start);
                }
                b'`' | b'\n' | b'\r' => break,
                _ => at += 1,
            }
        }
        self.pos += 1;
        self.error(
            "invalid-character",
            start,
            self.pos,
            "invalid character in source file",
        );
        self.push_trivia(UNKNOWN);
    }

    pub(super) fn dollar(&mut self) {
        let start = self.pos;
        self.pos += 1;
        let digits = self.pos;
        self.skip_word();
        let name = &self.bytes[digits..self.pos];
        if name.is_empty() {
            self.error(
                "dollar",
                start,
                self.pos,
                "'$' is not an identifier; use backticks to escape it",
            );
            return self.push(IDENT, start);
        }
        let numeric = name.iter().all(u8::is_ascii_digit);
        if !numeric && name[0].is_ascii_digit() {
            self.error(
                "dollar-number",
                start,
                self.pos,
                "expected numeric value following '$'",
            );
        }
        self.push(if numeric { DOLLAR_IDENT } else { IDENT }, start);
    }

    pub(super) fn pound(&mut self) {
        let start = self.pos;
        let hashes = self.bytes[start..]
            .iter()
            .take_while(|&&byte| byte == b'#')
            .count();
        match self.bytes.get(start + hashes) {
            Some(b'"') => return self.string_start(hashes),
            Some(b'/') if self.pound_regex(hashes) => return,
            _ => {}
        }
        if hashes > 1 {
            // A run of number signs that opens nothing is one mistake, and is looked at only once.
            self.pos += hashes - 1;
            self.error(
                "invalid-character",
                start,
                self.pos,
                "invalid character in source file",
            );
            return self.push_trivia(UNKNOWN);
        }
        self.pos += 1;
        if self.peek(0).is_ascii_alphabetic() {
            self.skip_word();
            let kind = match &self.bytes[start + 1..self.pos] {
                b"if" => POUND_IF,
                b"elseif" => POUND_ELSEIF,
                b"else" => POUND_ELSE,
                b"endif" => POUND_ENDIF,
                b"sourceLocation" => POUND_SOURCE_LOCATION,
                b"available" => POUND_AVAILABLE,
                b"unavailable" => POUND_UNAVAILABLE,
                _ => {
                    self.pos = start + 1;
                    POUND
                }
            };
            return self.push(kind, start);
        }
        self.push(POUND, start);
    }
}
