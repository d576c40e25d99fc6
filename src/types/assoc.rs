//! Which types a nominal's associated types are.
//!
//! Found in Swift's order: a member type of the name, what the language derives, what the members that fulfil requirements say, what `where`
//! clauses of the protocols say, defaults, aliases in protocol extensions, and what default implementations say. All associated types of a nominal are found
//! together, each when another one first needs it.

use crate::base::FxHashMap;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::ItemKind;
use crate::resolve::decls::{TypeName, TypeScope, all_protocols, lookup_type, own_member_type};
use crate::resolve::members::declared_named;
use crate::resolve::scope::base_name;
use crate::types::conformance::{assoc_type_unchecked, conformance_table};
use crate::types::env::self_param;
use crate::types::generics::{
    Requirement, generic_env, generic_info, identity_args, own_param_base, own_param_count,
};
use crate::types::lang::{LangItem, array_of, lang};
use crate::types::lower::{Bounds, Lowerer, alias_type};
use crate::types::nominal::{class_chain, raw_type};
use crate::types::protocols::{
    assoc_root, assoc_types, declared_assocs, protocol_requirements, protocol_signature, refines,
    structural_protocols,
};
use crate::types::signature::{raw_signature, raw_var_type};
use crate::types::ty::{Ty, TyKind};

/// The associated types of a nominal's own conformances by their root declarations, in terms of the nominal's parameters. They may hold
/// projections that are still to be reduced.
#[salsa::tracked(cycle_initial = initial, cycle_fn = recover)]
pub fn type_witnesses(db: &dyn Db, nominal: DefId) -> FxHashMap<DefId, Ty> {
    let protocols = all_protocols(db, nominal);
    let self_ty = Ty::nominal(nominal, identity_args(db, nominal).as_slice());
    let mut solver = Solver {
        db,
        nominal,
        self_ty,
        protocols,
        found: FxHashMap::default(),
        active: Vec::new(),
        failed: Vec::new(),
    };
    for &protocol in protocols {
        for &assoc in assoc_types(db, protocol) {
            solver.solve(assoc);
        }
    }
    // What failed because of something that was being solved then may succeed now.
    let failed = std::mem::take(&mut solver.failed);
    for assoc in failed {
        solver.solve(assoc);
    }
    solver.found
}

fn initial(_: &dyn Db, _: salsa::Id, _: DefId) -> FxHashMap<DefId, Ty> {
    FxHashMap::default()
}

fn recover(
    _: &dyn Db,
    cycle: &salsa::Cycle,
    last: &FxHashMap<DefId, Ty>,
    value: FxHashMap<DefId, Ty>,
    _: DefId,
) -> FxHashMap<DefId, Ty> {
    // Types that grow with every round have no solution.
    if cycle.iteration() > 6 {
        last.clone()
    } else {
        value
    }
}

struct Solver<'a> {
    db: &'a dyn Db,
    nominal: DefId,
    self_ty: Ty,
    protocols: &'a [DefId],
    found: FxHashMap<DefId, Ty>,
    active: Vec<DefId>,
    failed: Vec<DefId>,
}

impl Solver<'_> {
    fn solve(&mut self, root: DefId) -> Option<Ty> {
        if let Some(&found) = self.found.get(&root) {
            return Some(found);
        }
        if self.active.contains(&root) || self.failed.contains(&root) {
            return None;
        }
        self.active.push(root);
        let found = self
            .explicit(root)
            .or_else(|| self.derived(root))
            .or_else(|| self.in_members(root))
            .or_else(|| self.in_clauses(root))
            .or_else(|| self.in_default_members(root, true))
            .or_else(|| self.by_default(root))
            .or_else(|| self.in_extension_alias(root))
            .or_else(|| self.in_default_members(root, false));
        self.active.pop();
        match found {
            Some(ty) => {
                self.found.insert(root, ty);
            }
            None => self.failed.push(root),
        }
        found
    }

    /// A member type or generic parameter of the same name.
    fn explicit(&self, root: DefId) -> Option<Ty> {
        let db = self.db;
        let name = root.name(db);
        for class in class_chain(db, self.self_ty) {
            let (def, args) = class.as_nominal()?;
            if let Some(member) = own_member_type(db, def, name) {
                if own_param_count(db, member) > 0 {
                    continue;
                }
                let ty = match member.kind(db) {
                    DefKind::TypeAlias => alias_type(db, member),
                    _ => Ty::nominal(member, identity_args(db, member).as_slice()),
                };
                return Some(ty.subst(args.as_slice()));
            }
        }
        let mode = TypeScope {
            without_members_of: Some(self.nominal),
            in_body: true,
        };
        match lookup_type(db, self.nominal, name, mode)?.name {
            TypeName::Def(d) if d.kind(db) == DefKind::GenericParam => {
                let owner = d.parent(db)?;
                Some(Ty::param(own_param_base(db, owner) + d.index(db), name))
            }
            _ => None,
        }
    }

    /// What derived conformances say.
    fn derived(&self, root: DefId) -> Option<Ty> {
        let db = self.db;
        let protocol = root.parent(db)?;
        if self.nominal.kind(db) != DefKind::Enum {
            return None;
        }
        if protocol == lang(db, LangItem::RawRepresentable) {
            return raw_type(db, self.nominal);
        }
        if protocol == lang(db, LangItem::CaseIterable) {
            let declared = declared_named(db, self.nominal, crate::base::Name::new("allCases"));
            return declared.is_empty().then(|| array_of(db, self.self_ty));
        }
        None
    }

    /// Matches the requirements that mention the associated type with the type's own members.
    fn in_members(&mut self, root: DefId) -> Option<Ty> {
        let db = self.db;
        for &protocol in self.protocols {
            for &requirement in protocol_requirements(db, protocol) {
                if !self.mentions(requirement, root) {
                    continue;
                }
                let name = base_name(db, requirement);
                for class in class_chain(db, self.self_ty) {
                    let Some((def, _)) = class.as_nominal() else {
                        break;
                    };
                    for &candidate in declared_named(db, def, name) {
                        if let Some(ty) =
                            self.try_candidate(root, requirement, candidate, class, false)
                        {
                            return Some(ty);
                        }
                    }
                }
            }
        }
        None
    }

    /// Matches them with members of protocol extensions; those of `refining` protocols that speak of the associated type in their conditions
    /// come before its default.
    fn in_default_members(&mut self, root: DefId, refining: bool) -> Option<Ty> {
        let db = self.db;
        let home = root.parent(db)?;
        for &protocol in self.protocols {
            for &requirement in protocol_requirements(db, protocol) {
                if !self.mentions(requirement, root) {
                    continue;
                }
                let name = base_name(db, requirement);
                for &owner in self.protocols {
                    for &candidate in declared_named(db, owner, name) {
                        let Some(ext) = candidate.parent(db) else {
                            continue;
                        };
                        if ext.kind(db) != DefKind::Extension {
                            continue;
                        }
                        if refining
                            && !(owner != home
                                && refines(db, owner, home)
                                && decides(db, ext, root))
                        {
                            continue;
                        }
                        let this = self.self_ty;
                        if let Some(ty) =
                            self.try_candidate(root, requirement, candidate, this, true)
                        {
                            return Some(ty);
                        }
                    }
                }
            }
        }
        None
    }

    fn mentions(&self, requirement: DefId, root: DefId) -> bool {
        let db = self.db;
        let of_self = |t: Ty| matches!(t.kind(), TyKind::Assoc { base, assoc } if *base == self_param() && *assoc == root);
        let mut test = |t: Ty| of_self(t);
        if requirement.kind(db) == DefKind::Var {
            return raw_var_type(db, requirement).any_part(&mut test);
        }
        let signature = raw_signature(db, requirement);
        signature.params.iter().any(|p| p.ty.any_part(&mut test))
            || signature.throws.is_some_and(|t| t.any_part(&mut test))
            || signature.result.any_part(&mut test)
    }

    fn try_candidate(
        &mut self,
        root: DefId,
        requirement: DefId,
        candidate: DefId,
        class: Ty,
        in_protocol: bool,
    ) -> Option<Ty> {
        let db = self.db;
        let kinds = (requirement.kind(db), candidate.kind(db));
        let args: Vec<Ty> = if in_protocol {
            vec![self.self_ty]
        } else {
            class.as_nominal()?.1.as_slice().to_vec()
        };
        let mut bound = FxHashMap::default();
        match kinds {
            (DefKind::Var, DefKind::Var) => {
                let wanted = raw_var_type(db, requirement);
                let given = raw_var_type(db, candidate).subst(&args);
                if !self.unify(wanted, given, &mut bound) {
                    return None;
                }
            }
            (DefKind::Func, DefKind::Func)
            | (DefKind::Init, DefKind::Init)
            | (DefKind::Subscript, DefKind::Subscript) => {
                let (wanted, given) =
                    (raw_signature(db, requirement), raw_signature(db, candidate));
                if wanted.params.len() != given.params.len() {
                    return None;
                }
                let labels = wanted.params.iter().zip(&given.params);
                if labels
                    .clone()
                    .any(|(w, g)| w.label != g.label || w.variadic != g.variadic)
                {
                    return None;
                }
                for (w, g) in labels {
                    if !self.unify(w.ty, g.ty.subst(&args), &mut bound) {
                        return None;
                    }
                }
                let never = crate::types::lang::never_ty(db);
                if let Some(w) = wanted.throws {
                    let g = given.throws.map_or(never, |g| g.subst(&args));
                    if matches!(w.kind(), TyKind::Assoc { .. }) && !self.unify(w, g, &mut bound) {
                        return None;
                    }
                }
                if kinds.0 != DefKind::Init
                    && !self.unify(wanted.result, given.result.subst(&args), &mut bound)
                {
                    return None;
                }
            }
            _ => return None,
        }
        let found = *bound.get(&root)?;
        // A member of a constrained extension counts only where the constraints hold, with what it would itself decide.
        let ext = candidate.parent(db)?;
        if in_protocol && !self.extension_applies(ext, &bound) {
            return None;
        }
        self.meets_bounds(root, found).then_some(found)
    }

    fn extension_applies(&mut self, ext: DefId, bound: &FxHashMap<DefId, Ty>) -> bool {
        let db = self.db;
        if crate::types::generics::generic_context(db, ext) != Some(ext) {
            return true;
        }
        let info = generic_info(db, ext);
        let added: Vec<DefId> = bound
            .iter()
            .filter(|(root, _)| !self.found.contains_key(*root))
            .map(|(&root, _)| root)
            .collect();
        for root in &added {
            self.found.insert(*root, bound[root]);
        }
        let holds = info.requirements[info.own_requirements..]
            .iter()
            .all(|r| match *r {
                Requirement::Conforms(ty, protocol) => match self.resolve(ty) {
                    Some(ty) => self.declares(ty, protocol),
                    None => false,
                },
                Requirement::Same(a, b) => match (self.resolve(a), self.resolve(b)) {
                    (Some(a), Some(b)) => self.equal(a, b),
                    _ => false,
                },
                Requirement::Superclass(..) | Requirement::Class(_) => {
                    self.nominal.kind(db) == DefKind::Class
                }
            });
        for root in &added {
            self.found.remove(root);
        }
        holds
    }

    /// Whether a type declares a conformance, whatever its conditions.
    fn declares(&self, ty: Ty, protocol: DefId) -> bool {
        let db = self.db;
        match ty.kind() {
            TyKind::Nominal { .. } => class_chain(db, ty).iter().any(|c| {
                c.nominal_def()
                    .is_some_and(|d| conformance_table(db, d).contains_key(&protocol))
            }),
            TyKind::Param { .. } | TyKind::Assoc { .. } => generic_env(db, self.nominal)
                .is_some_and(|e| e.protocols_of(db, e.reduce(db, ty)).contains(&protocol)),
            TyKind::Existential(e) => e.protocols.iter().any(|&p| refines(db, p, protocol)),
            // The bounds are enough: what follows from them may be what is being inferred.
            TyKind::Opaque { def, index, .. } => crate::types::signature::opaque_bounds(db, *def)
                .get(*index as usize)
                .is_some_and(|&bounds| self.declares(bounds, protocol)),
            TyKind::Error => true,
            _ => false,
        }
    }

    /// Whether a type can be this associated type, going by the protocols that it must conform to.
    fn meets_bounds(&self, root: DefId, ty: Ty) -> bool {
        let db = self.db;
        let term = Ty::new(TyKind::Assoc {
            base: self_param(),
            assoc: root,
        });
        let Some(protocol) = root.parent(db) else {
            return true;
        };
        if matches!(ty.kind(), TyKind::Assoc { .. }) {
            return true;
        }
        structural_protocols(db, protocol, term).iter().all(|&p| {
            let marker = [LangItem::Sendable, LangItem::Copyable, LangItem::Escapable];
            self.declares(ty, p) || marker.iter().any(|&m| lang(db, m) == p)
        })
    }

    /// Matches a requirement's type, in terms of `Self`, with a member's, in terms of the nominal.
    fn unify(&mut self, wanted: Ty, given: Ty, bound: &mut FxHashMap<DefId, Ty>) -> bool {
        let db = self.db;
        let given = match given.kind() {
            TyKind::DynamicSelf(inner) => *inner,
            _ => given,
        };
        match wanted.kind() {
            TyKind::Param { index: 0, .. } => given == self.self_ty,
            // The requirement's own parameters fit whatever stands there; the witness is checked in full later.
            TyKind::Param { .. } => true,
            TyKind::Assoc { base, assoc } if *base == self_param() => {
                if let TyKind::Assoc { base, assoc: given } = given.kind()
                    && *base == self.self_ty
                    && given == assoc
                {
                    return true;
                }
                if let Some(&known) = self.found.get(assoc).or_else(|| bound.get(assoc)) {
                    return match self.settle(given) {
                        Some(given) => self.equal(known, given),
                        None => true,
                    };
                }
                let Some(given) = self.settle(given) else {
                    return true;
                };
                let params = identity_args(db, self.nominal).len() as u32;
                let foreign = given.any_part(
                    &mut |t| matches!(t.kind(), TyKind::Param { index, .. } if *index >= params),
                );
                if foreign || given.is_error() {
                    return false;
                }
                bound.insert(*assoc, given);
                true
            }
            TyKind::Assoc { .. } => match (self.resolve(wanted), self.settle(given)) {
                (Some(wanted), Some(given)) => self.equal(wanted, given),
                _ => true,
            },
            TyKind::Nominal { def, args } => match given.kind() {
                TyKind::Nominal { def: d, args: a } if d == def && a.len() == args.len() => {
                    let pairs: Vec<(Ty, Ty)> = args.iter().zip(a.iter()).collect();
                    pairs.into_iter().all(|(w, g)| self.unify(w, g, bound))
                }
                TyKind::Assoc { .. } => match self.settle(given) {
                    Some(settled) if settled != given => self.unify(wanted, settled, bound),
                    _ => true,
                },
                TyKind::Param { index, .. } => {
                    *index >= identity_args(db, self.nominal).len() as u32
                }
                _ => false,
            },
            TyKind::Tuple(elems) => match given.kind() {
                TyKind::Tuple(g) if g.len() == elems.len() => elems
                    .iter()
                    .zip(g.iter())
                    .all(|(w, g)| self.unify(w.ty, g.ty, bound)),
                _ => false,
            },
            TyKind::Function(f) => match given.kind() {
                TyKind::Function(g) if g.params.len() == f.params.len() => {
                    let params = f.params.iter().zip(g.params.iter());
                    let mut all = true;
                    for (w, g) in params {
                        all &= self.unify(w.ty, g.ty, bound);
                    }
                    all && self.unify(f.result, g.result, bound)
                }
                _ => false,
            },
            TyKind::Metatype(w) => match given.kind() {
                TyKind::Metatype(g) => self.unify(*w, *g, bound),
                _ => false,
            },
            _ => match self.settle(given) {
                Some(given) => self.equal(wanted, given),
                None => true,
            },
        }
    }

    /// A member's type with the nominal's own associated types replaced; none while one is being solved.
    fn settle(&mut self, ty: Ty) -> Option<Ty> {
        let this = self.self_ty;
        let mut open = false;
        let settled = ty.map(&mut |part| match part.kind() {
            TyKind::Assoc { base, assoc } if *base == this => match self.solve(*assoc) {
                Some(found) => Some(found),
                None => {
                    open = true;
                    Some(part)
                }
            },
            _ if !part.has_projection() => Some(part),
            _ => None,
        });
        (!open).then_some(settled)
    }

    /// A type in terms of `Self` in terms of the nominal; none while something in it is being solved.
    fn resolve(&mut self, ty: Ty) -> Option<Ty> {
        let db = self.db;
        match ty.kind() {
            TyKind::Assoc { base, assoc } => {
                let base = self.resolve(*base)?;
                if base == self.self_ty {
                    return self.solve(assoc_root(db, *assoc));
                }
                if crate::types::env::is_type_param(base) {
                    let projected = Ty::new(TyKind::Assoc {
                        base,
                        assoc: *assoc,
                    });
                    return Some(match generic_env(db, self.nominal) {
                        Some(env) => env.reduce(db, projected),
                        None => projected,
                    });
                }
                let found = assoc_type_unchecked(db, base, *assoc)?;
                self.settle(found)
            }
            TyKind::Param { index: 0, .. } => Some(self.self_ty),
            _ if !ty.has_params() => Some(ty),
            _ => {
                let mut open = false;
                let resolved = ty.map(&mut |part| match part.kind() {
                    TyKind::Assoc { .. } | TyKind::Param { .. } => match self.resolve(part) {
                        Some(found) => Some(found),
                        None => {
                            open = true;
                            Some(part)
                        }
                    },
                    _ if !part.has_params() => Some(part),
                    _ => None,
                });
                (!open).then_some(resolved)
            }
        }
    }

    fn equal(&self, a: Ty, b: Ty) -> bool {
        let db = self.db;
        let normal = |t| crate::types::conformance::normalize(db, Some(self.nominal), t);
        a == b
            || a.is_error()
            || b.is_error()
            || {
                // Only types without our own projections can be compared further.
                let own = |t: Ty| {
                    t.any_part(&mut |p| matches!(p.kind(), TyKind::Assoc { base, .. } if *base == self.self_ty))
                };
                !own(a) && !own(b) && normal(a) == normal(b)
            }
    }

    /// `where Iterator.Element == Element`
    fn in_clauses(&mut self, root: DefId) -> Option<Ty> {
        let db = self.db;
        let is_root = |t: Ty| matches!(t.kind(), TyKind::Assoc { base, assoc } if *base == self_param() && *assoc == root);
        for &protocol in self.protocols {
            for requirement in protocol_signature(db, protocol) {
                let Requirement::Same(a, b) = *requirement else {
                    continue;
                };
                let other = match (is_root(a), is_root(b)) {
                    (true, _) => b,
                    (_, true) => a,
                    _ => continue,
                };
                if let Some(found) = self.resolve(other) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The default in the most derived protocol that gives one.
    fn by_default(&mut self, root: DefId) -> Option<Ty> {
        let db = self.db;
        let name = root.name(db);
        let mut best: Option<(DefId, Ty)> = None;
        for &protocol in self.protocols {
            let mut declared = declared_assocs(db, protocol);
            let Some(assoc) = declared.find(|a| a.name(db) == name) else {
                continue;
            };
            let Some(item) = item(db, assoc) else {
                continue;
            };
            let ItemKind::AssociatedType {
                default: Some(default),
                ..
            } = item.kind
            else {
                continue;
            };
            if best.is_some_and(|(p, _)| !refines(db, protocol, p)) {
                continue;
            }
            let mut lowerer = Lowerer::new(db, assoc, &item.types, Bounds::Context(protocol));
            best = Some((protocol, lowerer.lower(default)));
        }
        let (_, default) = best?;
        self.resolve(default)
    }

    /// `extension P { typealias Name = … }`
    fn in_extension_alias(&mut self, root: DefId) -> Option<Ty> {
        let db = self.db;
        let name = root.name(db);
        for &protocol in self.protocols {
            for &member in declared_named(db, protocol, name) {
                if member.kind(db) != DefKind::TypeAlias {
                    continue;
                }
                let ext = member.parent(db)?;
                if ext.kind(db) == DefKind::Extension
                    && !self.extension_applies(ext, &FxHashMap::default())
                {
                    continue;
                }
                if let Some(found) = self.resolve(alias_type(db, member)) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// Whether an extension's own conditions say what an associated type of `Self` is.
fn decides(db: &dyn Db, ext: DefId, root: DefId) -> bool {
    let info = generic_info(db, ext);
    let is_root = |t: Ty| matches!(t.kind(), TyKind::Assoc { base, assoc } if *base == self_param() && *assoc == root);
    info.requirements[info.own_requirements..]
        .iter()
        .any(|r| matches!(r, Requirement::Same(a, b) if is_root(*a) || is_root(*b)))
}
