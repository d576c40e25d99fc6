//! Tour of `items`: what each file declares, free of positions: the firewall between text and meaning.
//!
//! * [`ids`]: a [`DefId`] names a declaration by its path and survives every edit that does not rename or move it.
//! * [`tree`]: the [`ItemTree`] of a file: declarations with their types as written, bodies as opaque, trivia-free syntax.
//! * [`hir`]: a [`Body`] after parsing: desugared a little, operators folded.
//! * [`precedence`]: the table that folding reads.
//! * [`lower`]: from syntax to the two.
//! * [`source_map`]: the way back, asked only by diagnostics, debug information and the editor.
//! * [`codec`]: values with definitions in them as bytes; [`library`]: what earlier processes found out about the standard library;
//!   [`records`]: about any file. [`compiled`]: modules that were compiled before, as records. [`lazy`]: the declarations among these, one by one.
//! * [`workspace`]: the inputs of a compilation; [`imports`]: the modules that it may need.
//! * [`wrappers`]: the property wrappers that attributes may name.
//! * [`presumed`]: what `#sourceLocation` says.
//! * [`owners`]: which definitions have bodies.
//! * [`anchor`]: diagnostics that point at declarations and expressions instead of positions.
//!
//! A changed file re-parses and rebuilds its item tree; whatever in it is equal to before stops the change there.

pub mod anchor;
pub mod codec;
pub mod compiled;
pub mod hir;
pub mod ids;
pub mod imports;
pub mod lazy;
pub mod library;
pub mod lower;
pub mod outline;
pub mod overrides;
pub mod owners;
pub mod precedence;
pub mod presumed;
pub mod records;
pub mod source_map;
pub mod tree;
pub mod workspace;
pub mod wrappers;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::base::{FxHashMap, Name};
use crate::db::{CompilationUnit, Db, SourceFile, Workspace};
use crate::syntax::Parse;

pub use self::anchor::{Anchor, AnchoredDiagnostic, AnchoredFixIt, AnchoredNote, FixPlace};
pub use self::hir::Body;
pub use self::ids::{AccessorKind, DefId, DefKind, Synth};
pub use self::owners::{body_owners, declarations, local_body_owners, local_declarations};
pub use self::precedence::OperatorTable;
pub use self::tree::{BodySyntax, Item, ItemKind, ItemTree};

/// The tree of a file and what was wrong with its syntax.
#[salsa::tracked(lru = 4096)]
pub fn parse(db: &dyn Db, file: SourceFile) -> Parse {
    crate::syntax::parse(file.text(db), &lower::parse_options(db, file))
}

/// What a file declares.
#[salsa::tracked]
pub fn item_tree(db: &dyn Db, file: SourceFile) -> ItemTree {
    if file_def(db, file).is_none() {
        return ItemTree::default();
    }
    if let Some(kept) = lazy::kept_tree(db, file) {
        return kept;
    }
    match records::tree_key(db, file) {
        Some(_) => library::stored_item_tree(db, file, || lowered_tree(db, file).clone()),
        None => lowered_file(db, file).0.clone(),
    }
}

/// The item tree of a file with the syntax of its bodies, which [`item_tree`] leaves out where it comes from disk.
#[salsa::tracked]
pub fn lowered_tree(db: &dyn Db, file: SourceFile) -> ItemTree {
    lowered_file(db, file).0.clone()
}

/// The item tree of a file with the places of its declarations, which change with every edit: both are made in one walk, and only those who need
/// places ask for more than the tree.
#[salsa::tracked]
fn lowered_file(db: &dyn Db, file: SourceFile) -> (ItemTree, source_map::ItemSourceMap) {
    match file_def(db, file) {
        Some(def) => lower::lower_file(db, file, def),
        None => Default::default(),
    }
}

/// The identity of a file: none while the file belongs to no module.
#[salsa::tracked(returns(copy))]
pub fn file_def(db: &dyn Db, file: SourceFile) -> Option<DefId> {
    let unit = unit_of_file(db, file)?;
    Some(DefId::new(
        db,
        Some(module_def(db, unit)),
        DefKind::File,
        Name::new(file.path(db)),
        0,
    ))
}

/// The module that a file belongs to.
#[salsa::tracked(returns(copy))]
pub fn unit_of_file(db: &dyn Db, file: SourceFile) -> Option<CompilationUnit> {
    let units = Workspace::try_get(db)?.units(db);
    let path = Name::new(file.path(db));
    let is_in = |unit: &CompilationUnit| files_by_path(db, *unit).get(&path) == Some(&file);
    units.iter().copied().find(is_in)
}

/// Whether a file belongs to a module that was compiled before, so that it has no text.
pub fn is_compiled(db: &dyn Db, file: SourceFile) -> bool {
    unit_of_file(db, file).is_some_and(|unit| unit.compiled(db).is_some())
}

/// Whether the file's variables are statements that run in order: in the program's main file. Elsewhere each is initialised when it is first used.
pub fn is_script(db: &dyn Db, file: SourceFile) -> bool {
    if file.is_library(db) {
        return false;
    }
    let Some(unit) = unit_of_file(db, file) else {
        return true;
    };
    !unit.options(db).parse_as_library && (is_named_main(db, file) || unit.files(db).len() == 1)
}

/// Whether a file has the name of a program's main file.
pub fn is_named_main(db: &dyn Db, file: SourceFile) -> bool {
    let name = file.path(db).rsplit(['/', '\\']).next().unwrap_or_default();
    name.split_once('.').is_some_and(|(stem, _)| stem == "main")
}

/// The identity of a module.
#[salsa::tracked(returns(copy))]
pub fn module_def(db: &dyn Db, unit: CompilationUnit) -> DefId {
    let discriminator = unit.options(db).crate_discriminator();
    DefId::new(db, None, DefKind::Module, unit.name(db), discriminator)
}

/// The inputs of a module, by its identity. Remembered, because it is asked about nearly every declaration.
#[salsa::tracked(returns(copy))]
pub fn unit_of_module(db: &dyn Db, module: DefId) -> Option<CompilationUnit> {
    let units = Workspace::try_get(db)?.units(db);
    units
        .iter()
        .copied()
        .find(|&unit| unit.name(db) == module.name(db) && module_def(db, unit) == module)
}

#[salsa::tracked]
fn files_by_path(db: &dyn Db, unit: CompilationUnit) -> FxHashMap<Name, SourceFile> {
    unit.files(db)
        .iter()
        .map(|&file| (Name::new(file.path(db)), file))
        .collect()
}

/// The module that a definition belongs to.
pub fn module_of(db: &dyn Db, def: DefId) -> DefId {
    let mut at = def;
    while let Some(parent) = at.parent(db) {
        at = parent;
    }
    at
}

/// The file that a definition stands in; none for modules and members of vanished files.
pub fn file_of(db: &dyn Db, def: DefId) -> Option<SourceFile> {
    let mut at = def;
    while at.kind(db) != DefKind::File {
        at = at.parent(db)?;
    }
    let unit = unit_of_module(db, at.parent(db)?)?;
    files_by_path(db, unit).get(&at.name(db)).copied()
}

/// The nearest enclosing definition (or the definition itself) that has a body of its own: a function, accessor, initial value…
pub fn enclosing_body(db: &dyn Db, def: DefId) -> Option<DefId> {
    let mut at = Some(def);
    while let Some(def) = at {
        match def.kind(db) {
            // A local function is part of the body around it.
            DefKind::Func if is_local_function(db, def) => at = def.parent(db),
            DefKind::Func
            | DefKind::Init
            | DefKind::Deinit
            | DefKind::Accessor(_)
            | DefKind::Binding
            | DefKind::DefaultArg
            | DefKind::TopLevel
            | DefKind::WrapperInit
            | DefKind::Case => return Some(def),
            DefKind::File | DefKind::Module => return None,
            _ => at = def.parent(db),
        }
    }
    None
}

/// Whether a definition is a function declared inside of a body.
pub fn is_local_function(db: &dyn Db, def: DefId) -> bool {
    def.kind(db) == DefKind::Func
        && def.parent(db).is_some_and(|parent| {
            matches!(
                parent.kind(db),
                DefKind::Func
                    | DefKind::Init
                    | DefKind::Deinit
                    | DefKind::Accessor(_)
                    | DefKind::Binding
                    | DefKind::DefaultArg
                    | DefKind::TopLevel
                    | DefKind::WrapperInit
                    | DefKind::Case
            )
        })
}

/// A declaration's data. None for what has none of its own: modules, files, accessors, generic parameters, synthesised members.
pub fn item(db: &dyn Db, def: DefId) -> Option<&Item> {
    item_query(db, def).as_deref()
}

/// The modifiers of a declaration. Those who only use it ask for them here, so that they do not depend on its body.
#[salsa::tracked]
pub fn modifiers(db: &dyn Db, def: DefId) -> Option<tree::Modifiers> {
    item(db, def).map(|item| item.mods.clone())
}

/// The attributes of a declaration, for those who only use it.
#[salsa::tracked(returns(deref))]
pub fn attributes(db: &dyn Db, def: DefId) -> Vec<tree::Attr> {
    item(db, def).map_or_else(Vec::new, |item| item.attrs.clone())
}

/// A firewall: depends on the file's whole tree, changes with this declaration alone. Where declarations are kept as records, no other is looked at.
#[salsa::tracked]
fn item_query(db: &dyn Db, def: DefId) -> Option<Arc<Item>> {
    match def.kind(db) {
        DefKind::Module | DefKind::File | DefKind::Accessor(_) | DefKind::Synth(_) => return None,
        DefKind::GenericParam
        | DefKind::DefaultArg
        | DefKind::TopLevel
        | DefKind::WrapperInit
        | DefKind::Closure => return None,
        _ => {}
    }
    // A local declaration lies in the tree of the body around it; local functions have their signature there too.
    let mut at = def.parent(db);
    while let Some(owner) = at {
        if owner.kind(db) == DefKind::File {
            break;
        }
        if enclosing_body(db, owner) == Some(owner) {
            return body(db, owner).items.items.get(&def).cloned();
        }
        at = owner.parent(db);
    }
    let file = file_of(db, def)?;
    match lazy::kept_item(db, file, def) {
        Some(kept) => kept.map(Arc::new),
        None => item_tree(db, file).items.get(&def).cloned(),
    }
}

/// The syntax of a definition's body, initial value or default value. A body may be known by its hash alone.
pub fn body_syntax(db: &dyn Db, def: DefId) -> Option<&BodySyntax> {
    if def.kind(db) == DefKind::TopLevel {
        return item_tree(db, file_of(db, def)?).top_level_code.as_ref();
    }
    body_syntax_in(db, def, |def| item(db, def))
}

/// The same with the syntax: the file is parsed if its item tree came without.
pub fn parsed_syntax(db: &dyn Db, def: DefId) -> Option<&BodySyntax> {
    let known = body_syntax(db, def)?;
    if known.green.is_some() {
        return Some(known);
    }
    body_in_tree(db, lowered_tree(db, file_of(db, def)?), def)
}

/// The syntax of a definition's body in an item tree of its file.
pub fn body_in_tree<'t>(db: &dyn Db, tree: &'t ItemTree, def: DefId) -> Option<&'t BodySyntax> {
    match def.kind(db) {
        DefKind::TopLevel => tree.top_level_code.as_ref(),
        _ => body_syntax_in(db, def, |def| tree.items.get(&def).map(|item| &**item)),
    }
}

/// The syntax of a definition's body, as far as these items have it.
pub fn body_in_items<'t>(
    db: &dyn Db,
    items: &FxHashMap<DefId, &'t Item>,
    def: DefId,
) -> Option<&'t BodySyntax> {
    body_syntax_in(db, def, |def| items.get(&def).copied())
}

/// The same, as long as `item` finds the items around.
fn body_syntax_in<'db>(
    db: &dyn Db,
    def: DefId,
    item: impl Fn(DefId) -> Option<&'db Item>,
) -> Option<&'db BodySyntax> {
    match def.kind(db) {
        DefKind::Accessor(kind) => {
            let accessors = match &item(def.parent(db)?)?.kind {
                ItemKind::Var(var) => &var.accessors,
                ItemKind::Subscript(subscript) => &subscript.accessors,
                _ => return None,
            };
            accessors
                .iter()
                .find(|a| a.kind == kind)
                .and_then(|a| a.body.as_ref())
        }
        DefKind::DefaultArg => {
            let index = def.index(db) as usize;
            let params = match &item(def.parent(db)?)?.kind {
                ItemKind::Func(f) | ItemKind::Macro(f) => &f.params,
                ItemKind::Subscript(s) => &s.params,
                ItemKind::Case(c) => c.payload.as_ref()?,
                ItemKind::Var(v) => return v.wrapper.as_ref().map(|w| &w.syntax),
                _ => return None,
            };
            params.get(index)?.default.as_ref()
        }
        DefKind::WrapperInit => match &item(def.parent(db)?)?.kind {
            ItemKind::Var(v) => v.wrapper.as_ref().map(|w| &w.syntax),
            _ => None,
        },
        _ => match &item(def)?.kind {
            ItemKind::Func(f) | ItemKind::Macro(f) => f.body.as_ref(),
            ItemKind::Deinit { body } => body.as_ref(),
            ItemKind::Binding(b) => b.init.as_ref(),
            ItemKind::Case(c) => c.raw_value.as_ref(),
            _ => None,
        },
    }
}

/// A body, desugared and with operators folded; empty where the definition has none.
#[salsa::tracked]
pub fn body(db: &dyn Db, def: DefId) -> Body {
    if let Some(unit) = compiled::compiled_unit_of(db, def) {
        return compiled::compiled_body(db, unit, def);
    }
    match parsed_syntax(db, def) {
        Some(syntax) => lower::lower_body(db, def, syntax).0,
        None => Body::default(),
    }
}

/// The operators that files of a module see: its own and the standard library's.
#[salsa::tracked]
pub fn operators(db: &dyn Db, unit: CompilationUnit) -> OperatorTable {
    let mut units = vec![unit];
    units.extend(unit.dependencies(db));
    units.extend(unit.library(db));
    let mut operators = Vec::new();
    let mut groups = Vec::new();
    for unit in units {
        if unit.compiled(db).is_some() {
            let (found, of_module) = module_operators(db, unit);
            operators.extend_from_slice(found);
            groups.extend(of_module.iter().map(|(name, group)| (*name, group)));
            continue;
        }
        for &file in unit.files(db) {
            let (found, of_file) = file_operators(db, file);
            operators.extend_from_slice(found);
            groups.extend(of_file.iter().map(|(name, group)| (*name, group)));
        }
    }
    OperatorTable::new(operators.into_iter(), groups.into_iter())
}

type FileOperators = (
    Vec<(Name, tree::Fixity, Option<Name>)>,
    Vec<(Name, tree::PrecedenceGroupItem)>,
);

/// The operators of a module of which records are kept.
#[salsa::tracked]
fn module_operators(db: &dyn Db, unit: CompilationUnit) -> FileOperators {
    lazy::remembered_of_module(db, unit, library::ResultKind::Operators, || {
        operators_of_files(db, unit)
    })
}

fn operators_of_files(db: &dyn Db, unit: CompilationUnit) -> FileOperators {
    let mut all = FileOperators::default();
    for &file in unit.files(db) {
        let (operators, groups) = file_operators(db, file);
        all.0.extend_from_slice(operators);
        all.1.extend_from_slice(groups);
    }
    all
}

/// A firewall: the operators that one file declares.
#[salsa::tracked]
fn file_operators(db: &dyn Db, file: SourceFile) -> FileOperators {
    let kind = library::ResultKind::Operators;
    records::remembered(db, file, kind, || declared_operators(item_tree(db, file)))
}

fn declared_operators(tree: &ItemTree) -> FileOperators {
    let mut result = FileOperators::default();
    for def in &tree.top_level {
        let Some(item) = tree.items.get(def) else {
            continue;
        };
        match &item.kind {
            ItemKind::Operator(op) => result.0.push((item.name, op.fixity, op.group)),
            ItemKind::PrecedenceGroup(group) => result.1.push((item.name, group.clone())),
            _ => {}
        }
    }
    result
}

/// Diagnostics of a file's syntax, measured.
pub fn syntax_diagnostics(db: &dyn Db, file: SourceFile) -> Vec<crate::diag::Diagnostic> {
    lower::syntax_diagnostics(db, file)
}
