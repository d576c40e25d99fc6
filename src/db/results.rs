//! Results of queries that another process computed before.

use crate::base::Fingerprint;

/// Results of queries as bytes, by fingerprints of everything that they follow from.
///
/// A query may ask here for its own result, under one condition: the key is the hash of all that the result depends on, and
/// what of that is not constant was read through queries. Then an answer is the value that the query
/// would compute, and whether there was one is not visible in any result.
pub trait Results: Send + Sync {
    /// The bytes that were put under this key, if they are still there and whole.
    fn get(&self, key: Fingerprint) -> Option<&[u8]>;

    /// How many questions have been answered.
    fn hits(&self) -> usize {
        0
    }

    /// Keeps bytes for later processes, or forgets them.
    fn put(&self, key: Fingerprint, bytes: Vec<u8>);
}

/// Records of a file that another compilation wrote, by key.
///
/// What is damaged is not there, so that queries have an answer; but the answer may be wrong, and what was asked for belongs to nobody else who could make it
/// again. So the file remembers that it is damaged, and a compilation that has met that ends with an error. A file remembers it for as
/// long as it is an input: as long as any answer that was read from it.
pub trait ModuleRecords: Send + Sync {
    /// The bytes of a record.
    fn record(&self, key: Fingerprint) -> Option<&[u8]>;

    /// Remembers that the bytes of a record mean nothing.
    fn note_damage(&self);

    /// The path of the file, if anybody has met something in it that is damaged.
    fn damaged(&self) -> Option<&str>;

    /// Whether there is such a file at all.
    fn exists(&self) -> bool {
        true
    }
}
