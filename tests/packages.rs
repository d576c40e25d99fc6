//! `language new`, `build`, `run`, `test`, `check` and `clean` on the packages in `fixtures/packages`, as people call them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::{Expect, expect};

/// A copy of a fixture, or an empty folder.
struct Folder {
    folder: tempfile::TempDir,
    /// Where commands run.
    current: PathBuf,
}

impl Folder {
    fn empty() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let current = folder.path().canonicalize().unwrap();
        Folder { folder, current }
    }

    fn of(fixture: &str) -> Folder {
        let mut folder = Folder::empty();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packages");
        // Packages that depend on each other lie in one folder.
        let whole = fixture.split('/').next().unwrap();
        copy(&root.join(whole), &folder.current.join(whole));
        folder.enter(fixture);
        folder
    }

    fn enter(&mut self, path: &str) {
        self.current.push(path);
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(&self.current)
            .env("NO_COLOR", "1")
            // Shared by all tests, so that the standard library is compiled once.
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    fn output(&self, line: &str) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_language"));
        command.args(line.split_whitespace()).output().unwrap()
    }

    /// Everything that `language` says, and how it ends, without times.
    fn run(&self, line: &str) -> String {
        let output = self.output(line);
        let mut text = String::from_utf8(output.stderr).unwrap();
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        if !output.status.success() {
            text.push_str(&format!("{}\n", output.status));
        }
        without_times(&text)
    }

    /// Compares with a transcript: the command, and what [`Folder::run`] gives.
    #[track_caller]
    fn check(&self, line: &str, expected: Expect) {
        expected.assert_eq(&format!("$ language {line}\n{}", self.run(line)));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.current.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.current.join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replace(from, to));
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.current.join(path)).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Replaces every `12 ms` and `1.2 s` by `TIME`.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        out.push_str(before);
        let end = number
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        let unit = ["ms", "s"].into_iter().find_map(|unit| {
            let after = after.strip_prefix(' ')?.strip_prefix(unit)?;
            let ends = !after.starts_with(|c: char| c.is_alphanumeric());
            ends.then_some(after)
        });
        match unit {
            Some(after) => {
                out.push_str("TIME");
                rest = after;
            }
            None => {
                out.push_str(digits);
                rest = after;
            }
        }
    }
    out + rest
}

#[test]
fn a_program_is_built_run_and_built_no_more() {
    let folder = Folder::of("single");
    folder.check(
        "run -- 1 2 x 39",
        expect![[r#"
            $ language run -- 1 2 x 39
               Compiling single (executable)
                Finished debug build in TIME
            debug: 42
        "#]],
    );
    folder.check(
        "build -v",
        expect![[r#"
            $ language build -v
                   Fresh single (executable)
                Finished debug build in TIME
        "#]],
    );
    folder.check(
        "run --release -q -- 3 4",
        expect![[r#"
            $ language run --release -q -- 3 4
            release: 7
        "#]],
    );
    folder.replace("Sources/single/math/Total.code", "0, +", "1, *");
    folder.check(
        "run -q single -- 3 4",
        expect![[r#"
        $ language run -q single -- 3 4
        debug: 12
    "#]],
    );
    folder.check(
        "clean",
        expect![[r#"
        $ language clean
    "#]],
    );
    assert!(!folder.current.join(".build").exists());
    // From any folder inside, the program runs where the user is.
    let mut inside = folder;
    inside.enter("Sources/single");
    inside.check(
        "run -q -- 5",
        expect![[r#"
        $ language run -q -- 5
        debug: 5
    "#]],
    );
}

#[test]
fn warnings_are_shown_again_and_errors_end_the_build() {
    let folder = Folder::of("single");
    folder.write(
        "Sources/single/warn.code",
        "fn warned() {\n    immutable unused = 1\n}\n",
    );
    let first = folder.run("build -q");
    assert!(first.contains("Sources/single/warn.code:2:"), "{first}");
    assert_eq!(folder.run("build -q"), first);
    folder.write("Sources/single/warn.code", "immutable x: Int = true\n");
    folder.check(
        "build",
        expect![[r#"
            $ language build
               Compiling single (executable)
            Sources/single/warn.code:1:20: error: cannot convert value of type 'Bool' to specified type 'Int'
            1 | immutable x: Int = true
              |                    ^^^^
            error: could not compile 'single' due to an error
            exit status: 1
        "#]],
    );
    let json = folder.run("build --message-format=json");
    assert!(json.contains(r#""reason":"compiler-message""#), "{json}");
    assert!(json.contains(r#"{"reason":"build-finished","success":false}"#));
    folder.check(
        "check",
        expect![[r#"
            $ language check
                Checking single (executable)
            Sources/single/warn.code:1:20: error: cannot convert value of type 'Bool' to specified type 'Int'
            1 | immutable x: Int = true
              |                    ^^^^
            error: could not compile 'single' due to an error
            exit status: 1
        "#]],
    );
}

#[test]
fn tests_fail_one_by_one() {
    let folder = Folder::of("failing-tests");
    folder.check(
        "test",
        expect![[r#"
            $ language test
               Compiling ShopTests (test)
                Finished debug build in TIME
            test ShopTests/pricesAdd ... ok (TIME)
            test ShopTests/pricesDiffer ... FAILED (TIME)
            test ShopTests/tillIsEmpty ... FAILED (TIME)
            test ShopTests/indexIsWrong ... FAILED (TIME)
            test ShopTests/testErrors ... ok (TIME)
            test ShopTests/Stock/shrinks ... ok (TIME)
            test ShopTests/Stock/startsFull ... FAILED (TIME)

            ---- ShopTests/pricesDiffer
            Tests/ShopTests/Prices.code:13: 2 cents is not equal to 3 cents: after the sale
            Tests/ShopTests/Prices.code:14: expectation failed

            ---- ShopTests/tillIsEmpty
            the test threw an error: till

            ---- ShopTests/indexIsWrong
            Codira/Array.code:79: Fatal error: Index out of range
            the test trapped (signal 4)

            ---- ShopTests/Stock/startsFull
            Tests/ShopTests/Suites.code:11: a required value is nil

            test result: FAILED. 3 passed; 4 failed; 0 filtered out; finished in TIME
            exit status: 1
        "#]],
    );
    folder.check(
        "test Stock/sh -q",
        expect![[r#"
            $ language test Stock/sh -q

            test result: ok. 1 passed; 0 failed; 6 filtered out; finished in TIME
        "#]],
    );
    let json = folder.run("test --message-format=json pricesAdd");
    assert!(json.contains(r#""name":"ShopTests/pricesAdd","output":"","passed":true"#));
    assert!(json.contains(r#"{"failed":0,"filtered_out":6,"passed":1,"reason":"tests-finished"}"#));
}

/// What a build compiled, what it linked again, and what it left alone.
fn rebuilt(folder: &Folder) -> String {
    let output = folder.output("build --message-format=json");
    assert!(output.status.success(), "{}", folder.run("build"));
    let mut lines: Vec<String> = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(done) = message["done"].as_str() {
            let name = message["target"]["name"].as_str().unwrap();
            lines.push(format!("{name} {done}"));
        }
    }
    lines.sort();
    lines.join(", ")
}

#[test]
fn programs_and_tests_import_the_libraries_of_their_package() {
    let folder = Folder::of("library-and-program");
    folder.check(
        "run",
        expect![[r#"
            $ language run
               Compiling Shapes (library)
               Compiling draw (executable)
                Finished debug build in TIME
            25
        "#]],
    );
    folder.check(
        "test",
        expect![[r#"
            $ language test
               Compiling ShapesTests (test)
                Finished debug build in TIME
            test ShapesTests/squaresHaveAreas ... ok (TIME)
            test ShapesTests/nothingIsLargest ... ok (TIME)

            test result: ok. 2 passed; 0 failed; 0 filtered out; finished in TIME
        "#]],
    );
    folder.check(
        "check -j1",
        expect![[r#"
            $ language check -j1
                Checking Shapes (library)
                Checking ShapesTests (test)
                Checking draw (executable)
                Finished debug build in TIME
        "#]],
    );
    let checked = std::fs::read_dir(folder.current.join(".build/check-debug")).unwrap();
    let mut made: Vec<String> = checked
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".build"))
        .collect();
    made.sort();
    assert_eq!(
        made,
        ["Shapes.codedoc", "Shapes.codemodule"],
        "checking makes no code"
    );
    folder.check(
        "run -q --release",
        expect![[r#"
        $ language run -q --release
        25
    "#]],
    );
}

#[test]
fn modules_that_meet_again_are_one_module() {
    let folder = Folder::of("diamond");
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        2 1 2
    "#]],
    );
    folder.check(
        "run -q --release --no-pipelining -j1",
        expect![[r#"
        $ language run -q --release --no-pipelining -j1
        2 1 2
    "#]],
    );
}

#[test]
fn raw_values_of_an_imported_enumeration_are_known() {
    let folder = Folder::of("chain");
    folder.write(
        "Sources/One/One.code",
        "public enum Level: Int { case low = 4, high }\npublic fn one() -> Int { 1 }\n",
    );
    folder.write(
        "Sources/chain/main.code",
        "import Three\nimport One\nprint(Level.high.rawValue, Level(rawValue: 4) as Any, three())\n",
    );
    folder.replace(
        "Codira.toml",
        "dependencies = [\"Three\"]",
        "dependencies = [\"One\", \"Three\"]",
    );
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        5 Optional(One.Level.low) 3
    "#]],
    );
    folder.replace("Sources/One/One.code", "low = 4", "low = 6");
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        7 nil 3
    "#]],
    );
}

#[test]
fn packages_are_found_by_their_paths() {
    let folder = Folder::of("path-dependency/app");
    folder.check(
        "run",
        expect![[r#"
            $ language run
               Compiling Hex (library)
               Compiling Palette (library)
               Compiling app (executable)
                Finished debug build in TIME
            #87ceeb
        "#]],
    );
    folder.replace(
        "../hex/Sources/Hex/Hex.code",
        "text.count == 1",
        "text.count < 4",
    );
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        #0870ce0eb
    "#]],
    );
}

#[test]
fn modules_are_compiled_again_when_they_can_notice_an_edit() {
    let folder = Folder::of("chain");
    expect!["One compiled, Three compiled, Two compiled, chain compiled"]
        .assert_eq(&rebuilt(&folder));
    expect!["One fresh, Three fresh, Two fresh, chain fresh"].assert_eq(&rebuilt(&folder));
    folder.replace(
        "Sources/One/One.code",
        "hidden() -> Int { 1 }",
        "hidden() -> Int { 2 }",
    );
    expect!["One compiled, Three fresh, Two fresh, chain relinked"].assert_eq(&rebuilt(&folder));
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        5
    "#]],
    );
    folder.replace(
        "Sources/One/One.code",
        "fn one() -> Int",
        "fn one(_ x: Int = 7) -> Int",
    );
    expect!["One compiled, Three compiled, Two compiled, chain compiled"]
        .assert_eq(&rebuilt(&folder));
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        5
    "#]],
    );
    folder.write("Sources/Two/More.code", "fn more() {}\n");
    expect!["One fresh, Three compiled, Two compiled, chain compiled"].assert_eq(&rebuilt(&folder));
}

#[test]
fn an_import_has_to_be_declared() {
    let folder = Folder::of("undeclared-import");
    folder.check("build -j1", expect![[r#"
        $ language build -j1
           Compiling Core (library)
           Compiling Views (library)
        Sources/Views/Views.code:2:8: error: target 'Views' imports 'Core', which is not among its dependencies
        2 | import Core
          |        ^^^^
        note: declare it in the Codira.toml of 'undeclared-import': [library.Views] dependencies = ["Core"]
        error: could not compile 'Views' due to an error
        exit status: 1
    "#]]);
    folder.replace(
        "Codira.toml",
        "[library.Views]",
        "[library.Views]\ndependencies = [\"Core\"]",
    );
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        1
    "#]],
    );
}

#[test]
fn builds_that_are_killed_leave_nothing_that_misleads() {
    let folder = Folder::of("diamond");
    for round in 0..6 {
        let mut build = folder.command(env!("CARGO_BIN_EXE_language"));
        let mut build = build.args(["build", "-q"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(40 * round));
        build.kill().unwrap();
        build.wait().unwrap();
        let text = format!("fn unused{round}() {{}}\n");
        folder.write("Sources/Base/more.code", &text);
    }
    folder.check(
        "run -q",
        expect![[r#"
        $ language run -q
        2 1 2
    "#]],
    );
    let left = std::fs::read_dir(folder.current.join(".build/debug")).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.all(|name| !name.ends_with(".tmp")));
}

#[test]
fn packages_that_cannot_be_built_say_why() {
    let nowhere = Folder::empty();
    let text = nowhere.run("build");
    assert!(
        text.starts_with("error: could not find 'Codira.toml' in '")
            && text.contains("note: 'language new NAME' makes a package"),
        "{text}"
    );
    Folder::of("cyclic-packages/a").check(
        "build",
        expect![[r#"
            $ language build
            ../c/Codira.toml:5:14: error: packages depend on each other: a -> b -> c -> a
            5 | a = { path = "../a" }
              |              ^^^^^^
            exit status: 1
        "#]],
    );
    Folder::of("missing-dependency").check(
        "check",
        expect![[r#"
            $ language check
            Codira.toml:5:19: error: dependency 'colors' is missing: there is no folder '../no-such-folder'
            5 | colors = { path = "../no-such-folder" }
              |                   ^^^^^^^^^^^^^^^^^^^
            Codira.toml:6:18: error: dependency 'fonts' is missing: there is no package in 'Sources'
            6 | fonts = { path = "Sources" }
              |                  ^^^^^^^^^
            exit status: 1
        "#]],
    );
    let single = Folder::of("single");
    single.check(
        "run singel",
        expect![[r#"
            $ language run singel
            error: package 'single' has no target 'singel'; did you mean 'single'?
            exit status: 1
        "#]],
    );
    single.check(
        "build --target x",
        expect![[r#"
            $ language build --target x
            error: package 'single' has no target 'x'
            exit status: 1
        "#]],
    );
    std::fs::write(
        single.current.join("Codira.toml"),
        b"[package]\nname = \"a\xff\"\n",
    )
    .unwrap();
    single.check(
        "build",
        expect![[r#"
            $ language build
            error: input file 'Codira.toml' is not valid UTF-8 (byte offset 19)
            exit status: 1
        "#]],
    );
    single.write(
        "Codira.toml",
        "[package]\nname = 'single'\nversion = \"0.1\n",
    );
    single.check(
        "test --message-format=json",
        expect![[r#"
            $ language test --message-format=json
            {"severity":"error","code":"manifest","message":"invalid basic string, expected `\"`","span":{"file":"Codira.toml","start":40,"end":40,"line":3,"column":15,"end_line":3,"end_column":15}}
            exit status: 1
        "#]],
    );
}

#[test]
fn a_page_shows_when_what_was_built() {
    let folder = Folder::of("single");
    folder.check(
        "build --timings",
        expect![[r#"
            $ language build --timings
               Compiling single (executable)
                Finished debug build in TIME
                 Timings .build/timings.html
        "#]],
    );
    let page = folder.read(".build/timings.html");
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains("<b>single</b>"));
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn new_packages_are_complete_and_never_replace_anything() {
    let mut folder = Folder::empty();
    folder.check(
        "new to-do",
        expect![[r#"
            $ language new to-do
                 Created package 'to-do' with a program in 'to-do'
        "#]],
    );
    folder.check(
        "new to-do",
        expect![[r#"
            $ language new to-do
            error: 'to-do' exists already
            exit status: 1
        "#]],
    );
    for (name, why) in [
        ("1st", "'1st' cannot be a package's name"),
        ("Codira", "'Codira' cannot be a module's name"),
        ("..", "'..' does not name a new folder"),
    ] {
        let text = folder.run(&format!("new {name}"));
        assert!(text.starts_with(&format!("error: {why}")), "{text}");
    }
    folder.enter("to-do");
    assert_eq!(folder.read(".gitignore"), "/.build\n");
    assert!(folder.run("build").contains("Finished debug build"));
    assert!(folder.run("run -q").starts_with("Hello, "));
    assert!(folder.run("test").contains("1 passed; 0 failed"));
}

/// The command `language` in the README's section on packages does what stands there.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n## Packages\n").unwrap();
    let (_, code) = section.split_once("```sh\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let folder = Folder::empty();
    let programs = Path::new(env!("CARGO_BIN_EXE_language")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = folder
        .command("sh")
        .args(["-e", "-c", code])
        .env("PATH", format!("{}:{path}", programs.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("Hello, ") && shown.contains("test result: ok."),
        "{shown}"
    );
    drop(folder.folder);
}
