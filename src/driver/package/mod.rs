//! Tour of `driver::package`: `language new`, `build`, `run`, `test`, `check` and `clean`.
//!
//! A package is a folder with a `Codira.toml` and its sources in `Sources/<Target>`, its tests in `Tests/<Target>`. From there to
//! programs it goes in steps, each of which gives plain data:
//!
//! 1. [`args`]: the command line.
//! 2. [`manifest`]: the text of a `Codira.toml`, with a place for every mistake.
//! 3. [`load`]: the manifests of a package and of those that it depends on, and the sources in their folders.
//! 4. [`graph`]: the targets of all of them, each after those that it depends on.
//! 5. [`testing`]: which functions are tests, and the main file that runs them.
//! 6. [`plan`]: one compilation for each module, as a command line for the compiler.
//! 7. [`execute`]: running the plan, several modules at once; a module starts when the module files of what it imports are written. [`imports`]
//!    looks for imports of modules that are not declared, [`record`] knows what need not be compiled again.
//! 8. [`progress`], [`timings`]: what is shown of it. [`runner`]: running tests.
//! 9. [`new`]: a package to start from.
//!
//! This file holds the commands, which put the steps together.

pub mod args;
pub mod execute;
pub mod graph;
pub mod imports;
pub mod load;
pub mod manifest;
pub mod new;
pub mod plan;
pub mod progress;
pub mod record;
pub mod runner;
pub mod testing;
pub mod timings;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::base::distance::did_you_mean;
use crate::diag::{Diagnostic, FileList};
use crate::interface::{Emitter, ExitStatus, emit, print};
use crate::session::{MessageFormat, Options};
use crate::store::Store;
use crate::vfs::{OutputKind, System, describe};

use self::args::Arguments;
use self::execute::{Settings, execute};
use self::graph::PackageGraph;
use self::manifest::TargetKind;
use self::plan::{BUILD_FOLDER, Plan, Profile, Request, Work};
use self::progress::{Progress, Tone, verb_line};
use self::testing::{Test, TestTarget};

pub use self::args::is_command;

/// Runs `language NAME` with these arguments.
pub fn command(
    system: Arc<dyn System>,
    name: &str,
    args: &[String],
    emitter: &mut dyn Emitter,
) -> u8 {
    let parsed = match args::parse(name, args) {
        Ok(parsed) => parsed,
        Err(problem) => return super::fail(emitter, vec![problem]),
    };
    if parsed.help {
        return print(emitter, &args::help(name)).code();
    }
    let done = match name {
        "new" => make_new(&*system, &parsed, emitter),
        "clean" => clean(&*system, &parsed, emitter),
        "run" => run_program(system, &parsed, emitter),
        "test" => test(system, &parsed, emitter),
        "check" => build(system, &parsed, Work::Check, emitter).map(|_| 0),
        _ => build(system, &parsed, Work::Build, emitter).map(|_| 0),
    };
    done.unwrap_or_else(|code| code)
}

/// What a command gives: something, or the exit status of a failure that was reported.
type Command<T> = Result<T, u8>;

/// Reports what is wrong, in the format that was asked for.
fn fail<T>(
    parsed: &Arguments,
    emitter: &mut dyn Emitter,
    problems: Vec<Diagnostic>,
    files: &FileList,
) -> Command<T> {
    let mut options = Options::default();
    if parsed.json {
        options.untracked.message_format = MessageFormat::Json;
    }
    let report = crate::diag::prepare(problems, &Default::default(), files);
    emitter.report(&report, files, &options);
    Err(ExitStatus::Failure.code())
}

fn fail_with<T>(parsed: &Arguments, emitter: &mut dyn Emitter, problem: Diagnostic) -> Command<T> {
    fail(parsed, emitter, vec![problem], &FileList::new())
}

fn error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::global_error("package", message)
}

fn make_new(system: &dyn System, parsed: &Arguments, emitter: &mut dyn Emitter) -> Command<u8> {
    let Some(path) = parsed.words.first() else {
        let problem = error("'language new' needs the name of the package");
        return fail_with(parsed, emitter, problem);
    };
    match new::new(system, path, parsed.library) {
        Ok(name) => {
            if !parsed.quiet {
                let what = if parsed.library { "library" } else { "program" };
                let text = format!("package '{name}' with a {what} in '{path}'");
                let colour = emit::stderr_shows_colours();
                emitter.note(&verb_line("Created", Tone::Good, &text, colour));
            }
            Ok(0)
        }
        Err(problem) => fail_with(parsed, emitter, problem),
    }
}

/// Goes to the folder of the package, so that all paths are relative to it. Returns the folder that the process was in.
fn enter(system: &dyn System, parsed: &Arguments, emitter: &mut dyn Emitter) -> Command<PathBuf> {
    let current = match system.current_dir() {
        Ok(current) => current,
        Err(cause) => {
            let message = format!("the current folder is gone ({})", describe(&cause));
            return fail_with(parsed, emitter, error(message));
        }
    };
    let start = match &parsed.package_path {
        Some(path) => current.join(path),
        None => current.clone(),
    };
    let root = match load::find_root(system, &start) {
        Ok(root) => root,
        Err(problem) => return fail_with(parsed, emitter, problem),
    };
    if root != current
        && let Err(cause) = std::env::set_current_dir(&root)
    {
        let message = format!("cannot enter '{}' ({})", root.display(), describe(&cause));
        return fail_with(parsed, emitter, error(message));
    }
    Ok(current)
}

fn clean(system: &dyn System, parsed: &Arguments, emitter: &mut dyn Emitter) -> Command<u8> {
    enter(system, parsed, emitter)?;
    if !system.exists(Path::new(BUILD_FOLDER)) {
        return Ok(0);
    }
    // Two builds must not meet in a folder that disappears.
    let _locks = [
        lock(parsed, emitter, "debug")?,
        lock(parsed, emitter, "release")?,
    ];
    match std::fs::remove_dir_all(BUILD_FOLDER) {
        Ok(()) => Ok(0),
        Err(cause) => {
            let message = format!("cannot remove '{BUILD_FOLDER}' ({})", describe(&cause));
            fail_with(parsed, emitter, error(message))
        }
    }
}

/// A build that succeeded.
struct Success {
    graph: PackageGraph,
    plan: Plan,
    tests: Vec<TestTarget>,
    /// How many things are done at once.
    jobs: usize,
}

/// Reads the package that the process is in.
fn read_package(
    system: &dyn System,
    parsed: &Arguments,
    emitter: &mut dyn Emitter,
) -> Command<(PackageGraph, Vec<TestTarget>)> {
    let mut files = FileList::new();
    let graph = load::load(system, &mut files).and_then(|packages| graph::resolve(&packages));
    let found = graph.and_then(|graph| {
        let tests = testing::discover(system, &graph, &mut files)?;
        Ok((graph, tests))
    });
    match found {
        Ok(found) => Ok(found),
        Err(problems) => fail(parsed, emitter, problems, &files),
    }
}

fn build(
    system: Arc<dyn System>,
    parsed: &Arguments,
    work: Work,
    emitter: &mut dyn Emitter,
) -> Command<Success> {
    enter(&*system, parsed, emitter)?;
    let (graph, tests) = read_package(&*system, parsed, emitter)?;
    let only = match &parsed.target {
        None => None,
        Some(name) => Some(find_target(&graph, name, parsed, emitter)?),
    };
    build_package(system, parsed, work, only, graph, tests, emitter)
}

fn find_target(
    graph: &PackageGraph,
    name: &str,
    parsed: &Arguments,
    emitter: &mut dyn Emitter,
) -> Command<usize> {
    if let Some(number) = graph.find(name) {
        return Ok(number);
    }
    let mut message = format!("package '{}' has no target '{name}'", graph.package);
    let names = graph.targets.iter().map(|target| target.name.as_str());
    if let Some(meant) = did_you_mean(name, names) {
        message.push_str(&format!("; did you mean '{meant}'?"));
    }
    fail_with(parsed, emitter, error(message))
}

fn build_package(
    system: Arc<dyn System>,
    parsed: &Arguments,
    work: Work,
    only: Option<usize>,
    graph: PackageGraph,
    tests: Vec<TestTarget>,
    emitter: &mut dyn Emitter,
) -> Command<Success> {
    let profile = match parsed.release {
        true => Profile::Release,
        false => Profile::Debug,
    };
    let request = Request {
        work,
        profile,
        only,
    };
    let plan = plan::plan(&graph, &request, &tests);
    if let Err(cause) = prepare_folder(&*system, &plan.folder) {
        let message = format!("cannot write to '{}' ({})", plan.folder, describe(&cause));
        return fail_with(parsed, emitter, error(message));
    }
    let _lock = lock(parsed, emitter, profile.name())?;
    remove_leftovers(&*system, &plan);
    let options = Options::default();
    super::start_threads(&options);
    let store = super::cache_folder(&*system, &options);
    let store = store.map(|folder| Arc::new(Store::open(&folder)));
    let processors = std::thread::available_parallelism();
    let jobs = parsed.jobs.or(processors.ok().map(usize::from));
    let settings = Settings {
        jobs: jobs.unwrap_or(1),
        pipelining: !parsed.no_pipelining,
    };
    let mut progress = Progress::new(
        emitter,
        parsed.json,
        parsed.verbose,
        parsed.quiet,
        plan.units.len(),
    );
    let built = execute(
        system.clone(),
        store,
        &graph,
        &plan,
        settings,
        &mut |unit, happening, times| progress.show(unit, happening, times),
    );
    progress.finish(built.succeeded, profile.name(), built.took);
    if parsed.timings {
        let page = timings::page(&graph.package, profile.name(), &plan, &built, settings.jobs);
        let path = format!("{BUILD_FOLDER}/timings.html");
        match system.write(Path::new(&path), page.as_bytes(), OutputKind::Data) {
            Ok(_) => progress.line("Timings", Tone::Good, &path),
            Err(cause) => {
                let message = format!("cannot write '{path}' ({})", describe(&cause));
                return fail_with(parsed, emitter, error(message));
            }
        }
    }
    match (built.succeeded, built.broke) {
        (true, _) => Ok(Success {
            graph,
            plan,
            tests,
            jobs: settings.jobs,
        }),
        (false, true) => Err(super::PANIC_STATUS),
        (false, false) => Err(ExitStatus::Failure.code()),
    }
}

/// Makes the folder of a build; tools that make backups recognise what lies in it by its tag.
fn prepare_folder(system: &dyn System, folder: &str) -> std::io::Result<()> {
    system.create_dir_all(Path::new(folder))?;
    let tag = Path::new(BUILD_FOLDER).join("CACHEDIR.TAG");
    if !system.exists(&tag) {
        let text = "Signature: 8a477f597d28d172789f06886806bc55\n";
        system.write(&tag, text.as_bytes(), OutputKind::Data)?;
    }
    Ok(())
}

/// Removes the temporary files of builds that were interrupted. Nobody else writes here while the folder is locked.
fn remove_leftovers(system: &dyn System, plan: &Plan) {
    let own = plan
        .units
        .iter()
        .map(|unit| Path::new(&unit.record).parent());
    let folders = own.flatten().chain([Path::new(&plan.folder)]);
    for folder in folders {
        for entry in system.list_dir(folder).unwrap_or_default() {
            let name = entry.file_name().unwrap_or_default().as_encoded_bytes();
            if name.starts_with(b".") && name.ends_with(b".tmp") {
                let _ = system.remove(&entry);
            }
        }
    }
}

/// Waits until no other process builds here. The lock ends with the file.
fn lock(parsed: &Arguments, emitter: &mut dyn Emitter, name: &str) -> Command<Option<File>> {
    let path = format!("{BUILD_FOLDER}/.{name}.lock");
    // Where nothing can be written, the build says so itself.
    let Ok(file) = File::create(&path) else {
        return Ok(None);
    };
    let flock = |how| {
        // SAFETY: the descriptor belongs to the open file.
        unsafe { libc::flock(file.as_raw_fd(), how) }
    };
    if flock(libc::LOCK_EX | libc::LOCK_NB) != 0 {
        if !parsed.quiet && !parsed.json {
            let colour = emit::stderr_shows_colours();
            let text = "for another build in this folder";
            emitter.note(&verb_line("Waiting", Tone::Good, text, colour));
        }
        // File systems without locks build without them.
        flock(libc::LOCK_EX);
    }
    Ok(Some(file))
}

fn run_program(
    system: Arc<dyn System>,
    parsed: &Arguments,
    emitter: &mut dyn Emitter,
) -> Command<u8> {
    let before = enter(&*system, parsed, emitter)?;
    let (graph, tests) = read_package(&*system, parsed, emitter)?;
    let programs: Vec<usize> = (0..graph.targets.len())
        .filter(|&n| graph.targets[n].is_local && graph.targets[n].kind == TargetKind::Executable)
        .collect();
    let name = |number: usize| graph.targets[number].name.as_str();
    let only = match (parsed.words.first(), programs.as_slice()) {
        (Some(word), _) => {
            let number = find_target(&graph, word, parsed, emitter)?;
            if !programs.contains(&number) {
                let message = format!(
                    "target '{word}' is {} and cannot be run",
                    match graph.targets[number].kind {
                        TargetKind::Test => "a test",
                        _ => "a library",
                    }
                );
                return fail_with(parsed, emitter, error(message));
            }
            number
        }
        (None, [only]) => *only,
        (None, []) => {
            let message = format!("package '{}' has no program to run", graph.package);
            return fail_with(parsed, emitter, error(message));
        }
        (None, many) => {
            let names: Vec<&str> = many.iter().map(|&number| name(number)).collect();
            let message = format!(
                "package '{}' has several programs: say which with 'language run NAME'",
                graph.package
            );
            let problem = error(message).note(None, format!("they are: {}", names.join(", ")));
            return fail_with(parsed, emitter, problem);
        }
    };
    let program = name(only).to_owned();
    let success = build_package(
        system,
        parsed,
        Work::Build,
        Some(only),
        graph,
        tests,
        emitter,
    )?;
    let path = std::env::current_dir().map(|root| root.join(&success.plan.folder).join(&program));
    let failed = path.and_then(|path| {
        std::env::set_current_dir(before)?;
        Ok(std::process::Command::new(path)
            .args(&parsed.program)
            .exec())
    });
    let (Ok(cause) | Err(cause)) = failed;
    let message = format!("cannot run '{program}' ({})", describe(&cause));
    fail_with(parsed, emitter, error(message))
}

fn test(system: Arc<dyn System>, parsed: &Arguments, emitter: &mut dyn Emitter) -> Command<u8> {
    let success = build(system, parsed, Work::Test, emitter)?;
    let filter = parsed.words.first().map(String::as_str).unwrap_or_default();
    let colour = emit::stderr_shows_colours();
    let started = Instant::now();
    let (mut passed, mut left_out) = (0, 0);
    let mut failures: Vec<(String, String)> = Vec::new();
    for tests in &success.tests {
        let target = &success.graph.targets[tests.target];
        let Some(unit) = success.plan.units.iter().find(|u| u.target == tests.target) else {
            continue;
        };
        let full_name = |test: &Test| format!("{}/{}", target.name, test.name);
        let chosen: Vec<&Test> = tests
            .tests
            .iter()
            .filter(|test| full_name(test).contains(filter))
            .collect();
        left_out += tests.tests.len() - chosen.len();
        if chosen.is_empty() {
            continue;
        }
        let program = format!("./{}", unit.output.as_deref().unwrap_or_default());
        runner::run(&program, &chosen, success.jobs, &mut |test, end| {
            let name = full_name(test);
            let took = progress::seconds(end.took);
            let ok = end.failure.is_none();
            if parsed.json {
                let message = serde_json::json!({
                    "reason": "test",
                    "name": name,
                    "passed": ok,
                    "seconds": end.took.as_secs_f64(),
                    "failure": end.failure,
                    "output": end.output,
                });
                let _ = emitter.print(&format!("{message}\n"));
            } else if !parsed.quiet || !ok {
                let word = match (ok, colour) {
                    (true, false) => "ok",
                    (false, false) => "FAILED",
                    (true, true) => "\u{1b}[32mok\u{1b}[0m",
                    (false, true) => "\u{1b}[31mFAILED\u{1b}[0m",
                };
                let _ = emitter.print(&format!("test {name} ... {word} ({took})\n"));
            }
            match &end.failure {
                None => passed += 1,
                Some(why) => {
                    let mut text = end.output.clone();
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    if !why.is_empty() {
                        text.push_str(why);
                        text.push('\n');
                    }
                    failures.push((name, text));
                }
            }
        });
    }
    let took = progress::seconds(started.elapsed());
    if parsed.json {
        let message = serde_json::json!({
            "reason": "tests-finished",
            "passed": passed,
            "failed": failures.len(),
            "filtered_out": left_out,
        });
        let _ = emitter.print(&format!("{message}\n"));
    } else {
        let mut text = String::new();
        for (name, output) in &failures {
            text.push_str(&format!("\n---- {name}\n{output}"));
        }
        let word = if failures.is_empty() { "ok" } else { "FAILED" };
        text.push_str(&format!(
            "\ntest result: {word}. {passed} passed; {} failed; {left_out} filtered out; finished in {took}\n",
            failures.len()
        ));
        let _ = emitter.print(&text);
    }
    Ok(u8::from(!failures.is_empty()))
}
