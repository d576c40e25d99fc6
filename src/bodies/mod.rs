//! Tour of `bodies`.
