//! Tour of `vfs`.
