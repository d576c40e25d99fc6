//! Emission.
pub(super) mod code;
pub(super) mod values;
