//! Walking graphs: every place that a statement mentions, with what happens to it, to be read or to be rewritten.
//!
//! Each visitor exists twice, for looking and for changing; one macro writes both, so that they cannot differ.

use super::data::*;
use crate::types::ty::{Ty, TyList};
use smallvec::SmallVec;

/// What a statement does with a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// Makes another owned value of it.
    Copy,
    /// Takes the value out.
    Move,
    /// Reads the value during the statement.
    Borrow,
    /// Looks at the value where it lies: its case, its dynamic type, a weak reference in it, a cast from it.
    Inspect,
    /// Initialises it.
    Init,
    /// Destroys the value in it.
    Destroy,
    /// Hands its address to a function for the duration of a call.
    Inout,
    /// Takes its address, for as long as anybody likes.
    Address,
}

impl Access {
    /// Whether the place holds another value afterwards, or none.
    pub fn changes(self) -> bool {
        !matches!(self, Access::Copy | Access::Borrow | Access::Inspect)
    }
}

macro_rules! walkers {
    ($operand:ident, $argument:ident, $callee:ident, $rvalue:ident, $statement:ident, $terminator:ident $(, $mutable:tt)?) => {
        /// Visits the place of an operand, if it has one.
        pub fn $operand<'m>(operand: &'m $($mutable)? Operand, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match operand {
                Operand::Copy(place) => f(place, Access::Copy),
                Operand::Move(place) => f(place, Access::Move),
                Operand::Borrow(place) => f(place, Access::Borrow),
                Operand::Const(_) => {}
            }
        }

        fn $argument<'m>(argument: &'m $($mutable)? Argument, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match argument {
                Argument::Value(operand) => $operand(operand, f),
                Argument::Address(place) => f(place, Access::Inout),
            }
        }

        fn $callee<'m>(callee: &'m $($mutable)? Callee, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match callee {
                Callee::Value(operand) => $operand(operand, f),
                Callee::Static(..) | Callee::Witness(..) | Callee::Virtual(..) => {}
            }
        }

        /// Visits the places of a right-hand side, in the order in which they are evaluated.
        pub fn $rvalue<'m>(value: &'m $($mutable)? Rvalue, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match value {
                Rvalue::Use(operand)
                | Rvalue::Erase { value: operand, .. }
                | Rvalue::Upcast { value: operand, .. } => $operand(operand, f),
                Rvalue::Aggregate(_, operands)
                | Rvalue::Case { payload: operands, .. }
                | Rvalue::Closure { captures: operands, .. } => {
                    for operand in operands {
                        $operand(operand, f);
                    }
                }
                Rvalue::Tag(place)
                | Rvalue::IsCase(place, _)
                | Rvalue::DynamicType(place)
                | Rvalue::LoadWeak(place)
                | Rvalue::LoadUnowned(place) => f(place, Access::Inspect),
                Rvalue::AddressOf(place) => f(place, Access::Address),
                Rvalue::AllocObject { metatype, .. } => {
                    if let Some(operand) = metatype {
                        $operand(operand, f);
                    }
                }
                Rvalue::Function { callee, .. } => $callee(callee, f),
                Rvalue::AllocBox(_) => {}
            }
        }

        /// Visits the places of a statement: those that are read first, the destination last.
        pub fn $statement<'m>(kind: &'m $($mutable)? StatementKind, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match kind {
                StatementKind::Assign(dest, value) => {
                    $rvalue(value, f);
                    f(dest, Access::Init);
                }
                StatementKind::Destroy(place)
                | StatementKind::DestroyWeak(place)
                | StatementKind::DestroyUnowned(place)
                | StatementKind::DeallocPartial(place)
                | StatementKind::DeallocBox(place) => f(place, Access::Destroy),
                StatementKind::StoreWeak { place, value, .. }
                | StatementKind::StoreUnowned { place, value, .. } => {
                    $operand(value, f);
                    f(place, Access::Inout);
                }
                StatementKind::Call { dest, callee, args } => {
                    $callee(callee, f);
                    for argument in args {
                        $argument(argument, f);
                    }
                    f(dest, Access::Init);
                }
                StatementKind::Cast { ok, dest, value, .. } => {
                    f(value, Access::Inspect);
                    f(ok, Access::Init);
                    f(dest, Access::Init);
                }
                StatementKind::StorageLive(_) | StatementKind::StorageDead(_) | StatementKind::Nop => {}
            }
        }

        /// Visits the places of a terminator, as [`each_place`] does for statements.
        pub fn $terminator<'m>(terminator: &'m $($mutable)? Terminator, f: &mut dyn FnMut(&'m $($mutable)? Place, Access)) {
            match terminator {
                Terminator::If { cond, .. } => $operand(cond, f),
                Terminator::Switch { value, .. } => $operand(value, f),
                Terminator::Throw(operand) => $operand(operand, f),
                Terminator::TryCall { dest, error, callee, args, .. } => {
                    $callee(callee, f);
                    for argument in args {
                        $argument(argument, f);
                    }
                    f(dest, Access::Init);
                    f(error, Access::Init);
                }
                Terminator::Goto(_) | Terminator::Return | Terminator::Trap(_) | Terminator::Unreachable => {}
            }
        }
    };
}

walkers!(
    operand_place,
    argument_place,
    callee_place,
    rvalue_places,
    each_place,
    terminator_places
);
walkers!(
    operand_place_mut,
    argument_place_mut,
    callee_place_mut,
    rvalue_places_mut,
    each_place_mut,
    terminator_places_mut,
    mut
);

/// Visits every place of a graph.
pub fn all_places(mir: &Mir, f: &mut dyn FnMut(&Place, Access)) {
    for data in mir.blocks.values() {
        for statement in &data.stmts {
            each_place(&statement.kind, &mut |place, access| f(place, access));
        }
        if let Some(terminator) = &data.term {
            terminator_places(terminator, &mut |place, access| f(place, access));
        }
    }
}

/// The blocks that may come next.
pub fn successors(data: &BlockData) -> SmallVec<[Block; 4]> {
    let mut list = SmallVec::new();
    if let Some(terminator) = &data.term {
        terminator.each_target(&mut |block| list.push(block));
    }
    list
}

/// The blocks that can be reached, the entry first, each after one that leads to it.
pub fn reverse_postorder(mir: &Mir) -> Vec<Block> {
    let mut seen = vec![false; mir.blocks.len()];
    let mut order = Vec::with_capacity(mir.blocks.len());
    let mut stack = vec![(mir.entry(), 0)];
    if mir.blocks.is_empty() {
        return order;
    }
    seen[0] = true;
    while let Some((block, next)) = stack.pop() {
        match successors(&mir.blocks[block]).get(next) {
            Some(&successor) => {
                stack.push((block, next + 1));
                if !std::mem::replace(&mut seen[successor.index()], true) {
                    stack.push((successor, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}

/// Replaces every type of a graph, and the type arguments of what it calls.
///
/// `types` maps a type; `arguments` maps the type arguments that select an instance.
pub fn map_types(
    mir: &mut Mir,
    types: &mut dyn FnMut(Ty) -> Ty,
    arguments: &mut dyn FnMut(TyList) -> TyList,
) {
    for (_, local) in mir.locals.iter_mut() {
        local.ty = types(local.ty);
    }
    for capture in &mut mir.captures {
        capture.ty = types(capture.ty);
    }
    mir.throws = mir.throws.map(&mut *types);
    for (_, data) in mir.blocks.iter_mut() {
        for statement in &mut data.stmts {
            statement_types(&mut statement.kind, types, arguments);
        }
        if let Some(terminator) = &mut data.term {
            match terminator {
                Terminator::TryCall { callee, .. } => callee_types(callee, arguments),
                Terminator::If { cond: operand, .. }
                | Terminator::Switch { value: operand, .. }
                | Terminator::Throw(operand) => constant_types(operand, types),
                _ => {}
            }
            if let Terminator::TryCall { args, .. } = terminator {
                argument_types(args, types);
            }
            terminator_places_mut(terminator, &mut |place, _| place_types(place, types));
        }
    }
}

fn place_types(place: &mut Place, types: &mut dyn FnMut(Ty) -> Ty) {
    for step in &mut place.path {
        match step {
            Proj::Deref(ty) | Proj::BoxValue(ty) => *ty = types(*ty),
            Proj::Field(_)
            | Proj::Elem(_)
            | Proj::Payload(_)
            | Proj::ClassField(_)
            | Proj::Capture(_) => {}
        }
    }
}

fn constant_types(operand: &mut Operand, types: &mut dyn FnMut(Ty) -> Ty) {
    if let Operand::Const(constant) = operand {
        match constant {
            Const::Int(_, ty)
            | Const::Float(_, ty)
            | Const::Str(_, ty)
            | Const::Metatype(ty)
            | Const::ProtocolMetatype(ty)
            | Const::Line(_, ty)
            | Const::Column(_, ty)
            | Const::Zero(ty) => *ty = types(*ty),
            Const::Unit => {}
        }
    }
}

fn argument_types(args: &mut [Argument], types: &mut dyn FnMut(Ty) -> Ty) {
    for argument in args {
        if let Argument::Value(operand) = argument {
            constant_types(operand, types);
        }
    }
}

fn callee_types(callee: &mut Callee, arguments: &mut dyn FnMut(TyList) -> TyList) {
    match callee {
        Callee::Static(_, args) | Callee::Witness(_, args) | Callee::Virtual(_, args) => {
            *args = arguments(*args);
        }
        Callee::Value(_) => {}
    }
}

fn statement_types(
    kind: &mut StatementKind,
    types: &mut dyn FnMut(Ty) -> Ty,
    arguments: &mut dyn FnMut(TyList) -> TyList,
) {
    match kind {
        StatementKind::Assign(_, value) => rvalue_types(value, types, arguments),
        StatementKind::StoreWeak { value, .. } | StatementKind::StoreUnowned { value, .. } => {
            constant_types(value, types)
        }
        StatementKind::Call { callee, args, .. } => {
            callee_types(callee, arguments);
            argument_types(args, types);
        }
        StatementKind::Cast { from, to, .. } => {
            *from = types(*from);
            *to = types(*to);
        }
        _ => {}
    }
    each_place_mut(kind, &mut |place, _| place_types(place, types));
}

fn rvalue_types(
    value: &mut Rvalue,
    types: &mut dyn FnMut(Ty) -> Ty,
    arguments: &mut dyn FnMut(TyList) -> TyList,
) {
    match value {
        Rvalue::Use(operand) => constant_types(operand, types),
        Rvalue::Aggregate(ty, operands)
        | Rvalue::Case {
            ty,
            payload: operands,
            ..
        } => {
            *ty = types(*ty);
            operands.iter_mut().for_each(|o| constant_types(o, types));
        }
        Rvalue::AllocObject { class, metatype } => {
            *class = types(*class);
            metatype.iter_mut().for_each(|o| constant_types(o, types));
        }
        Rvalue::AllocBox(ty) => *ty = types(*ty),
        Rvalue::Closure {
            args, captures, ty, ..
        } => {
            *args = arguments(*args);
            *ty = types(*ty);
            captures.iter_mut().for_each(|o| constant_types(o, types));
        }
        Rvalue::Function { callee, ty } => {
            callee_types(callee, arguments);
            *ty = types(*ty);
        }
        Rvalue::Erase { value, from, to } => {
            constant_types(value, types);
            *from = types(*from);
            *to = types(*to);
        }
        Rvalue::Upcast { value, to } => {
            constant_types(value, types);
            *to = types(*to);
        }
        Rvalue::Tag(_)
        | Rvalue::IsCase(..)
        | Rvalue::AddressOf(_)
        | Rvalue::DynamicType(_)
        | Rvalue::LoadWeak(_)
        | Rvalue::LoadUnowned(_) => {}
    }
}
