//! Solving a system: passes, independent parts, and the search through the candidates of what nothing else decides.
//!
//! Before anything uncertain is decided the system falls into its connected components, in which no variable is shared; each is solved by
//! itself, so that choices in one argument of a call do not multiply with those in the next. A search notes where it started
//! ([`Checker::mark`]), takes back what a candidate brought about, and keeps the solution as the difference to the start.

use crate::base::{FxHashMap, FxHashSet};
use crate::bodies::check::{Checker, LocalsDelta};
use crate::diag::Severity;
use crate::items::AnchoredDiagnostic;
use crate::items::hir::ExprId;
use crate::types::ty::{Ty, TyKind};

use smallvec::SmallVec;

use super::fit::Fit;
use super::table::{Snapshot, TableDelta};
use super::trail::{FactsDelta, FactsMark};
use super::{
    Apply, ApplyKind, Choice, Constraint, Decision, FailKind, Failure, Loc, Mode, Score, Step, Why,
};

/// A point of a system to return to.
pub struct Mark {
    table: Snapshot,
    facts: FactsMark,
    constraints: usize,
    done: usize,
    active: Vec<u32>,
    applies: usize,
    opened: usize,
    expected: Vec<u32>,
    score: Score,
    locals: usize,
    diags: usize,
    has_errors: bool,
}

/// A solution that a search found, as what it adds to the mark where the search began.
struct Solution {
    score: Score,
    table: TableDelta,
    facts: FactsDelta,
    locals: LocalsDelta,
    diags: Vec<AnchoredDiagnostic>,
    has_errors: bool,
}

/// A candidate that led to a solution.
struct Found {
    solution: Solution,
    fit: Fit,
    choice: Choice,
}

/// A part of a system that shares no variable with the rest.
struct Part {
    constraints: Vec<u32>,
    expected: Vec<u32>,
}

/// Choices that may be open inside one another.
const MAX_DEPTH: u32 = 80;

impl<'db> Checker<'db> {
    /// The present state, to be returned to.
    pub(in crate::bodies) fn mark(&self) -> Mark {
        Mark {
            table: self.table.snapshot(),
            facts: self.facts.snapshot(),
            constraints: self.cs.constraints.len(),
            done: self.cs.done_trail.len(),
            active: self.cs.active.clone(),
            applies: self.cs.applies.snapshot(),
            opened: self.cs.opened.len(),
            expected: self.cs.expected.clone(),
            score: self.cs.score,
            locals: self.local_log.len(),
            diags: self.diags.len(),
            has_errors: self.out.has_errors,
        }
    }

    /// Takes back everything since the mark.
    pub(in crate::bodies) fn back(&mut self, mark: &Mark) {
        self.table.rollback(mark.table);
        self.facts.rollback(mark.facts);
        let cs = &mut self.cs;
        while cs.done_trail.len() > mark.done {
            if let Some(id) = cs.done_trail.pop() {
                cs.done[id as usize] = false;
            }
        }
        cs.clear_queue();
        cs.constraints.truncate(mark.constraints);
        cs.done.truncate(mark.constraints);
        cs.queued.truncate(mark.constraints);
        cs.candidates.truncate(mark.constraints);
        cs.applies.rollback(mark.applies);
        cs.active.clone_from(&mark.active);
        cs.opened.truncate(mark.opened);
        cs.expected.clone_from(&mark.expected);
        cs.score = mark.score;
        self.roll_back_locals(mark.locals);
        self.diags.truncate(mark.diags);
        self.out.has_errors = mark.has_errors;
    }

    /// The state as a solution.
    fn solution(&self, from: &Mark) -> Solution {
        Solution {
            score: self.cs.score,
            table: self.table.since(from.table),
            facts: self.facts.since(from.facts),
            locals: self.locals_since(from.locals),
            diags: self.diags.get(from.diags..).unwrap_or_default().to_vec(),
            has_errors: self.out.has_errors,
        }
    }

    /// Makes a solution the state again: the part that was searched is done.
    fn install(&mut self, solution: Solution) {
        self.table.replay(solution.table);
        self.facts.replay(solution.facts);
        self.replay_locals(solution.locals);
        self.diags.extend(solution.diags);
        self.out.has_errors = solution.has_errors;
        self.cs.score = solution.score;
        for at in 0..self.cs.active.len() {
            self.cs.finish(self.cs.active[at]);
        }
        self.cs.active.clear();
        self.cs.expected.clear();
        self.cs.clear_queue();
    }

    /// Solves the current system. On success the table and the facts hold the solution.
    pub fn solve(&mut self) -> Result<(), Box<Failure>> {
        let start = self.mark();
        let Err(first) = self.run_whole() else {
            return Ok(());
        };
        if matches!(first.kind, FailKind::TooComplex) {
            return Err(first);
        }
        // Decisions that were made for good may have been wrong in this context; search again without them.
        self.back(&start);
        self.cs.wake_all();
        self.cs.mode = Mode::Search;
        let second = self.run_whole();
        self.cs.mode = Mode::Direct;
        match second {
            Ok(()) => return Ok(()),
            Err(second) if matches!(second.kind, FailKind::Ambiguous) => return Err(second),
            Err(_) => {}
        }
        // There is no solution: find out what to say.
        self.back(&start);
        self.cs.wake_all();
        self.cs.mode = Mode::Diagnose;
        self.cs.failure = None;
        self.cs.best = None;
        self.total_steps();
        let result = self.run_whole();
        let failure = self.cs.failure.take();
        Err(match (failure, result) {
            (Some(failure), _) => Box::new(failure),
            (None, Err(failure)) => failure,
            (None, Ok(())) => first,
        })
    }

    /// Runs the system to its end, with the literals that nothing mentions any more.
    fn run_whole(&mut self) -> Result<(), Box<Failure>> {
        self.run()?;
        self.settle_literals(self.cs.first_var as u32..self.table.len() as u32)?;
        self.simplify()?;
        self.check_closures()
    }

    /// Puts the steps of the passes so far aside, so that the next pass may take as many.
    fn total_steps(&mut self) {
        self.cs.spent += u64::from(std::mem::take(&mut self.cs.steps));
        self.cs.searched = 0;
    }

    /// Adds the steps that the system took to the body's.
    pub fn count_work(&mut self) {
        let steps = self.cs.spent + u64::from(self.cs.steps);
        self.work.add(self.root_expr, steps);
    }

    /// One pass of simplification and decisions over the present part, to the end or to a failure.
    pub fn run(&mut self) -> Result<(), Box<Failure>> {
        loop {
            self.simplify()?;
            if let (Some(best), true) = (self.cs.best, self.cs.mode != Mode::Diagnose)
                && self.cs.score > best
            {
                return Err(Box::new(Failure {
                    kind: FailKind::NoOverload,
                    loc: self.any_loc(),
                }));
            }
            match self.decide()? {
                Decision::Progress => {}
                Decision::Done => return self.check_inferred(),
                Decision::Searched(result) => return result,
            }
        }
    }

    fn any_loc(&self) -> Loc {
        match self.cs.constraints.is_empty() {
            true => Loc {
                expr: ExprId::from_raw(0),
                why: Why::Inner,
            },
            false => self.loc_of(0),
        }
    }

    /// Solves the independent parts of the present part one after the other, if there is more than one.
    pub(super) fn solve_parts(&mut self) -> Option<Result<(), Box<Failure>>> {
        let (parts, rest) = self.parts()?;
        for part in parts {
            self.cs.active = part.constraints;
            self.cs.expected = part.expected;
            if let Err(failure) = self.solve_part() {
                return Some(Err(failure));
            }
        }
        self.cs.active.clear();
        self.cs.expected = rest;
        Some(self.check_inferred())
    }

    /// Solves one part: where greedy decisions lead to no solution, by search.
    fn solve_part(&mut self) -> Result<(), Box<Failure>> {
        if self.cs.mode != Mode::Direct || self.cs.depth > 0 {
            return self.run();
        }
        let start = self.mark();
        match self.run() {
            Err(failure) if !matches!(failure.kind, FailKind::TooComplex) => {}
            result => return result,
        }
        self.back(&start);
        self.cs.wake_all();
        self.cs.mode = Mode::Search;
        let result = self.run();
        self.cs.mode = Mode::Direct;
        result
    }

    /// The connected components of the present part, where variables are what connects, and the opened parameters that no constraint is
    /// about. None where there is one component.
    fn parts(&self) -> Option<(Vec<Part>, Vec<u32>)> {
        let live: Vec<u32> = self.cs.waiting().collect();
        if live.len() < 2 {
            return None;
        }
        let mut sets = Sets {
            parent: (0..live.len() as u32).collect(),
        };
        let mut owners: FxHashMap<u32, u32> = FxHashMap::default();
        let mut count = live.len();
        let captured = self.open_locals();
        let mut vars: SmallVec<[u32; 4]> = SmallVec::new();
        for (at, &id) in live.iter().enumerate() {
            vars.clear();
            let constraint = &self.cs.constraints[id as usize];
            self.vars_of(constraint, &mut vars);
            if let Constraint::Closure { .. } = constraint {
                // What a closure's body may mention belongs to it.
                vars.extend_from_slice(&captured);
            }
            for &var in &vars {
                let owner = *owners.entry(var).or_insert(at as u32);
                count -= usize::from(sets.union(owner, at as u32));
            }
        }
        if count < 2 {
            return None;
        }
        let mut index: FxHashMap<u32, usize> = FxHashMap::default();
        let mut parts: Vec<Part> = Vec::with_capacity(count);
        for (at, &id) in live.iter().enumerate() {
            let slot = *index.entry(sets.find(at as u32)).or_insert(parts.len());
            if slot == parts.len() {
                parts.push(Part {
                    constraints: Vec::new(),
                    expected: Vec::new(),
                });
            }
            parts[slot].constraints.push(id);
        }
        let mut rest = Vec::new();
        for &opened in &self.cs.expected {
            let var = Ty::new(TyKind::Infer(self.cs.opened[opened as usize].0));
            vars.clear();
            self.table.vars_in(var, &mut vars);
            // A parameter whose parts are found in several places is looked at when all are done.
            let mut slots = vars
                .iter()
                .filter_map(|v| index.get(&sets.find(*owners.get(v)?)));
            match (slots.next(), vars.is_empty()) {
                (Some(&slot), _) if slots.all(|&other| other == slot) => {
                    parts[slot].expected.push(opened);
                }
                (_, true) => {}
                _ => rest.push(opened),
            }
        }
        Some((parts, rest))
    }

    /// Variables in the types of parameters of closures that are open: closures inside may mention them.
    fn open_locals(&self) -> SmallVec<[u32; 4]> {
        let mut vars = SmallVec::new();
        for opened in self.facts.closures.values() {
            for (_, ty) in &opened.params {
                self.table.vars_in(*ty, &mut vars);
            }
        }
        vars
    }

    /// Every unbound variable that a constraint mentions.
    pub fn vars_of(&self, constraint: &Constraint, vars: &mut SmallVec<[u32; 4]>) {
        let mut add = |ty: Ty| self.table.vars_in(ty, vars);
        match constraint {
            Constraint::Relate { a, b, .. } => {
                add(*a);
                add(*b);
            }
            Constraint::Superclass { ty, class, .. } => {
                add(*ty);
                add(*class);
            }
            Constraint::Conforms { ty, .. }
            | Constraint::ClassBound { ty, .. }
            | Constraint::Closure { ty, .. }
            | Constraint::KeyPath { ty, .. } => add(*ty),
            Constraint::Overload { ty, choices, .. } => {
                add(*ty);
                // The choices share the type that they are members of.
                if let Some(first) = choices.first() {
                    first.outer.iter().for_each(&mut add);
                    if let Some(ty) = first.self_ty {
                        add(ty);
                    }
                }
            }
            Constraint::Member { base, result, .. } | Constraint::Assoc { base, result, .. } => {
                add(*base);
                add(*result);
            }
            Constraint::Apply(apply) => {
                let Apply {
                    callee,
                    args,
                    result,
                    ..
                } = &**apply;
                add(*callee);
                add(*result);
                args.iter().for_each(|arg| add(arg.ty));
            }
            Constraint::Unwrap {
                optional, object, ..
            } => {
                add(*optional);
                add(*object);
            }
            Constraint::ArrayLiteral { ty, elem, .. } => {
                add(*ty);
                add(*elem);
            }
            Constraint::DictionaryLiteral { ty, key, value, .. } => {
                add(*ty);
                add(*key);
                add(*value);
            }
            Constraint::PathAccess {
                path, root, value, ..
            } => {
                add(*path);
                add(*root);
                add(*value);
            }
            Constraint::TypeOf { value, result } => {
                add(*value);
                add(*result);
            }
        }
    }

    /// Tries the candidates one after the other and keeps the best solution.
    pub(super) fn branch(
        &mut self,
        id: u32,
        choices: Vec<(Fit, Choice)>,
    ) -> Result<Decision, Box<Failure>> {
        let Constraint::Overload { key, ty, .. } = self.cs.constraints[id as usize].clone() else {
            return Ok(Decision::Progress);
        };
        self.cs.finish(id);
        if self.cs.mode == Mode::Diagnose {
            let one = choices[0].1.clone();
            self.commit_step(key, ty, &one)?;
            return Ok(Decision::Progress);
        }
        let failure = |kind| {
            Box::new(Failure {
                kind,
                loc: Loc {
                    expr: key,
                    why: Why::Inner,
                },
            })
        };
        if self.cs.depth > MAX_DEPTH {
            return Err(failure(FailKind::TooComplex));
        }
        let operator = self.is_operator(key);
        let blind = operator && self.knows_nothing(key);
        let outer_best = self.cs.best;
        let mut found: Vec<Found> = Vec::new();
        let mut first_failure = None;
        let mark = self.mark();
        for (fit, choice) in choices {
            if self.cannot_win((operator, blind), &found, &fit, &choice, mark.score) {
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
                    self.cs.score.errors += self
                        .diags
                        .get(mark.diags..)
                        .unwrap_or_default()
                        .iter()
                        .filter(|d| d.severity == Severity::Error)
                        .count() as u32;
                    let solution = self.solution(&mark);
                    let score = solution.score;
                    found.push(Found {
                        solution,
                        fit,
                        choice,
                    });
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
        let Some(best) = found.iter().map(|f| f.solution.score).min() else {
            return Err(first_failure.unwrap_or_else(|| failure(FailKind::NoOverload)));
        };
        found.retain(|f| f.solution.score == best);
        let winner = (0..found.len())
            .find(|&i| (0..found.len()).all(|j| i == j || self.beats(&found[i], &found[j])));
        let winner = match winner {
            Some(i) => i,
            None => {
                // Equally good: the same meaning reached in two ways is no ambiguity, nor are results of a search over operators, unless nothing
                // said what their operands are.
                let ambiguous = (!operator || blind)
                    && found.len() > 1
                    && found.iter().all(|f| f.fit.generic == found[0].fit.generic)
                    && found.iter().all(|f| f.choice.rank == found[0].choice.rank);
                if ambiguous {
                    return Err(failure(FailKind::Ambiguous));
                }
                let lowest = found.iter().map(|f| f.choice.rank).min().unwrap_or(0);
                found
                    .iter()
                    .position(|f| f.choice.rank == lowest)
                    .unwrap_or(0)
            }
        };
        let found = found.swap_remove(winner);
        self.install(found.solution);
        Ok(Decision::Searched(Ok(())))
    }

    /// Whether the choices of one solution are the more specialised ones, taken together.
    fn beats(&mut self, a: &Found, b: &Found) -> bool {
        let other: FxHashMap<ExprId, &Choice> = b
            .solution
            .facts
            .choices
            .iter()
            .map(|(key, resolved)| (*key, &resolved.choice))
            .collect();
        let mut balance = 0;
        let mut seen: FxHashSet<ExprId> = FxHashSet::default();
        for (key, resolved) in &a.solution.facts.choices {
            let (x, Some(y)) = (&resolved.choice, other.get(key)) else {
                continue;
            };
            if x.target == y.target && x.force == y.force || !seen.insert(*key) {
                continue;
            }
            balance += i32::from(self.better(x, y)) - i32::from(self.better(y, x));
        }
        balance > 0
    }

    /// Whether the expression is the application of an operator.
    fn is_operator(&self, key: ExprId) -> bool {
        self.cs
            .applies
            .get(&key)
            .is_some_and(|&at| match &self.cs.constraints[at as usize] {
                Constraint::Apply(a) => a.kind == ApplyKind::Operator,
                _ => false,
            })
    }

    /// Whether neither operands nor context say anything about an operator.
    fn knows_nothing(&self, key: ExprId) -> bool {
        let Some(&at) = self.cs.applies.get(&key) else {
            return false;
        };
        let Constraint::Apply(apply) = &self.cs.constraints[at as usize] else {
            return false;
        };
        let unknown = |ty: Ty| {
            let var = self.table.as_var(ty);
            var.is_some_and(|v| self.literal_kinds(v).is_empty())
        };
        self.context_of(apply.result).is_none() && apply.args.iter().all(|arg| unknown(arg.ty))
    }

    /// Whether the solutions that there are leave a candidate no chance.
    fn cannot_win(
        &mut self,
        (operator, blind): (bool, bool),
        found: &[Found],
        fit: &Fit,
        choice: &Choice,
        start: Score,
    ) -> bool {
        let Some(first) = found.first() else {
            return false;
        };
        if choice.force {
            return true;
        }
        if operator {
            // One operator that fits without any conversion is what was meant: the rest could be no more than ambiguous, which a second one
            // shows where that is a mistake.
            if found.iter().any(|f| f.solution.score <= start) {
                return !blind || found.len() > 1;
            }
            let best = &first.fit;
            if fit.unknown == 0
                && (fit.force, fit.conversions, fit.generic, fit.literals)
                    > (best.force, best.conversions, best.generic, best.literals)
            {
                return true;
            }
            // A generic operator is for types that no concrete one takes.
            if fit.generic && found.iter().any(|f| !f.fit.generic) {
                return true;
            }
        }
        // What a solved candidate hides cannot be better.
        self.cs.mode == Mode::Search
            && found.iter().any(|f| {
                f.fit.generic <= fit.generic
                    && f.fit.conversions <= fit.conversions
                    && f.fit.literals <= fit.literals
                    && (f.choice.rank < choice.rank || self.better(&f.choice, choice))
            })
    }
}

/// Disjoint sets, of small numbers.
struct Sets {
    parent: Vec<u32>,
}

impl Sets {
    fn find(&mut self, of: u32) -> u32 {
        let mut at = of;
        while self.parent[at as usize] != at {
            let up = self.parent[at as usize];
            self.parent[at as usize] = self.parent[up as usize];
            at = up;
        }
        at
    }

    /// Unites two sets; whether they were different ones. The smaller number stands for both.
    fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
        low != high
    }
}
