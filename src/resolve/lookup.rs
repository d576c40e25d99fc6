//! Unqualified lookup of values, and what to suggest when it finds nothing.

use crate::base::{FxHashSet, Name, distance};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::ItemKind;
use crate::items::{item, module_of};
use crate::resolve::access::{is_accessible, is_hidden_in_file};
use crate::resolve::decls::{TypeName, TypeScope, extended_decl, lookup_type};
use crate::resolve::members::{ancestry, declared_members, inherited_named};
use crate::resolve::scope::*;

/// One step of unqualified lookup, from the inside out. The first layer with a fitting candidate wins; overload resolution takes a layer's
/// candidates together (and module and library functions of one name together).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layer {
    /// Members of the type around the use: to be looked up with `types::members::member_candidates` on `this`, or on the metatype when
    /// `is_static`. `context` is the type or extension declaration, `candidates` all members of that name, inherited ones too. It may be
    /// empty for `init`, `==` and other names that a synthesised member has.
    Members {
        context: DefId,
        is_static: bool,
        candidates: Vec<DefId>,
    },
    /// A type found lexically: a generic parameter, a local type.
    Type(DefId),
    /// Declarations at the top level of the use's module.
    Module(Vec<DefId>),
    /// Those of the modules that the file imports; the library's last, on their own.
    Imported(Vec<DefId>),
    /// The name of a module itself.
    ModuleName(DefId),
}

/// Names that members made by the compiler have.
const SYNTHESISED: [&str; 8] = [
    "init",
    "==",
    "<",
    "hash",
    "hashValue",
    "allCases",
    "rawValue",
    "RawValue",
];

/// What an unqualified name may mean in a scope, apart from locals. The scope is the declaration whose body the name stands in.
pub fn lookup_value(db: &dyn Db, scope: DefId, name: Name) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut is_static = false;
    let mut at = Some(scope);
    while let Some(def) = at {
        let kind = def.kind(db);
        match kind {
            DefKind::Module | DefKind::File => break,
            DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::Protocol
            | DefKind::Extension => {
                let container = match kind {
                    DefKind::Extension => extended_decl(db, def),
                    _ => Some(def),
                };
                if let Some(container) = container {
                    let candidates = inherited_named(db, container, name);
                    if !candidates.is_empty() || SYNTHESISED.contains(&name.as_str()) {
                        layers.push(Layer::Members {
                            context: def,
                            is_static,
                            candidates,
                        });
                    }
                    if let Some(param) = lexical_type(db, def, name) {
                        layers.push(Layer::Type(param));
                    }
                }
                // From inside a nested type the members around are reached without an instance.
                is_static = true;
            }
            DefKind::Func | DefKind::Var | DefKind::Subscript | DefKind::Binding => {
                is_static |= is_static_member(db, def);
                if let Some(param) = lexical_type(db, def, name) {
                    layers.push(Layer::Type(param));
                }
            }
            _ => {
                if let Some(param) = lexical_type(db, def, name) {
                    layers.push(Layer::Type(param));
                }
            }
        }
        at = def.parent(db);
    }
    let module = module_of(db, scope);
    // Private names of other files are told only where nothing else has the name.
    let own = module_members(db, module, name);
    let (hidden, own): (Vec<DefId>, Vec<DefId>) = own
        .iter()
        .partition(|&&def| is_hidden_in_file(db, def, scope));
    if !own.is_empty() {
        layers.push(Layer::Module(own));
    }
    let library = library_module(db);
    let mut others: Vec<DefId> = Vec::new();
    for &imported in imported_modules(db, scope) {
        let defs = module_members(db, imported, name);
        if imported != library {
            // What a module keeps to itself is not there for others.
            let visible = defs.iter().filter(|&&def| is_accessible(db, def, scope));
            others.extend(visible);
            continue;
        }
        if !others.is_empty() {
            layers.push(Layer::Imported(std::mem::take(&mut others)));
        }
        if !defs.is_empty() {
            layers.push(Layer::Imported(defs.to_vec()));
        }
    }
    if !others.is_empty() {
        layers.push(Layer::Imported(others));
    }
    if let Some(module) = module_named(db, scope, name) {
        layers.push(Layer::ModuleName(module));
    }
    if layers.is_empty() && !hidden.is_empty() {
        layers.push(Layer::Module(hidden));
    }
    layers
}

/// A generic parameter or local type of exactly this declaration.
fn lexical_type(db: &dyn Db, def: DefId, name: Name) -> Option<DefId> {
    let mode = TypeScope {
        without_members_of: Some(def),
        in_body: true,
    };
    let found = lookup_type(db, def, name, mode)?;
    match found.name {
        TypeName::Def(d) if found.member_of.is_none() && d.parent(db) == Some(def) => Some(d),
        TypeName::Def(d) if d.kind(db) == DefKind::GenericParam => {
            // An extension sees the parameters of the type that it extends.
            let owner = d.parent(db);
            (def.kind(db) == DefKind::Extension && owner == extended_decl(db, def)).then_some(d)
        }
        _ => None,
    }
}

/// Whether a member belongs to the type rather than to its instances. Initialisers are not static in this sense.
pub fn is_static_member(db: &dyn Db, def: DefId) -> bool {
    match def.kind(db) {
        DefKind::Case => true,
        DefKind::Accessor(_) | DefKind::DefaultArg => {
            def.parent(db).is_some_and(|p| is_static_member(db, p))
        }
        DefKind::Synth(synth) => {
            use crate::items::ids::Synth;
            matches!(synth, Synth::Equals | Synth::Less | Synth::AllCases)
        }
        DefKind::Binding => match item(db, def).map(|i| &i.kind) {
            Some(ItemKind::Binding(b)) => b.vars.first().is_some_and(|&v| is_static_member(db, v)),
            _ => false,
        },
        DefKind::Func | DefKind::Var | DefKind::Subscript => item(db, def).is_some_and(|i| {
            let in_type = def
                .parent(db)
                .is_some_and(|p| is_type_decl(db, p) || p.kind(db) == DefKind::Extension);
            i.mods.is_static || i.mods.is_class || (in_type && is_operator(i.name))
        }),
        kind => {
            kind == DefKind::TypeAlias || kind == DefKind::AssociatedType || is_nominal(db, def)
        }
    }
}

/// The name in scope that is most like one that was not found. Locals are the caller's business.
pub fn suggest(db: &dyn Db, scope: DefId, name: Name) -> Option<Name> {
    let mut names: FxHashSet<Name> = FxHashSet::default();
    let mut at = Some(scope);
    while let Some(def) = at {
        let container = match def.kind(db) {
            DefKind::Extension => extended_decl(db, def),
            _ if is_type_decl(db, def) => Some(def),
            _ => None,
        };
        for &container in container.map_or(&[][..], |c| ancestry(db, c)) {
            names.extend(declared_members(db, container).by_name.keys());
        }
        at = def.parent(db);
    }
    let module = module_of(db, scope);
    names.extend(module_scope(db, module).by_name.keys());
    for &imported in imported_modules(db, scope) {
        names.extend(module_scope(db, imported).by_name.keys());
    }
    closest(name, names.into_iter())
}

/// The candidate that is most like a misspelt name, if one is close enough to be meant. Underscored names are never proposed.
pub fn closest(name: Name, candidates: impl Iterator<Item = Name>) -> Option<Name> {
    let mut names: Vec<&'static str> = candidates
        .filter(|c| !c.as_str().starts_with('_') && !is_operator(*c))
        .map(|c| c.as_str())
        .collect();
    names.sort_unstable();
    distance::did_you_mean(name.as_str(), names).map(Name::new)
}
