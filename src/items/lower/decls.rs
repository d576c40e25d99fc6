//! Declarations: of files, types, extensions and bodies.

use super::body::is_let;
use super::parts::*;
use super::patterns::is_pattern;
use super::syntax::{has_token, kid, kids, name_of, name_tokens, tokens};
use super::types::{TypeSink, is_type};
use crate::base::{FxHashMap, Name, TextRange};
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::source_map::{ItemSourceMap, ItemSpans};
use crate::items::tree::*;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::{Node, NodePtr};
use std::sync::Arc;

/// Collects declarations with their places.
pub(super) struct DeclCx<'a> {
    pub db: &'a dyn Db,
    pub conditions: &'a super::Conditions<'a>,
    pub tree: ItemTree,
    pub map: ItemSourceMap,
    /// The node whose places were looked for last, with these.
    last_spans: Option<(NodePtr, ItemSpans)>,
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
            last_spans: None,
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
    pub(super) fn add(
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
        let spans = self.spans(node, types.ranges, attr_ranges);
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

    /// The places of a declaration, looked for once where several items are declared by one node.
    fn spans(
        &mut self,
        node: &Node<'_>,
        types: Vec<TextRange>,
        attrs: Vec<TextRange>,
    ) -> ItemSpans {
        let ptr = node.ptr();
        match &self.last_spans {
            Some((last, places)) if *last == ptr => ItemSpans {
                types,
                attrs,
                ..places.clone()
            },
            _ => {
                let places = spans(node, types, attrs);
                self.last_spans = Some((ptr, places.clone()));
                places
            }
        }
    }

    /// Adds a declaration that stands for a part of what is written, under changed modifiers.
    pub(super) fn add_hidden(
        &mut self,
        node: &Node<'_>,
        def: DefId,
        name: Name,
        change: impl FnOnce(&mut Modifiers),
        kind: ItemKind,
    ) {
        self.add(node, def, name, TypeSink::default(), |_, _| kind);
        if let Some(item) = self.tree.items.get_mut(&def) {
            change(&mut Arc::make_mut(item).mods);
        }
    }

    /// Remembers where a body that is made from a whole declaration stands.
    pub(super) fn add_body(&mut self, def: DefId, node: &Node<'_>) {
        self.map.bodies.insert(def, node.ptr());
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
        let code = kid(node, CODE_BLOCK);
        let wraps =
            code.is_some() && super::wrapped_params::has_wrapped_params(self.db, parent, node);
        func.body = self.body(def, if wraps { Some(*node) } else { code });
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
            let spans = ItemSpans {
                name: trimmed_range(&accessor),
                whole: trimmed_range(&accessor),
                end: end_range(&accessor),
                ..ItemSpans::default()
            };
            self.map.items.insert(def, spans);
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
        if let Some(defs) = self.wrapped_var(node, parent) {
            return defs;
        }
        let mut all = Vec::new();
        let bindings: Vec<_> = kids(node, PATTERN_BINDING).collect();
        for (binding, typed) in bindings.iter().zip(annotated_bindings(&bindings)) {
            self.binding(node, binding, &bindings[typed], parent, &mut all);
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
        let mut elements = None;
        if let Some(pattern) = binding.children().find(|n| is_pattern(n.kind())) {
            bound_names(&pattern, &mut Vec::new(), &mut names);
            if pattern.kind() == TUPLE_PATTERN {
                let count = kids(&pattern, TUPLE_PATTERN_ELEMENT).count() as u32;
                elements = (count > 1).then_some(count);
            }
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
                    wrapper: None,
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
                ItemKind::Binding(BindingItem {
                    vars,
                    elements,
                    ty,
                    init,
                })
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
                        has_local_default: false,
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
        green: Some(node.to_green()),
    }
}
