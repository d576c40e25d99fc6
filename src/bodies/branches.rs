//! `if`, `switch` and `do` as expressions: the statements of a branch are checked at once, its value joins the system around.

use super::solver::{Rel, Why};
use crate::bodies::check::Checker;
use crate::bodies::thir::*;
use crate::items::hir::{Block, ElseBranch, Expr, ExprId, Stmt};
use crate::types::lang::{self};
use crate::types::ty::Ty;
use std::rc::Rc;

/// An `if`, `switch` or `do` that is a value.
#[derive(Clone, Debug)]
pub struct Branching {
    pub kind: BranchKind,
    pub label: LabelId,
    pub result: Ty,
}

/// The patterns of a case with their guards, whether it is the default, and its branch.
pub type CaseArm = (Vec<(TPatId, Option<TExprId>)>, bool, Arm);

#[derive(Clone, Debug)]
pub enum BranchKind {
    If {
        conditions: Vec<TCondition>,
        then: Arm,
        els: Option<Arm>,
    },
    Switch {
        subject: TExprId,
        cases: Vec<CaseArm>,
    },
    Do {
        body: Arm,
        error: Option<Ty>,
        error_local: Option<TLocalId>,
        catches: Vec<CaseArm>,
        exhaustive: bool,
    },
}

/// A branch: statements, then a value that belongs to the system around; none when the branch never ends.
#[derive(Clone, Debug)]
pub struct Arm {
    pub stmts: Vec<TStmt>,
    pub value: Option<ExprId>,
}

impl<'db> Checker<'db> {
    /// Whether a branching expression gives a value: every branch ends in one expression or never ends.
    pub fn is_value_branching(&self, expr: ExprId) -> bool {
        let value = |block: &Block| match &*block.stmts {
            [only] => match &self.body.stmts[*only] {
                Stmt::Expr(e) => match &self.body.exprs[*e] {
                    Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => self.is_value_branching(*e),
                    Expr::Assign { .. } => false,
                    _ => true,
                },
                Stmt::Throw(_) | Stmt::Then(_) => true,
                _ => false,
            },
            [.., last] => matches!(self.body.stmts[*last], Stmt::Then(_)),
            [] => false,
        };
        match &self.body.exprs[expr] {
            Expr::If(i) => {
                value(&i.then)
                    && match &i.els {
                        Some(ElseBranch::Block(b)) => value(b),
                        Some(ElseBranch::If(e)) => self.is_value_branching(*e),
                        None => false,
                    }
            }
            Expr::Switch(s) => !s.cases.is_empty() && s.cases.iter().all(|c| value(&c.body)),
            Expr::Do(d) => value(&d.body) && d.catches.iter().all(|c| value(&c.body)),
            _ => false,
        }
    }

    /// The parts of a branching expression that are no values are checked at once; the values join the system.
    pub fn generate_branching(&mut self, expr: ExprId) -> Ty {
        let result = self.table.fresh();
        let label = self.fresh_label();
        let body = self.body;
        let kind = match &body.exprs[expr] {
            Expr::If(i) => {
                let saved = self.push_scope(None);
                let conditions = self.check_conditions(&i.conditions);
                let then = self.generate_arm(&i.then, result);
                self.scope = saved;
                let els = match &i.els {
                    None => None,
                    Some(ElseBranch::Block(b)) => {
                        let saved = self.push_scope(None);
                        let arm = self.generate_arm(b, result);
                        self.scope = saved;
                        Some(arm)
                    }
                    Some(ElseBranch::If(e)) => {
                        let ty = self.generate(*e);
                        self.require(Rel::Convert, ty, result, *e, Why::Branch);
                        Some(Arm {
                            stmts: Vec::new(),
                            value: Some(*e),
                        })
                    }
                };
                if els.is_none() {
                    self.error_at(
                        "if-without-else",
                        expr,
                        "'if' must have an unconditional 'else' to be used as expression",
                    );
                }
                BranchKind::If {
                    conditions,
                    then,
                    els,
                }
            }
            Expr::Switch(s) => {
                let subject = self.check_expr(s.subject, None);
                let ty = self.ty_of(subject);
                let mut cases = Vec::new();
                let mut rows = Vec::new();
                for case in &s.cases {
                    let saved = self.push_scope(None);
                    let items = self.check_case_items(&case.items, ty);
                    rows.push((items.clone(), case.is_default));
                    let arm = self.generate_arm(&case.body, result);
                    self.scope = saved;
                    cases.push((items, case.is_default, arm));
                }
                self.check_exhaustive(expr, ty, &rows);
                BranchKind::Switch { subject, cases }
            }
            Expr::Do(d) => {
                let saved = self.push_scope(None);
                let outer = std::mem::take(&mut self.effects);
                let exhaustive = d.catches.iter().any(|c| c.items.is_empty());
                self.effects.caught = exhaustive;
                let arm = self.generate_arm(&d.body, result);
                self.effects = outer;
                self.scope = saved;
                let error = lang::any_error(self.db);
                let error_local = self.temp("error", error, TLocalKind::Let);
                let mut catches = Vec::new();
                for clause in &d.catches {
                    let saved = self.push_scope(None);
                    let items = self.check_catch_items(clause, error, error_local);
                    let arm = self.generate_arm(&clause.body, result);
                    self.scope = saved;
                    catches.push((items, clause.items.is_empty(), arm));
                }
                BranchKind::Do {
                    body: arm,
                    error: (!d.catches.is_empty()).then_some(error),
                    error_local: Some(error_local),
                    catches,
                    exhaustive,
                }
            }
            _ => return Ty::error(),
        };
        self.facts.branchings.insert(
            expr,
            Rc::new(Branching {
                kind,
                label,
                result,
            }),
        );
        result
    }

    fn generate_arm(&mut self, block: &'db Block, result: Ty) -> Arm {
        let mut stmts = Vec::new();
        let Some((last, rest)) = block.stmts.split_last() else {
            return Arm { stmts, value: None };
        };
        self.declare_functions(block);
        for stmt in rest {
            self.check_stmt(*stmt, &mut stmts);
        }
        let value = match &self.body.stmts[*last] {
            Stmt::Expr(e) | Stmt::Then(e) => Some(*e),
            _ => {
                self.check_stmt(*last, &mut stmts);
                None
            }
        };
        if let Some(e) = value {
            let ty = self.generate(e);
            self.require(Rel::Convert, ty, result, e, Why::Branch);
        }
        Arm { stmts, value }
    }

    /// Builds a branching expression.
    pub fn build_branching(&mut self, expr: ExprId) -> TExprId {
        let Some(branching) = self.facts.branchings.get(&expr).cloned() else {
            return self.error_expr(expr, Ty::error());
        };
        let result = self.table.resolve(branching.result);
        let kind = match &branching.kind {
            BranchKind::If {
                conditions,
                then,
                els,
            } => {
                let then = self.build_arm(then, result);
                let els = els.as_ref().map(|arm| self.build_arm(arm, result));
                TExprKind::If(Box::new(TIf {
                    label: branching.label,
                    conditions: conditions.clone(),
                    then,
                    els,
                }))
            }
            BranchKind::Switch { subject, cases } => {
                let cases = self.build_cases(cases, result);
                TExprKind::Switch(Box::new(TSwitch {
                    label: branching.label,
                    subject: *subject,
                    cases,
                }))
            }
            BranchKind::Do {
                body,
                error,
                error_local,
                catches,
                exhaustive,
            } => {
                let body = self.build_arm(body, result);
                let catches = self.build_cases(catches, result);
                TExprKind::Do(Box::new(TDo {
                    label: branching.label,
                    body,
                    error: *error,
                    error_local: *error_local,
                    catches,
                    exhaustive: *exhaustive,
                }))
            }
        };
        self.node(kind, result, expr)
    }

    fn build_cases(&mut self, cases: &[CaseArm], result: Ty) -> Vec<TCase> {
        cases
            .iter()
            .map(|(items, is_default, arm)| TCase {
                items: items.clone(),
                is_default: *is_default,
                body: self.build_arm(arm, result),
            })
            .collect()
    }

    fn build_arm(&mut self, arm: &Arm, result: Ty) -> TBlock {
        let mut stmts = arm.stmts.clone();
        if let Some(value) = arm.value {
            let built = self.build(value);
            if lang::is_lang(self.db, self.ty_of(built), lang::LangItem::Never)
                && !lang::is_lang(self.db, result, lang::LangItem::Never)
            {
                stmts.push(TStmt::Expr(built));
            } else if result.is_unit() && !self.ty_of(built).is_unit() {
                // A statement: what its last expression gives is dropped.
                stmts.push(TStmt::Expr(built));
                let unit = self.node(TExprKind::Tuple(Vec::new()), result, value);
                stmts.push(TStmt::Then(unit));
            } else {
                let built = self.coerce(built, result);
                stmts.push(TStmt::Then(built));
            }
        }
        TBlock { stmts }
    }
}
