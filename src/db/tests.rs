//! Tests of `db`, which double as examples of its idioms.

use std::sync::Arc;

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

/// A query that can reach itself: files say `alias=word`, and aliases may go round in circles.
#[salsa::tracked(returns(copy), cycle_result = no_target)]
fn target(db: &dyn Db, file: SourceFile, word: Name) -> Option<Name> {
    let mut aliases = words(db, file)
        .iter()
        .filter_map(|w| w.as_str().split_once('='));
    match aliases.find(|(alias, _)| word == *alias) {
        Some((_, next)) => target(db, file, Name::new(next)),
        None => Some(word),
    }
}

fn no_target(_: &dyn Db, _: salsa::Id, _: SourceFile, _: Name) -> Option<Name> {
    None
}

#[test]
fn cycles_end_in_a_value() {
    let db = RootDatabase::new();
    let file = SourceFile::of_user(&db, "a.code", "a=b b=c x=y y=z z=x");
    assert_eq!(target(&db, file, Name::new("a")), Some(Name::new("c")));
    assert_eq!(target(&db, file, Name::new("y")), None);
}

#[test]
fn writers_cancel_readers() {
    use std::sync::mpsc::channel;

    let mut db = RootDatabase::new();
    let file = SourceFile::of_user(&db, "a.code", "one");
    let (started, wait) = channel();
    let reader = db.clone();
    let reading = std::thread::spawn(move || {
        // The edge, which is the one place that catches cancellation.
        salsa::Cancelled::catch(std::panic::AssertUnwindSafe(|| {
            let _ = started.send(());
            loop {
                words(&reader, file);
            }
        }))
        .map(|never: std::convert::Infallible| match never {})
    });
    wait.recv().unwrap();
    assert!(file.update_text(&mut db, "two"));
    assert!(reading.join().unwrap().is_err());
    assert_eq!(words(&db, file), &[Name::new("two")]);
}

#[test]
fn threads_share_what_they_compute() {
    let db = RootDatabase::with_event_log();
    let files: Vec<SourceFile> = (0..100)
        .map(|i| SourceFile::of_user(&db, &format!("{i}.code"), format!("w{} x", i % 7)))
        .collect();
    let twice = [&files[..], &files[..]].concat();
    let ask = |db: &dyn Db, &file: &SourceFile| occurrences(db, file, Name::new("w3"));
    let total: usize = db.par_map(&twice, ask).into_iter().sum();
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
