//! Types and diagnostics of small programs, with the real standard library.

use std::fmt::Write;
use std::sync::Arc;

use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile, Workspace};
use crate::items::anchor::resolve_diagnostic;
use crate::session::TrackedOptions;

fn workspace(texts: &[(&str, &str)]) -> (RootDatabase, Vec<SourceFile>) {
    super::register();
    let db = RootDatabase::with_event_log();
    let options = TrackedOptions::default();
    let library = CompilationUnit::of_library(&db, crate::library::CODIRA_SOURCES, &options);
    let builtin = CompilationUnit::of_builtin(&db, crate::library::BUILTIN_SOURCE, &options);
    let files: Vec<SourceFile> = texts
        .iter()
        .map(|(path, text)| SourceFile::of_user(&db, path, *text))
        .collect();
    let unit = CompilationUnit::of_user(&db, files.clone(), Arc::new(options), Some(library));
    Workspace::new(&db, vec![unit, library, builtin]);
    (db, files)
}

/// The diagnostics of a file's bodies, as `line: message`.
fn diagnostics(db: &dyn Db, file: SourceFile) -> String {
    let lines = crate::db::line_index(db, file);
    let mut out = String::new();
    for def in super::bodies_of_file(db, file) {
        for diagnostic in super::body_diagnostics(db, def) {
            let shown = resolve_diagnostic(db, diagnostic);
            let line = shown
                .span
                .map_or(0, |s| lines.line_col(s.range.start()).line);
            let _ = writeln!(out, "{line}: {}: {}", shown.severity.word(), shown.message);
        }
    }
    out
}

/// Checks the files named by an environment variable, for work on the checker itself.
#[test]
#[ignore]
fn files_from_environment() {
    let Ok(list) = std::env::var("CHECK_FILES") else {
        return;
    };
    let limit = 60;
    let (mut clean, mut total) = (0, 0);
    for path in list.split_whitespace() {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (db, files) = workspace(&[("main.code", &text)]);
        let start = std::time::Instant::now();
        let found =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| diagnostics(&db, files[0])))
                .unwrap_or_else(|_| "0: error: panic\n".to_string());
        let errors: Vec<&str> = found.lines().filter(|l| l.contains(": error:")).collect();
        total += 1;
        clean += usize::from(errors.is_empty());
        println!("{path}: {} errors in {:?}", errors.len(), start.elapsed());
        for line in errors.iter().take(limit) {
            println!("    {line}");
        }
    }
    println!("{clean} of {total} clean");
}

/// The library's own bodies.
#[test]
#[ignore]
fn library_bodies() {
    let (db, _) = workspace(&[("main.code", "")]);
    let db: &dyn Db = &db;
    let library = crate::resolve::scope::library_module(db);
    let Some(unit) = crate::items::unit_of_module(db, library) else {
        panic!("there is no library");
    };
    let mut total = 0;
    for &file in unit.files(db) {
        let start = std::time::Instant::now();
        let found = diagnostics(db, file);
        let errors: Vec<&str> = found.lines().filter(|l| l.contains(": error:")).collect();
        println!(
            "{}: {} errors in {:?}",
            file.path(db),
            errors.len(),
            start.elapsed()
        );
        total += errors.len();
        for line in errors.iter().take(40) {
            println!("    {line}");
        }
    }
    println!("{total} errors");
}

fn check(source: &str, expected: expect_test::Expect) {
    let (db, files) = workspace(&[("main.code", source)]);
    expected.assert_eq(&diagnostics(&db, files[0]));
}

#[test]
fn one_mistake_is_one_error() {
    check(
        "struct P { var x: Int }\nfn f(_ p: P) -> Int {\n    immutable y = p.z + 1\n    return y\n}\n",
        expect_test::expect![[r#"
            3: error: value of type 'P' has no member 'z'
        "#]],
    );
    check(
        "fn f(a: Int) -> Int { a }\nfn g() -> Int {\n    f(b: 1)\n}\n",
        expect_test::expect![[r#"
            3: error: incorrect argument label in call (have 'b:', expected 'a:')
        "#]],
    );
}

#[test]
fn literals_and_operators_are_linear() {
    let chain: Vec<String> = (0..60)
        .map(|i| {
            if i % 2 == 0 {
                format!("{i}")
            } else {
                format!("{i}.5")
            }
        })
        .collect();
    let elements: Vec<String> = (0..2000)
        .map(|i| {
            if i % 2 == 0 {
                format!("{i}")
            } else {
                format!("{i}.5")
            }
        })
        .collect();
    let source = format!(
        "fn f() -> Double {{ {} }}\nfn g() -> [Double] {{ [{}] }}\n",
        chain.join(" + "),
        elements.join(", ")
    );
    let (db, files) = workspace(&[("main.code", &source)]);
    assert_eq!(diagnostics(&db, files[0]), "");
    for def in super::bodies_of_file(&db, files[0]) {
        let steps = super::check_body(&db, def).steps;
        assert!(steps < 20_000, "{steps} steps");
    }
}
