//! Values that cannot be copied are moved.
//!
//! Lowering copies what it reads from a variable. Where the variable's type cannot be copied, such a copy takes the value, which
//! `elaborate` then follows like that of any variable that `consume` ends.

use super::builder::{Tracked, TrackedKind};
use super::data::*;
use crate::base::FxHashSet;

/// Turns the copies of whole variables that cannot be copied into moves.
pub(super) fn run(mir: &mut Mir, tracked: &[Tracked]) {
    let moving = tracked.iter().filter_map(|t| match t.kind {
        TrackedKind::Consumable { moves: true, .. } | TrackedKind::Borrowed(_) => Some(t.local),
        _ => None,
    });
    let moving: FxHashSet<Local> = moving.collect();
    if moving.is_empty() {
        return;
    }
    let mut take = |operand: &mut Operand| {
        if let Operand::Copy(place) = operand
            && place.path.is_empty()
            && moving.contains(&place.local)
        {
            *operand = Operand::Move(place.clone());
        }
    };
    let blocks: Vec<Block> = mir.blocks.indices().collect();
    for block in blocks {
        let data = &mut mir.blocks[block];
        for stmt in &mut data.stmts {
            match &mut stmt.kind {
                StatementKind::Assign(_, value) => each_operand(value, &mut take),
                StatementKind::Call { args, .. } => each_argument(args, &mut take),
                _ => {}
            }
        }
        match &mut data.term {
            Some(Terminator::TryCall { args, .. }) => each_argument(args, &mut take),
            Some(Terminator::Throw(error)) => take(error),
            _ => {}
        }
    }
}

fn each_argument(args: &mut [Argument], f: &mut dyn FnMut(&mut Operand)) {
    for arg in args {
        if let Argument::Value(operand) = arg {
            f(operand);
        }
    }
}

fn each_operand(value: &mut Rvalue, f: &mut dyn FnMut(&mut Operand)) {
    match value {
        Rvalue::Use(operand)
        | Rvalue::Erase { value: operand, .. }
        | Rvalue::Upcast { value: operand, .. } => f(operand),
        // A closure borrows what it captures and cannot copy.
        Rvalue::Aggregate(_, list) | Rvalue::Case { payload: list, .. } => {
            list.iter_mut().for_each(f)
        }
        _ => {}
    }
}
