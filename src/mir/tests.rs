//! Checks of lowering on source text.
