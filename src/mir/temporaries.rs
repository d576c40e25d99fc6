//! How long temporaries live.
//!
//! The temporaries of a call's receiver and arguments die right after the call, those that a property or element is read from right after
//! the reading. What remains, such as a called closure, dies with the full expression.

use super::builder::{Builder, Cleanup};
use super::data::*;
use super::place::{Stability, Val};
use crate::bodies::thir::TExprId;
use crate::types::ty::Ty;

impl<'a> Builder<'a> {
    /// Evaluates in a scope of its own: what the value is read from dies at once, and the value itself lives on in the scope around.
    pub fn in_own_scope(&mut self, ty: Ty, f: impl FnOnce(&mut Self) -> Val) -> Val {
        self.push_scope();
        let value = f(self);
        if matches!(value, Val::Place(..)) && self.copyability.noncopyable(ty) {
            // It can only be borrowed, and what it lies in lives as long.
            let cleanups = self.scopes.pop().map(|s| s.cleanups).unwrap_or_default();
            if let Some(scope) = self.scopes.last_mut() {
                scope.cleanups.extend(cleanups);
            }
            return value;
        }
        let kept = match self.scopes.last() {
            // Nothing dies here: the value may stay where it is.
            Some(scope) if scope.cleanups.is_empty() => value,
            _ => self.kept_value(value, ty),
        };
        self.pop_scope();
        if let Val::Owned(local) = kept {
            self.own(local);
        }
        kept
    }

    /// The value as one that the cleanups of the innermost scope leave alone.
    fn kept_value(&mut self, value: Val, ty: Ty) -> Val {
        let local = match &value {
            Val::Const(_) => return value,
            Val::Owned(local) => Some(*local),
            Val::Place(place, _) => place.is_local().then_some(place.local),
        };
        match local {
            Some(local) if self.dies_here(local) => {
                self.forget(local);
                Val::Owned(local)
            }
            _ if matches!(&value, Val::Place(p, Stability::Fixed) if !self.dies_here(p.local)) => {
                value
            }
            _ => {
                let operand = self.consume(value);
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(operand));
                Val::Owned(temp)
            }
        }
    }

    /// Whether the innermost scope destroys the local when it is left.
    fn dies_here(&self, local: Local) -> bool {
        let dies =
            |c: &Cleanup| matches!(c, Cleanup::Destroy(p) if p.is_local() && p.local == local);
        self.scopes
            .last()
            .is_some_and(|s| s.cleanups.iter().any(dies))
    }

    /// Evaluates for the effect, with nothing left afterwards; the parts of a tuple one after the other.
    pub fn discard(&mut self, e: TExprId) {
        if let crate::bodies::thir::TExprKind::Tuple(elems) = &self.body.exprs[e].kind {
            for &elem in elems {
                self.discard(elem);
            }
            return;
        }
        self.push_scope();
        self.rvalue(e);
        self.pop_scope();
    }
}
