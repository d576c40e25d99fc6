//! `some` results and variables: checking the values that are given for opaque types, and the types that these turn out to be.
//!
//! While a value is checked, each opaque type of its own declaration is a variable that must meet the bounds. What it is bound to is the
//! underlying type; all values that one function returns must agree on it.

use crate::bodies::check::Checker;
use crate::bodies::solver::{Loc, Purpose, Why};
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::types::conformance::requirement_holds;
use crate::types::generics::{Requirement, identity_args};
use crate::types::lang::{LangItem, is_lang};
use crate::types::opaque::opaque_requirements;
use crate::types::signature::opaque_bounds;
use crate::types::ty::{Ty, TyKind};

impl<'db> Checker<'db> {
    /// The declaration among those around the body whose opaque types a type mentions.
    pub fn own_opaque(&self, ty: Ty) -> Option<DefId> {
        if !ty.has_projection() {
            return None;
        }
        let mut found = None;
        ty.any_part(&mut |part| {
            if let TyKind::Opaque { def, .. } = part.kind()
                && found.is_none()
                && self.is_around(*def)
            {
                found = Some(*def);
            }
            found.is_some()
        });
        found
    }

    /// Whether the body belongs to a declaration or is inside of it.
    fn is_around(&self, def: DefId) -> bool {
        let mut outwards = std::iter::successors(Some(self.env), |d| d.parent(self.db));
        outwards.any(|d| d == def) || super::body_of_opaque(self.db, def) == Some(self.def)
    }

    /// A value of a type in which the opaque types of `owner`, the declaration that is being checked, stand for what the value makes them.
    pub fn check_opaque_value(
        &mut self,
        expr: ExprId,
        result: Ty,
        owner: DefId,
        purpose: Purpose,
    ) -> TExprId {
        let count = opaque_bounds(self.db, owner).len();
        self.opaque
            .entry(owner)
            .or_insert_with(|| vec![None; count]);
        let vars: Vec<Ty> = (0..count).map(|_| self.table.fresh()).collect();
        let want = with_underlying(result, owner, &mut |index| vars.get(index).copied());
        let mut args: Vec<Ty> = identity_args(self.db, owner).iter().collect();
        args.extend(&vars);
        let typed = self.check_expr_with(expr, Some((want, purpose)), |this, _| {
            let bound = Loc {
                expr,
                why: Why::OpaqueBound(owner),
            };
            for requirement in opaque_requirements(this.db, owner) {
                this.demand(requirement, &args, false, bound);
            }
        });
        let mut typed = typed;
        if self.ty_of(typed).has_infer() {
            typed = self.check_expr(expr, None);
            if !is_lang(self.db, self.ty_of(typed), LangItem::Never) {
                let shown = self.show(result);
                let message = format!(
                    "underlying type for opaque result type '{shown}' could not be inferred from return expression"
                );
                self.error_at("opaque-inference", expr, message);
                return self.error_expr(expr, result);
            }
            let concealed = self.conceal(typed, result, owner, expr);
            self.check_bounds(expr, owner);
            return concealed;
        }
        self.conceal(typed, result, owner, expr)
    }

    /// A checked value as one of a type with opaque types of `owner`, which are told the types that it has in their places.
    pub fn conceal(&mut self, typed: TExprId, result: Ty, owner: DefId, expr: ExprId) -> TExprId {
        let count = opaque_bounds(self.db, owner).len();
        self.opaque
            .entry(owner)
            .or_insert_with(|| vec![None; count]);
        let mut found: Vec<(usize, Ty)> = Vec::new();
        underlying(result, self.ty_of(typed), owner, &mut found);
        let mut mismatch = None;
        for (index, ty) in found {
            let slot = self.opaque.get_mut(&owner);
            if let Some(slot) = slot.and_then(|types| types.get_mut(index)) {
                let known = *slot.get_or_insert(ty);
                if known != ty && !known.is_error() && !ty.is_error() {
                    mismatch.get_or_insert((known, ty));
                }
            }
        }
        if let Some((first, second)) = mismatch {
            self.report_mismatch(expr, result, first, second);
        }
        if self.ty_of(typed) == result {
            return typed;
        }
        let kind = TExprKind::Convert {
            kind: Conversion::Identity,
            expr: typed,
        };
        self.node(kind, result, expr)
    }

    fn report_mismatch(&mut self, expr: ExprId, result: Ty, first: Ty, second: Ty) {
        let (result, first, second) = (self.show(result), self.show(first), self.show(second));
        let message = format!(
            "function declares an opaque return type '{result}', but the return statements in its body do not have matching underlying types"
        );
        let error = AnchoredDiagnostic::error("opaque-mismatch", Anchor::Name(self.env), message)
            .note(
                None,
                format!("the first return statement has underlying type '{first}'"),
            )
            .note(
                Some(Anchor::Expr(self.def, expr)),
                format!("return statement has underlying type '{second}'"),
            );
        self.out.has_errors = true;
        self.diags.push(error);
    }

    /// Whether the types behind the opaque types meet the bounds, for values that were checked without them.
    pub fn check_bounds(&mut self, expr: ExprId, owner: DefId) {
        let mut args: Vec<Ty> = identity_args(self.db, owner).iter().collect();
        let known = self.opaque.get(&owner).into_iter().flatten();
        args.extend(known.map(|ty| ty.unwrap_or(Ty::error())));
        for requirement in opaque_requirements(self.db, owner) {
            let requirement = requirement.subst(&args);
            if requirement_holds(self.db, Some(self.env), requirement) {
                continue;
            }
            let (code, message) = match requirement {
                Requirement::Conforms(ty, protocol) => (
                    "conformance",
                    self.opaque_bound_message(owner, ty, protocol),
                ),
                Requirement::Same(a, b) => {
                    let (a, b) = (self.norm(a), self.norm(b));
                    let (a, b) = (self.show(a), self.show(b));
                    (
                        "conversion",
                        format!("cannot convert value of type '{a}' to type '{b}'"),
                    )
                }
                Requirement::Superclass(ty, _) | Requirement::Class(ty) => {
                    let (ty, result) = (self.show(ty), self.show(args[args.len() - 1]));
                    (
                        "conversion",
                        format!("cannot convert value of type '{ty}' to type '{result}'"),
                    )
                }
            };
            return self.error_at(code, expr, message);
        }
    }

    /// What to say when the type of a value does not meet the bounds of an opaque type.
    pub fn opaque_bound_message(&self, owner: DefId, ty: Ty, protocol: DefId) -> String {
        let kind = crate::types::display::describe(self.db, owner);
        let name = crate::types::display::display_name(self.db, owner);
        let (shown, protocol) = (self.show(ty), protocol.name(self.db));
        format!("return type of {kind} '{name}' requires that '{shown}' conform to '{protocol}'")
    }
}

/// The type with the opaque types of a declaration replaced.
fn with_underlying(ty: Ty, owner: DefId, known: &mut dyn FnMut(usize) -> Option<Ty>) -> Ty {
    ty.map(&mut |part| match part.kind() {
        TyKind::Opaque { def, index, .. } if *def == owner => known(*index as usize),
        _ if !part.has_projection() => Some(part),
        _ => None,
    })
}

/// Finds the types in `actual` at the places where `pattern` has the opaque types of a declaration.
fn underlying(pattern: Ty, actual: Ty, owner: DefId, found: &mut Vec<(usize, Ty)>) {
    if pattern == actual || !pattern.has_projection() {
        return;
    }
    match (pattern.kind(), actual.kind()) {
        (TyKind::Opaque { def, index, .. }, _) if *def == owner => {
            found.push((*index as usize, actual));
        }
        (TyKind::Nominal { args: x, .. }, TyKind::Nominal { args: y, .. }) => {
            for (x, y) in x.iter().zip(y.iter()) {
                underlying(x, y, owner, found);
            }
        }
        (TyKind::Tuple(x), TyKind::Tuple(y)) => {
            for (x, y) in x.iter().zip(y.iter()) {
                underlying(x.ty, y.ty, owner, found);
            }
        }
        (TyKind::Metatype(x), TyKind::Metatype(y)) => underlying(*x, *y, owner, found),
        (TyKind::Function(x), TyKind::Function(y)) => {
            for (x, y) in x.params.iter().zip(y.params.iter()) {
                underlying(x.ty, y.ty, owner, found);
            }
            underlying(x.result, y.result, owner, found);
        }
        // What went wrong with the value was reported.
        (_, TyKind::Error) => {
            pattern.any_part(&mut |part| {
                underlying(part, actual, owner, found);
                matches!(part.kind(), TyKind::Opaque { .. })
            });
        }
        _ => {}
    }
}
