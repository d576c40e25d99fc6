//! Whatever bytes a module file, an archive, a shared library or a record has: an error or a right answer, never a panic, a hang or a huge allocation.
//!
//! `CODIRA_FUZZ_CASES` asks for more cases than run by default, for instance a million.

use std::alloc::{GlobalAlloc, Layout, System as Allocator};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codira::base::Fingerprint;
use codira::db::{CompilationUnit, RootDatabase, SourceFile, Workspace};
use codira::items::tree::TypeRef;
use codira::items::{Item, ItemKind, codec, item_tree};
use codira::metadata::{
    CODE_MEMBER, CStore, CrateLocator, Damage, METADATA_MEMBER, ModuleFile, ModuleHeader,
    SearchPaths, SourceInfo, StableCrateId, Svh, Upstream, encode, metadata_object, pack,
    write_archive,
};
use codira::session::{Target, TrackedOptions};
use codira::vfs::MemorySystem;

/// Remembers the largest allocation that anybody asked for.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { Allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above.
        unsafe { Allocator.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above.
        unsafe { Allocator.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// No decoder needs more at once for the small files here.
const MAX_ALLOCATION: usize = 16 << 20;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn cases() -> usize {
    let asked = std::env::var("CODIRA_FUZZ_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

fn key(n: u64) -> Fingerprint {
    Fingerprint::of_bytes(&n.to_le_bytes())
}

fn header() -> ModuleHeader {
    let upstream = |name: &str| Upstream {
        name: name.into(),
        stable_crate_id: StableCrateId::new::<&str>(name, []),
        svh: Svh(3),
        interface: key(4),
        is_reexported: false,
        is_direct: true,
    };
    ModuleHeader {
        name: "M".into(),
        stable_crate_id: StableCrateId::new::<&str>("M", []),
        svh: Svh(1),
        interface: key(1),
        target: Target::HOST.triple().into(),
        sources: vec![SourceInfo {
            path: "m.code".into(),
            hash: key(2),
        }],
        upstream: vec![upstream("A"), upstream("B")],
        autolink: vec!["-lm".into()],
        ..ModuleHeader::default()
    }
}

/// An intact file of each kind.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let bytes: Vec<Vec<u8>> = (0..30).map(|n| vec![n as u8; n * 7]).collect();
    let records: BTreeMap<Fingerprint, &[u8]> = (0..)
        .map(key)
        .zip(bytes.iter().map(Vec::as_slice))
        .collect();
    let module = encode(&header(), &records);
    let code = pack::encode(&records);
    let object = metadata_object(&module, Target::HOST).unwrap();
    let members: [(&str, &[u8]); 4] = [
        (METADATA_MEMBER, &module),
        ("an_object_with_a_long_name.o", &object),
        (CODE_MEMBER, &code),
        ("b.o", &object),
    ];
    let archive = write_archive(&members).unwrap();
    vec![
        ("M.codemodule", module),
        ("libM.rlib", archive),
        ("libM.so", object),
    ]
}

/// Damages bytes in one of the ways in which files get damaged, or in which somebody would who wants to do harm.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.next() as u8,
            3 => {
                // Lengths and offsets of every size at every place.
                let extreme = [
                    0,
                    1,
                    u64::MAX,
                    i64::MAX as u64,
                    u64::from(u32::MAX),
                    1 << 40,
                ];
                let value = extreme[random.below(extreme.len())].to_le_bytes();
                for (byte, new) in bytes.iter_mut().skip(at).zip(value) {
                    *byte = new;
                }
            }
            4 => {
                let from = random.below(bytes.len());
                let len = random.below(64).min(bytes.len() - from);
                let part = bytes[from..from + len].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                for byte in bytes.iter_mut().skip(at).take(16) {
                    *byte = random.next() as u8;
                }
            }
            _ => {
                let more = random.below(64);
                bytes.extend((0..more).map(|_| random.next() as u8));
            }
        }
    }
}

/// Makes the checksums of a container right again, so that what lies behind them is reached: whoever wants to do harm would.
fn repair(bytes: &mut [u8]) {
    let number = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let Some(version) = bytes.get(12..16) else {
        return;
    };
    let version = u32::from_le_bytes([version[0], version[1], version[2], version[3]]) as usize;
    let whole = bytes.len() as u64;
    if let Some(place) = bytes.get_mut(48..56) {
        place.copy_from_slice(&whole.to_le_bytes());
    }
    let start = 56_usize.saturating_add(version);
    let Some(len) = number(bytes, 32) else { return };
    let end = start.saturating_add(len);
    if let Some(header) = bytes.get(start..end) {
        let sum = checksum(header);
        bytes[40..48].copy_from_slice(&sum.to_le_bytes());
    }
    if let Some(table) = bytes.get_mut(end..) {
        let Some(slots) = number(table, 8) else {
            return;
        };
        let size = slots.saturating_mul(40).saturating_add(24);
        if let Some(part) = table.get(24..size) {
            let sum = checksum(part);
            table[16..24].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// The checksum of the format.
fn checksum(bytes: &[u8]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = codira::base::FxHasher::default();
    hasher.write(bytes);
    hasher.write_usize(bytes.len());
    hasher.finish()
}

/// Reads everything that can be read from a file.
fn read_all(path: &str, bytes: Vec<u8>) -> Result<(), Damage> {
    let file = ModuleFile::from_bytes(path, bytes).map_err(|error| {
        assert!(error.to_string().contains(path), "{error}");
        error.damage
    })?;
    for n in 0..32 {
        let _ = file.record(key(n));
        let _ = file.code(key(n));
    }
    let _ = file.records().count() + file.codes().count();
    Ok(())
}

#[test]
fn files_of_any_content_are_read_or_refused() {
    let samples = samples();
    for (path, bytes) in &samples {
        assert_eq!(read_all(path, bytes.clone()), Ok(()), "{path}");
    }
    let mut random = Random(0x5eed);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let started = Instant::now();
    for case in 0..cases() {
        let (path, sample) = &samples[random.below(samples.len())];
        let mut bytes = match random.below(20) {
            0 => (0..random.below(300))
                .map(|_| random.next() as u8)
                .collect(),
            _ => sample.clone(),
        };
        damage(&mut random, &mut bytes);
        if random.below(2) == 0 {
            repair(&mut bytes);
        }
        LARGEST.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let outcome = match read_all(path, bytes) {
            Ok(()) => "read".to_owned(),
            Err(damage) => format!("{damage:?}")
                .split(['(', ' '])
                .next()
                .unwrap_or("")
                .to_owned(),
        };
        *outcomes.entry(outcome).or_default() += 1;
        assert!(begun.elapsed() < Duration::from_secs(2), "case {case}");
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(largest < MAX_ALLOCATION, "case {case}: {largest} bytes");
    }
    // All kinds of outcome were seen, so that the cases are worth something.
    println!("{outcomes:?} in {:?}", started.elapsed());
    for outcome in [
        "read",
        "Malformed",
        "Incomplete",
        "NotAModule",
        "OtherCompiler",
    ] {
        assert!(outcomes.contains_key(outcome), "{outcomes:?}");
    }
}

#[test]
fn folders_of_damaged_files_are_searched() {
    let samples = samples();
    let mut random = Random(0xf01d);
    let paths = SearchPaths {
        folders: vec!["lib".into()],
        ..SearchPaths::default()
    };
    for _ in 0..cases() / 20 {
        let system = MemorySystem::new();
        for (path, sample) in &samples {
            let mut bytes = sample.clone();
            if random.below(3) > 0 {
                damage(&mut random, &mut bytes);
                repair(&mut bytes);
            }
            system.set(&format!("lib/{path}"), bytes);
        }
        let locator = CrateLocator::new(&system, &paths, Target::HOST);
        let own = StableCrateId::new::<&str>("main", []);
        // A and B are nowhere, so that something is always wrong.
        let (_, problems) = CStore::load(&locator, "main", own, ["M"]);
        assert!(!problems.is_empty());
        let _ = ModuleFile::open(&system, Path::new("lib/M.codemodule"));
    }
}

const DECLARATIONS: &str = "
public struct Point<T: Equatable>: Hashable where T: Hashable {
    public var x: T
    let (a, b) = (1, 2)
    @available(*, deprecated) public func move(by d: [String: (Int, T?)] = [:]) throws -> some Sequence<T> { [] }
    subscript(i: Int) -> T { get { x } set { x = newValue } }
    enum Inner: Int { case one = 1, two(Int, label: String) }
}
extension Point: CustomStringConvertible { var description: String { \"\\(x)\" } }
protocol P: AnyObject { associatedtype A: P; func f(_ g: @escaping (A) async throws -> Void) -> any P }
infix operator <+>: Sum
precedencegroup Sum { associativity: left }
";

/// A declaration as it lies in a record.
fn item_records(db: &RootDatabase, file: SourceFile) -> Vec<Vec<u8>> {
    let items = item_tree(db, file).items.values();
    let records = items.filter_map(|item| Some(codec::encode(db, &**item)?.bytes));
    records.collect()
}

/// How deep the types of a declaration are nested.
fn depth(item: &Item) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    for ty in item.types.values() {
        let below = match ty {
            TypeRef::Optional(inner) | TypeRef::Array(inner) | TypeRef::Metatype(inner) => {
                depths[inner.index()]
            }
            TypeRef::Dictionary(key, value) => depths[key.index()].max(depths[value.index()]),
            TypeRef::Path(path) => {
                let args = path.iter().flat_map(|segment| &segment.args);
                args.map(|arg| depths[arg.index()]).max().unwrap_or(0)
            }
            _ => 0,
        };
        depths.push(below + 1);
    }
    depths.into_iter().max().unwrap_or(0)
}

#[test]
fn the_standard_library_survives_the_checks() {
    let db = RootDatabase::new();
    let options = TrackedOptions::default();
    let library = CompilationUnit::of_library(&db, codira::library::CODIRA_SOURCES, &options);
    Workspace::new(&db, vec![library]);
    for &file in library.files(&db) {
        for item in item_tree(&db, file).items.values() {
            let record = codec::encode(&db, &**item).unwrap().bytes;
            let decoded = codec::decode::<Item>(&db, &record);
            assert_eq!(decoded.as_ref(), Some(&**item));
        }
    }
}

#[test]
fn declarations_of_any_content_are_decoded_or_refused() {
    let db = RootDatabase::new();
    let file = SourceFile::of_user(&db, "m.swift", DECLARATIONS);
    let options = std::sync::Arc::new(TrackedOptions::default());
    let unit = CompilationUnit::of_user(&db, vec![file], options, None);
    Workspace::new(&db, vec![unit]);
    let records = item_records(&db, file);
    assert!(records.len() > 10);
    for record in &records {
        assert!(codec::decode::<Item>(&db, record).is_some());
    }
    let mut random = Random(0x17e3);
    let mut decoded = 0;
    for case in 0..cases() {
        let mut bytes = records[random.below(records.len())].clone();
        damage(&mut random, &mut bytes);
        LARGEST.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        if let Some(item) = codec::decode::<Item>(&db, &bytes) {
            decoded += 1;
            // What was decoded can be looked at: every type is there, and below those that mention it.
            assert!(depth(&item) <= item.types.len(), "case {case}");
            let _ = matches!(item.kind, ItemKind::Nominal(_));
            let _ = format!("{item:?}").len();
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "case {case}");
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(largest < MAX_ALLOCATION, "case {case}: {largest} bytes");
    }
    assert!(decoded > 0);
}
