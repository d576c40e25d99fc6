//! Finding modules: which files are used, which are not, and what is said about it. All on files in memory.

use std::collections::BTreeMap;

use codira::base::Fingerprint;
use codira::diag::{Diagnostic, FileList, render};
use codira::metadata::{
    CStore, CrateLocator, Format, METADATA_MEMBER, ModuleHeader, SearchPaths, StableCrateId, Svh,
    Upstream, encode, write_archive,
};
use codira::session::{Extern, Target};
use codira::vfs::MemorySystem;

/// The head of a module in its `state`; states with the same tens look the same to dependents.
fn header(name: &str, state: u64) -> ModuleHeader {
    ModuleHeader {
        name: name.into(),
        stable_crate_id: StableCrateId::new::<&str>(name, []),
        svh: Svh(state),
        interface: Fingerprint(u128::from(state / 10)),
        target: Target::HOST.triple().into(),
        ..ModuleHeader::default()
    }
}

/// The module compiled against these.
fn importing(mut header: ModuleHeader, upstream: &[&ModuleHeader]) -> ModuleHeader {
    header.upstream = upstream
        .iter()
        .map(|other| Upstream {
            name: other.name.clone(),
            stable_crate_id: other.stable_crate_id,
            svh: other.svh,
            interface: other.interface,
            is_reexported: false,
            is_direct: true,
        })
        .collect();
    header
}

fn module(header: &ModuleHeader) -> Vec<u8> {
    encode(header, &BTreeMap::new())
}

fn archive(header: &ModuleHeader) -> Vec<u8> {
    let module = module(header);
    write_archive(&[(METADATA_MEMBER, &module), ("a.o", b"code")]).unwrap()
}

fn paths(folders: &[&str]) -> SearchPaths {
    SearchPaths {
        folders: folders.iter().map(|&folder| folder.to_owned()).collect(),
        sysroot: vec!["sysroot".into()],
        ..SearchPaths::default()
    }
}

/// Loads modules for `import`s in a module called `main`.
fn load(system: &MemorySystem, paths: &SearchPaths, imports: &[&str]) -> (CStore, String) {
    let locator = CrateLocator::new(system, paths, Target::HOST);
    let id = StableCrateId::new::<&str>("main", []);
    let (store, problems) = CStore::load(&locator, "main", id, imports);
    let files = FileList::new();
    let text = |d: &Diagnostic| render::to_text(d, &files, false);
    (store, problems.iter().map(text).collect())
}

/// The files of the modules that were loaded: the module's, and the archive's.
fn files(store: &CStore) -> Vec<(String, Option<String>)> {
    let files = store.crates().map(|(_, loaded)| {
        let archive = loaded.library.archive.as_ref();
        (
            loaded.module().path().to_owned(),
            archive.map(|file| file.path().to_owned()),
        )
    });
    files.collect()
}

fn pair(module: &str, archive: Option<&str>) -> (String, Option<String>) {
    (module.to_owned(), archive.map(str::to_owned))
}

#[test]
fn modules_and_their_code_may_lie_in_different_folders() {
    let a = header("A", 10);
    let system = MemorySystem::new()
        .with_file("mods/A.codemodule", module(&a))
        .with_file("libs/libA.a", archive(&a))
        .with_file("libs/libAll.a", archive(&header("All", 1)))
        .with_file("libs/README", "not a module");
    let (store, said) = load(&system, &paths(&["mods", "libs"]), &["A"]);
    assert_eq!(said, "");
    assert_eq!(
        files(&store),
        [pair("mods/A.codemodule", Some("libs/libA.a"))]
    );
    // The archive alone is enough, and so is the module alone.
    let (store, said) = load(&system, &paths(&["libs"]), &["A"]);
    assert_eq!(said, "");
    assert_eq!(files(&store), [pair("libs/libA.a", Some("libs/libA.a"))]);
    let (store, said) = load(&system, &paths(&["mods"]), &["A", "A"]);
    assert_eq!(said, "");
    assert_eq!(files(&store), [pair("mods/A.codemodule", None)]);
    assert!(store.imported("A").is_some() && store.imported("B").is_none());
}

#[test]
fn a_module_is_used_while_its_archive_is_being_written() {
    let a = header("A", 10);
    let whole = archive(&a);
    let half = whole[..whole.len() / 2].to_vec();
    let system = MemorySystem::new()
        .with_file("lib/libA.rmeta", module(&a))
        .with_file("lib/libA.rlib", half);
    let (store, said) = load(&system, &paths(&["lib"]), &["A"]);
    assert_eq!(said, "");
    assert_eq!(files(&store), [pair("lib/libA.rmeta", None)]);
    let rejected = &store.crates().next().unwrap().1.library.rejected;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].path, "lib/libA.rlib");
}

#[test]
fn an_archive_from_the_build_before_is_not_mixed_with_a_new_module() {
    let system = MemorySystem::new()
        .with_file("lib/A.codemodule", module(&header("A", 20)))
        .with_file("lib/libA.a", archive(&header("A", 10)));
    let (store, said) = load(&system, &paths(&["lib"]), &["A"]);
    assert_eq!(said, "");
    assert_eq!(files(&store), [pair("lib/A.codemodule", None)]);
    let rejected = &store.crates().next().unwrap().1.library.rejected;
    assert_eq!(
        rejected[0].reason.to_string(),
        "it is from another build than the module file (hash 000000000000000a)"
    );
}

#[test]
fn missing_modules_are_reported_with_the_folders() {
    let (store, said) = load(&MemorySystem::new(), &paths(&["lib"]), &["A"]);
    assert_eq!(store.crates().count(), 0);
    assert_eq!(
        said,
        "error: no such module 'A'\nnote: searched in 'lib', 'sysroot'\n"
    );
}

#[test]
fn every_candidate_is_listed_with_its_reason() {
    let mut elsewhere = header("A", 1);
    elsewhere.target = "riscv64-unknown-linux-gnu".into();
    let whole = module(&header("A", 1));
    let system = MemorySystem::new()
        .with_file("lib/A-cut.codemodule", whole[..40].to_vec())
        .with_file("lib/A-text.codemodule", "import A")
        .with_file("lib/libA-empty.rlib", "")
        .with_file("lib/libA-other.rmeta", module(&header("B", 1)))
        .with_file("lib/libA-risc.rmeta", module(&elsewhere))
        .with_file("lib/libA-plain.a", write_archive(&[("a.o", b"x")]).unwrap());
    let (_, said) = load(&system, &paths(&["lib"]), &["A"]);
    assert_eq!(
        said,
        "error: no module 'A' for the target of this compilation\n\
         note: 'lib/A-cut.codemodule' was not used: it is incomplete: 40 of 56 bytes are there; another build may still be writing it\n\
         note: 'lib/A-text.codemodule' was not used: it is not a module file\n\
         note: 'lib/libA-empty.rlib' was not used: it is incomplete: 0 of 56 bytes are there; another build may still be writing it\n\
         note: 'lib/libA-other.rmeta' was not used: it holds module 'B'\n\
         note: 'lib/libA-plain.a' was not used: there is no module in it\n\
         note: 'lib/libA-risc.rmeta' was not used: it was compiled for riscv64-unknown-linux-gnu\n"
    );
}

#[test]
fn other_compilers_are_named() {
    let mut bytes = module(&header("A", 1));
    bytes[20] ^= 1;
    let system = MemorySystem::new().with_file("lib/A.codemodule", bytes);
    let (_, said) = load(&system, &paths(&["lib"]), &["A"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "error: found module 'A' compiled by an incompatible version of the compiler"
    );
    assert!(
        lines[1].starts_with(
            "note: 'lib/A.codemodule' was not used: it was compiled by Codira version"
        ),
        "{said}"
    );
    assert_eq!(
        lines[2],
        "note: module 'A' has to be compiled again with this compiler"
    );
}

#[test]
fn named_files_come_first_and_are_not_replaced_by_others() {
    let (a, b) = (header("A", 10), header("A", 20));
    let system = MemorySystem::new()
        .with_file("lib/A.codemodule", module(&a))
        .with_file("out/A-2.codemodule", module(&b))
        .with_file("out/libA-2.rlib", archive(&b))
        .with_file("out/libA-3.rlib", archive(&a));
    let named = |path: &str| SearchPaths {
        externs: vec![Extern {
            name: "A".into(),
            path: path.into(),
        }],
        ..paths(&["lib"])
    };
    let (store, said) = load(&system, &named("out/A-2.codemodule"), &["A"]);
    assert_eq!(said, "");
    assert_eq!(
        files(&store),
        [pair("out/A-2.codemodule", Some("out/libA-2.rlib"))]
    );
    let (_, said) = load(&system, &named("out/none.rlib"), &["A"]);
    assert_eq!(
        said,
        "error: no such module 'A'\n\
         note: 'out/none.rlib' was not used: it cannot be read (No such file or directory)\n"
    );
}

#[test]
fn two_modules_of_one_name_have_to_be_told_apart() {
    let system = MemorySystem::new()
        .with_file("one/A.codemodule", module(&header("A", 1)))
        .with_file("two/A.codemodule", module(&header("A", 2)));
    let (_, said) = load(&system, &paths(&["one", "two"]), &["A"]);
    assert!(
        said.starts_with("error: multiple matching modules 'A' were found\nnote: 'one/A.code"),
        "{said}"
    );
    assert!(said.contains("note: 'two/A.codemodule' (id "), "{said}");
    assert!(
        said.ends_with("note: name the one that is meant with '--extern A=<path>'\n"),
        "{said}"
    );
    // What comes with the compiler does not compete with the user's own.
    let (store, said) = load(
        &system
            .clone()
            .with_file("sysroot/A.codemodule", module(&header("A", 3))),
        &paths(&["one"]),
        &["A"],
    );
    assert_eq!(said, "");
    assert_eq!(files(&store), [pair("one/A.codemodule", None)]);
}

#[test]
fn what_modules_need_is_found_by_its_hash() {
    let (old, new) = (header("Base", 10), header("Base", 20));
    let middle = importing(header("Middle", 1), &[&old]);
    let system = MemorySystem::new()
        .with_file("lib/Base-1.codemodule", module(&old))
        .with_file("lib/Base-2.codemodule", module(&new))
        .with_file("lib/Middle.codemodule", module(&middle));
    let (store, said) = load(&system, &paths(&["lib"]), &["Middle"]);
    assert_eq!(said, "");
    assert_eq!(
        files(&store),
        [
            pair("lib/Middle.codemodule", None),
            pair("lib/Base-1.codemodule", None)
        ]
    );
    let (number, middle) = store.crates().next().unwrap();
    assert_eq!(Some(number), store.imported("Middle"));
    assert!(middle.is_direct);
    let base = middle.dependencies[0].0;
    assert!(!store.get(base).unwrap().is_direct);
    assert_eq!(store.imported("Base"), None);
}

#[test]
fn a_dependency_that_was_rebuilt_is_explained() {
    let (old, new) = (header("Base", 10), header("Base", 20));
    let middle = importing(header("Middle", 1), &[&old]);
    let system = MemorySystem::new()
        .with_file("lib/Base.codemodule", module(&new))
        .with_file("lib/Middle.codemodule", module(&middle));
    let (_, said) = load(&system, &paths(&["lib"]), &["Middle"]);
    assert_eq!(
        said,
        "error: found possibly newer version of module 'Base' which 'Middle' depends on\n\
         note: 'lib/Base.codemodule' was not used: it is the module in another state (hash 0000000000000014)\n\
         note: 'lib/Middle.codemodule': module 'Middle' was compiled against 'Base' with hash 000000000000000a\n\
         note: module 'Middle' has to be compiled again\n"
    );
    // The same where the new one is imported first.
    let (_, said) = load(&system, &paths(&["lib"]), &["Base", "Middle"]);
    assert_eq!(
        said,
        "error: found possibly newer version of module 'Base' which 'Middle' depends on\n\
         note: 'lib/Base.codemodule' has hash 0000000000000014\n\
         note: 'lib/Middle.codemodule' was compiled against hash 000000000000000a\n\
         note: module 'Middle' has to be compiled again\n"
    );
    // A change that nobody can see is none: the hash differs, the interface does not.
    let system = system.with_file("lib/Base.codemodule", module(&header("Base", 11)));
    for imports in [&["Middle"][..], &["Base", "Middle"]] {
        let (store, said) = load(&system, &paths(&["lib"]), imports);
        assert_eq!(said, "");
        assert_eq!(store.crates().count(), 2);
    }
    // And one that is gone is missed by name.
    let system = MemorySystem::new().with_file("lib/Middle.codemodule", module(&middle));
    let (_, said) = load(&system, &paths(&["lib"]), &["Middle"]);
    assert!(
        said.starts_with("error: no such module 'Base' which 'Middle' depends on\n"),
        "{said}"
    );
}

#[test]
fn diamonds_share_what_is_below() {
    let base = header("Base", 10);
    let left = importing(header("Left", 1), &[&base]);
    let right = importing(header("Right", 1), &[&base]);
    let system = MemorySystem::new()
        .with_file("lib/libBase.rlib", archive(&base))
        .with_file("lib/libLeft.rlib", archive(&left))
        .with_file("lib/libRight.rlib", archive(&right));
    let (store, said) = load(&system, &paths(&["lib"]), &["Left", "Right"]);
    assert_eq!(said, "");
    assert_eq!(store.crates().count(), 3);
    let below: Vec<_> = store
        .crates()
        .map(|(_, c)| c.dependencies.clone())
        .collect();
    assert_eq!(below[0], below[1]);
}

#[test]
fn two_versions_of_a_module_are_two_modules() {
    let version = |text: &str, state| ModuleHeader {
        stable_crate_id: StableCrateId::new("Base", [text]),
        ..header("Base", state)
    };
    let (one, two) = (version("1.0", 10), version("2.0", 20));
    let left = importing(header("Left", 1), &[&one]);
    let right = importing(header("Right", 1), &[&two]);
    let system = MemorySystem::new()
        .with_file("lib/libBase-1.rlib", archive(&one))
        .with_file("lib/libBase-2.rlib", archive(&two))
        .with_file("lib/libLeft.rlib", archive(&left))
        .with_file("lib/libRight.rlib", archive(&right));
    let (store, said) = load(&system, &paths(&["lib"]), &["Left", "Right"]);
    assert_eq!(said, "");
    assert_eq!(store.crates().count(), 4);
    let (_, said) = load(&system, &paths(&["lib"]), &["Base"]);
    assert!(
        said.starts_with("error: multiple matching modules 'Base'"),
        "{said}"
    );
}

#[test]
fn modules_must_not_need_the_one_that_is_compiled() {
    let main = header("main", 1);
    let b = importing(header("B", 1), &[&main]);
    let a = importing(header("A", 1), &[&b, &main]);
    let system = MemorySystem::new()
        .with_file(
            "lib/A.codemodule",
            module(&importing(header("A", 1), &[&b])),
        )
        .with_file("lib/B.codemodule", module(&b))
        .with_file("lib/main.codemodule", module(&main));
    let (_, said) = load(&system, &paths(&["lib"]), &["B"]);
    assert_eq!(
        said,
        "error: cyclic imports: module 'main' imports 'B', which imports 'main'\n"
    );
    // What a module needs is listed with it, also what only its own imports import.
    let mut a = a;
    a.upstream[1].is_direct = false;
    let system = system.with_file("lib/A.codemodule", module(&a));
    let (_, said) = load(&system, &paths(&["lib"]), &["A"]);
    assert_eq!(
        said,
        "error: cyclic imports: module 'main' imports 'A', which imports 'B', which imports 'main'\n"
    );
    let (_, said) = load(&system, &paths(&["lib"]), &["main"]);
    assert!(
        said.starts_with(
            "error: module 'main' cannot be told from the module that is being compiled"
        ),
        "{said}"
    );
}

#[test]
fn formats_are_recognised_by_their_contents() {
    let a = header("A", 1);
    let object = codira::metadata::metadata_object(&module(&a), Target::HOST).unwrap();
    let system = MemorySystem::new().with_file("lib/libA.so", object);
    let (store, said) = load(&system, &paths(&["lib"]), &["A"]);
    assert_eq!(said, "");
    let library = &store.crates().next().unwrap().1.library;
    assert_eq!(library.module.format(), Format::SharedLibrary);
    assert!(library.shared.is_some() && library.archive.is_none());
}
