//! What debug information says beyond what a record of a program knows.

use crate::codegen::blob::LineKey;
use crate::link::debug::{DebugSource, Place};
use crate::session::{DebugInfo, version_line};

use super::Compiler;

/// Where the compiler runs and who it is.
pub(super) struct DebugPlaces {
    folder: String,
    producer: String,
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
}
