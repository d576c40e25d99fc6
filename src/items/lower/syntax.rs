//! Small questions to syntax nodes that every part of lowering asks.

use crate::base::Name;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::{SyntaxNode, SyntaxToken};

/// The first child node of this kind.
pub(super) fn kid(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|n| n.kind() == kind)
}

/// The child nodes of this kind.
pub(super) fn kids(node: &SyntaxNode, kind: SyntaxKind) -> impl Iterator<Item = SyntaxNode> {
    node.children().filter(move |n| n.kind() == kind)
}

/// The first token of this kind directly in the node.
pub(super) fn token(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxToken> {
    tokens(node).find(|t| t.kind() == kind)
}

/// Whether such a token is there.
pub(super) fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    token(node, kind).is_some()
}

/// The tokens directly in the node, without trivia.
pub(super) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.children_with_tokens()
        .filter_map(|e| e.into_token())
        .filter(|t| !t.kind().is_trivia())
}

/// The tokens directly in the node that can be names: identifiers, and keywords where a name may stand. `_` is not one.
pub(super) fn name_tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    tokens(node).filter(|t| is_name(t.kind()))
}

fn is_name(kind: SyntaxKind) -> bool {
    matches!(kind, IDENT | DOLLAR_IDENT | INT_NUMBER)
        || kind.is_keyword()
        || (ASYNC_KW..=OF_KW).contains(&kind)
}

/// The name that a token spells: without backticks, and `self`/`Self` alike in both dialects.
pub(super) fn name_of(token: &SyntaxToken) -> Name {
    match token.kind() {
        THIS_KW => Name::new("this"),
        _ => Name::new(token.text().trim_matches('`')),
    }
}
