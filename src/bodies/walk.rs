//! The direct subexpressions of an expression.

use crate::items::hir::{Expr, ExprId, InterpolationSegment, KeyPathComponent};

/// Visits them in source order. Statements inside closures and branching expressions are not visited.
pub fn children(expr: &Expr, f: &mut dyn FnMut(ExprId)) {
    match expr {
        Expr::Interpolation(segments) => {
            for segment in segments {
                if let InterpolationSegment::Expr(args) = segment {
                    args.iter().for_each(|a| f(a.expr));
                }
            }
        }
        Expr::Member { base, .. } => base.iter().for_each(|e| f(*e)),
        Expr::Call { callee, args, .. } => {
            f(*callee);
            args.iter().for_each(|a| f(a.expr));
        }
        Expr::Subscript { base, args } => {
            f(*base);
            args.iter().for_each(|a| f(a.expr));
        }
        Expr::Prefix { operand: e, .. }
        | Expr::Postfix { operand: e, .. }
        | Expr::DotThis(e)
        | Expr::Paren(e)
        | Expr::Inout(e)
        | Expr::ForceUnwrap(e)
        | Expr::ChainLink(e)
        | Expr::Chain(e)
        | Expr::Try { expr: e, .. }
        | Expr::Await(e)
        | Expr::Consume(e)
        | Expr::Copy(e)
        | Expr::PackExpansion(e)
        | Expr::PackElement(e)
        | Expr::Cast { expr: e, .. } => f(*e),
        Expr::Binary { lhs, rhs, .. } | Expr::Assign { lhs, rhs } => {
            f(*lhs);
            f(*rhs);
        }
        Expr::Ternary { cond, then, els } => {
            f(*cond);
            f(*then);
            f(*els);
        }
        Expr::Tuple(args) | Expr::Macro { args, .. } => args.iter().for_each(|a| f(a.expr)),
        Expr::Array(elems) => elems.iter().for_each(|e| f(*e)),
        Expr::Dictionary(pairs) => {
            for (k, v) in pairs {
                f(*k);
                f(*v);
            }
        }
        Expr::KeyPath { components, .. } => {
            for component in components {
                if let KeyPathComponent::Subscript(args) = component {
                    args.iter().for_each(|a| f(a.expr));
                }
            }
        }
        Expr::Closure(_)
        | Expr::If(_)
        | Expr::Switch(_)
        | Expr::Do(_)
        | Expr::Missing
        | Expr::Int(_)
        | Expr::BigInt(_)
        | Expr::Float(..)
        | Expr::Bool(_)
        | Expr::Nil
        | Expr::String(_)
        | Expr::Regex(_)
        | Expr::Magic(_)
        | Expr::Name { .. }
        | Expr::Operator(_)
        | Expr::This
        | Expr::Super
        | Expr::Type(_)
        | Expr::Discard => {}
    }
}
