//! From events to a green tree: puts white space back in, shares tokens, and keeps the tree shallow enough to drop.

use super::Output;
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::lexer::{Lexed, error_at};
use crate::syntax::{GreenNode, SyntaxError};
use rowan::{GreenToken, NodeOrToken};
use rustc_hash::FxHasher;
use std::hash::Hasher;

type Element = NodeOrToken<GreenNode, GreenToken>;

/// Rowan drops and walks trees recursively, so that no tree may be higher than a thread's stack allows.
const HEIGHT_LIMIT: u32 = 2000;

/// Shares equal tokens within a file: most names and nearly all white space occur again and again.
struct TokenCache {
    slots: Vec<Option<GreenToken>>,
}

const CACHE_SIZE: usize = 1 << 12;
/// Where the slots of white space begin, by length.
const FIRST_SPACE: usize = ERROR as usize;
/// Where the slots begin that are chosen by hash.
const FIRST_HASHED: usize = FIRST_SPACE + 25;

impl TokenCache {
    fn get(&mut self, kind: SyntaxKind, text: &str) -> GreenToken {
        if text.len() > 24 {
            return GreenToken::new(kind.into(), text);
        }
        // Kinds with one text have a slot of their own, white space mostly differs by its length: neither is hashed.
        let slot = match kind {
            WHITESPACE => FIRST_SPACE + text.len(),
            _ if (L_PAREN as u16..ERROR as u16).contains(&(kind as u16)) => kind as usize,
            _ => {
                let mut hasher = FxHasher::default();
                hasher.write(text.as_bytes());
                FIRST_HASHED + (hasher.finish() >> 20) as usize % (CACHE_SIZE - FIRST_HASHED)
            }
        };
        match &self.slots[slot] {
            Some(token) if token.kind() == kind.into() && token.text() == text => token.clone(),
            _ => {
                let token = GreenToken::new(kind.into(), text);
                self.slots[slot] = Some(token.clone());
                token
            }
        }
    }
}

/// Builds the tree.
pub(crate) fn build(text: &str, lexed: &Lexed, output: Output) -> (GreenNode, Vec<SyntaxError>) {
    let Output {
        events,
        errors,
        skipped,
    } = output;
    let mut all: Vec<SyntaxError> = lexed
        .errors
        .iter()
        .filter(|error| {
            let at = u32::from(error.range.start());
            !skipped.iter().any(|&(start, end)| start <= at && at < end)
        })
        .cloned()
        .collect();
    // What the parser says at the place of a lexical error is a consequence of it.
    let lexical: rustc_hash::FxHashSet<_> = all.iter().map(|error| error.range.start()).collect();
    all.extend(
        errors
            .into_iter()
            .filter(|error| !lexical.contains(&error.range.start())),
    );

    let mut cache = TokenCache {
        slots: vec![None; CACHE_SIZE],
    };
    let mut stack: Vec<Element> = Vec::with_capacity(256);
    let mut heights: Vec<u32> = Vec::with_capacity(256);
    let mut pos = 0usize;
    let mut trivia = lexed.trivia.iter().peekable();
    let mut token_index = 0usize;
    let mut reported = false;
    let last = events.len().saturating_sub(1);
    for (index, event) in events.iter().enumerate() {
        if !event.is_node {
            // Trivia that ends at or before the token's start comes first.
            while token_index < lexed.tokens.len()
                && (lexed.tokens[token_index].end as usize) <= pos
            {
                token_index += 1;
            }
            let start = lexed
                .tokens
                .get(token_index)
                .map_or(pos, |token| (token.start as usize).max(pos));
            while pos < start {
                let Some(piece) = trivia.next() else { break };
                let end = piece.end as usize;
                stack.push(NodeOrToken::Token(cache.get(piece.kind, &text[pos..end])));
                heights.push(0);
                pos = end;
            }
            let end = event.data as usize;
            stack.push(NodeOrToken::Token(cache.get(event.kind, &text[pos..end])));
            heights.push(0);
            pos = end;
            continue;
        }
        let first = if index == last {
            // The root takes the rest of the file.
            for piece in trivia.by_ref() {
                let end = piece.end as usize;
                stack.push(NodeOrToken::Token(cache.get(piece.kind, &text[pos..end])));
                heights.push(0);
                pos = end;
            }
            0
        } else {
            event.data as usize
        };
        let height = heights[first..].iter().copied().max().unwrap_or(0) + 1;
        let node = GreenNode::new(event.kind.into(), stack.drain(first..));
        heights.truncate(first);
        if height > HEIGHT_LIMIT {
            if !reported {
                reported = true;
                let end = pos;
                all.push(error_at("nesting-too-deep", end, end, "nesting too deep"));
            }
            stack.push(NodeOrToken::Node(flatten(&node)));
            heights.push(1);
        } else {
            stack.push(NodeOrToken::Node(node));
            heights.push(height);
        }
    }
    let root = match stack.pop() {
        Some(NodeOrToken::Node(node)) => node,
        _ => GreenNode::new(SOURCE_FILE.into(), std::iter::empty()),
    };
    (root, all)
}

/// An `ERROR` node that holds the tokens of `node` and no structure.
fn flatten(node: &GreenNode) -> GreenNode {
    let mut tokens: Vec<Element> = Vec::new();
    let mut pending = vec![node.children()];
    while let Some(children) = pending.last_mut() {
        match children.next() {
            Some(NodeOrToken::Node(child)) => pending.push(child.children()),
            Some(NodeOrToken::Token(token)) => tokens.push(NodeOrToken::Token(token.to_owned())),
            None => {
                pending.pop();
            }
        }
    }
    GreenNode::new(ERROR.into(), tokens)
}
