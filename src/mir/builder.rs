//! The function builder: blocks, locals, and the stack of cleanup scopes.
//!
//! A scope records what must happen when control leaves it: owned values to destroy, `defer` blocks to run, formal accesses to write back.
//! Leaving by falling off the end, `break`, `return`, `throw` or a nil in an optional chain all emit the same cleanups, innermost first, in
//! the reverse of the order in which they were recorded. A value that is moved out has its cleanup forgotten.
//!
//! Code after a terminator is not built at all: [`Builder::dead`] says that the current point cannot be reached.

use super::captures::Captures;
use super::copyability::Copyability;
use super::data::*;
use super::facts::Facts;
use super::place::Writeback;
use super::{FlowKind, MirError};
use crate::base::{Arena, FxHashMap, FxHashSet, Name};
use crate::bodies::thir::{LabelId, TBlock, TExprId, TLocalId, TypedBody};
use crate::items::hir::ExprId;
use crate::items::ids::{AccessorKind, DefId};
use crate::types::ty::{BuiltinTy, Ty, TyList};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;

/// What leaving a scope does.
#[derive(Clone)]
pub(super) enum Cleanup<'a> {
    Destroy(Place),
    DestroyWeak(Place),
    DestroyUnowned(Place),
    Defer(&'a TBlock),
    Writeback(Rc<Writeback>),
}

#[derive(Clone, Default)]
pub(super) struct Scope<'a> {
    pub cleanups: Vec<Cleanup<'a>>,
}

/// Where a source variable lives in the function being built.
#[derive(Clone)]
pub(super) enum Slot<'a> {
    /// Storage that holds the value itself.
    Place(Place),
    Weak(Place),
    Unowned(Place),
    /// A local function: its value is made where it is used.
    LocalFn(u32),
    /// `lazy` local: optional storage and the initial value.
    Lazy(Place, TExprId),
    /// A local with accessors, which are closures of the body.
    Accessed {
        storage: Option<TLocalId>,
        accessors: &'a [(AccessorKind, u32)],
    },
    /// `this` of a static member that takes no metatype: a constant.
    Metatype(Ty),
}

/// A point that code may jump to, with the scopes that stay open there.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub block: Block,
    pub depth: usize,
}

/// Where thrown errors go.
#[derive(Clone)]
pub(super) struct Catch {
    pub target: Target,
    /// Where the handler finds the error.
    pub error: Place,
}

#[derive(Clone, Copy)]
pub(super) struct LabelTargets {
    pub on_break: Target,
    pub on_continue: Option<Target>,
}

/// How the function being built makes its result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// A structure's or enum's initialiser: `return` gives `this`.
    ValueInit {
        failable: bool,
    },
    /// A class's designated initialiser working on an allocated object.
    Designated {
        failable: bool,
    },
    /// A convenience initialiser: `this` comes from the initialiser that it delegates to.
    Convenience {
        failable: bool,
    },
}

/// A variable whose initialisation state is found by data flow: see `elaborate`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tracked {
    pub local: Local,
    pub kind: TrackedKind,
    pub name: Name,
    /// Assigned at most once.
    pub immutable: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum TrackedKind {
    /// The local as a whole.
    Whole,
    /// The local as a whole, which has an initial value that `consume` takes out. A value that `moves` cannot be copied: whoever takes it
    /// ends the variable.
    Consumable { source: TLocalId, moves: bool },
    /// The local in parts that are taken one by one; `source` is the variable, if there is one.
    Parts {
        source: Option<TLocalId>,
        parts: Vec<Part>,
    },
    /// A borrowed parameter whose value cannot be copied and so must not be taken.
    Borrowed(TLocalId),
    /// The value in the heap box that the local refers to.
    Boxed(Ty),
    /// `this` of an initialiser of a structure: each stored property on its own.
    Fields(Vec<FieldState>),
    /// `this` of a designated initialiser: the class's own stored properties, and `super.init`.
    Object {
        fields: Vec<FieldState>,
        has_super: bool,
    },
}

/// A part of a variable that gives up its value on its own.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Part {
    pub path: SmallVec<[Proj; 2]>,
    pub storage: Storage,
    /// An enum as a whole, as long as nothing of its payload has been taken; the parts of payloads follow it.
    pub rest: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct FieldState {
    pub var: DefId,
    pub name: Name,
    pub immutable: bool,
    /// `weak` and `unowned` properties are destroyed in their own ways.
    pub storage: Storage,
}

/// How a variable holds its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Storage {
    Strong,
    Weak,
    Unowned,
}

/// What [`Builder`] leaves to the passes behind it.
pub(super) struct Finished<'a> {
    pub mir: Mir,
    pub errors: Vec<MirError>,
    pub tracked: Vec<Tracked>,
    pub copyability: Copyability<'a>,
}

/// Builds one [`Mir`].
pub(super) struct Builder<'a> {
    pub facts: Facts<'a>,
    pub copyability: Copyability<'a>,
    pub body: &'a TypedBody,
    /// The definition that the body belongs to: closures are numbered below it.
    pub owner: DefId,
    pub caps: Arc<Captures>,
    /// The closure being built, if it is one.
    pub closure: Option<u32>,
    pub mir: Mir,
    pub cur: Block,
    pub dead: bool,
    preds: Vec<u32>,
    pub scopes: Vec<Scope<'a>>,
    /// Whether the cleanups that are being emitted follow from an error.
    pub unwinding: bool,
    pub slots: FxHashMap<TLocalId, Slot<'a>>,
    pub labels: FxHashMap<LabelId, LabelTargets>,
    pub catches: Vec<Catch>,
    pub chains: Vec<Target>,
    pub fallthroughs: Vec<Option<Target>>,
    pub then_dests: Vec<Place>,
    pub role: Role,
    /// `this` of an initialiser.
    pub this_place: Option<Place>,
    pub tracked: Vec<Tracked>,
    pub src: Option<ExprId>,
    pub errors: Vec<MirError>,
    /// The property whose observer or own initialiser is being built: accesses through `this` are direct.
    pub direct: Option<DefId>,
    /// Names that several patterns of one case bind, while its alternatives are built.
    pub shared_binds: FxHashSet<TLocalId>,
}

impl<'a> Builder<'a> {
    pub fn new(
        facts: Facts<'a>,
        body: &'a TypedBody,
        owner: DefId,
        caps: Arc<Captures>,
        id: FnId,
        result: Ty,
    ) -> Self {
        let mut locals = Arena::new();
        let result = locals.alloc(LocalDecl {
            ty: result,
            kind: LocalKind::Result,
            name: None,
        });
        let mut blocks = Arena::new();
        let entry = blocks.alloc(BlockData::default());
        Builder {
            facts,
            copyability: Copyability::of(facts, owner),
            body,
            owner,
            caps,
            closure: None,
            mir: Mir {
                id,
                locals,
                params: Vec::new(),
                result,
                throws: None,
                blocks,
                captures: Vec::new(),
                transparent: false,
                origins: Vec::new(),
            },
            cur: entry,
            dead: false,
            preds: vec![1],
            scopes: vec![Scope::default()],
            unwinding: false,
            slots: FxHashMap::default(),
            labels: FxHashMap::default(),
            catches: Vec::new(),
            chains: Vec::new(),
            fallthroughs: Vec::new(),
            then_dests: Vec::new(),
            role: Role::Plain,
            this_place: None,
            tracked: Vec::new(),
            src: None,
            errors: Vec::new(),
            direct: None,
            shared_binds: FxHashSet::default(),
        }
    }

    // Locals.

    pub fn local(&mut self, ty: Ty, kind: LocalKind, name: Option<Name>) -> Local {
        self.mir.locals.alloc(LocalDecl { ty, kind, name })
    }
    /// A nameless local of the function.
    pub fn temp(&mut self, ty: Ty) -> Local {
        self.local(ty, LocalKind::Var, None)
    }
    pub fn param(&mut self, ty: Ty, kind: LocalKind, name: Option<Name>) -> Local {
        let local = self.local(ty, kind, name);
        self.mir.params.push(local);
        local
    }
    pub fn result_place(&self) -> Place {
        Place::from(self.mir.result)
    }
    pub fn local_ty(&self, local: Local) -> Ty {
        self.mir.locals[local].ty
    }

    // Blocks.

    pub fn block(&mut self) -> Block {
        self.preds.push(0);
        self.mir.blocks.alloc(BlockData::default())
    }
    /// Continues in `block`; when nothing jumps there, what follows is dead.
    pub fn switch_to(&mut self, block: Block) {
        self.cur = block;
        self.dead = self.preds[block.index()] == 0;
    }
    pub fn stmt(&mut self, kind: StatementKind) {
        if !self.dead {
            let src = self.src;
            self.mir.blocks[self.cur]
                .stmts
                .push(Statement { kind, src });
        }
    }
    pub fn assign(&mut self, place: impl Into<Place>, value: Rvalue) {
        self.stmt(StatementKind::Assign(place.into(), value));
    }
    /// Ends the current block.
    pub fn terminate(&mut self, term: Terminator) {
        if self.dead {
            return;
        }
        let preds = &mut self.preds;
        term.each_target(&mut |b: Block| preds[b.index()] += 1);
        let data = &mut self.mir.blocks[self.cur];
        data.term = Some(term);
        data.term_src = self.src;
        self.dead = true;
    }
    pub fn goto(&mut self, block: Block) {
        self.terminate(Terminator::Goto(block));
    }
    pub fn branch(&mut self, cond: Operand, then: Block, els: Block) {
        self.terminate(Terminator::If { cond, then, els });
    }
    pub fn unreachable(&mut self) {
        self.terminate(Terminator::Unreachable);
    }
    pub fn trap(&mut self, kind: TrapKind) {
        self.terminate(Terminator::Trap(kind));
    }
    pub fn trap_message(&mut self, text: &str) {
        self.trap(TrapKind::Message(Name::new(text)));
    }

    // Scopes.

    pub fn push_scope(&mut self) {
        self.scopes.push(Scope::default());
    }
    /// Leaves the innermost scope by falling through: emits its cleanups.
    pub fn pop_scope(&mut self) {
        self.drain_scope();
        self.scopes.pop();
    }
    fn drain_scope(&mut self) {
        while let Some(cleanup) = self.scopes.last_mut().and_then(|s| s.cleanups.pop()) {
            if !self.dead {
                self.emit_cleanup(cleanup);
            }
        }
    }
    pub fn add_cleanup(&mut self, cleanup: Cleanup<'a>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.cleanups.push(cleanup);
        }
    }
    /// Registers an initialised local for destruction when the current scope is left.
    pub fn own(&mut self, local: Local) {
        if !self.facts.trivial(self.local_ty(local)) {
            self.add_cleanup(Cleanup::Destroy(Place::from(local)));
        }
    }
    /// The value of `local` has been moved out: it is not destroyed any more from here on.
    pub fn forget(&mut self, local: Local) {
        for scope in self.scopes.iter_mut().rev() {
            let found = scope.cleanups.iter().rposition(
                |c| matches!(c, Cleanup::Destroy(p) if p.local == local && p.path.is_empty()),
            );
            if let Some(at) = found {
                scope.cleanups.remove(at);
                return;
            }
        }
    }
    fn emit_cleanup(&mut self, cleanup: Cleanup<'a>) {
        match cleanup {
            Cleanup::Destroy(place) => self.stmt(StatementKind::Destroy(place)),
            Cleanup::DestroyWeak(place) => self.stmt(StatementKind::DestroyWeak(place)),
            Cleanup::DestroyUnowned(place) => self.stmt(StatementKind::DestroyUnowned(place)),
            Cleanup::Defer(block) => {
                // Accesses that begin and end in it have nothing to do with the error.
                let unwinding = std::mem::replace(&mut self.unwinding, false);
                self.lower_block(block);
                self.unwinding = unwinding;
            }
            Cleanup::Writeback(writeback) => self.write_back(&writeback),
        }
    }
    /// Emits the cleanups of every scope above `depth` and leaves the scopes as they are, for code that goes on elsewhere.
    pub fn emit_cleanups_to(&mut self, depth: usize) {
        if self.dead {
            return;
        }
        let saved: Vec<Scope<'a>> = self.scopes[depth.min(self.scopes.len())..].to_vec();
        while self.scopes.len() > depth {
            self.drain_scope();
            self.scopes.pop();
        }
        self.scopes.extend(saved);
    }
    /// Leaves all scopes above the target's and jumps there.
    pub fn jump(&mut self, target: Target) {
        self.emit_cleanups_to(target.depth);
        self.goto(target.block);
    }
    pub fn depth(&self) -> usize {
        self.scopes.len()
    }
    /// A new block as a target with the scopes that are open now.
    pub fn target(&mut self) -> Target {
        Target {
            block: self.block(),
            depth: self.depth(),
        }
    }

    // Errors.

    /// Something that MIR cannot express yet: reported with the expression, never a panic.
    pub fn unsupported(&mut self, what: &str) {
        let src = self.src;
        self.errors.push(MirError {
            kind: FlowKind::Unsupported(Name::new(what)),
            src,
        });
        self.trap_message(what);
    }

    // Small helpers.

    pub fn int1(&self) -> Ty {
        Ty::builtin(BuiltinTy::Int1)
    }
    pub fn raw_pointer(&self) -> Ty {
        Ty::builtin(BuiltinTy::RawPointer)
    }
    pub fn native_object(&self) -> Ty {
        Ty::builtin(BuiltinTy::NativeObject)
    }
    pub fn is_optional(&self, ty: Ty) -> bool {
        self.facts.optional_payload(ty).is_some()
    }
    /// Initialises `dest` with `.some(value)`.
    pub fn make_some(&mut self, dest: &Place, ty: Ty, value: Operand) {
        let case = self.facts.some_case();
        self.assign(
            dest.clone(),
            Rvalue::Case {
                ty,
                case,
                payload: vec![value],
            },
        );
    }
    pub fn make_none(&mut self, dest: &Place, ty: Ty) {
        let case = self.facts.none_case();
        self.assign(
            dest.clone(),
            Rvalue::Case {
                ty,
                case,
                payload: Vec::new(),
            },
        );
    }
    /// The address of a global or static variable as a place.
    pub fn global_place(&mut self, var: DefId, args: TyList, ty: Ty) -> Place {
        let raw = self.raw_pointer();
        let address = self.temp(raw);
        let id = FnId {
            def: var,
            kind: FnKind::GlobalAddress,
        };
        self.stmt(StatementKind::Call {
            dest: address.into(),
            callee: Callee::Static(id, args),
            args: Vec::new(),
        });
        Place::from(address).then(Proj::Deref(ty))
    }

    /// The finished function: blocks that cannot be reached are dropped and the rest numbered anew.
    pub fn finish(mut self) -> Finished<'a> {
        self.mir.prune();
        Finished {
            mir: self.mir,
            errors: self.errors,
            tracked: self.tracked,
            copyability: self.copyability,
        }
    }
}

impl From<Local> for Place {
    fn from(local: Local) -> Place {
        Place {
            local,
            path: SmallVec::new(),
        }
    }
}

impl Place {
    /// This place and one step further.
    pub fn then(&self, proj: Proj) -> Place {
        let mut place = self.clone();
        place.path.push(proj);
        place
    }
    /// Whether the place is a whole local.
    pub fn is_local(&self) -> bool {
        self.path.is_empty()
    }
}

impl Terminator {
    /// Visits the blocks that may come next.
    pub fn each_target(&self, f: &mut dyn FnMut(Block)) {
        match self {
            Terminator::Goto(b) => f(*b),
            Terminator::If { then, els, .. } => {
                f(*then);
                f(*els);
            }
            Terminator::Switch {
                targets, default, ..
            } => {
                targets.iter().for_each(|(_, b)| f(*b));
                f(*default);
            }
            Terminator::TryCall { normal, unwind, .. } => {
                f(*normal);
                f(*unwind);
            }
            Terminator::Return
            | Terminator::Throw(_)
            | Terminator::Trap(_)
            | Terminator::Unreachable => {}
        }
    }
    /// Visits the blocks that may come next, to be changed.
    pub fn each_target_mut(&mut self, f: &mut dyn FnMut(&mut Block)) {
        match self {
            Terminator::Goto(b) => f(b),
            Terminator::If { then, els, .. } => {
                f(then);
                f(els);
            }
            Terminator::Switch {
                targets, default, ..
            } => {
                targets.iter_mut().for_each(|(_, b)| f(b));
                f(default);
            }
            Terminator::TryCall { normal, unwind, .. } => {
                f(normal);
                f(unwind);
            }
            Terminator::Return
            | Terminator::Throw(_)
            | Terminator::Trap(_)
            | Terminator::Unreachable => {}
        }
    }
}

impl Mir {
    /// Jumps past blocks that only jump on.
    fn thread_jumps(&mut self) {
        let count = self.blocks.len();
        let next: Vec<Option<Block>> = self
            .blocks
            .values()
            .map(|data| match data.term {
                Some(Terminator::Goto(b)) if data.stmts.is_empty() => Some(b),
                _ => None,
            })
            .collect();
        let mut last: Vec<Option<Block>> = vec![None; count];
        let mut path = Vec::new();
        for mut block in self.blocks.indices() {
            // A block on the path is its own end until the path's end is known, which also ends cycles.
            while last[block.index()].is_none() {
                path.push(block);
                last[block.index()] = Some(block);
                block = next[block.index()].unwrap_or(block);
            }
            let end = last[block.index()];
            for passed in path.drain(..) {
                last[passed.index()] = end;
            }
        }
        for (_, data) in self.blocks.iter_mut() {
            if let Some(term) = &mut data.term {
                term.each_target_mut(&mut |b| *b = last[b.index()].unwrap_or(*b));
            }
        }
    }

    /// Merges blocks that only continue another one, drops blocks that nothing reaches, and numbers the rest in depth-first order.
    pub fn prune(&mut self) {
        self.thread_jumps();
        let count = self.blocks.len();
        let mut preds = vec![0u32; count];
        let mut seen = vec![false; count];
        let mut order = Vec::new();
        let mut stack = vec![Block::from_raw(0)];
        seen[0] = true;
        preds[0] = 1;
        while let Some(block) = stack.pop() {
            order.push(block);
            let mut next = SmallVec::<[Block; 4]>::new();
            match &self.blocks[block].term {
                Some(term) => term.each_target(&mut |b| next.push(b)),
                None => self.blocks[block].term = Some(Terminator::Unreachable),
            }
            for b in next.into_iter().rev() {
                preds[b.index()] += 1;
                if !seen[b.index()] {
                    seen[b.index()] = true;
                    stack.push(b);
                }
            }
        }
        let mut new: Arena<BlockData> = Arena::new();
        let mut map: Vec<Option<Block>> = vec![None; count];
        let mut absorbed = vec![false; count];
        for &block in &order {
            if absorbed[block.index()] {
                continue;
            }
            let mut data = std::mem::take(&mut self.blocks[block]);
            while let Some(Terminator::Goto(next)) = data.term {
                if preds[next.index()] != 1
                    || next == block
                    || next.raw() == 0
                    || map[next.index()].is_some()
                {
                    break;
                }
                let more = std::mem::take(&mut self.blocks[next]);
                absorbed[next.index()] = true;
                data.stmts.extend(more.stmts);
                data.term = more.term;
                data.term_src = more.term_src;
            }
            map[block.index()] = Some(new.alloc(data));
        }
        for (_, data) in new.iter_mut() {
            if let Some(term) = &mut data.term {
                term.each_target_mut(&mut |b| {
                    if let Some(to) = map[b.index()] {
                        *b = to;
                    }
                });
            }
        }
        self.blocks = new;
    }
}
