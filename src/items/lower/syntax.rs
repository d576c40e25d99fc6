//! Small questions to syntax nodes that every part of lowering asks.

use crate::base::Name;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::{Node, Token};

/// The first child node of this kind.
pub(super) fn kid<'t>(node: &Node<'t>, kind: SyntaxKind) -> Option<Node<'t>> {
    node.children().find(|n| n.kind() == kind)
}

/// The child nodes of this kind.
pub(super) fn kids<'t>(
    node: &Node<'t>,
    kind: SyntaxKind,
) -> impl Iterator<Item = Node<'t>> + use<'t> {
    node.children().filter(move |n| n.kind() == kind)
}

/// The first token of this kind directly in the node.
pub(super) fn token<'t>(node: &Node<'t>, kind: SyntaxKind) -> Option<Token<'t>> {
    tokens(node).find(|t| t.kind() == kind)
}

/// Whether such a token is there.
pub(super) fn has_token(node: &Node<'_>, kind: SyntaxKind) -> bool {
    token(node, kind).is_some()
}

/// The tokens directly in the node, without trivia.
pub(super) fn tokens<'t>(node: &Node<'t>) -> impl Iterator<Item = Token<'t>> + use<'t> {
    node.tokens()
}

/// The tokens directly in the node that can be names: identifiers, and keywords where a name may stand. `_` is not one.
pub(super) fn name_tokens<'t>(node: &Node<'t>) -> impl Iterator<Item = Token<'t>> + use<'t> {
    tokens(node).filter(|t| is_name(t.kind()))
}

/// Whether tokens of this kind can be names.
pub(super) fn is_name(kind: SyntaxKind) -> bool {
    matches!(kind, IDENT | DOLLAR_IDENT | INT_NUMBER)
        || kind.is_keyword()
        || (ASYNC_KW..=OF_KW).contains(&kind)
}

/// The name that a token spells: without backticks, and `self`/`Self` alike in both dialects.
pub(super) fn name_of(token: &Token<'_>) -> Name {
    match token.kind() {
        THIS_KW => Name::new("this"),
        _ => Name::new(token.text().trim_matches('`')),
    }
}
