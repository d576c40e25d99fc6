//! The machine that code is made for.

use crate::stable_hash_enum;
use crate::stable_hash_struct;

/// A target: what `#if arch(…)`, `#if os(…)`, layout and code generation depend on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The processor.
    pub arch: Arch,
    /// The operating system.
    pub os: Os,
}

/// The processors that code can be made for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Arm64,
}

/// The operating systems that code can be made for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Os {
    /// Linux with the GNU C library.
    Linux,
}

stable_hash_struct!(Target { arch, os });
stable_hash_enum!(Arch { X86_64, Arm64 });
stable_hash_enum!(Os { Linux });

impl Target {
    /// The machine that this compiler was built for.
    pub const HOST: Target = Target {
        arch: if cfg!(target_arch = "aarch64") {
            Arch::Arm64
        } else {
            Arch::X86_64
        },
        os: Os::Linux,
    };

    /// Reads a target triple such as `x86_64-unknown-linux-gnu`; the vendor may be left out or be anything.
    pub fn parse(triple: &str) -> Option<Target> {
        let mut parts = triple.split('-');
        let arch = match parts.next()? {
            "x86_64" => Arch::X86_64,
            "aarch64" | "arm64" => Arch::Arm64,
            _ => return None,
        };
        let linux = parts.any(|part| part == "linux");
        linux.then_some(Target {
            arch,
            os: Os::Linux,
        })
    }

    /// The canonical triple.
    pub fn triple(self) -> &'static str {
        match (self.arch, self.os) {
            (Arch::X86_64, Os::Linux) => "x86_64-unknown-linux-gnu",
            (Arch::Arm64, Os::Linux) => "aarch64-unknown-linux-gnu",
        }
    }

    /// The size of a pointer in bytes.
    pub fn pointer_size(self) -> u32 {
        8
    }

    /// The processor's name in `#if arch(…)`.
    pub fn arch_name(self) -> &'static str {
        match self.arch {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
        }
    }

    /// The operating system's name in `#if os(…)`.
    pub fn os_name(self) -> &'static str {
        match self.os {
            Os::Linux => "Linux",
        }
    }
}

impl Default for Target {
    fn default() -> Self {
        Target::HOST
    }
}
