//! Literals: numbers to values, strings to their text and interpolations.

use super::body::BodyCx;
use super::syntax::{kids, token};
use crate::base::Name;
use crate::items::hir::*;
use crate::syntax::SyntaxKind::*;
use crate::syntax::SyntaxNode;
use crate::syntax::ast::{self, AstNode, IntegerValue, StringPiece};
use crate::syntax::view::Node;

impl BodyCx<'_> {
    /// Lowers a literal node.
    pub(super) fn literal(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let expr = match node.kind() {
            INTEGER_LITERAL => {
                let text = node.text();
                match ast::integer_value(&text) {
                    IntegerValue::Value(value) if value <= i128::MAX as u128 => {
                        Expr::Int(value as i128)
                    }
                    IntegerValue::Malformed => Expr::Missing,
                    _ => Expr::BigInt(Name::new(&text)),
                }
            }
            FLOAT_LITERAL => {
                let text = node.text();
                let value = ast::float_value(&text).unwrap_or(0.0);
                Expr::Float(value.to_bits(), Name::new(&text))
            }
            BOOL_LITERAL => Expr::Bool(token(node, TRUE_KW).is_some()),
            NIL_LITERAL => Expr::Nil,
            REGEX_LITERAL => Expr::Regex(Name::new(&node.text())),
            _ => return self.string_literal(node),
        };
        self.expr(expr, range)
    }

    fn string_literal(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        // Decoding wants the typed view, which is rooted at the literal; interpolations are found in the file's tree.
        let literal = ast::StringLiteral::cast(SyntaxNode::new_root(node.to_green()));
        let pieces = literal.map_or(Vec::new(), |literal| literal.segments().0);
        let mut interpolations = kids(node, INTERPOLATION);
        let mut segments = Vec::new();
        let mut text = String::new();
        for piece in pieces {
            match piece {
                StringPiece::Text(piece) => text.push_str(&piece),
                StringPiece::Interpolation(_) => {
                    if !text.is_empty() {
                        let literal = Name::new(&std::mem::take(&mut text));
                        segments.push(InterpolationSegment::Literal(literal));
                    }
                    let args = match interpolations.next() {
                        Some(interpolation) => self.arguments(&interpolation),
                        None => Vec::new(),
                    };
                    segments.push(InterpolationSegment::Expr(args));
                }
            }
        }
        if segments.is_empty() {
            return self.expr(Expr::String(Name::new(&text)), range);
        }
        if !text.is_empty() {
            segments.push(InterpolationSegment::Literal(Name::new(&text)));
        }
        self.expr(Expr::Interpolation(segments), range)
    }
}
