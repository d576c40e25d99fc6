//! Which places may be changed.

use crate::bodies::check::{Checker, FnKind};
use crate::bodies::decl::{self, Settable};
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::types::ty::{Ty, TyKind};

/// Why a place must be changeable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    Assign,
    Inout,
    /// The left side of an operator such as `+=`.
    Operator,
    /// A mutating method is called on it.
    Mutating,
}

impl<'db> Checker<'db> {
    /// Reports a place that cannot be changed.
    pub fn check_mutable(&mut self, place: TExprId, at: ExprId, usage: Use) {
        let Some((what, why)) = self.immutable(place, usage, true) else {
            return;
        };
        let (code, message) = match usage {
            Use::Assign => (
                "assign-immutable",
                format!("cannot assign to {what}: {why}"),
            ),
            Use::Inout => (
                "inout-immutable",
                format!("cannot pass immutable value as inout argument: {why}"),
            ),
            Use::Operator => (
                "mutate-immutable",
                format!("left side of mutating operator isn't mutable: {why}"),
            ),
            Use::Mutating => (
                "mutate-immutable",
                format!("cannot use mutating member on immutable value: {why}"),
            ),
        };
        self.error_at(code, at, message);
    }

    /// What kind of place cannot be changed and why; none when it can.
    fn immutable(
        &mut self,
        place: TExprId,
        usage: Use,
        outermost: bool,
    ) -> Option<(&'static str, String)> {
        let db = self.db;
        let immutable = self.word("immutable");
        let article = if immutable == "immutable" { "an" } else { "a" };
        match self.out.exprs[place].kind.clone() {
            TExprKind::Error | TExprKind::Unit | TExprKind::DiscardAssign(_) => None,
            TExprKind::Local(local) => {
                let name = self.out.locals[local].name;
                if Some(local) == self.out.this {
                    return self.immutable_this(outermost, usage);
                }
                match self.out.locals[local].kind {
                    TLocalKind::Let => {
                        if usage == Use::Assign && outermost && self.is_uninitialised(local) {
                            return None;
                        }
                        if self.closure_local_fn(local) {
                            return Some(("value", format!("'{name}' is a function")));
                        }
                        Some((
                            "value",
                            format!("'{name}' is {article} '{immutable}' constant"),
                        ))
                    }
                    TLocalKind::Param => Some((
                        "value",
                        format!("'{name}' is {article} '{immutable}' constant"),
                    )),
                    _ => None,
                }
            }
            TExprKind::Static { var, .. } => match self.variable(var, place) {
                None => None,
                // A script's constant may get its value after its declaration; flow checks that it is once.
                Some(_)
                    if usage == Use::Assign
                        && outermost
                        && decl::settable(db, var) == Settable::Constant
                        && self.fns.last().is_some_and(|f| f.kind == FnKind::TopLevel)
                        && !self.has_initial_value(var) =>
                {
                    None
                }
                Some(why) => Some((if outermost { "value" } else { "property" }, why)),
            },
            TExprKind::Property { base, var, .. } => {
                if var.kind(db) != DefKind::Var {
                    let name = var.name(db);
                    return Some(("property", format!("'{name}' is a get-only property")));
                }
                if let Some(why) = self.variable(var, place) {
                    // In its own initialiser a constant is set once; that is checked by flow.
                    if usage == Use::Assign
                        && decl::settable(db, var) == Settable::Constant
                        && self.initialises(base, var)
                    {
                        return None;
                    }
                    return Some(("property", why));
                }
                if decl::is_static(db, var)
                    || !decl::setter_mutates(db, var)
                    || self.is_object(base)
                {
                    return None;
                }
                self.immutable(base, usage, false)
            }
            TExprKind::Subscript {
                base, subscript, ..
            } => {
                match decl::settable(db, subscript) {
                    Settable::Yes => {}
                    _ => {
                        return Some(("through subscript", "subscript is get-only".to_string()));
                    }
                }
                if !decl::setter_mutates(db, subscript) || self.is_object(base) {
                    return None;
                }
                self.immutable(base, usage, false)
            }
            TExprKind::TupleElem { base, .. }
            | TExprKind::ForceUnwrap { base, .. }
            | TExprKind::ChainLink(base) => self.immutable(base, usage, false),
            TExprKind::Chain { expr, .. } => self.immutable(expr, usage, false),
            TExprKind::KeyPathAccess { base, key_path } => {
                let ty = self.ty_of(key_path);
                let name = ty.nominal_def().map(|d| d.name(db));
                match name.map(|n| n.as_str()) {
                    Some("ReferenceWritableKeyPath") => None,
                    Some("WritableKeyPath") => self.immutable(base, usage, false),
                    _ => Some(("through subscript", "key path is read-only".to_string())),
                }
            }
            TExprKind::Tuple(elems) => {
                for elem in elems {
                    if let Some(found) = self.immutable(elem, usage, outermost) {
                        return Some(found);
                    }
                }
                None
            }
            TExprKind::Convert {
                kind: Conversion::Upcast,
                expr,
            } => self.immutable(expr, usage, outermost),
            TExprKind::Metatype(_) => None,
            TExprKind::Call(call) => {
                let name = call.func.name(db);
                let name = name.as_str().split('(').next().unwrap_or("").to_string();
                if usage == Use::Mutating && self.is_object_ty(self.ty_of(place)) {
                    return None;
                }
                Some(("value", format!("'{name}' returns immutable value")))
            }
            TExprKind::CallValue { .. } => {
                Some(("value", "function call returns immutable value".to_string()))
            }
            _ => {
                if self.is_object_ty(self.ty_of(place)) && usage == Use::Mutating {
                    return None;
                }
                Some(("value", "expression is not assignable".to_string()))
            }
        }
    }

    pub(super) fn closure_local_fn(&self, local: TLocalId) -> bool {
        self.local_fn_ids.iter().any(|(_, l)| *l == local)
    }

    fn immutable_this(&self, outermost: bool, usage: Use) -> Option<(&'static str, String)> {
        let this = self.this_ty?;
        let word = self.word("this");
        if matches!(this.kind(), TyKind::Metatype(_)) {
            return None;
        }
        if self.is_class(this) && !matches!(this.kind(), TyKind::Param { .. }) {
            // Objects change behind the reference; the reference itself does not.
            if outermost && usage == Use::Assign {
                return Some(("value", format!("'{word}' is immutable")));
            }
            return None;
        }
        let local = self.out.this?;
        match self.out.locals[local].kind {
            TLocalKind::InoutParam | TLocalKind::Var | TLocalKind::OwnedParam => None,
            _ => Some(("value", format!("'{word}' is immutable"))),
        }
    }

    /// Why a declared variable cannot be set, by itself.
    fn variable(&self, var: DefId, _place: TExprId) -> Option<String> {
        let db = self.db;
        let name = var.name(db);
        let immutable = self.word("immutable");
        let article = if immutable == "immutable" { "an" } else { "a" };
        match decl::settable(db, var) {
            Settable::Constant => Some(format!("'{name}' is {article} '{immutable}' constant")),
            Settable::GetOnly => Some(format!("'{name}' is a get-only property")),
            Settable::Yes => (!crate::resolve::access::is_settable_from(db, var, self.def))
                .then(|| format!("'{name}' setter is inaccessible")),
        }
    }

    /// Whether this is an initialiser that gives the constant its value.
    fn initialises(&self, base: TExprId, var: DefId) -> bool {
        let in_init = self.fns.iter().any(|f| f.kind == FnKind::Init)
            && !self.fns.iter().any(|f| f.kind == FnKind::Closure);
        let on_this =
            matches!(self.out.exprs[base].kind, TExprKind::Local(l) if Some(l) == self.out.this);
        if !in_init || !on_this {
            return false;
        }
        // A constant with an initial value has been set already.
        let has_value = self.has_initial_value(var);
        let own = self
            .this_ty
            .and_then(Ty::nominal_def)
            .is_some_and(|d| crate::types::stored_properties(self.db, d).contains(&var));
        !has_value && own
    }

    fn has_initial_value(&self, var: DefId) -> bool {
        decl::var_item(self.db, var)
            .and_then(|(_, v)| v.binding)
            .and_then(|b| crate::items::body_syntax(self.db, b))
            .is_some()
    }

    fn is_object(&self, expr: TExprId) -> bool {
        self.is_object_ty(self.ty_of(expr))
    }

    fn is_object_ty(&self, ty: Ty) -> bool {
        match ty.kind() {
            TyKind::Metatype(_) => true,
            TyKind::Error => true,
            _ => self.is_class(ty),
        }
    }

    fn is_uninitialised(&self, local: TLocalId) -> bool {
        self.uninitialised.contains(&local)
    }
}
