//! What is known of opaque types, the `some P` of results and variables.
//!
//! Inside of its declaration's callers an opaque type behaves like a type parameter: it conforms to what its bounds name, its associated types are
//! type parameters as well, and everything that the protocols say of these holds (`some Sequence<Int>` has an `Iterator` whose `Element` is
//! `Int`). So each is given the place of a generic parameter behind those of the declaration, in an environment of its own; questions are
//! translated to that parameter, and the answers back.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::env::GenericEnv;
use crate::types::generics::{Requirement, constrain, generic_env, generics};
use crate::types::signature::opaque_bounds;
use crate::types::ty::{Ty, TyKind, TyList};

/// The environment in which the opaque types of a declaration are type parameters.
#[salsa::tracked(cycle_result = no_env)]
fn opaque_env(db: &dyn Db, def: DefId) -> GenericEnv {
    let mut env = generic_env(db, def).cloned().unwrap_or_default();
    let params = generics(db, def).params.len() as u32;
    for index in 0..opaque_bounds(db, def).len() as u32 {
        env.want(db, stand_in(params, index));
    }
    for requirement in opaque_requirements(db, def) {
        env.want(db, requirement.subject());
        env.add(db, requirement);
    }
    env
}

/// What the bounds of a declaration's opaque types require of them. Each is a type parameter: the first is the one that follows the
/// declaration's own.
pub fn opaque_requirements(db: &dyn Db, def: DefId) -> Vec<Requirement> {
    let params = generics(db, def).params.len() as u32;
    let mut requirements = Vec::new();
    for (index, &bound) in opaque_bounds(db, def).iter().enumerate() {
        // What is wrong with a bound was reported where it is written.
        let subject = stand_in(params, index as u32);
        constrain(
            db,
            subject,
            bound,
            &mut requirements,
            &mut |_| None,
            &mut Vec::new(),
        );
    }
    requirements
}

fn no_env(_: &dyn Db, _: salsa::Id, _: DefId) -> GenericEnv {
    GenericEnv::default()
}

/// The type parameter that stands for an opaque type of a declaration with so many generic parameters.
fn stand_in(params: u32, index: u32) -> Ty {
    Ty::param(params + index, Name::new("some"))
}

/// An opaque type or an associated type of one, as a type parameter of the environment that says what is known of it.
pub struct OpaqueParam<'db> {
    db: &'db dyn Db,
    pub env: &'db GenericEnv,
    pub param: Ty,
    def: DefId,
    args: TyList,
}

impl<'db> OpaqueParam<'db> {
    /// The view of a type; none when it does not begin with an opaque type.
    pub fn of(db: &'db dyn Db, ty: Ty) -> Option<OpaqueParam<'db>> {
        match ty.kind() {
            TyKind::Opaque { def, index, args } => Some(OpaqueParam {
                db,
                env: opaque_env(db, *def),
                param: stand_in(generics(db, *def).params.len() as u32, *index),
                def: *def,
                args: *args,
            }),
            TyKind::Assoc { base, assoc } => {
                let base = OpaqueParam::of(db, *base)?;
                let param = Ty::new(TyKind::Assoc {
                    base: base.param,
                    assoc: *assoc,
                });
                Some(OpaqueParam { param, ..base })
            }
            _ => None,
        }
    }

    /// A type of the environment as those see it who use the opaque type.
    pub fn outside(&self, ty: Ty) -> Ty {
        let count = opaque_bounds(self.db, self.def).len() as u32;
        let opaque = (0..count).map(|index| {
            Ty::new(TyKind::Opaque {
                def: self.def,
                index,
                args: self.args,
            })
        });
        let mut args: Vec<Ty> = self.args.iter().collect();
        args.resize(generics(self.db, self.def).params.len(), Ty::error());
        args.extend(opaque);
        ty.subst(&args)
    }

    /// The simplest name of the same type.
    pub fn reduced(&self) -> Ty {
        self.outside(self.env.reduce(self.db, self.param))
    }

    /// Every protocol that the type is known to conform to.
    pub fn protocols(&self) -> Vec<DefId> {
        let reduced = self.env.reduce(self.db, self.param);
        self.env.protocols_of(self.db, reduced)
    }

    /// The class that the type is known to inherit from.
    pub fn superclass(&self) -> Option<Ty> {
        let reduced = self.env.reduce(self.db, self.param);
        let class = self.env.superclass_of(self.db, reduced)?;
        Some(self.outside(class))
    }

    /// Whether the type is known to be a class.
    pub fn is_class(&self) -> bool {
        let reduced = self.env.reduce(self.db, self.param);
        self.env.is_class(self.db, reduced) || self.superclass().is_some()
    }
}
