//! Tour of `bodies`: checking of function bodies.
//!
//! * [`thir`]: the result, a typed tree in which everything implicit is explicit.
//! * [`check`]: the state of checking one body, its scopes; [`decl`]: small questions about declarations.
//! * [`generate`] and [`operators`]: expressions to constraints, with [`type_exprs`] and [`collections`]; [`solver`]: constraints to types and choices;
//!   [`build`]: the solved expression as a typed tree, with [`calls`], [`convert`], `c_functions`, [`literals`], [`keypaths`] and [`places`].
//! * [`closures`], `closure_build`, [`branches`]: expressions with statements inside; [`throws`]: what throws.
//! * [`stmts`], [`control`], [`loops`], [`functions`], `local_defaults`: statements; [`patterns`], [`exhaustive`]: patterns and what they cover;
//!   `opaque_results`: the types behind `some`; [`structure`]: mistakes that need no types to be seen.
//! * [`compiled`]: what importers of a module need to know from its bodies.
//! * [`report`]: failures in words; [`work`]: how much there was to do.
//!
//! A body is one query, [`check_body`]. Its value holds no positions: expressions are named by their ids in the body.

pub mod branches;
pub mod build;
pub mod builders;
mod c_functions;
pub mod calls;
pub mod casts;
pub mod check;
mod closure_build;
pub mod closures;
pub mod collections;
pub mod compiled;
pub mod control;
pub mod convert;
pub mod corrections;
pub mod decl;
pub mod desugar;
pub mod dynamic;
pub mod exhaustive;
pub mod existentials;
pub mod functions;
pub mod generate;
mod guarded;
pub mod keypaths;
pub mod literals;
mod local_defaults;
pub mod loops;
mod metatypes;
mod opaque_results;
pub mod operators;
pub mod patterns;
pub mod places;
pub mod report;
pub mod solver;
pub mod stmts;
pub mod structure;
pub mod thir;
pub mod throws;
pub mod type_exprs;
pub mod walk;
pub mod work;
pub mod wrappers;

#[cfg(test)]
mod tests;

use crate::base::FxHashMap;
use crate::db::{Db, SourceFile, Work};
use crate::items::hir::{ExprId, Stmt};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::tree::ItemKind;
use crate::items::{self, AnchoredDiagnostic};
use crate::types::hooks::Hooks;
use crate::types::lower::{NoHost, TypeHost, resolve_type};
use crate::types::signature::{ThisKind, signature, var_type};
use crate::types::ty::{Ty, TyKind};

use self::check::{Checker, FnCtx, FnKind};
use self::solver::Purpose;
use self::thir::*;
use self::work::SolverWork;

/// What checking a body found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    pub typed: TypedBody,
    pub diagnostics: Vec<AnchoredDiagnostic>,
    /// The types behind the `some` results of the body's owner and of the functions inside.
    pub opaque: FxHashMap<DefId, Vec<Option<Ty>>>,
    /// What the solver had to do, for `--time-passes`.
    pub work: SolverWork,
}

/// Checks the body of a function, initialiser, accessor, initial value, default value, raw value, or of a file's top level.
#[salsa::tracked(cycle_result = check_cycle)]
pub fn check_body(db: &dyn Db, def: DefId) -> Checked {
    db.count(Work::Check);
    if let Some(unit) = items::compiled::compiled_unit_of(db, def) {
        return compiled::compiled_body(db, unit, def);
    }
    let body = items::body(db, def);
    let mut checker = Checker::new(db, def, body);
    checker.diags.extend(body.diagnostics.iter().cloned());
    checker.diags.extend(structure::check(db, def, body));
    if !checker.diags.is_empty() {
        checker.out.has_errors = true;
    }
    check_root(&mut checker);
    let Checker {
        out,
        diags,
        opaque,
        work,
        ..
    } = checker;
    Checked {
        typed: out,
        diagnostics: diags,
        opaque,
        work,
    }
}

/// An initial value that needs its own type.
fn check_cycle(db: &dyn Db, _id: salsa::Id, def: DefId) -> Checked {
    let mut checked = Checked::default();
    checked.typed.has_errors = true;
    let name = def.name(db);
    checked.diagnostics.push(AnchoredDiagnostic::error(
        "circular-reference",
        items::Anchor::Name(def),
        format!("circular reference: the type of '{name}' depends on itself"),
    ));
    checked
}

/// The typed form of a body.
pub fn typed_body(db: &dyn Db, def: DefId) -> &TypedBody {
    &check_body(db, def).typed
}

/// What is wrong in a body.
pub fn body_diagnostics(db: &dyn Db, def: DefId) -> &[AnchoredDiagnostic] {
    &check_body(db, def).diagnostics
}

/// Makes inferred types known to the folder of types. To be called once, before any query.
pub fn register() {
    crate::types::hooks::register(Hooks {
        infer_binding: |db, binding| closed(check_body(db, binding).typed.result.0),
        infer_guarded: |db, var| closed(guarded::guarded_type(db, var)),
        opaque_underlying: |db, def, index| {
            let body = body_of_opaque(db, def)?;
            check_body(db, body)
                .opaque
                .get(&def)?
                .get(index as usize)
                .copied()
                .flatten()
                .map(closed)
        },
    });
}

/// A type as other bodies may see it: type variables mean something in their own body only, and are left in one that has errors.
fn closed(ty: Ty) -> Ty {
    if !ty.has_infer() {
        return ty;
    }
    ty.map(&mut |part| matches!(part.kind(), TyKind::Infer(_)).then(Ty::error))
}

/// The body whose returned value a `some` result comes from.
fn body_of_opaque(db: &dyn Db, def: DefId) -> Option<DefId> {
    match def.kind(db) {
        DefKind::Var | DefKind::Subscript => {
            let item = items::item(db, def)?;
            let accessors = match &item.kind {
                ItemKind::Var(var) => {
                    if let (true, Some(binding)) = (var.accessors.is_empty(), var.binding) {
                        return Some(binding);
                    }
                    &var.accessors
                }
                ItemKind::Subscript(s) => &s.accessors,
                _ => return None,
            };
            accessors
                .iter()
                .find(|a| matches!(a.kind, AccessorKind::Get | AccessorKind::Read))
                .map(|a| a.def)
        }
        // A local function is checked with the body around it.
        _ => items::enclosing_body(db, def),
    }
}

/// Every definition of a file that has a body of its own, those inside of bodies after the body.
pub fn bodies_of_file(db: &dyn Db, file: SourceFile) -> Vec<DefId> {
    let mut out = Vec::new();
    for &def in items::owners::body_owners(db, file) {
        add_owner(db, def, &mut out);
    }
    out
}

fn add_owner(db: &dyn Db, def: DefId, out: &mut Vec<DefId>) {
    out.push(def);
    for &local in items::owners::local_body_owners(db, def) {
        // A local function is checked with the body around it; its default values and the members of local types are not.
        if !items::is_local_function(db, local) {
            add_owner(db, local, out);
        }
    }
}

/// The diagnostics of every body of a file.
pub fn check_file(db: &dyn Db, file: SourceFile) -> Vec<AnchoredDiagnostic> {
    bodies_of_file(db, file)
        .into_iter()
        .flat_map(|def| body_diagnostics(db, def).iter().cloned())
        .collect()
}

fn ctx(result: Ty, throws: Option<Ty>, kind: FnKind) -> FnCtx {
    FnCtx {
        result,
        returned: false,
        throws,
        kind,
        labels: Vec::new(),
        no_return: None,
    }
}

fn check_root(c: &mut Checker<'_>) {
    let (db, def) = (c.db, c.def);
    match def.kind(db) {
        DefKind::Func
        | DefKind::Init
        | DefKind::Deinit
        | DefKind::WrapperInit
        | DefKind::Accessor(_) => check_function(c),
        DefKind::TopLevel => {
            let error = crate::types::lang::any_error(db);
            c.fns.push(ctx(Ty::unit(), Some(error), FnKind::TopLevel));
            let body = c.body;
            c.out.root = c.check_block_in_place(&body.root);
            c.out.result = Ty0(Ty::unit());
        }
        _ => check_value(c),
    }
}

fn declare_this(c: &mut Checker<'_>, this: ThisKind, kind: DefKind) {
    let (db, def) = (c.db, c.def);
    let Some(ty) = crate::types::declared_self_type(db, def) else {
        return;
    };
    let ty = c.norm(ty);
    let is_class = c.is_class(ty) && !matches!(ty.kind(), TyKind::Param { .. });
    let (ty, local) = match (this, kind) {
        (ThisKind::None, _) => return,
        (_, DefKind::Init) => (
            ty,
            Some(if is_class {
                TLocalKind::Param
            } else {
                TLocalKind::Var
            }),
        ),
        (ThisKind::Metatype, _) => {
            let dynamic = is_class || matches!(ty.kind(), TyKind::Param { .. });
            (Ty::metatype(ty), dynamic.then_some(TLocalKind::Param))
        }
        (ThisKind::Inout, _) => (ty, Some(TLocalKind::InoutParam)),
        (ThisKind::Owned, _) => (ty, Some(TLocalKind::OwnedParam)),
        (ThisKind::Borrow, _) => (ty, Some(TLocalKind::Param)),
    };
    c.this_ty = Some(ty);
    if let Some(kind) = local {
        let word = c.word("this");
        c.out.this = Some(c.temp(word, ty, kind));
    }
}

fn check_function(c: &mut Checker<'_>) {
    let (db, def) = (c.db, c.def);
    let sig = signature(db, def);
    let kind = def.kind(db);
    declare_this(c, sig.this, kind);
    c.push_scope(None);
    let body = c.body;
    c.out.params = c.declare_params(&body.params, sig);
    c.push_scope(None);
    let fn_kind = match kind {
        DefKind::Init => FnKind::Init,
        DefKind::Deinit => FnKind::Deinit,
        _ => FnKind::Function,
    };
    // A coroutine yields what its variable holds.
    let yields = matches!(
        kind,
        DefKind::Accessor(AccessorKind::Read | AccessorKind::Modify)
    );
    let result = if yields {
        match def.parent(db) {
            Some(parent) if parent.kind(db) == DefKind::Var => var_type(db, parent),
            Some(parent) => signature(db, parent).result,
            None => sig.result,
        }
    } else {
        sig.result
    };
    c.out.result = Ty0(result);
    c.fns.push(ctx(result, sig.throws, fn_kind));
    c.out.root = if yields {
        check_coroutine(c, result)
    } else {
        c.check_function_block(&body.root)
    };
}

/// A `_read` of one expression yields it.
fn check_coroutine(c: &mut Checker<'_>, result: Ty) -> TBlock {
    let body = c.body;
    if let Some((expr, _)) = c.single_expression(&body.root)
        && let [only] = &*body.root.stmts
        && matches!(body.stmts[*only], Stmt::Expr(_))
    {
        let typed = c.check_expr(expr, Some((result, Purpose::Return)));
        return TBlock {
            stmts: vec![TStmt::Yield(typed)],
        };
    }
    c.check_block_in_place(&body.root)
}

/// An initial value, default value or raw value: one expression.
fn check_value(c: &mut Checker<'_>) {
    let (db, def) = (c.db, c.def);
    let Some(expr) = root_expression(c) else {
        c.out.result = Ty0(declared_type(c).unwrap_or(Ty::error()));
        return;
    };
    c.fns.push(ctx(Ty::error(), None, FnKind::Value));
    // The initial value of a lazy property may use the value that it belongs to; global values run in place and may throw at the top level.
    if def.kind(db) == DefKind::Binding
        && let Some(item) = items::item(db, def)
        && let ItemKind::Binding(binding) = &item.kind
        && let Some(&var) = binding.vars.first()
        && let Some(var_item) = items::item(db, var)
    {
        let parent_is_type = var.parent(db).is_some_and(|p| decl::is_container(db, p));
        if var_item.mods.is_lazy && parent_is_type {
            declare_this(c, ThisKind::Inout, DefKind::Var);
        } else if !parent_is_type {
            let error = crate::types::lang::any_error(db);
            if let Some(f) = c.fns.last_mut() {
                f.throws = Some(error);
            }
        } else if let Some(ty) = crate::types::declared_self_type(db, def) {
            let is_static = var_item.mods.is_static || var_item.mods.is_class;
            if is_static {
                c.this_ty = Some(Ty::metatype(ty));
            }
        }
    }
    // `var s: Set = [1, 2]`: the value says what the annotation leaves out.
    let open = open_type(c);
    let declared = if open.is_some() {
        None
    } else {
        declared_type(c)
    };
    let typed = match open.or(declared) {
        Some(ty) => match c.own_opaque(ty) {
            Some(owner) => c.check_opaque_value(expr, ty, owner, Purpose::Initial),
            None => c.check_expr(expr, Some((ty, Purpose::Initial))),
        },
        None => c.check_expr(expr, None),
    };
    let result = declared.unwrap_or_else(|| c.ty_of(typed));
    check_shape(c, expr, result);
    c.out.result = Ty0(result);
    c.out.root = TBlock {
        stmts: vec![TStmt::Return(Some(typed))],
    };
}

/// Whether a value has the elements that its pattern names, and all its generic arguments are known.
fn check_shape(c: &mut Checker<'_>, expr: ExprId, ty: Ty) {
    if ty.is_error() || c.out.has_errors {
        return;
    }
    if let Some(name) = c.uninferred(ty) {
        let message = format!("generic parameter '{name}' could not be inferred");
        return c.error_at("not-inferred", expr, message);
    }
    let item = items::item(c.db, c.def);
    let Some(ItemKind::Binding(binding)) = item.map(|i| &i.kind) else {
        return;
    };
    if let Some(count) = binding.elements.map(|n| n as usize)
        && ty.as_tuple().is_none_or(|elems| elems.len() != count)
    {
        let message = c.tuple_mismatch(ty, count);
        c.error_at("pattern-tuple", expr, message);
    }
}

fn root_expression(c: &Checker<'_>) -> Option<ExprId> {
    let [only] = &*c.body.root.stmts else {
        return None;
    };
    match &c.body.stmts[*only] {
        Stmt::Expr(expr) | Stmt::Return(Some(expr)) => Some(*expr),
        _ => None,
    }
}

/// The annotation of a binding that leaves out generic arguments, with variables in their place.
fn open_type(c: &mut Checker<'_>) -> Option<Ty> {
    struct Open<'a> {
        table: &'a mut solver::table::Table,
        used: bool,
    }
    impl TypeHost for Open<'_> {
        fn fresh(&mut self) -> Option<Ty> {
            self.used = true;
            Some(self.table.fresh())
        }
    }
    let (db, def) = (c.db, c.def);
    let item = items::item(db, def)?;
    let ItemKind::Binding(binding) = &item.kind else {
        return None;
    };
    let mut host = Open {
        table: &mut c.table,
        used: false,
    };
    let (ty, _) = resolve_type(db, def, &item.types, binding.ty?, &mut host);
    host.used.then_some(ty)
}

/// The type that a value is declared to have.
fn declared_type(c: &Checker<'_>) -> Option<Ty> {
    let (db, def) = (c.db, c.def);
    match def.kind(db) {
        DefKind::Binding => {
            let item = items::item(db, def)?;
            let ItemKind::Binding(binding) = &item.kind else {
                return None;
            };
            if let [var] = &*binding.vars
                && let Some(ty) = crate::types::wrappers::wanted_storage(db, *var)
            {
                return Some(ty);
            }
            let ty = binding.ty?;
            let [var] = &*binding.vars else {
                return Some(resolve_type(db, def, &item.types, ty, &mut NoHost).0);
            };
            // The variable knows what `weak` and `T!` make of its type.
            Some(var_type(db, *var))
        }
        DefKind::DefaultArg => {
            let parent = def.parent(db)?;
            if let Some(crate::items::tree::WrapperRole::Storage { of, .. }) =
                crate::types::wrappers::wrapper_role(db, parent)
            {
                return Some(var_type(db, of));
            }
            let param = signature(db, parent).params.get(def.index(db) as usize)?;
            match param.ty.as_function() {
                Some(f) if param.autoclosure => Some(f.result),
                _ => Some(param.ty),
            }
        }
        DefKind::Case => crate::types::raw_type(db, def.parent(db)?),
        _ => None,
    }
}
