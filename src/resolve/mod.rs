//! Tour of `resolve`: which declaration a name means.
//!

//! * [`decls`]: written types to declarations, without forming types; inheritance clauses and extended types at that level.
//! * [`members`]: the members of a type by name, over all its extensions.
//! * [`lookup`]: unqualified lookup of types and values; [`operators`]: operator functions; [`access`]: who may see what.
//! * [`index`]: the names of modules of which records are kept, one by one.
//! * [`extended`]: whether the program changes what the standard library means.

pub mod access;
pub mod decls;
pub mod extended;
pub mod index;
pub mod lookup;
pub mod members;
pub mod operators;
pub mod scope;

pub use self::access::is_accessible;
pub use self::lookup::{Layer, is_static_member, lookup_value, suggest};
pub use self::members::{container_of, declared_named};
pub use self::operators::operator_candidates;
pub use self::scope::module_named;
