//! Where each blob of a program goes in its image.

use super::LinkError;
use super::image::Program;
use super::runtime;
use crate::codegen::blob::{DataBlob, FunctionBlob, Linkage, SymbolName};

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

/// A blob with its address. Blobs whose symbol was defined by an equal one before are left out.
pub(super) struct Placed<'a, B> {
    pub blob: &'a B,
    pub address: u64,
}

/// The addresses of a program's parts.
pub struct Layout<'a> {
    pub text: Segment,
    pub read_only: Segment,
    pub writable: Segment,
    pub(super) functions: Vec<Placed<'a, FunctionBlob>>,
    /// In the order of their addresses.
    pub(super) constants: Vec<Placed<'a, DataBlob>>,
    pub(super) variables: Vec<Placed<'a, DataBlob>>,
    /// By symbol index; 0 is undefined.
    addresses: Vec<u64>,
}

impl<'a> Layout<'a> {
    /// The address of a function or datum of the program or of the runtime.
    pub fn address(&self, symbol: SymbolName) -> Option<u64> {
        self.addresses
            .get(symbol.index())
            .copied()
            .filter(|&address| address != 0)
    }

    /// The functions with their addresses, in the order of the addresses.
    pub fn functions(&self) -> impl Iterator<Item = (&'a FunctionBlob, u64)> + '_ {
        self.functions
            .iter()
            .map(|placed| (placed.blob, placed.address))
    }

    /// Lays out a program that starts at the given place of file and memory, both at the start of a page.
    pub(super) fn new(program: &Program<'a>, offset: u64, address: u64) -> Result<Self, LinkError> {
        // The runtime's symbols are interned first, so that they have a place in the table.
        let runtime_symbols = runtime::symbols();
        let mut addresses = vec![0; SymbolName::index_limit()];

        let mut end = address;
        let mut functions = Vec::with_capacity(program.functions.len());
        for blob in &program.functions {
            let align = u64::from(blob.align).max(FUNCTION_ALIGN);
            place(
                &mut addresses,
                &mut functions,
                *blob,
                blob.symbol,
                blob.linkage,
                align,
                blob.code.len() as u64,
                &mut end,
            )?;
        }
        let size = end - address;
        let text = Segment {
            offset,
            address,
            file_size: size,
            memory_size: size,
        };

        let read_only_address = end.next_multiple_of(PAGE);
        end = read_only_address;
        let mut constants = Vec::new();
        for blob in program.data.iter().filter(|blob| !blob.writable) {
            place_data(&mut addresses, &mut constants, blob, &mut end)?;
        }
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
        let mut variables = Vec::new();
        // What is all zero comes last, and takes no room in the file.
        for blob in program
            .data
            .iter()
            .filter(|blob| blob.writable && !is_zero(blob))
        {
            place_data(&mut addresses, &mut variables, blob, &mut end)?;
        }
        let file_size = end - writable_address;
        for blob in program
            .data
            .iter()
            .filter(|blob| blob.writable && is_zero(blob))
        {
            place_data(&mut addresses, &mut variables, blob, &mut end)?;
        }
        let offset = offset + (writable_address - read_only_address);
        let writable = Segment {
            offset,
            address: writable_address,
            file_size,
            memory_size: end - writable_address,
        };

        for symbol in runtime_symbols {
            let slot = &mut addresses[symbol.name.index()];
            if *slot == 0 {
                *slot = symbol.address;
            }
        }
        Ok(Layout {
            text,
            read_only,
            writable,
            functions,
            constants,
            variables,
            addresses,
        })
    }
}

/// Whether a blob needs no bytes in the file.
pub(super) fn is_zero(blob: &DataBlob) -> bool {
    blob.bytes.is_empty() && blob.relocs.is_empty()
}

fn place_data<'a>(
    addresses: &mut [u64],
    placed: &mut Vec<Placed<'a, DataBlob>>,
    blob: &'a DataBlob,
    end: &mut u64,
) -> Result<(), LinkError> {
    // Two symbols must not share an address, so nothing is empty.
    let size = blob.size().max(1);
    place(
        addresses,
        placed,
        blob,
        blob.symbol,
        blob.linkage,
        u64::from(blob.align).max(1),
        size,
        end,
    )
}

#[allow(clippy::too_many_arguments)]
fn place<'a, B>(
    addresses: &mut [u64],
    placed: &mut Vec<Placed<'a, B>>,
    blob: &'a B,
    symbol: SymbolName,
    linkage: Linkage,
    align: u64,
    size: u64,
    end: &mut u64,
) -> Result<(), LinkError> {
    let slot = &mut addresses[symbol.index()];
    if *slot != 0 {
        return if linkage == Linkage::Shared {
            Ok(())
        } else {
            Err(LinkError::Duplicate(symbol))
        };
    }
    let address = end.next_multiple_of(align);
    *slot = address;
    *end = address + size;
    placed.push(Placed { blob, address });
    Ok(())
}
