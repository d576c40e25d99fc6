//! Debug information for debuggers: DWARF that leads from addresses to lines and names.
//!
//! Blobs know which expression an instruction belongs to, but not where expressions stand; so this is made when a program or an object is put together,
//! from the rows of its functions and from a [`DebugSource`] that knows places. Each function has a line sequence of its own, and each source file is a unit. Functions
//! without source (the standard library's, and those that are made for types) are in a unit without lines: debuggers step over them, and name them in backtraces.

use std::collections::BTreeMap;

use gimli::write::{
    Address, AttributeValue, CallFrameInstruction, CommonInformationEntry, Dwarf, EndianVec,
    FrameDescriptionEntry, FrameTable, LineProgram, LineString, Range, RangeList, RelocateWriter,
    Relocation, Sections, Unit,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian};

use super::LinkError;
use crate::base::{FxHashMap, Name};
use crate::codegen::blob::{FunctionBlob, LineKey, LineRow};
use crate::codegen::readable::readable_name;

/// Where an expression stands: the path of its file as the user spelled it, and the line.
pub type Place = (Name, u32);

/// What debug information says beyond what blobs know.
#[derive(Clone, Copy)]
pub struct DebugSource<'a> {
    /// The folder that relative paths start from.
    pub folder: &'a str,
    /// Who made the program.
    pub producer: &'a str,
    /// Where an expression stands; none for what debuggers shall step over.
    pub place: &'a (dyn Fn(LineKey) -> Option<Place> + Sync),
}

/// A section that debuggers read, not loaded into memory.
#[derive(Debug)]
pub struct DebugSection {
    /// With its dot, such as `.debug_line`.
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Places that hold addresses which are not known yet. Empty where all addresses are constants.
    pub relocations: Vec<Relocation>,
}

/// A function and where it starts: a constant, or a symbol whose number the caller chose.
pub type PlacedFunction<'a> = (&'a FunctionBlob, Address);

const ENCODING: Encoding = Encoding {
    address_size: 8,
    format: Format::Dwarf32,
    version: 5,
};

/// The name of the unit of functions without source.
const NO_SOURCE: &str = "<compiler-generated>";

/// A buffer that remembers which of its places hold addresses.
#[derive(Clone)]
struct Buffer {
    bytes: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl RelocateWriter for Buffer {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}

/// The sections that describe functions. With constant addresses nothing in them is left to relocate.
pub fn sections(
    functions: &[PlacedFunction<'_>],
    source: &DebugSource<'_>,
) -> Result<Vec<DebugSection>, LinkError> {
    let is_fixed = functions
        .iter()
        .all(|(_, address)| matches!(address, Address::Constant(_)));
    let mut units: BTreeMap<&'static str, Vec<Described<'_>>> = BTreeMap::new();
    let mut without_source = Vec::new();
    for &(blob, address) in functions {
        let rows = places(&blob.line_rows, source);
        let described = Described {
            blob,
            address,
            rows,
        };
        match described.rows.first() {
            Some((_, (path, _))) => units.entry(path.as_str()).or_default().push(described),
            None => without_source.push(described),
        }
    }
    let mut dwarf = Dwarf::new();
    for (path, functions) in &units {
        add_unit(&mut dwarf, path, functions, source);
    }
    if !without_source.is_empty() {
        add_unit(&mut dwarf, NO_SOURCE, &without_source, source);
    }
    let empty = Buffer {
        bytes: EndianVec::new(LittleEndian),
        relocations: Vec::new(),
    };
    let mut sections = Sections::new(empty);
    let written = dwarf.write(&mut sections).and_then(|()| {
        let frames = frames(functions);
        frames.write_debug_frame(&mut sections.debug_frame)
    });
    written.map_err(|error| LinkError::Debug(error.to_string()))?;
    let mut found = Vec::new();
    let collected: Result<(), LinkError> = sections.for_each_mut(|id, buffer| {
        let mut bytes =
            std::mem::replace(&mut buffer.bytes, EndianVec::new(LittleEndian)).into_vec();
        let mut relocations = std::mem::take(&mut buffer.relocations);
        if is_fixed {
            // Sections of an image stand alone, so what is an offset into another one is known.
            for relocation in relocations.drain(..) {
                let place = bytes.get_mut(relocation.offset..);
                let place = place.and_then(|rest| rest.get_mut(..usize::from(relocation.size)));
                let value = relocation.addend.to_le_bytes();
                if let (Some(place), Some(value)) =
                    (place, value.get(..usize::from(relocation.size)))
                {
                    place.copy_from_slice(value);
                }
            }
        }
        if !bytes.is_empty() {
            found.push(DebugSection {
                name: id.name(),
                bytes,
                relocations,
            });
        }
        Ok(())
    });
    collected?;
    Ok(found)
}

/// A function with the places of its rows that have source.
struct Described<'a> {
    blob: &'a FunctionBlob,
    address: Address,
    rows: Vec<(u32, Place)>,
}

/// The rows that have source; a row of the same place as the one before it says nothing new.
fn places(rows: &[LineRow], source: &DebugSource<'_>) -> Vec<(u32, Place)> {
    let mut places: Vec<(u32, Place)> = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(place) = (source.place)(row.key).filter(|&(_, line)| line != 0) else {
            continue;
        };
        if places.last().is_none_or(|&(_, before)| before != place) {
            places.push((row.offset, place));
        }
    }
    places
}

/// A text that DWARF can hold as a path.
fn path_bytes(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.bytes().filter(|&byte| byte != 0).collect();
    if bytes.is_empty() {
        bytes.push(b'.');
    }
    bytes
}

fn add_unit(dwarf: &mut Dwarf, path: &str, functions: &[Described<'_>], source: &DebugSource<'_>) {
    let has_lines = functions.iter().any(|function| !function.rows.is_empty());
    let mut program = match has_lines {
        true => LineProgram::new(
            ENCODING,
            LineEncoding::default(),
            LineString::new(path_bytes(source.folder), ENCODING, &mut dwarf.line_strings),
            None,
            LineString::new(path_bytes(path), ENCODING, &mut dwarf.line_strings),
            None,
        ),
        false => LineProgram::none(),
    };
    let folder = program_folder(&program);
    let mut files = FxHashMap::default();
    for function in functions {
        let Some(&(_, first)) = function.rows.first() else {
            continue;
        };
        program.begin_sequence(Some(function.address));
        // What comes before the first row is the prologue.
        let prologue = (function.rows.first().map(|row| row.0) != Some(0)).then_some((0, first));
        for (offset, (path, line)) in prologue.into_iter().chain(function.rows.iter().copied()) {
            let file = *files.entry(path).or_insert_with(|| {
                let name =
                    LineString::new(path_bytes(path.as_str()), ENCODING, &mut dwarf.line_strings);
                folder.map(|folder| program.add_file(name, folder, None))
            });
            let row = program.row();
            row.address_offset = u64::from(offset);
            if let Some(file) = file {
                row.file = file;
            }
            row.line = u64::from(line);
            program.generate_row();
        }
        program.end_sequence(function.blob.code.len() as u64);
    }
    let mut unit = Unit::new(ENCODING, program);
    let ranges = functions.iter().map(|function| Range::StartLength {
        begin: function.address,
        length: function.blob.code.len() as u64,
    });
    let ranges = unit.ranges.add(RangeList(ranges.collect()));
    let mut text = |text: &str| AttributeValue::StringRef(dwarf.strings.add(path_bytes(text)));
    let root = unit.root();
    let entry = unit.get_mut(root);
    entry.set(gimli::DW_AT_producer, text(source.producer));
    entry.set(
        gimli::DW_AT_language,
        AttributeValue::Language(gimli::DW_LANG_Swift),
    );
    entry.set(gimli::DW_AT_name, text(path));
    entry.set(gimli::DW_AT_comp_dir, text(source.folder));
    entry.set(
        gimli::DW_AT_low_pc,
        AttributeValue::Address(Address::Constant(0)),
    );
    entry.set(gimli::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
    for function in functions {
        let symbol = function.blob.symbol.as_str();
        let name = readable_name(symbol);
        let (id, size) = (
            unit.add(root, gimli::DW_TAG_subprogram),
            function.blob.code.len() as u64,
        );
        let entry = unit.get_mut(id);
        // gdb shows a linkage name, where there is one, instead of the name; the symbol table has it anyway.
        entry.set(gimli::DW_AT_name, text(&name));
        entry.set(
            gimli::DW_AT_low_pc,
            AttributeValue::Address(function.address),
        );
        entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(size));
        entry.set(
            gimli::DW_AT_frame_base,
            AttributeValue::Exprloc(frame_base()),
        );
        entry.set(gimli::DW_AT_external, AttributeValue::FlagPresent);
        if symbol == crate::codegen::mangle::MAIN_SYMBOL {
            entry.set(gimli::DW_AT_main_subprogram, AttributeValue::FlagPresent);
        }
    }
    dwarf.units.add(unit);
}

fn program_folder(program: &LineProgram) -> Option<gimli::write::DirectoryId> {
    (!program.is_none()).then(|| program.default_directory())
}

/// Functions keep a frame pointer, from which their variables are found.
fn frame_base() -> gimli::write::Expression {
    let mut expression = gimli::write::Expression::new();
    let register = match cfg!(target_arch = "aarch64") {
        true => gimli::AArch64::X29,
        false => gimli::X86_64::RBP,
    };
    expression.op_reg(register);
    expression
}

/// How to find a function's caller. All prologues are the same: the frame pointer is saved, then set.
fn frames(functions: &[PlacedFunction<'_>]) -> FrameTable {
    let mut table = FrameTable::default();
    if cfg!(target_arch = "aarch64") {
        // Debuggers know that architecture's frames by themselves.
        return table;
    }
    use gimli::X86_64 as Register;
    let mut common = CommonInformationEntry::new(
        Encoding {
            version: 4,
            ..ENCODING
        },
        1,
        -8,
        Register::RA,
    );
    common.add_instruction(CallFrameInstruction::Cfa(Register::RSP, 8));
    common.add_instruction(CallFrameInstruction::Offset(Register::RA, -8));
    let common = table.add_cie(common);
    for (blob, address) in functions {
        // `push rbp; mov rbp, rsp`
        if !blob.code.starts_with(&[0x55, 0x48, 0x89, 0xe5]) {
            continue;
        }
        let mut entry = FrameDescriptionEntry::new(*address, blob.code.len() as u32);
        entry.add_instruction(1, CallFrameInstruction::CfaOffset(16));
        entry.add_instruction(1, CallFrameInstruction::Offset(Register::RBP, -16));
        entry.add_instruction(4, CallFrameInstruction::CfaRegister(Register::RBP));
        table.add_fde(common, entry);
    }
    table
}
