//! A build that uses what earlier builds left makes the same outputs and says the same as one that starts from nothing.
//!
//! Each test takes a module, or a package of several, through random steps: edits, files that come and go, broken and repaired code, changed options, and everything
//! that can happen to a file behind the compiler's back. After each step a warm and a clean build are compared byte by byte. `tests/hot.rs` does so
//! for a compiler that stays.
//!
//! `CODIRA_STEPS` asks for another number of steps (tests of several modules take a third of it) and says how far they are, `CODIRA_SEED` asks for others.

mod random;

#[path = "random/forms.rs"]
mod forms;
#[path = "random/modules.rs"]
mod modules;
#[path = "random/packages.rs"]
mod packages;
#[path = "random/progress.rs"]
mod progress;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use progress::Progress;
use random::Random;

/// Unoptimised compilers are an order of magnitude slower and get fewer steps.
const STEPS: u64 = if cfg!(debug_assertions) { 25 } else { 300 };
/// Steps of packages build several modules twice.
const PACKAGE_SHARE: u64 = 3;

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
                        // A record that was emptied stays so as long as builds fail.
                        _ if bytes.is_empty() => {}
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

fn steps() -> u64 {
    number("CODIRA_STEPS").unwrap_or(STEPS)
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
    let steps = steps();
    let mut progress = Progress::new("modules", steps);
    for step in 0..steps {
        progress.at(step);
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
    progress.at(steps);
}

/// A folder with a module whose declarations reach into each other's files.
struct Forms {
    folder: tempfile::TempDir,
    module: forms::Module,
    options: Vec<&'static str>,
}

impl Forms {
    fn new() -> Forms {
        let folder = tempfile::tempdir().unwrap();
        for name in ["warm", "clean"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            // Objects of all names that files can get.
            let entry = |name: &str, out: &str| {
                let stem = name.trim_end_matches(".code");
                format!("\"{name}\": {{\"object\": \"{out}/{stem}.o\"}}")
            };
            let names = forms::Module::names();
            let renamed = names.iter().map(|name| format!("new-{name}"));
            let mut entries: Vec<String> = names
                .iter()
                .cloned()
                .chain(renamed)
                .map(|file| entry(&file, name))
                .collect();
            if name == "warm" {
                entries.push("\"\": {\"language-dependencies\": \"warm/m.codedeps\"}".to_owned());
            }
            let map = format!("{{{}}}", entries.join(", "));
            fs::write(folder.path().join(format!("{name}.json")), map).unwrap();
        }
        Forms {
            folder,
            module: forms::Module::new(),
            options: Vec::new(),
        }
    }

    fn step(&mut self, random: &mut Random) -> String {
        let what = self.module.step(random, true);
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "code") {
                fs::remove_file(path).unwrap();
            }
        }
        for (name, text) in self.module.files() {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
        if random.below(15) == 0 {
            let option = ["-O", "-DFLAG", "-g"][random.below(3)];
            match self.options.iter().position(|&known| known == option) {
                Some(at) => drop(self.options.remove(at)),
                None => self.options.push(option),
            }
            return format!("{what}, and {option}");
        }
        what
    }

    fn compile(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-module-name", "m"])
            .args(args)
            .args(&self.options);
        let files = self.module.files();
        command.args(files.iter().map(|(name, _)| name));
        command.output().unwrap()
    }

    /// What is in a folder of outputs.
    fn outputs(&self, folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.folder.path().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut outputs: Vec<(String, Vec<u8>)> = paths
            .filter(|path| path.to_str().unwrap().ends_with(ending))
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read(path).unwrap())
            })
            .collect();
        outputs.sort();
        outputs
    }
}

/// Programs and objects, made by one thread and by two, from what the other has left.
#[test]
fn declarations_that_reach_into_other_files_are_followed() {
    let seed = number("CODIRA_SEED").unwrap_or(1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut forms = Forms::new();
    let mut history = Vec::new();
    let mut programs = 0;
    let steps = steps();
    let mut progress = Progress::new("declarations", steps);
    for number in 0..steps {
        progress.at(number);
        history.push(forms.step(&mut random));
        let last = &history[history.len().saturating_sub(6)..];
        let threads = ["-j1", "-j2"];
        let (here, there) = (
            threads[number as usize % 2],
            threads[1 - number as usize % 2],
        );
        let warm = ["-o", "warm/out.exe", "-cache-path", "cache", here];
        let clean = ["-o", "clean/out.exe", there];
        let mut pairs = vec![(".exe", warm.to_vec(), clean.to_vec())];
        if number % 3 == 0 {
            let warm = ["-c", "-output-file-map", "warm.json", "-incremental", there];
            let clean = ["-c", "-output-file-map", "clean.json", here];
            pairs.push((".o", warm.to_vec(), clean.to_vec()));
        }
        for (ending, warm, clean) in pairs {
            for (name, _) in forms.outputs("clean", ending) {
                fs::remove_file(forms.folder.path().join("clean").join(name)).unwrap();
            }
            let (warm, clean) = (forms.compile(&warm), forms.compile(&clean));
            let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(text(&warm), text(&clean), "step {number}: {last:#?}");
            assert_eq!(warm.status.code(), clean.status.code(), "{last:#?}");
            if clean.status.success() {
                programs += 1;
                let made = forms.outputs("warm", ending);
                for expected in forms.outputs("clean", ending) {
                    assert!(
                        made.contains(&expected),
                        "step {number}: another {}, after {last:#?}",
                        expected.0
                    );
                }
            }
        }
    }
    progress.at(steps);
    // A test in which nothing compiles would prove nothing.
    assert!(programs * 3 > steps, "{programs} programs in {steps} steps");
}

/// A package in two folders: one is built with what the builds before have left there, the other from nothing.
struct Packages {
    folder: tempfile::TempDir,
    package: packages::Package,
    release: bool,
}

impl Packages {
    fn new() -> Packages {
        Packages {
            folder: tempfile::tempdir().unwrap(),
            package: packages::Package::new(),
            release: false,
        }
    }

    fn path(&self, side: &str, name: &str) -> PathBuf {
        self.folder.path().join(side).join(name)
    }

    /// Writes the files that differ from those on disk, and removes others.
    fn write(&self, side: &str) {
        let mut files = self.package.files();
        let manifest = packages::Package::manifest().to_owned();
        files.push(("Codira.toml".to_owned(), manifest));
        for old in files_below(&self.path(side, "Sources")) {
            let known = |(name, _): &(String, String)| self.path(side, name) == old;
            if !files.iter().any(known) {
                fs::remove_file(old).unwrap();
            }
        }
        for (name, text) in files {
            let path = self.path(side, &name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                fs::write(path, text).unwrap();
            }
        }
    }

    /// Edits the package, and does something to what builds have left. Says what.
    fn step(&mut self, random: &mut Random) -> String {
        let mut what = self.package.step(random);
        self.write("warm");
        let build = self.path("warm", ".build");
        match random.below(16) {
            0 => {
                self.release = !self.release;
                what.push_str(", and another profile");
            }
            1 => {
                // A build that does not come to its end.
                let mut child = self.command("warm", &["-j2"]).spawn().unwrap();
                std::thread::sleep(Duration::from_micros(random.below(200_000) as u64));
                child.kill().unwrap();
                child.wait().unwrap();
                what.push_str(", after a killed build");
                if random.below(2) == 0 {
                    what = format!("{what}; {}", self.package.step(random));
                    self.write("warm");
                }
            }
            2 => {
                let files = files_below(&build);
                if let Some(file) = files.get(random.below(files.len())) {
                    fs::remove_file(file).unwrap();
                    what = format!("{what}, without {}", file.display());
                }
            }
            3 => {
                let files = files_below(&build);
                if let Some(file) = files.get(random.below(files.len())) {
                    let mut bytes = fs::read(file).unwrap();
                    if !bytes.is_empty() {
                        let at = random.below(bytes.len());
                        bytes[at] ^= 1 << random.below(8);
                        fs::write(file, bytes).unwrap();
                    }
                    what = format!("{what}, with a damaged {}", file.display());
                }
            }
            4 => {
                // An edit in between that nobody builds, under times from the past or the future.
                let path = self.path("warm", "Sources/Base/shapes.code");
                let offset = Duration::from_secs(random.below(100_000) as u64);
                let now = SystemTime::now();
                let times = [now - offset, now + offset];
                set_time(&path, times[random.below(2)]);
                what.push_str(", and other times");
            }
            _ => {}
        }
        what
    }

    fn command(&self, side: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_language"));
        command
            .current_dir(self.folder.path().join(side))
            .args(["build", "-q"])
            .args(more)
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        if self.release {
            command.arg("--release");
        }
        command
    }

    /// The modules, archives and programs that a side has, by name.
    fn outputs(&self, side: &str) -> Vec<(String, Vec<u8>)> {
        let profile = if self.release { "release" } else { "debug" };
        let folder = self.path(side, ".build").join(profile);
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.is_file() && path.extension() != Some("tmp".as_ref()));
        let mut outputs: Vec<(String, Vec<u8>)> = paths
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read(path).unwrap())
            })
            .collect();
        outputs.sort();
        outputs
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in records(folder) {
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Several modules at once: module files, archives and the program, with one compilation at a time and with two.
#[test]
fn packages_of_several_modules_are_followed() {
    let seed = number("CODIRA_SEED").unwrap_or(1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut packages = Packages::new();
    let mut history = Vec::new();
    let mut programs = 0;
    let steps = steps() / PACKAGE_SHARE;
    let mut progress = Progress::new("packages", steps);
    for step in 0..steps {
        progress.at(step);
        history.push(packages.step(&mut random));
        let last = &history[history.len().saturating_sub(6)..];
        let mut options = vec![["-j1", "-j2"][random.below(2)]];
        if random.below(3) == 0 {
            options.push("--no-pipelining");
        }
        packages.write("clean");
        let _ = fs::remove_dir_all(packages.path("clean", ".build"));
        let clean = packages.command("clean", &["-j1"]).output().unwrap();
        // What else is said beside an error depends on what runs at the same time.
        let options = match clean.status.success() {
            true => options,
            false => vec!["-j1"],
        };
        let warm = packages.command("warm", &options).output().unwrap();
        let said = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(said(&warm), said(&clean), "step {step}: {last:#?}");
        assert_eq!(warm.status.code(), clean.status.code(), "{last:#?}");
        if !clean.status.success() {
            continue;
        }
        programs += 1;
        let (made, expected) = (packages.outputs("warm"), packages.outputs("clean"));
        let names = |outputs: &[(String, Vec<u8>)]| -> Vec<String> {
            outputs.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&made), names(&expected), "step {step}: {last:#?}");
        for ((name, made), (_, expected)) in made.iter().zip(&expected) {
            assert!(
                made == expected,
                "step {step}: another {name}, after {last:#?}"
            );
        }
    }
    progress.at(steps);
    // A test in which nothing is built would prove nothing.
    assert!(programs * 3 > steps, "{programs} programs in {steps} steps");
}

/// Objects and programs of modules that import others, where these are compiled again, forgotten, damaged, or found somewhere else.
#[test]
fn imported_modules_are_followed() {
    let seed = number("CODIRA_SEED").unwrap_or(1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut modules = modules::Modules::new();
    let mut history = Vec::new();
    let mut made = 0;
    let steps = steps() / PACKAGE_SHARE;
    let mut progress = Progress::new("imports", steps);
    for step in 0..steps {
        progress.at(step);
        history.push(modules.step(&mut random));
        let last = &history[history.len().saturating_sub(6)..];
        for module in [["Middle", "Top"][random.below(2)], "app"] {
            for path in modules.outputs("clean") {
                fs::remove_file(path).unwrap();
            }
            let warm = modules.compile(module, "warm", &["-cache-path", "cache"]);
            let clean = modules.compile(module, "clean", &[]);
            let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(
                text(&warm),
                text(&clean),
                "step {step}, {module}: {last:#?}"
            );
            assert_eq!(warm.status.code(), clean.status.code(), "{last:#?}");
            for expected in modules.outputs("clean") {
                made += 1;
                let path = modules.path("warm").join(expected.file_name().unwrap());
                assert!(
                    fs::read(&path).ok() == fs::read(&expected).ok(),
                    "step {step}: another {}, after {last:#?}",
                    path.display()
                );
            }
        }
        if random.below(4) == 0 {
            modules.tidy();
        }
    }
    progress.at(steps);
    // A test in which nothing compiles would prove nothing.
    assert!(made > steps, "{made} outputs in {steps} steps");
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
