//! Programs in `fixtures/run`: each is compiled, run, and must print what stands in the `.out` file beside it, which is what the
//! reference compiler's program printed. A folder is one program of several files, with `expected.out`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn programs(root: &Path) -> Vec<(Vec<PathBuf>, PathBuf)> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            let expected = path.join("expected.out");
            if expected.exists() {
                let mut files: Vec<PathBuf> = std::fs::read_dir(&path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|e| e.path())
                    .filter(|p| p.extension().is_some_and(|e| e == "code"))
                    .collect();
                files.sort();
                found.push((files, expected));
            } else {
                found.extend(programs(&path));
            }
        } else if path.extension().is_some_and(|e| e == "code") {
            let expected = path.with_extension("out");
            if expected.exists() {
                found.push((vec![path], expected));
            }
        }
    }
    found
}

/// No expression of a program that people write takes the solver more steps.
const MOST_STEPS: u64 = 5000;

/// The first of the hardest expressions in the table of `--time-passes`: its steps, and where it stands.
fn hardest(table: &str) -> Option<(u64, &str)> {
    let mut lines = table.lines();
    lines.find(|line| line.starts_with("hardest expressions"))?;
    let (steps, place) = lines.next()?.trim().split_once("  ")?;
    Some((steps.parse().ok()?, place))
}

fn judge(files: &[PathBuf], expected: &Path, flags: &[&str]) -> Result<(), String> {
    let name = files[0].display();
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let exe = folder.path().join("program");
    let compiled = Command::new(env!("CARGO_BIN_EXE_languagec"))
        .args(["--time-passes", "-module-name", "main", "-o"])
        .arg(&exe)
        .args(flags)
        .args(files)
        .output()
        .map_err(|e| e.to_string())?;
    if !compiled.status.success() {
        let text = String::from_utf8_lossy(&compiled.stderr);
        return Err(format!("{name}: does not compile:\n{text}"));
    }
    let text = String::from_utf8_lossy(&compiled.stderr);
    let table = [text, String::from_utf8_lossy(&compiled.stdout)].concat();
    if let Some((steps, place)) = hardest(&table)
        && steps > MOST_STEPS
    {
        return Err(format!("{place}: {steps} solver steps for one expression"));
    }
    let ran = Command::new(&exe)
        .current_dir(folder.path())
        .output()
        .map_err(|e| e.to_string())?;
    let want = std::fs::read_to_string(expected).map_err(|e| e.to_string())?;
    let got = String::from_utf8_lossy(&ran.stdout);
    if got != want {
        let line = got.lines().zip(want.lines()).position(|(a, b)| a != b);
        let line = line.unwrap_or(got.lines().count().min(want.lines().count()));
        let (a, b) = (got.lines().nth(line), want.lines().nth(line));
        return Err(format!(
            "{name}: line {}: printed {a:?}, expected {b:?}",
            line + 1
        ));
    }
    if !ran.status.success() {
        return Err(format!("{name}: ended with {}", ran.status));
    }
    Ok(())
}

fn judge_all(flags: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/run");
    let programs = programs(&root);
    assert!(!programs.is_empty(), "no programs below {}", root.display());
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((files, expected)) =
                    programs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if let Err(failure) = judge(files, expected, flags) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} programs failed:\n{}",
        failures.len(),
        programs.len(),
        failures.join("\n")
    );
}

#[test]
fn programs_print_what_the_reference_compiler_prints() {
    judge_all(&[]);
}

#[test]
fn optimised_programs_print_the_same() {
    judge_all(&["-O"]);
}
