//! What names and members mean, and the types of declarations for one use.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::items::hir::{Expr, ExprId};
use crate::items::ids::{DefId, DefKind};
use crate::resolve;
use crate::types::generics::generics;
use crate::types::hiding::{hidden_defaults, hides_inherited};
use crate::types::lang::{self, LangItem, is_lang, optional_of, optional_payload};
use crate::types::members::{MemberCandidate, Origin};
use crate::types::signature::{ThisKind, signature};
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty, TyKind, TyList};

use super::table::{Literal, LiteralSet};
use super::{
    Base, Choice, Constraint, FailKind, Loc, Lookup, Rel, Resolved, Step, Target, Why, fail, wait,
};

/// A parameter of a declaration that is called.
#[derive(Clone, PartialEq, Debug)]
pub struct CallParam {
    pub label: Option<Name>,
    pub name: Name,
    /// Opened; of a variadic parameter the element's type, of an autoclosure the function's.
    pub ty: Ty,
    pub mode: ParamMode,
    pub variadic: bool,
    pub autoclosure: bool,
    pub default: Option<DefId>,
    /// The result builder that closures passed for it go through.
    pub builder: Option<Ty>,
}

impl<'db> Checker<'db> {
    /// Makes a choice: opens its type, demands its requirements, and gives the reference this type.
    pub fn commit(&mut self, key: ExprId, ty: Ty, choice: &Choice) -> Step {
        let resolved = self.open(key, choice);
        if choice.force {
            self.cs.score.force += 1;
        }
        let opened = resolved.ty;
        self.facts.choices.insert(key, Rc::new(resolved));
        self.relate_sub(
            Rel::Equal,
            opened,
            ty,
            Loc {
                expr: key,
                why: Why::Inner,
            },
        )
    }

    /// The type of what was chosen, with fresh variables for its generic parameters.
    pub fn open(&mut self, key: ExprId, choice: &Choice) -> Resolved {
        let plain = |ty: Ty| Resolved {
            choice: choice.clone(),
            args: SmallVec::new(),
            ty,
            params: None,
        };
        match choice.target {
            Target::Local(local) => {
                let ty = self.local_type(local);
                let ty = if choice.force {
                    optional_payload(self.db, ty).unwrap_or(ty)
                } else {
                    ty
                };
                plain(ty)
            }
            Target::LocalFn(index) => match self.local_fn(index) {
                Some(def) => {
                    let outer = self.identity(def);
                    self.open_decl(key, choice, def, &outer)
                }
                None => plain(Ty::error()),
            },
            Target::Decl(def) => {
                let outer: SmallVec<[Ty; 4]> = choice.outer.iter().collect();
                self.open_decl(key, choice, def, &outer)
            }
            Target::Type(ty) => {
                self.expect_args(ty, key);
                self.require_args(ty, key);
                plain(match ty.kind() {
                    TyKind::Existential(_) => Ty::new(TyKind::ProtocolMetatype(ty)),
                    _ => Ty::metatype(ty),
                })
            }
            Target::TupleElem(index) => {
                let elem = choice
                    .self_ty
                    .and_then(|t| self.table.shallow(t).as_tuple())
                    .and_then(|elems| elems.get(index as usize));
                plain(elem.map_or(Ty::error(), |e| e.ty))
            }
            Target::Itself => plain(choice.self_ty.unwrap_or(Ty::error())),
            Target::TypeOf => {
                let value = self.table.fresh();
                let result = self.table.fresh();
                self.cs.add(Constraint::TypeOf { value, result });
                let ty = simple_function(&[value], result);
                let params: Rc<[CallParam]> = Rc::new([CallParam {
                    label: Some(Name::new("of")),
                    name: Name::new("of"),
                    ty: value,
                    mode: ParamMode::Borrow,
                    variadic: false,
                    autoclosure: false,
                    default: None,
                    builder: None,
                }]);
                Resolved {
                    params: Some(params),
                    ..plain(ty)
                }
            }
            Target::Module(_) => plain(Ty::error()),
            Target::Dynamic(def) => self.open_dynamic(key, choice, def),
            Target::KeyPath => {
                // The path keeps its own class, which says whether it may be written through.
                let value = self.table.fresh();
                let (path, expr) = match self.path_argument(key) {
                    Some(arg) => (arg.ty, arg.expr),
                    None => (self.table.fresh(), key),
                };
                let root = choice.self_ty.unwrap_or(Ty::error());
                self.cs.add(Constraint::PathAccess {
                    path,
                    root,
                    value,
                    loc: Loc {
                        expr,
                        why: Why::Inner,
                    },
                });
                let params: Rc<[CallParam]> = Rc::new([CallParam {
                    label: Some(Name::new("keyPath")),
                    name: Name::new("keyPath"),
                    ty: path,
                    mode: ParamMode::Borrow,
                    variadic: false,
                    autoclosure: false,
                    default: None,
                    builder: None,
                }]);
                Resolved {
                    params: Some(params),
                    ..plain(simple_function(&[path], value))
                }
            }
        }
    }

    /// Demands what a generic type that an expression names requires of its arguments.
    fn require_args(&mut self, ty: Ty, key: ExprId) {
        if let Some((def, args)) = ty.as_nominal()
            && !args.is_empty()
        {
            let loc = Loc {
                expr: key,
                why: Why::Requirement,
            };
            self.require_all(def, args.as_slice(), 0, loc);
        }
    }

    /// Notes that generic arguments that a type's name leaves out must be found.
    pub fn expect_args(&mut self, ty: Ty, key: ExprId) {
        if let Some((def, args)) = ty.as_nominal()
            && ty.has_infer()
        {
            let names = &generics(self.db, def).params;
            for (arg, param) in args.iter().zip(names.iter()) {
                if let TyKind::Infer(var) = arg.kind() {
                    self.cs.open(*var, param.name, def, key);
                }
            }
        }
    }

    fn identity(&self, def: DefId) -> SmallVec<[Ty; 4]> {
        let g = generics(self.db, def);
        g.params
            .iter()
            .take(g.parent_count as usize)
            .enumerate()
            .map(|(i, p)| Ty::param(i as u32, p.name))
            .collect()
    }

    pub fn open_decl(
        &mut self,
        key: ExprId,
        choice: &Choice,
        def: DefId,
        outer: &[Ty],
    ) -> Resolved {
        let db = self.db;
        let loc = Loc {
            expr: key,
            why: Why::Requirement,
        };
        let g = generics(db, def);
        let mut args: SmallVec<[Ty; 4]> = outer.into();
        args.truncate(g.params.len());
        let given = args.len();
        for param in &g.params[given..] {
            let var = self.table.fresh();
            if let TyKind::Infer(v) = var.kind() {
                self.cs.open(*v, param.name, def, key);
            }
            args.push(var);
        }
        self.explicit_args(key, def, &args);
        if !g.requirements.is_empty() {
            let skip = match (choice.constrained || given == 0, def.parent(db)) {
                (false, Some(parent)) => generics(db, parent).requirements.len(),
                _ => 0,
            };
            self.require_all(def, &args, skip, loc);
        }
        let receiver = choice.self_ty;
        let mut params = None;
        let kind = def.kind(db);
        let mut ty = match kind {
            DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Synth(_)
                if !decl::is_synth_value(def, db) =>
            {
                let (list, ty) = self.open_function(def, kind, receiver, &args, loc);
                params = Some(list);
                ty
            }
            DefKind::Case => {
                let sig = signature(db, def);
                if decl::has_payload(db, def) {
                    let (list, ty) = self.open_function(def, kind, None, &args, loc);
                    params = Some(list);
                    ty
                } else {
                    self.instantiate(sig.result, &args, loc)
                }
            }
            _ => {
                let ty = decl::value_type(db, def);
                let ty = self.instantiate(ty, &args, loc);
                self.with_receiver(ty, receiver)
            }
        };
        if choice.force {
            ty = match ty.as_function() {
                // A function's result is forced, when it is called.
                Some(f) if params.is_some() => Ty::function(FnTy {
                    result: optional_payload(db, f.result).unwrap_or(f.result),
                    ..f.clone()
                }),
                _ => optional_payload(db, ty).unwrap_or(ty),
            };
        }
        if choice.base == Base::Unbound {
            let this = receiver.unwrap_or(Ty::error());
            let inout = signature(db, def).this == ThisKind::Inout;
            ty = Ty::function(FnTy {
                params: Box::new([FnParam {
                    ty: this,
                    mode: if inout {
                        ParamMode::Inout
                    } else {
                        ParamMode::Borrow
                    },
                    variadic: false,
                    autoclosure: false,
                }]),
                result: ty,
                throws: None,
                is_async: false,
                escaping: true,
                repr: FnRepr::Thick,
            });
            params = None;
        }
        Resolved {
            choice: choice.clone(),
            args,
            ty,
            params,
        }
    }

    /// `Self` in a class member's type is the type of the receiver.
    fn with_receiver(&self, ty: Ty, receiver: Option<Ty>) -> Ty {
        match receiver {
            Some(receiver) if ty.has_dynamic_self() => ty.map(&mut |t| match t.kind() {
                TyKind::DynamicSelf(_) => Some(receiver),
                _ => None,
            }),
            _ => ty,
        }
    }

    fn open_function(
        &mut self,
        def: DefId,
        kind: DefKind,
        receiver: Option<Ty>,
        args: &[Ty],
        loc: Loc,
    ) -> (Rc<[CallParam]>, Ty) {
        let sig = signature(self.db, def);
        let mut params: Vec<CallParam> = Vec::with_capacity(sig.params.len());
        for p in &sig.params {
            let ty = self.instantiate(p.ty, args, loc);
            let ty = self.with_receiver(ty, receiver);
            params.push(CallParam {
                label: p.label,
                name: p.name,
                ty,
                mode: p.mode,
                variadic: p.variadic,
                autoclosure: p.autoclosure,
                default: p.default,
                builder: self
                    .builder_of_param(def, params.len())
                    .map(|ty| self.instantiate(ty, args, loc)),
            });
        }
        let mut result = self.instantiate(sig.result, args, loc);
        result = self.with_receiver(result, receiver);
        let makes = matches!(kind, DefKind::Init)
            || matches!(kind, DefKind::Synth(s) if decl::is_synth_init(s));
        if makes && let Some(receiver) = receiver {
            // An inherited initialiser makes an instance of the type that it is called on.
            result = match optional_payload(self.db, sig.result) {
                Some(_) if decl::is_failable(self.db, def) => optional_of(self.db, receiver),
                _ => receiver,
            };
        }
        let throws = sig
            .throws
            .map(|e| self.instantiate(e, args, loc))
            .filter(|e| !is_lang(self.db, self.table.shallow(*e), LangItem::Never));
        let ty = Ty::function(FnTy {
            params: params
                .iter()
                .map(|p| FnParam {
                    ty: p.ty,
                    mode: p.mode,
                    variadic: p.variadic,
                    autoclosure: p.autoclosure,
                })
                .collect(),
            result,
            throws,
            is_async: sig.is_async,
            escaping: true,
            repr: FnRepr::Thick,
        });
        (params.into(), ty)
    }

    /// Generic arguments that are written at the name: `f<Int>`.
    fn explicit_args(&mut self, key: ExprId, def: DefId, args: &[Ty]) {
        let written = match self.body.exprs.get(key) {
            Some(Expr::Name { args, .. } | Expr::Member { args, .. }) if !args.is_empty() => {
                args.clone()
            }
            _ => return,
        };
        let own = generics(self.db, def).parent_count as usize;
        for (i, ty) in written.into_iter().enumerate() {
            let ty = self.written_type(ty);
            if let Some(&arg) = args.get(own + i) {
                self.require(Rel::Equal, arg, ty, key, Why::Inner);
            }
        }
    }

    /// Whether a candidate fits the labels of a compound name.
    fn labels_fit(&self, def: DefId, labels: &Option<Vec<Option<Name>>>) -> bool {
        let Some(labels) = labels else { return true };
        match def.kind(self.db) {
            DefKind::Func | DefKind::Init | DefKind::Case | DefKind::Synth(_) => {
                let sig = signature(self.db, def);
                sig.params.len() == labels.len()
                    && sig.params.iter().zip(labels).all(|(p, l)| p.label == *l)
            }
            _ => labels.is_empty(),
        }
    }

    /// The compound name's labels at an expression.
    pub fn written_labels(&self, key: ExprId) -> Option<Vec<Option<Name>>> {
        match self.body.exprs.get(key) {
            Some(Expr::Name { labels, .. } | Expr::Member { labels, .. }) => labels.clone(),
            _ => None,
        }
    }

    pub fn step_member(
        &mut self,
        key: ExprId,
        base: Ty,
        name: Name,
        how: Lookup,
        result: Ty,
    ) -> Step {
        let loc = Loc {
            expr: key,
            why: Why::Inner,
        };
        let mut base = self.table.shallow(base);
        if let Some(var) = self.table.as_var(base) {
            self.settle_float(var, key, name, how);
            if self.table.as_var(base).is_some() && !self.settle_base(var) {
                return wait(var);
            }
            base = self.table.shallow(base);
        }
        if base.is_error() {
            return self.relate_sub(Rel::Equal, result, Ty::error(), loc);
        }
        if let TyKind::Metatype(t) = base.kind()
            && let Some(var) = self.table.as_var(*t)
        {
            return wait(var);
        }
        let base = self.table.resolve(base);
        if let TyKind::Inout(t) = base.kind() {
            return self.step_member(key, *t, name, how, result);
        }
        let mut choices = self.member_choices(key, base, name, how);
        if choices.is_empty() && how == Lookup::Implicit {
            // `.name` for an optional may name a member of the wrapped type.
            if let TyKind::Metatype(t) = base.kind()
                && let Some(payload) = optional_payload(self.db, *t)
            {
                if let Some(var) = self.table.as_var(payload) {
                    return wait(var);
                }
                return self.step_member(key, Ty::metatype(payload), name, how, result);
            }
        }
        if choices.is_empty()
            && how == Lookup::Explicit
            && let Some(step) = self.dynamic_member(key, base, name, result)
        {
            return step;
        }
        if choices.is_empty() {
            let kind = self.no_member(key, base, name, how);
            return fail(kind, loc);
        }
        if choices.len() > 1 {
            self.drop_overridden(&mut choices);
        }
        self.offer(key, result, choices)
    }

    /// An integer literal before a member that only floating point numbers have is one: `5.half`.
    fn settle_float(&mut self, var: u32, key: ExprId, name: Name, how: Lookup) {
        if self.table.literals(var) != LiteralSet::of(Literal::Int) || how != Lookup::Explicit {
            return;
        }
        let (int, double) = (lang::int_ty(self.db), lang::double_ty(self.db));
        if self.member_choices(key, int, name, how).is_empty()
            && !self.member_choices(key, double, name, how).is_empty()
        {
            self.table.bind(var, double);
        }
    }

    /// A literal before a dot has no context: it gets its default type at once.
    pub fn settle_base(&mut self, var: u32) -> bool {
        let set = self.table.literals(var);
        if !set.is_empty() {
            return match self.default_type(set) {
                Some(ty) => {
                    self.table.bind(var, ty);
                    true
                }
                None => false,
            };
        }
        let mut found = None;
        for id in self.cs.waiting() {
            match &self.cs.constraints[id as usize] {
                Constraint::ArrayLiteral { ty, elem, .. }
                    if self.table.as_var(*ty) == Some(var) =>
                {
                    found = Some(crate::types::lang::array_of(self.db, *elem));
                }
                Constraint::DictionaryLiteral { ty, key, value, .. }
                    if self.table.as_var(*ty) == Some(var) =>
                {
                    found = Some(crate::types::lang::dictionary_of(self.db, *key, *value));
                }
                _ => {}
            }
        }
        match found {
            Some(ty) => {
                self.table.bind(var, ty);
                true
            }
            None => self.settle_key_path(var),
        }
    }

    /// Adds the choices as an overload set, or commits to the only one.
    pub fn offer(&mut self, key: ExprId, ty: Ty, choices: Vec<Choice>) -> Step {
        if let [one] = &*choices {
            let one = one.clone();
            return self.commit(key, ty, &one);
        }
        self.cs.add(Constraint::Overload {
            key,
            ty,
            choices: choices.into(),
        });
        Step::Solved
    }

    /// What to say when a lookup found nothing to use.
    fn no_member(&mut self, key: ExprId, base: Ty, name: Name, how: Lookup) -> FailKind {
        let instance = match base.kind() {
            TyKind::Metatype(t) => *t,
            _ => base,
        };
        let any = crate::types::member_candidates(self.db, instance, name, self.env);
        if let Some(hidden) = any
            .iter()
            .find(|c| !resolve::is_accessible(self.db, c.def, self.def))
        {
            return FailKind::Inaccessible {
                name,
                def: hidden.def,
            };
        }
        if !any.is_empty() && matches!(how, Lookup::Explicit | Lookup::Implicit) {
            return FailKind::StaticMember {
                base: instance,
                name,
                is_static: decl::is_static(self.db, any[0].def),
            };
        }
        if let Some(payload) = optional_payload(self.db, base)
            && how != Lookup::Implicit
            && !self.member_choices(key, payload, name, how).is_empty()
        {
            return FailKind::MemberOfOptional { base, name };
        }
        if matches!(how, Lookup::CallAsFunction) {
            return FailKind::NotCallable(base);
        }
        FailKind::NoMember { base, name }
    }

    /// All meanings of a member name for a base whose outermost type is known.
    pub fn member_choices(
        &mut self,
        key: ExprId,
        base: Ty,
        name: Name,
        how: Lookup,
    ) -> Vec<Choice> {
        let db = self.db;
        let labels = self.written_labels(key);
        let mut out: Vec<Choice> = Vec::new();
        if how == Lookup::Subscript && self.path_argument(key).is_some() {
            return vec![Choice {
                base: Base::Value,
                self_ty: Some(base),
                ..Choice::plain(Target::KeyPath)
            }];
        }
        if let Some(elems) = base.as_tuple() {
            let index = match name.as_str().parse::<usize>() {
                Ok(index) => (index < elems.len()).then_some(index),
                Err(_) => elems.iter().position(|e| e.label == Some(name)),
            };
            if let Some(index) = index
                && how == Lookup::Explicit
            {
                out.push(Choice {
                    base: Base::Value,
                    self_ty: Some(base),
                    ..Choice::plain(Target::TupleElem(index as u32))
                });
            }
            return out;
        }
        let (instance, meta) = match base.kind() {
            TyKind::Metatype(t) | TyKind::ProtocolMetatype(t) => (*t, true),
            _ => (base, false),
        };
        let lookup_in = self.norm(instance);
        let lookup_in = match lookup_in.kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => lookup_in,
        };
        let mut candidates = crate::types::member_candidates(db, lookup_in, name, self.env);
        candidates.retain(|c| resolve::is_accessible(db, c.def, self.def));
        self.drop_hidden(lookup_in, name, &mut candidates);
        for candidate in candidates {
            self.add_candidate(&mut out, candidate, instance, meta, how, &labels);
        }
        // One type may be found in many ways: as a parameter, and as the associated types of protocols that it stands for.
        let is_type = |c: &Choice| matches!(c.target, Target::Type(_));
        if out.len() > 1 && out.iter().any(is_type) {
            let best = out.iter().filter(|c| is_type(c)).min_by_key(|c| c.rank);
            let best = best.map(|c| c.target);
            out.retain(|c| !is_type(c) || Some(c.target) == best);
            out.dedup_by(|a, b| is_type(a) && a.target == b.target);
        }
        out
    }

    /// Leaves out defaults that other members hide wherever the type is known.
    fn drop_hidden(&self, base: Ty, name: Name, candidates: &mut Vec<MemberCandidate>) {
        let db = self.db;
        if candidates.len() < 2 || name == "init" {
            return;
        }
        if let TyKind::Nominal { def, .. } = base.kind()
            && candidates.iter().any(|c| c.origin == Origin::Own)
        {
            let hidden = hidden_defaults(db, *def, name);
            candidates.retain(|c| !hidden.contains(&c.def));
        }
        let default = |c: &&MemberCandidate| c.origin == Origin::ProtocolExtension;
        let hiding: SmallVec<[DefId; 4]> = candidates
            .iter()
            .filter(default)
            .filter(|c| !c.constrained)
            .map(|c| c.def)
            .collect();
        candidates
            .retain(|c| !default(&c) || !hiding.iter().any(|&h| *hides_inherited(db, h, c.def)));
    }

    fn add_candidate(
        &mut self,
        out: &mut Vec<Choice>,
        candidate: MemberCandidate,
        instance: Ty,
        meta: bool,
        how: Lookup,
        labels: &Option<Vec<Option<Name>>>,
    ) {
        let db = self.db;
        let def = candidate.def;
        let rank = match candidate.origin {
            Origin::Own => 0,
            Origin::Superclass(n) => 1 + n.min(100) as u8,
            Origin::Requirement => 110,
            Origin::ProtocolExtension => 120,
        };
        let choice = |target, base| Choice {
            target,
            base,
            self_ty: Some(instance),
            outer: candidate.args,
            constrained: candidate.constrained,
            force: false,
            rank,
            fallback: false,
        };
        if decl::is_type(db, def) {
            if meta && how == Lookup::Explicit {
                let ty = self.type_of_decl(def, candidate.args.as_slice());
                out.push(choice(Target::Type(ty), Base::Type));
            }
            return;
        }
        if !self.labels_fit(def, labels) {
            return;
        }
        let is_static = decl::is_static(db, def);
        let base = match (meta, is_static) {
            (false, false) => {
                if how == Lookup::Super {
                    Base::Super
                } else {
                    Base::Value
                }
            }
            (true, true) => {
                if how == Lookup::Super {
                    Base::Super
                } else {
                    Base::Type
                }
            }
            (true, false) if how == Lookup::Explicit && matches!(def.kind(db), DefKind::Func) => {
                Base::Unbound
            }
            (false, true) if def.kind(db) == DefKind::Init || is_init(db, def) => {
                // `value.init(…)` on `this` and `super` delegates.
                if how == Lookup::Super {
                    Base::Super
                } else {
                    Base::Value
                }
            }
            _ => return,
        };
        let one = choice(Target::Decl(def), base);
        let calls_iuo = decl::has_iuo_result(db, def)
            && !(def.kind(db) == DefKind::Init && matches!(base, Base::Value | Base::Super));
        if decl::is_iuo(db, def) || calls_iuo {
            out.push(one.clone());
            out.push(Choice { force: true, ..one });
        } else {
            out.push(one);
        }
    }

    /// A member that another candidate overrides is not there.
    pub fn drop_overridden(&self, choices: &mut Vec<Choice>) {
        let db = self.db;
        let mut hidden: SmallVec<[DefId; 4]> = SmallVec::new();
        for choice in choices.iter() {
            if let Target::Decl(def) = choice.target {
                let mut next = crate::types::class::overridden(db, def);
                while let Some(base) = next {
                    hidden.push(base);
                    next = crate::types::class::overridden(db, base);
                }
            }
        }
        if !hidden.is_empty() {
            choices.retain(|c| !matches!(c.target, Target::Decl(def) if hidden.contains(&def)));
        }
    }

    /// A type declaration as a type, with arguments for the parameters around it and variables for its own.
    pub fn type_of_decl(&mut self, def: DefId, outer: &[Ty]) -> Ty {
        let db = self.db;
        match def.kind(db) {
            DefKind::GenericParam => {
                let name = def.name(db);
                let index =
                    def.parent(db).map_or(0, |p| generics(db, p).parent_count) + def.index(db);
                Ty::param(index, name)
            }
            DefKind::AssociatedType => {
                let base = outer
                    .first()
                    .copied()
                    .unwrap_or_else(|| Ty::param(0, Name::new("Self")));
                self.norm(Ty::new(TyKind::Assoc { base, assoc: def }))
            }
            DefKind::Protocol => crate::types::lang::existential_of(db, def),
            _ => {
                // Inside a generic type its bare name means the type with its own parameters.
                if def.kind(db) != DefKind::TypeAlias
                    && let Some(own) = self.own_type(def)
                {
                    return own;
                }
                let g = generics(db, def);
                let mut args: SmallVec<[Ty; 4]> = outer.into();
                let parents = g.parent_count as usize;
                args.truncate(parents);
                for (i, param) in g.params.iter().enumerate().skip(args.len()) {
                    args.push(if i < parents {
                        Ty::param(i as u32, param.name)
                    } else {
                        self.table.fresh()
                    });
                }
                if def.kind(db) == DefKind::TypeAlias {
                    let target = decl::alias_target(db, def);
                    let loc = Loc {
                        expr: ExprId::from_raw(0),
                        why: Why::Inner,
                    };
                    return self.instantiate(target, &args, loc);
                }
                Ty::nominal(def, &args)
            }
        }
    }

    /// The type that a nominal's bare name has inside itself and its extensions.
    fn own_type(&self, def: DefId) -> Option<Ty> {
        let db = self.db;
        if generics(db, def).params.is_empty() {
            return None;
        }
        let mut at = Some(self.env);
        while let Some(scope) = at {
            if decl::is_container(db, scope)
                && let Some(ty) = crate::types::declared_self_type(db, scope)
                && ty.nominal_def() == Some(def)
            {
                return Some(ty);
            }
            at = scope.parent(db);
        }
        None
    }

    /// Outer arguments of a nominal in the scope of the body, for naming a member type without its owner.
    pub fn scope_args(&self, def: DefId) -> TyList {
        let g = generics(self.db, def);
        let args: SmallVec<[Ty; 4]> = g
            .params
            .iter()
            .take(g.parent_count as usize)
            .enumerate()
            .map(|(i, p)| Ty::param(i as u32, p.name))
            .collect();
        TyList::new(&args)
    }
}

fn is_init(db: &dyn crate::db::Db, def: DefId) -> bool {
    matches!(def.kind(db), DefKind::Synth(s) if decl::is_synth_init(s))
}

/// A function type without anything special.
pub fn simple_function(params: &[Ty], result: Ty) -> Ty {
    Ty::function(FnTy {
        params: params
            .iter()
            .map(|&ty| FnParam {
                ty,
                mode: ParamMode::Borrow,
                variadic: false,
                autoclosure: false,
            })
            .collect(),
        result,
        throws: None,
        is_async: false,
        escaping: true,
        repr: FnRepr::Thick,
    })
}
