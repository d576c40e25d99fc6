//! Objects of single files, put together by the system's linker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of several files, with what they print.
fn programs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/run/multifile");
    let mut folders: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "code"))
        .collect();
    sources.sort();
    sources
}

fn languagec(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
    command
        .current_dir(folder)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The objects in a folder, sorted.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut objects: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "o"))
        .collect();
    objects.sort();
    objects
}

/// Links what lies in the folder with the runtime and runs it. None where there is no linker.
fn link_and_run(folder: &Path, objects: &[PathBuf]) -> Option<String> {
    let runtime = folder.join("libcodira_runtime.a");
    fs::write(&runtime, codira::link::runtime::ARCHIVE).unwrap();
    let program = folder.join("program");
    let linked = Command::new("cc")
        .arg("-no-pie")
        .args(objects)
        .arg(&runtime)
        .args(["-lm", "-lpthread", "-ldl", "-o"])
        .arg(&program)
        .output()
        .ok()?;
    let messages = String::from_utf8_lossy(&linked.stderr);
    assert!(linked.status.success(), "{messages}");
    let ran = Command::new(&program).output().unwrap();
    assert!(ran.status.success(), "{:?}", ran.status);
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn each_file_has_an_object_and_they_link() {
    for source in programs() {
        let folder = tempfile::tempdir().unwrap();
        let files = sources(&source);
        let compiled = languagec(folder.path())
            .args(["-c", "-module-name", "main"])
            .args(&files)
            .output()
            .unwrap();
        let messages = String::from_utf8_lossy(&compiled.stderr);
        assert!(
            compiled.status.success(),
            "{}: {messages}",
            source.display()
        );
        let objects = objects(folder.path());
        assert_eq!(objects.len(), files.len(), "{}", source.display());
        let expected = fs::read_to_string(source.join("expected.out")).unwrap();
        if let Some(printed) = link_and_run(folder.path(), &objects) {
            assert_eq!(printed, expected, "{}", source.display());
        }
    }
}

#[test]
fn a_whole_module_is_one_object() {
    let source = &programs()[0];
    let folder = tempfile::tempdir().unwrap();
    let compiled = languagec(folder.path())
        .args(["-c", "-wmo", "-module-name", "main", "-o", "all.o"])
        .args(sources(source))
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{messages}");
    let expected = fs::read_to_string(source.join("expected.out")).unwrap();
    if let Some(printed) = link_and_run(folder.path(), &objects(folder.path())) {
        assert_eq!(printed, expected);
    }
}

#[test]
fn objects_do_not_depend_on_threads_or_on_what_is_kept() {
    let source = &programs()[0];
    let mut previous: Option<Vec<Vec<u8>>> = None;
    let cache = tempfile::tempdir().unwrap();
    for threads in ["-j1", "-j2", "-j2"] {
        let folder = tempfile::tempdir().unwrap();
        let compiled = languagec(folder.path())
            .args(["-c", "-module-name", "main", threads])
            .arg("-module-cache-path")
            .arg(cache.path())
            .args(sources(source))
            .output()
            .unwrap();
        assert!(compiled.status.success());
        let bytes: Vec<Vec<u8>> = objects(folder.path())
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect();
        if let Some(previous) = &previous {
            assert!(*previous == bytes, "objects differ");
        }
        previous = Some(bytes);
    }
}
