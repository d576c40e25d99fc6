//! Records as bytes: for the next process.
//!
//! The arrays lie one after the other, each behind its length and with room to grow; in front of them stand a mark, what the record belongs to, and a checksum. Reading
//! leaves the arrays where they are, in a private copy of the file, and looks at each number that could lead out of them. Keys are written in the form of `types::codec`, and only those that are asked for are read.
//!
//! An edit of a program changes a few places of these arrays. Then what differs is written to a small file beside the large one, which
//! it names by its checksum, and reading puts both together.

use std::ops::Range;

use super::table::{BLOCK, Bits, FileCopy, Plain, Section, Table, bytes_of};
use super::{MANY, METADATA, NONE, Part, ProgramRecord, Unit, hash_of, words};
use crate::base::{Fingerprint, Name};
use crate::codegen::key::CodeKey;
use crate::db::{Db, RootDatabase};
use crate::types::codec;
use crate::vfs::BytesCopy;

const MARK: &[u8; 8] = b"CODEREC\x04";
const EDITS_MARK: &[u8; 8] = b"CODEEDT\x04";
/// Mark, two fingerprints, length and checksum of what follows.
const HEADER: usize = 56;
/// Nothing in a program is aligned to more, or larger.
const MAX_ALIGN: u32 = 1 << 16;
const MAX_SIZE: u64 = 1 << 40;
const MAX_WRITTEN: u64 = 1 << 28;
/// Edits up to this size are never worth writing the record again.
const SMALL: usize = 64 << 10;

impl ProgramRecord {
    /// Brings the record into a form that can be written. None if a key cannot be, and for optimised code, of which nothing could be taken.
    pub fn seal(&mut self, db: &RootDatabase) -> Option<()> {
        if self.is_optimized || self.is_empty() {
            return None;
        }
        self.encode_keys(db)
    }

    /// A record that was sealed as bytes, marked as that of this build of the compiler and this state of the program's text.
    pub fn to_bytes(&self, build: Fingerprint, state: Fingerprint) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let paths = self.path_text();
        for section in self.sections(&paths) {
            let (len, room) = (section.bytes.len(), section.room());
            bytes.extend_from_slice(&[len as u64, room as u64].map(u64::to_le_bytes).concat());
            bytes.extend_from_slice(section.bytes);
            bytes.resize(bytes.len() - len + room, 0);
        }
        finish(&mut bytes, MARK, build, state);
        bytes
    }

    /// What differs from a record that [`ProgramRecord::to_bytes`] wrote, marked in the same way; none if that is so much that the record
    /// had better be written as a whole.
    pub fn edits_since(
        &self,
        base: &[u8],
        build: Fingerprint,
        state: Fingerprint,
    ) -> Option<Vec<u8>> {
        let mut reader = Reader::new(base.get(HEADER..)?);
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(base.get(40..HEADER)?);
        let paths = self.path_text();
        for section in self.sections(&paths) {
            let place = reader.section()?;
            let old = base
                .get(HEADER..)?
                .get(place.start..place.start + place.used)?;
            let (new, at) = (section.bytes, bytes.len());
            bytes.extend_from_slice(&[new.len() as u64, 0].map(u64::to_le_bytes).concat());
            let mut count = 0u64;
            for range in differences(old, new, section.dirty) {
                let piece = new.get(range.clone())?;
                let place = [range.start as u64, piece.len() as u64];
                bytes.extend_from_slice(&place.map(u64::to_le_bytes).concat());
                bytes.extend_from_slice(piece);
                bytes.resize(bytes.len().next_multiple_of(8), 0);
                count += 1;
                if bytes.len() > SMALL.max(base.len() / 4) {
                    return None;
                }
            }
            bytes
                .get_mut(at + 8..at + 16)?
                .copy_from_slice(&count.to_le_bytes());
        }
        finish(&mut bytes, EDITS_MARK, build, state);
        Some(bytes)
    }

    /// What [`ProgramRecord::to_bytes`] wrote for the same build and state, or for the same build, with edits that lead from there to the state. None if the
    /// bytes are something else or damaged.
    ///
    /// The record stays in the bytes, and changes them.
    pub fn from_bytes(
        base: BytesCopy,
        edits: Option<&[u8]>,
        build: Fingerprint,
        state: Fingerprint,
    ) -> Option<ProgramRecord> {
        let edits = edits.and_then(|edits| {
            let (content, of) = (opened(edits, EDITS_MARK, build)?, edits.get(24..40)?);
            let same = of == state_bytes(state) && content.get(..16)? == base.get(40..HEADER)?;
            same.then(|| &content[16..])
        });
        let content = opened(&base, MARK, build)?;
        if edits.is_none() && base.get(24..40)? != state_bytes(state) {
            return None;
        }
        let mut reader = Reader::new(content);
        let places: Option<Vec<Place>> = (0..SECTIONS).map(|_| reader.section()).collect();
        let places = places?.into_iter();
        let parts: Vec<_> = places
            .map(|place| (HEADER + place.start, place.used, place.room))
            .collect();
        let mut reader = Source {
            base: FileCopy::new(base).cut(&parts)?.into_iter(),
            edits: edits.map(Reader::new),
        };
        let mut record = ProgramRecord {
            names: reader.table()?,
            text: reader.table()?,
            flags: reader.table()?,
            units: reader.table()?,
            references: reader.table()?,
            made_from: reader.table()?,
            bytes: reader.table()?,
            relocs: reader.table()?,
            lines: reader.table()?,
            ids: reader.table()?,
            spans: reader.table()?,
            bodies: reader.table()?,
            line_defs: reader.table()?,
            key_spans: reader.table()?,
            key_bytes: reader.table()?,
            parts: [
                reader.list()?,
                reader.list()?,
                reader.list()?,
                reader.list()?,
            ],
            protocols: reader.list()?,
            roots: reader.list()?,
            index: reader.table()?,
            ..ProgramRecord::default()
        };
        let paths: Vec<u8> = reader.list()?;
        let paths = std::str::from_utf8(&paths).ok()?;
        let paths = paths.split('\0').filter(|path| !path.is_empty());
        record.paths = paths.map(Name::new).collect();
        record.keys = vec![None; record.len()];
        record.is_sound().then_some(record)
    }

    /// Whether two files that [`ProgramRecord::to_bytes`] wrote are the same, by what they say of their content.
    pub fn is_same_file(one: &[u8], other: &[u8]) -> bool {
        one.len() == other.len() && one.get(..HEADER) == other.get(..HEADER)
    }

    fn path_text(&self) -> String {
        let paths: Vec<&str> = self.paths.iter().map(|path| path.as_str()).collect();
        paths.join("\0")
    }

    /// The arrays, in the order in which they are written.
    fn sections<'r>(&'r self, paths: &'r str) -> [Array<'r>; SECTIONS] {
        let [functions, constants, variables, zeroes] = &self.parts;
        [
            Array::of(&self.names),
            Array::of(&self.text),
            Array::of(&self.flags),
            Array::of(&self.units),
            Array::of(&self.references),
            Array::of(&self.made_from),
            Array::of(&self.bytes),
            Array::of(&self.relocs),
            Array::of(&self.lines),
            Array::of(&self.ids),
            Array::of(&self.spans),
            Array::of(&self.bodies),
            Array::of(&self.line_defs),
            Array::of(&self.key_spans),
            Array::of(&self.key_bytes),
            Array::new(bytes_of(functions)),
            Array::new(bytes_of(constants)),
            Array::new(bytes_of(variables)),
            Array::new(bytes_of(zeroes)),
            Array::new(bytes_of(&self.protocols)),
            Array::new(bytes_of(&self.roots)),
            Array::of(&self.index),
            Array::new(paths.as_bytes()),
        ]
    }

    fn encode_keys(&mut self, db: &RootDatabase) -> Option<()> {
        let missing: Vec<(u32, CodeKey)> = (0..)
            .zip(&self.keys)
            .filter_map(|(id, key)| Some((id, (*key)?)))
            .filter(|&(id, _)| self.is_defined(id) && self.key_spans.get(id).len == 0)
            .collect();
        let encoded = db.par_map(&missing, |db, (_, key)| codec::encode(db, key));
        for ((id, _), encoded) in missing.into_iter().zip(encoded) {
            let span = self.key_bytes.extend(&encoded?.bytes);
            self.key_spans.set(id, span);
        }
        Some(())
    }

    /// The key of a unit that another process has written.
    pub(super) fn decode_key(&self, db: &dyn Db, id: u32) -> Option<CodeKey> {
        let bytes = self.key_bytes.run(self.key_spans.get(id));
        if bytes.is_empty() {
            return None;
        }
        codec::decode(db, bytes)
    }

    /// Whether no number leads anywhere that is not there. Runs of elements are checked whenever they are looked at.
    fn is_sound(&self) -> bool {
        let count = self.len();
        let same = [
            self.names.len(),
            self.units.len(),
            self.references.len(),
            self.made_from.len(),
            self.key_spans.len(),
        ];
        let largest = count.max(self.bodies.len()) as u32;
        let contents = self.bytes.len() as u64;
        let sizes = |unit: &Unit| {
            let end = u64::from(unit.bytes.start) + u64::from(unit.bytes.len);
            // What is not all zero is written out, zeroes at its end as well.
            let largest = match unit.bytes.len == 0 && unit.relocs.len == 0 {
                true => MAX_SIZE,
                false => MAX_WRITTEN,
            };
            unit.align <= MAX_ALIGN && unit.zero_size <= largest && end <= contents
        };
        let mut seen = Bits::new(count);
        let mut defined = 0;
        let in_parts = Part::ALL.iter().all(|&part| {
            let mut units = self.part(part).iter();
            units.all(|&id| seen.insert(id) && self.part_of(id) == Some(part))
        });
        for id in 0..count as u32 {
            defined += usize::from(self.is_defined(id));
        }
        let listed: usize = self.parts.iter().map(Vec::len).sum();
        let is_known = |&id: &u32| (id as usize) < count;
        count < 1 << 29
            && same.iter().all(|&len| len == count)
            && in_parts
            && listed == defined
            && self.units.all().iter().all(sizes)
            && self.ids.all().iter().all(|&id| id < largest)
            && self.protocols.iter().all(is_known)
            && self.roots.iter().all(is_known)
            && self.index.len().is_power_of_two()
            && self.index.len() > count
            && self.index.all().iter().all(|&id| id as usize <= count)
            && self.index.all().contains(&0)
            && self.made_from.all().iter().all(|&from| {
                from == NONE || from & MANY != 0 || (from as usize) < self.bodies.len()
            })
            && self
                .flags
                .all()
                .iter()
                .all(|&flags| flags & METADATA == 0 || flags & 1 != 0)
    }
}

/// Fills in the header of what was written behind it.
fn finish(bytes: &mut [u8], mark: &[u8; 8], build: Fingerprint, state: Fingerprint) {
    let content = bytes.get(HEADER..).unwrap_or_default();
    let (length, sum) = (content.len() as u64, checksum(content));
    let numbers = [words(build), words(state), [length, sum]].concat();
    let header = [
        mark.to_vec(),
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
    ]
    .concat();
    if let Some(place) = bytes.get_mut(..HEADER) {
        place.copy_from_slice(&header);
    }
}

/// What is behind the header of a file that this build of the compiler wrote and nobody has damaged.
fn opened<'a>(bytes: &'a [u8], mark: &[u8; 8], build: Fingerprint) -> Option<&'a [u8]> {
    let (header, content) = (bytes.get(..HEADER)?, bytes.get(HEADER..)?);
    let number = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let whole = header[..8] == *mark
        && [number(8)?, number(16)?] == words(build)
        && number(40)? == content.len() as u64
        && number(48)? == checksum(content);
    whole.then_some(content)
}

/// A number that changes with any part of the bytes: each of eight lanes takes every eighth word, so that a large record is read as fast as memory is.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |lane: u64, word: u64| (lane.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let mut lanes: [u64; 8] = std::array::from_fn(|lane| lane as u64);
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    }
    let start = mix(bytes.len() as u64, hash_of(rest));
    lanes.into_iter().fold(start, mix)
}

fn state_bytes(state: Fingerprint) -> [u8; 16] {
    state.0.to_le_bytes()
}

/// The places where `new` differs from `old`, or goes on behind its end. Where nothing was written since, as `dirty` has it, nothing differs.
fn differences(old: &[u8], new: &[u8], dirty: Option<&Bits>) -> Vec<Range<usize>> {
    let common = old.len().min(new.len());
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut add = |range: Range<usize>| match found.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => found.push(range),
    };
    let mut compare = |start: usize| {
        let end = (start + BLOCK).min(common);
        let (Some(a), Some(b)) = (old.get(start..end), new.get(start..end)) else {
            return;
        };
        if a == b {
            return;
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        let first = a.iter().zip(b).position(differs).unwrap_or(0);
        let last = a.iter().zip(b).rposition(differs).unwrap_or(0);
        add(start + first..start + last + 1);
    };
    match dirty {
        Some(dirty) => dirty
            .iter()
            .for_each(|block| compare(block as usize * BLOCK)),
        None => (0..common).step_by(BLOCK).for_each(&mut compare),
    }
    if new.len() > common {
        add(common..new.len());
    }
    found
}

/// How many arrays there are.
const SECTIONS: usize = 23;

/// An array that is written.
struct Array<'r> {
    bytes: &'r [u8],
    /// Where it was changed since it was read, in blocks; none if that is not known.
    dirty: Option<&'r Bits>,
}

impl<'r> Array<'r> {
    fn new(bytes: &'r [u8]) -> Self {
        Array { bytes, dirty: None }
    }

    fn of<T: Plain>(table: &'r Table<T>) -> Self {
        Array {
            bytes: bytes_of(table.all()),
            dirty: table.dirty(),
        }
    }

    /// The bytes that the array gets, so that some edits need not move it.
    fn room(&self) -> usize {
        let len = self.bytes.len();
        (len + len / 16 + 64).next_multiple_of(8)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Where an array lies.
struct Place {
    start: usize,
    used: usize,
    room: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    fn number(&mut self) -> Option<usize> {
        let number = self.bytes(8)?;
        usize::try_from(u64::from_le_bytes(number.try_into().ok()?)).ok()
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end.checked_next_multiple_of(8)?;
        Some(bytes)
    }

    fn section(&mut self) -> Option<Place> {
        let (used, room) = (self.number()?, self.number()?);
        let start = self.at;
        self.bytes(room)?;
        Some(Place { start, used, room })
    }
}

/// A record and the edits since it was written.
struct Source<'a> {
    base: std::vec::IntoIter<Section>,
    edits: Option<Reader<'a>>,
}

impl Source<'_> {
    fn list<T: Plain>(&mut self) -> Option<Vec<T>> {
        self.table().map(|table| table.all().to_vec())
    }

    fn table<T: Plain>(&mut self) -> Option<Table<T>> {
        let section = self.base.next()?;
        let used = section.bytes().len();
        let mut table = Table::of_file(section)?;
        let Some(edits) = &mut self.edits else {
            return Some(table);
        };
        let (len, count) = (edits.number()?, edits.number()?);
        // Whatever is longer than before is among the pieces.
        let most = used.checked_add(edits.bytes.len())?;
        if len % size_of::<T>() != 0 || len > most {
            return None;
        }
        let pieces = (0..count).map(|_| {
            let (at, len) = (edits.number()?, edits.number()?);
            Some((at, edits.bytes(len)?))
        });
        table.edit(len / size_of::<T>(), pieces)?;
        Some(table)
    }
}
