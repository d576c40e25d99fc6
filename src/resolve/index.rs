//! The names of a module as records: what look-ups read of the standard library, and of modules that were compiled before, instead of
//! the scopes of all their files.

use serde::{Deserialize, Serialize};

use crate::base::{Name, StableHash, StableHasher};
use crate::db::{CompilationUnit, Db};
use crate::items::compiled::{RecordMap, record_module};
use crate::items::ids::DefId;
use crate::items::lazy::{kept_about, record_about_module};
use crate::items::library::ResultKind;
use crate::items::{module_def, unit_of_module};

use super::decls::alias_extensions;
use super::extended::extends_library;
use super::scope::{Defs, ModuleScope, exported_names, module_scope};

/// What a module declares by one name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Named {
    /// Declarations at the top level with this base name.
    pub decls: Vec<DefId>,
    /// Extensions whose type is spelled with this name at its end.
    pub extensions: Vec<DefId>,
    /// Functions of this name, if it is an operator's.
    pub operators: Vec<DefId>,
}

/// What is known of a module's names without looking at any.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ModuleIndex {
    /// Hashes of all names, sorted: they tell a name that is not declared from a record that is lost.
    names: Vec<u64>,
    /// The modules that the module shows to those who import it.
    pub exported: Vec<Name>,
    /// Whether the module makes a type of the standard library conform to a protocol of the library.
    pub extends_library: bool,
}

/// The index of a module of which records are kept. None for other modules.
pub fn module_index(db: &dyn Db, module: DefId) -> Option<&ModuleIndex> {
    let unit = unit_of_module(db, module)?;
    match unit.compiled(db).is_some() {
        true => read_index(db, module).as_ref(),
        false => None,
    }
}

#[salsa::tracked]
fn read_index(db: &dyn Db, module: DefId) -> Option<ModuleIndex> {
    let unit = unit_of_module(db, module)?;
    kept_about(db, unit, ResultKind::Index, &[])
}

/// What a module that is kept as records declares by a name. None for other modules.
pub fn kept_named(db: &dyn Db, module: DefId, name: Name) -> Option<&Named> {
    let unit = unit_of_module(db, module)?;
    match unit.compiled(db).is_some() {
        true => named(db, module, name).as_ref(),
        false => None,
    }
}

#[salsa::tracked]
fn named(db: &dyn Db, module: DefId, name: Name) -> Option<Named> {
    let index = module_index(db, module)?;
    if index.names.binary_search(&hash(name)).is_err() {
        return Some(Named::default());
    }
    let unit = unit_of_module(db, module)?;
    let found = kept_about(db, unit, ResultKind::Named, name.as_str().as_bytes());
    Some(found.unwrap_or_else(|| named_in(module_scope(db, module), name)))
}

fn hash(name: Name) -> u64 {
    let mut hasher = StableHasher::new();
    name.as_str().stable_hash(&mut hasher);
    hasher.finish().0 as u64
}

fn named_in(scope: &ModuleScope, name: Name) -> Named {
    let defs = |found: Option<&Defs>| found.map_or_else(Vec::new, |defs| defs.to_vec());
    Named {
        decls: defs(scope.by_name.get(&name)),
        extensions: defs(scope.extensions.get(&name)),
        operators: scope.operators.get(&name).cloned().unwrap_or_default(),
    }
}

/// Every name of a scope with what it means, in no particular order.
fn all_named(scope: &ModuleScope) -> impl Iterator<Item = (Name, Named)> {
    let names = names_of(scope).into_iter();
    names.map(|name| (name, named_in(scope, name)))
}

fn names_of(scope: &ModuleScope) -> Vec<Name> {
    let decls = scope.by_name.keys();
    let others = scope.extensions.keys().chain(scope.operators.keys());
    let mut names: Vec<Name> = decls.chain(others).copied().collect();
    names.sort();
    names.dedup();
    names
}

fn index_of(scope: &ModuleScope) -> ModuleIndex {
    let mut names: Vec<u64> = names_of(scope).into_iter().map(hash).collect();
    names.sort_unstable();
    ModuleIndex {
        names,
        ..ModuleIndex::default()
    }
}

/// Records the names of a module that others will import.
pub fn record_index(db: &dyn Db, unit: CompilationUnit, records: &mut RecordMap) {
    let module = module_def(db, unit);
    let scope = module_scope(db, module);
    for (name, named) in all_named(scope) {
        let about = name.as_str().as_bytes();
        record_about_module(db, ResultKind::Named, about, &named, records);
    }
    let index = ModuleIndex {
        exported: exported_names(db, unit),
        extends_library: extends_library(db, unit),
        ..index_of(scope)
    };
    record_about_module(db, ResultKind::Index, &[], &index, records);
    let aliased = alias_extensions(db, module);
    record_about_module(db, ResultKind::AliasExtensions, &[], &aliased, records);
    record_module(db, unit, records);
}
