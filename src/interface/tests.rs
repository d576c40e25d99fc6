//! Tests of `interface`.

use std::path::Path;

use super::*;
use crate::vfs::{MemorySystem, ReadErrorKind};

fn compile_in(system: &MemorySystem, line: &str) -> (ExitStatus, BufferEmitter) {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut emitter = BufferEmitter::default();
    let system = Arc::new(system.clone());
    let status = run_compiler(&args, &mut NoCallbacks, system, &mut emitter);
    (status, emitter)
}

#[test]
fn what_cannot_be_read_is_reported_for_every_file() {
    let system = MemorySystem::new()
        .with_file("bad.code", b"a\xff")
        .with_file("dir.code/x", "");
    let (status, emitter) = compile_in(&system, "-typecheck none.code dir.code bad.code");
    assert_eq!(status, ExitStatus::Failure);
    assert_eq!(
        emitter.stderr,
        "error: error opening input file 'none.code' (No such file or directory)\n\
         error: error opening input file 'dir.code' (Is a directory)\n\
         error: input file 'bad.code' is not valid UTF-8 (byte offset 1)\n"
    );
}

#[test]
fn outputs_are_checked_before_inputs_are_read() {
    let system = MemorySystem::new().with_file("out/x", "");
    let (status, emitter) = compile_in(&system, "none.code -o out");
    assert_eq!(status, ExitStatus::Failure);
    let expected = "error: cannot write output file 'out' (Is a directory)\n";
    assert_eq!(emitter.stderr, expected);
}

#[test]
fn outputs_never_replace_inputs() {
    let system = MemorySystem::new().with_file("a.code", "print(1)");
    let (_, emitter) = compile_in(&system, "a.code -o a.code");
    let expected = "error: output file 'a.code' would replace an input\n";
    assert_eq!(emitter.stderr, expected);
    assert_eq!(system.get("a.code").as_deref(), Some(&b"print(1)"[..]));
}

#[test]
fn outputs_of_later_versions_are_refused() {
    let system = MemorySystem::new().with_file("a.code", "");
    let said = |line: &str| compile_in(&system, line).1.stderr;
    assert_eq!(
        said("a.code -o a -emit-executable -serialize-diagnostics"),
        "error: '-serialize-diagnostics' is not available yet\n"
    );
}

#[test]
fn warnings_about_the_command_line_do_not_stop_it() {
    let (status, emitter) = compile_in(&MemorySystem::new(), "-incremental none.code");
    assert_eq!(status, ExitStatus::Failure);
    let first = "warning: ignoring -incremental (currently requires an output file map)\n";
    assert!(emitter.stderr.starts_with(first), "{}", emitter.stderr);
}

#[test]
fn diagnostics_can_be_json() {
    let (_, emitter) = compile_in(&MemorySystem::new(), "--message-format=json x.code -parse");
    let line: serde_json::Value = serde_json::from_str(emitter.stderr.trim()).unwrap();
    assert_eq!(line["severity"], "error");
    assert_eq!(line["code"], "unreadable-input");
    let (_, emitter) = compile_in(&MemorySystem::new(), "--message-format=json -foo");
    assert!(emitter.stderr.starts_with('{'), "{}", emitter.stderr);
}

#[test]
fn callbacks_see_the_configuration_first() {
    struct Rename;
    impl Callbacks for Rename {
        fn config(&mut self, config: &mut Config) {
            config.options.untracked.inputs = vec!["other.code".into()];
        }
    }
    let mut emitter = BufferEmitter::default();
    let args = ["-parse".to_owned(), "x.code".to_owned()];
    let system = Arc::new(MemorySystem::new());
    run_compiler(&args, &mut Rename, system, &mut emitter);
    assert!(emitter.stderr.contains("'other.code'"));
}

#[test]
fn the_table_of_passes_has_a_row_for_each() {
    let mut timing = Timing::new(true);
    assert_eq!(timing.stage("read", None, || 7), 7);
    let table = timing.table();
    let stages = table.lines().map(|line| &line[..5]).collect::<Vec<_>>();
    assert_eq!(stages, ["stage", "read ", "total"]);
}

/// A program that names things of the standard library in several ways, and one that misspells one.
const PROGRAM: &str = "
infix operator <+>: AdditionPrecedence
extension Array where Element == Int {
    static fn <+> (a: [Int], b: [Int]) -> Int { (a + b).reduce(0, +) }
}
enum Suit: String, CaseIterable { case hearts, spades }
var counts: [String: Int] = [:]
for suit in Suit.allCases { counts[suit.rawValue, default: 0] += 1 }
print(counts.keys.sorted().map { $0.uppercased() }.joined(separator: \"-\"), [1, 2] <+> [3])
";
const MISSPELT: &str = "immutable n: Integr = 1\npritn([1].frist, \"x\".lowercase())";

/// What the compiler says about a text and makes of it, with a store in `folder`; and how many answers the store had.
fn compile_with(text: &str, folder: Option<&Path>) -> (String, Option<Vec<u8>>, usize) {
    struct Keep(Option<Arc<Store>>);
    impl Callbacks for Keep {
        fn config(&mut self, config: &mut Config) {
            config.store = self.0.clone();
        }
    }
    let system = MemorySystem::new().with_file("main.code", text);
    let store = folder.map(|folder| Arc::new(Store::open(folder)));
    let args = ["main.code", "-o", "main"].map(str::to_owned);
    let mut emitter = BufferEmitter::default();
    let shared = Arc::new(system.clone());
    run_compiler(&args, &mut Keep(store.clone()), shared, &mut emitter);
    let hits = store.map_or(0, |store| crate::db::Results::hits(&*store));
    (
        emitter.stderr,
        system.get("main").map(|bytes| bytes.to_vec()),
        hits,
    )
}

#[test]
fn a_program_means_the_same_whoever_knows_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let from_text = [PROGRAM, MISSPELT].map(|text| compile_with(text, None));
    assert_eq!(from_text[0].0, "");
    assert!(from_text[0].1.is_some() && from_text[1].1.is_none());
    assert!(from_text[1].0.contains("print"), "{}", from_text[1].0);
    let same = |round: &str| {
        let texts = [PROGRAM, MISSPELT].into_iter().zip(&from_text);
        let hits = texts.map(|(text, expected)| {
            let (said, made, hits) = compile_with(text, Some(folder));
            assert_eq!(said, expected.0, "{round}");
            assert!(made == expected.1, "{round}: another program");
            hits
        });
        hits.collect::<Vec<usize>>()
    };
    same("an empty store");
    let hits = same("a full store");
    assert!(hits[0] > 50, "{hits:?}");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_pack = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "pack");
    let pack = files.into_iter().find(is_pack).unwrap();
    let whole = std::fs::read(&pack).unwrap();
    // Every part is damaged once: the table's head, its slots, and the records.
    let parts = 3;
    for part in 0..parts {
        let mut damaged = whole.clone();
        let size = whole.len() / parts;
        for byte in damaged[part * size..(part + 1) * size]
            .iter_mut()
            .step_by(61)
        {
            *byte ^= 0x10;
        }
        std::fs::write(&pack, &damaged).unwrap();
        same(&format!("part {part} is damaged"));
    }
}

/// A module that was checked a while after it was written, and a while ago.
fn checked_before() -> MemorySystem {
    let second = 1_000_000_000;
    let system = MemorySystem::new();
    system.set_clock(1_700_000_000 * second);
    system.set("a.code", "fn one() -> Int { return 1 }\n");
    system.set("b.code", "fn two() -> Int { return one() }\n");
    system.set_clock(1_700_000_010 * second);
    assert_eq!(check_again(&system), (ExitStatus::Success, String::new()));
    system.set_clock(1_700_000_020 * second);
    system
}

fn check_again(system: &MemorySystem) -> (ExitStatus, String) {
    let line = "-typecheck -module-name m -cache-path cache a.code b.code";
    let (status, emitter) = compile_in(system, line);
    (status, emitter.stderr)
}

#[test]
fn files_that_are_as_they_were_are_not_read() {
    let system = checked_before();
    system.set("b.code", "fn two() -> Int { return one() + 1 }\n");
    system.fail_reads("a.code", 100, ReadErrorKind::NotFound);
    assert_eq!(check_again(&system), (ExitStatus::Success, String::new()));
    // Neither are those whose diagnostics are known, until one has to be shown.
    system.set("b.code", "fn two() -> Int { return onne() }\n");
    let (status, said) = check_again(&system);
    assert_eq!(status, ExitStatus::Failure);
    assert!(said.contains("did you mean 'one'"), "{said}");
}

#[test]
fn a_file_that_is_another_one_by_the_time_it_is_read_is_looked_at_again() {
    // What the other file shows is different, so that all bodies are asked again.
    let shows = "class Two {}\nfn two() -> Int { return one() }\n";
    let attempts = |failures: u32| {
        let system = checked_before();
        system.set("b.code", shows);
        system.fail_reads("a.code", failures, ReadErrorKind::ChangedWhileReading);
        check_again(&system)
    };
    // A file is read a second time before that counts.
    assert_eq!(attempts(2), (ExitStatus::Success, String::new()));
    let (status, said) = attempts(4);
    assert_eq!(status, ExitStatus::Failure);
    assert_eq!(
        said,
        "error: input file 'a.code' was modified during the build\n"
    );
}

#[test]
fn what_an_attempt_has_said_is_not_said_again_by_the_next() {
    let mut emitter = BufferEmitter::default();
    let mut attempts = Attempts::new(&mut emitter);
    let say = |attempts: &mut Attempts<'_>, words: &[&str]| {
        let warning = |word: &&str| Diagnostic::new(crate::diag::Severity::Warning, "test", *word);
        let warnings = words.iter().map(warning).collect();
        emit_global(attempts, &Options::default(), warnings);
    };
    say(&mut attempts, &["one", "two"]);
    attempts.note("a note\n");
    attempts.begin_anew();
    say(&mut attempts, &["two", "three"]);
    attempts.note("a note\n");
    say(&mut attempts, &["three"]);
    let expected = "warning: one\nwarning: two\na note\nwarning: three\nwarning: three\n";
    assert_eq!(emitter.stderr, expected);
}
