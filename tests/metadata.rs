//! Module files as compilations use them: what is in them, and what happens where that is wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use codira::base::Fingerprint;
use codira::interface::{BufferEmitter, ExitStatus, NoCallbacks, run_compiler};
use codira::items::compiled::summary_key;
use codira::metadata::{ModuleFile, encode, pack};
use codira::vfs::MemorySystem;

/// Compiles in memory. What is said on standard error comes back where the compilation fails.
fn compile(system: &Arc<MemorySystem>, line: &str) -> Result<(), String> {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut emitter = BufferEmitter::default();
    match run_compiler(&args, &mut NoCallbacks, system.clone(), &mut emitter) {
        ExitStatus::Success => Ok(()),
        _ => Err(emitter.stderr),
    }
}

fn system(files: &[(&str, &str)]) -> Arc<MemorySystem> {
    let system = MemorySystem::new();
    for (path, text) in files {
        system.set(path, *text);
    }
    Arc::new(system)
}

/// Writes `M.code` as module `M`.
fn module(system: &Arc<MemorySystem>, name: &str) {
    let line = format!("-emit-module -parse-as-library -module-name {name} {name}.code");
    compile(system, &line).unwrap();
}

#[test]
fn a_type_that_two_modules_have_is_ambiguous() {
    let text = "public struct Thing { public init() {} }\npublic fn f() -> Int { return 1 }\n";
    let uses = "import A
import B
immutable a = Thing()
immutable b: Thing? = nil
immutable c: A.Thing = A.Thing()
immutable d: [B.Thing] = [B.Thing()]
";
    let system = system(&[("A.code", text), ("B.code", text), ("main.code", uses)]);
    module(&system, "A");
    module(&system, "B");
    assert_eq!(
        compile(&system, "-typecheck -I . main.code").unwrap_err(),
        "main.code:3:15: error: ambiguous use of 'Thing'
3 | immutable a = Thing()
  |               ^^^^^
main.code:4:14: error: 'Thing' is ambiguous for type lookup in this context
4 | immutable b: Thing? = nil
  |              ^^^^^
note: found this candidate in module 'A'
note: found this candidate in module 'B'
"
    );
    // The module's own declaration hides them, and they hide the library's.
    system.set("main.code", format!("{uses}struct Thing {{}}\n"));
    compile(&system, "-typecheck -I . main.code").unwrap();
    system.set(
        "A.code",
        "public struct Set { public init(only: Int) {} }\n",
    );
    module(&system, "A");
    system.set("main.code", "import A\nimmutable s: Set = Set(only: 1)\n");
    compile(&system, "-typecheck -I . main.code").unwrap();
}

/// `-C metadata` makes two modules of one name: each keeps its own types, storage and code in one program.
#[test]
fn two_versions_of_a_module_live_in_one_program() {
    let text = |version: &str, copies: &str| {
        format!(
            "public struct Shape {{ public var n: Int; public fn name() -> String {{ return \"{version} \\(n)\" }} }}
public fn make() -> Shape {{ return Shape(n: counter) }}
public fn gen<T>(_ x: T) -> [T] {{ return {copies} }}
public var counter = 10
"
        )
    };
    let user = |name: &str| {
        format!(
            "import V\npublic fn {name}() -> String {{ counter += 1; return make().name() + \" \\(gen(1))\" }}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: String| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("one/V.code", text("first", "[x]"));
    write("two/V.code", text("second", "[x, x]"));
    write("left/Left.code", user("left"));
    write("right/Right.code", user("right"));
    let main = "import Left\nimport Right\nprint(left(), right(), left())\n";
    write("main.code", main.to_owned());
    let run = |program: &str, line: &str| {
        let output = std::process::Command::new(program)
            .args(line.split_whitespace())
            .current_dir(folder.path())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let compiler = env!("CARGO_BIN_EXE_languagec");
    let library = |path: &str, name: &str, options: &str| {
        let line = format!("-emit-library -static -emit-module -parse-as-library {options}");
        let files = format!("-module-name {name} {path}/{name}.code -o {path}/lib{name}.a");
        run(compiler, &format!("{line} {files}"));
    };
    library("one", "V", "-C metadata=1");
    library("two", "V", "-C metadata=2");
    library("left", "Left", "-I one");
    library("right", "Right", "-I two");
    run(
        compiler,
        "main.code -I left -I right -I one -I two -o program",
    );
    let program = folder.path().join("program");
    assert_eq!(
        run(&program.to_string_lossy(), ""),
        "first 11 [1] second 11 [1, 1] first 12 [1]\n"
    );
}

/// A library with something of everything that records are about.
const LIBRARY: &str = "
public protocol Shape { associatedtype Unit; var area: Int { get }; fn unit() -> Unit }
extension Shape { public fn twice() -> Int { return area * 2 } }
public struct Square: Shape, Hashable { public var side: Int; public init(side: Int = 3) { this.side = side }
  public var area: Int { return side * side }; public fn unit() -> String { return \"m\" } }
public class Counter { public var count = 0; public init() {}; public fn next() -> Int { count += 1; return count }; deinit { print(count) } }
public final class Loud: Counter { override public fn next() -> Int { return super.next() * 2 } }
public enum Tree<T> { case leaf; indirect case node(Tree<T>, T, Tree<T>)
  public var list: [T] { switch this { case .leaf: return []; case .node(immutable l, immutable x, immutable r): return l.list + [x] + r.list } } }
public enum Color: String, CaseIterable { case red, green = \"g\" }
infix operator <+>: AdditionPrecedence
public fn <+> <S: Shape>(a: S, b: S) -> Int { return total([a, b]) }
public fn total<S: Shape>(_ shapes: [S]) -> Int { return shapes.map { $0.area }.reduce(0, +) }
@inlinable public fn apply(_ x: Int, _ f: (Int) throws -> Int) rethrows -> Int { return try f(x) }
public fn some() -> some Shape { return Square(side: 4) }
public var state = [\"a\": 1]
public typealias Pair<T> = (T, T)
public fn at(_ line: Int = #line) -> Int { return line }
";
const IMPORTER: &str = "import M
immutable square = Square()
immutable counter: Counter = Loud()
immutable tree = Tree.node(.leaf, square, .node(.leaf, Square(side: 1), .leaf))
struct Own: Shape { var area: Int { return 1 }; fn unit() -> Int { return 1 } }
print(square <+> square, counter.next(), tree.list.map { $0.twice() }, Color.allCases.map { $0.rawValue })
print(apply(2) { $0 + 1 }, some().area, state, total([Own()]), at(), [square: 1], (1, 2) as Pair<Int>)
";

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Records whose checksums are right and whose contents are not: somebody made them by hand. Compilations end with errors or without,
/// but they end.
#[test]
fn hostile_records_are_no_reason_to_panic() {
    let system = system(&[("M.code", LIBRARY), ("main.code", IMPORTER)]);
    module(&system, "M");
    let line = "-c -module-name main -o out.o -I . main.code";
    compile(&system, line).unwrap();
    let intact = ModuleFile::from_bytes("M", system.get("M.codemodule").unwrap()).unwrap();
    let records: BTreeMap<Fingerprint, Vec<u8>> = intact
        .all_records()
        .unwrap()
        .into_iter()
        .map(|(key, bytes)| (key, bytes.to_vec()))
        .collect();
    let keys: Vec<Fingerprint> = records.keys().copied().collect();
    let cases = std::env::var("CODIRA_FUZZ_CASES").ok();
    let cases = cases
        .and_then(|n| n.parse().ok())
        .map_or(4, |n: usize| n / 5000);
    let mut random = Random(0x0dd5);
    let mut refused = 0;
    for case in 0..cases {
        let mut records = records.clone();
        for _ in 0..1 + random.below(3) {
            let key = keys[random.below(keys.len())];
            let other = intact
                .record(keys[random.below(keys.len())])
                .unwrap()
                .to_vec();
            let Some(record) = records.get_mut(&key) else {
                continue;
            };
            let at = random.below(record.len());
            match random.below(6) {
                0 => drop(records.remove(&key)),
                1 => *record = other,
                2 => record.truncate(at),
                3 => record.extend_from_slice(&other),
                _ if record.is_empty() => {}
                4 => record[at] ^= 1 << random.below(8),
                _ => record[at] = random.below(256) as u8,
            }
        }
        let records = records.iter().map(|(&key, bytes)| (key, bytes.as_slice()));
        system.set("M.codemodule", encode(intact.header(), &records.collect()));
        let begun = std::time::Instant::now();
        // Compilers have large stacks.
        let shared = system.clone();
        let work = move || compile(&shared, line);
        let thread = std::thread::Builder::new().stack_size(256 << 20);
        let result = thread.spawn(work).unwrap().join();
        assert!(result.is_ok(), "case {case}");
        assert!(begun.elapsed().as_secs() < 60, "case {case}");
        refused += usize::from(!matches!(result, Ok(Ok(()))));
    }
    assert!(refused <= cases);
}

/// Bytes that no record can be read from: they end in the middle of a number.
const JUNK: [u8; 3] = [0xff; 3];

/// Runs the compiler in a folder, which is also where its store is. Its exit status, and what it said.
fn run_in(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_languagec"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Who needs a record that is damaged ends with an error that names the file, whatever else may seem to be wrong, and writes nothing. Who does
/// not need it notices nothing.
#[test]
fn damaged_records_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("M.code"), LIBRARY).unwrap();
    std::fs::write(folder.join("main.code"), IMPORTER).unwrap();
    let (module, output) = (folder.join("M.codemodule"), folder.join("out.o"));
    let line = "-emit-module -parse-as-library -module-name M M.code";
    assert_eq!(run_in(folder, line), (Some(0), String::new()));
    let line = "-c -g -module-name main -o out.o -I . main.code";
    let before = names(folder);
    assert_eq!(run_in(folder, line), (Some(0), String::new()));
    let clean = std::fs::read(&output).unwrap();
    let refusal = "error: cannot load module file './M.codemodule': it is malformed: one of its records is damaged\n";
    let bytes = std::fs::read(&module).unwrap();
    let intact = ModuleFile::from_bytes("M", bytes.clone()).unwrap();
    let records = intact.all_records().unwrap();

    let (mut refused, mut unnoticed) = (0, 0);
    let step = match std::env::var("CODIRA_FUZZ_CASES") {
        Ok(_) => 1,
        Err(_) => 10,
    };
    for (number, (&key, &record)) in records.iter().enumerate().step_by(step) {
        // The contents are wrong, or the checksum is.
        let damaged = match number / step % 2 {
            0 => {
                let mut records = records.clone();
                records.insert(key, &JUNK);
                encode(intact.header(), &records)
            }
            _ => {
                let mut bytes = bytes.clone();
                let found = bytes.windows(record.len().max(1));
                let mut found = found.enumerate().filter(|(_, part)| *part == record);
                // A record whose bytes stand in the file twice says nothing here.
                let (Some((at, _)), None) = (found.next(), found.next()) else {
                    continue;
                };
                bytes[at] ^= 0x55;
                bytes
            }
        };
        std::fs::write(&module, damaged).unwrap();
        std::fs::remove_file(&output).ok();
        match run_in(folder, line) {
            (Some(0), said) => {
                assert_eq!(said, "", "record {number}");
                assert_eq!(std::fs::read(&output).unwrap(), clean, "record {number}");
                unnoticed += 1;
            }
            (status, said) => {
                assert_eq!(
                    (status, said.as_str()),
                    (Some(1), refusal),
                    "record {number}"
                );
                assert_eq!(names(folder), before, "record {number}");
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {unnoticed} unnoticed");
    assert!(refused > 0 && unnoticed > 0);
}

/// What the store of the standard library's results holds, and the library itself, are made again where they are damaged.
#[test]
fn a_damaged_store_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("main.code"), "print([3, 1, 2].sorted())\n").unwrap();
    let line = "-c -module-name main -o out.o -module-cache-path cache main.code";
    assert_eq!(run_in(folder, line), (Some(0), String::new()));
    let clean = std::fs::read(folder.join("out.o")).unwrap();
    let store = folder.join("cache");
    let named = |ending: &str| {
        let mut found = names(&store).into_iter();
        store.join(found.find(|name| name.ends_with(ending)).unwrap())
    };
    let (code, library) = (named(".pack"), named(".codemodule"));
    let junk: BTreeMap<Fingerprint, &[u8]> = {
        let intact = pack::Pack::open(&code).unwrap();
        intact.records().map(|(key, _)| (key, &JUNK[..])).collect()
    };
    assert!(!junk.is_empty());
    std::fs::write(&code, pack::encode(&junk)).unwrap();
    assert_eq!(run_in(folder, line), (Some(0), String::new()));
    assert_eq!(std::fs::read(folder.join("out.o")).unwrap(), clean);

    // The summary comes before everything else; with it, the rest is believed until somebody looks.
    let whole = std::fs::read(&library).unwrap();
    let file = ModuleFile::from_bytes("library", whole.clone()).unwrap();
    for spared in [None, Some(summary_key())] {
        let records = file.records().map(|(key, bytes)| match spared {
            Some(spared) if key == spared => (key, bytes),
            _ => (key, &JUNK[..]),
        });
        std::fs::write(&library, encode(file.header(), &records.collect())).unwrap();
        std::fs::remove_file(&code).unwrap();
        assert_eq!(run_in(folder, line), (Some(0), String::new()));
        assert_eq!(std::fs::read(folder.join("out.o")).unwrap(), clean);
        assert!(std::fs::read(&library).unwrap() == whole);
    }
}
