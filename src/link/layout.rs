//! Where each unit of a program goes in its image.

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

/// A part of the image with one protection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment {
    /// Where it starts in the file.
    pub offset: u64,
    pub address: u64,
    /// Its bytes in the file.
    pub file_size: u64,
    /// Its bytes in memory; what exceeds the file is zero.
    pub memory_size: u64,
}

/// The addresses of a program's parts.
pub struct Layout {
    pub text: Segment,
    pub read_only: Segment,
    pub writable: Segment,
    /// By unit; 0 is undefined.
    addresses: Vec<u64>,
}

impl Layout {
    /// The address of a unit of the program, or of a symbol of the runtime that the program refers to.
    pub fn address(&self, id: u32) -> Option<u64> {
        self.addresses
            .get(id as usize)
            .copied()
            .filter(|&address| address != 0)
    }

    /// Lays out a program that starts at the given place of file and memory, both at the start of a page.
    pub(super) fn new(record: &ProgramRecord, offset: u64, address: u64) -> Self {
        let mut addresses = vec![0; record.len()];
        let mut end = address;
        let mut place = |section: Part, end: &mut u64| {
            for &id in record.part(section) {
                let unit = record.unit(id);
                let least = match section {
                    Part::Functions => FUNCTION_ALIGN,
                    _ => 1,
                };
                let address = end.next_multiple_of(u64::from(unit.align).max(least));
                addresses[id as usize] = address;
                // Two symbols must not share an address, so nothing is empty.
                *end = address + unit.size().max(1);
            }
        };

        place(Part::Functions, &mut end);
        let size = end - address;
        let text = Segment {
            offset,
            address,
            file_size: size,
            memory_size: size,
        };

        let read_only_address = end.next_multiple_of(PAGE);
        end = read_only_address;
        place(Part::Constants, &mut end);
        let size = end - read_only_address;
        let offset = offset + (read_only_address - address);
        let read_only = Segment {
            offset,
            address: read_only_address,
            file_size: size,
            memory_size: size,
        };

        let writable_address = end.next_multiple_of(PAGE);
        end = writable_address;
        place(Part::Variables, &mut end);
        let file_size = end - writable_address;
        // What is all zero comes last, and takes no room in the file.
        place(Part::Zeroes, &mut end);
        let offset = offset + (writable_address - read_only_address);
        let writable = Segment {
            offset,
            address: writable_address,
            file_size,
            memory_size: end - writable_address,
        };

        let runtime: FxHashMap<&str, u64> = runtime::symbols()
            .iter()
            .map(|symbol| (symbol.name.as_str(), symbol.address))
            .collect();
        for (id, address) in (0..).zip(&mut addresses) {
            if *address == 0 {
                *address = runtime.get(record.name(id)).copied().unwrap_or(0);
            }
        }
        Layout {
            text,
            read_only,
            writable,
            addresses,
        }
    }
}
