//! Graphs of functions that an earlier process has built: of the standard library, and of modules that were compiled before.

use crate::db::Db;
use crate::items::compiled::{RecordMap, add_record, compiled_unit_of, read_about};
use crate::items::library::{ResultKind, is_library_module, result_key};
use crate::items::module_of;
use crate::resolve::extended::library_is_extended;
use crate::types::codec;

use super::Built;
use super::data::{FnId, Mir};
use super::sound::is_sound;

/// The graph of a function; `build` builds it if no process has before.
pub(super) fn stored(db: &dyn Db, id: FnId, build: impl FnOnce() -> Built) -> Built {
    if let Some(unit) = compiled_unit_of(db, id.def) {
        let about = codec::encode(db, &id);
        let known = read_about(db, unit, ResultKind::Mir, about.as_ref(), |bytes| {
            codec::decode::<Mir>(db, bytes).filter(|mir| is_sound(mir, id))
        });
        return match known {
            Some(mir) => Built {
                mir: Some(mir.into()),
                errors: Vec::new(),
            },
            // What the compiler makes by itself needs no body.
            None => build(),
        };
    }
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
    let known = known.and_then(|bytes| codec::decode::<Option<Mir>>(db, bytes));
    // What is not sound is built again.
    if let Some(mir) = known
        && mir.as_ref().is_none_or(|mir| is_sound(mir, id))
    {
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

/// Records the graph of a function of the module that is compiled.
pub fn record_mir(db: &dyn Db, id: FnId, mir: &Mir, records: &mut RecordMap) {
    let about = codec::encode(db, &id);
    add_record(records, ResultKind::Mir, about, codec::encode(db, mir));
}
