//! Which of two declarations is the more specialised one.

use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::items::ids::{DefId, DefKind};
use crate::types::generics::{Requirement, generics};
use crate::types::protocols::inherited_protocols;
use crate::types::signature::signature;

impl<'db> Checker<'db> {
    /// Whether the first declaration hides the second where both fit equally well. The ranks say how member lookup found them.
    pub fn more_specialised(&mut self, a: DefId, a_rank: u8, b: DefId, b_rank: u8) -> bool {
        let db = self.db;
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
        // Members of protocol extensions: the more refined protocol, then the more constrained extension.
        if let (Some(p), Some(q)) = (
            decl::protocol_of_member(db, a),
            decl::protocol_of_member(db, b),
        ) {
            if p != q {
                if inherited_protocols(db, p).contains(&q) {
                    return true;
                }
                if inherited_protocols(db, q).contains(&p) {
                    return false;
                }
            } else {
                let (x, y) = (decl::in_extension(db, a), decl::in_extension(db, b));
                if x != y {
                    return y;
                }
                if let (true, Some(x), Some(y)) = (x, a.parent(db), b.parent(db)) {
                    let forward = self.constraints_imply(x, y);
                    if forward != self.constraints_imply(y, x) {
                        return forward;
                    }
                }
            }
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

    /// Whether an extension's constraints name a subprotocol for each conformance that the other extension of the same protocol asks for.
    fn constraints_imply(&self, a: DefId, b: DefId) -> bool {
        let given = &generics(self.db, a).requirements;
        generics(self.db, b).requirements.iter().all(|asked| {
            given.contains(asked)
                || given.iter().any(|known| match (known, asked) {
                    (Requirement::Conforms(x, p), Requirement::Conforms(y, q)) => {
                        x == y && inherited_protocols(self.db, *p).contains(q)
                    }
                    _ => false,
                })
        })
    }
}
