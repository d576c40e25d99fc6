//! Members by name, at the level of declarations.

use crate::base::{FxHashMap, Name};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::ItemKind;
use crate::resolve::decls::{all_protocols, extended_decl, extensions_of, superclass_decl};
use crate::resolve::scope::{Defs, base_name};

/// The declared members of a type, by base name: its own in order, then those of its extensions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemberIndex {
    pub by_name: FxHashMap<Name, Defs>,
}

/// The members that a declaration or extension writes, in order.
pub fn written_members(db: &dyn Db, def: DefId) -> &[DefId] {
    match item(db, def).map(|i| &i.kind) {
        Some(ItemKind::Nominal(n)) => &n.members,
        Some(ItemKind::Extension(e)) => &e.members,
        _ => &[],
    }
}

/// All declared members of a nominal or protocol by name, in every module. Not inherited ones, not synthesised ones.
#[salsa::tracked(cycle_result = no_members)]
pub fn declared_members(db: &dyn Db, container: DefId) -> MemberIndex {
    let mut index = MemberIndex::default();
    let mut add = |def: DefId| {
        if !matches!(
            def.kind(db),
            DefKind::Binding | DefKind::Import | DefKind::Extension
        ) {
            index
                .by_name
                .entry(base_name(db, def))
                .or_default()
                .push(def);
        }
    };
    written_members(db, container).iter().for_each(|&m| add(m));
    for &ext in extensions_of(db, container) {
        written_members(db, ext).iter().for_each(|&m| add(m));
    }
    index
}

fn no_members(_: &dyn Db, _: salsa::Id, _: DefId) -> MemberIndex {
    MemberIndex::default()
}

/// The declared members of a nominal or protocol with this base name; see [`declared_members`].
pub fn declared_named(db: &dyn Db, container: DefId, name: Name) -> &[DefId] {
    let index = declared_members(db, container);
    index.by_name.get(&name).map_or(&[], |d| d.as_slice())
}

/// The nominal or protocol whose member a definition is; none for what is no member.
pub fn container_of(db: &dyn Db, def: DefId) -> Option<DefId> {
    let parent = def.parent(db)?;
    match parent.kind(db) {
        DefKind::Struct | DefKind::Enum | DefKind::Class | DefKind::Protocol => Some(parent),
        DefKind::Extension => extended_decl(db, parent),
        DefKind::Var | DefKind::Subscript => container_of(db, parent),
        _ => None,
    }
}

/// The type declarations whose members a value of this nominal or protocol has: itself, its superclasses, and every protocol of each.
#[salsa::tracked(returns(deref), cycle_result = no_ancestry)]
pub fn ancestry(db: &dyn Db, container: DefId) -> Vec<DefId> {
    let mut found = vec![container];
    let mut class = superclass_decl(db, container);
    while let Some(at) = class {
        if found.contains(&at) {
            break;
        }
        found.push(at);
        class = superclass_decl(db, at);
    }
    let classes = found.clone();
    for class in classes {
        for &protocol in all_protocols(db, class) {
            if !found.contains(&protocol) {
                found.push(protocol);
            }
        }
    }
    found
}

fn no_ancestry(_: &dyn Db, _: salsa::Id, container: DefId) -> Vec<DefId> {
    vec![container]
}

/// Every declared member with this base name that a value of the type has, inherited ones too.
pub fn inherited_named(db: &dyn Db, container: DefId, name: Name) -> Vec<DefId> {
    let containers = ancestry(db, container).iter();
    let mut found = Vec::new();
    for &container in containers {
        found.extend_from_slice(declared_named(db, container, name));
    }
    found
}
