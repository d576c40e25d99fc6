//! Calls: which function is meant, how arguments and results travel, and inlining.
//!
//! # Calling convention
//!
//! Arguments in the order of MIR's parameters: a value of at most four scalars as those scalars, a larger one by address, an inout one by address; a value
//! without size is not passed. A result of at most four scalars is returned as those; a larger one is written to an address passed first. A
//! function that throws returns a word before its result: null, or the box of the error. A closure's context comes last.

use cranelift_codegen::ir::{Inst, InstBuilder, Type, Value, types};
use smallvec::SmallVec;

use crate::items::ids::DefId;
use crate::mir::data::{
    Argument, Block, Callee, FnId, FnKind, Instance, LocalKind, Mir, Operand, Place,
};
use crate::types::ty::{Ty, TyKind, TyList};

use super::super::cx::{CalleeShape, adapt_arguments, resolve_witness};
use super::super::isa::{LANGUAGE_CALL, RUNTIME_CALL};
use super::super::key::{CodeKey, DynamicCall};
use super::super::layout::{Layout, Shape};
use super::blocks::BlockOrder;
use super::code::{Addr, Result, Target, Vals};
use super::frame::{At, Emitter, Exit, Loc, Storage, addressed_locals};
use super::values::Val;

/// Functions are inlined into each other at most this deep.
const INLINE_DEPTH: u32 = 24;

/// Where control goes after a call that may throw: the place for the error, then the two successors.
pub(super) type Catch<'p> = Option<(&'p Place, Block, Block)>;

/// What is called.
pub(super) enum Function {
    /// This code.
    Symbol(Instance),
    /// The code at this address.
    Address(Value),
}

/// What remains to be done after a call.
#[derive(Default)]
pub(super) struct Writebacks {
    /// Values that were put in memory for the duration of the call.
    pub places: SmallVec<[(Loc, Addr); 2]>,
    /// Existentials that the call consumed, whose values the callee has copied.
    pub consumed: SmallVec<[(Ty, Addr); 1]>,
}

impl<'f, 'a> Emitter<'f, 'a> {
    pub(super) fn call(
        &mut self,
        dest: &Loc,
        callee: &Callee,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        match callee {
            Callee::Static(id, type_args) => {
                let type_args = self.mono_args(*type_args);
                if id.kind == FnKind::Body {
                    if let Some(name) = self.c.p.intrinsic(id.def) {
                        self.intrinsic(name, type_args, dest, args)?;
                        return self.proceed(catch);
                    }
                    if let Some(symbol) = self.c.p.runtime_symbol(id.def) {
                        return self.call_runtime(dest, symbol.as_str(), args, catch);
                    }
                    if self.c.p.requirement_owner(id.def).is_some() {
                        return self.call_witness(dest, id.def, type_args, args, catch);
                    }
                }
                self.call_function(*id, type_args, dest, args, catch)
            }
            Callee::Witness(requirement, type_args) => {
                let type_args = self.mono_args(*type_args);
                self.call_witness(dest, *requirement, type_args, args, catch)
            }
            Callee::Virtual(id, type_args) => {
                let type_args = self.mono_args(*type_args);
                self.call_virtual(*id, type_args, dest, args, catch)
            }
            Callee::Value(operand) => {
                let ty = self.operand_type(operand)?;
                let throws = match ty.kind() {
                    TyKind::Function(f) => f.throws.is_some_and(|e| !self.is_uninhabited(e)),
                    _ => return Err("a call of a value that is no function".into()),
                };
                if ty.is_c_function() {
                    return self.call_c_function(operand, ty, dest, args, catch);
                }
                let val = self.operand(operand)?;
                let [code, context] = *val.scalars()? else {
                    return Err("a function value of another form".into());
                };
                let (values, writebacks) = self.arguments(args)?;
                self.call_with(
                    Function::Address(code),
                    dest,
                    throws,
                    values,
                    Some(context),
                    writebacks,
                    catch,
                )?;
                if Self::is_owned(operand) {
                    // The callee borrows its context.
                    self.c.release(context);
                }
                Ok(())
            }
        }
    }

    /// Goes to the normal successor after something that cannot throw.
    fn proceed(&mut self, catch: Catch<'_>) -> Result<()> {
        if let Some((_, normal, _)) = catch {
            let normal = self.target(normal)?;
            self.c.jump(normal);
        }
        Ok(())
    }

    pub(super) fn is_uninhabited(&mut self, ty: Ty) -> bool {
        let ty = self.mono(ty);
        self.c
            .layout(ty)
            .as_enum()
            .is_some_and(|e| e.cases.is_empty())
    }

    /// A function known by name: inlined, or called.
    fn call_function(
        &mut self,
        id: FnId,
        type_args: TyList,
        dest: &Loc,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let instance = Instance {
            id,
            args: type_args,
        };
        if id.kind == FnKind::GlobalAddress {
            let address = self.global_address(id.def, type_args);
            self.store(dest, &Val::one(address))?;
            return self.proceed(catch);
        }
        if let Some(index) = self.c.p.opened_argument(id, type_args) {
            let call = DynamicCall::Opened {
                id,
                args: type_args,
                index,
                is_virtual: false,
            };
            return self.call_opened(dest, call, args, catch);
        }
        if self.c.p.is_transparent(id)
            && self.frame.depth < INLINE_DEPTH
            && !self.inlining.contains(&instance)
            && let Some(mir) = self.c.p.mir(id)
        {
            let statements: usize = mir.blocks.values().map(|b| b.stmts.len() + 1).sum();
            if let Some(rest) = self.budget.checked_sub(statements as u32) {
                self.budget = rest;
                return self.inline(instance, mir, dest, args, catch);
            }
        }
        let throws = self.c.p.callee_shape(id, type_args).throws.is_some();
        let (values, writebacks) = self.arguments(args)?;
        self.call_with(
            Function::Symbol(instance),
            dest,
            throws,
            values,
            None,
            writebacks,
            catch,
        )
    }

    fn call_virtual(
        &mut self,
        id: FnId,
        type_args: TyList,
        dest: &Loc,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let Some(slot) = self.c.p.vtable_slot(id) else {
            return self.call_function(id, type_args, dest, args, catch);
        };
        if let Some(index) = self.c.p.opened_argument(id, type_args) {
            let call = DynamicCall::Opened {
                id,
                args: type_args,
                index,
                is_virtual: true,
            };
            return self.call_opened(dest, call, args, catch);
        }
        let Some((last @ Argument::Value(this), rest)) = args.split_last() else {
            return Err("a virtual call without `this`".into());
        };
        let this_ty = self.operand_type(this)?;
        let throws = self.c.p.callee_shape(id, type_args).throws.is_some();
        let (mut values, mut writebacks) = self.arguments(rest)?;
        match Self::is_metatype(this_ty) {
            true => values.push(self.type_in(this)?),
            false => self.pass(last, &mut values, &mut writebacks)?,
        }
        let object = *values.last().ok_or("a virtual call without `this`")?;
        let code = if self.c.p.own_generic_count(id.def) == 0 {
            self.vtable_entry(object, this_ty, slot)
        } else {
            let metadata = match Self::is_metatype(this_ty) {
                true => object,
                false => self.c.load(types::I64, Addr::value(object)),
            };
            let args = type_args;
            self.instance(metadata, DynamicCall::Method { id, args })
        };
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

    fn call_witness(
        &mut self,
        dest: &Loc,
        requirement: DefId,
        type_args: TyList,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let this = *type_args
            .as_slice()
            .first()
            .ok_or("a requirement without Self")?;
        if let Shape::Existential(..) = &self.c.layout(this).shape {
            return self.call_existential(dest, requirement, type_args, args, catch);
        }
        let (id, found) = resolve_witness(self.c.p, requirement, type_args).ok_or_else(|| {
            format!(
                "no implementation of {} for {}",
                self.c.p.def(requirement).name,
                self.c.p.type_name(this, true)
            )
        })?;
        let found = self.mono_args(found);
        let shape = self.c.p.callee_shape(id, found);
        let mut adapted: SmallVec<[Argument; 6]> = args.into();
        adapt_arguments(&shape, &mut adapted);
        match self.wrapped_result(&shape, dest)? {
            None => self.call_resolved(id, found, dest, &adapted, catch),
            Some((plain, case)) => {
                // The requirement returns an optional and the implementation a plain value.
                self.call_resolved(id, found, &plain, &adapted, None)?;
                self.wrap(dest, case, &plain)?;
                self.proceed(catch)
            }
        }
    }

    fn call_resolved(
        &mut self,
        id: FnId,
        args: TyList,
        dest: &Loc,
        arguments: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        if self.c.p.vtable_slot(id).is_some() {
            return self.call_virtual(id, args, dest, arguments, catch);
        }
        // An implementation can be a plain function of the runtime or an intrinsic as well.
        let callee = Callee::Static(id, args);
        self.call(dest, &callee, arguments, catch)
    }

    /// A fresh place for the result of an implementation that returns a plain value where an optional is expected, with the case to wrap it in.
    fn wrapped_result(&mut self, shape: &CalleeShape, dest: &Loc) -> Result<Option<(Loc, DefId)>> {
        let dest_ty = dest.ty;
        let Some((def, args)) = dest_ty.as_nominal() else {
            return Ok(None);
        };
        let result = shape.result;
        if !self.c.p.is_optional(def)
            || dest_ty == result
            || args.as_slice().first() != Some(&result)
        {
            return Ok(None);
        }
        let cases = self.c.layout(dest_ty).as_enum().map(|e| &e.cases);
        let some = cases
            .and_then(|cases| cases.iter().find(|c| c.payload.is_some()))
            .ok_or("an optional without cases")?
            .def;
        let at = match self.storage_for(result, false) {
            Storage::Vars(vars) => At::Vars(vars),
            Storage::Memory(addr) => At::Memory(addr),
        };
        let plain = Loc {
            at,
            ty: result,
            ownership: Default::default(),
        };
        Ok(Some((plain, some)))
    }

    fn wrap(&mut self, loc: &Loc, case: DefId, from: &Loc) -> Result<()> {
        let layout = self.c.layout(loc.ty);
        let val = self.load(from);
        let payload_layout = self.c.layout(from.ty);
        match (&val, &loc.at) {
            (Val::Scalars(values), _) if layout.scalars.is_some() => {
                let values = self.c.make_case(layout, case, payload_layout, values)?;
                self.store(loc, &Val::Scalars(values))
            }
            _ => {
                let to = self.address_of(loc)?;
                self.c.store_val(payload_layout, &val, to)?;
                self.c.store_tag(layout, case, to)
            }
        }
    }

    /// The arguments as they are passed, and what must be read back afterwards.
    pub(super) fn arguments(
        &mut self,
        args: &[Argument],
    ) -> Result<(SmallVec<[Value; 8]>, Writebacks)> {
        let mut values = SmallVec::new();
        let mut writebacks = Writebacks::default();
        for arg in args {
            self.pass(arg, &mut values, &mut writebacks)?;
        }
        Ok((values, writebacks))
    }

    pub(super) fn pass(
        &mut self,
        arg: &Argument,
        values: &mut SmallVec<[Value; 8]>,
        writebacks: &mut Writebacks,
    ) -> Result<()> {
        match arg {
            Argument::Value(operand) => match self.operand(operand)? {
                Val::Scalars(scalars) => values.extend_from_slice(&scalars),
                Val::Memory(addr) => values.push(self.c.address(addr)),
            },
            Argument::Address(place) => {
                let loc = self.place(place)?;
                let addr = match &loc.at {
                    At::Memory(addr) => *addr,
                    At::Vars(_) | At::Values(_) => {
                        // Nothing else may look at the variable during the call, so it may live in memory for that long.
                        let val = self.load(&loc);
                        let addr = self.c.in_memory(loc.ty, &val)?;
                        if matches!(loc.at, At::Vars(_)) {
                            writebacks.places.push((loc, addr));
                        }
                        addr
                    }
                };
                values.push(self.c.address(addr));
            }
        }
        Ok(())
    }

    fn write_back(&mut self, writebacks: &Writebacks) -> Result<()> {
        for (loc, addr) in &writebacks.places {
            let layout = self.c.layout(loc.ty);
            let val = self.c.load_val(layout, *addr);
            self.store(loc, &val)?;
        }
        for &(ty, addr) in &writebacks.consumed {
            self.destroy(&Loc::memory(ty, addr))?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "all of it describes one call")]
    pub(super) fn call_with(
        &mut self,
        function: Function,
        dest: &Loc,
        throws: bool,
        mut values: SmallVec<[Value; 8]>,
        context: Option<Value>,
        writebacks: Writebacks,
        catch: Catch<'_>,
    ) -> Result<()> {
        let layout = self.c.layout(dest.ty);
        if layout.scalars.is_none() {
            let addr = self.address_of(dest)?;
            let addr = self.c.address(addr);
            values.insert(0, addr);
        }
        values.extend(context);
        let results = result_types(layout, throws);
        let inst = match function {
            Function::Symbol(instance) => {
                let target = Target::Key(CodeKey::Function(instance));
                let conv = super::convention(self.c.p, instance);
                self.c.call(target, conv, &values, &results)
            }
            Function::Address(code) => {
                let signature = self.c.sig_ref(LANGUAGE_CALL, &values, &results);
                self.c.b.ins().call_indirect(signature, code, &values)
            }
        };
        self.after_call(inst, dest, layout, throws, &writebacks, catch)
    }

    pub(super) fn after_call(
        &mut self,
        inst: Inst,
        loc: &Loc,
        layout: &Layout,
        throws: bool,
        writebacks: &Writebacks,
        catch: Catch<'_>,
    ) -> Result<()> {
        let results: Vals = self.c.b.inst_results(inst).into();
        let first = usize::from(throws);
        if layout.scalars.is_some() {
            self.store(loc, &Val::Scalars(results[first..].into()))?;
        }
        self.write_back(writebacks)?;
        match (catch, throws) {
            (None, _) => Ok(()),
            (Some(_), false) => self.proceed(catch),
            (Some((place, normal, unwind)), true) => {
                let failed = self.c.cold_block();
                let normal = self.target(normal)?;
                self.c.branch(results[0], failed, normal);
                self.c.at(failed);
                self.catch(place, results[0])?;
                let unwind = self.target(unwind)?;
                self.c.jump(unwind);
                Ok(())
            }
        }
    }

    fn call_runtime(
        &mut self,
        dest: &Loc,
        symbol: &str,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let (values, writebacks) = self.arguments(args)?;
        let layout = self.c.layout(dest.ty);
        let results = result_types(layout, false);
        let target = Target::Runtime(crate::base::Name::new(symbol));
        let inst = self.c.call(target, RUNTIME_CALL, &values, &results);
        self.after_call(inst, dest, layout, false, &writebacks, catch)
    }

    /// Emits the callee's body in place of the call.
    fn inline(
        &mut self,
        instance: Instance,
        mir: &'f Mir,
        dest: &Loc,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let addressed = addressed_locals(self.c.p, mir);
        let order = BlockOrder::of(mir);
        let normal = (!order.returns_last).then(|| self.c.block());
        let unwind = match (catch, mir.throws) {
            (Some(_), Some(_)) => Some((self.c.cold_block(), self.c.b.declare_var(types::I64))),
            _ => None,
        };
        let exit = Exit::Inline { normal, unwind };
        let line = self.frame.line.or(self.c.line);
        let depth = self.frame.depth + 1;
        let mut frame = self.new_frame(mir, instance.args, exit, depth, line);
        if mir.params.len() != args.len() {
            return Err(format!(
                "{} arguments for the {} parameters of {}",
                args.len(),
                mir.params.len(),
                self.c.p.def(instance.id.def).name
            ));
        }
        let mut writebacks = Writebacks::default();
        for (&param, arg) in mir.params.iter().zip(args) {
            let in_memory = addressed[param.index()];
            let by_address = matches!(
                mir.locals[param].kind,
                LocalKind::Inout | LocalKind::BorrowedAddress
            );
            let ty = frame.types[param.index()];
            if let Some(text) = self.constant_text(arg) {
                frame.texts.insert(param, text);
            }
            let storage = match arg {
                Argument::Address(place) => {
                    let loc = self.place(place)?;
                    match &loc.at {
                        At::Memory(addr) if by_address => Storage::Memory(*addr),
                        At::Vars(vars) if by_address && !in_memory => Storage::Vars(vars.clone()),
                        At::Vars(_) if by_address => {
                            let val = self.load(&loc);
                            let addr = self.c.in_memory(loc.ty, &val)?;
                            writebacks.places.push((loc, addr));
                            Storage::Memory(addr)
                        }
                        _ => {
                            let val = self.load(&loc);
                            self.store_param(ty, in_memory, &val)?
                        }
                    }
                }
                Argument::Value(operand) => {
                    let val = self.operand(operand)?;
                    self.store_param(ty, in_memory, &val)?
                }
            };
            frame.storage[param.index()] = storage;
        }
        let outer = std::mem::replace(&mut self.frame, frame);
        self.inlining.push(instance);
        let result_address = match dest.at {
            At::Memory(addr) => Some(addr),
            _ => None,
        };
        let emitted = self
            .locals(&addressed, result_address)
            .and_then(|()| self.blocks(order));
        let result = self.local(mir.result);
        self.inlining.pop();
        let inner = std::mem::replace(&mut self.frame, outer);
        emitted.map_err(|error| match error.contains("(inlined ") {
            true => error,
            false => format!("{error} (inlined {})", self.c.p.def(instance.id.def).name),
        })?;
        drop(inner);
        if let Some(normal) = normal {
            self.c.at(normal);
        }
        self.finish_inline(dest, &result)?;
        self.write_back(&writebacks)?;
        self.proceed(catch)?;
        if let Some((block, var)) = unwind {
            let (place, _, target) = catch.ok_or("an error without a handler")?;
            self.c.at(block);
            self.write_back(&writebacks)?;
            let error = self.c.b.use_var(var);
            self.catch(place, error)?;
            let target = self.target(target)?;
            self.c.jump(target);
        }
        Ok(())
    }

    fn finish_inline(&mut self, dest: &Loc, result: &Loc) -> Result<()> {
        if let (At::Memory(to), At::Memory(from)) = (&dest.at, &result.at)
            && to == from
        {
            return Ok(());
        }
        let val = self.load(result);
        self.store(dest, &val)
    }

    /// The text of an argument that is a constant.
    pub(super) fn constant_text(&self, arg: &Argument) -> Option<crate::base::Name> {
        use crate::mir::data::{Const, Rvalue, StatementKind};
        let place = match arg {
            Argument::Value(Operand::Const(Const::Str(text, _))) => return Some(*text),
            Argument::Value(
                Operand::Borrow(place) | Operand::Copy(place) | Operand::Move(place),
            ) => place,
            _ => return None,
        };
        if let Some(&text) = self.frame.texts.get(&place.local) {
            return Some(text);
        }
        // A temporary that was assigned a constant, possibly through another.
        let assigned = |local| {
            self.frame
                .mir
                .blocks
                .values()
                .flat_map(|b| &b.stmts)
                .find_map(|s| match &s.kind {
                    StatementKind::Assign(to, Rvalue::Use(operand))
                        if to.local == local && to.path.is_empty() =>
                    {
                        Some(operand)
                    }
                    _ => None,
                })
        };
        let mut local = place.local;
        for _ in 0..4 {
            match assigned(local)? {
                Operand::Const(Const::Str(text, _)) => return Some(*text),
                Operand::Copy(p) | Operand::Move(p) | Operand::Borrow(p) if p.path.is_empty() => {
                    if let Some(&text) = self.frame.texts.get(&p.local) {
                        return Some(text);
                    }
                    local = p.local;
                }
                _ => return None,
            }
        }
        None
    }
}

/// The registers of a result: the error, if any, then the value's scalars.
pub(in super::super) fn result_types(layout: &Layout, throws: bool) -> SmallVec<[Type; 6]> {
    let mut results = SmallVec::new();
    if throws {
        results.push(types::I64);
    }
    results.extend(layout.scalar_types());
    results
}
