//! Members of types by name, as qualified lookup finds them.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::decls::all_protocols;
use crate::resolve::members::declared_named;
use crate::types::conformance::{conformance_table, normalize};
use crate::types::env::is_type_param;
use crate::types::generics::{generic_context, generic_env};
use crate::types::nominal::class_chain;
use crate::types::opaque::OpaqueParam;
use crate::types::synth::{inherits_convenience_inits, is_designated, synth_inits, synth_members};
use crate::types::ty::{Ty, TyKind, TyList};

/// A member of a type, as lookup finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberCandidate {
    pub def: DefId,
    /// The type that has it, as the declaring type sees it: the base itself, a superclass of it, or the base as `Self`.
    pub base: Ty,
    /// Arguments for the parameters outside of the member's own: of the declaring nominal, or `Self` for protocols.
    pub args: TyList,
    pub origin: Origin,
    /// Whether the base only has it under conditions: those of the extension that declares it, or of the conformance that brings it. The
    /// requirements of the declaration must then hold for `args` (see [`crate::types::generics::satisfied`]).
    pub constrained: bool,
}

/// Through what a member was found; earlier ones hide later ones of the same signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// The type itself or one of its extensions.
    Own,
    /// The nth superclass.
    Superclass(u32),
    /// A requirement of a protocol.
    Requirement,
    /// An extension of a protocol.
    ProtocolExtension,
}

/// The members of a nominal or protocol with this base name (`init`, `subscript` and operators too): its own, synthesised ones, and those
/// of all its extensions. Not inherited ones.
pub fn members_named(db: &dyn Db, container: DefId, name: Name) -> &[DefId] {
    match name.as_str() {
        "init" | "==" | "<" | "hash" | "hashValue" | "allCases" | "rawValue"
            if container.kind(db) != DefKind::Protocol =>
        {
            with_synthesised(db, container, name)
        }
        _ => declared_named(db, container, name),
    }
}

#[salsa::tracked(returns(deref))]
fn with_synthesised(db: &dyn Db, container: DefId, name: Name) -> Vec<DefId> {
    let mut members = declared_named(db, container, name).to_vec();
    let synthesised = match name == "init" && container.kind(db) != DefKind::Enum {
        true => synth_inits(db, container),
        false => synth_members(db, container),
    };
    members.extend(synthesised.iter().filter(|m| m.name(db) == name));
    members
}

/// All members of a type with this base name, visible or not: over superclasses, conformances, bounds. For a metatype the members of its
/// instance type (the caller picks static ones and initialisers). `from` supplies the generic environment.
pub fn member_candidates(db: &dyn Db, ty: Ty, name: Name, from: DefId) -> Vec<MemberCandidate> {
    let mut search = Search {
        db,
        name,
        found: Vec::new(),
        protocols: Vec::new(),
    };
    let ty = match ty.kind() {
        TyKind::Metatype(inner) | TyKind::ProtocolMetatype(inner) => *inner,
        TyKind::Inout(inner) => *inner,
        _ => ty,
    };
    search.of(ty, from);
    search.found
}

struct Search<'a> {
    db: &'a dyn Db,
    name: Name,
    found: Vec<MemberCandidate>,
    /// Protocols whose members have been added.
    protocols: Vec<DefId>,
}

impl Search<'_> {
    fn of(&mut self, ty: Ty, from: DefId) {
        let db = self.db;
        match ty.kind() {
            TyKind::Nominal { .. } => self.nominal(ty, ty),
            TyKind::DynamicSelf(inner) => self.nominal(*inner, ty),
            TyKind::Param { .. } | TyKind::Assoc { .. } => {
                let reduced = normalize(db, Some(from), ty);
                if !is_type_param(reduced) {
                    match reduced == ty {
                        true => self.opaque(ty),
                        false => self.of(reduced, from),
                    }
                    return;
                }
                let Some(env) = generic_env(db, from) else {
                    return;
                };
                let protocols = env.protocols_of(db, reduced);
                if let Some(class) = env.superclass_of(db, reduced) {
                    self.nominal(class, ty);
                }
                self.protocols_of(&protocols, &[], ty, true);
            }
            TyKind::Existential(e) => {
                if let Some(class) = e.superclass {
                    self.nominal(class, ty);
                }
                self.protocols_of(&closure(db, &e.protocols), &[], ty, true);
            }
            TyKind::Opaque { .. } => self.opaque(ty),
            _ => {}
        }
    }

    /// Members of an opaque type or of an associated type of one.
    fn opaque(&mut self, ty: Ty) {
        let Some(param) = OpaqueParam::of(self.db, ty) else {
            return;
        };
        if let Some(class) = param.superclass() {
            self.nominal(class, ty);
        }
        self.protocols_of(&param.protocols(), &[], ty, true);
    }

    /// Members of a nominal type; `this` is what `Self` means in its protocols.
    fn nominal(&mut self, ty: Ty, this: Ty) {
        let db = self.db;
        let is_init = self.name == "init";
        let mut protocols: Vec<DefId> = Vec::new();
        let mut conditional: Vec<DefId> = Vec::new();
        let mut inits = true;
        for (depth, &class) in class_chain(db, ty).iter().enumerate() {
            let Some((def, args)) = class.as_nominal() else {
                break;
            };
            let origin = match depth {
                0 => Origin::Own,
                n => Origin::Superclass(n as u32),
            };
            for &member in members_named(db, def, self.name) {
                // Initialisers are inherited by rules of their own.
                let inherited = depth == 0 || !is_init || (inits && !is_designated(db, member));
                if inherited {
                    self.add(member, class, args, origin, false);
                }
            }
            inits = inits && def.kind(db) == DefKind::Class && inherits_convenience_inits(db, def);
            for &protocol in all_protocols(db, def) {
                if !protocols.contains(&protocol) {
                    protocols.push(protocol);
                    if conforms_conditionally(db, def, protocol) {
                        conditional.push(protocol);
                    }
                }
            }
        }
        let none_found = self.found.is_empty();
        self.protocols_of(&protocols, &conditional, this, false);
        // A requirement that only the conformance itself fulfils, as derived members do, is found as such.
        if none_found && self.found.is_empty() {
            self.protocols.clear();
            self.protocols_of(&protocols, &conditional, this, true);
        }
    }

    /// Members of protocols that `this` conforms to, to some of them under conditions.
    fn protocols_of(
        &mut self,
        protocols: &[DefId],
        conditional: &[DefId],
        this: Ty,
        requirements: bool,
    ) {
        let db = self.db;
        let args = TyList::new(&[this]);
        for &protocol in protocols {
            if self.protocols.contains(&protocol) {
                continue;
            }
            self.protocols.push(protocol);
            let conditional = conditional.contains(&protocol);
            for &member in declared_named(db, protocol, self.name) {
                let required = member.parent(db) == Some(protocol);
                let origin = match required {
                    true => Origin::Requirement,
                    false => Origin::ProtocolExtension,
                };
                if requirements || !required || crate::resolve::scope::names_type(db, member) {
                    self.add(member, this, args, origin, conditional);
                }
            }
        }
    }

    fn add(&mut self, def: DefId, base: Ty, args: TyList, origin: Origin, conditional: bool) {
        let db = self.db;
        let constrained = conditional
            || def.parent(db).is_some_and(|p| {
                p.kind(db) == DefKind::Extension && generic_context(db, p) == Some(p)
            });
        self.found.push(MemberCandidate {
            def,
            base,
            args,
            origin,
            constrained,
        });
    }
}

/// Whether a nominal's conformance to a protocol is declared by an extension with conditions.
fn conforms_conditionally(db: &dyn Db, nominal: DefId, protocol: DefId) -> bool {
    conformance_table(db, nominal)
        .get(&protocol)
        .is_some_and(|declared| {
            declared.source != nominal
                && generic_context(db, declared.source) == Some(declared.source)
        })
}

fn closure(db: &dyn Db, protocols: &[DefId]) -> Vec<DefId> {
    let mut all: Vec<DefId> = Vec::new();
    for &protocol in protocols {
        for &p in std::iter::once(&protocol).chain(all_protocols(db, protocol)) {
            if !all.contains(&p) {
                all.push(p);
            }
        }
    }
    all
}

/// Every member name of a type, for suggestions and completion.
pub fn member_names(db: &dyn Db, ty: Ty, from: DefId) -> Vec<Name> {
    use crate::resolve::members::{ancestry, declared_members};
    let containers: Vec<DefId> = match ty.kind() {
        TyKind::Metatype(inner) | TyKind::Inout(inner) | TyKind::DynamicSelf(inner) => {
            return member_names(db, *inner, from);
        }
        TyKind::Nominal { def, .. } => ancestry(db, *def).to_vec(),
        TyKind::Existential(e) => closure(db, &e.protocols),
        _ if is_type_param(ty) => generic_env(db, from).map_or_else(Vec::new, |e| {
            e.protocols_of(db, normalize(db, Some(from), ty))
        }),
        _ => Vec::new(),
    };
    let mut names: Vec<Name> = Vec::new();
    for container in containers {
        names.extend(declared_members(db, container).by_name.keys());
    }
    names.sort_unstable();
    names.dedup();
    names
}
