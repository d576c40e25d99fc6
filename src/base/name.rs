//! Interned identifiers.
//!
//! A [`Name`] is a `u32` that stands for a text. Interning is process-wide, so that names compare by one
//! instruction everywhere, also between databases; the table only grows, which is what makes
//! [`Name::as_str`] free of locks. Ids depend on the order of interning and therefore on threads: they may
//! be compared and hashed in memory, and never reach a file or a fingerprint.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustc_hash::{FxBuildHasher, FxHasher};

use super::codec;
use super::hash::{StableHash, StableHasher};

/// The shards of the table, a power of two; each has its own lock.
const SHARDS: usize = 16;
/// Entries in a shard's first page; every later page is twice as long as the one before.
const FIRST_PAGE: usize = 1024;
/// Enough pages for every id that fits beside the shard number in 32 bits.
const PAGES: usize = 19;
/// Texts are copied into leaked blocks of this size, so that a name costs no allocation of its own.
const BLOCK: usize = 32 * 1024;

/// An identifier's text, interned for the life of the process. `Copy`, one word, compared by id;
/// ordered by text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name(u32);

type Page = Box<[OnceLock<&'static str>]>;

struct Shard {
    table: Mutex<Table>,
    pages: [OnceLock<Page>; PAGES],
}

struct Table {
    ids: std::collections::HashMap<&'static str, u32, FxBuildHasher>,
    block: &'static mut [u8],
}

static INTERNER: [Shard; SHARDS] = [const { Shard::new() }; SHARDS];

impl Shard {
    const fn new() -> Shard {
        Shard {
            table: Mutex::new(Table {
                ids: std::collections::HashMap::with_hasher(FxBuildHasher),
                block: &mut [],
            }),
            pages: [const { OnceLock::new() }; PAGES],
        }
    }

    fn intern(&self, text: &str) -> u32 {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = table.ids.get(text) {
            return id;
        }
        let id = table.ids.len() as u32;
        let stored = table.store(text);
        let (page, slot) = page_and_slot(id as usize);
        let entries = self.pages[page].get_or_init(|| {
            std::iter::repeat_with(OnceLock::new)
                .take(FIRST_PAGE << page)
                .collect()
        });
        // The slot is fresh, because ids are handed out under the lock.
        let _ = entries[slot].set(stored);
        table.ids.insert(stored, id);
        id
    }

    fn text(&self, id: u32) -> &'static str {
        let (page, slot) = page_and_slot(id as usize);
        let text = self.pages[page].get().and_then(|page| page[slot].get());
        text.copied().unwrap_or_default()
    }
}

impl Table {
    /// Copies `text` into storage that lives as long as the process.
    fn store(&mut self, text: &str) -> &'static str {
        if text.len() > BLOCK / 8 {
            return Box::leak(text.to_owned().into_boxed_str());
        }
        if self.block.len() < text.len() {
            self.block = Box::leak(vec![0; BLOCK].into_boxed_slice());
        }
        let (head, rest) = std::mem::take(&mut self.block).split_at_mut(text.len());
        self.block = rest;
        head.copy_from_slice(text.as_bytes());
        std::str::from_utf8(head).unwrap_or_default()
    }
}

/// Where entry `index` of a shard lives: page `p` starts at `FIRST_PAGE * (2^p - 1)`.
fn page_and_slot(index: usize) -> (usize, usize) {
    let page = (index / FIRST_PAGE + 1).ilog2() as usize;
    (page, index - FIRST_PAGE * ((1 << page) - 1))
}

impl Name {
    /// Interns `text`.
    pub fn new(text: &str) -> Name {
        let mut hasher = FxHasher::default();
        text.hash(&mut hasher);
        let shard = (hasher.finish() >> 40) as usize % SHARDS;
        Name(INTERNER[shard].intern(text) * SHARDS as u32 + shard as u32)
    }

    /// The text. Takes no lock.
    pub fn as_str(self) -> &'static str {
        INTERNER[self.0 as usize % SHARDS].text(self.0 / SHARDS as u32)
    }

    /// Whether the text is empty, which stands for a name that is missing in erroneous source.
    pub fn is_empty(self) -> bool {
        self.as_str().is_empty()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name::new(text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl StableHash for Name {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        self.as_str().stable_hash(hasher);
    }
}

thread_local! {
    /// The names of the value that this thread writes or reads.
    pub static NAMES: codec::Table<Name> = codec::Table::default();
}

crate::serialize_as_number!(Name, NAMES);
