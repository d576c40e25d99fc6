//! Operations on UTF-8 buffers. Equality, order and hashing are those of the canonical composition (NFC), computed only where
//! the text is not obviously composed already.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::metadata::Text;
use super::unicode::{
    ComposedScalars, Form, codira_scalar_map, is_boundary, normalize_part, part_length,
};

/// The text at an address; the library keeps its buffers well-formed.
pub unsafe fn text(start: *const u8, length: u64) -> &'static str {
    core::str::from_utf8_unchecked(Text { start, length }.bytes())
}

/// Text in which no scalar can combine with another.
fn is_plain(text: &str) -> bool {
    // Everything below U+0300 is composed already and combines only with scalars above; their first bytes are above 0xCB.
    text.bytes().all(|byte| byte < 0xcc) || text.chars().all(is_boundary)
}

/// Calls the body with the bytes of the text's NFC form, part by part.
pub fn for_each_nfc_part(text: &str, mut body: impl FnMut(&[u8])) {
    if is_plain(text) {
        body(text.as_bytes());
        return;
    }
    // The hash of a text must not depend on how it is cut into parts, so the parts are joined first.
    body(&normalized(text, Form::Composed));
}

pub fn normalized(text: &str, form: Form) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    if form == Form::Composed {
        ComposedScalars::new(text).for_each(|scalar| push(&mut bytes, scalar));
        return bytes;
    }
    let mut part = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(part_length(rest));
        normalize_part(head, form, &mut part);
        part.iter().for_each(|&scalar| push(&mut bytes, scalar));
        rest = tail;
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, scalar: char) {
    bytes.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
}

pub fn compare(a: &str, b: &str) -> Ordering {
    let (x, y) = (a.as_bytes(), b.as_bytes());
    let shared = x.iter().zip(y).position(|(x, y)| x != y);
    let Some(at) = shared.or_else(|| (x.len() != y.len()).then(|| x.len().min(y.len()))) else {
        return Ordering::Equal;
    };
    // The texts differ first here. If the difference is between scalars that do not combine with anything, it decides.
    let settled = |bytes: &[u8]| match &bytes[at..] {
        [] => true,
        [first, rest @ ..] => first.is_ascii() && rest.first().is_none_or(u8::is_ascii),
    };
    if settled(x) && settled(y) {
        return x[at..].cmp(&y[at..]);
    }
    // Otherwise normal forms are compared from the last place before it where a scalar stands by itself.
    let mut start = at;
    while start > 0
        && !(a.is_char_boundary(start)
            && starts_at_boundary(&a[start..])
            && starts_at_boundary(&b[start..]))
    {
        start -= 1;
    }
    ComposedScalars::new(&a[start..]).cmp(ComposedScalars::new(&b[start..]))
}

/// Both texts share the bytes before the place in question, so a boundary of one is a boundary of the other except at the place itself.
fn starts_at_boundary(text: &str) -> bool {
    text.chars().next().is_none_or(is_boundary)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_string_compare(
    a: *const u8,
    a_length: u64,
    b: *const u8,
    b_length: u64,
) -> i32 {
    compare(text(a, a_length), text(b, b_length)) as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_string_equal(
    a: *const u8,
    a_length: u64,
    b: *const u8,
    b_length: u64,
) -> u8 {
    let (x, y) = (
        Text {
            start: a,
            length: a_length,
        }
        .bytes(),
        Text {
            start: b,
            length: b_length,
        }
        .bytes(),
    );
    if x == y {
        return 1;
    }
    u8::from(compare(text(a, a_length), text(b, b_length)) == Ordering::Equal)
}

/// Copies as much as there is room for and gives the length of all.
unsafe fn deliver(bytes: &[u8], out: *mut u8, capacity: u64) -> u64 {
    let count = bytes.len().min(capacity as usize);
    core::ptr::copy_nonoverlapping(bytes.as_ptr(), out, count);
    bytes.len() as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_string_normalize(
    form: u32,
    start: *const u8,
    length: u64,
    out: *mut u8,
    capacity: u64,
) -> u64 {
    let form = if form == 0 {
        Form::Composed
    } else {
        Form::Decomposed
    };
    deliver(&normalized(text(start, length), form), out, capacity)
}

/// Maps every scalar by itself: there is no rule for a sigma at a word's end.
unsafe fn map_case(text: &str, which: u32, out: *mut u8, capacity: u64) -> u64 {
    if text.is_ascii() {
        let map = if which == 0 {
            u8::to_ascii_lowercase
        } else {
            u8::to_ascii_uppercase
        };
        for (at, byte) in text.bytes().take(capacity as usize).enumerate() {
            *out.add(at) = map(&byte);
        }
        return text.len() as u64;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for scalar in text.chars() {
        let mut mapped = [0; 3];
        let count = codira_scalar_map(scalar.into(), which, mapped.as_mut_ptr());
        mapped[..count as usize]
            .iter()
            .filter_map(|&code| char::from_u32(code))
            .for_each(|scalar| push(&mut bytes, scalar));
    }
    deliver(&bytes, out, capacity)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_string_lower(
    start: *const u8,
    length: u64,
    out: *mut u8,
    capacity: u64,
) -> u64 {
    map_case(text(start, length), 0, out, capacity)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_string_upper(
    start: *const u8,
    length: u64,
    out: *mut u8,
    capacity: u64,
) -> u64 {
    map_case(text(start, length), 1, out, capacity)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_utf8_scan(start: *const u8, length: u64) -> u64 {
    let bytes = Text { start, length }.bytes();
    if bytes.is_ascii() {
        return 7;
    }
    match core::str::from_utf8(bytes) {
        Ok(text) => 1 | u64::from(is_plain(text)) << 2,
        Err(_) => 0,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_utf8_repair(start: *const u8, length: u64, out: *mut u8) -> u64 {
    let mut written = 0;
    let mut append = |bytes: &[u8]| {
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), out.add(written), bytes.len());
        written += bytes.len();
    };
    for chunk in (Text { start, length }).bytes().utf8_chunks() {
        append(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            append("\u{fffd}".as_bytes());
        }
    }
    written as u64
}
