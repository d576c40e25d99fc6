//! Properties and subscripts as components of paths: which function or storage reads and writes them.

use super::builder::{Builder, Role};
use super::call::ArgVal;
use super::data::*;
use super::facts::VarKind;
use super::place::{InPlace, Member, Read, ThisPass, Write};
use crate::bodies::thir::*;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::types::signature::ThisKind;
use crate::types::ty::{ParamMode, Ty, TyKind, TyList};
use std::rc::Rc;

impl<'a> Builder<'a> {
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
                let direct = self.is_direct(*base, *var) || self.is_known_metatype(*base);
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
                let base = Some((base_ty, self.is_known_metatype(*base)));
                Some(self.member(*subscript, *args, ty, base, None, *via_super, Rc::default()))
            }
            _ => None,
        }
    }

    /// Whether an access through `this` touches the storage itself: in the property's own observers, and in the initialisers of its type.
    pub fn is_direct(&self, base: TExprId, var: DefId) -> bool {
        let TExprKind::Local(local) = self.body.exprs[base].kind else {
            return false;
        };
        if self.body.this != Some(local) {
            return false;
        }
        if self.direct == Some(var) {
            return true;
        }
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

    /// Whether the expression is the metatype of one class for certain, so that a member of it is known.
    pub fn is_known_metatype(&self, e: TExprId) -> bool {
        match &self.body.exprs[e].kind {
            // A type parameter may be bound to a subclass.
            TExprKind::Metatype(of) => matches!(of.kind(), TyKind::Nominal { .. }),
            TExprKind::Convert {
                kind: Conversion::Metatype | Conversion::Identity | Conversion::Upcast,
                expr,
            } => self.is_known_metatype(*expr),
            _ => false,
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
        let by_value = is_static
            && metatype.is_none()
            && base.is_some()
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
        let in_class = !is_static && facts.in_class(def);
        let (read, write);
        let mut in_place = None;
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
        } else if (in_class || base.is_some() && facts.in_class(def))
            && !via_super
            && !direct
            && facts.is_dispatched(def)
        {
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
            if kind == VarKind::Observed && !direct && self.direct != Some(def) {
                let did = facts.accessor(def, AccessorKind::DidSet);
                in_place = did
                    .filter(|&did| {
                        facts.accessor(def, AccessorKind::WillSet).is_none()
                            && !facts.observer_takes_value(did)
                    })
                    .map(|did| InPlace::DidSet(did, pass(did)));
            }
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
                    in_place = find(AccessorKind::Modify).map(|d| InPlace::Modify(d, pass(d)));
                    let write = if let Some(address) = find(AccessorKind::MutableAddress) {
                        Write::Address(call(address), pass(address), result(address))
                    } else if let Some(set) = find(AccessorKind::Set) {
                        Write::Call(call(set), pass(set), set_mode(set))
                    } else if in_place.is_some() {
                        Write::Modify
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
            in_place,
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
}
