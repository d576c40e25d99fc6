//! Whole compilations through the front door: a small program, and modules of 7,000 and 70,000 lines. The cost of a line
//! should not depend on how many there are.

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Duration;

use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
use codira::vfs::MemorySystem;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compiles `module` as `mode` says; a build that fails would measure nothing.
fn compile(mode: &[&str], module: &[(String, String)]) {
    let mut system = MemorySystem::new();
    let mut args: Vec<String> = mode.iter().map(|&arg| arg.to_owned()).collect();
    for (path, text) in module {
        system = system.with_file(path, text.as_str());
        args.push(path.clone());
    }
    let mut emitter = BufferEmitter::default();
    let status = run_compiler(&args, &mut NoCallbacks, Arc::new(system), &mut emitter);
    assert_eq!(status, ExitStatus::Success, "{}", emitter.stderr);
}

/// The phases by the modes that end with each of them.
const MODES: &[(&str, &[&str])] = &[
    ("parse", &["-parse"]),
    ("check", &["-typecheck"]),
    ("code", &["-c", "-o", "out.o"]),
    ("image", &["-o", "out"]),
];

/// A program of one expression, which the solver must check in time that is linear in its length.
fn expression(parts: &[&str], separator: &str, count: usize) -> String {
    let parts: Vec<&str> = (0..count).map(|i| parts[i * 5 % parts.len()]).collect();
    parts.join(separator)
}

fn programs(c: &mut Criterion) {
    let operands = ["1", "2.5", "3", "-4", "5.25", "(6)", "-0.5"];
    let chain = format!("print({})\n", expression(&operands, " * ", 60));
    let elements = ["1", "2.5", "-3", "4 * 2", "1.5 + 2", "(3)", "7 - 1 * 2.5"];
    let array = format!("print([{}])\n", expression(&elements, ", ", 2000));
    let hello = vec![("hello.code".to_owned(), "print(\"Hello\")\n".to_owned())];
    let modules = [
        ("hello", hello),
        (
            "60 operators over literals",
            vec![("chain.code".to_owned(), chain)],
        ),
        (
            "2,000 mixed elements",
            vec![("array.code".to_owned(), array)],
        ),
        ("7,000 lines", common::module(10, 10)),
        ("70,000 lines", common::module(100, 10)),
    ];
    // Deep recursion over source is the caller's stack; helpers get what the program gives them.
    let _ = rayon::ThreadPoolBuilder::new()
        .stack_size(64 << 20)
        .build_global();
    for (name, module) in &modules {
        let mut group = c.benchmark_group(*name);
        group.sample_size(10);
        group.measurement_time(Duration::from_secs(5));
        group.throughput(Throughput::Elements(common::lines(module)));
        for (phase, mode) in MODES {
            group.bench_function(*phase, |b| b.iter(|| compile(mode, module)));
        }
        group.finish();
    }
}

criterion_group!(benches, programs);
criterion_main!(benches);
