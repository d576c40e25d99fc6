//! Tour of `types`: types, generics, signatures and conformances; never reads a body.
pub mod ty;
