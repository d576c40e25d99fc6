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
