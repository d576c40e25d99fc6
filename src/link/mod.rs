//! Tour of `link`.
