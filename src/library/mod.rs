//! Tour of `library`: the standard library, the module `Codira`, written in Codira and embedded in the compiler.

/// The sources of the module `Codira`: pairs of path and text.
pub const CODIRA_SOURCES: &[(&str, &str)] = &[];
