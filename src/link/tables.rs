//! What follows the loaded segments in the file: symbols, debug information, section headers.

use gimli::write::Address;

use super::debug::{self, DebugSection};
use super::image::{ImageOptions, SECTION_HEADER, put16, put32, put64};
use super::layout::{Group, Layout, SYMBOL, Segment};
use super::{LinkError, runtime};
use crate::codegen::blob::FunctionBlob;
use crate::codegen::record::{Part, ProgramRecord};

/// What the file ends with.
pub(super) struct Tail {
    pub bytes: Vec<u8>,
    /// Where the section headers are in the file.
    pub headers: u64,
    pub count: u16,
}

/// One section header.
#[derive(Default)]
struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    entry_size: u64,
}

const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_NOBITS: u32 = 8;
const SHF_WRITE: u64 = 1;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;
const TEXT_SECTION: u16 = 1;
const SYMBOL_SECTION: u32 = 5;

impl Tail {
    pub(super) fn new(
        record: &ProgramRecord,
        layout: &Layout,
        options: &ImageOptions<'_>,
    ) -> Result<Tail, LinkError> {
        let debug = match &options.debug {
            Some(source) => debug_sections(record, layout, source)?,
            None => Vec::new(),
        };
        let offset = layout.end;
        let mut bytes = Vec::new();
        let loaded_section = |name, kind, flags, segment: &Segment, start: u64, size| Section {
            name,
            kind,
            flags: flags | SHF_ALLOC,
            address: segment.address + start,
            offset: segment.offset + start,
            size,
            ..Section::default()
        };
        let writable = &layout.writable;
        let zero_size = writable.memory_size - writable.file_size;
        let mut sections = vec![
            Section::default(),
            loaded_section(
                ".text",
                SHT_PROGBITS,
                SHF_EXECINSTR,
                &layout.text,
                0,
                layout.text.file_size,
            ),
            loaded_section(
                ".rodata",
                SHT_PROGBITS,
                0,
                &layout.read_only,
                0,
                layout.read_only.file_size,
            ),
            loaded_section(
                ".data",
                SHT_PROGBITS,
                SHF_WRITE,
                writable,
                0,
                writable.file_size,
            ),
            loaded_section(
                ".bss",
                SHT_NOBITS,
                SHF_WRITE,
                writable,
                writable.file_size,
                zero_size,
            ),
            Section {
                name: ".symtab",
                kind: SHT_SYMTAB,
                offset: layout.symbols_offset,
                size: layout.symbol_count * SYMBOL,
                link: SYMBOL_SECTION + 1,
                // All symbols are local: nothing is linked with an image.
                info: layout.symbol_count as u32,
                entry_size: SYMBOL,
                ..Section::default()
            },
            Section {
                name: ".strtab",
                kind: SHT_STRTAB,
                offset: layout.names_offset,
                size: layout.names_size,
                ..Section::default()
            },
        ];
        for section in debug {
            let offset = offset + bytes.len() as u64;
            let size = section.bytes.len() as u64;
            bytes.extend_from_slice(&section.bytes);
            sections.push(Section {
                name: section.name,
                kind: SHT_PROGBITS,
                offset,
                size,
                ..Section::default()
            });
        }
        let section_names_offset = offset + bytes.len() as u64;
        sections.push(Section {
            name: ".shstrtab",
            kind: SHT_STRTAB,
            offset: section_names_offset,
            ..Section::default()
        });
        let mut section_names = vec![0];
        let name_places: Vec<u32> = sections
            .iter()
            .map(|section| add_name(&mut section_names, section.name))
            .collect();
        if let Some(last) = sections.last_mut() {
            last.size = section_names.len() as u64;
        }
        bytes.extend_from_slice(&section_names);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let headers = offset + bytes.len() as u64;
        for (section, name) in sections.iter().zip(name_places) {
            let mut header = [0; SECTION_HEADER];
            put32(&mut header, 0, name);
            put32(&mut header, 4, section.kind);
            put64(&mut header, 8, section.flags);
            put64(&mut header, 16, section.address);
            put64(&mut header, 24, section.offset);
            put64(&mut header, 32, section.size);
            put32(&mut header, 40, section.link);
            put32(&mut header, 44, section.info);
            put64(&mut header, 48, 1);
            put64(&mut header, 56, section.entry_size);
            bytes.extend_from_slice(&header);
        }
        Ok(Tail {
            bytes,
            headers,
            count: sections.len() as u16,
        })
    }
}

/// What debuggers read about a program whose addresses are known.
fn debug_sections(
    record: &ProgramRecord,
    layout: &Layout,
    source: &debug::DebugSource<'_>,
) -> Result<Vec<DebugSection>, LinkError> {
    let ids = record.part(Part::Functions);
    let blobs: Vec<FunctionBlob> = ids.iter().map(|&id| record.function(id)).collect();
    let addresses = ids.iter().map(|&id| layout.address(id).unwrap_or(0));
    let functions: Vec<_> = blobs.iter().zip(addresses.map(Address::Constant)).collect();
    debug::sections(&functions, source)
}

/// Appends a name to a string table and gives its place; the empty name is at 0.
fn add_name(table: &mut Vec<u8>, name: &str) -> u32 {
    if name.is_empty() {
        return 0;
    }
    let place = table.len() as u32;
    table.extend_from_slice(name.as_bytes());
    table.push(0);
    place
}

const FUNCTION: u8 = 2;
const OBJECT: u8 = 1;
/// What fills the room of a group: the name of no source file, which tools pass over.
const FILE: u8 = 4;
/// A symbol that belongs to no section, because the runtime's sections are not described.
const ABSOLUTE: u16 = 0xfff1;

/// One entry of the symbol table.
struct Symbol {
    name: u64,
    kind: u8,
    section: u16,
    address: u64,
    size: u64,
}

fn put_symbol(out: &mut [u8], symbol: &Symbol) {
    put32(out, 0, symbol.name as u32);
    out[4] = symbol.kind;
    out[5] = 0;
    put16(out, 6, symbol.section);
    put64(out, 8, symbol.address);
    put64(out, 16, symbol.size);
}

/// Writes entries and their names, of which the first is at `start` of all names, and fills the rest of the room.
fn put_symbols<'a>(
    symbols: impl Iterator<Item = (&'a str, Symbol)>,
    start: u64,
    table: &mut [u8],
    names: &mut [u8],
) {
    let (entries, _) = table.as_chunks_mut::<{ SYMBOL as usize }>();
    let mut entries = entries.iter_mut();
    let mut end = 0;
    for ((name, symbol), entry) in symbols.zip(&mut entries) {
        let place = end as u64 + start;
        put_symbol(
            entry,
            &Symbol {
                name: place,
                ..symbol
            },
        );
        names[end..end + name.len()].copy_from_slice(name.as_bytes());
        names[end + name.len()] = 0;
        end += name.len() + 1;
    }
    names[end..].fill(0);
    let filler = Symbol {
        name: 0,
        kind: FILE,
        section: ABSOLUTE,
        address: 0,
        size: 0,
    };
    for entry in entries {
        put_symbol(entry, &filler);
    }
}

/// Writes the symbols of a group and their names.
pub(super) fn write_symbols(
    record: &ProgramRecord,
    layout: &Layout,
    part: Part,
    group: &Group,
    table: &mut [u8],
    names: &mut [u8],
) {
    let kind = match part {
        Part::Functions => FUNCTION,
        _ => OBJECT,
    };
    let symbols = group.units.iter().map(|&id| {
        let symbol = Symbol {
            name: 0,
            kind,
            section: TEXT_SECTION + part as u16,
            address: layout.address(id).unwrap_or(0),
            size: record.unit(id).size(),
        };
        (record.name(id), symbol)
    });
    put_symbols(symbols, group.names.start, table, names);
}

/// Writes the symbols of the runtime's functions, behind the entry that every table begins with.
pub(super) fn write_runtime_symbols(table: &mut [u8], names: &mut [u8]) {
    let symbols = runtime::symbols().iter().map(|symbol| {
        let entry = Symbol {
            name: 0,
            kind: FUNCTION,
            section: ABSOLUTE,
            address: symbol.address,
            size: symbol.size,
        };
        (symbol.name.as_str(), entry)
    });
    let (first, table) = table.split_at_mut(SYMBOL as usize);
    let (empty, names) = names.split_at_mut(1);
    first.fill(0);
    empty.fill(0);
    put_symbols(symbols, 1, table, names);
}
