//! Enums: which case a value holds, and making cases.

use cranelift_codegen::ir::{InstBuilder, Type, Value, condcodes::IntCC, types};

use crate::items::ids::DefId;
use crate::types::ty::Ty;

use super::super::layout::{EnumLayout, Layout, Scalar, TagKind};
use super::code::{Addr, Code, Result, Vals};
use super::values::Val;

impl<'a> Code<'_, 'a> {
    /// The scalar at an offset of a value in hand.
    fn part(&mut self, layout: &Layout, val: &Val, offset: u32, ty: Type) -> Result<Value> {
        match val {
            Val::Memory(addr) => Ok(self.load(ty, addr.plus(u64::from(offset)))),
            Val::Scalars(values) => self.extract(layout, values, offset, ty),
        }
    }

    /// Whether the enum holds the case, as 0 or 1.
    pub fn is_case(&mut self, layout: &Layout, val: &Val, case: DefId) -> Result<Value> {
        let shape = layout.as_enum().ok_or("not an enum")?;
        let (index, case) = shape.case(case).ok_or("a case of another enum")?;
        match shape.tag {
            TagKind::None => Ok(self.i8(1)),
            TagKind::Tag(ty) => {
                let tag = self.part(layout, val, 0, ty)?;
                Ok(self.is(IntCC::Equal, tag, u64::from(index)))
            }
            TagKind::Multi { offset, ty } => {
                let tag = self.part(layout, val, offset as u32, ty)?;
                Ok(self.is(IntCC::Equal, tag, u64::from(index)))
            }
            TagKind::Extra { offset, ty, .. } => {
                let tag = self.part(layout, val, offset as u32, ty)?;
                let expected = case.empty_number.map_or(0, |n| n + 1);
                Ok(self.is(IntCC::Equal, tag, u64::from(expected)))
            }
            TagKind::Inhabitants { at, count, .. } => {
                let bits = self.part(layout, val, at.offset, at.ty)?;
                match case.empty_number {
                    Some(n) => Ok(self.is(IntCC::Equal, bits, at.first + u64::from(n))),
                    None if count == 1 => Ok(self.is(IntCC::NotEqual, bits, at.first)),
                    None => {
                        let number = self.number_among(bits, at.first);
                        Ok(self.is(IntCC::UnsignedGreaterThanOrEqual, number, u64::from(count)))
                    }
                }
            }
        }
    }

    fn number_among(&mut self, bits: Value, first: u64) -> Value {
        if first == 0 {
            bits
        } else {
            self.b.ins().iadd_imm_s(bits, -(first as i64))
        }
    }

    /// The declaration index of the case that the enum holds, as a 32-bit integer.
    pub fn enum_tag(&mut self, layout: &Layout, val: &Val) -> Result<Value> {
        let shape = layout.as_enum().ok_or("not an enum")?;
        match shape.tag {
            TagKind::None => {
                // At most one case has a payload here; if there are others, they do not exist.
                Ok(self.int(types::I32, 0))
            }
            TagKind::Tag(ty) => {
                let tag = self.part(layout, val, 0, ty)?;
                Ok(self.resize(tag, types::I32))
            }
            TagKind::Multi { offset, ty } => {
                let tag = self.part(layout, val, offset as u32, ty)?;
                Ok(self.resize(tag, types::I32))
            }
            TagKind::Extra {
                payload_case,
                offset,
                ty,
            } => {
                let tag = self.part(layout, val, offset as u32, ty)?;
                let tag = self.resize(tag, types::I32);
                let is_payload = self.is(IntCC::Equal, tag, 0);
                let number = self.b.ins().iadd_imm_s(tag, -1);
                Ok(self.index_of(is_payload, number, payload_case))
            }
            TagKind::Inhabitants {
                payload_case,
                at,
                count,
            } => {
                let bits = self.part(layout, val, at.offset, at.ty)?;
                let number = self.number_among(bits, at.first);
                let is_payload =
                    self.is(IntCC::UnsignedGreaterThanOrEqual, number, u64::from(count));
                let number = self.resize(number, types::I32);
                Ok(self.index_of(is_payload, number, payload_case))
            }
        }
    }

    /// From the number among the cases without payload to the declaration index.
    fn index_of(&mut self, is_payload: Value, number: Value, payload_case: u32) -> Value {
        let behind = self.is(
            IntCC::UnsignedGreaterThanOrEqual,
            number,
            u64::from(payload_case),
        );
        let behind = self.resize(behind, types::I32);
        let index = self.b.ins().iadd(number, behind);
        let payload = self.int(types::I32, i128::from(payload_case));
        self.b.ins().select(is_payload, payload, index)
    }

    /// The type of a case's stored payload, and whether it is in a box.
    pub fn payload_type(&self, shape: &EnumLayout, case: DefId) -> Result<(Ty, bool)> {
        let (_, case) = shape.case(case).ok_or("a case of another enum")?;
        let ty = case.payload.ok_or("a case without payload")?;
        Ok((ty, case.indirect))
    }

    /// The payload's scalars out of the enum's; the payload is not boxed.
    pub fn payload_scalars(
        &mut self,
        layout: &Layout,
        values: &[Value],
        payload: &Layout,
    ) -> Result<Vals> {
        let scalars = payload
            .scalars
            .as_deref()
            .ok_or("a payload without scalars")?;
        let mut result = Vals::new();
        for s in scalars {
            result.push(self.extract(layout, values, s.offset, s.ty)?);
        }
        Ok(result)
    }

    /// Makes a case from its payload in scalar form (the box's address for an indirect case); only for enums with a scalar form.
    pub fn make_case(
        &mut self,
        layout: &Layout,
        case: DefId,
        payload: &Layout,
        values: &[Value],
    ) -> Result<Vals> {
        let shape = layout.as_enum().ok_or("not an enum")?;
        let (index, case) = shape.case(case).ok_or("a case of another enum")?;
        let scalars = layout.scalars.as_deref().ok_or("an enum without scalars")?;
        let tag_index = scalars.len().wrapping_sub(1);
        match shape.tag {
            TagKind::None => Ok(values.into()),
            TagKind::Tag(ty) => Ok(smallvec::smallvec![self.int(ty, i128::from(index))]),
            TagKind::Multi { ty, .. } => {
                let mut result = self.assemble(&scalars[..tag_index], payload, values)?;
                result.push(self.int(ty, i128::from(index)));
                Ok(result)
            }
            TagKind::Extra { ty, .. } => match case.empty_number {
                None => {
                    let mut result: Vals = values.into();
                    result.push(self.int(ty, 0));
                    Ok(result)
                }
                Some(number) => {
                    let mut result = self.zeros(&scalars[..tag_index]);
                    result.push(self.int(ty, i128::from(number) + 1));
                    Ok(result)
                }
            },
            TagKind::Inhabitants { at, .. } => match case.empty_number {
                None => Ok(values.into()),
                Some(number) => {
                    let mut result = self.zeros(scalars);
                    let place = scalars
                        .iter()
                        .position(|s| s.offset == at.offset)
                        .ok_or("a tag outside the scalars")?;
                    result[place] = self.int(at.ty, i128::from(at.first) + i128::from(number));
                    Ok(result)
                }
            },
        }
    }

    fn zeros(&mut self, scalars: &[Scalar]) -> Vals {
        scalars.iter().map(|s| self.zero(s.ty)).collect()
    }

    /// Completes a case in memory whose payload has been stored at the enum's own address.
    pub fn store_tag(&mut self, layout: &Layout, case: DefId, addr: Addr) -> Result<()> {
        let shape = layout.as_enum().ok_or("not an enum")?;
        let (index, case) = shape.case(case).ok_or("a case of another enum")?;
        let (tag, ty, offset) = match shape.tag {
            TagKind::None => return Ok(()),
            TagKind::Tag(ty) => (u64::from(index), ty, 0),
            TagKind::Multi { offset, ty } => {
                if case.empty_number.is_some()
                    && layout.leaves.as_deref().is_some_and(|l| !l.is_empty())
                {
                    // The first word is counted whatever the case.
                    self.zero_bytes(addr, 8);
                }
                (u64::from(index), ty, offset)
            }
            TagKind::Extra { offset, ty, .. } => (
                case.empty_number.map_or(0, |n| u64::from(n) + 1),
                ty,
                offset,
            ),
            TagKind::Inhabitants { at, .. } => match case.empty_number {
                None => return Ok(()),
                Some(number) => (at.first + u64::from(number), at.ty, u64::from(at.offset)),
            },
        };
        let value = self.int(ty, i128::from(tag));
        self.store(value, addr.plus(offset));
        Ok(())
    }
}
