//! Archives and shared libraries with a module in them.
//!
//! A library that is linked in at build time is an archive: the module file as the member [`METADATA_MEMBER`], what the code generator keeps for programs that this compiler
//! links by itself as [`CODE_MEMBER`], objects for all other linkers, and a table of their symbols. A shared library has the module file in a section. Equal
//! contents make equal archives: there are no times and owners in them.

use std::io::{self, Cursor};
use std::ops::Range;

use ar_archive_writer::{ArchiveKind, NewArchiveMember, ObjectReader, write_archive_to_stream};
use object::read::archive::ArchiveFile;
use object::write::Object;
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, Object as _, ObjectSection, ObjectSymbol,
    SectionFlags, SectionKind, elf,
};

use crate::session::{Arch, Target};

use super::file::Damage;

/// The member of an archive that is the module file.
pub const METADATA_MEMBER: &str = "lib.rmeta";
/// The member of an archive that is a table of generated code.
pub const CODE_MEMBER: &str = "lib.rcode";
/// The section of a shared library that is the module file.
pub const METADATA_SECTION: &str = ".codira_metadata";

/// How archives begin.
pub(super) const ARCHIVE_MAGIC: &[u8; 8] = b"!<arch>\n";
/// How objects and shared libraries begin.
pub(super) const ELF_MAGIC: &[u8; 4] = b"\x7fELF";

/// Finds out what is in members, for the table of symbols: only objects have any.
static READER: ObjectReader = ObjectReader {
    get_symbols: symbols,
    is_64_bit_object_file: |bytes| bytes.starts_with(ELF_MAGIC),
    is_ec_object_file: |_| false,
    is_any_arm64_coff: |_| false,
    get_xcoff_member_alignment: |_| 2,
};

fn symbols(bytes: &[u8], add: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
    let object = match bytes.starts_with(ELF_MAGIC) {
        true => object::File::parse(bytes).ok(),
        false => None,
    };
    let Some(object) = object else {
        return Ok(false);
    };
    for symbol in object.symbols() {
        let kind = symbol.kind();
        let is_name = !matches!(kind, object::SymbolKind::File | object::SymbolKind::Section);
        if is_name
            && symbol.is_definition()
            && symbol.is_global()
            && let Ok(name) = symbol.name_bytes()
        {
            add(name)?;
        }
    }
    Ok(true)
}

/// The bytes of an archive with these members, in this order. The module file comes first, so that readers need not look far.
pub fn write_archive(members: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let first = members.iter().filter(|(name, _)| *name == METADATA_MEMBER);
    let rest = members.iter().filter(|(name, _)| *name != METADATA_MEMBER);
    let ordered = first.chain(rest);
    let members: Vec<NewArchiveMember<'_>> = ordered
        .map(|&(name, bytes)| NewArchiveMember::new(bytes, &READER, name.to_owned()))
        .collect();
    let mut out = Cursor::new(Vec::new());
    write_archive_to_stream(&mut out, &members, ArchiveKind::Gnu, false, None)?;
    Ok(out.into_inner())
}

/// Where a member of an archive lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The member's name.
    pub name: String,
    /// Its bytes in the archive.
    pub range: Range<usize>,
}

/// The members of an archive. All must be there as a whole, because a library that is cut off cannot be linked.
pub fn members(bytes: &[u8]) -> Result<Vec<Member>, Damage> {
    let malformed = |_| Damage::Malformed("it is no intact archive");
    let archive = ArchiveFile::parse(bytes).map_err(malformed)?;
    if archive.is_thin() {
        return Err(Damage::Malformed("its members are other files"));
    }
    let mut found = Vec::new();
    for member in archive.members() {
        let member = member.map_err(malformed)?;
        let (start, len) = member.file_range();
        let end = start.saturating_add(len);
        if end > bytes.len() as u64 {
            return Err(Damage::Incomplete {
                found: bytes.len() as u64,
                expected: end,
            });
        }
        found.push(Member {
            name: String::from_utf8_lossy(member.name()).into_owned(),
            range: start as usize..end as usize,
        });
    }
    Ok(found)
}

/// Where the section with the module file lies in a shared library.
pub fn metadata_section(bytes: &[u8]) -> Result<Range<usize>, Damage> {
    let malformed = |_| Damage::Malformed("it is no intact shared library");
    let object = object::File::parse(bytes).map_err(malformed)?;
    let section = object.section_by_name(METADATA_SECTION);
    let section = section.ok_or(Damage::NoMetadata)?;
    let (start, len) = section.file_range().ok_or(Damage::NoMetadata)?;
    let end = start.saturating_add(len);
    if end > bytes.len() as u64 {
        return Err(Damage::Incomplete {
            found: bytes.len() as u64,
            expected: end,
        });
    }
    Ok(start as usize..end as usize)
}

/// An object that holds nothing but a module file, to be linked into a shared library.
pub fn metadata_object(module: &[u8], target: Target) -> io::Result<Vec<u8>> {
    let architecture = match target.arch {
        Arch::X86_64 => Architecture::X86_64,
        Arch::Arm64 => Architecture::Aarch64,
    };
    let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    let section = object.add_section(
        Vec::new(),
        METADATA_SECTION.as_bytes().to_vec(),
        SectionKind::Other,
    );
    // No part of the program's memory: only compilers read it. Linkers would leave out what nothing refers to.
    object.section_mut(section).flags = SectionFlags::Elf {
        sh_type: elf::SHT_PROGBITS,
        sh_flags: elf::SHF_GNU_RETAIN,
    };
    object.flags = FileFlags::Elf {
        os_abi: elf::ELFOSABI_GNU,
        abi_version: 0,
        e_flags: elf::FileFlags(0),
    };
    object.append_section_data(section, module, 1);
    object.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
    object
        .write()
        .map_err(|error| io::Error::other(error.to_string()))
}
