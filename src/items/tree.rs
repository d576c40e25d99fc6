//! The item tree: what a file declares, without bodies and without positions.

use crate::base::arena::{IndexWatch, deserialize_tree};
use crate::base::{Arena, Idx, Name};
use crate::items::ids::{AccessorKind, DefId};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A written type, kept in the arena of its item or body; source maps give each its range.
pub type TypeRefId = Idx<TypeRef>;

/// A type as written, before names are resolved.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TypeRef {
    /// Missing or malformed; an error has been reported.
    Error,
    /// `A.B<C>.D`: a dotted path of names with optional generic arguments.
    Path(Vec<PathSegment>),
    /// `base.Name`, where the base is not a path, as in `[Int].Element`.
    Member(TypeRefId, PathSegment),
    Optional(TypeRefId),
    /// `T!`
    ImplicitlyUnwrapped(TypeRefId),
    Array(TypeRefId),
    Dictionary(TypeRefId, TypeRefId),
    Tuple(Vec<(Option<Name>, TypeRefId)>),
    Function(FunctionTypeRef),
    /// `T.Type`
    Metatype(TypeRefId),
    /// `P.Protocol`
    ProtocolMetatype(TypeRefId),
    /// `some P`
    Some(TypeRefId),
    /// `any P`
    Any(TypeRefId),
    /// `A & B`
    Composition(Vec<TypeRefId>),
    /// `~Copyable`
    Suppressed(TypeRefId),
    /// `@convention(name)` before a type that is not written as a function's.
    MisplacedConvention(TypeRefId),
    /// `inout T`, `borrowing T`, … outside a parameter's own flags.
    Inout(TypeRefId),
    /// `repeat each T`
    PackExpansion(TypeRefId),
    /// `each T`
    PackElement(TypeRefId),
    /// `_`
    Placeholder,
    /// An integer as a value generic's argument.
    Integer(i128),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PathSegment {
    pub name: Name,
    pub args: Vec<TypeRefId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FunctionTypeRef {
    pub params: Vec<FunctionTypeParam>,
    pub result: TypeRefId,
    pub throws: ThrowsRef,
    pub is_async: bool,
    /// `@escaping` stands before the type.
    pub escaping: bool,
    pub autoclosure: bool,
    pub sendable: bool,
    /// The name in `@convention(name)`; empty where none was written in it.
    pub convention: Option<Name>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FunctionTypeParam {
    pub label: Option<Name>,
    pub ty: TypeRefId,
    pub ownership: Ownership,
    pub variadic: bool,
}

/// How a parameter is passed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Ownership {
    /// Borrowed, or what the kind of function says.
    #[default]
    Default,
    Inout,
    Borrowing,
    /// `consuming`, `__owned`
    Consuming,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ThrowsRef {
    #[default]
    No,
    /// `throws`
    Any,
    /// `throws(E)`
    Typed(TypeRefId),
    /// `rethrows`
    Rethrows,
}

/// Access levels, least visible first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Access {
    Private,
    Fileprivate,
    Internal,
    Package,
    Public,
    Open,
}

/// Modifiers as written.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Modifiers {
    /// The written access level.
    pub access: Option<Access>,
    /// The written `private(set)` level.
    pub set_access: Option<Access>,
    /// `static`
    pub is_static: bool,
    /// `class` before a member: static and overridable.
    pub is_class: bool,
    pub is_final: bool,
    pub is_override: bool,
    pub is_required: bool,
    pub is_convenience: bool,
    pub is_mutating: bool,
    pub is_nonmutating: bool,
    pub is_consuming: bool,
    pub is_lazy: bool,
    pub is_weak: bool,
    pub is_unowned: bool,
    /// `unowned(unsafe)`
    pub is_unowned_unsafe: bool,
    pub is_indirect: bool,
    pub is_prefix: bool,
    pub is_postfix: bool,
    pub is_infix: bool,
    pub is_dynamic: bool,
    pub is_optional: bool,
    pub is_nonisolated: bool,
    pub is_distributed: bool,
}

/// `@name(arguments)`; the arguments' tokens as text, without trivia.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Attr {
    pub name: Name,
    /// The text between the parentheses, if there are any.
    pub args: Option<Name>,
    /// The attribute as a type, for property wrappers, result builders and global actors.
    pub ty: Option<TypeRefId>,
}

/// One declaration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "UncheckedItem")]
pub struct Item {
    pub def: DefId,
    /// The base name: `move` for `move(from:to:)`, `init`, `subscript`, the operator, the type's name.
    pub name: Name,
    pub attrs: Vec<Attr>,
    pub mods: Modifiers,
    /// Holds every [`TypeRef`] of this item.
    pub types: Arena<TypeRef>,
    pub kind: ItemKind,
}

/// A declaration as it lies in a file, which may have been written by anybody.
#[derive(Deserialize)]
struct UncheckedItem {
    watch: IndexWatch,
    def: DefId,
    name: Name,
    attrs: Vec<Attr>,
    mods: Modifiers,
    #[serde(deserialize_with = "deserialize_tree")]
    types: Arena<TypeRef>,
    kind: ItemKind,
}

impl TryFrom<UncheckedItem> for Item {
    type Error = &'static str;

    fn try_from(item: UncheckedItem) -> Result<Item, Self::Error> {
        if item.watch.end() > item.types.len() as u64 {
            return Err("a type that the declaration does not have");
        }
        Ok(Item {
            def: item.def,
            name: item.name,
            attrs: item.attrs,
            mods: item.mods,
            types: item.types,
            kind: item.kind,
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ItemKind {
    Nominal(NominalItem),
    Extension(ExtensionItem),
    TypeAlias {
        generics: GenericsRef,
        target: TypeRefId,
    },
    AssociatedType {
        inherits: Vec<TypeRefId>,
        requirements: Vec<WhereRef>,
        default: Option<TypeRefId>,
    },
    Func(FuncItem),
    Var(VarItem),
    Subscript(SubscriptItem),
    Case(CaseItem),
    Operator(OperatorItem),
    PrecedenceGroup(PrecedenceGroupItem),
    Import(ImportItem),
    Macro(FuncItem),
    Deinit {
        body: Option<BodySyntax>,
    },
    Binding(BindingItem),
}

/// A struct, enum, class, actor or protocol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NominalItem {
    pub is_actor: bool,
    pub generics: GenericsRef,
    /// Superclass, protocols, raw type, in source order; `~Copyable` as [`TypeRef::Suppressed`].
    pub inherits: Vec<TypeRefId>,
    /// A protocol's primary associated types.
    pub primary_associated: Vec<Name>,
    /// In source order, accessors excluded (they hang off their variable).
    pub members: Vec<DefId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExtensionItem {
    pub extended: TypeRefId,
    pub inherits: Vec<TypeRefId>,
    pub requirements: Vec<WhereRef>,
    pub members: Vec<DefId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct GenericsRef {
    pub params: Vec<GenericParamRef>,
    pub requirements: Vec<WhereRef>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GenericParamRef {
    pub name: Name,
    /// `T: P`
    pub bound: Option<TypeRefId>,
    /// `each T`
    pub is_pack: bool,
    /// `let N: Int`
    pub is_value: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum WhereRef {
    /// `A: P & Q`
    Conforms(TypeRefId, TypeRefId),
    /// `A == B`
    Same(TypeRefId, TypeRefId),
}

/// The syntax of a body or initial value: a position-free green tree whose equality ignores white space and comments, so that the
/// item tree changes only when the meaning of some declaration may have.
#[derive(Clone)]
pub struct BodySyntax {
    /// None in an item tree that was read from disk: the text is parsed when somebody asks for the body.
    pub green: Option<rowan::GreenNode>,
    /// Hash of the tokens and tree shape without trivia.
    pub hash: u128,
}

impl PartialEq for BodySyntax {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}
impl Eq for BodySyntax {}

impl Serialize for BodySyntax {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.hash.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BodySyntax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hash = u128::deserialize(deserializer)?;
        Ok(BodySyntax { green: None, hash })
    }
}

impl std::fmt::Debug for BodySyntax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BodySyntax({:032x})", self.hash)
    }
}

/// A function, method, initialiser or operator function.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FuncItem {
    pub generics: GenericsRef,
    pub params: Vec<ParamItem>,
    /// None means `Void`.
    pub result: Option<TypeRefId>,
    pub throws: ThrowsRef,
    pub is_async: bool,
    /// `init?` / `init!`
    pub failable: Option<Failable>,
    pub body: Option<BodySyntax>,
}

impl FuncItem {
    /// No parameters, no result, no body.
    pub fn plain() -> FuncItem {
        FuncItem {
            generics: GenericsRef::default(),
            params: Vec::new(),
            result: None,
            throws: ThrowsRef::No,
            is_async: false,
            failable: None,
            body: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Failable {
    Optional,
    ImplicitlyUnwrapped,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParamItem {
    /// The argument label; none for `_`.
    pub label: Option<Name>,
    pub name: Name,
    pub ty: TypeRefId,
    pub ownership: Ownership,
    pub variadic: bool,
    pub autoclosure: bool,
    pub escaping: bool,
    pub default: Option<BodySyntax>,
    /// The parameter is a local function's and has a default value, which is part of the body around it.
    pub has_local_default: bool,
    pub attrs: Vec<Attr>,
}

/// One variable. `var (a, b) = f()` gives two, which share their binding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VarItem {
    /// `let`
    pub is_let: bool,
    /// The declared type, when this name is the whole pattern and has one.
    pub ty: Option<TypeRefId>,
    /// The binding that holds the initial value and pattern; none for computed properties and protocol requirements.
    pub binding: Option<DefId>,
    /// Where the name stands in the binding's pattern: indices of tuple elements, outermost first; empty for a plain name.
    pub path: Vec<u32>,
    pub accessors: Vec<AccessorItem>,
    /// `{ get set }` of a protocol's requirement.
    pub requirement_settable: bool,
    /// What a property wrapper makes of it.
    pub wrapper: Option<Box<WrapperItem>>,
}

/// The part that a variable plays in a declaration with property wrappers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WrapperItem {
    pub role: WrapperRole,
    /// The whole declaration, from which the bodies are made.
    pub syntax: BodySyntax,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WrapperRole {
    /// `x` itself: computed, through this many wrappers.
    Value { storage: DefId, count: u32 },
    /// `_x`, which holds the outermost wrapper.
    Storage {
        of: DefId,
        /// It can be made from a wrapped value alone.
        by_value: bool,
        /// The declaration gives the wrapped value.
        has_value: bool,
    },
    /// `$x`
    Projection { storage: DefId },
}

/// One `pattern = value` of a variable declaration outside of bodies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BindingItem {
    /// The variables that it initialises, in the order of the pattern.
    pub vars: Vec<DefId>,
    /// How many elements the pattern has, where it is a tuple.
    pub elements: Option<u32>,
    /// The annotation on the whole pattern.
    pub ty: Option<TypeRefId>,
    /// The initial value.
    pub init: Option<BodySyntax>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccessorItem {
    pub def: DefId,
    pub kind: AccessorKind,
    /// `set(newName)`
    pub param: Option<Name>,
    pub mods: Modifiers,
    pub throws: ThrowsRef,
    pub is_async: bool,
    pub body: Option<BodySyntax>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptItem {
    pub generics: GenericsRef,
    pub params: Vec<ParamItem>,
    pub result: TypeRefId,
    pub accessors: Vec<AccessorItem>,
    pub requirement_settable: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseItem {
    pub indirect: bool,
    /// None without a payload; parameters may have labels and default values.
    pub payload: Option<Vec<ParamItem>>,
    pub raw_value: Option<BodySyntax>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperatorItem {
    pub fixity: Fixity,
    pub group: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Fixity {
    Prefix,
    Infix,
    Postfix,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PrecedenceGroupItem {
    pub higher_than: Vec<Name>,
    pub lower_than: Vec<Name>,
    pub associativity: Associativity,
    pub assignment: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Associativity {
    #[default]
    None,
    Left,
    Right,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImportItem {
    /// `import struct A.B`: the kind's keyword.
    pub kind: Option<Name>,
    pub path: Vec<Name>,
}

/// What one file (or one body, for local declarations) declares.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ItemTree {
    /// Top-level declarations in source order.
    pub top_level: Vec<DefId>,
    pub items: FxHashMap<DefId, Arc<Item>>,
    /// The statements of a main file, as one body; none where there are none.
    pub top_level_code: Option<BodySyntax>,
}
