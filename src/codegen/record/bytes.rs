//! Records as bytes: for the next process.
//!
//! The arrays lie one after the other, each behind its length; in front of them stand a mark, what the record belongs to, and a checksum. Reading copies the
//! arrays and looks at each number that could lead out of them. Keys are written in the form of `types::codec`, and only those that are asked for are read.
//!
//! An edit of a program changes a few places of these arrays. Then what differs is written to a small file beside the large one, which
//! it names by its checksum, and reading puts both together.

use std::ops::Range;

use super::table::{Bits, Plain, Table, bytes_of, bytes_of_mut, from_bytes};
use super::{MANY, METADATA, NONE, Part, ProgramRecord, Unit, hash_of, words};
use crate::base::{Fingerprint, Name};
use crate::codegen::key::CodeKey;
use crate::db::{Db, RootDatabase};
use crate::types::codec;

const MARK: &[u8; 8] = b"CODEREC\x02";
const EDITS_MARK: &[u8; 8] = b"CODEEDT\x02";
/// Mark, two fingerprints, length and checksum of what follows.
const HEADER: usize = 56;
/// Nothing in a program is aligned to more, or larger.
const MAX_ALIGN: u32 = 1 << 16;
const MAX_SIZE: u64 = 1 << 40;
const MAX_WRITTEN: u64 = 1 << 28;
/// How much is compared at once.
const BLOCK: usize = 4096;
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
            bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
            bytes.extend_from_slice(section);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
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
        let mut reader = Reader(base.get(HEADER..)?);
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(base.get(40..HEADER)?);
        let paths = self.path_text();
        for section in self.sections(&paths) {
            let old = reader.section()?;
            let at = bytes.len();
            bytes.extend_from_slice(&[section.len() as u64, 0].map(u64::to_le_bytes).concat());
            let mut count = 0u64;
            for range in differences(old, section) {
                let piece = section.get(range.clone())?;
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
    pub fn from_bytes(
        base: &[u8],
        edits: Option<&[u8]>,
        build: Fingerprint,
        state: Fingerprint,
    ) -> Option<ProgramRecord> {
        let edits = edits.and_then(|edits| {
            let (content, of) = (opened(edits, EDITS_MARK, build)?, edits.get(24..40)?);
            let same = of == state_bytes(state) && content.get(..16)? == base.get(40..HEADER)?;
            same.then(|| &content[16..])
        });
        let content = opened(base, MARK, build)?;
        if edits.is_none() && base.get(24..40)? != state_bytes(state) {
            return None;
        }
        let mut reader = Source {
            base: Reader(content),
            edits: edits.map(Reader),
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
            index: reader.list()?,
            ..ProgramRecord::default()
        };
        let paths: Vec<u8> = reader.list()?;
        let paths = std::str::from_utf8(&paths).ok()?;
        let paths = paths.split('\0').filter(|path| !path.is_empty());
        record.paths = paths.map(Name::new).collect();
        record.keys = vec![None; record.len()];
        record.is_sound().then_some(record)
    }

    fn path_text(&self) -> String {
        let paths: Vec<&str> = self.paths.iter().map(|path| path.as_str()).collect();
        paths.join("\0")
    }

    /// The arrays, in the order in which they are written.
    fn sections<'r>(&'r self, paths: &'r str) -> [&'r [u8]; 22] {
        let [functions, constants, variables, zeroes] = &self.parts;
        [
            bytes_of(self.names.all()),
            bytes_of(self.text.all()),
            bytes_of(self.flags.all()),
            bytes_of(self.units.all()),
            bytes_of(self.references.all()),
            bytes_of(self.made_from.all()),
            bytes_of(self.bytes.all()),
            bytes_of(self.relocs.all()),
            bytes_of(self.lines.all()),
            bytes_of(self.ids.all()),
            bytes_of(self.spans.all()),
            bytes_of(self.bodies.all()),
            bytes_of(self.line_defs.all()),
            bytes_of(self.key_spans.all()),
            bytes_of(self.key_bytes.all()),
            bytes_of(functions),
            bytes_of(constants),
            bytes_of(variables),
            bytes_of(zeroes),
            bytes_of(&self.protocols),
            bytes_of(&self.index),
            paths.as_bytes(),
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
            && self.index.len().is_power_of_two()
            && self.index.len() > count
            && self.index.iter().all(|&id| id as usize <= count)
            && self.index.contains(&0)
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
    let (length, sum) = (content.len() as u64, hash_of(content));
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
        && number(48)? == hash_of(content);
    whole.then_some(content)
}

fn state_bytes(state: Fingerprint) -> [u8; 16] {
    state.0.to_le_bytes()
}

/// The places where `new` differs from `old`, or goes on behind its end.
fn differences(old: &[u8], new: &[u8]) -> Vec<Range<usize>> {
    let common = old.len().min(new.len());
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut add = |range: Range<usize>| match found.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => found.push(range),
    };
    let blocks = old.chunks(BLOCK).zip(new.chunks(BLOCK));
    for (start, (a, b)) in (0..common).step_by(BLOCK).zip(blocks) {
        let len = a.len().min(b.len());
        let (a, b) = (&a[..len], &b[..len]);
        if a == b {
            continue;
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        let first = a.iter().zip(b).position(differs).unwrap_or(0);
        let last = a.iter().zip(b).rposition(differs).unwrap_or(0);
        add(start + first..start + last + 1);
    }
    if new.len() > common {
        add(common..new.len());
    }
    found
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_at_checked(8)?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(number.try_into().ok()?)).ok()
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.0.get(..len)?;
        self.0 = self.0.get(len.checked_next_multiple_of(8)?..)?;
        Some(bytes)
    }

    fn section(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.bytes(len)
    }
}

/// A record and the edits since it was written.
struct Source<'a> {
    base: Reader<'a>,
    edits: Option<Reader<'a>>,
}

impl Source<'_> {
    fn list<T: Plain>(&mut self) -> Option<Vec<T>> {
        let old = self.base.section()?;
        let Some(edits) = &mut self.edits else {
            return (old.len() % size_of::<T>() == 0).then(|| from_bytes(old));
        };
        let (len, count) = (edits.number()?, edits.number()?);
        // Whatever is longer than before is among the pieces.
        let most = old.len().checked_add(edits.0.len())?;
        if len % size_of::<T>() != 0 || old.len() % size_of::<T>() != 0 || len > most {
            return None;
        }
        let mut list: Vec<T> = from_bytes(&old[..old.len().min(len)]);
        list.resize(len / size_of::<T>(), T::default());
        for _ in 0..count {
            let (at, len) = (edits.number()?, edits.number()?);
            let piece = edits.bytes(len)?;
            let place = bytes_of_mut(&mut list).get_mut(at..at.checked_add(len)?)?;
            place.copy_from_slice(piece);
        }
        Some(list)
    }

    fn table<T: Plain>(&mut self) -> Option<Table<T>> {
        self.list().map(Table::from)
    }
}
