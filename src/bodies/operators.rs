//! Applications of operators: their candidates, and what is known of trees of literals.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::bodies::solver::table::Literal;
use crate::bodies::solver::table::LiteralSet;
use crate::bodies::solver::{Apply, ApplyKind, ArgInfo, Choice, Constraint, Target};
use crate::items::hir::{Expr, ExprId};
use crate::items::tree::Fixity;
use crate::resolve;
use crate::types::ty::{Ty, TyKind};

impl<'db> Checker<'db> {
    /// The functions of an operator, for an application of this fixity or as a value.
    pub fn operator_choices(&mut self, op: Name, fixity: Option<Fixity>) -> Vec<Choice> {
        let db = self.db;
        let mut out: Vec<Choice> = Vec::new();
        for entity in self.lookup_local(op) {
            if let super::check::Entity::Fn(index) = entity {
                out.push(Choice::plain(Target::LocalFn(index)));
            }
        }
        for &def in resolve::operator_candidates(db, self.def, op) {
            let Some(is) = decl::declared_fixity(db, def) else {
                continue;
            };
            if fixity.is_some_and(|f| f != is) || !resolve::is_accessible(db, def, self.def) {
                continue;
            }
            let rank = match decl::protocol_of_member(db, def) {
                Some(_) if decl::in_extension(db, def) => 120,
                Some(_) => 110,
                None => 0,
            };
            out.push(Choice {
                rank,
                ..Choice::plain(Target::Decl(def))
            });
        }
        out
    }

    pub fn generate_operator(
        &mut self,
        expr: ExprId,
        op: Name,
        operands: &[ExprId],
        fixity: Fixity,
    ) -> Ty {
        let choices = self.operator_choices(op, Some(fixity));
        let saved = self.soft_hint;
        let arithmetic = is_arithmetic(op.as_str());
        if !arithmetic {
            self.soft_hint = None;
        } else if self.soft_hint.is_none() {
            self.soft_hint = self.literal_tree(expr);
        }
        let hint = self.soft_hint;
        let args: Vec<ArgInfo> = operands
            .iter()
            .map(|&operand| ArgInfo {
                label: None,
                expr: operand,
                ty: self.generate(operand),
            })
            .collect();
        self.soft_hint = saved;
        if choices.is_empty() {
            let kind = match fixity {
                Fixity::Prefix => "prefix",
                Fixity::Postfix => "postfix",
                Fixity::Infix => "binary",
            };
            self.error(
                "unknown-operator",
                crate::items::Anchor::ExprPoint(self.def, expr),
                format!("'{op}' is not a {kind} operator"),
            );
            for arg in &args {
                if let Some(var) = self.table.as_var(arg.ty) {
                    self.table.bind(var, Ty::error());
                }
            }
            return Ty::error();
        }
        let result = self.table.fresh();
        if let (Some(set), TyKind::Infer(var)) = (hint, result.kind()) {
            self.table.set_soft(*var, set);
        }
        let callee = self.table.fresh();
        self.add(Constraint::Apply(Rc::new(Apply {
            call: expr,
            key: expr,
            callee,
            args,
            trailing: 0,
            result,
            kind: ApplyKind::Operator,
        })));
        self.add(Constraint::Overload {
            key: expr,
            ty: callee,
            choices: choices.into(),
        });
        result
    }

    /// The literal kinds of an arithmetic tree that has nothing but literals at its leaves.
    fn literal_tree(&self, expr: ExprId) -> Option<LiteralSet> {
        match &self.body.exprs[expr] {
            Expr::Paren(e) => self.literal_tree(*e),
            Expr::Int(_) => Some(LiteralSet::of(Literal::Int)),
            Expr::Float(..) => Some(LiteralSet::of(Literal::Float)),
            Expr::String(_) | Expr::Interpolation(_) => Some(LiteralSet::of(Literal::String)),
            Expr::Prefix { op, operand } if is_arithmetic(op.as_str()) => {
                self.literal_tree(*operand)
            }
            Expr::Binary { op, lhs, rhs } if is_arithmetic(op.as_str()) => {
                let (mut stack, mut set) = (vec![*lhs, *rhs], LiteralSet::default());
                // Long chains lean to the left; walk without recursion.
                while let Some(e) = stack.pop() {
                    match &self.body.exprs[e] {
                        Expr::Binary { op, lhs, rhs } if is_arithmetic(op.as_str()) => {
                            stack.push(*lhs);
                            stack.push(*rhs);
                        }
                        _ => set = set.union(self.literal_tree(e)?),
                    }
                }
                Some(set)
            }
            _ => None,
        }
    }
}

/// Operators whose operands and result are of one type, mostly.
pub fn is_arithmetic(op: &str) -> bool {
    matches!(
        op,
        "+" | "-" | "*" | "/" | "%" | "&+" | "&-" | "&*" | "&" | "|" | "^" | "~"
    )
}
