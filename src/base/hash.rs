//! Hashes that mean the same in every process, on every machine, with any number of threads.
//!
//! [`StableHash`] feeds a value's *meaning* to a [`StableHasher`]: the text of a name and not its id, the
//! entries of a hash map and not their order. It is a trait of its own, and not `std::hash::Hash`, so that
//! deriving `Hash` for a map key can never leak an address into a fingerprint. [`stable_hash_struct!`] and
//! [`stable_hash_enum!`] write implementations that stop compiling when a field is added and forgotten.
//!
//! [`stable_hash_struct!`]: crate::stable_hash_struct
//! [`stable_hash_enum!`]: crate::stable_hash_enum

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A 128-bit hash of a value's meaning. Equal fingerprints are taken to be equal values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of no information; what folding starts from.
    pub const ZERO: Fingerprint = Fingerprint(0);

    /// The fingerprint of a long run of bytes, such as a file's text. Collision resistant.
    pub fn of_bytes(bytes: &[u8]) -> Fingerprint {
        half_of(blake3::hash(bytes))
    }

    /// The fingerprint of the sequence `self`, `other`. Order matters.
    pub fn combine(self, other: Fingerprint) -> Fingerprint {
        let mut hasher = StableHasher::new();
        self.stable_hash(&mut hasher);
        other.stable_hash(&mut hasher);
        hasher.finish()
    }

    /// The fingerprint of the multiset {`self`, `other`}. Order does not matter; both sides should
    /// be fingerprints of whole values.
    pub fn combine_unordered(self, other: Fingerprint) -> Fingerprint {
        Fingerprint(self.0.wrapping_add(other.0))
    }

    /// Thirty-two hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Reads what [`Fingerprint::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Fingerprint> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Fingerprint)
    }
}

fn half_of(hash: blake3::Hash) -> Fingerprint {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    Fingerprint(u128::from_le_bytes(half))
}

/// What a file's content is hashed as: pieces of this many bytes, the last one shorter.
const PIECE: usize = 64 << 10;

/// From this many bytes on several threads are worth their trouble.
const LONG: usize = 1 << 20;

/// The content of a file, hashed piece by piece, so that a file of which little changes is hashed anew where it has changed.
///
/// Several threads work at long contents, so that queries must not do this in general: a thread that waits for the others takes up whatever there is to do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ContentHash {
    pieces: Vec<Fingerprint>,
}

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> ContentHash {
        let mut hash = ContentHash::default();
        hash.push(bytes);
        hash
    }

    /// The same without other threads, for queries.
    pub fn of_one_thread(bytes: &[u8]) -> ContentHash {
        let pieces = bytes.chunks(PIECE).map(Fingerprint::of_bytes);
        ContentHash {
            pieces: pieces.collect(),
        }
    }

    /// Goes on with the bytes that follow. Before the last time they have to be whole pieces: multiples of a mebibyte are.
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.len() < LONG {
            let pieces = bytes.chunks(PIECE);
            self.pieces.extend(pieces.map(Fingerprint::of_bytes));
        } else {
            let pieces = bytes.par_chunks(PIECE);
            self.pieces.par_extend(pieces.map(Fingerprint::of_bytes));
        }
    }

    /// Makes this the hash of bytes that differ in these ranges at most from those that it was the hash of, and are as many.
    pub fn change(&mut self, bytes: &[u8], changed: &[Range<usize>]) {
        let mut last = None;
        for range in changed.iter().filter(|range| !range.is_empty()) {
            for number in range.start / PIECE..=(range.end - 1) / PIECE {
                let piece = bytes.chunks(PIECE).nth(number);
                if let (Some(piece), Some(hash)) = (piece, self.pieces.get_mut(number))
                    && last != Some(number)
                {
                    *hash = Fingerprint::of_bytes(piece);
                    last = Some(number);
                }
            }
        }
    }

    /// The fingerprint of the whole content: for what is no longer than a piece that of its bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        match self.pieces.as_slice() {
            [] => Fingerprint::of_bytes(&[]),
            [whole] => *whole,
            pieces => {
                let words = pieces.iter().map(|piece| piece.0.to_le_bytes());
                Fingerprint::of_bytes(words.collect::<Vec<_>>().as_flattened())
            }
        }
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The fingerprint of one value.
pub fn fingerprint_of<T: StableHash + ?Sized>(value: &T) -> Fingerprint {
    let mut hasher = StableHasher::new();
    value.stable_hash(&mut hasher);
    hasher.finish()
}

/// A value whose meaning can be hashed.
pub trait StableHash {
    /// Feeds the value to `hasher`. Values of different meaning must feed different bytes, also when
    /// other values follow: variable-length values feed their length first.
    fn stable_hash(&self, hasher: &mut StableHasher);
}

/// SipHash-1-3 with a 128-bit result over little-endian words: fast on the short inputs that
/// fingerprints are made of, and the same everywhere.
#[derive(Clone)]
pub struct StableHasher {
    state: [u64; 4],
    tail: u64,
    tail_len: u32,
    length: u64,
}

impl StableHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> StableHasher {
        // The constants of SipHash with a zero key; the 0xee marks the 128-bit variant.
        StableHasher {
            state: [
                0x736f_6d65_7073_6575,
                0x646f_7261_6e64_6f6d ^ 0xee,
                0x6c79_6765_6e65_7261,
                0x7465_6462_7974_6573,
            ],
            tail: 0,
            tail_len: 0,
            length: 0,
        }
    }

    #[inline]
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.state;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.state[3] ^= word;
        self.round();
        self.state[0] ^= word;
    }

    /// Feeds the low `len` bytes (at most 8) of `value`.
    #[inline]
    fn short(&mut self, value: u64, len: u32) {
        self.length = self.length.wrapping_add(u64::from(len));
        self.tail |= value << (8 * self.tail_len);
        let filled = self.tail_len + len;
        if filled < 8 {
            self.tail_len = filled;
            return;
        }
        self.word(self.tail);
        // What did not fit; a shift by the whole width is no shift at all, hence the check.
        let used = 8 - self.tail_len;
        self.tail = if used == 8 { 0 } else { value >> (8 * used) };
        self.tail_len = filled - 8;
    }

    /// Feeds raw bytes, without their length.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.short(u64::from_le_bytes(word), 8);
        }
        for &byte in chunks.remainder() {
            self.short(u64::from(byte), 1);
        }
    }

    /// Feeds one byte.
    pub fn write_u8(&mut self, value: u8) {
        self.short(u64::from(value), 1);
    }

    /// Feeds four bytes, least significant first.
    pub fn write_u32(&mut self, value: u32) {
        self.short(u64::from(value), 4);
    }

    /// Feeds eight bytes, least significant first.
    #[inline]
    pub fn write_u64(&mut self, value: u64) {
        self.short(value, 8);
    }

    /// The fingerprint of everything fed so far.
    pub fn finish(mut self) -> Fingerprint {
        self.word(self.tail | (self.length << 56));
        self.state[2] ^= 0xee;
        for _ in 0..3 {
            self.round();
        }
        let low = self.state.iter().fold(0, |acc, word| acc ^ word);
        self.state[1] ^= 0xdd;
        for _ in 0..3 {
            self.round();
        }
        let high = self.state.iter().fold(0, |acc, word| acc ^ word);
        Fingerprint((u128::from(high) << 64) | u128::from(low))
    }
}

impl Default for StableHasher {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! integers {
    ($($ty:ty => $wide:ty, $len:expr;)*) => {
        $(impl StableHash for $ty {
            fn stable_hash(&self, hasher: &mut StableHasher) {
                hasher.short(u64::from(*self as $wide), $len);
            }
        })*
    };
}

integers! {
    u8 => u8, 1; u16 => u16, 2; u32 => u32, 4; u64 => u64, 8;
    i8 => u8, 1; i16 => u16, 2; i32 => u32, 4; i64 => u64, 8;
    usize => u64, 8; isize => u64, 8; bool => u8, 1; char => u32, 4;
}

impl StableHash for u128 {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        hasher.write_u64(*self as u64);
        hasher.write_u64((*self >> 64) as u64);
    }
}

impl StableHash for i128 {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        (*self as u128).stable_hash(hasher);
    }
}

impl StableHash for f64 {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        hasher.write_u64(self.to_bits());
    }
}

impl StableHash for Fingerprint {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.0.stable_hash(hasher);
    }
}

impl StableHash for str {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.len().stable_hash(hasher);
        hasher.write(self.as_bytes());
    }
}

impl StableHash for String {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.as_str().stable_hash(hasher);
    }
}

impl StableHash for () {
    fn stable_hash(&self, _: &mut StableHasher) {}
}

impl<T: StableHash> StableHash for [T] {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.len().stable_hash(hasher);
        for item in self {
            item.stable_hash(hasher);
        }
    }
}

impl<T: StableHash> StableHash for Vec<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.as_slice().stable_hash(hasher);
    }
}

impl<A: smallvec::Array<Item: StableHash>> StableHash for smallvec::SmallVec<A> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.as_slice().stable_hash(hasher);
    }
}

impl<T: StableHash> StableHash for Option<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.is_some().stable_hash(hasher);
        if let Some(value) = self {
            value.stable_hash(hasher);
        }
    }
}

impl<T: StableHash, E: StableHash> StableHash for Result<T, E> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.is_ok().stable_hash(hasher);
        match self {
            Ok(value) => value.stable_hash(hasher),
            Err(error) => error.stable_hash(hasher),
        }
    }
}

macro_rules! pointers {
    ($($ty:ty),*) => {
        $(impl<T: StableHash + ?Sized> StableHash for $ty {
            fn stable_hash(&self, hasher: &mut StableHasher) {
                (**self).stable_hash(hasher);
            }
        })*
    };
}

pointers!(&T, Box<T>, Arc<T>, std::rc::Rc<T>);

macro_rules! tuples {
    ($(($($name:ident)+))*) => {
        $(impl<$($name: StableHash),+> StableHash for ($($name,)+) {
            #[allow(non_snake_case, reason = "the type parameters double as variables")]
            fn stable_hash(&self, hasher: &mut StableHasher) {
                let ($($name,)+) = self;
                $($name.stable_hash(hasher);)+
            }
        })*
    };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) }

impl<K: StableHash, V: StableHash> StableHash for BTreeMap<K, V> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.len().stable_hash(hasher);
        for entry in self {
            entry.stable_hash(hasher);
        }
    }
}

impl<T: StableHash> StableHash for BTreeSet<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.len().stable_hash(hasher);
        for item in self {
            item.stable_hash(hasher);
        }
    }
}

impl<K: StableHash, V: StableHash, S> StableHash for indexmap::IndexMap<K, V, S> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.len().stable_hash(hasher);
        for entry in self {
            entry.stable_hash(hasher);
        }
    }
}

/// Hashes items whose order is an accident: each on its own, then all together without order.
fn stable_hash_unordered<T: StableHash>(
    items: impl ExactSizeIterator<Item = T>,
    hasher: &mut StableHasher,
) {
    items.len().stable_hash(hasher);
    let sum = items
        .map(|item| fingerprint_of(&item))
        .fold(Fingerprint::ZERO, Fingerprint::combine_unordered);
    sum.stable_hash(hasher);
}

impl<K: StableHash, V: StableHash, S> StableHash for HashMap<K, V, S> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        stable_hash_unordered(self.iter(), hasher);
    }
}

impl<T: StableHash, S> StableHash for HashSet<T, S> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        stable_hash_unordered(self.iter(), hasher);
    }
}

/// A number for a variant's name, so that reordering an enum changes no fingerprint. Used by
/// [`stable_hash_enum!`](crate::stable_hash_enum).
pub const fn variant_tag(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// Implements [`StableHash`] for a struct from the list of all its fields.
///
/// ```
/// use codira::stable_hash_struct;
/// struct Point { x: u32, y: u32 }
/// stable_hash_struct!(Point { x, y });
/// ```
#[macro_export]
macro_rules! stable_hash_struct {
    ($ty:ty { $($field:ident),* $(,)? }) => {
        impl $crate::base::StableHash for $ty {
            fn stable_hash(&self, hasher: &mut $crate::base::StableHasher) {
                let Self { $($field),* } = self;
                $($crate::base::StableHash::stable_hash($field, hasher);)*
                let _ = hasher;
            }
        }
    };
}

/// Implements [`StableHash`] for an enum from the list of all its variants.
///
/// ```
/// use codira::stable_hash_enum;
/// enum Shape { Empty, Circle(u32), Box { w: u32, h: u32 } }
/// stable_hash_enum!(Shape { Empty, Circle(r), Box { w, h } });
/// ```
#[macro_export]
macro_rules! stable_hash_enum {
    ($ty:ty { $($variant:ident $(($($item:ident),* $(,)?))? $({$($field:ident),* $(,)?})?),* $(,)? }) => {
        impl $crate::base::StableHash for $ty {
            fn stable_hash(&self, hasher: &mut $crate::base::StableHasher) {
                match self {
                    $(Self::$variant $(($($item),*))? $({$($field),*})? => {
                        const TAG: u64 = $crate::base::hash::variant_tag(stringify!($variant));
                        hasher.write_u64(TAG);
                        $($($crate::base::StableHash::stable_hash($item, hasher);)*)?
                        $($($crate::base::StableHash::stable_hash($field, hasher);)*)?
                    })*
                }
            }
        }
    };
}
