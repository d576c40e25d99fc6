//! Tour of `items`.
