//! The state of emitting one function's MIR, or of one that is inlined into another, and the places it names.

use cranelift_codegen::ir::{Block, Type, Value, types};
use cranelift_frontend::Variable;
use smallvec::SmallVec;

use crate::base::{FxHashMap, Name};
use crate::items::ids::DefId;
use crate::mir::data::{
    Argument, Callee, CaptureMode, Instance, Local, Mir, Operand, Place, Proj, Rvalue,
    StatementKind, Terminator,
};
use crate::types::ty::{BuiltinTy, Ty, TyKind, TyList};

use super::super::blob::LineKey;
use super::super::cx::{Ownership, Program};
use super::super::key::canonical;
use super::super::layout::{BOX_VALUE, Field, OBJECT_HEADER, Shape, align_up};
use super::code::{Addr, Code, Region, Result, Vals};
use super::values::Val;

pub(in super::super) type Vars = SmallVec<[Variable; 4]>;

/// Where a local lives.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    /// One variable per scalar; none for a value without size.
    Vars(Vars),
    Memory(Addr),
}

/// A place in the sense of MIR, resolved.
#[derive(Clone, Debug)]
pub(super) struct Loc {
    pub at: At,
    pub ty: Ty,
    pub ownership: Ownership,
}

#[derive(Clone, Debug)]
pub(super) enum At {
    Vars(Vars),
    Memory(Addr),
    /// Part of a value in variables that is no variable of its own: read only.
    Values(Vals),
}

impl Loc {
    pub fn memory(ty: Ty, addr: Addr) -> Loc {
        Loc {
            at: At::Memory(addr),
            ty,
            ownership: Ownership::Strong,
        }
    }
}

/// What `Return` and `Throw` do.
#[derive(Clone)]
pub(super) enum Exit {
    /// Leave the function.
    Function {
        result_address: Option<Value>,
        throws: bool,
    },
    /// Continue in the function that this one is inlined into: in block `normal`, or behind the last instruction.
    Inline {
        normal: Option<Block>,
        unwind: Option<(Block, Variable)>,
    },
}

/// One function's MIR while it is emitted.
pub(super) struct Frame<'f> {
    pub mir: &'f Mir,
    pub args: TyList,
    pub types: Vec<Ty>,
    pub storage: Vec<Storage>,
    /// The block that a block of MIR begins; none for one that continues the block before it.
    pub blocks: Vec<Option<Block>>,
    pub exit: Exit,
    /// How many functions this one is inlined into.
    pub depth: u32,
    /// Inlined code belongs to the line of the call.
    pub line: Option<LineKey>,
    /// Whether the stored properties of library classes are only reached by name.
    pub hidden_fields: bool,
    /// Locals that hold a constant text, for messages of traps.
    pub texts: FxHashMap<Local, Name>,
}

pub(in super::super) struct Emitter<'f, 'a> {
    pub c: Code<'f, 'a>,
    pub(super) frame: Frame<'f>,
    /// Functions being inlined, so that recursion ends.
    pub(super) inlining: Vec<Instance>,
    /// How many more statements may be inlined into this function.
    pub(super) budget: u32,
    pub(super) monos: FxHashMap<(Ty, TyList), Ty>,
}

/// How a closure's context is laid out.
pub(in super::super) struct ContextLayout {
    pub size: u64,
    pub align: u32,
    /// Offset, type and mode of each capture.
    pub captures: Vec<(u64, Ty, CaptureMode)>,
}

/// The layout of the context that a closure's function takes, for concrete type arguments.
pub(in super::super) fn context_layout<'a>(
    p: &dyn Program<'a>,
    mir: &Mir,
    args: TyList,
) -> ContextLayout {
    let mut offset = OBJECT_HEADER;
    let mut align = 8;
    let mut captures = Vec::with_capacity(mir.captures.len());
    for capture in &mir.captures {
        let ty = p.normalize(capture.ty.subst(args.as_slice()));
        let (size, field_align) = match capture.mode {
            CaptureMode::Box | CaptureMode::Address => (8, 8),
            CaptureMode::Value | CaptureMode::Weak | CaptureMode::Unowned => {
                let layout = p.layout(ty);
                (layout.size, layout.align)
            }
        };
        offset = align_up(offset, field_align);
        align = align.max(field_align);
        captures.push((offset, ty, capture.mode));
        offset += size;
    }
    ContextLayout {
        size: offset,
        align,
        captures,
    }
}

/// Whether a projection leaves the local's own storage.
pub(in super::super) fn is_indirect(proj: &Proj) -> bool {
    matches!(
        proj,
        Proj::ClassField(_) | Proj::Deref(_) | Proj::BoxValue(_) | Proj::Capture(_)
    )
}

/// The local whose storage a place lies in, unless it lies behind a pointer.
fn root(place: &Place) -> Option<Local> {
    (!place.path.iter().any(is_indirect)).then_some(place.local)
}

/// The locals that need an address: whose address is taken for longer than a call, that hold weak references, and of which payloads
/// are changed in place.
pub(super) fn addressed_locals<'a>(p: &dyn Program<'a>, mir: &Mir) -> Vec<bool> {
    let mut addressed = vec![false; mir.locals.len()];
    let mut mark = |place: &Place| {
        if let Some(local) = root(place) {
            addressed[local.index()] = true;
        }
    };
    let has_payload = |place: &Place| {
        place
            .path
            .iter()
            .any(|proj| matches!(proj, Proj::Payload(_)))
    };
    let call = |callee: &Callee, args: &[Argument], dest: &Place, mark: &mut dyn FnMut(&Place)| {
        let takes_address =
            matches!(callee, Callee::Static(id, _) if p.intrinsic(id.def) == Some("addressOf"));
        for arg in args {
            if let Argument::Address(place) = arg
                && (takes_address || has_payload(place))
            {
                mark(place);
            }
        }
        if has_payload(dest) {
            mark(dest);
        }
    };
    for block in mir.blocks.values() {
        for statement in &block.stmts {
            match &statement.kind {
                StatementKind::Assign(dest, rvalue) => {
                    if has_payload(dest) {
                        mark(dest);
                    }
                    if let Rvalue::AddressOf(place) | Rvalue::LoadWeak(place) = rvalue {
                        mark(place);
                    }
                }
                StatementKind::StoreWeak { place, .. } | StatementKind::DestroyWeak(place) => {
                    mark(place)
                }
                StatementKind::Call { dest, callee, args } => call(callee, args, dest, &mut mark),
                StatementKind::Cast { ok, dest, .. } => {
                    for place in [ok, dest] {
                        if has_payload(place) {
                            mark(place);
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(Terminator::TryCall {
            dest, callee, args, ..
        }) = &block.term
        {
            call(callee, args, dest, &mut mark);
        }
    }
    addressed
}

/// Whether no pointer to a stored property of a library class is made.
pub(super) fn hides_fields<'a>(p: &dyn Program<'a>, mir: &Mir) -> bool {
    let is_field = |place: &Place| {
        place
            .path
            .iter()
            .any(|proj| matches!(proj, Proj::ClassField(def) if p.is_library(*def)))
    };
    let is_argument = |arg: &Argument| match arg {
        Argument::Address(place)
        | Argument::Value(Operand::Borrow(place) | Operand::Copy(place) | Operand::Move(place)) => {
            is_field(place)
        }
        Argument::Value(Operand::Const(_)) => false,
    };
    mir.blocks.values().all(|block| {
        block.stmts.iter().all(|statement| match &statement.kind {
            StatementKind::Assign(_, Rvalue::AddressOf(place)) => !is_field(place),
            StatementKind::Call {
                callee: Callee::Static(id, _),
                args,
                ..
            } => {
                let makes_pointer = matches!(
                    p.intrinsic(id.def),
                    Some("addressOf" | "addressOfBorrow" | "projectValue" | "dynamicMetadata")
                );
                let is_given = |arg: &Argument| match arg {
                    Argument::Address(_) => is_argument(arg),
                    Argument::Value(_) => makes_pointer && is_argument(arg),
                };
                !args.iter().any(is_given)
            }
            StatementKind::Call { args, .. } => !args
                .iter()
                .any(|arg| matches!(arg, Argument::Address(place) if is_field(place))),
            _ => true,
        })
    })
}

impl<'f, 'a> Emitter<'f, 'a> {
    /// A type of the current function's MIR with its generic arguments filled in.
    pub(super) fn mono(&mut self, ty: Ty) -> Ty {
        let args = self.frame.args;
        self.mono_for(ty, args)
    }
    pub(super) fn mono_for(&mut self, ty: Ty, args: TyList) -> Ty {
        if !ty.has_params() && !ty.has_projection() && !ty.has_dynamic_self() {
            return ty;
        }
        let p = self.c.p;
        *self.monos.entry((ty, args)).or_insert_with(|| {
            match p.normalize(ty.subst(args.as_slice())).kind() {
                TyKind::DynamicSelf(class) => *class,
                _ => p.normalize(ty.subst(args.as_slice())),
            }
        })
    }
    /// Generic arguments of a callee, canonical, so that they can name an instance.
    pub(super) fn mono_args(&mut self, args: TyList) -> TyList {
        if args.is_empty() {
            return args;
        }
        let types: SmallVec<[Ty; 8]> = args.iter().map(|t| canonical(self.mono(t))).collect();
        TyList::new(&types)
    }

    pub(super) fn variables(&mut self, types: impl Iterator<Item = Type>) -> Vars {
        types.map(|ty| self.c.b.declare_var(ty)).collect()
    }

    /// Fresh storage for a value of a type.
    pub(super) fn storage_for(&mut self, ty: Ty, addressed: bool) -> Storage {
        let layout = self.c.layout(ty);
        if layout.scalars.is_some() && !(addressed && layout.size > 0) {
            Storage::Vars(self.variables(layout.scalar_types()))
        } else {
            Storage::Memory(self.c.slot(layout.size, layout.align.max(8)))
        }
    }

    pub(super) fn local(&self, local: Local) -> Loc {
        Loc {
            at: match &self.frame.storage[local.index()] {
                Storage::Vars(vars) => At::Vars(vars.clone()),
                Storage::Memory(addr) => At::Memory(*addr),
            },
            ty: self.frame.types[local.index()],
            ownership: Ownership::Strong,
        }
    }

    /// Resolves a place.
    pub(super) fn place(&mut self, place: &Place) -> Result<Loc> {
        let mut loc = self.local(place.local);
        for proj in &place.path {
            loc = self.step(loc, proj)?;
        }
        Ok(loc)
    }

    /// The type of a place, without emitting anything that is not needed.
    pub(super) fn place_type(&mut self, place: &Place) -> Result<Ty> {
        if place.path.is_empty() {
            return Ok(self.frame.types[place.local.index()]);
        }
        Ok(self.place(place)?.ty)
    }

    fn step(&mut self, loc: Loc, proj: &Proj) -> Result<Loc> {
        match proj {
            Proj::Field(def) => {
                let layout = self.c.layout(loc.ty);
                let field = layout
                    .fields()
                    .iter()
                    .find(|f| f.def == Some(*def))
                    .ok_or_else(|| {
                        format!(
                            "a type without the stored property {}",
                            self.c.p.def(*def).name
                        )
                    })?;
                self.field(loc, field)
            }
            Proj::Elem(index) => {
                let layout = self.c.layout(loc.ty);
                let field = layout
                    .fields()
                    .get(*index as usize)
                    .ok_or("a tuple without this element")?;
                self.field(loc, field)
            }
            Proj::Payload(case) => self.payload(loc, *case),
            Proj::ClassField(def) => {
                let object = self.load(&loc).scalar()?;
                let class = self.class_of(loc.ty)?;
                let layout = self.c.p.class_layout(class);
                let field = layout
                    .fields
                    .iter()
                    .find(|f| f.def == Some(*def))
                    .ok_or_else(|| {
                        format!(
                            "a class without the stored property {}",
                            self.c.p.def(*def).name
                        )
                    })?;
                let mut addr = Addr::value(object).plus(field.offset);
                if self.frame.hidden_fields && self.c.p.is_library(*def) {
                    addr = addr.within(Region::Fields);
                }
                Ok(Loc {
                    at: At::Memory(addr),
                    ty: field.ty,
                    ownership: field.ownership,
                })
            }
            Proj::Deref(ty) => {
                let pointer = self.load(&loc).scalar()?;
                let ty = self.mono(*ty);
                Ok(Loc::memory(ty, Addr::value(pointer)))
            }
            Proj::BoxValue(ty) => {
                let object = self.load(&loc).scalar()?;
                let ty = self.mono(*ty);
                Ok(Loc::memory(ty, Addr::value(object).plus(BOX_VALUE)))
            }
            Proj::Capture(index) => {
                let context = self.load(&loc).scalar()?;
                let layout = context_layout(self.c.p, self.frame.mir, self.frame.args);
                let &(offset, ty, mode) = layout
                    .captures
                    .get(*index as usize)
                    .ok_or("a context without this capture")?;
                let at = At::Memory(Addr::value(context).plus(offset));
                let (ty, ownership) = match mode {
                    CaptureMode::Value => (ty, Ownership::Strong),
                    CaptureMode::Box => (Ty::builtin(BuiltinTy::NativeObject), Ownership::Strong),
                    CaptureMode::Address => (Ty::builtin(BuiltinTy::RawPointer), Ownership::Strong),
                    CaptureMode::Weak => (ty, Ownership::Weak),
                    CaptureMode::Unowned => (ty, Ownership::Unowned),
                };
                Ok(Loc { at, ty, ownership })
            }
        }
    }

    /// The class whose fields a reference of this type reaches.
    fn class_of(&mut self, ty: Ty) -> Result<Ty> {
        match ty.kind() {
            TyKind::DynamicSelf(class) => Ok(*class),
            TyKind::Existential(e) => e
                .superclass
                .ok_or_else(|| "fields of an existential".into()),
            _ => Ok(ty),
        }
    }

    fn field(&mut self, loc: Loc, field: &Field) -> Result<Loc> {
        let count = {
            let layout = self.c.layout(field.ty);
            layout.scalars.as_ref().map_or(0, |s| s.len())
        };
        let first = field.scalar as usize;
        let at = match loc.at {
            At::Memory(addr) => At::Memory(addr.plus(field.offset)),
            At::Vars(vars) => At::Vars(
                vars.get(first..first + count)
                    .ok_or("a field outside its value")?
                    .into(),
            ),
            At::Values(values) => At::Values(
                values
                    .get(first..first + count)
                    .ok_or("a field outside its value")?
                    .into(),
            ),
        };
        Ok(Loc {
            at,
            ty: field.ty,
            ownership: field.ownership,
        })
    }

    fn payload(&mut self, loc: Loc, case: DefId) -> Result<Loc> {
        let layout = self.c.layout(loc.ty);
        let shape = layout
            .as_enum()
            .ok_or("a payload of a type that is no enum")?;
        let (ty, indirect) = self.c.payload_type(shape, case)?;
        if indirect {
            let pointer = match &loc.at {
                At::Memory(addr) => self.c.load(types::I64, *addr),
                _ => {
                    let val = self.load(&loc);
                    self.c.extract(layout, val.scalars()?, 0, types::I64)?
                }
            };
            return Ok(Loc::memory(ty, Addr::value(pointer).plus(BOX_VALUE)));
        }
        let payload = self.c.layout(ty);
        if payload.is_empty() {
            return Ok(Loc {
                at: At::Vars(Vars::new()),
                ty,
                ownership: Ownership::Strong,
            });
        }
        let multi = matches!(shape.tag, super::super::layout::TagKind::Multi { .. });
        let at = match loc.at {
            At::Memory(addr) => At::Memory(addr),
            // A single payload's scalars are the first of the enum's.
            At::Vars(vars) if !multi => {
                let count = payload.scalars.as_ref().map_or(0, |s| s.len());
                At::Vars(
                    vars.get(..count)
                        .ok_or("a payload outside its enum")?
                        .into(),
                )
            }
            at => {
                let enum_loc = Loc {
                    at,
                    ty: loc.ty,
                    ownership: Ownership::Strong,
                };
                let val = self.load(&enum_loc);
                At::Values(self.c.payload_scalars(layout, val.scalars()?, payload)?)
            }
        };
        Ok(Loc {
            at,
            ty,
            ownership: Ownership::Strong,
        })
    }

    /// The value at a place, its references not counted.
    pub(super) fn load(&mut self, loc: &Loc) -> Val {
        match &loc.at {
            At::Vars(vars) => Val::Scalars(vars.iter().map(|&var| self.c.b.use_var(var)).collect()),
            At::Values(values) => Val::Scalars(values.clone()),
            At::Memory(addr) => {
                let layout = self.c.layout(loc.ty);
                self.c.load_val(layout, *addr)
            }
        }
    }

    /// Initialises a place.
    pub(super) fn store(&mut self, loc: &Loc, val: &Val) -> Result<()> {
        match &loc.at {
            At::Vars(vars) => {
                let values = val.scalars()?;
                if values.len() != vars.len() {
                    return Err(format!(
                        "a value of {} scalars in a place of {} ({:?})",
                        values.len(),
                        vars.len(),
                        loc.ty
                    ));
                }
                for (&var, &value) in vars.iter().zip(values) {
                    self.c.b.def_var(var, value);
                }
                Ok(())
            }
            At::Memory(addr) => {
                let layout = self.c.layout(loc.ty);
                self.c.store_val(layout, val, *addr)
            }
            At::Values(_) => Err("a write into part of a value".into()),
        }
    }

    /// The address of a place, if it has one.
    pub(super) fn address_of(&mut self, loc: &Loc) -> Result<Addr> {
        match &loc.at {
            At::Memory(addr) => Ok(*addr),
            _ if self.c.layout(loc.ty).is_empty() => Ok(self.c.slot(1, 8)),
            _ => Err("the address of a value in registers".into()),
        }
    }

    pub(super) fn destroy(&mut self, loc: &Loc) -> Result<()> {
        let layout = self.c.layout(loc.ty);
        if layout.trivial {
            return Ok(());
        }
        match loc.at {
            At::Memory(addr) if layout.leaves.is_none() => {
                self.c.destroy_memory(loc.ty, addr);
                Ok(())
            }
            _ => {
                let val = self.load(loc);
                self.c.destroy_val(loc.ty, &val)
            }
        }
    }

    /// An operand's value: counted where it is a copy.
    pub(super) fn operand(&mut self, operand: &Operand) -> Result<Val> {
        match operand {
            Operand::Copy(place) => {
                let loc = self.place(place)?;
                let val = self.load(&loc);
                self.c.copy_val(loc.ty, &val)
            }
            Operand::Move(place) | Operand::Borrow(place) => {
                let loc = self.place(place)?;
                Ok(self.load(&loc))
            }
            Operand::Const(constant) => self.constant(constant),
        }
    }

    pub(super) fn operand_type(&mut self, operand: &Operand) -> Result<Ty> {
        match operand {
            Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place) => {
                self.place_type(place)
            }
            Operand::Const(constant) => Ok(self.constant_type(constant)),
        }
    }

    /// Initialises a place from an operand, without a detour for large values.
    pub(super) fn operand_into(&mut self, operand: &Operand, dest: &Loc) -> Result<()> {
        if let (Operand::Copy(place), At::Memory(to)) = (operand, &dest.at) {
            let to = *to;
            let loc = self.place(place)?;
            if let At::Memory(from) = loc.at
                && self.c.layout(loc.ty).scalars.is_none()
            {
                self.c.copy_memory(loc.ty, to, from);
                return Ok(());
            }
        }
        let val = self.operand(operand)?;
        self.store(dest, &val)
    }

    /// Whether the operand hands over a reference count.
    pub(super) fn is_owned(operand: &Operand) -> bool {
        matches!(operand, Operand::Copy(_) | Operand::Move(_))
    }

    pub(super) fn is_class_reference(&mut self, ty: Ty) -> bool {
        matches!(self.c.layout(ty).shape, Shape::Reference)
            && matches!(ty.kind(), TyKind::Nominal { .. } | TyKind::DynamicSelf(_))
    }
}
