//! Property wrappers: `@W(args) var x: T = v` becomes a stored `_x` that starts as `W(wrappedValue: v, args)`, a computed `x` that goes
//! through its `wrappedValue`, and where the wrapper projects a `$x`. Several wrappers nest, the first outermost.

use super::body::BodyCx;
use super::decls::{DeclCx, body_syntax};
use super::parts::*;
use super::patterns::is_pattern;
use super::syntax::{has_token, kid, kids, name_of, name_tokens};
use super::types::{TypeSink, is_type};
use crate::base::{Name, TextRange};
use crate::db::{Db, SourceFile};
use crate::items::hir::*;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::tree::*;
use crate::items::wrappers::{WrapperShape, wrappers};
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

/// The shapes of the wrappers that a file declares.
pub(crate) fn wrapper_shapes(db: &dyn Db, file: SourceFile) -> Vec<(Name, WrapperShape)> {
    let root = Node::root(&crate::items::parse(db, file).green);
    let mut found = Vec::new();
    collect(&root, &mut found);
    // Extensions may add initialisers.
    let mut extended = Vec::new();
    extensions(&root, &mut extended);
    for (name, shape) in &mut found {
        for node in extended.iter().filter(|(n, _)| n == name).map(|e| e.1) {
            members(&node, shape);
        }
    }
    found
}

fn collect(node: &Node<'_>, out: &mut Vec<(Name, WrapperShape)>) {
    for child in node.children() {
        let is_type = matches!(child.kind(), STRUCT_DECL | CLASS_DECL | ENUM_DECL);
        if is_type && attribute_nodes(&child).any(|(name, _)| name == "propertyWrapper") {
            let mut shape = WrapperShape::default();
            let has_init = members(&child, &mut shape);
            if !has_init && child.kind() == STRUCT_DECL {
                shape.init_value = stores_value(&child);
                shape.init_plain = all_have_values(&child);
            }
            shape.nonmutating_set |= child.kind() == CLASS_DECL;
            out.push((decl_name(&child), shape));
        }
        collect(&child, out);
    }
}

fn extensions<'t>(node: &Node<'t>, out: &mut Vec<(Name, Node<'t>)>) {
    for child in node.children() {
        if child.kind() == EXTENSION_DECL
            && let Some(ty) = child.children().find(|n| is_type(n.kind()))
            && let Some(name) = name_tokens(&ty).last()
        {
            out.push((name_of(&name), child));
        }
    }
}

/// Adds what a type's or extension's members say. Whether there is an initialiser among them.
fn members(node: &Node<'_>, shape: &mut WrapperShape) -> bool {
    let Some(block) = kid(node, MEMBER_BLOCK) else {
        return false;
    };
    let mut has_init = false;
    for member in block.children() {
        match member.kind() {
            INIT_DECL => {
                has_init = true;
                let params = param_nodes(&member);
                shape.init_plain |= params.iter().all(|p| kid(p, INITIALIZER).is_some());
                let first = params.first().and_then(|p| *param_names(p).first()?);
                shape.init_value |= first.is_some_and(|n| n == "wrappedValue");
            }
            VAR_DECL => {
                for binding in kids(&member, PATTERN_BINDING) {
                    let name = binding_name(&binding);
                    let (settable, nonmutating, mutating_get) = access(&member, &binding);
                    if name.is_some_and(|n| n == "wrappedValue") {
                        shape.settable |= settable;
                        shape.nonmutating_set |= nonmutating;
                        shape.mutating_get |= mutating_get;
                    } else if name.is_some_and(|n| n == "projectedValue") {
                        shape.projects = true;
                        shape.projection_settable |= settable;
                    }
                }
            }
            _ => {}
        }
    }
    has_init
}

/// Whether a variable may be set, whether setting leaves its owner as it is, and whether reading changes it.
fn access(var: &Node<'_>, binding: &Node<'_>) -> (bool, bool, bool) {
    let hidden = modifiers(var)
        .set_access
        .is_some_and(|a| a <= Access::Fileprivate);
    let Some(block) = kid(binding, ACCESSOR_BLOCK) else {
        return (!super::body::is_let(var) && !hidden, false, false);
    };
    let (mut settable, mut nonmutating, mut mutating_get) = (false, false, false);
    for (kind, node) in accessor_nodes(&block).iter().flatten() {
        let mods = modifiers(node);
        match kind {
            AccessorKind::Get => mutating_get |= mods.is_mutating,
            AccessorKind::Set
            | AccessorKind::Modify
            | AccessorKind::MutableAddress
            | AccessorKind::WillSet
            | AccessorKind::DidSet => {
                settable = !hidden;
                nonmutating |= mods.is_nonmutating;
            }
            _ => {}
        }
    }
    (settable, nonmutating, mutating_get)
}

/// Whether `wrappedValue` is a stored property, which the memberwise initialiser takes.
fn stores_value(node: &Node<'_>) -> bool {
    let Some(block) = kid(node, MEMBER_BLOCK) else {
        return false;
    };
    let mut bindings = block
        .children()
        .filter(|m| m.kind() == VAR_DECL)
        .flat_map(|var| kids(&var, PATTERN_BINDING).collect::<Vec<_>>());
    bindings.any(|b| {
        let observed = kid(&b, ACCESSOR_BLOCK).is_none_or(|block| {
            accessor_nodes(&block)
                .iter()
                .all(|a| matches!(a, Some((AccessorKind::WillSet | AccessorKind::DidSet, _))))
        });
        observed && binding_name(&b).is_some_and(|n| n == "wrappedValue")
    })
}

/// Whether every stored property has a value, so that the type has `init()`.
fn all_have_values(node: &Node<'_>) -> bool {
    let Some(block) = kid(node, MEMBER_BLOCK) else {
        return true;
    };
    let vars = block.children().filter(|m| m.kind() == VAR_DECL);
    vars.filter(|v| !modifiers(v).is_static).all(|var| {
        kids(&var, PATTERN_BINDING).all(|b| {
            let computed = kid(&b, ACCESSOR_BLOCK).is_some();
            let optional = kid(&b, TYPE_ANNOTATION)
                .is_some_and(|a| a.children().any(|t| t.kind() == OPTIONAL_TYPE));
            kid(&b, INITIALIZER).is_some() || computed || optional
        })
    })
}

fn binding_name(binding: &Node<'_>) -> Option<Name> {
    let pattern = binding.children().find(|n| is_pattern(n.kind()))?;
    let mut names = Vec::new();
    bound_names(&pattern, &mut Vec::new(), &mut names);
    match &names[..] {
        [(name, path, _)] if path.is_empty() => Some(*name),
        _ => None,
    }
}

/// The attributes of a declaration or parameter by name.
fn attribute_nodes<'t>(node: &Node<'t>) -> impl Iterator<Item = (Name, Node<'t>)> + use<'t> {
    let lists: Vec<_> = kids(node, ATTRIBUTE_LIST).collect();
    lists.into_iter().flat_map(|list| {
        let attrs: Vec<_> = kids(&list, ATTRIBUTE).collect();
        attrs.into_iter().filter_map(|attr| {
            let ty = attr.children().find(|n| is_type(n.kind()))?;
            let name = name_tokens(&ty).last()?;
            Some((name_of(&name), attr))
        })
    })
}

/// The wrappers of a variable or parameter, outermost first.
pub(super) fn wrappers_of<'t>(
    db: &dyn Db,
    owner: DefId,
    node: &Node<'t>,
) -> Vec<(Node<'t>, WrapperShape)> {
    if kid(node, ATTRIBUTE_LIST).is_none() {
        return Vec::new();
    }
    let Some(unit) = crate::items::unit_of_module(db, crate::items::module_of(db, owner)) else {
        return Vec::new();
    };
    let shapes = wrappers(db, unit);
    attribute_nodes(node)
        .filter_map(|(name, attr)| Some((attr, *shapes.get(&name)?)))
        .collect()
}

/// The name of the variable that a declaration with wrappers declares: one plain name without a getter of its own.
pub(super) fn wrapped_binding<'t>(node: &Node<'t>) -> Option<(Name, Node<'t>)> {
    let mut bindings = kids(node, PATTERN_BINDING);
    let (binding, None) = (bindings.next()?, bindings.next()) else {
        return None;
    };
    if let Some(block) = kid(&binding, ACCESSOR_BLOCK) {
        let observers = accessor_nodes(&block)
            .iter()
            .all(|a| matches!(a, Some((AccessorKind::WillSet | AccessorKind::DidSet, _))));
        if !observers {
            return None;
        }
    }
    Some((binding_name(&binding)?, binding))
}

pub(super) fn storage_name(name: Name) -> Name {
    Name::new(&format!("_{name}"))
}

fn projection_name(name: Name) -> Name {
    Name::new(&format!("${name}"))
}

/// Whether the storage starts with a value.
fn starts(wrappers: &[(Node<'_>, WrapperShape)], binding: &Node<'_>) -> bool {
    kid(binding, INITIALIZER).is_some()
        || wrappers.iter().any(|(attr, _)| has_arguments(attr))
        || wrappers.last().is_some_and(|(_, shape)| shape.init_plain)
}

fn has_arguments(attr: &Node<'_>) -> bool {
    kid(attr, ARGUMENT_LIST).is_some_and(|list| kid(&list, ARGUMENT).is_some())
}

impl DeclCx<'_> {
    /// The declarations of a variable with wrappers; none when it has none.
    pub(super) fn wrapped_var(&mut self, node: &Node<'_>, parent: DefId) -> Option<Vec<DefId>> {
        let list = wrappers_of(self.db, parent, node);
        let (_, outer) = *list.first()?;
        let (name, binding) = wrapped_binding(node)?;
        let storage = self.def(parent, DefKind::Var, storage_name(name));
        let storage_binding = self.def(parent, DefKind::Binding, storage_name(name));
        let value = self.def(parent, DefKind::Var, name);
        let count = list.len() as u32;
        let all_settable = list.iter().all(|(_, shape)| shape.settable);
        let syntax = body_syntax(node);
        let body = |cx: &mut Self, def: DefId| {
            cx.add_body(def, node);
            Some(syntax.clone())
        };

        // The storage.
        let plain_value = list.iter().all(|(_, shape)| shape.init_value)
            && (kid(&binding, INITIALIZER).is_some() || !starts(&list, &binding));
        let init = match starts(&list, &binding) {
            true => body(self, storage_binding),
            false => None,
        };
        let role = WrapperRole::Storage {
            of: value,
            by_value: plain_value,
            has_value: kid(&binding, INITIALIZER).is_some(),
        };
        if plain_value {
            body(self, wrapper_init(self.db, storage));
            if kid(&binding, INITIALIZER).is_some() {
                body(self, wrapper_default(self.db, storage));
            }
        }
        let backing = VarItem {
            is_let: false,
            ty: None,
            binding: Some(storage_binding),
            path: Vec::new(),
            accessors: Vec::new(),
            requirement_settable: false,
            wrapper: Some(Box::new(WrapperItem {
                role,
                syntax: syntax.clone(),
            })),
        };
        // Nothing is captured, so that it may be used twice.
        fn hide(mods: &mut Modifiers) {
            mods.access = Some(Access::Private);
            mods.set_access = None;
            mods.is_override = false;
            mods.is_lazy = false;
        }
        self.add_hidden(
            node,
            storage,
            storage_name(name),
            hide,
            ItemKind::Var(backing),
        );
        let vars = vec![storage];
        let kind = ItemKind::Binding(BindingItem {
            vars,
            ty: None,
            init,
            elements: None,
        });
        self.add_hidden(node, storage_binding, storage_name(name), hide, kind);
        let mut defs = vec![storage];

        // What is written through it.
        let mut through = |cx: &mut Self, def: DefId, name: Name, settable: bool, role| {
            let mut accessors = Vec::new();
            for kind in [AccessorKind::Get, AccessorKind::Set] {
                if kind == AccessorKind::Set && !settable {
                    continue;
                }
                let accessor = DefId::new(cx.db, Some(def), DefKind::Accessor(kind), name, 0);
                let mods = Modifiers {
                    is_nonmutating: kind == AccessorKind::Set && outer.nonmutating_set,
                    is_mutating: kind == AccessorKind::Get && outer.mutating_get,
                    ..Modifiers::default()
                };
                accessors.push(AccessorItem {
                    def: accessor,
                    kind,
                    param: None,
                    mods,
                    throws: ThrowsRef::No,
                    is_async: false,
                    body: body(cx, accessor),
                });
            }
            let mut types = TypeSink::default();
            let ty = kid(&binding, TYPE_ANNOTATION)
                .filter(|_| matches!(role, WrapperRole::Value { .. }))
                .map(|annotation| types.child(&annotation));
            let item = VarItem {
                is_let: false,
                ty,
                binding: None,
                path: Vec::new(),
                accessors,
                requirement_settable: false,
                wrapper: Some(Box::new(WrapperItem {
                    role,
                    syntax: syntax.clone(),
                })),
            };
            cx.add(node, def, name, types, |_, _| ItemKind::Var(item));
            defs.push(def);
        };
        let role = WrapperRole::Value { storage, count };
        through(self, value, name, all_settable, role);
        if outer.projects {
            let name = projection_name(name);
            let def = self.def(parent, DefKind::Var, name);
            let role = WrapperRole::Projection { storage };
            through(self, def, name, outer.projection_settable, role);
        }
        Some(defs)
    }
}

/// The function that makes a wrapper from a wrapped value.
pub(crate) fn wrapper_init(db: &dyn Db, storage: DefId) -> DefId {
    DefId::new(
        db,
        Some(storage),
        DefKind::WrapperInit,
        Name::new("wrap"),
        0,
    )
}

/// The default value of a memberwise initialiser's parameter for a wrapped property.
pub(crate) fn wrapper_default(db: &dyn Db, storage: DefId) -> DefId {
    DefId::new(db, Some(storage), DefKind::DefaultArg, Name::new("wrap"), 0)
}

impl BodyCx<'_> {
    /// The body of something that belongs to a wrapped variable, from the variable's declaration.
    pub(super) fn wrapped_root(&mut self, node: &Node<'_>) -> Block {
        let range = node.text_range();
        let db = self.db;
        let Some((name, binding)) = wrapped_binding(node) else {
            return Block::default();
        };
        let list = wrappers_of(db, self.owner, node);
        let projects = self
            .owner
            .parent(db)
            .is_some_and(|p| p.name(db).as_str().starts_with('$'));
        let members = match projects {
            true => vec!["projectedValue"],
            false => vec!["wrappedValue"; list.len()],
        };
        match self.owner.kind(db) {
            DefKind::Accessor(AccessorKind::Set) => {
                let place = self.wrapped_place(name, &members, range);
                let value = self.plain_name("newValue", range);
                let assign = Expr::Assign {
                    lhs: place,
                    rhs: value,
                };
                let assign = self.expr(assign, range);
                let assign = self.stmt(Stmt::Expr(assign), range);
                match projects {
                    true => Block {
                        stmts: vec![assign],
                    },
                    false => self.observed(&binding, name, assign, range),
                }
            }
            DefKind::Accessor(_) => {
                let place = self.wrapped_place(name, &members, range);
                let stmt = self.stmt(Stmt::Expr(place), range);
                Block { stmts: vec![stmt] }
            }
            DefKind::WrapperInit => {
                let value = self.plain_name("wrappedValue", range);
                let wrapped = self.wrap(&list, Some(value));
                let stmt = self.stmt(Stmt::Expr(wrapped), range);
                Block { stmts: vec![stmt] }
            }
            DefKind::DefaultArg => {
                let value = self.written_value(&binding);
                let value = value.unwrap_or_else(|| self.expr(Expr::Missing, range));
                let stmt = self.stmt(Stmt::Expr(value), range);
                Block { stmts: vec![stmt] }
            }
            _ => {
                let value = self.written_value(&binding);
                let wrapped = self.wrap(&list, value);
                let stmt = self.stmt(Stmt::Expr(wrapped), range);
                Block { stmts: vec![stmt] }
            }
        }
    }

    /// The initial value as the declared type.
    fn written_value(&mut self, binding: &Node<'_>) -> Option<ExprId> {
        let init = kid(binding, INITIALIZER)?;
        let value = self.expr_child(&init);
        let Some(annotation) = kid(binding, TYPE_ANNOTATION) else {
            return Some(value);
        };
        let ty = self.types.child(&annotation);
        let cast = Expr::Cast {
            kind: CastKind::Coerce,
            expr: value,
            ty,
        };
        Some(self.expr(cast, init.text_range()))
    }

    /// Setting a variable with observers: they run around the assignment.
    fn observed(
        &mut self,
        binding: &Node<'_>,
        name: Name,
        assign: StmtId,
        range: TextRange,
    ) -> Block {
        let mut stmts = Vec::new();
        let nodes = kid(binding, ACCESSOR_BLOCK).map_or(Vec::new(), |b| accessor_nodes(&b));
        let find = |kind| {
            nodes
                .iter()
                .flatten()
                .find(|(k, _)| *k == kind)
                .map(|n| n.1)
        };
        let param = |node: &Node<'_>| {
            kid(node, ACCESSOR_PARAM)
                .and_then(|p| name_tokens(&p).next())
                .map(|t| name_of(&t))
        };
        if let Some(will) = find(AccessorKind::WillSet) {
            let mut inner = Vec::new();
            if let Some(written) = param(&will) {
                let value = self.plain_name("newValue", range);
                inner.push(self.constant(written, value, range));
            }
            inner.extend(self.block_child(&will).stmts);
            stmts.push(self.nested(inner, range));
        }
        let did = find(AccessorKind::DidSet);
        if let Some(did) = &did {
            let old = self.plain_name(name.as_str(), range);
            let written = param(did).unwrap_or_else(|| Name::new("oldValue"));
            stmts.push(self.constant(written, old, range));
        }
        stmts.push(assign);
        if let Some(did) = did {
            let inner = self.block_child(&did).stmts;
            stmts.push(self.nested(inner, range));
        }
        Block { stmts }
    }

    fn nested(&mut self, stmts: Vec<StmtId>, range: TextRange) -> StmtId {
        let block = Expr::Do(Box::new(DoExpr {
            label: None,
            throws: ThrowsRef::No,
            body: Block { stmts },
            catches: Vec::new(),
        }));
        let block = self.expr(block, range);
        self.stmt(Stmt::Expr(block), range)
    }

    fn constant(&mut self, name: Name, value: ExprId, range: TextRange) -> StmtId {
        self.binding_stmt(name, LocalKind::Let, value, range)
    }

    pub(super) fn binding_stmt(
        &mut self,
        name: Name,
        kind: LocalKind,
        value: ExprId,
        range: TextRange,
    ) -> StmtId {
        let local = self.local(name, kind, range);
        let pat = self.pat(Pat::Bind(local), range);
        let bindings = vec![LocalBinding {
            pat,
            init: Some(value),
        }];
        let stmt = Stmt::Let {
            bindings,
            is_async: false,
            is_lazy: false,
        };
        self.stmt(stmt, range)
    }

    pub(super) fn plain_name(&mut self, name: &str, range: TextRange) -> ExprId {
        let name = Expr::Name {
            name: Name::new(name),
            labels: None,
            args: Vec::new(),
        };
        self.expr(name, range)
    }

    /// `_x.wrappedValue`, through every wrapper.
    fn wrapped_place(&mut self, name: Name, members: &[&str], range: TextRange) -> ExprId {
        let mut place = self.plain_name(storage_name(name).as_str(), range);
        for member in members {
            let member = Expr::Member {
                base: Some(place),
                name: Name::new(member),
                labels: None,
                args: Vec::new(),
            };
            place = self.expr(member, range);
        }
        place
    }

    /// `Outer(wrappedValue: Inner(wrappedValue: value, args), args)`
    pub(super) fn wrap(
        &mut self,
        list: &[(Node<'_>, WrapperShape)],
        value: Option<ExprId>,
    ) -> ExprId {
        let mut inner = value;
        for (attr, _) in list.iter().rev() {
            let range = attr.text_range();
            let ty = attr.children().find(|n| is_type(n.kind()));
            let ty = match ty {
                Some(ty) => self.types.lower(&ty),
                None => self.types.alloc(TypeRef::Error, range),
            };
            let callee = self.expr(Expr::Type(ty), range);
            let mut args = Vec::new();
            if let Some(value) = inner {
                args.push(Arg {
                    label: Some(Name::new("wrappedValue")),
                    expr: value,
                });
            }
            if let Some(written) = kid(attr, ARGUMENT_LIST) {
                args.extend(self.arguments(&written));
            }
            let call = Expr::Call {
                callee,
                args,
                trailing: 0,
            };
            inner = Some(self.expr(call, range));
        }
        match inner {
            Some(value) => value,
            None => self.expr(Expr::Missing, TextRange::default()),
        }
    }

    /// A wrapped variable among statements. Says whether it was one.
    pub(super) fn wrapped_local(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) -> bool {
        let list = wrappers_of(self.db, self.owner, node);
        if list.is_empty() || has_token(node, LET_KW) {
            return false;
        }
        let Some((name, binding)) = wrapped_binding(node) else {
            return false;
        };
        let value = self.written_value(&binding);
        let wrapped = self.wrap(&list, value);
        let settable = list.iter().all(|(_, shape)| shape.settable);
        let range = node.text_range();
        let Some(&(_, outer)) = list.first() else {
            return false;
        };
        self.wrap_names(name, list.len(), outer, settable, wrapped, range, out);
        true
    }

    /// The storage and the accessed variables of a wrapped local or parameter.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn wrap_names(
        &mut self,
        name: Name,
        count: usize,
        outer: WrapperShape,
        settable: bool,
        wrapped: ExprId,
        range: TextRange,
        out: &mut Vec<StmtId>,
    ) {
        let storage = storage_name(name);
        out.push(self.binding_stmt(storage, LocalKind::Var, wrapped, range));
        let members = vec!["wrappedValue"; count];
        let value = self.accessed(name, name, &members, settable, range);
        out.push(value);
        if outer.projects {
            let projection = projection_name(name);
            let settable = outer.projection_settable;
            let value = self.accessed(projection, name, &["projectedValue"], settable, range);
            out.push(value);
        }
    }

    pub(super) fn accessed(
        &mut self,
        name: Name,
        of: Name,
        members: &[&str],
        settable: bool,
        range: TextRange,
    ) -> StmtId {
        let local = self.local(name, LocalKind::Accessed, range);
        let var = self.local_def(DefKind::Var, name);
        let mut accessors = Vec::new();
        for kind in [AccessorKind::Get, AccessorKind::Set] {
            if kind == AccessorKind::Set && !settable {
                continue;
            }
            let mut params = Vec::new();
            let place = self.wrapped_place(of, members, range);
            let body = match kind {
                AccessorKind::Set => {
                    params.push(self.local(Name::new("newValue"), LocalKind::Param, range));
                    let value = self.plain_name("newValue", range);
                    let assign = Expr::Assign {
                        lhs: place,
                        rhs: value,
                    };
                    self.expr(assign, range)
                }
                _ => place,
            };
            let body = self.stmt(Stmt::Expr(body), range);
            let index = self.body.closure_count;
            self.body.closure_count += 1;
            accessors.push((
                kind,
                LocalFn {
                    def: DefId::new(self.db, Some(var), DefKind::Accessor(kind), name, 0),
                    name,
                    index,
                    func: FuncItem::plain(),
                    attrs: Vec::new(),
                    params,
                    defaults: Vec::new(),
                    body: Block { stmts: vec![body] },
                },
            ));
        }
        let stmt = Stmt::LocalAccessors {
            local,
            storage: None,
            ty: None,
            accessors,
        };
        self.stmt(stmt, range)
    }
}
