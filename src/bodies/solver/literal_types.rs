//! The types that literals can have, and those that they have when nothing says more.

use crate::bodies::check::Checker;
use crate::types::lang::{self, LangItem, lang, optional_of, optional_payload};
use crate::types::ty::{Ty, TyKind};

use super::table::{Literal, LiteralSet};

impl<'db> Checker<'db> {
    /// The default type of what literals give, when that is all that these variables are.
    pub(super) fn default_of_literals(&self, vars: &[u32]) -> Option<Ty> {
        let kinds = vars.iter().map(|&v| self.table.literals(v));
        let set = kinds.fold(LiteralSet::default(), LiteralSet::union);
        let ty = self.default_type(set.without(Literal::Nil))?;
        Some(match set.contains(Literal::Nil) {
            true => optional_of(self.db, ty),
            false => ty,
        })
    }

    /// The type that a literal of these kinds has in a context, if the context's type can be made from it.
    pub fn literal_target(&self, context: Ty, set: LiteralSet) -> Option<Ty> {
        let context = self.table.shallow(context);
        if context.is_error() {
            return Some(context);
        }
        if self.accepts(context, set) {
            return Some(context);
        }
        let payload = optional_payload(self.db, context)?;
        self.literal_target(payload, set)
    }

    /// Whether a type is expressible by literals of all these kinds.
    pub fn accepts(&self, ty: Ty, set: LiteralSet) -> bool {
        let ty = self.table.resolve(ty);
        if ty.is_error() {
            return true;
        }
        if matches!(
            ty.kind(),
            TyKind::Infer(_) | TyKind::Existential(_) | TyKind::Function(_)
        ) {
            return false;
        }
        set.iter().all(|kind| {
            let protocol = lang(self.db, protocol_of(kind));
            if kind == Literal::Nil && optional_payload(self.db, ty).is_some() {
                return true;
            }
            self.conforms(ty, protocol)
        })
    }

    /// The type that literals of these kinds have when nothing else is known.
    pub fn default_type(&self, set: LiteralSet) -> Option<Ty> {
        let db = self.db;
        let numeric = LiteralSet::of(Literal::Int).union(LiteralSet::of(Literal::Float));
        let text = LiteralSet::of(Literal::String)
            .union(LiteralSet::of(Literal::Interpolation))
            .union(LiteralSet::of(Literal::Character))
            .union(LiteralSet::of(Literal::Scalar));
        if set.is_empty() {
            return None;
        }
        if set.union(numeric) == numeric {
            return Some(if set.contains(Literal::Float) {
                self.literal_alias("FloatLiteralType", lang::double_ty(db))
            } else {
                self.literal_alias("IntegerLiteralType", lang::int_ty(db))
            });
        }
        if set.union(text) == text {
            return Some(lang::string_ty(db));
        }
        if set == LiteralSet::of(Literal::Bool) {
            return Some(lang::bool_ty(db));
        }
        None
    }

    fn literal_alias(&self, _name: &str, default: Ty) -> Ty {
        default
    }
}

/// The protocol of types that a literal can make.
pub fn protocol_of(kind: Literal) -> LangItem {
    match kind {
        Literal::Int => LangItem::ExpressibleByIntegerLiteral,
        Literal::Float => LangItem::ExpressibleByFloatLiteral,
        Literal::Bool => LangItem::ExpressibleByBooleanLiteral,
        Literal::Nil => LangItem::ExpressibleByNilLiteral,
        Literal::String => LangItem::ExpressibleByStringLiteral,
        Literal::Character => LangItem::ExpressibleByExtendedGraphemeClusterLiteral,
        Literal::Scalar => LangItem::ExpressibleByUnicodeScalarLiteral,
        Literal::Interpolation => LangItem::ExpressibleByStringInterpolation,
        Literal::Array => LangItem::ExpressibleByArrayLiteral,
        Literal::Dictionary => LangItem::ExpressibleByDictionaryLiteral,
    }
}
