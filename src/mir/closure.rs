//! Closures and local functions: values that hold captures, and the bodies that use them.

use super::builder::{Builder, Slot};
use super::captures::thunk_number;
use super::data::*;
use super::place::{Access, Stability, Val};
use super::{FlowKind, MirError};
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::ids::{DefId, DefKind};
use crate::types::ty::{ParamMode, Ty, TyList};

impl<'a> Builder<'a> {
    fn closure_data(&self, n: u32) -> Option<&'a TClosure> {
        self.body.closures.get(n as usize)?.as_ref()
    }

    /// How a closure's parameters are passed.
    pub fn closure_modes(&self, n: u32) -> Vec<ParamMode> {
        let function = self.closure_data(n).and_then(|c| c.ty.as_function());
        function.map_or_else(Vec::new, |f| f.params.iter().map(|p| p.mode).collect())
    }

    /// The implicit captures of a closure that are really held: a `this` that is a known metatype is not.
    fn implicit_captures(&self, n: u32) -> Vec<TLocalId> {
        let list = self.caps.captured.get(&n).cloned().unwrap_or_default();
        let constant = self.this_is_constant();
        list.into_iter()
            .filter(|l| !(constant && self.body.this == Some(*l)))
            .collect()
    }

    /// Whether `this` of the body is a metatype that nobody passes.
    pub fn this_is_constant(&self) -> bool {
        use crate::types::signature::ThisKind;
        match self.facts.kind(self.owner) {
            DefKind::Func | DefKind::Accessor(_) => {
                self.facts.signature(self.owner).this == ThisKind::Metatype
                    && !self.facts.takes_metatype(self.owner)
            }
            DefKind::Binding | DefKind::DefaultArg => self.body.this.is_some_and(|this| {
                matches!(
                    self.body.locals[this].ty.kind(),
                    crate::types::ty::TyKind::Metatype(_)
                )
            }),
            _ => false,
        }
    }

    /// Makes the function value of a closure or local function.
    pub fn closure_value(&mut self, n: u32, ty: Option<Ty>, dest: &Place) {
        self.closure_value_with(n, None, ty, dest, false);
    }

    fn closure_value_with(
        &mut self,
        n: u32,
        args: Option<TyList>,
        ty: Option<Ty>,
        dest: &Place,
        direct: bool,
    ) {
        let Some(closure) = self.closure_data(n) else {
            return self.unsupported("closure");
        };
        let escaping = self.caps.escaping.contains(&n);
        let on_stack = (!escaping || direct) && closure.captures.is_empty();
        let mut captures = Vec::new();
        let mut strong = Vec::new();
        for (local, init) in &closure.captures {
            let decl = &self.body.locals[*local];
            match decl.kind {
                TLocalKind::Weak | TLocalKind::Unowned => {
                    let temp = self.temp(decl.ty);
                    self.into(*init, &temp.into());
                    strong.push(temp);
                    captures.push(Operand::Borrow(temp.into()));
                }
                _ => {
                    let value = self.owned_kept(*init);
                    captures.push(self.consume(value));
                }
            }
        }
        for local in self.implicit_captures(n) {
            let mode = self.caps.mode(&self.facts, self.body, n, local);
            let mut operand = self.capture_operand(local, mode, &mut strong);
            // A context on the stack does not own what it holds; the box is kept by the variable.
            if let (CaptureMode::Box, true, Operand::Copy(boxed)) = (mode, on_stack, &operand) {
                operand = Operand::Borrow(boxed.clone());
            }
            captures.push(operand);
        }
        let id = FnId {
            def: self.owner,
            kind: FnKind::Closure(n),
        };
        let args = args.unwrap_or_else(|| self.type_args(Some(n)));
        self.assign(
            dest.clone(),
            Rvalue::Closure {
                func: id,
                args,
                captures,
                ty: ty.unwrap_or(closure.ty),
                on_stack,
            },
        );
        for temp in strong {
            self.stmt(StatementKind::Destroy(temp.into()));
        }
    }

    /// The generic parameters in scope of a closure, or of the body itself, as arguments: local functions around it may have added some.
    pub fn type_args(&self, context: Option<u32>) -> TyList {
        let mut at = context;
        while let Some(n) = at {
            if let Some(def) = self.closure_data(n).and_then(|closure| closure.def) {
                return self.facts.identity_args(def);
            }
            at = self.caps.parent.get(&n).copied().flatten();
        }
        self.facts.identity_args(self.owner)
    }

    /// What the context of a closure gets for a captured local.
    fn capture_operand(
        &mut self,
        local: TLocalId,
        mode: CaptureMode,
        strong: &mut Vec<Local>,
    ) -> Operand {
        let ty = self.body.locals[local].ty;
        match mode {
            CaptureMode::Value => match self.slots.get(&local) {
                Some(Slot::Place(place)) => Operand::Copy(place.clone()),
                _ => {
                    let lvalue = self.local_lvalue(local, ty);
                    let value = self.read(lvalue);
                    self.consume(value)
                }
            },
            CaptureMode::Box => match self.slots.get(&local) {
                Some(Slot::Place(place) | Slot::Lazy(place, _) | Slot::Weak(place)) => {
                    let mut boxed = place.clone();
                    let value = |proj: &Proj| matches!(proj, Proj::BoxValue(_));
                    let at = boxed.path.iter().rposition(value).unwrap_or(0);
                    boxed.path.truncate(at);
                    Operand::Copy(boxed)
                }
                _ => {
                    self.unsupported("captured variable without box");
                    Operand::Const(Const::Unit)
                }
            },
            CaptureMode::Address => match self.slots.get(&local).cloned() {
                Some(
                    Slot::Place(place)
                    | Slot::Lazy(place, _)
                    | Slot::Weak(place)
                    | Slot::Unowned(place),
                ) => {
                    let raw = self.raw_pointer();
                    let address = self.temp(raw);
                    self.assign(address, Rvalue::AddressOf(place));
                    Operand::Borrow(address.into())
                }
                _ => {
                    self.unsupported("captured variable without storage");
                    Operand::Const(Const::Unit)
                }
            },
            CaptureMode::Weak | CaptureMode::Unowned => {
                let lvalue = self.local_lvalue(local, ty);
                self.push_scope();
                let place = self.begin_access(lvalue, Access::Read);
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(Operand::Copy(place)));
                self.pop_scope();
                strong.push(temp);
                Operand::Borrow(temp.into())
            }
        }
    }

    /// Calls a local function with its captures.
    pub fn call_local(&mut self, n: u32, args: Vec<Argument>, dest: &Place) {
        self.call_local_with(n, None, args, dest);
    }

    pub fn call_local_with(
        &mut self,
        n: u32,
        types: Option<TyList>,
        args: Vec<Argument>,
        dest: &Place,
    ) {
        let Some(closure) = self.closure_data(n) else {
            return self.unsupported("local function");
        };
        let types = types.filter(|t| t.len() >= self.type_args(Some(n)).len());
        let value = self.temp(closure.ty);
        self.closure_value_with(n, types, None, &value.into(), false);
        self.own(value);
        // An error type that depends on the function's own parameters is the one of this call.
        let throws = closure.throws.map(|t| match types {
            Some(types) => t.subst(types.as_slice()),
            None => t,
        });
        self.emit_call(
            dest,
            Callee::Value(Operand::Borrow(value.into())),
            args,
            throws,
        );
    }

    /// A declared function as a value.
    #[allow(clippy::too_many_arguments)]
    pub fn function_value(
        &mut self,
        func: DefId,
        args: TyList,
        this: Option<TExprId>,
        via_super: bool,
        ty: Ty,
        dest: &Place,
    ) {
        if let Some(&n) = self.caps.fn_defs.get(&func) {
            return self.closure_value_with(n, Some(args), Some(ty), dest, false);
        }
        let facts = self.facts;
        let class_init = self.is_class_init(func);
        let needs_this = facts.takes_metatype(func) || class_init;
        let bound = match this {
            Some(this) => {
                let static_member =
                    facts.is_static(func) || facts.kind(func) == DefKind::Init || class_init;
                if static_member && !needs_this {
                    self.rvalue(this);
                    None
                } else {
                    Some(self.owned_kept(this))
                }
            }
            None if needs_this => {
                let of = ty.as_function().map_or(ty, |f| f.result);
                let of = match class_init {
                    true => facts.optional_payload(of).unwrap_or(of),
                    false if facts.is_requirement(func) => {
                        args.as_slice().first().copied().unwrap_or(of)
                    }
                    false => crate::types::declared_self_type(facts.db, func)
                        .map_or(of, |t| t.subst(args.as_slice())),
                };
                Some(Val::Const(Const::Metatype(of)))
            }
            None => None,
        };
        match bound {
            Some(value) => {
                let captured = self.consume(value);
                let _ = via_super;
                self.assign(
                    dest.clone(),
                    Rvalue::Closure {
                        func: FnId {
                            def: func,
                            kind: FnKind::BoundMethodThunk,
                        },
                        args,
                        captures: vec![captured],
                        ty,
                        on_stack: false,
                    },
                );
            }
            None => {
                let kind = match facts.kind(func) {
                    DefKind::Case => FnKind::CaseConstructor,
                    _ => FnKind::Body,
                };
                let callee = match facts.is_requirement(func) {
                    true => Callee::Witness(func, args),
                    false => Callee::Static(FnId { def: func, kind }, args),
                };
                self.assign(dest.clone(), Rvalue::Function { callee, ty });
            }
        }
    }

    /// A declared function, local function or closure as a function of C, which has nowhere to put captures.
    pub fn c_function(&mut self, e: TExprId, ty: Ty, dest: &Place) {
        let (n, args) = match &self.body.exprs[e].kind {
            TExprKind::Closure(n) => (*n, None),
            TExprKind::Local(local) => match self.caps.local_fns.get(local) {
                Some(&n) => (n, None),
                None => return self.unsupported("function pointer"),
            },
            TExprKind::FunctionValue { func, args, .. } => match self.caps.fn_defs.get(func) {
                Some(&n) => (n, Some(*args)),
                None => return self.function_value(*func, *args, None, false, ty, dest),
            },
            _ => return self.unsupported("function pointer"),
        };
        let Some(closure) = self.closure_data(n) else {
            return self.unsupported("closure");
        };
        if !closure.captures.is_empty() || !self.implicit_captures(n).is_empty() {
            let src = Some(self.body.exprs[e].src);
            self.errors.push(MirError {
                kind: FlowKind::CapturesInCFunction {
                    is_local_function: closure.def.is_some(),
                },
                src,
            });
            let nothing = Operand::Const(Const::Zero(ty));
            return self.assign(dest.clone(), Rvalue::Use(nothing));
        }
        let func = FnId {
            def: self.owner,
            kind: FnKind::Closure(n),
        };
        let args = args.unwrap_or_else(|| self.type_args(Some(n)));
        let callee = Callee::Static(func, args);
        self.assign(dest.clone(), Rvalue::Function { callee, ty });
    }

    // Bodies.

    /// Sets up a closure's context and makes its captures known.
    fn bind_captures(&mut self, n: u32, closure: &'a TClosure) {
        let object = self.native_object();
        let context = self.param(object, LocalKind::Borrowed, Some(Name::new("context")));
        let explicit = closure.captures.iter().map(|(local, _)| {
            let mode = match self.body.locals[*local].kind {
                TLocalKind::Weak => CaptureMode::Weak,
                TLocalKind::Unowned => CaptureMode::Unowned,
                _ => CaptureMode::Value,
            };
            (*local, mode)
        });
        let implicit = self.implicit_captures(n);
        let implicit = implicit
            .into_iter()
            .map(|local| (local, self.caps.mode(&self.facts, self.body, n, local)));
        let all: Vec<(TLocalId, CaptureMode)> = explicit.chain(implicit).collect();
        for (i, (local, mode)) in all.into_iter().enumerate() {
            let decl = &self.body.locals[local];
            let ty = match decl.kind {
                TLocalKind::Lazy => self.facts.optional_of(decl.ty),
                _ => decl.ty,
            };
            self.mir.captures.push(CaptureDecl {
                name: decl.name,
                ty,
                mode,
            });
            let capture = Place::from(context).then(Proj::Capture(i as u32));
            let place = match mode {
                CaptureMode::Value | CaptureMode::Weak | CaptureMode::Unowned => capture,
                CaptureMode::Box => match self.facts.weak_cell(ty) {
                    Some((cell, value)) if decl.kind == TLocalKind::Weak => {
                        let cell = capture.then(Proj::BoxValue(cell));
                        cell.then(Proj::Field(value))
                    }
                    _ => capture.then(Proj::BoxValue(ty)),
                },
                CaptureMode::Address => capture.then(Proj::Deref(ty)),
            };
            let slot = match (mode, decl.kind) {
                (CaptureMode::Weak, _)
                | (CaptureMode::Address | CaptureMode::Box, TLocalKind::Weak) => Slot::Weak(place),
                (CaptureMode::Unowned, _) | (CaptureMode::Address, TLocalKind::Unowned) => {
                    Slot::Unowned(place)
                }
                (_, TLocalKind::Lazy) => match self.lazy_init(local) {
                    Some(init) => Slot::Lazy(place, init),
                    None => Slot::Place(place),
                },
                _ => Slot::Place(place),
            };
            self.slots.insert(local, slot);
        }
    }

    fn lazy_init(&self, wanted: TLocalId) -> Option<TExprId> {
        let mut found = None;
        let blocks = std::iter::once(&self.body.root)
            .chain(self.body.closures.iter().flatten().map(|c| &c.body));
        for block in blocks {
            super::visit::each_stmt(self.body, block, &mut |stmt| {
                if let TStmt::LazyLet { local, init } = stmt
                    && *local == wanted
                {
                    found = Some(*init);
                }
            });
        }
        found
    }

    /// Names that every function of the body knows: local functions and accessors.
    pub fn bind_local_functions(&mut self) {
        for (&local, &n) in &self.caps.clone().local_fns {
            self.slots.insert(local, Slot::LocalFn(n));
        }
        let body = self.body;
        let blocks =
            std::iter::once(&body.root).chain(body.closures.iter().flatten().map(|c| &c.body));
        for block in blocks {
            super::visit::each_stmt(body, block, &mut |stmt| {
                if let TStmt::LocalAccessors {
                    local,
                    storage,
                    accessors,
                } = stmt
                {
                    let slot = Slot::Accessed {
                        storage: *storage,
                        accessors,
                    };
                    self.slots.insert(*local, slot);
                }
            });
        }
        if self.this_is_constant()
            && let Some(this) = body.this
            && let crate::types::ty::TyKind::Metatype(of) = body.locals[this].ty.kind()
        {
            self.slots.insert(this, Slot::Metatype(*of));
        }
    }

    /// Builds the body of closure `n`.
    pub fn build_closure(&mut self, n: u32) {
        let Some(closure) = self.closure_data(n) else {
            if let Some(index) = n.checked_sub(self.body.closures.len() as u32) {
                self.build_thunk(TExprId::from_raw(index));
            }
            return;
        };
        self.closure = Some(n);
        self.mir.throws = closure.throws;
        let modes = self.closure_modes(n);
        for (i, &local) in closure.params.iter().enumerate() {
            let mode = modes.get(i).copied().unwrap_or(ParamMode::Borrow);
            self.bind_param(local, mode);
        }
        self.bind_captures(n, closure);
        self.lower_stmts(&closure.body.stmts);
        self.fall_off();
    }

    /// Makes a parameter of the function known as a local.
    pub fn bind_param(&mut self, local: TLocalId, mode: ParamMode) -> Local {
        let decl = &self.body.locals[local];
        let kind = match mode {
            ParamMode::Borrow => LocalKind::Borrowed,
            ParamMode::Owned => LocalKind::Owned,
            ParamMode::Inout => LocalKind::Inout,
        };
        let param = self.param(decl.ty, kind, Some(decl.name));
        self.slots.insert(local, Slot::Place(param.into()));
        if mode == ParamMode::Owned {
            if self.ends_early(local) {
                self.track_consumable(param, local);
                self.add_cleanup(super::builder::Cleanup::Destroy(param.into()));
            } else {
                self.own(param);
            }
        } else if mode == ParamMode::Inout && self.ends_early(local) {
            self.track_consumable(param, local);
        } else if mode == ParamMode::Borrow && self.copyability.noncopyable(decl.ty) {
            self.tracked.push(super::builder::Tracked {
                local: param,
                kind: super::builder::TrackedKind::Borrowed(local),
                name: decl.name,
                immutable: false,
            });
        }
        param
    }

    /// The function that a conversion needs: of function values, or of the elements of collections.
    fn build_thunk(&mut self, e: TExprId) {
        let Some(expr) = self.body.exprs.get(e) else {
            return self.unsupported("thunk");
        };
        self.src = Some(expr.src);
        match &expr.kind {
            TExprKind::Convert {
                kind: Conversion::Function(f),
                expr: inner,
            } => {
                let (from, to) = (self.ty_of(*inner), expr.ty);
                let new_modes = to
                    .as_function()
                    .map_or_else(Vec::new, |t| t.params.iter().map(|p| p.mode).collect());
                self.mir.throws = to.as_function().and_then(|t| t.throws);
                for (i, &local) in f.params.iter().enumerate() {
                    let mode: ParamMode = new_modes.get(i).copied().unwrap_or(ParamMode::Borrow);
                    self.bind_param(local, mode);
                }
                let object = self.native_object();
                let context = self.param(object, LocalKind::Borrowed, Some(Name::new("context")));
                self.mir.captures.push(CaptureDecl {
                    name: Name::new("function"),
                    ty: from,
                    mode: CaptureMode::Value,
                });
                let function = Place::from(context).then(Proj::Capture(0));
                let mut args = Vec::new();
                let old_modes: Vec<ParamMode> = from
                    .as_function()
                    .map_or_else(Vec::new, |t| t.params.iter().map(|p| p.mode).collect());
                for (i, &arg) in f.args.iter().enumerate() {
                    let value = match old_modes.get(i) {
                        Some(ParamMode::Inout) => {
                            let lvalue = self.lvalue(arg);
                            let place = self.begin_access(lvalue, Access::Modify);
                            args.push(Argument::Address(place));
                            continue;
                        }
                        _ => self.owned_kept(arg),
                    };
                    args.push(Argument::Value(match old_modes.get(i) {
                        Some(ParamMode::Owned) => self.consume(value),
                        _ => Self::borrow(&value),
                    }));
                }
                let result_ty = self.body.locals[f.result].ty;
                let result = self.temp(result_ty);
                let throws = from.as_function().and_then(|t| t.throws);
                self.emit_call(
                    &result.into(),
                    Callee::Value(Operand::Borrow(function)),
                    args,
                    throws,
                );
                self.own(result);
                self.slots.insert(f.result, Slot::Place(result.into()));
                let out = self.result_place();
                self.into(f.convert, &out);
                self.emit_cleanups_to(0);
                self.terminate(Terminator::Return);
            }
            TExprKind::Convert {
                kind:
                    Conversion::Collection {
                        elem: local,
                        convert,
                    }
                    | Conversion::Dictionary {
                        pair: local,
                        convert,
                    },
                ..
            } => {
                self.bind_param(*local, ParamMode::Borrow);
                let object = self.native_object();
                self.param(object, LocalKind::Borrowed, Some(Name::new("context")));
                let out = self.result_place();
                self.into(*convert, &out);
                self.emit_cleanups_to(0);
                self.terminate(Terminator::Return);
            }
            _ => self.unsupported("thunk"),
        }
    }

    /// A function value that converts what another one takes and gives.
    pub fn function_thunk(&mut self, e: TExprId, inner: TExprId, ty: Ty, dest: &Place) {
        let value = self.rvalue(inner);
        let inner_ty = self.ty_of(inner);
        let value = self.stabilize(value, inner_ty, Stability::Fixed);
        let captured = self.consume(value);
        let func = FnId {
            def: self.owner,
            kind: FnKind::Closure(thunk_number(self.body, e)),
        };
        self.assign(
            dest.clone(),
            Rvalue::Closure {
                func,
                args: self.type_args(self.closure),
                captures: vec![captured],
                ty,
                on_stack: false,
            },
        );
    }
}
