//! Tour of `scalar`: what `-O` does to a function in Cranelift's representation, between two runs of Cranelift's own optimisation.
//!
//! Cranelift finds equal computations, but it takes each test for itself, and instructions that give two results or load from memory
//! where they stand. What this folder adds is for code that checks everything it does:
//!
//! 1. [`thread`]: jumps that bring a constant to a test go where the test would send them.
//! 2. [`hoist`]: arithmetic that also tells of an overflow leaves loops in which its operands do not change.
//! 3. [`redundant`]: computations, loads and tests whose outcome follows from what came before are removed; [`facts`] is what
//!    is known of values at a place, [`memory`] says which loads see the same contents.
//!
//! A check is only ever removed, never moved: a trap happens when it should and before anything that comes after it.

mod facts;
mod hoist;
mod memory;
mod redundant;
mod thread;

#[cfg(test)]
mod tests;

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, FuncRef, Function, Inst, InstructionData, Value};

/// Optimises the function of a context. `retains` says of called functions whether they do nothing but count a reference up.
pub(super) fn run(context: &mut Context, retains: &dyn Fn(&Function, FuncRef) -> bool) {
    if thread::run(&mut context.func) {
        context.compute_cfg();
        context.compute_domtree();
        // Values that were passed on by blocks that nothing jumps to any more would count as uses.
        remove_unreachable(context);
    }
    context.compute_cfg();
    context.compute_domtree();
    context.compute_loop_analysis();
    redundant::run(context, retains);
    context.compute_cfg();
    context.compute_domtree();
    remove_unreachable(context);
    context.compute_cfg();
    context.compute_domtree();
    context.compute_loop_analysis();
    hoist::run(context);
}

fn remove_unreachable(context: &mut Context) {
    let blocks: Vec<Block> = context.func.layout.blocks().collect();
    for block in blocks {
        if context.domtree.is_reachable(block) {
            continue;
        }
        while let Some(inst) = context.func.layout.first_inst(block) {
            context.func.layout.remove_inst(inst);
        }
        context.func.layout.remove_block(block);
    }
}

/// The number of an `iconst`, sign-extended from its type.
fn constant(func: &Function, value: Value) -> Option<i64> {
    match func.dfg.insts[func.dfg.value_def(value).inst()?] {
        InstructionData::UnaryImm { imm, .. } => {
            let unused = 64 - func.dfg.value_type(value).bits().min(64);
            Some(imm.bits() << unused >> unused)
        }
        _ => None,
    }
}

/// Whether an instruction does nothing but compute, from operands that are all in the instruction itself.
fn is_computation(data: &InstructionData) -> bool {
    let opcode = data.opcode();
    matches!(
        data,
        InstructionData::Binary { .. }
            | InstructionData::BinaryImm8 { .. }
            | InstructionData::FloatCompare { .. }
            | InstructionData::IntCompare { .. }
            | InstructionData::StackAddr { .. }
            | InstructionData::Ternary { .. }
            | InstructionData::Unary { .. }
            | InstructionData::UnaryGlobalValue { .. }
            | InstructionData::UnaryIeee32 { .. }
            | InstructionData::UnaryIeee64 { .. }
            | InstructionData::UnaryImm { .. }
    ) && !opcode.can_load()
        && !opcode.can_store()
        && !opcode.can_trap()
        && !opcode.other_side_effects()
        && !opcode.is_terminator()
        && !opcode.is_call()
}

/// Replaces a two-way jump by a jump to the first or second of its targets.
fn decide(func: &mut Function, inst: Inst, first: bool) {
    if let InstructionData::Brif { blocks, .. } = func.dfg.insts[inst] {
        let to = blocks[usize::from(!first)];
        func.dfg.insts[inst] = InstructionData::Jump {
            opcode: cranelift_codegen::ir::Opcode::Jump,
            destination: to,
        };
    }
}
