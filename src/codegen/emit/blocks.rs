//! The order of a function's blocks, and which of them need a block of their own.
//!
//! Inlining makes most blocks of MIR the only way on from the one before. Cranelift does not merge such blocks, and each costs time in every
//! of its passes and a place where variables have to be looked for, so they are merged here.

use crate::mir::data::{Block, Mir, Terminator};
use crate::mir::walk::{reverse_postorder, successors};

use super::code::Result;
use super::frame::Emitter;

/// The blocks of a function in the order of emission: each after one that leads to it.
pub(super) struct BlockOrder {
    order: Vec<Block>,
    /// How often each block is jumped to.
    edges: Vec<u32>,
    /// Blocks that continue the one before them in the order, which ends with going to them and is the only one that does.
    merged: Vec<bool>,
    /// Whether the only return stands at the very end.
    pub returns_last: bool,
}

impl BlockOrder {
    /// The order for a function's reachable blocks.
    pub(super) fn of(mir: &Mir) -> BlockOrder {
        let mut order = reverse_postorder(mir);
        let mut edges = vec![0; mir.blocks.len()];
        let mut goes = vec![false; mir.blocks.len()];
        for &block in &order {
            let data = &mir.blocks[block];
            for to in successors(data) {
                edges[to.index()] += 1;
                goes[to.index()] |= matches!(data.term, Some(Terminator::Goto(_)));
            }
        }
        // The one before has no other successor, so that reverse postorder puts the two side by side. Nothing leads to most entries.
        let merged = |block: &Block| match edges[block.index()] {
            0 => true,
            1 => goes[block.index()] && *block != mir.entry(),
            _ => false,
        };
        let merged: Vec<bool> = mir.blocks.indices().map(|block| merged(&block)).collect();
        let is_return = |block: &Block| matches!(mir.blocks[*block].term, Some(Terminator::Return));
        let mut returns = (0..order.len()).filter(|&at| is_return(&order[at]));
        let last = match (returns.next(), returns.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        if let Some(last) = last {
            // With the blocks that it continues, it may stand at the end as well.
            let mut first = last;
            while first > 0 && merged[order[first].index()] {
                first -= 1;
            }
            if first > 0 || last + 1 == order.len() {
                order[first..].rotate_left(last + 1 - first);
            }
        }
        BlockOrder {
            returns_last: order.last().is_some_and(is_return) && last.is_some(),
            order,
            edges,
            merged,
        }
    }
}

impl Emitter<'_, '_> {
    /// Emits all blocks, from the current place on.
    pub(super) fn blocks(&mut self, blocks: BlockOrder) -> Result<()> {
        let mir = self.frame.mir;
        let BlockOrder {
            order,
            mut edges,
            merged,
            ..
        } = blocks;
        if order.is_empty() {
            return Err("a function without blocks".into());
        }
        for &block in &order {
            if !merged[block.index()] {
                self.frame.blocks[block.index()] = Some(self.c.block());
            }
        }
        if let Some(entry) = self.frame.blocks[mir.entry().index()] {
            self.c.jump(entry);
        }
        for block in order {
            if let Some(to) = self.frame.blocks[block.index()] {
                self.c.b.switch_to_block(to);
                // When nothing more leads to a block, its variables' values are known without detours.
                if edges[block.index()] == 0 {
                    self.c.b.seal_block(to);
                }
            }
            let data = &mir.blocks[block];
            for statement in &data.stmts {
                self.set_line(statement.src);
                self.statement(statement)?;
            }
            self.set_line(data.term_src);
            match &data.term {
                Some(terminator) => self.terminator(block, terminator)?,
                None => return Err("a block without an end".into()),
            }
            for to in successors(data) {
                let left = &mut edges[to.index()];
                *left -= 1;
                // What lies ahead is sealed when it begins; this is the end of a loop.
                if *left == 0
                    && let Some(to) = self.frame.blocks[to.index()]
                    && self.c.b.func.layout.is_block_inserted(to)
                {
                    self.c.b.seal_block(to);
                }
            }
        }
        Ok(())
    }
}
