//! What is known about a module without reading any of its records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::Fingerprint;
use crate::session::StableCrateId;

use super::svh::Svh;

/// The head of a module file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ModuleHeader {
    /// The module's name, as `import` writes it.
    pub name: String,
    /// Which module it is.
    pub stable_crate_id: StableCrateId,
    /// The values of `-C metadata` that the id was made with.
    pub crate_metadata: Vec<String>,
    /// In which state it is.
    pub svh: Svh,
    /// The hash of its own files and options, from which the SVH can be made again when that of an import has changed. None where more than the SVH
    /// follows from those of its imports.
    pub own: Option<Fingerprint>,
    /// The hash of what a dependent can observe. While it stays equal, dependents need only be linked again.
    pub interface: Fingerprint,
    /// Whether the graphs of functions are there that dependents compile into themselves. Modules that were only checked have none.
    pub has_mir: bool,
    /// Whether `@testable import` may see what is internal.
    pub is_testable: bool,
    /// The machine that the module was compiled for.
    pub target: String,
    /// The files that the module was made from, in the order of the command line.
    pub sources: Vec<SourceInfo>,
    /// The modules that it imports, directly or through others, as they were when it was compiled.
    pub upstream: Vec<Upstream>,
    /// Words for the linker of every program that this module is part of: `-lNAME` for each library that it was compiled with and that is no module.
    pub autolink: Vec<String>,
    /// Set in a file that holds a part of the module only, which nobody can import before it is merged with the others.
    pub part: Option<Part>,
}

/// What the header of a module is made of, as far as some of its files know it. A partial module has that of its own files; a compilation of the whole module
/// has a single part with all of them. So both make their headers in the same way: [`super::merge::whole`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// The paths of all files of the module, in the order of the command line.
    pub files: Vec<String>,
    /// The files whose records are here.
    pub own: Vec<PartFile>,
    /// The hash of all options that can change what is compiled.
    pub options: Fingerprint,
    /// Whether importers may read every record, because they optimise across modules.
    pub is_optimized: bool,
    /// The hash of all that the module's files show each other. While it is the same, a part of other files still fits.
    pub outlines: Fingerprint,
    /// The hash of the declarations that dependents can see.
    pub shown: Fingerprint,
    /// The keys of the records that are graphs of functions.
    pub graphs: Vec<Fingerprint>,
    /// The records of the documentation file.
    pub docs: BTreeMap<Fingerprint, Vec<u8>>,
}

/// A file of a part.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PartFile {
    /// Its place among the module's files.
    pub number: u32,
    /// The fingerprint of its text.
    pub text: Fingerprint,
    /// The hash of everything that it declares, bodies and all.
    pub content: Fingerprint,
    /// The hash of the lines in bodies that importers compile into themselves.
    pub lines: Fingerprint,
}

/// A source file of a module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceInfo {
    /// The path as the module's command line spelled it.
    pub path: String,
    /// The fingerprint of its text.
    pub hash: Fingerprint,
}

/// A module that another one was compiled against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Which module it is.
    pub stable_crate_id: StableCrateId,
    /// In which state it was.
    pub svh: Svh,
    /// What was visible of it.
    pub interface: Fingerprint,
    /// Whether its own dependents see it too, because it is imported `public`ly or with `@_exported`.
    pub is_reexported: bool,
    /// Whether the module itself imports it, instead of only a module that it imports.
    pub is_direct: bool,
}
