//! Operators: their extent, and the white space rule that makes them prefix, postfix or infix.

use super::Lexer;
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::unicode::*;

/// Whether something that an operator could bind to ends right before `pos`.
pub(crate) fn left_bound(bytes: &[u8], pos: usize) -> bool {
    if pos == 0 {
        return false;
    }
    match bytes[pos - 1] {
        b' ' | b'\r' | b'\n' | b'\t' | 0x0b | 0x0c | b'(' | b'[' | b'{' | b',' | b';' | b':'
        | 0 => false,
        // A comment counts as white space.
        b'/' => !(pos >= 2 && bytes[pos - 2] == b'*'),
        0xA0 => !(pos >= 2 && bytes[pos - 2] == 0xC2),
        _ => true,
    }
}

/// Whether something that an operator could bind to begins at `pos`, its end.
pub(crate) fn right_bound(bytes: &[u8], pos: usize, left_bound: bool) -> bool {
    match bytes.get(pos).copied() {
        None => false,
        Some(
            b' ' | b'\r' | b'\n' | b'\t' | 0x0b | 0x0c | b')' | b']' | b'}' | b',' | b';' | b':'
            | 0,
        ) => false,
        // In `x^.y` the operator is postfix, in `^.y` it is prefix.
        Some(b'.') => !left_bound,
        Some(b'/') => !matches!(bytes.get(pos + 1), Some(b'/' | b'*')),
        Some(0xC2) => bytes.get(pos + 1) != Some(&0xA0),
        Some(_) => true,
    }
}

/// The kind of an operator token with the given text and surroundings.
pub(crate) fn classify(op: &[u8], left: bool, right: bool) -> SyntaxKind {
    match op {
        b"=" => EQ,
        b"->" => ARROW,
        b"." => DOT,
        b"&" if right && !left => AMP,
        b"?" => {
            if left {
                POSTFIX_QUESTION
            } else {
                QUESTION
            }
        }
        _ if left == right => BINARY_OP,
        _ if left => POSTFIX_OP,
        _ => PREFIX_OP,
    }
}

impl Lexer<'_> {
    pub(super) fn is_left_bound(&self, pos: usize) -> bool {
        left_bound(self.bytes, pos)
    }

    pub(super) fn operator(&mut self) {
        let start = self.pos;
        let dots = self.bytes[start] == b'.';
        while let Some(&byte) = self.bytes.get(self.pos) {
            if byte < 0x80 {
                if !is_ascii_operator(byte) || (byte == b'.' && !dots) {
                    break;
                }
                // A comment inside of an operator ends it.
                if byte == b'/' && self.pos > start && matches!(self.peek(1), b'/' | b'*') {
                    break;
                }
                self.pos += 1;
            } else {
                match self.char_at(self.pos) {
                    Some(c)
                        if is_operator_continue(c)
                            && (self.pos > start || is_operator_start(c)) =>
                    {
                        self.pos += c.len_utf8()
                    }
                    _ => break,
                }
            }
        }
        let left = self.is_left_bound(start);
        let right = right_bound(self.bytes, self.pos, left);
        let op = &self.bytes[start..self.pos];
        let kind = classify(op, left, right);
        if kind == EQ && left != right {
            self.error(
                "unary-equal",
                start,
                start + 1,
                "'=' must have consistent whitespace on both sides",
            );
        }
        if op == b"*/" {
            self.error(
                "unexpected-comment-end",
                start,
                start + 2,
                "unexpected end of block comment",
            );
        }
        self.push(kind, start);
    }
}
