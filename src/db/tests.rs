//! Tests of `db`, which double as examples of its idioms.

use std::sync::Arc;

use rayon::prelude::*;
use salsa::Setter;

use crate::base::Name;
use crate::session::TrackedOptions;

use super::*;

/// A query with an owned value: callers get a reference.
#[salsa::tracked]
fn words(db: &dyn Db, file: SourceFile) -> Vec<Name> {
    file.text(db).split_whitespace().map(Name::new).collect()
}

/// A query keyed by more than a salsa struct; its small result is copied.
#[salsa::tracked(returns(copy))]
fn occurrences(db: &dyn Db, file: SourceFile, word: Name) -> usize {
    words(db, file).iter().filter(|&&w| w == word).count()
}

/// A query over a whole unit.
#[salsa::tracked(returns(copy))]
fn mentions(db: &dyn Db, unit: CompilationUnit, word: Name) -> bool {
    unit.files(db)
        .iter()
        .any(|&file| occurrences(db, file, word) > 0)
}

fn names(executed: &[(String, usize)]) -> Vec<(&str, usize)> {
    let plain = executed.iter().map(|(name, n)| (name.as_str(), *n));
    plain.collect()
}

#[test]
fn edits_run_only_what_they_reach() {
    let mut db = RootDatabase::with_event_log();
    let options = TrackedOptions::default();
    let library = CompilationUnit::of_library(&db, &[("lib.code", "lib words")], &options);
    let a = SourceFile::of_user(&db, "a.code", "one two");
    let b = SourceFile::of_user(&db, "b.code", "three");
    let unit = CompilationUnit::of_user(&db, vec![a, b], Arc::new(options), Some(library));
    let three = Name::new("three");
    assert!(mentions(&db, unit, three));
    assert!(!mentions(&db, library, three));
    let first = db.take_executed();
    assert_eq!(
        names(&first),
        [("mentions", 2), ("occurrences", 3), ("words", 3)]
    );

    // White space: the words are equal, so nothing above them runs.
    assert!(a.update_text(&mut db, "one  two"));
    assert!(mentions(&db, unit, three));
    assert!(!mentions(&db, library, three));
    assert_eq!(db.executions_of("words"), 1);
    assert_eq!(db.event_log().map(|log| log.total().executed), Some(1));
    db.take_executed();

    // An equal text is no change at all.
    assert!(!a.update_text(&mut db, "one  two"));
    assert!(mentions(&db, unit, three));
    assert_eq!(db.take_executed(), []);

    // A word more: the count for that file runs, and stops there because it is equal.
    assert!(a.update_text(&mut db, "one two four"));
    assert!(mentions(&db, unit, three));
    let executed = db.take_executed();
    assert_eq!(names(&executed), [("occurrences", 1), ("words", 1)]);
    assert!(library.is_library(&db) && !unit.is_library(&db));
}

#[test]
fn threads_share_what_they_compute() {
    let db = RootDatabase::with_event_log();
    let files: Vec<SourceFile> = (0..100)
        .map(|i| SourceFile::of_user(&db, &format!("{i}.code"), format!("w{} x", i % 7)))
        .collect();
    let ask = |db: &mut RootDatabase, &file: &SourceFile| occurrences(db, file, Name::new("w3"));
    let total: usize = files
        .par_iter()
        .chain(files.par_iter())
        .map_with(db.clone(), ask)
        .sum();
    assert_eq!(total, 2 * 14);
    assert_eq!(db.executions_of("words"), 100);
}

#[test]
fn files_show_inputs_to_diagnostics() {
    use crate::base::{TextRange, TextSize};
    use crate::diag::{Diagnostic, FileSpan, Files, render};

    let mut db = RootDatabase::new();
    let file = SourceFile::of_user(&db, "dir/a.swift", "x\ny");
    let unit = CompilationUnit::of_user(&db, vec![file], Arc::default(), None);
    let span = FileSpan::new(file, TextRange::at(2.into(), TextSize::of("y")));
    let diagnostic = Diagnostic::error("e", span, "m");
    let files = DbFiles::new(&db, &[unit]);
    assert_eq!(files.order(file.into()), 0);
    assert_eq!(
        render::to_text(&diagnostic, &files, false),
        "dir/a.swift:2:1: error: m\n2 | y\n  | ^\n"
    );
    file.set_path(&mut db).to("b".into());
    assert_eq!(SourceFile::from_key(file.into()).path(&db), "b");
}
