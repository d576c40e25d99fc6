//! Calls of closures that are known replaced by their bodies.
//!
//! What a closure captures is put into locals where the closure is made; its body reads those instead of a context. A closure that nobody
//! calls any more is removed by [`super::forward`].

use std::sync::Arc;

use crate::base::FxHashMap;
use crate::mir::data::{
    Block, Callee, CaptureMode, FnId, FnKind, Instance, Local, LocalKind, Mir, Operand, Place,
    Proj, Rvalue, Statement, StatementKind, Terminator,
};
use crate::mir::walk::all_places;
use crate::types::ty::{BuiltinTy, Ty, TyList};

use super::inline::{Definition, Definitions, Inliner, size};
use super::types::operand_place;

/// A closure's body may be this long; most are called from one place.
const BODY: usize = 200;

/// A closure that is made in the function.
struct Known {
    instance: Instance,
    body: Arc<Mir>,
    /// Where the captured values are.
    captured: Vec<Local>,
}

/// What a function value is known to be.
enum Value {
    Closure(Known),
    Function(FnId, TyList),
}

/// Inlines the known closures; whether there were any.
pub(super) fn run(inliner: &mut Inliner<'_, '_>) -> bool {
    let definitions = Definitions::of(&inliner.mir);
    let called = called_functions(&inliner.mir, &definitions);
    if called.is_empty() {
        return false;
    }
    let values = known_values(inliner, &called);
    let mut changed = false;
    let blocks: Vec<Block> = inliner.mir.blocks.indices().collect();
    for start in blocks {
        let mut block = start;
        let mut at = 0;
        while at < inliner.mir.blocks[block].stmts.len() {
            let statement = &inliner.mir.blocks[block].stmts[at];
            let StatementKind::Call {
                callee: Callee::Value(operand),
                args,
                ..
            } = &statement.kind
            else {
                at += 1;
                continue;
            };
            let Some(value) = value_of(operand, &definitions, &values) else {
                at += 1;
                continue;
            };
            match value {
                Value::Function(id, types) => {
                    let callee = Callee::Static(*id, *types);
                    if let StatementKind::Call { callee: to, .. } =
                        &mut inliner.mir.blocks[block].stmts[at].kind
                    {
                        *to = callee;
                    }
                    changed = true;
                    at += 1;
                }
                Value::Closure(known) => {
                    if inliner.throws(&known.body) || !fits(inliner, known, args) {
                        at += 1;
                        continue;
                    }
                    let Some(site) = inliner.split(block, at) else {
                        break;
                    };
                    let normal = site.normal;
                    let captured = Some(known.captured.clone());
                    inliner.expand(block, known.instance, &known.body, site, captured);
                    changed = true;
                    (block, at) = (normal, 0);
                }
            }
        }
        changed |= expand_try(inliner, block, &definitions, &values);
    }
    changed
}

/// The same for a call that may throw.
fn expand_try(
    inliner: &mut Inliner<'_, '_>,
    block: Block,
    definitions: &Definitions,
    values: &FxHashMap<Local, Value>,
) -> bool {
    let Some(Terminator::TryCall {
        callee: Callee::Value(operand),
        args,
        ..
    }) = &inliner.mir.blocks[block].term
    else {
        return false;
    };
    match value_of(operand, definitions, values) {
        Some(Value::Function(id, types)) => {
            let callee = Callee::Static(*id, *types);
            if let Some(Terminator::TryCall { callee: to, .. }) =
                &mut inliner.mir.blocks[block].term
            {
                *to = callee;
            }
            true
        }
        Some(Value::Closure(known)) if fits(inliner, known, args) => {
            let Some(site) = inliner.take_try(block) else {
                return false;
            };
            let captured = Some(known.captured.clone());
            inliner.expand(block, known.instance, &known.body, site, captured);
            true
        }
        _ => false,
    }
}

fn fits(inliner: &Inliner<'_, '_>, known: &Known, args: &[crate::mir::data::Argument]) -> bool {
    // The context comes last and is no argument.
    known.body.params.len() == args.len() + 1 && inliner.can_bind(&known.body, args)
}

/// The value that a borrowed or copied function is known to be. A moved one would have to be destroyed after the call.
fn value_of<'v>(
    operand: &Operand,
    definitions: &Definitions,
    values: &'v FxHashMap<Local, Value>,
) -> Option<&'v Value> {
    match operand {
        Operand::Borrow(place) if place.is_local() => values.get(&definitions.origin(place.local)),
        _ => None,
    }
}

/// The locals that hold known functions and are called.
fn called_functions(mir: &Mir, definitions: &Definitions) -> Vec<Local> {
    let mut called = Vec::new();
    let mut note = |callee: &Callee| {
        if let Callee::Value(Operand::Borrow(place)) = callee
            && place.is_local()
        {
            let local = definitions.origin(place.local);
            if matches!(definitions.get(local), Definition::Function) && !called.contains(&local) {
                called.push(local);
            }
        }
    };
    for data in mir.blocks.values() {
        for statement in &data.stmts {
            if let StatementKind::Call { callee, .. } = &statement.kind {
                note(callee);
            }
        }
        if let Some(Terminator::TryCall { callee, .. }) = &data.term {
            note(callee);
        }
    }
    called
}

/// Looks at where the called functions are made, and gives their captures locals.
fn known_values(inliner: &mut Inliner<'_, '_>, called: &[Local]) -> FxHashMap<Local, Value> {
    let mut values = FxHashMap::default();
    let blocks: Vec<Block> = inliner.mir.blocks.indices().collect();
    for block in blocks {
        let mut at = 0;
        while at < inliner.mir.blocks[block].stmts.len() {
            let statement = &inliner.mir.blocks[block].stmts[at];
            let src = statement.src;
            if let StatementKind::Assign(dest, value) = &statement.kind
                && dest.is_local()
                && called.contains(&dest.local)
            {
                let local = dest.local;
                match value {
                    Rvalue::Function {
                        callee: Callee::Static(id, types),
                        ..
                    } if matches!(id.kind, FnKind::Body | FnKind::CaseConstructor) => {
                        values.insert(local, Value::Function(*id, *types));
                    }
                    Rvalue::Closure {
                        func,
                        args,
                        captures,
                        on_stack,
                        ..
                    } => {
                        let instance = Instance {
                            id: *func,
                            args: *args,
                        };
                        let (captures, on_stack) = (captures.clone(), *on_stack);
                        if let Some((known, statements)) =
                            known_closure(inliner, instance, &captures, on_stack)
                        {
                            let count = statements.len();
                            let kept = known.captured.clone();
                            let list = &mut inliner.mir.blocks[block].stmts;
                            list.splice(
                                at..at,
                                statements.into_iter().map(|kind| Statement { kind, src }),
                            );
                            at += count;
                            hand_over(&mut list[at].kind, &known.body, &kept, on_stack);
                            values.insert(local, Value::Closure(known));
                        }
                    }
                    _ => {}
                }
            }
            at += 1;
        }
    }
    values
}

/// The closure's own captures, from the locals that have them now.
fn hand_over(kind: &mut StatementKind, body: &Mir, captured: &[Local], on_stack: bool) {
    let StatementKind::Assign(_, Rvalue::Closure { captures, .. }) = kind else {
        return;
    };
    for ((operand, &local), capture) in captures.iter_mut().zip(captured).zip(&body.captures) {
        *operand = match capture.mode {
            // The context owns a reference of its own, so that the local's bits stay valid while it lives.
            CaptureMode::Value | CaptureMode::Box if !on_stack => {
                Operand::Move(owned_twin(local).into())
            }
            _ => Operand::Copy(local.into()),
        };
    }
}

/// The local that owns what `local` only borrows: allocated right before it.
fn owned_twin(local: Local) -> Local {
    Local::from_raw(local.raw() - 1)
}

fn known_closure(
    inliner: &mut Inliner<'_, '_>,
    instance: Instance,
    captures: &[Operand],
    on_stack: bool,
) -> Option<(Known, Vec<StatementKind>)> {
    // Code generation opens what a generic local function is given.
    if !matches!(instance.id.kind, FnKind::Closure(_))
        || inliner
            .p
            .opened_argument(instance.id, instance.args)
            .is_some()
    {
        return None;
    }
    let body = inliner.p.specialized(instance)?;
    let &context = body.params.last()?;
    if size(&body) > BODY || body.captures.len() != captures.len() {
        return None;
    }
    let mut inside = true;
    all_places(&body, &mut |place, _| {
        if place.local == context {
            inside &= matches!(place.path.first(), Some(Proj::Capture(_)));
        }
    });
    let plain = body.captures.iter().all(|capture| match capture.mode {
        CaptureMode::Address => true,
        CaptureMode::Value => !on_stack || inliner.p.layout(capture.ty).trivial,
        CaptureMode::Box => !on_stack,
        CaptureMode::Weak | CaptureMode::Unowned => false,
    });
    if !inside || !plain {
        return None;
    }
    let mut statements = Vec::new();
    let mut captured = Vec::new();
    for (capture, operand) in body.captures.iter().zip(captures) {
        let ty = match capture.mode {
            CaptureMode::Box => Ty::builtin(BuiltinTy::NativeObject),
            CaptureMode::Address => Ty::builtin(BuiltinTy::RawPointer),
            _ => capture.ty,
        };
        let owns = matches!(capture.mode, CaptureMode::Value | CaptureMode::Box) && !on_stack;
        let value = match owns {
            true => {
                let owner = inliner.local(ty, LocalKind::Var);
                let assign = StatementKind::Assign(owner.into(), Rvalue::Use(operand.clone()));
                statements.push(assign);
                Operand::Borrow(owner.into())
            }
            false => match operand_place(operand) {
                Some(place) => Operand::Borrow(Place::clone(place)),
                None => operand.clone(),
            },
        };
        let local = inliner.local(ty, LocalKind::Borrowed);
        statements.push(StatementKind::Assign(local.into(), Rvalue::Use(value)));
        captured.push(local);
    }
    let known = Known {
        instance,
        body,
        captured,
    };
    Some((known, statements))
}
