//! Tour of `items`: what each file declares, free of positions: the firewall between text and meaning.
pub mod hir;
pub mod ids;
pub mod tree;
