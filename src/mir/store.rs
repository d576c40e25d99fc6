//! Writing to storage: assignments, setters, observers, and the write-backs that end accesses to computed places.

use super::builder::{Builder, TrackedKind};
use super::data::*;
use super::place::{
    Access, Comp, LValue, Member, Observers, Read, Stability, ThisPass, Write, Writeback,
};
use crate::types::ty::{ParamMode, Ty};

impl<'a> Builder<'a> {
    /// Assigns to an observed local.
    pub fn store_observed(&mut self, place: &Place, value: Operand, observers: Observers) {
        let Observers { ty, will, did } = observers;
        let value = self.settled(value, ty);
        let takes_value = |n: u32| {
            let closure = self.body.closures.get(n as usize).and_then(Option::as_ref);
            closure.is_some_and(|c| !c.params.is_empty())
        };
        let (will_takes, did_takes) = (will.is_some_and(takes_value), did.is_some_and(takes_value));
        let unit = Place::from(self.temp(Ty::unit()));
        if let Some(n) = will {
            let new = match &value {
                Operand::Move(p) | Operand::Copy(p) | Operand::Borrow(p) => {
                    Operand::Borrow(p.clone())
                }
                Operand::Const(c) => Operand::Const(*c),
            };
            let args = if will_takes {
                vec![Argument::Value(new)]
            } else {
                Vec::new()
            };
            self.call_local(n, args, &unit);
        }
        let old = did_takes.then(|| self.owned_temp(ty, Rvalue::Use(Operand::Copy(place.clone()))));
        self.replace(place, value, ty);
        if let Some(n) = did {
            let args = old.map(|o| Argument::Value(Operand::Borrow(o.into())));
            self.call_local(n, args.into_iter().collect(), &unit);
        }
    }

    /// A temporary at +1 holding this value.
    pub fn owned_temp(&mut self, ty: Ty, value: Rvalue) -> Local {
        let temp = self.temp(ty);
        self.assign(temp, value);
        self.own(temp);
        temp
    }

    /// Calls a member's setter with an owned value.
    pub fn call_setter(&mut self, member: &Member, base: &Place, value: Operand) {
        let unit = self.temp(Ty::unit());
        match &member.write {
            Write::Call(callee, this, mode) => {
                let (operand, destroy) = self.operand_for_mode(value, *mode, member.ty);
                let mut args = self.index_arguments_for_set(member, operand);
                args.extend(self.this_argument(*this, base));
                let throws = self.accessor_throws(callee);
                if let Some(temp) = destroy {
                    self.own(temp);
                }
                self.emit_call(&unit.into(), callee.clone(), args, throws);
                if let Some(temp) = destroy {
                    self.forget(temp);
                    self.stmt(StatementKind::Destroy(temp.into()));
                }
            }
            Write::Closure(n) => {
                let (operand, destroy) = self.operand_for_mode(value, ParamMode::Borrow, member.ty);
                self.call_local(*n, vec![Argument::Value(operand)], &unit.into());
                if let Some(temp) = destroy {
                    self.stmt(StatementKind::Destroy(temp.into()));
                }
            }
            Write::Address(callee, this, pointer) => {
                let place = self.call_addressor(callee.clone(), *this, member, base, *pointer);
                self.replace(&place, value, member.ty);
            }
            Write::Same => {
                let place = self.member_step(base.clone(), member.clone(), Access::Read);
                self.replace(&place, value, member.ty);
            }
            Write::Modify => {
                self.push_scope();
                let place = self.member_step(base.clone(), member.clone(), Access::Modify);
                self.replace(&place, value, member.ty);
                self.pop_scope();
            }
            Write::Never => self.unsupported("assignment to a value that cannot be set"),
        }
    }

    /// A subscript's setter takes the new value after the indices.
    fn index_arguments_for_set(&mut self, member: &Member, value: Operand) -> Vec<Argument> {
        let mut args = self.index_arguments(member);
        args.push(Argument::Value(value));
        args
    }

    /// An owned operand for a parameter of this mode; a temporary that has to be destroyed after the call when the parameter is borrowed.
    fn operand_for_mode(
        &mut self,
        value: Operand,
        mode: ParamMode,
        ty: Ty,
    ) -> (Operand, Option<Local>) {
        if mode == ParamMode::Owned {
            return (value, None);
        }
        match value {
            Operand::Move(place) if place.is_local() => {
                let local = place.local;
                let destroy = (!self.facts.trivial(ty)).then_some(local);
                (Operand::Borrow(place), destroy)
            }
            Operand::Copy(place) | Operand::Move(place) if self.facts.trivial(ty) => {
                (Operand::Borrow(place), None)
            }
            Operand::Const(c) => (Operand::Const(c), None),
            other => {
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(other));
                (Operand::Borrow(temp.into()), Some(temp))
            }
        }
    }

    /// Ends an access to a computed place.
    pub fn write_back(&mut self, writeback: &Writeback) {
        match writeback {
            Writeback::Set {
                member,
                base,
                temp,
                src,
            } => {
                let saved = std::mem::replace(&mut self.src, *src);
                self.call_setter(member, base, Operand::Move((*temp).into()));
                self.src = saved;
            }
            Writeback::Observed {
                place,
                temp,
                observers,
            } => self.store_observed(place, Operand::Move((*temp).into()), *observers),
            Writeback::DidSet { always: false, .. } if self.unwinding => {}
            Writeback::DidSet {
                accessor,
                args,
                this,
                base,
                ..
            } => {
                let id = FnId {
                    def: *accessor,
                    kind: FnKind::Body,
                };
                let unit = self.temp(Ty::unit());
                let this = self.this_argument(*this, base).into_iter().collect();
                self.emit_call(&unit.into(), Callee::Static(id, *args), this, None);
            }
            Writeback::EndAccess {
                accessor,
                args,
                frame,
            } => self.end_modify(*accessor, *args, *frame),
            Writeback::KeyPath { base, temp, comp } => {
                self.write_path(base, comp, Operand::Move((*temp).into()));
            }
            Writeback::Weak { place, temp } => {
                self.stmt(StatementKind::StoreWeak {
                    place: place.clone(),
                    value: Operand::Borrow((*temp).into()),
                    init: false,
                });
                self.stmt(StatementKind::Destroy((*temp).into()));
            }
            Writeback::Unowned { place, temp } => {
                self.stmt(StatementKind::StoreUnowned {
                    place: place.clone(),
                    value: Operand::Borrow((*temp).into()),
                    init: false,
                });
                self.stmt(StatementKind::Destroy((*temp).into()));
            }
        }
    }

    /// Assigns an owned value to a place.
    pub fn store(&mut self, lvalue: LValue, value: Operand) {
        let LValue {
            root,
            mut comps,
            ty,
            ..
        } = lvalue;
        let Some(last) = comps.pop() else {
            self.replace(&root, value, ty);
            return;
        };
        let access = match &last {
            Comp::Member(m) => match (&m.read, &m.write) {
                (
                    _,
                    Write::Call(_, ThisPass::Borrow | ThisPass::None | ThisPass::Metatype(_), _),
                ) => Access::Read,
                (
                    Read::Field(Proj::ClassField(_)) | Read::Weak(Proj::ClassField(_)),
                    Write::Same,
                ) => Access::Read,
                _ => Access::Modify,
            },
            _ => Access::Modify,
        };
        let base = self.begin_access(
            LValue {
                root,
                comps,
                ty,
                stability: Stability::Shared,
            },
            access,
        );
        match last {
            Comp::Proj(proj) => self.replace(&base.then(proj), value, ty),
            Comp::Force { implicit } => {
                self.check_some(&base, implicit);
                let place = base.then(Proj::Payload(self.facts.some_case()));
                self.replace(&place, value, ty);
            }
            Comp::Observed(observers) => self.store_observed(&base, value, observers),
            Comp::KeyPath(comp) => self.write_path(&base, &comp, value),
            Comp::Weak(_) => self.store_weak(base, value, ty),
            Comp::Unowned(_) => self.store_unowned(base, value, ty),
            Comp::Lazy(_, payload) => {
                let optional = self.facts.optional_of(payload);
                let temp = self.temp(optional);
                self.make_some(&temp.into(), optional, value);
                self.replace(&base, Operand::Move(temp.into()), optional);
            }
            Comp::Member(member) => match (&member.read, &member.write) {
                (Read::Weak(proj), Write::Same) => self.store_weak(base.then(*proj), value, ty),
                (Read::Unowned(proj), Write::Same) => {
                    self.store_unowned(base.then(*proj), value, ty)
                }
                (Read::Field(proj), Write::Same) => self.replace(&base.then(*proj), value, ty),
                _ => self.call_setter(&member, &base, value),
            },
        }
    }

    fn store_weak(&mut self, place: Place, value: Operand, ty: Ty) {
        let (value, destroy) = self.operand_for_mode(value, ParamMode::Borrow, ty);
        let init = self.is_tracked_uninit(&place);
        self.stmt(StatementKind::StoreWeak { place, value, init });
        if let Some(temp) = destroy {
            self.stmt(StatementKind::Destroy(temp.into()));
        }
    }

    fn store_unowned(&mut self, place: Place, value: Operand, ty: Ty) {
        let (value, destroy) = self.operand_for_mode(value, ParamMode::Borrow, ty);
        let init = self.is_tracked_uninit(&place);
        self.stmt(StatementKind::StoreUnowned { place, value, init });
        if let Some(temp) = destroy {
            self.stmt(StatementKind::Destroy(temp.into()));
        }
    }

    /// Whether data flow decides if the place already holds a value.
    pub fn is_tracked(&self, place: &Place) -> bool {
        self.tracked.iter().any(|t| {
            t.local == place.local
                && match (&t.kind, place.path.as_slice()) {
                    (
                        TrackedKind::Whole
                        | TrackedKind::Consumable { .. }
                        | TrackedKind::Parts { .. }
                        | TrackedKind::Fields(_),
                        [],
                    ) => true,
                    (TrackedKind::Boxed(_), [Proj::BoxValue(_)]) => true,
                    (TrackedKind::Fields(fields), [Proj::Field(var)])
                    | (TrackedKind::Object { fields, .. }, [Proj::ClassField(var)]) => {
                        fields.iter().any(|f| f.var == *var)
                    }
                    _ => false,
                }
        })
    }
    /// Stores to weak storage that data flow tracks start as initialisations; the pass turns later ones into assignments.
    fn is_tracked_uninit(&self, place: &Place) -> bool {
        self.is_tracked(place)
    }

    /// Puts an owned value into a place that holds one (or, where data flow decides, may hold one). The old value is destroyed after
    /// the new one is in place, so that its deinitialiser sees the new state.
    pub fn replace(&mut self, place: &Place, value: Operand, ty: Ty) {
        if self.is_tracked(place) {
            let value = self.settled(value, ty);
            self.stmt(StatementKind::Destroy(place.clone()));
            self.assign(place.clone(), Rvalue::Use(value));
        } else if self.facts.trivial(ty) {
            self.assign(place.clone(), Rvalue::Use(value));
        } else {
            let value = self.settled(value, ty);
            let old = self.temp(ty);
            self.assign(old, Rvalue::Use(Operand::Move(place.clone())));
            self.assign(place.clone(), Rvalue::Use(value));
            self.stmt(StatementKind::Destroy(old.into()));
        }
    }

    /// The value out of the place that it is copied from, which may be about to change.
    fn settled(&mut self, value: Operand, ty: Ty) -> Operand {
        match value {
            Operand::Copy(_) => {
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(value));
                Operand::Move(temp.into())
            }
            other => other,
        }
    }
}
