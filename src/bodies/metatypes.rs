//! Metatype values: what `this` is in static members, and which class members are taken of.

use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::bodies::solver::{Resolved, Target};
use crate::bodies::thir::*;
use crate::items::hir::{Expr, ExprId};
use crate::items::ids::DefId;
use crate::resolve::container_of;
use crate::types::nominal::is_stored;
use crate::types::ty::{Ty, TyKind};

impl<'db> Checker<'db> {
    /// The metatype value of a type that an expression names. `Self` in a class is the class of `this`, which may be a subclass.
    pub fn named_metatype(&mut self, expr: ExprId, named: Ty, ty: Ty) -> TExprId {
        if !self.names_dynamic_self(expr) {
            return self.node(TExprKind::Metatype(named), ty, expr);
        }
        let this = self.this_expr(expr);
        match self.ty_of(this).kind() {
            TyKind::Metatype(_) => this,
            _ => self.node(TExprKind::DynamicType(this), ty, expr),
        }
    }

    /// Whether an expression is `Self` where that is the class of an object or metatype at hand.
    pub fn names_dynamic_self(&self, expr: ExprId) -> bool {
        let is_self = match &self.body.exprs[expr] {
            Expr::Paren(inner) | Expr::DotThis(inner) => return self.names_dynamic_self(*inner),
            Expr::Name { name, .. } => *name == "Self",
            _ => false,
        };
        let this = match self.this_ty.map(|t| (t, t.kind())) {
            Some((_, TyKind::Metatype(t))) => *t,
            Some((t, _)) => t,
            None => return false,
        };
        let in_class = matches!(this.kind(), TyKind::Nominal { .. }) && self.is_class(this);
        is_self && in_class && self.out.this.is_some()
    }

    /// The metatype of the class that a class member is taken of by naming the class: an inherited member sees the subclass.
    pub fn class_of_member(
        &mut self,
        expr: ExprId,
        base: Option<ExprId>,
        resolved: &Resolved,
    ) -> Option<TExprId> {
        let Target::Decl(def) = resolved.choice.target else {
            return None;
        };
        let class = container_of(self.db, def)
            .and_then(|c| crate::types::declared_self_type(self.db, c))
            .is_some_and(|t| !matches!(t.kind(), TyKind::Param { .. }) && self.is_class(t));
        if !class || decl::is_type(self.db, def) {
            return None;
        }
        let of = match base.map(|b| self.solved(b)).map(Ty::kind) {
            Some(TyKind::Metatype(t)) => *t,
            _ => self.known(resolved.choice.self_ty?),
        };
        if !self.is_class(of) {
            return None;
        }
        Some(self.node(TExprKind::Metatype(of), Ty::metatype(of), expr))
    }

    /// Whether a static variable has one storage however it is reached.
    pub fn is_plain_static(&self, var: DefId) -> bool {
        is_stored(self.db, var)
    }
}
