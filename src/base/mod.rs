//! Tour of `base`: the vocabulary that every other folder speaks.
//!
//! * [`name`]: [`Name`], a one-word handle for an identifier's text.
//! * [`intern`]: [`Interner`] and [`Interned`], the same idea for structured values such as types.
//! * [`hash`]: [`StableHash`] and [`Fingerprint`], hashes that mean the same in every process.
//! * [`codec`]: handles as numbers, for values that go to disk.
//! * [`arena`]: [`Arena`], [`Idx`] and [`ArenaMap`], typed indices instead of pointers.
//! * [`text`]: byte offsets, ranges, and [`LineIndex`], which turns them into lines and columns.
//! * [`stack`]: room for recursion that follows the program.
//! * [`processors`]: [`Processors`], which the threads of a process share.
//! * [`dialect`]: [`Dialect`], whether a file spells the language as Codira or as Swift.
//! * [`distance`]: how far two spellings are apart, for "did you mean".
//!
//! Nothing here knows about the language or the database.

pub mod arena;
pub mod codec;
pub mod dialect;
pub mod distance;
pub mod hash;
pub mod intern;
pub mod name;
pub mod processors;
pub mod stack;
pub mod text;

#[cfg(test)]
mod tests;

pub use self::arena::{Arena, ArenaMap, Idx};
pub use self::dialect::Dialect;
pub use self::hash::{ContentHash, Fingerprint, StableHash, StableHasher, fingerprint_of};
pub use self::intern::{Interned, Interner};
pub use self::name::Name;
pub use self::processors::{Helper, Processors};
pub use self::text::{LineCol, LineIndex, TextRange, TextSize};
pub use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
