//! `Codira.toml`: from its text to plain data, with a place for every mistake.
//!
//! ```toml
//! [package]
//! name = "shapes"
//! version = "0.1.0"
//!
//! [dependencies]
//! colors = { path = "../colors" }
//!
//! [library.Shapes]
//! dependencies = ["Colors"]
//!
//! [executable.draw]
//! path = "Tools/draw"
//! ```

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::distance::did_you_mean;
use crate::base::{TextRange, TextSize};
use crate::diag::{Diagnostic, FileKey, FileSpan};
use crate::session::names::is_identifier;

/// The file's name.
pub const FILE_NAME: &str = "Codira.toml";

/// A word of a manifest, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// The word itself.
    pub text: String,
    /// Where it stands.
    pub span: FileSpan,
}

/// What a manifest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The package's name.
    pub name: Word,
    /// Its version, `0.1.0` if the manifest has none.
    pub version: String,
    /// The targets that it mentions; more may follow from folders.
    pub targets: Vec<DeclaredTarget>,
    /// Other packages.
    pub dependencies: Vec<PathDependency>,
}

/// A target as a manifest declares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeclaredTarget {
    /// What is made of it.
    pub kind: TargetKind,
    /// Its name, which is its module's.
    pub name: Word,
    /// The folder of its sources, if it is not the usual one.
    pub path: Option<Word>,
    /// The modules that it may import, if it says so.
    pub dependencies: Option<Vec<Word>>,
}

/// A package that is found by its folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathDependency {
    /// The package's name.
    pub name: Word,
    /// Its folder, relative to that of the manifest.
    pub path: Word,
}

/// What is made of a target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TargetKind {
    /// A module that others import.
    Library,
    /// A program.
    Executable,
    /// Functions that `language test` runs.
    Test,
}

impl TargetKind {
    /// The word for it, in manifests and in messages.
    pub fn word(self) -> &'static str {
        match self {
            TargetKind::Library => "library",
            TargetKind::Executable => "executable",
            TargetKind::Test => "test",
        }
    }

    /// The folder that holds the folders of such targets.
    pub fn folder(self) -> &'static str {
        match self {
            TargetKind::Library | TargetKind::Executable => "Sources",
            TargetKind::Test => "Tests",
        }
    }
}

/// The keys of each table, by which mistyped ones are recognised.
const TOP: &[&str] = &["package", "dependencies", "library", "executable", "test"];
const PACKAGE: &[&str] = &["name", "version"];
const TARGET: &[&str] = &["path", "dependencies"];
const DEPENDENCY: &[&str] = &["path"];

/// Reads a manifest. Fails with everything that is wrong with it.
pub fn parse(text: &str, file: FileKey) -> Result<Manifest, Vec<Diagnostic>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        file,
        problems: Vec::new(),
    };
    for error in errors {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        reader.error(error.span().unwrap_or(0..0), message);
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let manifest = reader.manifest(document.get_ref());
    match (manifest, reader.problems.is_empty()) {
        (Some(manifest), true) => Ok(manifest),
        (_, _) => Err(reader.problems),
    }
}

/// Whether a package may be called so.
pub fn is_package_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(plain)
}

type Value<'a> = Spanned<DeValue<'a>>;

struct Reader {
    file: FileKey,
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn span(&self, range: Range<usize>) -> FileSpan {
        // Larger files than offsets of 32 bits reach are refused when they are read.
        let at = |offset: usize| TextSize::from(u32::try_from(offset).unwrap_or(u32::MAX));
        FileSpan::new(self.file, TextRange::new(at(range.start), at(range.end)))
    }

    fn error(&mut self, range: Range<usize>, message: impl Into<String>) {
        let span = self.span(range);
        self.problems
            .push(Diagnostic::error("manifest", span, message));
    }

    fn word(&self, text: &str, range: Range<usize>) -> Word {
        Word {
            text: text.to_owned(),
            span: self.span(range),
        }
    }

    fn manifest(&mut self, top: &DeTable<'_>) -> Option<Manifest> {
        self.check_keys(top, TOP, "a manifest");
        let Some(package) = top.get("package") else {
            self.error(0..0, "a manifest begins with a table '[package]'");
            return None;
        };
        let package_table = self.table(package, "'package'")?;
        self.check_keys(package_table, PACKAGE, "'[package]'");
        let name = match package_table.get("name") {
            Some(name) => self.string(name, "'name'"),
            None => {
                self.error(package.span(), "the package needs a 'name'");
                None
            }
        };
        if let Some(name) = &name
            && !is_package_name(&name.text)
        {
            let message = format!(
                "package name '{}' has to begin with a letter, and to consist of letters, digits, '-', '_' and '.'",
                name.text
            );
            let problem = Diagnostic::error("manifest", name.span, message);
            self.problems.push(problem);
        }
        let version = match package_table.get("version") {
            Some(version) => self.string(version, "'version'").map(|word| word.text),
            None => Some("0.1.0".to_owned()),
        };
        if let (Some(text), Some(value)) = (&version, package_table.get("version"))
            && !is_version(text)
        {
            let message = format!("version '{text}' is not of the form '1.2.3'");
            self.error(value.span(), message);
        }
        let dependencies = self.dependencies(top);
        let mut targets = Vec::new();
        for kind in [
            TargetKind::Library,
            TargetKind::Executable,
            TargetKind::Test,
        ] {
            self.targets(top, kind, &mut targets);
        }
        // In the order of the file, which is that of messages too.
        targets.sort_by_key(|target| target.name.span.range.start());
        Some(Manifest {
            name: name?,
            version: version?,
            targets,
            dependencies,
        })
    }

    fn dependencies(&mut self, top: &DeTable<'_>) -> Vec<PathDependency> {
        let Some(table) = top.get("dependencies") else {
            return Vec::new();
        };
        let Some(table) = self.table(table, "'dependencies'") else {
            return Vec::new();
        };
        let mut dependencies = Vec::new();
        for (key, value) in table {
            let name = self.word(key.get_ref(), key.span());
            let Some(fields) = value.get_ref().as_table() else {
                let message = format!(
                    "a dependency is found by its folder: {} = {{ path = \"../{0}\" }}",
                    name.text
                );
                self.error(value.span(), message);
                continue;
            };
            self.check_keys(fields, DEPENDENCY, "a dependency");
            match fields.get("path") {
                Some(path) => {
                    let path = self.string(path, "'path'");
                    dependencies.extend(path.map(|path| PathDependency { name, path }));
                }
                None => {
                    let message = format!("dependency '{}' needs a 'path'", name.text);
                    self.error(key.span(), message);
                }
            }
        }
        dependencies.sort_by_key(|dependency| dependency.name.span.range.start());
        dependencies
    }

    fn targets(&mut self, top: &DeTable<'_>, kind: TargetKind, out: &mut Vec<DeclaredTarget>) {
        let Some(value) = top.get(kind.word()) else {
            return;
        };
        if value.get_ref().is_array() {
            let word = kind.word();
            let message = format!("a target is a table of its own: [{word}.Name]");
            self.error(value.span(), message);
            return;
        }
        let Some(table) = self.table(value, &format!("'{}'", kind.word())) else {
            return;
        };
        for (key, value) in table {
            let name = self.word(key.get_ref(), key.span());
            if !is_identifier(&name.text) {
                let message = format!(
                    "target name '{}' is not a valid identifier, and the target's module is called so",
                    name.text
                );
                self.error(key.span(), message);
                continue;
            }
            let Some(fields) = value.get_ref().as_table() else {
                let message = format!("a target is a table: [{}.{}]", kind.word(), name.text);
                self.error(value.span(), message);
                continue;
            };
            self.check_keys(fields, TARGET, "a target");
            let path = fields.get("path");
            let path = path.and_then(|path| self.string(path, "'path'"));
            let dependencies = fields.get("dependencies");
            let dependencies =
                dependencies.and_then(|list| self.strings(list, "'dependencies' of a target"));
            out.push(DeclaredTarget {
                kind,
                name,
                path,
                dependencies,
            });
        }
    }

    /// Complains about keys that mean nothing.
    fn check_keys(&mut self, table: &DeTable<'_>, known: &[&str], what: &str) {
        for (key, _) in table {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let mut message = format!("{what} has no key '{name}'");
            match did_you_mean(name, known.iter().copied()) {
                Some(meant) => message.push_str(&format!("; did you mean '{meant}'?")),
                None => {
                    let list: Vec<String> = known.iter().map(|key| format!("'{key}'")).collect();
                    message.push_str(&format!(", only {}", list.join(", ")));
                }
            }
            self.error(key.span(), message);
        }
    }

    fn table<'a, 'b>(&mut self, value: &'b Value<'a>, what: &str) -> Option<&'b DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, what, "a table");
        }
        table
    }

    fn string(&mut self, value: &Value<'_>, what: &str) -> Option<Word> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, what, "a string");
            return None;
        };
        if text.is_empty() || text.contains('\0') {
            self.error(value.span(), format!("{what} is empty"));
            return None;
        }
        Some(self.word(text, value.span()))
    }

    fn strings(&mut self, value: &Value<'_>, what: &str) -> Option<Vec<Word>> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, what, "a list of strings");
            return None;
        };
        let words: Vec<Option<Word>> = list
            .iter()
            .map(|value| self.string(value, &format!("an entry of {what}")))
            .collect();
        words.into_iter().collect()
    }

    fn wrong_type(&mut self, value: &Value<'_>, what: &str, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a truth value",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(
            value.span(),
            format!("{what} has to be {wanted}, not {found}"),
        );
    }
}

fn is_version(text: &str) -> bool {
    // What stands behind the numbers, such as `-beta`, is left to people.
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    numbers.split('.').count() == 3 && numbers.split('.').all(number)
}
