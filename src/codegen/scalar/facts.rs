//! What is known of integers at a place in the code: how pairs of values compare, and between which numbers a value lies.
//!
//! Facts hold in a block and in all blocks that it dominates. They are taken back, newest first, when the walk over the dominator tree leaves it.

use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{Function, InstructionData, Opcode, Value, types};
use rustc_hash::FxHashMap;

use super::constant;

/// Ways in which two values can compare, as bits.
type Order = u8;
const LESS: Order = 1;
const EQUAL: Order = 2;
const GREATER: Order = 4;
const ANY: Order = 7;

/// How many instructions a range is followed through.
const DEPTH: u32 = 4;

/// Numbers of which a value is one, both ends included, as signed integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub low: i64,
    pub high: i64,
}

impl Range {
    const ALL: Range = Range {
        low: i64::MIN,
        high: i64::MAX,
    };

    fn intersection(self, other: Range) -> Range {
        Range {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
        }
    }

    /// How two values compare that lie in these ranges. Ranges of code that is never reached may be empty, and then everything is true.
    fn order(self, other: Range) -> Order {
        let mut order = 0;
        if self.low < other.high {
            order |= LESS;
        }
        if self.high > other.low {
            order |= GREATER;
        }
        if self.low <= other.high && other.low <= self.high {
            order |= EQUAL;
        }
        order
    }
}

#[derive(Default)]
pub(super) struct Facts {
    /// Of pairs with the smaller value number first; compared with sign, or without.
    orders: FxHashMap<(Value, Value, bool), Order>,
    ranges: FxHashMap<Value, Range>,
    /// Conditions and what they are.
    conditions: FxHashMap<Value, bool>,
    log: Vec<Change>,
}

/// What was known before.
enum Change {
    Order((Value, Value, bool), Option<Order>),
    Range(Value, Option<Range>),
    Condition(Value, Option<bool>),
}

/// The ways of comparing in which a condition holds, and whether signs count.
fn ways(cc: IntCC) -> (Order, Option<bool>) {
    match cc {
        IntCC::Equal => (EQUAL, None),
        IntCC::NotEqual => (LESS | GREATER, None),
        IntCC::SignedLessThan => (LESS, Some(true)),
        IntCC::SignedLessThanOrEqual => (LESS | EQUAL, Some(true)),
        IntCC::SignedGreaterThan => (GREATER, Some(true)),
        IntCC::SignedGreaterThanOrEqual => (GREATER | EQUAL, Some(true)),
        IntCC::UnsignedLessThan => (LESS, Some(false)),
        IntCC::UnsignedLessThanOrEqual => (LESS | EQUAL, Some(false)),
        IntCC::UnsignedGreaterThan => (GREATER, Some(false)),
        IntCC::UnsignedGreaterThanOrEqual => (GREATER | EQUAL, Some(false)),
    }
}

fn mirrored(order: Order) -> Order {
    (order & EQUAL) | (order & LESS) << 2 | (order & GREATER) >> 2
}

impl Facts {
    /// A point to return to.
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Forgets what was learnt since.
    pub fn forget(&mut self, mark: usize) {
        while self.log.len() > mark {
            match self.log.pop() {
                Some(Change::Order(key, old)) => restore(&mut self.orders, key, old),
                Some(Change::Range(key, old)) => restore(&mut self.ranges, key, old),
                Some(Change::Condition(key, old)) => restore(&mut self.conditions, key, old),
                None => {}
            }
        }
    }

    /// Learns that a condition holds, or that it does not.
    pub fn learn(&mut self, func: &Function, condition: Value, holds: bool) {
        let old = self.conditions.insert(condition, holds);
        self.log.push(Change::Condition(condition, old));
        let Some(inst) = func.dfg.value_def(condition).inst() else {
            return;
        };
        if let InstructionData::IntCompare { args, cond, .. } = func.dfg.insts[inst] {
            let cc = if holds { cond } else { cond.complement() };
            let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
            // `test == 0`, where the test is a condition itself.
            if func.dfg.value_type(a) == types::I8
                && constant(func, b) == Some(0)
                && matches!(cc, IntCC::Equal | IntCC::NotEqual)
                && is_condition(func, a)
            {
                self.learn(func, a, cc == IntCC::NotEqual);
                return;
            }
            self.compare(func, cc, a, b);
        }
    }

    /// Learns how two values compare.
    pub fn compare(&mut self, func: &Function, cc: IntCC, a: Value, b: Value) {
        if func.dfg.value_type(a) != types::I64 {
            return;
        }
        let (order, sign) = ways(cc);
        if sign != Some(false) {
            self.add_order(a, b, true, order);
        }
        if sign != Some(true) {
            self.add_order(a, b, false, order);
        }
        // Below something that is not negative, without sign, means not negative itself.
        if sign == Some(false) {
            let (small, large) = match order & GREATER {
                0 => (a, b),
                _ => (b, a),
            };
            if order != ANY && self.range(func, large).low >= 0 {
                let high = self.range(func, large).high - i64::from(order & EQUAL == 0);
                self.narrow(small, Range { low: 0, high });
            }
        }
        if sign != Some(false) {
            let (left, right) = (self.range(func, a), self.range(func, b));
            self.narrow_by(a, right, order);
            self.narrow_by(b, left, mirrored(order));
        }
    }

    /// Narrows a value by how it compares with one in a range.
    fn narrow_by(&mut self, value: Value, other: Range, order: Order) {
        let mut range = Range::ALL;
        match order {
            LESS => range.high = other.high.saturating_sub(1),
            EQUAL => range = other,
            GREATER => range.low = other.low.saturating_add(1),
            order if order == LESS | EQUAL => range.high = other.high,
            order if order == GREATER | EQUAL => range.low = other.low,
            // Only at an end of what is possible does being different say something.
            _ if other.low == other.high => {
                let known = self.ranges.get(&value).copied().unwrap_or(Range::ALL);
                if known.low == other.low {
                    range.low = other.low.saturating_add(1);
                }
                if known.high == other.high {
                    range.high = other.high.saturating_sub(1);
                }
            }
            _ => {}
        }
        self.narrow(value, range);
    }

    fn narrow(&mut self, value: Value, range: Range) {
        let old = self.ranges.get(&value).copied();
        let new = old.unwrap_or(Range::ALL).intersection(range);
        if new != old.unwrap_or(Range::ALL) {
            self.ranges.insert(value, new);
            self.log.push(Change::Range(value, old));
        }
    }

    fn add_order(&mut self, a: Value, b: Value, signed: bool, order: Order) {
        let (key, order) = match a <= b {
            true => ((a, b, signed), order),
            false => ((b, a, signed), mirrored(order)),
        };
        let old = self.orders.get(&key).copied();
        let new = old.unwrap_or(ANY) & order;
        if Some(new) != old {
            self.orders.insert(key, new);
            self.log.push(Change::Order(key, old));
        }
    }

    /// What a condition is, if that is known.
    pub fn holds(&self, func: &Function, condition: Value) -> Option<bool> {
        if let Some(&known) = self.conditions.get(&condition) {
            return Some(known);
        }
        let inst = func.dfg.value_def(condition).inst()?;
        match func.dfg.insts[inst] {
            InstructionData::UnaryImm { imm, .. } => Some(imm.bits() != 0),
            InstructionData::IntCompare { args, cond, .. } => {
                let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
                if constant(func, b) == Some(0)
                    && matches!(cond, IntCC::Equal | IntCC::NotEqual)
                    && is_condition(func, a)
                {
                    return self
                        .holds(func, a)
                        .map(|known| known == (cond == IntCC::NotEqual));
                }
                self.compares(func, cond, a, b)
            }
            InstructionData::Binary { opcode, args } => {
                // The flag of an addition or subtraction.
                if func.dfg.inst_results(inst).get(1) != Some(&condition) {
                    return None;
                }
                let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
                if func.dfg.value_type(a) != types::I64 {
                    return None;
                }
                self.exact(func, opcode, a, b).map(|_| false)
            }
            _ => None,
        }
    }

    /// Whether two values compare in a way, if that is known.
    pub fn compares(&self, func: &Function, cc: IntCC, a: Value, b: Value) -> Option<bool> {
        let (wanted, sign) = ways(cc);
        let order = match sign {
            Some(signed) => self.order(func, a, b, signed),
            None => self.order(func, a, b, true) & self.order(func, a, b, false),
        };
        match () {
            () if order & wanted == 0 => Some(false),
            () if order & !wanted == 0 => Some(true),
            () => None,
        }
    }

    fn order(&self, func: &Function, a: Value, b: Value, signed: bool) -> Order {
        if a == b {
            return EQUAL;
        }
        let known = |signed: bool| {
            let order = match a <= b {
                true => self.orders.get(&(a, b, signed)).copied(),
                false => self.orders.get(&(b, a, signed)).copied().map(mirrored),
            };
            order.unwrap_or(ANY)
        };
        let mut order = known(signed);
        if func.dfg.value_type(a) != types::I64 {
            return order;
        }
        let (left, right) = (self.range(func, a), self.range(func, b));
        let not_negative = left.low >= 0 && right.low >= 0;
        if signed || not_negative {
            order &= left.order(right) & known(true);
            // A sum that does not overflow lies on the side of the value that the other part's sign says.
            order &= self.beside(func, a, b);
            order &= mirrored(self.beside(func, b, a));
        }
        if not_negative {
            order &= known(false);
        }
        order
    }

    /// How a value plus a constant compares with the value.
    fn beside(&self, func: &Function, sum: Value, of: Value) -> Order {
        let Some((value, by)) = offset(func, sum) else {
            return ANY;
        };
        let range = self.range(func, of);
        if value != of
            || range.low.checked_add(by).is_none()
            || range.high.checked_add(by).is_none()
        {
            return ANY;
        }
        match by {
            0 => EQUAL,
            1.. => GREATER,
            _ => LESS,
        }
    }

    /// The numbers of which a value is one.
    pub fn range(&self, func: &Function, value: Value) -> Range {
        self.range_within(func, value, DEPTH)
    }

    fn range_within(&self, func: &Function, value: Value, depth: u32) -> Range {
        let known = self.ranges.get(&value).copied().unwrap_or(Range::ALL);
        if depth == 0 || func.dfg.value_type(value) != types::I64 {
            return known;
        }
        let Some(inst) = func.dfg.value_def(value).inst() else {
            return known;
        };
        let computed = match func.dfg.insts[inst] {
            InstructionData::UnaryImm { imm, .. } => Range {
                low: imm.bits(),
                high: imm.bits(),
            },
            InstructionData::Unary {
                opcode: Opcode::Uextend,
                arg,
            } => {
                let bits = func.dfg.value_type(arg).bits();
                Range {
                    low: 0,
                    high: (1 << bits.min(62)) - 1,
                }
            }
            InstructionData::Unary {
                opcode: Opcode::Clz | Opcode::Ctz | Opcode::Popcnt,
                ..
            } => Range { low: 0, high: 64 },
            InstructionData::Binary { opcode, args } => {
                let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
                let (left, right) = (
                    self.range_within(func, a, depth - 1),
                    self.range_within(func, b, depth - 1),
                );
                match opcode {
                    Opcode::Iadd | Opcode::SaddOverflow => sum(left, right),
                    Opcode::Isub | Opcode::SsubOverflow => difference(left, right),
                    Opcode::Band if right.low >= 0 => Some(Range {
                        low: 0,
                        high: right.high,
                    }),
                    Opcode::Band if left.low >= 0 => Some(Range {
                        low: 0,
                        high: left.high,
                    }),
                    Opcode::Ushr if right.low >= 1 && right.high <= 63 => Some(Range {
                        low: 0,
                        high: (u64::MAX >> right.low) as i64,
                    }),
                    Opcode::Urem if right.low >= 1 => Some(Range {
                        low: 0,
                        high: right.high - 1,
                    }),
                    Opcode::Srem if right.low >= 1 => Some(Range {
                        low: if left.low >= 0 { 0 } else { 1 - right.high },
                        high: right.high - 1,
                    }),
                    _ => None,
                }
                .unwrap_or(Range::ALL)
            }
            _ => Range::ALL,
        };
        known.intersection(computed)
    }

    /// The range of an operation with a flag for overflows, if it never overflows.
    fn exact(&self, func: &Function, opcode: Opcode, a: Value, b: Value) -> Option<Range> {
        let (left, right) = (self.range(func, a), self.range(func, b));
        match opcode {
            Opcode::SaddOverflow => sum(left, right),
            Opcode::SsubOverflow => difference(left, right),
            Opcode::SmulOverflow => {
                let corners = [
                    left.low.checked_mul(right.low)?,
                    left.low.checked_mul(right.high)?,
                    left.high.checked_mul(right.low)?,
                    left.high.checked_mul(right.high)?,
                ];
                Some(Range {
                    low: corners.into_iter().min()?,
                    high: corners.into_iter().max()?,
                })
            }
            _ => None,
        }
    }
}

fn sum(a: Range, b: Range) -> Option<Range> {
    Some(Range {
        low: a.low.checked_add(b.low)?,
        high: a.high.checked_add(b.high)?,
    })
}

fn difference(a: Range, b: Range) -> Option<Range> {
    Some(Range {
        low: a.low.checked_sub(b.high)?,
        high: a.high.checked_sub(b.low)?,
    })
}

/// A value plus a constant, as the two.
pub(super) fn offset(func: &Function, value: Value) -> Option<(Value, i64)> {
    let inst = func.dfg.value_def(value).inst()?;
    let InstructionData::Binary { opcode, args } = func.dfg.insts[inst] else {
        return None;
    };
    let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
    match opcode {
        Opcode::Iadd => match (constant(func, b), constant(func, a)) {
            (Some(by), _) => Some((a, by)),
            (None, Some(by)) => Some((b, by)),
            (None, None) => None,
        },
        Opcode::Isub => Some((a, constant(func, b)?.checked_neg()?)),
        _ => None,
    }
}

/// Whether a value is 0 or 1 by the instruction that makes it.
fn is_condition(func: &Function, value: Value) -> bool {
    func.dfg.value_def(value).inst().is_some_and(|inst| {
        matches!(
            func.dfg.insts[inst],
            InstructionData::IntCompare { .. } | InstructionData::FloatCompare { .. }
        )
    })
}

fn restore<K: std::hash::Hash + Eq, V>(map: &mut FxHashMap<K, V>, key: K, old: Option<V>) {
    match old {
        Some(old) => map.insert(key, old),
        None => map.remove(&key),
    };
}
