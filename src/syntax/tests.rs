//! Tests of the lexer, the parser and the typed tree.

use super::ast::AstNode;
use super::*;
use expect_test::{Expect, expect};

/// Parses Codira and compares a compact picture of the tree and the errors.
fn check(text: &str, expected: Expect) {
    let parse = parse(text, &ParseOptions::default());
    assert_lossless(text, &parse);
    expected.assert_eq(&render(&parse));
}

/// The tree as nested parentheses, one line per child of the root, then the errors.
fn render(parse: &Parse) -> String {
    let mut out = String::new();
    for element in parse.syntax().children_with_tokens() {
        let mut line = String::new();
        compact(&element, &mut line);
        if !line.is_empty() {
            out.push_str(&line);
            out.push('\n');
        }
    }
    for error in &parse.errors {
        out.push_str(&format!(
            "{:?} {}: {}\n",
            error.range, error.code, error.message
        ));
    }
    out
}

fn compact(element: &SyntaxElement, out: &mut String) {
    match element {
        rowan::NodeOrToken::Token(token) if token.kind().is_trivia() => {}
        rowan::NodeOrToken::Token(token) => out.push_str(token.text()),
        rowan::NodeOrToken::Node(node) => {
            out.push_str(&format!("({:?}", node.kind()));
            for child in node.children_with_tokens() {
                let mut text = String::new();
                compact(&child, &mut text);
                if !text.is_empty() {
                    out.push(' ');
                    out.push_str(&text);
                }
            }
            out.push(')');
        }
    }
}

fn assert_lossless(text: &str, parse: &Parse) {
    assert_eq!(
        parse.syntax().text().to_string(),
        text,
        "the tree must hold every byte of the text"
    );
}

fn errors(text: &str) -> Vec<String> {
    let parse = parse(text, &ParseOptions::default());
    assert_lossless(text, &parse);
    parse
        .errors
        .iter()
        .map(|error| format!("{}: {}", usize::from(error.range.start()), error.message))
        .collect()
}

/// The programs under the folder that `CODIRA_SYNTAX_CORPUS` names must parse without errors.
#[test]
fn corpus() {
    let Ok(root) = std::env::var("CODIRA_SYNTAX_CORPUS") else {
        return;
    };
    let mut pending = vec![std::path::PathBuf::from(root)];
    let (mut failed, mut lines, mut time) = (0, 0, std::time::Duration::ZERO);
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let Ok(entries) = std::fs::read_dir(&path) else {
                continue;
            };
            pending.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
            continue;
        }
        let dialect = match path.extension().and_then(|extension| extension.to_str()) {
            Some("code") => Dialect::Codira,
            Some("swift") => Dialect::Swift,
            _ => continue,
        };
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let start = std::time::Instant::now();
        let parse = parse(&text, &ParseOptions::new(dialect));
        time += start.elapsed();
        lines += text.lines().count();
        assert_lossless(&text, &parse);
        let flawed = parse
            .syntax()
            .descendants()
            .any(|node| node.kind() == SyntaxKind::ERROR);
        if flawed || !parse.errors.is_empty() {
            failed += 1;
            println!("{}: error node {flawed}", path.display());
            for error in parse.errors.iter().take(4) {
                let at = usize::from(error.range.start());
                let line = text[..at].matches('\n').count() + 1;
                println!(
                    "  {line}: {} | {}",
                    error.message,
                    text.lines().nth(line - 1).unwrap_or("")
                );
            }
        }
    }
    println!("{lines} lines in {time:?}");
    assert_eq!(failed, 0);
}

#[test]
fn smoke() {
    check("immutable x = 1 + 2", expect![[""]]);
    assert!(errors("print(1)").is_empty());
}

/// A small deterministic generator, so that a failure can be had again.
struct XorShift(u64);

impl XorShift {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// Deletes, duplicates, swaps and cuts tokens: parsing must neither panic nor lose a byte.
#[test]
fn mutations() {
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let mut sources: Vec<String> = FIXTURES.iter().map(|text| text.to_string()).collect();
    if let Ok(path) = std::env::var("CODIRA_SYNTAX_MUTATE") {
        sources.extend(std::fs::read_to_string(path));
    }
    for source in &sources {
        let lexed = lexer::lex(source, &ParseOptions::default());
        let mut pieces: Vec<String> = Vec::new();
        let mut at = 0;
        for token in &lexed.tokens {
            pieces.push(source[at..token.start as usize].to_string());
            pieces.push(source[token.start as usize..token.end as usize].to_string());
            at = token.end as usize;
        }
        for round in 0..150 {
            let mut mutated = pieces.clone();
            for _ in 0..1 + round % 4 {
                let (a, b) = (random.next(mutated.len()), random.next(mutated.len()));
                match random.next(4) {
                    0 => mutated[a].clear(),
                    1 => mutated[a] = format!("{0} {0}", mutated[a]),
                    2 => mutated.swap(a, b),
                    _ => mutated[a] = mutated[b].clone(),
                }
            }
            let text = mutated.concat();
            let parse = parse(&text, &ParseOptions::default());
            assert_lossless(&text, &parse);
        }
        for cut in (0..source.len())
            .step_by(7)
            .filter(|&cut| source.is_char_boundary(cut))
        {
            let parse = parse(&source[..cut], &ParseOptions::default());
            assert_lossless(&source[..cut], &parse);
        }
    }
}

/// Nesting without end must neither overflow the stack nor take long, and is one error.
#[test]
fn nesting() {
    let depth = 200_000;
    let openers = [
        "(",
        "[",
        "{",
        "f(",
        "a[",
        "{ x in ",
        "!(",
        "- ",
        "-(",
        "\"\\(",
        "if x { ",
        "A<",
        "let x: A<",
        "immutable x: [",
        "immutable x: (",
        "try ",
        "await x ",
        "x ? ",
        "x as T -> ",
        "struct S { ",
        "fn f() { ",
        "switch x { case 1: ",
        "do { ",
        "if x {} else ",
        "case .a(",
        "immutable (",
        "@a(",
        "#if X\n",
        "a: for x in y { ",
        "repeat { ",
        "x.y",
        ".a",
        "x!",
        "x?",
        "f()",
        "[a: ",
        "\\a.",
        "some ",
        "any ",
        "~",
        "T.",
        "immutable x: T?",
        "@",
        "#",
        "&",
        "x = ",
        "a < b, ",
        "each ",
        "immutable x: each ",
        "var x: T { get { ",
        "catch ",
        "if case ",
        "if immutable ",
        "switch (",
        "for (",
        "x is ",
        "fn f(_ x: (",
        "extension A { ",
        "\"\"\"\n\\(",
        "#if (",
        "#if !",
    ];
    for opener in openers {
        let text = opener.repeat(depth);
        let parse = parse(&text, &ParseOptions::default());
        assert!(parse.errors.len() < 2 * depth);
        assert_eq!(usize::from(parse.syntax().text_range().len()), text.len());
    }
    let closed = format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let parse = parse(&closed, &ParseOptions::default());
    let messages: Vec<_> = parse
        .errors
        .iter()
        .map(|error| error.message.as_str())
        .collect();
    assert_eq!(messages, ["nesting too deep"]);
}

const FIXTURES: &[&str] = &[];
