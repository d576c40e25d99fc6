//! Which of two declarations is the more specialised one, and which of two solutions has the better ones.

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::types::declared_self_type;
use crate::types::generics::{generics, satisfied};
use crate::types::lang::optional_payload;
use crate::types::nominal::inherited_type;
use crate::types::protocols::refines;
use crate::types::signature::{SigParam, signature};
use crate::types::ty::{ParamMode, Ty, TyKind};

use super::quick::{Binds, Quick};
use super::{ApplyKind, Choice, Target};

impl<'db> Checker<'db> {
    /// Whether the first declaration is to be preferred over the second wherever both fit.
    pub(super) fn better(&mut self, a: &Choice, b: &Choice) -> bool {
        let (Target::Decl(x), Target::Decl(y)) = (a.target, b.target) else {
            return matches!(a.target, Target::Local(_)) && matches!(b.target, Target::Decl(_));
        };
        if x == y {
            return !a.force && b.force;
        }
        // Where nothing is applied, a variable is meant rather than a function of the same base name.
        match (x.kind(self.db), y.kind(self.db)) {
            (DefKind::Var, DefKind::Func) => return true,
            (DefKind::Func, DefKind::Var) => return false,
            _ => {}
        }
        self.more_specialised(x, a.rank, y, b.rank)
    }

    /// Whether the first declaration is more specialised than the second, or hides it. The ranks say how member lookup found them.
    pub fn more_specialised(&mut self, a: DefId, a_rank: u8, b: DefId, b_rank: u8) -> bool {
        let db = self.db;
        if let Some(first) = self.hides_by_place(a, b) {
            return first;
        }
        let forward = self.as_specialised(a, b);
        let backward = self.as_specialised(b, a);
        if forward != backward {
            return forward;
        }
        // A type's own member over an inherited one, that over a protocol's, a requirement over a default.
        if (a_rank > 0 || b_rank > 0) && a_rank != b_rank {
            return a_rank < b_rank;
        }
        // A module's own declaration over an imported one.
        let module = |def| decl::module_of(db, def);
        if module(a) != module(b) {
            return module(a) == self.module;
        }
        // A value is more special than an optional of it.
        let optional = |def: DefId| {
            matches!(
                def.kind(db),
                DefKind::Func | DefKind::Init | DefKind::Subscript
            ) && optional_payload(db, signature(db, def).result).is_some()
        };
        if optional(a) != optional(b) {
            return optional(b);
        }
        // What is written hides what the compiler makes.
        let made = |def: DefId| matches!(def.kind(db), DefKind::Synth(_));
        made(b) && !made(a)
    }

    /// Whether the first declaration takes nothing that the second does not take, so that it is at least as specialised.
    fn as_specialised(&mut self, a: DefId, b: DefId) -> bool {
        if let Some(&known) = self.specialised.get(&(a, b)) {
            return known;
        }
        let found = self.params_fit(a, b);
        self.specialised.insert((a, b), found);
        found
    }

    /// Whether the requirements of a declaration hold for these arguments in the environment of another.
    fn holds_in(&mut self, env: DefId, def: DefId, binds: &Binds) -> bool {
        let saved = std::mem::replace(&mut self.env, env);
        let holds = self.requirements_hold(def, &Choice::plain(Target::Decl(def)), binds);
        self.env = saved;
        holds
    }

    /// Whether the parameters of one declaration convert to another's, so that whatever the first takes the second takes too; or whether the
    /// second has more of them, which are left to their defaults.
    fn params_fit(&mut self, specific: DefId, general: DefId) -> bool {
        let db = self.db;
        let g = generics(db, general);
        let mut binds: Binds = SmallVec::from_elem(None, g.params.len());
        self.bind_owner(specific, general, &mut binds);
        let (Some(xs), Some(ys)) = (
            self.params_of(specific, ApplyKind::Operator),
            self.params_of(general, ApplyKind::Operator),
        ) else {
            // Variables take nothing.
            return self.holds_in(specific, general, &binds);
        };
        if xs.len() > ys.len() {
            return false;
        }
        let mut fewer = xs.len() < ys.len();
        let saved = std::mem::replace(&mut self.env, specific);
        let mut fits = true;
        for (x, y) in xs.iter().zip(&ys) {
            if x.variadic != y.variadic {
                if x.variadic {
                    self.env = saved;
                    return false;
                }
                fewer = true;
            }
            fits &= self.param_fits(x, y, &mut binds);
        }
        self.env = saved;
        fewer || fits && self.holds_in(specific, general, &binds)
    }

    fn param_fits(&mut self, x: &SigParam, y: &SigParam, binds: &mut Binds) -> bool {
        if (x.mode == ParamMode::Inout) != (y.mode == ParamMode::Inout) {
            return false;
        }
        let value = |p: &SigParam| match p.ty.as_function() {
            Some(f) if p.autoclosure => f.result,
            _ => p.ty,
        };
        let (from, to) = (value(x), value(y));
        // A value as an optional of it would make the wider parameter the more special one.
        let optional = |ty: Ty| optional_payload(self.db, ty).is_some();
        if optional(to) && !optional(from) {
            return false;
        }
        match self.quick(to, from, binds, None, 0) {
            Quick::Exact | Quick::Unknown | Quick::Literal => true,
            // A wider argument for a parameter that is bound is another one.
            Quick::Converts(_) if matches!(to.kind(), TyKind::Param { .. }) => false,
            Quick::Free | Quick::Converts(_) | Quick::LiteralConverts(_) => {
                x.mode != ParamMode::Inout
            }
            Quick::No => false,
        }
    }

    /// Binds the parameters of the type that the general declaration is a member of, where the type of the specific one is the same, a
    /// subclass, or conforms.
    fn bind_owner(&mut self, specific: DefId, general: DefId, binds: &mut Binds) {
        let db = self.db;
        // Where operators stand says nothing about what they take.
        if decl::is_operator(general.name(db).as_str()) {
            return;
        }
        let container = |def: DefId| def.parent(db).filter(|&p| decl::is_container(db, p));
        let (Some(x), Some(y)) = (container(specific), container(general)) else {
            return;
        };
        let (Some(from), Some(to)) = (declared_self_type(db, x), declared_self_type(db, y)) else {
            return;
        };
        if let Some(protocol) = decl::protocol_of_member(db, general) {
            let saved = std::mem::replace(&mut self.env, specific);
            if self.conforms(from, protocol)
                && let Some(slot) = binds.first_mut()
            {
                *slot = Some(from);
            }
            self.env = saved;
            return;
        }
        if let Some(def) = to.nominal_def()
            && let Some(up) = inherited_type(db, from, def)
            && let Some((_, args)) = up.as_nominal()
        {
            for (slot, arg) in binds.iter_mut().zip(args.iter()) {
                *slot = Some(arg);
            }
        }
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
