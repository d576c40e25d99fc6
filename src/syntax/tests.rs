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
        out.push_str(&format!("{:?} {}: {}\n", error.range, error.code, error.message));
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
    assert_eq!(parse.syntax().text().to_string(), text, "the tree must hold every byte of the text");
}

fn errors(text: &str) -> Vec<String> {
    let parse = parse(text, &ParseOptions::default());
    assert_lossless(text, &parse);
    parse.errors.iter().map(|error| format!("{}: {}", usize::from(error.range.start()), error.message)).collect()
}

/// The programs under the folder that `CODIRA_SYNTAX_CORPUS` names must parse without errors.
#[test]
fn corpus() {
    let Ok(root) = std::env::var("CODIRA_SYNTAX_CORPUS") else { return };
    let mut pending = vec![std::path::PathBuf::from(root)];
    let (mut failed, mut lines, mut time) = (0, 0, std::time::Duration::ZERO);
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let Ok(entries) = std::fs::read_dir(&path) else { continue };
            pending.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
            continue;
        }
        let dialect = match path.extension().and_then(|extension| extension.to_str()) {
            Some("code") => Dialect::Codira,
            Some("swift") => Dialect::Swift,
            _ => continue,
        };
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let start = std::time::Instant::now();
        let parse = parse(&text, &ParseOptions::new(dialect));
        time += start.elapsed();
        lines += text.lines().count();
        assert_lossless(&text, &parse);
        let flawed = parse.syntax().descendants().any(|node| node.kind() == SyntaxKind::ERROR);
        if flawed || !parse.errors.is_empty() {
            failed += 1;
            println!("{}: error node {flawed}", path.display());
            for error in parse.errors.iter().take(4) {
                let at = usize::from(error.range.start());
                let line = text[..at].matches('\n').count() + 1;
                println!("  {line}: {} | {}", error.message, text.lines().nth(line - 1).unwrap_or(""));
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
