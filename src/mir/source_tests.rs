//! Checks of lowering on source text, with the real standard library.

use super::{FnId, FnKind, build, dump, functions_of, verify};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile, Workspace};
use crate::items::ids::{DefId, DefKind};
use crate::session::TrackedOptions;
use expect_test::{Expect, expect};
use std::sync::Arc;

pub(super) fn workspace(text: &str) -> (RootDatabase, SourceFile) {
    crate::bodies::register();
    let db = RootDatabase::new();
    let options = TrackedOptions::default();
    let library = CompilationUnit::of_library(&db, crate::library::CODIRA_SOURCES, &options);
    let builtin = CompilationUnit::of_builtin(&db, crate::library::BUILTIN_SOURCE, &options);
    let file = SourceFile::of_user(&db, "main.code", text);
    let unit = CompilationUnit::of_user(&db, vec![file], Arc::new(options), Some(library));
    Workspace::new(&db, vec![unit, library, builtin]);
    (db, file)
}

/// What is wrong with the functions of a file, in words.
fn problems(db: &dyn Db, file: SourceFile) -> Vec<String> {
    let mut out = Vec::new();
    for &def in crate::items::body_owners(db, file) {
        if crate::bodies::typed_body(db, def).has_errors {
            let diagnostics = crate::bodies::body_diagnostics(db, def);
            let first = diagnostics.first().map(|d| d.message.clone());
            out.push(format!("{}: does not check: {first:?}", name(db, def)));
            continue;
        }
        let mut ids = functions_of(db, def);
        if def.kind(db) == DefKind::Init {
            ids.push(FnId {
                def,
                kind: FnKind::Allocate,
            });
        }
        for id in ids {
            let built = build(db, id.def, id.kind);
            for error in &built.errors {
                out.push(format!("{} {:?}: {:?}", name(db, def), id.kind, error.kind));
            }
            let Some(mir) = &built.mir else { continue };
            for problem in verify::verify(db, mir) {
                out.push(format!("{} {:?}: {problem}", name(db, def), id.kind));
            }
        }
    }
    out
}

fn name(db: &dyn Db, def: DefId) -> String {
    let own = format!("{}[{:?}]", def.name(db), def.kind(db));
    match def.parent(db) {
        Some(p) if p.kind(db) != DefKind::Module => format!("{}.{own}", name(db, p)),
        _ => own,
    }
}

/// The graphs of the functions of a program whose names contain `wanted`.
fn check(text: &str, wanted: &str, expected: Expect) {
    let (db, file) = workspace(text);
    let found = problems(&db, file);
    assert!(found.is_empty(), "{found:#?}");
    let mut dumps = String::new();
    for &def in crate::items::body_owners(&db, file) {
        for id in functions_of(&db, def) {
            let Some(mir) = super::mir(&db, id) else {
                continue;
            };
            let text = dump::dump(&db, mir);
            if text.lines().next().is_some_and(|l| l.contains(wanted)) {
                dumps.push_str(&text);
            }
        }
    }
    expected.assert_eq(&dumps);
}

#[test]
fn the_library_lowers() {
    let (db, _) = workspace("");
    let library = crate::resolve::scope::library_module(&db);
    let unit = crate::items::unit_of_module(&db, library).expect("the library");
    let mut all = Vec::new();
    for &file in unit.files(&db) {
        all.extend(problems(&db, file));
    }
    let shown: Vec<&String> = all.iter().take(700).collect();
    assert!(all.is_empty(), "{} problems: {shown:#?}", all.len());
}

/// Prints what is wrong with the programs that an environment variable names, and their graphs if another one is set.
#[test]
fn programs_lower() {
    let Ok(paths) = std::env::var("CODIRA_MIR_PROGRAMS") else {
        return;
    };
    for path in paths.split_whitespace() {
        let text = std::fs::read_to_string(path).expect("a program");
        let (db, file) = workspace(&text);
        for problem in problems(&db, file) {
            println!("{path}: {problem}");
        }
        if std::env::var("CODIRA_MIR_DUMP").is_ok() {
            for &def in crate::items::body_owners(&db, file) {
                for id in functions_of(&db, def) {
                    if let Some(mir) = super::mir(&db, id) {
                        println!("{}", dump::dump(&db, mir));
                    }
                }
            }
        }
    }
}

#[test]
fn assignments_evaluate_the_index_first() {
    check(
        "fn i() -> Int { 0 }\nfn f(_ a: inout [Int], _ b: [Int]) { a[i()] = b[i()] }",
        "f(",
        expect![[r#"
            fn f(_:_:)(a_1: inout [Int], b_2: [Int]) -> () {
                let _3: Int
                let _4: Int
                let _5: UnsafePointer<Int>
                let _6: Int
                let _7: ()
                let _8: UnsafeMutablePointer<Int>
              b0:
                _3 = call i()()
                _4 = call i()()
                _5 = call Array.subscript(_:).unsafeAddress<Int>(_4, b_2)
                _6 = copy _5._rawValue.deref(Int)
                _8 = call Array.subscript(_:).unsafeMutableAddress<Int>(_3, &a_1)
                _8._rawValue.deref(Int) = move _6
                result = ()
                return
            }
        "#]],
    );
}
