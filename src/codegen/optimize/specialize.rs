//! An instance's own graph: types filled in, calls resolved as far as they are known.

use smallvec::SmallVec;

use crate::base::FxHashMap;
use crate::mir::data::{
    Argument, Callee, Const, FnId, Mir, Operand, Place, Rvalue, StatementKind, Terminator,
};
use crate::mir::walk::map_types;
use crate::types::ty::{Ty, TyKind, TyList};

use super::super::cx::{Program, adapt_arguments, resolve_witness};
use super::super::emit::rvalue::opaque_to_type_of;
use super::super::key::canonical;
use super::super::layout::Shape;
use super::types::place_type;

/// Fills in the type arguments.
pub(super) fn specialize<'a>(p: &dyn Program<'a>, generic: &Mir, args: TyList) -> Mir {
    let mut mir = generic.clone();
    let mut known: FxHashMap<Ty, Ty> = FxHashMap::default();
    let mut concrete = |ty: Ty| {
        if !ty.has_params() && !ty.has_projection() && !ty.has_dynamic_self() {
            return ty;
        }
        *known.entry(ty).or_insert_with(|| {
            let ty = p.normalize(ty.subst(args.as_slice()));
            match ty.kind() {
                TyKind::DynamicSelf(class) => *class,
                _ => ty,
            }
        })
    };
    for block in mir.blocks.indices().collect::<Vec<_>>() {
        for at in 0..mir.blocks[block].stmts.len() {
            if let StatementKind::Assign(_, Rvalue::DynamicType(place)) =
                &mir.blocks[block].stmts[at].kind
            {
                let ty = concrete(mir.locals[place.local].ty);
                if opaque_to_type_of(&mir, place, ty)
                    && let StatementKind::Assign(_, rvalue) = &mut mir.blocks[block].stmts[at].kind
                {
                    *rvalue = Rvalue::Use(Operand::Const(Const::Metatype(ty)));
                }
            }
        }
    }
    let mut again = known_arguments(p, args);
    map_types(&mut mir, &mut concrete, &mut again);
    resolve_calls(p, &mut mir);
    mir
}

/// Type arguments as they name instances.
fn known_arguments<'p, 'a>(
    p: &'p dyn Program<'a>,
    args: TyList,
) -> impl FnMut(TyList) -> TyList + use<'p, 'a> {
    move |list: TyList| {
        if list.is_empty() {
            return list;
        }
        let types: SmallVec<[Ty; 8]> = list
            .iter()
            .map(|ty| {
                let ty = p.normalize(ty.subst(args.as_slice()));
                canonical(match ty.kind() {
                    TyKind::DynamicSelf(class) => *class,
                    _ => ty,
                })
            })
            .collect();
        TyList::new(&types)
    }
}

/// Replaces requirements by their witnesses and virtual calls by direct ones, where there is only one candidate.
fn resolve_calls<'a>(p: &dyn Program<'a>, mir: &mut Mir) {
    let blocks: Vec<_> = mir.blocks.indices().collect();
    for block in blocks {
        for at in 0..mir.blocks[block].stmts.len() {
            let StatementKind::Call { dest, callee, args } = &mir.blocks[block].stmts[at].kind
            else {
                continue;
            };
            if let Some((callee, args)) = resolved(p, mir, dest, callee, args)
                && let StatementKind::Call {
                    callee: to_callee,
                    args: to_args,
                    ..
                } = &mut mir.blocks[block].stmts[at].kind
            {
                (*to_callee, *to_args) = (callee, args);
            }
        }
        if let Some(Terminator::TryCall {
            dest, callee, args, ..
        }) = &mir.blocks[block].term
            && let Some((callee, args)) = resolved(p, mir, dest, callee, args)
            && let Some(Terminator::TryCall {
                callee: to_callee,
                args: to_args,
                ..
            }) = &mut mir.blocks[block].term
        {
            (*to_callee, *to_args) = (callee, args);
        }
    }
}

fn resolved<'a>(
    p: &dyn Program<'a>,
    mir: &Mir,
    dest: &Place,
    callee: &Callee,
    args: &[Argument],
) -> Option<(Callee, Vec<Argument>)> {
    match callee {
        Callee::Witness(requirement, types) => {
            let this = *types.as_slice().first()?;
            if matches!(p.layout(this).shape, Shape::Existential(..)) {
                return None;
            }
            let (id, found) = resolve_witness(p, *requirement, *types)?;
            let mut arguments = known_arguments(p, TyList::empty());
            let found = arguments(found);
            let shape = p.callee_shape(id, found);
            // An implementation may return a plain value for an optional; code generation wraps it.
            if place_type(p, mir, dest)? != shape.result {
                return None;
            }
            let mut adapted: SmallVec<[Argument; 6]> = args.into();
            adapt_arguments(&shape, &mut adapted);
            let callee = match p.vtable_slot(id) {
                Some(_) => direct(p, id, found).unwrap_or(Callee::Virtual(id, found)),
                None => Callee::Static(id, found),
            };
            Some((callee, adapted.into_vec()))
        }
        Callee::Virtual(id, types) => Some((direct(p, *id, *types)?, args.to_vec())),
        Callee::Static(..) | Callee::Value(_) => None,
    }
}

/// A virtual call as a direct one, when no subclass overrides the method.
fn direct<'a>(p: &dyn Program<'a>, id: FnId, types: TyList) -> Option<Callee> {
    p.only_implementation(id)
        .map(|found| Callee::Static(found, types))
}
