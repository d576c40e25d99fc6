//! Identities of declarations.
//!
//! A [`DefId`] is the path from a module to a declaration: parent, kind, name, and a counter for equals. It holds no position and no
//! declaration data, so it survives every edit that does not rename or move the declaration, and equal paths are one id.

use crate::base::Name;
use serde::{Deserialize, Serialize};

/// What a [`DefId`] names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum DefKind {
    /// A module; the name is the module's name and there is no parent. The index is 0 or what `-C metadata` tells modules of one name apart by.
    Module,
    /// A source file; the name is its path as spelled, the parent its module.
    File,
    Struct,
    Enum,
    /// A class or an actor.
    Class,
    Protocol,
    /// An extension; the name is the extended type's spelling.
    Extension,
    TypeAlias,
    AssociatedType,
    /// A generic parameter of the parent; `index` is its position in the parent's own list.
    GenericParam,
    /// A function or method; the name is the full name with labels, as `move(from:to:)` or `+`.
    Func,
    Init,
    Deinit,
    Subscript,
    /// A variable: global, static or instance property, or local with accessors.
    Var,
    /// One `var`/`let` binding's initial value: `index` counts the bindings of the parent.
    Binding,
    Case,
    Accessor(AccessorKind),
    /// The default value of the parent's parameter number `index`.
    DefaultArg,
    /// The statements at the top level of a file.
    TopLevel,
    Operator,
    PrecedenceGroup,
    Import,
    Macro,
    /// The function that makes a wrapped variable's storage, the parent, from a wrapped value.
    WrapperInit,
    /// A closure expression inside the parent's body; `index` counts them in source order.
    Closure,
    /// A member that the compiler makes: see [`Synth`].
    Synth(Synth),
}

/// The accessors of a variable or subscript.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum AccessorKind {
    Get,
    Set,
    WillSet,
    DidSet,
    /// `_read`, a coroutine that yields a borrow.
    Read,
    /// `_modify`, a coroutine that yields an address.
    Modify,
    /// `unsafeAddress`, returning an `UnsafePointer`.
    Address,
    /// `unsafeMutableAddress`, returning an `UnsafeMutablePointer`.
    MutableAddress,
    /// An init accessor.
    Init,
}

/// Members that no source text declares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Synth {
    /// A structure's memberwise initialiser; takes every initialisable stored property.
    MemberwiseInit,
    /// `init()` of a structure or class whose stored properties all have initial values.
    DefaultInit,
    /// A designated initialiser inherited from the superclass; `index` is its number among the superclass's.
    InheritedInit,
    /// Derived `static fn ==` of Equatable.
    Equals,
    /// Derived `fn hash(into:)` of Hashable.
    HashInto,
    /// Derived `var hashValue`.
    HashValue,
    /// Derived `static fn <` of an enum that declares Comparable.
    Less,
    /// Derived `static var allCases`.
    AllCases,
    /// Derived `init?(rawValue:)`.
    InitRawValue,
    /// Derived `var rawValue`.
    RawValue,
}

/// A declaration's identity, stable over edits elsewhere; see the module's page.
#[salsa::interned(unsafe(no_lifetime), revisions = usize::MAX, debug)]
pub struct DefId {
    /// The enclosing declaration; none for a module.
    #[returns(copy)]
    pub parent: Option<DefId>,
    /// What is declared.
    #[returns(copy)]
    pub kind: DefKind,
    /// The declared name; see [`DefKind`] for what each kind puts here.
    #[returns(copy)]
    pub name: Name,
    /// Tells apart declarations with equal parent, kind and name, in source order.
    #[returns(copy)]
    pub index: u32,
}
