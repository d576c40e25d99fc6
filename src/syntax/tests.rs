//! Tests of the lexer, the parser and the typed tree.

use super::ast::{self, AstNode};
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
fn sequences_stay_flat() {
    check(
        "immutable x = try a + b ? -c : d as? T",
        expect![[r#"
        (VAR_DECL immutable (PATTERN_BINDING (IDENT_PATTERN (NAME x)) (INITIALIZER = (SEQUENCE_EXPR (TRY_EXPR try (IDENT_EXPR a)) (BINARY_OPERATOR +) (IDENT_EXPR b) (TERNARY_OPERATOR ? (PREFIX_EXPR - (IDENT_EXPR c)) :) (IDENT_EXPR d) (AS_OPERATOR as ? (NAMED_TYPE T))))))
    "#]],
    );
    check(
        "xs.map { $0 < 1 }.f<Int>(&y)[0]?.z!",
        expect![[r#"
        (EXPR_STMT (FORCE_UNWRAP_EXPR (MEMBER_EXPR (OPTIONAL_CHAIN_EXPR (SUBSCRIPT_EXPR (CALL_EXPR (SPECIALIZE_EXPR (MEMBER_EXPR (CALL_EXPR (MEMBER_EXPR (IDENT_EXPR xs) . map) (CLOSURE_EXPR { (EXPR_STMT (SEQUENCE_EXPR (IDENT_EXPR $0) (BINARY_OPERATOR <) (INTEGER_LITERAL 1))) })) . f) (GENERIC_ARG_LIST < (NAMED_TYPE Int) >)) (ARGUMENT_LIST ( (ARGUMENT (INOUT_EXPR & (IDENT_EXPR y))) ))) (ARGUMENT_LIST [ (ARGUMENT (INTEGER_LITERAL 0)) ])) ?) . z) !))
    "#]],
    );
}

#[test]
fn declarations() {
    check(
        "@A(1) public private(set) var x: Int = 1 { willSet { } didSet(o) { } }",
        expect![[r#"
            (VAR_DECL (ATTRIBUTE_LIST (ATTRIBUTE @ (NAMED_TYPE A) (ARGUMENT_LIST ( (ARGUMENT (INTEGER_LITERAL 1)) )))) (MODIFIER_LIST (MODIFIER public) (MODIFIER private ( set ))) var (PATTERN_BINDING (IDENT_PATTERN (NAME x)) (TYPE_ANNOTATION : (NAMED_TYPE Int)) (INITIALIZER = (INTEGER_LITERAL 1)) (ACCESSOR_BLOCK { (ACCESSOR_DECL willSet (CODE_BLOCK { })) (ACCESSOR_DECL didSet (ACCESSOR_PARAM ( o )) (CODE_BLOCK { })) })))
        "#]],
    );
    check(
        "prefix fn -<T: P>(_ x: borrowing T, y z: Int = 1) async throws(E) -> some P where T == U { }",
        expect![[r#"
            (FN_DECL (MODIFIER_LIST (MODIFIER prefix)) fn (NAME -) (GENERIC_PARAM_LIST < (GENERIC_PARAM T : (NAMED_TYPE P)) >) (PARAM_LIST ( (PARAM _ x : (ATTRIBUTED_TYPE (TYPE_SPECIFIER borrowing) (NAMED_TYPE T))) , (PARAM y z : (NAMED_TYPE Int) (INITIALIZER = (INTEGER_LITERAL 1))) )) (EFFECTS async (THROWS_CLAUSE throws ( (NAMED_TYPE E) ))) (RETURN_CLAUSE -> (OPAQUE_TYPE some (NAMED_TYPE P))) (WHERE_CLAUSE where (GENERIC_REQUIREMENT (NAMED_TYPE T) == (NAMED_TYPE U))) (CODE_BLOCK { }))
        "#]],
    );
    check(
        "indirect enum E<immutable N: Int>: ~Copyable { case a(x: Int), b = 2 }",
        expect![[r#"
            (ENUM_DECL (MODIFIER_LIST (MODIFIER indirect)) enum (NAME E) (GENERIC_PARAM_LIST < (GENERIC_PARAM immutable N : (NAMED_TYPE Int)) >) (INHERITANCE_CLAUSE : (SUPPRESSED_TYPE ~ (NAMED_TYPE Copyable))) (MEMBER_BLOCK { (ENUM_CASE_DECL case (ENUM_CASE_ELEMENT (NAME a) (ENUM_CASE_PAYLOAD ( (ENUM_CASE_PARAM x : (NAMED_TYPE Int)) ))) , (ENUM_CASE_ELEMENT (NAME b) (INITIALIZER = (INTEGER_LITERAL 2)))) }))
        "#]],
    );
    check(
        "fn fn(_ fn: Int) { return fn(fn) }",
        expect![[r#"
        (FN_DECL fn (NAME fn) (PARAM_LIST ( (PARAM _ fn : (NAMED_TYPE Int)) )) (CODE_BLOCK { (RETURN_STMT return (CALL_EXPR (IDENT_EXPR fn) (ARGUMENT_LIST ( (ARGUMENT (IDENT_EXPR fn)) )))) }))
    "#]],
    );
}

#[test]
fn statements() {
    check(
        "if immutable x, case .a(immutable y)? = z, xs.contains { $0 } { } else { }",
        expect![[r#"
            (EXPR_STMT (IF_EXPR if (CONDITION_LIST (BINDING_CONDITION immutable (IDENT_PATTERN (NAME x))) , (CASE_CONDITION case (OPTIONAL_PATTERN (ENUM_CASE_PATTERN (IMPLICIT_MEMBER_EXPR . a) (TUPLE_PATTERN ( (TUPLE_PATTERN_ELEMENT (VALUE_BINDING_PATTERN immutable (IDENT_PATTERN (NAME y)))) ))) ?) (INITIALIZER = (IDENT_EXPR z))) , (EXPR_CONDITION (CALL_EXPR (MEMBER_EXPR (IDENT_EXPR xs) . contains) (CLOSURE_EXPR { (EXPR_STMT (IDENT_EXPR $0)) })))) (CODE_BLOCK { }) (ELSE_CLAUSE else (CODE_BLOCK { }))))
        "#]],
    );
    check(
        "switch x { case 1, 3 where c: f() #if A\n case (immutable a, _): break\n #endif\n @unknown default: break }",
        expect![[r#"
            (EXPR_STMT (SWITCH_EXPR switch (IDENT_EXPR x) { (SWITCH_CASE case (CASE_ITEM (EXPR_PATTERN (INTEGER_LITERAL 1))) , (CASE_ITEM (EXPR_PATTERN (INTEGER_LITERAL 3)) where (IDENT_EXPR c)) : (EXPR_STMT (CALL_EXPR (IDENT_EXPR f) (ARGUMENT_LIST ( ))))) (IF_CONFIG (IF_CONFIG_CLAUSE #if (IDENT_EXPR A) (SWITCH_CASE case (CASE_ITEM (TUPLE_PATTERN ( (TUPLE_PATTERN_ELEMENT (VALUE_BINDING_PATTERN immutable (IDENT_PATTERN (NAME a)))) , (TUPLE_PATTERN_ELEMENT (WILDCARD_PATTERN _)) ))) : (BREAK_STMT break))) #endif) (SWITCH_CASE (ATTRIBUTE_LIST (ATTRIBUTE @ (NAMED_TYPE unknown))) default : (BREAK_STMT break)) }))
        "#]],
    );
    check(
        "do { try f() } catch E.a(immutable x) where x { } catch { }",
        expect![[r#"
            (EXPR_STMT (DO_EXPR do (CODE_BLOCK { (EXPR_STMT (TRY_EXPR try (CALL_EXPR (IDENT_EXPR f) (ARGUMENT_LIST ( ))))) }) (CATCH_CLAUSE catch (CASE_ITEM (ENUM_CASE_PATTERN (MEMBER_EXPR (IDENT_EXPR E) . a) (TUPLE_PATTERN ( (TUPLE_PATTERN_ELEMENT (VALUE_BINDING_PATTERN immutable (IDENT_PATTERN (NAME x)))) ))) where (IDENT_EXPR x)) (CODE_BLOCK { })) (CATCH_CLAUSE catch (CODE_BLOCK { }))))
        "#]],
    );
}

#[test]
fn strings() {
    check(
        "f(\"a\\(x + \"b\")c\", #\"\\(no)\\#(yes)\"#)",
        expect![[r##"
            (EXPR_STMT (CALL_EXPR (IDENT_EXPR f) (ARGUMENT_LIST ( (ARGUMENT (STRING_LITERAL " (STRING_SEGMENT a) (INTERPOLATION \( (ARGUMENT (SEQUENCE_EXPR (IDENT_EXPR x) (BINARY_OPERATOR +) (STRING_LITERAL " (STRING_SEGMENT b) "))) )) (STRING_SEGMENT c) ")) , (ARGUMENT (STRING_LITERAL #" (STRING_SEGMENT \(no)) (INTERPOLATION \#( (ARGUMENT (IDENT_EXPR yes)) )) "#)) ))))
        "##]],
    );
    let text = "\"\"\"\n    a\\u{41}\\\n    b\n      c\\(1)\n    \"\"\"";
    let literal = parse(text, &ParseOptions::default())
        .syntax()
        .descendants()
        .find_map(ast::StringLiteral::cast);
    let segments = literal
        .map(|literal| literal.segments().0)
        .unwrap_or_default();
    assert_eq!(
        segments.first(),
        Some(&ast::StringPiece::Text("aAb\n  c".to_string()))
    );
    assert_eq!(segments.len(), 2);
}

#[test]
fn literal_values() {
    assert_eq!(
        ast::integer_value("0xFF_FF"),
        ast::IntegerValue::Value(0xFFFF)
    );
    assert_eq!(
        ast::integer_value(&"9".repeat(40)),
        ast::IntegerValue::Overflow
    );
    assert_eq!(ast::float_value("0x1.8p1"), Some(3.0));
    assert_eq!(ast::float_value("0x1p-1074"), Some(f64::from_bits(1)));
    assert_eq!(ast::float_value("1_0.5e1"), Some(105.0));
}

#[test]
fn conditional_compilation() {
    let text = "#if compiler(>=99)\n what ever ( this is\n#elseif A && !os(Linux)\nvar a = 1\n#else\nvar b = x\n#if B\n.y\n#endif\n#endif";
    check(
        text,
        expect![[r#"
        (IF_CONFIG (IF_CONFIG_CLAUSE #if (CALL_EXPR (IDENT_EXPR compiler) (ARGUMENT_LIST ( (ARGUMENT (PREFIX_EXPR >= (INTEGER_LITERAL 99))) ))) what ever ( this is) (IF_CONFIG_CLAUSE #elseif (SEQUENCE_EXPR (IDENT_EXPR A) (BINARY_OPERATOR &&) (PREFIX_EXPR ! (CALL_EXPR (IDENT_EXPR os) (ARGUMENT_LIST ( (ARGUMENT (IDENT_EXPR Linux)) ))))) (VAR_DECL var (PATTERN_BINDING (IDENT_PATTERN (NAME a)) (INITIALIZER = (INTEGER_LITERAL 1))))) (IF_CONFIG_CLAUSE #else (VAR_DECL var (PATTERN_BINDING (IDENT_PATTERN (NAME b)) (INITIALIZER = (POSTFIX_IF_CONFIG_EXPR (IDENT_EXPR x) (IF_CONFIG (IF_CONFIG_CLAUSE #if (IDENT_EXPR B) (IMPLICIT_MEMBER_EXPR . y)) #endif)))))) #endif)
    "#]],
    );
}

#[test]
fn mistakes() {
    let all: Vec<_> = [
        "print(1",
        "fn f( { }",
        "a b",
        "}",
        "struct S { x }",
        "1 +",
        "if { }",
        "immutable x: = 1",
        "foo(a, )b)",
        "x = - 1",
        "fn f(a Int) {}",
    ]
    .iter()
    .map(|text| format!("{text} => {:?}\n", errors(text)))
    .collect();
    expect![[r#"
        print(1 => ["7: expected ')' in expression list"]
        fn f( { } => ["6: expected parameter name followed by ':'"]
        a b => ["1: consecutive statements on a line must be separated by ';'"]
        } => ["0: extraneous '}' at top level"]
        struct S { x } => ["11: expected declaration"]
        1 + => ["3: expected expression after operator"]
        if { } => ["3: missing condition in 'if' statement"]
        immutable x: = 1 => ["13: expected type"]
        foo(a, )b) => ["8: consecutive statements on a line must be separated by ';'", "9: expected expression"]
        x = - 1 => ["4: unary operator cannot be separated from its operand"]
        fn f(a Int) {} => ["10: expected ':' following argument label and parameter name"]
    "#]].assert_eq(&all.concat());
}

#[test]
fn hashes_ignore_white_space() {
    let hash = |text: &str| trivia_insensitive_hash(&parse(text, &ParseOptions::default()).green);
    assert_eq!(hash("fn f() { g(1) }"), hash("fn  f()\n{ // c\n g( 1 ) }"));
    assert_ne!(hash("fn f() { g(1) }"), hash("fn f() { g(2) }"));
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
    let depth = 20_000;
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
        let start = std::time::Instant::now();
        let parse = parse(&text, &ParseOptions::default());
        if std::env::var("CODIRA_SYNTAX_VERBOSE").is_ok() {
            let first = parse.errors.first().map(|error| error.message.clone());
            println!(
                "{opener:?}: {:?} {} errors, first {first:?}",
                start.elapsed(),
                parse.errors.len()
            );
        }
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

const FIXTURES: &[&str] = &[
    include_str!("../../fixtures/syntax/declarations.code"),
    include_str!("../../fixtures/syntax/expressions.code"),
];

#[test]
fn fixtures_parse() {
    for text in FIXTURES {
        assert_eq!(errors(text), Vec::<String>::new());
    }
}

/// The erroneous programs under the folder that `CODIRA_SYNTAX_REJECTS` names: prints what is found beside what is marked.
#[test]
fn rejects() {
    let Ok(root) = std::env::var("CODIRA_SYNTAX_REJECTS") else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(root) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_string();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let marked = text
            .lines()
            .position(|line| line.contains("// error"))
            .map_or(0, |line| line + 1);
        let parse = parse(&text, &ParseOptions::default());
        if parse.errors.is_empty() && !name.starts_with("syntax-") {
            continue;
        }
        let found: Vec<_> = parse
            .errors
            .iter()
            .map(|error| {
                let at = usize::from(error.range.start());
                let line = text[..at].matches('\n').count() + 1;
                format!(
                    "{line}:{} {}",
                    at - text[..at].rfind('\n').map_or(0, |newline| newline + 1) + 1,
                    error.message
                )
            })
            .collect();
        println!("{name}: marked {marked}, found {found:?}");
    }
}

/// Every one of these once made a loop of the parser stand still.
#[test]
fn recovery_makes_progress() {
    for text in [
        "precedencegroup P {\n associativity: right\ninfix operator **: P\n",
        "precedencegroup P {\n a\n b\n}",
        "precedencegroup P {\n fn f() {}",
        "precedencegroup P {\n associativity:\n associativity\n",
    ] {
        let parse = parse(text, &ParseOptions::default());
        assert_eq!(parse.green.to_string(), text);
        assert!(parse.has_errors());
    }
}
