//! Tests of `base`.

use super::distance::{did_you_mean, distance_within};
use super::*;

#[test]
fn names_are_equal_when_their_texts_are() {
    let a = Name::new("alpha");
    assert_eq!(a, Name::new(&String::from("alpha")));
    assert_ne!(a, Name::new("beta"));
    assert_eq!(a.as_str(), "alpha");
    assert_eq!(format!("{a:?} {a}"), "alpha alpha");
    assert!(Name::new("").is_empty());
    // Interned in this order, ordered by text.
    let (z, b) = (Name::new("zz-order"), Name::new("aa-order"));
    assert!(b < z);
}

#[test]
fn names_from_many_threads_agree() {
    let texts: Vec<String> = (0..20_000).map(|i| format!("name{i}")).collect();
    let all: Vec<Vec<Name>> = std::thread::scope(|scope| {
        let intern = || texts.iter().map(|text| Name::new(text)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(all[0].iter().zip(&texts).all(|(n, t)| n.as_str() == t));
    let long = "x".repeat(100_000);
    assert_eq!(Name::new(&long).as_str(), long);
}

#[test]
fn interned_values_are_one_pointer() {
    static TABLE: Interner<(u32, String)> = Interner::new();
    let a = TABLE.intern((1, "one".into()));
    assert_eq!(a, TABLE.intern((1, "one".into())));
    assert_ne!(a, TABLE.intern((2, "one".into())));
    assert_eq!(a.1, "one");
}

#[test]
fn stable_hash_is_fixed_for_all_time() {
    // This constant may only change together with every on-disk format that holds fingerprints.
    expect_test::expect!["da513fc4eb5d99685081edee51a85427"]
        .assert_eq(&fingerprint_of(&("codira", 7u32, true)).to_hex());
    let text = fingerprint_of("codira");
    assert_eq!(text, fingerprint_of(&String::from("codira")));
    assert_eq!(text, fingerprint_of(&Name::new("codira")));
    assert_ne!(fingerprint_of(&("ab", "c")), fingerprint_of(&("a", "bc")));
    assert_ne!(fingerprint_of(&1u32), fingerprint_of(&1u64));
    assert_ne!(
        fingerprint_of(&Some(0u8)),
        fingerprint_of(&None::<u8>).combine(fingerprint_of(&0u8))
    );
    assert_eq!(Fingerprint::from_hex(&text.to_hex()), Some(text));
}

#[test]
fn stable_hash_does_not_see_how_bytes_were_cut() {
    let bytes: Vec<u8> = (0..64).collect();
    for split in 0..bytes.len() {
        let mut pieces = StableHasher::new();
        pieces.write(&bytes[..split]);
        pieces.write(&bytes[split..]);
        let mut whole = StableHasher::new();
        whole.write(&bytes);
        assert_eq!(pieces.finish(), whole.finish(), "split at {split}");
    }
}

#[test]
fn stable_hash_ignores_the_order_of_hash_maps() {
    let entries: Vec<(u32, &str)> = (0..50).map(|i| (i * 7919, "v")).collect();
    let forward: FxHashMap<_, _> = entries.iter().copied().collect();
    let mut backward = std::collections::HashMap::new();
    backward.extend(entries.iter().rev().copied());
    assert_eq!(fingerprint_of(&forward), fingerprint_of(&backward));
}

#[test]
fn arenas_and_their_maps() {
    let mut arena = Arena::new();
    let (a, b) = (arena.alloc("a"), arena.alloc("b"));
    assert_eq!((arena[a], arena[b], arena.len()), ("a", "b", 2));
    let mut map = ArenaMap::new();
    map.insert(b, 2);
    assert_eq!(map.get(a), None);
    assert_eq!(map[b], 2);
    let mut other = map.clone();
    other.insert(Idx::from_raw(9), 1);
    other.remove(Idx::from_raw(9));
    assert_eq!(map, other);
    assert_eq!(fingerprint_of(&map), fingerprint_of(&other));
}

#[test]
fn lines_and_columns_count_as_the_reference_compiler_does() {
    let text = "ab\r\né=1\n\nx\ry";
    let index = LineIndex::new(text);
    let at = |needle: &str| {
        let LineCol { line, col } =
            index.line_col(TextSize::new(text.find(needle).unwrap() as u32));
        (line, col)
    };
    assert_eq!(at("ab"), (1, 1));
    assert_eq!(at("\n\u{e9}"), (1, 4));
    assert_eq!(at("=1"), (2, 3));
    assert_eq!(at("\nx"), (3, 1));
    assert_eq!(at("x"), (4, 1));
    assert_eq!(at("y"), (4, 1));
    assert_eq!(index.line_count(), 4);
    assert_eq!(index.line_text(text, 1), "ab");
    assert_eq!(index.line_text(text, 3), "");
    assert_eq!(index.line_text(text, 9), "");
    let equals = LineCol { line: 2, col: 3 };
    assert_eq!(index.offset(equals), Some(TextSize::new(6)));
    assert_eq!(index.offset(LineCol { line: 5, col: 1 }), None);
    assert_eq!(LineIndex::new("").line_col(TextSize::new(7)).col, 1);
}

#[test]
fn did_you_mean_suggests_only_what_is_near() {
    let names = ["count", "counter", "append", "isEmpty"];
    assert_eq!(did_you_mean("cuont", names), Some("count"));
    assert_eq!(did_you_mean("isempty", names), Some("isEmpty"));
    assert_eq!(did_you_mean("apend", names), Some("append"));
    assert_eq!(did_you_mean("zebra", names), None);
    assert_eq!(did_you_mean("x", ["y"]), None);
    assert_eq!(distance_within("kitten", "sitting", 3), Some(3));
    assert_eq!(distance_within("kitten", "sitting", 2), None);
    assert_eq!(distance_within("", "abc", 3), Some(3));
}

#[test]
fn a_content_hash_is_brought_up_to_date_where_the_content_changed() {
    let mut bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let mut hash = ContentHash::of(&bytes);
    let before = hash.fingerprint();
    assert_eq!(ContentHash::of_one_thread(&bytes), hash);
    let changed = [5..6, 65_000..70_000, 131_072..131_072, 299_999..300_000];
    for range in &changed {
        bytes[range.clone()].iter_mut().for_each(|byte| *byte ^= 1);
    }
    hash.change(&bytes, &changed);
    assert_eq!(hash, ContentHash::of(&bytes));
    assert_ne!(hash.fingerprint(), before);
    // The content of a small file is what its bytes are.
    let small = ContentHash::of(&bytes[..1000]).fingerprint();
    assert_eq!(small, Fingerprint::of_bytes(&bytes[..1000]));
    // Content that comes in parts is the same content.
    let long: Vec<u8> = bytes.iter().copied().cycle().take(2_500_000).collect();
    let mut parts = ContentHash::default();
    long.chunks(1 << 20).for_each(|part| parts.push(part));
    assert_eq!(parts, ContentHash::of(&long));
}

#[test]
fn idle_processors_help_until_their_owners_come() {
    let processors = Processors::new(3);
    let helpers = [processors.helper(), processors.helper()];
    assert!(helpers.iter().flatten().all(Helper::may_stay));
    assert_eq!(helpers.iter().flatten().count(), 2);
    assert!(processors.helper().is_none());
    // A second owner needs the place of a helper; when that one has left, the other may stay.
    processors.set_owners(2);
    let [first, second] = helpers;
    assert!(!first.is_some_and(|helper| helper.may_stay()));
    assert!(second.as_ref().is_some_and(Helper::may_stay));
    assert!(processors.helper().is_none());
    drop(second);
    assert!(processors.helper().is_some());
    // There may be more owners than processors.
    processors.set_owners(5);
    assert!(processors.helper().is_none());
}
