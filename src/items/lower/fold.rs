//! Folding of flat operator sequences by precedence.
//!
//! An operator-precedence parse with an explicit stack, so that a chain of any length needs no recursion. `try` and `await` before an operand
//! cover everything to its right; an assigning operator is taken into the optional chain on its left.

use super::body::BodyCx;
use super::syntax::{has_token, token, tokens};
use crate::base::{Name, TextRange};
use crate::items::hir::*;
use crate::items::precedence::{Binding, OperatorInfo};
use crate::items::tree::TypeRefId;
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

/// An operator between two operands.
#[derive(Clone)]
struct Op {
    what: OpKind,
    info: OperatorInfo,
    range: TextRange,
}

#[derive(Clone)]
enum OpKind {
    Binary(Name),
    Assign,
    /// With the expression between `?` and `:`.
    Ternary(ExprId),
}

impl BodyCx<'_> {
    /// Lowers a `SEQUENCE_EXPR`.
    pub(super) fn sequence(&mut self, node: &Node<'_>) -> ExprId {
        let parts: Vec<Node<'_>> = node.children().collect();
        if parts.iter().any(|p| p.kind() == ARROW_OPERATOR) {
            let range = node.text_range();
            return match self.types.expr_as_type(node) {
                Some(ty) => self.expr(Expr::Type(ty), range),
                None => {
                    let missing = self.expr(Expr::Missing, range);
                    self.error("type-expected", missing, "expected type beside '->'");
                    missing
                }
            };
        }
        self.fold(&parts)
    }

    fn fold(&mut self, parts: &[Node<'_>]) -> ExprId {
        // Operands and operators need not alternate: casts are operators without a right operand.
        let mut stack: Vec<(ExprId, Op)> = Vec::new();
        let Some(first) = parts.first() else {
            return self.expr(Expr::Missing, TextRange::default());
        };
        if let Some(whole) = self.effect(first, &parts[1..]) {
            return whole;
        }
        // Operands of operators are arguments; what an assignment or a cast stands beside is not.
        let is_call = |part: Option<&Node<'_>>| part.is_some_and(|p| p.kind() == BINARY_OPERATOR);
        let mut operand = match is_call(parts.get(1)) {
            true => self.lower_argument(first),
            false => self.lower_expr(first),
        };
        let mut at = 1;
        while let Some(part) = parts.get(at) {
            at += 1;
            if matches!(part.kind(), IS_OPERATOR | AS_OPERATOR) {
                let info = self.operators.info(Some(Name::new("CastingPrecedence")));
                operand = self.reduce(&mut stack, operand, info, None);
                operand = self.cast(operand, part);
                continue;
            }
            let Some(op) = self.operator(part) else {
                continue;
            };
            operand = self.reduce(&mut stack, operand, op.info, Some(op.range));
            stack.push((operand, op));
            let Some(next) = parts.get(at) else {
                operand = self.expr(Expr::Missing, part.text_range());
                break;
            };
            at += 1;
            // `x = try a + b`: the rest belongs to the `try`.
            if let Some(rest) = self.effect(next, &parts[at..]) {
                operand = rest;
                break;
            }
            operand = match is_call(Some(part)) || is_call(parts.get(at)) {
                true => self.lower_argument(next),
                false => self.lower_expr(next),
            };
        }
        while let Some((lhs, op)) = stack.pop() {
            operand = self.combine(lhs, op, operand);
        }
        operand
    }

    /// Where the operand begins with `try`, `await` or `unsafe` and more follows: the effect over all of it.
    fn effect(&mut self, operand: &Node<'_>, rest: &[Node<'_>]) -> Option<ExprId> {
        if rest.is_empty() || !matches!(operand.kind(), TRY_EXPR | AWAIT_EXPR | UNSAFE_EXPR) {
            return None;
        }
        let inner = super::exprs::first_expr(operand)?;
        let mut parts = vec![inner];
        parts.extend_from_slice(rest);
        let folded = self.fold(&parts);
        let range = TextRange::new(
            operand.text_range().start(),
            rest[rest.len() - 1].text_range().end(),
        );
        Some(self.wrap_effect(operand, folded, range))
    }

    /// Puts `try`, `await` or `unsafe` around an expression.
    pub(super) fn wrap_effect(
        &mut self,
        node: &Node<'_>,
        inner: ExprId,
        range: TextRange,
    ) -> ExprId {
        match node.kind() {
            TRY_EXPR => {
                let kind = if has_token(node, POSTFIX_QUESTION) {
                    TryKind::Optional
                } else if has_token(node, POSTFIX_BANG) {
                    TryKind::Forced
                } else {
                    TryKind::Try
                };
                self.expr(Expr::Try { kind, expr: inner }, range)
            }
            AWAIT_EXPR => self.expr(Expr::Await(inner), range),
            _ => inner,
        }
    }

    fn operator(&mut self, node: &Node<'_>) -> Option<Op> {
        let range = node.text_range();
        let (what, info) = match node.kind() {
            BINARY_OPERATOR => {
                let name = Name::new(tokens(node).next()?.text());
                let info = self.operators.infix(name).unwrap_or_else(|| {
                    let at = self.map.exprs.len();
                    let marker = self.expr_at(Expr::Operator(name), range, range);
                    debug_assert_eq!(at, marker.index());
                    let fixities = [
                        (self.operators.prefix.contains_key(&name), "prefix"),
                        (self.operators.postfix.contains_key(&name), "postfix"),
                    ];
                    let message = match fixities.iter().find(|f| f.0) {
                        Some((_, fixity)) => {
                            format!("'{name}' is not an infix operator, but a {fixity} one")
                        }
                        None => format!("cannot find operator '{name}' in scope"),
                    };
                    self.error("unknown-operator", marker, message);
                    self.operators.info(None)
                });
                (OpKind::Binary(name), info)
            }
            ASSIGN_OPERATOR => {
                let group = Some(Name::new("AssignmentPrecedence"));
                (OpKind::Assign, self.operators.info(group))
            }
            TERNARY_OPERATOR => {
                let then = self.expr_child(node);
                let group = Some(Name::new("TernaryPrecedence"));
                (OpKind::Ternary(then), self.operators.info(group))
            }
            _ => return None,
        };
        Some(Op { what, info, range })
    }

    /// Combines what binds more tightly than the operator that comes.
    fn reduce(
        &mut self,
        stack: &mut Vec<(ExprId, Op)>,
        mut operand: ExprId,
        next: OperatorInfo,
        next_range: Option<TextRange>,
    ) -> ExprId {
        while let Some((_, top)) = stack.last() {
            match self.operators.compare(top.info, next) {
                Binding::Right => break,
                Binding::Left => {}
                Binding::Ambiguous => self.ambiguous(&top.info.clone(), next, next_range),
            }
            if let Some((lhs, op)) = stack.pop() {
                operand = self.combine(lhs, op, operand);
            }
        }
        operand
    }

    fn ambiguous(&mut self, left: &OperatorInfo, right: OperatorInfo, at: Option<TextRange>) {
        let Some(range) = at else { return };
        let name = |g: Option<Name>| g.map_or("DefaultPrecedence", |g| g.as_str());
        let (l, r) = (name(left.group), name(right.group));
        let message = if l == r {
            format!("adjacent operators are in non-associative precedence group '{l}'")
        } else {
            format!("adjacent operators are in unordered precedence groups '{l}' and '{r}'")
        };
        let marker = self.expr_at(Expr::Missing, range, range);
        self.error("ambiguous-precedence", marker, message);
    }

    fn combine(&mut self, lhs: ExprId, op: Op, rhs: ExprId) -> ExprId {
        let range = self.range(lhs).cover(self.range(rhs));
        // `a?.b = c`: the assignment happens inside the chain.
        if op.info.assignment
            && let Expr::Chain(inner) = self.body.exprs[lhs]
        {
            let assigned = self.combine(inner, op, rhs);
            return self.expr(Expr::Chain(assigned), range);
        }
        let expr = match op.what {
            OpKind::Binary(name) => Expr::Binary { op: name, lhs, rhs },
            OpKind::Assign => Expr::Assign { lhs, rhs },
            OpKind::Ternary(then) => Expr::Ternary {
                cond: lhs,
                then,
                els: rhs,
            },
        };
        self.expr_at(expr, range, op.range)
    }

    fn cast(&mut self, operand: ExprId, node: &Node<'_>) -> ExprId {
        let ty: TypeRefId = self.types.child(node);
        let kind = if node.kind() == IS_OPERATOR {
            CastKind::Is
        } else if has_token(node, POSTFIX_QUESTION) {
            CastKind::Conditional
        } else if has_token(node, POSTFIX_BANG) {
            CastKind::Forced
        } else {
            CastKind::Coerce
        };
        let range = self.range(operand).cover(node.text_range());
        let keyword = token(node, if kind == CastKind::Is { IS_KW } else { AS_KW });
        let point = keyword.map_or(range, |t| t.text_range());
        self.expr_at(
            Expr::Cast {
                kind,
                expr: operand,
                ty,
            },
            range,
            point,
        )
    }

    pub(super) fn range(&self, expr: ExprId) -> TextRange {
        self.map.exprs[expr.index()].0
    }
}
