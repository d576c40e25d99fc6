//! Conversions made explicit.

use crate::bodies::check::Checker;
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::types::lang::{LangItem, is_lang, lang, optional_payload};
use crate::types::ty::{FnTy, ParamMode, Ty, TyKind};

impl<'db> Checker<'db> {
    pub(super) fn convert_node(&mut self, kind: Conversion, expr: TExprId, to: Ty) -> TExprId {
        let src = self.out.exprs[expr].src;
        self.node(TExprKind::Convert { kind, expr }, to, src)
    }

    /// How many times a type is optional.
    fn optional_depth(&self, mut ty: Ty) -> usize {
        let mut depth = 0;
        while let Some(payload) = optional_payload(self.db, ty) {
            (ty, depth) = (payload, depth + 1);
        }
        depth
    }

    /// The expression converted to a type. The solver has proved that it converts.
    pub fn coerce(&mut self, expr: TExprId, to: Ty) -> TExprId {
        let db = self.db;
        let to = self.table.resolve(to);
        let from = self.table.resolve(self.out.exprs[expr].ty);
        if from == to || from.is_error() || to.is_error() || to.has_infer() || from.has_infer() {
            return expr;
        }
        if is_lang(db, from, LangItem::Never) {
            // Control does not come back with a value to convert.
            return expr;
        }
        let (from_n, to_n) = (self.norm(from), self.norm(to));
        if from_n == to_n {
            return expr;
        }
        if let Some(y) = optional_payload(db, to_n) {
            // A value that is less often optional is wrapped as it is: what it holds stays where it was, even if that is nothing.
            let wraps = self.optional_depth(from_n) < self.optional_depth(to_n);
            if let Some(x) = optional_payload(db, from_n).filter(|_| !wraps) {
                if self.same(x, y) {
                    return self.convert_node(Conversion::Identity, expr, to);
                }
                let src = self.out.exprs[expr].src;
                let payload = self.temp("$payload", x, TLocalKind::Let);
                let read = self.node(TExprKind::Local(payload), x, src);
                let convert = self.coerce(read, y);
                return self.convert_node(
                    Conversion::OptionalToOptional { payload, convert },
                    expr,
                    to,
                );
            }
            let inner = self.coerce(expr, y);
            return self.convert_node(Conversion::ToOptional, inner, to);
        }
        let kind = match (from_n.kind(), to_n.kind()) {
            (TyKind::DynamicSelf(x), _) if *x == to_n => Conversion::Upcast,
            (_, TyKind::DynamicSelf(_)) => Conversion::Identity,
            (TyKind::Existential(_), TyKind::Existential(_)) => Conversion::Existential,
            (_, TyKind::Existential(e)) => {
                if e.class_bound && e.protocols.is_empty() && self.is_class(from_n) {
                    Conversion::Upcast
                } else {
                    Conversion::Erase
                }
            }
            (TyKind::Function(f), TyKind::Function(g)) => {
                return self.convert_function(expr, f, g, to);
            }
            (TyKind::Tuple(x), TyKind::Tuple(y)) if x.len() == y.len() => {
                if x.iter().zip(y.iter()).all(|(x, y)| self.same(x.ty, y.ty)) {
                    Conversion::Identity
                } else {
                    let src = self.out.exprs[expr].src;
                    // A tuple expression converts element by element in place.
                    if let TExprKind::Tuple(elems) = &self.out.exprs[expr].kind {
                        let elems = elems.clone();
                        let elems = elems
                            .into_iter()
                            .zip(y.iter())
                            .map(|(e, y)| self.coerce(e, y.ty))
                            .collect();
                        return self.node(TExprKind::Tuple(elems), to, src);
                    }
                    let mut parts = Vec::new();
                    for (x, y) in x.iter().zip(y.iter()) {
                        let local = self.temp("$element", x.ty, TLocalKind::Let);
                        let read = self.node(TExprKind::Local(local), x.ty, src);
                        parts.push((local, self.coerce(read, y.ty)));
                    }
                    Conversion::Tuple(parts)
                }
            }
            (TyKind::Metatype(_) | TyKind::ProtocolMetatype(_), TyKind::Metatype(_)) => {
                Conversion::Metatype
            }
            (TyKind::Nominal { def: d, args: x }, TyKind::Nominal { def: e, args: y })
                if d == e =>
            {
                let src = self.out.exprs[expr].src;
                if *d == lang(db, LangItem::Dictionary) && x.len() == 2 {
                    let pair_ty = Ty::tuple_of(x.as_slice());
                    let target = Ty::tuple_of(y.as_slice());
                    let pair = self.temp("$pair", pair_ty, TLocalKind::Let);
                    let read = self.node(TExprKind::Local(pair), pair_ty, src);
                    let convert = self.coerce(read, target);
                    Conversion::Dictionary { pair, convert }
                } else if let (Some(&x), Some(&y)) = (x.as_slice().first(), y.as_slice().first())
                    && (*d == lang(db, LangItem::Array) || *d == lang(db, LangItem::Set))
                {
                    let elem = self.temp("$element", x, TLocalKind::Let);
                    let read = self.node(TExprKind::Local(elem), x, src);
                    let convert = self.coerce(read, y);
                    Conversion::Collection { elem, convert }
                } else {
                    Conversion::Identity
                }
            }
            (TyKind::Inout(_), _) => {
                let src = self.out.exprs[expr].src;
                return self.node(TExprKind::InoutToPointer(expr), to, src);
            }
            _ if is_lang(db, to_n, LangItem::AnyHashable) => Conversion::AnyHashable,
            _ if self.is_pointer(to_n) => Conversion::ToPointer,
            _ if self.is_class(from_n) => Conversion::Upcast,
            _ => Conversion::Identity,
        };
        self.convert_node(kind, expr, to)
    }

    pub(super) fn same(&self, a: Ty, b: Ty) -> bool {
        a == b || self.norm(self.table.resolve(a)) == self.norm(self.table.resolve(b))
    }

    fn convert_function(
        &mut self,
        expr: TExprId,
        f: &'static FnTy,
        g: &'static FnTy,
        to: Ty,
    ) -> TExprId {
        if g.is_c() {
            return self.c_function(expr, f, g, to);
        }
        let trivial = f.repr == g.repr
            && f.params.len() == g.params.len()
            && f.params
                .iter()
                .zip(g.params.iter())
                .all(|(p, q)| self.same(p.ty, q.ty) && p.mode == q.mode)
            && self.same(f.result, g.result);
        // A closure literal simply takes the type that is wanted.
        if trivial && f.throws.is_some() == g.throws.is_some() {
            return self.convert_node(Conversion::FunctionTrivial, expr, to);
        }
        let src = self.out.exprs[expr].src;
        let conversion = self.function_thunk(src, f, g);
        self.convert_node(Conversion::Function(Box::new(conversion)), expr, to)
    }

    fn function_thunk(&mut self, src: ExprId, f: &FnTy, g: &FnTy) -> FunctionConversion {
        let mut params = Vec::new();
        let mut args = Vec::new();
        for q in g.params.iter() {
            let kind = if q.mode == ParamMode::Inout {
                TLocalKind::InoutParam
            } else {
                TLocalKind::Param
            };
            params.push(self.temp("$parameter", q.ty, kind));
        }
        if f.params.len() == g.params.len() {
            for (i, p) in f.params.iter().enumerate() {
                let q = &g.params[i];
                let read = self.node(TExprKind::Local(params[i]), q.ty, src);
                args.push(if p.mode == ParamMode::Inout {
                    read
                } else {
                    self.coerce(read, p.ty)
                });
            }
        } else if let [only] = &*params {
            // One tuple becomes several arguments.
            let only = *only;
            let tuple = g.params[0].ty;
            for (i, p) in f.params.iter().enumerate() {
                let elem = tuple
                    .as_tuple()
                    .and_then(|t| t.get(i))
                    .map_or(Ty::error(), |e| e.ty);
                let base = self.node(TExprKind::Local(only), tuple, src);
                let read = self.node(
                    TExprKind::TupleElem {
                        base,
                        index: i as u32,
                    },
                    elem,
                    src,
                );
                args.push(self.coerce(read, p.ty));
            }
        }
        let result = self.temp("$result", f.result, TLocalKind::Let);
        let read = self.node(TExprKind::Local(result), f.result, src);
        let convert = self.coerce(read, g.result);
        FunctionConversion {
            params,
            args,
            result,
            convert,
        }
    }
}
