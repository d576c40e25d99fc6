//! Storage that is read, assigned and passed inout: paths of components and formal accesses to them.
//!
//! Lowering a place has two steps, as the language demands. [`Builder::lvalue`] evaluates what the path needs (objects, subscript indices)
//! from left to right without touching the storage. [`Builder::begin_access`] then opens the access: stored parts are projections, computed parts
//! are read into a temporary by the getter, and, when the access may write, a cleanup writes the temporary back with the setter when the
//! current scope is left. Nested computed parts write back innermost first.

use super::builder::{Builder, Cleanup, Slot};
use super::call::ArgVal;
use super::data::*;
use super::facts::VarKind;
use super::key_path::{PathComp, PathKind};
use crate::bodies::thir::*;
use crate::items::ids::{AccessorKind, DefId};
use crate::types::ty::{ParamMode, Ty, TyList};
use std::rc::Rc;

/// How long what a borrowed place holds stays the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stability {
    /// Anybody may change it.
    Shared,
    /// Only code of this function changes it, and that is seen when it is built.
    Own,
    /// Nothing changes it while it is in scope.
    Fixed,
}

/// A value while an expression is built.
#[derive(Clone, Debug)]
pub(super) enum Val {
    /// A temporary at +1 whose cleanup is registered.
    Owned(Local),
    /// Storage that may be read now.
    Place(Place, Stability),
    Const(Const),
}

/// Whether an access may change the storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read,
    Modify,
}

/// How a member's function gets `this`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ThisPass {
    None,
    Borrow,
    Inout,
    Metatype(Ty),
}

/// How a member is read.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Field(Proj),
    Weak(Proj),
    Unowned(Proj),
    Call(Callee, ThisPass),
    /// An addressor: the call gives a pointer to the value.
    Address(Callee, ThisPass, Ty),
    /// A stored global or static variable.
    Global,
    Closure(u32),
}

/// How a member is written.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// As it is read: in place.
    Same,
    Call(Callee, ThisPass, ParamMode),
    Address(Callee, ThisPass, Ty),
    Closure(u32),
    /// There is only a `_modify`: see [`Member::in_place`].
    Modify,
    /// Cannot be written.
    Never,
}

/// An access to a member's storage: an accessor that has a part in it, and what that gets as `this`.
#[derive(Clone, Copy, Debug)]
pub(super) enum InPlace {
    /// `_modify` lends the storage.
    Modify(DefId, ThisPass),
    /// Only a `didSet` that does not ask for the old value is to be told. The storage is found as for reading.
    DidSet(DefId, ThisPass),
}

impl InPlace {
    fn this(self) -> ThisPass {
        match self {
            InPlace::Modify(_, this) | InPlace::DidSet(_, this) => this,
        }
    }
}

/// A property or subscript as a component of a path.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub def: DefId,
    pub args: TyList,
    pub ty: Ty,
    pub read: Read,
    pub write: Write,
    /// How an access that may read and write gets at the storage itself, without the getter and setter.
    pub in_place: Option<InPlace>,
    pub indices: Rc<Vec<(ArgVal, ParamMode)>>,
}

#[derive(Clone, Debug)]
pub(super) enum Comp {
    Proj(Proj),
    Force {
        implicit: bool,
    },
    Member(Member),
    /// A weak or unowned local: the path so far is its storage.
    Weak(Ty),
    Unowned(Ty),
    /// A lazy local: storage so far, the initial value.
    Lazy(TExprId, Ty),
    /// An observed local: storage so far.
    Observed(Observers),
    KeyPath(PathComp),
}

/// The observers of a local variable, as closures of the body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observers {
    pub ty: Ty,
    pub will: Option<u32>,
    pub did: Option<u32>,
}

/// A path to storage, evaluated but not yet accessed.
#[derive(Clone, Debug)]
pub(super) struct LValue {
    pub root: Place,
    pub comps: Vec<Comp>,
    pub ty: Ty,
    pub stability: Stability,
}

/// What ends a formal access to a computed place.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and few at a time")]
pub(super) enum Writeback {
    /// Calls the setter with the temporary.
    Set {
        member: Member,
        base: Place,
        temp: Local,
        src: Option<crate::items::hir::ExprId>,
    },
    Weak {
        place: Place,
        temp: Local,
    },
    Unowned {
        place: Place,
        temp: Local,
    },
    Observed {
        place: Place,
        temp: Local,
        observers: Observers,
    },
    KeyPath {
        base: Place,
        temp: Local,
        comp: PathComp,
    },
    /// Tells an observer, unless an error has ended the access.
    DidSet {
        accessor: DefId,
        args: TyList,
        this: ThisPass,
        base: Place,
        always: bool,
    },
    /// Runs the rest of a `_modify` accessor.
    EndAccess {
        accessor: DefId,
        args: TyList,
        frame: Local,
    },
}

impl<'a> Builder<'a> {
    /// Evaluates the parts of a place expression.
    pub fn lvalue(&mut self, e: TExprId) -> LValue {
        let expr = &self.body.exprs[e];
        let ty = expr.ty;
        match &expr.kind {
            TExprKind::Local(local) => self.local_lvalue(*local, ty),
            TExprKind::Static { var, args } => {
                let this = match self.facts.takes_metatype(*var) {
                    true => crate::types::declared_self_type(self.facts.db, *var)
                        .map(|t| t.subst(args.as_slice())),
                    false => None,
                };
                let member = self.member(*var, *args, ty, None, this, false, Rc::default());
                self.static_lvalue(member)
            }
            TExprKind::Property { base, .. } => {
                let base = *base;
                match self.member_of_expr(e) {
                    Some(member) => self.member_lvalue(base, member),
                    None => LValue::root(self.temp(ty).into(), ty, Stability::Fixed),
                }
            }
            TExprKind::Subscript {
                base,
                subscript,
                args,
                indices,
                ..
            } => {
                let Some(mut member) = self.member_of_expr(e) else {
                    return LValue::root(self.temp(ty).into(), ty, Stability::Fixed);
                };
                // The base comes before the indices; of a mutable base only what its own path needs is evaluated.
                let mut lvalue = self.base_lvalue(*base, &member);
                member.indices = Rc::new(self.index_values(*subscript, indices, *args));
                lvalue.push(Comp::Member(member), ty);
                lvalue
            }
            TExprKind::TupleElem { base, index } => {
                let mut lvalue = self.lvalue(*base);
                lvalue.push(Comp::Proj(Proj::Elem(*index)), ty);
                lvalue
            }
            TExprKind::ForceUnwrap { base, implicit } => {
                let mut lvalue = self.lvalue(*base);
                lvalue.push(
                    Comp::Force {
                        implicit: *implicit,
                    },
                    ty,
                );
                lvalue
            }
            TExprKind::ChainLink(base) if self.is_place(*base) => {
                let lvalue = self.lvalue(*base);
                let place = self.begin_access(lvalue, Access::Modify);
                let payload = self.chain_payload(place);
                LValue::root(payload, ty, Stability::Shared)
            }
            TExprKind::LetIn { local, init, body } => {
                self.bind_let(*local, *init);
                self.lvalue(*body)
            }
            TExprKind::Convert {
                kind: Conversion::Identity,
                expr,
            } => {
                let mut lvalue = self.lvalue(*expr);
                lvalue.ty = ty;
                lvalue
            }
            TExprKind::KeyPathAccess { base, key_path } => {
                self.key_path_lvalue(*base, *key_path, ty)
            }
            _ => {
                // Not storage: a temporary stands in, as for a method of a value that needs an address only to be called.
                let temp = self.temp(ty);
                self.into(e, &temp.into());
                self.own(temp);
                LValue::root(temp.into(), ty, Stability::Fixed)
            }
        }
    }

    /// Whether the expression denotes storage.
    pub fn is_place(&self, e: TExprId) -> bool {
        match &self.body.exprs[e].kind {
            TExprKind::Local(_)
            | TExprKind::Static { .. }
            | TExprKind::Property { .. }
            | TExprKind::Subscript { .. }
            | TExprKind::KeyPathAccess { .. } => true,
            TExprKind::TupleElem { base, .. }
            | TExprKind::ForceUnwrap { base, .. }
            | TExprKind::ChainLink(base) => self.is_place(*base),
            _ => false,
        }
    }

    pub fn local_lvalue(&mut self, local: TLocalId, ty: Ty) -> LValue {
        let stability = self.local_stability(local);
        match self.slots.get(&local).cloned() {
            Some(Slot::Place(place)) => LValue::root(place, ty, stability),
            Some(Slot::Weak(place)) => {
                LValue::root(place, ty, Stability::Shared).with(Comp::Weak(ty))
            }
            Some(Slot::Unowned(place)) => {
                LValue::root(place, ty, Stability::Shared).with(Comp::Unowned(ty))
            }
            Some(Slot::Lazy(place, init)) => {
                LValue::root(place, ty, Stability::Shared).with(Comp::Lazy(init, ty))
            }
            Some(Slot::Accessed { storage, accessors }) => {
                let find = |kind: AccessorKind| {
                    accessors.iter().find(|(k, _)| *k == kind).map(|(_, n)| *n)
                };
                if let Some(storage) = storage {
                    // The observers run around the assignment.
                    let lvalue = self.local_lvalue(storage, ty);
                    let comp = Comp::Observed(Observers {
                        ty,
                        will: find(AccessorKind::WillSet),
                        did: find(AccessorKind::DidSet),
                    });
                    return LValue {
                        stability: Stability::Shared,
                        ..lvalue.with(comp)
                    };
                }
                let read = find(AccessorKind::Get).map_or(Read::Global, Read::Closure);
                let write = find(AccessorKind::Set).map_or(Write::Never, Write::Closure);
                let unit = self.temp(Ty::unit());
                LValue::root(unit.into(), ty, Stability::Shared).with(Comp::Member(Member {
                    def: self.owner,
                    args: TyList::empty(),
                    ty,
                    read,
                    write,
                    in_place: None,
                    indices: Rc::default(),
                }))
            }
            Some(Slot::Metatype(of)) => {
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(Operand::Const(Const::Metatype(of))));
                LValue::root(temp.into(), ty, Stability::Fixed)
            }
            Some(Slot::LocalFn(n)) => {
                let temp = self.temp(ty);
                self.closure_value(n, None, &temp.into());
                self.own(temp);
                LValue::root(temp.into(), ty, Stability::Fixed)
            }
            None => {
                self.unsupported("variable without storage");
                let temp = self.temp(ty);
                LValue::root(temp.into(), ty, Stability::Fixed)
            }
        }
    }

    pub fn local_stability(&self, local: TLocalId) -> Stability {
        use TLocalKind::*;
        if self.caps.shared.contains(&local) {
            return Stability::Shared;
        }
        match self.body.locals.get(local).map(|l| l.kind) {
            Some(Let | Param) if !self.caps.consumed.contains(&local) => Stability::Fixed,
            Some(Let | Param | Var | OwnedParam | InoutParam) => Stability::Own,
            _ => Stability::Shared,
        }
    }

    fn static_lvalue(&mut self, member: Member) -> LValue {
        let ty = member.ty;
        if let (Read::Global, Write::Same) = (&member.read, &member.write) {
            let place = self.global_place(member.def, member.args, ty);
            let stability = match self.facts.is_let(member.def) {
                true => Stability::Fixed,
                false => Stability::Shared,
            };
            return match self.facts.var_kind(member.def) {
                VarKind::Weak => LValue::root(place, ty, Stability::Shared).with(Comp::Weak(ty)),
                VarKind::Unowned => {
                    LValue::root(place, ty, Stability::Shared).with(Comp::Unowned(ty))
                }
                _ => LValue::root(place, ty, stability),
            };
        }
        let unit = self.temp(Ty::unit());
        LValue::root(unit.into(), ty, Stability::Shared).with(Comp::Member(member))
    }

    fn member_lvalue(&mut self, base: TExprId, member: Member) -> LValue {
        let ty = member.ty;
        let mut lvalue = self.base_lvalue(base, &member);
        lvalue.push(Comp::Member(member), ty);
        lvalue
    }

    /// The base of a member as a path where the member may change it, else as a value.
    fn base_lvalue(&mut self, base: TExprId, member: &Member) -> LValue {
        let needs_place = matches!(
            (&member.read, &member.write),
            (
                Read::Field(Proj::Field(_))
                    | Read::Weak(Proj::Field(_))
                    | Read::Unowned(Proj::Field(_)),
                _,
            ) | (Read::Call(_, ThisPass::Inout), _)
                | (
                    _,
                    Write::Call(_, ThisPass::Inout, _) | Write::Address(_, ThisPass::Inout, _)
                )
        ) || matches!(member.in_place.map(InPlace::this), Some(ThisPass::Inout));
        let ty = self.body.exprs[base].ty;
        // The unfinished object of an initialiser is not a value yet.
        let unfinished = self.this_place.is_some()
            && matches!(self.body.exprs[base].kind, TExprKind::Local(l) if self.body.this == Some(l));
        if needs_place || unfinished {
            return self.lvalue(base);
        }
        let is_metatype = matches!(self.body.exprs[base].kind, TExprKind::Metatype(_));
        let takes_base = matches!(member.read, Read::Call(_, ThisPass::Borrow));
        if is_metatype && !takes_base {
            let unit = self.temp(Ty::unit());
            return LValue::root(unit.into(), Ty::unit(), Stability::Fixed);
        }
        let value = self.rvalue(base);
        let value = self.stabilize(value, ty, Stability::Fixed);
        let place = self.place_of(value, ty);
        LValue::root(place, ty, Stability::Fixed)
    }

    /// Opens an access: the place may be used until the current scope is left.
    pub fn begin_access(&mut self, lvalue: LValue, access: Access) -> Place {
        let mut place = lvalue.root;
        let mutating = |comp: &Comp| match comp {
            Comp::Lazy(..) => true,
            Comp::Member(m) => matches!(m.read, Read::Call(_, ThisPass::Inout)),
            _ => false,
        };
        // A mutating getter makes everything before it an access that may write.
        let first_read = lvalue.comps.iter().rposition(mutating).unwrap_or(0);
        for (i, comp) in lvalue.comps.into_iter().enumerate() {
            let access = if i < first_read {
                Access::Modify
            } else {
                access
            };
            place = self.step(place, comp, access);
        }
        place
    }

    fn step(&mut self, place: Place, comp: Comp, access: Access) -> Place {
        match comp {
            Comp::Proj(proj) => place.then(proj),
            Comp::Force { implicit } => {
                self.check_some(&place, implicit);
                place.then(Proj::Payload(self.facts.some_case()))
            }
            Comp::Weak(ty) => {
                let temp = self.owned_temp(ty, Rvalue::LoadWeak(place.clone()));
                if access == Access::Modify {
                    self.forget(temp);
                    self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::Weak { place, temp })));
                }
                temp.into()
            }
            Comp::Unowned(ty) => {
                let temp = self.owned_temp(ty, Rvalue::LoadUnowned(place.clone()));
                if access == Access::Modify {
                    self.forget(temp);
                    self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::Unowned {
                        place,
                        temp,
                    })));
                }
                temp.into()
            }
            Comp::Lazy(init, ty) => {
                self.fill_lazy(&place, ty, |b, dest| b.into(init, dest));
                place.then(Proj::Payload(self.facts.some_case()))
            }
            Comp::Observed(observers) => {
                if access == Access::Read {
                    return place;
                }
                let temp = self.temp(observers.ty);
                self.assign(temp, Rvalue::Use(Operand::Copy(place.clone())));
                self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::Observed {
                    place,
                    temp,
                    observers,
                })));
                temp.into()
            }
            Comp::KeyPath(comp) => {
                let temp = self.temp(comp.value);
                self.read_path(&place, &comp, &temp.into());
                match (access, comp.kind) {
                    (Access::Modify, PathKind::Write | PathKind::Reference) => {
                        let base = place;
                        self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::KeyPath {
                            base,
                            temp,
                            comp,
                        })));
                    }
                    _ => self.own(temp),
                }
                temp.into()
            }
            Comp::Member(member) => self.member_step(place, member, access),
        }
    }

    pub fn member_step(&mut self, base: Place, member: Member, access: Access) -> Place {
        if access == Access::Read || matches!(member.write, Write::Same | Write::Never) {
            return match &member.read {
                Read::Field(proj) => base.then(*proj),
                Read::Weak(proj) => {
                    let place = base.then(*proj);
                    self.step(place, Comp::Weak(member.ty), access)
                }
                Read::Unowned(proj) => {
                    let place = base.then(*proj);
                    self.step(place, Comp::Unowned(member.ty), access)
                }
                Read::Global => self.global_place(member.def, member.args, member.ty),
                Read::Address(callee, this, pointer) => {
                    self.call_addressor(callee.clone(), *this, &member, &base, *pointer)
                }
                Read::Call(..) | Read::Closure(_) => {
                    let temp = self.temp(member.ty);
                    self.call_getter(&member, &base, &temp.into());
                    self.own(temp);
                    temp.into()
                }
            };
        }
        if let Write::Address(callee, this, pointer) = &member.write {
            return self.call_addressor(callee.clone(), *this, &member, &base, *pointer);
        }
        match member.in_place {
            Some(InPlace::Modify(accessor, this)) => {
                return self.begin_modify(accessor, this, &member, &base);
            }
            Some(InPlace::DidSet(accessor, this)) => {
                let place = self.member_step(base.clone(), member.clone(), Access::Read);
                // Observers of variables outside of types run even when an error ends the access.
                let always = self.facts.container(accessor).is_none();
                self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::DidSet {
                    accessor,
                    args: member.args,
                    this,
                    base,
                    always,
                })));
                return place;
            }
            None => {}
        }
        let temp = self.temp(member.ty);
        self.read_member_into(&member, &base, &temp.into());
        let src = self.src;
        self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::Set {
            member,
            base,
            temp,
            src,
        })));
        temp.into()
    }

    /// Initialises `dest` with a copy of what the member holds.
    pub fn read_member_into(&mut self, member: &Member, base: &Place, dest: &Place) {
        match &member.read {
            Read::Call(..) | Read::Closure(_) => self.call_getter(member, base, dest),
            Read::Weak(proj) => self.assign(dest.clone(), Rvalue::LoadWeak(base.then(*proj))),
            Read::Unowned(proj) => self.assign(dest.clone(), Rvalue::LoadUnowned(base.then(*proj))),
            _ => {
                let place = self.member_step(base.clone(), member.clone(), Access::Read);
                self.assign(dest.clone(), Rvalue::Use(Operand::Copy(place)));
            }
        }
    }

    pub fn this_argument(&mut self, this: ThisPass, base: &Place) -> Option<Argument> {
        match this {
            ThisPass::None => None,
            ThisPass::Borrow => Some(Argument::Value(Operand::Borrow(base.clone()))),
            ThisPass::Inout => Some(Argument::Address(base.clone())),
            ThisPass::Metatype(ty) => Some(Argument::Value(Operand::Const(Const::Metatype(ty)))),
        }
    }

    pub fn index_arguments(&mut self, member: &Member) -> Vec<Argument> {
        let indices = member.indices.clone();
        indices
            .iter()
            .map(|(value, mode)| self.reusable_argument(value, *mode))
            .collect()
    }

    fn call_getter(&mut self, member: &Member, base: &Place, dest: &Place) {
        match &member.read {
            Read::Call(callee, this) => {
                let mut args = self.index_arguments(member);
                args.extend(self.this_argument(*this, base));
                let throws = self.accessor_throws(callee);
                self.emit_call(dest, callee.clone(), args, throws);
            }
            Read::Closure(n) => self.call_local(*n, Vec::new(), dest),
            _ => self.unsupported("getter"),
        }
    }

    pub fn accessor_throws(&self, callee: &Callee) -> Option<Ty> {
        match callee {
            Callee::Static(id, args) | Callee::Virtual(id, args) if id.kind == FnKind::Body => {
                let throws = self.facts.signature(id.def).throws;
                throws.map(|t| t.subst(args.as_slice()))
            }
            Callee::Witness(def, args) => {
                let throws = self.facts.signature(*def).throws;
                throws.map(|t| t.subst(args.as_slice()))
            }
            _ => None,
        }
    }

    pub fn call_addressor(
        &mut self,
        callee: Callee,
        this: ThisPass,
        member: &Member,
        base: &Place,
        pointer: Ty,
    ) -> Place {
        let temp = self.temp(pointer);
        let mut args = self.index_arguments(member);
        args.extend(self.this_argument(this, base));
        self.emit_call(&temp.into(), callee, args, None);
        let mut place = Place::from(temp);
        // Pointers are structures around the raw pointer.
        if let Some(&raw) = pointer
            .nominal_def()
            .and_then(|d| self.facts.stored_properties(d).first())
        {
            place = place.then(Proj::Field(raw));
        }
        place.then(Proj::Deref(member.ty))
    }

    /// Traps unless the optional holds a value.
    pub fn check_some(&mut self, place: &Place, implicit: bool) {
        let cond = self.is_case(place, self.facts.some_case());
        let (ok, nil) = (self.block(), self.block());
        self.branch(cond, ok, nil);
        self.switch_to(nil);
        self.trap(match implicit {
            true => TrapKind::ImplicitNilUnwrap,
            false => TrapKind::NilUnwrap,
        });
        self.switch_to(ok);
    }

    pub fn is_case(&mut self, place: &Place, case: DefId) -> Operand {
        let int1 = self.int1();
        let temp = self.temp(int1);
        self.assign(temp, Rvalue::IsCase(place.clone(), case));
        Operand::Borrow(temp.into())
    }

    /// The payload of the optional of a chain link; leaves the chain when there is none.
    pub fn chain_payload(&mut self, place: Place) -> Place {
        let cond = self.is_case(&place, self.facts.some_case());
        let (some, none) = (self.block(), self.block());
        self.branch(cond, some, none);
        self.switch_to(none);
        match self.chains.last().copied() {
            Some(target) => self.jump(target),
            None => self.unsupported("optional chain without extent"),
        }
        self.switch_to(some);
        place.then(Proj::Payload(self.facts.some_case()))
    }

    /// Makes sure that lazy storage (an optional) holds its value.
    pub fn fill_lazy(&mut self, storage: &Place, ty: Ty, init: impl FnOnce(&mut Self, &Place)) {
        let cond = self.is_case(storage, self.facts.some_case());
        let (some, none) = (self.block(), self.block());
        self.branch(cond, some, none);
        self.switch_to(none);
        let value = self.temp(ty);
        self.push_scope();
        init(self, &value.into());
        self.pop_scope();
        let optional = self.facts.optional_of(ty);
        let new = self.temp(optional);
        self.make_some(&new.into(), optional, Operand::Move(value.into()));
        self.replace(storage, Operand::Move(new.into()), optional);
        self.goto(some);
        self.switch_to(some);
    }
}

impl LValue {
    pub fn root(root: Place, ty: Ty, stability: Stability) -> LValue {
        LValue {
            root,
            comps: Vec::new(),
            ty,
            stability,
        }
    }
    pub fn with(mut self, comp: Comp) -> LValue {
        self.comps.push(comp);
        self
    }
    pub fn push(&mut self, comp: Comp, ty: Ty) {
        self.comps.push(comp);
        self.ty = ty;
    }
}
