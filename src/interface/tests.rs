//! Tests of `interface`.

use super::*;
use crate::vfs::MemorySystem;

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
