//! How well a candidate fits what is known of its arguments and its context, without opening it.

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::items::ids::{DefId, DefKind};
use crate::types::generics::{Requirement, generics};
use crate::types::lang::{LangItem, is_lang, optional_payload};
use crate::types::signature::{SigParam, signature};
use crate::types::ty::{ParamMode, Ty, TyKind};

use super::calls::{Bound, Slot, match_args};
use super::quick::{Binds, Quick};
use super::table::LiteralSet;
use super::{Apply, ApplyKind, Base, Choice, Constraint, Target};

/// How well a candidate fits; smaller is better, in the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Fit {
    pub force: bool,
    pub conversions: u16,
    pub literals: u16,
    pub generic: bool,
    /// Not part of the comparison: some argument is not known yet.
    pub unknown: u8,
}

impl<'db> Checker<'db> {
    /// Whether nothing but literals speaks for any overload.
    pub(super) fn only_literals(&self, apply: Option<&Apply>, ty: Ty) -> bool {
        let Some(apply) = apply else {
            return self.context_of(ty).is_none();
        };
        if apply.args.is_empty() || self.context_of(apply.result).is_some() {
            return false;
        }
        apply.args.iter().all(|arg| {
            self.table
                .as_var(arg.ty)
                .is_some_and(|v| !self.literal_kinds(v).is_empty())
        })
    }

    pub(super) fn labels_match(&self, choice: &Choice, apply: &Apply) -> bool {
        let Target::Decl(def) = choice.target else {
            return true;
        };
        match self.params_of(def, apply.kind) {
            Some(params) => {
                let slots = raw_slots(self, &params);
                let labels: Vec<_> = apply.args.iter().map(|a| a.label).collect();
                match_args(&slots, &labels, apply.trailing as usize).is_ok()
            }
            None => true,
        }
    }

    pub(super) fn params_of(&self, def: DefId, kind: ApplyKind) -> Option<Vec<SigParam>> {
        match def.kind(self.db) {
            _ if decl::is_synth_value(def, self.db) => None,
            DefKind::Func
            | DefKind::Init
            | DefKind::Subscript
            | DefKind::Case
            | DefKind::Synth(_) => {
                let mut params = signature(self.db, def).params.clone();
                if kind == ApplyKind::Operator {
                    params.iter_mut().for_each(|p| p.label = None);
                }
                Some(params)
            }
            _ => None,
        }
    }

    /// How well a candidate fits what is known; none when it cannot be meant.
    pub(super) fn fit(&mut self, choice: &Choice, apply: Option<&Apply>, ty: Ty) -> Option<Fit> {
        let mut fit = Fit {
            force: choice.force,
            ..Fit::default()
        };
        if let Target::Dynamic(def) = choice.target {
            // A member that a subscript answers has the subscript's type.
            let count = generics(self.db, def).params.len();
            let mut binds: Binds = SmallVec::from_elem(None, count);
            for (slot, outer) in binds.iter_mut().zip(choice.outer.iter()) {
                *slot = Some(outer);
            }
            let result = signature(self.db, def).result;
            return self.fit_value(fit, result, &mut binds, ty, apply);
        }
        let Target::Decl(def) = choice.target else {
            fit.unknown = 1;
            return Some(fit);
        };
        if choice.base == Base::Unbound {
            fit.unknown = 1;
            if let Some(apply) = apply
                && apply.args.len() != 1
            {
                return None;
            }
            return Some(fit);
        }
        let db = self.db;
        let g = generics(db, def);
        let mut binds: Binds = SmallVec::from_elem(None, g.params.len());
        for (i, t) in choice.outer.iter().enumerate().take(binds.len()) {
            binds[i] = Some(t);
        }
        // How the choice is generic: by parameters of its own, or as a protocol's member.
        fit.generic = g.params.len() > choice.outer.len() || choice.rank >= 110;
        let kind = apply.map_or(ApplyKind::Call, |a| a.kind);
        let (params, result) = match self.params_of(def, kind) {
            Some(params) if def.kind(db) != DefKind::Case || decl::has_payload(db, def) => {
                let makes = def.kind(db) == DefKind::Init
                    || matches!(def.kind(db), DefKind::Synth(s) if decl::is_synth_init(s));
                let result = if makes {
                    None
                } else {
                    let result = signature(db, def).result;
                    Some(match choice.force {
                        true => optional_payload(db, result).unwrap_or(result),
                        false => result,
                    })
                };
                if choice.force && apply.is_none() {
                    // Only the result of a call is forced.
                    return None;
                }
                (params, result)
            }
            Some(_) => {
                let result = signature(db, def).result;
                return self.fit_value(fit, result, &mut binds, ty, apply);
            }
            None => {
                let result = decl::value_type(db, def);
                let result = if choice.force {
                    optional_payload(db, result).unwrap_or(result)
                } else {
                    result
                };
                return self.fit_value(fit, result, &mut binds, ty, apply);
            }
        };
        let Some(apply) = apply else {
            // Used as a value.
            let pattern = signature(db, def).function_type();
            let fit = self.fit_value(fit, pattern, &mut binds, ty, None)?;
            return self.requirements_hold(def, choice, &binds).then_some(fit);
        };
        let slots = raw_slots(self, &params);
        let labels: SmallVec<[Option<Name>; 6]> = apply.args.iter().map(|a| a.label).collect();
        let bound = match_args(&slots, &labels, apply.trailing as usize).ok()?;
        let mut pairs: SmallVec<[(usize, u32); 6]> = SmallVec::new();
        for (p, b) in bound.iter().enumerate() {
            match b {
                Bound::Arg(a) => pairs.push((p, *a)),
                Bound::Variadic(args) => {
                    pairs.extend(args.iter().map(|a| (p, *a)));
                }
                Bound::Default => {}
            }
        }
        // Known arguments bind generic parameters before literals adapt to them.
        let is_literal = |this: &Self, a: u32| {
            this.table
                .as_var(apply.args[a as usize].ty)
                .is_some_and(|v| !this.literal_kinds(v).is_empty())
        };
        for literals in [false, true] {
            // Where the context gives the result's parameter, literals follow it.
            let follows = result.is_some_and(|r| matches!(r.kind(), TyKind::Param { .. }));
            self.literals_default = fit.unknown == 0
                && (!literals || !follows || self.context_of(apply.result).is_none());
            for &(p, a) in &pairs {
                if is_literal(self, a) != literals {
                    continue;
                }
                let arg = &apply.args[a as usize];
                let param = &params[p];
                let mut actual = self.table.shallow(arg.ty);
                let mut pattern = param.ty;
                if param.autoclosure
                    && let Some(f) = pattern.as_function()
                {
                    pattern = f.result;
                }
                if param.mode == ParamMode::Inout {
                    match actual.kind() {
                        TyKind::Inout(t) => actual = self.table.shallow(*t),
                        _ if apply.kind == ApplyKind::Operator => {}
                        _ => return None,
                    }
                }
                self.operands = apply.kind == ApplyKind::Operator && !param.autoclosure;
                let quick = self.quick(pattern, actual, &mut binds, Some(arg.expr), 0);
                self.operands = false;
                match quick {
                    Quick::Exact => {}
                    Quick::Literal => fit.literals += 1,
                    Quick::Free | Quick::Converts(_) | Quick::LiteralConverts(_)
                        if param.mode == ParamMode::Inout =>
                    {
                        return None;
                    }
                    Quick::Free => {}
                    Quick::Converts(n) => fit.conversions += n,
                    Quick::LiteralConverts(n) => {
                        fit.literals += 1;
                        fit.conversions += n;
                    }
                    Quick::Unknown => fit.unknown += 1,
                    Quick::No => return None,
                }
            }
        }
        if let Some(result) = result
            && let Some(context) = self.context_of(apply.result)
        {
            // A result that is known is a type of the body: its parameters are not those of the candidate.
            let fits = match self.known_pattern(result, &binds) {
                Some(known) => self.result_fits(known, context, &Binds::new()),
                None => self.result_fits(result, context, &binds),
            };
            if !fits {
                return None;
            }
        }
        if let Some(result) = result
            && let Some(context) = self.context_of(apply.result)
        {
            // Literals adapt to the context rather than the context to them.
            let result = self.bound_pattern(result, &binds);
            if !result.has_params()
                && optional_payload(db, self.table.shallow(context)).is_none()
                && self.table.shallow(result) != self.table.shallow(context)
                && !context.is_existential()
                && self.only_literals_in(apply)
            {
                fit.conversions += 1;
            }
        }
        if !self.requirements_hold(def, choice, &binds) {
            return None;
        }
        Some(fit)
    }

    fn only_literals_in(&self, apply: &Apply) -> bool {
        apply.args.iter().all(|a| {
            self.table
                .as_var(a.ty)
                .is_some_and(|v| !self.literal_kinds(v).is_empty())
        })
    }

    fn fit_value(
        &mut self,
        mut fit: Fit,
        pattern: Ty,
        binds: &mut Binds,
        ty: Ty,
        apply: Option<&Apply>,
    ) -> Option<Fit> {
        if let Some(apply) = apply {
            if let Some(f) = pattern.as_function() {
                if f.params.len() != apply.args.len() && !f.params.iter().any(|p| p.variadic) {
                    return None;
                }
            } else if let TyKind::Nominal { .. } = pattern.kind()
                && optional_payload(self.db, pattern).is_some()
            {
                return None;
            }
            fit.unknown += 1;
            return Some(fit);
        }
        let Some(context) = self.context_of(ty) else {
            fit.unknown += 1;
            return Some(fit);
        };
        let mut context = self.table.shallow(context);
        if pattern.as_function().is_some() {
            while let Some(payload) = optional_payload(self.db, context) {
                context = self.table.shallow(payload);
                fit.conversions += 1;
            }
            let Some(f) = context.as_function() else {
                // A function value fits a function type, `Any`, or something unknown.
                if matches!(context.kind(), TyKind::Infer(_)) {
                    fit.unknown += 1;
                    return Some(fit);
                }
                return context.is_any().then_some(fit);
            };
            let g = pattern.as_function()?;
            if f.params.len() != g.params.len() {
                // One parameter that is a tuple, or may still become one, takes the place of several.
                let [one] = &*f.params else {
                    return None;
                };
                let spreads = match self.table.as_var(one.ty) {
                    Some(var) => g.params.len() > 1 && self.table.literals(var).is_empty(),
                    None => {
                        let elems = self.table.shallow(one.ty).as_tuple();
                        elems.map(<[_]>::len) == Some(g.params.len())
                    }
                };
                if !spreads {
                    return None;
                }
                fit.unknown += 1;
                return Some(fit);
            }
            for (x, y) in g.params.iter().zip(f.params.iter()) {
                if x.variadic != y.variadic
                    || (x.mode == ParamMode::Inout) != (y.mode == ParamMode::Inout)
                {
                    return None;
                }
                let actual = self.table.shallow(y.ty);
                match self.quick(x.ty, actual, binds, None, 0) {
                    Quick::Exact | Quick::Literal | Quick::Free => {}
                    Quick::Converts(n) | Quick::LiteralConverts(n) => fit.conversions += n,
                    Quick::Unknown => fit.unknown += 1,
                    Quick::No => return None,
                }
            }
            let result = self.table.shallow(f.result);
            if !matches!(result.kind(), TyKind::Infer(_))
                && !self.result_fits(g.result, result, binds)
            {
                return None;
            }
            if fit.unknown == 0 {
                let bound = self.bound_pattern(g.result, binds);
                if bound.has_params() {
                    fit.unknown += 1;
                }
            }
            return Some(fit);
        }
        self.result_fits(pattern, context, binds).then_some(fit)
    }

    /// Replaces what is bound in a pattern.
    pub(super) fn bound_pattern(&self, pattern: Ty, binds: &Binds) -> Ty {
        if !pattern.has_params() {
            return pattern;
        }
        pattern.map(&mut |t| match t.kind() {
            TyKind::Param { index, .. } => binds.get(*index as usize).copied().flatten(),
            _ if !t.has_params() => Some(t),
            _ => None,
        })
    }

    /// A pattern as a type of the body, when everything in it is known.
    pub(super) fn known_pattern(&self, ty: Ty, binds: &Binds) -> Option<Ty> {
        let mut unbound = false;
        ty.any_part(&mut |t| {
            if let TyKind::Param { index, .. } = t.kind() {
                unbound |= binds.get(*index as usize).copied().flatten().is_none();
            }
            unbound
        });
        if unbound {
            return None;
        }
        let bound = self.table.resolve(self.bound_pattern(ty, binds));
        (!bound.has_infer()).then(|| self.norm(bound))
    }

    /// A parameter of a pattern that is bound to a type with unknown parts, with erroneous ones for these, which fit everything: an optional
    /// is no integer, whatever it is of.
    fn outline(&self, ty: Ty, binds: &Binds) -> Option<Ty> {
        let TyKind::Param { index, .. } = ty.kind() else {
            return None;
        };
        let bound = binds.get(*index as usize).copied().flatten()?;
        let bound = self.table.resolve(bound);
        if !matches!(
            bound.kind(),
            TyKind::Nominal { .. } | TyKind::Tuple(_) | TyKind::Function(_)
        ) {
            return None;
        }
        Some(bound.map(&mut |t| matches!(t.kind(), TyKind::Infer(_)).then(Ty::error)))
    }

    /// Whether a result could convert to the context; errs on the side of yes.
    fn result_fits(&self, result: Ty, context: Ty, binds: &Binds) -> bool {
        let context = self.table.shallow(context);
        let result = match result.kind() {
            TyKind::Param { index, .. } => match binds.get(*index as usize).copied().flatten() {
                Some(t) => self.table.shallow(t),
                None => return true,
            },
            _ => result,
        };
        match (result.kind(), context.kind()) {
            (TyKind::Infer(_), _) | (_, TyKind::Infer(_)) => true,
            (TyKind::Error, _) | (_, TyKind::Error) => true,
            (_, TyKind::Existential(_)) => true,
            (TyKind::Nominal { def: d, .. }, TyKind::Nominal { def: e, .. }) => {
                if d == e {
                    return match (
                        optional_payload(self.db, result),
                        optional_payload(self.db, context),
                    ) {
                        (Some(x), Some(y)) => self.result_fits(x, y, binds),
                        _ => true,
                    };
                }
                if let Some(payload) = optional_payload(self.db, context) {
                    return self.result_fits(result, payload, binds);
                }
                d.kind(self.db) == DefKind::Class
                    || is_lang(self.db, context, LangItem::AnyHashable)
                    || is_lang(self.db, result, LangItem::Never)
                    || context
                        .nominal_def()
                        .is_some_and(|d| d.name(self.db).as_str().contains("Pointer"))
            }
            (_, TyKind::Nominal { .. }) => {
                if let Some(payload) = optional_payload(self.db, context) {
                    return self.result_fits(result, payload, binds);
                }
                matches!(
                    result.kind(),
                    TyKind::Assoc { .. }
                        | TyKind::Opaque { .. }
                        | TyKind::DynamicSelf(_)
                        | TyKind::Param { .. }
                ) || is_lang(self.db, context, LangItem::AnyHashable)
            }
            (
                TyKind::Nominal { .. },
                TyKind::Tuple(_) | TyKind::Function(_) | TyKind::Builtin(_),
            ) => false,
            (TyKind::Nominal { .. }, TyKind::Param { .. }) => {
                self.superclass_bound(context).is_some()
            }
            (TyKind::Tuple(x), TyKind::Tuple(y)) => x.len() == y.len(),
            (TyKind::Builtin(x), TyKind::Builtin(y)) => x == y,
            _ => true,
        }
    }

    /// The known type that a value is needed as, followed through variables.
    pub fn context_of(&self, ty: Ty) -> Option<Ty> {
        let mut ty = self.table.shallow(ty);
        for _ in 0..4 {
            let TyKind::Infer(var) = ty.kind() else {
                return Some(ty);
            };
            let mut next = None;
            for &id in self.table.uppers(*var) {
                let i = id as usize;
                if i >= self.cs.constraints.len() || self.cs.is_done(id) {
                    continue;
                }
                if let Constraint::Relate { a, b, .. } = &self.cs.constraints[i]
                    && self.table.as_var(*a) == Some(*var)
                {
                    let b = self.table.shallow(*b);
                    if !matches!(b.kind(), TyKind::Infer(_)) {
                        return Some(b);
                    }
                    next.get_or_insert(b);
                }
            }
            ty = next?;
        }
        None
    }

    /// What kinds of literals a variable stands for, also as the result of operators over nothing but literals.
    pub fn literal_kinds(&self, var: u32) -> LiteralSet {
        let own = self.table.literals(var);
        if !own.is_empty() {
            return own;
        }
        self.table.soft(var)
    }

    /// Whether the requirements hold for what the arguments bound; unknown parts pass.
    pub(super) fn requirements_hold(&mut self, def: DefId, choice: &Choice, binds: &Binds) -> bool {
        let db = self.db;
        let g = generics(db, def);
        let skip = match (
            choice.constrained || choice.outer.is_empty(),
            def.parent(db),
        ) {
            (false, Some(parent)) => generics(db, parent).requirements.len(),
            _ => 0,
        };
        for requirement in g.requirements.iter().skip(skip) {
            let known = |this: &Self, ty: Ty| this.known_pattern(ty, binds);
            match requirement {
                Requirement::Conforms(ty, protocol) => {
                    let ty = known(self, *ty).or_else(|| self.outline(*ty, binds));
                    if ty.is_some_and(|t| !self.conforms(t, *protocol)) {
                        return false;
                    }
                }
                Requirement::Same(a, b) => {
                    if let (Some(a), Some(b)) = (known(self, *a), known(self, *b))
                        && a != b
                        && !a.is_error()
                        && !b.is_error()
                    {
                        return false;
                    }
                }
                Requirement::Class(ty) => {
                    if let Some(t) = known(self, *ty)
                        && !self.is_class(t)
                    {
                        return false;
                    }
                }
                Requirement::Superclass(ty, class) => {
                    if let (Some(t), Some(class)) = (known(self, *ty), known(self, *class))
                        && !self.upcasts(self.superclass_bound(t).unwrap_or(t), class)
                    {
                        return false;
                    }
                }
            }
        }
        true
    }
}

fn raw_slots(checker: &Checker<'_>, params: &[SigParam]) -> Vec<Slot> {
    params
        .iter()
        .map(|p| Slot {
            label: p.label,
            has_default: p.default.is_some(),
            variadic: p.variadic,
            takes_closure: checker.takes_closure(p.ty),
            ty: p.ty,
        })
        .collect()
}
