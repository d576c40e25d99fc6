//! Jumps to tests of what they bring along.
//!
//! `a || b` is a block that is given `true` from one side and `b` from the other, and then tests what it was given.

use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstructionData, Value, ValueDef,
};
use rustc_hash::FxHashMap;

use super::constant;

/// A block that only tests its parameter: its two-way jump, with the targets of it.
#[derive(Clone, Copy)]
struct Test {
    targets: [BlockCall; 2],
}

/// Sends jumps with constants past tests; whether there were any.
pub(super) fn run(func: &mut Function) -> bool {
    let tests = tests(func);
    if tests.is_empty() {
        return false;
    }
    let mut changed = false;
    let blocks: Vec<Block> = func.layout.blocks().collect();
    for block in blocks {
        let Some(inst) = func.layout.last_inst(block) else {
            continue;
        };
        // A target may be a test in turn; chains are short, and the bound ends a cycle.
        for _ in 0..4 {
            if !retarget(func, inst, &tests) {
                break;
            }
            changed = true;
        }
    }
    changed
}

/// The blocks that do nothing but jump one way or the other by their only parameter, which nothing else uses, to blocks that are given nothing.
fn tests(func: &Function) -> FxHashMap<Block, Test> {
    let mut found = FxHashMap::default();
    let mut parameters: FxHashMap<Value, Block> = FxHashMap::default();
    for block in func.layout.blocks() {
        let &[parameter] = func.dfg.block_params(block) else {
            continue;
        };
        let Some(inst) = func.layout.first_inst(block) else {
            continue;
        };
        if let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[inst]
            && func.dfg.resolve_aliases(arg) == parameter
            && blocks.iter().all(|to| {
                to.len(&func.dfg.value_lists) == 0 && to.block(&func.dfg.value_lists) != block
            })
        {
            found.insert(block, Test { targets: blocks });
            parameters.insert(parameter, block);
        }
    }
    if found.is_empty() {
        return found;
    }
    for block in func.layout.blocks() {
        for inst in func.layout.block_insts(block) {
            for value in func.dfg.inst_values(inst) {
                if let Some(&of) = parameters.get(&func.dfg.resolve_aliases(value))
                    && of != block
                {
                    found.remove(&of);
                }
            }
        }
    }
    found
}

/// Changes the targets of a jump that are tests of constants; whether there were any.
fn retarget(func: &mut Function, inst: Inst, tests: &FxHashMap<Block, Test>) -> bool {
    let shortcut = |func: &mut Function, call: &BlockCall| -> Option<BlockCall> {
        let test = tests.get(&call.block(&func.dfg.value_lists))?;
        let BlockArg::Value(value) = call.args(&func.dfg.value_lists).next()? else {
            return None;
        };
        let value = func.dfg.resolve_aliases(value);
        let known = constant(func, value).map(|number| number != 0);
        let holds = match known {
            Some(holds) => holds,
            None => tested(func, inst, call, value)?,
        };
        Some(test.targets[usize::from(!holds)].deep_clone(&mut func.dfg.value_lists))
    };
    let data = func.dfg.insts[inst];
    let data = match data {
        InstructionData::Jump {
            opcode,
            destination,
        } => match shortcut(func, &destination) {
            Some(destination) => InstructionData::Jump {
                opcode,
                destination,
            },
            None => return false,
        },
        InstructionData::Brif {
            opcode,
            arg,
            blocks,
        } => {
            let found = [shortcut(func, &blocks[0]), shortcut(func, &blocks[1])];
            if found.iter().all(Option::is_none) {
                return false;
            }
            InstructionData::Brif {
                opcode,
                arg,
                blocks: [found[0].unwrap_or(blocks[0]), found[1].unwrap_or(blocks[1])],
            }
        }
        _ => return false,
    };
    func.dfg.insts[inst] = data;
    true
}

/// What a value is on an edge of the two-way jump that tests it.
fn tested(func: &Function, inst: Inst, edge: &BlockCall, value: Value) -> Option<bool> {
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[inst] else {
        return None;
    };
    let same = func.dfg.resolve_aliases(arg) == value
        && !matches!(func.dfg.value_def(value), ValueDef::Union(..));
    match (same, blocks[0] == *edge, blocks[1] == *edge) {
        (true, true, false) => Some(true),
        (true, false, true) => Some(false),
        _ => None,
    }
}
