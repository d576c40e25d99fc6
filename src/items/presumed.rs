//! `#sourceLocation(file: "…", line: n)`: where the text that follows says it comes from.

use crate::base::{Name, TextSize};
use crate::db::{Db, Marker, SourceFile, line_index};
use crate::items::{Anchor, anchor};
use crate::syntax::SyntaxKind;
use crate::syntax::view::Node;

/// One directive; those of a file are in the order of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Directive {
    /// Where it ends.
    end: TextSize,
    /// The line that it stands on.
    own_line: u32,
    /// What the line after it is said to be; none where the text is itself again.
    claims: Option<(Name, u32)>,
}

#[salsa::tracked]
fn directives(db: &dyn Db, file: SourceFile) -> Vec<Directive> {
    let mut found = Vec::new();
    if file.has(db, Marker::SourceLocation) {
        let root = Node::root(&crate::items::parse(db, file).green);
        collect(db, file, &root, &mut found);
    }
    found
}

fn collect(db: &dyn Db, file: SourceFile, node: &Node<'_>, out: &mut Vec<Directive>) {
    for child in node.children() {
        if child.kind() != SyntaxKind::SOURCE_LOCATION_DIRECTIVE {
            collect(db, file, &child, out);
            continue;
        }
        let mut path = None;
        let mut line = None;
        for token in child.descendant_tokens() {
            match token.kind() {
                SyntaxKind::STRING_TEXT => path = Some(Name::new(token.text())),
                SyntaxKind::INT_NUMBER => line = token.text().replace('_', "").parse().ok(),
                _ => {}
            }
        }
        let range = child.text_range();
        out.push(Directive {
            end: range.end(),
            own_line: line_index(db, file).line_col(range.end()).line,
            claims: path.zip(line),
        });
    }
}

fn directive_before(db: &dyn Db, file: SourceFile, offset: TextSize) -> Option<&Directive> {
    let all = directives(db, file);
    let after = all.partition_point(|d| d.end <= offset);
    all.get(after.checked_sub(1)?)
}

/// The line that a place is said to be on.
pub fn presumed_line(db: &dyn Db, file: SourceFile, offset: TextSize) -> u32 {
    let line = line_index(db, file).line_col(offset).line;
    match directive_before(db, file, offset) {
        Some(Directive {
            own_line,
            claims: Some((_, first)),
            ..
        }) => first.saturating_add(line.saturating_sub(own_line + 1)),
        _ => line,
    }
}

/// The file that a place is said to be in, where that is another than its own. Depends on positions only in files with directives.
pub fn presumed_path(db: &dyn Db, anchor: Anchor) -> Option<Name> {
    let file = crate::items::file_of(db, anchor.def())?;
    if directives(db, file).is_empty() {
        return None;
    }
    let span = anchor::anchor_span(db, anchor)?;
    let directive = directive_before(db, file, span.range.start())?;
    directive.claims.as_ref().map(|(path, _)| *path)
}
