//! Running the jobs of a plan.
//!
//! Usually a compilation is one call of [`crate::interface::run`], whatever the plan says; build systems that want messages about jobs get them
//! as if each had run. With `-driver-separate-processes` compile and merge jobs really are processes, as `-###` prints them, and what they
//! leave is linked.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus as ProcessStatus, Stdio};
use std::sync::Arc;

use crate::base::FxHashMap;
use crate::diag::{Files, Report, Severity};
use crate::interface::{
    BufferEmitter, Config, Emitter, ExitStatus, NoCallbacks, emit_global, imported_archives, run,
};
use crate::link::linker::Scratch;
use crate::session::{Mode, Options, OutputFileMap};
use crate::store::Store;
use crate::vfs::System;

use super::parseable::{self, Usage};
use super::plan::{self, ActionKind, Job};
use super::tools::modulewrap;
use super::{error, fail};

/// The jobs of a command line, each with what its output is called.
fn planned(
    options: &Options,
    file_map: &OutputFileMap,
    temporary: &str,
) -> Vec<(Job, &'static str)> {
    let actions = plan::actions(options);
    let jobs = plan::jobs(options, &actions, file_map, temporary);
    let steps = actions.iter();
    let outputs = steps.filter(|action| !matches!(action.kind, ActionKind::Input(_)));
    jobs.into_iter()
        .zip(outputs.map(|action| action.output))
        .collect()
}

/// Keeps what a compilation says, by the file that it is about.
#[derive(Default)]
struct Sorted {
    by_file: FxHashMap<String, Said>,
    /// What is about no file.
    rest: Said,
    /// Outputs that were asked for go where they always do.
    printed: String,
}

#[derive(Default)]
struct Said {
    text: String,
    has_errors: bool,
}

impl Emitter for Sorted {
    fn report(&mut self, report: &Report, files: &dyn Files, options: &Options) {
        for diagnostic in &report.diagnostics {
            let one = Report {
                diagnostics: vec![diagnostic.clone()],
                errors: 0,
                warnings: 0,
            };
            let mut buffer = BufferEmitter::default();
            buffer.report(&one, files, options);
            let said = match diagnostic.span {
                Some(span) => self
                    .by_file
                    .entry(files.path(span.file).to_owned())
                    .or_default(),
                None => &mut self.rest,
            };
            said.text.push_str(&buffer.stderr);
            said.has_errors |= diagnostic.severity == Severity::Error;
        }
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.printed.push_str(text);
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.rest.text.push_str(text);
    }
}

/// Compiles in this process, with messages as if each job had run.
pub(super) fn run_with_messages(
    config: Config,
    file_map: &OutputFileMap,
    temporary: &str,
    emitter: &mut dyn Emitter,
) -> ExitStatus {
    let jobs = planned(&config.options, file_map, temporary);
    let is_compile = |job: &Job| job.kind == ActionKind::Compile;
    let each = || {
        let numbered = jobs.iter().enumerate();
        numbered.map(|(number, (job, output))| (parseable::in_process(job, number), *output))
    };
    for (named, output) in each().filter(|(named, _)| is_compile(named.job)) {
        emitter.note(&parseable::began(&named, output));
    }
    let mut said = Sorted::default();
    let status = run(config, &mut NoCallbacks, &mut said);
    // Nobody listens where printing fails.
    let _ = emitter.print(&said.printed);
    let usage = Usage::now(false);
    let mut checked = true;
    for (named, _) in each().filter(|(named, _)| is_compile(named.job)) {
        let mut output = String::new();
        let mut failed = false;
        for input in &named.job.inputs {
            if let Some(said) = said.by_file.get(input) {
                output.push_str(&said.text);
                failed |= said.has_errors;
            }
        }
        checked &= !failed;
        emitter.note(&parseable::finished(
            &named,
            i32::from(failed),
            &output,
            usage,
        ));
    }
    let succeeded = status == ExitStatus::Success;
    let later: Vec<_> = each().filter(|(named, _)| !is_compile(named.job)).collect();
    for (at, (named, output)) in later.iter().enumerate() {
        if !checked {
            break;
        }
        let is_last = at + 1 == later.len();
        emitter.note(&parseable::began(named, output));
        let failed = is_last && !succeeded;
        let text = match is_last {
            true => said.rest.text.as_str(),
            false => "",
        };
        emitter.note(&parseable::finished(named, i32::from(failed), text, usage));
    }
    if later.is_empty() || !checked {
        emitter.note(&said.rest.text);
    }
    status
}

/// A job whose process runs.
struct Running<'a> {
    job: &'a Job,
    child: Child,
    pid: u32,
}

/// Compiles with a process for each compile job, and links what they leave.
pub(super) fn run_separately(
    options: Options,
    system: Arc<dyn System>,
    store: Option<Arc<Store>>,
    file_map: &OutputFileMap,
    emitter: &mut dyn Emitter,
) -> u8 {
    let untracked = &options.untracked;
    let parent = system.env("TMPDIR").filter(|folder| !folder.is_empty());
    let parent = parent.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let scratch = match Scratch::new(&parent, untracked.save_temps) {
        Ok(scratch) => scratch,
        Err(cause) => {
            let reason = crate::vfs::describe(&cause);
            return fail(
                emitter,
                vec![error(format!("cannot make a temporary folder ({reason})"))],
            );
        }
    };
    let planned = planned(&options, file_map, &scratch.path().to_string_lossy());
    let of_kind = |kind: ActionKind| planned.iter().filter(move |(job, _)| job.kind == kind);
    let compiles: Vec<&(Job, &str)> = of_kind(ActionKind::Compile).collect();
    let merges: Vec<&(Job, &str)> = of_kind(ActionKind::MergeModule).collect();
    // What is merged has been compiled before.
    for jobs in [&compiles, &merges] {
        if !run_jobs(&options, jobs, emitter) {
            return ExitStatus::Failure.code();
        }
    }
    if !untracked.mode.links() {
        return 0;
    }
    // Programs are complete; libraries leave the modules that they import to programs.
    let archives = match untracked.mode {
        Mode::EmitLibrary => Ok(Vec::new()),
        _ => imported_archives(&options, system.clone()),
    };
    let mut archives = match archives {
        Ok(archives) => archives,
        Err(problems) => {
            emit_global(emitter, &options, problems);
            return ExitStatus::Failure.code();
        }
    };
    // A linker takes from an archive what was missing before it: importers come first.
    archives.reverse();
    archives.retain(|path| !untracked.link_inputs.contains(path));
    let mut link_options = options.clone();
    let mut objects: Vec<String> = compiles.iter().map(|(job, _)| job.output.clone()).collect();
    // The module is part of a library, as it is of one that a single process makes.
    if untracked.mode == Mode::EmitLibrary {
        for (job, _) in &merges {
            let object = scratch.path().join(format!("module-{}.o", objects.len()));
            let object = object.to_string_lossy().into_owned();
            let wrap = ["-o", &object, "-target", options.tracked.target.triple()];
            let mut words = vec![job.output.clone()];
            words.extend(wrap.map(str::to_owned));
            if modulewrap(&*system, &words, emitter) != 0 {
                return ExitStatus::Failure.code();
            }
            objects.push(object);
        }
    }
    link_options.untracked.link_inputs = objects
        .into_iter()
        .chain(archives)
        .chain(untracked.link_inputs.clone())
        .collect();
    link_options.untracked.inputs = Vec::new();
    link_options.untracked.output = options.output_path();
    link_options.untracked.emit_module = false;
    link_options.untracked.emit_module_path = None;
    link_options.untracked.emit_module_doc = false;
    link_options.untracked.emit_module_doc_path = None;
    let mut config = Config::new(link_options, system);
    config.store = store;
    let link = planned.iter().enumerate().next_back();
    let named = link.map(|(number, (job, output))| (parseable::in_process(job, number), *output));
    if !untracked.parseable_output {
        return run(config, &mut NoCallbacks, emitter).code();
    }
    let mut said = BufferEmitter::default();
    if let Some((named, output)) = &named {
        emitter.note(&parseable::began(named, output));
    }
    let status = run(config, &mut NoCallbacks, &mut said).code();
    if let Some((named, _)) = &named {
        let usage = Usage::now(false);
        emitter.note(&parseable::finished(
            named,
            status.into(),
            &said.stderr,
            usage,
        ));
    }
    status
}

/// Runs jobs, at most so many at once as there are to be threads. Returns whether all have succeeded.
fn run_jobs(options: &Options, jobs: &[&(Job, &'static str)], emitter: &mut dyn Emitter) -> bool {
    let untracked = &options.untracked;
    let limit = match untracked.jobs {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        jobs => jobs,
    };
    let frontend = match std::env::current_exe() {
        Ok(own) => own.with_file_name("language"),
        Err(_) => PathBuf::from("language"),
    };
    let mut succeeded = true;
    for group in jobs.chunks(limit) {
        let mut running = Vec::new();
        for (job, output) in group {
            if untracked.verbose {
                emitter.note(&format!("{}\n", job.command.join(" ")));
            }
            match start(&frontend, job) {
                Ok(child) => {
                    let pid = child.id();
                    let started = Running { job, child, pid };
                    if untracked.parseable_output {
                        emitter.note(&parseable::began(&named(&started), output));
                    }
                    running.push(started);
                }
                Err(cause) => {
                    let shown = frontend.display();
                    emit_global(
                        emitter,
                        options,
                        vec![error(format!("cannot run '{shown}' ({cause})"))],
                    );
                    succeeded = false;
                }
            }
        }
        for job in running {
            succeeded &= finish(options, job, emitter);
        }
    }
    succeeded
}

fn named<'a>(running: &Running<'a>) -> parseable::Named<'a> {
    parseable::Named {
        job: running.job,
        pid: running.pid.into(),
        real_pid: running.pid,
    }
}

fn start(frontend: &Path, job: &Job) -> io::Result<Child> {
    let arguments = job.command.get(1..).unwrap_or_default();
    let mut command = Command::new(frontend);
    command.args(arguments).stdin(Stdio::null());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Waits for a job and shows what it said. Returns whether it has succeeded.
fn finish(options: &Options, running: Running<'_>, emitter: &mut dyn Emitter) -> bool {
    let named = named(&running);
    let output = match running.child.wait_with_output() {
        Ok(output) => output,
        Err(cause) => {
            emit_global(
                emitter,
                options,
                vec![error(format!("a job was lost ({cause})"))],
            );
            return false;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let _ = emitter.print(&String::from_utf8_lossy(&output.stdout));
    if options.untracked.parseable_output {
        let usage = Usage::now(true);
        emitter.note(&match output.status.signal() {
            Some(signal) => parseable::signalled(&named, signal, &said, usage),
            None => parseable::finished(&named, output.status.code().unwrap_or(1), &said, usage),
        });
    } else {
        emitter.note(&said);
    }
    // Whoever reads messages knows from them.
    if !output.status.success() && !options.untracked.parseable_output {
        let problem = failure(&named.job.kind, output.status);
        emit_global(emitter, options, vec![error(problem)]);
    }
    output.status.success()
}

fn failure(kind: &ActionKind, status: ProcessStatus) -> String {
    let how = match status.signal() {
        Some(signal) => format!("due to signal {signal}"),
        None => format!("with exit code {}", status.code().unwrap_or(1)),
    };
    let name = kind.name();
    format!("{name} command failed {how} (use -v to see invocation)")
}

/// Whether compile jobs can be processes in a mode.
pub(super) fn can_run_separately(options: &Options) -> bool {
    let mode = options.untracked.mode;
    let links = matches!(mode, Mode::EmitExecutable | Mode::EmitLibrary);
    (links && !options.tracked.static_library)
        || mode == Mode::EmitObject
        || mode == Mode::EmitModule
        || mode == Mode::Typecheck
}
