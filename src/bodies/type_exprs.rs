//! Types that are spelled as expressions: `[Int]`, `[K: V]`, `(A, B)`, `T?`, and names before a dot or a call.

use crate::bodies::check::Checker;
use crate::bodies::solver::{Choice, Lookup, Target};
use crate::items::hir::{Arg, Expr, ExprId};
use crate::types::lang::{self, optional_of};
use crate::types::ty::{TupleElem, Ty, TyKind};
use std::rc::Rc;

impl<'db> Checker<'db> {
    /// The part of a chain before a dot, parenthesis or bracket: it is no value of its own.
    pub fn generate_base(&mut self, expr: ExprId) -> Ty {
        if let Some(ty) = self.type_expr(expr) {
            return self.type_reference(expr, ty);
        }
        self.generate_inner(expr)
    }

    /// An expression that spells a type has its metatype as type.
    pub fn type_reference(&mut self, expr: ExprId, ty: Ty) -> Ty {
        let meta = match ty.kind() {
            TyKind::Existential(_) => Ty::new(TyKind::ProtocolMetatype(ty)),
            _ => Ty::metatype(ty),
        };
        self.facts
            .choices
            .insert(expr, Rc::new(self.type_choice(ty, meta)));
        self.facts.types.insert(expr, meta);
        meta
    }

    /// Whether some `?` of a chain follows a value. After a type it makes another type: `Int?.none`.
    pub fn has_value_link(&self, chain: ExprId) -> bool {
        match &self.body.exprs[chain] {
            // A link that has not been generated is part of a type, as in `T?.this`.
            Expr::ChainLink(base) => {
                self.facts.types.contains_key(&chain) && !self.names_type(chain)
                    || self.has_value_link(*base)
            }
            Expr::Member { base: Some(e), .. }
            | Expr::Call { callee: e, .. }
            | Expr::Subscript { base: e, .. }
            | Expr::DotThis(e)
            | Expr::Postfix { operand: e, .. }
            | Expr::Binary { lhs: e, .. }
            | Expr::ForceUnwrap(e) => self.has_value_link(*e),
            Expr::Assign { .. } => true,
            _ => false,
        }
    }

    fn type_choice(&self, ty: Ty, meta: Ty) -> crate::bodies::solver::Resolved {
        crate::bodies::solver::Resolved {
            choice: Choice::plain(Target::Type(ty)),
            args: Default::default(),
            ty: meta,
            params: None,
        }
    }

    /// The type that an expression spells, where only a type makes sense: `[Int]`, `[K: V]`, `(A, B)`, `T?`.
    pub fn type_expr(&mut self, expr: ExprId) -> Option<Ty> {
        match &self.body.exprs[expr] {
            Expr::Array(elems) => {
                let [elem] = &**elems else { return None };
                let elem = self.element_type(*elem)?;
                Some(lang::array_of(self.db, elem))
            }
            Expr::Dictionary(pairs) => {
                let [(key, value)] = &**pairs else {
                    return None;
                };
                let (key, value) = (*key, *value);
                let key = self.element_type(key)?;
                let value = self.element_type(value)?;
                Some(lang::dictionary_of(self.db, key, value))
            }
            Expr::Type(id) => {
                let id = *id;
                Some(self.written_type(id))
            }
            _ => None,
        }
    }

    /// The type that an expression inside brackets spells.
    pub fn element_type(&mut self, expr: ExprId) -> Option<Ty> {
        match &self.body.exprs[expr] {
            Expr::Name { name, .. } => {
                let name = *name;
                let choices = self.name_choices(expr, name);
                match choices.first()?.target {
                    Target::Type(ty) => {
                        self.expect_args(ty, expr);
                        Some(ty)
                    }
                    _ => None,
                }
            }
            Expr::Member {
                base: Some(base),
                name,
                ..
            } => {
                let (base, name) = (*base, *name);
                let base = self.element_type(base)?;
                if name == "Type" {
                    return Some(Ty::metatype(base));
                }
                let choices = self.member_choices(expr, Ty::metatype(base), name, Lookup::Explicit);
                match choices.first()?.target {
                    Target::Type(ty) => Some(ty),
                    _ => None,
                }
            }
            Expr::Tuple(args) => {
                let args = args.clone();
                let mut elems = Vec::new();
                for Arg { label, expr } in args {
                    elems.push(TupleElem {
                        label,
                        ty: self.element_type(expr)?,
                    });
                }
                Some(Ty::tuple(&elems))
            }
            Expr::Paren(inner) => {
                let inner = *inner;
                self.element_type(inner)
            }
            Expr::Chain(inner) => {
                let inner = *inner;
                match &self.body.exprs[inner] {
                    Expr::ChainLink(ty) => {
                        let ty = *ty;
                        let ty = self.element_type(ty)?;
                        Some(optional_of(self.db, ty))
                    }
                    _ => None,
                }
            }
            Expr::ChainLink(inner) => {
                let inner = *inner;
                let ty = self.element_type(inner)?;
                Some(optional_of(self.db, ty))
            }
            _ => self.type_expr(expr),
        }
    }
}
