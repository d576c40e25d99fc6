//! A build of a process that stays makes the same program and says the same as one that starts from nothing.
//!
//! The module's declarations reach into other files in every way that a body can. Random steps change one of them at a time, break it, move
//! it, or take a file away. `CODIRA_STEPS` and `CODIRA_SEED` ask for other steps.

mod random;

#[path = "random/forms.rs"]
mod forms;
#[path = "random/progress.rs"]
mod progress;

use std::sync::Arc;

use codira::interface::BufferEmitter;
use codira::interface::hot::{Built, HotCompiler};
use codira::session::{Invocation, Options, cli};
use codira::vfs::{MemorySystem, OsSystem};

use progress::Progress;
use random::Random;

fn options() -> Options {
    let args = "-module-name main -o prog a.code b.code c.code main.code";
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
        // As the watcher does, between a build and the next change.
        self.hot.release();
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
    let mut progress = Progress::new("a compiler that stays", steps);
    for number in 0..steps {
        progress.at(number);
        let step = module.step(&mut random);
        // As it happens after thousands of edits.
        if number % 10 == 9 {
            module.hot.begin_anew();
        }
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
    progress.at(steps);
    // A test in which nothing compiles would prove nothing.
    assert!(programs * 3 > steps, "{programs} programs in {steps} steps");
}

/// A module of many functions, so that their code is in many groups, which grow and shrink, come and go.
struct Functions {
    /// By function: how many statements it has, or that it is not there.
    sizes: Vec<Option<usize>>,
}

impl Functions {
    fn new(count: usize) -> Functions {
        Functions {
            sizes: (0..count).map(|n| Some(n % 3)).collect(),
        }
    }

    fn step(&mut self, random: &mut Random) {
        let at = random.below(self.sizes.len());
        self.sizes[at] = match random.below(6) {
            0 => None,
            1 => Some(40 + random.below(200)),
            _ => Some(random.below(6)),
        };
    }

    /// The files: functions, and a main file that calls them.
    fn texts(&self) -> [String; 2] {
        let (mut functions, mut main) = (String::new(), String::from("var sum = 0\n"));
        for (number, size) in self.sizes.iter().enumerate() {
            let Some(size) = size else { continue };
            functions.push_str(&format!(
                "fn f{number}(_ n: Int) -> Int {{\n    var n = n &+ 1\n    n = n &* 3\n"
            ));
            for i in 0..*size {
                functions.push_str(&format!("    n = n &* {i} &+ \"{i}\".count\n"));
            }
            functions.push_str("    return n\n}\n");
            main.push_str(&format!("sum = sum &+ f{number}(sum)\n"));
        }
        main.push_str("print(sum)\n");
        [functions, main]
    }
}

#[test]
fn patched_programs_equal_clean_ones() {
    let steps = number("CODIRA_STEPS", if cfg!(debug_assertions) { 6 } else { 60 });
    let mut random = Random(number("CODIRA_SEED", 7));
    let folder = tempfile::tempdir().expect("temporary folders work");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let open = |output: &str| {
        let args = ["-module-name", "main", "-o", output];
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        args.extend([path("f.code"), path("main.code")]);
        let Ok(Invocation::Compile(options, _)) = cli::parse(&OsSystem, &args) else {
            panic!("the command line is wrong");
        };
        HotCompiler::open(*options, Arc::new(OsSystem), None)
    };
    let run = |hot: &HotCompiler| {
        let mut emitter = BufferEmitter::default();
        let built = hot.build().run(&mut emitter).expect("nobody sets an input");
        assert_eq!(emitter.stderr, "");
        built
    };
    let hidden = || {
        let entries = std::fs::read_dir(folder.path()).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with('.'))
            .count()
    };
    let mut module = Functions::new(150);
    let write = |module: &Functions| {
        let [functions, main] = module.texts();
        std::fs::write(path("f.code"), functions).expect("the folder is writable");
        std::fs::write(path("main.code"), main).expect("the folder is writable");
    };
    write(&module);
    let mut hot = open(&path("prog"));
    run(&hot);
    let mut progress = Progress::new("patched programs", steps);
    for step in 0..steps {
        progress.at(step);
        module.step(&mut random);
        write(&module);
        hot.refresh(None);
        // What users do with programs while the compiler waits.
        match random.below(5) {
            0 => drop(std::fs::remove_file(path("prog"))),
            1 => std::fs::write(path("prog"), "something else").expect("the folder is writable"),
            2 => {
                let output = std::process::Command::new(path("prog")).output();
                assert!(output.is_ok_and(|output| output.status.success()));
            }
            _ => {}
        }
        run(&hot);
        let clean = open(&path("clean"));
        run(&clean);
        drop(clean);
        let read = |name: &str| std::fs::read(path(name)).expect("the program was written");
        assert!(read("prog") == read("clean"), "step {step}");
        assert!(hidden() <= 1, "step {step}");
    }
    progress.at(steps);
    drop(hot);
    assert_eq!(hidden(), 0, "nothing is left behind");
}
