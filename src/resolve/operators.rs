//! Operator functions.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::items::module_of;
use crate::resolve::index::kept_named;
use crate::resolve::scope::{import_scope, imported_modules, module_scope};

/// Every function with this operator's name that is seen from inside `from`: at the top level and in types and extensions, its module's own,
/// imported, the library's. Callers keep those of the fixity that they need.
pub fn operator_candidates(db: &dyn Db, from: DefId, name: Name) -> &[DefId] {
    candidates(db, import_scope(db, from), name)
}

#[salsa::tracked(returns(deref))]
fn candidates(db: &dyn Db, scope: DefId, name: Name) -> Vec<DefId> {
    let mut found = Vec::new();
    let module = module_of(db, scope);
    let modules = std::iter::once(&module).chain(imported_modules(db, scope));
    for &module in modules {
        if let Some(named) = kept_named(db, module, name) {
            found.extend_from_slice(&named.operators);
            continue;
        }
        found.extend(
            module_scope(db, module)
                .operators
                .get(&name)
                .into_iter()
                .flatten(),
        );
    }
    found
}
