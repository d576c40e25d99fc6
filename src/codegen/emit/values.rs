//! Values as wholes: loading, storing, copying and destroying by layout.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use crate::base::Name;
use crate::types::ty::Ty;

use super::super::isa::{COUNT_CALL, RUNTIME_CALL};
use super::super::key::{CodeKey, canonical};
use super::super::layout::{Layout, Leaf};
use super::code::{Addr, Code, Result, Target, Vals};

/// The runtime's function that counts a reference up.
pub(super) const COUNT_UP: &str = "codira_count_up";

/// A value in hand.
#[derive(Clone, Debug)]
pub(in super::super) enum Val {
    /// In its scalar form.
    Scalars(Vals),
    /// Too large for that: where it lies.
    Memory(Addr),
}

impl Val {
    pub fn one(value: Value) -> Val {
        Val::Scalars(smallvec::smallvec![value])
    }
    pub fn none() -> Val {
        Val::Scalars(Vals::new())
    }
    /// The only, or first, scalar.
    pub fn scalar(&self) -> Result<Value> {
        match self {
            Val::Scalars(values) if !values.is_empty() => Ok(values[0]),
            _ => Err("a scalar was expected".into()),
        }
    }
    pub fn scalars(&self) -> Result<&[Value]> {
        match self {
            Val::Scalars(values) => Ok(values),
            Val::Memory(_) => Err("a value of few scalars was expected".into()),
        }
    }
}

impl Layout {
    /// The types of the scalar form.
    pub fn scalar_types(&self) -> impl Iterator<Item = Type> + '_ {
        self.scalars.iter().flatten().map(|s| s.ty)
    }
    fn scalar_at(&self, offset: u32) -> Option<usize> {
        self.scalars
            .as_deref()?
            .iter()
            .position(|s| s.offset == offset)
    }
}

impl<'a> Code<'_, 'a> {
    pub fn load_val(&mut self, layout: &Layout, addr: Addr) -> Val {
        match &layout.scalars {
            Some(scalars) => Val::Scalars(
                scalars
                    .iter()
                    .map(|s| self.load(s.ty, addr.plus(u64::from(s.offset))))
                    .collect(),
            ),
            None => Val::Memory(addr),
        }
    }

    /// Stores without destroying what was there.
    pub fn store_val(&mut self, layout: &Layout, val: &Val, addr: Addr) -> Result<()> {
        match (val, &layout.scalars) {
            (Val::Scalars(values), Some(scalars)) if values.len() == scalars.len() => {
                for (&value, scalar) in values.iter().zip(scalars.iter()) {
                    self.store(value, addr.plus(u64::from(scalar.offset)));
                }
                Ok(())
            }
            (&Val::Memory(from), _) => {
                self.copy_bytes(addr, from, layout.size);
                Ok(())
            }
            _ => Err("a value and its type have different forms".into()),
        }
    }

    /// Makes sure that the value lies in memory, and says where.
    pub fn in_memory(&mut self, ty: Ty, val: &Val) -> Result<Addr> {
        match val {
            Val::Memory(addr) => Ok(*addr),
            Val::Scalars(_) => {
                let addr = self.slot_for(ty);
                let layout = self.layout(ty);
                self.store_val(layout, val, addr)?;
                Ok(addr)
            }
        }
    }

    pub fn retain(&mut self, object: Value) {
        let target = Target::Runtime(Name::new(COUNT_UP));
        self.call(target, COUNT_CALL, &[object], &[]);
    }
    pub fn release(&mut self, object: Value) {
        let target = Target::Runtime(Name::new("codira_count_down"));
        self.call(target, COUNT_CALL, &[object], &[]);
    }

    fn count(&mut self, object: Value, leaf: Leaf, up: bool) {
        match (up, leaf.unowned) {
            (true, false) => self.retain(object),
            (false, false) => self.release(object),
            (true, true) => {
                self.runtime("codira_unowned_retain", &[object], &[types::I64]);
            }
            (false, true) => {
                self.runtime("codira_unowned_release", &[object], &[]);
            }
        }
    }

    /// Gives the copy of a value: counts its references. The bits stay the same.
    pub fn copy_val(&mut self, ty: Ty, val: &Val) -> Result<Val> {
        let layout = self.layout(ty);
        if layout.trivial {
            return match val {
                Val::Scalars(_) => Ok(val.clone()),
                Val::Memory(from) => {
                    let to = self.slot_for(ty);
                    self.copy_bytes(to, *from, layout.size);
                    Ok(Val::Memory(to))
                }
            };
        }
        match (val, &layout.leaves) {
            (Val::Scalars(values), Some(leaves)) => {
                for &leaf in leaves {
                    let index = layout
                        .scalar_at(leaf.offset)
                        .ok_or("a reference outside the scalars")?;
                    self.count(values[index], leaf, true);
                }
                Ok(val.clone())
            }
            (Val::Scalars(_), None) => {
                let from = self.in_memory(ty, val)?;
                let to = self.slot_for(ty);
                self.copy_helper(ty, to, from);
                Ok(val.clone())
            }
            (&Val::Memory(from), _) => {
                let to = self.slot_for(ty);
                self.copy_memory(ty, to, from);
                Ok(Val::Memory(to))
            }
        }
    }

    /// Initialises `to` with a copy of the value at `from`.
    pub fn copy_memory(&mut self, ty: Ty, to: Addr, from: Addr) {
        let layout = self.layout(ty);
        if layout.trivial {
            self.copy_bytes(to, from, layout.size);
            return;
        }
        match &layout.leaves {
            Some(leaves) => {
                self.copy_bytes(to, from, layout.size);
                for &leaf in leaves {
                    let object = self.load(types::I64, to.plus(u64::from(leaf.offset)));
                    self.count(object, leaf, true);
                }
            }
            None => self.copy_helper(ty, to, from),
        }
    }

    fn copy_helper(&mut self, ty: Ty, to: Addr, from: Addr) {
        let (to, from) = (self.address(to), self.address(from));
        let target = Target::Key(CodeKey::Copy(canonical(ty)));
        self.call(target, RUNTIME_CALL, &[to, from], &[]);
    }

    pub fn destroy_val(&mut self, ty: Ty, val: &Val) -> Result<()> {
        let layout = self.layout(ty);
        if layout.trivial {
            return Ok(());
        }
        match (val, &layout.leaves) {
            (Val::Scalars(values), Some(leaves)) => {
                for &leaf in leaves {
                    let index = layout
                        .scalar_at(leaf.offset)
                        .ok_or("a reference outside the scalars")?;
                    self.count(values[index], leaf, false);
                }
            }
            _ => {
                let addr = self.in_memory(ty, val)?;
                self.destroy_memory(ty, addr);
            }
        }
        Ok(())
    }

    /// Destroys the value at an address.
    pub fn destroy_memory(&mut self, ty: Ty, addr: Addr) {
        let layout = self.layout(ty);
        if layout.trivial {
            return;
        }
        match &layout.leaves {
            Some(leaves) => {
                for &leaf in leaves {
                    let object = self.load(types::I64, addr.plus(u64::from(leaf.offset)));
                    self.count(object, leaf, false);
                }
            }
            None => {
                let addr = self.address(addr);
                let target = Target::Key(CodeKey::Destroy(canonical(ty)));
                self.call(target, RUNTIME_CALL, &[addr], &[]);
            }
        }
    }

    /// The scalar of type `ty` at byte `offset` of a value cut into other scalars, which lies inside one of them.
    pub fn extract(
        &mut self,
        layout: &Layout,
        values: &[Value],
        offset: u32,
        ty: Type,
    ) -> Result<Value> {
        let scalars = layout.scalars.as_deref().unwrap_or_default();
        if ty == types::I128 {
            let low = self.extract(layout, values, offset, types::I64)?;
            let high = self.extract(layout, values, offset + 8, types::I64)?;
            return Ok(self.b.ins().iconcat(low, high));
        }
        let index = scalars
            .iter()
            .position(|s| s.offset <= offset && offset + ty.bytes() <= s.offset + s.ty.bytes())
            .ok_or("a scalar across others")?;
        let mut value = values[index];
        let from = scalars[index].ty;
        if from == ty {
            return Ok(value);
        }
        let from_int = from.as_int();
        if from.is_float() {
            value = self.b.ins().bitcast(from_int, bitcast_flags(), value);
        }
        let shift = (offset - scalars[index].offset) * 8;
        if shift != 0 {
            value = self.b.ins().ushr_imm_u(value, i64::from(shift));
        }
        let to_int = ty.as_int();
        if to_int.bits() < from_int.bits() {
            value = self.b.ins().ireduce(to_int, value);
        }
        if ty.is_float() {
            value = self.b.ins().bitcast(ty, bitcast_flags(), value);
        }
        Ok(value)
    }

    /// Puts scalars of a payload into integers of another cut, zero where there are none; the inverse of [`Code::extract`].
    pub fn assemble(
        &mut self,
        into: &[super::super::layout::Scalar],
        from: &Layout,
        values: &[Value],
    ) -> Result<Vals> {
        let mut parts: Vec<(u32, Value)> = Vec::new();
        let scalars = from.scalars.as_deref().ok_or("a payload without scalars")?;
        for (&value, scalar) in values.iter().zip(scalars) {
            match scalar.ty {
                types::I128 => {
                    let (low, high) = self.b.ins().isplit(value);
                    parts.push((scalar.offset, low));
                    parts.push((scalar.offset + 8, high));
                }
                ty if ty.is_float() => {
                    let int = self.b.ins().bitcast(ty.as_int(), bitcast_flags(), value);
                    parts.push((scalar.offset, int));
                }
                _ => parts.push((scalar.offset, value)),
            }
        }
        let mut result = Vals::new();
        for chunk in into {
            let end = chunk.offset + chunk.ty.bytes();
            let mut whole: Option<Value> = None;
            for &(offset, value) in parts
                .iter()
                .filter(|(o, _)| (chunk.offset..end).contains(o))
            {
                let wide = self.resize(value, chunk.ty);
                let shift = (offset - chunk.offset) * 8;
                let placed = if shift == 0 {
                    wide
                } else {
                    self.b.ins().ishl_imm_u(wide, i64::from(shift))
                };
                whole = Some(match whole {
                    None => placed,
                    Some(others) => self.b.ins().bor(others, placed),
                });
            }
            let value = match whole {
                Some(value) => value,
                None => self.zero(chunk.ty),
            };
            result.push(value);
        }
        Ok(result)
    }
}

fn bitcast_flags() -> cranelift_codegen::ir::MemFlagsData {
    cranelift_codegen::ir::MemFlagsData::new()
}
