//! Functions and variables that must not outlive a call: non-escaping parameters are called or passed on as such, and closures that may
//! outlive their frame capture neither them nor `inout` parameters.

use crate::base::{FxHashMap, FxHashSet};
use crate::bodies::thir::*;
use crate::items::hir::{ExprId, LocalId};
use crate::items::ids::DefId;
use crate::items::{Anchor, AnchoredDiagnostic, FixPlace};
use crate::mir::captures::Captures;
use crate::mir::facts::Facts;
use crate::mir::visit::{self, Part};
use crate::types::generics::params_of;
use crate::types::ty::{Ty, TyKind};

/// Reports captures and uses that let something escape.
pub(super) fn check(
    facts: Facts,
    def: DefId,
    body: &TypedBody,
    caps: &Captures,
    out: &mut Vec<AnchoredDiagnostic>,
) {
    let bound = Bound::of(facts, body);
    captures(def, body, caps, &bound, out);
    if bound.locals.is_empty() {
        return;
    }
    let mut walk = Walk {
        bound: &bound,
        facts,
        def,
        body,
        out,
        reported: FxHashSet::default(),
    };
    walk.block(&body.root);
}

/// The parameters that hold functions which must not outlive the call.
struct Bound {
    locals: FxHashSet<TLocalId>,
}

impl Bound {
    fn of(facts: Facts, body: &TypedBody) -> Bound {
        let noescape = |local: &TLocalId| {
            let decl = &body.locals[*local];
            decl.kind == TLocalKind::Param && decl.ty.as_function().is_some_and(|f| !f.escaping)
        };
        let mut locals: FxHashSet<TLocalId> = body.locals.indices().filter(noescape).collect();
        if locals.is_empty() {
            return Bound { locals };
        }
        // What `withoutActuallyEscaping` gives its closure may be used like any function: the program promises what the checker
        // cannot see.
        for expr in body.exprs.values() {
            if let TExprKind::Call(call) = &expr.kind
                && lends(facts, call)
                && let Some(TArg::Value(closure)) = call.params.last()
                && let Some(n) = closure_of(body, *closure)
                && let Some(closure) = body.closures.get(n as usize).and_then(Option::as_ref)
            {
                closure.params.iter().for_each(|param| {
                    locals.remove(param);
                });
            }
        }
        Bound { locals }
    }

    fn contains(&self, local: TLocalId) -> bool {
        self.locals.contains(&local)
    }
}

/// A call of `withoutActuallyEscaping`.
fn lends(facts: Facts, call: &TCall) -> bool {
    facts.in_library(call.func)
        && facts
            .item(call.func)
            .is_some_and(|i| i.name == "withoutActuallyEscaping")
}

/// Where a variable of the body is declared; what the checker made has no place.
pub(super) fn declaration(def: DefId, body: &TypedBody, local: TLocalId) -> Option<Anchor> {
    let named = !body.locals[local].name.as_str().starts_with('$');
    named.then(|| Anchor::Local(def, LocalId::from_raw(local.raw())))
}

// Captures.

fn captures(
    def: DefId,
    body: &TypedBody,
    caps: &Captures,
    bound: &Bound,
    out: &mut Vec<AnchoredDiagnostic>,
) {
    if caps.escaping.is_empty() {
        return;
    }
    // A closure that is called where it stands does not escape, whatever its type says.
    let mut immediate: FxHashSet<u32> = FxHashSet::default();
    let mut places: FxHashMap<u32, ExprId> = FxHashMap::default();
    for expr in body.exprs.values() {
        match &expr.kind {
            TExprKind::Closure(n) => {
                places.insert(*n, expr.src);
            }
            TExprKind::CallValue { callee, .. } => {
                if let Some(n) = closure_of(body, *callee) {
                    immediate.insert(n);
                }
            }
            _ => {}
        }
    }
    let escapes = |n: u32| caps.escaping.contains(&n) && !immediate.contains(&n);
    let captured = |n: u32| caps.captured.get(&n).into_iter().flatten();
    for n in 0..body.closures.len() as u32 {
        let Some(closure) = body.closures[n as usize].as_ref().filter(|_| escapes(n)) else {
            continue;
        };
        // What the closure around captures has been said there.
        let outer = caps
            .parent
            .get(&n)
            .copied()
            .flatten()
            .filter(|&m| escapes(m));
        let repeated = |local| outer.is_some_and(|m| captured(m).any(|&l| l == local));
        for &local in captured(n) {
            if repeated(local) {
                continue;
            }
            let decl = &body.locals[local];
            let what = match decl.kind {
                TLocalKind::InoutParam if Some(local) == body.this => {
                    format!("mutating '{}' parameter", decl.name)
                }
                TLocalKind::InoutParam => format!("'inout' parameter '{}'", decl.name),
                _ if bound.contains(local) => format!("non-escaping parameter '{}'", decl.name),
                _ => continue,
            };
            let (subject, at) = match (closure.def, places.get(&n)) {
                (Some(function), _) => ("local function", Anchor::Name(function)),
                (None, Some(&place)) => ("closure", Anchor::Expr(def, place)),
                (None, None) => continue,
            };
            let message = format!("escaping {subject} captures {what}");
            let mut error = AnchoredDiagnostic::error("escaping-capture", at, message);
            if Some(local) != body.this
                && let Some(place) = declaration(def, body, local)
            {
                let what = match decl.kind {
                    TLocalKind::InoutParam => "is declared 'inout'",
                    _ => "is implicitly non-escaping",
                };
                error = error.note(Some(place), format!("parameter '{}' {what}", decl.name));
            }
            out.push(error);
        }
    }
}

/// The closure that an expression is, conversions aside.
pub(super) fn closure_of(body: &TypedBody, mut expr: TExprId) -> Option<u32> {
    loop {
        match &body.exprs.get(expr)?.kind {
            TExprKind::Closure(n) => return Some(*n),
            TExprKind::Convert {
                kind: Conversion::FunctionTrivial | Conversion::Identity,
                expr: inner,
            } => expr = *inner,
            _ => return None,
        }
    }
}

// Uses.

/// What is done with the value of an expression.
#[derive(Clone, Copy)]
enum Use {
    /// Called, or given to somebody who only calls it.
    Called,
    /// Passed as an argument of this type.
    Argument(Ty),
    Assigned,
    Kept,
}

struct Walk<'a, 'o> {
    facts: Facts<'a>,
    def: DefId,
    body: &'a TypedBody,
    out: &'o mut Vec<AnchoredDiagnostic>,
    bound: &'a Bound,
    reported: FxHashSet<ExprId>,
}

impl<'a> Walk<'a, '_> {
    fn block(&mut self, block: &'a TBlock) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a TStmt) {
        match stmt {
            TStmt::LocalFn { closure, .. } => self.closure(*closure),
            TStmt::LocalAccessors { accessors, .. } => {
                for (_, n) in accessors {
                    self.closure(*n);
                }
            }
            TStmt::Let {
                pat,
                init: Some(init),
                els,
            } => {
                // A constant that names the function is only another name for it.
                self.expr(*init, Use::Called);
                self.part(Part::Pat(*pat));
                if let Some(els) = els {
                    self.block(els);
                }
            }
            _ => visit::stmt_parts(stmt, &mut |part| self.part(part)),
        }
    }

    fn part(&mut self, part: Part<'a>) {
        match part {
            Part::Expr(expr) => self.expr(expr, Use::Kept),
            Part::Pat(pat) => {
                if let Some(pat) = self.body.pats.get(pat) {
                    visit::pat_parts(pat, &mut |part| self.part(part));
                }
            }
            Part::Block(block) => self.block(block),
            Part::Stmt(stmt) => self.stmt(stmt),
            Part::Declares(_) => {}
        }
    }

    fn closure(&mut self, n: u32) {
        let body = self.body;
        if let Some(closure) = body.closures.get(n as usize).and_then(Option::as_ref) {
            for (_, init) in &closure.captures {
                self.expr(*init, Use::Kept);
            }
            self.block(&closure.body);
        }
    }

    fn argument(&mut self, arg: &'a TArg, ty: Option<Ty>) {
        match (arg, ty) {
            (TArg::Value(expr), Some(ty)) => {
                let called = ty.as_function().is_some_and(|f| !f.escaping);
                self.expr(
                    *expr,
                    match called {
                        true => Use::Called,
                        false => Use::Argument(ty),
                    },
                );
            }
            _ => visit::arg_parts(arg, &mut |part| self.part(part)),
        }
    }

    fn expr(&mut self, id: TExprId, how: Use) {
        let body = self.body;
        let Some(expr) = body.exprs.get(id) else {
            return;
        };
        match &expr.kind {
            TExprKind::Local(local) => {
                if !matches!(how, Use::Called) && self.bound.contains(*local) {
                    self.report(*local, expr.src, how);
                }
            }
            TExprKind::Closure(n) => self.closure(*n),
            TExprKind::Convert {
                kind: Conversion::FunctionTrivial | Conversion::Function(_) | Conversion::Identity,
                expr: inner,
            } => self.expr(*inner, how),
            TExprKind::Convert {
                kind: Conversion::ToOptional,
                expr: inner,
            } if !matches!(how, Use::Called) => self.expr(*inner, how),
            TExprKind::DynamicType(inner) => self.expr(*inner, Use::Called),
            TExprKind::Assign { lhs, rhs } => {
                self.expr(*rhs, Use::Assigned);
                self.expr(*lhs, Use::Called);
            }
            TExprKind::CallValue { callee, args, .. } => {
                self.expr(*callee, Use::Called);
                let f = body.exprs.get(*callee).and_then(|c| c.ty.as_function());
                for (i, arg) in args.iter().enumerate() {
                    let ty = f.and_then(|f| f.params.get(i)).map(|p| p.ty);
                    self.argument(arg, ty);
                }
            }
            TExprKind::Call(call) => {
                if let Some(this) = call.this {
                    self.expr(this, Use::Kept);
                }
                let lends = lends(self.facts, call);
                let sig = self.facts.signature(call.func);
                for (i, arg) in call.params.iter().enumerate() {
                    match arg {
                        TArg::Value(expr) if lends => self.expr(*expr, Use::Called),
                        _ => self.argument(arg, sig.params.get(i).map(|p| p.ty)),
                    }
                }
            }
            _ => visit::expr_parts(expr, &mut |part| self.part(part)),
        }
    }

    fn report(&mut self, local: TLocalId, src: ExprId, how: Use) {
        if !self.reported.insert(src) {
            return;
        }
        let db = self.facts.db;
        let name = self.body.locals[local].name;
        let message = match how {
            Use::Argument(ty) => match ty.kind() {
                TyKind::Param { .. } => format!(
                    "converting non-escaping parameter '{name}' to generic parameter '{}' may allow it to escape",
                    crate::types::display_type(db, ty, false)
                ),
                _ => format!(
                    "passing non-escaping parameter '{name}' to function expecting an '@escaping' closure"
                ),
            },
            Use::Assigned => {
                format!("assigning non-escaping parameter '{name}' to an '@escaping' closure")
            }
            Use::Called | Use::Kept => format!(
                "using non-escaping parameter '{name}' in a context expecting an '@escaping' closure"
            ),
        };
        let at = Anchor::Expr(self.def, src);
        let mut error = AnchoredDiagnostic::error("escaping-parameter", at, message);
        if let Some(place) = declaration(self.def, self.body, local) {
            let note = format!("parameter '{name}' is implicitly non-escaping");
            error = error.note(Some(place), note);
        }
        // The declaration's own parameter can be made to escape.
        let index = self.body.params.iter().position(|&p| p == local);
        if let (Some(index), Some(item)) = (index, self.facts.item(self.def))
            && let Some(param) = params_of(item).get(index)
        {
            let ty = Anchor::ItemType(self.def, param.ty);
            error = error.fix(ty, FixPlace::Before, "@escaping ");
        }
        self.out.push(error);
    }
}
