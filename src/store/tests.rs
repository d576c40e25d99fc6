//! Tests of the store.

use super::*;

/// A folder that is removed again.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

fn key(n: u8) -> Fingerprint {
    Fingerprint::of_bytes(&[n])
}

#[test]
fn what_one_process_saves_the_next_one_finds() {
    let folder = folder();
    let store = Store::open(folder.path());
    assert_eq!(store.get(key(1)), None);
    store.put(key(1), b"one".to_vec());
    store.put(key(2), Vec::new());
    store.save();
    let next = Store::open(folder.path());
    assert_eq!(next.get(key(1)), Some(&b"one"[..]));
    assert_eq!(next.get(key(2)), Some(&b""[..]));
    assert_eq!(next.get(key(3)), None);
    // What is new is added to what there is.
    next.put(key(3), b"three".to_vec());
    next.save();
    let last = Store::open(folder.path());
    assert_eq!(last.get(key(1)), Some(&b"one"[..]));
    assert_eq!(last.get(key(3)), Some(&b"three"[..]));
}

#[test]
fn two_processes_at_once_keep_both_results() {
    let folder = folder();
    let (a, b) = (Store::open(folder.path()), Store::open(folder.path()));
    a.put(key(1), b"a".to_vec());
    b.put(key(2), b"b".to_vec());
    a.save();
    b.save();
    let both = Store::open(folder.path());
    assert_eq!(both.get(key(1)), Some(&b"a"[..]));
    assert_eq!(both.get(key(2)), Some(&b"b"[..]));
}

#[test]
fn damaged_packs_lose_records_and_nothing_else() {
    let folder = folder();
    let store = Store::open(folder.path());
    for n in 0..50 {
        store.put(key(n), vec![n; 100]);
    }
    store.save();
    let whole = fs::read(&store.path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&store.path, &damaged).unwrap();
        let reader = Store::open(folder.path());
        for n in 0..50 {
            let found = reader.get(key(n));
            assert!(found.is_none() || found == Some(&[n; 100]), "byte {at}");
        }
        if let Some(pack) = &reader.pack {
            assert!(pack.records().count() <= 50);
        }
    }
    for len in (0..whole.len()).step_by(13) {
        fs::write(&store.path, &whole[..len]).unwrap();
        let reader = Store::open(folder.path());
        for n in 0..50 {
            let found = reader.get(key(n));
            assert!(found.is_none() || found == Some(&[n; 100]), "length {len}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_no_error() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let store = Store::open(&file.join("below"));
    store.put(key(1), b"one".to_vec());
    store.save();
    assert_eq!(store.get(key(1)), None);
}

/// The records of a module in a file system in memory.
fn records(system: &crate::vfs::MemorySystem) -> records::Records {
    records::Records::open(system, Path::new("/cache/m.files"), BUILD_ID)
}

#[test]
fn records_of_a_module_grow_by_edits_and_forget_what_is_gone() {
    let system = crate::vfs::MemorySystem::new();
    let first = records(&system);
    for n in 0..10 {
        first.put(key(n), vec![n; 40_000]);
    }
    let wanted: Vec<Fingerprint> = (0..10).map(key).collect();
    assert!(first.save(&system, BUILD_ID, &wanted), "this is the base");
    let base = system.get("/cache/m.files").unwrap();

    // One file has changed: its old record is not wanted any more.
    let second = records(&system);
    assert_eq!(second.get(key(3)), Some(&[3; 40_000][..]));
    second.put(key(11), vec![11; 40_000]);
    let wanted: Vec<Fingerprint> = (1..12).map(key).collect();
    assert!(!second.save(&system, BUILD_ID, &wanted));
    assert_eq!(system.get("/cache/m.files"), Some(base), "the base stays");
    let third = records(&system);
    assert_eq!(third.get(key(11)), Some(&[11; 40_000][..]));
    assert_eq!(third.get(key(5)), Some(&[5; 40_000][..]));

    // Many have changed: there is a new base, without what nobody wants.
    for n in 12..20 {
        third.put(key(n), vec![n; 40_000]);
    }
    let wanted: Vec<Fingerprint> = (9..20).map(key).collect();
    assert!(third.save(&system, BUILD_ID, &wanted));
    let last = records(&system);
    assert_eq!(last.get(key(5)), None);
    assert_eq!(last.get(key(11)), Some(&[11; 40_000][..]));
    assert_eq!(system.get("/cache/m.files.edits"), None);
}

#[test]
fn edits_belong_to_one_base_and_records_to_one_compiler() {
    let system = crate::vfs::MemorySystem::new();
    let first = records(&system);
    first.put(key(1), vec![1; 100]);
    first.save(&system, BUILD_ID, &[key(1)]);
    let second = records(&system);
    second.put(key(2), vec![2; 100]);
    second.save(&system, BUILD_ID, &[key(1), key(2)]);
    assert!(records(&system).get(key(2)).is_some());
    // Somebody writes another base, and is killed before the edits are removed.
    let edits = system.get("/cache/m.files.edits").unwrap();
    let other = crate::vfs::MemorySystem::new();
    let elsewhere = records(&other);
    elsewhere.put(key(7), vec![7; 100]);
    elsewhere.save(&other, BUILD_ID, &[key(7)]);
    other.set("/cache/m.files.edits", edits);
    assert_eq!(records(&other).get(key(2)), None);
    assert!(records(&other).get(key(7)).is_some());
    // Another compiler finds nothing.
    let place = Path::new("/cache/m.files");
    let strange = records::Records::open(&system, place, Fingerprint(5));
    assert_eq!(strange.get(key(1)), None);
}

#[test]
fn a_folder_of_records_is_bounded() {
    let folder = folder();
    let system = crate::vfs::OsSystem;
    for (age, name) in [(0, "young"), (1, "middle"), (2, "old")] {
        for ending in ["codedeps", "codedeps.files"] {
            let path = folder.path().join(format!("{name}.{ending}"));
            fs::write(&path, vec![0; 500]).unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(1000 * age);
            let file = fs::OpenOptions::new().append(true).open(path).unwrap();
            file.set_modified(time).unwrap();
        }
    }
    fs::write(folder.path().join("notes.txt"), vec![0; 5000]).unwrap();
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    collect(&system, folder.path(), 5000);
    assert_eq!(names().len(), 7);
    collect(&system, folder.path(), 2000);
    let left = ["middle.codedeps", "middle.codedeps.files", "notes.txt"];
    assert_eq!(names()[..3], left);
    collect(&system, folder.path(), 0);
    let left = ["notes.txt", "young.codedeps", "young.codedeps.files"];
    assert_eq!(names(), left, "what was written last stays");
}
