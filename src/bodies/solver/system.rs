//! The constraints of one expression: which are done, which wait, and which part of them is being solved.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::base::Name;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;

use super::choose::Candidates;
use super::trail::Logged;
use super::{Constraint, Failure, Mode, Score};

/// The constraints of one expression.
pub struct System {
    pub constraints: Vec<Constraint>,
    pub(super) done: Vec<bool>,
    pub(super) done_trail: Vec<u32>,
    /// The part of the system that is being solved, in order; some of it may be done already.
    pub(super) active: Vec<u32>,
    pub(super) queue: VecDeque<u32>,
    pub(super) queued: Vec<bool>,
    /// What is known of the candidates of overload sets, for as long as their operands stay what they are.
    pub(super) candidates: Vec<Option<Rc<Candidates>>>,
    /// The call of which an expression is the callee.
    pub applies: Logged<u32>,
    pub score: Score,
    pub best: Option<Score>,
    pub mode: Mode,
    pub failure: Option<Failure>,
    /// The variables that this system made start here.
    pub first_var: usize,
    pub steps: u32,
    /// The steps of earlier passes over the same expression.
    pub(super) spent: u64,
    /// How many constraints were gone through in search of a variable to bind.
    pub(super) passed_over: u64,
    /// How many of the steps were taken while choices were being tried.
    pub(super) searched: u32,
    /// How many choices are being tried around the present one.
    pub depth: u32,
    /// Generic parameters that were opened: variable, name and declaration, for messages.
    pub opened: Vec<(u32, Name, DefId, ExprId)>,
    /// Those of them that the part being solved must find.
    pub(super) expected: Vec<u32>,
}

impl System {
    pub fn new(first_var: usize) -> System {
        System {
            constraints: Vec::new(),
            done: Vec::new(),
            done_trail: Vec::new(),
            active: Vec::new(),
            queue: VecDeque::new(),
            queued: Vec::new(),
            candidates: Vec::new(),
            applies: Logged::default(),
            score: Score::default(),
            best: None,
            mode: Mode::Direct,
            failure: None,
            first_var,
            steps: 0,
            spent: 0,
            passed_over: 0,
            searched: 0,
            depth: 0,
            opened: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// Steps that all of the constraints may take: enough for each to be looked at many times, but not whenever another one is.
    pub(super) fn direct_budget(&self) -> u32 {
        let constraints = u32::try_from(self.constraints.len()).unwrap_or(u32::MAX);
        (2 * super::BUDGET).saturating_add(constraints.saturating_mul(50))
    }

    /// Counts a step.
    pub(super) fn count(&mut self) {
        self.steps += 1;
        self.searched += u32::from(self.depth > 0);
    }

    pub fn add(&mut self, constraint: Constraint) -> u32 {
        let id = self.constraints.len() as u32;
        if let Constraint::Apply(apply) = &constraint {
            self.applies.insert(apply.key, id);
        }
        self.constraints.push(constraint);
        self.done.push(false);
        self.queued.push(true);
        self.candidates.push(None);
        self.active.push(id);
        self.queue.push_back(id);
        id
    }

    /// Notes that a generic parameter was opened as a variable.
    pub fn open(&mut self, var: u32, name: Name, def: DefId, key: ExprId) {
        self.expected.push(self.opened.len() as u32);
        self.opened.push((var, name, def, key));
    }

    pub fn is_done(&self, id: u32) -> bool {
        self.done[id as usize]
    }

    pub fn finish(&mut self, id: u32) {
        if !self.done[id as usize] {
            self.done[id as usize] = true;
            self.done_trail.push(id);
        }
    }

    pub(super) fn wake(&mut self, id: u32) {
        let i = id as usize;
        if i < self.done.len() && !self.done[i] && !self.queued[i] {
            self.queued[i] = true;
            self.queue.push_back(id);
        }
    }

    /// Wakes everything that is not done: a nested system may have bound variables.
    pub fn wake_all(&mut self) {
        for at in 0..self.active.len() {
            self.wake(self.active[at]);
        }
    }

    /// Forgets what was to be looked at again.
    pub(super) fn clear_queue(&mut self) {
        while let Some(id) = self.queue.pop_front() {
            if let Some(queued) = self.queued.get_mut(id as usize) {
                *queued = false;
            }
        }
    }

    /// The constraints of the present part that are not done.
    pub fn waiting(&self) -> impl Iterator<Item = u32> + '_ {
        self.active
            .iter()
            .copied()
            .filter(|&id| !self.done[id as usize])
    }

    /// Drops what is done from the list of the present part, once it is most of it.
    pub(super) fn compact(&mut self) {
        let live = self.waiting().count();
        if live * 2 < self.active.len() {
            let done = &self.done;
            self.active.retain(|&id| !done[id as usize]);
        }
    }
}
