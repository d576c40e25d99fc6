//! Tour of `record`: a whole program as flat arrays of plain values.
//!
//! A [`ProgramRecord`] holds everything that an image is written from: the blobs of all functions and data, what they refer to, and the lines of
//! their expressions. It is made by [`ProgramRecord::update`], which asks queries for what is new or [`Stale`] and takes the rest as
//! it lies there. A program of 70,000 lines has 25,000 functions and data; walking through what the query engine knows about them takes
//! longer than compiling one, going through a few arrays does not.
//!
//! * `table.rs`: the arrays.
//! * `generator.rs`: updates that ask the database.
//! * `update.rs`: from the entry to everything that it reaches; `queue.rs`: generating that on several threads; `derive.rs`: what is known only when the program is complete, the lists of
//!   conformances in metadata and the instances of dynamic calls; `apply.rs`: putting what is new in its place.
//! * `bytes.rs`: the record on disk.
//! * `output.rs`: the record as blobs, for object files, and records of blobs made by hand.
//!
//! Functions and data are *units*, numbered in no particular order. A symbol is what a unit is known by, because mangling gives different things different
//! names; symbols of the runtime are units without contents.

mod apply;
mod bytes;
mod derive;
mod generator;
mod output;
mod queue;
pub mod table;
mod update;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::base::{Fingerprint, Name};
use crate::db::{Db, SourceFile};
use crate::items::ids::{DefId, DefKind};

use self::table::{Plain, Relation, Span, Table};
use super::blob::{Linkage, RelocKind, SymbolName};
use super::key::CodeKey;

pub use self::generator::{def_fingerprint, line_of};
pub use self::output::{Output, line_of_output};
pub use self::update::{Failure, Generator, LinePlace};

/// No unit, body or definition.
pub const NONE: u32 = u32::MAX;

/// What does not hold any more of a record.
pub enum Stale<'a> {
    /// Everything.
    Everything,
    /// Only what was made from some bodies. The outlines of all files are as they were (see `items::outline`), and so are options and libraries.
    Bodies {
        /// The bodies whose text has changed, of those that [`crate::items::body_owners`] lists.
        bodies: &'a FxHashSet<DefId>,
        /// The files whose text has changed in any way, so that expressions may be on other lines.
        files: &'a [SourceFile],
    },
}

/// What an update has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Changes {
    /// Everything may be different, the numbers of units too.
    #[default]
    Everything,
    /// Only some units are different.
    Units {
        /// They are new, or have other contents or lines.
        changed: Vec<u32>,
        /// They are not part of the program any more.
        gone: Vec<u32>,
    },
}

/// A unit has contents.
pub(crate) const DEFINED: u8 = 1;
/// It is a function.
pub(crate) const FUNCTION: u8 = 2;
/// It is a datum that the program may write to.
pub(crate) const WRITABLE: u8 = 4;
/// It is the metadata of a type.
pub(crate) const METADATA: u8 = 8;
/// It is the number of a dynamic call.
pub(crate) const SLOT: u8 = 16;
/// It asks for protocols at run time.
pub(crate) const ASKS: u8 = 32;
/// It belongs to a metadata record: a list that is made when the program is complete.
pub(crate) const DERIVED: u8 = 64;

/// Where a unit's contents lie.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
pub(crate) struct Unit {
    pub bytes: Span,
    pub relocs: Span,
    /// Places that hold line numbers.
    pub line_places: Span,
    /// From where on the code belongs to which expression, if debug information is wanted.
    pub line_rows: Span,
    /// The protocols that the code asks for at run time.
    pub protocols: Span,
    /// Pairs of units: for metadata a protocol that the type conforms to, and the witness table; for a dynamic call a type's metadata, and
    /// the instance.
    pub answers: Span,
    /// How many relocations the unit had before it was known what the program is made of.
    pub own_relocs: u32,
    /// For metadata a hash of what was filled in then.
    pub derived: u64,
    pub zero_size: u64,
    pub align: u32,
    pub linkage: u32,
    /// For metadata how deeply the type is nested.
    pub nesting: u32,
}

// SAFETY: numbers only, whose sizes leave no gaps.
unsafe impl Plain for Unit {}

impl Unit {
    pub(crate) fn linkage(&self) -> Linkage {
        match self.linkage {
            0 => Linkage::Global,
            1 => Linkage::Hidden,
            2 => Linkage::Shared,
            _ => Linkage::Local,
        }
    }

    /// The bytes that the unit takes in memory.
    pub(crate) fn size(&self) -> u64 {
        u64::from(self.bytes.len) + self.zero_size
    }
}

pub(crate) fn linkage_number(linkage: Linkage) -> u32 {
    match linkage {
        Linkage::Global => 0,
        Linkage::Hidden => 1,
        Linkage::Shared => 2,
        Linkage::Local => 3,
    }
}

/// A place that holds an address.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
pub(crate) struct Reference {
    pub addend: i64,
    pub offset: u32,
    /// The unit, and the kind of relocation in the upper bits.
    target: u32,
}

// SAFETY: numbers whose sizes leave no gaps.
unsafe impl Plain for Reference {}

/// Where the kind begins in [`Reference::target`].
const KIND_SHIFT: u32 = 29;

const KINDS: [RelocKind; 6] = [
    RelocKind::Abs64,
    RelocKind::Abs32,
    RelocKind::PcRel32,
    RelocKind::Aarch64Call26,
    RelocKind::Aarch64AdrPage21,
    RelocKind::Aarch64AddLow12,
];

impl Reference {
    pub(crate) fn new(offset: u32, target: u32, addend: i64, kind: RelocKind) -> Reference {
        let kind = KINDS.iter().position(|&k| k == kind).unwrap_or(0) as u32;
        Reference {
            addend,
            offset,
            target: target | kind << KIND_SHIFT,
        }
    }

    pub(crate) fn target(&self) -> u32 {
        self.target & ((1 << KIND_SHIFT) - 1)
    }

    pub(crate) fn kind(&self) -> RelocKind {
        let kind = self.target >> KIND_SHIFT;
        KINDS.get(kind as usize).copied().unwrap_or(KINDS[0])
    }
}

/// The line of an expression, for a place in a unit.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
pub struct Line {
    /// Where in the unit.
    pub offset: u32,
    /// The number of the definition whose expression it is.
    pub def: u32,
    /// The expression in the definition.
    pub expr: u32,
    pub line: u32,
    /// In a line row the number of the path of the file that the line is in, or [`NONE`].
    pub path: u32,
}

// SAFETY: five numbers without padding.
unsafe impl Plain for Line {}

/// A definition that lines belong to.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
struct LineDef {
    fingerprint: [u64; 2],
    /// The file's definition.
    file: [u64; 2],
}

// SAFETY: numbers without padding.
unsafe impl Plain for LineDef {}

fn words(fingerprint: Fingerprint) -> [u64; 2] {
    [fingerprint.0 as u64, (fingerprint.0 >> 64) as u64]
}

fn fingerprint(words: [u64; 2]) -> Fingerprint {
    Fingerprint(u128::from(words[0]) | u128::from(words[1]) << 64)
}

/// Two words of a fingerprint.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
struct Words([u64; 2]);

// SAFETY: numbers without padding.
unsafe impl Plain for Words {}

/// The parts of a program with a protection of their own, in the order in which an image has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Functions,
    Constants,
    Variables,
    /// Variables that are all zero at first.
    Zeroes,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 4] = [
        Part::Functions,
        Part::Constants,
        Part::Variables,
        Part::Zeroes,
    ];
}

/// A program's functions and data; see the module's page.
#[derive(Debug, Default)]
pub struct ProgramRecord {
    names: Table<Span>,
    text: Table<u8>,
    flags: Table<u8>,
    units: Table<Unit>,
    /// The units that a unit's code refers to, without repetition.
    references: Table<Span>,
    /// The body that a unit was made from, or with [`MANY`] a run of `ids`, or [`NONE`].
    made_from: Table<u32>,

    bytes: Table<u8>,
    relocs: Table<Reference>,
    lines: Table<Line>,
    ids: Table<u32>,
    /// Runs of `ids`.
    spans: Table<Span>,
    /// The fingerprints of bodies.
    bodies: Table<Words>,
    line_defs: Table<LineDef>,
    /// The paths of files that debuggers are told about.
    paths: Vec<Name>,

    /// The protocols that the program asks for at run time.
    protocols: Vec<u32>,
    /// The units that everything else is reached from, sorted.
    roots: Vec<u32>,
    /// The defined units, sorted by symbol.
    parts: [Vec<u32>; 4],
    /// A hash table of names: numbers of units plus one.
    index: Table<u32>,
    /// Whether everything was optimised, so that code was made from bodies that nobody has listed.
    is_optimized: bool,

    /// The keys of units, as `types::codec` writes them, where that has been done.
    key_spans: Table<Span>,
    key_bytes: Table<u8>,

    /// What the last update generated.
    generated: Vec<CodeKey>,
    /// What only this process knows: the keys of units, the numbers of line keys, and where things are.
    keys: Vec<Option<CodeKey>>,
    line_numbers: Vec<u64>,
    body_places: FxHashMap<Words, u32>,
    line_places: FxHashMap<u64, u32>,
    symbol_places: Vec<u32>,
    reverse: Option<Reverse>,
}

/// Where in the record something occurs, in a process that updates it again and again.
#[derive(Debug)]
struct Reverse {
    /// The units that were made from a body.
    by_body: Relation,
    /// The units with lines of a definition.
    by_line_def: Relation,
}

/// Marks a number as one of `spans`.
const MANY: u32 = 0x8000_0000;

impl ProgramRecord {
    /// How many numbers of units there are.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// What the last update generated, in no particular order.
    pub fn generated(&self) -> &[CodeKey] {
        &self.generated
    }

    /// Gets ready for updates that concern little: they need not go through everything then. That costs as much as going through everything once.
    pub fn expect_updates(&mut self) {
        if self.reverse.is_some() {
            return;
        }
        let ids = || 0..self.len() as u32;
        let by_body = Relation::new(self.bodies.len(), || {
            ids().flat_map(|id| self.bodies_of(id).map(move |body| (body, id)))
        });
        let by_line_def = Relation::new(self.line_defs.len(), || {
            ids().flat_map(|id| {
                let lines = self.line_places(id).iter().chain(self.line_rows(id));
                lines.map(move |line| (line.def, id))
            })
        });
        self.reverse = Some(Reverse {
            by_body,
            by_line_def,
        });
    }

    /// The bodies that a unit was made from.
    fn bodies_of(&self, id: u32) -> impl DoubleEndedIterator<Item = u32> {
        let from = self.made_from.get(id);
        let (one, many) = match from {
            NONE => (None, Span::default()),
            _ if from & MANY != 0 => (None, self.spans.get(from & !MANY)),
            body => (Some(body), Span::default()),
        };
        one.into_iter().chain(self.ids.run(many).iter().copied())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A unit's symbol.
    pub fn name(&self, id: u32) -> &str {
        std::str::from_utf8(self.text.run(self.names.get(id))).unwrap_or_default()
    }

    /// A hash of a unit's symbol, the same in every process.
    pub fn name_hash(&self, id: u32) -> u64 {
        hash_of(self.text.run(self.names.get(id)))
    }

    /// A unit's symbol as code generation knows it.
    pub fn symbol(&self, id: u32) -> SymbolName {
        SymbolName::new(self.name(id))
    }

    /// The number of a symbol.
    pub fn find(&self, name: &str) -> Option<u32> {
        let mask = self.index.len().checked_sub(1)?;
        let mut at = hash_of(name.as_bytes()) as usize & mask;
        loop {
            match self.index.all().get(at)?.checked_sub(1) {
                None => return None,
                Some(id) if self.text.run(self.names.get(id)) == name.as_bytes() => {
                    return Some(id);
                }
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// The number of a symbol that this process has.
    fn find_symbol(&self, symbol: SymbolName) -> Option<u32> {
        let known = self.symbol_places.get(symbol.index()).copied().unwrap_or(0);
        known.checked_sub(1).or_else(|| self.find(symbol.as_str()))
    }

    /// Whether a unit has contents.
    pub fn is_defined(&self, id: u32) -> bool {
        self.flags.get(id) & DEFINED != 0
    }

    /// The number of a unit with contents.
    pub fn find_defined(&self, name: &str) -> Option<u32> {
        self.find(name).filter(|&id| self.is_defined(id))
    }

    /// The units of a part, sorted by symbol.
    pub fn part(&self, part: Part) -> &[u32] {
        &self.parts[part as usize]
    }

    pub(crate) fn unit(&self, id: u32) -> Unit {
        self.units.get(id)
    }

    /// A unit's code or data, with nothing filled in.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.bytes.run(self.units.get(id).bytes)
    }

    pub(crate) fn relocs(&self, id: u32) -> &[Reference] {
        self.relocs.run(self.units.get(id).relocs)
    }

    /// The places in a unit that hold line numbers.
    pub fn line_places(&self, id: u32) -> &[Line] {
        self.lines.run(self.units.get(id).line_places)
    }

    /// Where a function's lines begin, sorted by offset. Only where debug information is wanted.
    pub fn line_rows(&self, id: u32) -> &[Line] {
        self.lines.run(self.units.get(id).line_rows)
    }

    /// Which part a unit belongs to, if it has contents.
    pub fn part_of(&self, id: u32) -> Option<Part> {
        let (flags, unit) = (self.flags.get(id), self.units.get(id));
        match (flags & DEFINED != 0, flags & FUNCTION != 0) {
            (false, _) => None,
            (true, true) => Some(Part::Functions),
            _ if flags & WRITABLE == 0 => Some(Part::Constants),
            _ if unit.bytes.len == 0 && unit.relocs.len == 0 => Some(Part::Zeroes),
            _ => Some(Part::Variables),
        }
    }
}

fn hash_of(name: &[u8]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(name);
    hasher.finish()
}

/// The outermost body that a definition is inside of or has itself: what is checked and compiled as one.
pub fn outermost_body(db: &dyn Db, def: DefId) -> Option<DefId> {
    let mut found = None;
    let mut at = Some(def);
    while let Some(def) = at {
        let has_body = matches!(
            def.kind(db),
            DefKind::Func
                | DefKind::Init
                | DefKind::Deinit
                | DefKind::Accessor(_)
                | DefKind::Binding
                | DefKind::TopLevel
                | DefKind::Macro
        );
        if has_body {
            found = Some(def);
        }
        at = def.parent(db);
    }
    found
}
