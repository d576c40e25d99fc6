//! Closures and branching expressions: parts of an expression with statements inside.
//!
//! A closure waits until the type that its context gives it is known. One that is a single expression then joins the system; one with
//! statements is checked statement by statement, in systems of their own that share the table of variables.

use std::rc::Rc;

use crate::bodies::check::{Checker, ClosureCtx, FnCtx, FnKind};
use crate::bodies::thir::*;
use crate::items::hir::{Block, Closure, Expr, ExprId, LocalId, LocalKind, Stmt};
use crate::items::tree::ThrowsRef;
use crate::types::lang::{self, optional_of, optional_payload};
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty, TyKind};

use super::solver::{Constraint, FailKind, Failure, Loc, Purpose, Rel, Step, Why, fail, wait};

/// A closure whose type is known.
#[derive(Clone, Debug)]
pub struct Opened {
    pub params: Vec<(LocalId, Ty)>,
    pub captures: Vec<(LocalId, TExprId)>,
    pub body: OpenedBody,
    /// The closure takes apart the one tuple that its type has as a parameter.
    pub spread: bool,
}

#[derive(Clone, Debug)]
pub enum OpenedBody {
    /// One expression, in the system of the closure.
    Single {
        expr: ExprId,
        result: Ty,
        value: bool,
    },
    Checked {
        block: TBlock,
    },
}

/// The scope around a closure, its explicit captures, its parameters, and whether a `weak this` is captured.
type EnteredClosure = (u32, Vec<(LocalId, TExprId)>, Vec<(LocalId, Ty)>, bool);

/// When a closure may be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// Its parameters' types are known.
    Known,
    /// It is one expression, and there is something to say about each of them.
    Single,
    /// It is one expression, which may say itself what they are.
    Open,
    /// Nothing else can be done.
    Forced,
}

impl<'db> Checker<'db> {
    pub(super) fn closure_of(&self, expr: ExprId) -> Option<&'db Closure> {
        let body = self.body;
        match &body.exprs[expr] {
            Expr::Closure(closure) => Some(closure),
            _ => None,
        }
    }

    fn closure_locals(&self, closure: &Closure) -> Vec<LocalId> {
        match &closure.params {
            Some(params) => params.iter().map(|p| p.local).collect(),
            None => closure.anonymous.clone(),
        }
    }

    pub fn step_closure(&mut self, expr: ExprId, ty: Ty) -> Step {
        let loc = Loc {
            expr,
            why: Why::Inner,
        };
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return wait(var);
        }
        if ty.is_error() {
            return Step::Solved;
        }
        let Some(closure) = self.closure_of(expr) else {
            return Step::Solved;
        };
        let Some(f) = ty.as_function() else {
            if let Some(payload) = optional_payload(self.db, ty) {
                return self.step_closure(expr, payload);
            }
            let own = self.written_closure_type(closure);
            return fail(FailKind::Mismatch(own, ty), loc);
        };
        let locals = self.closure_locals(closure);
        if f.params.len() == 1
            && locals.len() > 1
            && let Some(var) = self.table.as_var(self.table.shallow(f.params[0].ty))
        {
            // Whether the one parameter is a tuple has to be known first.
            return wait(var);
        }
        let spread = match self.closure_spread(ty, f, &locals, loc) {
            Ok(spread) => spread,
            Err(failure) => return Step::Failed(failure),
        };
        // Written types come first: they may decide generic parameters.
        if let Some(params) = &closure.params
            && !spread
        {
            for (param, formal) in params.iter().zip(f.params.iter()) {
                if let Some(written) = param.ty {
                    let written = self.written_type_once(written);
                    if let Step::Failed(_) = self.relate_sub(Rel::Equal, formal.ty, written, loc) {
                        return fail(
                            FailKind::Mismatch(self.table.resolve(formal.ty), written),
                            loc,
                        );
                    }
                }
            }
        }
        if let Some(result) = closure.result {
            let written = self.written_type_once(result);
            if let Step::Failed(f) = self.relate_sub(Rel::Convert, written, f.result, loc) {
                return Step::Failed(f);
            }
        }
        let mut vars = Default::default();
        for param in f.params.iter() {
            self.table.vars_in(param.ty, &mut vars);
        }
        if vars.is_empty() && self.is_single(expr, closure) {
            return self.open_single(expr, closure, f);
        }
        Step::Waiting(vars)
    }

    /// Whether a closure takes apart the one tuple that it is given; an error where it takes more or fewer parameters than there are.
    fn closure_spread(
        &self,
        ty: Ty,
        f: &FnTy,
        locals: &[LocalId],
        loc: Loc,
    ) -> Result<bool, Box<Failure>> {
        if locals.len() == f.params.len() {
            return Ok(false);
        }
        if let [only] = &*f.params {
            let only = self.table.shallow(only.ty);
            let elements = only.as_tuple().map(|elems| elems.len());
            if locals.len() > 1 && (only.is_error() || elements == Some(locals.len())) {
                return Ok(true);
            }
            // A parameter of type `()` need not be mentioned.
            if locals.is_empty() && only.is_unit() {
                return Ok(false);
            }
        }
        Err(Box::new(Failure {
            kind: FailKind::ClosureArity {
                ty,
                expected: f.params.len(),
                given: locals.len(),
            },
            loc,
        }))
    }

    /// A type written in a closure, without repeating its diagnostics when the closure is looked at again.
    fn written_type_once(&mut self, id: crate::items::tree::TypeRefId) -> Ty {
        let before = self.diags.len();
        let ty = self.written_type(id);
        if self.diags.len() > before {
            let new = self.diags.split_off(before);
            for d in new {
                if !self.diags.contains(&d) {
                    self.diags.push(d);
                }
            }
        }
        ty
    }

    /// A closure's type by itself.
    fn written_closure_type(&mut self, closure: &Closure) -> Ty {
        let params: Vec<FnParam> = match &closure.params {
            Some(params) => params
                .iter()
                .map(|p| FnParam {
                    ty: match p.ty {
                        Some(ty) => self.written_type_once(ty),
                        None => self.table.fresh(),
                    },
                    mode: if p.inout {
                        ParamMode::Inout
                    } else {
                        ParamMode::Borrow
                    },
                    variadic: p.variadic,
                    autoclosure: false,
                })
                .collect(),
            None => closure
                .anonymous
                .iter()
                .map(|_| FnParam {
                    ty: self.table.fresh(),
                    mode: ParamMode::Borrow,
                    variadic: false,
                    autoclosure: false,
                })
                .collect(),
        };
        let result = match closure.result {
            Some(ty) => self.written_type_once(ty),
            None => self.table.fresh(),
        };
        let throws = match closure.throws {
            ThrowsRef::No if self.block_throws(&closure.body) => Some(lang::any_error(self.db)),
            ThrowsRef::No => None,
            ThrowsRef::Typed(ty) => Some(self.written_type_once(ty)),
            _ => Some(lang::any_error(self.db)),
        };
        Ty::function(FnTy {
            params: params.into(),
            result,
            throws,
            is_async: closure.is_async,
            escaping: true,
            repr: FnRepr::Thick,
        })
    }

    /// Opens one closure that is ready.
    pub fn open_closure(&mut self, readiness: Readiness) -> Result<bool, Box<Failure>> {
        let ids: Vec<u32> = self
            .cs
            .waiting()
            .filter(|&id| matches!(self.cs.constraints[id as usize], Constraint::Closure { .. }))
            .collect();
        for id in ids {
            let Constraint::Closure { expr, ty } = self.cs.constraints[id as usize].clone() else {
                continue;
            };
            let Some(closure) = self.closure_of(expr) else {
                continue;
            };
            let ty = self.table.shallow(ty);
            if let Some(var) = self.table.as_var(ty) {
                // Without any context the closure's own signature is its type.
                if readiness == Readiness::Forced
                    || readiness == Readiness::Known
                        && self.annotated(closure)
                        && self.is_contextless(id, var)
                {
                    let own = self.written_closure_type(closure);
                    self.table.bind(var, own);
                    self.simplify()?;
                    return Ok(true);
                }
                continue;
            }
            let Some(f) = ty.as_function() else { continue };
            let mut vars = Default::default();
            for param in f.params.iter() {
                self.table.vars_in(param.ty, &mut vars);
            }
            let known = vars.is_empty();
            let single = self.is_single(expr, closure) && !self.is_branching_statement(closure, f);
            // Whether the one parameter is a tuple to take apart has to be known first.
            let apart = f.params.len() == 1
                && self.closure_locals(closure).len() > 1
                && self.table.as_var(f.params[0].ty).is_some();
            let go = match readiness {
                _ if apart && readiness != Readiness::Forced => false,
                Readiness::Known => known,
                Readiness::Single => self.is_plain(closure) && self.half_known(f, closure),
                // When there is no solution anyway, the types of its parameters are what is missing.
                Readiness::Open => {
                    self.cs.mode != super::solver::Mode::Diagnose && self.is_plain(closure)
                }
                Readiness::Forced => true,
            };
            if !go {
                continue;
            }
            // What stands inside of the parameters' types may be left to the body to find out.
            let partly = single && {
                for param in &f.params {
                    if let Some(var) = self.table.as_var(param.ty) {
                        self.settle_base(var);
                    }
                }
                f.params.iter().all(|p| self.table.as_var(p.ty).is_none())
            };
            if !known && !partly && readiness == Readiness::Forced {
                return Err(Box::new(Failure {
                    kind: FailKind::ClosureParameter,
                    loc: Loc {
                        expr,
                        why: Why::Inner,
                    },
                }));
            }
            self.cs.finish(id);
            let loc = Loc {
                expr,
                why: Why::Inner,
            };
            let locals = self.closure_locals(closure);
            let step = if let Err(failure) = self.closure_spread(ty, f, &locals, loc) {
                Step::Failed(failure)
            } else if single {
                self.open_single(expr, closure, f)
            } else {
                self.open_statements(expr, closure, f)
            };
            if let Step::Failed(failure) = step {
                if self.cs.mode != super::solver::Mode::Diagnose {
                    return Err(failure);
                }
                self.cs.failure.get_or_insert(*failure);
            }
            self.simplify()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a closure's body is one expression without statements inside, which would have to know their types.
    fn is_plain(&self, closure: &Closure) -> bool {
        self.single_expression(&closure.body).is_some_and(|(e, _)| {
            !matches!(
                self.body.exprs[e],
                Expr::If(_) | Expr::Switch(_) | Expr::Do(_)
            )
        })
    }

    /// Whether nothing but the closure's own constraint mentions its type.
    fn is_contextless(&self, own: u32, var: u32) -> bool {
        let mut vars = Default::default();
        for id in self.cs.waiting().filter(|&id| id != own) {
            self.vars_of(&self.cs.constraints[id as usize], &mut vars);
        }
        !vars.contains(&var)
    }

    /// Whether every parameter has a written type.
    fn annotated(&self, closure: &Closure) -> bool {
        match &closure.params {
            Some(params) => params.iter().all(|p| p.ty.is_some()),
            None => closure.anonymous.is_empty(),
        }
    }

    /// Whether unknown parameter types at least have bounds, such as a literal's.
    fn half_known(&self, f: &FnTy, _closure: &Closure) -> bool {
        let bounds = self.all_bounds();
        f.params.iter().all(|p| {
            let mut vars = Default::default();
            self.table.vars_in(p.ty, &mut vars);
            vars.iter().all(|v| {
                !self.table.literals(*v).is_empty()
                    || bounds.get(v).is_some_and(|b| {
                        !b.lower.is_empty()
                            || b.lower_vars
                                .iter()
                                .any(|l| !self.table.literals(*l).is_empty())
                    })
            })
        })
    }

    /// Declares a closure's captures and parameters in a new scope.
    fn enter_closure(&mut self, expr: ExprId, closure: &Closure, f: &FnTy) -> EnteredClosure {
        let saved = self.scope;
        if let Some(&scope) = self.scope_of.get(&expr) {
            self.scope = scope;
        }
        let mut captures = Vec::new();
        for capture in &closure.captures {
            let kind = self.body.locals[capture.local].kind;
            let known = self.body.locals[capture.local].name;
            let _ = known;
            let value = self.check_expr(capture.init, None);
            let mut ty = self.ty_of(value);
            let mut value = value;
            if kind == LocalKind::Weak && optional_payload(self.db, ty).is_none() && !ty.is_error()
            {
                ty = optional_of(self.db, ty);
                value = self.coerce(value, ty);
            }
            self.set_local(capture.local, ty);
            captures.push((capture.local, value));
        }
        self.push_scope(Some(expr));
        for capture in &closure.captures {
            let name = self.body.locals[capture.local].name;
            self.declare(name, super::check::Entity::Local(capture.local));
        }
        let locals = self.closure_locals(closure);
        let spread = f.params.len() == 1 && locals.len() > 1;
        let types: Vec<Ty> = if spread {
            self.table
                .shallow(f.params[0].ty)
                .as_tuple()
                .map(|t| t.iter().map(|e| e.ty).collect())
                .unwrap_or_default()
        } else {
            f.params
                .iter()
                .map(|p| {
                    if p.variadic {
                        lang::array_of(self.db, p.ty)
                    } else {
                        p.ty
                    }
                })
                .collect()
        };
        let mut params = Vec::new();
        for (i, local) in locals.iter().enumerate() {
            let ty = types.get(i).copied().unwrap_or(Ty::error());
            self.declare_local(*local, ty);
            // Keep the variable itself, so that what the body finds out reaches it.
            self.set_open_local(*local, ty);
            if let Some(param) = f.params.get(i)
                && param.mode == ParamMode::Inout
                && !spread
            {
                self.out.locals[TLocalId::from_raw(local.raw())].kind = TLocalKind::InoutParam;
            }
            params.push((*local, ty));
        }
        (saved, captures, params, spread)
    }

    /// Binds a closure's error type where the context leaves it open.
    fn settle_throws(&mut self, closure: &Closure, f: &FnTy, loc: Loc) -> Step {
        let throws = match closure.throws {
            ThrowsRef::No => self.block_throws(&closure.body),
            _ => true,
        };
        match f.throws {
            Some(error) => {
                if let Some(var) = self.table.as_var(error) {
                    let ty = if throws {
                        match closure.throws {
                            ThrowsRef::Typed(ty) => self.written_type_once(ty),
                            _ => lang::any_error(self.db),
                        }
                    } else {
                        lang::never_ty(self.db)
                    };
                    self.table.bind(var, ty);
                }
                Step::Solved
            }
            None if throws => {
                let own = Ty::function(FnTy {
                    throws: Some(lang::any_error(self.db)),
                    ..f.clone()
                });
                fail(FailKind::Mismatch(own, Ty::function(f.clone())), loc)
            }
            None => Step::Solved,
        }
    }

    fn open_single(&mut self, expr: ExprId, closure: &'db Closure, f: &'static FnTy) -> Step {
        let loc = Loc {
            expr,
            why: Why::Inner,
        };
        let Some((value, explicit)) = self.single_expression(&closure.body) else {
            return Step::Solved;
        };
        if let Step::Failed(failure) = self.settle_throws(closure, f, loc) {
            return Step::Failed(failure);
        }
        let expected = match closure.result {
            Some(written) => self.written_type_once(written),
            None => f.result,
        };
        // The value of a lone expression statement is dropped where nothing is expected.
        let drops = !explicit && self.table.shallow(expected).is_unit();
        if self.is_branching_statement(closure, f) {
            return self.open_statements(expr, closure, f);
        }
        let (saved, captures, params, spread) = self.enter_closure(expr, closure, f);
        // Statements inside of the expression are those of the closure.
        self.fns.push(FnCtx {
            result: expected,
            returned: true,
            throws: f.throws.map(|t| self.table.resolve(t)),
            kind: FnKind::Closure,
            labels: Vec::new(),
            no_return: None,
        });
        let escaping = f.escaping && !self.immediate.contains(&expr);
        self.closures.push(self.closure_ctx(closure, escaping));
        let effects = std::mem::take(&mut self.effects);
        let catching = std::mem::take(&mut self.catching);
        let ty = self.generate(value);
        self.catching = catching;
        self.effects = effects;
        self.closures.pop();
        self.fns.pop();
        let why = match explicit {
            true => Why::Context(Purpose::ClosureResult),
            false => Why::ClosureValue,
        };
        if !drops {
            self.require(Rel::Convert, ty, expected, value, why);
        }
        self.scope = saved;
        self.facts.closures.insert(
            expr,
            Rc::new(Opened {
                params,
                captures,
                body: OpenedBody::Single {
                    expr: value,
                    result: expected,
                    value: !drops,
                },
                spread,
            }),
        );
        Step::Solved
    }

    /// The body of a closure that goes through a result builder. What it makes decides the result's type where that is open.
    fn check_built_closure(
        &mut self,
        builder: Ty,
        expr: ExprId,
        closure: &'db Closure,
        expected: Ty,
    ) -> TBlock {
        let builder = self.known(builder);
        let expected = self.table.resolve(expected);
        let want = (!expected.has_infer()).then_some(expected);
        let mut block = self.check_built(builder, &closure.body, expr, want);
        if want.is_none()
            && let Some(TStmt::Return(Some(value))) = block.stmts.last()
        {
            let (value, ty) = (*value, self.ty_of(*value));
            let loc = Loc {
                expr,
                why: Why::Context(Purpose::ClosureResult),
            };
            if let Step::Failed(failure) = self.relate_sub(Rel::Convert, ty, expected, loc) {
                self.report(&failure);
            }
            // The variable may still become a supertype; the value converts to what it is now.
            let now = self.table.resolve(expected);
            let now = match self.table.as_var(now) {
                Some(var) => {
                    self.table.bind(var, ty);
                    ty
                }
                None => now,
            };
            if !now.has_infer() {
                let value = self.coerce(value, now);
                block.stmts.pop();
                block.stmts.push(TStmt::Return(Some(value)));
            }
        }
        block
    }

    /// Remembers that a closure goes through a result builder, unless it returns by itself.
    pub fn note_builder(&mut self, arg: ExprId, builder: Ty) {
        let expr = self.unparen(arg);
        if let Some(closure) = self.closure_of(expr)
            && !self.returns_explicitly(&closure.body)
        {
            self.facts.builders.insert(expr, builder);
        }
    }

    /// Whether a closure is one expression that joins the system around it.
    fn is_single(&self, expr: ExprId, closure: &Closure) -> bool {
        !self.facts.builders.contains_key(&expr) && self.single_expression(&closure.body).is_some()
    }

    /// Whether a closure consists of one `if`, `switch` or `do` and has no value: its branches are statements then, which need not agree in type.
    fn is_branching_statement(&self, closure: &Closure, f: &FnTy) -> bool {
        let Some((value, false)) = self.single_expression(&closure.body) else {
            return false;
        };
        closure.result.is_none()
            && self.table.shallow(f.result).is_unit()
            && matches!(
                self.body.exprs[value],
                Expr::If(_) | Expr::Switch(_) | Expr::Do(_)
            )
    }

    fn open_statements(&mut self, expr: ExprId, closure: &'db Closure, f: &'static FnTy) -> Step {
        let loc = Loc {
            expr,
            why: Why::Inner,
        };
        if let Step::Failed(failure) = self.settle_throws(closure, f, loc) {
            return Step::Failed(failure);
        }
        let errors = self.errors();
        let diags = self.diags.len();
        let expected = match closure.result {
            Some(written) => self.written_type_once(written),
            None => f.result,
        };
        // The first value that is returned tells the result where nothing else does. Where the others do not convert to its type, it is the one
        // that the context converts the result to.
        let second = match self.table.as_var(expected) {
            Some(var) => self.known_upper(var).map(|upper| (var, upper, self.mark())),
            None => None,
        };
        let mut opened = self.check_statements(expr, closure, f, expected);
        if self.errors() > errors
            && let Some((var, upper, start)) = second
            && self.second_tries > 0
        {
            self.second_tries -= 1;
            self.back(&start);
            self.table.bind(var, upper);
            opened = self.check_statements(expr, closure, f, expected);
        }
        self.cs.wake_all();
        if self.errors() > errors && self.cs.depth > 0 {
            // Another overload may do better.
            self.diags.truncate(diags);
            return fail(FailKind::Reported, loc);
        }
        self.facts.closures.insert(expr, Rc::new(opened));
        Step::Solved
    }

    /// Checks the statements of a closure that gives `expected`.
    fn check_statements(
        &mut self,
        expr: ExprId,
        closure: &'db Closure,
        f: &'static FnTy,
        expected: Ty,
    ) -> Opened {
        let (saved, captures, params, spread) = self.enter_closure(expr, closure, f);
        self.fns.push(FnCtx {
            result: expected,
            returned: false,
            throws: f.throws.map(|t| self.table.resolve(t)),
            kind: FnKind::Closure,
            labels: Vec::new(),
            no_return: None,
        });
        let escaping = f.escaping && !self.immediate.contains(&expr);
        self.closures.push(self.closure_ctx(closure, escaping));
        let effects = std::mem::take(&mut self.effects);
        let catching = std::mem::take(&mut self.catching);
        let block = match self.facts.builders.get(&expr).copied() {
            Some(builder) => self.check_built_closure(builder, expr, closure, expected),
            None => self.check_block_in_place(&closure.body),
        };
        self.catching = catching;
        self.effects = effects;
        self.closures.pop();
        let ctx = self.fns.pop();
        if let Some(var) = self.table.as_var(expected)
            && ctx.is_some_and(|c| !c.returned)
        {
            if self.ends_in_throw(&closure.body) {
                let never = lang::never_ty(self.db);
                let why = Why::Context(Purpose::NoReturn);
                self.require(Rel::Convert, never, expected, expr, why);
            } else {
                self.table.bind(var, Ty::unit());
            }
        }
        self.scope = saved;
        Opened {
            params,
            captures,
            body: OpenedBody::Checked { block },
            spread,
        }
    }

    /// Whether a block's last statement throws, so that its end is not reached.
    fn ends_in_throw(&self, block: &Block) -> bool {
        block
            .stmts
            .last()
            .is_some_and(|&last| matches!(self.body.stmts[last], Stmt::Throw(_)))
    }

    pub fn closure_ctx(&self, closure: &Closure, escaping: bool) -> ClosureCtx {
        let names_this = closure.captures.iter().any(|c| {
            let name = self.body.locals[c.local].name;
            name == "this" || name == "self"
        });
        ClosureCtx {
            escaping,
            names_this,
        }
    }

    /// The types of everything that mentions a variable no more: see [`TyKind::Infer`].
    pub fn fully_known(&self, ty: Ty) -> bool {
        !self
            .table
            .resolve(ty)
            .any_part(&mut |t| matches!(t.kind(), TyKind::Infer(_)))
    }
}
