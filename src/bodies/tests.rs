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

/// The steps that the solver takes for the bodies of a file without mistakes.
fn steps(source: &str) -> u64 {
    let (db, files) = workspace(&[("main.code", source)]);
    assert_eq!(diagnostics(&db, files[0]), "");
    let bodies = super::bodies_of_file(&db, files[0]);
    bodies
        .into_iter()
        .map(|def| super::check_body(&db, def).work.total)
        .sum()
}

/// Twice the source takes about twice the steps, and a part of it no more than so many.
fn assert_linear(source: impl Fn(usize) -> String, parts: usize, each: u64) {
    let (half, whole) = (steps(&source(parts / 2)), steps(&source(parts)));
    assert!(
        whole <= half * 5 / 2,
        "{half} steps for {} parts, {whole} for {parts}",
        parts / 2
    );
    assert!(
        whole <= each * parts as u64,
        "{whole} steps for {parts} parts"
    );
}

#[test]
fn chains_of_literals_and_operators_are_linear() {
    let operands = ["1", "2.5", "3", "-4", "5.25", "(6)", "-0.5"];
    let chain = |n: usize| {
        let mut text = "0".to_owned();
        for i in 0..n {
            text += [" + ", " - ", " * ", " / "][i * 7 % 4];
            text += operands[i * 5 % operands.len()];
        }
        text
    };
    assert_linear(|n| format!("immutable a = {}\n", chain(n)), 60, 400);
    assert_linear(|n| format!("immutable a: Double = {}\n", chain(n)), 60, 400);
    assert_linear(
        |n| format!("fn f(_ x: Double) -> Double {{ x * {} }}\n", chain(n)),
        60,
        400,
    );
}

#[test]
fn array_literals_are_linear() {
    let elements = ["1", "2.5", "-3", "4 * 2", "1.5 + 2", "(3)", "7 - 1 * 2.5"];
    let array = |n: usize| {
        let elements: Vec<&str> = (0..n).map(|i| elements[i * 5 % elements.len()]).collect();
        elements.join(", ")
    };
    assert_linear(|n| format!("immutable a = [{}]\n", array(n)), 2000, 200);
    assert_linear(
        |n| format!("immutable a: [Double] = [{}]\n", array(n)),
        2000,
        200,
    );
}
