//! What the outside world sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use salsa::plumbing::{AsId, FromId};
use salsa::{Durability, Setter};

use crate::base::{Dialect, LineIndex, Name};
use crate::diag::FileKey;
use crate::session::TrackedOptions;

use super::source_text::{Marker, SourceText};
use super::{Db, ModuleRecords};

/// A source file.
#[salsa::input(debug)]
pub struct SourceFile {
    /// The path as spelled on the command line; diagnostics repeat it. Never used to read anything.
    #[returns(deref)]
    pub path: String,
    /// The whole text.
    #[returns(ref)]
    pub source: SourceText,
    /// How the file spells the language.
    #[returns(copy)]
    pub dialect: Dialect,
    /// Whether the file is part of the embedded standard library.
    #[returns(copy)]
    pub is_library: bool,
}

/// The files that are compiled together: a module.
#[salsa::input(debug)]
pub struct CompilationUnit {
    /// The module's name.
    #[returns(copy)]
    pub name: Name,
    /// The module's files in the order of the command line.
    #[returns(deref)]
    pub files: Vec<SourceFile>,
    /// The options that can change what is compiled.
    #[returns(deref)]
    pub options: Arc<TrackedOptions>,
    /// The standard library's module, which every file of every other module imports; `None` in itself.
    #[returns(copy)]
    pub library: Option<CompilationUnit>,
    /// Other modules of the same database that files may import by name.
    #[returns(deref)]
    pub dependencies: Vec<CompilationUnit>,
    /// What is known of a module that was compiled before; its files then have no text.
    #[default]
    #[returns(as_ref)]
    pub compiled: Option<CompiledModule>,
}

/// What an earlier compilation of a module left to those that import it.
#[derive(Clone)]
pub struct CompiledModule {
    /// Declarations, and what else follows from the module's sources alone.
    pub interface: Arc<dyn ModuleRecords>,
    /// Its machine code.
    pub code: Arc<dyn ModuleRecords>,
}

impl std::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModule").finish_non_exhaustive()
    }
}

/// Every module of the database.
#[salsa::input(singleton, debug)]
pub struct Workspace {
    /// The user's modules and the standard library, in no particular order.
    #[returns(deref)]
    pub units: Vec<CompilationUnit>,
}

impl SourceFile {
    /// A file of the user's module; its ending decides the dialect.
    pub fn of_user(db: &dyn Db, path: &str, text: impl Into<Arc<str>>) -> SourceFile {
        Self::of_text(db, path, SourceText::Read(text.into()))
    }

    /// The same for a text that need not have been read.
    pub fn of_text(db: &dyn Db, path: &str, text: SourceText) -> SourceFile {
        let dialect = Dialect::of_path(path);
        SourceFile::builder(path.to_owned(), text, dialect, false)
            .durability(db.durability(Durability::HIGH))
            .source_durability(db.durability(Durability::LOW))
            .new(db)
    }

    /// The whole text.
    pub fn text(self, db: &dyn Db) -> &str {
        self.source(db)
    }

    /// Whether a word occurs in the text.
    pub fn has(self, db: &dyn Db, marker: Marker) -> bool {
        self.source(db).has(marker)
    }

    /// Sets the text if it differs, which is what makes writing back an unchanged file free.
    /// Returns whether it did.
    pub fn update_text(self, db: &mut dyn Db, text: &str) -> bool {
        if self.text(db) == text {
            return false;
        }
        self.set_source(db).to(SourceText::Read(Arc::from(text)));
        true
    }

    /// The file that a diagnostic refers to.
    pub fn from_key(key: FileKey) -> SourceFile {
        SourceFile::from_id(salsa::Id::from_bits(key.0))
    }
}

impl From<SourceFile> for FileKey {
    fn from(file: SourceFile) -> FileKey {
        FileKey(file.as_id().as_bits())
    }
}

impl CompilationUnit {
    /// The user's module, which imports `library`.
    pub fn of_user(
        db: &dyn Db,
        files: Vec<SourceFile>,
        options: Arc<TrackedOptions>,
        library: Option<CompilationUnit>,
    ) -> CompilationUnit {
        Self::of_importer(db, files, options, library, Vec::new())
    }

    /// The user's module, which may import other modules too.
    pub fn of_importer(
        db: &dyn Db,
        files: Vec<SourceFile>,
        options: Arc<TrackedOptions>,
        library: Option<CompilationUnit>,
        dependencies: Vec<CompilationUnit>,
    ) -> CompilationUnit {
        let name = options.module_name;
        CompilationUnit::builder(name, files, options, library, dependencies)
            .durability(db.durability(Durability::HIGH))
            .files_durability(db.durability(Durability::MEDIUM))
            .new(db)
    }

    /// A module that was compiled before, with the paths that its files had then: the standard library where `library` is none.
    pub fn of_compiled(
        db: &dyn Db,
        paths: &[String],
        options: TrackedOptions,
        library: Option<CompilationUnit>,
        dependencies: Vec<CompilationUnit>,
        compiled: CompiledModule,
    ) -> CompilationUnit {
        let is_library = library.is_none();
        let durability = db.durability(match is_library {
            true => Durability::HIGH,
            false => Durability::MEDIUM,
        });
        let file = |path: &String| {
            let text = SourceText::Embedded("");
            SourceFile::builder(path.clone(), text, Dialect::of_path(path), is_library)
                .durability(durability)
                .new(db)
        };
        let files = paths.iter().map(file).collect();
        let name = options.module_name;
        CompilationUnit::builder(name, files, Arc::new(options), library, dependencies)
            .compiled(Some(compiled))
            .durability(durability)
            .new(db)
    }

    /// The embedded standard library from its sources, pairs of path and text. Its inputs hardly ever
    /// change and say so.
    pub fn of_library(
        db: &dyn Db,
        sources: &[(&str, &'static str)],
        options: &TrackedOptions,
    ) -> CompilationUnit {
        let file = |&(path, text): &(&str, &'static str)| {
            let text = SourceText::Embedded(text);
            SourceFile::builder(path.to_owned(), text, Dialect::Codira, true)
                .durability(db.durability(Durability::HIGH))
                .new(db)
        };
        let files = sources.iter().map(file).collect();
        let options = Self::library_options(options);
        CompilationUnit::builder(
            options.module_name,
            files,
            Arc::new(options),
            None,
            Vec::new(),
        )
        .durability(db.durability(Durability::HIGH))
        .new(db)
    }

    /// The options of the standard library in a compilation with these.
    pub fn library_options(options: &TrackedOptions) -> TrackedOptions {
        TrackedOptions {
            module_name: Name::new("Codira"),
            crate_metadata: BTreeSet::new(),
            parse_as_library: true,
            ..options.clone()
        }
    }

    /// The module `Builtin`, whose functions have no bodies; only the standard library names it.
    pub fn of_builtin(
        db: &dyn Db,
        source: (&str, &'static str),
        options: &TrackedOptions,
    ) -> CompilationUnit {
        let unit = Self::of_library(db, &[source], options);
        let (name, files) = (Name::new("Builtin"), unit.files(db).to_vec());
        let options = Arc::new(TrackedOptions {
            module_name: name,
            ..unit.options(db).clone()
        });
        CompilationUnit::builder(name, files, options, None, Vec::new())
            .durability(db.durability(Durability::HIGH))
            .new(db)
    }

    /// Whether this is the standard library itself.
    pub fn is_library(self, db: &dyn Db) -> bool {
        self.library(db).is_none() && self.name(db) == "Codira"
    }
}

/// The lines of a file. Only diagnostics, line tables and the editor may ask: what depends on this
/// changes with every edit.
#[salsa::tracked]
pub fn line_index(db: &dyn Db, file: SourceFile) -> LineIndex {
    LineIndex::new(file.text(db))
}
