//! The Codira compiler as a library: an incremental query engine from source text to native programs.
//!
//! The folders below are listed in reading order; a folder imports only folders above it.

pub mod base;
pub mod bodies;
pub mod codegen;
pub mod db;
pub mod diag;
pub mod driver;
pub mod interface;
pub mod items;
pub mod library;
pub mod link;
pub mod metadata;
pub mod mir;
pub mod resolve;
pub mod session;
pub mod store;
pub mod syntax;
pub mod types;
pub mod vfs;
