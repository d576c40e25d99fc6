//! A table of records that are found by fingerprint.
//!
//! It begins with a header: [`MAGIC`], the number of slots (a power of two), and a checksum of the sums. The sums follow, a checksum for each
//! sixteen slots; then the slots, a hash table with linear probing that the fingerprint's low bits lead into; and then the records' bytes. All numbers
//! are little-endian. The reader checks each bound and, when a record is asked for, the checksums of the slots that it looks at and that of the record:
//! what is damaged is not there. So opening a table costs next to nothing, however many records it has.
//!
//! [`Table`] reads a table that lies in bytes of any origin; [`Pack`] is a file that is nothing but a table.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hasher;
use std::path::Path;

use memmap2::Mmap;

use crate::base::{Fingerprint, FxHasher};

const MAGIC: &[u8; 8] = b"CODIRA\x00\x02";
const HEADER: usize = 24;
/// Fingerprint, where the record begins, its length, its checksum.
const SLOT: usize = 40;
/// How many slots share a checksum: few, because a question reads all that do.
const GROUP: usize = 16;
/// The length of a checksum.
const SUM: usize = 8;
/// How far a record may lie from where its fingerprint leads. Half of the slots are free, so that intact tables stay far below; it
/// keeps a table that somebody made by hand from costing a walk through all of it for each question.
const MAX_PROBES: usize = 4096;

/// Fast, and enough against torn writes and bad disks, which is what there is to fear.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.write_usize(bytes.len());
    hasher.finish()
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// One slot as it stands in the table.
struct Slot {
    key: Fingerprint,
    start: usize,
    len: usize,
    sum: u64,
}

/// Where things are in the bytes of a table, whose head has been checked. The bytes themselves are given anew with each question, because
/// they may be a part of a mapped file that their owner holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    slots: usize,
}

/// A record, or the part of the table that would lead to it, is not as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DamagedRecord;

/// How many checksums a table with this many slots has.
fn groups(slots: usize) -> usize {
    slots.div_ceil(GROUP)
}

/// The checksums of a table's slots, one after the other.
fn sums(slots: &[u8]) -> Vec<u8> {
    let groups = slots.chunks(GROUP * SLOT);
    groups
        .flat_map(|group| checksum(group).to_le_bytes())
        .collect()
}

impl Table {
    /// Checks the head of a table; none if it is damaged.
    pub fn read(bytes: &[u8]) -> Option<Table> {
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        let slots = usize::try_from(number(bytes, 8)?).ok()?;
        if !slots.is_power_of_two() {
            return None;
        }
        let table = Table { slots };
        let first = table.first_slot();
        let end = slots.checked_mul(SLOT)?.checked_add(first)?;
        let whole = bytes.len() >= end && checksum(bytes.get(HEADER..first)?) == number(bytes, 16)?;
        whole.then_some(table)
    }

    /// Where the slots begin.
    fn first_slot(self) -> usize {
        HEADER + groups(self.slots) * SUM
    }

    /// The slots with the same checksum as the slot at `index`, if they are as they were written.
    fn group(self, bytes: &[u8], index: usize) -> Option<&[u8]> {
        let group = index / GROUP;
        let start = self.first_slot() + group * GROUP * SLOT;
        let slots = bytes.get(start..start + GROUP.min(self.slots) * SLOT)?;
        (checksum(slots) == number(bytes, HEADER + group * SUM)?).then_some(slots)
    }

    /// A number that a table with other contents has no reason to share.
    pub fn id(self, bytes: &[u8]) -> u64 {
        number(bytes, 16).unwrap_or_default()
    }

    /// The slot at `index` of the table, of which `group` is the part that has it.
    fn slot(group: &[u8], index: usize) -> Option<Slot> {
        let at = index % GROUP * SLOT;
        let slot = group.get(at..at + SLOT)?;
        Some(Slot {
            key: Fingerprint(u128::from_le_bytes(slot[..16].try_into().ok()?)),
            start: usize::try_from(number(slot, 16)?).ok()?,
            len: usize::try_from(number(slot, 24)?).ok()?,
            sum: number(slot, 32)?,
        })
    }

    /// The record of this key; none if it is not there or damaged.
    pub fn get(self, bytes: &[u8], key: Fingerprint) -> Option<&[u8]> {
        self.find(bytes, key).ok().flatten()
    }

    /// The record of this key, for those to whom it makes a difference whether there is none or a damaged one.
    pub fn find(self, bytes: &[u8], key: Fingerprint) -> Result<Option<&[u8]>, DamagedRecord> {
        let mut index = key.0 as usize & (self.slots - 1);
        let mut group = self.group(bytes, index).ok_or(DamagedRecord)?;
        for _ in 0..self.slots.min(MAX_PROBES) {
            let slot = Table::slot(group, index).ok_or(DamagedRecord)?;
            if slot.start == 0 {
                return Ok(None);
            }
            if slot.key == key {
                return contents(bytes, &slot).map(Some).ok_or(DamagedRecord);
            }
            index = (index + 1) & (self.slots - 1);
            if index.is_multiple_of(GROUP) {
                group = self.group(bytes, index).ok_or(DamagedRecord)?;
            }
        }
        // An intact table has free slots everywhere.
        Err(DamagedRecord)
    }

    /// All records in the order of their keys; none if one of them is damaged.
    pub fn all_records(self, bytes: &[u8]) -> Option<BTreeMap<Fingerprint, &[u8]>> {
        let mut found = BTreeMap::new();
        for start in (0..self.slots).step_by(GROUP) {
            let group = self.group(bytes, start)?;
            for index in 0..group.len() / SLOT {
                let slot = Table::slot(group, index)?;
                if slot.start != 0 {
                    found.insert(slot.key, contents(bytes, &slot)?);
                }
            }
        }
        Some(found)
    }

    /// Every record that is whole, in no particular order.
    pub fn records(self, bytes: &[u8]) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        let groups = (0..self.slots).step_by(GROUP);
        let groups = groups.filter_map(move |index| self.group(bytes, index));
        let slots = groups.flat_map(|group| {
            let indices = 0..group.len() / SLOT;
            indices.filter_map(move |index| Table::slot(group, index))
        });
        slots.filter_map(move |slot| match slot.start {
            0 => None,
            _ => Some((slot.key, contents(bytes, &slot)?)),
        })
    }
}

/// The bytes of a record, if they are as they were written.
fn contents<'a>(bytes: &'a [u8], slot: &Slot) -> Option<&'a [u8]> {
    let record = bytes.get(slot.start..slot.start.checked_add(slot.len)?)?;
    (checksum(record) == slot.sum).then_some(record)
}

/// A table in a file of its own that is mapped into memory.
pub struct Pack {
    map: Mmap,
    table: Table,
}

impl Pack {
    /// The pack at `path`; none if there is none or it is damaged at its head.
    pub fn open(path: &Path) -> Option<Pack> {
        let file = File::open(path).ok()?;
        // SAFETY: packs are written once under another name and only ever replaced as a whole.
        let map = unsafe { memmap2::MmapOptions::new().populate().map(&file) }.ok()?;
        let table = Table::read(&map)?;
        Some(Pack { map, table })
    }

    /// The record of this key.
    pub fn get(&self, key: Fingerprint) -> Option<&[u8]> {
        self.table.get(&self.map, key)
    }

    /// Every record that is whole.
    pub fn records(&self) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        self.table.records(&self.map)
    }
}

/// The bytes of a table with these records.
pub fn encode(records: &BTreeMap<Fingerprint, &[u8]>) -> Vec<u8> {
    let slots = (records.len() * 2).next_power_of_two().max(2);
    let size = records.values().map(|bytes| bytes.len()).sum::<usize>();
    let first = HEADER + groups(slots) * SUM;
    let mut file = vec![0; first + slots * SLOT];
    file.reserve_exact(size);
    for (key, bytes) in records {
        let mut index = key.0 as usize & (slots - 1);
        let place = |index: usize| first + index * SLOT;
        // There are more slots than records, so that there is a free one.
        while file[place(index) + 16..place(index) + 24] != [0; 8] {
            index = (index + 1) & (slots - 1);
        }
        let start = file.len() as u64;
        let slot = &mut file[place(index)..place(index) + SLOT];
        slot[..16].copy_from_slice(&key.0.to_le_bytes());
        slot[16..24].copy_from_slice(&start.to_le_bytes());
        slot[24..32].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        slot[32..].copy_from_slice(&checksum(bytes).to_le_bytes());
        file.extend_from_slice(bytes);
    }
    let sums = sums(&file[first..first + slots * SLOT]);
    let sum = checksum(&sums);
    file[HEADER..first].copy_from_slice(&sums);
    file[..8].copy_from_slice(MAGIC);
    file[8..16].copy_from_slice(&(slots as u64).to_le_bytes());
    file[16..24].copy_from_slice(&sum.to_le_bytes());
    file
}
