//! Bodies after parsing: desugared a little, operators folded by precedence, still unresolved and position-free.
//!
//! One [`Body`] holds a function's statements with its closures and local functions. Names are not resolved here.

use crate::base::{Arena, Idx, Name};
use crate::items::anchor::AnchoredDiagnostic;
use crate::items::ids::{AccessorKind, DefId};
use crate::items::tree::{Attr, FuncItem, ItemTree, ThrowsRef, TypeRef, TypeRefId};

pub type ExprId = Idx<Expr>;
pub type PatId = Idx<Pat>;
pub type StmtId = Idx<Stmt>;
pub type LocalId = Idx<Local>;

/// A body: of a function, accessor, initial value, default argument, or a file's top level.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Body {
    pub exprs: Arena<Expr>,
    pub pats: Arena<Pat>,
    pub stmts: Arena<Stmt>,
    pub locals: Arena<Local>,
    pub types: Arena<TypeRef>,
    /// The parameters' locals, in order (for accessors: the subscript's parameters, then `newValue`/`oldValue` if it has one).
    pub params: Vec<LocalId>,
    /// The statements; an initial value or default argument is one expression statement.
    pub root: Block,
    /// Types and other declarations that live inside this body.
    pub items: ItemTree,
    /// How many closures the body has; [`Closure::index`] counts them.
    pub closure_count: u32,
    /// What is wrong with the body before any name is known: unknown operators, chains that need parentheses.
    pub diagnostics: Vec<AnchoredDiagnostic>,
}

/// A variable inside a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    pub name: Name,
    pub kind: LocalKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LocalKind {
    Let,
    Var,
    /// A parameter of the function or of a closure or local function inside it.
    Param,
    InoutParam,
    /// A local variable with accessors or observers: see [`Stmt::LocalAccessors`].
    Accessed,
    /// Bound by a `guard` at the top level of the main file, where it is a global variable.
    Global(DefId),
    /// `weak var`, or captured `[weak x]`.
    Weak,
    Unowned,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    pub stmts: Vec<StmtId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arg {
    pub label: Option<Name>,
    pub expr: ExprId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    Missing,
    /// The magnitude; a leading minus that belongs to the literal has been folded in.
    Int(i128),
    /// An integer literal beyond 128 bits: its text.
    BigInt(Name),
    /// Bits of the nearest double, and the spelling for `Float`-exact rounding.
    Float(u64, Name),
    Bool(bool),
    Nil,
    String(Name),
    Interpolation(Vec<InterpolationSegment>),
    Regex(Name),
    Magic(Magic),
    /// An identifier, with argument labels (`f(a:b:)`) and generic arguments when written.
    Name {
        name: Name,
        labels: Option<Vec<Option<Name>>>,
        args: Vec<TypeRefId>,
    },
    /// `base.name`; no base for an implicit member `.name`. `init` and tuple indices are names too. `T.this`/`T.Type` are [`Expr::MetatypeOf`].
    Member {
        base: Option<ExprId>,
        name: Name,
        labels: Option<Vec<Option<Name>>>,
        args: Vec<TypeRefId>,
    },
    /// `x.this`: the metatype of a type expression, or the value itself.
    DotThis(ExprId),
    /// An operator used as a value.
    Operator(Name),
    /// `callee(args)`; the last `trailing` arguments are trailing closures, the first of which carries no label.
    Call {
        callee: ExprId,
        args: Vec<Arg>,
        trailing: u32,
    },
    Subscript {
        base: ExprId,
        args: Vec<Arg>,
    },
    Prefix {
        op: Name,
        operand: ExprId,
    },
    Postfix {
        op: Name,
        operand: ExprId,
    },
    Binary {
        op: Name,
        lhs: ExprId,
        rhs: ExprId,
    },
    Assign {
        lhs: ExprId,
        rhs: ExprId,
    },
    Ternary {
        cond: ExprId,
        then: ExprId,
        els: ExprId,
    },
    /// `e as T`, `as?`, `as!`, `is`.
    Cast {
        kind: CastKind,
        expr: ExprId,
        ty: TypeRefId,
    },
    /// Also `()`; a one-element parenthesis is [`Expr::Paren`].
    Tuple(Vec<Arg>),
    Paren(ExprId),
    Array(Vec<ExprId>),
    Dictionary(Vec<(ExprId, ExprId)>),
    Closure(Box<Closure>),
    /// `&x`
    Inout(ExprId),
    ForceUnwrap(ExprId),
    /// `x?` inside an optional chain.
    ChainLink(ExprId),
    /// The extent of an optional chain: its value is optional.
    Chain(ExprId),
    Try {
        kind: TryKind,
        expr: ExprId,
    },
    Await(ExprId),
    /// `this` as a value.
    This,
    Super,
    /// A type written where an expression may stand (only when the syntax can be nothing else: `[Int: String].this` is still an array or
    /// dictionary expression, which the checker reads as a type where it must).
    Type(TypeRefId),
    If(Box<IfExpr>),
    Switch(Box<SwitchExpr>),
    Do(Box<DoExpr>),
    KeyPath {
        root: Option<TypeRefId>,
        components: Vec<KeyPathComponent>,
    },
    /// `_` on the left of an assignment.
    Discard,
    Consume(ExprId),
    Copy(ExprId),
    /// `#name(args)`
    Macro {
        name: Name,
        args: Vec<Arg>,
    },
    PackExpansion(ExprId),
    PackElement(ExprId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InterpolationSegment {
    Literal(Name),
    /// `\(args)`: the arguments of `appendInterpolation`.
    Expr(Vec<Arg>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum Magic {
    File,
    FileId,
    FilePath,
    Line,
    Column,
    Function,
    DsoHandle,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CastKind {
    /// `as`
    Coerce,
    /// `as?`
    Conditional,
    /// `as!`
    Forced,
    Is,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TryKind {
    Try,
    /// `try?`
    Optional,
    /// `try!`
    Forced,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyPathComponent {
    Member {
        name: Name,
        labels: Option<Vec<Option<Name>>>,
    },
    Subscript(Vec<Arg>),
    Chain,
    Force,
    This,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closure {
    pub index: u32,
    pub captures: Vec<Capture>,
    /// None when the closure has no signature; then `$0`… are its parameters.
    pub params: Option<Vec<ClosureParam>>,
    /// Locals for `$0`, `$1`… up to the highest that the body uses, when `params` is none.
    pub anonymous: Vec<LocalId>,
    pub result: Option<TypeRefId>,
    pub throws: ThrowsRef,
    pub is_async: bool,
    pub attrs: Vec<Attr>,
    pub body: Block,
}

/// `[weak x = e]`; `x` alone means `x = x`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    pub local: LocalId,
    pub init: ExprId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosureParam {
    /// `(a: Int, b) in`; a tuple pattern is not possible here.
    pub local: LocalId,
    pub ty: Option<TypeRefId>,
    pub inout: bool,
    pub variadic: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IfExpr {
    pub label: Option<Name>,
    pub conditions: Vec<Condition>,
    pub then: Block,
    /// A block, or an `if` expression for `else if`.
    pub els: Option<ElseBranch>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ElseBranch {
    Block(Block),
    If(ExprId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    Expr(ExprId),
    /// `if let x = e`, `if let x`, `if var x: T = e`; the pattern matches the unwrapped value.
    OptionalBinding {
        pat: PatId,
        init: ExprId,
    },
    /// `if case pattern = e`
    Case {
        pat: PatId,
        init: ExprId,
    },
    /// `#available` and `#unavailable`, already decided.
    Available(bool),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwitchExpr {
    pub label: Option<Name>,
    pub subject: ExprId,
    pub cases: Vec<SwitchCase>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwitchCase {
    pub items: Vec<CaseItemPat>,
    /// `@unknown default` and `default` have no items.
    pub is_default: bool,
    pub unknown: bool,
    pub body: Block,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseItemPat {
    pub pat: PatId,
    pub guard: Option<ExprId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoExpr {
    pub label: Option<Name>,
    pub throws: ThrowsRef,
    pub body: Block,
    pub catches: Vec<CatchClause>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatchClause {
    /// Empty for a bare `catch`, which binds `error`.
    pub items: Vec<CaseItemPat>,
    /// The implicit `error` of a bare `catch`.
    pub implicit_error: Option<LocalId>,
    pub body: Block,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stmt {
    Missing,
    Expr(ExprId),
    /// `let`/`var` bindings, in order. `lazy` marks `lazy var`, `is_async` marks `async let`.
    Let {
        bindings: Vec<LocalBinding>,
        is_async: bool,
        is_lazy: bool,
    },
    LocalFn(Box<LocalFn>),
    /// A local variable with accessors. An observed one has a storage local, which the preceding `Let` binds.
    LocalAccessors {
        local: LocalId,
        storage: Option<LocalId>,
        ty: Option<TypeRefId>,
        accessors: Vec<(AccessorKind, LocalFn)>,
    },
    /// A global variable of the main file is initialised here; the binding is a body of its own.
    GlobalBinding(DefId),
    /// A type, typealias, import, operator… declared here; data is in [`Body::items`].
    Item(DefId),
    /// `guard conditions else { … }`
    Guard {
        conditions: Vec<Condition>,
        els: Block,
    },
    While {
        label: Option<Name>,
        conditions: Vec<Condition>,
        body: Block,
    },
    RepeatWhile {
        label: Option<Name>,
        body: Block,
        cond: ExprId,
    },
    For(Box<ForStmt>),
    Return(Option<ExprId>),
    Break(Option<Name>),
    Continue(Option<Name>),
    Fallthrough,
    Throw(ExprId),
    Defer(Block),
    Yield(Vec<ExprId>),
    /// `discard this`
    DiscardThis,
    /// `then e`
    Then(ExprId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalBinding {
    pub pat: PatId,
    pub init: Option<ExprId>,
}

/// A function declared inside a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalFn {
    pub def: DefId,
    /// The name as a local, so that uses resolve to it.
    pub name: Name,
    /// Counts with the closures of the body.
    pub index: u32,
    /// Signature; its types live in [`Body::types`], its `body` is none.
    pub func: FuncItem,
    pub attrs: Vec<Attr>,
    pub params: Vec<LocalId>,
    /// Default values, by parameter.
    pub defaults: Vec<Option<LocalDefault>>,
    pub body: Block,
}

/// The default value of a local function's parameter. It may use what the body around it declares, so it is a closure there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalDefault {
    pub def: DefId,
    /// Counts with the closures of the body.
    pub index: u32,
    pub value: ExprId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForStmt {
    pub label: Option<Name>,
    pub pat: PatId,
    /// `for case`
    pub is_case: bool,
    pub sequence: ExprId,
    pub filter: Option<ExprId>,
    pub try_kind: Option<TryKind>,
    pub is_await: bool,
    pub body: Block,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pat {
    Missing,
    Wild,
    /// Binds a new local.
    Bind(LocalId),
    Tuple(Vec<(Option<Name>, PatId)>),
    /// `pattern: Type`
    Typed(PatId, TypeRefId),
    /// An expression, compared with `~=`; a bare `.name` or `A.b` may turn out to be an enum case.
    Expr(ExprId),
    /// `.name(subpatterns)`, `A.name(subpatterns)`; base as an expression that names a type.
    Case {
        base: Option<ExprId>,
        name: Name,
        args: Option<Vec<(Option<Name>, PatId)>>,
    },
    /// `pattern?`
    Some(PatId),
    /// `is T`
    Is(TypeRefId),
    /// `pattern as T`
    As(PatId, TypeRefId),
}
