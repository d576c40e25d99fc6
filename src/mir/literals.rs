//! Collection literals, and calls of the library's and the compiler's own functions.

use super::builder::Builder;
use super::data::*;
use super::place::Val;
use crate::bodies::thir::*;
use crate::types::lang::LangItem;
use crate::types::ty::{ParamMode, Ty, TyList};

impl<'a> Builder<'a> {
    pub fn array_literal(
        &mut self,
        elems: &'a [TExprId],
        init: Option<&'a DeclUse>,
        ty: Ty,
        dest: &Place,
    ) {
        let Some(init) = init else {
            return self.array_into(elems, ty, dest);
        };
        let param = self.facts.signature(init.def).params.first();
        let elem = match param {
            Some(p) => p.ty.subst(init.args.as_slice()),
            None => return self.unsupported("array literal"),
        };
        let array = self.facts.array_of(elem);
        let temp = self.temp(array);
        self.array_into(elems, array, &temp.into());
        self.own(temp);
        self.literal_init(init, Val::Owned(temp), ty, dest);
    }

    /// Passes a collection literal's elements to the initialiser.
    fn literal_init(&mut self, init: &'a DeclUse, value: Val, ty: Ty, dest: &Place) {
        let sig = self.facts.signature(init.def);
        let mode = sig.params.first().map_or(ParamMode::Borrow, |p| p.mode);
        let operand = match mode {
            ParamMode::Owned => self.consume(value),
            _ => Self::borrow(&value),
        };
        let mut args = vec![Argument::Value(operand)];
        let callee = if self.facts.is_requirement(init.def) {
            Callee::Witness(init.def, init.args)
        } else {
            let class = self.is_class_init(init.def);
            let kind = if class {
                FnKind::Allocate
            } else {
                FnKind::Body
            };
            Callee::Static(
                FnId {
                    def: init.def,
                    kind,
                },
                init.args,
            )
        };
        if self.facts.takes_metatype(init.def) {
            args.push(Argument::Value(Operand::Const(Const::Metatype(ty))));
        }
        self.emit_call(dest, callee, args, None);
    }

    pub fn dictionary_literal(
        &mut self,
        elems: &'a [(TExprId, TExprId)],
        init: &'a DeclUse,
        ty: Ty,
        dest: &Place,
    ) {
        let param = self.facts.signature(init.def).params.first();
        let Some(elem) = param.map(|p| p.ty.subst(init.args.as_slice())) else {
            return self.unsupported("dictionary literal");
        };
        let array = self.facts.array_of(elem);
        let temp = Place::from(self.temp(array));
        self.fill_array(elems.len(), elem, array, &temp, |b, i, slot| {
            let (key, value) = elems[i];
            let key = b.owned_kept(key);
            let value = b.owned_kept(value);
            let parts = vec![b.consume(key), b.consume(value)];
            b.assign(slot.clone(), Rvalue::Aggregate(elem, parts));
        });
        self.own(temp.local);
        self.literal_init(init, Val::Owned(temp.local), ty, dest);
    }

    /// Initialises `dest`, an `Array`, with these elements.
    pub fn array_into(&mut self, elems: &'a [TExprId], ty: Ty, dest: &Place) {
        let elem = ty
            .as_nominal()
            .and_then(|(_, args)| args.as_slice().first().copied());
        let Some(elem) = elem else {
            return self.unsupported("array literal");
        };
        self.fill_array(elems.len(), elem, ty, dest, |b, i, slot| {
            b.push_scope();
            b.into(elems[i], slot);
            b.pop_scope();
        });
    }

    /// Allocates an array and initialises its elements one after the other. Its count stays zero until all are there, so that an error
    /// on the way destroys no element that does not exist.
    pub fn fill_array(
        &mut self,
        count: usize,
        elem: Ty,
        ty: Ty,
        dest: &Place,
        mut fill: impl FnMut(&mut Self, usize, &Place),
    ) {
        let facts = self.facts;
        let array = crate::types::lang::lang(facts.db, LangItem::Array);
        let (storage_var, with_capacity) = (
            facts.stored_properties(array).first().copied(),
            facts.member_with_labels(array, "init", &[Some("_capacity")]),
        );
        let storage = storage_var.and_then(|v| {
            let ty = facts.field_type(v, ty);
            let count = facts
                .stored_properties(ty.nominal_def()?)
                .first()
                .copied()?;
            Some((v, ty, count))
        });
        let (Some((storage_var, storage_ty, count_var)), Some(init)) = (storage, with_capacity)
        else {
            return self.unsupported("array literal without the standard library");
        };
        let raw = self.raw_pointer();
        let number = Const::Int(count as i128, facts.int_ty());
        let array_local = self.temp(ty);
        let id = FnId {
            def: init,
            kind: FnKind::Body,
        };
        let args = TyList::new(&[elem]);
        let capacity = vec![Argument::Value(Operand::Const(number))];
        self.emit_call(
            &array_local.into(),
            Callee::Static(id, args),
            capacity,
            None,
        );
        if count == 0 {
            self.assign(dest.clone(), Rvalue::Use(Operand::Move(array_local.into())));
            return;
        }
        self.push_scope();
        self.own(array_local);
        let storage = Place::from(array_local).then(Proj::Field(storage_var));
        let mut address = self.temp(raw);
        let metatype = Argument::Value(Operand::Const(Const::Metatype(elem)));
        self.builtin(
            "tailAddr",
            &[storage_ty, elem],
            vec![
                Argument::Value(Operand::Borrow(storage.clone())),
                metatype.clone(),
            ],
            &address.into(),
        );
        for i in 0..count {
            let slot = Place::from(address).then(Proj::Deref(elem));
            fill(self, i, &slot);
            if i + 1 < count {
                let int64 = Ty::builtin(crate::types::ty::BuiltinTy::Int64);
                let stride = self.temp(int64);
                self.builtin("strideof", &[elem], vec![metatype.clone()], &stride.into());
                let next = self.temp(raw);
                let step = vec![
                    Argument::Value(Operand::Borrow(address.into())),
                    Argument::Value(Operand::Borrow(stride.into())),
                ];
                self.builtin("ptrAdd", &[], step, &next.into());
                address = next;
            }
        }
        self.assign(
            storage.then(Proj::ClassField(count_var)),
            Rvalue::Use(Operand::Const(number)),
        );
        self.forget(array_local);
        self.pop_scope();
        self.assign(dest.clone(), Rvalue::Use(Operand::Move(array_local.into())));
    }

    /// Calls an operation of module `Builtin`.
    pub fn builtin(&mut self, name: &str, types: &[Ty], args: Vec<Argument>, dest: &Place) {
        let def = self.facts.builtin(name, args.len());
        let id = FnId {
            def,
            kind: FnKind::Body,
        };
        self.stmt(StatementKind::Call {
            dest: dest.clone(),
            callee: Callee::Static(id, TyList::new(types)),
            args,
        });
    }

    /// Calls a function of the library by its full name; reports when the library lacks it.
    pub fn library_call(&mut self, name: &str, types: &[Ty], args: Vec<Argument>, dest: &Place) {
        match self.facts.library_fn(name) {
            Some(def) => {
                let id = FnId {
                    def,
                    kind: FnKind::Body,
                };
                self.emit_call(dest, Callee::Static(id, TyList::new(types)), args, None);
            }
            None => {
                let text = format!("missing library function {name}");
                self.unsupported(&text);
            }
        }
    }
}
