//! Typed views of the tree: one thin wrapper per node kind.
//!
//! [`nodes`] holds the table of wrappers and the enums over them, [`ext`] what takes more than finding a child,
//! [`literals`] the values of literals. Every accessor may return nothing: the tree may be that of a broken file.

pub mod ext;
pub mod literals;
pub mod nodes;

pub use ext::*;
pub use literals::*;
pub use nodes::*;

use crate::syntax::kind::{CodiraLanguage, SyntaxKind, SyntaxNode, SyntaxToken};

/// A typed view of a node.
pub trait AstNode: Sized {
    /// Whether a node of this kind can be viewed so.
    fn can_cast(kind: SyntaxKind) -> bool;
    /// Views the node, if it is of the right kind.
    fn cast(node: SyntaxNode) -> Option<Self>;
    /// The node itself.
    fn syntax(&self) -> &SyntaxNode;
}

/// All children of a type, in order.
pub struct AstChildren<N> {
    inner: rowan::SyntaxNodeChildren<CodiraLanguage>,
    marker: std::marker::PhantomData<N>,
}

impl<N: AstNode> Iterator for AstChildren<N> {
    type Item = N;

    fn next(&mut self) -> Option<N> {
        self.inner.by_ref().find_map(N::cast)
    }
}

/// Finding children and tokens by type.
pub mod support {
    use super::*;

    /// The first child of a type.
    pub fn child<N: AstNode>(node: &SyntaxNode) -> Option<N> {
        node.children().find_map(N::cast)
    }

    /// The child of a type at an index among its like.
    pub fn nth_child<N: AstNode>(node: &SyntaxNode, n: usize) -> Option<N> {
        node.children().filter_map(N::cast).nth(n)
    }

    /// All children of a type.
    pub fn children<N: AstNode>(node: &SyntaxNode) -> AstChildren<N> {
        AstChildren {
            inner: node.children(),
            marker: std::marker::PhantomData,
        }
    }

    /// The first token of a kind among the direct children.
    pub fn token(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxToken> {
        node.children_with_tokens()
            .filter_map(|element| element.into_token())
            .find(|token| token.kind() == kind)
    }

    /// The direct tokens that are no trivia.
    pub fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> + use<> {
        node.children_with_tokens()
            .filter_map(|element| element.into_token())
            .filter(|token| !token.kind().is_trivia())
    }

    /// The first direct token that is no trivia.
    pub fn first_token(node: &SyntaxNode) -> Option<SyntaxToken> {
        tokens(node).next()
    }
}
