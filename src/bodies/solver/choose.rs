//! Which decision is next, and which overload: candidates are compared with what is known of the arguments and of the context, without
//! opening them. Where that leaves one, or one that fits exactly and is better than the rest, it is chosen for good; else the candidates are
//! searched.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::bodies::check::Checker;
use crate::bodies::closures::Readiness;
use crate::items::hir::{Expr, ExprId, TryKind};
use crate::types::ty::Ty;

use super::fit::Fit;
use super::infer::Effort;
use super::table::{Literal, LiteralSet};
use super::{
    Apply, ApplyKind, Choice, Constraint, Decision, FailKind, Failure, Loc, Mode, Step, Why,
};

/// The candidates of an overload set that fit what is known, for as long as nothing more is.
pub struct Candidates {
    /// The operands and the context that they were compared with.
    key: Key,
    /// How each fits, with its place in the set; best first.
    fits: Vec<(Fit, u32)>,
}

/// What comparing candidates depends on: types with the literal kinds of the variables inside.
#[derive(PartialEq, Eq, Default)]
struct Key {
    types: SmallVec<[Ty; 6]>,
    literals: SmallVec<[LiteralSet; 6]>,
}

/// What narrowing an overload set came to.
enum Narrowed {
    Done,
    /// Only default types of literals would decide.
    Later,
    Open(Rc<Candidates>),
}

impl<'db> Checker<'db> {
    /// Makes the most certain open decision of the present part.
    pub fn decide(&mut self) -> Result<Decision, Box<Failure>> {
        self.cs.compact();
        let mut open: Vec<(u32, Rc<Candidates>)> = Vec::new();
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
                Narrowed::Open(candidates) => open.push((id, candidates)),
            }
        }
        if progress {
            return Ok(Decision::Progress);
        }
        if let Some(decision) = self.bind_one(Effort::Firm)? {
            return Ok(decision);
        }
        if self.open_closure(Readiness::Known)? {
            return Ok(Decision::Progress);
        }
        // From here on decisions are guesses: they stay inside their part of the system.
        if let Some(result) = self.solve_parts() {
            return Ok(Decision::Searched(result));
        }
        if open.is_empty() && self.only_arithmetic() {
            // Literals agree on a type with what is around before operators over them get one each.
            if let Some(decision) = self.bind_one(Effort::Loose)? {
                return Ok(decision);
            }
            if self.default_collections(false)? || self.bind_from_literals()? {
                return Ok(Decision::Progress);
            }
        }
        for id in second {
            match self.narrow(id, true)? {
                Narrowed::Done => progress = true,
                Narrowed::Later => {}
                Narrowed::Open(candidates) => open.push((id, candidates)),
            }
        }
        if progress {
            return Ok(Decision::Progress);
        }
        if self.open_closure(Readiness::Single)? {
            return Ok(Decision::Progress);
        }
        if let Some(decision) = self.bind_one(Effort::Loose)? {
            return Ok(decision);
        }
        if !open.is_empty() && self.settle_member_bases()? {
            return Ok(Decision::Progress);
        }
        let next = open.into_iter().min_by_key(|(id, candidates)| {
            let unknown = candidates.fits.iter().map(|(fit, _)| fit.unknown).max();
            (unknown, candidates.fits.len(), *id)
        });
        if let Some((id, candidates)) = next {
            let Constraint::Overload { choices, .. } = &self.cs.constraints[id as usize] else {
                return Ok(Decision::Progress);
            };
            let choices = candidates
                .fits
                .iter()
                .map(|&(fit, at)| (fit, choices[at as usize].clone()))
                .collect();
            return self.branch(id, choices);
        }
        if self.default_collections(false)? {
            return Ok(Decision::Progress);
        }
        // What is done with an empty collection in a closure may say what it is one of.
        if self.has_closures() && self.default_collections(true)? {
            return Ok(Decision::Progress);
        }
        if self.open_closure(Readiness::Open)? {
            return Ok(Decision::Progress);
        }
        if self.bind_static_bases()? {
            return Ok(Decision::Progress);
        }
        if let Some(decision) = self.bind_one(Effort::Defaults)? {
            return Ok(decision);
        }
        if self.default_key_paths()? {
            return Ok(Decision::Progress);
        }
        if self.open_closure(Readiness::Forced)? {
            return Ok(Decision::Progress);
        }
        if let Some(decision) = self.bind_one(Effort::Last)? {
            return Ok(decision);
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

    /// Whether nothing is left but literals, operators and conversions between them: nothing that could still bring a type from elsewhere.
    fn only_arithmetic(&self) -> bool {
        self.cs
            .waiting()
            .all(|id| match &self.cs.constraints[id as usize] {
                Constraint::Apply(apply) => apply.kind == ApplyKind::Operator,
                Constraint::Relate { .. }
                | Constraint::Conforms { .. }
                | Constraint::Overload { .. }
                | Constraint::ArrayLiteral { .. }
                | Constraint::DictionaryLiteral { .. } => true,
                _ => false,
            })
    }

    /// Whether a closure waits for its type.
    fn has_closures(&self) -> bool {
        self.cs
            .waiting()
            .any(|id| matches!(self.cs.constraints[id as usize], Constraint::Closure { .. }))
    }

    /// The call that an overload set is the callee of.
    fn apply_of(&self, key: ExprId) -> Option<Rc<Apply>> {
        let &at = self.cs.applies.get(&key)?;
        match &self.cs.constraints[at as usize] {
            Constraint::Apply(apply) => Some(apply.clone()),
            _ => None,
        }
    }

    /// Adds a type to what comparing candidates depends on.
    fn note(&self, key: &mut Key, ty: Ty) {
        let ty = self.table.resolve(ty);
        key.types.push(ty);
        if ty.has_infer() {
            let mut vars = SmallVec::new();
            self.table.vars_in(ty, &mut vars);
            key.literals
                .extend(vars.iter().map(|&v| self.literal_kinds(v)));
        }
    }

    /// The candidates of an overload set that fit what is known; compared again only when more is known than the last time.
    fn candidates(
        &mut self,
        id: u32,
        ty: Ty,
        choices: &[Choice],
        apply: Option<&Apply>,
    ) -> Rc<Candidates> {
        let mut key = Key::default();
        match apply {
            Some(apply) => {
                for arg in &apply.args {
                    self.note(&mut key, arg.ty);
                }
                self.note(&mut key, self.context_of(apply.result).unwrap_or(ty));
            }
            None => self.note(&mut key, self.context_of(ty).unwrap_or(ty)),
        }
        // The type that the choices are members of.
        let mut outer = None;
        for choice in choices {
            if outer != Some(choice.outer) {
                outer = Some(choice.outer);
                for ty in choice.outer.iter().filter(|ty| ty.has_infer()) {
                    self.note(&mut key, ty);
                }
            }
        }
        if let Some(Some(known)) = self.cs.candidates.get(id as usize)
            && known.key == key
        {
            return known.clone();
        }
        let operator = apply.is_some_and(|a| a.kind == ApplyKind::Operator);
        let mut fits: Vec<(Fit, u32)> = Vec::new();
        let fallback = choices.iter().any(|c| c.fallback) && self.falls_back(choices, apply);
        for (at, choice) in choices.iter().enumerate() {
            if choice.fallback != fallback {
                continue;
            }
            self.cs.count();
            if let Some(fit) = self.fit(choice, apply, ty) {
                fits.push((fit, at as u32));
            }
        }
        fits.sort_by_key(|(fit, at)| (order(operator, fit), choices[*at as usize].rank));
        let found = Rc::new(Candidates { key, fits });
        if let Some(slot) = self.cs.candidates.get_mut(id as usize) {
            *slot = Some(found.clone());
        }
        found
    }

    /// Whether none of the candidates from the innermost scope takes the labels.
    fn falls_back(&self, choices: &[Choice], apply: Option<&Apply>) -> bool {
        apply.is_some_and(|apply| {
            !choices
                .iter()
                .any(|c| !c.fallback && self.labels_match(c, apply))
        })
    }

    /// Filters an overload set and chooses where the choice is certain. With `loose`, literals that nothing but their defaults speak for
    /// decide too.
    fn narrow(&mut self, id: u32, loose: bool) -> Result<Narrowed, Box<Failure>> {
        if self.cs.is_done(id) {
            return Ok(Narrowed::Done);
        }
        let Constraint::Overload { key, ty, choices } = self.cs.constraints[id as usize].clone()
        else {
            return Ok(Narrowed::Done);
        };
        let apply = self.apply_of(key);
        let apply = apply.as_deref();
        let operator = apply.is_some_and(|a| a.kind == ApplyKind::Operator);
        let candidates = self.candidates(id, ty, &choices, apply);
        let fits = &candidates.fits;
        let choice = |at: usize| &choices[fits[at].1 as usize];
        match fits.len() {
            0 => return self.none_fits(id, key, ty, &choices, apply),
            1 => return self.settle(id, key, ty, choice(0), apply),
            _ => {}
        }
        // An operand that is wrong already says nothing about which overload was meant, and one mistake is reported once.
        if apply.is_some_and(|a| a.args.iter().any(|arg| self.is_erroneous(arg.ty))) {
            self.cs.finish(id);
            if let Some(var) = self.table.as_var(ty) {
                self.table.bind(var, Ty::error());
            }
            self.simplify()?;
            return Ok(Narrowed::Done);
        }
        let unknown = fits.iter().any(|(f, _)| f.unknown > 0);
        if unknown {
            if self.cs.mode == Mode::Diagnose && loose {
                return self.settle(id, key, ty, choice(0), apply);
            }
            return Ok(Narrowed::Open(candidates));
        }
        let settled = !self.only_literals(apply, ty);
        if !settled && !loose {
            return Ok(Narrowed::Later);
        }
        if self.cs.mode == Mode::Search && (!settled || !operator) {
            return Ok(Narrowed::Open(candidates));
        }
        // An operator may have to give what nothing but a search finds out: then only what its operands say decides.
        let open = self.cs.mode == Mode::Search
            && apply.is_some_and(|a| self.context_of(a.result).is_none());
        // The best candidate must beat every other one.
        let best = fits[0].0;
        let rank = |fit: &Fit| order(operator, fit);
        let mut decisive = true;
        for (at, (other, _)) in fits.iter().enumerate().skip(1) {
            decisive &= rank(&best) < rank(other)
                && (best.conversions < other.conversions
                    || best.literals < other.literals
                    || best.generic != other.generic)
                || !open && self.better(choice(0), choice(at));
        }
        if decisive || self.cs.mode == Mode::Diagnose {
            return self.settle(id, key, ty, choice(0), apply);
        }
        // Two may tie while a third hides the first of them: look for one that beats all.
        for i in 1..fits.len() {
            if open || rank(&fits[i].0) != rank(&best) {
                break;
            }
            let wins = (0..fits.len()).all(|j| {
                j == i || rank(&fits[i].0) < rank(&fits[j].0) || self.better(choice(i), choice(j))
            });
            if wins {
                return self.settle(id, key, ty, choice(i), apply);
            }
        }
        Ok(Narrowed::Open(candidates))
    }

    /// Whether a type is the result of a mistake that has been reported.
    fn is_erroneous(&self, ty: Ty) -> bool {
        let ty = self.table.shallow(ty);
        match ty.kind() {
            crate::types::ty::TyKind::Inout(t) => self.table.shallow(*t).is_error(),
            _ => ty.is_error(),
        }
    }

    /// Makes a choice for good.
    fn settle(
        &mut self,
        id: u32,
        key: ExprId,
        ty: Ty,
        choice: &Choice,
        apply: Option<&Apply>,
    ) -> Result<Narrowed, Box<Failure>> {
        self.cs.finish(id);
        self.commit_step(key, ty, choice)?;
        if let Some(apply) = apply {
            self.box_operands(apply);
        }
        Ok(Narrowed::Done)
    }

    /// `(try? f()) ?? 0` in an existential: what `try?` gives is decided by its context before the call inside is, so both operands go there
    /// by themselves, a literal as what it is by default.
    fn box_operands(&mut self, apply: &Apply) {
        let literal = |ty: Ty| {
            let set = self.table.as_var(ty).map(|v| self.table.literals(v));
            set.is_some_and(|set| !set.is_empty() && !set.contains(Literal::Nil))
        };
        let tries = |expr: ExprId| {
            let kind = TryKind::Optional;
            matches!(&self.body.exprs[self.unparen(expr)], Expr::Try { kind: k, .. } if *k == kind)
        };
        if apply.kind == ApplyKind::Operator
            && apply.args.iter().any(|arg| literal(arg.ty))
            && apply.args.iter().any(|arg| tries(arg.expr))
            && let Some(var) = self.table.as_var(apply.result)
            && let Some(context) = self.context_of(apply.result)
            && context.is_existential()
            && !self.table.resolve(context).has_infer()
        {
            self.table.bind(var, context);
        }
    }

    /// No candidate fits what is known.
    fn none_fits(
        &mut self,
        id: u32,
        key: ExprId,
        ty: Ty,
        choices: &[Choice],
        apply: Option<&Apply>,
    ) -> Result<Narrowed, Box<Failure>> {
        let operator = apply.is_some_and(|a| a.kind == ApplyKind::Operator);
        let failure = Failure {
            kind: match operator {
                true => FailKind::Operator(self.operand_types(apply)),
                false => FailKind::NoOverload,
            },
            loc: Loc {
                expr: key,
                why: Why::Inner,
            },
        };
        if self.cs.mode != Mode::Diagnose {
            return Err(Box::new(failure));
        }
        // Report what is wrong with the candidate that comes closest.
        let mut by_labels = choices
            .iter()
            .filter(|c| apply.is_none_or(|a| self.labels_match(c, a)));
        let (first, second) = (by_labels.next(), by_labels.next());
        let closest = match (first, second) {
            _ if operator => None,
            (Some(one), None) => Some(one),
            _ if choices.len() == 1 => choices.first(),
            _ => None,
        };
        match closest {
            Some(one) => self.settle(id, key, ty, one, None),
            None => {
                self.cs.finish(id);
                self.cs.failure.get_or_insert(failure);
                if let Some(var) = self.table.as_var(ty) {
                    self.table.bind(var, Ty::error());
                }
                Ok(Narrowed::Done)
            }
        }
    }

    fn operand_types(&self, apply: Option<&Apply>) -> Vec<Ty> {
        apply.map_or_else(Vec::new, |a| {
            a.args
                .iter()
                .map(|arg| match self.table.as_var(arg.ty) {
                    Some(var) => self.default_type(self.table.literals(var)),
                    None => None,
                })
                .zip(&a.args)
                .map(|(literal, arg)| literal.unwrap_or_else(|| self.table.resolve(arg.ty)))
                .collect()
        })
    }

    pub(super) fn commit_step(
        &mut self,
        key: ExprId,
        ty: Ty,
        choice: &Choice,
    ) -> Result<(), Box<Failure>> {
        if let Step::Failed(failure) = self.commit(key, ty, choice) {
            if self.cs.mode != Mode::Diagnose {
                return Err(failure);
            }
            self.cs.failure.get_or_insert(*failure);
        }
        self.simplify()
    }
}

/// By what candidates are put in order. A concrete operator is preferred over a generic one, whatever its literals become.
fn order(operator: bool, f: &Fit) -> (bool, u16, u16, u16) {
    match operator {
        true => (f.force, f.conversions, u16::from(f.generic), f.literals),
        false => (f.force, f.literals, f.conversions, u16::from(f.generic)),
    }
}
