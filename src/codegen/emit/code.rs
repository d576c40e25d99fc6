//! Writing instructions of one function: constants, memory, symbols, calls of the runtime, traps. Nothing here knows MIR.

use cranelift_codegen::ir::{
    self, AbiParam, AliasRegion, AliasRegionData, Block, ExternalName, FuncRef, GlobalValue,
    GlobalValueData, Inst, InstBuilder, InstructionData, MemFlagsData, Opcode, SigRef, Signature,
    StackSlot, StackSlotData, StackSlotKind, TrapCode, Type, UserExternalName, Value,
    condcodes::{CondCode, IntCC},
    types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use smallvec::SmallVec;

use crate::base::{FxHashMap, Name};
use crate::types::ty::Ty;

use super::super::blob::LineKey;
use super::super::cx::Program;
use super::super::isa::RUNTIME_CALL;
use super::super::key::{CodeKey, canonical};
use super::super::layout::Layout;

/// What went wrong inside one function; the caller adds which.
pub(in super::super) type Result<T> = std::result::Result<T, String>;

pub(in super::super) type Vals = SmallVec<[Value; 4]>;

/// A place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Addr {
    pub base: Base,
    pub offset: i32,
    pub region: Region,
}

/// Parts of memory that do not overlap: what is known of one is not changed by writing to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Region {
    /// Whatever a pointer may point to.
    Any,
    /// Stored properties of the library's own classes, which nothing has pointers to.
    Fields,
    /// The counts in the headers of objects.
    Counts,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Base {
    Value(Value),
    Slot(StackSlot),
}

impl Addr {
    pub fn value(value: Value) -> Addr {
        Addr {
            base: Base::Value(value),
            offset: 0,
            region: Region::Any,
        }
    }
    pub fn slot(slot: StackSlot) -> Addr {
        Addr {
            base: Base::Slot(slot),
            offset: 0,
            region: Region::Any,
        }
    }
    pub fn plus(self, offset: u64) -> Addr {
        Addr {
            offset: self.offset.wrapping_add(offset as i32),
            ..self
        }
    }
    pub fn within(self, region: Region) -> Addr {
        Addr { region, ..self }
    }
}

/// What relocations of a function refer to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in super::super) enum Target {
    Key(CodeKey),
    /// A function or datum of the runtime, or of C.
    Runtime(Name),
}

/// The symbols that a function refers to, by the numbers that its instructions hold.
#[derive(Default)]
pub(in super::super) struct Symbols {
    pub targets: Vec<Target>,
    numbers: FxHashMap<Target, u32>,
    functions: FxHashMap<u32, FuncRef>,
    values: FxHashMap<u32, GlobalValue>,
    /// The lines that instructions hold as numbers.
    pub lines: Vec<LineKey>,
    /// The lines that instructions belong to, by the number of their source location.
    pub rows: Vec<LineKey>,
    pub dynamic_protocols: Vec<CodeKey>,
}

/// The name space of symbols in the external names of a function, and that of line numbers.
pub(in super::super) const SYMBOL_SPACE: u32 = 0;
pub(in super::super) const LINE_SPACE: u32 = 1;

/// A function being written.
pub(in super::super) struct Code<'f, 'a> {
    pub p: &'f dyn Program<'a>,
    pub b: FunctionBuilder<'f>,
    pub symbols: Symbols,
    layouts: FxHashMap<Ty, &'a Layout>,
    /// Where the current statement came from.
    pub line: Option<LineKey>,
    /// The file that traps name.
    pub file: Name,
    /// The regions of memory other than `Any`, in their order; only where optimisation asks for them.
    regions: Option<[AliasRegion; 2]>,
}

pub(in super::super) fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl<'f, 'a> Code<'f, 'a> {
    pub fn new(p: &'f dyn Program<'a>, b: FunctionBuilder<'f>, optimise: bool) -> Self {
        let regions = &mut b.func.dfg.alias_regions;
        let regions = optimise.then(|| {
            [(1, "fields"), (2, "counts")].map(|(user_id, description)| {
                regions.insert(AliasRegionData {
                    user_id,
                    description: description.into(),
                })
            })
        });
        Code {
            p,
            b,
            symbols: Symbols::default(),
            layouts: FxHashMap::default(),
            line: None,
            file: Name::new(""),
            regions,
        }
    }

    /// Whether regions of memory are told apart.
    pub fn has_regions(&self) -> bool {
        self.regions.is_some()
    }

    fn memory(&self, region: Region) -> MemFlagsData {
        memory().with_alias_region(match (region, self.regions) {
            (Region::Any, _) | (_, None) => None,
            (Region::Fields, Some([fields, _])) => Some(fields),
            (Region::Counts, Some([_, counts])) => Some(counts),
        })
    }

    pub fn layout(&mut self, ty: Ty) -> &'a Layout {
        let p = self.p;
        self.layouts.entry(ty).or_insert_with(|| p.layout(ty))
    }

    // Constants and arithmetic.

    pub fn int(&mut self, ty: Type, value: i128) -> Value {
        if ty == types::I128 {
            let low = self.b.ins().iconst(types::I64, value as i64);
            let high = self.b.ins().iconst(types::I64, (value >> 64) as i64);
            return self.b.ins().iconcat(low, high);
        }
        let value = value as i64;
        // Immediates of narrow types must not have bits beyond the type.
        let masked = if ty.bits() < 64 {
            value & ((1i64 << ty.bits()) - 1)
        } else {
            value
        };
        self.b.ins().iconst(ty, masked)
    }
    pub fn i64(&mut self, value: u64) -> Value {
        self.b.ins().iconst(types::I64, value as i64)
    }
    pub fn i8(&mut self, value: u8) -> Value {
        self.b.ins().iconst(types::I8, i64::from(value))
    }
    pub fn zero(&mut self, ty: Type) -> Value {
        match ty {
            types::F32 => self.b.ins().f32const(0.0),
            types::F64 => self.b.ins().f64const(0.0),
            _ => self.int(ty, 0),
        }
    }
    /// The number that a value is, if that shows.
    pub fn constant(&self, value: Value) -> Option<i64> {
        let dfg = &self.b.func.dfg;
        match dfg.insts[dfg.value_def(value).inst()?] {
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } => {
                let unused = 64 - dfg.value_type(value).bits().min(64);
                Some(imm.bits() << unused >> unused)
            }
            _ => None,
        }
    }
    /// The opposite of a truth value: of a comparison, the opposite comparison, which costs nothing.
    pub fn not(&mut self, value: Value) -> Value {
        let dfg = &self.b.func.dfg;
        let inst = dfg.value_def(value).inst();
        match inst.map(|inst| dfg.insts[inst]) {
            Some(InstructionData::IntCompare { args, cond, .. }) => {
                self.b.ins().icmp(cond.complement(), args[0], args[1])
            }
            Some(InstructionData::FloatCompare { args, cond, .. }) => {
                self.b.ins().fcmp(cond.complement(), args[0], args[1])
            }
            _ => self.is(IntCC::Equal, value, 0),
        }
    }
    /// Compares with a constant.
    pub fn is(&mut self, cc: IntCC, value: Value, constant: u64) -> Value {
        let ty = self.b.func.dfg.value_type(value);
        let constant = self.int(ty, i128::from(constant));
        self.b.ins().icmp(cc, value, constant)
    }
    /// Widens without sign or cuts an integer to a type.
    pub fn resize(&mut self, value: Value, ty: Type) -> Value {
        let from = self.b.func.dfg.value_type(value);
        if from.bits() < ty.bits() {
            self.b.ins().uextend(ty, value)
        } else if from.bits() > ty.bits() {
            self.b.ins().ireduce(ty, value)
        } else {
            value
        }
    }

    // Memory.

    pub fn slot(&mut self, size: u64, align: u32) -> Addr {
        let size = size.clamp(1, u64::from(u32::MAX / 2)) as u32;
        let shift = align.max(1).trailing_zeros() as u8;
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, shift);
        Addr::slot(self.b.create_sized_stack_slot(data))
    }
    pub fn slot_for(&mut self, ty: Ty) -> Addr {
        let layout = self.layout(ty);
        self.slot(layout.size, layout.align.max(8))
    }
    pub fn address(&mut self, addr: Addr) -> Value {
        match addr.base {
            Base::Slot(slot) => self.b.ins().stack_addr(types::I64, slot, addr.offset),
            Base::Value(value) if addr.offset == 0 => value,
            Base::Value(value) => self.b.ins().iadd_imm_s(value, i64::from(addr.offset)),
        }
    }
    /// An address that instructions take directly: a value and an offset.
    fn split(&mut self, addr: Addr) -> (Value, i32) {
        match addr.base {
            Base::Value(value) => (value, addr.offset),
            Base::Slot(slot) => (self.b.ins().stack_addr(types::I64, slot, addr.offset), 0),
        }
    }
    pub fn load(&mut self, ty: Type, addr: Addr) -> Value {
        let (base, offset) = self.split(addr);
        let flags = self.memory(addr.region);
        self.b.ins().load(ty, flags, base, offset)
    }
    pub fn store(&mut self, value: Value, addr: Addr) {
        let (base, offset) = self.split(addr);
        let flags = self.memory(addr.region);
        self.b.ins().store(flags, value, base, offset);
    }
    /// Copies bytes between places that do not overlap, or are the same.
    pub fn copy_bytes(&mut self, dst: Addr, src: Addr, size: u64) {
        if size == 0 || dst == src {
            return;
        }
        let (dst_base, dst_offset) = self.split(dst);
        let (src_base, src_offset) = self.split(src);
        if size > 128 {
            let dst = self.address(Addr {
                base: Base::Value(dst_base),
                offset: dst_offset,
                ..dst
            });
            let src = self.address(Addr {
                base: Base::Value(src_base),
                offset: src_offset,
                ..src
            });
            let size = self.i64(size);
            self.runtime("memcpy", &[dst, src, size], &[types::I64]);
            return;
        }
        let (reading, writing) = (self.memory(src.region), self.memory(dst.region));
        let mut at = 0;
        while at < size {
            let ty = match size - at {
                1 => types::I8,
                2..4 => types::I16,
                4..8 => types::I32,
                8..16 => types::I64,
                _ => types::I8X16,
            };
            let value = self
                .b
                .ins()
                .load(ty, reading, src_base, src_offset + at as i32);
            self.b
                .ins()
                .store(writing, value, dst_base, dst_offset + at as i32);
            at += u64::from(ty.bytes());
        }
    }
    pub fn zero_bytes(&mut self, dst: Addr, size: u64) {
        if size == 0 {
            return;
        }
        if size > 64 {
            let dst = self.address(dst);
            let zero = self.b.ins().iconst(types::I32, 0);
            let size = self.i64(size);
            self.runtime("memset", &[dst, zero, size], &[types::I64]);
            return;
        }
        let mut at = 0;
        while at < size {
            let ty = match size - at {
                1 => types::I8,
                2..4 => types::I16,
                4..8 => types::I32,
                _ => types::I64,
            };
            let zero = self.zero(ty);
            self.store(zero, dst.plus(at));
            at += u64::from(ty.bytes());
        }
    }

    // Symbols.

    /// The number of something that the code refers to, or depends on otherwise.
    pub fn number(&mut self, target: Target) -> u32 {
        let targets = &mut self.symbols.targets;
        *self.symbols.numbers.entry(target).or_insert_with(|| {
            targets.push(target);
            targets.len() as u32 - 1
        })
    }
    fn external(&mut self, space: u32, index: u32) -> ExternalName {
        let name = UserExternalName::new(space, index);
        ExternalName::user(self.b.func.declare_imported_user_function(name))
    }
    fn symbol(&mut self, target: Target) -> Value {
        let number = self.number(target);
        let value = match self.symbols.values.get(&number) {
            Some(&value) => value,
            None => {
                let name = self.external(SYMBOL_SPACE, number);
                let value = self.b.create_global_value(GlobalValueData::Symbol {
                    name,
                    offset: 0.into(),
                    colocated: true,
                    tls: false,
                });
                self.symbols.values.insert(number, value);
                value
            }
        };
        self.b.ins().symbol_value(types::I64, value)
    }
    /// The address of a function or datum.
    pub fn key(&mut self, key: CodeKey) -> Value {
        self.symbol(Target::Key(key))
    }
    pub fn metadata(&mut self, ty: Ty) -> Value {
        self.key(CodeKey::Metadata(canonical(ty)))
    }
    /// The line of an expression, which is filled in when the image is written. It has the form of an absolute address, because those
    /// are the constants that the assembler leaves a relocation for.
    pub fn line_number(&mut self, key: LineKey) -> Value {
        let index = self.symbols.lines.len() as u32;
        self.symbols.lines.push(key);
        let name = self.external(LINE_SPACE, index);
        let value = self.b.create_global_value(GlobalValueData::Symbol {
            name,
            offset: 0.into(),
            colocated: false,
            tls: false,
        });
        self.b.ins().symbol_value(types::I64, value)
    }

    // Calls.

    pub fn signature(&mut self, conv: CallConv, params: &[Type], results: &[Type]) -> Signature {
        let mut signature = Signature::new(conv);
        let param = |&ty: &Type| {
            // C wants narrow arguments widened; the runtime's are all unsigned.
            if conv == RUNTIME_CALL && ty.bits() < 32 && ty.is_int() {
                AbiParam::new(ty).uext()
            } else {
                AbiParam::new(ty)
            }
        };
        signature.params.extend(params.iter().map(param));
        signature
            .returns
            .extend(results.iter().map(|&ty| AbiParam::new(ty)));
        signature
    }
    pub fn sig_ref(&mut self, conv: CallConv, args: &[Value], results: &[Type]) -> SigRef {
        let params: SmallVec<[Type; 8]> = args
            .iter()
            .map(|&v| self.b.func.dfg.value_type(v))
            .collect();
        let signature = self.signature(conv, &params, results);
        self.b.import_signature(signature)
    }
    /// Calls a function by symbol. All calls of one symbol in a function have one signature.
    pub fn call(
        &mut self,
        target: Target,
        conv: CallConv,
        args: &[Value],
        results: &[Type],
    ) -> Inst {
        let number = self.number(target);
        let function = match self.symbols.functions.get(&number) {
            Some(&function) => function,
            None => {
                let signature = self.sig_ref(conv, args, results);
                let name = self.external(SYMBOL_SPACE, number);
                let function = self.b.import_function(ir::ExtFuncData {
                    name,
                    signature,
                    colocated: true,
                    patchable: false,
                });
                self.symbols.functions.insert(number, function);
                function
            }
        };
        self.b.ins().call(function, args)
    }
    /// Calls the runtime; the value is the first result.
    pub fn runtime(&mut self, name: &str, args: &[Value], results: &[Type]) -> Option<Value> {
        let inst = self.call(
            Target::Runtime(Name::new(name)),
            RUNTIME_CALL,
            args,
            results,
        );
        self.b.inst_results(inst).first().copied()
    }
    /// Calls the runtime for a word.
    pub fn runtime_value(&mut self, name: &str, args: &[Value], result: Type) -> Value {
        let inst = self.call(
            Target::Runtime(Name::new(name)),
            RUNTIME_CALL,
            args,
            &[result],
        );
        self.b.inst_results(inst)[0]
    }

    // Control.

    pub fn block(&mut self) -> Block {
        self.b.create_block()
    }
    pub fn cold_block(&mut self) -> Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        block
    }
    pub fn jump(&mut self, to: Block) {
        self.b.ins().jump(to, &[]);
    }
    pub fn branch(&mut self, condition: Value, then: Block, els: Block) {
        self.b.ins().brif(condition, then, &[], els, &[]);
    }
    /// Continues in a block that everything has jumped to that ever will.
    pub fn at(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }
    /// Attributes the instructions that follow to the current line.
    pub fn mark_line(&mut self) {
        let Some(line) = self.line else { return };
        let rows = &mut self.symbols.rows;
        if rows.last() != Some(&line) {
            rows.push(line);
        }
        self.b.set_srcloc(ir::SourceLoc::new(rows.len() as u32 - 1));
    }
    /// Ends a block that is never reached.
    pub fn unreachable(&mut self) {
        self.b.ins().trap(TrapCode::unwrap_user(1));
    }
    /// Ends the block with `FILE:LINE: Fatal error: MESSAGE`.
    pub fn trap(&mut self, message: Name) {
        let site = self.key(CodeKey::TrapSite(message, self.file));
        let line = match self.line {
            Some(line) => {
                let line = self.line_number(line);
                self.b.ins().ireduce(types::I32, line)
            }
            None => self.b.ins().iconst(types::I32, 0),
        };
        self.runtime("codira_trap_at", &[site, line], &[]);
        self.unreachable();
    }
    /// Traps when the condition holds, and continues otherwise.
    pub fn trap_if(&mut self, condition: Value, message: Name) {
        let failed = self.cold_block();
        let next = self.block();
        self.branch(condition, failed, next);
        self.at(failed);
        self.trap(message);
        self.at(next);
    }
}
