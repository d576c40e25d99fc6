//! Graphs of the standard library's functions that an earlier process has built.

use crate::db::Db;
use crate::items::library::{ResultKind, is_library_module, result_key};
use crate::items::module_of;
use crate::resolve::extended::library_is_extended;
use crate::types::codec;

use super::Built;
use super::data::{FnId, Mir};

/// The graph of a function; `build` builds it if no process has before.
pub(super) fn stored(db: &dyn Db, id: FnId, build: impl FnOnce() -> Built) -> Built {
    let Some(results) = db.results() else {
        return build();
    };
    if !is_library_module(module_of(db, id.def).name(db)) || library_is_extended(db) {
        return build();
    }
    let key = result_key(db, ResultKind::Mir, codec::encode(db, &id).as_ref());
    let Some(key) = key else {
        return build();
    };
    let known = results.get(key);
    if let Some(mir) = known.and_then(|bytes| codec::decode::<Option<Mir>>(db, bytes)) {
        return Built {
            mir: mir.map(Into::into),
            errors: Vec::new(),
        };
    }
    let built = build();
    if built.errors.is_empty()
        && let Some(encoded) = codec::encode(db, &built.mir.as_deref())
    {
        results.put(key, encoded.bytes);
    }
    built
}
