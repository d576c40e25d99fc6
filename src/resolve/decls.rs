//! Written types to declarations.
//!
//! Which members a type has depends on what it inherits, and what it inherits is written as types. That circle is cut here: inheritance clauses,
//! extended types and aliases are resolved to declarations alone, without generic arguments or conformances. Forming types comes later, in
//! `types`.

use crate::base::{Arena, Name};
use crate::db::Db;
use crate::items::hir::Stmt;
use crate::items::ids::{DefId, DefKind};
use crate::items::lazy::remembered_of_module;
use crate::items::library::ResultKind;
use crate::items::tree::{
    FuncItem, GenericsRef, Item, ItemKind, ParamItem, TypeRef, TypeRefId, WhereRef,
};
use crate::items::{body, enclosing_body, item, module_of, unit_of_module};
use crate::resolve::access::{is_accessible, is_hidden_in_file};
use crate::resolve::index::kept_named;
use crate::resolve::members::{declared_members, written_members};
use crate::resolve::scope::*;
use smallvec::{SmallVec, smallvec};

/// What a type's name can mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TypeName {
    Def(DefId),
    /// A type of module `Builtin`, by its name there.
    Builtin(Name),
    AnyObject,
    Any,
    /// `Self`, of this type declaration or extension.
    SelfType(DefId),
    Module(DefId),
}

/// A type's name, found from a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeFound {
    pub name: TypeName,
    /// The type declaration or extension around the use whose member it is.
    pub member_of: Option<DefId>,
}

/// From where a type's name is looked up.
#[derive(Clone, Copy, Default, Debug)]
pub struct TypeScope {
    /// Members of this declaration do not count: its own inheritance clause is being read.
    pub without_members_of: Option<DefId>,
    /// The types declared inside the function bodies around count from the innermost on.
    pub in_body: bool,
}

/// The generic parameters that a declaration writes.
pub fn generics_ref(item: &Item) -> Option<&GenericsRef> {
    match &item.kind {
        ItemKind::Nominal(n) => Some(&n.generics),
        ItemKind::TypeAlias { generics, .. } => Some(generics),
        ItemKind::Func(f) | ItemKind::Macro(f) => Some(&f.generics),
        ItemKind::Subscript(s) => Some(&s.generics),
        _ => None,
    }
}

/// What a generic or function-like declaration writes, wherever it stands: local functions live in the body around them.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub generics: &'a GenericsRef,
    pub params: &'a [ParamItem],
    /// Of functions and initialisers.
    pub func: Option<&'a FuncItem>,
    pub types: &'a Arena<TypeRef>,
    /// The body whose arena `types` is, for a local function.
    pub body: Option<DefId>,
}

/// What a generic or function-like declaration writes.
pub fn written(db: &dyn Db, def: DefId) -> Option<Written<'_>> {
    if let Some(item) = item(db, def) {
        let generics = generics_ref(item)?;
        let func = match &item.kind {
            ItemKind::Func(f) | ItemKind::Macro(f) => Some(f),
            _ => None,
        };
        let params = match &item.kind {
            ItemKind::Subscript(s) => &s.params[..],
            _ => func.map_or(&[][..], |f| &f.params),
        };
        return Some(Written {
            generics,
            params,
            func,
            types: &item.types,
            body: None,
        });
    }
    if def.kind(db) != DefKind::Func {
        return None;
    }
    let owner = enclosing_body(db, def.parent(db)?)?;
    let body = body(db, owner);
    let func = body.stmts.values().find_map(|stmt| match stmt {
        Stmt::LocalFn(local) if local.def == def => Some(&local.func),
        Stmt::LocalAccessors { accessors, .. } => accessors
            .iter()
            .find(|(_, a)| a.def == def)
            .map(|(_, a)| &a.func),
        _ => None,
    })?;
    Some(Written {
        generics: &func.generics,
        params: &func.params,
        func: Some(func),
        types: &body.types,
        body: Some(owner),
    })
}

/// The definition of one of a declaration's own generic parameters.
pub fn param_def(db: &dyn Db, owner: DefId, index: usize, name: Name) -> DefId {
    DefId::new(db, Some(owner), DefKind::GenericParam, name, index as u32)
}

/// Looks up a type's name from a scope outwards.
pub fn lookup_type(db: &dyn Db, scope: DefId, name: Name, mode: TypeScope) -> Option<TypeFound> {
    let found = |name| {
        Some(TypeFound {
            name,
            member_of: None,
        })
    };
    if name == "Any" {
        return found(TypeName::Any);
    }
    if name == "Self"
        && let Some(context) = type_context(db, scope)
    {
        return found(TypeName::SelfType(context));
    }
    let mut at = Some(scope);
    let mut inside_body = mode.in_body;
    while let Some(def) = at {
        let kind = def.kind(db);
        match kind {
            DefKind::Module | DefKind::File => break,
            DefKind::GenericParam | DefKind::Import => {}
            _ => {
                if let Some(param) = own_param(db, def, name) {
                    return found(TypeName::Def(param));
                }
            }
        }
        if is_type_decl(db, def) || kind == DefKind::Extension {
            let container = if kind == DefKind::Extension {
                extended_decl(db, def)
            } else {
                Some(def)
            };
            if let Some(container) = container {
                if kind == DefKind::Extension
                    && let Some(param) = outer_param(db, container, name)
                {
                    return found(TypeName::Def(param));
                }
                if mode.without_members_of != Some(def)
                    && let Some(member) = member_type(db, container, name)
                {
                    return Some(TypeFound {
                        name: TypeName::Def(member),
                        member_of: Some(def),
                    });
                }
                if is_type_decl(db, container) && container.name(db) == name {
                    return found(TypeName::Def(container));
                }
            }
        } else if inside_body
            && has_body(kind)
            && let Some(local) = local_type(db, def, name)
        {
            return found(TypeName::Def(local));
        }
        // What is declared in a body sees the body's types; a default value does not stand in the body.
        inside_body |= !matches!(kind, DefKind::DefaultArg | DefKind::GenericParam);
        at = def.parent(db);
    }
    let module = module_of(db, scope);
    lookup_type_at_top(db, module, scope, name).and_then(found)
}

/// Looks up a type's name at the top level of a module and what it imports. Private types of other files come last, to be told about.
fn lookup_type_at_top(db: &dyn Db, module: DefId, scope: DefId, name: Name) -> Option<TypeName> {
    let in_module = |m: DefId| {
        let mut defs = module_members(db, m, name).iter().copied();
        let library = library_module(db);
        let is_hidden = |d| match m == module {
            true => is_hidden_in_file(db, d, scope),
            false => m != library && !is_accessible(db, d, scope),
        };
        defs.find(|&d| names_type(db, d) && !is_hidden(d))
            .map(TypeName::Def)
    };
    if let Some(own) = in_module(module) {
        return Some(own);
    }
    let hidden = || {
        let mut defs = module_members(db, module, name).iter().copied();
        defs.find(|&d| names_type(db, d)).map(TypeName::Def)
    };
    let imported = imported_modules(db, scope).iter().copied();
    imported
        .map(in_module)
        .find(Option::is_some)
        .flatten()
        .or_else(|| module_named(db, scope, name).map(TypeName::Module))
        .or_else(hidden)
}

/// The imported modules besides the library that declare a type which a name means as much as the one that was found. Fewer than two where
/// nothing is ambiguous: what the own module declares hides the others, and they hide the library.
pub fn rival_modules(db: &dyn Db, scope: DefId, found: DefId) -> Vec<DefId> {
    let (home, library) = (module_of(db, found), library_module(db));
    let is_top = found
        .parent(db)
        .is_some_and(|p| p.kind(db) == DefKind::File);
    if !is_top || home == library || home == module_of(db, scope) || !is_type_decl(db, found) {
        return Vec::new();
    }
    let has_type = |&module: &DefId| {
        let mut defs = module_members(db, module, found.name(db)).iter();
        module != library && defs.any(|&d| is_type_decl(db, d) && is_accessible(db, d, scope))
    };
    let modules = imported_modules(db, scope).iter().copied();
    modules.filter(has_type).collect()
}

fn has_body(kind: DefKind) -> bool {
    matches!(
        kind,
        DefKind::Func
            | DefKind::Init
            | DefKind::Deinit
            | DefKind::Accessor(_)
            | DefKind::Binding
            | DefKind::TopLevel
            | DefKind::DefaultArg
    )
}

/// A generic parameter that the declaration itself introduces.
fn own_param(db: &dyn Db, def: DefId, name: Name) -> Option<DefId> {
    if !matches!(
        def.kind(db),
        DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::TypeAlias
            | DefKind::Func
            | DefKind::Init
            | DefKind::Subscript
            | DefKind::Macro
    ) {
        return None;
    }
    let params = &written(db, def)?.generics.params;
    let index = params.iter().position(|p| p.name == name)?;
    Some(param_def(db, def, index, name))
}

/// A generic parameter of a type or of what is around it: what an extension's members see.
fn outer_param(db: &dyn Db, container: DefId, name: Name) -> Option<DefId> {
    let mut at = Some(container);
    while let Some(def) = at {
        if let Some(param) = own_param(db, def, name) {
            return Some(param);
        }
        at = def.parent(db);
    }
    None
}

/// A type declared inside a function, but not inside of a local function there.
fn local_type(db: &dyn Db, function: DefId, name: Name) -> Option<DefId> {
    let items = &body(db, enclosing_body(db, function)?).items;
    let mut defs = items.top_level.iter().copied();
    defs.find(|&d| d.name(db) == name && d.parent(db) == Some(function) && names_type(db, d))
}

/// The member type of a type declaration with this name: its own (or of its extensions), inherited from a superclass, or an associated type or
/// alias of a protocol that it conforms to or inherits.
#[salsa::tracked(returns(copy), cycle_result = no_member_type)]
pub fn member_type(db: &dyn Db, container: DefId, name: Name) -> Option<DefId> {
    if let Some(own) = own_member_type(db, container, name) {
        return Some(own);
    }
    if let Some(class) = superclass_decl(db, container)
        && let Some(found) = member_type(db, class, name)
    {
        return Some(found);
    }
    let mut alias = None;
    for &protocol in all_protocols(db, container) {
        match own_member_type(db, protocol, name) {
            Some(found) if found.kind(db) == DefKind::AssociatedType => return Some(found),
            Some(found) => alias = alias.or(Some(found)),
            None => {}
        }
    }
    alias
}

fn no_member_type(_: &dyn Db, _: salsa::Id, _: DefId, _: Name) -> Option<DefId> {
    None
}

/// A type declared in the container itself or in one of its extensions.
pub fn own_member_type(db: &dyn Db, container: DefId, name: Name) -> Option<DefId> {
    let members = declared_members(db, container).by_name.get(&name)?;
    members.iter().copied().find(|&d| names_type(db, d))
}

/// The nominal or protocol that an extension extends.
#[salsa::tracked(returns(copy), cycle_result = no_decl)]
pub fn extended_decl(db: &dyn Db, ext: DefId) -> Option<DefId> {
    let item = item(db, ext)?;
    let ItemKind::Extension(data) = &item.kind else {
        return None;
    };
    let scope = ext.parent(db)?;
    let names = decls_of(db, scope, &item.types, data.extended, TypeScope::default());
    names.iter().find_map(|&n| match n {
        TypeName::Def(d) if is_type_decl(db, d) => Some(d),
        _ => None,
    })
}

fn no_decl(_: &dyn Db, _: salsa::Id, _: DefId) -> Option<DefId> {
    None
}

/// The declarations that a written type names, with aliases looked through. Empty for anything else than names, compositions and the sugared
/// forms of library types.
pub fn decls_of(
    db: &dyn Db,
    scope: DefId,
    types: &Arena<TypeRef>,
    id: TypeRefId,
    mode: TypeScope,
) -> SmallVec<[TypeName; 2]> {
    let library = |name: &str| {
        let defs = module_members(db, library_module(db), Name::new(name));
        defs.first()
            .map(|&d| TypeName::Def(d))
            .into_iter()
            .collect()
    };
    match &types[id] {
        TypeRef::Path(path) => {
            let Some((first, rest)) = path.split_first() else {
                return smallvec![];
            };
            let Some(found) = lookup_type(db, scope, first.name, mode) else {
                return smallvec![];
            };
            let mut names = see_through(db, found.name);
            for segment in rest {
                names = member_names(db, &names, segment.name);
            }
            names
        }
        TypeRef::Member(base, segment) => {
            let names = decls_of(db, scope, types, *base, mode);
            member_names(db, &names, segment.name)
        }
        TypeRef::Composition(parts) => {
            let parts = parts.iter();
            parts
                .flat_map(|&p| decls_of(db, scope, types, p, mode))
                .collect()
        }
        TypeRef::Any(inner) | TypeRef::Some(inner) => decls_of(db, scope, types, *inner, mode),
        TypeRef::Tuple(elems) if elems.len() == 1 => decls_of(db, scope, types, elems[0].1, mode),
        TypeRef::Array(_) => library("Array"),
        TypeRef::Dictionary(..) => library("Dictionary"),
        TypeRef::Optional(_) | TypeRef::ImplicitlyUnwrapped(_) => library("Optional"),
        _ => smallvec![],
    }
}

fn see_through(db: &dyn Db, name: TypeName) -> SmallVec<[TypeName; 2]> {
    match name {
        TypeName::Def(d) if d.kind(db) == DefKind::TypeAlias => alias_decls(db, d).clone(),
        TypeName::SelfType(context) => match context.kind(db) {
            DefKind::Extension => extended_decl(db, context)
                .map(TypeName::Def)
                .into_iter()
                .collect(),
            _ => smallvec![TypeName::Def(context)],
        },
        name => smallvec![name],
    }
}

fn member_names(db: &dyn Db, bases: &[TypeName], name: Name) -> SmallVec<[TypeName; 2]> {
    for &base in bases {
        match base {
            TypeName::Module(module) => {
                if let Some(found) = type_in_module(db, module, name) {
                    return see_through(db, found);
                }
            }
            TypeName::Def(d) if is_type_decl(db, d) => {
                if let Some(member) = member_type(db, d, name) {
                    return see_through(db, TypeName::Def(member));
                }
            }
            _ => {}
        }
    }
    smallvec![]
}

/// A type of a module by its name; builtin types of module `Builtin`.
pub fn type_in_module(db: &dyn Db, module: DefId, name: Name) -> Option<TypeName> {
    if module == builtin_module(db) {
        return match name.as_str() {
            "AnyObject" => Some(TypeName::AnyObject),
            "Int1" | "Int8" | "Int16" | "Int32" | "Int64" | "Int128" | "Float32" | "Float64"
            | "RawPointer" | "NativeObject" => Some(TypeName::Builtin(name)),
            _ => None,
        };
    }
    let mut defs = qualified_members(db, module, name).into_iter();
    defs.find(|&d| names_type(db, d)).map(TypeName::Def)
}

#[salsa::tracked(cycle_result = no_alias_decls)]
fn alias_decls(db: &dyn Db, alias: DefId) -> SmallVec<[TypeName; 2]> {
    let Some(item) = item(db, alias) else {
        return smallvec![];
    };
    let ItemKind::TypeAlias { target, .. } = &item.kind else {
        return smallvec![];
    };
    let mode = TypeScope {
        in_body: true,
        ..TypeScope::default()
    };
    decls_of(db, alias, &item.types, *target, mode)
}

fn no_alias_decls(_: &dyn Db, _: salsa::Id, _: DefId) -> SmallVec<[TypeName; 2]> {
    smallvec![]
}

/// One entry of an inheritance clause at the level of declarations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inherited {
    pub written: TypeRefId,
    pub names: SmallVec<[TypeName; 2]>,
}

/// The inheritance clause of a nominal, protocol, extension or associated type.
#[salsa::tracked(returns(deref), cycle_result = no_inherits)]
pub fn inherits(db: &dyn Db, def: DefId) -> Vec<Inherited> {
    let Some(item) = item(db, def) else {
        return Vec::new();
    };
    let written = match &item.kind {
        ItemKind::Nominal(n) => &n.inherits,
        ItemKind::Extension(e) => &e.inherits,
        ItemKind::AssociatedType { inherits, .. } => inherits,
        _ => return Vec::new(),
    };
    let mode = TypeScope {
        without_members_of: Some(def),
        in_body: false,
    };
    written
        .iter()
        .map(|&written| Inherited {
            written,
            names: decls_of(db, def, &item.types, written, mode),
        })
        .collect()
}

fn no_inherits(_: &dyn Db, _: salsa::Id, _: DefId) -> Vec<Inherited> {
    Vec::new()
}

/// The class that a class names as its superclass; for a protocol the class that conforming types must inherit from.
#[salsa::tracked(returns(copy), cycle_result = no_decl)]
pub fn superclass_decl(db: &dyn Db, def: DefId) -> Option<DefId> {
    if !matches!(def.kind(db), DefKind::Class | DefKind::Protocol) {
        return None;
    }
    inherits(db, def)
        .iter()
        .flat_map(|i| &i.names)
        .find_map(|&n| match n {
            TypeName::Def(d) if d.kind(db) == DefKind::Class && d != def => Some(d),
            _ => None,
        })
}

/// The protocols that a type declaration conforms to, or that a protocol inherits: directly, through its extensions, through other protocols;
/// each once, nearest first. Without those of superclasses.
#[salsa::tracked(returns(deref), cycle_result = no_protocols)]
pub fn all_protocols(db: &dyn Db, def: DefId) -> Vec<DefId> {
    let mut found: Vec<DefId> = Vec::new();
    let mut add = |protocol: DefId| {
        if protocol != def && !found.contains(&protocol) {
            found.push(protocol);
        }
    };
    let direct = direct_protocols(db, def);
    for &(protocol, _) in direct {
        add(protocol);
    }
    for &(protocol, _) in direct {
        for &inherited in all_protocols(db, protocol) {
            add(inherited);
        }
    }
    found
}

fn no_protocols(_: &dyn Db, _: salsa::Id, _: DefId) -> Vec<DefId> {
    Vec::new()
}

/// The protocols that a type declaration's own clauses name, each with the declaration or extension that does; those that the language implies
/// come last: enums with a raw type are RawRepresentable, enums without payloads Hashable.
#[salsa::tracked(returns(deref), cycle_result = no_direct)]
pub fn direct_protocols(db: &dyn Db, def: DefId) -> Vec<(DefId, DefId)> {
    let mut found: Vec<(DefId, DefId)> = Vec::new();
    let mut clauses = vec![def];
    if def.kind(db) != DefKind::Protocol {
        clauses.extend(extensions_of(db, def));
    }
    let mut raw_type = false;
    for clause in clauses {
        for name in inherits(db, clause).iter().flat_map(|i| &i.names) {
            match name {
                TypeName::Def(d) if found.contains(&(*d, clause)) => {}
                TypeName::Def(d) if d.kind(db) == DefKind::Protocol => found.push((*d, clause)),
                TypeName::Def(d) if is_nominal(db, *d) && clause == def => raw_type = true,
                _ => {}
            }
        }
        if def.kind(db) == DefKind::Protocol {
            self_requirements(db, def, &mut found);
        }
    }
    let mut imply = |name: &str| {
        let protocols = module_members(db, library_module(db), Name::new(name));
        if let Some(&protocol) = protocols.first()
            && !found.iter().any(|(p, _)| *p == protocol)
        {
            found.push((protocol, def));
        }
    };
    if def.kind(db) == DefKind::Enum {
        if raw_type {
            imply("RawRepresentable");
        }
        if raw_type || has_only_plain_cases(db, def) {
            imply("Hashable");
        }
    }
    if let Some(item) = item(db, def)
        && matches!(&item.kind, ItemKind::Nominal(n) if n.is_actor)
    {
        imply("Actor");
    }
    found
}

fn no_direct(_: &dyn Db, _: salsa::Id, _: DefId) -> Vec<(DefId, DefId)> {
    Vec::new()
}

/// `protocol P where Self: Q` inherits from `Q`.
fn self_requirements(db: &dyn Db, protocol: DefId, found: &mut Vec<(DefId, DefId)>) {
    let Some(item) = item(db, protocol) else {
        return;
    };
    let Some(generics) = generics_ref(item) else {
        return;
    };
    for requirement in &generics.requirements {
        let WhereRef::Conforms(subject, bound) = requirement else {
            continue;
        };
        if !matches!(&item.types[*subject], TypeRef::Path(p) if p.len() == 1 && p[0].name == "Self")
        {
            continue;
        }
        let mode = TypeScope {
            without_members_of: Some(protocol),
            in_body: false,
        };
        for name in decls_of(db, protocol, &item.types, *bound, mode) {
            if let TypeName::Def(d) = name
                && d.kind(db) == DefKind::Protocol
                && !found.contains(&(d, protocol))
            {
                found.push((d, protocol));
            }
        }
    }
}

fn has_only_plain_cases(db: &dyn Db, def: DefId) -> bool {
    let Some(ItemKind::Nominal(nominal)) = item(db, def).map(|i| &i.kind) else {
        return false;
    };
    let mut cases = nominal
        .members
        .iter()
        .filter(|m| m.kind(db) == DefKind::Case)
        .peekable();
    cases.peek().is_some()
        && cases.all(|&case| {
            !matches!(item(db, case).map(|i| &i.kind), Some(ItemKind::Case(c)) if c.payload.is_some())
        })
}

/// The extensions of a type declaration in every module.
#[salsa::tracked(returns(deref), cycle_result = no_protocols)]
pub fn extensions_of(db: &dyn Db, def: DefId) -> Vec<DefId> {
    let mut found = Vec::new();
    // Extensions stand at the top level, where local types cannot be named.
    let mut outer = def.parent(db);
    while let Some(at) = outer {
        match at.kind(db) {
            DefKind::File => break,
            _ if is_type_decl(db, at) || at.kind(db) == DefKind::Extension => outer = at.parent(db),
            _ => return found,
        }
    }
    let name = def.name(db);
    for &module in all_modules(db) {
        let named = match kept_named(db, module, name) {
            Some(named) => &named.extensions[..],
            None => module_scope(db, module)
                .extensions
                .get(&name)
                .map_or(&[][..], |named| named.as_slice()),
        };
        let named = named.iter().copied();
        found.extend(named.filter(|&ext| extended_decl(db, ext) == Some(def)));
        let aliased = alias_extensions(db, module).iter();
        found.extend(
            aliased
                .filter(|(target, _)| *target == def)
                .map(|(_, ext)| *ext),
        );
    }
    found
}

/// The extensions of a module that name their type by an alias, with the type.
#[salsa::tracked(returns(deref), cycle_result = no_direct)]
pub(super) fn alias_extensions(db: &dyn Db, module: DefId) -> Vec<(DefId, DefId)> {
    match unit_of_module(db, module).filter(|&unit| unit.compiled(db).is_some()) {
        Some(unit) => remembered_of_module(db, unit, ResultKind::AliasExtensions, || {
            aliased_in_scope(db, module)
        }),
        None => aliased_in_scope(db, module),
    }
}

fn aliased_in_scope(db: &dyn Db, module: DefId) -> Vec<(DefId, DefId)> {
    let scope = module_scope(db, module);
    let mut found = Vec::new();
    for &name in &scope.extension_names {
        let top = lookup_type_at_top(db, module, module, name);
        let is_alias =
            matches!(top, Some(TypeName::Def(def)) if def.kind(db) == DefKind::TypeAlias);
        for &ext in scope.extensions.get(&name).into_iter().flatten() {
            let target = match is_alias {
                true => extended_decl(db, ext),
                false => extended_by_written_alias(db, module, ext),
            };
            if let Some(target) = target
                && target.name(db) != name
            {
                found.push((target, ext));
            }
        }
    }
    found
}

/// What `extension A.B` extends when the declaration of `A` itself writes an alias `B` of a top-level type. No extension's members are looked
/// at, here and in what the alias names: finding extensions is what this is for.
fn extended_by_written_alias(db: &dyn Db, module: DefId, ext: DefId) -> Option<DefId> {
    let extension = item(db, ext)?;
    let ItemKind::Extension(data) = &extension.kind else {
        return None;
    };
    let TypeRef::Path(path) = &extension.types[data.extended] else {
        return None;
    };
    let [base, segment] = path.as_slice() else {
        return None;
    };
    let Some(TypeName::Def(base)) = lookup_type_at_top(db, module, ext, base.name) else {
        return None;
    };
    let mut members = written_members(db, base).iter().copied();
    let alias =
        members.find(|&d| d.kind(db) == DefKind::TypeAlias && d.name(db) == segment.name)?;
    let written = item(db, alias)?;
    let ItemKind::TypeAlias { target, .. } = &written.kind else {
        return None;
    };
    let TypeRef::Path(path) = &written.types[*target] else {
        return None;
    };
    let [name] = path.as_slice() else {
        return None;
    };
    match lookup_type_at_top(db, module_of(db, alias), alias, name.name)? {
        TypeName::Def(def) if is_type_decl(db, def) => Some(def),
        _ => None,
    }
}
