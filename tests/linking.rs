//! Programs and libraries that the system's linker puts together: with C, for C, and from objects.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A folder of files in which programs are built and run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap();
        let path = match program {
            "languagec" => env!("CARGO_BIN_EXE_languagec").into(),
            "language" => env!("CARGO_BIN_EXE_language").into(),
            "language-autolink-extract" => env!("CARGO_BIN_EXE_language-autolink-extract").into(),
            own if own.starts_with("./") => self.path().join(own),
            other => other.into(),
        };
        Command::new(path)
            .args(words)
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .env("TMPDIR", self.path())
            .output()
            .unwrap()
    }

    /// What a command that succeeds prints.
    #[track_caller]
    fn output(&self, line: &str) -> String {
        let output = self.run(line);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {messages}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that fails says.
    #[track_caller]
    fn error(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        String::from_utf8(output.stderr).unwrap()
    }
}

const C_LIBRARY: &str = "\
#include <stdint.h>
int32_t triple(int32_t x) { return 3 * x; }
double halve(double x) { return x / 2; }
int64_t hundred(int64_t);
int64_t back(int64_t x) { return hundred(x) + 1; }
";

const USER: &str = "\
@_silgen_name(\"triple\") fn triple(_ x: Int32) -> Int32
@_extern(c, \"halve\") fn halve(_ x: Double) -> Double
@_extern(c) fn back(_ x: Int) -> Int
@_cdecl(\"hundred\") public fn timesHundred(_ x: Int) -> Int { return x * 100 }
print(triple(14), halve(3), back(2))
";

fn with_c() -> Folder {
    let folder = Folder::new(&[("arithmetic.c", C_LIBRARY), ("main.code", USER)]);
    folder.output("cc -c -fPIC arithmetic.c -o arithmetic.o");
    folder.output("ar crs libarithmetic.a arithmetic.o");
    folder
}

#[test]
fn programs_call_c_and_c_calls_them() {
    let folder = with_c();
    for line in [
        "languagec main.code arithmetic.o -o out",
        "languagec main.code libarithmetic.a -o out",
        "languagec -O main.code -L . -larithmetic -o out",
        "languagec -wmo -g main.code -L. -l arithmetic -use-ld=bfd -o out",
        "languagec main.code -Xlinker -L. -Xlinker -larithmetic -static-stdlib -o out",
        "languagec main.code arithmetic.o -static-executable -o out",
    ] {
        folder.output(line);
        assert_eq!(folder.output("./out"), "42 1.5 201\n", "{line}");
        fs::remove_file(folder.path().join("out")).unwrap();
    }
    let ran = folder.output("language run main.code arithmetic.o");
    assert_eq!(ran, "42 1.5 201\n");
}

#[test]
fn failed_links_say_why_and_leave_nothing_behind() {
    let folder = with_c();
    let count = || fs::read_dir(folder.path()).unwrap().count();
    folder.output("languagec main.code arithmetic.o -o out");
    let before = count();
    let said = folder.error("languagec main.code -lmissing -o other");
    assert!(
        said.starts_with(
            "error: link command failed with exit code 1 (use -v to see invocation)\nnote: "
        ),
        "{said}"
    );
    assert!(said.contains("missing"), "{said}");
    fs::write(folder.path().join("bad.o"), "\x7fELF and then nothing").unwrap();
    let said = folder.error("languagec main.code bad.o -o other");
    assert!(said.contains("bad.o"), "{said}");
    let said = folder.error("languagec main.code none.o -o other");
    assert!(said.contains("none.o"), "{said}");
    assert_eq!(count(), before + 1);
}

#[test]
fn temporary_files_stay_when_they_are_wanted() {
    let folder = with_c();
    let output = folder.run("languagec -v -save-temps main.code arithmetic.o -o out");
    let said = String::from_utf8(output.stderr).unwrap();
    let object = said
        .split_whitespace()
        .find(|word| word.ends_with("main-0.o"));
    assert!(Path::new(object.expect(&said)).exists(), "{said}");
}

const LIBRARY: &str = "\
var calls = 0
struct Box<T> { var value: T }
@_cdecl(\"greet\") public fn greet(_ n: Int32) -> Int32 {
  calls += 1
  print(\"hello\", [1, 2].map { \"\\($0 + Int(n))\" }, Box(value: calls))
  return n + Int32(calls)
}
";

const HOST: &str = "\
#include <stdint.h>
int32_t greet(int32_t);
int main(void) { return greet(1) + greet(10); }
";

#[test]
fn c_calls_a_shared_library() {
    let folder = Folder::new(&[("greeting.code", LIBRARY), ("host.c", HOST)]);
    for options in ["", "-O -g"] {
        folder.output(&format!(
            "languagec -emit-library {options} greeting.code -module-name Greeting"
        ));
        folder.output("cc host.c -L. -lGreeting -Wl,-rpath,$ORIGIN -o host");
        let output = folder.run("./host");
        let printed = String::from_utf8(output.stdout).unwrap();
        let expected =
            "hello [\"2\", \"3\"] Box<Int>(value: 1)\nhello [\"11\", \"12\"] Box<Int>(value: 2)\n";
        assert_eq!(printed, expected);
        assert_eq!(output.status.code(), Some(14));
    }
}

#[test]
fn objects_say_what_they_are_linked_with() {
    let folder = with_c();
    folder.output("languagec -c main.code -L. -larithmetic -o main.o");
    let entries = folder.output("language-autolink-extract main.o main.o");
    assert_eq!(entries, "-lm\n-larithmetic\n");
    folder.output("ar crs libmain.a main.o");
    folder.output("language-autolink-extract main.o libmain.a arithmetic.o -o main.autolink");
    let written = fs::read_to_string(folder.path().join("main.autolink")).unwrap();
    assert_eq!(written, entries);
    // The driver extracts them itself.
    folder.output("languagec main.o -L . -o out");
    assert_eq!(folder.output("./out"), "42 1.5 201\n");

    assert_eq!(
        folder.error("language-autolink-extract"),
        "error: no input files\n"
    );
    let said = folder.error("language-autolink-extract none.o");
    assert!(said.contains("none.o"), "{said}");
}

/// Objects of different modules may hold the same instances of generic functions, of which a linker keeps one.
#[test]
fn equal_instances_are_kept_once() {
    let library = "\
@_cdecl(\"second\") public fn second(_ n: Int) -> Int { return [n, 2, 3].map { $0 * 2 }.reduce(0, +) }
";
    let main = "\
@_silgen_name(\"second\") fn second(_ n: Int) -> Int
print([1, 2, 3].map { $0 * 2 }.reduce(0, +), second(4))
";
    let folder = Folder::new(&[("second.code", library), ("main.code", main)]);
    folder.output("languagec -c -parse-as-library second.code -module-name Second -o second.o");
    folder.output("languagec main.code second.o -o out");
    assert_eq!(folder.output("./out"), "12 18\n");
}

/// A library's module file says what it was linked with, so that whoever imports it, directly or not, need not.
#[test]
fn programs_link_what_the_modules_that_they_import_were_compiled_with() {
    let numbers = "\
@_silgen_name(\"triple\") fn triple(_ x: Int32) -> Int32
public fn tripled(_ x: Int) -> Int { return Int(triple(Int32(x))) }
";
    let middle = "import Numbers\npublic fn nine() -> Int { return tripled(3) }\n";
    let main = "import Middle\nprint(nine())\n";
    let files = [
        ("Numbers.code", numbers),
        ("Middle.code", middle),
        ("main.code", main),
        ("arithmetic.c", C_LIBRARY),
    ];
    let folder = Folder::new(&files);
    folder.output("cc -c -fPIC arithmetic.c -o arithmetic.o");
    folder.output("ar crs libarithmetic.a arithmetic.o");
    // The C library calls back, which nothing here needs.
    fs::write(
        folder.path().join("other.c"),
        "long hundred(long x) { return x; }\n",
    )
    .unwrap();
    folder.output("cc -c -fPIC other.c -o other.o");
    folder.output("ar qs libarithmetic.a other.o");
    let library = "languagec -emit-library -static -emit-module -parse-as-library -I .";
    folder.output(&format!(
        "{library} -module-name Numbers -larithmetic Numbers.code"
    ));
    folder.output(&format!(
        "{library} -module-name Middle -lNumbers Middle.code"
    ));

    let described = folder.output("language metadata Numbers.codemodule");
    assert!(
        described.contains("autolink:\n    -larithmetic\n"),
        "{described}"
    );
    let described = folder.output("language metadata --json libNumbers.a");
    let json: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(json["autolink"], serde_json::json!(["-larithmetic"]));
    // A module that is imported is no word for a linker: its code is found by its name.
    let described = folder.output("language metadata --json Middle.codemodule");
    let json: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(json["autolink"], serde_json::json!([]));

    let build = "languagec main.code -I . -L .";
    for options in ["", "-O", "-driver-separate-processes"] {
        folder.output(&format!("{build} {options} -o out"));
        assert_eq!(folder.output("./out"), "9\n", "{options}");
    }
    assert_eq!(folder.output("language run -I . -L . main.code"), "9\n");
    // Objects pass it on, to linkers that anybody else calls.
    folder.output("languagec -c main.code -I . -o main.o");
    assert_eq!(
        folder.output("language-autolink-extract main.o"),
        "-lm\n-larithmetic\n"
    );
    assert_eq!(
        folder.output("language-autolink-extract libNumbers.a libMiddle.a"),
        "-lm\n-larithmetic\n-lNumbers\n"
    );
    folder.output("languagec main.o libMiddle.a libNumbers.a -L . -o out");
    assert_eq!(folder.output("./out"), "9\n");
    // What is missing is named.
    let said = folder.error("languagec main.code -I . -o other");
    assert!(said.contains("-larithmetic"), "{said}");
}

/// What a dynamic call meets, and what a type conforms to, is spread over the modules of a program: who casts need not know the type, and who has the type
/// need not know the protocol.
#[test]
fn programs_of_several_modules_are_complete_however_they_are_linked() {
    let base = "\
public protocol P { fn name() -> String }
extension P { public fn twice() -> String { return name() + name() } }
struct Hidden: P { fn name() -> String { return \"H\" } }
public struct Box<T> { public var value: T; public init(_ value: T) { this.value = value } }
extension Box: P where T: P { public fn name() -> String { return \"Box \" + value.name() } }
public fn hidden() -> any P { return Hidden() }
public fn generic<T: P>(_ x: T) -> String { return \"generic \" + x.name() + \" \\(T.this)\" }
public fn call(_ x: any P) -> String { return generic(x) + \" \" + x.twice() }
public fn show(_ x: Any) -> String { if immutable p = x as? any P { return p.name() }; return \"none\" }
public var calls = 0
open class Root { public init() { calls += 1 }; open fn f() -> String { return \"Root\" } }
";
    let middle = "\
import Base
extension String: P { public fn name() -> String { return \"String \" + this } }
public fn any(_ n: Int) -> Any { switch n { case 0: return Box(\"x\"); case 1: return Box(Box(\"y\")); default: return 1 } }
public final class Leaf: Root { override public fn f() -> String { return \"Leaf \\(calls)\" } }
";
    let main = "\
import Middle
import Base
struct Own: P { fn name() -> String { return \"Own\" } }
struct Wrapped<T: P>: P { var t: T; fn name() -> String { return \"W\" + t.name() } }
fn mine<T: P>(_ x: T) -> any P { return Wrapped(t: x) }
for x in [Own(), hidden(), Wrapped(t: Own())] as [any P] {
  print(mine(x).name(), call(x), x.twice(), generic(x))
}
print((0..<3).map { show(any($0)) }, show(Own()), show([1]), other())
immutable root: Root = Leaf()
print(root.f(), (root as Any) is Leaf, calls)
";
    let other = "import Base\nfn other() -> String { return show(Box(Box(Inner()))) }\nstruct Inner: P { fn name() -> String { return \"Inner\" } }\n";
    let folder = Folder::new(&[
        ("Base.code", base),
        ("Middle.code", middle),
        ("main.code", main),
        ("other.code", other),
    ]);
    let expected = "\
WOwn generic Own Own OwnOwn OwnOwn generic Own Own
WH generic H Hidden HH HH generic H Hidden
WWOwn generic WOwn Wrapped<Own> WOwnWOwn WOwnWOwn generic WOwn Wrapped<Own>
[\"Box String x\", \"Box Box String y\", \"none\"] Own none Box Box Inner
Leaf 1 true 1
";
    for module in ["Base", "Middle"] {
        let options = format!("-parse-as-library -I . -module-name {module} {module}.code");
        folder.output(&format!(
            "languagec -emit-library -static -emit-module {options}"
        ));
        folder.output(&format!("languagec -c {options} -o {module}.o"));
    }
    let program = "main.code other.code -module-name main -I .";
    folder.output(&format!("languagec {program} -o out"));
    assert_eq!(folder.output("./out"), expected);
    folder.output(&format!(
        "languagec -driver-separate-processes {program} -o out"
    ));
    assert_eq!(folder.output("./out"), expected);
    folder.output(&format!("languagec -c {program}"));
    folder.output(&format!("languagec -c -wmo {program} -o all.o"));
    for inputs in [
        "main.o other.o libMiddle.a libBase.a",
        "Base.o Middle.o other.o main.o",
        "other.o Middle.o main.o Base.o",
        "all.o",
        "Base.o all.o Middle.o",
    ] {
        folder.output(&format!("languagec {inputs} -o out"));
        assert_eq!(folder.output("./out"), expected, "{inputs}");
    }
}

/// Whoever finds a shared library need not look for its module elsewhere.
#[test]
fn shared_libraries_hold_their_module() {
    let folder = Folder::new(&[
        (
            "Greeting.code",
            "public fn greet(_ n: Int) -> Int { return n + 1 }\n",
        ),
        (
            "main.code",
            "import Greeting\nimmutable n: Int = greet(1)\n",
        ),
    ]);
    let library = "languagec -emit-library -emit-module -parse-as-library Greeting.code -module-name Greeting -o libGreeting.so";
    for options in ["", "-g -use-ld=bfd", "-driver-separate-processes"] {
        folder.output(&format!("{library} {options}"));
        let described = folder.output("language metadata --json libGreeting.so");
        let json: serde_json::Value = serde_json::from_str(&described).unwrap();
        assert_eq!(json["module"], "Greeting", "{options}");
        assert_eq!(json["format"], "shared library", "{options}");
        fs::remove_file(folder.path().join("Greeting.codemodule")).unwrap();
        folder.output("languagec -typecheck -I . main.code");
        let said = folder.error("languagec -I . main.code -o out");
        assert_eq!(
            said,
            "error: cannot find the library of module 'Greeting' for linking: 'libGreeting.a' or 'libGreeting.rlib' of the same build is in no folder of -I or -L\n"
        );
    }
}
