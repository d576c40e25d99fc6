//! Typed bodies: what the checker proves about a body, as an explicit tree that MIR is lowered from.
//!
//! Everything implicit has become explicit: overloads are chosen, generic arguments are known, conversions are nodes, default and variadic
//! arguments are laid out per parameter, `$0`, autoclosures, property wrappers, result builders and interpolation are desugared. Types may
//! mention the generic parameters in scope and projections of them. Nodes keep the HIR expression that they came from, for diagnostics and lines.

use crate::base::{Arena, Idx, Name};
use crate::items::hir::{ExprId, Magic, StmtId};
use crate::items::ids::{AccessorKind, DefId};
use crate::types::ty::{Ty, TyList};

pub type TExprId = Idx<TExpr>;
pub type TPatId = Idx<TPat>;
pub type TLocalId = Idx<TLocal>;

/// The typed form of one [`crate::items::hir::Body`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TypedBody {
    pub exprs: Arena<TExpr>,
    pub pats: Arena<TPat>,
    /// Locals and captures; the first entries equal the HIR body's locals by index, more follow for what desugaring made.
    pub locals: Arena<TLocal>,
    /// The function's parameters in order, without `this`.
    pub params: Vec<TLocalId>,
    /// `this`, where the body has one.
    pub this: Option<TLocalId>,
    /// The body's statements. Of an initial value or default argument: a single `Return` of the value, except the main file's statements.
    pub root: TBlock,
    /// What `return` gives; of an initial value its type.
    pub result: Ty0,
    /// Closures and local functions by their index.
    pub closures: Vec<Option<TClosure>>,
    /// The body had errors: no code may be generated from it.
    pub has_errors: bool,
}

/// A type that defaults to the error type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ty0(pub Ty);
impl Default for Ty0 {
    fn default() -> Self {
        Ty0(Ty::error())
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TLocal {
    pub name: Name,
    pub ty: Ty,
    pub kind: TLocalKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TLocalKind {
    Let,
    Var,
    Param,
    /// A `consuming`/`__owned` parameter.
    OwnedParam,
    InoutParam,
    /// Computed or observed local: see [`TStmt::LocalAccessors`].
    Accessed,
    Weak,
    Unowned,
    /// `lazy var` inside a body: storage is optional, the initial value runs at first use.
    Lazy,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TBlock {
    pub stmts: Vec<TStmt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TStmt {
    /// Evaluates and drops the value.
    Expr(TExprId),
    /// Declares the pattern's locals; without an initial value they are initialised later (definite initialisation has been proved).
    Let {
        pat: TPatId,
        init: Option<TExprId>,
        els: Option<TBlock>,
    },
    /// Declares a `lazy` local.
    LazyLet {
        local: TLocalId,
        init: TExprId,
    },
    /// A local function (closure number n of the body), which the local names.
    LocalFn {
        local: TLocalId,
        closure: u32,
    },
    /// `guard`; bindings of its conditions live on.
    Guard {
        conditions: Vec<TCondition>,
        els: TBlock,
        src: StmtId,
    },
    While {
        label: LabelId,
        conditions: Vec<TCondition>,
        body: TBlock,
    },
    RepeatWhile {
        label: LabelId,
        body: TBlock,
        cond: TExprId,
    },
    For(Box<TFor>),
    Return(Option<TExprId>),
    /// Leaves the labelled statement: a loop, `switch`, `if` or `do`.
    Break(LabelId),
    Continue(LabelId),
    /// To the next case's body.
    Fallthrough,
    /// The operand has the function's or enclosing `do`'s error type.
    Throw(TExprId),
    Defer(TBlock),
    /// `yield` of a coroutine accessor: a place for `_modify`, a value for `_read`.
    Yield(TExprId),
    DiscardThis,
    /// The value of the enclosing `if`/`switch`/`do` expression.
    Then(TExprId),
    /// Global variables of the main file, initialised in order: calls the binding's initial value and stores its parts.
    InitGlobal {
        binding: DefId,
    },
    /// Accessors of a local variable, as closures of the body; `storage` is what observers watch.
    LocalAccessors {
        local: TLocalId,
        storage: Option<TLocalId>,
        accessors: Vec<(AccessorKind, u32)>,
    },
}

/// Numbers the labelled statements of a body; every breakable statement has its own.
pub type LabelId = u32;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TFor {
    pub label: LabelId,
    pub pat: TPatId,
    /// Already a call of `makeIterator()`.
    pub iterator: TExprId,
    /// The iterator's variable.
    pub iterator_local: TLocalId,
    /// A call of `next()` on the variable, of optional type.
    pub next: TExprId,
    pub filter: Option<TExprId>,
    pub body: TBlock,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TCondition {
    Bool(TExprId),
    /// Matches and binds; `if let` has the optional pattern spelled out.
    Pattern {
        pat: TPatId,
        init: TExprId,
    },
    Known(bool),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TExpr {
    pub kind: TExprKind,
    pub ty: Ty,
    /// Where it comes from; desugared nodes carry their origin's.
    pub src: ExprId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TExprKind {
    Error,
    /// A constant of a type around one builtin integer.
    Int(i128),
    /// Bits of a double; the type is around a builtin float.
    Float(u64),
    Bool(bool),
    /// A `String` or `StaticString` constant.
    String(Name),
    /// A Unicode scalar constant (its value) for types around one.
    Scalar(u32),
    /// A `Character` constant.
    Character(Name),
    Magic(Magic),
    Unit,

    // Places: may be read, and where mutable assigned or passed inout.
    Local(TLocalId),
    /// A global or static variable, stored or computed, with the generic arguments of its type.
    Static {
        var: DefId,
        args: TyList,
    },
    /// A property of a value or object; `args` are the arguments of the type that declares it. With `via_super`, without dynamic dispatch.
    /// For a protocol's property `args[0]` is `Self`.
    Property {
        base: TExprId,
        var: DefId,
        args: TyList,
        via_super: bool,
    },
    Subscript {
        base: TExprId,
        subscript: DefId,
        args: TyList,
        indices: Vec<TArg>,
        via_super: bool,
    },
    /// A static subscript has a metatype as its base.
    TupleElem {
        base: TExprId,
        index: u32,
    },
    /// `x!` and implicit unwrapping; a place when the operand is.
    ForceUnwrap {
        base: TExprId,
        implicit: bool,
    },
    /// The value inside the optional `x` of `x?`: when there is none the enclosing [`TExprKind::Chain`] is nil.
    ChainLink(TExprId),
    /// The extent of an optional chain; the operand's type is the payload of this optional type (or equal to it, when it is flattened).
    Chain {
        expr: TExprId,
        flatten: bool,
    },
    /// `d[keyPath: k]`
    KeyPathAccess {
        base: TExprId,
        key_path: TExprId,
    },

    /// A call of a known declaration: a function, operator, method, initialiser or enum case, or a property's accessor called for its effect.
    Call(Box<TCall>),
    /// A call of a function value.
    CallValue {
        callee: TExprId,
        args: Vec<TArg>,
        throws: bool,
    },
    /// A declared function as a value. `this` is bound for `x.method`; methods as `T.method` have been expanded to closures.
    FunctionValue {
        func: DefId,
        args: TyList,
        this: Option<TExprId>,
        via_super: bool,
    },
    /// Closure number n of the body.
    Closure(u32),
    /// A metatype value of a type.
    Metatype(Ty),
    /// `type(of: x)`
    DynamicType(TExprId),

    Tuple(Vec<TExprId>),
    /// An array literal for a type that is built from a variadic: elements, and the initialiser `init(arrayLiteral:)` when it is not `Array` itself.
    Array {
        elems: Vec<TExprId>,
        init: Option<DeclUse>,
    },
    /// A dictionary literal: initialiser `init(dictionaryLiteral:)` of the type.
    Dictionary {
        elems: Vec<(TExprId, TExprId)>,
        init: DeclUse,
    },
    /// `T.none` of an optional type, from `nil`.
    NilOptional,

    Assign {
        lhs: TExprId,
        rhs: TExprId,
    },
    /// `_ = e`
    DiscardAssign(TExprId),
    Ternary {
        cond: TExprId,
        then: TExprId,
        els: TExprId,
    },
    If(Box<TIf>),
    Switch(Box<TSwitch>),
    Do(Box<TDo>),
    /// A sequence: statements of no value, then the value.
    Block {
        stmts: Vec<TStmt>,
        value: TExprId,
    },

    /// `try?` (an optional; flattened) or `try!`. Plain `try` leaves no node.
    TryOptional {
        expr: TExprId,
        flatten: bool,
    },
    TryForced(TExprId),
    Await(TExprId),
    /// `as?`, `as!`, `is` that the runtime decides. The node's type is the result (`T?`, `T`, `Bool`); `target` is `T`.
    Cast {
        kind: DynamicCast,
        expr: TExprId,
        target: Ty,
    },
    Convert {
        kind: Conversion,
        expr: TExprId,
    },
    /// An argument `&x` that becomes a pointer.
    InoutToPointer(TExprId),
    KeyPath {
        root: Ty,
        components: Vec<TKeyPathComponent>,
    },
    Consume(TExprId),
    CopyOf(TExprId),
    /// The value made for the optional parameters `newValue`/`oldValue`, or another value bound once and used in the body.
    LetIn {
        local: TLocalId,
        init: TExprId,
        body: TExprId,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeclUse {
    pub def: DefId,
    pub args: TyList,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TCall {
    /// A `Func`, `Init`, `Case`, or synthesised member. For a protocol's requirement `args[0]` is `Self`.
    pub func: DefId,
    pub args: TyList,
    /// The object or value of a method; for static methods and initialisers the metatype (when it is not simply the type's own).
    /// For `this.init(…)`/`super.init(…)` delegation it is `this`.
    pub this: Option<TExprId>,
    /// One for each parameter, in order.
    pub params: Vec<TArg>,
    /// Without dynamic dispatch: `super.f()`, or an initialiser's delegation.
    pub via_super: bool,
    /// `this.init(…)` or `super.init(…)`.
    pub delegates: bool,
    pub throws: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TArg {
    Value(TExprId),
    /// A place.
    Inout(TExprId),
    /// The callee's default value: the `DefaultArg` definition with the callee's generic arguments; made in the caller's context, after the
    /// explicit arguments. `#line` and the like have been turned into values.
    Default {
        def: DefId,
        args: TyList,
    },
    Variadic(Vec<TExprId>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DynamicCast {
    Conditional,
    Forced,
    Is,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conversion {
    /// `T` to `T?`
    ToOptional,
    /// `T?` to `U?`, by this conversion of the payload, whose operand is the local.
    OptionalToOptional { payload: TLocalId, convert: TExprId },
    /// A class to a superclass, or an object to `AnyObject` or a class-bound existential with the same protocols.
    Upcast,
    /// Into `any P`, `Any` or `any Error`.
    Erase,
    /// An existential to one with fewer protocols.
    Existential,
    /// Metatype of a subclass to that of a superclass, or to an existential metatype.
    Metatype,
    /// A function value to another function type: parameters and result convert each by these, over locals; needs a thunk.
    Function(Box<FunctionConversion>),
    /// Only `@escaping`, `throws` or `Sendable` differ: the same value.
    FunctionTrivial,
    /// A declared function, a local function or a closure as a function of C. None of them has a context; of closures that is known when
    /// their captures are.
    CFunction,
    /// Elementwise; each is a conversion of the local that holds the element.
    Tuple(Vec<(TLocalId, TExprId)>),
    /// `[Derived]` to `[Base]` and the like: elementwise with the function of one local.
    Collection { elem: TLocalId, convert: TExprId },
    /// `[K: V]` likewise, with the local holding `(key, value)`.
    Dictionary { pair: TLocalId, convert: TExprId },
    /// `Hashable` value to `AnyHashable`.
    AnyHashable,
    /// An array, string or optional pointer to a pointer parameter.
    ToPointer,
    /// `x as T` to the same type, or bits that are the same.
    Identity,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionConversion {
    /// New parameters.
    pub params: Vec<TLocalId>,
    /// The old function's arguments, over the new parameters.
    pub args: Vec<TExprId>,
    /// Holds the old result.
    pub result: TLocalId,
    /// The new result, over it.
    pub convert: TExprId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TIf {
    pub label: LabelId,
    pub conditions: Vec<TCondition>,
    pub then: TBlock,
    pub els: Option<TBlock>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TSwitch {
    pub label: LabelId,
    pub subject: TExprId,
    pub cases: Vec<TCase>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TCase {
    /// Tried in order. Names bound by several patterns of one case are the same locals. Empty for `default`.
    pub items: Vec<(TPatId, Option<TExprId>)>,
    pub is_default: bool,
    pub body: TBlock,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TDo {
    pub label: LabelId,
    pub body: TBlock,
    /// What `throw` inside gives to the clauses; none when there are none.
    pub error: Option<Ty>,
    /// The error's local, matched by the patterns of the clauses.
    pub error_local: Option<TLocalId>,
    pub catches: Vec<TCase>,
    /// Some clause takes every error; else the rest is thrown on.
    pub exhaustive: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TPat {
    pub kind: TPatKind,
    /// The type of the value matched.
    pub ty: Ty,
    pub src: Option<ExprId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TPatKind {
    Wild,
    Bind(TLocalId),
    /// A global variable that a top-level binding initialises.
    BindGlobal(DefId),
    Tuple(Vec<TPatId>),
    /// An enum case (optionals' `some`/`none` too) with its payload's elements; none where they do not matter.
    Case {
        case: DefId,
        payload: Option<Vec<TPatId>>,
    },
    /// True when the expression is, which reads the matched value from the local.
    Expr {
        value: TLocalId,
        test: TExprId,
    },
    /// `is T`; `as T` with the pattern for the cast value.
    Is(Ty),
    As(Ty, TPatId),
    /// `as`/typed pattern that always succeeds by this conversion of the local.
    Convert {
        value: TLocalId,
        convert: TExprId,
        pat: TPatId,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TClosure {
    /// Of a local function: its definition (for its name in symbols and `#function`).
    pub def: Option<DefId>,
    /// The function type.
    pub ty: Ty,
    pub params: Vec<TLocalId>,
    /// Explicit captures `[x = e]`, evaluated when the closure is made; implicit ones are found by MIR from the locals used.
    pub captures: Vec<(TLocalId, TExprId)>,
    pub body: TBlock,
    /// For local functions that are generic: how many type parameters they add.
    pub own_generics: u32,
    /// Whether the closure may outlive the call that it is passed to.
    pub escaping: bool,
    pub throws: Option<Ty>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TKeyPathComponent {
    Property {
        var: DefId,
        args: TyList,
        ty: Ty,
    },
    Subscript {
        def: DefId,
        args: TyList,
        indices: Vec<TArg>,
        ty: Ty,
    },
    TupleElem(u32, Ty),
    Force(Ty),
    ChainLink(Ty),
    Wrap(Ty),
}
