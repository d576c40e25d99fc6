//! Tour of `types`: what declarations mean: types, generics, signatures, conformances. Nothing here reads a body.
//!
//! * [`ty`]: types as interned values; [`display`]: how they are printed; [`lang`]: the library's types that the compiler knows.
//! * [`lower`]: written types to types; `c_functions`: those with `@convention(c)`.
//! * [`generics`]: generic parameters and requirements; [`env`]: what follows from them.
//! * [`signature`]: signatures of functions, types of variables; [`nominal`]: stored properties, cases, superclasses.
//! * [`protocols`]: requirements and associated types; [`conformance`]: who conforms and why, and normalisation of types;
//!   [`assoc`]: inference of associated types; [`witness`]: which declaration fulfils a requirement;
//!   [`existential`]: associated types of the value inside an existential; [`opaque`]: what is known of a `some P`.
//! * [`members`]: members of a type by name; [`synth`]: members that the compiler makes; [`class`]: overriding and vtables.
//! * [`check`]: the diagnostics of declarations. [`hooks`]: what later folders supply.

pub mod assoc;
mod c_functions;
pub mod check;
pub mod class;
pub mod codec;
pub mod conformance;
pub mod display;
pub mod env;
pub mod existential;
pub mod generics;
pub mod hiding;
pub mod hooks;
pub mod lang;
pub mod lower;
pub mod members;
pub mod nominal;
pub mod opaque;
pub mod protocols;
pub mod signature;
pub mod synth;
pub mod ty;
pub mod witness;
pub mod wrappers;

#[cfg(test)]
mod tests;

pub use self::class::{
    VFn, VFnKind, VTable, VTableEntry, is_dispatched, is_overridable, overridden, vtable,
};
pub use self::conformance::{
    Conformance, assoc_type, conformance, conforms, normalize, normalize_concrete,
};
pub use self::display::{display_type, metadata_name};
pub use self::generics::{GenericParam, Generics, Requirement, generics, identity_args};
pub use self::lang::{
    LangItem, array_of, bool_ty, dictionary_of, double_ty, int_ty, lang, optional_of,
    optional_payload, string_ty,
};
pub use self::lower::{TypeHost, resolve_type};
pub use self::members::{MemberCandidate, Origin, member_candidates, members_named};
pub use self::nominal::{
    case_payload, declared_self_type, enum_cases, inherited_type, is_subclass, raw_type,
    stored_properties, superclass,
};
pub use self::protocols::{
    assoc_types, inherited_protocols, is_class_bound, protocol_requirements,
};
pub use self::signature::{SigParam, Signature, ThisKind, signature, var_type};
pub use self::ty::{Ty, TyKind, TyList};
pub use self::witness::witness;
