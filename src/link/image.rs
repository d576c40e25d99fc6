//! The direct writer: a program appended to the runtime's image.
//!
//! The runtime was linked ahead of time to fixed addresses. A program gets the addresses behind it, in three segments of
//! its own: code, constants, and variables. What remains to be done is to copy blobs and to fill in addresses, which takes as long as copying.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::debug::DebugSource;
use super::layout::{Group, Layout, PAGE, SYMBOL, Segment};
use super::tables::{self, Tail};
use super::{LinkError, runtime};
use crate::codegen::blob::{RelocKind, SymbolName};
use crate::codegen::mangle;
use crate::codegen::record::{Part, ProgramRecord};

/// How to write an image.
#[derive(Clone, Copy, Default)]
pub struct ImageOptions<'a> {
    /// What debuggers want to know, if anything.
    pub debug: Option<DebugSource<'a>>,
}

const FILE_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
pub(super) const SECTION_HEADER: usize = 64;
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
    let layout = base.layout(record);
    write_whole(record, &base, &layout, options)
}

/// Writes the image of a program that is laid out.
pub(super) fn write_whole(
    record: &ProgramRecord,
    base: &Base,
    layout: &Layout,
    options: &ImageOptions<'_>,
) -> Result<Vec<u8>, LinkError> {
    let tail = Tail::new(record, layout, options)?;
    // Memory from the allocator that was never touched is zero without anybody writing zeroes, and every task below then touches its own part.
    let end = layout.end as usize;
    let mut image = vec![0; end + tail.bytes.len()];
    image[end..].copy_from_slice(&tail.bytes);
    write_groups(record, layout, &mut image)?;
    base.finish(&mut image, record, layout, &tail)?;
    Ok(image)
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

pub(super) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The runtime's image as the writer needs to know it.
pub(super) struct Base {
    headers: Vec<[u8; PROGRAM_HEADER]>,
    /// The first address behind everything.
    end: u64,
}

impl Base {
    pub(super) fn read(image: &[u8]) -> Result<Base, LinkError> {
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

    /// Lays out a program behind the runtime.
    pub(super) fn layout(&self, record: &ProgramRecord) -> Layout {
        let offset = (runtime::IMAGE.len() as u64).next_multiple_of(PAGE);
        Layout::new(record, offset, self.end.next_multiple_of(PAGE))
    }

    /// Fills in what the runtime knows about the program, and the headers. Returns what was written.
    pub(super) fn finish(
        &self,
        image: &mut [u8],
        record: &ProgramRecord,
        layout: &Layout,
        tail: &Tail,
    ) -> Result<Vec<Range<usize>>, LinkError> {
        let mut written = vec![self.patch_headers(image, layout)?];
        let address = |name: &str| {
            let id = record.find_defined(name)?;
            layout.address(id)
        };
        let entry = address(mangle::MAIN_SYMBOL).ok_or_else(|| {
            let symbols = [mangle::MAIN_SYMBOL, "the runtime"].map(SymbolName::new);
            LinkError::Undefined(vec![symbols.into()])
        })?;
        written.push(self.patch_slot(image, "codira_slot_program_main", entry)?);
        if let Some(hooks) = address(mangle::HOOKS_SYMBOL) {
            written.push(self.patch_slot(image, "codira_slot_program_hooks", hooks)?);
        }
        put64(image, 40, tail.headers);
        put16(image, 58, SECTION_HEADER as u16);
        put16(image, 60, tail.count);
        // The names of sections are in the last one.
        put16(image, 62, tail.count.saturating_sub(1));
        written.push(0..FILE_HEADER);
        Ok(written)
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

    fn patch_slot(
        &self,
        image: &mut [u8],
        name: &str,
        value: u64,
    ) -> Result<Range<usize>, LinkError> {
        let (offset, _) = self.offset_of(name)?;
        put64(image, offset, value);
        Ok(offset..offset + 8)
    }

    /// Writes a program header table with the new segments to the room that the runtime reserves for it. The table's old place has no room,
    /// and the end of the file will not do, because the C library reads the table in memory.
    fn patch_headers(&self, image: &mut [u8], layout: &Layout) -> Result<Range<usize>, LinkError> {
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
        Ok(offset..offset + size as usize)
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

/// Takes pieces of something from its start to its end.
struct Cutter<'a> {
    rest: &'a mut [u8],
    /// The place of the rest.
    at: usize,
}

impl<'a> Cutter<'a> {
    /// The piece at these places, which is behind those before.
    fn cut(&mut self, start: u64, end: u64) -> &'a mut [u8] {
        let rest = std::mem::take(&mut self.rest);
        let (_, rest) = rest.split_at_mut(start as usize - self.at);
        let (piece, rest) = rest.split_at_mut((end - start) as usize);
        (self.rest, self.at) = (rest, end as usize);
        piece
    }
}

/// What is written for one group.
struct Task<'a> {
    part: Part,
    group: &'a Group,
    contents: &'a mut [u8],
    symbols: &'a mut [u8],
    names: &'a mut [u8],
}

/// Fills the program's groups, the runtime and the symbols into an image that is all zero.
fn write_groups(
    record: &ProgramRecord,
    layout: &Layout,
    image: &mut [u8],
) -> Result<(), LinkError> {
    let (rest, names) = image.split_at_mut(layout.names_offset as usize);
    let (rest, symbols) = rest.split_at_mut(layout.symbols_offset as usize);
    let (head, rest) = rest.split_at_mut(layout.text.offset as usize);
    let mut names = Cutter { rest: names, at: 0 };
    let mut symbols = Cutter {
        rest: symbols,
        at: 0,
    };
    let mut contents = Cutter {
        rest,
        at: layout.text.offset as usize,
    };
    let mut tasks = Vec::new();
    let groups = || {
        Part::ALL.into_iter().flat_map(|part| {
            let groups = layout.groups(part).iter();
            groups.map(move |group| (part, group))
        })
    };
    let first = groups()
        .next()
        .map_or((layout.symbol_count, layout.names_size), |(_, first)| {
            (first.symbols.start, first.names.start)
        });
    let runtime_symbols = (symbols.cut(0, first.0 * SYMBOL), names.cut(0, first.1));
    for (part, group) in groups() {
        let contents = match layout.segment(part) {
            Some(segment) => {
                let range = segment.file_range(&group.room);
                contents.cut(range.start as u64, range.end as u64)
            }
            None => Default::default(),
        };
        tasks.push(Task {
            part,
            group,
            contents,
            symbols: symbols.cut(group.symbols.start * SYMBOL, group.symbols.end * SYMBOL),
            names: names.cut(group.names.start, group.names.end),
        });
    }
    let write = |task: Task<'_>| {
        let Task { part, group, .. } = task;
        tables::write_symbols(record, layout, part, group, task.symbols, task.names);
        write_group(record, layout, part, group, task.contents)
    };
    let tasks = || {
        let tasks = tasks.into_par_iter().with_min_len(4);
        merge(tasks.map(write).collect::<Vec<_>>())
    };
    let runtime = || {
        head[..runtime::IMAGE.len()].copy_from_slice(runtime::IMAGE);
        tables::write_runtime_symbols(runtime_symbols.0, runtime_symbols.1);
    };
    let (result, ()) = rayon::join(tasks, runtime);
    // All undefined symbols are reported together, each once, in a fixed order.
    match result {
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

/// Writes the contents of a group to its room.
pub(super) fn write_group(
    record: &ProgramRecord,
    layout: &Layout,
    part: Part,
    group: &Group,
    out: &mut [u8],
) -> Result<(), LinkError> {
    if part == Part::Zeroes {
        return Ok(());
    }
    // Execution that falls out of a function is trapped.
    let padding = match part {
        Part::Functions if cfg!(target_arch = "x86_64") => 0xcc,
        _ => 0,
    };
    let mut undefined = Vec::new();
    let mut end = 0;
    for &id in &group.units {
        let place = (layout.address(id).unwrap_or(group.room.start) - group.room.start) as usize;
        out[end..place].fill(padding);
        end = place + record.bytes(id).len();
        write_unit(record, layout, id, &mut out[place..end], &mut undefined)?;
    }
    out[end..].fill(padding);
    match undefined.is_empty() {
        true => Ok(()),
        false => Err(LinkError::Undefined(undefined)),
    }
}

/// Writes a unit to its place.
pub(super) fn write_unit(
    record: &ProgramRecord,
    layout: &Layout,
    id: u32,
    out: &mut [u8],
    undefined: &mut Vec<(SymbolName, SymbolName)>,
) -> Result<(), LinkError> {
    out.copy_from_slice(record.bytes(id));
    relocate(record, layout, id, out, undefined)
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
