//! Jumps past tests whose outcome is known: an iterator's `next()` makes an optional that the loop takes apart at once.
//!
//! Facts about whole locals (which case of an enum, which constant) are carried through straight-line code and out of two-way tests. A short block that
//! tests such a local is copied to the ends of the predecessors from which the outcome is known.

use crate::base::FxHashMap;
use crate::items::ids::DefId;
use crate::mir::data::{
    Block, Const, Local, Mir, Operand, Place, Rvalue, Statement, StatementKind, Terminator,
};
use crate::mir::walk::{Access, all_places, each_place, reverse_postorder, terminator_places};

use super::super::cx::Program;
use super::types::is_inside;

/// A block of at most this many statements may be copied into its predecessors.
const COPIED: usize = 8;
/// How often a graph is looked through; each time shortens chains of tests by one.
const PASSES: usize = 6;

/// What is known of a local's value.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fact {
    Case(DefId),
    Int(i128),
    /// Whether another local, unchanged since, holds a case.
    Test(Local, DefId),
}

type Facts = FxHashMap<Local, Fact>;

/// Removes tests with known outcomes.
pub(super) fn run<'a>(p: &dyn Program<'a>, mir: &mut Mir) {
    let mut exposed = vec![false; mir.locals.len()];
    all_places(mir, &mut |place, access| {
        if access == Access::Address {
            exposed[place.local.index()] = true;
        }
    });
    for _ in 0..PASSES {
        if !pass(p, mir, &exposed) {
            break;
        }
        mir.prune();
    }
}

fn pass<'a>(p: &dyn Program<'a>, mir: &mut Mir, exposed: &[bool]) -> bool {
    let mut preds: Vec<Vec<Block>> = vec![Vec::new(); mir.blocks.len()];
    for (block, data) in mir.blocks.iter() {
        if let Some(term) = &data.term {
            term.each_target(&mut |to| preds[to.index()].push(block));
        }
    }
    let order = reverse_postorder(mir);
    let mut out: Vec<Option<Facts>> = vec![None; mir.blocks.len()];
    let mut changed = false;
    for block in order {
        let mut facts = match preds[block.index()].as_slice() {
            [pred] if *pred != block => {
                let mut facts = out[pred.index()].clone().unwrap_or_default();
                edge(p, &mir.blocks[*pred].term, block, &mut facts, exposed);
                facts
            }
            _ => Facts::default(),
        };
        let data = &mut mir.blocks[block];
        for statement in &mut data.stmts {
            changed |= fold(p, &mut statement.kind, &facts);
            step(&statement.kind, &mut facts, exposed);
        }
        changed |= decide(&mut data.term, &facts);
        if let Some(term) = &data.term {
            changes(&mut facts, |f| terminator_places(term, f));
        }
        out[block.index()] = Some(facts);
    }
    changed | copy_tests(p, mir, &out, exposed)
}

/// Copies tests into predecessors from which their outcome is known.
fn copy_tests<'a>(
    p: &dyn Program<'a>,
    mir: &mut Mir,
    out: &[Option<Facts>],
    exposed: &[bool],
) -> bool {
    let mut changed = false;
    let blocks: Vec<Block> = mir.blocks.indices().collect();
    for block in blocks {
        let Some(Terminator::Goto(to)) = mir.blocks[block].term else {
            continue;
        };
        let Some(Some(facts)) = out.get(block.index()) else {
            continue;
        };
        if to == block || facts.is_empty() {
            continue;
        }
        let target = &mir.blocks[to];
        if target.stmts.len() > COPIED
            || !matches!(
                target.term,
                Some(Terminator::If { .. } | Terminator::Switch { .. })
            )
            || !target.stmts.iter().all(is_cheap)
        {
            continue;
        }
        let mut facts = facts.clone();
        let mut stmts: Vec<Statement> = Vec::with_capacity(target.stmts.len());
        for statement in &target.stmts {
            let mut statement = statement.clone();
            fold(p, &mut statement.kind, &facts);
            step(&statement.kind, &mut facts, exposed);
            stmts.push(statement);
        }
        let mut term = target.term.clone();
        let src = target.term_src;
        if decide(&mut term, &facts) {
            let data = &mut mir.blocks[block];
            data.stmts.extend(stmts);
            data.term = term;
            data.term_src = src;
            changed = true;
        }
    }
    changed
}

/// Whether a copy of the statement costs next to nothing.
fn is_cheap(statement: &Statement) -> bool {
    matches!(
        &statement.kind,
        StatementKind::Nop
            | StatementKind::StorageLive(_)
            | StatementKind::StorageDead(_)
            | StatementKind::Assign(
                _,
                Rvalue::Use(Operand::Move(_) | Operand::Borrow(_) | Operand::Const(_))
                    | Rvalue::IsCase(..)
                    | Rvalue::Tag(_)
            )
    )
}

/// Replaces a test with a known outcome by that.
fn fold<'a>(p: &dyn Program<'a>, kind: &mut StatementKind, facts: &Facts) -> bool {
    let StatementKind::Assign(_, value) = kind else {
        return false;
    };
    let known = |place: &Place| match place.is_local() {
        true => match facts.get(&place.local) {
            Some(Fact::Case(case)) => Some(*case),
            _ => None,
        },
        false => None,
    };
    use crate::types::ty::{BuiltinTy, Ty};
    let constant = match value {
        Rvalue::IsCase(place, case) => known(place)
            .map(|found| Const::Int(i128::from(found == *case), Ty::builtin(BuiltinTy::Int1))),
        Rvalue::Tag(place) => known(place).and_then(|found| {
            let cases = p.enum_cases(found_enum(p, found)?);
            let index = cases.iter().position(|case| case.def == found)?;
            Some(Const::Int(index as i128, Ty::builtin(BuiltinTy::Int32)))
        }),
        _ => None,
    };
    match constant {
        Some(constant) => {
            *value = Rvalue::Use(Operand::Const(constant));
            true
        }
        None => false,
    }
}

/// The enum that declares a case.
fn found_enum<'a>(p: &dyn Program<'a>, case: DefId) -> Option<DefId> {
    p.def(case).parent
}

/// Replaces a jump with a known outcome.
fn decide(term: &mut Option<Terminator>, facts: &Facts) -> bool {
    let known = |operand: &Operand| match operand {
        Operand::Const(Const::Int(value, _)) => Some(*value),
        Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place)
            if place.is_local() =>
        {
            match facts.get(&place.local) {
                Some(Fact::Int(value)) => Some(*value),
                _ => None,
            }
        }
        _ => None,
    };
    let to = match term {
        Some(Terminator::If { cond, then, els }) => {
            known(cond).map(|value| if value != 0 { *then } else { *els })
        }
        Some(Terminator::Switch {
            value,
            targets,
            default,
        }) => known(value).map(|value| {
            targets
                .iter()
                .find(|(v, _)| *v == value)
                .map_or(*default, |(_, to)| *to)
        }),
        _ => None,
    };
    match to {
        Some(to) => {
            *term = Some(Terminator::Goto(to));
            true
        }
        None => false,
    }
}

/// What holds after a statement.
fn step(kind: &StatementKind, facts: &mut Facts, exposed: &[bool]) {
    let fact = match kind {
        StatementKind::Assign(dest, value) if dest.is_local() && !exposed[dest.local.index()] => {
            match value {
                Rvalue::Case { case, .. } => Some((dest.local, Fact::Case(*case))),
                Rvalue::Use(Operand::Const(Const::Int(value, _))) => {
                    Some((dest.local, Fact::Int(*value)))
                }
                Rvalue::Use(
                    Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place),
                ) if place.is_local() => facts.get(&place.local).map(|&fact| (dest.local, fact)),
                Rvalue::IsCase(place, case)
                    if place.is_local() && !exposed[place.local.index()] =>
                {
                    Some((dest.local, Fact::Test(place.local, *case)))
                }
                _ => None,
            }
        }
        _ => None,
    };
    changes(facts, |f| each_place(kind, f));
    if let Some((local, fact)) = fact {
        facts.insert(local, fact);
    }
}

/// Forgets what no longer holds.
fn changes(facts: &mut Facts, visit: impl Fn(&mut dyn FnMut(&Place, Access))) {
    let mut changed: smallvec::SmallVec<[Local; 4]> = smallvec::SmallVec::new();
    visit(&mut |place, access| {
        // A pointer that is written through changes other locals only if their address was taken, and those have no facts.
        if access.changes() && is_inside(place) && access != Access::Move {
            changed.push(place.local);
        }
    });
    for local in changed {
        facts.remove(&local);
        facts.retain(|_, fact| !matches!(fact, Fact::Test(of, _) if *of == local));
    }
}

/// What a two-way test tells in the block that it leads to.
fn edge<'a>(
    p: &dyn Program<'a>,
    term: &Option<Terminator>,
    to: Block,
    facts: &mut Facts,
    exposed: &[bool],
) {
    let Some(Terminator::If { cond, then, els }) = term else {
        return;
    };
    let (Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place)) = cond else {
        return;
    };
    if then == els || !place.is_local() || exposed[place.local.index()] {
        return;
    }
    let holds = *then == to;
    let tested = facts.get(&place.local).copied();
    facts.insert(place.local, Fact::Int(i128::from(holds)));
    if let Some(Fact::Test(local, case)) = tested {
        let found = match holds {
            true => Some(case),
            // The other one of two.
            false => found_enum(p, case).and_then(|def| match p.enum_cases(def).as_slice() {
                [a, b] if a.def == case => Some(b.def),
                [a, b] if b.def == case => Some(a.def),
                _ => None,
            }),
        };
        if let Some(found) = found {
            facts.insert(local, Fact::Case(found));
        }
    }
}
