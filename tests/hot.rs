//! A build of a process that stays makes the same program and says the same as one that starts from nothing.
//!
//! The module's declarations reach into other files in every way that a body can. Random steps change one of them at a time, break it, move
//! it, or take a file away. `CODIRA_STEPS` and `CODIRA_SEED` ask for other steps.

mod random;

#[path = "random/forms.rs"]
mod forms;

use std::sync::Arc;

use codira::interface::BufferEmitter;
use codira::interface::hot::{Built, HotCompiler};
use codira::session::{Invocation, Options, cli};
use codira::vfs::MemorySystem;

use random::Random;

fn options() -> Options {
    let args = "-module-name main -o prog a.code b.code main.code";
    let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
    match cli::parse(&MemorySystem::new(), &args) {
        Ok(Invocation::Compile(options, _)) => *options,
        _ => panic!("the command line is wrong"),
    }
}

/// A module in memory and a compiler that stays.
struct Module {
    system: MemorySystem,
    forms: forms::Module,
    hot: HotCompiler,
}

impl Module {
    fn new() -> Module {
        let system = MemorySystem::new();
        let forms = forms::Module::new();
        for (name, text) in forms.files() {
            system.set(&name, text);
        }
        let hot = HotCompiler::open(options(), Arc::new(system.clone()), None);
        Module { system, forms, hot }
    }

    /// Changes something; says what.
    fn step(&mut self, random: &mut Random) -> String {
        let what = self.forms.step(random, false);
        for name in forms::Module::names() {
            let _ = codira::vfs::System::remove(&self.system, name.as_ref());
        }
        for (name, text) in self.forms.files() {
            self.system.set(&name, text);
        }
        self.hot.refresh(None);
        what
    }
}

/// What a build says, and the program that it makes.
fn build(compiler: &HotCompiler, system: &MemorySystem) -> (Built, String, Option<Vec<u8>>) {
    let mut emitter = BufferEmitter::default();
    let built = compiler
        .build()
        .run(&mut emitter)
        .expect("nobody sets an input");
    let image = system.get("prog");
    let _ = codira::vfs::System::remove(system, "prog".as_ref());
    (built, emitter.stderr, image)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let value = std::env::var(variable).ok();
    value.map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn warm_builds_equal_clean_builds() {
    let steps = number(
        "CODIRA_STEPS",
        if cfg!(debug_assertions) { 12 } else { 150 },
    );
    let mut random = Random(number("CODIRA_SEED", 0x9e37_79b9));
    let mut module = Module::new();
    build(&module.hot, &module.system);
    let mut programs = 0;
    for number in 0..steps {
        let step = module.step(&mut random);
        let (warm, warm_said, warm_image) = build(&module.hot, &module.system);
        let clean = HotCompiler::open(options(), Arc::new(module.system.clone()), None);
        let (clean, clean_said, clean_image) = build(&clean, &module.system);
        assert_eq!(warm_said, clean_said, "step {number}: {step}");
        assert_eq!(warm.status, clean.status, "step {number}: {step}");
        assert!(
            warm_image == clean_image,
            "the programs of step {number} differ: {step}"
        );
        assert!(warm.compiled <= clean.compiled);
        programs += u64::from(warm_image.is_some());
    }
    // A test in which nothing compiles would prove nothing.
    assert!(programs * 3 > steps, "{programs} programs in {steps} steps");
}
