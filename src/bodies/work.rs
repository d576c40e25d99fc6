//! How much work the solver had with a body's expressions: for `--time-passes`, and for tests that bound it.

use crate::db::Db;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;

/// How many of the expressions that took most are remembered.
pub const WORST: usize = 3;

/// The steps that the solver took for a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SolverWork {
    pub total: u64,
    /// The expressions that took most, the worst first. What stands in a closure with statements counts by itself.
    pub worst: Vec<(ExprId, u64)>,
}

impl SolverWork {
    /// Counts the steps of one expression.
    pub fn add(&mut self, expr: ExprId, steps: u64) {
        self.total += steps;
        let at = self.worst.partition_point(|(_, worse)| *worse >= steps);
        if at < WORST {
            self.worst.insert(at, (expr, steps));
            self.worst.truncate(WORST);
        }
    }
}

/// The expressions of these bodies that took the solver most steps, the worst first.
pub fn worst_expressions(db: &dyn Db, bodies: &[DefId]) -> Vec<(DefId, ExprId, u64)> {
    let of_body = |&def: &DefId| {
        let worst = &super::check_body(db, def).work.worst;
        worst.iter().map(move |&(expr, steps)| (def, expr, steps))
    };
    let mut all: Vec<(DefId, ExprId, u64)> = bodies.iter().flat_map(of_body).collect();
    all.sort_by_key(|(_, _, steps)| std::cmp::Reverse(*steps));
    all.truncate(WORST);
    all
}
