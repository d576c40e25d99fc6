//! Signatures, conformances and witnesses of small programs, with the real standard library.

use super::*;
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile, Workspace};
use crate::items::ids::{DefId, DefKind};
use crate::items::{ItemKind, item, item_tree};
use crate::session::TrackedOptions;
use std::sync::Arc;

pub(super) fn workspace(texts: &[(&str, &str)]) -> (RootDatabase, Vec<SourceFile>) {
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

pub(super) fn all_defs(db: &dyn Db, file: SourceFile) -> Vec<DefId> {
    fn walk(db: &dyn Db, defs: &[DefId], out: &mut Vec<DefId>) {
        for &def in defs {
            out.push(def);
            match item(db, def).map(|i| &i.kind) {
                Some(ItemKind::Nominal(n)) => walk(db, &n.members, out),
                Some(ItemKind::Extension(e)) => walk(db, &e.members, out),
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    walk(db, &item_tree(db, file).top_level, &mut out);
    out
}

#[test]
fn the_library_resolves() {
    let (db, files) = workspace(&[("main.code", "")]);
    let db: &dyn Db = &db;
    let library = crate::resolve::scope::library_module(db);
    let unit = crate::items::unit_of_module(db, library).unwrap();
    let _ = files;
    let mut problems = Vec::new();
    let start = std::time::Instant::now();
    let mut count = 0;
    for &file in unit.files(db) {
        for def in all_defs(db, file) {
            count += 1;
            let mut diagnostics = Vec::new();
            if generics::generic_context(db, def) == Some(def) {
                diagnostics.extend(generics::generic_info(db, def).diagnostics.clone());
            }
            match def.kind(db) {
                DefKind::Var => {
                    diagnostics.extend(signature::lowered_var(db, def).diagnostics.clone())
                }
                DefKind::TypeAlias => diagnostics.extend(lower::lower_alias(db, def).1),
                DefKind::Protocol => {
                    diagnostics.extend(protocols::signature_diagnostics(db, def).to_vec())
                }
                _ => diagnostics.extend(signature::lowered_signature(db, def).diagnostics.clone()),
            }
            signature::signature(db, def);
            for d in diagnostics {
                problems.push(format!(
                    "{} {:?} {}: {}",
                    file.path(db),
                    def.kind(db),
                    display::display_def(db, def, false),
                    d.message
                ));
            }
        }
    }
    println!("{count} definitions in {:?}", start.elapsed());
    println!("{}", problems.join("\n"));
    let start = std::time::Instant::now();
    let mut missing = Vec::new();
    let mut witnesses = 0;
    for &file in unit.files(db) {
        for def in all_defs(db, file) {
            if !crate::resolve::scope::is_nominal(db, def) {
                continue;
            }
            let mut table: Vec<DefId> = conformance::conformance_table(db, def)
                .keys()
                .copied()
                .collect();
            table.sort_by_key(|p| p.name(db));
            for protocol in table {
                for &assoc in protocols::assoc_types(db, protocol) {
                    if !assoc::type_witnesses(db, def).contains_key(&assoc) {
                        missing.push(format!(
                            "{}: no type for {}.{}",
                            def.name(db),
                            protocol.name(db),
                            assoc.name(db)
                        ));
                    }
                }
                for &req in protocol_requirements(db, protocol) {
                    witnesses += 1;
                    if let Err(e) = witness::witness_entry(db, def, req) {
                        let c: Vec<String> = e
                            .candidates
                            .iter()
                            .map(|(d, m)| format!("{}:{m:?}", display::display_name(db, *d)))
                            .collect();
                        missing.push(format!(
                            "{}: {}: {} ({})",
                            def.name(db),
                            protocol.name(db),
                            display::display_name(db, req),
                            c.join(" | ")
                        ));
                    }
                }
            }
        }
    }
    println!("{witnesses} witnesses in {:?}", start.elapsed());
    println!("{}", missing.join("\n"));
    let mut errors = Vec::new();
    for &file in unit.files(db) {
        for def in all_defs(db, file) {
            let bad = match def.kind(db) {
                DefKind::Var => var_type(db, def).has_error(),
                DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case => {
                    signature::signature(db, def).function_type().has_error()
                }
                _ => false,
            };
            if bad {
                errors.push(format!(
                    "{} {}",
                    file.path(db),
                    display::display_def(db, def, false)
                ));
            }
            if crate::resolve::scope::is_nominal(db, def)
                && [
                    "Array",
                    "Dictionary",
                    "String",
                    "Slice",
                    "Int",
                    "Range",
                    "LazyMapSequence",
                    "ReversedCollection",
                ]
                .contains(&def.name(db).as_str())
            {
                let mut w: Vec<String> = assoc::type_witnesses(db, def)
                    .iter()
                    .map(|(a, t)| format!("{}={}", a.name(db), display_type(db, *t, false)))
                    .collect();
                w.sort();
                println!("{}: {}", def.name(db), w.join(", "));
            }
        }
    }
    println!("{}", errors.join("\n"));
    panic!("{} {} {}", problems.len(), missing.len(), errors.len());
}

#[test]
fn dump() {
    let text = std::fs::read_to_string(std::env::var("DUMP").unwrap()).unwrap();
    let (db, files) = workspace(&[("main.code", &text)]);
    let db: &dyn Db = &db;
    println!("{}", describe_file(db, files[0]));
}

pub(super) fn describe_file(db: &dyn Db, file: SourceFile) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for def in all_defs(db, file) {
        let name = display::display_def(db, def, false);
        match def.kind(db) {
            DefKind::Var => {
                let _ = writeln!(
                    out,
                    "var {name}: {}",
                    display_type(db, var_type(db, def), false)
                );
            }
            DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case => {
                let s = signature::signature(db, def);
                let _ = writeln!(
                    out,
                    "{} {name}: {:?} {}",
                    lower::describe(db, def),
                    s.this,
                    display_type(db, s.function_type(), false)
                );
                if let Some(o) = overridden(db, def) {
                    let _ = writeln!(out, "  overrides {}", display::display_def(db, o, false));
                }
            }
            _ => {
                let _ = writeln!(out, "{} {name}", lower::describe(db, def));
            }
        }
        if crate::resolve::scope::is_nominal(db, def) {
            for &m in synth::synth_members(db, def) {
                let _ = writeln!(
                    out,
                    "  synth {} {}",
                    display::display_name(db, m),
                    display_type(db, signature::signature(db, m).function_type(), false)
                );
            }
            let mut t: Vec<(DefId, _)> = conformance::conformance_table(db, def)
                .iter()
                .map(|(p, d)| (*p, *d))
                .collect();
            t.sort_by_key(|p| p.0.name(db));
            for (p, _) in t {
                let _ = writeln!(out, "  : {}", p.name(db));
                for &r in protocol_requirements(db, p) {
                    match witness::witness_entry(db, def, r) {
                        Ok(e) => {
                            let a: Vec<String> =
                                e.args.iter().map(|t| display_type(db, t, false)).collect();
                            let _ = writeln!(
                                out,
                                "    {} -> {} <{}>",
                                display::display_name(db, r),
                                display::display_def(db, e.def, false),
                                a.join(", ")
                            );
                        }
                        Err(e) => {
                            let _ = writeln!(
                                out,
                                "    {} MISSING {:?}",
                                display::display_name(db, r),
                                e.candidates.iter().map(|c| c.1).collect::<Vec<_>>()
                            );
                        }
                    }
                }
            }
            let mut w: Vec<String> = assoc::type_witnesses(db, def)
                .iter()
                .map(|(a, t)| {
                    format!(
                        "{}={}",
                        a.name(db),
                        display_type(db, normalize(db, Some(def), *t), false)
                    )
                })
                .collect();
            w.sort();
            if !w.is_empty() {
                let _ = writeln!(out, "  where {}", w.join(", "));
            }
            if def.kind(db) == DefKind::Class {
                for e in &vtable(db, def).entries {
                    let _ = writeln!(
                        out,
                        "  vtable {:?} {} = {}",
                        e.method.kind,
                        display::display_def(db, e.method.def, false),
                        display::display_def(db, e.implementation.def, false)
                    );
                }
            }
        }
        if generics::generic_context(db, def) == Some(def) {
            let g = generics(db, def);
            let r: Vec<String> = g
                .requirements
                .iter()
                .map(|r| match *r {
                    Requirement::Conforms(t, p) => {
                        format!("{}: {}", display_type(db, t, false), p.name(db))
                    }
                    Requirement::Same(a, b) => format!(
                        "{} == {}",
                        display_type(db, a, false),
                        display_type(db, b, false)
                    ),
                    Requirement::Superclass(a, b) => format!(
                        "{}: {}",
                        display_type(db, a, false),
                        display_type(db, b, false)
                    ),
                    Requirement::Class(a) => format!("{}: class", display_type(db, a, false)),
                })
                .collect();
            let _ = writeln!(
                out,
                "  <{}> where {}",
                g.params
                    .iter()
                    .map(|p| p.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                r.join(", ")
            );
            for d in &generics::generic_info(db, def).diagnostics {
                let _ = writeln!(out, "  !! {}", d.message);
            }
        }
        let d = match def.kind(db) {
            DefKind::Var => signature::lowered_var(db, def).diagnostics.clone(),
            DefKind::TypeAlias => lower::lower_alias(db, def).1,
            DefKind::Protocol => protocols::signature_diagnostics(db, def).to_vec(),
            _ => signature::lowered_signature(db, def).diagnostics.clone(),
        };
        for d in d {
            let _ = writeln!(out, "  !! {}", d.message);
        }
    }
    out
}

#[test]
fn rejects() {
    let dir = std::path::Path::new("/work/shared/conformance/rejects");
    let mut missed = Vec::new();
    let mut hit = 0;
    let mut extra = Vec::new();
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.sort();
    for path in names {
        if path.extension().is_none_or(|e| e != "code") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text
            .lines()
            .position(|l| l.contains("// error"))
            .unwrap_or(usize::MAX)
            + 1;
        let (db, files) = workspace(&[("main.code", &text)]);
        let db: &dyn Db = &db;
        let lines = crate::db::line_index(db, files[0]);
        let name = path.file_stem().unwrap().to_string_lossy().to_string();
        let mut found = false;
        for d in check::file_diagnostics(db, files[0]) {
            let r = crate::items::anchor::resolve_diagnostic(db, &d);
            let l = r
                .span
                .map(|s| lines.line_col(s.range.start()).line as usize)
                .unwrap_or(0);
            if l == line {
                found = true;
                println!("ok {name}: {}", d.message);
            } else {
                extra.push(format!("{name}:{l} (want {line}): {}", d.message));
            }
        }
        if found {
            hit += 1
        } else {
            missed.push(name);
        }
    }
    println!("{hit} hit\nEXTRA\n{}", extra.join("\n"));
    println!("MISSED {}", missed.join(" "));
}

#[test]
fn clean() {
    let mut out = Vec::new();
    for dir in [
        "01-core",
        "02-values",
        "03-closures-classes",
        "04-generics-protocols",
        "05-enums-errors",
        "06-sequences",
        "07-existentials-casts",
        "08-hashing-dictionaries",
        "09-unicode-strings",
        "10-ownership-lifetimes",
        "programs",
        "bench",
    ] {
        let dir = std::path::Path::new("/work/shared/conformance").join(dir);
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "code") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let (db, files) = workspace(&[("main.code", &text)]);
            let db: &dyn Db = &db;
            let lines = crate::db::line_index(db, files[0]);
            for d in check::file_diagnostics(db, files[0]) {
                let r = crate::items::anchor::resolve_diagnostic(db, &d);
                let l = r
                    .span
                    .map(|s| lines.line_col(s.range.start()).line as usize)
                    .unwrap_or(0);
                out.push(format!(
                    "{}:{l}: {} {:?}",
                    path.display(),
                    d.message,
                    d.notes.iter().map(|n| &n.message).collect::<Vec<_>>()
                ));
            }
        }
    }
    println!("CLEAN {}\n{}", out.len(), out.join("\n"));
}

#[test]
fn library_clean() {
    let (db, _) = workspace(&[("main.code", "")]);
    let db: &dyn Db = &db;
    let library = crate::resolve::scope::library_module(db);
    let unit = crate::items::unit_of_module(db, library).unwrap();
    for &file in unit.files(db) {
        let lines = crate::db::line_index(db, file);
        for d in check::file_diagnostics(db, file) {
            let r = crate::items::anchor::resolve_diagnostic(db, &d);
            let l = r
                .span
                .map(|s| lines.line_col(s.range.start()).line as usize)
                .unwrap_or(0);
            println!(
                "LIB {}:{l}: {} {:?}",
                file.path(db),
                d.message,
                d.notes.iter().map(|n| &n.message).collect::<Vec<_>>()
            );
        }
    }
}
