//! Calls of small functions replaced by their bodies.
//!
//! A parameter that a callee borrows becomes a temporary with the same bits when it travels in registers, and the caller's own storage when
//! it would be passed by address: what an inlined body sees is what a called one would have seen.

use std::sync::Arc;

use crate::items::hir::ExprId;
use crate::mir::data::{
    Argument, Block, BlockData, Callee, Const, FnId, FnKind, Instance, Local, LocalDecl, LocalKind,
    Mir, Operand, Place, Proj, Rvalue, Statement, StatementKind, Terminator,
};
use crate::mir::walk::{Access, each_place, each_place_mut, terminator_places_mut};
use crate::types::ty::{BuiltinTy, Ty, TyKind, TyList};

use super::super::cx::Program;
use super::super::layout::{ExistentialKind, Shape};
use super::Origins;
use super::types::{in_registers, is_direct, place_type};

/// A function of at most this many statements is worth no call.
const SMALL: usize = 30;
/// A function that is given a closure may be this long: the closure is likely to disappear in it.
const WITH_CLOSURE: usize = 150;
/// Functions are inlined into each other at most this deep.
const DEPTH: usize = 20;
/// How many statements a function may grow by.
const BUDGET: usize = 4000;

/// One function that others are inlined into.
pub(super) struct Inliner<'p, 'a> {
    pub p: &'p dyn Program<'a>,
    pub mir: Mir,
    pub origins: Origins,
    root: Instance,
    /// What each block was inlined from: an index into `chains`, 0 for the function itself.
    chain_of: Vec<usize>,
    chains: Vec<(usize, Option<Instance>)>,
    budget: usize,
}

/// A call that is about to be replaced.
pub(super) struct Site {
    pub dest: Place,
    pub args: Vec<Argument>,
    /// Where control goes afterwards.
    pub normal: Block,
    /// Where errors go.
    pub error: Option<(Place, Block)>,
    pub src: Option<ExprId>,
}

/// What a callee's local becomes in the caller.
#[derive(Clone)]
enum Subst {
    Local(Local),
    Place(Place),
    /// The context of a closure, by what is captured.
    Context(Vec<Local>),
}

impl<'p, 'a> Inliner<'p, 'a> {
    pub fn new(p: &'p dyn Program<'a>, mir: Mir, root: Instance, origins: Origins) -> Self {
        let chain_of = vec![0; mir.blocks.len()];
        Inliner {
            p,
            mir,
            origins,
            root,
            chain_of,
            chains: vec![(0, None)],
            budget: BUDGET,
        }
    }

    /// Removes what cannot be reached. Blocks of different origin may have become one, so that origins are forgotten.
    pub fn tidy(&mut self) {
        self.mir.prune();
        self.chain_of.clear();
        self.chain_of.resize(self.mir.blocks.len(), 0);
    }

    /// Inlines what is worth it; whether anything was.
    pub fn calls(&mut self) -> bool {
        let mut definitions = Definitions::of(&self.mir);
        let mut work: Vec<Block> = self.mir.blocks.indices().rev().collect();
        let mut changed = false;
        while let Some(block) = work.pop() {
            let before = self.mir.blocks.len();
            let Some(site) = self.next_site(block, &definitions) else {
                continue;
            };
            let (callee, types, at) = site;
            let Some(mir) = self.p.specialized(Instance {
                id: callee,
                args: types,
            }) else {
                continue;
            };
            let site = match at {
                Some(at) => self.split(block, at),
                None => self.take_try(block),
            };
            let Some(site) = site else { continue };
            let instance = Instance {
                id: callee,
                args: types,
            };
            let locals = self.mir.locals.len();
            self.expand(block, instance, &mir, site, None);
            definitions.extend(&self.mir, locals, before);
            changed = true;
            for new in (before..self.mir.blocks.len()).rev() {
                work.push(Block::from_raw(new as u32));
            }
        }
        changed
    }

    /// The next call of a block that is worth inlining, and where it stands: a statement, or the terminator.
    fn next_site(
        &self,
        block: Block,
        definitions: &Definitions,
    ) -> Option<(FnId, TyList, Option<usize>)> {
        let data = &self.mir.blocks[block];
        if matches!(
            data.term,
            Some(Terminator::Trap(_) | Terminator::Unreachable)
        ) {
            return None;
        }
        for (at, statement) in data.stmts.iter().enumerate() {
            if let StatementKind::Call {
                callee: Callee::Static(id, types),
                args,
                ..
            } = &statement.kind
                && self.worth(block, *id, *types, args, definitions, false)
            {
                return Some((*id, *types, Some(at)));
            }
        }
        if let Some(Terminator::TryCall {
            callee: Callee::Static(id, types),
            args,
            ..
        }) = &data.term
            && self.worth(block, *id, *types, args, definitions, true)
        {
            return Some((*id, *types, None));
        }
        None
    }

    fn worth(
        &self,
        block: Block,
        id: FnId,
        types: TyList,
        args: &[Argument],
        definitions: &Definitions,
        catches: bool,
    ) -> bool {
        if !matches!(
            id.kind,
            FnKind::Body
                | FnKind::Allocate
                | FnKind::CaseConstructor
                | FnKind::PropertyGet
                | FnKind::PropertySet
        ) || !self.p.may_inline(id)
            || self.p.opened_argument(id, types).is_some()
        {
            return false;
        }
        let instance = Instance { id, args: types };
        if instance == self.root || self.is_inside(block, instance) {
            return false;
        }
        let Some(mir) = self.p.specialized(instance) else {
            return false;
        };
        let size = size(&mir);
        let given_closure = || {
            args.iter().any(
                |arg| matches!(arg, Argument::Value(operand) if definitions.is_function(operand)),
            )
        };
        let limit = if self.p.is_transparent(id) {
            usize::MAX
        } else if given_closure() {
            WITH_CLOSURE
        } else {
            SMALL
        };
        size <= limit
            && size <= self.budget
            && mir.params.len() == args.len()
            && (catches || !self.throws(&mir))
            && self.can_bind(&mir, args)
    }

    /// Whether errors can come out of a function.
    pub fn throws(&self, mir: &Mir) -> bool {
        mir.throws.is_some_and(|error| {
            !self
                .p
                .layout(error)
                .as_enum()
                .is_some_and(|e| e.cases.is_empty())
        })
    }

    /// Whether the parameters can take these arguments without a call.
    pub fn can_bind(&self, mir: &Mir, args: &[Argument]) -> bool {
        mir.params.iter().zip(args).all(|(&param, arg)| {
            let decl = &mir.locals[param];
            match (decl.kind, arg) {
                (
                    LocalKind::Inout | LocalKind::BorrowedAddress | LocalKind::Borrowed,
                    Argument::Address(_),
                ) => true,
                (LocalKind::Inout, Argument::Value(_)) => false,
                (
                    LocalKind::Borrowed | LocalKind::BorrowedAddress,
                    Argument::Value(Operand::Copy(_) | Operand::Move(_)),
                ) => self.p.layout(decl.ty).trivial,
                (_, Argument::Address(_)) => false,
                (_, Argument::Value(_)) => true,
            }
        })
    }

    /// Whether a block comes from this instance already, from too deep, or from a function that calls itself for larger and larger types.
    fn is_inside(&self, block: Block, instance: Instance) -> bool {
        let size = |args: TyList| args.iter().map(|ty| u64::from(ty.size())).sum::<u64>();
        let mut chain = self.chain_of[block.index()];
        let mut depth = 0;
        let mut smaller = 0;
        while let Some((parent, Some(found))) = self.chains.get(chain) {
            smaller += u32::from(found.id == instance.id && size(found.args) < size(instance.args));
            if *found == instance || depth >= DEPTH || smaller > 1 {
                return true;
            }
            (chain, depth) = (*parent, depth + 1);
        }
        false
    }

    /// Takes a call statement out of its block; what follows it becomes a block of its own.
    pub fn split(&mut self, block: Block, at: usize) -> Option<Site> {
        let rest = {
            let data = &mut self.mir.blocks[block];
            BlockData {
                stmts: data.stmts.split_off(at + 1),
                term: data.term.take(),
                term_src: data.term_src,
            }
        };
        let chain = self.chain_of[block.index()];
        let normal = self.new_block(rest, chain);
        let statement = self.mir.blocks[block].stmts.pop()?;
        let StatementKind::Call { dest, args, .. } = statement.kind else {
            return None;
        };
        Some(Site {
            dest,
            args,
            normal,
            error: None,
            src: statement.src,
        })
    }

    /// Takes a call that may throw from the end of its block.
    pub fn take_try(&mut self, block: Block) -> Option<Site> {
        let data = &mut self.mir.blocks[block];
        let src = data.term_src;
        match data.term.take()? {
            Terminator::TryCall {
                dest,
                error,
                args,
                normal,
                unwind,
                ..
            } => Some(Site {
                dest,
                args,
                normal,
                error: Some((error, unwind)),
                src,
            }),
            other => {
                data.term = Some(other);
                None
            }
        }
    }

    fn new_block(&mut self, data: BlockData, chain: usize) -> Block {
        self.chain_of.push(chain);
        self.mir.blocks.alloc(data)
    }

    /// A fresh local of the caller.
    pub fn local(&mut self, ty: Ty, kind: LocalKind) -> Local {
        self.mir.locals.alloc(LocalDecl {
            ty,
            kind,
            name: None,
        })
    }

    /// Appends the callee's blocks and makes `block` continue in them. `captured` says where a closure's captures are.
    pub fn expand(
        &mut self,
        block: Block,
        instance: Instance,
        callee: &Arc<Mir>,
        site: Site,
        captured: Option<Vec<Local>>,
    ) {
        self.budget = self.budget.saturating_sub(size(callee));
        self.chains
            .push((self.chain_of[block.index()], Some(instance)));
        let chain = self.chains.len() - 1;
        let mut substs: Vec<Subst> = Vec::with_capacity(callee.locals.len());
        for (_, decl) in callee.locals.iter() {
            let kind = match decl.kind {
                LocalKind::Borrowed | LocalKind::Inout | LocalKind::BorrowedAddress => {
                    LocalKind::Borrowed
                }
                LocalKind::Var | LocalKind::Owned | LocalKind::Result => LocalKind::Var,
            };
            let local = self.mir.locals.alloc(LocalDecl {
                ty: decl.ty,
                kind,
                name: decl.name,
            });
            substs.push(Subst::Local(local));
        }
        for (&param, arg) in callee.params.iter().zip(&site.args) {
            if let Some(place) = self.bind(block, callee, param, &substs[param.index()], arg, &site)
            {
                substs[param.index()] = Subst::Place(place);
            }
        }
        if let (Some(captured), Some(&context)) = (captured, callee.params.last()) {
            substs[context.index()] = Subst::Context(captured);
        }
        let result = callee.result;
        let in_place = site.dest.is_local()
            && self.mir.locals[site.dest.local].ty == callee.locals[result].ty
            && !mentions(&site.args, site.dest.local);
        if in_place {
            substs[result.index()] = Subst::Place(site.dest.clone());
        }
        let first = self.mir.blocks.len() as u32;
        for (_, data) in callee.blocks.iter() {
            let data = self.translated(callee, data, &substs, first, &site, in_place, instance);
            self.new_block(data, chain);
        }
        let data = &mut self.mir.blocks[block];
        data.term = Some(Terminator::Goto(Block::from_raw(first)));
        data.term_src = site.src;
    }

    fn push(&mut self, block: Block, kind: StatementKind, src: Option<ExprId>) {
        self.mir.blocks[block].stmts.push(Statement { kind, src });
    }

    /// Gives a parameter its argument: by assigning to its local, or by naming the place that stands for it.
    fn bind(
        &mut self,
        block: Block,
        callee: &Mir,
        param: Local,
        subst: &Subst,
        arg: &Argument,
        site: &Site,
    ) -> Option<Place> {
        let Subst::Local(local) = *subst else {
            return None;
        };
        let decl = &callee.locals[param];
        let by_address = matches!(decl.kind, LocalKind::Inout | LocalKind::BorrowedAddress);
        let place = match arg {
            Argument::Address(place) => place,
            Argument::Value(Operand::Borrow(place))
                if decl.kind == LocalKind::Borrowed || by_address =>
            {
                if decl.kind == LocalKind::Borrowed && in_registers(self.p, decl.ty) {
                    let value = Rvalue::Use(Operand::Borrow(place.clone()));
                    self.push(block, StatementKind::Assign(local.into(), value), site.src);
                    return None;
                }
                place
            }
            Argument::Value(operand) => {
                let value = Rvalue::Use(operand.clone());
                self.push(block, StatementKind::Assign(local.into(), value), site.src);
                return None;
            }
        };
        if is_direct(place) {
            return Some(place.clone());
        }
        let pointer = self.local(Ty::builtin(BuiltinTy::RawPointer), LocalKind::Var);
        let address = Rvalue::AddressOf(place.clone());
        self.push(
            block,
            StatementKind::Assign(pointer.into(), address),
            site.src,
        );
        Some(Place::from(pointer).then(Proj::Deref(decl.ty)))
    }

    #[allow(clippy::too_many_arguments, reason = "all of it describes one call")]
    fn translated(
        &mut self,
        callee: &Mir,
        data: &BlockData,
        substs: &[Subst],
        first: u32,
        site: &Site,
        in_place: bool,
        instance: Instance,
    ) -> BlockData {
        let mut data = data.clone();
        // Types are asked for before places are renamed.
        let thrown = match &data.term {
            Some(Terminator::Throw(operand)) => operand_type(self.p, callee, operand),
            _ => None,
        };
        let transparent = callee.transparent || self.p.is_transparent(instance.id);
        let origins = &mut self.origins;
        map_sources(&mut data, &mut |expr| match site.src {
            Some(src) if transparent => src,
            _ => origins.number(instance.id.def, expr),
        });
        for statement in &mut data.stmts {
            each_place_mut(&mut statement.kind, &mut |place, _| {
                substitute(place, substs)
            });
        }
        let Some(mut term) = data.term.take() else {
            return data;
        };
        terminator_places_mut(&mut term, &mut |place, _| substitute(place, substs));
        term.each_target_mut(&mut |block| *block = Block::from_raw(block.raw() + first));
        let src = data.term_src.or(site.src);
        let mut push = |kind| data.stmts.push(Statement { kind, src });
        data.term = Some(match term {
            Terminator::Return => {
                if let (Subst::Local(result), false) = (&substs[callee.result.index()], in_place) {
                    let value = Rvalue::Use(Operand::Move((*result).into()));
                    push(StatementKind::Assign(site.dest.clone(), value));
                }
                Terminator::Goto(site.normal)
            }
            Terminator::Throw(operand) => match &site.error {
                Some((place, unwind)) => {
                    let to = place_type(self.p, &self.mir, place);
                    let value = match (thrown, to) {
                        (Some(from), Some(to)) if from != to && is_error_box(self.p, to) => {
                            Rvalue::Erase {
                                value: operand,
                                from,
                                to,
                            }
                        }
                        _ => Rvalue::Use(operand),
                    };
                    push(StatementKind::Assign(place.clone(), value));
                    Terminator::Goto(*unwind)
                }
                None => Terminator::Unreachable,
            },
            other => other,
        });
        data
    }
}

/// Whether a type is `any Error`, or another existential that is one box.
fn is_error_box<'a>(p: &dyn Program<'a>, ty: Ty) -> bool {
    matches!(
        p.layout(ty).shape,
        Shape::Existential(ExistentialKind::Error, _)
    )
}

fn operand_type<'a>(p: &dyn Program<'a>, mir: &Mir, operand: &Operand) -> Option<Ty> {
    match operand {
        Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place) => {
            place_type(p, mir, place)
        }
        Operand::Const(_) => None,
    }
}

/// How much code a graph is.
pub(super) fn size(mir: &Mir) -> usize {
    let cold = |data: &BlockData| {
        matches!(
            data.term,
            Some(Terminator::Trap(_) | Terminator::Unreachable)
        )
    };
    mir.blocks
        .values()
        .filter(|data| !cold(data))
        .map(|data| data.stmts.len() + 1)
        .sum()
}

fn mentions(args: &[Argument], local: Local) -> bool {
    args.iter().any(|arg| match arg {
        Argument::Value(Operand::Copy(p) | Operand::Move(p) | Operand::Borrow(p))
        | Argument::Address(p) => p.local == local,
        Argument::Value(Operand::Const(_)) => false,
    })
}

fn substitute(place: &mut Place, substs: &[Subst]) {
    match &substs[place.local.index()] {
        Subst::Local(local) => place.local = *local,
        Subst::Place(to) => {
            let mut path = to.path.clone();
            path.extend(place.path.drain(..));
            *place = Place {
                local: to.local,
                path,
            };
        }
        Subst::Context(captured) => {
            if let Some(&Proj::Capture(index)) = place.path.first()
                && let Some(&local) = captured.get(index as usize)
            {
                place.local = local;
                place.path.remove(0);
            }
        }
    }
}

/// Replaces the sources of a block's statements, and of the constants that name one.
pub(super) fn map_sources(data: &mut BlockData, f: &mut dyn FnMut(ExprId) -> ExprId) {
    let constant = |operand: &mut Operand, f: &mut dyn FnMut(ExprId) -> ExprId| {
        if let Operand::Const(Const::Line(expr, _) | Const::Column(expr, _)) = operand {
            *expr = f(*expr);
        }
    };
    let arguments = |args: &mut [Argument], f: &mut dyn FnMut(ExprId) -> ExprId| {
        for arg in args {
            if let Argument::Value(operand) = arg {
                constant(operand, f);
            }
        }
    };
    for statement in &mut data.stmts {
        statement.src = statement.src.map(&mut *f);
        match &mut statement.kind {
            StatementKind::Assign(
                _,
                Rvalue::Use(operand)
                | Rvalue::Erase { value: operand, .. }
                | Rvalue::Upcast { value: operand, .. },
            ) => constant(operand, f),
            StatementKind::Assign(
                _,
                Rvalue::Aggregate(_, operands)
                | Rvalue::Case {
                    payload: operands, ..
                }
                | Rvalue::Closure {
                    captures: operands, ..
                },
            ) => operands.iter_mut().for_each(|o| constant(o, f)),
            StatementKind::Call { args, .. } => arguments(args, f),
            _ => {}
        }
    }
    data.term_src = data.term_src.map(&mut *f);
    match &mut data.term {
        Some(Terminator::TryCall { args, .. }) => arguments(args, f),
        Some(
            Terminator::If { cond: operand, .. }
            | Terminator::Switch { value: operand, .. }
            | Terminator::Throw(operand),
        ) => constant(operand, f),
        _ => {}
    }
}

/// What a local is, if it is given a value once.
#[derive(Clone, Debug)]
pub(super) enum Definition {
    None,
    /// A closure that is made here, or a function without context.
    Function,
    /// The same bits as another local.
    Alias(Local),
    /// The address of a place.
    Address(Place),
    Other,
    Many,
}

/// What is known of the locals of a graph.
pub(super) struct Definitions {
    of: Vec<Definition>,
}

impl Definitions {
    pub fn of(mir: &Mir) -> Definitions {
        let mut definitions = Definitions { of: Vec::new() };
        definitions.extend(mir, 0, 0);
        for &param in &mir.params {
            definitions.of[param.index()] = Definition::Many;
        }
        definitions
    }

    /// Adds what locals and blocks from these numbers on, and statements that give values to such locals, tell.
    fn extend(&mut self, mir: &Mir, local: usize, block: usize) {
        self.of.resize(mir.locals.len(), Definition::None);
        for (index, data) in mir.blocks.iter() {
            let new = index.index() >= block;
            let mut note = |place: &Place, access: Access, value: Option<&Rvalue>| {
                if new || place.local.index() >= local {
                    self.note(place, access, value);
                }
            };
            for statement in &data.stmts {
                let value = match &statement.kind {
                    StatementKind::Assign(_, value) => Some(value),
                    _ => None,
                };
                each_place(&statement.kind, &mut |place, access| {
                    note(place, access, value)
                });
            }
            if let Some(term) = &data.term {
                crate::mir::walk::terminator_places(term, &mut |place, access| {
                    note(place, access, None)
                });
            }
        }
    }

    fn note(&mut self, place: &Place, access: Access, value: Option<&Rvalue>) {
        let slot = &mut self.of[place.local.index()];
        match access {
            Access::Init if place.is_local() => {
                *slot = match (&*slot, value) {
                    (Definition::None, Some(value)) => match value {
                        Rvalue::Closure { .. } | Rvalue::Function { .. } => Definition::Function,
                        Rvalue::Use(Operand::Borrow(p) | Operand::Copy(p) | Operand::Move(p))
                            if p.is_local() =>
                        {
                            Definition::Alias(p.local)
                        }
                        Rvalue::AddressOf(p) if is_direct(p) => Definition::Address(p.clone()),
                        _ => Definition::Other,
                    },
                    (Definition::None, None) => Definition::Other,
                    _ => Definition::Many,
                };
            }
            Access::Init | Access::Inout | Access::Address if is_direct(place) => {
                *slot = Definition::Many;
            }
            _ => {}
        }
    }

    /// The local that a chain of copies starts from.
    pub fn origin(&self, mut local: Local) -> Local {
        for _ in 0..self.of.len() {
            match self.of.get(local.index()) {
                Some(Definition::Alias(next)) => local = *next,
                _ => break,
            }
        }
        local
    }

    pub fn get(&self, local: Local) -> &Definition {
        &self.of[local.index()]
    }

    /// Whether an operand is a function whose code is known.
    fn is_function(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place) => {
                place.is_local()
                    && matches!(self.get(self.origin(place.local)), Definition::Function)
            }
            Operand::Const(_) => false,
        }
    }
}

/// Whether a type is that of functions.
pub(super) fn is_function_type(ty: Ty) -> bool {
    matches!(ty.kind(), TyKind::Function(_))
}
