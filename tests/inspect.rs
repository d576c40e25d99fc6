//! `language metadata`, `language demangle`, and symbols of modules with `-C metadata`, as processes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use codira::metadata::{
    METADATA_MEMBER, ModuleHeader, SourceInfo, StableCrateId, Svh, encode, write_archive,
};
use codira::session::Target;
use object::{Object, ObjectSymbol};

fn language(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_language"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn module() -> Vec<u8> {
    let header = ModuleHeader {
        name: "Shapes".into(),
        stable_crate_id: StableCrateId::new("Shapes", ["2.0"]),
        crate_metadata: vec!["2.0".into()],
        svh: Svh(0xabc),
        target: Target::HOST.triple().into(),
        sources: vec![SourceInfo {
            path: "Sources/\u{1b}[31mShapes.code".into(),
            hash: codira::base::Fingerprint(5),
        }],
        ..ModuleHeader::default()
    };
    let record: (_, &[u8]) = (codira::base::Fingerprint(9), b"record");
    encode(&header, &BTreeMap::from([record]))
}

#[test]
fn metadata_is_described_for_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("Shapes.codemodule", &module());
    let library = write_archive(&[(METADATA_MEMBER, &module()), ("a.o", b"object")]).unwrap();
    write("libShapes.rlib", &library);
    let output = language(&["metadata", "Shapes.codemodule"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "module: Shapes\n",
        "svh: 0000000000000abc\n",
        "sources:\n    Sources/[31mShapes.code, hash 0000",
        "records: bytes 6, count 1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let output = language(&["metadata", "--json", "libShapes.rlib"], folder.path());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["module"], "Shapes");
    assert_eq!(json["format"], "archive");
    assert_eq!(json["crate_metadata"][0], "2.0");
    assert_eq!(json["members"][1]["name"], "a.o");
    write("half.rlib", &library[..library.len() / 2]);
    let output = language(&["metadata", "half.rlib", "none.a"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("error: cannot load module file 'half.rlib': it is "),
        "{said}"
    );
    assert!(
        said.contains("'none.a': it cannot be read (No such file or directory)"),
        "{said}"
    );
}

#[test]
fn symbols_carry_what_tells_versions_apart_and_are_made_readable() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("Base.code");
    std::fs::write(&source, "public fn answer(_ n: Int) -> Int { return n }\n").unwrap();
    let symbols = |options: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_languagec"))
            .args([
                "-c",
                "-parse-as-library",
                "-module-name",
                "Base",
                "Base.code",
                "-o",
                "Base.o",
            ])
            .args(options)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let bytes = std::fs::read(folder.path().join("Base.o")).unwrap();
        let object = object::File::parse(&*bytes).unwrap();
        let names = object
            .symbols()
            .filter_map(|s| Some(s.name().ok()?.to_owned()));
        names
            .filter(|name| name.contains("answer"))
            .collect::<Vec<String>>()
    };
    let plain = symbols(&[]);
    assert_eq!(plain, ["$cBase.Base%2Ecode.'answer(_:)"]);
    let one = symbols(&["-C", "metadata=1", "-Cmetadata=x"]);
    assert_eq!(one, symbols(&["-Cmetadata=x", "-Cmetadata=1"]));
    assert_ne!(one, symbols(&["-Cmetadata=2"]));
    assert!(one[0].starts_with("$cBase#"), "{one:?}");
    let output = language(&["demangle", &plain[0], "main"], folder.path());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Base.answer(_:)\nmain\n"
    );
    let mut filter = Command::new(env!("CARGO_BIN_EXE_language"))
        .arg("demangle")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("0000 T {}\n", one[0]);
    filter
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = filter.wait_with_output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.starts_with("0000 T Base#") && shown.ends_with(".answer(_:)\n"),
        "{shown}"
    );
}

/// The two hashes of a module with this text.
fn hashes(folder: &Path, text: &str) -> (String, String) {
    std::fs::write(folder.join("Shapes.code"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_languagec"))
        .args([
            "-emit-module",
            "-parse-as-library",
            "-module-name",
            "Shapes",
        ])
        .args(["Shapes.code", "-o", "Shapes.codemodule"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let output = language(&["metadata", "--json", "Shapes.codemodule"], folder);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (json["svh"].to_string(), json["interface"].to_string())
}

#[test]
fn a_private_edit_changes_the_hash_of_a_module_and_not_its_interface() {
    let folder = tempfile::tempdir().unwrap();
    let text = "
public struct Point {
    public var x: Int
    public init(x: Int) { this.x = x }
    public fn moved(by d: Int) -> Point { return helper(d) }
    private fn helper(_ d: Int) -> Point { return Point(x: x + d) }
}
public fn twice<T>(_ value: T) -> [T] { return pair(value) }
fn pair<T>(_ value: T) -> [T] { return [value, value] }
private fn secret() -> Int { return 41 }
public fn answer(_ f: (Int) -> Int) -> Int { return f(secret()) }
";
    let before = hashes(folder.path(), text);
    assert_eq!(before, hashes(folder.path(), text));
    for (from, to) in [("return 41", "return 42"), ("x: x + d", "x: x - d")] {
        let after = hashes(folder.path(), &text.replace(from, to));
        assert_ne!(after.0, before.0, "{from}");
        assert_eq!(after.1, before.1, "{from}");
    }
    let after = hashes(folder.path(), &text.replace("[value, value]", "[value]"));
    assert_ne!(
        after.1, before.1,
        "a generic body is compiled by those who import it"
    );
}
