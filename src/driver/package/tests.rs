//! Tests of `driver::package`: manifests, graphs and plans as data.

use expect_test::{Expect, expect};

use crate::diag::{Diagnostic, FileList};
use crate::vfs::MemorySystem;

use super::graph::{self, PackageGraph};
use super::plan::{Plan, Profile, Request, Work, plan};
use super::testing::{self, TestTarget};
use super::{args, load};

/// A package in memory: paths and texts. Folders come into being by their files.
fn system(files: &[(&str, &str)]) -> MemorySystem {
    let mut system = MemorySystem::new();
    for (path, text) in files {
        system = system.with_file(path, *text);
    }
    system
}

fn read(files: &[(&str, &str)]) -> Result<(PackageGraph, Vec<TestTarget>), String> {
    let system = system(files);
    let mut shown = FileList::new();
    let graph = load::load(&system, &mut shown).and_then(|packages| graph::resolve(&packages));
    let found = graph.and_then(|graph| {
        let tests = testing::discover(&system, &graph, &mut shown)?;
        Ok((graph, tests))
    });
    found.map_err(|problems: Vec<Diagnostic>| {
        let text = |d: &Diagnostic| crate::diag::render::to_text(d, &shown, false);
        problems.iter().map(text).collect()
    })
}

/// The targets in their order, with what they depend on and what they are made of.
fn targets(files: &[(&str, &str)], expected: Expect) {
    let text = match read(files) {
        Err(problems) => problems,
        Ok((graph, _)) => {
            let line = |target: &graph::Target| {
                let names = target.dependencies.iter();
                let names: Vec<&str> = names.map(|&n| graph.targets[n].name.as_str()).collect();
                let (kind, name, sources) = (target.kind.word(), &target.name, &target.sources);
                format!("{kind} {name} {names:?} of {}\n", sources.join(" "))
            };
            graph.targets.iter().map(line).collect()
        }
    };
    expected.assert_eq(&text);
}

fn commands(plan: &Plan) -> String {
    let line = |unit: &super::plan::Unit| {
        let (imports, closure) = (&unit.imports, &unit.closure);
        let command = unit.arguments.join(" ");
        format!("{imports:?} {closure:?} {command}\n")
    };
    plan.units.iter().map(line).collect()
}

const MANIFEST: (&str, &str) = ("Codira.toml", "[package]\nname = \"app\"\n");

#[test]
fn folders_are_targets_and_main_files_make_programs() {
    targets(
        &[
            MANIFEST,
            ("Sources/App/main.code", ""),
            ("Sources/App/deep/er/more.code", ""),
            ("Sources/App/.hidden/no.code", ""),
            ("Sources/App/notes.txt", ""),
            ("Sources/Core/Core.code", ""),
            ("Tests/CoreTests/a.code", ""),
        ],
        expect![[r#"
            library Core [] of Sources/Core/Core.code
            executable App ["Core"] of Sources/App/deep/er/more.code Sources/App/main.code
            test CoreTests ["Core"] of Tests/CoreTests/a.code
        "#]],
    );
}

#[test]
fn a_package_of_one_target_needs_no_folder_for_it() {
    targets(
        &[
            ("Codira.toml", "[package]\nname = \"to-do\"\n"),
            ("Sources/main.code", ""),
            ("Tests/list.code", ""),
        ],
        expect![[r#"
            executable to_do [] of Sources/main.code
            test to_doTests [] of Tests/list.code
        "#]],
    );
}

#[test]
fn manifests_say_what_is_imported_and_where_sources_are() {
    targets(
        &[
            (
                "Codira.toml",
                r#"
                [package]
                name = "app"
                version = "1.2.3"
                [library.Core]
                [library.Views]
                dependencies = ["Core"]
                path = "UI"
                [executable.app]
                dependencies = ["Views"]
                path = "Tools/app"
                "#,
            ),
            ("Sources/Core/Core.code", ""),
            ("UI/View.code", ""),
            ("Tools/app/start.code", ""),
        ],
        expect![[r#"
            library Core [] of Sources/Core/Core.code
            library Views ["Core"] of UI/View.code
            executable app ["Views"] of Tools/app/start.code
        "#]],
    );
}

#[test]
fn libraries_of_other_packages_are_dependencies_and_their_programs_are_not() {
    let files = [
        (
            "Codira.toml",
            "[package]\nname = \"app\"\n[dependencies]\npaint = { path = \"../paint\" }\n",
        ),
        ("Sources/App/main.code", ""),
        (
            "../paint/Codira.toml",
            "[package]\nname = \"paint\"\n[dependencies]\ncolors = { path = \"../colors\" }\n",
        ),
        ("../paint/Sources/Paint/p.code", ""),
        ("../paint/Sources/demo/main.code", ""),
        ("../paint/Tests/PaintTests/t.code", ""),
        ("../colors/Codira.toml", "[package]\nname = \"colors\"\n"),
        ("../colors/Sources/Colors/c.code", ""),
    ];
    let system = system(&files);
    let mut shown = FileList::new();
    let packages = load::load(&system, &mut shown).unwrap();
    let graph = graph::resolve(&packages).unwrap();
    let line = |target: &graph::Target| {
        let names = target.dependencies.iter();
        let names: Vec<&str> = names.map(|&n| graph.targets[n].name.as_str()).collect();
        format!("{}/{} {names:?}\n", target.package, target.name)
    };
    expect![[r#"
        colors/Colors []
        paint/Paint ["Colors"]
        app/App ["Paint"]
    "#]]
    .assert_eq(&graph.targets.iter().map(line).collect::<String>());
}

#[test]
fn mistakes_in_manifests_have_a_place_and_a_proposal() {
    let wrong = |text: &str, expected: Expect| {
        targets(
            &[
                ("Codira.toml", text),
                ("Sources/App/main.code", ""),
                ("Sources/Core/a.code", ""),
            ],
            expected,
        );
    };
    wrong(
        "[package]\nname = \"app\n",
        expect![[r#"
            Codira.toml:2:12: error: invalid basic string, expected `"`
            2 | name = "app
              |            ^
        "#]],
    );
    wrong(
        "name = \"app\"\n",
        expect![[r#"
            Codira.toml:1:1: error: a manifest has no key 'name', only 'package', 'dependencies', 'library', 'executable', 'test'
            1 | name = "app"
              | ^^^^
            Codira.toml:1:1: error: a manifest begins with a table '[package]'
            1 | name = "app"
              | ^
        "#]],
    );
    wrong(
        "[package]\nnmae = \"app\"\nversion = 1\n[executables.App]\n",
        expect![[r#"
            Codira.toml:4:2: error: a manifest has no key 'executables'; did you mean 'executable'?
            4 | [executables.App]
              |  ^^^^^^^^^^^
            Codira.toml:2:1: error: '[package]' has no key 'nmae'; did you mean 'name'?
            2 | nmae = "app"
              | ^^^^
            Codira.toml:1:1: error: the package needs a 'name'
            1 | [package]
              | ^^^^^^^^^
            Codira.toml:3:11: error: 'version' has to be a string, not a number
            3 | version = 1
              |           ^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\nversion = \"new\"\n[library.Core]\ndependencies = [\"Coer\"]\n[executable.my-app]\n",
        expect![[r#"
            Codira.toml:3:11: error: version 'new' is not of the form '1.2.3'
            3 | version = "new"
              |           ^^^^^
            Codira.toml:6:13: error: target name 'my-app' is not a valid identifier, and the target's module is called so
            6 | [executable.my-app]
              |             ^^^^^^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\n[executable.App]\ndependencies = [\"Cor\", \"App\"]\n",
        expect![[r#"
            Codira.toml:4:17: error: there is no library 'Cor' in package 'app' or in those that it depends on; did you mean 'Core'?
            4 | dependencies = ["Cor", "App"]
              |                 ^^^^^
            Codira.toml:4:24: error: target 'App' depends on itself
            4 | dependencies = ["Cor", "App"]
              |                        ^^^^^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\n[dependencies]\nx = \"1.0\"\ny = { path = \"../y\" }\n",
        expect![[r#"
            Codira.toml:4:5: error: a dependency is found by its folder: x = { path = "../x" }
            4 | x = "1.0"
              |     ^^^^^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\n[dependencies]\ny = { path = \"../y\" }\n",
        expect![[r#"
            Codira.toml:4:14: error: dependency 'y' is missing: there is no folder '../y'
            4 | y = { path = "../y" }
              |              ^^^^^^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\n[library.Paint]\n[test.Core]\n[library.Core]\npath = \"Sources/App\"\n",
        expect![[r#"
            Codira.toml:3:10: error: target 'Paint' has no folder 'Sources/Paint'
            3 | [library.Paint]
              |          ^^^^^
            Codira.toml:4:7: error: target 'Core' has no folder 'Tests/Core'
            4 | [test.Core]
              |       ^^^^
            Codira.toml:5:10: error: target 'Core' is found in 'Sources/Core' too
            5 | [library.Core]
              |          ^^^^
        "#]],
    );
    wrong(
        "[package]\nname = \"app\"\n[library.Core]\n[executable.tool]\npath = \"Sources/Core\"\n",
        expect![[r#"
            Codira.toml:5:8: error: targets 'Core' and 'tool' have the same folder 'Sources/Core'
            5 | path = "Sources/Core"
              |        ^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn modules_that_import_each_other_are_shown_as_a_cycle() {
    targets(
        &[
            (
                "Codira.toml",
                "[package]\nname = \"app\"\n[library.A]\ndependencies = [\"B\"]\n[library.B]\ndependencies = [\"C\"]\n[library.C]\ndependencies = [\"A\"]\n",
            ),
            ("Sources/A/a.code", ""),
            ("Sources/B/b.code", ""),
            ("Sources/C/c.code", ""),
        ],
        expect![[r#"
            Codira.toml:3:10: error: modules import each other: A -> B -> C -> A
            3 | [library.A]
              |          ^
        "#]],
    );
}

#[test]
fn a_plan_has_a_command_for_each_module() {
    let files = [
        MANIFEST,
        ("Sources/App/main.code", ""),
        ("Sources/Core/Core.code", ""),
        ("Tests/CoreTests/a.code", "@Test fn works() {}"),
    ];
    let (graph, tests) = read(&files).unwrap();
    let of = |work, profile, only| {
        let request = Request {
            work,
            profile,
            only,
        };
        commands(&plan(&graph, &request, &tests))
    };
    expect![[r#"
        [] [] -emit-library -static -emit-module -module-name Core -parse-as-library -D DEBUG -enable-testing -emit-module-path .build/debug/Core.codemodule -o .build/debug/libCore.a -cache-path .build/debug/Core.build Sources/Core/Core.code
        [0] [0] -module-name App -D DEBUG -o .build/debug/App -I .build/debug -L .build/debug -lCore -cache-path .build/debug/App.build Sources/App/main.code
    "#]]
    .assert_eq(&of(Work::Build, Profile::Debug, None));
    expect![[r#"
        [] [] -emit-library -static -emit-module -module-name Core -parse-as-library -O -emit-module-path .build/release/Core.codemodule -o .build/release/libCore.a -cache-path .build/release/Core.build Sources/Core/Core.code
    "#]]
    .assert_eq(&of(Work::Build, Profile::Release, Some(0)));
    expect![[r#"
        [] [] -emit-module -module-name Core -parse-as-library -D DEBUG -enable-testing -emit-module-path .build/check-debug/Core.codemodule -cache-path .build/check-debug/Core.build Sources/Core/Core.code
        [0] [0] -typecheck -module-name App -D DEBUG -I .build/check-debug -cache-path .build/check-debug/App.build Sources/App/main.code
        [0] [0] -typecheck -module-name CoreTests -D DEBUG -I .build/check-debug -cache-path .build/check-debug/CoreTests.build Tests/CoreTests/a.code .build/check-debug/CoreTests.build/main.code
    "#]]
    .assert_eq(&of(Work::Check, Profile::Debug, None));
}

#[test]
fn tests_are_marked_functions_and_those_whose_names_begin_so() {
    let text = "
        @Test fn marked() {}
        fn testByName() throws {}
        fn testify() {}
        fn testWithArgument(x: Int) {}
        private fn testHidden() {}
        struct Suite {
            @Test fn one() {}
            @Test mutating fn two() throws {}
            @Test static fn three() {}
            fn testNotMarked() {}
            enum Inner { @Test static fn four() {} }
        }
        extension Suite { @Test fn five() {} }
        ";
    let (_, tests) = read(&[
        MANIFEST,
        ("Sources/App/main.code", ""),
        ("Tests/AppTests/a.code", text),
    ])
    .unwrap();
    let main = tests[0].main_file();
    let (_, cases) = main.split_once("\nswitch ").unwrap();
    expect![[r#"
        CommandLine.arguments.last ?? "" {
        case "marked": _Testing.run { marked() }
        case "testByName": _Testing.run { try testByName() }
        case "Suite/one": _Testing.run { Suite().one() }
        case "Suite/two": _Testing.run { var suite = Suite(); try suite.two() }
        case "Suite/three": _Testing.run { Suite.three() }
        case "Suite.Inner/four": _Testing.run { Suite.Inner.four() }
        case "Suite/five": _Testing.run { Suite().five() }
        default: fail("there is no such test")
        }
        _Testing.end()
    "#]]
    .assert_eq(cases);
}

#[test]
fn tests_that_cannot_be_run_are_errors() {
    let problems = read(&[
        MANIFEST,
        ("Sources/App/main.code", ""),
        (
            "Tests/AppTests/a.code",
            "@Test fn a(x: Int) {}\n@Test private fn b() {}\n@Test fn c() async {}\n",
        ),
    ])
    .unwrap_err();
    expect![[r#"
        Tests/AppTests/a.code:1:10: error: test 'a' must have neither parameters nor a result
        1 | @Test fn a(x: Int) {}
          |          ^
        Tests/AppTests/a.code:2:18: error: test 'b' is private, so that nothing can run it
        2 | @Test private fn b() {}
          |                  ^
        Tests/AppTests/a.code:3:10: error: test 'c' is asynchronous, which is not available yet
        3 | @Test fn c() async {}
          |          ^
    "#]]
    .assert_eq(&problems);
}

#[test]
fn command_lines_are_read_as_people_write_them() {
    let parse = |name: &str, line: &str| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        args::parse(name, &words).map_err(|problem| problem.message)
    };
    let parsed = parse(
        "run",
        "-c release -j2 app --no-pipelining -v -- --release x",
    )
    .unwrap();
    assert!(parsed.release && parsed.no_pipelining && parsed.verbose);
    assert_eq!(parsed.jobs, Some(2));
    assert_eq!(parsed.words, ["app"]);
    assert_eq!(parsed.program, ["--release", "x"]);
    let parsed = parse("build", "-p Core --message-format=json --jobs 3").unwrap();
    assert_eq!(parsed.target.as_deref(), Some("Core"));
    assert!(parsed.json);
    for (name, line, message) in [
        (
            "build",
            "--relaese",
            "unknown option '--relaese' of 'language build'; did you mean '--release'?",
        ),
        ("build", "-j zero", "invalid value 'zero' in '-j zero'"),
        ("build", "-j0", "invalid value '0' in '-j0'"),
        ("build", "-c fast", "invalid value 'fast' in '-c fast'"),
        ("build", "--timings=x", "option '--timings' takes no value"),
        ("build", "--target", "missing argument value for '--target'"),
        ("clean", "all", "unexpected argument 'all'"),
        ("new", "a b", "unexpected argument 'b'"),
        (
            "clean",
            "--timings",
            "unknown option '--timings' of 'language clean'",
        ),
    ] {
        assert_eq!(parse(name, line), Err(message.to_owned()), "{name} {line}");
    }
}
