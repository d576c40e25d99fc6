//! The inputs as renderers of diagnostics see them.

use crate::base::{FxHashMap, LineIndex};
use crate::diag::{FileKey, Files};

use super::{CompilationUnit, Db, SourceFile, line_index};

/// [`Files`] over a database.
#[derive(Clone)]
pub struct DbFiles<'db> {
    db: &'db dyn Db,
    order: FxHashMap<FileKey, usize>,
}

impl<'db> DbFiles<'db> {
    /// The files of `units` in order; files of other units sort after them.
    pub fn new(db: &'db dyn Db, units: &[CompilationUnit]) -> DbFiles<'db> {
        let files = units.iter().flat_map(|unit| unit.files(db));
        let numbered = files.enumerate().map(|(i, &file)| (file.into(), i));
        DbFiles {
            db,
            order: numbered.collect(),
        }
    }
}

impl Files for DbFiles<'_> {
    fn path(&self, file: FileKey) -> &str {
        SourceFile::from_key(file).path(self.db)
    }

    fn text(&self, file: FileKey) -> &str {
        SourceFile::from_key(file).text(self.db)
    }

    fn lines(&self, file: FileKey) -> &LineIndex {
        line_index(self.db, SourceFile::from_key(file))
    }

    fn order(&self, file: FileKey) -> usize {
        self.order.get(&file).copied().unwrap_or(usize::MAX)
    }
}
