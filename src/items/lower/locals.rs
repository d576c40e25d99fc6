//! Declarations among statements.

use super::body::{BodyCx, is_let};
use super::decls::{DeclCx, is_decl};
use super::parts::*;
use super::patterns::{Binds, is_pattern};
use super::syntax::{kid, kids, name_of, name_tokens, tokens};
use crate::base::Name;
use crate::items::anchor::{Anchor, AnchoredDiagnostic, FixPlace};
use crate::items::hir::{Block, LocalBinding, LocalDefault, LocalFn, LocalKind, Stmt, StmtId};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::tree::*;
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

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
        self.reject_access(node);
        match node.kind() {
            VAR_DECL => self.local_vars(node, out),
            FN_DECL => {
                let function = self.local_fn(node);
                let stmt = self.stmt(Stmt::LocalFn(Box::new(function)), node.text_range());
                out.push(stmt);
            }
            kind if is_decl(kind) => {
                let mut cx = DeclCx::new(self.db, self.conditions);
                let counted = std::mem::take(&mut self.local_defs).into_iter();
                let key = |(kind, name)| (self.function, kind, name);
                cx.seen
                    .extend(counted.map(|(local, count)| (key(local), count)));
                let defs = cx.decl(node, self.function);
                let own = cx
                    .seen
                    .into_iter()
                    .filter(|(key, _)| key.0 == self.function);
                self.local_defs
                    .extend(own.map(|((_, kind, name), count)| ((kind, name), count)));
                self.body.items.items.extend(cx.tree.items);
                self.map.items.extend(cx.map);
                for def in defs {
                    self.body.items.top_level.push(def);
                    let stmt = self.stmt(Stmt::Item(def), node.text_range());
                    out.push(stmt);
                }
            }
            _ => {}
        }
    }

    /// Nothing outside of a body sees what it declares, so an access level says nothing there.
    fn reject_access(&mut self, node: &Node<'_>) {
        for list in kids(node, MODIFIER_LIST) {
            for modifier in kids(&list, MODIFIER) {
                let Some(word) = tokens(&modifier).next() else {
                    continue;
                };
                let level = matches!(
                    word.kind(),
                    PRIVATE_KW | FILEPRIVATE_KW | INTERNAL_KW | PACKAGE_KW | PUBLIC_KW | OPEN_KW
                );
                if level {
                    // The empty statement, which belongs to no block, is the modifier's place.
                    let place = self.stmt(Stmt::Missing, modifier.text_range());
                    let message = format!(
                        "attribute '{}' can only be used in a non-local scope",
                        word.text()
                    );
                    let anchor = Anchor::Stmt(self.owner, place);
                    let error = AnchoredDiagnostic::error("local-access", anchor, message);
                    self.body
                        .diagnostics
                        .push(error.fix(anchor, FixPlace::Replace, ""));
                }
            }
        }
    }

    fn global_bindings(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) {
        let Some(file) = self.owner.parent(self.db) else {
            return;
        };
        for binding in kids(node, PATTERN_BINDING) {
            let mut names = Vec::new();
            if let Some(pattern) = binding.children().find(|n| is_pattern(n.kind())) {
                bound_names(&pattern, &mut Vec::new(), &mut names);
            }
            let mut first = names.first().map_or(Name::new("_"), |n| n.0);
            if let Some((name, _)) = super::wrappers::wrapped_binding(node)
                && !super::wrappers::wrappers_of(self.db, self.owner, node).is_empty()
            {
                first = super::wrappers::storage_name(name);
            }
            // Counts like the file's own lowering does.
            let index = self.count_local(DefKind::Binding, first);
            let def = DefId::new(self.db, Some(file), DefKind::Binding, first, index);
            let stmt = self.stmt(Stmt::GlobalBinding(def), binding.text_range());
            out.push(stmt);
        }
    }

    fn local_vars(&mut self, node: &Node<'_>, out: &mut Vec<StmtId>) {
        if self.wrapped_local(node, out) {
            return;
        }
        let mods = modifiers(node);
        let binds = if is_let(node) { Binds::Let } else { Binds::Var };
        let is_async = kid(node, MODIFIER_LIST)
            .is_some_and(|list| list.text().split_whitespace().any(|w| w == "async"));
        let mut bindings = Vec::new();
        let nodes: Vec<_> = kids(node, PATTERN_BINDING).collect();
        for (binding, typed) in nodes.iter().zip(annotated_bindings(&nodes)) {
            let init = kid(binding, INITIALIZER).map(|init| self.expr_child(&init));
            if kid(binding, ACCESSOR_BLOCK).is_some() {
                self.accessed_local(binding, init, out);
                continue;
            }
            let mut pat = self.pattern_child(binding, binds);
            if kid(binding, TYPE_ANNOTATION).is_none() {
                let annotation = kid(&nodes[typed], TYPE_ANNOTATION);
                if let Some(ty) = annotation.map(|a| self.types.child(&a)) {
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

    pub(super) fn local_def(&mut self, kind: DefKind, name: Name) -> DefId {
        let index = self.count_local(kind, name);
        DefId::new(self.db, Some(self.function), kind, name, index)
    }

    /// The number of the next declaration of a kind and name.
    fn count_local(&mut self, kind: DefKind, name: Name) -> u32 {
        let count = self.local_defs.entry((kind, name)).or_default();
        let index = *count;
        *count += 1;
        index
    }

    fn local_fn(&mut self, node: &Node<'_>) -> LocalFn {
        let name = decl_name(node);
        let (mut func, defaults) = func_item(node, &mut self.types);
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
        let mut values = Vec::with_capacity(defaults.len());
        for (i, (param, default)) in func.params.iter_mut().zip(&defaults).enumerate() {
            values.push(default.as_ref().map(|value| {
                param.has_local_default = true;
                let index = self.body.closure_count;
                self.body.closure_count += 1;
                let kind = DefKind::DefaultArg;
                LocalDefault {
                    def: DefId::new(self.db, Some(def), kind, param.name, i as u32),
                    index,
                    value: self.expr_child(value),
                }
            }));
        }
        let (attrs, attr_ranges) = attributes(node, &mut self.types);
        let spans = spans(node, Vec::new(), attr_ranges);
        self.map.items.items.insert(def, spans);
        // `$0` inside belongs to closures inside.
        let saved = std::mem::take(&mut self.anonymous);
        let around = std::mem::replace(&mut self.function, def);
        let body = self.wrapped_body(node);
        self.function = around;
        self.anonymous = saved;
        LocalFn {
            def,
            name,
            index,
            func,
            attrs,
            params,
            defaults: values,
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
            VAR_DECL => self.wrapped_root(node),
            FN_DECL | INIT_DECL => self.wrapped_body(node),
            SOURCE_FILE => {
                self.at_top_level = true;
                self.statements(node)
            }
            _ => self.block(node),
        }
    }
}
