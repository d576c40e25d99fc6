//! Declarations one by one, as records.
//!
//! Of a module that was compiled before, the standard library first of all, a program uses a small part. So each declaration is a record of its own, found
//! by the hash of its path, and what is kept about a file says only what stands at its top level. Whoever wants a whole [`ItemTree`]
//! gets it put together from these.

use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::compiled::{RecordMap, read_record, record_key};
use super::ids::DefId;
use super::library::ResultKind;
use super::tree::{Item, ItemKind, ItemTree};
use super::{file_def, owners, unit_of_file};
use crate::base::{Fingerprint, FxHashMap, FxHashSet, StableHash, StableHasher};
use crate::db::{CompilationUnit, Db, ModuleRecords, SourceFile};

/// Everything about a file's declarations that is not in one of them.
#[derive(Serialize, Deserialize)]
struct FileHead {
    top_level: Vec<DefId>,
    /// Declarations that no other leads to.
    others: Vec<DefId>,
}

/// The records of a file's module. None for files of the module that is compiled.
fn records_of(db: &dyn Db, file: SourceFile) -> Option<&dyn ModuleRecords> {
    records_of_module(db, unit_of_file(db, file)?)
}

/// The records of a module, if it was compiled before.
fn records_of_module(db: &dyn Db, unit: CompilationUnit) -> Option<&dyn ModuleRecords> {
    Some(&*unit.compiled(db)?.interface)
}

/// What the record at a key says.
fn read_at<T: for<'a> Deserialize<'a>>(
    db: &dyn Db,
    records: &dyn ModuleRecords,
    key: Fingerprint,
) -> Option<T> {
    read_record(records, records.record(key)?, |bytes| {
        codec::decode(db, bytes)
    })
}

fn read_item(db: &dyn Db, records: &dyn ModuleRecords, def: DefId) -> Option<Item> {
    read_at(db, records, module_key(db, ResultKind::Item, def))
}

/// The whole tree of a file; none if a part of it is not there.
fn read_tree(db: &dyn Db, records: &dyn ModuleRecords, file: DefId) -> Option<ItemTree> {
    let head: FileHead = read_at(db, records, module_key(db, ResultKind::ItemTree, file))?;
    let mut items = FxHashMap::default();
    let mut next = head.top_level.clone();
    next.extend(head.others);
    while let Some(def) = next.pop() {
        if let Entry::Vacant(place) = items.entry(def) {
            let item = read_item(db, records, def)?;
            next.extend(inner(&item));
            place.insert(item.into());
        }
    }
    Some(ItemTree {
        top_level: head.top_level,
        items,
        // Nobody runs the statements of a module that was compiled.
        top_level_code: None,
    })
}

/// A hash of a definition's path, which is the same in every process.
fn hash_path(db: &dyn Db, def: DefId, hasher: &mut StableHasher) {
    let mut at = Some(def);
    while let Some(def) = at {
        // There is no kind that cannot be written.
        let mut kind = [0; 8];
        let _ = postcard::to_slice(&def.kind(db), &mut kind);
        hasher.write(&kind);
        def.name(db).as_str().stable_hash(hasher);
        hasher.write_u32(def.index(db));
        at = def.parent(db);
    }
}

fn module_key(db: &dyn Db, kind: ResultKind, def: DefId) -> Fingerprint {
    let mut hasher = StableHasher::new();
    hash_path(db, def, &mut hasher);
    record_key(kind, &hasher.finish().0.to_le_bytes())
}

/// The declarations that an item leads to.
fn inner(item: &Item) -> Vec<DefId> {
    let mut inner = owners::members(item).to_vec();
    if let ItemKind::Var(var) = &item.kind {
        inner.extend(var.binding);
    }
    inner
}

/// A declaration of a file that is kept as records. None if it is not.
pub(super) fn kept_item(db: &dyn Db, file: SourceFile, def: DefId) -> Option<Option<Item>> {
    Some(read_item(db, records_of(db, file)?, def))
}

/// The item tree of a file that is kept as records.
pub(super) fn kept_tree(db: &dyn Db, file: SourceFile) -> Option<ItemTree> {
    let records = records_of(db, file)?;
    let found = read_tree(db, records, file_def(db, file)?);
    Some(found.unwrap_or_else(|| {
        records.note_damage();
        ItemTree::default()
    }))
}

/// Records the declarations of a file as `see` sees them.
pub(super) fn record_items(
    db: &dyn Db,
    file: DefId,
    tree: &ItemTree,
    see: impl Fn(&Item) -> Item,
    records: &mut RecordMap,
) {
    let mut put = |kind, def, value: Encoded| {
        records.insert(module_key(db, kind, def), value.bytes);
    };
    let mut reached: FxHashSet<DefId> = FxHashSet::default();
    let mut next = tree.top_level.clone();
    let mut others: Vec<DefId> = tree.items.keys().copied().collect();
    // Equal trees make equal bytes.
    others.sort_by_key(|def| (def.name(db).as_str(), def.index(db)));
    while let Some(def) = next.pop() {
        if let Some(item) = tree.items.get(&def).filter(|_| reached.insert(def)) {
            next.extend(inner(item));
        }
    }
    others.retain(|def| !reached.contains(def));
    for (&def, item) in &tree.items {
        if let Some(value) = codec::encode(db, &see(item)) {
            put(ResultKind::Item, def, value);
        }
    }
    let head = FileHead {
        top_level: tree.top_level.clone(),
        others,
    };
    if let Some(value) = codec::encode(db, &head) {
        put(ResultKind::ItemTree, file, value);
    }
}

/// What is kept of a module about something.
pub fn kept_about<T: for<'a> Deserialize<'a>>(
    db: &dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    about: &[u8],
) -> Option<T> {
    read_at(db, records_of_module(db, unit)?, record_key(kind, about))
}

/// Records what [`kept_about`] finds.
pub fn record_about_module<T: Serialize>(
    db: &dyn Db,
    kind: ResultKind,
    about: &[u8],
    value: &T,
    records: &mut RecordMap,
) {
    if let Some(value) = codec::encode(db, value) {
        records.insert(record_key(kind, about), value.bytes);
    }
}

/// An answer about a whole module, which follows from its files; `compute` finds it where it is not kept.
pub fn remembered_of_module<T: for<'a> Deserialize<'a>>(
    db: &dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    compute: impl FnOnce() -> T,
) -> T {
    kept_about(db, unit, kind, &[]).unwrap_or_else(compute)
}
