//! Integer and floating point literals.

use super::Lexer;
use crate::syntax::kind::SyntaxKind::{FLOAT_NUMBER, INT_NUMBER};
use crate::syntax::unicode::is_ident_continue;

impl Lexer<'_> {
    pub(super) fn number(&mut self) {
        let start = self.pos;
        let (radix, prefix) = match (self.peek(0), self.peek(1)) {
            (b'0', b'x') => (16, 2),
            (b'0', b'o') => (8, 2),
            (b'0', b'b') => (2, 2),
            _ => (10, 0),
        };
        self.pos += prefix;
        let first = self.peek(0);
        if prefix > 0 && !(first as char).is_digit(radix) {
            return self.bad_digit(start, radix);
        }
        self.skip_digits(radix);
        // `x.0.1` is two tuple indices, not the number 0.1; in `0...1.5` the dots are an operator.
        let dot_at = |back: usize| start >= back && self.bytes[start - back] == b'.';
        let after_dot = dot_at(1) && !dot_at(2);
        match radix {
            10 if !after_dot => {
                let mut float = false;
                if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
                    float = true;
                    self.pos += 1;
                    self.skip_digits(10);
                }
                if matches!(self.peek(0), b'e' | b'E') {
                    return self.exponent(start);
                }
                if float {
                    return self.finish_number(start, 10, true);
                }
            }
            16 => {
                let dot = self.pos;
                if self.peek(0) == b'.' && self.peek(1).is_ascii_hexdigit() {
                    self.pos += 1;
                    self.skip_digits(16);
                    if !matches!(self.peek(0), b'p' | b'P') {
                        if !self.bytes[dot + 1].is_ascii_digit() {
                            // `0xff.description` is a member of an integer.
                            self.pos = dot;
                            return self.push(INT_NUMBER, start);
                        }
                        let end = self.pos;
                        self.error(
                            "hex-float-exponent",
                            end,
                            end,
                            "hexadecimal floating point literal must end with an exponent",
                        );
                        return self.push(FLOAT_NUMBER, start);
                    }
                }
                if matches!(self.peek(0), b'p' | b'P') {
                    return self.exponent(start);
                }
            }
            _ => {}
        }
        self.finish_number(start, radix, false);
    }

    fn skip_digits(&mut self, radix: u32) {
        while let Some(&byte) = self.bytes.get(self.pos) {
            if byte == b'_' || (byte as char).is_digit(radix) {
                self.pos += 1;
            } else {
                break;
            }
        }
    }

    fn exponent(&mut self, start: usize) {
        self.pos += 1;
        if matches!(self.peek(0), b'+' | b'-') {
            self.pos += 1;
        }
        if !self.peek(0).is_ascii_digit() {
            let at = self.pos;
            match self.char_at(at).filter(|&c| is_ident_continue(c)) {
                Some(c) => {
                    self.skip_word();
                    let message =
                        format!("'{c}' is not a valid first digit in floating point exponent");
                    self.error("float-exponent", at, at + c.len_utf8(), message);
                }
                None => self.error(
                    "float-exponent",
                    at,
                    at,
                    "expected a digit in floating point exponent",
                ),
            }
            return self.push(FLOAT_NUMBER, start);
        }
        self.skip_digits(10);
        self.finish_number(start, 10, true);
    }

    fn finish_number(&mut self, start: usize, radix: u32, float: bool) {
        match self.bytes.get(self.pos) {
            Some(&byte) if byte.is_ascii_alphanumeric() || byte == b'$' || byte >= 0x80 => {
                let at = self.pos;
                match self.char_at(at).filter(|&c| is_ident_continue(c)) {
                    Some(c) if float => {
                        self.skip_word();
                        let message =
                            format!("'{c}' is not a valid digit in floating point exponent");
                        self.error("float-exponent", at, at + c.len_utf8(), message);
                        return self.push(FLOAT_NUMBER, start);
                    }
                    Some(_) => return self.bad_digit(start, radix),
                    None => {}
                }
            }
            _ => {}
        }
        self.push(if float { FLOAT_NUMBER } else { INT_NUMBER }, start);
    }

    fn bad_digit(&mut self, start: usize, radix: u32) {
        let digits = match radix {
            2 => "binary digit (0 or 1)",
            8 => "octal digit (0-7)",
            16 => "hexadecimal digit (0-9, A-F)",
            _ => "digit",
        };
        let at = self.pos;
        match self.char_at(at).filter(|&c| is_ident_continue(c)) {
            Some(c) => {
                self.skip_word();
                self.error(
                    "integer-digit",
                    at,
                    at + c.len_utf8(),
                    format!("'{c}' is not a valid {digits} in integer literal"),
                );
            }
            None => {
                let article = if radix == 8 { "an" } else { "a" };
                self.error(
                    "integer-digit",
                    at,
                    at,
                    format!("expected {article} {digits} in integer literal"),
                );
            }
        }
        self.push(INT_NUMBER, start);
    }
}
