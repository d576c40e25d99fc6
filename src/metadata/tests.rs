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
