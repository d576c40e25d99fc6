//! Finding packages: the manifest above the current folder, those that it depends on, and the folders of their targets.

use std::path::{Component, Path, PathBuf};

use crate::base::{FxHashMap, TextRange};
use crate::diag::{Diagnostic, FileKey, FileList, FileSpan};
use crate::session::names::is_identifier;
use crate::vfs::{FileKind, ReadErrorKind, System, read_source};

use super::manifest::{self, DeclaredTarget, FILE_NAME, Manifest, TargetKind, Word};

/// How deep the folders of a target may be nested, and how many they may be; links can make them endless.
const MAX_DEPTH: usize = 64;
const MAX_FOLDERS: usize = 20_000;

/// A package with what its folder holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadedPackage {
    /// What its manifest says.
    pub manifest: Manifest,
    /// The manifest, as diagnostics name it.
    pub file: FileKey,
    /// The folder, relative to that of the package that is built.
    pub root: PathBuf,
    /// Its targets, sorted by name.
    pub targets: Vec<FoundTarget>,
    /// The numbers of the packages that it depends on.
    pub dependencies: Vec<usize>,
}

/// A target with its sources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundTarget {
    /// What is made of it.
    pub kind: TargetKind,
    /// Its name.
    pub name: String,
    /// Its sources, sorted.
    pub sources: Vec<String>,
    /// Where the manifest declares it; none if only its folder does.
    pub declared: Option<FileSpan>,
    /// The modules that it may import, if the manifest says so.
    pub dependencies: Option<Vec<Word>>,
}

/// The folder of the package that `start` is in.
pub fn find_root(system: &dyn System, start: &Path) -> Result<PathBuf, Diagnostic> {
    let is_file = |path: PathBuf| {
        let found = system.metadata(&path);
        found.is_ok_and(|data| data.kind == FileKind::File)
    };
    let found = start.ancestors().find(|dir| is_file(dir.join(FILE_NAME)));
    found.map(Path::to_path_buf).ok_or_else(|| {
        let message = format!(
            "could not find '{FILE_NAME}' in '{}' or any folder above it",
            start.display()
        );
        let hint = "'language new NAME' makes a package";
        Diagnostic::global_error("no-manifest", message).note(None, hint)
    })
}

/// Reads the package in the current folder and all that it depends on, each after those. Files of the diagnostics are added to `files`.
pub fn load(
    system: &dyn System,
    files: &mut FileList,
) -> Result<Vec<LoadedPackage>, Vec<Diagnostic>> {
    let current = system.current_dir().unwrap_or_default();
    let mut loader = Loader {
        system,
        files,
        current,
        packages: Vec::new(),
        known: FxHashMap::default(),
        path: Vec::new(),
        problems: Vec::new(),
    };
    loader.package(PathBuf::new(), None);
    match loader.problems.is_empty() {
        true => Ok(loader.packages),
        false => Err(loader.problems),
    }
}

struct Loader<'a> {
    system: &'a dyn System,
    files: &'a mut FileList,
    /// The folder of the package that is built.
    current: PathBuf,
    packages: Vec<LoadedPackage>,
    /// The numbers of packages by their absolute folders; none where there are errors.
    known: FxHashMap<PathBuf, Option<usize>>,
    /// The packages that are being read, outermost first: folder and name.
    path: Vec<(PathBuf, String)>,
    problems: Vec<Diagnostic>,
}

impl Loader<'_> {
    /// Reads the package in `root`, which `wanted` asks for. Returns its number.
    fn package(&mut self, root: PathBuf, wanted: Option<&Word>) -> Option<usize> {
        let absolute = normalise(&self.current, &root);
        if let Some(&known) = self.known.get(&absolute) {
            if let Some(number) = known {
                self.check_name(number, wanted);
            }
            return known;
        }
        if let Some(at) = self.path.iter().position(|(folder, _)| *folder == absolute) {
            let mut names: Vec<&str> = self.path[at..].iter().map(|(_, n)| n.as_str()).collect();
            names.push(names[0]);
            let message = format!("packages depend on each other: {}", names.join(" -> "));
            self.problem(wanted.map(|word| word.span), message);
            return None;
        }
        let number = self.read(&root, &absolute, wanted);
        self.known.insert(absolute, number);
        if let Some(number) = number {
            self.check_name(number, wanted);
        }
        number
    }

    fn read(&mut self, root: &Path, absolute: &Path, wanted: Option<&Word>) -> Option<usize> {
        let path = shown(&root.join(FILE_NAME));
        let text = match read_source(self.system, &path) {
            Ok(text) => text,
            Err(error) => {
                let message = match (wanted, &error.kind) {
                    (Some(word), ReadErrorKind::NotFound) => {
                        let missing = !root.as_os_str().is_empty() && !self.system.exists(root);
                        let what = if missing {
                            "there is no folder"
                        } else {
                            "there is no package in"
                        };
                        format!(
                            "dependency '{}' is missing: {what} '{}'",
                            word.text,
                            shown(root)
                        )
                    }
                    _ => error.to_string(),
                };
                self.problem(wanted.map(|word| word.span), message);
                return None;
            }
        };
        let file = self.files.add(&path, &text);
        let manifest = match manifest::parse(&text, file) {
            Ok(manifest) => manifest,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        let before = self.problems.len();
        self.path
            .push((absolute.to_path_buf(), manifest.name.text.clone()));
        let mut dependencies = Vec::new();
        for dependency in &manifest.dependencies {
            let folder = normalise(root, Path::new(&dependency.path.text));
            // The name says what is wanted, the path where a mistake is shown.
            let wanted = Word {
                text: dependency.name.text.clone(),
                span: dependency.path.span,
            };
            dependencies.extend(self.package(folder, Some(&wanted)));
        }
        self.path.pop();
        let is_root = self.path.is_empty();
        let targets = self.targets(root, file, &manifest, is_root);
        if self.problems.len() > before {
            return None;
        }
        self.packages.push(LoadedPackage {
            manifest,
            file,
            root: root.to_path_buf(),
            targets,
            dependencies,
        });
        Some(self.packages.len() - 1)
    }

    fn check_name(&mut self, number: usize, wanted: Option<&Word>) {
        let package = &self.packages[number];
        let name = &package.manifest.name.text;
        if let Some(word) = wanted
            && word.text != *name
        {
            let message = format!(
                "the package in '{}' is called '{name}', not '{}'",
                shown(&package.root),
                word.text
            );
            self.problem(Some(word.span), message);
        }
    }

    /// The targets of a package; of one that another package depends on, only what can be imported.
    fn targets(
        &mut self,
        root: &Path,
        file: FileKey,
        manifest: &Manifest,
        is_root: bool,
    ) -> Vec<FoundTarget> {
        let mut targets: Vec<FoundTarget> = Vec::new();
        let mut claimed: FxHashMap<PathBuf, String> = FxHashMap::default();
        for declared in &manifest.targets {
            if let Some(other) = targets.iter().find(|t| t.name == declared.name.text) {
                let message = format!("target '{}' is declared twice", other.name);
                let mut problem =
                    Diagnostic::error("duplicate-target", declared.name.span, message);
                if let Some(span) = other.declared {
                    problem = problem.note(span, "it is declared here too");
                }
                self.problems.push(problem);
                continue;
            }
            let Some(folder) = self.folder_of(root, manifest, declared) else {
                continue;
            };
            let span = declared.path.as_ref().unwrap_or(&declared.name).span;
            if let Some(other) = claimed.insert(folder.clone(), declared.name.text.clone()) {
                let name = &declared.name.text;
                let message = format!(
                    "targets '{other}' and '{name}' have the same folder '{}'",
                    shown(&folder)
                );
                self.problem(Some(span), message);
                continue;
            }
            let sources = self.sources(&folder);
            if sources.is_empty() {
                let name = &declared.name.text;
                let message = format!("target '{name}' has no sources in '{}'", shown(&folder));
                self.problem(Some(span), message);
                continue;
            }
            targets.push(FoundTarget {
                kind: declared.kind,
                name: declared.name.text.clone(),
                sources,
                declared: Some(declared.name.span),
                dependencies: declared.dependencies.clone(),
            });
        }
        for holder in ["Sources", "Tests"] {
            self.discover(root, file, manifest, holder, &claimed, &mut targets);
        }
        if is_root && targets.is_empty() && self.problems.is_empty() {
            let message = format!(
                "package '{}' has no targets: put the sources of a program into a folder '{}'",
                manifest.name.text,
                shown(&root.join("Sources").join(module_name(&manifest.name.text)))
            );
            self.problem(Some(manifest.name.span), message);
        }
        targets.retain(|target| is_root || target.kind == TargetKind::Library);
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        targets
    }

    /// The folder of a declared target, if it exists.
    fn folder_of(
        &mut self,
        root: &Path,
        manifest: &Manifest,
        declared: &DeclaredTarget,
    ) -> Option<PathBuf> {
        if let Some(path) = &declared.path {
            let folder = normalise(root, Path::new(&path.text));
            if self.is_folder(&folder) {
                return Some(folder);
            }
            let message = format!(
                "target '{}' has no folder '{}'",
                declared.name.text,
                shown(&folder)
            );
            self.problem(Some(path.span), message);
            return None;
        }
        let holder = root.join(declared.kind.folder());
        let folder = holder.join(&declared.name.text);
        if self.is_folder(&folder) {
            return Some(folder);
        }
        // The only target of its kind need not have a folder of its own.
        let alike = manifest.targets.iter();
        let alike = alike.filter(|other| other.kind.folder() == declared.kind.folder());
        if alike.count() == 1 && self.has_sources(&holder) {
            return Some(holder);
        }
        let message = format!(
            "target '{}' has no folder '{}'",
            declared.name.text,
            shown(&folder)
        );
        self.problem(Some(declared.name.span), message);
        None
    }

    /// Adds the targets that the manifest does not mention: the folders in `Sources` and in `Tests`.
    fn discover(
        &mut self,
        root: &Path,
        file: FileKey,
        manifest: &Manifest,
        holder: &str,
        claimed: &FxHashMap<PathBuf, String>,
        targets: &mut Vec<FoundTarget>,
    ) {
        let folder = root.join(holder);
        if claimed.contains_key(&folder) || !self.is_folder(&folder) {
            return;
        }
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        if self.has_sources(&folder) {
            let mut name = module_name(&manifest.name.text);
            if holder == "Tests" {
                name.push_str("Tests");
            }
            found.push((name, folder.clone()));
        } else {
            for entry in self.entries(&folder) {
                let name = entry.file_name().and_then(|name| name.to_str());
                let Some(name) = name.filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                if self.is_folder(&entry) && !claimed.contains_key(&entry) {
                    found.push((name.to_owned(), entry.clone()));
                }
            }
        }
        for (name, folder) in found {
            let sources = self.sources(&folder);
            if sources.is_empty() {
                continue;
            }
            let nowhere = FileSpan::new(file, TextRange::empty(0.into()));
            if !is_identifier(&name) {
                let message = format!(
                    "the folder '{}' cannot be a target: its name is not a valid identifier",
                    shown(&folder)
                );
                let hint = "declare a target with another name and this 'path'";
                let problem = Diagnostic::error("manifest", nowhere, message).note(None, hint);
                self.problems.push(problem);
                continue;
            }
            if let Some(other) = targets.iter().find(|target| target.name == name) {
                let message = format!("target '{name}' is found in '{}' too", shown(&folder));
                let problem = Diagnostic::error(
                    "duplicate-target",
                    other.declared.unwrap_or(nowhere),
                    message,
                );
                self.problems.push(problem);
                continue;
            }
            let kind = match holder {
                "Tests" => TargetKind::Test,
                _ if sources.iter().any(|path| is_main(path)) => TargetKind::Executable,
                _ => TargetKind::Library,
            };
            targets.push(FoundTarget {
                kind,
                name,
                sources,
                declared: None,
                dependencies: None,
            });
        }
    }

    /// The source files in a folder and in those inside of it, sorted.
    fn sources(&mut self, folder: &Path) -> Vec<String> {
        let mut sources = Vec::new();
        let mut folders = vec![(folder.to_path_buf(), 0)];
        let mut seen = 0;
        while let Some((folder, depth)) = folders.pop() {
            seen += 1;
            if seen > MAX_FOLDERS {
                let message = format!("there are too many folders in '{}'", shown(&folder));
                self.problem(None, message);
                return sources;
            }
            for entry in self.entries(&folder) {
                let name = entry.file_name().unwrap_or_default();
                if name.as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                if is_source(&entry) {
                    match entry.to_str() {
                        Some(path) => sources.push(path.to_owned()),
                        None => {
                            let path = entry.display();
                            let message = format!("the name of '{path}' is not valid UTF-8");
                            self.problem(None, message);
                        }
                    }
                } else if self.is_folder(&entry) {
                    match depth < MAX_DEPTH {
                        true => folders.push((entry, depth + 1)),
                        false => {
                            let message =
                                format!("folders are nested too deep: '{}'", shown(&entry));
                            self.problem(None, message);
                        }
                    }
                }
            }
        }
        sources.sort();
        sources
    }

    fn has_sources(&mut self, folder: &Path) -> bool {
        self.is_folder(folder) && self.entries(folder).iter().any(|entry| is_source(entry))
    }

    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        match self.system.list_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let reason = crate::vfs::describe(&error);
                let message = format!("cannot read the folder '{}' ({reason})", shown(folder));
                self.problem(None, message);
                Vec::new()
            }
        }
    }

    fn is_folder(&self, path: &Path) -> bool {
        let found = self.system.metadata(path);
        found.is_ok_and(|data| data.kind == FileKind::Directory)
    }

    fn problem(&mut self, span: Option<FileSpan>, message: String) {
        self.problems.push(match span {
            Some(span) => Diagnostic::error("package", span, message),
            None => Diagnostic::global_error("package", message),
        });
    }
}

/// Whether a file is a module's main file, which holds code outside of functions.
pub fn is_main(path: &str) -> bool {
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    matches!(name, Some("main.code" | "main.swift"))
}

fn is_source(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("code" | "swift"))
}

/// The module's name that is nearest to a package's name.
pub fn module_name(package: &str) -> String {
    package.replace(['-', '.'], "_")
}

/// A path as it is shown; the current folder is a dot.
fn shown(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => path.display().to_string(),
    }
}

/// `path` as seen from `base`, without `.` and with as few `..` as possible.
fn normalise(base: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    out
}
