//! Pointers to known variables become those variables, and what nobody reads is not made.
//!
//! After inlining, a closure's captured variables and a callee's `inout` parameters are reached through pointers whose targets are known.
//! Named directly, they need no address and can live in registers.

use crate::base::Arena;
use crate::items::ids::{AccessorKind, DefKind};
use crate::mir::data::{
    Callee, Local, LocalKind, Mir, Operand, Place, Proj, Rvalue, StatementKind, Terminator,
};
use crate::mir::walk::{Access, all_places, each_place_mut, terminator_places_mut};

use super::super::cx::Program;
use super::inline::{Definition, Definitions, is_function_type};
use super::types::place_type;

/// Forwards addresses, then removes dead values until there are none.
pub(super) fn run<'a>(p: &dyn Program<'a>, mir: &mut Mir) {
    forward_addresses(p, mir);
    while remove_dead(p, mir) {}
}

fn forward_addresses<'a>(p: &dyn Program<'a>, mir: &mut Mir) {
    let definitions = Definitions::of(mir);
    let targets: Vec<Option<Place>> = mir
        .locals
        .indices()
        .map(|local| match definitions.get(definitions.origin(local)) {
            Definition::Address(place) => Some(place.clone()),
            _ => None,
        })
        .collect();
    if targets.iter().all(Option::is_none) {
        return;
    }
    let types: Vec<_> = targets
        .iter()
        .map(|target| target.as_ref().and_then(|place| place_type(p, mir, place)))
        .collect();
    let rename = |place: &mut Place| {
        // A target may itself lie behind a forwarded pointer.
        for _ in 0..8 {
            let (Some(target), Some(Proj::Deref(ty))) =
                (&targets[place.local.index()], place.path.first())
            else {
                break;
            };
            if types[place.local.index()] != Some(*ty) {
                break;
            }
            let mut path = target.path.clone();
            path.extend(place.path.drain(1..));
            *place = Place {
                local: target.local,
                path,
            };
        }
    };
    for (_, data) in mir.blocks.iter_mut() {
        for statement in &mut data.stmts {
            let keeps = matches!(&statement.kind, StatementKind::Call { callee, .. } if keeps_addresses(p, callee));
            each_place_mut(&mut statement.kind, &mut |place, access| {
                if !(keeps && access == Access::Inout) {
                    rename(place);
                }
            });
        }
        if let Some(term) = &mut data.term {
            let keeps =
                matches!(&*term, Terminator::TryCall { callee, .. } if keeps_addresses(p, callee));
            terminator_places_mut(term, &mut |place, access| {
                if !(keeps && access == Access::Inout) {
                    rename(place);
                }
            });
        }
    }
}

/// Whether a function keeps the addresses that it is given for longer than the call: the first half of a `_modify` does, until the second.
/// The variables behind them must stay where they are, and therefore be reached through pointers.
fn keeps_addresses<'a>(p: &dyn Program<'a>, callee: &Callee) -> bool {
    let def = match callee {
        Callee::Static(id, _) | Callee::Virtual(id, _) => id.def,
        Callee::Witness(def, _) => *def,
        Callee::Value(_) => return false,
    };
    p.def(def).kind == DefKind::Accessor(AccessorKind::Modify)
}

/// What is done with a local's value, over the whole graph.
#[derive(Clone, Copy, Default)]
struct Uses {
    read: bool,
    /// It is given a value by something that has other effects.
    effects: bool,
    /// It is given a value by a copy that counts a reference.
    copied: bool,
    /// It is given a value that owns nothing.
    plain: bool,
    destroyed: bool,
    made: u32,
}

/// Removes values that nobody reads; whether there were any.
fn remove_dead<'a>(p: &dyn Program<'a>, mir: &mut Mir) -> bool {
    let mut uses = vec![Uses::default(); mir.locals.len()];
    for &param in &mir.params {
        uses[param.index()].read = true;
    }
    uses[mir.result.index()].read = true;
    all_places(mir, &mut |place, access| match access {
        Access::Init if place.is_local() => uses[place.local.index()].made += 1,
        Access::Destroy if place.is_local() => uses[place.local.index()].destroyed = true,
        _ => uses[place.local.index()].read = true,
    });
    for data in mir.blocks.values() {
        for statement in &data.stmts {
            match &statement.kind {
                StatementKind::Assign(dest, value) if dest.is_local() => {
                    let slot = &mut uses[dest.local.index()];
                    match value {
                        Rvalue::Use(Operand::Borrow(_) | Operand::Const(_))
                        | Rvalue::AddressOf(_)
                        | Rvalue::Function { .. }
                        | Rvalue::IsCase(..)
                        | Rvalue::Tag(_) => slot.plain = true,
                        Rvalue::Use(Operand::Copy(_)) => slot.copied = true,
                        Rvalue::Use(Operand::Move(_)) | Rvalue::Aggregate(..)
                            if p.layout(mir.locals[dest.local].ty).trivial =>
                        {
                            slot.plain = true;
                        }
                        Rvalue::Closure { .. } => {}
                        _ => slot.effects = true,
                    }
                }
                StatementKind::Call { dest, .. } => uses[dest.local.index()].effects = true,
                StatementKind::Cast { ok, dest, .. } => {
                    uses[ok.local.index()].effects = true;
                    uses[dest.local.index()].effects = true;
                }
                _ => {}
            }
        }
        if let Some(Terminator::TryCall { dest, error, .. }) = &data.term {
            uses[dest.local.index()].effects = true;
            uses[error.local.index()].effects = true;
        }
    }
    let dead = |local: Local| {
        let slot = &uses[local.index()];
        let decl = &mir.locals[local];
        let owns = !(slot.plain && (slot.destroyed || slot.copied) && !p.layout(decl.ty).trivial);
        !slot.read
            && !slot.effects
            && slot.made > 0
            && owns
            && matches!(decl.kind, LocalKind::Var | LocalKind::Borrowed)
    };
    let dead: Vec<bool> = mir.locals.indices().map(dead).collect();
    if !dead.contains(&true) {
        return false;
    }
    let captures = captures_of_dead(p, mir, &dead);
    let mut changed = false;
    for (_, data) in mir.blocks.iter_mut() {
        let mut at = 0;
        while at < data.stmts.len() {
            let statement = &data.stmts[at];
            match &statement.kind {
                StatementKind::Assign(dest, value) if dest.is_local() => {
                    let local = dest.local;
                    let closure = matches!(value, Rvalue::Closure { .. });
                    if dead[local.index()] && (!closure || captures[local.index()].is_some()) {
                        data.stmts.remove(at);
                        changed = true;
                        continue;
                    }
                }
                StatementKind::Destroy(place) if place.is_local() && dead[place.local.index()] => {
                    let local = place.local;
                    let is_closure = is_function_type(mir.locals[local].ty);
                    match &captures[local.index()] {
                        Some(owned) => {
                            let src = statement.src;
                            let destroys = owned.iter().map(|&local| crate::mir::data::Statement {
                                kind: StatementKind::Destroy(local.into()),
                                src,
                            });
                            let count = owned.len();
                            data.stmts.splice(at..=at, destroys);
                            at += count;
                            changed = true;
                            continue;
                        }
                        None if !is_closure => {
                            data.stmts.remove(at);
                            changed = true;
                            continue;
                        }
                        None => {}
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
    changed
}

/// For dead closures: the locals that own what they captured. None for closures whose captures cannot be destroyed on their own.
fn captures_of_dead<'a>(p: &dyn Program<'a>, mir: &Mir, dead: &[bool]) -> Vec<Option<Vec<Local>>> {
    let mut out: Vec<Option<Vec<Local>>> = vec![None; mir.locals.len()];
    let mut seen = vec![false; mir.locals.len()];
    for data in mir.blocks.values() {
        for statement in &data.stmts {
            let StatementKind::Assign(dest, value) = &statement.kind else {
                continue;
            };
            let local = dest.local;
            if !dest.is_local() || !dead[local.index()] || !is_function_type(mir.locals[local].ty) {
                continue;
            }
            let again = std::mem::replace(&mut seen[local.index()], true);
            out[local.index()] = match value {
                _ if again => None,
                Rvalue::Closure { captures, .. } => captures
                    .iter()
                    .filter_map(|operand| match operand {
                        Operand::Move(place) if place.is_local() => Some(Some(place.local)),
                        Operand::Const(_) => None,
                        Operand::Copy(place) | Operand::Borrow(place) | Operand::Move(place)
                            if place_type(p, mir, place).is_some_and(|ty| p.layout(ty).trivial) =>
                        {
                            None
                        }
                        _ => Some(None),
                    })
                    .collect(),
                // Functions without context and borrowed aliases own nothing.
                Rvalue::Use(Operand::Borrow(_)) | Rvalue::Function { .. } => Some(Vec::new()),
                // A copy goes together with its destruction.
                Rvalue::Use(Operand::Copy(_)) => Some(Vec::new()),
                _ => None,
            };
        }
    }
    out
}

/// Forgets locals that nothing mentions any more, so that later stages need not make room for them.
pub(super) fn drop_unused_locals(mir: &mut Mir) {
    let mut used = vec![false; mir.locals.len()];
    for &param in &mir.params {
        used[param.index()] = true;
    }
    used[mir.result.index()] = true;
    all_places(mir, &mut |place, _| used[place.local.index()] = true);
    if !used.contains(&false) {
        return;
    }
    let mut locals = Arena::new();
    let mut numbers: Vec<Local> = Vec::with_capacity(used.len());
    for (local, decl) in mir.locals.iter() {
        numbers.push(locals.next_idx());
        if used[local.index()] {
            locals.alloc(decl.clone());
        }
    }
    mir.locals = locals;
    let renumber = |local: &mut Local| *local = numbers[local.index()];
    mir.params.iter_mut().for_each(renumber);
    renumber(&mut mir.result);
    for (_, data) in mir.blocks.iter_mut() {
        for statement in &mut data.stmts {
            each_place_mut(&mut statement.kind, &mut |place, _| {
                renumber(&mut place.local)
            });
            if let StatementKind::StorageLive(local) | StatementKind::StorageDead(local) =
                &mut statement.kind
            {
                if used[local.index()] {
                    renumber(local);
                } else {
                    statement.kind = StatementKind::Nop;
                }
            }
        }
        data.stmts.retain(|s| s.kind != StatementKind::Nop);
        if let Some(term) = &mut data.term {
            terminator_places_mut(term, &mut |place, _| renumber(&mut place.local));
        }
    }
}
