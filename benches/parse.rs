//! Lexing, parsing and item trees, in lines a second on one thread.

#[path = "common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;

use codira::db::{RootDatabase, SourceFile};
use codira::items;
use codira::session::TrackedOptions;
use codira::syntax::{ParseOptions, lexer, parse};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn syntax(c: &mut Criterion) {
    let module = common::module(10, 10);
    let options = ParseOptions::default();
    let mut group = c.benchmark_group("syntax");
    group.throughput(Throughput::Elements(common::lines(&module)));
    group.bench_function("lex", |b| {
        b.iter(|| {
            for (_, text) in &module {
                black_box(lexer::lex(text, &options));
            }
        });
    });
    group.bench_function("lex and parse", |b| {
        // Dropping the trees is not part of making them.
        b.iter_with_large_drop(|| {
            let trees = module.iter().map(|(_, text)| parse(text, &options));
            trees.collect::<Vec<_>>()
        });
    });
    group.finish();
}

/// A database with a module, and its files.
fn open(module: &[(String, String)]) -> (RootDatabase, Vec<SourceFile>) {
    let db = RootDatabase::new();
    let files: Vec<SourceFile> = module
        .iter()
        .map(|(path, text)| SourceFile::of_user(&db, path, text.as_str()))
        .collect();
    items::workspace::open(&db, files.clone(), Arc::new(TrackedOptions::default()));
    (db, files)
}

fn trees(c: &mut Criterion) {
    let module = common::module(10, 10);
    let mut group = c.benchmark_group("items");
    group.throughput(Throughput::Elements(common::lines(&module)));
    group.bench_function("parse", |b| {
        b.iter_batched(
            || open(&module),
            |(db, files)| {
                for &file in &files {
                    black_box(items::parse(&db, file));
                }
                db
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("item tree", |b| {
        b.iter_batched(
            || {
                let (db, files) = open(&module);
                for &file in &files {
                    items::parse(&db, file);
                }
                (db, files)
            },
            |(db, files)| {
                for &file in &files {
                    black_box(items::item_tree(&db, file));
                }
                db
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, syntax, trees);
criterion_main!(benches);
