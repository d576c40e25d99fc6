//! Which declaration fulfils a protocol's requirement.

use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::tree::ItemKind;
use crate::items::{item, module_of};
use crate::resolve::decls::all_protocols;
use crate::resolve::is_static_member;
use crate::resolve::members::declared_named;
use crate::resolve::scope::{base_name, imported_modules, is_operator, module_members};
use crate::types::conformance::{
    conformance_table, conforms, normalize, normalize_concrete, requirement_holds,
};
use crate::types::generics::{
    Requirement, generic_context, generic_env, generic_info, generics, identity_args,
    own_param_base,
};
use crate::types::members::members_named;
use crate::types::nominal::{class_chain, is_stored, raw_type};
use crate::types::protocols::refines;
use crate::types::signature::{SigParam, Signature, ThisKind, raw_signature, raw_var_type};
use crate::types::synth::synth_members;
use crate::types::ty::{FnTy, ParamMode, Ty, TyKind, TyList};

/// What fulfils a requirement for a nominal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WitnessEntry {
    pub def: DefId,
    /// The witness's arguments, in terms of the nominal's parameters followed by the requirement's own.
    pub args: TyList,
    /// The witness stands in a protocol's extension: its first argument is `Self`, also for subclasses.
    pub in_protocol: bool,
}

/// Why nothing fulfils a requirement: the candidates of the name that were looked at, each with what is wrong about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NoWitness {
    pub candidates: Vec<(DefId, Mismatch)>,
}

/// Whether a member is one with which the compiler compares or hashes values.
fn is_comparison(kind: DefKind) -> bool {
    use Synth::{Equals, HashInto, Less};
    matches!(kind, DefKind::Synth(Equals | Less | HashInto))
}

/// Whether an enum's raw values are those that the compiler gives its cases.
fn derives_raw_value(db: &dyn Db, nominal: DefId) -> bool {
    synth_members(db, nominal)
        .iter()
        .any(|m| m.kind(db) == DefKind::Synth(Synth::RawValue))
}

/// What is wrong about a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mismatch {
    Kind,
    Labels,
    Type,
    Static,
    Mutating,
    Throws,
    Async,
    NotSettable,
    Failable,
    Condition,
    Requirement(Requirement),
}

/// The implementation of a requirement for a concrete `Self` (the first argument; the requirement's own arguments follow) with its full
/// arguments. The requirement may be a function, initialiser, subscript, variable, or an accessor of the latter two. For an accessor the result
/// is the witness variable's or subscript's accessor when it declares one of that kind, else the variable or subscript itself (a stored
/// property, or one with other accessors). A class's overridable member is returned as declared: the caller dispatches dynamically.
pub fn witness(db: &dyn Db, requirement: DefId, args: TyList) -> Option<(DefId, TyList)> {
    let (base, accessor) = match requirement.kind(db) {
        DefKind::Accessor(kind) => (requirement.parent(db)?, Some(kind)),
        _ => (requirement, None),
    };
    let protocol = base.parent(db)?;
    if protocol.kind(db) != DefKind::Protocol {
        return None;
    }
    let (&this, own) = args.as_slice().split_first()?;
    let this = match normalize_concrete(db, this).kind() {
        TyKind::DynamicSelf(inner) => *inner,
        kind => Ty::new(kind.clone()),
    };
    for class in class_chain(db, this) {
        let (nominal, class_args) = class.as_nominal()?;
        if !conformance_table(db, nominal).contains_key(&protocol) {
            continue;
        }
        let entry = witness_entry(db, nominal, base).as_ref().ok()?;
        let mut all: Vec<Ty> = class_args.as_slice().to_vec();
        all.extend_from_slice(own);
        let args = entry
            .args
            .iter()
            .map(|a| normalize_concrete(db, a.subst(&all)));
        let mut args: Vec<Ty> = args.collect();
        if entry.in_protocol
            && let Some(first) = args.first_mut()
        {
            *first = this;
        }
        let def = accessor.map_or(entry.def, |kind| accessor_of(db, entry.def, kind));
        return Some((def, TyList::new(&args)));
    }
    None
}

/// A variable's or subscript's own accessor of this kind, or itself.
pub fn accessor_of(db: &dyn Db, def: DefId, kind: AccessorKind) -> DefId {
    let accessors = match item(db, def).map(|i| &i.kind) {
        Some(ItemKind::Var(v)) => &v.accessors,
        Some(ItemKind::Subscript(s)) => &s.accessors,
        _ => return def,
    };
    accessors
        .iter()
        .find(|a| a.kind == kind)
        .map_or(def, |a| a.def)
}

/// What fulfils a requirement of a protocol that the nominal itself (not a superclass) declares a conformance to.
#[salsa::tracked(cycle_result = cyclic_entry)]
pub fn witness_entry(
    db: &dyn Db,
    nominal: DefId,
    requirement: DefId,
) -> Result<WitnessEntry, NoWitness> {
    let mut best: Option<(Rank, WitnessEntry)> = None;
    let mut failures = NoWitness::default();
    let matcher = match Matcher::new(db, nominal, requirement) {
        Some(matcher) => matcher,
        None => return Err(failures),
    };
    for (candidate, place) in matcher.candidates() {
        match matcher.matches(candidate, place) {
            Ok(entry) => {
                let rank = matcher.rank(candidate, place);
                if best.as_ref().is_none_or(|(b, _)| rank.beats(db, b)) {
                    best = Some((rank, entry));
                }
            }
            Err(mismatch) => failures.candidates.push((candidate, mismatch)),
        }
    }
    best.map(|b| b.1).ok_or(failures)
}

fn cyclic_entry(_: &dyn Db, _: salsa::Id, _: DefId, _: DefId) -> Result<WitnessEntry, NoWitness> {
    Err(NoWitness::default())
}

/// Where a candidate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the type or its nth superclass, seen as this type.
    Class(Ty, u32),
    /// An operator at the top level.
    Global,
    /// In an extension of this protocol.
    Protocol(DefId),
}

struct Rank {
    tier: u32,
    protocol: Option<DefId>,
    own_params: usize,
    conditions: usize,
}

impl Rank {
    fn beats(&self, db: &dyn Db, other: &Rank) -> bool {
        if self.tier != other.tier {
            return self.tier < other.tier;
        }
        if let (Some(a), Some(b)) = (self.protocol, other.protocol)
            && a != b
        {
            if refines(db, a, b) {
                return true;
            }
            if refines(db, b, a) {
                return false;
            }
        }
        // A candidate with generic parameters of its own takes whatever the other one takes, so its conditions do not make it more special.
        if self.own_params != other.own_params {
            return self.own_params < other.own_params;
        }
        self.conditions > other.conditions
    }
}

struct Matcher<'a> {
    db: &'a dyn Db,
    nominal: DefId,
    requirement: DefId,
    /// The declaration whose conditions hold: the one that states the conformance.
    source: DefId,
    self_ty: Ty,
    /// How many parameters the nominal has: the requirement's own follow them.
    outer: u32,
    wanted: Signature,
}

impl<'a> Matcher<'a> {
    fn new(db: &'a dyn Db, nominal: DefId, requirement: DefId) -> Option<Matcher<'a>> {
        let protocol = requirement.parent(db)?;
        let source = conformance_table(db, nominal).get(&protocol)?.source;
        let params = identity_args(db, nominal);
        let self_ty = Ty::nominal(nominal, params.as_slice());
        let outer = params.len() as u32;
        let own = generics(db, requirement);
        let mut args = vec![self_ty];
        for (i, param) in own.params.iter().enumerate().skip(1) {
            args.push(Ty::param(outer + i as u32 - 1, param.name));
        }
        let raw = match requirement.kind(db) {
            DefKind::Var => {
                Signature::plain(Vec::new(), raw_var_type(db, requirement), ThisKind::None)
            }
            _ => raw_signature(db, requirement).clone(),
        };
        let mut matcher = Matcher {
            db,
            nominal,
            requirement,
            source,
            self_ty,
            outer,
            wanted: Signature::plain(Vec::new(), Ty::error(), ThisKind::None),
        };
        matcher.wanted = Signature {
            params: raw
                .params
                .iter()
                .map(|p| SigParam {
                    ty: matcher.normal(p.ty.subst(&args)),
                    ..p.clone()
                })
                .collect(),
            result: matcher.normal(raw.result.subst(&args)),
            throws: raw.throws.map(|t| matcher.normal(t.subst(&args))),
            ..raw
        };
        Some(matcher)
    }

    /// Normalised where the conformance's conditions hold, with differences that witnesses may show taken away.
    fn normal(&self, ty: Ty) -> Ty {
        plain(normalize(self.db, Some(self.source), ty))
    }

    fn candidates(&self) -> Vec<(DefId, Place)> {
        let db = self.db;
        let name = base_name(db, self.requirement);
        let mut found = Vec::new();
        let classes = class_chain(db, self.self_ty);
        let mut protocols: Vec<DefId> = Vec::new();
        for (depth, &class) in classes.iter().enumerate() {
            let Some(def) = class.nominal_def() else {
                continue;
            };
            let members = members_named(db, def, name).iter();
            found.extend(members.map(|&m| (m, Place::Class(class, depth as u32))));
            for &protocol in all_protocols(db, def) {
                if !protocols.contains(&protocol) {
                    protocols.push(protocol);
                }
            }
        }
        if is_operator(name) {
            let module = module_of(db, self.nominal);
            for &module in std::iter::once(&module).chain(imported_modules(db, self.nominal)) {
                let globals = module_members(db, module, name).iter();
                found.extend(globals.map(|&m| (m, Place::Global)));
            }
        }
        for protocol in protocols {
            // Where the conformance is declared, others that have more conditions may not hold.
            let members = declared_named(db, protocol, name);
            if members.is_empty() || !conforms(db, Some(self.source), self.self_ty, protocol) {
                continue;
            }
            for &member in members {
                if member
                    .parent(db)
                    .is_some_and(|p| p.kind(db) == DefKind::Extension)
                {
                    found.push((member, Place::Protocol(protocol)));
                }
            }
        }
        // The conformance's own module does not see what modules that import it add.
        let home = module_of(db, self.source);
        found.retain(|(member, _)| {
            let module = module_of(db, *member);
            module == home || !imported_modules(db, module).contains(&home)
        });
        found
    }

    fn rank(&self, candidate: DefId, place: Place) -> Rank {
        let db = self.db;
        let generics = generics(db, candidate);
        let (tier, protocol) = match place {
            // The compiler compares and hashes only where nothing that is written does. Raw values that it makes itself say what is equal
            // just as the cases do, which are faster to compare.
            Place::Class(..) if is_comparison(candidate.kind(db)) => {
                match raw_type(db, self.nominal).is_some() && derives_raw_value(db, self.nominal) {
                    true => (0, None),
                    false => (3000, None),
                }
            }
            Place::Class(_, depth) => (depth, None),
            Place::Global => (1000, None),
            Place::Protocol(p) => (2000, Some(p)),
        };
        Rank {
            tier,
            protocol,
            own_params: generics.own_count(),
            conditions: generics.requirements.len(),
        }
    }

    fn matches(&self, candidate: DefId, place: Place) -> Result<WitnessEntry, Mismatch> {
        let db = self.db;
        let kinds = (self.requirement.kind(db), candidate.kind(db));
        let case = kinds.1 == DefKind::Case;
        let variable = kinds.0 == DefKind::Var;
        let has_payload = case && crate::types::nominal::has_payload(db, candidate);
        let synth = matches!(kinds.1, DefKind::Synth(_));
        let fits = kinds.0 == kinds.1
            || synth
            || (case && variable && !has_payload)
            || (case && kinds.0 == DefKind::Func && has_payload);
        if !fits {
            return Err(Mismatch::Kind);
        }
        if kinds.0 != DefKind::Init
            && !matches!(place, Place::Global)
            && is_static_member(db, self.requirement) != is_static_member(db, candidate)
        {
            return Err(Mismatch::Static);
        }
        let given = match variable {
            true => {
                let ty = if case {
                    raw_signature(db, candidate).result
                } else {
                    raw_var_type(db, candidate)
                };
                Signature::plain(Vec::new(), ty, ThisKind::None)
            }
            false => raw_signature(db, candidate).clone(),
        };
        if variable && !self.accessors_fit(candidate) {
            return Err(Mismatch::NotSettable);
        }
        if kinds.0 == DefKind::Subscript && !self.accessors_fit(candidate) {
            return Err(Mismatch::NotSettable);
        }
        let wanted = &self.wanted;
        let shape = |p: &SigParam| (p.label, p.variadic, p.mode == ParamMode::Inout);
        if given.params.len() != wanted.params.len()
            || !given
                .params
                .iter()
                .map(shape)
                .eq(wanted.params.iter().map(shape))
        {
            return Err(Mismatch::Labels);
        }
        if given.throws.is_some() && wanted.throws.is_none() && !given.rethrows {
            return Err(Mismatch::Throws);
        }
        if given.is_async && !wanted.is_async {
            return Err(Mismatch::Async);
        }
        if given.this == ThisKind::Inout && wanted.this == ThisKind::Borrow {
            return Err(Mismatch::Mutating);
        }
        // The arguments for the parameters around the candidate; its own are found by matching.
        let outer: Vec<Ty> = match place {
            Place::Class(class, _) => class
                .as_nominal()
                .map_or_else(Vec::new, |c| c.1.as_slice().to_vec()),
            Place::Global => Vec::new(),
            Place::Protocol(_) => vec![self.self_ty],
        };
        let base = match place {
            Place::Global => 0,
            _ => own_param_base(db, candidate),
        };
        let own = generics(db, candidate).params.len() as u32;
        let mut binder = Binder {
            base: base.min(outer.len() as u32),
            outer: &outer,
            bound: vec![None; (own.saturating_sub(base)) as usize],
        };
        let mut wanted_result = wanted.result;
        let given_result = given.result;
        if kinds.0 == DefKind::Init {
            // An initialiser that cannot fail serves where one that may is wanted.
            let optional = |t: Ty| crate::types::lang::optional_payload(db, t);
            match (optional(wanted_result), optional(given_result)) {
                (Some(payload), None) => wanted_result = payload,
                (None, Some(_)) if !given.result_is_iuo => return Err(Mismatch::Failable),
                _ => {}
            }
        }
        for (given, wanted) in given.params.iter().zip(&wanted.params) {
            binder.bind(given.ty, wanted.ty);
        }
        if kinds.0 != DefKind::Init {
            binder.bind(given_result, wanted_result);
        }
        let args = binder.args();
        let Some(args) = args else {
            return Err(Mismatch::Type);
        };
        for (given, wanted) in given.params.iter().zip(&wanted.params) {
            if !self.same(given.ty.subst(&args), wanted.ty) {
                return Err(Mismatch::Type);
            }
        }
        if kinds.0 != DefKind::Init && !self.same(given_result.subst(&args), wanted_result) {
            return Err(Mismatch::Type);
        }
        self.conditions(candidate, place, &args)?;
        Ok(WitnessEntry {
            def: candidate,
            args: TyList::new(&args),
            in_protocol: matches!(place, Place::Protocol(_)),
        })
    }

    fn same(&self, given: Ty, wanted: Ty) -> bool {
        let given = self.normal(given);
        given == wanted || given.is_error() || wanted.is_error()
    }

    fn accessors_fit(&self, candidate: DefId) -> bool {
        let db = self.db;
        let settable = match item(db, self.requirement).map(|i| &i.kind) {
            Some(ItemKind::Var(v)) => v.requirement_settable,
            Some(ItemKind::Subscript(s)) => s.requirement_settable,
            _ => false,
        };
        !settable || is_settable(db, candidate)
    }

    /// Whether the requirements of the candidate and of the extension around it hold.
    fn conditions(&self, candidate: DefId, place: Place, args: &[Ty]) -> Result<(), Mismatch> {
        let db = self.db;
        let mut contexts = Vec::new();
        if let Some(context) = generic_context(db, candidate) {
            contexts.push(context);
            if context == candidate
                && let Some(parent) = candidate.parent(db)
                && let Some(outer) = generic_context(db, parent)
            {
                contexts.push(outer);
            }
        }
        for context in contexts {
            let is_own_nominal = context == self.nominal || context.kind(db) == DefKind::Protocol;
            if is_own_nominal {
                continue;
            }
            if let Place::Class(..) = place
                && context != candidate
                && context.kind(db) != DefKind::Extension
            {
                continue;
            }
            let info = generic_info(db, context);
            for requirement in &info.requirements[info.own_requirements..] {
                let requirement = requirement.subst(args);
                if !self.holds(requirement) {
                    return Err(Mismatch::Requirement(requirement));
                }
            }
        }
        Ok(())
    }

    fn holds(&self, requirement: Requirement) -> bool {
        let db = self.db;
        let subject = requirement.subject();
        // What the requirement says about its own parameters is assumed for the witness.
        let foreign = |t: Ty| {
            t.any_part(
                &mut |p| matches!(p.kind(), TyKind::Param { index, .. } if *index >= self.outer),
            )
        };
        if foreign(subject) {
            if let Requirement::Conforms(ty, protocol) = requirement {
                let own = ty.map(&mut |p| match p.kind() {
                    TyKind::Param { index, name } if *index >= self.outer => {
                        Some(Ty::param(index - self.outer + 1, *name))
                    }
                    _ => None,
                });
                if crate::types::env::is_type_param(own) {
                    return generic_env(db, self.requirement).is_some_and(|env| {
                        let own = env.reduce(db, own);
                        if crate::types::env::is_type_param(own) {
                            env.protocols_of(db, own).contains(&protocol)
                        } else {
                            conforms(db, Some(self.requirement), own, protocol)
                        }
                    });
                }
            }
            return true;
        }
        requirement_holds(db, Some(self.source), requirement)
    }
}

/// Whether a variable or subscript can be set at all.
pub fn is_settable(db: &dyn Db, def: DefId) -> bool {
    match item(db, def).map(|i| &i.kind) {
        Some(ItemKind::Var(v)) => {
            let setter = |k| {
                matches!(
                    k,
                    AccessorKind::Set | AccessorKind::Modify | AccessorKind::MutableAddress
                )
            };
            v.requirement_settable
                || (is_stored(db, def) && !v.is_let)
                || v.accessors
                    .iter()
                    .any(|a| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet))
                || v.accessors.iter().any(|a| setter(a.kind))
        }
        Some(ItemKind::Subscript(s)) => {
            s.requirement_settable
                || s.accessors.iter().any(|a| {
                    matches!(
                        a.kind,
                        AccessorKind::Set | AccessorKind::Modify | AccessorKind::MutableAddress
                    )
                })
        }
        _ => false,
    }
}

/// A type without what does not tell signatures apart: `Self` of classes, escaping, ownership.
pub fn plain(ty: Ty) -> Ty {
    ty.map(&mut |part| match part.kind() {
        TyKind::DynamicSelf(inner) => Some(plain(*inner)),
        TyKind::Function(f) => {
            let params = f.params.iter().map(|p| crate::types::ty::FnParam {
                ty: plain(p.ty),
                mode: if p.mode == ParamMode::Inout {
                    ParamMode::Inout
                } else {
                    ParamMode::Borrow
                },
                ..p.clone()
            });
            Some(Ty::function(FnTy {
                params: params.collect(),
                result: plain(f.result),
                throws: f.throws.map(plain),
                is_async: f.is_async,
                escaping: true,
                repr: f.repr,
            }))
        }
        _ => None,
    })
}

/// Finds the arguments for a candidate's own generic parameters.
struct Binder<'a> {
    base: u32,
    outer: &'a [Ty],
    bound: Vec<Option<Ty>>,
}

impl Binder<'_> {
    fn bind(&mut self, given: Ty, wanted: Ty) {
        if self.bound.is_empty() || !given.has_params() {
            return;
        }
        match (given.kind(), wanted.kind()) {
            (TyKind::Param { index, .. }, _) => {
                if let Some(slot) = index
                    .checked_sub(self.base)
                    .and_then(|i| self.bound.get_mut(i as usize))
                    && slot.is_none()
                {
                    *slot = Some(wanted);
                }
            }
            (TyKind::Nominal { def: a, args: x }, TyKind::Nominal { def: b, args: y })
                if a == b =>
            {
                for (x, y) in x.iter().zip(y.iter()) {
                    self.bind(x, y);
                }
            }
            (TyKind::Tuple(x), TyKind::Tuple(y)) if x.len() == y.len() => {
                for (x, y) in x.iter().zip(y.iter()) {
                    self.bind(x.ty, y.ty);
                }
            }
            (TyKind::Function(x), TyKind::Function(y)) if x.params.len() == y.params.len() => {
                for (x, y) in x.params.iter().zip(y.params.iter()) {
                    self.bind(x.ty, y.ty);
                }
                self.bind(x.result, y.result);
                if let (Some(x), Some(y)) = (x.throws, y.throws) {
                    self.bind(x, y);
                }
            }
            (TyKind::Metatype(x), TyKind::Metatype(y)) => self.bind(*x, *y),
            (TyKind::DynamicSelf(x), _) => self.bind(*x, wanted),
            _ => {}
        }
    }

    /// All arguments of the candidate; none while one is unknown.
    fn args(&self) -> Option<Vec<Ty>> {
        let mut args = self.outer[..self.base as usize].to_vec();
        for bound in &self.bound {
            args.push((*bound)?);
        }
        Some(args)
    }
}
