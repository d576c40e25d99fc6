//! Imports of modules that a target does not declare. All module files lie in one folder, so that the compiler would find them, or
//! not, depending on which module was built first.

use crate::base::Dialect;
use crate::diag::{Diagnostic, FileList, FileSpan};
use crate::syntax::ast::{AstNode, Decl, Item};
use crate::syntax::{ParseOptions, parse};
use crate::vfs::{System, read_source};

use super::graph::PackageGraph;
use super::manifest::{FILE_NAME, TargetKind};

/// What is wrong with the imports of a target. Adds the files that the diagnostics show.
pub fn check(
    system: &dyn System,
    graph: &PackageGraph,
    target: usize,
    files: &mut FileList,
) -> Vec<Diagnostic> {
    let this = &graph.targets[target];
    let is_stranger = |number: usize| number != target && !this.dependencies.contains(&number);
    let strangers: Vec<&str> = (0..graph.targets.len())
        .filter(|&number| is_stranger(number))
        .map(|number| graph.targets[number].name.as_str())
        .collect();
    let mut problems = Vec::new();
    if strangers.is_empty() {
        return problems;
    }
    for path in &this.sources {
        // What cannot be read is the compiler's to report.
        let Ok(text) = read_source(system, path) else {
            continue;
        };
        if !imports_any(&text, &strangers) {
            continue;
        }
        let dialect = match Dialect::of_path(path) {
            Dialect::Codira => crate::syntax::Dialect::Codira,
            Dialect::Swift => crate::syntax::Dialect::Swift,
        };
        let tree = parse(&text, &ParseOptions::new(dialect)).tree();
        for item in tree.items() {
            let Item::Decl(Decl::ImportDecl(import)) = item else {
                continue;
            };
            let Some(path_node) = import.path() else {
                continue;
            };
            let words = path_node.syntax().text().to_string();
            let name = words.split('.').next().unwrap_or_default();
            let name = name.trim().trim_matches('`');
            let Some(number) = graph.find(name).filter(|&number| is_stranger(number)) else {
                continue;
            };
            let file = files.add(path, &text);
            let span = FileSpan::new(file, path_node.syntax().text_range());
            problems.push(problem(graph, target, number, span));
        }
    }
    problems
}

/// Whether a line looks like an import of one of the names. Cheap, and sometimes wrong: then parsing decides.
fn imports_any(text: &str, names: &[&str]) -> bool {
    let mut imports = text.lines().filter(|line| line.contains("import"));
    imports.any(|line| names.iter().any(|name| line.contains(name)))
}

fn problem(graph: &PackageGraph, target: usize, stranger: usize, span: FileSpan) -> Diagnostic {
    let (this, other) = (&graph.targets[target], &graph.targets[stranger]);
    let name = &other.name;
    if other.kind != TargetKind::Library {
        let message = format!("'{name}' is no library, so that it cannot be imported");
        return Diagnostic::error("undeclared-import", span, message);
    }
    let message = format!(
        "target '{}' imports '{name}', which is not among its dependencies",
        this.name
    );
    let mut names: Vec<String> = this
        .dependencies
        .iter()
        .map(|&number| format!("\"{}\"", graph.targets[number].name))
        .collect();
    names.push(format!("\"{name}\""));
    let note = format!(
        "declare it in the {FILE_NAME} of '{}': [{}.{}] dependencies = [{}]",
        this.package,
        this.kind.word(),
        this.name,
        names.join(", ")
    );
    Diagnostic::error("undeclared-import", span, message).note(None, note)
}
