//! Programs in `fixtures/diagnostics`: each holds mistakes, whose lines end in `// error: gist`. Errors must stand on exactly those lines.
//!
//! Where a `.txt` file stands beside a program, it holds all that is printed: excerpts, notes, corrections. `UPDATE_EXPECT=1` rewrites it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use codira::db::{CompilationUnit, DbFiles, RootDatabase, SourceFile};
use codira::diag::{Diagnostic, Files, ReportOptions, prepare, render};
use codira::interface::stages;
use codira::session::TrackedOptions;
use codira::{bodies, items};
use expect_test::expect_file;
use std::sync::Arc;

/// Programs whose mistakes are not found yet, and why. This list only shrinks.
const KNOWN: &[(&str, &str)] = &[
    (
        "ambiguous-variadic-generic",
        "the solver prefers the plain function to the generic one",
    ),
    (
        "init-mixed-binding",
        "the reference compiler leaves a property out of the initialiser that it makes; this one does not",
    ),
    (
        "names-member-hides-global",
        "static members do not hide global functions in instance members",
    ),
];

/// What a line with a mistake ends in.
const MARK: &str = "// error:";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/diagnostics")
}

fn programs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "code"))
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// A database with the library in it, in which one file after the other is checked.
struct Checker {
    db: RootDatabase,
    unit: CompilationUnit,
    file: SourceFile,
}

impl Checker {
    fn new() -> Checker {
        bodies::register();
        let db = RootDatabase::new();
        let file = SourceFile::of_user(&db, "main.code", "");
        let unit = items::workspace::open(&db, vec![file], Arc::new(TrackedOptions::default()));
        Checker { db, unit, file }
    }

    /// The diagnostics of a program in the order in which they are shown.
    fn check(&mut self, text: &str) -> Vec<Diagnostic> {
        self.file.update_text(&mut self.db, text);
        let found = stages::diagnostics(&self.db, self.unit);
        let files = DbFiles::new(&self.db, &[self.unit]);
        prepare(found, &ReportOptions::default(), &files).diagnostics
    }

    /// The lines that errors stand on.
    fn lines(&self, found: &[Diagnostic]) -> BTreeSet<u32> {
        let files = DbFiles::new(&self.db, &[self.unit]);
        let errors = found.iter().filter(|d| d.is_error());
        errors
            .map(|error| match error.span {
                Some(span) => files.lines(span.file).line_col(span.range.start()).line,
                None => 0,
            })
            .collect()
    }

    fn render(&self, found: &[Diagnostic]) -> String {
        let files = DbFiles::new(&self.db, &[self.unit]);
        found
            .iter()
            .map(|d| render::to_text(d, &files, false))
            .collect()
    }
}

/// Runs `judge` over all programs on two threads; what it returns are failures.
fn each_program(judge: impl Fn(&mut Checker, &Path, &str) -> Option<String> + Sync) -> Vec<String> {
    let programs = programs();
    assert!(
        !programs.is_empty(),
        "no programs in {}",
        folder().display()
    );
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let work = || {
                let mut checker = Checker::new();
                while let Some(path) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let text = std::fs::read_to_string(path).unwrap();
                    if let Some(failure) = judge(&mut checker, path, &text) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            };
            std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn_scoped(scope, work)
                .unwrap();
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}

#[test]
fn errors_stand_on_the_marked_lines() {
    let failures = each_program(|checker, path, text| {
        let marked = text.lines().enumerate();
        let marked: BTreeSet<u32> = marked
            .filter(|(_, line)| line.contains(MARK))
            .map(|(n, _)| n as u32 + 1)
            .collect();
        assert!(!marked.is_empty(), "{}: no line is marked", path.display());
        let found = checker.check(text);
        let lines = checker.lines(&found);
        let known = KNOWN.iter().find(|known| known.0 == name(path));
        match (lines == marked, known) {
            (true, None) | (false, Some(_)) => None,
            (true, Some(_)) => Some(format!("{}: passes now, take it off the list", name(path))),
            (false, None) => Some(format!(
                "{}: errors on lines {lines:?}, expected on {marked:?}\n{}",
                name(path),
                checker.render(&found)
            )),
        }
    });
    assert!(
        failures.is_empty(),
        "{} programs:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn texts_are_as_recorded() {
    each_program(|checker, path, text| {
        let expected = path.with_extension("txt");
        if expected.exists() {
            let found = checker.check(text);
            expect_file![expected].assert_eq(&checker.render(&found));
        }
        None
    });
}

/// Programs that compile give nobody anything to say, except that they ignore results and variables on purpose.
#[test]
fn correct_programs_have_no_errors() {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder().with_file_name("run"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut checker = Checker::new();
    let mut failures = String::new();
    for path in folders.iter().filter(|path| path.is_dir()) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "code") && path.with_extension("out").exists()
            {
                let found = checker.check(&std::fs::read_to_string(&path).unwrap());
                if !checker.lines(&found).is_empty() {
                    failures += &format!("{}:\n{}", path.display(), checker.render(&found));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
