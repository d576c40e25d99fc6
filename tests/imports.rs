//! Imports of compiled modules, as people meet them on the command line: `@testable`, `@_exported`, and everything that can be wrong with a module's file.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A folder of files in which modules are compiled.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    /// The exit status of a command, what it prints and what it says.
    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let mut words = line.split_whitespace();
        let program = match words.next().unwrap() {
            "languagec" => env!("CARGO_BIN_EXE_languagec").into(),
            own => self.path().join(own),
        };
        let output = Command::new(program)
            .args(words)
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Compiles `NAME.code` to a library in the same folder.
    #[track_caller]
    fn library(&self, path: &str, options: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let line = format!(
            "languagec -emit-library -static -emit-module -parse-as-library -I . {options} -module-name {name} {path}.code -o {folder}/lib{name}.a -emit-module-path {folder}/{name}.codemodule"
        );
        assert_eq!(self.run(&line), (Some(0), String::new(), String::new()));
    }

    /// What `main.code` prints.
    #[track_caller]
    fn printed(&self, main: &str) -> String {
        self.write("main.code", main.as_bytes());
        let built = self.run("languagec -I . main.code -o main");
        assert_eq!(built, (Some(0), String::new(), String::new()));
        self.run("main").1
    }

    /// What is said about `main.code`, which is wrong.
    #[track_caller]
    fn refused(&self, main: &str) -> String {
        self.write("main.code", main.as_bytes());
        self.refused_with("-I .")
    }

    #[track_caller]
    fn refused_with(&self, options: &str) -> String {
        let (status, printed, said) = self.run(&format!("languagec {options} main.code -o main"));
        assert_eq!((status, printed.as_str()), (Some(1), ""), "{said}");
        said
    }
}

const TESTED: &str = "\
fn hidden() -> String { return \"hidden\" }
struct Inner { var x = 3; private fn p() {} }
public class Open { public init() {}; fn f() -> String { return \"f\" } }
private fn secret() {}
enum E { case a(Int), b }
fn generic<T>(_ x: T) -> [T] { return [x] }
protocol Proto { fn z() -> Int }
extension Inner: Proto { fn z() -> Int { return 9 } }
";

#[test]
fn tests_see_what_is_internal_and_override_what_is_not_open() {
    let folder = Folder::new(&[("A.code", TESTED)]);
    folder.library("A", "-enable-testing");
    let main = "\
@testable import A
class Sub: Open { override fn f() -> String { return \"sub \" + super.f() } }
struct Mine: Proto { fn z() -> Int { return 10 } }
print(hidden(), Inner(x: 4).x, Sub().f(), E.a(1), generic(2))
print(([Inner(), Mine()] as [any Proto]).map { $0.z() })
";
    assert_eq!(folder.printed(main), "hidden 4 sub f a(1) [2]\n[9, 10]\n");
    // What is private stays so, and other imports see what is public.
    assert_eq!(
        folder.refused("@testable import A\nInner().p()\n"),
        "main.code:2:9: error: 'p' is inaccessible due to 'private' protection level\n2 | Inner().p()\n  |         ^\n"
    );
    assert_eq!(
        folder.refused("import A\nprint(hidden())\n"),
        "main.code:2:7: error: cannot find 'hidden' in scope\n2 | print(hidden())\n  |       ^^^^^^\n"
    );
}

#[test]
fn a_module_that_was_not_compiled_for_testing_shows_what_is_public() {
    let folder = Folder::new(&[("A.code", TESTED)]);
    folder.library("A", "");
    assert_eq!(
        folder.refused("@testable import A\nprint(hidden(), Inner().x)\n"),
        "main.code:1:11: error: module 'A' was not compiled for testing\n1 | @testable import A\n  |           ^^^^^^\n"
    );
}

#[test]
fn what_a_module_exports_again_is_imported_with_it() {
    let folder = Folder::new(&[
        (
            "A.code",
            "public struct Thing { public init() {} }\npublic fn a() -> Int { return 1 }\n",
        ),
        (
            "B.code",
            "@_exported import A\npublic fn b() -> Int { return a() + 1 }\n",
        ),
        (
            "C.code",
            "import B\npublic fn c() -> Thing { return Thing() }\n",
        ),
        ("D.code", "@_exported import B\n"),
    ]);
    for name in ["A", "B", "C", "D"] {
        folder.library(name, "");
    }
    for import in ["B", "D"] {
        let main = format!("import {import}\nprint(a(), b(), Thing(), A.Thing(), B.b())\n");
        assert_eq!(folder.printed(&main), "1 2 Thing() Thing() 2\n");
    }
    // An import without the mark is the module's own affair, though values of its types come by.
    assert_eq!(folder.printed("import C\nprint(c())\n"), "Thing()\n");
    assert_eq!(
        folder.refused("import C\nprint(Thing())\n"),
        "main.code:2:7: error: cannot find 'Thing' in scope; did you mean 'String'?\n2 | print(Thing())\n  |       ^^^^^\n  = fix-it: replace 'Thing' with 'String'\n"
    );
}

const LIBRARY: &str = "public fn a() -> Int { return 1 }\n";
const MAIN: &str = "import A\nprint(a())\n";

#[test]
fn modules_that_are_missing_are_errors_of_their_imports() {
    let folder = Folder::new(&[("lib/B.code", LIBRARY)]);
    folder.library("lib/B", "");
    assert_eq!(
        folder.refused("import A\n"),
        "main.code:1:1: error: no such module 'A'\n1 | import A\n  | ^^^^^^\n"
    );
    folder.write("main.code", MAIN.as_bytes());
    assert_eq!(
        folder.refused_with("--extern A=lib/none.codemodule"),
        "error: no such module 'A'\nnote: 'lib/none.codemodule' was not used: it cannot be read (No such file or directory)\n"
    );
    assert_eq!(
        folder.refused_with("--extern A=lib/libB.a"),
        "error: no such module 'A'\nnote: 'lib/libB.a' was not used: it holds module 'B'\n"
    );
}

#[test]
fn files_that_cannot_be_modules_are_named_with_the_reason() {
    let folder = Folder::new(&[("A.code", LIBRARY)]);
    folder.library("A", "");
    fs::remove_file(folder.path().join("libA.a")).unwrap();
    let module = folder.read("A.codemodule");
    // Half of it is there.
    folder.write("A.codemodule", &module[..module.len() / 2]);
    let (half, len) = (module.len() / 2, module.len());
    assert_eq!(
        folder.refused(MAIN),
        format!(
            "error: no such module 'A'\nnote: './A.codemodule' was not used: it is incomplete: {half} of {len} bytes are there; another build may still be writing it\n"
        )
    );
    // Another compiler has written it.
    let mut other = module.clone();
    other[20] ^= 1;
    folder.write("A.codemodule", &other);
    let said = folder.refused(MAIN);
    let own = &codira::session::BUILD_ID.to_hex()[..12];
    assert!(
        said.starts_with(
            "error: found module 'A' compiled by an incompatible version of the compiler\nnote: './A.codemodule' was not used: it was compiled by Codira version "
        ),
        "{said}"
    );
    assert!(
        said.matches("(codira), build").count() == 2 && said.contains(own),
        "{said}"
    );
    assert!(
        said.ends_with("note: module 'A' has to be compiled again with this compiler\n"),
        "{said}"
    );
    // Two files that are both right, and the module that is meant.
    folder.write("A.codemodule", &module);
    folder.write("lib/A.code", b"public fn a() -> Int { return 2 }\n");
    folder.library("lib/A", "");
    let said = folder.refused_with("-I . -I lib");
    let mut lines: Vec<&str> = said.lines().collect();
    for line in &mut lines {
        *line = line.split(" (id").next().unwrap();
    }
    assert_eq!(
        lines,
        [
            "error: multiple matching modules 'A' were found",
            "note: './A.codemodule'",
            "note: 'lib/A.codemodule'",
            "note: name the one that is meant with '--extern A=<path>'",
        ]
    );
    let built = folder.run("languagec -I . -I lib --extern A=lib/libA.a main.code -o main");
    assert_eq!(built, (Some(0), String::new(), String::new()));
    assert_eq!(folder.run("main").1, "2\n");
}

#[test]
fn a_module_that_was_compiled_against_another_state_is_explained() {
    let folder = Folder::new(&[
        ("A.code", LIBRARY),
        ("B.code", "import A\npublic fn b() -> Int { return a() }\n"),
    ]);
    folder.library("A", "");
    folder.library("B", "");
    let hash = |name: &str| {
        let file = codira::metadata::ModuleFile::from_bytes(name, folder.read(name)).unwrap();
        file.header().svh.to_hex()
    };
    let before = hash("A.codemodule");
    // What nobody can see does not count.
    folder.write("A.code", b"public fn a() -> Int { return 3 }\n");
    folder.library("A", "");
    assert_ne!(hash("A.codemodule"), before);
    assert_eq!(folder.printed("import B\nprint(b())\n"), "3\n");
    folder.write("A.code", b"public fn a(_ x: Int = 1) -> Int { return x }\n");
    folder.library("A", "");
    let after = hash("A.codemodule");
    let said = folder.refused("import B\nprint(b())\n");
    assert_eq!(
        said,
        format!(
            "error: found possibly newer version of module 'A' which 'B' depends on\n\
             note: './A.codemodule' was not used: it is the module in another state (hash {after})\n\
             note: './libA.a' was not used: it is the module in another state (hash {after})\n\
             note: './B.codemodule': module 'B' was compiled against 'A' with hash {before}\n\
             note: module 'B' has to be compiled again\n"
        )
    );
}

#[test]
fn modules_that_import_each_other_are_shown_as_a_cycle() {
    let folder = Folder::new(&[
        ("A.code", LIBRARY),
        ("B.code", "import A\npublic fn b() -> Int { return a() }\n"),
    ]);
    folder.library("A", "");
    folder.library("B", "");
    folder.write("A.code", b"import B\npublic fn a() -> Int { return 1 }\n");
    let line = "languagec -emit-module -parse-as-library -I . -module-name A A.code";
    let (status, _, said) = folder.run(line);
    assert_eq!(status, Some(1));
    assert_eq!(
        said,
        "error: cyclic imports: module 'A' imports 'B', which imports 'A'\n"
    );
}
