//! Functions that adapt one calling convention to another, written as MIR so that calls in them are resolved and inlined as everywhere.

use crate::base::Arena;
use crate::items::ids::DefId;
use crate::mir::data::{
    Argument, Block, BlockData, Callee, Const, FnId, FnKind, Instance, Local, LocalDecl, LocalKind,
    Mir, Operand, Place, Proj, Rvalue, Statement, StatementKind, Terminator,
};
use crate::types::ty::{BuiltinTy, Ty, TyKind, TyList};

use super::super::cx::{CalleeShape, Passing, Program, ThisMode};
use super::super::key::DynamicCall;
use super::code::Result;

/// A function that does nothing; stands where no MIR is being emitted.
pub(super) fn empty_mir() -> Mir {
    let mut thunk = Thunk::new(None, Ty::unit());
    thunk.finish_block(Terminator::Return);
    thunk.mir
}

struct Thunk {
    mir: Mir,
    block: BlockData,
    /// Converted arguments that the callee only borrows: they are destroyed when it has returned or thrown.
    temporaries: Vec<Local>,
}

fn place(local: Local) -> Place {
    Place {
        local,
        path: Default::default(),
    }
}

impl Thunk {
    fn new(id: Option<FnId>, result: Ty) -> Thunk {
        let mut locals = Arena::new();
        let result = locals.alloc(LocalDecl {
            ty: result,
            kind: LocalKind::Result,
            name: None,
        });
        // The placeholder's identity is never looked at.
        let id = id.unwrap_or_else(placeholder);
        Thunk {
            mir: Mir {
                id,
                locals,
                params: Vec::new(),
                result,
                throws: None,
                blocks: Arena::new(),
                captures: Vec::new(),
                transparent: false,
                origins: Vec::new(),
            },
            block: BlockData::default(),
            temporaries: Vec::new(),
        }
    }

    fn local(&mut self, ty: Ty, kind: LocalKind) -> Local {
        self.mir.locals.alloc(LocalDecl {
            ty,
            kind,
            name: None,
        })
    }

    fn param(&mut self, ty: Ty, kind: LocalKind) -> Local {
        let local = self.local(ty, kind);
        self.mir.params.push(local);
        local
    }

    /// A parameter that is handed on.
    fn forward(&mut self, ty: Ty, passing: Passing) -> Argument {
        match passing {
            Passing::Borrow => {
                Argument::Value(Operand::Borrow(place(self.param(ty, LocalKind::Borrowed))))
            }
            Passing::Owned => {
                Argument::Value(Operand::Move(place(self.param(ty, LocalKind::Owned))))
            }
            Passing::Inout => Argument::Address(place(self.param(ty, LocalKind::Inout))),
        }
    }

    /// A parameter that is the address of an opened value, handed on as the function wants it. The existential keeps its value.
    fn opened(&mut self, ty: Ty, passing: Passing) -> Argument {
        match passing {
            Passing::Inout => Argument::Address(place(self.param(ty, LocalKind::Inout))),
            Passing::Borrow | Passing::Owned => {
                let local = place(self.param(ty, LocalKind::BorrowedAddress));
                Argument::Value(match passing {
                    Passing::Owned => Operand::Copy(local),
                    _ => Operand::Borrow(local),
                })
            }
        }
    }

    /// A parameter whose type mentions the opened type, such as an optional of it or a function of it, as that type.
    fn converted<'a>(
        &mut self,
        p: &dyn Program<'a>,
        from: Ty,
        to: Ty,
        passing: Passing,
    ) -> Result<Argument> {
        let value = place(self.param(from, LocalKind::Borrowed));
        let dest = place(self.local(to, LocalKind::Var));
        let wrapped = |ty: Ty| match ty.as_nominal() {
            Some((def, args)) if p.is_optional(def) => args.as_slice().first().copied(),
            _ => None,
        };
        if is_function(from) && is_function(to) {
            self.adapt(p, value, from, dest.clone(), to)?;
        } else if let (Some(inner), Some(wanted)) = (wrapped(from), wrapped(to))
            && is_function(inner)
            && is_function(wanted)
        {
            self.adapt_optional(p, value, (from, inner), dest.clone(), (to, wanted))?;
        } else {
            self.cast(value, from, dest.clone(), to);
        }
        Ok(Argument::Value(match passing {
            Passing::Owned => Operand::Move(dest),
            Passing::Borrow => {
                self.temporaries.push(dest.local);
                Operand::Borrow(dest)
            }
            Passing::Inout => return Err("an opened type in an inout parameter".into()),
        }))
    }

    /// Makes a function of one type from a function of another, whose types differ because a type was opened.
    fn adapt<'a>(
        &mut self,
        p: &dyn Program<'a>,
        value: Place,
        from: Ty,
        dest: Place,
        to: Ty,
    ) -> Result<()> {
        let (TyKind::Function(function), TyKind::Function(wanted)) = (from.kind(), to.kind())
        else {
            return Err("a function made from something else".into());
        };
        let (adapter, types) = p
            .function_adapter(function, wanted)
            .ok_or("a function of an opened type with parameters of this kind")?;
        self.push(StatementKind::Call {
            dest,
            callee: Callee::Static(adapter, types),
            args: vec![Argument::Value(Operand::Borrow(value))],
        });
        Ok(())
    }

    /// The same for a function that may be missing. Each type comes with the one that it wraps.
    fn adapt_optional<'a>(
        &mut self,
        p: &dyn Program<'a>,
        value: Place,
        (from, inner): (Ty, Ty),
        dest: Place,
        (to, wanted): (Ty, Ty),
    ) -> Result<()> {
        let shape = p
            .layout(from)
            .as_enum()
            .ok_or("an optional without cases")?;
        let case = |with_payload: bool| {
            let mut cases = shape.cases.iter();
            cases
                .find(|c| c.payload.is_some() == with_payload)
                .map(|c| c.def)
        };
        let (Some(some), Some(none)) = (case(true), case(false)) else {
            return Err("an optional without its cases".into());
        };
        let found = self.local(Ty::builtin(BuiltinTy::Int1), LocalKind::Var);
        let is_some = Rvalue::IsCase(value.clone(), some);
        self.push(StatementKind::Assign(place(found), is_some));
        let (then, els, next) = (
            self.block_after(1),
            self.block_after(2),
            self.block_after(3),
        );
        self.finish_block(Terminator::If {
            cond: Operand::Borrow(place(found)),
            then,
            els,
        });
        let function = self.local(wanted, LocalKind::Var);
        let payload = value.then(Proj::Payload(some));
        self.adapt(p, payload, inner, place(function), wanted)?;
        let made = |case, payload| Rvalue::Case {
            ty: to,
            case,
            payload,
        };
        let wrapped = made(some, vec![Operand::Move(place(function))]);
        self.push(StatementKind::Assign(dest.clone(), wrapped));
        self.finish_block(Terminator::Goto(next));
        self.push(StatementKind::Assign(dest, made(none, Vec::new())));
        self.finish_block(Terminator::Goto(next));
        Ok(())
    }

    /// The block that comes this many after the one that is being filled.
    fn block_after(&self, count: usize) -> Block {
        Block::from_raw((self.mir.blocks.len() + count) as u32)
    }

    /// Ends the function, without what was made for the call.
    fn leave(&mut self, terminator: Terminator) {
        for i in 0..self.temporaries.len() {
            let temporary = self.temporaries[i];
            self.push(StatementKind::Destroy(place(temporary)));
        }
        self.finish_block(terminator);
    }

    /// A cast that is known to succeed.
    fn cast(&mut self, value: Place, from: Ty, dest: Place, to: Ty) {
        let ok = self.local(Ty::builtin(BuiltinTy::Int1), LocalKind::Var);
        self.push(StatementKind::Cast {
            ok: place(ok),
            dest,
            value,
            from,
            to,
        });
    }

    /// Calls, makes of the result what users of the existential see, and returns.
    fn call_dynamic(
        mut self,
        callee: Callee,
        args: Vec<Argument>,
        result: Ty,
        error: Option<Ty>,
    ) -> Mir {
        let own = self.mir.locals[self.mir.result].ty;
        if result == own || own.is_existential() {
            let erase = |value, to| match result.kind() {
                TyKind::Existential(_) => reference(value, to),
                _ => Rvalue::Erase {
                    value,
                    from: result,
                    to,
                },
            };
            return self.call(callee, args, result, error, erase);
        }
        if let (TyKind::Metatype(_), TyKind::Metatype(_)) = (result.kind(), own.kind()) {
            return self.call(callee, args, result, error, reference);
        }
        let (next, unwind) = (self.block_after(1), self.block_after(2));
        let found = self.local(result, LocalKind::Var);
        let slot = error.map(|error| self.local(error, LocalKind::Var));
        if let (Some(error), Some(slot)) = (error, slot) {
            self.mir.throws = Some(error);
            self.finish_block(Terminator::TryCall {
                dest: place(found),
                error: place(slot),
                callee,
                args,
                normal: next,
                unwind,
            });
        } else {
            self.push(StatementKind::Call {
                dest: place(found),
                callee,
                args,
            });
        }
        let dest = place(self.mir.result);
        self.cast(place(found), result, dest, own);
        self.push(StatementKind::Destroy(place(found)));
        self.leave(Terminator::Return);
        if let Some(slot) = slot {
            self.leave(Terminator::Throw(Operand::Move(place(slot))));
        }
        self.mir
    }

    fn push(&mut self, kind: StatementKind) {
        self.block.stmts.push(Statement { kind, src: None });
    }

    fn finish_block(&mut self, terminator: Terminator) -> Block {
        let mut block = std::mem::take(&mut self.block);
        block.term = Some(terminator);
        self.mir.blocks.alloc(block)
    }

    /// Calls, converts the result, and returns; errors are passed on.
    fn call(
        mut self,
        callee: Callee,
        args: Vec<Argument>,
        result: Ty,
        error: Option<Ty>,
        convert: impl FnOnce(Operand, Ty) -> Rvalue,
    ) -> Mir {
        let own = self.mir.locals[self.mir.result].ty;
        let dest = if result == own {
            self.mir.result
        } else {
            self.local(result, LocalKind::Var)
        };
        let (next, unwind) = (self.block_after(1), self.block_after(2));
        match error {
            Some(error) => {
                self.mir.throws = Some(error);
                let slot = self.local(error, LocalKind::Var);
                self.finish_block(Terminator::TryCall {
                    dest: place(dest),
                    error: place(slot),
                    callee,
                    args,
                    normal: next,
                    unwind,
                });
                self.convert(dest, own, convert);
                self.leave(Terminator::Return);
                self.leave(Terminator::Throw(Operand::Move(place(slot))));
            }
            None => {
                self.push(StatementKind::Call {
                    dest: place(dest),
                    callee,
                    args,
                });
                self.convert(dest, own, convert);
                self.leave(Terminator::Return);
            }
        }
        self.mir
    }

    fn convert(&mut self, from: Local, to: Ty, convert: impl FnOnce(Operand, Ty) -> Rvalue) {
        if from != self.mir.result {
            let rvalue = convert(Operand::Move(place(from)), to);
            self.push(StatementKind::Assign(place(self.mir.result), rvalue));
        }
    }
}

fn is_function(ty: Ty) -> bool {
    matches!(ty.kind(), TyKind::Function(_))
}

fn placeholder() -> FnId {
    use salsa::plumbing::FromId;
    FnId {
        def: DefId::from_id(salsa::Id::from_bits(1)),
        kind: FnKind::Body,
    }
}

fn reference(value: Operand, to: Ty) -> Rvalue {
    Rvalue::Upcast { value, to }
}

/// A plain function as the code of a function value.
pub(super) fn value<'a>(p: &dyn Program<'a>, instance: Instance, ty: Ty) -> Result<Mir> {
    let TyKind::Function(function) = ty.kind() else {
        return Err("a function value of a type that is no function".into());
    };
    let shape = p.callee_shape(instance.id, instance.args);
    let mut thunk = Thunk::new(Some(instance.id), shape.result);
    let mut args = Vec::new();
    for &(ty, passing) in &shape.params {
        args.push(thunk.forward(ty, passing));
    }
    if shape.this == ThisMode::Metatype {
        args.push(Argument::Value(Operand::Const(Const::Metatype(
            shape.result,
        ))));
    }
    // The function value may be declared to throw where the function does not; then the thunk never throws.
    let error = function.throws;
    Ok(thunk.call(
        Callee::Static(instance.id, instance.args),
        args,
        shape.result,
        error,
        reference,
    ))
}

/// A requirement's entry in a witness table: `this` by address.
pub(super) fn witness<'a>(p: &dyn Program<'a>, requirement: DefId, args: TyList) -> Result<Mir> {
    let id = FnId {
        def: requirement,
        kind: FnKind::Body,
    };
    let this_ty = *args
        .as_slice()
        .first()
        .ok_or("a requirement without Self")?;
    let shape = p.callee_shape(id, args);
    let mut thunk = Thunk::new(Some(id), shape.result);
    let mut arguments = Vec::new();
    for &(ty, passing) in &shape.params {
        arguments.push(thunk.forward(ty, passing));
    }
    let this = match shape.this {
        ThisMode::None => None,
        ThisMode::Metatype => Some(thunk.forward(Ty::metatype(this_ty), Passing::Borrow)),
        ThisMode::Inout => Some(thunk.forward(this_ty, Passing::Inout)),
        ThisMode::Borrow => {
            let this = thunk.param(this_ty, LocalKind::BorrowedAddress);
            Some(Argument::Value(Operand::Borrow(place(this))))
        }
        ThisMode::Owned => {
            // The existential keeps its value.
            let this = thunk.param(this_ty, LocalKind::BorrowedAddress);
            Some(Argument::Value(Operand::Copy(place(this))))
        }
    };
    arguments.extend(this);
    Ok(thunk.call(
        Callee::Witness(requirement, args),
        arguments,
        shape.result,
        shape.throws,
        reference,
    ))
}

/// The class type in the superclass chain of `class` that declares a member.
pub(in super::super) fn declaring_class<'a>(
    p: &dyn Program<'a>,
    class: Ty,
    member: DefId,
) -> Option<Ty> {
    let owner = p.class_of_member(member)?;
    let mut current = Some(class);
    // A cycle of superclasses is an error that has been reported; the bound only ends the search.
    for _ in 0..256 {
        let ty = current?;
        if ty.nominal_def() == Some(owner) {
            return Some(ty);
        }
        current = p.superclass(ty);
    }
    None
}

/// The generic arguments that a member of a class has in (a subclass of) this class.
pub(in super::super) fn member_args<'a>(
    p: &dyn Program<'a>,
    class: Ty,
    member: DefId,
) -> Option<TyList> {
    let (_, args) = declaring_class(p, class, member)?.as_nominal()?;
    Some(args)
}

fn shapes<'a>(
    p: &dyn Program<'a>,
    method: FnId,
    implementation: FnId,
    class: Ty,
    own: TyList,
) -> Option<(CalleeShape, CalleeShape, TyList)> {
    let all = |member: DefId| -> Option<TyList> {
        let outer = member_args(p, class, member)?;
        let args: Vec<Ty> = outer.iter().chain(own.iter()).collect();
        Some(TyList::new(&args))
    };
    let method_args = all(method.def)?;
    let args = all(implementation.def)?;
    Some((
        p.callee_shape(method, method_args),
        p.callee_shape(implementation, args),
        args,
    ))
}

/// Whether an override can stand in the slot as it is.
pub(in super::super) fn overrides_directly<'a>(
    p: &dyn Program<'a>,
    method: FnId,
    implementation: FnId,
    class: Ty,
) -> bool {
    if method == implementation {
        return true;
    }
    let Some((introduced, own, _)) = shapes(p, method, implementation, class, TyList::empty())
    else {
        return true;
    };
    let same = |a: Ty, b: Ty| {
        a == b
            || p.layout(a).scalar_types().eq(p.layout(b).scalar_types())
                && p.layout(a).size == p.layout(b).size
    };
    introduced.throws.is_some() == own.throws.is_some()
        && same(introduced.result, own.result)
        && introduced.params.len() == own.params.len()
        && introduced
            .params
            .iter()
            .zip(&own.params)
            .all(|(a, b)| same(a.0, b.0))
}

/// An override whose convention differs from the introducing method's: it does not throw, returns more, or takes more. `generic` are the
/// arguments of a generic method.
pub(super) fn vtable<'a>(
    p: &dyn Program<'a>,
    method: FnId,
    implementation: FnId,
    class: Ty,
    generic: TyList,
) -> Result<Mir> {
    let (introduced, own, args) =
        shapes(p, method, implementation, class, generic).ok_or("an override outside its class")?;
    let some_of = |ty: Ty| -> Option<DefId> {
        let (def, _) = ty.as_nominal().filter(|(def, _)| p.is_optional(*def))?;
        let _ = def;
        let cases = &p.layout(ty).as_enum()?.cases;
        cases.iter().find(|c| c.payload.is_some()).map(|c| c.def)
    };
    let convert = |value: Operand, to: Ty| match some_of(to) {
        Some(case) => Rvalue::Case {
            ty: to,
            case,
            payload: vec![value],
        },
        None => reference(value, to),
    };
    let mut thunk = Thunk::new(Some(implementation), introduced.result);
    let mut arguments = Vec::new();
    for (&(ty, passing), &(own_ty, _)) in introduced.params.iter().zip(&own.params) {
        let argument = thunk.forward(ty, passing);
        let wraps = ty != own_ty
            && !matches!(ty.kind(), TyKind::Nominal { def, .. } if p.is_optional(*def))
            && some_of(own_ty).is_some();
        arguments.push(match argument {
            Argument::Value(value) if wraps => {
                let wrapped = thunk.local(own_ty, LocalKind::Var);
                thunk.push(StatementKind::Assign(
                    place(wrapped),
                    convert(value, own_ty),
                ));
                Argument::Value(Operand::Borrow(place(wrapped)))
            }
            other => other,
        });
    }
    match own.this {
        ThisMode::None => {}
        ThisMode::Metatype => arguments.push(thunk.forward(Ty::metatype(class), Passing::Borrow)),
        _ => arguments.push(thunk.forward(class, Passing::Borrow)),
    }
    Ok(thunk.call(
        Callee::Static(implementation, args),
        arguments,
        own.result,
        introduced.throws,
        convert,
    ))
}

/// The instance of a dynamic call for a type.
pub(super) fn dynamic<'a>(p: &dyn Program<'a>, call: DynamicCall, ty: Ty) -> Result<Mir> {
    match call {
        DynamicCall::Method { id, args } => {
            let (class, _) = ty
                .as_nominal()
                .ok_or("a method of a type that is no class")?;
            let slots = p.vtable(class);
            let slot = slots
                .iter()
                .find(|s| s.method == id || s.implementation == id)
                .ok_or("a method without a slot")?;
            let outer = member_args(p, ty, id.def).ok_or("a method outside its class")?;
            let own = TyList::new(&args.as_slice()[outer.len()..]);
            vtable(p, slot.method, slot.implementation, ty, own)
        }
        DynamicCall::Opened {
            id,
            args,
            index,
            is_virtual,
        } => opened(p, id, args, index as usize, is_virtual, ty),
    }
}

/// A function for the type inside an existential, which stands in the function's type arguments: takes the opened value by address.
fn opened<'a>(
    p: &dyn Program<'a>,
    id: FnId,
    args: TyList,
    index: usize,
    is_virtual: bool,
    ty: Ty,
) -> Result<Mir> {
    let mut inner = args.as_slice().to_vec();
    let opened = inner
        .get_mut(index)
        .ok_or("an argument that is not there")?;
    let outer = std::mem::replace(opened, ty);
    let inner = TyList::new(&inner);
    let (outside, inside) = (p.callee_shape(id, args), p.callee_shape(id, inner));
    let mut thunk = Thunk::new(Some(id), outside.result);
    let mut arguments = Vec::new();
    for (&(wide, passing), &(narrow, _)) in outside.params.iter().zip(&inside.params) {
        let argument = if narrow == ty && wide != ty {
            thunk.opened(ty, passing)
        } else if wide == narrow || narrow == Ty::metatype(ty) && wide == Ty::metatype(outer) {
            // The opened metatype comes as the type alone.
            thunk.forward(narrow, passing)
        } else {
            thunk.converted(p, wide, narrow, passing)?
        };
        arguments.push(argument);
    }
    let outer_this = p.this_type(id.def, args);
    let this_ty = p.this_type(id.def, inner).unwrap_or(ty);
    let is_opened = index == 0 && this_ty == ty && outer_this != Some(ty);
    let passing = match inside.this {
        ThisMode::None | ThisMode::Metatype | ThisMode::Borrow => Passing::Borrow,
        ThisMode::Owned => Passing::Owned,
        ThisMode::Inout => Passing::Inout,
    };
    match inside.this {
        ThisMode::None => {}
        ThisMode::Metatype => {
            arguments.push(thunk.forward(Ty::metatype(this_ty), Passing::Borrow));
        }
        _ if is_opened => arguments.push(thunk.opened(ty, passing)),
        _ => arguments.push(thunk.forward(this_ty, passing)),
    }
    let callee = if p.requirement_owner(id.def).is_some() {
        Callee::Witness(id.def, inner)
    } else if is_virtual {
        Callee::Virtual(id, inner)
    } else {
        Callee::Static(id, inner)
    };
    Ok(thunk.call_dynamic(callee, arguments, inside.result, inside.throws))
}

/// A generic function for an existential as code that can be pointed to: passes everything on to the call that opens the existential.
pub(super) fn opening<'a>(p: &dyn Program<'a>, instance: Instance) -> Mir {
    let Instance { id, args } = instance;
    let shape = p.callee_shape(id, args);
    let mut thunk = Thunk::new(Some(id), shape.result);
    let mut arguments: Vec<Argument> = Vec::new();
    for &(ty, passing) in &shape.params {
        arguments.push(thunk.forward(ty, passing));
    }
    if let Some(this) = p.this_type(id.def, args) {
        match shape.this {
            ThisMode::None => {}
            ThisMode::Metatype => {
                arguments.push(thunk.forward(Ty::metatype(this), Passing::Borrow));
            }
            ThisMode::Borrow => arguments.push(thunk.forward(this, Passing::Borrow)),
            ThisMode::Owned => arguments.push(thunk.forward(this, Passing::Owned)),
            ThisMode::Inout => arguments.push(thunk.forward(this, Passing::Inout)),
        }
    }
    let callee = Callee::Static(id, args);
    thunk.call(callee, arguments, shape.result, shape.throws, reference)
}
