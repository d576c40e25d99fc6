//! Calls, operators and subscripts as typed trees: arguments by parameter, and what they throw.

use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::bodies::solver::calls::{Bound, CallMatch};
use crate::bodies::solver::members::CallParam;
use crate::bodies::solver::{Base, Resolved, Target};
use crate::bodies::thir::*;
use crate::items::hir::{Arg, Expr, ExprId, Magic, Stmt};
use crate::items::ids::{DefId, DefKind};
use crate::items::{self, Anchor};
use crate::types::lang::{LangItem, is_lang, optional_of, optional_payload};
use crate::types::signature::signature;
use crate::types::ty::{ParamMode, Ty, TyKind, TyList};
use std::rc::Rc;

impl<'db> Checker<'db> {
    pub fn build_call(&mut self, expr: ExprId, callee: ExprId, args: &'db [Arg]) -> TExprId {
        let db = self.db;
        let ty = self.solved(expr);
        let Some(matched) = self.facts.calls.get(&expr).cloned() else {
            // `type(of:)`
            if let (Expr::Name { .. }, [only]) = (&self.body.exprs[callee], args)
                && matches!(ty.kind(), TyKind::Metatype(_))
                && !self.facts.choices.contains_key(&callee)
            {
                let value = self.build(only.expr);
                return self.node(TExprKind::DynamicType(value), ty, expr);
            }
            return self.error_expr(expr, ty);
        };
        if matched.literal {
            return match args.first() {
                Some(arg) => self.build(arg.expr),
                None => self.error_expr(expr, ty),
            };
        }
        // The choice stands at the callee, or at the call for initialisers and `callAsFunction`.
        let own = self.facts_choice(expr);
        let (resolved, at_callee) = match own {
            Some(resolved) => (Some(resolved), false),
            None if self.names_callee(callee) => (self.facts_choice(callee), true),
            None => (None, true),
        };
        let exprs: Vec<ExprId> = args.iter().map(|a| a.expr).collect();
        let callable = resolved
            .as_ref()
            .filter(|r| r.params.is_some() && matches!(r.choice.target, Target::Decl(_)));
        let Some(resolved) = callable.cloned() else {
            if let Some(r) = &resolved
                && let Target::LocalFn(index) = r.choice.target
                && let Some(def) = self.local_fn(index)
                && !r.args.is_empty()
                && crate::types::generics(db, def).params.len()
                    > crate::types::generics(db, def).parent_count as usize
            {
                // A generic local function is called by its definition.
                let r = r.clone();
                let all = self.known_args(&r.args);
                return self.finish_call(expr, &r, def, all, None, &exprs, &matched, false);
            }
            let value = self.build_inner(callee);
            let (params, threw) = self.build_args(expr, &matched, &exprs, TyList::empty());
            let throws = self.call_throws(&matched, false, &params, threw);
            if let Some(error) = throws {
                self.note_throw(error, expr, "call");
            }
            return self.node(
                TExprKind::CallValue {
                    callee: value,
                    args: params,
                    throws: throws.is_some(),
                },
                ty,
                expr,
            );
        };
        let Target::Decl(def) = resolved.choice.target else {
            return self.error_expr(expr, ty);
        };
        let all = self.known_args(&resolved.args);
        let mut delegates = false;
        let base_expr = if at_callee {
            match &self.body.exprs[callee] {
                Expr::Member { base, .. } => *base,
                _ => None,
            }
        } else {
            Some(callee)
        };
        let is_init = def.kind(db) == DefKind::Init
            || matches!(def.kind(db), DefKind::Synth(s) if decl::is_synth_init(s));
        let this = if is_init {
            match (resolved.choice.base, base_expr) {
                (Base::Value | Base::Super, Some(base))
                    if matches!(self.body.exprs[base], Expr::This | Expr::Super) =>
                {
                    delegates = true;
                    self.check_failable_delegation(expr, callee, def);
                    Some(self.this_expr(base))
                }
                (_, Some(base)) if !self.names_type(base) => {
                    let built = self.build_inner(base);
                    matches!(self.ty_of(built).kind(), TyKind::Metatype(_)).then_some(built)
                }
                _ => None,
            }
        } else {
            let key = if at_callee { callee } else { expr };
            self.base_value(key, base_expr, &resolved)
        };
        if let Some(this) = this
            && decl::method_mutates(db, def)
        {
            let at = base_expr.unwrap_or(callee);
            self.check_mutable(this, at, super::places::Use::Mutating);
        }
        if self.facts.targets.contains_key(&expr) {
            // A `@dynamicCallable` value takes the arguments as one collection.
            let list = self.dynamic_arguments(expr, args);
            let params = vec![TArg::Value(list)];
            let throws = self.declared_throws(def, &matched, &params, None);
            if let Some(error) = throws {
                self.note_throw(error, expr, "call");
            }
            return self.declared_call(expr, def, all, this, params, ty, throws);
        }
        self.check_existential_call(expr, callee, def, all, this.is_some());
        self.finish_call(expr, &resolved, def, all, this, &exprs, &matched, delegates)
    }

    /// An initialiser that cannot fail must not hand over to one that can, unless it insists.
    fn check_failable_delegation(&mut self, call: ExprId, callee: ExprId, to: DefId) {
        let db = self.db;
        let optional = |init| decl::is_failable(db, init) && !decl::is_iuo(db, init);
        if !optional(to) || decl::is_failable(db, self.def) {
            return;
        }
        let insists = self
            .body
            .exprs
            .values()
            .any(|e| *e == Expr::ForceUnwrap(call));
        if !insists {
            let name = crate::types::display::display_name(db, to);
            self.error(
                "failable-delegation",
                Anchor::ExprPoint(self.def, callee),
                format!("a non-failable initializer cannot delegate to failable initializer '{name}' written with 'init?'"),
            );
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn finish_call(
        &mut self,
        expr: ExprId,
        resolved: &Resolved,
        def: DefId,
        all: TyList,
        this: Option<TExprId>,
        exprs: &[ExprId],
        matched: &Rc<CallMatch>,
        delegates: bool,
    ) -> TExprId {
        let ty = if delegates {
            Ty::unit()
        } else {
            self.known(matched.result)
        };
        let (params, threw) = self.build_args(expr, matched, exprs, all);
        let throws = self.declared_throws(def, matched, &params, threw);
        if let Some(error) = throws {
            self.note_throw(error, expr, "call");
        }
        let kind = TExprKind::Call(Box::new(TCall {
            func: def,
            args: all,
            this,
            params,
            via_super: resolved.choice.base == Base::Super || delegates,
            delegates,
            throws: throws.is_some(),
        }));
        self.result_node(kind, ty, expr, resolved.choice.force)
    }

    /// What a call or subscript gives; `forced` out of the implicitly unwrapped optional that is its declared result.
    fn result_node(&mut self, kind: TExprKind, ty: Ty, expr: ExprId, forced: bool) -> TExprId {
        if !forced {
            return self.node(kind, ty, expr);
        }
        let base = self.node(kind, optional_of(self.db, ty), expr);
        let implicit = true;
        self.node(TExprKind::ForceUnwrap { base, implicit }, ty, expr)
    }

    /// Whether a call of a declaration throws: `rethrows` does only if an argument does.
    pub fn declared_throws(
        &mut self,
        def: DefId,
        matched: &CallMatch,
        params: &[TArg],
        threw: Option<Ty>,
    ) -> Option<Ty> {
        let rethrows = matches!(def.kind(self.db), DefKind::Func | DefKind::Init)
            && signature(self.db, def).rethrows;
        self.call_throws(matched, rethrows, params, threw)
    }

    fn call_throws(
        &mut self,
        matched: &CallMatch,
        rethrows: bool,
        params: &[TArg],
        threw: Option<Ty>,
    ) -> Option<Ty> {
        let error = self.known(matched.throws?);
        if is_lang(self.db, error, LangItem::Never) {
            return None;
        }
        if !rethrows {
            return Some(error);
        }
        let mut found = threw;
        for arg in params {
            let TArg::Value(e) = arg else { continue };
            if self.function_throws(*e) {
                found.get_or_insert(error);
            }
        }
        found.map(|_| error)
    }

    /// Whether a function argument may throw, seen through conversions to the parameter's type.
    fn function_throws(&self, expr: TExprId) -> bool {
        match &self.out.exprs[expr].kind {
            TExprKind::Convert {
                kind: Conversion::FunctionTrivial | Conversion::Function(_) | Conversion::ToOptional,
                expr,
            } => self.function_throws(*expr),
            TExprKind::Closure(_) => match &self.body.exprs[self.out.exprs[expr].src] {
                Expr::Closure(c) => {
                    c.throws != crate::items::tree::ThrowsRef::No || self.block_throws(&c.body)
                }
                // Autoclosures have been accounted for.
                _ => false,
            },
            TExprKind::Local(_) | TExprKind::FunctionValue { .. } => self.out.exprs[expr]
                .ty
                .as_function()
                .is_some_and(|f| f.throws.is_some()),
            _ => {
                let ty = self.out.exprs[expr].ty;
                let ty = optional_payload(self.db, ty).unwrap_or(ty);
                ty.as_function().is_some_and(|f| f.throws.is_some())
            }
        }
    }

    /// Builds the arguments, one entry for each parameter. Says whether an autoclosure argument throws.
    fn build_args(
        &mut self,
        call: ExprId,
        matched: &CallMatch,
        exprs: &[ExprId],
        all: TyList,
    ) -> (Vec<TArg>, Option<Ty>) {
        let mut out = Vec::with_capacity(matched.bound.len());
        let mut threw = None;
        for (param, bound) in matched.params.iter().zip(&matched.bound) {
            let arg = match bound {
                Bound::Default => match param.default {
                    Some(def) => self.default_arg(call, def, all, param),
                    None => {
                        let unit = self.node(TExprKind::Unit, Ty::unit(), call);
                        TArg::Value(unit)
                    }
                },
                Bound::Variadic(args) => {
                    let ty = self.known(param.ty);
                    let elems = args
                        .iter()
                        .filter_map(|i| exprs.get(*i as usize).copied())
                        .map(|e| {
                            let built = self.build(e);
                            self.coerce(built, ty)
                        })
                        .collect();
                    TArg::Variadic(elems)
                }
                Bound::Arg(i) => match exprs.get(*i as usize).copied() {
                    Some(e) => self.build_arg(e, param, &mut threw),
                    None => continue,
                },
            };
            out.push(arg);
        }
        (out, threw)
    }

    pub fn build_arg(&mut self, expr: ExprId, param: &CallParam, threw: &mut Option<Ty>) -> TArg {
        let ty = self.known(param.ty);
        if param.mode == ParamMode::Inout {
            let place = self.build(expr);
            if !self.is_inout_expr(expr) {
                self.check_mutable(place, expr, super::places::Use::Operator);
            }
            return TArg::Inout(place);
        }
        if self.is_inout_expr(expr) {
            let place = self.build(expr);
            let pointer = optional_payload(self.db, ty).unwrap_or(ty);
            let value = self.node(TExprKind::InoutToPointer(place), pointer, expr);
            let value = self.coerce(value, ty);
            return TArg::Value(value);
        }
        if param.autoclosure
            && let Some(f) = ty.as_function()
        {
            let before = self.effects.thrown.len();
            self.closures.push(super::check::ClosureCtx {
                escaping: f.escaping,
                names_this: false,
            });
            let built = self.build(expr);
            self.closures.pop();
            let built = self.coerce(built, f.result);
            if let Some(&error) = self.effects.thrown.get(before) {
                threw.get_or_insert(error);
            }
            let index = self.out.closures.len() as u32;
            self.out.closures.push(Some(TClosure {
                def: None,
                ty,
                params: Vec::new(),
                captures: Vec::new(),
                body: TBlock {
                    stmts: vec![TStmt::Return(Some(built))],
                },
                own_generics: 0,
                escaping: f.escaping,
                throws: f.throws,
            }));
            return TArg::Value(self.node(TExprKind::Closure(index), ty, expr));
        }
        let built = self.build(expr);
        TArg::Value(self.coerce(built, ty))
    }

    /// A default value: `#line` and the like speak of the caller.
    pub fn default_arg(
        &mut self,
        call: ExprId,
        def: DefId,
        args: TyList,
        param: &CallParam,
    ) -> TArg {
        if let Some(local) = self.local_default_arg(call, def, args, param) {
            return local;
        }
        let body = items::body(self.db, def);
        if let [only] = &*body.root.stmts
            && let Stmt::Expr(e) = body.stmts[*only]
            && let Expr::Magic(magic) = body.exprs[e]
        {
            let ty = self.known(param.ty);
            return TArg::Value(self.node(TExprKind::Magic(magic), ty, call));
        }
        let _ = Magic::Line;
        TArg::Default { def, args }
    }

    /// A call of a declaration with finished arguments.
    #[allow(clippy::too_many_arguments)]
    pub fn declared_call(
        &mut self,
        src: ExprId,
        func: DefId,
        args: TyList,
        this: Option<TExprId>,
        params: Vec<TArg>,
        ty: Ty,
        throws: Option<Ty>,
    ) -> TExprId {
        self.node(
            TExprKind::Call(Box::new(TCall {
                func,
                args,
                this,
                params,
                via_super: false,
                delegates: false,
                throws: throws.is_some(),
            })),
            ty,
            src,
        )
    }

    pub fn build_operator(&mut self, expr: ExprId, operands: &[ExprId]) -> TExprId {
        let ty = self.solved(expr);
        let (Some(matched), Some(resolved)) = (
            self.facts.calls.get(&expr).cloned(),
            self.facts_choice(expr),
        ) else {
            return self.error_expr(expr, ty);
        };
        let all = self.known_args(&resolved.args);
        match resolved.choice.target {
            Target::Decl(def) => {
                let (params, threw) = self.build_args(expr, &matched, operands, all);
                let throws = self.declared_throws(def, &matched, &params, threw);
                if let Some(error) = throws {
                    self.note_throw(error, expr, "operator");
                }
                let result = self.known(matched.result);
                self.node(
                    TExprKind::Call(Box::new(TCall {
                        func: def,
                        args: all,
                        this: None,
                        params,
                        via_super: false,
                        delegates: false,
                        throws: throws.is_some(),
                    })),
                    result,
                    expr,
                )
            }
            Target::LocalFn(index) => {
                let (params, _) = self.build_args(expr, &matched, operands, all);
                match self.local_fn_local(index) {
                    Some(local) => {
                        let fty = self.known(resolved.ty);
                        let callee = self.node(TExprKind::Local(local), fty, expr);
                        self.node(
                            TExprKind::CallValue {
                                callee,
                                args: params,
                                throws: false,
                            },
                            ty,
                            expr,
                        )
                    }
                    None => self.error_expr(expr, ty),
                }
            }
            _ => self.error_expr(expr, ty),
        }
    }

    pub fn build_subscript(&mut self, expr: ExprId, base: ExprId, args: &'db [Arg]) -> TExprId {
        let db = self.db;
        let ty = self.solved(expr);
        let (Some(matched), Some(resolved)) = (
            self.facts.calls.get(&expr).cloned(),
            self.facts_choice(expr),
        ) else {
            return self.error_expr(expr, ty);
        };
        let exprs: Vec<ExprId> = args.iter().map(|a| a.expr).collect();
        let base_expr = if matches!(self.body.exprs[base], Expr::Super) {
            let this = self.this_expr(base);
            match self.super_type() {
                Some(up) => self.coerce(this, up),
                None => this,
            }
        } else {
            self.build_inner(base)
        };
        match resolved.choice.target {
            Target::Decl(def) => {
                let all = self.known_args(&resolved.args);
                let (indices, _) = self.build_args(expr, &matched, &exprs, all);
                if let Some(error) = decl::getter_throws(db, def) {
                    self.note_throw(error, expr, "subscript access");
                }
                let result = self.known(matched.result);
                let kind = TExprKind::Subscript {
                    base: base_expr,
                    subscript: def,
                    args: all,
                    indices,
                    via_super: resolved.choice.base == Base::Super,
                };
                self.result_node(kind, result, expr, resolved.choice.force)
            }
            Target::KeyPath => {
                let key_path = self.build(exprs[0]);
                let base_expr = self.path_root(base_expr, key_path);
                self.node(
                    TExprKind::KeyPathAccess {
                        base: base_expr,
                        key_path,
                    },
                    ty,
                    expr,
                )
            }
            _ => self.error_expr(expr, ty),
        }
    }

    /// Builds the call that [`Checker::member_call`] has solved.
    pub fn finish_member_call(
        &mut self,
        key: ExprId,
        local: TLocalId,
        ty: Ty,
        args: &'db [Arg],
    ) -> TExprId {
        let (Some(matched), Some(resolved)) =
            (self.facts.calls.get(&key).cloned(), self.facts_choice(key))
        else {
            return self.error_expr(key, Ty::unit());
        };
        let Target::Decl(def) = resolved.choice.target else {
            return self.error_expr(key, Ty::unit());
        };
        let all = self.known_args(&resolved.args);
        let this = self.node(TExprKind::Local(local), ty, key);
        let exprs: Vec<ExprId> = args.iter().map(|a| a.expr).collect();
        self.finish_call(
            key,
            &resolved,
            def,
            all,
            Some(this),
            &exprs,
            &matched,
            false,
        )
    }
}
