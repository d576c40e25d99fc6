//! Right-hand sides of assignments.

use cranelift_codegen::ir::{Value, types};

use crate::items::ids::DefId;
use crate::mir::data::{Callee, CaptureMode, FnId, Instance, Mir, Operand, Place, Rvalue};
use crate::types::ty::{Ty, TyList};

use super::super::cx::Ownership;
use super::super::key::{CodeKey, canonical};
use super::super::layout::{BOX_VALUE, Field, VTABLE_OFFSET};
use super::c_functions::takes_context;
use super::code::{Addr, Result, Vals};
use super::frame::{At, Emitter, Loc, context_layout};
use super::values::Val;

/// The reference count of objects that are never freed.
pub(in super::super) const IMMORTAL: u64 = 0x0000_0001_8000_0000;
/// The counts of an object whose initialiser failed before it was complete: the one reference that the initialiser had, and the mark of
/// an object whose deinitialisation has begun.
pub(in super::super) const ABANDONED: u64 = 0x0000_0001_4000_0001;

impl<'f, 'a> Emitter<'f, 'a> {
    pub(super) fn assign(&mut self, loc: &Loc, dest: &Place, rvalue: &'f Rvalue) -> Result<()> {
        match rvalue {
            Rvalue::Use(operand) => self.operand_into(operand, loc),
            Rvalue::Aggregate(ty, operands) => {
                let ty = self.mono(*ty);
                self.aggregate(loc, dest, ty, operands)
            }
            Rvalue::Case { ty, case, payload } => {
                let ty = self.mono(*ty);
                self.case(loc, dest, ty, *case, payload)
            }
            Rvalue::Tag(place) => {
                let from = self.place(place)?;
                let layout = self.c.layout(from.ty);
                let val = self.load(&from);
                let tag = self.c.enum_tag(layout, &val)?;
                self.store(loc, &Val::one(tag))
            }
            Rvalue::IsCase(place, case) => {
                let from = self.place(place)?;
                let layout = self.c.layout(from.ty);
                let val = self.load(&from);
                let is = self.c.is_case(layout, &val, *case)?;
                self.store(loc, &Val::one(is))
            }
            Rvalue::AllocObject { class, metatype } => {
                let class = self.mono(*class);
                let object = self.alloc_object(class, metatype.as_ref())?;
                self.store(loc, &Val::one(object))
            }
            Rvalue::AllocBox(ty) => {
                let ty = self.mono(*ty);
                let object = self.alloc_box(ty);
                self.store(loc, &Val::one(object))
            }
            Rvalue::Closure {
                func,
                args,
                captures,
                ty: _,
                on_stack,
            } => {
                let val = self.closure(*func, *args, captures, *on_stack)?;
                self.store(loc, &val)
            }
            Rvalue::Function { callee, ty } => {
                let ty = self.mono(*ty);
                let val = self.function_value(callee, ty)?;
                self.store(loc, &val)
            }
            Rvalue::AddressOf(place) => {
                let from = self.place(place)?;
                let addr = self.address_of(&from)?;
                let address = self.c.address(addr);
                self.store(loc, &Val::one(address))
            }
            Rvalue::Erase { value, from, to } => {
                let (from, to) = (self.mono(*from), self.mono(*to));
                self.erase(loc, value, from, to)
            }
            Rvalue::Upcast { value, to } => {
                let to = self.mono(*to);
                self.upcast(loc, value, to)
            }
            Rvalue::DynamicType(place) => {
                let from = self.place(place)?;
                let val = match opaque_to_type_of(self.frame.mir, place, from.ty) {
                    true => self.known_metatype(from.ty, loc.ty)?,
                    false => {
                        let metadata = self.dynamic_type(&from, from.ty)?;
                        self.found_metatype(metadata, loc.ty)?
                    }
                };
                self.store(loc, &val)
            }
            Rvalue::LoadWeak(place) => {
                let from = self.place(place)?;
                let addr = self.address_of(&from)?;
                let slot = self.c.address(addr);
                let object = self
                    .c
                    .runtime_value("codira_weak_load_strong", &[slot], types::I64);
                let mut values: Vals = smallvec::smallvec![object];
                let layout = self.c.layout(loc.ty);
                for scalar in layout.scalars.iter().flatten().skip(1) {
                    values.push(self.c.load(scalar.ty, addr.plus(u64::from(scalar.offset))));
                }
                self.store(loc, &Val::Scalars(values))
            }
            Rvalue::LoadUnowned(place) => {
                let from = self.place(place)?;
                let mut values: Vals = self.load(&from).scalars()?.into();
                let object = *values
                    .first()
                    .ok_or("an unowned reference without a word")?;
                if from.ownership == Ownership::UnownedUnsafe {
                    self.c.retain(object);
                } else {
                    values[0] =
                        self.c
                            .runtime_value("codira_unowned_load_strong", &[object], types::I64);
                }
                self.store(loc, &Val::Scalars(values))
            }
        }
    }

    /// Whether an operand reads from the local that is being initialised.
    fn reads(operands: &[Operand], dest: &Place) -> bool {
        operands.iter().any(|operand| match operand {
            Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place) => {
                place.local == dest.local
            }
            Operand::Const(_) => false,
        })
    }

    /// A field's value as its storage holds it.
    fn field_value(&mut self, field: &Field, operand: &Operand) -> Result<Val> {
        let val = self.operand(operand)?;
        match field.ownership {
            Ownership::Unowned => self.unowned_from(operand, val, true),
            Ownership::UnownedUnsafe => self.unowned_from(operand, val, false),
            Ownership::Strong | Ownership::Weak => Ok(val),
        }
    }

    fn aggregate(&mut self, loc: &Loc, dest: &Place, ty: Ty, operands: &[Operand]) -> Result<()> {
        let layout = self.c.layout(ty);
        let fields = layout.fields();
        if fields.len() != operands.len() {
            return Err(format!(
                "{} values for the {} fields of {}",
                operands.len(),
                fields.len(),
                self.c.p.type_name(ty, true)
            ));
        }
        if layout.scalars.is_some() {
            let mut values = Vals::new();
            for (field, operand) in fields.iter().zip(operands) {
                let val = self.field_value(field, operand)?;
                values.extend_from_slice(val.scalars()?);
            }
            return self.store(loc, &Val::Scalars(values));
        }
        let to = self.address_of(loc)?;
        let (target, detour) = if Self::reads(operands, dest) {
            (self.c.slot_for(ty), true)
        } else {
            (to, false)
        };
        for (field, operand) in fields.iter().zip(operands) {
            let mut part = Loc::memory(field.ty, target.plus(field.offset));
            part.ownership = field.ownership;
            match field.ownership {
                Ownership::Strong => self.operand_into(operand, &part)?,
                Ownership::Weak => self.store_weak(&part, operand, true)?,
                Ownership::Unowned | Ownership::UnownedUnsafe => {
                    let val = self.field_value(field, operand)?;
                    self.store(&part, &val)?;
                }
            }
        }
        if detour {
            self.c.copy_bytes(to, target, layout.size);
        }
        Ok(())
    }

    /// Stores the elements of a payload, which form a tuple unless there is just one.
    fn store_payload(
        &mut self,
        addr: Addr,
        ty: Ty,
        elements: u32,
        payload: &[Operand],
    ) -> Result<()> {
        if let (1, [one]) = (elements, payload) {
            return self.operand_into(one, &Loc::memory(ty, addr));
        }
        let layout = self.c.layout(ty);
        for (field, operand) in layout.fields().iter().zip(payload) {
            self.operand_into(operand, &Loc::memory(field.ty, addr.plus(field.offset)))?;
        }
        Ok(())
    }

    fn case(
        &mut self,
        loc: &Loc,
        dest: &Place,
        ty: Ty,
        case: DefId,
        payload: &[Operand],
    ) -> Result<()> {
        let layout = self.c.layout(ty);
        let shape = layout.as_enum().ok_or("a case of a type that is no enum")?;
        let (_, case_layout) = shape.case(case).ok_or("a case of another enum")?;
        let payload_ty = case_layout.payload.unwrap_or_else(Ty::unit);
        let elements = case_layout.elements;
        let pointer_ty = Ty::builtin(crate::types::ty::BuiltinTy::NativeObject);
        if case_layout.indirect {
            let object = self.alloc_box(payload_ty);
            self.store_payload(
                Addr::value(object).plus(BOX_VALUE),
                payload_ty,
                elements,
                payload,
            )?;
            let pointer = self.c.layout(pointer_ty);
            if layout.scalars.is_some() {
                let values = self.c.make_case(layout, case, pointer, &[object])?;
                return self.store(loc, &Val::Scalars(values));
            }
            let to = self.address_of(loc)?;
            self.c.store(object, to);
            return self.c.store_tag(layout, case, to);
        }
        if layout.scalars.is_some() {
            let mut values = Vals::new();
            for operand in payload {
                let val = self.operand(operand)?;
                values.extend_from_slice(val.scalars()?);
            }
            let payload_layout = self.c.layout(payload_ty);
            let values = self.c.make_case(layout, case, payload_layout, &values)?;
            return self.store(loc, &Val::Scalars(values));
        }
        let to = self.address_of(loc)?;
        if Self::reads(payload, dest) {
            let slot = self.c.slot_for(ty);
            self.store_payload(slot, payload_ty, elements, payload)?;
            self.c.store_tag(layout, case, slot)?;
            self.c.copy_bytes(to, slot, layout.size);
            return Ok(());
        }
        self.store_payload(to, payload_ty, elements, payload)?;
        self.c.store_tag(layout, case, to)
    }

    pub(super) fn alloc_box(&mut self, ty: Ty) -> Value {
        let metadata = self.c.metadata(ty);
        let none = self.c.i64(0);
        self.c
            .runtime_value("codira_box_alloc", &[metadata, none], types::I64)
    }

    fn alloc_object(&mut self, class: Ty, metatype: Option<&Operand>) -> Result<Value> {
        let (metadata, size, align) = match metatype {
            Some(operand) => {
                let metadata = self.type_in(operand)?;
                let size = self.c.load(types::I64, Addr::value(metadata).plus(144));
                let align = self.c.load(types::I64, Addr::value(metadata).plus(152));
                (metadata, size, align)
            }
            None => {
                let layout = self.c.p.class_layout(class);
                let metadata = self.c.metadata(class);
                (
                    metadata,
                    self.c.i64(layout.size),
                    self.c.i64(u64::from(layout.align)),
                )
            }
        };
        Ok(self
            .c
            .runtime_value("codira_alloc_object", &[metadata, size, align], types::I64))
    }

    fn closure(
        &mut self,
        func: FnId,
        args: TyList,
        captures: &[Operand],
        on_stack: bool,
    ) -> Result<Val> {
        let args = self.mono_args(args);
        let instance = Instance { id: func, args };
        let code = self.c.key(CodeKey::Function(instance));
        if captures.is_empty() {
            let context = self.c.i64(0);
            return Ok(Val::Scalars(smallvec::smallvec![code, context]));
        }
        let mir = self.c.p.mir(func).ok_or("a closure without code")?;
        let layout = context_layout(self.c.p, mir, args);
        if layout.captures.len() != captures.len() {
            return Err(format!(
                "{} values for {} captures",
                captures.len(),
                layout.captures.len()
            ));
        }
        let metadata = self.c.key(CodeKey::ContextMetadata(instance));
        let addr = if on_stack {
            // The object is never counted, and its captures belong to the function that made it.
            let addr = self.c.slot(layout.size, layout.align.max(16));
            self.c.store(metadata, addr);
            let count = self.c.i64(IMMORTAL);
            self.c.store(count, addr.plus(8));
            addr
        } else {
            let size = self.c.i64(layout.size);
            let align = self.c.i64(u64::from(layout.align));
            let object =
                self.c
                    .runtime_value("codira_alloc_object", &[metadata, size, align], types::I64);
            Addr::value(object)
        };
        for (&(offset, ty, mode), operand) in layout.captures.iter().zip(captures) {
            let to = addr.plus(offset);
            match mode {
                CaptureMode::Value => self.operand_into(operand, &Loc::memory(ty, to))?,
                CaptureMode::Box | CaptureMode::Address => {
                    let word = self.operand(operand)?.scalar()?;
                    self.c.store(word, to);
                }
                CaptureMode::Weak => {
                    let loc = Loc {
                        at: At::Memory(to),
                        ty,
                        ownership: Ownership::Weak,
                    };
                    self.store_weak(&loc, operand, true)?;
                }
                CaptureMode::Unowned => {
                    let val = self.operand(operand)?;
                    let val = self.unowned_from(operand, val, true)?;
                    let layout = self.c.layout(ty);
                    self.c.store_val(layout, &val, to)?;
                }
            }
        }
        let context = self.c.address(addr);
        Ok(Val::Scalars(smallvec::smallvec![code, context]))
    }

    /// A function as a value. Functions that already take a context are themselves; others get a thunk that ignores it.
    fn function_value(&mut self, callee: &Callee, ty: Ty) -> Result<Val> {
        let instance = match callee {
            Callee::Static(id, args) | Callee::Virtual(id, args) => Instance {
                id: *id,
                args: self.mono_args(*args),
            },
            Callee::Witness(requirement, args) => {
                let args = self.mono_args(*args);
                let (id, args) = super::super::cx::resolve_witness(self.c.p, *requirement, args)
                    .ok_or("a requirement without implementation as a value")?;
                Instance { id, args }
            }
            Callee::Value(operand) => return self.operand(operand),
        };
        if ty.is_c_function() {
            let thunk = CodeKey::ValueThunk(instance, canonical(ty));
            return Ok(Val::one(self.c.key(thunk)));
        }
        let key = if takes_context(instance) {
            CodeKey::Function(instance)
        } else {
            CodeKey::ValueThunk(instance, canonical(ty))
        };
        let code = self.c.key(key);
        let context = self.c.i64(0);
        Ok(Val::Scalars(smallvec::smallvec![code, context]))
    }

    /// The function in a slot of the vtable of an object or, for members of the type itself, of a metatype.
    pub(super) fn vtable_entry(&mut self, this: Value, this_ty: Ty, slot: u32) -> Value {
        let metadata = if Self::is_metatype(this_ty) {
            this
        } else {
            self.c.load(types::I64, Addr::value(this))
        };
        let offset = VTABLE_OFFSET + 8 * u64::from(slot);
        self.c.load(types::I64, Addr::value(metadata).plus(offset))
    }
}

/// Whether the dynamic type of a place is its static type although that is an existential: generic code that is run for `T == any P` takes the
/// existential itself for the type of its values.
pub(in super::super) fn opaque_to_type_of(mir: &Mir, place: &Place, ty: Ty) -> bool {
    ty.is_existential()
        && place.path.is_empty()
        && crate::types::env::is_type_param(mir.locals[place.local].ty)
}
