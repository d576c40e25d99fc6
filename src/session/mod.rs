//! Tour of `session`: what the user asked for.
//!
//! * [`options`]: [`Options`], every setting of a compilation as plain data. Each is declared *tracked* (it can
//!   change what is compiled, so it is part of every fingerprint) or *untracked* (it cannot).
//! * [`crate_id`]: [`StableCrateId`], which tells modules of one name apart.
//! * [`target`]: the machine that code is made for.
//! * [`cli`]: from a command line to [`Options`], with the exact messages that build systems know; [`table`] lists
//!   the spellings it accepts, [`names`] derives the module's name.
//! * [`file_map`]: the output file map, in which a build system says where each output goes.

pub mod cli;
pub mod crate_id;
pub mod file_map;
pub mod names;
pub mod options;
pub mod table;
pub mod target;

#[cfg(test)]
mod tests;

use crate::base::Fingerprint;

pub use self::cli::Invocation;
pub use self::crate_id::StableCrateId;
pub use self::file_map::OutputFileMap;
pub use self::options::{
    ColorChoice, DebugInfo, Extern, MessageFormat, Mode, OptLevel, Options, TrackedOptions,
    UntrackedOptions,
};
pub use self::target::{Arch, Os, Target};

/// What tells this build of the compiler from others: a hash of all that it was made from. `languagec`, `language` and programs that embed one build
/// have the same.
pub const BUILD_ID: Fingerprint =
    Fingerprint(match u128::from_str_radix(env!("CODIRA_BUILD_ID"), 16) {
        Ok(id) => id,
        Err(_) => panic!("the build script writes 32 hexadecimal digits"),
    });

/// The compiler's name and version, the first line of `-version`.
pub fn version_line() -> String {
    format!("Codira version {} (codira)", env!("CARGO_PKG_VERSION"))
}

/// The text of `-version`.
pub fn version_text(target: Target) -> String {
    format!("{}\nTarget: {}\n", version_line(), target.triple())
}
