//! Declarations one by one, as records.
//!
//! Of the standard library, and of a module that was compiled before, a program uses a small part. So each declaration is a record of its own, found
//! by the hash of its path, and what is kept about a file says only what stands at its top level. Whoever wants a whole [`ItemTree`]
//! gets it put together from these.

use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::compiled::{RecordMap, read_record, record_key};
use super::ids::DefId;
use super::library::{ResultKind, library_fingerprint};
use super::tree::{Item, ItemKind, ItemTree};
use super::{file_def, lowered_tree, owners, unit_of_file};
use crate::base::{Fingerprint, FxHashMap, FxHashSet, StableHash, StableHasher};
use crate::db::{CompilationUnit, Db, ModuleRecords, Results, SourceFile};

/// Everything about a file's declarations that is not in one of them.
#[derive(Serialize, Deserialize)]
struct FileHead {
    top_level: Vec<DefId>,
    /// Declarations that no other leads to.
    others: Vec<DefId>,
}

/// Where the declarations of a file are kept.
enum Keeper<'db> {
    /// In the file of its module, which was compiled before.
    Module(&'db dyn ModuleRecords),
    /// With the results about the standard library in this state.
    Library(&'db dyn Results, Fingerprint),
}

impl<'db> Keeper<'db> {
    /// Who keeps the declarations of a file. None for files of the module that is compiled.
    fn of(db: &'db dyn Db, file: SourceFile) -> Option<Keeper<'db>> {
        if file.is_library(db) {
            return Some(Keeper::Library(db.results()?, library_fingerprint(db)?));
        }
        let module = unit_of_file(db, file)?.compiled(db)?;
        Some(Keeper::Module(&*module.interface))
    }

    /// Who keeps what is known of a whole module.
    fn of_module(db: &'db dyn Db, unit: CompilationUnit) -> Option<Keeper<'db>> {
        if unit.is_library(db) {
            return Some(Keeper::Library(db.results()?, library_fingerprint(db)?));
        }
        Some(Keeper::Module(&*unit.compiled(db)?.interface))
    }

    fn about(&self, kind: ResultKind, about: &[u8]) -> Option<&'db [u8]> {
        match *self {
            Keeper::Module(records) => records.record(record_key(kind, about)),
            Keeper::Library(results, state) => results.get(library_key_about(state, kind, about)),
        }
    }

    fn get(&self, db: &dyn Db, kind: ResultKind, def: DefId) -> Option<&'db [u8]> {
        match *self {
            Keeper::Module(records) => records.record(module_key(db, kind, def)),
            Keeper::Library(results, state) => results.get(library_key(db, state, kind, def)),
        }
    }

    /// What a record says. Without what is damaged a library is read from its text; a module has none.
    fn read<T: for<'a> Deserialize<'a>>(&self, db: &dyn Db, bytes: &[u8]) -> Option<T> {
        let read = |bytes: &[u8]| codec::decode(db, bytes);
        match *self {
            Keeper::Module(records) => read_record(records, bytes, read),
            Keeper::Library(..) => read(bytes),
        }
    }

    fn item(&self, db: &dyn Db, def: DefId) -> Option<Item> {
        self.read(db, self.get(db, ResultKind::Item, def)?)
    }

    /// The whole tree of a file; none if a part of it is not there.
    fn tree(&self, db: &dyn Db, file: DefId) -> Option<ItemTree> {
        let head = self.get(db, ResultKind::ItemTree, file)?;
        let head: FileHead = self.read(db, head)?;
        let mut items = FxHashMap::default();
        let mut next = head.top_level.clone();
        next.extend(head.others);
        while let Some(def) = next.pop() {
            if let Entry::Vacant(place) = items.entry(def) {
                let item = self.item(db, def)?;
                next.extend(inner(&item));
                place.insert(item.into());
            }
        }
        Some(ItemTree {
            top_level: head.top_level,
            items,
            // Libraries have no statements outside of declarations, and nobody runs those of a module that was compiled.
            top_level_code: None,
        })
    }
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

fn library_key(db: &dyn Db, state: Fingerprint, kind: ResultKind, def: DefId) -> Fingerprint {
    let mut hasher = StableHasher::new();
    state.stable_hash(&mut hasher);
    hasher.write_u8(kind as u8);
    hash_path(db, def, &mut hasher);
    hasher.finish()
}

fn library_key_about(state: Fingerprint, kind: ResultKind, about: &[u8]) -> Fingerprint {
    state.combine(record_key(kind, about))
}

/// The declarations that an item leads to.
fn inner(item: &Item) -> Vec<DefId> {
    let mut inner = owners::members(item).to_vec();
    if let ItemKind::Var(var) = &item.kind {
        inner.extend(var.binding);
    }
    inner
}

/// A declaration of a file that is kept as records. None if it is not, or if the whole tree has to answer.
pub(super) fn kept_item(db: &dyn Db, file: SourceFile, def: DefId) -> Option<Option<Item>> {
    let keeper = Keeper::of(db, file)?;
    let found = keeper.item(db, def);
    match keeper {
        Keeper::Module(_) => Some(found),
        // What earlier processes did not leave, the text still says.
        Keeper::Library(..) => found.map(Some),
    }
}

/// The item tree of a file that is kept as records. What is not there of the library is read from its text, and left to later processes.
pub(super) fn kept_tree(db: &dyn Db, file: SourceFile) -> Option<ItemTree> {
    let keeper = Keeper::of(db, file)?;
    let def = file_def(db, file)?;
    let found = keeper.tree(db, def);
    match keeper {
        Keeper::Module(records) => Some(found.unwrap_or_else(|| {
            records.note_damage();
            ItemTree::default()
        })),
        Keeper::Library(results, state) => Some(found.unwrap_or_else(|| {
            let tree = lowered_tree(db, file);
            each_record(db, def, tree, Item::clone, |kind, def, value| {
                results.put(library_key(db, state, kind, def), value.bytes);
            });
            tree.clone()
        })),
    }
}

/// Records the declarations of a file as `see` sees them.
pub(super) fn record_items(
    db: &dyn Db,
    file: DefId,
    tree: &ItemTree,
    see: impl Fn(&Item) -> Item,
    records: &mut RecordMap,
) {
    each_record(db, file, tree, see, |kind, def, value| {
        records.insert(module_key(db, kind, def), value.bytes);
    });
}

/// Gives every record of a file to `put`.
fn each_record(
    db: &dyn Db,
    file: DefId,
    tree: &ItemTree,
    see: impl Fn(&Item) -> Item,
    mut put: impl FnMut(ResultKind, DefId, Encoded),
) {
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

/// Whether what is known of a module is kept as records: of the standard library, where there is a store, and of modules that were compiled before.
pub fn keeps_module(db: &dyn Db, unit: CompilationUnit) -> bool {
    unit.compiled(db).is_some() || (db.results().is_some() && unit.is_library(db))
}

/// Whether the names of a module are kept one by one, so that nobody needs to read its files for them.
pub fn has_kept_names(db: &dyn Db, unit: CompilationUnit) -> bool {
    let keeper = Keeper::of_module(db, unit);
    keeper.is_some_and(|keeper| keeper.about(ResultKind::Index, &[]).is_some())
}

/// What is kept of a module about something.
pub fn kept_about<T: for<'a> Deserialize<'a>>(
    db: &dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    about: &[u8],
) -> Option<T> {
    let keeper = Keeper::of_module(db, unit)?;
    keeper.read(db, keeper.about(kind, about)?)
}

/// Leaves to later processes what was found out about the standard library. Other modules' files are complete.
pub fn leave_about<T: Serialize>(
    db: &dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    about: &[u8],
    value: &T,
) {
    if let Some(Keeper::Library(results, state)) = Keeper::of_module(db, unit)
        && let Some(value) = codec::encode(db, value)
    {
        results.put(library_key_about(state, kind, about), value.bytes);
    }
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
pub fn remembered_of_module<T: Serialize + for<'a> Deserialize<'a>>(
    db: &dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    compute: impl FnOnce() -> T,
) -> T {
    kept_about(db, unit, kind, &[]).unwrap_or_else(|| {
        let value = compute();
        leave_about(db, unit, kind, &[], &value);
        value
    })
}
