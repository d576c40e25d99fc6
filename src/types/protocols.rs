//! Protocols: requirements, inheritance, associated types.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::{ItemKind, TypeRef, TypeRefId, WhereRef};
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::resolve::decls::{
    TypeName, TypeScope, all_protocols, decls_of, generics_ref, inherits, own_member_type,
};
use crate::resolve::members::written_members;
use crate::types::env::{self_assoc, self_param};
use crate::types::generics::{Requirement, constrain};
use crate::types::lower::{Bounds, Lowerer};
use crate::types::ty::{Ty, TyKind};

/// The requirements that the protocol itself declares, in order, without associated types: functions, initialisers, subscripts, variables.
#[salsa::tracked(returns(deref))]
pub fn protocol_requirements(db: &dyn Db, protocol: DefId) -> Vec<DefId> {
    let members = written_members(db, protocol).iter().copied();
    members
        .filter(|m| {
            matches!(
                m.kind(db),
                DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Var
            )
        })
        .collect()
}

/// Every protocol that it inherits from, directly or not, without itself, each once.
pub fn inherited_protocols(db: &dyn Db, protocol: DefId) -> &[DefId] {
    all_protocols(db, protocol)
}

/// Whether one protocol is the other or inherits from it.
pub fn refines(db: &dyn Db, protocol: DefId, other: DefId) -> bool {
    protocol == other || all_protocols(db, protocol).contains(&other)
}

/// The associated types that the protocol itself declares and that redeclare none of an inherited protocol.
#[salsa::tracked(returns(deref))]
pub fn assoc_types(db: &dyn Db, protocol: DefId) -> Vec<DefId> {
    let declared = declared_assocs(db, protocol);
    declared.filter(|&m| assoc_root(db, m) == m).collect()
}

/// The associated types that the protocol itself declares, redeclarations too.
pub fn declared_assocs(db: &dyn Db, protocol: DefId) -> impl Iterator<Item = DefId> {
    let members = written_members(db, protocol).iter().copied();
    members.filter(|m| m.kind(db) == DefKind::AssociatedType)
}

/// The declaration of an associated type that stands for all its redeclarations in inheriting protocols.
#[salsa::tracked(returns(copy))]
pub fn assoc_root(db: &dyn Db, assoc: DefId) -> DefId {
    let Some(protocol) = assoc.parent(db) else {
        return assoc;
    };
    let name = assoc.name(db);
    let mut root = assoc;
    // The one furthest up; of several unrelated ones the first by module and name, so that every path finds the same.
    for &inherited in all_protocols(db, protocol) {
        let mut declared = declared_assocs(db, inherited);
        if let Some(found) = declared.find(|a| a.name(db) == name) {
            let key = |d: DefId| {
                let depth = d.parent(db).map_or(0, |p| all_protocols(db, p).len());
                (depth, d.parent(db).map(|p| p.name(db)))
            };
            if root == assoc || key(found) < key(root) {
                root = found;
            }
        }
    }
    root
}

/// The associated type, or alias, with this name in one of these protocols (which include the inherited ones).
pub fn assoc_named(db: &dyn Db, protocols: &[DefId], name: Name) -> Option<DefId> {
    let mut alias = None;
    for &protocol in protocols {
        match own_member_type(db, protocol, name) {
            Some(found) if found.kind(db) == DefKind::AssociatedType => {
                return Some(assoc_root(db, found));
            }
            Some(found) => alias = alias.or(Some(found)),
            None => {}
        }
    }
    alias
}

/// The associated types that stand in the angle brackets of `any P<…>`.
#[salsa::tracked(returns(deref))]
pub fn primary_assocs(db: &dyn Db, protocol: DefId) -> Vec<DefId> {
    let Some(ItemKind::Nominal(nominal)) = item(db, protocol).map(|i| &i.kind) else {
        return Vec::new();
    };
    let mut protocols = vec![protocol];
    protocols.extend_from_slice(all_protocols(db, protocol));
    let names = nominal.primary_associated.iter();
    names
        .filter_map(|&n| assoc_named(db, &protocols, n))
        .collect()
}

/// Whether only classes can conform.
#[salsa::tracked(returns(copy))]
pub fn is_class_bound(db: &dyn Db, protocol: DefId) -> bool {
    let own = |p: DefId| {
        let names = inherits(db, p).iter().flat_map(|i| &i.names);
        let written = names.copied().any(|n| {
            n == TypeName::AnyObject
                || matches!(n, TypeName::Def(d) if d.kind(db) == DefKind::Class)
        });
        written || self_is_class(db, p)
    };
    own(protocol) || all_protocols(db, protocol).iter().any(|&p| own(p))
}

/// `protocol P where Self: AnyObject`
fn self_is_class(db: &dyn Db, protocol: DefId) -> bool {
    let Some(item) = item(db, protocol) else {
        return false;
    };
    let requirements = generics_ref(item).map_or(&[][..], |g| &g.requirements);
    requirements.iter().any(|r| match r {
        WhereRef::Conforms(subject, bound) => {
            matches!(&item.types[*subject], TypeRef::Path(p) if p.len() == 1 && p[0].name == "Self")
                && decls_of(db, protocol, &item.types, *bound, TypeScope::default())
                    .contains(&TypeName::AnyObject)
        }
        WhereRef::Same(..) => false,
    })
}

/// Whether the protocol has associated types or mentions `Self` in a requirement other than as a method's result, so that as a type it must be
/// written `any P`.
#[salsa::tracked(returns(copy))]
pub fn has_self_or_assoc(db: &dyn Db, protocol: DefId) -> bool {
    let own = |p: DefId| {
        declared_assocs(db, p).next().is_some()
            || protocol_requirements(db, p)
                .iter()
                .any(|&r| mentions_self(db, r))
    };
    own(protocol) || all_protocols(db, protocol).iter().any(|&p| own(p))
}

fn mentions_self(db: &dyn Db, requirement: DefId) -> bool {
    let Some(item) = item(db, requirement) else {
        return false;
    };
    let is_self = |id: TypeRefId| {
        mentions(
            &item.types,
            id,
            &mut |t| matches!(t, TypeRef::Path(path) if path[0].name == "Self"),
        )
    };
    crate::types::generics::params_of(item)
        .iter()
        .any(|p| is_self(p.ty))
}

/// Whether a written type or one of its parts satisfies a test.
fn mentions(
    types: &crate::base::Arena<TypeRef>,
    id: TypeRefId,
    test: &mut dyn FnMut(&TypeRef) -> bool,
) -> bool {
    let ty = &types[id];
    if test(ty) {
        return true;
    }
    match ty {
        TypeRef::Path(path) => path
            .iter()
            .flat_map(|s| &s.args)
            .any(|&a| mentions(types, a, test)),
        TypeRef::Optional(t)
        | TypeRef::ImplicitlyUnwrapped(t)
        | TypeRef::Array(t)
        | TypeRef::Inout(t)
        | TypeRef::Metatype(t)
        | TypeRef::Member(t, _) => mentions(types, *t, test),
        TypeRef::Dictionary(k, v) => mentions(types, *k, test) || mentions(types, *v, test),
        TypeRef::Tuple(elems) => elems.iter().any(|e| mentions(types, e.1, test)),
        TypeRef::Function(f) => {
            f.params.iter().any(|p| mentions(types, p.ty, test)) || mentions(types, f.result, test)
        }
        _ => false,
    }
}

/// What a protocol itself requires of `Self` and its associated types, in terms of `Self`: the bounds and `where` clauses of the protocol and
/// of its associated types. Inherited protocols have their own.
pub fn protocol_signature(db: &dyn Db, protocol: DefId) -> &[Requirement] {
    &signature_of(db, protocol).0
}

/// The diagnostics of the same clauses.
pub fn signature_diagnostics(db: &dyn Db, protocol: DefId) -> &[AnchoredDiagnostic] {
    &signature_of(db, protocol).1
}

type ProtocolSignature = (Vec<Requirement>, Vec<AnchoredDiagnostic>);

#[salsa::tracked(cycle_result = no_signature)]
fn signature_of(db: &dyn Db, protocol: DefId) -> ProtocolSignature {
    let mut out = Vec::new();
    let mut diagnostics = Vec::new();
    for assoc in declared_assocs(db, protocol) {
        let Some(item) = item(db, assoc) else {
            continue;
        };
        let ItemKind::AssociatedType {
            inherits,
            requirements,
            ..
        } = &item.kind
        else {
            continue;
        };
        let subject = self_assoc(db, assoc);
        for &bound in inherits {
            let mut lowerer = Lowerer::new(db, assoc, &item.types, Bounds::Structural(protocol));
            let ty = lowerer.constraint(bound);
            diagnostics.append(&mut lowerer.diagnostics);
            let mut report = |m| Some(("generic-bound", Anchor::ItemType(assoc, bound), m));
            constrain(db, subject, ty, &mut out, &mut report, &mut diagnostics);
        }
        where_clauses(
            db,
            protocol,
            assoc,
            requirements,
            &mut out,
            &mut diagnostics,
        );
    }
    if let Some(item) = item(db, protocol)
        && let Some(generics) = generics_ref(item)
    {
        where_clauses(
            db,
            protocol,
            protocol,
            &generics.requirements,
            &mut out,
            &mut diagnostics,
        );
    }
    if let Some(ty) = crate::types::nominal::superclass(db, protocol) {
        out.push(Requirement::Superclass(self_param(), ty));
    }
    (out, diagnostics)
}

fn no_signature(_: &dyn Db, _: salsa::Id, _: DefId) -> ProtocolSignature {
    Default::default()
}

fn where_clauses(
    db: &dyn Db,
    protocol: DefId,
    owner: DefId,
    clauses: &[WhereRef],
    out: &mut Vec<Requirement>,
    diagnostics: &mut Vec<AnchoredDiagnostic>,
) {
    let Some(item) = item(db, owner) else {
        return;
    };
    for clause in clauses {
        let mut lowerer = Lowerer::new(db, owner, &item.types, Bounds::Structural(protocol));
        match *clause {
            WhereRef::Conforms(subject, bound) => {
                let subject = lowerer.lower(subject);
                let ty = lowerer.constraint(bound);
                diagnostics.append(&mut lowerer.diagnostics);
                if !subject.is_error() {
                    let mut report = |m| Some(("generic-bound", Anchor::ItemType(owner, bound), m));
                    constrain(db, subject, ty, out, &mut report, diagnostics);
                }
            }
            WhereRef::Same(a, b) => {
                let (a, b) = (lowerer.lower(a), lowerer.lower(b));
                diagnostics.append(&mut lowerer.diagnostics);
                if !a.is_error() && !b.is_error() {
                    out.push(Requirement::Same(a, b));
                }
            }
        }
    }
}

/// The protocols that a type parameter of a protocol conforms to, as far as clauses say so in so many words: enough to find its associated
/// types while the protocol's requirements are still being read.
pub fn structural_protocols(db: &dyn Db, protocol: DefId, ty: Ty) -> Vec<DefId> {
    let mut found = Vec::new();
    let mut add = |p: DefId| {
        for &p in std::iter::once(&p).chain(all_protocols(db, p)) {
            if !found.contains(&p) {
                found.push(p);
            }
        }
    };
    match ty.kind() {
        TyKind::Param { .. } => add(protocol),
        TyKind::Assoc { base, assoc } => {
            let name = assoc.name(db);
            for owner in structural_protocols(db, protocol, *base) {
                for bound in structural_bounds(db, owner, name) {
                    add(*bound);
                }
            }
        }
        _ => {}
    }
    found
}

/// The protocols that a protocol's clauses name as bounds of its associated type of this name.
#[salsa::tracked(returns(deref), cycle_result = no_bounds)]
fn structural_bounds(db: &dyn Db, protocol: DefId, name: Name) -> Vec<DefId> {
    let mut found = Vec::new();
    let mut add = |names: &[TypeName]| {
        for &n in names {
            if let TypeName::Def(d) = n
                && d.kind(db) == DefKind::Protocol
            {
                found.push(d);
            }
        }
    };
    let mut owners = vec![protocol];
    for assoc in declared_assocs(db, protocol) {
        owners.push(assoc);
        if assoc.name(db) == name {
            inherits(db, assoc).iter().for_each(|i| add(&i.names));
        }
    }
    for owner in owners {
        let Some(item) = item(db, owner) else {
            continue;
        };
        let clauses = match &item.kind {
            ItemKind::AssociatedType { requirements, .. } => requirements,
            _ => match generics_ref(item) {
                Some(generics) => &generics.requirements,
                None => continue,
            },
        };
        for clause in clauses {
            let WhereRef::Conforms(subject, bound) = *clause else {
                continue;
            };
            let TypeRef::Path(path) = &item.types[subject] else {
                continue;
            };
            let subject = match path.as_slice() {
                [only] => only.name,
                [this, member] if this.name == "Self" => member.name,
                _ => continue,
            };
            if subject == name {
                let mode = TypeScope {
                    without_members_of: Some(protocol),
                    in_body: false,
                };
                add(&decls_of(db, owner, &item.types, bound, mode));
            }
        }
    }
    found
}

fn no_bounds(_: &dyn Db, _: salsa::Id, _: DefId, _: Name) -> Vec<DefId> {
    Vec::new()
}
