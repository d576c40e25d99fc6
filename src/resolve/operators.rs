//! Operator functions.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::resolve::scope::{imported_modules, module_scope};

/// Every function with this operator's name that a module sees: at the top level and in types and extensions, its own, imported, the
/// library's. Callers keep those of the fixity that they need.
#[salsa::tracked(returns(deref))]
pub fn operator_candidates(db: &dyn Db, module: DefId, name: Name) -> Vec<DefId> {
    let mut found = Vec::new();
    let modules = std::iter::once(&module).chain(imported_modules(db, module));
    for &module in modules {
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
