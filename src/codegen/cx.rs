//! What code generation asks about the program, as one trait.
//!
//! Everything that layout, mangling and emission know about declarations comes through [`Program`], so that they can be tested on
//! hand-made declarations, and so that the whole dependency of this folder on the queries of other folders is in one place
//! (`program.rs` implements the trait over the database).

use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::Name;
use crate::items::ids::{DefId, DefKind};
use crate::mir::data::{Argument, FnId, Instance, Mir, Operand};
use crate::types::ty::{FnTy, Ty, TyList};

use super::blob::SymbolName;
use super::key::{CodeKey, DynamicCall};
use super::layout::{ClassLayout, Layout};

/// How a stored property or captured variable holds a reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ownership {
    #[default]
    Strong,
    Weak,
    Unowned,
    /// `unowned(unsafe)`: a plain pointer.
    UnownedUnsafe,
}

/// The library's part in dynamic casts.
#[derive(Clone, Debug)]
pub struct CastHooks {
    pub any_hashable: Ty,
    /// Makes an `AnyHashable` of a value.
    pub to_any_hashable: DefId,
    /// Generic types, by qualified name too, and what casts one instance to another.
    pub collections: Vec<(String, DefId, DefId)>,
}

/// One stored property as declared: the type mentions the generic parameters of its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredProperty {
    pub def: DefId,
    pub name: Name,
    pub ty: Ty,
    pub ownership: Ownership,
    pub is_let: bool,
}

/// One enum case as declared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseInfo {
    pub def: DefId,
    pub name: Name,
    /// The elements of the payload; none for a case without one.
    pub payload: Option<Vec<(Option<Name>, Ty)>>,
    pub indirect: bool,
}

/// What kind of type a nominal's declaration makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NominalKind {
    Struct,
    Enum,
    Class,
    /// A name that stands for no concrete type; only reachable after errors.
    Other,
}

/// How a function takes `this`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThisMode {
    /// There is no `this` argument.
    None,
    Borrow,
    Owned,
    /// The address of the value.
    Inout,
    /// A metatype, passed by value.
    Metatype,
}

/// What a caller must know about a function beyond the arguments that it passes; made from its signature, never from its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalleeShape {
    pub params: Vec<(Ty, Passing)>,
    pub this: ThisMode,
    pub result: Ty,
    /// The error type; never an uninhabited one.
    pub throws: Option<Ty>,
}

/// How a parameter is passed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Passing {
    Borrow,
    Owned,
    Inout,
}

/// One entry of a class's vtable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot {
    /// The declaration that introduced the method.
    pub method: FnId,
    /// What the class runs, a method of it or of a superclass.
    pub implementation: FnId,
}

/// The identity of a declaration in pieces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DefData {
    pub parent: Option<DefId>,
    pub kind: DefKind,
    pub name: Name,
    pub index: u32,
}

/// The initial value of the global variables that one pattern declares: it is computed once for all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalInitial {
    /// Computes the whole pattern's value.
    pub function: FnId,
    /// The pattern's first variable, which stands for all in the bookkeeping.
    pub leader: DefId,
    /// Each variable with the path to its part of a tuple.
    pub parts: Vec<(DefId, Vec<u32>)>,
}

/// The program that code is generated for. Types given to and by these functions are concrete unless said otherwise.
pub trait Program<'a> {
    /// The memoised layout of a type.
    fn layout(&self, ty: Ty) -> &'a Layout;
    /// The memoised layout of a class's instances.
    fn class_layout(&self, class: Ty) -> &'a ClassLayout;
    /// The MIR of a function; none where the function had errors.
    fn mir(&self, id: FnId) -> Option<&'a Mir>;
    /// Reduces associated and opaque types.
    fn normalize(&self, ty: Ty) -> Ty;

    /// The memoised symbol of a function or datum.
    fn symbol(&self, key: &CodeKey) -> SymbolName;

    fn def(&self, def: DefId) -> DefData;
    fn nominal_kind(&self, def: DefId) -> NominalKind;
    /// The stored instance properties of a struct or class, its own only, in order.
    fn stored_properties(&self, nominal: DefId) -> Vec<StoredProperty>;
    fn enum_cases(&self, def: DefId) -> Vec<CaseInfo>;
    /// The superclass of a class type.
    fn superclass(&self, class: Ty) -> Option<Ty>;
    /// The class's own `deinit`.
    fn deinit(&self, class: DefId) -> Option<DefId>;
    /// The vtable of a class, superclass entries first.
    fn vtable(&self, class: DefId) -> Vec<Slot>;
    /// Where `id` stands in its class's vtable, if it is dispatched dynamically: the slot.
    fn vtable_slot(&self, id: FnId) -> Option<u32>;

    /// The requirements that a protocol's witness table has entries for: functions, initialisers and accessors, in order.
    fn requirements(&self, protocol: DefId) -> Vec<DefId>;
    /// The protocols that a protocol refines directly, markers excluded.
    fn inherited_protocols(&self, protocol: DefId) -> Vec<DefId>;
    /// Whether the protocol has neither requirements nor a witness table.
    fn is_marker(&self, protocol: DefId) -> bool;
    fn is_class_bound(&self, protocol: DefId) -> bool;
    /// The protocol `Error`, whose existential is a box.
    fn error_protocol(&self) -> Option<DefId>;
    fn is_error_protocol(&self, protocol: DefId) -> bool {
        self.error_protocol() == Some(protocol)
    }
    /// The protocol that declares this requirement; none when the definition is not one.
    fn requirement_owner(&self, def: DefId) -> Option<DefId>;
    /// The implementation of a requirement for concrete arguments, `Self` first.
    fn witness(&self, requirement: DefId, args: TyList) -> Option<(FnId, TyList)>;
    fn conforms(&self, ty: Ty, protocol: DefId) -> bool;

    /// The base name of an operation of module `Builtin`.
    fn intrinsic(&self, def: DefId) -> Option<&'static str>;
    /// The symbol of a function that the runtime provides.
    fn runtime_symbol(&self, def: DefId) -> Option<Name>;
    /// The symbol by which C calls a function of the program (`@_cdecl`).
    fn c_symbol(&self, _def: DefId) -> Option<Name> {
        None
    }
    /// What callers of the function pass and get, for concrete arguments.
    fn callee_shape(&self, id: FnId, args: TyList) -> CalleeShape;
    /// Whether a definition is the standard library's, whose code has no object of its own.
    fn is_library(&self, _def: DefId) -> bool {
        false
    }
    /// Whether calls of the function are replaced by its body (`@_transparent`, `@inline(__always)`).
    fn is_transparent(&self, id: FnId) -> bool;
    /// Whether the function is called so rarely that it saves its callers' registers, which is said of some of the library's functions
    /// (`@_cold`). Only functions that are called by name can be: no witnesses, and no methods of classes.
    fn is_cold(&self, _id: FnId) -> bool {
        false
    }
    /// The memoised graph of an instance with its types filled in.
    fn specialized(&self, instance: Instance) -> Option<Arc<Mir>>;
    /// The memoised optimised graph of an instance.
    fn optimized(&self, instance: Instance) -> Option<&'a Mir>;
    /// Whether calls of the function may be replaced by its body when that is worth it.
    fn may_inline(&self, id: FnId) -> bool;
    /// The function that a virtual call always runs, if no subclass overrides the method.
    fn only_implementation(&self, id: FnId) -> Option<FnId>;
    /// The class that declares a member, through accessors and extensions.
    fn class_of_member(&self, def: DefId) -> Option<DefId>;
    /// How many generic parameters a function has beyond those of the type around it.
    fn own_generic_count(&self, def: DefId) -> usize;
    /// Whether a requirement can be called on an existential: it has no generic parameters of its own, and `Self` and associated types
    /// appear in no parameter.
    fn is_dispatchable(&self, requirement: DefId) -> bool;
    /// The first generic argument of a called function that is an existential whose value must be opened: the function is then the one
    /// for the type of the value inside (see [`super::dispatch`]).
    fn opened_argument(&self, id: FnId, args: TyList) -> Option<u32>;
    /// The type of `this` of a member for these arguments.
    fn this_type(&self, def: DefId, args: TyList) -> Option<Ty>;
    /// Whether a dynamic call may meet values of a type.
    fn serves(&self, call: DynamicCall, ty: Ty) -> bool;
    /// The value type of a global or static variable.
    fn var_type(&self, def: DefId, args: TyList) -> Ty;
    /// How a global that is initialised at its first use gets its value.
    fn global_initial_value(&self, var: DefId) -> Option<GlobalInitial>;

    /// The function of the library that makes a function of the second type from one of the first, where the types differ because a type was
    /// opened, with its type arguments.
    fn function_adapter(&self, _from: &FnTy, _to: &FnTy) -> Option<(FnId, TyList)> {
        None
    }
    /// What the library adds to dynamic casts.
    fn cast_hooks(&self) -> Option<CastHooks>;
    /// The class whose objects hold the text of string constants.
    fn string_storage(&self) -> Option<Ty>;
    fn is_optional(&self, def: DefId) -> bool;
    /// The type as users read it, module names included or not.
    fn protocol_name(&self, protocol: DefId) -> String;
    fn type_name(&self, ty: Ty, qualified: bool) -> String;
    /// `MODULE/NAME.code`, for messages of traps.
    fn file_name(&self, def: DefId) -> Name;
    /// A number for a definition in line keys.
    fn line_number_key(&self, def: DefId) -> u64;
    /// Whether assertions are compiled in.
    fn is_debug(&self) -> bool {
        true
    }
}

/// Finds the implementation of a requirement until it is not a requirement itself.
pub fn resolve_witness<'a>(
    p: &dyn Program<'a>,
    requirement: DefId,
    args: TyList,
) -> Option<(FnId, TyList)> {
    let mut found = p.witness(requirement, args)?;
    // A default implementation may be one of a refining protocol's requirements; chains are short, and the bound ends a cycle.
    for _ in 0..16 {
        if p.requirement_owner(found.0.def).is_none() {
            return Some(found);
        }
        found = p.witness(found.0.def, found.1)?;
    }
    None
}

/// Passes arguments as the implementation of a requirement wants them; generic code passes them as the requirement says.
pub fn adapt_arguments(shape: &CalleeShape, args: &mut SmallVec<[Argument; 6]>) {
    if shape.this == ThisMode::None {
        // Members of structs and enums take no metatype.
        args.truncate(shape.params.len());
        return;
    }
    let Some(last) = args.last_mut() else {
        return;
    };
    match (shape.this, &*last) {
        (ThisMode::Borrow, Argument::Address(place)) => {
            *last = Argument::Value(Operand::Borrow(place.clone()))
        }
        (ThisMode::Owned, Argument::Address(place)) => {
            *last = Argument::Value(Operand::Copy(place.clone()))
        }
        (ThisMode::Inout, Argument::Value(Operand::Borrow(place) | Operand::Move(place))) => {
            *last = Argument::Address(place.clone())
        }
        (ThisMode::Owned, Argument::Value(Operand::Borrow(place))) => {
            *last = Argument::Value(Operand::Copy(place.clone()))
        }
        _ => {}
    }
    for ((_, passing), arg) in shape.params.iter().zip(args.iter_mut()) {
        if let (Passing::Owned, Argument::Value(Operand::Borrow(place))) = (passing, &*arg) {
            *arg = Argument::Value(Operand::Copy(place.clone()));
        }
    }
}
