//! Relations between types: equality, conversion, conformance, associated types.

use smallvec::SmallVec;

use crate::bodies::check::Checker;
use crate::items::ids::DefId;
use crate::types::conformance::{assoc_type, is_class_type, normalize};
use crate::types::env::is_type_param;
use crate::types::existential::is_openable;
use crate::types::generics::{Requirement, generic_env, generics};
use crate::types::lang::{self, LangItem, is_lang, lang, optional_payload, payload_of};
use crate::types::nominal::inherited_type;
use crate::types::opaque::OpaqueParam;
use crate::types::ty::{Existential, FnTy, ParamMode, Ty, TyKind};

use super::{Constraint, FailKind, Loc, Purpose, Rel, Step, Why, fail, wait};

impl<'db> Checker<'db> {
    /// Relates parts of types that are being related: what must wait becomes a constraint of its own.
    pub fn relate_sub(&mut self, rel: Rel, a: Ty, b: Ty, loc: Loc) -> Step {
        match self.relate(rel, a, b, loc) {
            Step::Waiting(_) => {
                self.cs.add(Constraint::Relate { rel, a, b, loc });
                Step::Solved
            }
            step => step,
        }
    }

    /// Relates two types as far as they are known.
    pub fn relate(&mut self, rel: Rel, a: Ty, b: Ty, loc: Loc) -> Step {
        let a = self.table.shallow(a);
        let b = self.table.shallow(b);
        if a == b {
            return Step::Solved;
        }
        let mismatch = |this: &Self| {
            fail(
                FailKind::Mismatch(this.table.resolve(a), this.table.resolve(b)),
                loc,
            )
        };
        if loc.why.accepts_never() && is_lang(self.db, a, LangItem::Never) {
            return match self.table.as_var(b) {
                Some(var) => wait(var),
                None => Step::Solved,
            };
        }
        match (a.kind(), b.kind()) {
            (TyKind::Error, _) | (_, TyKind::Error) => {
                // An error agrees with everything; variables inside the other side stay for others to bind.
                if let Some(var) = self.table.as_var(a).or(self.table.as_var(b)) {
                    self.table.bind(var, Ty::error());
                }
                return Step::Solved;
            }
            (TyKind::Infer(x), TyKind::Infer(y)) => {
                if rel == Rel::Equal {
                    self.table.bind(*x, b);
                    return Step::Solved;
                }
                let mut vars = SmallVec::new();
                vars.push(*x);
                vars.push(*y);
                return Step::Waiting(vars);
            }
            (TyKind::Infer(v), _) if rel == Rel::Equal => {
                if !self.bind(*v, b) {
                    return mismatch(self);
                }
                return Step::Solved;
            }
            (_, TyKind::Infer(v)) if rel == Rel::Equal => {
                if !self.bind(*v, a) {
                    return mismatch(self);
                }
                return Step::Solved;
            }
            (TyKind::Infer(v), _) => {
                // Nothing but an inout argument converts to one.
                if let TyKind::Inout(_) = b.kind() {
                    return wait(*v);
                }
                return wait(*v);
            }
            (_, TyKind::Infer(v)) => {
                if let TyKind::Inout(_) = a.kind() {
                    return wait(*v);
                }
                return wait(*v);
            }
            _ => {}
        }
        if rel != Rel::Equal && matches!(loc.why, Why::Branch | Why::ClosureValue) && b.is_unit() {
            // A value that is dropped is a worse reading than one that is used.
            self.cs.score.function_conversion += u32::from(!a.is_unit());
            return Step::Solved;
        }
        if rel != Rel::Equal
            && let Some(step) = self.convert(rel, a, b, loc)
        {
            return step;
        }
        match (a.kind(), b.kind()) {
            (TyKind::Nominal { def: d, args: x }, TyKind::Nominal { def: e, args: y })
                if d == e && x.len() == y.len() =>
            {
                for (x, y) in x.iter().zip(y.iter()) {
                    if let Step::Failed(_) = self.relate_sub(Rel::Equal, x, y, loc) {
                        return mismatch(self);
                    }
                }
                Step::Solved
            }
            (TyKind::Tuple(x), TyKind::Tuple(y)) if x.len() == y.len() => {
                for (x, y) in x.iter().zip(y.iter()) {
                    // Where generics meet, elements with and without labels are the same.
                    let labels = x.label == y.label
                        || (rel != Rel::Equal || loc.why == Why::Requirement)
                            && (x.label.is_none() || y.label.is_none());
                    if !labels {
                        return mismatch(self);
                    }
                    let rel = if rel == Rel::Equal {
                        Rel::Equal
                    } else {
                        Rel::Convert
                    };
                    if let Step::Failed(f) = self.relate_sub(rel, x.ty, y.ty, loc) {
                        return Step::Failed(f);
                    }
                }
                Step::Solved
            }
            (TyKind::Function(f), TyKind::Function(g)) => {
                self.relate_functions(rel, f, g, a, b, loc)
            }
            (TyKind::Metatype(x), TyKind::Metatype(y)) => {
                let (x, y) = (self.table.shallow(*x), self.table.shallow(*y));
                if rel == Rel::Equal {
                    return self.relate_sub(Rel::Equal, x, y, loc);
                }
                if let Some(v) = self.table.as_var(x).or(self.table.as_var(y)) {
                    if self.table.as_var(x).is_some() && self.table.as_var(y).is_some() {
                        return wait(v);
                    }
                    // A metatype that goes into an existential's says nothing of its type, which values must tell.
                    if let Some(unknown) = self.table.as_var(x)
                        && matches!(y.kind(), TyKind::Existential(_))
                    {
                        return wait(unknown);
                    }
                    // `T.Type` of an unknown type: the same type, unless the known one is a class or existential.
                    return match self.relate_sub(Rel::Equal, x, y, loc) {
                        Step::Failed(_) => mismatch(self),
                        step => step,
                    };
                }
                let fits = match y.kind() {
                    TyKind::Existential(e) => self.erases(x, e, loc),
                    _ => self.upcasts(x, y),
                };
                if fits {
                    return Step::Solved;
                }
                match self.relate_sub(Rel::Equal, x, y, loc) {
                    Step::Failed(_) => mismatch(self),
                    step => step,
                }
            }
            (TyKind::ProtocolMetatype(x), TyKind::Metatype(y)) if rel != Rel::Equal => {
                let y = self.table.shallow(*y);
                if let TyKind::Existential(e) = y.kind()
                    && self.erases(*x, e, loc)
                {
                    return Step::Solved;
                }
                match self.relate_sub(Rel::Equal, *x, y, loc) {
                    Step::Failed(_) => mismatch(self),
                    step => step,
                }
            }
            (TyKind::ProtocolMetatype(x), TyKind::ProtocolMetatype(y)) => {
                self.relate_sub(Rel::Equal, *x, *y, loc)
            }
            (TyKind::Inout(x), TyKind::Inout(y)) => {
                match self.relate_sub(Rel::Equal, *x, *y, loc) {
                    Step::Failed(_) => mismatch(self),
                    step => step,
                }
            }
            (TyKind::DynamicSelf(x), TyKind::DynamicSelf(y)) => {
                self.relate_sub(Rel::Equal, *x, *y, loc)
            }
            (TyKind::DynamicSelf(x), _) if rel != Rel::Equal => self.relate(rel, *x, b, loc),
            (_, TyKind::DynamicSelf(y)) if rel != Rel::Equal => self.relate(rel, a, *y, loc),
            (TyKind::PackExpansion(x), TyKind::PackExpansion(y)) => {
                self.relate_sub(Rel::Equal, *x, *y, loc)
            }
            (TyKind::Existential(x), TyKind::Existential(y))
                if x.protocols == y.protocols
                    && x.class_bound == y.class_bound
                    && x.bindings.len() == y.bindings.len() =>
            {
                for ((d, x), (e, y)) in x.bindings.iter().zip(y.bindings.iter()) {
                    if d != e {
                        return mismatch(self);
                    }
                    if let Step::Failed(_) = self.relate_sub(Rel::Equal, *x, *y, loc) {
                        return mismatch(self);
                    }
                }
                match (x.superclass, y.superclass) {
                    (None, None) => Step::Solved,
                    (Some(x), Some(y)) => self.relate_sub(Rel::Equal, x, y, loc),
                    _ => mismatch(self),
                }
            }
            (
                TyKind::Opaque { def, index, args },
                TyKind::Opaque {
                    def: d,
                    index: i,
                    args: y,
                },
            ) if def == d && index == i && args.len() == y.len() => {
                for (x, y) in args.iter().zip(y.iter()) {
                    if let Step::Failed(_) = self.relate_sub(Rel::Equal, x, y, loc) {
                        return mismatch(self);
                    }
                }
                Step::Solved
            }
            // What an associated type of an unknown type is shows when that is found.
            (TyKind::Assoc { base, assoc }, _) if base.has_infer() => {
                let a = self.project(*base, *assoc, loc);
                self.relate_sub(rel, a, b, loc)
            }
            (_, TyKind::Assoc { base, assoc }) if base.has_infer() => {
                let b = self.project(*base, *assoc, loc);
                self.relate_sub(rel, a, b, loc)
            }
            (TyKind::Assoc { .. } | TyKind::Param { .. }, _)
            | (_, TyKind::Assoc { .. } | TyKind::Param { .. }) => {
                let (x, y) = (self.norm(a), self.norm(b));
                if x == y {
                    return Step::Solved;
                }
                if x != a || y != b {
                    return self.relate(rel, x, y, loc);
                }
                if let (TyKind::Assoc { base: p, assoc: c }, TyKind::Assoc { base: q, assoc: d }) =
                    (a.kind(), b.kind())
                    && c == d
                {
                    return self.relate_sub(Rel::Equal, *p, *q, loc);
                }
                mismatch(self)
            }
            _ => mismatch(self),
        }
    }

    /// The type with projections reduced in the environment of the body.
    pub fn norm(&self, ty: Ty) -> Ty {
        // A same-type requirement may give a parameter another representative.
        if ty.has_projection() || ty.has_params() {
            normalize(self.db, Some(self.env), ty)
        } else {
            ty
        }
    }

    /// Conversions that equality does not cover; none when only equality of shape is left.
    fn convert(&mut self, rel: Rel, a: Ty, b: Ty, loc: Loc) -> Option<Step> {
        let db = self.db;
        // Into and between optionals.
        if let Some(y) = optional_payload(db, b) {
            if let Some(x) = optional_payload(db, a) {
                return Some(self.relate_sub(rel.inside(), x, y, loc));
            }
            if !matches!(a.kind(), TyKind::Inout(_)) || self.is_pointer(y) {
                self.cs.score.to_optional += 1;
                return Some(self.relate_sub(rel, a, y, loc));
            }
        }
        if let TyKind::Inout(x) = a.kind() {
            if matches!(b.kind(), TyKind::Inout(_)) {
                return None;
            }
            if rel == Rel::Argument
                && let Some(step) = self.inout_to_pointer(*x, b, loc)
            {
                self.cs.score.to_pointer += 1;
                return Some(step);
            }
            return None;
        }
        match b.kind() {
            TyKind::Existential(e) => {
                if let TyKind::Existential(x) = a.kind()
                    && x.protocols == e.protocols
                    && !e.bindings.is_empty()
                {
                    return None;
                }
                // `x as AnyObject` puts what is no object into one.
                if b.is_any_object() && loc.why == Why::Context(Purpose::Coerce) {
                    return Some(Step::Solved);
                }
                if self.erases(a, e, loc) {
                    if b.is_any() {
                        self.cs.score.to_any += 1;
                    }
                    return Some(Step::Solved);
                }
                Some(fail(
                    FailKind::Mismatch(self.table.resolve(a), self.table.resolve(b)),
                    loc,
                ))
            }
            TyKind::Nominal { def, args } => {
                if let TyKind::Nominal { def: d, args: x } = a.kind() {
                    if d == def {
                        // Collections convert by their elements.
                        let collection = *def == lang(db, LangItem::Array)
                            || *def == lang(db, LangItem::Dictionary)
                            || *def == lang(db, LangItem::Set);
                        if collection && x.len() == args.len() {
                            let before = self.cs.score;
                            for (x, y) in x.iter().zip(args.iter()) {
                                if let Step::Failed(_) = self.relate_sub(rel.inside(), x, y, loc) {
                                    return Some(fail(
                                        FailKind::Mismatch(
                                            self.table.resolve(a),
                                            self.table.resolve(b),
                                        ),
                                        loc,
                                    ));
                                }
                            }
                            if self.cs.score != before {
                                self.cs.score.collection += 1;
                            }
                            return Some(Step::Solved);
                        }
                        return None;
                    }
                    if let Some(up) = inherited_type(db, a, *def) {
                        return Some(self.relate_sub(Rel::Equal, up, b, loc));
                    }
                    if rel == Rel::Argument
                        && let Some(step) = self.value_to_pointer(a, b, loc)
                    {
                        self.cs.score.to_pointer += 1;
                        return Some(step);
                    }
                }
                if *def == lang(db, LangItem::AnyHashable)
                    && rel != Rel::Operand
                    && !matches!(a.kind(), TyKind::Function(_) | TyKind::Tuple(_))
                {
                    self.cs.score.user_conversion += 1;
                    let protocol = lang(db, LangItem::Hashable);
                    return Some(match self.step_conforms(a, protocol, loc) {
                        Step::Failed(_) => fail(
                            FailKind::Mismatch(self.table.resolve(a), self.table.resolve(b)),
                            loc,
                        ),
                        step => step,
                    });
                }
                // A type parameter or existential with a superclass.
                if let Some(up) = self.superclass_bound(a)
                    && let Some(up) = inherited_type(db, up, *def).or(Some(up))
                    && up.nominal_def() == Some(*def)
                {
                    return Some(self.relate_sub(Rel::Equal, up, b, loc));
                }
                None
            }
            _ => None,
        }
    }

    pub fn is_pointer(&self, ty: Ty) -> bool {
        [
            LangItem::UnsafePointer,
            LangItem::UnsafeMutablePointer,
            LangItem::UnsafeRawPointer,
            LangItem::UnsafeMutableRawPointer,
        ]
        .into_iter()
        .any(|item| is_lang(self.db, self.table.shallow(ty), item))
    }

    fn inout_to_pointer(&mut self, place: Ty, b: Ty, loc: Loc) -> Option<Step> {
        let db = self.db;
        let place = self.table.shallow(place);
        if is_lang(db, b, LangItem::UnsafeRawPointer)
            || is_lang(db, b, LangItem::UnsafeMutableRawPointer)
        {
            return Some(Step::Solved);
        }
        let to = payload_of(db, b, LangItem::UnsafeMutablePointer)
            .or_else(|| payload_of(db, b, LangItem::UnsafePointer))?;
        if let Some(elem) = payload_of(db, place, LangItem::Array)
            && self.table.shallow(to).nominal_def() != place.nominal_def()
        {
            return Some(self.relate_sub(Rel::Equal, elem, to, loc));
        }
        Some(self.relate_sub(Rel::Equal, place, to, loc))
    }

    fn value_to_pointer(&mut self, a: Ty, b: Ty, loc: Loc) -> Option<Step> {
        let db = self.db;
        let raw = is_lang(db, b, LangItem::UnsafeRawPointer);
        let to = payload_of(db, b, LangItem::UnsafePointer);
        if let Some(from) = payload_of(db, a, LangItem::UnsafeMutablePointer) {
            if raw || is_lang(db, b, LangItem::UnsafeMutableRawPointer) {
                return Some(Step::Solved);
            }
            return Some(self.relate_sub(Rel::Equal, from, to?, loc));
        }
        if raw
            && (payload_of(db, a, LangItem::UnsafePointer).is_some()
                || is_lang(db, a, LangItem::UnsafeMutableRawPointer))
        {
            return Some(Step::Solved);
        }
        if let Some(elem) = payload_of(db, a, LangItem::Array) {
            if raw {
                return Some(Step::Solved);
            }
            return Some(self.relate_sub(Rel::Equal, elem, to?, loc));
        }
        if is_lang(db, a, LangItem::String) {
            if raw {
                return Some(Step::Solved);
            }
            let to = self.table.shallow(to?);
            let byte = is_lang(db, to, LangItem::Int8) || is_lang(db, to, LangItem::UInt8);
            return byte.then_some(Step::Solved);
        }
        None
    }

    /// Whether a class type converts to another by inheritance alone.
    pub fn upcasts(&self, a: Ty, b: Ty) -> bool {
        match b.nominal_def() {
            Some(def) => inherited_type(self.db, a, def).is_some_and(|up| up == b),
            None => false,
        }
    }

    /// The superclass that a type parameter's or existential's bounds give.
    pub fn superclass_bound(&self, ty: Ty) -> Option<Ty> {
        match ty.kind() {
            TyKind::Existential(e) => e.superclass,
            TyKind::Param { .. } | TyKind::Assoc { .. } if is_type_param(ty) => {
                generic_env(self.db, self.env)?.superclass_of(self.db, self.norm(ty))
            }
            TyKind::Opaque { .. } | TyKind::Assoc { .. } => {
                OpaqueParam::of(self.db, ty)?.superclass()
            }
            _ => None,
        }
    }

    /// Whether a value of the type can be put into the existential; conformances of parts that are unknown become constraints.
    pub fn erases(&mut self, a: Ty, e: &Existential, loc: Loc) -> bool {
        if matches!(a.kind(), TyKind::Inout(_)) {
            return false;
        }
        if (e.class_bound || e.superclass.is_some()) && !self.is_class(a) {
            return false;
        }
        if let Some(class) = e.superclass {
            let from = self.superclass_bound(a).unwrap_or(a);
            let fits = from == class
                || class
                    .nominal_def()
                    .and_then(|def| inherited_type(self.db, from, def))
                    .is_some();
            if !fits {
                return false;
            }
        }
        for &protocol in e.protocols.iter() {
            if let Step::Failed(_) = self.step_conforms(a, protocol, loc) {
                return false;
            }
        }
        for &(assoc, bound) in e.bindings.iter() {
            let projection = self.project(a, assoc, loc);
            if let Step::Failed(_) = self.relate_sub(Rel::Equal, projection, bound, loc) {
                return false;
            }
        }
        true
    }

    /// `base.assoc`, as a type or a variable that a constraint will bind.
    pub fn project(&mut self, base: Ty, assoc: DefId, loc: Loc) -> Ty {
        let result = self.table.fresh();
        match self.step_assoc(base, assoc, result, loc) {
            Step::Solved => {}
            Step::Waiting(_) | Step::Failed(_) => {
                self.cs.add(Constraint::Assoc {
                    base,
                    assoc,
                    result,
                    loc,
                });
            }
        }
        self.table.shallow(result)
    }

    /// Whether values of the type are references to objects.
    pub fn is_class(&self, ty: Ty) -> bool {
        let ty = self.table.shallow(ty);
        match ty.kind() {
            TyKind::Nominal { def, .. } => def.kind(self.db) == crate::items::ids::DefKind::Class,
            TyKind::Existential(e) => e.class_bound || e.superclass.is_some(),
            TyKind::DynamicSelf(_) | TyKind::Error => true,
            TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Opaque { .. } => {
                is_class_type(self.db, Some(self.env), self.norm(ty))
            }
            TyKind::Builtin(crate::types::ty::BuiltinTy::NativeObject) => true,
            _ => false,
        }
    }

    fn relate_functions(
        &mut self,
        rel: Rel,
        f: &'static FnTy,
        g: &'static FnTy,
        a: Ty,
        b: Ty,
        loc: Loc,
    ) -> Step {
        let mismatch = |this: &Self| {
            fail(
                FailKind::Mismatch(this.table.resolve(a), this.table.resolve(b)),
                loc,
            )
        };
        // Whether a function may become one of C shows in its expression, which is looked at when the conversion is made.
        if f.repr != g.repr {
            if rel == Rel::Equal {
                return mismatch(self);
            }
            self.cs.score.function_conversion += 1;
        }
        let inner = if rel == Rel::Equal {
            Rel::Equal
        } else {
            Rel::Convert
        };
        if f.params.len() != g.params.len() {
            // A function of several parameters passed where one tuple is expected.
            let spread = match &*g.params {
                [one] if rel == Rel::Argument => {
                    // Whether it is one may only show later.
                    if let Some(var) = self.table.as_var(one.ty)
                        && f.params.len() > 1
                        && self.may_be_tuple(var)
                    {
                        return wait(var);
                    }
                    self.table.shallow(one.ty).as_tuple().map(<[_]>::to_vec)
                }
                _ => None,
            };
            let Some(elems) = spread.filter(|elems| elems.len() == f.params.len()) else {
                return mismatch(self);
            };
            self.cs.score.function_conversion += 1;
            for (p, e) in f.params.iter().zip(elems) {
                if let Step::Failed(_) = self.relate_sub(inner, e.ty, p.ty, loc) {
                    return mismatch(self);
                }
            }
        } else {
            for (p, q) in f.params.iter().zip(g.params.iter()) {
                if (p.mode == ParamMode::Inout) != (q.mode == ParamMode::Inout)
                    || p.variadic != q.variadic
                {
                    return mismatch(self);
                }
                let rel = if p.mode == ParamMode::Inout {
                    Rel::Equal
                } else {
                    inner
                };
                if let Step::Failed(_) = self.relate_sub(rel, q.ty, p.ty, loc) {
                    return mismatch(self);
                }
            }
        }
        if f.is_async && !g.is_async || rel == Rel::Equal && f.is_async != g.is_async {
            return mismatch(self);
        }
        match (f.throws, g.throws) {
            (None, None) => {}
            (Some(x), Some(y)) => {
                if let Step::Failed(_) = self.relate_sub(inner, x, y, loc) {
                    return mismatch(self);
                }
            }
            (None, Some(y)) => {
                // A function that does not throw throws `Never`.
                if let Some(var) = self.table.as_var(y) {
                    self.table.bind(var, lang::never_ty(self.db));
                } else if rel == Rel::Equal && !is_lang(self.db, y, LangItem::Never) {
                    return mismatch(self);
                }
            }
            (Some(x), None) => {
                if let Some(var) = self.table.as_var(x) {
                    self.table.bind(var, lang::never_ty(self.db));
                } else if !is_lang(self.db, self.table.shallow(x), LangItem::Never) {
                    return mismatch(self);
                }
            }
        }
        if let Step::Failed(_) = self.relate_sub(inner, f.result, g.result, loc) {
            return mismatch(self);
        }
        Step::Solved
    }

    /// Whether what goes into a variable may still make it a tuple: literals and other types do not.
    fn may_be_tuple(&self, var: u32) -> bool {
        let becomes_tuple = |ty: Ty| match self.table.as_var(ty) {
            Some(var) => self.table.literals(var).is_empty(),
            None => self.table.shallow(ty).as_tuple().is_some(),
        };
        becomes_tuple(Ty::new(TyKind::Infer(var)))
            && self.table.watchers(var).iter().all(|&id| {
                match self.cs.constraints.get(id as usize) {
                    Some(Constraint::Relate { a, b, loc, .. })
                        if !self.cs.is_done(id)
                            && !loc.why.accepts_never()
                            && self.table.as_var(*b) == Some(var) =>
                    {
                        becomes_tuple(*a)
                    }
                    _ => true,
                }
            })
    }

    pub fn step_unwrap(&mut self, optional: Ty, object: Ty, loc: Loc) -> Step {
        let optional = self.table.shallow(optional);
        if let Some(var) = self.table.as_var(optional) {
            return wait(var);
        }
        if optional.is_error() {
            return self.relate_sub(Rel::Equal, object, Ty::error(), loc);
        }
        match optional_payload(self.db, optional) {
            Some(payload) => self.relate_sub(Rel::Equal, payload, object, loc),
            None => fail(FailKind::NotOptional(self.table.resolve(optional)), loc),
        }
    }

    pub fn step_assoc(&mut self, base: Ty, assoc: DefId, result: Ty, loc: Loc) -> Step {
        let base = self.table.shallow(base);
        if let Some(var) = self.table.as_var(base) {
            return wait(var);
        }
        if base.is_error() {
            return self.relate_sub(Rel::Equal, result, Ty::error(), loc);
        }
        let base = self.norm(self.table.resolve(base));
        let base = match base.kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => base,
        };
        let projection = Ty::new(TyKind::Assoc { base, assoc });
        let reduced = match base.has_infer() {
            true => assoc_type(self.db, base, assoc).unwrap_or(projection),
            false => {
                let reduced = self.norm(projection);
                if reduced == projection {
                    assoc_type(self.db, base, assoc).unwrap_or(projection)
                } else {
                    reduced
                }
            }
        };
        if reduced.is_error() {
            return self.relate_sub(Rel::Equal, result, reduced, loc);
        }
        if reduced == projection && base.has_infer() {
            let mut vars = SmallVec::new();
            self.table.vars_in(base, &mut vars);
            return Step::Waiting(vars);
        }
        let reduced = self.reopen(reduced, loc);
        self.relate_sub(Rel::Equal, result, reduced, loc)
    }

    /// Replaces projections whose base contains variables by variables with constraints.
    pub fn reopen(&mut self, ty: Ty, loc: Loc) -> Ty {
        if !(ty.has_projection() && ty.has_infer()) {
            return ty;
        }
        let mut found: Vec<(Ty, DefId)> = Vec::new();
        // Innermost projections first would need recursion; outermost bases are opened on the way.
        ty.any_part(&mut |t| {
            if let TyKind::Assoc { base, assoc } = t.kind()
                && base.has_infer()
            {
                found.push((*base, *assoc));
                return true;
            }
            false
        });
        let Some((base, assoc)) = found.pop() else {
            return ty;
        };
        let whole = Ty::new(TyKind::Assoc { base, assoc });
        let opened = self.reopen(base, loc);
        let var = self.project(opened, assoc, loc);
        let next = ty.map(&mut |t| (t == whole).then_some(var));
        self.reopen(next, loc)
    }

    /// Demands the requirements of a declaration's generics for these arguments, from the given requirement on.
    pub fn require_all(&mut self, def: DefId, args: &[Ty], skip: usize, loc: Loc) {
        let requirements = &generics(self.db, def).requirements;
        let loc = Loc {
            expr: loc.expr,
            why: Why::Requirement,
        };
        for &requirement in requirements.iter().skip(skip) {
            let opens = match requirement.subject().kind() {
                TyKind::Param { index, .. } => is_openable(self.db, def, *index),
                _ => false,
            };
            self.demand(requirement, args, opens, loc);
        }
    }

    /// Demands a requirement for these arguments. An existential whose values conform will do where the call `opens` it.
    pub fn demand(&mut self, requirement: Requirement, args: &[Ty], opens: bool, loc: Loc) {
        let constraint = match requirement.map(&mut |ty| self.instantiate(ty, args, loc)) {
            Requirement::Conforms(ty, protocol) => Constraint::Conforms {
                ty,
                protocol,
                opens,
                loc,
            },
            Requirement::Same(a, b) => Constraint::Relate {
                rel: Rel::Equal,
                a,
                b,
                loc,
            },
            Requirement::Superclass(ty, class) => Constraint::Superclass { ty, class, loc },
            Requirement::Class(ty) => Constraint::ClassBound { ty, loc },
        };
        self.cs.add(constraint);
    }

    /// A declaration's type for these arguments, with projections of variables opened.
    pub fn instantiate(&mut self, ty: Ty, args: &[Ty], loc: Loc) -> Ty {
        let ty = ty.subst(args);
        let ty = if ty.has_infer() && ty.has_projection() {
            // Known projections beside unknown ones.
            let ty = ty.map(&mut |t| (!t.has_infer()).then(|| self.norm(t)));
            self.reopen(ty, loc)
        } else if ty.has_infer() {
            ty
        } else {
            self.norm(ty)
        };
        self.plain_throws(ty)
    }

    /// `throws(Never)` is not throwing.
    fn plain_throws(&self, ty: Ty) -> Ty {
        let mut found = false;
        ty.any_part(&mut |t| {
            found |= matches!(t.kind(), TyKind::Function(f) if f.throws.is_some_and(|e| is_lang(self.db, self.table.shallow(e), LangItem::Never)));
            found
        });
        if !found {
            return ty;
        }
        let f = match ty.kind() {
            TyKind::Function(f) => f,
            _ => return ty,
        };
        let throws = f
            .throws
            .filter(|e| !is_lang(self.db, self.table.shallow(*e), LangItem::Never));
        Ty::function(FnTy {
            throws,
            ..f.clone()
        })
    }

    /// The type of `type(of: value)`.
    pub fn metatype_of_value(&self, value: Ty) -> Ty {
        match value.kind() {
            TyKind::Metatype(_) => Ty::metatype(value),
            _ => Ty::metatype(value),
        }
    }
}
