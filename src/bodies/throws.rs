//! What throws: by the syntax of a body alone, because closures are given their error type before they are checked, and as calls are built.

use crate::bodies::check::{Checker, FnKind};
use crate::bodies::thir::TExprId;
use crate::items::hir::{Block, ElseBranch, Expr, ExprId, Stmt, TryKind};
use crate::types::lang::{LangItem, is_lang};
use crate::types::ty::Ty;

/// The innermost `do` statement with clauses around a statement, inside of its function or closure.
#[derive(Default)]
pub struct Catching {
    /// Whether there is one.
    pub active: bool,
    /// The error type that is written for it.
    pub error: Option<Ty>,
    /// What is thrown inside, to be converted when its error type is known.
    pub sites: Vec<TExprId>,
    /// What throws first.
    pub first: Option<ExprId>,
}

impl<'db> Checker<'db> {
    pub fn block_throws(&self, block: &Block) -> bool {
        block
            .stmts
            .iter()
            .any(|&s| self.stmt_throws(&self.body.stmts[s]))
    }

    fn stmt_throws(&self, stmt: &Stmt) -> bool {
        use crate::items::hir::Condition;
        let conds = |cs: &[Condition]| {
            cs.iter().any(|c| match c {
                Condition::Expr(e)
                | Condition::OptionalBinding { init: e, .. }
                | Condition::Case { init: e, .. } => self.expr_throws(*e),
                Condition::Available(_) => false,
            })
        };
        match stmt {
            Stmt::Throw(_) => true,
            Stmt::Expr(e) | Stmt::Then(e) => self.expr_throws(*e),
            Stmt::Let { bindings, .. } => bindings
                .iter()
                .any(|b| b.init.is_some_and(|e| self.expr_throws(e))),
            Stmt::Guard { conditions, els } => conds(conditions) || self.block_throws(els),
            Stmt::While {
                conditions, body, ..
            } => conds(conditions) || self.block_throws(body),
            Stmt::RepeatWhile { body, cond, .. } => {
                self.expr_throws(*cond) || self.block_throws(body)
            }
            Stmt::For(f) => {
                f.try_kind == Some(TryKind::Try)
                    || self.expr_throws(f.sequence)
                    || f.filter.is_some_and(|e| self.expr_throws(e))
                    || self.block_throws(&f.body)
            }
            Stmt::Return(Some(e)) => self.expr_throws(*e),
            Stmt::Defer(block) => self.block_throws(block),
            Stmt::Yield(es) => es.iter().any(|&e| self.expr_throws(e)),
            _ => false,
        }
    }

    pub fn expr_throws(&self, expr: ExprId) -> bool {
        match &self.body.exprs[expr] {
            Expr::Try {
                kind: TryKind::Try, ..
            } => true,
            Expr::Try { .. } | Expr::Closure(_) => false,
            Expr::Do(d) => {
                let all = d.catches.iter().any(|c| {
                    c.items.is_empty()
                        || c.items.iter().any(|i| {
                            i.guard.is_none()
                                && matches!(
                                    self.body.pats[i.pat],
                                    crate::items::hir::Pat::Bind(_) | crate::items::hir::Pat::Wild
                                )
                        })
                });
                (!all && self.block_throws(&d.body))
                    || d.catches.iter().any(|c| self.block_throws(&c.body))
            }
            Expr::If(i) => {
                let mut found = i.conditions.iter().any(|c| match c {
                    crate::items::hir::Condition::Expr(e)
                    | crate::items::hir::Condition::OptionalBinding { init: e, .. }
                    | crate::items::hir::Condition::Case { init: e, .. } => self.expr_throws(*e),
                    crate::items::hir::Condition::Available(_) => false,
                });
                found |= self.block_throws(&i.then);
                found
                    | match &i.els {
                        Some(ElseBranch::Block(b)) => self.block_throws(b),
                        Some(ElseBranch::If(e)) => self.expr_throws(*e),
                        None => false,
                    }
            }
            Expr::Switch(s) => {
                self.expr_throws(s.subject)
                    || s.cases.iter().any(|c| {
                        self.block_throws(&c.body)
                            || c.items
                                .iter()
                                .any(|i| i.guard.is_some_and(|g| self.expr_throws(g)))
                    })
            }
            other => {
                let mut found = false;
                super::walk::children(other, &mut |e| found = found || self.expr_throws(e));
                found
            }
        }
    }

    /// Something throws here: there must be a `try`, and somebody who takes the error.
    pub fn note_throw(&mut self, error: Ty, expr: ExprId, what: &str) {
        if is_lang(self.db, error, LangItem::Never) {
            return;
        }
        self.effects.thrown.push(error);
        self.effects.used = true;
        self.catching.first.get_or_insert(expr);
        if !self.effects.covered {
            self.error_at(
                "missing-try",
                expr,
                format!("{what} can throw but is not marked with 'try'"),
            );
            return;
        }
        if self.effects.caught {
            return;
        }
        let Some(ctx) = self.fns.last() else { return };
        match ctx.throws {
            Some(_) => {}
            None if ctx.kind == FnKind::TopLevel => {}
            None => {
                let message = if ctx.kind == FnKind::Value {
                    "call can throw, but errors cannot be thrown out of a property initializer or default argument"
                } else {
                    "errors thrown from here are not handled"
                };
                self.error_at("unhandled-error", expr, message);
            }
        }
    }
}
