//! Tests of `vfs`.

use std::path::Path;
use std::sync::Arc;

use super::*;

fn message(system: &dyn System, path: &str) -> String {
    match read_source(system, path) {
        Ok(text) => format!("ok: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn reading_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("bad.code"), b"ab\xffcd").unwrap();
    std::fs::write(at("good.code"), "print(1)\n").unwrap();
    let said = |name: &str| {
        let folder = folder.path().to_str().unwrap();
        message(&OsSystem, &at(name)).replace(folder, "DIR")
    };
    assert_eq!(
        said("none.code"),
        "error opening input file 'DIR/none.code' (No such file or directory)"
    );
    assert_eq!(said(""), "error opening input file 'DIR/' (Is a directory)");
    assert_eq!(
        said("good.code/x"),
        "error opening input file 'DIR/good.code/x' (Not a directory)"
    );
    assert_eq!(
        said("bad.code"),
        "input file 'DIR/bad.code' is not valid UTF-8 (byte offset 2)"
    );
    assert_eq!(said("good.code"), "ok: print(1)\n");
}

#[test]
fn a_file_that_changes_is_read_once_more() {
    let system = MemorySystem::new().with_file("a.code", "1");
    system.fail_reads("a.code", 1, ReadErrorKind::ChangedWhileReading);
    assert_eq!(message(&system, "a.code"), "ok: 1");
    system.fail_reads("a.code", 2, ReadErrorKind::ChangedWhileReading);
    assert_eq!(
        message(&system, "a.code"),
        "input file 'a.code' was modified during the build"
    );
}

#[test]
fn writing_replaces_in_one_step_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let entries = || OsSystem.list_dir(folder.path()).unwrap();
    OsSystem.check_writable(&path).unwrap();
    assert!(entries().is_empty());
    OsSystem
        .write(&path, b"one", OutputKind::Executable)
        .unwrap();
    OsSystem
        .write(&path, b"two", OutputKind::Executable)
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(entries(), std::slice::from_ref(&path));
    let missing = folder.path().join("none/out");
    for result in [
        OsSystem.check_writable(&missing),
        OsSystem.write(&missing, b"x", OutputKind::Data).map(drop),
    ] {
        assert_eq!(describe(&result.unwrap_err()), "No such file or directory");
    }
    let result = OsSystem.write(folder.path(), b"x", OutputKind::Data);
    assert_eq!(describe(&result.unwrap_err()), "Is a directory");
}

#[test]
fn a_write_to_a_marked_file_shows_however_soon_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for _ in 0..50 {
        let written = OsSystem.write(&path, b"ours", OutputKind::Data).unwrap();
        let written = written.expect("nobody else writes there");
        assert!(written.is_marked, "the system keeps nanoseconds");
        assert_eq!(OsSystem.metadata(&path).unwrap(), written.metadata);
        std::fs::write(&path, b"this").unwrap();
        let now = OsSystem.metadata(&path).unwrap();
        assert_eq!(now.inode, written.metadata.inode);
        assert!(now.modified > written.metadata.modified);
    }
}

#[test]
fn what_is_changed_in_a_copy_stays_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, vec![1; 10_000]).unwrap();
    let (mut copy, known) = OsSystem.map_copy(&path).unwrap();
    assert_eq!(known, OsSystem.metadata(&path).unwrap());
    copy[9_999] = 2;
    assert_eq!((copy.len(), copy[0], copy[9_999]), (10_000, 1, 2));
    assert!(std::fs::read(&path).unwrap() == [1; 10_000]);
    std::fs::write(&path, b"").unwrap();
    let (empty, _) = OsSystem.map_copy(&path).unwrap();
    assert!(empty.is_empty());
}

#[test]
fn writing_to_devices_and_links_keeps_them() {
    OsSystem
        .write(Path::new("/dev/null"), b"x", OutputKind::Data)
        .unwrap();
    let kind = OsSystem.metadata(Path::new("/dev/null")).unwrap().kind;
    assert_eq!(kind, FileKind::Special);
    let full = OsSystem.write(Path::new("/dev/full"), b"x", OutputKind::Data);
    assert_eq!(describe(&full.unwrap_err()), "No space left on device");
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    std::fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    OsSystem.write(&link, b"new", OutputKind::Data).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read(&real).unwrap(), b"new");
}

#[test]
fn an_overlay_hides_and_adds_files() {
    let below = MemorySystem::new()
        .with_file("src/a.code", "below a")
        .with_file("src/b.code", "below b");
    let system = MemorySystem::over(Arc::new(below)).with_file("src/a.code", "above a");
    assert_eq!(message(&system, "src/a.code"), "ok: above a");
    assert_eq!(message(&system, "/src/./b.code"), "ok: below b");
    assert_eq!(
        message(&system, "src"),
        "error opening input file 'src' (Is a directory)"
    );
    let listed = system.list_dir(Path::new("src")).unwrap();
    assert_eq!(listed, [Path::new("src/a.code"), Path::new("src/b.code")]);
}

#[test]
fn a_file_that_is_written_again_holds_what_was_written_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    // Left by a process that was killed; no process has this number.
    std::fs::write(folder.path().join(".out.4294967295-0.kept"), "stray").unwrap();
    std::fs::write(folder.path().join(".out.other.kept"), "of somebody else").unwrap();
    let mut bytes = vec![b'a'; 100_000];
    let mut kept = None;
    let mut write = |bytes: &[u8], changed: Option<&[Range<usize>]>| {
        let kind = OutputKind::Executable;
        let written = OsSystem.write_again(&path, bytes, changed, kind, &mut kept);
        written.unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes);
        let entries = std::fs::read_dir(folder.path()).unwrap();
        // The file, its double if it has one, and that of somebody else.
        assert!((2..=3).contains(&entries.count()));
    };
    write(&bytes, None);
    let hidden = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let own = format!(".out.{}-", std::process::id());
        let is_own = |path: &PathBuf| path.to_string_lossy().contains(&own);
        paths.find(is_own).unwrap()
    };
    for number in 0..12 {
        // What others do to the two files meanwhile.
        match number {
            2 => std::fs::remove_file(&path).unwrap(),
            4 => std::fs::write(&path, vec![b'x'; 100_000]).unwrap(),
            6 => std::fs::write(hidden(), vec![b'y'; 100_000]).unwrap(),
            8 => std::fs::remove_file(hidden()).unwrap(),
            9 => bytes.truncate(90_000),
            10 => bytes.resize(95_000, b'b'),
            _ => {}
        }
        let at = number * 7000;
        bytes[at..at + 10].fill(b'0' + number as u8);
        write(&bytes, Some(&[at..at + 10, 90_000..95_000]));
    }
    drop(kept);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn the_content_of_a_file_is_that_of_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for length in [0, 5, (1 << 20) - 1, 1 << 20, (5 << 20) + 3] {
        let bytes: Vec<u8> = (0..length).map(|i: u32| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let expected = (u64::from(length), ContentHash::of(&bytes).fingerprint());
        assert_eq!(OsSystem.content(&path), Ok(expected));
    }
    assert_eq!(
        OsSystem.content(folder.path()),
        Err(ReadErrorKind::IsDirectory)
    );
}
