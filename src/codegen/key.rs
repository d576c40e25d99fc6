//! The things that code is generated for, named by what they are rather than by symbol.

use crate::base::Name;
use crate::items::ids::DefId;
use crate::mir::data::{FnId, Instance};
use crate::types::ty::{Ty, TyList};
use serde::{Deserialize, Serialize};

use super::blob::{DataBlob, FunctionBlob};

/// A call whose function depends on a type that is known only when the program runs. All types that can be met there are known when the
/// program is complete; an instance is compiled for each, and their metadata leads to it. See the page of [`super::dispatch`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum DynamicCall {
    /// A function whose generic argument number `index` is an existential: what runs is the instance for the type of the value inside.
    /// A class's member is dispatched by `this` as well when the call is virtual.
    Opened {
        id: FnId,
        args: TyList,
        index: u32,
        is_virtual: bool,
    },
    /// A generic method of a class: what runs is the override of the object's class, for these arguments of the method. The arguments of
    /// the class that introduced the method come first.
    Method { id: FnId, args: TyList },
}

impl DynamicCall {
    /// The function that is called.
    pub fn function(self) -> FnId {
        match self {
            DynamicCall::Opened { id, .. } | DynamicCall::Method { id, .. } => id,
        }
    }
}

/// One function or datum of a program. Types are concrete and canonical (see [`canonical`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CodeKey {
    /// A function's own code.
    Function(Instance),
    /// A function as a value of this function type: the ordinary parameters and a context that is ignored; as a function of C, the
    /// parameters alone, with the convention of C.
    ValueThunk(Instance, Ty),
    /// A requirement as witness tables hold it: `this` by address. The first argument is the conforming type.
    WitnessThunk(DefId, TyList),
    /// An override with the calling convention of the method that introduced the slot; the last type is the class.
    VTableThunk(FnId, FnId, Ty),
    /// What a dynamic call runs for a type: the call's convention, with the opened value by address.
    DynamicInstance(DynamicCall, Ty),
    /// A word: where in a type's instances stands the one for this call.
    DynamicSlot(DynamicCall),
    /// The metadata record of a type.
    Metadata(Ty),
    /// The witness table of a type for a protocol.
    WitnessTable(Ty, DefId),
    /// The descriptor of a protocol.
    Protocol(DefId),
    /// The descriptor that casts to an existential with constraints on associated types look for in place of the protocol's own: only
    /// types that satisfy all of the existential list it, with their table for the protocol.
    ConstrainedProtocol(Ty, DefId),
    /// The object behind a string constant.
    StringObject(Name),
    /// Bytes of a text, without an end mark.
    Text(Name),
    /// The message and file of a trap.
    TrapSite(Name, Name),
    /// The storage of a global or static variable.
    Global(DefId, TyList),
    /// Whether the global has been initialised: the flag for `codira_once`.
    GlobalFlag(DefId, TyList),
    /// Initialises the global; what `codira_once` runs.
    GlobalInit(DefId, TyList),
    /// `copy(dst, src)` of a type.
    Copy(Ty),
    /// `destroy(address)` of a type.
    Destroy(Ty),
    /// Runs a class's deinitialisers and destroys the fields.
    DestroyObject(Ty),
    /// The declaration index of an enum's case.
    EnumTag(Ty),
    /// The metadata of a closure's context; the instance is the closure's function.
    ContextMetadata(Instance),
    /// Destroys what a closure's context holds.
    DestroyContext(Instance),
    /// The shared empty instance of a class.
    EmptyObject(Ty),
    /// What dynamic casts need from the library: the runtime's `Hooks`.
    CastHooks,
    /// A function as C calls it: one of the library that the runtime calls in a cast, or one of the program that says so (`@_cdecl`).
    CastHook(DefId),
}

/// The function or datum of one key, with everything that it refers to.
#[derive(Clone, PartialEq, Debug)]
pub struct CodeUnit {
    pub blob: Blob,
    /// The keys that the blob's relocations name, without repetition, in order of appearance.
    pub references: Vec<CodeKey>,
    /// The descriptors of protocols that this code asks for at run time: types that reach metadata must list their conformances to them.
    pub dynamic_protocols: Vec<CodeKey>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Blob {
    Function(FunctionBlob),
    Data(DataBlob),
}

/// Why no code could be generated: a defect of the compiler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodegenError {
    /// The function or datum, by symbol.
    pub symbol: String,
    pub message: String,
}

impl std::fmt::Display for CodegenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code generation of {}: {}", self.symbol, self.message)
    }
}

/// One representative of the types that are the same at run time: function types differ by `@escaping` and `@autoclosure` only while
/// they are checked, and `Self` of a class is the class.
pub fn canonical(ty: Ty) -> Ty {
    use crate::types::ty::{FnParam, FnTy, TyKind};
    ty.map(&mut |t| match t.kind() {
        TyKind::Builtin(_) => Some(t),
        TyKind::Nominal { args, .. } if args.is_empty() => Some(t),
        TyKind::DynamicSelf(class) => Some(canonical(*class)),
        TyKind::Function(f) => Some(Ty::function(FnTy {
            params: f
                .params
                .iter()
                .map(|p| FnParam {
                    ty: canonical(p.ty),
                    mode: p.mode,
                    variadic: p.variadic,
                    autoclosure: false,
                })
                .collect(),
            result: canonical(f.result),
            throws: f.throws.map(canonical),
            is_async: f.is_async,
            escaping: true,
            repr: f.repr,
        })),
        _ => None,
    })
}
