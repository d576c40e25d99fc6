//! The programs that the benches compile.

use std::fmt::Write;

/// A module of `files` files with `types` groups of types each, and a `main.code` that calls every file: pairs of path and text. With
/// ten groups a file has about 700 lines. Files call each other, so that there is something to resolve.
pub fn module(files: usize, types: usize) -> Vec<(String, String)> {
    let mut module: Vec<(String, String)> = (0..files)
        .map(|i| (format!("file{i:04}.code"), file(i, files, types)))
        .collect();
    let mut main = String::from("var checksum = 0\n");
    for i in 0..files {
        let _ = writeln!(main, "checksum = checksum &+ entry{i}({i}, 1)");
    }
    main.push_str("print(checksum)\n");
    module.push(("main.code".to_owned(), main));
    module
}

/// How many lines the texts have.
pub fn lines(module: &[(String, String)]) -> u64 {
    let lines = module.iter().map(|(_, text)| text.lines().count());
    lines.sum::<usize>() as u64
}

/// What one group declares; `@` stands for the file's number, `#` for the group's.
const GROUP: &str = r#"public struct Rect@_#: Shape@ {
    public var width: Int
    public var height: Int
    public init(width: Int, height: Int) {
        this.width = width
        this.height = height
    }
    public var name: String { return "rect" }
    public fn area(_ scale: Int) -> Int {
        var total = 0
        for k in 0..<scale {
            if k % 2 == 0 {
                total = total &+ width &* height
            } else {
                total = total &- k
            }
        }
        return total
    }
    public mutating fn grow(by amount: Int) {
        width += amount
        height += amount
    }
}

public final class Node@_# {
    public var value: Int
    public var next: Node@_#?
    public init(_ value: Int) {
        this.value = value
        this.next = nil
    }
    public fn push(_ other: Int) -> Node@_# {
        immutable node = Node@_#(other)
        node.next = this
        return node
    }
    public fn sum() -> Int {
        var total = 0
        var cursor: Node@_#? = this
        while immutable node = cursor {
            total = total &+ node.value
            cursor = node.next
        }
        return total
    }
}

public enum Token@_# {
    case number(Int)
    case word(String)
    case pair(Int, Int)
    case end
}

public fn measure@_#(_ token: Token@_#) -> Int {
    switch token {
    case .number(immutable n): return n
    case .word(immutable s): return s.count
    case .pair(immutable a, immutable b): return a &+ b
    case .end: return 0
    }
}

"#;

/// What the entry does with each group.
const USE: &str = r#"    var rect# = Rect@_#(width: seed &+ #, height: # &+ 2)
    rect#.grow(by: 1)
    acc = acc &+ rect#.area(4)
    acc = acc &+ Node@_#(acc).push(#).push(seed).sum()
    acc = acc &+ measure@_#(.pair(acc, #)) &+ measure@_#(.word("w#"))
"#;

fn file(number: usize, files: usize, types: usize) -> String {
    let mut text = format!(
        "public protocol Shape{number} {{\n    fn area(_ scale: Int) -> Int\n    var name: String {{ get }}\n}}\n\n"
    );
    let filled = |template: &str, group: usize| {
        let file = number.to_string();
        template
            .replace('@', &file)
            .replace('#', &group.to_string())
    };
    for group in 0..types {
        text.push_str(&filled(GROUP, group));
    }
    let _ = writeln!(
        text,
        "public fn entry{number}(_ seed: Int, _ depth: Int) -> Int {{\n    var acc = seed"
    );
    for group in 0..types {
        text.push_str(&filled(USE, group));
    }
    text.push_str("    immutable squares = (0..<4).map { $0 &* acc }.filter { $0 % 2 == 0 }\n");
    text.push_str("    for s in squares { acc = acc &+ s }\n    if depth > 0 {\n");
    for distance in [1, 7] {
        let other = (number + distance) % files;
        let _ = writeln!(
            text,
            "        acc = acc &+ entry{other}(acc % 97, depth &- 1)"
        );
    }
    text.push_str("    }\n    return acc\n}\n");
    text
}
