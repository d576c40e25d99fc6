//! Statements, terminators, and constants.

use cranelift_codegen::ir::{InstBuilder, Value, condcodes::IntCC, types};
use cranelift_frontend::Switch;

use crate::base::Name;
use crate::mir::data::{
    Block, Const, LocalKind, Mir, Operand, Place, Statement, StatementKind, Terminator, TrapKind,
};
use crate::types::ty::{Ty, TyKind, TyList};

use super::super::blob::LineKey;
use super::super::cx::Ownership;
use super::super::isa::RUNTIME_CALL;
use super::super::key::CodeKey;
use super::super::layout::{ExistentialKind, Shape};
use super::blocks::BlockOrder;
use super::code::{Addr, Result, Target, Vals};
use super::frame::{At, Emitter, Exit, Frame, Loc, Storage, addressed_locals, hides_fields};
use super::values::Val;

impl<'f, 'a> Emitter<'f, 'a> {
    /// A frame for a function whose parameters have no storage yet.
    pub(super) fn new_frame(
        &mut self,
        mir: &'f Mir,
        args: TyList,
        exit: Exit,
        depth: u32,
        line: Option<LineKey>,
    ) -> Frame<'f> {
        let types: Vec<Ty> = mir
            .locals
            .values()
            .map(|decl| self.mono_for(decl.ty, args))
            .collect();
        Frame {
            mir,
            args,
            types,
            storage: vec![Storage::Vars(super::frame::Vars::new()); mir.locals.len()],
            blocks: vec![None; mir.blocks.len()],
            exit,
            depth,
            line,
            hidden_fields: self.c.has_regions() && hides_fields(self.c.p, mir),
            texts: Default::default(),
        }
    }

    /// Emits a function's own body: parameters as the calling convention passes them, then the blocks. The current block is the entry.
    pub(in super::super) fn function(&mut self, params: &[Value]) -> Result<()> {
        let mir = self.frame.mir;
        let addressed = addressed_locals(self.c.p, mir);
        let mut next = params.iter().copied();
        let mut take = || {
            next.next()
                .ok_or_else(|| String::from("fewer parameters than expected"))
        };
        let result_layout = self.c.layout(self.frame.types[mir.result.index()]);
        let result_address = match result_layout.scalars {
            Some(_) => None,
            None => Some(take()?),
        };
        if let Exit::Function {
            result_address: slot,
            ..
        } = &mut self.frame.exit
        {
            *slot = result_address;
        }
        for &param in &mir.params {
            let ty = self.frame.types[param.index()];
            let layout = self.c.layout(ty);
            let by_address = matches!(
                mir.locals[param].kind,
                LocalKind::Inout | LocalKind::BorrowedAddress
            );
            let storage = match &layout.scalars {
                _ if by_address => Storage::Memory(Addr::value(take()?)),
                None => Storage::Memory(Addr::value(take()?)),
                Some(scalars) => {
                    let mut values = Vals::new();
                    for _ in 0..scalars.len() {
                        values.push(take()?);
                    }
                    self.store_param(ty, addressed[param.index()], &Val::Scalars(values))?
                }
            };
            self.frame.storage[param.index()] = storage;
        }
        self.locals(&addressed, result_address.map(Addr::value))?;
        self.blocks(BlockOrder::of(mir))
    }

    /// Storage for a parameter's value.
    pub(super) fn store_param(&mut self, ty: Ty, addressed: bool, val: &Val) -> Result<Storage> {
        if let (Val::Memory(addr), true) = (val, true) {
            return Ok(Storage::Memory(*addr));
        }
        let storage = self.storage_for(ty, addressed);
        let at = match &storage {
            Storage::Vars(vars) => At::Vars(vars.clone()),
            Storage::Memory(addr) => At::Memory(*addr),
        };
        let loc = Loc {
            at,
            ty,
            ownership: Default::default(),
        };
        self.store(&loc, val)?;
        Ok(storage)
    }

    /// Storage for all locals that are not parameters.
    pub(super) fn locals(&mut self, addressed: &[bool], result: Option<Addr>) -> Result<()> {
        let mir = self.frame.mir;
        let mut is_param = vec![false; mir.locals.len()];
        for &param in &mir.params {
            is_param[param.index()] = true;
        }
        for (local, _) in mir.locals.iter() {
            if is_param[local.index()] {
                continue;
            }
            let ty = self.frame.types[local.index()];
            self.frame.storage[local.index()] = match result {
                Some(addr) if local == mir.result && self.c.layout(ty).scalars.is_none() => {
                    Storage::Memory(addr)
                }
                _ => self.storage_for(ty, addressed[local.index()]),
            };
        }
        Ok(())
    }

    pub(super) fn target(&self, block: Block) -> Result<cranelift_codegen::ir::Block> {
        self.frame.blocks[block.index()]
            .ok_or_else(|| "a jump to a block that cannot be reached".into())
    }

    /// The definition and expression that a source in the current graph stands for.
    fn source(
        &self,
        expr: crate::items::hir::ExprId,
    ) -> (crate::items::ids::DefId, crate::items::hir::ExprId) {
        let mir = self.frame.mir;
        let origin = mir.origins.get(expr.index());
        origin.copied().unwrap_or((mir.id.def, expr))
    }

    pub(super) fn set_line(&mut self, src: Option<crate::items::hir::ExprId>) {
        let line = match (self.frame.line, src) {
            (Some(line), _) => Some(line),
            (None, Some(expr)) => {
                let (def, expr) = self.source(expr);
                if !self.frame.mir.origins.is_empty() {
                    self.c.file = self.c.p.file_name(def);
                }
                Some(LineKey {
                    def: self.c.p.line_number_key(def),
                    expr: expr.raw(),
                })
            }
            // What the compiler added belongs to what stands before it.
            (None, None) => return,
        };
        if line != self.c.line {
            self.c.line = line;
            self.c.mark_line();
        }
    }

    pub(super) fn statement(&mut self, statement: &'f Statement) -> Result<()> {
        match &statement.kind {
            StatementKind::Assign(dest, rvalue) => {
                let loc = self.place(dest)?;
                self.assign(&loc, dest, rvalue)
            }
            StatementKind::Destroy(place) => {
                let loc = self.place(place)?;
                self.destroy(&loc)
            }
            StatementKind::StoreWeak { place, value, init } => {
                let loc = self.place(place)?;
                self.store_weak(&loc, value, *init)
            }
            StatementKind::StoreUnowned { place, value, init } => {
                let loc = self.place(place)?;
                let counted = loc.ownership != Ownership::UnownedUnsafe;
                let old = if *init || !counted {
                    None
                } else {
                    Some(self.load(&loc).scalar()?)
                };
                let val = self.operand(value)?;
                let new = self.unowned_from(value, val, counted)?;
                self.store(&loc, &new)?;
                if let Some(old) = old {
                    self.c.runtime("codira_unowned_release", &[old], &[]);
                }
                Ok(())
            }
            StatementKind::DestroyWeak(place) => {
                let loc = self.place(place)?;
                let addr = self.address_of(&loc)?;
                let slot = self.c.address(addr);
                self.c.runtime("codira_weak_destroy", &[slot], &[]);
                Ok(())
            }
            StatementKind::DestroyUnowned(place) => {
                let loc = self.place(place)?;
                if loc.ownership != Ownership::UnownedUnsafe {
                    let object = self.load(&loc).scalar()?;
                    self.c.runtime("codira_unowned_release", &[object], &[]);
                }
                Ok(())
            }
            StatementKind::Call { dest, callee, args } => {
                let dest = self.place(dest)?;
                self.call(&dest, callee, args, None)
            }
            StatementKind::Cast {
                ok,
                dest,
                value,
                from,
                to,
            } => {
                let (from, to) = (self.mono(*from), self.mono(*to));
                self.cast(ok, dest, value, from, to)
            }
            StatementKind::DeallocPartial(place) => {
                let loc = self.place(place)?;
                let object = self.load(&loc).scalar()?;
                self.c.runtime("codira_unowned_release", &[object], &[]);
                Ok(())
            }
            StatementKind::DeallocBox(place) => {
                let loc = self.place(place)?;
                let object = self.load(&loc).scalar()?;
                self.c.runtime("codira_dealloc_partial", &[object], &[]);
                Ok(())
            }
            StatementKind::StorageLive(_) | StatementKind::StorageDead(_) | StatementKind::Nop => {
                Ok(())
            }
        }
    }

    /// Initialises or assigns a weak slot from a strong reference.
    pub(super) fn store_weak(&mut self, loc: &Loc, value: &Operand, init: bool) -> Result<()> {
        let val = self.operand(value)?;
        let addr = self.address_of(loc)?;
        let slot = self.c.address(addr);
        let object = val.scalar()?;
        let function = if init {
            "codira_weak_init"
        } else {
            "codira_weak_assign"
        };
        self.c.runtime(function, &[slot, object], &[]);
        // The witness tables of a class-bound existential stand behind the object.
        for (i, &word) in val.scalars()?.iter().enumerate().skip(1) {
            self.c.store(word, addr.plus(8 * i as u64));
        }
        if Self::is_owned(value) {
            self.c.release(object);
        }
        Ok(())
    }

    /// Turns a strong reference into an unowned one; `unowned(unsafe)` ones are not `counted`.
    pub(super) fn unowned_from(
        &mut self,
        operand: &Operand,
        val: Val,
        counted: bool,
    ) -> Result<Val> {
        let object = val.scalar()?;
        if counted {
            self.c
                .runtime("codira_unowned_retain", &[object], &[types::I64]);
        }
        if Self::is_owned(operand) {
            self.c.release(object);
        }
        Ok(val)
    }

    pub(super) fn terminator(&mut self, block: Block, terminator: &'f Terminator) -> Result<()> {
        match terminator {
            // Without a block of its own, the target comes next.
            Terminator::Goto(to) => {
                if let Some(to) = self.frame.blocks[to.index()] {
                    self.c.jump(to);
                }
            }
            Terminator::If { cond, then, els } => {
                let condition = self.operand(cond)?.scalar()?;
                let (then, els) = (self.target(*then)?, self.target(*els)?);
                self.c.branch(condition, then, els);
            }
            Terminator::Switch {
                value,
                targets,
                default,
            } => {
                let value = self.operand(value)?.scalar()?;
                let bits = self.c.b.func.dfg.value_type(value).bits();
                let mut switch = Switch::new();
                let mut seen = std::collections::BTreeSet::new();
                for &(constant, to) in targets {
                    let to = self.target(to)?;
                    let entry = constant as u128 & (u128::MAX >> (128 - bits.min(128)));
                    // The first of equal cases wins.
                    if seen.insert(entry) {
                        switch.set_entry(entry, to);
                    }
                }
                let default = self.target(*default)?;
                switch.emit(&mut self.c.b, value, default);
            }
            Terminator::TryCall {
                dest,
                error,
                callee,
                args,
                normal,
                unwind,
            } => {
                let dest = self.place(dest)?;
                self.call(&dest, callee, args, Some((error, *normal, *unwind)))?;
            }
            Terminator::Return => self.leave(None)?,
            Terminator::Throw(operand) => {
                let ty = self.operand_type(operand)?;
                let val = self.operand(operand)?;
                let error = self.error_box(ty, &val)?;
                self.leave(Some(error))?;
            }
            Terminator::Trap(kind) => self.trap(block, *kind)?,
            Terminator::Unreachable => self.c.unreachable(),
        }
        Ok(())
    }

    /// Returns, or throws this error.
    fn leave(&mut self, error: Option<Value>) -> Result<()> {
        match self.frame.exit.clone() {
            Exit::Inline { normal, unwind } => match (error, unwind) {
                (None, _) => {
                    if let Some(normal) = normal {
                        self.c.jump(normal);
                    }
                }
                (Some(error), Some((block, var))) => {
                    self.c.b.def_var(var, error);
                    self.c.jump(block);
                }
                (Some(_), None) => self.c.unreachable(),
            },
            Exit::Function { throws, .. } => {
                let result = self.local(self.frame.mir.result);
                let layout = self.c.layout(result.ty);
                let mut values = Vals::new();
                if throws {
                    values.push(match error {
                        Some(error) => error,
                        None => self.c.i64(0),
                    });
                }
                match error {
                    // What the caller will not look at.
                    Some(_) => {
                        for ty in layout.scalar_types() {
                            let zero = self.c.zero(ty);
                            values.push(zero);
                        }
                    }
                    None if layout.scalars.is_some() => {
                        let val = self.load(&result);
                        values.extend_from_slice(val.scalars()?);
                    }
                    None => {}
                }
                self.c.b.ins().return_(&values);
            }
        }
        Ok(())
    }

    fn trap(&mut self, block: Block, kind: TrapKind) -> Result<()> {
        let message = match kind {
            TrapKind::NilUnwrap => "Unexpectedly found nil while unwrapping an Optional value",
            TrapKind::ImplicitNilUnwrap => {
                "Unexpectedly found nil while implicitly unwrapping an Optional value"
            }
            TrapKind::TryForced => "'try!' expression unexpectedly raised an error",
            TrapKind::UncaughtError => "Error raised at top level",
            TrapKind::Message(message) => message.as_str(),
            TrapKind::FailedCast => return self.failed_cast(block),
        };
        self.c.trap(Name::new(message));
        Ok(())
    }

    /// The cast whose failure leads to a block: the last one of a block that branches to it.
    fn failed_cast(&mut self, block: Block) -> Result<()> {
        let mir = self.frame.mir;
        let cast = mir.blocks.values().find_map(|data| {
            let leads_here = matches!(&data.term, Some(Terminator::If { then, els, .. }) if *then == block || *els == block);
            if !leads_here {
                return None;
            }
            data.stmts.iter().rev().find_map(|s| match &s.kind {
                StatementKind::Cast {
                    value, from, to, ..
                } => Some((value, *from, *to)),
                _ => None,
            })
        });
        let Some((value, from, to)) = cast else {
            self.c.trap(Name::new("Could not cast value"));
            return Ok(());
        };
        let (from, to) = (self.mono(from), self.mono(to));
        let loc = self.place(value)?;
        let dynamic = self.dynamic_type(&loc, from)?;
        let target = self.c.metadata(to);
        let file = self.c.key(CodeKey::Text(self.c.file));
        let length = self.c.i64(self.c.file.as_str().len() as u64);
        let line = match self.c.line {
            Some(line) => {
                let line = self.c.line_number(line);
                self.c.b.ins().ireduce(types::I32, line)
            }
            None => self.c.int(types::I32, 0),
        };
        self.c.runtime(
            "codira_cast_failure",
            &[dynamic, target, file, length, line],
            &[],
        );
        self.c.unreachable();
        Ok(())
    }

    pub(super) fn constant_type(&mut self, constant: &Const) -> Ty {
        match *constant {
            Const::Int(_, ty)
            | Const::Float(_, ty)
            | Const::Str(_, ty)
            | Const::Line(_, ty)
            | Const::Column(_, ty)
            | Const::Zero(ty) => self.mono(ty),
            Const::Unit => Ty::unit(),
            Const::Metatype(ty) => Ty::metatype(self.mono(ty)),
            Const::ProtocolMetatype(ty) => Ty::new(TyKind::ProtocolMetatype(self.mono(ty))),
        }
    }

    pub(super) fn constant(&mut self, constant: &Const) -> Result<Val> {
        match *constant {
            Const::Unit => Ok(Val::none()),
            Const::Int(value, ty) => {
                let ty = self.mono(ty);
                let scalar = self.only_scalar(ty)?;
                Ok(Val::one(match scalar {
                    types::F64 => self.c.b.ins().f64const(value as f64),
                    types::F32 => self.c.b.ins().f32const(value as f32),
                    _ => self.c.int(scalar, value),
                }))
            }
            Const::Float(bits, ty) => {
                let ty = self.mono(ty);
                let value = f64::from_bits(bits);
                Ok(Val::one(match self.only_scalar(ty)? {
                    types::F32 => self.c.b.ins().f32const(value as f32),
                    types::F64 => self.c.b.ins().f64const(value),
                    _ => return Err("a float constant of another type".into()),
                }))
            }
            Const::Str(text, ty) => {
                let ty = self.mono(ty);
                if self.c.layout(ty).scalars.as_ref().map_or(0, |s| s.len()) != 2 {
                    return Err("a string constant of another type".into());
                }
                let object = self.c.key(CodeKey::StringObject(text));
                let flags = self.c.i64(string_flags(text.as_str()));
                Ok(Val::Scalars(smallvec::smallvec![object, flags]))
            }
            Const::Metatype(ty) => {
                let ty = self.mono(ty);
                self.known_metatype(ty, Ty::metatype(ty))
            }
            Const::ProtocolMetatype(ty) => {
                let ty = self.mono(ty);
                Ok(Val::one(self.c.metadata(ty)))
            }
            Const::Line(expr, ty) => {
                let ty = self.mono(ty);
                let scalar = self.only_scalar(ty)?;
                let (def, expr) = self.source(expr);
                let key = self.frame.line.unwrap_or(LineKey {
                    def: self.c.p.line_number_key(def),
                    expr: expr.raw(),
                });
                let line = self.c.line_number(key);
                Ok(Val::one(self.c.resize(line, scalar)))
            }
            Const::Column(_, ty) => {
                // Columns change with every edit of their line, and nothing but `#column` asks.
                let ty = self.mono(ty);
                let scalar = self.only_scalar(ty)?;
                Ok(Val::one(self.c.int(scalar, 1)))
            }
            Const::Zero(ty) => {
                let ty = self.mono(ty);
                let layout = self.c.layout(ty);
                if layout.scalars.is_some() {
                    let zeros = layout.scalar_types().map(|ty| self.c.zero(ty)).collect();
                    return Ok(Val::Scalars(zeros));
                }
                let slot = self.c.slot_for(ty);
                self.c.zero_bytes(slot, layout.size);
                Ok(Val::Memory(slot))
            }
        }
    }

    fn only_scalar(&mut self, ty: Ty) -> Result<cranelift_codegen::ir::Type> {
        match self.c.layout(ty).scalars.as_deref() {
            Some([scalar]) => Ok(scalar.ty),
            _ => Err(format!(
                "a constant of type {}",
                self.c.p.type_name(ty, true)
            )),
        }
    }

    /// A thrown value as the box that travels.
    pub(super) fn error_box(&mut self, ty: Ty, val: &Val) -> Result<Value> {
        if let Shape::Existential(ExistentialKind::Error, _) = self.c.layout(ty).shape {
            return val.scalar();
        }
        let metadata = self.c.metadata(ty);
        let protocol = self.error_protocol(ty);
        let table = match protocol {
            Some(protocol) => self.c.key(CodeKey::WitnessTable(
                super::super::key::canonical(ty),
                protocol,
            )),
            None => self.c.i64(0),
        };
        let object = self
            .c
            .runtime_value("codira_box_alloc", &[metadata, table], types::I64);
        let layout = self.c.layout(ty);
        let addr = Addr::value(object).plus(super::super::layout::BOX_VALUE);
        self.c.store_val(layout, val, addr)?;
        Ok(object)
    }

    fn error_protocol(&mut self, ty: Ty) -> Option<crate::items::ids::DefId> {
        let protocol = self.c.p.error_protocol()?;
        self.c.p.conforms(ty, protocol).then_some(protocol)
    }

    /// Puts a caught error where the handler looks: as it is for `any Error`, else out of its box.
    pub(super) fn catch(&mut self, place: &Place, error: Value) -> Result<()> {
        let loc = self.place(place)?;
        let layout = self.c.layout(loc.ty);
        if let Shape::Existential(ExistentialKind::Error, _) = layout.shape {
            return self.store(&loc, &Val::one(error));
        }
        let addr = Addr::value(error).plus(super::super::layout::BOX_VALUE);
        let val = self.c.load_val(layout, addr);
        self.store(&loc, &val)?;
        self.c.runtime("codira_dealloc_partial", &[error], &[]);
        Ok(())
    }

    /// Calls a function of a global variable's storage: its address, after initialising it if that has not happened.
    pub(super) fn global_address(&mut self, var: crate::items::ids::DefId, args: TyList) -> Value {
        if let Some(initial) = self.c.p.global_initial_value(var) {
            let leader = initial.leader;
            let flag = self.c.key(CodeKey::GlobalFlag(leader, args));
            let state = self.c.load(types::I32, Addr::value(flag));
            let done = self.c.is(IntCC::Equal, state, 2);
            let (next, first) = (self.c.block(), self.c.cold_block());
            self.c.branch(done, next, first);
            self.c.at(first);
            let body = self.c.key(CodeKey::GlobalInit(leader, args));
            let nothing = self.c.i64(0);
            let once = Target::Runtime(Name::new("codira_once"));
            self.c.call(once, RUNTIME_CALL, &[flag, body, nothing], &[]);
            self.c.jump(next);
            self.c.at(next);
        }
        self.c.key(CodeKey::Global(var, args))
    }
}

/// The second word of a string constant: its length, whether it is ASCII and whether it is known to be in normal form.
pub(in super::super) fn string_flags(text: &str) -> u64 {
    let ascii = text.is_ascii();
    let normal = ascii || unicode_normalization::is_nfc(text);
    text.len() as u64 | u64::from(ascii) << 63 | u64::from(normal) << 62
}
