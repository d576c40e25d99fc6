//! Coroutine accessors: `_modify` lends an address between its two halves, `_read` a value.
//!
//! A `_modify` is built as one graph, in which `yield` is a call of the marker `Builtin.yieldAddress`, and then cut there.
//! * Its `Body` is the first half. It allocates a *frame* on the heap, puts the address that it lends into the frame's first word, and returns
//!   the frame. The size of a frame is a constant of the instance, but a caller that knew it would have to be compiled again when the body changes.
//! * `EndAccess` is the second half. It gets the frame, frees it, and is told whether an error ended the access: then only what the scopes around
//!   the `yield` clean up is run, none of the statements behind it (as in Swift, whose `abort_apply` this is).
//!
//! Locals that both halves mention, or whose address the first half takes, live in the frame: a tuple of the address, the number of the
//! `yield`, and them. Parameters at +0 are copied into it, because a caller's variable may change during the access.
//!
//! A `_read` is an ordinary getter: what it yields is its result, and the statements behind the `yield` run before its caller sees that. Its
//! marker only serves to find paths that yield twice, or not at all.

use super::builder::{Builder, Cleanup};
use super::data::*;
use super::facts::Facts;
use super::place::{Access, Member, ThisPass, Writeback};
use super::{FlowKind, MirError, walk};
use crate::base::{FxHashMap, FxHashSet};
use crate::bodies::thir::TExprId;
use crate::items::hir::ExprId;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::types::ty::{BuiltinTy, Ty, TyList};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Builder<'_> {
    /// Whether a coroutine accessor's own body is being built, and which.
    pub fn coroutine(&self) -> Option<AccessorKind> {
        match (self.mir.id.kind, self.facts.kind(self.owner)) {
            (
                FnKind::Body | FnKind::EndAccess,
                DefKind::Accessor(kind @ (AccessorKind::Read | AccessorKind::Modify)),
            ) => Some(kind),
            _ => None,
        }
    }

    /// Opens an access through a `_modify` accessor: the place that it lends, until the current scope is left.
    pub fn begin_modify(
        &mut self,
        accessor: DefId,
        this: ThisPass,
        member: &Member,
        base: &Place,
    ) -> Place {
        let raw = self.raw_pointer();
        let mut args = self.index_arguments(member);
        args.extend(match this {
            // The accessor keeps the address until the access ends.
            ThisPass::Inout => {
                let address = self.temp(raw);
                self.assign(address, Rvalue::AddressOf(base.clone()));
                let ty = self.this_type(accessor, member.args);
                Some(Argument::Address(
                    Place::from(address).then(Proj::Deref(ty)),
                ))
            }
            _ => self.this_argument(this, base),
        });
        let frame = self.temp(raw);
        let id = FnId {
            def: accessor,
            kind: FnKind::Body,
        };
        self.emit_call(&frame.into(), Callee::Static(id, member.args), args, None);
        self.add_cleanup(Cleanup::Writeback(Rc::new(Writeback::EndAccess {
            accessor,
            args: member.args,
            frame,
        })));
        let lent = Place::from(frame).then(Proj::Deref(raw));
        lent.then(Proj::Deref(member.ty))
    }

    fn this_type(&self, accessor: DefId, args: TyList) -> Ty {
        let declared = crate::types::declared_self_type(self.facts.db, accessor);
        declared.map_or_else(Ty::error, |ty| ty.subst(args.as_slice()))
    }

    /// Ends an access that [`Builder::begin_modify`] opened.
    pub fn end_modify(&mut self, accessor: DefId, args: TyList, frame: Local) {
        let unwinding = Const::Int(i128::from(self.unwinding), self.int1());
        let unit = self.temp(Ty::unit());
        let id = FnId {
            def: accessor,
            kind: FnKind::EndAccess,
        };
        let operands = vec![
            Argument::Value(Operand::Borrow(frame.into())),
            Argument::Value(Operand::Const(unwinding)),
        ];
        self.emit_call(&unit.into(), Callee::Static(id, args), operands, None);
    }

    /// `yield`: the body goes on when the access has ended.
    pub fn lower_yield(&mut self, e: TExprId) {
        let int1 = self.int1();
        let raw = self.raw_pointer();
        let unwinding = self.temp(int1);
        self.src = Some(self.body.exprs[e].src);
        if self.coroutine() == Some(AccessorKind::Read) {
            let result = self.result_place();
            self.push_scope();
            self.into(e, &result);
            self.pop_scope();
            let nothing = Operand::Const(Const::Zero(raw));
            let args = vec![Argument::Value(nothing)];
            return self.builtin(YIELD, &[], args, &unwinding.into());
        }
        self.push_scope();
        let lvalue = self.lvalue(e);
        let place = self.begin_access(lvalue, Access::Modify);
        let address = self.temp(raw);
        self.assign(address, Rvalue::AddressOf(place));
        let args = vec![Argument::Value(Operand::Borrow(address.into()))];
        self.builtin(YIELD, &[], args, &unwinding.into());
        let (abort, resume) = (self.block(), self.block());
        self.branch(Operand::Borrow(unwinding.into()), abort, resume);
        self.switch_to(abort);
        let outer = std::mem::replace(&mut self.unwinding, true);
        let result = self.result_place();
        self.assign(result, Rvalue::Use(Operand::Const(Const::Unit)));
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
        self.unwinding = outer;
        self.switch_to(resume);
        self.pop_scope();
    }
}

/// The marker's name in module `Builtin`.
const YIELD: &str = "yieldAddress";

/// A `yield`: the end of its block after it was split, the address it lends, where it says whether an error ended the access, and where the
/// graph goes on.
struct Yield {
    block: Block,
    address: Operand,
    unwinding: Place,
    resume: Block,
    src: Option<ExprId>,
}

/// Checks that a coroutine accessor's graph yields once, and makes of it the function that `mir.id` asks for.
pub(super) fn finish(
    mir: &mut Mir,
    accessor: AccessorKind,
    facts: Facts<'_>,
    errors: &mut Vec<MirError>,
) {
    let entry = free_entry(mir);
    let yields = split_at_yields(mir, facts);
    let first = reachable(mir, [entry]);
    let second = reachable(mir, yields.iter().map(|y| y.resume));
    check(mir, &yields, &first, &second, errors);
    if errors.iter().any(|e| !e.kind.is_warning()) {
        return;
    }
    if accessor == AccessorKind::Read {
        for y in yields {
            mir.blocks[y.block].term = Some(Terminator::Goto(y.resume));
        }
        mir.blocks[Block::from_raw(0)].term = Some(Terminator::Goto(entry));
        return mir.prune();
    }
    let frame = Frame::of(mir, &first, &second);
    match mir.id.kind {
        FnKind::EndAccess => second_half(mir, &yields, &second, &frame, facts),
        _ => first_half(mir, entry, &yields, &first, &frame, facts),
    }
    mir.prune();
}

/// Moves the entry's content to a block of its own, so that code may be put ahead of it; returns that block.
fn free_entry(mir: &mut Mir) -> Block {
    let old = Block::from_raw(0);
    let data = std::mem::take(&mut mir.blocks[old]);
    let new = mir.blocks.alloc(data);
    for (_, data) in mir.blocks.iter_mut() {
        if let Some(term) = &mut data.term {
            term.each_target_mut(&mut |b| {
                if *b == old {
                    *b = new;
                }
            });
        }
    }
    new
}

/// Ends blocks at their markers, which go; what follows a marker becomes a block of its own.
fn split_at_yields(mir: &mut Mir, facts: Facts<'_>) -> Vec<Yield> {
    let marker = facts.builtin(YIELD, 1);
    let is_marker = |s: &Statement| matches!(&s.kind, StatementKind::Call { callee: Callee::Static(id, _), .. } if id.def == marker);
    let mut yields = Vec::new();
    let mut blocks: Vec<Block> = mir.blocks.iter().map(|(b, _)| b).collect();
    while let Some(block) = blocks.pop() {
        let data = &mut mir.blocks[block];
        let Some(at) = data.stmts.iter().position(is_marker) else {
            continue;
        };
        let rest = BlockData {
            stmts: data.stmts.split_off(at + 1),
            term: data.term.take(),
            term_src: data.term_src,
        };
        let Some(Statement { kind, src }) = data.stmts.pop() else {
            continue;
        };
        let StatementKind::Call { dest, mut args, .. } = kind else {
            continue;
        };
        let Some(Argument::Value(address)) = args.pop() else {
            continue;
        };
        let resume = mir.blocks.alloc(rest);
        blocks.push(resume);
        yields.push(Yield {
            block,
            address,
            unwinding: dest,
            resume,
            src,
        });
    }
    yields
}

/// The blocks that can be reached, up to the next `yield`.
fn reachable(mir: &Mir, from: impl IntoIterator<Item = Block>) -> FxHashSet<Block> {
    let mut found: FxHashSet<Block> = from.into_iter().collect();
    let mut stack: Vec<Block> = found.iter().copied().collect();
    while let Some(block) = stack.pop() {
        if let Some(term) = &mir.blocks[block].term {
            term.each_target(&mut |b| {
                if found.insert(b) {
                    stack.push(b);
                }
            });
        }
    }
    found
}

/// Every path yields once.
fn check(
    mir: &Mir,
    yields: &[Yield],
    first: &FxHashSet<Block>,
    second: &FxHashSet<Block>,
    errors: &mut Vec<MirError>,
) {
    let returns = |b: &&Block| matches!(mir.blocks[**b].term, Some(Terminator::Return));
    if first.iter().any(|b| returns(&b)) {
        let reached = yields.iter().any(|y| first.contains(&y.block));
        errors.push(MirError {
            kind: FlowKind::MissingYield { always: !reached },
            src: None,
        });
    }
    for again in yields.iter().filter(|y| second.contains(&y.block)) {
        errors.push(MirError {
            kind: FlowKind::SecondYield,
            src: again.src,
        });
    }
}

/// What the two halves share.
struct Frame {
    /// The address lent, the number of the `yield`, and the saved locals.
    ty: Ty,
    /// The element of each saved local.
    saved: FxHashMap<Local, u32>,
}

impl Frame {
    fn of(mir: &Mir, first: &FxHashSet<Block>, second: &FxHashSet<Block>) -> Frame {
        let mut addressed = BTreeSet::new();
        let in_first = mentioned(mir, first, &mut addressed);
        let in_second = mentioned(mir, second, &mut BTreeSet::new());
        let mut locals: BTreeSet<u32> = in_first.intersection(&in_second).copied().collect();
        locals.extend(addressed);
        locals.extend(
            mir.params
                .iter()
                .map(|p| p.raw())
                .filter(|p| in_second.contains(p)),
        );
        locals.remove(&mir.result.raw());
        let raw = Ty::builtin(BuiltinTy::RawPointer);
        let mut types = vec![raw, Ty::builtin(BuiltinTy::Int64)];
        let mut saved = FxHashMap::default();
        for local in locals.into_iter().map(Local::from_raw) {
            saved.insert(local, types.len() as u32);
            let decl = &mir.locals[local];
            types.push(match decl.kind {
                LocalKind::Inout | LocalKind::BorrowedAddress => raw,
                _ => decl.ty,
            });
        }
        Frame {
            ty: Ty::tuple_of(&types),
            saved,
        }
    }

    /// An element of the frame that a local points to.
    fn elem(&self, frame: Local, n: u32) -> Place {
        let tuple = Place::from(frame).then(Proj::Deref(self.ty));
        tuple.then(Proj::Elem(n))
    }

    /// Puts the places of these blocks that lie in saved locals into the frame.
    fn redirect(&self, mir: &mut Mir, frame: Local, blocks: &FxHashSet<Block>) {
        let locals = &mir.locals;
        let mut redirect = |place: &mut Place, _| {
            let Some(&n) = self.saved.get(&place.local) else {
                return;
            };
            let decl = &locals[place.local];
            let mut new = self.elem(frame, n);
            if let LocalKind::Inout | LocalKind::BorrowedAddress = decl.kind {
                new = new.then(Proj::Deref(decl.ty));
            }
            new.path.extend(place.path.iter().copied());
            *place = new;
        };
        for &block in blocks {
            let data = &mut mir.blocks[block];
            for statement in &mut data.stmts {
                match statement.kind {
                    StatementKind::StorageLive(local) | StatementKind::StorageDead(local)
                        if self.saved.contains_key(&local) =>
                    {
                        statement.kind = StatementKind::Nop;
                    }
                    _ => walk::each_place_mut(&mut statement.kind, &mut redirect),
                }
            }
            if let Some(term) = &mut data.term {
                walk::terminator_places_mut(term, &mut redirect);
            }
        }
    }

    /// The parameters at +0 that were copied into the frame.
    fn copies<'m>(&'m self, mir: &'m Mir) -> impl Iterator<Item = (Local, u32)> + 'm {
        mir.params.iter().filter_map(|p| {
            let n = *self.saved.get(p)?;
            (mir.locals[*p].kind == LocalKind::Borrowed).then_some((*p, n))
        })
    }
}

/// The locals that statements of these blocks mention; those in `addressed` are storage whose address is taken.
fn mentioned(mir: &Mir, blocks: &FxHashSet<Block>, addressed: &mut BTreeSet<u32>) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut visit = |place: &Place, access: walk::Access| {
        found.insert(place.local.raw());
        let indirect = |proj: &Proj| {
            matches!(
                proj,
                Proj::Deref(_) | Proj::ClassField(_) | Proj::BoxValue(_) | Proj::Capture(_)
            )
        };
        let decl = &mir.locals[place.local];
        if matches!(access, walk::Access::Address | walk::Access::Inout)
            && matches!(decl.kind, LocalKind::Var | LocalKind::Owned)
            && !place.path.iter().any(indirect)
        {
            addressed.insert(place.local.raw());
        }
    };
    for &block in blocks {
        let data = &mir.blocks[block];
        for statement in &data.stmts {
            walk::each_place(&statement.kind, &mut visit);
        }
        if let Some(term) = &data.term {
            walk::terminator_places(term, &mut visit);
        }
    }
    found
}

/// A builtin operation of the frame's type.
fn call(facts: Facts<'_>, name: &str, types: &[Ty], args: Vec<Operand>, dest: Local) -> Statement {
    let def = facts.builtin(name, args.len());
    let id = FnId {
        def,
        kind: FnKind::Body,
    };
    Statement {
        kind: StatementKind::Call {
            dest: dest.into(),
            callee: Callee::Static(id, TyList::new(types)),
            args: args.into_iter().map(Argument::Value).collect(),
        },
        src: None,
    }
}

fn assign(place: Place, value: Rvalue) -> Statement {
    Statement {
        kind: StatementKind::Assign(place, value),
        src: None,
    }
}

fn var(mir: &mut Mir, ty: Ty) -> Local {
    mir.locals.alloc(LocalDecl {
        ty,
        kind: LocalKind::Var,
        name: None,
    })
}

fn first_half(
    mir: &mut Mir,
    entry: Block,
    yields: &[Yield],
    first: &FxHashSet<Block>,
    layout: &Frame,
    facts: Facts<'_>,
) {
    let raw = Ty::builtin(BuiltinTy::RawPointer);
    let int64 = Ty::builtin(BuiltinTy::Int64);
    let frame = var(mir, raw);
    layout.redirect(mir, frame, first);
    // The frame, with the parameters that live in it.
    let (size, align) = (var(mir, int64), var(mir, int64));
    let metatype = Operand::Const(Const::Metatype(layout.ty));
    let borrow = |local: Local| Operand::Borrow(local.into());
    let mut prologue = vec![
        call(facts, "sizeof", &[layout.ty], vec![metatype.clone()], size),
        call(facts, "alignof", &[layout.ty], vec![metatype], align),
        call(
            facts,
            "allocRaw",
            &[],
            vec![borrow(size), borrow(align)],
            frame,
        ),
    ];
    for &param in &mir.params {
        let Some(&n) = layout.saved.get(&param) else {
            continue;
        };
        let value = match mir.locals[param].kind {
            LocalKind::Inout | LocalKind::BorrowedAddress => Rvalue::AddressOf(param.into()),
            LocalKind::Borrowed => Rvalue::Use(Operand::Copy(param.into())),
            _ => Rvalue::Use(Operand::Move(param.into())),
        };
        prologue.push(assign(layout.elem(frame, n), value));
    }
    let start = &mut mir.blocks[Block::from_raw(0)];
    start.stmts = prologue;
    start.term = Some(Terminator::Goto(entry));
    // A yield returns.
    mir.locals[mir.result].ty = raw;
    for (number, y) in yields.iter().enumerate() {
        let mut address = y.address.clone();
        if let Operand::Borrow(place) = &mut address
            && let Some(&n) = layout.saved.get(&place.local)
        {
            *place = layout.elem(frame, n);
        }
        let result = Place::from(mir.result);
        let data = &mut mir.blocks[y.block];
        let number = Operand::Const(Const::Int(number as i128, int64));
        data.stmts.extend([
            assign(layout.elem(frame, 0), Rvalue::Use(address)),
            assign(layout.elem(frame, 1), Rvalue::Use(number)),
            assign(result, Rvalue::Use(borrow(frame))),
        ]);
        data.term = Some(Terminator::Return);
    }
}

fn second_half(
    mir: &mut Mir,
    yields: &[Yield],
    second: &FxHashSet<Block>,
    layout: &Frame,
    facts: Facts<'_>,
) {
    let mut param = |ty| {
        mir.locals.alloc(LocalDecl {
            ty,
            kind: LocalKind::Borrowed,
            name: None,
        })
    };
    let frame = param(Ty::builtin(BuiltinTy::RawPointer));
    let unwinding = param(Ty::builtin(BuiltinTy::Int1));
    layout.redirect(mir, frame, second);
    for y in yields {
        let told = Rvalue::Use(Operand::Borrow(unwinding.into()));
        let stmts = &mut mir.blocks[y.resume].stmts;
        stmts.insert(0, assign(y.unwinding.clone(), told));
    }
    // It goes on behind the yield that the first half has come to.
    let numbered = yields.iter().enumerate();
    let mut targets: Vec<(i128, Block)> = numbered.map(|(n, y)| (n as i128, y.resume)).collect();
    mir.blocks[Block::from_raw(0)].term = Some(match targets.pop() {
        Some((_, only)) if targets.is_empty() => Terminator::Goto(only),
        Some((_, default)) => Terminator::Switch {
            value: Operand::Borrow(layout.elem(frame, 1)),
            targets,
            default,
        },
        None => Terminator::Unreachable,
    });
    // The frame ends with the function.
    let copies: Vec<(Local, u32)> = layout.copies(mir).collect();
    let unit = var(mir, Ty::unit());
    for &block in second {
        let data = &mut mir.blocks[block];
        if !matches!(data.term, Some(Terminator::Return)) {
            continue;
        }
        for &(_, n) in &copies {
            data.stmts.push(Statement {
                kind: StatementKind::Destroy(layout.elem(frame, n)),
                src: None,
            });
        }
        let frame = vec![Operand::Borrow(frame.into())];
        data.stmts.push(call(facts, "deallocRaw", &[], frame, unit));
    }
    for &param in &mir.params {
        mir.locals[param].kind = LocalKind::Var;
    }
    mir.params = vec![frame, unwinding];
    mir.throws = None;
}
