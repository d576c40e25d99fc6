//! The values of literals.

use super::{AstNode, nodes::*, support};
use crate::syntax::kind::SyntaxKind::*;
use rowan::TextRange;

/// An integer literal's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntegerValue {
    /// The magnitude; a sign is an operator of its own.
    Value(u128),
    /// More than 128 bits.
    Overflow,
    /// No digits, or wrong ones; the lexer has reported it.
    Malformed,
}

impl IntegerLiteral {
    /// The value.
    pub fn value(&self) -> IntegerValue {
        match self.token() {
            Some(token) => integer_value(token.text()),
            None => IntegerValue::Malformed,
        }
    }
}

/// The value of an integer literal's text.
pub fn integer_value(text: &str) -> IntegerValue {
    let (radix, digits) = match text.get(..2) {
        Some("0x") => (16, &text[2..]),
        Some("0o") => (8, &text[2..]),
        Some("0b") => (2, &text[2..]),
        _ => (10, text),
    };
    let (mut value, mut any) = (0u128, false);
    for c in digits.chars() {
        if c == '_' {
            continue;
        }
        let Some(digit) = c.to_digit(radix) else {
            return IntegerValue::Malformed;
        };
        any = true;
        match value
            .checked_mul(u128::from(radix))
            .and_then(|value| value.checked_add(u128::from(digit)))
        {
            Some(next) => value = next,
            None => return IntegerValue::Overflow,
        }
    }
    if any {
        IntegerValue::Value(value)
    } else {
        IntegerValue::Malformed
    }
}

impl FloatLiteral {
    /// The literal's text without underscores, to be rounded to the type that it gets.
    pub fn text(&self) -> String {
        self.token()
            .map(|token| token.text().replace('_', ""))
            .unwrap_or_default()
    }

    /// The value as a `Double`, correctly rounded.
    pub fn value(&self) -> Option<f64> {
        float_value(&self.text())
    }
}

/// The value of a floating point literal's text, correctly rounded.
pub fn float_value(text: &str) -> Option<f64> {
    let text = text.replace('_', "");
    let Some(hex) = text.strip_prefix("0x") else {
        return text.parse().ok();
    };
    let (mantissa, exponent) = hex.split_once(['p', 'P'])?;
    let mut exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // The first 120 bits decide the value; a bit lost below them only breaks ties.
    let (mut bits, mut sticky) = (0u128, false);
    for c in whole.chars().chain(fraction.chars()) {
        let digit = u128::from(c.to_digit(16)?);
        if bits >> 120 == 0 {
            bits = bits << 4 | digit;
        } else {
            sticky |= digit != 0;
            exponent += 4;
        }
    }
    exponent -= 4 * fraction.len() as i64;
    if bits == 0 {
        return Some(0.0);
    }
    Some(round_to_double(bits, sticky, exponent))
}

/// `bits * 2^exponent` rounded to nearest, ties to even.
fn round_to_double(bits: u128, sticky: bool, exponent: i64) -> f64 {
    let length = 128 - i64::from(bits.leading_zeros());
    // The place of the last bit that the result keeps; denormals keep fewer.
    let last = (length - 53 + exponent).max(-1074);
    let drop = last - exponent;
    let (mut kept, rest) = if drop <= 0 {
        (if -drop < 128 { bits << -drop } else { 0 }, 0)
    } else if drop >= 128 {
        (0, 1)
    } else {
        (bits >> drop, bits & ((1 << drop) - 1))
    };
    if drop > 0 && drop < 128 {
        let half = 1u128 << (drop - 1);
        if rest > half || (rest == half && (sticky || kept & 1 == 1)) {
            kept += 1;
        }
    }
    let mut value = kept as f64;
    let mut power = last;
    while power > 0 && value.is_finite() {
        let step = power.min(1000);
        value *= 2f64.powi(step as i32);
        power -= step;
    }
    while power < 0 && value != 0.0 {
        // Exact: the bits below the last place are gone already.
        let step = (-power).min(1000);
        value *= 2f64.powi(-(step as i32));
        power += step;
    }
    value
}

/// A piece of a string literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringPiece {
    /// Text with its escapes resolved and the indentation of a multi-line string removed.
    Text(String),
    /// The expression of an interpolation.
    Interpolation(Interpolation),
}

/// An escape that could not be decoded, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscapeError {
    /// Where.
    pub range: TextRange,
}

impl StringLiteral {
    /// How many `#` the delimiters have.
    pub fn hashes(&self) -> usize {
        self.start_token().map_or(0, |token| {
            token.text().bytes().filter(|&byte| byte == b'#').count()
        })
    }

    /// Whether the delimiters are `"""`.
    pub fn is_multiline(&self) -> bool {
        self.start_token()
            .is_some_and(|token| token.text().contains("\"\"\""))
    }

    /// The text, when there is no interpolation.
    pub fn plain_text(&self) -> Option<String> {
        let mut out = String::new();
        for piece in self.segments().0 {
            match piece {
                StringPiece::Text(text) => out.push_str(&text),
                StringPiece::Interpolation(_) => return None,
            }
        }
        Some(out)
    }

    /// The pieces in order; text is decoded. What the lexer reported as wrong is also in the second value.
    pub fn segments(&self) -> (Vec<StringPiece>, Vec<EscapeError>) {
        let hashes = self.hashes();
        let multiline = self.is_multiline();
        let children: Vec<_> = self.syntax().children().collect();
        let indentation = if multiline {
            self.indentation(&children)
        } else {
            String::new()
        };
        let (mut pieces, mut errors) = (Vec::new(), Vec::new());
        let count = children.len();
        let closed = self.end_token().is_some();
        for (index, child) in children.into_iter().enumerate() {
            if let Some(interpolation) = Interpolation::cast(child.clone()) {
                pieces.push(StringPiece::Interpolation(interpolation));
                continue;
            }
            let Some(token) = support::token(&child, STRING_TEXT) else {
                continue;
            };
            let mut raw = token.text();
            let mut start_of_line = false;
            if multiline {
                if index == 0 {
                    // The line break behind the opening delimiter is not part of the text.
                    let trimmed = raw.trim_start_matches([' ', '\t']);
                    raw = trimmed
                        .strip_prefix("\r\n")
                        .or_else(|| trimmed.strip_prefix(['\n', '\r']))
                        .unwrap_or(raw);
                    start_of_line = true;
                }
                if index + 1 == count && closed {
                    // Nor is the last one, with the closing delimiter's indentation.
                    let body = raw.trim_end_matches([' ', '\t']);
                    match body
                        .strip_suffix("\r\n")
                        .or_else(|| body.strip_suffix(['\n', '\r']))
                    {
                        Some(body) => raw = body,
                        None if body.is_empty() && index == 0 => raw = "",
                        None => {}
                    }
                }
            }
            let mut out = String::with_capacity(raw.len());
            if !decode(
                raw,
                hashes,
                multiline,
                &indentation,
                start_of_line,
                &mut out,
            ) {
                errors.push(EscapeError {
                    range: token.text_range(),
                });
            }
            if !out.is_empty() {
                pieces.push(StringPiece::Text(out));
            }
        }
        (pieces, errors)
    }

    /// The white space before the closing delimiter of a multi-line string.
    fn indentation(&self, children: &[crate::syntax::SyntaxNode]) -> String {
        let Some(token) = children
            .last()
            .and_then(|last| support::token(last, STRING_TEXT))
        else {
            return String::new();
        };
        let line = token.text().rsplit(['\n', '\r']).next().unwrap_or("");
        if line.trim_matches([' ', '\t']).is_empty() {
            line.to_string()
        } else {
            String::new()
        }
    }
}

/// Resolves escapes and removes indentation; false when an escape is malformed.
fn decode(
    raw: &str,
    hashes: usize,
    multiline: bool,
    indentation: &str,
    start_of_line: bool,
    out: &mut String,
) -> bool {
    let mut ok = true;
    let mut rest = raw;
    if start_of_line {
        rest = rest
            .strip_prefix(indentation)
            .unwrap_or_else(|| rest.trim_start_matches([' ', '\t']));
    }
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if multiline && (c == '\n' || c == '\r') {
            // Every line break in the source is a line feed in the text.
            out.push('\n');
            rest = if c == '\r' {
                after.strip_prefix('\n').unwrap_or(after)
            } else {
                after
            };
            rest = strip_indentation(rest, indentation);
            continue;
        }
        let escape = (c == '\\').then(|| strip_hashes(after, hashes)).flatten();
        let Some(escape) = escape else {
            out.push(c);
            rest = after;
            continue;
        };
        let Some(selector) = escape.chars().next() else {
            return false;
        };
        rest = &escape[selector.len_utf8()..];
        match selector {
            '0' => out.push('\0'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            '"' | '\'' | '\\' => out.push(selector),
            'u' => {
                let scalar = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let Some((digits, tail)) = scalar else {
                    ok = false;
                    continue;
                };
                rest = tail;
                match u32::from_str_radix(digits, 16)
                    .ok()
                    .and_then(char::from_u32)
                {
                    Some(c) => out.push(c),
                    None => ok = false,
                }
            }
            ' ' | '\t' | '\n' | '\r' if multiline => {
                let line_end = escape.trim_start_matches([' ', '\t']);
                let next = line_end
                    .strip_prefix("\r\n")
                    .or_else(|| line_end.strip_prefix(['\n', '\r']));
                match next {
                    Some(next) => rest = strip_indentation(next, indentation),
                    None => ok = false,
                }
            }
            _ => ok = false,
        }
    }
    ok
}

fn strip_indentation<'t>(line: &'t str, indentation: &str) -> &'t str {
    match line.strip_prefix(indentation) {
        Some(line) => line,
        // A line of white space only may have less of it.
        None => line.trim_start_matches([' ', '\t']),
    }
}

fn strip_hashes(text: &str, hashes: usize) -> Option<&str> {
    let found = text.bytes().take_while(|&byte| byte == b'#').count();
    (found >= hashes).then(|| &text[hashes..])
}
