//! Calls that depend on the type inside an existential or on the class of an object: through witness tables, and through the instances of
//! dynamic calls (see [`super::super::dispatch`]).

use cranelift_codegen::ir::{InstBuilder, Value, types};
use smallvec::SmallVec;

use crate::base::Name;
use crate::items::ids::DefId;
use crate::mir::data::{Argument, FnId, FnKind, Operand};
use crate::types::ty::{Ty, TyKind, TyList};

use super::super::cx::ThisMode;
use super::super::key::{CodeKey, DynamicCall};
use super::super::layout::{ExistentialKind, Shape};
use super::super::metadata::INSTANCES_OFFSET;
use super::call::{Catch, Function, Writebacks};
use super::code::{Addr, Result};
use super::frame::{At, Emitter, Loc};

/// An existential argument in memory.
struct Opened {
    addr: Addr,
    kind: ExistentialKind,
    mutable: bool,
}

impl<'f, 'a> Emitter<'f, 'a> {
    /// A requirement called on `any P`: through the witness table that the value carries, with the value's own address as `this`.
    pub(super) fn call_existential(
        &mut self,
        dest: &Loc,
        requirement: DefId,
        type_args: TyList,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let id = FnId {
            def: requirement,
            kind: FnKind::Body,
        };
        if !self.c.p.is_dispatchable(requirement) {
            let call = DynamicCall::Opened {
                id,
                args: type_args,
                index: 0,
                is_virtual: false,
            };
            return self.call_opened(dest, call, args, catch);
        }
        let protocol = self
            .c
            .p
            .requirement_owner(requirement)
            .ok_or("a requirement of no protocol")?;
        let (this, rest) = args
            .split_last()
            .ok_or("a call through an existential without a value")?;
        let (mut values, mut writebacks) = self.arguments(rest)?;
        let (table, this) = match this {
            Argument::Value(operand) if Self::is_metatype(self.operand_type(operand)?) => {
                self.metatype_witness(operand, protocol)?
            }
            _ => {
                let (opened, tables) = self.existential(this, &mut writebacks)?;
                let table = self.witness_table_in(opened.addr, opened.kind, tables, protocol)?;
                let value = self.project(opened.addr, opened.kind, opened.mutable);
                (table, value)
            }
        };
        values.push(this);
        let index = self.requirement_index(protocol, requirement)?;
        let code = self
            .c
            .load(types::I64, Addr::value(table).plus(8 * u64::from(index)));
        let throws = self.c.p.callee_shape(id, type_args).throws.is_some();
        self.call_with(
            Function::Address(code),
            dest,
            throws,
            values,
            None,
            writebacks,
            catch,
        )
    }

    /// Where a requirement's entry stands in its protocol's witness tables.
    pub(in super::super) fn requirement_index(
        &self,
        protocol: DefId,
        requirement: DefId,
    ) -> Result<u32> {
        let inherited = self.c.p.inherited_protocols(protocol).len();
        let position = self
            .c
            .p
            .requirements(protocol)
            .iter()
            .position(|&r| r == requirement)
            .ok_or("a requirement without an entry")?;
        Ok((1 + inherited + position) as u32)
    }

    /// An existential argument in memory, with the protocols that it has witness tables for. What the call consumes is destroyed after it: the
    /// callee gets the value inside by address and makes its own copy.
    fn existential(
        &mut self,
        arg: &Argument,
        writebacks: &mut Writebacks,
    ) -> Result<(Opened, &'a [DefId])> {
        let (loc, mutable) = match arg {
            Argument::Address(place) => (self.place(place)?, true),
            Argument::Value(operand @ Operand::Const(_)) => {
                let ty = self.operand_type(operand)?;
                let val = self.operand(operand)?;
                let addr = self.c.in_memory(ty, &val)?;
                (Loc::memory(ty, addr), false)
            }
            Argument::Value(Operand::Copy(place) | Operand::Borrow(place)) => {
                (self.place(place)?, false)
            }
            Argument::Value(Operand::Move(place)) => {
                let loc = self.place(place)?;
                let val = self.load(&loc);
                let addr = self.c.in_memory(loc.ty, &val)?;
                let loc = Loc::memory(loc.ty, addr);
                writebacks.consumed.push((loc.ty, addr));
                (loc, false)
            }
        };
        let Shape::Existential(kind, tables) = &self.c.layout(loc.ty).shape else {
            return Err("an opened argument that is no existential".into());
        };
        let addr = match loc.at {
            At::Memory(addr) => addr,
            _ => {
                let val = self.load(&loc);
                let addr = self.c.in_memory(loc.ty, &val)?;
                if mutable {
                    writebacks.places.push((loc, addr));
                }
                addr
            }
        };
        let opened = Opened {
            addr,
            kind: *kind,
            mutable,
        };
        Ok((opened, tables))
    }

    /// Calls the instance for the type inside an existential.
    pub(super) fn call_opened(
        &mut self,
        dest: &Loc,
        call: DynamicCall,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let DynamicCall::Opened {
            id,
            args: type_args,
            index,
            ..
        } = call
        else {
            return Err("an opened call of a method".into());
        };
        // The parameters that have the opened type are those that have the type of a stand-in for it.
        let stand_in = Ty::param(u32::MAX, Name::new("opened"));
        let mut generic = type_args.as_slice().to_vec();
        if let Some(arg) = generic.get_mut(index as usize) {
            *arg = stand_in;
        }
        let shape = self.c.p.callee_shape(id, TyList::new(&generic));
        let this_ty = self.c.p.this_type(id.def, TyList::new(&generic));
        let this_opened = index == 0 && this_ty == Some(stand_in);
        let mut values = SmallVec::new();
        let mut writebacks = Writebacks::default();
        let mut metadata = None;
        for (i, arg) in args.iter().enumerate() {
            let ty = match shape.params.get(i) {
                Some(&(ty, _)) => ty,
                None if shape.this == ThisMode::None => {
                    // A static member of a protocol's extension: the metatype only says which instance.
                    if let Argument::Value(operand) = arg {
                        metadata = Some(self.type_in(operand)?);
                    }
                    continue;
                }
                None if this_opened && shape.this == ThisMode::Metatype => Ty::metatype(stand_in),
                None if this_opened => stand_in,
                None => Ty::unit(),
            };
            if ty == stand_in {
                let (opened, _) = self.existential(arg, &mut writebacks)?;
                if metadata.is_none() {
                    metadata = Some(self.type_inside(&opened));
                }
                values.push(self.project(opened.addr, opened.kind, opened.mutable));
                continue;
            }
            if let (TyKind::Metatype(of), Argument::Value(operand)) = (ty.kind(), arg)
                && *of == stand_in
            {
                // The instance is for one type, whose metatypes have no witness tables.
                let found = self.type_in(operand)?;
                metadata = metadata.or(Some(found));
                values.push(found);
                continue;
            }
            self.pass(arg, &mut values, &mut writebacks)?;
        }
        let metadata = metadata.ok_or("an opened call without an argument of the type")?;
        let code = self.instance(metadata, call);
        let throws = self.c.p.callee_shape(id, type_args).throws.is_some();
        self.call_with(
            Function::Address(code),
            dest,
            throws,
            values,
            None,
            writebacks,
            catch,
        )
    }

    /// The metadata of the type of the value in an existential.
    fn type_inside(&mut self, opened: &Opened) -> Value {
        match opened.kind {
            ExistentialKind::Opaque => self.c.load(
                types::I64,
                opened.addr.plus(super::super::layout::EXISTENTIAL_BUFFER),
            ),
            ExistentialKind::Class => {
                let object = self.c.load(types::I64, opened.addr);
                self.c.load(types::I64, Addr::value(object))
            }
            ExistentialKind::Error => {
                let object = self.c.load(types::I64, opened.addr);
                self.c.load(
                    types::I64,
                    Addr::value(object).plus(super::dynamic::BOX_METADATA),
                )
            }
        }
    }

    /// The code of a dynamic call for a type.
    pub(super) fn instance(&mut self, metadata: Value, call: DynamicCall) -> Value {
        let slot = self.c.key(CodeKey::DynamicSlot(call));
        let number = self.c.load(types::I64, Addr::value(slot));
        let table = Addr::value(metadata).plus(INSTANCES_OFFSET as u64);
        let table = self.c.load(types::I64, table);
        let offset = self.c.b.ins().ishl_imm_u(number, 3);
        let entry = self.c.b.ins().iadd(table, offset);
        self.c.load(types::I64, Addr::value(entry))
    }
}
