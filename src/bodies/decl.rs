//! Small questions about declarations that checking expressions asks often.

use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::tree::{Failable, Fixity, Item, ItemKind, TypeRef, VarItem};
use crate::items::{self};
use crate::types::lower::{NoHost, resolve_type};
use crate::types::signature::{ThisKind, signature};
use crate::types::ty::Ty;

/// The module that a declaration belongs to.
pub fn module_of(db: &dyn Db, def: DefId) -> DefId {
    items::module_of(db, def)
}

/// Whether the declaration names a type.
pub fn is_type(db: &dyn Db, def: DefId) -> bool {
    matches!(
        def.kind(db),
        DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::Protocol
            | DefKind::TypeAlias
            | DefKind::AssociatedType
            | DefKind::GenericParam
    )
}

/// Whether a member belongs to the type rather than to its values: static members, initialisers, cases. A query of its own, so that those who
/// use a declaration do not depend on its body.
#[salsa::tracked(returns(copy))]
pub fn is_static(db: &dyn Db, def: DefId) -> bool {
    match def.kind(db) {
        DefKind::Init | DefKind::Case => true,
        DefKind::Synth(s) => !matches!(s, Synth::HashInto | Synth::HashValue | Synth::RawValue),
        DefKind::Func => {
            let Some(item) = items::item(db, def) else {
                return false;
            };
            // Operators in types are static even where it is not written.
            item.mods.is_static
                || item.mods.is_class
                || def.parent(db).is_some_and(|p| is_container(db, p))
                    && is_operator(item.name.as_str())
        }
        DefKind::Var | DefKind::Subscript => {
            items::item(db, def).is_some_and(|item| item.mods.is_static || item.mods.is_class)
        }
        DefKind::Accessor(_) => def.parent(db).is_some_and(|p| is_static(db, p)),
        _ => false,
    }
}

/// Whether a name is an operator's.
pub fn is_operator(name: &str) -> bool {
    name.chars()
        .next()
        .is_some_and(|c| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '`'))
}

/// Whether a synthesised member is read like a variable.
pub fn is_synth_value(def: DefId, db: &dyn Db) -> bool {
    matches!(
        def.kind(db),
        DefKind::Synth(Synth::RawValue | Synth::HashValue | Synth::AllCases)
    )
}

/// The type of a variable, or of a synthesised member that is read like one.
pub fn value_type(db: &dyn Db, def: DefId) -> Ty {
    if is_synth_value(def, db) {
        signature(db, def).result
    } else {
        crate::types::signature::var_type(db, def)
    }
}

/// Whether a declaration is a type or an extension.
pub fn is_container(db: &dyn Db, def: DefId) -> bool {
    matches!(
        def.kind(db),
        DefKind::Struct | DefKind::Enum | DefKind::Class | DefKind::Protocol | DefKind::Extension
    )
}

pub fn is_synth_init(synth: Synth) -> bool {
    matches!(
        synth,
        Synth::MemberwiseInit | Synth::DefaultInit | Synth::InheritedInit | Synth::InitRawValue
    )
}

/// Whether an initialiser may return nil. A query for the same reason as [`is_static`].
#[salsa::tracked(returns(copy))]
pub fn is_failable(db: &dyn Db, def: DefId) -> bool {
    match def.kind(db) {
        DefKind::Synth(Synth::InitRawValue) => true,
        DefKind::Synth(Synth::InheritedInit) => {
            crate::types::synth::inherited_init_source(db, def).is_some_and(|d| is_failable(db, d))
        }
        _ => matches!(
            items::item(db, def).map(|i| &i.kind),
            Some(ItemKind::Func(f)) if matches!(f.failable, Some(Failable::Optional | Failable::ImplicitlyUnwrapped))
        ),
    }
}

/// Whether a case has associated values.
pub fn has_payload(db: &dyn Db, case: DefId) -> bool {
    matches!(
        items::item(db, case).map(|i| &i.kind),
        Some(ItemKind::Case(c)) if c.payload.is_some()
    )
}

pub fn var_item(db: &dyn Db, def: DefId) -> Option<(&Item, &VarItem)> {
    let item = items::item(db, def)?;
    match &item.kind {
        ItemKind::Var(var) => Some((item, var)),
        _ => None,
    }
}

/// Whether a variable is declared `T!`.
pub fn is_iuo(db: &dyn Db, def: DefId) -> bool {
    if def.kind(db) != DefKind::Var {
        return false;
    }
    var_item(db, def).is_some_and(|(item, var)| {
        var.ty
            .is_some_and(|ty| matches!(item.types[ty], TypeRef::ImplicitlyUnwrapped(_)))
    })
}

/// Whether calls of a function, initialiser or subscript give a `T!`.
pub fn has_iuo_result(db: &dyn Db, def: DefId) -> bool {
    matches!(
        def.kind(db),
        DefKind::Func | DefKind::Init | DefKind::Subscript
    ) && signature(db, def).result_is_iuo
}

/// The type that an alias stands for, in terms of the parameters in its scope.
pub fn alias_target(db: &dyn Db, def: DefId) -> Ty {
    match items::item(db, def) {
        Some(item) => match &item.kind {
            ItemKind::TypeAlias { target, .. } => {
                resolve_type(db, def, &item.types, *target, &mut NoHost).0
            }
            _ => Ty::error(),
        },
        None => Ty::error(),
    }
}

/// The protocol that a member belongs to: declared in it or in an extension of it.
pub fn protocol_of_member(db: &dyn Db, def: DefId) -> Option<DefId> {
    let parent = def.parent(db)?;
    match parent.kind(db) {
        DefKind::Protocol => Some(parent),
        DefKind::Extension => {
            let g = crate::types::generics::generics(db, parent);
            match g.requirements.first()? {
                crate::types::generics::Requirement::Conforms(t, p) if matches!(t.kind(), crate::types::ty::TyKind::Param { index: 0, name } if *name == "Self") => {
                    Some(*p)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a declaration stands in an extension.
pub fn in_extension(db: &dyn Db, def: DefId) -> bool {
    def.parent(db)
        .is_some_and(|p| p.kind(db) == DefKind::Extension)
}

/// How a variable or subscript is written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settable {
    /// By assignment to its storage or by a setter.
    Yes,
    /// A constant.
    Constant,
    /// A computed value without a setter.
    GetOnly,
}

/// Whether a variable or subscript can be assigned, initialisers of its own type apart.
pub fn settable(db: &dyn Db, def: DefId) -> Settable {
    let Some(item) = items::item(db, def) else {
        return Settable::GetOnly;
    };
    let (accessors, requirement, is_let) = match &item.kind {
        ItemKind::Var(var) => (&var.accessors, var.requirement_settable, var.is_let),
        ItemKind::Subscript(s) => (&s.accessors, s.requirement_settable, false),
        _ => return Settable::GetOnly,
    };
    if is_let {
        return Settable::Constant;
    }
    let in_protocol = def
        .parent(db)
        .is_some_and(|p| p.kind(db) == DefKind::Protocol);
    if in_protocol {
        return if requirement {
            Settable::Yes
        } else {
            Settable::GetOnly
        };
    }
    if accessors.is_empty() {
        return match &item.kind {
            ItemKind::Var(_) => Settable::Yes,
            _ => Settable::GetOnly,
        };
    }
    let mut observed = false;
    for accessor in accessors {
        match accessor.kind {
            AccessorKind::Set | AccessorKind::Modify | AccessorKind::MutableAddress => {
                return Settable::Yes;
            }
            AccessorKind::WillSet | AccessorKind::DidSet => observed = true,
            _ => {}
        }
    }
    if observed {
        Settable::Yes
    } else {
        Settable::GetOnly
    }
}

/// Whether writing to a variable or subscript changes the value that it is a member of.
pub fn setter_mutates(db: &dyn Db, def: DefId) -> bool {
    let Some(item) = items::item(db, def) else {
        return true;
    };
    let accessors = match &item.kind {
        ItemKind::Var(var) => &var.accessors,
        ItemKind::Subscript(s) => &s.accessors,
        _ => return true,
    };
    !item.mods.is_nonmutating
        && !accessors.iter().any(|a| {
            matches!(
                a.kind,
                AccessorKind::Set | AccessorKind::Modify | AccessorKind::MutableAddress
            ) && a.mods.is_nonmutating
        })
}

/// Whether reading a variable or subscript changes the value that it is a member of.
pub fn getter_mutates(db: &dyn Db, def: DefId) -> bool {
    let Some(item) = items::item(db, def) else {
        return false;
    };
    if item.mods.is_lazy {
        return true;
    }
    let accessors = match &item.kind {
        ItemKind::Var(var) => &var.accessors,
        ItemKind::Subscript(s) => &s.accessors,
        _ => return false,
    };
    accessors
        .iter()
        .any(|a| matches!(a.kind, AccessorKind::Get | AccessorKind::Read) && a.mods.is_mutating)
}

/// Whether calling a method changes the value that it is called on.
pub fn method_mutates(db: &dyn Db, def: DefId) -> bool {
    matches!(def.kind(db), DefKind::Func) && signature(db, def).this == ThisKind::Inout
}

/// Whether reading a property or subscript may throw.
pub fn getter_throws(db: &dyn Db, def: DefId) -> Option<Ty> {
    let item = items::item(db, def)?;
    let accessors = match &item.kind {
        ItemKind::Var(var) => &var.accessors,
        ItemKind::Subscript(s) => &s.accessors,
        _ => return None,
    };
    let get = accessors.iter().find(|a| {
        matches!(
            a.kind,
            AccessorKind::Get | AccessorKind::Read | AccessorKind::Address
        )
    })?;
    if get.throws == crate::items::tree::ThrowsRef::No {
        return None;
    }
    signature(db, get.def).throws
}

/// Whether the attribute is written on the declaration.
pub fn has_attr(db: &dyn Db, def: DefId, name: &str) -> bool {
    items::attributes(db, def).iter().any(|a| a.name == *name)
}

/// Where the operator that a function implements stands. None for what is no declaration of its own.
#[salsa::tracked(returns(copy))]
pub fn declared_fixity(db: &dyn Db, def: DefId) -> Option<Fixity> {
    let item = items::item(db, def)?;
    Some(if item.mods.is_prefix {
        Fixity::Prefix
    } else if item.mods.is_postfix {
        Fixity::Postfix
    } else {
        Fixity::Infix
    })
}
