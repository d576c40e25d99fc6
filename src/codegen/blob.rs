//! Function and data blobs: what code generation produces and `link` lays out.
//!
//! A blob is plain data. It holds machine code or bytes whose addresses are not known yet, and the list of
//! places ("relocations") to fill in once they are. Two blobs made from equal MIR are equal, so blobs are the unit of
//! caching: nothing in them depends on source positions, on other blobs, or on the order of code generation.
//! Line numbers are represented by [`LineKey`]s, which the image writer turns into lines through a callback.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex};

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name that the linker knows a function or a datum by.
///
/// Names are interned for the life of the process: comparing is comparing pointers, and the image writer finds
/// addresses by [`SymbolName::index`] without hashing text. Ordering is by text, so that sorted lists of symbols do not depend on the order of
/// interning; serialisation is the text.
#[derive(Clone, Copy)]
pub struct SymbolName(&'static Entry);

struct Entry {
    text: Box<str>,
    index: u32,
}

const SHARDS: usize = 16;

/// The table is split so that code generation threads seldom wait for each other.
static SHARDED: LazyLock<[Mutex<FxHashMap<&'static str, SymbolName>>; SHARDS]> =
    LazyLock::new(Default::default);
static NEXT_INDEX: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

impl SymbolName {
    /// Interns a name.
    pub fn new(text: &str) -> Self {
        let hash = FxBuildHasher.hash_one(text);
        let mut shard = SHARDED[(hash >> 32) as usize % SHARDS]
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        if let Some(&name) = shard.get(text) {
            return name;
        }
        let index = NEXT_INDEX.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Interned names are never freed: a symbol may be referred to by any blob of any later compilation.
        let entry: &'static Entry = Box::leak(Box::new(Entry {
            text: text.into(),
            index,
        }));
        let name = SymbolName(entry);
        shard.insert(&entry.text, name);
        name
    }

    /// The text of the name.
    pub fn as_str(self) -> &'static str {
        &self.0.text
    }

    /// A small number that is unique to the name in this process, for tables indexed by symbol. It must not reach any output.
    pub fn index(self) -> usize {
        self.0.index as usize
    }

    /// One more than the largest [`SymbolName::index`] handed out so far.
    pub fn index_limit() -> usize {
        NEXT_INDEX.load(std::sync::atomic::Ordering::Relaxed) as usize
    }
}

impl PartialEq for SymbolName {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for SymbolName {}

impl Hash for SymbolName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.index);
    }
}

impl PartialOrd for SymbolName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SymbolName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self == other {
            std::cmp::Ordering::Equal
        } else {
            self.as_str().cmp(other.as_str())
        }
    }
}

impl fmt::Debug for SymbolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SymbolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The empty name, which no symbol has: it lets blobs be built with `..Default::default()`.
impl Default for SymbolName {
    fn default() -> Self {
        SymbolName::new("")
    }
}

impl From<&str> for SymbolName {
    fn from(text: &str) -> Self {
        SymbolName::new(text)
    }
}

impl Serialize for SymbolName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SymbolName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(SymbolName::new(&text))
    }
}

/// How the address of a symbol is written at a place. `S` is the symbol's address, `A` the addend, `P` the address of the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RelocKind {
    /// Eight bytes: `S + A`. The only kind for pointers in data.
    Abs64,
    /// Four bytes: `S + A`, which must fit unsigned. Only for images at fixed addresses.
    Abs32,
    /// Four bytes: `S + A - P`, as in x86 `call`, `jmp` and `lea`. The processor counts from the *end* of the instruction,
    /// so `A` is -4 when the field ends the instruction (which is what Cranelift's `CallPCRel4` and ELF's `R_X86_64_PLT32` use too).
    PcRel32,
    /// The 26-bit word displacement of AArch64's `b` and `bl`: `(S + A - P) / 4`.
    Aarch64Call26,
    /// The 21-bit page displacement of `adrp`.
    Aarch64AdrPage21,
    /// The low 12 bits of `S + A` in `add`.
    Aarch64AddLow12,
}

/// A place in a blob that holds the address of a symbol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reloc {
    /// Where in the blob's bytes the place starts.
    pub offset: u32,
    pub kind: RelocKind,
    pub target: SymbolName,
    pub addend: i64,
}

/// Names a source position without saying where it is: an expression of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineKey {
    /// The definition, in whatever stable numbering code generation uses; `link` only hands it to the callback.
    pub def: u64,
    /// The expression inside the definition.
    pub expr: u32,
}

/// From `offset` on, the code belongs to the expression `key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineRow {
    pub offset: u32,
    pub key: LineKey,
}

/// A place, four bytes wide and little-endian, that holds the line number of an expression (for example the immediate operand that passes the line to
/// a trap function). Its initial contents are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineReloc {
    pub offset: u32,
    pub key: LineKey,
}

/// Who may define and see a symbol. Only object files make a difference between these; the direct writer
/// sees the whole program and merges `Shared` symbols itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Linkage {
    /// Defined once, visible to other objects.
    #[default]
    Global,
    /// Defined once, visible to the other objects of the same program or library, but not exported.
    Hidden,
    /// May be defined equally by several objects (an instance of a generic function, a metadata record); one is kept.
    Shared,
    /// Visible only in its own object.
    Local,
}

/// The machine code of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FunctionBlob {
    pub symbol: SymbolName,
    pub linkage: Linkage,
    pub code: Vec<u8>,
    /// A power of two; 0 means the least that the target wants.
    pub align: u32,
    pub relocs: Vec<Reloc>,
    pub line_relocs: Vec<LineReloc>,
    /// Sorted by offset. Functions keep a frame pointer, so there is no other unwind information.
    pub line_rows: Vec<LineRow>,
}

/// Bytes with an address: string literals, metadata, witness tables, constants, global variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DataBlob {
    pub symbol: SymbolName,
    pub linkage: Linkage,
    pub bytes: Vec<u8>,
    /// This many zero bytes follow `bytes` (whole blobs of zeroes take no room in the file).
    pub zero_size: u64,
    /// A power of two; 0 means 1.
    pub align: u32,
    /// Whether the program may write to it. Static objects with immortal reference counts are not writable.
    pub writable: bool,
    pub relocs: Vec<Reloc>,
    pub line_relocs: Vec<LineReloc>,
}

impl FunctionBlob {
    /// The symbols that the code refers to, in order of the code, possibly repeated.
    pub fn targets(&self) -> impl Iterator<Item = SymbolName> + '_ {
        self.relocs.iter().map(|reloc| reloc.target)
    }
}

impl DataBlob {
    /// The symbols that the data refers to, in order of the data, possibly repeated.
    pub fn targets(&self) -> impl Iterator<Item = SymbolName> + '_ {
        self.relocs.iter().map(|reloc| reloc.target)
    }

    /// The number of bytes that the datum takes in memory.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.zero_size
    }
}
