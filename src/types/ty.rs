//! Types as interned values: `Ty` is one pointer, equal types are one `Ty`.
//!
//! A generic parameter is an index into the flattened list of all parameters in scope, outermost first (a protocol's `Self` is index 0), so
//! that substitution is indexing. Types name declarations by `DefId` and hold no positions.

use crate::base::{Interned, Interner, Name};
use crate::items::ids::DefId;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A type; see [`TyKind`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ty(Interned<TyData>);

/// A list of types, interned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TyList(Interned<Box<[Ty]>>);

#[derive(PartialEq, Eq, Hash)]
struct TyData {
    kind: TyKind,
    flags: TyFlags,
    extent: Extent,
}

/// How large a type is when it is written out. Equal parts are shared in memory, so a type can be far larger than the work that made it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Extent {
    /// The number of its parts, itself included; `u32::MAX` stands for anything larger.
    size: u32,
    nesting: u32,
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TyKind {
    /// Something wrong that has been reported; compatible with everything.
    Error,
    /// A variable of the constraint solver; never leaves it.
    Infer(u32),
    /// A generic parameter, by its index in the flattened list.
    Param {
        index: u32,
        name: Name,
    },
    /// A struct, enum, class or actor with arguments for all generic parameters in scope (its parents' first).
    Nominal {
        def: DefId,
        args: TyList,
    },
    /// `any P & Q`, `Any` (no protocols), `AnyObject` (class bound only).
    Existential(Existential),
    Tuple(Box<[TupleElem]>),
    Function(FnTy),
    /// `T.Type`; of an existential: the existential metatype `any P.Type`.
    Metatype(Ty),
    /// `P.Protocol`, the type of `P.this`.
    ProtocolMetatype(Ty),
    /// `Base.Assoc` where the base is a type parameter, or an unreduced projection.
    Assoc {
        base: Ty,
        assoc: DefId,
    },
    /// The `some` result number `index` of a function or property, for these generic arguments.
    Opaque {
        def: DefId,
        index: u32,
        args: TyList,
    },
    /// `Self` inside a class: the dynamic type, at least the class type held here.
    DynamicSelf(Ty),
    Builtin(BuiltinTy),
    /// The type of an `&x` argument and of inout parameters inside the solver.
    Inout(Ty),
    /// A pack `repeat each T` as a parameter or tuple element.
    PackExpansion(Ty),
    /// The value of a value generic.
    Integer(i128),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Existential {
    /// Sorted by (module, name), without those implied by others.
    pub protocols: Box<[DefId]>,
    pub superclass: Option<Ty>,
    /// `AnyObject` stands in the composition, or a protocol in it is class bound.
    pub class_bound: bool,
    /// `any P<Int>`: associated types fixed, in the order of the protocols.
    pub bindings: Box<[(DefId, Ty)]>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TupleElem {
    pub label: Option<Name>,
    pub ty: Ty,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FnTy {
    pub params: Box<[FnParam]>,
    pub result: Ty,
    /// The error type: none for a function that does not throw, `any Error` for plain `throws`.
    pub throws: Option<Ty>,
    pub is_async: bool,
    /// False for a parameter's function type without `@escaping`.
    pub escaping: bool,
    pub repr: FnRepr,
}

/// What the values of a function type are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum FnRepr {
    /// A function of the language together with the context that it needs.
    Thick,
    /// `@convention(c)`: the address of a function that C could call as well. It has no context.
    C,
}

impl FnTy {
    /// Whether the values are functions of C.
    pub fn is_c(&self) -> bool {
        self.repr == FnRepr::C
    }
    /// The ordinary function type with the same parameters and result.
    pub fn thick(&self) -> FnTy {
        FnTy {
            repr: FnRepr::Thick,
            ..self.clone()
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FnParam {
    /// For a variadic parameter the element type.
    pub ty: Ty,
    pub mode: ParamMode,
    pub variadic: bool,
    pub autoclosure: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ParamMode {
    /// Passed at +0: the callee neither destroys nor keeps it without a copy.
    Borrow,
    /// Passed at +1: the callee destroys it or moves it on.
    Owned,
    Inout,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum BuiltinTy {
    Int1,
    Int8,
    Int16,
    Int32,
    Int64,
    Int128,
    Float32,
    Float64,
    RawPointer,
    NativeObject,
}

impl BuiltinTy {
    /// The name after `Builtin.`.
    pub fn name(self) -> &'static str {
        match self {
            BuiltinTy::Int1 => "Int1",
            BuiltinTy::Int8 => "Int8",
            BuiltinTy::Int16 => "Int16",
            BuiltinTy::Int32 => "Int32",
            BuiltinTy::Int64 => "Int64",
            BuiltinTy::Int128 => "Int128",
            BuiltinTy::Float32 => "Float32",
            BuiltinTy::Float64 => "Float64",
            BuiltinTy::RawPointer => "RawPointer",
            BuiltinTy::NativeObject => "NativeObject",
        }
    }
    /// Every builtin type.
    pub const ALL: [BuiltinTy; 10] = [
        BuiltinTy::Int1,
        BuiltinTy::Int8,
        BuiltinTy::Int16,
        BuiltinTy::Int32,
        BuiltinTy::Int64,
        BuiltinTy::Int128,
        BuiltinTy::Float32,
        BuiltinTy::Float64,
        BuiltinTy::RawPointer,
        BuiltinTy::NativeObject,
    ];
}

/// Facts about a type's parts, computed once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TyFlags(u8);

impl TyFlags {
    const INFER: u8 = 1;
    const PARAM: u8 = 2;
    const ERROR: u8 = 4;
    /// An associated type or opaque type that substitution may reduce.
    const PROJECTION: u8 = 8;
    const DYNAMIC_SELF: u8 = 16;
}

static TYPES: Interner<TyData> = Interner::new();
static LISTS: Interner<Box<[Ty]>> = Interner::new();

impl TyList {
    /// The interned list of these types.
    pub fn new(types: &[Ty]) -> TyList {
        TyList(LISTS.intern(types.into()))
    }
    pub fn empty() -> TyList {
        TyList::new(&[])
    }
    pub fn as_slice(self) -> &'static [Ty] {
        self.0.get()
    }
    pub fn len(self) -> usize {
        self.as_slice().len()
    }
    pub fn is_empty(self) -> bool {
        self.as_slice().is_empty()
    }
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Ty> + ExactSizeIterator {
        self.as_slice().iter().copied()
    }
    /// Replaces generic parameters by `args`, in every element.
    pub fn subst(self, args: &[Ty]) -> TyList {
        if self.iter().all(|t| !t.has_params()) {
            return self;
        }
        let types: SmallVec<[Ty; 8]> = self.iter().map(|t| t.subst(args)).collect();
        TyList::new(&types)
    }
    pub fn has_params(self) -> bool {
        self.iter().any(Ty::has_params)
    }
    pub fn has_infer(self) -> bool {
        self.iter().any(Ty::has_infer)
    }
}

impl Ty {
    /// The interned type of this kind.
    pub fn new(kind: TyKind) -> Ty {
        let (flags, extent) = summary_of(&kind);
        Ty(TYPES.intern(TyData {
            kind,
            flags,
            extent,
        }))
    }
    /// The number of parts of the type as it would be written, itself included; the largest number stands for any larger one.
    pub fn size(self) -> u32 {
        self.0.get().extent.size
    }
    /// How many types are around the innermost part of the type.
    pub fn nesting(self) -> u32 {
        self.0.get().extent.nesting
    }
    pub fn kind(self) -> &'static TyKind {
        &self.0.get().kind
    }
    fn flag(self, bit: u8) -> bool {
        self.0.get().flags.0 & bit != 0
    }
    pub fn has_infer(self) -> bool {
        self.flag(TyFlags::INFER)
    }
    pub fn has_params(self) -> bool {
        self.flag(TyFlags::PARAM)
    }
    pub fn has_error(self) -> bool {
        self.flag(TyFlags::ERROR)
    }
    pub fn has_projection(self) -> bool {
        self.flag(TyFlags::PROJECTION)
    }
    pub fn has_dynamic_self(self) -> bool {
        self.flag(TyFlags::DYNAMIC_SELF)
    }

    pub fn error() -> Ty {
        Ty::new(TyKind::Error)
    }
    pub fn param(index: u32, name: Name) -> Ty {
        Ty::new(TyKind::Param { index, name })
    }
    pub fn nominal(def: DefId, args: &[Ty]) -> Ty {
        Ty::new(TyKind::Nominal {
            def,
            args: TyList::new(args),
        })
    }
    pub fn builtin(b: BuiltinTy) -> Ty {
        Ty::new(TyKind::Builtin(b))
    }
    pub fn metatype(of: Ty) -> Ty {
        Ty::new(TyKind::Metatype(of))
    }
    pub fn tuple(elems: &[TupleElem]) -> Ty {
        Ty::new(TyKind::Tuple(elems.into()))
    }
    /// An unlabelled tuple; one type is itself.
    pub fn tuple_of(types: &[Ty]) -> Ty {
        if let [one] = types {
            return *one;
        }
        Ty::new(TyKind::Tuple(
            types
                .iter()
                .map(|&ty| TupleElem { label: None, ty })
                .collect(),
        ))
    }
    /// `()`
    pub fn unit() -> Ty {
        Ty::new(TyKind::Tuple(Box::new([])))
    }
    /// `Any`
    pub fn any() -> Ty {
        Ty::new(TyKind::Existential(Existential {
            protocols: Box::new([]),
            superclass: None,
            class_bound: false,
            bindings: Box::new([]),
        }))
    }
    /// `AnyObject`
    pub fn any_object() -> Ty {
        Ty::new(TyKind::Existential(Existential {
            protocols: Box::new([]),
            superclass: None,
            class_bound: true,
            bindings: Box::new([]),
        }))
    }
    pub fn function(f: FnTy) -> Ty {
        Ty::new(TyKind::Function(f))
    }
    pub fn is_unit(self) -> bool {
        matches!(self.kind(), TyKind::Tuple(e) if e.is_empty())
    }
    pub fn is_error(self) -> bool {
        matches!(self.kind(), TyKind::Error)
    }
    pub fn is_any(self) -> bool {
        matches!(self.kind(), TyKind::Existential(e) if e.protocols.is_empty() && e.superclass.is_none() && !e.class_bound)
    }
    /// Whether the type is plain `AnyObject`.
    pub fn is_any_object(self) -> bool {
        matches!(self.kind(), TyKind::Existential(e) if e.protocols.is_empty() && e.superclass.is_none() && e.class_bound)
    }
    /// The existential whose metatype this is (`any P` of `any P.Type`), unless it is `Any`.
    pub fn as_existential_metatype(self) -> Option<Ty> {
        match self.kind() {
            TyKind::Metatype(inner) if inner.is_existential() && !inner.is_any() => Some(*inner),
            _ => None,
        }
    }
    pub fn is_existential(self) -> bool {
        matches!(self.kind(), TyKind::Existential(_))
    }
    /// The declaration of a struct, enum or class type.
    pub fn nominal_def(self) -> Option<DefId> {
        match self.kind() {
            TyKind::Nominal { def, .. } => Some(*def),
            TyKind::DynamicSelf(t) => t.nominal_def(),
            _ => None,
        }
    }
    pub fn as_nominal(self) -> Option<(DefId, TyList)> {
        match self.kind() {
            TyKind::Nominal { def, args } => Some((*def, *args)),
            _ => None,
        }
    }
    pub fn as_function(self) -> Option<&'static FnTy> {
        match self.kind() {
            TyKind::Function(f) => Some(f),
            _ => None,
        }
    }
    /// Whether values of the type are functions of C.
    pub fn is_c_function(self) -> bool {
        self.as_function().is_some_and(FnTy::is_c)
    }
    pub fn as_tuple(self) -> Option<&'static [TupleElem]> {
        match self.kind() {
            TyKind::Tuple(e) => Some(e),
            _ => None,
        }
    }

    /// Replaces every generic parameter by `args[index]`; indices beyond the list stay. Projections are rebuilt, not reduced: see
    /// `types::generics::normalize`.
    pub fn subst(self, args: &[Ty]) -> Ty {
        if !self.has_params() {
            return self;
        }
        self.map(&mut |t| match t.kind() {
            TyKind::Param { index, .. } => Some(args.get(*index as usize).copied().unwrap_or(t)),
            _ if !t.has_params() => Some(t),
            _ => None,
        })
    }

    /// Rebuilds the type from its parts: `f` may replace a type as a whole, before its parts are visited.
    pub fn map(self, f: &mut dyn FnMut(Ty) -> Option<Ty>) -> Ty {
        if let Some(t) = f(self) {
            return t;
        }
        let list = |l: TyList, f: &mut dyn FnMut(Ty) -> Option<Ty>| {
            let types: SmallVec<[Ty; 8]> = l.iter().map(|t| t.map(f)).collect();
            TyList::new(&types)
        };
        match self.kind() {
            TyKind::Error
            | TyKind::Infer(_)
            | TyKind::Param { .. }
            | TyKind::Builtin(_)
            | TyKind::Integer(_) => self,
            TyKind::Nominal { args, .. } if args.is_empty() => self,
            TyKind::Nominal { def, args } => Ty::new(TyKind::Nominal {
                def: *def,
                args: list(*args, f),
            }),
            TyKind::Existential(e) if e.superclass.is_none() && e.bindings.is_empty() => self,
            TyKind::Existential(e) => Ty::new(TyKind::Existential(Existential {
                protocols: e.protocols.clone(),
                superclass: e.superclass.map(|t| t.map(f)),
                class_bound: e.class_bound,
                bindings: e.bindings.iter().map(|(d, t)| (*d, t.map(f))).collect(),
            })),
            TyKind::Tuple(elems) => Ty::new(TyKind::Tuple(
                elems
                    .iter()
                    .map(|e| TupleElem {
                        label: e.label,
                        ty: e.ty.map(f),
                    })
                    .collect(),
            )),
            TyKind::Function(fun) => Ty::new(TyKind::Function(FnTy {
                params: fun
                    .params
                    .iter()
                    .map(|p| FnParam {
                        ty: p.ty.map(f),
                        ..p.clone()
                    })
                    .collect(),
                result: fun.result.map(f),
                throws: fun.throws.map(|t| t.map(f)),
                ..*fun
            })),
            TyKind::Metatype(t) => Ty::new(TyKind::Metatype(t.map(f))),
            TyKind::ProtocolMetatype(t) => Ty::new(TyKind::ProtocolMetatype(t.map(f))),
            TyKind::Assoc { base, assoc } => Ty::new(TyKind::Assoc {
                base: base.map(f),
                assoc: *assoc,
            }),
            TyKind::Opaque { def, index, args } => Ty::new(TyKind::Opaque {
                def: *def,
                index: *index,
                args: list(*args, f),
            }),
            TyKind::DynamicSelf(t) => Ty::new(TyKind::DynamicSelf(t.map(f))),
            TyKind::Inout(t) => Ty::new(TyKind::Inout(t.map(f))),
            TyKind::PackExpansion(t) => Ty::new(TyKind::PackExpansion(t.map(f))),
        }
    }

    /// Visits the type and its parts, outermost first, until `f` returns true; answers whether it did.
    pub fn any_part(self, f: &mut dyn FnMut(Ty) -> bool) -> bool {
        let mut found = false;
        self.map(&mut |t| {
            found = found || f(t);
            if found { Some(t) } else { None }
        });
        found
    }
}

/// What is known of a type from its parts.
fn summary_of(kind: &TyKind) -> (TyFlags, Extent) {
    let mut bits = 0;
    let mut extent = Extent {
        size: 1,
        nesting: 0,
    };
    let mut add = |t: Ty| {
        let part = t.0.get();
        bits |= part.flags.0;
        extent.size = extent.size.saturating_add(part.extent.size);
        extent.nesting = extent.nesting.max(part.extent.nesting.saturating_add(1));
    };
    match kind {
        TyKind::Error => bits |= TyFlags::ERROR,
        TyKind::Infer(_) => bits |= TyFlags::INFER,
        TyKind::Param { .. } => bits |= TyFlags::PARAM,
        TyKind::Builtin(_) | TyKind::Integer(_) => {}
        TyKind::Nominal { args, .. } => args.iter().for_each(add),
        TyKind::Existential(e) => {
            e.superclass.into_iter().for_each(&mut add);
            e.bindings.iter().for_each(|(_, t)| add(*t));
        }
        TyKind::Tuple(elems) => elems.iter().for_each(|e| add(e.ty)),
        TyKind::Function(f) => {
            f.params.iter().for_each(|p| add(p.ty));
            add(f.result);
            f.throws.into_iter().for_each(add);
        }
        TyKind::Metatype(t)
        | TyKind::ProtocolMetatype(t)
        | TyKind::Inout(t)
        | TyKind::PackExpansion(t) => add(*t),
        TyKind::Assoc { base, .. } => {
            add(*base);
            bits |= TyFlags::PROJECTION;
        }
        TyKind::Opaque { args, .. } => {
            args.iter().for_each(add);
            bits |= TyFlags::PROJECTION;
        }
        TyKind::DynamicSelf(t) => {
            add(*t);
            bits |= TyFlags::DYNAMIC_SELF;
        }
    }
    (TyFlags(bits), extent)
}

impl std::fmt::Debug for Ty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kind().fmt(f)
    }
}
impl std::fmt::Debug for TyList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
