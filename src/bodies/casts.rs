//! Casts whose outcome the types decide: they are not wrong, but say something that their author did not mean.

use crate::bodies::check::Checker;
use crate::bodies::thir::DynamicCast;
use crate::items::Anchor;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::types::lang::{LangItem, is_lang, optional_payload};
use crate::types::nominal::is_subclass;
use crate::types::ty::{Ty, TyKind};

/// What is known about a cast before the program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Succeeds,
    Fails,
    Open,
}

impl Checker<'_> {
    /// Warns about a cast that always or never succeeds.
    pub fn warn_known_cast(&mut self, expr: ExprId, kind: DynamicCast, from: Ty, to: Ty) {
        if from.has_error() || to.has_error() || self.out.has_errors {
            return;
        }
        let outcome = self.cast_outcome(from, to);
        let (shown, target) = (self.show(from), self.show(to));
        let message = match (outcome, kind) {
            (Outcome::Open, _) => return,
            (Outcome::Fails, _) => {
                format!("cast from '{shown}' to unrelated type '{target}' always fails")
            }
            (Outcome::Succeeds, DynamicCast::Is) => "'is' test is always true".to_owned(),
            (Outcome::Succeeds, DynamicCast::Conditional) => {
                format!("conditional cast from '{shown}' to '{target}' always succeeds")
            }
            (Outcome::Succeeds, DynamicCast::Forced) if from == to => {
                format!("forced cast of '{shown}' to same type has no effect")
            }
            (Outcome::Succeeds, DynamicCast::Forced) => format!(
                "forced cast from '{shown}' to '{target}' always succeeds; did you mean to use 'as'?"
            ),
        };
        self.warning("known-cast", Anchor::Expr(self.def, expr), message);
    }

    fn cast_outcome(&self, from: Ty, to: Ty) -> Outcome {
        if from == to {
            return Outcome::Succeeds;
        }
        // Optionals are looked through: whether there is a value shows when the program runs.
        if let Some(payload) = optional_payload(self.db, from) {
            let target = optional_payload(self.db, to).unwrap_or(to);
            return match self.cast_outcome(payload, target) {
                Outcome::Fails => Outcome::Fails,
                _ => Outcome::Open,
            };
        }
        if let Some(payload) = optional_payload(self.db, to) {
            return self.cast_outcome(from, payload);
        }
        let (TyKind::Nominal { def: a, .. }, TyKind::Nominal { def: b, .. }) =
            (from.kind(), to.kind())
        else {
            return self.cast_to_existential(from, to);
        };
        // A hashable value may stand behind an `AnyHashable`.
        let erased = |ty| is_lang(self.db, ty, LangItem::AnyHashable);
        if erased(from) || erased(to) {
            return Outcome::Open;
        }
        let class = |def: &DefId| def.kind(self.db) == DefKind::Class;
        match (class(a), class(b)) {
            (true, true) if is_subclass(self.db, *a, *b) => Outcome::Succeeds,
            (true, true) if is_subclass(self.db, *b, *a) => Outcome::Open,
            // Collections are cast element by element.
            (false, false) if a == b => Outcome::Open,
            _ => Outcome::Fails,
        }
    }

    fn cast_to_existential(&self, from: Ty, to: Ty) -> Outcome {
        let TyKind::Existential(existential) = to.kind() else {
            return Outcome::Open;
        };
        let concrete = matches!(from.kind(), TyKind::Nominal { .. });
        let plain = existential.superclass.is_none()
            && !existential.class_bound
            && existential.bindings.is_empty();
        let conforms = |&protocol| self.conforms(from, protocol);
        match concrete && plain && existential.protocols.iter().all(conforms) {
            true => Outcome::Succeeds,
            false => Outcome::Open,
        }
    }
}
