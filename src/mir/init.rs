//! Functions as wholes: parameters, the role of `this`, initialisers, deinitialisers, observers.

use super::builder::{Builder, Cleanup, FieldState, Role, Slot, Storage, TrackedKind};
use super::data::*;
use super::facts::VarKind;
use super::place::{Access, LValue, Stability};
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::tree::ItemKind;
use crate::types::signature::{Signature, ThisKind};
use crate::types::ty::{ParamMode, Ty, TyList};

impl<'a> Builder<'a> {
    /// Builds a declared function, accessor, deinitialiser or value initialiser from its body.
    pub fn build_body(&mut self) {
        let def = self.owner;
        self.mir.transparent = self.facts.is_transparent(def);
        let sig = self.facts.signature(def);
        self.mir.throws = sig.throws;
        self.bind_signature(sig);
        match self.facts.kind(def) {
            DefKind::Init => {
                let failable = self.facts.is_failable(def);
                match self.facts.in_class(def) {
                    true => self.begin_designated(failable),
                    false => self.begin_value_init(failable),
                }
            }
            _ => {
                self.bind_this(def, sig.this);
                if let DefKind::Accessor(AccessorKind::WillSet | AccessorKind::DidSet) =
                    self.facts.kind(def)
                {
                    self.direct = self.facts.parent(def);
                }
            }
        }
        let body = self.body;
        self.lower_stmts(&body.root.stmts);
        self.fall_off();
    }

    /// Makes the parameters known; an observer that does not use its value takes none.
    fn bind_signature(&mut self, sig: &'a Signature) {
        let body = self.body;
        let used = self.facts.observer_takes_value(self.owner);
        for (i, &local) in body.params.iter().enumerate() {
            let mode = sig.params.get(i).map_or(ParamMode::Borrow, |p| p.mode);
            if used {
                self.bind_param(local, mode);
            }
        }
    }

    fn bind_this(&mut self, def: DefId, kind: ThisKind) {
        let Some(this) = self.body.this else {
            // The body does not mention it, but callers pass it.
            if let Some(ty) = crate::types::declared_self_type(self.facts.db, def) {
                match kind {
                    ThisKind::Borrow => {
                        self.param(ty, LocalKind::Borrowed, Some(Name::new("this")));
                    }
                    ThisKind::Inout => {
                        self.param(ty, LocalKind::Inout, Some(Name::new("this")));
                    }
                    ThisKind::Owned => {
                        let this = self.param(ty, LocalKind::Owned, Some(Name::new("this")));
                        self.own(this);
                    }
                    ThisKind::Metatype if self.facts.takes_metatype(def) => {
                        self.param(
                            Ty::metatype(ty),
                            LocalKind::Borrowed,
                            Some(Name::new("this")),
                        );
                    }
                    ThisKind::Metatype | ThisKind::None => {}
                }
            }
            return;
        };
        match kind {
            ThisKind::None => {}
            ThisKind::Metatype if !self.facts.takes_metatype(def) => {}
            ThisKind::Borrow | ThisKind::Metatype => {
                self.bind_param(this, ParamMode::Borrow);
            }
            ThisKind::Inout => {
                self.bind_param(this, ParamMode::Inout);
            }
            ThisKind::Owned => {
                self.bind_param(this, ParamMode::Owned);
            }
        }
    }

    /// Whether the body hands over to another initialiser.
    fn delegates(&self) -> bool {
        let mut found = false;
        for expr in self.body.exprs.values() {
            found |= matches!(&expr.kind, TExprKind::Call(call) if call.delegates);
        }
        found
    }

    fn field_states(&self, nominal: DefId) -> Vec<FieldState> {
        let vars = self.facts.stored_properties(nominal);
        let vars = vars.iter().filter(|v| self.facts.has_storage(**v));
        let state = |&var: &DefId| FieldState {
            var,
            name: self
                .facts
                .item(var)
                .map_or_else(|| self.facts.name(var), |i| i.name),
            immutable: self.facts.is_let(var),
            storage: match self.facts.var_kind(var) {
                VarKind::Weak => Storage::Weak,
                VarKind::Unowned => Storage::Unowned,
                _ => Storage::Strong,
            },
        };
        vars.map(state).collect()
    }

    /// The type that an initialiser makes, without the optional of a failable one.
    fn made_type(&self) -> Ty {
        let result = self.local_ty(self.mir.result);
        let declared = crate::types::declared_self_type(self.facts.db, self.owner);
        declared.unwrap_or_else(|| self.facts.optional_payload(result).unwrap_or(result))
    }

    fn begin_value_init(&mut self, failable: bool) {
        let ty = self.made_type();
        let this = self.local(ty, LocalKind::Var, Some(Name::new("this")));
        self.role = Role::ValueInit { failable };
        self.set_this(this);
        let nominal = ty
            .nominal_def()
            .filter(|d| self.facts.kind(*d) == DefKind::Struct);
        let kind = match nominal {
            Some(nominal) if !self.delegates() => TrackedKind::Fields(self.field_states(nominal)),
            _ => TrackedKind::Whole,
        };
        let fields = matches!(kind, TrackedKind::Fields(_));
        if matches!(&kind, TrackedKind::Fields(list) if list.is_empty()) {
            self.assign(this, Rvalue::Aggregate(ty, Vec::new()));
        }
        self.track(this, kind, None, false);
        self.add_cleanup(Cleanup::Destroy(this.into()));
        if let (true, Some(nominal)) = (fields, nominal) {
            self.init_properties(nominal, &this.into());
        }
    }

    fn set_this(&mut self, this: Local) {
        self.this_place = Some(this.into());
        if let Some(local) = self.body.this {
            self.slots.insert(local, Slot::Place(this.into()));
        }
    }

    /// `this` of a designated initialiser: allocated by the caller, returned when complete.
    fn begin_designated(&mut self, failable: bool) {
        let ty = self.made_type();
        let this = self.param(ty, LocalKind::Owned, Some(Name::new("this")));
        self.role = Role::Designated { failable };
        self.set_this(this);
        let Some(class) = ty.nominal_def() else {
            return self.unsupported("initialiser of something that is no class");
        };
        let has_super = self.facts.superclass(class).is_some();
        self.track(
            this,
            TrackedKind::Object {
                fields: self.field_states(class),
                has_super,
            },
            None,
            false,
        );
        self.add_cleanup(Cleanup::Destroy(this.into()));
        self.init_properties(class, &this.into());
    }

    /// Gives stored properties their initial values, in order.
    pub fn init_properties(&mut self, nominal: DefId, this: &Place) {
        let facts = self.facts;
        let args = facts.identity_args(nominal);
        let in_class = facts.is_class(nominal);
        let mut done: Vec<DefId> = Vec::new();
        for &var in facts.stored_properties(nominal) {
            if !facts.has_storage(var) {
                continue;
            }
            let place = this.then(match in_class {
                true => Proj::ClassField(var),
                false => Proj::Field(var),
            });
            let ty = facts.storage_type(var);
            let binding = facts.var_item(var).and_then(|v| v.binding);
            let vars = match binding.and_then(|b| facts.item(b)).map(|i| &i.kind) {
                Some(ItemKind::Binding(data)) if data.init.is_some() => data.vars.as_slice(),
                _ => &[],
            };
            if facts.var_kind(var) == VarKind::Lazy {
                self.make_none(&place, ty);
                continue;
            }
            let Some(binding) = binding.filter(|_| !vars.is_empty()) else {
                // An optional variable without a value starts as nil.
                if !facts.is_let(var) && facts.optional_payload(ty).is_some() {
                    let nil = self.temp(ty);
                    self.make_none(&nil.into(), ty);
                    self.init_stored(var, place, nil.into(), ty);
                }
                continue;
            };
            if done.contains(&binding) {
                continue;
            }
            done.push(binding);
            let value = self.initial_value(binding, args);
            for &part in vars {
                let Some(item) = facts.var_item(part) else {
                    continue;
                };
                let from = item
                    .path
                    .iter()
                    .fold(Place::from(value), |p, &i| p.then(Proj::Elem(i)));
                let to = this.then(match in_class {
                    true => Proj::ClassField(part),
                    false => Proj::Field(part),
                });
                self.init_stored(part, to, from, facts.storage_type(part));
            }
        }
    }

    /// Calls the function that makes a binding's value.
    pub fn initial_value(&mut self, binding: DefId, args: TyList) -> Local {
        let ty = self.facts.binding_type(binding);
        let value = self.temp(ty);
        let id = FnId {
            def: binding,
            kind: FnKind::InitialValue,
        };
        let throws = self.facts.initial_value_throws(binding);
        self.emit_call(&value.into(), Callee::Static(id, args), Vec::new(), throws);
        value
    }

    /// A convenience initialiser: callers pass the metatype, and `this` comes from the initialiser that it delegates to.
    pub fn build_convenience(&mut self) {
        let def = self.owner;
        let sig = self.facts.signature(def);
        self.mir.throws = sig.throws;
        self.bind_signature(sig);
        let ty = self.made_type();
        self.param(
            Ty::metatype(ty),
            LocalKind::Borrowed,
            Some(Name::new("type")),
        );
        let this = self.local(ty, LocalKind::Var, Some(Name::new("this")));
        self.role = Role::Convenience {
            failable: self.facts.is_failable(def),
        };
        self.set_this(this);
        self.track(this, TrackedKind::Whole, None, false);
        self.add_cleanup(Cleanup::Destroy(this.into()));
        let body = self.body;
        self.lower_stmts(&body.root.stmts);
        self.fall_off();
    }

    /// A class initialiser as callers see it: allocates, then initialises.
    pub fn build_allocate(&mut self) {
        let def = self.owner;
        let sig = self.facts.signature(def);
        self.mir.throws = sig.throws;
        let params = self.forward_params(sig);
        let ty = self.made_type();
        let metatype = self.param(
            Ty::metatype(ty),
            LocalKind::Borrowed,
            Some(Name::new("type")),
        );
        let this = self.temp(ty);
        self.assign(
            this,
            Rvalue::AllocObject {
                class: ty,
                metatype: Some(Operand::Borrow(metatype.into())),
            },
        );
        let mut args = params;
        args.push(Argument::Value(Operand::Move(this.into())));
        let id = FnId {
            def,
            kind: FnKind::Body,
        };
        let callee = Callee::Static(id, self.facts.identity_args(def));
        let result = self.result_place();
        if let Some(error_ty) = sig.throws.filter(|t| !self.facts.is_never(*t)) {
            let error = self.temp(error_ty);
            let (normal, unwind) = (self.block(), self.block());
            self.terminate(Terminator::TryCall {
                dest: result.clone(),
                error: error.into(),
                callee,
                args,
                normal,
                unwind,
            });
            self.switch_to(unwind);
            // The body has given up the object; the memory is left.
            self.stmt(StatementKind::DeallocPartial(this.into()));
            self.terminate(Terminator::Throw(Operand::Move(error.into())));
            self.switch_to(normal);
        } else {
            self.stmt(StatementKind::Call {
                dest: result.clone(),
                callee,
                args,
            });
        }
        if self.facts.is_failable(def) {
            let cond = self.is_case(&result, self.facts.some_case());
            let (some, none) = (self.block(), self.block());
            self.branch(cond, some, none);
            self.switch_to(none);
            self.stmt(StatementKind::DeallocPartial(this.into()));
            self.terminate(Terminator::Return);
            self.switch_to(some);
        }
        self.terminate(Terminator::Return);
    }

    /// Parameters that are passed on unchanged.
    pub fn forward_params(&mut self, sig: &Signature) -> Vec<Argument> {
        let mut args = Vec::new();
        for param in &sig.params {
            let ty = match param.variadic {
                true => self.facts.array_of(param.ty),
                false => param.ty,
            };
            args.push(self.forward_param(ty, param.mode, Some(param.name)));
        }
        args
    }

    pub fn forward_param(&mut self, ty: Ty, mode: ParamMode, name: Option<Name>) -> Argument {
        match mode {
            ParamMode::Borrow => {
                let local = self.param(ty, LocalKind::Borrowed, name);
                Argument::Value(Operand::Borrow(local.into()))
            }
            ParamMode::Owned => {
                let local = self.param(ty, LocalKind::Owned, name);
                Argument::Value(Operand::Move(local.into()))
            }
            ParamMode::Inout => {
                let local = self.param(ty, LocalKind::Inout, name);
                Argument::Address(local.into())
            }
        }
    }

    /// An initialiser that the compiler makes for a class: initial values, then the superclass's initialiser.
    pub fn build_class_synth(&mut self) {
        let def = self.owner;
        let sig = self.facts.signature(def);
        self.mir.throws = sig.throws;
        let params = self.forward_params(sig);
        self.begin_designated(self.facts.is_failable(def));
        let source = match self.facts.kind(def) {
            DefKind::Synth(Synth::InheritedInit) => {
                crate::types::synth::inherited_init_source(self.facts.db, def)
            }
            _ => None,
        };
        self.call_super(source, params);
        self.fall_off();
    }

    /// `super.init(…)` with these arguments; without a given initialiser the one that takes nothing.
    pub fn call_super(&mut self, init: Option<DefId>, mut params: Vec<Argument>) {
        let Some(this) = self.this_place.clone() else {
            return;
        };
        let ty = self.local_ty(this.local);
        let Some(base) = ty.nominal_def().and_then(|c| self.facts.superclass(c)) else {
            return;
        };
        let base = match ty.as_nominal() {
            Some((_, args)) => base.subst(args.as_slice()),
            None => base,
        };
        let init = init.or_else(|| self.facts.default_init(base.nominal_def()?));
        let Some(init) = init else {
            // Only the source can say with which arguments.
            self.errors.push(super::MirError {
                kind: super::FlowKind::SuperInitNotCalled,
                src: None,
            });
            return self.unreachable();
        };
        let sig = self.facts.signature(init);
        let args = base.as_nominal().map_or(TyList::empty(), |(_, args)| args);
        let up = self.temp(base);
        self.assign(
            up,
            Rvalue::Upcast {
                value: Operand::Move(this.clone()),
                to: base,
            },
        );
        params.push(Argument::Value(Operand::Move(up.into())));
        let failable = self.facts.is_failable(init);
        let made_ty = match failable {
            true => self.facts.optional_of(base),
            false => base,
        };
        let made = self.temp(made_ty);
        let id = FnId {
            def: init,
            kind: FnKind::Body,
        };
        let throws = sig.throws.map(|t| t.subst(args.as_slice()));
        self.emit_super_call(made, Callee::Static(id, args), params, throws);
        let mut made = Place::from(made);
        if failable {
            let cond = self.is_case(&made, self.facts.some_case());
            let (some, none) = (self.block(), self.block());
            self.branch(cond, some, none);
            self.switch_to(none);
            self.after_failed_super();
            self.return_nil();
            self.switch_to(some);
            made = made.then(Proj::Payload(self.facts.some_case()));
        }
        self.assign(
            this,
            Rvalue::Upcast {
                value: Operand::Move(made),
                to: ty,
            },
        );
    }

    /// Calls the superclass's initialiser, which may throw.
    pub fn emit_super_call(
        &mut self,
        made: Local,
        callee: Callee,
        args: Vec<Argument>,
        throws: Option<Ty>,
    ) {
        let Some(error_ty) = throws.filter(|t| !self.facts.is_never(*t)) else {
            return self.emit_call(&made.into(), callee, args, None);
        };
        let error = self.temp(error_ty);
        let (normal, unwind) = (self.block(), self.block());
        self.terminate(Terminator::TryCall {
            dest: made.into(),
            error: error.into(),
            callee,
            args,
            normal,
            unwind,
        });
        self.switch_to(unwind);
        self.after_failed_super();
        self.throw_error(error);
        self.switch_to(normal);
    }

    /// The superclass's initialiser has failed. If the object was complete by then, that initialiser has given it up as a whole; else it has
    /// marked the object, and the properties of this class are still to be destroyed.
    pub fn after_failed_super(&mut self) {
        let Some(this) = self.this_place.clone() else {
            return;
        };
        let ty = self.local_ty(this.local);
        // Holds the reference without counting it.
        let same = self.temp(ty);
        self.assign(
            same,
            Rvalue::Upcast {
                value: Operand::Move(this.clone()),
                to: ty,
            },
        );
        let int1 = self.int1();
        let abandoned = self.temp(int1);
        let object = Argument::Value(Operand::Borrow(same.into()));
        self.builtin("isAbandoned", &[ty], vec![object], &abandoned.into());
        let (partial, join) = (self.block(), self.block());
        self.branch(Operand::Borrow(abandoned.into()), partial, join);
        self.switch_to(partial);
        self.destroy_own_properties(&this);
        self.goto(join);
        self.switch_to(join);
        self.stmt(StatementKind::StorageDead(this.local));
    }

    /// Destroys the stored properties that the class itself declares: they go with the failed part of the superclass, before anything
    /// that this initialiser has deferred.
    fn destroy_own_properties(&mut self, this: &Place) {
        let tracked = self.tracked.iter().find(|t| t.local == this.local);
        let Some(TrackedKind::Object { fields, .. }) = tracked.map(|t| &t.kind) else {
            return;
        };
        let fields: Vec<(DefId, Storage)> = fields.iter().map(|f| (f.var, f.storage)).collect();
        for (var, storage) in fields {
            let place = this.then(Proj::ClassField(var));
            self.stmt(match storage {
                Storage::Strong => StatementKind::Destroy(place),
                Storage::Weak => StatementKind::DestroyWeak(place),
                Storage::Unowned => StatementKind::DestroyUnowned(place),
            });
        }
    }

    /// Whether a designated initialiser's body still needs the implicit call of `super.init()`.
    pub fn needs_implicit_super(&self) -> bool {
        let synth = matches!(self.facts.kind(self.owner), DefKind::Synth(_));
        matches!(self.role, Role::Designated { .. }) && !synth && !self.delegates()
    }

    /// Deinitialisers from the class up, then the stored properties from the root down.
    pub fn build_destroy_object(&mut self) {
        let class = self.owner;
        let Some(ty) = crate::types::declared_self_type(self.facts.db, class) else {
            return self.unsupported("destruction of something that is no class");
        };
        let this = self.param(ty, LocalKind::Borrowed, Some(Name::new("this")));
        let mut chain = Vec::new();
        let mut at = Some(ty);
        while let Some((def, args)) = at.and_then(Ty::as_nominal) {
            if chain.len() > 1000 {
                break;
            }
            let local = match chain.is_empty() {
                true => this,
                false => {
                    let up = self.temp(Ty::nominal(def, args.as_slice()));
                    let to = self.local_ty(up);
                    self.assign(
                        up,
                        Rvalue::Upcast {
                            value: Operand::Borrow(this.into()),
                            to,
                        },
                    );
                    up
                }
            };
            chain.push((def, args, local));
            at = self.facts.superclass(def).map(|t| t.subst(args.as_slice()));
        }
        for &(def, args, local) in &chain {
            if let Some(deinit) = self.facts.deinit(def) {
                let unit = self.temp(Ty::unit());
                let id = FnId {
                    def: deinit,
                    kind: FnKind::Body,
                };
                self.stmt(StatementKind::Call {
                    dest: unit.into(),
                    callee: Callee::Static(id, args),
                    args: vec![Argument::Value(Operand::Borrow(local.into()))],
                });
            }
        }
        for &(def, args, local) in chain.iter().rev() {
            for &var in self.facts.stored_properties(def) {
                let place = Place::from(local).then(Proj::ClassField(var));
                match self.facts.var_kind(var) {
                    VarKind::Computed => {}
                    VarKind::Weak => self.stmt(StatementKind::DestroyWeak(place)),
                    VarKind::Unowned => self.stmt(StatementKind::DestroyUnowned(place)),
                    _ => {
                        let ty = self.facts.storage_type(var).subst(args.as_slice());
                        if !self.facts.trivial(ty) {
                            self.stmt(StatementKind::Destroy(place));
                        }
                    }
                }
            }
        }
        self.finish_unit();
    }

    pub fn finish_unit(&mut self) {
        let result = self.result_place();
        self.assign(result, Rvalue::Use(Operand::Const(Const::Unit)));
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    /// A default argument or initial value: gives the body's only value.
    pub fn build_value(&mut self) {
        if let Some(this) = self.body.this
            && !self.this_is_constant()
        {
            self.bind_param(this, ParamMode::Borrow);
        }
        self.mir.throws = self.facts.initial_value_throws(self.owner);
        let body = self.body;
        self.lower_stmts(&body.root.stmts);
        self.fall_off();
    }

    /// The initial value of an optional variable without one.
    pub fn build_nil(&mut self) {
        let result = self.result_place();
        let ty = self.local_ty(self.mir.result);
        self.make_none(&result, ty);
        self.terminate(Terminator::Return);
    }

    /// The program's entry. Errors that nobody catches leave it as errors; its caller prints them.
    pub fn build_main(&mut self) {
        self.mir.throws = Some(self.facts.any_error());
        let body = self.body;
        self.lower_stmts(&body.root.stmts);
        if !self.dead {
            self.finish_unit();
        }
    }

    // Accessors that the compiler makes.

    /// `this` of a property's accessor, as a place, for members that have one.
    fn accessor_this(&mut self, var: DefId, mutating: bool) -> Option<Place> {
        if self.facts.is_static(var) || self.facts.container(var).is_none() {
            if self.facts.takes_metatype(var)
                && let Some(ty) = crate::types::declared_self_type(self.facts.db, var)
            {
                self.param(
                    Ty::metatype(ty),
                    LocalKind::Borrowed,
                    Some(Name::new("this")),
                );
            }
            return None;
        }
        let ty = crate::types::declared_self_type(self.facts.db, var)?;
        let kind = match mutating && !self.facts.in_class(var) {
            true => LocalKind::Inout,
            false => LocalKind::Borrowed,
        };
        let this = self.param(ty, kind, Some(Name::new("this")));
        Some(this.into())
    }

    fn storage_of(&mut self, var: DefId, this: Option<&Place>) -> Place {
        match this {
            Some(this) => this.then(match self.facts.in_class(var) {
                true => Proj::ClassField(var),
                false => Proj::Field(var),
            }),
            None => {
                let args = self.facts.identity_args(var);
                let ty = self.facts.storage_type(var);
                self.global_place(var, args, ty)
            }
        }
    }

    /// The parameters of a subscript whose accessor this is.
    fn index_params(&mut self, def: DefId) -> Vec<(super::call::ArgVal, ParamMode)> {
        use super::call::ArgVal;
        use super::place::Val;
        if self.facts.kind(def) != DefKind::Subscript {
            return Vec::new();
        }
        let sig = self.facts.signature(def);
        let mut out = Vec::new();
        for param in &sig.params {
            let ty = match param.variadic {
                true => self.facts.array_of(param.ty),
                false => param.ty,
            };
            let kind = match param.mode {
                ParamMode::Owned => LocalKind::Owned,
                _ => LocalKind::Borrowed,
            };
            let local = self.param(ty, kind, Some(param.name));
            if param.mode == ParamMode::Owned {
                self.own(local);
            }
            out.push((
                ArgVal::Val(Val::Place(local.into(), Stability::Fixed), ty),
                param.mode,
            ));
        }
        out
    }

    pub fn build_property_get(&mut self) {
        let var = self.owner;
        let indices = self.index_params(var);
        let kind = match self.facts.kind(var) {
            DefKind::Var => self.facts.var_kind(var),
            _ => VarKind::Computed,
        };
        let this = self.accessor_this(var, kind == VarKind::Lazy);
        let result = self.result_place();
        if kind == VarKind::Lazy {
            let storage = self.storage_of(var, this.as_ref());
            let ty = self.facts.var_type(var);
            let binding = self.facts.var_item(var).and_then(|v| v.binding);
            let args = self.facts.identity_args(var);
            self.fill_lazy(&storage, ty, |b, dest| {
                let Some(def) = binding else { return };
                let id = FnId {
                    def,
                    kind: FnKind::InitialValue,
                };
                let takes_this = b.facts.initial_value_takes_this(def);
                let args_list = this
                    .iter()
                    .filter(|_| takes_this)
                    .map(|t| Argument::Value(Operand::Borrow(t.clone())))
                    .collect();
                b.emit_call(dest, Callee::Static(id, args), args_list, None);
            });
            let payload = storage.then(Proj::Payload(self.facts.some_case()));
            self.assign(result, Rvalue::Use(Operand::Copy(payload)));
        } else {
            self.push_scope();
            let lvalue = self.accessor_lvalue(var, this.as_ref(), indices);
            let place = self.begin_access(lvalue, Access::Read);
            self.assign(result, Rvalue::Use(Operand::Copy(place)));
            self.pop_scope();
        }
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    /// The member itself, or what an override that only observes inherits.
    fn accessor_lvalue(
        &mut self,
        var: DefId,
        this: Option<&Place>,
        indices: Vec<(super::call::ArgVal, ParamMode)>,
    ) -> LValue {
        use super::place::Comp;
        let mut target = var;
        let mut args = self.facts.identity_args(var);
        let base_ty = this.map(|p| self.local_ty(p.local));
        if self.facts.is_observing_override(var)
            && let Some(up) = crate::types::overridden(self.facts.db, var)
        {
            args = self.inherited_args(up, var, args, base_ty);
            target = up;
        }
        let ty = match self.facts.kind(target) {
            DefKind::Subscript => self.facts.signature(target).result,
            _ => self.facts.var_type(target),
        };
        let ty = ty.subst(args.as_slice());
        let member = self.member(
            target,
            args,
            ty,
            base_ty.map(|t| (t, false)),
            None,
            true,
            std::rc::Rc::new(indices),
        );
        let root = match this {
            Some(this) => this.clone(),
            None => Place::from(self.temp(Ty::unit())),
        };
        LValue::root(root, ty, Stability::Shared).with(Comp::Member(member))
    }

    /// Calls an observer with the value that it wants, if any.
    fn call_observer(&mut self, accessor: DefId, value: Option<&Place>, this: Option<&Place>) {
        let sig = self.facts.signature(accessor);
        let mut args = Vec::new();
        if let Some(value) = value
            && self.facts.observer_takes_value(accessor)
        {
            let mode = sig.params.first().map_or(ParamMode::Borrow, |p| p.mode);
            args.push(Argument::Value(match mode {
                ParamMode::Owned => Operand::Copy(value.clone()),
                _ => Operand::Borrow(value.clone()),
            }));
        }
        if let Some(this) = this {
            args.push(match sig.this {
                ThisKind::Inout => Argument::Address(this.clone()),
                _ => Argument::Value(Operand::Borrow(this.clone())),
            });
        }
        let unit = self.temp(Ty::unit());
        let id = FnId {
            def: accessor,
            kind: FnKind::Body,
        };
        let types = self.facts.identity_args(self.owner);
        self.emit_call(&unit.into(), Callee::Static(id, types), args, None);
    }

    pub fn build_property_set(&mut self) {
        let var = self.owner;
        let indices = self.index_params(var);
        let ty = match self.facts.kind(var) {
            DefKind::Subscript => self.facts.signature(var).result,
            _ => self.facts.var_type(var),
        };
        let kind = match self.facts.kind(var) {
            DefKind::Var => self.facts.var_kind(var),
            _ => VarKind::Computed,
        };
        let value = self.param(ty, LocalKind::Borrowed, Some(Name::new("newValue")));
        let this = self.accessor_this(var, true);
        let this = this.as_ref();
        let will = self.facts.accessor(var, AccessorKind::WillSet);
        let did = self.facts.accessor(var, AccessorKind::DidSet);
        let wants_old = did.is_some_and(|d| self.facts.observer_takes_value(d));
        match kind {
            VarKind::Lazy => {
                let storage = self.storage_of(var, this);
                let optional = self.facts.optional_of(ty);
                let new = self.temp(optional);
                self.make_some(&new.into(), optional, Operand::Copy(value.into()));
                self.replace(&storage, Operand::Move(new.into()), optional);
            }
            VarKind::Observed | VarKind::Weak | VarKind::Unowned
                if will.is_some() || did.is_some() =>
            {
                if let Some(will) = will {
                    self.call_observer(will, Some(&value.into()), this);
                }
                let storage = self.storage_of(var, this);
                let old = wants_old
                    .then(|| self.owned_temp(ty, Rvalue::Use(Operand::Copy(storage.clone()))));
                self.replace(&storage, Operand::Copy(value.into()), ty);
                if let Some(did) = did {
                    let old = old.map(Place::from);
                    self.call_observer(did, old.as_ref(), this);
                }
            }
            _ => {
                if let Some(will) = will {
                    self.call_observer(will, Some(&value.into()), this);
                }
                let observing = self.facts.is_observing_override(var);
                let old = (observing && wants_old).then(|| {
                    let lvalue = self.accessor_lvalue(var, this, Vec::new());
                    let old = self.temp(ty);
                    self.push_scope();
                    let place = self.begin_access(lvalue, Access::Read);
                    self.assign(old, Rvalue::Use(Operand::Copy(place)));
                    self.pop_scope();
                    self.own(old);
                    old
                });
                self.push_scope();
                let lvalue = self.accessor_lvalue(var, this, indices);
                self.store(lvalue, Operand::Copy(value.into()));
                self.pop_scope();
                if let Some(did) = did.filter(|_| observing) {
                    let old = old.map(Place::from);
                    self.call_observer(did, old.as_ref(), this);
                }
            }
        }
        self.finish_unit();
    }
}
