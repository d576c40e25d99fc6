//! From expressions to constraints.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::solver::table::Literal;
use crate::bodies::solver::{
    Apply, ApplyKind, ArgInfo, Choice, Constraint, FailKind, Failure, Loc, Lookup, Purpose, Rel,
    Step, Target, Why,
};
use crate::items::hir::{Arg, CastKind, Expr, ExprId, Magic, TryKind};
use crate::items::tree::Fixity;
use crate::resolve;
use crate::types::lang::{self, bool_ty, optional_of};
use crate::types::ty::{TupleElem, Ty, TyKind};

impl<'db> Checker<'db> {
    /// Makes the constraints of an expression and returns its type.
    pub fn generate(&mut self, expr: ExprId) -> Ty {
        let ty = self.generate_inner(expr);
        // An implicit member's chain has the type in which the member was looked up.
        if let Some(root) = self.implicit_root(expr)
            && let Some(&base) = self.implicit.get(&root)
        {
            self.require(Rel::Convert, ty, base, expr, Why::Inner);
            self.facts.types.insert(expr, ty);
            return base;
        }
        ty
    }

    pub fn generate_inner(&mut self, expr: ExprId) -> Ty {
        let ty = self.generate_kind(expr);
        self.facts.types.insert(expr, ty);
        ty
    }

    /// The implicit member that a chain of postfix expressions starts with.
    pub fn implicit_root(&self, expr: ExprId) -> Option<ExprId> {
        match &self.body.exprs[expr] {
            Expr::Member { base: None, .. } => Some(expr),
            Expr::Member { base: Some(e), .. }
            | Expr::Call { callee: e, .. }
            | Expr::Subscript { base: e, .. }
            | Expr::ForceUnwrap(e)
            | Expr::ChainLink(e)
            | Expr::Chain(e) => self.implicit_root(*e),
            _ => None,
        }
    }

    fn generate_kind(&mut self, expr: ExprId) -> Ty {
        let body = self.body;
        match &body.exprs[expr] {
            Expr::Missing => Ty::error(),
            Expr::Int(_) | Expr::BigInt(_) => self.table.fresh_literal(Literal::Int),
            Expr::Float(..) => self.table.fresh_literal(Literal::Float),
            Expr::Bool(_) => self.table.fresh_literal(Literal::Bool),
            Expr::Nil => self.table.fresh_literal(Literal::Nil),
            Expr::String(text) => self.table.fresh_literal(string_kind(*text)),
            Expr::Interpolation(_) => {
                self.scope_of.insert(expr, self.scope);
                self.table.fresh_literal(Literal::Interpolation)
            }
            Expr::Magic(magic) => match magic {
                Magic::Line | Magic::Column => self.table.fresh_literal(Literal::Int),
                Magic::DsoHandle => lang::lang_ty(self.db, lang::LangItem::UnsafeRawPointer, &[]),
                _ => self.table.fresh_literal(Literal::String),
            },
            Expr::Regex(_) => {
                self.error_at(
                    "unsupported",
                    expr,
                    "regular expression literals are not supported",
                );
                Ty::error()
            }
            Expr::Macro { name, .. } => {
                let message = match name.as_str() {
                    "selector" => "'#selector' can only be used with the Objective-C runtime, which this platform does not have".to_string(),
                    "externalMacro" => "macro '#externalMacro' can only be used to define macros".to_string(),
                    _ => format!("no macro named '{name}': external macros cannot be loaded"),
                };
                self.error_at("macro", expr, message);
                Ty::error()
            }
            Expr::Name { name, .. } => self.generate_name(expr, *name),
            Expr::Operator(name) => {
                let ty = self.table.fresh();
                let choices = self.operator_choices(*name, None);
                if choices.is_empty() {
                    self.fail_now(FailKind::NoOverload, expr);
                    return Ty::error();
                }
                self.give(expr, ty, choices);
                ty
            }
            Expr::Member {
                base, name, args, ..
            } => match base {
                None => {
                    let base = self.table.fresh();
                    self.implicit.insert(expr, base);
                    let result = self.table.fresh();
                    self.add(Constraint::Member {
                        key: expr,
                        base: Ty::metatype(base),
                        name: *name,
                        how: Lookup::Implicit,
                        result,
                    });
                    result
                }
                Some(base) => self.generate_member(expr, *base, *name, !args.is_empty()),
            },
            Expr::DotThis(inner) => {
                if let Some(ty) = self.element_type(*inner) {
                    return match ty.kind() {
                        TyKind::Existential(_) => Ty::new(TyKind::ProtocolMetatype(ty)),
                        _ => Ty::metatype(ty),
                    };
                }
                self.generate_inner(*inner)
            }
            Expr::Type(id) => Ty::metatype(self.written_type(*id)),
            Expr::Call {
                callee,
                args,
                trailing,
            } => self.generate_call(expr, *callee, args, *trailing),
            Expr::Subscript { base, args } => {
                let base_ty = self.generate_base(*base);
                let member = self.table.fresh();
                let result = self.table.fresh();
                let args = self.generate_args(args);
                self.add(Constraint::Apply(Rc::new(Apply {
                    call: expr,
                    key: expr,
                    callee: member,
                    args,
                    trailing: 0,
                    result,
                    kind: ApplyKind::Subscript,
                })));
                let how = if matches!(body.exprs[*base], Expr::Super) {
                    Lookup::Super
                } else {
                    Lookup::Subscript
                };
                self.add(Constraint::Member {
                    key: expr,
                    base: base_ty,
                    name: Name::new("subscript"),
                    how,
                    result: member,
                });
                result
            }
            Expr::Prefix { op, operand } => {
                self.generate_operator(expr, *op, &[*operand], Fixity::Prefix)
            }
            Expr::Postfix { op, operand } => {
                self.generate_operator(expr, *op, &[*operand], Fixity::Postfix)
            }
            Expr::Binary { op, lhs, rhs } => {
                self.generate_operator(expr, *op, &[*lhs, *rhs], Fixity::Infix)
            }
            Expr::Assign { lhs, rhs } => {
                // Assignment through an optional chain happens inside the chain.
                let target = match &body.exprs[*lhs] {
                    Expr::Chain(inner) => *inner,
                    _ => *lhs,
                };
                let place = if matches!(body.exprs[target], Expr::Discard) {
                    None
                } else {
                    let saved = std::mem::replace(&mut self.on_left, true);
                    let place = self.generate_inner(target);
                    self.on_left = saved;
                    Some(place)
                };
                let value = self.generate(*rhs);
                if let Some(place) = place {
                    self.require(
                        Rel::Convert,
                        value,
                        place,
                        *rhs,
                        Why::Context(Purpose::Assign),
                    );
                }
                if target != *lhs {
                    return optional_of(self.db, Ty::unit());
                }
                Ty::unit()
            }
            Expr::Ternary { cond, then, els } => {
                let c = self.generate(*cond);
                self.require(
                    Rel::Convert,
                    c,
                    bool_ty(self.db),
                    *cond,
                    Why::Context(Purpose::Condition),
                );
                let result = self.table.fresh();
                let t = self.generate(*then);
                let e = self.generate(*els);
                self.require(Rel::Convert, t, result, *then, Why::Alternative);
                self.require(Rel::Convert, e, result, *els, Why::Alternative);
                result
            }
            Expr::Cast {
                kind,
                expr: inner,
                ty,
            } => {
                let target = self.written_type(*ty);
                let value = self.generate(*inner);
                self.facts.targets.insert(expr, target);
                match kind {
                    CastKind::Coerce => {
                        self.require(
                            Rel::Convert,
                            value,
                            target,
                            *inner,
                            Why::Context(Purpose::Coerce),
                        );
                        target
                    }
                    CastKind::Conditional => optional_of(self.db, target),
                    CastKind::Forced => target,
                    CastKind::Is => bool_ty(self.db),
                }
            }
            Expr::Tuple(args) => {
                let elems: Vec<TupleElem> = args
                    .iter()
                    .map(|arg| TupleElem {
                        label: arg.label,
                        ty: self.generate(arg.expr),
                    })
                    .collect();
                Ty::tuple(&elems)
            }
            Expr::Paren(inner) => self.generate(*inner),
            Expr::Array(elems) => {
                let elem = self.table.fresh();
                let ty = self.table.fresh();
                self.add(Constraint::ArrayLiteral { expr, ty, elem });
                self.generate_elements(elems.iter().copied(), elem);
                ty
            }
            Expr::Dictionary(pairs) => {
                let key = self.table.fresh();
                let value = self.table.fresh();
                let ty = self.table.fresh();
                self.add(Constraint::DictionaryLiteral {
                    expr,
                    ty,
                    key,
                    value,
                });
                self.generate_elements(pairs.iter().map(|p| p.0), key);
                self.generate_elements(pairs.iter().map(|p| p.1), value);
                ty
            }
            Expr::Closure(_) => {
                self.scope_of.insert(expr, self.scope);
                let ty = self.table.fresh();
                self.add(Constraint::Closure { expr, ty });
                ty
            }
            Expr::Inout(inner) => {
                let ty = self.generate(*inner);
                Ty::new(TyKind::Inout(ty))
            }
            Expr::ForceUnwrap(inner) => {
                let optional = self.generate_inner(*inner);
                self.unwrap(expr, optional)
            }
            Expr::ChainLink(inner) => {
                if let Some(ty) = self.element_type(*inner) {
                    // `T?.member` names a member of a type.
                    return self.type_reference(expr, optional_of(self.db, ty));
                }
                let optional = self.generate_inner(*inner);
                self.unwrap(expr, optional)
            }
            Expr::Chain(inner) => {
                let ty = self.generate_inner(*inner);
                match self.has_value_link(*inner) {
                    true => self.optional_result(expr, ty),
                    false => ty,
                }
            }
            Expr::Try { kind, expr: inner } => {
                let ty = self.generate(*inner);
                match kind {
                    TryKind::Optional => self.optional_result(expr, ty),
                    _ => ty,
                }
            }
            Expr::Await(inner)
            | Expr::Consume(inner)
            | Expr::Copy(inner)
            | Expr::PackExpansion(inner)
            | Expr::PackElement(inner) => self.generate(*inner),
            Expr::This => self.generate_this(expr),
            Expr::Super => self.super_type().unwrap_or_else(|| {
                self.error_at(
                    "no-superclass",
                    expr,
                    "'super' cannot be used here: there is no superclass",
                );
                Ty::error()
            }),
            Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => self.generate_branching(expr),
            Expr::KeyPath { .. } => {
                self.scope_of.insert(expr, self.scope);
                let ty = self.table.fresh();
                self.add(Constraint::KeyPath { expr, ty });
                ty
            }
            Expr::Discard if self.on_left => self.table.fresh(),
            Expr::Discard => {
                self.error_at(
                    "discard",
                    expr,
                    "'_' can only appear in a pattern or on the left side of an assignment",
                );
                Ty::error()
            }
        }
    }

    fn unwrap(&mut self, expr: ExprId, optional: Ty) -> Ty {
        let object = self.table.fresh();
        let loc = Loc {
            expr,
            why: Why::Unwrap,
        };
        self.add(Constraint::Unwrap {
            optional,
            object,
            loc,
        });
        object
    }

    /// `T?` of a value, or the value's own type when it is optional already.
    fn optional_result(&mut self, expr: ExprId, ty: Ty) -> Ty {
        let payload = self.table.fresh();
        let result = optional_of(self.db, payload);
        self.require(Rel::Convert, ty, result, expr, Why::Inner);
        result
    }

    /// Elements of a collection. Simple literals of one kind share a variable, which keeps long literals linear.
    fn generate_elements(&mut self, elems: impl Iterator<Item = ExprId>, to: Ty) {
        let mut shared: Vec<(Literal, Ty)> = Vec::new();
        for elem in elems {
            let kind = match &self.body.exprs[elem] {
                Expr::Int(_) => Some(Literal::Int),
                Expr::Float(..) => Some(Literal::Float),
                Expr::Bool(_) => Some(Literal::Bool),
                Expr::String(text) => Some(string_kind(*text)),
                Expr::Nil => Some(Literal::Nil),
                _ => None,
            };
            let Some(kind) = kind else {
                let ty = self.generate(elem);
                self.require(Rel::Convert, ty, to, elem, Why::Element);
                continue;
            };
            let found = shared.iter().find(|(k, _)| *k == kind).map(|(_, t)| *t);
            let ty = match found {
                Some(ty) => ty,
                None => {
                    let ty = self.table.fresh_literal(kind);
                    self.require(Rel::Convert, ty, to, elem, Why::Element);
                    shared.push((kind, ty));
                    ty
                }
            };
            self.facts.types.insert(elem, ty);
        }
    }

    fn generate_args(&mut self, args: &[Arg]) -> Vec<ArgInfo> {
        let saved = self.soft_hint.take();
        let out = args
            .iter()
            .map(|arg| ArgInfo {
                label: arg.label,
                expr: arg.expr,
                ty: self.generate(arg.expr),
            })
            .collect();
        self.soft_hint = saved;
        out
    }

    fn fail_now(&mut self, kind: FailKind, expr: ExprId) {
        self.report(&Failure {
            kind,
            loc: Loc {
                expr,
                why: Why::Inner,
            },
        });
    }

    /// Offers choices; a failure to open the only one is found again when the system is solved.
    pub fn give(&mut self, key: ExprId, ty: Ty, choices: Vec<Choice>) {
        if let [one] = &*choices {
            let one = one.clone();
            if let Step::Failed(failure) = self.commit(key, ty, &one) {
                self.report(&failure);
            }
            return;
        }
        self.add(Constraint::Overload {
            key,
            ty,
            choices: choices.into(),
        });
    }

    fn generate_name(&mut self, expr: ExprId, name: Name) -> Ty {
        let choices = self.name_choices(expr, name);
        if choices.is_empty() {
            self.unknown_name(expr, name);
            return Ty::error();
        }
        if let [one] = &*choices
            && let Target::Local(local) = one.target
            && self.local_types[local.index()].is_none()
        {
            let declared = self.body.locals[local].name;
            self.error_at(
                "use-before-declaration",
                expr,
                format!("use of local variable '{declared}' before its declaration"),
            );
            return Ty::error();
        }
        let ty = self.table.fresh();
        self.give(expr, ty, choices);
        self.table.shallow(ty)
    }

    fn generate_member(&mut self, expr: ExprId, base: ExprId, name: Name, has_args: bool) -> Ty {
        // A module before the dot.
        if let Expr::Name { name: module, .. } = &self.body.exprs[base]
            && resolve::module_named(self.db, self.def, *module).is_some()
            && self.lookup_local(*module).is_empty()
        {
            let module = *module;
            let choices = self.name_choices(base, module);
            if let [
                Choice {
                    target: Target::Module(def),
                    ..
                },
            ] = &*choices
            {
                let def = *def;
                return self.generate_module_member(expr, def, name);
            }
        }
        // The metatype as a type: `T.Type.this`.
        if (name == "Type" || name == "Protocol")
            && let Some(ty) = self.element_type(base)
        {
            return Ty::metatype(match ty.kind() {
                TyKind::Existential(_) if name == "Protocol" => {
                    Ty::new(TyKind::ProtocolMetatype(ty))
                }
                _ => Ty::metatype(ty),
            });
        }
        let base_ty =
            if has_args || matches!(self.body.exprs[base], Expr::Array(_) | Expr::Dictionary(_)) {
                self.generate_base(base)
            } else {
                self.generate_base_plain(base)
            };
        let result = self.table.fresh();
        let how = match self.body.exprs[base] {
            Expr::Super => Lookup::Super,
            _ => Lookup::Explicit,
        };
        self.add(Constraint::Member {
            key: expr,
            base: base_ty,
            name,
            how,
            result,
        });
        result
    }

    /// A base that is a value unless it names a type.
    fn generate_base_plain(&mut self, base: ExprId) -> Ty {
        if let Expr::Type(_) = self.body.exprs[base] {
            return self.generate_base(base);
        }
        self.generate_inner(base)
    }

    fn generate_module_member(
        &mut self,
        expr: ExprId,
        module: crate::items::DefId,
        name: Name,
    ) -> Ty {
        let args = match &self.body.exprs[expr] {
            Expr::Member { args, .. } => args.clone(),
            _ => Vec::new(),
        };
        let mut choices: Vec<Choice> = Vec::new();
        let own = module == self.module;
        for def in resolve::scope::qualified_members(self.db, module, name) {
            let visible = own || resolve::is_accessible(self.db, def, self.def);
            if visible && let Some(choice) = self.global_choice(def, &args) {
                choices.push(choice);
            }
        }
        if choices.is_empty() {
            self.error_at(
                "unknown-member",
                expr,
                format!(
                    "module '{}' has no member named '{name}'",
                    module.name(self.db)
                ),
            );
            return Ty::error();
        }
        let ty = self.table.fresh();
        self.give(expr, ty, choices);
        self.table.shallow(ty)
    }

    fn generate_call(&mut self, expr: ExprId, callee: ExprId, args: &[Arg], trailing: u32) -> Ty {
        // `type(of: x)` is no function.
        if let Expr::Name { name, .. } = &self.body.exprs[callee]
            && *name == "type"
            && let [
                Arg {
                    label: Some(label),
                    expr: value,
                },
            ] = args
            && *label == "of"
            && self.lookup_local(*name).is_empty()
        {
            let value = self.generate(*value);
            let result = self.table.fresh();
            self.add(Constraint::TypeOf { value, result });
            return result;
        }
        if let Expr::Closure(_) = &self.body.exprs[self.unparen(callee)] {
            let callee = self.unparen(callee);
            self.immediate.insert(callee);
        }
        let callee_ty = self.generate_base(callee);
        let key = match self.names_callee(callee) {
            true => callee,
            false => expr,
        };
        let args = self.generate_args(args);
        let result = self.table.fresh();
        // `T(literal)` is the literal as a `T` where that is possible.
        if let TyKind::Metatype(t) = self.table.shallow(callee_ty).kind()
            && let [
                ArgInfo {
                    label: None,
                    ty,
                    expr: arg,
                },
            ] = &*args
            && trailing == 0
            && let Some(var) = self.table.as_var(*ty)
        {
            let set = self.table.literals(var);
            let target = self.table.resolve(*t);
            if !set.is_empty()
                && self.is_literal_expr(*arg)
                && (!target.has_infer() || set.contains(Literal::Nil))
                && self.accepts(target, set)
            {
                let (ty, arg) = (*ty, *arg);
                self.require(Rel::Equal, ty, target, arg, Why::Literal);
                self.facts.calls.insert(
                    expr,
                    Rc::new(crate::bodies::solver::calls::CallMatch {
                        bound: Vec::new(),
                        params: Rc::new([]),
                        result: target,
                        throws: None,
                        literal: true,
                    }),
                );
                return target;
            }
        }
        self.add(Constraint::Apply(Rc::new(Apply {
            call: expr,
            key,
            callee: callee_ty,
            args,
            trailing,
            result,
            kind: ApplyKind::Call,
        })));
        result
    }

    /// Whether what is called is a declaration that the callee names. Any other callee is a value, whose own choices, such as a subscript's,
    /// say nothing about the call.
    pub fn names_callee(&self, callee: ExprId) -> bool {
        !matches!(
            self.body.exprs[callee],
            Expr::Call { .. }
                | Expr::Subscript { .. }
                | Expr::Prefix { .. }
                | Expr::Postfix { .. }
                | Expr::Binary { .. }
        )
    }

    pub fn unparen(&self, expr: ExprId) -> ExprId {
        match &self.body.exprs[expr] {
            Expr::Paren(inner) => self.unparen(*inner),
            _ => expr,
        }
    }

    fn is_literal_expr(&self, expr: ExprId) -> bool {
        match &self.body.exprs[expr] {
            Expr::Paren(e) => self.is_literal_expr(*e),
            Expr::Int(_)
            | Expr::BigInt(_)
            | Expr::Float(..)
            | Expr::Bool(_)
            | Expr::Nil
            | Expr::String(_)
            | Expr::Interpolation(_) => true,
            _ => false,
        }
    }

    fn generate_this(&mut self, expr: ExprId) -> Ty {
        for name in ["this", "self"] {
            if let Some(super::check::Entity::Local(local)) =
                self.lookup_local(Name::new(name)).first().copied()
            {
                let ty = self.table.fresh();
                self.give(expr, ty, vec![Choice::plain(Target::Local(local))]);
                return self.table.shallow(ty);
            }
        }
        match self.this_ty {
            Some(ty) => ty,
            None => {
                let this = self.word("this");
                self.error_at(
                    "unresolved-name",
                    expr,
                    format!("cannot find '{this}' in scope"),
                );
                Ty::error()
            }
        }
    }

    /// The superclass of the class around, as a value or, in static members, as a metatype.
    pub fn super_type(&self) -> Option<Ty> {
        let this = self.this_ty?;
        let (instance, meta) = match this.kind() {
            TyKind::Metatype(t) => (*t, true),
            _ => (this, false),
        };
        let instance = match instance.kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => instance,
        };
        let (def, args) = instance.as_nominal()?;
        let up = crate::types::superclass(self.db, def)?.subst(args.as_slice());
        Some(if meta { Ty::metatype(up) } else { up })
    }
}

/// The weakest literal kind that a string literal's text allows.
pub fn string_kind(text: Name) -> Literal {
    let text = text.as_str();
    let mut graphemes = text.graphemes(true);
    match (graphemes.next(), graphemes.next()) {
        (Some(_), None) => {
            if text.chars().count() == 1 {
                Literal::Scalar
            } else {
                Literal::Character
            }
        }
        _ => Literal::String,
    }
}
