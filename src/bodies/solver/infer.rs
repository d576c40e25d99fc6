//! What to bind a variable to, from the types that it must relate to.

use smallvec::SmallVec;

use crate::base::FxHashMap;
use crate::bodies::check::Checker;
use crate::items::ids::DefId;
use crate::types::lang::{self, LangItem, lang, lang_ty, optional_of, optional_payload};
use crate::types::nominal::superclass;
use crate::types::ty::{Ty, TyKind};

use super::table::{Literal, LiteralSet};
use super::{Constraint, Decision, FailKind, Failure, Loc, Mode, Purpose, Why};

/// What the waiting constraints say about a variable.
#[derive(Default, Debug)]
pub struct Bounds {
    pub lower: SmallVec<[Ty; 4]>,
    pub upper: SmallVec<[Ty; 4]>,
    pub lower_vars: SmallVec<[u32; 4]>,
    pub upper_vars: SmallVec<[u32; 4]>,
    /// Something else will define it: an overload, a member, a call.
    pub produced: bool,
    /// It is the type of a closure, array or dictionary literal.
    pub literal_like: bool,
    /// It is the type of an array literal with such elements.
    pub array_of: Option<Ty>,
    /// A closure's body will say more.
    pub closure_result: bool,
    pub conforms: SmallVec<[DefId; 2]>,
    pub member_base: bool,
    /// It is the element of a collection literal that has no type yet.
    pub element: bool,
    /// It is the value of an `if` or `switch`, whose branches convert to the context one by one.
    pub branches: bool,
    /// It is the value of `c ? x : y`.
    pub alternatives: bool,
    /// It is either of these, also where the types of what is chosen from are known.
    pub choice: bool,
    /// Only code that never returns gives it a value; the type that it then has.
    pub never: Option<Ty>,
    pub loc: Option<Loc>,
}

/// How many constraints may be gone through, over and over, in search of a variable to bind in one expression.
const PASSING_BUDGET: u64 = 10_000_000;

/// How far binding may go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effort {
    /// Only what nothing open can change.
    Firm,
    /// Also with bounds that are still open.
    Loose,
    /// Default types for literals.
    Defaults,
    /// Anything, so that the end is reached.
    Last,
}

impl<'db> Checker<'db> {
    /// The bounds of every variable that waiting constraints mention.
    pub fn all_bounds(&self) -> FxHashMap<u32, Bounds> {
        let mut map: FxHashMap<u32, Bounds> = FxHashMap::default();
        for id in self.cs.waiting() {
            match &self.cs.constraints[id as usize] {
                Constraint::Relate { a, b, loc, .. } => {
                    let (x, y) = (self.table.as_var(*a), self.table.as_var(*b));
                    match (x, y) {
                        (Some(x), Some(y)) => {
                            let e = map.entry(x).or_default();
                            e.upper_vars.push(y);
                            e.loc = e.loc.or(Some(*loc));
                            let e = map.entry(y).or_default();
                            e.lower_vars.push(x);
                            e.branches |= loc.why == Why::Branch;
                            e.alternatives |= loc.why == Why::Alternative;
                            e.choice |= e.branches || e.alternatives;
                            e.loc = e.loc.or(Some(*loc));
                        }
                        (Some(x), None) => {
                            let e = map.entry(x).or_default();
                            e.upper.push(self.table.resolve(*b));
                            e.loc = e.loc.or(Some(*loc));
                        }
                        (None, Some(y)) => {
                            let e = map.entry(y).or_default();
                            if loc.why.accepts_never()
                                && lang::is_lang(self.db, self.table.shallow(*a), LangItem::Never)
                            {
                                e.never = Some(match loc.why {
                                    Why::Context(Purpose::NoReturn) => Ty::unit(),
                                    _ => lang::never_ty(self.db),
                                });
                                continue;
                            }
                            e.choice |= matches!(loc.why, Why::Branch | Why::Alternative);
                            e.lower.push(self.table.resolve(*a));
                            e.loc = e.loc.or(Some(*loc));
                        }
                        (None, None) => {}
                    }
                }
                Constraint::Conforms { ty, protocol, .. } => {
                    if let Some(v) = self.table.as_var(*ty) {
                        map.entry(v).or_default().conforms.push(*protocol);
                    }
                }
                Constraint::Member { base, result, .. } => {
                    if let Some(v) = self.table.as_var(*result) {
                        map.entry(v).or_default().produced = true;
                    }
                    let base = self.table.shallow(*base);
                    let inner = match base.kind() {
                        TyKind::Metatype(t) => *t,
                        _ => base,
                    };
                    if let Some(v) = self.table.as_var(inner) {
                        map.entry(v).or_default().member_base = true;
                    }
                }
                Constraint::Overload { ty, .. } => self.produce(&mut map, *ty),
                Constraint::Apply(apply) => self.produce(&mut map, apply.result),
                Constraint::Assoc { result, .. } | Constraint::TypeOf { result, .. } => {
                    self.produce(&mut map, *result)
                }
                Constraint::Unwrap { object, .. } => self.produce(&mut map, *object),
                Constraint::Closure { ty, .. } => {
                    let ty = self.table.shallow(*ty);
                    if let Some(v) = self.table.as_var(ty) {
                        map.entry(v).or_default().literal_like = true;
                    } else if let Some(f) = ty.as_function()
                        && let Some(v) = self.table.as_var(f.result)
                    {
                        map.entry(v).or_default().closure_result = true;
                    }
                }
                Constraint::ArrayLiteral { ty, elem, .. } => {
                    if let Some(v) = self.table.as_var(*ty) {
                        let e = map.entry(v).or_default();
                        e.literal_like = true;
                        e.array_of = Some(*elem);
                        self.mark_element(&mut map, *elem);
                    }
                }
                Constraint::DictionaryLiteral { ty, key, value, .. } => {
                    if let Some(v) = self.table.as_var(*ty) {
                        map.entry(v).or_default().literal_like = true;
                        self.mark_element(&mut map, *key);
                        self.mark_element(&mut map, *value);
                    }
                }
                Constraint::KeyPath { ty, .. } => {
                    if let Some(v) = self.table.as_var(*ty) {
                        map.entry(v).or_default().literal_like = true;
                    }
                }
                Constraint::PathAccess { value, .. } => self.produce(&mut map, *value),
                Constraint::Superclass { .. } | Constraint::ClassBound { .. } => {}
            }
        }
        map
    }

    fn mark_element(&self, map: &mut FxHashMap<u32, Bounds>, ty: Ty) {
        if let Some(v) = self.table.as_var(ty) {
            map.entry(v).or_default().element = true;
        }
    }

    fn produce(&self, map: &mut FxHashMap<u32, Bounds>, ty: Ty) {
        if let Some(v) = self.table.as_var(ty) {
            map.entry(v).or_default().produced = true;
        }
    }

    /// Binds one variable, as far as the effort allows. The result says what came of it, if there was one.
    pub fn bind_one(&mut self, effort: Effort) -> Result<Option<Decision>, Box<Failure>> {
        self.cs.passed_over += self.cs.active.len() as u64;
        if self.cs.passed_over > PASSING_BUDGET
            && let Some(id) = self.cs.waiting().next()
        {
            let (kind, loc) = (FailKind::TooComplex, self.loc_of(id));
            return Err(Box::new(Failure { kind, loc }));
        }
        let map = self.all_bounds();
        let mut vars: Vec<u32> = map.keys().copied().collect();
        // Collection literals and closures take their type from the context before their parts decide it.
        // A variable that stands for a type with open parts is that type, whose parts are then decided where all meet.
        vars.sort_unstable_by_key(|v| {
            let b = &map[v];
            let partial = b.lower.len() == 1 && b.lower[0].has_infer();
            (!b.literal_like, !partial, *v)
        });
        let (mut any, mut bound_literal) = (false, false);
        for &var in &vars {
            // What collection literals and closures became says more of what they are made of.
            if bound_literal && !map[&var].literal_like {
                break;
            }
            // Earlier bindings of this pass may have settled this one.
            let me = Ty::new(TyKind::Infer(var));
            if self.table.as_var(me) != Some(var) {
                continue;
            }
            let Some(bounds) = map.get(&var) else {
                continue;
            };
            // A choice inside of one that has just become an existential goes there too.
            let boxed = |v: &u32| {
                self.table
                    .shallow(Ty::new(TyKind::Infer(*v)))
                    .is_existential()
            };
            if bounds.alternatives && bounds.upper_vars.iter().any(boxed) {
                any = true;
                continue;
            }
            let Some(ty) = self.candidate(var, bounds, &map, effort) else {
                continue;
            };
            if self.table.as_var(ty) == Some(var) || self.table.occurs(var, ty) {
                continue;
            }
            if self.cs.mode == Mode::Search {
                let others = self.alternatives(var, bounds, ty);
                if !others.is_empty() {
                    return Ok(Some(self.try_bindings(var, ty, &others)));
                }
            }
            self.note_literals(var, ty);
            self.table.bind(var, ty);
            any = true;
            bound_literal |= bounds.literal_like;
            self.simplify()?;
            if effort != Effort::Firm {
                break;
            }
        }
        if !any && effort == Effort::Defaults {
            // Literals that nothing bounds any more.
            let mut vars: SmallVec<[u32; 4]> = SmallVec::new();
            for id in self.cs.waiting() {
                self.vars_of(&self.cs.constraints[id as usize], &mut vars);
            }
            vars.retain(|v| !map.contains_key(v));
            any = self.settle_literals(vars.into_iter())?;
            if any {
                self.simplify()?;
            }
        }
        Ok(any.then_some(Decision::Progress))
    }

    /// What else a variable may be, where the first idea leads nowhere: what it converts to, and a floating-point type where integer literals
    /// are all that speaks for an integer.
    fn alternatives(&self, var: u32, bounds: &Bounds, first: Ty) -> SmallVec<[Ty; 2]> {
        let mut found: SmallVec<[Ty; 2]> = SmallVec::new();
        if !bounds.lower.is_empty() {
            let uppers = bounds.upper.iter().filter(|t| {
                **t != first && !t.has_infer() && !matches!(t.kind(), TyKind::Inout(_))
            });
            for &upper in uppers {
                if !found.contains(&upper) {
                    found.push(upper);
                }
            }
        } else if self.table.literals(var).is_empty()
            && !bounds.conforms.is_empty()
            && bounds.upper.is_empty()
            && first == lang::int_ty(self.db)
        {
            found.push(lang::double_ty(self.db));
        }
        found
    }

    /// Binds a variable to the first of these types with which the present part has a solution.
    fn try_bindings(&mut self, var: u32, first: Ty, others: &[Ty]) -> Decision {
        let mark = self.mark();
        let mut failure = None;
        for &ty in std::iter::once(&first).chain(others) {
            if self.table.occurs(var, ty) {
                continue;
            }
            self.cs.depth += 1;
            self.note_literals(var, ty);
            self.table.bind(var, ty);
            let result = self.run();
            self.cs.depth -= 1;
            match result {
                Ok(()) => return Decision::Searched(Ok(())),
                Err(f) if matches!(f.kind, FailKind::TooComplex) => {
                    return Decision::Searched(Err(f));
                }
                Err(f) => failure = failure.or(Some(f)),
            }
            self.back(&mark);
        }
        match failure {
            Some(failure) => Decision::Searched(Err(failure)),
            None => Decision::Progress,
        }
    }

    /// Binds variables to which nothing but literals and operators over literals converts: these agree on a type before any operator gets
    /// the default type of its own operands.
    pub fn bind_from_literals(&mut self) -> Result<bool, Box<Failure>> {
        let map = self.all_bounds();
        let mut vars: Vec<u32> = map.keys().copied().collect();
        vars.sort_unstable();
        let mut any = false;
        for var in vars {
            let b = &map[&var];
            let free = !(b.produced || b.element || b.literal_like)
                && b.lower.is_empty()
                && b.upper.is_empty()
                && b.upper_vars.is_empty()
                && self.table.literals(var).is_empty();
            let kinds = |v: &u32| self.literal_kinds(*v);
            if !free
                || self.table.as_var(Ty::new(TyKind::Infer(var))) != Some(var)
                || b.lower_vars.iter().any(|v| kinds(v).is_empty())
                || b.lower_vars.iter().all(|v| self.table.soft(*v).is_empty())
            {
                continue;
            }
            let set = b.lower_vars.iter().map(kinds);
            let set = set.fold(LiteralSet::default(), LiteralSet::union);
            let Some(ty) = self.default_type(set.without(Literal::Nil)) else {
                continue;
            };
            let nil = set.contains(Literal::Nil);
            self.table
                .bind(var, if nil { optional_of(self.db, ty) } else { ty });
            any = true;
        }
        if any {
            self.simplify()?;
        }
        Ok(any)
    }

    /// Gives variables before a dot the default types of the literals that are all that converts to them: their members say more than trying
    /// overloads with them would.
    pub fn settle_member_bases(&mut self) -> Result<bool, Box<Failure>> {
        let map = self.all_bounds();
        let mut vars: SmallVec<[u32; 4]> = map
            .iter()
            .filter(|(_, b)| {
                b.member_base
                    && !(b.produced || b.element || b.literal_like || b.lower_vars.is_empty())
                    && b.lower.is_empty()
                    && b.upper.is_empty()
                    && b.upper_vars.is_empty()
                    && b.lower_vars
                        .iter()
                        .all(|v| !self.table.literals(*v).is_empty())
            })
            .map(|(var, _)| *var)
            .collect();
        vars.sort_unstable();
        let mut any = false;
        for var in vars {
            let literals = map[&var].lower_vars.iter().map(|v| self.table.literals(*v));
            let set = literals.fold(LiteralSet::default(), LiteralSet::union);
            if let Some(ty) = self.default_type(set) {
                self.table.bind(var, ty);
                any = true;
            }
        }
        if any {
            self.simplify()?;
        }
        Ok(any)
    }

    /// Gives literals among the variables their default types; whether there was one.
    pub fn settle_literals(
        &mut self,
        vars: impl Iterator<Item = u32>,
    ) -> Result<bool, Box<Failure>> {
        let mut any = false;
        for var in vars {
            if self.table.as_var(Ty::new(TyKind::Infer(var))) != Some(var) {
                continue;
            }
            let set = self.table.literals(var);
            if set.is_empty() {
                continue;
            }
            if let Some(ty) = self.default_type(set) {
                self.table.bind(var, ty);
                any = true;
            } else if set.contains(Literal::Nil) {
                return self.nil_without_context(None);
            }
        }
        Ok(any)
    }

    fn nil_without_context(&mut self, loc: Option<Loc>) -> Result<bool, Box<Failure>> {
        Err(Box::new(Failure {
            kind: FailKind::NilNeedsContext,
            loc: loc.unwrap_or(Loc {
                expr: crate::items::hir::ExprId::from_raw(0),
                why: Why::Inner,
            }),
        }))
    }

    /// Counts literals that do not get their default type.
    fn note_literals(&mut self, var: u32, ty: Ty) {
        let set = self.table.literals(var);
        if set.is_empty() || set.contains(Literal::Nil) {
            return;
        }
        if self.default_type(set) != Some(self.table.shallow(ty)) {
            self.cs.score.literals += 1;
        }
    }

    fn candidate(
        &mut self,
        var: u32,
        b: &Bounds,
        map: &FxHashMap<u32, Bounds>,
        effort: Effort,
    ) -> Option<Ty> {
        let literals = self.table.literals(var);
        if (b.produced || b.element) && effort < Effort::Last {
            return None;
        }
        let concrete = |t: &&Ty| !matches!(t.kind(), TyKind::Inout(_));
        if !literals.is_empty() {
            // A literal takes the type that it must convert to, if that is expressible by it.
            for &upper in b.upper.iter() {
                if let Some(ty) = self.literal_target(upper, literals) {
                    return Some(ty);
                }
            }
            if let Some(&lower) = b.lower.first() {
                return Some(lower);
            }
            let pending = b.upper_vars.iter().any(|v| self.still_open(*v, map));
            if effort >= Effort::Defaults || (effort == Effort::Firm && !b.upper.is_empty()) {
                if pending && effort < Effort::Last {
                    return None;
                }
                return self.default_type(literals);
            }
            return None;
        }
        if b.literal_like {
            for &upper in b.upper.iter() {
                let mut t = upper;
                while let Some(payload) = optional_payload(self.db, t) {
                    t = self.table.shallow(payload);
                }
                if let (Some(elem), true) = (b.array_of, self.is_pointer(t)) {
                    // A pointer to the elements of an array that lives as long as the call.
                    return Some(lang::array_of(self.db, elem));
                }
                if !matches!(t.kind(), TyKind::Existential(_) | TyKind::Infer(_))
                    && !lang::is_lang(self.db, t, LangItem::AnyHashable)
                {
                    return Some(t);
                }
            }
            return None;
        }
        let open_lower = b
            .lower_vars
            .iter()
            .any(|v| *v != var && (self.literal_kinds(*v).is_empty() && !self.nilish(*v)));
        if let Some(optional) = self.nil_context(b, map) {
            return Some(optional);
        }
        if let Some(existential) = self.boxed_alternatives(b, map) {
            return Some(existential);
        }
        if let Some(function) = self.alternatives_in_c(b) {
            return Some(function);
        }
        let lowers: SmallVec<[Ty; 4]> = b.lower.iter().filter(concrete).copied().collect();
        if !lowers.is_empty() {
            let partial = lowers.iter().any(|t| t.has_infer());
            let whole = lowers.len() == 1 && b.upper.is_empty() && b.lower_vars.is_empty();
            if (open_lower || partial && !whole || b.closure_result) && effort < Effort::Loose {
                return None;
            }
            // What an open choice gives may be wider.
            let produced =
                |v: &u32| self.table.soft(*v).is_empty() && map.get(v).is_some_and(|m| m.produced);
            if b.lower_vars.iter().any(produced) && effort < Effort::Defaults {
                return None;
            }
            let mut joined = lowers[0];
            for &next in &lowers[1..] {
                match self.join(joined, next) {
                    Some(t) => joined = t,
                    None => {
                        if let Some(upper) = known_upper(b, map) {
                            return Some(upper);
                        }
                    }
                }
            }
            for &v in &b.lower_vars {
                let nil = LiteralSet::of(Literal::Nil);
                if !self.table.literals(v).contains(Literal::Nil) {
                    continue;
                }
                if b.branches
                    && let Some(&optional) = b.upper.first()
                {
                    return Some(optional);
                }
                // A type may have a `nil` of its own.
                if !self.accepts(joined, nil) {
                    joined = optional_of(self.db, joined);
                }
            }
            return Some(joined);
        }
        let boxed = b.upper.first().is_some_and(|t| t.is_existential())
            && effort == Effort::Defaults
            && !open_lower;
        if !b.upper.is_empty()
            && !boxed
            && (b.lower_vars.is_empty() || effort >= Effort::Loose || !open_lower)
        {
            if b.closure_result && effort < Effort::Firm {
                return None;
            }
            let upper = b
                .upper
                .iter()
                .copied()
                .find(|t| !matches!(t.kind(), TyKind::Inout(_)))?;
            // An existential says nothing about the type that is put into it.
            if upper.is_existential() {
                if effort < Effort::Defaults {
                    return None;
                }
                if let Some(ty) = self.default_of_literals(&b.lower_vars)
                    && !open_lower
                    && self.erased_by(ty, upper)
                {
                    return Some(ty);
                }
                if effort < Effort::Last {
                    return None;
                }
            }
            if !upper.has_infer() && !b.conforms.iter().all(|p| self.conforms(upper, *p)) {
                return match optional_payload(self.db, upper) {
                    Some(payload) if b.conforms.iter().all(|p| self.conforms(payload, *p)) => {
                        Some(payload)
                    }
                    _ => None,
                };
            }
            let partial = upper.has_infer();
            if partial && b.never.is_some() && b.lower_vars.is_empty() {
                // What never comes back says nothing about the open parts, such as those of the optional around `try?`.
                return b.never.filter(|_| effort >= Effort::Defaults);
            }
            if partial && effort < Effort::Loose {
                return None;
            }
            // Anything converts to an optional of itself; the looser binding is the one that keeps literals and nil possible.
            return Some(upper);
        }
        if effort == Effort::Last && b.never.is_some() && b.lower_vars.is_empty() {
            return b.never;
        }
        if b.lower_vars.is_empty() && b.upper_vars.is_empty() {
            return None;
        }
        if effort >= Effort::Defaults && !open_lower && !b.lower_vars.is_empty() {
            return self.default_of_literals(&b.lower_vars);
        }
        if effort == Effort::Last || effort == Effort::Loose && !b.produced {
            // Two variables that only meet each other are one.
            if let Some(&v) = b.lower_vars.iter().find(|v| {
                self.table.literals(**v).is_empty() && !map.get(v).is_some_and(|m| m.literal_like)
            }) && (effort == Effort::Last || !map.get(&v).is_some_and(|m| m.produced))
            {
                return Some(Ty::new(TyKind::Infer(v)));
            }
            if effort == Effort::Last
                && let Some(&v) = b.upper_vars.first()
            {
                return Some(Ty::new(TyKind::Infer(v)));
            }
        }
        None
    }

    /// The optional that a choice between `nil` and something is needed as, where of the latter nothing is known yet: it decides which `nil`
    /// is meant.
    fn nil_context(&self, b: &Bounds, map: &FxHashMap<u32, Bounds>) -> Option<Ty> {
        let &[optional] = &*b.upper else { return None };
        if optional.has_infer() || optional_payload(self.db, optional).is_none() {
            return None;
        }
        let (nils, others): (SmallVec<[u32; 4]>, SmallVec<[u32; 4]>) =
            b.lower_vars.iter().copied().partition(|v| self.nilish(*v));
        let unknown = |v: &u32| map.get(v).is_none_or(|m| m.lower.is_empty());
        let open = b.lower.is_empty() && !others.is_empty() && others.iter().all(unknown);
        (open && !nils.is_empty()).then_some(optional)
    }

    /// The existential that the values of a choice are put into one by one: literals among them are there what they are by default, whatever
    /// the other value is.
    fn boxed_alternatives(&self, b: &Bounds, map: &FxHashMap<u32, Bounds>) -> Option<Ty> {
        let &[context] = &*b.upper else { return None };
        let inside = optional_payload(self.db, context).unwrap_or(context);
        if !(b.branches || b.alternatives) || !inside.is_existential() || inside.has_infer() {
            return None;
        }
        let optional = |ty: &Ty| optional_payload(self.db, *ty).is_some();
        // What has a type only in a context keeps the other value's as one.
        let shapeless = |v: &u32| map.get(v).is_some_and(|m| m.literal_like || m.member_base);
        let mixed = b.lower.iter().any(optional)
            || b.lower_vars.iter().any(|v| self.nilish(*v) || shapeless(v));
        (!mixed).then_some(context)
    }

    /// The function of C that a choice gives: each of what is chosen from becomes one by itself, and what they have in common says nothing of C.
    fn alternatives_in_c(&self, b: &Bounds) -> Option<Ty> {
        let &[context] = &*b.upper else { return None };
        let mut inside = context;
        while let Some(payload) = optional_payload(self.db, inside) {
            inside = payload;
        }
        (b.choice && inside.is_c_function()).then_some(context)
    }

    /// Whether an existential can hold values of a known type.
    fn erased_by(&self, ty: Ty, existential: Ty) -> bool {
        match existential.kind() {
            TyKind::Existential(e) => {
                e.bindings.is_empty()
                    && !e.class_bound
                    && e.protocols.iter().all(|&p| self.conforms(ty, p))
            }
            _ => false,
        }
    }

    fn nilish(&self, var: u32) -> bool {
        self.table.literals(var).contains(Literal::Nil)
    }

    /// Whether a variable above a literal may still get a type from elsewhere.
    fn still_open(&self, var: u32, map: &FxHashMap<u32, Bounds>) -> bool {
        self.table.as_var(Ty::new(TyKind::Infer(var))).is_some() && map.contains_key(&var)
    }

    /// The smallest type that both convert to.
    pub fn join(&self, a: Ty, b: Ty) -> Option<Ty> {
        let db = self.db;
        let (a, b) = (self.table.resolve(a), self.table.resolve(b));
        if a == b || b.is_error() {
            return Some(a);
        }
        if a.is_error() {
            return Some(b);
        }
        if lang::is_lang(db, a, LangItem::Never) {
            return Some(b);
        }
        if lang::is_lang(db, b, LangItem::Never) {
            return Some(a);
        }
        match (optional_payload(db, a), optional_payload(db, b)) {
            (Some(x), Some(y)) => return Some(optional_of(db, self.join(x, y)?)),
            (Some(x), None) => return Some(optional_of(db, self.join(x, b)?)),
            (None, Some(y)) => return Some(optional_of(db, self.join(a, y)?)),
            (None, None) => {}
        }
        if a.has_infer() || b.has_infer() {
            return Some(if a.has_infer() { b } else { a });
        }
        if let (TyKind::Metatype(x), TyKind::Metatype(y)) = (a.kind(), b.kind()) {
            return Some(Ty::metatype(self.join(*x, *y)?));
        }
        if let (Some((d, x)), Some((e, y))) = (a.as_nominal(), b.as_nominal())
            && d == e
            && (d == lang(db, LangItem::Array))
        {
            let elem = self.join(x.as_slice()[0], y.as_slice()[0])?;
            return Some(lang_ty(db, LangItem::Array, &[elem]));
        }
        if let (Some(x), Some(y)) = (a.as_function(), b.as_function()) {
            if x.params == y.params && x.result == y.result {
                return Some(if x.throws.is_some() { a } else { b });
            }
            return None;
        }
        if let (TyKind::Existential(x), _) = (a.kind(), b.kind())
            && x.bindings.is_empty()
            && x.protocols.iter().all(|p| self.conforms(b, *p))
            && (!x.class_bound || self.is_class(b))
        {
            return Some(a);
        }
        if let (_, TyKind::Existential(x)) = (a.kind(), b.kind())
            && x.bindings.is_empty()
            && x.protocols.iter().all(|p| self.conforms(a, *p))
            && (!x.class_bound || self.is_class(a))
        {
            return Some(b);
        }
        // The nearest common superclass.
        let mut up = Some(a);
        while let Some(t) = up {
            if self.upcasts(b, t) || t == b {
                return Some(t);
            }
            let (def, args) = t.as_nominal()?;
            if def.kind(db) != crate::items::ids::DefKind::Class {
                return None;
            }
            up = superclass(db, def).map(|s| s.subst(args.as_slice()));
        }
        None
    }
}

impl<'db> Checker<'db> {
    /// A known type that the values of a variable convert to.
    pub fn known_upper(&self, var: u32) -> Option<Ty> {
        let map = self.all_bounds();
        known_upper(map.get(&var)?, &map)
    }
}

/// A known type that a variable's values convert to in the end, through other variables.
fn known_upper(bounds: &Bounds, map: &FxHashMap<u32, Bounds>) -> Option<Ty> {
    // Longer chains of variables than this say too little to be worth looking through.
    let mut at = bounds;
    for _ in 0..8 {
        if let Some(&upper) = at.upper.iter().find(|t| !t.has_infer()) {
            return Some(upper);
        }
        at = at.upper_vars.iter().find_map(|var| map.get(var))?;
    }
    None
}
