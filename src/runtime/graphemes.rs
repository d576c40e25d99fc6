//! Character boundaries: the extended grapheme clusters of Unicode's annex 29.

use super::strings::text;
use super::unicode::marks;

// The classes of scalars; the numbers are those of `build/unicode_tables.rs`.
const OTHER: u8 = 0;
/// Extends, but is not part of a conjunct (the zero-width non-joiner).
const EXTEND_ONLY: u8 = 1;
/// Extends, and links two consonants of an Indic script.
const EXTEND_LINKER: u8 = 2;
const CONTROL: u8 = 3;
const EXTEND: u8 = 4;
const JOINER: u8 = 5;
const REGIONAL: u8 = 6;
const PREPEND: u8 = 7;
const SPACING_MARK: u8 = 8;
const LEADING: u8 = 9;
const VOWEL: u8 = 10;
const TRAILING: u8 = 11;
const SYLLABLE_OPEN: u8 = 12;
const SYLLABLE_CLOSED: u8 = 13;
pub const PICTOGRAPH: u8 = 14;
const CONSONANT: u8 = 15;

fn class(scalar: char) -> u8 {
    if matches!(scalar, ' '..='~') {
        OTHER
    } else {
        marks(scalar.into()) & 15
    }
}

fn extends(class: u8) -> bool {
    matches!(class, EXTEND | EXTEND_ONLY | EXTEND_LINKER)
}

/// Whether there is a boundary between two scalars, as far as they alone decide it; `None` when what is before them matters.
fn between(before: char, a: u8, after: char, b: u8) -> Option<bool> {
    if before == '\r' && after == '\n' {
        return Some(false);
    }
    if a == CONTROL || b == CONTROL {
        return Some(true);
    }
    if extends(b) || b == JOINER || b == SPACING_MARK || a == PREPEND {
        return Some(false);
    }
    match (a, b) {
        (LEADING, LEADING | VOWEL | SYLLABLE_OPEN | SYLLABLE_CLOSED) => Some(false),
        (SYLLABLE_OPEN | VOWEL, VOWEL | TRAILING) => Some(false),
        (SYLLABLE_CLOSED | TRAILING, TRAILING) => Some(false),
        (REGIONAL, REGIONAL) | (JOINER, PICTOGRAPH) => None,
        (EXTEND | EXTEND_LINKER | JOINER, CONSONANT) => None,
        _ => Some(true),
    }
}

/// The length of the first character of a text that is not empty.
pub fn first_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    // Two neighbours in ASCII are two characters, except for the line break.
    if bytes[0] < 0x80 && bytes.get(1).is_none_or(|&next| next < 0x80) {
        return if bytes[0] == b'\r' && bytes.get(1) == Some(&b'\n') {
            2
        } else {
            1
        };
    }
    let mut scalars = text.char_indices();
    let Some((_, mut last)) = scalars.next() else {
        return 0;
    };
    let mut last_class = class(last);
    // What the rules that look further back need to know about the cluster so far.
    let mut flags = usize::from(last_class == REGIONAL);
    let mut after_pictograph = last_class == PICTOGRAPH;
    let mut after_consonant = last_class == CONSONANT;
    let mut linked = false;
    for (at, scalar) in scalars {
        let class = class(scalar);
        let boundary = between(last, last_class, scalar, class).unwrap_or(match class {
            REGIONAL => flags % 2 == 0,
            PICTOGRAPH => !after_pictograph,
            _ => !(after_consonant && linked),
        });
        if boundary {
            return at;
        }
        flags = if class == REGIONAL { flags + 1 } else { 0 };
        // A pictograph stays in reach over extenders and one joiner, which `between` has checked to be the last scalar.
        after_pictograph = class == PICTOGRAPH
            || after_pictograph && (extends(class) || class == JOINER && last_class != JOINER);
        match class {
            CONSONANT => (after_consonant, linked) = (true, false),
            EXTEND_LINKER => linked = true,
            EXTEND | JOINER => {}
            _ => after_consonant = false,
        }
        (last, last_class) = (scalar, class);
    }
    text.len()
}

/// Whether a boundary is between `before` and the scalar that starts `after`, looking back as far as needed.
fn is_boundary(before: &str, after: &str) -> bool {
    let (Some(a), Some(b)) = (before.chars().next_back(), after.chars().next()) else {
        return true;
    };
    let (class_a, class_b) = (class(a), class(b));
    between(a, class_a, b, class_b).unwrap_or_else(|| match class_b {
        REGIONAL => {
            before
                .chars()
                .rev()
                .take_while(|&scalar| class(scalar) == REGIONAL)
                .count()
                % 2
                == 0
        }
        PICTOGRAPH => {
            let earlier = before
                .chars()
                .rev()
                .skip(1)
                .map(class)
                .find(|&class| !extends(class));
            earlier != Some(PICTOGRAPH)
        }
        _ => {
            let mut linked = false;
            for class in before.chars().rev().map(class) {
                match class {
                    EXTEND_LINKER => linked = true,
                    EXTEND | JOINER => {}
                    CONSONANT => return !linked,
                    _ => return true,
                }
            }
            true
        }
    })
}

/// The length of the last character of a text that is not empty.
pub fn last_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = bytes.len();
    // A pair of ASCII scalars decides by itself, and no other rule reaches over it.
    if bytes[end - 1] < 0x80 && (end == 1 || bytes[end - 2] < 0x80) {
        return if bytes.ends_with(b"\r\n") { 2 } else { 1 };
    }
    for (at, _) in text.char_indices().rev() {
        let (before, after) = text.split_at(at);
        if is_boundary(before, after) {
            return end - at;
        }
    }
    end
}

/// The number of characters in ASCII text: all bytes, except that a line break of two is one.
fn count_ascii(bytes: &[u8]) -> usize {
    let pairs = if bytes.contains(&b'\r') {
        bytes.windows(2).filter(|pair| *pair == b"\r\n").count()
    } else {
        0
    };
    bytes.len() - pairs
}

pub fn count(mut text: &str) -> usize {
    if text.is_ascii() {
        return count_ascii(text.as_bytes());
    }
    let mut count = 0;
    while !text.is_empty() {
        let ascii = text
            .bytes()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(text.len());
        let stretch = &text.as_bytes()[..ascii];
        // The last character of a stretch may go on behind it, so it is left to the general rule.
        let cut = ascii.saturating_sub(if stretch.ends_with(b"\r\n") { 2 } else { 1 });
        count += count_ascii(&stretch[..cut]) + 1;
        text = &text[cut..];
        text = &text[first_length(text)..];
    }
    count
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_grapheme_next(start: *const u8, length: u64, offset: u64) -> u64 {
    if offset >= length {
        return length;
    }
    offset + first_length(text(start.add(offset as usize), length - offset)) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_grapheme_previous(
    start: *const u8,
    _length: u64,
    offset: u64,
) -> u64 {
    if offset == 0 {
        return 0;
    }
    offset - last_length(text(start, offset)) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_grapheme_count(start: *const u8, length: u64) -> u64 {
    count(text(start, length)) as u64
}
