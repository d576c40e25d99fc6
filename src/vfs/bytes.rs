//! The bytes of files that are looked at in parts.

use std::fmt;
use std::ops::{Deref, DerefMut};

use memmap2::{Mmap, MmapMut};

/// The bytes of a file: mapped into memory, or in a vector where there is nothing to map.
pub struct FileBytes(Repr);

enum Repr {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Mapped(map) => map,
            Repr::Owned(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> FileBytes {
        FileBytes(Repr::Owned(bytes))
    }
}

impl From<Mmap> for FileBytes {
    fn from(map: Mmap) -> FileBytes {
        FileBytes(Repr::Mapped(map))
    }
}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileBytes({} bytes)", self.len())
    }
}

/// Bytes that began as those of a file. Where the file is mapped, only the pages that are changed take memory.
pub struct BytesCopy(CopyRepr);

enum CopyRepr {
    Mapped(MmapMut),
    Owned(Vec<u8>),
}

impl Deref for BytesCopy {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            CopyRepr::Mapped(map) => map,
            CopyRepr::Owned(bytes) => bytes,
        }
    }
}

impl DerefMut for BytesCopy {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            CopyRepr::Mapped(map) => map,
            CopyRepr::Owned(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for BytesCopy {
    fn from(bytes: Vec<u8>) -> BytesCopy {
        BytesCopy(CopyRepr::Owned(bytes))
    }
}

impl From<MmapMut> for BytesCopy {
    fn from(map: MmapMut) -> BytesCopy {
        BytesCopy(CopyRepr::Mapped(map))
    }
}

impl fmt::Debug for BytesCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BytesCopy({} bytes)", self.len())
    }
}
