//! Views of a green tree that cost nothing to make.
//!
//! Rowan's own [`SyntaxNode`](super::SyntaxNode) knows its parent, and pays for it with an allocation and a reference count for
//! every node that is looked at. A [`Node`] is a borrowed green node with its place in the text: it is `Copy` and only looks
//! down. Lowering, which visits every node of a program once or more often, works on these.

use super::kind::SyntaxKind;
use rowan::{Children, GreenNode, GreenNodeData, GreenTokenData, NodeOrToken};
use rowan::{TextRange, TextSize};
use std::borrow::Cow;

/// A node and where it starts.
#[derive(Clone, Copy, Debug)]
pub struct Node<'t> {
    green: &'t GreenNodeData,
    start: TextSize,
}

/// A token and where it starts.
#[derive(Clone, Copy, Debug)]
pub struct Token<'t> {
    green: &'t GreenTokenData,
    start: TextSize,
}

/// A child of a node.
#[derive(Clone, Copy, Debug)]
pub enum Element<'t> {
    Node(Node<'t>),
    Token(Token<'t>),
}

/// Finds a node again in an equal tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NodePtr {
    kind: SyntaxKind,
    range: TextRange,
}

impl<'t> Node<'t> {
    /// A tree's root, at the start of the text.
    pub fn root(green: &'t GreenNodeData) -> Node<'t> {
        let start = TextSize::new(0);
        Node { green, start }
    }

    /// What the node is.
    pub fn kind(self) -> SyntaxKind {
        SyntaxKind::from_raw(self.green.kind().0)
    }

    /// Where the node is.
    pub fn text_range(self) -> TextRange {
        TextRange::at(self.start, self.green.text_len())
    }

    /// The node's text, borrowed where it is a single token.
    pub fn text(self) -> Cow<'t, str> {
        let mut children = self.green.children();
        match (children.next(), children.next()) {
            (Some(NodeOrToken::Token(token)), None) => Cow::Borrowed(token.text()),
            _ => Cow::Owned(self.green.to_string()),
        }
    }

    /// The tree below, to be shared.
    pub fn green(self) -> &'t GreenNodeData {
        self.green
    }

    /// The tree below as a value of its own.
    pub fn to_green(self) -> GreenNode {
        self.green.to_owned()
    }

    /// A pointer that outlives the tree.
    pub fn ptr(self) -> NodePtr {
        NodePtr {
            kind: self.kind(),
            range: self.text_range(),
        }
    }

    /// The children, nodes and tokens.
    pub fn children_with_tokens(self) -> Elements<'t> {
        Elements {
            children: self.green.children(),
            at: self.start,
        }
    }

    /// The children that are nodes.
    pub fn children(self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        self.children_with_tokens().filter_map(Element::into_node)
    }

    /// The children that are tokens, without white space and comments.
    pub fn tokens(self) -> impl Iterator<Item = Token<'t>> + use<'t> {
        let tokens = self.children_with_tokens().filter_map(Element::into_token);
        tokens.filter(|token| !token.kind().is_trivia())
    }

    /// The first child that is a node.
    pub fn first_child(self) -> Option<Node<'t>> {
        self.children().next()
    }

    /// The last child that is a node.
    pub fn last_child(self) -> Option<Node<'t>> {
        self.children().last()
    }

    /// The first token anywhere below.
    pub fn first_token(self) -> Option<Token<'t>> {
        self.descendant_tokens().next()
    }

    /// Every token below, in order.
    pub fn descendant_tokens(self) -> impl Iterator<Item = Token<'t>> + use<'t> {
        let mut pending = vec![self.children_with_tokens()];
        std::iter::from_fn(move || {
            loop {
                match pending.last_mut()?.next() {
                    Some(Element::Token(token)) => return Some(token),
                    Some(Element::Node(node)) => pending.push(node.children_with_tokens()),
                    None => drop(pending.pop()),
                }
            }
        })
    }
}

impl<'t> Token<'t> {
    /// What the token is.
    pub fn kind(self) -> SyntaxKind {
        SyntaxKind::from_raw(self.green.kind().0)
    }

    /// The token's text.
    pub fn text(self) -> &'t str {
        self.green.text()
    }

    /// Where the token is.
    pub fn text_range(self) -> TextRange {
        TextRange::at(self.start, self.green.text_len())
    }
}

impl<'t> Element<'t> {
    /// The node, if it is one.
    pub fn into_node(self) -> Option<Node<'t>> {
        match self {
            Element::Node(node) => Some(node),
            Element::Token(_) => None,
        }
    }

    /// The token, if it is one.
    pub fn into_token(self) -> Option<Token<'t>> {
        match self {
            Element::Token(token) => Some(token),
            Element::Node(_) => None,
        }
    }
}

impl NodePtr {
    /// Where the node is.
    pub fn text_range(self) -> TextRange {
        self.range
    }

    /// The node in the tree below `root`, which has to be equal to the tree that the pointer was made from.
    pub fn find<'t>(self, root: Node<'t>) -> Option<Node<'t>> {
        let mut node = root;
        while node.text_range() != self.range || node.kind() != self.kind {
            node = node
                .children()
                .find(|child| child.text_range().contains_range(self.range))?;
        }
        Some(node)
    }
}

/// The children of a node with their places.
#[derive(Clone, Debug)]
pub struct Elements<'t> {
    children: Children<'t>,
    at: TextSize,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        let start = self.at;
        Some(match self.children.next()? {
            NodeOrToken::Node(green) => {
                self.at += green.text_len();
                Element::Node(Node { green, start })
            }
            NodeOrToken::Token(green) => {
                self.at += green.text_len();
                Element::Token(Token { green, start })
            }
        })
    }
}
