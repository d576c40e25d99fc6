//! MIR: control-flow graphs over typed places, with ownership explicit.
//!
//! One [`Mir`] is built per function, generic and unspecialised; the code generator substitutes types while it emits an instance.
//! Rules that every pass keeps:
//! * A local is uninitialised until assigned, and owned by the function (parameters: see [`LocalKind`]). Nothing is destroyed implicitly:
//!   every owned value is moved out once or destroyed once on each path.
//! * [`Operand::Copy`] makes a new owned value (retains), [`Operand::Move`] takes the place's value and leaves it uninitialised,
//!   [`Operand::Borrow`] reads without ownership for the duration of the statement.
//! * [`Statement::Assign`] initialises its destination: it never destroys an old value. Overwriting is `Destroy` or a swap through a temporary first.
//! * For trivial types (no references inside) copy, move and borrow are the same and `Destroy` is nothing.

use crate::base::{Arena, Idx, Name};
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyList};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub type Local = Idx<LocalDecl>;
pub type Block = Idx<BlockData>;

/// What a piece of code is: a declaration's own body, or something that the compiler makes beside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum FnKind {
    /// The body of a function, accessor, deinit or initialiser. A struct's or enum's initialiser returns the value; a class's initialises
    /// its first parameter (`this`, already allocated, owned) and returns it.
    Body,
    /// A class initialiser as callers see it: allocates an instance of the metatype that comes last, then runs the body.
    Allocate,
    /// Closure or local function number n of the body. Takes its context last.
    Closure(u32),
    /// Makes a parameter's default value; the definition is the `DefaultArg`.
    DefaultArg,
    /// A stored property's initial value; the definition is the `Binding`. Returns the whole pattern's value.
    InitialValue,
    /// Returns the address of a lazily initialised global or static variable; the definition is the `Var`.
    GlobalAddress,
    /// Destroys an instance's stored properties after its deinit bodies; the definition is the class.
    DestroyObject,
    /// An enum case's constructor as a function; the definition is the `Case`.
    CaseConstructor,
    /// A getter or setter made for a stored property: used in witness tables and vtables.
    PropertyGet,
    PropertySet,
    PropertyAddress,
    /// The program's entry: runs the main file's statements.
    Main,
    /// A function used as a value: takes the ordinary parameters and an ignored context.
    ValueThunk,
    /// `x.method` as a value: the context holds `x`.
    BoundMethodThunk,
    /// A key path's getter or setter function number n of the body.
    KeyPathGet(u32),
    KeyPathSet(u32),
    /// What a `_modify` accessor (the definition) does after its `yield`: takes the frame that its `Body` returned, and whether the access
    /// was left by an error. See `mir::coroutine`.
    EndAccess,
}

/// A function with its types still generic: what MIR is built for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FnId {
    pub def: DefId,
    pub kind: FnKind,
}

/// A function for concrete types: what code is generated for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Instance {
    pub id: FnId,
    pub args: TyList,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mir {
    pub id: FnId,
    pub locals: Arena<LocalDecl>,
    /// In order: the parameters, `this` last among them (as Swift passes it), then the context of a closure.
    pub params: Vec<Local>,
    /// Where the result is put before `Return`; uninitialised at entry.
    pub result: Local,
    /// The error type; a function that throws ends in `Return` or `Throw`.
    pub throws: Option<Ty>,
    pub blocks: Arena<BlockData>,
    /// For closures and local functions: what the context holds, in order.
    pub captures: Vec<CaptureDecl>,
    /// Inlined wherever it is called (`@_transparent`, `@inline(__always)`).
    pub transparent: bool,
    /// For graphs made of several functions: the definition and expression that each source stands for. Sources are indices into it;
    /// when it is empty, they are expressions of `id`.
    pub origins: Vec<(DefId, ExprId)>,
}

impl Mir {
    /// The block where execution starts.
    pub fn entry(&self) -> Block {
        Block::from_raw(0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LocalDecl {
    pub ty: Ty,
    pub kind: LocalKind,
    /// The source name, for debuggers and dumps.
    pub name: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum LocalKind {
    /// Owned by the function.
    Var,
    /// A parameter at +0: must not be moved out of or destroyed.
    Borrowed,
    /// A parameter at +1.
    Owned,
    /// A parameter holding the address of the caller's storage; the local's type is the value's type and places on it mean that storage.
    Inout,
    /// Like `Inout`, for reading only: a `this` passed indirectly.
    BorrowedAddress,
    /// The result.
    Result,
}

/// One captured variable of a closure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaptureDecl {
    pub name: Name,
    pub ty: Ty,
    pub mode: CaptureMode,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CaptureMode {
    /// The context owns a copy.
    Value,
    /// The context owns a reference to the variable's heap box.
    Box,
    /// The context holds the variable's address; the closure does not escape.
    Address,
    Weak,
    Unowned,
}

/// Storage: a local and a path into it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    pub local: Local,
    #[serde(with = "projections")]
    pub path: SmallVec<[Proj; 2]>,
}

/// Paths as sequences.
mod projections {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use smallvec::SmallVec;

    use super::Proj;

    pub fn serialize<S: Serializer>(
        path: &SmallVec<[Proj; 2]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_slice().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SmallVec<[Proj; 2]>, D::Error> {
        Vec::deserialize(deserializer).map(SmallVec::from_vec)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Proj {
    /// Stored property of a struct value.
    Field(DefId),
    /// Element of a tuple.
    Elem(u32),
    /// Payload of an enum case; a single unlabelled payload is itself, several form a tuple. Goes through the box of an indirect case.
    Payload(DefId),
    /// Stored property of the object that the reference here points to.
    ClassField(DefId),
    /// The value that the raw pointer (`Builtin.RawPointer`) here points to, as this type.
    Deref(Ty),
    /// The variable in the heap box (`Rvalue::AllocBox`) that the place refers to.
    BoxValue(Ty),
    /// Capture number n of the closure context that the place refers to.
    Capture(u32),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Operand {
    Copy(Place),
    Move(Place),
    Borrow(Place),
    Const(Const),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Const {
    /// An integer of a builtin type or of a struct around one (`Int`, `UInt8`, `Bool`, `Unicode.Scalar`…).
    Int(i128, Ty),
    /// Bits of a double, given as a builtin float or a struct around one.
    Float(u64, Ty),
    /// A `String` (an immortal object) or `StaticString`.
    Str(Name, Ty),
    /// The empty tuple.
    Unit,
    /// The metatype value of a type, as `T.Type`.
    Metatype(Ty),
    /// The metatype value of an existential type itself, as `P.Protocol`.
    ProtocolMetatype(Ty),
    /// The line of the expression, as an `Int`-like type; resolved when the image is written.
    Line(ExprId, Ty),
    /// The column likewise.
    Column(ExprId, Ty),
    /// A value of the type whose bytes are all zero; only for storage that the code fills in afterwards.
    Zero(Ty),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rvalue {
    Use(Operand),
    /// A tuple or struct from its stored properties in declaration order.
    Aggregate(Ty, Vec<Operand>),
    /// An enum case with its payload's elements.
    Case {
        ty: Ty,
        case: DefId,
        payload: Vec<Operand>,
    },
    /// The case number (declaration order) of an enum, as `Builtin.Int32`.
    Tag(Place),
    /// Whether the enum holds this case, as `Builtin.Int1`.
    IsCase(Place, DefId),
    /// A new object of the metatype operand (or exactly this class when none): header set, fields uninitialised.
    AllocObject {
        class: Ty,
        metatype: Option<Operand>,
    },
    /// A heap box for a captured variable, its value uninitialised.
    AllocBox(Ty),
    /// A closure: function and captured values; in `Address` mode the operand is `Rvalue::AddressOf`'s result.
    Closure {
        func: FnId,
        args: TyList,
        captures: Vec<Operand>,
        ty: Ty,
        on_stack: bool,
    },
    /// A function value without context.
    Function {
        callee: Callee,
        ty: Ty,
    },
    /// The address of a place as `Builtin.RawPointer`.
    AddressOf(Place),
    /// Wraps in an existential (`Any`, `any P`, `any Error`, `AnyObject`); moves or copies the operand in.
    Erase {
        value: Operand,
        from: Ty,
        to: Ty,
    },
    /// Moves between class types or to a class-bound existential's object without a check, reinterprets equal layouts.
    Upcast {
        value: Operand,
        to: Ty,
    },
    /// The dynamic type of a value, as a metatype.
    DynamicType(Place),
    /// Loads a strong reference from a `weak` place: `T?`.
    LoadWeak(Place),
    /// Loads a strong reference from an `unowned` place; traps when the object is gone.
    LoadUnowned(Place),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Statement {
    pub kind: StatementKind,
    /// For line tables and traps.
    pub src: Option<ExprId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StatementKind {
    Assign(Place, Rvalue),
    Destroy(Place),
    /// Initialises a weak or unowned place from a strong reference (`T?` or `T`), or assigns when it already holds one.
    StoreWeak {
        place: Place,
        value: Operand,
        init: bool,
    },
    StoreUnowned {
        place: Place,
        value: Operand,
        init: bool,
    },
    DestroyWeak(Place),
    DestroyUnowned(Place),
    /// Calls; a call that can throw is the terminator [`Terminator::TryCall`].
    Call {
        dest: Place,
        callee: Callee,
        args: Vec<Argument>,
    },
    /// `as?`/`is`/`as!` that needs the runtime: puts whether it worked (Builtin.Int1) in `ok` and, if so, the new value in `dest`. The
    /// source is borrowed.
    Cast {
        ok: Place,
        dest: Place,
        value: Place,
        from: Ty,
        to: Ty,
    },
    /// Gives up the reference by which a failed initialiser leaves the memory of its object, which it has disposed of, to the function
    /// that allocated it. The memory is freed unless somebody else keeps it.
    DeallocPartial(Place),
    /// Frees a box whose value has been destroyed or never initialised.
    DeallocBox(Place),
    /// The storage of a local is not used before this, or after its `StorageDead`; lets stack slots be shared.
    StorageLive(Local),
    StorageDead(Local),
    Nop,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Argument {
    /// A +0 parameter takes `Borrow` or a constant, a +1 parameter `Copy`, `Move` or a constant.
    Value(Operand),
    /// An inout parameter: the address of this place.
    Address(Place),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Callee {
    /// Exactly this function. A definition in module `Builtin` is emitted inline; one with `@_runtime("symbol")` is that C function.
    Static(FnId, TyList),
    /// The conforming type's implementation of a protocol requirement (a function, initialiser, or accessor definition); the first type
    /// argument is `Self`. With `Self` an existential, the call goes through the witness table in the value of `this`.
    Witness(DefId, TyList),
    /// A class method, accessor or allocating initialiser by the dynamic type of `this` (an object or a metatype), the last argument.
    Virtual(FnId, TyList),
    /// A function value.
    Value(Operand),
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BlockData {
    pub stmts: Vec<Statement>,
    /// None only while the block is being built.
    pub term: Option<Terminator>,
    pub term_src: Option<ExprId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Terminator {
    Goto(Block),
    /// On `Builtin.Int1`, or a `Bool`.
    If {
        cond: Operand,
        then: Block,
        els: Block,
    },
    /// On an integer of a builtin type.
    Switch {
        value: Operand,
        targets: Vec<(i128, Block)>,
        default: Block,
    },
    /// On success `dest` is initialised; on failure `error` is.
    TryCall {
        dest: Place,
        error: Place,
        callee: Callee,
        args: Vec<Argument>,
        normal: Block,
        unwind: Block,
    },
    Return,
    /// Leaves with the error in this operand (moved).
    Throw(Operand),
    /// `Fatal error: message` at the statement's line, then SIGILL.
    Trap(TrapKind),
    Unreachable,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TrapKind {
    /// "Unexpectedly found nil while unwrapping an Optional value"
    NilUnwrap,
    /// "Unexpectedly found nil while implicitly unwrapping an Optional value"
    ImplicitNilUnwrap,
    /// "Could not cast value of type 'A' (0x…) to 'B' (0x…)."; the runtime prints it: operands in the preceding `Cast`.
    FailedCast,
    /// `try!` met an error.
    TryForced,
    /// An uncaught error at top level.
    UncaughtError,
    /// A superclass's unimplemented initialiser, a `Never` function that returned, and the like.
    Message(Name),
}
