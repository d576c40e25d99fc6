//! Tour of `types`.
