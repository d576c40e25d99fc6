//! A digest of a node that ignores white space and comments.

use crate::syntax::kind::SyntaxKind;
use rowan::{GreenNodeData, NodeOrToken};

/// How much is gathered before it is digested.
const BUFFER: usize = 1 << 14;

/// Hashes the kinds and token texts under `green`, leaving out white space and comments.
///
/// Two nodes have equal hashes exactly when they mean the same to every later stage that does not ask for positions.
/// The digest is the same in every process and on every machine.
pub fn trivia_insensitive_hash(green: &GreenNodeData) -> u128 {
    let mut hasher = blake3::Hasher::new();
    let mut buffer: Vec<u8> = Vec::with_capacity(BUFFER + 256);
    buffer.extend_from_slice(&green.kind().0.to_le_bytes());
    let mut pending = vec![green.children()];
    while let Some(children) = pending.last_mut() {
        match children.next() {
            Some(NodeOrToken::Node(child)) => {
                buffer.push(b'(');
                buffer.extend_from_slice(&child.kind().0.to_le_bytes());
                pending.push(child.children());
            }
            Some(NodeOrToken::Token(token)) => {
                if SyntaxKind::from_raw(token.kind().0).is_trivia() {
                    continue;
                }
                let text = token.text().as_bytes();
                buffer.push(b't');
                buffer.extend_from_slice(&token.kind().0.to_le_bytes());
                buffer.extend_from_slice(&(text.len() as u32).to_le_bytes());
                buffer.extend_from_slice(text);
            }
            None => {
                buffer.push(b')');
                pending.pop();
            }
        }
        if buffer.len() >= BUFFER {
            hasher.update(&buffer);
            buffer.clear();
        }
    }
    hasher.update(&buffer);
    let digest = hasher.finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}
