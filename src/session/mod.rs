//! Tour of `session`.
