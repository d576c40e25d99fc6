//! Copies and temporaries that need not be: a copy whose original is destroyed soon after, unused in between, is a move; a result that is moved
//! on at once is made where it goes.

use super::super::data::*;
use super::super::elaborate::{Use, each_operand};
use crate::base::FxHashSet;

/// Turns `copy x … destroy x` within a block into `move x`. A variable of the source lives until its scope ends: its copy is moved only
/// where nobody can see that the variable's own reference is gone by then.
/// In the library, whose variables only hold what callers gave, it is always moved.
pub(super) fn copies_to_moves(mir: &mut Mir, in_library: bool) {
    let exposed = exposed_locals(mir);
    let Mir { locals, blocks, .. } = mir;
    let is_movable = |local: Local| {
        matches!(locals[local].kind, LocalKind::Var | LocalKind::Owned) && !exposed.contains(&local)
    };
    for (_, data) in blocks.iter_mut() {
        let mut at = 0;
        while at < data.stmts.len() {
            if let StatementKind::Destroy(place) = &data.stmts[at].kind
                && place.is_local()
                && is_movable(place.local)
            {
                let local = place.local;
                if let Some(copy) = last_use_is_copy(&data.stmts[..at], local)
                    && (in_library
                        || locals[local].name.is_none()
                        || is_held(&data.stmts[copy..at], &exposed))
                {
                    make_move(&mut data.stmts[copy].kind, local);
                    data.stmts[at].kind = StatementKind::Nop;
                }
            }
            at += 1;
        }
        data.stmts.retain(|s| s.kind != StatementKind::Nop);
    }
}

/// Where a copied reference is.
enum Holder {
    /// In a local that only the function itself changes.
    Local(Local),
    Memory,
    /// Consumed by a function.
    Callee,
}

/// Whether what the first statement copies still exists when the last one has run, or nothing happens until then.
fn is_held(stmts: &[Statement], exposed: &FxHashSet<Local>) -> bool {
    let holder_of = |place: &Place| {
        let inline = |p: &Proj| matches!(p, Proj::Field(_) | Proj::Elem(_) | Proj::Payload(_));
        match place.path.iter().all(inline) && !exposed.contains(&place.local) {
            true => Holder::Local(place.local),
            false => Holder::Memory,
        }
    };
    let Some((first, rest)) = stmts.split_first() else {
        return false;
    };
    let mut holder = match &first.kind {
        StatementKind::Assign(dest, _) => holder_of(dest),
        StatementKind::Call { .. } => Holder::Callee,
        _ => return false,
    };
    for stmt in rest {
        if let StatementKind::Assign(dest, Rvalue::Use(Operand::Move(from))) = &stmt.kind
            && from.is_local()
            && matches!(holder, Holder::Local(l) if l == from.local)
        {
            holder = holder_of(dest);
            continue;
        }
        let harmless = match (&holder, &stmt.kind) {
            (Holder::Local(local), kind) => only_reads(kind, *local),
            (Holder::Memory, StatementKind::Call { .. }) => false,
            (Holder::Callee, StatementKind::Call { .. } | StatementKind::Destroy(_)) => false,
            _ => true,
        };
        if !harmless {
            return false;
        }
    }
    true
}

/// Whether a statement leaves what the local holds as it is.
fn only_reads(kind: &StatementKind, local: Local) -> bool {
    let mut changed = false;
    each_use(kind, &mut |use_| match use_ {
        Use::Operand(Operand::Move(p)) | Use::Place(p) => changed |= p.local == local,
        Use::Operand(_) => {}
    });
    !changed
}

/// Lets a value be made in its destination where it would go through a temporary: `t = f(); x = move t`.
pub(super) fn results_in_place(mir: &mut Mir) {
    let Mir { locals, blocks, .. } = mir;
    for (_, data) in blocks.iter_mut() {
        for at in 1..data.stmts.len() {
            let (before, after) = data.stmts.split_at_mut(at);
            let (Some(first), Some(second)) = (before.last_mut(), after.first_mut()) else {
                continue;
            };
            let StatementKind::Assign(dest, Rvalue::Use(Operand::Move(from))) = &second.kind else {
                continue;
            };
            let decl = &locals[from.local];
            if !from.is_local() || decl.name.is_some() || decl.kind != LocalKind::Var {
                continue;
            }
            let made = match &first.kind {
                StatementKind::Assign(place, _) | StatementKind::Call { dest: place, .. } => {
                    place == from
                }
                _ => false,
            };
            let mut mentioned = false;
            each_use(&first.kind, &mut |use_| match use_ {
                Use::Operand(Operand::Copy(p) | Operand::Move(p) | Operand::Borrow(p))
                | Use::Place(p) => {
                    mentioned |= p.local == dest.local;
                }
                Use::Operand(Operand::Const(_)) => {}
            });
            if !made || mentioned || locals[dest.local].ty != decl.ty && dest.is_local() {
                continue;
            }
            let dest = dest.clone();
            match &mut first.kind {
                StatementKind::Assign(place, _) | StatementKind::Call { dest: place, .. } => {
                    *place = dest
                }
                _ => continue,
            }
            second.kind = std::mem::replace(&mut first.kind, StatementKind::Nop);
        }
        data.stmts.retain(|s| s.kind != StatementKind::Nop);
    }
}

/// Locals whose address something may keep.
fn exposed_locals(mir: &Mir) -> FxHashSet<Local> {
    let mut out = FxHashSet::default();
    for data in mir.blocks.values() {
        for stmt in &data.stmts {
            if let StatementKind::Assign(_, Rvalue::AddressOf(place)) = &stmt.kind {
                out.insert(place.local);
            }
        }
    }
    out
}

/// The statement that last mentions the local, if it is a single copy of the whole.
fn last_use_is_copy(stmts: &[Statement], local: Local) -> Option<usize> {
    for (i, stmt) in stmts.iter().enumerate().rev() {
        let (mut copies, mut others) = (0, 0);
        each_use(&stmt.kind, &mut |use_| match use_ {
            Use::Operand(Operand::Copy(p)) if p.local == local && p.is_local() => copies += 1,
            Use::Operand(Operand::Copy(p) | Operand::Move(p) | Operand::Borrow(p))
            | Use::Place(p)
                if p.local == local =>
            {
                others += 1
            }
            _ => {}
        });
        match (copies, others) {
            (0, 0) => {}
            (1, 0) => return Some(i),
            _ => return None,
        }
    }
    None
}

/// Visits everything that a statement mentions, destinations too.
fn each_use<'s>(kind: &'s StatementKind, f: &mut dyn FnMut(Use<'s>)) {
    match kind {
        StatementKind::Assign(dest, value) => {
            each_operand(value, f);
            f(Use::Place(dest));
        }
        StatementKind::Destroy(p)
        | StatementKind::DestroyWeak(p)
        | StatementKind::DestroyUnowned(p)
        | StatementKind::DeallocPartial(p)
        | StatementKind::DeallocBox(p) => f(Use::Place(p)),
        StatementKind::StoreWeak { place, value, .. }
        | StatementKind::StoreUnowned { place, value, .. } => {
            f(Use::Operand(value));
            f(Use::Place(place));
        }
        StatementKind::Call { dest, callee, args } => {
            if let Callee::Value(o) = callee {
                f(Use::Operand(o));
            }
            for arg in args {
                match arg {
                    Argument::Value(o) => f(Use::Operand(o)),
                    Argument::Address(p) => f(Use::Place(p)),
                }
            }
            f(Use::Place(dest));
        }
        StatementKind::Cast {
            ok, dest, value, ..
        } => {
            f(Use::Place(value));
            f(Use::Place(ok));
            f(Use::Place(dest));
        }
        StatementKind::StorageLive(_) | StatementKind::StorageDead(_) | StatementKind::Nop => {}
    }
}

fn make_move(kind: &mut StatementKind, local: Local) {
    let change = |o: &mut Operand| {
        if let Operand::Copy(p) = o
            && p.local == local
            && p.is_local()
        {
            *o = Operand::Move(p.clone());
        }
    };
    match kind {
        StatementKind::Assign(_, value) => match value {
            Rvalue::Use(o) | Rvalue::Erase { value: o, .. } | Rvalue::Upcast { value: o, .. } => {
                change(o)
            }
            Rvalue::Aggregate(_, list)
            | Rvalue::Case { payload: list, .. }
            | Rvalue::Closure { captures: list, .. } => {
                list.iter_mut().for_each(change);
            }
            _ => {}
        },
        StatementKind::Call { args, .. } => {
            for arg in args {
                if let Argument::Value(o) = arg {
                    change(o);
                }
            }
        }
        _ => {}
    }
}
