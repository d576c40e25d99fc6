//! What can be seen to be wrong in a body without knowing a single type: names declared twice in one scope, labels that hide others,
//! branches of `if` and `switch` expressions that are no values, `await` where nothing may wait.
//!
//! Expressions are walked with an explicit stack, so that long operator chains do not use up the thread's; statements nest no deeper than
//! the parser lets them.

use crate::base::{FxHashMap, FxHashSet, Name};
use crate::db::Db;
use crate::items::hir::{
    Block, Body, CaseItemPat, Closure, Condition, ElseBranch, Expr, ExprId, LocalFn, LocalId,
    LocalKind, Pat, PatId, Stmt, StmtId,
};
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::ThrowsRef;
use crate::items::{Anchor, AnchoredDiagnostic, FixPlace};
use crate::types::signature::signature;

/// Finds the structural mistakes of a body.
pub fn check(db: &dyn Db, def: DefId, body: &Body) -> Vec<AnchoredDiagnostic> {
    let mut walk = Walk {
        db,
        def,
        body,
        out: Vec::new(),
        scopes: Vec::new(),
        context: Context::of(db, def),
    };
    if def.kind(db) == DefKind::Init {
        walk.delegation();
    }
    walk.scope(|walk| {
        for &param in &body.params {
            walk.local(param);
        }
        match def.kind(db) {
            DefKind::Func
            | DefKind::Init
            | DefKind::Deinit
            | DefKind::Accessor(_)
            | DefKind::TopLevel => walk.block(&body.root),
            // Initial values and the like are one expression, which is a value.
            _ => {
                for &stmt in &body.root.stmts {
                    match &body.stmts[stmt] {
                        Stmt::Expr(expr) => walk.expr(*expr),
                        _ => walk.stmt(stmt),
                    }
                }
            }
        }
    });
    walk.out
}

/// A declaration in a local scope.
#[derive(Clone, Copy)]
enum Declared {
    Local(LocalId),
    /// What a `guard` binds: whatever stood before it may have the name too, for it is another scope that reaches to the block's end.
    Guarded(LocalId),
    Fn(DefId),
    Type(DefId),
}

/// What the function, closure or local function around a statement allows.
#[derive(Clone, Default)]
struct Context {
    /// The function that `await` is not allowed in.
    synchronous: Option<DefId>,
    /// A function that may only pass on the errors of its arguments, outside of `do` statements that take errors.
    rethrows: bool,
    /// The statements around that `break` may leave, with their labels; true for loops and switches, which need no label.
    breakable: Vec<(Option<Name>, bool)>,
    /// Inside a branch of an expression: its keyword, and how many breakable statements were around it.
    value: Option<(&'static str, usize)>,
    /// The `switch` around: what the current case binds, and what the next one binds.
    switch: Option<(Vec<Name>, Vec<Name>)>,
}

impl Context {
    fn of(db: &dyn Db, def: DefId) -> Context {
        let synchronous = match def.kind(db) {
            DefKind::Func | DefKind::Init | DefKind::Accessor(_) => !signature(db, def).is_async,
            DefKind::Deinit => true,
            _ => false,
        };
        let function = matches!(def.kind(db), DefKind::Func | DefKind::Init);
        Context {
            synchronous: synchronous.then_some(def),
            rethrows: function && signature(db, def).rethrows,
            ..Context::default()
        }
    }
}

struct Walk<'a> {
    db: &'a dyn Db,
    def: DefId,
    body: &'a Body,
    out: Vec<AnchoredDiagnostic>,
    scopes: Vec<FxHashMap<Name, Vec<Declared>>>,
    context: Context,
}

impl<'a> Walk<'a> {
    fn error(&mut self, code: &'static str, at: Anchor, message: impl Into<String>) {
        self.out.push(AnchoredDiagnostic::error(code, at, message));
    }

    /// In a class, a designated initialiser calls the superclass's, a convenience one another of its own class.
    fn delegation(&mut self) {
        let (db, def) = (self.db, self.def);
        let class = crate::resolve::container_of(db, def);
        let Some(class) = class.filter(|class| class.kind(db) == DefKind::Class) else {
            return;
        };
        // In an extension every initialiser is a convenience one; that has been said where it is not.
        let in_extension = def
            .parent(db)
            .is_some_and(|parent| parent.kind(db) == DefKind::Extension);
        let convenience = crate::items::item(db, def).is_some_and(|i| i.mods.is_convenience);
        if in_extension && !convenience {
            return;
        }
        for expr in self.body.exprs.indices() {
            let Expr::Call { callee, .. } = &self.body.exprs[expr] else {
                continue;
            };
            let Expr::Member {
                base: Some(base),
                name,
                ..
            } = &self.body.exprs[*callee]
            else {
                continue;
            };
            if *name != "init" {
                continue;
            }
            let class = class.name(db);
            let place = Anchor::Expr(def, expr);
            let error = match self.body.exprs[*base] {
                Expr::This if !convenience => AnchoredDiagnostic::error(
                    "sideways-delegation",
                    Anchor::Name(def),
                    format!("designated initializer for '{class}' cannot delegate (with 'this.init'); did you mean this to be a convenience initializer?"),
                )
                .note(Some(place), "delegation occurs here")
                .fix(Anchor::Start(def), FixPlace::Before, "convenience "),
                Expr::Super if convenience => AnchoredDiagnostic::error(
                    "upward-delegation",
                    place,
                    format!("convenience initializer for '{class}' must delegate (with 'this.init') rather than chaining to a superclass initializer (with 'super.init')"),
                ),
                _ => continue,
            };
            self.out.push(error);
            return;
        }
    }

    // Names.

    fn scope(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(FxHashMap::default());
        inside(self);
        self.scopes.pop();
    }

    fn anchor(&self, declared: Declared) -> Anchor {
        match declared {
            Declared::Local(local) | Declared::Guarded(local) => Anchor::Local(self.def, local),
            Declared::Fn(def) | Declared::Type(def) => Anchor::Name(def),
        }
    }

    fn declare(&mut self, name: Name, declared: Declared) {
        if name.is_empty() || name == "_" {
            return;
        }
        let db = self.db;
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        let same = scope.entry(name).or_default();
        let conflict = |other: &&Declared| match (**other, declared) {
            (Declared::Guarded(_), Declared::Fn(_)) => false,
            // Functions of one base name are overloads unless their labels and types are the same.
            (Declared::Fn(a), Declared::Fn(b)) => {
                a.name(db) == b.name(db)
                    && !signature(db, a).function_type().has_error()
                    && signature(db, a).function_type() == signature(db, b).function_type()
            }
            _ => true,
        };
        let earlier = same.iter().find(conflict).copied();
        // An overloaded name may have many declarations; a variable has only to be compared with one.
        if earlier.is_none() || same.is_empty() {
            same.push(declared);
        }
        if let Some(earlier) = earlier {
            let shown = match declared {
                Declared::Fn(def) => crate::types::display::display_name(db, def),
                _ => name.to_string(),
            };
            let (here, first) = (self.anchor(declared), self.anchor(earlier));
            let error = AnchoredDiagnostic::error(
                "redeclaration",
                here,
                format!("invalid redeclaration of '{shown}'"),
            );
            let note = format!("'{name}' previously declared here");
            self.out.push(error.note(Some(first), note));
        }
    }

    fn local(&mut self, local: LocalId) {
        let data = &self.body.locals[local];
        // Names that a `guard` binds at the top level belong to the module.
        if !matches!(data.kind, LocalKind::Global(_)) {
            self.declare(data.name, Declared::Local(local));
        }
    }

    fn pattern(&mut self, pat: PatId) {
        let mut binds = Vec::new();
        self.binds(pat, &mut binds);
        for local in binds {
            self.local(local);
        }
    }

    /// The locals that a pattern binds, in order. Its expressions are walked.
    fn binds(&mut self, pat: PatId, out: &mut Vec<LocalId>) {
        let body = self.body;
        match &body.pats[pat] {
            Pat::Bind(local) => out.push(*local),
            Pat::Tuple(elems) => {
                for (_, elem) in elems {
                    self.binds(*elem, out);
                }
            }
            Pat::Case { args, .. } => {
                for (_, arg) in args.iter().flatten() {
                    self.binds(*arg, out);
                }
            }
            Pat::Typed(inner, _) | Pat::Some(inner) | Pat::As(inner, _) => self.binds(*inner, out),
            Pat::Expr(expr) => self.expr(*expr),
            Pat::Missing | Pat::Wild | Pat::Is(_) => {}
        }
    }

    /// The patterns of one case: each has to bind the same names.
    fn case_items(&mut self, items: &'a [CaseItemPat]) {
        let mut bound: Vec<Vec<LocalId>> = Vec::new();
        for item in items {
            let mut binds = Vec::new();
            self.binds(item.pat, &mut binds);
            if bound.is_empty() {
                for &local in &binds {
                    self.local(local);
                }
            }
            bound.push(binds);
            if let Some(guard) = item.guard {
                self.expr(guard);
            }
        }
        if bound.len() < 2 {
            return;
        }
        let name = |local: &LocalId| self.body.locals[*local].name;
        let sets: Vec<FxHashSet<Name>> = bound
            .iter()
            .map(|locals| locals.iter().map(name).collect())
            .collect();
        let mut reported = FxHashSet::default();
        for local in bound.iter().flatten() {
            let name = self.body.locals[*local].name;
            if sets.iter().any(|set| !set.contains(&name)) && reported.insert(name) {
                let at = Anchor::Local(self.def, *local);
                let message = format!("'{name}' must be bound in every pattern");
                self.out
                    .push(AnchoredDiagnostic::error("unbound-in-pattern", at, message));
            }
        }
    }

    fn names_of_case(&self, items: &[CaseItemPat]) -> Vec<Name> {
        let mut names = Vec::new();
        let mut stack: Vec<PatId> = items.first().map(|item| item.pat).into_iter().collect();
        while let Some(pat) = stack.pop() {
            match &self.body.pats[pat] {
                Pat::Bind(local) => names.push(self.body.locals[*local].name),
                Pat::Tuple(elems) => stack.extend(elems.iter().map(|e| e.1)),
                Pat::Case { args, .. } => stack.extend(args.iter().flatten().map(|a| a.1)),
                Pat::Typed(inner, _) | Pat::Some(inner) | Pat::As(inner, _) => stack.push(*inner),
                Pat::Missing | Pat::Wild | Pat::Is(_) | Pat::Expr(_) => {}
            }
        }
        names
    }

    // Statements.

    fn block(&mut self, block: &'a Block) {
        self.scope(|walk| walk.statements(block));
    }

    fn statements(&mut self, block: &'a Block) {
        for &stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    /// A statement that `break` may leave.
    fn breakable(
        &mut self,
        label: Option<Name>,
        plain: bool,
        at: Anchor,
        inside: impl FnOnce(&mut Self),
    ) {
        if let Some(name) = label
            && self.context.breakable.iter().any(|b| b.0 == Some(name))
        {
            let message = format!("label '{name}' cannot be reused on an inner statement");
            self.error("duplicate-label", at, message);
        }
        self.context.breakable.push((label, plain));
        inside(self);
        self.context.breakable.pop();
    }

    fn stmt(&mut self, id: StmtId) {
        let body = self.body;
        let at = Anchor::Stmt(self.def, id);
        match &body.stmts[id] {
            Stmt::Missing | Stmt::GlobalBinding(_) | Stmt::DiscardThis => {}
            Stmt::Expr(expr) => match &body.exprs[*expr] {
                Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => self.branching(*expr, at),
                _ => self.expr(*expr),
            },
            Stmt::Let { bindings, .. } => {
                for binding in bindings {
                    if let Some(init) = binding.init {
                        self.expr(init);
                    }
                    self.pattern(binding.pat);
                }
            }
            Stmt::LocalFn(f) => {
                self.declare(f.name, Declared::Fn(f.def));
                self.local_fn(f, true);
            }
            Stmt::LocalAccessors {
                local,
                storage,
                accessors,
                ..
            } => {
                // An observed variable has been declared with its storage.
                if storage.is_none() {
                    self.local(*local);
                }
                for (_, f) in accessors {
                    self.local_fn(f, false);
                }
            }
            Stmt::Item(def) => self.item(*def),
            Stmt::Guard { conditions, els } => {
                self.block(els);
                for condition in conditions {
                    self.guarded(condition);
                }
            }
            Stmt::While {
                label,
                conditions,
                body,
            } => self.in_scopes(|walk| {
                walk.nested_conditions(conditions);
                walk.breakable(*label, true, at, |walk| walk.block(body));
            }),
            Stmt::RepeatWhile { label, body, cond } => {
                self.breakable(*label, true, at, |walk| walk.block(body));
                self.expr(*cond);
            }
            Stmt::For(f) => {
                self.expr(f.sequence);
                self.scope(|walk| {
                    walk.pattern(f.pat);
                    if let Some(filter) = f.filter {
                        walk.expr(filter);
                    }
                    walk.breakable(f.label, true, at, |walk| walk.block(&f.body));
                });
            }
            Stmt::Return(value) => {
                if let Some((word, _)) = self.context.value {
                    let message = format!("cannot 'return' in '{word}' when used as expression");
                    self.error("jump-from-expression", at, message);
                }
                if let Some(value) = value {
                    self.expr(*value);
                }
            }
            Stmt::Break(label) => self.jump("break", *label, at),
            Stmt::Continue(label) => self.jump("continue", *label, at),
            Stmt::Fallthrough => self.fallthrough(at),
            Stmt::Throw(value) => {
                if self.context.rethrows {
                    self.error(
                        "rethrows",
                        at,
                        "a function declared 'rethrows' may only throw if its parameter does",
                    );
                }
                self.expr(*value);
            }
            Stmt::Then(value) => self.expr(*value),
            Stmt::Defer(block) => self.block(block),
            Stmt::Yield(values) => values.iter().for_each(|&value| self.expr(value)),
        }
    }

    /// Runs `inside` and leaves the scopes that it opened.
    fn in_scopes(&mut self, inside: impl FnOnce(&mut Self)) {
        let depth = self.scopes.len();
        inside(self);
        self.scopes.truncate(depth);
    }

    /// Conditions of `if` and `while`, each of which opens a scope of its own: a later one may use a name again.
    fn nested_conditions(&mut self, conditions: &'a [Condition]) {
        for condition in conditions {
            self.scopes.push(FxHashMap::default());
            self.condition(condition);
        }
    }

    /// A condition of a `guard`: what it binds hides what the same scope declared before.
    fn guarded(&mut self, condition: &'a Condition) {
        let (Condition::OptionalBinding { pat, init } | Condition::Case { pat, init }) = condition
        else {
            return self.condition(condition);
        };
        self.expr(*init);
        let mut binds = Vec::new();
        self.binds(*pat, &mut binds);
        let name = |local: &LocalId| self.body.locals[*local].name;
        let names: Vec<Name> = binds.iter().map(name).collect();
        if let Some(scope) = self.scopes.last_mut() {
            names.iter().for_each(|name| drop(scope.remove(name)));
        }
        for &local in &binds {
            self.local(local);
        }
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        for name in names {
            for same in scope.get_mut(&name).into_iter().flatten() {
                if let Declared::Local(local) = *same {
                    *same = Declared::Guarded(local);
                }
            }
        }
    }

    fn condition(&mut self, condition: &'a Condition) {
        match condition {
            Condition::Expr(expr) => self.expr(*expr),
            Condition::OptionalBinding { pat, init } | Condition::Case { pat, init } => {
                self.expr(*init);
                self.pattern(*pat);
            }
            Condition::Available(_) => {}
        }
    }

    fn jump(&mut self, word: &str, label: Option<Name>, at: Anchor) {
        let Some((expression, outside)) = self.context.value else {
            return;
        };
        let target = self.context.breakable.iter().rposition(|b| match label {
            Some(_) => b.0 == label,
            None => b.1,
        });
        if target.is_some_and(|target| target < outside) {
            let message = format!("cannot '{word}' in '{expression}' when used as expression");
            self.error("jump-from-expression", at, message);
        }
    }

    fn fallthrough(&mut self, at: Anchor) {
        let Some((own, next)) = &self.context.switch else {
            return;
        };
        if let Some(name) = next.iter().find(|name| !own.contains(name)) {
            let message = format!("'fallthrough' from a case which doesn't bind variable '{name}'");
            self.error("fallthrough-binding", at, message);
        }
    }

    fn item(&mut self, def: DefId) {
        let db = self.db;
        match def.kind(db) {
            DefKind::Import | DefKind::Extension | DefKind::Operator | DefKind::PrecedenceGroup => {
                self.error(
                    "file-scope",
                    Anchor::Start(def),
                    "declaration is only valid at file scope",
                );
            }
            DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::Protocol
            | DefKind::TypeAlias => self.declare(def.name(db), Declared::Type(def)),
            _ => {}
        }
    }

    /// A function or closure has a context of its own.
    fn function(&mut self, context: Context, inside: impl FnOnce(&mut Self)) {
        let saved = std::mem::replace(&mut self.context, context);
        self.scope(inside);
        self.context = saved;
    }

    fn local_fn(&mut self, f: &'a LocalFn, named: bool) {
        for default in f.defaults.iter().flatten() {
            self.expr(default.value);
        }
        let context = Context {
            synchronous: (named && !f.func.is_async).then_some(f.def),
            rethrows: f.func.throws == ThrowsRef::Rethrows,
            ..Context::default()
        };
        self.function(context, |walk| {
            for &param in &f.params {
                walk.local(param);
            }
            walk.block(&f.body);
        });
    }

    fn closure(&mut self, closure: &'a Closure) {
        for capture in &closure.captures {
            self.expr(capture.init);
        }
        self.function(Context::default(), |walk| {
            for capture in &closure.captures {
                walk.local(capture.local);
            }
            walk.scope(|walk| {
                for param in closure.params.iter().flatten() {
                    walk.local(param.local);
                }
                walk.block(&closure.body);
            });
        });
    }

    // Expressions.

    fn expr(&mut self, root: ExprId) {
        let body = self.body;
        let mut stack = vec![root];
        while let Some(expr) = stack.pop() {
            match &body.exprs[expr] {
                Expr::Closure(closure) => self.closure(closure),
                Expr::If(_) | Expr::Switch(_) | Expr::Do(_) => self.value(expr),
                other => {
                    if let (Expr::Await(operand), Some(function)) =
                        (other, self.context.synchronous)
                    {
                        self.synchronous(*operand, function);
                    }
                    super::walk::children(other, &mut |child| stack.push(child));
                }
            }
        }
    }

    /// Reports an `await` in a function that cannot wait, once for each function.
    fn synchronous(&mut self, operand: ExprId, function: DefId) {
        let message = "'async' call in a function that does not support concurrency";
        let at = Anchor::Expr(self.def, operand);
        let error = AnchoredDiagnostic::error("async-in-synchronous", at, message);
        let error = match function.kind(self.db) {
            DefKind::Func | DefKind::Init => {
                let name = crate::types::display::display_name(self.db, function);
                error.note(
                    Some(Anchor::Name(function)),
                    format!("add 'async' to function '{name}' to make it asynchronous"),
                )
            }
            _ => error,
        };
        self.out.push(error);
        self.context.synchronous = None;
    }

    /// An `if`, `switch` or `do` whose value is used.
    fn value(&mut self, expr: ExprId) {
        let word = match &self.body.exprs[expr] {
            Expr::If(_) => "if",
            Expr::Switch(_) => "switch",
            _ => "do",
        };
        let outside = self.context.breakable.len();
        let saved = self.context.value.replace((word, outside));
        let blocks = self.blocks_of(expr);
        for block in blocks {
            self.value_block(word, block);
        }
        self.branching(expr, Anchor::Expr(self.def, expr));
        self.context.value = saved;
    }

    /// The branches of an expression; an `else if` is a branch of the whole.
    fn blocks_of(&self, expr: ExprId) -> Vec<&'a Block> {
        let body = self.body;
        let mut blocks = Vec::new();
        match &body.exprs[expr] {
            Expr::If(first) => {
                let mut at = Some(first);
                while let Some(i) = at.take() {
                    blocks.push(&i.then);
                    match &i.els {
                        Some(ElseBranch::Block(block)) => blocks.push(block),
                        Some(ElseBranch::If(next)) => {
                            if let Expr::If(next) = &body.exprs[*next] {
                                at = Some(next);
                            }
                        }
                        None => {}
                    }
                }
            }
            Expr::Switch(s) => blocks.extend(s.cases.iter().map(|c| &c.body)),
            Expr::Do(d) => {
                blocks.push(&d.body);
                blocks.extend(d.catches.iter().map(|c| &c.body));
            }
            _ => {}
        }
        blocks
    }

    /// A branch of an expression is one expression, or ends by throwing.
    fn value_block(&mut self, word: &'static str, block: &'a Block) {
        let body = self.body;
        let Some((&last, rest)) = block.stmts.split_last() else {
            return;
        };
        let at = Anchor::Stmt(self.def, last);
        match &body.stmts[last] {
            Stmt::Throw(_) | Stmt::Then(_) | Stmt::Missing => {}
            // These are reported as jumps.
            Stmt::Return(_) | Stmt::Break(_) | Stmt::Continue(_) => {}
            Stmt::Fallthrough => {
                let message = format!("cannot 'fallthrough' in '{word}' when used as expression");
                self.error("jump-from-expression", at, message);
            }
            Stmt::Expr(_) if rest.is_empty() => {}
            _ => {
                let message = format!(
                    "non-expression branch of '{word}' expression may only end with a 'throw'"
                );
                self.error("branch-without-value", at, message);
            }
        }
    }

    /// The parts of an `if`, `switch` or `do`.
    fn branching(&mut self, expr: ExprId, at: Anchor) {
        let body = self.body;
        match &body.exprs[expr] {
            Expr::If(first) => self.breakable(first.label, false, at, |walk| {
                let mut at = Some(first);
                while let Some(i) = at.take() {
                    walk.in_scopes(|walk| {
                        walk.nested_conditions(&i.conditions);
                        walk.branch(&i.then);
                    });
                    match &i.els {
                        Some(ElseBranch::Block(block)) => walk.branch(block),
                        Some(ElseBranch::If(next)) => match &body.exprs[*next] {
                            Expr::If(next) => at = Some(next),
                            _ => walk.expr(*next),
                        },
                        None => {}
                    }
                }
            }),
            Expr::Switch(s) => {
                self.expr(s.subject);
                let saved = self.context.switch.take();
                self.breakable(s.label, true, at, |walk| {
                    for (n, case) in s.cases.iter().enumerate() {
                        let next = s.cases.get(n + 1);
                        walk.context.switch = next.map(|next| {
                            (
                                walk.names_of_case(&case.items),
                                walk.names_of_case(&next.items),
                            )
                        });
                        walk.scope(|walk| {
                            walk.case_items(&case.items);
                            walk.branch(&case.body);
                        });
                    }
                });
                self.context.switch = saved;
            }
            Expr::Do(d) => self.breakable(d.label, false, at, |walk| {
                // Clauses take what is thrown, and throw only where something has been thrown to them.
                let rethrows = walk.context.rethrows;
                walk.context.rethrows &= d.catches.is_empty();
                walk.branch(&d.body);
                for clause in &d.catches {
                    walk.scope(|walk| {
                        walk.case_items(&clause.items);
                        walk.branch(&clause.body);
                    });
                }
                walk.context.rethrows = rethrows;
            }),
            _ => {}
        }
    }

    /// One branch. In a value's branch, a lone `if` or `switch` is a value too.
    fn branch(&mut self, block: &'a Block) {
        if self.context.value.is_some()
            && let [only] = &*block.stmts
            && let Stmt::Expr(expr) = &self.body.stmts[*only]
        {
            let expr = *expr;
            return self.scope(|walk| walk.expr(expr));
        }
        self.block(block);
    }
}
