//! Process-wide interning of structured values.
//!
//! An [`Interner`] lives in a `static` and hands out [`Interned`] pointers: equal values get the same
//! pointer, so that deep values such as types compare and hash in one instruction. Values are never freed;
//! intern what a program has few distinct values of, and never what depends on positions in a text.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxBuildHasher;

use super::hash::{StableHash, StableHasher};

const SHARDS: usize = 16;

/// A table of the distinct values of `T` seen so far.
///
/// ```
/// use codira::base::{Interned, Interner};
/// static PATHS: Interner<Vec<u32>> = Interner::new();
/// let a: Interned<Vec<u32>> = PATHS.intern(vec![1, 2]);
/// assert_eq!(a, PATHS.intern(vec![1, 2]));
/// assert_eq!(a.len(), 2);
/// ```
pub struct Interner<T: 'static> {
    shards: [Mutex<HashMap<&'static T, (), FxBuildHasher>>; SHARDS],
}

/// A pointer to an interned value: `Copy`, equal and hashed by address.
///
/// Because the address differs from run to run, a map keyed by it must never be iterated where the order
/// can be seen; fingerprints go through [`StableHash`], which reads the value.
pub struct Interned<T: 'static>(&'static T);

impl<T: Eq + Hash + 'static> Interner<T> {
    /// An empty table, for a `static`.
    pub const fn new() -> Interner<T> {
        Interner {
            shards: [const { Mutex::new(HashMap::with_hasher(FxBuildHasher)) }; SHARDS],
        }
    }

    /// The one pointer for `value`.
    pub fn intern(&self, value: T) -> Interned<T> {
        let shard = (FxBuildHasher.hash_one(&value) >> 40) as usize % SHARDS;
        let mut table = self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((&found, ())) = table.get_key_value(&value) {
            return Interned(found);
        }
        let leaked: &'static T = Box::leak(Box::new(value));
        table.insert(leaked, ());
        Interned(leaked)
    }
}

impl<T: Eq + Hash + 'static> Default for Interner<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Interned<T> {
    /// The value, for the life of the process.
    pub fn get(self) -> &'static T {
        self.0
    }
}

impl<T> Clone for Interned<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Interned<T> {}

impl<T> PartialEq for Interned<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T> Eq for Interned<T> {}

impl<T> Hash for Interned<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(std::ptr::from_ref(self.0).addr());
    }
}

impl<T> Deref for Interned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Interned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Interned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: StableHash> StableHash for Interned<T> {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.0.stable_hash(hasher);
    }
}
