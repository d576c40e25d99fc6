//! The standard library is a program like any other: every body of it must check, and lower to MIR.

use codira::db::{CompilationUnit, DbFiles, RootDatabase, Workspace};
use codira::diag::{Diagnostic, ReportOptions, prepare, render};
use codira::session::TrackedOptions;
use codira::{bodies, items, mir};
use std::sync::Arc;

fn library(db: &RootDatabase) -> CompilationUnit {
    bodies::register();
    let options = Arc::new(TrackedOptions::default());
    let unit = items::workspace::open(db, Vec::new(), options);
    unit.library(db)
        .expect("the user's module imports the library")
}

fn owners(db: &RootDatabase, unit: CompilationUnit) -> Vec<items::DefId> {
    let files = unit.files(db).iter();
    files
        .flat_map(|&file| items::body_owners(db, file))
        .copied()
        .collect()
}

fn assert_none(db: &RootDatabase, unit: CompilationUnit, found: Vec<Diagnostic>) {
    let files = DbFiles::new(db, &[unit]);
    let options = ReportOptions {
        error_limit: None,
        suppress_warnings: true,
        ..ReportOptions::default()
    };
    let report = prepare(found, &options, &files);
    let all = report.diagnostics.iter();
    let text: String = all.map(|d| render::to_text(d, &files, false)).collect();
    assert_eq!(report.errors, 0, "{} errors:\n{text}", report.errors);
}

#[test]
fn every_body_checks() {
    std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(|| {
            let db = RootDatabase::new();
            let unit = library(&db);
            assert!(Workspace::get(&db).units(&db).contains(&unit));
            let mut found = Vec::new();
            for def in owners(&db, unit) {
                for error in bodies::body_diagnostics(&db, def) {
                    found.push(items::anchor::resolve_diagnostic(&db, error));
                }
            }
            assert_none(&db, unit, found);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn every_body_lowers() {
    std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(|| {
            let db = RootDatabase::new();
            let unit = library(&db);
            let mut found = Vec::new();
            for def in owners(&db, unit) {
                for error in mir::flow::flow_diagnostics(&db, def) {
                    found.push(items::anchor::resolve_diagnostic(&db, error));
                }
            }
            assert_none(&db, unit, found);
        })
        .unwrap()
        .join()
        .unwrap();
}
