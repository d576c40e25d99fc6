//! Which modules a file may need, by its syntax alone: the modules have to be there before anything is resolved.

use crate::base::Name;
use crate::db::{Db, Marker, SourceFile};
use crate::syntax::SyntaxKind;
use crate::syntax::view::Node;

/// The modules that a file's imports and `canImport` conditions name, whichever clauses of `#if` count, without repetition.
pub fn written_imports(db: &dyn Db, file: SourceFile) -> Vec<Name> {
    let mut names = Vec::new();
    if file.has(db, Marker::Import) {
        collect(Node::root(&super::parse(db, file).green), &mut names);
    }
    names
}

fn collect(node: Node<'_>, names: &mut Vec<Name>) {
    for child in node.children() {
        match child.kind() {
            SyntaxKind::IMPORT_DECL => {
                let mut parts = child.children();
                let path = parts.find(|part| part.kind() == SyntaxKind::IMPORT_PATH);
                let first = path.and_then(|path| {
                    let mut tokens = path.descendant_tokens();
                    tokens.find(|token| !token.kind().is_trivia())
                });
                names.extend(first.map(|token| Name::new(token.text().trim_matches('`'))));
            }
            SyntaxKind::IF_CONFIG | SyntaxKind::IF_CONFIG_CLAUSE => {
                conditions(child, names);
                collect(child, names);
            }
            _ => {}
        }
    }
    let mut seen = crate::base::FxHashSet::default();
    names.retain(|&name| seen.insert(name));
}

/// The names in `canImport(…)`.
fn conditions(node: Node<'_>, names: &mut Vec<Name>) {
    let text: Vec<_> = node
        .descendant_tokens()
        .filter(|token| !token.kind().is_trivia())
        .collect();
    for part in text.windows(3) {
        if let [word, open, name] = part
            && word.text() == "canImport"
            && open.text() == "("
        {
            names.push(Name::new(name.text()));
        }
    }
}
