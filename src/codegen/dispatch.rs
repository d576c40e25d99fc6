//! Dynamic calls: functions that depend on a type known only at run time.
//!
//! Generic code is compiled for each list of type arguments, and nothing generic is left at run time. Three calls need a function
//! all the same whose type arguments only the running program knows:
//!
//! * a generic function called with an existential, `f(x)` for `fn f<T: P>(_ x: T)` and `x: any P`, and so every member of a protocol's
//!   extension called on an existential;
//! * a requirement called on an existential where a witness table has no one entry for it: it is generic, or it mentions `Self` or
//!   an associated type;
//! * a generic method of a class that subclasses may override.
//!
//! A program is complete when it is linked, so all types that can be met there are known: they are those that have a metadata record and
//! satisfy the existential (or inherit from the class). For each pair of a call and such a type an *instance* is compiled
//! ([`CodeKey::DynamicInstance`]): a thunk with the call's convention, which takes the opened value by address, calls the function for the
//! concrete type and converts the result to what the existential's users see. Inside, `T` is the dynamic type: `T.this`, casts,
//! associated types and overloads mean what they would have meant had the caller named the type.
//!
//! Calls find the instance in two loads. When the program is complete, all calls are numbered; a call's number is the word
//! [`CodeKey::DynamicSlot`], which its code loads, and the metadata record of a type points to a table that the number indexes. The code of the call
//! itself thus does not depend on the rest of the program. Tables are stored from the first to the last number that the type needs.
//!
//! An instance can box values of new types, for which new instances are compiled, without end in the case of `fn wrap<T: P>(_ x: T) { wrap(W(x) as any P) }`.
//! Types that are nested more deeply than [`MAX_NESTING`], or that come after [`MAX_TYPES`] others of one call, get a table entry that stops the
//! program with a message.

use crate::types::ty::Ty;

/// Dynamic calls are compiled for types of at most this nesting.
pub(super) const MAX_NESTING: u32 = 9;
/// No function is compiled for types of more parts.
const MAX_SIZE: u32 = 1500;
/// Dynamic calls are compiled for at most this many types each.
pub(super) const MAX_TYPES: usize = 4096;
/// What the runtime runs where no instance was compiled.
pub(super) const NO_INSTANCE: &str = "codira_no_instance";

/// Whether types are so large or nested so deeply that a function must be instantiating itself without end, with larger and larger types:
/// nothing that somebody wrote comes near. Whether such a function ever goes that far only the running program knows, as in the depth of a
/// tree whose element type grows with each level, and so a function for such types is one that stops the program.
pub(super) fn is_endless(types: &[Ty]) -> bool {
    types
        .iter()
        .any(|ty| ty.nesting() > 2 * MAX_NESTING || ty.size() > MAX_SIZE)
}
