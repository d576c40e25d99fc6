//! Warnings about local variables: never used, never read, never changed.

use crate::base::{Dialect, FxHashSet};
use crate::bodies::thir::*;
use crate::items::hir::{Body, Condition, Expr, LocalId, LocalKind, Pat, PatId, Stmt, StmtId};
use crate::items::ids::DefId;
use crate::items::{Anchor, AnchoredDiagnostic, FixPlace};
use crate::mir::facts::Facts;
use crate::mir::visit::{self, Part};
use crate::types::signature::ThisKind;

/// Warns about the variables that the body declares.
pub(super) fn check(
    facts: Facts,
    def: DefId,
    typed: &TypedBody,
    out: &mut Vec<AnchoredDiagnostic>,
) {
    let body = crate::items::body(facts.db, def);
    let declared = declared(body);
    if declared.is_empty() {
        return;
    }
    let mut uses = Uses {
        facts,
        body: typed,
        read: FxHashSet::default(),
        written: FxHashSet::default(),
    };
    uses.block(&typed.root);
    let dialect = crate::items::file_of(facts.db, def).map(|f| f.dialect(facts.db));
    let constant = match dialect {
        Some(Dialect::Swift) => "let",
        _ => "immutable",
    };
    for (local, place) in declared {
        let id = TLocalId::from_raw(local.raw());
        let name = body.locals[local].name;
        if name.as_str().starts_with('$') || typed.locals[id].ty.is_error() {
            continue;
        }
        let is_var = body.locals[local].kind == LocalKind::Var;
        let (read, written) = (uses.read.contains(&id), uses.written.contains(&id));
        let at = Anchor::Local(def, local);
        let word = if is_var {
            "variable"
        } else {
            "immutable value"
        };
        let warning = match (read, written) {
            (false, false) => {
                let message = match place {
                    Place::Statement { value: true, .. } => format!(
                        "initialization of {word} '{name}' was never used; consider replacing with assignment to '_' or removing it"
                    ),
                    Place::Condition => format!(
                        "value '{name}' was defined but never used; consider replacing with boolean test"
                    ),
                    _ => format!(
                        "{word} '{name}' was never used; consider replacing with '_' or removing it"
                    ),
                };
                let warning = AnchoredDiagnostic::warning("unused-variable", at, message);
                match place {
                    Place::Condition => warning,
                    _ => warning.fix(at, FixPlace::Replace, "_"),
                }
            }
            (false, true) if is_var => {
                let message = format!("variable '{name}' was written to, but never read");
                AnchoredDiagnostic::warning("unread-variable", at, message)
            }
            (true, false) if is_var => match place {
                Place::Statement { value: false, .. } => continue,
                Place::Statement { stmt, only, .. } => {
                    let message = format!(
                        "variable '{name}' was never mutated; consider changing to '{constant}' constant"
                    );
                    let warning = AnchoredDiagnostic::warning("unmutated-variable", at, message);
                    match only {
                        true => {
                            warning.fix(Anchor::Stmt(def, stmt), FixPlace::Word("var"), constant)
                        }
                        false => warning,
                    }
                }
                Place::Condition | Place::Pattern => {
                    let message = format!(
                        "variable '{name}' was never mutated; consider changing to '{constant}' constant"
                    );
                    AnchoredDiagnostic::warning("unmutated-variable", at, message)
                }
            },
            _ => continue,
        };
        out.push(warning);
    }
}

/// How a variable is declared.
#[derive(Clone, Copy)]
enum Place {
    /// By itself, with or without an initial value; whether the statement declares nothing else.
    Statement {
        stmt: StmtId,
        value: bool,
        only: bool,
    },
    /// By `if let` and the like.
    Condition,
    /// In a tuple, a case or a loop.
    Pattern,
}

/// The variables that warnings are about.
fn declared(body: &Body) -> Vec<(LocalId, Place)> {
    let mut found = Vec::new();
    let conditions = |conditions: &[Condition], found: &mut Vec<(LocalId, Place)>| {
        for condition in conditions {
            match condition {
                Condition::OptionalBinding { pat, .. } => {
                    let place = match simple(body, *pat) {
                        Some(_) => Place::Condition,
                        None => Place::Pattern,
                    };
                    bound(body, *pat, place, found);
                }
                Condition::Case { pat, .. } => bound(body, *pat, Place::Pattern, found),
                Condition::Expr(_) | Condition::Available(_) => {}
            }
        }
    };
    for (id, stmt) in body.stmts.iter() {
        match stmt {
            Stmt::Let {
                bindings, is_lazy, ..
            } if !is_lazy => {
                for binding in bindings {
                    let place = match simple(body, binding.pat) {
                        Some(_) => Place::Statement {
                            stmt: id,
                            value: binding.init.is_some(),
                            only: bindings.len() == 1,
                        },
                        None => Place::Pattern,
                    };
                    bound(body, binding.pat, place, &mut found);
                }
            }
            Stmt::Guard { conditions: c, .. } | Stmt::While { conditions: c, .. } => {
                conditions(c, &mut found)
            }
            Stmt::For(f) => bound(body, f.pat, Place::Pattern, &mut found),
            _ => {}
        }
    }
    for expr in body.exprs.values() {
        match expr {
            Expr::If(i) => conditions(&i.conditions, &mut found),
            // Alternatives bind the variables of the first pattern.
            Expr::Switch(s) => {
                for item in s.cases.iter().filter_map(|c| c.items.first()) {
                    bound(body, item.pat, Place::Pattern, &mut found);
                }
            }
            Expr::Do(d) => {
                for item in d.catches.iter().filter_map(|c| c.items.first()) {
                    bound(body, item.pat, Place::Pattern, &mut found);
                }
            }
            _ => {}
        }
    }
    // The storage of an observed variable is used by its accessors.
    let observed: FxHashSet<LocalId> = body
        .stmts
        .values()
        .filter_map(|stmt| match stmt {
            Stmt::LocalAccessors { storage, .. } => *storage,
            _ => None,
        })
        .collect();
    found.retain(|(local, _)| {
        matches!(body.locals[*local].kind, LocalKind::Let | LocalKind::Var)
            && !observed.contains(local)
    });
    found
}

fn simple(body: &Body, pat: PatId) -> Option<LocalId> {
    match &body.pats[pat] {
        Pat::Bind(local) => Some(*local),
        Pat::Typed(inner, _) => simple(body, *inner),
        _ => None,
    }
}

fn bound(body: &Body, pat: PatId, place: Place, out: &mut Vec<(LocalId, Place)>) {
    match &body.pats[pat] {
        Pat::Bind(local) => out.push((*local, place)),
        Pat::Tuple(elems) => elems.iter().for_each(|e| bound(body, e.1, place, out)),
        Pat::Case { args, .. } => {
            let args = args.iter().flatten();
            args.for_each(|a| bound(body, a.1, place, out));
        }
        Pat::Typed(inner, _) | Pat::Some(inner) | Pat::As(inner, _) => {
            bound(body, *inner, place, out)
        }
        Pat::Missing | Pat::Wild | Pat::Expr(_) | Pat::Is(_) => {}
    }
}

/// Finds which variables are read and which are changed after their declaration.
struct Uses<'a> {
    facts: Facts<'a>,
    body: &'a TypedBody,
    read: FxHashSet<TLocalId>,
    written: FxHashSet<TLocalId>,
}

impl<'a> Uses<'a> {
    fn block(&mut self, block: &'a TBlock) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a TStmt) {
        match stmt {
            TStmt::LocalFn { closure, .. } => self.closure(*closure),
            TStmt::LocalAccessors { accessors, .. } => {
                accessors.iter().for_each(|(_, n)| self.closure(*n));
            }
            TStmt::Yield(place) => self.place(*place, true),
            _ => visit::stmt_parts(stmt, &mut |part| self.part(part)),
        }
    }

    fn part(&mut self, part: Part<'a>) {
        match part {
            Part::Expr(expr) => self.expr(expr),
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
                self.expr(*init);
            }
            self.block(&closure.body);
        }
    }

    fn argument(&mut self, arg: &'a TArg) {
        match arg {
            TArg::Inout(place) => self.place(*place, true),
            _ => visit::arg_parts(arg, &mut |part| self.part(part)),
        }
    }

    /// A place that is changed; `reads` says whether its old value matters.
    fn place(&mut self, id: TExprId, reads: bool) {
        let body = self.body;
        let Some(expr) = body.exprs.get(id) else {
            return;
        };
        match &expr.kind {
            TExprKind::Local(local) => {
                self.written.insert(*local);
                if reads {
                    self.read.insert(*local);
                }
            }
            // Objects and what pointers point to change without their variable.
            TExprKind::Property { base, var, .. } => match self.by_reference(*base, *var) {
                true => self.expr(*base),
                // Changing a part is use enough, as elsewhere in the language.
                false => self.place(*base, true),
            },
            TExprKind::Subscript {
                base,
                subscript,
                indices,
                ..
            } => {
                match self.by_reference(*base, *subscript) {
                    true => self.expr(*base),
                    false => self.place(*base, true),
                }
                indices.iter().for_each(|index| self.argument(index));
            }
            TExprKind::TupleElem { base, .. } | TExprKind::ForceUnwrap { base, .. } => {
                self.place(*base, true)
            }
            TExprKind::ChainLink(base) | TExprKind::Chain { expr: base, .. } => {
                // Whether the chain goes on depends on the value.
                self.place(*base, true)
            }
            TExprKind::KeyPathAccess { base, key_path } => {
                self.place(*base, true);
                self.expr(*key_path);
            }
            TExprKind::Tuple(parts) => parts.iter().for_each(|&part| self.place(part, reads)),
            _ => self.expr(id),
        }
    }

    fn by_reference(&self, base: TExprId, member: DefId) -> bool {
        let class = self
            .body
            .exprs
            .get(base)
            .is_some_and(|base| self.facts.is_class_ref(base.ty));
        let accessors = self.facts.accessor_items(member);
        class || accessors.iter().any(|a| a.mods.is_nonmutating)
    }

    fn expr(&mut self, id: TExprId) {
        let body = self.body;
        let Some(expr) = body.exprs.get(id) else {
            return;
        };
        match &expr.kind {
            TExprKind::Local(local) => {
                self.read.insert(*local);
            }
            TExprKind::Closure(n) => self.closure(*n),
            TExprKind::Assign { lhs, rhs } => {
                self.expr(*rhs);
                self.place(*lhs, false);
            }
            TExprKind::InoutToPointer(place) => self.place(*place, true),
            TExprKind::Call(call) => {
                if let Some(this) = call.this {
                    let inout = self.facts.signature(call.func).this == ThisKind::Inout;
                    match inout {
                        true => self.place(this, true),
                        false => self.expr(this),
                    }
                }
                call.params.iter().for_each(|arg| self.argument(arg));
            }
            TExprKind::CallValue { callee, args, .. } => {
                self.expr(*callee);
                args.iter().for_each(|arg| self.argument(arg));
            }
            // A getter may change the value that it belongs to.
            TExprKind::Property { base, var, .. } if self.getter_mutates(*var) => {
                self.place(*base, true)
            }
            TExprKind::Subscript {
                base,
                subscript,
                indices,
                ..
            } if self.getter_mutates(*subscript) => {
                self.place(*base, true);
                indices.iter().for_each(|index| self.argument(index));
            }
            TExprKind::FunctionValue {
                func,
                this: Some(this),
                ..
            } if self.facts.signature(*func).this == ThisKind::Inout => self.place(*this, true),
            _ => visit::expr_parts(expr, &mut |part| self.part(part)),
        }
    }

    fn getter_mutates(&self, member: DefId) -> bool {
        use crate::items::ids::AccessorKind;
        let accessors = self.facts.accessor_items(member);
        let mutating = accessors
            .iter()
            .any(|a| a.kind == AccessorKind::Get && a.mods.is_mutating);
        mutating
            || self.facts.var_item(member).is_some() && {
                self.facts.var_kind(member) == crate::mir::facts::VarKind::Lazy
            }
    }
}
