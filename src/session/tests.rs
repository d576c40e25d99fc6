//! Tests of `session`.

use crate::base::Name;

use super::*;

#[test]
fn the_hash_follows_tracked_options_only() {
    let default = Options::default();
    let hash = default.tracked_hash();
    let mut options = default.clone();
    options.untracked.jobs = 7;
    options.untracked.verbose = true;
    options.untracked.mode = Mode::Typecheck;
    assert_eq!(options.tracked_hash(), hash);
    let changes: [fn(&mut TrackedOptions); 5] = [
        |o| o.opt_level = OptLevel::Speed,
        |o| o.module_name = Name::new("other"),
        |o| drop(o.conditions.insert(Name::new("FLAG"))),
        |o| o.parse_as_library = true,
        |o| o.linker = Some("lld".into()),
    ];
    for change in changes {
        let mut options = default.clone();
        change(&mut options.tracked);
        assert_ne!(options.tracked_hash(), hash);
    }
}

#[test]
fn targets_parse_with_and_without_a_vendor() {
    let x86 = Some(Target {
        arch: Arch::X86_64,
        os: Os::Linux,
    });
    assert_eq!(Target::parse("x86_64-unknown-linux-gnu"), x86);
    assert_eq!(Target::parse("x86_64-linux"), x86);
    assert_eq!(Target::parse("riscv64-unknown-linux-gnu"), None);
    assert_eq!(Target::parse("x86_64-apple-darwin"), None);
    let triple = Target::HOST.triple();
    assert_eq!(Target::parse(triple), Some(Target::HOST));
}
