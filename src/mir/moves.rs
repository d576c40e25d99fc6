//! Values that cannot be copied are moved.
//!
//! Lowering copies what it reads from a variable. Where the value's type cannot be copied, such a copy takes the value, which
//! `elaborate` then follows like that of any variable that `consume` ends. A variable whose stored properties, or the payload of which,
//! are taken one by one is tracked in parts.

use super::builder::{Part, Storage, Tracked, TrackedKind};
use super::copyability::Copyability;
use super::data::*;
use super::facts::{Facts, VarKind};
use crate::base::{FxHashMap, FxHashSet, Name};
use crate::items::ids::DefKind;
use crate::types::ty::{Ty, TyKind};
use smallvec::SmallVec;

type Path = SmallVec<[Proj; 2]>;

/// Turns the copies of what cannot be copied into moves, where the function owns it.
pub(super) fn run(
    mir: &mut Mir,
    facts: Facts<'_>,
    types: &Copyability<'_>,
    tracked: &mut Vec<Tracked>,
) {
    let whole: FxHashSet<Local> = tracked
        .iter()
        .filter(|t| {
            matches!(
                t.kind,
                TrackedKind::Consumable { moves: true, .. } | TrackedKind::Borrowed(_)
            )
        })
        .map(|t| t.local)
        .collect();
    let mut found: Vec<Place> = Vec::new();
    {
        let mir: &Mir = mir;
        let mut note = |operand: &Operand| {
            if let Operand::Copy(place) = operand
                && is_taken(mir, types, &whole, place)
            {
                found.push(place.clone());
            }
        };
        for data in mir.blocks.values() {
            visit_block(data, &mut note);
        }
    }
    if found.is_empty() {
        return;
    }
    let found: FxHashSet<Place> = found.into_iter().collect();
    for (_, data) in mir.blocks.iter_mut() {
        change_block(data, &mut |operand| {
            if let Operand::Copy(place) = operand
                && found.contains(place)
            {
                *operand = Operand::Move(place.clone());
            }
        });
    }
    let mut taken: FxHashMap<Local, Vec<Path>> = FxHashMap::default();
    for place in found.into_iter().filter(|p| !p.path.is_empty()) {
        taken.entry(place.local).or_default().push(place.path);
    }
    let mut locals: Vec<Local> = taken.keys().copied().collect();
    locals.sort();
    for local in locals {
        let mut parts = Vec::new();
        let ty = mir.locals[local].ty;
        split(facts, types, ty, Path::new(), &taken[&local], &mut parts);
        if parts.len() == 1 && parts[0].path.is_empty() {
            continue;
        }
        replacements(mir, local);
        let old = tracked.iter_mut().find(|t| t.local == local);
        match old {
            Some(t) => match t.kind {
                TrackedKind::Consumable { source, .. } => {
                    t.kind = TrackedKind::Parts {
                        source: Some(source),
                        parts,
                    }
                }
                TrackedKind::Whole => {
                    t.kind = TrackedKind::Parts {
                        source: None,
                        parts,
                    }
                }
                _ => {}
            },
            None => tracked.push(Tracked {
                local,
                kind: TrackedKind::Parts {
                    source: None,
                    parts,
                },
                name: mir.locals[local].name.unwrap_or(Name::new("value")),
                immutable: false,
            }),
        }
    }
}

/// Whether a copy of the place takes the value out of storage that the function owns.
fn is_taken(mir: &Mir, types: &Copyability<'_>, whole: &FxHashSet<Local>, place: &Place) -> bool {
    if place.path.is_empty() {
        return whole.contains(&place.local);
    }
    let inline = |p: &Proj| matches!(p, Proj::Field(_) | Proj::Elem(_) | Proj::Payload(_));
    let owned = matches!(
        mir.locals[place.local].kind,
        LocalKind::Var | LocalKind::Owned | LocalKind::Inout
    );
    owned
        && place.path.iter().all(inline)
        && types
            .place_type(mir, place)
            .is_some_and(|ty| types.noncopyable(ty))
}

/// Cuts a value into the smallest parts that some path takes, and the rest.
fn split(
    facts: Facts<'_>,
    types: &Copyability<'_>,
    ty: Ty,
    at: Path,
    taken: &[Path],
    out: &mut Vec<Part>,
) {
    let below = |path: &Path| path.len() > at.len() && path.starts_with(&at);
    let leaf = |path: Path, rest: bool| Part {
        path,
        storage: Storage::Strong,
        rest,
    };
    if taken.contains(&at) || !taken.iter().any(below) {
        out.push(leaf(at, false));
        return;
    }
    let then = |proj: Proj| {
        let mut path = at.clone();
        path.push(proj);
        path
    };
    if let TyKind::Tuple(elems) = ty.kind() {
        for (i, elem) in elems.iter().enumerate() {
            split(
                facts,
                types,
                elem.ty,
                then(Proj::Elem(i as u32)),
                taken,
                out,
            );
        }
        return;
    }
    let Some(nominal) = ty.nominal_def() else {
        out.push(leaf(at, false));
        return;
    };
    match facts.kind(nominal) {
        DefKind::Struct => {
            for &var in facts.stored_properties(nominal) {
                if !facts.has_storage(var) {
                    continue;
                }
                let path = then(Proj::Field(var));
                let storage = match facts.var_kind(var) {
                    VarKind::Weak => Storage::Weak,
                    VarKind::Unowned => Storage::Unowned,
                    _ => Storage::Strong,
                };
                match types.field_type(ty, var) {
                    Some(field) if storage == Storage::Strong => {
                        split(facts, types, field, path, taken, out)
                    }
                    _ => out.push(Part {
                        path,
                        storage,
                        rest: false,
                    }),
                }
            }
        }
        DefKind::Enum => {
            // The enum as a whole holds its value until part of the payload is taken; then there are the parts of that case.
            out.push(leaf(at.clone(), true));
            for &case in facts.cases(nominal) {
                let path = then(Proj::Payload(case));
                if taken.iter().any(|t| t.starts_with(&path))
                    && let Some(payload) = types.payload_type(ty, case)
                {
                    split(facts, types, payload, path, taken, out);
                }
            }
        }
        _ => out.push(leaf(at, false)),
    }
}

/// An assignment to part of a variable, `old = move p; p = v; destroy old`, must not need an old value: `destroy p; p = v`.
fn replacements(mir: &mut Mir, local: Local) {
    let Mir { locals, blocks, .. } = mir;
    for (_, data) in blocks.iter_mut() {
        for i in 2..data.stmts.len() {
            let [first, second, third] = &data.stmts[i - 2..=i] else {
                continue;
            };
            if let StatementKind::Assign(old, Rvalue::Use(Operand::Move(from))) = &first.kind
                && from.local == local
                && old.is_local()
                && locals[old.local].name.is_none()
                && matches!(&second.kind, StatementKind::Assign(to, _) if to == from)
                && third.kind == StatementKind::Destroy(old.clone())
            {
                let place = from.clone();
                data.stmts[i - 2].kind = StatementKind::Destroy(place);
                data.stmts[i].kind = StatementKind::Nop;
            }
        }
    }
}

fn visit_block(data: &BlockData, f: &mut dyn FnMut(&Operand)) {
    for stmt in &data.stmts {
        match &stmt.kind {
            StatementKind::Assign(_, value) => match value {
                Rvalue::Use(o)
                | Rvalue::Erase { value: o, .. }
                | Rvalue::Upcast { value: o, .. } => f(o),
                // A closure borrows what it captures and cannot copy.
                Rvalue::Aggregate(_, list) | Rvalue::Case { payload: list, .. } => {
                    list.iter().for_each(&mut *f)
                }
                _ => {}
            },
            StatementKind::Call { args, .. } => visit_arguments(args, f),
            _ => {}
        }
    }
    match &data.term {
        Some(Terminator::TryCall { args, .. }) => visit_arguments(args, f),
        Some(Terminator::Throw(error)) => f(error),
        _ => {}
    }
}

fn visit_arguments(args: &[Argument], f: &mut dyn FnMut(&Operand)) {
    for arg in args {
        if let Argument::Value(operand) = arg {
            f(operand);
        }
    }
}

fn change_block(data: &mut BlockData, f: &mut dyn FnMut(&mut Operand)) {
    for stmt in &mut data.stmts {
        match &mut stmt.kind {
            StatementKind::Assign(_, value) => match value {
                Rvalue::Use(o)
                | Rvalue::Erase { value: o, .. }
                | Rvalue::Upcast { value: o, .. } => f(o),
                Rvalue::Aggregate(_, list) | Rvalue::Case { payload: list, .. } => {
                    list.iter_mut().for_each(&mut *f)
                }
                _ => {}
            },
            StatementKind::Call { args, .. } => change_arguments(args, f),
            _ => {}
        }
    }
    match &mut data.term {
        Some(Terminator::TryCall { args, .. }) => change_arguments(args, f),
        Some(Terminator::Throw(error)) => f(error),
        _ => {}
    }
}

fn change_arguments(args: &mut [Argument], f: &mut dyn FnMut(&mut Operand)) {
    for arg in args {
        if let Argument::Value(operand) = arg {
            f(operand);
        }
    }
}
