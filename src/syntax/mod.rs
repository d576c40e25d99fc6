//! Tour of `syntax`.
