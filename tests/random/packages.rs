//! A package of five modules that see each other's declarations in every way that there is, and random edits of it.
//!
//! `Base` is imported by `Middle` and `Other`, these by `Top`, and everything by the program. Each line has several forms; the first
//! ones make a program that is right.

use super::Random;

/// By file: its lines' forms.
const FILES: &[(&str, &[&[&str]])] = &[
    ("Base/shapes.code", SHAPES),
    ("Base/others.code", OTHERS),
    ("Middle/middle.code", MIDDLE),
    ("Other/other.code", OTHER),
    ("Top/top.code", TOP),
    ("app/main.code", MAIN),
];

const SHAPES: &[&[&str]] = &[
    &[
        "public protocol Shape { var area: Int { get } }",
        "public protocol Shape { var area: Int { get }; var label: String { get } }",
    ],
    &[
        "public struct Square: Shape { public var side = 2; public init() {}; public var area: Int { side * side } }",
        "public struct Square: Shape { public var side = 3; public init() {}; public var area: Int { side * side + 1 } }",
        "public struct Square: Shape { var extra = 1.5; public var side = 2; public init() {}; public var area: Int { side } }",
    ],
    &[
        "extension Shape { public var twice: Int { area * 2 }; public var label: String { \"shape\" } }",
        "extension Shape { public var twice: Int { area + area + hidden() }; public var label: String { \"a shape\" } }",
    ],
    &[
        "fn hidden() -> Int { 1 }",
        "fn hidden() -> Int { 20 }",
        "fn hidden() -> Int { [1, 2].map { $0 + 1 }.count }",
        "fn hidden() -> Int { var unused = 1; return 8 }",
        "fn hidden() -> Int { nope }",
    ],
    &[
        "public fn visible() -> Int { hidden() }",
        "public fn visible() -> Int { hidden() + 1 }",
        "public fn visible(_ n: Int = 4) -> Int { hidden() + n }",
        "public fn visible() -> String { \"visible\" }",
    ],
    &[
        "public fn generic<T>(_ t: T) -> [T] { [t] }",
        "public fn generic<T>(_ t: T) -> [T] { [t, t] }",
        "public fn generic<T>(_ t: T) -> [T] { many(t) }",
    ],
    &[
        "fn many<T>(_ t: T) -> [T] { [t, t, t] }",
        "fn many<T>(_ t: T) -> [T] { [] }",
    ],
    &[
        "@inlinable public fn inlined() -> Int { 5 }",
        "@inlinable public fn inlined() -> Int { 6 }",
        "@inlinable public fn inlined() -> Int { helper() }",
    ],
    &[
        "@usableFromInline fn helper() -> Int { 7 }",
        "@usableFromInline fn helper() -> Int { 70 }",
    ],
    &["// A comment.", "", "/* Another\n one */"],
];
const OTHERS: &[&[&str]] = &[
    &[
        "open class Animal { public init() {}; open fn name() -> String { \"animal\" } }",
        "open class Animal { public init() {}; open fn name() -> String { \"an animal\" } }",
        "open class Animal { var age = 1; public init() {}; open fn name() -> String { \"animal\" } }",
        "open class Animal { public init() {}; open fn other() {}; open fn name() -> String { \"animal\" } }",
    ],
    &[
        "public enum Level: Int { case low = 1, high }",
        "public enum Level: Int { case low = 5, high }",
        "public enum Level: Int { case none, low, high }",
    ],
    &[
        "public struct Wrapper<T> { public var value: T; public init(_ value: T) { this.value = value } }",
        "public struct Wrapper<T> { public var value: T; var count = 1; public init(_ value: T) { this.value = value } }",
    ],
    &[
        "public typealias Number = Int",
        "public typealias Number = Double",
    ],
    &[
        "public fn some() -> some Shape { Square() }",
        "public fn some() -> some Shape { immutable s = Square(); return s }",
    ],
    &[
        "private fn secret() -> Int { 1 }",
        "private fn secret() -> Int { 2 }",
        "private fn secret() -> Int { \"\" }",
    ],
    &[
        "public fn telling() -> Int { secret() }",
        "public fn telling() -> Int { secret() + 10 }",
    ],
];
const MIDDLE: &[&[&str]] = &[
    &["import Base", "@_exported import Base"],
    &[
        "public fn middle() -> Int { inlined() &+ telling() }",
        "public fn middle() -> Int { inlined() &- telling() }",
        "public fn middle() -> Int { var unused = 1; return inlined() }",
    ],
    &[
        "public class Dog: Animal { override public fn name() -> String { \"dog\" } }",
        "public class Dog: Animal { override public fn name() -> String { \"a dog, \" + super.name() } }",
    ],
    &[
        "public struct Circle: Shape { public init() {}; public var area: Int { 3 } }",
        "public struct Circle: Shape { public init() {}; public var area: Int { 4 }; public var label: String { \"circle\" } }",
    ],
    &[
        "public fn wrapped() -> Wrapper<Int> { Wrapper(3) }",
        "public fn wrapped() -> Wrapper<String> { Wrapper(\"three\") }",
    ],
    &[
        "public var inferred = telling()",
        "public var inferred = [telling()]",
    ],
    &["fn inner() -> Int { 1 }", "fn inner() -> Int { 2 }"],
];
const OTHER: &[&[&str]] = &[
    &["import Base"],
    &[
        "extension Square { public var doubled: Int { side * 2 } }",
        "extension Square { public var doubled: Int { area * 2 } }",
    ],
    &[
        "public fn other() -> Int { generic(1).count }",
        "public fn other() -> Int { generic(\"a\").count + 1 }",
    ],
    &[
        "public fn half(_ n: Number) -> Number { n / 2 }",
        "public fn half(_ n: Number) -> Number { n / 4 }",
    ],
];
const TOP: &[&[&str]] = &[
    &["import Base\nimport Middle\nimport Other"],
    &[
        "public fn top() -> Int { middle() + other() }",
        "public fn top() -> Int { middle() * other() }",
    ],
    &[
        "public fn shapes() -> [any Shape] { [Square(), Circle()] }",
        "public fn shapes() -> [any Shape] { [Circle(), some()] }",
    ],
    &[
        "public fn level(_ l: Level) -> Int { switch l { case .low: return 1; default: return l.rawValue } }",
    ],
];
const MAIN: &[&[&str]] = &[
    &["import Base\nimport Middle\nimport Other\nimport Top"],
    &["print(top(), visible(), inlined(), generic(2.5), generic(1))"],
    &[
        "print(shapes().map { $0.twice }, shapes().map { $0.label })",
        "print(shapes().map { $0.area })",
    ],
    &["immutable animal: Animal = Dog()\nprint(animal.name(), Square().doubled)"],
    &["print(wrapped().value, inferred, half(6), level(.high), some().area)"],
];

/// The package at some moment.
pub struct Package {
    /// By file: the form of each line.
    forms: Vec<Vec<usize>>,
    /// Whether a module has a file more.
    more: [bool; 5],
}

const MODULES: [&str; 5] = ["Base", "Middle", "Other", "Top", "app"];

impl Package {
    /// The package as it is right.
    pub fn new() -> Package {
        Package {
            forms: FILES
                .iter()
                .map(|(_, lines)| vec![0; lines.len()])
                .collect(),
            more: [false; 5],
        }
    }

    /// What describes the package.
    pub fn manifest() -> &'static str {
        "[package]\nname = \"app\"\n\n\
         [library.Base]\n\n\
         [library.Middle]\ndependencies = [\"Base\"]\n\n\
         [library.Other]\ndependencies = [\"Base\"]\n\n\
         [library.Top]\ndependencies = [\"Base\", \"Middle\", \"Other\"]\n\n\
         [executable.app]\ndependencies = [\"Base\", \"Middle\", \"Other\", \"Top\"]\n"
    }

    /// The files that there are now, with their texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for ((name, lines), forms) in FILES.iter().zip(&self.forms) {
            let lines = lines.iter().zip(forms).map(|(line, &form)| line[form]);
            let text: String = lines.map(|line| format!("{line}\n")).collect();
            files.push((format!("Sources/{name}"), text));
        }
        for (module, _) in MODULES.iter().zip(self.more).filter(|(_, more)| *more) {
            let text = format!("fn more{module}() -> String {{ \"{module}\" }}\n");
            files.push((format!("Sources/{module}/more.code"), text));
        }
        files
    }

    /// Changes something; says what.
    pub fn step(&mut self, random: &mut Random) -> String {
        // Most of what was wrong is repaired before the next thing breaks.
        for form in self.forms.iter_mut().flatten() {
            if *form > 0 && random.below(4) == 0 {
                *form = 0;
            }
        }
        if random.below(12) == 0 {
            let module = random.below(MODULES.len());
            self.more[module] = !self.more[module];
            return format!("another file of {}", MODULES[module]);
        }
        let file = random.below(FILES.len());
        let line = random.below(self.forms[file].len());
        let (name, lines) = FILES[file];
        let form = random.below(lines[line].len());
        self.forms[file][line] = form;
        format!("{name}: {}", lines[line][form])
    }
}
