//! Storage that is read, assigned and passed inout: paths of components and formal accesses to them.
//!
//! Lowering a place has two steps, as the language demands. [`Builder::lvalue`] evaluates what the path needs (objects, subscript indices)
//! from left to right without touching the storage. [`Builder::begin_access`] then opens the access: stored parts are projections, computed parts
//! are read into a temporary by the getter, and, when the access may write, a cleanup writes the temporary back with the setter when the
//! current scope is left. Nested computed parts write back innermost first.

use super::builder::{Builder, Cleanup, Slot, TrackedKind};
use super::call::ArgVal;
use super::data::*;
use super::facts::VarKind;
use super::key_path::{PathComp, PathKind};
use crate::bodies::thir::*;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::types::signature::ThisKind;
use crate::types::ty::{ParamMode, Ty, TyKind, TyList};
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
    /// Cannot be written.
    Never,
}

/// A property or subscript as a component of a path.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub def: DefId,
    pub args: TyList,
    pub ty: Ty,
    pub read: Read,
    pub write: Write,
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
    ty: Ty,
    will: Option<u32>,
    did: Option<u32>,
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

    /// The member that a property or subscript expression means, without its indices.
    pub fn member_of_expr(&mut self, e: TExprId) -> Option<Member> {
        let ty = self.body.exprs[e].ty;
        match &self.body.exprs[e].kind {
            TExprKind::Property {
                base,
                var,
                args,
                via_super,
            } => {
                let base_ty = self.body.exprs[*base].ty;
                let direct = self.is_direct(*base, *var);
                let base = Some((base_ty, direct));
                Some(self.member(*var, *args, ty, base, None, *via_super, Rc::default()))
            }
            TExprKind::Subscript {
                base,
                subscript,
                args,
                via_super,
                ..
            } => {
                let base_ty = self.body.exprs[*base].ty;
                let metatype = self.instance_of_metatype(*subscript, base_ty);
                let base = Some((base_ty, false));
                Some(self.member(
                    *subscript,
                    *args,
                    ty,
                    base,
                    metatype,
                    *via_super,
                    Rc::default(),
                ))
            }
            _ => None,
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

    /// Whether an access through `this` touches the storage itself: in the property's own observers, and in the initialisers of its type.
    fn is_direct(&self, base: TExprId, var: DefId) -> bool {
        let TExprKind::Local(local) = self.body.exprs[base].kind else {
            return false;
        };
        if self.body.this != Some(local) {
            return false;
        }
        if self.direct == Some(var) {
            return true;
        }
        use super::builder::Role;
        self.role != Role::Plain
            && self.facts.nominal(var) == self.facts.nominal(self.owner)
            && self.facts.container(var).map(|c| self.facts.kind(c)) != Some(DefKind::Extension)
            && !matches!(self.facts.var_kind(var), VarKind::Lazy | VarKind::Computed)
    }

    /// Whether a static member of a protocol's extension is one of an existential's metatype, which must be passed to know the type.
    pub fn opens_metatype(&self, def: DefId, args: TyList) -> bool {
        let this = args.as_slice().first();
        this.is_some_and(|t| t.is_existential()) && self.facts.in_protocol(def)
    }

    /// For a static subscript: the type whose metatype the base is.
    fn instance_of_metatype(&self, def: DefId, base: Ty) -> Option<Ty> {
        match base.kind() {
            TyKind::Metatype(t) if self.facts.is_static(def) => Some(*t),
            _ => None,
        }
    }

    /// Decides how a property or subscript is read and written. `base` is the base's type and whether the access is direct.
    #[allow(clippy::too_many_arguments)]
    pub fn member(
        &mut self,
        def: DefId,
        args: TyList,
        ty: Ty,
        base: Option<(Ty, bool)>,
        metatype: Option<Ty>,
        via_super: bool,
        indices: Rc<Vec<(ArgVal, ParamMode)>>,
    ) -> Member {
        let facts = self.facts;
        let direct = base.is_some_and(|b| b.1);
        let kind = match facts.kind(def) {
            DefKind::Var => facts.var_kind(def),
            _ => VarKind::Computed,
        };
        let is_static = facts.is_static(def) || base.is_none();
        // A static member of a metatype that is a value.
        let by_value = facts.is_static(def)
            && base.is_some_and(|b| matches!(b.0.kind(), TyKind::Metatype(_)))
            && metatype.is_none()
            && (facts.takes_metatype(def) || self.opens_metatype(def, args));
        let default_this = match (metatype, is_static) {
            (Some(t), true) => ThisPass::Metatype(t),
            (None, true) if !by_value => ThisPass::None,
            _ => ThisPass::Borrow,
        };
        let pass = |accessor: DefId| match facts.signature(accessor).this {
            _ if is_static => default_this,
            ThisKind::Inout => ThisPass::Inout,
            ThisKind::None | ThisKind::Metatype => default_this,
            ThisKind::Borrow | ThisKind::Owned => ThisPass::Borrow,
        };
        let set_mode = |accessor: DefId| {
            let params = &facts.signature(accessor).params;
            params.last().map_or(ParamMode::Borrow, |p| p.mode)
        };
        let body = |def| FnId {
            def,
            kind: FnKind::Body,
        };
        let synth = |kind| FnId { def, kind };
        let in_class = (!is_static || by_value) && facts.in_class(def);
        let (read, write);
        if let DefKind::Synth(_) = facts.kind(def) {
            read = Read::Call(Callee::Static(body(def), args), default_this);
            write = Write::Never;
        } else if facts.is_requirement(def) {
            let getter = facts.requirement_accessor(def, AccessorKind::Get);
            let setter = facts.requirement_accessor(def, AccessorKind::Set);
            let settable = self.requirement_settable(def);
            read = Read::Call(Callee::Witness(getter, args), pass(getter));
            write = match settable {
                true => Write::Call(
                    Callee::Witness(setter, args),
                    pass(setter),
                    set_mode(setter),
                ),
                false => Write::Never,
            };
        } else if in_class && !via_super && !direct && facts.is_overridable(def) {
            let root = facts.introducing(def);
            let root_args = self.inherited_args(root, def, args, base.map(|b| b.0));
            let get = match facts.accessor(root, AccessorKind::Get) {
                Some(get) => body(get),
                None => FnId {
                    def: root,
                    kind: FnKind::PropertyGet,
                },
            };
            read = Read::Call(Callee::Virtual(get, root_args), ThisPass::Borrow);
            // A setter may be added by an override: then the chain's first settable member introduces it.
            write = match self.introducing_setter(def) {
                Some((set, owner)) => {
                    let set_args = self.inherited_args(owner, def, args, base.map(|b| b.0));
                    let mode = match set.kind {
                        FnKind::Body => set_mode(set.def),
                        _ => ParamMode::Borrow,
                    };
                    Write::Call(Callee::Virtual(set, set_args), ThisPass::Borrow, mode)
                }
                None => Write::Never,
            };
        } else {
            let proj = match in_class {
                true => Proj::ClassField(def),
                false => Proj::Field(def),
            };
            let set_observed = Write::Call(
                Callee::Static(synth(FnKind::PropertySet), args),
                match (is_static, in_class) {
                    (true, _) => ThisPass::None,
                    (_, true) => ThisPass::Borrow,
                    _ => ThisPass::Inout,
                },
                ParamMode::Borrow,
            );
            (read, write) = match kind {
                VarKind::Stored | VarKind::Observed if is_static => (
                    Read::Global,
                    match kind {
                        VarKind::Observed if !direct && self.direct != Some(def) => set_observed,
                        _ => Write::Same,
                    },
                ),
                VarKind::Stored => (Read::Field(proj), Write::Same),
                VarKind::Observed if direct => (Read::Field(proj), Write::Same),
                VarKind::Observed => (Read::Field(proj), set_observed),
                VarKind::Weak if is_static => (Read::Global, Write::Same),
                VarKind::Unowned if is_static => (Read::Global, Write::Same),
                VarKind::Weak => (Read::Weak(proj), Write::Same),
                VarKind::Unowned => (Read::Unowned(proj), Write::Same),
                VarKind::Lazy if is_static => (Read::Global, Write::Same),
                VarKind::Lazy => {
                    let this = if in_class {
                        ThisPass::Borrow
                    } else {
                        ThisPass::Inout
                    };
                    let get = Callee::Static(synth(FnKind::PropertyGet), args);
                    (Read::Call(get, this), set_observed)
                }
                VarKind::Computed if facts.is_observing_override(def) => {
                    let get = Callee::Static(synth(FnKind::PropertyGet), args);
                    (Read::Call(get, ThisPass::Borrow), set_observed)
                }
                VarKind::Computed => {
                    let find = |kind| facts.accessor(def, kind);
                    let call = |d: DefId| Callee::Static(body(d), args);
                    let result = |d: DefId| facts.signature(d).result.subst(args.as_slice());
                    let read = if let Some(get) = find(AccessorKind::Get) {
                        Read::Call(call(get), pass(get))
                    } else if let Some(address) = find(AccessorKind::Address) {
                        Read::Address(call(address), pass(address), result(address))
                    } else if let Some(read) = find(AccessorKind::Read) {
                        Read::Call(call(read), pass(read))
                    } else {
                        Read::Call(
                            Callee::Static(synth(FnKind::PropertyGet), args),
                            default_this,
                        )
                    };
                    let write = if let Some(address) = find(AccessorKind::MutableAddress) {
                        Write::Address(call(address), pass(address), result(address))
                    } else if let Some(set) = find(AccessorKind::Set) {
                        Write::Call(call(set), pass(set), set_mode(set))
                    } else {
                        Write::Never
                    };
                    (read, write)
                }
            };
        }
        Member {
            def,
            args,
            ty,
            read,
            write,
            indices,
        }
    }

    fn requirement_settable(&self, def: DefId) -> bool {
        use crate::items::tree::ItemKind;
        match self.facts.item(def).map(|i| &i.kind) {
            Some(ItemKind::Var(v)) => {
                v.requirement_settable || self.facts.accessor(def, AccessorKind::Set).is_some()
            }
            Some(ItemKind::Subscript(s)) => {
                s.requirement_settable || self.facts.accessor(def, AccessorKind::Set).is_some()
            }
            _ => false,
        }
    }

    /// The setter that the root-most settable member of an override chain has, and that member.
    fn introducing_setter(&self, def: DefId) -> Option<(FnId, DefId)> {
        let mut found = None;
        let mut at = Some(def);
        for _ in 0..1000 {
            let Some(member) = at else { break };
            if let Some(set) = self.facts.accessor(member, AccessorKind::Set) {
                let id = FnId {
                    def: set,
                    kind: FnKind::Body,
                };
                found = Some((id, member));
            } else if self.facts.kind(member) == DefKind::Var
                && (self.facts.has_storage(member) && !self.facts.is_let(member)
                    || self.facts.is_observing_override(member)
                    || self.facts.accessor(member, AccessorKind::Modify).is_some())
            {
                let id = FnId {
                    def: member,
                    kind: FnKind::PropertySet,
                };
                found = Some((id, member));
            }
            at = crate::types::overridden(self.facts.db, member);
        }
        found
    }

    /// Arguments for a member of a superclass, from those of the member that overrides it.
    pub fn inherited_args(
        &self,
        root: DefId,
        def: DefId,
        args: TyList,
        base: Option<Ty>,
    ) -> TyList {
        if root == def {
            return args;
        }
        let base = match base.map(|b| (b, b.kind())) {
            Some((_, TyKind::DynamicSelf(t))) => Some(*t),
            Some((_, TyKind::Metatype(t))) => Some(*t),
            Some((b, _)) => Some(b),
            None => None,
        };
        let owner = self.facts.nominal(root);
        let inherited = base
            .zip(owner)
            .and_then(|(b, o)| crate::types::inherited_type(self.facts.db, b, o));
        match inherited.and_then(Ty::as_nominal) {
            Some((_, outer)) => {
                // The member's own parameters follow those of the class.
                let own = crate::types::generics(self.facts.db, def);
                let own = args
                    .as_slice()
                    .get(own.parent_count as usize..)
                    .unwrap_or(&[]);
                let list: Vec<Ty> = outer.iter().chain(own.iter().copied()).collect();
                TyList::new(&list)
            }
            None => args,
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
        );
        let ty = self.body.exprs[base].ty;
        // The unfinished object of an initialiser is not a value yet.
        let unfinished = self.this_place.is_some()
            && matches!(self.body.exprs[base].kind, TExprKind::Local(l) if self.body.this == Some(l));
        if needs_place || unfinished {
            return self.lvalue(base);
        }
        let takes_base = matches!(member.read, Read::Call(_, ThisPass::Borrow));
        if matches!(self.body.exprs[base].kind, TExprKind::Metatype(_)) && !takes_base {
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

    /// Assigns to an observed local.
    fn store_observed(&mut self, place: &Place, value: Operand, observers: Observers) {
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

    fn member_step(&mut self, base: Place, member: Member, access: Access) -> Place {
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

    fn this_argument(&mut self, this: ThisPass, base: &Place) -> Option<Argument> {
        match this {
            ThisPass::None => None,
            ThisPass::Borrow => Some(Argument::Value(Operand::Borrow(base.clone()))),
            ThisPass::Inout => Some(Argument::Address(base.clone())),
            ThisPass::Metatype(ty) => Some(Argument::Value(Operand::Const(Const::Metatype(ty)))),
        }
    }

    fn index_arguments(&mut self, member: &Member) -> Vec<Argument> {
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

    fn accessor_throws(&self, callee: &Callee) -> Option<Ty> {
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

    fn call_addressor(
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
                    (TrackedKind::Whole | TrackedKind::Consumable | TrackedKind::Fields(_), []) => {
                        true
                    }
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
