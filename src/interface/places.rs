//! Where the expressions of a program stand, for debug information.

use std::sync::{Mutex, PoisonError};

use crate::base::{FxHashMap, Idx, Name};
use crate::codegen::blob::LineKey;
use crate::codegen::program::definition_of_line;
use crate::db::{Db, RootDatabase, SourceFile};
use crate::items::library::is_library_module;
use crate::items::{Anchor, anchor, module_of, presumed};
use crate::link::debug::{DebugSource, Place};
use crate::session::{DebugInfo, version_line};

use super::Compiler;

/// Answers where expressions stand, from any thread.
pub(super) struct DebugPlaces {
    folder: String,
    producer: String,
    known: Mutex<(RootDatabase, FxHashMap<LineKey, Option<Place>>)>,
}

impl DebugPlaces {
    /// None if no debug information is wanted.
    pub(super) fn new(compiler: &Compiler) -> Option<DebugPlaces> {
        if compiler.options.tracked.debug_info == DebugInfo::None {
            return None;
        }
        let folder = compiler.system.current_dir().ok();
        let folder = folder.map(|folder| folder.to_string_lossy().into_owned());
        Some(DebugPlaces {
            folder: folder.unwrap_or_default(),
            producer: version_line(),
            known: Mutex::new((compiler.db.clone(), FxHashMap::default())),
        })
    }

    /// What the writers of images and objects ask for.
    pub(super) fn source<'a>(
        &'a self,
        place: &'a (dyn Fn(LineKey) -> Option<Place> + Sync),
    ) -> DebugSource<'a> {
        DebugSource {
            folder: &self.folder,
            producer: &self.producer,
            place,
        }
    }

    /// Where an expression stands. None in the standard library, whose text is nowhere that debuggers could show it from.
    pub(super) fn place(&self, key: LineKey) -> Option<Place> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (db, places) = &mut *known;
        *places.entry(key).or_insert_with(|| place(db, key))
    }
}

fn place(db: &dyn Db, key: LineKey) -> Option<Place> {
    let def = definition_of_line(key);
    if is_library_module(module_of(db, def).name(db)) {
        return None;
    }
    let anchor = Anchor::ExprPoint(def, Idx::from_raw(key.expr));
    let span = anchor::anchor_span(db, anchor)?;
    let file = SourceFile::from_key(span.file);
    let line = presumed::presumed_line(db, file, span.range.start());
    let path = presumed::presumed_path(db, anchor);
    Some((path.unwrap_or_else(|| Name::new(file.path(db))), line))
}
