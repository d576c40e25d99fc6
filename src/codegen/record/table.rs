//! Flat arrays of plain values, addressed by small numbers.

use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::vfs::BytesCopy;

/// Values that are nothing but their bytes.
///
/// # Safety
/// Every pattern of bits is a value, there is no padding, and there are no references.
pub unsafe trait Plain: Copy + Default + 'static {}

// SAFETY: plain numbers.
unsafe impl Plain for u8 {}
// SAFETY: plain numbers.
unsafe impl Plain for u32 {}
// SAFETY: plain numbers.
unsafe impl Plain for u64 {}

/// A run of elements of another table.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Span {
    pub start: u32,
    pub len: u32,
}

// SAFETY: two numbers without padding.
unsafe impl Plain for Span {}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// A list of plain values. What is out of bounds is not there: a table that was read from disk may say anything.
///
/// A table that was read lies in a private copy of its file, of which only the pages that are changed take memory, and knows where it was changed since.
#[derive(Debug, Default)]
pub struct Table<T> {
    values: Values<T>,
    /// The blocks of [`BLOCK`] bytes in which something was written; none for a table that was not read.
    dirty: Option<Bits>,
}

/// How much is looked at as a whole when changes are looked for, in bytes.
pub(super) const BLOCK: usize = 4096;

impl<T: Plain> Table<T> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The element with this number; the default where there is none.
    pub fn get(&self, number: u32) -> T {
        self.values
            .get(number as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Replaces the element with this number, if there is one.
    pub fn set(&mut self, number: u32, value: T) {
        let at = number as usize;
        self.touch(at..at + 1);
        if let Some(place) = self.values.get_mut(at) {
            *place = value;
        }
    }

    /// Adds an element; returns its number.
    pub fn push(&mut self, value: T) -> u32 {
        self.extend(&[value]).start
    }

    /// A run of elements.
    pub fn run(&self, span: Span) -> &[T] {
        self.values.get(span.range()).unwrap_or_default()
    }

    /// A run of elements, to be changed.
    pub fn run_mut(&mut self, span: Span) -> &mut [T] {
        self.touch(span.range());
        self.values.get_mut(span.range()).unwrap_or_default()
    }

    /// Adds a run of elements.
    pub fn extend(&mut self, values: &[T]) -> Span {
        let start = self.len();
        self.values.extend(values);
        self.touch(start..start + values.len());
        Span {
            start: start as u32,
            len: values.len() as u32,
        }
    }

    /// All elements.
    pub fn all(&self) -> &[T] {
        &self.values
    }

    fn touch(&mut self, elements: Range<usize>) {
        let Some(dirty) = &mut self.dirty else { return };
        let size = size_of::<T>();
        // What is not there is not changed either.
        let end = elements.end.min(self.values.len());
        if elements.start < end {
            for block in elements.start * size / BLOCK..=(end * size - 1) / BLOCK {
                dirty.insert(block as u32);
            }
        }
    }

    /// Where the table was written to since it was read, in blocks of [`BLOCK`] bytes; none if it was not read.
    pub(super) fn dirty(&self) -> Option<&Bits> {
        self.dirty.as_ref()
    }

    /// A table that was read.
    pub(super) fn of_file(section: Section) -> Option<Table<T>> {
        Some(Table {
            values: section.values()?,
            dirty: Some(Bits::default()),
        })
    }

    /// Gives the table another length, and bytes of it other values.
    pub(super) fn edit<'a>(
        &mut self,
        len: usize,
        mut pieces: impl Iterator<Item = Option<(usize, &'a [u8])>>,
    ) -> Option<()> {
        let (size, old) = (size_of::<T>(), self.len());
        self.values.resize(len);
        self.touch(old.min(len)..len);
        pieces.try_for_each(|piece| {
            let (at, piece) = piece?;
            let end = at.checked_add(piece.len())?;
            let place = bytes_of_mut(&mut self.values).get_mut(at..end)?;
            place.copy_from_slice(piece);
            self.touch(at / size..end.div_ceil(size));
            Some(())
        })
    }
}

impl<T> From<Vec<T>> for Table<T> {
    fn from(values: Vec<T>) -> Table<T> {
        Table {
            values: Values::Owned(values),
            dirty: None,
        }
    }
}

/// A private copy of a file's bytes that several tables lie in, each in its own part.
#[derive(Debug)]
pub(super) struct FileCopy {
    bytes: BytesCopy,
}

impl FileCopy {
    /// What these bytes are the copy of.
    pub fn new(bytes: BytesCopy) -> FileCopy {
        FileCopy { bytes }
    }

    /// Cuts the copy into parts, which must not overlap: for each where it begins, the bytes that are used of it, and those that it has. None if one of them is not there.
    pub fn cut(mut self, parts: &[(usize, usize, usize)]) -> Option<Vec<Section>> {
        let mut end = 0;
        for &(at, used, capacity) in parts {
            if at < end || used > capacity {
                return None;
            }
            end = at.checked_add(capacity)?;
        }
        if end > self.bytes.len() {
            return None;
        }
        let start = self.bytes.as_mut_ptr();
        // From here on the bytes are reached by that pointer only.
        let owner = Arc::new(self);
        let section = |&(at, used, capacity): &(usize, usize, usize)| Section {
            // SAFETY: the part lies within the bytes.
            start: unsafe { NonNull::new_unchecked(start.add(at)) },
            used,
            capacity,
            owner: owner.clone(),
        };
        Some(parts.iter().map(section).collect())
    }
}

/// A part of a file's copy that nobody else looks at.
#[derive(Debug)]
pub(super) struct Section {
    start: NonNull<u8>,
    used: usize,
    capacity: usize,
    owner: Arc<FileCopy>,
}

impl Section {
    /// The bytes that are used.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the part lies within the bytes of the owner, and nobody else reaches it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.used) }
    }

    /// The values that the bytes are. None if bytes are left over.
    fn values<T: Plain>(self) -> Option<Values<T>> {
        let size = size_of::<T>();
        if !self.used.is_multiple_of(size) {
            return None;
        }
        let start = self.start.cast::<T>();
        if !start.is_aligned() {
            return Some(Values::Owned(from_bytes(self.bytes())));
        }
        Some(Values::InFile(InFile {
            start,
            len: self.used / size,
            capacity: self.capacity / size,
            _owner: self.owner,
        }))
    }
}

/// Plain values in a part of a file's copy.
#[derive(Debug)]
struct InFile<T> {
    start: NonNull<T>,
    len: usize,
    capacity: usize,
    /// Whose bytes these are.
    _owner: Arc<FileCopy>,
}

// SAFETY: the values are reached through this only, as if they were in a vector of its own.
unsafe impl<T: Send> Send for InFile<T> {}
// SAFETY: see above.
unsafe impl<T: Sync> Sync for InFile<T> {}

/// Plain values, in a vector or in the copy of a file.
#[derive(Debug)]
enum Values<T> {
    Owned(Vec<T>),
    InFile(InFile<T>),
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Values::Owned(Vec::new())
    }
}

impl<T> Deref for Values<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Values::Owned(values) => values,
            // SAFETY: so many values are there, and nobody else reaches them.
            Values::InFile(part) => unsafe {
                std::slice::from_raw_parts(part.start.as_ptr(), part.len)
            },
        }
    }
}

impl<T> DerefMut for Values<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Values::Owned(values) => values,
            // SAFETY: as above.
            Values::InFile(part) => unsafe {
                std::slice::from_raw_parts_mut(part.start.as_ptr(), part.len)
            },
        }
    }
}

impl<T: Plain> Values<T> {
    fn extend(&mut self, values: &[T]) {
        let old = self.len();
        self.resize(old + values.len());
        self[old..].copy_from_slice(values);
    }

    /// Makes the list so long; what is new is the default, or whatever will be replaced at once.
    fn resize(&mut self, len: usize) {
        match self {
            Values::Owned(values) => values.resize(len, T::default()),
            Values::InFile(part) if len <= part.capacity => {
                let old = std::mem::replace(&mut part.len, len);
                if let Some(new) = self.get_mut(old..) {
                    new.fill(T::default());
                }
            }
            Values::InFile(_) => {
                let mut values = Vec::with_capacity(len + len / 8);
                values.extend_from_slice(self);
                values.resize(len, T::default());
                *self = Values::Owned(values);
            }
        }
    }
}

/// The bytes of plain values.
pub(super) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values are nothing but their bytes, of which none is padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The same, to be changed.
pub(super) fn bytes_of_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: plain values are nothing but their bytes, and any bytes are values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// The plain values that these bytes are; bytes at the end that make no value are left out.
pub(super) fn from_bytes<T: Plain>(bytes: &[u8]) -> Vec<T> {
    let count = bytes.len() / size_of::<T>().max(1);
    let mut values = Vec::with_capacity(count);
    // SAFETY: there is room for so many values, the bytes are there, and any bytes are values.
    unsafe {
        let place: *mut T = values.as_mut_ptr();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast(), count * size_of::<T>());
        values.set_len(count);
    }
    values
}

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// The empty set with room for numbers below `len`.
    pub fn new(len: usize) -> Bits {
        Bits(vec![0; len.div_ceil(64)])
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64).copied().unwrap_or(0);
        word >> (number % 64) & 1 != 0
    }

    /// Adds a number; whether it is new.
    pub fn insert(&mut self, number: u32) -> bool {
        let at = number as usize / 64;
        if at >= self.0.len() {
            self.0.resize((at + 1).next_power_of_two(), 0);
        }
        let bit = 1 << (number % 64);
        let is_new = self.0[at] & bit == 0;
        self.0[at] |= bit;
        is_new
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The numbers in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}

/// Which small numbers belong to a small number: at least those that do now, perhaps some that did. What is asked for a few changes at a time does
/// not have to look at everything then.
#[derive(Debug, Default)]
pub struct Relation {
    /// By number, where its run of `list` begins; sorted.
    starts: Vec<u32>,
    list: Vec<u32>,
    /// What came later.
    more: FxHashMap<u32, Vec<u32>>,
}

impl Relation {
    /// A relation of pairs whose first numbers are below `len`, and whose second numbers ascend. The pairs are asked for twice.
    pub fn new<I: DoubleEndedIterator<Item = (u32, u32)>>(
        len: usize,
        pairs: impl Fn() -> I,
    ) -> Self {
        let mut starts = vec![0u32; len + 1];
        let place = |from: u32| (from as usize).min(len);
        for (from, _) in pairs() {
            starts[place(from)] += 1;
        }
        // From counts to where each run ends; filling in from the back turns ends into starts.
        let mut sum = 0;
        for count in &mut starts {
            sum += *count;
            *count = sum;
        }
        let mut list = vec![0; sum as usize];
        for (from, to) in pairs().rev() {
            let end = &mut starts[place(from)];
            *end -= 1;
            list[*end as usize] = to;
        }
        Relation {
            starts,
            list,
            more: FxHashMap::default(),
        }
    }

    fn first(&self, from: u32) -> &[u32] {
        let at = from as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&start), Some(&end)) => &self.list[start as usize..end as usize],
            _ => &[],
        }
    }

    /// Adds a pair that may be there already.
    pub fn add(&mut self, from: u32, to: u32) {
        if self.first(from).binary_search(&to).is_err() {
            let more = self.more.entry(from).or_default();
            if !more.contains(&to) {
                more.push(to);
            }
        }
    }

    /// What belongs to a number, with repetitions.
    pub fn of(&self, from: u32) -> impl Iterator<Item = u32> {
        let more = self.more.get(&from).into_iter().flatten();
        self.first(from).iter().chain(more).copied()
    }
}
