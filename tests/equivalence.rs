//! A build that uses what earlier builds left makes the same outputs and says the same as one that starts from nothing.
//!
//! Each test takes one module through random steps: edits, files that come and go, broken and repaired code, changed options, and everything
//! that can happen to a file behind the compiler's back. After each step a warm and a clean build are compared byte by byte.
//!
//! `CODIRA_STEPS` asks for another number of steps, `CODIRA_SEED` for others.

mod random;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use random::Random;

/// Unoptimised compilers are an order of magnitude slower and get fewer steps.
const STEPS: u64 = if cfg!(debug_assertions) { 25 } else { 300 };

/// A module of a few files, as its author sees it.
struct Module {
    folder: tempfile::TempDir,
    /// By file: a number in its function's body, whether its function takes an argument, and whether there is a mistake in it.
    files: Vec<Option<(u32, bool, bool)>>,
    options: Vec<&'static str>,
}

impl Module {
    fn new() -> Module {
        let module = Module {
            folder: tempfile::tempdir().unwrap(),
            files: vec![Some((0, false, false)); 3],
            options: Vec::new(),
        };
        for file in 0..3 {
            module.write(file);
        }
        module.write_main();
        module
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, file: usize) {
        let path = self.path(&format!("file{file}.code"));
        let Some((number, takes, wrong)) = self.files[file] else {
            let _ = fs::remove_file(path);
            return;
        };
        let (param, value) = match takes {
            true => ("_ x: Int", "x"),
            false => ("", "1"),
        };
        let mistake = if wrong {
            "immutable s: String = 5\n"
        } else {
            ""
        };
        let text = format!(
            "struct Value{file} {{ var n = {number} }}\n\
             fn f{file}({param}) -> Int {{\n    var unused = {number}\n    return Value{file}().n &+ {value}\n}}\n{mistake}"
        );
        fs::write(path, text).unwrap();
    }

    fn write_main(&self) {
        let calls = self.files.iter().enumerate().filter_map(|(n, file)| {
            let (_, takes, _) = (*file)?;
            let argument = if takes { "2" } else { "" };
            Some(format!("print(f{n}({argument}))\n"))
        });
        fs::write(self.path("main.code"), calls.collect::<String>()).unwrap();
    }

    fn compile(&self, out: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-module-name", "m", "-o", out, "main.code"])
            .args(&self.options)
            .args(more);
        for (n, file) in self.files.iter().enumerate() {
            if file.is_some() {
                command.arg(format!("file{n}.code"));
            }
        }
        command.output().unwrap()
    }

    /// Does something to the module; says what.
    fn step(&mut self, random: &mut Random) -> String {
        let file = random.below(self.files.len());
        let path = self.path(&format!("file{file}.code"));
        let what = random.below(14);
        match what {
            0..=2 => {
                if let Some(state) = &mut self.files[file] {
                    state.0 = random.below(100) as u32;
                }
            }
            3 => {
                if let Some(state) = &mut self.files[file] {
                    state.1 = !state.1;
                }
            }
            4 => {
                if let Some(state) = &mut self.files[file] {
                    state.2 = !state.2;
                }
            }
            5 => {
                self.files[file] = match self.files[file] {
                    Some(_) => None,
                    None => Some((random.below(100) as u32, false, false)),
                }
            }
            6 => {
                // Other content under the old times, and of the same length.
                let times = fs::metadata(&path).and_then(|data| data.modified());
                if let (Ok(time), Some(state)) = (times, &mut self.files[file]) {
                    state.0 = (state.0 + 1) % 10;
                    self.write(file);
                    set_time(&path, time);
                }
                return format!("step 6 on file {file}");
            }
            7 => {
                // New times for the old content, in the past or in the future.
                if path.exists() {
                    let offset = Duration::from_secs(random.below(100_000) as u64);
                    let now = SystemTime::now();
                    let time = match random.below(2) {
                        0 => now - offset,
                        _ => now + offset,
                    };
                    set_time(&path, time);
                }
                return format!("step 7 on file {file}");
            }
            8 => {
                let option = ["-O", "-DFLAG", "-warnings-as-errors"][random.below(3)];
                match self.options.iter().position(|&known| known == option) {
                    Some(at) => drop(self.options.remove(at)),
                    None => self.options.push(option),
                }
            }
            9 => drop(fs::remove_file(self.path("warm/out"))),
            10 => {
                let output = self.path("warm/out");
                if let Ok(mut bytes) = fs::read(&output) {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                    fs::write(output, bytes).unwrap();
                }
            }
            11 => {
                for record in records(&self.path("cache")) {
                    let mut bytes = fs::read(&record).unwrap();
                    match random.below(3) {
                        0 => bytes.truncate(random.below(bytes.len())),
                        1 => bytes.clear(),
                        _ => {
                            let at = random.below(bytes.len());
                            bytes[at] ^= 1 << random.below(8);
                        }
                    }
                    fs::write(record, bytes).unwrap();
                }
            }
            12 => drop(fs::remove_dir_all(self.path("cache"))),
            _ => {}
        }
        self.write(file);
        self.write_main();
        format!("step {what} on file {file}")
    }
}

fn set_time(path: &Path, time: SystemTime) {
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn records(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn warm_builds_equal_clean_builds() {
    let seed = number("CODIRA_SEED").unwrap_or(1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut module = Module::new();
    for folder in ["warm", "clean"] {
        fs::create_dir(module.path(folder)).unwrap();
    }
    let mut history = Vec::new();
    for _ in 0..number("CODIRA_STEPS").unwrap_or(STEPS) {
        history.push(module.step(&mut random));
        let last = &history[history.len().saturating_sub(6)..];
        let before = fs::read(module.path("warm/out")).ok();
        let warm = module.compile("warm/out", &["-cache-path", "cache"]);
        let clean = module.compile("clean/out", &[]);
        let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(text(&warm), text(&clean), "{last:?}");
        assert_eq!(warm.status.code(), clean.status.code(), "{last:?}");
        let made = fs::read(module.path("warm/out")).ok();
        match clean.status.success() {
            true => {
                let expected = fs::read(module.path("clean/out")).ok();
                assert!(made == expected, "other programs after {last:?}");
            }
            // A build that fails leaves the program of the one before.
            false => assert!(made == before, "a failed build wrote, after {last:?}"),
        }
    }
}

#[test]
fn a_build_with_nothing_to_do_touches_nothing() {
    let module = Module::new();
    let compile = || module.compile("out", &["-cache-path", "cache", "-driver-show-incremental"]);
    let first = compile();
    assert!(first.status.success());
    let written = fs::metadata(module.path("out"))
        .unwrap()
        .modified()
        .unwrap();
    let second = compile();
    assert!(second.status.success());
    let stderr = String::from_utf8(second.stderr).unwrap();
    assert!(
        stderr.starts_with(
            "remark: Incremental compilation: May skip current input:  {compile: main.o <= main.code}\n"
        ),
        "{stderr}"
    );
    // It says what it said before.
    assert!(stderr.contains("file0.code:3:9: warning: "), "{stderr}");
    let after = fs::metadata(module.path("out"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(written, after);
}

#[test]
fn a_map_without_a_place_for_the_module_is_pointed_out() {
    let module = Module::new();
    fs::write(
        module.path("map.json"),
        "{\"main.code\": {\"object\": \"main.o\"}}",
    )
    .unwrap();
    let output = module.compile("out", &["-incremental", "-output-file-map", "map.json"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.starts_with(
            "warning: ignoring -incremental; output file map has no master dependencies entry (\"language-dependencies\" under \"\")\n"
        ),
        "{stderr}"
    );
}
