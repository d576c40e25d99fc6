//! Result builders: the statements of a function or closure become calls of the builder's static methods.
//!
//! Each statement is checked by itself, in order, and its value kept in a local; the calls that combine values are small systems of their
//! own (see [`super::desugar`]), in which the types of the values are known.

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::desugar::{SynthArg, SynthCall};
use crate::bodies::solver::{FailKind, Lookup};
use crate::bodies::thir::*;
use crate::db::Db;
use crate::items::hir::{
    Block, Condition, ElseBranch, Expr, ExprId, ForStmt, IfExpr, LocalFn, Stmt, StmtId, SwitchExpr,
};
use crate::items::ids::{DefId, DefKind};
use crate::items::item;
use crate::items::tree::{Attr, ItemKind, TypeRef};
use crate::types::lang::{array_of, optional_of};
use crate::types::lower::{NoHost, resolve_type};
use crate::types::ty::Ty;

/// The result builder among attributes.
fn builder_among(
    db: &dyn Db,
    scope: DefId,
    types: &crate::base::Arena<TypeRef>,
    attrs: &[Attr],
) -> Option<Ty> {
    attrs.iter().find_map(|attr| {
        // The compiler's own attributes are in lower case.
        if !attr
            .name
            .as_str()
            .starts_with(|c: char| c.is_uppercase() || c == '_')
        {
            return None;
        }
        let ty = resolve_type(db, scope, types, attr.ty?, &mut NoHost).0;
        let def = ty.nominal_def()?;
        let is_builder = item(db, def)?
            .attrs
            .iter()
            .any(|a| a.name == "resultBuilder" || a.name == "_functionBuilder");
        is_builder.then_some(ty)
    })
}

/// The builder that a function, or the variable or subscript of a getter, is declared with, or that the requirement which it implements is.
pub fn declared_builder(db: &dyn Db, def: DefId) -> Option<Ty> {
    let owner = match def.kind(db) {
        DefKind::Func => def,
        DefKind::Accessor(crate::items::AccessorKind::Get) => def.parent(db)?,
        _ => return None,
    };
    let data = item(db, owner)?;
    if !data.attrs.is_empty()
        && let Some(own) = builder_among(db, owner, &data.types, &data.attrs)
    {
        return Some(own);
    }
    requirement_builder(db, owner)
}

/// The builder of a protocol's requirement of the same name and shape that the type of a member conforms to.
fn requirement_builder(db: &dyn Db, member: DefId) -> Option<Ty> {
    let container = member.parent(db)?;
    let ty = crate::types::declared_self_type(db, container)?;
    let nominal = ty.nominal_def()?;
    if nominal.kind(db) == DefKind::Protocol {
        return None;
    }
    let mut protocols: Vec<DefId> = crate::types::conformance::conformance_table(db, nominal)
        .keys()
        .copied()
        .collect();
    protocols.sort_by_key(|p| p.name(db).as_str());
    for protocol in protocols {
        for &requirement in crate::types::protocol_requirements(db, protocol) {
            if requirement.kind(db) != member.kind(db) || requirement.name(db) != member.name(db) {
                continue;
            }
            let Some(data) = item(db, requirement) else {
                continue;
            };
            if data.attrs.is_empty() {
                continue;
            }
            if let Some(found) = builder_among(db, requirement, &data.types, &data.attrs) {
                return Some(found);
            }
        }
    }
    None
}

/// The builder of a function's parameter, for closures that are passed for it.
pub fn param_builder(db: &dyn Db, func: DefId, index: usize) -> Option<Ty> {
    let data = item(db, func)?;
    let params = match &data.kind {
        ItemKind::Func(f) => &f.params,
        ItemKind::Subscript(s) => &s.params,
        _ => return None,
    };
    let param = params.get(index)?;
    if param.attrs.is_empty() {
        return None;
    }
    builder_among(db, func, &data.types, &param.attrs)
}

/// One of the ways through a branching statement: its statements and the value at its end.
struct Branch {
    stmts: Vec<TStmt>,
    value: TExprId,
}

impl<'db> Checker<'db> {
    /// The builder of the function whose statements are being checked: the body's owner, or a local function.
    pub fn own_builder(&self) -> Option<Ty> {
        if self.fns.len() == 1 {
            return declared_builder(self.db, self.def);
        }
        let local = self.local_declaration(self.env)?;
        builder_among(self.db, self.def, &self.body.types, &local.attrs)
    }

    /// The builder of a parameter of a function, declared or local.
    pub fn builder_of_param(&self, func: DefId, index: usize) -> Option<Ty> {
        let Some(local) = self.local_declaration(func) else {
            return param_builder(self.db, func, index);
        };
        let attrs = &local.func.params.get(index)?.attrs;
        builder_among(self.db, self.def, &self.body.types, attrs)
    }

    fn local_declaration(&self, func: DefId) -> Option<&'db LocalFn> {
        crate::items::is_local_function(self.db, func)
            .then(|| self.local_fns.values().copied().find(|f| f.def == func))
            .flatten()
    }

    /// Whether a body is its author's own business: it returns explicitly.
    pub fn returns_explicitly(&self, block: &Block) -> bool {
        block.stmts.iter().any(|&s| match &self.body.stmts[s] {
            Stmt::Return(_) => true,
            Stmt::For(f) => self.returns_explicitly(&f.body),
            Stmt::Expr(e) => match &self.body.exprs[*e] {
                Expr::If(i) => self.if_returns(i),
                Expr::Switch(s) => s.cases.iter().any(|c| self.returns_explicitly(&c.body)),
                Expr::Do(d) => self.returns_explicitly(&d.body),
                _ => false,
            },
            _ => false,
        })
    }

    fn if_returns(&self, i: &IfExpr) -> bool {
        self.returns_explicitly(&i.then)
            || match &i.els {
                Some(ElseBranch::Block(b)) => self.returns_explicitly(b),
                Some(ElseBranch::If(e)) => match &self.body.exprs[*e] {
                    Expr::If(i) => self.if_returns(i),
                    _ => false,
                },
                None => false,
            }
    }

    /// Checks a body under a result builder: its statements, and a `return` of what the builder makes of them. With `want` the result has
    /// that type.
    pub fn check_built(
        &mut self,
        builder: Ty,
        block: &'db Block,
        at: ExprId,
        want: Option<Ty>,
    ) -> TBlock {
        // What the builder makes is the type behind an opaque result.
        let opaque = want.and_then(|result| Some((result, self.own_opaque(result)?)));
        let want = want.filter(|_| opaque.is_none());
        let finishes = self.builds(builder, "buildFinalResult");
        let inner = want.filter(|_| !finishes);
        let Branch { mut stmts, value } = self.build_statements(builder, block, at, inner);
        let value = match finishes {
            true => self.build_call_of(builder, "buildFinalResult", &[(None, value)], at, want),
            false => value,
        };
        let value = match want {
            Some(want) => self.coerce(value, want),
            None => value,
        };
        let value = match opaque {
            Some((result, owner)) => {
                let value = self.conceal(value, result, owner, at);
                self.check_bounds(at, owner);
                value
            }
            None => value,
        };
        if let Some(f) = self.fns.last_mut() {
            f.returned = true;
        }
        stmts.push(TStmt::Return(Some(value)));
        TBlock { stmts }
    }

    /// Whether the builder has a method of this name.
    fn builds(&self, builder: Ty, name: &str) -> bool {
        !crate::types::member_candidates(self.db, builder, Name::new(name), self.def).is_empty()
    }

    /// A call of one of the builder's methods with finished values.
    fn build_call_of(
        &mut self,
        builder: Ty,
        name: &str,
        args: &[(Option<&str>, TExprId)],
        at: ExprId,
        want: Option<Ty>,
    ) -> TExprId {
        let args: Vec<_> = args
            .iter()
            .map(|&(label, value)| (label.map(Name::new), SynthArg::Typed(value)))
            .collect();
        self.call_builder(builder, name, &args, at, want)
    }

    fn call_builder(
        &mut self,
        builder: Ty,
        name: &str,
        args: &[(Option<Name>, SynthArg)],
        at: ExprId,
        want: Option<Ty>,
    ) -> TExprId {
        if args
            .iter()
            .any(|(_, a)| matches!(a, SynthArg::Typed(e) if self.ty_of(*e).is_error()))
        {
            return self.error_expr(at, Ty::error());
        }
        self.synth_static_call(SynthCall {
            at,
            base: Ty::metatype(builder),
            name,
            how: Lookup::Explicit,
            args,
            want,
        })
    }

    /// Keeps a value in a local, so that it is made where its statement stands.
    fn keep(&mut self, value: TExprId, at: ExprId, stmts: &mut Vec<TStmt>) -> TExprId {
        let ty = self.ty_of(value);
        let local = self.temp("$part", ty, TLocalKind::Let);
        let pat = self.out.pats.alloc(TPat {
            kind: TPatKind::Bind(local),
            ty,
            src: Some(at),
        });
        stmts.push(TStmt::Let {
            pat,
            init: Some(value),
            els: None,
        });
        self.node(TExprKind::Local(local), ty, at)
    }

    fn build_statements(
        &mut self,
        builder: Ty,
        block: &'db Block,
        at: ExprId,
        want: Option<Ty>,
    ) -> Branch {
        let saved = self.push_scope(None);
        self.declare_functions(block);
        let mut stmts = Vec::new();
        let mut parts = Vec::new();
        for &stmt in &block.stmts {
            if let Some(value) = self.build_statement(builder, stmt, at, &mut stmts) {
                parts.push(value);
            }
        }
        self.scope = saved;
        let value = self.combine(builder, &parts, at, want, &mut stmts);
        Branch { stmts, value }
    }

    /// The values of a block as one.
    fn combine(
        &mut self,
        builder: Ty,
        parts: &[TExprId],
        at: ExprId,
        want: Option<Ty>,
        stmts: &mut Vec<TStmt>,
    ) -> TExprId {
        let partial = self.builds(builder, "buildPartialBlock");
        let whole = self.builds(builder, "buildBlock");
        if let Some((&first, rest)) = parts.split_first()
            && partial
        {
            let last = rest.len();
            let wanted = |n: usize| want.filter(|_| n == last);
            let name = "buildPartialBlock";
            let args = [(Some("first"), first)];
            let mut all = self.build_call_of(builder, name, &args, at, wanted(0));
            for (n, &next) in rest.iter().enumerate() {
                let accumulated = self.keep(all, at, stmts);
                let args = [(Some("accumulated"), accumulated), (Some("next"), next)];
                all = self.build_call_of(builder, name, &args, at, wanted(n + 1));
            }
            return all;
        }
        if !whole {
            self.control_flow_error(builder, at, "buildBlock");
            return self.error_expr(at, Ty::error());
        }
        let args: Vec<_> = parts.iter().map(|&p| (None, p)).collect();
        self.build_call_of(builder, "buildBlock", &args, at, want)
    }

    fn control_flow_error(&mut self, builder: Ty, at: ExprId, method: &str) {
        let shown = self.show(builder);
        self.error_at(
            "result-builder",
            at,
            format!(
                "closure containing control flow statement cannot be used with result builder '{shown}': it has no '{method}'"
            ),
        );
    }

    /// One statement: its value, if it has one.
    fn build_statement(
        &mut self,
        builder: Ty,
        stmt: StmtId,
        outer: ExprId,
        stmts: &mut Vec<TStmt>,
    ) -> Option<TExprId> {
        let body = self.body;
        match &body.stmts[stmt] {
            Stmt::Expr(e) => {
                let at = *e;
                let value = match &body.exprs[at] {
                    Expr::Assign { .. } => {
                        self.check_stmt(stmt, stmts);
                        return None;
                    }
                    Expr::If(i) => self.build_if(builder, at, i),
                    Expr::Switch(s) => self.build_switch(builder, at, s),
                    Expr::Do(d) if d.catches.is_empty() => {
                        let Branch {
                            stmts: inner,
                            value,
                        } = self.build_statements(builder, &d.body, at, None);
                        let ty = self.ty_of(value);
                        self.node(
                            TExprKind::Block {
                                stmts: inner,
                                value,
                            },
                            ty,
                            at,
                        )
                    }
                    _ if self.builds(builder, "buildExpression") => {
                        let args = [(None, SynthArg::Written(at))];
                        self.call_builder(builder, "buildExpression", &args, at, None)
                    }
                    _ => self.check_expr(at, None),
                };
                Some(self.keep(value, at, stmts))
            }
            Stmt::For(f) => Some(self.build_loop(builder, f, outer, stmts)),
            _ => {
                self.check_stmt(stmt, stmts);
                None
            }
        }
    }

    fn build_loop(
        &mut self,
        builder: Ty,
        f: &'db ForStmt,
        outer: ExprId,
        stmts: &mut Vec<TStmt>,
    ) -> TExprId {
        let at = f.sequence;
        if !self.builds(builder, "buildArray") {
            self.control_flow_error(builder, at, "buildArray");
            return self.error_expr(outer, Ty::error());
        }
        let mut list = None;
        let mut made = Vec::new();
        self.check_for_with(f, &mut made, |c| {
            let Branch { mut stmts, value } = c.build_statements(builder, &f.body, at, None);
            let ty = c.ty_of(value);
            let array = array_of(c.db, ty);
            let local = c.temp("$list", array, TLocalKind::Var);
            list = Some((local, array));
            if !ty.is_error() {
                let this = c.node(TExprKind::Local(local), array, at);
                let found = c.use_member(SynthCall {
                    at,
                    base: array,
                    name: "append",
                    how: Lookup::Explicit,
                    args: &[(None, SynthArg::Typed(value))],
                    want: None,
                });
                if let Ok(found) = found {
                    let call = c.declared_call(
                        at,
                        found.def,
                        found.args,
                        Some(this),
                        found.params,
                        found.result,
                        None,
                    );
                    stmts.push(TStmt::Expr(call));
                }
            }
            TBlock { stmts }
        });
        let Some((local, array)) = list else {
            return self.error_expr(at, Ty::error());
        };
        let empty = TExprKind::Array {
            elems: Vec::new(),
            init: None,
        };
        let empty = self.node(empty, array, at);
        let pat = self.out.pats.alloc(TPat {
            kind: TPatKind::Bind(local),
            ty: array,
            src: Some(at),
        });
        stmts.push(TStmt::Let {
            pat,
            init: Some(empty),
            els: None,
        });
        stmts.extend(made);
        let all = self.node(TExprKind::Local(local), array, at);
        let value = self.build_call_of(builder, "buildArray", &[(None, all)], at, None);
        self.keep(value, at, stmts)
    }

    fn build_if(&mut self, builder: Ty, at: ExprId, i: &'db IfExpr) -> TExprId {
        // The whole chain of `else if` is one choice.
        let body = self.body;
        let mut branches = Vec::new();
        let mut heads = Vec::new();
        let mut next = Some(i);
        let mut complete = false;
        while let Some(i) = next.take() {
            let saved = self.push_scope(None);
            let conditions = self.check_conditions(&i.conditions);
            let label = self.push_label(i.label, false, false);
            let mut branch = self.build_statements(builder, &i.then, at, None);
            self.pop_label();
            self.scope = saved;
            let limited = i
                .conditions
                .iter()
                .any(|c| matches!(c, Condition::Available(_)));
            if limited && self.builds(builder, "buildLimitedAvailability") {
                let args = [(None, branch.value)];
                let name = "buildLimitedAvailability";
                branch.value = self.build_call_of(builder, name, &args, at, None);
            }
            branches.push(branch);
            heads.push((label, conditions));
            match &i.els {
                None => {}
                Some(ElseBranch::Block(block)) => {
                    branches.push(self.build_statements(builder, block, at, None));
                    complete = true;
                }
                Some(ElseBranch::If(e)) => match &body.exprs[*e] {
                    Expr::If(inner) => next = Some(inner),
                    _ => complete = true,
                },
            }
        }
        let Some((mut arms, ty)) = self.choose(builder, at, branches, !complete) else {
            return self.error_expr(at, Ty::error());
        };
        let mut els = match complete {
            true => arms.pop().map(|stmts| TBlock { stmts }),
            false => {
                let inner = self.optional_missing(builder, at, ty);
                Some(TBlock {
                    stmts: vec![TStmt::Then(inner)],
                })
            }
        };
        while let (Some((label, conditions)), Some(stmts)) = (heads.pop(), arms.pop()) {
            let choice = TExprKind::If(Box::new(TIf {
                label,
                conditions,
                then: TBlock { stmts },
                els: els.take(),
            }));
            let node = self.node(choice, ty, at);
            if heads.is_empty() {
                return node;
            }
            els = Some(TBlock {
                stmts: vec![TStmt::Then(node)],
            });
        }
        self.error_expr(at, Ty::error())
    }

    /// What the builder makes of an `if` whose condition does not hold; the type is that of the other ways.
    fn optional_missing(&mut self, builder: Ty, at: ExprId, ty: Ty) -> TExprId {
        let payload = self.built_payload.take();
        let Some(payload) = payload else {
            return self.error_expr(at, ty);
        };
        let optional = optional_of(self.db, payload);
        let nil = self.node(TExprKind::NilOptional, optional, at);
        let name = self.optional_method(builder);
        let value = self.build_call_of(builder, name, &[(None, nil)], at, Some(ty));
        self.coerce(value, ty)
    }

    fn optional_method(&self, builder: Ty) -> &'static str {
        match self.builds(builder, "buildOptional") {
            true => "buildOptional",
            false => "buildIf",
        }
    }

    fn build_switch(&mut self, builder: Ty, at: ExprId, s: &'db SwitchExpr) -> TExprId {
        let subject = self.check_expr(s.subject, None);
        let ty = self.ty_of(subject);
        let label = self.push_label(s.label, false, true);
        let mut rows = Vec::new();
        let mut branches = Vec::new();
        for case in &s.cases {
            let saved = self.push_scope(None);
            let items = self.check_case_items(&case.items, ty);
            rows.push((items, case.is_default));
            branches.push(self.build_statements(builder, &case.body, at, None));
            self.scope = saved;
        }
        self.pop_label();
        self.check_exhaustive(at, ty, &rows);
        let Some((arms, ty)) = self.choose(builder, at, branches, false) else {
            return self.error_expr(at, Ty::error());
        };
        let cases = rows
            .into_iter()
            .zip(arms)
            .map(|((items, is_default), stmts)| TCase {
                items,
                is_default,
                body: TBlock { stmts },
            })
            .collect();
        self.node(
            TExprKind::Switch(Box::new(TSwitch {
                label,
                subject,
                cases,
            })),
            ty,
            at,
        )
    }

    /// Gives the ways through a branching statement one type: each value goes through `buildEither` along its path in a balanced tree, and
    /// where no way may be taken through `buildOptional`.
    fn choose(
        &mut self,
        builder: Ty,
        at: ExprId,
        branches: Vec<Branch>,
        optional: bool,
    ) -> Option<(Vec<Vec<TStmt>>, Ty)> {
        let n = branches.len();
        if branches.iter().any(|b| self.ty_of(b.value).is_error()) || n == 0 {
            return None;
        }
        if n > 1 && !self.builds(builder, "buildEither") {
            self.control_flow_error(builder, at, "buildEither(first:)");
            return None;
        }
        if optional && !self.builds(builder, self.optional_method(builder)) {
            self.control_flow_error(builder, at, "buildOptional");
            return None;
        }
        let leaves: Vec<Ty> = branches.iter().map(|b| self.ty_of(b.value)).collect();
        let mut paths: Vec<Vec<(&'static str, Ty)>> = vec![Vec::new(); n];
        let whole = self.either_tree(builder, at, &leaves, &mut paths)?;
        let mut result = whole;
        let mut arms = Vec::with_capacity(n);
        for (branch, path) in branches.into_iter().zip(paths) {
            let Branch { mut stmts, value } = branch;
            let mut value = value;
            for (label, ty) in path {
                let args = [(Some(label), value)];
                value = self.build_call_of(builder, "buildEither", &args, at, Some(ty));
                value = self.coerce(value, ty);
            }
            if optional {
                let some = self.coerce(value, optional_of(self.db, whole));
                let name = self.optional_method(builder);
                value = self.build_call_of(builder, name, &[(None, some)], at, None);
                result = self.ty_of(value);
            }
            stmts.push(TStmt::Then(value));
            arms.push(stmts);
        }
        self.built_payload = optional.then_some(whole);
        Some((arms, result))
    }

    /// The type of a tree over values of these types, whose left half is as full as it can be. Adds to each value's path, innermost first,
    /// the side that it takes and the type there.
    fn either_tree(
        &mut self,
        builder: Ty,
        at: ExprId,
        leaves: &[Ty],
        paths: &mut [Vec<(&'static str, Ty)>],
    ) -> Option<Ty> {
        if let [only] = leaves {
            return Some(*only);
        }
        let half = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(half);
        let (left_paths, right_paths) = paths.split_at_mut(half);
        let first = self.either_tree(builder, at, left, left_paths)?;
        let second = self.either_tree(builder, at, right, right_paths)?;
        let ty = self.either_type(builder, at, first, second)?;
        for path in left_paths {
            path.push(("first", ty));
        }
        for path in right_paths {
            path.push(("second", ty));
        }
        Some(ty)
    }

    /// The type that both `buildEither(first:)` and `buildEither(second:)` give for values of these types.
    fn either_type(&mut self, builder: Ty, at: ExprId, first: Ty, second: Ty) -> Option<Ty> {
        let args: Vec<_> = [("first", first), ("second", second)]
            .into_iter()
            .map(|(label, ty)| {
                let local = self.temp("$either", ty, TLocalKind::Let);
                let value = self.node(TExprKind::Local(local), ty, at);
                [(Some(Name::new(label)), SynthArg::Typed(value))]
            })
            .collect();
        let calls: Vec<_> = args
            .iter()
            .map(|args| SynthCall {
                at,
                base: Ty::metatype(builder),
                name: "buildEither",
                how: Lookup::Explicit,
                args,
                want: None,
            })
            .collect();
        match self.joined_type(&calls) {
            Ok(ty) => Some(ty),
            Err(failure) => {
                if !matches!(failure.kind, FailKind::Reported) {
                    self.report(&failure);
                }
                None
            }
        }
    }
}
