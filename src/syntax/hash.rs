//! A digest of a node that ignores white space and comments.

use crate::base::StableHasher;
use crate::syntax::kind::SyntaxKind::{self, *};
use rowan::{GreenNodeData, NodeOrToken};

/// Marks the end of a node; no kind has this number.
const END: u64 = u16::MAX as u64;

/// Hashes the kinds and token texts under `green`, leaving out white space and comments.
///
/// Two nodes have equal hashes exactly when they mean the same to every later stage that does not ask for positions.
/// The digest is the same in every process and on every machine. It is fed whole words, one for most tokens, because
/// every body of a program is hashed whenever its file is parsed.
pub fn trivia_insensitive_hash(green: &GreenNodeData) -> u128 {
    let mut hasher = StableHasher::new();
    hasher.write_u64(u64::from(green.kind().0));
    let mut pending = Vec::with_capacity(32);
    pending.push(green.children());
    while let Some(children) = pending.last_mut() {
        match children.next() {
            Some(NodeOrToken::Node(child)) => {
                hasher.write_u64(u64::from(child.kind().0));
                pending.push(child.children());
            }
            Some(NodeOrToken::Token(token)) => {
                let kind = SyntaxKind::from_raw(token.kind().0);
                if !kind.is_trivia() {
                    hash_token(&mut hasher, kind, token.text());
                }
            }
            None => {
                hasher.write_u64(END);
                pending.pop();
            }
        }
    }
    hasher.finish().0
}

/// The kind, the length and up to four bytes of text go into one word, longer texts into words behind it.
fn hash_token(hasher: &mut StableHasher, kind: SyntaxKind, text: &str) {
    // The kind of punctuation and keywords says their text.
    let text = match kind as u16 {
        fixed if (L_PAREN as u16..ERROR as u16).contains(&fixed) => "",
        _ => text,
    };
    let mut head = u64::from(kind as u16) | (text.len() as u64 & 0xffff) << 16;
    let bytes = text.as_bytes();
    if bytes.len() <= 4 {
        for (i, &byte) in bytes.iter().enumerate() {
            head |= u64::from(byte) << (32 + 8 * i);
        }
        hasher.write_u64(head);
        return;
    }
    head |= (text.len() as u64 >> 16) << 32;
    hasher.write_u64(head);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hasher.write_u64(u64::from_le_bytes(word));
    }
}
