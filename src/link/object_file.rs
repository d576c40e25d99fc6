//! Relocatable objects from blobs.

use gimli::write::{Address, RelocationTarget};
use object::write::{
    Comdat, Object, Relocation, SectionId, StandardSection, StandardSegment, Symbol, SymbolId,
    SymbolSection,
};
use object::{
    Architecture, BinaryFormat, ComdatKind, Endianness, RelocationFlags, SectionFlags, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope, elf,
};
use rustc_hash::FxHashMap;

use super::debug::{self, DebugSource};
use super::{LineOf, LinkError};
use crate::codegen::blob::{
    DataBlob, FunctionBlob, LineReloc, Linkage, Reloc, RelocKind, SymbolName,
};

/// The section of an object with words for the linker.
pub const AUTOLINK_SECTION: &str = ".code1_autolink_entries";

/// What the parts of an object have in common.
struct Part<'a> {
    symbol: SymbolName,
    linkage: Linkage,
    bytes: &'a [u8],
    zero_size: u64,
    align: u64,
    relocs: &'a [Reloc],
    line_relocs: &'a [LineReloc],
    /// The name of the section without the symbol's.
    section: &'static str,
    kind: SectionKind,
}

/// Writes an object. Every blob gets a section of its own, so that a linker can leave out what is not used.
pub fn write_object<'a>(
    functions: impl IntoIterator<Item = &'a FunctionBlob>,
    data: impl IntoIterator<Item = &'a DataBlob>,
    lines: LineOf<'_>,
) -> Result<Vec<u8>, LinkError> {
    write_object_with(functions, data, lines, &Extras::default())
}

/// What an object can hold beside code and data.
#[derive(Clone, Copy, Default)]
pub struct Extras<'a> {
    /// What debuggers want to know, if anything.
    pub debug: Option<DebugSource<'a>>,
    /// What a linker is to be told when this object is among its inputs, such as `-lm`.
    pub autolink: &'a [String],
}

/// Writes an object with more than code and data.
pub fn write_object_with<'a>(
    functions: impl IntoIterator<Item = &'a FunctionBlob>,
    data: impl IntoIterator<Item = &'a DataBlob>,
    lines: LineOf<'_>,
    extras: &Extras<'_>,
) -> Result<Vec<u8>, LinkError> {
    let architecture = if cfg!(target_arch = "aarch64") {
        Architecture::Aarch64
    } else {
        Architecture::X86_64
    };
    let mut writer = Writer {
        object: Object::new(BinaryFormat::Elf, architecture, Endianness::Little),
        symbols: FxHashMap::default(),
    };
    let functions: Vec<&FunctionBlob> = functions.into_iter().collect();
    let parts = functions.iter().map(|blob| function_part(blob));
    let parts: Vec<Part<'a>> = parts.chain(data.into_iter().map(data_part)).collect();
    // Symbols come first, so that a reference can precede the definition.
    for part in &parts {
        writer.declare(part)?;
    }
    let mut sections = Vec::with_capacity(parts.len());
    for part in &parts {
        sections.push(writer.define(part, lines)?);
    }
    if let Some(source) = &extras.debug {
        writer.describe(&functions, &sections, source)?;
    }
    if !extras.autolink.is_empty() {
        writer.add_autolink_entries(extras.autolink);
    }
    // Tells linkers that nothing here needs an executable stack.
    writer.object.section_id(StandardSection::Text);
    writer
        .object
        .add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
    writer
        .object
        .write()
        .map_err(|error| LinkError::Linker(error.to_string()))
}

fn function_part(blob: &FunctionBlob) -> Part<'_> {
    Part {
        symbol: blob.symbol,
        linkage: blob.linkage,
        bytes: &blob.code,
        zero_size: 0,
        align: u64::from(blob.align).max(16),
        relocs: &blob.relocs,
        line_relocs: &blob.line_relocs,
        section: ".text",
        kind: SectionKind::Text,
    }
}

fn data_part(blob: &DataBlob) -> Part<'_> {
    let all_zero = blob.bytes.is_empty() && blob.relocs.is_empty();
    let (section, kind) = match (blob.writable, all_zero, blob.relocs.is_empty()) {
        (true, true, _) => (".bss", SectionKind::UninitializedData),
        (true, false, _) => (".data", SectionKind::Data),
        (false, _, true) => (".rodata", SectionKind::ReadOnlyData),
        // The loader fills in addresses before it protects these.
        (false, _, false) => (".data.rel.ro", SectionKind::ReadOnlyDataWithRel),
    };
    Part {
        symbol: blob.symbol,
        linkage: blob.linkage,
        bytes: &blob.bytes,
        zero_size: blob.zero_size,
        align: u64::from(blob.align).max(1),
        relocs: &blob.relocs,
        line_relocs: &blob.line_relocs,
        section,
        kind,
    }
}

struct Writer<'a> {
    object: Object<'a>,
    symbols: FxHashMap<SymbolName, SymbolId>,
}

impl Writer<'_> {
    fn declare(&mut self, part: &Part<'_>) -> Result<(), LinkError> {
        if self.symbols.contains_key(&part.symbol) {
            return Err(LinkError::Duplicate(part.symbol));
        }
        let scope = match part.linkage {
            Linkage::Global | Linkage::Shared => SymbolScope::Dynamic,
            Linkage::Hidden => SymbolScope::Linkage,
            Linkage::Local => SymbolScope::Compilation,
        };
        let kind = if part.kind == SectionKind::Text {
            SymbolKind::Text
        } else {
            SymbolKind::Data
        };
        let id = self.object.add_symbol(Symbol {
            name: part.symbol.as_str().as_bytes().to_vec(),
            value: 0,
            size: part.bytes.len() as u64 + part.zero_size,
            kind,
            scope,
            weak: part.linkage == Linkage::Shared,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        });
        self.symbols.insert(part.symbol, id);
        Ok(())
    }

    fn define(&mut self, part: &Part<'_>, lines: LineOf<'_>) -> Result<SectionId, LinkError> {
        let symbol = self.reference(part.symbol);
        let name = format!("{}.{}", part.section, part.symbol);
        let segment = match part.kind {
            SectionKind::Text => StandardSegment::Text,
            _ => StandardSegment::Data,
        };
        let segment = self.object.segment_name(segment).to_vec();
        let section = self
            .object
            .add_section(segment, name.into_bytes(), part.kind);
        if part.linkage == Linkage::Shared {
            // Of equal groups in several objects a linker keeps one. Members of groups must say that they are.
            let flags = group_member_flags(part.kind);
            self.object.section_mut(section).flags = flags;
            let comdat = Comdat {
                kind: ComdatKind::Any,
                symbol,
                sections: vec![section],
            };
            self.object.add_comdat(comdat);
        }
        if part.kind == SectionKind::UninitializedData {
            self.object
                .append_section_bss(section, part.zero_size, part.align);
        } else {
            let mut bytes = part.bytes.to_vec();
            bytes.resize(bytes.len() + part.zero_size as usize, 0);
            for reloc in part.line_relocs {
                let at = reloc.offset as usize;
                let place = bytes.get_mut(at..at + 4).ok_or(LinkError::Malformed {
                    in_symbol: part.symbol,
                })?;
                place.copy_from_slice(&lines(reloc.key).to_le_bytes());
            }
            self.object.append_section_data(section, &bytes, part.align);
        }
        let size = part.bytes.len() as u64 + part.zero_size;
        self.object.set_symbol_data(symbol, section, 0, size);
        for reloc in part.relocs {
            self.relocate(part, section, reloc)?;
        }
        Ok(section)
    }

    /// Adds the section of words for the linker, which is not part of what is linked.
    fn add_autolink_entries(&mut self, entries: &[String]) {
        let name = AUTOLINK_SECTION.as_bytes().to_vec();
        let section = self
            .object
            .add_section(Vec::new(), name, SectionKind::Other);
        self.object.section_mut(section).flags = SectionFlags::Elf {
            sh_type: elf::SHT_PROGBITS,
            sh_flags: elf::SHF_EXCLUDE,
        };
        let mut bytes = Vec::new();
        for entry in entries {
            bytes.extend(entry.bytes().filter(|&byte| byte != 0));
            bytes.push(0);
        }
        self.object.append_section_data(section, &bytes, 1);
    }

    /// Adds what debuggers read about functions, which lie in the sections with the same numbers.
    fn describe(
        &mut self,
        functions: &[&FunctionBlob],
        sections: &[SectionId],
        source: &DebugSource<'_>,
    ) -> Result<(), LinkError> {
        // A function is found by its section and not by its name: where a linker keeps the equal function of another object, this one's description goes too.
        let functions: Vec<_> = functions
            .iter()
            .enumerate()
            .map(|(symbol, &blob)| (blob, Address::Symbol { symbol, addend: 0 }))
            .collect();
        let described = debug::sections(&functions, source)?;
        let mut ids: FxHashMap<&str, SectionId> = FxHashMap::default();
        for section in &described {
            let name = section.name.as_bytes().to_vec();
            let kind = match section.name {
                ".debug_str" | ".debug_line_str" => SectionKind::DebugString,
                _ => SectionKind::Debug,
            };
            let id = self.object.add_section(Vec::new(), name, kind);
            self.object.append_section_data(id, &section.bytes, 1);
            ids.insert(section.name, id);
        }
        for section in &described {
            let missing =
                || LinkError::Debug(format!("a reference in {} leads nowhere", section.name));
            let from = *ids.get(section.name).ok_or_else(missing)?;
            for relocation in &section.relocations {
                let target = match relocation.target {
                    RelocationTarget::Symbol(number) => sections.get(number),
                    RelocationTarget::Section(id) => ids.get(id.name()),
                };
                let target = *target.ok_or_else(missing)?;
                let symbol = self.object.section_symbol(target);
                let r_type = match (relocation.size, cfg!(target_arch = "aarch64")) {
                    (8, false) => elf::R_X86_64_64,
                    (_, false) => elf::R_X86_64_32,
                    (8, true) => elf::R_AARCH64_ABS64,
                    (_, true) => elf::R_AARCH64_ABS32,
                };
                let relocation = Relocation {
                    offset: relocation.offset as u64,
                    symbol,
                    addend: relocation.addend,
                    flags: RelocationFlags::Elf { r_type },
                };
                let added = self.object.add_relocation(from, relocation);
                added.map_err(|error| LinkError::Debug(error.to_string()))?;
            }
        }
        Ok(())
    }

    /// The symbol of a name, undefined as long as nothing defines it.
    fn reference(&mut self, name: SymbolName) -> SymbolId {
        let object = &mut self.object;
        *self.symbols.entry(name).or_insert_with(|| {
            object.add_symbol(Symbol {
                name: name.as_str().as_bytes().to_vec(),
                value: 0,
                size: 0,
                kind: SymbolKind::Unknown,
                scope: SymbolScope::Unknown,
                weak: false,
                section: SymbolSection::Undefined,
                flags: SymbolFlags::None,
            })
        })
    }

    fn relocate(
        &mut self,
        part: &Part<'_>,
        section: SectionId,
        reloc: &Reloc,
    ) -> Result<(), LinkError> {
        let r_type = if cfg!(target_arch = "aarch64") {
            aarch64_type(reloc.kind)
        } else {
            x86_type(part, reloc)
        };
        let r_type = r_type.ok_or(LinkError::Malformed {
            in_symbol: part.symbol,
        })?;
        let symbol = self.reference(reloc.target);
        let relocation = Relocation {
            offset: u64::from(reloc.offset),
            symbol,
            addend: reloc.addend,
            flags: RelocationFlags::Elf { r_type },
        };
        self.object
            .add_relocation(section, relocation)
            .map_err(|error| LinkError::Linker(error.to_string()))
    }
}

/// The flags that a section of a kind has anyway, and the mark of a group's member.
fn group_member_flags(kind: SectionKind) -> SectionFlags {
    let (sh_type, own) = match kind {
        SectionKind::Text => (elf::SHT_PROGBITS, elf::SHF_EXECINSTR),
        SectionKind::UninitializedData => (elf::SHT_NOBITS, elf::SHF_WRITE),
        SectionKind::ReadOnlyData => (elf::SHT_PROGBITS, elf::SHF_ALLOC),
        _ => (elf::SHT_PROGBITS, elf::SHF_WRITE),
    };
    SectionFlags::Elf {
        sh_type,
        sh_flags: elf::SHF_ALLOC | elf::SHF_GROUP | own,
    }
}

fn x86_type(part: &Part<'_>, reloc: &Reloc) -> Option<elf::RelocationType> {
    match reloc.kind {
        RelocKind::Abs64 => Some(elf::R_X86_64_64),
        RelocKind::Abs32 => Some(elf::R_X86_64_32),
        RelocKind::PcRel32 => {
            // A call may go to a shared library, through a stub that the linker makes; the opcodes are those of `call` and `jmp`.
            let opcode = (reloc.offset as usize)
                .checked_sub(1)
                .and_then(|at| part.bytes.get(at));
            let is_call = part.kind == SectionKind::Text && matches!(opcode, Some(0xe8 | 0xe9));
            Some(if is_call {
                elf::R_X86_64_PLT32
            } else {
                elf::R_X86_64_PC32
            })
        }
        _ => None,
    }
}

fn aarch64_type(kind: RelocKind) -> Option<elf::RelocationType> {
    match kind {
        RelocKind::Abs64 => Some(elf::R_AARCH64_ABS64),
        RelocKind::Abs32 => Some(elf::R_AARCH64_ABS32),
        RelocKind::PcRel32 => Some(elf::R_AARCH64_PREL32),
        RelocKind::Aarch64Call26 => Some(elf::R_AARCH64_CALL26),
        RelocKind::Aarch64AdrPage21 => Some(elf::R_AARCH64_ADR_PREL_PG_HI21),
        RelocKind::Aarch64AddLow12 => Some(elf::R_AARCH64_ADD_ABS_LO12_NC),
    }
}
