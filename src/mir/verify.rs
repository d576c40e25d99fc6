//! The rules of ownership, checked: used by tests and debug builds.
//!
//! For every local that the function owns and that is handled as a whole, each path must consume each value exactly once, and nothing may read
//! what holds no value. Locals that are moved out of in parts, or whose content is decided by a flag, are left out.

use super::data::*;
use super::elaborate::{Use, each_operand};
use super::facts::Facts;
use crate::base::FxHashSet;
use crate::db::Db;

/// Breaches of the rules, in words; empty when all is well.
pub fn verify(db: &dyn Db, mir: &Mir) -> Vec<String> {
    let facts = Facts { db };
    let mut check = Check {
        mir,
        tracked: vec![false; mir.locals.len()],
        problems: Vec::new(),
    };
    let skipped = check.untrackable(facts);
    for (local, decl) in mir.locals.iter() {
        let owned = matches!(
            decl.kind,
            LocalKind::Var | LocalKind::Owned | LocalKind::Result
        );
        check.tracked[local.index()] =
            owned && !skipped.contains(&local) && !facts.trivial(decl.ty);
    }
    // The object of a class's initialiser stays its caller's when the initialiser fails.
    use crate::items::ids::DefKind;
    if matches!(mir.id.def.kind(db), DefKind::Init | DefKind::Synth(_))
        && let Some(this) = mir.params.last()
    {
        check.tracked[this.index()] = false;
    }
    check.structure();
    if check.problems.is_empty() {
        check.flow();
    }
    check.problems
}

struct Check<'a> {
    mir: &'a Mir,
    tracked: Vec<bool>,
    problems: Vec<String>,
}

#[derive(Clone, PartialEq)]
struct State {
    may_hold: Vec<bool>,
    may_lack: Vec<bool>,
}

impl Check<'_> {
    /// Locals that need more than a bit each.
    fn untrackable(&self, facts: Facts) -> FxHashSet<Local> {
        let mut out = FxHashSet::default();
        let mut flagged_destroys = FxHashSet::default();
        for data in self.mir.blocks.values() {
            for stmt in &data.stmts {
                each_place(&stmt.kind, &mut |place, role| {
                    if !place.is_local() && matches!(role, Role::Take | Role::Write) {
                        let through = place.path.iter().any(|p| {
                            matches!(
                                p,
                                Proj::Deref(_)
                                    | Proj::ClassField(_)
                                    | Proj::BoxValue(_)
                                    | Proj::Capture(_)
                            )
                        });
                        if !through {
                            out.insert(place.local);
                        }
                    }
                });
                // Constants own nothing that could leak.
                if let StatementKind::Assign(dest, Rvalue::Use(Operand::Const(_))) = &stmt.kind {
                    out.insert(dest.local);
                }
                if let StatementKind::Cast { dest, .. } = &stmt.kind {
                    out.insert(dest.local);
                }
                if let StatementKind::StoreWeak { place, .. }
                | StatementKind::StoreUnowned { place, .. } = &stmt.kind
                {
                    out.insert(place.local);
                }
                if let StatementKind::Call { callee, args, .. } = &stmt.kind {
                    self.partial(callee, args, &mut out);
                }
            }
            // A destruction that depends on a flag leaves both possibilities behind.
            if let Some(Terminator::If { then, .. }) = &data.term
                && let [stmt] = self.mir.blocks[*then].stmts.as_slice()
                && let StatementKind::Destroy(place) = &stmt.kind
            {
                flagged_destroys.insert(place.local);
            }
            if let Some(Terminator::TryCall { callee, args, .. }) = &data.term {
                self.partial(callee, args, &mut out);
            }
        }
        out.extend(flagged_destroys);
        // An empty optional may be forgotten.
        for (local, decl) in self.mir.locals.iter() {
            if facts.optional_payload(decl.ty).is_some() && decl.kind == LocalKind::Var {
                out.insert(local);
            }
        }
        out
    }
    /// The object of an initialiser comes back or is freed by other means.
    fn partial(&self, _callee: &Callee, args: &[Argument], out: &mut FxHashSet<Local>) {
        for arg in args {
            if let Argument::Value(Operand::Move(p)) = arg
                && !p.is_local()
            {
                out.insert(p.local);
            }
        }
    }

    fn structure(&mut self) {
        let blocks = self.mir.blocks.len();
        for (block, data) in self.mir.blocks.iter() {
            match &data.term {
                Some(term) => term.each_target(&mut |b| {
                    if b.index() >= blocks {
                        self.problems
                            .push(format!("b{} jumps nowhere", block.raw()));
                    }
                }),
                None => self.problems.push(format!("b{} does not end", block.raw())),
            }
        }
    }

    fn flow(&mut self) {
        let count = self.mir.locals.len();
        let mut entry: Vec<Option<State>> = vec![None; self.mir.blocks.len()];
        let mut start = State {
            may_hold: vec![false; count],
            may_lack: vec![true; count],
        };
        for &param in &self.mir.params {
            start.may_hold[param.index()] = true;
            start.may_lack[param.index()] = false;
        }
        entry[0] = Some(start);
        let mut work = vec![self.mir.entry()];
        while let Some(block) = work.pop() {
            let Some(mut state) = entry[block.index()].clone() else {
                continue;
            };
            self.run(block, &mut state, false);
            let Some(term) = &self.mir.blocks[block].term else {
                continue;
            };
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
                    for (at, place) in [(normal, dest), (unwind, error)] {
                        if *at == target && place.is_local() {
                            out.may_hold[place.local.index()] = true;
                            out.may_lack[place.local.index()] = false;
                        }
                    }
                }
                match &mut entry[target.index()] {
                    Some(old) => {
                        let before = old.clone();
                        for i in 0..count {
                            old.may_hold[i] |= out.may_hold[i];
                            old.may_lack[i] |= out.may_lack[i];
                        }
                        if *old != before {
                            work.push(target);
                        }
                    }
                    none => {
                        *none = Some(out);
                        work.push(target);
                    }
                }
            }
        }
        for (block, _) in self.mir.blocks.iter() {
            if let Some(mut state) = entry[block.index()].clone() {
                self.run(block, &mut state, true);
            }
        }
    }

    fn run(&mut self, block: Block, state: &mut State, report: bool) {
        let data = &self.mir.blocks[block];
        for (i, stmt) in data.stmts.iter().enumerate() {
            let mut changes = Vec::new();
            each_place(&stmt.kind, &mut |place, role| {
                changes.push((place.clone(), role))
            });
            for (place, role) in changes {
                self.apply(&place, role, state, report.then_some((block, i)));
            }
        }
        let at = report.then_some((block, data.stmts.len()));
        match &data.term {
            Some(
                Terminator::If { cond: o, .. }
                | Terminator::Switch { value: o, .. }
                | Terminator::Throw(o),
            ) => {
                let (place, role) = operand_role(o);
                if let Some(place) = place {
                    self.apply(place, role, state, at);
                }
            }
            Some(Terminator::TryCall { callee, args, .. }) => {
                let mut changes = Vec::new();
                each_argument(callee, args, &mut |p, r| changes.push((p.clone(), r)));
                for (place, role) in changes {
                    self.apply(&place, role, state, at);
                }
            }
            _ => {}
        }
        if let (Some(at), Some(Terminator::Return | Terminator::Throw(_))) = (at, &data.term) {
            for (local, decl) in self.mir.locals.iter() {
                let leaked = self.tracked[local.index()]
                    && decl.kind != LocalKind::Result
                    && state.may_hold[local.index()];
                if leaked {
                    self.problems.push(format!(
                        "b{}:{}: {} is not consumed",
                        at.0.raw(),
                        at.1,
                        describe(local, decl)
                    ));
                }
            }
        }
    }

    fn apply(&mut self, place: &Place, role: Role, state: &mut State, at: Option<(Block, usize)>) {
        let i = place.local.index();
        if !self.tracked[i] {
            return;
        }
        let mut problem = |text: &str| {
            if let Some((block, stmt)) = at {
                let decl = &self.mir.locals[place.local];
                let line = format!(
                    "b{}:{stmt}: {} {text}",
                    block.raw(),
                    describe(place.local, decl)
                );
                self.problems.push(line);
            }
        };
        match role {
            Role::Read | Role::Take if state.may_lack[i] => problem("is used without a value"),
            Role::Write if place.is_local() && state.may_hold[i] => problem("is overwritten"),
            Role::Write if !place.is_local() && state.may_lack[i] => {
                problem("is used without a value")
            }
            _ => {}
        }
        if place.is_local() {
            match role {
                Role::Take => {
                    state.may_hold[i] = false;
                    state.may_lack[i] = true;
                }
                Role::Write => {
                    state.may_hold[i] = true;
                    state.may_lack[i] = false;
                }
                Role::Read | Role::Free => {}
            }
        }
    }
}

fn describe(local: Local, decl: &LocalDecl) -> String {
    match decl.name {
        Some(name) => format!("{name}_{}", local.raw()),
        None => format!("_{}", local.raw()),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Read,
    Take,
    Write,
    /// Frees memory whose content is gone.
    Free,
}

fn operand_role(operand: &Operand) -> (Option<&Place>, Role) {
    match operand {
        Operand::Copy(p) | Operand::Borrow(p) => (Some(p), Role::Read),
        Operand::Move(p) => (Some(p), Role::Take),
        Operand::Const(_) => (None, Role::Read),
    }
}

fn each_argument(callee: &Callee, args: &[Argument], f: &mut dyn FnMut(&Place, Role)) {
    let mut operand = |o: &Operand| {
        if let (Some(place), role) = operand_role(o) {
            f(place, role);
        }
    };
    if let Callee::Value(o) = callee {
        operand(o);
    }
    for arg in args {
        match arg {
            Argument::Value(o) => operand(o),
            Argument::Address(place) => operand(&Operand::Borrow(place.clone())),
        }
    }
}

fn each_place(kind: &StatementKind, f: &mut dyn FnMut(&Place, Role)) {
    match kind {
        StatementKind::Assign(dest, value) => {
            each_operand(value, &mut |use_| match use_ {
                Use::Operand(o) => {
                    if let (Some(place), role) = operand_role(o) {
                        f(place, role);
                    }
                }
                Use::Place(p) => {
                    // The address of storage may be taken before it holds anything.
                    if !matches!(value, Rvalue::AddressOf(_)) {
                        f(p, Role::Read);
                    }
                }
            });
            f(dest, Role::Write);
        }
        StatementKind::Destroy(p)
        | StatementKind::DestroyWeak(p)
        | StatementKind::DestroyUnowned(p) => {
            f(p, Role::Take);
        }
        StatementKind::StoreWeak { place, value, .. }
        | StatementKind::StoreUnowned { place, value, .. } => {
            if let (Some(from), role) = operand_role(value) {
                f(from, role);
            }
            f(place, Role::Write);
        }
        StatementKind::Call { dest, callee, args } => {
            each_argument(callee, args, f);
            f(dest, Role::Write);
        }
        StatementKind::Cast {
            ok, dest, value, ..
        } => {
            f(value, Role::Read);
            f(ok, Role::Write);
            f(dest, Role::Write);
        }
        StatementKind::DeallocPartial(p) | StatementKind::DeallocBox(p) => f(p, Role::Free),
        StatementKind::StorageLive(_) | StatementKind::StorageDead(_) | StatementKind::Nop => {}
    }
}
