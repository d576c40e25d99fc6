//! Bad input: whatever a file, a command line or a file system holds, the compiler ends soon with a clear
//! error or a good result, never with a panic, a crash or half an output.
//!
//! The inputs that exhaust something are run as processes, so that a stack overflow is seen as what it is. The mutants of
//! the fixtures run in this process, because there are thousands of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
use codira::syntax::{Dialect, ParseOptions};
use codira::vfs::{MemorySystem, ReadErrorKind};

/// Unoptimised compilers are an order of magnitude slower and get smaller inputs.
const SLOW: bool = cfg!(debug_assertions);
/// How long one of the repetitions below is.
const MANY: usize = if SLOW { 20_000 } else { 200_000 };
/// What no input of this file may take, on a machine that is busy with other tests.
const TOO_LONG: Duration = Duration::from_secs(if SLOW { 120 } else { 60 });

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn with(name: &str, text: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        std::fs::write(folder.path().join(name), text).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path());
        command
    }

    /// The exit status and standard error.
    fn languagec(&self, line: &str) -> (Option<i32>, String) {
        let output = self.command(line).output().unwrap();
        (output.status.code(), stderr_of(&output))
    }
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks `text` in a process: it must end in time, with an explanation exactly when it fails.
#[track_caller]
fn survives(what: &str, text: &str) -> (bool, String) {
    let folder = Folder::with("deep.code", text);
    let started = Instant::now();
    let (status, stderr) = folder.languagec("-typecheck deep.code");
    let shown: String = stderr.chars().take(300).collect();
    assert!(matches!(status, Some(0 | 1)), "{what}: {status:?}\n{shown}");
    assert!(
        !stderr.contains("internal compiler error"),
        "{what}\n{shown}"
    );
    assert_eq!(
        status == Some(1),
        stderr.contains("error: "),
        "{what}\n{shown}"
    );
    let took = started.elapsed();
    assert!(took < TOO_LONG, "{what} took {took:?}");
    (status == Some(0), stderr)
}

#[test]
fn files_with_nothing_in_them_are_legal() {
    for text in [
        "",
        "\n\n\n",
        "// only a comment",
        "/* only\n a comment */",
        "\u{feff}",
        "\u{feff}// with a mark\n",
        "#!/usr/bin/env language\n",
        "\r\n\r\n",
    ] {
        let (good, stderr) = survives("nothing", text);
        assert!(good && stderr.is_empty(), "{text:?}: {stderr}");
    }
}

#[test]
fn nul_bytes_are_pointed_out() {
    let folder = Folder::with("nul.code", b"immutable a = 1\0\0\nimmutable b = a\n");
    let (status, stderr) = folder.languagec("-typecheck nul.code");
    assert_eq!(status, Some(0), "{stderr}");
    assert!(
        stderr.starts_with("nul.code:1:16: warning: nul character embedded in middle of file"),
        "{stderr}"
    );
    // A file of nothing else is legal as well.
    let (good, _) = survives("nul", &"\0".repeat(MANY));
    assert!(good);
}

#[test]
fn bytes_that_are_no_text_are_refused_as_a_whole() {
    let mut state = Random(7);
    let noise: Vec<u8> = (0..100_000).map(|_| state.next() as u8).collect();
    let folder = Folder::with("noise.code", &noise);
    let (status, stderr) = folder.languagec("noise.code -o out");
    assert_eq!(status, Some(1));
    assert!(
        stderr.starts_with("error: input file 'noise.code' is not valid UTF-8 (byte offset "),
        "{stderr}"
    );
    assert_eq!(folder.entries(), ["noise.code"]);
}

#[test]
fn noise_that_is_text_is_lossless() {
    let mut state = Random(11);
    for round in 0..200 {
        let text: String = (0..500)
            .map(|_| {
                let bits = state.next();
                match bits % 4 {
                    0 => char::from_u32((bits >> 8) as u32 % 0x11_0000).unwrap_or('\u{fffd}'),
                    1 => {
                        b"\"\\(){}[]<>#/*`'$@&|?!.,:;=-+~^% \n\t\r\0"[(bits >> 8) as usize % 36]
                            as char
                    }
                    _ => (b' ' + (bits >> 8) as u8 % 95) as char,
                }
            })
            .collect();
        let parse = codira::syntax::parse(&text, &ParseOptions::default());
        assert_eq!(parse.green.to_string(), text, "round {round}");
    }
}

#[test]
fn unreadable_files_are_errors() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with("secret.code", "");
    let path = folder.path().join("secret.code");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
    if std::fs::read(&path).is_ok() {
        // The superuser may read everything.
        return;
    }
    let (status, stderr) = folder.languagec("secret.code -o out");
    assert_eq!(
        (status, stderr.as_str()),
        (
            Some(1),
            "error: error opening input file 'secret.code' (Permission denied)\n"
        )
    );
    assert_eq!(folder.entries(), ["secret.code"]);
}

#[test]
fn a_file_that_changes_while_it_is_read() {
    let system = MemorySystem::new().with_file("a.code", "immutable a = 1\n");
    system.fail_reads("a.code", 1, ReadErrorKind::ChangedWhileReading);
    let (status, stderr) = check_in_memory(system, "a.code");
    // One failure is tried again, or reported; it never gives a mixture of two texts.
    if status == ExitStatus::Failure {
        assert!(stderr.contains("'a.code'"), "{stderr}");
    }
    let system = MemorySystem::new().with_file("a.code", "immutable a = 1\n");
    system.fail_reads("a.code", 100, ReadErrorKind::ChangedWhileReading);
    let (status, stderr) = check_in_memory(system, "a.code");
    assert_eq!(status, ExitStatus::Failure);
    assert!(
        stderr.starts_with("error: ") && stderr.contains("'a.code'"),
        "{stderr}"
    );
}

fn check_in_memory(system: MemorySystem, path: &str) -> (ExitStatus, String) {
    let args = ["-parse".to_owned(), path.to_owned()];
    let mut emitter = BufferEmitter::default();
    let status = run_compiler(&args, &mut NoCallbacks, Arc::new(system), &mut emitter);
    (status, emitter.stderr)
}

#[test]
fn one_line_of_many_megabytes() {
    let megabytes = if SLOW { 1 } else { 20 };
    let unit = "x = x + 1; ";
    let text = format!("var x = 0; {}", unit.repeat((megabytes << 20) / unit.len()));
    let folder = Folder::with("line.code", &text);
    let started = Instant::now();
    let (status, stderr) = folder.languagec("-parse line.code");
    assert_eq!(status, Some(0), "{}", &stderr[..stderr.len().min(300)]);
    let took = started.elapsed();
    assert!(took < TOO_LONG, "took {took:?}");
    // A mistake at its end is shown without the whole line.
    let folder = Folder::with("line.code", text + "]");
    let (status, stderr) = folder.languagec("-parse line.code");
    assert_eq!(status, Some(1));
    assert!(stderr.len() < 10_000, "{} bytes of report", stderr.len());
    // As one token, too.
    let folder = Folder::with("word.code", "a".repeat(megabytes << 20));
    let (status, stderr) = folder.languagec("-parse word.code");
    assert_eq!((status, stderr.len()), (Some(0), 0));
}

#[test]
fn nesting_without_an_end() {
    for (what, unit) in [
        ("parentheses", "("),
        ("braces", "{"),
        ("brackets", "["),
        ("closers", ")"),
        ("mixed closers", ")]}"),
        ("mixed brackets", "([{"),
        ("generic arguments", "A<"),
        ("prefix operators", "- "),
        ("joined prefix operators", "!("),
        ("interpolations", "\"\\("),
        ("closures", "{ a in "),
        ("ifs", "if true { "),
        ("else ifs", "if true {} else "),
        ("functions", "fn f() { "),
        ("structures", "struct S { "),
        ("switches", "switch 1 { case 1: "),
        ("conditions", "#if A\n"),
        ("comments", "/* "),
        ("raw strings", "#\""),
        ("ternaries", "a ? b : "),
        ("open ternaries", "a ? "),
        ("tries", "try "),
        ("casts", "a as "),
        ("attributes", "@a("),
        ("key paths", "\\a[\\"),
        ("tuple types", "immutable a: ("),
        ("assignments", "a = "),
        ("regexes", "#/"),
        ("multi-line strings", "\"\"\"\n\\("),
    ] {
        let (good, _) = survives(what, &unit.repeat(MANY));
        assert!(!good || what == "closures", "{what} were accepted");
    }
}

#[test]
fn nesting_with_an_end() {
    let nested = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}\n", open.repeat(MANY), close.repeat(MANY))
    };
    for (what, text) in [
        ("parentheses", nested("(", "1", ")")),
        ("arrays", nested("[", "1", "]")),
        ("blocks", nested("do {", "", "}")),
        ("closures", nested("{ ", "", " }")),
        ("calls", nested("f(", "", ")")),
        ("types", format!("var a: {}", nested("[", "Int", "]"))),
        ("optionals", format!("var a: Int{}\n", "?".repeat(MANY))),
        ("generics", format!("var a: {}", nested("A<", "Int", ">"))),
        ("arrows", format!("var a: {}Int\n", "() -> ".repeat(MANY))),
        (
            "patterns",
            format!("immutable {} = 1\n", nested("(", "a", ")")),
        ),
        ("interpolations", nested("\"\\(", "1", ")\"")),
        ("comments", nested("/*", "", "*/")),
        ("conditions", nested("#if A\n", "", "#endif\n")),
    ] {
        survives(what, &text);
    }
}

#[test]
fn chains_without_nesting() {
    for (what, head, unit, tail) in [
        ("members", "a", ".a", ""),
        ("calls", "a", ".a()", ""),
        ("sums", "immutable a = 1", " &+ 1", ""),
        ("elements", "immutable a = [", "1, ", "1]"),
        ("statements", "", "var _ = 1;", ""),
        ("optional chains", "a", "?.a", ""),
        ("subscripts", "a", "[0]", ""),
        ("else ifs", "", "if true {} else ", "{}"),
        ("compositions", "var a: A", " & A", ""),
        ("imports", "", "import A\n", ""),
        ("semicolons", "", ";", ""),
        ("modifiers", "", "public ", "var a = 1"),
        ("where clauses", "fn f<A>() where ", "A: A, ", "A: A {}"),
        ("parameters", "fn f(", "a: Int, ", "a: Int) {}"),
        ("cases", "enum E { ", "case a\n", "}"),
    ] {
        // What the checker does with them is more than parsing, so they are shorter.
        let count = if SLOW { 1_000 } else { 10_000 };
        survives(what, &format!("{head}{}{tail}\n", unit.repeat(count)));
    }
}

#[test]
fn things_without_an_end() {
    for text in [
        "\"abc",
        "\"\"\"\nabc",
        "#\"abc",
        "##\"abc\"#",
        "\"\\(",
        "\"\\(a",
        "\"\\(\"",
        "/* abc",
        "/* /* */",
        "`abc",
        "'abc",
        "#/abc",
        "fn",
        "fn f",
        "fn f(",
        "fn f(a",
        "fn f(a:",
        "fn f(a: Int",
        "fn f() ->",
        "fn f() {",
        "struct",
        "struct S",
        "struct S {",
        "struct S: ",
        "struct S<",
        "struct S<T",
        "enum E { case",
        "enum E { case a(",
        "class C { init",
        "class C { init(",
        "extension",
        "protocol P { var a: Int {",
        "var",
        "var a",
        "var a:",
        "var a =",
        "var a {",
        "var a: Int { get",
        "immutable (a,",
        "if",
        "if a",
        "if a {",
        "if immutable",
        "if immutable a =",
        "guard",
        "guard a else",
        "while",
        "repeat {",
        "repeat {} while",
        "for",
        "for a",
        "for a in",
        "for a in b",
        "switch",
        "switch a",
        "switch a {",
        "switch a { case",
        "switch a { case .b(",
        "switch a { case b:",
        "do {",
        "do {} catch",
        "do {} catch {",
        "return (",
        "throw",
        "defer",
        "a.",
        "a?",
        "a ? b",
        "a ? b :",
        "a[",
        "a(",
        "a(b:",
        "a as",
        "a is",
        "a +",
        "-",
        "&",
        "\\",
        "\\.",
        "\\A.",
        "{ a in",
        "{ (a",
        "{ [weak",
        "[1,",
        "[1:",
        "[:",
        "@",
        "@a",
        "@a(",
        "#",
        "#if",
        "#if a",
        "#if a\n#else",
        "#available(",
        "import",
        "import a.",
        "operator",
        "infix operator",
        "infix operator +++:",
        "precedencegroup",
        "precedencegroup P {",
        "typealias",
        "typealias A",
        "typealias A =",
        "associatedtype",
        "subscript",
        "subscript(",
        "deinit",
        "init",
        "$",
        "$0",
        "0x",
        "0b",
        "1e",
        "1_",
        "1.",
        "\u{feff}\u{feff}",
        "<#a",
        "<#",
        "<<<<<<< a",
        "case",
        "default:",
        "where",
        "else",
        "in",
        "async",
        "await",
        "try",
        "try!",
        "throws",
        "some",
        "any",
        "inout",
        "...",
        "..<",
        "->",
        "=>",
        "::",
        ";;",
        "}",
        ")",
        "]",
    ] {
        let parse = codira::syntax::parse(text, &ParseOptions::default());
        assert_eq!(parse.green.to_string(), text);
        let system = MemorySystem::new().with_file("a.code", text);
        let (status, stderr) = check_in_memory(system, "a.code");
        assert_eq!(
            status == ExitStatus::Failure,
            stderr.contains("error: "),
            "{text}: {stderr}"
        );
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::with("good.code", "immutable a = 1\n");
    let full = || {
        let device = std::fs::OpenOptions::new().write(true).open("/dev/full");
        device.ok()
    };
    let Some(device) = full() else { return };
    let output = folder
        .command("-dump-parse good.code")
        .stdout(device)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr_of(&output),
        "error: cannot write output file '<stdout>' (No space left on device)\n"
    );
    let (status, stderr) = folder.languagec("-dump-parse good.code -o /dev/full");
    assert_eq!(
        (status, stderr.as_str()),
        (
            Some(1),
            "error: cannot write output file '/dev/full' (No space left on device)\n"
        )
    );
    let (status, stderr) = folder.languagec("-dump-parse good.code -o /dev/null");
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let (status, _) = folder.languagec("-dump-parse good.code -o gone/out");
    assert_eq!(status, Some(1));
    assert_eq!(folder.entries(), ["good.code"]);
}

// Mutants.

/// Marsaglia's xorshift: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }
}

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

/// Runs `work` on as many threads as there are processors, each with a stack for nested source; `work`
/// gets numbers below `count`.
fn in_parallel(count: usize, work: impl Fn(usize) + Sync) {
    let _ = rayon::ThreadPoolBuilder::new()
        .stack_size(64 << 20)
        .build_global();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let run = || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    work(index);
                }
            };
            std::thread::Builder::new()
                .stack_size(256 << 20)
                .spawn_scoped(scope, run)
                .unwrap();
        }
    });
}

/// After this time a mutant is taken to run for ever.
const HANGS: Duration = Duration::from_secs(if SLOW { 120 } else { 30 });

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

/// Compiles mutants of every fixture as far as `mode` says and collects what went wrong.
///
/// The environment variable `CODIRA_MUTANTS` asks for another number of them.
fn mutants(mode: &str, total: usize) {
    let asked = std::env::var("CODIRA_MUTANTS").ok();
    let total = asked.and_then(|n| n.parse().ok()).unwrap_or(total);
    let mut paths = Vec::new();
    programs(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
        &mut paths,
    );
    let texts: Vec<String> = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let failures = std::sync::Mutex::new(Vec::new());
    let limit = Duration::from_secs(if SLOW { 30 } else { 2 });
    in_parallel(total, |index| {
        let program = index % texts.len();
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1) << 7);
        let mut tokens = pieces(&texts[program]);
        mutate(&mut tokens, &mut random);
        let text = tokens.concat();
        let fail = |what: String| {
            let path = paths[program].display();
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutant{index}.code"));
            let _ = std::fs::write(&kept, &text);
            let message = format!("mutant {index} of {path}: {what}; see {}", kept.display());
            failures.lock().unwrap().push(message);
        };
        // Kept before it is run, so that a mutant that hangs can be looked at.
        let kept =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("running{mode}{index}.code"));
        let _ = std::fs::write(&kept, &text);
        let _alarm = Alarm::after(
            HANGS,
            format!("mutant {index} hangs: see {}", kept.display()),
        );
        let parse = codira::syntax::parse(&text, &ParseOptions::default());
        if parse.green.to_string() != text {
            fail("the tree is not lossless".into());
        }
        let started = Instant::now();
        let system = Arc::new(MemorySystem::new().with_file("main.code", text.as_str()));
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let args = [mode.to_owned(), "main.code".to_owned()];
            let mut emitter = BufferEmitter::default();
            let status = run_compiler(&args, &mut NoCallbacks, system, &mut emitter);
            (status, emitter.stderr)
        }));
        match ran {
            Err(cause) => {
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                fail(format!("panic: {}", text.unwrap_or_default()));
            }
            Ok((_, stderr)) if stderr.contains("internal compiler error") => fail(stderr),
            Ok((status, stderr)) => {
                if (status == ExitStatus::Failure) != stderr.contains("error: ") {
                    fail(format!("{status:?} with this report: {stderr}"));
                }
            }
        }
        if started.elapsed() > limit {
            fail(format!("took {:?}", started.elapsed()));
        }
        let _ = std::fs::remove_file(&kept);
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
fn mutants_parse() {
    mutants("-parse", if SLOW { 1_000 } else { 10_000 });
}

/// Checking a mutant costs tens of milliseconds; `CODIRA_MUTANTS=5000` is the long run.
#[test]
fn mutants_check() {
    mutants("-typecheck", if SLOW { 60 } else { 500 });
}
