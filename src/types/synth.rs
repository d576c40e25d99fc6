//! Members that the compiler makes: initialisers and derived conformances.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind, Synth};
use crate::items::item;
use crate::items::tree::{ItemKind, TypeRef};
use crate::resolve::access::{has_initial_value, takes_memberwise};
use crate::resolve::is_static_member;
use crate::resolve::members::{declared_named, written_members};
use crate::resolve::scope::module_members;
use crate::types::conformance::conformance_table;
use crate::types::generics::identity_args;
use crate::types::lang::{LangItem, array_of, bool_ty, int_ty, lang, lang_ty, optional_of};
use crate::types::nominal::{
    declared_self_type, is_stored, raw_type, stored_properties, superclass,
};
use crate::types::signature::{SigParam, Signature, ThisKind, raw_signature, raw_var_type};
use crate::types::ty::{ParamMode, Ty};

fn synth(db: &dyn Db, nominal: DefId, kind: Synth, name: &str, index: u32) -> DefId {
    DefId::new(
        db,
        Some(nominal),
        DefKind::Synth(kind),
        Name::new(name),
        index,
    )
}

/// The synthesised members of a nominal, as definitions of kind `Synth` whose parent is the nominal. Their names are base names.
#[salsa::tracked(returns(deref), cycle_result = no_members)]
pub fn synth_members(db: &dyn Db, nominal: DefId) -> Vec<DefId> {
    let mut members = synth_inits(db, nominal).to_vec();
    derive(db, nominal, &mut members);
    members
}

fn no_members(_: &dyn Db, _: salsa::Id, _: DefId) -> Vec<DefId> {
    Vec::new()
}

/// The synthesised initialisers alone: they depend on stored properties and superclasses only.
#[salsa::tracked(returns(deref), cycle_result = no_members)]
pub fn synth_inits(db: &dyn Db, nominal: DefId) -> Vec<DefId> {
    let mut members = Vec::new();
    let own_inits = || {
        written_members(db, nominal)
            .iter()
            .copied()
            .filter(|m| m.kind(db) == DefKind::Init)
    };
    match nominal.kind(db) {
        DefKind::Struct if own_inits().next().is_none() => {
            let memberwise = !memberwise_properties(db, nominal).is_empty();
            if memberwise {
                members.push(synth(db, nominal, Synth::MemberwiseInit, "init", 0));
            }
            if all_initialised(db, nominal) {
                members.push(synth(db, nominal, Synth::DefaultInit, "init", 0));
            }
        }
        DefKind::Class => {
            let designated = own_inits().any(|m| is_designated(db, m));
            if !designated && all_initialised(db, nominal) {
                match superclass(db, nominal).and_then(|s| s.nominal_def()) {
                    Some(class) => {
                        for (i, &init) in designated_inits(db, class).iter().enumerate() {
                            if !overrides_init(db, nominal, init) {
                                let synth =
                                    synth(db, nominal, Synth::InheritedInit, "init", i as u32);
                                members.push(synth);
                            }
                        }
                    }
                    None => members.push(synth(db, nominal, Synth::DefaultInit, "init", 0)),
                }
            }
        }
        _ => {}
    }
    members
}

/// Whether an initialiser of a class is a designated one.
pub fn is_designated(db: &dyn Db, init: DefId) -> bool {
    match init.kind(db) {
        DefKind::Init => item(db, init).is_some_and(|i| !i.mods.is_convenience),
        DefKind::Synth(Synth::DefaultInit | Synth::InheritedInit) => true,
        _ => false,
    }
}

/// The designated initialisers of a class, declared or synthesised.
#[salsa::tracked(returns(deref), cycle_result = no_members)]
pub fn designated_inits(db: &dyn Db, class: DefId) -> Vec<DefId> {
    let written = written_members(db, class).iter().copied();
    let mut inits: Vec<DefId> = written
        .filter(|&m| m.kind(db) == DefKind::Init && is_designated(db, m))
        .collect();
    inits.extend_from_slice(synth_inits(db, class));
    inits
}

/// Whether a class has all its superclass's designated initialisers, so that it has the convenience ones too.
pub fn inherits_convenience_inits(db: &dyn Db, class: DefId) -> bool {
    let Some(base) = superclass(db, class).and_then(|s| s.nominal_def()) else {
        return false;
    };
    let own_designated = written_members(db, class)
        .iter()
        .any(|&m| m.kind(db) == DefKind::Init && is_designated(db, m));
    if !own_designated {
        return all_initialised(db, class);
    }
    designated_inits(db, base)
        .iter()
        .all(|&init| overrides_init(db, class, init))
}

/// Whether a class declares an initialiser with the labels and types of a superclass's.
fn overrides_init(db: &dyn Db, class: DefId, init: DefId) -> bool {
    let wanted = labels(db, init);
    written_members(db, class).iter().any(|&m| {
        m.kind(db) == DefKind::Init
            && labels(db, m) == wanted
            && raw_signature(db, m)
                .params
                .iter()
                .map(|p| p.ty)
                .eq(inherited_params(db, class, init))
    })
}

fn labels(db: &dyn Db, init: DefId) -> Vec<Option<Name>> {
    raw_signature(db, init)
        .params
        .iter()
        .map(|p| p.label)
        .collect()
}

fn inherited_params(db: &dyn Db, class: DefId, init: DefId) -> impl Iterator<Item = Ty> {
    let args = superclass(db, class)
        .and_then(|s| s.as_nominal())
        .map(|(_, args)| args);
    let params = raw_signature(db, init).params.iter().map(|p| p.ty);
    params.map(move |ty| args.map_or(ty, |a| ty.subst(a.as_slice())))
}

/// The stored properties that the memberwise initialiser takes, in the order of its parameters.
#[salsa::tracked(returns(deref))]
pub fn memberwise_properties(db: &dyn Db, nominal: DefId) -> Vec<DefId> {
    let stored = stored_properties(db, nominal).iter().copied();
    stored
        .filter(|&p| item(db, p).is_some_and(|i| takes_memberwise(db, i) && !i.mods.is_lazy))
        .collect()
}

/// The designated initialiser of the superclass that an inherited initialiser forwards to.
pub fn inherited_init_source(db: &dyn Db, synth: DefId) -> Option<DefId> {
    let class = superclass(db, synth.parent(db)?)?.nominal_def()?;
    designated_inits(db, class)
        .get(synth.index(db) as usize)
        .copied()
}

/// Whether every stored property of a type has a value without an initialiser.
pub fn all_initialised(db: &dyn Db, nominal: DefId) -> bool {
    stored_properties(db, nominal)
        .iter()
        .all(|&p| has_default(db, p))
}

/// Whether a stored property has an initial value: a written one, or nil for a variable whose type is written `T?` or `T!`.
pub fn has_default(db: &dyn Db, property: DefId) -> bool {
    let Some(item) = item(db, property) else {
        return true;
    };
    let ItemKind::Var(var) = &item.kind else {
        return true;
    };
    has_initial_value(db, var) || item.mods.is_lazy || is_implicitly_nil(db, property)
}

/// `var x: T?` starts as nil.
pub fn is_implicitly_nil(db: &dyn Db, property: DefId) -> bool {
    let Some(item) = item(db, property) else {
        return false;
    };
    let ItemKind::Var(var) = &item.kind else {
        return false;
    };
    let optional = |t| {
        matches!(
            item.types[t],
            TypeRef::Optional(_) | TypeRef::ImplicitlyUnwrapped(_)
        )
    };
    !var.is_let && !has_initial_value(db, var) && var.ty.is_some_and(optional)
}

fn derive(db: &dyn Db, nominal: DefId, out: &mut Vec<DefId>) {
    let kind = nominal.kind(db);
    if !matches!(kind, DefKind::Struct | DefKind::Enum) {
        return;
    }
    let table = conformance_table(db, nominal);
    let declares = |i: LangItem| table.contains_key(&lang(db, i));
    let named = |name: &str| declared_named(db, nominal, Name::new(name));
    if declares(LangItem::Equatable) && !has_operator(db, nominal, "==") {
        out.push(synth(db, nominal, Synth::Equals, "==", 0));
    }
    if declares(LangItem::Hashable) {
        let hash_into = named("hash").iter().any(|&h| {
            let params = &raw_signature(db, h).params;
            matches!(params.as_slice(), [p] if p.label == Some(Name::new("into")))
        });
        // An old-style `hashValue` alone is what hashing then uses; the derived method is made all the same.
        if !hash_into {
            out.push(synth(db, nominal, Synth::HashInto, "hash", 0));
        }
    }
    if kind != DefKind::Enum {
        return;
    }
    let cases = crate::types::nominal::enum_cases(db, nominal);
    let plain = !cases
        .iter()
        .any(|&c| crate::types::nominal::has_payload(db, c));
    if declares(LangItem::Comparable)
        && raw_type(db, nominal).is_none()
        && !has_operator(db, nominal, "<")
    {
        out.push(synth(db, nominal, Synth::Less, "<", 0));
    }
    if declares(LangItem::CaseIterable) && plain && named("allCases").is_empty() {
        out.push(synth(db, nominal, Synth::AllCases, "allCases", 0));
    }
    if plain && raw_type(db, nominal).is_some() {
        let raw_value = Name::new("rawValue");
        let own_init = named("init").iter().any(|&i| {
            let params = &raw_signature(db, i).params;
            matches!(params.as_slice(), [p] if p.label == Some(raw_value))
        });
        if !own_init {
            out.push(synth(db, nominal, Synth::InitRawValue, "init", 0));
        }
        if named("rawValue").is_empty() {
            out.push(synth(db, nominal, Synth::RawValue, "rawValue", 0));
        }
    }
}

/// Whether the program itself compares two values of the type with this operator.
fn has_operator(db: &dyn Db, nominal: DefId, name: &str) -> bool {
    let name = Name::new(name);
    let this = Ty::nominal(nominal, identity_args(db, nominal).as_slice());
    let own = declared_named(db, nominal, name).iter();
    if own.copied().any(|f| {
        let params = &raw_signature(db, f).params;
        params.len() == 2 && params.iter().all(|p| p.ty == this)
    }) {
        return true;
    }
    // At the top level a generic function may have the type with other parameters.
    let global = module_members(db, crate::items::module_of(db, nominal), name).iter();
    global.copied().any(|f| {
        let params = &raw_signature(db, f).params;
        params.len() == 2 && params.iter().all(|p| p.ty.nominal_def() == Some(nominal))
    })
}

/// The signature of a synthesised member, not normalised.
pub(crate) fn synth_signature(db: &dyn Db, def: DefId) -> Signature {
    let none = Signature::plain(Vec::new(), Ty::error(), ThisKind::None);
    let DefKind::Synth(kind) = def.kind(db) else {
        return none;
    };
    let Some(nominal) = def.parent(db) else {
        return none;
    };
    let this = declared_self_type(db, nominal).unwrap_or_else(Ty::error);
    let two = || {
        let param = |n: &str| SigParam::plain(None, Name::new(n), this);
        vec![param("a"), param("b")]
    };
    match kind {
        Synth::MemberwiseInit => {
            // What cannot be copied has to be given away.
            let copyable = crate::types::lang::lang(db, LangItem::Copyable);
            let mode = match crate::types::conformance::suppresses(db, this, copyable) {
                true => ParamMode::Owned,
                false => ParamMode::Borrow,
            };
            let param = |&property: &DefId| {
                if let Some(param) = crate::types::wrappers::memberwise_param(db, property) {
                    return param;
                }
                let name = property.name(db);
                let default = item(db, property).and_then(|i| match &i.kind {
                    ItemKind::Var(v) if has_initial_value(db, v) => v.binding,
                    _ if is_implicitly_nil(db, property) => Some(property),
                    _ => None,
                });
                SigParam {
                    default,
                    mode,
                    is_iuo: crate::types::signature::var_is_iuo(db, property),
                    ..SigParam::plain(Some(name), name, raw_var_type(db, property))
                }
            };
            let params = memberwise_properties(db, nominal).iter().map(param);
            Signature::plain(params.collect(), this, ThisKind::Metatype)
        }
        Synth::DefaultInit => Signature::plain(Vec::new(), this, ThisKind::Metatype),
        Synth::InheritedInit => {
            let Some(source) = inherited_init_source(db, def) else {
                return none;
            };
            let args = superclass(db, nominal).and_then(|s| s.as_nominal());
            let args = args.map_or(&[][..], |(_, args)| args.as_slice());
            let base = raw_signature(db, source);
            let failable = crate::types::lang::optional_payload(db, base.result).is_some();
            Signature {
                params: base
                    .params
                    .iter()
                    .map(|p| SigParam {
                        ty: p.ty.subst(args),
                        ..p.clone()
                    })
                    .collect(),
                result: if failable {
                    optional_of(db, this)
                } else {
                    this
                },
                throws: base.throws.map(|t| t.subst(args)),
                ..base.clone()
            }
        }
        Synth::Equals | Synth::Less => Signature::plain(two(), bool_ty(db), ThisKind::Metatype),
        Synth::HashInto => {
            let hasher = lang_ty(db, LangItem::Hasher, &[]);
            let param = SigParam {
                mode: ParamMode::Inout,
                ..SigParam::plain(Some(Name::new("into")), Name::new("hasher"), hasher)
            };
            Signature::plain(vec![param], Ty::unit(), ThisKind::Borrow)
        }
        Synth::HashValue => Signature::plain(Vec::new(), int_ty(db), ThisKind::Borrow),
        Synth::AllCases => Signature::plain(Vec::new(), array_of(db, this), ThisKind::Metatype),
        Synth::InitRawValue => {
            let name = Name::new("rawValue");
            let raw = raw_type(db, nominal).unwrap_or_else(Ty::error);
            let param = SigParam::plain(Some(name), name, raw);
            Signature::plain(vec![param], optional_of(db, this), ThisKind::Metatype)
        }
        Synth::RawValue => {
            let raw = raw_type(db, nominal).unwrap_or_else(Ty::error);
            Signature::plain(Vec::new(), raw, ThisKind::Borrow)
        }
    }
}

/// Whether a synthesised member is read like a variable, not called.
pub fn is_synth_variable(db: &dyn Db, def: DefId) -> bool {
    matches!(
        def.kind(db),
        DefKind::Synth(Synth::AllCases | Synth::HashValue | Synth::RawValue)
    )
}

/// Whether a stored property belongs to instances.
pub fn is_instance_storage(db: &dyn Db, def: DefId) -> bool {
    is_stored(db, def) && !is_static_member(db, def)
}
