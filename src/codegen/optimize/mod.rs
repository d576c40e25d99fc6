//! Tour of `optimize`: what `-O` does to an instance before code is generated for it.
//!
//! 1. [`specialize`]: the graph with its types filled in and its calls resolved: requirements to witnesses, methods that nobody overrides
//!    to functions.
//! 2. [`inline`]: small functions, and those that are given closures, in place of their calls.
//! 3. [`closures`]: closures that are known where they are called, in place of those calls.
//! 4. [`forward`]: pointers to known variables, and closures that nobody calls any more, removed.
//! 5. [`cases`]: jumps past tests whose outcome is known where one comes from.
//! 6. [`borrows`]: copies that are destroyed while their original is still there, not made.
//!
//! Everything is a function of the instance and of the unoptimised graphs of what it calls, never of another instance's optimised graph:
//! the result does not depend on who asks first, and recursion needs no special care.

mod borrows;
mod cases;
mod closures;
mod forward;
mod inline;
mod specialize;
mod types;

#[cfg(test)]
mod tests;

use crate::base::FxHashMap;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::mir::data::{Instance, Mir};

use super::cx::Program;

/// How often closures may uncover calls that are inlined in turn.
const ROUNDS: usize = 4;

/// The graph of an instance with its types filled in and calls resolved; none when the function has no code.
pub fn specialized<'a>(p: &dyn Program<'a>, instance: Instance) -> Option<Mir> {
    Some(specialize::specialize(
        p,
        p.mir(instance.id)?,
        instance.args,
    ))
}

/// The optimised graph of an instance; none when the function has no code. Its types are concrete.
pub fn optimized<'a>(p: &dyn Program<'a>, instance: Instance) -> Option<Mir> {
    let start = p.specialized(instance)?;
    let mut origins = Origins::default();
    let mut mir = Mir::clone(&start);
    origins.adopt(&mut mir, instance.id.def);
    let mut inliner = inline::Inliner::new(p, mir, instance, origins);
    for round in 0..ROUNDS {
        let inlined = inliner.calls();
        forward::run(p, &mut inliner.mir);
        let uncovered = closures::run(&mut inliner);
        if !inlined && !uncovered && round > 0 {
            break;
        }
        forward::run(p, &mut inliner.mir);
        cases::run(p, &mut inliner.mir);
        inliner.tidy();
        if !uncovered {
            break;
        }
    }
    let inline::Inliner {
        mut mir, origins, ..
    } = inliner;
    borrows::run(p, &mut mir);
    forward::drop_unused_locals(&mut mir);
    mir.origins = origins.list;
    mir.blocks.shrink_to_fit();
    mir.locals.shrink_to_fit();
    Some(mir)
}

/// Where the statements of an optimised graph come from, which is from several functions.
#[derive(Default)]
pub(super) struct Origins {
    list: Vec<(DefId, ExprId)>,
    numbers: FxHashMap<(DefId, ExprId), ExprId>,
}

impl Origins {
    /// The number that stands for an expression of a definition.
    fn number(&mut self, def: DefId, expr: ExprId) -> ExprId {
        let list = &mut self.list;
        *self.numbers.entry((def, expr)).or_insert_with(|| {
            list.push((def, expr));
            ExprId::from_raw(list.len() as u32 - 1)
        })
    }

    /// Numbers all sources of a graph that belongs to one definition.
    fn adopt(&mut self, mir: &mut Mir, def: DefId) {
        for (_, data) in mir.blocks.iter_mut() {
            inline::map_sources(data, &mut |expr| self.number(def, expr));
        }
    }
}
