//! Modules from partial ones: what frontend jobs leave, and how it is merged.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A library of three files that need each other, with everything that a module file knows: public and private declarations, generic and inlinable bodies,
/// documentation, operators and conformances.
const FILES: [(&str, &str); 3] = [
    (
        "shapes.code",
        "/// Something with an area.
public protocol Shape { var area: Int { get } }
/// A square.
public struct Square: Shape, Equatable {
    public var side: Int
    public init(side: Int) { this.side = side }
    public var area: Int { return side * side + bonus(side) }
}
private fn bonus(_ side: Int) -> Int { return hidden() - 3 }
extension Square { public fn grown(by d: Int = step) -> Square { return Square(side: side <+> d) } }
",
    ),
    (
        "sums.code",
        "/// All areas together.
public fn total<S: Shape>(_ shapes: [S]) -> Int { return shapes.map { $0.area }.reduce(0, add) }
fn add(_ a: Int, _ b: Int) -> Int { return a + b }
@inlinable public fn doubled(_ x: Int) -> Int { return apply(x) { $0 * 2 } }
@usableFromInline fn apply(_ x: Int, _ f: (Int) -> Int) -> Int { return f(x) }
fn hidden() -> Int { return 3 }
",
    ),
    (
        "tools.code",
        "infix operator <+>: AdditionPrecedence
public fn <+> (a: Int, b: Int) -> Int { return a + b }
public immutable step = 1
public class Counter { public init() {}; public var count = 0; public fn next() -> Int { count += step; return count } }
struct Pair<T> { var a: T; var b: T; var list: [T] { return [a, b] } }
public fn pair<T>(_ x: T) -> [T] { return Pair(a: x, b: x).list }
",
    ),
];
const NAMES: &str = "shapes.code sums.code tools.code";
const MAIN: &str = "import Shapes
immutable counter = Counter()
_ = counter.next()
print(total([Square(side: 2), Square(side: 3).grown()]), doubled(4), counter.next(), pair(\"x\"), Square(side: 1) == Square(side: 1))
";
const PRINTED: &str = "20 8 2 [\"x\", \"x\"] true\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in FILES {
            folder.write(name, text);
        }
        folder.write("main.code", MAIN);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap_or_else(|_| panic!("{name}"))
    }

    fn run(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        let path = match words.next().unwrap() {
            "languagec" => env!("CARGO_BIN_EXE_languagec").into(),
            "language" => env!("CARGO_BIN_EXE_language").into(),
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

    #[track_caller]
    fn output(&self, line: &str) -> String {
        let output = self.run(line);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {messages}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that has to fail.
    #[track_caller]
    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Compiles each file by itself, as a frontend job.
    fn compile_parts(&self, options: &str) {
        for (name, _) in FILES {
            self.compile_part(name, options);
        }
    }

    #[track_caller]
    fn compile_part(&self, name: &str, options: &str) {
        let stem = name.strip_suffix(".code").unwrap();
        let files = NAMES.replace(name, &format!("-primary-file {name}"));
        self.output(&format!(
            "language -frontend -c {files} -parse-as-library {options} -module-name Shapes -o {stem}.o -emit-module-path {stem}.codemodule"
        ));
    }
}

const MERGE: &str = "language -frontend -merge-modules";
const INTO: &str = "-emit-module -parse-as-library -module-name Shapes -o merged/Shapes.codemodule -emit-module-doc-path merged/Shapes.codedoc";

#[test]
fn merged_modules_are_those_of_one_compilation() {
    for options in ["", "-O", "-g", "-enable-testing"] {
        let folder = Folder::new();
        folder.write("whole/empty", "");
        folder.write("merged/empty", "");
        let common = format!("-parse-as-library {options} -module-name Shapes");
        folder.output(&format!(
            "languagec -emit-module {NAMES} {common} -o whole/Shapes.codemodule"
        ));
        folder.compile_parts(options);
        // The order of the parts does not count.
        for parts in [
            "shapes.codemodule sums.codemodule tools.codemodule",
            "tools.codemodule shapes.codemodule sums.codemodule",
        ] {
            folder.output(&format!("{MERGE} {parts} {INTO}"));
            for file in ["Shapes.codemodule", "Shapes.codedoc"] {
                let same =
                    folder.read(&format!("whole/{file}")) == folder.read(&format!("merged/{file}"));
                assert!(same, "{file} with '{options}'");
            }
        }
        folder.output(&format!(
            "languagec -typecheck {options} -I merged main.code"
        ));
    }
}

#[test]
fn drivers_merge_what_their_jobs_leave() {
    let folder = Folder::new();
    let line = format!("-emit-module {NAMES} -parse-as-library -module-name Shapes");
    folder.output(&format!("languagec {line}"));
    let names = ["Shapes.codemodule", "Shapes.codedoc"];
    let together = names.map(|name| folder.read(name));
    for kind in ["", "-c", "-emit-library"] {
        for name in names {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        folder.output(&format!(
            "languagec -driver-separate-processes {kind} {line}"
        ));
        assert!(names.map(|name| folder.read(name)) == together, "{kind}");
    }
    // Nothing is left of the parts.
    assert!(!folder.path().join("shapes.codemodule").exists());
    let jobs = folder.output(&format!("languagec -### -c {line}"));
    let merge = jobs.lines().last().unwrap();
    assert!(
        merge.starts_with("language-frontend -frontend -merge-modules -emit-module "),
        "{merge}"
    );
    assert!(
        merge.ends_with(
            "-module-name Shapes -o Shapes.codemodule -emit-module-doc-path Shapes.codedoc"
        ),
        "{merge}"
    );
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    folder.write("merged/empty", "");
    folder.compile_parts("");
    let merge = |parts: &str| folder.refused(&format!("{MERGE} {parts} {INTO}"));
    let all = "shapes.codemodule sums.codemodule tools.codemodule";
    assert_eq!(
        merge("tools.codemodule shapes.codemodule"),
        "error: cannot merge module 'Shapes': the partial module of 'sums.code' is missing\n"
    );
    fs::copy(
        folder.path().join("sums.codemodule"),
        folder.path().join("again.codemodule"),
    )
    .unwrap();
    assert_eq!(
        merge(&format!("{all} again.codemodule")),
        "error: cannot merge 'sums.codemodule' and 'again.codemodule': both are made from 'sums.code'\n"
    );
    assert_eq!(
        folder.refused(&format!("{MERGE} {all} -module-name Other -o O.codemodule")),
        "error: cannot merge 'shapes.codemodule' into module 'Other': it is a part of 'Shapes'\n"
    );
    // A partial module is none that anybody can import.
    let said = folder.refused("languagec -typecheck --extern Shapes=shapes.codemodule main.code");
    assert!(
        said.contains(
            "'shapes.codemodule' was not used: it is a partial module, which has to be merged first"
        ),
        "{said}"
    );
    folder.compile_part("sums.code", "-O");
    assert_eq!(
        merge(all),
        "error: cannot merge 'shapes.codemodule' and 'sums.codemodule': they were compiled with different options\n"
    );
    // An edit that other files can see, and one that they cannot.
    folder.compile_part("sums.code", "");
    let (name, text) = FILES[2];
    folder.write(name, &format!("{text}public immutable more = 1\n"));
    folder.compile_part("shapes.code", "");
    assert_eq!(
        merge(all),
        "error: cannot merge 'shapes.codemodule' and 'sums.codemodule': module 'Shapes' was changed between their compilations; compile its files again\n"
    );
    folder.write(name, text);
    folder.compile_part("shapes.code", "");
    folder.write("sums.code", &FILES[1].1.replace("return 3", "return 4"));
    folder.compile_part("sums.code", "");
    folder.output(&format!("{MERGE} {all} {INTO}"));
    let merged = folder.read("merged/Shapes.codemodule");
    folder.output(&format!(
        "languagec -emit-module {NAMES} -parse-as-library -module-name Shapes"
    ));
    assert!(folder.read("Shapes.codemodule") == merged);
    // Damage, and other files.
    folder.write("sums.codemodule", "no module");
    assert_eq!(
        merge(all),
        "error: cannot load module file 'sums.codemodule': it is not a module file\n"
    );
    assert_eq!(
        merge("Shapes.codemodule shapes.codemodule"),
        "error: cannot merge 'Shapes.codemodule': it is not a partial module\n"
    );
    assert_eq!(
        merge("none.codemodule"),
        "error: cannot load module file 'none.codemodule': it cannot be read (No such file or directory)\n"
    );
}

#[test]
fn a_damaged_record_of_a_part_is_found_by_merging() {
    let folder = Folder::new();
    folder.write("merged/empty", "");
    folder.compile_parts("");
    let mut bytes = folder.read("sums.codemodule");
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(folder.path().join("sums.codemodule"), bytes).unwrap();
    let all = "shapes.codemodule sums.codemodule tools.codemodule";
    assert_eq!(
        folder.refused(&format!("{MERGE} {all} {INTO}")),
        "error: cannot load module file 'sums.codemodule': it is malformed: one of its records is damaged\n"
    );
    assert!(!folder.path().join("merged/Shapes.codemodule").exists());
}

/// What is merged is a query: only a part that has changed is read again.
#[test]
fn a_changed_part_is_merged_without_reading_the_others() {
    use codira::db::RootDatabase;
    use codira::metadata::ModuleFile;
    use codira::metadata::merge::{PartialModule, PartialModules, merged};
    use salsa::Setter;

    let folder = Folder::new();
    folder.compile_parts("");
    let open = |name: &str| ModuleFile::from_bytes(name, folder.read(name)).unwrap();
    let mut db = RootDatabase::with_event_log();
    let names = ["shapes.codemodule", "sums.codemodule", "tools.codemodule"];
    let parts = names.map(|name| PartialModule::new(&db, open(name)));
    let merge = |db: &RootDatabase| {
        let merged = merged(db, PartialModules::new(db, parts.to_vec()));
        merged.clone().unwrap().header
    };
    let before = merge(&db);
    assert_eq!(db.executions_of("part_records"), 3);
    db.take_executed();
    folder.write("sums.code", &FILES[1].1.replace("return 3", "return 4"));
    folder.compile_part("sums.code", "");
    parts[1].set_file(&mut db).to(open("sums.codemodule"));
    let after = merge(&db);
    assert_eq!(db.executions_of("part_records"), 1);
    assert_ne!(before.svh, after.svh);
    assert_eq!(before.interface, after.interface);
}

/// Acceptance of libraries: however a package is built, its program does the same.
#[test]
fn one_package_is_built_in_five_ways() {
    let folder = Folder::new();
    folder.write(
        "Codira.toml",
        "[package]\nname = \"five\"\n\n[library.Shapes]\n\n[executable.App]\ndependencies = [\"Shapes\"]\n",
    );
    for (name, text) in FILES {
        folder.write(&format!("Sources/Shapes/{name}"), text);
    }
    folder.write("Sources/App/main.code", MAIN);
    let sources = FILES
        .map(|(name, _)| format!("Sources/Shapes/{name}"))
        .join(" ");
    let library = format!("{sources} -parse-as-library -module-name Shapes");
    let mut modules = Vec::new();
    for (way, options) in [
        ("one", ""),
        ("jobs", "-driver-separate-processes"),
        ("wmo", "-wmo"),
        ("threads", "-wmo -num-threads 2"),
    ] {
        folder.write(&format!("{way}/static/empty"), "");
        folder.output(&format!(
            "languagec {options} -emit-library -emit-module -emit-module-path {way}/Shapes.codemodule {library} -o {way}/libShapes.so"
        ));
        modules.push(folder.read(&format!("{way}/Shapes.codemodule")));
        // Programs take the code from an archive, which the compiler itself writes.
        folder.output(&format!(
            "languagec {options} -emit-library -static {library} -o {way}/static/libShapes.a"
        ));
        folder.output(&format!(
            "languagec {options} Sources/App/main.code --extern Shapes={way}/static/libShapes.a -module-name App -o {way}/app"
        ));
        assert_eq!(folder.output(&format!("./{way}/app")), PRINTED, "{way}");
    }
    assert!(modules[0] == modules[1]);
    folder.output("language build");
    assert_eq!(folder.output("./.build/debug/App"), PRINTED);
}
