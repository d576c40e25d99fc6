//! `--watch` at work: how long it takes from the writing of a file to the program that was made from it, in modules of 7,000, 70,000 and 700,000
//! lines. `cargo bench --bench hot -- 10 100` measures modules of so many files only.
//!
//! Each edit gives a function other statements, from one to four of them, so that it has another length. The time is taken by who edits, until the compiler
//! says that it is done, when the program has its new contents. The last program is compared with that of a clean build.

#[path = "common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const EDITS: usize = 30;

fn main() {
    let wanted = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let mut sizes: Vec<usize> = wanted.collect();
    if sizes.is_empty() {
        sizes = vec![10, 100, 1000];
    }
    println!(
        "{:>10} {:>12} {:>12} {:>12} {:>12}",
        "lines", "first build", "least", "median", "most"
    );
    for files in sizes {
        measure(files);
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn measure(files: usize) {
    let folder = tempfile::tempdir().expect("temporary folders work");
    let module = common::module(files, 10);
    for (name, text) in &module {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    }
    let names: Vec<&str> = module.iter().map(|file| file.0.as_str()).collect();
    let begin = Instant::now();
    let mut compiler = command(folder.path(), "program", &names)
        .arg("--watch")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the compiler starts");
    let said = compiler.stderr.take().expect("it was asked for");
    let mut lines = BufReader::new(said).lines();
    let mut done = || {
        lines
            .find(|line| line.as_ref().is_ok_and(|line| line.ends_with(" ms]")))
            .expect("the compiler says when it is done")
    };
    let _ = done();
    let first = begin.elapsed();
    let (name, text) = &module[files / 2];
    let mut times = Vec::new();
    for number in 0..EDITS {
        let statements = (0..=number % 4).map(|i| {
            let value = number * 4 + i;
            format!("        total = total &+ {value}\n")
        });
        let start = "        var total = 0\n";
        let edited = text.replacen(
            start,
            &(start.to_owned() + &statements.collect::<String>()),
            1,
        );
        // Nothing of the last build is still going on then.
        std::thread::sleep(Duration::from_millis(100));
        let begin = Instant::now();
        std::fs::write(folder.path().join(name), edited).expect("the folder is writable");
        let _ = done();
        times.push(begin.elapsed());
    }
    let _ = compiler.kill();
    let _ = compiler.wait();
    let clean = command(folder.path(), "clean", &names).status();
    assert!(clean.is_ok_and(|status| status.success()));
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("it was made");
    assert!(read("program") == read("clean"), "the programs differ");
    times.sort();
    println!(
        "{:>10} {:>12} {:>12} {:>12} {:>12}",
        common::lines(&module),
        milliseconds(first),
        milliseconds(times[0]),
        milliseconds(times[EDITS / 2]),
        milliseconds(times[EDITS - 1]),
    );
}

fn command(folder: &Path, output: &str, files: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
    command
        .args(["-module-name", "main", "-o", output])
        .args(files)
        .current_dir(folder);
    command
}
