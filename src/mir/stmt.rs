//! Statements and control flow.

use super::builder::{
    Builder, Catch, Cleanup, LabelTargets, Role, Slot, Target, Tracked, TrackedKind,
};
use super::data::*;
use super::place::{Stability, Val};
use super::{FlowKind, MirError};
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::ids::{AccessorKind, DefId};
use crate::items::tree::ItemKind;
use crate::types::ty::Ty;

impl<'a> Builder<'a> {
    /// The statements of a block in a scope of their own.
    pub fn lower_block(&mut self, block: &'a TBlock) {
        self.push_scope();
        self.lower_stmts(&block.stmts);
        self.pop_scope();
    }

    pub fn lower_stmts(&mut self, stmts: &'a [TStmt]) {
        for stmt in stmts {
            if self.dead {
                if let Some(src) = self.stmt_src(stmt) {
                    self.errors.push(MirError {
                        kind: FlowKind::Unreachable,
                        src: Some(src),
                    });
                }
                return;
            }
            self.stmt_lower(stmt);
        }
    }

    fn stmt_src(&self, stmt: &TStmt) -> Option<crate::items::hir::ExprId> {
        match stmt {
            TStmt::Expr(e)
            | TStmt::Throw(e)
            | TStmt::Return(Some(e))
            | TStmt::Let { init: Some(e), .. } => Some(self.body.exprs.get(*e)?.src),
            _ => None,
        }
    }

    pub fn stmt_lower(&mut self, stmt: &'a TStmt) {
        if let Some(src) = self.stmt_src(stmt) {
            self.src = Some(src);
        }
        match stmt {
            TStmt::Expr(e) => {
                self.push_scope();
                self.effect(*e);
                self.pop_scope();
            }
            TStmt::Let { pat, init, els } => self.lower_let(*pat, *init, els.as_ref()),
            TStmt::LazyLet { local, init } => {
                let payload = self.body.locals[*local].ty;
                let optional = self.facts.optional_of(payload);
                let place = self.declare(*local, optional, |b, place| b.make_none(place, optional));
                self.slots.insert(*local, Slot::Lazy(place, *init));
            }
            TStmt::LocalFn { local, closure } => {
                self.slots.insert(*local, Slot::LocalFn(*closure));
            }
            TStmt::LocalAccessors {
                local,
                storage,
                accessors,
            } => {
                let slot = Slot::Accessed {
                    storage: *storage,
                    accessors,
                };
                self.slots.insert(*local, slot);
            }
            TStmt::Guard {
                conditions,
                els,
                src,
            } => {
                let fail = self.target();
                let go_on = self.block();
                let kept = self.lower_conditions(conditions, fail);
                self.goto(go_on);
                // The bindings live on after the statement, but the other branch does not see them.
                let bound = match self.scopes.last_mut() {
                    Some(scope) => scope.cleanups.split_off(kept),
                    None => Vec::new(),
                };
                self.switch_to(fail.block);
                self.lower_block(els);
                if !self.dead {
                    self.report(FlowKind::GuardFallsThrough(*src));
                    self.unreachable();
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.cleanups.extend(bound);
                }
                self.switch_to(go_on);
            }
            TStmt::While {
                label,
                conditions,
                body,
            } => self.lower_while(*label, conditions, body),
            TStmt::RepeatWhile { label, body, cond } => {
                let (head, exit) = (self.block(), self.target());
                let test = self.target();
                self.goto(head);
                self.switch_to(head);
                let targets = LabelTargets {
                    on_break: exit,
                    on_continue: Some(test),
                };
                self.labels.insert(*label, targets);
                self.lower_block(body);
                self.goto(test.block);
                self.switch_to(test.block);
                self.condition(*cond, head, exit.block);
                self.switch_to(exit.block);
            }
            TStmt::For(f) => self.lower_for(f),
            TStmt::Return(value) => self.lower_return(*value),
            TStmt::Break(label) => match self.labels.get(label).copied() {
                Some(targets) => self.jump(targets.on_break),
                None => self.unsupported("break out of nothing"),
            },
            TStmt::Continue(label) => match self.labels.get(label).and_then(|t| t.on_continue) {
                Some(target) => self.jump(target),
                None => self.unsupported("continue of nothing"),
            },
            TStmt::Fallthrough => match self.fallthroughs.last().copied().flatten() {
                Some(target) => self.jump(target),
                None => self.unsupported("fallthrough out of a switch"),
            },
            TStmt::Throw(e) => {
                self.push_scope();
                let ty = self.ty_of(*e);
                let error = self.temp(ty);
                self.into(*e, &error.into());
                self.pop_scope();
                if !self.dead {
                    self.throw_error(error);
                }
            }
            TStmt::Defer(block) => self.add_cleanup(Cleanup::Defer(block)),
            TStmt::Yield(e) => self.lower_yield(*e),
            TStmt::DiscardThis => {
                // Its parts need no destruction either.
                if let Some(Slot::Place(place)) = self.body.this.and_then(|t| self.slots.get(&t)) {
                    let local = place.local;
                    self.stmt(StatementKind::StorageDead(local));
                }
            }
            TStmt::Then(e) => {
                self.push_scope();
                match self.then_dests.last().cloned() {
                    Some(dest) => self.into(*e, &dest),
                    None => self.effect(*e),
                }
                self.pop_scope();
            }
            TStmt::InitGlobal { binding } => self.lower_init_global(*binding),
        }
    }

    pub fn report(&mut self, kind: FlowKind) {
        let src = self.src;
        self.errors.push(MirError { kind, src });
    }

    // Variables.

    /// Declares a local and initialises its storage by `init`.
    pub fn declare(
        &mut self,
        local: TLocalId,
        ty: Ty,
        init: impl FnOnce(&mut Self, &Place),
    ) -> Place {
        let name = self.name_of(local);
        if self.caps.boxed.contains(&local) {
            // The value is complete before the box exists, so that an error on the way leaves no empty box.
            let value = self.temp(ty);
            init(self, &value.into());
            let object = self.native_object();
            let boxed = self.local(object, LocalKind::Var, name);
            self.assign(boxed, Rvalue::AllocBox(ty));
            let place = Place::from(boxed).then(Proj::BoxValue(ty));
            self.assign(place.clone(), Rvalue::Use(Operand::Move(value.into())));
            self.add_cleanup(Cleanup::Destroy(boxed.into()));
            self.slots.insert(local, Slot::Place(place.clone()));
            return place;
        }
        let storage = self.local(ty, LocalKind::Var, name);
        init(self, &storage.into());
        if self.ends_early(local) {
            self.track_consumable(storage, local);
            self.add_cleanup(Cleanup::Destroy(storage.into()));
        } else {
            self.own(storage);
        }
        self.slots.insert(local, Slot::Place(storage.into()));
        storage.into()
    }

    pub fn track(&mut self, local: Local, kind: TrackedKind, name: Option<Name>, immutable: bool) {
        self.tracked.push(Tracked {
            local,
            kind,
            name: name.unwrap_or_else(|| Name::new("this")),
            immutable,
        });
    }

    /// Whether a variable may give up its value before its scope ends: by `consume`, or because it cannot be copied.
    pub fn ends_early(&self, local: TLocalId) -> bool {
        self.caps.consumed.contains(&local)
            || self.copyability.noncopyable(self.body.locals[local].ty)
    }

    /// Tracks where a variable that has a value loses it.
    pub fn track_consumable(&mut self, storage: Local, local: TLocalId) {
        let decl = &self.body.locals[local];
        self.tracked.push(Tracked {
            local: storage,
            kind: TrackedKind::Consumable {
                source: local,
                moves: self.copyability.noncopyable(decl.ty),
            },
            name: decl.name,
            immutable: false,
        });
    }

    /// Declares a local that is initialised later.
    fn declare_later(&mut self, local: TLocalId) {
        let decl = &self.body.locals[local];
        let (ty, name) = (decl.ty, Some(decl.name));
        let immutable = decl.kind == TLocalKind::Let;
        if matches!(decl.kind, TLocalKind::Weak) {
            let none = self.temp(ty);
            self.make_none(&none.into(), ty);
            self.init_weak(local, Operand::Borrow(none.into()));
            return;
        }
        if self.caps.boxed.contains(&local) {
            let object = self.native_object();
            let boxed = self.local(object, LocalKind::Var, name);
            self.assign(boxed, Rvalue::AllocBox(ty));
            self.track(boxed, TrackedKind::Boxed(ty), name, immutable);
            self.add_cleanup(Cleanup::Destroy(boxed.into()));
            let place = Place::from(boxed).then(Proj::BoxValue(ty));
            self.slots.insert(local, Slot::Place(place));
            return;
        }
        let storage = self.local(ty, LocalKind::Var, name);
        self.track(storage, TrackedKind::Whole, name, immutable);
        self.add_cleanup(Cleanup::Destroy(storage.into()));
        self.slots.insert(local, Slot::Place(storage.into()));
    }

    /// Gives a weak variable its storage, in a box if closures may outlive the variable's scope, and its first value.
    fn init_weak(&mut self, local: TLocalId, value: Operand) {
        let decl = &self.body.locals[local];
        let (ty, name) = (decl.ty, Some(decl.name));
        let cell = self.caps.boxed.contains(&local);
        let (place, cleanup) = match cell.then(|| self.facts.weak_cell(ty)).flatten() {
            Some((cell, field)) => {
                let object = self.native_object();
                let boxed = self.local(object, LocalKind::Var, name);
                self.assign(boxed, Rvalue::AllocBox(cell));
                let value = Place::from(boxed).then(Proj::BoxValue(cell));
                (
                    value.then(Proj::Field(field)),
                    Cleanup::Destroy(boxed.into()),
                )
            }
            None => {
                let storage = Place::from(self.local(ty, LocalKind::Var, name));
                (storage.clone(), Cleanup::DestroyWeak(storage))
            }
        };
        self.stmt(StatementKind::StoreWeak {
            place: place.clone(),
            value,
            init: true,
        });
        self.add_cleanup(cleanup);
        self.slots.insert(local, Slot::Weak(place));
    }

    /// Declares a local that takes an owned value.
    pub fn bind_owned(&mut self, local: TLocalId, value: Operand) {
        let decl = &self.body.locals[local];
        let ty = decl.ty;
        match decl.kind {
            TLocalKind::Weak | TLocalKind::Unowned => {
                let strong = self.temp(ty);
                self.assign(strong, Rvalue::Use(value));
                let operand = Operand::Borrow(strong.into());
                if decl.kind == TLocalKind::Weak {
                    self.init_weak(local, operand);
                } else {
                    let storage = self.local(ty, LocalKind::Var, Some(decl.name));
                    self.stmt(StatementKind::StoreUnowned {
                        place: storage.into(),
                        value: operand,
                        init: true,
                    });
                    self.add_cleanup(Cleanup::DestroyUnowned(storage.into()));
                    self.slots.insert(local, Slot::Unowned(storage.into()));
                }
                self.stmt(StatementKind::Destroy(strong.into()));
            }
            _ => {
                self.declare(local, ty, |b, place| {
                    b.assign(place.clone(), Rvalue::Use(value));
                });
            }
        }
    }

    fn lower_let(&mut self, pat: TPatId, init: Option<TExprId>, els: Option<&'a TBlock>) {
        let Some(init) = init else {
            return self.declare_pattern(pat);
        };
        if els.is_none()
            && let TPatKind::Bind(local) = self.body.pats[pat].kind
            && matches!(
                self.body.locals[local].kind,
                TLocalKind::Let | TLocalKind::Var
            )
        {
            let ty = self.body.locals[local].ty;
            self.declare(local, ty, |b, place| {
                b.push_scope();
                b.into(init, place);
                b.pop_scope();
            });
            return;
        }
        let ty = self.ty_of(init);
        let value = self.temp(ty);
        self.push_scope();
        self.into(init, &value.into());
        self.pop_scope();
        match els {
            None => self.destructure(pat, &value.into()),
            Some(els) => {
                let fail = self.target();
                let go_on = self.block();
                self.own(value);
                self.match_pattern(pat, &value.into(), Stability::Fixed, fail, false);
                self.goto(go_on);
                self.switch_to(fail.block);
                self.lower_block(els);
                self.unreachable();
                self.switch_to(go_on);
            }
        }
    }

    fn declare_pattern(&mut self, pat: TPatId) {
        match &self.body.pats[pat].kind {
            TPatKind::Bind(local) => {
                let decl = &self.body.locals[*local];
                if decl.kind == TLocalKind::Var && self.is_optional(decl.ty) {
                    let ty = decl.ty;
                    self.declare(*local, ty, |b, place| b.make_none(place, ty));
                } else {
                    self.declare_later(*local);
                }
            }
            TPatKind::Tuple(pats) => pats.iter().for_each(|&p| self.declare_pattern(p)),
            TPatKind::Convert { pat, .. } | TPatKind::As(_, pat) => self.declare_pattern(*pat),
            _ => {}
        }
    }

    fn lower_init_global(&mut self, binding: DefId) {
        let Some(item) = self.facts.item(binding) else {
            return;
        };
        let ItemKind::Binding(data) = &item.kind else {
            return;
        };
        let args = self.facts.identity_args(binding);
        if data.init.is_none() {
            // Without an initial value, optional variables start out as nil; others get theirs by assignment.
            for &var in &data.vars {
                use super::facts::VarKind;
                let ty = self.facts.storage_type(var);
                let stored = matches!(
                    self.facts.var_kind(var),
                    VarKind::Stored | VarKind::Observed
                );
                let is_let = self.facts.var_item(var).is_some_and(|v| v.is_let);
                if stored && !is_let && self.facts.optional_payload(ty).is_some() {
                    let place = self.global_place(var, args, ty);
                    self.make_none(&place, ty);
                }
            }
            return;
        }
        let ty = self.facts.binding_type(binding);
        let value = self.temp(ty);
        let id = FnId {
            def: binding,
            kind: FnKind::InitialValue,
        };
        let throws = self.facts.initial_value_throws(binding);
        self.emit_call(&value.into(), Callee::Static(id, args), Vec::new(), throws);
        for &var in &data.vars {
            let Some(var_item) = self.facts.var_item(var) else {
                continue;
            };
            let mut part = Place::from(value);
            for &i in &var_item.path {
                part = part.then(Proj::Elem(i));
            }
            let var_ty = self.facts.storage_type(var);
            let place = self.global_place(var, args, var_ty);
            self.init_stored(var, place, part, var_ty);
        }
    }

    /// Initialises a variable's storage by moving out of a place.
    pub fn init_stored(&mut self, var: DefId, place: Place, from: Place, ty: Ty) {
        use super::facts::VarKind;
        match self.facts.var_kind(var) {
            VarKind::Weak => {
                let strong = self.temp(ty);
                self.assign(strong, Rvalue::Use(Operand::Move(from)));
                self.stmt(StatementKind::StoreWeak {
                    place,
                    value: Operand::Borrow(strong.into()),
                    init: true,
                });
                self.stmt(StatementKind::Destroy(strong.into()));
            }
            VarKind::Unowned => {
                let strong = self.temp(ty);
                self.assign(strong, Rvalue::Use(Operand::Move(from)));
                self.stmt(StatementKind::StoreUnowned {
                    place,
                    value: Operand::Borrow(strong.into()),
                    init: true,
                });
                self.stmt(StatementKind::Destroy(strong.into()));
            }
            _ => self.assign(place, Rvalue::Use(Operand::Move(from))),
        }
    }

    // Conditions and branches.

    /// Tests conditions in order; their bindings go into the current scope. Goes on in the current block when all hold.
    /// Gives the number of cleanups that the scope had before.
    pub fn lower_conditions(&mut self, conditions: &'a [TCondition], fail: Target) -> usize {
        let kept = self.scopes.last().map_or(0, |s| s.cleanups.len());
        for condition in conditions {
            match condition {
                TCondition::Bool(e) => {
                    let (ok, not) = (self.block(), self.block());
                    self.condition(*e, ok, not);
                    self.switch_to(not);
                    self.fail_from(kept, fail);
                    self.switch_to(ok);
                }
                TCondition::Pattern { pat, init } => {
                    let not = Target {
                        block: self.block(),
                        depth: self.depth(),
                    };
                    self.lower_binding_condition(*pat, *init, not, kept, fail);
                }
                TCondition::Known(true) => {}
                TCondition::Known(false) => {
                    self.fail_from(kept, fail);
                }
            }
        }
        kept
    }

    /// Leaves for the failing branch: what the conditions before have bound in this scope dies first.
    fn fail_from(&mut self, kept: usize, fail: Target) {
        if self.dead {
            return;
        }
        let depth = self.depth();
        if depth > fail.depth {
            return self.jump(fail);
        }
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        let bound = scope.cleanups.split_off(kept);
        let saved = bound.clone();
        self.scopes.push(super::builder::Scope { cleanups: bound });
        self.pop_scope();
        if let Some(scope) = self.scopes.last_mut() {
            scope.cleanups.extend(saved);
        }
        self.goto(fail.block);
    }

    fn lower_binding_condition(
        &mut self,
        pat: TPatId,
        init: TExprId,
        not: Target,
        kept: usize,
        fail: Target,
    ) {
        let ty = self.ty_of(init);
        // The value's own temporaries end with the condition; the value itself lives as long as what it binds.
        let subject = self.temp(ty);
        self.push_scope();
        let value = self.rvalue(init);
        match value {
            Val::Place(place, Stability::Fixed) if !self.rooted_in_temp(&place) => {
                self.pop_scope();
                self.push_scope();
                self.match_pattern(pat, &place, Stability::Fixed, not, false);
            }
            other => {
                let operand = self.consume(other);
                self.assign(subject, Rvalue::Use(operand));
                self.pop_scope();
                self.push_scope();
                self.match_owned(pat, subject, not);
            }
        }
        // What the pattern bound moves to the scope of the conditions.
        let bound = self.scopes.pop().map(|s| s.cleanups).unwrap_or_default();
        let ok = self.block();
        self.goto(ok);
        self.switch_to(not.block);
        self.fail_from(kept, fail);
        self.switch_to(ok);
        if let Some(scope) = self.scopes.last_mut() {
            scope.cleanups.extend(bound);
        }
    }

    /// Whether the place lies in a temporary that is about to die.
    pub fn rooted_in_temp(&self, place: &Place) -> bool {
        let decl = &self.mir.locals[place.local];
        decl.kind == LocalKind::Var && decl.name.is_none()
    }

    pub fn lower_if(&mut self, t: &'a TIf, dest: Option<&Place>) {
        let join = self.target();
        let els = self.target();
        let targets = LabelTargets {
            on_break: join,
            on_continue: None,
        };
        self.labels.insert(t.label, targets);
        self.then_dests.extend(dest.cloned());
        self.push_scope();
        self.lower_conditions(&t.conditions, els);
        self.lower_block(&t.then);
        self.pop_scope();
        self.goto(join.block);
        self.switch_to(els.block);
        if let Some(block) = &t.els {
            self.lower_block(block);
        }
        self.goto(join.block);
        if dest.is_some() {
            self.then_dests.pop();
        }
        self.switch_to(join.block);
    }

    fn lower_while(&mut self, label: LabelId, conditions: &'a [TCondition], body: &'a TBlock) {
        let (head, exit) = (self.target(), self.target());
        let targets = LabelTargets {
            on_break: exit,
            on_continue: Some(head),
        };
        self.labels.insert(label, targets);
        self.goto(head.block);
        self.switch_to(head.block);
        self.push_scope();
        self.lower_conditions(conditions, exit);
        self.lower_block(body);
        self.pop_scope();
        self.goto(head.block);
        self.switch_to(exit.block);
    }

    fn lower_for(&mut self, f: &'a TFor) {
        self.push_scope();
        let iterator_ty = self.body.locals[f.iterator_local].ty;
        self.declare(f.iterator_local, iterator_ty, |b, place| {
            b.push_scope();
            b.into(f.iterator, place);
            b.pop_scope();
        });
        let (head, exit) = (self.target(), self.target());
        let targets = LabelTargets {
            on_break: exit,
            on_continue: Some(head),
        };
        self.labels.insert(f.label, targets);
        self.goto(head.block);
        self.switch_to(head.block);
        self.push_scope();
        let next_ty = self.ty_of(f.next);
        let next = self.temp(next_ty);
        self.push_scope();
        self.into(f.next, &next.into());
        self.pop_scope();
        let cond = self.is_case(&next.into(), self.facts.some_case());
        let some = self.block();
        self.branch(cond, some, exit.block);
        self.switch_to(some);
        let payload = Place::from(next).then(Proj::Payload(self.facts.some_case()));
        match &self.body.pats[f.pat].kind {
            TPatKind::Bind(_) | TPatKind::Wild | TPatKind::Tuple(_)
                if self.is_irrefutable(f.pat) =>
            {
                self.destructure(f.pat, &payload);
            }
            _ => {
                let ty = self.facts.optional_payload(next_ty).unwrap_or(next_ty);
                let element = self.temp(ty);
                self.assign(element, Rvalue::Use(Operand::Move(payload)));
                self.own(element);
                self.match_pattern(f.pat, &element.into(), Stability::Fixed, head, false);
            }
        }
        if let Some(filter) = f.filter {
            let (ok, not) = (self.block(), self.block());
            self.condition(filter, ok, not);
            self.switch_to(not);
            self.jump(head);
            self.switch_to(ok);
        }
        self.lower_block(&f.body);
        self.pop_scope();
        self.goto(head.block);
        self.switch_to(exit.block);
        self.pop_scope();
    }

    // Leaving.

    fn lower_return(&mut self, value: Option<TExprId>) {
        match self.role {
            Role::Plain => {
                let result = self.result_place();
                match value {
                    Some(e) => {
                        self.push_scope();
                        self.into(e, &result);
                        self.pop_scope();
                    }
                    // A `_read` has made its result at the `yield`.
                    None if self.coroutine() == Some(AccessorKind::Read) => {}
                    None => self.assign(result, Rvalue::Use(Operand::Const(Const::Unit))),
                }
                self.emit_cleanups_to(0);
                self.terminate(Terminator::Return);
            }
            _ => match value {
                Some(e) if self.is_optional(self.ty_of(e)) => self.return_nil(),
                Some(e) => {
                    self.push_scope();
                    self.effect(e);
                    self.pop_scope();
                    self.finish_init();
                }
                None => self.finish_init(),
            },
        }
    }

    /// Leaves an initialiser that has made its value.
    pub fn finish_init(&mut self) {
        if self.dead {
            return;
        }
        let Some(this) = self.this_place.clone() else {
            return;
        };
        let failable = match self.role {
            Role::ValueInit { failable }
            | Role::Designated { failable }
            | Role::Convenience { failable } => failable,
            Role::Plain => false,
        };
        // Deferred blocks still see `this`.
        self.emit_defers();
        if self.needs_implicit_super() {
            self.call_super(None, Vec::new());
        }
        let result = self.result_place();
        let value = Operand::Move(this);
        match failable {
            true => {
                let ty = self.local_ty(self.mir.result);
                self.make_some(&result, ty, value);
            }
            false => self.assign(result, Rvalue::Use(value)),
        }
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    /// Runs the deferred blocks of all open scopes ahead of the move of `this`.
    fn emit_defers(&mut self) {
        let has_defer = self
            .scopes
            .iter()
            .any(|s| s.cleanups.iter().any(|c| matches!(c, Cleanup::Defer(_))));
        if !has_defer {
            return;
        }
        let this = self.this_place.as_ref().map(|p| p.local);
        // Everything but `this` is left; its own cleanup stays for after the move.
        for scope in (0..self.scopes.len()).rev() {
            while let Some(cleanup) = self.scopes[scope].cleanups.pop() {
                let keep = matches!(&cleanup, Cleanup::Destroy(p) if Some(p.local) == this);
                if keep {
                    self.scopes[scope].cleanups.push(cleanup);
                    break;
                }
                let saved = self.scopes.split_off(scope + 1);
                self.scopes.push(super::builder::Scope {
                    cleanups: vec![cleanup],
                });
                self.pop_scope();
                self.scopes.extend(saved);
            }
        }
    }

    /// Leaves a failable initialiser with nil: what has been initialised is destroyed.
    pub fn return_nil(&mut self) {
        let ty = self.local_ty(self.mir.result);
        let result = self.result_place();
        self.make_none(&result, ty);
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    /// The end of a function's statements.
    pub fn fall_off(&mut self) {
        if self.dead {
            return;
        }
        match self.role {
            Role::Plain if self.coroutine() == Some(AccessorKind::Read) => self.lower_return(None),
            Role::Plain => {
                let ty = self.local_ty(self.mir.result);
                if ty.is_unit() {
                    let result = self.result_place();
                    self.assign(result, Rvalue::Use(Operand::Const(Const::Unit)));
                    self.emit_cleanups_to(0);
                    self.terminate(Terminator::Return);
                } else if self.facts.is_never(ty) {
                    self.report(FlowKind::NeverReturns);
                    self.trap_message("function that never returns has returned");
                } else {
                    self.src = None;
                    self.report(FlowKind::MissingReturn(ty));
                    self.unreachable();
                }
            }
            _ => {
                // What is missing then is missing at the closing brace.
                self.src = None;
                self.finish_init();
            }
        }
    }

    // Errors.

    pub fn lower_do(&mut self, t: &'a TDo, dest: Option<&Place>) {
        let join = self.target();
        let targets = LabelTargets {
            on_break: join,
            on_continue: None,
        };
        self.labels.insert(t.label, targets);
        self.then_dests.extend(dest.cloned());
        if t.catches.is_empty() {
            self.lower_block(&t.body);
            self.goto(join.block);
        } else {
            let error_ty = t.error.unwrap_or_else(|| self.facts.any_error());
            let name = t.error_local.and_then(|l| self.name_of(l));
            let error = self.local(error_ty, LocalKind::Var, name);
            let handler = self.target();
            self.catches.push(Catch {
                target: handler,
                error: error.into(),
            });
            self.lower_block(&t.body);
            self.catches.pop();
            self.goto(join.block);
            self.switch_to(handler.block);
            if !self.dead {
                self.push_scope();
                self.own(error);
                if let Some(local) = t.error_local {
                    self.slots.insert(local, Slot::Place(error.into()));
                }
                let rethrow = self.target();
                self.lower_cases(&t.catches, &error.into(), Stability::Fixed, join, rethrow);
                self.switch_to(rethrow.block);
                if !self.dead {
                    match t.exhaustive {
                        true => self.unreachable(),
                        false => {
                            let saved = self.scopes.last().cloned();
                            self.forget(error);
                            self.throw_error(error);
                            if let (Some(saved), Some(scope)) = (saved, self.scopes.last_mut()) {
                                *scope = saved;
                            }
                        }
                    }
                }
                self.pop_scope();
            }
        }
        if dest.is_some() {
            self.then_dests.pop();
        }
        self.switch_to(join.block);
    }

    pub fn lower_try_optional(&mut self, inner: TExprId, flatten: bool, ty: Ty, dest: &Place) {
        let error_ty = self.thrown_type(inner);
        let error = self.temp(error_ty);
        let handler = self.target();
        let join = self.block();
        self.catches.push(Catch {
            target: handler,
            error: error.into(),
        });
        self.push_scope();
        let inner_ty = self.ty_of(inner);
        if flatten || inner_ty == ty {
            self.into(inner, dest);
        } else {
            let value = self.owned(inner);
            self.make_some(dest, ty, value);
        }
        self.pop_scope();
        self.catches.pop();
        self.goto(join);
        self.switch_to(handler.block);
        self.stmt(StatementKind::Destroy(error.into()));
        if self.is_delegation(inner) {
            // `try? this.init(…)`: the initialiser fails as its delegate did.
            self.return_nil();
        } else {
            self.make_none(dest, ty);
            self.goto(join);
        }
        self.switch_to(join);
    }

    fn is_delegation(&self, e: TExprId) -> bool {
        match &self.body.exprs[e].kind {
            TExprKind::Call(call) => call.delegates,
            TExprKind::Convert { expr, .. } => self.is_delegation(*expr),
            _ => false,
        }
    }

    pub fn lower_try_forced(&mut self, inner: TExprId, dest: &Place) {
        let error_ty = self.thrown_type(inner);
        let error = self.temp(error_ty);
        let handler = self.target();
        let join = self.block();
        self.catches.push(Catch {
            target: handler,
            error: error.into(),
        });
        self.into(inner, dest);
        self.catches.pop();
        self.goto(join);
        self.switch_to(handler.block);
        self.trap(TrapKind::TryForced);
        self.switch_to(join);
    }

    /// The error type that code inside `try?` throws to it; everything is boxed into `any Error`.
    fn thrown_type(&self, _inner: TExprId) -> Ty {
        self.facts.any_error()
    }
}
