//! The rules by which a new process decides what an edit concerns, one test for each.
//!
//! A module is checked with a cache folder, one file is edited, and it is checked again: then `-explain-rebuild` names the files of which bodies were
//! looked at, and everything else that is said is what a build without any cache says.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

const FILES: &[(&str, &str)] = &[
    (
        "main.code",
        "print(total())\nprint(Box(value: 1).doubled)\n",
    ),
    (
        "a.code",
        "fn total() -> Int { return helper() &+ 1 }\n\
         private fn helper() -> Int { return 3 }\n\
         fn alone() -> Int { return 4 }\n",
    ),
    (
        "b.code",
        "struct Box {\n    var value: Int\n    var doubled: Int { return value &* 2 }\n\
         \x20   fn added(_ n: Int) -> Int { return value &+ n }\n}\n\
         protocol Named { var name: String { get } }\n\
         class Animal { fn speak() -> Int { return 1 } }\n",
    ),
    (
        "c.code",
        "fn warned() -> Int {\n    var unused = 1\n    return 2\n}\n\
         fn user(_ box: Box) -> Int { return box.added(2) }\n\
         immutable constant = total()\n",
    ),
];

struct Module {
    folder: tempfile::TempDir,
    options: Vec<&'static str>,
}

impl Module {
    /// The module after its first check.
    fn new() -> Module {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in FILES {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let module = Module {
            folder,
            options: Vec::new(),
        };
        let first = module.check();
        assert_eq!(
            first,
            ["every file: there is no record of an earlier build"]
        );
        module
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-typecheck", "-module-name", "m"])
            .args(FILES.iter().map(|file| file.0))
            .args(&self.options)
            .args(more);
        command.output().unwrap()
    }

    /// Checks the module, compares with a check that knows nothing, and returns what was looked at again.
    #[track_caller]
    fn check(&self) -> Vec<String> {
        let warm = self.run(&["-cache-path", "cache", "-explain-rebuild"]);
        let clean = self.run(&[]);
        let warm_text = String::from_utf8(warm.stderr).unwrap();
        let (why, said): (Vec<&str>, Vec<&str>) = warm_text
            .lines()
            .partition(|line| line.starts_with("remark: Incremental compilation: "));
        let clean_text = String::from_utf8(clean.stderr).unwrap();
        assert_eq!(said, clean_text.lines().collect::<Vec<_>>());
        assert_eq!(warm.status.code(), clean.status.code());
        let prefix = "remark: Incremental compilation: Checked ";
        let checked = why.iter().filter_map(|line| line.strip_prefix(prefix));
        checked.map(str::to_owned).collect()
    }

    /// Replaces a piece of a file and checks again.
    #[track_caller]
    fn edit(&self, name: &str, from: &str, to: &str) -> Vec<String> {
        let path = self.folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in {name}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self.check()
    }
}

#[test]
fn comments_and_white_space_concern_nobody() {
    let module = Module::new();
    let none: [&str; 0] = [];
    assert_eq!(
        module.edit("a.code", "fn total", "// A comment.\n\nfn  total"),
        none
    );
    assert_eq!(
        module.edit("b.code", "value &+ n", "value &+ /* n */ n"),
        none
    );
    // And when nothing has changed at all.
    assert_eq!(module.check(), none);
}

#[test]
fn a_body_concerns_itself() {
    let module = Module::new();
    let found = module.edit("a.code", "return 3", "return 5");
    assert_eq!(found, ["a.code: its text changed"]);
    let found = module.edit("b.code", "value &* 2", "value &* 3");
    assert_eq!(found, ["b.code: its text changed"]);
    let found = module.edit("main.code", "print(total())", "print(total() &+ 1)");
    assert_eq!(found, ["main.code: its text changed"]);
}

#[test]
fn warnings_stay_and_move_with_their_file() {
    let module = Module::new();
    // The file with the warning is not touched.
    let found = module.edit("a.code", "return 3", "return 5");
    assert_eq!(found, ["a.code: its text changed"]);
    // Here its lines move.
    let found = module.edit("c.code", "fn warned", "\n\n// Further down.\nfn warned");
    assert_eq!(found, ["c.code: its text changed"]);
    let found = module.edit("c.code", "var unused = 1\n", "");
    assert_eq!(found, ["c.code: its text changed"]);
}

#[test]
fn a_new_function_concerns_those_who_mention_its_name() {
    let module = Module::new();
    let found = module.edit("a.code", "fn alone", "fn added2() {}\nfn alone");
    assert_eq!(found, ["a.code: it is new"]);
    let found = module.edit("b.code", "    fn added(", "    fn more() {}\n    fn added(");
    assert_eq!(found, ["b.code: it is new"]);
    // `user` calls a function of that name.
    let found = module.edit(
        "b.code",
        "    fn added(",
        "    fn added(_ s: String) -> Int { return 0 }\n    fn added(",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[1],
        "c.code: mentions 'added', which changed in b.code"
    );
}

#[test]
fn a_signature_concerns_those_who_mention_its_name() {
    let module = Module::new();
    let found = module.edit(
        "b.code",
        "fn added(_ n: Int)",
        "fn added(_ m: Int, _ n: Int = 2)",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[1],
        "c.code: mentions 'added', which changed in b.code"
    );
    let found = module.edit("b.code", "var doubled: Int {", "var doubled: Int { get {");
    assert_eq!(found, ["every file: the interface of b.code changed"]);
}

#[test]
fn a_function_that_goes_is_missed() {
    let module = Module::new();
    let found = module.edit("a.code", "fn alone() -> Int { return 4 }\n", "");
    let none: [&str; 0] = [];
    assert_eq!(found, none);
    let found = module.edit("b.code", "fn added(_ n: Int)", "fn gone(_ n: Int)");
    assert!(found.contains(&"c.code: mentions 'added', which changed in b.code".to_owned()));
    // The build failed, and what was found out stays so until it is repaired.
    let found = module.check();
    assert!(found.contains(&"c.code: mentions 'added', which changed in b.code".to_owned()));
    let found = module.edit("b.code", "fn gone(", "fn added(");
    let none: [&str; 0] = [];
    assert_eq!(
        found, none,
        "this is the module that the last successful build saw"
    );
}

#[test]
fn what_a_declaration_mentions_concerns_everybody() {
    let module = Module::new();
    // The type of `constant` is that of `total()`.
    let found = module.edit("a.code", "fn total() -> Int {", "fn total() -> Int8 {");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("every file: "), "{found:?}");
}

#[test]
fn types_classes_and_protocols_concern_everybody() {
    let edits = [
        ("b.code", "var value: Int", "var value: Int; var other = 0"),
        ("b.code", "fn speak()", "fn run() {}\n fn speak()"),
        ("b.code", "{ var name", "{ var age: Int { get }; var name"),
        ("b.code", "struct Box {", "struct Box: Equatable {"),
        ("a.code", "fn total", "struct New {}\nfn total"),
        ("a.code", "fn total", "@inlinable public fn total"),
        ("a.code", "fn total", "fn description() {}\nfn total"),
        ("c.code", "constant = total()", "constant = total() &+ 1"),
    ];
    for (name, from, to) in edits {
        let module = Module::new();
        let found = module.edit(name, from, to);
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert!(found[0].starts_with("every file: "), "{to}: {found:?}");
    }
}

#[test]
fn extensions_with_functions_concern_those_who_mention_these() {
    let module = Module::new();
    let found = module.edit(
        "a.code",
        "fn alone",
        "extension Box { fn more() -> Int { return value } }\nfn alone",
    );
    assert_eq!(found, ["a.code: it is new"]);
    let found = module.edit("c.code", "return 2", "return Box(value: 1).more()");
    assert_eq!(found, ["c.code: its text changed"]);
    let found = module.edit("a.code", "fn more() -> Int {", "fn more() -> Int8 {");
    let mentions = "c.code: mentions 'more', which changed in a.code";
    assert!(found.contains(&mentions.to_owned()), "{found:?}");
    let found = module.edit(
        "a.code",
        "Box { fn more() -> Int8",
        "Box: Equatable { fn more() -> Int",
    );
    assert_eq!(found, ["every file: the interface of a.code changed"]);
}

#[test]
fn other_options_concern_everybody() {
    let mut module = Module::new();
    module.options.push("-DFLAG");
    let found = module.check();
    assert_eq!(
        found,
        ["every file: different arguments were passed to the compiler"]
    );
}

#[test]
fn a_damaged_record_is_made_anew() {
    let module = Module::new();
    let cache = module.folder.path().join("cache");
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for at in [0, 9, 30, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            module.edit("a.code", "return ", "return 1 &+ ");
        }
        fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
        module.edit("a.code", "return ", "return 1 &+ ");
    }
}

/// The module with objects instead of a check.
fn objects(module: &Module, more: &[&str]) -> Output {
    let entry = |file: &str| {
        format!(
            "\"{file}\": {{\"object\": \"{file}.o\", \"language-dependencies\": \"{file}.deps\"}}"
        )
    };
    let mut entries: Vec<String> = FILES.iter().map(|file| entry(file.0)).collect();
    entries.push("\"\": {\"language-dependencies\": \"module.deps\"}".to_owned());
    let map = module.folder.path().join("map.json");
    fs::write(map, format!("{{{}}}", entries.join(", "))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
    command
        .current_dir(module.folder.path())
        .args(["-c", "-incremental", "-output-file-map", "map.json"])
        .args(["-module-name", "m", "-suppress-warnings"])
        .args(FILES.iter().map(|file| file.0))
        .args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn objects_and_files_of_dependencies_are_left_alone_where_they_stay_the_same() {
    let module = Module::new();
    objects(&module, &[]);
    let path = |name: &str| module.folder.path().join(name);
    let written = |name: &str| fs::metadata(path(name)).unwrap().modified().unwrap();
    let watched = ["a.code.o", "b.code.o", "a.code.deps", "b.code.deps"];
    let before = watched.map(written);
    let text = fs::read_to_string(path("a.code")).unwrap();
    fs::write(path("a.code"), text.replace("return 3", "return 5")).unwrap();
    let output = objects(
        &module,
        &["-driver-show-incremental", "-driver-show-job-lifecycle"],
    );
    let after = watched.map(written);
    let same: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a == b).collect();
    assert_eq!(same, [false, true, false, true]);
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "\
remark: Incremental compilation: May skip current input:  {compile: main.code.o <= main.code}
remark: Incremental compilation: Scheduling changed input  {compile: a.code.o <= a.code}
remark: Incremental compilation: May skip current input:  {compile: b.code.o <= b.code}
remark: Incremental compilation: May skip current input:  {compile: c.code.o <= c.code}
remark: Incremental compilation: Queuing (initial):  {compile: a.code.o <= a.code}
remark: Incremental compilation: Skipping input:  {compile: main.code.o <= main.code}
remark: Incremental compilation: Skipping input:  {compile: b.code.o <= b.code}
remark: Incremental compilation: Skipping input:  {compile: c.code.o <= c.code}
remark: Skipped Compiling main.code
remark: Starting Compiling a.code
remark: Skipped Compiling b.code
remark: Skipped Compiling c.code
remark: Finished Compiling a.code
";
    assert_eq!(said, expected);
    // An object that is gone is made again.
    fs::remove_file(path("b.code.o")).unwrap();
    let output = objects(&module, &["-driver-show-incremental"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let missing = "Missing an output; will queue  {compile: b.code.o <= b.code}\n";
    assert!(said.contains(missing), "{said}");
    assert!(path("b.code.o").exists());
}

/// Nobody has to be compiled again for it, and so only the list of what a module has tells that something is too much.
#[test]
fn a_function_that_goes_leaves_no_code_in_its_object() {
    let module = Module::new();
    let object = module.folder.path().join("a.code.o");
    let has = |name: &str| {
        let bytes = fs::read(&object).unwrap();
        bytes
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    objects(&module, &[]);
    assert!(has("helper") && has("alone"));
    let path = module.folder.path().join("a.code");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("fn alone() -> Int { return 4 }\n", "")).unwrap();
    objects(&module, &[]);
    assert!(has("helper") && !has("alone"));
}

/// What is used longest ago goes first when a folder of records grows too large, so that builds with nothing to do have to count as uses.
#[test]
fn a_build_with_nothing_to_do_marks_its_record_as_used() {
    let module = Module::new();
    let cache = module.folder.path().join("cache");
    let entries = fs::read_dir(cache).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let record = paths.find(|path| path.extension() == Some("codedeps".as_ref()));
    let record = record.unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(10 * 86_400);
    let file = fs::OpenOptions::new().append(true).open(&record).unwrap();
    file.set_modified(long_ago).unwrap();
    let none: [&str; 0] = [];
    assert_eq!(module.check(), none);
    let used = fs::metadata(record).unwrap().modified().unwrap();
    assert!(used > long_ago + Duration::from_secs(86_400));
}

/// A program of two files that import a library, in folders of their own.
struct Importer {
    folder: tempfile::TempDir,
}

const LIBRARY: &str = "public protocol Named { var title: String { get } }\n\
     extension Named { public var title: String { \"none\" } }\n\
     public fn visible() -> Int { return hidden() }\n\
     fn hidden() -> Int { return 1 }\n\
     public fn generic<T>(_ value: T) -> [T] { return [value] }\n";

impl Importer {
    fn new() -> Importer {
        let folder = tempfile::tempdir().unwrap();
        let importer = Importer { folder };
        for name in ["modules", "better"] {
            fs::create_dir(importer.path(name)).unwrap();
        }
        importer.write(
            "main.code",
            "import Library\nprint(local(), visible(), generic(1))\n",
        );
        importer.write(
            "local.code",
            "import Library\nstruct Thing: Named {}\n\
             fn local() -> String { return other() }\nfn other() -> String { return Thing().title }\n",
        );
        importer.library("modules", LIBRARY);
        importer
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, args: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        let output = command
            .current_dir(self.folder.path())
            .args(args.split(' '))
            .output();
        output.unwrap()
    }

    fn library(&self, folder: &str, text: &str) {
        self.write("Library.code", text);
        let output = self.run(&format!(
            "-emit-library -static -emit-module -emit-module-path {folder}/Library.codemodule \
             -o {folder}/libLibrary.a -parse-as-library -module-name Library Library.code"
        ));
        assert!(output.status.success(), "{output:?}");
    }

    /// Builds the program, compares with one that is made from nothing, and returns what was checked and compiled again, and what the program prints.
    #[track_caller]
    fn build(&self) -> (Vec<String>, String) {
        let common = "-module-name app main.code local.code -I better -I modules -L modules";
        let clean = self.run(&format!("{common} -o clean"));
        let said = String::from_utf8(clean.stderr).unwrap();
        assert!(clean.status.success(), "{said}");
        let options = "-cache-path cache -explain-rebuild -driver-show-incremental";
        let warm = self.run(&format!("{common} -o warm {options}"));
        assert!(warm.status.success(), "{warm:?}");
        let same = fs::read(self.path("warm")).unwrap() == fs::read(self.path("clean")).unwrap();
        assert!(same, "another program");
        let lines = String::from_utf8(warm.stderr).unwrap();
        let lines = lines.lines().filter_map(|line| {
            let line = line.strip_prefix("remark: Incremental compilation: ")?;
            let starts = ["Checked", "Compiled", "Skipping"];
            let is_result = starts.iter().any(|start| line.starts_with(start));
            is_result.then(|| line.to_owned())
        });
        let printed = Command::new(self.path("warm")).output().unwrap().stdout;
        (lines.collect(), String::from_utf8(printed).unwrap())
    }
}

const NOTHING: [&str; 2] = [
    "Skipping input:  {compile: main.o <= main.code}",
    "Skipping input:  {compile: local.o <= local.code}",
];

#[test]
fn with_the_same_modules_a_body_concerns_itself() {
    let importer = Importer::new();
    let (found, printed) = importer.build();
    assert_eq!(
        found,
        ["Checked every file: there is no record of an earlier build"]
    );
    assert_eq!(printed, "none 1 [1]\n");
    assert_eq!(importer.build().0, NOTHING);
    let text = fs::read_to_string(importer.path("local.code")).unwrap();
    importer.write("local.code", &text.replace("Thing().title", "\"edited\""));
    let (found, printed) = importer.build();
    assert_eq!(
        found,
        [
            NOTHING[0],
            "Checked local.code: its text changed",
            "Compiled other(): its text changed"
        ]
    );
    assert_eq!(printed, "edited 1 [1]\n");
}

#[test]
fn a_module_that_shows_the_same_is_put_into_the_program_again() {
    let importer = Importer::new();
    importer.build();
    importer.library("modules", &LIBRARY.replace("return 1", "return 2"));
    let (found, printed) = importer.build();
    let mut expected = NOTHING.to_vec();
    expected.push("Compiled every function: the code of imported modules changed");
    assert_eq!(found, expected);
    assert_eq!(printed, "none 2 [1]\n");
    // The same once more is nothing new.
    importer.library("modules", &LIBRARY.replace("return 1", "return 2"));
    assert_eq!(importer.build().0, NOTHING);
}

#[test]
fn a_module_that_shows_something_else_concerns_everybody() {
    let importer = Importer::new();
    importer.build();
    importer.library("modules", &LIBRARY.replace("[value]", "[value, value]"));
    let (found, printed) = importer.build();
    assert_eq!(
        found,
        ["Checked every file: the interface of module 'Library' changed"]
    );
    assert_eq!(printed, "none 1 [1, 1]\n");
}

#[test]
fn a_module_that_is_found_first_is_noticed() {
    let importer = Importer::new();
    importer.build();
    // The same file somewhere else is no change to anybody.
    for name in ["Library.codemodule", "libLibrary.a"] {
        let (from, to) = (format!("modules/{name}"), format!("better/{name}"));
        fs::rename(importer.path(&from), importer.path(&to)).unwrap();
    }
    let (found, _) = importer.build();
    assert_eq!(found, NOTHING);
    assert_eq!(importer.build().0, NOTHING);
    let extended = format!("{LIBRARY}public fn more() {{}}\n");
    importer.library("better", &extended);
    let (found, _) = importer.build();
    assert_eq!(
        found,
        ["Checked every file: the interface of module 'Library' changed"]
    );
}

/// `title` is a requirement of the library's, so that a property of this name is a part of what makes the structure conform.
#[test]
fn a_name_that_a_module_declares_concerns_everybody() {
    let importer = Importer::new();
    importer.build();
    let text = fs::read_to_string(importer.path("local.code")).unwrap();
    let more = "extension Thing { var title: String { \"own\" } }\n";
    importer.write("local.code", &format!("{text}{more}"));
    let (found, printed) = importer.build();
    assert_eq!(
        found,
        ["Checked every file: 'title' changed, which an imported module knows"]
    );
    assert_eq!(printed, "own 1 [1]\n");
    let text = fs::read_to_string(importer.path("local.code")).unwrap();
    importer.write("local.code", &format!("{text}fn unheard() {{}}\n"));
    let (found, _) = importer.build();
    assert_eq!(found[1], "Checked local.code: it is new");
}
