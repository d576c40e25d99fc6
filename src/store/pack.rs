//! A file of records that are found by fingerprint.
//!
//! It begins with a header: [`MAGIC`], the number of slots (a power of two), and a checksum of the slots. The slots follow, a hash table with
//! linear probing that the fingerprint's low bits lead into, and then the records' bytes. All numbers are little-endian. The reader checks
//! each bound and, when a record is asked for, the record's checksum: what is damaged is not there.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hasher;
use std::path::Path;

use memmap2::Mmap;

use crate::base::{Fingerprint, FxHasher};

const MAGIC: &[u8; 8] = b"CODIRA\x00\x01";
const HEADER: usize = 24;
/// Fingerprint, where the record begins, its length, its checksum.
const SLOT: usize = 40;

/// A pack that is mapped into memory.
pub struct Pack {
    map: Mmap,
    slots: usize,
}

/// Fast, and enough against torn writes and bad disks, which is what there is to fear.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.write_usize(bytes.len());
    hasher.finish()
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

impl Pack {
    /// The pack at `path`; none if there is none or it is damaged at its head.
    pub fn open(path: &Path) -> Option<Pack> {
        let file = File::open(path).ok()?;
        // SAFETY: packs are written once under another name and only ever replaced as a whole.
        let map = unsafe { memmap2::MmapOptions::new().populate().map(&file) }.ok()?;
        if map.get(..8)? != MAGIC {
            return None;
        }
        let slots = usize::try_from(number(&map, 8)?).ok()?;
        let table = map.get(HEADER..HEADER + slots.checked_mul(SLOT)?)?;
        if !slots.is_power_of_two() || checksum(table) != number(&map, 16)? {
            return None;
        }
        Some(Pack { map, slots })
    }

    fn slot(&self, index: usize) -> Option<(Fingerprint, usize, usize, u64)> {
        let at = HEADER + (index & (self.slots - 1)) * SLOT;
        let slot = self.map.get(at..at + SLOT)?;
        let key = u128::from_le_bytes(slot[..16].try_into().ok()?);
        let (start, len) = (number(slot, 16)? as usize, number(slot, 24)? as usize);
        Some((Fingerprint(key), start, len, number(slot, 32)?))
    }

    /// The record of this key.
    pub fn get(&self, key: Fingerprint) -> Option<&[u8]> {
        let mut index = key.0 as usize;
        for _ in 0..self.slots {
            let (found, start, len, sum) = self.slot(index)?;
            if start == 0 {
                return None;
            }
            if found == key {
                let bytes = self.map.get(start..start.checked_add(len)?)?;
                return (checksum(bytes) == sum).then_some(bytes);
            }
            index = index.wrapping_add(1);
        }
        None
    }

    /// Every record that is whole.
    pub fn records(&self) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        let slots = (0..self.slots).filter_map(|index| self.slot(index));
        slots.filter_map(|(key, start, ..)| match start {
            0 => None,
            _ => Some((key, self.get(key)?)),
        })
    }
}

/// The bytes of a pack with these records.
pub fn encode(records: &BTreeMap<Fingerprint, &[u8]>) -> Vec<u8> {
    let slots = (records.len() * 2).next_power_of_two().max(2);
    let size = records.values().map(|bytes| bytes.len()).sum::<usize>();
    let mut file = vec![0; HEADER + slots * SLOT];
    file.reserve_exact(size);
    for (key, bytes) in records {
        let mut index = key.0 as usize & (slots - 1);
        let place = |index: usize| HEADER + index * SLOT;
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
    let sum = checksum(&file[HEADER..HEADER + slots * SLOT]);
    file[..8].copy_from_slice(MAGIC);
    file[8..16].copy_from_slice(&(slots as u64).to_le_bytes());
    file[16..24].copy_from_slice(&sum.to_le_bytes());
    file
}
