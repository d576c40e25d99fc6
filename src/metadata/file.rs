//! The container of a module.
//!
//! ```text
//! magic                8 bytes
//! format version       4       length of the compiler's version   4
//! compiler's build    16
//! length of the header 8       checksum of the header             8
//! length of the whole  8
//! compiler's version, as text
//! header, in postcard
//! records: a table as in `pack`
//! ```
//!
//! All numbers are little-endian. What comes before the compiler's version never changes its form, so that a module of any other compiler can be refused by
//! naming both. Nothing is aligned: a module file is also a member of an archive or a section of a shared library, where it lies anywhere.
//! The reader believes none of the lengths; a record is only looked at, and its checksum compared, when somebody asks for it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::Fingerprint;
use crate::db::ModuleRecords;
use crate::session::{BUILD_ID, version_line};
use crate::vfs::{FileBytes, ReadErrorKind, System};

use super::archive;
use super::header::ModuleHeader;
use super::pack::{self, DamagedRecord, Table, checksum};
use super::svh::Svh;

/// What every module file begins with.
pub const MAGIC: &[u8; 8] = b"\x7fCODIMOD";
/// To be raised when the meaning of the bytes in front of the header changes.
const FORMAT: u32 = 1;
/// Everything in front of the compiler's version.
const FIXED: usize = 56;
/// Longer ones are no versions but damage.
const MAX_VERSION: usize = 200;

/// Why a file cannot be used as a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleError {
    /// The path as it was spelled.
    pub path: String,
    /// What is wrong.
    pub damage: Damage,
}

/// What can be wrong with a module file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It cannot be read.
    Unreadable(String),
    /// It is something else.
    NotAModule,
    /// It is shorter than it says: somebody is still writing it, or was interrupted.
    Incomplete {
        /// How many bytes there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// It is an archive or a shared library without a module in it.
    NoMetadata,
    /// Its bytes contradict each other; the words say where.
    Malformed(&'static str),
    /// Another compiler wrote it. Both versions, and the builds where the versions are the same.
    OtherCompiler {
        /// Who wrote the file.
        found: String,
        /// Who reads it.
        own: String,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Unreadable(reason) => write!(f, "it cannot be read ({reason})"),
            Damage::NotAModule => write!(f, "it is not a module file"),
            Damage::Incomplete { found, expected } => write!(
                f,
                "it is incomplete: {found} of {expected} bytes are there; another build may still be writing it"
            ),
            Damage::NoMetadata => write!(f, "there is no module in it"),
            Damage::Malformed(part) => write!(f, "it is malformed: {part}"),
            Damage::OtherCompiler { found, own } => {
                write!(f, "it was compiled by {found}, and this is {own}")
            }
        }
    }
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot load module file '{}': {}",
            self.path, self.damage
        )
    }
}

impl std::error::Error for ModuleError {}

impl ModuleError {
    /// The error of whoever needs a record of the file at `path` that is damaged.
    pub fn damaged_record(path: &str) -> ModuleError {
        ModuleError {
            path: path.to_owned(),
            damage: Damage::Malformed("one of its records is damaged"),
        }
    }
}

/// A module file whose header has been read. Clones share the bytes.
#[derive(Clone)]
pub struct ModuleFile {
    inner: Arc<Inner>,
}

struct Inner {
    path: String,
    bytes: FileBytes,
    format: Format,
    /// Where the table of records lies.
    records: Range<usize>,
    table: Table,
    /// Where the table of generated code lies, and the table.
    code: Option<(Range<usize>, Table)>,
    header: ModuleHeader,
    /// Whether a record was asked for that is damaged.
    damaged: AtomicBool,
}

/// What a module file is besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Nothing: `M.codemodule` or `libM.rmeta`.
    Module,
    /// An archive of objects: `libM.rlib` or `libM.a`.
    Archive,
    /// A shared library: `libM.so`.
    SharedLibrary,
}

impl ModuleRecords for ModuleFile {
    fn record(&self, key: Fingerprint) -> Option<&[u8]> {
        ModuleFile::record(self, key)
    }

    fn note_damage(&self) {
        ModuleFile::note_damage(self);
    }

    fn damaged(&self) -> Option<&str> {
        self.is_damaged().then(|| self.path())
    }
}

impl ModuleFile {
    /// Opens the module file at `path`: a module alone, an archive or a shared library. The file is mapped, not read.
    pub fn open(system: &dyn System, path: &Path) -> Result<ModuleFile, ModuleError> {
        let shown = path.to_string_lossy();
        match system.map(path) {
            Ok(bytes) => Self::from_bytes(&shown, bytes),
            Err(kind) => Err(ModuleError {
                path: shown.into_owned(),
                damage: unreadable(kind),
            }),
        }
    }

    /// Reads a module that lies in `bytes`, in any of its formats. `path` is what errors call it.
    pub fn from_bytes(path: &str, bytes: impl Into<FileBytes>) -> Result<ModuleFile, ModuleError> {
        let bytes = bytes.into();
        match open(path, bytes) {
            Ok(inner) => Ok(ModuleFile {
                inner: Arc::new(inner),
            }),
            Err(damage) => Err(ModuleError {
                path: path.to_owned(),
                damage,
            }),
        }
    }

    /// The path that the file was opened by.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The bytes of the whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.inner.bytes
    }

    /// What the file is besides a module.
    pub fn format(&self) -> Format {
        self.inner.format
    }

    /// What is known about the module.
    pub fn header(&self) -> &ModuleHeader {
        &self.inner.header
    }

    /// The record of this key; none if it is not there or damaged. Damage is remembered.
    pub fn record(&self, key: Fingerprint) -> Option<&[u8]> {
        self.remembering(self.inner.table.find(self.table_bytes(), key))
    }

    fn remembering<'a>(&self, found: Result<Option<&'a [u8]>, DamagedRecord>) -> Option<&'a [u8]> {
        found.unwrap_or_else(|DamagedRecord| {
            self.note_damage();
            None
        })
    }

    /// Remembers that the contents of a record mean nothing.
    pub fn note_damage(&self) {
        self.inner.damaged.store(true, Ordering::Relaxed);
    }

    /// Whether anybody has asked for a record that is damaged.
    pub fn is_damaged(&self) -> bool {
        self.inner.damaged.load(Ordering::Relaxed)
    }

    /// All records in the order of their keys; an error if one of them is damaged.
    pub fn all_records(&self) -> Result<BTreeMap<Fingerprint, &[u8]>, ModuleError> {
        let found = self.inner.table.all_records(self.table_bytes());
        found.ok_or_else(|| ModuleError::damaged_record(self.path()))
    }

    /// Every record that is whole, in no particular order.
    pub fn records(&self) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        self.inner.table.records(self.table_bytes())
    }

    /// The bytes of the module alone as a compilation would make them now, when nothing has changed but the states of the modules that it was compiled against,
    /// in a way that it cannot see. `svh_of` tells states by name, those that it knows. None where a compilation is needed to find that out.
    pub fn with_states(&self, svh_of: &dyn Fn(&str) -> Option<Svh>) -> Option<Vec<u8>> {
        let mut header = self.header().clone();
        for upstream in &mut header.upstream {
            upstream.svh = svh_of(&upstream.name).unwrap_or(upstream.svh);
        }
        header.svh = super::interface::svh_of(header.own?, &header.upstream);
        Some(assemble(&header, self.table_bytes()))
    }

    /// The bytes of an archive in which this one's module file is replaced by `module`.
    pub fn archive_with(&self, module: &[u8]) -> Option<Vec<u8>> {
        let bytes = &self.inner.bytes;
        let members = archive::members(bytes).ok()?;
        let members: Vec<(&str, &[u8])> = members
            .iter()
            .map(|member| match member.name.as_str() {
                archive::METADATA_MEMBER => (archive::METADATA_MEMBER, module),
                name => (name, &bytes[member.range.clone()]),
            })
            .collect();
        archive::write_archive(&members).ok()
    }

    /// Whether there is generated code to be linked without a linker.
    pub fn has_code(&self) -> bool {
        self.inner.code.is_some()
    }

    /// The record of generated code of this key; none if it is not there or damaged. Damage is remembered.
    pub fn code(&self, key: Fingerprint) -> Option<&[u8]> {
        let (range, table) = self.inner.code.as_ref()?;
        self.remembering(table.find(&self.inner.bytes[range.clone()], key))
    }

    /// Every record of generated code that is whole, in no particular order.
    pub fn codes(&self) -> impl Iterator<Item = (Fingerprint, &[u8])> {
        let code = self.inner.code.iter();
        code.flat_map(|(range, table)| table.records(&self.inner.bytes[range.clone()]))
    }

    fn table_bytes(&self) -> &[u8] {
        &self.inner.bytes[self.inner.records.clone()]
    }
}

impl fmt::Debug for ModuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleFile")
            .field("path", &self.inner.path)
            .field("header", &self.inner.header)
            .finish_non_exhaustive()
    }
}

/// Two module files are the same where they hold the same module in the same state at the same place.
impl PartialEq for ModuleFile {
    fn eq(&self, other: &ModuleFile) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || (self.inner.path == other.inner.path
                && self.table_bytes() == other.table_bytes()
                && self.inner.header == other.inner.header)
    }
}

impl Eq for ModuleFile {}

/// Finds the module in a file and reads its head.
fn open(path: &str, bytes: FileBytes) -> Result<Inner, Damage> {
    let (format, module, code) = if bytes.starts_with(archive::ARCHIVE_MAGIC) {
        let members = archive::members(&bytes)?;
        let member = |name: &str| members.iter().find(|member| member.name == name);
        let module = member(archive::METADATA_MEMBER).ok_or(Damage::NoMetadata)?;
        let code = member(archive::CODE_MEMBER).map(|member| member.range.clone());
        (Format::Archive, module.range.clone(), code)
    } else if bytes.starts_with(archive::ELF_MAGIC) {
        let section = archive::metadata_section(&bytes)?;
        (Format::SharedLibrary, section, None)
    } else {
        (Format::Module, 0..bytes.len(), None)
    };
    let part = bytes.get(module.clone()).unwrap_or_default();
    let (header, table, start) = read(part)?;
    let code = match code {
        None => None,
        Some(range) => {
            let table = bytes.get(range.clone()).and_then(Table::read);
            let table = table.ok_or(Damage::Malformed("its table of code is damaged"))?;
            Some((range, table))
        }
    };
    Ok(Inner {
        path: path.to_owned(),
        format,
        records: module.start + start..module.end,
        bytes,
        table,
        code,
        header,
        damaged: AtomicBool::new(false),
    })
}

/// An error of the system as a reason.
pub(super) fn unreadable(kind: ReadErrorKind) -> Damage {
    Damage::Unreadable(match kind {
        ReadErrorKind::NotFound => "No such file or directory".to_owned(),
        ReadErrorKind::IsDirectory => "Is a directory".to_owned(),
        ReadErrorKind::PermissionDenied => "Permission denied".to_owned(),
        ReadErrorKind::ChangedWhileReading => "it was modified during the build".to_owned(),
        ReadErrorKind::TooLarge => "it is larger than 4 GB".to_owned(),
        ReadErrorKind::NotUtf8 { .. } => "it is not UTF-8".to_owned(),
        ReadErrorKind::Other(reason) => reason,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The header, the table of records, and where that begins.
fn read(bytes: &[u8]) -> Result<(ModuleHeader, Table, usize), Damage> {
    let cut = |expected: usize| Damage::Incomplete {
        found: bytes.len() as u64,
        expected: expected as u64,
    };
    if !MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
        return Err(Damage::NotAModule);
    }
    let fixed = bytes.get(..FIXED).ok_or_else(|| cut(FIXED))?;
    let lengths = || {
        let build = fixed.get(16..32)?.try_into().ok()?;
        let build = Fingerprint(u128::from_le_bytes(build));
        let version = u32_at(fixed, 12)? as usize;
        let header = usize::try_from(u64_at(fixed, 32)?).ok()?;
        let whole = usize::try_from(u64_at(fixed, 48)?).ok()?;
        Some((build, version, header, u64_at(fixed, 40)?, whole))
    };
    let malformed = || Damage::Malformed("its lengths are impossible");
    let (build, version_len, header_len, header_sum, whole) = lengths().ok_or_else(malformed)?;
    if version_len > MAX_VERSION {
        return Err(malformed());
    }
    // The other compiler is named before anything is said about bytes whose meaning only it knows.
    let header_start = FIXED + version_len;
    let version = bytes
        .get(FIXED..header_start)
        .ok_or_else(|| cut(header_start))?;
    let version = String::from_utf8_lossy(version);
    let own = version_line();
    if u32_at(fixed, 8) != Some(FORMAT) || version != own || build != BUILD_ID {
        return Err(Damage::OtherCompiler {
            found: compiler(&version, build),
            own: compiler(&own, BUILD_ID),
        });
    }
    if bytes.len() < whole {
        return Err(cut(whole));
    }
    if bytes.len() > whole {
        return Err(malformed());
    }
    let records = header_start.checked_add(header_len);
    let records = records.filter(|&at| at <= whole).ok_or_else(malformed)?;
    let header = &bytes[header_start..records];
    if checksum(header) != header_sum {
        return Err(Damage::Malformed("its header's checksum is wrong"));
    }
    let header = match postcard::take_from_bytes::<ModuleHeader>(header) {
        Ok((header, [])) => header,
        _ => return Err(Damage::Malformed("its header cannot be decoded")),
    };
    let table = Table::read(&bytes[records..]);
    let table = table.ok_or(Damage::Malformed("its table of records is damaged"))?;
    Ok((header, table, records))
}

/// A compiler in words. What cannot be printed was not written by one.
fn compiler(version: &str, build: Fingerprint) -> String {
    let shown: String = version.chars().filter(|c| !c.is_control()).collect();
    format!("{shown}, build {:.12}", build.to_hex())
}

/// The bytes of a module file with this header and these records. The same for the same content.
pub fn encode(header: &ModuleHeader, records: &BTreeMap<Fingerprint, &[u8]>) -> Vec<u8> {
    assemble(header, &pack::encode(records))
}

fn assemble(header: &ModuleHeader, table: &[u8]) -> Vec<u8> {
    let version = version_line();
    // Strings, numbers and lists of them: there is nothing in a header that cannot be written.
    let header = postcard::to_allocvec(header).unwrap_or_default();
    let whole = FIXED + version.len() + header.len() + table.len();
    let mut bytes = Vec::with_capacity(whole);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&(version.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&BUILD_ID.0.to_le_bytes());
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&checksum(&header).to_le_bytes());
    bytes.extend_from_slice(&(whole as u64).to_le_bytes());
    bytes.extend_from_slice(version.as_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(table);
    bytes
}
