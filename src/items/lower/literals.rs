//! Literals: numbers to values, strings to their text and interpolations.

use super::body::BodyCx;
use super::syntax::token;
use crate::base::Name;
use crate::items::hir::*;
use crate::syntax::SyntaxKind::*;
use crate::syntax::SyntaxNode;
use crate::syntax::ast::{self, AstNode, IntegerValue, StringPiece};

impl BodyCx<'_> {
    /// Lowers a literal node.
    pub(super) fn literal(&mut self, node: &SyntaxNode) -> ExprId {
        let range = node.text_range();
        let expr = match node.kind() {
            INTEGER_LITERAL => {
                let text = node.text().to_string();
                match ast::integer_value(&text) {
                    IntegerValue::Value(value) if value <= i128::MAX as u128 => {
                        Expr::Int(value as i128)
                    }
                    IntegerValue::Malformed => Expr::Missing,
                    _ => Expr::BigInt(Name::new(&text)),
                }
            }
            FLOAT_LITERAL => {
                let text = node.text().to_string();
                let value = ast::float_value(&text).unwrap_or(0.0);
                Expr::Float(value.to_bits(), Name::new(&text))
            }
            BOOL_LITERAL => Expr::Bool(token(node, TRUE_KW).is_some()),
            NIL_LITERAL => Expr::Nil,
            REGEX_LITERAL => Expr::Regex(Name::new(&node.text().to_string())),
            _ => return self.string_literal(node),
        };
        self.expr(expr, range)
    }

    fn string_literal(&mut self, node: &SyntaxNode) -> ExprId {
        let range = node.text_range();
        let pieces = match ast::StringLiteral::cast(node.clone()) {
            Some(literal) => literal.segments().0,
            None => Vec::new(),
        };
        let mut segments = Vec::new();
        let mut text = String::new();
        for piece in pieces {
            match piece {
                StringPiece::Text(piece) => text.push_str(&piece),
                StringPiece::Interpolation(interpolation) => {
                    if !text.is_empty() {
                        let literal = Name::new(&std::mem::take(&mut text));
                        segments.push(InterpolationSegment::Literal(literal));
                    }
                    let args = self.arguments(interpolation.syntax());
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
