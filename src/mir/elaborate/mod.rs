//! Which tracked variables hold a value where: decided by data flow, after lowering.
//!
//! Lowering emits destructions of tracked variables wherever one might be due: at the end of scopes, ahead of assignments. This pass finds for
//! each whether the variable holds a value there always, never, or only on some paths, and keeps the destruction, drops it, or makes it
//! depend on a flag. A tracked variable is a local without an initial value, one that `consume` ends, or a stored property of the
//! `this` that an initialiser fills in. Uses of what may hold nothing are reported.

mod joins;
mod rewrite;

use super::builder::{FieldState, Part, Tracked, TrackedKind};
use super::data::*;
use super::facts::Facts;
use super::{AfterConsume, FlowKind, MirError};
use crate::base::{FxHashMap, FxHashSet, Name};
use crate::items::hir::ExprId;

/// Sets of variables that may and may not hold a value at some point.
#[derive(Clone, PartialEq, Default)]
struct State {
    may_hold: Vec<bool>,
    may_lack: Vec<bool>,
    /// What took the value of a variable that lacks it, for messages.
    taken: Vec<Option<ExprId>>,
    reached: bool,
}

impl State {
    fn set(&mut self, bit: usize, holds: bool) {
        self.may_hold[bit] = holds;
        self.may_lack[bit] = !holds;
        self.taken[bit] = None;
    }
    fn join(&mut self, other: &State) -> bool {
        if !other.reached {
            return false;
        }
        if !self.reached {
            *self = other.clone();
            return true;
        }
        let mut changed = false;
        let pairs = self.may_hold.iter_mut().zip(&other.may_hold);
        for (mine, theirs) in pairs.chain(self.may_lack.iter_mut().zip(&other.may_lack)) {
            changed |= *theirs && !*mine;
            *mine |= *theirs;
        }
        for (mine, theirs) in self.taken.iter_mut().zip(&other.taken) {
            if mine.is_none() && theirs.is_some() {
                *mine = *theirs;
                changed = true;
            }
        }
        changed
    }
}

/// The part of the tracked variables that a place means.
enum Target<'t> {
    /// Exactly this variable.
    Exact(usize),
    /// Something inside of it.
    Inside(usize),
    /// A value of several parts as a whole.
    Whole(&'t Tracked),
    /// Several parts of a variable that gives them up one by one.
    Group(&'t Tracked, Vec<usize>),
    /// The reference to a box.
    Box(usize),
    /// A parameter that is only lent.
    Lent(&'t Tracked),
    None,
}

struct Pass<'a> {
    facts: Facts<'a>,
    tracked: &'a [Tracked],
    /// The number of the first variable of each tracked local.
    first: Vec<usize>,
    by_local: FxHashMap<Local, usize>,
    /// The parameters that are the caller's variables.
    inout: FxHashSet<Local>,
    count: usize,
    errors: Vec<MirError>,
    report: bool,
    /// Variables whose state has to be known while the program runs.
    flagged: Vec<bool>,
}

/// Resolves the destructions of tracked variables and reports misuse.
pub(super) fn run(
    mir: &mut Mir,
    facts: Facts<'_>,
    tracked: &[Tracked],
    errors: &mut Vec<MirError>,
) {
    if tracked.is_empty() {
        return;
    }
    let mut pass = Pass {
        facts,
        tracked,
        first: Vec::new(),
        by_local: FxHashMap::default(),
        inout: mir
            .params
            .iter()
            .filter(|p| mir.locals[**p].kind == LocalKind::Inout)
            .copied()
            .collect(),
        count: 0,
        errors: Vec::new(),
        report: false,
        flagged: Vec::new(),
    };
    for (i, t) in tracked.iter().enumerate() {
        pass.first.push(pass.count);
        pass.by_local.insert(t.local, i);
        pass.count += width(&t.kind);
    }
    pass.flagged = vec![false; pass.count];
    let mut entry = pass.solve(mir);
    // A second walk reports, with the states at the start of each block known.
    pass.report = true;
    for (block, data) in mir.blocks.iter() {
        let mut state = entry[block.index()].clone();
        if state.reached {
            pass.block(data, &mut state);
        }
    }
    pass.report = false;
    let sound = pass.errors.is_empty();
    errors.append(&mut pass.errors);
    if sound && pass.balance_joins(mir, &entry) {
        entry = pass.solve(mir);
    }
    pass.rewrite(mir, &entry);
}

fn width(kind: &TrackedKind) -> usize {
    match kind {
        TrackedKind::Whole | TrackedKind::Consumable { .. } | TrackedKind::Boxed(_) => 1,
        TrackedKind::Borrowed(_) => 0,
        TrackedKind::Parts { parts, .. } => parts.len(),
        TrackedKind::Fields(fields) => fields.len(),
        // The properties, whether the superclass has done its part, and whether the object is this initialiser's to dispose of.
        TrackedKind::Object { fields, .. } => fields.len() + 2,
    }
}

impl<'a> Pass<'a> {
    fn start(&self, mir: &Mir) -> State {
        let mut state = State {
            may_hold: vec![false; self.count],
            may_lack: vec![true; self.count],
            taken: vec![None; self.count],
            reached: true,
        };
        for (t, &first) in self.tracked.iter().zip(&self.first) {
            let given = matches!(
                mir.locals[t.local].kind,
                LocalKind::Owned | LocalKind::Inout
            );
            if given
                && matches!(
                    t.kind,
                    TrackedKind::Whole | TrackedKind::Consumable { .. } | TrackedKind::Parts { .. }
                )
            {
                self.bits(t).for_each(|bit| state.set(bit, true));
            }
            // Without a superclass there is no second initialiser to wait for.
            if let TrackedKind::Object {
                fields, has_super, ..
            } = &t.kind
            {
                state.set(first + fields.len(), !has_super);
                state.set(first + fields.len() + 1, true);
            }
        }
        state
    }

    fn solve(&mut self, mir: &Mir) -> Vec<State> {
        let mut entry = vec![State::default(); mir.blocks.len()];
        entry[0] = self.start(mir);
        let mut work = vec![mir.entry()];
        while let Some(block) = work.pop() {
            let data = &mir.blocks[block];
            let mut state = entry[block.index()].clone();
            self.block(data, &mut state);
            let Some(term) = &data.term else { continue };
            let mut next = Vec::new();
            term.each_target(&mut |b| next.push(b));
            for target in next {
                let mut out = state.clone();
                if let Terminator::TryCall {
                    dest,
                    error,
                    normal,
                    unwind,
                    ..
                } = term
                {
                    if target == *normal {
                        self.initialise(dest, &mut out, None);
                    }
                    if target == *unwind {
                        self.initialise(error, &mut out, None);
                    }
                }
                if entry[target.index()].join(&out) {
                    work.push(target);
                }
            }
        }
        entry
    }

    fn target(&self, place: &Place) -> Target<'a> {
        let Some(&i) = self.by_local.get(&place.local) else {
            return Target::None;
        };
        let (t, first) = (&self.tracked[i], self.first[i]);
        let field = |fields: &[FieldState], var| fields.iter().position(|f| f.var == var);
        match (&t.kind, place.path.as_slice()) {
            (TrackedKind::Whole | TrackedKind::Consumable { .. }, []) => Target::Exact(first),
            (TrackedKind::Whole | TrackedKind::Consumable { .. }, _) => Target::Inside(first),
            (TrackedKind::Boxed(_), []) => Target::Box(first),
            (TrackedKind::Borrowed(_), []) => Target::Lent(t),
            (TrackedKind::Borrowed(_), _) => Target::None,
            (TrackedKind::Boxed(_), [_]) => Target::Exact(first),
            (TrackedKind::Boxed(_), _) => Target::Inside(first),
            (TrackedKind::Parts { parts, .. }, path) => part_target(t, parts, first, path),
            (TrackedKind::Fields(_) | TrackedKind::Object { .. }, []) => Target::Whole(t),
            (TrackedKind::Fields(fields), [Proj::Field(var), rest @ ..])
            | (TrackedKind::Object { fields, .. }, [Proj::ClassField(var), rest @ ..]) => {
                match field(fields, *var) {
                    Some(at) if rest.is_empty() => Target::Exact(first + at),
                    Some(at) => Target::Inside(first + at),
                    None => Target::Whole(t),
                }
            }
            (TrackedKind::Fields(_) | TrackedKind::Object { .. }, _) => Target::Whole(t),
        }
    }

    fn first_of(&self, t: &Tracked) -> usize {
        self.by_local.get(&t.local).map_or(0, |&i| self.first[i])
    }
    fn bits(&self, t: &Tracked) -> std::ops::Range<usize> {
        let first = self.first_of(t);
        first..first + width(&t.kind)
    }

    fn error(&mut self, kind: FlowKind, src: Option<ExprId>) {
        if self.report && !self.errors.iter().any(|e| e.kind == kind && e.src == src) {
            self.errors.push(MirError { kind, src });
        }
    }

    /// The variable with this number.
    fn variable(&self, bit: usize) -> (&'a Tracked, Name, bool) {
        for (t, &first) in self.tracked.iter().zip(&self.first) {
            if bit < first || bit >= first + width(&t.kind) {
                continue;
            }
            return match &t.kind {
                TrackedKind::Fields(fields) | TrackedKind::Object { fields, .. } => {
                    match fields.get(bit - first) {
                        Some(f) => (t, Name::new(&format!("this.{}", f.name)), f.immutable),
                        None => (t, Name::new("super"), false),
                    }
                }
                _ => (t, t.name, t.immutable),
            };
        }
        (&self.tracked[0], Name::new(""), false)
    }

    /// A place is read (or moved out of, which `taken` says).
    fn read(&mut self, place: &Place, state: &mut State, src: Option<ExprId>, taken: bool) {
        match self.target(place) {
            Target::Exact(bit) => {
                self.require(bit, state, src, taken);
                if taken {
                    self.give_up(place, bit, state);
                    state.taken[bit] = src;
                }
            }
            Target::Inside(bit) | Target::Box(bit) => self.require(bit, state, src, false),
            Target::Group(_, bits) => {
                for bit in bits {
                    self.require(bit, state, src, taken);
                    if taken {
                        state.set(bit, false);
                        state.taken[bit] = src;
                    }
                }
            }
            Target::Lent(t) => {
                if let (TrackedKind::Borrowed(local), true) = (&t.kind, taken) {
                    let (name, local) = (t.name, *local);
                    self.error(FlowKind::ConsumedBorrowed { name, local }, src);
                }
            }
            Target::Whole(t) => {
                // Taking an inherited property's value out, to put another one in, leaves the object whole.
                let taken = taken && place.path.is_empty();
                self.require_whole(t, state, src, taken);
                if taken {
                    self.bits(t).for_each(|bit| state.set(bit, false));
                }
            }
            Target::None => {}
        }
    }

    /// The value of a variable is taken; with part of an enum's payload, the enum as a whole is gone, and there is no other payload.
    fn give_up(&self, place: &Place, bit: usize, state: &mut State) {
        state.set(bit, false);
        let (t, _, _) = self.variable(bit);
        let TrackedKind::Parts { parts, .. } = &t.kind else {
            return;
        };
        let first = self.first_of(t);
        for (i, part) in parts.iter().enumerate() {
            let common = part
                .path
                .iter()
                .zip(&place.path)
                .take_while(|(a, b)| a == b);
            let common = common.count();
            let other_payload = matches!(
                (part.path.get(common), place.path.get(common)),
                (Some(Proj::Payload(_)), Some(Proj::Payload(_)))
            );
            if part.rest && common == part.path.len() || other_payload {
                state.set(first + i, false);
            }
        }
    }

    /// A variable must hold a value here, for it is read, or `taken`.
    fn require(&mut self, bit: usize, state: &mut State, src: Option<ExprId>, taken: bool) {
        if !state.may_lack[bit] {
            return;
        }
        let (t, name, _) = self.variable(bit);
        let kind = match &t.kind {
            TrackedKind::Consumable { source, .. }
            | TrackedKind::Parts {
                source: Some(source),
                ..
            } => FlowKind::UsedAfterConsume {
                name,
                local: *source,
                taken: state.taken[bit],
                how: match taken {
                    true if state.taken[bit] == src => AfterConsume::ConsumedInLoop,
                    true => AfterConsume::Consumed,
                    false => AfterConsume::Used,
                },
            },
            TrackedKind::Whole if t.name == "this" => match src {
                Some(_) => FlowKind::ThisUsedBeforeDelegation,
                None => FlowKind::NotDelegated,
            },
            _ => FlowKind::UsedBeforeInitialized(name),
        };
        self.error(kind, src);
        // One report for each variable is enough.
        state.set(bit, true);
    }

    fn require_whole(
        &mut self,
        t: &'a Tracked,
        state: &mut State,
        src: Option<ExprId>,
        taken: bool,
    ) {
        let first = self.first_of(t);
        let (TrackedKind::Fields(fields) | TrackedKind::Object { fields, .. }) = &t.kind else {
            return;
        };
        let missing: Vec<Name> = fields
            .iter()
            .enumerate()
            .filter(|(i, _)| state.may_lack[first + i])
            .map(|(_, f)| f.name)
            .collect();
        let lacks_super =
            matches!(t.kind, TrackedKind::Object { .. }) && state.may_lack[first + fields.len()];
        if !missing.is_empty() {
            let kind = match taken {
                true => FlowKind::ReturnWithoutInitializing(missing),
                false => FlowKind::ThisUsedBeforeInitialized(missing),
            };
            self.error(kind, src);
        } else if lacks_super {
            let kind = match taken {
                true => FlowKind::SuperInitNotCalled,
                false => FlowKind::ThisUsedBeforeSuperInit,
            };
            self.error(kind, src);
        }
        self.bits(t).for_each(|bit| state.set(bit, true));
    }

    /// The superclass's initialiser takes the object while its own properties are complete.
    fn hand_to_super(&mut self, t: &'a Tracked, state: &mut State, src: Option<ExprId>) {
        let TrackedKind::Object { fields, .. } = &t.kind else {
            return;
        };
        let first = self.first_of(t);
        let missing: Vec<Name> = fields
            .iter()
            .enumerate()
            .filter(|(i, _)| state.may_lack[first + i])
            .map(|(_, f)| f.name)
            .collect();
        if !missing.is_empty() {
            self.error(FlowKind::SuperInitBeforeProperties(missing), src);
            self.bits(t).for_each(|bit| state.set(bit, true));
        }
        state.set(first + fields.len(), false);
    }

    fn initialise(&mut self, place: &Place, state: &mut State, src: Option<ExprId>) {
        match self.target(place) {
            Target::Exact(bit) => state.set(bit, true),
            Target::Inside(bit) => self.require(bit, state, src, false),
            Target::Whole(t) if place.path.is_empty() => match &t.kind {
                // The object comes back from the superclass's initialiser.
                TrackedKind::Object { fields, .. } => {
                    let bit = self.first_of(t) + fields.len();
                    state.set(bit, true);
                }
                _ => self.bits(t).for_each(|bit| state.set(bit, true)),
            },
            Target::Whole(t) => self.require_whole(t, state, src, false),
            Target::Group(_, bits) => bits.into_iter().for_each(|bit| state.set(bit, true)),
            Target::Box(bit) => state.set(bit, false),
            Target::Lent(_) | Target::None => {}
        }
    }

    fn operand(&mut self, operand: &Operand, state: &mut State, src: Option<ExprId>) {
        match operand {
            Operand::Copy(p) | Operand::Borrow(p) => self.read(p, state, src, false),
            Operand::Move(p) => self.read(p, state, src, true),
            Operand::Const(_) => {}
        }
    }

    fn arguments(
        &mut self,
        args: &[Argument],
        callee: &Callee,
        state: &mut State,
        src: Option<ExprId>,
    ) {
        if let Callee::Value(operand) = callee {
            self.operand(operand, state, src);
        }
        for arg in args {
            match arg {
                Argument::Value(operand) => self.operand(operand, state, src),
                Argument::Address(place) => self.read(place, state, src, false),
            }
        }
    }

    fn block(&mut self, data: &BlockData, state: &mut State) {
        for (i, stmt) in data.stmts.iter().enumerate() {
            self.statement(stmt, data.stmts.get(i + 1), state);
        }
        let src = data.term_src;
        match &data.term {
            Some(Terminator::If { cond, .. }) => self.operand(cond, state, src),
            Some(Terminator::Switch { value, .. }) => self.operand(value, state, src),
            Some(Terminator::TryCall { callee, args, .. }) => {
                self.arguments(args, callee, state, src)
            }
            Some(Terminator::Throw(error)) => {
                self.operand(error, state, src);
                self.require_inout(state);
            }
            Some(Terminator::Return) => self.require_inout(state),
            _ => {}
        }
    }

    /// The caller's variable must hold a value when the function is left.
    fn require_inout(&mut self, state: &State) {
        if !self.report {
            return;
        }
        for t in self.tracked {
            let source = match &t.kind {
                TrackedKind::Consumable { source, .. }
                | TrackedKind::Parts {
                    source: Some(source),
                    ..
                } if self.inout.contains(&t.local) => *source,
                _ => continue,
            };
            if let Some(bit) = self.bits(t).find(|&bit| state.may_lack[bit]) {
                let kind = FlowKind::NotReinitialized {
                    name: t.name,
                    local: source,
                    taken: state.taken[bit],
                };
                self.error(kind, None);
            }
        }
    }

    fn statement(&mut self, stmt: &Statement, next: Option<&Statement>, state: &mut State) {
        let src = stmt.src;
        match &stmt.kind {
            StatementKind::Assign(dest, value) => {
                if let Rvalue::Upcast {
                    value: Operand::Move(p),
                    ..
                } = value
                    && let Target::Whole(t) = self.target(p)
                    && matches!(t.kind, TrackedKind::Object { .. })
                    && p.path.is_empty()
                {
                    self.hand_to_super(t, state, src);
                } else {
                    each_operand(value, &mut |use_| match use_ {
                        // An object knows its class before its properties have values.
                        Use::Place(p)
                            if matches!(value, Rvalue::DynamicType(_))
                                && matches!(self.target(p), Target::Whole(_)) => {}
                        Use::Operand(o) => self.operand(o, state, src),
                        Use::Place(p) => self.read(p, state, src, false),
                    });
                }
                self.initialise(dest, state, src);
            }
            StatementKind::Destroy(place)
            | StatementKind::DestroyWeak(place)
            | StatementKind::DestroyUnowned(place) => match self.target(place) {
                Target::Exact(bit) => {
                    let replaced = matches!(next.map(|s| &s.kind), Some(StatementKind::Assign(p, _)) if p == place);
                    let (t, name, immutable) = self.variable(bit);
                    if replaced && immutable && state.may_hold[bit] {
                        self.error(FlowKind::InitializedTwice(name), src);
                    }
                    let _ = t;
                    state.set(bit, false);
                }
                Target::Whole(t) if place.path.is_empty() => {
                    self.bits(t).for_each(|bit| state.set(bit, false));
                }
                Target::Box(bit) => state.set(bit, false),
                Target::Inside(bit) => self.require(bit, state, src, false),
                Target::Whole(t) => self.require_whole(t, state, src, false),
                Target::Group(_, bits) => bits.into_iter().for_each(|bit| state.set(bit, false)),
                Target::Lent(_) | Target::None => {}
            },
            StatementKind::StoreWeak { place, value, .. }
            | StatementKind::StoreUnowned { place, value, .. } => {
                self.operand(value, state, src);
                self.initialise(place, state, src);
            }
            StatementKind::Call { dest, callee, args } => {
                self.arguments(args, callee, state, src);
                self.initialise(dest, state, src);
            }
            StatementKind::Cast {
                dest, value, ok, ..
            } => {
                self.read(value, state, src, false);
                self.initialise(ok, state, src);
                self.initialise(dest, state, src);
            }
            // Lowering says so where an object has been destroyed behind the initialiser's back, or a value is discarded.
            StatementKind::StorageDead(local) => match self.target(&(*local).into()) {
                Target::Whole(t) | Target::Group(t, _) => {
                    self.bits(t).for_each(|bit| state.set(bit, false));
                }
                Target::Exact(bit) => state.set(bit, false),
                _ => {}
            },
            StatementKind::DeallocPartial(_)
            | StatementKind::DeallocBox(_)
            | StatementKind::StorageLive(_)
            | StatementKind::Nop => {}
        }
    }
}

/// Which parts of a variable a path means.
fn part_target<'t>(t: &'t Tracked, parts: &[Part], first: usize, path: &[Proj]) -> Target<'t> {
    let inside = |p: &&Part| !p.rest && path.starts_with(&p.path);
    if let Some(at) = parts.iter().position(|p| inside(&p)) {
        return match parts[at].path.len() == path.len() {
            true => Target::Exact(first + at),
            false => Target::Inside(first + at),
        };
    }
    let covered = |(i, p): (usize, &Part)| p.path.starts_with(path).then_some(first + i);
    let bits: Vec<usize> = parts.iter().enumerate().filter_map(covered).collect();
    if !bits.is_empty() {
        return Target::Group(t, bits);
    }
    // Something in a payload of which nothing is ever taken.
    match parts.iter().position(|p| path.starts_with(&p.path)) {
        Some(at) => Target::Inside(first + at),
        None => Target::None,
    }
}

/// What a value reads.
pub(super) enum Use<'v> {
    Operand(&'v Operand),
    Place(&'v Place),
}

/// Visits what a value reads, in order.
pub(super) fn each_operand<'v>(value: &'v Rvalue, f: &mut dyn FnMut(Use<'v>)) {
    match value {
        Rvalue::Use(o) | Rvalue::Erase { value: o, .. } | Rvalue::Upcast { value: o, .. } => {
            f(Use::Operand(o))
        }
        Rvalue::Aggregate(_, list)
        | Rvalue::Case { payload: list, .. }
        | Rvalue::Closure { captures: list, .. } => {
            list.iter().for_each(|o| f(Use::Operand(o)));
        }
        Rvalue::Tag(p)
        | Rvalue::IsCase(p, _)
        | Rvalue::AddressOf(p)
        | Rvalue::DynamicType(p)
        | Rvalue::LoadWeak(p)
        | Rvalue::LoadUnowned(p) => f(Use::Place(p)),
        Rvalue::AllocObject { metatype, .. } => metatype.iter().for_each(|o| f(Use::Operand(o))),
        Rvalue::Function { callee, .. } => {
            if let Callee::Value(o) = callee {
                f(Use::Operand(o));
            }
        }
        Rvalue::AllocBox(_) => {}
    }
}
