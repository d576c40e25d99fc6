//! Bad input: whatever a file, a command line or a file system holds, the compiler ends soon with a clear
//! error or a good result, never with a panic, a crash or half an output.
//!
//! The inputs that exhaust something are run as processes, so that a stack overflow is seen as what it is.

mod random;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
use codira::syntax::ParseOptions;
use codira::vfs::{MemorySystem, ReadErrorKind};

use random::Random;

/// Unoptimised compilers are an order of magnitude slower and get smaller inputs.
const SLOW: bool = cfg!(debug_assertions);
/// How long one of the repetitions below is.
const MANY: usize = if SLOW { 20_000 } else { 200_000 };
/// What no input of this file may take, on a machine that is busy with other tests.
const TOO_LONG: Duration = Duration::from_secs(if SLOW { 120 } else { 30 });

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

/// Parses and checks `text` in processes of their own, and compiles it where it is right, also with `-O`. Each must end in time, with
/// an explanation exactly when it fails, and leave an output exactly when it succeeds. Returns what checking said.
#[track_caller]
fn survives(what: &str, text: &str) -> (bool, String) {
    let folder = Folder::with("deep.code", text);
    let run = |line: &str| {
        let started = Instant::now();
        let (status, stderr) = folder.languagec(line);
        let shown: String = stderr.chars().take(300).collect();
        let failed = format!("{what} with '{line}': {status:?}\n{shown}");
        assert!(matches!(status, Some(0 | 1)), "{failed}");
        assert!(!stderr.contains("internal compiler error"), "{failed}");
        assert_eq!(status == Some(1), stderr.contains("error: "), "{failed}");
        let took = started.elapsed();
        assert!(took < TOO_LONG, "{failed}\ntook {took:?}");
        let output = folder.path().join("out");
        let made = line.contains("-o out") && status == Some(0);
        assert_eq!(output.exists(), made, "{failed}");
        let _ = std::fs::remove_file(output);
        (status == Some(0), stderr)
    };
    run("-parse deep.code");
    let checked = run("-typecheck deep.code");
    let (compiled, _) = run("deep.code -o out");
    if compiled {
        run("deep.code -O -o out");
    }
    checked
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
    let noise: Vec<u8> = (0..100_000).map(|_| state.below(256) as u8).collect();
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
                let bits = state.below(usize::MAX);
                match bits % 4 {
                    0 => char::from_u32((bits >> 8) as u32 % 0x11_0000).unwrap_or('\u{fffd}'),
                    1 => b"\"\\(){}[]<>#/*`'$@&|?!.,:;=-+~^% \n\t\r\0"[(bits >> 8) % 36] as char,
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
        ("subscripts", "a["),
        ("labelled calls", "f(a: "),
        ("awaits", "await "),
        ("modifiers that may be names", "borrowing "),
        ("result types", "fn f() -> ("),
        ("array types", "var a: ["),
        ("dictionary types", "var a: [Int: "),
        ("generic types", "var a: A<"),
        ("opaque types", "var a: some "),
        ("patterns", "if case ("),
        ("guards", "guard true else { "),
        ("switch expressions", "var a = switch 1 { default: "),
        ("captures", "{ [a = "),
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
        ("true conditions", nested("#if true\n", "", "#endif\n")),
        (
            "negated conditions",
            format!("#if {}A\n#endif\n", "!".repeat(MANY)),
        ),
        ("ifs", nested("if true {", "", "}")),
        (
            "if expressions",
            format!("var a = {}", nested("if true {", "1", "} else { 1 }")),
        ),
        ("functions", nested("fn f() {", "", "}")),
        ("structures", nested("struct S {", "", "}")),
        (
            "closures that are called",
            format!("var a = {}", nested("{ ", "1", " }()")),
        ),
        ("trailing closures", nested("f {", "", "}")),
        ("tuples", format!("var a = {}", nested("(1, ", "1", ")"))),
        (
            "tuple types",
            format!("var a: {}", nested("(Int, ", "Int", ")")),
        ),
        ("subscripts", format!("a{}", nested("[", "0", "]"))),
        (
            "minus signs",
            format!("immutable a = {}1\n", "-".repeat(MANY)),
        ),
        (
            "negations",
            format!("immutable a = {}1\n", "- ".repeat(MANY)),
        ),
        (
            "negated parentheses",
            format!("var a = {}", nested("-(", "1", ")")),
        ),
        (
            "case patterns",
            format!("if case {} = 1 {{}}", nested(".a(", "1", ")").trim_end()),
        ),
        (
            "ternaries",
            format!("var a = {}", nested("true ? ", "1", " : 1")),
        ),
    ] {
        survives(what, &text);
    }
}

#[test]
fn chains_without_nesting() {
    for (what, head, unit, tail) in [
        ("members", "a", ".a", ""),
        ("calls", "a", ".a()", ""),
        ("known members", "var a = 1; _ = a", ".a", ""),
        ("unwrapping", "var a: Int? = 1; _ = a", "!", ""),
        ("tight sums", "immutable a = 1", "+1", ""),
        ("wrapping sums", "immutable a = 1", " &+ 1", ""),
        (
            "sums of variables",
            "var b = 1; immutable a = b",
            " + b",
            "",
        ),
        ("mixed sums", "immutable a = 1", " + 1 * 1.0 - 2", ""),
        ("texts", "immutable a = \"a\"", " + \"a\"", ""),
        ("conjunctions", "immutable a = true", " && true", ""),
        ("defaults", "var b: Int? = 1; immutable a = b", " ?? b", ""),
        ("comparisons", "immutable a = 1", " < 1", ""),
        ("unknown operators", "immutable a = 1", " +++ 1", ""),
        ("casts", "immutable a = 1", " as Int", ""),
        ("conditional casts", "immutable a = 1", " as? Int", ""),
        ("tests", "immutable a = 1", " is Int", ""),
        ("ternaries", "immutable a = ", "true ? 1 : ", "1"),
        ("assignments", "var a = 1; a", " = a", ""),
        ("literal text", "immutable a = \"", "a", "\""),
        ("digits", "immutable a = ", "1", ""),
        ("interpolations", "immutable a = \"", "\\(1) ", "\""),
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
        ("cases of one declaration", "enum E { case a", ", a", "}"),
        ("variables of one declaration", "var a = 1", ", a = 1", ""),
        ("equal variables", "", "var a = 1\n", ""),
        ("unknown variables", "", "a = 1\n", ""),
        ("equal functions", "", "fn f() {}\n", ""),
        ("loops", "", "while false {}\n", ""),
        ("guards", "fn f() { ", "guard true else { return }\n", "}"),
        ("conditions of one statement", "if true", ", true", " {}"),
        (
            "patterns of one case",
            "switch 1 { case 1",
            ", 1",
            ": break; default: break }",
        ),
        (
            "cases of one switch",
            "switch 1 { ",
            "case 1: break\n",
            "default: break }",
        ),
        ("unknown elements", "immutable a = [", "b, ", "b]"),
    ] {
        // What the checker does with them is more than parsing, so they are shorter.
        let count = if SLOW { 1_000 } else { 10_000 };
        survives(what, &format!("{head}{}{tail}\n", unit.repeat(count)));
    }
}

/// Declarations that each need the next one.
#[test]
fn chains_of_declarations() {
    let count = if SLOW { 300 } else { 3_000 };
    let chain = |each: &dyn Fn(usize) -> String, last: &str| {
        let lines: String = (0..count).map(each).collect();
        format!("{lines}{last}\n")
    };
    for (what, text) in [
        (
            "variables",
            chain(
                &|i| format!("var a{i} = a{}\n", i + 1),
                &format!("var a{count} = 1"),
            ),
        ),
        (
            "aliases",
            chain(
                &|i| format!("typealias A{i} = A{}\n", i + 1),
                &format!("typealias A{count} = Int\nvar a: A0 = 1"),
            ),
        ),
        (
            "functions",
            chain(
                &|i| format!("fn f{i}() {{ f{}() }}\n", i + 1),
                &format!("fn f{count}() {{}}\nf0()"),
            ),
        ),
        (
            "structures",
            chain(
                &|i| format!("struct S{i} {{ var a: S{} }}\n", i + 1),
                &format!("struct S{count} {{ var a = 1 }}\nvar s: S0?"),
            ),
        ),
        (
            "classes",
            chain(
                &|i| format!("class C{i}: C{} {{}}\n", i + 1),
                &format!("class C{count} {{}}\n_ = C0()"),
            ),
        ),
    ] {
        survives(what, &text);
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
