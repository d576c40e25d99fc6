//! Tour of `codegen`.

pub mod blob;
