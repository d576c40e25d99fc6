//! Mutants: programs of the fixtures with random tokens deleted, repeated and swapped. Whatever comes out, the compiler
//! must parse it without losing a byte, check it soon and without a panic, and make code of what it accepts.
//!
//! A mutant differs from its program in a few tokens, as one version of a file differs from the next in an editor. So each
//! thread keeps a database in which the standard library has been read, and sets the text of its only file anew.
//!
//! `CODIRA_MUTANTS` asks for another number of mutants, `CODIRA_SEED` for others.

mod random;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codira::base::Fingerprint;
use codira::codegen::program;
use codira::db::{CompilationUnit, RootDatabase, SourceFile};
use codira::diag::Severity;
use codira::interface::stages;
use codira::session::{OptLevel, TrackedOptions};
use codira::syntax::{Dialect, ParseOptions};
use codira::{bodies, items};

use random::Random;

/// Unoptimised compilers are an order of magnitude slower and get fewer mutants.
const SLOW: bool = cfg!(debug_assertions);
/// How much of a processor's time one mutant may take.
const LIMIT: Duration = Duration::from_secs(if SLOW { 30 } else { 2 });
/// After this time a mutant is taken to run for ever.
const HANGS: Duration = Duration::from_secs(if SLOW { 120 } else { 30 });
/// How many mutants a database sees before it is made anew.
const GENERATION: usize = 500;

/// A program cut into tokens, each with the white space before it.
fn pieces(text: &str) -> Vec<String> {
    let lexed = codira::syntax::lexer::lex(text, &ParseOptions::new(Dialect::Codira));
    let mut pieces = Vec::new();
    let mut start = 0;
    for token in &lexed.tokens {
        pieces.push(text[start..token.end as usize].to_owned());
        start = token.end as usize;
    }
    pieces
}

/// Deletes, duplicates or swaps a few tokens.
fn mutate(pieces: &mut Vec<String>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        if pieces.is_empty() {
            return;
        }
        let at = random.below(pieces.len());
        match random.below(4) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, pieces[at].clone()),
            2 if at + 1 < pieces.len() => pieces.swap(at, at + 1),
            _ => {
                let other = random.below(pieces.len());
                pieces.swap(at, other);
            }
        }
    }
}

fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            programs(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "code") {
            found.push(path);
        }
    }
}

fn mixed(number: u64) -> u64 {
    0x9e37_79b9_7f4a_7c15 ^ number.wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// Which program a mutant is made of: the one whose name and number together draw most. So another fixture takes a few mutants from each of the
/// others, and most stay what they were.
fn program_of(number: u64, names: &[u64]) -> usize {
    let draw = |name: &u64| mixed(mixed(number) ^ name);
    let drawn = names.iter().map(draw).enumerate();
    drawn
        .max_by_key(|&(_, drawn)| drawn)
        .map_or(0, |(at, _)| at)
}

/// Ends the process with a message unless it is dropped in time: nothing else stops a thread.
struct Alarm {
    _dropped_in_time: std::sync::mpsc::Sender<()>,
}

impl Alarm {
    fn after(time: Duration, message: String) -> Alarm {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            if receiver.recv_timeout(time) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{message}");
                std::process::exit(1);
            }
        });
        Alarm {
            _dropped_in_time: sender,
        }
    }
}

/// A module of one file.
struct Module {
    db: RootDatabase,
    unit: CompilationUnit,
    file: SourceFile,
    seen: usize,
}

impl Module {
    fn new(opt_level: OptLevel) -> Module {
        bodies::register();
        let db = RootDatabase::new();
        let file = SourceFile::of_user(&db, "main.code", "");
        let options = TrackedOptions {
            opt_level,
            ..TrackedOptions::default()
        };
        let unit = items::workspace::open(&db, vec![file], Arc::new(options));
        Module {
            db,
            unit,
            file,
            seen: 0,
        }
    }

    /// Parses, checks and, where nothing is wrong, compiles a text; says what the compiler did wrong.
    fn try_text(&mut self, text: &str) -> Result<(), String> {
        self.file.update_text(&mut self.db, text);
        let tree = items::parse(&self.db, self.file);
        if tree.green.to_string() != text {
            return Err("the tree is not lossless".into());
        }
        let found = stages::diagnostics(&self.db, self.unit);
        if let Some(internal) = found.iter().find(|d| d.code == "internal-error") {
            return Err(internal.message.clone());
        }
        if found.iter().any(|d| d.severity == Severity::Error) {
            return Ok(());
        }
        let output = program::program(&self.db, self.unit);
        match output.errors.first() {
            Some(error) => Err(format!("accepted, but: {error}")),
            None => Ok(()),
        }
    }
}

/// How long this thread has been running on a processor, so that other work on the machine does not count.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to the value that it is given and to nothing else.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Tries so many mutants of the fixtures in turn.
fn mutants(opt_level: OptLevel, total: usize) {
    let total = number("CODIRA_MUTANTS").map_or(total, |asked| asked as usize);
    let seed = number("CODIRA_SEED").unwrap_or(0);
    // What checks a mutant is the thread that has it: there are others for the other mutants.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut paths = Vec::new();
    programs(&fixtures, &mut paths);
    let texts: Vec<String> = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let names: Vec<u64> = paths
        .iter()
        .map(|path| {
            Fingerprint::of_bytes(
                path.strip_prefix(&fixtures)
                    .unwrap()
                    .as_os_str()
                    .as_encoded_bytes(),
            )
            .0 as u64
        })
        .collect();
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut module = Module::new(opt_level);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= total {
                return;
            }
            let number = seed << 32 | (index as u64 + 1);
            let program = program_of(number, &names);
            let mut random = Random(mixed(number));
            let mut tokens = pieces(&texts[program]);
            mutate(&mut tokens, &mut random);
            let text = tokens.concat();
            // Kept before it is tried, so that a mutant that hangs can be looked at.
            let kept = format!("mutant-{opt_level:?}-{seed}-{index}.code");
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(kept);
            std::fs::write(&kept, &text).unwrap();
            let shown = format!("mutant {index} of {}", paths[program].display());
            let _alarm = Alarm::after(HANGS, format!("{shown} hangs: see {}", kept.display()));
            let started = processor_time();
            let tried = catch_unwind(AssertUnwindSafe(|| module.try_text(&text)));
            let problem = match &tried {
                Err(cause) => {
                    let text = cause.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
                    Some(format!("panic: {}", text.unwrap_or_default()))
                }
                Ok(Err(problem)) => Some(problem.clone()),
                Ok(Ok(())) => {
                    let took = processor_time() - started;
                    (took > LIMIT).then(|| format!("took {took:?}"))
                }
            };
            match problem {
                Some(problem) => failures
                    .lock()
                    .unwrap()
                    .push(format!("{shown}: {problem}; see {}", kept.display())),
                None => std::fs::remove_file(&kept).unwrap(),
            }
            module.seen += 1;
            if tried.is_err() || module.seen >= GENERATION {
                module = Module::new(opt_level);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn_scoped(scope, work)
                .unwrap();
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let count = failures.len();
    failures.truncate(20);
    assert!(
        failures.is_empty(),
        "{count} mutants:\n{}",
        failures.join("\n")
    );
}

#[test]
fn mutants_compile() {
    mutants(OptLevel::None, if SLOW { 100 } else { 5_000 });
}

#[test]
fn mutants_compile_optimised() {
    mutants(OptLevel::Speed, if SLOW { 20 } else { 500 });
}
