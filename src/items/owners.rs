//! Which definitions of a file have bodies of their own: the units of checking and of code.

use crate::db::{Db, SourceFile};
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{AccessorItem, Item, ItemKind, ItemTree, ParamItem};

/// Every definition of the file with a body, initial value or default value, in source order. Those inside of bodies are not among them:
/// see [`local_body_owners`].
#[salsa::tracked(returns(deref))]
pub fn body_owners(db: &dyn Db, file: SourceFile) -> Vec<DefId> {
    let tree = super::item_tree(db, file);
    let mut owners = Vec::new();
    collect(db, tree, &tree.top_level, &mut owners);
    if let (Some(_), Some(file)) = (&tree.top_level_code, super::file_def(db, file)) {
        owners.push(top_level_def(db, file));
    }
    owners
}

/// The definition of a file's top-level statements.
pub fn top_level_def(db: &dyn Db, file: DefId) -> DefId {
    let name = crate::base::Name::new("main");
    DefId::new(db, Some(file), DefKind::TopLevel, name, 0)
}

/// The same for the declarations inside of one body.
#[salsa::tracked(returns(deref))]
pub fn local_body_owners(db: &dyn Db, def: DefId) -> Vec<DefId> {
    let tree = &super::body(db, def).items;
    let mut owners = Vec::new();
    collect(db, tree, &tree.top_level, &mut owners);
    owners
}

/// Every declaration of the file in source order, members after their type.
#[salsa::tracked(returns(deref))]
pub fn declarations(db: &dyn Db, file: SourceFile) -> Vec<DefId> {
    let tree = super::item_tree(db, file);
    let mut all = Vec::new();
    declared(tree, &tree.top_level, &mut all);
    all
}

/// The declarations inside of one body, likewise.
#[salsa::tracked(returns(deref))]
pub fn local_declarations(db: &dyn Db, def: DefId) -> Vec<DefId> {
    let tree = &super::body(db, def).items;
    let mut all = Vec::new();
    declared(tree, &tree.top_level, &mut all);
    all
}

pub(super) fn declared(tree: &ItemTree, defs: &[DefId], out: &mut Vec<DefId>) {
    for def in defs {
        out.push(*def);
        if let Some(item) = tree.items.get(def) {
            declared(tree, members(item), out);
        }
    }
}

pub(super) fn members(item: &Item) -> &[DefId] {
    match &item.kind {
        ItemKind::Nominal(nominal) => &nominal.members,
        ItemKind::Extension(extension) => &extension.members,
        _ => &[],
    }
}

fn collect(db: &dyn Db, tree: &ItemTree, defs: &[DefId], out: &mut Vec<DefId>) {
    for &def in defs {
        let Some(item) = tree.items.get(&def) else {
            continue;
        };
        match &item.kind {
            ItemKind::Func(func) | ItemKind::Macro(func) => {
                defaults(db, def, &func.params, out);
                if func.body.is_some() {
                    out.push(def);
                }
            }
            ItemKind::Deinit { body: Some(_) } => out.push(def),
            ItemKind::Subscript(subscript) => {
                defaults(db, def, &subscript.params, out);
                accessors(&subscript.accessors, out);
            }
            ItemKind::Case(case) => {
                if let Some(payload) = &case.payload {
                    defaults(db, def, payload, out);
                }
            }
            ItemKind::Var(var) => {
                // A binding of several names is listed with the first of them.
                if let Some(binding) = var.binding
                    && let Some(ItemKind::Binding(b)) = tree.items.get(&binding).map(|i| &i.kind)
                    && b.vars.first() == Some(&def)
                    && b.init.is_some()
                {
                    out.push(binding);
                }
                accessors(&var.accessors, out);
            }
            _ => collect(db, tree, members(item), out),
        }
    }
}

fn accessors(accessors: &[AccessorItem], out: &mut Vec<DefId>) {
    let with_body = accessors.iter().filter(|a| a.body.is_some());
    out.extend(with_body.map(|a| a.def));
}

fn defaults(db: &dyn Db, def: DefId, params: &[ParamItem], out: &mut Vec<DefId>) {
    for (i, param) in params.iter().enumerate() {
        if param.default.is_some() {
            let kind = DefKind::DefaultArg;
            out.push(DefId::new(db, Some(def), kind, param.name, i as u32));
        }
    }
}
