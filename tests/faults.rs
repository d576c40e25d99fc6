//! Whatever happens to a build or to what builds leave behind, the next result is right, or there is an error that says what is wrong.
//!
//! The tests judge from outside: a program is what a clean build of the same files makes, byte for byte, and the messages are the same; a failure has
//! the exit status 1 and a message. Crashes, hangs and wrong programs are what is looked for. `CODIRA_SEED` gives other random numbers.

mod random;

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use codira::vfs::MemorySystem;
use random::Random;

/// Unoptimised compilers are an order of magnitude slower.
const IS_SLOW: bool = cfg!(debug_assertions);
/// No build of these modules takes so long.
const HANGS: Duration = Duration::from_secs(120);

/// What a module says and makes is a function of this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct State {
    /// A number in a body.
    body: u32,
    /// Whether a signature is the other one.
    signature: bool,
}

const FIRST: State = State {
    body: 0,
    signature: false,
};

/// A build's result.
#[derive(Clone, PartialEq, Eq)]
struct Built {
    program: Vec<u8>,
    said: String,
}

/// A module in a folder of its own.
struct Module {
    folder: tempfile::TempDir,
    /// What clean builds made of each state.
    clean: Mutex<HashMap<(State, bool), Built>>,
}

impl Module {
    fn new() -> Module {
        let module = Module {
            folder: tempfile::tempdir().unwrap(),
            clean: Mutex::default(),
        };
        for folder in ["warm", "clean"] {
            fs::create_dir(module.path(folder)).unwrap();
        }
        fs::write(
            module.path("shapes.code"),
            "protocol Shape { var area: Int { get } }\n\
             struct Square: Shape { var side = 2; var area: Int { side * side } }\n\
             class Named<T> { var value: T; init(_ value: T) { this.value = value } }\n",
        )
        .unwrap();
        fs::write(
            module.path("user.code"),
            "fn user() -> String {\n    var unused = 1\n    immutable shapes: [any Shape] = [Square(), Square(side: 3)]\n    \
             return \"\\(shapes.map { $0.area }.reduce(0, +)) \\(edited()) \\(Named(2.5).value)\"\n}\n",
        )
        .unwrap();
        fs::write(module.path("main.code"), "print(user())\n").unwrap();
        module.set(FIRST);
        module
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the file that differs from state to state.
    fn set(&self, state: State) {
        let result = if state.signature { "Double" } else { "Int" };
        let text = format!(
            "fn edited() -> {result} {{\n    var never = {0}\n    return {0} + 1\n}}\n",
            state.body
        );
        fs::write(self.path("edited.code"), text).unwrap();
    }

    fn command(&self, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-module-name", "m", "-o", out])
            .args(["shapes.code", "user.code", "edited.code", "main.code"])
            .args(more)
            .env("XDG_CACHE_HOME", self.path("xdg"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A build that may use what others left, and leaves something itself.
    fn warm(&self) -> Command {
        self.command("warm/out", &["-cache-path", "cache"])
    }

    /// What a build from nothing makes of a state.
    fn clean(&self, state: State, optimized: bool) -> Built {
        let mut clean = self.clean.lock().unwrap();
        let make = || {
            let folder = tempfile::tempdir().unwrap();
            let copy = Module {
                folder,
                clean: Mutex::default(),
            };
            for name in ["shapes.code", "user.code", "main.code"] {
                fs::copy(self.path(name), copy.path(name)).unwrap();
            }
            copy.set(state);
            let more: &[&str] = if optimized { &["-O"] } else { &[] };
            let mut command = copy.command("out", more);
            // The standard library's code is one thing that these tests damage.
            command.env("XDG_CACHE_HOME", pristine());
            let output = wait(command.spawn().unwrap());
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            let program = fs::read(copy.path("out")).unwrap();
            Built { program, said }
        };
        clean.entry((state, optimized)).or_insert_with(make).clone()
    }

    /// Runs a build that has to be right.
    #[track_caller]
    fn expect_right(&self, mut command: Command, state: State, what: &str) {
        let output = wait(command.spawn().unwrap());
        self.assert_right(&output, state, what);
    }

    #[track_caller]
    fn assert_right(&self, output: &Output, state: State, what: &str) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {}\n{said}", output.status);
        let clean = self.clean(state, false);
        assert_eq!(said, clean.said, "{what}");
        let made = fs::read(self.path("warm/out")).unwrap();
        assert!(made == clean.program, "{what}: another program");
    }

    /// Accepts a right build and a clear error.
    #[track_caller]
    fn assert_right_or_error(&self, output: &Output, state: State, what: &str) -> bool {
        if output.status.success() {
            self.assert_right(output, state, what);
            return true;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        assert!(said.contains("error: "), "{what}: {said}");
        assert!(!said.contains("internal"), "{what}: {said}");
        false
    }
}

/// A folder with the standard library's code that nobody damages.
fn pristine() -> &'static Path {
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// Collects what a compiler says until it ends.
#[track_caller]
fn wait(child: Child) -> Output {
    let process = child.id();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match receive.recv_timeout(HANGS) {
        Ok(output) => output.unwrap(),
        Err(_) => panic!("the compiler {process} hangs"),
    }
}

fn seeded() -> Random {
    let seed = std::env::var("CODIRA_SEED").ok();
    let seed: u64 = seed.map_or(1, |seed| seed.parse().expect("a number"));
    Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// What builds leave for others: of this module, and of the standard library.
fn records(module: &Module) -> Vec<PathBuf> {
    let mut records = files(&module.path("cache"));
    assert!(!records.is_empty(), "builds leave nothing");
    records.extend(files(&module.path("xdg")));
    records
}

#[test]
fn killed_builds_leave_nothing_wrong() {
    let mut random = seeded();
    let module = Module::new();
    let started = Instant::now();
    module.expect_right(module.warm(), FIRST, "the first build");
    let mut longest = started.elapsed();
    let rounds = if IS_SLOW { 15 } else { 100 };
    let mut killed = 0;
    for round in 0..rounds {
        let state = State {
            body: random.below(4) as u32,
            signature: random.below(4) == 0,
        };
        module.set(state);
        // Sometimes nothing at all is there yet.
        match random.below(8) {
            0 => drop(fs::remove_dir_all(module.path("cache"))),
            1 => drop(fs::remove_dir_all(module.path("xdg"))),
            _ => {}
        }
        let before = fs::read(module.path("warm/out")).unwrap();
        let mut child = module.warm().spawn().unwrap();
        let micros = random.below(longest.as_micros() as usize) as u64;
        std::thread::sleep(Duration::from_micros(micros));
        child.kill().unwrap();
        let output = wait(child);
        killed += usize::from(output.status.signal().is_some());
        let what = format!("round {round}, killed after {micros} µs");
        let after = fs::read(module.path("warm/out")).unwrap();
        assert!(
            after == before || after == module.clean(state, false).program,
            "{what}: half a program"
        );
        // Sometimes the file is what it was when the build before the killed one ended.
        let state = match random.below(3) {
            0 => FIRST,
            _ => state,
        };
        module.set(state);
        let started = Instant::now();
        module.expect_right(module.warm(), state, &what);
        longest = (longest + started.elapsed()) / 2;
    }
    assert!(
        killed * 4 > rounds,
        "{killed} of {rounds} builds were killed"
    );
}

#[test]
fn a_file_that_is_edited_while_a_build_runs_is_built_again() {
    let mut random = seeded();
    let module = Module::new();
    let started = Instant::now();
    module.expect_right(module.warm(), FIRST, "the first build");
    let took = started.elapsed().as_micros() as usize;
    let mut state = FIRST;
    for round in 0..if IS_SLOW { 5 } else { 40 } {
        // Both edits have the same length, and what was built before may come back.
        state.body = (state.body + 1) % 3;
        module.set(state);
        let child = module.warm().spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(took) as u64));
        let old = state;
        state.body = (state.body + random.below(3) as u32) % 3;
        module.set(state);
        let output = wait(child);
        // It read one of the two, or an empty file, which lacks the function.
        if output.status.success() {
            let made = fs::read(module.path("warm/out")).unwrap();
            let clean = |state| module.clean(state, false).program;
            assert!(made == clean(old) || made == clean(state), "round {round}");
        }
        module.expect_right(module.warm(), state, &format!("round {round}"));
    }
}

#[test]
fn damaged_records_are_made_again() {
    let mut random = seeded();
    let module = Module::new();
    module.expect_right(module.warm(), FIRST, "the first build");
    let other = State {
        body: 7,
        signature: true,
    };
    let mut rounds = 0;
    let mut check = |module: &Module, what: &str| {
        // An edit makes a build look at everything that it has; without one it need not.
        rounds += 1;
        let state = [FIRST, other, FIRST][rounds % 3];
        module.set(state);
        module.expect_right(module.warm(), state, what);
    };
    let places = if IS_SLOW { 3 } else { 24 };
    for number in 0..records(&module).len() {
        for place in 0..places {
            let records = records(&module);
            let Some(record) = records.get(number) else {
                break;
            };
            let name = record.file_name().unwrap().display().to_string();
            let bytes = fs::read(record).unwrap();
            if bytes.is_empty() {
                continue;
            }
            // Heads and ends decide about more than middles.
            let at = match place % 4 {
                0 => place,
                1 => bytes.len() - 1 - place,
                _ => random.below(bytes.len()),
            };
            let at = at.min(bytes.len() - 1);
            fs::write(record, &bytes[..at]).unwrap();
            check(&module, &format!("{name} cut at {at}"));
            let mut bytes = fs::read(record).unwrap_or(bytes);
            if bytes.is_empty() {
                continue;
            }
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 1 << random.below(8);
            fs::write(record, &bytes).unwrap();
            check(&module, &format!("{name} with another bit at {at}"));
            let mut bytes = fs::read(record).unwrap_or(bytes);
            if bytes.is_empty() {
                continue;
            }
            let at = at.min(bytes.len() - 1);
            let end = (at + 1 + random.below(64)).min(bytes.len());
            bytes[at..end].fill([0, 0xff][random.below(2)]);
            fs::write(record, &bytes).unwrap();
            check(&module, &format!("{name} overwritten from {at} to {end}"));
            let mut bytes = fs::read(record).unwrap_or(bytes);
            // The build may have left a shorter one.
            let at = at.min(bytes.len());
            bytes.extend(bytes[..at].to_vec());
            fs::write(record, &bytes).unwrap();
            check(&module, &format!("{name} longer by {at}"));
        }
    }
}

/// Puts something else in the place of each record.
#[test]
fn records_that_are_something_else_are_made_again() {
    let module = Module::new();
    module.expect_right(module.warm(), FIRST, "the first build");
    let state = State {
        body: 3,
        signature: false,
    };
    for number in 0..records(&module).len() {
        for kind in [
            "nothing",
            "folder",
            "dangling link",
            "endless link",
            "empty",
        ] {
            let records = records(&module);
            let Some(record) = records.get(number) else {
                break;
            };
            let _ = fs::remove_file(record);
            match kind {
                "folder" => fs::create_dir_all(record.join("inside")).unwrap(),
                "dangling link" => std::os::unix::fs::symlink("nowhere", record).unwrap(),
                "endless link" => std::os::unix::fs::symlink(record, record).unwrap(),
                "empty" => fs::write(record, "").unwrap(),
                _ => {}
            }
            let what = format!("{} is {kind}", record.display());
            for state in [state, state, FIRST] {
                module.set(state);
                module.expect_right(module.warm(), state, &what);
            }
            let _ = fs::remove_dir_all(record);
            let _ = fs::remove_file(record);
            module.expect_right(module.warm(), FIRST, &what);
        }
    }
}

/// A compiler that is another file is another version, whatever it has in common with this one.
#[test]
fn records_of_another_version_or_module_are_not_used() {
    let (a, b) = (Module::new(), Module::new());
    let other = State {
        body: 5,
        signature: true,
    };
    b.set(other);
    a.expect_right(a.warm(), FIRST, "the first");
    b.expect_right(b.warm(), other, "the second");

    // All records of the other module, under the names that this one has for its own.
    let swap = |from: &Module, to: &Module| {
        let (from, to) = (files(&from.path("cache")), files(&to.path("cache")));
        for (from, to) in from.iter().zip(&to) {
            fs::copy(from, to).unwrap();
        }
    };
    swap(&b, &a);
    a.expect_right(a.warm(), FIRST, "with another module's records");
    // Even where the files are alike.
    a.set(other);
    swap(&b, &a);
    a.expect_right(
        a.warm(),
        other,
        "with the same module's records from elsewhere",
    );

    // Records go from version to version and back.
    let compiler = a.path("another-version");
    fs::copy(env!("CARGO_BIN_EXE_languagec"), &compiler).unwrap();
    for round in 0..4 {
        let state = if round % 2 == 0 { FIRST } else { other };
        a.set(state);
        let mut command = a.warm();
        if round < 3 {
            let args: Vec<_> = command.get_args().map(|arg| arg.to_owned()).collect();
            command = Command::new(&compiler);
            command
                .args(args)
                .current_dir(a.folder.path())
                .env("XDG_CACHE_HOME", a.path("xdg"))
                .stderr(Stdio::piped());
        }
        a.expect_right(command, state, "with another version's records");
    }
}

#[test]
fn times_say_nothing_about_contents() {
    let module = Module::new();
    module.expect_right(module.warm(), FIRST, "the first build");
    let now = SystemTime::now();
    let century = Duration::from_secs(100 * 365 * 86_400);
    let times = [
        ("long ago", SystemTime::UNIX_EPOCH + Duration::from_secs(1)),
        (
            "before 1970",
            SystemTime::UNIX_EPOCH - Duration::from_secs(1),
        ),
        ("a minute ago", now - Duration::from_secs(60)),
        ("soon", now + Duration::from_secs(60)),
        ("in a century", now + century),
    ];
    let set = |name: &str, time: SystemTime| {
        let file = fs::OpenOptions::new()
            .append(true)
            .open(module.path(name))
            .unwrap();
        file.set_modified(time).unwrap();
    };
    let mut state = FIRST;
    for (what, time) in times {
        // Another text of the same length under a time that says nothing, then under the same time again, then the same text.
        for step in 0..3 {
            if step < 2 {
                state.body = (state.body + 1) % 10;
                module.set(state);
            }
            set("edited.code", time);
            module.expect_right(module.warm(), state, &format!("{what}, step {step}"));
        }
        // What was made, and what is known about it.
        for file in files(&module.path("cache")) {
            set(file.to_str().unwrap(), time);
        }
        set("warm/out", time);
        module.expect_right(module.warm(), state, what);
        let mut bytes = fs::read(module.path("warm/out")).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(module.path("warm/out"), bytes).unwrap();
        set("warm/out", time);
        module.expect_right(module.warm(), state, &format!("{what}, a damaged program"));
    }
}

/// A step of a clock, and a file that changes after it without another length, or does not.
#[test]
fn a_clock_that_is_set_back_says_nothing_about_contents() {
    use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
    let mut random = seeded();
    let system = MemorySystem::new();
    let compile = |cached: bool| {
        let mut line = "-typecheck -module-name m a.code b.code".to_owned();
        line.push_str(if cached { " -cache-path cache" } else { "" });
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let mut emitter = BufferEmitter::default();
        let system = Arc::new(system.clone());
        let status = run_compiler(&args, &mut NoCallbacks, system, &mut emitter);
        assert_eq!(status, ExitStatus::Success);
        emitter.stderr
    };
    let second = 1_000_000_000_i128;
    let (mut clock, mut edited) = (1_700_000_000 * second, 0);
    system.set_clock(clock);
    system.set("b.code", "fn other() { var said = 1 }\n");
    for step in 0..if IS_SLOW { 15 } else { 100 } {
        let what = random.below(9);
        clock = match what {
            0 => clock + 1_000_000,
            1 => clock + 5 * second,
            2 => clock + 3600 * second,
            3 => clock - 1_000_000,
            4 => clock - 5 * second,
            5 => clock - 3600 * second,
            // The moment of the last edit comes again.
            6 => edited,
            7 => -second,
            _ => clock,
        };
        system.set_clock(clock);
        if step == 0 || random.below(3) > 0 {
            let text = format!("fn edited() {{ var unused{} = 1 }}\n", random.below(4));
            system.set("a.code", text);
            edited = clock;
        }
        assert_eq!(compile(true), compile(false), "step {step}: {what}");
        // The second build finds what the first one has left.
        assert_eq!(compile(true), compile(false), "again, step {step}: {what}");
    }
}

#[test]
fn builds_at_once_do_not_harm_each_other() {
    let mut random = seeded();
    let (a, b) = (Module::new(), Module::new());
    for round in 0..if IS_SLOW { 3 } else { 15 } {
        if random.below(4) == 0 {
            let _ = fs::remove_dir_all(a.path("cache"));
            let _ = fs::remove_dir_all(a.path("xdg"));
        }
        let state = State {
            body: random.below(4) as u32,
            signature: random.below(3) == 0,
        };
        let other = State { body: 1, ..state };
        a.set(state);
        b.set(other);
        // The same build twice, the same files optimised, and another module, all with one cache.
        let mut beside = b.warm();
        beside
            .args(["-cache-path"])
            .arg(a.path("cache"))
            .env("XDG_CACHE_HOME", a.path("xdg"));
        let optimised = a.command("warm/optimised", &["-O", "-cache-path", "cache"]);
        let builds = [a.warm(), a.warm(), optimised, beside];
        let started: Vec<Child> = builds
            .into_iter()
            .map(|mut build| build.spawn().unwrap())
            .collect();
        let outputs: Vec<Output> = started.into_iter().map(wait).collect();
        let what = format!("round {round}");
        a.assert_right(&outputs[0], state, &what);
        a.assert_right(&outputs[1], state, &what);
        b.assert_right(&outputs[3], other, &what);
        let optimised = fs::read(a.path("warm/optimised")).unwrap();
        assert!(optimised == a.clean(state, true).program, "{what}");
        a.expect_right(a.warm(), state, &format!("after {what}"));
    }
}

#[test]
fn folders_that_cannot_be_written_to_make_builds_slower_and_not_wrong() {
    let module = Module::new();
    // A file in the folder's place.
    fs::write(module.path("cache"), "no folder").unwrap();
    fs::write(module.path("xdg"), "no folder").unwrap();
    let mut state = FIRST;
    for _ in 0..2 {
        state.body += 1;
        module.set(state);
        module.expect_right(module.warm(), state, "a file instead of a cache");
    }
    fs::remove_file(module.path("cache")).unwrap();
    fs::remove_file(module.path("xdg")).unwrap();
    module.expect_right(module.warm(), state, "a cache again");
    // The place of the module's record is a folder, or in one that does not exist.
    for place in ["warm", "nowhere/below/m.codedeps", "main.code/m.codedeps"] {
        let map = format!("{{\"\": {{\"language-dependencies\": \"{place}\"}}}}");
        fs::write(module.path("map.json"), map).unwrap();
        for _ in 0..2 {
            state.body += 1;
            module.set(state);
            let command = module.command(
                "warm/out",
                &["-incremental", "-output-file-map", "map.json"],
            );
            let output = wait({ command }.spawn().unwrap());
            module.assert_right_or_error(&output, state, place);
        }
    }
}

/// A small file system, which goes away with the value.
struct Mount(PathBuf);

impl Mount {
    /// None where that is not permitted.
    fn new(path: PathBuf, options: &str) -> Option<Mount> {
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&path)
            .stderr(Stdio::null())
            .status();
        match mounted {
            Ok(status) if status.success() => Some(Mount(path)),
            _ => {
                eprintln!("skipped: file systems cannot be mounted here");
                None
            }
        }
    }

    fn remount(&self, options: &str) -> bool {
        let mounted = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status();
        mounted.is_ok_and(|status| status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_cache_is_used_as_it_is() {
    let module = Module::new();
    let Some(mount) = Mount::new(module.path("cache"), "size=64m") else {
        return;
    };
    module.expect_right(module.warm(), FIRST, "the first build");
    assert!(mount.remount("ro"));
    let mut state = FIRST;
    for body in [0, 1, 1, 0, 2] {
        state.body = body;
        module.set(state);
        module.expect_right(module.warm(), state, "a read-only cache");
    }
}

#[test]
fn a_full_disk_is_an_error_or_no_matter() {
    let module = Module::new();
    let program = module.clean(FIRST, false).program.len();
    // The module's own folder holds the sources, so that only what the compiler writes runs out of space.
    for full in ["warm", "cache", "xdg/codira"] {
        let Some(mount) = Mount::new(module.path(full), "size=16m") else {
            return;
        };
        let mut state = FIRST;
        let mut failures = 0;
        let steps = [0, 1, 8, 100, program / 1024 / 2, program / 1024 + 8, 4096];
        for free in steps {
            let ballast = mount.0.join("ballast");
            let _ = fs::remove_file(&ballast);
            fill(&ballast, free * 1024);
            state.body = (state.body + 1) % 4;
            module.set(state);
            let before = fs::read(module.path("warm/out")).ok();
            let output = wait(module.warm().spawn().unwrap());
            let what = format!("{free} KiB are left in {full}");
            if !module.assert_right_or_error(&output, state, &what) {
                failures += 1;
                let after = fs::read(module.path("warm/out")).ok();
                assert!(before == after, "{what}: half a program");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains("No space left on device"), "{said}");
            }
            assert!(fs::remove_file(&ballast).is_ok(), "{what}");
            let left = files(&mount.0);
            let temporary = left
                .iter()
                .find(|path| path.extension() == Some("tmp".as_ref()));
            assert_eq!(temporary, None, "{what}");
            module.expect_right(module.warm(), state, "there is space again");
        }
        assert_eq!(failures > 0, full == "warm", "{failures} failures: {full}");
    }
}

/// Writes a file that leaves so many bytes of its file system.
fn fill(path: &Path, free: usize) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    let mut length = 0;
    while let Ok(written) = file.write(&[0; 4096]) {
        length += written as u64;
    }
    file.set_len(length.saturating_sub(free as u64)).unwrap();
}

#[test]
fn a_limit_on_files_is_an_error_or_no_matter() {
    let module = Module::new();
    let program = module.clean(FIRST, false).program.len() as u64;
    let mut state = FIRST;
    for limit in [0, 1, 4096, 100_000, program / 2, program, 1 << 30] {
        state.body = (state.body + 1) % 4;
        module.set(state);
        let mut command = module.warm();
        // SAFETY: between fork and exec only a system call is made.
        unsafe {
            command.pre_exec(move || {
                let limit = libc::rlimit {
                    rlim_cur: limit,
                    rlim_max: limit,
                };
                match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let output = wait(command.spawn().unwrap());
        let what = format!("files of {limit} bytes");
        let right = module.assert_right_or_error(&output, state, &what);
        assert_eq!(right, limit >= program, "{what}");
        module.expect_right(module.warm(), state, "no limit");
    }
}
