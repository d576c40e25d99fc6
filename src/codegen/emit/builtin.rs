//! The operations of module `Builtin`, which are emitted in place.

use cranelift_codegen::ir::{
    InstBuilder, MemFlagsData, Type, Value, condcodes::FloatCC, condcodes::IntCC, types,
};

use crate::mir::data::{Argument, Operand};
use crate::types::ty::{BuiltinTy, Ty, TyList};

use super::super::key::{CodeKey, canonical};
use super::super::layout::{Shape, align_up};
use super::code::{Addr, Region, Result};
use super::frame::{At, Emitter, Loc};
use super::rvalue::ABANDONED;
use super::values::Val;

/// A single element of at most this many bytes is moved in place.
const ONE_BY_ONE: u64 = 64;

/// A two-operand instruction on scalars.
type Binary = fn(&mut Emitter<'_, '_>, Value, Value) -> Value;

impl<'f, 'a> Emitter<'f, 'a> {
    /// The scalar of an argument.
    fn word(&mut self, args: &[Argument], index: usize) -> Result<Value> {
        self.argument(args, index)?.scalar()
    }

    fn argument(&mut self, args: &[Argument], index: usize) -> Result<Val> {
        match args.get(index) {
            Some(Argument::Value(operand)) => self.operand(operand),
            Some(Argument::Address(place)) => {
                let loc = self.place(place)?;
                Ok(self.load(&loc))
            }
            None => Err("an intrinsic with too few arguments".into()),
        }
    }

    /// The type of the scalar that a builtin type consists of.
    fn scalar_type(&mut self, ty: Option<Ty>) -> Result<Type> {
        let ty = ty.ok_or("an intrinsic with too few generic arguments")?;
        match self.c.layout(ty).scalars.as_deref() {
            Some([scalar, ..]) => Ok(scalar.ty),
            _ => Err("an intrinsic of a type without scalars".into()),
        }
    }

    pub(super) fn intrinsic(
        &mut self,
        name: &str,
        types: TyList,
        dest: &Loc,
        args: &[Argument],
    ) -> Result<()> {
        let types = types.as_slice();
        let first = types.first().copied();
        let is_bool = || first.is_some_and(|ty| ty == Ty::builtin(BuiltinTy::Int1));
        if name == "xor" && is_bool() {
            let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
            let value = match self.c.constant(b) {
                Some(1) => self.c.not(a),
                _ => self.c.b.ins().bxor(a, b),
            };
            return self.store(dest, &Val::one(value));
        }
        if let Some(binary) = integer_binary(name).or_else(|| float_binary(name)) {
            let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
            let value = binary(self, a, b);
            return self.store(dest, &Val::one(value));
        }
        if let Some(cc) = int_condition(name) {
            let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
            let value = self.c.b.ins().icmp(cc, a, b);
            return self.store(dest, &Val::one(value));
        }
        if let Some(cc) = float_condition(name) {
            let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
            let value = self.c.b.ins().fcmp(cc, a, b);
            return self.store(dest, &Val::one(value));
        }
        if name.ends_with("Overflow") {
            let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
            let (value, overflow) = self.overflow(name, a, b)?;
            return self.store(dest, &Val::Scalars(smallvec::smallvec![value, overflow]));
        }
        if let Some(value) = self.unary(name, types, args)? {
            return self.store(dest, &Val::one(value));
        }
        if self.memory_operation(name, first, dest, args)?
            || self.object_operation(name, types, dest, args)?
        {
            return Ok(());
        }
        match name {
            "select" => {
                let ty = first.ok_or("select without a type")?;
                let condition = self.word(args, 0)?;
                let (a, b) = (self.argument(args, 1)?, self.argument(args, 2)?);
                let val = match (a, b) {
                    (Val::Scalars(a), Val::Scalars(b)) => Val::Scalars(
                        a.iter()
                            .zip(&b)
                            .map(|(&a, &b)| self.c.b.ins().select(condition, a, b))
                            .collect(),
                    ),
                    (Val::Memory(a), Val::Memory(b)) => {
                        let (a, b) = (self.c.address(a), self.c.address(b));
                        Val::Memory(Addr::value(self.c.b.ins().select(condition, a, b)))
                    }
                    _ => return Err("alternatives of different forms".into()),
                };
                let copy = self.c.copy_val(ty, &val)?;
                self.store(dest, &copy)
            }
            "condfail" => {
                let condition = self.word(args, 0)?;
                match args.get(1).and_then(|arg| self.constant_text(arg)) {
                    Some(text) => self.c.trap_if(condition, text),
                    None => {
                        let (failed, next) = (self.c.cold_block(), self.c.block());
                        self.c.branch(condition, failed, next);
                        self.c.at(failed);
                        self.trap_with(args.get(1))?;
                        self.c.at(next);
                    }
                }
                Ok(())
            }
            "trap" => {
                match args.first().and_then(|arg| self.constant_text(arg)) {
                    Some(text) => self.c.trap(text),
                    None => self.trap_with(args.first())?,
                }
                self.continue_nowhere();
                Ok(())
            }
            "unreachable" => {
                self.c.unreachable();
                self.continue_nowhere();
                Ok(())
            }
            "isDebug" => {
                let debug = self.c.i8(u8::from(self.c.p.is_debug()));
                self.store(dest, &Val::one(debug))
            }
            "fixLifetime" => Ok(()),
            _ => Err(format!("unknown operation Builtin.{name}")),
        }
    }

    /// After the end of a block: what follows in MIR is never reached, but needs a block to stand in.
    fn continue_nowhere(&mut self) {
        let block = self.c.cold_block();
        self.c.at(block);
    }

    /// Traps with a message that is known only at run time: a string's address and length.
    fn trap_with(&mut self, message: Option<&Argument>) -> Result<()> {
        let Some(Argument::Value(operand)) = message else {
            return Err("a trap without a message".into());
        };
        let val = self.operand(operand)?;
        let &[object, flags] = val.scalars()? else {
            return Err("a message of another form".into());
        };
        let text = self.c.address(Addr::value(object).plus(24));
        let length = self.c.b.ins().ishl_imm_u(flags, 16);
        let length = self.c.b.ins().ushr_imm_u(length, 16);
        self.c.runtime("codira_trap", &[text, length], &[]);
        self.c.unreachable();
        Ok(())
    }

    fn overflow(&mut self, name: &str, a: Value, b: Value) -> Result<(Value, Value)> {
        let wide = self.c.b.func.dfg.value_type(a) == types::I128;
        if wide {
            return self.overflow_wide(name, a, b);
        }
        // Where a comparison tells of the overflow, it makes one instruction with the jump that follows, and is shared and moved like
        // any other; the flag of an instruction is neither.
        let constant = self.c.constant(b);
        Ok(match (name, constant) {
            ("saddOverflow" | "ssubOverflow", Some(by)) => {
                let grows = (by >= 0) == (name == "saddOverflow");
                let wrapped = match grows {
                    true => IntCC::SignedLessThan,
                    false => IntCC::SignedGreaterThan,
                };
                let value = match name {
                    "saddOverflow" => self.c.b.ins().iadd(a, b),
                    _ => self.c.b.ins().isub(a, b),
                };
                (value, self.c.b.ins().icmp(wrapped, value, a))
            }
            ("uaddOverflow", _) => {
                let value = self.c.b.ins().iadd(a, b);
                let wrapped = IntCC::UnsignedLessThan;
                (value, self.c.b.ins().icmp(wrapped, value, a))
            }
            ("usubOverflow", _) => {
                let value = self.c.b.ins().isub(a, b);
                let wrapped = IntCC::UnsignedLessThan;
                (value, self.c.b.ins().icmp(wrapped, a, b))
            }
            ("saddOverflow", _) => self.c.b.ins().sadd_overflow(a, b),
            ("ssubOverflow", _) => self.c.b.ins().ssub_overflow(a, b),
            ("smulOverflow", _) => self.c.b.ins().smul_overflow(a, b),
            ("umulOverflow", _) => self.c.b.ins().umul_overflow(a, b),
            _ => return Err(format!("unknown operation Builtin.{name}")),
        })
    }

    fn overflow_wide(&mut self, name: &str, a: Value, b: Value) -> Result<(Value, Value)> {
        // The sign of `x & y`, where both have the top bit set exactly when the signs tell of an overflow.
        let sign = |this: &mut Self, x: Value, y: Value| {
            let both = this.c.b.ins().band(x, y);
            let (_, high) = this.c.b.ins().isplit(both);
            this.c.is(IntCC::SignedLessThan, high, 0)
        };
        Ok(match name {
            "saddOverflow" => {
                let r = self.c.b.ins().iadd(a, b);
                let (x, y) = (self.c.b.ins().bxor(a, r), self.c.b.ins().bxor(b, r));
                (r, sign(self, x, y))
            }
            "ssubOverflow" => {
                let r = self.c.b.ins().isub(a, b);
                let (x, y) = (self.c.b.ins().bxor(a, b), self.c.b.ins().bxor(a, r));
                (r, sign(self, x, y))
            }
            "uaddOverflow" => {
                let r = self.c.b.ins().iadd(a, b);
                let o = self.c.b.ins().icmp(IntCC::UnsignedLessThan, r, a);
                (r, o)
            }
            "usubOverflow" => {
                let r = self.c.b.ins().isub(a, b);
                let o = self.c.b.ins().icmp(IntCC::UnsignedLessThan, a, b);
                (r, o)
            }
            "smulOverflow" => self.wide_call("codira_smul128_overflow", a, b, true),
            "umulOverflow" => self.wide_call("codira_umul128_overflow", a, b, true),
            _ => return Err(format!("unknown operation Builtin.{name}")),
        })
    }

    /// Calls the runtime on two 128-bit integers; the result comes through memory.
    fn wide_call(&mut self, function: &str, a: Value, b: Value, flag: bool) -> (Value, Value) {
        let (a_low, a_high) = self.c.b.ins().isplit(a);
        let (b_low, b_high) = self.c.b.ins().isplit(b);
        let out = self.c.slot(16, 16);
        let address = self.c.address(out);
        let results: &[Type] = if flag { &[types::I8] } else { &[] };
        let flag = self
            .c
            .runtime(function, &[a_low, a_high, b_low, b_high, address], results);
        let value = self.c.load(types::I128, out);
        (value, flag.unwrap_or(value))
    }

    fn divide(&mut self, name: &str, a: Value, b: Value) -> Value {
        if self.c.b.func.dfg.value_type(a) == types::I128 {
            let function = match name {
                "sdiv" => "codira_sdiv128",
                "udiv" => "codira_udiv128",
                "srem" => "codira_srem128",
                _ => "codira_urem128",
            };
            return self.wide_call(function, a, b, false).0;
        }
        match name {
            "sdiv" => self.c.b.ins().sdiv(a, b),
            "udiv" => self.c.b.ins().udiv(a, b),
            "srem" => self.c.b.ins().srem(a, b),
            _ => self.c.b.ins().urem(a, b),
        }
    }

    fn float_call(&mut self, double: &str, single: &str, args: &[Value]) -> Value {
        let ty = self.c.b.func.dfg.value_type(args[0]);
        let function = if ty == types::F32 { single } else { double };
        self.c.runtime_value(function, args, ty)
    }

    /// Operations from one scalar to another.
    fn unary(&mut self, name: &str, types: &[Ty], args: &[Argument]) -> Result<Option<Value>> {
        let known = matches!(
            name,
            "sext"
                | "zext"
                | "trunc"
                | "ctlz"
                | "cttz"
                | "ctpop"
                | "bswap"
                | "fneg"
                | "fabs"
                | "fsqrt"
                | "ffloor"
                | "fceil"
                | "ftrunc"
                | "fnearest"
                | "ffma"
                | "fptosi"
                | "fptoui"
                | "sitofp"
                | "uitofp"
                | "fpext"
                | "fptrunc"
                | "bitcast"
                | "ptrToInt"
                | "intToPtr"
        );
        if !known {
            return Ok(None);
        }
        let value = self.word(args, 0)?;
        let to = match types.get(1) {
            Some(_) => self.scalar_type(types.get(1).copied())?,
            None => self.c.b.func.dfg.value_type(value),
        };
        let from = self.c.b.func.dfg.value_type(value);
        let ins = self.c.b.ins();
        Ok(Some(match name {
            "ptrToInt" | "intToPtr" => value,
            "sext" if from.bits() >= to.bits() => self.c.resize(value, to),
            "sext" => ins.sextend(to, value),
            "zext" | "trunc" => self.c.resize(value, to),
            "ctlz" => ins.clz(value),
            "cttz" => ins.ctz(value),
            "ctpop" if from == types::I128 => {
                let (low, high) = ins.isplit(value);
                let (low, high) = (self.c.b.ins().popcnt(low), self.c.b.ins().popcnt(high));
                let sum = self.c.b.ins().iadd(low, high);
                self.c.b.ins().uextend(types::I128, sum)
            }
            "ctpop" => ins.popcnt(value),
            "bswap" if from == types::I8 => value,
            "bswap" => ins.bswap(value),
            "fneg" => ins.fneg(value),
            "fabs" => ins.fabs(value),
            "fsqrt" => ins.sqrt(value),
            "ffloor" => ins.floor(value),
            "fceil" => ins.ceil(value),
            "ftrunc" => ins.trunc(value),
            "fnearest" => ins.nearest(value),
            "ffma" => {
                let (b, c) = (self.word(args, 1)?, self.word(args, 2)?);
                self.float_call("codira_c_fma", "codira_c_fmaf", &[value, b, c])
            }
            "fpext" if from == to => value,
            "fpext" => ins.fpromote(to, value),
            "fptrunc" if from == to => value,
            "fptrunc" => ins.fdemote(to, value),
            "bitcast" if from == to => value,
            "bitcast" => ins.bitcast(to, MemFlagsData::new(), value),
            "fptosi" | "fptoui" => self.float_to_int(value, from, to, name == "fptosi"),
            _ => self.int_to_float(value, from, to, name == "sitofp"),
        }))
    }

    fn float_to_int(&mut self, value: Value, from: Type, to: Type, signed: bool) -> Value {
        if to == types::I128 {
            let function = match (from == types::F32, signed) {
                (false, true) => "codira_double_to_int128",
                (false, false) => "codira_double_to_uint128",
                (true, true) => "codira_float_to_int128",
                (true, false) => "codira_float_to_uint128",
            };
            let out = self.c.slot(16, 16);
            let address = self.c.address(out);
            self.c.runtime(function, &[value, address], &[]);
            return self.c.load(types::I128, out);
        }
        let wide = if to.bits() < 32 { types::I32 } else { to };
        let ins = self.c.b.ins();
        let converted = if signed {
            ins.fcvt_to_sint_sat(wide, value)
        } else {
            ins.fcvt_to_uint_sat(wide, value)
        };
        if wide == to {
            return converted;
        }
        let (low, high) = if signed {
            (-(1i128 << (to.bits() - 1)), (1i128 << (to.bits() - 1)) - 1)
        } else {
            (0, (1i128 << to.bits()) - 1)
        };
        let (low, high) = (self.c.int(wide, low), self.c.int(wide, high));
        let clamped = if signed {
            let at_least = self.c.b.ins().smax(converted, low);
            self.c.b.ins().smin(at_least, high)
        } else {
            self.c.b.ins().umin(converted, high)
        };
        self.c.b.ins().ireduce(to, clamped)
    }

    fn int_to_float(&mut self, value: Value, from: Type, to: Type, signed: bool) -> Value {
        if from == types::I128 {
            let function = match (to == types::F32, signed) {
                (false, true) => "codira_int128_to_double",
                (false, false) => "codira_uint128_to_double",
                (true, true) => "codira_int128_to_float",
                (true, false) => "codira_uint128_to_float",
            };
            let (low, high) = self.c.b.ins().isplit(value);
            return self.c.runtime_value(function, &[low, high], to);
        }
        let wide = match (signed, from.bits()) {
            (true, 0..32) => self.c.b.ins().sextend(types::I32, value),
            (false, 0..64) => self.c.b.ins().uextend(types::I64, value),
            _ => value,
        };
        if signed || from.bits() < 64 {
            self.c.b.ins().fcvt_from_sint(to, wide)
        } else {
            self.c.b.ins().fcvt_from_uint(to, wide)
        }
    }

    /// Operations on raw memory; whether `name` is one.
    fn memory_operation(
        &mut self,
        name: &str,
        ty: Option<Ty>,
        dest: &Loc,
        args: &[Argument],
    ) -> Result<bool> {
        let need = || ty.ok_or_else(|| String::from("a memory operation without a type"));
        match name {
            "ptrAdd" => {
                let (pointer, bytes) = (self.word(args, 0)?, self.word(args, 1)?);
                let sum = self.c.b.ins().iadd(pointer, bytes);
                self.store(dest, &Val::one(sum))?;
            }
            "load" | "take" => {
                let ty = need()?;
                let addr = Addr::value(self.word(args, 0)?);
                if let (At::Memory(to), true) = (&dest.at, name == "load") {
                    self.c.copy_memory(ty, *to, addr);
                } else {
                    let layout = self.c.layout(ty);
                    let mut val = self.c.load_val(layout, addr);
                    if name == "load" {
                        val = self.c.copy_val(ty, &val)?;
                    }
                    self.store(dest, &val)?;
                }
            }
            "initialize" => {
                let ty = need()?;
                let to = Loc::memory(ty, Addr::value(self.word(args, 0)?));
                match args.get(1) {
                    Some(Argument::Value(operand)) => self.operand_into(operand, &to)?,
                    _ => return Err("initialize without a value".into()),
                }
            }
            "assign" => {
                let ty = need()?;
                let addr = Addr::value(self.word(args, 0)?);
                let new = self.argument(args, 1)?;
                let layout = self.c.layout(ty);
                if layout.trivial {
                    self.c.store_val(layout, &new, addr)?;
                } else {
                    let old = match self.c.load_val(layout, addr) {
                        Val::Memory(from) => {
                            let slot = self.c.slot_for(ty);
                            self.c.copy_bytes(slot, from, layout.size);
                            Val::Memory(slot)
                        }
                        scalars => scalars,
                    };
                    self.c.store_val(layout, &new, addr)?;
                    self.c.destroy_val(ty, &old)?;
                }
            }
            "destroy" => {
                let addr = Addr::value(self.word(args, 1)?);
                self.c.destroy_memory(need()?, addr);
            }
            "destroyArray" => {
                let ty = need()?;
                if !self.c.layout(ty).trivial {
                    let (start, count) = (self.word(args, 1)?, self.word(args, 2)?);
                    self.for_elements(ty, start, None, count);
                }
            }
            "copyArray" | "moveArray" => {
                let ty = need()?;
                let (to, from, count) = (
                    self.word(args, 1)?,
                    self.word(args, 2)?,
                    self.word(args, 3)?,
                );
                let layout = self.c.layout(ty);
                let stride = layout.stride();
                if name == "copyArray" && !layout.trivial {
                    self.for_elements(ty, to, Some(from), count);
                } else if layout.takable
                    && self.c.constant(count) == Some(1)
                    && layout.size <= ONE_BY_ONE
                {
                    self.c
                        .copy_bytes(Addr::value(to), Addr::value(from), layout.size);
                } else if layout.takable {
                    let bytes = if stride == 1 {
                        count
                    } else {
                        self.c.b.ins().imul_imm_s(count, stride as i64)
                    };
                    let function = if name == "copyArray" {
                        "memcpy"
                    } else {
                        "memmove"
                    };
                    self.c.runtime(function, &[to, from, bytes], &[types::I64]);
                } else {
                    let metadata = self.c.metadata(ty);
                    self.c
                        .runtime("codira_take_array", &[metadata, to, from, count], &[]);
                }
            }
            "copyBytes" => {
                let (to, from, count) = (
                    self.word(args, 0)?,
                    self.word(args, 1)?,
                    self.word(args, 2)?,
                );
                self.c.runtime("memmove", &[to, from, count], &[types::I64]);
            }
            "compareBytes" => {
                let (a, b, count) = (
                    self.word(args, 0)?,
                    self.word(args, 1)?,
                    self.word(args, 2)?,
                );
                let order = self.c.runtime_value("memcmp", &[a, b, count], types::I32);
                self.store(dest, &Val::one(order))?;
            }
            "addressOf" | "addressOfBorrow" => {
                let addr = match args.first() {
                    Some(
                        Argument::Address(place)
                        | Argument::Value(
                            Operand::Borrow(place) | Operand::Copy(place) | Operand::Move(place),
                        ),
                    ) => {
                        let loc = self.place(place)?;
                        match loc.at {
                            At::Memory(addr) => addr,
                            _ if name == "addressOf" => self.address_of(&loc)?,
                            _ => {
                                let val = self.load(&loc);
                                self.c.in_memory(loc.ty, &val)?
                            }
                        }
                    }
                    _ => {
                        let val = self.argument(args, 0)?;
                        self.c.in_memory(need()?, &val)?
                    }
                };
                let address = self.c.address(addr);
                self.store(dest, &Val::one(address))?;
            }
            "allocRaw" => {
                let (size, align) = (self.word(args, 0)?, self.word(args, 1)?);
                let pointer = self
                    .c
                    .runtime_value("codira_alloc_raw", &[size, align], types::I64);
                self.store(dest, &Val::one(pointer))?;
            }
            "deallocRaw" => {
                let pointer = self.word(args, 0)?;
                self.c.runtime("codira_dealloc_raw", &[pointer], &[]);
            }
            "sizeof" | "strideof" | "alignof" => {
                let layout = self.c.layout(need()?);
                let value = match name {
                    "sizeof" => layout.size,
                    "strideof" => layout.stride(),
                    _ => u64::from(layout.align),
                };
                let value = self.c.i64(value);
                self.store(dest, &Val::one(value))?;
            }
            "isTrivial" => {
                let trivial = self.c.layout(need()?).trivial;
                let value = self.c.i8(u8::from(trivial));
                self.store(dest, &Val::one(value))?;
            }
            "zeroInitializer" => {
                let ty = need()?;
                let val = self.constant(&crate::mir::data::Const::Zero(ty))?;
                self.store(dest, &val)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Destroys the elements of an array, or copies them from another one.
    fn for_elements(&mut self, ty: Ty, start: Value, from: Option<Value>, count: Value) {
        let layout = self.c.layout(ty);
        let stride = layout.stride() as i64;
        let (head, body, done) = (self.c.block(), self.c.block(), self.c.block());
        let bytes = self.c.b.ins().imul_imm_s(count, stride);
        let offset = self.c.b.declare_var(types::I64);
        let zero = self.c.i64(0);
        self.c.b.def_var(offset, zero);
        self.c.jump(head);
        self.c.b.switch_to_block(head);
        let at = self.c.b.use_var(offset);
        let more = self.c.b.ins().icmp(IntCC::SignedLessThan, at, bytes);
        self.c.branch(more, body, done);
        self.c.at(body);
        let to = Addr::value(self.c.b.ins().iadd(start, at));
        match from {
            Some(from) => {
                let from = Addr::value(self.c.b.ins().iadd(from, at));
                self.c.copy_memory(ty, to, from);
            }
            None => self.c.destroy_memory(ty, to),
        }
        let next = self.c.b.ins().iadd_imm_s(at, stride);
        self.c.b.def_var(offset, next);
        self.c.jump(head);
        self.c.b.seal_block(head);
        self.c.at(done);
    }

    /// Where the elements behind an object's fields start.
    fn tail_offset(&mut self, class: Ty, element: Ty) -> u64 {
        let align = self.c.layout(element).align;
        align_up(self.c.p.class_layout(class).size, align)
    }

    /// Operations on objects and types; whether `name` is one.
    fn object_operation(
        &mut self,
        name: &str,
        types: &[Ty],
        dest: &Loc,
        args: &[Argument],
    ) -> Result<bool> {
        let nth = |n: usize| {
            types
                .get(n)
                .copied()
                .ok_or_else(|| String::from("an object operation without a type"))
        };
        match name {
            "allocTailElems" => {
                let (class, element) = (nth(0)?, nth(1)?);
                let count = self.word(args, 2)?;
                let offset = self.tail_offset(class, element);
                let layout = self.c.layout(element);
                let align = layout.align.max(self.c.p.class_layout(class).align);
                let bytes = self.c.b.ins().imul_imm_s(count, layout.stride() as i64);
                let size = self.c.b.ins().iadd_imm_s(bytes, offset as i64);
                let align = self.c.i64(u64::from(align));
                // A class method's `this` may be a subclass, which adds no fields of its own here.
                let metadata = self.word(args, 0)?;
                let object = self.c.runtime_value(
                    "codira_alloc_object",
                    &[metadata, size, align],
                    types::I64,
                );
                self.store(dest, &Val::one(object))?;
            }
            "tailAddr" => {
                let object = self.word(args, 0)?;
                let offset = self.tail_offset(nth(0)?, nth(1)?);
                let address = self.c.address(Addr::value(object).plus(offset));
                self.store(dest, &Val::one(address))?;
            }
            "tailCapacity" => {
                let object = self.word(args, 0)?;
                let element = nth(1)?;
                let offset = self.tail_offset(nth(0)?, element);
                let bytes = self
                    .c
                    .runtime_value("codira_object_capacity", &[object], types::I64);
                let bytes = self.c.b.ins().iadd_imm_s(bytes, -(offset as i64));
                let stride = self.c.layout(element).stride();
                let stride = self.c.i64(stride);
                let count = self.c.b.ins().udiv(bytes, stride);
                self.store(dest, &Val::one(count))?;
            }
            "emptyObject" => {
                let object = self.c.key(CodeKey::EmptyObject(canonical(nth(0)?)));
                self.store(dest, &Val::one(object))?;
            }
            "isUnique" => {
                let object = self.word(args, 0)?;
                let ty = nth(0)?;
                let unique = if matches!(self.c.layout(ty).shape, Shape::Reference) {
                    // The low half of the count word is the strong count; immortal objects have another bit set.
                    let counts = Addr::value(object).plus(8).within(Region::Counts);
                    let count = self.c.load(types::I32, counts);
                    self.c.is(IntCC::Equal, count, 1)
                } else {
                    self.c
                        .runtime_value("codira_is_unique", &[object], types::I8)
                };
                self.store(dest, &Val::one(unique))?;
            }
            "abandon" => {
                let object = self.word(args, 0)?;
                let counts = self.c.i64(ABANDONED);
                self.c.store(counts, Addr::value(object).plus(8));
            }
            "isAbandoned" => {
                let object = self.word(args, 0)?;
                let counts = self.c.load(types::I64, Addr::value(object).plus(8));
                let abandoned = self.c.is(IntCC::Equal, counts, ABANDONED);
                self.store(dest, &Val::one(abandoned))?;
            }
            "strongRetain" => {
                let object = self.word(args, 0)?;
                self.c.retain(object);
            }
            "strongRelease" => {
                let object = self.word(args, 0)?;
                self.c.release(object);
            }
            "objectToPtr" => {
                let object = self.word(args, 0)?;
                self.store(dest, &Val::one(object))?;
            }
            "ptrToObject" => {
                let val = Val::one(self.word(args, 0)?);
                let val = self.c.copy_val(nth(0)?, &val)?;
                self.store(dest, &val)?;
            }
            "reinterpret" => self.reinterpret(nth(0)?, nth(1)?, dest, args)?,
            "identical" => {
                let (a, b) = (self.word(args, 0)?, self.word(args, 1)?);
                let same = self.c.b.ins().icmp(IntCC::Equal, a, b);
                self.store(dest, &Val::one(same))?;
            }
            "metadata" => {
                let Some(Argument::Value(metatype)) = args.first() else {
                    return Err("metadata of something that is no type".into());
                };
                let metadata = self.type_in(metatype)?;
                self.store(dest, &Val::one(metadata))?;
            }
            "metatypeFromMetadata" => {
                let metadata = self.word(args, 0)?;
                self.store(dest, &Val::one(metadata))?;
            }
            "dynamicMetadata" => {
                let loc = self.borrowed(nth(0)?, args)?;
                let ty = loc.ty;
                let metadata = self.dynamic_type(&loc, ty)?;
                self.store(dest, &Val::one(metadata))?;
            }
            "projectValue" => {
                let loc = self.borrowed(nth(0)?, args)?;
                let val = self.load(&loc);
                let addr = self.c.in_memory(loc.ty, &val)?;
                let mut address = self.c.address(addr);
                if loc.ty.is_existential() {
                    let metadata = self.c.metadata(loc.ty);
                    address = self.c.runtime_value(
                        "codira_project_value",
                        &[metadata, address],
                        types::I64,
                    );
                }
                self.store(dest, &Val::one(address))?;
            }
            "makeAny" => {
                let (metadata, address) = (self.word(args, 0)?, self.word(args, 1)?);
                let to = self.address_of(dest)?;
                let to = self.c.address(to);
                self.c
                    .runtime("codira_any_from", &[metadata, address, to], &[]);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The first argument as a place.
    fn borrowed(&mut self, ty: Ty, args: &[Argument]) -> Result<Loc> {
        match args.first() {
            Some(
                Argument::Value(
                    Operand::Borrow(place) | Operand::Move(place) | Operand::Copy(place),
                )
                | Argument::Address(place),
            ) => self.place(place),
            _ => {
                let val = self.argument(args, 0)?;
                let addr = self.c.in_memory(ty, &val)?;
                Ok(Loc::memory(ty, addr))
            }
        }
    }

    /// The bits of a value as another type; the result is a value of its own.
    fn reinterpret(&mut self, from: Ty, to: Ty, dest: &Loc, args: &[Argument]) -> Result<()> {
        let val = self.argument(args, 0)?;
        let (from_layout, to_layout) = (self.c.layout(from), self.c.layout(to));
        let same = from_layout.scalars.is_some()
            && from_layout.scalar_types().eq(to_layout.scalar_types())
            && to_layout.scalars.is_some();
        let val = if same {
            val
        } else {
            // Through memory, with room for the larger of the two.
            let slot = self.c.slot(
                from_layout.size.max(to_layout.size),
                from_layout.align.max(to_layout.align).max(8),
            );
            if to_layout.size > from_layout.size {
                self.c.zero_bytes(slot, to_layout.size);
            }
            self.c.store_val(from_layout, &val, slot)?;
            self.c.load_val(to_layout, slot)
        };
        let val = self.c.copy_val(to, &val)?;
        self.store(dest, &val)
    }
}

fn integer_binary(name: &str) -> Option<Binary> {
    Some(match name {
        "add" => |e, a, b| e.c.b.ins().iadd(a, b),
        "sub" => |e, a, b| e.c.b.ins().isub(a, b),
        "mul" => |e, a, b| e.c.b.ins().imul(a, b),
        "and" => |e, a, b| e.c.b.ins().band(a, b),
        "or" => |e, a, b| e.c.b.ins().bor(a, b),
        "xor" => |e, a, b| e.c.b.ins().bxor(a, b),
        "shl" => |e, a, b| e.c.b.ins().ishl(a, b),
        "lshr" => |e, a, b| e.c.b.ins().ushr(a, b),
        "ashr" => |e, a, b| e.c.b.ins().sshr(a, b),
        "sdiv" => |e, a, b| e.divide("sdiv", a, b),
        "udiv" => |e, a, b| e.divide("udiv", a, b),
        "srem" => |e, a, b| e.divide("srem", a, b),
        "urem" => |e, a, b| e.divide("urem", a, b),
        _ => return None,
    })
}

fn float_binary(name: &str) -> Option<Binary> {
    Some(match name {
        "fadd" => |e, a, b| e.c.b.ins().fadd(a, b),
        "fsub" => |e, a, b| e.c.b.ins().fsub(a, b),
        "fmul" => |e, a, b| e.c.b.ins().fmul(a, b),
        "fdiv" => |e, a, b| e.c.b.ins().fdiv(a, b),
        "fcopysign" => |e, a, b| e.c.b.ins().fcopysign(a, b),
        "frem" => |e, a, b| e.float_call("codira_c_fmod", "codira_c_fmodf", &[a, b]),
        _ => return None,
    })
}

fn int_condition(name: &str) -> Option<IntCC> {
    Some(match name {
        "eq" => IntCC::Equal,
        "ne" => IntCC::NotEqual,
        "slt" => IntCC::SignedLessThan,
        "sle" => IntCC::SignedLessThanOrEqual,
        "sgt" => IntCC::SignedGreaterThan,
        "sge" => IntCC::SignedGreaterThanOrEqual,
        "ult" => IntCC::UnsignedLessThan,
        "ule" => IntCC::UnsignedLessThanOrEqual,
        "ugt" => IntCC::UnsignedGreaterThan,
        "uge" => IntCC::UnsignedGreaterThanOrEqual,
        _ => return None,
    })
}

fn float_condition(name: &str) -> Option<FloatCC> {
    Some(match name {
        "foeq" => FloatCC::Equal,
        "fune" => FloatCC::NotEqual,
        "folt" => FloatCC::LessThan,
        "fole" => FloatCC::LessThanOrEqual,
        "fogt" => FloatCC::GreaterThan,
        "foge" => FloatCC::GreaterThanOrEqual,
        _ => return None,
    })
}
