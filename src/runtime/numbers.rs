//! Numbers to text and back, and 128-bit arithmetic that processors lack.

use core::fmt::Write;

/// The largest text of a floating-point number.
const FLOAT_TEXT: usize = 32;

/// Writes an unsigned number and gives the text's length.
pub fn with_radix(mut value: u64, radix: u32, upper: bool, out: &mut [u8]) -> usize {
    let mut digits = [0_u8; 64];
    let mut start = digits.len();
    // The common radix has a constant divisor, which the optimiser turns into a multiplication.
    if radix == 10 {
        loop {
            start -= 1;
            digits[start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
    } else {
        loop {
            start -= 1;
            digits[start] = digit(value % u64::from(radix), upper);
            value /= u64::from(radix);
            if value == 0 {
                break;
            }
        }
    }
    let length = digits.len() - start;
    out[..length].copy_from_slice(&digits[start..]);
    length
}

fn digit(value: u64, upper: bool) -> u8 {
    let letter = if upper { b'A' } else { b'a' };
    if value < 10 {
        b'0' + value as u8
    } else {
        letter + (value - 10) as u8
    }
}

fn with_radix_128(mut value: u128, radix: u32, upper: bool, out: &mut [u8]) -> usize {
    if let Ok(small) = u64::try_from(value) {
        return with_radix(small, radix, upper, out);
    }
    let mut digits = [0_u8; 128];
    let mut start = digits.len();
    while value != 0 {
        start -= 1;
        digits[start] = digit((value % u128::from(radix)) as u64, upper);
        value /= u128::from(radix);
    }
    let length = digits.len() - start;
    out[..length].copy_from_slice(&digits[start..]);
    length
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_uint_to_text(
    value: u64,
    radix: u32,
    upper: u8,
    out: *mut u8,
) -> u64 {
    with_radix(
        value,
        radix,
        upper != 0,
        core::slice::from_raw_parts_mut(out, 64),
    ) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_int_to_text(
    value: i64,
    radix: u32,
    upper: u8,
    out: *mut u8,
) -> u64 {
    if value < 0 {
        *out = b'-';
        return 1 + codira_uint_to_text(value.unsigned_abs(), radix, upper, out.add(1));
    }
    codira_uint_to_text(value as u64, radix, upper, out)
}

fn wide(low: u64, high: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_uint128_to_text(
    low: u64,
    high: u64,
    radix: u32,
    upper: u8,
    out: *mut u8,
) -> u64 {
    with_radix_128(
        wide(low, high),
        radix,
        upper != 0,
        core::slice::from_raw_parts_mut(out, 128),
    ) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_int128_to_text(
    low: u64,
    high: u64,
    radix: u32,
    upper: u8,
    out: *mut u8,
) -> u64 {
    let value = wide(low, high) as i128;
    let size = value.unsigned_abs();
    let sign = usize::from(value < 0);
    if value < 0 {
        *out = b'-';
    }
    let out = core::slice::from_raw_parts_mut(out.add(sign), 128);
    (sign + with_radix_128(size, radix, upper != 0, out)) as u64
}

/// Text that is collected in a fixed buffer.
struct Fixed<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl Write for Fixed<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self
            .bytes
            .get_mut(self.length..self.length + text.len())
            .ok_or(core::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

impl Fixed<'_> {
    fn push(&mut self, text: &[u8]) {
        self.bytes[self.length..][..text.len()].copy_from_slice(text);
        self.length += text.len();
    }

    fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b"0");
        }
    }
}

/// Lays out a finite number in the language's format, from the shortest digits that read back as the same number.
/// `scientific` is the number as `core` prints it with an exponent; `exact_below` is where whole numbers stop being exact.
fn layout(scientific: &[u8], beyond_exact: bool, out: &mut Fixed<'_>) {
    let mut digits = [0_u8; 24];
    let mut count = 0;
    let mut exponent = 0_i32;
    let mut bytes = scientific.iter();
    for &byte in bytes.by_ref() {
        match byte {
            b'-' => out.push(b"-"),
            b'.' => {}
            b'e' => break,
            _ => {
                digits[count] = byte;
                count += 1;
            }
        }
    }
    let rest = bytes.as_slice();
    let negative = rest.first() == Some(&b'-');
    for &byte in rest {
        if byte != b'-' {
            exponent = exponent * 10 + i32::from(byte - b'0');
        }
    }
    if negative {
        exponent = -exponent;
    }
    let digits = &digits[..count];
    if exponent < -4 || beyond_exact {
        out.push(&digits[..1]);
        if count > 1 {
            out.push(b".");
            out.push(&digits[1..]);
        }
        out.push(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b"0");
        }
        let mut text = [0; 64];
        let length = with_radix(exponent.unsigned_abs().into(), 10, false, &mut text);
        out.push(&text[..length]);
    } else if exponent < 0 {
        out.push(b"0.");
        out.zeros((-exponent - 1) as usize);
        out.push(digits);
    } else {
        let whole = exponent as usize + 1;
        if count > whole {
            out.push(&digits[..whole]);
            out.push(b".");
            out.push(&digits[whole..]);
        } else {
            out.push(digits);
            out.zeros(whole - count);
            out.push(b".0");
        }
    }
}

/// `nan`, with what else the bits say: the sign, that it signals, a payload.
fn nan_text(negative: bool, quiet: bool, payload: u64, out: &mut Fixed<'_>) {
    if negative {
        out.push(b"-");
    }
    if !quiet {
        out.push(b"s");
    }
    out.push(b"nan");
    if payload != 0 {
        let mut text = [0; 64];
        let length = with_radix(payload, 16, false, &mut text);
        out.push(b"(0x");
        out.push(&text[..length]);
        out.push(b")");
    }
}

pub fn double_text(value: f64, bytes: &mut [u8]) -> usize {
    let mut out = Fixed { bytes, length: 0 };
    if value.is_nan() {
        let bits = value.to_bits();
        nan_text(
            value.is_sign_negative(),
            bits >> 51 & 1 != 0,
            bits & ((1 << 50) - 1),
            &mut out,
        );
    } else if value.is_infinite() {
        out.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else {
        let mut buffer = [0; FLOAT_TEXT];
        let mut scientific = Fixed {
            bytes: &mut buffer,
            length: 0,
        };
        // The longest such text has 24 bytes, so this cannot fail.
        let _ = write!(scientific, "{value:e}");
        let length = scientific.length;
        layout(
            &buffer[..length],
            value.abs() > 9_007_199_254_740_992.0,
            &mut out,
        );
    }
    out.length
}

pub fn float_text(value: f32, bytes: &mut [u8]) -> usize {
    let mut out = Fixed { bytes, length: 0 };
    if value.is_nan() {
        let bits = value.to_bits();
        nan_text(
            value.is_sign_negative(),
            bits >> 22 & 1 != 0,
            (bits & ((1 << 21) - 1)).into(),
            &mut out,
        );
    } else if value.is_infinite() {
        out.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else {
        let mut buffer = [0; FLOAT_TEXT];
        let mut scientific = Fixed {
            bytes: &mut buffer,
            length: 0,
        };
        let _ = write!(scientific, "{value:e}");
        let length = scientific.length;
        layout(&buffer[..length], value.abs() > 16_777_216.0, &mut out);
    }
    out.length
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_double_to_text(value: f64, out: *mut u8) -> u64 {
    double_text(value, core::slice::from_raw_parts_mut(out, FLOAT_TEXT)) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_float_to_text(value: f32, out: *mut u8) -> u64 {
    float_text(value, core::slice::from_raw_parts_mut(out, FLOAT_TEXT)) as u64
}

/// A binary floating-point format.
struct Format {
    /// Bits of the significand with the hidden one.
    precision: u32,
    /// The exponent of the least significant bit of subnormal numbers.
    least: i32,
    /// The exponent of the least significant bit of the largest numbers.
    largest: i32,
}

const DOUBLE: Format = Format {
    precision: 53,
    least: -1074,
    largest: 971,
};
const SINGLE: Format = Format {
    precision: 24,
    least: -149,
    largest: 104,
};

/// The bits of `significand * 2^exponent`, rounded to nearest, ties to even. `sticky` says that the significand lost non-zero bits at its end.
fn encode(significand: u64, exponent: i64, sticky: bool, format: &Format) -> u64 {
    if significand == 0 {
        return 0;
    }
    let zeros = significand.leading_zeros();
    let significand = significand << zeros;
    let exponent = exponent - i64::from(zeros);
    let shift = (64 - i64::from(format.precision)).max(i64::from(format.least) - exponent);
    if shift > 64 {
        return 0;
    }
    let kept = if shift == 64 { 0 } else { significand >> shift };
    let lost = if shift == 64 {
        significand
    } else {
        significand << (64 - shift)
    };
    let half = 1_u64 << 63;
    let up = lost > half || lost == half && (sticky || kept & 1 == 1);
    let rounded = kept + u64::from(up);
    let unit = exponent + shift;
    let hidden = 1_u64 << (format.precision - 1);
    // Adding the significand with its hidden bit to the exponent field makes carries come out right.
    let field = unit - i64::from(format.least);
    let infinity = (i64::from(format.largest) - i64::from(format.least) + 2) as u64 * hidden;
    if unit > i64::from(format.largest) {
        return infinity;
    }
    (field as u64 * hidden + rounded).min(infinity)
}

/// Parses what follows `0x`.
fn parse_hexadecimal(text: &[u8], format: &Format) -> Option<u64> {
    let mut significand = 0_u64;
    let mut exponent = 0_i64;
    let mut sticky = false;
    let mut any = false;
    let mut point = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'.' && !point {
            point = true;
        } else if let Some(value) = (byte as char).to_digit(16) {
            any = true;
            if significand >> 60 == 0 {
                significand = significand << 4 | u64::from(value);
                exponent -= if point { 4 } else { 0 };
            } else {
                sticky |= value != 0;
                exponent += if point { 0 } else { 4 };
            }
        } else {
            break;
        }
        at += 1;
    }
    if !any {
        return None;
    }
    if at < text.len() {
        if text[at] | 0x20 != b'p' {
            return None;
        }
        let digits = &text[at + 1..];
        let (negative, digits) = match digits.first() {
            Some(b'-') => (true, &digits[1..]),
            Some(b'+') => (false, &digits[1..]),
            _ => (false, digits),
        };
        if digits.is_empty() {
            return None;
        }
        let mut scale = 0_i64;
        for &byte in digits {
            if !byte.is_ascii_digit() {
                return None;
            }
            scale = (scale * 10 + i64::from(byte - b'0')).min(1 << 40);
        }
        exponent += if negative { -scale } else { scale };
    }
    Some(encode(significand, exponent, sticky, format))
}

/// The payload in `nan(…)`, or `None` when the text is not of that form.
fn parse_nan_payload(text: &[u8]) -> Option<u64> {
    let inner = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let (digits, radix) = match inner.strip_prefix(b"0x") {
        Some(digits) => (digits, 16),
        None => (inner, 10),
    };
    let mut payload = 0_u64;
    for &byte in digits {
        payload = payload
            .wrapping_mul(radix.into())
            .wrapping_add((byte as char).to_digit(radix)?.into());
    }
    Some(payload)
}

enum Parsed<'a> {
    /// The bits without the sign.
    Bits(u64),
    Decimal(&'a str),
}

/// Splits off the sign and recognises everything that `core` does not parse.
fn parse<'a>(text: &'a [u8], format: &Format) -> Option<(bool, Parsed<'a>)> {
    let (negative, rest) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    // A second sign must not reach `core`, which would take it.
    if matches!(rest.first()?, b'+' | b'-') {
        return None;
    }
    let hidden = 1_u64 << (format.precision - 1);
    let exponent_mask = (i64::from(format.largest) - i64::from(format.least) + 2) as u64 * hidden;
    if rest.len() > 2 && rest[0] == b'0' && rest[1] | 0x20 == b'x' {
        return Some((
            negative,
            Parsed::Bits(parse_hexadecimal(&rest[2..], format)?),
        ));
    }
    if rest.eq_ignore_ascii_case(b"snan") {
        return Some((negative, Parsed::Bits(exponent_mask | hidden >> 2)));
    }
    if rest.len() > 3 && rest[..3].eq_ignore_ascii_case(b"nan") {
        let payload = parse_nan_payload(&rest[3..])? & ((hidden >> 2) - 1);
        return Some((
            negative,
            Parsed::Bits(exponent_mask | hidden >> 1 | payload),
        ));
    }
    Some((negative, Parsed::Decimal(core::str::from_utf8(rest).ok()?)))
}

pub fn parse_double(text: &[u8]) -> Option<f64> {
    let (negative, parsed) = parse(text, &DOUBLE)?;
    let value = match parsed {
        Parsed::Bits(bits) => f64::from_bits(bits),
        Parsed::Decimal(text) => text.parse().ok()?,
    };
    Some(f64::from_bits(value.to_bits() | u64::from(negative) << 63))
}

pub fn parse_float(text: &[u8]) -> Option<f32> {
    let (negative, parsed) = parse(text, &SINGLE)?;
    let value = match parsed {
        Parsed::Bits(bits) => f32::from_bits(bits as u32),
        Parsed::Decimal(text) => text.parse().ok()?,
    };
    Some(f32::from_bits(value.to_bits() | u32::from(negative) << 31))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_double_from_text(
    text: *const u8,
    length: u64,
    out: *mut f64,
) -> u8 {
    let text = super::metadata::Text {
        start: text,
        length,
    }
    .bytes();
    parse_double(text)
        .map(|value| *out = value)
        .is_some()
        .into()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_float_from_text(text: *const u8, length: u64, out: *mut f32) -> u8 {
    let text = super::metadata::Text {
        start: text,
        length,
    }
    .bytes();
    parse_float(text).map(|value| *out = value).is_some().into()
}

macro_rules! wide_operations {
    ($($name:ident: $ty:ty, $operation:expr;)*) => {$(
        /// The divisor must not be zero; the code generator checks that.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(a_low: u64, a_high: u64, b_low: u64, b_high: u64, out: *mut [u64; 2]) {
            let operation: fn($ty, $ty) -> $ty = $operation;
            store(out, operation(wide(a_low, a_high) as $ty, wide(b_low, b_high) as $ty) as u128);
        }
    )*};
}

/// Two words, because callers promise no more than their alignment.
unsafe fn store(out: *mut [u64; 2], value: u128) {
    *out = [value as u64, (value >> 64) as u64];
}

wide_operations! {
    codira_sdiv128: i128, i128::wrapping_div;
    codira_srem128: i128, i128::wrapping_rem;
    codira_udiv128: u128, u128::wrapping_div;
    codira_urem128: u128, u128::wrapping_rem;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_smul128_overflow(
    a_low: u64,
    a_high: u64,
    b_low: u64,
    b_high: u64,
    out: *mut [u64; 2],
) -> u8 {
    let (value, overflow) =
        (wide(a_low, a_high) as i128).overflowing_mul(wide(b_low, b_high) as i128);
    store(out, value as u128);
    overflow.into()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_umul128_overflow(
    a_low: u64,
    a_high: u64,
    b_low: u64,
    b_high: u64,
    out: *mut [u64; 2],
) -> u8 {
    let (value, overflow) = wide(a_low, a_high).overflowing_mul(wide(b_low, b_high));
    store(out, value);
    overflow.into()
}

macro_rules! wide_conversions {
    ($($float:ty, $to_signed:ident, $to_unsigned:ident, $from_signed:ident, $from_unsigned:ident;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $to_signed(value: $float, out: *mut [u64; 2]) {
            store(out, value as i128 as u128);
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $to_unsigned(value: $float, out: *mut [u64; 2]) {
            store(out, value as u128);
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn $from_signed(low: u64, high: u64) -> $float {
            wide(low, high) as i128 as $float
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn $from_unsigned(low: u64, high: u64) -> $float {
            wide(low, high) as $float
        }
    )*};
}

wide_conversions! {
    f64, codira_double_to_int128, codira_double_to_uint128, codira_int128_to_double, codira_uint128_to_double;
    f32, codira_float_to_int128, codira_float_to_uint128, codira_int128_to_float, codira_uint128_to_float;
}
