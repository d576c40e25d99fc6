//! What the data flow has decided, put into the graph: destructions kept, dropped, made to depend on flags, and done in parts.

use super::super::builder::{Part, Storage, Tracked, TrackedKind};
use super::super::data::*;
use super::{Pass, State, Target};
use crate::items::hir::ExprId;
use crate::types::ty::{BuiltinTy, Ty, TyList};

impl<'a> Pass<'a> {
    pub(super) fn rewrite(&mut self, mir: &mut Mir, entry: &[State]) {
        // First find which variables need a flag.
        for (block, data) in mir.blocks.iter() {
            let mut state = entry[block.index()].clone();
            if !state.reached {
                continue;
            }
            for (i, stmt) in data.stmts.iter().enumerate() {
                if let StatementKind::Destroy(place) = &stmt.kind {
                    let bits = match self.target(place) {
                        Target::Exact(bit) | Target::Box(bit) => bit..bit + 1,
                        Target::Whole(t) if place.path.is_empty() => self.bits(t),
                        Target::Group(t, _) => self.bits(t),
                        _ => 0..0,
                    };
                    for bit in bits {
                        self.flagged[bit] |= state.may_hold[bit] && state.may_lack[bit];
                    }
                }
                self.statement(stmt, data.stmts.get(i + 1), &mut state);
            }
        }
        let int1 = Ty::builtin(BuiltinTy::Int1);
        let flags: Vec<Option<Local>> = self
            .flagged
            .iter()
            .map(|&needed| {
                needed.then(|| {
                    mir.locals.alloc(LocalDecl {
                        ty: int1,
                        kind: LocalKind::Var,
                        name: None,
                    })
                })
            })
            .collect();
        let originals: Vec<Block> = mir.blocks.indices().collect();
        for block in originals {
            let mut state = entry[block.index()].clone();
            if !state.reached {
                continue;
            }
            let data = std::mem::take(&mut mir.blocks[block]);
            let mut out = Rewriter {
                mir,
                flags: &flags,
                current: block,
            };
            if block.raw() == 0 {
                for (bit, flag) in flags.iter().enumerate() {
                    if flag.is_some() {
                        out.set_flag(bit, state.may_hold[bit]);
                    }
                }
            } else {
                // A call's result became valid on the edge that leads here.
                for (bit, flag) in flags.iter().enumerate() {
                    if flag.is_some() && state.may_hold[bit] && !state.may_lack[bit] {
                        out.set_flag(bit, true);
                    }
                }
            }
            for (i, stmt) in data.stmts.iter().enumerate() {
                let before = state.clone();
                self.statement(stmt, data.stmts.get(i + 1), &mut state);
                self.rewrite_statement(stmt, &before, &mut out);
                for (bit, flag) in flags.iter().enumerate() {
                    let known = state.may_hold[bit] != state.may_lack[bit];
                    let changed = state.may_hold[bit] != before.may_hold[bit]
                        || state.may_lack[bit] != before.may_lack[bit];
                    if flag.is_some() && known && changed {
                        out.set_flag(bit, state.may_hold[bit]);
                    }
                }
            }
            let current = out.current;
            mir.blocks[current].term = data.term;
            mir.blocks[current].term_src = data.term_src;
        }
    }

    fn rewrite_statement(&mut self, stmt: &Statement, state: &State, out: &mut Rewriter) {
        match &stmt.kind {
            StatementKind::Destroy(place) => match self.target(place) {
                Target::Exact(bit) => {
                    let kind = self.destruction(bit, place);
                    out.conditional(bit, state, vec![kind], Vec::new(), stmt.src);
                }
                Target::Box(bit) => {
                    let free = StatementKind::DeallocBox(place.clone());
                    out.conditional(bit, state, vec![stmt.kind.clone()], vec![free], stmt.src);
                }
                Target::Whole(t) if place.path.is_empty() => {
                    self.destroy_parts(t, place, state, out, stmt.src)
                }
                Target::Group(t, bits) => {
                    self.destroy_group(t, &bits, stmt, state, out);
                }
                _ => out.push(stmt.clone()),
            },
            StatementKind::StoreWeak { place, value, .. } => {
                let init = self.is_lacking(place, state, false);
                out.push(Statement {
                    kind: StatementKind::StoreWeak {
                        place: place.clone(),
                        value: value.clone(),
                        init,
                    },
                    src: stmt.src,
                });
            }
            StatementKind::StoreUnowned { place, value, .. } => {
                let init = self.is_lacking(place, state, false);
                out.push(Statement {
                    kind: StatementKind::StoreUnowned {
                        place: place.clone(),
                        value: value.clone(),
                        init,
                    },
                    src: stmt.src,
                });
            }
            StatementKind::Nop => {}
            _ => out.push(stmt.clone()),
        }
        // Untracked weak storage keeps what lowering said.
        if let StatementKind::StoreWeak { place, .. } | StatementKind::StoreUnowned { place, .. } =
            &stmt.kind
            && matches!(self.target(place), Target::None)
        {
            out.replace_last(stmt.clone());
        }
    }

    fn is_lacking(&self, place: &Place, state: &State, otherwise: bool) -> bool {
        match self.target(place) {
            Target::Exact(bit) => !state.may_hold[bit],
            _ => otherwise,
        }
    }

    fn destruction(&self, bit: usize, place: &Place) -> StatementKind {
        for (t, &first) in self.tracked.iter().zip(&self.first) {
            if let TrackedKind::Fields(fields) | TrackedKind::Object { fields, .. } = &t.kind
                && bit >= first
                && let Some(field) = fields.get(bit - first)
            {
                return destruction(field.storage, place.clone());
            }
            if let TrackedKind::Parts { parts, .. } = &t.kind
                && bit >= first
                && let Some(part) = parts.get(bit - first)
            {
                return destruction(part.storage, place.clone());
            }
        }
        StatementKind::Destroy(place.clone())
    }

    /// The destruction of a variable some parts of which may have been taken.
    fn destroy_group(
        &mut self,
        t: &'a Tracked,
        bits: &[usize],
        stmt: &Statement,
        state: &State,
        out: &mut Rewriter,
    ) {
        let TrackedKind::Parts { parts, .. } = &t.kind else {
            return;
        };
        if bits.iter().all(|&bit| !state.may_lack[bit]) {
            out.push(stmt.clone());
            return;
        }
        // What is left is destroyed piece by piece, each without the gaps, from the last to the first.
        let mut pieces: Vec<Vec<usize>> = Vec::new();
        let mut open = false;
        for &bit in bits {
            if !state.may_hold[bit] {
                open = false;
                continue;
            }
            match pieces.last_mut() {
                Some(piece) if open => piece.push(bit),
                _ => pieces.push(vec![bit]),
            }
            open = true;
        }
        for piece in pieces.iter().rev() {
            self.destroy_piece(t, parts, piece, stmt.src, state, out);
        }
    }

    /// The destruction of some parts of a variable, in order.
    fn destroy_piece(
        &mut self,
        t: &'a Tracked,
        parts: &'a [Part],
        bits: &[usize],
        src: Option<ExprId>,
        state: &State,
        out: &mut Rewriter,
    ) {
        let first = self.first_of(t);
        let mut at = 0;
        while let Some(&bit) = bits.get(at) {
            at += 1;
            let part = &parts[bit - first];
            let place = |part: &Part| Place {
                local: t.local,
                path: part.path.clone(),
            };
            let kind = destruction(part.storage, place(part));
            if !part.rest {
                out.conditional(bit, state, vec![kind], Vec::new(), src);
                continue;
            }
            // The enum as a whole, or else the parts of its payload that are left.
            let mut end = at;
            while let Some(&inner) = bits.get(end)
                && parts[inner - first].path.len() > part.path.len()
                && parts[inner - first].path.starts_with(&part.path)
            {
                end += 1;
            }
            let inner: Vec<usize> = bits[at..end].to_vec();
            at = end;
            if !state.may_lack[bit] {
                out.push(Statement { kind, src });
                continue;
            }
            let (whole, parts_block, join) = (out.block(), out.block(), out.block());
            out.end_on_flag(bit, whole, parts_block);
            out.current = whole;
            out.push(Statement { kind, src });
            out.end(Terminator::Goto(join));
            out.current = parts_block;
            for bit in inner {
                let part = &parts[bit - first];
                let kind = destruction(part.storage, place(part));
                out.conditional(bit, state, vec![kind], Vec::new(), src);
            }
            out.end(Terminator::Goto(join));
            out.current = join;
        }
    }

    /// The destruction of an unfinished `this`.
    fn destroy_parts(
        &mut self,
        t: &'a Tracked,
        place: &Place,
        state: &State,
        out: &mut Rewriter,
        src: Option<ExprId>,
    ) {
        let first = self.first_of(t);
        let bits = self.bits(t);
        if bits.clone().all(|bit| !state.may_hold[bit]) {
            return;
        }
        let complete = bits.clone().all(|bit| !state.may_lack[bit]);
        match &t.kind {
            TrackedKind::Object { fields, has_super } => {
                let super_bit = first + fields.len();
                let ours = super_bit + 1;
                if complete {
                    self.destroy_object(place, out, src);
                    return;
                }
                if !state.may_hold[ours] {
                    return;
                }
                let join = state.may_lack[ours].then(|| {
                    // On some paths the superclass's failing initialiser has disposed of the object.
                    let (here, join) = (out.block(), out.block());
                    out.end_on_flag(ours, here, join);
                    out.current = here;
                    join
                });
                let split = *has_super && state.may_hold[super_bit];
                let join_whole = split.then(|| {
                    // Only on some paths has the superclass done its part; then the object is complete.
                    let (whole, parts, join) = (out.block(), out.block(), out.block());
                    out.end_on_flag(super_bit, whole, parts);
                    out.current = whole;
                    self.destroy_object(place, out, src);
                    out.end(Terminator::Goto(join));
                    out.current = parts;
                    join
                });
                for (i, field) in fields.iter().enumerate() {
                    let part = place.then(Proj::ClassField(field.var));
                    let kind = self.destruction(first + i, &part);
                    out.conditional(first + i, state, vec![kind], Vec::new(), src);
                }
                self.abandon(place, out, src);
                for join in [join_whole, join].into_iter().flatten() {
                    out.end(Terminator::Goto(join));
                    out.current = join;
                }
            }
            TrackedKind::Fields(fields) => {
                if complete {
                    out.push(Statement {
                        kind: StatementKind::Destroy(place.clone()),
                        src,
                    });
                    return;
                }
                for (i, field) in fields.iter().enumerate() {
                    let part = place.then(Proj::Field(field.var));
                    let kind = self.destruction(first + i, &part);
                    out.conditional(first + i, state, vec![kind], Vec::new(), src);
                }
            }
            _ => {}
        }
    }

    /// An object that was never complete is marked, so that a subclass's initialiser knows to destroy its own properties too.
    fn abandon(&self, place: &Place, out: &mut Rewriter, src: Option<ExprId>) {
        let ty = out.mir.locals[place.local].ty;
        let dest = out.mir.locals.alloc(LocalDecl {
            ty: Ty::unit(),
            kind: LocalKind::Var,
            name: None,
        });
        let id = FnId {
            def: self.facts.builtin("abandon", 1),
            kind: FnKind::Body,
        };
        out.push(Statement {
            kind: StatementKind::Call {
                dest: dest.into(),
                callee: Callee::Static(id, TyList::new(&[ty])),
                args: vec![Argument::Value(Operand::Borrow(place.clone()))],
            },
            src,
        });
    }

    /// A complete object of a failed initialiser is released like any other, with the deinitialisers of its dynamic class. Its memory
    /// is kept by an unowned reference that nobody gives up here: whoever allocated the object frees it.
    fn destroy_object(&self, place: &Place, out: &mut Rewriter, src: Option<ExprId>) {
        let ty = out.mir.locals[place.local].ty;
        let keeper = out.mir.locals.alloc(LocalDecl {
            ty,
            kind: LocalKind::Var,
            name: None,
        });
        out.push(Statement {
            kind: StatementKind::StoreUnowned {
                place: keeper.into(),
                value: Operand::Borrow(place.clone()),
                init: true,
            },
            src,
        });
        out.push(Statement {
            kind: StatementKind::Destroy(place.clone()),
            src,
        });
    }
}

struct Rewriter<'m> {
    mir: &'m mut Mir,
    flags: &'m [Option<Local>],
    current: Block,
}

impl Rewriter<'_> {
    fn push(&mut self, stmt: Statement) {
        self.mir.blocks[self.current].stmts.push(stmt);
    }
    fn replace_last(&mut self, stmt: Statement) {
        if let Some(last) = self.mir.blocks[self.current].stmts.last_mut() {
            *last = stmt;
        }
    }
    fn block(&mut self) -> Block {
        self.mir.blocks.alloc(BlockData::default())
    }
    fn end(&mut self, term: Terminator) {
        self.mir.blocks[self.current].term = Some(term);
    }
    /// Branches on whether the variable holds a value.
    fn end_on_flag(&mut self, bit: usize, then: Block, els: Block) {
        let cond = match self.flags[bit] {
            Some(flag) => Operand::Borrow(flag.into()),
            None => Operand::Const(Const::Int(0, Ty::builtin(BuiltinTy::Int1))),
        };
        self.end(Terminator::If { cond, then, els });
    }
    fn set_flag(&mut self, bit: usize, value: bool) {
        let Some(flag) = self.flags[bit] else { return };
        let constant = Const::Int(value as i128, Ty::builtin(BuiltinTy::Int1));
        self.push(Statement {
            kind: StatementKind::Assign(flag.into(), Rvalue::Use(Operand::Const(constant))),
            src: None,
        });
    }
    /// Emits `held` where the variable holds a value and `lacking` where it does not.
    fn conditional(
        &mut self,
        bit: usize,
        state: &State,
        held: Vec<StatementKind>,
        lacking: Vec<StatementKind>,
        src: Option<ExprId>,
    ) {
        let emit = |out: &mut Self, list: Vec<StatementKind>| {
            for kind in list {
                out.push(Statement { kind, src });
            }
        };
        match (state.may_hold[bit], state.may_lack[bit], self.flags[bit]) {
            (true, true, Some(flag)) => {
                let (yes, no, join) = (self.block(), self.block(), self.block());
                self.end(Terminator::If {
                    cond: Operand::Borrow(flag.into()),
                    then: yes,
                    els: no,
                });
                self.current = yes;
                emit(self, held);
                self.end(Terminator::Goto(join));
                self.current = no;
                emit(self, lacking);
                self.end(Terminator::Goto(join));
                self.current = join;
            }
            (true, _, _) => emit(self, held),
            (false, _, _) => emit(self, lacking),
        }
    }
}

pub(super) fn destruction(storage: Storage, place: Place) -> StatementKind {
    match storage {
        Storage::Strong => StatementKind::Destroy(place),
        Storage::Weak => StatementKind::DestroyWeak(place),
        Storage::Unowned => StatementKind::DestroyUnowned(place),
    }
}
