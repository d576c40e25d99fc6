//! Records as bytes: for the next process.
//!
//! The arrays lie one after the other, each behind its length; in front of them stand a mark, what the record belongs to, and a checksum. Reading copies the
//! arrays and looks at each number that could lead out of them. Keys are written in the form of `types::codec`, and only those that are asked for are read.

use super::table::{Bits, Plain, Table};
use super::{MANY, METADATA, NONE, Part, ProgramRecord, Unit, fingerprint, hash_of, words};
use crate::base::{Fingerprint, Name};
use crate::codegen::key::CodeKey;
use crate::db::{Db, RootDatabase};
use crate::types::codec;

const MARK: &[u8; 8] = b"CODEREC\x01";
/// Mark, two fingerprints, length and checksum of what follows.
const HEADER: usize = 56;
/// Nothing in a program is aligned to more, or larger.
const MAX_ALIGN: u32 = 1 << 16;
const MAX_SIZE: u64 = 1 << 40;
const MAX_WRITTEN: u64 = 1 << 28;

impl ProgramRecord {
    /// The record as bytes, marked as that of this build of the compiler and this state of the program's text. None if a key cannot be written, and for
    /// optimised code, of which nothing could be taken.
    pub fn to_bytes(
        &mut self,
        db: &RootDatabase,
        build: Fingerprint,
        state: Fingerprint,
    ) -> Option<Vec<u8>> {
        if self.is_optimized || self.is_empty() {
            return None;
        }
        self.encode_keys(db)?;
        let mut bytes = vec![0; HEADER];
        let mut writer = Writer(&mut bytes);
        writer.table(self.names.all());
        writer.table(self.text.all());
        writer.table(self.flags.all());
        writer.table(self.units.all());
        writer.table(self.references.all());
        writer.table(self.made_from.all());
        writer.table(self.bytes.all());
        writer.table(self.relocs.all());
        writer.table(self.lines.all());
        writer.table(self.ids.all());
        writer.table(self.spans.all());
        writer.table(self.bodies.all());
        writer.table(self.line_defs.all());
        writer.table(self.key_spans.all());
        writer.table(self.key_bytes.all());
        for part in &self.parts {
            writer.table(part);
        }
        writer.table(&self.protocols);
        writer.table(&self.index);
        let paths: Vec<&str> = self.paths.iter().map(|path| path.as_str()).collect();
        writer.table(paths.join("\0").as_bytes());
        let content = &bytes[HEADER..];
        let (length, sum) = (content.len() as u64, hash_of(content));
        bytes[..8].copy_from_slice(MARK);
        let numbers = [words(build), words(state), [length, sum]].concat();
        for (place, number) in bytes[8..HEADER].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Some(bytes)
    }

    /// What [`ProgramRecord::to_bytes`] wrote for the same build and state; none if the bytes are something else or damaged.
    pub fn from_bytes(
        bytes: &[u8],
        build: Fingerprint,
        state: Fingerprint,
    ) -> Option<ProgramRecord> {
        let (header, content) = (bytes.get(..HEADER)?, bytes.get(HEADER..)?);
        let number = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
        let belongs = fingerprint([number(8)?, number(16)?]) == build
            && fingerprint([number(24)?, number(32)?]) == state;
        if !header.starts_with(MARK)
            || !belongs
            || number(40)? != content.len() as u64
            || number(48)? != hash_of(content)
        {
            return None;
        }
        let mut reader = Reader(content);
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

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn table<T: Plain>(&mut self, values: &[T]) {
        self.0
            .extend_from_slice(&(values.len() as u64).to_le_bytes());
        self.0.extend_from_slice(super::table::bytes_of(values));
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn list<T: Plain>(&mut self) -> Option<Vec<T>> {
        let (count, rest) = self.0.split_at_checked(8)?;
        let count = usize::try_from(u64::from_le_bytes(count.try_into().ok()?)).ok()?;
        let size = count.checked_mul(size_of::<T>())?;
        let list = super::table::from_bytes(rest.get(..size)?);
        self.0 = rest.get(size.next_multiple_of(8)..)?;
        Some(list)
    }

    fn table<T: Plain>(&mut self) -> Option<Table<T>> {
        self.list().map(Table::from)
    }
}
