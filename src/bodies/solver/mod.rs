//! The constraint solver: what a statement's expression demands of its types, and how the demands are met.
//!
//! * [`table`]: type variables that can be unbound again.
//! * [`relate`]: conversions between types, taken apart until variables or facts remain.
//! * [`conforms`]: requirements of types.
//! * [`members`]: candidates for a name, and opening a declaration's type for one use.
//! * [`callee`]: what is called; [`calls`]: arguments to parameters.
//! * [`system`]: the constraints of one expression; [`trail`]: facts that can be taken back.
//! * [`choose`]: which decision is next, and which overload where what is known decides; with [`fit`] and [`quick`], which compare candidates
//!   with what is known.
//! * [`search`]: independent parts of a system, and trying candidates where nothing else decides.
//! * [`infer`]: what to bind a variable to; [`literal_types`]: the types of literals.
//! * [`rank`]: which of two declarations or solutions is better.
//! * [`static_bases`]: `.name` for a generic parameter.
//! * [`stuck`]: what to say when nothing can be decided.
//!
//! A system is solved in rounds. Constraints are simplified until all wait for variables; then the most certain open decision is made, and
//! so on. Decisions that known operand types settle are made for good, so that chains of operators take linear time; the others are
//! searched with an undo trail, one connected component of the system at a time, and scores decide. Steps are counted and bounded, never
//! timed.

pub mod callee;
pub mod calls;
pub mod choose;
pub mod conforms;
pub mod fit;
pub mod infer;
pub mod literal_types;
pub mod members;
pub mod quick;
pub mod rank;
pub mod relate;
pub mod search;
pub mod static_bases;
pub mod stuck;
pub mod system;
pub mod table;
pub mod trail;

use std::rc::Rc;

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::items::hir::{ExprId, LocalId};
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};

use self::members::CallParam;

pub use self::system::System;
pub use self::trail::Facts;

/// How two types must relate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rel {
    /// The same type.
    Equal,
    /// The first is a subtype: classes, optionals, existentials, functions, tuples.
    Convert,
    /// As an operand: not from a hashable type to `AnyHashable`, which would make everything comparable.
    Operand,
    /// As an argument: also `&x` to pointers, arrays to pointers, closures to autoclosure parameters.
    Argument,
}

impl Rel {
    /// How what an optional or a collection holds must relate, where the whole relates like this.
    fn inside(self) -> Rel {
        match self {
            Rel::Argument => Rel::Convert,
            rel => rel,
        }
    }
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
    /// A bound of an opaque type of this declaration, on the type of the value that is given for it.
    OpaqueBound(DefId),
    /// The parts of an expression must agree.
    Inner,
    /// The only expression of a closure's body is its value, unless nothing is expected of it or it never ends.
    ClosureValue,
    /// The value of a branch: one that never returns has no say in the type.
    Branch,
    /// One of the two values of `c ? x : y`.
    Alternative,
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
                | Why::ClosureValue
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
    /// From a scope outside of one that has the name too: meant only where no candidate from there takes the labels.
    pub fallback: bool,
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
            fallback: false,
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

/// Scores in order of weight; smaller is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Score {
    /// Mistakes that have been reported already, inside closures.
    pub errors: u32,
    pub disfavoured: u32,
    pub force: u32,
    pub user_conversion: u32,
    pub function_conversion: u32,
    pub literals: u32,
    pub collection: u32,
    pub to_optional: u32,
    pub to_any: u32,
    pub to_pointer: u32,
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
        /// The closure's type in its context.
        ty: Ty,
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

/// Steps that searching may take in one expression. What is decided without a search takes as long as the expression is,
/// which [`System::direct_budget`] makes sure of.
pub const BUDGET: u32 = 100_000;

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
            self.cs.count();
            if self.cs.searched > BUDGET || self.cs.steps > self.cs.direct_budget() {
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
                    if let Constraint::Relate { a, .. } = &constraint
                        && let Some(var) = self.table.as_var(*a)
                    {
                        self.table.add_upper(var, id);
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
