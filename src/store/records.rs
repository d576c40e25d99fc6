//! What a build knows about the files of its module, on disk.
//!
//! Records are kept in two packs beside each other. The base is large and seldom written; the edits, what has come since the base was
//! written, is small and written anew by each build that found out something. The edits name the base that they belong to, so that whatever
//! a killed process leaves is either both or the base alone. When the edits have grown to a quarter of the base, both become a new base, in
//! which only what the module still consists of is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::{Fingerprint, FxHashSet};
use crate::db::Results;
use crate::metadata::pack::{Table, encode};
use crate::vfs::{FileBytes, OutputKind, System};

/// Edits up to this size are never worth a new base.
const SMALL: usize = 64 << 10;
/// No module's records are larger than this; those of one that is are not kept.
const MAX: usize = 1 << 30;

/// The records of one module.
pub struct Records {
    place: PathBuf,
    base: Option<Pack>,
    edits: Option<Pack>,
    hits: AtomicUsize,
    fresh: Mutex<BTreeMap<Fingerprint, Vec<u8>>>,
}

/// A file of records.
struct Pack {
    bytes: FileBytes,
    table: Table,
}

impl Pack {
    fn new(bytes: FileBytes) -> Option<Pack> {
        let table = Table::read(&bytes)?;
        Some(Pack { bytes, table })
    }

    fn get(&self, key: Fingerprint) -> Option<&[u8]> {
        self.table.get(&self.bytes, key)
    }

    fn records(&self) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        self.table.records(&self.bytes)
    }

    /// The key that edits of this base have.
    fn id(&self) -> Fingerprint {
        Fingerprint(self.table.id(&self.bytes).into())
    }
}

/// The key of the record that says which base the edits belong to, and which build of the compiler wrote them.
fn header() -> Fingerprint {
    Fingerprint(0)
}

impl Records {
    /// The records at `place` that this build of the compiler wrote, if any are there and whole.
    pub fn open(system: &dyn System, place: &Path, build: Fingerprint) -> Records {
        let pack = |path: &Path| Pack::new(system.map(path).ok()?);
        let is_ours =
            |pack: &Pack, of: Fingerprint| pack.get(header()) == Some(&of.0.to_le_bytes());
        let base = pack(place).filter(|base| is_ours(base, build));
        let edits = base.as_ref().and_then(|base| {
            let of = build.combine(base.id());
            pack(&edits_of(place)).filter(|edits| is_ours(edits, of))
        });
        Records {
            place: place.to_owned(),
            base,
            edits,
            hits: AtomicUsize::new(0),
            fresh: Mutex::default(),
        }
    }

    /// Writes down what is new, of what is still wanted. Records that cannot be written only make the next build slower, so that nobody needs to know.
    /// Returns whether there is a new base.
    pub fn save(&self, system: &dyn System, build: Fingerprint, wanted: &[Fingerprint]) -> bool {
        let wanted: FxHashSet<Fingerprint> = wanted.iter().copied().collect();
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: BTreeMap<Fingerprint, &[u8]> = BTreeMap::new();
        if let Some(edits) = &self.edits {
            records.extend(edits.records().filter(|(key, _)| wanted.contains(key)));
        }
        let news = fresh.iter().filter(|(key, _)| wanted.contains(key));
        records.extend(news.map(|(&key, bytes)| (key, bytes.as_slice())));
        if fresh.is_empty() && self.base.is_some() {
            return false;
        }
        let size = |records: &BTreeMap<Fingerprint, &[u8]>| {
            records.values().map(|bytes| bytes.len()).sum::<usize>()
        };
        if let Some(base) = &self.base
            && size(&records) <= SMALL.max(base.bytes.len() / 4)
        {
            let of = build.combine(base.id()).0.to_le_bytes();
            records.insert(header(), &of);
            write(system, &edits_of(&self.place), &encode(&records));
            return false;
        }
        if let Some(base) = &self.base {
            for (key, bytes) in base.records().filter(|(key, _)| wanted.contains(key)) {
                records.entry(key).or_insert(bytes);
            }
        }
        if size(&records) <= MAX {
            let of = build.0.to_le_bytes();
            records.insert(header(), &of);
            write(system, &self.place, &encode(&records));
        }
        // Edits of another base are not read by anybody.
        let _ = system.remove(&edits_of(&self.place));
        true
    }
}

fn write(system: &dyn System, path: &Path, bytes: &[u8]) {
    if let Some(folder) = path.parent() {
        let _ = system.create_dir_all(folder);
    }
    let _ = system.write(path, bytes, OutputKind::Data);
}

/// Where the edits of the base at `place` lie.
fn edits_of(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".edits");
    PathBuf::from(name)
}

impl Results for Records {
    fn get(&self, key: Fingerprint) -> Option<&[u8]> {
        let edits = self.edits.as_ref().and_then(|edits| edits.get(key));
        let found = edits.or_else(|| self.base.as_ref()?.get(key))?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    fn put(&self, key: Fingerprint, bytes: Vec<u8>) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.insert(key, bytes);
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
