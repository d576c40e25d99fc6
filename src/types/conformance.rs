//! Whether and why a type conforms to a protocol, and the reduction of associated types that follows.

use crate::base::FxHashMap;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::{ItemKind, TypeRef};
use crate::resolve::decls::{all_protocols, direct_protocols, superclass_decl};
use crate::types::assoc::type_witnesses;
use crate::types::env::is_type_param;
use crate::types::existential::projected;
use crate::types::generics::{Requirement, generic_context, generic_env, generic_info};
use crate::types::hooks;
use crate::types::lang::{LangItem, lang};
use crate::types::nominal::{class_chain, superclass};
use crate::types::opaque::OpaqueParam;
use crate::types::protocols::assoc_root;
use crate::types::ty::{Ty, TyKind, TyList};

/// Why a type conforms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Conformance {
    /// A nominal (or one of its superclasses) declares it: `source` is the nominal or the extension that does, `args` the arguments of the
    /// declaring nominal.
    Declared {
        nominal: DefId,
        source: DefId,
        args: TyList,
    },
    /// The generic environment says so, or the bounds of an opaque type.
    Assumed,
    /// An existential conforms to a protocol of its own.
    Existential,
    /// Holds by nature: marker protocols, and anything of a type that is wrong already.
    Builtin,
}

/// A conformance that a nominal's declaration or one of its extensions states.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DeclaredConformance {
    /// The nominal or extension.
    pub source: DefId,
    /// It is named there, and not implied by another protocol.
    pub explicit: bool,
}

/// The protocols that a nominal conforms to by its own declaration and its extensions, implied ones too. Those of superclasses are theirs.
#[salsa::tracked(cycle_result = no_table)]
pub fn conformance_table(db: &dyn Db, nominal: DefId) -> FxHashMap<DefId, DeclaredConformance> {
    let mut table: FxHashMap<DefId, DeclaredConformance> = FxHashMap::default();
    let direct = direct_protocols(db, nominal);
    for &(protocol, source) in direct {
        table.entry(protocol).or_insert(DeclaredConformance {
            source,
            explicit: true,
        });
    }
    // What a superclass conforms to already is its conformance, with its witnesses, also where another protocol implies it again.
    let above = superclass_decl(db, nominal)
        .filter(|_| nominal.kind(db) == DefKind::Class)
        .map(|class| ancestors_conform(db, class));
    let conditional =
        |source: DefId| source != nominal && generic_context(db, source) == Some(source);
    for &(protocol, source) in direct {
        for &inherited in all_protocols(db, protocol) {
            if above
                .as_ref()
                .is_some_and(|above| above.contains(&inherited))
            {
                continue;
            }
            let implied = DeclaredConformance {
                source,
                explicit: false,
            };
            let entry = table.entry(inherited).or_insert(implied);
            // Of several declarations that imply a protocol one without conditions counts.
            if !entry.explicit && conditional(entry.source) && !conditional(source) {
                *entry = implied;
            }
        }
    }
    table
}

/// The protocols that a class or one of its superclasses states a conformance to.
fn ancestors_conform(db: &dyn Db, class: DefId) -> Vec<DefId> {
    let mut found = Vec::new();
    let mut at = Some(class);
    // A cycle of superclasses is an error that has been reported; the bound only ends the search.
    for _ in 0..256 {
        let Some(class) = at else { break };
        for &(protocol, _) in direct_protocols(db, class) {
            found.push(protocol);
            found.extend_from_slice(all_protocols(db, protocol));
        }
        at = superclass_decl(db, class);
    }
    found
}

fn no_table(_: &dyn Db, _: salsa::Id, _: DefId) -> FxHashMap<DefId, DeclaredConformance> {
    FxHashMap::default()
}

/// Why the type conforms to the protocol. `env` is the declaration whose generic requirements are assumed to hold; without one, types are
/// concrete and an existential conforms to its own protocols (which is what an instance for `any P` needs).
pub fn conformance(
    db: &dyn Db,
    env: Option<DefId>,
    ty: Ty,
    protocol: DefId,
) -> Option<Conformance> {
    match ty.kind() {
        TyKind::Error => return Some(Conformance::Builtin),
        TyKind::Nominal { .. } => {}
        TyKind::DynamicSelf(inner) => return conformance(db, env, *inner, protocol),
        TyKind::Param { .. } | TyKind::Assoc { .. } => {
            let reduced = normalize(db, env, ty);
            if !is_type_param(reduced) {
                if reduced == ty {
                    return opaque_conformance(db, env, ty, protocol);
                }
                return conformance(db, env, reduced, protocol);
            }
            let assumed = env
                .and_then(|e| generic_env(db, e))
                .is_some_and(|e| e.protocols_of(db, reduced).contains(&protocol));
            if assumed {
                return Some(Conformance::Assumed);
            }
            return is_marker(db, protocol).then_some(Conformance::Builtin);
        }
        TyKind::Existential(e) => {
            let has = |&p: &DefId| p == protocol || all_protocols(db, p).contains(&protocol);
            let own = e.protocols.iter().any(has);
            // `any Error` is an Error; other existentials do not conform to their own protocols.
            if own && (env.is_none() || protocol == lang(db, LangItem::Error)) {
                return Some(Conformance::Existential);
            }
            if let Some(class) = e.superclass
                && let Some(found) = conformance(db, env, class, protocol)
            {
                return Some(found);
            }
            return is_marker(db, protocol).then_some(Conformance::Builtin);
        }
        TyKind::Opaque { .. } => return opaque_conformance(db, env, ty, protocol),
        _ => return is_marker(db, protocol).then_some(Conformance::Builtin),
    }
    let mut at = Some(ty);
    while let Some(class) = at {
        let (def, args) = class.as_nominal()?;
        if let Some(declared) = conformance_table(db, def).get(&protocol) {
            let source = declared.source;
            let conditional = source != def && generic_context(db, source) == Some(source);
            if !conditional || conditions_hold(db, env, source, args) {
                return Some(Conformance::Declared {
                    nominal: def,
                    source,
                    args,
                });
            }
            return None;
        }
        at = match def.kind(db) {
            DefKind::Class => superclass(db, def).map(|s| s.subst(args.as_slice())),
            _ => None,
        };
    }
    (is_marker(db, protocol) && !suppresses(db, ty, protocol)).then_some(Conformance::Builtin)
}

/// Why an opaque type or an associated type of one conforms.
fn opaque_conformance(
    db: &dyn Db,
    env: Option<DefId>,
    ty: Ty,
    protocol: DefId,
) -> Option<Conformance> {
    if let Some(param) = OpaqueParam::of(db, ty) {
        if param.protocols().contains(&protocol) {
            return Some(Conformance::Assumed);
        }
        if let Some(class) = param.superclass() {
            return conformance(db, env, class, protocol);
        }
    }
    is_marker(db, protocol).then_some(Conformance::Builtin)
}

/// Whether [`conformance`] finds one.
pub fn conforms(db: &dyn Db, env: Option<DefId>, ty: Ty, protocol: DefId) -> bool {
    conformance(db, env, ty, protocol).is_some()
}

/// Whether a protocol has no requirements that a program could see, so that everything conforms unless it says otherwise.
pub fn is_marker(db: &dyn Db, protocol: DefId) -> bool {
    [LangItem::Sendable, LangItem::Copyable, LangItem::Escapable]
        .into_iter()
        .any(|m| lang(db, m) == protocol)
}

/// `struct S: ~Copyable`
pub(super) fn suppresses(db: &dyn Db, ty: Ty, protocol: DefId) -> bool {
    let Some(item) = ty.nominal_def().and_then(|d| item(db, d)) else {
        return false;
    };
    let ItemKind::Nominal(nominal) = &item.kind else {
        return false;
    };
    nominal.inherits.iter().any(|&i| match &item.types[i] {
        TypeRef::Suppressed(inner) => match &item.types[*inner] {
            TypeRef::Path(path) => path.last().is_some_and(|s| s.name == protocol.name(db)),
            _ => false,
        },
        _ => false,
    })
}

/// Whether the conditions of a conditional conformance hold for these arguments.
fn conditions_hold(db: &dyn Db, env: Option<DefId>, source: DefId, args: TyList) -> bool {
    // Types that grow without end would be asked about without end.
    if args.iter().any(|a| a.nesting() > 40) {
        return false;
    }
    let env = env
        .filter(|_| args.has_params())
        .and_then(|e| generic_context(db, e));
    conditions_hold_query(db, source, env, args)
}

#[salsa::tracked(returns(copy), cycle_result = cyclic_conditions)]
fn conditions_hold_query(db: &dyn Db, source: DefId, env: Option<DefId>, args: TyList) -> bool {
    let info = generic_info(db, source);
    info.requirements[info.own_requirements..]
        .iter()
        .all(|r| requirement_holds(db, env, r.subst(args.as_slice())))
}

/// What is being proved may be assumed: a conformance that depends on itself alone holds.
fn cyclic_conditions(_: &dyn Db, _: salsa::Id, _: DefId, _: Option<DefId>, _: TyList) -> bool {
    true
}

/// Whether a requirement holds in an environment. Types with solver variables or errors satisfy everything that cannot be decided.
pub fn requirement_holds(db: &dyn Db, env: Option<DefId>, requirement: Requirement) -> bool {
    let normal = |t: Ty| normalize(db, env, t);
    match requirement {
        Requirement::Conforms(ty, protocol) => {
            let ty = normal(ty);
            matches!(ty.kind(), TyKind::Infer(_)) || conforms(db, env, ty, protocol)
        }
        Requirement::Same(a, b) => {
            let (a, b) = (normal(a), normal(b));
            a == b || a.has_infer() || b.has_infer() || a.has_error() || b.has_error()
        }
        Requirement::Superclass(ty, class) => {
            let (ty, class) = (normal(ty), normal(class));
            if ty.has_infer() || ty.has_error() || class.has_error() {
                return true;
            }
            let start = match ty.kind() {
                TyKind::DynamicSelf(inner) => Some(*inner),
                TyKind::Existential(e) => e.superclass,
                _ if is_type_param(ty) => env
                    .and_then(|e| generic_env(db, e))
                    .and_then(|e| e.superclass_of(db, ty)),
                _ => Some(ty),
            };
            start.is_some_and(|s| class_chain(db, s).iter().any(|&c| normal(c) == class))
        }
        Requirement::Class(ty) => is_class_type(db, env, normal(ty)),
    }
}

/// Whether values of the type are single references to objects.
pub fn is_class_type(db: &dyn Db, env: Option<DefId>, ty: Ty) -> bool {
    match ty.kind() {
        TyKind::Error | TyKind::Infer(_) | TyKind::DynamicSelf(_) => true,
        TyKind::Nominal { def, .. } => def.kind(db) == DefKind::Class,
        TyKind::Existential(e) => e.class_bound,
        TyKind::Opaque { .. } => OpaqueParam::of(db, ty).is_some_and(|param| param.is_class()),
        TyKind::Builtin(b) => *b == crate::types::ty::BuiltinTy::NativeObject,
        _ if is_type_param(ty) => env
            .and_then(|e| generic_env(db, e))
            .is_some_and(|e| e.is_class(db, ty) || e.superclass_of(db, ty).is_some()),
        TyKind::Assoc { .. } => OpaqueParam::of(db, ty).is_some_and(|param| param.is_class()),
        _ => false,
    }
}

/// The associated type of a concrete type, normalised.
pub fn assoc_type(db: &dyn Db, ty: Ty, assoc: DefId) -> Option<Ty> {
    let found = assoc_type_unchecked(db, ty, assoc)?;
    Some(normalize(db, None, found))
}

/// The associated type that a type's declared conformances give, whatever their conditions; not normalised further.
pub fn assoc_type_unchecked(db: &dyn Db, ty: Ty, assoc: DefId) -> Option<Ty> {
    let root = assoc_root(db, assoc);
    match ty.kind() {
        TyKind::Nominal { .. } => {
            let mut at = Some(ty);
            while let Some(class) = at {
                let (def, args) = class.as_nominal()?;
                if let Some(found) = type_witnesses(db, def).get(&root) {
                    return Some(found.subst(args.as_slice()));
                }
                at = match def.kind(db) {
                    DefKind::Class => superclass(db, def).map(|s| s.subst(args.as_slice())),
                    _ => None,
                };
            }
            None
        }
        TyKind::DynamicSelf(inner) => assoc_type_unchecked(db, *inner, assoc),
        TyKind::Existential(e) => projected(db, e, assoc),
        TyKind::Opaque { .. } | TyKind::Assoc { .. } => {
            let projection = Ty::new(TyKind::Assoc {
                base: ty,
                assoc: root,
            });
            let reduced = OpaqueParam::of(db, projection)?.reduced();
            (reduced != projection).then_some(reduced)
        }
        TyKind::Error => Some(ty),
        _ => None,
    }
}

/// How deeply reductions may follow each other before a type is taken for endless.
const MAX_DEPTH: u32 = 64;

/// The type with every projection reduced as far as the environment allows, equal type parameters replaced by one representative.
pub fn normalize(db: &dyn Db, env: Option<DefId>, ty: Ty) -> Ty {
    if !ty.has_projection() && (env.is_none() || !ty.has_params()) {
        return ty;
    }
    reduce_all(db, env, ty, MAX_DEPTH, false)
}

/// The same without opaque types: their underlying types come from the bodies. For code generation.
pub fn normalize_concrete(db: &dyn Db, ty: Ty) -> Ty {
    if !ty.has_projection() {
        return ty;
    }
    reduce_all(db, None, ty, MAX_DEPTH, true)
}

fn reduce_all(db: &dyn Db, env: Option<DefId>, ty: Ty, fuel: u32, open: bool) -> Ty {
    if fuel == 0 {
        return ty;
    }
    let generic = env.and_then(|e| generic_env(db, e));
    ty.map(&mut |part| match part.kind() {
        TyKind::Param { .. } => {
            let reduced = generic.map_or(part, |g| g.reduce(db, part));
            if is_type_param(reduced) || reduced == part {
                return Some(reduced);
            }
            Some(reduce_all(db, env, reduced, fuel - 1, open))
        }
        TyKind::Assoc { base, assoc } => {
            let base = reduce_all(db, env, *base, fuel - 1, open);
            let rebuilt = Ty::new(TyKind::Assoc {
                base,
                assoc: *assoc,
            });
            if is_type_param(base) {
                let reduced = generic.map_or(rebuilt, |g| g.reduce(db, rebuilt));
                if is_type_param(reduced) {
                    return Some(reduced);
                }
                return Some(reduce_all(db, env, reduced, fuel - 1, open));
            }
            match assoc_type_unchecked(db, base, *assoc) {
                Some(found) if found != rebuilt => Some(reduce_all(db, env, found, fuel - 1, open)),
                _ => Some(rebuilt),
            }
        }
        TyKind::Opaque { def, index, args } if open => {
            let underlying = hooks::opaque_underlying(db, *def, *index)?;
            let args: Vec<Ty> = args
                .iter()
                .map(|a| reduce_all(db, env, a, fuel - 1, open))
                .collect();
            Some(reduce_all(db, env, underlying.subst(&args), fuel - 1, open))
        }
        _ if !part.has_projection() && (generic.is_none() || !part.has_params()) => Some(part),
        _ => None,
    })
}
