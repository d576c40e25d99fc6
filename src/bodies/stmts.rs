//! Statements.

use crate::base::Name;
use crate::bodies::check::{Checker, Entity, FnCtx, FnKind, LabelCtx};
use crate::bodies::solver::Purpose;
use crate::bodies::thir::*;
use crate::items::hir::{
    Block, CaseItemPat, CatchClause, Condition, DoExpr, ElseBranch, Expr, ExprId, ForStmt, IfExpr,
    LocalBinding, LocalFn, LocalId, LocalKind, Pat, PatId, Stmt, StmtId, SwitchExpr, TryKind,
};
use crate::items::ids::{AccessorKind, DefId};
use crate::items::tree::ThrowsRef;
use crate::items::{self, Anchor};
use crate::types::lang::{self, LangItem, bool_ty, is_lang, lang, optional_of, optional_payload};
use crate::types::signature::{Signature, signature};
use crate::types::ty::{ParamMode, Ty, TyKind, TyList};

impl<'db> Checker<'db> {
    pub fn fresh_label(&mut self) -> LabelId {
        self.next_label += 1;
        self.next_label
    }

    /// Checks a block in a scope of its own.
    pub fn check_block(&mut self, block: &'db Block) -> TBlock {
        let saved = self.push_scope(None);
        let out = self.check_block_in_place(block);
        self.scope = saved;
        out
    }

    pub fn check_block_in_place(&mut self, block: &'db Block) -> TBlock {
        self.declare_functions(block);
        let mut stmts = Vec::new();
        for stmt in &block.stmts {
            self.check_stmt(*stmt, &mut stmts);
        }
        TBlock { stmts }
    }

    /// Local functions are visible in the whole block.
    pub fn declare_functions(&mut self, block: &'db Block) {
        let body = self.body;
        for stmt in &block.stmts {
            if let Stmt::LocalFn(f) = &body.stmts[*stmt] {
                self.declare_function(f);
            }
        }
    }

    fn declare_function(&mut self, f: &'db LocalFn) {
        if self.local_fns.insert(f.index, f).is_none() {
            let ty = signature(self.db, f.def).function_type();
            let local = self.temp(f.name.as_str(), ty, TLocalKind::Let);
            self.local_fn_ids.insert(f.index, local);
        }
        self.declare(f.name, Entity::Fn(f.index));
    }

    pub fn local_fn_local(&self, index: u32) -> Option<TLocalId> {
        self.local_fn_ids.get(&index).copied()
    }

    pub fn check_stmt(&mut self, id: StmtId, out: &mut Vec<TStmt>) {
        let body = self.body;
        match &body.stmts[id] {
            Stmt::Missing => {}
            Stmt::Expr(expr) => {
                let typed = match &body.exprs[*expr] {
                    Expr::If(i) => self.check_if(*expr, i),
                    Expr::Switch(s) => self.check_switch(*expr, s),
                    Expr::Do(d) => self.check_do(*expr, d),
                    _ => self.check_statement_expr(*expr),
                };
                out.push(TStmt::Expr(typed));
            }
            Stmt::Let {
                bindings, is_lazy, ..
            } => {
                for binding in bindings {
                    self.check_binding(binding, *is_lazy, out);
                }
            }
            Stmt::LocalFn(f) => {
                self.check_local_fn(f);
                if let Some(local) = self.local_fn_local(f.index) {
                    out.push(TStmt::LocalFn {
                        local,
                        closure: f.index,
                    });
                }
            }
            Stmt::LocalAccessors {
                local,
                storage,
                ty,
                accessors,
            } => {
                let ty = match (ty, storage) {
                    (Some(ty), _) => self.written_type(*ty),
                    (None, Some(storage)) => self.local_type(*storage),
                    (None, None) => Ty::error(),
                };
                self.declare_local(*local, ty);
                let mut list = Vec::new();
                for (kind, f) in accessors {
                    self.check_local_accessor(*kind, f, ty);
                    list.push((*kind, f.index));
                }
                out.push(TStmt::LocalAccessors {
                    local: TLocalId::from_raw(local.raw()),
                    storage: storage.map(|s| TLocalId::from_raw(s.raw())),
                    accessors: list,
                });
            }
            Stmt::GlobalBinding(binding) => out.push(TStmt::InitGlobal { binding: *binding }),
            Stmt::Item(_) => {}
            Stmt::Guard { conditions, els } => {
                // The bindings are not visible in the `else` block.
                let els = self.check_block(els);
                let conditions = self.check_conditions(conditions);
                out.push(TStmt::Guard { conditions, els });
            }
            Stmt::While {
                label,
                conditions,
                body,
            } => {
                let saved = self.push_scope(None);
                let conditions = self.check_conditions(conditions);
                let id = self.push_label(*label, true, false);
                let body = self.check_block(body);
                self.pop_label();
                self.scope = saved;
                out.push(TStmt::While {
                    label: id,
                    conditions,
                    body,
                });
            }
            Stmt::RepeatWhile { label, body, cond } => {
                let id = self.push_label(*label, true, false);
                let saved = self.push_scope(None);
                let body = self.check_block_in_place(body);
                self.pop_label();
                self.scope = saved;
                let cond = self.check_expr(*cond, Some((bool_ty(self.db), Purpose::Condition)));
                out.push(TStmt::RepeatWhile {
                    label: id,
                    body,
                    cond,
                });
            }
            Stmt::For(f) => self.check_for(f, out),
            Stmt::Return(value) => self.check_return(id, *value, out),
            Stmt::Break(label) => {
                if let Some(id) = self.jump_target(id, *label, false) {
                    out.push(TStmt::Break(id));
                }
            }
            Stmt::Continue(label) => {
                if let Some(id) = self.jump_target(id, *label, true) {
                    out.push(TStmt::Continue(id));
                }
            }
            Stmt::Fallthrough => {
                let falls = self
                    .fns
                    .last()
                    .and_then(|f| f.labels.iter().rev().find(|l| l.is_switch))
                    .and_then(|l| l.falls);
                match falls {
                    Some(true) => {}
                    Some(false) => self.error(
                        "fallthrough",
                        Anchor::Stmt(self.def, id),
                        "'fallthrough' cannot be used here: there is no next case",
                    ),
                    None => self.error(
                        "fallthrough",
                        Anchor::Stmt(self.def, id),
                        "'fallthrough' is only allowed inside a switch",
                    ),
                }
                out.push(TStmt::Fallthrough);
            }
            Stmt::Throw(value) => self.check_throw(*value, out),
            Stmt::Defer(block) => {
                if let Some(ctx) = self.fns.last_mut() {
                    ctx.no_return = Some("defer");
                }
                let labels = self.fns.last().map(|c| c.labels.clone());
                let block = self.check_block(block);
                if let (Some(ctx), Some(labels)) = (self.fns.last_mut(), labels) {
                    ctx.no_return = None;
                    ctx.labels = labels;
                }
                out.push(TStmt::Defer(block));
            }
            Stmt::Yield(values) => {
                for value in values {
                    let want = self.fns.last().map_or(Ty::error(), |f| f.result);
                    let inner = match &body.exprs[*value] {
                        Expr::Inout(inner) => *inner,
                        _ => *value,
                    };
                    let typed = self.check_expr(inner, Some((want, Purpose::Return)));
                    out.push(TStmt::Yield(typed));
                }
            }
            Stmt::DiscardThis => out.push(TStmt::DiscardThis),
            Stmt::Then(value) => {
                let typed = self.check_expr(*value, None);
                out.push(TStmt::Then(typed));
            }
        }
    }

    /// An expression whose value is dropped.
    fn check_statement_expr(&mut self, expr: ExprId) -> TExprId {
        let typed = self.check_expr(expr, None);
        let ty = self.ty_of(typed);
        let dropped = !ty.is_unit()
            && !ty.is_error()
            && !is_lang(self.db, ty, LangItem::Never)
            && !optional_payload(self.db, ty).is_some_and(Ty::is_unit);
        if dropped && !self.out.has_errors {
            self.warn_unused(expr, typed);
        }
        typed
    }

    fn warn_unused(&mut self, expr: ExprId, typed: TExprId) {
        let discardable = match &self.out.exprs[typed].kind {
            TExprKind::Call(call) => {
                if call.delegates || super::decl::has_attr(self.db, call.func, "discardableResult")
                {
                    return;
                }
                false
            }
            TExprKind::Assign { .. }
            | TExprKind::DiscardAssign(_)
            | TExprKind::If(_)
            | TExprKind::Switch(_)
            | TExprKind::Do(_)
            | TExprKind::Error => true,
            TExprKind::Chain { expr: inner, .. }
            | TExprKind::TryForced(inner)
            | TExprKind::TryOptional { expr: inner, .. }
            | TExprKind::Await(inner) => {
                let inner = *inner;
                return self.warn_unused(expr, inner);
            }
            _ => false,
        };
        if discardable {
            return;
        }
        let ty = self.show(self.ty_of(typed));
        let message = match &self.out.exprs[typed].kind {
            TExprKind::Call(call) => {
                let name = call.func.name(self.db);
                format!("result of call to '{name}' is unused")
            }
            _ => format!("expression of type '{ty}' is unused"),
        };
        self.warning("unused-result", Anchor::Expr(self.def, expr), message);
    }

    // Bindings.

    /// The type that a pattern is annotated with.
    fn pattern_annotation(&mut self, pat: PatId) -> Option<Ty> {
        match &self.body.pats[pat] {
            Pat::Typed(inner, ty) => {
                let (inner, ty) = (*inner, *ty);
                if self.is_iuo_ref(ty)
                    && let Pat::Bind(local) = self.body.pats[inner]
                {
                    self.iuo.insert(local);
                }
                Some(self.written_type(ty))
            }
            Pat::Bind(_) | Pat::Wild => None,
            _ => None,
        }
    }

    fn single_local(&self, pat: PatId) -> Option<LocalId> {
        match &self.body.pats[pat] {
            Pat::Bind(local) => Some(*local),
            Pat::Typed(inner, _) => self.single_local(*inner),
            _ => None,
        }
    }

    fn check_binding(&mut self, binding: &LocalBinding, is_lazy: bool, out: &mut Vec<TStmt>) {
        let annotation = self.pattern_annotation(binding.pat);
        let local = self.single_local(binding.pat);
        let weak = local.is_some_and(|l| self.body.locals[l].kind == LocalKind::Weak);
        match binding.init {
            Some(init) => {
                // `_` in the annotation is inferred.
                let want = annotation.filter(|t| !t.has_infer());
                let mut typed = match (want, annotation) {
                    (Some(want), _) => self.check_expr(init, Some((want, Purpose::Initial))),
                    (None, Some(partial)) => {
                        self.nesting += 1;
                        let typed = self.check_expr(init, Some((partial, Purpose::Initial)));
                        self.nesting -= 1;
                        typed
                    }
                    (None, None) => self.check_expr(init, None),
                };
                let mut ty = match want {
                    Some(want) => want,
                    None => self.ty_of(typed),
                };
                if weak && optional_payload(self.db, ty).is_none() && !ty.is_error() {
                    ty = optional_of(self.db, ty);
                    typed = self.coerce(typed, ty);
                }
                if let (Some(local), true) = (local, ty.is_unit() && annotation.is_none()) {
                    let name = self.body.locals[local].name;
                    self.warning(
                        "inferred-void",
                        Anchor::Local(self.def, local),
                        format!(
                            "constant '{name}' inferred to have type '()', which may be unexpected"
                        ),
                    );
                }
                if is_lazy && let Some(local) = local {
                    self.declare_local(local, ty);
                    let id = TLocalId::from_raw(local.raw());
                    self.out.locals[id].kind = TLocalKind::Lazy;
                    out.push(TStmt::LazyLet {
                        local: id,
                        init: typed,
                    });
                    return;
                }
                let pat = self.check_pattern(binding.pat, ty);
                out.push(TStmt::Let {
                    pat,
                    init: Some(typed),
                    els: None,
                });
            }
            None => {
                let ty = match annotation {
                    Some(ty) => ty,
                    None => {
                        self.error(
                            "missing-type",
                            Anchor::Pat(self.def, binding.pat),
                            "type annotation missing in pattern",
                        );
                        Ty::error()
                    }
                };
                let pat = self.check_pattern(binding.pat, ty);
                let mut init = None;
                if let Some(local) = local {
                    let kind = self.body.locals[local].kind;
                    if kind == LocalKind::Let {
                        self.uninitialised.insert(TLocalId::from_raw(local.raw()));
                    } else if optional_payload(self.db, ty).is_some() {
                        // A variable of optional type starts out as nil.
                        let src = ExprId::from_raw(0);
                        init = Some(self.node(TExprKind::NilOptional, ty, src));
                    }
                }
                out.push(TStmt::Let {
                    pat,
                    init,
                    els: None,
                });
            }
        }
    }

    // Conditions.

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

    fn push_label(&mut self, name: Option<Name>, is_loop: bool, is_switch: bool) -> LabelId {
        let id = self.fresh_label();
        if let (Some(name), Some(ctx)) = (name, self.fns.last())
            && ctx.labels.iter().any(|l| l.name == Some(name))
        {
            self.error(
                "duplicate-label",
                Anchor::Start(self.def),
                format!("label '{name}' cannot be reused on an inner statement"),
            );
        }
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

    fn pop_label(&mut self) {
        if let Some(ctx) = self.fns.last_mut() {
            ctx.labels.pop();
        }
    }

    fn jump_target(
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

    fn check_if(&mut self, expr: ExprId, i: &'db IfExpr) -> TExprId {
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

    fn check_switch(&mut self, expr: ExprId, s: &'db SwitchExpr) -> TExprId {
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

    fn check_do(&mut self, expr: ExprId, d: &'db DoExpr) -> TExprId {
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
        self.do_depth += 1;
        let sites = std::mem::take(&mut self.throw_sites);
        let silent = !self.effects.caught;
        if silent {
            self.effects.caught = true;
        }
        let body = self.check_block(&d.body);
        self.do_depth -= 1;
        let own_sites = std::mem::replace(&mut self.throw_sites, sites);
        let inner = std::mem::replace(&mut self.effects, outer);
        let any = lang::any_error(self.db);
        let error = match d.throws {
            ThrowsRef::Typed(ty) => self.written_type(ty),
            _ => {
                let mut thrown = inner.thrown.iter().copied();
                match thrown.next() {
                    Some(first) if thrown.all(|t| t == first) => first,
                    _ => any,
                }
            }
        };
        for site in own_sites {
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
                let at = self.last_throw.unwrap_or(expr);
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

    // Jumps with values.

    fn check_throw(&mut self, value: ExprId, out: &mut Vec<TStmt>) {
        let any = lang::any_error(self.db);
        let typed = if self.do_depth > 0 {
            self.check_expr(value, None)
        } else {
            let want = self.fns.last().and_then(|f| f.throws).unwrap_or(any);
            self.check_expr(value, Some((want, Purpose::Throw)))
        };
        let ty = self.ty_of(typed);
        let protocol = lang(self.db, LangItem::Error);
        if self.do_depth > 0 && !ty.is_error() && !self.conforms(ty, protocol) {
            let shown = self.show(ty);
            self.error_at(
                "throw-non-error",
                value,
                format!("thrown expression type '{shown}' does not conform to 'Error'"),
            );
        }
        if self.do_depth > 0 {
            self.throw_sites.push(typed);
        }
        self.effects.thrown.push(ty);
        self.last_throw = Some(value);
        if !self.effects.caught {
            let ctx = self.fns.last().map(|f| (f.throws.is_some(), f.kind));
            if let Some((false, kind)) = ctx
                && kind != FnKind::TopLevel
            {
                self.error_at(
                    "unhandled-error",
                    value,
                    "error is not handled because the enclosing function is not declared 'throws'",
                );
            }
        }
        out.push(TStmt::Throw(typed));
    }

    fn check_return(&mut self, id: StmtId, value: Option<ExprId>, out: &mut Vec<TStmt>) {
        let anchor = Anchor::Stmt(self.def, id);
        let Some(ctx) = self.fns.last().cloned() else {
            return;
        };
        if let Some(place) = ctx.no_return {
            self.error(
                "return",
                anchor,
                format!("'return' cannot transfer control out of a {place} statement"),
            );
            return;
        }
        if ctx.kind == FnKind::TopLevel || ctx.kind == FnKind::Value {
            self.error("return", anchor, "return invalid outside of a func");
            return;
        }
        match value {
            None => {
                if let Some(f) = self.fns.last_mut()
                    && ctx.kind == FnKind::Closure
                    && self.table.as_var(ctx.result).is_some()
                {
                    f.returned = true;
                    if let Some(var) = self.table.as_var(ctx.result) {
                        self.table.bind(var, Ty::unit());
                    }
                } else if ctx.kind != FnKind::Init
                    && !self.table.resolve(ctx.result).is_unit()
                    && !ctx.result.is_error()
                {
                    self.error("return", anchor, "non-void function should return a value");
                }
                out.push(TStmt::Return(None));
            }
            Some(expr) => {
                if let Some(f) = self.fns.last_mut() {
                    f.returned = true;
                }
                let typed = self.check_returned(expr, &ctx);
                out.push(TStmt::Return(Some(typed)));
            }
        }
    }

    /// A value that a function returns.
    pub fn check_returned(&mut self, expr: ExprId, ctx: &FnCtx) -> TExprId {
        let result = self.table.resolve(ctx.result);
        if ctx.kind == FnKind::Init {
            if optional_payload(self.db, result).is_none() {
                let nil = matches!(self.body.exprs[expr], Expr::Nil);
                self.error_at(
                    "return",
                    expr,
                    if nil {
                        "only a failable initializer can return 'nil'"
                    } else {
                        "'nil' is the only return value permitted in an initializer"
                    },
                );
                return self.error_expr(expr, Ty::error());
            }
            return self.check_expr(expr, Some((result, Purpose::Return)));
        }
        if let Some((own, opaque)) = self.own_opaque(result) {
            // `some P`: the first returned type is the underlying one, the others must be the same.
            let index = opaque as usize;
            let known = self.opaque.get(index).copied().flatten();
            let typed = match known {
                Some(known) => {
                    let typed = self.check_expr(expr, None);
                    let ty = self.ty_of(typed);
                    if ty != known && !ty.is_error() && !known.is_error() {
                        let literal = self.retry_literal(expr, known);
                        if let Some(literal) = literal {
                            literal
                        } else {
                            self.error_at(
                                "opaque-mismatch",
                                expr,
                                format!(
                                    "return statements in its body do not have matching underlying types: '{}' and '{}'",
                                    self.show(known),
                                    self.show(ty)
                                ),
                            );
                            typed
                        }
                    } else {
                        typed
                    }
                }
                None => self.check_expr(expr, None),
            };
            let ty = self.ty_of(typed);
            while self.opaque.len() <= index {
                self.opaque.push(None);
            }
            self.opaque[index].get_or_insert(ty);
            if ty == own {
                return typed;
            }
            return self.node(
                TExprKind::Convert {
                    kind: Conversion::Identity,
                    expr: typed,
                },
                result,
                expr,
            );
        }
        if result.is_unit() && !matches!(self.body.exprs[expr], Expr::Tuple(_)) {
            let typed = self.check_expr(expr, None);
            let ty = self.ty_of(typed);
            if !ty.is_unit() && !ty.is_error() && !is_lang(self.db, ty, LangItem::Never) {
                self.error_at(
                    "return",
                    expr,
                    "unexpected non-void return value in void function",
                );
            }
            return typed;
        }
        self.check_expr(expr, Some((result, Purpose::Return)))
    }

    fn retry_literal(&mut self, expr: ExprId, ty: Ty) -> Option<TExprId> {
        let literal = matches!(
            self.body.exprs[expr],
            Expr::Int(_) | Expr::Float(..) | Expr::String(_) | Expr::Array(_) | Expr::Dictionary(_)
        );
        literal.then(|| self.check_expr(expr, Some((ty, Purpose::Return))))
    }

    /// Whether a result type is this function's own `some` type.
    pub fn own_opaque(&self, ty: Ty) -> Option<(Ty, u32)> {
        let TyKind::Opaque { def, index, .. } = ty.kind() else {
            return None;
        };
        let mut at = Some(self.env);
        while let Some(d) = at {
            if d == *def {
                return Some((ty, *index));
            }
            at = d.parent(self.db);
        }
        None
    }

    // Loops.

    fn check_for(&mut self, f: &'db ForStmt, out: &mut Vec<TStmt>) {
        let db = self.db;
        let sequence = self.check_expr(f.sequence, None);
        let ty = self.ty_of(sequence);
        let protocol = lang(db, LangItem::Sequence);
        let iterator_protocol = lang(db, LangItem::IteratorProtocol);
        let src = f.sequence;
        let mut ok = !ty.is_error();
        if ok && !self.conforms(ty, protocol) {
            let shown = self.show(ty);
            let message = if optional_payload(db, ty).is_some() {
                format!(
                    "for-in loop requires '{shown}' to conform to 'Sequence'; did you mean to unwrap optional?"
                )
            } else {
                format!("for-in loop requires '{shown}' to conform to 'Sequence'")
            };
            self.error_at("not-sequence", src, message);
            ok = false;
        }
        let requirement = |this: &Self, protocol: DefId, name: &str| {
            crate::types::protocol_requirements(this.db, protocol)
                .iter()
                .copied()
                .find(|d| d.name(this.db).as_str().split('(').next() == Some(name))
        };
        let projected = |this: &Self, base: Ty, protocol: DefId, name: &str| match this
            .assoc_named(protocol, name)
        {
            Some(assoc) => {
                let projection = Ty::new(TyKind::Assoc { base, assoc });
                let reduced = this.norm(projection);
                if reduced == projection
                    && !matches!(
                        base.kind(),
                        TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Opaque { .. }
                    )
                {
                    crate::types::assoc_type(this.db, base, assoc).unwrap_or(projection)
                } else {
                    reduced
                }
            }
            None => Ty::error(),
        };
        let (iterator_ty, element) = if ok {
            let iterator = projected(self, ty, protocol, "Iterator");
            let element = projected(self, iterator, iterator_protocol, "Element");
            (iterator, element)
        } else {
            (Ty::error(), Ty::error())
        };
        let make = requirement(self, protocol, "makeIterator");
        let next = requirement(self, iterator_protocol, "next");
        let iterator = match make {
            Some(make) if ok => self.declared_call(
                src,
                make,
                TyList::new(&[ty]),
                Some(sequence),
                Vec::new(),
                iterator_ty,
                None,
            ),
            _ => self.error_expr(src, Ty::error()),
        };
        let iterator_local = self.temp("$iterator", iterator_ty, TLocalKind::Var);
        let place = self.node(TExprKind::Local(iterator_local), iterator_ty, src);
        let optional = optional_of(db, element);
        let next = match next {
            Some(next) if ok => self.declared_call(
                src,
                next,
                TyList::new(&[iterator_ty]),
                Some(place),
                Vec::new(),
                optional,
                None,
            ),
            _ => self.error_expr(src, Ty::error()),
        };
        let saved = self.push_scope(None);
        if !f.is_case
            && let Some(want) = self.pattern_annotation(f.pat)
            && ok
            && want != element
        {
            let shown = self.show(element);
            let wanted = self.show(want);
            if !want.is_error() && !self.upcasts(element, want) && !want.is_existential() {
                self.error(
                    "mismatch",
                    Anchor::Pat(self.def, f.pat),
                    format!(
                        "cannot convert sequence element type '{shown}' to expected type '{wanted}'"
                    ),
                );
            }
        }
        let pat = self.check_pattern(f.pat, element);
        let filter = f
            .filter
            .map(|e| self.check_expr(e, Some((bool_ty(db), Purpose::Condition))));
        let label = self.push_label(f.label, true, false);
        let body = self.check_block(&f.body);
        self.pop_label();
        self.scope = saved;
        let _ = TryKind::Try;
        out.push(TStmt::For(Box::new(TFor {
            label,
            pat,
            iterator,
            iterator_local,
            next,
            filter,
            body,
        })));
    }

    // Functions.

    /// Declares parameters with the types of a signature.
    pub fn declare_params(&mut self, locals: &[LocalId], sig: &Signature) -> Vec<TLocalId> {
        let mut out = Vec::new();
        for (i, local) in locals.iter().enumerate() {
            let param = sig.params.get(i);
            let ty = match param {
                Some(p) if p.variadic => lang::array_of(self.db, p.ty),
                Some(p) => p.ty,
                None => Ty::error(),
            };
            if param.is_some_and(|p| p.is_iuo) {
                self.iuo.insert(*local);
            }
            self.declare_local(*local, ty);
            let id = TLocalId::from_raw(local.raw());
            if let Some(p) = param {
                self.out.locals[id].kind = match p.mode {
                    ParamMode::Inout => TLocalKind::InoutParam,
                    ParamMode::Owned => TLocalKind::OwnedParam,
                    ParamMode::Borrow => TLocalKind::Param,
                };
            }
            out.push(id);
        }
        out
    }

    /// A function's statements, or the one expression that it returns.
    pub fn check_function_block(&mut self, block: &'db Block) -> TBlock {
        let Some(ctx) = self.fns.last().cloned() else {
            return TBlock::default();
        };
        let result = self.table.resolve(ctx.result);
        let implicit = matches!(ctx.kind, FnKind::Function | FnKind::Closure) && !result.is_unit();
        if implicit && let Some((expr, _)) = self.single_expression(block) {
            self.declare_functions(block);
            if let Some(f) = self.fns.last_mut() {
                f.returned = true;
            }
            if is_lang(self.db, result, LangItem::Never) || self.never_returns(expr) {
                let typed = self.check_expr(expr, None);
                let ty = self.ty_of(typed);
                if is_lang(self.db, ty, LangItem::Never) || ty.is_error() {
                    return TBlock {
                        stmts: vec![TStmt::Expr(typed)],
                    };
                }
                let typed = self.coerce(typed, result);
                return TBlock {
                    stmts: vec![TStmt::Return(Some(typed))],
                };
            }
            let typed = self.check_returned(expr, &ctx);
            return TBlock {
                stmts: vec![TStmt::Return(Some(typed))],
            };
        }
        self.check_block_in_place(block)
    }

    /// Whether an expression is plainly a call that never returns, such as `fatalError()`.
    fn never_returns(&self, expr: ExprId) -> bool {
        match &self.body.exprs[expr] {
            Expr::Call { callee, .. } => match &self.body.exprs[*callee] {
                Expr::Name { name, .. } => {
                    matches!(
                        name.as_str(),
                        "fatalError" | "preconditionFailure" | "_fail"
                    )
                }
                Expr::Member {
                    base: Some(_),
                    name,
                    ..
                } => {
                    matches!(name.as_str(), "unreachable" | "trap")
                }
                _ => false,
            },
            Expr::Switch(s) => s.cases.is_empty(),
            _ => false,
        }
    }

    fn check_local_fn(&mut self, f: &'db LocalFn) {
        let sig = signature(self.db, f.def);
        let own = crate::types::generics(self.db, f.def);
        let own_generics = own.params.len() as u32 - own.parent_count.min(own.params.len() as u32);
        let ty = sig.function_type();
        let saved_env = std::mem::replace(&mut self.env, f.def);
        let saved = self.push_scope(None);
        let params = self.declare_params(&f.params, sig);
        self.fns.push(FnCtx {
            result: sig.result,
            returned: false,
            throws: sig.throws,
            kind: FnKind::Function,
            labels: Vec::new(),
            no_return: None,
        });
        let closures = std::mem::take(&mut self.closures);
        let effects = std::mem::take(&mut self.effects);
        let depth = std::mem::take(&mut self.do_depth);
        let body = self.check_function_block(&f.body);
        self.do_depth = depth;
        self.effects = effects;
        self.closures = closures;
        self.fns.pop();
        self.scope = saved;
        self.env = saved_env;
        if let Some(slot) = self.out.closures.get_mut(f.index as usize) {
            *slot = Some(TClosure {
                def: Some(f.def),
                ty,
                params,
                captures: Vec::new(),
                body,
                own_generics,
                escaping: true,
                throws: sig.throws,
            });
        }
    }

    fn check_local_accessor(&mut self, kind: AccessorKind, f: &'db LocalFn, ty: Ty) {
        let reads = matches!(kind, AccessorKind::Get | AccessorKind::Read);
        let saved = self.push_scope(None);
        let mut params = Vec::new();
        let mut types = Vec::new();
        for local in &f.params {
            self.declare_local(*local, ty);
            params.push(TLocalId::from_raw(local.raw()));
            types.push(ty);
        }
        let result = if reads { ty } else { Ty::unit() };
        self.fns.push(FnCtx {
            result,
            returned: false,
            throws: None,
            kind: FnKind::Function,
            labels: Vec::new(),
            no_return: None,
        });
        let effects = std::mem::take(&mut self.effects);
        let body = self.check_function_block(&f.body);
        self.effects = effects;
        self.fns.pop();
        self.scope = saved;
        let ty = Self::plain_function(&types, result);
        if let Some(slot) = self.out.closures.get_mut(f.index as usize) {
            *slot = Some(TClosure {
                def: Some(f.def),
                ty,
                params,
                captures: Vec::new(),
                body,
                own_generics: 0,
                escaping: true,
                throws: None,
            });
        }
    }

    /// Whether the definition's item has a body at all.
    pub fn has_body(&self, def: DefId) -> bool {
        items::body_syntax(self.db, def).is_some()
    }
}
