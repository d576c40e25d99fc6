//! Which of two declarations is the more specialised one.

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::types::generics::{generics, satisfied};
use crate::types::protocols::refines;
use crate::types::signature::signature;
use crate::types::ty::Ty;

impl<'db> Checker<'db> {
    /// Whether the first declaration hides the second where both fit equally well. The ranks say how member lookup found them.
    pub fn more_specialised(&mut self, a: DefId, a_rank: u8, b: DefId, b_rank: u8) -> bool {
        let db = self.db;
        if let Some(first) = self.hides_by_place(a, b) {
            return first;
        }
        // A type's own member over an inherited one, that over a protocol's, a requirement over a default.
        if (a_rank > 0 || b_rank > 0) && a_rank != b_rank {
            let callable = |def: DefId| {
                matches!(
                    def.kind(db),
                    DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Synth(_)
                )
            };
            if !callable(a) || !callable(b) {
                return a_rank < b_rank;
            }
            let forward = self.params_fit(a, b);
            let backward = self.params_fit(b, a);
            if forward != backward {
                return forward;
            }
            return a_rank < b_rank;
        }
        let forward = self.params_fit(a, b);
        let backward = self.params_fit(b, a);
        if forward != backward {
            return forward;
        }
        {
            let (m, n) = (
                generics(db, a).requirements.len(),
                generics(db, b).requirements.len(),
            );
            let (own_a, own_b) = (generics(db, a).params.len(), generics(db, b).params.len());
            if forward && (own_a == 0) != (own_b == 0) {
                return own_a == 0;
            }
            // Parameters that are left to their defaults, and variadic ones, count against a candidate.
            let cost = |def: DefId| {
                let callable = matches!(
                    def.kind(db),
                    DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Synth(_)
                );
                if !callable {
                    return (0, 0);
                }
                let sig = signature(db, def);
                (
                    sig.params.iter().filter(|p| p.variadic).count(),
                    sig.params.iter().filter(|p| p.default.is_some()).count(),
                )
            };
            let (x, y) = (cost(a), cost(b));
            if x != y {
                return x < y;
            }
            if forward && m != n {
                return m > n;
            }
            // A module's own declaration over an imported one.
            let module = |def| decl::module_of(db, def);
            if module(a) != module(b) {
                return module(a) == self.module;
            }
            // What is written hides what the compiler makes.
            let made = |def: DefId| matches!(def.kind(db), DefKind::Synth(_));
            if made(a) != made(b) {
                return made(b);
            }
        }
        false
    }

    /// Whether one of two functions or subscripts hides the other whatever their parameters are, and if so, whether it is the first: one
    /// without generic parameters of its own hides one with them, any member hides one of a protocol extension, one of a type hides a
    /// protocol's requirement, and a member of a protocol extension hides those of extensions that ask less of `Self`.
    fn hides_by_place(&self, a: DefId, b: DefId) -> Option<bool> {
        let db = self.db;
        if a.kind(db) != b.kind(db) {
            return None;
        }
        if matches!(
            a.kind(db),
            DefKind::Func | DefKind::Init | DefKind::Subscript
        ) {
            let own = |def: DefId| generics(db, def).own_count() > 0;
            if own(a) != own(b) {
                return Some(own(b));
            }
        }
        let (p, q) = (
            decl::protocol_of_member(db, a),
            decl::protocol_of_member(db, b),
        );
        let in_extension =
            |def: DefId, protocol: Option<DefId>| protocol.is_some() && decl::in_extension(db, def);
        match (in_extension(a, p), in_extension(b, q)) {
            (true, true) => {
                let (x, y) = (a.parent(db)?, b.parent(db)?);
                let forward = asks_for_all(db, x, y);
                (forward != asks_for_all(db, y, x)).then_some(forward)
            }
            (false, false) => match (p, q) {
                // A requirement that a refining protocol states again.
                (Some(p), Some(q)) if refines(db, p, q) => Some(true),
                (Some(p), Some(q)) => refines(db, q, p).then_some(false),
                _ => (p.is_some() != q.is_some()).then_some(q.is_some()),
            },
            (_, second) => Some(second),
        }
    }
}

/// Whether what satisfies one protocol extension's requirements of `Self` satisfies another's as well.
fn asks_for_all(db: &dyn Db, specific: DefId, general: DefId) -> bool {
    satisfied(
        db,
        Some(specific),
        general,
        &[Ty::param(0, Name::new("Self"))],
    )
}
