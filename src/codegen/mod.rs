//! Tour of `codegen`.

pub mod blob;
pub mod collect;
pub mod cx;
pub mod emit;
pub mod isa;
pub mod key;
pub mod layout;
pub mod mangle;
pub mod metadata;
