//! Values whose type is known only at run time: existentials, casts, dynamic types.

use cranelift_codegen::ir::{InstBuilder, Value, condcodes::IntCC, types};

use crate::items::ids::DefId;
use crate::mir::data::{Instance, Operand, Place};
use crate::types::ty::{FnTy, Ty, TyKind};

use super::super::key::{CodeKey, canonical};
use super::super::layout::{BOX_VALUE, EXISTENTIAL_BUFFER, ExistentialKind, Shape};
use super::super::metadata::descriptor;
use super::call::{Function, Writebacks};
use super::code::{Addr, Result, Target, Vals};
use super::frame::{At, Emitter, Loc};
use super::values::Val;

/// Where an opaque existential's witness tables start.
const TABLES: u64 = EXISTENTIAL_BUFFER + 8;
/// Where an error's box holds the metadata and the witness table of its value.
pub(super) const BOX_METADATA: u64 = 16;
const BOX_TABLE: u64 = 24;

impl<'f, 'a> Emitter<'f, 'a> {
    /// The address of the value in an existential.
    pub(super) fn project(&mut self, addr: Addr, kind: ExistentialKind, mutable: bool) -> Value {
        match kind {
            ExistentialKind::Class => self.c.address(addr),
            ExistentialKind::Error => {
                let object = self.c.load(types::I64, addr);
                self.c.address(Addr::value(object).plus(BOX_VALUE))
            }
            ExistentialKind::Opaque => {
                let address = self.c.address(addr);
                let function = if mutable {
                    "codira_existential_make_unique"
                } else {
                    "codira_existential_project"
                };
                self.c.runtime_value(function, &[address], types::I64)
            }
        }
    }

    /// The witness table for a protocol out of an existential that conforms to it.
    pub(super) fn witness_table_in(
        &mut self,
        addr: Addr,
        kind: ExistentialKind,
        tables: &[DefId],
        protocol: DefId,
    ) -> Result<Value> {
        if kind == ExistentialKind::Error {
            let object = self.c.load(types::I64, addr);
            return Ok(self.c.load(types::I64, Addr::value(object).plus(BOX_TABLE)));
        }
        let start = match kind {
            ExistentialKind::Class => 8,
            _ => TABLES,
        };
        for (i, &from) in tables.iter().enumerate() {
            if let Some(path) = self.inheritance(from, protocol) {
                let mut table = self.c.load(types::I64, addr.plus(start + 8 * i as u64));
                for step in path {
                    table = self
                        .c
                        .load(types::I64, Addr::value(table).plus(8 * u64::from(step)));
                }
                return Ok(table);
            }
        }
        Err(format!(
            "an existential without a witness table for {}",
            self.c.p.def(protocol).name
        ))
    }

    /// The entries that lead from a protocol's witness table to that of one it refines.
    pub(super) fn inheritance(&self, from: DefId, to: DefId) -> Option<Vec<u32>> {
        let mut seen = vec![from];
        let mut queue = std::collections::VecDeque::from([(from, Vec::new())]);
        while let Some((protocol, path)) = queue.pop_front() {
            if protocol == to {
                return Some(path);
            }
            for (i, parent) in self
                .c
                .p
                .inherited_protocols(protocol)
                .into_iter()
                .enumerate()
            {
                if !seen.contains(&parent) {
                    seen.push(parent);
                    let mut path = path.clone();
                    path.push(1 + i as u32);
                    queue.push_back((parent, path));
                }
            }
        }
        None
    }

    /// Looks a conformance up at run time.
    pub(super) fn dynamic_witness_table(&mut self, metadata: Value, protocol: DefId) -> Value {
        self.note_dynamic(CodeKey::Protocol(protocol));
        let protocol = self.c.key(CodeKey::Protocol(protocol));
        self.c
            .runtime_value("codira_conforms", &[metadata, protocol], types::I64)
    }

    fn note_dynamic(&mut self, descriptor: CodeKey) {
        if !self.c.symbols.dynamic_protocols.contains(&descriptor) {
            self.c.symbols.dynamic_protocols.push(descriptor);
        }
    }

    /// Notes the protocols that a cast to a type looks for.
    fn note_target(&mut self, ty: Ty) {
        let mut found = Vec::new();
        ty.any_part(&mut |t| {
            if let TyKind::Existential(e) = t.kind() {
                found.extend(e.protocols.iter().map(|&protocol| (t, protocol)));
            }
            false
        });
        for (existential, protocol) in found {
            if !self.c.p.is_marker(protocol) {
                self.note_dynamic(descriptor(existential, protocol));
            }
        }
    }

    /// Wraps a value in an existential.
    pub(super) fn erase(&mut self, loc: &Loc, value: &Operand, from: Ty, to: Ty) -> Result<()> {
        if from == to {
            return self.operand_into(value, loc);
        }
        let from_layout = self.c.layout(from);
        let to_layout = self.c.layout(to);
        let Shape::Existential(kind, tables) = &to_layout.shape else {
            return Err("erasure to a type that is no existential".into());
        };
        if let Shape::Existential(from_kind, from_tables) = &from_layout.shape {
            return self.erase_existential(
                loc,
                value,
                from,
                to,
                (*from_kind, from_tables),
                (*kind, tables),
            );
        }
        match kind {
            ExistentialKind::Class => {
                let mut values: Vals = smallvec::smallvec![self.operand(value)?.scalar()?];
                for &protocol in tables {
                    values.push(self.witness_table(from, protocol));
                }
                self.store(loc, &Val::Scalars(values))
            }
            ExistentialKind::Error => {
                let val = self.operand(value)?;
                let object = self.error_box(from, &val)?;
                self.store(loc, &Val::one(object))
            }
            ExistentialKind::Opaque => {
                let addr = self.address_of(loc)?;
                let metadata = self.c.metadata(from);
                if from_layout.fits_inline() {
                    self.operand_into(value, &Loc::memory(from, addr))?;
                    self.c.store(metadata, addr.plus(EXISTENTIAL_BUFFER));
                } else {
                    // The operand may lie in the destination's own storage only if it was moved out, so it is read first.
                    let val = self.operand(value)?;
                    let address = self.c.address(addr);
                    let place = self.c.runtime_value(
                        "codira_existential_alloc",
                        &[address, metadata],
                        types::I64,
                    );
                    self.c.store_val(from_layout, &val, Addr::value(place))?;
                }
                for (i, &protocol) in tables.iter().enumerate() {
                    let table = self.witness_table(from, protocol);
                    self.c.store(table, addr.plus(TABLES + 8 * i as u64));
                }
                Ok(())
            }
        }
    }

    pub(super) fn witness_table(&mut self, ty: Ty, protocol: DefId) -> Value {
        self.c.key(CodeKey::WitnessTable(canonical(ty), protocol))
    }

    /// From one existential to another.
    fn erase_existential(
        &mut self,
        loc: &Loc,
        value: &Operand,
        from: Ty,
        to: Ty,
        (from_kind, from_tables): (ExistentialKind, &[DefId]),
        (kind, tables): (ExistentialKind, &[DefId]),
    ) -> Result<()> {
        let reachable = |this: &Self| {
            tables.iter().all(|&p| {
                from_tables
                    .iter()
                    .any(|&f| this.inheritance(f, p).is_some())
            })
        };
        if from_kind == kind && kind != ExistentialKind::Error && reachable(self) {
            let val = self.operand(value)?;
            let source = self.c.in_memory(from, &val)?;
            let mut found = Vals::new();
            for &protocol in tables {
                found.push(self.witness_table_in(source, kind, from_tables, protocol)?);
            }
            if kind == ExistentialKind::Class {
                let mut values: Vals = smallvec::smallvec![val.scalar()?];
                values.extend(found);
                return self.store(loc, &Val::Scalars(values));
            }
            let addr = self.address_of(loc)?;
            self.c.copy_bytes(addr, source, TABLES);
            for (i, &table) in found.iter().enumerate() {
                self.c.store(table, addr.plus(TABLES + 8 * i as u64));
            }
            return Ok(());
        }
        if kind == ExistentialKind::Class && from_kind == ExistentialKind::Class {
            let val = self.operand(value)?;
            let object = val.scalar()?;
            let metadata = self.c.load(types::I64, Addr::value(object));
            let mut values: Vals = smallvec::smallvec![object];
            for &protocol in tables {
                let table = self.dynamic_witness_table(metadata, protocol);
                values.push(table);
            }
            return self.store(loc, &Val::Scalars(values));
        }
        if kind == ExistentialKind::Opaque
            && from_kind == ExistentialKind::Class
            && tables.is_empty()
            && !from.is_any_object()
        {
            let object = self.operand(value)?.scalar()?;
            let metadata = self.c.load(types::I64, Addr::value(object));
            let addr = self.address_of(loc)?;
            self.c.store(object, addr);
            self.c.store(metadata, addr.plus(EXISTENTIAL_BUFFER));
            return Ok(());
        }
        // Everything else opens the source and looks the conformances up; it cannot fail, because the checker has proved them.
        let val = self.operand(value)?;
        let source = self.c.in_memory(from, &val)?;
        let target = match loc.at {
            At::Memory(addr) => addr,
            _ => self.c.slot_for(to),
        };
        self.dynamic_cast(source, from, target, to, Self::is_owned(value));
        match loc.at {
            At::Memory(_) => Ok(()),
            _ => {
                let layout = self.c.layout(to);
                let val = self.c.load_val(layout, target);
                self.store(loc, &val)
            }
        }
    }

    /// Notes that a cast may need the library: to collections with hashed keys, and to and from `AnyHashable`.
    fn note_hooks(&mut self, from: Ty, to: Ty) {
        let Some(hooks) = self.c.p.cast_hooks() else {
            return;
        };
        let hashed = |t: Ty| {
            t.any_part(&mut |part| {
                part == hooks.any_hashable
                    || part
                        .nominal_def()
                        .is_some_and(|def| hooks.collections.iter().any(|c| c.1 == def))
            })
        };
        if hashed(to) || hashed(from) {
            self.c.number(Target::Key(CodeKey::CastHooks));
        }
    }

    fn dynamic_cast(&mut self, source: Addr, from: Ty, target: Addr, to: Ty, take: bool) -> Value {
        self.note_target(to);
        self.note_hooks(from, to);
        let target = self.c.address(target);
        let source = self.c.address(source);
        let from = self.c.metadata(from);
        let to = self.c.metadata(to);
        let take = self.c.i8(u8::from(take));
        self.c.runtime_value(
            "codira_dynamic_cast",
            &[target, source, from, to, take],
            types::I8,
        )
    }

    /// `as?`: whether it worked and the value, a copy of the source.
    pub(super) fn cast(
        &mut self,
        ok: &Place,
        dest: &Place,
        value: &Place,
        from: Ty,
        to: Ty,
    ) -> Result<()> {
        let source = self.place(value)?;
        let dest = self.place(dest)?;
        let ok = self.place(ok)?;
        if self.is_class_reference(from) && self.is_class_reference(to) {
            let object = self.load(&source).scalar()?;
            let class = self.c.metadata(to);
            let found = self
                .c
                .runtime_value("codira_class_cast", &[object, class], types::I64);
            self.c.retain(found);
            self.store(&dest, &Val::one(found))?;
            let worked = self.c.is(IntCC::NotEqual, found, 0);
            return self.store(&ok, &Val::one(worked));
        }
        let val = self.load(&source);
        let from_addr = self.c.in_memory(from, &val)?;
        let to_addr = match dest.at {
            At::Memory(addr) => addr,
            _ => self.c.slot_for(to),
        };
        if let Some(done) = self.cast_exact(from_addr, from, to_addr, to)? {
            // The common case is settled; `done` is where both paths meet, with the answer.
            self.store(&ok, &Val::one(done))?;
        } else if let Some(done) = self.cast_throwing(from_addr, from, to_addr, to)? {
            self.store(&ok, &Val::one(done))?;
        } else {
            let worked = self.dynamic_cast(from_addr, from, to_addr, to, false);
            self.store(&ok, &Val::one(worked))?;
        }
        match dest.at {
            At::Memory(_) => Ok(()),
            _ => {
                let layout = self.c.layout(to);
                let val = self.c.load_val(layout, to_addr);
                self.store(&dest, &val)
            }
        }
    }

    /// From an opaque existential to a struct or enum: when the value is of exactly that type, no search is needed.
    fn cast_exact(
        &mut self,
        source: Addr,
        from: Ty,
        target: Addr,
        to: Ty,
    ) -> Result<Option<Value>> {
        let opaque = matches!(
            self.c.layout(from).shape,
            Shape::Existential(ExistentialKind::Opaque, _)
        );
        let to_layout = self.c.layout(to);
        let exact = matches!(to.kind(), TyKind::Nominal { def, .. } if !self.c.p.is_optional(*def))
            && !matches!(to_layout.shape, Shape::Reference);
        if !opaque || !exact || !to_layout.fits_inline() {
            return Ok(None);
        }
        let metadata = self.c.load(types::I64, source.plus(EXISTENTIAL_BUFFER));
        let wanted = self.c.metadata(to);
        let same = self.c.b.ins().icmp(IntCC::Equal, metadata, wanted);
        let (hit, miss, done) = (self.c.block(), self.c.cold_block(), self.c.block());
        let answer = self.c.b.declare_var(types::I8);
        self.c.branch(same, hit, miss);
        self.c.at(hit);
        self.c.copy_memory(to, target, source);
        let yes = self.c.i8(1);
        self.c.b.def_var(answer, yes);
        self.c.jump(done);
        self.c.at(miss);
        let worked = self.dynamic_cast(source, from, target, to, false);
        self.c.b.def_var(answer, worked);
        self.c.jump(done);
        self.c.at(done);
        Ok(Some(self.c.b.use_var(answer)))
    }

    /// From an existential to functions that may throw: one that does not is such a function too, by way of one of the library.
    fn cast_throwing(
        &mut self,
        source: Addr,
        from: Ty,
        target: Addr,
        to: Ty,
    ) -> Result<Option<Value>> {
        let TyKind::Function(wanted) = to.kind() else {
            return Ok(None);
        };
        let plain = |error: Ty| matches!(error.kind(), TyKind::Existential(e) if e.protocols.len() == 1 && self.c.p.is_error_protocol(e.protocols[0]));
        if !from.is_existential() || !wanted.throws.is_some_and(plain) {
            return Ok(None);
        }
        let calm = FnTy {
            throws: None,
            ..wanted.clone()
        };
        let Some((id, args)) = self.c.p.function_adapter(&calm, wanted) else {
            return Ok(None);
        };
        let calm = canonical(Ty::function(calm));
        let (miss, hit, done) = (self.c.cold_block(), self.c.cold_block(), self.c.block());
        let answer = self.c.b.declare_var(types::I8);
        let worked = self.dynamic_cast(source, from, target, to, false);
        self.c.b.def_var(answer, worked);
        self.c.branch(worked, done, miss);
        self.c.at(miss);
        let found = self.c.slot_for(calm);
        let worked = self.dynamic_cast(source, from, found, calm, false);
        self.c.b.def_var(answer, worked);
        self.c.branch(worked, hit, done);
        self.c.at(hit);
        let layout = self.c.layout(calm);
        let function = self.c.load_val(layout, found);
        let values = function.scalars()?.iter().copied().collect();
        let callee = Function::Symbol(Instance { id, args });
        let result = Loc::memory(to, target);
        self.call_with(
            callee,
            &result,
            false,
            values,
            None,
            Writebacks::default(),
            None,
        )?;
        self.destroy(&Loc::memory(calm, found))?;
        self.c.jump(done);
        self.c.at(done);
        Ok(Some(self.c.b.use_var(answer)))
    }

    /// Changes a reference's type without a check.
    pub(super) fn upcast(&mut self, loc: &Loc, value: &Operand, to: Ty) -> Result<()> {
        let from = self.operand_type(value)?;
        if let Shape::Existential(..) = self.c.layout(to).shape
            && from != to
        {
            return self.erase(loc, value, from, to);
        }
        if let (Shape::Metatype(_), _) | (_, Shape::Metatype(_)) =
            (&self.c.layout(from).shape, &self.c.layout(to).shape)
        {
            return self.convert_metatype(loc, value, from, to);
        }
        let val = self.operand(value)?;
        let wanted = self.c.layout(to).scalars.as_ref().map(|s| s.len());
        let val = match (&val, wanted) {
            // From a class-bound existential to its superclass: the tables are dropped.
            (Val::Scalars(values), Some(count)) if values.len() > count => {
                Val::Scalars(values[..count].into())
            }
            _ => val,
        };
        self.store(loc, &val)
    }

    /// The metadata of the type that a value really has.
    pub(super) fn dynamic_type(&mut self, loc: &Loc, ty: Ty) -> Result<Value> {
        let layout = self.c.layout(ty);
        match &layout.shape {
            Shape::Reference if self.is_class_reference(ty) => {
                let object = self.load(loc).scalar()?;
                Ok(self.c.load(types::I64, Addr::value(object)))
            }
            // Plain `AnyObject` may hold a box, which the runtime looks into.
            Shape::Existential(ExistentialKind::Class, _) if !ty.is_any_object() => {
                let object = self.load(loc).scalar()?;
                Ok(self.c.load(types::I64, Addr::value(object)))
            }
            Shape::Existential(kind, _) => {
                let val = self.load(loc);
                let addr = self.c.in_memory(ty, &val)?;
                if *kind == ExistentialKind::Error {
                    let object = self.c.load(types::I64, addr);
                    let object_metadata = self
                        .c
                        .load(types::I64, Addr::value(object).plus(BOX_METADATA));
                    let value = self.c.address(Addr::value(object).plus(BOX_VALUE));
                    return Ok(self.c.runtime_value(
                        "codira_dynamic_type",
                        &[object_metadata, value],
                        types::I64,
                    ));
                }
                let metadata = self.c.metadata(ty);
                let address = self.c.address(addr);
                Ok(self
                    .c
                    .runtime_value("codira_dynamic_type", &[metadata, address], types::I64))
            }
            _ => Ok(self.c.metadata(ty)),
        }
    }
}
