//! Tour of `mir`: bodies as control-flow graphs with explicit ownership.
pub mod data;
