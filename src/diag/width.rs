//! How wide text is on a terminal.

use unicode_normalization::char::is_combining_mark;

/// Tabs go to the next multiple of this column.
pub const TAB: usize = 4;

/// Ranges of characters that fill two columns, sorted.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x23e9, 0x23ec),
    (0x25fd, 0x25fe),
    (0x2614, 0x2615),
    (0x2648, 0x2653),
    (0x26aa, 0x26ab),
    (0x26bd, 0x26be),
    (0x2705, 0x2705),
    (0x270a, 0x270b),
    (0x2753, 0x2757),
    (0x2795, 0x2797),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97c),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1b000, 0x1b2ff),
    (0x1f004, 0x1f004),
    (0x1f18e, 0x1f19a),
    (0x1f200, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1f9ff),
    (0x1fa70, 0x1faff),
    (0x20000, 0x3fffd),
];

/// The columns that `c` fills when it is printed at `column`, which matters for tabs.
pub fn char_width(c: char, column: usize) -> usize {
    let code = c as u32;
    if c == '\t' {
        return TAB - column % TAB;
    }
    if code < 0x300 {
        return 1;
    }
    let invisible = matches!(code, 0x200b..=0x200f | 0xfe00..=0xfe0f | 0xfeff | 0xe0100..=0xe01ef);
    if invisible || is_combining_mark(c) {
        return 0;
    }
    let next = WIDE.partition_point(|&(_, last)| last < code);
    match WIDE.get(next) {
        Some(&(first, _)) if first <= code => 2,
        _ => 1,
    }
}

/// What is printed for `c`: control characters would disturb the terminal.
pub fn visible(c: char) -> char {
    match c as u32 {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        // The C1 controls and the marks that reorder the text around them.
        0x80..=0x9f | 0x202a..=0x202e | 0x2066..=0x2069 => '\u{fffd}',
        _ => c,
    }
}
