//! What files declare, what bodies desugar to, and what an edit re-runs.

use super::*;
use crate::base::Arena;
use crate::db::RootDatabase;
use crate::session::TrackedOptions;
use expect_test::{Expect, expect};
use std::fmt::Write;

fn database(text: &str) -> (RootDatabase, SourceFile) {
    let db = RootDatabase::with_event_log();
    let file = SourceFile::of_user(&db, "main.code", text);
    let options = Arc::new(TrackedOptions::default());
    let unit = CompilationUnit::of_user(&db, vec![file], options, None);
    Workspace::new(&db, vec![unit]);
    (db, file)
}

/// Lists declarations with their kinds, indented by depth.
fn check_items(text: &str, expected: Expect) {
    let (db, file) = database(text);
    let tree = item_tree(&db, file);
    let mut out = String::new();
    fn list(db: &dyn Db, tree: &ItemTree, defs: &[DefId], depth: usize, out: &mut String) {
        for def in defs {
            let indent = "  ".repeat(depth);
            let _ = writeln!(out, "{indent}{:?} {}", def.kind(db), def.name(db));
            match &tree.items[def].kind {
                ItemKind::Nominal(n) => list(db, tree, &n.members, depth + 1, out),
                ItemKind::Extension(e) => list(db, tree, &e.members, depth + 1, out),
                _ => {}
            }
        }
    }
    list(&db, tree, &tree.top_level, 0, &mut out);
    expected.assert_eq(&out);
}

/// Prints the expressions of the top level's statements as S-expressions.
fn check_exprs(text: &str, expected: Expect) {
    let operators =
        "infix operator +: AdditionPrecedence; infix operator *: MultiplicationPrecedence
infix operator ==: ComparisonPrecedence
precedencegroup AssignmentPrecedence { assignment: true associativity: right }
precedencegroup TernaryPrecedence { higherThan: AssignmentPrecedence associativity: right }
precedencegroup ComparisonPrecedence { higherThan: TernaryPrecedence }
precedencegroup CastingPrecedence { higherThan: ComparisonPrecedence }
precedencegroup AdditionPrecedence { higherThan: CastingPrecedence associativity: left }
precedencegroup MultiplicationPrecedence { higherThan: AdditionPrecedence associativity: left }\n";
    let (db, file) = database(&format!("{operators}{text}"));
    let def = file_def(&db, file).unwrap();
    let code = DefId::new(&db, Some(def), DefKind::TopLevel, Name::new("main"), 0);
    let body = body(&db, code);
    let mut out = String::new();
    for stmt in &body.root.stmts {
        if let hir::Stmt::Expr(expr) = body.stmts[*stmt] {
            show(&body.exprs, expr, &mut out);
            out.push('\n');
        }
    }
    for diagnostic in &body.diagnostics {
        let _ = writeln!(out, "error: {}", diagnostic.message);
    }
    expected.assert_eq(&out);
}

fn show(exprs: &Arena<hir::Expr>, id: hir::ExprId, out: &mut String) {
    use hir::Expr::*;
    let mut list = |head: std::string::String, parts: &[hir::ExprId]| {
        out.push('(');
        out.push_str(&head);
        for part in parts {
            out.push(' ');
            show(exprs, *part, out);
        }
        out.push(')');
    };
    match &exprs[id] {
        Int(n) => drop(write!(out, "{n}")),
        Name { name, .. } => out.push_str(name.as_str()),
        Binary { op, lhs, rhs } => list(op.to_string(), &[*lhs, *rhs]),
        Assign { lhs, rhs } => list("=".into(), &[*lhs, *rhs]),
        Ternary { cond, then, els } => list("?:".into(), &[*cond, *then, *els]),
        Member {
            base: Some(b),
            name,
            ..
        } => list(format!(".{name}"), &[*b]),
        Call { callee, args, .. } => {
            let mut parts = vec![*callee];
            parts.extend(args.iter().map(|a| a.expr));
            list("call".into(), &parts);
        }
        Cast { kind, expr, .. } => list(format!("{kind:?}"), &[*expr]),
        Try { kind, expr } => list(format!("{kind:?}"), &[*expr]),
        Chain(e) => list("chain".into(), &[*e]),
        ChainLink(e) => list("?".into(), &[*e]),
        ForceUnwrap(e) => list("!".into(), &[*e]),
        Prefix { op, operand } => list(format!("prefix{op}"), &[*operand]),
        other => drop(write!(out, "{other:?}")),
    }
}

#[test]
fn declarations_are_named_by_path() {
    check_items(
        "struct S<T> { var a = 1, b: Int; fn f(_ x: Int, by y: Int) {} ; init(a: Int) {} }
enum E { case one, two(Int) }
extension S { subscript(i: Int) -> Int { 1 } }
let (p, q) = (1, 2)
immutable r = 3
fn +(l: S<Int>, r: S<Int>) -> Int { 0 }",
        expect![[r#"
            Struct S
              Var a
              Var b
              Func f(_:by:)
              Init init(a:)
            Enum E
              Case one
              Case two
            Extension S
              Subscript subscript(_:)
            Var r
            Func +(_:_:)
        "#]],
    );
}

#[test]
fn operators_fold_by_precedence() {
    check_exprs(
        "a = b + c * d == e ? f : g + 1
a + b as Int * c
x = try f() + 1
p?.q = 3
p?.q!.r(1) + -2.s",
        expect![[r#"
            (= a (?: (== (+ b (* c d)) e) f (+ g 1)))
            (* (Coerce (+ a b)) c)
            (= x (Try (+ (call f) 1)))
            (chain (= (.q (? p)) 3))
            (+ (chain (call (.r (! (.q (? p)))) 1)) (.s -2))
        "#]],
    );
}

#[test]
fn unordered_operators_need_parentheses() {
    check_exprs(
        "a == b == c\na <+> b",
        expect![[r#"
            (== (== a b) c)
            (<+> a b)
            error: adjacent operators are in non-associative precedence group 'ComparisonPrecedence'
            error: cannot find operator '<+>' in scope
        "#]],
    );
}

#[test]
fn white_space_stops_at_the_item_tree() {
    let text = "fn f() -> Int { 1 }\nfn g() -> Int { 2 }\n";
    let (mut db, file) = database(text);
    let bodies = |db: &RootDatabase| {
        for def in &item_tree(db, file).top_level {
            body(db, *def);
        }
    };
    bodies(&db);
    db.take_executed();
    file.update_text(
        &mut db,
        "// new\n\nfn f() -> Int { 1 /* one */ }\nfn g() -> Int { 2 }\n",
    );
    bodies(&db);
    let ran: Vec<String> = db.take_executed().into_iter().map(|ran| ran.0).collect();
    assert_eq!(ran, ["item_tree", "lowered_file", "parse"]);

    file.update_text(&mut db, "fn f() -> Int { 1 }\nfn g() -> Int { 3 }\n");
    bodies(&db);
    assert_eq!(db.executions_of("body"), 1);
}

/// Every body of the standard library can be parsed, and its operators folded.
#[test]
fn the_library_is_well_formed() {
    let db = RootDatabase::new();
    workspace::open(&db, Vec::new(), Arc::new(TrackedOptions::default()));
    let units = Workspace::get(&db).units(&db);
    let mut problems = Vec::new();
    for unit in units.iter().filter(|u| u.name(&db).as_str() == "Codira") {
        for &file in unit.files(&db) {
            let path = file.path(&db);
            for error in &parse(&db, file).errors {
                problems.push(format!("{path}: {error:?}"));
            }
            let map = source_map::item_source_map(&db, file);
            for def in map.bodies.keys() {
                for error in &body(&db, *def).diagnostics {
                    problems.push(format!("{path}: {}: {}", def.name(&db), error.message));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
