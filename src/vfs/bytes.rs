//! The bytes of files that are looked at in parts.

use std::fmt;
use std::ops::Deref;

use memmap2::Mmap;

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
