//! Tour of `store`: results on disk for the next process.
//!
//! * [`manifest`]: what one build read and wrote, so that the next can find out that there is nothing to do.
//! * [`Store`]: the pack of this compiler in a cache folder, in the format of [`metadata::pack`](crate::metadata::pack): [`Results`] for the database.
//! * [`records`]: what a build knows about the files of its module.
//!
//! One pack belongs to one build of the compiler, so that neither a key nor a value has to say which version made it. A pack is mapped
//! into memory and never changed: new results are written to a new file together with the old ones, and renamed over it. So processes
//! that use one folder at the same time never see half of a pack; of two that finish at once the later wins, and what
//! the other found out is found out again one day. A folder keeps a few packs, and a pack has a greatest size.

pub mod manifest;
pub mod records;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::Fingerprint;
use crate::db::Results;

use crate::metadata::pack::{self, Pack};
use crate::session::BUILD_ID;
use crate::vfs::System;

/// The greatest size of a pack. One that would be larger begins anew.
const MAX_PACK: usize = 128 << 20;
/// How many packs stay in a folder when a new one comes.
const MAX_PACKS: usize = 8;
/// What the packs' names end with.
const ENDING: &str = "pack";

/// The results of this build of the compiler in a folder.
pub struct Store {
    path: PathBuf,
    pack: Option<Pack>,
    hits: AtomicUsize,
    fresh: Mutex<BTreeMap<Fingerprint, Vec<u8>>>,
    /// Held while the pack is written: several compilations of one process may end at once.
    saving: Mutex<()>,
}

impl Store {
    /// The store in `folder`, which need not exist yet.
    pub fn open(folder: &Path) -> Store {
        let name = format!("{}.{ENDING}", BUILD_ID.to_hex());
        let path = folder.join(name);
        Store {
            pack: Pack::open(&path),
            path,
            hits: AtomicUsize::new(0),
            fresh: Mutex::default(),
            saving: Mutex::default(),
        }
    }

    /// The folder, which need not exist yet.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Waits until no other process, or thread of this one, has the lock of this name in the folder. It is given back when the value goes. None if the folder
    /// cannot be written to.
    pub fn lock(&self, name: &str) -> Option<fs::File> {
        fs::create_dir_all(self.folder()).ok()?;
        let file = fs::File::create(self.folder().join(format!("{name}.lock"))).ok()?;
        // Where files cannot be locked, the same may be made twice, and nothing worse.
        let _ = file.lock();
        Some(file)
    }

    /// Writes down what is new. A store that cannot be written to only makes the next compilation slower, so that nobody needs to know.
    pub fn save(&self) {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = std::mem::take(&mut *self.fresh());
        if fresh.is_empty() {
            return;
        }
        // Another process may have written in the meantime; what it found is kept.
        let current = Pack::open(&self.path);
        let mut records: BTreeMap<Fingerprint, &[u8]> = BTreeMap::new();
        if let Some(pack) = current.as_ref() {
            records.extend(pack.records());
        }
        let size = |records: &BTreeMap<Fingerprint, &[u8]>| {
            records.values().map(|bytes| bytes.len()).sum::<usize>()
        };
        let added = fresh.values().map(Vec::len).sum::<usize>();
        if size(&records) + added > MAX_PACK {
            records.clear();
        }
        records.extend(fresh.iter().map(|(&key, bytes)| (key, bytes.as_slice())));
        let _ = self.write(&pack::encode(&records));
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        let Some(folder) = self.path.parent() else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        let is_new = !self.path.exists();
        let temporary = self
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        let written =
            fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        } else if is_new {
            remove_old_packs(folder);
        }
        written
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, BTreeMap<Fingerprint, Vec<u8>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Results for Store {
    fn get(&self, key: Fingerprint) -> Option<&[u8]> {
        let found = self.pack.as_ref()?.get(key)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    fn put(&self, key: Fingerprint, bytes: Vec<u8>) {
        self.fresh().insert(key, bytes);
    }
}

/// How much a folder of builds' records may hold.
pub const MAX_FOLDER: u64 = 2 << 30;

/// Removes what has not been written for longest from a folder of records until what stays is at most `limit` bytes long. Records of one module, which
/// share the first part of their names, go together.
pub fn collect(system: &dyn System, folder: &Path, limit: u64) {
    let mut modules: BTreeMap<String, (i128, u64, Vec<PathBuf>)> = BTreeMap::new();
    for path in system.list_dir(folder).unwrap_or_default() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(at) = name.find(".codedeps") else {
            continue;
        };
        let Ok(data) = system.metadata(&path) else {
            continue;
        };
        let entry = modules.entry(name[..at].to_owned()).or_default();
        entry.0 = entry.0.max(data.modified);
        entry.1 += data.len;
        entry.2.push(path);
    }
    let mut total: u64 = modules.values().map(|module| module.1).sum();
    let mut oldest: Vec<_> = modules.into_values().collect();
    oldest.sort();
    // The youngest is what has just been written.
    oldest.pop();
    for (_, size, paths) in oldest {
        if total <= limit {
            return;
        }
        for path in paths {
            let _ = system.remove(&path);
        }
        total -= size;
    }
}

/// Removes the packs of other builds except for the youngest, and what dead processes left.
fn remove_old_packs(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut packs: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else {
            continue;
        };
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let age = modified.elapsed().unwrap_or_default();
        match ending {
            Some(ENDING) => packs.push((modified, path)),
            Some("tmp") if age.as_secs() > 3600 => drop(fs::remove_file(path)),
            _ => {}
        }
    }
    packs.sort();
    let surplus = packs.len().saturating_sub(MAX_PACKS);
    for (_, path) in packs.into_iter().take(surplus) {
        let _ = fs::remove_file(path);
    }
}
