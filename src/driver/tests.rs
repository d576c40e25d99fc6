//! Tests of `driver`.

use std::sync::Arc;

use expect_test::{Expect, expect};

use crate::interface::BufferEmitter;
use crate::vfs::MemorySystem;

fn run(program: &str, line: &str) -> (u8, String) {
    let system = MemorySystem::new()
        .with_file(
            "map.json",
            r#"{"a.code": {"object": "/build/a.o"}, "": {}}"#,
        )
        .with_file("bad.json", "{\"a.code\": \"a.o}\n");
    system.set_env("TMPDIR", "/t");
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut emitter = BufferEmitter::default();
    let status = match program {
        "language" => super::command(Arc::new(system), &args, &mut emitter),
        _ => super::compile(Arc::new(system), &args, None, &mut emitter),
    };
    (status, emitter.stdout + &emitter.stderr)
}

fn check(line: &str, status: u8, expected: Expect) {
    let (code, text) = run("languagec", line);
    assert_eq!(code, status, "{text}");
    expected.assert_eq(&text);
}

#[test]
fn actions_are_listed_as_build_systems_expect() {
    check(
        "-emit-executable -g -driver-print-actions main.code other.code",
        0,
        expect![[r#"
            0: input, "main.code", language
            1: compile, {0}, object
            2: input, "other.code", language
            3: compile, {2}, object
            4: merge-module, {1, 3}, languagemodule
            5: language-autolink-extract, {1, 3}, autolink
            6: modulewrap, {4}, object
            7: link, {1, 3, 5, 6}, image
        "#]],
    );
    check(
        "-wmo -c -driver-print-actions main.code other.code -module-name M",
        0,
        expect![[r#"
            0: input, "main.code", language
            1: input, "other.code", language
            2: compile, {0, 1}, object
        "#]],
    );
}

#[test]
fn jobs_are_printed_as_commands() {
    check(
        "-### -target x86_64-unknown-linux-gnu -c -O a.code b.code -module-name M -output-file-map map.json -DX",
        0,
        expect![[r#"
            language-frontend -frontend -c -primary-file a.code b.code -target x86_64-unknown-linux-gnu -O -D X -module-name M -o /build/a.o
            language-frontend -frontend -c a.code -primary-file b.code -target x86_64-unknown-linux-gnu -O -D X -module-name M -o b.o
        "#]],
    );
    check(
        "-driver-print-jobs -target x86_64-unknown-linux-gnu a.code -o out x.o -lm",
        0,
        expect![[r#"
        language-frontend -frontend -c -primary-file a.code -target x86_64-unknown-linux-gnu -lm -module-name out -o /t/a-1.o
        language-autolink-extract /t/a-1.o x.o -o /t/out-3.autolink
        cc /t/a-1.o x.o @/t/out-3.autolink -lm -o out
    "#]],
    );
    check(
        "-driver-print-bindings -target x86_64-unknown-linux-gnu -typecheck a.code",
        0,
        expect![[r##"
        # "x86_64-unknown-linux-gnu" - "compile", inputs: ["a.code"], output: {}
    "##]],
    );
}

#[test]
fn output_file_maps_are_validated() {
    check(
        "-driver-print-output-file-map -output-file-map map.json a.code",
        0,
        expect![[r#"
            a.code -> object: "/build/a.o"
        "#]],
    );
    check(
        "-output-file-map bad.json a.code",
        1,
        expect![[r#"
            bad.json:1:12: error: Expected quote at end of scalar
            1 | {"a.code": "a.o}
              |            ^
            error: unable to load output file map 'bad.json': no root
        "#]],
    );
}

#[test]
fn language_knows_its_commands() {
    let said = |line: &str| run("language", line);
    assert_eq!(said("version").0, 0);
    assert!(said("").1.contains("COMMANDS:"));
    assert_eq!(
        said("repl"),
        (1, "error: 'language repl' is not available yet\n".into())
    );
    assert_eq!(
        said("rnu a.code"),
        (
            1,
            "error: unknown command: 'rnu'; did you mean 'run'?\n".into()
        )
    );
    assert_eq!(
        said("run -typecheck a.code"),
        (
            1,
            "error: 'language run' makes no outputs; use languagec for that\n".into()
        )
    );
    let (status, text) = said("run a.code -- -x y");
    assert_eq!(status, 1);
    assert!(
        text.contains("'a.code' (No such file or directory)"),
        "{text}"
    );
}

#[test]
fn memory_is_kept() {
    super::keep_memory();
    // SAFETY: options may be read at any time.
    let delay = unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
    assert_eq!(delay, -1, "the allocator has numbered its options anew");
}
