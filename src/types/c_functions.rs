//! `@convention(c)`: which function types C has as well, and what is wrong with the others.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefKind;
use crate::items::tree::{FunctionTypeRef, TypeRefId};
use crate::resolve::container_of;
use crate::types::display::display_type;
use crate::types::lang::{LangItem, lang_item_of, optional_payload};
use crate::types::lower::{Lowerer, is_library_def, reduce_concrete};
use crate::types::ty::{FnRepr, FnTy, ParamMode, Ty, TyKind};

impl Lowerer<'_> {
    /// A function type with the convention that is written before it. A type that cannot have it is an error, and no type at all: whatever
    /// uses it would otherwise be complained about again.
    pub(super) fn convention(
        &mut self,
        id: TypeRefId,
        written: &FunctionTypeRef,
        convention: Name,
        ty: FnTy,
    ) -> Ty {
        match convention.as_str() {
            "swift" => return Ty::function(ty),
            "c" => {}
            "" => {
                return self.error(
                    "convention-name",
                    id,
                    "expected convention name identifier in 'convention' attribute".to_owned(),
                );
            }
            other => {
                return self.error(
                    "unsupported-convention",
                    id,
                    format!("convention '{other}' not supported"),
                );
            }
        }
        if written.autoclosure {
            return self.error(
                "convention-autoclosure",
                id,
                "'@convention(c)' attribute is not allowed on '@autoclosure' types".to_owned(),
            );
        }
        let has_error = |ty: &FnTy| Ty::function(ty.clone()).has_error();
        if !has_error(&ty) && !is_representable(self.db, &ty) {
            let shown = display_type(self.db, Ty::function(ty), false);
            return self.error(
                "not-representable-in-c",
                id,
                format!("'{shown}' is not representable in Objective-C, so it cannot be used with '@convention(c)'"),
            );
        }
        Ty::function(FnTy {
            repr: FnRepr::C,
            ..ty
        })
    }

    /// `@convention(…)` before a type that is not written as a function's.
    pub(super) fn misplaced_convention(&mut self, id: TypeRefId, ty: Ty) -> Ty {
        if ty.is_error() {
            return ty;
        }
        let message = match ty.kind() {
            TyKind::Function(_) => "attribute does not apply to type",
            _ => "@convention attribute only applies to function types",
        };
        self.error("misplaced-convention", id, message.to_owned())
    }
}

/// Whether C can call functions of this type.
fn is_representable(db: &dyn Db, f: &FnTy) -> bool {
    f.throws.is_none()
        && !f.is_async
        && f.params
            .iter()
            .all(|p| p.mode != ParamMode::Inout && !p.variadic && is_c_type(db, p.ty))
        && (f.result.is_unit() || is_c_type(db, f.result))
}

/// Whether values of the type are the same for C: numbers, truth values, pointers that may be missing, and functions of C.
fn is_c_type(db: &dyn Db, ty: Ty) -> bool {
    let ty = reduce_concrete(db, ty);
    match optional_payload(db, ty) {
        Some(payload) => is_c_pointer(db, reduce_concrete(db, payload)),
        None => is_c_pointer(db, ty) || is_c_scalar(db, ty),
    }
}

fn is_c_scalar(db: &dyn Db, ty: Ty) -> bool {
    let Some((def, _)) = ty.as_nominal() else {
        return false;
    };
    match lang_item_of(db, def) {
        Some(item) => matches!(
            item,
            LangItem::Bool
                | LangItem::Int
                | LangItem::Int8
                | LangItem::Int16
                | LangItem::Int32
                | LangItem::Int64
                | LangItem::UInt
                | LangItem::UInt8
                | LangItem::UInt16
                | LangItem::UInt32
                | LangItem::UInt64
                | LangItem::Float
                | LangItem::Double
        ),
        // `Unicode.Scalar` is what C calls `char32_t`.
        None => {
            is_library_def(db, def)
                && def.name(db) == "Scalar"
                && container_of(db, def).is_some_and(|outer| outer.name(db) == "Unicode")
        }
    }
}

fn is_c_pointer(db: &dyn Db, ty: Ty) -> bool {
    if ty.is_c_function() {
        return true;
    }
    let Some((def, args)) = ty.as_nominal() else {
        return false;
    };
    match lang_item_of(db, def) {
        Some(LangItem::UnsafeRawPointer | LangItem::UnsafeMutableRawPointer) => true,
        Some(LangItem::UnsafePointer | LangItem::UnsafeMutablePointer) => args
            .iter()
            .all(|pointee| pointee.is_unit() || is_c_type(db, pointee)),
        Some(_) => false,
        None => {
            is_library_def(db, def)
                && def.kind(db) == DefKind::Struct
                && def.name(db) == "OpaquePointer"
                && container_of(db, def).is_none()
        }
    }
}
