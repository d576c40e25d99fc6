//! Flat arrays of plain values, addressed by small numbers.

use std::ops::Range;

use rustc_hash::FxHashMap;

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
#[derive(Clone, Debug, Default)]
pub struct Table<T>(Vec<T>);

impl<T: Plain> Table<T> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The element with this number; the default where there is none.
    pub fn get(&self, number: u32) -> T {
        self.0.get(number as usize).copied().unwrap_or_default()
    }

    /// Replaces the element with this number, if there is one.
    pub fn set(&mut self, number: u32, value: T) {
        if let Some(place) = self.0.get_mut(number as usize) {
            *place = value;
        }
    }

    /// Adds an element; returns its number.
    pub fn push(&mut self, value: T) -> u32 {
        self.0.push(value);
        self.0.len() as u32 - 1
    }

    /// A run of elements.
    pub fn run(&self, span: Span) -> &[T] {
        self.0.get(span.range()).unwrap_or_default()
    }

    /// A run of elements, to be changed.
    pub fn run_mut(&mut self, span: Span) -> &mut [T] {
        self.0.get_mut(span.range()).unwrap_or_default()
    }

    /// Adds a run of elements.
    pub fn extend(&mut self, values: &[T]) -> Span {
        let start = self.0.len() as u32;
        self.0.extend_from_slice(values);
        Span {
            start,
            len: values.len() as u32,
        }
    }

    /// All elements.
    pub fn all(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for Table<T> {
    fn from(values: Vec<T>) -> Table<T> {
        Table(values)
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
