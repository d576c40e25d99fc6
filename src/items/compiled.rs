//! Declarations of modules that were compiled before, as records of a module's file.
//!
//! A record's key is the hash of what it is about: a kind, and a definition or another value with definitions in it. A module whose
//! [`CompilationUnit::compiled`] is set has files without text; what queries would read from the text, they read from records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::hir::{Body, Expr, Magic, Stmt};
use super::ids::{DefId, DefKind};
use super::lazy::{record_about_module, record_items};
use super::library::{ResultKind, StoredTree, file_names};
use super::outline::visible;
use super::overrides::{module_overriding, overriding_names};
use super::wrappers::{file_wrappers, module_wrappers};
use super::{
    ItemTree, body, file_def, file_operators, item_tree, local_body_owners, module_of,
    operators_of_files, unit_of_module,
};
use crate::base::{Fingerprint, FxHashSet, Name, StableHasher};
use crate::db::{CompilationUnit, Db, ModuleRecords, SourceFile};

/// The records of a module's file while they are made.
pub type RecordMap = BTreeMap<Fingerprint, Vec<u8>>;

/// What a reader of a module's file needs before there is a database.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ModuleSummary {
    /// The module's name.
    pub name: String,
    /// The paths of its files, in order.
    pub files: Vec<String>,
    /// The modules that it imports, without the standard library.
    pub imports: Vec<String>,
}

/// The key of a record.
pub fn record_key(kind: ResultKind, about: &[u8]) -> Fingerprint {
    let mut hasher = StableHasher::new();
    hasher.write_u8(kind as u8);
    hasher.write(about);
    hasher.finish()
}

/// The key of the [`ModuleSummary`].
pub fn summary_key() -> Fingerprint {
    record_key(ResultKind::Module, &[])
}

/// The module that a definition belongs to, if it was compiled before.
pub fn compiled_unit_of(db: &dyn Db, def: DefId) -> Option<CompilationUnit> {
    unit_of_module(db, module_of(db, def)).filter(|unit| unit.compiled(db).is_some())
}

/// The same for a module that left code beside its file, which the standard library does not: it has graphs of everything.
pub fn coded_unit_of(db: &dyn Db, def: DefId) -> Option<CompilationUnit> {
    compiled_unit_of(db, def).filter(|unit| !unit.is_library(db))
}

/// What a record about a definition of a compiled module says. None if there is no record, or if `read` cannot make anything of it, which the
/// module's file then remembers.
pub fn read_about<'db, T>(
    db: &'db dyn Db,
    unit: CompilationUnit,
    kind: ResultKind,
    about: Option<&Encoded>,
    read: impl FnOnce(&'db [u8]) -> Option<T>,
) -> Option<T> {
    let key = record_key(kind, &about?.bytes);
    let records = &*unit.compiled(db)?.interface;
    read_record(records, records.record(key)?, read)
}

/// What `read` makes of a record; the file remembers where that is nothing.
pub fn read_record<'db, T>(
    records: &dyn ModuleRecords,
    bytes: &'db [u8],
    read: impl FnOnce(&'db [u8]) -> Option<T>,
) -> Option<T> {
    let value = read(bytes);
    if value.is_none() {
        records.note_damage();
    }
    value
}

/// Adds a record.
pub fn add_record(
    records: &mut RecordMap,
    kind: ResultKind,
    about: Option<Encoded>,
    value: Option<Encoded>,
) {
    if let (Some(about), Some(value)) = (about, value) {
        records.insert(record_key(kind, &about.bytes), value.bytes);
    }
}

/// An answer about a file of a compiled module.
pub(super) fn file_record<T: for<'a> Deserialize<'a>>(
    db: &dyn Db,
    unit: CompilationUnit,
    file: SourceFile,
    kind: ResultKind,
) -> Option<T> {
    let about = codec::encode(db, &file_def(db, file)?);
    read_about(db, unit, kind, about.as_ref(), |bytes| {
        codec::decode(db, bytes)
    })
}

/// Records an answer about a file, which [`super::records::remembered`] finds.
pub fn add_file_record<T: Serialize>(
    db: &dyn Db,
    file: SourceFile,
    kind: ResultKind,
    value: &T,
    records: &mut RecordMap,
) {
    let about = file_def(db, file).and_then(|def| codec::encode(db, &def));
    add_record(records, kind, about, codec::encode(db, value));
}

/// What those see of a body who do not compile it.
#[derive(Default, Serialize, Deserialize)]
struct BodyFacts {
    /// The default value is `#line` or the like, which speaks of the caller.
    magic: Option<Magic>,
    /// The declarations inside, which types may mention.
    local: Option<StoredTree>,
}

/// A body of a compiled module: what callers can see of it.
pub(super) fn compiled_body(db: &dyn Db, unit: CompilationUnit, def: DefId) -> Body {
    let about = codec::encode(db, &def);
    let facts: Option<BodyFacts> =
        read_about(db, unit, ResultKind::BodyFacts, about.as_ref(), |bytes| {
            codec::decode(db, bytes)
        });
    let facts = facts.unwrap_or_default();
    let mut body = Body::default();
    if let Some(magic) = facts.magic {
        let expr = body.exprs.alloc(Expr::Magic(magic));
        let stmt = body.stmts.alloc(Stmt::Expr(expr));
        body.root.stmts.push(stmt);
    }
    if let Some(local) = facts.local {
        body.items = local.into();
    }
    body
}

/// The whole default value, where it is one word that speaks of the caller.
fn magic_of(body: &Body) -> Option<Magic> {
    let [only] = *body.root.stmts else {
        return None;
    };
    match body.stmts[only] {
        Stmt::Expr(e) => match body.exprs[e] {
            Expr::Magic(magic) => Some(magic),
            _ => None,
        },
        _ => None,
    }
}

/// Records what a file declares.
pub fn record_file(db: &dyn Db, file: SourceFile, records: &mut RecordMap) {
    let Some(def) = file_def(db, file) else {
        return;
    };
    record_items(db, def, item_tree(db, file), visible, records);
    let mut overriding: Vec<Name> = overriding_names(db, file).iter().copied().collect();
    overriding.sort();
    add_file_record(db, file, ResultKind::Overriding, &overriding, records);
    add_file_record(db, file, ResultKind::Names, &file_names(db, file), records);
    let wrappers = file_wrappers(db, file);
    add_file_record(db, file, ResultKind::Wrappers, wrappers, records);
    let operators = file_operators(db, file);
    add_file_record(db, file, ResultKind::Operators, operators, records);
}

/// Records what follows from a module's files together.
pub fn record_module(db: &dyn Db, unit: CompilationUnit, records: &mut RecordMap) {
    let operators = operators_of_files(db, unit);
    record_about_module(db, ResultKind::Operators, &[], &operators, records);
    let wrappers = module_wrappers(db, unit);
    record_about_module(db, ResultKind::Wrappers, &[], &wrappers, records);
    let overriding = module_overriding(db, unit);
    record_about_module(db, ResultKind::Overriding, &[], &overriding, records);
}

/// Records what importers see of a body, and adds the bodies inside of it to `inner`.
pub fn record_body(db: &dyn Db, def: DefId, records: &mut RecordMap, inner: &mut Vec<DefId>) {
    let body = body(db, def);
    let magic = match def.kind(db) {
        DefKind::DefaultArg => magic_of(body),
        _ => None,
    };
    let local = (!body.items.top_level.is_empty()).then(|| StoredTree::of(&body.items, visible));
    inner.extend(local_body_owners(db, def));
    if magic.is_some() || local.is_some() {
        let about = codec::encode(db, &def);
        let encoded = codec::encode(db, &BodyFacts { magic, local });
        add_record(records, ResultKind::BodyFacts, about, encoded);
    }
}

/// Records what a reader needs first.
pub fn record_summary(db: &dyn Db, unit: CompilationUnit, records: &mut RecordMap) {
    let summary = ModuleSummary {
        name: unit.name(db).to_string(),
        files: unit
            .files(db)
            .iter()
            .map(|f| f.path(db).to_owned())
            .collect(),
        imports: unit
            .dependencies(db)
            .iter()
            .map(|d| d.name(db).to_string())
            .collect(),
    };
    if let Ok(bytes) = postcard::to_allocvec(&summary) {
        records.insert(summary_key(), bytes);
    }
}

impl StoredTree {
    fn of(tree: &ItemTree, see: impl Fn(&super::Item) -> super::Item) -> StoredTree {
        let mut items: Vec<super::Item> = Vec::with_capacity(tree.items.len());
        // In the order of the source, so that equal trees make equal bytes.
        let mut stack: Vec<DefId> = tree.top_level.iter().rev().copied().collect();
        let mut left: FxHashSet<DefId> = tree.items.keys().copied().collect();
        while let Some(def) = stack.pop() {
            let Some(item) = tree.items.get(&def).filter(|_| left.remove(&def)) else {
                continue;
            };
            items.push(see(item));
            let mut inner = super::owners::members(item).to_vec();
            if let super::ItemKind::Var(var) = &item.kind {
                inner.extend(var.binding);
            }
            stack.extend(inner.into_iter().rev());
        }
        StoredTree {
            top_level: tree.top_level.clone(),
            items,
            top_level_code: None,
        }
    }
}
