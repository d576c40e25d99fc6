//! Conversions and casts.

use super::builder::{Builder, Slot};
use super::captures::thunk_number;
use super::data::*;
use super::place::{Access, Stability, Val};
use crate::bodies::thir::*;
use crate::types::lang::{self, LangItem};
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty};

impl<'a> Builder<'a> {
    pub fn lower_conversion(
        &mut self,
        e: TExprId,
        kind: &'a Conversion,
        inner: TExprId,
        ty: Ty,
        dest: &Place,
    ) {
        let from = self.ty_of(inner);
        match kind {
            Conversion::ToOptional => {
                let value = self.owned(inner);
                self.make_some(dest, ty, value);
            }
            Conversion::OptionalToOptional { payload, convert } => {
                let (some, none, join) = (self.block(), self.block(), self.block());
                let value = self.rvalue(inner);
                let value = self.stabilize(value, from, Stability::Own);
                let place = self.place_of(value, from);
                let cond = self.is_case(&place, self.facts.some_case());
                self.branch(cond, some, none);
                self.switch_to(some);
                self.push_scope();
                let inside = place.then(Proj::Payload(self.facts.some_case()));
                self.slots.insert(*payload, Slot::Place(inside));
                let value = self.owned(*convert);
                self.make_some(dest, ty, value);
                self.pop_scope();
                self.goto(join);
                self.switch_to(none);
                self.make_none(dest, ty);
                self.goto(join);
                self.switch_to(join);
            }
            Conversion::Upcast | Conversion::Metatype => {
                let value = self.owned(inner);
                self.assign(dest.clone(), Rvalue::Upcast { value, to: ty });
            }
            Conversion::Erase | Conversion::Existential => {
                let value = self.owned(inner);
                self.assign(
                    dest.clone(),
                    Rvalue::Erase {
                        value,
                        from,
                        to: ty,
                    },
                );
            }
            Conversion::Function(_) => self.function_thunk(e, inner, ty, dest),
            Conversion::FunctionTrivial => self.into(inner, dest),
            Conversion::CFunction => self.c_function(inner, ty, dest),
            Conversion::Identity if from == ty => self.into(inner, dest),
            Conversion::Identity => {
                let value = self.owned(inner);
                self.assign(dest.clone(), Rvalue::Upcast { value, to: ty });
            }
            Conversion::Tuple(parts) => {
                let value = self.rvalue(inner);
                let value = self.stabilize(value, from, Stability::Own);
                let place = self.place_of(value, from);
                let mut values = Vec::new();
                for (i, (local, convert)) in parts.iter().enumerate() {
                    let elem = place.then(Proj::Elem(i as u32));
                    self.slots.insert(*local, Slot::Place(elem));
                    values.push(self.owned_kept(*convert));
                }
                let operands = values.into_iter().map(|v| self.consume(v)).collect();
                self.assign(dest.clone(), Rvalue::Aggregate(ty, operands));
            }
            Conversion::Collection { elem, convert } => {
                self.collection(e, *elem, *convert, inner, ty, dest)
            }
            Conversion::Dictionary { pair, convert } => {
                self.collection(e, *pair, *convert, inner, ty, dest)
            }
            Conversion::AnyHashable => {
                let owner = lang::lang(self.facts.db, LangItem::AnyHashable);
                let Some(init) = self.facts.member_with_labels(owner, "init", &[None]) else {
                    return self.unsupported("AnyHashable without the standard library");
                };
                let value = self.rvalue(inner);
                let value = self.stabilize(value, from, Stability::Own);
                let mode = self.facts.signature(init).params.first().map(|p| p.mode);
                let operand = match mode {
                    Some(ParamMode::Owned) => self.consume(value),
                    _ => Self::borrow(&value),
                };
                let id = FnId {
                    def: init,
                    kind: FnKind::Body,
                };
                let callee = Callee::Static(id, crate::types::ty::TyList::new(&[from]));
                self.emit_call(dest, callee, vec![Argument::Value(operand)], None);
            }
            Conversion::ToPointer => self.value_to_pointer(inner, from, ty, dest),
        }
    }

    /// Converts a collection element by element with a function of the library.
    fn collection(
        &mut self,
        e: TExprId,
        elem: TLocalId,
        convert: TExprId,
        inner: TExprId,
        ty: Ty,
        dest: &Place,
    ) {
        let from = self.ty_of(inner);
        let value = self.rvalue(inner);
        let value = self.stabilize(value, from, Stability::Own);
        let (elem_ty, out_ty) = (self.body.locals[elem].ty, self.ty_of(convert));
        let function_ty = Ty::function(FnTy {
            params: Box::new([FnParam {
                ty: elem_ty,
                mode: ParamMode::Borrow,
                variadic: false,
                autoclosure: false,
            }]),
            result: out_ty,
            throws: None,
            is_async: false,
            escaping: false,
            repr: FnRepr::Thick,
        });
        let function = self.temp(function_ty);
        let func = FnId {
            def: self.owner,
            kind: FnKind::Closure(thunk_number(self.body, e)),
        };
        let args = self.type_args(self.closure);
        self.assign(
            function,
            Rvalue::Closure {
                func,
                args,
                captures: Vec::new(),
                ty: function_ty,
                on_stack: true,
            },
        );
        let (Some((source, from_args)), Some((_, to_args))) = (from.as_nominal(), ty.as_nominal())
        else {
            return self.unsupported("conversion of a collection");
        };
        let name = match source {
            d if d == lang::lang(self.facts.db, LangItem::Array) => "_convertArray",
            d if d == lang::lang(self.facts.db, LangItem::Dictionary) => "_convertDictionary",
            d if d == lang::lang(self.facts.db, LangItem::Set) => "_convertSet",
            _ => return self.unsupported("conversion of this collection"),
        };
        let types: Vec<Ty> = from_args.iter().chain(to_args.iter()).collect();
        let operands = vec![
            Argument::Value(Self::borrow(&value)),
            Argument::Value(Operand::Borrow(function.into())),
        ];
        self.library_call(name, &types, operands, dest);
    }

    /// `type(of:)` of a value of type `any P.Type`. The library's function is called as with any existential, so that it runs for the type that the
    /// value is: `any Any.Type` alone is not asked like that, because the types of types of types would have to be known without end.
    pub(super) fn dynamic_metatype(&mut self, value: Val, existential: Ty, ty: Ty, dest: &Place) {
        let found = self.temp(Ty::metatype(Ty::any()));
        let args = vec![Argument::Value(Self::borrow(&value))];
        self.library_call("_metatype", &[existential], args, &found.into());
        let value = Operand::Move(found.into());
        self.assign(dest.clone(), Rvalue::Upcast { value, to: ty });
    }

    /// The address of storage as a pointer, for the duration of the statement.
    pub fn inout_to_pointer(&mut self, inner: TExprId, ty: Ty, dest: &Place) {
        let lvalue = self.lvalue(inner);
        let from = lvalue.ty;
        let place = self.begin_access(lvalue, Access::Modify);
        let raw = self.raw_pointer();
        let address = self.temp(raw);
        if lang::is_lang(self.facts.db, from, LangItem::Array) && !self.points_to(ty, from) {
            let elem = from.as_nominal().map(|(_, args)| args);
            let elem = elem
                .and_then(|a| a.as_slice().first().copied())
                .unwrap_or(from);
            self.library_call(
                "_mutableArrayAddress",
                &[elem],
                vec![Argument::Address(place)],
                &address.into(),
            );
        } else {
            self.assign(address, Rvalue::AddressOf(place));
        }
        self.wrap_pointer(address, ty, dest);
    }

    fn points_to(&self, pointer: Ty, pointee: Ty) -> bool {
        pointer
            .as_nominal()
            .is_some_and(|(_, args)| args.as_slice().first() == Some(&pointee))
    }

    fn wrap_pointer(&mut self, address: Local, ty: Ty, dest: &Place) {
        match self.facts.optional_payload(ty) {
            Some(pointer) => {
                let inner = self.temp(pointer);
                self.assign(
                    inner,
                    Rvalue::Aggregate(pointer, vec![Operand::Copy(address.into())]),
                );
                self.make_some(dest, ty, Operand::Move(inner.into()));
            }
            None => self.assign(
                dest.clone(),
                Rvalue::Aggregate(ty, vec![Operand::Copy(address.into())]),
            ),
        }
    }

    /// An array or string as a pointer to its elements (it lives until the end of the statement), or a pointer as another one.
    fn value_to_pointer(&mut self, inner: TExprId, from: Ty, ty: Ty, dest: &Place) {
        let raw = self.raw_pointer();
        let (name, types) = if lang::is_lang(self.facts.db, from, LangItem::Array) {
            let elem = from
                .as_nominal()
                .and_then(|(_, a)| a.as_slice().first().copied());
            ("_arrayAddress", elem.into_iter().collect::<Vec<_>>())
        } else if lang::is_lang(self.facts.db, from, LangItem::String) {
            ("_stringAddress", Vec::new())
        } else {
            let value = self.owned(inner);
            return match (
                self.facts.optional_payload(from),
                self.facts.optional_payload(ty),
            ) {
                (None, Some(pointer)) => {
                    let temp = self.temp(pointer);
                    self.assign(temp, Rvalue::Upcast { value, to: pointer });
                    self.make_some(dest, ty, Operand::Move(temp.into()));
                }
                _ => self.assign(dest.clone(), Rvalue::Upcast { value, to: ty }),
            };
        };
        let value = self.rvalue(inner);
        let value = self.stabilize(value, from, Stability::Fixed);
        let address = self.temp(raw);
        let operand = Argument::Value(Self::borrow(&value));
        self.library_call(name, &types, vec![operand], &address.into());
        self.wrap_pointer(address, ty, dest);
    }

    // Casts.

    /// A cast that the runtime decides: whether it worked, and the value if so.
    pub fn emit_cast(&mut self, value: &Place, from: Ty, to: Ty) -> (Operand, Local) {
        let int1 = self.int1();
        let ok = self.temp(int1);
        let dest = self.temp(to);
        self.stmt(StatementKind::Cast {
            ok: ok.into(),
            dest: dest.into(),
            value: value.clone(),
            from,
            to,
        });
        (Operand::Borrow(ok.into()), dest)
    }

    pub fn lower_cast(
        &mut self,
        kind: DynamicCast,
        inner: TExprId,
        target: Ty,
        ty: Ty,
        dest: &Place,
    ) {
        let from = self.ty_of(inner);
        let value = self.rvalue(inner);
        let place = self.place_of(value, from);
        let (ok, cast) = self.emit_cast(&place, from, target);
        let (yes, no, join) = (self.block(), self.block(), self.block());
        self.branch(ok, yes, no);
        self.switch_to(yes);
        match kind {
            DynamicCast::Conditional => self.make_some(dest, ty, Operand::Move(cast.into())),
            DynamicCast::Forced => {
                self.assign(dest.clone(), Rvalue::Use(Operand::Move(cast.into())))
            }
            DynamicCast::Is => {
                self.stmt(StatementKind::Destroy(cast.into()));
                let value = Const::Int(1, ty);
                self.assign(dest.clone(), Rvalue::Use(Operand::Const(value)));
            }
        }
        self.goto(join);
        self.switch_to(no);
        match kind {
            DynamicCast::Conditional => self.make_none(dest, ty),
            DynamicCast::Forced => self.trap(TrapKind::FailedCast),
            DynamicCast::Is => {
                let value = Const::Int(0, ty);
                self.assign(dest.clone(), Rvalue::Use(Operand::Const(value)));
            }
        }
        self.goto(join);
        self.switch_to(join);
    }
}
