//! Which functions a graph mentions.

use super::data::{Callee, FnId, Mir, Rvalue, StatementKind, Terminator};

/// Calls `found` with each function that a graph calls, or makes a closure or a value of, as often as it does.
pub fn functions_mentioned(mir: &Mir, found: &mut dyn FnMut(FnId)) {
    for block in mir.blocks.values() {
        for statement in &block.stmts {
            match &statement.kind {
                StatementKind::Assign(_, Rvalue::Closure { func, .. }) => found(*func),
                StatementKind::Assign(_, Rvalue::Function { callee, .. })
                | StatementKind::Call { callee, .. } => of_callee(callee, found),
                _ => {}
            }
        }
        if let Some(Terminator::TryCall { callee, .. }) = &block.term {
            of_callee(callee, found);
        }
    }
}

fn of_callee(callee: &Callee, found: &mut dyn FnMut(FnId)) {
    match callee {
        Callee::Static(id, _) | Callee::Virtual(id, _) => found(*id),
        Callee::Witness(..) | Callee::Value(_) => {}
    }
}
