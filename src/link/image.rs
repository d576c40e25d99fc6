//! The direct writer: a program appended to the runtime's image.
//!
//! The runtime was linked ahead of time to fixed addresses. A program gets the addresses behind it, in three segments of
//! its own: code, constants, and variables. What remains to be done is to copy blobs and to fill in addresses, which takes as long as copying.

use std::collections::BTreeMap;

use gimli::write::Address;
use rayon::prelude::*;

use super::debug::{self, DebugSection, DebugSource};
use super::layout::{Layout, PAGE, Segment};
use super::{LinkError, runtime};
use crate::codegen::blob::{FunctionBlob, RelocKind, SymbolName};
use crate::codegen::mangle;
use crate::codegen::record::{Part, ProgramRecord};

/// How to write an image.
#[derive(Clone, Copy)]
pub struct ImageOptions<'a> {
    /// Whether the image gets a symbol table, for debuggers and profilers.
    pub symbols: bool,
    /// What debuggers want to know, if anything.
    pub debug: Option<DebugSource<'a>>,
}

impl Default for ImageOptions<'_> {
    fn default() -> Self {
        ImageOptions {
            symbols: true,
            debug: None,
        }
    }
}

const FILE_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;
/// How many program headers the runtime reserves room for.
const MAX_PROGRAM_HEADERS: usize = 24;

const PT_LOAD: u32 = 1;
const PT_PHDR: u32 = 6;
const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

/// Writes an image of a program to memory.
///
/// # Errors
/// When a symbol is missing or too far away.
pub fn write_image(
    record: &ProgramRecord,
    options: &ImageOptions<'_>,
) -> Result<Vec<u8>, LinkError> {
    let base = Base::read(runtime::IMAGE)?;
    let layout = Layout::new(
        record,
        (runtime::IMAGE.len() as u64).next_multiple_of(PAGE),
        base.end.next_multiple_of(PAGE),
    );
    let loaded = (layout.writable.offset + layout.writable.file_size) as usize;
    // Memory from the allocator that was never touched is zero without anybody writing zeroes, and every task below then touches its own part.
    // The room for the tables is an estimate, so that appending them does not move the rest.
    let mut image = vec![0; loaded + estimated_table_size(record, options)];
    image.truncate(loaded);
    let (tables, written) = {
        let image = image.as_mut_slice();
        let tables = || Tables::new(record, &layout, options, loaded as u64);
        rayon::join(tables, || write_segments(record, &layout, image))
    };
    written?;
    let tables = tables?;
    base.patch_headers(&mut image, &layout)?;
    let address = |name: &str| {
        let id = record.find_defined(name)?;
        layout.address(id)
    };
    let entry = address(mangle::MAIN_SYMBOL).ok_or_else(|| {
        let symbols = [mangle::MAIN_SYMBOL, "the runtime"].map(SymbolName::new);
        LinkError::Undefined(vec![symbols.into()])
    })?;
    base.patch_slot(&mut image, "codira_slot_program_main", entry)?;
    if let Some(hooks) = address(mangle::HOOKS_SYMBOL) {
        base.patch_slot(&mut image, "codira_slot_program_hooks", hooks)?;
    }
    let (section_offset, section_count) = match &tables {
        Some(tables) => {
            image.resize(tables.offset as usize, 0);
            image.extend_from_slice(&tables.bytes);
            (tables.headers, tables.count)
        }
        None => (0, 0),
    };
    put64(&mut image, 40, section_offset);
    put16(&mut image, 58, SECTION_HEADER as u16);
    put16(&mut image, 60, section_count);
    // The names of sections are in the last one.
    put16(&mut image, 62, section_count.saturating_sub(1));
    Ok(image)
}

/// The tables' size with names of usual length.
fn estimated_table_size(record: &ProgramRecord, options: &ImageOptions<'_>) -> usize {
    if !options.symbols {
        return 0;
    }
    (record.len() + runtime::symbols().len()) * (SYMBOL + 80) + 0x4000
}

fn get16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn get32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

fn get64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The runtime's image as the writer needs to know it.
struct Base {
    headers: Vec<[u8; PROGRAM_HEADER]>,
    /// The first address behind everything.
    end: u64,
}

impl Base {
    fn read(image: &[u8]) -> Result<Base, LinkError> {
        if image.len() < FILE_HEADER {
            return Err(LinkError::NoRuntimeImage);
        }
        let start = get64(image, 32) as usize;
        let count = usize::from(get16(image, 56));
        let headers: Vec<[u8; PROGRAM_HEADER]> = image
            .get(start..start + count * PROGRAM_HEADER)
            .ok_or(LinkError::NoRuntimeImage)?
            .as_chunks::<PROGRAM_HEADER>()
            .0
            .to_vec();
        let loads = headers.iter().filter(|header| get32(*header, 0) == PT_LOAD);
        let end = loads
            .map(|header| get64(header, 16) + get64(header, 40))
            .max()
            .ok_or(LinkError::NoRuntimeImage)?;
        Ok(Base { headers, end })
    }

    /// Where an address of the runtime is in the file.
    fn offset_of(&self, name: &str) -> Result<(usize, u64), LinkError> {
        let address = runtime::address_of(name).ok_or(LinkError::NoRuntimeImage)?;
        let header = self.headers.iter().find(|header| {
            let start = get64(*header, 16);
            get32(*header, 0) == PT_LOAD && (start..start + get64(*header, 32)).contains(&address)
        });
        let header = header.ok_or(LinkError::NoRuntimeImage)?;
        Ok((
            (address - get64(header, 16) + get64(header, 8)) as usize,
            address,
        ))
    }

    fn patch_slot(&self, image: &mut [u8], name: &str, value: u64) -> Result<(), LinkError> {
        let (offset, _) = self.offset_of(name)?;
        put64(image, offset, value);
        Ok(())
    }

    /// Writes a program header table with the new segments to the room that the runtime reserves for it. The table's old place has no room,
    /// and the end of the file will not do, because the C library reads the table in memory.
    fn patch_headers(&self, image: &mut [u8], layout: &Layout) -> Result<(), LinkError> {
        let (offset, address) = self.offset_of("codira_program_headers")?;
        let mut headers = self.headers.clone();
        let parts = [
            (layout.text, READ | EXECUTE),
            (layout.read_only, READ),
            (layout.writable, READ | WRITE),
        ];
        for (segment, flags) in parts {
            // A segment of no size would be an error to some kernels.
            if segment.memory_size != 0 {
                headers.push(load_header(&segment, flags));
            }
        }
        if headers.len() > MAX_PROGRAM_HEADERS {
            return Err(LinkError::NoRuntimeImage);
        }
        let size = (headers.len() * PROGRAM_HEADER) as u64;
        for header in headers
            .iter_mut()
            .filter(|header| get32(*header, 0) == PT_PHDR)
        {
            for (at, value) in [
                (8, offset as u64),
                (16, address),
                (24, address),
                (32, size),
                (40, size),
            ] {
                put64(header, at, value);
            }
        }
        // Loaded segments must be in the order of their addresses; the new ones come after the old ones.
        for (index, header) in headers.iter().enumerate() {
            image[offset + index * PROGRAM_HEADER..][..PROGRAM_HEADER].copy_from_slice(header);
        }
        put64(image, 32, offset as u64);
        put16(image, 56, headers.len() as u16);
        Ok(())
    }
}

fn load_header(segment: &Segment, flags: u32) -> [u8; PROGRAM_HEADER] {
    let mut header = [0; PROGRAM_HEADER];
    put32(&mut header, 0, PT_LOAD);
    put32(&mut header, 4, flags);
    put64(&mut header, 8, segment.offset);
    put64(&mut header, 16, segment.address);
    put64(&mut header, 24, segment.address);
    put64(&mut header, 32, segment.file_size);
    put64(&mut header, 40, segment.memory_size);
    put64(&mut header, 48, PAGE);
    header
}

/// Fills an image that is all zero.
fn write_segments(
    record: &ProgramRecord,
    layout: &Layout,
    image: &mut [u8],
) -> Result<(), LinkError> {
    let (head, rest) = image.split_at_mut(layout.text.offset as usize);
    let (text, rest) = rest.split_at_mut((layout.read_only.offset - layout.text.offset) as usize);
    let (read_only, writable) =
        rest.split_at_mut((layout.writable.offset - layout.read_only.offset) as usize);
    let code = || write_segment(record, layout, &layout.text, Part::Functions, text);
    let data = || {
        head[..runtime::IMAGE.len()].copy_from_slice(runtime::IMAGE);
        let constants = write_segment(
            record,
            layout,
            &layout.read_only,
            Part::Constants,
            read_only,
        );
        let variables = write_segment(record, layout, &layout.writable, Part::Variables, writable);
        merge([constants, variables])
    };
    let (code, data) = rayon::join(code, data);
    // All undefined symbols are reported together, each once, in a fixed order.
    match merge([code, data]) {
        Err(LinkError::Undefined(symbols)) => {
            let symbols: BTreeMap<_, _> = symbols.into_iter().collect();
            Err(LinkError::Undefined(symbols.into_iter().collect()))
        }
        result => result,
    }
}

/// Joins the undefined symbols of several results; the first of other errors wins.
fn merge(results: impl IntoIterator<Item = Result<(), LinkError>>) -> Result<(), LinkError> {
    let mut undefined = Vec::new();
    for result in results {
        match result {
            Ok(()) => {}
            Err(LinkError::Undefined(more)) => undefined.extend(more),
            Err(other) => return Err(other),
        }
    }
    if undefined.is_empty() {
        Ok(())
    } else {
        Err(LinkError::Undefined(undefined))
    }
}

/// How many blobs one task copies: enough that handing out tasks costs nothing.
const TASK: usize = 512;

fn write_segment(
    record: &ProgramRecord,
    layout: &Layout,
    segment: &Segment,
    part: Part,
    mut rest: &mut [u8],
) -> Result<(), LinkError> {
    let address = |id: u32| layout.address(id).unwrap_or(segment.address);
    let mut tasks = Vec::new();
    let mut start = segment.address;
    let mut groups = record.part(part).chunks(TASK).peekable();
    while let Some(group) = groups.next() {
        let end = groups
            .peek()
            .map_or(segment.address + segment.file_size, |next| address(next[0]));
        let (head, tail) = rest.split_at_mut((end - start) as usize);
        tasks.push((head, start, group));
        (rest, start) = (tail, end);
    }
    // Execution that falls out of a function is trapped.
    let padding = match part {
        Part::Functions if cfg!(target_arch = "x86_64") => 0xcc,
        _ => 0,
    };
    let write = |(out, start, group): (&mut [u8], u64, &[u32])| -> Result<(), LinkError> {
        let mut undefined = Vec::new();
        let mut end = 0;
        for &id in group {
            let place = (address(id) - start) as usize;
            out[end..place].fill(padding);
            let blob = record.bytes(id);
            end = place + blob.len();
            let bytes = &mut out[place..end];
            bytes.copy_from_slice(blob);
            relocate(record, layout, id, bytes, &mut undefined)?;
        }
        if undefined.is_empty() {
            Ok(())
        } else {
            Err(LinkError::Undefined(undefined))
        }
    };
    merge(tasks.into_par_iter().map(write).collect::<Vec<_>>())
}

/// Fills in the addresses and lines of a unit.
fn relocate(
    record: &ProgramRecord,
    layout: &Layout,
    id: u32,
    bytes: &mut [u8],
    undefined: &mut Vec<(SymbolName, SymbolName)>,
) -> Result<(), LinkError> {
    let address = layout.address(id).unwrap_or(0);
    let malformed = || LinkError::Malformed {
        in_symbol: record.symbol(id),
    };
    for reloc in record.relocs(id) {
        let Some(target) = layout.address(reloc.target()) else {
            undefined.push((record.symbol(reloc.target()), record.symbol(id)));
            continue;
        };
        let width = if reloc.kind() == RelocKind::Abs64 {
            8
        } else {
            4
        };
        let place = bytes
            .get_mut(reloc.offset as usize..reloc.offset as usize + width)
            .ok_or_else(malformed)?;
        let value = target.wrapping_add_signed(reloc.addend);
        apply(
            reloc.kind(),
            place,
            value,
            address + u64::from(reloc.offset),
        )
        .ok_or_else(|| LinkError::OutOfRange {
            target: record.symbol(reloc.target()),
            in_symbol: record.symbol(id),
        })?;
    }
    for line in record.line_places(id) {
        let at = line.offset as usize;
        let place = bytes.get_mut(at..at + 4).ok_or_else(malformed)?;
        put32(place, 0, line.line);
    }
    Ok(())
}

/// Writes an address to a place at address `here`. `None` when it does not fit.
fn apply(kind: RelocKind, place: &mut [u8], value: u64, here: u64) -> Option<()> {
    let distance = value.wrapping_sub(here) as i64;
    match kind {
        RelocKind::Abs64 => put64(place, 0, value),
        RelocKind::Abs32 => put32(place, 0, u32::try_from(value).ok()?),
        RelocKind::PcRel32 => put32(place, 0, i32::try_from(distance).ok()? as u32),
        RelocKind::Aarch64Call26 => {
            let words = distance >> 2;
            if distance & 3 != 0 || !(-(1 << 25)..1 << 25).contains(&words) {
                return None;
            }
            put32(
                place,
                0,
                get32(place, 0) & 0xfc00_0000 | words as u32 & 0x03ff_ffff,
            );
        }
        RelocKind::Aarch64AdrPage21 => {
            let pages = ((value & !0xfff) as i64 - (here & !0xfff) as i64) >> 12;
            if !(-(1 << 20)..1 << 20).contains(&pages) {
                return None;
            }
            let pages = pages as u32;
            put32(
                place,
                0,
                get32(place, 0) & 0x9f00_001f | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5,
            );
        }
        RelocKind::Aarch64AddLow12 => {
            put32(
                place,
                0,
                get32(place, 0) & 0xffc0_03ff | (value as u32 & 0xfff) << 10,
            );
        }
    }
    Some(())
}

/// What follows the loaded segments in the file: symbols, debug information, section headers.
struct Tables {
    /// Where they start in the file.
    offset: u64,
    bytes: Vec<u8>,
    /// Where the section headers are in the file.
    headers: u64,
    count: u16,
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

impl Tables {
    fn new(
        record: &ProgramRecord,
        layout: &Layout,
        options: &ImageOptions<'_>,
        loaded: u64,
    ) -> Result<Option<Tables>, LinkError> {
        let debug = match &options.debug {
            Some(source) => debug_sections(record, layout, source)?,
            None => Vec::new(),
        };
        if !options.symbols && debug.is_empty() {
            return Ok(None);
        }
        let offset = loaded.next_multiple_of(8);
        let (mut bytes, names) = if options.symbols {
            symbol_table(record, layout)
        } else {
            (vec![0; SYMBOL], vec![0])
        };
        let symbol_count = bytes.len() / SYMBOL;
        let names_offset = offset + bytes.len() as u64;
        let names_size = names.len() as u64;
        let symbols_size = bytes.len() as u64;
        bytes.extend_from_slice(&names);

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
                offset,
                size: symbols_size,
                link: SYMBOL_SECTION + 1,
                // All symbols are local: nothing is linked with an image.
                info: symbol_count as u32,
                entry_size: SYMBOL as u64,
                ..Section::default()
            },
            Section {
                name: ".strtab",
                kind: SHT_STRTAB,
                offset: names_offset,
                size: names_size,
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
        Ok(Some(Tables {
            offset,
            bytes,
            headers,
            count: sections.len() as u16,
        }))
    }
}

/// What debuggers read about a program whose addresses are known.
fn debug_sections(
    record: &ProgramRecord,
    layout: &Layout,
    source: &DebugSource<'_>,
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

/// The symbol table and its names: the program's functions and data, and the runtime's functions.
fn symbol_table(record: &ProgramRecord, layout: &Layout) -> (Vec<u8>, Vec<u8>) {
    const FUNCTION: u8 = 2;
    const OBJECT: u8 = 1;
    /// A symbol that belongs to no section, because the runtime's sections are not described.
    const ABSOLUTE: u16 = 0xfff1;
    let count = 1 + record.len() + runtime::symbols().len();
    let mut table = Vec::with_capacity(count * SYMBOL);
    table.resize(SYMBOL, 0);
    let mut names = Vec::with_capacity(count * 48);
    names.push(0);
    let mut add = |name: &str, kind: u8, section: u16, address: u64, size: u64| {
        let place = add_name(&mut names, name);
        let mut entry = [0; SYMBOL];
        put32(&mut entry, 0, place);
        entry[4] = kind;
        put16(&mut entry, 6, section);
        put64(&mut entry, 8, address);
        put64(&mut entry, 16, size);
        table.extend_from_slice(&entry);
    };
    for (number, part) in (TEXT_SECTION..).zip(Part::ALL) {
        let kind = match part {
            Part::Functions => FUNCTION,
            _ => OBJECT,
        };
        for &id in record.part(part) {
            let address = layout.address(id).unwrap_or(0);
            add(
                record.name(id),
                kind,
                number,
                address,
                record.unit(id).size(),
            );
        }
    }
    for symbol in runtime::symbols() {
        let name = symbol.name.as_str();
        add(name, FUNCTION, ABSOLUTE, symbol.address, symbol.size);
    }
    (table, names)
}
