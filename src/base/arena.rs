//! Typed indices into growing vectors.
//!
//! Trees inside one query's value (a function's expressions, a file's items) are arenas: nodes refer to
//! each other by [`Idx`], four bytes long, and side tables are [`ArenaMap`]s. Equal construction gives equal
//! indices, so that values built from arenas compare by meaning.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hash::{StableHash, StableHasher};

/// The index of a `T` in an [`Arena<T>`].
pub struct Idx<T> {
    raw: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Idx<T> {
    /// The index with this number.
    pub const fn from_raw(raw: u32) -> Idx<T> {
        Idx {
            raw,
            of: PhantomData,
        }
    }

    /// The index's number, counted from zero.
    pub const fn raw(self) -> u32 {
        self.raw
    }

    /// The index's number, for indexing slices.
    pub const fn index(self) -> usize {
        self.raw as usize
    }
}

impl<T> Clone for Idx<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Idx<T> {}

impl<T> PartialEq for Idx<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T> Eq for Idx<T> {}

impl<T> PartialOrd for Idx<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Idx<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.raw.cmp(&other.raw)
    }
}

impl<T> Hash for Idx<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.raw);
    }
}

impl<T> fmt::Debug for Idx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = std::any::type_name::<T>();
        let short = full.rsplit("::").next().unwrap_or(full);
        write!(f, "{short}#{}", self.raw)
    }
}

impl<T> StableHash for Idx<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        hasher.write_u32(self.raw);
    }
}

impl<T> Serialize for Idx<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.raw)
    }
}

impl<'de, T> Deserialize<'de> for Idx<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = u32::deserialize(deserializer)?;
        INDEX_END.with(|end| end.set(end.get().max(u64::from(raw) + 1)));
        Ok(Idx::from_raw(raw))
    }
}

thread_local! {
    /// One more than the largest index that was read since somebody began to watch.
    static INDEX_END: Cell<u64> = const { Cell::new(0) };
}

/// Watches the indices that are read, of whatever arena, so that values whose indices all belong to one arena can be checked when they come from files that
/// anybody may have written. It takes no bytes: as the first field of a value it begins to watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexWatch;

impl IndexWatch {
    /// One more than the largest index that was read since; 0 for none.
    pub fn end(self) -> u64 {
        INDEX_END.with(Cell::get)
    }
}

impl<'de> Deserialize<'de> for IndexWatch {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        INDEX_END.with(|end| end.set(0));
        Ok(IndexWatch)
    }
}

/// Reads an arena in which every value refers only to those before it, which is how trees are built. Anything else could be a circle.
pub fn deserialize_tree<'de, D, T>(deserializer: D) -> Result<Arena<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Values<T>(PhantomData<fn() -> T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
        type Value = Arena<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of values that refer to earlier ones")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Arena<T>, A::Error> {
            let mut arena = Arena::new();
            let around = INDEX_END.with(|end| end.replace(0));
            let mut all = around;
            while let Some(value) = values.next_element()? {
                let end = INDEX_END.with(|end| end.replace(0));
                if end > arena.len() as u64 {
                    return Err(serde::de::Error::custom("a reference to a later value"));
                }
                all = all.max(end);
                arena.alloc(value);
            }
            INDEX_END.with(|end| end.set(all));
            Ok(arena)
        }
    }

    deserializer.deserialize_seq(Values(PhantomData))
}

/// A vector that is indexed by [`Idx<T>`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arena<T> {
    data: Vec<T>,
}

impl<T> Arena<T> {
    /// An empty arena.
    pub const fn new() -> Arena<T> {
        Arena { data: Vec::new() }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Appends a value.
    pub fn alloc(&mut self, value: T) -> Idx<T> {
        let idx = self.next_idx();
        self.data.push(value);
        idx
    }

    /// The index that the next [`Arena::alloc`] returns.
    pub fn next_idx(&self) -> Idx<T> {
        Idx::from_raw(self.data.len() as u32)
    }

    /// The value at `idx`, if it belongs to this arena.
    pub fn get(&self, idx: Idx<T>) -> Option<&T> {
        self.data.get(idx.index())
    }

    /// All values with their indices, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Idx<T>, &T)> + ExactSizeIterator {
        let indexed = |(i, value)| (Idx::from_raw(i as u32), value);
        self.data.iter().enumerate().map(indexed)
    }

    /// All values with their indices, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (Idx<T>, &mut T)> {
        let indexed = |(i, value)| (Idx::from_raw(i as u32), value);
        self.data.iter_mut().enumerate().map(indexed)
    }

    /// All values, in order.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.data.iter()
    }

    /// All indices, in order.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = Idx<T>> + use<T> {
        (0..self.data.len() as u32).map(Idx::from_raw)
    }

    /// Gives back spare capacity, for arenas that end up in a memo.
    pub fn shrink_to_fit(&mut self) {
        self.data.shrink_to_fit();
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Index<Idx<T>> for Arena<T> {
    type Output = T;

    fn index(&self, idx: Idx<T>) -> &T {
        &self.data[idx.index()]
    }
}

impl<T> IndexMut<Idx<T>> for Arena<T> {
    fn index_mut(&mut self, idx: Idx<T>) -> &mut T {
        &mut self.data[idx.index()]
    }
}

impl<T> FromIterator<T> for Arena<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Arena {
            data: values.into_iter().collect(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: StableHash> StableHash for Arena<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.data.stable_hash(hasher);
    }
}

/// A side table of an arena: a value for some of its indices. `ArenaMap<Idx<T>, V>`.
#[derive(Clone)]
pub struct ArenaMap<I, V> {
    data: Vec<Option<V>>,
    by: PhantomData<fn(I)>,
}

impl<T, V> ArenaMap<Idx<T>, V> {
    /// An empty table.
    pub const fn new() -> Self {
        ArenaMap {
            data: Vec::new(),
            by: PhantomData,
        }
    }

    /// An empty table with room for every index of an arena of `len` values.
    pub fn with_capacity(len: usize) -> Self {
        ArenaMap {
            data: Vec::with_capacity(len),
            by: PhantomData,
        }
    }

    /// Sets the value for `idx` and returns the one it had.
    pub fn insert(&mut self, idx: Idx<T>, value: V) -> Option<V> {
        if self.data.len() <= idx.index() {
            self.data.resize_with(idx.index() + 1, || None);
        }
        self.data[idx.index()].replace(value)
    }

    /// Takes the value of `idx` out.
    pub fn remove(&mut self, idx: Idx<T>) -> Option<V> {
        self.data.get_mut(idx.index())?.take()
    }

    /// The value for `idx`.
    pub fn get(&self, idx: Idx<T>) -> Option<&V> {
        self.data.get(idx.index())?.as_ref()
    }

    /// The value for `idx`, to be changed.
    pub fn get_mut(&mut self, idx: Idx<T>) -> Option<&mut V> {
        self.data.get_mut(idx.index())?.as_mut()
    }

    /// Whether `idx` has a value.
    pub fn contains(&self, idx: Idx<T>) -> bool {
        self.get(idx).is_some()
    }

    /// The value for `idx`, made by `default` when there is none.
    pub fn get_or_insert_with(&mut self, idx: Idx<T>, default: impl FnOnce() -> V) -> &mut V {
        if self.data.len() <= idx.index() {
            self.data.resize_with(idx.index() + 1, || None);
        }
        self.data[idx.index()].get_or_insert_with(default)
    }

    /// All entries in the order of their indices.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Idx<T>, &V)> {
        self.data
            .iter()
            .enumerate()
            .filter_map(|(i, value)| Some((Idx::from_raw(i as u32), value.as_ref()?)))
    }

    /// All values in the order of their indices.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.data.iter().flatten()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.data.iter().all(Option::is_none)
    }
}

impl<T, V> Default for ArenaMap<Idx<T>, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, V> Index<Idx<T>> for ArenaMap<Idx<T>, V> {
    type Output = V;

    fn index(&self, idx: Idx<T>) -> &V {
        match self.get(idx) {
            Some(value) => value,
            None => panic!("no entry for {idx:?}"),
        }
    }
}

impl<T, V: PartialEq> PartialEq for ArenaMap<Idx<T>, V> {
    fn eq(&self, other: &Self) -> bool {
        // Trailing holes are an accident of insertion order.
        self.iter().eq(other.iter())
    }
}

impl<T, V: Eq> Eq for ArenaMap<Idx<T>, V> {}

impl<T, V: fmt::Debug> fmt::Debug for ArenaMap<Idx<T>, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T, V: StableHash> StableHash for ArenaMap<Idx<T>, V> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        for entry in self.iter() {
            true.stable_hash(hasher);
            entry.stable_hash(hasher);
        }
        false.stable_hash(hasher);
    }
}

impl<T, V> FromIterator<(Idx<T>, V)> for ArenaMap<Idx<T>, V> {
    fn from_iter<I: IntoIterator<Item = (Idx<T>, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (idx, value) in entries {
            map.insert(idx, value);
        }
        map
    }
}
