//! Which module a thing belongs to.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{StableHash, StableHasher};

use super::options::TrackedOptions;

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

impl fmt::Display for StableCrateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for StableCrateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StableCrateId({:016x})", self.0)
    }
}

impl StableHash for StableCrateId {
    fn stable_hash(&self, hasher: &mut StableHasher) {
        hasher.write_u64(self.0);
    }
}

impl TrackedOptions {
    /// The id of the module that is compiled with these options.
    pub fn stable_crate_id(&self) -> StableCrateId {
        StableCrateId::new(self.module_name.as_str(), &self.crate_metadata)
    }

    /// What stands beside the module's name in identities and symbols: 0 for a module without `-C metadata`, whose symbols stay short, and otherwise a part of
    /// its id, so that two versions of one module can be in one program.
    pub fn crate_discriminator(&self) -> u32 {
        match self.crate_metadata.is_empty() {
            true => 0,
            false => ((self.stable_crate_id().0 >> 32) as u32).max(1),
        }
    }
}
