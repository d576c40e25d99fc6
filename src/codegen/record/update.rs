//! From the entry to everything that it reaches.
//!
//! Each function or datum names what it refers to, and that is generated in turn: nothing that is not used is compiled. Where the record has
//! what is referred to, its own references are followed without asking anybody. When nothing new turns up any more, what depends on the whole
//! program may lead further (see `derive.rs`).
//!
//! Everything here only reads the record. What is found is put there at the end, when no query can be interrupted any more.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::base::{Fingerprint, Name, Processors};
use crate::items::ids::DefId;
use crate::mir::data::{FnKind, Instance};
use crate::types::ty::Ty;

use super::derive::{Derived, derive};
use super::queue::work_through;
use super::table::Bits;
use super::{ASKS, DEFINED, METADATA, ProgramRecord, SLOT, Words, fingerprint, words};
use crate::codegen::blob::{LineKey, SymbolName};
use crate::codegen::key::{Blob, CodeKey, CodeUnit, CodegenError, DynamicCall};

/// More than this is not looked at one by one.
const FEW: usize = 64;

/// What one thread needs to generate code.
pub trait Generator: Send {
    /// The memoised code of a key.
    fn unit(&self, key: CodeKey) -> Result<Arc<CodeUnit>, CodegenError>;
    /// Whether the type of a metadata record lists a protocol's descriptor among its conformances.
    fn conforms(&self, metadata: CodeKey, descriptor: CodeKey) -> bool;
    /// Whether a dynamic call may meet values of a type.
    fn serves(&self, call: DynamicCall, ty: Ty) -> bool;
    fn symbol(&self, key: &CodeKey) -> SymbolName;
    /// The line of an expression.
    fn line(&self, key: LineKey) -> u32;
    /// Where an expression stands, for debuggers; none in the standard library, whose text is nowhere that they could show it from.
    fn place(&self, _key: LineKey) -> Option<(Name, u32)> {
        None
    }
    /// What a line key's definition is in every process.
    fn line_place(&self, key: LineKey) -> LinePlace;
    /// The outermost bodies that a key's code is made from.
    fn bodies(&self, _key: &CodeKey) -> SmallVec<[DefId; 2]> {
        SmallVec::new()
    }
    /// What a definition is in every process.
    fn fingerprint(&self, _def: DefId) -> Fingerprint {
        Fingerprint::ZERO
    }
    /// The definitions with bodies in the files whose text has moved, by fingerprint, as line keys know them.
    fn moved(&self) -> FxHashMap<Fingerprint, u64> {
        FxHashMap::default()
    }
    /// The fingerprints of those files.
    fn moved_files(&self) -> Vec<Fingerprint> {
        Vec::new()
    }
    /// The key of a unit of a record that another process has made.
    fn decode(&self, _record: &ProgramRecord, _id: u32) -> Option<CodeKey> {
        None
    }
    /// Whether to keep line rows.
    fn wants_rows(&self) -> bool {
        false
    }
}

/// A definition that lines belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinePlace {
    pub def: Fingerprint,
    /// The file in which the lines are.
    pub file: Fingerprint,
}

/// A line, and the path of its file if debuggers are told about it.
pub(super) type Place = (u32, Option<Name>);

pub(super) fn row_place(generator: &impl Generator, key: LineKey) -> Place {
    match generator.place(key) {
        Some((path, line)) => (line, Some(path)),
        None => (0, None),
    }
}

/// Code that was generated now.
pub(super) struct Fresh {
    pub id: u32,
    pub key: CodeKey,
    pub unit: Arc<CodeUnit>,
    /// The numbers of what it refers to.
    pub references: Box<[u32]>,
    pub protocols: Box<[u32]>,
    /// The lines of its line relocations and line rows, of these with the path.
    pub lines: Vec<Place>,
    pub made_from: SmallVec<[Words; 2]>,
}

/// The error of an update that cannot go on with the record that it was given.
pub enum Failure {
    /// Code that could not be generated.
    Errors(Vec<CodegenError>),
    /// A key is needed that the record does not know.
    Unknown,
}

/// An update under way.
pub(super) struct Update<'r, 'g, G> {
    pub record: &'r ProgramRecord,
    generators: &'g mut [G],
    processors: &'g Processors,
    /// Units that may not be taken from the record.
    stale: Bits,
    pub fresh: Vec<Fresh>,
    /// By unit: the number of its fresh code plus one.
    fresh_at: Vec<u32>,
    /// The symbols of units that the record does not have, which come behind its own.
    pub new_symbols: Vec<SymbolName>,
    ids: FxHashMap<SymbolName, u32>,
    /// Keys of units that were not generated now.
    keys: FxHashMap<u32, CodeKey>,
    pub reached: Bits,
    /// What everything else is reached from, sorted.
    pub roots: Vec<u32>,
    /// Everything in the record is reached, and nothing else.
    is_same: bool,
    /// Of what is reached, by kind.
    pub metadata: Vec<u32>,
    pub slots: Vec<u32>,
    pub protocols: Vec<u32>,
    /// What depends on the whole program; none if it is as in the record.
    pub derived: Option<Derived>,
    /// The places of definitions that the record has no lines of.
    pub line_places: FxHashMap<u64, LinePlace>,
    /// For definitions of the record whose text has moved: line keys.
    pub moved: FxHashMap<u32, Option<u64>>,
    /// The lines of expressions there, and what debuggers are told.
    pub moved_lines: FxHashMap<(u32, u32), (u32, Place)>,
}

impl<'r, 'g, G: Generator> Update<'r, 'g, G> {
    pub fn new(
        record: &'r ProgramRecord,
        generators: &'g mut [G],
        processors: &'g Processors,
        stale: Bits,
    ) -> Self {
        Update {
            record,
            generators,
            processors,
            stale,
            fresh: Vec::new(),
            fresh_at: vec![0; record.len()],
            new_symbols: Vec::new(),
            ids: FxHashMap::default(),
            keys: FxHashMap::default(),
            reached: Bits::new(record.len()),
            roots: Vec::new(),
            is_same: false,
            metadata: Vec::new(),
            slots: Vec::new(),
            protocols: Vec::new(),
            derived: None,
            line_places: FxHashMap::default(),
            moved: FxHashMap::default(),
            moved_lines: FxHashMap::default(),
        }
    }

    pub fn generator(&self) -> Option<&G> {
        self.generators.first()
    }

    /// The number of a symbol, a new one if need be.
    pub fn id_of(&mut self, symbol: SymbolName) -> u32 {
        if let Some(&id) = self.ids.get(&symbol) {
            return id;
        }
        let id = self.record.find_symbol(symbol).unwrap_or_else(|| {
            self.new_symbols.push(symbol);
            (self.record.len() + self.new_symbols.len() - 1) as u32
        });
        self.ids.insert(symbol, id);
        id
    }

    /// The number of a key's unit.
    pub fn id_of_key(&mut self, key: CodeKey) -> Option<u32> {
        let symbol = self.generator()?.symbol(&key);
        let id = self.id_of(symbol);
        self.keys.insert(id, key);
        Some(id)
    }

    /// The key of a unit.
    pub fn key_of(&self, id: u32) -> Option<CodeKey> {
        let fresh = self.fresh_of(id).map(|fresh| fresh.key);
        fresh
            .or_else(|| self.keys.get(&id).copied())
            .or_else(|| self.record.keys.get(id as usize).copied().flatten())
            .or_else(|| self.generator()?.decode(self.record, id))
    }

    pub fn fresh_of(&self, id: u32) -> Option<&Fresh> {
        let at = self.fresh_at.get(id as usize)?.checked_sub(1)?;
        self.fresh.get(at as usize)
    }

    pub fn symbol_of(&self, id: u32) -> &str {
        match (id as usize).checked_sub(self.record.len()) {
            None => self.record.name(id),
            Some(at) => self
                .new_symbols
                .get(at)
                .map_or("", |symbol| symbol.as_str()),
        }
    }

    /// Whether a unit can be taken from the record.
    pub fn is_kept(&self, id: u32) -> bool {
        self.record.flags.get(id) & DEFINED != 0 && !self.stale.contains(id)
    }

    /// How deeply the type of a metadata record is nested.
    pub fn nesting(&self, id: u32) -> u32 {
        match self.fresh_of(id).map(|fresh| fresh.key) {
            Some(CodeKey::Metadata(ty)) => ty.nesting(),
            _ => self.record.unit(id).nesting,
        }
    }

    /// Everything that the program consists of.
    pub fn run(&mut self, roots: &[CodeKey]) -> Result<(), Failure> {
        let mut queue = Vec::new();
        for &root in roots {
            queue.extend(self.id_of_key(root));
        }
        self.roots = queue.clone();
        self.roots.sort_unstable();
        self.roots.dedup();
        if self.has_same_references() {
            return self.find_lines();
        }
        queue.retain(|&id| self.reached.insert(id));
        self.close(queue)?;
        self.derived = Some(derive(self)?);
        self.find_lines()
    }

    /// Generates what is stale, and finds out whether the program still consists of the same units: it does if they refer to what they referred to, and if the roots are the same.
    /// That is how most edits are, and saves following all references.
    fn has_same_references(&mut self) -> bool {
        let record = self.record;
        let stale: Vec<u32> = self.stale.iter().collect();
        let stale: Vec<u32> = stale
            .into_iter()
            .filter(|&id| record.is_defined(id))
            .collect();
        let has_same_roots =
            self.roots == record.roots && self.roots.iter().all(|&id| record.is_defined(id));
        if record.is_empty() || stale.len() > FEW || !has_same_roots {
            return false;
        }
        let keys = stale.iter().map(|&id| self.key_of(id));
        let Some(keys) = keys.collect::<Option<Vec<CodeKey>>>() else {
            return false;
        };
        // Of closures and of local types and functions nobody knows whether they are still there.
        let is_outermost = |key: &CodeKey| match *key {
            CodeKey::Function(Instance { id, .. }) => {
                let is_whole = matches!(id.kind, FnKind::Body | FnKind::Allocate | FnKind::Main);
                let bodies = self.generator().map(|generator| generator.bodies(key));
                is_whole && bodies.is_some_and(|bodies| bodies.as_slice() == [id.def])
            }
            _ => false,
        };
        if !keys.iter().all(is_outermost) || self.generate(keys).is_err() {
            return false;
        }
        let is_same = |&id: &u32| {
            self.fresh_of(id).is_some_and(|fresh| {
                let protocols = record.ids.run(record.unit(id).protocols);
                let references = record.ids.run(record.references.get(id));
                *fresh.references == *references && *fresh.protocols == *protocols
            })
        };
        if self.fresh.len() != stale.len() || !stale.iter().all(is_same) {
            return false;
        }
        self.is_same = true;
        true
    }

    /// Follows references from `queue`, whose members are reached, and generates what is missing.
    pub fn close(&mut self, mut queue: Vec<u32>) -> Result<(), Failure> {
        let mut missing = Vec::new();
        loop {
            while let Some(id) = queue.pop() {
                if let Some(fresh) = self.fresh_of(id) {
                    let key = fresh.key;
                    let references = fresh.references.clone();
                    let protocols = fresh.protocols.clone();
                    self.note(
                        id,
                        &protocols,
                        matches!(key, CodeKey::Metadata(_)),
                        matches!(key, CodeKey::DynamicSlot(_)),
                    );
                    for &reference in &references {
                        if self.reached.insert(reference) {
                            queue.push(reference);
                        }
                    }
                } else if self.is_kept(id) {
                    let record = self.record;
                    let flags = record.flags.get(id);
                    if flags & (METADATA | SLOT | ASKS) != 0 {
                        let protocols = record.ids.run(record.unit(id).protocols);
                        self.note(id, protocols, flags & METADATA != 0, flags & SLOT != 0);
                    }
                    for &reference in record.ids.run(record.references.get(id)) {
                        if self.reached.insert(reference) {
                            queue.push(reference);
                        }
                    }
                } else {
                    missing.push(id);
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            let keys = missing.iter().map(|&id| self.key_of(id));
            let keys: Option<Vec<CodeKey>> = keys.collect();
            self.generate(keys.ok_or(Failure::Unknown)?)?;
            queue.append(&mut missing);
        }
    }

    fn note(&mut self, id: u32, protocols: &[u32], is_metadata: bool, is_slot: bool) {
        if is_metadata {
            self.metadata.push(id);
        }
        if is_slot {
            self.slots.push(id);
        }
        for &protocol in protocols {
            if !self.protocols.contains(&protocol) {
                self.protocols.push(protocol);
            }
        }
    }

    /// Generates the code of keys, and of everything that they reach and nobody has.
    fn generate(&mut self, keys: Vec<CodeKey>) -> Result<(), Failure> {
        let made = {
            let (record, stale) = (self.record, &self.stale);
            let has = |symbol: SymbolName| {
                let id = record.find_symbol(symbol);
                id.is_some_and(|id| record.flags.get(id) & DEFINED != 0 && !stale.contains(id))
            };
            work_through(self.generators, self.processors, keys, &has)
        };
        let mut errors = Vec::new();
        for made in made {
            let unit = match made.unit {
                Ok(unit) => unit,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let id = self.id_of(made.symbol);
            let references = made.references.iter().map(|&symbol| self.id_of(symbol));
            let references: Box<[u32]> = references.collect();
            for (&id, &key) in references.iter().zip(&unit.references) {
                if self.fresh_of(id).is_none() {
                    self.keys.insert(id, key);
                }
            }
            let protocols = unit.dynamic_protocols.iter();
            let protocols = protocols.map(|&protocol| self.id_of_key(protocol));
            let protocols: Option<Box<[u32]>> = protocols.collect();
            let at = id as usize;
            if self.fresh_at.len() <= at {
                self.fresh_at.resize(at + 1 + at / 2, 0);
            }
            if let Some(fresh) = self.fresh_of(id) {
                if fresh.key != made.key {
                    errors.push(CodegenError {
                        symbol: made.symbol.as_str().to_owned(),
                        message: "the symbol is defined more than once".to_owned(),
                    });
                }
                continue;
            }
            self.fresh_at[at] = self.fresh.len() as u32 + 1;
            self.fresh.push(Fresh {
                id,
                key: made.key,
                unit,
                references,
                protocols: protocols.unwrap_or_default(),
                lines: made.lines,
                made_from: SmallVec::new(),
            });
        }
        if errors.is_empty() {
            return Ok(());
        }
        errors.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        Err(Failure::Errors(errors))
    }

    /// Finds out about bodies and lines what needs the database.
    fn find_lines(&mut self) -> Result<(), Failure> {
        let Some(generator) = self.generators.first() else {
            return Ok(());
        };
        let wants_rows = generator.wants_rows();
        for fresh in &mut self.fresh {
            let bodies = generator.bodies(&fresh.key);
            let bodies = bodies
                .iter()
                .map(|&body| Words(words(generator.fingerprint(body))));
            fresh.made_from = bodies.collect();
            for key in line_keys(&fresh.unit.blob, wants_rows) {
                if !self.record.line_places.contains_key(&key.def) {
                    self.line_places
                        .entry(key.def)
                        .or_insert_with(|| generator.line_place(key));
                }
            }
        }
        let files: FxHashSet<[u64; 2]> = generator.moved_files().into_iter().map(words).collect();
        if files.is_empty() || self.record.is_empty() {
            return Ok(());
        }
        // In a process that has generated the code the numbers are known.
        let mut found: Option<FxHashMap<Fingerprint, u64>> = None;
        // One comparison is less than one look into a set.
        let file = files.iter().next().copied().filter(|_| files.len() == 1);
        for (number, def) in (0..).zip(self.record.line_defs.all()) {
            if file == Some(def.file) || file.is_none() && files.contains(&def.file) {
                let own = self.record.line_numbers.get(number as usize).copied();
                let key = own.filter(|&key| key != 0).or_else(|| {
                    let found = found.get_or_insert_with(|| generator.moved());
                    found.get(&fingerprint(def.fingerprint)).copied()
                });
                self.moved.insert(number, key);
            }
        }
        if self.moved.is_empty() {
            return Ok(());
        }
        for id in self.record.units_with_lines(self.moved.keys().copied()) {
            if !self.is_kept(id) || !(self.is_same || self.reached.contains(id)) {
                continue;
            }
            let unit = self.record.unit(id);
            for span in [unit.line_places, unit.line_rows] {
                for line in self.record.lines.run(span) {
                    if let Some(&def) = self.moved.get(&line.def) {
                        let expr = line.expr;
                        let find = || match def.map(|def| LineKey { def, expr }) {
                            None => (0, (0, None)),
                            Some(key) if wants_rows => {
                                (generator.line(key), row_place(generator, key))
                            }
                            Some(key) => (generator.line(key), (0, None)),
                        };
                        self.moved_lines
                            .entry((line.def, expr))
                            .or_insert_with(find);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The expressions whose lines a blob needs: first those of line relocations, then those of rows.
pub(super) fn line_keys(blob: &Blob, wants_rows: bool) -> impl Iterator<Item = LineKey> + '_ {
    let (relocs, rows): (_, &[_]) = match blob {
        Blob::Function(blob) => (&blob.line_relocs, &blob.line_rows),
        Blob::Data(blob) => (&blob.line_relocs, &[]),
    };
    let rows = if wants_rows { rows } else { &[] };
    let relocs = relocs.iter().map(|reloc| reloc.key);
    relocs.chain(rows.iter().map(|row| row.key))
}

/// The units that were made from one of these bodies.
pub(super) fn made_from(record: &ProgramRecord, bodies: &FxHashSet<Words>) -> Bits {
    let mut units = Bits::new(record.len());
    if let Some(reverse) = &record.reverse
        && !record.body_places.is_empty()
    {
        let numbers = bodies
            .iter()
            .filter_map(|body| record.body_places.get(body));
        for &number in numbers {
            for id in reverse.by_body.of(number) {
                // It may have been made from something else since.
                if record.bodies_of(id).any(|body| body == number) {
                    units.insert(id);
                }
            }
        }
        return units;
    }
    let mut stale = Bits::new(record.bodies.len());
    for (number, body) in (0..).zip(record.bodies.all()) {
        if bodies.contains(body) {
            stale.insert(number);
        }
    }
    for id in 0..record.len() as u32 {
        if record.bodies_of(id).any(|body| stale.contains(body)) {
            units.insert(id);
        }
    }
    units
}
