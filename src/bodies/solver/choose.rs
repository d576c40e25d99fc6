//! Which overload: candidates are compared with what is known of the arguments and of the context, without opening them. Where that leaves
//! one, or one that fits exactly and is better than the rest, it is chosen for good; else the candidates are searched.

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::closures::Readiness;
use crate::bodies::decl;
use crate::items::hir::{Expr, ExprId};
use crate::items::ids::{DefId, DefKind};
use crate::types::generics::{Requirement, generics};
use crate::types::lang::{self, LangItem, is_lang, lang, optional_payload};
use crate::types::nominal::inherited_type;
use crate::types::signature::{SigParam, signature};
use crate::types::ty::{ParamMode, Ty, TyKind};

use super::calls::{Slot, match_args};
use super::infer::Effort;
use super::table::{Literal, LiteralSet};
use super::{
    Apply, ApplyKind, Base, Choice, Constraint, Decision, FailKind, Failure, Loc, Mode, Step,
    Target, Why,
};

/// How well a candidate fits; smaller is better, in the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Fit {
    force: bool,
    conversions: u16,
    literals: u16,
    generic: bool,
    /// Not part of the comparison: some argument is not known yet.
    unknown: u8,
}

type Binds = SmallVec<[Option<Ty>; 6]>;

/// How a known type fits a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quick {
    Exact,
    Literal,
    Converts(u16),
    Unknown,
    No,
}

impl<'db> Checker<'db> {
    /// Makes the most certain open decision.
    pub fn decide(&mut self) -> Result<Decision, Box<Failure>> {
        let mut open: Vec<(u32, Vec<(Fit, Choice)>)> = Vec::new();
        let mut progress = false;
        let ids: Vec<u32> = self
            .cs
            .waiting()
            .filter(|&id| {
                matches!(
                    self.cs.constraints[id as usize],
                    Constraint::Overload { .. }
                )
            })
            .collect();
        // Sets that something known decides come first: they give the others context.
        let mut second: Vec<u32> = Vec::new();
        for id in ids {
            match self.narrow(id, false)? {
                Narrowed::Done => progress = true,
                Narrowed::Later => second.push(id),
                Narrowed::Open(choices) => open.push((id, choices)),
            }
        }
        if progress {
            return Ok(Decision::Progress);
        }
        if self.bind_one(Effort::Firm)? {
            return Ok(Decision::Progress);
        }
        if self.open_closure(Readiness::Known)? {
            return Ok(Decision::Progress);
        }
        for id in second {
            match self.narrow(id, true)? {
                Narrowed::Done => return Ok(Decision::Progress),
                Narrowed::Later => {}
                Narrowed::Open(choices) => open.push((id, choices)),
            }
        }
        if self.open_closure(Readiness::Single)? {
            return Ok(Decision::Progress);
        }
        if self.bind_one(Effort::Loose)? {
            return Ok(Decision::Progress);
        }
        open.sort_by_key(|(id, choices)| {
            let unknown = choices.iter().map(|(fit, _)| fit.unknown).max();
            (unknown, choices.len(), *id)
        });
        if let Some((id, choices)) = open.into_iter().next() {
            return self.branch(id, choices);
        }
        if self.bind_one(Effort::Defaults)? {
            return Ok(Decision::Progress);
        }
        if self.default_collections()? || self.default_key_paths()? {
            return Ok(Decision::Progress);
        }
        if self.open_closure(Readiness::Forced)? {
            return Ok(Decision::Progress);
        }
        if self.bind_one(Effort::Last)? {
            return Ok(Decision::Progress);
        }
        let left = self.cs.waiting().next();
        match left {
            None => Ok(Decision::Done),
            Some(id) => {
                let constraint = self.cs.constraints[id as usize].clone();
                let failure = self.stuck(&constraint);
                if self.cs.mode == Mode::Diagnose {
                    self.cs.finish(id);
                    self.give_up(&constraint);
                    if self.cs.failure.is_none() {
                        self.cs.failure = failure.map(|f| *f);
                    }
                    return Ok(Decision::Progress);
                }
                match failure {
                    Some(failure) => Err(failure),
                    None => {
                        self.cs.finish(id);
                        Ok(Decision::Progress)
                    }
                }
            }
        }
    }

    fn give_up(&mut self, constraint: &Constraint) {
        let mut vars = SmallVec::new();
        match constraint {
            Constraint::Relate { a, b, .. } => {
                self.table.vars_in(*a, &mut vars);
                self.table.vars_in(*b, &mut vars);
            }
            Constraint::Member { base, result, .. } => {
                self.table.vars_in(*base, &mut vars);
                self.table.vars_in(*result, &mut vars);
            }
            Constraint::Overload { ty, .. }
            | Constraint::Conforms { ty, .. }
            | Constraint::Closure { ty, .. }
            | Constraint::ArrayLiteral { ty, .. }
            | Constraint::DictionaryLiteral { ty, .. }
            | Constraint::KeyPath { ty, .. }
            | Constraint::ClassBound { ty, .. }
            | Constraint::Superclass { ty, .. } => self.table.vars_in(*ty, &mut vars),
            Constraint::Apply(apply) => {
                self.table.vars_in(apply.callee, &mut vars);
                self.table.vars_in(apply.result, &mut vars);
                let apply = apply.clone();
                self.recover_args(&apply);
            }
            Constraint::Unwrap {
                optional, object, ..
            } => {
                self.table.vars_in(*optional, &mut vars);
                self.table.vars_in(*object, &mut vars);
            }
            Constraint::Assoc { base, result, .. } => {
                self.table.vars_in(*base, &mut vars);
                self.table.vars_in(*result, &mut vars);
            }
            Constraint::TypeOf { value, result } => {
                self.table.vars_in(*value, &mut vars);
                self.table.vars_in(*result, &mut vars);
            }
            Constraint::PathAccess { path, value, .. } => {
                self.table.vars_in(*path, &mut vars);
                self.table.vars_in(*value, &mut vars);
            }
        }
        for var in vars {
            let me = Ty::new(TyKind::Infer(var));
            if self.table.as_var(me) == Some(var) {
                self.table.bind(var, Ty::error());
            }
        }
    }

    /// What a constraint that nothing can solve means to the user.
    fn stuck(&mut self, constraint: &Constraint) -> Option<Box<Failure>> {
        let boxed = |kind, expr| {
            Some(Box::new(Failure {
                kind,
                loc: Loc {
                    expr,
                    why: Why::Inner,
                },
            }))
        };
        match constraint {
            Constraint::Member { key, how, base, .. } => {
                let kind = if *how == super::Lookup::Implicit {
                    FailKind::NeedsContext
                } else {
                    let _ = base;
                    FailKind::Ambiguous
                };
                boxed(kind, *key)
            }
            Constraint::Closure { expr, .. } => boxed(FailKind::ClosureParameter, *expr),
            Constraint::ArrayLiteral { expr, .. } | Constraint::DictionaryLiteral { expr, .. } => {
                boxed(FailKind::EmptyCollection, *expr)
            }
            Constraint::KeyPath { expr, .. } => boxed(FailKind::NeedsContext, *expr),
            Constraint::Overload { key, .. } => boxed(FailKind::Ambiguous, *key),
            Constraint::Conforms { ty, loc, .. } => {
                let var = self.table.as_var(*ty)?;
                let found = self.opened_name(var);
                match found {
                    Some((name, def, key)) => boxed(
                        FailKind::NotInferred(name, def),
                        if key.raw() == u32::MAX { loc.expr } else { key },
                    ),
                    None => None,
                }
            }
            Constraint::Relate { a, b, loc, .. } => {
                let nil = [*a, *b].into_iter().find_map(|t| {
                    let var = self.table.as_var(t)?;
                    self.table
                        .literals(var)
                        .contains(Literal::Nil)
                        .then_some(())
                });
                match nil {
                    Some(()) => boxed(FailKind::NilNeedsContext, loc.expr),
                    None => boxed(FailKind::Ambiguous, loc.expr),
                }
            }
            _ => None,
        }
    }

    /// The generic parameter that a variable was opened for.
    pub fn opened_name(&self, var: u32) -> Option<(Name, DefId, ExprId)> {
        let target = self.table.as_var(Ty::new(TyKind::Infer(var)))?;
        self.cs.opened.iter().find_map(|(v, name, def, key)| {
            (self.table.as_var(Ty::new(TyKind::Infer(*v))) == Some(target))
                .then_some((*name, *def, *key))
        })
    }

    /// At the end every generic argument must be known.
    pub fn check_inferred(&mut self) -> Result<(), Box<Failure>> {
        let opened = std::mem::take(&mut self.cs.opened);
        let mut failure = None;
        for (var, name, def, key) in &opened {
            let ty = self.table.resolve(Ty::new(TyKind::Infer(*var)));
            if !ty.has_infer() {
                continue;
            }
            if failure.is_none() && self.table.as_var(ty).is_some() {
                failure = Some(Failure {
                    kind: FailKind::NotInferred(*name, *def),
                    loc: Loc {
                        expr: if key.raw() == u32::MAX {
                            self.root_expr
                        } else {
                            *key
                        },
                        why: Why::Inner,
                    },
                });
            }
            let mut vars = SmallVec::new();
            self.table.vars_in(ty, &mut vars);
            for v in vars {
                self.table.bind(v, Ty::error());
            }
        }
        self.cs.opened = opened;
        match failure {
            None => Ok(()),
            Some(failure) if self.cs.mode == Mode::Diagnose => {
                self.cs.failure.get_or_insert(failure);
                Ok(())
            }
            Some(failure) => Err(Box::new(failure)),
        }
    }

    /// Filters an overload set and chooses where the choice is certain. With `loose`, literals that nothing but their defaults speak for
    /// decide too.
    fn narrow(&mut self, id: u32, loose: bool) -> Result<Narrowed, Box<Failure>> {
        let Constraint::Overload { key, ty, choices } = self.cs.constraints[id as usize].clone()
        else {
            return Ok(Narrowed::Done);
        };
        if self.cs.is_done(id) {
            return Ok(Narrowed::Done);
        }
        let apply = match self.cs.applies.get(&key) {
            Some(&at) => match &self.cs.constraints[at as usize] {
                Constraint::Apply(apply) => Some(apply.clone()),
                _ => None,
            },
            None => None,
        };
        let mut fits: Vec<(Fit, Choice)> = Vec::new();
        for choice in choices.iter() {
            self.cs.steps += 1;
            if let Some(fit) = self.fit(choice, apply.as_deref(), ty) {
                fits.push((fit, choice.clone()));
            }
        }
        let loc = Loc {
            expr: key,
            why: Why::Inner,
        };
        if fits.is_empty() {
            if self.cs.mode == Mode::Diagnose {
                // Report what is wrong with the candidate that comes closest.
                self.cs.finish(id);
                let operator = apply
                    .as_ref()
                    .is_some_and(|a| a.kind == ApplyKind::Operator);
                let by_labels: Vec<&Choice> = choices
                    .iter()
                    .filter(|c| apply.as_deref().is_none_or(|a| self.labels_match(c, a)))
                    .collect();
                if operator || by_labels.len() != 1 && choices.len() > 1 {
                    let kind = if operator {
                        FailKind::Operator(self.operand_types(apply.as_deref()))
                    } else {
                        FailKind::NoOverload
                    };
                    self.cs.failure.get_or_insert(Failure { kind, loc });
                    if let Some(var) = self.table.as_var(ty) {
                        self.table.bind(var, Ty::error());
                    }
                    return Ok(Narrowed::Done);
                }
                let one = by_labels.first().map_or(&choices[0], |c| *c).clone();
                self.commit_step(key, ty, &one)?;
                return Ok(Narrowed::Done);
            }
            let operator = apply
                .as_ref()
                .is_some_and(|a| a.kind == ApplyKind::Operator);
            return Err(Box::new(Failure {
                kind: if operator {
                    FailKind::Operator(self.operand_types(apply.as_deref()))
                } else {
                    FailKind::NoOverload
                },
                loc,
            }));
        }
        // A concrete operator is preferred over a generic one, whatever its literals become.
        let operator = apply
            .as_ref()
            .is_some_and(|a| a.kind == ApplyKind::Operator);
        let order = |f: &Fit| match operator {
            true => (f.force, f.conversions, u16::from(f.generic), f.literals),
            false => (f.force, f.conversions, f.literals, u16::from(f.generic)),
        };
        fits.sort_by(|a, b| {
            let key = order;
            key(&a.0).cmp(&key(&b.0)).then(a.1.rank.cmp(&b.1.rank))
        });
        if let [(_, one)] = &*fits {
            let one = one.clone();
            self.cs.finish(id);
            self.commit_step(key, ty, &one)?;
            return Ok(Narrowed::Done);
        }
        let unknown = fits.iter().any(|(f, _)| f.unknown > 0);
        if unknown {
            if self.cs.mode == Mode::Diagnose && loose {
                let one = fits[0].1.clone();
                self.cs.finish(id);
                self.commit_step(key, ty, &one)?;
                return Ok(Narrowed::Done);
            }
            return Ok(Narrowed::Open(fits));
        }
        let settled = !self.only_literals(apply.as_deref(), ty);
        if !settled && !loose {
            return Ok(Narrowed::Later);
        }
        if self.cs.mode == Mode::Search && (!settled || !operator) {
            return Ok(Narrowed::Open(fits));
        }
        // The best candidate must beat every other one.
        let best = &fits[0];
        let rank = order;
        let args = apply.as_ref().map_or(0, |a| a.args.len());
        let decisive = fits[1..].iter().all(|other| {
            rank(&best.0) < rank(&other.0)
                && (best.0.conversions < other.0.conversions
                    || best.0.literals < other.0.literals
                    || best.0.generic != other.0.generic)
                || self.better(&best.1, &other.1, args)
        });
        if decisive || self.cs.mode == Mode::Diagnose {
            let one = best.1.clone();
            self.cs.finish(id);
            self.commit_step(key, ty, &one)?;
            return Ok(Narrowed::Done);
        }
        // Two may tie while a third hides the first of them: look for one that beats all.
        let winner = (1..fits.len()).find(|&i| {
            rank(&fits[i].0) == rank(&best.0)
                && (0..fits.len()).all(|j| {
                    j == i
                        || rank(&fits[i].0) < rank(&fits[j].0)
                        || self.better(&fits[i].1, &fits[j].1, args)
                })
        });
        if let Some(i) = winner {
            let one = fits[i].1.clone();
            self.cs.finish(id);
            self.commit_step(key, ty, &one)?;
            return Ok(Narrowed::Done);
        }
        Ok(Narrowed::Open(fits))
    }

    fn operand_types(&self, apply: Option<&Apply>) -> Vec<Ty> {
        apply.map_or_else(Vec::new, |a| {
            a.args
                .iter()
                .map(|arg| self.table.resolve(arg.ty))
                .collect()
        })
    }

    /// Whether nothing but literals speaks for any overload.
    fn only_literals(&self, apply: Option<&Apply>, ty: Ty) -> bool {
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

    fn commit_step(&mut self, key: ExprId, ty: Ty, choice: &Choice) -> Result<(), Box<Failure>> {
        if let Step::Failed(failure) = self.commit(key, ty, choice) {
            if self.cs.mode != Mode::Diagnose {
                return Err(failure);
            }
            self.cs.failure.get_or_insert(*failure);
        }
        self.simplify()
    }

    /// Tries the candidates one after the other and keeps the best solution.
    fn branch(&mut self, id: u32, choices: Vec<(Fit, Choice)>) -> Result<Decision, Box<Failure>> {
        let Constraint::Overload { key, ty, .. } = self.cs.constraints[id as usize].clone() else {
            return Ok(Decision::Progress);
        };
        self.cs.finish(id);
        if self.cs.mode == Mode::Diagnose {
            let one = choices[0].1.clone();
            self.commit_step(key, ty, &one)?;
            return Ok(Decision::Progress);
        }
        if self.cs.depth > 60 {
            return Err(Box::new(Failure {
                kind: FailKind::TooComplex,
                loc: Loc {
                    expr: key,
                    why: Why::Inner,
                },
            }));
        }
        let operator =
            self.cs
                .applies
                .get(&key)
                .is_some_and(|&at| match &self.cs.constraints[at as usize] {
                    Constraint::Apply(a) => a.kind == ApplyKind::Operator,
                    _ => false,
                });
        let outer_best = self.cs.best;
        let mut found: Vec<(super::Solution, Fit, Choice)> = Vec::new();
        let mut first_failure = None;
        let mark = self.mark();
        for (fit, choice) in choices {
            if operator
                && let Some((_, best, _)) = found.first()
                && fit.unknown == 0
                && (fit.force, fit.conversions, fit.generic, fit.literals)
                    > (best.force, best.conversions, best.generic, best.literals)
            {
                break;
            }
            if choice.force && !found.is_empty() {
                break;
            }
            // What a solved candidate hides cannot be better.
            if self.cs.mode == Mode::Search
                && found.iter().any(|(_, f, c)| {
                    f.generic <= fit.generic
                        && f.conversions <= fit.conversions
                        && f.literals <= fit.literals
                        && (c.rank < choice.rank || self.better(c, &choice, 0))
                })
            {
                continue;
            }
            self.cs.depth += 1;
            let result = match self.commit(key, ty, &choice) {
                Step::Failed(failure) => Err(failure),
                _ => self.run(),
            };
            self.cs.depth -= 1;
            match result {
                Ok(()) => {
                    let solution = self.solution();
                    let score = solution.score;
                    found.push((solution, fit, choice));
                    self.cs.best = Some(self.cs.best.map_or(score, |b| b.min(score)));
                }
                Err(failure) => {
                    if matches!(failure.kind, FailKind::TooComplex) {
                        self.back(&mark);
                        self.cs.best = outer_best;
                        return Err(failure);
                    }
                    first_failure.get_or_insert(failure);
                }
            }
            self.back(&mark);
        }
        self.cs.best = outer_best;
        let Some(best) = found.iter().map(|(s, ..)| s.score).min() else {
            return Err(first_failure.unwrap_or_else(|| {
                Box::new(Failure {
                    kind: FailKind::NoOverload,
                    loc: Loc {
                        expr: key,
                        why: Why::Inner,
                    },
                })
            }));
        };
        found.retain(|(s, ..)| s.score == best);
        let args = 0;
        let winner = (0..found.len()).find(|&i| {
            (0..found.len()).all(|j| {
                i == j
                    || self.better(&found[i].2, &found[j].2, args)
                    || found[i].1.generic != found[j].1.generic && !found[i].1.generic
            })
        });
        let winner = match winner {
            Some(i) => i,
            None => {
                // Equally good: the same meaning reached in two ways is no ambiguity, nor are results of a search over operators.
                let ambiguous = !operator
                    && found.len() > 1
                    && !self.cs.mode.eq(&Mode::Diagnose)
                    && found
                        .iter()
                        .all(|(_, f, _)| f.generic == found[0].1.generic)
                    && found.iter().all(|(.., c)| c.rank == found[0].2.rank);
                if ambiguous {
                    return Err(Box::new(Failure {
                        kind: FailKind::Ambiguous,
                        loc: Loc {
                            expr: key,
                            why: Why::Inner,
                        },
                    }));
                }
                let lowest = found.iter().map(|(.., c)| c.rank).min().unwrap_or(0);
                found
                    .iter()
                    .position(|(.., c)| c.rank == lowest)
                    .unwrap_or(0)
            }
        };
        let (solution, ..) = found.swap_remove(winner);
        self.install(solution);
        Ok(Decision::Searched(Ok(())))
    }

    fn labels_match(&self, choice: &Choice, apply: &Apply) -> bool {
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

    fn params_of(&self, def: DefId, kind: ApplyKind) -> Option<Vec<SigParam>> {
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
    fn fit(&mut self, choice: &Choice, apply: Option<&Apply>, ty: Ty) -> Option<Fit> {
        let mut fit = Fit {
            force: choice.force,
            ..Fit::default()
        };
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
                    Some(signature(db, def).result)
                };
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
                super::calls::Bound::Arg(a) => pairs.push((p, *a)),
                super::calls::Bound::Variadic(args) => {
                    pairs.extend(args.iter().map(|a| (p, *a)));
                }
                super::calls::Bound::Default => {}
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
                let quick = self.quick(pattern, actual, &mut binds, Some(arg.expr), 0);
                match quick {
                    Quick::Exact => {}
                    Quick::Literal => fit.literals += 1,
                    Quick::Converts(_) if param.mode == ParamMode::Inout => return None,
                    Quick::Converts(n) => fit.conversions += n,
                    Quick::Unknown => fit.unknown += 1,
                    Quick::No => return None,
                }
            }
        }
        let result = result.map(|r| self.known_pattern(r, &binds).unwrap_or(r));
        if let Some(result) = result
            && let Some(context) = self.context_of(apply.result)
            && !self.result_fits(result, context, &binds)
        {
            return None;
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
                let spread = match &*f.params {
                    [one] => self.table.shallow(one.ty).as_tuple().map(<[_]>::len),
                    _ => None,
                };
                if spread != Some(g.params.len()) {
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
                    Quick::Exact | Quick::Literal => {}
                    Quick::Converts(n) => fit.conversions += n,
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
    fn bound_pattern(&self, pattern: Ty, binds: &Binds) -> Ty {
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
    fn known_pattern(&self, ty: Ty, binds: &Binds) -> Option<Ty> {
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
            for &id in self.table.watchers(*var) {
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
        self.cs.soft.get(&var).copied().unwrap_or_default()
    }

    /// Fits a type that is known so far to a parameter's declared type, in which generic parameters are still themselves.
    fn quick(
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
                match self.quick(payload, actual, binds, arg, depth + 1) {
                    Quick::Exact | Quick::Literal => Quick::Converts(1),
                    Quick::Converts(n) => Quick::Converts(n + 1),
                    other => other,
                }
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
                    return Quick::Converts(2);
                }
                let protocols = e.protocols.clone();
                match protocols.iter().all(|p| self.conforms(actual, *p)) {
                    true => Quick::Converts(2),
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
                                TyKind::Param { .. } | TyKind::Assoc { .. }
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
                    worst = combine(worst, self.quick(x.ty, y.ty, binds, None, depth + 1));
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
                    TyKind::Existential(_) if x != y => Quick::Converts(2),
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
                if known == actual || actual.has_infer() {
                    return Quick::Exact;
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
                    _ if known.is_existential() => Quick::Converts(2),
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
        if bound.is_existential() {
            return Quick::Converts(2);
        }
        match self.join(bound, actual) {
            Some(joined) => {
                binds[index] = Some(joined);
                Quick::Converts(1)
            }
            None => Quick::No,
        }
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
                    if let Quick::Converts(_) = worst {
                        let collection = def == lang(db, LangItem::Array)
                            || def == lang(db, LangItem::Dictionary)
                            || def == lang(db, LangItem::Set);
                        if !collection {
                            return Quick::No;
                        }
                    }
                    return worst;
                }
                if d.kind(db) == DefKind::Class && def.kind(db) == DefKind::Class {
                    return match inherited_type(db, actual, def) {
                        Some(up) => match self.quick(pattern, up, binds, None, depth + 1) {
                            Quick::Exact => Quick::Converts(1),
                            other => other,
                        },
                        None => Quick::No,
                    };
                }
                if def == lang(db, LangItem::AnyHashable) {
                    return Quick::Converts(3);
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
                    return Quick::Converts(3);
                }
                match self.superclass_bound(actual) {
                    Some(up) => match self.quick(pattern, up, binds, None, depth + 1) {
                        Quick::Exact => Quick::Converts(1),
                        other => other,
                    },
                    None => Quick::No,
                }
            }
            TyKind::Opaque { .. } => Quick::No,
            TyKind::Infer(_) | TyKind::Error => Quick::Unknown,
            _ => {
                if def == lang(db, LangItem::AnyHashable) {
                    Quick::Converts(3)
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
                        return match self.quick_var(payload, var, binds, arg) {
                            Quick::Exact => Quick::Converts(1),
                            Quick::Literal => Quick::Converts(2),
                            Quick::Converts(n) => Quick::Converts(n + 1),
                            other => other,
                        };
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
                        return Quick::Converts(3);
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
                        Some(t) if protocols.iter().all(|p| self.conforms(t, *p)) => {
                            Quick::Converts(2)
                        }
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
                    if Some(known) == self.default_type(kinds) {
                        Quick::Exact
                    } else if matches!(known.kind(), TyKind::Assoc { .. }) {
                        Quick::Unknown
                    } else if self.literal_target(known, kinds).is_some() {
                        Quick::Literal
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
                        && crate::types::member_candidates(db, pattern, name, self.def).is_empty()
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

    /// Whether the requirements hold for what the arguments bound; unknown parts pass.
    fn requirements_hold(&mut self, def: DefId, choice: &Choice, binds: &Binds) -> bool {
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
                    if let Some(t) = known(self, *ty)
                        && !self.conforms(t, *protocol)
                    {
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

    /// Whether the first declaration is to be preferred over the second wherever both fit.
    fn better(&mut self, a: &Choice, b: &Choice, args: usize) -> bool {
        let (Target::Decl(x), Target::Decl(y)) = (a.target, b.target) else {
            return matches!(a.target, Target::Local(_)) && matches!(b.target, Target::Decl(_));
        };
        if x == y {
            return !a.force && b.force;
        }
        let _ = args;
        // Where nothing is applied, a variable is meant rather than a function of the same base name.
        match (x.kind(self.db), y.kind(self.db)) {
            (DefKind::Var, DefKind::Func) => return true,
            (DefKind::Func, DefKind::Var) => return false,
            _ => {}
        }
        self.more_specialised(x, a.rank, y, b.rank)
    }

    /// Fits the parameters of one declaration to another's, as [`crate::bodies::solver::rank`] asks.
    pub fn params_fit(&mut self, specific: DefId, general: DefId) -> bool {
        let db = self.db;
        let (Some(xs), Some(ys)) = (
            self.params_of(specific, ApplyKind::Operator),
            self.params_of(general, ApplyKind::Operator),
        ) else {
            // Variables take nothing.
            return true;
        };
        let g = generics(db, general);
        let mut binds: Binds = SmallVec::from_elem(None, g.params.len());
        let n = xs.len().min(ys.len());
        for (x, y) in xs.iter().zip(&ys).take(n) {
            if (x.mode == ParamMode::Inout) != (y.mode == ParamMode::Inout) {
                return false;
            }
            match self.quick(y.ty, x.ty, &mut binds, None, 0) {
                Quick::Exact | Quick::Unknown => {}
                Quick::Literal => {}
                Quick::Converts(_) if x.mode != ParamMode::Inout => {}
                _ => return false,
            }
        }
        // The bound types are the specific declaration's own: its environment says what they conform to.
        let saved = std::mem::replace(&mut self.env, specific);
        let choice = Choice::plain(Target::Decl(general));
        let holds = self.requirements_hold(general, &choice, &binds);
        self.env = saved;
        holds
    }
}

enum Shape {
    /// A closure with so many parameters.
    Closure(Option<usize>),
    Implicit(Name),
    Array,
    Other,
}

enum Narrowed {
    Done,
    /// Only default types of literals would decide.
    Later,
    Open(Vec<(Fit, Choice)>),
}

fn combine(a: Quick, b: Quick) -> Quick {
    match (a, b) {
        (Quick::No, _) | (_, Quick::No) => Quick::No,
        (Quick::Unknown, _) | (_, Quick::Unknown) => Quick::Unknown,
        (Quick::Converts(x), Quick::Converts(y)) => Quick::Converts(x + y),
        (Quick::Converts(x), _) | (_, Quick::Converts(x)) => Quick::Converts(x),
        (Quick::Literal, _) | (_, Quick::Literal) => Quick::Literal,
        _ => Quick::Exact,
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
