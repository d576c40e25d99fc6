//! What a file shows to others: its item tree without the bodies that nobody outside can notice.
//!
//! While the outlines of all files stay equal, whatever was found out about one file still holds when another one is edited. Bodies that do
//! reach further stay in the outline: initial values, whose types may be inferred and which may be constants; default arguments and raw values;
//! bodies behind opaque result types; observers, which decide how a property is modified; and functions that are inlined into their callers.

use super::overrides::overriding_names;
use super::tree::{AccessorItem, Attr, BodySyntax, Item, ItemKind, TypeRef};
use super::{ItemTree, declarations, item_tree};
use crate::base::Name;
use crate::db::{Db, SourceFile};
use crate::items::ids::AccessorKind;

/// Everything in a file that can matter to other files. Compared as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileOutline {
    /// The declarations in source order, members after their type.
    items: Vec<Item>,
    /// The names that classes of the file override.
    overriding: Vec<Name>,
    /// Whether there are statements outside of declarations.
    is_main: bool,
}

/// The outline of a file.
#[salsa::tracked]
pub fn file_outline(db: &dyn Db, file: SourceFile) -> FileOutline {
    let tree: &ItemTree = item_tree(db, file);
    let declared = declarations(db, file).iter();
    let mut overriding: Vec<Name> = overriding_names(db, file).iter().copied().collect();
    overriding.sort();
    FileOutline {
        items: declared
            .filter_map(|def| tree.items.get(def))
            .map(|item| visible(item))
            .collect(),
        overriding,
        is_main: tree.top_level_code.is_some(),
    }
}

/// An item without the bodies that stay its own affair.
fn visible(item: &Item) -> Item {
    let mut item = item.clone();
    let opaque = item.types.values().any(|t| matches!(t, TypeRef::Some(_)));
    if opaque || item.attrs.iter().any(is_inlined) {
        return item;
    }
    match &mut item.kind {
        ItemKind::Func(func) | ItemKind::Macro(func) => hide(&mut func.body),
        ItemKind::Deinit { body } => hide(body),
        ItemKind::Var(var) => hide_accessors(&mut var.accessors),
        ItemKind::Subscript(subscript) => hide_accessors(&mut subscript.accessors),
        ItemKind::Nominal(_)
        | ItemKind::Extension(_)
        | ItemKind::TypeAlias { .. }
        | ItemKind::AssociatedType { .. }
        | ItemKind::Case(_)
        | ItemKind::Operator(_)
        | ItemKind::PrecedenceGroup(_)
        | ItemKind::Import(_)
        | ItemKind::Binding(_) => {}
    }
    item
}

/// Whether callers may contain the body.
fn is_inlined(attr: &Attr) -> bool {
    let names = [
        "_transparent",
        "inline",
        "inlinable",
        "_alwaysEmitIntoClient",
    ];
    names.iter().any(|name| attr.name == *name)
}

fn hide_accessors(accessors: &mut [AccessorItem]) {
    for accessor in accessors {
        let observes = matches!(
            accessor.kind,
            AccessorKind::WillSet | AccessorKind::DidSet | AccessorKind::Init
        );
        if !observes {
            hide(&mut accessor.body);
        }
    }
}

/// Leaves of a body only that there is one.
fn hide(body: &mut Option<BodySyntax>) {
    if body.is_some() {
        *body = Some(BodySyntax {
            green: None,
            hash: 0,
        });
    }
}
