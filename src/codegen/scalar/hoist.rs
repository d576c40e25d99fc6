//! Arithmetic that tells of an overflow, moved out of loops in which its operands do not change. The test of the overflow stays where it is.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, Inst, Opcode, ValueDef};
use cranelift_codegen::loop_analysis::Loop;

pub(super) fn run(context: &mut Context) {
    if context.loop_analysis.loops().len() == 0 {
        return;
    }
    let order: Vec<Block> = context.domtree.cfg_rpo().copied().collect();
    for block in order {
        let Some(innermost) = context.loop_analysis.innermost_loop(block) else {
            continue;
        };
        let insts: Vec<Inst> = context.func.layout.block_insts(block).collect();
        for inst in insts {
            if !matches!(
                context.func.dfg.insts[inst].opcode(),
                Opcode::SaddOverflow
                    | Opcode::SsubOverflow
                    | Opcode::SmulOverflow
                    | Opcode::UmulOverflow
            ) {
                continue;
            }
            if let Some(to) = destination(context, innermost, inst) {
                let layout = &mut context.func.layout;
                let Some(before) = layout.last_inst(to) else {
                    continue;
                };
                layout.remove_inst(inst);
                layout.insert_inst(inst, before);
            }
        }
    }
}

/// The block before the outermost loop in which the operands do not change.
fn destination(context: &Context, innermost: Loop, inst: Inst) -> Option<Block> {
    let mut found = None;
    let mut next = Some(innermost);
    while let Some(current) = next {
        let func = &context.func;
        let changes = func.dfg.inst_args(inst).iter().any(|&arg| {
            let block = match func.dfg.value_def(arg) {
                ValueDef::Result(inst, _) => func.layout.inst_block(inst),
                ValueDef::Param(block, _) => Some(block),
                ValueDef::Union(..) => None,
            };
            block.is_none_or(|block| context.loop_analysis.is_in_loop(block, current))
        });
        if changes {
            break;
        }
        // The operands come from before the loop, and what dominates the loop's head is the last place where all of them are there.
        found = context
            .domtree
            .idom(context.loop_analysis.loop_header(current));
        next = context.loop_analysis.loop_parent(current);
    }
    found
}
