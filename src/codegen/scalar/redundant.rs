//! Computations, loads and tests that give what is known already.
//!
//! A walk over the dominator tree: what was computed, loaded and tested in a block holds in all blocks that it dominates.

use cranelift_codegen::Context;
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{
    Block, BlockArg, FuncRef, Function, Inst, InstructionData, Opcode, Type, Value, ValueDef, types,
};
use rustc_hash::FxHashMap;

use super::facts::{Facts, offset};
use super::memory::{Memory, Versions, region};
use super::{constant, decide, is_computation};

/// What an instruction computes: equal keys, equal results. The number is the version of the memory that a load reads.
type Key = (InstructionData, Type, u32);

struct Walk<'c, 'r> {
    context: &'c mut Context,
    memory: Memory<'r>,
    facts: Facts,
    computed: FxHashMap<Key, Inst>,
    /// Keys in the order in which they were found.
    found: Vec<Key>,
}

/// A step of the walk over the dominator tree.
enum Step {
    Enter(Block),
    /// Forget what was found and learnt since.
    Leave(usize, usize),
}

pub(super) fn run(context: &mut Context, retains: &dyn Fn(&Function, FuncRef) -> bool) {
    let Some(entry) = context.func.layout.entry_block() else {
        return;
    };
    let memory = Memory::of(context, retains);
    let mut walk = Walk {
        context,
        memory,
        facts: Facts::default(),
        computed: FxHashMap::default(),
        found: Vec::new(),
    };
    let mut steps = vec![Step::Enter(entry)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Enter(block) => {
                steps.push(Step::Leave(walk.found.len(), walk.facts.mark()));
                walk.enter(block);
                walk.block(block);
                steps.extend(walk.context.domtree.children(block).map(Step::Enter));
            }
            Step::Leave(found, mark) => {
                for key in walk.found.drain(found..) {
                    walk.computed.remove(&key);
                }
                walk.facts.forget(mark);
            }
        }
    }
    walk.context.func.dfg.resolve_all_aliases();
}

impl Walk<'_, '_> {
    /// Learns what the only way into a block says.
    fn enter(&mut self, block: Block) {
        let func = &self.context.func;
        let mut preds = self.context.cfg.pred_iter(block);
        if let (Some(pred), None) = (preds.next(), preds.next())
            && let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[pred.inst]
        {
            let first = blocks[0].block(&func.dfg.value_lists) == block;
            let second = blocks[1].block(&func.dfg.value_lists) == block;
            if first != second {
                let arg = func.dfg.resolve_aliases(arg);
                self.facts.learn(func, arg, first);
            }
            self.count(pred.block, block);
        }
        self.start(block);
    }

    /// At the head of a loop: a parameter that only grows is never below what it starts with, if it is known not to overflow.
    fn start(&mut self, header: Block) {
        if self.context.loop_analysis.is_loop_header(header).is_none() {
            return;
        }
        let func = &self.context.func;
        for (index, &parameter) in func.dfg.block_params(header).iter().enumerate() {
            if let Some(start) = self.counter(header, index, parameter) {
                let at_least = IntCC::SignedGreaterThanOrEqual;
                self.facts.compare(func, at_least, parameter, start);
            }
        }
    }

    /// In the first block of a loop's body: what the loop's test says of a counter.
    fn count(&mut self, header: Block, body: Block) {
        let func = &self.context.func;
        let analysis = &self.context.loop_analysis;
        let Some(current) = analysis.is_loop_header(header) else {
            return;
        };
        if !analysis.is_in_loop(body, current) {
            return;
        }
        let Some((cc, a, b)) = self.exit_test(header) else {
            return;
        };
        if cc != IntCC::NotEqual {
            return;
        }
        for (index, &parameter) in func.dfg.block_params(header).iter().enumerate() {
            let bound = match () {
                () if a == parameter => b,
                () if b == parameter => a,
                () => continue,
            };
            if self.counter(header, index, parameter).is_some() {
                // It started at or below the bound and has not met it yet.
                let below = IntCC::SignedLessThan;
                self.facts.compare(func, below, parameter, bound);
                return;
            }
        }
    }

    /// The comparison with which a loop's head stays in the loop.
    fn exit_test(&self, header: Block) -> Option<(IntCC, Value, Value)> {
        let func = &self.context.func;
        let analysis = &self.context.loop_analysis;
        let current = analysis.is_loop_header(header)?;
        let InstructionData::Brif { arg, blocks, .. } =
            func.dfg.insts[func.layout.last_inst(header)?]
        else {
            return None;
        };
        let [first, second] =
            blocks.map(|to| analysis.is_in_loop(to.block(&func.dfg.value_lists), current));
        let test = func.dfg.value_def(func.dfg.resolve_aliases(arg)).inst()?;
        let InstructionData::IntCompare { args, cond, .. } = func.dfg.insts[test] else {
            return None;
        };
        let [a, b] = args.map(|v| func.dfg.resolve_aliases(v));
        match (first, second) {
            (true, false) => Some((cond, a, b)),
            (false, true) => Some((cond.complement(), a, b)),
            _ => None,
        }
    }

    /// What a parameter of a loop's head starts with, if each round adds one to it and the loop's own test keeps that from overflowing:
    /// the loop goes on while the parameter is below a bound, or while it differs from a bound that it started at or below.
    fn counter(&self, header: Block, index: usize, parameter: Value) -> Option<Value> {
        let func = &self.context.func;
        let analysis = &self.context.loop_analysis;
        let current = analysis.is_loop_header(header)?;
        let (cc, a, b) = self.exit_test(header)?;
        let (cc, bound) = match () {
            () if a == parameter => (cc, b),
            () if b == parameter => (cc.swap_args(), a),
            () => return None,
        };
        if func.dfg.value_type(parameter) != types::I64 || self.is_inside(bound, header) {
            return None;
        }
        let mut start = None;
        for pred in self.context.cfg.pred_iter(header) {
            let value = argument(func, pred.inst, header, index)?;
            if analysis.is_in_loop(pred.block, current) {
                if offset(func, value) != Some((parameter, 1)) {
                    return None;
                }
            } else if start.replace(value).is_some() {
                return None;
            }
        }
        let start = start?;
        let bounded = match cc {
            IntCC::SignedLessThan => true,
            IntCC::NotEqual => {
                self.facts
                    .compares(func, IntCC::SignedLessThanOrEqual, start, bound)
                    == Some(true)
            }
            _ => false,
        };
        bounded.then_some(start)
    }

    /// Whether a value is made in the loop of this head.
    fn is_inside(&self, value: Value, header: Block) -> bool {
        let func = &self.context.func;
        let analysis = &self.context.loop_analysis;
        // Constants may be made anywhere.
        if constant(func, value).is_some() {
            return false;
        }
        let block = match func.dfg.value_def(value) {
            ValueDef::Result(inst, _) => func.layout.inst_block(inst),
            ValueDef::Param(block, _) => Some(block),
            ValueDef::Union(..) => None,
        };
        match (block, analysis.is_loop_header(header)) {
            (Some(block), Some(current)) => analysis.is_in_loop(block, current),
            _ => true,
        }
    }

    fn block(&mut self, block: Block) {
        let mut versions = self.memory.entered(block);
        let insts: Vec<Inst> = self.context.func.layout.block_insts(block).collect();
        for inst in insts {
            let func = &mut self.context.func;
            if func
                .dfg
                .inst_values(inst)
                .any(|v| func.dfg.value_is_alias(v))
            {
                let resolved: Vec<Value> = func
                    .dfg
                    .inst_values(inst)
                    .map(|v| func.dfg.resolve_aliases(v))
                    .collect();
                func.dfg.overwrite_inst_values(inst, resolved.into_iter());
            }
            if let InstructionData::Brif { arg, .. } = func.dfg.insts[inst] {
                if let Some(known) = self.facts.holds(func, arg) {
                    decide(func, inst, known);
                }
                continue;
            }
            // Cranelift makes these of jumps to traps.
            if let InstructionData::CondTrap { opcode, arg, .. } = func.dfg.insts[inst] {
                let func = &self.context.func;
                self.facts.learn(func, arg, opcode == Opcode::Trapz);
                continue;
            }
            if !self.reuse(inst, &versions) {
                self.memory.step(&self.context.func, inst, &mut versions);
            }
        }
    }

    /// Replaces an instruction by an equal one that came before; whether there was one.
    fn reuse(&mut self, inst: Inst, versions: &Versions) -> bool {
        let func = &mut self.context.func;
        let data = func.dfg.insts[inst];
        let version = match data {
            InstructionData::Load { opcode, flags, .. }
                if opcode == Opcode::Load && func.dfg.mem_flags[flags].notrap() =>
            {
                versions[region(func, &data)]
            }
            _ if is_computation(&data) => 0,
            _ => return false,
        };
        let Some(&first) = func.dfg.inst_results(inst).first() else {
            return false;
        };
        let key = (data, func.dfg.value_type(first), version);
        match self.computed.get(&key) {
            Some(&earlier) => {
                func.dfg.replace_with_aliases(inst, earlier);
                func.layout.remove_inst(inst);
                true
            }
            None => {
                self.computed.insert(key, inst);
                self.found.push(key);
                false
            }
        }
    }
}

/// What a jump to a block gives for its parameter of this number. None if it jumps there in two ways.
fn argument(func: &Function, inst: Inst, to: Block, index: usize) -> Option<Value> {
    let mut found = None;
    for call in
        func.dfg.insts[inst].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables)
    {
        if call.block(&func.dfg.value_lists) != to {
            continue;
        }
        let BlockArg::Value(value) = call.args(&func.dfg.value_lists).nth(index)? else {
            return None;
        };
        if found.replace(func.dfg.resolve_aliases(value)).is_some() {
            return None;
        }
    }
    found
}
