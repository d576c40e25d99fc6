//! Tests of `session`.

use expect_test::expect;

use crate::base::Name;
use crate::diag::{Diagnostic, FileList, render};
use crate::vfs::MemorySystem;

use super::*;

/// Another value of the same type.
pub(super) trait Different {
    fn different(&self) -> Self;
}

impl Different for bool {
    fn different(&self) -> bool {
        !self
    }
}

impl Different for String {
    fn different(&self) -> String {
        format!("{self}x")
    }
}

impl Different for Name {
    fn different(&self) -> Name {
        Name::new(&self.as_str().to_owned().different())
    }
}

impl Different for Extern {
    fn different(&self) -> Extern {
        Extern {
            name: self.name.different(),
            path: self.path.clone(),
        }
    }
}

impl Different for Target {
    fn different(&self) -> Target {
        Target {
            arch: match self.arch {
                Arch::X86_64 => Arch::Arm64,
                Arch::Arm64 => Arch::X86_64,
            },
            os: self.os,
        }
    }
}

impl<T: Example> Different for Option<T> {
    fn different(&self) -> Option<T> {
        match self {
            Some(_) => None,
            None => Some(T::example()),
        }
    }
}

impl<T: Example + Clone> Different for Vec<T> {
    fn different(&self) -> Vec<T> {
        let mut longer = self.clone();
        longer.push(T::example());
        longer
    }
}

impl<T: Example + Clone + Ord> Different for std::collections::BTreeSet<T> {
    fn different(&self) -> Self {
        let mut larger = self.clone();
        larger.insert(T::example());
        larger
    }
}

/// Some value, for lists that were empty.
trait Example {
    fn example() -> Self;
}

macro_rules! examples {
    ($($ty:ty => $example:expr;)*) => {
        $(impl Example for $ty {
            fn example() -> Self {
                $example
            }
        })*
    };
}

examples! {
    String => "example".into();
    Name => Name::new("example");
    usize => 9;
    Extern => Extern { name: "M".into(), path: "libM.rlib".into() };
}

macro_rules! one_or_the_other {
    ($($ty:ty: $one:expr, $other:expr;)*) => {
        $(impl Different for $ty {
            fn different(&self) -> Self {
                match *self == $one {
                    true => $other,
                    false => $one,
                }
            }
        })*
    };
}

one_or_the_other! {
    OptLevel: OptLevel::None, OptLevel::Speed;
    DebugInfo: DebugInfo::None, DebugInfo::Full;
    Mode: Mode::EmitExecutable, Mode::Typecheck;
    MessageFormat: MessageFormat::Text, MessageFormat::Json;
    ColorChoice: ColorChoice::Auto, ColorChoice::Never;
    u32: 5, 6;
    usize: 0, 1;
}

#[test]
fn the_hash_follows_every_tracked_option_and_no_other() {
    let default = Options::default();
    let hash = default.tracked_hash();
    for (name, is_tracked, changed) in default.each_changed() {
        assert_ne!(changed, default, "{name}");
        assert_eq!(changed.tracked_hash() != hash, is_tracked, "{name}");
    }
}

#[test]
fn modules_are_told_apart_by_their_metadata_in_any_order() {
    let metadata = |line| options(line).tracked.crate_metadata;
    let both = metadata("-C metadata=two -Cmetadata=one a.code");
    assert_eq!(
        both,
        metadata("-Cmetadata=one -Cmetadata=two -C metadata=one a.code")
    );
    assert_eq!(both.len(), 2);
    assert_eq!(
        complaint("-C linker=ld a.code"),
        "error: unknown codegen option: 'linker=ld'\nnote: valid arguments to '-C' are 'metadata=<value>'"
    );
}

#[test]
fn modules_can_be_named_with_their_files() {
    let o = options("--extern A=lib/libA.rlib -extern B=b.codemodule --sysroot=/opt a.code");
    let found: Vec<(&str, &str)> = o
        .untracked
        .externs
        .iter()
        .map(|e| (e.name.as_str(), e.path.as_str()))
        .collect();
    assert_eq!(found, [("A", "lib/libA.rlib"), ("B", "b.codemodule")]);
    assert_eq!(o.untracked.sysroot.as_deref(), Some("/opt"));
    assert!(complaint("--extern A a.code").starts_with("error: invalid value 'A'"));
}

#[test]
fn targets_parse_with_and_without_a_vendor() {
    let x86 = Some(Target {
        arch: Arch::X86_64,
        os: Os::Linux,
    });
    assert_eq!(Target::parse("x86_64-unknown-linux-gnu"), x86);
    assert_eq!(Target::parse("x86_64-linux"), x86);
    assert_eq!(Target::parse("riscv64-unknown-linux-gnu"), None);
    assert_eq!(Target::parse("x86_64-apple-darwin"), None);
    let triple = Target::HOST.triple();
    assert_eq!(Target::parse(triple), Some(Target::HOST));
}

fn parse(system: &MemorySystem, line: &str) -> Result<Invocation, String> {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let said = |problems: Vec<Diagnostic>| {
        let files = FileList::new();
        let text = |d: &Diagnostic| render::to_text(d, &files, false);
        problems.iter().map(text).collect::<String>()
    };
    cli::parse(system, &args).map_err(said)
}

fn options(line: &str) -> Options {
    match parse(&MemorySystem::new(), line) {
        Ok(Invocation::Compile(options, _)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

fn complaint(line: &str) -> String {
    match parse(&MemorySystem::new(), line) {
        Err(text) => text.trim_end().to_owned(),
        Ok(other) => panic!("{line}: {other:?}"),
    }
}

#[test]
fn command_lines_are_complained_about_in_the_usual_words() {
    let cases = [
        ("", "error: no input files"),
        (
            "-c -o x.o a.code b.code",
            "error: cannot specify -o when generating multiple output files",
        ),
        (
            "-static a.code",
            "error: -static may not be used with -emit-executable",
        ),
        (
            "-j snort a.code",
            "error: invalid value 'snort' in '-j snort'",
        ),
        (
            "-jsnort a.code",
            "error: invalid value 'snort' in '-jsnort'",
        ),
        ("a.txt", "error: unexpected input file: a.txt"),
        ("-c a.o", "error: unexpected input file: a.o"),
        ("a.code -o", "error: missing argument value for '-o'"),
        ("-foo a.code", "error: unknown argument: '-foo'"),
        (
            "-emit-modul a.code",
            "error: unknown argument: '-emit-modul'; did you mean '-emit-module'?",
        ),
        (
            "-typechek a.code",
            "error: unknown argument: '-typechek'; did you mean '-typecheck'?",
        ),
        ("-target nope a.code", "error: unknown target 'nope'"),
        (
            "-module-name 9x a.code",
            "error: module name \"9x\" is not a valid identifier",
        ),
        (
            "-emit-library a.code b.code",
            "error: module name \"\" is not a valid identifier; use -module-name flag to specify an alternate name",
        ),
        (
            "-module-name Codira a.code",
            "error: module name \"Codira\" is reserved for the standard library",
        ),
        (
            "a/x.code b/x.code",
            "error: filename \"x.code\" used twice: 'a/x.code' and 'b/x.code'\n\
             note: filenames are used to distinguish private declarations with the same name",
        ),
        (
            "-D 9 a.code",
            "error: conditional compilation flags must be valid Codira identifiers (rather than '9')",
        ),
        (
            "--message-format=xml a.code",
            "error: invalid value 'xml' in '--message-format=xml'",
        ),
        (
            "-driver-print-output-file-map a.code",
            "error: no output file map specified",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(complaint(line), expected, "for: {line}");
    }
}

#[test]
fn values_are_joined_or_apart_and_later_options_win() {
    let o =
        options("-Onone -O -DFOO -D BAR -j2 -I inc -Linc a.code -o out -g -gnone -l m -use-ld=lld");
    assert_eq!(o.tracked.opt_level, OptLevel::Speed);
    assert_eq!(o.tracked.debug_info, DebugInfo::None);
    let conditions: Vec<&str> = o.tracked.conditions.iter().map(|n| n.as_str()).collect();
    assert_eq!(conditions, ["BAR", "FOO"]);
    assert_eq!(
        (o.untracked.jobs, o.untracked.inputs),
        (2, vec!["a.code".into()])
    );
    assert_eq!(o.untracked.output.as_deref(), Some("out"));
    assert_eq!(o.untracked.import_paths, ["inc"]);
    assert_eq!(o.tracked.link_libraries, ["m"]);
    assert_eq!(o.tracked.linker.as_deref(), Some("lld"));
    assert_eq!(
        options("-typecheck -c x.code").untracked.mode,
        Mode::EmitObject
    );
    assert_eq!(
        options("-emit-module x.code").untracked.mode,
        Mode::EmitModule
    );
    let static_library = options("-emit-library -static -emit-module -o libM.a a.code");
    assert_eq!(static_library.untracked.mode, Mode::EmitLibrary);
    assert!(
        !options("-wmo -no-whole-module-optimization a.code")
            .tracked
            .whole_module
    );
    assert_eq!(
        options("a.code -- -b.code").untracked.inputs,
        ["a.code", "-b.code"]
    );
}

#[test]
fn module_names_are_derived() {
    let name = |line| options(line).tracked.module_name.as_str();
    assert_eq!(name("a.code"), "a");
    assert_eq!(name("a.code b.code"), "main");
    assert_eq!(name("a.code b.code -o dir/tool.exe"), "tool");
    assert_eq!(name("9.code"), "main");
    assert_eq!(name("a.code -o 9x"), "main");
    assert_eq!(
        name("-emit-library -o out/libShapes.so a.code b.code"),
        "Shapes"
    );
    assert_eq!(name("-typecheck a.code b.code"), "main");
    assert_eq!(name("-module-name M a.code -o x"), "M");
    assert_eq!(name("-"), "main");
}

#[test]
fn versions_and_help_need_no_inputs() {
    let system = MemorySystem::new();
    assert_eq!(parse(&system, "-v"), Ok(Invocation::Version));
    assert_eq!(parse(&system, "--version"), Ok(Invocation::Version));
    assert_eq!(parse(&system, "-help -c"), Ok(Invocation::Help));
    assert!(version_text(Target::HOST).starts_with("Codira version 0.1.0 ("));
    let help = table::help("languagec");
    assert!(
        help.contains("\n  -o <file>               Write output to <file>\n"),
        "{help}"
    );
}

#[test]
fn response_files_nest() {
    let system = MemorySystem::new()
        .with_file("one", "-parse 'a b.code' @two\n")
        .with_file("two", "c\\ d.code \"-DX\"\n")
        .with_file("loop", "@loop");
    let Ok(Invocation::Compile(options, _)) = parse(&system, "@one") else {
        panic!("the response file is fine");
    };
    assert_eq!(options.untracked.inputs, ["a b.code", "c d.code"]);
    assert!(options.tracked.conditions.contains(&Name::new("X")));
    assert_eq!(
        parse(&system, "@loop"),
        Err("error: response file 'loop' includes itself\n".into())
    );
    assert_eq!(
        parse(&system, "@none.code").map(|_| ()),
        Ok(()),
        "a file that is not there is an input"
    );
}

fn file_map(text: &str) -> Result<String, String> {
    let system = MemorySystem::new().with_file("map", text);
    match OutputFileMap::load(&system, "map") {
        Ok(map) => Ok(map.print()),
        Err(error) => {
            let text = |d: &Diagnostic| render::to_text(d, &error.files, false);
            Err(error.diagnostics.iter().map(text).collect())
        }
    }
}

#[test]
fn output_file_maps_are_json_or_yaml() {
    let expected = "a.code -> object: \"/b/a.o\"\nb.code -> dependencies: \"b d\"\nb.code -> object: \"b.o\"\n";
    let json = r#"{"b.code": {"object": "b.o", "dependencies": "b d", "odd": "x"},
                   "a.code": {"object": "\/b/a.o"}, "": {}}"#;
    assert_eq!(file_map(json).as_deref(), Ok(expected));
    let yaml = "---\n# made by hand\nb.code:\n  object: b.o\n  dependencies: 'b d' # spaces\n\"a.code\": {object: /b/a.o, odd: [1, x]}\n\"\":\n";
    assert_eq!(file_map(yaml).as_deref(), Ok(expected));
}

#[test]
fn wrong_output_file_maps_are_explained() {
    let wrong = |text| file_map(text).unwrap_err();
    expect![[r#"
        map:1:15: error: Expected quote at end of scalar
        1 | {"main.code": "main.o}
          |               ^
        error: unable to load output file map 'map': no root
    "#]]
    .assert_eq(&wrong("{\"main.code\": \"main.o}\n"));
    let not_a_map = "error: unable to load output file map 'map': root was not a MappingNode\n";
    assert_eq!(wrong(""), not_a_map);
    assert_eq!(wrong("[1, 2]"), not_a_map);
    assert_eq!(wrong("word"), not_a_map);
    assert!(wrong(&"{a: ".repeat(100_000)).contains("Nesting is too deep"));
    let missing = OutputFileMap::load(&MemorySystem::new(), "no").unwrap_err();
    assert_eq!(
        missing.diagnostics[0].message,
        "unable to load output file map 'no': No such file or directory"
    );
}
