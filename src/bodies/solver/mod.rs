//! The constraint solver: what a statement's expression demands of its types, and how the demands are met.
//!
//! * [`table`]: type variables that can be unbound again.
//! * [`relate`]: conversions between types, taken apart until variables or facts remain.
//! * [`members`]: candidates for a name, and opening a declaration's type for one use.
//! * [`calls`]: arguments to parameters.
//! * [`choose`]: which overload, by domain narrowing first and by search where that does not decide.
//! * [`infer`]: what to bind a variable to.
//! * [`rank`]: which of two declarations or solutions is better.
//!
//! A system is solved in rounds. Constraints are simplified until all wait for variables; then the most certain open decision is made, and
//! so on. Decisions that known operand types settle are made for good, so that chains of operators take linear time; the others are
//! searched with an undo trail, and scores decide. Steps are counted and bounded, never timed.

pub mod calls;
pub mod choose;
pub mod infer;
pub mod members;
pub mod rank;
pub mod relate;
pub mod table;

use std::collections::VecDeque;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::base::{FxHashMap, Name};
use crate::bodies::check::Checker;
use crate::items::hir::{ExprId, LocalId};
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};

use self::calls::CallMatch;
use self::members::CallParam;
use self::table::{LiteralSet, Snapshot};

/// How two types must relate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rel {
    /// The same type.
    Equal,
    /// The first is a subtype: classes, optionals, existentials, functions, tuples.
    Convert,
    /// As an argument: also `&x` to pointers, arrays to pointers, closures to autoclosure parameters.
    Argument,
}

/// What a constraint is about, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Why {
    /// The expression itself must have the type, for the sake of this purpose.
    Context(Purpose),
    /// Argument number n of the call.
    Argument(u32),
    /// A requirement on generic parameters of what the expression names.
    Requirement,
    /// The parts of an expression must agree.
    Inner,
    /// The value of a branch: one that never returns has no say in the type.
    Branch,
    /// The elements of a loop's sequence convert to the type that is written for them.
    SequenceElement,
    /// The element of a collection literal.
    Element,
    /// The operand of `!` or `?` must be optional.
    Unwrap,
    /// A literal must be expressible by the type.
    Literal,
}

/// What a value is needed for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    Initial,
    Assign,
    Return,
    Condition,
    Coerce,
    Throw,
    Pattern,
    Other,
    ClosureResult,
    /// The one expression that a function consists of.
    ImplicitReturn,
    /// The end of a closure that is never reached: any result will do, `()` where nothing asks for one.
    NoReturn,
}

impl Why {
    /// Whether a value of type `Never` will do for any type: control does not come back from it.
    pub fn accepts_never(self) -> bool {
        matches!(
            self,
            Why::Branch
                | Why::Context(
                    Purpose::ClosureResult | Purpose::ImplicitReturn | Purpose::NoReturn
                )
        )
    }
}

/// The expression that a constraint comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Loc {
    pub expr: ExprId,
    pub why: Why,
}

/// One demand.
#[derive(Clone, Debug)]
pub enum Constraint {
    Relate {
        rel: Rel,
        a: Ty,
        b: Ty,
        loc: Loc,
    },
    Conforms {
        ty: Ty,
        protocol: DefId,
        /// An existential will do, because the call opens it: then the value inside conforms.
        opens: bool,
        loc: Loc,
    },
    Superclass {
        ty: Ty,
        class: Ty,
        loc: Loc,
    },
    ClassBound {
        ty: Ty,
        loc: Loc,
    },
    /// `result` is the type of the member of `base` that the expression `key` names.
    Member {
        key: ExprId,
        base: Ty,
        name: Name,
        how: Lookup,
        result: Ty,
    },
    /// `ty` is the type of one of the choices.
    Overload {
        key: ExprId,
        ty: Ty,
        choices: Rc<[Choice]>,
    },
    Apply(Rc<Apply>),
    /// `optional` is an optional of `object`.
    Unwrap {
        optional: Ty,
        object: Ty,
        loc: Loc,
    },
    /// `result` is the associated type of `base`.
    Assoc {
        base: Ty,
        assoc: DefId,
        result: Ty,
        loc: Loc,
    },
    /// A closure expression waits for its type.
    Closure {
        expr: ExprId,
        ty: Ty,
    },
    ArrayLiteral {
        expr: ExprId,
        ty: Ty,
        elem: Ty,
    },
    DictionaryLiteral {
        expr: ExprId,
        ty: Ty,
        key: Ty,
        value: Ty,
    },
    /// A key path expression: waits for its root.
    KeyPath {
        expr: ExprId,
        ty: Ty,
    },
    /// `root[keyPath: path]` is a `value`.
    PathAccess {
        path: Ty,
        root: Ty,
        value: Ty,
        loc: Loc,
    },
    /// The metatype of the dynamic type of a value.
    TypeOf {
        value: Ty,
        result: Ty,
    },
}

/// Where a member is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lookup {
    /// `base.name`
    Explicit,
    /// `.name`, with the contextual type as base.
    Implicit,
    /// An initialiser of the type that is called.
    Init,
    /// `base[…]`
    Subscript,
    /// `base(…)` of a value with `callAsFunction`.
    CallAsFunction,
    /// `super.name`
    Super,
}

/// A call.
#[derive(Debug)]
pub struct Apply {
    /// The call expression.
    pub call: ExprId,
    /// Where the choice of the callee is kept.
    pub key: ExprId,
    pub callee: Ty,
    pub args: Vec<ArgInfo>,
    pub trailing: u32,
    pub result: Ty,
    pub kind: ApplyKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplyKind {
    Call,
    Operator,
    Subscript,
    /// A call that a `@dynamicCallable` value answers: its one argument holds the written ones.
    Dynamic,
}

/// An argument as written.
#[derive(Clone, Debug)]
pub struct ArgInfo {
    pub label: Option<Name>,
    pub expr: ExprId,
    pub ty: Ty,
}

/// What a name can mean.
#[derive(Clone, PartialEq, Debug)]
pub struct Choice {
    pub target: Target,
    pub base: Base,
    /// The type of the value or the type that the member belongs to, as the declaring type sees it.
    pub self_ty: Option<Ty>,
    /// Arguments for the declaring type's parameters.
    pub outer: TyList,
    /// The requirements of the declaration's context must be checked for these arguments.
    pub constrained: bool,
    /// Take the value out of the implicitly unwrapped optional that the declaration is.
    pub force: bool,
    /// How it was found; for preferring what hides other candidates.
    pub rank: u8,
}

impl Choice {
    /// A choice that is no member.
    pub fn plain(target: Target) -> Choice {
        Choice {
            target,
            base: Base::None,
            self_ty: None,
            outer: TyList::empty(),
            constrained: false,
            force: false,
            rank: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Target {
    Local(LocalId),
    /// A local function, by the number that HIR gives it.
    LocalFn(u32),
    Decl(DefId),
    /// A type expression.
    Type(Ty),
    TupleElem(u32),
    Module(DefId),
    /// `type(of:)`
    TypeOf,
    /// `x.this` and other ways to write the value itself.
    Itself,
    /// `x[keyPath: k]`
    KeyPath,
    /// A `subscript(dynamicMember:)`, for a member that no declaration names.
    Dynamic(DefId),
}

/// What stands before the name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Base {
    None,
    /// A member of `this`, which is not written.
    ImplicitThis,
    /// A member of the value before the dot.
    Value,
    /// A static member, initialiser or case of the type before the dot, or of the type of the context.
    Type,
    /// A static member, by its simple name inside the type.
    ImplicitType,
    /// An instance method of a type before the dot: takes the instance first.
    Unbound,
    Super,
}

/// A choice, made.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub choice: Choice,
    /// All generic arguments, opened.
    pub args: SmallVec<[Ty; 4]>,
    /// The type of the reference, for an unbound method curried.
    pub ty: Ty,
    pub params: Option<Rc<[CallParam]>>,
}

/// What solving an expression found out, beside types.
#[derive(Clone, Default)]
pub struct Facts {
    pub choices: FxHashMap<ExprId, Rc<Resolved>>,
    pub calls: FxHashMap<ExprId, Rc<CallMatch>>,
    pub types: FxHashMap<ExprId, Ty>,
    pub closures: FxHashMap<ExprId, Rc<crate::bodies::closures::Opened>>,
    pub key_paths: FxHashMap<ExprId, Rc<crate::bodies::keypaths::Resolution>>,
    /// The types that casts are to.
    pub targets: FxHashMap<ExprId, Ty>,
    pub branchings: FxHashMap<ExprId, Rc<crate::bodies::branches::Branching>>,
}

/// Scores in order of weight; smaller is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Score {
    pub disfavoured: u32,
    pub force: u32,
    pub user_conversion: u32,
    pub function_conversion: u32,
    pub literals: u32,
    pub collection: u32,
    pub to_optional: u32,
    pub to_any: u32,
    pub to_pointer: u32,
    pub erase: u32,
}

/// Why a system has no solution.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: FailKind,
    pub loc: Loc,
}

#[derive(Clone, Debug)]
pub enum FailKind {
    /// `a` does not convert to `b`.
    Mismatch(Ty, Ty),
    NoConformance(Ty, DefId),
    NoSuperclass(Ty, Ty),
    NotClass(Ty),
    NoMember {
        base: Ty,
        name: Name,
    },
    /// A member of `T` through `T?`.
    MemberOfOptional {
        base: Ty,
        name: Name,
    },
    /// A static member through a value, or the other way round.
    StaticMember {
        base: Ty,
        name: Name,
        is_static: bool,
    },
    Inaccessible {
        name: Name,
        def: DefId,
    },
    NotOptional(Ty),
    NotCallable(Ty),
    Arguments(calls::ArgError),
    /// No overload of an operator takes these operands.
    Operator(Vec<Ty>),
    NoOverload,
    Ambiguous,
    NotInferred(Name, DefId),
    NeedsContext,
    /// A collection literal without a contextual type or elements.
    EmptyCollection,
    NilNeedsContext,
    ClosureArity {
        expected: usize,
        given: usize,
    },
    ClosureParameter,
    LiteralType(Ty),
    TooComplex,
    /// Something else that has been reported already.
    Reported,
}

/// What simplifying a constraint came to.
pub enum Step {
    Solved,
    /// Look again when one of these variables is bound.
    Waiting(SmallVec<[u32; 4]>),
    Failed(Box<Failure>),
}

/// How decisions are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Decide for good where types decide, search the rest.
    Direct,
    /// Search everything that literals and partial knowledge decide.
    Search,
    /// There is no solution: go on past failures to find the one to report.
    Diagnose,
}

/// The constraints of one expression.
pub struct System {
    pub constraints: Vec<Constraint>,
    done: Vec<bool>,
    done_trail: Vec<u32>,
    queue: VecDeque<u32>,
    queued: Vec<bool>,
    /// The call of which an expression is the callee.
    pub applies: FxHashMap<ExprId, u32>,
    pub score: Score,
    pub best: Option<Score>,
    pub mode: Mode,
    pub failure: Option<Failure>,
    /// Results of operators over nothing but literals, with the kinds of the whole tree.
    pub soft: FxHashMap<u32, LiteralSet>,
    /// The variables that this system made start here.
    pub first_var: usize,
    pub steps: u32,
    /// Implicit members' base types, by expression.
    pub depth: u32,
    /// Generic parameters that were opened: variable, name and declaration, for messages.
    pub opened: Vec<(u32, Name, DefId, ExprId)>,
}

/// A point of a system to return to.
pub struct Mark {
    table: Snapshot,
    constraints: usize,
    done: usize,
    score: Score,
    facts: Rc<Facts>,
    applies: usize,
    opened: usize,
}

/// A solution that a search found.
pub struct Solution {
    pub score: Score,
    pub bindings: Vec<Option<Ty>>,
    pub facts: Facts,
}

/// Steps that one expression may take.
pub const BUDGET: u32 = 60_000;

impl System {
    pub fn new(first_var: usize) -> System {
        System {
            constraints: Vec::new(),
            done: Vec::new(),
            done_trail: Vec::new(),
            queue: VecDeque::new(),
            queued: Vec::new(),
            applies: FxHashMap::default(),
            score: Score::default(),
            best: None,
            mode: Mode::Direct,
            failure: None,
            soft: FxHashMap::default(),
            first_var,
            steps: 0,
            depth: 0,
            opened: Vec::new(),
        }
    }

    pub fn add(&mut self, constraint: Constraint) -> u32 {
        let id = self.constraints.len() as u32;
        if let Constraint::Apply(apply) = &constraint {
            self.applies.insert(apply.key, id);
        }
        self.constraints.push(constraint);
        self.done.push(false);
        self.queued.push(true);
        self.queue.push_back(id);
        id
    }

    pub fn is_done(&self, id: u32) -> bool {
        self.done[id as usize]
    }

    pub fn finish(&mut self, id: u32) {
        if !self.done[id as usize] {
            self.done[id as usize] = true;
            self.done_trail.push(id);
        }
    }

    fn wake(&mut self, id: u32) {
        let i = id as usize;
        if i < self.done.len() && !self.done[i] && !self.queued[i] {
            self.queued[i] = true;
            self.queue.push_back(id);
        }
    }

    /// Wakes everything that is not done: a nested system may have bound variables.
    pub fn wake_all(&mut self) {
        for id in 0..self.constraints.len() as u32 {
            self.wake(id);
        }
    }

    /// The constraints that are not done.
    pub fn waiting(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.constraints.len() as u32).filter(|&id| !self.done[id as usize])
    }
}

impl<'db> Checker<'db> {
    pub fn add(&mut self, constraint: Constraint) -> u32 {
        self.cs.add(constraint)
    }

    pub fn require(&mut self, rel: Rel, a: Ty, b: Ty, expr: ExprId, why: Why) {
        self.cs.add(Constraint::Relate {
            rel,
            a,
            b,
            loc: Loc { expr, why },
        });
    }

    /// Binds a variable; fails when the type contains it.
    pub fn bind(&mut self, var: u32, ty: Ty) -> bool {
        let ty = self.table.shallow(ty);
        if self.table.as_var(ty) == Some(var) {
            return true;
        }
        if self.table.occurs(var, ty) {
            return false;
        }
        // A variable without demands gives way, which keeps the older names.
        self.table.bind(var, ty);
        true
    }

    fn mark(&self) -> Mark {
        Mark {
            table: self.table.snapshot(),
            constraints: self.cs.constraints.len(),
            done: self.cs.done_trail.len(),
            score: self.cs.score,
            facts: Rc::new(self.facts.clone()),
            applies: self.cs.applies.len(),
            opened: self.cs.opened.len(),
        }
    }

    fn back(&mut self, mark: &Mark) {
        self.table.rollback(mark.table);
        let cs = &mut self.cs;
        while cs.done_trail.len() > mark.done {
            if let Some(id) = cs.done_trail.pop() {
                cs.done[id as usize] = false;
            }
        }
        cs.constraints.truncate(mark.constraints);
        cs.done.truncate(mark.constraints);
        cs.queued.truncate(mark.constraints);
        cs.queued.fill(false);
        cs.queue.clear();
        if cs.applies.len() != mark.applies {
            let n = mark.constraints as u32;
            cs.applies.retain(|_, id| *id < n);
        }
        cs.opened.truncate(mark.opened);
        cs.score = mark.score;
        self.facts = (*mark.facts).clone();
    }

    /// Looks at queued constraints until none is left.
    pub fn simplify(&mut self) -> Result<(), Box<Failure>> {
        loop {
            while let Some(var) = self.table.fresh.pop() {
                let watchers: SmallVec<[u32; 8]> = self.table.watchers(var).into();
                for id in watchers {
                    self.cs.wake(id);
                }
            }
            let Some(id) = self.cs.queue.pop_front() else {
                return Ok(());
            };
            self.cs.queued[id as usize] = false;
            if self.cs.done[id as usize] {
                continue;
            }
            self.cs.steps += 1;
            if self.cs.steps > BUDGET {
                let loc = self.loc_of(id);
                return Err(Box::new(Failure {
                    kind: FailKind::TooComplex,
                    loc,
                }));
            }
            let constraint = self.cs.constraints[id as usize].clone();
            match self.step(&constraint) {
                Step::Solved => self.cs.finish(id),
                Step::Waiting(vars) => {
                    for var in vars {
                        self.table.watch(var, id);
                    }
                }
                Step::Failed(failure) => {
                    if self.cs.mode != Mode::Diagnose {
                        return Err(failure);
                    }
                    self.cs.finish(id);
                    self.recover(&constraint);
                    if self.cs.failure.is_none() {
                        self.cs.failure = Some(*failure);
                    }
                }
            }
        }
    }

    /// After a failure that is going to be reported, what the constraint should have settled is erroneous and agrees with everything.
    fn recover(&mut self, constraint: &Constraint) {
        let unknown = match constraint {
            Constraint::Member { result, .. } | Constraint::Assoc { result, .. } => Some(*result),
            Constraint::Overload { ty, .. } => Some(*ty),
            Constraint::Apply(apply) => Some(apply.result),
            Constraint::Unwrap { object, .. } => Some(*object),
            Constraint::Closure { ty, .. } => Some(*ty),
            Constraint::TypeOf { result, .. } => Some(*result),
            Constraint::PathAccess { value, .. } => Some(*value),
            _ => None,
        };
        if let Some(var) = unknown.and_then(|ty| self.table.as_var(ty)) {
            self.table.bind(var, Ty::error());
        }
    }

    fn loc_of(&self, id: u32) -> Loc {
        match &self.cs.constraints[id as usize] {
            Constraint::Relate { loc, .. }
            | Constraint::Conforms { loc, .. }
            | Constraint::Superclass { loc, .. }
            | Constraint::ClassBound { loc, .. }
            | Constraint::Unwrap { loc, .. }
            | Constraint::PathAccess { loc, .. }
            | Constraint::Assoc { loc, .. } => *loc,
            Constraint::Member { key, .. } | Constraint::Overload { key, .. } => Loc {
                expr: *key,
                why: Why::Inner,
            },
            Constraint::Apply(apply) => Loc {
                expr: apply.call,
                why: Why::Inner,
            },
            Constraint::Closure { expr, .. }
            | Constraint::ArrayLiteral { expr, .. }
            | Constraint::DictionaryLiteral { expr, .. }
            | Constraint::KeyPath { expr, .. } => Loc {
                expr: *expr,
                why: Why::Inner,
            },
            Constraint::TypeOf { .. } => Loc {
                expr: ExprId::from_raw(0),
                why: Why::Inner,
            },
        }
    }

    fn step(&mut self, constraint: &Constraint) -> Step {
        match constraint {
            Constraint::Relate { rel, a, b, loc } => self.relate(*rel, *a, *b, *loc),
            Constraint::Conforms {
                ty,
                protocol,
                opens,
                loc,
            } => {
                let known = self.table.shallow(*ty);
                if *opens && self.contains_conforming(known, *protocol) {
                    return Step::Solved;
                }
                self.step_conforms(*ty, *protocol, *loc)
            }
            Constraint::Superclass { ty, class, loc } => self.step_superclass(*ty, *class, *loc),
            Constraint::ClassBound { ty, loc } => self.step_class_bound(*ty, *loc),
            Constraint::Member {
                key,
                base,
                name,
                how,
                result,
            } => self.step_member(*key, *base, *name, *how, *result),
            Constraint::Overload { ty, choices, key } => {
                if let [one] = &**choices {
                    let one = one.clone();
                    return self.commit(*key, *ty, &one);
                }
                let mut vars = SmallVec::new();
                self.table.vars_in(*ty, &mut vars);
                Step::Waiting(vars)
            }
            Constraint::Apply(apply) => self.step_apply(apply),
            Constraint::Unwrap {
                optional,
                object,
                loc,
            } => self.step_unwrap(*optional, *object, *loc),
            Constraint::Assoc {
                base,
                assoc,
                result,
                loc,
            } => self.step_assoc(*base, *assoc, *result, *loc),
            Constraint::Closure { expr, ty } => self.step_closure(*expr, *ty),
            Constraint::ArrayLiteral { expr, ty, elem } => self.step_array(*expr, *ty, *elem),
            Constraint::DictionaryLiteral {
                expr,
                ty,
                key,
                value,
            } => self.step_dictionary(*expr, *ty, *key, *value),
            Constraint::KeyPath { expr, ty } => self.step_key_path(*expr, *ty, None, false),
            Constraint::PathAccess {
                path,
                root,
                value,
                loc,
            } => self.step_path_access(*path, *root, *value, *loc),
            Constraint::TypeOf { value, result } => {
                let value = self.table.shallow(*value);
                match self.table.as_var(value) {
                    Some(var) => wait(var),
                    None => {
                        let ty = self.metatype_of_value(value);
                        self.relate_sub(
                            Rel::Equal,
                            ty,
                            *result,
                            Loc {
                                expr: ExprId::from_raw(0),
                                why: Why::Inner,
                            },
                        )
                    }
                }
            }
        }
    }

    /// Solves the current system. On success the table and the facts hold the solution.
    pub fn solve(&mut self) -> Result<(), Box<Failure>> {
        let start = self.mark();
        let result = self.run();
        let Err(first) = result else {
            return Ok(());
        };
        if matches!(first.kind, FailKind::TooComplex) {
            return Err(first);
        }
        if self.cs.mode == Mode::Direct {
            // Decisions that were made for good may have been wrong in this context; search again without them.
            self.back(&start);
            self.cs.wake_all();
            self.cs.mode = Mode::Search;
            match self.run() {
                Ok(()) => {
                    self.cs.mode = Mode::Direct;
                    return Ok(());
                }
                Err(second) if matches!(second.kind, FailKind::TooComplex) => return Err(second),
                Err(second) if matches!(second.kind, FailKind::Ambiguous) => return Err(second),
                Err(_) => {}
            }
        }
        // There is no solution: find out what to say.
        self.back(&start);
        self.cs.wake_all();
        self.cs.mode = Mode::Diagnose;
        self.cs.failure = None;
        self.cs.best = None;
        let result = self.run();
        let failure = self.cs.failure.take();
        Err(match (failure, result) {
            (Some(failure), _) => Box::new(failure),
            (None, Err(failure)) => failure,
            (None, Ok(())) => first,
        })
    }

    /// One pass of simplification and decisions, to the end or to a failure.
    pub fn run(&mut self) -> Result<(), Box<Failure>> {
        loop {
            self.simplify()?;
            if let (Some(best), true) = (self.cs.best, self.cs.mode != Mode::Diagnose)
                && self.cs.score > best
            {
                return Err(Box::new(Failure {
                    kind: FailKind::NoOverload,
                    loc: self.any_loc(),
                }));
            }
            match self.decide()? {
                Decision::Progress => {}
                Decision::Done => return self.check_inferred(),
                Decision::Searched(result) => return result,
            }
        }
    }

    fn any_loc(&self) -> Loc {
        match self.cs.constraints.is_empty() {
            true => Loc {
                expr: ExprId::from_raw(0),
                why: Why::Inner,
            },
            false => self.loc_of(0),
        }
    }

    /// The state as a solution.
    fn solution(&self) -> Solution {
        Solution {
            score: self.cs.score,
            bindings: self.table.bindings(0),
            facts: self.facts.clone(),
        }
    }

    /// Makes a solution the state again.
    fn install(&mut self, solution: Solution) {
        while self.table.len() < solution.bindings.len() {
            self.table.fresh();
        }
        for (var, binding) in solution.bindings.iter().enumerate() {
            if let Some(ty) = binding {
                let var = var as u32;
                if self
                    .table
                    .as_var(Ty::new(crate::types::ty::TyKind::Infer(var)))
                    == Some(var)
                {
                    self.table.bind(var, *ty);
                }
            }
        }
        self.table.fresh.clear();
        self.facts = solution.facts;
        self.cs.score = solution.score;
        for id in 0..self.cs.constraints.len() as u32 {
            self.cs.finish(id);
        }
        self.cs.queue.clear();
    }
}

/// What [`Checker::decide`] came to.
pub enum Decision {
    Progress,
    /// Nothing is open.
    Done,
    /// A search ran the system to its end.
    Searched(Result<(), Box<Failure>>),
}

pub fn wait(var: u32) -> Step {
    let mut vars = SmallVec::new();
    vars.push(var);
    Step::Waiting(vars)
}

pub fn fail(kind: FailKind, loc: Loc) -> Step {
    Step::Failed(Box::new(Failure { kind, loc }))
}
