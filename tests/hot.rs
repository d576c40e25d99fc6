//! A build of a process that stays makes the same program and says the same as one that starts from nothing.
//!
//! The module's declarations reach into other files in every way that a body can: by inferred and opaque types, constants, default arguments,
//! raw values, observers, inlined and generic functions, overriding, conformances of local types. Random steps change one of them at a time,
//! break it, or take a file away. `CODIRA_STEPS` and `CODIRA_SEED` ask for other steps.

mod random;

use std::sync::Arc;

use codira::interface::BufferEmitter;
use codira::interface::hot::{Built, HotCompiler};
use codira::session::{Invocation, Options, cli};
use codira::vfs::MemorySystem;

use random::Random;

/// Each line has several forms, of which a file has one at a time; the first makes a program that is right.
const A: &[&[&str]] = &[
    &["protocol Shape { var area: Int { get } }"],
    &[
        "struct Square: Shape { var area: Int { 4 } }",
        "struct Square: Shape { var area: Int { 40 } }",
    ],
    &["struct Circle: Shape { var area: Int { 3 } }"],
    &[
        "fn make() -> some Shape { Square() }",
        "fn make() -> some Shape { Circle() }",
    ],
    &[
        "var inferred = 1",
        "var inferred = 2.5",
        "var inferred = \"text\"",
        "var inferred: Int = \"\"",
    ],
    &[
        "fn plain() -> Int { 7 }",
        "fn plain() -> Int { [1, 2].map { $0 + 6 }.count }",
        "fn plain() -> Int { nope }",
        "fn plain() -> String { \"s\" }",
    ],
    &[
        "fn local() -> Any { struct L: CustomStringConvertible { var description: String { \"one\" } }; return L() }",
        "fn local() -> Any { struct L { var x = 1, y = 2 }; return L() }",
    ],
    &[
        "@inline(__always) fn tiny(_ x: Int) -> Int { x &+ 1 }",
        "@inline(__always) fn tiny(_ x: Int) -> Int { x &* 3 }",
    ],
    &["// A comment.", "", "/* Another\n one */"],
];
const B: &[&[&str]] = &[
    &[
        "class Base { var list = [1]; fn name() -> String { \"base\" } }",
        "class Base { var list = [1, 2]; fn name() -> String { \"root\" } }",
    ],
    &[
        "class Derived: Base {}",
        "class Derived: Base { override fn name() -> String { \"derived\" } }",
        "class Derived: Base { override var list: [Int] { didSet { print(\"set\") } } }",
    ],
    &[
        "struct Watched { var items: [Int] = [] { didSet { print(\"did\") } } }",
        "struct Watched { var items: [Int] = [] { didSet { print(\"did\", oldValue) } } }",
        "struct Watched { var items: [Int] = [] }",
    ],
    &[
        "fn wrap<T>(_ t: T) -> [T] { [t] }",
        "fn wrap<T>(_ t: T) -> [T] { [t, t] }",
    ],
    &[
        "fn defaulted(_ n: Int = 3) -> Int { n }",
        "fn defaulted(_ n: Int = 4) -> Int { n }",
    ],
    &[
        "enum Level: Int, CaseIterable { case low = 1, high }",
        "enum Level: Int, CaseIterable { case low = 5, high }",
        "enum Level: String, CaseIterable { case low, high }",
    ],
    &[
        "extension Int { var tag: String { \"int\" } }",
        "extension Int { var tag: String { \"Int\" } }",
    ],
];
const MAIN: &[&[&str]] = &[
    &[
        "print(make().area, inferred, plain(), local())",
        "print(make(), plain())",
    ],
    &["print(tiny(4), wrap(1), wrap(\"a\"), defaulted())"],
    &[
        "immutable object: Base = Derived()\nobject.list.append(5)\nprint(object.name(), object.list)",
    ],
    &["var watched = Watched()\nwatched.items.append(1)\nprint(watched.items)"],
    &["print(Level.allCases.map { $0.rawValue }, 3.tag)"],
];
const FILES: &[(&str, &[&[&str]])] = &[("a.code", A), ("b.code", B), ("main.code", MAIN)];

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
    forms: Vec<Vec<usize>>,
    present: Vec<bool>,
    hot: HotCompiler,
}

impl Module {
    fn new() -> Module {
        let system = MemorySystem::new();
        let forms: Vec<Vec<usize>> = FILES
            .iter()
            .map(|(_, lines)| vec![0; lines.len()])
            .collect();
        for (file, forms) in forms.iter().enumerate() {
            system.set(FILES[file].0, text(file, forms));
        }
        let hot = HotCompiler::open(options(), Arc::new(system.clone()), None);
        Module {
            system,
            forms,
            present: vec![true; FILES.len()],
            hot,
        }
    }

    /// Changes something; says what.
    fn step(&mut self, random: &mut Random) -> String {
        let file = random.below(FILES.len());
        let (name, lines) = FILES[file];
        if random.below(20) == 0 || !self.present[file] {
            self.present[file] = !self.present[file];
        }
        let line = random.below(lines.len());
        // Most of what was wrong is repaired before the next thing breaks.
        for forms in &mut self.forms {
            for form in forms.iter_mut().filter(|form| **form > 0) {
                if random.below(3) == 0 {
                    *form = 0;
                }
            }
        }
        self.forms[file][line] = random.below(lines[line].len());
        for (file, (name, _)) in FILES.iter().enumerate() {
            match self.present[file] {
                true => self.system.set(name, text(file, &self.forms[file])),
                false => {
                    let _ = codira::vfs::System::remove(&self.system, name.as_ref());
                }
            }
        }
        self.hot.refresh(None);
        format!("{name}: {}", lines[line][self.forms[file][line]])
    }
}

fn text(file: usize, forms: &[usize]) -> String {
    let lines = FILES[file].1.iter().zip(forms);
    lines
        .map(|(forms, &form)| format!("{}\n", forms[form]))
        .collect()
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
