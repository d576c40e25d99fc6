//! A module whose declarations reach into each other's files in every way that there is, and random edits of it.
//!
//! Each line has several forms, of which it has one at a time; the first ones make a program that is right. Steps give a line another
//! form, move it within its file or to another one, take a file away, give it another name.

use super::Random;

/// By file: its lines' forms.
const FILES: &[(&str, &[&[&str]])] = &[
    ("a.code", A),
    ("b.code", B),
    ("c.code", C),
    ("main.code", MAIN),
];

const A: &[&[&str]] = &[
    &[
        "protocol Shape { var area: Int { get } }",
        "protocol Shape { var area: Int { get }; var name: String { get } }",
    ],
    &[
        "struct Square: Shape { var area: Int { 4 } }",
        "struct Square: Shape { var area: Int { 40 } }",
        "struct Square: Shape { var side = 5; var area: Int { side * side } }",
    ],
    &["struct Circle: Shape { var area: Int { 3 } }"],
    &[
        "extension Shape { var name: String { \"shape\" } }",
        "extension Shape { var name: String { \"a shape\" }; var twice: Int { area * 2 } }",
        "extension Square { var name: String { \"square\" } }; extension Shape { var name: String { \"other\" } }",
    ],
    &[
        "fn make() -> some Shape { Square() }",
        "fn make() -> some Shape { Circle() }",
        "fn make() -> any Shape { Circle() }",
    ],
    &[
        "var inferred = 1",
        "var inferred = 2.5",
        "var inferred = \"text\"",
        "var inferred = plain()",
        "var inferred: Int = \"\"",
    ],
    &[
        "var typed: Int = 1",
        "var typed: Int = 2",
        "var typed: Int = plain()",
    ],
    &[
        "fn plain() -> Int { 7 }",
        "fn plain() -> Int { [1, 2].map { $0 + 6 }.count }",
        "fn plain() -> Int { var unused = 1; return 8 }",
        "fn plain() -> Int { nope }",
        "fn plain() -> String { \"s\" }",
        "fn renamed() -> Int { 7 }",
    ],
    &[
        "fn local() -> Any { struct L: CustomStringConvertible { var description: String { \"one\" } }; return L() }",
        "fn local() -> Any { struct L { var x = 1, y = 2 }; return L() }",
    ],
    &[
        "@inline(__always) fn tiny(_ x: Int) -> Int { x &+ 1 }",
        "@inline(__always) fn tiny(_ x: Int) -> Int { x &* 3 }",
        "fn tiny(_ x: Int) -> Int { x &* 4 }",
    ],
    &["// A comment.", "", "/* Another\n one */"],
    &[
        "private fn secret() -> Int { 1 }",
        "private fn secret() -> Int { 2 }",
    ],
    &[
        "fn fromA() -> Int { secret() }",
        "fn fromA() -> Int { secret() + 10 }",
    ],
    &[
        "fn overloaded(_ x: Any) -> String { \"any\" }",
        "fn overloaded(_ x: Any) -> String { \"any\" }; fn overloaded(_ x: Int) -> String { \"int\" }",
        "fn overloaded<T: Equatable>(_ x: T) -> String { \"equatable\" }",
    ],
    &[
        "infix operator +++: AdditionPrecedence",
        "infix operator +++: MultiplicationPrecedence",
    ],
    &[
        "fn +++ (a: Int, b: Int) -> Int { a * 10 + b }",
        "fn +++ (a: Int, b: Int) -> Int { a - b }",
        "fn +++ (a: Double, b: Double) -> Double { a - b }",
    ],
    &[
        "fn risky(_ n: Int) throws -> Int { n }",
        "fn risky(_ n: Int) throws -> Int { if n > 2 { throw Failure() }; return n }",
        "fn risky(_ n: Int) -> Int { n }",
    ],
    &[
        "struct Failure: Error {}",
        "enum Failure: Error { case one; init() { this = .one } }",
    ],
];
const B: &[&[&str]] = &[
    &[
        "class Base { var list = [1]; fn name() -> String { \"base\" } }",
        "class Base { var list = [1, 2]; fn name() -> String { \"root\" } }",
        "class Base { var extra = 1.5, list = [1]; fn other() {}; fn name() -> String { \"base\" } }",
        "class Base { var list = [1]; fn name() -> String { \"base\" }; deinit { print(\"gone\") } }",
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
        "fn wrap<T: CustomStringConvertible>(_ t: T) -> [String] { [t.description] }",
    ],
    &[
        "fn defaulted(_ n: Int = 3) -> Int { n }",
        "fn defaulted(_ n: Int = 4) -> Int { n }",
        "fn defaulted(_ n: Int = tiny(4), m: Int = 1) -> Int { n + m }",
    ],
    &[
        "enum Level: Int, CaseIterable { case low = 1, high }",
        "enum Level: Int, CaseIterable { case low = 5, high }",
        "enum Level: String, CaseIterable { case low, high }",
        "enum Level: Int, CaseIterable { case none, low, high }",
    ],
    &[
        "fn describe(_ level: Level) -> String { switch level { case .low: return \"low\"; case .high: return \"high\" } }",
        "fn describe(_ level: Level) -> String { switch level { case .low: return \"low\"; default: return \"?\" } }",
    ],
    &[
        "extension Int { var tag: String { \"int\" } }",
        "extension Int { var tag: String { \"Int\" } }",
        "extension Int { var tag: String { \"Int\" }; var isEven: Bool { this % 2 == 0 } }",
    ],
    &[
        "private fn secret() -> Int { 3 }",
        "private fn secret() -> Int { 4 }",
    ],
    &[
        "fn fromB() -> Int { secret() }",
        "fn fromB() -> Int { secret() + typed }",
    ],
    &["typealias Number = Int", "typealias Number = Double"],
    &["fn half(_ n: Number) -> Number { n / 2 }"],
    &[
        "@propertyWrapper struct Clamped { var value = 0; var wrappedValue: Int { get { value } set { value = min(newValue, 10) } } }",
        "@propertyWrapper struct Clamped { var value = 0; var wrappedValue: Int { get { value } set { value = min(newValue, 20) } } }",
    ],
    &[
        "struct Settings { @Clamped var volume: Int }",
        "struct Settings { var volume = 1 }",
    ],
    &[
        "extension Circle: CustomStringConvertible { var description: String { \"circle\" } }",
        "",
    ],
    &[
        "struct Stack<T> { var items: [T] = []; mutating fn push(_ t: T) { items.append(t) } }",
        "struct Stack<T> { var items: [T] = []; mutating fn push(_ t: T) { items = [t] + items } }",
        "struct Stack<T> { var count = 0, items: [T] = []; mutating fn push(_ t: T) { items.append(t); count += 1 } }",
    ],
];
/// Functions and extensions alone, so that the file can come and go without everything else being looked at again.
const C: &[&[&str]] = &[
    &[
        "fn fromC() -> Int { 1 }",
        "fn fromC() -> Int { 2 }",
        "fn fromC(_ n: Int = 3) -> Int { n }",
        "fn fromC() -> String { \"c\" }",
    ],
    &[
        "extension Square { fn scaled(_ n: Int) -> Int { area * n } }",
        "extension Square { var scaled: Int { area } }",
        "extension Square { fn scaled(_ n: Int) -> Int { area * n }; fn scaled(_ s: String) -> Int { 5 } }",
        "",
    ],
    &[
        "fn alsoC() -> Int { wrap(fromC()).count }",
        "fn alsoC() -> Int { wrap(\"c\").count }",
        "",
    ],
];
const MAIN: &[&[&str]] = &[
    &[
        "print(0)",
        "print(fromC(), Square().scaled(2))",
        "print(alsoC())",
        "print(Square().scaled)",
        "print(Square().scaled(\"a\"))",
    ],
    &[
        "print(make().area, inferred, plain(), local())",
        "print(make(), plain())",
    ],
    &[
        "print(tiny(4), wrap(1), wrap(\"a\"), defaulted())",
        "print(tiny(5), wrap(2.5))",
    ],
    &[
        "immutable object: Base = Derived()\nobject.list.append(5)\nprint(object.name(), object.list)",
    ],
    &["var watched = Watched()\nwatched.items.append(1)\nprint(watched.items)"],
    &["print(Level.allCases.map { $0.rawValue }, 3.tag, describe(.low))"],
    &["print(fromA(), fromB(), typed, overloaded(1), overloaded(\"s\"))"],
    &["print(2 +++ 3 * 4, half(5), Square().name, Circle().name, Circle())"],
    &[
        "print((try? risky(3)) as Any)",
        "do { print(try risky(5)) } catch { print(error) }",
    ],
    &["var settings = Settings()\nsettings.volume = 50\nprint(settings.volume)"],
    &["var stack = Stack<Int>()\nstack.push(1)\nstack.push(2)\nprint(stack)"],
];

/// A line: where it stands and in which form.
#[derive(Clone, Copy)]
struct Line {
    file: usize,
    forms: &'static [&'static str],
    form: usize,
    /// Statements stay where they are, and so does what is private and who uses it.
    is_fixed: bool,
}

/// The module at some moment.
pub struct Module {
    lines: Vec<Line>,
    present: Vec<bool>,
    renamed: Vec<bool>,
}

impl Module {
    /// The module as it is right.
    pub fn new() -> Module {
        let mut lines = Vec::new();
        for (file, (name, of_file)) in FILES.iter().enumerate() {
            lines.extend(of_file.iter().map(|forms| Line {
                file,
                forms,
                form: 0,
                is_fixed: *name == "main.code" || forms[0].contains("secret()"),
            }));
        }
        Module {
            lines,
            present: vec![true; FILES.len()],
            renamed: vec![false; FILES.len()],
        }
    }

    /// The names that files can have; each of `files` has one of them.
    pub fn names() -> Vec<String> {
        FILES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The files that there are now, with their texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let text = |file: usize| -> String {
            let lines = self.lines.iter().filter(|line| line.file == file);
            lines
                .map(|line| format!("{}\n", line.forms[line.form]))
                .collect()
        };
        let present = (0..FILES.len()).filter(|&file| self.present[file]);
        present
            .map(|file| {
                let name = FILES[file].0;
                let name = match self.renamed[file] {
                    true => format!("new-{name}"),
                    false => name.to_owned(),
                };
                (name, text(file))
            })
            .collect()
    }

    /// Changes something; says what. Files get other names only where that is asked for.
    pub fn step(&mut self, random: &mut Random, renames: bool) -> String {
        // Most of what was wrong is repaired before the next thing breaks.
        for line in &mut self.lines {
            if line.form > 0 && random.below(3) == 0 {
                line.form = 0;
            }
        }
        for present in &mut self.present {
            *present |= random.below(2) == 0;
        }
        let at = random.below(self.lines.len());
        let line = self.lines[at];
        match random.below(20) {
            0 => {
                let file = random.below(FILES.len());
                self.present[file] = false;
                format!("{} goes", FILES[file].0)
            }
            1 if renames => {
                let file = random.below(3);
                self.renamed[file] = !self.renamed[file];
                format!("{} gets another name", FILES[file].0)
            }
            2..=4 if !line.is_fixed => {
                // Anywhere among the declarations of either file.
                let mut line = self.lines.remove(at);
                line.file = random.below(2);
                let places = self.lines.iter().filter(|line| !line.is_fixed).count();
                self.lines.insert(random.below(places + 1), line);
                format!("to {}: {}", FILES[line.file].0, line.forms[line.form])
            }
            _ => {
                self.lines[at].form = random.below(line.forms.len());
                let form = line.forms[self.lines[at].form];
                format!("{}: {form}", FILES[line.file].0)
            }
        }
    }
}
