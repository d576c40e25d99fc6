//! Where each unit of a program goes in its image.
//!
//! A layout follows from the units and their sizes alone, so that every build of a program makes the same one. Within that it is made to stay as it
//! is when a unit grows. The units of a part, sorted by symbol, are cut into *groups* where the hash of a symbol says so: which group a unit belongs to
//! depends on few others. Each group has some room left at its end, and at fewer places more. So what moves when a unit changes
//! is the rest of its group, seldom more, and [`Layout::update`] looks at nothing else.

use std::ops::Range;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::runtime;
use crate::codegen::record::{Part, ProgramRecord};

/// The unit of memory protection. AArch64 systems may use larger pages, which its images must allow for.
pub(super) const PAGE: u64 = if cfg!(target_arch = "aarch64") {
    0x1_0000
} else {
    0x1000
};
/// Functions start where instruction fetch likes it.
const FUNCTION_ALIGN: u64 = 16;
/// A group has this many units on average.
const GROUP: u64 = 64;
/// A region has this many groups on average.
const REGION: u64 = 64;

/// What starts are multiples of: those of groups, and those of the groups that begin a region.
#[derive(Clone, Copy)]
struct Room {
    group: u64,
    region: u64,
}

const CODE_ROOM: Room = Room {
    group: 1024,
    region: 32 << 10,
};
const DATA_ROOM: Room = Room {
    group: 256,
    region: 8 << 10,
};
/// Of entries of the symbol table.
const SYMBOL_ROOM: Room = Room {
    group: 4,
    region: 256,
};
/// Of the bytes of names.
const NAME_ROOM: Room = Room {
    group: 256,
    region: 8 << 10,
};

/// A part of the image with one protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Where it starts in the file.
    pub offset: u64,
    pub address: u64,
    /// Its bytes in the file.
    pub file_size: u64,
    /// Its bytes in memory; what exceeds the file is zero.
    pub memory_size: u64,
}

impl Segment {
    /// Where addresses of the segment are in the file.
    pub(super) fn file_range(&self, addresses: &Range<u64>) -> Range<usize> {
        let file = |address: u64| (address - self.address + self.offset) as usize;
        file(addresses.start)..file(addresses.end)
    }
}

/// Units that lie together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Sorted by symbol.
    pub units: Vec<u32>,
    /// The addresses from the first unit to the next group.
    pub room: Range<u64>,
    /// The entries of the symbol table that the group has.
    pub symbols: Range<u64>,
    /// Where the names of its symbols lie in the string table.
    pub names: Range<u64>,
    /// What must be written again since the last image.
    pub contents_changed: bool,
    pub symbols_changed: bool,
    /// The bytes that the units take, and those of their names.
    size: u64,
    names_size: u64,
    begins_region: bool,
    /// Units came or went, or have other contents.
    is_touched: bool,
    /// Units came or went.
    has_other_units: bool,
}

impl Group {
    fn new(record: &ProgramRecord, units: Vec<u32>) -> Group {
        let first = units.first().copied().unwrap_or_default();
        Group {
            units,
            begins_region: record.name_hash(first).is_multiple_of(GROUP * REGION),
            is_touched: true,
            has_other_units: true,
            ..Group::default()
        }
    }

    /// Notes that units came or went.
    fn touch(&mut self, record: &ProgramRecord) {
        self.is_touched = true;
        self.has_other_units = true;
        if let Some(&first) = self.units.first() {
            self.begins_region = record.name_hash(first).is_multiple_of(GROUP * REGION);
        }
    }

    /// Where a group starts that comes behind `end`.
    fn start(&self, end: u64, room: Room) -> u64 {
        end.next_multiple_of(match self.begins_region {
            true => room.region,
            false => room.group,
        })
    }
}

fn begins_group(record: &ProgramRecord, id: u32) -> bool {
    record.name_hash(id).is_multiple_of(GROUP)
}

/// The addresses of a program's parts, and the places of its symbols.
#[derive(Default)]
pub struct Layout {
    pub text: Segment,
    pub read_only: Segment,
    pub writable: Segment,
    /// Where the symbol table starts in the file, and how many entries it has.
    pub symbols_offset: u64,
    pub symbol_count: u64,
    /// Where the names of symbols start in the file, and how many bytes they are.
    pub names_offset: u64,
    pub names_size: u64,
    /// Where the file goes on behind them.
    pub end: u64,
    parts: [Vec<Group>; 4],
    /// By unit; 0 is undefined.
    addresses: Vec<u64>,
    /// By unit the part that it is in, or [`NOWHERE`].
    places: Vec<u8>,
    /// Units with other addresses than in the last image.
    moved: Vec<u32>,
}

const NOWHERE: u8 = u8::MAX;

/// The addresses of what the runtime has.
static RUNTIME: LazyLock<FxHashMap<&'static str, u64>> = LazyLock::new(|| {
    let symbols = runtime::symbols().iter();
    symbols
        .map(|symbol| (symbol.name.as_str(), symbol.address))
        .collect()
});

/// The bytes that the names of the runtime's symbols take, with the empty name before them.
pub(super) fn runtime_names_size() -> u64 {
    let names = runtime::symbols().iter();
    1 + names
        .map(|symbol| symbol.name.as_str().len() as u64 + 1)
        .sum::<u64>()
}

/// The size of something that the file goes on behind, with room to grow.
fn with_room(size: u64) -> u64 {
    let unit = (size / 32).next_power_of_two() / 2;
    size.next_multiple_of(unit.max(PAGE))
}

impl Layout {
    /// The address of a unit of the program, or of a symbol of the runtime that the program refers to.
    pub fn address(&self, id: u32) -> Option<u64> {
        self.addresses
            .get(id as usize)
            .copied()
            .filter(|&address| address != 0)
    }

    /// Where in the file what is filled ends: of the three parts that it has, the symbol table, and its names. What follows is zero.
    pub(super) fn ends(&self) -> [u64; 5] {
        let variables = self.groups(Part::Variables).last();
        let variables = variables.map_or(0, |last| last.room.end - self.writable.address);
        [
            self.text.offset + self.text.file_size,
            self.read_only.offset + self.read_only.file_size,
            self.writable.offset + variables,
            self.symbols_offset + self.symbol_count * SYMBOL,
            self.names_offset + self.names_size,
        ]
    }

    /// The groups of a part in order.
    pub(super) fn groups(&self, part: Part) -> &[Group] {
        &self.parts[part as usize]
    }

    /// Where a part lies; none of those that the file does not have.
    pub(super) fn segment(&self, part: Part) -> Option<&Segment> {
        match part {
            Part::Functions => Some(&self.text),
            Part::Constants => Some(&self.read_only),
            Part::Variables => Some(&self.writable),
            Part::Zeroes => None,
        }
    }

    /// The part that a unit is in.
    pub(super) fn part_of(&self, id: u32) -> Option<Part> {
        let place = self.places.get(id as usize).copied()?;
        Part::ALL.get(place as usize).copied()
    }

    /// Lays out a program that starts at the given place of file and memory, both at the start of a page.
    pub(super) fn new(record: &ProgramRecord, offset: u64, address: u64) -> Self {
        let mut layout = Layout {
            addresses: vec![0; record.len()],
            places: vec![NOWHERE; record.len()],
            ..Layout::default()
        };
        layout.text.offset = offset;
        layout.text.address = address;
        for part in Part::ALL {
            let units = record.part(part);
            let mut groups = Vec::with_capacity(units.len() / GROUP as usize * 5 / 4 + 1);
            let mut rest = units;
            while let Some((_, others)) = rest.split_first() {
                let len = others.iter().position(|&id| begins_group(record, id));
                let (group, next) = rest.split_at(len.map_or(rest.len(), |len| len + 1));
                groups.push(Group::new(record, group.to_vec()));
                rest = next;
            }
            for &id in units {
                layout.places[id as usize] = part as u8;
            }
            layout.parts[part as usize] = groups;
        }
        layout.find_in_runtime(record, 0);
        layout.place(record);
        layout
    }

    /// Brings the layout up to date with a record in which units have changed, or are gone. Returns whether the parts are still at their
    /// places; if not, an image must be written from the start. Groups say what has changed until [`Layout::settle`].
    pub(super) fn update(&mut self, record: &ProgramRecord, changed: &[u32], gone: &[u32]) -> bool {
        let known = self.addresses.len();
        self.addresses.resize(record.len(), 0);
        self.places.resize(record.len(), NOWHERE);
        for &id in changed.iter().chain(gone) {
            let before = self.part_of(id);
            let now = record.part_of(id);
            if before == now {
                if let Some(part) = now
                    && let Some(group) = self.group_of(record, part, id)
                {
                    self.parts[part as usize][group].is_touched = true;
                }
                continue;
            }
            if let Some(part) = before {
                self.remove(record, part, id);
            }
            if let Some(part) = now {
                self.insert(record, part, id);
            }
            self.places[id as usize] = now.map_or(NOWHERE, |part| part as u8);
            if now.is_none() {
                self.addresses[id as usize] = RUNTIME.get(record.name(id)).copied().unwrap_or(0);
            }
        }
        self.find_in_runtime(record, known);
        let places = |layout: &Layout| {
            let segments = [layout.text, layout.read_only, layout.writable];
            let sizes = segments.map(|s| (s.file_size == 0, s.memory_size == 0));
            let starts = segments.map(|segment| (segment.offset, segment.address));
            let tables = (layout.symbols_offset, layout.names_offset, layout.end);
            (starts, sizes, tables)
        };
        let before = places(self);
        self.place(record);
        before == places(self)
    }

    /// Forgets what has changed: an image has been written. Returns the units that have moved.
    pub(super) fn settle(&mut self) -> Vec<u32> {
        for group in self.parts.iter_mut().flatten() {
            group.contents_changed = false;
            group.symbols_changed = false;
        }
        std::mem::take(&mut self.moved)
    }

    /// The units that have moved.
    pub(super) fn moved(&self) -> &[u32] {
        &self.moved
    }

    /// Finds the addresses of units that the program does not have.
    fn find_in_runtime(&mut self, record: &ProgramRecord, from: usize) {
        for id in from..self.addresses.len() {
            if self.places[id] == NOWHERE {
                self.addresses[id] = RUNTIME.get(record.name(id as u32)).copied().unwrap_or(0);
            }
        }
    }

    /// The group that a unit belongs to, if it is there or were.
    fn group_of(&self, record: &ProgramRecord, part: Part, id: u32) -> Option<usize> {
        let name = record.name(id);
        let is_before = |group: &Group| {
            let first = group.units.first();
            first.is_some_and(|&first| record.name(first) <= name)
        };
        let behind = self.parts[part as usize].partition_point(is_before);
        behind.checked_sub(1)
    }

    fn remove(&mut self, record: &ProgramRecord, part: Part, id: u32) {
        let Some(at) = self.group_of(record, part, id) else {
            return;
        };
        let groups = &mut self.parts[part as usize];
        let group = &mut groups[at];
        group.units.retain(|&unit| unit != id);
        let has_no_start = match group.units.first() {
            None => true,
            Some(&first) => at > 0 && !begins_group(record, first),
        };
        group.touch(record);
        if has_no_start {
            let rest = groups.remove(at);
            // The group before has the room now, and what was left of this one.
            if let Some(before) = at.checked_sub(1).and_then(|at| groups.get_mut(at)) {
                before.units.extend(rest.units);
                before.touch(record);
            }
        }
    }

    fn insert(&mut self, record: &ProgramRecord, part: Part, id: u32) {
        let place = self.group_of(record, part, id);
        let groups = &mut self.parts[part as usize];
        let begins = begins_group(record, id);
        let Some(at) = place else {
            match groups.first_mut() {
                // What was the first group may have begun only because it was the first.
                Some(first) if !begins_group(record, first.units[0]) => {
                    first.units.insert(0, id);
                    first.touch(record);
                }
                _ => groups.insert(0, Group::new(record, vec![id])),
            }
            return;
        };
        let name = record.name(id);
        let group = &mut groups[at];
        let place = group
            .units
            .partition_point(|&unit| record.name(unit) < name);
        group.touch(record);
        if begins {
            let mut units = vec![id];
            units.extend(group.units.drain(place..));
            groups.insert(at + 1, Group::new(record, units));
        } else {
            group.units.insert(place, id);
        }
    }

    /// Gives everything its place that does not have it.
    fn place(&mut self, record: &ProgramRecord) {
        let start = self.text.address;
        let end = self.place_part(record, Part::Functions, start);
        self.text.file_size = end - start;
        self.text.memory_size = end - start;

        let after = |segment: &Segment| Segment {
            offset: segment.offset + with_room(segment.file_size),
            address: segment.address + with_room(segment.file_size),
            ..Segment::default()
        };
        self.read_only = after(&self.text);
        let start = self.read_only.address;
        let end = self.place_part(record, Part::Constants, start);
        self.read_only.file_size = end - start;
        self.read_only.memory_size = end - start;

        self.writable = after(&self.read_only);
        let start = self.writable.address;
        let end = self.place_part(record, Part::Variables, start);
        self.writable.file_size = with_room(end - start);
        // What is all zero comes last, and takes no room in the file.
        let zeroes = start + self.writable.file_size;
        let end = self.place_part(record, Part::Zeroes, zeroes);
        self.writable.memory_size = end - start;
        self.place_symbols(record);
    }

    /// Places the units of a part where anything has changed; returns where it ends.
    fn place_part(&mut self, record: &ProgramRecord, part: Part, start: u64) -> u64 {
        let (room, least) = match part {
            Part::Functions => (CODE_ROOM, FUNCTION_ALIGN),
            _ => (DATA_ROOM, 1),
        };
        let groups = &mut self.parts[part as usize];
        let mut end = start;
        let mut before: Option<&mut Group> = None;
        for group in groups {
            let start = match &mut before {
                None => start,
                Some(before) => {
                    let start = group.start(end, room);
                    before.contents_changed |= before.room.end != start;
                    before.room.end = start;
                    start
                }
            };
            if group.is_touched || group.room.start != start {
                group.contents_changed = true;
                group.room.start = start;
                end = start;
                for &id in &group.units {
                    let unit = record.unit(id);
                    let address = end.next_multiple_of(u64::from(unit.align).max(least));
                    // Two symbols must not share an address, so nothing is empty.
                    end = address + unit.size().max(1);
                    if let Some(place) = self.addresses.get_mut(id as usize)
                        && *place != address
                    {
                        *place = address;
                        self.moved.push(id);
                    }
                }
                group.size = end - start;
            }
            end = start + group.size;
            before = Some(group);
        }
        let Some(last) = before else { return start };
        let end = end.next_multiple_of(room.group);
        last.contents_changed |= last.room.end != end;
        last.room.end = end;
        end
    }

    /// Places the symbols: those of the runtime come first.
    fn place_symbols(&mut self, record: &ProgramRecord) {
        let mut symbols = 1 + runtime::symbols().len() as u64;
        let mut names = runtime_names_size();
        let mut before: Option<&mut Group> = None;
        for group in self.parts.iter_mut().flatten() {
            if group.has_other_units {
                let lengths = group
                    .units
                    .iter()
                    .map(|&id| record.name(id).len() as u64 + 1);
                group.names_size = lengths.sum();
            }
            let (first, start) = match before {
                // What the runtime's symbols take never changes.
                None => (
                    symbols.next_multiple_of(SYMBOL_ROOM.group),
                    names.next_multiple_of(NAME_ROOM.group),
                ),
                Some(_) => (
                    group.start(symbols, SYMBOL_ROOM),
                    group.start(names, NAME_ROOM),
                ),
            };
            let has_moved = (group.symbols.start, group.names.start) != (first, start);
            // The table also says where units are and how large.
            group.symbols_changed |= group.is_touched || group.contents_changed || has_moved;
            group.is_touched = false;
            group.has_other_units = false;
            symbols = first + group.units.len() as u64;
            names = start + group.names_size;
            (group.symbols.start, group.names.start) = (first, start);
            if let Some(before) = before {
                end_symbols(before, first, start);
            }
            before = Some(group);
        }
        let mut last = (symbols, names);
        if let Some(before) = before {
            last.0 = last.0.next_multiple_of(SYMBOL_ROOM.group);
            last.1 = last.1.next_multiple_of(NAME_ROOM.group);
            end_symbols(before, last.0, last.1);
        }
        (self.symbol_count, self.names_size) = last;
        self.symbols_offset = self.writable.offset + self.writable.file_size;
        self.names_offset = self.symbols_offset + with_room(self.symbol_count * SYMBOL);
        self.end = self.names_offset + with_room(self.names_size);
    }
}

/// The size of an entry of a symbol table.
pub(super) const SYMBOL: u64 = 24;

fn end_symbols(group: &mut Group, symbols: u64, names: u64) {
    group.symbols_changed |= (group.symbols.end, group.names.end) != (symbols, names);
    (group.symbols.end, group.names.end) = (symbols, names);
}
