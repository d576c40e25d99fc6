//! Which variables each closure captures, and how.
//!
//! Closures and local functions share the locals of the body that they stand in. One walk finds who declares and who uses each local; captures
//! then flow outwards through nested closures and, through local functions, from callee to user, until nothing changes.
//! A mutable variable captured by something that may outlive the frame lives in a heap box from its declaration on; all others are captured by
//! address, or by value where they cannot change.

use super::copyability::Copyability;
use super::data::CaptureMode;
use super::facts::{Facts, ShortCircuit};
use super::visit;
use crate::base::{FxHashMap, FxHashSet};
use crate::bodies::thir::*;
use crate::items::ids::DefId;

/// The closure context of some code: none is the body's own function.
pub(super) type Context = Option<u32>;

/// What closures of one body capture.
#[derive(Default, Debug)]
pub(super) struct Captures {
    /// By local: which closure declares it.
    pub owner: FxHashMap<TLocalId, Context>,
    /// By closure: the captured locals, in order; explicit captures come before these in the context.
    pub captured: FxHashMap<u32, Vec<TLocalId>>,
    /// Mutable variables that live in heap boxes.
    pub boxed: FxHashSet<TLocalId>,
    /// By closure: variables whose box it needs, for itself or to hand it on to a closure inside of it or a function that it calls.
    holds_box: FxHashMap<u32, FxHashSet<TLocalId>>,
    /// Captured by some closure other than by value, so that a call may change them.
    pub shared: FxHashSet<TLocalId>,
    /// Autoclosures that are lowered in place.
    pub inlined: FxHashSet<u32>,
    /// Locals that name local functions.
    pub local_fns: FxHashMap<TLocalId, u32>,
    pub fn_defs: FxHashMap<DefId, u32>,
    /// Locals with accessors: what observers watch, and the accessors.
    pub accessed: FxHashMap<TLocalId, (Option<TLocalId>, Vec<u32>)>,
    /// Closures that may outlive their frame.
    pub escaping: FxHashSet<u32>,
    /// By closure or conversion thunk: the closure around it.
    pub parent: FxHashMap<u32, Context>,
    /// Locals that `consume` ends.
    pub consumed: FxHashSet<TLocalId>,
}

struct Walk<'a> {
    facts: &'a Facts<'a>,
    body: &'a TypedBody,
    caps: Captures,
    context: Context,
    uses: FxHashMap<Context, FxHashSet<TLocalId>>,
    calls: FxHashMap<Context, FxHashSet<u32>>,
    children: FxHashMap<Context, FxHashSet<u32>>,
}

impl Captures {
    /// Analyses a whole body.
    pub fn of(facts: &Facts, types: &Copyability<'_>, body: &TypedBody) -> Captures {
        let mut walk = Walk {
            facts,
            body,
            caps: Captures::default(),
            context: None,
            uses: FxHashMap::default(),
            calls: FxHashMap::default(),
            children: FxHashMap::default(),
        };
        for &param in body.params.iter().chain(&body.this) {
            walk.caps.owner.insert(param, None);
        }
        for (n, closure) in body.closures.iter().enumerate() {
            if let Some(def) = closure.as_ref().and_then(|c| c.def) {
                walk.caps.fn_defs.insert(def, n as u32);
            }
        }
        walk.find_local_fns(&body.root);
        for closure in body.closures.iter().flatten() {
            walk.find_local_fns(&closure.body);
        }
        walk.block(&body.root);
        walk.finish(types)
    }

    /// How closure `n` holds a captured local.
    pub fn mode(&self, facts: &Facts, body: &TypedBody, n: u32, local: TLocalId) -> CaptureMode {
        let Some(decl) = body.locals.get(local) else {
            return CaptureMode::Value;
        };
        if self.holds_box.get(&n).is_some_and(|l| l.contains(&local)) {
            return CaptureMode::Box;
        }
        if !self.escaping.contains(&n) {
            // The frame outlives the closure: nothing needs to be kept alive for it.
            return match decl.kind {
                TLocalKind::Let | TLocalKind::Param if facts.trivial(decl.ty) => CaptureMode::Value,
                _ => CaptureMode::Address,
            };
        }
        match decl.kind {
            TLocalKind::Weak => CaptureMode::Weak,
            TLocalKind::Unowned => CaptureMode::Unowned,
            TLocalKind::InoutParam => CaptureMode::Address,
            _ => CaptureMode::Value,
        }
    }
}

impl<'a> Walk<'a> {
    /// Names of local functions are needed before the walk, because functions may be used above their declaration.
    fn find_local_fns(&mut self, block: &'a TBlock) {
        let caps = &mut self.caps;
        visit::each_stmt(self.body, block, &mut |stmt| {
            if let TStmt::LocalFn { local, closure } = stmt {
                caps.local_fns.insert(*local, *closure);
            }
            if let TStmt::LocalAccessors {
                local,
                storage,
                accessors,
            } = stmt
            {
                let accessors = accessors.iter().map(|(_, n)| *n).collect();
                caps.accessed.insert(*local, (*storage, accessors));
            }
        });
    }

    fn declare(&mut self, local: TLocalId) {
        self.caps.owner.insert(local, self.context);
    }
    fn block(&mut self, block: &'a TBlock) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }
    fn stmt(&mut self, stmt: &'a TStmt) {
        match stmt {
            TStmt::LocalFn { local, closure } => {
                self.declare(*local);
                self.closure(*closure);
                return;
            }
            TStmt::LocalAccessors {
                local, accessors, ..
            } => {
                self.declare(*local);
                for (_, n) in accessors {
                    self.closure(*n);
                }
                return;
            }
            TStmt::LazyLet { local, .. } => self.declare(*local),
            TStmt::For(f) => self.declare(f.iterator_local),
            _ => {}
        }
        visit::stmt_parts(stmt, &mut |part| self.part(part));
    }
    fn part(&mut self, part: visit::Part<'a>) {
        match part {
            visit::Part::Expr(e) => self.expr(e),
            visit::Part::Pat(p) => self.pat(p),
            visit::Part::Block(b) => self.block(b),
            visit::Part::Stmt(s) => self.stmt(s),
            visit::Part::Declares(l) => self.declare(l),
        }
    }
    fn pat(&mut self, pat: TPatId) {
        if let Some(data) = self.body.pats.get(pat) {
            visit::pat_parts(data, &mut |part| self.part(part));
        }
    }
    fn expr(&mut self, id: TExprId) {
        let Some(expr) = self.body.exprs.get(id) else {
            return;
        };
        match &expr.kind {
            TExprKind::Local(local) => {
                if let Some(&n) = self.caps.local_fns.get(local) {
                    // The function itself as a value: it may outlive the frame.
                    self.caps.escaping.insert(n);
                    self.call(n);
                } else if let Some((storage, accessors)) = self.caps.accessed.get(local).cloned() {
                    accessors.into_iter().for_each(|n| self.call(n));
                    if let Some(storage) = storage {
                        self.uses.entry(self.context).or_default().insert(storage);
                    }
                } else {
                    self.uses.entry(self.context).or_default().insert(*local);
                }
            }
            TExprKind::FunctionValue { func, this, .. } => {
                if let Some(&n) = self.caps.fn_defs.get(func) {
                    self.caps.escaping.insert(n);
                    self.call(n);
                }
                this.iter().for_each(|&t| self.expr(t));
            }
            TExprKind::Consume(inner) => {
                if let Some(TExprKind::Local(local)) = self.body.exprs.get(*inner).map(|e| &e.kind)
                {
                    self.caps.consumed.insert(*local);
                }
                self.expr(*inner);
            }
            TExprKind::CallValue { callee, args, .. } => {
                let direct = match self.body.exprs.get(*callee).map(|e| &e.kind) {
                    Some(TExprKind::Local(local)) => self.caps.local_fns.get(local).copied(),
                    _ => None,
                };
                match direct {
                    Some(n) => self.call(n),
                    None => self.expr(*callee),
                }
                for arg in args {
                    visit::arg_parts(arg, &mut |part| self.part(part));
                }
            }
            TExprKind::Call(call) => {
                if let Some(&n) = self.caps.fn_defs.get(&call.func) {
                    self.call(n);
                }
                if let Some((n, _, value)) = short_circuit(self.facts, self.body, call) {
                    self.caps.inlined.insert(n);
                    if let Some(TArg::Value(lhs)) = call.params.first() {
                        self.expr(*lhs);
                    }
                    self.expr(value);
                } else {
                    visit::expr_parts(expr, &mut |part| self.part(part));
                }
            }
            TExprKind::Closure(n) => self.closure(*n),
            TExprKind::Convert {
                kind: Conversion::Function(f),
                expr: inner,
            } => {
                self.expr(*inner);
                let saved = self.enter_thunk(id);
                f.params.iter().for_each(|&l| self.declare(l));
                self.declare(f.result);
                f.args.iter().for_each(|&e| self.expr(e));
                self.expr(f.convert);
                self.context = saved;
            }
            TExprKind::Convert {
                kind:
                    Conversion::Collection {
                        elem: local,
                        convert,
                    }
                    | Conversion::Dictionary {
                        pair: local,
                        convert,
                    },
                expr: inner,
            } => {
                self.expr(*inner);
                let saved = self.enter_thunk(id);
                self.declare(*local);
                self.expr(*convert);
                self.context = saved;
            }
            _ => visit::expr_parts(expr, &mut |part| self.part(part)),
        }
    }
    fn call(&mut self, n: u32) {
        self.calls.entry(self.context).or_default().insert(n);
    }
    /// Goes into the function that a conversion needs.
    fn enter_thunk(&mut self, conversion: TExprId) -> Context {
        let n = thunk_number(self.body, conversion);
        self.caps.parent.insert(n, self.context);
        self.context.replace(n)
    }
    fn closure(&mut self, n: u32) {
        let Some(closure) = self.body.closures.get(n as usize).and_then(Option::as_ref) else {
            return;
        };
        for (_, init) in &closure.captures {
            self.expr(*init);
        }
        self.children.entry(self.context).or_default().insert(n);
        self.caps.parent.insert(n, self.context);
        if closure.escaping && closure.def.is_none() {
            self.caps.escaping.insert(n);
        }
        let saved = self.context.replace(n);
        closure.params.iter().for_each(|&l| self.declare(l));
        closure.captures.iter().for_each(|(l, _)| self.declare(*l));
        self.block(&closure.body);
        self.context = saved;
    }

    fn finish(mut self, types: &Copyability<'_>) -> Captures {
        let count = self.body.closures.len() as u32;
        let mut sets: FxHashMap<u32, FxHashSet<TLocalId>> = FxHashMap::default();
        for n in 0..count {
            sets.insert(n, self.foreign(Some(n)));
        }
        self.flow_outwards(&mut sets);
        // What an escaping function calls escapes with it.
        loop {
            let mut changed = false;
            for (context, callees) in &self.calls {
                if context.is_some_and(|n| self.caps.escaping.contains(&n)) {
                    for &m in callees {
                        changed |= self.caps.escaping.insert(m);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        // What a capture list declares cannot be assigned to.
        let closures = self.body.closures.iter().flatten();
        let listed: FxHashSet<TLocalId> = closures
            .flat_map(|closure| closure.captures.iter().map(|(local, _)| *local))
            .collect();
        for n in 0..count {
            let mut list: Vec<TLocalId> = sets.remove(&n).into_iter().flatten().collect();
            list.sort();
            for &local in &list {
                let Some(decl) = self.body.locals.get(local) else {
                    continue;
                };
                // What cannot be copied into the context is shared like what may change.
                let mutable = match decl.kind {
                    TLocalKind::Var | TLocalKind::Lazy => true,
                    TLocalKind::Let => types.noncopyable(decl.ty),
                    TLocalKind::Weak => !listed.contains(&local),
                    _ => false,
                };
                if mutable && self.caps.escaping.contains(&n) {
                    self.caps.boxed.insert(local);
                }
                if !matches!(decl.kind, TLocalKind::Let | TLocalKind::Param) {
                    self.caps.shared.insert(local);
                }
            }
            self.caps.captured.insert(n, list);
        }
        let mut holds: FxHashMap<u32, FxHashSet<TLocalId>> = FxHashMap::default();
        for &n in &self.caps.escaping {
            let captured = self.caps.captured.get(&n).into_iter().flatten();
            let boxed = captured.filter(|l| self.caps.boxed.contains(l));
            holds.insert(n, boxed.copied().collect());
        }
        self.flow_outwards(&mut holds);
        self.caps.holds_box = holds;
        self.caps
    }

    /// What a nested closure or a called local function needs is needed by the closure around or the caller too, unless it is declared there.
    fn flow_outwards(&self, sets: &mut FxHashMap<u32, FxHashSet<TLocalId>>) {
        loop {
            let mut changed = false;
            for n in 0..self.body.closures.len() as u32 {
                let key = Some(n);
                let inner = self
                    .children
                    .get(&key)
                    .into_iter()
                    .chain(self.calls.get(&key))
                    .flatten();
                let mut more = Vec::new();
                for m in inner {
                    for &local in sets.get(m).into_iter().flatten() {
                        if self.caps.owner.get(&local) != Some(&key) {
                            more.push(local);
                        }
                    }
                }
                let set = sets.entry(n).or_default();
                for local in more {
                    changed |= set.insert(local);
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// The locals that a context uses directly and does not declare.
    fn foreign(&self, context: Context) -> FxHashSet<TLocalId> {
        let used = self.uses.get(&context).into_iter().flatten().copied();
        used.filter(|l| self.caps.owner.get(l) != Some(&context))
            .collect()
    }
}

/// The closure number of the function that an expression's conversion needs: numbers above the body's own closures.
pub(super) fn thunk_number(body: &TypedBody, expr: TExprId) -> u32 {
    body.closures.len() as u32 + expr.raw()
}

/// A call of the standard `&&`, `||` or `??` whose right side is a closure literal of one expression: lowered as control flow. Gives
/// the closure's number and its expression.
pub(super) fn short_circuit(
    facts: &Facts,
    body: &TypedBody,
    call: &TCall,
) -> Option<(u32, ShortCircuit, TExprId)> {
    let [TArg::Value(_), TArg::Value(rhs)] = call.params.as_slice() else {
        return None;
    };
    let mut rhs = *rhs;
    while let TExprKind::Convert {
        kind: Conversion::FunctionTrivial,
        expr,
    } = &body.exprs.get(rhs)?.kind
    {
        rhs = *expr;
    }
    let TExprKind::Closure(n) = body.exprs.get(rhs)?.kind else {
        return None;
    };
    let closure = body.closures.get(n as usize)?.as_ref()?;
    if !closure.params.is_empty() || !closure.captures.is_empty() {
        return None;
    }
    let [TStmt::Return(Some(value)) | TStmt::Expr(value) | TStmt::Then(value)] =
        closure.body.stmts.as_slice()
    else {
        return None;
    };
    Some((n, facts.short_circuit(call.func)?, *value))
}
