//! Passes over graphs, named and in order.
//!
//! Those here run at every level, because they make code smaller and cost little.

mod copies;

use super::data::Mir;
use super::facts::Facts;

/// Runs the passes of every optimisation level.
pub(super) fn run(mir: &mut Mir, facts: Facts<'_>) {
    copies::copies_to_moves(mir, facts.in_library(mir.id.def));
    copies::results_in_place(mir);
}
