//! A known type against a parameter's declared type, in which generic parameters are still themselves: the inner loop of comparing candidates.

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::items::hir::{Expr, ExprId};
use crate::items::ids::{DefId, DefKind};
use crate::types::lang::{self, LangItem, is_lang, lang, optional_payload};
use crate::types::nominal::inherited_type;
use crate::types::ty::{TupleElem, Ty, TyKind};

use super::table::Literal;

/// What the arguments bind generic parameters to.
pub type Binds = SmallVec<[Option<Ty>; 6]>;

/// How a known type fits a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quick {
    Exact,
    /// By a conversion that says nothing against the candidate: to a superclass, or to an existential other than `Any`.
    Free,
    /// A literal takes another type than its default.
    Literal,
    Converts(u16),
    /// A literal takes another type than its default, and is converted.
    LiteralConverts(u16),
    Unknown,
    No,
}

impl<'db> Checker<'db> {
    /// Fits a type that is known so far to a parameter's declared type, in which generic parameters are still themselves.
    pub(super) fn quick(
        &mut self,
        pattern: Ty,
        actual: Ty,
        binds: &mut Binds,
        arg: Option<ExprId>,
        depth: u32,
    ) -> Quick {
        let db = self.db;
        let actual = self.table.shallow(actual);
        if actual.is_error() || depth > 12 {
            return Quick::Exact;
        }
        if let TyKind::Infer(var) = actual.kind() {
            return self.quick_var(pattern, *var, binds, arg);
        }
        match pattern.kind() {
            TyKind::Param { index, .. } => {
                let slot = binds.get(*index as usize).copied().flatten();
                match slot {
                    None => {
                        if matches!(actual.kind(), TyKind::Inout(_)) {
                            return Quick::No;
                        }
                        if let Some(slot) = binds.get_mut(*index as usize) {
                            *slot = Some(actual);
                        }
                        Quick::Exact
                    }
                    Some(bound) => self.quick_same(bound, actual, binds, *index as usize),
                }
            }
            TyKind::Error => Quick::Exact,
            TyKind::Nominal { def, args } => {
                let Some(payload) = optional_payload(db, pattern) else {
                    return self.quick_nominal(
                        pattern,
                        *def,
                        args.as_slice(),
                        actual,
                        binds,
                        depth,
                    );
                };
                if let Some(inner) = optional_payload(db, actual) {
                    return self.quick(payload, inner, binds, None, depth + 1);
                }
                self.quick(payload, actual, binds, arg, depth + 1)
                    .converted(1)
            }
            TyKind::Existential(e) => {
                if pattern == actual {
                    return Quick::Exact;
                }
                if matches!(actual.kind(), TyKind::Inout(_)) {
                    return Quick::No;
                }
                if pattern.is_any() {
                    return Quick::Converts(3);
                }
                if e.class_bound && !self.is_class(actual) {
                    return Quick::No;
                }
                if actual.has_infer() {
                    return Quick::Free;
                }
                let protocols = e.protocols.clone();
                match protocols.iter().all(|p| self.conforms(actual, *p)) {
                    true => Quick::Free,
                    false => Quick::No,
                }
            }
            TyKind::Function(f) => {
                let Some(g) = actual.as_function() else {
                    return Quick::No;
                };
                if f.params.len() != g.params.len() {
                    return match &*f.params {
                        [one]
                            if matches!(
                                one.ty.kind(),
                                TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Infer(_)
                            ) || one
                                .ty
                                .as_tuple()
                                .is_some_and(|t| t.len() == g.params.len()) =>
                        {
                            Quick::Unknown
                        }
                        _ => Quick::No,
                    };
                }
                if g.throws.is_some() && f.throws.is_none() {
                    return Quick::No;
                }
                let mut worst = Quick::Exact;
                for (x, y) in f.params.iter().zip(g.params.iter()) {
                    // Parameters convert the other way round.
                    let fits = match self.known_pattern(x.ty, binds) {
                        Some(known) => {
                            let taken = self.table.resolve(y.ty);
                            match self.quick_rigid(taken, known) {
                                Some(fits) => fits,
                                None if self.upcasts(known, taken) => Quick::Free,
                                None => self.quick(x.ty, y.ty, binds, None, depth + 1),
                            }
                        }
                        None => self.quick(x.ty, y.ty, binds, None, depth + 1),
                    };
                    worst = combine(worst, fits);
                }
                combine(
                    worst,
                    self.quick(f.result, g.result, binds, None, depth + 1),
                )
            }
            TyKind::Tuple(x) => {
                let Some(y) = actual.as_tuple() else {
                    return Quick::No;
                };
                if x.len() != y.len() {
                    return Quick::No;
                }
                let mut worst = Quick::Exact;
                for (x, y) in x.iter().zip(y) {
                    worst = combine(worst, self.quick(x.ty, y.ty, binds, None, depth + 1));
                }
                worst
            }
            TyKind::Metatype(x) => match actual.kind() {
                TyKind::Metatype(y) => match x.kind() {
                    TyKind::Existential(_) if x != y => Quick::Free,
                    _ => self.quick(*x, *y, binds, None, depth + 1),
                },
                TyKind::ProtocolMetatype(y) => self.quick(*x, *y, binds, None, depth + 1),
                _ => Quick::No,
            },
            TyKind::Assoc { base, assoc } => {
                let base = self.bound_pattern(*base, binds);
                if base.has_params() && !self.is_env_type(base) || base.has_infer() {
                    return Quick::Unknown;
                }
                let known = self.norm(Ty::new(TyKind::Assoc {
                    base,
                    assoc: *assoc,
                }));
                if known == actual || actual.has_infer() || known == self.norm(actual) {
                    return Quick::Exact;
                }
                if let Some(quick) = self.quick_rigid(known, actual) {
                    return quick;
                }
                match (known.as_nominal(), actual.as_nominal()) {
                    (Some((d, _)), Some((e, _)))
                        if d != e
                            && optional_payload(db, known).is_none()
                            && d.kind(db) != DefKind::Class =>
                    {
                        Quick::No
                    }
                    (Some(_), Some(_)) => Quick::Converts(1),
                    _ if known.is_any() => Quick::Converts(3),
                    _ if known.is_existential() => Quick::Free,
                    _ => Quick::Unknown,
                }
            }
            TyKind::Builtin(_) => {
                if pattern == actual {
                    Quick::Exact
                } else {
                    Quick::No
                }
            }
            TyKind::DynamicSelf(t) => self.quick(*t, actual, binds, arg, depth + 1),
            _ if pattern == actual => Quick::Exact,
            _ => Quick::Unknown,
        }
    }

    /// Whether a type with parameters is one of the body's own environment, which the solver cannot tell by its looks.
    fn is_env_type(&self, _ty: Ty) -> bool {
        true
    }

    fn quick_same(&mut self, bound: Ty, actual: Ty, binds: &mut Binds, index: usize) -> Quick {
        let db = self.db;
        let bound = self.table.shallow(bound);
        if bound == actual || bound.is_error() {
            return Quick::Exact;
        }
        let (bound, actual) = (self.norm(bound), self.norm(actual));
        if bound == actual {
            return Quick::Exact;
        }
        if bound.has_infer() || actual.has_infer() {
            if let (Some((d, _)), Some((e, _))) = (bound.as_nominal(), actual.as_nominal())
                && d != e
                && optional_payload(db, bound).is_none()
                && optional_payload(db, actual).is_none()
                && d.kind(db) != DefKind::Class
            {
                return Quick::No;
            }
            return Quick::Unknown;
        }
        if let Some(quick) = self.quick_rigid(bound, actual) {
            return quick;
        }
        match self.join(bound, actual) {
            Some(joined) => {
                let upcast = optional_payload(db, joined).is_none();
                binds[index] = Some(joined);
                if upcast {
                    Quick::Free
                } else {
                    Quick::Converts(1)
                }
            }
            None => Quick::No,
        }
    }

    /// How a known type converts to another one, as far as that is more than having a common supertype.
    fn quick_rigid(&self, to: Ty, from: Ty) -> Option<Quick> {
        let db = self.db;
        if let TyKind::Existential(e) = to.kind() {
            return Some(if to.is_any() {
                Quick::Converts(3)
            } else if e.protocols.iter().all(|p| self.conforms(from, *p)) {
                Quick::Free
            } else {
                Quick::No
            });
        }
        if is_lang(db, to, LangItem::AnyHashable)
            && self.conforms(from, lang(db, LangItem::Hashable))
        {
            return Some(self.as_any_hashable());
        }
        if let (Some(x), Some(y)) = (to.as_tuple(), from.as_tuple()) {
            return self.quick_tuples(x, y);
        }
        match (optional_payload(db, to), optional_payload(db, from)) {
            (Some(to), None) if to == from => Some(Quick::Converts(1)),
            (Some(to), Some(from)) if to != from => self.quick_rigid(to, from),
            (Some(to), None) => Some(self.quick_rigid(to, from)?.converted(1)),
            _ => None,
        }
    }

    /// How a tuple converts to another one, element by element: labels may be left out.
    fn quick_tuples(&self, to: &[TupleElem], from: &[TupleElem]) -> Option<Quick> {
        let labels = |x: &TupleElem, y: &TupleElem| {
            x.label == y.label || x.label.is_none() || y.label.is_none()
        };
        if to.len() != from.len() || !to.iter().zip(from).all(|(x, y)| labels(x, y)) {
            return None;
        }
        let mut worst = Quick::Free;
        for (x, y) in to.iter().zip(from) {
            let fits = match self.quick_rigid(x.ty, y.ty) {
                _ if x.ty == y.ty => Quick::Exact,
                Some(fits) => fits,
                None if self.upcasts(y.ty, x.ty) => Quick::Free,
                None => return None,
            };
            worst = combine(worst, fits);
        }
        Some(worst)
    }

    fn quick_nominal(
        &mut self,
        pattern: Ty,
        def: DefId,
        args: &'static [Ty],
        actual: Ty,
        binds: &mut Binds,
        depth: u32,
    ) -> Quick {
        let db = self.db;
        match actual.kind() {
            TyKind::Nominal { def: d, args: y } => {
                if *d == def {
                    let mut worst = Quick::Exact;
                    for (x, y) in args.iter().zip(y.iter()) {
                        worst = combine(worst, self.quick(*x, y, binds, None, depth + 1));
                    }
                    if let Quick::Converts(_) | Quick::Free = worst {
                        let collection = def == lang(db, LangItem::Array)
                            || def == lang(db, LangItem::Dictionary)
                            || def == lang(db, LangItem::Set);
                        if !collection {
                            return Quick::No;
                        }
                        return worst.converted(1);
                    }
                    return worst;
                }
                if d.kind(db) == DefKind::Class && def.kind(db) == DefKind::Class {
                    return match inherited_type(db, actual, def) {
                        Some(up) => match self.quick(pattern, up, binds, None, depth + 1) {
                            Quick::Exact => Quick::Free,
                            other => other,
                        },
                        None => Quick::No,
                    };
                }
                if def == lang(db, LangItem::AnyHashable) {
                    return self.as_any_hashable();
                }
                if self.is_pointer(pattern) {
                    let known = lang(db, LangItem::Array) == *d
                        || lang(db, LangItem::String) == *d
                        || self.is_pointer(actual);
                    return if known { Quick::Converts(2) } else { Quick::No };
                }
                Quick::No
            }
            TyKind::Inout(_) => {
                if self.is_pointer(pattern) {
                    Quick::Converts(2)
                } else {
                    Quick::No
                }
            }
            TyKind::DynamicSelf(t) => self.quick(pattern, *t, binds, None, depth + 1),
            TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Existential(_) => {
                if def == lang(db, LangItem::AnyHashable) {
                    return self.as_any_hashable();
                }
                match self.superclass_bound(actual) {
                    Some(up) => match self.quick(pattern, up, binds, None, depth + 1) {
                        Quick::Exact => Quick::Free,
                        other => other,
                    },
                    None => Quick::No,
                }
            }
            TyKind::Opaque { .. } => Quick::No,
            TyKind::Infer(_) | TyKind::Error => Quick::Unknown,
            _ => {
                if def == lang(db, LangItem::AnyHashable) {
                    self.as_any_hashable()
                } else {
                    Quick::No
                }
            }
        }
    }

    fn quick_var(
        &mut self,
        pattern: Ty,
        var: u32,
        binds: &mut Binds,
        arg: Option<ExprId>,
    ) -> Quick {
        let db = self.db;
        let kinds = self.literal_kinds(var);
        if !kinds.is_empty() {
            return match pattern.kind() {
                TyKind::Param { index, .. } => {
                    let slot = binds.get(*index as usize).copied().flatten();
                    match slot {
                        Some(bound) => {
                            let bound = self.table.shallow(bound);
                            if Some(bound) == self.default_type(kinds) {
                                Quick::Exact
                            } else if matches!(bound.kind(), TyKind::Infer(_)) {
                                Quick::Unknown
                            } else if self.literal_target(bound, kinds).is_some() {
                                if kinds.contains(Literal::Nil) {
                                    Quick::Exact
                                } else {
                                    Quick::Literal
                                }
                            } else if bound.is_existential() {
                                Quick::Converts(3)
                            } else if is_lang(db, bound, LangItem::AnyHashable) {
                                self.as_any_hashable()
                            } else if kinds.contains(Literal::Nil) {
                                binds[*index as usize] = Some(lang::optional_of(db, bound));
                                Quick::Converts(1)
                            } else if let Some(default) = self.default_type(kinds)
                                && let Some(joined) = self.join(bound, default)
                            {
                                binds[*index as usize] = Some(joined);
                                Quick::Converts(1)
                            } else {
                                Quick::No
                            }
                        }
                        None => {
                            if let Some(slot) = binds.get_mut(*index as usize)
                                && self.literals_default
                            {
                                *slot = self.default_type(kinds);
                            }
                            if kinds.contains(Literal::Nil) {
                                return Quick::Unknown;
                            }
                            Quick::Exact
                        }
                    }
                }
                TyKind::Nominal { .. } => {
                    if Some(pattern) == self.default_type(kinds) {
                        return Quick::Exact;
                    }
                    if let Some(payload) = optional_payload(db, pattern) {
                        if kinds.contains(Literal::Nil) {
                            return Quick::Exact;
                        }
                        return self.quick_var(payload, var, binds, arg).converted(1);
                    }
                    let rigid = self.bound_pattern(pattern, binds);
                    if self.accepts(rigid, kinds) {
                        return if kinds.contains(Literal::Nil) {
                            Quick::Converts(1)
                        } else {
                            Quick::Literal
                        };
                    }
                    if is_lang(db, pattern, LangItem::AnyHashable) {
                        return self.as_any_hashable();
                    }
                    if self.is_pointer(pattern) && kinds.contains(Literal::String) {
                        return Quick::Converts(3);
                    }
                    Quick::No
                }
                TyKind::Existential(e) => {
                    if pattern.is_any() {
                        return Quick::Converts(3);
                    }
                    let protocols = e.protocols.clone();
                    match self.default_type(kinds) {
                        Some(t) if protocols.iter().all(|p| self.conforms(t, *p)) => Quick::Free,
                        _ => Quick::No,
                    }
                }
                TyKind::Assoc { base, assoc } => {
                    let base = self.bound_pattern(*base, binds);
                    if base.has_infer() {
                        return Quick::Unknown;
                    }
                    let known = self.norm(Ty::new(TyKind::Assoc {
                        base,
                        assoc: *assoc,
                    }));
                    let written = matches!(
                        known.kind(),
                        TyKind::Nominal { .. } | TyKind::Existential(_)
                    );
                    if Some(known) == self.default_type(kinds) {
                        Quick::Exact
                    } else if written && known != lang::int_ty(db) && !known.has_params() {
                        self.quick_var(known, var, binds, arg)
                    } else if matches!(known.kind(), TyKind::Assoc { .. }) {
                        Quick::Unknown
                    } else if self.literal_target(known, kinds).is_some() {
                        Quick::Literal
                    } else if known == lang::int_ty(db) && kinds.contains(Literal::Float) {
                        // The base may be an integer only because other literals are.
                        Quick::Unknown
                    } else {
                        Quick::No
                    }
                }
                TyKind::DynamicSelf(_) | TyKind::Opaque { .. } => Quick::Unknown,
                _ => Quick::No,
            };
        }
        // Closures and implicit members say something by their shape.
        let Some(arg) = arg else {
            return Quick::Unknown;
        };
        match self.shape(arg) {
            Shape::Closure(arity) => self.quick_closure(pattern, arity, binds),
            Shape::Implicit(name) => match pattern.kind() {
                TyKind::Nominal { def, .. } => {
                    let def = match optional_payload(db, pattern) {
                        Some(_) => return Quick::Unknown,
                        None => *def,
                    };
                    if crate::types::members_named(db, def, name).is_empty()
                        && crate::types::member_candidates(db, pattern, name, self.env).is_empty()
                    {
                        Quick::No
                    } else {
                        Quick::Exact
                    }
                }
                TyKind::Param { index, .. } => {
                    match binds.get(*index as usize).copied().flatten() {
                        Some(_) => Quick::Exact,
                        None => Quick::Unknown,
                    }
                }
                TyKind::Function(_) | TyKind::Tuple(_) | TyKind::Builtin(_) => Quick::No,
                _ => Quick::Unknown,
            },
            Shape::Array => match pattern.kind() {
                TyKind::Nominal { .. } => {
                    let mut p = pattern;
                    let mut n = 0;
                    while let Some(payload) = optional_payload(db, p) {
                        p = payload;
                        n += 1;
                    }
                    if matches!(p.kind(), TyKind::Param { .. } | TyKind::Existential(_)) {
                        return Quick::Unknown;
                    }
                    let blurred = self.blur(p, binds);
                    if is_lang(db, p, LangItem::Array) {
                        if n == 0 {
                            Quick::Exact
                        } else {
                            Quick::Converts(n)
                        }
                    } else if self.is_pointer(p) {
                        Quick::Converts(n + 2)
                    } else if self.conforms(blurred, lang(db, LangItem::ExpressibleByArrayLiteral))
                    {
                        Quick::Literal
                    } else {
                        Quick::No
                    }
                }
                TyKind::Function(_) | TyKind::Tuple(_) | TyKind::Builtin(_) => Quick::No,
                TyKind::Param { index, .. } => {
                    match binds.get(*index as usize).copied().flatten() {
                        Some(t) if is_lang(db, self.table.shallow(t), LangItem::Array) => {
                            Quick::Exact
                        }
                        Some(t) => {
                            let t = self.table.resolve(t);
                            if t.has_infer() {
                                Quick::Unknown
                            } else if t.is_existential() {
                                Quick::Converts(3)
                            } else if is_lang(db, t, LangItem::AnyHashable) {
                                self.as_any_hashable()
                            } else if self
                                .conforms(t, lang(db, LangItem::ExpressibleByArrayLiteral))
                            {
                                Quick::Literal
                            } else {
                                Quick::No
                            }
                        }
                        None => Quick::Unknown,
                    }
                }
                _ => Quick::Unknown,
            },
            Shape::Other => Quick::Unknown,
        }
    }

    /// What it means that a hashable value would have to become an `AnyHashable`: operands never do.
    fn as_any_hashable(&self) -> Quick {
        match self.operands {
            true => Quick::No,
            false => Quick::Converts(3),
        }
    }

    /// A pattern with erroneous types, which fit everything, for what is not bound.
    fn blur(&self, pattern: Ty, binds: &Binds) -> Ty {
        let bound = self.bound_pattern(pattern, binds);
        bound.map(&mut |t| match t.kind() {
            TyKind::Param { .. } | TyKind::Infer(_) => Some(Ty::error()),
            _ => None,
        })
    }

    fn quick_closure(&mut self, pattern: Ty, arity: Option<usize>, binds: &mut Binds) -> Quick {
        match pattern.kind() {
            TyKind::Function(f) => match arity {
                Some(n) if n == f.params.len() => Quick::Exact,
                // One tuple may be taken apart.
                Some(n) if f.params.len() == 1 && n > 1 => {
                    match self.bound_pattern(f.params[0].ty, binds).kind() {
                        TyKind::Tuple(t) if t.len() == n => Quick::Exact,
                        TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Infer(_) => {
                            Quick::Unknown
                        }
                        _ => Quick::No,
                    }
                }
                Some(0) if f.params.len() == 1 && f.params[0].ty.is_unit() => Quick::Exact,
                Some(_) => Quick::No,
                None => Quick::Exact,
            },
            TyKind::Nominal { .. } => match optional_payload(self.db, pattern) {
                Some(payload) => self.quick_closure(payload, arity, binds),
                None => Quick::No,
            },
            TyKind::Param { index, .. } => match binds.get(*index as usize).copied().flatten() {
                Some(bound) => {
                    let bound = self.table.shallow(bound);
                    match bound.kind() {
                        TyKind::Function(_) => Quick::Exact,
                        TyKind::Infer(_) => Quick::Unknown,
                        _ => Quick::No,
                    }
                }
                None => {
                    let _ = &binds;
                    Quick::Unknown
                }
            },
            TyKind::Existential(_) if pattern.is_any() => Quick::Converts(3),
            TyKind::Error => Quick::Exact,
            _ => Quick::No,
        }
    }

    fn shape(&self, expr: ExprId) -> Shape {
        match &self.body.exprs[expr] {
            Expr::Paren(inner) => self.shape(*inner),
            Expr::Closure(c) => Shape::Closure(match &c.params {
                Some(params) => Some(params.len()),
                None if c.anonymous.is_empty() => Some(0),
                None => Some(c.anonymous.len()),
            }),
            Expr::Member {
                base: None, name, ..
            } => Shape::Implicit(*name),
            Expr::Call { callee, .. } => match &self.body.exprs[*callee] {
                Expr::Member {
                    base: None, name, ..
                } => Shape::Implicit(*name),
                _ => Shape::Other,
            },
            Expr::Array(_) => Shape::Array,
            _ => Shape::Other,
        }
    }
}

enum Shape {
    /// A closure with so many parameters.
    Closure(Option<usize>),
    Implicit(Name),
    Array,
    Other,
}

impl Quick {
    /// After a further conversion of this cost.
    fn converted(self, cost: u16) -> Quick {
        match self {
            Quick::Exact | Quick::Free => Quick::Converts(cost),
            Quick::Converts(n) => Quick::Converts(n + cost),
            Quick::Literal => Quick::LiteralConverts(cost),
            Quick::LiteralConverts(n) => Quick::LiteralConverts(n + cost),
            Quick::Unknown | Quick::No => self,
        }
    }

    /// What the conversions cost.
    pub fn cost(self) -> u16 {
        match self {
            Quick::Converts(n) | Quick::LiteralConverts(n) => n,
            _ => 0,
        }
    }
}

/// How the parts of a type fit together.
fn combine(a: Quick, b: Quick) -> Quick {
    let literal = |q| matches!(q, Quick::Literal | Quick::LiteralConverts(_));
    match (a, b) {
        (Quick::No, _) | (_, Quick::No) => Quick::No,
        (Quick::Unknown, _) | (_, Quick::Unknown) => Quick::Unknown,
        _ => match (a.cost() + b.cost(), literal(a) || literal(b)) {
            (0, false) if a == Quick::Exact => b,
            (0, false) => a,
            (0, true) => Quick::Literal,
            (n, false) => Quick::Converts(n),
            (n, true) => Quick::LiteralConverts(n),
        },
    }
}
