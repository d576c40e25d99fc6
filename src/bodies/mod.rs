//! Tour of `bodies`: checking of function bodies.
pub mod thir;

/// Stands in until the checker is merged.
#[salsa::tracked]
pub fn typed_body(_db: &dyn crate::db::Db, _def: crate::items::ids::DefId) -> thir::TypedBody {
    thir::TypedBody::default()
}
