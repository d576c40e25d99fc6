//! The checker of one body: its state, its scopes, and the path from an expression to a typed one.

use std::rc::Rc;

use crate::base::{Dialect, FxHashMap, FxHashSet, Name};
use crate::bodies::decl;
use crate::bodies::thir::*;
use crate::bodies::throws::Catching;
use crate::bodies::work::SolverWork;
use crate::db::Db;
use crate::items::hir::{Body, Expr, ExprId, LocalFn, LocalId, LocalKind, Stmt};
use crate::items::ids::DefId;
use crate::items::tree::{TypeRef, TypeRefId};
use crate::items::{self, Anchor, AnchoredDiagnostic};
use crate::resolve::{self, Layer};
use crate::types::lower::{TypeHost, resolve_type};
use crate::types::ty::{Ty, TyKind, TyList};

use super::solver::table::Table;
use super::solver::{Base, Choice, Facts, Failure, Mode, Purpose, Rel, System, Target, Why};

/// What a name in a scope stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entity {
    Local(LocalId),
    /// A local function by its number.
    Fn(u32),
}

/// A lexical scope. Scopes form a tree, so that a closure can be checked after the scope around it has been left.
#[derive(Clone, Debug, Default)]
pub struct ScopeNode {
    pub parent: Option<u32>,
    pub names: Vec<(Name, Entity)>,
    /// The scope is the body of this closure.
    pub closure: Option<ExprId>,
}

/// The function, closure or local function around a statement.
#[derive(Clone, Debug)]
pub struct FnCtx {
    /// What `return` gives; a variable while it is being inferred.
    pub result: Ty,
    /// Some `return` had a value, or the body is one expression.
    pub returned: bool,
    /// The error type that leaving by `throw` may have; none when the function must not throw.
    pub throws: Option<Ty>,
    pub kind: FnKind,
    /// Enclosing breakable statements: label, number, whether it is a loop.
    pub labels: Vec<LabelCtx>,
    /// `return` is not possible: inside `defer`, or in a branch of an `if` expression.
    pub no_return: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FnKind {
    Function,
    Init,
    Closure,
    TopLevel,
    /// An initial or default value.
    Value,
    Deinit,
}

#[derive(Clone, Debug)]
pub struct LabelCtx {
    pub name: Option<Name>,
    pub id: LabelId,
    pub is_loop: bool,
    pub is_switch: bool,
    /// In the last case of a `switch`, where `fallthrough` has nowhere to go; none outside of cases.
    pub falls: Option<bool>,
}

/// Where errors that are thrown here go.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Inside `try`, `try?` or `try!`.
    pub covered: bool,
    /// Inside `try?` or `try!`, or a `do` whose clauses take everything: nothing gets out.
    pub caught: bool,
    /// Something threw, with these types.
    pub thrown: Vec<Ty>,
    /// A `try` covered something that throws.
    pub used: bool,
    pub awaits: bool,
}

/// A local with the types that it had, as the checker and as the typed body know them.
pub type LocalUndo = (LocalId, Option<Ty>, Ty);

/// Locals with the types that a solution gives them.
pub type LocalsDelta = Vec<LocalUndo>;

/// The state of checking one body; see the folder's page.
pub struct Checker<'db> {
    pub db: &'db dyn Db,
    /// The owner of the body.
    pub def: DefId,
    pub body: &'db Body,
    /// The declaration whose generic requirements hold here.
    pub env: DefId,
    pub module: DefId,
    pub dialect: Dialect,
    pub table: Table,
    pub cs: System,
    pub facts: Facts,
    pub out: TypedBody,
    pub diags: Vec<AnchoredDiagnostic>,
    pub scopes: Vec<ScopeNode>,
    pub scope: u32,
    pub local_types: Vec<Option<Ty>>,
    /// What setting the types of locals replaced, for searches that take it back.
    pub local_log: Vec<LocalUndo>,
    /// Locals declared `T!`.
    pub iuo: FxHashSet<LocalId>,
    pub local_fns: FxHashMap<u32, &'db LocalFn>,
    pub fns: Vec<FnCtx>,
    pub effects: Effects,
    /// The type of `this` as a value, or of its metatype in static members.
    pub this_ty: Option<Ty>,
    /// The expression of the system being solved.
    pub root_expr: ExprId,
    /// The scope at a closure, interpolation or branching expression.
    pub scope_of: FxHashMap<ExprId, u32>,
    /// The base variable of an implicit member.
    pub implicit: FxHashMap<ExprId, Ty>,
    /// What operands of an operator tree of literals are, all together.
    pub soft_hint: Option<super::solver::table::LiteralSet>,
    pub nesting: u32,
    pub next_label: LabelId,
    /// What the solver did so far.
    pub work: SolverWork,
    /// Closures being built: whether each may escape, and whether it captures `this` by name.
    pub closures: Vec<ClosureCtx>,
    /// Locals whose declaration follows, for messages about use before it.
    pub upcoming: Vec<Name>,
    /// The typed locals that stand for local functions.
    pub local_fn_ids: FxHashMap<u32, TLocalId>,
    /// Constants that are declared without a value.
    pub uninitialised: FxHashSet<TLocalId>,
    /// Checking a later pattern of a case, whose variables exist already.
    pub alternative: bool,
    /// The innermost `do` statement with clauses, inside the function.
    pub catching: Catching,
    /// The underlying types of the `some` results of the body's owner and of the functions inside.
    pub opaque: FxHashMap<DefId, Vec<Option<Ty>>>,
    /// While overloads are compared: literals bind generic parameters to their default types.
    pub literals_default: bool,
    /// Operands are being compared with an operator's parameters, not arguments.
    pub operands: bool,
    /// Generating the left side of an assignment.
    pub on_left: bool,
    /// Closures that are called where they stand: they do not escape.
    pub immediate: FxHashSet<ExprId>,
    /// The key of the pattern match being solved.
    pub pattern_keys: Option<ExprId>,
    /// Which declarations are as specialised as which others, as far as it was asked.
    pub specialised: FxHashMap<(DefId, DefId), bool>,
    /// The type that the last optional choice of a result builder wraps.
    pub built_payload: Option<Ty>,
    /// What unknown names were probably meant to be.
    pub suggestions: FxHashMap<Name, Option<Name>>,
    /// How many more closures may be gone through again with another result: those inside of each other multiply.
    pub second_tries: u32,
    /// In an initialiser: the storages of wrapped properties that have their value.
    pub wrapped_done: FxHashSet<DefId>,
}

#[derive(Clone, Copy, Debug)]
pub struct ClosureCtx {
    pub escaping: bool,
    pub names_this: bool,
}

impl<'db> Checker<'db> {
    pub fn new(db: &'db dyn Db, def: DefId, body: &'db Body) -> Checker<'db> {
        let dialect = items::file_of(db, def).map_or(Dialect::Codira, |f| f.dialect(db));
        let mut out = TypedBody::default();
        for local in body.locals.values() {
            out.locals.alloc(TLocal {
                name: local.name,
                ty: Ty::error(),
                kind: match local.kind {
                    LocalKind::Let => TLocalKind::Let,
                    LocalKind::Var => TLocalKind::Var,
                    LocalKind::Param => TLocalKind::Param,
                    LocalKind::InoutParam => TLocalKind::InoutParam,
                    LocalKind::Accessed => TLocalKind::Accessed,
                    LocalKind::Global(_) => TLocalKind::Let,
                    LocalKind::Weak => TLocalKind::Weak,
                    LocalKind::Unowned => TLocalKind::Unowned,
                },
            });
        }
        out.closures = vec![None; body.closure_count as usize];
        Checker {
            db,
            def,
            body,
            env: def,
            module: decl::module_of(db, def),
            dialect,
            table: Table::default(),
            cs: System::new(0),
            facts: Facts::default(),
            out,
            diags: Vec::new(),
            scopes: vec![ScopeNode::default()],
            scope: 0,
            local_types: vec![None; body.locals.len()],
            local_log: Vec::new(),
            iuo: FxHashSet::default(),
            local_fns: FxHashMap::default(),
            fns: Vec::new(),
            effects: Effects::default(),
            this_ty: None,
            root_expr: ExprId::from_raw(0),
            scope_of: FxHashMap::default(),
            implicit: FxHashMap::default(),
            soft_hint: None,
            nesting: 0,
            next_label: 0,
            work: SolverWork::default(),
            closures: Vec::new(),
            upcoming: Vec::new(),
            local_fn_ids: FxHashMap::default(),
            uninitialised: FxHashSet::default(),
            alternative: false,
            catching: Catching::default(),
            opaque: FxHashMap::default(),
            literals_default: true,
            operands: false,
            on_left: false,
            immediate: FxHashSet::default(),
            pattern_keys: None,
            specialised: FxHashMap::default(),
            suggestions: FxHashMap::default(),
            built_payload: None,
            second_tries: 100,
            wrapped_done: FxHashSet::default(),
        }
    }

    // Scopes.

    pub fn push_scope(&mut self, closure: Option<ExprId>) -> u32 {
        let saved = self.scope;
        self.scopes.push(ScopeNode {
            parent: Some(saved),
            names: Vec::new(),
            closure,
        });
        self.scope = self.scopes.len() as u32 - 1;
        saved
    }

    pub fn declare(&mut self, name: Name, entity: Entity) {
        self.scopes[self.scope as usize].names.push((name, entity));
    }

    pub fn declare_local(&mut self, local: LocalId, ty: Ty) {
        self.set_local(local, ty);
        let name = self.body.locals[local].name;
        self.declare(name, Entity::Local(local));
    }

    pub fn set_local(&mut self, local: LocalId, ty: Ty) {
        let ty = self.table.resolve(ty);
        self.log_local(local);
        self.local_types[local.index()] = Some(ty);
        self.out.locals[TLocalId::from_raw(local.raw())].ty = ty;
    }

    /// Gives a local the very type, with variables that are bound: what its uses find out reaches them.
    pub fn set_open_local(&mut self, local: LocalId, ty: Ty) {
        self.log_local(local);
        self.local_types[local.index()] = Some(ty);
    }

    fn log_local(&mut self, local: LocalId) {
        if self.nesting > 0 {
            let old = self.local_types[local.index()];
            let typed = self.out.locals[TLocalId::from_raw(local.raw())].ty;
            self.local_log.push((local, old, typed));
        }
    }

    /// Takes back what locals were given after the log had this length.
    pub fn roll_back_locals(&mut self, to: usize) {
        while self.local_log.len() > to {
            if let Some((local, old, typed)) = self.local_log.pop() {
                self.local_types[local.index()] = old;
                self.out.locals[TLocalId::from_raw(local.raw())].ty = typed;
            }
        }
    }

    /// What locals were given after the log had this length.
    pub fn locals_since(&self, from: usize) -> LocalsDelta {
        self.local_log
            .get(from..)
            .unwrap_or_default()
            .iter()
            .map(|&(local, ..)| {
                let typed = self.out.locals[TLocalId::from_raw(local.raw())].ty;
                (local, self.local_types[local.index()], typed)
            })
            .collect()
    }

    /// Gives locals again what was taken back.
    pub fn replay_locals(&mut self, delta: LocalsDelta) {
        for (local, ty, typed) in delta {
            self.log_local(local);
            self.local_types[local.index()] = ty;
            self.out.locals[TLocalId::from_raw(local.raw())].ty = typed;
        }
    }

    pub fn local_type(&self, local: LocalId) -> Ty {
        self.local_types[local.index()].unwrap_or(Ty::error())
    }

    /// All entities that a name may mean, from the innermost scope that has any: functions may be overloaded.
    pub fn lookup_local(&self, name: Name) -> Vec<Entity> {
        let mut at = Some(self.scope);
        while let Some(id) = at {
            let node = &self.scopes[id as usize];
            let mut found: Vec<Entity> = Vec::new();
            for (n, entity) in node.names.iter().rev() {
                if *n != name {
                    continue;
                }
                match entity {
                    Entity::Local(_) => {
                        if found.is_empty() {
                            found.push(*entity);
                        }
                        break;
                    }
                    Entity::Fn(_) => found.push(*entity),
                }
            }
            if !found.is_empty() {
                return found;
            }
            at = node.parent;
        }
        Vec::new()
    }

    pub fn local_fn(&self, index: u32) -> Option<DefId> {
        self.local_fns.get(&index).map(|f| f.def)
    }

    // Diagnostics.

    pub fn error(&mut self, code: &'static str, anchor: Anchor, message: impl Into<String>) {
        self.out.has_errors = true;
        self.diags
            .push(AnchoredDiagnostic::error(code, anchor, message));
    }

    pub fn error_at(&mut self, code: &'static str, expr: ExprId, message: impl Into<String>) {
        let anchor = Anchor::Expr(self.def, expr);
        self.error(code, anchor, message);
    }

    pub fn warning(&mut self, code: &'static str, anchor: Anchor, message: impl Into<String>) {
        self.diags
            .push(AnchoredDiagnostic::warning(code, anchor, message));
    }

    pub fn errors(&self) -> usize {
        self.diags
            .iter()
            .filter(|d| d.severity == crate::diag::Severity::Error)
            .count()
    }

    /// The keyword as the file spells it.
    pub fn word(&self, word: &'static str) -> &'static str {
        match (self.dialect, word) {
            (Dialect::Swift, "immutable") => "let",
            (Dialect::Swift, "this") => "self",
            (Dialect::Swift, "fn") => "func",
            _ => word,
        }
    }

    pub fn show(&self, ty: Ty) -> String {
        let ty = self.table.resolve(ty).map(&mut |t| match t.kind() {
            TyKind::Inout(t) => Some(*t),
            _ => None,
        });
        crate::types::display_type(self.db, ty, false)
    }

    // Types.

    /// A type written in the body.
    pub fn written_type(&mut self, id: TypeRefId) -> Ty {
        struct Host<'a> {
            table: &'a mut Table,
        }
        impl TypeHost for Host<'_> {
            fn fresh(&mut self) -> Option<Ty> {
                Some(self.table.fresh())
            }
            fn in_body(&self) -> bool {
                true
            }
        }
        let body = self.body;
        let mut host = Host {
            table: &mut self.table,
        };
        let (ty, diags) = resolve_type(self.db, self.env, &body.types, id, &mut host);
        for d in diags {
            self.out.has_errors = true;
            let anchor = Anchor::BodyType(self.def, id);
            self.diags.push(AnchoredDiagnostic {
                severity: d.severity,
                code: d.code,
                message: d.message,
                anchor,
                notes: Vec::new(),
                fixits: Vec::new(),
            });
        }
        ty
    }

    /// A generic parameter whose argument nothing has decided.
    pub fn uninferred(&self, ty: Ty) -> Option<Name> {
        let mut found = None;
        self.table.resolve(ty).any_part(&mut |part| {
            if let TyKind::Nominal { def, args } = part.kind() {
                let open = |a: Ty| a.is_error() || matches!(a.kind(), TyKind::Infer(_));
                let open = args.iter().position(open);
                let params = &crate::types::generics(self.db, *def).params;
                found = open.and_then(|n| params.get(n)).map(|p| p.name);
            }
            found.is_some()
        });
        found
    }

    pub fn is_iuo_ref(&self, id: TypeRefId) -> bool {
        matches!(self.body.types[id], TypeRef::ImplicitlyUnwrapped(_))
    }

    // Expressions.

    /// Checks an expression as one system. With a wanted type, the result has it.
    pub fn check_expr(&mut self, expr: ExprId, want: Option<(Ty, Purpose)>) -> TExprId {
        self.check_expr_with(expr, want, |_, _| {})
    }

    /// Checks an expression as one system, with further demands on its type.
    pub fn check_expr_with(
        &mut self,
        expr: ExprId,
        want: Option<(Ty, Purpose)>,
        demand: impl FnOnce(&mut Self, Ty),
    ) -> TExprId {
        let saved_cs = std::mem::replace(&mut self.cs, System::new(self.table.len()));
        let saved_facts = std::mem::take(&mut self.facts);
        let saved_root = std::mem::replace(&mut self.root_expr, expr);
        let saved_hint = self.soft_hint.take();
        self.nesting += 1;
        let ty = self.generate(expr);
        if let Some((want, purpose)) = want {
            self.require(Rel::Convert, ty, want, expr, Why::Context(purpose));
        }
        demand(self, ty);
        let result = self.solve_reporting();
        let typed = match result {
            Ok(()) => {
                let typed = self.build(expr);
                match want {
                    Some((want, _)) => {
                        let want = self.table.resolve(want);
                        self.coerce(typed, want)
                    }
                    None => typed,
                }
            }
            Err(()) => {
                let ty = match want {
                    Some((want, _)) => {
                        let want = self.table.resolve(want);
                        if want.has_infer() { Ty::error() } else { want }
                    }
                    None => Ty::error(),
                };
                self.error_expr(expr, ty)
            }
        };
        self.nesting -= 1;
        self.soft_hint = saved_hint;
        self.root_expr = saved_root;
        self.cs = saved_cs;
        self.facts = saved_facts;
        if self.nesting == 0 {
            self.table = Table::default();
            self.local_log.clear();
        }
        typed
    }

    /// Solves the current system and reports what is wrong.
    #[allow(clippy::result_unit_err, reason = "what is wrong has been reported")]
    pub fn solve_reporting(&mut self) -> Result<(), ()> {
        let before = self.diags.len();
        let result = self.solve();
        self.count_work();
        match result {
            Ok(()) => Ok(()),
            Err(failure) => {
                self.out.has_errors = true;
                let reported = self
                    .diags
                    .get(before..)
                    .unwrap_or_default()
                    .iter()
                    .any(|d| d.severity == crate::diag::Severity::Error);
                if !reported {
                    self.report(&failure);
                }
                Err(())
            }
        }
    }

    pub fn error_expr(&mut self, expr: ExprId, ty: Ty) -> TExprId {
        self.out.has_errors = true;
        self.node(TExprKind::Error, ty, expr)
    }

    pub fn node(&mut self, kind: TExprKind, ty: Ty, src: ExprId) -> TExprId {
        self.out.exprs.alloc(TExpr { kind, ty, src })
    }

    pub fn ty_of(&self, expr: TExprId) -> Ty {
        self.out.exprs[expr].ty
    }

    /// A new local of the typed body.
    pub fn temp(&mut self, name: &str, ty: Ty, kind: TLocalKind) -> TLocalId {
        self.out.locals.alloc(TLocal {
            name: Name::new(name),
            ty,
            kind,
        })
    }

    // Names.

    /// What an unqualified name may mean, in order of layers: the first layer that has a candidate wins.
    pub fn name_choices(&mut self, key: ExprId, name: Name) -> Vec<Choice> {
        let locals = self.lookup_local(name);
        if !locals.is_empty() {
            let mut out = Vec::new();
            for entity in locals {
                match entity {
                    Entity::Local(local) => {
                        out.push(Choice::plain(Target::Local(local)));
                        if self.iuo.contains(&local) {
                            out.push(Choice {
                                force: true,
                                ..Choice::plain(Target::Local(local))
                            });
                        }
                    }
                    Entity::Fn(index) => out.push(Choice::plain(Target::LocalFn(index))),
                }
            }
            return out;
        }
        let labels = self.written_labels(key);
        let args = match &self.body.exprs[key] {
            Expr::Name { args, .. } => args.clone(),
            _ => Vec::new(),
        };
        if name == "Self"
            && let Some(ty) = crate::types::declared_self_type(self.db, self.env)
        {
            // In a class the object or metatype that `this` is tells which class it is.
            let dynamic = self.out.this.is_some()
                && self.def.kind(self.db) != crate::items::ids::DefKind::Init
                && matches!(ty.kind(), TyKind::Nominal { .. })
                && self.is_class(ty);
            let ty = match dynamic {
                true => Ty::new(TyKind::DynamicSelf(ty)),
                false => ty,
            };
            return vec![Choice::plain(Target::Type(ty))];
        }
        if name == "Any" {
            return vec![Choice::plain(Target::Type(Ty::any()))];
        }
        let layers = resolve::lookup_value(self.db, self.env, name);
        let mut out: Vec<Choice> = Vec::new();
        // Overloaded methods that a global function may be meant instead of.
        let mut methods: Vec<Choice> = Vec::new();
        for layer in layers {
            match layer {
                Layer::Members { .. } | Layer::Type(_) if !methods.is_empty() => {}
                Layer::Members {
                    context, is_static, ..
                } => {
                    let Some(ty) = crate::types::declared_self_type(self.db, context) else {
                        continue;
                    };
                    let ty = self.norm(ty);
                    // An initial value has no instance yet.
                    let is_static = is_static
                        || self.this_ty.is_none()
                            && self.def.kind(self.db) == crate::items::ids::DefKind::Binding;
                    let base = if is_static { Ty::metatype(ty) } else { ty };
                    let mut found =
                        self.member_choices(key, base, name, super::solver::Lookup::Explicit);
                    if found.is_empty() && !is_static {
                        // Member types need no instance.
                        found = self.member_choices(
                            key,
                            Ty::metatype(ty),
                            name,
                            super::solver::Lookup::Explicit,
                        );
                        found.retain(|c| matches!(c.target, Target::Type(_)));
                    }
                    for choice in &mut found {
                        if let (Target::Decl(_), _) | (_, true) = (choice.target, args.is_empty()) {
                            continue;
                        }
                        if let Target::Type(t) = choice.target
                            && let Some(def) = t.nominal_def()
                        {
                            let outer = choice.outer;
                            choice.target = Target::Type(self.apply_type_args(def, outer, &args));
                        }
                    }
                    // Static members are not found from an instance member without their type, but types are.
                    for choice in &mut found {
                        choice.base = match choice.base {
                            Base::Value => Base::ImplicitThis,
                            Base::Type => Base::ImplicitType,
                            other => other,
                        };
                    }
                    found.retain(|c| c.base != Base::Unbound);
                    if found.len() > 1 {
                        self.drop_overridden(&mut found);
                    }
                    if !found.is_empty() && found.iter().all(|c| self.is_function(c)) {
                        methods = found;
                    } else if !found.is_empty() {
                        return found;
                    }
                }
                Layer::Type(def) => {
                    if labels.is_none() && methods.is_empty() {
                        let ty = self.named_type(def, &args);
                        return vec![Choice::plain(Target::Type(ty))];
                    }
                }
                Layer::Module(defs) | Layer::Imported(defs) => {
                    if out.is_empty() && methods.is_empty() && self.are_rival_types(&defs) {
                        // What follows is checked with the first of them.
                        self.error_at("ambiguous", key, format!("ambiguous use of '{name}'"));
                    }
                    // A module's own functions hide the library's only for the arguments that they take.
                    for def in defs {
                        if let Some(mut choice) = self.global_choice(def, &args) {
                            if out.iter().any(|c: &Choice| c.target == choice.target) {
                                continue;
                            }
                            if !matches!(choice.target, Target::Decl(d) if d.kind(self.db) == crate::items::ids::DefKind::Func)
                                && !out.is_empty()
                            {
                                continue;
                            }
                            // A type with labels names none of its initialisers.
                            if labels.is_some() && matches!(choice.target, Target::Type(_)) {
                                continue;
                            }
                            if let (Some(labels), Target::Decl(d)) = (&labels, choice.target) {
                                let sig = crate::types::signature(self.db, d);
                                if sig.params.len() != labels.len()
                                    || sig.params.iter().zip(labels).any(|(p, l)| p.label != *l)
                                {
                                    continue;
                                }
                            }
                            choice.rank = u8::from(decl::module_of(self.db, def) != self.module);
                            if decl::is_iuo(self.db, def) || decl::has_iuo_result(self.db, def) {
                                out.push(choice.clone());
                                choice.force = true;
                            }
                            out.push(choice);
                        }
                    }
                    let only_functions = out.iter().all(|c| self.is_function(c));
                    if !methods.is_empty() && !only_functions {
                        return methods;
                    }
                    if !out.is_empty() && !only_functions {
                        break;
                    }
                }
                Layer::ModuleName(def) => {
                    if out.is_empty() && methods.is_empty() {
                        return vec![Choice::plain(Target::Module(def))];
                    }
                }
            }
        }
        if !methods.is_empty() {
            // `max(a, b)` in an extension of a collection, which has methods of that name.
            out.retain(|c| self.is_function(c));
            out.iter_mut().for_each(|c| c.fallback = true);
            methods.append(&mut out);
            return methods;
        }
        if out.is_empty()
            && let Some(this) = self.this_ty
        {
            // Members that only the requirements of an extension give.
            out = self.member_choices(key, this, name, super::solver::Lookup::Explicit);
            out.retain(|c| matches!(c.base, Base::Value | Base::Type));
            for choice in &mut out {
                choice.base = match choice.base {
                    Base::Value => Base::ImplicitThis,
                    _ => Base::ImplicitType,
                };
            }
        }
        out
    }

    /// Whether more than one of the declarations is a type of another module: several modules have one of that name.
    fn are_rival_types(&self, defs: &[DefId]) -> bool {
        let is_own = |&def: &DefId| decl::module_of(self.db, def) == self.module;
        if defs.len() < 2 || defs.iter().any(is_own) {
            return false;
        }
        let types = defs
            .iter()
            .filter(|&&def| resolve::scope::is_type_decl(self.db, def));
        types.count() > 1
    }

    fn is_function(&self, choice: &Choice) -> bool {
        matches!(choice.target, Target::Decl(d) if d.kind(self.db) == crate::items::ids::DefKind::Func)
    }

    /// A declaration at the top level of a module as a choice.
    pub fn global_choice(&mut self, def: DefId, args: &[TypeRefId]) -> Option<Choice> {
        use crate::items::ids::DefKind;
        if decl::is_type(self.db, def) {
            let ty = self.named_type(def, args);
            return Some(Choice::plain(Target::Type(ty)));
        }
        matches!(def.kind(self.db), DefKind::Func | DefKind::Var)
            .then(|| Choice::plain(Target::Decl(def)))
    }

    /// A type that an expression names, with the generic arguments written there.
    pub fn named_type(&mut self, def: DefId, args: &[TypeRefId]) -> Ty {
        let outer = self.scope_args(def);
        self.apply_type_args(def, outer, args)
    }

    pub fn apply_type_args(&mut self, def: DefId, outer: TyList, args: &[TypeRefId]) -> Ty {
        if args.is_empty() {
            return self.type_of_decl(def, outer.as_slice());
        }
        let g = crate::types::generics(self.db, def);
        let mut all: Vec<Ty> = outer.as_slice().to_vec();
        all.truncate(g.parent_count as usize);
        for &arg in args {
            let ty = self.written_type(arg);
            all.push(ty);
        }
        while all.len() < g.params.len() {
            all.push(self.table.fresh());
        }
        if let Some(&first) = args.first()
            && all.len() > g.params.len()
        {
            let expected = g.params.len() - g.parent_count as usize;
            let name = def.name(self.db);
            let got = args.len();
            let message = format!(
                "generic type '{name}' specialized with too many type parameters (got {got}, but expected {expected})"
            );
            self.error(
                "generic-argument-count",
                Anchor::BodyType(self.def, first),
                message,
            );
        }
        all.truncate(g.params.len());
        if def.kind(self.db) == crate::items::ids::DefKind::TypeAlias {
            return decl::alias_target(self.db, def).subst(&all);
        }
        Ty::nominal(def, &all)
    }

    pub fn failure_is_reported(&self, failure: &Failure) -> bool {
        matches!(failure.kind, super::solver::FailKind::Reported) || self.cs.mode == Mode::Diagnose
    }

    /// The statement of a closure's body that is its value, when there is only one.
    pub fn single_expression(&self, block: &crate::items::hir::Block) -> Option<(ExprId, bool)> {
        let [only] = &*block.stmts else { return None };
        match &self.body.stmts[*only] {
            Stmt::Expr(expr) => match &self.body.exprs[*expr] {
                Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => {
                    self.is_value_branching(*expr).then_some((*expr, false))
                }
                Expr::Assign { .. } => None,
                _ => Some((*expr, false)),
            },
            Stmt::Return(Some(expr)) => Some((*expr, true)),
            _ => None,
        }
    }

    pub fn facts_choice(&self, key: ExprId) -> Option<Rc<super::solver::Resolved>> {
        self.facts.choices.get(&key).cloned()
    }
}
