//! The hash that tells states of a module apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{StableHash, StableHasher};

/// Exactly which state of a module: a hash of everything that was compiled and of how (the *strict version hash*). Two module files with equal hashes
/// are the same for whoever imports them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Svh(pub u64);

impl Svh {
    /// Sixteen hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl fmt::Display for Svh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Svh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Svh({:016x})", self.0)
    }
}

impl StableHash for Svh {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        hasher.write_u64(self.0);
    }
}
