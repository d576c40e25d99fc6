//! Statements.

use crate::bodies::check::{Checker, Entity, FnKind};
use crate::bodies::solver::Purpose;
use crate::bodies::thir::*;
use crate::items::Anchor;
use crate::items::hir::{
    Block, Expr, ExprId, LocalBinding, LocalFn, LocalId, LocalKind, Pat, PatId, Stmt, StmtId,
};
use crate::types::lang::{self, LangItem, bool_ty, is_lang, lang, optional_of, optional_payload};
use crate::types::signature::signature;
use crate::types::ty::Ty;

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
                self.check_local_defaults(f, out);
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
                    // A wrapped variable: what its getter reads.
                    (None, None) => self.getter_type(accessors),
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
                out.push(TStmt::Guard {
                    conditions,
                    els,
                    src: id,
                });
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
        let literal = |what: &str| format!("{what} literal is unused");
        let message = match &self.body.exprs[expr] {
            Expr::Int(_) | Expr::BigInt(_) => literal("integer"),
            Expr::Float(..) => literal("floating-point"),
            Expr::Bool(_) => literal("boolean"),
            Expr::String(_) | Expr::Interpolation(_) => literal("string"),
            Expr::Closure(_) => "closure expression is unused".to_owned(),
            Expr::Name { name, .. }
                if matches!(self.out.exprs[typed].kind, TExprKind::Local(_)) =>
            {
                format!("variable '{name}' is unused")
            }
            Expr::Binary { op, .. } | Expr::Prefix { op, .. } | Expr::Postfix { op, .. } => {
                format!("result of operator '{op}' is unused")
            }
            _ => match &self.out.exprs[typed].kind {
                TExprKind::Call(call)
                    if crate::items::item(self.db, call.func).is_some_and(|i| i.name == "init") =>
                {
                    format!("result of '{ty}' initializer is unused")
                }
                TExprKind::Call(call) => {
                    let name = crate::types::display::display_name(self.db, call.func);
                    format!("result of call to '{name}' is unused")
                }
                TExprKind::CallValue { .. } => {
                    format!("result of call to function returning '{ty}' is unused")
                }
                _ => format!("expression of type '{ty}' is unused"),
            },
        };
        self.warning("unused-result", Anchor::Expr(self.def, expr), message);
    }

    // Bindings.

    /// The type that a pattern is annotated with.
    pub fn pattern_annotation(&mut self, pat: PatId) -> Option<Ty> {
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

    // Jumps with values.

    fn check_throw(&mut self, value: ExprId, out: &mut Vec<TStmt>) {
        let any = lang::any_error(self.db);
        let want = match self.catching.active {
            true => self.catching.error,
            false => Some(self.fns.last().and_then(|f| f.throws).unwrap_or(any)),
        };
        let typed = self.check_expr(value, want.map(|ty| (ty, Purpose::Throw)));
        let ty = self.ty_of(typed);
        let protocol = lang(self.db, LangItem::Error);
        if self.catching.active && !ty.is_error() && !self.conforms(ty, protocol) {
            let shown = self.show(ty);
            self.error_at(
                "throw-non-error",
                value,
                format!("thrown expression type '{shown}' does not conform to 'Error'"),
            );
        }
        if self.catching.active {
            self.catching.sites.push(typed);
        }
        self.effects.thrown.push(ty);
        self.catching.first.get_or_insert(value);
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
}
