//! Tour of `base`.
