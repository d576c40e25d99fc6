//! Initialisers that delegate: `this.init(…)` and `super.init(…)`.

use super::builder::{Builder, Role};
use super::data::*;
use crate::bodies::thir::*;
use crate::types::ty::{ParamMode, Ty, TyKind};

impl<'a> Builder<'a> {
    /// `this.init(…)` and `super.init(…)`; `forced` with a `!` after it.
    pub fn lower_delegation(&mut self, call: &'a TCall, ty: Ty, dest: &Place, forced: bool) {
        let facts = self.facts;
        let sig = facts.signature(call.func);
        let values = self.arg_values(&call.params, Some((call.func, call.args)), false);
        let modes: Vec<ParamMode> = sig.params.iter().map(|p| p.mode).collect();
        let throws = match call.throws {
            true => Some(
                sig.throws
                    .unwrap_or_else(|| facts.any_error())
                    .subst(call.args.as_slice()),
            ),
            false => None,
        };
        let Some(this) = self.this_place.clone() else {
            return self.unsupported("delegation outside of an initialiser");
        };
        let this_ty = self.local_ty(this.local);
        // What the delegate makes: the value, or an optional of it.
        let failable = self.facts.optional_payload(sig.result).is_some()
            && self.facts.optional_payload(this_ty).is_none();
        let made_ty = match failable {
            true => facts.optional_of(this_ty),
            false => this_ty,
        };
        let made = self.temp(made_ty);
        self.push_scope();
        let mut args = self.arguments(values, &modes);
        let callee = match self.role {
            Role::Designated { .. } => {
                let base = facts.nominal(self.owner).and_then(|c| facts.superclass(c));
                let up = self.temp(base.unwrap_or(this_ty));
                let value = Operand::Move(this.clone());
                let to = self.local_ty(up);
                self.assign(up, Rvalue::Upcast { value, to });
                args.push(Argument::Value(Operand::Move(up.into())));
                Callee::Static(
                    FnId {
                        def: call.func,
                        kind: FnKind::Body,
                    },
                    call.args,
                )
            }
            Role::Convenience { .. } => {
                let id = FnId {
                    def: call.func,
                    kind: FnKind::Allocate,
                };
                if let Some(metatype) = self.mir.params.last() {
                    args.push(Argument::Value(Operand::Borrow((*metatype).into())));
                }
                match facts.is_overridable_init(call.func) {
                    true => Callee::Virtual(self.introducing_id(id), call.args),
                    false => Callee::Static(id, call.args),
                }
            }
            _ if facts.is_requirement(call.func) => {
                args.push(Argument::Value(Operand::Const(Const::Metatype(this_ty))));
                Callee::Witness(call.func, call.args)
            }
            _ => Callee::Static(
                FnId {
                    def: call.func,
                    kind: FnKind::Body,
                },
                call.args,
            ),
        };
        match self.role {
            Role::Designated { .. } => self.emit_super_call(made, callee, args, throws),
            _ => self.emit_call(&made.into(), callee, args, throws),
        }
        self.pop_scope();
        if failable {
            let made = Place::from(made);
            let cond = self.is_case(&made, facts.some_case());
            let (some, none) = (self.block(), self.block());
            self.branch(cond, some, none);
            self.switch_to(none);
            if matches!(self.role, Role::Designated { .. }) {
                self.after_failed_super();
            }
            // Without `!` the failure is this initialiser's own.
            match self.role {
                _ if forced => self.trap(TrapKind::NilUnwrap),
                Role::ValueInit { failable: true }
                | Role::Designated { failable: true }
                | Role::Convenience { failable: true } => self.return_nil(),
                _ => self.trap(TrapKind::NilUnwrap),
            }
            self.switch_to(some);
            let payload = made.then(Proj::Payload(facts.some_case()));
            self.assign_this(Operand::Move(payload));
        } else {
            self.assign_this(Operand::Move(made.into()));
        }
        // The expression has no value of interest; where it is asked for as an optional, it worked.
        if ty.is_unit() {
            self.assign(dest.clone(), Rvalue::Use(Operand::Const(Const::Unit)));
        } else if self.is_optional(ty) {
            if self.facts.optional_payload(ty).is_some_and(Ty::is_unit) {
                self.make_some(dest, ty, Operand::Const(Const::Unit));
            } else {
                self.make_some(dest, ty, Operand::Copy(this));
            }
        } else if !matches!(ty.kind(), TyKind::Error) {
            self.assign(dest.clone(), Rvalue::Use(Operand::Copy(this)));
        }
    }

    /// Puts the value that an initialiser was delegated to make into `this`.
    fn assign_this(&mut self, value: Operand) {
        let Some(this) = self.this_place.clone() else {
            return;
        };
        let ty = self.local_ty(this.local);
        if matches!(self.role, Role::Designated { .. }) {
            // The object comes back typed as the superclass.
            self.assign(this, Rvalue::Upcast { value, to: ty });
        } else {
            self.stmt(StatementKind::Destroy(this.clone()));
            self.assign(this, Rvalue::Use(value));
        }
    }
}
