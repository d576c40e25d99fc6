//! What earlier processes found out about a file, by all that it follows from.
//!
//! A file of the user's module is known by its text, its path and the options that parsing asks for: what an earlier build of the
//! module left about it holds in any later one that finds the file like this, whatever has happened to other files.
//!
//! Small answers about a whole file (what it declares at its top level, its operators) are kept on their own beside its item tree, so that a build
//! that looks for a name reads the trees of those files alone that have it.

use serde::{Deserialize, Serialize};

use super::codec;
use super::compiled::file_record;
use super::library::ResultKind;
use super::wrappers::wrappers;
use crate::base::{Fingerprint, StableHash, StableHasher};
use crate::db::{Db, Results, SourceFile};

/// What decides about everything that a file says by itself. None where nothing is kept about it.
#[salsa::tracked(returns(copy))]
pub fn file_key(db: &dyn Db, file: SourceFile) -> Option<Fingerprint> {
    if file.is_library(db) {
        return None;
    }
    db.records()?;
    let mut hasher = StableHasher::new();
    file.path(db).stable_hash(&mut hasher);
    let unit = super::unit_of_file(db, file)?;
    unit.options(db).stable_hash(&mut hasher);
    file.dialect(db).stable_hash(&mut hasher);
    super::is_script(db, file).stable_hash(&mut hasher);
    // What `#if canImport` asks for.
    let dependencies = unit.dependencies(db).iter();
    let names: Vec<_> = dependencies.map(|unit| unit.name(db)).collect();
    names.stable_hash(&mut hasher);
    file.source(db).content().stable_hash(&mut hasher);
    Some(hasher.finish())
}

/// The same for the file's item tree: attributes may name property wrappers of other files.
pub fn tree_key(db: &dyn Db, file: SourceFile) -> Option<Fingerprint> {
    let key = file_key(db, file)?;
    let unit = super::unit_of_file(db, file)?;
    Some(key.combine(wrappers_fingerprint(db, unit)))
}

#[salsa::tracked(returns(copy))]
fn wrappers_fingerprint(db: &dyn Db, unit: crate::db::CompilationUnit) -> Fingerprint {
    let mut hasher = StableHasher::new();
    let mut all: Vec<_> = wrappers(db, unit).iter().collect();
    all.sort_by_key(|(name, _)| name.as_str());
    for (name, shape) in all {
        name.stable_hash(&mut hasher);
        format!("{shape:?}").stable_hash(&mut hasher);
    }
    hasher.finish()
}

/// Where a result of this kind is kept, for what `key` stands for.
pub fn place(key: Fingerprint, kind: ResultKind) -> Fingerprint {
    let mut hasher = StableHasher::new();
    key.stable_hash(&mut hasher);
    hasher.write_u8(kind as u8);
    hasher.finish()
}

/// Every place at which something about a file may be kept.
pub fn places(db: &dyn Db, file: SourceFile) -> Vec<Fingerprint> {
    let Some((key, tree)) = file_key(db, file).zip(tree_key(db, file)) else {
        return Vec::new();
    };
    let small = ResultKind::OF_FILES.iter().map(|&kind| place(key, kind));
    small.chain([place(tree, ResultKind::ItemTree)]).collect()
}

/// An answer about a file that follows from the file alone; `compute` finds it if no process has before.
pub fn remembered<T>(
    db: &dyn Db,
    file: SourceFile,
    kind: ResultKind,
    compute: impl FnOnce() -> T,
) -> T
where
    T: Serialize + for<'a> Deserialize<'a>,
{
    if let Some(unit) = super::unit_of_file(db, file).filter(|unit| unit.compiled(db).is_some()) {
        return file_record(db, unit, file, kind).unwrap_or_else(compute);
    }
    match db.records().zip(file_key(db, file)) {
        Some((keeper, key)) => kept(db, keeper, place(key, kind), compute),
        None => compute(),
    }
}

/// What is kept at a place, or what `compute` finds, which is kept from then on.
pub(super) fn kept<T>(
    db: &dyn Db,
    keeper: &dyn Results,
    place: Fingerprint,
    compute: impl FnOnce() -> T,
) -> T
where
    T: Serialize + for<'a> Deserialize<'a>,
{
    if let Some(found) = keeper.get(place)
        && let Some(value) = codec::decode(db, found)
    {
        return value;
    }
    let value = compute();
    if let Some(encoded) = codec::encode(db, &value) {
        keeper.put(place, encoded.bytes);
    }
    value
}
