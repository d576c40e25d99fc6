//! Tour of `resolve`.
