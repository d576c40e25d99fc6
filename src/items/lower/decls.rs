//! Declarations: of files, types, extensions and bodies.

use super::body::{BodyCx, is_let};
use super::patterns::{Binds, is_pattern};
use super::syntax::{has_token, kid, kids, name_of, name_tokens, tokens};
use super::types::{TypeSink, is_type};
use crate::base::{FxHashMap, Name, TextRange};
use crate::db::Db;
use crate::items::hir::{Block, LocalBinding, LocalFn, LocalKind, Stmt, StmtId};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::source_map::{ItemSourceMap, ItemSpans};
use crate::items::tree::*;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::Node;
use std::sync::Arc;

/// Collects declarations with their places.
pub(super) struct DeclCx<'a> {
    pub db: &'a dyn Db,
    pub conditions: &'a super::Conditions<'a>,
    pub tree: ItemTree,
    pub map: ItemSourceMap,
    /// How many definitions with this parent, kind and name there are so far.
    pub seen: FxHashMap<(DefId, DefKind, Name), u32>,
}

/// The global variable of this name that a `guard` at the top level binds.
pub(super) fn global_def(db: &dyn Db, owner: DefId, name: Name) -> Option<DefId> {
    let file = crate::items::file_of(db, owner)?;
    let file_def = crate::items::file_def(db, file)?;
    let def = DefId::new(db, Some(file_def), DefKind::Var, name, 0);
    crate::items::item_tree(db, file)
        .items
        .contains_key(&def)
        .then_some(def)
}

/// Whether nodes of this kind are declarations.
pub(super) fn is_decl(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        IMPORT_DECL
            | VAR_DECL
            | FN_DECL
            | INIT_DECL
            | DEINIT_DECL
            | SUBSCRIPT_DECL
            | STRUCT_DECL
            | CLASS_DECL
            | ACTOR_DECL
            | ENUM_DECL
            | PROTOCOL_DECL
            | EXTENSION_DECL
            | TYPEALIAS_DECL
            | ASSOCIATED_TYPE_DECL
            | ENUM_CASE_DECL
            | OPERATOR_DECL
            | PRECEDENCE_GROUP_DECL
            | MACRO_DECL
            | MACRO_EXPANSION_DECL
            | MISSING_DECL
    )
}

impl<'a> DeclCx<'a> {
    pub(super) fn new(db: &'a dyn Db, conditions: &'a super::Conditions<'a>) -> Self {
        DeclCx {
            db,
            conditions,
            tree: ItemTree::default(),
            map: ItemSourceMap::default(),
            seen: FxHashMap::default(),
        }
    }

    pub(super) fn def(&mut self, parent: DefId, kind: DefKind, name: Name) -> DefId {
        let count = self.seen.entry((parent, kind, name)).or_default();
        let index = *count;
        *count += 1;
        DefId::new(self.db, Some(parent), kind, name, index)
    }

    /// Lowers one declaration node; returns the definitions that it adds to its parent's members.
    pub(super) fn decl(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        match node.kind() {
            VAR_DECL => self.var_decl(node, parent),
            FN_DECL => self.func(node, parent),
            INIT_DECL => self.func(node, parent),
            MACRO_DECL => self.func(node, parent),
            DEINIT_DECL => {
                let def = self.def(parent, DefKind::Deinit, Name::new("deinit"));
                let body = self.body(def, kid(node, CODE_BLOCK));
                self.add(
                    node,
                    def,
                    Name::new("deinit"),
                    TypeSink::default(),
                    |_, _| ItemKind::Deinit { body },
                )
            }
            SUBSCRIPT_DECL => self.subscript(node, parent),
            STRUCT_DECL => self.nominal(node, parent, DefKind::Struct),
            CLASS_DECL | ACTOR_DECL => self.nominal(node, parent, DefKind::Class),
            ENUM_DECL => self.nominal(node, parent, DefKind::Enum),
            PROTOCOL_DECL => self.nominal(node, parent, DefKind::Protocol),
            EXTENSION_DECL => self.extension(node, parent),
            ENUM_CASE_DECL => self.cases(node, parent),
            TYPEALIAS_DECL => {
                let name = decl_name(node);
                let def = self.def(parent, DefKind::TypeAlias, name);
                self.add(node, def, name, TypeSink::default(), |_, types| {
                    ItemKind::TypeAlias {
                        generics: generics(node, types),
                        target: types.child(node),
                    }
                })
            }
            ASSOCIATED_TYPE_DECL => {
                let name = decl_name(node);
                let def = self.def(parent, DefKind::AssociatedType, name);
                self.add(node, def, name, TypeSink::default(), |_, types| {
                    ItemKind::AssociatedType {
                        inherits: inherits(node, types),
                        requirements: requirements(node, types),
                        default: node
                            .children()
                            .find(|n| is_type(n.kind()))
                            .map(|t| types.lower(&t)),
                    }
                })
            }
            OPERATOR_DECL => {
                let name = kid(node, NAME).map_or(Name::new(""), |n| Name::new(n.text().trim()));
                let def = self.def(parent, DefKind::Operator, name);
                let group = name_tokens(node)
                    .filter(|t| t.kind() == IDENT)
                    .last()
                    .map(|t| name_of(&t));
                self.add(node, def, name, TypeSink::default(), |mods, _| {
                    ItemKind::Operator(OperatorItem {
                        fixity: if mods.is_prefix {
                            Fixity::Prefix
                        } else if mods.is_postfix {
                            Fixity::Postfix
                        } else {
                            Fixity::Infix
                        },
                        group,
                    })
                })
            }
            PRECEDENCE_GROUP_DECL => self.precedence_group(node, parent),
            IMPORT_DECL => {
                let path: Vec<Name> = kid(node, IMPORT_PATH).map_or(Vec::new(), |p| {
                    tokens(&p)
                        .filter(|t| t.kind() != DOT)
                        .map(|t| name_of(&t))
                        .collect()
                });
                let name = path.first().copied().unwrap_or_else(|| Name::new(""));
                let def = self.def(parent, DefKind::Import, name);
                let kind = tokens(node).nth(1).map(|t| Name::new(t.text()));
                self.add(node, def, name, TypeSink::default(), |_, _| {
                    ItemKind::Import(ImportItem { kind, path })
                })
            }
            _ => Vec::new(),
        }
    }

    /// Finishes an item: attributes, modifiers, and its entry in tree and map.
    fn add(
        &mut self,
        node: &Node<'_>,
        def: DefId,
        name: Name,
        mut types: TypeSink,
        kind: impl FnOnce(&Modifiers, &mut TypeSink) -> ItemKind,
    ) -> Vec<DefId> {
        let mods = modifiers(node);
        let (attrs, attr_ranges) = attributes(node, &mut types);
        let kind = kind(&mods, &mut types);
        let spans = ItemSpans {
            name: name_range(node),
            whole: trimmed_range(node),
            end: end_range(node),
            types: types.ranges,
            params: param_ranges(node),
            attrs: attr_ranges,
        };
        self.map.items.insert(def, spans);
        let item = Item {
            def,
            name,
            attrs,
            mods,
            types: types.types,
            kind,
        };
        self.tree.items.insert(def, Arc::new(item));
        vec![def]
    }

    /// A body's syntax, with the place where it stands.
    fn body(&mut self, def: DefId, node: Option<Node<'_>>) -> Option<BodySyntax> {
        let node = node?;
        self.map.bodies.insert(def, node.ptr());
        Some(body_syntax(&node))
    }

    fn func(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let mut types = TypeSink::default();
        let base = match node.kind() {
            INIT_DECL => Name::new("init"),
            _ => decl_name(node),
        };
        let (mut func, defaults) = func_item(node, &mut types);
        let kind = match node.kind() {
            INIT_DECL => DefKind::Init,
            MACRO_DECL => DefKind::Macro,
            _ => DefKind::Func,
        };
        let def = self.def(parent, kind, full_name(base, &func.params));
        func.body = self.body(def, kid(node, CODE_BLOCK));
        self.defaults(def, &mut func.params, defaults);
        self.add(node, def, base, types, |_, _| {
            if kind == DefKind::Macro {
                ItemKind::Macro(func)
            } else {
                ItemKind::Func(func)
            }
        })
    }

    /// Default values are bodies of their own.
    fn defaults(&mut self, def: DefId, params: &mut [ParamItem], defaults: Vec<Option<Node<'_>>>) {
        for (i, (param, default)) in params.iter_mut().zip(defaults).enumerate() {
            if default.is_some() {
                let id = DefId::new(
                    self.db,
                    Some(def),
                    DefKind::DefaultArg,
                    param.name,
                    i as u32,
                );
                param.default = self.body(id, default);
            }
        }
    }

    fn subscript(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let mut types = TypeSink::default();
        let generics = generics(node, &mut types);
        let (mut params, defaults) = param_items(node, &mut types);
        // A subscript's parameters have labels only where two names are written.
        for (param, node) in params.iter_mut().zip(param_nodes(node)) {
            if param_names(&node).len() < 2 {
                param.label = None;
            }
        }
        let result = match kid(node, RETURN_CLAUSE) {
            Some(clause) => types.child(&clause),
            None => types.alloc(TypeRef::Error, node.text_range()),
        };
        let base = Name::new("subscript");
        let def = self.def(parent, DefKind::Subscript, full_name(base, &params));
        self.defaults(def, &mut params, defaults);
        let (accessors, settable) = self.accessors(node, def, &mut types);
        self.add(node, def, base, types, |_, _| {
            ItemKind::Subscript(SubscriptItem {
                generics,
                params,
                result,
                accessors,
                requirement_settable: settable,
            })
        })
    }

    /// The accessors of a property or subscript, and whether a bodiless `set` is among them.
    fn accessors(
        &mut self,
        node: &Node<'_>,
        owner: DefId,
        types: &mut TypeSink,
    ) -> (Vec<AccessorItem>, bool) {
        let Some(block) = kid(node, ACCESSOR_BLOCK) else {
            return (Vec::new(), false);
        };
        let mut accessors = Vec::new();
        let mut settable = false;
        let name = owner.name(self.db);
        for accessor in accessor_nodes(&block) {
            let Some((kind, accessor)) = accessor else {
                // `{ statements }` is a getter.
                let kind = AccessorKind::Get;
                let def = DefId::new(self.db, Some(owner), DefKind::Accessor(kind), name, 0);
                let body = self.body(def, Some(block));
                accessors.push(AccessorItem {
                    def,
                    kind,
                    param: None,
                    mods: Modifiers::default(),
                    throws: ThrowsRef::No,
                    is_async: false,
                    body,
                });
                break;
            };
            let def = DefId::new(self.db, Some(owner), DefKind::Accessor(kind), name, 0);
            let (throws, is_async) = types.effects(&accessor);
            let param = kid(&accessor, ACCESSOR_PARAM)
                .and_then(|p| name_tokens(&p).next())
                .map(|t| name_of(&t));
            let body = self.body(def, kid(&accessor, CODE_BLOCK));
            settable |= kind == AccessorKind::Set && body.is_none();
            self.map.items.insert(
                def,
                ItemSpans {
                    name: trimmed_range(&accessor),
                    whole: trimmed_range(&accessor),
                    end: end_range(&accessor),
                    ..ItemSpans::default()
                },
            );
            accessors.push(AccessorItem {
                def,
                kind,
                param,
                mods: modifiers(&accessor),
                throws,
                is_async,
                body,
            });
        }
        (accessors, settable)
    }

    fn var_decl(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let mut all = Vec::new();
        let bindings: Vec<_> = kids(node, PATTERN_BINDING).collect();
        // `var a, b: Int`: a later annotation serves the names before it.
        for (i, binding) in bindings.iter().enumerate() {
            let borrowed = bindings[i..]
                .iter()
                .take_while(|b| kid(b, INITIALIZER).is_none())
                .find(|b| kid(b, TYPE_ANNOTATION).is_some());
            let typed = borrowed.unwrap_or(binding);
            self.binding(node, binding, typed, parent, &mut all);
        }
        all
    }

    fn binding(
        &mut self,
        node: &Node<'_>,
        binding: &Node<'_>,
        typed: &Node<'_>,
        parent: DefId,
        all: &mut Vec<DefId>,
    ) {
        let mut names = Vec::new();
        if let Some(pattern) = binding.children().find(|n| is_pattern(n.kind())) {
            bound_names(&pattern, &mut Vec::new(), &mut names);
        }
        let init = kid(binding, INITIALIZER);
        let has_accessors = kid(binding, ACCESSOR_BLOCK).is_some();
        let first = names.first().map_or(Name::new("_"), |n| n.0);
        let computed = init.is_none() && has_accessors && !self.observes(binding);
        let binding_def = (!computed).then(|| self.def(parent, DefKind::Binding, first));
        let mut vars = Vec::new();
        for (name, path, range) in &names {
            let def = self.def(parent, DefKind::Var, *name);
            let mut types = TypeSink::default();
            let ty = kid(typed, TYPE_ANNOTATION)
                .filter(|_| path.is_empty())
                .map(|annotation| types.child(&annotation));
            let (accessors, settable) = self.accessors(binding, def, &mut types);
            let path = path.clone();
            self.add(node, def, *name, types, |_, _| {
                ItemKind::Var(VarItem {
                    is_let: is_let(node),
                    ty,
                    binding: binding_def,
                    path,
                    accessors,
                    requirement_settable: settable,
                })
            });
            if let Some(spans) = self.map.items.get_mut(&def) {
                spans.name = *range;
            }
            vars.push(def);
        }
        all.extend(&vars);
        if let Some(binding_def) = binding_def {
            let mut types = TypeSink::default();
            let ty = kid(typed, TYPE_ANNOTATION).map(|annotation| types.child(&annotation));
            let init = self.body(binding_def, init);
            self.add(node, binding_def, first, types, |_, _| {
                ItemKind::Binding(BindingItem { vars, ty, init })
            });
        }
    }

    fn observes(&self, binding: &Node<'_>) -> bool {
        let Some(block) = kid(binding, ACCESSOR_BLOCK) else {
            return false;
        };
        accessor_nodes(&block)
            .iter()
            .flatten()
            .any(|(kind, _)| matches!(kind, AccessorKind::WillSet | AccessorKind::DidSet))
    }

    fn members(&mut self, node: &Node<'_>, def: DefId) -> Vec<DefId> {
        let Some(block) = kid(node, MEMBER_BLOCK) else {
            return Vec::new();
        };
        let mut members = Vec::new();
        for member in self.conditions.active_children(&block) {
            members.extend(self.decl(&member, def));
        }
        members
    }

    fn nominal(&mut self, node: &Node<'_>, parent: DefId, kind: DefKind) -> Vec<DefId> {
        let name = decl_name(node);
        let def = self.def(parent, kind, name);
        let members = self.members(node, def);
        self.add(node, def, name, TypeSink::default(), |_, types| {
            ItemKind::Nominal(NominalItem {
                is_actor: node.kind() == ACTOR_DECL,
                generics: generics(node, types),
                inherits: inherits(node, types),
                primary_associated: kid(node, PRIMARY_ASSOCIATED_TYPE_LIST).map_or(
                    Vec::new(),
                    |list| {
                        kids(&list, PRIMARY_ASSOCIATED_TYPE)
                            .filter_map(|p| name_tokens(&p).next())
                            .map(|t| name_of(&t))
                            .collect()
                    },
                ),
                members,
            })
        })
    }

    fn extension(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let extended = node.children().find(|n| is_type(n.kind()));
        let text = extended.map_or(String::new(), |t| t.text().to_string());
        let text: String = text.split_whitespace().collect();
        let name = Name::new(&text);
        let def = self.def(parent, DefKind::Extension, name);
        let members = self.members(node, def);
        self.add(node, def, name, TypeSink::default(), |_, types| {
            ItemKind::Extension(ExtensionItem {
                extended: types.child(node),
                inherits: inherits(node, types),
                requirements: requirements(node, types),
                members,
            })
        })
    }

    fn cases(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let mut all = Vec::new();
        for element in kids(node, ENUM_CASE_ELEMENT) {
            let name = decl_name(&element);
            let def = self.def(parent, DefKind::Case, name);
            let mut types = TypeSink::default();
            let mut defaults = Vec::new();
            let mut payload = kid(&element, ENUM_CASE_PAYLOAD).map(|list| {
                let mut params = Vec::new();
                for param in kids(&list, ENUM_CASE_PARAM) {
                    let names = param_names(&param);
                    let label = names.first().copied().flatten();
                    let (ty, ownership) = types.param_type(&param);
                    params.push(ParamItem {
                        label,
                        name: label.unwrap_or_else(|| Name::new("_")),
                        ty,
                        ownership,
                        variadic: has_token(&param, ELLIPSIS),
                        autoclosure: false,
                        escaping: true,
                        default: None,
                        attrs: Vec::new(),
                    });
                    defaults.push(kid(&param, INITIALIZER));
                }
                params
            });
            if let Some(params) = &mut payload {
                self.defaults(def, params, defaults);
            }
            let raw_value = self.body(def, kid(&element, INITIALIZER));
            self.add(node, def, name, types, |mods, _| {
                ItemKind::Case(CaseItem {
                    indirect: mods.is_indirect,
                    payload,
                    raw_value,
                })
            });
            if let Some(spans) = self.map.items.get_mut(&def) {
                spans.name = name_range(&element);
            }
            all.push(def);
        }
        all
    }

    fn precedence_group(&mut self, node: &Node<'_>, parent: DefId) -> Vec<DefId> {
        let name = decl_name(node);
        let def = self.def(parent, DefKind::PrecedenceGroup, name);
        let mut group = PrecedenceGroupItem {
            higher_than: Vec::new(),
            lower_than: Vec::new(),
            associativity: Associativity::None,
            assignment: false,
        };
        for attribute in kids(node, PRECEDENCE_GROUP_ATTRIBUTE) {
            let words: Vec<_> = tokens(&attribute)
                .filter(|t| !matches!(t.kind(), COLON | COMMA | DOT))
                .collect();
            let Some((key, values)) = words.split_first() else {
                continue;
            };
            let names = values.iter().map(name_of);
            match key.text() {
                "higherThan" => group.higher_than.extend(names),
                "lowerThan" => group.lower_than.extend(names),
                "associativity" => {
                    group.associativity = match values.first().map(|t| t.text()) {
                        Some("left") => Associativity::Left,
                        Some("right") => Associativity::Right,
                        _ => Associativity::None,
                    }
                }
                "assignment" => {
                    group.assignment = values.first().is_some_and(|t| t.kind() == TRUE_KW)
                }
                _ => {}
            }
        }
        self.add(node, def, name, TypeSink::default(), |_, _| {
            ItemKind::PrecedenceGroup(group)
        })
    }
}

/// A body as its item keeps it.
pub(super) fn body_syntax(node: &Node<'_>) -> BodySyntax {
    BodySyntax {
        hash: crate::syntax::trivia_insensitive_hash(node.green()),
        green: node.to_green(),
    }
}

impl BodyCx<'_> {
    /// A declaration among statements.
    pub(super) fn declaration_statement(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) {
        if self.at_top_level {
            // Declarations at the top level belong to the file; only initial values run here.
            if node.kind() == VAR_DECL {
                self.global_bindings(node, out);
            }
            return;
        }
        match node.kind() {
            VAR_DECL => self.local_vars(node, out),
            FN_DECL => {
                let function = self.local_fn(node);
                let stmt = self.stmt(Stmt::LocalFn(Box::new(function)), node.text_range());
                out.push(stmt);
            }
            kind if is_decl(kind) => {
                let mut cx = DeclCx::new(self.db, self.conditions);
                for &def in &self.local_defs {
                    let key = (self.owner, def.kind(self.db), def.name(self.db));
                    *cx.seen.entry(key).or_default() += 1;
                }
                let defs = cx.decl(node, self.owner);
                self.body.items.items.extend(cx.tree.items);
                self.map.items.extend(cx.map);
                for def in defs {
                    self.local_defs.push(def);
                    self.body.items.top_level.push(def);
                    let stmt = self.stmt(Stmt::Item(def), node.text_range());
                    out.push(stmt);
                }
            }
            _ => {}
        }
    }

    fn global_bindings(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) {
        let Some(file) = self.owner.parent(self.db) else {
            return;
        };
        for binding in kids(node, PATTERN_BINDING) {
            if kid(&binding, INITIALIZER).is_none() {
                continue;
            }
            let mut names = Vec::new();
            if let Some(pattern) = binding.children().find(|n| is_pattern(n.kind())) {
                bound_names(&pattern, &mut Vec::new(), &mut names);
            }
            let first = names.first().map_or(Name::new("_"), |n| n.0);
            // Counts like the file's own lowering does.
            let index = self
                .local_defs
                .iter()
                .filter(|d| d.kind(self.db) == DefKind::Binding && d.name(self.db) == first)
                .count() as u32;
            let def = DefId::new(self.db, Some(file), DefKind::Binding, first, index);
            self.local_defs.push(def);
            let stmt = self.stmt(Stmt::GlobalBinding(def), binding.text_range());
            out.push(stmt);
        }
    }

    fn local_vars(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) {
        let mods = modifiers(node);
        let binds = if is_let(node) { Binds::Let } else { Binds::Var };
        let is_async = kid(node, MODIFIER_LIST)
            .is_some_and(|list| list.text().split_whitespace().any(|w| w == "async"));
        let mut bindings = Vec::new();
        let nodes: Vec<_> = kids(node, PATTERN_BINDING).collect();
        for (i, binding) in nodes.iter().enumerate() {
            let init = kid(binding, INITIALIZER).map(|init| self.expr_child(&init));
            if kid(binding, ACCESSOR_BLOCK).is_some() {
                self.accessed_local(binding, init, out);
                continue;
            }
            let typed = nodes[i..]
                .iter()
                .take_while(|b| kid(b, INITIALIZER).is_none())
                .find(|b| kid(b, TYPE_ANNOTATION).is_some());
            let mut pat = self.pattern_child(binding, binds);
            if let (Some(typed), None) = (typed, kid(binding, TYPE_ANNOTATION)) {
                let annotation = kid(typed, TYPE_ANNOTATION).map(|a| self.types.child(&a));
                if let Some(ty) = annotation {
                    pat = self.pat(crate::items::hir::Pat::Typed(pat, ty), binding.text_range());
                }
            }
            self.own(pat, &mods);
            bindings.push(LocalBinding { pat, init });
        }
        if !bindings.is_empty() {
            let stmt = Stmt::Let {
                bindings,
                is_async,
                is_lazy: mods.is_lazy,
            };
            let stmt = self.stmt(stmt, node.text_range());
            out.push(stmt);
        }
    }

    /// Gives the names of a pattern the ownership that `weak` or `unowned` says.
    fn own(&mut self, pat: crate::items::hir::PatId, mods: &Modifiers) {
        use crate::items::hir::Pat;
        let kind = if mods.is_weak {
            LocalKind::Weak
        } else if mods.is_unowned {
            LocalKind::Unowned
        } else {
            return;
        };
        match self.body.pats[pat] {
            Pat::Bind(local) => self.body.locals[local].kind = kind,
            Pat::Typed(inner, _) => self.own(inner, mods),
            _ => {}
        }
    }

    /// A local variable with accessors or observers.
    fn accessed_local(
        &mut self,
        binding: &Node<'_>,
        init: Option<crate::items::hir::ExprId>,
        out: &mut Vec<StmtId>,
    ) {
        use crate::items::hir::Pat;
        let range = binding.text_range();
        let mut names = Vec::new();
        if let Some(pattern) = binding.children().find(|n| is_pattern(n.kind())) {
            bound_names(&pattern, &mut Vec::new(), &mut names);
        }
        let Some((name, _, name_range)) = names.into_iter().next() else {
            return;
        };
        let ty = kid(binding, TYPE_ANNOTATION).map(|a| self.types.child(&a));
        let Some(block) = kid(binding, ACCESSOR_BLOCK) else {
            return;
        };
        let nodes = accessor_nodes(&block);
        let observes = nodes
            .iter()
            .flatten()
            .any(|(kind, _)| matches!(kind, AccessorKind::WillSet | AccessorKind::DidSet));
        let storage = observes.then(|| {
            let storage = self.local(name, LocalKind::Var, name_range);
            let mut pat = self.pat(Pat::Bind(storage), name_range);
            if let Some(ty) = ty {
                pat = self.pat(Pat::Typed(pat, ty), range);
            }
            let bindings = vec![LocalBinding { pat, init }];
            let stmt = Stmt::Let {
                bindings,
                is_async: false,
                is_lazy: false,
            };
            let stmt = self.stmt(stmt, range);
            out.push(stmt);
            storage
        });
        let local = self.local(name, LocalKind::Accessed, name_range);
        let var = self.local_def(DefKind::Var, name);
        let mut accessors = Vec::new();
        for accessor in &nodes {
            let (kind, node) = match accessor {
                Some((kind, node)) => (*kind, node),
                None => (AccessorKind::Get, &block),
            };
            let def = DefId::new(self.db, Some(var), DefKind::Accessor(kind), name, 0);
            let param = match kind {
                AccessorKind::Set | AccessorKind::WillSet => Some("newValue"),
                AccessorKind::DidSet => Some("oldValue"),
                _ => None,
            };
            let written = kid(node, ACCESSOR_PARAM)
                .and_then(|p| name_tokens(&p).next())
                .map(|t| name_of(&t));
            let params = param
                .map(|default| written.unwrap_or_else(|| Name::new(default)))
                .map(|name| self.local(name, LocalKind::Param, range));
            let index = self.body.closure_count;
            self.body.closure_count += 1;
            let body = match accessor {
                Some((_, node)) => self.block_child(node),
                None => self.block(&block),
            };
            accessors.push((
                kind,
                LocalFn {
                    def,
                    name,
                    index,
                    func: FuncItem::plain(),
                    attrs: Vec::new(),
                    params: params.into_iter().collect(),
                    defaults: Vec::new(),
                    body,
                },
            ));
        }
        let stmt = Stmt::LocalAccessors {
            local,
            storage,
            ty,
            accessors,
        };
        let stmt = self.stmt(stmt, range);
        out.push(stmt);
    }

    fn local_def(&mut self, kind: DefKind, name: Name) -> DefId {
        let equal = |d: &&DefId| d.kind(self.db) == kind && d.name(self.db) == name;
        let index = self.local_defs.iter().filter(equal).count() as u32;
        let def = DefId::new(self.db, Some(self.owner), kind, name, index);
        self.local_defs.push(def);
        def
    }

    fn local_fn(&mut self, node: &Node<'_>) -> LocalFn {
        let name = decl_name(node);
        let (func, defaults) = func_item(node, &mut self.types);
        let def = self.local_def(DefKind::Func, full_name(name, &func.params));
        let index = self.body.closure_count;
        self.body.closure_count += 1;
        let mut params = Vec::new();
        for (param, node) in func.params.iter().zip(param_nodes(node)) {
            let kind = if param.ownership == Ownership::Inout {
                LocalKind::InoutParam
            } else {
                LocalKind::Param
            };
            params.push(self.local(param.name, kind, node.text_range()));
        }
        let defaults = defaults
            .iter()
            .map(|d| d.as_ref().map(|d| self.expr_child(d)))
            .collect();
        let (attrs, attr_ranges) = attributes(node, &mut self.types);
        let spans = ItemSpans {
            name: name_range(node),
            whole: trimmed_range(node),
            end: end_range(node),
            types: Vec::new(),
            params: param_ranges(node),
            attrs: attr_ranges,
        };
        self.map.items.items.insert(def, spans);
        // `$0` inside belongs to closures inside.
        let saved = std::mem::take(&mut self.anonymous);
        let body = self.block_child(node);
        self.anonymous = saved;
        LocalFn {
            def,
            name,
            index,
            func,
            attrs,
            params,
            defaults,
            body,
        }
    }

    /// The statements of a body's root node: a block, an accessor block, an initial value, or a file.
    pub(super) fn root(&mut self, node: &Node<'_>) -> Block {
        match node.kind() {
            INITIALIZER => {
                let value = self.expr_child(node);
                let stmt = self.stmt(Stmt::Expr(value), node.text_range());
                Block { stmts: vec![stmt] }
            }
            SOURCE_FILE => {
                self.at_top_level = true;
                self.statements(node)
            }
            _ => self.block(node),
        }
    }
}

/// `name(label:_:)`
fn full_name(base: Name, params: &[ParamItem]) -> Name {
    let mut text = format!("{base}(");
    for param in params {
        text.push_str(param.label.map_or("_", |l| l.as_str()));
        text.push(':');
    }
    text.push(')');
    Name::new(&text)
}

fn func_item<'t>(node: &Node<'t>, types: &mut TypeSink) -> (FuncItem, Vec<Option<Node<'t>>>) {
    let generics = generics(node, types);
    let (mut params, defaults) = param_items(node, types);
    if node.kind() == FN_DECL && is_operator_name(node) {
        for param in &mut params {
            param.label = None;
        }
    }
    let (throws, is_async) = types.effects(node);
    let func = FuncItem {
        generics,
        params,
        result: kid(node, RETURN_CLAUSE).map(|clause| types.child(&clause)),
        throws,
        is_async,
        failable: if node.kind() != INIT_DECL {
            None
        } else if has_token(node, POSTFIX_QUESTION) {
            Some(Failable::Optional)
        } else if has_token(node, POSTFIX_BANG) {
            Some(Failable::ImplicitlyUnwrapped)
        } else {
            None
        },
        body: None,
    };
    (func, defaults)
}

fn is_operator_name(node: &Node<'_>) -> bool {
    kid(node, NAME).is_some_and(|n| name_tokens(&n).next().is_none())
}

fn param_nodes<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    kid(node, PARAM_LIST).map_or(Vec::new(), |list| kids(&list, PARAM).collect())
}

/// The written names of a parameter, `_` as none.
fn param_names(param: &Node<'_>) -> Vec<Option<Name>> {
    if !has_token(param, COLON) {
        return Vec::new();
    }
    let mut names: Vec<Option<Name>> = tokens(param)
        .take_while(|t| t.kind() != COLON)
        .filter(|t| !matches!(t.kind(), INOUT_KW | OWNED_KW | SHARED_KW | CONST_KW))
        .map(|t| (t.kind() != UNDERSCORE).then(|| name_of(&t)))
        .collect();
    // A specifier in the old place comes before the names.
    while names.len() > 2 {
        names.remove(0);
    }
    names
}

fn param_items<'t>(
    node: &Node<'t>,
    types: &mut TypeSink,
) -> (Vec<ParamItem>, Vec<Option<Node<'t>>>) {
    let mut params = Vec::new();
    let mut defaults = Vec::new();
    for param in param_nodes(node) {
        let names = param_names(&param);
        let label = names.first().copied().flatten();
        let name = names.last().copied().flatten();
        let (ty, ownership) = types.param_type(&param);
        let (autoclosure, escaping) = match &types.types[ty] {
            TypeRef::Function(f) => (f.autoclosure, f.escaping),
            _ => (false, true),
        };
        let (attrs, _) = attributes(&param, types);
        params.push(ParamItem {
            label,
            name: name.unwrap_or_else(|| Name::new("_")),
            ty,
            ownership,
            variadic: has_token(&param, ELLIPSIS),
            autoclosure,
            escaping,
            default: None,
            attrs,
        });
        defaults.push(kid(&param, INITIALIZER));
    }
    (params, defaults)
}

fn generics(node: &Node<'_>, types: &mut TypeSink) -> GenericsRef {
    let mut result = GenericsRef::default();
    if let Some(list) = kid(node, GENERIC_PARAM_LIST) {
        for param in kids(&list, GENERIC_PARAM) {
            let Some(name) = tokens(&param)
                .filter(|t| t.kind() == IDENT)
                .find(|t| t.text() != "each" || name_tokens(&param).count() == 1)
            else {
                continue;
            };
            result.params.push(GenericParamRef {
                name: name_of(&name),
                bound: param
                    .children()
                    .find(|n| is_type(n.kind()))
                    .map(|t| types.lower(&t)),
                is_pack: has_token(&param, EACH_KW) || has_token(&param, ELLIPSIS),
                is_value: has_token(&param, LET_KW),
            });
        }
        result.requirements.extend(requirements(&list, types));
    }
    result.requirements.extend(requirements(node, types));
    result
}

fn requirements(node: &Node<'_>, types: &mut TypeSink) -> Vec<WhereRef> {
    let Some(clause) = kid(node, WHERE_CLAUSE) else {
        return Vec::new();
    };
    let mut result = Vec::new();
    for requirement in kids(&clause, GENERIC_REQUIREMENT) {
        let parts: Vec<_> = requirement
            .children()
            .filter(|n| is_type(n.kind()))
            .collect();
        let [left, right] = &parts[..] else { continue };
        let (left, right) = (types.lower(left), types.lower(right));
        result.push(if has_token(&requirement, COLON) {
            WhereRef::Conforms(left, right)
        } else {
            WhereRef::Same(left, right)
        });
    }
    result
}

fn inherits(node: &Node<'_>, types: &mut TypeSink) -> Vec<TypeRefId> {
    let Some(clause) = kid(node, INHERITANCE_CLAUSE) else {
        return Vec::new();
    };
    let parts: Vec<_> = clause.children().filter(|n| is_type(n.kind())).collect();
    parts.iter().map(|p| types.lower(p)).collect()
}

/// The attributes with their ranges.
fn attributes(node: &Node<'_>, types: &mut TypeSink) -> (Vec<Attr>, Vec<TextRange>) {
    let mut attrs = Vec::new();
    let mut ranges = Vec::new();
    for list in kids(node, ATTRIBUTE_LIST) {
        for attr in kids(&list, ATTRIBUTE) {
            let ty = attr.children().find(|n| is_type(n.kind()));
            let Some(name) = ty.as_ref().and_then(|t| name_tokens(t).last()) else {
                continue;
            };
            let args = kid(&attr, ATTRIBUTE_ARGS).or_else(|| kid(&attr, ARGUMENT_LIST));
            let args = args.map(|args| {
                let text: String = args
                    .descendant_tokens()
                    .filter(|t| !t.kind().is_trivia())
                    .map(|t| t.text())
                    .collect();
                Name::new(&text[1..text.len().max(2) - 1])
            });
            attrs.push(Attr {
                name: name_of(&name),
                args,
                ty: ty.map(|t| types.lower(&t)),
            });
            ranges.push(attr.text_range());
        }
    }
    (attrs, ranges)
}

/// The modifiers of a declaration or accessor.
pub(super) fn modifiers(node: &Node<'_>) -> Modifiers {
    let mut mods = Modifiers::default();
    for list in kids(node, MODIFIER_LIST) {
        for modifier in kids(&list, MODIFIER) {
            let words: Vec<_> = tokens(&modifier).collect();
            let Some(first) = words.first() else { continue };
            let argument = words.get(2).map(|t| t.text());
            let access = match first.kind() {
                PRIVATE_KW => Some(Access::Private),
                FILEPRIVATE_KW => Some(Access::Fileprivate),
                INTERNAL_KW => Some(Access::Internal),
                PACKAGE_KW => Some(Access::Package),
                PUBLIC_KW => Some(Access::Public),
                OPEN_KW => Some(Access::Open),
                _ => None,
            };
            if let Some(access) = access {
                if argument == Some("set") {
                    mods.set_access = Some(access);
                } else {
                    mods.access = Some(access);
                }
                continue;
            }
            match first.kind() {
                STATIC_KW => mods.is_static = true,
                CLASS_KW => mods.is_class = true,
                FINAL_KW => mods.is_final = true,
                OVERRIDE_KW => mods.is_override = true,
                REQUIRED_KW => mods.is_required = true,
                CONVENIENCE_KW => mods.is_convenience = true,
                MUTATING_KW => mods.is_mutating = true,
                NONMUTATING_KW => mods.is_nonmutating = true,
                CONSUMING_KW | UNDERSCORED_CONSUMING_KW => mods.is_consuming = true,
                LAZY_KW => mods.is_lazy = true,
                WEAK_KW => mods.is_weak = true,
                UNOWNED_KW => {
                    mods.is_unowned = true;
                    mods.is_unowned_unsafe = argument == Some("unsafe");
                }
                INDIRECT_KW => mods.is_indirect = true,
                PREFIX_KW => mods.is_prefix = true,
                POSTFIX_KW => mods.is_postfix = true,
                INFIX_KW => mods.is_infix = true,
                DYNAMIC_KW => mods.is_dynamic = true,
                OPTIONAL_KW => mods.is_optional = true,
                NONISOLATED_KW => mods.is_nonisolated = true,
                DISTRIBUTED_KW => mods.is_distributed = true,
                _ => {}
            }
        }
    }
    mods
}

/// The accessors of a block; none stands for the short form `{ statements }`.
fn accessor_nodes<'t>(block: &Node<'t>) -> Vec<Option<(AccessorKind, Node<'t>)>> {
    let mut found: Vec<_> = kids(block, ACCESSOR_DECL)
        .filter_map(|node| {
            let kind = tokens(&node).find_map(|t| {
                Some(match t.kind() {
                    GET_KW => AccessorKind::Get,
                    SET_KW => AccessorKind::Set,
                    WILL_SET_KW => AccessorKind::WillSet,
                    DID_SET_KW => AccessorKind::DidSet,
                    READ_KW | READ_CORO_KW => AccessorKind::Read,
                    MODIFY_KW | MODIFY_CORO_KW => AccessorKind::Modify,
                    UNSAFE_ADDRESS_KW => AccessorKind::Address,
                    UNSAFE_MUTABLE_ADDRESS_KW => AccessorKind::MutableAddress,
                    INIT_KW => AccessorKind::Init,
                    _ => return None,
                })
            })?;
            Some(Some((kind, node)))
        })
        .collect();
    if found.is_empty() {
        found.push(None);
    }
    found
}

/// The names that a binding pattern declares, each with its path of tuple indices.
fn bound_names(
    pattern: &Node<'_>,
    path: &mut Vec<u32>,
    out: &mut Vec<(Name, Vec<u32>, TextRange)>,
) {
    match pattern.kind() {
        IDENT_PATTERN => {
            let name = kid(pattern, NAME).and_then(|n| name_tokens(&n).next());
            if let Some(name) = name {
                out.push((name_of(&name), path.clone(), name.text_range()));
            }
        }
        TUPLE_PATTERN => {
            let elements: Vec<_> = kids(pattern, TUPLE_PATTERN_ELEMENT).collect();
            for (i, element) in elements.iter().enumerate() {
                let single = elements.len() == 1;
                if !single {
                    path.push(i as u32);
                }
                if let Some(inner) = element.children().find(|n| is_pattern(n.kind())) {
                    bound_names(&inner, path, out);
                }
                if !single {
                    path.pop();
                }
            }
        }
        VALUE_BINDING_PATTERN => {
            if let Some(inner) = pattern.children().find(|n| is_pattern(n.kind())) {
                bound_names(&inner, path, out);
            }
        }
        _ => {}
    }
}

/// The names that the conditions of a `guard` at the top level bind: they are globals of the file.
pub(super) fn guard_names(node: &Node<'_>) -> Vec<(Name, bool, TextRange)> {
    let mut names = Vec::new();
    let Some(list) = kid(node, CONDITION_LIST) else {
        return names;
    };
    for condition in list.children() {
        pattern_names(&condition, has_token(&condition, LET_KW), &mut names);
    }
    names
}

/// The names in the patterns of a condition; `let` is decided by the nearest binding keyword outside.
fn pattern_names(node: &Node<'_>, is_let_here: bool, names: &mut Vec<(Name, bool, TextRange)>) {
    for child in node.children() {
        match child.kind() {
            IDENT_PATTERN => {
                let name = kid(&child, NAME).and_then(|n| name_tokens(&n).next());
                if let Some(name) = name {
                    names.push((name_of(&name), is_let_here, name.text_range()));
                }
            }
            VALUE_BINDING_PATTERN => pattern_names(&child, is_let(&child), names),
            _ => pattern_names(&child, is_let_here, names),
        }
    }
}

/// The declared name.
fn decl_name(node: &Node<'_>) -> Name {
    let Some(name) = kid(node, NAME) else {
        return Name::new("");
    };
    match name_tokens(&name).next() {
        Some(token) => name_of(&token),
        None => Name::new(name.text().trim()),
    }
}

/// The range of the name, or of the introducing keyword.
fn name_range(node: &Node<'_>) -> TextRange {
    if let Some(name) = kid(node, NAME) {
        return name.text_range();
    }
    if let Some(ty) = (node.kind() == EXTENSION_DECL)
        .then(|| node.children().find(|n| is_type(n.kind())))
        .flatten()
    {
        return ty.text_range();
    }
    tokens(node)
        .next()
        .map_or(node.text_range(), |t| t.text_range())
}

fn trimmed_range(node: &Node<'_>) -> TextRange {
    let start = node.descendant_tokens().find(|t| !t.kind().is_trivia());
    let start = start.map_or(node.text_range().start(), |t| t.text_range().start());
    TextRange::new(start, node.text_range().end())
}

/// The closing brace of the declaration.
fn end_range(node: &Node<'_>) -> TextRange {
    let holder = kid(node, MEMBER_BLOCK)
        .or_else(|| kid(node, CODE_BLOCK))
        .or_else(|| kid(node, ACCESSOR_BLOCK));
    let brace = holder.as_ref().unwrap_or(node);
    tokens(brace)
        .filter(|t| t.kind() == R_BRACE)
        .last()
        .map_or(node.text_range(), |t| t.text_range())
}

fn param_ranges(node: &Node<'_>) -> Vec<TextRange> {
    param_nodes(node)
        .iter()
        .map(|p| {
            let names = tokens(p).take_while(|t| t.kind() != COLON).last();
            names.map_or(p.text_range(), |t| t.text_range())
        })
        .collect()
}
