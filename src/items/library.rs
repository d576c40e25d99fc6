//! Where what earlier processes found out is kept: by kinds, and by what it is about.
//!
//! The standard library is the same in every compilation with the same options, so code that follows from it alone (its functions for types of the library) is made
//! once on a machine and kept on disk: see [`Results`](crate::db::Results).

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::compiled::{RecordMap, compiled_unit_of, read_record, record_key};
use super::ids::DefId;
use super::records::{place, remembered, tree_key};
use super::tree::{BodySyntax, Item, ItemTree};
use crate::base::{Fingerprint, FxHashSet, Name, StableHash, StableHasher};
use crate::db::{CompilationUnit, Db, Results, SourceFile, Workspace, line_index};
use crate::library::CODIRA_SOURCES;

/// What a result is about; part of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ResultKind {
    /// The declarations of a file, or what stands at its top level.
    ItemTree,
    /// The lines of a body's expressions.
    Lines,
    /// The graph of a function.
    Mir,
    /// The code or data of a key.
    Code,
    /// Whether a type conforms to a protocol.
    Conformance,
    /// The names at the top level of a file.
    Scope,
    /// The operators that a file declares.
    Operators,
    /// The names that classes of a file override.
    Overriding,
    /// The property wrappers of a file.
    Wrappers,
    /// The names of all declarations of a file.
    Names,
    /// What a compiled module says of itself.
    Module,
    /// What importers see of a body before it is checked.
    BodyFacts,
    /// What checking a body found out that importers need.
    Checked,
    /// One declaration.
    Item,
    /// What a module declares by a name.
    Named,
    /// What is known of a module's names without looking at any.
    Index,
    /// The extensions of a module that name their type by an alias.
    AliasExtensions,
}

impl ResultKind {
    /// What is kept about each file beside its item tree.
    pub(super) const OF_FILES: [ResultKind; 4] = [
        ResultKind::Scope,
        ResultKind::Operators,
        ResultKind::Overriding,
        ResultKind::Wrappers,
    ];
}

/// The fingerprint of the library's text and options. None if nothing is known about it from before.
#[salsa::tracked(returns(copy))]
pub(super) fn library_fingerprint(db: &dyn Db) -> Option<Fingerprint> {
    db.results()?;
    let library = Workspace::try_get(db)?
        .units(db)
        .iter()
        .copied()
        .find(|unit| unit.is_library(db))?;
    let mut hasher = StableHasher::new();
    library.options(db).stable_hash(&mut hasher);
    for &file in library.files(db) {
        file.path(db).stable_hash(&mut hasher);
        // The store belongs to this build of the compiler, and so does the text in it.
        let (path, text) = (file.path(db), file.text(db));
        let is_own = |own: &(&str, &str)| own.0 == path && std::ptr::eq(own.1, text);
        match CODIRA_SOURCES.iter().any(is_own) {
            true => hasher.write_u8(0),
            false => Fingerprint::of_bytes(text.as_bytes()).stable_hash(&mut hasher),
        }
    }
    Some(hasher.finish())
}

/// Whether something of this module is the standard library's.
pub fn is_library_module(name: Name) -> bool {
    name == "Codira" || name == "Builtin"
}

/// Where a result about the library is kept: what it is about, and which part of the library. None if `about` mentions another module too, or nothing is kept.
pub fn result_key(db: &dyn Db, kind: ResultKind, about: Option<&Encoded>) -> Option<Fingerprint> {
    let about = about?;
    if !about.modules.iter().all(|&name| is_library_module(name)) {
        return None;
    }
    let mut hasher = StableHasher::new();
    library_fingerprint(db)?.stable_hash(&mut hasher);
    hasher.write_u8(kind as u8);
    hasher.write(&about.bytes);
    Some(hasher.finish())
}

/// An item tree without what reading it gives again.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTree {
    pub(super) top_level: Vec<DefId>,
    pub(super) items: Vec<Item>,
    pub(super) top_level_code: Option<BodySyntax>,
}

impl From<StoredTree> for ItemTree {
    fn from(stored: StoredTree) -> ItemTree {
        let items = stored.items.into_iter();
        ItemTree {
            top_level: stored.top_level,
            items: items.map(|item| (item.def, item.into())).collect(),
            top_level_code: stored.top_level_code,
        }
    }
}

/// The names of everything that a module declares outside of bodies.
pub fn declared_names(db: &dyn Db, unit: CompilationUnit) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    for &file in unit.files(db) {
        let find = || file_names(db, file);
        names.extend(remembered(db, file, ResultKind::Names, find));
    }
    names
}

/// The names of everything that a file declares outside of bodies, sorted.
pub(super) fn file_names(db: &dyn Db, file: SourceFile) -> Vec<Name> {
    let items = super::item_tree(db, file).items.values();
    let mut names: Vec<Name> = items.map(|item| item.name).collect();
    names.sort_by_key(|name| name.as_str());
    names.dedup();
    names
}

/// The item tree of a file; `lower` computes it if no process has before.
pub(super) fn stored_item_tree(
    db: &dyn Db,
    file: SourceFile,
    lower: impl FnOnce() -> ItemTree,
) -> ItemTree {
    let Some((keeper, key)) = db.records().zip(tree_key(db, file)) else {
        return lower();
    };
    if let Some(tree) = kept_tree(db, keeper, key) {
        return tree;
    }
    let tree = lower();
    let items = tree.items.values().map(|item| (**item).clone());
    let mut items: Vec<Item> = items.collect();
    // In the order of the text, nearly: files of records should not differ from one time to the next.
    let order = |item: &Item| (item.def.name(db).as_str(), item.def.index(db));
    items.sort_by(|a, b| order(a).cmp(&order(b)));
    let stored = StoredTree {
        top_level: tree.top_level.clone(),
        items,
        top_level_code: tree.top_level_code.clone(),
    };
    if let Some(encoded) = codec::encode(db, &stored) {
        keeper.put(place(key, ResultKind::ItemTree), encoded.bytes);
    }
    tree
}

/// The item tree that is kept for a key of [`tree_key`].
pub fn kept_tree(db: &dyn Db, keeper: &dyn Results, key: Fingerprint) -> Option<ItemTree> {
    let bytes = keeper.get(place(key, ResultKind::ItemTree))?;
    codec::decode::<StoredTree>(db, bytes).map(ItemTree::from)
}

/// The lines that a body's expressions begin on, by number. Only for bodies of the library: those of others change all the time.
#[salsa::tracked]
pub fn library_lines(db: &dyn Db, def: DefId) -> Vec<u32> {
    if let Some(unit) = compiled_unit_of(db, def) {
        let lines = || {
            let code = &*unit.compiled(db)?.code;
            let about = codec::encode(db, &def)?;
            let bytes = code.record(record_key(ResultKind::Lines, &about.bytes))?;
            read_record(code, bytes, |bytes| postcard::from_bytes(bytes).ok())
        };
        return lines().unwrap_or_default();
    }
    lines_of_body(db, def)
}

/// Records the lines that [`library_lines`] finds.
pub fn record_lines(db: &dyn Db, def: DefId, records: &mut RecordMap) {
    if let Some(about) = codec::encode(db, &def)
        && let Ok(lines) = postcard::to_allocvec(&lines_of_body(db, def))
    {
        records.insert(record_key(ResultKind::Lines, &about.bytes), lines);
    }
}

/// The lines that a body's expressions begin on, by number.
pub fn lines_of_body(db: &dyn Db, def: DefId) -> Vec<u32> {
    let Some(file) = super::file_of(db, def) else {
        return Vec::new();
    };
    let lines = line_index(db, file);
    let map = super::source_map::body_source_map(db, def);
    let starts = map.exprs.iter().map(|(_, point)| point.start());
    starts.map(|start| lines.line_col(start).line).collect()
}
