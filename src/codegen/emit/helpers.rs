//! Functions that the runtime and other code call for a type: copying and destroying values, destroying objects, telling cases; and the initialisers of
//! global variables. They follow the convention of C.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_codegen::isa::CallConv;
use smallvec::{SmallVec, smallvec};

use crate::items::ids::DefId;
use crate::mir::data::{CaptureMode, FnId, FnKind, Instance};
use crate::types::ty::{Ty, TyList};

use super::super::cx::{Ownership, Passing, Program};
use super::super::isa::{LANGUAGE_CALL, RUNTIME_CALL};
use super::super::key::CodeKey;
use super::super::layout::{EnumLayout, ExistentialKind, Field, Layout, Shape, TagKind};
use super::c_functions;
use super::call::result_types;
use super::code::{Addr, Code, Result, Target};
use super::frame::context_layout;
use super::values::Val;

type Registers = (CallConv, SmallVec<[Type; 8]>, SmallVec<[Type; 6]>);

pub(super) fn signature<'a>(p: &dyn Program<'a>, key: CodeKey) -> Result<Registers> {
    let (params, results): (SmallVec<[Type; 8]>, SmallVec<[Type; 6]>) = match key {
        CodeKey::Copy(_) => (smallvec![types::I64, types::I64], smallvec![]),
        CodeKey::Destroy(_)
        | CodeKey::DestroyObject(_)
        | CodeKey::DestroyContext(_)
        | CodeKey::GlobalInit(..) => (smallvec![types::I64], smallvec![]),
        CodeKey::EnumTag(_) => (smallvec![types::I64], smallvec![types::I32]),
        CodeKey::CastHook(def) => c_signature(p, def),
        CodeKey::ValueThunk(_, ty) => c_functions::registers(p, ty)?,
        _ => return Err("a datum where a function was expected".into()),
    };
    Ok((RUNTIME_CALL, params, results))
}

/// The registers of a function that C calls: the language's own, since what C can pass is what both put in registers.
fn c_signature<'a>(p: &dyn Program<'a>, def: DefId) -> (SmallVec<[Type; 8]>, SmallVec<[Type; 6]>) {
    let id = FnId {
        def,
        kind: FnKind::Body,
    };
    let shape = p.callee_shape(id, TyList::empty());
    let result = p.layout(shape.result);
    let mut params = SmallVec::new();
    if result.scalars.is_none() {
        params.push(types::I64);
    }
    for (ty, passing) in shape.params {
        let layout = p.layout(ty);
        match (&layout.scalars, passing) {
            (Some(_), Passing::Borrow | Passing::Owned) => params.extend(layout.scalar_types()),
            _ => params.push(types::I64),
        }
    }
    (params, result_types(result, shape.throws.is_some()))
}

pub(super) fn emit(c: &mut Code<'_, '_>, key: CodeKey, values: &[Value]) -> Result<()> {
    match key {
        CodeKey::Copy(ty) => {
            c.copy_parts(ty, Addr::value(values[0]), Addr::value(values[1]))?;
            c.b.ins().return_(&[]);
        }
        CodeKey::Destroy(ty) => {
            c.destroy_parts(ty, Addr::value(values[0]))?;
            c.b.ins().return_(&[]);
        }
        CodeKey::EnumTag(ty) => {
            let layout = c.layout(ty);
            let val = c.load_val(layout, Addr::value(values[0]));
            let tag = c.enum_tag(layout, &val)?;
            c.b.ins().return_(&[tag]);
        }
        CodeKey::CastHook(def) => {
            let instance = Instance {
                id: FnId {
                    def,
                    kind: FnKind::Body,
                },
                args: TyList::empty(),
            };
            let target = Target::Key(CodeKey::Function(instance));
            let (_, results) = c_signature(c.p, def);
            let call = c.call(target, LANGUAGE_CALL, values, &results);
            let result = c.b.inst_results(call).to_vec();
            c.b.ins().return_(&result);
        }
        CodeKey::ValueThunk(instance, ty) => c_functions::call_closure(c, instance, ty, values)?,
        CodeKey::DestroyObject(class) => {
            c.destroy_object(class, values[0])?;
            c.b.ins().return_(&[]);
        }
        CodeKey::DestroyContext(instance) => {
            c.destroy_context(instance, values[0])?;
            c.b.ins().return_(&[]);
        }
        CodeKey::GlobalInit(var, args) => {
            c.initialise_global(var, args)?;
            c.b.ins().return_(&[]);
        }
        _ => return Err("a datum where a function was expected".into()),
    }
    Ok(())
}

impl<'a> Code<'_, 'a> {
    fn copy_field(&mut self, field: &Field, to: Addr, from: Addr) {
        let (to, from) = (to.plus(field.offset), from.plus(field.offset));
        let size = self.layout(field.ty).size;
        match field.ownership {
            Ownership::Strong => self.copy_memory(field.ty, to, from),
            Ownership::UnownedUnsafe => self.copy_bytes(to, from, size),
            Ownership::Unowned => {
                self.copy_bytes(to, from, size);
                let object = self.load(types::I64, to);
                self.runtime("codira_unowned_retain", &[object], &[types::I64]);
            }
            Ownership::Weak => {
                let (dst, src) = (self.address(to), self.address(from));
                self.runtime("codira_weak_copy", &[dst, src], &[]);
                // Witness tables behind the reference.
                self.copy_bytes(to.plus(8), from.plus(8), size.saturating_sub(8));
            }
        }
    }

    fn destroy_field(&mut self, field: &Field, addr: Addr) {
        let addr = addr.plus(field.offset);
        match field.ownership {
            Ownership::Strong => self.destroy_memory(field.ty, addr),
            Ownership::UnownedUnsafe => {}
            Ownership::Unowned => {
                let object = self.load(types::I64, addr);
                self.runtime("codira_unowned_release", &[object], &[]);
            }
            Ownership::Weak => {
                let slot = self.address(addr);
                self.runtime("codira_weak_destroy", &[slot], &[]);
            }
        }
    }

    /// Copies a value part by part; what the type's copy function does.
    fn copy_parts(&mut self, ty: Ty, to: Addr, from: Addr) -> Result<()> {
        let layout = self.layout(ty);
        if layout.trivial || layout.leaves.is_some() {
            self.copy_memory(ty, to, from);
            return Ok(());
        }
        match &layout.shape {
            Shape::Fields(fields) => {
                for field in fields {
                    self.copy_field(field, to, from);
                }
                Ok(())
            }
            Shape::Enum(shape) => {
                self.copy_bytes(to, from, layout.size);
                self.for_payloads(layout, shape, from, |c, payload, indirect| {
                    if indirect {
                        let object = c.load(types::I64, from);
                        c.retain(object);
                    } else {
                        c.copy_memory(payload, to, from);
                    }
                })
            }
            Shape::Existential(ExistentialKind::Opaque, _) => {
                let (to, from) = (self.address(to), self.address(from));
                let size = self.i64(layout.size);
                self.runtime("codira_existential_copy", &[to, from, size], &[]);
                Ok(())
            }
            _ => Err("a type whose copy is not known".into()),
        }
    }

    /// Destroys a value part by part; what the type's destroy function does.
    fn destroy_parts(&mut self, ty: Ty, addr: Addr) -> Result<()> {
        let layout = self.layout(ty);
        if layout.trivial || layout.leaves.is_some() {
            self.destroy_memory(ty, addr);
            return Ok(());
        }
        if let Some((def, args)) = ty.as_nominal()
            && let Some(deinit) = self.p.deinit(def)
        {
            let instance = Instance {
                id: FnId {
                    def: deinit,
                    kind: FnKind::Body,
                },
                args,
            };
            let this: SmallVec<[Value; 4]> = match self.load_val(layout, addr) {
                Val::Scalars(values) => values.iter().copied().collect(),
                Val::Memory(addr) => smallvec![self.address(addr)],
            };
            let target = Target::Key(CodeKey::Function(instance));
            self.call(target, LANGUAGE_CALL, &this, &[]);
        }
        match &layout.shape {
            Shape::Fields(fields) => {
                for field in fields {
                    self.destroy_field(field, addr);
                }
                Ok(())
            }
            Shape::Enum(shape) => self.for_payloads(layout, shape, addr, |c, payload, indirect| {
                if indirect {
                    let object = c.load(types::I64, addr);
                    c.release(object);
                } else {
                    c.destroy_memory(payload, addr);
                }
            }),
            Shape::Existential(ExistentialKind::Opaque, _) => {
                let address = self.address(addr);
                self.runtime("codira_existential_destroy", &[address], &[]);
                Ok(())
            }
            _ => Err("a type whose destruction is not known".into()),
        }
    }

    /// Runs `f` for the payload that the enum at an address holds, if that payload needs counting.
    fn for_payloads(
        &mut self,
        layout: &Layout,
        shape: &EnumLayout,
        addr: Addr,
        mut f: impl FnMut(&mut Self, Ty, bool),
    ) -> Result<()> {
        let val = Val::Memory(addr);
        let done = self.block();
        for case in &shape.cases {
            let Some(payload) = case.payload.filter(|_| case.empty_number.is_none()) else {
                continue;
            };
            if !case.indirect && self.layout(payload).trivial {
                continue;
            }
            if matches!(shape.tag, TagKind::None) {
                f(self, payload, case.indirect);
                continue;
            }
            let (yes, no) = (self.block(), self.block());
            let is = self.is_case(layout, &val, case.def)?;
            self.branch(is, yes, no);
            self.at(yes);
            f(self, payload, case.indirect);
            self.jump(done);
            self.at(no);
        }
        self.jump(done);
        self.at(done);
        Ok(())
    }

    /// Runs the deinitialisers from the class to its root, then destroys the stored properties, the root's first.
    fn destroy_object(&mut self, class: Ty, object: Value) -> Result<()> {
        let mut current = Some(class);
        let mut depth = 0;
        while let Some(ty) = current {
            if let Some((def, args)) = ty.as_nominal()
                && let Some(deinit) = self.p.deinit(def)
            {
                let instance = Instance {
                    id: FnId {
                        def: deinit,
                        kind: FnKind::Body,
                    },
                    args,
                };
                let target = Target::Key(CodeKey::Function(instance));
                self.call(target, LANGUAGE_CALL, &[object], &[]);
            }
            current = self.p.superclass(ty);
            depth += 1;
            if depth > 1000 {
                return Err("a cycle of superclasses".into());
            }
        }
        let layout = self.p.class_layout(class);
        for field in &layout.fields {
            self.destroy_field(field, Addr::value(object));
        }
        Ok(())
    }

    fn destroy_context(&mut self, instance: Instance, context: Value) -> Result<()> {
        let mir = self.p.mir(instance.id).ok_or("a closure without code")?;
        for (offset, ty, mode) in context_layout(self.p, mir, instance.args).captures {
            let addr = Addr::value(context).plus(offset);
            match mode {
                CaptureMode::Value => self.destroy_memory(ty, addr),
                CaptureMode::Box => {
                    let object = self.load(types::I64, addr);
                    self.release(object);
                }
                CaptureMode::Address => {}
                CaptureMode::Weak => {
                    let slot = self.address(addr);
                    self.runtime("codira_weak_destroy", &[slot], &[]);
                }
                CaptureMode::Unowned => {
                    let object = self.load(types::I64, addr);
                    self.runtime("codira_unowned_release", &[object], &[]);
                }
            }
        }
        Ok(())
    }

    /// Computes a pattern's initial value into the storage of the globals that it declares.
    fn initialise_global(&mut self, leader: DefId, args: TyList) -> Result<()> {
        let initial = self
            .p
            .global_initial_value(leader)
            .ok_or("a global without an initial value")?;
        let id = initial.function;
        let shape = self.p.callee_shape(id, args);
        let ty = shape.result;
        let layout = self.layout(ty);
        let whole = match initial.parts.as_slice() {
            [(var, path)] if path.is_empty() => Addr::value(self.key(CodeKey::Global(*var, args))),
            _ => self.slot_for(ty),
        };
        let mut values: SmallVec<[Value; 2]> = SmallVec::new();
        if layout.scalars.is_none() {
            values.push(self.address(whole));
        }
        let instance = Instance { id, args };
        let results = result_types(layout, shape.throws.is_some());
        let inst = self.call(
            Target::Key(CodeKey::Function(instance)),
            LANGUAGE_CALL,
            &values,
            &results,
        );
        if layout.scalars.is_some() {
            let skip = usize::from(shape.throws.is_some());
            let scalars = self.b.inst_results(inst)[skip..].into();
            self.store_val(layout, &Val::Scalars(scalars), whole)?;
        }
        for (var, path) in initial.parts.iter().filter(|(_, path)| !path.is_empty()) {
            let (mut part, mut addr) = (ty, whole);
            for &index in path {
                let field = self
                    .layout(part)
                    .fields()
                    .get(index as usize)
                    .ok_or("a pattern that is no tuple")?;
                part = field.ty;
                addr = addr.plus(field.offset);
            }
            let storage = self.key(CodeKey::Global(*var, args));
            let size = self.layout(part).size;
            self.copy_bytes(Addr::value(storage), addr, size);
        }
        Ok(())
    }
}
