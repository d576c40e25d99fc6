//! From a solved expression to its typed tree.

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::bodies::solver::{Base, Resolved, Target};
use crate::bodies::thir::*;
use crate::items::hir::{CastKind, Expr, ExprId, TryKind};
use crate::items::ids::{DefId, DefKind};
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::types::lang::{optional_of, optional_payload};
use crate::types::signature::{ThisKind, signature};
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty, TyKind, TyList};

impl<'db> Checker<'db> {
    /// The solved type of an expression, before the conversion that its context asks for.
    pub fn solved(&self, expr: ExprId) -> Ty {
        match self.facts.types.get(&expr) {
            Some(&ty) => self.known(ty),
            None => Ty::error(),
        }
    }

    /// A type without variables: what is left unknown after an error is erroneous.
    pub fn known(&self, ty: Ty) -> Ty {
        let ty = self.table.resolve(ty);
        if !ty.has_infer() {
            return ty;
        }
        ty.map(&mut |t| match t.kind() {
            TyKind::Infer(_) => Some(Ty::error()),
            _ if !t.has_infer() => Some(t),
            _ => None,
        })
    }

    pub fn known_args(&self, args: &[Ty]) -> TyList {
        let args: Vec<Ty> = args.iter().map(|&t| self.known(t)).collect();
        TyList::new(&args)
    }

    /// Builds the tree of an expression.
    pub fn build(&mut self, expr: ExprId) -> TExprId {
        let built = self.build_inner(expr);
        // The value of an implicit member's chain converts to the type it was looked up in.
        if let Some(root) = self.implicit_root(expr)
            && let Some(&base) = self.implicit.get(&root)
            && self.facts.types.contains_key(&expr)
        {
            let base = self.known(base);
            return self.coerce(built, base);
        }
        built
    }

    pub fn build_inner(&mut self, expr: ExprId) -> TExprId {
        let body = self.body;
        let ty = self.solved(expr);
        match &body.exprs[expr] {
            Expr::Missing | Expr::Regex(_) | Expr::Macro { .. } => {
                self.error_expr(expr, Ty::error())
            }
            Expr::Int(_)
            | Expr::BigInt(_)
            | Expr::Float(..)
            | Expr::Bool(_)
            | Expr::Nil
            | Expr::String(_)
            | Expr::Interpolation(_)
            | Expr::Magic(_) => self.build_literal(expr, ty),
            Expr::Name { .. } | Expr::Operator(_) => self.build_reference(expr, None),
            Expr::Member { base, .. } => self.build_reference(expr, *base),
            Expr::DotThis(inner) => match ty.kind() {
                TyKind::Metatype(t) | TyKind::ProtocolMetatype(t) => {
                    if self.facts.choices.contains_key(inner)
                        && !matches!(self.facts.choices[inner].choice.target, Target::Type(_))
                    {
                        return self.build_inner(*inner);
                    }
                    self.named_metatype(*inner, *t, ty)
                }
                _ => self.build_inner(*inner),
            },
            Expr::Type(_) => match ty.kind() {
                TyKind::Metatype(t) => self.node(TExprKind::Metatype(*t), ty, expr),
                _ => self.error_expr(expr, ty),
            },
            Expr::Call { callee, args, .. } => self.build_call(expr, *callee, args),
            Expr::Subscript { base, args } => self.build_subscript(expr, *base, args),
            Expr::Prefix { operand, .. } | Expr::Postfix { operand, .. } => {
                self.build_operator(expr, &[*operand])
            }
            Expr::Binary { lhs, rhs, .. } => self.build_operator(expr, &[*lhs, *rhs]),
            Expr::Assign { lhs, rhs } => self.build_assign(expr, *lhs, *rhs),
            Expr::Ternary { cond, then, els } => {
                let cond = self.build(*cond);
                let cond = self.coerce(cond, crate::types::bool_ty(self.db));
                let then = self.build(*then);
                let then = self.coerce(then, ty);
                let els = self.build(*els);
                let els = self.coerce(els, ty);
                self.node(TExprKind::Ternary { cond, then, els }, ty, expr)
            }
            Expr::Cast {
                kind, expr: inner, ..
            } => self.build_cast(expr, *kind, *inner),
            Expr::Tuple(args) => {
                if args.is_empty() {
                    return self.node(TExprKind::Unit, Ty::unit(), expr);
                }
                let elems = args.iter().map(|a| self.build(a.expr)).collect();
                self.node(TExprKind::Tuple(elems), ty, expr)
            }
            Expr::Paren(inner) => self.build(*inner),
            Expr::Array(elems) => self.build_array(expr, elems, ty),
            Expr::Dictionary(pairs) => self.build_dictionary(expr, pairs, ty),
            Expr::Closure(_) => self.build_closure(expr, ty),
            Expr::Inout(inner) => {
                let place = self.build(*inner);
                self.check_mutable(place, *inner, super::places::Use::Inout);
                // The argument's parameter decides what becomes of the place.
                place
            }
            Expr::ForceUnwrap(inner) => {
                let base = self.build_inner(*inner);
                self.node(
                    TExprKind::ForceUnwrap {
                        base,
                        implicit: false,
                    },
                    ty,
                    expr,
                )
            }
            Expr::ChainLink(_) if self.names_type(expr) => match ty.kind() {
                TyKind::Metatype(t) => self.node(TExprKind::Metatype(*t), ty, expr),
                _ => self.error_expr(expr, ty),
            },
            Expr::ChainLink(inner) => {
                let base = self.build_inner(*inner);
                self.node(TExprKind::ChainLink(base), ty, expr)
            }
            Expr::Chain(inner) if !self.has_value_link(*inner) => self.build_inner(*inner),
            Expr::Chain(inner) => {
                let inner = self.build_inner(*inner);
                let flatten = self.ty_of(inner) == ty;
                self.node(
                    TExprKind::Chain {
                        expr: inner,
                        flatten,
                    },
                    ty,
                    expr,
                )
            }
            Expr::Try { kind, expr: inner } => self.build_try(expr, *kind, *inner, ty),
            Expr::Await(inner) => {
                let inner = self.build(*inner);
                let ty = self.ty_of(inner);
                self.node(TExprKind::Await(inner), ty, expr)
            }
            Expr::Consume(inner) => {
                let inner = self.build(*inner);
                let ty = self.ty_of(inner);
                self.node(TExprKind::Consume(inner), ty, expr)
            }
            Expr::Copy(inner) => {
                let inner = self.build(*inner);
                let ty = self.ty_of(inner);
                self.node(TExprKind::CopyOf(inner), ty, expr)
            }
            Expr::PackExpansion(inner) | Expr::PackElement(inner) => self.build(*inner),
            Expr::This => {
                if self.facts.choices.contains_key(&expr) {
                    return self.build_reference(expr, None);
                }
                self.this_expr(expr)
            }
            Expr::Super => {
                let this = self.this_expr(expr);
                match self.super_type() {
                    Some(up) => self.coerce(this, up),
                    None => this,
                }
            }
            Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => self.build_branching(expr),
            Expr::KeyPath { .. } => self.build_key_path(expr, ty),
            Expr::Discard => {
                // An element that a tuple assignment drops.
                let unit = self.node(TExprKind::Unit, Ty::unit(), expr);
                self.node(TExprKind::DiscardAssign(unit), ty, expr)
            }
        }
    }

    /// `this` as a value.
    pub fn this_expr(&mut self, src: ExprId) -> TExprId {
        // A closure that captures `this` by name refers to its capture.
        for name in ["this", "self"] {
            if let Some(super::check::Entity::Local(local)) =
                self.lookup_local(Name::new(name)).first().copied()
                && optional_payload(self.db, self.local_type(local)).is_none()
            {
                let ty = self.local_type(local);
                return self.node(TExprKind::Local(TLocalId::from_raw(local.raw())), ty, src);
            }
        }
        let ty = self.this_ty.unwrap_or(Ty::error());
        match self.out.this {
            Some(local) => self.node(TExprKind::Local(local), ty, src),
            None => match ty.kind() {
                TyKind::Metatype(t) => self.node(TExprKind::Metatype(*t), ty, src),
                _ => self.error_expr(src, ty),
            },
        }
    }

    /// A name or member as a value or place.
    fn build_reference(&mut self, expr: ExprId, base: Option<ExprId>) -> TExprId {
        let Some(resolved) = self.facts_choice(expr) else {
            return self.error_expr(expr, self.solved(expr));
        };
        let ty = self.known(resolved.ty);
        let choice = &resolved.choice;
        if choice.force {
            // The declaration itself is optional; the reference goes through it.
            let whole = optional_of(self.db, ty);
            let inner = self.reference_node(expr, base, &resolved, whole);
            return self.node(
                TExprKind::ForceUnwrap {
                    base: inner,
                    implicit: true,
                },
                ty,
                expr,
            );
        }
        self.reference_node(expr, base, &resolved, ty)
    }

    fn reference_node(
        &mut self,
        expr: ExprId,
        base: Option<ExprId>,
        resolved: &Resolved,
        ty: Ty,
    ) -> TExprId {
        let db = self.db;
        let choice = &resolved.choice;
        let args = self.known_args(&resolved.args);
        match choice.target {
            Target::Local(local) => {
                let id = TLocalId::from_raw(local.raw());
                if let crate::items::hir::LocalKind::Global(def) = self.body.locals[local].kind {
                    return self.node(
                        TExprKind::Static {
                            var: def,
                            args: TyList::empty(),
                        },
                        ty,
                        expr,
                    );
                }
                self.node(TExprKind::Local(id), ty, expr)
            }
            Target::LocalFn(index) => match self.local_fn_local(index) {
                Some(local) => self.node(TExprKind::Local(local), ty, expr),
                None => self.error_expr(expr, ty),
            },
            Target::Type(t) => {
                let t = self.known(t);
                self.named_metatype(expr, t, ty)
            }
            Target::TupleElem(index) => {
                let Some(base) = base else {
                    return self.error_expr(expr, ty);
                };
                let base = self.build_inner(base);
                self.node(TExprKind::TupleElem { base, index }, ty, expr)
            }
            Target::Itself => match base {
                Some(base) => self.build_inner(base),
                None => self.error_expr(expr, ty),
            },
            Target::Module(_) => {
                self.diags.push(AnchoredDiagnostic::error(
                    "module-as-value",
                    Anchor::Expr(self.def, expr),
                    "expected module member name after module name",
                ));
                self.error_expr(expr, ty)
            }
            Target::TypeOf | Target::KeyPath => self.error_expr(expr, ty),
            Target::Dynamic(def) => match (&self.body.exprs[expr], base) {
                (Expr::Member { name, .. }, Some(base)) => {
                    let name = *name;
                    self.dynamic_node(expr, base, def, resolved, name)
                }
                _ => self.error_expr(expr, ty),
            },
            Target::Decl(def) => match def.kind(db) {
                // A static property of a metatype that is a value: which type's it is may show only at run time.
                DefKind::Var => match self.base_value(expr, base, resolved) {
                    // A computed static property is a function of the metatype.
                    Some(base) if !decl::is_static(db, def) || !self.is_plain_static(def) => {
                        self.note_getter(def, expr);
                        self.node(
                            TExprKind::Property {
                                base,
                                var: def,
                                args,
                                via_super: choice.base == Base::Super,
                            },
                            ty,
                            expr,
                        )
                    }
                    _ => self.node(TExprKind::Static { var: def, args }, ty, expr),
                },
                DefKind::Synth(s) if !decl::is_synth_init(s) && ty.as_function().is_none() => {
                    match self.base_value(expr, base, resolved) {
                        Some(base) if !decl::is_static(db, def) => self.node(
                            TExprKind::Property {
                                base,
                                var: def,
                                args,
                                via_super: false,
                            },
                            ty,
                            expr,
                        ),
                        _ => self.node(TExprKind::Static { var: def, args }, ty, expr),
                    }
                }
                DefKind::Case if !decl::has_payload(db, def) => {
                    self.declared_call(expr, def, args, None, Vec::new(), ty, None)
                }
                _ if choice.base == Base::Unbound => self.unbound_method(expr, def, args, ty),
                _ => {
                    let this = self.base_value(expr, base, resolved);
                    self.node(
                        TExprKind::FunctionValue {
                            func: def,
                            args,
                            this,
                            via_super: choice.base == Base::Super,
                        },
                        ty,
                        expr,
                    )
                }
            },
        }
    }

    /// `T.method` without a value: a closure that takes the value.
    fn unbound_method(&mut self, expr: ExprId, def: DefId, args: TyList, ty: Ty) -> TExprId {
        let Some(f) = ty.as_function() else {
            return self.error_expr(expr, ty);
        };
        let Some(first) = f.params.first() else {
            return self.error_expr(expr, ty);
        };
        let kind = if first.mode == ParamMode::Inout {
            TLocalKind::InoutParam
        } else {
            TLocalKind::Param
        };
        let param = self.temp("$this", first.ty, kind);
        let this = self.node(TExprKind::Local(param), first.ty, expr);
        let value = self.node(
            TExprKind::FunctionValue {
                func: def,
                args,
                this: Some(this),
                via_super: false,
            },
            f.result,
            expr,
        );
        let index = self.out.closures.len() as u32;
        self.out.closures.push(Some(TClosure {
            def: None,
            ty,
            params: vec![param],
            captures: Vec::new(),
            body: TBlock {
                stmts: vec![TStmt::Return(Some(value))],
            },
            own_generics: 0,
            escaping: true,
            throws: None,
        }));
        self.node(TExprKind::Closure(index), ty, expr)
    }

    /// The value (or, where it matters, the metatype) that a member is taken of.
    pub fn base_value(
        &mut self,
        expr: ExprId,
        base: Option<ExprId>,
        resolved: &Resolved,
    ) -> Option<TExprId> {
        let choice = &resolved.choice;
        match choice.base {
            Base::None | Base::Unbound => None,
            Base::ImplicitType => {
                // In a static member the metatype may be a subclass's.
                match self.this_ty.map(Ty::kind) {
                    Some(TyKind::Metatype(_)) if self.out.this.is_some() => {
                        Some(self.this_expr(expr))
                    }
                    _ => self.class_of_member(expr, None, resolved),
                }
            }
            Base::Type => {
                let base = match base {
                    Some(base) if !self.names_type(base) => base,
                    _ => return self.class_of_member(expr, base, resolved),
                };
                let built = self.build_inner(base);
                matches!(self.ty_of(built).kind(), TyKind::Metatype(_)).then_some(built)
            }
            Base::ImplicitThis => {
                self.check_implicit_this(expr);
                let this = self.this_expr(expr);
                Some(self.as_member_base(this, choice.self_ty))
            }
            Base::Super => {
                let this = self.this_expr(expr);
                let up = self.super_type();
                Some(match up {
                    Some(up) => self.coerce(this, up),
                    None => this,
                })
            }
            Base::Value => {
                let built = match base {
                    Some(base) => self.build_inner(base),
                    None => return None,
                };
                Some(built)
            }
        }
    }

    fn as_member_base(&mut self, this: TExprId, _self_ty: Option<Ty>) -> TExprId {
        this
    }

    /// Whether an expression names a type rather than computing a metatype.
    pub fn names_type(&self, expr: ExprId) -> bool {
        if self.names_dynamic_self(expr) {
            return false;
        }
        match &self.body.exprs[expr] {
            Expr::Paren(e) => self.names_type(*e),
            Expr::DotThis(e) => self.names_type(*e),
            Expr::Type(_) | Expr::Array(_) | Expr::Dictionary(_) => true,
            Expr::Member { base: None, .. } => true,
            _ => self
                .facts
                .choices
                .get(&expr)
                .is_some_and(|r| matches!(r.choice.target, Target::Type(_) | Target::Module(_))),
        }
    }

    fn note_getter(&mut self, def: DefId, expr: ExprId) {
        if let Some(error) = decl::getter_throws(self.db, def) {
            self.note_throw(error, expr, "property access");
        }
    }

    fn build_assign(&mut self, expr: ExprId, lhs: ExprId, rhs: ExprId) -> TExprId {
        if let Expr::Discard = self.body.exprs[lhs] {
            let value = self.build(rhs);
            return self.node(TExprKind::DiscardAssign(value), Ty::unit(), expr);
        }
        let chain = match &self.body.exprs[lhs] {
            Expr::Chain(inner) => Some(*inner),
            _ => None,
        };
        let target = chain.unwrap_or(lhs);
        let value = self.build(rhs);
        let place = self.build_place(target);
        let place_ty = self.ty_of(place);
        let value = self.coerce(value, place_ty);
        if chain.is_none()
            && let Some(assign) = self.wrapped_assignment(expr, place, value)
        {
            return assign;
        }
        self.check_mutable(place, target, super::places::Use::Assign);
        let assign = self.node(
            TExprKind::Assign {
                lhs: place,
                rhs: value,
            },
            Ty::unit(),
            expr,
        );
        if chain.is_some() {
            let ty = optional_of(self.db, Ty::unit());
            return self.node(
                TExprKind::Chain {
                    expr: assign,
                    flatten: false,
                },
                ty,
                expr,
            );
        }
        assign
    }

    /// The left side of an assignment; `!` of an implicitly unwrapped one is taken off again by assigning the optional.
    fn build_place(&mut self, expr: ExprId) -> TExprId {
        let place = self.build_inner(expr);
        if let TExprKind::ForceUnwrap {
            base,
            implicit: true,
        } = self.out.exprs[place].kind
        {
            return base;
        }
        place
    }

    fn build_try(&mut self, expr: ExprId, kind: TryKind, inner: ExprId, ty: Ty) -> TExprId {
        let saved = (
            self.effects.covered,
            self.effects.caught,
            self.effects.used,
            self.effects.thrown.len(),
        );
        self.effects.covered = true;
        self.effects.used = false;
        if kind != TryKind::Try {
            self.effects.caught = true;
        }
        let built = self.build(inner);
        let used = self.effects.used;
        self.effects.covered = saved.0;
        self.effects.caught = saved.1;
        self.effects.used = saved.2 || used;
        if kind != TryKind::Try {
            self.effects.thrown.truncate(saved.3);
            self.effects.used = saved.2;
        }
        if !used && !self.out.has_errors && self.nesting <= 1 {
            self.warning(
                "useless-try",
                Anchor::Expr(self.def, expr),
                "no calls to throwing functions occur within 'try' expression",
            );
        }
        match kind {
            TryKind::Try => built,
            TryKind::Optional => {
                // A delegation gives nothing, whatever the initialiser's declared result.
                let ty = match &self.out.exprs[built].kind {
                    TExprKind::Call(call) if call.delegates => optional_of(self.db, Ty::unit()),
                    _ => ty,
                };
                let flatten = self.ty_of(built) == ty;
                self.node(
                    TExprKind::TryOptional {
                        expr: built,
                        flatten,
                    },
                    ty,
                    expr,
                )
            }
            TryKind::Forced => {
                let ty = self.ty_of(built);
                self.node(TExprKind::TryForced(built), ty, expr)
            }
        }
    }

    fn build_cast(&mut self, expr: ExprId, kind: CastKind, inner: ExprId) -> TExprId {
        let target = match self.facts.targets.get(&expr) {
            Some(&target) => self.known(target),
            None => Ty::error(),
        };
        let value = self.build(inner);
        let db = self.db;
        match kind {
            CastKind::Coerce if target.is_any_object() && !self.is_class(self.ty_of(value)) => {
                // The object in the value, or a new one around it: the cast cannot fail.
                self.node(
                    TExprKind::Cast {
                        kind: DynamicCast::Forced,
                        expr: value,
                        target,
                    },
                    target,
                    expr,
                )
            }
            CastKind::Coerce => {
                let value = self.coerce(value, target);
                if self.ty_of(value) == target {
                    return value;
                }
                self.node(
                    TExprKind::Convert {
                        kind: Conversion::Identity,
                        expr: value,
                    },
                    target,
                    expr,
                )
            }
            CastKind::Conditional | CastKind::Forced | CastKind::Is => {
                let (dynamic, ty) = match kind {
                    CastKind::Conditional => (DynamicCast::Conditional, optional_of(db, target)),
                    CastKind::Forced => (DynamicCast::Forced, target),
                    _ => (DynamicCast::Is, crate::types::bool_ty(db)),
                };
                self.warn_known_cast(expr, dynamic, self.ty_of(value), target);
                self.node(
                    TExprKind::Cast {
                        kind: dynamic,
                        expr: value,
                        target,
                    },
                    ty,
                    expr,
                )
            }
        }
    }

    /// A function type with one parameter less, for what is bound.
    pub fn plain_function(params: &[Ty], result: Ty) -> Ty {
        Ty::function(FnTy {
            params: params
                .iter()
                .map(|&ty| FnParam {
                    ty,
                    mode: ParamMode::Borrow,
                    variadic: false,
                    autoclosure: false,
                })
                .collect(),
            result,
            throws: None,
            is_async: false,
            escaping: true,
            repr: FnRepr::Thick,
        })
    }

    /// Whether a function's `this` is a metatype.
    pub fn takes_metatype(&self, def: DefId) -> bool {
        signature(self.db, def).this == ThisKind::Metatype
    }

    /// An implicit `this.` in a closure that may outlive the object's use must be written.
    fn check_implicit_this(&mut self, expr: ExprId) {
        let escapes = self.closures.iter().any(|c| c.escaping && !c.names_this);
        if !escapes || self.closures.iter().any(|c| c.names_this) {
            return;
        }
        let Some(this) = self.this_ty else { return };
        if !self.is_class(this) || matches!(this.kind(), TyKind::Metatype(_)) {
            return;
        }
        let name = match &self.body.exprs[expr] {
            Expr::Name { name, .. } => *name,
            _ => return,
        };
        let this = self.word("this");
        let what = match self.facts.choices.get(&expr).map(|r| r.choice.target) {
            Some(Target::Decl(d)) if d.kind(self.db) == DefKind::Func => "call to method",
            _ => "reference to property",
        };
        self.error_at(
            "implicit-this",
            expr,
            format!(
                "{what} '{name}' in closure requires explicit use of '{this}' to make capture semantics explicit"
            ),
        );
    }
}
