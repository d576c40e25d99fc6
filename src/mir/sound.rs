//! Whether a graph that was read from a file holds together.
//!
//! A record with the right checksum may still have been made by hand. Everything behind the decoder looks locals, blocks and captures up without
//! asking whether they exist, because a graph that was built here has them all; so one walk over a graph from elsewhere establishes that.

use super::data::*;
use super::walk::{each_place, terminator_places};
use crate::base::FxHashSet;

/// Whether a decoded graph is one of the function `id` in which every number leads to something.
///
/// Types are not compared: code generation asks for the layout of what it finds and refuses what does not fit.
pub(super) fn is_sound(mir: &Mir, id: FnId) -> bool {
    let has_local = |local: Local| local.index() < mir.locals.len();
    let has_place = |place: &Place| {
        let steps_exist = place.path.iter().all(|step| match *step {
            Proj::Capture(number) => (number as usize) < mir.captures.len(),
            _ => true,
        });
        steps_exist && has_local(place.local)
    };
    // Only optimised graphs have origins, and those are never written down.
    let head = mir.id == id
        && mir.origins.is_empty()
        && !mir.blocks.is_empty()
        && has_local(mir.result)
        && has_distinct_params(mir);
    head && mir.blocks.values().all(|data| {
        let mut holds = true;
        for statement in &data.stmts {
            match &statement.kind {
                StatementKind::StorageLive(local) | StatementKind::StorageDead(local) => {
                    holds &= has_local(*local);
                }
                kind => each_place(kind, &mut |place, _| holds &= has_place(place)),
            }
        }
        let Some(terminator) = &data.term else {
            return false;
        };
        terminator_places(terminator, &mut |place, _| holds &= has_place(place));
        terminator.each_target(&mut |block| holds &= block.index() < mir.blocks.len());
        holds && has_distinct_targets(terminator)
    })
}

/// Whether the parameters are locals, each another one, and none of them the place of the result.
fn has_distinct_params(mir: &Mir) -> bool {
    let mut seen = vec![false; mir.locals.len()];
    seen[mir.result.index()] = true;
    let mut is_new = |param: &Local| {
        let place = seen.get_mut(param.index());
        place.is_some_and(|place| !std::mem::replace(place, true))
    };
    mir.params.iter().all(&mut is_new)
}

/// Whether no value leads to two blocks.
fn has_distinct_targets(terminator: &Terminator) -> bool {
    let Terminator::Switch { targets, .. } = terminator else {
        return true;
    };
    let mut seen = FxHashSet::default();
    targets.iter().all(|&(value, _)| seen.insert(value))
}
