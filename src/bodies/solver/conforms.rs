//! Whether types conform, inherit, and are references: what requirements ask of types that may be known only in part.

use crate::bodies::check::Checker;
use crate::items::ids::DefId;
use crate::types::conformance::{Conformance, conformance};
use crate::types::lang::{LangItem, lang};
use crate::types::nominal::inherited_type;
use crate::types::protocols::inherited_protocols;
use crate::types::ty::{Ty, TyKind};

use super::{FailKind, Loc, Rel, Step, fail, wait};

impl<'db> Checker<'db> {
    pub fn step_conforms(&mut self, ty: Ty, protocol: DefId, loc: Loc) -> Step {
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return wait(var);
        }
        if ty.is_error() {
            return Step::Solved;
        }
        let ty = self.table.resolve(ty);
        let ty = self.norm(ty);
        if !ty.has_infer() {
            if self.conforms(ty, protocol) {
                return Step::Solved;
            }
            return fail(FailKind::NoConformance(ty, protocol), loc);
        }
        // Parts are unknown: find the declaration that gives the conformance and demand its conditions of the parts.
        if let TyKind::Existential(_) = ty.kind() {
            return match self.existential_conforms(ty, protocol) {
                true => Step::Solved,
                false => fail(FailKind::NoConformance(ty, protocol), loc),
            };
        }
        let blurred = ty.map(&mut |t| match t.kind() {
            TyKind::Infer(_) => Some(Ty::error()),
            _ if !t.has_infer() => Some(t),
            _ => None,
        });
        match conformance(self.db, Some(self.env), blurred, protocol) {
            Some(Conformance::Declared {
                nominal, source, ..
            }) => {
                let args = match ty.as_nominal() {
                    Some((def, args)) if def == nominal => args,
                    _ => match inherited_type(self.db, ty, nominal).and_then(Ty::as_nominal) {
                        Some((_, args)) => args,
                        None => return Step::Solved,
                    },
                };
                if source != nominal {
                    self.require_all(source, args.as_slice(), 0, loc);
                }
                Step::Solved
            }
            Some(_) => Step::Solved,
            None => fail(FailKind::NoConformance(ty, protocol), loc),
        }
    }

    /// Whether a known type conforms, in the body's environment. An existential stands for the value inside where its protocol allows it.
    pub fn conforms(&self, ty: Ty, protocol: DefId) -> bool {
        if ty.is_error() {
            return true;
        }
        if let TyKind::DynamicSelf(t) = ty.kind() {
            return self.conforms(*t, protocol);
        }
        if ty.is_existential() && self.existential_conforms(ty, protocol) {
            return true;
        }
        crate::types::conformance::conforms(self.db, Some(self.env), ty, protocol)
    }

    /// Whether a type is an existential whose values conform.
    pub fn contains_conforming(&self, ty: Ty, protocol: DefId) -> bool {
        let TyKind::Existential(e) = ty.kind() else {
            return false;
        };
        let mut protocols = e.protocols.iter();
        protocols.any(|&p| p == protocol || inherited_protocols(self.db, p).contains(&protocol))
    }

    fn existential_conforms(&self, ty: Ty, protocol: DefId) -> bool {
        let TyKind::Existential(e) = ty.kind() else {
            return false;
        };
        let db = self.db;
        let marker = [LangItem::Copyable, LangItem::Escapable, LangItem::Sendable];
        if marker.into_iter().any(|item| lang(db, item) == protocol) {
            return true;
        }
        // Two values of these need not have one type.
        let own = [LangItem::Equatable, LangItem::Comparable];
        if own.into_iter().any(|item| lang(db, item) == protocol) {
            return e
                .superclass
                .is_some_and(|class| self.conforms(class, protocol));
        }
        e.protocols
            .iter()
            .any(|&p| p == protocol || inherited_protocols(db, p).contains(&protocol))
            || e.superclass
                .is_some_and(|class| self.conforms(class, protocol))
    }

    pub fn step_superclass(&mut self, ty: Ty, class: Ty, loc: Loc) -> Step {
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return wait(var);
        }
        let class = self.table.shallow(class);
        if ty.is_error() || class.is_error() {
            return Step::Solved;
        }
        let from = self.superclass_bound(ty).unwrap_or(ty);
        if let Some(def) = class.nominal_def()
            && let Some(up) = inherited_type(self.db, from, def)
        {
            return self.relate_sub(Rel::Equal, up, class, loc);
        }
        fail(FailKind::NoSuperclass(ty, class), loc)
    }

    pub fn step_class_bound(&mut self, ty: Ty, loc: Loc) -> Step {
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return wait(var);
        }
        if ty.is_error() || self.is_class(ty) {
            return Step::Solved;
        }
        fail(FailKind::NotClass(ty), loc)
    }
}
