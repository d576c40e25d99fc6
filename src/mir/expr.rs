//! Expressions: values with ownership.
//!
//! [`Builder::into`] initialises a destination with a value at +1, [`Builder::rvalue`] yields whatever is cheapest: a constant, a borrowed
//! place, or a temporary. Temporaries are registered in the scope that is open when they are made; statements open one around each full expression.

use super::builder::{Builder, Role, Slot};
use super::captures::short_circuit;
use super::data::*;
use super::facts::ShortCircuit;
use super::place::{Access, LValue, Read, Stability, ThisPass, Val};
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::hir::{ExprId, Magic};
use crate::types::ty::{Ty, TyKind};
use std::rc::Rc;

impl<'a> Builder<'a> {
    /// Runs `f` with the expression as the source of what is built.
    fn at<T>(&mut self, e: TExprId, f: impl FnOnce(&mut Self) -> T) -> T {
        let src = self.body.exprs[e].src;
        let saved = self.src.replace(src);
        let result = f(self);
        self.src = saved;
        result
    }
    pub fn ty_of(&self, e: TExprId) -> Ty {
        self.body.exprs[e].ty
    }

    /// Evaluates an expression to a value.
    pub fn rvalue(&mut self, e: TExprId) -> Val {
        self.at(e, |b| b.rvalue_here(e))
    }

    fn rvalue_here(&mut self, e: TExprId) -> Val {
        let expr = &self.body.exprs[e];
        let ty = expr.ty;
        match &expr.kind {
            TExprKind::Int(v) => Val::Const(Const::Int(*v, ty)),
            TExprKind::Float(v) => Val::Const(Const::Float(*v, ty)),
            TExprKind::Bool(v) => Val::Const(Const::Int(*v as i128, ty)),
            TExprKind::String(v) => Val::Const(Const::Str(*v, ty)),
            TExprKind::Scalar(v) => Val::Const(Const::Int(*v as i128, ty)),
            TExprKind::Character(v) => Val::Const(Const::Str(*v, ty)),
            TExprKind::Unit => Val::Const(Const::Unit),
            TExprKind::Metatype(of) => Val::Const(match ty.kind() {
                TyKind::ProtocolMetatype(_) => Const::ProtocolMetatype(*of),
                _ => Const::Metatype(*of),
            }),
            TExprKind::Magic(magic) => match magic {
                Magic::Line => Val::Const(Const::Line(expr.src, ty)),
                Magic::Column => Val::Const(Const::Column(expr.src, ty)),
                _ => {
                    let text = self.magic_text(*magic, expr.src);
                    Val::Const(Const::Str(text, ty))
                }
            },
            TExprKind::Local(local) => match self.slots.get(local) {
                Some(Slot::Place(place)) => Val::Place(place.clone(), self.local_stability(*local)),
                Some(Slot::Metatype(of)) => Val::Const(Const::Metatype(*of)),
                _ => {
                    let lvalue = self.local_lvalue(*local, ty);
                    self.read(lvalue)
                }
            },
            TExprKind::Static { .. } => {
                let lvalue = self.lvalue(e);
                self.read(lvalue)
            }
            TExprKind::Property { base, .. } => {
                let base = *base;
                self.in_own_scope(ty, |b| b.property_value(e, base))
            }
            TExprKind::Subscript { .. } => self.in_own_scope(ty, |b| b.subscript_value(e)),
            TExprKind::KeyPathAccess { .. } => self.in_own_scope(ty, |b| {
                let lvalue = b.lvalue(e);
                b.read(lvalue)
            }),
            TExprKind::TupleElem { base, index } => {
                let base_ty = self.ty_of(*base);
                let value = self.rvalue(*base);
                self.project(value, base_ty, Proj::Elem(*index))
            }
            TExprKind::ForceUnwrap { base, implicit } => {
                if let TExprKind::Call(call) = &self.body.exprs[*base].kind
                    && call.delegates
                {
                    let made = self.temp(ty);
                    self.lower_delegation(call, ty, &made.into(), true);
                    self.own(made);
                    return Val::Owned(made);
                }
                let base_ty = self.ty_of(*base);
                let value = self.rvalue(*base);
                let stability = value.stability();
                let place = self.place_of(value, base_ty);
                self.check_some(&place, *implicit);
                Val::Place(place.then(Proj::Payload(self.facts.some_case())), stability)
            }
            TExprKind::ChainLink(base) => {
                let base_ty = self.ty_of(*base);
                let value = self.rvalue(*base);
                let stability = value.stability();
                let place = self.place_of(value, base_ty);
                Val::Place(self.chain_payload(place), stability)
            }
            TExprKind::LetIn { local, init, body } => {
                self.bind_let(*local, *init);
                self.rvalue(*body)
            }
            TExprKind::Block { stmts, value } => {
                for stmt in stmts {
                    self.stmt_lower(stmt);
                }
                self.rvalue(*value)
            }
            TExprKind::Await(inner) => self.rvalue(*inner),
            TExprKind::Convert {
                kind: Conversion::Identity | Conversion::FunctionTrivial,
                expr,
            } if self.ty_of(*expr) == ty || matches!(ty.kind(), TyKind::Function(_)) => {
                self.rvalue(*expr)
            }
            TExprKind::Convert {
                kind: Conversion::Identity,
                expr,
            } if !matches!(self.ty_of(*expr).kind(), TyKind::Nominal { .. }) => self.rvalue(*expr),
            TExprKind::Assign { .. } | TExprKind::DiscardAssign(_) => {
                self.effect(e);
                Val::Const(Const::Unit)
            }
            _ => {
                let temp = self.temp(ty);
                self.lower_into_here(e, &temp.into());
                self.own(temp);
                Val::Owned(temp)
            }
        }
    }

    fn magic_text(&self, magic: Magic, src: ExprId) -> Name {
        let db = self.facts.db;
        let anchor = crate::items::Anchor::Expr(self.owner, src);
        let path = match magic {
            Magic::Function => "",
            _ => match crate::items::presumed::presumed_path(db, anchor) {
                Some(path) => path.as_str(),
                None => crate::items::file_of(db, self.owner).map_or("", |f| f.path(db)),
            },
        };
        match magic {
            Magic::Function => {
                let closure = self
                    .closure
                    .and_then(|n| self.body.closures.get(n as usize)?.as_ref()?.def);
                self.facts.function_name(closure.unwrap_or(self.owner))
            }
            Magic::FileId => {
                let module = crate::items::module_of(db, self.owner).name(db);
                let file = path.rsplit('/').next().unwrap_or(path);
                Name::new(&format!("{module}/{file}"))
            }
            _ => Name::new(path),
        }
    }

    /// What a stored or computed property of a value holds.
    fn property_value(&mut self, e: TExprId, base: TExprId) -> Val {
        match self.property_path(e, base) {
            Some(value) => value,
            None => {
                let lvalue = self.lvalue(e);
                self.read(lvalue)
            }
        }
    }

    /// A property whose base need not be a mutable place: the base is a value, and stored parts are projections of it.
    fn property_path(&mut self, e: TExprId, base: TExprId) -> Option<Val> {
        let TExprKind::Property { var, .. } = &self.body.exprs[e].kind else {
            return None;
        };
        let (ty, base_ty) = (self.ty_of(e), self.ty_of(base));
        let member = self.member_of_expr(e)?;
        match &member.read {
            Read::Call(_, ThisPass::Inout) => None,
            Read::Field(proj) => {
                let value = self.rvalue(base);
                let stability = value.stability();
                let is_let = self.facts.is_let(*var) && !self.facts.is_class_ref(ty);
                let place = self.place_of(value, base_ty).then(*proj);
                let stability = match proj {
                    Proj::ClassField(_) if is_let => stability.min(Stability::Own),
                    Proj::ClassField(_) => Stability::Shared,
                    _ => stability,
                };
                Some(Val::Place(place, stability))
            }
            _ => {
                let value = self.rvalue(base);
                // The accessor runs user code, which may change what the base is read from.
                let value = self.stabilize(value, base_ty, Stability::Own);
                let place = self.place_of(value, base_ty);
                let lvalue = LValue::root(place, ty, Stability::Fixed)
                    .with(super::place::Comp::Member(member));
                Some(self.read(lvalue))
            }
        }
    }

    fn subscript_value(&mut self, e: TExprId) -> Val {
        let TExprKind::Subscript {
            base,
            subscript,
            args,
            indices,
            ..
        } = &self.body.exprs[e].kind
        else {
            return Val::Const(Const::Unit);
        };
        let (ty, base_ty) = (self.ty_of(e), self.ty_of(*base));
        let Some(mut member) = self.member_of_expr(e) else {
            return Val::Const(Const::Unit);
        };
        if matches!(member.read, Read::Call(_, ThisPass::Inout)) {
            let lvalue = self.lvalue(e);
            return self.read(lvalue);
        }
        let value = self.rvalue(*base);
        let later = indices.iter().any(|a| self.arg_writes(a));
        let need = match (&member.read, later) {
            (_, true) => Stability::Fixed,
            // An addressor is library code that does not change its base.
            (Read::Address(..), false) => Stability::Shared,
            _ => Stability::Own,
        };
        let value = self.stabilize(value, base_ty, need);
        let place = self.place_of(value, base_ty);
        member.indices = Rc::new(self.index_values(*subscript, indices, *args));
        let lvalue =
            LValue::root(place, ty, Stability::Shared).with(super::place::Comp::Member(member));
        self.read(lvalue)
    }

    /// Reads a path without copying what is stored.
    pub fn read(&mut self, lvalue: LValue) -> Val {
        let stability = match lvalue.comps.is_empty() {
            true => lvalue.stability,
            false => Stability::Shared,
        };
        let place = self.begin_access(lvalue, Access::Read);
        // A getter's result is a temporary of this scope.
        let stability = match self.mir.locals[place.local].name {
            None if place.is_local() => Stability::Fixed,
            _ => stability,
        };
        Val::Place(place, stability)
    }

    fn project(&mut self, value: Val, ty: Ty, proj: Proj) -> Val {
        let stability = value.stability();
        let place = self.place_of(value, ty);
        Val::Place(place.then(proj), stability)
    }

    /// The storage of a value; constants are put into a temporary.
    pub fn place_of(&mut self, value: Val, ty: Ty) -> Place {
        match value {
            Val::Owned(local) => local.into(),
            Val::Place(place, _) => place,
            Val::Const(c) => {
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(Operand::Const(c)));
                temp.into()
            }
        }
    }

    /// The value as one that stays at least this stable: copied to a temporary otherwise.
    pub fn stabilize(&mut self, value: Val, ty: Ty, need: Stability) -> Val {
        match value {
            // What cannot be copied is not changed by anybody else either while it is borrowed.
            Val::Place(place, stability)
                if stability < need && !self.copyability.noncopyable(ty) =>
            {
                let temp = self.owned_temp(ty, Rvalue::Use(Operand::Copy(place)));
                Val::Owned(temp)
            }
            other => other,
        }
    }

    /// The value at +1.
    pub fn consume(&mut self, value: Val) -> Operand {
        match value {
            Val::Owned(local) => {
                self.forget(local);
                Operand::Move(local.into())
            }
            Val::Place(place, _) => Operand::Copy(place),
            Val::Const(c) => Operand::Const(c),
        }
    }
    /// The value at +0.
    pub fn borrow(value: &Val) -> Operand {
        match value {
            Val::Owned(local) => Operand::Borrow((*local).into()),
            Val::Place(place, _) => Operand::Borrow(place.clone()),
            Val::Const(c) => Operand::Const(*c),
        }
    }
    /// Evaluates to an operand at +1 that is used at once.
    pub fn owned(&mut self, e: TExprId) -> Operand {
        let value = self.rvalue(e);
        self.consume(value)
    }
    /// Evaluates to an operand at +1 that stays valid while more is evaluated.
    pub fn owned_kept(&mut self, e: TExprId) -> Val {
        let ty = self.ty_of(e);
        let value = self.rvalue(e);
        self.stabilize(value, ty, Stability::Fixed)
    }

    /// Evaluates for the effect only.
    pub fn effect(&mut self, e: TExprId) {
        self.at(e, |b| b.effect_here(e));
    }

    fn effect_here(&mut self, e: TExprId) {
        match &self.body.exprs[e].kind {
            TExprKind::Assign { lhs, rhs } => self.lower_assign(*lhs, *rhs),
            TExprKind::DiscardAssign(value) => self.discard(*value),
            TExprKind::If(t) => self.lower_if(t, None),
            TExprKind::Switch(t) => self.lower_switch(t, None),
            TExprKind::Do(t) => self.lower_do(t, None),
            TExprKind::Block { stmts, value } => {
                for stmt in stmts {
                    self.stmt_lower(stmt);
                }
                self.effect(*value);
            }
            _ => {
                self.rvalue(e);
            }
        }
    }

    fn lower_assign(&mut self, lhs: TExprId, rhs: TExprId) {
        // A tuple of places takes the elements of the value.
        if let TExprKind::Tuple(targets) = &self.body.exprs[lhs].kind {
            let lvalues: Vec<Option<LValue>> = targets
                .iter()
                .map(|&t| (!self.is_discard(t)).then(|| self.lvalue(t)))
                .collect();
            let ty = self.ty_of(rhs);
            let temp = self.temp(ty);
            self.into(rhs, &temp.into());
            for (i, lvalue) in lvalues.into_iter().enumerate() {
                let elem = Place::from(temp).then(Proj::Elem(i as u32));
                match lvalue {
                    Some(lvalue) => {
                        self.push_scope();
                        self.store(lvalue, Operand::Move(elem));
                        self.pop_scope();
                    }
                    None => self.stmt(StatementKind::Destroy(elem)),
                }
            }
            return;
        }
        let lvalue = self.lvalue(lhs);
        let value = self.owned_kept(rhs);
        let value = self.consume(value);
        self.push_scope();
        self.store(lvalue, value);
        self.pop_scope();
    }

    fn is_discard(&self, e: TExprId) -> bool {
        matches!(&self.body.exprs[e].kind, TExprKind::Unit if !self.ty_of(e).is_unit())
            || matches!(&self.body.exprs[e].kind, TExprKind::DiscardAssign(_))
    }

    /// Declares a local of a desugared expression.
    pub fn bind_let(&mut self, local: TLocalId, init: TExprId) {
        let ty = self.body.locals[local].ty;
        let value = self.rvalue(init);
        let value = self.stabilize(value, ty, Stability::Fixed);
        let place = self.place_of(value, ty);
        self.slots.insert(local, Slot::Place(place));
    }

    /// Initialises `dest` with the value at +1.
    pub fn into(&mut self, e: TExprId, dest: &Place) {
        self.at(e, |b| b.lower_into_here(e, dest));
    }

    fn lower_into_here(&mut self, e: TExprId, dest: &Place) {
        let expr = &self.body.exprs[e];
        let ty = expr.ty;
        match &expr.kind {
            TExprKind::Error => self.unsupported("erroneous expression"),
            TExprKind::Call(call) => match short_circuit(&self.facts, self.body, call) {
                Some((_, kind, rhs)) => self.lower_short_circuit(call, kind, rhs, ty, dest),
                None => self.lower_call(call, ty, dest),
            },
            TExprKind::CallValue {
                callee,
                args,
                throws,
            } => self.lower_value_call(*callee, args, *throws, ty, dest),
            TExprKind::FunctionValue {
                func,
                args,
                this,
                via_super,
            } => self.function_value(*func, *args, *this, *via_super, ty, dest),
            TExprKind::Closure(n) => self.closure_value(*n, Some(ty), dest),
            TExprKind::DynamicType(inner) => {
                if let Some(metatype) = self.class_being_made(*inner) {
                    return self.assign(dest.clone(), Rvalue::Use(Operand::Copy(metatype)));
                }
                let inner_ty = self.ty_of(*inner);
                let value = self.rvalue(*inner);
                if let Some(existential) = inner_ty.as_existential_metatype() {
                    return self.dynamic_metatype(value, existential, ty, dest);
                }
                let place = self.place_of(value, inner_ty);
                self.assign(dest.clone(), Rvalue::DynamicType(place));
            }
            TExprKind::Tuple(elems) => {
                let values: Vec<Val> = elems.iter().map(|&e| self.owned_kept(e)).collect();
                let operands = values.into_iter().map(|v| self.consume(v)).collect();
                self.assign(dest.clone(), Rvalue::Aggregate(ty, operands));
            }
            TExprKind::Array { elems, init } => self.array_literal(elems, init.as_ref(), ty, dest),
            TExprKind::Dictionary { elems, init } => self.dictionary_literal(elems, init, ty, dest),
            TExprKind::NilOptional => self.make_none(dest, ty),
            TExprKind::Ternary { cond, then, els } => {
                let (yes, no, join) = (self.block(), self.block(), self.block());
                self.condition(*cond, yes, no);
                for (block, value) in [(yes, *then), (no, *els)] {
                    self.switch_to(block);
                    self.push_scope();
                    self.into(value, dest);
                    self.pop_scope();
                    self.goto(join);
                }
                self.switch_to(join);
            }
            TExprKind::If(t) => self.lower_if(t, Some(dest)),
            TExprKind::Switch(t) => self.lower_switch(t, Some(dest)),
            TExprKind::Do(t) => self.lower_do(t, Some(dest)),
            TExprKind::Block { stmts, value } => {
                for stmt in stmts {
                    self.stmt_lower(stmt);
                }
                self.into(*value, dest);
            }
            TExprKind::LetIn { local, init, body } => {
                self.bind_let(*local, *init);
                self.into(*body, dest);
            }
            TExprKind::Chain { expr, flatten } => self.lower_chain(*expr, *flatten, ty, dest),
            TExprKind::TryOptional { expr, flatten } => {
                self.lower_try_optional(*expr, *flatten, ty, dest)
            }
            TExprKind::TryForced(inner) => self.lower_try_forced(*inner, dest),
            TExprKind::Await(inner) => self.into(*inner, dest),
            TExprKind::Cast { kind, expr, target } => {
                self.lower_cast(*kind, *expr, *target, ty, dest)
            }
            TExprKind::Convert { kind, expr } => self.lower_conversion(e, kind, *expr, ty, dest),
            TExprKind::InoutToPointer(inner) => self.inout_to_pointer(*inner, ty, dest),
            TExprKind::KeyPath { root, components } => {
                self.key_path(e, *root, components, ty, dest)
            }
            TExprKind::Consume(inner) => {
                if let TExprKind::Local(local) = self.body.exprs[*inner].kind
                    && let Some(Slot::Place(place)) = self.slots.get(&local).cloned()
                    && self.is_tracked(&place)
                {
                    self.assign(dest.clone(), Rvalue::Use(Operand::Move(place)));
                    return;
                }
                self.into(*inner, dest);
            }
            TExprKind::CopyOf(inner) => self.into(*inner, dest),
            TExprKind::Int(_)
            | TExprKind::Float(_)
            | TExprKind::Bool(_)
            | TExprKind::String(_)
            | TExprKind::Scalar(_)
            | TExprKind::Character(_)
            | TExprKind::Magic(_)
            | TExprKind::Unit
            | TExprKind::Metatype(_)
            | TExprKind::Local(_)
            | TExprKind::Static { .. }
            | TExprKind::Property { .. }
            | TExprKind::Subscript { .. }
            | TExprKind::TupleElem { .. }
            | TExprKind::ForceUnwrap { .. }
            | TExprKind::ChainLink(_)
            | TExprKind::KeyPathAccess { .. }
            | TExprKind::Assign { .. }
            | TExprKind::DiscardAssign(_) => {
                let value = self.rvalue_here(e);
                let operand = self.payload_moved_out(value);
                self.assign(dest.clone(), Rvalue::Use(operand));
            }
        }
    }

    /// In a convenience initialiser `this` has no object before the delegation; its class came as the last parameter.
    fn class_being_made(&self, e: TExprId) -> Option<Place> {
        let TExprKind::Local(local) = self.body.exprs[e].kind else {
            return None;
        };
        if !matches!(self.role, Role::Convenience { .. }) || self.body.this != Some(local) {
            return None;
        }
        self.mir.params.last().map(|&p| Place::from(p))
    }

    /// A value at +1; the payload of an owned optional temporary is moved out of it instead of being copied.
    fn payload_moved_out(&mut self, value: Val) -> Operand {
        if let Val::Place(place, Stability::Fixed) = &value
            && let [Proj::Payload(case)] = place.path.as_slice()
            && *case == self.facts.some_case()
            && self.owns_temp(place.local)
        {
            self.forget(place.local);
            return Operand::Move(place.clone());
        }
        self.consume(value)
    }

    /// Whether the local is a nameless temporary with a cleanup in an open scope.
    pub fn owns_temp(&self, local: Local) -> bool {
        use super::builder::Cleanup;
        let decl = &self.mir.locals[local];
        decl.name.is_none() && decl.kind == LocalKind::Var && self.scopes.iter().rev().any(|s| {
            let found =
                |c: &Cleanup| matches!(c, Cleanup::Destroy(p) if p.is_local() && p.local == local);
            s.cleanups.iter().any(found)
        })
    }

    /// `a && b`, `a || b`, `a ?? b` with the right side evaluated only when needed.
    fn lower_short_circuit(
        &mut self,
        call: &'a TCall,
        kind: ShortCircuit,
        rhs: TExprId,
        ty: Ty,
        dest: &Place,
    ) {
        let Some(&TArg::Value(lhs)) = call.params.first() else {
            return self.unsupported("operand");
        };
        let (eval, short, join) = (self.block(), self.block(), self.block());
        match kind {
            ShortCircuit::And => self.condition(lhs, eval, short),
            ShortCircuit::Or => self.condition(lhs, short, eval),
            ShortCircuit::Coalesce => return self.lower_coalesce(lhs, rhs, ty, dest),
        }
        self.switch_to(short);
        let value = Const::Int((kind == ShortCircuit::Or) as i128, ty);
        self.assign(dest.clone(), Rvalue::Use(Operand::Const(value)));
        self.goto(join);
        self.switch_to(eval);
        self.push_scope();
        self.into(rhs, dest);
        self.pop_scope();
        self.goto(join);
        self.switch_to(join);
    }

    fn lower_coalesce(&mut self, lhs: TExprId, rhs: TExprId, ty: Ty, dest: &Place) {
        let lhs_ty = self.ty_of(lhs);
        let (some, none, join) = (self.block(), self.block(), self.block());
        let value = self.rvalue(lhs);
        let owned = match value {
            Val::Owned(local) => Some(local),
            _ => None,
        };
        let place = self.place_of(value, lhs_ty);
        let cond = self.is_case(&place, self.facts.some_case());
        self.branch(cond, some, none);
        // In both branches nothing of an owned left side is left over: its payload moves out, and an empty optional holds nothing.
        if let Some(local) = owned {
            self.forget(local);
        }
        self.switch_to(some);
        if ty == lhs_ty {
            let whole = match owned {
                Some(local) => Operand::Move(local.into()),
                None => Operand::Copy(place),
            };
            self.assign(dest.clone(), Rvalue::Use(whole));
        } else {
            let payload = place.then(Proj::Payload(self.facts.some_case()));
            let payload = match owned {
                Some(_) => Operand::Move(payload),
                None => Operand::Copy(payload),
            };
            self.assign(dest.clone(), Rvalue::Use(payload));
        }
        self.goto(join);
        self.switch_to(none);
        self.push_scope();
        self.into(rhs, dest);
        self.pop_scope();
        self.goto(join);
        self.switch_to(join);
    }

    /// Evaluates a condition and branches; its temporaries die before either branch.
    pub fn condition(&mut self, e: TExprId, then: Block, els: Block) {
        if let TExprKind::Call(call) = &self.body.exprs[e].kind
            && let Some((_, kind, rhs)) = short_circuit(&self.facts, self.body, call)
            && let Some(&TArg::Value(lhs)) = call.params.first()
            && kind != ShortCircuit::Coalesce
        {
            let more = self.block();
            match kind {
                ShortCircuit::And => self.condition(lhs, more, els),
                _ => self.condition(lhs, then, more),
            }
            self.switch_to(more);
            return self.condition(rhs, then, els);
        }
        if let TExprKind::Bool(known) = self.body.exprs[e].kind {
            return self.goto(if known { then } else { els });
        }
        self.push_scope();
        let ty = self.ty_of(e);
        let value = self.rvalue(e);
        let operand = match value {
            Val::Owned(local) => Operand::Borrow(local.into()),
            Val::Const(c) => Operand::Const(c),
            Val::Place(place, Stability::Fixed) if place.is_local() => Operand::Borrow(place),
            Val::Place(place, _) => {
                let temp = self.temp(ty);
                self.assign(temp, Rvalue::Use(Operand::Copy(place)));
                Operand::Borrow(temp.into())
            }
        };
        self.pop_scope();
        self.at(e, |b| b.branch(operand, then, els));
    }

    /// An optional chain: everything up to its end is skipped when a link is nil.
    fn lower_chain(&mut self, inner: TExprId, flatten: bool, ty: Ty, dest: &Place) {
        let nil = self.target();
        let join = self.block();
        self.chains.push(nil);
        self.push_scope();
        let inner_ty = self.ty_of(inner);
        if flatten || inner_ty == ty {
            self.into(inner, dest);
        } else {
            let value = self.rvalue(inner);
            let value = self.payload_moved_out(value);
            self.make_some(dest, ty, value);
        }
        self.pop_scope();
        self.goto(join);
        self.chains.pop();
        self.switch_to(nil.block);
        self.make_none(dest, ty);
        self.goto(join);
        self.switch_to(join);
    }
}

impl Val {
    pub fn stability(&self) -> Stability {
        match self {
            Val::Place(_, stability) => *stability,
            _ => Stability::Fixed,
        }
    }
}
