//! Classes: overriding and the order of vtables.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::overrides::is_name_overridden;
use crate::items::tree::{Access, ItemKind, Modifiers};
use crate::items::{item, module_of};
use crate::resolve::access::{access_of, is_accessible};
use crate::resolve::is_static_member;
use crate::resolve::members::{container_of, declared_named, written_members};
use crate::resolve::scope::{base_name, library_module};
use crate::types::generics::own_param_base;
use crate::types::lang::optional_payload;
use crate::types::nominal::{class_chain, declared_self_type, is_subclass, superclass};
use crate::types::signature::{Signature, signature, var_type};
use crate::types::synth::{inherited_init_source, synth_inits};
use crate::types::ty::{ParamMode, Ty, TyKind};
use crate::types::witness::{is_settable, plain};

/// A function that a vtable can hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VFn {
    /// The method, accessor, or initialiser; for a property without such an accessor the variable or subscript itself.
    pub def: DefId,
    pub kind: VFnKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VFnKind {
    /// The definition's own body.
    Body,
    /// An initialiser that allocates.
    Allocate,
    /// The getter made for a stored property, or from another accessor.
    PropertyGet,
    PropertySet,
}

/// The virtual functions of a class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VTable {
    /// The superclass's entries first, in its order.
    pub entries: Vec<VTableEntry>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VTableEntry {
    /// The declaration that introduces the entry.
    pub method: VFn,
    /// What the entry holds for this class.
    pub implementation: VFn,
}

/// The vtable of a class.
#[salsa::tracked(cycle_result = no_vtable)]
pub fn vtable(db: &dyn Db, class: DefId) -> VTable {
    let base = superclass(db, class).and_then(|s| s.nominal_def());
    let mut entries = base.map_or_else(Vec::new, |b| vtable(db, b).entries.clone());
    for &member in written_members(db, class) {
        let own = virtual_functions(db, member);
        if own.is_empty() {
            continue;
        }
        let base = overridden(db, member);
        let inherited = base.map_or_else(Vec::new, |b| virtual_functions(db, b));
        for function in own {
            let slot = slot_of(db, function);
            let replaced = inherited.iter().find(|f| slot_of(db, **f) == slot);
            // The entry that is replaced may itself have been an override of one further up.
            let entry = replaced.and_then(|r| {
                let mut entries = entries.iter_mut();
                entries.find(|e| e.implementation == *r || e.method == *r)
            });
            match entry {
                Some(entry) => entry.implementation = function,
                None if is_overridable(db, member) || base.is_some() => entries.push(VTableEntry {
                    method: function,
                    implementation: function,
                }),
                None => {}
            }
        }
    }
    for &init in synth_inits(db, class) {
        let Some(source) = inherited_init_source(db, init) else {
            continue;
        };
        let wanted = VFn {
            def: source,
            kind: VFnKind::Allocate,
        };
        if let Some(entry) = entries.iter_mut().find(|e| e.implementation == wanted) {
            entry.implementation = VFn {
                def: init,
                kind: VFnKind::Allocate,
            };
        }
    }
    VTable { entries }
}

fn no_vtable(_: &dyn Db, _: salsa::Id, _: DefId) -> VTable {
    VTable::default()
}

/// Getters replace getters and setters setters, however each is made.
fn slot_of(db: &dyn Db, function: VFn) -> u8 {
    match (function.kind, function.def.kind(db)) {
        (VFnKind::PropertySet, _) | (_, DefKind::Accessor(AccessorKind::Set)) => 1,
        _ => 0,
    }
}

/// The functions of a member that a vtable has entries for, if it is dynamically dispatched at all.
fn virtual_functions(db: &dyn Db, member: DefId) -> Vec<VFn> {
    let Some(item) = item(db, member) else {
        // A synthesised initialiser that stands for a required one.
        return match member.kind(db) {
            DefKind::Synth(_) => vec![VFn {
                def: member,
                kind: VFnKind::Allocate,
            }],
            _ => Vec::new(),
        };
    };
    match (member.kind(db), &item.kind) {
        (DefKind::Func, _) if !is_final_static(&item.mods) => vec![VFn {
            def: member,
            kind: VFnKind::Body,
        }],
        (DefKind::Init, _) if is_dispatched_init(&item.mods) => vec![VFn {
            def: member,
            kind: VFnKind::Allocate,
        }],
        (DefKind::Var | DefKind::Subscript, _) if !is_final_static(&item.mods) => {
            // Observers of an inherited property replace its setter alone.
            let observes = item.mods.is_override
                && matches!(&item.kind, ItemKind::Var(v) if v.accessors.iter().any(|a| {
                    matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet)
                }));
            let mut functions = Vec::new();
            if !observes {
                functions.push(property_function(db, member, false));
            }
            if is_settable(db, member) {
                functions.push(property_function(db, member, true));
            }
            functions
        }
        _ => Vec::new(),
    }
}

/// `static` members of classes are final; they may still override a `class` member.
fn is_final_static(mods: &Modifiers) -> bool {
    mods.is_static && !mods.is_override
}

/// Whether an initialiser has an entry in the vtable. Convenience initialisers delegate to designated ones of the class that is being made;
/// those that are required or that override a designated one are delegated to themselves.
fn is_dispatched_init(mods: &Modifiers) -> bool {
    mods.is_required || mods.is_override || !mods.is_convenience
}

/// What reads or writes a property or subscript.
pub fn property_function(db: &dyn Db, def: DefId, set: bool) -> VFn {
    let kind = if set {
        AccessorKind::Set
    } else {
        AccessorKind::Get
    };
    let accessor = crate::types::witness::accessor_of(db, def, kind);
    match accessor == def {
        false => VFn {
            def: accessor,
            kind: VFnKind::Body,
        },
        true if set => VFn {
            def,
            kind: VFnKind::PropertySet,
        },
        true => VFn {
            def,
            kind: VFnKind::PropertyGet,
        },
    }
}

/// Whether calls of this class member are dispatched through the vtable: neither final, private, static, nor declared in an extension. Members that
/// override are, too, even when nothing overrides them in turn, because their entry exists.
pub fn is_overridable(db: &dyn Db, def: DefId) -> bool {
    if let DefKind::Accessor(_) = def.kind(db) {
        return def.parent(db).is_some_and(|p| is_overridable(db, p));
    }
    let Some(class) = def.parent(db) else {
        return false;
    };
    if class.kind(db) != DefKind::Class {
        return false;
    }
    let Some(member) = item(db, def) else {
        return false;
    };
    let dispatched = match def.kind(db) {
        DefKind::Func | DefKind::Var | DefKind::Subscript => !is_final_static(&member.mods),
        DefKind::Init => is_dispatched_init(&member.mods),
        _ => false,
    };
    if !dispatched {
        return false;
    }
    if member.mods.is_override {
        return true;
    }
    let final_class = item(db, class).is_some_and(|c| c.mods.is_final);
    let constant = matches!(&member.kind, ItemKind::Var(v) if v.is_let);
    !member.mods.is_final && !constant && !final_class && access_of(db, def) > Access::Private
}

/// Whether a use of this class member has to ask the object which implementation is its own: it is overridable, and an override may exist.
/// Classes that are not `open` have all their subclasses in their module.
pub fn is_dispatched(db: &dyn Db, def: DefId) -> bool {
    if !is_overridable(db, def) {
        return false;
    }
    let member = match (def.kind(db), def.parent(db)) {
        (DefKind::Accessor(_), Some(storage)) => storage,
        _ => def,
    };
    let is_library = module_of(db, def) == library_module(db);
    let name = member.name(db).as_str();
    let base = name.split_once('(').map_or(name, |(base, _)| base);
    is_library
        || access_of(db, member) == Access::Open
        || is_name_overridden(db, member, Name::new(base))
}

/// The member of a superclass that this member overrides.
#[salsa::tracked(returns(copy), cycle_result = no_override)]
pub fn overridden(db: &dyn Db, def: DefId) -> Option<DefId> {
    match def.kind(db) {
        DefKind::Accessor(kind) => {
            let base = overridden(db, def.parent(db)?)?;
            Some(crate::types::witness::accessor_of(db, base, kind))
        }
        DefKind::Synth(_) => inherited_init_source(db, def),
        DefKind::Func | DefKind::Var | DefKind::Subscript | DefKind::Init => {
            let marked = item(db, def)?.mods.is_override || item(db, def)?.mods.is_required;
            let found = override_candidates(db, def);
            let exact = found.iter().find(|c| c.fit == Fit::Exact);
            let loose = found.iter().find(|c| c.fit == Fit::Compatible && marked);
            exact.or(loose).map(|c| c.def)
        }
        _ => None,
    }
}

fn no_override(_: &dyn Db, _: salsa::Id, _: DefId) -> Option<DefId> {
    None
}

/// A member of a superclass that has the same name and labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverrideCandidate {
    pub def: DefId,
    pub fit: Fit,
}

/// How well the types fit for overriding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    Exact,
    /// Parameters take more, results are subtypes.
    Compatible,
    Different,
}

/// The members of superclasses that a class's member might override, nearest first.
pub fn override_candidates(db: &dyn Db, def: DefId) -> Vec<OverrideCandidate> {
    let mut found = Vec::new();
    let Some(class) = container_of(db, def).filter(|c| c.kind(db) == DefKind::Class) else {
        return found;
    };
    let Some(this) = declared_self_type(db, class) else {
        return found;
    };
    let name: Name = base_name(db, def);
    let kind = def.kind(db);
    for &ancestor in class_chain(db, this).iter().skip(1) {
        let Some((decl, args)) = ancestor.as_nominal() else {
            break;
        };
        let members = declared_named(db, decl, name).iter().copied();
        let synthesised = synth_inits(db, decl).iter().copied();
        for member in members.chain(synthesised.filter(|_| kind == DefKind::Init)) {
            let same_kind = member.kind(db) == kind
                || (kind == DefKind::Init && matches!(member.kind(db), DefKind::Synth(_)));
            if !same_kind
                || is_static_member(db, member) != is_static_member(db, def)
                || !is_accessible(db, member, def)
            {
                continue;
            }
            let fit = match kind {
                DefKind::Var => {
                    let base = plain(var_type(db, member).subst(args.as_slice()));
                    let own = plain(var_type(db, def));
                    match own == base {
                        true => Fit::Exact,
                        false if is_subtype(db, own, base) => Fit::Compatible,
                        false => Fit::Different,
                    }
                }
                _ => match fit(db, def, member, args.as_slice()) {
                    Some(fit) => fit,
                    None => continue,
                },
            };
            found.push(OverrideCandidate { def: member, fit });
        }
    }
    found
}

/// How the signature of an override fits; none when labels differ.
fn fit(db: &dyn Db, own: DefId, base: DefId, args: &[Ty]) -> Option<Fit> {
    // A generic method's own parameters have other indices in the superclass.
    let shift = own_param_base(db, own);
    let mut all = args.to_vec();
    let generics = crate::types::generics::generics(db, base);
    for (i, param) in generics
        .params
        .iter()
        .skip(generics.parent_count as usize)
        .enumerate()
    {
        all.push(Ty::param(shift + i as u32, param.name));
    }
    let (own_sig, base_sig): (&Signature, &Signature) = (signature(db, own), signature(db, base));
    if own_sig.params.len() != base_sig.params.len() {
        return None;
    }
    let pairs = || own_sig.params.iter().zip(&base_sig.params);
    if pairs().any(|(a, b)| a.label != b.label) {
        return None;
    }
    // Names of generic parameters do not matter.
    let erase = |t: Ty| {
        plain(t).map(&mut |p| match p.kind() {
            TyKind::Param { index, .. } => Some(Ty::param(*index, Name::new("_"))),
            _ => None,
        })
    };
    let mut fit = Fit::Exact;
    for (a, b) in pairs() {
        let (x, y) = (erase(a.ty), erase(b.ty.subst(&all)));
        if a.variadic != b.variadic || (a.mode == ParamMode::Inout) != (b.mode == ParamMode::Inout)
        {
            return Some(Fit::Different);
        }
        if x != y {
            if a.mode == ParamMode::Inout || !is_subtype(db, y, x) {
                return Some(Fit::Different);
            }
            fit = Fit::Compatible;
        }
    }
    if own.kind(db) != DefKind::Init {
        let (x, y) = (erase(own_sig.result), erase(base_sig.result.subst(&all)));
        if x != y && !is_subtype(db, x, y) {
            return Some(Fit::Different);
        }
        if x != y {
            fit = Fit::Compatible;
        }
    }
    Some(fit)
}

/// Whether a value of the first type can stand where the second is wanted without any conversion that computes: subclasses, optionals, and
/// functions of such.
pub fn is_subtype(db: &dyn Db, a: Ty, b: Ty) -> bool {
    if a == b || a.is_error() || b.is_error() {
        return true;
    }
    if let Some(payload) = optional_payload(db, b) {
        return match optional_payload(db, a) {
            Some(own) => is_subtype(db, own, payload),
            None => is_subtype(db, a, payload),
        };
    }
    match (a.kind(), b.kind()) {
        (TyKind::Nominal { def: x, .. }, TyKind::Nominal { def: y, .. }) => {
            x.kind(db) == DefKind::Class
                && is_subclass(db, *x, *y)
                && class_chain(db, a).contains(&b)
        }
        (_, TyKind::Existential(e)) => e
            .protocols
            .iter()
            .all(|&p| crate::types::conformance::conforms(db, None, a, p)),
        (TyKind::Function(x), TyKind::Function(y)) => {
            x.params.len() == y.params.len()
                && x.params
                    .iter()
                    .zip(y.params.iter())
                    .all(|(p, q)| is_subtype(db, q.ty, p.ty))
                && is_subtype(db, x.result, y.result)
                && (x.throws.is_none() || y.throws.is_some())
        }
        (TyKind::Tuple(x), TyKind::Tuple(y)) => {
            x.len() == y.len()
                && x.iter()
                    .zip(y.iter())
                    .all(|(p, q)| is_subtype(db, p.ty, q.ty))
        }
        (TyKind::Metatype(x), TyKind::Metatype(y)) => is_subtype(db, *x, *y),
        _ => false,
    }
}
