//! Tour of `codegen`.
