//! Patterns: tests, bindings, and `switch`.
//!
//! Cases are tried in order. A `switch` over an enum with several cases jumps by the case number straight to the first case of the source that
//! may match. Immutable bindings into storage that cannot change are names for that storage; others take a copy, or the value itself where
//! the matched temporary has no other use.

use super::builder::{Builder, LabelTargets, Slot, Target};
use super::data::*;
use super::place::{Stability, Val};
use super::visit;
use crate::base::{FxHashMap, FxHashSet};
use crate::bodies::thir::*;
use crate::items::ids::{DefId, DefKind};
use crate::types::ty::{BuiltinTy, Ty};

/// How a `switch` gets to one alternative of a case.
struct Entry {
    /// Tests the whole pattern.
    test: Block,
    /// Tests the rest, once the enum's case is known.
    known: Block,
}

impl<'a> Builder<'a> {
    /// Whether the pattern matches every value.
    pub fn is_irrefutable(&self, pat: TPatId) -> bool {
        match &self.body.pats[pat].kind {
            TPatKind::Wild | TPatKind::Bind(_) | TPatKind::BindGlobal(_) => true,
            TPatKind::Tuple(pats) => pats.iter().all(|&p| self.is_irrefutable(p)),
            TPatKind::Convert { pat, .. } => self.is_irrefutable(*pat),
            _ => false,
        }
    }

    /// Takes apart a place that holds an owned value, all of which is used up.
    pub fn destructure(&mut self, pat: TPatId, from: &Place) {
        let data = &self.body.pats[pat];
        match &data.kind {
            TPatKind::Wild => {
                if !self.facts.trivial(data.ty) {
                    self.stmt(StatementKind::Destroy(from.clone()));
                }
            }
            TPatKind::Bind(local) => self.bind_owned(*local, Operand::Move(from.clone())),
            TPatKind::BindGlobal(var) => {
                let args = self.facts.identity_args(*var);
                let ty = self.facts.storage_type(*var);
                let place = self.global_place(*var, args, ty);
                self.init_stored(*var, place, from.clone(), ty);
            }
            TPatKind::Tuple(pats) => {
                for (i, &pat) in pats.iter().enumerate() {
                    self.destructure(pat, &from.then(Proj::Elem(i as u32)));
                }
            }
            TPatKind::Convert {
                value,
                convert,
                pat,
            } => {
                let whole = self.temp(data.ty);
                self.assign(whole, Rvalue::Use(Operand::Move(from.clone())));
                self.own(whole);
                self.slots.insert(*value, Slot::Place(whole.into()));
                let ty = self.ty_of(*convert);
                let converted = self.temp(ty);
                self.push_scope();
                self.into(*convert, &converted.into());
                self.pop_scope();
                self.destructure(*pat, &converted.into());
            }
            _ => {
                let whole = self.temp(data.ty);
                self.assign(whole, Rvalue::Use(Operand::Move(from.clone())));
                self.own(whole);
                let fail = self.target();
                self.match_pattern(pat, &whole.into(), Stability::Fixed, fail, false);
                let here = self.block();
                self.goto(here);
                self.switch_to(fail.block);
                self.unreachable();
                self.switch_to(here);
            }
        }
    }

    /// Matches a temporary that holds an owned value. The temporary is registered in the current scope, or taken apart.
    pub fn match_owned(&mut self, pat: TPatId, subject: Local, fail: Target) {
        let place = Place::from(subject);
        match &self.body.pats[pat].kind {
            TPatKind::Case {
                case,
                payload: Some(pats),
            } if !pats.is_empty()
                && pats.len() == self.facts.payload(*case).len()
                && pats.iter().all(|&p| self.is_irrefutable(p)) =>
            {
                let cond = self.is_case(&place, *case);
                let (ok, not) = (self.block(), self.block());
                self.branch(cond, ok, not);
                self.switch_to(not);
                if *case != self.facts.some_case() {
                    self.stmt(StatementKind::Destroy(place.clone()));
                }
                self.jump(fail);
                self.switch_to(ok);
                // What is not bound dies before the body.
                if self.facts.is_indirect(*case) {
                    // Others may share the box: what is bound is copied out of it.
                    self.match_pattern(pat, &place, Stability::Shared, fail, true);
                    self.stmt(StatementKind::Destroy(place));
                    return;
                }
                let inner = place.then(Proj::Payload(*case));
                match pats.as_slice() {
                    [one] => self.destructure(*one, &inner),
                    _ => {
                        for (i, &pat) in pats.iter().enumerate() {
                            self.destructure(pat, &inner.then(Proj::Elem(i as u32)));
                        }
                    }
                }
            }
            TPatKind::Bind(_) | TPatKind::Tuple(_) if self.is_irrefutable(pat) => {
                self.destructure(pat, &place)
            }
            _ => {
                self.own(subject);
                self.match_pattern(pat, &place, Stability::Fixed, fail, false);
            }
        }
    }

    /// Tests a value and binds what the pattern names in the current scope. `known` says that the pattern's enum case has been tested.
    pub fn match_pattern(
        &mut self,
        pat: TPatId,
        place: &Place,
        stability: Stability,
        fail: Target,
        known: bool,
    ) {
        let data = &self.body.pats[pat];
        if let Some(src) = data.src {
            self.src = Some(src);
        }
        match &data.kind {
            TPatKind::Wild => {}
            TPatKind::Bind(local) => self.bind_from(*local, place, stability),
            TPatKind::BindGlobal(var) => {
                let args = self.facts.identity_args(*var);
                let ty = self.facts.storage_type(*var);
                let copy = self.temp(ty);
                self.assign(copy, Rvalue::Use(Operand::Copy(place.clone())));
                let global = self.global_place(*var, args, ty);
                self.init_stored(*var, global, copy.into(), ty);
            }
            TPatKind::Tuple(pats) => {
                for (i, &pat) in pats.iter().enumerate() {
                    self.match_pattern(
                        pat,
                        &place.then(Proj::Elem(i as u32)),
                        stability,
                        fail,
                        false,
                    );
                }
            }
            TPatKind::Case { case, payload } => {
                if !known {
                    let cond = self.is_case(place, *case);
                    self.test(cond, fail);
                }
                let Some(pats) = payload else { return };
                let inner = place.then(Proj::Payload(*case));
                match pats.as_slice() {
                    [] => {}
                    [one] => self.match_pattern(*one, &inner, stability, fail, false),
                    _ => {
                        for (i, &pat) in pats.iter().enumerate() {
                            self.match_pattern(
                                pat,
                                &inner.then(Proj::Elem(i as u32)),
                                stability,
                                fail,
                                false,
                            );
                        }
                    }
                }
            }
            TPatKind::Expr { value, test } => {
                self.slots.insert(*value, Slot::Place(place.clone()));
                let (ok, not) = (self.block(), self.block());
                self.condition(*test, ok, not);
                self.switch_to(not);
                self.jump(fail);
                self.switch_to(ok);
            }
            TPatKind::Is(ty) => {
                let (ok, cast) = self.emit_cast(place, data.ty, *ty);
                self.test(ok, fail);
                self.stmt(StatementKind::Destroy(cast.into()));
            }
            TPatKind::As(ty, inner) => {
                let (ok, cast) = self.emit_cast(place, data.ty, *ty);
                self.test(ok, fail);
                self.own(cast);
                self.match_pattern(*inner, &cast.into(), Stability::Fixed, fail, false);
            }
            TPatKind::Convert {
                value,
                convert,
                pat,
            } => {
                self.slots.insert(*value, Slot::Place(place.clone()));
                let ty = self.ty_of(*convert);
                let converted = self.temp(ty);
                self.push_scope();
                self.into(*convert, &converted.into());
                self.pop_scope();
                self.own(converted);
                self.match_pattern(*pat, &converted.into(), Stability::Fixed, fail, false);
            }
        }
    }

    fn test(&mut self, cond: Operand, fail: Target) {
        let (ok, not) = (self.block(), self.block());
        self.branch(cond, ok, not);
        self.switch_to(not);
        self.jump(fail);
        self.switch_to(ok);
    }

    /// Binds a name to what a place holds.
    fn bind_from(&mut self, local: TLocalId, place: &Place, stability: Stability) {
        if self.shared_binds.contains(&local) {
            // Several patterns bind the name: they fill one variable.
            if let Some(Slot::Place(storage)) = self.slots.get(&local).cloned() {
                self.assign(storage.clone(), Rvalue::Use(Operand::Copy(place.clone())));
                self.own(storage.local);
            }
            return;
        }
        let decl = &self.body.locals[local];
        let alias = decl.kind == TLocalKind::Let
            && stability == Stability::Fixed
            && !self.caps.consumed.contains(&local)
            && !self.caps.boxed.contains(&local);
        match alias {
            true => {
                self.slots.insert(local, Slot::Place(place.clone()));
            }
            false => self.bind_owned(local, Operand::Copy(place.clone())),
        }
    }

    pub fn lower_switch(&mut self, t: &'a TSwitch, dest: Option<&Place>) {
        let join = self.target();
        let targets = LabelTargets {
            on_break: join,
            on_continue: None,
        };
        self.labels.insert(t.label, targets);
        self.then_dests.extend(dest.cloned());
        self.push_scope();
        let ty = self.ty_of(t.subject);
        let need = match self.cases_only_test(&t.cases) {
            true => Stability::Shared,
            false => Stability::Fixed,
        };
        // What evaluating the subject made dies before the cases, apart from the subject itself.
        self.push_scope();
        let value = self.rvalue(t.subject);
        let noncopyable = self.copyability.noncopyable(ty);
        let (place, stability) = match value {
            Val::Place(place, stability) if stability >= need && !self.rooted_in_temp(&place) => {
                self.pop_scope();
                (place, stability)
            }
            // The value is borrowed, or taken where what the patterns bind is.
            Val::Place(place, _) if noncopyable => {
                let cleanups = self.scopes.pop().map(|s| s.cleanups).unwrap_or_default();
                if let Some(scope) = self.scopes.last_mut() {
                    scope.cleanups.extend(cleanups);
                }
                (place, Stability::Fixed)
            }
            other => {
                let subject = self.temp(ty);
                let operand = self.consume(other);
                self.assign(subject, Rvalue::Use(operand));
                self.pop_scope();
                self.own(subject);
                (subject.into(), Stability::Fixed)
            }
        };
        let none = self.target();
        self.lower_cases(&t.cases, &place, stability, join, none);
        self.switch_to(none.block);
        self.unreachable();
        self.pop_scope();
        if dest.is_some() {
            self.then_dests.pop();
        }
        self.switch_to(join.block);
    }

    /// Whether the cases bind nothing and run no code between the tests.
    fn cases_only_test(&self, cases: &'a [TCase]) -> bool {
        cases.iter().all(|case| {
            case.items
                .iter()
                .all(|(pat, guard)| guard.is_none() && self.only_tests(*pat))
        })
    }
    fn only_tests(&self, pat: TPatId) -> bool {
        match &self.body.pats[pat].kind {
            TPatKind::Wild => true,
            TPatKind::Tuple(pats) => pats.iter().all(|&p| self.only_tests(p)),
            TPatKind::Case { payload, .. } => payload.iter().flatten().all(|&p| self.only_tests(p)),
            _ => false,
        }
    }

    fn bound_names(&self, pat: TPatId, out: &mut Vec<TLocalId>) {
        let data = &self.body.pats[pat];
        if let TPatKind::Bind(local) = data.kind {
            out.push(local);
        }
        let mut inner = Vec::new();
        visit::pat_parts(data, &mut |part| {
            if let visit::Part::Pat(p) = part {
                inner.push(p);
            }
        });
        inner.into_iter().for_each(|p| self.bound_names(p, out));
    }

    /// Tries cases in order; goes to `join` after the body that runs, and to `none` when no case matches.
    pub fn lower_cases(
        &mut self,
        cases: &'a [TCase],
        place: &Place,
        stability: Stability,
        join: Target,
        none: Target,
    ) {
        let depth = self.depth();
        let bodies: Vec<Target> = cases
            .iter()
            .map(|_| Target {
                block: self.block(),
                depth,
            })
            .collect();
        let entries: Vec<Vec<Entry>> = cases
            .iter()
            .map(|case| {
                let count = if case.is_default { 1 } else { case.items.len() };
                (0..count)
                    .map(|_| Entry {
                        test: self.block(),
                        known: self.block(),
                    })
                    .collect()
            })
            .collect();
        let first = entries
            .iter()
            .flatten()
            .next()
            .map_or(none.block, |e| e.test);
        if !self.jump_table(cases, &entries, place) {
            self.goto(first);
        }
        let order: Vec<(usize, usize)> = entries
            .iter()
            .enumerate()
            .flat_map(|(c, list)| (0..list.len()).map(move |i| (c, i)))
            .collect();
        let mut shared = Vec::new();
        for (at, &(c, i)) in order.iter().enumerate() {
            let case = &cases[c];
            let entry = &entries[c][i];
            let next = Target {
                block: order
                    .get(at + 1)
                    .map_or(none.block, |&(c, i)| entries[c][i].test),
                depth,
            };
            let from_above = c > 0 && falls_through(self.body, &cases[c - 1].body);
            let fallthrough = bodies.get(c + 1).copied();
            if i == 0 {
                shared = match case.items.len() {
                    0 | 1 => Vec::new(),
                    _ => self.shared_names(case),
                };
            }
            // The case number is known when the table jumped here; otherwise it is tested first.
            self.switch_to(entry.test);
            let item = case.items.get(i);
            if let Some((pat, _)) = item
                && let TPatKind::Case {
                    case: enum_case, ..
                } = &self.body.pats[*pat].kind
            {
                let cond = self.is_case(place, *enum_case);
                self.branch(cond, entry.known, next.block);
            } else {
                self.goto(entry.known);
            }
            self.switch_to(entry.known);
            self.push_scope();
            if let Some((pat, guard)) = item {
                self.match_pattern(*pat, place, stability, next, true);
                if let Some(guard) = guard {
                    let (ok, not) = (self.block(), self.block());
                    self.condition(*guard, ok, not);
                    self.switch_to(not);
                    self.jump(next);
                    self.switch_to(ok);
                }
            }
            let simple = case.items.len() <= 1 && !from_above;
            if simple {
                self.fallthroughs.push(fallthrough);
                self.lower_block(&case.body);
                self.fallthroughs.pop();
                self.pop_scope();
                self.jump(join);
                continue;
            }
            for &name in &shared {
                if let Some(Slot::Place(storage)) = self.slots.get(&name).cloned() {
                    self.forget(storage.local);
                }
            }
            self.pop_scope();
            self.goto(bodies[c].block);
            if i + 1 == entries[c].len() {
                self.switch_to(bodies[c].block);
                self.push_scope();
                for &name in &shared {
                    if let Some(Slot::Place(storage)) = self.slots.get(&name).cloned() {
                        self.own(storage.local);
                    }
                    self.shared_binds.remove(&name);
                }
                self.fallthroughs.push(fallthrough);
                self.lower_block(&case.body);
                self.fallthroughs.pop();
                self.pop_scope();
                self.jump(join);
            }
        }
        if cases.is_empty() {
            self.dead = true;
        }
    }

    /// Makes storage for the names that all alternatives of a case bind.
    fn shared_names(&mut self, case: &'a TCase) -> Vec<TLocalId> {
        let mut names = Vec::new();
        for (pat, _) in &case.items {
            self.bound_names(*pat, &mut names);
        }
        let unique: FxHashSet<TLocalId> = names.iter().copied().collect();
        let mut unique: Vec<TLocalId> = unique.into_iter().collect();
        unique.sort();
        for &name in &unique {
            let decl = &self.body.locals[name];
            let storage = self.local(decl.ty, LocalKind::Var, Some(decl.name));
            self.slots.insert(name, Slot::Place(storage.into()));
            self.shared_binds.insert(name);
        }
        unique
    }

    /// Jumps by the case number where most cases of the source name one.
    fn jump_table(&mut self, cases: &'a [TCase], entries: &[Vec<Entry>], place: &Place) -> bool {
        let patterns = cases.iter().zip(entries).flat_map(|(case, list)| {
            let items = case.items.iter().map(|(p, _)| Some(*p));
            let items: Vec<Option<TPatId>> = match case.is_default {
                true => vec![None],
                false => items.collect(),
            };
            items.into_iter().zip(list)
        });
        let patterns: Vec<(Option<TPatId>, &Entry)> = patterns.collect();
        let case_of = |b: &Self, pat: Option<TPatId>| -> Option<Option<DefId>> {
            match pat.map(|p| &b.body.pats[p].kind) {
                Some(TPatKind::Case { case, .. }) => Some(Some(*case)),
                None | Some(TPatKind::Wild | TPatKind::Bind(_)) => Some(None),
                _ => None,
            }
        };
        let named = patterns
            .iter()
            .filter_map(|(p, _)| case_of(self, *p).flatten());
        let Some(enum_) = named.clone().next().and_then(|c| self.facts.parent(c)) else {
            return false;
        };
        if named.count() < 3 || self.facts.kind(enum_) != DefKind::Enum {
            return false;
        }
        let all = self.facts.cases(enum_);
        let int32 = Ty::builtin(BuiltinTy::Int32);
        let tag = self.temp(int32);
        let mut targets = Vec::new();
        let mut first: FxHashMap<DefId, Block> = FxHashMap::default();
        let mut otherwise = None;
        for (pat, entry) in &patterns {
            match case_of(self, *pat) {
                Some(Some(case)) => {
                    first.entry(case).or_insert(entry.known);
                }
                // Anything else may match and is tested in full, before what follows.
                _ => {
                    otherwise = Some(entry.test);
                    break;
                }
            }
        }
        for (number, &case) in all.iter().enumerate() {
            if let Some(block) = first.get(&case).copied().or(otherwise) {
                targets.push((number as i128, block));
            }
        }
        let Some((_, default)) = targets.pop() else {
            return false;
        };
        if targets.len() + 1 != all.len() {
            return false;
        }
        self.assign(tag, Rvalue::Tag(place.clone()));
        self.terminate(Terminator::Switch {
            value: Operand::Borrow(tag.into()),
            targets,
            default,
        });
        true
    }
}

/// Whether a case's body may go on to the next case.
fn falls_through(body: &TypedBody, block: &TBlock) -> bool {
    let mut found = false;
    visit::each_stmt(body, block, &mut |stmt| {
        found |= matches!(stmt, TStmt::Fallthrough)
    });
    found
}
