//! Calls: arguments from left to right, then the accesses of inout arguments, then the call, then the write-backs.

use super::builder::Builder;
use super::data::*;
use super::place::{Access, LValue, Stability, Val};
use super::visit;
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::ids::{DefId, DefKind};
use crate::types::lang::{self, LangItem};
use crate::types::signature::ThisKind;
use crate::types::ty::{ParamMode, Ty, TyList};

/// An argument that has been evaluated, but whose access has not begun.
#[derive(Clone, Debug)]
pub(super) enum ArgVal {
    Val(Val, Ty),
    Inout(LValue),
    /// Storage of an access that is open.
    Place(Place),
}

impl<'a> Builder<'a> {
    /// Whether evaluating the expression may change a variable of this function that nobody else can reach. True for whatever is not
    /// obviously harmless.
    pub fn writes(&self, e: TExprId) -> bool {
        let Some(expr) = self.body.exprs.get(e) else {
            return true;
        };
        match &expr.kind {
            TExprKind::Assign { .. }
            | TExprKind::If(_)
            | TExprKind::Switch(_)
            | TExprKind::Do(_)
            | TExprKind::Block { .. }
            | TExprKind::Consume(_)
            | TExprKind::InoutToPointer(_)
            | TExprKind::Error => true,
            TExprKind::Property { base, var, .. } => {
                self.writes(*base)
                    || self.facts.kind(*var) == DefKind::Var
                        && !self.facts.is_requirement(*var)
                        && self.facts.var_kind(*var) == super::facts::VarKind::Lazy
            }
            TExprKind::Call(call) => {
                let mutates = self.facts.signature(call.func).this == ThisKind::Inout;
                mutates || self.any_part_writes(expr)
            }
            // What a closure changes is shared with it, and then not this function's own.
            TExprKind::Closure(_) => false,
            _ => self.any_part_writes(expr),
        }
    }
    fn any_part_writes(&self, expr: &'a TExpr) -> bool {
        let mut found = match &expr.kind {
            TExprKind::Call(call) => call.params.iter().any(|a| matches!(a, TArg::Inout(_))),
            TExprKind::CallValue { args, .. } | TExprKind::Subscript { indices: args, .. } => {
                args.iter().any(|a| matches!(a, TArg::Inout(_)))
            }
            _ => false,
        };
        visit::expr_parts(expr, &mut |part| match part {
            visit::Part::Expr(e) => found = found || self.writes(e),
            visit::Part::Declares(_) => {}
            _ => found = true,
        });
        found
    }
    pub fn arg_writes(&self, arg: &'a TArg) -> bool {
        match arg {
            TArg::Inout(_) => true,
            TArg::Value(e) => self.writes(*e),
            TArg::Variadic(list) => list.iter().any(|&e| self.writes(e)),
            TArg::Default { .. } => false,
        }
    }

    /// Evaluates arguments in order; default values come after the explicit ones.
    pub fn arg_values(
        &mut self,
        params: &'a [TArg],
        callee: Option<(DefId, TyList)>,
        writes_this: bool,
    ) -> Vec<ArgVal> {
        let mut values: Vec<Option<ArgVal>> = Vec::with_capacity(params.len());
        for (i, arg) in params.iter().enumerate() {
            let value = match arg {
                TArg::Value(e) => {
                    let later = params[i + 1..].iter().any(|a| self.arg_writes(a));
                    let earlier = params[..i].iter().any(|a| matches!(a, TArg::Inout(_)));
                    let need = match later || earlier || writes_this {
                        true => Stability::Fixed,
                        false => Stability::Own,
                    };
                    let ty = self.ty_of(*e);
                    let value = self.rvalue(*e);
                    Some(ArgVal::Val(self.stabilize(value, ty, need), ty))
                }
                TArg::Inout(e) => Some(ArgVal::Inout(self.lvalue(*e))),
                TArg::Default { .. } => None,
                TArg::Variadic(elems) => {
                    let ty = self.variadic_type(callee, i, elems);
                    let temp = self.temp(ty);
                    self.array_into(elems, ty, &temp.into());
                    self.own(temp);
                    Some(ArgVal::Val(Val::Owned(temp), ty))
                }
            };
            values.push(value);
        }
        let mut all = Vec::with_capacity(params.len());
        for (arg, value) in params.iter().zip(values) {
            all.push(match (arg, value) {
                (_, Some(value)) => value,
                (TArg::Default { def, args }, None) => self.default_argument(*def, *args),
                (_, None) => ArgVal::Val(Val::Const(Const::Unit), Ty::unit()),
            });
        }
        all
    }

    fn variadic_type(
        &self,
        callee: Option<(DefId, TyList)>,
        index: usize,
        elems: &[TExprId],
    ) -> Ty {
        let declared = callee.and_then(|(def, args)| {
            let param = self.facts.signature(def).params.get(index)?;
            Some(param.ty.subst(args.as_slice()))
        });
        let elem = declared.or_else(|| elems.first().map(|&e| self.ty_of(e)));
        self.facts.array_of(elem.unwrap_or_else(Ty::unit))
    }

    fn default_argument(&mut self, def: DefId, args: TyList) -> ArgVal {
        match self.facts.kind(def) {
            // A memberwise initialiser's parameter: the property's initial value, or nil.
            DefKind::Binding => {
                let ty = self.facts.typed_body(def).result.0.subst(args.as_slice());
                let value = self.initial_value(def, args);
                self.mir.locals[value].ty = ty;
                self.own(value);
                return ArgVal::Val(Val::Owned(value), ty);
            }
            DefKind::Var => {
                let ty = self.facts.var_type(def).subst(args.as_slice());
                let nil = self.temp(ty);
                self.make_none(&nil.into(), ty);
                return ArgVal::Val(Val::Owned(nil), ty);
            }
            _ => {}
        }
        // An autoclosure's default value is evaluated where the callee asks for it, so the function that makes it is the argument.
        let mut called_later = false;
        let param = self.facts.parent(def).and_then(|f| {
            let index = def.index(self.facts.db) as usize;
            match self.facts.kind(f) {
                DefKind::Case => crate::types::case_payload(self.facts.db, f)
                    .get(index)
                    .map(|p| p.1),
                DefKind::Var => Some(self.facts.typed_body(def).result.0),
                _ => {
                    let param = self.facts.signature(f).params.get(index)?;
                    called_later = param.autoclosure;
                    Some(match param.variadic {
                        true => self.facts.array_of(param.ty),
                        false => param.ty,
                    })
                }
            }
        });
        let ty = param.map_or_else(Ty::unit, |t| t.subst(args.as_slice()));
        let temp = self.temp(ty);
        let id = FnId {
            def,
            kind: FnKind::DefaultArg,
        };
        let callee = Callee::Static(id, args);
        match called_later {
            true => self.assign(Place::from(temp), Rvalue::Function { callee, ty }),
            false => self.emit_call(&temp.into(), callee, Vec::new(), None),
        }
        self.own(temp);
        ArgVal::Val(Val::Owned(temp), ty)
    }

    /// Evaluates the indices of a subscript so that they may be used by its getter and its setter.
    pub fn index_values(
        &mut self,
        subscript: DefId,
        indices: &'a [TArg],
        args: TyList,
    ) -> Vec<(ArgVal, ParamMode)> {
        let values = self.arg_values(indices, Some((subscript, args)), false);
        let params = &self.facts.signature(subscript).params;
        values
            .into_iter()
            .enumerate()
            .map(|(i, value)| {
                let mode = params.get(i).map_or(ParamMode::Borrow, |p| p.mode);
                (value, mode)
            })
            .collect()
    }

    /// An argument from a value that stays available.
    pub fn reusable_argument(&mut self, value: &ArgVal, mode: ParamMode) -> Argument {
        match value {
            ArgVal::Val(value, _) => Argument::Value(match (mode, Self::borrow(value)) {
                (ParamMode::Owned, Operand::Borrow(place)) => Operand::Copy(place),
                (_, operand) => operand,
            }),
            ArgVal::Inout(lvalue) => {
                let place = self.begin_access(lvalue.clone(), Access::Modify);
                Argument::Address(place)
            }
            ArgVal::Place(place) => Argument::Address(place.clone()),
        }
    }

    /// The final form of an argument; begins the access of an inout one.
    fn argument(&mut self, value: ArgVal, mode: ParamMode) -> Argument {
        match value {
            ArgVal::Val(value, _) => Argument::Value(match mode {
                ParamMode::Owned => self.consume(value),
                _ => Self::borrow(&value),
            }),
            ArgVal::Inout(lvalue) => Argument::Address(self.begin_access(lvalue, Access::Modify)),
            ArgVal::Place(place) => Argument::Address(place),
        }
    }

    pub fn arguments(&mut self, values: Vec<ArgVal>, modes: &[ParamMode]) -> Vec<Argument> {
        // Owned arguments are moved last: a trap or throw while an access begins still finds them in their scopes.
        let mut begun: Vec<ArgVal> = Vec::with_capacity(values.len());
        for value in values {
            begun.push(match value {
                ArgVal::Inout(lvalue) => ArgVal::Place(self.begin_access(lvalue, Access::Modify)),
                other => other,
            });
        }
        begun
            .into_iter()
            .enumerate()
            .map(|(i, value)| {
                let mode = modes.get(i).copied().unwrap_or(ParamMode::Borrow);
                self.argument(value, mode)
            })
            .collect()
    }

    /// Emits a call; one that throws goes on only when it did not. A function that never returns ends the block.
    pub fn emit_call(
        &mut self,
        dest: &Place,
        callee: Callee,
        args: Vec<Argument>,
        throws: Option<Ty>,
    ) {
        match throws {
            Some(error_ty) if !self.facts.is_never(error_ty) => {
                let error = self.temp(error_ty);
                let (normal, unwind) = (self.block(), self.block());
                self.terminate(Terminator::TryCall {
                    dest: dest.clone(),
                    error: error.into(),
                    callee,
                    args,
                    normal,
                    unwind,
                });
                self.switch_to(unwind);
                self.throw_error(error);
                self.switch_to(normal);
            }
            _ => self.stmt(StatementKind::Call {
                dest: dest.clone(),
                callee,
                args,
            }),
        }
        if dest.is_local() && self.facts.is_never(self.local_ty(dest.local)) {
            self.unreachable();
        }
    }

    /// Throws the error that a local holds.
    pub fn throw_error(&mut self, error: Local) {
        let outer = std::mem::replace(&mut self.unwinding, true);
        self.leave_with(error);
        self.unwinding = outer;
    }

    /// Takes the error to its handler, or out of the function.
    fn leave_with(&mut self, error: Local) {
        let from = self.local_ty(error);
        if let Some(catch) = self.catches.last().cloned() {
            let to = self.local_ty(catch.error.local);
            let value = self.erased_error(error, from, to);
            self.assign(catch.error, value);
            self.jump(catch.target);
            return;
        }
        let to = self.mir.throws.unwrap_or_else(|| self.facts.any_error());
        let out = match from == to {
            true => error,
            false => {
                let out = self.temp(to);
                let value = self.erased_error(error, from, to);
                self.assign(out, value);
                out
            }
        };
        self.emit_cleanups_to(0);
        if self.mir.id.kind == FnKind::Main {
            // Nobody is left who could catch it.
            let never = Ty::nominal(lang::lang(self.facts.db, LangItem::Never), &[]);
            let dest = self.temp(never);
            let args = vec![Argument::Value(Operand::Borrow(out.into()))];
            return self.library_call("_errorInMain", &[], args, &dest.into());
        }
        self.terminate(Terminator::Throw(Operand::Move(out.into())));
    }

    fn erased_error(&self, error: Local, from: Ty, to: Ty) -> Rvalue {
        let value = Operand::Move(error.into());
        match from == to || !to.is_existential() {
            true => Rvalue::Use(value),
            false => Rvalue::Erase { value, from, to },
        }
    }

    /// A call of a declaration.
    pub fn lower_call(&mut self, call: &'a TCall, ty: Ty, dest: &Place) {
        if let Some(&n) = self.caps.fn_defs.get(&call.func) {
            let modes = self.closure_modes(n);
            self.push_scope();
            let values = self.arg_values(&call.params, None, false);
            let args = self.arguments(values, &modes);
            self.call_local_with(n, Some(call.args), args, dest);
            self.pop_scope();
            return;
        }
        if self.facts.kind(call.func) == DefKind::Case {
            let values = self.arg_values(&call.params, None, false);
            let payload = values
                .into_iter()
                .map(|v| match v {
                    ArgVal::Val(value, ty) => {
                        let value = self.stabilize(value, ty, Stability::Own);
                        self.consume(value)
                    }
                    _ => Operand::Const(Const::Unit),
                })
                .collect();
            self.assign(
                dest.clone(),
                Rvalue::Case {
                    ty,
                    case: call.func,
                    payload,
                },
            );
            return;
        }
        if call.delegates {
            return self.lower_delegation(call, ty, dest, false);
        }
        let facts = self.facts;
        let sig = facts.signature(call.func);
        // The temporaries of the receiver and the arguments die right after the call.
        self.push_scope();
        let mut this = self.receiver(call, sig.this, ty);
        let inout_this = matches!(this, Some(ArgVal::Inout(_)));
        if let Some(ArgVal::Val(value, ty)) = this {
            // The receiver is evaluated before the arguments and used after them.
            let need = match call.params.iter().any(|a| self.arg_writes(a)) {
                true => Stability::Fixed,
                false => Stability::Own,
            };
            this = Some(ArgVal::Val(self.stabilize(value, ty, need), ty));
        }
        let values = self.arg_values(&call.params, Some((call.func, call.args)), inout_this);
        let callee = self.callee(call);
        let modes: Vec<ParamMode> = sig.params.iter().map(|p| p.mode).collect();
        let throws = match call.throws {
            true => Some(
                sig.throws
                    .unwrap_or_else(|| facts.any_error())
                    .subst(call.args.as_slice()),
            ),
            false => None,
        };
        let mut args = self.arguments(values, &modes);
        match this {
            Some(ArgVal::Inout(lvalue)) => {
                // The access to `this` begins last.
                let place = self.begin_access(lvalue, Access::Modify);
                args.push(Argument::Address(place));
            }
            Some(ArgVal::Val(value, _)) => {
                let operand = match sig.this {
                    ThisKind::Owned => self.consume(value),
                    _ => Self::borrow(&value),
                };
                args.push(Argument::Value(operand));
            }
            Some(ArgVal::Place(place)) => args.push(Argument::Address(place)),
            None => {}
        }
        self.finish_call(dest, ty, callee, args, throws);
        self.pop_scope();
    }

    fn finish_call(
        &mut self,
        dest: &Place,
        ty: Ty,
        callee: Callee,
        args: Vec<Argument>,
        throws: Option<Ty>,
    ) {
        self.emit_call(dest, callee, args, throws);
        if self.facts.is_never(ty) {
            self.unreachable();
        }
    }

    /// The receiver of a call, evaluated.
    fn receiver(&mut self, call: &'a TCall, kind: ThisKind, result: Ty) -> Option<ArgVal> {
        match kind {
            ThisKind::None => {
                if let Some(this) = call.this {
                    self.rvalue(this);
                }
                None
            }
            ThisKind::Borrow | ThisKind::Owned => {
                let this = call.this?;
                let ty = self.ty_of(this);
                Some(ArgVal::Val(self.rvalue(this), ty))
            }
            ThisKind::Inout => {
                let this = call.this?;
                Some(ArgVal::Inout(self.lvalue(this)))
            }
            ThisKind::Metatype => {
                // Which type it is must be known at run time too where that decides what is called.
                let opened = self.opens_metatype(call.func, call.args);
                let needed =
                    self.facts.takes_metatype(call.func) || self.is_class_init(call.func) || opened;
                match call.this {
                    Some(this) if needed => {
                        let ty = self.ty_of(this);
                        Some(ArgVal::Val(self.rvalue(this), ty))
                    }
                    Some(this) => {
                        self.rvalue(this);
                        None
                    }
                    None if needed => {
                        let of = self.static_self(call, result);
                        Some(ArgVal::Val(
                            Val::Const(Const::Metatype(of)),
                            Ty::metatype(of),
                        ))
                    }
                    None => None,
                }
            }
        }
    }

    /// The type that a static member is called on, where the call does not say it as a value.
    fn static_self(&self, call: &TCall, result: Ty) -> Ty {
        if self.facts.is_requirement(call.func) {
            return call.args.as_slice().first().copied().unwrap_or(result);
        }
        if self.is_class_init(call.func) {
            return self.facts.optional_payload(result).unwrap_or(result);
        }
        let declared = crate::types::declared_self_type(self.facts.db, call.func);
        declared.map_or(result, |t| t.subst(call.args.as_slice()))
    }

    /// An initialiser of a class, declared or made.
    pub fn is_class_init(&self, def: DefId) -> bool {
        use crate::items::ids::Synth;
        let init = match self.facts.kind(def) {
            DefKind::Init => true,
            DefKind::Synth(s) => matches!(
                s,
                Synth::DefaultInit | Synth::InheritedInit | Synth::MemberwiseInit
            ),
            _ => false,
        };
        init && self.facts.in_class(def)
    }

    /// Which function a call reaches.
    fn callee(&self, call: &TCall) -> Callee {
        let func = call.func;
        if self.facts.is_requirement(func) {
            return Callee::Witness(func, call.args);
        }
        if self.is_class_init(func) {
            let id = FnId {
                def: func,
                kind: FnKind::Allocate,
            };
            if call.this.is_none_or(|t| self.is_known_metatype(t)) {
                return Callee::Static(id, call.args);
            }
            return Callee::Virtual(self.introducing_id(id), call.args);
        }
        let id = FnId {
            def: func,
            kind: FnKind::Body,
        };
        // A class method of a class that is named is known.
        let known = match self.facts.is_static(func) {
            true => call.this.is_none_or(|t| self.is_known_metatype(t)),
            false => call.via_super,
        };
        if !known && !call.via_super && self.facts.in_class(func) && self.facts.is_dispatched(func)
        {
            let root = self.introducing_id(id);
            let base = call.this.map(|t| self.ty_of(t));
            let args = self.inherited_args(root.def, func, call.args, base);
            return Callee::Virtual(root, args);
        }
        Callee::Static(id, call.args)
    }

    pub fn introducing_id(&self, id: FnId) -> FnId {
        FnId {
            def: self.facts.introducing(id.def),
            kind: id.kind,
        }
    }

    /// A call of a function value.
    pub fn lower_value_call(
        &mut self,
        callee: TExprId,
        params: &'a [TArg],
        throws: bool,
        ty: Ty,
        dest: &Place,
    ) {
        if let TExprKind::Local(local) = self.body.exprs[callee].kind
            && let Some(&n) = self.caps.local_fns.get(&local)
        {
            let modes = self.closure_modes(n);
            self.push_scope();
            let values = self.arg_values(params, None, false);
            let args = self.arguments(values, &modes);
            self.call_local_with(n, None, args, dest);
            self.pop_scope();
            if self.facts.is_never(ty) {
                self.unreachable();
            }
            return;
        }
        let callee_ty = self.ty_of(callee);
        let value = self.rvalue(callee);
        let need = match params.iter().any(|a| self.arg_writes(a)) {
            true => Stability::Fixed,
            false => Stability::Own,
        };
        let value = self.stabilize(value, callee_ty, need);
        self.push_scope();
        let values = self.arg_values(params, None, false);
        let function = callee_ty.as_function();
        let modes: Vec<ParamMode> =
            function.map_or_else(Vec::new, |f| f.params.iter().map(|p| p.mode).collect());
        let throws = match (throws, function.and_then(|f| f.throws)) {
            (true, Some(t)) => Some(t),
            (true, None) => Some(self.facts.any_error()),
            _ => None,
        };
        let args = self.arguments(values, &modes);
        self.finish_call(dest, ty, Callee::Value(Self::borrow(&value)), args, throws);
        self.pop_scope();
    }

    /// The name of a parameter for dumps.
    pub fn name_of(&self, local: TLocalId) -> Option<Name> {
        self.body.locals.get(local).map(|l| l.name)
    }
}
