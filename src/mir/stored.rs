//! Graphs of functions of modules that were compiled before.

use crate::db::Db;
use crate::items::compiled::{RecordMap, add_record, compiled_unit_of, read_about};
use crate::items::library::ResultKind;
use crate::types::codec;

use super::Built;
use super::data::{FnId, Mir};
use super::sound::is_sound;

/// The graph of a function; `build` builds it if it is the module's own that is compiled.
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
    build()
}

/// Records the graph of a function of the module that is compiled.
pub fn record_mir(db: &dyn Db, id: FnId, mir: &Mir, records: &mut RecordMap) {
    let about = codec::encode(db, &id);
    add_record(records, ResultKind::Mir, about, codec::encode(db, mir));
}
