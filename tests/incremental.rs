//! The firewall of ARCHITECTURE.md, stated as what runs again after an edit.
//!
//! Each test compiles a small module of three files as far as machine code, edits one of them, compiles again and lists
//! which of the expensive queries ran in between, with how often. `UPDATE_EXPECT=1` rewrites the lists; a list that grows
//! is a hole in the firewall.

use std::sync::Arc;

use codira::codegen::program;
use codira::db::{CompilationUnit, RootDatabase, SourceFile};
use codira::diag::Diagnostic;
use codira::items::{self, anchor::resolve_diagnostic};
use codira::session::TrackedOptions;
use codira::{bodies, mir};
use expect_test::{Expect, expect};

const A: &str = "\
private fn helper() -> Int { return 1 }
fn shared(_ x: Int) -> Int { return helper() &+ x }
fn unrelated() -> Int { return 7 }
struct Point {
    var x: Int
    fn moved(by d: Int) -> Int { return x &+ d }
}
";

const B: &str = "\
fn user() -> Int { return shared(2) }
fn other(_ p: Point) -> Int { return p.x }
";

const MAIN: &str = "\
var total = user()
total = total &+ unrelated()
";

/// The queries that cost time: one a file, one a body, one a function of the program. All others are
/// look-ups in between, which run whenever something near them changed and mostly give the same answer.
const EXPENSIVE: &[&str] = &[
    "parse",
    "item_tree",
    "body",
    "check_body",
    "flow_diagnostics",
    "build",
    "unit_query",
];

struct Module {
    db: RootDatabase,
    unit: CompilationUnit,
    a: SourceFile,
    b: SourceFile,
}

impl Module {
    /// The module after its first check.
    fn new() -> Module {
        let db = RootDatabase::with_event_log();
        bodies::register();
        let a = SourceFile::of_user(&db, "a.code", A);
        let b = SourceFile::of_user(&db, "b.code", B);
        let main = SourceFile::of_user(&db, "main.code", MAIN);
        let unit =
            items::workspace::open(&db, vec![a, b, main], Arc::new(TrackedOptions::default()));
        let module = Module { db, unit, a, b };
        assert_eq!(module.compile(), Vec::<String>::new());
        module.db.take_executed();
        module
    }

    /// What a compilation asks for, machine code where nothing is wrong; the findings as text.
    fn compile(&self) -> Vec<String> {
        let db = &self.db;
        let mut found: Vec<Diagnostic> = Vec::new();
        for &file in self.unit.files(db) {
            found.extend(items::syntax_diagnostics(db, file));
            for &def in items::body_owners(db, file) {
                let anchored = bodies::body_diagnostics(db, def).iter();
                found.extend(anchored.map(|found| resolve_diagnostic(db, found)));
                let anchored = mir::flow::flow_diagnostics(db, def).iter();
                found.extend(anchored.map(|found| resolve_diagnostic(db, found)));
            }
        }
        if found.is_empty() {
            let output = program::program(db, self.unit);
            assert!(output.errors.is_empty(), "{:?}", output.errors);
        }
        found.into_iter().map(|found| found.message).collect()
    }

    /// Replaces a piece of a file, checks again and compares what ran.
    #[track_caller]
    fn edit(&mut self, file: SourceFile, from: &str, to: &str, ran: Expect) -> Vec<String> {
        let text = file.text(&self.db);
        assert!(text.contains(from), "{from:?} is not in the file");
        let text = text.replacen(from, to, 1);
        assert!(file.update_text(&mut self.db, &text));
        let found = self.compile();
        let mut executed = self.db.take_executed();
        executed.retain(|(query, _)| EXPENSIVE.contains(&query.as_str()));
        let lines = executed
            .iter()
            .map(|(query, count)| format!("{query} {count}\n"));
        ran.assert_eq(&lines.collect::<String>());
        found
    }
}

#[test]
fn an_unchanged_module_runs_nothing() {
    let mut module = Module::new();
    assert!(!module.a.update_text(&mut module.db, A));
    assert_eq!(module.compile(), Vec::<String>::new());
    assert_eq!(module.db.take_executed(), []);
}

#[test]
fn white_space_and_comments_reach_the_item_tree_and_stop() {
    let mut module = Module::new();
    for (from, to) in [
        ("\nfn shared", "\n\n\n  fn shared"),
        ("return 7", "/* seven */ return   7 // lucky\n"),
        ("x: Int\n", "x : Int ; \n"),
    ] {
        let text = module.a.text(&module.db).replacen(from, to, 1);
        assert!(module.a.update_text(&mut module.db, &text));
        assert!(module.compile().is_empty());
        // Here nothing else is allowed to run, not even what is cheap.
        let ran = module.db.take_executed();
        let chain = ["item_tree", "lowered_file", "parse"];
        assert_eq!(ran, chain.map(|query| (query.to_owned(), 1)));
    }
}

#[test]
fn an_edit_in_a_body_runs_the_chain_of_that_body() {
    let mut module = Module::new();
    let a = module.a;
    let found = module.edit(
        a,
        "return 7",
        "return 8",
        expect![[r#"
            body 1
            build 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
            unit_query 1
        "#]],
    );
    assert!(found.is_empty());
    // A method's body is no different.
    let found = module.edit(
        a,
        "x &+ d }",
        "d &+ x }",
        expect![[r#"
            body 1
            build 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert!(found.is_empty());
}

#[test]
fn a_private_signature_reaches_its_users_in_the_file() {
    let mut module = Module::new();
    let a = module.a;
    // `helper` and `shared`.
    let found = module.edit(
        a,
        "helper() -> Int {",
        "helper() -> Int8 {",
        expect![[r#"
            body 1
            build 1
            check_body 2
            flow_diagnostics 2
            item_tree 1
            parse 1
        "#]],
    );
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn an_internal_signature_reaches_its_users_in_the_module() {
    let mut module = Module::new();
    let a = module.a;
    // `shared` and `user`, but not those of `user`.
    let found = module.edit(
        a,
        "x: Int) -> Int {",
        "x: Int) -> Int8 {",
        expect![[r#"
            body 1
            check_body 2
            flow_diagnostics 2
            item_tree 1
            parse 1
        "#]],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    // A property's type: `moved` and `other`.
    let found = module.edit(
        a,
        "var x: Int",
        "var x: Int8",
        expect![[r#"
            check_body 2
            flow_diagnostics 2
            item_tree 1
            parse 1
        "#]],
    );
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_new_declaration_reaches_those_who_look_for_names_in_its_module() {
    let mut module = Module::new();
    let b = module.b;
    let found = module.edit(
        b,
        "fn other",
        "fn added() {}\nfn other",
        expect![[r#"
            body 1
            build 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_mistake_stays_where_it_is() {
    let mut module = Module::new();
    let (a, b) = (module.a, module.b);
    let found = module.edit(
        a,
        "return 7",
        "return nothing",
        expect![[r#"
            body 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert_eq!(found, ["cannot find 'nothing' in scope"]);
    // A second one in the other file: the first is reported again without being looked for again.
    let found = module.edit(
        b,
        "return p.x",
        "return p.y",
        expect![[r#"
            body 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    // So it is when a file does not even parse.
    let found = module.edit(
        b,
        "fn other",
        "fn (\nfn other",
        expect![[r#"
            body 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert!(
        found.contains(&"cannot find 'nothing' in scope".to_owned()),
        "{found:?}"
    );
    // Once both are corrected, what was right all along is not run again.
    module.edit(
        b,
        "fn (\n",
        "",
        expect![[r#"
            item_tree 1
            parse 1
        "#]],
    );
    module.edit(
        b,
        "return p.y",
        "return p.x",
        expect![[r#"
            body 1
            build 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    let found = module.edit(
        a,
        "return nothing",
        "return 7",
        expect![[r#"
            body 1
            build 1
            check_body 1
            flow_diagnostics 1
            item_tree 1
            parse 1
        "#]],
    );
    assert!(found.is_empty(), "{found:?}");
}
