//! What a file shows to others: its item tree without the bodies that nobody outside can notice.
//!
//! While the outlines of all files stay equal, whatever was found out about one file still holds when another one is edited. Bodies that do
//! reach further stay in the outline: initial values, whose types may be inferred and which may be constants; default arguments and raw values;
//! bodies behind opaque result types; observers, which decide how a property is modified; and functions that are inlined into their callers.

use super::overrides::overriding_names;
use super::tree::{AccessorItem, Attr, BodySyntax, Item, ItemKind, TypeRef};
use super::{ItemTree, codec, item_tree};
use crate::base::{Fingerprint, Name};
use crate::db::{Db, SourceFile};
use crate::items::ids::AccessorKind;
use serde::Serialize;

/// Everything in a file that can matter to other files. Compared as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FileOutline {
    /// The declarations in source order, members after their type.
    pub items: Vec<Item>,
    /// The names that classes of the file override.
    pub overriding: Vec<Name>,
    /// Whether there are statements outside of declarations.
    pub is_main: bool,
}

/// The outline of a file.
#[salsa::tracked]
pub fn file_outline(db: &dyn Db, file: SourceFile) -> FileOutline {
    let mut overriding: Vec<Name> = overriding_names(db, file).iter().copied().collect();
    overriding.sort();
    outline_of(item_tree(db, file), overriding)
}

/// The outline of a file with this item tree, whose classes override these names.
pub fn outline_of(tree: &ItemTree, overriding: Vec<Name>) -> FileOutline {
    let mut declared = Vec::new();
    super::owners::declared(tree, &tree.top_level, &mut declared);
    let mut items = Vec::with_capacity(declared.len());
    for def in declared {
        let Some(item) = tree.items.get(&def) else {
            continue;
        };
        items.push(visible(item));
        // Initial values stand beside the variables, the first of which names them.
        if let ItemKind::Var(var) = &item.kind
            && let Some(binding) = var.binding.and_then(|def| tree.items.get(&def))
            && matches!(&binding.kind, ItemKind::Binding(b) if b.vars.first() == Some(&def))
        {
            items.push(visible(binding));
        }
    }
    FileOutline {
        items,
        overriding,
        is_main: tree.top_level_code.is_some(),
    }
}

/// A fingerprint of the outline that means the same in every process. None for an outline that cannot be written down.
pub fn outline_fingerprint(db: &dyn Db, file: SourceFile) -> Option<Fingerprint> {
    let encoded = codec::encode(db, file_outline(db, file))?;
    Some(Fingerprint::of_bytes(&encoded.bytes))
}

/// An item without the bodies that stay its own affair.
pub(crate) fn visible(item: &Item) -> Item {
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
pub(crate) fn is_inlined(attr: &Attr) -> bool {
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
