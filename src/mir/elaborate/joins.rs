//! Values that cannot be copied end where paths meet, not at the end of their scope, if one of the paths has taken them.
//!
//! So whether such a variable still holds a value never depends on the way that control has come, and it needs no flag.

use super::super::builder::TrackedKind;
use super::super::data::*;
use super::{Pass, State};
use crate::base::FxHashMap;

impl Pass<'_> {
    /// Destroys, on the way to a block that some path reaches without a variable's value, the value on the other paths. Says whether
    /// anything changed.
    pub(super) fn balance_joins(&mut self, mir: &mut Mir, entry: &[State]) -> bool {
        let mut balanced = Vec::new();
        for t in self.tracked {
            let moves = matches!(
                t.kind,
                TrackedKind::Consumable { moves: true, .. } | TrackedKind::Parts { .. }
            );
            if moves && !self.inout.contains(&t.local) {
                balanced.push((t, self.bits(t)));
            }
        }
        let mixed = |state: &State, bit: usize| state.may_hold[bit] && state.may_lack[bit];
        let is_mixed = |state: &State| {
            state.reached
                && balanced
                    .iter()
                    .any(|(_, bits)| bits.clone().any(|bit| mixed(state, bit)))
        };
        if !entry.iter().any(is_mixed) {
            return false;
        }
        let blocks: Vec<Block> = mir.blocks.indices().collect();
        for block in blocks {
            let mut state = entry[block.index()].clone();
            if !state.reached {
                continue;
            }
            self.block(&mir.blocks[block], &mut state);
            let Some(mut term) = mir.blocks[block].term.take() else {
                continue;
            };
            let src = mir.blocks[block].term_src;
            let mut detours: FxHashMap<Block, Block> = FxHashMap::default();
            let mut targets = Vec::new();
            term.each_target(&mut |b| targets.push(b));
            targets.dedup();
            for target in targets {
                let mut ending = Vec::new();
                for (t, bits) in &balanced {
                    let ends = |bit: usize| {
                        mixed(&entry[target.index()], bit)
                            && state.may_hold[bit]
                            && !state.may_lack[bit]
                    };
                    let first = bits.start;
                    let TrackedKind::Parts { parts, .. } = &t.kind else {
                        ending.extend(
                            bits.clone()
                                .filter(|&b| ends(b))
                                .map(|_| Place::from(t.local)),
                        );
                        continue;
                    };
                    // Pieces without gaps, the last one first; what is inside of an enum that ends as a whole ends with it.
                    let mut pieces: Vec<Vec<Place>> = Vec::new();
                    let mut previous = None;
                    let mut whole: Option<usize> = None;
                    for bit in bits.clone().filter(|&b| ends(b)) {
                        let part = &parts[bit - first];
                        let covered = whole.is_some_and(|w| part.path.starts_with(&parts[w].path));
                        if part.rest {
                            whole = Some(bit - first);
                        }
                        let place = Place {
                            local: t.local,
                            path: part.path.clone(),
                        };
                        if !covered {
                            match pieces.last_mut() {
                                Some(piece) if previous == Some(bit - 1) => piece.push(place),
                                _ => pieces.push(vec![place]),
                            }
                        }
                        previous = Some(bit);
                    }
                    ending.extend(pieces.into_iter().rev().flatten());
                }
                if ending.is_empty() {
                    continue;
                }
                let detour = mir.blocks.alloc(BlockData {
                    stmts: ending
                        .into_iter()
                        .map(|place| Statement {
                            kind: StatementKind::Destroy(place),
                            src: None,
                        })
                        .collect(),
                    term: Some(Terminator::Goto(target)),
                    term_src: src,
                });
                detours.insert(target, detour);
            }
            term.each_target_mut(&mut |b| {
                if let Some(&detour) = detours.get(b) {
                    *b = detour;
                }
            });
            mir.blocks[block].term = Some(term);
        }
        true
    }
}
