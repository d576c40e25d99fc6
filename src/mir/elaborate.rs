//! Which tracked variables hold a value where: decided by data flow, after lowering.
//!
//! Lowering emits destructions of tracked variables wherever one might be due: at the end of scopes, ahead of assignments. This pass finds for
//! each whether the variable holds a value there always, never, or only on some paths, and keeps the destruction, drops it, or makes it
//! depend on a flag. A tracked variable is a local without an initial value, one that `consume` ends, or a stored property of the
//! `this` that an initialiser fills in. Uses of what may hold nothing are reported.

use super::builder::{FieldState, Storage, Tracked, TrackedKind};
use super::data::*;
use super::facts::Facts;
use super::{AfterConsume, FlowKind, MirError};
use crate::base::{FxHashMap, Name};
use crate::items::hir::ExprId;
use crate::types::ty::{BuiltinTy, Ty, TyList};

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
    let entry = pass.solve(mir);
    // A second walk reports, with the states at the start of each block known.
    pass.report = true;
    for (block, data) in mir.blocks.iter() {
        let mut state = entry[block.index()].clone();
        if state.reached {
            pass.block(data, &mut state);
        }
    }
    errors.append(&mut pass.errors);
    pass.report = false;
    pass.rewrite(mir, &entry);
}

fn width(kind: &TrackedKind) -> usize {
    match kind {
        TrackedKind::Whole | TrackedKind::Consumable { .. } | TrackedKind::Boxed(_) => 1,
        TrackedKind::Borrowed(_) => 0,
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
            if mir.locals[t.local].kind == LocalKind::Owned
                && matches!(t.kind, TrackedKind::Whole | TrackedKind::Consumable { .. })
            {
                state.set(first, true);
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
                    state.set(bit, false);
                    state.taken[bit] = src;
                }
            }
            Target::Inside(bit) | Target::Box(bit) => self.require(bit, state, src, false),
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

    /// A variable must hold a value here, for it is read, or `taken`.
    fn require(&mut self, bit: usize, state: &mut State, src: Option<ExprId>, taken: bool) {
        if !state.may_lack[bit] {
            return;
        }
        let (t, name, _) = self.variable(bit);
        let kind = match &t.kind {
            TrackedKind::Consumable { source, .. } => FlowKind::UsedAfterConsume {
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
            Some(Terminator::Throw(error)) => self.operand(error, state, src),
            _ => {}
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
            // Lowering says so where an object has been destroyed behind the initialiser's back.
            StatementKind::StorageDead(local) => {
                if let Target::Whole(t) = self.target(&(*local).into()) {
                    self.bits(t).for_each(|bit| state.set(bit, false));
                }
            }
            StatementKind::DeallocPartial(_)
            | StatementKind::DeallocBox(_)
            | StatementKind::StorageLive(_)
            | StatementKind::Nop => {}
        }
    }

    // Rewriting.

    fn rewrite(&mut self, mir: &mut Mir, entry: &[State]) {
        // First find which variables need a flag.
        for (block, data) in mir.blocks.iter() {
            let mut state = entry[block.index()].clone();
            if !state.reached {
                continue;
            }
            for (i, stmt) in data.stmts.iter().enumerate() {
                if let StatementKind::Destroy(place) = &stmt.kind {
                    let bits = match self.target(place) {
                        Target::Exact(bit) | Target::Box(bit) => bit..bit + 1,
                        Target::Whole(t) if place.path.is_empty() => self.bits(t),
                        _ => 0..0,
                    };
                    for bit in bits {
                        self.flagged[bit] |= state.may_hold[bit] && state.may_lack[bit];
                    }
                }
                self.statement(stmt, data.stmts.get(i + 1), &mut state);
            }
        }
        let int1 = Ty::builtin(BuiltinTy::Int1);
        let flags: Vec<Option<Local>> = self
            .flagged
            .iter()
            .map(|&needed| {
                needed.then(|| {
                    mir.locals.alloc(LocalDecl {
                        ty: int1,
                        kind: LocalKind::Var,
                        name: None,
                    })
                })
            })
            .collect();
        let originals: Vec<Block> = mir.blocks.indices().collect();
        for block in originals {
            let mut state = entry[block.index()].clone();
            if !state.reached {
                continue;
            }
            let data = std::mem::take(&mut mir.blocks[block]);
            let mut out = Rewriter {
                mir,
                flags: &flags,
                current: block,
            };
            if block.raw() == 0 {
                for (bit, flag) in flags.iter().enumerate() {
                    if flag.is_some() {
                        out.set_flag(bit, state.may_hold[bit]);
                    }
                }
            } else {
                // A call's result became valid on the edge that leads here.
                for (bit, flag) in flags.iter().enumerate() {
                    if flag.is_some() && state.may_hold[bit] && !state.may_lack[bit] {
                        out.set_flag(bit, true);
                    }
                }
            }
            for (i, stmt) in data.stmts.iter().enumerate() {
                let before = state.clone();
                self.statement(stmt, data.stmts.get(i + 1), &mut state);
                self.rewrite_statement(stmt, &before, &mut out);
                for (bit, flag) in flags.iter().enumerate() {
                    let known = state.may_hold[bit] != state.may_lack[bit];
                    let changed = state.may_hold[bit] != before.may_hold[bit]
                        || state.may_lack[bit] != before.may_lack[bit];
                    if flag.is_some() && known && changed {
                        out.set_flag(bit, state.may_hold[bit]);
                    }
                }
            }
            let current = out.current;
            mir.blocks[current].term = data.term;
            mir.blocks[current].term_src = data.term_src;
        }
    }

    fn rewrite_statement(&mut self, stmt: &Statement, state: &State, out: &mut Rewriter) {
        match &stmt.kind {
            StatementKind::Destroy(place) => match self.target(place) {
                Target::Exact(bit) => {
                    let kind = self.destruction(bit, place);
                    out.conditional(bit, state, vec![kind], Vec::new(), stmt.src);
                }
                Target::Box(bit) => {
                    let free = StatementKind::DeallocBox(place.clone());
                    out.conditional(bit, state, vec![stmt.kind.clone()], vec![free], stmt.src);
                }
                Target::Whole(t) if place.path.is_empty() => {
                    self.destroy_parts(t, place, state, out, stmt.src)
                }
                _ => out.push(stmt.clone()),
            },
            StatementKind::StoreWeak { place, value, .. } => {
                let init = self.is_lacking(place, state, false);
                out.push(Statement {
                    kind: StatementKind::StoreWeak {
                        place: place.clone(),
                        value: value.clone(),
                        init,
                    },
                    src: stmt.src,
                });
            }
            StatementKind::StoreUnowned { place, value, .. } => {
                let init = self.is_lacking(place, state, false);
                out.push(Statement {
                    kind: StatementKind::StoreUnowned {
                        place: place.clone(),
                        value: value.clone(),
                        init,
                    },
                    src: stmt.src,
                });
            }
            StatementKind::Nop => {}
            _ => out.push(stmt.clone()),
        }
        // Untracked weak storage keeps what lowering said.
        if let StatementKind::StoreWeak { place, .. } | StatementKind::StoreUnowned { place, .. } =
            &stmt.kind
            && matches!(self.target(place), Target::None)
        {
            out.replace_last(stmt.clone());
        }
    }

    fn is_lacking(&self, place: &Place, state: &State, otherwise: bool) -> bool {
        match self.target(place) {
            Target::Exact(bit) => !state.may_hold[bit],
            _ => otherwise,
        }
    }

    fn destruction(&self, bit: usize, place: &Place) -> StatementKind {
        for (t, &first) in self.tracked.iter().zip(&self.first) {
            if let TrackedKind::Fields(fields) | TrackedKind::Object { fields, .. } = &t.kind
                && bit >= first
                && let Some(field) = fields.get(bit - first)
            {
                return match field.storage {
                    Storage::Strong => StatementKind::Destroy(place.clone()),
                    Storage::Weak => StatementKind::DestroyWeak(place.clone()),
                    Storage::Unowned => StatementKind::DestroyUnowned(place.clone()),
                };
            }
        }
        StatementKind::Destroy(place.clone())
    }

    /// The destruction of an unfinished `this`.
    fn destroy_parts(
        &mut self,
        t: &'a Tracked,
        place: &Place,
        state: &State,
        out: &mut Rewriter,
        src: Option<ExprId>,
    ) {
        let first = self.first_of(t);
        let bits = self.bits(t);
        if bits.clone().all(|bit| !state.may_hold[bit]) {
            return;
        }
        let complete = bits.clone().all(|bit| !state.may_lack[bit]);
        match &t.kind {
            TrackedKind::Object { fields, has_super } => {
                let super_bit = first + fields.len();
                let ours = super_bit + 1;
                if complete {
                    self.destroy_object(place, out, src);
                    return;
                }
                if !state.may_hold[ours] {
                    return;
                }
                let join = state.may_lack[ours].then(|| {
                    // On some paths the superclass's failing initialiser has disposed of the object.
                    let (here, join) = (out.block(), out.block());
                    out.end_on_flag(ours, here, join);
                    out.current = here;
                    join
                });
                let split = *has_super && state.may_hold[super_bit];
                let join_whole = split.then(|| {
                    // Only on some paths has the superclass done its part; then the object is complete.
                    let (whole, parts, join) = (out.block(), out.block(), out.block());
                    out.end_on_flag(super_bit, whole, parts);
                    out.current = whole;
                    self.destroy_object(place, out, src);
                    out.end(Terminator::Goto(join));
                    out.current = parts;
                    join
                });
                for (i, field) in fields.iter().enumerate() {
                    let part = place.then(Proj::ClassField(field.var));
                    let kind = self.destruction(first + i, &part);
                    out.conditional(first + i, state, vec![kind], Vec::new(), src);
                }
                self.abandon(place, out, src);
                for join in [join_whole, join].into_iter().flatten() {
                    out.end(Terminator::Goto(join));
                    out.current = join;
                }
            }
            TrackedKind::Fields(fields) => {
                if complete {
                    out.push(Statement {
                        kind: StatementKind::Destroy(place.clone()),
                        src,
                    });
                    return;
                }
                for (i, field) in fields.iter().enumerate() {
                    let part = place.then(Proj::Field(field.var));
                    let kind = self.destruction(first + i, &part);
                    out.conditional(first + i, state, vec![kind], Vec::new(), src);
                }
            }
            _ => {}
        }
    }

    /// An object that was never complete is marked, so that a subclass's initialiser knows to destroy its own properties too.
    fn abandon(&self, place: &Place, out: &mut Rewriter, src: Option<ExprId>) {
        let ty = out.mir.locals[place.local].ty;
        let dest = out.mir.locals.alloc(LocalDecl {
            ty: Ty::unit(),
            kind: LocalKind::Var,
            name: None,
        });
        let id = FnId {
            def: self.facts.builtin("abandon", 1),
            kind: FnKind::Body,
        };
        out.push(Statement {
            kind: StatementKind::Call {
                dest: dest.into(),
                callee: Callee::Static(id, TyList::new(&[ty])),
                args: vec![Argument::Value(Operand::Borrow(place.clone()))],
            },
            src,
        });
    }

    /// A complete object of a failed initialiser is released like any other, with the deinitialisers of its dynamic class. Its memory
    /// is kept by an unowned reference that nobody gives up here: whoever allocated the object frees it.
    fn destroy_object(&self, place: &Place, out: &mut Rewriter, src: Option<ExprId>) {
        let ty = out.mir.locals[place.local].ty;
        let keeper = out.mir.locals.alloc(LocalDecl {
            ty,
            kind: LocalKind::Var,
            name: None,
        });
        out.push(Statement {
            kind: StatementKind::StoreUnowned {
                place: keeper.into(),
                value: Operand::Borrow(place.clone()),
                init: true,
            },
            src,
        });
        out.push(Statement {
            kind: StatementKind::Destroy(place.clone()),
            src,
        });
    }
}

struct Rewriter<'m> {
    mir: &'m mut Mir,
    flags: &'m [Option<Local>],
    current: Block,
}

impl Rewriter<'_> {
    fn push(&mut self, stmt: Statement) {
        self.mir.blocks[self.current].stmts.push(stmt);
    }
    fn replace_last(&mut self, stmt: Statement) {
        if let Some(last) = self.mir.blocks[self.current].stmts.last_mut() {
            *last = stmt;
        }
    }
    fn block(&mut self) -> Block {
        self.mir.blocks.alloc(BlockData::default())
    }
    fn end(&mut self, term: Terminator) {
        self.mir.blocks[self.current].term = Some(term);
    }
    /// Branches on whether the variable holds a value.
    fn end_on_flag(&mut self, bit: usize, then: Block, els: Block) {
        let cond = match self.flags[bit] {
            Some(flag) => Operand::Borrow(flag.into()),
            None => Operand::Const(Const::Int(0, Ty::builtin(BuiltinTy::Int1))),
        };
        self.end(Terminator::If { cond, then, els });
    }
    fn set_flag(&mut self, bit: usize, value: bool) {
        let Some(flag) = self.flags[bit] else { return };
        let constant = Const::Int(value as i128, Ty::builtin(BuiltinTy::Int1));
        self.push(Statement {
            kind: StatementKind::Assign(flag.into(), Rvalue::Use(Operand::Const(constant))),
            src: None,
        });
    }
    /// Emits `held` where the variable holds a value and `lacking` where it does not.
    fn conditional(
        &mut self,
        bit: usize,
        state: &State,
        held: Vec<StatementKind>,
        lacking: Vec<StatementKind>,
        src: Option<ExprId>,
    ) {
        let emit = |out: &mut Self, list: Vec<StatementKind>| {
            for kind in list {
                out.push(Statement { kind, src });
            }
        };
        match (state.may_hold[bit], state.may_lack[bit], self.flags[bit]) {
            (true, true, Some(flag)) => {
                let (yes, no, join) = (self.block(), self.block(), self.block());
                self.end(Terminator::If {
                    cond: Operand::Borrow(flag.into()),
                    then: yes,
                    els: no,
                });
                self.current = yes;
                emit(self, held);
                self.end(Terminator::Goto(join));
                self.current = no;
                emit(self, lacking);
                self.end(Terminator::Goto(join));
                self.current = join;
            }
            (true, _, _) => emit(self, held),
            (false, _, _) => emit(self, lacking),
        }
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
