//! Copies that are destroyed again while their original is still there become borrows.
//!
//! An iterator's `next()` copies the array that it goes through, looks at one element and destroys the copy. The array in the iterator
//! does not change in between, so that the element may as well be looked at there, without counting references.

use crate::base::FxHashSet;
use crate::mir::data::{
    Local, LocalKind, Mir, Operand, Place, Proj, Rvalue, Statement, StatementKind,
};
use crate::mir::walk::{Access, all_places, each_place};

use super::super::cx::Program;
use super::types::is_inside;

/// How many statements lie between a copy and its destruction at most, which keeps the search linear.
const DISTANCE: usize = 100;

/// Turns copies into borrows where that changes nothing.
pub(super) fn run<'a>(p: &dyn Program<'a>, mir: &mut Mir) {
    let mut owners = owners(mir);
    let Mir { locals, blocks, .. } = mir;
    for (_, data) in blocks.iter_mut() {
        let mut removed = false;
        for at in 0..data.stmts.len() {
            let StatementKind::Assign(dest, Rvalue::Use(Operand::Copy(from))) =
                &data.stmts[at].kind
            else {
                continue;
            };
            let (copy, from) = (dest.local, from.clone());
            if !dest.is_local()
                || locals[copy].kind != LocalKind::Var
                || copy == from.local
                || !owners[from.local.index()]
                || !owners[copy.index()]
                || !is_inside(&from)
                || p.layout(locals[copy].ty).trivial
            {
                continue;
            }
            let Some(destroyed) = destruction(&data.stmts, at, copy, &from) else {
                continue;
            };
            let source = Operand::Borrow(from);
            data.stmts[at].kind = StatementKind::Assign(copy.into(), Rvalue::Use(source));
            data.stmts[destroyed].kind = StatementKind::Nop;
            // What it lends is not its own any more, so nothing may borrow from it in turn.
            owners[copy.index()] = false;
            removed = true;
        }
        if removed {
            data.stmts.retain(|s| s.kind != StatementKind::Nop);
        }
    }
}

/// The locals that own what they hold, by themselves or through the caller, and that are only reached by name.
fn owners(mir: &Mir) -> Vec<bool> {
    let params: FxHashSet<Local> = mir.params.iter().copied().collect();
    let mut owners: Vec<bool> = mir
        .locals
        .iter()
        .map(|(local, decl)| {
            matches!(
                decl.kind,
                LocalKind::Var | LocalKind::Owned | LocalKind::Result
            ) || params.contains(&local)
        })
        .collect();
    all_places(mir, &mut |place, access| {
        if access == Access::Address {
            owners[place.local.index()] = false;
        }
    });
    for data in mir.blocks.values() {
        for statement in &data.stmts {
            // Another name for what somebody else owns, who may let go of it.
            if let StatementKind::Assign(dest, Rvalue::Use(Operand::Borrow(_))) = &statement.kind {
                owners[dest.local.index()] = false;
            }
        }
    }
    owners
}

/// Where a copy made at `at` is destroyed, if until then it is only looked at and its original stays what it is.
fn destruction(stmts: &[Statement], at: usize, copy: Local, from: &Place) -> Option<usize> {
    for (position, statement) in stmts.iter().enumerate().skip(at + 1).take(DISTANCE) {
        if let StatementKind::Destroy(place) = &statement.kind
            && place.local == copy
        {
            return place.is_local().then_some(position);
        }
        let mut ends = false;
        // Behind a reference or pointer, the local itself stays the same.
        each_place(&statement.kind, &mut |place, access| {
            ends |= place.local == copy && access.changes() && is_inside(place);
            ends |= place.local == from.local
                && access.changes()
                && is_inside(place)
                && overlap(&place.path, &from.path);
        });
        if ends {
            return None;
        }
    }
    None
}

/// Whether one of two paths leads into the other.
fn overlap(a: &[Proj], b: &[Proj]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}
