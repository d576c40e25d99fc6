//! The types of places in graphs whose types are concrete.

use crate::mir::data::{CaptureMode, Mir, Operand, Place, Proj};
use crate::types::ty::{BuiltinTy, Ty, TyKind};

use super::super::cx::Program;
use super::super::emit::frame::is_indirect;

/// The type of what a place holds; none where the graph contradicts itself, which code generation reports.
pub(super) fn place_type<'a>(p: &dyn Program<'a>, mir: &Mir, place: &Place) -> Option<Ty> {
    let mut ty = mir.locals.get(place.local)?.ty;
    for step in &place.path {
        ty = step_type(p, mir, ty, step)?;
    }
    Some(ty)
}

fn step_type<'a>(p: &dyn Program<'a>, mir: &Mir, ty: Ty, step: &Proj) -> Option<Ty> {
    match step {
        Proj::Field(def) => {
            let fields = p.layout(ty).fields();
            Some(fields.iter().find(|f| f.def == Some(*def))?.ty)
        }
        Proj::Elem(index) => Some(p.layout(ty).fields().get(*index as usize)?.ty),
        Proj::Payload(case) => p.layout(ty).as_enum()?.case(*case)?.1.payload,
        Proj::ClassField(def) => {
            let class = match ty.kind() {
                TyKind::DynamicSelf(class) => *class,
                TyKind::Existential(e) => e.superclass?,
                _ => ty,
            };
            let fields = &p.class_layout(class).fields;
            Some(fields.iter().find(|f| f.def == Some(*def))?.ty)
        }
        Proj::Deref(ty) | Proj::BoxValue(ty) => Some(*ty),
        Proj::Capture(index) => {
            let capture = mir.captures.get(*index as usize)?;
            Some(match capture.mode {
                CaptureMode::Box => Ty::builtin(BuiltinTy::NativeObject),
                CaptureMode::Address => Ty::builtin(BuiltinTy::RawPointer),
                CaptureMode::Value | CaptureMode::Weak | CaptureMode::Unowned => capture.ty,
            })
        }
    }
}

/// The place that an operand reads.
pub(super) fn operand_place(operand: &Operand) -> Option<&Place> {
    match operand {
        Operand::Copy(place) | Operand::Move(place) | Operand::Borrow(place) => Some(place),
        Operand::Const(_) => None,
    }
}

/// Whether a place lies in its local's own storage, in a payload of an enum perhaps.
pub(super) fn is_inside(place: &Place) -> bool {
    !place.path.iter().any(is_indirect)
}

/// Whether a place lies in its local's own storage wherever that value goes: payloads may not be there.
pub(super) fn is_direct(place: &Place) -> bool {
    place
        .path
        .iter()
        .all(|step| matches!(step, Proj::Field(_) | Proj::Elem(_)))
}

/// Whether values of the type travel in registers, so that a copy of their bits costs nothing.
pub(super) fn in_registers<'a>(p: &dyn Program<'a>, ty: Ty) -> bool {
    p.layout(ty).scalars.is_some()
}
