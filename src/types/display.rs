//! How types are printed.

use crate::db::Db;
use crate::types::ty::Ty;

/// The type as diagnostics print it (`[Int]`, `String?`); `qualified` puts the module before every nominal.
pub fn display_type(_db: &dyn Db, ty: Ty, _qualified: bool) -> String {
    format!("{ty:?}")
}

/// The name that metadata holds and `print(type(of:))` shows: `Array<Int>`; `qualified` as `Codira.Array<Codira.Int>`.
pub fn metadata_name(_db: &dyn Db, ty: Ty, _qualified: bool) -> String {
    format!("{ty:?}")
}
