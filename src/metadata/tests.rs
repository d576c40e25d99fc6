//! Tests of module files.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::base::Fingerprint;
use crate::vfs::MemorySystem;

fn key(n: u8) -> Fingerprint {
    Fingerprint::of_bytes(&[n])
}

fn header() -> ModuleHeader {
    ModuleHeader {
        name: "Shapes".into(),
        stable_crate_id: StableCrateId::new::<&str>("Shapes", []),
        svh: Svh(7),
        interface: key(0),
        has_mir: true,
        sources: vec![SourceInfo {
            path: "Shapes.code".into(),
            hash: key(1),
        }],
        ..ModuleHeader::default()
    }
}

fn encoded() -> Vec<u8> {
    let texts: Vec<Vec<u8>> = (0..40).map(|n| vec![n; 50 + usize::from(n)]).collect();
    let records: BTreeMap<Fingerprint, &[u8]> = (0..)
        .map(key)
        .zip(texts.iter().map(Vec::as_slice))
        .collect();
    encode(&header(), &records)
}

#[test]
fn what_is_written_is_read() {
    let bytes = encoded();
    assert_eq!(bytes, encoded(), "the same content is the same file");
    let system = MemorySystem::new().with_file("Shapes.codemodule", bytes);
    let file = ModuleFile::open(&system, Path::new("Shapes.codemodule")).unwrap();
    assert_eq!(*file.header(), header());
    assert_eq!(file.record(key(3)), Some(&[3; 53][..]));
    assert_eq!(file.record(key(90)), None);
    assert_eq!(file.records().count(), 40);
}

#[test]
fn a_module_without_records_is_a_module() {
    let file = ModuleFile::from_bytes("a", encode(&header(), &BTreeMap::new())).unwrap();
    assert_eq!(file.records().count(), 0);
    assert_eq!(file.record(key(0)), None);
}

/// What the error says about a file with these bytes.
fn refused(bytes: Vec<u8>) -> String {
    ModuleFile::from_bytes("lib/a.codemodule", bytes)
        .unwrap_err()
        .to_string()
}

#[test]
fn other_compilers_are_named_with_this_one() {
    let mut older = encoded();
    let at = 56 + "Codira version ".len();
    older[at..at + 5].copy_from_slice(b"0.0.9");
    let message = refused(older);
    assert!(
        message.starts_with(
            "cannot load module file 'lib/a.codemodule': it was compiled by Codira version 0.0.9"
        ),
        "{message}"
    );
    assert!(
        message.contains("and this is Codira version 0.1.0"),
        "{message}"
    );
    let mut other_build = encoded();
    other_build[20] ^= 1;
    let message = refused(other_build);
    assert_eq!(message.matches(", build ").count(), 2, "{message}");
    let mut other_format = encoded();
    other_format[8] ^= 1;
    assert!(refused(other_format).contains("it was compiled by"));
}

#[test]
fn files_that_are_none_are_refused_by_name() {
    let system = MemorySystem::new();
    let missing = ModuleFile::open(&system, Path::new("no.codemodule")).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "cannot load module file 'no.codemodule': it cannot be read (No such file or directory)"
    );
    assert_eq!(
        refused(b"print(1) // no module".to_vec()),
        "cannot load module file 'lib/a.codemodule': it is not a module file"
    );
    let whole = encoded();
    let len = whole.len();
    let message = refused(whole[..len - 1].to_vec());
    assert!(
        message.contains(&format!("incomplete: {} of {len} bytes", len - 1)),
        "{message}"
    );
    let mut longer = whole;
    longer.push(0);
    assert!(refused(longer).contains("malformed"));
}

#[test]
fn damage_loses_records_or_the_file_and_nothing_else() {
    let whole = encoded();
    let intact = ModuleFile::from_bytes("a", whole.clone()).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let Ok(file) = ModuleFile::from_bytes("a", damaged) else {
            continue;
        };
        assert_eq!(file.header(), intact.header(), "byte {at}");
        for n in 0..40 {
            let found = file.record(key(n));
            assert!(
                found.is_none() || found == intact.record(key(n)),
                "byte {at}"
            );
        }
    }
    for len in 0..whole.len() {
        let Damage::Incomplete { .. } = ModuleFile::from_bytes("a", whole[..len].to_vec())
            .unwrap_err()
            .damage
        else {
            panic!("length {len}");
        };
    }
}

#[test]
fn crate_ids_depend_on_names_and_metadata_but_not_on_order() {
    let id = |name, values: &[&str]| StableCrateId::new(name, values);
    assert_eq!(id("A", &["x", "y"]), id("A", &["y", "x", "y"]));
    assert_ne!(id("A", &["x", "y"]), id("A", &["xy"]));
    assert_ne!(id("A", &["x"]), id("A", &[]));
    assert_ne!(id("A", &[]), id("B", &[]));
    assert_eq!(id("A", &[]).to_hex().len(), 16);
}

#[test]
fn archives_hold_the_module_the_code_and_the_objects() {
    let module = encoded();
    let code_record: BTreeMap<Fingerprint, &[u8]> = [(key(200), &b"code"[..])].into();
    let code = pack::encode(&code_record);
    let object = metadata_object(b"nothing", crate::session::Target::HOST).unwrap();
    let members: [(&str, &[u8]); 4] = [
        ("a_member_with_a_long_name.o", &object),
        (CODE_MEMBER, &code),
        (METADATA_MEMBER, &module),
        ("b.o", &object),
    ];
    let library = write_archive(&members).unwrap();
    assert_eq!(library, write_archive(&members).unwrap());
    let file = ModuleFile::from_bytes("libShapes.rlib", library.clone()).unwrap();
    assert_eq!(file.format(), Format::Archive);
    assert_eq!(file.header().name, "Shapes");
    assert_eq!(file.record(key(3)), Some(&[3; 53][..]));
    assert_eq!(file.code(key(200)), Some(&b"code"[..]));
    assert_eq!(file.code(key(3)), None);
    let names: Vec<String> = archive::members(&library)
        .unwrap()
        .into_iter()
        .map(|member| member.name)
        .collect();
    assert_eq!(
        names,
        [
            "lib.rmeta",
            "a_member_with_a_long_name.o",
            "lib.rcode",
            "b.o"
        ]
    );
    // Whatever is cut off, the rest is no library.
    for len in (8..library.len()).step_by(11) {
        let cut = ModuleFile::from_bytes("libShapes.rlib", library[..len].to_vec());
        assert!(cut.is_err(), "length {len}");
    }
    let without = write_archive(&members[..1]).unwrap();
    assert_eq!(
        refused(without),
        "cannot load module file 'lib/a.codemodule': there is no module in it"
    );
}

#[test]
fn objects_can_carry_a_module() {
    let object = metadata_object(&encoded(), crate::session::Target::HOST).unwrap();
    let file = ModuleFile::from_bytes("libShapes.so", object.clone()).unwrap();
    assert_eq!(file.format(), Format::SharedLibrary);
    assert_eq!(file.record(key(3)), Some(&[3; 53][..]));
    for len in (4..object.len()).step_by(11) {
        // A file that lost its end may still hold the module, and then it is whole.
        if let Ok(cut) = ModuleFile::from_bytes("libShapes.so", object[..len].to_vec()) {
            assert_eq!(cut.header(), file.header());
        }
    }
}

mod hashes {
    //! Which edits change the two hashes.

    use std::sync::Arc;

    use crate::base::Fingerprint;
    use crate::db::{CompilationUnit, RootDatabase, SourceFile, Workspace};
    use crate::metadata::{Svh, Upstream, module_hashes};
    use crate::session::TrackedOptions;

    fn hashes_with(
        files: &[(&str, &str)],
        options: TrackedOptions,
        upstream: &[Upstream],
    ) -> (Svh, Fingerprint) {
        let db = RootDatabase::new();
        let files = files
            .iter()
            .map(|(path, text)| SourceFile::of_user(&db, path, *text))
            .collect();
        let unit = CompilationUnit::of_user(&db, files, Arc::new(options), None);
        Workspace::new(&db, vec![unit]);
        module_hashes(&db, unit, upstream)
    }

    fn hashes(text: &str) -> (Svh, Fingerprint) {
        hashes_with(&[("a.code", text)], TrackedOptions::default(), &[])
    }

    const MODULE: &str = "
public struct Point {
    public var x: Int
    private var cache = Cache()
    public init(x: Int) { this.x = x }
    public fn moved(by d: Int) -> Point { return helper(d) }
    private fn helper(_ d: Int) -> Point { return Point(x: x + d) }
}
struct Cache { var hits = 0; fn reset() {} }
struct Unseen { var a: Int }
private fn secret() -> Int { return 1 }
internal fn step() -> Int { return 2 }
public fn twice<T>(_ value: T) -> [T] { return pair(value) }
fn pair<T>(_ value: T) -> [T] { return [value, value] }
@inlinable public fn fast() -> Int { return table[0] }
@usableFromInline immutable table = [1, 2]
public class Shape { public init() {} ; public fn area() -> Int { return 0 } ; fn name() -> String { return \"\" } ; private fn hidden() {} }
public enum Kind { case a, b }
extension Unseen { public fn visible() {} }
";

    #[test]
    fn every_edit_of_meaning_changes_the_hash_but_only_what_is_seen_the_interface() {
        let (svh, interface) = hashes(MODULE);
        let edit = |from: &str, to: &str| {
            assert!(MODULE.contains(from), "{from}");
            hashes(&MODULE.replace(from, to))
        };
        // Space and comments are nothing at all.
        let space = hashes(&MODULE.replace("{ return 1 }", "{ return  1 /* one */ }"));
        assert_eq!(space, (svh, interface));
        let mut wrong: Vec<&str> = Vec::new();
        let unseen = [
            ("return 1 }", "return 11 }"),
            ("return 2 }", "return 22 }"),
            ("return helper(d)", "return helper(d + 0)"),
            ("Point(x: x + d)", "Point(x: x - d)"),
            ("private fn secret", "private fn other"),
            (
                "struct Unseen { var a: Int }",
                "struct Unseen { var a: Int; var b: Int }",
            ),
            (
                "public fn visible() {}",
                "public fn visible() {} ; public fn more() {}",
            ),
            ("fn reset() {}", "fn reset(_ all: Bool) {}"),
            ("private fn hidden() {}", "private fn hidden(_ x: Int) {}"),
            (
                "public fn area() -> Int { return 0 }",
                "public fn area() -> Int { return 1 }",
            ),
            (
                "private fn helper(_ d",
                "private fn extra() {} ; private fn helper(_ d",
            ),
        ];
        for (from, to) in unseen {
            let (new_svh, new_interface) = edit(from, to);
            assert_ne!(new_svh, svh, "{from}");
            if new_interface != interface {
                wrong.push(from);
            }
        }
        let seen = [
            ("moved(by d", "moved(to d"),
            ("private var cache = Cache()", ""),
            ("var hits = 0", "var hits = 0; var misses = 0"),
            ("return pair(value)", "return pair(value) + []"),
            ("return [value, value]", "return [value]"),
            ("return table[0]", "return table[1]"),
            ("table = [1, 2]", "table = [1]"),
            ("case a, b", "case b, a"),
            ("fn name() -> String", "fn title() -> String"),
            ("internal fn step", "public fn step"),
            ("public enum Kind", "public enum Kind: Int"),
        ];
        for (from, to) in seen {
            let (new_svh, new_interface) = edit(from, to);
            assert_ne!(new_svh, svh, "{from}");
            if new_interface == interface {
                wrong.push(from);
            }
        }
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn the_hash_covers_file_names_options_and_what_is_upstream() {
        let one = |path, options, upstream: &[Upstream]| {
            hashes_with(&[(path, MODULE)], options, upstream)
        };
        let plain = TrackedOptions::default;
        let (svh, interface) = one("a.code", plain(), &[]);
        assert_ne!(one("b.code", plain(), &[]).0, svh);
        let mut versioned = plain();
        versioned.crate_metadata.insert("2".into());
        assert_ne!(one("a.code", versioned, &[]).0, svh);
        let mut testable = plain();
        testable.enable_testing = true;
        assert_ne!(one("a.code", testable, &[]), (svh, interface));
        let other = |svh, interface| Upstream {
            name: "B".into(),
            stable_crate_id: plain().stable_crate_id(),
            svh: Svh(svh),
            interface: Fingerprint(interface),
            is_reexported: false,
            is_direct: true,
        };
        let first = one("a.code", plain(), &[other(1, 1)]);
        let unseen = one("a.code", plain(), &[other(2, 1)]);
        assert_ne!(first.0, unseen.0);
        assert_eq!(first.1, unseen.1);
        assert_ne!(one("a.code", plain(), &[other(2, 2)]).1, first.1);
    }

    #[test]
    fn tests_see_what_is_internal() {
        let testable = |text: &str| {
            let options = TrackedOptions {
                enable_testing: true,
                ..TrackedOptions::default()
            };
            hashes_with(&[("a.code", text)], options, &[]).1
        };
        let interface = testable(MODULE);
        assert_ne!(
            testable(&MODULE.replace("fn reset()", "fn reset(_ all: Bool)")),
            interface
        );
        assert_eq!(
            testable(&MODULE.replace("private fn secret", "private fn other")),
            interface
        );
    }

    #[test]
    fn bodies_are_exported_one_by_one() {
        let db = RootDatabase::new();
        let a = SourceFile::of_user(&db, "a.code", MODULE);
        let options = Arc::new(TrackedOptions::default());
        let unit = CompilationUnit::of_user(&db, vec![a], options, None);
        Workspace::new(&db, vec![unit]);
        let exported = crate::metadata::exported(&db, unit);
        let owners = crate::items::body_owners(&db, a).iter().copied();
        let mut names: Vec<&str> = owners
            .filter(|&def| exported.exports_body(&db, def))
            .map(|def| def.name(&db).as_str())
            .collect();
        names.sort_unstable();
        let expected = ["cache", "fast()", "hits", "pair(_:)", "table", "twice(_:)"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_hidden_body_is_read_by_the_query_of_its_file_alone() {
        let mut db = RootDatabase::with_event_log();
        let a = SourceFile::of_user(&db, "a.code", MODULE);
        let b = SourceFile::of_user(&db, "b.code", "public fn other() {}");
        let options = Arc::new(TrackedOptions::default());
        let unit = CompilationUnit::of_user(&db, vec![a, b], options, None);
        Workspace::new(&db, vec![unit]);
        let before = module_hashes(&db, unit, &[]);
        db.take_executed();
        a.update_text(&mut db, &MODULE.replace("return 2 }", "return 22 }"));
        let after = module_hashes(&db, unit, &[]);
        assert_eq!(before.1, after.1);
        assert_ne!(before.0, after.0);
        assert_eq!(db.executions_of("file_interface"), 1);
        assert_eq!(db.executions_of("exported"), 0);
    }
}

#[test]
fn documentation_lies_in_a_file_of_its_own() {
    use crate::db::{CompilationUnit, RootDatabase, SourceFile, Workspace};
    let db = RootDatabase::new();
    let text = "
/// A place.
///
///  Indented.
public struct Point {
    // No documentation.
    public var x: Int
    /** How far
      * it is. */
    @inlinable public fn far(from p: Point) -> Int { return x }
}
/// Not for others.
fn hidden() {}
";
    let file = SourceFile::of_user(&db, "a.code", text);
    let options = std::sync::Arc::new(crate::session::TrackedOptions::default());
    let unit = CompilationUnit::of_user(&db, vec![file], options, None);
    Workspace::new(&db, vec![unit]);
    let bytes = docs::module_docs(&db, unit, &header());
    let found = docs::all_docs(&ModuleFile::from_bytes("Shapes.codedoc", bytes).unwrap());
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|doc| (doc.path.as_str(), doc.text.as_str()))
        .collect();
    let expected = [
        ("Point", "A place.\n\n Indented."),
        ("Point.far(from:)", "How far\nit is."),
    ];
    assert_eq!(found, expected);
}
