//! Which functions are tests, and the main file that runs one of them.
//!
//! A test is a function without parameters and result that is marked `@Test`, or one outside of types whose name begins with `test`. Methods that
//! are marked belong to a suite: an instance of the type is made for each. Every test runs in a process of its own, so that a trap fails only
//! one; the process says at its end whether the test passed, and one that cannot say so failed.

use crate::base::{Dialect, TextRange};
use crate::diag::{Diagnostic, FileList, FileSpan};
use crate::syntax::SyntaxKind;
use crate::syntax::ast::{self, AstNode, Decl, Item};
use crate::syntax::{ParseOptions, parse};
use crate::vfs::{System, read_source};

use super::graph::PackageGraph;
use super::load::is_main;
use super::manifest::TargetKind;

/// What a test's process prints at its end when the test passed.
pub const PASSED: &str = "\u{1}passed\u{1}\n";
/// What it prints when it did not.
pub const FAILED: &str = "\u{1}failed\u{1}\n";

/// What tests can call, in front of what calls them.
const SUPPORT: &str = include_str!("testing.code");

/// The tests of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestTarget {
    /// The target's number in the graph.
    pub target: usize,
    /// Its tests in the order of the sources.
    pub tests: Vec<Test>,
}

/// A function that is a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// How it is called in listings: the function, behind its suite.
    pub name: String,
    /// The statements that run it.
    call: String,
}

impl TestTarget {
    /// The text of the file that runs the test that its first argument names.
    pub fn main_file(&self) -> String {
        let mut text = SUPPORT.to_owned();
        text.push_str("\nswitch CommandLine.arguments.last ?? \"\" {\n");
        for test in &self.tests {
            let name = test.name.replace('\\', "\\\\").replace('"', "\\\"");
            text.push_str(&format!(
                "case \"{name}\": _Testing.run {{ {} }}\n",
                test.call
            ));
        }
        text.push_str("default: fail(\"there is no such test\")\n}\n_Testing.end()\n");
        text
    }
}

/// Finds the tests of all test targets of the package that is built.
pub fn discover(
    system: &dyn System,
    graph: &PackageGraph,
    files: &mut FileList,
) -> Result<Vec<TestTarget>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (number, target) in graph.targets.iter().enumerate() {
        if target.kind != TargetKind::Test {
            continue;
        }
        let mut tests = Vec::new();
        for path in &target.sources {
            if is_main(path) {
                let name = &target.name;
                let message = format!("test target '{name}' has a main file '{path}' of its own");
                let note = "'language test' makes one that runs the tests";
                let problem = Diagnostic::error("tests", target.span, message);
                problems.push(problem.note(None, note));
                continue;
            }
            // A file that cannot be read is the compiler's to report.
            let Ok(text) = read_source(system, path) else {
                continue;
            };
            for test in tests_of(path, &text) {
                match test {
                    Ok(test) => tests.push(test),
                    Err((range, message)) => {
                        let file = files.add(path, &text);
                        let span = FileSpan::new(file, range);
                        problems.push(Diagnostic::error("tests", span, message));
                    }
                }
            }
        }
        found.push(TestTarget {
            target: number,
            tests,
        });
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

type Found = Result<Test, (TextRange, String)>;

/// The tests in a file. Parsing is skipped where no word looks like one.
fn tests_of(path: &str, text: &str) -> Vec<Found> {
    if !text.contains("test") && !text.contains("@Test") {
        return Vec::new();
    }
    let dialect = match Dialect::of_path(path) {
        Dialect::Codira => crate::syntax::Dialect::Codira,
        Dialect::Swift => crate::syntax::Dialect::Swift,
    };
    let tree = parse(text, &ParseOptions::new(dialect)).tree();
    let mut found = Vec::new();
    for item in tree.items() {
        if let Item::Decl(decl) = item {
            tests_in(&decl, "", &mut found);
        }
    }
    found
}

/// Adds the tests that a declaration is or holds. `suite` is the type around it, empty outside of types.
fn tests_in(decl: &Decl, suite: &str, out: &mut Vec<Found>) {
    let (name, members) = match decl {
        Decl::FnDecl(function) => {
            out.extend(test(function, suite));
            return;
        }
        Decl::StructDecl(ty) => (ty.name().map(|name| name.text()), ty.member_block()),
        Decl::ClassDecl(ty) => (ty.name().map(|name| name.text()), ty.member_block()),
        Decl::EnumDecl(ty) => (ty.name().map(|name| name.text()), ty.member_block()),
        Decl::ExtensionDecl(extension) => (
            extension
                .extended_type()
                .map(|ty| ty.syntax().text().to_string().trim().to_owned()),
            extension.member_block(),
        ),
        _ => return,
    };
    let (Some(name), Some(members)) = (name, members) else {
        return;
    };
    let suite = match suite.is_empty() {
        true => name,
        false => format!("{suite}.{name}"),
    };
    for member in members.decls() {
        tests_in(&member, &suite, out);
    }
}

fn test(function: &ast::FnDecl, suite: &str) -> Option<Found> {
    let name = function.name()?;
    let text = name.text();
    let marked = function
        .attributes()
        .is_some_and(|list| list.find("Test").is_some());
    let after = text.strip_prefix("test");
    let called_so =
        suite.is_empty() && after.is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()));
    let has = |kind| function.modifiers().is_some_and(|list| list.has(kind));
    let hidden = has(SyntaxKind::PRIVATE_KW) || has(SyntaxKind::FILEPRIVATE_KW);
    if !marked && (!called_so || hidden) {
        return None;
    }
    let range = name.syntax().text_range();
    let bare = function
        .params()
        .is_none_or(|list| list.params().count() == 0)
        && function.generic_params().is_none()
        && function.return_clause().is_none();
    if !bare {
        // A function that only happens to be called so is none.
        let message = format!("test '{text}' must have neither parameters nor a result");
        return marked.then_some(Err((range, message)));
    }
    if hidden {
        let message = format!("test '{text}' is private, so that nothing can run it");
        return Some(Err((range, message)));
    }
    let effects = function.effects();
    if effects
        .as_ref()
        .is_some_and(|effects| effects.async_token().is_some())
    {
        let message = format!("test '{text}' is asynchronous, which is not available yet");
        return Some(Err((range, message)));
    }
    let throws = effects.is_some_and(|effects| effects.throws_clause().is_some());
    let before = if throws { "try " } else { "" };
    let word = name.token()?;
    let word = word.text();
    let (name, call) = match suite {
        "" => (text, format!("{before}{word}()")),
        _ if has(SyntaxKind::STATIC_KW) => (
            format!("{suite}/{text}"),
            format!("{before}{suite}.{word}()"),
        ),
        _ => (
            format!("{suite}/{text}"),
            match has(SyntaxKind::MUTATING_KW) {
                true => format!("var suite = {suite}(); {before}suite.{word}()"),
                false => format!("{before}{suite}().{word}()"),
            },
        ),
    };
    Some(Ok(Test { name, call }))
}
