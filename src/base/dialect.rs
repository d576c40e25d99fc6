//! Which spellings of the language a file uses.

/// The spellings of a source file: chosen by its ending, and spoken by its diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Dialect {
    /// `fn`, `this`, `immutable`, module `Codira`: files that end in `.code`, and all without a known ending.
    #[default]
    Codira,
    /// `func`, `self`, `let`, module `Swift`: files that end in `.swift`.
    Swift,
}

impl Dialect {
    /// The dialect of the file at `path`.
    pub fn of_path(path: &str) -> Dialect {
        if path.ends_with(".swift") {
            Dialect::Swift
        } else {
            Dialect::Codira
        }
    }
}

crate::stable_hash_enum!(Dialect { Codira, Swift });
