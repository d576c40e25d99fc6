//! Putting what an update has found in its place. No query is asked here, so that nothing can interrupt it.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::derive::{Derived, Tables, tables};
use super::table::{Bits, Plain, Span, Table};
use super::update::{Fresh, LinePlace, Place, Update, line_keys};
use super::{
    ASKS, DEFINED, DERIVED, FUNCTION, Generator, Line, LineDef, MANY, METADATA, NONE, Part,
    ProgramRecord, Reference, SLOT, Unit, WRITABLE, Words, hash_of, linkage_number, words,
};
use crate::base::Name;
use crate::codegen::blob::{LineKey, Linkage, Reloc, RelocKind, SymbolName};
use crate::codegen::dispatch::NO_INSTANCE;
use crate::codegen::key::{Blob, CodeKey};
use crate::codegen::metadata::{CONFORMANCES_OFFSET, INSTANCES_OFFSET};

/// What an update has found.
pub(super) struct Found {
    fresh: Vec<Fresh>,
    new_symbols: Vec<SymbolName>,
    reached: Bits,
    roots: Vec<u32>,
    derived: Option<Derived>,
    line_places: FxHashMap<u64, LinePlace>,
    moved_lines: FxHashMap<(u32, u32), (u32, Place)>,
    has_moved: bool,
    wants_rows: bool,
}

impl<G: Generator> Update<'_, '_, G> {
    /// The update without the record.
    pub fn into_found(self) -> Found {
        Found {
            wants_rows: self.generator().is_some_and(Generator::wants_rows),
            has_moved: !self.moved.is_empty(),
            fresh: self.fresh,
            new_symbols: self.new_symbols,
            reached: self.reached,
            roots: self.roots,
            derived: self.derived,
            line_places: self.line_places,
            moved_lines: self.moved_lines,
        }
    }
}

/// Writes a run where the old one was, if it fits there.
fn put<T: Plain>(table: &mut Table<T>, old: Span, values: &[T]) -> Span {
    if values.len() > old.len as usize {
        return table.extend(values);
    }
    let span = Span {
        start: old.start,
        len: values.len() as u32,
    };
    table.run_mut(span).copy_from_slice(values);
    span
}

impl ProgramRecord {
    /// Takes over what was found; returns the units that differ from before, and those that are gone.
    pub(super) fn apply(&mut self, found: Found) -> (Vec<u32>, Vec<u32>) {
        for &symbol in &found.new_symbols {
            self.add(symbol.as_str());
            self.know(symbol);
        }
        self.generated = found.fresh.iter().map(|fresh| fresh.key).collect();
        let mut changed: Vec<u32> = Vec::new();
        let mut gone: Vec<u32> = Vec::new();
        let mut moved: Vec<(u32, Option<Part>)> = Vec::new();
        let mut reached = found.reached;
        self.roots = found.roots;
        for fresh in &found.fresh {
            let before = self.part_of(fresh.id);
            if self.write(fresh, &found.line_places, found.wants_rows) {
                changed.push(fresh.id);
            }
            if before != self.part_of(fresh.id) {
                moved.push((fresh.id, before));
            }
        }
        if found.has_moved {
            self.move_lines(&found.moved_lines, &mut changed);
        }
        if let Some(derived) = &found.derived {
            self.fill_in(derived, &mut reached, &mut changed, &mut moved);
            for id in 0..self.len() as u32 {
                if self.is_defined(id) && !reached.contains(id) {
                    moved.push((id, self.part_of(id)));
                    gone.push(id);
                    self.flags.set(id, 0);
                }
            }
        }
        self.sort(moved);
        changed.sort_unstable();
        changed.dedup();
        changed.retain(|&id| self.is_defined(id));
        (changed, gone)
    }

    /// Adds a symbol that is not there.
    pub(super) fn add(&mut self, name: &str) -> u32 {
        let span = self.text.extend(name.as_bytes());
        let id = self.names.push(span);
        self.flags.push(0);
        self.units.push(Unit::default());
        self.references.push(Span::default());
        self.made_from.push(NONE);
        self.keys.push(None);
        self.key_spans.push(Span::default());
        if self.index.len() < 2 * self.names.len() {
            self.rebuild_index();
        } else {
            place(&mut self.index, name.as_bytes(), id);
        }
        id
    }

    fn rebuild_index(&mut self) {
        let size = (self.names.len() * 4).next_power_of_two().max(64);
        let mut index = Table::from(vec![0; size]);
        for (id, &name) in (0..).zip(self.names.all()) {
            place(&mut index, self.text.run(name), id);
        }
        self.index = index;
    }

    /// Notes where a symbol of this process is.
    fn know(&mut self, symbol: SymbolName) -> u32 {
        let id = match self.find_symbol(symbol) {
            Some(id) => id,
            None => self.add(symbol.as_str()),
        };
        if self.symbol_places.len() <= symbol.index() {
            let size = (symbol.index() + 1).max(SymbolName::index_limit());
            self.symbol_places.resize(size, 0);
        }
        self.symbol_places[symbol.index()] = id + 1;
        id
    }

    fn reference(&mut self, reloc: &Reloc) -> Reference {
        let target = self.know(reloc.target);
        Reference::new(reloc.offset, target, reloc.addend, reloc.kind)
    }

    /// Writes a unit; whether it differs from what was there.
    pub(super) fn write(
        &mut self,
        fresh: &Fresh,
        places: &FxHashMap<u64, LinePlace>,
        wants_rows: bool,
    ) -> bool {
        let id = fresh.id;
        let was_defined = self.is_defined(id);
        let old = match was_defined {
            true => self.units.get(id),
            false => Unit::default(),
        };
        let mut unit = self.write_blob(&fresh.unit.blob, old);
        let mut numbers = Vec::new();
        for key in line_keys(&fresh.unit.blob, wants_rows) {
            numbers.push(self.line_number(key, places));
        }
        let (line_relocs, rows): (_, &[_]) = match &fresh.unit.blob {
            Blob::Function(blob) => (&blob.line_relocs, &blob.line_rows),
            Blob::Data(blob) => (&blob.line_relocs, &[]),
        };
        let offsets = line_relocs
            .iter()
            .map(|reloc| (reloc.offset, reloc.key.expr));
        let offsets = offsets.chain(rows.iter().map(|row| (row.offset, row.key.expr)));
        let lines = offsets.zip(numbers).zip(&fresh.lines);
        let lines_of_unit: Vec<Line> = lines
            .map(|(((offset, expr), def), &(line, path))| Line {
                offset,
                def,
                expr,
                line,
                path: path.map_or(NONE, |path| self.path_number(path)),
            })
            .collect();
        let count = line_relocs.len().min(lines_of_unit.len());
        let (relocs, rows) = lines_of_unit.split_at(count);
        let same_lines =
            self.lines.run(old.line_places) == relocs && self.lines.run(old.line_rows) == rows;
        unit.line_places = put(&mut self.lines, old.line_places, relocs);
        unit.line_rows = put(&mut self.lines, old.line_rows, rows);
        unit.protocols = put(&mut self.ids, old.protocols, &fresh.protocols);
        unit.answers = Span {
            len: 0,
            ..old.answers
        };
        if let CodeKey::Metadata(ty) = fresh.key {
            unit.nesting = ty.nesting();
        }
        let references = put(&mut self.ids, self.references.get(id), &fresh.references);
        self.references.set(id, references);
        let flags = DEFINED
            | if matches!(fresh.unit.blob, Blob::Function(_)) {
                FUNCTION
            } else {
                0
            }
            | if matches!(&fresh.unit.blob, Blob::Data(blob) if blob.writable) {
                WRITABLE
            } else {
                0
            }
            | if matches!(fresh.key, CodeKey::Metadata(_)) {
                METADATA
            } else {
                0
            }
            | if matches!(fresh.key, CodeKey::DynamicSlot(_)) {
                SLOT
            } else {
                0
            }
            | if fresh.protocols.is_empty() { 0 } else { ASKS };
        self.flags.set(id, flags);
        let from = self.body_number(&fresh.made_from);
        self.made_from.set(id, from);
        if let Some(mut reverse) = self.reverse.take() {
            for body in self.bodies_of(id) {
                reverse.by_body.add(body, id);
            }
            for line in &lines_of_unit {
                reverse.by_line_def.add(line.def, id);
            }
            self.reverse = Some(reverse);
        }
        if let Some(key) = self.keys.get_mut(id as usize) {
            *key = Some(fresh.key);
        }
        self.units.set(id, unit);
        let same = |a: &Unit, b: &Unit| {
            (a.align, a.zero_size, a.linkage) == (b.align, b.zero_size, b.linkage)
        };
        // What will be filled in is not there yet, so that metadata always count as different.
        let same = was_defined
            && unit.bytes == old.bytes
            && unit.relocs == old.relocs
            && same_lines
            && same(&unit, &old)
            && unit.derived == UNCHANGED;
        if unit.derived == UNCHANGED {
            unit.derived = 0;
            self.units.set(id, unit);
        }
        !same
    }

    /// Writes the bytes and relocations of a blob. [`Unit::derived`] says whether they are as they were.
    fn write_blob(&mut self, blob: &Blob, old: Unit) -> Unit {
        let (bytes, relocs, linkage, align, zero_size) = match blob {
            Blob::Function(b) => (&b.code, &b.relocs, b.linkage, b.align, 0),
            Blob::Data(b) => (&b.bytes, &b.relocs, b.linkage, b.align, b.zero_size),
        };
        let relocs: Vec<Reference> = relocs.iter().map(|reloc| self.reference(reloc)).collect();
        let same = self.bytes.run(old.bytes) == bytes.as_slice()
            && self.relocs.run(old.relocs) == relocs.as_slice();
        Unit {
            bytes: put(&mut self.bytes, old.bytes, bytes),
            own_relocs: relocs.len() as u32,
            relocs: put(&mut self.relocs, old.relocs, &relocs),
            linkage: linkage_number(linkage),
            align,
            zero_size,
            derived: if same { UNCHANGED } else { 0 },
            ..Unit::default()
        }
    }

    fn path_number(&mut self, path: Name) -> u32 {
        // A module has few files, and rows of one file come together.
        let found = self.paths.iter().rposition(|&known| known == path);
        found.unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        }) as u32
    }

    fn line_number(&mut self, key: LineKey, places: &FxHashMap<u64, LinePlace>) -> u32 {
        if let Some(&number) = self.line_places.get(&key.def) {
            return number;
        }
        let Some(place) = places.get(&key.def) else {
            return NONE;
        };
        let def = LineDef {
            fingerprint: words(place.def),
            file: words(place.file),
        };
        let number = self.line_defs.push(def);
        self.line_numbers.resize(number as usize, 0);
        self.line_numbers.push(key.def);
        self.line_places.insert(key.def, number);
        number
    }

    fn body_number(&mut self, bodies: &[Words]) -> u32 {
        let mut numbers: Vec<u32> = Vec::with_capacity(bodies.len());
        if self.body_places.is_empty() {
            let known = self.bodies.all().iter().copied();
            self.body_places = known.zip(0..).collect();
        }
        for &body in bodies {
            let next = self.bodies.len() as u32;
            let number = *self.body_places.entry(body).or_insert(next);
            if number == next {
                self.bodies.push(body);
            }
            numbers.push(number);
        }
        match *numbers.as_slice() {
            [] => NONE,
            [one] => one,
            _ => {
                let span = self.ids.extend(&numbers);
                self.spans.push(span) | MANY
            }
        }
    }

    /// Puts the lines of expressions where they are now.
    fn move_lines(&mut self, lines: &FxHashMap<(u32, u32), (u32, Place)>, changed: &mut Vec<u32>) {
        let mut rows: FxHashMap<(u32, u32), (u32, u32)> = FxHashMap::default();
        for (&at, &(_, (line, path))) in lines {
            let path = path.map_or(NONE, |path| self.path_number(path));
            rows.insert(at, (line, path));
        }
        for id in self.units_with_lines(lines.keys().map(|at| at.0)) {
            if !self.is_defined(id) {
                continue;
            }
            let unit = self.units.get(id);
            let mut differs = false;
            for entry in self.lines.run_mut(unit.line_places) {
                if let Some(&(line, _)) = lines.get(&(entry.def, entry.expr)) {
                    differs |= entry.line != line;
                    entry.line = line;
                }
            }
            for entry in self.lines.run_mut(unit.line_rows) {
                if let Some(&place) = rows.get(&(entry.def, entry.expr)) {
                    differs |= (entry.line, entry.path) != place;
                    (entry.line, entry.path) = place;
                }
            }
            if differs {
                changed.push(id);
            }
        }
    }

    /// At least the units with lines of these definitions.
    pub(super) fn units_with_lines(&self, defs: impl Iterator<Item = u32>) -> Vec<u32> {
        let Some(reverse) = &self.reverse else {
            return (0..self.len() as u32).collect();
        };
        let defs: FxHashSet<u32> = defs.collect();
        let units = defs.into_iter().flat_map(|def| reverse.by_line_def.of(def));
        let mut units: Vec<u32> = units.collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Makes the tables of metadata and numbers the dynamic calls.
    fn fill_in(
        &mut self,
        derived: &Derived,
        reached: &mut Bits,
        changed: &mut Vec<u32>,
        moved: &mut Vec<(u32, Option<Part>)>,
    ) {
        self.protocols = derived.protocols.clone();
        for (number, call) in (0u64..).zip(&derived.calls) {
            let mut unit = self.units.get(call.slot);
            let bytes = number.to_le_bytes();
            if self.bytes.run(unit.bytes) != bytes {
                changed.push(call.slot);
            }
            unit.bytes = put(&mut self.bytes, unit.bytes, &bytes);
            let pairs = call.types.iter().map(|s| (s.metadata, s.instance));
            unit.answers = self.put_pairs(unit.answers, pairs);
            self.units.set(call.slot, unit);
        }
        let tables = tables(derived);
        let none = Tables::default();
        for id in 0..self.len() as u32 {
            if self.flags.get(id) & METADATA == 0 || !reached.contains(id) {
                continue;
            }
            let table = tables.get(&id).unwrap_or(&none);
            let mut unit = self.units.get(id);
            let hash = hash_of_tables(table);
            if unit.derived != hash {
                changed.push(id);
                self.fill_in_metadata(id, table, hash, changed, moved);
                unit = self.units.get(id);
            }
            unit.answers = self.put_pairs(unit.answers, table.conformances.iter().copied());
            self.units.set(id, unit);
            for name in [!table.conformances.is_empty(), !table.instances.is_empty()]
                .into_iter()
                .zip(TABLES)
                .filter_map(|(is_there, name)| is_there.then_some(name))
            {
                if let Some(id) = self.find(&format!("{}{name}", self.name(id))) {
                    reached.insert(id);
                }
            }
        }
    }

    fn put_pairs(&mut self, old: Span, pairs: impl Iterator<Item = (u32, u32)>) -> Span {
        let pairs: Vec<u32> = pairs.flat_map(|(a, b)| [a, b]).collect();
        if self.ids.run(old) == pairs {
            return old;
        }
        put(&mut self.ids, old, &pairs)
    }

    fn fill_in_metadata(
        &mut self,
        id: u32,
        table: &Tables,
        hash: u64,
        changed: &mut Vec<u32>,
        moved: &mut Vec<(u32, Option<Part>)>,
    ) {
        let pointer = |offset: usize, target, addend| {
            Reference::new(offset as u32, target, addend, RelocKind::Abs64)
        };
        let mut unit = self.units.get(id);
        let own = self.relocs.run(unit.relocs);
        let mut relocs: Vec<Reference> =
            own.iter().take(unit.own_relocs as usize).copied().collect();
        let mut count = 0u64;
        if !table.conformances.is_empty() {
            count = table.conformances.len() as u64;
            let pairs = (0..).step_by(16).zip(&table.conformances);
            let pairs = pairs.flat_map(|(at, &(protocol, witnesses))| {
                [pointer(at, protocol, 0), pointer(at + 8, witnesses, 0)]
            });
            let pairs: Vec<Reference> = pairs.collect();
            let list = self.write_table(id, TABLES[0], 16 * count as usize, &pairs, changed, moved);
            relocs.push(pointer(CONFORMANCES_OFFSET, list, 0));
        }
        if let (Some(first), Some(last)) = (table.instances.first(), table.instances.last()) {
            let first = first.0;
            let no_instance = self.know(SymbolName::new(NO_INSTANCE));
            let entries = table.instances.iter().map(|&(number, target)| {
                pointer(
                    8 * (number - first) as usize,
                    target.unwrap_or(no_instance),
                    0,
                )
            });
            let entries: Vec<Reference> = entries.collect();
            let size = 8 * (last.0 - first + 1) as usize;
            let list = self.write_table(id, TABLES[1], size, &entries, changed, moved);
            // To where the entry of call 0 would be.
            relocs.push(pointer(INSTANCES_OFFSET, list, -8 * i64::from(first)));
        }
        unit.relocs = put(&mut self.relocs, unit.relocs, &relocs);
        unit.derived = hash;
        self.units.set(id, unit);
        let place = self.bytes.run_mut(unit.bytes);
        if let Some(place) = place.get_mut(CONFORMANCES_OFFSET + 8..CONFORMANCES_OFFSET + 16) {
            place.copy_from_slice(&count.to_le_bytes());
        }
    }

    /// Writes a table that belongs to metadata.
    fn write_table(
        &mut self,
        metadata: u32,
        name: &str,
        size: usize,
        relocs: &[Reference],
        changed: &mut Vec<u32>,
        moved: &mut Vec<(u32, Option<Part>)>,
    ) -> u32 {
        let name = format!("{}{name}", self.name(metadata));
        let id = match self.find(&name) {
            Some(id) => id,
            None => self.add(&name),
        };
        let before = self.part_of(id);
        let old = self.units.get(id);
        let unit = Unit {
            bytes: put(&mut self.bytes, old.bytes, &vec![0; size]),
            relocs: put(&mut self.relocs, old.relocs, relocs),
            own_relocs: relocs.len() as u32,
            linkage: linkage_number(Linkage::Local),
            align: 8,
            ..Unit::default()
        };
        self.units.set(id, unit);
        self.flags.set(id, DEFINED | DERIVED);
        changed.push(id);
        if before.is_none() {
            moved.push((id, None));
        }
        id
    }

    /// Brings the parts in order. `moved` are the units that were in another part before, or in none.
    pub(super) fn sort(&mut self, moved: Vec<(u32, Option<Part>)>) {
        let mut parts = std::mem::take(&mut self.parts);
        let mut gone: [Vec<u32>; 4] = Default::default();
        let mut come: [Vec<u32>; 4] = Default::default();
        for (id, before) in moved {
            let now = self.part_of(id);
            if now == before {
                continue;
            }
            if let Some(section) = before {
                gone[section as usize].push(id);
            }
            if let Some(section) = now {
                come[section as usize].push(id);
            }
        }
        let name = |id: u32| self.text.run(self.names.get(id));
        for ((units, mut gone), mut come) in parts.iter_mut().zip(gone).zip(come) {
            if gone.len() > 64 {
                gone.sort_unstable();
                units.retain(|id| gone.binary_search(id).is_err());
            } else {
                for id in gone {
                    let at = units.partition_point(|&other| name(other) < name(id));
                    if units.get(at) == Some(&id) {
                        units.remove(at);
                    }
                }
            }
            come.sort_unstable();
            come.dedup();
            if come.len() > 64 {
                units.append(&mut come);
                units.sort_unstable_by(|&a, &b| name(a).cmp(name(b)));
            } else {
                for id in come {
                    let at = units.partition_point(|&other| name(other) < name(id));
                    units.insert(at, id);
                }
            }
        }
        self.parts = parts;
    }
}

/// Marks a unit that was written as it was.
const UNCHANGED: u64 = u64::MAX;

/// What is behind the symbol of metadata in the symbols of its tables.
const TABLES: [&str; 2] = ["'conformances", "'instances"];

fn hash_of_tables(table: &Tables) -> u64 {
    if table.conformances.is_empty() && table.instances.is_empty() {
        return 0;
    }
    // Neither that of no tables nor the mark.
    FxBuildHasher.hash_one(table) >> 1 | 1
}

fn place(index: &mut Table<u32>, name: &[u8], id: u32) {
    let mask = index.len() - 1;
    let mut at = hash_of(name) as usize & mask;
    while index.get(at as u32) != 0 {
        at = (at + 1) & mask;
    }
    index.set(at as u32, id + 1);
}
