//! Swift's own sets of identifier and operator characters; they differ from Unicode's `XID` classes.

/// Whether the character may stand inside of an identifier.
pub(crate) fn is_ident_continue(c: char) -> bool {
    let c = c as u32;
    if c < 0x80 {
        return (c as u8).is_ascii_alphanumeric() || c == u32::from(b'_') || c == u32::from(b'$');
    }
    matches!(c,
        0xA8 | 0xAA | 0xAD | 0xAF | 0xB2..=0xB5 | 0xB7..=0xBA | 0xBC..=0xBE | 0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..=0xFF
        | 0x100..=0x167F | 0x1681..=0x180D | 0x180F..=0x1FFF
        | 0x200B..=0x200D | 0x202A..=0x202E | 0x203F..=0x2040 | 0x2054 | 0x2060..=0x206F | 0x2070..=0x218F
        | 0x2460..=0x24FF | 0x2776..=0x2793 | 0x2C00..=0x2DFF | 0x2E80..=0x2FFF
        | 0x3004..=0x3007 | 0x3021..=0x302F | 0x3031..=0x303F | 0x3040..=0xD7FF
        | 0xF900..=0xFD3D | 0xFD40..=0xFDCF | 0xFDF0..=0xFE44 | 0xFE47..=0xFFF8)
        || (0x10000..=0xEFFFD).contains(&c) && c & 0xFFFF <= 0xFFFD
}

/// Whether the character may begin an identifier.
pub(crate) fn is_ident_start(c: char) -> bool {
    if !is_ident_continue(c) {
        return false;
    }
    let c = c as u32;
    !matches!(c, 0x24 | 0x30..=0x39 | 0x300..=0x36F | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// Whether the character may begin an operator.
pub(crate) fn is_operator_start(c: char) -> bool {
    if c.is_ascii() {
        return is_ascii_operator(c as u8);
    }
    matches!(c as u32,
        0xA1..=0xA7 | 0xA9 | 0xAB | 0xAC | 0xAE | 0xB0..=0xB1 | 0xB6 | 0xBB | 0xBF | 0xD7 | 0xF7
        | 0x2016..=0x2017 | 0x2020..=0x2027 | 0x2030..=0x203E | 0x2041..=0x2053 | 0x2055..=0x205E
        | 0x2190..=0x23FF | 0x2500..=0x2775 | 0x2794..=0x2BFF | 0x2E00..=0x2E7F
        | 0x3001..=0x3003 | 0x3008..=0x3020 | 0x3030)
}

/// Whether the character may stand inside of an operator.
pub(crate) fn is_operator_continue(c: char) -> bool {
    is_operator_start(c)
        || matches!(c as u32, 0x300..=0x36F | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0xE0100..=0xE01EF)
}

/// Whether the byte is an ASCII operator character.
pub(crate) fn is_ascii_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'='
            | b'-'
            | b'+'
            | b'*'
            | b'%'
            | b'<'
            | b'>'
            | b'!'
            | b'&'
            | b'|'
            | b'^'
            | b'~'
            | b'.'
            | b'?'
    )
}
