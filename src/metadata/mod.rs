//! Tour of `metadata`: compiled modules as files.
//!
//! What a module shows to those who import it is written to a *module file*, so that they need not see its sources. This folder knows the files,
//! how they are told apart and how they are found; what the records in them mean is the business of the folders below, each of which writes and
//! reads its own.
//!
//! * [`svh`]: [`Svh`], in exactly which state a module was; which module it is at all says its [`StableCrateId`].
//! * [`header`]: [`ModuleHeader`], what is known about a module without reading any of its records.
//! * [`pack`]: a table of records that are found by fingerprint, and its reader, which trusts nothing.
//! * [`file`]: the container, versions and all: [`encode`] writes it, [`ModuleFile`] reads it.
//! * [`archive`]: the libraries that a module file can be a part of.
//! * [`interface`]: what dependents can see of a module, and the two hashes of it: [`module_hashes`].
//! * [`merge`]: the header of a module from what its parts know, and modules from partial ones.
//! * [`docs`]: documentation comments, in a file of their own.
//! * [`locator`]: [`CrateLocator`], which finds the files of one module and explains why others are not used.
//! * [`cstore`]: [`CStore`], all modules that a compilation uses, from its imports outwards.

pub mod archive;
pub mod cstore;
pub mod docs;
pub mod file;
pub mod header;
pub mod interface;
pub mod locator;
pub mod merge;
pub mod pack;
pub mod svh;

#[cfg(test)]
mod tests;

pub use self::archive::{CODE_MEMBER, METADATA_MEMBER, metadata_object, write_archive};
pub use self::cstore::{CStore, CrateMetadata, CrateNum};
pub use self::file::{Damage, Format, ModuleError, ModuleFile, encode};
pub use self::header::{ModuleHeader, Part, PartFile, SourceInfo, Upstream};
pub use self::interface::{Exported, exported, module_hashes};
pub use self::locator::{CrateLocator, Library, LocateError, SearchPaths, Wanted};
pub use self::svh::Svh;
pub use crate::session::StableCrateId;
