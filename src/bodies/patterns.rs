//! Patterns, and whether they cover every value.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::{Checker, Entity};
use crate::bodies::solver::calls::Bound;
use crate::bodies::solver::{
    Apply, ApplyKind, ArgInfo, Constraint, FailKind, Failure, Loc, Lookup, Rel, System, Target, Why,
};
use crate::bodies::thir::*;
use crate::items::Anchor;
use crate::items::hir::{Expr, ExprId, Pat, PatId};
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::Fixity;
use crate::types::lang::{self, optional_payload};
use crate::types::nominal::{case_payload, enum_cases};
use crate::types::ty::{Ty, TyKind};

impl<'db> Checker<'db> {
    fn pat(&mut self, kind: TPatKind, ty: Ty, src: Option<ExprId>) -> TPatId {
        self.out.pats.alloc(TPat { kind, ty, src })
    }

    /// `inner?`
    pub fn some_pattern(&mut self, inner: TPatId, ty: Ty) -> TPatId {
        let Some(case) = self.optional_case("some") else {
            return inner;
        };
        self.pat(
            TPatKind::Case {
                case,
                payload: Some(vec![inner]),
            },
            ty,
            None,
        )
    }

    fn optional_case(&self, name: &str) -> Option<DefId> {
        let optional = lang::lang(self.db, lang::LangItem::Optional);
        enum_cases(self.db, optional)
            .iter()
            .copied()
            .find(|c| base_name(c.name(self.db)) == name)
    }

    /// Checks a pattern against values of a type, and declares what it binds.
    pub fn check_pattern(&mut self, id: PatId, ty: Ty) -> TPatId {
        let body = self.body;
        match &body.pats[id] {
            Pat::Missing => self.pat(TPatKind::Wild, ty, None),
            Pat::Wild => self.pat(TPatKind::Wild, ty, None),
            Pat::Bind(local) => {
                let name = body.locals[*local].name;
                if self.alternative {
                    // Another pattern of the same case has declared it.
                    let found = self.scopes[self.scope as usize]
                        .names
                        .iter()
                        .find_map(|(n, e)| match e {
                            Entity::Local(l) if *n == name => Some(*l),
                            _ => None,
                        });
                    if let Some(first) = found {
                        let known = self.local_type(first);
                        if known != ty && !known.is_error() && !ty.is_error() {
                            self.error(
                                "pattern-variable-type",
                                Anchor::Pat(self.def, id),
                                format!(
                                    "pattern variable bound to type '{}', expected type '{}'",
                                    self.show(ty),
                                    self.show(known)
                                ),
                            );
                        }
                        self.set_open_local(*local, ty);
                        return self.pat(TPatKind::Bind(TLocalId::from_raw(first.raw())), ty, None);
                    }
                }
                self.declare_local(*local, ty);
                if let crate::items::hir::LocalKind::Global(def) = body.locals[*local].kind {
                    return self.pat(TPatKind::BindGlobal(def), ty, None);
                }
                self.pat(TPatKind::Bind(TLocalId::from_raw(local.raw())), ty, None)
            }
            Pat::Typed(inner, written) => {
                let want = self.written_type(*written);
                let want = if want.has_infer() { ty } else { want };
                if want == ty || ty.is_error() {
                    return self.check_pattern(*inner, want);
                }
                let value = self.temp("$value", ty, TLocalKind::Let);
                let src = ExprId::from_raw(0);
                let read = self.node(TExprKind::Local(value), ty, src);
                let convert = self.coerce(read, want);
                let pat = self.check_pattern(*inner, want);
                self.pat(
                    TPatKind::Convert {
                        value,
                        convert,
                        pat,
                    },
                    ty,
                    None,
                )
            }
            Pat::Tuple(elems) => {
                if let [(None, only)] = &**elems {
                    return self.check_pattern(*only, ty);
                }
                let Some(types) = ty.as_tuple().filter(|t| t.len() == elems.len()) else {
                    if !ty.is_error() {
                        let message = self.tuple_mismatch(ty, elems.len());
                        self.error("pattern-tuple", Anchor::Pat(self.def, id), message);
                    }
                    for (_, elem) in elems {
                        self.check_pattern(*elem, Ty::error());
                    }
                    return self.pat(TPatKind::Wild, ty, None);
                };
                let parts = elems
                    .iter()
                    .zip(types)
                    .map(|((_, elem), t)| self.check_pattern(*elem, t.ty))
                    .collect();
                self.pat(TPatKind::Tuple(parts), ty, None)
            }
            Pat::Some(inner) => {
                let Some(payload) = optional_payload(self.db, ty) else {
                    if !ty.is_error() {
                        self.error(
                            "pattern-optional",
                            Anchor::Pat(self.def, id),
                            format!(
                                "'?' pattern cannot match values of type '{}'",
                                self.show(ty)
                            ),
                        );
                    }
                    return self.check_pattern(*inner, Ty::error());
                };
                let inner = self.check_pattern(*inner, payload);
                self.some_pattern(inner, ty)
            }
            Pat::Is(written) => {
                let target = self.written_type(*written);
                self.pat(TPatKind::Is(target), ty, None)
            }
            Pat::As(inner, written) => {
                let target = self.written_type(*written);
                let inner = self.check_pattern(*inner, target);
                if target == ty {
                    return inner;
                }
                self.pat(TPatKind::As(target, inner), ty, None)
            }
            Pat::Case { base, name, args } => {
                let args: Option<Vec<PatId>> =
                    args.as_ref().map(|a| a.iter().map(|p| p.1).collect());
                self.check_case(id, *base, *name, args, ty)
            }
            Pat::Expr(expr) => self.check_expr_pattern(id, *expr, ty),
        }
    }

    /// Why a tuple pattern of so many elements does not match values of a type.
    pub fn tuple_mismatch(&self, ty: Ty, elements: usize) -> String {
        let shown = self.show(ty);
        match ty.as_tuple() {
            Some(_) => {
                let pattern = vec!["_"; elements].join(", ");
                format!(
                    "'{shown}' is not convertible to '({pattern})', tuples have a different number of elements"
                )
            }
            None => format!("tuple pattern cannot match values of the non-tuple type '{shown}'"),
        }
    }

    /// The case of an enum type with this name.
    fn case_of(&self, ty: Ty, name: Name) -> Option<DefId> {
        let def = ty.nominal_def()?;
        if def.kind(self.db) != DefKind::Enum {
            return None;
        }
        enum_cases(self.db, def)
            .iter()
            .copied()
            .find(|c| base_name(c.name(self.db)) == name.as_str())
    }

    fn check_case(
        &mut self,
        id: PatId,
        base: Option<ExprId>,
        name: Name,
        args: Option<Vec<PatId>>,
        ty: Ty,
    ) -> TPatId {
        if ty.is_error() {
            for arg in args.into_iter().flatten() {
                self.check_pattern(arg, ty);
            }
            return self.pat(TPatKind::Wild, ty, None);
        }
        // A type before the dot may be a different one: `case Failure.network` against `any Error`.
        let named = base.and_then(|b| self.pattern_type(b));
        if let Some(named) = named
            && named.nominal_def() != ty.nominal_def()
        {
            let payload = optional_payload(self.db, ty);
            if payload.is_some_and(|p| p.nominal_def() == named.nominal_def())
                && let Some(payload) = payload
            {
                let inner = self.check_case(id, None, name, args, payload);
                return self.some_pattern(inner, ty);
            }
            let inner = self.check_case(id, None, name, args, named);
            return self.pat(TPatKind::As(named, inner), ty, base);
        }
        let ty = match ty.kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => ty,
        };
        let Some(case) = self.case_of(ty, name) else {
            if let Some(payload) = optional_payload(self.db, ty) {
                let inner = self.check_case(id, base, name, args, payload);
                return self.some_pattern(inner, ty);
            }
            self.error(
                "unknown-case",
                Anchor::Pat(self.def, id),
                format!("type '{}' has no member '{name}'", self.show(ty)),
            );
            for arg in args.into_iter().flatten() {
                self.check_pattern(arg, Ty::error());
            }
            return self.pat(TPatKind::Wild, ty, None);
        };
        let subst = ty.as_nominal().map(|(_, a)| a);
        let payload: Vec<Ty> = case_payload(self.db, case)
            .iter()
            .map(|(_, t)| {
                let t = match subst {
                    Some(args) => t.subst(args.as_slice()),
                    None => *t,
                };
                self.norm(t)
            })
            .collect();
        let Some(args) = args else {
            return self.pat(
                TPatKind::Case {
                    case,
                    payload: None,
                },
                ty,
                None,
            );
        };
        let parts = if args.len() == payload.len() {
            args.iter()
                .zip(&payload)
                .map(|(p, t)| self.check_pattern(*p, *t))
                .collect()
        } else if let [only] = &*args
            && payload.len() > 1
        {
            // One pattern for the whole payload.
            let body = self.body;
            let only = *only;
            match &body.pats[only] {
                Pat::Wild => payload
                    .iter()
                    .map(|t| self.pat(TPatKind::Wild, *t, None))
                    .collect(),
                Pat::Tuple(elems) if elems.len() == payload.len() => elems
                    .iter()
                    .zip(&payload)
                    .map(|((_, p), t)| self.check_pattern(*p, *t))
                    .collect(),
                _ => {
                    let labelled: Vec<crate::types::ty::TupleElem> = case_payload(self.db, case)
                        .iter()
                        .zip(&payload)
                        .map(|((label, _), ty)| crate::types::ty::TupleElem {
                            label: *label,
                            ty: *ty,
                        })
                        .collect();
                    let whole = Ty::tuple(&labelled);
                    let locals: Vec<TLocalId> = payload
                        .iter()
                        .map(|t| self.temp("$payload", *t, TLocalKind::Let))
                        .collect();
                    let src = ExprId::from_raw(0);
                    let reads = locals
                        .iter()
                        .zip(&payload)
                        .map(|(l, t)| self.node(TExprKind::Local(*l), *t, src))
                        .collect();
                    let convert = self.node(TExprKind::Tuple(reads), whole, src);
                    let pat = self.check_pattern(only, whole);
                    let last = payload.len() - 1;
                    (0..payload.len())
                        .map(|i| {
                            let kind = if i == last {
                                TPatKind::Convert {
                                    value: locals[i],
                                    convert,
                                    pat,
                                }
                            } else {
                                TPatKind::Bind(locals[i])
                            };
                            self.pat(kind, payload[i], None)
                        })
                        .collect()
                }
            }
        } else if let [only] = &*payload
            && let Some(elems) = only.as_tuple()
            && elems.len() == args.len()
        {
            let parts = args
                .iter()
                .zip(elems)
                .map(|(p, t)| self.check_pattern(*p, t.ty))
                .collect();
            vec![self.pat(TPatKind::Tuple(parts), *only, None)]
        } else {
            self.error(
                "pattern-payload",
                Anchor::Pat(self.def, id),
                format!(
                    "tuple pattern has the wrong length for enum case '{name}' with {} associated value{}",
                    payload.len(),
                    if payload.len() == 1 { "" } else { "s" }
                ),
            );
            for arg in &args {
                self.check_pattern(*arg, Ty::error());
            }
            return self.pat(TPatKind::Wild, ty, None);
        };
        self.pat(
            TPatKind::Case {
                case,
                payload: Some(parts),
            },
            ty,
            None,
        )
    }

    /// The type that stands before the dot of a pattern.
    fn pattern_type(&mut self, base: ExprId) -> Option<Ty> {
        let body = self.body;
        match &body.exprs[base] {
            Expr::Name { name, .. } => {
                let choices = self.name_choices(base, *name);
                match choices.first()?.target {
                    Target::Type(ty) => Some(ty),
                    _ => None,
                }
            }
            Expr::Member {
                base: Some(outer),
                name,
                ..
            } => {
                let outer = self.pattern_type(*outer)?;
                let choices =
                    self.member_choices(base, Ty::metatype(outer), *name, Lookup::Explicit);
                match choices.first()?.target {
                    Target::Type(ty) => Some(ty),
                    _ => None,
                }
            }
            _ => self.type_expr(base),
        }
    }

    fn check_expr_pattern(&mut self, id: PatId, expr: ExprId, ty: Ty) -> TPatId {
        let body = self.body;
        match &body.exprs[expr] {
            Expr::Member {
                base: None, name, ..
            } => {
                let payload = optional_payload(self.db, ty);
                if self.case_of(ty, *name).is_some()
                    || payload.is_some_and(|p| self.case_of(p, *name).is_some())
                {
                    return self.check_case(id, None, *name, None, ty);
                }
            }
            Expr::Member {
                base: Some(base),
                name,
                ..
            } => {
                if let Some(named) = self.pattern_type(*base)
                    && self.case_of(named, *name).is_some()
                {
                    return self.check_case(id, Some(*base), *name, None, ty);
                }
            }
            Expr::Nil if optional_payload(self.db, ty).is_some() => {
                if let Some(case) = self.optional_case("none") {
                    return self.pat(
                        TPatKind::Case {
                            case,
                            payload: None,
                        },
                        ty,
                        Some(expr),
                    );
                }
            }
            Expr::Paren(inner) => return self.check_expr_pattern(id, *inner, ty),
            Expr::Chain(inner) => {
                if let Expr::ChainLink(value) = &body.exprs[*inner]
                    && let Some(payload) = optional_payload(self.db, ty)
                {
                    let inner = self.check_expr_pattern(id, *value, payload);
                    return self.some_pattern(inner, ty);
                }
            }
            Expr::ChainLink(value) => {
                if let Some(payload) = optional_payload(self.db, ty) {
                    let inner = self.check_expr_pattern(id, *value, payload);
                    return self.some_pattern(inner, ty);
                }
            }
            Expr::Tuple(args) if ty.as_tuple().is_some_and(|t| t.len() == args.len()) => {
                let types = ty.as_tuple().unwrap_or_default();
                let parts = args
                    .iter()
                    .zip(types)
                    .map(|(a, t)| self.check_expr_pattern(id, a.expr, t.ty))
                    .collect();
                return self.pat(TPatKind::Tuple(parts), ty, Some(expr));
            }
            Expr::Discard => return self.pat(TPatKind::Wild, ty, Some(expr)),
            _ => {}
        }
        if ty.is_error() {
            self.check_expr(expr, None);
            return self.pat(TPatKind::Wild, ty, Some(expr));
        }
        let value = self.temp("$value", ty, TLocalKind::Let);
        let test = self.match_test(expr, value, ty);
        self.pat(TPatKind::Expr { value, test }, ty, Some(expr))
    }

    /// `pattern ~= value`
    fn match_test(&mut self, expr: ExprId, value: TLocalId, ty: Ty) -> TExprId {
        let saved_cs = std::mem::replace(&mut self.cs, System::new(self.table.len()));
        let saved_facts = std::mem::take(&mut self.facts);
        let saved_root = std::mem::replace(&mut self.root_expr, expr);
        self.nesting += 1;
        let pattern = self.generate(expr);
        // The operator's choice is kept where nothing else is: an id beyond the body's expressions.
        let key = ExprId::from_raw(u32::MAX - 1);
        let callee = self.table.fresh();
        let result = self.table.fresh();
        let choices = self.operator_choices(Name::new("~="), Some(Fixity::Infix));
        self.add(Constraint::Apply(Rc::new(Apply {
            call: key,
            key,
            callee,
            args: vec![
                ArgInfo {
                    label: None,
                    expr,
                    ty: pattern,
                },
                ArgInfo {
                    label: None,
                    expr,
                    ty,
                },
            ],
            trailing: 0,
            result,
            kind: ApplyKind::Operator,
        })));
        self.add(Constraint::Relate {
            rel: Rel::Equal,
            a: result,
            b: lang::bool_ty(self.db),
            loc: Loc {
                expr,
                why: Why::Inner,
            },
        });
        self.pattern_keys = Some(key);
        self.add(Constraint::Overload {
            key,
            ty: callee,
            choices: choices.into(),
        });
        let errors = self.errors();
        let built = match self.solve() {
            Ok(()) => self.build_test(expr, key, value, ty),
            Err(failure) => {
                if self.errors() == errors {
                    let of = self.show(ty);
                    match failure.kind {
                        FailKind::Operator(_) | FailKind::NoOverload | FailKind::Mismatch(..) => {
                            let given = self.pattern_shown(expr, pattern);
                            self.error_at(
                                "pattern-mismatch",
                                expr,
                                format!(
                                    "expression pattern of type '{given}' cannot match values of type '{of}'"
                                ),
                            );
                        }
                        kind => {
                            let failure = Failure {
                                kind,
                                loc: failure.loc,
                            };
                            self.report(&failure);
                        }
                    }
                }
                self.error_expr(expr, lang::bool_ty(self.db))
            }
        };
        self.pattern_keys = None;
        self.nesting -= 1;
        self.root_expr = saved_root;
        self.cs = saved_cs;
        self.facts = saved_facts;
        if self.nesting == 0 {
            self.table = Default::default();
        }
        built
    }

    fn pattern_shown(&self, expr: ExprId, ty: Ty) -> String {
        let _ = expr;
        match self.table.as_var(ty) {
            Some(var) => match self.default_type(self.table.literals(var)) {
                Some(t) => self.show(t),
                None => "_".to_string(),
            },
            None => self.show(ty),
        }
    }

    fn build_test(&mut self, expr: ExprId, key: ExprId, value: TLocalId, ty: Ty) -> TExprId {
        let (Some(matched), Some(resolved)) =
            (self.facts.calls.get(&key).cloned(), self.facts_choice(key))
        else {
            return self.error_expr(expr, lang::bool_ty(self.db));
        };
        let Target::Decl(def) = resolved.choice.target else {
            return self.error_expr(expr, lang::bool_ty(self.db));
        };
        let args = self.known_args(&resolved.args);
        let mut params = Vec::new();
        for (i, param) in matched.params.iter().enumerate() {
            let want = self.known(param.ty);
            let value = match matched.bound.get(i) {
                Some(Bound::Arg(0)) => self.build(expr),
                _ => self.node(TExprKind::Local(value), ty, expr),
            };
            params.push(TArg::Value(self.coerce(value, want)));
        }
        self.declared_call(expr, def, args, None, params, lang::bool_ty(self.db), None)
    }
}

/// A declaration's name without labels.
pub fn base_name(name: Name) -> &'static str {
    name.as_str().split('(').next().unwrap_or_default()
}
