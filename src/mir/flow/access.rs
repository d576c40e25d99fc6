//! Exclusive access: while a call changes a variable in place, no other argument of the call may touch it.
//!
//! What local variables, parameters and tuples' and structures' stored parts are concerned is decided here; objects and globals are
//! checked where the program runs.

use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::items::tree::Modifiers;
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::mir::captures::Captures;
use crate::mir::facts::{Facts, VarKind};
use crate::mir::visit::{self, Part};
use crate::types::signature::ThisKind;

/// Reports calls whose arguments' accesses overlap.
pub(super) fn check(
    facts: Facts,
    def: DefId,
    body: &TypedBody,
    caps: &Captures,
    out: &mut Vec<AnchoredDiagnostic>,
) {
    let cx = Cx {
        facts,
        def,
        body,
        caps,
    };
    for expr in body.exprs.values() {
        let (this, args) = match &expr.kind {
            TExprKind::Call(call) => {
                let mutating = facts.signature(call.func).this == ThisKind::Inout
                    && !facts.in_class(call.func)
                    && !call.delegates;
                (call.this.filter(|_| mutating), call.params.as_slice())
            }
            TExprKind::CallValue { args, .. } => (None, args.as_slice()),
            _ => continue,
        };
        if let Some(found) = cx.call(this, args)
            && !out.contains(&found)
        {
            out.push(found);
        }
    }
}

/// A variable, or a stored part of one.
#[derive(Clone, PartialEq, Eq)]
struct Path {
    root: Root,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Local(TLocalId),
    Global(DefId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Field(DefId),
    Elem(u32),
}

impl Path {
    fn overlaps(&self, other: &Path) -> bool {
        self.root == other.root
            && self
                .steps
                .iter()
                .zip(&other.steps)
                .all(|(mine, theirs)| mine == theirs)
    }
}

struct Cx<'a> {
    facts: Facts<'a>,
    def: DefId,
    body: &'a TypedBody,
    caps: &'a Captures,
}

impl Cx<'_> {
    fn call(&self, this: Option<TExprId>, args: &[TArg]) -> Option<AnchoredDiagnostic> {
        let mut changed: Vec<(Path, ExprId, bool)> = Vec::new();
        let inout = args.iter().filter_map(|arg| match arg {
            TArg::Inout(place) => Some((*place, true)),
            _ => None,
        });
        for (place, named) in this.map(|place| (place, false)).into_iter().chain(inout) {
            let Some((path, src)) = self.path(place).zip(self.src(place)) else {
                continue;
            };
            if let Some((first, at, first_named)) =
                changed.iter().find(|(other, ..)| path.overlaps(other))
            {
                // Both are written as `&x`.
                if *first_named && named && *first == path {
                    let message = "inout arguments are not allowed to alias each other";
                    let here = Anchor::Expr(self.def, src);
                    let error = AnchoredDiagnostic::error("inout-alias", here, message);
                    let there = Anchor::Expr(self.def, *at);
                    return Some(error.note(Some(there), "previous aliasing argument"));
                }
                return self.overlap(first, *at, src);
            }
            changed.push((path, src, named));
        }
        if changed.is_empty() {
            return None;
        }
        for arg in args {
            let TArg::Value(value) = arg else { continue };
            let Some(n) = super::escape::closure_of(self.body, *value) else {
                continue;
            };
            if self.caps.escaping.contains(&n) {
                continue;
            }
            let mut found = None;
            self.closure(n, &mut |path, src| {
                if found.is_none()
                    && let Some((first, at, _)) = changed.iter().find(|c| c.0.overlaps(path))
                {
                    found = self.overlap(first, *at, src);
                }
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn overlap(&self, path: &Path, at: ExprId, other: ExprId) -> Option<AnchoredDiagnostic> {
        // A global may be changed by anything: only the running program knows.
        let Root::Local(local) = path.root else {
            return None;
        };
        let mut name = self.body.locals[local].name.to_string();
        for step in &path.steps {
            match step {
                Step::Field(var) => {
                    let field = self.facts.item(*var).map_or(Name::new("_"), |i| i.name);
                    name.push_str(&format!(".{field}"));
                }
                Step::Elem(n) => name.push_str(&format!(".{n}")),
            }
        }
        let message = format!(
            "overlapping accesses to '{name}', but modification requires exclusive access; consider copying to a local variable"
        );
        let error = AnchoredDiagnostic::error("exclusivity", Anchor::Expr(self.def, at), message);
        let other = Anchor::Expr(self.def, other);
        Some(error.note(Some(other), "conflicting access is here"))
    }

    fn src(&self, expr: TExprId) -> Option<ExprId> {
        self.body.exprs.get(expr).map(|e| e.src)
    }

    /// The variable or stored part that using a place accesses; none for what lies in objects or behind pointers.
    fn path(&self, place: TExprId) -> Option<Path> {
        // Outermost last.
        let mut steps = Vec::new();
        let mut at = place;
        let root = loop {
            match &self.body.exprs.get(at)?.kind {
                TExprKind::Local(local) => {
                    let kind = self.body.locals[*local].kind;
                    let stored = matches!(
                        kind,
                        TLocalKind::Var
                            | TLocalKind::Let
                            | TLocalKind::InoutParam
                            | TLocalKind::OwnedParam
                            | TLocalKind::Lazy
                    );
                    break stored.then_some(Root::Local(*local))?;
                }
                TExprKind::Static { var, .. } => break Root::Global(*var),
                TExprKind::Property { base, var, .. } => {
                    if self.facts.in_class(*var) || self.is_nonmutating(*var) {
                        return None;
                    }
                    match self.facts.var_kind(*var) {
                        VarKind::Stored => steps.push(Step::Field(*var)),
                        // An accessor takes the whole value.
                        _ => steps.clear(),
                    }
                    at = *base;
                }
                TExprKind::Subscript {
                    base, subscript, ..
                } => {
                    if self.facts.in_class(*subscript) || self.is_nonmutating(*subscript) {
                        return None;
                    }
                    steps.clear();
                    at = *base;
                }
                TExprKind::TupleElem { base, index } => {
                    steps.push(Step::Elem(*index));
                    at = *base;
                }
                TExprKind::ForceUnwrap { base, .. } | TExprKind::ChainLink(base) => {
                    steps.clear();
                    at = *base;
                }
                _ => return None,
            }
        };
        steps.reverse();
        Some(Path { root, steps })
    }

    /// Whether changing the member leaves the value that it belongs to as it is, as with pointers.
    fn is_nonmutating(&self, member: DefId) -> bool {
        let mods = |mods: &Modifiers| mods.is_nonmutating;
        let accessors = self.facts.accessor_items(member);
        accessors.iter().any(|accessor| mods(&accessor.mods))
    }

    /// The accesses that running a closure makes.
    fn closure(&self, n: u32, found: &mut dyn FnMut(&Path, ExprId)) {
        let Some(closure) = self.body.closures.get(n as usize).and_then(Option::as_ref) else {
            return;
        };
        let mut stack = vec![Part::Block(&closure.body)];
        while let Some(part) = stack.pop() {
            match part {
                Part::Block(block) => stack.extend(block.stmts.iter().map(Part::Stmt)),
                Part::Stmt(stmt) => visit::stmt_parts(stmt, &mut |part| stack.push(part)),
                Part::Pat(pat) => {
                    if let Some(pat) = self.body.pats.get(pat) {
                        visit::pat_parts(pat, &mut |part| stack.push(part));
                    }
                }
                Part::Declares(_) => {}
                Part::Expr(id) => {
                    let Some(expr) = self.body.exprs.get(id) else {
                        continue;
                    };
                    if let Some(path) = self.path(id) {
                        found(&path, expr.src);
                        continue;
                    }
                    if let TExprKind::Closure(inner) = &expr.kind
                        && let Some(inner) = self
                            .body
                            .closures
                            .get(*inner as usize)
                            .and_then(Option::as_ref)
                    {
                        stack.push(Part::Block(&inner.body));
                    }
                    visit::expr_parts(expr, &mut |part| stack.push(part));
                }
            }
        }
    }
}
