//! Tour of `types`: what declarations mean: types, generics, signatures, conformances. Nothing here reads a body.
//!
//! * [`ty`]: types as interned values.
//! * [`lower`]: written types to types; [`anchor`]: where its diagnostics point, without positions.
//! * [`generics`]: generic parameters and requirements; [`env`]: what follows from them.
//! * [`signature`]: signatures of functions, types of variables; [`nominal`]: stored properties, cases, superclasses.
//! * [`protocols`]: requirements and associated types; [`conformance`]: who conforms and why; [`assoc`]: inference of associated
//!   types; [`witness`]: which declaration fulfils a requirement.
//! * [`class`]: overriding and vtables; [`synth`]: members that the compiler makes.
//! * [`lang`]: the declarations of the library that the compiler knows; [`display`]: how types are printed.
//! * [`check`]: the diagnostics of declarations; [`hooks`]: what later folders supply.

pub mod anchor;
pub mod class;
pub mod conformance;
pub mod display;
pub mod generics;
pub mod hooks;
pub mod lang;
pub mod lower;
pub mod nominal;
pub mod protocols;
pub mod signature;
pub mod synth;
pub mod ty;
pub mod witness;

pub use self::anchor::{Anchor, ItemDiagnostic};
pub use self::class::{VTable, VTableEntry, is_overridable, overridden, vtable};
pub use self::conformance::{Conformance, assoc_type, conformance, conforms, normalize};
pub use self::display::display_type;
pub use self::generics::{GenericParam, Generics, Requirement, generics, identity_args};
pub use self::lang::{
    LangItem, array_of, bool_ty, dictionary_of, double_ty, int_ty, lang, optional_of,
    optional_payload, string_ty,
};
pub use self::lower::{TypeHost, resolve_type};
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
