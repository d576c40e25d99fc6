//! Which loads see the same contents: memory in versions.
//!
//! Memory is in regions that do not overlap (see `emit::code`). Each region has a version at each place; whatever may write to it makes a
//! new one, and so does a block that is entered with different ones.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, FuncRef, Function, Inst, InstructionData};
use rustc_hash::FxHashMap;

/// Everything without a region, and as many regions as `emit` distinguishes.
pub(super) const REGIONS: usize = 3;

/// A version of each region.
pub(super) type Versions = [u32; REGIONS];

/// After this many rounds over a function, blocks with several ways in are taken to be entered with different versions.
const ROUNDS: u32 = 8;

/// Not known yet.
const UNKNOWN: u32 = u32::MAX;

/// What instructions do to memory.
pub(super) struct Memory<'r> {
    retains: &'r dyn Fn(&Function, FuncRef) -> bool,
    /// The versions with which each block is entered.
    entered: FxHashMap<Block, Versions>,
}

impl<'r> Memory<'r> {
    pub fn of(context: &Context, retains: &'r dyn Fn(&Function, FuncRef) -> bool) -> Memory<'r> {
        let mut memory = Memory {
            retains,
            entered: FxHashMap::default(),
        };
        let order: Vec<Block> = context.domtree.cfg_rpo().copied().collect();
        // What each block leaves behind, where it writes.
        let written: FxHashMap<Block, Versions> = order
            .iter()
            .map(|&block| {
                let mut versions = [UNKNOWN; REGIONS];
                for inst in context.func.layout.block_insts(block) {
                    memory.step(&context.func, inst, &mut versions);
                }
                (block, versions)
            })
            .collect();
        for round in 0.. {
            let mut changed = false;
            for (position, &block) in order.iter().enumerate() {
                let old = memory.entered.get(&block).copied();
                let mut new = [UNKNOWN; REGIONS];
                for (region, version) in new.iter_mut().enumerate() {
                    let merged = merged(block);
                    // Where different versions once met, they go on doing so, which makes this come to an end.
                    let late = round >= ROUNDS && context.cfg.pred_iter(block).count() > 1;
                    if position == 0 || late || old.is_some_and(|old| old[region] == merged) {
                        *version = merged;
                        continue;
                    }
                    for pred in context.cfg.pred_iter(block) {
                        let found = match written.get(&pred.block).map(|w| w[region]) {
                            Some(UNKNOWN) => memory
                                .entered
                                .get(&pred.block)
                                .map_or(UNKNOWN, |v| v[region]),
                            Some(found) => found,
                            None => continue,
                        };
                        match (found, *version) {
                            (UNKNOWN, _) => {}
                            (_, UNKNOWN) => *version = found,
                            (found, seen) if found != seen => *version = merged,
                            _ => {}
                        }
                    }
                }
                if old != Some(new) {
                    memory.entered.insert(block, new);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        memory
    }

    pub fn entered(&self, block: Block) -> Versions {
        self.entered
            .get(&block)
            .copied()
            .unwrap_or([merged(block); REGIONS])
    }

    /// The versions after an instruction.
    pub fn step(&self, func: &Function, inst: Inst, versions: &mut Versions) {
        let data = &func.dfg.insts[inst];
        let opcode = data.opcode();
        let version = inst.as_u32() * 2 + 1;
        match *data {
            InstructionData::Store { .. } | InstructionData::StoreNoOffset { .. } => {
                versions[region(func, data)] = version;
            }
            InstructionData::Call { func_ref, .. } if (self.retains)(func, func_ref) => {
                versions[COUNTS] = version;
            }
            _ if opcode.can_store() || opcode.is_call() || opcode.other_side_effects() => {
                *versions = [version; REGIONS];
            }
            _ => {}
        }
    }
}

/// The region of reference counts, which counting up writes to and nothing else.
pub(super) const COUNTS: usize = 2;

/// The version that a block makes of different ones.
fn merged(block: Block) -> u32 {
    block.as_u32() * 2
}

/// The region that a load or store is in.
pub(super) fn region(func: &Function, data: &InstructionData) -> usize {
    data.alias_region(&func.dfg)
        .map_or(0, |region| region.as_u32() as usize + 1)
        .min(REGIONS - 1)
}
