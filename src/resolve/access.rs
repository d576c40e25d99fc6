//! Access control.

use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::tree::{Access, Item, ItemKind, VarItem, WrapperRole};
use crate::items::{item, modifiers, module_of};
use crate::resolve::decls::extended_decl;
use crate::resolve::members::written_members;
use crate::resolve::scope::{builtin_module, file_def_of, imports_testably, is_type_decl};

/// Whether `def` may be named from inside `from`.
pub fn is_accessible(db: &dyn Db, def: DefId, from: DefId) -> bool {
    reaches(db, def, access_of(db, def), from)
}

/// Whether a variable or subscript may be set from inside `from`, as far as access levels go.
pub fn is_settable_from(db: &dyn Db, def: DefId, from: DefId) -> bool {
    reaches(db, def, setter_access(db, def), from)
}

/// The level of access of a variable's or subscript's setter.
pub fn setter_access(db: &dyn Db, def: DefId) -> Access {
    let own = access_of(db, def);
    let written = item(db, def).and_then(|i| i.mods.set_access);
    written.map_or(own, |set| set.min(own))
}

/// Whether something declared at `def` with this level is visible inside `from`.
pub fn reaches(db: &dyn Db, def: DefId, access: Access, from: DefId) -> bool {
    match access {
        Access::Public | Access::Open => true,
        Access::Internal | Access::Package => {
            let module = module_of(db, def);
            module == module_of(db, from)
                || module == builtin_module(db)
                || imports_testably(db, from, module)
        }
        Access::Fileprivate => file_def_of(db, def) == file_def_of(db, from),
        Access::Private => {
            if file_def_of(db, def) != file_def_of(db, from) {
                return false;
            }
            // Visible inside the declaration around it, and in extensions of that type in the same file.
            let Some(scope) = private_scope(db, def) else {
                return true;
            };
            let scope = type_of(db, scope);
            let mut at = Some(from);
            while let Some(inner) = at {
                if type_of(db, inner) == scope {
                    return true;
                }
                at = inner.parent(db);
            }
            false
        }
    }
}

/// Whether a declaration at the top level of a file is kept from the file that `from` stands in: another file's private name does not
/// exist there, and hides nothing.
pub fn is_hidden_in_file(db: &dyn Db, def: DefId, from: DefId) -> bool {
    // The file is known without reading the declaration.
    file_def_of(db, def) != file_def_of(db, from) && {
        let written = modifiers(db, def).as_ref().and_then(|mods| mods.access);
        matches!(written, Some(Access::Private | Access::Fileprivate))
    }
}

fn type_of(db: &dyn Db, def: DefId) -> DefId {
    match def.kind(db) {
        DefKind::Extension => extended_decl(db, def).unwrap_or(def),
        _ => def,
    }
}

/// The declaration that bounds a private one; none at the top level of a file.
fn private_scope(db: &dyn Db, def: DefId) -> Option<DefId> {
    let parent = def.parent(db)?;
    match parent.kind(db) {
        DefKind::File | DefKind::Module => None,
        DefKind::Var | DefKind::Subscript => private_scope(db, parent),
        _ => Some(parent),
    }
}

/// The level of access that a declaration has, written or implied by what is around it.
#[salsa::tracked(returns(copy))]
pub fn access_of(db: &dyn Db, def: DefId) -> Access {
    let parent = def.parent(db);
    match def.kind(db) {
        DefKind::Module | DefKind::File => return Access::Open,
        DefKind::Accessor(kind) => {
            let Some(parent) = parent else {
                return Access::Internal;
            };
            return match kind {
                AccessorKind::Set | AccessorKind::Modify | AccessorKind::MutableAddress => {
                    setter_access(db, parent)
                }
                _ => access_of(db, parent),
            };
        }
        DefKind::GenericParam | DefKind::DefaultArg | DefKind::Deinit => {
            return parent.map_or(Access::Internal, |p| access_of(db, p));
        }
        // These reach as far as their type does, which is at least what is around it.
        DefKind::Case | DefKind::AssociatedType => {
            return parent.map_or(Access::Internal, |p| {
                access_of(db, p).max(Access::Fileprivate)
            });
        }
        DefKind::Synth(synth) => return synth_access(db, parent, synth),
        _ => {}
    }
    let Some(item) = item(db, def) else {
        return Access::Internal;
    };
    let Some(parent) = parent else {
        return Access::Internal;
    };
    if let Some(written) = item.mods.access {
        return written;
    }
    match parent.kind(db) {
        DefKind::Protocol => access_of(db, parent).max(Access::Fileprivate),
        DefKind::Extension => extension_default(db, parent),
        _ if is_type_decl(db, parent) => {
            access_of(db, parent).clamp(Access::Fileprivate, Access::Internal)
        }
        _ => Access::Internal,
    }
}

/// The level that an extension gives to members that write none.
fn extension_default(db: &dyn Db, ext: DefId) -> Access {
    let written = item(db, ext).and_then(|i| i.mods.access);
    match written {
        // Private at the top level of a file reaches the whole file.
        Some(Access::Private) => Access::Fileprivate,
        Some(access) => access,
        None => extended_decl(db, ext).map_or(Access::Internal, |d| {
            access_of(db, d).clamp(Access::Fileprivate, Access::Internal)
        }),
    }
}

fn synth_access(db: &dyn Db, parent: Option<DefId>, synth: Synth) -> Access {
    let Some(parent) = parent else {
        return Access::Internal;
    };
    // A private type's members are visible wherever the type is.
    let own = access_of(db, parent).max(Access::Fileprivate);
    match synth {
        Synth::MemberwiseInit => {
            let mut access = own.min(Access::Internal);
            for &member in written_members(db, parent) {
                let Some(item) = item(db, member) else {
                    continue;
                };
                if takes_memberwise(db, item) {
                    // A wrapped property's storage is private, but it is not the storage that the initialiser shows.
                    let shown = match &item.kind {
                        ItemKind::Var(VarItem {
                            wrapper: Some(wrapper),
                            ..
                        }) => match wrapper.role {
                            WrapperRole::Storage { of, .. } => of,
                            _ => member,
                        },
                        _ => member,
                    };
                    access = access.min(access_of(db, shown));
                }
            }
            access
        }
        Synth::DefaultInit => own.min(Access::Internal),
        _ => own,
    }
}

/// Whether a member is a stored property that a memberwise initialiser takes, as far as its declaration alone tells.
pub fn takes_memberwise(db: &dyn Db, item: &Item) -> bool {
    let ItemKind::Var(var) = &item.kind else {
        return false;
    };
    let is_static = item.mods.is_static || item.mods.is_class;
    let is_fixed = var.is_let && has_initial_value(db, var);
    let is_excluded = is_static || is_fixed;
    !is_excluded
        && var
            .accessors
            .iter()
            .all(|a| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet))
}

/// Whether a variable's declaration gives it a value.
pub fn has_initial_value(db: &dyn Db, var: &VarItem) -> bool {
    let binding = var.binding.and_then(|b| item(db, b));
    matches!(binding.map(|i| &i.kind), Some(ItemKind::Binding(b)) if b.init.is_some())
}
