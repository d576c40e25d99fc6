//! A digest of a node that ignores white space and comments.

use crate::syntax::kind::SyntaxNode;

/// Hashes the kinds and token texts under `node`, leaving out white space and comments.
///
/// Two nodes have equal hashes exactly when they mean the same to every later stage that does not ask for positions.
/// The digest is the same in every process and on every machine.
pub fn trivia_insensitive_hash(node: &SyntaxNode) -> u128 {
    let mut hasher = blake3::Hasher::new();
    let mut buffer: Vec<u8> = Vec::with_capacity(4096);
    for event in node.preorder_with_tokens() {
        match event {
            rowan::WalkEvent::Enter(rowan::NodeOrToken::Node(node)) => {
                buffer.push(b'(');
                buffer.extend_from_slice(&(node.kind() as u16).to_le_bytes());
            }
            rowan::WalkEvent::Leave(rowan::NodeOrToken::Node(_)) => buffer.push(b')'),
            rowan::WalkEvent::Enter(rowan::NodeOrToken::Token(token))
                if !token.kind().is_trivia() =>
            {
                buffer.push(b't');
                buffer.extend_from_slice(&(token.kind() as u16).to_le_bytes());
                buffer.extend_from_slice(&(token.text().len() as u32).to_le_bytes());
                buffer.extend_from_slice(token.text().as_bytes());
            }
            _ => {}
        }
        if buffer.len() >= 4096 {
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
