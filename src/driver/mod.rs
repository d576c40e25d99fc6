//! Tour of `driver`: the command lines `languagec` and `language`.
//!
//! * [`plan`]: which jobs a command line means, as plain data and a pure function of the options; `-###` and
//!   its relatives print it.
//! * `jobs`: running what a plan says, in processes of their own or as if; `parseable`: messages about jobs for build systems.
//! * `tools`: the small programs that jobs call beside the compiler.
//! * `inspect`: `language metadata` and `language demangle`.
//! * `watch`: building again whenever a file changes.
//! * [`package`]: `language build` and its relatives, for folders with a manifest.
//! * [`languagec`] and [`language`] are the programs' main functions: arguments in, exit status out.
//!
//! By default all jobs run in this process on one database, through [`crate::interface`], so that each
//! file is parsed once and not once a job.

mod inspect;
mod jobs;
pub mod package;
mod parseable;
pub mod plan;
mod tools;
mod watch;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::distance::did_you_mean;
use crate::diag::Diagnostic;
use crate::interface::{
    Config, Emitter, ExitStatus, NoCallbacks, StdEmitter, emit_global, print, run,
};
use crate::session::{
    Invocation, Mode, Options, OutputFileMap, Target, cli, table, version_line, version_text,
};
use crate::store::Store;
use crate::vfs::{OsSystem, System, describe};

/// The stack of the thread that compiles: recursion over deeply nested source stays well inside it. Only
/// what is touched is ever allocated.
const STACK: usize = 256 << 20;
/// The stack of each helper thread.
const HELPER_STACK: usize = 64 << 20;

/// The commands of `language` that later versions will have.
const LATER: &[&str] = &["repl", "lsp", "package", "doc"];

/// The commands of `language` that there are.
const COMMANDS: &[&str] = &[
    "new",
    "build",
    "run",
    "test",
    "check",
    "clean",
    "install-library",
    "metadata",
    "demangle",
    "help",
    "version",
];

const LANGUAGE_HELP: &str = "\
OVERVIEW: Codira build tool

USAGE: language <command> [options]

COMMANDS:
  new <name>                Make a folder with a new package
  build                     Build the package that the current folder is in
  run [target] [-- <args>]  Build a program of the package and run it
  run <files> [-- <args>]   Compile the files and run the program at once
  test [filter]             Run the package's tests
  check                     Report what is wrong with the package
  clean                     Remove what was built
  install-library [folder]  Compile the standard library into the compiler's own sysroot, or another
  metadata <file> [--json]  Describe a module file or library
  demangle [<symbol>...]    Make symbols readable, or text from standard input
  version                   Print version information and exit
  help                      Display available commands

'language run <files>' takes the options of 'languagec'; 'language build --help' and the like show those
of the other commands.
";

/// The program `languagec`: compiles what `args`, without the program's name, ask for.
pub fn languagec(args: Vec<OsString>) -> ! {
    let system = Arc::new(OsSystem);
    on_big_stack(move || match utf8(args) {
        Ok(args) => compile(system, &args, None, &mut StdEmitter),
        Err(problem) => fail(&mut StdEmitter, vec![problem]),
    })
}

/// The program `language`.
pub fn language(args: Vec<OsString>) -> ! {
    let system = Arc::new(OsSystem);
    on_big_stack(move || match utf8(args) {
        Ok(args) => command(system, &args, &mut StdEmitter),
        Err(problem) => fail(&mut StdEmitter, vec![problem]),
    })
}

/// The program `language-autolink-extract`.
pub fn autolink_extract(args: Vec<OsString>) -> u8 {
    let emitter = &mut StdEmitter;
    match utf8(args) {
        Ok(args) => tools::autolink_extract(&OsSystem, &args, emitter),
        Err(problem) => fail(emitter, vec![problem]),
    }
}

/// Runs a command of `language`.
fn command(system: Arc<dyn System>, args: &[String], emitter: &mut dyn Emitter) -> u8 {
    let (name, rest) = match args.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", args),
    };
    match name {
        "run" if names_files(rest) => {
            let (own, program) = split_program_arguments(rest);
            compile(system, own, Some(program), emitter)
        }
        name if package::is_command(name) => {
            keep_memory();
            package::command(system, name, rest, emitter)
        }
        "help" | "-help" | "--help" | "-h" => print(emitter, LANGUAGE_HELP).code(),
        "version" | "-version" | "--version" | "-v" => {
            print(emitter, &version_text(Target::HOST)).code()
        }
        "install-library" => inspect::install_library(&*system, rest, emitter),
        "metadata" => inspect::metadata(&*system, rest, emitter),
        "demangle" => inspect::demangle(&*system, rest, emitter),
        later if LATER.contains(&later) => {
            let message = format!("'language {later}' is not available yet");
            fail(emitter, vec![error(message)])
        }
        // A job of a plan. Modes that are jobs of their own come first; everything else is a compilation.
        "-frontend" => match rest.split_first() {
            Some((mode, rest)) if mode == "-modulewrap" => {
                tools::modulewrap(&*system, rest, emitter)
            }
            Some((mode, rest)) if mode == "-merge-modules" => {
                tools::merge_modules(&*system, rest, emitter)
            }
            _ => compile(system, rest, None, emitter),
        },
        other => {
            let mut message = format!("unknown command: '{other}'");
            let known = LATER.iter().chain(COMMANDS).copied();
            if let Some(meant) = did_you_mean(other, known) {
                message.push_str(&format!("; did you mean '{meant}'?"));
            }
            fail(emitter, vec![error(message)])
        }
    }
}

/// Whether `language run` is to run files, and not a program of the package. Targets are called like modules, so that no file can be taken for one.
fn names_files(args: &[String]) -> bool {
    let (own, _) = split_program_arguments(args);
    let is_file = |arg: &String| {
        let is_option = arg.starts_with('-') && arg != "-";
        !is_option && (arg == "-" || arg.starts_with('@') || arg.contains(['.', '/']))
    };
    // The value of an option may look like a file.
    let package_path = own.iter().any(|arg| arg.starts_with("--package-path"));
    !package_path && own.iter().any(is_file)
}

/// `language run`'s own arguments, and those of the program, which `--` sets apart.
fn split_program_arguments(args: &[String]) -> (&[String], &[String]) {
    match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[]),
    }
}

/// Compiles what a command line asks for; with `program` the result is run with those arguments.
fn compile(
    system: Arc<dyn System>,
    args: &[String],
    program: Option<&[String]>,
    emitter: &mut dyn Emitter,
) -> u8 {
    let (mut options, warnings) = match cli::parse(&*system, args) {
        Ok(Invocation::Help) => {
            return print(emitter, &table::help("languagec")).code();
        }
        Ok(Invocation::Version) => {
            return print(emitter, &version_text(Target::HOST)).code();
        }
        Ok(Invocation::Compile(options, warnings)) => (*options, warnings),
        Err(problems) => {
            emit_global(emitter, &cli::reporting_options(args), problems);
            return ExitStatus::Failure.code();
        }
    };
    emit_global(emitter, &options, warnings);
    if let Some(folder) = &options.untracked.working_directory
        && let Err(cause) = std::env::set_current_dir(folder)
    {
        let reason = describe(&cause);
        let message = format!("cannot change to working directory '{folder}' ({reason})");
        return fail(emitter, vec![error(message)]);
    }
    if let Some(arguments) = program {
        if options.untracked.mode != Mode::EmitExecutable || options.untracked.output.is_some() {
            let message = "'language run' makes no outputs; use languagec for that";
            return fail(emitter, vec![error(message)]);
        }
        options.untracked.mode = Mode::Run;
        options.untracked.program_arguments = arguments.to_vec();
    }
    if prints_plan(&options) {
        return print_plan(&*system, &options, emitter);
    }
    if options.untracked.verbose {
        emitter.note(&format!("{}\n", version_line()));
    }
    start_threads(&options);
    let store = cache_folder(&*system, &options).map(|folder| Store::open(&folder));
    let store = store.map(Arc::new);
    if options.untracked.watch {
        return watch::watch(options, system, store, emitter);
    }
    keep_memory();
    let asked = &options.untracked;
    let separately = asked.separate_processes && jobs::can_run_separately(&options);
    if separately || asked.parseable_output {
        let file_map = match load_file_map(&*system, &options, emitter) {
            Ok(map) => map,
            Err(status) => return status,
        };
        if separately {
            return jobs::run_separately(options, system, store, &file_map, emitter);
        }
        let temporary = temporary_folder(&*system);
        let mut config = Config::new(options, system);
        config.store = store;
        return jobs::run_with_messages(config, &file_map, &temporary, emitter).code();
    }
    let mut config = Config::new(options, system);
    config.one_shot = true;
    config.store = store;
    run(config, &mut NoCallbacks, emitter).code()
}

/// Where results for later processes are kept: the folder that was asked for, or the user's cache.
fn cache_folder(system: &dyn System, options: &Options) -> Option<PathBuf> {
    if let Some(folder) = &options.untracked.module_cache_path {
        return Some(PathBuf::from(folder));
    }
    let folder = |name: &str| system.env(name).filter(|path| !path.is_empty());
    let caches = match folder("XDG_CACHE_HOME") {
        Some(caches) => PathBuf::from(caches),
        None => PathBuf::from(folder("HOME")?).join(".cache"),
    };
    caches.is_absolute().then(|| caches.join("codira"))
}

fn prints_plan(options: &Options) -> bool {
    let asked = &options.untracked;
    asked.print_jobs || asked.print_actions || asked.print_bindings || asked.print_output_file_map
}

/// Reads the output file map, if there is one. What is wrong with it is reported.
fn load_file_map(
    system: &dyn System,
    options: &Options,
    emitter: &mut dyn Emitter,
) -> Result<OutputFileMap, u8> {
    let Some(path) = &options.untracked.output_file_map else {
        return Ok(OutputFileMap::default());
    };
    OutputFileMap::load(system, path).map_err(|error| {
        let report = crate::diag::Report {
            errors: error.diagnostics.len(),
            warnings: 0,
            diagnostics: error.diagnostics,
        };
        emitter.report(&report, &error.files, options);
        ExitStatus::Failure.code()
    })
}

/// Where files go that nobody asked for.
fn temporary_folder(system: &dyn System) -> String {
    let folder = system.env("TMPDIR");
    let folder = folder.and_then(|folder| folder.into_string().ok());
    folder.unwrap_or_else(|| "/tmp".into())
}

/// Prints what would be done.
fn print_plan(system: &dyn System, options: &Options, emitter: &mut dyn Emitter) -> u8 {
    let file_map = match load_file_map(system, options, emitter) {
        Ok(map) => map,
        Err(status) => return status,
    };
    if options.untracked.print_output_file_map {
        return print(emitter, &file_map.print()).code();
    }
    let actions = plan::actions(options);
    if options.untracked.print_actions {
        return print(emitter, &plan::print_actions(&actions)).code();
    }
    let temporary = temporary_folder(system);
    let jobs = plan::jobs(options, &actions, &file_map, &temporary);
    let text = match options.untracked.print_bindings {
        true => plan::print_bindings(options, &jobs),
        false => plan::print_commands(&jobs),
    };
    print(emitter, &text).code()
}

/// Starts the helper threads: as many as asked for, or one a processor, with stacks for nested source.
fn start_threads(options: &Options) {
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(options.untracked.jobs)
        .stack_size(HELPER_STACK);
    // Fails only when an embedding program has made its own pool already, which is then the one to use.
    let _ = threads.build_global();
}

/// Runs `work` on a thread with a stack for deeply nested source, and ends the process with the status that it gives.
fn on_big_stack(work: impl FnOnce() -> u8 + Send + 'static) -> ! {
    // A limit on the size of files is an error of whoever writes one and says so, not a signal that kills without a word.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let thread = std::thread::Builder::new()
        .name("main".into())
        .stack_size(STACK)
        .spawn(move || exit(work()));
    let finished: Result<(), _> = match thread {
        Ok(thread) => thread.join(),
        Err(cause) => {
            let message = format!("cannot start a thread ({cause})");
            exit(fail(&mut StdEmitter, vec![error(message)]));
        }
    };
    // A panic was already described on standard error by the panic hook.
    if finished.is_err() {
        let message = "please report this, with the source that caused it";
        emit_global(
            &mut StdEmitter,
            &Options::default(),
            vec![Diagnostic::internal_error(message)],
        );
    }
    exit(PANIC_STATUS)
}

/// Ends the process at once: what other threads do is of no use any more, and giving memory back piece by piece takes longer than ending.
fn exit(status: u8) -> ! {
    // Nobody is left who could be told of an error.
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: nothing that would run on the way out is needed.
    unsafe { libc::_exit(status.into()) }
}

/// Lets memory that is free stay with the process, which ends soon: what is given back to the system has to be asked for again, and comes with its pages cleared.
fn keep_memory() {
    // SAFETY: options may be read and set at any time.
    unsafe {
        if libmimalloc_sys::mi_option_get(PURGE_DELAY) == USUAL_DELAY {
            libmimalloc_sys::mi_option_set(PURGE_DELAY, -1);
        }
    }
}

/// How many milliseconds free memory stays with the process. The crate has a name for the option behind it only.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = libmimalloc_sys::mi_option_use_numa_nodes - 1;
/// What this option is from the beginning, and no other: another version of the allocator may number its options anew.
const USUAL_DELAY: std::ffi::c_long = 1000;

/// The exit status of a compiler that broke, which differs from that of a program that is wrong.
const PANIC_STATUS: u8 = 101;

fn utf8(args: Vec<OsString>) -> Result<Vec<String>, Diagnostic> {
    let text = |arg: OsString| {
        arg.into_string().map_err(|arg| {
            let shown = arg.to_string_lossy().into_owned();
            error(format!("argument '{shown}' is not valid UTF-8"))
        })
    };
    args.into_iter().map(text).collect()
}

fn error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::global_error("command-line", message)
}

fn fail(emitter: &mut dyn Emitter, problems: Vec<Diagnostic>) -> u8 {
    emit_global(emitter, &Options::default(), problems);
    ExitStatus::Failure.code()
}
