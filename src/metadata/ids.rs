//! The two hashes that tell modules apart.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{StableHash, StableHasher};

/// Which module: a hash of its name and of the values of `-C metadata`, with which build tools keep apart modules that share a name, such as two versions of
/// one package.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct StableCrateId(pub u64);

impl StableCrateId {
    /// The id of the module `name` that is compiled with these values of `-C metadata`. Their order and repetitions do not matter, because build tools
    /// collect them from several places.
    pub fn new<S: AsRef<str>>(name: &str, metadata: impl IntoIterator<Item = S>) -> StableCrateId {
        let metadata = metadata.into_iter();
        let values: BTreeSet<String> = metadata.map(|value| value.as_ref().to_owned()).collect();
        let mut hasher = StableHasher::new();
        name.stable_hash(&mut hasher);
        values.stable_hash(&mut hasher);
        StableCrateId(hasher.finish().0 as u64)
    }

    /// Sixteen hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

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

macro_rules! shown_as_hex {
    ($($ty:ident),*) => {
        $(
            impl fmt::Display for $ty {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{:016x}", self.0)
                }
            }

            impl fmt::Debug for $ty {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}({:016x})", stringify!($ty), self.0)
                }
            }

            impl StableHash for $ty {
                fn stable_hash(&self, hasher: &mut StableHasher) {
                    hasher.write_u64(self.0);
                }
            }
        )*
    };
}

shown_as_hex!(StableCrateId, Svh);
