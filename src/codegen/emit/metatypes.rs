//! Types as values: the word of the type's metadata, and in the metatype of an existential (`any P.Type`) the witness tables behind it, by which
//! requirements are called.

use cranelift_codegen::ir::{Value, types};

use crate::items::ids::DefId;
use crate::mir::data::{Const, Operand};
use crate::types::ty::{Ty, TyKind};

use super::super::cx::NominalKind;
use super::super::layout::Shape;
use super::code::{Addr, Result, Vals};
use super::frame::{Emitter, Loc};
use super::values::Val;

impl<'f, 'a> Emitter<'f, 'a> {
    /// Whether values of a type are types.
    pub(super) fn is_metatype(ty: Ty) -> bool {
        matches!(ty.kind(), TyKind::Metatype(_) | TyKind::ProtocolMetatype(_))
    }

    /// The protocols whose witness tables values of this metatype hold.
    fn tables_of(&mut self, metatype: Ty) -> &'a [DefId] {
        match &self.c.layout(metatype).shape {
            Shape::Metatype(tables) => tables,
            _ => &[],
        }
    }

    /// The metadata of the type that an operand is.
    pub(super) fn type_in(&mut self, operand: &Operand) -> Result<Value> {
        let val = self.operand(operand)?;
        self.metadata_in(&val)
    }

    fn metadata_in(&mut self, val: &Val) -> Result<Value> {
        match val {
            Val::Memory(addr) => Ok(self.c.load(types::I64, *addr)),
            Val::Scalars(_) => val.scalar(),
        }
    }

    /// A type that is known as a value of a metatype.
    pub(super) fn known_metatype(&mut self, ty: Ty, metatype: Ty) -> Result<Val> {
        let metadata = self.c.metadata(ty);
        self.metatype(metatype, metadata, |this, protocol| {
            // An existential type has no tables: where it conforms to its own protocols, those require nothing of the type.
            if ty.is_existential() || !this.c.p.conforms(ty, protocol) {
                return Ok(this.c.i64(0));
            }
            Ok(this.witness_table(ty, protocol))
        })
    }

    /// A type that only the running program knows as a value of a metatype.
    pub(super) fn found_metatype(&mut self, metadata: Value, metatype: Ty) -> Result<Val> {
        self.metatype(metatype, metadata, |this, protocol| {
            Ok(this.dynamic_witness_table(metadata, protocol))
        })
    }

    fn metatype(
        &mut self,
        metatype: Ty,
        metadata: Value,
        mut table: impl FnMut(&mut Self, DefId) -> Result<Value>,
    ) -> Result<Val> {
        let mut words: Vals = smallvec::smallvec![metadata];
        for &protocol in self.tables_of(metatype) {
            let table = table(self, protocol)?;
            words.push(table);
        }
        if self.c.layout(metatype).scalars.is_some() {
            return Ok(Val::Scalars(words));
        }
        let slot = self.c.slot_for(metatype);
        for (i, &word) in words.iter().enumerate() {
            self.c.store(word, slot.plus(8 * i as u64));
        }
        Ok(Val::Memory(slot))
    }

    /// From one metatype to another, of which one is that of an existential.
    pub(super) fn convert_metatype(
        &mut self,
        loc: &Loc,
        value: &Operand,
        from: Ty,
        to: Ty,
    ) -> Result<()> {
        if from == to {
            return self.operand_into(value, loc);
        }
        let known = match (value, from.kind()) {
            (Operand::Const(Const::Metatype(ty) | Const::ProtocolMetatype(ty)), _) => {
                Some(self.mono(*ty))
            }
            (_, TyKind::ProtocolMetatype(ty)) => Some(*ty),
            (_, TyKind::Metatype(ty)) => self.has_one_metatype(*ty).then_some(*ty),
            _ => return Err("a metatype made of something else".into()),
        };
        let val = match known {
            Some(ty) => self.known_metatype(ty, to)?,
            None => {
                let val = self.operand(value)?;
                let metadata = self.metadata_in(&val)?;
                self.metatype(to, metadata, |this, protocol| {
                    this.table_in_metatype(&val, from, protocol)
                })?
            }
        };
        self.store(loc, &val)
    }

    /// Whether the metatype of a type has no value but the type itself.
    fn has_one_metatype(&self, ty: Ty) -> bool {
        match ty.kind() {
            TyKind::Nominal { def, .. } => self.c.p.nominal_kind(*def) != NominalKind::Class,
            TyKind::Tuple(_) | TyKind::Function(_) => true,
            _ => false,
        }
    }

    /// The witness table of the type that a metatype is: one of those in the metatype, else the one that is found.
    fn table_in_metatype(&mut self, val: &Val, metatype: Ty, protocol: DefId) -> Result<Value> {
        for (i, &from) in self.tables_of(metatype).iter().enumerate() {
            let Some(path) = self.inheritance(from, protocol) else {
                continue;
            };
            let mut table = match val {
                Val::Scalars(words) => *words
                    .get(1 + i)
                    .ok_or("a metatype without a witness table")?,
                Val::Memory(addr) => self.c.load(types::I64, addr.plus(8 + 8 * i as u64)),
            };
            for step in path {
                let entry = Addr::value(table).plus(8 * u64::from(step));
                table = self.c.load(types::I64, entry);
            }
            return Ok(table);
        }
        let metadata = self.metadata_in(val)?;
        Ok(self.dynamic_witness_table(metadata, protocol))
    }

    /// What a requirement that is called on a metatype needs: the witness table and the type.
    pub(super) fn metatype_witness(
        &mut self,
        operand: &Operand,
        protocol: DefId,
    ) -> Result<(Value, Value)> {
        let metatype = self.operand_type(operand)?;
        let val = self.operand(operand)?;
        let table = self.table_in_metatype(&val, metatype, protocol)?;
        Ok((table, self.metadata_in(&val)?))
    }
}
