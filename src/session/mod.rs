//! Tour of `session`: what the user asked for.
//!
//! * [`options`]: [`Options`], every setting of a compilation as plain data. Each is declared *tracked* (it can
//!   change what is compiled, so it is part of every fingerprint) or *untracked* (it cannot).
//! * [`target`]: the machine that code is made for.

pub mod options;
pub mod target;

#[cfg(test)]
mod tests;

pub use self::options::{
    ColorChoice, DebugInfo, MessageFormat, Mode, OptLevel, Options, TrackedOptions,
    UntrackedOptions,
};
pub use self::target::{Arch, Os, Target};
