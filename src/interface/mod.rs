//! Tour of `interface`.
