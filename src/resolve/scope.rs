//! Modules and files as scopes: what is declared at the top level, by name, and which modules a file sees.

use crate::base::{FxHashMap, Name};
use crate::db::{CompilationUnit, Db, SourceFile, Workspace};
use crate::items::ids::{DefId, DefKind};
use crate::items::library::ResultKind;
use crate::items::records::remembered;
use crate::items::tree::{ItemKind, ItemTree, TypeRef};
use crate::items::{file_of, item_tree, module_def, unit_of_module};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::index::{kept_named, module_index};

/// A few definitions of one name.
pub type Defs = SmallVec<[DefId; 2]>;

/// What a module declares at its top level.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ModuleScope {
    /// Declarations by base name, in the order of the files.
    pub by_name: FxHashMap<Name, Defs>,
    /// Extensions by the last name in the extended type's spelling.
    pub extensions: FxHashMap<Name, Defs>,
    /// Extensions whose name may be that of a type alias, which the map above cannot know.
    pub extension_names: Vec<Name>,
    /// Every function whose name is an operator, at the top level and in types and extensions.
    pub operators: FxHashMap<Name, Vec<DefId>>,
}

/// The same for one file: a firewall, because it holds names alone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FileScope {
    pub decls: Vec<(Name, DefId)>,
    pub extensions: Vec<(Name, DefId)>,
    pub operators: Vec<(Name, DefId)>,
    /// First path components of the file's imports.
    pub imports: Vec<Name>,
    /// Those of `@_exported` ones, which whoever imports this module sees too.
    pub exported: Vec<Name>,
    /// Those of `@testable` ones.
    pub testable: Vec<Name>,
    /// The extensions that name protocols.
    pub conforming: Vec<DefId>,
    /// Whether there are statements outside of declarations.
    pub is_main: bool,
    /// The types that are marked with `@main`.
    pub entries: Vec<DefId>,
}

/// What a file declares at its top level.
#[salsa::tracked]
pub fn file_scope(db: &dyn Db, file: SourceFile) -> FileScope {
    remembered(db, file, ResultKind::Scope, || {
        declared_names(item_tree(db, file))
    })
}

fn declared_names(tree: &ItemTree) -> FileScope {
    let mut scope = FileScope {
        is_main: tree.top_level_code.is_some(),
        ..FileScope::default()
    };
    for &def in &tree.top_level {
        let Some(item) = tree.items.get(&def) else {
            continue;
        };
        if matches!(item.kind, ItemKind::Nominal(_)) && item.attrs.iter().any(|a| a.name == "main")
        {
            scope.entries.push(def);
        }
        match &item.kind {
            ItemKind::Extension(ext) => {
                if let Some(name) = last_name(&item.types[ext.extended], item) {
                    scope.extensions.push((name, def));
                }
                if !ext.inherits.is_empty() {
                    scope.conforming.push(def);
                }
            }
            ItemKind::Import(import) => {
                let Some(&name) = import.path.first() else {
                    continue;
                };
                let marked = |mark: &str| item.attrs.iter().any(|attr| attr.name == *mark);
                scope.imports.push(name);
                if marked("_exported") {
                    scope.exported.push(name);
                }
                if marked("testable") {
                    scope.testable.push(name);
                }
            }
            ItemKind::Operator(_) | ItemKind::PrecedenceGroup(_) | ItemKind::Binding(_) => {}
            _ => scope.decls.push((item.name, def)),
        }
    }
    collect_operators(tree, &tree.top_level, &mut scope.operators);
    scope
}

fn last_name(ty: &TypeRef, item: &crate::items::tree::Item) -> Option<Name> {
    match ty {
        TypeRef::Path(path) => path.last().map(|s| s.name),
        TypeRef::Member(_, segment) => Some(segment.name),
        TypeRef::Array(_) => Some(Name::new("Array")),
        TypeRef::Dictionary(..) => Some(Name::new("Dictionary")),
        TypeRef::Optional(_) => Some(Name::new("Optional")),
        TypeRef::Any(inner) => last_name(&item.types[*inner], item),
        _ => None,
    }
}

fn collect_operators(tree: &ItemTree, defs: &[DefId], out: &mut Vec<(Name, DefId)>) {
    for &def in defs {
        let Some(item) = tree.items.get(&def) else {
            continue;
        };
        match &item.kind {
            ItemKind::Func(_) if is_operator(item.name) => out.push((item.name, def)),
            ItemKind::Nominal(n) => collect_operators(tree, &n.members, out),
            ItemKind::Extension(e) => collect_operators(tree, &e.members, out),
            _ => {}
        }
    }
}

/// Whether a name is made of operator characters.
pub fn is_operator(name: Name) -> bool {
    let first = name.as_str().chars().next();
    first.is_some_and(|c| {
        "/=-+!*%<>&|^~?.".contains(c) || (!c.is_ascii() && !unicode_ident::is_xid_start(c))
    })
}

/// What a module declares at its top level.
#[salsa::tracked]
pub fn module_scope(db: &dyn Db, module: DefId) -> ModuleScope {
    let mut scope = ModuleScope::default();
    let Some(unit) = unit_of_module(db, module) else {
        return scope;
    };
    for &file in unit.files(db) {
        let file = file_scope(db, file);
        for &(name, def) in &file.decls {
            scope.by_name.entry(name).or_default().push(def);
        }
        for &(name, def) in &file.extensions {
            let entry = scope.extensions.entry(name).or_default();
            if entry.is_empty() {
                scope.extension_names.push(name);
            }
            entry.push(def);
        }
        for &(name, def) in &file.operators {
            scope.operators.entry(name).or_default().push(def);
        }
    }
    scope
}

/// The top-level declarations of one module with this base name. A firewall: a new declaration concerns those alone who looked for its name.
#[salsa::tracked(returns(deref))]
pub fn module_members(db: &dyn Db, module: DefId, name: Name) -> Defs {
    if let Some(named) = kept_named(db, module, name) {
        return Defs::from_slice(&named.decls);
    }
    let found = module_scope(db, module).by_name.get(&name);
    found.cloned().unwrap_or_default()
}

/// The library's module. Remembered, because whoever looks at a type asks.
#[salsa::tracked(returns(copy))]
pub fn library_module(db: &dyn Db) -> DefId {
    DefId::new(db, None, DefKind::Module, Name::new("Codira"), 0)
}

/// The module of intrinsics, which only the library sees.
pub fn builtin_module(db: &dyn Db) -> DefId {
    DefId::new(db, None, DefKind::Module, Name::new("Builtin"), 0)
}

/// Every module of the database, the library first.
#[salsa::tracked(returns(deref))]
fn modules_of(db: &dyn Db, workspace: Workspace) -> Vec<DefId> {
    let mut modules: Vec<DefId> = workspace
        .units(db)
        .iter()
        .map(|&u| module_def(db, u))
        .collect();
    let library = library_module(db);
    modules.sort_by_key(|&m| m != library);
    modules
}

/// Every module of the database, the library first.
pub fn all_modules(db: &dyn Db) -> &[DefId] {
    Workspace::try_get(db).map_or(&[], |w| modules_of(db, w))
}

/// The definition that stands for everything that sees the same imports as this one: its file, or its module where no file imports anything.
pub fn import_scope(db: &dyn Db, from: DefId) -> DefId {
    let module = crate::items::module_of(db, from);
    match unit_of_module(db, module) {
        Some(unit) if !unit.dependencies(db).is_empty() => file_def_of(db, from).unwrap_or(module),
        _ => module,
    }
}

/// The modules whose top-level names may be used without qualification in the file of a definition, its own module left out, the library
/// last. For a module, those that any of its files imports.
pub fn imported_modules(db: &dyn Db, from: DefId) -> &[DefId] {
    imports_of(db, import_scope(db, from))
}

#[salsa::tracked(returns(deref))]
fn imports_of(db: &dyn Db, scope: DefId) -> Vec<DefId> {
    let own = crate::items::module_of(db, scope);
    let Some(unit) = unit_of_module(db, own) else {
        return Vec::new();
    };
    let mut modules: Vec<DefId> = Vec::new();
    let dependencies = unit.dependencies(db);
    if !dependencies.is_empty() {
        let mut names: Vec<Name> = Vec::new();
        match file_of(db, scope) {
            Some(file) => names.extend(&file_scope(db, file).imports),
            None => {
                for &file in unit.files(db) {
                    names.extend(&file_scope(db, file).imports);
                }
            }
        }
        let direct = dependencies
            .iter()
            .filter(|dep| names.contains(&dep.name(db)));
        modules.extend(direct.map(|dep| module_def(db, *dep)));
        let mut at = 0;
        while let Some(&module) = modules.get(at) {
            for &exported in exported_modules(db, module) {
                if exported != own && !modules.contains(&exported) {
                    modules.push(exported);
                }
            }
            at += 1;
        }
    }
    let library = library_module(db);
    if own != library {
        modules.push(library);
    }
    modules
}

/// The modules that a module itself shows to those who import it.
#[salsa::tracked(returns(deref))]
fn exported_modules(db: &dyn Db, module: DefId) -> Vec<DefId> {
    let Some(unit) = unit_of_module(db, module) else {
        return Vec::new();
    };
    let names = match module_index(db, module) {
        Some(index) => index.exported.clone(),
        None => exported_names(db, unit),
    };
    let exported = unit.dependencies(db).iter();
    let exported = exported.filter(|dep| names.contains(&dep.name(db)));
    exported.map(|dep| module_def(db, *dep)).collect()
}

/// The names of the modules that files of a module import with `@_exported`.
pub(super) fn exported_names(db: &dyn Db, unit: CompilationUnit) -> Vec<Name> {
    let files = unit.files(db).iter();
    let names = files.flat_map(|&file| &file_scope(db, file).exported);
    names.copied().collect()
}

/// Whether the file of a definition imports a module with `@testable`.
pub fn imports_testably(db: &dyn Db, from: DefId, module: DefId) -> bool {
    if import_scope(db, from).kind(db) != DefKind::File {
        return false;
    }
    let name = module.name(db);
    file_of(db, from).is_some_and(|file| file_scope(db, file).testable.contains(&name))
}

/// The declarations of this name that `module.name` may mean: the module's own, or of those that it exports again.
pub fn qualified_members(db: &dyn Db, module: DefId, name: Name) -> Defs {
    let mut modules = vec![module];
    let mut found = Defs::new();
    let mut at = 0;
    while let Some(&module) = modules.get(at) {
        found.extend_from_slice(module_members(db, module, name));
        for &exported in exported_modules(db, module) {
            if !modules.contains(&exported) {
                modules.push(exported);
            }
        }
        at += 1;
    }
    found
}

/// The module with this name, if code in `from` may name it.
pub fn module_named(db: &dyn Db, from: DefId, name: Name) -> Option<DefId> {
    let own = crate::items::module_of(db, from);
    let library = library_module(db);
    if name == own.name(db) {
        return Some(own);
    }
    if name == "Builtin" && own == library {
        return Some(builtin_module(db));
    }
    let mut imported = imported_modules(db, from).iter().copied();
    imported.find(|m| m.name(db) == name)
}

/// The file definition around a definition; none for modules.
pub fn file_def_of(db: &dyn Db, def: DefId) -> Option<DefId> {
    let mut at = def;
    while at.kind(db) != DefKind::File {
        at = at.parent(db)?;
    }
    Some(at)
}

/// A definition's name without argument labels: `move` of `move(from:to:)`, `init`, `subscript`.
pub fn base_name(db: &dyn Db, def: DefId) -> Name {
    let name = def.name(db);
    match def.kind(db) {
        DefKind::Init => Name::new("init"),
        DefKind::Subscript => Name::new("subscript"),
        DefKind::Func | DefKind::Case | DefKind::Macro => match name.as_str().find('(') {
            Some(end) if end > 0 => Name::new(&name.as_str()[..end]),
            _ => name,
        },
        _ => name,
    }
}

/// Whether a definition is a struct, enum or class.
pub fn is_nominal(db: &dyn Db, def: DefId) -> bool {
    matches!(
        def.kind(db),
        DefKind::Struct | DefKind::Enum | DefKind::Class
    )
}

/// Whether a definition is a type declaration with members.
pub fn is_type_decl(db: &dyn Db, def: DefId) -> bool {
    is_nominal(db, def) || def.kind(db) == DefKind::Protocol
}

/// Whether a definition names a type.
pub fn names_type(db: &dyn Db, def: DefId) -> bool {
    is_type_decl(db, def)
        || matches!(
            def.kind(db),
            DefKind::TypeAlias | DefKind::AssociatedType | DefKind::GenericParam
        )
}

/// The nearest type declaration or extension around a definition, itself included.
pub fn type_context(db: &dyn Db, def: DefId) -> Option<DefId> {
    let mut at = def;
    loop {
        if is_type_decl(db, at) || at.kind(db) == DefKind::Extension {
            return Some(at);
        }
        at = at.parent(db)?;
    }
}
