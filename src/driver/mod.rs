//! Tour of `driver`.
