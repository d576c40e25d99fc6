//! What earlier processes found out about the standard library.
//!
//! The library is the same text in every compilation with the same options, so what follows from it alone (item trees, graphs of its functions, their code for
//! types of the library) is computed once on a machine and kept on disk: see [`Results`](crate::db::Results).

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::ids::DefId;
use super::tree::{Item, ItemTree};
use crate::base::{Fingerprint, Name, StableHash, StableHasher};
use crate::db::{Db, SourceFile, Workspace, line_index};

/// What a result is about; part of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ResultKind {
    /// The declarations of a file.
    ItemTree,
    /// The lines of a body's expressions.
    Lines,
    /// The graph of a function.
    Mir,
    /// The code or data of a key.
    Code,
    /// Whether a type conforms to a protocol.
    Conformance,
}

/// The fingerprint of the library's text and options. None if nothing is known about it from before.
#[salsa::tracked(returns(copy))]
fn library_fingerprint(db: &dyn Db) -> Option<Fingerprint> {
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
        Fingerprint::of_bytes(file.text(db).as_bytes()).stable_hash(&mut hasher);
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
struct StoredTree {
    top_level: Vec<DefId>,
    items: Vec<Item>,
}

/// The item tree of a file of the library; `lower` computes it if no process has before.
pub(super) fn stored_item_tree(
    db: &dyn Db,
    file: SourceFile,
    def: DefId,
    lower: impl FnOnce() -> ItemTree,
) -> ItemTree {
    let Some(results) = db.results() else {
        return lower();
    };
    let key = result_key(db, ResultKind::ItemTree, codec::encode(db, &def).as_ref());
    let Some(key) = key.filter(|_| file.is_library(db)) else {
        return lower();
    };
    if let Some(bytes) = results.get(key)
        && let Some(stored) = codec::decode::<StoredTree>(db, bytes)
    {
        let items = stored.items.into_iter();
        return ItemTree {
            top_level: stored.top_level,
            items: items.map(|item| (item.def, item.into())).collect(),
            top_level_code: None,
        };
    }
    let tree = lower();
    let stored = StoredTree {
        top_level: tree.top_level.clone(),
        items: tree.items.values().map(|item| (**item).clone()).collect(),
    };
    if tree.top_level_code.is_none()
        && let Some(encoded) = codec::encode(db, &stored)
    {
        results.put(key, encoded.bytes);
    }
    tree
}

/// The lines that a body's expressions begin on, by number. Only for bodies of the library: those of others change all the time.
#[salsa::tracked]
pub fn library_lines(db: &dyn Db, def: DefId) -> Vec<u32> {
    let compute = || {
        let Some(file) = super::file_of(db, def) else {
            return Vec::new();
        };
        let lines = line_index(db, file);
        let map = super::source_map::body_source_map(db, def);
        let starts = map.exprs.iter().map(|(_, point)| point.start());
        starts.map(|start| lines.line_col(start).line).collect()
    };
    let Some(results) = db.results() else {
        return compute();
    };
    let key = result_key(db, ResultKind::Lines, codec::encode(db, &def).as_ref());
    let Some(key) = key else {
        return compute();
    };
    if let Some(bytes) = results.get(key)
        && let Ok(lines) = postcard::from_bytes(bytes)
    {
        return lines;
    }
    let lines: Vec<u32> = compute();
    if let Ok(bytes) = postcard::to_allocvec(&lines) {
        results.put(key, bytes);
    }
    lines
}
