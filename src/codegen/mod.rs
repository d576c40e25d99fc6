//! Tour of `codegen`: from MIR and concrete types to blobs of machine code and data.
//!
//! * [`cx`]: what this folder asks about a program; [`program`] answers from the database and holds this folder's queries:
//!   [`layout()`], [`symbol_name`], [`code_unit`].
//! * [`layout`](mod@layout): how values lie in memory and in registers; [`mangle`]: the names of symbols;
//!   [`readable`]: as people write them; [`demangle`](mod@demangle): the way back from a symbol alone.
//! * [`key`]: the functions and data of a program, named by what they are.
//! * [`isa`]: the machine, its settings, the calling conventions.
//! * [`emit`]: MIR to Cranelift's representation, with generic arguments filled in on the way.
//! * [`adapt`]: function values for the type inside an existential.
//! * [`optimize`]: what `-O` does to MIR before.
//! * `scalar`: what `-O` does to Cranelift's representation afterwards.
//! * [`metadata`]: type metadata, witness tables, constants, storage of globals.
//! * [`record`]: a whole program, from the entry to everything it reaches; [`dispatch`]: calls whose function depends on a type known only at run time.
//! * [`stored`]: code of the standard library that an earlier process has generated.
//! * [`compiled`]: code of modules that were compiled before, and what a module leaves to others.
//! * [`objects`]: a module's code as one piece for each file.
//! * [`blob`]: what all this produces and `link` lays out.
//!
//! Every function or datum is generated on its own, from facts that are all read through queries: an edit regenerates what it changes. Code
//! for a function of an instance is the same wherever it is asked for.

mod adapt;
pub mod blob;
pub mod compiled;
pub mod cx;
pub mod demangle;
mod dispatch;
pub mod emit;
pub mod isa;
pub mod key;
pub mod layout;
pub mod mangle;
pub mod metadata;
pub mod objects;
pub mod optimize;
pub mod program;
pub mod readable;
pub mod record;
mod scalar;
pub mod stored;

#[cfg(test)]
mod tests;

pub use self::key::{CodeKey, CodeUnit, CodegenError};
pub use self::record::Output;
