//! Debug information, as gdb sees it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The line numbers matter: the tests name them.
const PROGRAM: &str = "\
struct Point {
  var x: Int
  var y: Int
  fn moved(by distance: Int) -> Point {
    immutable moved = Point(x: x + distance, y: y)
    return moved
  }
}
fn fibonacci(_ n: Int) -> Int {
  if n < 2 {
    return n
  }
  immutable first = fibonacci(n - 1)
  immutable second = fibonacci(n - 2)
  return first + second
}
immutable point = Point(x: 1, y: 2)
print(point.moved(by: 3).x)
print(fibonacci(4))
[5, 6].forEach { number in
  print(number)
}
";

/// Whether gdb is there to ask. Says so where it is not.
fn has_gdb() -> bool {
    let found = Command::new("gdb").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: gdb is not installed");
    }
    found
}

/// A folder with the program in it, compiled in some way.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shapes.code"), PROGRAM).unwrap();
    folder
}

fn languagec(folder: &Path, args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_languagec"))
        .current_dir(folder)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(args)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
}

/// What gdb says when it is given commands.
fn gdb(folder: &Path, program: &str, commands: &[&str]) -> String {
    let mut command = Command::new("gdb");
    command.args(["-batch", "-nx"]);
    for text in [
        "set debuginfod enabled off",
        "set style enabled off",
        "set width 0",
    ] {
        command.args(["-ex", text]);
    }
    for text in commands {
        command.args(["-ex", text]);
    }
    let output = command
        .arg(program)
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// Checks that texts follow each other in a larger one.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some(at) = rest.find(part) else {
            panic!("`{part}` is not, or not in its place, in:\n{text}");
        };
        rest = &rest[at + part.len()..];
    }
}

/// The questions that every debugger gets, whichever way the program was put together.
fn can_be_debugged(folder: &Path, program: &str) {
    let lines = gdb(
        folder,
        program,
        &[
            "break shapes.code:6",
            "run",
            "backtrace",
            "finish",
            "next",
            "step",
        ],
    );
    in_order(
        &lines,
        &[
            "Breakpoint 1 at",
            "shapes.code, line 6.",
            "shapes.code:6",
            "return moved",
            "#0  Point.moved",
            "shapes.code:6",
            "#1",
            "main",
            "shapes.code:18",
            "18\tprint(point.moved(by: 3).x)",
            "19\tprint(fibonacci(4))",
            "fibonacci",
            "10\t  if n < 2 {",
        ],
    );
    let functions = gdb(
        folder,
        program,
        &[
            "break fibonacci",
            "run",
            "continue",
            "continue",
            "backtrace",
            "delete",
            "break main.closure0",
            "continue",
            "backtrace",
        ],
    );
    in_order(
        &functions,
        &[
            "fibonacci",
            "#0  fibonacci",
            "#1",
            "fibonacci",
            "shapes.code:13",
            "#2",
            "fibonacci",
            "shapes.code:13",
            "main",
            "shapes.code:19",
            "shapes.code:21",
            "#0  main.closure0",
            "forEach",
            "main",
            "shapes.code:20",
        ],
    );
}

#[test]
fn images_can_be_debugged() {
    if !has_gdb() {
        return;
    }
    let folder = folder();
    languagec(folder.path(), &["-g", "shapes.code", "-o", "program"]);
    can_be_debugged(folder.path(), "program");
    let started = gdb(folder.path(), "program", &["start", "info line"]);
    in_order(&started, &["shapes.code:18", "Line 18 of \"shapes.code\""]);
}

#[test]
fn linked_objects_can_be_debugged() {
    if !has_gdb() {
        return;
    }
    let folder = folder();
    languagec(
        folder.path(),
        &["-g", "-c", "shapes.code", "-o", "shapes.o"],
    );
    let runtime = folder.path().join("libcodira_runtime.a");
    fs::write(&runtime, codira::link::runtime::ARCHIVE).unwrap();
    let linked = Command::new("cc")
        .current_dir(folder.path())
        .args([
            "-no-pie",
            "shapes.o",
            "libcodira_runtime.a",
            "-lm",
            "-o",
            "program",
        ])
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&linked.stderr);
    assert!(linked.status.success(), "{messages}");
    can_be_debugged(folder.path(), "program");
}

/// Line tables are part of the outputs that must not depend on how often or on how many threads something is compiled.
#[test]
fn debug_information_is_reproducible() {
    let folder = folder();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    for options in [&["-g"][..], &["-gline-tables-only", "-O"], &["-g", "-c"]] {
        let mut images = Vec::new();
        for threads in ["-j1", "-j2", "-j2"] {
            let mut args = options.to_vec();
            args.extend([threads, "shapes.code", "-o", "out"]);
            languagec(folder.path(), &args);
            images.push(read("out"));
        }
        assert!(
            images[0] == images[1] && images[1] == images[2],
            "{options:?}"
        );
    }
}

/// A build that reuses results describes the lines as they are now.
#[test]
fn reused_code_has_its_new_lines() {
    let folder = folder();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    for head in ["", "// A comment moves everything.\n", "\n\n\n"] {
        let text = format!("{head}{PROGRAM}");
        fs::write(folder.path().join("shapes.code"), text).unwrap();
        let cached = ["-g", "-cache-path", "cache", "-module-name", "shapes"];
        let plain = ["-g", "-module-name", "shapes"];
        for (options, mode, output) in [
            (&cached[..], "-emit-executable", "warm"),
            (&plain, "-emit-executable", "clean"),
            (&cached, "-c", "warm.o"),
            (&plain, "-c", "clean.o"),
        ] {
            let mut args = options.to_vec();
            args.extend([mode, "shapes.code", "-o", output]);
            languagec(folder.path(), &args);
        }
        assert!(read("warm") == read("clean"), "{head:?}");
        assert!(read("warm.o") == read("clean.o"), "{head:?}");
    }
}

/// The line numbers matter here too.
const LIBRARY: &str = "\
public struct Square {
  public var side: Int
  public init(side: Int) { this.side = side }
  public fn area() -> Int {
    immutable product = side * side
    return product
  }
}
public fn total<T>(_ values: [T], _ f: (T) -> Int) -> Int {
  var sum = 0
  for value in values {
    sum += f(value)
  }
  return sum
}
";
const USER: &str = "\
import Squares
fn measure(_ n: Int) -> Int {
  return Square(side: n).area()
}
print(total([1, 2, 3]) { measure($0) })
";

/// Functions of imported modules have their lines and names wherever their code was made: in their module's library, or, if they are generic, for the program.
#[test]
fn imported_modules_can_be_debugged() {
    if !has_gdb() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("lib")).unwrap();
    fs::write(folder.join("lib/squares.code"), LIBRARY).unwrap();
    fs::write(folder.join("main.code"), USER).unwrap();
    let library = "-g -emit-library -static -emit-module -parse-as-library lib/squares.code -module-name Squares -o lib/libSquares.a -emit-module-path lib/Squares.codemodule";
    let image = "-g -I lib main.code -o image";
    let object = "-g -c -I lib main.code -o main.o";
    let linked = "main.o lib/libSquares.a -o linked";
    for line in [library, image, object, linked] {
        languagec(folder, &line.split(' ').collect::<Vec<_>>());
    }
    for program in ["image", "linked"] {
        let said = gdb(
            folder,
            program,
            &[
                "break squares.code:5",
                "run",
                "backtrace",
                "next",
                "info line",
            ],
        );
        in_order(
            &said,
            &[
                "Square.area",
                "squares.code:5",
                "immutable product = side * side",
                "Square.area",
                "measure",
                "main.code:3",
                "total",
                "squares.code:12",
                "main.code:5",
                "Line 6 of \"lib/squares.code\"",
            ],
        );
    }
}
