//! Tour of `mir`.
