//! What dependents can see of a module, and the two hashes of it.
//!
//! The [`Svh`](super::Svh) covers every declaration with its body. The *interface* hash covers what a dependent can observe: it is the hash of
//! the declarations that are *shown*, which are found by walking from the visible ones to all that they need.
//!
//! * What is public, with the bodies that dependents compile into themselves (`@inlinable`, generic, behind opaque result types, taking closures), default
//!   arguments, and initial values, from which types are inferred.
//! * The layout of types that are shown: stored properties and cases whatever their access, and of classes all members but private functions, because they have
//!   places in the vtable.
//! * Whatever has a name that is mentioned in one of these. Names are compared, not resolved: this folder knows nothing of scopes, and a name that means something else
//!   only adds to the hash. What bodies use without naming it (initialisers, subscripts, what patterns and loops call) counts as mentioned as soon as one body is shown.
//!
//! So the body of a function that is not shown can change, private declarations can come and go, and the interface hash stays.
//! The answer for a file is a query whose value is equal after such an edit, and the walk over the module is not even begun.

use serde::Serialize;

use crate::base::{
    Fingerprint, FxHashMap, FxHashSet, Name, StableHash, StableHasher, fingerprint_of,
};
use crate::db::{CompilationUnit, Db, SourceFile};
use crate::items::ids::DefId;
use crate::items::outline;
use crate::items::tree::{
    Access, Attr, BodySyntax, Item, ItemKind, ParamItem, TypeRef, WrapperRole,
};
use crate::items::{DefKind, ItemTree, codec, item_tree, lowered_tree, overrides};
use crate::session::StableCrateId;

use super::header::Upstream;
use super::svh::Svh;

/// What bodies use without writing it.
const IMPLICIT: &[&str] = &[
    "init",
    "subscript",
    "callAsFunction",
    "wrappedValue",
    "projectedValue",
    "dynamicallyCall",
    "makeIterator",
    "next",
    "deinit",
    "hash",
    "description",
    "==",
    "~=",
    "<",
];

/// One declaration, as far as the walk needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Declared {
    def: DefId,
    name: Name,
    /// The type or extension around it.
    container: Option<DefId>,
    /// It can be seen from outside, if the types that `extended` names can.
    is_visible: bool,
    /// The name of the type that the extension around it, or that it is itself, extends.
    extended: Option<Name>,
    /// It is shown with its container: part of a layout or of a vtable, a protocol's requirement.
    is_structural: bool,
    exports: Exports,
    /// The hash of the declaration without bodies that are not exported and without its members.
    head: Fingerprint,
    /// The names in that.
    mentions: Vec<Name>,
    /// The same with its bodies, where these may be exported.
    open: Option<(Fingerprint, Vec<Name>)>,
    /// The binding that a variable gets its value from.
    binding: Option<DefId>,
}

/// Whether dependents compile bodies of a declaration into themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exports {
    No,
    Yes,
    /// If the extended type is generic, a protocol, or another module's.
    WithExtended,
}

/// What one file contributes to the interface.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct FileInterface {
    declared: Vec<Declared>,
    overriding: Vec<Name>,
}

/// What dependents can see of a module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    /// The declarations that are shown.
    pub items: FxHashSet<DefId>,
    /// Those of them whose bodies dependents compile into themselves.
    pub bodies: FxHashSet<DefId>,
    /// The hash of both.
    pub hash: Fingerprint,
}

impl Exported {
    /// Whether dependents compile the body of a definition into themselves: of a function, accessor, initial value, default argument, or of something inside
    /// of one. Members that the compiler makes follow from their type.
    pub fn exports_body(&self, db: &dyn Db, def: DefId) -> bool {
        let mut at = Some(def);
        while let Some(def) = at {
            let parent = def.parent(db);
            match def.kind(db) {
                // That a type is generic says nothing about members that nobody sees.
                DefKind::Struct
                | DefKind::Enum
                | DefKind::Class
                | DefKind::Protocol
                | DefKind::Extension => at = parent,
                _ if self.bodies.contains(&def) => return true,
                DefKind::DefaultArg | DefKind::WrapperInit | DefKind::Synth(_) => {
                    return parent.is_some_and(|parent| self.items.contains(&parent));
                }
                DefKind::Binding | DefKind::Case => return self.items.contains(&def),
                DefKind::Module | DefKind::File => return false,
                _ => at = parent,
            }
        }
        false
    }
}

/// The hash of everything that a file declares, bodies and all, but no white space and comments.
#[salsa::tracked(returns(copy))]
pub fn file_hash(db: &dyn Db, file: SourceFile) -> Fingerprint {
    let tree = item_tree(db, file);
    let mut hasher = StableHasher::new();
    file.path(db).stable_hash(&mut hasher);
    hash_of(db, &tree.top_level).stable_hash(&mut hasher);
    // The map has no order of its own; that of the declarations is in the lists.
    let items = tree.items.values().map(|item| hash_of(db, &**item));
    let sum = items.fold(Fingerprint::ZERO, Fingerprint::combine_unordered);
    sum.stable_hash(&mut hasher);
    let code = tree.top_level_code.as_ref();
    code.map(|body| body.hash).stable_hash(&mut hasher);
    hasher.finish()
}

/// The hash of a module's own files and options.
fn own_hash(db: &dyn Db, unit: CompilationUnit) -> Fingerprint {
    let options = unit.options(db);
    let files = unit.files(db).iter();
    own_hash_of(
        fingerprint_of(options),
        options.stable_crate_id(),
        files.map(|&file| file_hash(db, file)),
    )
}

/// The hash of a module's options and of the hashes of its files.
pub(super) fn own_hash_of(
    options: Fingerprint,
    id: StableCrateId,
    files: impl Iterator<Item = Fingerprint>,
) -> Fingerprint {
    let mut hasher = StableHasher::new();
    options.stable_hash(&mut hasher);
    id.stable_hash(&mut hasher);
    files.for_each(|hash| hash.stable_hash(&mut hasher));
    hasher.finish()
}

/// The strict version hash and the interface hash of a module that was compiled against `upstream`.
pub fn module_hashes(
    db: &dyn Db,
    unit: CompilationUnit,
    upstream: &[Upstream],
) -> (Svh, Fingerprint) {
    let shown = visible_hash(
        fingerprint_of(unit.options(db)),
        exported(db, unit).hash,
        upstream,
    );
    (svh_of(own_hash(db, unit), upstream), shown)
}

/// The hash of what can be seen of a module of which `shown` is the hash of its declarations.
pub(super) fn visible_hash(
    options: Fingerprint,
    shown: Fingerprint,
    upstream: &[Upstream],
) -> Fingerprint {
    let mut visible = StableHasher::new();
    options.stable_hash(&mut visible);
    shown.stable_hash(&mut visible);
    for module in upstream {
        // What is inferred from another module's declarations is shown without being written.
        module.stable_crate_id.stable_hash(&mut visible);
        module.interface.stable_hash(&mut visible);
        module.is_reexported.stable_hash(&mut visible);
    }
    visible.finish()
}

/// The strict version hash of a module: that of its own files and options, with those of the modules that it was compiled against.
pub fn svh_of(own: Fingerprint, upstream: &[Upstream]) -> Svh {
    let mut all = StableHasher::new();
    own.stable_hash(&mut all);
    for module in upstream {
        module.stable_crate_id.stable_hash(&mut all);
        module.svh.stable_hash(&mut all);
    }
    Svh(all.finish().0 as u64)
}

/// What dependents can see of a module.
#[salsa::tracked]
pub fn exported(db: &dyn Db, unit: CompilationUnit) -> Exported {
    let files: Vec<&FileInterface> = unit
        .files(db)
        .iter()
        .map(|&file| file_interface(db, file))
        .collect();
    let declared: Vec<&Declared> = files.iter().flat_map(|file| &file.declared).collect();
    let mut walk = Walk::new(db, &declared);
    walk.start();
    walk.run();
    let mut exported = Exported::default();
    let mut hasher = StableHasher::new();
    for (declared, &state) in declared.iter().zip(&walk.shown) {
        if !state {
            continue;
        }
        exported.items.insert(declared.def);
        declared.head.stable_hash(&mut hasher);
        if let Some((open, _)) = walk.open_of(declared) {
            exported.bodies.insert(declared.def);
            open.stable_hash(&mut hasher);
        }
    }
    for file in files {
        let names: Vec<&str> = file.overriding.iter().map(|name| name.as_str()).collect();
        names.stable_hash(&mut hasher);
    }
    exported.hash = hasher.finish();
    exported
}

/// The walk from what is visible to what that needs.
struct Walk<'a> {
    declared: &'a [&'a Declared],
    shown: Vec<bool>,
    todo: Vec<usize>,
    mentioned: FxHashSet<Name>,
    by_name: FxHashMap<Name, Vec<usize>>,
    by_def: FxHashMap<DefId, usize>,
    children: FxHashMap<DefId, Vec<usize>>,
    /// The extensions of each name.
    extensions: FxHashMap<Name, Vec<usize>>,
    /// The module's types by name: whether one is visible, and whether one is generic or a protocol.
    types: FxHashMap<Name, (bool, bool)>,
}

impl<'a> Walk<'a> {
    fn new(db: &dyn Db, declared: &'a [&'a Declared]) -> Walk<'a> {
        let mut walk = Walk {
            declared,
            shown: vec![false; declared.len()],
            todo: Vec::new(),
            mentioned: FxHashSet::default(),
            by_name: FxHashMap::default(),
            by_def: FxHashMap::default(),
            children: FxHashMap::default(),
            extensions: FxHashMap::default(),
            types: FxHashMap::default(),
        };
        for (at, item) in declared.iter().enumerate() {
            walk.by_name.entry(item.name).or_default().push(at);
            walk.by_def.insert(item.def, at);
            if let Some(container) = item.container {
                walk.children.entry(container).or_default().push(at);
            }
            match item.def.kind(db) {
                DefKind::Extension => {
                    let extended = item.extended.into_iter();
                    for name in extended {
                        walk.extensions.entry(name).or_default().push(at);
                    }
                }
                DefKind::Struct | DefKind::Enum | DefKind::Class | DefKind::Protocol => {
                    let (visible, generic) = walk.types.entry(item.name).or_default();
                    *visible |= item.is_visible;
                    *generic |= item.exports != Exports::No;
                }
                // What an alias stands for is not known here.
                DefKind::TypeAlias => *walk.types.entry(item.name).or_default() = (true, true),
                _ => {}
            }
        }
        walk
    }

    /// Shows what is visible, and what always counts.
    fn start(&mut self) {
        for (at, item) in self.declared.iter().enumerate() {
            let extended = item.extended.and_then(|name| self.types.get(&name));
            if item.is_visible && extended.is_none_or(|&(visible, _)| visible) {
                self.show(at);
            }
        }
    }

    fn run(&mut self) {
        while let Some(at) = self.todo.pop() {
            let item = self.declared[at];
            if let Some(container) = item.container
                && let Some(&container) = self.by_def.get(&container)
            {
                self.show(container);
            }
            if let Some(binding) = item.binding
                && let Some(&binding) = self.by_def.get(&binding)
            {
                self.show(binding);
            }
            for &child in self.children.get(&item.def).cloned().iter().flatten() {
                let child_item = self.declared[child];
                if child_item.is_structural || self.mentioned.contains(&child_item.name) {
                    self.show(child);
                }
            }
            // What a type conforms to is said by extensions too.
            for &extension in self.extensions.get(&item.name).cloned().iter().flatten() {
                self.show(extension);
            }
            for &name in &item.mentions {
                self.mention(name);
            }
            if let Some((_, names)) = self.open_of(item) {
                for &name in names {
                    self.mention(name);
                }
                for name in IMPLICIT {
                    self.mention(Name::new(name));
                }
            }
        }
    }

    fn show(&mut self, at: usize) {
        if !std::mem::replace(&mut self.shown[at], true) {
            self.todo.push(at);
        }
    }

    /// Shows everything of this name that lies in nothing hidden.
    fn mention(&mut self, name: Name) {
        if !self.mentioned.insert(name) {
            return;
        }
        for &at in self.by_name.get(&name).cloned().iter().flatten() {
            let container = self.declared[at].container;
            let container = container.and_then(|def| self.by_def.get(&def));
            let is_open =
                container.is_none_or(|&at| self.shown[at] || self.declared[at].extended.is_some());
            if is_open {
                self.show(at);
            }
        }
    }

    /// The declaration with its bodies, if dependents compile them.
    fn open_of(&self, item: &'a Declared) -> Option<&'a (Fingerprint, Vec<Name>)> {
        let exports = match item.exports {
            Exports::No => false,
            Exports::Yes => true,
            Exports::WithExtended => item
                .extended
                .and_then(|name| self.types.get(&name))
                .is_none_or(|&(_, generic)| generic),
        };
        item.open.as_ref().filter(|_| exports)
    }
}

/// What a file contributes to the interface.
#[salsa::tracked]
fn file_interface(db: &dyn Db, file: SourceFile) -> FileInterface {
    // The names in bodies are read from their syntax, which trees from disk do not have.
    let tree = lowered_tree(db, file);
    let is_testable =
        crate::items::unit_of_file(db, file).is_some_and(|unit| unit.options(db).enable_testing);
    let mut reader = Reader {
        db,
        tree,
        least: match is_testable {
            true => Access::Internal,
            false => Access::Package,
        },
        declared: Vec::new(),
    };
    let around = Around {
        container: None,
        is_visible: true,
        usual: Access::Internal,
        extended: None,
        exports: Exports::No,
        kind: None,
    };
    for &def in &tree.top_level {
        reader.item(def, &around);
    }
    // Bindings hang off their variables and are in no list of members.
    let mut rest: Vec<DefId> = tree.items.keys().copied().collect();
    let seen: FxHashSet<DefId> = reader.declared.iter().map(|d| d.def).collect();
    rest.retain(|def| !seen.contains(def));
    rest.sort_by_cached_key(|def| hash_of(db, def));
    for def in rest {
        let hidden = Around {
            is_visible: false,
            ..around
        };
        reader.item(def, &hidden);
    }
    let mut overriding: Vec<Name> = overrides::overriding_names(db, file)
        .iter()
        .copied()
        .collect();
    overriding.sort();
    FileInterface {
        declared: reader.declared,
        overriding,
    }
}

/// What is around a declaration.
#[derive(Clone, Copy)]
struct Around {
    container: Option<DefId>,
    is_visible: bool,
    /// The access of what has none written.
    usual: Access,
    extended: Option<Name>,
    exports: Exports,
    kind: Option<DefKind>,
}

struct Reader<'a> {
    db: &'a dyn Db,
    tree: &'a ItemTree,
    /// The least access that dependents can see.
    least: Access,
    declared: Vec<Declared>,
}

impl Reader<'_> {
    fn item(&mut self, def: DefId, around: &Around) {
        let Some(item) = self.tree.items.get(&def) else {
            return;
        };
        let (db, kind) = (self.db, def.kind(self.db));
        let access = item.mods.access.unwrap_or(around.usual);
        let is_usable = item
            .attrs
            .iter()
            .any(|attr| attr.name == "usableFromInline");
        let always = matches!(
            item.kind,
            ItemKind::Import(_) | ItemKind::Operator(_) | ItemKind::PrecedenceGroup(_)
        );
        let is_extension = kind == DefKind::Extension;
        let own_visible = around.is_visible && (access >= self.least || is_usable || always);
        let extended = match &item.kind {
            ItemKind::Extension(extension) => Some(last_name(item, extension.extended)),
            _ => around.extended,
        };
        let exports = exports(item, kind, around);
        let mut head = outline::visible(item);
        let members = take_members(&mut head);
        let mut names = FxHashSet::default();
        signature_names(&head, is_extension, &mut names);
        let mentions = sorted(names);
        let open = (exports != Exports::No).then(|| {
            let mut names = FxHashSet::default();
            body_names(item, &mut names);
            let mut whole = (**item).clone();
            take_members(&mut whole);
            (hash_of(db, &whole), sorted(names))
        });
        let conforms =
            matches!(&item.kind, ItemKind::Extension(extension) if !extension.inherits.is_empty());
        self.declared.push(Declared {
            def,
            name: item.name,
            container: around.container,
            is_visible: match is_extension {
                // By itself an extension shows only what it makes its type conform to.
                true => around.is_visible && conforms,
                false => own_visible,
            },
            extended,
            is_structural: is_structural(item, around, access),
            exports,
            head: hash_of(db, &head),
            mentions,
            open,
            binding: match &item.kind {
                ItemKind::Var(var) => var.binding,
                _ => None,
            },
        });
        let inside = Around {
            container: Some(def),
            is_visible: own_visible || (is_extension && around.is_visible),
            usual: match &item.kind {
                ItemKind::Extension(_) => item.mods.access.unwrap_or(Access::Internal),
                ItemKind::Nominal(_) if kind == DefKind::Protocol => access,
                _ => Access::Internal,
            },
            extended,
            exports,
            kind: Some(kind),
        };
        let cases = Around {
            usual: access,
            ..inside
        };
        for member in members {
            let is_case = member.kind(db) == DefKind::Case;
            self.item(member, if is_case { &cases } else { &inside });
        }
    }
}

/// Whether a member is shown wherever its container is.
fn is_structural(item: &Item, around: &Around, access: Access) -> bool {
    let is_type_level = item.mods.is_static || item.mods.is_class;
    match (&item.kind, around.kind) {
        (_, Some(DefKind::Protocol)) => true,
        (ItemKind::Case(_) | ItemKind::Deinit { .. }, _) => true,
        (ItemKind::Var(var), Some(_)) if !is_type_level => {
            let is_stored = var.binding.is_some() || var.wrapper.is_some();
            is_stored || (around.kind == Some(DefKind::Class) && access > Access::Fileprivate)
        }
        (ItemKind::AssociatedType { .. }, _) => true,
        (ItemKind::Nominal(_) | ItemKind::Extension(_), _) => false,
        (_, Some(DefKind::Class)) => access > Access::Fileprivate,
        _ => false,
    }
}

/// Whether dependents compile bodies of a declaration, or of its members, into themselves.
fn exports(item: &Item, kind: DefKind, around: &Around) -> Exports {
    let is_function_type =
        |param: &ParamItem| has_function_type(item, param.ty) || param.autoclosure;
    let own = match &item.kind {
        ItemKind::Nominal(nominal) => {
            !nominal.generics.params.is_empty() || kind == DefKind::Protocol
        }
        ItemKind::Extension(extension) => !extension.requirements.is_empty(),
        ItemKind::Func(func) | ItemKind::Macro(func) => {
            !func.generics.params.is_empty() || func.params.iter().any(is_function_type)
        }
        ItemKind::Subscript(subscript) => {
            !subscript.generics.params.is_empty() || subscript.params.iter().any(is_function_type)
        }
        _ => false,
    };
    let is_opaque = item.types.values().any(|ty| matches!(ty, TypeRef::Some(_)));
    if own || is_opaque || item.attrs.iter().any(outline::is_inlined) {
        return Exports::Yes;
    }
    match (&item.kind, around.exports) {
        (_, Exports::Yes) => Exports::Yes,
        (ItemKind::Extension(_), _) | (_, Exports::WithExtended) => Exports::WithExtended,
        (_, Exports::No) => Exports::No,
    }
}

fn has_function_type(item: &Item, ty: crate::items::tree::TypeRefId) -> bool {
    match item.types.get(ty) {
        Some(TypeRef::Function(_)) => true,
        Some(TypeRef::Optional(inner) | TypeRef::ImplicitlyUnwrapped(inner)) => {
            matches!(item.types.get(*inner), Some(TypeRef::Function(_)))
        }
        _ => false,
    }
}

/// The last part of a written type's path.
fn last_name(item: &Item, ty: crate::items::tree::TypeRefId) -> Name {
    match item.types.get(ty) {
        Some(TypeRef::Path(path)) => path.last().map(|segment| segment.name),
        Some(TypeRef::Member(_, segment)) => Some(segment.name),
        _ => None,
    }
    .unwrap_or(item.name)
}

/// Takes the list of members out of an item: each is hashed by itself, if it is shown.
fn take_members(item: &mut Item) -> Vec<DefId> {
    match &mut item.kind {
        ItemKind::Nominal(nominal) => std::mem::take(&mut nominal.members),
        ItemKind::Extension(extension) => std::mem::take(&mut extension.members),
        _ => Vec::new(),
    }
}

fn hash_of<T: Serialize>(db: &dyn Db, value: &T) -> Fingerprint {
    let encoded = codec::encode(db, value);
    encoded.map_or(Fingerprint::ZERO, |encoded| {
        Fingerprint::of_bytes(&encoded.bytes)
    })
}

fn sorted(names: FxHashSet<Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.into_iter().collect();
    names.sort_unstable();
    names
}

/// The names that a declaration mentions outside of bodies that are its own affair. The type that an extension extends is not among
/// them: an extension shows nothing of a type that is hidden otherwise.
fn signature_names(item: &Item, is_extension: bool, names: &mut FxHashSet<Name>) {
    let extended = match &item.kind {
        ItemKind::Extension(extension) if is_extension => Some(extension.extended),
        _ => None,
    };
    for (id, ty) in item.types.iter() {
        match ty {
            _ if Some(id) == extended => {}
            TypeRef::Path(path) => names.extend(path.iter().map(|segment| segment.name)),
            TypeRef::Member(_, segment) => drop(names.insert(segment.name)),
            _ => {}
        }
    }
    let mut attribute = |attr: &Attr| {
        names.insert(attr.name);
        if let Some(args) = attr.args {
            words(args.as_str(), names);
        }
    };
    item.attrs.iter().for_each(&mut attribute);
    let params = match &item.kind {
        ItemKind::Func(func) | ItemKind::Macro(func) => &func.params[..],
        ItemKind::Subscript(subscript) => &subscript.params[..],
        ItemKind::Case(case) => case.payload.as_deref().unwrap_or_default(),
        _ => &[],
    };
    for param in params {
        param.attrs.iter().for_each(&mut attribute);
    }
    let defaults = params.iter().filter_map(|param| param.default.as_ref());
    defaults.for_each(|body| tokens(body, names));
    match &item.kind {
        ItemKind::Binding(binding) => binding.init.iter().for_each(|body| tokens(body, names)),
        ItemKind::Case(case) => case.raw_value.iter().for_each(|body| tokens(body, names)),
        ItemKind::Var(var) => {
            if let Some(wrapper) = &var.wrapper {
                tokens(&wrapper.syntax, names);
                if let WrapperRole::Value { .. } = wrapper.role {
                    names.insert(Name::new("wrappedValue"));
                }
            }
        }
        _ => {}
    }
}

/// The names that the bodies of a declaration mention.
fn body_names(item: &Item, names: &mut FxHashSet<Name>) {
    let bodies: Vec<&Option<BodySyntax>> = match &item.kind {
        ItemKind::Func(func) | ItemKind::Macro(func) => vec![&func.body],
        ItemKind::Deinit { body } => vec![body],
        ItemKind::Var(var) => var.accessors.iter().map(|a| &a.body).collect(),
        ItemKind::Subscript(subscript) => subscript.accessors.iter().map(|a| &a.body).collect(),
        _ => Vec::new(),
    };
    for body in bodies.into_iter().flatten() {
        tokens(body, names);
    }
}

/// Every word in a piece of syntax. Those in string literals count too, because expressions may be interpolated.
fn tokens(body: &BodySyntax, names: &mut FxHashSet<Name>) {
    let Some(green) = &body.green else {
        return;
    };
    let mut pending = vec![green.children()];
    while let Some(children) = pending.last_mut() {
        match children.next() {
            Some(rowan::NodeOrToken::Node(node)) => pending.push(node.children()),
            Some(rowan::NodeOrToken::Token(token)) => {
                if !crate::syntax::SyntaxKind::from_raw(token.kind().0).is_trivia() {
                    words(token.text(), names);
                }
            }
            None => drop(pending.pop()),
        }
    }
}

/// The identifiers and operators in a text.
fn words(text: &str, names: &mut FxHashSet<Name>) {
    let class = |c: char| match c {
        _ if c.is_alphanumeric() || c == '_' => 1,
        _ if c.is_whitespace() || "()[]{},;:\"'`@#\\".contains(c) => 0,
        _ => 2,
    };
    let mut start = 0;
    let mut current = 0;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let next = class(c);
        if next != current {
            if current != 0 {
                names.insert(Name::new(&text[start..at]));
            }
            (start, current) = (at, next);
        }
    }
}
