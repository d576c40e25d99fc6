//! Conditions, `if`, `switch` and `do` as statements, and the labels that jumps name.

use crate::base::Name;
use crate::bodies::check::{Checker, LabelCtx};
use crate::bodies::solver::Purpose;
use crate::bodies::thir::*;
use crate::bodies::throws::Catching;
use crate::items::Anchor;
use crate::items::hir::{
    CaseItemPat, CatchClause, Condition, DoExpr, ElseBranch, Expr, ExprId, IfExpr, Pat, PatId,
    StmtId, SwitchExpr,
};
use crate::items::tree::ThrowsRef;
use crate::types::lang::{self, bool_ty, optional_of, optional_payload};
use crate::types::ty::Ty;

impl<'db> Checker<'db> {
    pub fn check_conditions(&mut self, conditions: &'db [Condition]) -> Vec<TCondition> {
        let mut out = Vec::new();
        for condition in conditions {
            out.push(match condition {
                Condition::Available(known) => TCondition::Known(*known),
                Condition::Expr(expr) => TCondition::Bool(
                    self.check_expr(*expr, Some((bool_ty(self.db), Purpose::Condition))),
                ),
                Condition::OptionalBinding { pat, init } => {
                    let annotation = self.pattern_annotation(*pat);
                    let want = annotation.map(|t| (optional_of(self.db, t), Purpose::Initial));
                    let init_expr = *init;
                    let typed = self.check_expr(init_expr, want);
                    let ty = self.ty_of(typed);
                    let payload = match optional_payload(self.db, ty) {
                        Some(payload) => payload,
                        None => {
                            if !ty.is_error() {
                                let shown = self.show(ty);
                                self.error_at(
                                    "not-optional",
                                    init_expr,
                                    format!("initializer for conditional binding must have Optional type, not '{shown}'"),
                                );
                            }
                            Ty::error()
                        }
                    };
                    let inner = self.check_pattern(*pat, payload);
                    let pat = self.some_pattern(inner, ty);
                    TCondition::Pattern { pat, init: typed }
                }
                Condition::Case { pat, init } => {
                    let typed = self.check_expr(*init, None);
                    let ty = self.ty_of(typed);
                    let pat = self.check_pattern(*pat, ty);
                    TCondition::Pattern { pat, init: typed }
                }
            });
        }
        out
    }

    // Branches.

    pub fn push_label(&mut self, name: Option<Name>, is_loop: bool, is_switch: bool) -> LabelId {
        let id = self.fresh_label();
        if let Some(ctx) = self.fns.last_mut() {
            ctx.labels.push(LabelCtx {
                name,
                id,
                is_loop,
                is_switch,
                falls: None,
            });
        }
        id
    }

    pub fn pop_label(&mut self) {
        if let Some(ctx) = self.fns.last_mut() {
            ctx.labels.pop();
        }
    }

    pub fn jump_target(
        &mut self,
        stmt: StmtId,
        label: Option<Name>,
        is_continue: bool,
    ) -> Option<LabelId> {
        let word = if is_continue { "continue" } else { "break" };
        let labels = self
            .fns
            .last()
            .map(|f| f.labels.clone())
            .unwrap_or_default();
        let found = labels.iter().rev().find(|l| match label {
            Some(name) => l.name == Some(name),
            None => l.is_loop || l.is_switch && !is_continue,
        });
        match (found, label) {
            (Some(found), _) if is_continue && !found.is_loop => {
                self.error(
                    "jump",
                    Anchor::Stmt(self.def, stmt),
                    "'continue' cannot be used with non-loop label".to_string(),
                );
                None
            }
            (Some(found), _) => Some(found.id),
            (None, Some(name)) => {
                self.error(
                    "jump",
                    Anchor::Stmt(self.def, stmt),
                    format!("cannot find label '{name}' in scope"),
                );
                None
            }
            (None, None) => {
                let place = if is_continue {
                    "a loop"
                } else {
                    "a loop, if, do, or switch"
                };
                self.error(
                    "jump",
                    Anchor::Stmt(self.def, stmt),
                    format!("'{word}' is only allowed inside {place}"),
                );
                None
            }
        }
    }

    pub fn check_if(&mut self, expr: ExprId, i: &'db IfExpr) -> TExprId {
        let saved = self.push_scope(None);
        let conditions = self.check_conditions(&i.conditions);
        let label = self.push_label(i.label, false, false);
        let then = self.check_block(&i.then);
        self.scope = saved;
        let els = match &i.els {
            None => None,
            Some(ElseBranch::Block(block)) => Some(self.check_block(block)),
            Some(ElseBranch::If(e)) => {
                let body = self.body;
                let inner = match &body.exprs[*e] {
                    Expr::If(inner) => self.check_if(*e, inner),
                    _ => self.check_expr(*e, None),
                };
                Some(TBlock {
                    stmts: vec![TStmt::Expr(inner)],
                })
            }
        };
        self.pop_label();
        self.node(
            TExprKind::If(Box::new(TIf {
                label,
                conditions,
                then,
                els,
            })),
            Ty::unit(),
            expr,
        )
    }

    pub fn check_switch(&mut self, expr: ExprId, s: &'db SwitchExpr) -> TExprId {
        let subject = self.check_expr(s.subject, None);
        let ty = self.ty_of(subject);
        let label = self.push_label(s.label, false, true);
        let mut cases = Vec::new();
        let mut rows = Vec::new();
        for (n, case) in s.cases.iter().enumerate() {
            let saved = self.push_scope(None);
            let items = self.check_case_items(&case.items, ty);
            rows.push((items.clone(), case.is_default));
            if let Some(l) = self.fns.last_mut().and_then(|f| f.labels.last_mut()) {
                l.falls = Some(n + 1 < s.cases.len());
            }
            let body = self.check_block_in_place(&case.body);
            self.scope = saved;
            cases.push(TCase {
                items,
                is_default: case.is_default,
                body,
            });
        }
        self.pop_label();
        self.check_exhaustive(expr, ty, &rows);
        self.node(
            TExprKind::Switch(Box::new(TSwitch {
                label,
                subject,
                cases,
            })),
            Ty::unit(),
            expr,
        )
    }

    pub fn check_case_items(
        &mut self,
        items: &'db [CaseItemPat],
        ty: Ty,
    ) -> Vec<(TPatId, Option<TExprId>)> {
        let mut out = Vec::new();
        for (n, item) in items.iter().enumerate() {
            self.alternative = n > 0;
            let pat = self.check_pattern(item.pat, ty);
            self.alternative = false;
            let guard = item
                .guard
                .map(|g| self.check_expr(g, Some((bool_ty(self.db), Purpose::Condition))));
            out.push((pat, guard));
        }
        out
    }

    pub fn check_catch_items(
        &mut self,
        clause: &'db CatchClause,
        error: Ty,
        _local: TLocalId,
    ) -> Vec<(TPatId, Option<TExprId>)> {
        if clause.items.is_empty() {
            let Some(local) = clause.implicit_error else {
                return Vec::new();
            };
            self.declare_local(local, error);
            let pat = self.out.pats.alloc(TPat {
                kind: TPatKind::Bind(TLocalId::from_raw(local.raw())),
                ty: error,
                src: None,
            });
            return vec![(pat, None)];
        }
        self.check_case_items(&clause.items, error)
    }

    pub fn check_do(&mut self, expr: ExprId, d: &'db DoExpr) -> TExprId {
        let label = self.push_label(d.label, false, false);
        if d.catches.is_empty() {
            let body = self.check_block(&d.body);
            self.pop_label();
            return self.node(
                TExprKind::Do(Box::new(TDo {
                    label,
                    body,
                    error: None,
                    error_local: None,
                    catches: Vec::new(),
                    exhaustive: false,
                })),
                Ty::unit(),
                expr,
            );
        }
        let takes_all = |checker: &Self, clause: &CatchClause| {
            clause.items.is_empty()
                || clause
                    .items
                    .iter()
                    .any(|i| i.guard.is_none() && checker.plain_pattern(i.pat))
        };
        let exhaustive = d.catches.iter().any(|c| takes_all(self, c));
        let outer_caught = self.effects.caught;
        let outer = std::mem::take(&mut self.effects);
        self.effects.caught = exhaustive || outer_caught;
        // What escapes a clause list that takes some errors only is for whoever is outside; that is checked below.
        let written = match d.throws {
            ThrowsRef::Typed(ty) => Some(self.written_type(ty)),
            _ => None,
        };
        let inside = Catching {
            active: true,
            error: written,
            ..Catching::default()
        };
        let around = std::mem::replace(&mut self.catching, inside);
        let silent = !self.effects.caught;
        if silent {
            self.effects.caught = true;
        }
        let body = self.check_block(&d.body);
        let own = std::mem::replace(&mut self.catching, around);
        let inner = std::mem::replace(&mut self.effects, outer);
        let any = lang::any_error(self.db);
        let error = match written {
            Some(written) => written,
            None => {
                let mut thrown = inner.thrown.iter().copied();
                match thrown.next() {
                    Some(first) if thrown.all(|t| t == first) => first,
                    _ => any,
                }
            }
        };
        for site in own.sites {
            self.coerce_in_place(site, error);
        }
        let error_local = self.temp("error", error, TLocalKind::Let);
        let mut catches = Vec::new();
        let mut rows = Vec::new();
        for clause in &d.catches {
            let saved = self.push_scope(None);
            let items = self.check_catch_items(clause, error, error_local);
            rows.push((items.clone(), false));
            let body = self.check_block_in_place(&clause.body);
            self.scope = saved;
            catches.push(TCase {
                items,
                is_default: false,
                body,
            });
        }
        let exhaustive = exhaustive || self.covers_all(error, &rows);
        if !exhaustive {
            self.effects.thrown.extend(inner.thrown.iter().copied());
            let handled = self.effects.caught || self.fns.last().is_none_or(|f| f.throws.is_some());
            if !handled && !inner.thrown.is_empty() {
                let at = own.first.unwrap_or(expr);
                self.error_at(
                    "unhandled-error",
                    at,
                    "errors thrown from here are not handled because the enclosing catch is not exhaustive",
                );
            }
        }
        self.pop_label();
        self.node(
            TExprKind::Do(Box::new(TDo {
                label,
                body,
                error: Some(error),
                error_local: Some(error_local),
                catches,
                exhaustive,
            })),
            Ty::unit(),
            expr,
        )
    }

    fn plain_pattern(&self, pat: PatId) -> bool {
        match &self.body.pats[pat] {
            Pat::Bind(_) | Pat::Wild => true,
            Pat::Typed(inner, _) => self.plain_pattern(*inner),
            _ => false,
        }
    }

    /// Converts an expression that others refer to already.
    fn coerce_in_place(&mut self, expr: TExprId, to: Ty) {
        if self.ty_of(expr) == to {
            return;
        }
        let original = self.out.exprs[expr].clone();
        let copy = self.out.exprs.alloc(original);
        let converted = self.coerce(copy, to);
        if converted != copy {
            self.out.exprs[expr] = self.out.exprs[converted].clone();
        }
    }
}
