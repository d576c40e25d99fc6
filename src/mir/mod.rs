//! Tour of `mir`: bodies as control-flow graphs with explicit ownership.
//!
//! * [`data`]: what a graph is made of; the rules of ownership that every pass keeps.
//! * `builder`: blocks, locals and cleanup scopes; `place`, `member`, `store`: storage and formal accesses; `temporaries`: how long they live; `expr`, `call`, `delegation`, `literals`, `convert`, `stmt`, `pattern`, `closure`:
//!   lowering of typed bodies; `init`, `synth`: functions as wholes, also those without source text; `captures`: what closures capture.
//! * `coroutine`: `_modify` accessors, cut in two at their `yield`.
//! * `copyability`: which values can only be moved. `moves`: copies of those become moves. `elaborate`: decides by data flow what is initialised where, and thereby which destructions happen; its findings are diagnostics.
//! * [`flow`]: those and other diagnostics in words. [`opt`]: passes. [`verify`]: the rules, checked. [`dump`]: graphs as text.
//! * `stored`: graphs of the standard library and of compiled modules that an earlier process has built, and `sound`: whether they hold together; [`mentions`]: which functions a graph mentions.
//!
//! [`mir`] answers for one function, generic and unspecialised.

mod builder;
mod call;
mod captures;
mod closure;
mod convert;
mod copyability;
mod coroutine;
pub mod data;
mod delegation;
pub mod dump;
mod elaborate;
mod expr;
mod facts;
pub mod flow;
mod init;
mod key_path;
mod literals;
mod member;
pub mod mentions;
mod moves;
pub mod opt;
mod pattern;
mod place;
mod sound;
mod stmt;
mod store;
mod stored;
mod synth;
mod temporaries;
pub mod verify;
mod visit;
pub mod walk;

#[cfg(test)]
mod sound_tests;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod tests;

pub use self::stored::record_mir;

pub use self::data::*;

use crate::base::Name;
use crate::bodies::thir::{TLocalId, TypedBody};
use crate::db::Db;
use crate::items::hir::{ExprId, StmtId};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::types::ty::Ty;
use builder::Builder;
use captures::Captures;
use facts::Facts;
use std::sync::Arc;

/// Something wrong with the flow of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MirError {
    pub kind: FlowKind,
    /// The expression concerned; none means the end of the body.
    pub src: Option<ExprId>,
}

/// What may be wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FlowKind {
    /// A construct that cannot be lowered; the text says which.
    Unsupported(Name),
    MissingReturn(Ty),
    /// A coroutine accessor comes to its end without having yielded: always, or on some path.
    MissingYield {
        always: bool,
    },
    /// A coroutine accessor yields again.
    SecondYield,
    /// A function of type `Never` can come to its end.
    NeverReturns,
    /// The block of this `guard` can come to its end.
    GuardFallsThrough(StmtId),
    /// Code after a return, throw or endless loop. A warning.
    Unreachable,
    UsedBeforeInitialized(Name),
    /// A constant that may have been given a value already.
    InitializedTwice(Name),
    /// A variable is used, or consumed again, where its value may have been given away.
    UsedAfterConsume {
        name: Name,
        local: TLocalId,
        /// Where the value went.
        taken: Option<ExprId>,
        how: AfterConsume,
    },
    /// An inout parameter has given up its value and has none when the function is left.
    NotReinitialized {
        name: Name,
        local: TLocalId,
        taken: Option<ExprId>,
    },
    /// A value is taken that was only lent.
    ConsumedBorrowed {
        name: Name,
        local: TLocalId,
    },
    /// `return` from an initialiser while these properties have no value.
    ReturnWithoutInitializing(Vec<Name>),
    /// `this` used as a whole while these properties have no value.
    ThisUsedBeforeInitialized(Vec<Name>),
    SuperInitNotCalled,
    ThisUsedBeforeSuperInit,
    ThisUsedBeforeDelegation,
    /// An initialiser that delegates comes to its end without having done so.
    NotDelegated,
    SuperInitBeforeProperties(Vec<Name>),
    /// A closure or local function that captures something is to be a function of C.
    CapturesInCFunction {
        is_local_function: bool,
    },
}

/// What is done with a variable whose value is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterConsume {
    Used,
    Consumed,
    /// The same code has taken the value in the loop's round before.
    ConsumedInLoop,
}

impl FlowKind {
    /// Whether it is only a warning.
    pub fn is_warning(&self) -> bool {
        matches!(self, FlowKind::Unreachable)
    }
}

/// What building one function gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Built {
    pub mir: Option<Arc<Mir>>,
    pub errors: Vec<MirError>,
}

/// The graph of a function. None when its body has errors, or when it has no code of its own.
pub fn mir(db: &dyn Db, id: FnId) -> Option<&Mir> {
    build(db, id.def, id.kind).mir.as_deref()
}

/// The graph and what was found on the way.
#[salsa::tracked]
pub fn build(db: &dyn Db, def: DefId, kind: FnKind) -> Built {
    stored::stored(db, FnId { def, kind }, || build_new(db, def, kind))
}

fn build_new(db: &dyn Db, def: DefId, kind: FnKind) -> Built {
    let facts = Facts { db };
    let built = build_function(facts, FnId { def, kind });
    let Some((mut mir, mut errors)) = built else {
        return Built::default();
    };
    let broken = errors.iter().any(|e| !e.kind.is_warning());
    if !broken {
        opt::run(&mut mir, facts);
        mir.prune();
        mir.blocks.shrink_to_fit();
        mir.locals.shrink_to_fit();
    }
    errors.dedup();
    Built {
        mir: (!broken).then(|| Arc::new(mir)),
        errors,
    }
}

/// What the closures of a body capture. All functions of a body ask, so that it is found once for one with closures.
#[salsa::tracked(no_eq, returns(clone))]
fn captures_of(db: &dyn Db, def: DefId) -> Arc<Captures> {
    let facts = Facts { db };
    captures_in(facts, def, facts.typed_body(def))
}

fn captures_in(facts: Facts<'_>, def: DefId, body: &TypedBody) -> Arc<Captures> {
    let copyability = copyability::Copyability::of(facts, def);
    Arc::new(Captures::of(&facts, &copyability, body))
}

/// Whether a definition has a body in the source. Its closures share its typed form.
fn has_source_body(facts: Facts, def: DefId) -> bool {
    crate::items::body_syntax(facts.db, def).is_some()
}

fn build_function(facts: Facts<'_>, id: FnId) -> Option<(Mir, Vec<MirError>)> {
    static EMPTY: std::sync::OnceLock<TypedBody> = std::sync::OnceLock::new();
    let (def, kind) = (id.def, facts.kind(id.def));
    // A variable that starts as nil has no initial value in the source.
    let nil_binding = id.kind == FnKind::InitialValue && facts.implicit_nil(def).is_some();
    let from_source = match id.kind {
        FnKind::Body => !matches!(kind, DefKind::Synth(_)),
        FnKind::EndAccess => true,
        FnKind::Allocate => facts.is_convenience(def),
        FnKind::Main => kind == DefKind::TopLevel && has_source_body(facts, def),
        FnKind::Closure(_)
        | FnKind::InitialValue
        | FnKind::KeyPathGet(_)
        | FnKind::KeyPathSet(_) => true,
        FnKind::DefaultArg => !facts
            .parent(def)
            .is_some_and(|p| matches!(facts.kind(p), DefKind::Synth(_))),
        FnKind::GlobalAddress | FnKind::ValueThunk => return None,
        _ => false,
    };
    let from_source = from_source && !nil_binding;
    let body = match from_source {
        true => {
            if !has_source_body(facts, def) {
                return None;
            }
            let body = facts.typed_body(def);
            if body.has_errors {
                return None;
            }
            body
        }
        false => EMPTY.get_or_init(TypedBody::default),
    };
    let caps = match from_source && !body.closures.is_empty() {
        true => captures_of(facts.db, def),
        false => captures_in(facts, def, body),
    };
    build_from(facts, id, body, from_source, caps)
}

/// Builds a function from a typed body; one that the compiler makes has an empty body.
fn build_from<'a>(
    facts: Facts<'a>,
    id: FnId,
    body: &'a TypedBody,
    from_source: bool,
    caps: Arc<Captures>,
) -> Option<(Mir, Vec<MirError>)> {
    let db = facts.db;
    let (def, kind) = (id.def, facts.kind(id.def));
    if matches!(id.kind, FnKind::Closure(n) if caps.inlined.contains(&n)) {
        // It has been lowered where it stands, and holds no captures of its own.
        return None;
    }
    let result = match id.kind {
        FnKind::Main | FnKind::PropertySet | FnKind::DestroyObject => Ty::unit(),
        FnKind::InitialValue => facts.binding_type(def),
        FnKind::DefaultArg if from_source => body.result.0,
        FnKind::DefaultArg => {
            let init = facts.parent(def)?;
            facts.signature(init).params.get(def.index(db) as usize)?.ty
        }
        FnKind::Closure(n) => closure_result(body, n)?,
        FnKind::PropertyGet => match kind {
            DefKind::Subscript | DefKind::Synth(_) => facts.signature(def).result,
            _ => facts.var_type(def),
        },
        FnKind::KeyPathGet(n) => key_path_value(body, n)?,
        FnKind::KeyPathSet(_) => Ty::unit(),
        FnKind::PropertyAddress => return None,
        _ => facts.signature(def).result,
    };
    let result = match (id.kind, kind) {
        (FnKind::Body, DefKind::Deinit) => Ty::unit(),
        // Cutting it in two gives both parts their results.
        (FnKind::Body | FnKind::EndAccess, DefKind::Accessor(AccessorKind::Modify)) => Ty::unit(),
        _ => result,
    };
    let mut builder = Builder::new(facts, body, def, caps, id, result);
    builder.bind_local_functions();
    match id.kind {
        FnKind::Body => match kind {
            DefKind::Synth(synth) => builder.build_synth(synth),
            DefKind::Init if facts.is_convenience(def) => return None,
            _ => builder.build_body(),
        },
        FnKind::EndAccess => builder.build_body(),
        FnKind::Allocate => match from_source {
            true => builder.build_convenience(),
            false => builder.build_allocate(),
        },
        FnKind::Closure(n) => builder.build_closure(n),
        FnKind::DefaultArg => match facts.parent(def) {
            Some(init) if !from_source => builder.build_memberwise_default(init, def.index(db)),
            _ => builder.build_value(),
        },
        FnKind::InitialValue if !from_source => builder.build_nil(),
        FnKind::InitialValue => builder.build_value(),
        FnKind::DestroyObject => builder.build_destroy_object(),
        FnKind::CaseConstructor => builder.build_case_constructor(),
        FnKind::PropertyGet => match kind {
            DefKind::Synth(synth) => builder.build_synth(synth),
            _ => builder.build_property_get(),
        },
        FnKind::PropertySet => builder.build_property_set(),
        FnKind::Main if !from_source => builder.build_entry()?,
        FnKind::Main => builder.build_main(),
        FnKind::BoundMethodThunk => builder.build_bound_method(),
        FnKind::KeyPathGet(n) => builder.build_key_path(n, false),
        FnKind::KeyPathSet(n) => builder.build_key_path(n, true),
        FnKind::GlobalAddress | FnKind::PropertyAddress | FnKind::ValueThunk => return None,
    }
    let builder::Finished {
        mut mir,
        mut errors,
        mut tracked,
        copyability,
    } = builder.finish();
    if !errors
        .iter()
        .any(|e| matches!(e.kind, FlowKind::Unsupported(_)))
    {
        moves::run(&mut mir, facts, &copyability, &mut tracked);
        elaborate::run(&mut mir, facts, &tracked, &mut errors);
        if let DefKind::Accessor(accessor @ (AccessorKind::Read | AccessorKind::Modify)) = kind
            && matches!(id.kind, FnKind::Body | FnKind::EndAccess)
        {
            coroutine::finish(&mut mir, accessor, facts, &mut errors);
        }
    }
    Some((mir, errors))
}

/// What a key path literal's getter gives.
fn key_path_value(body: &TypedBody, n: u32) -> Option<Ty> {
    let expr = body.exprs.get(crate::base::Idx::from_raw(n))?;
    let (_, args) = expr.ty.as_nominal()?;
    args.as_slice().get(1).copied()
}

fn closure_result(body: &TypedBody, n: u32) -> Option<Ty> {
    use crate::bodies::thir::{Conversion, TExprKind};
    if let Some(closure) = body.closures.get(n as usize) {
        return Some(closure.as_ref()?.ty.as_function()?.result);
    }
    let expr = n.checked_sub(body.closures.len() as u32)?;
    let expr = body.exprs.get(crate::base::Idx::from_raw(expr))?;
    match &expr.kind {
        TExprKind::Convert {
            kind: Conversion::Function(_),
            ..
        } => Some(expr.ty.as_function()?.result),
        TExprKind::Convert {
            kind: Conversion::Collection { convert, .. } | Conversion::Dictionary { convert, .. },
            ..
        } => Some(body.exprs.get(*convert)?.ty),
        _ => None,
    }
}

/// The functions that a body's definition gives rise to, for dumps and objects: itself and its closures.
pub fn functions_of(db: &dyn Db, def: DefId) -> Vec<FnId> {
    use crate::items::ids::DefKind;
    let kind = match def.kind(db) {
        DefKind::Binding => FnKind::InitialValue,
        DefKind::DefaultArg => FnKind::DefaultArg,
        DefKind::TopLevel => FnKind::Main,
        _ => FnKind::Body,
    };
    let closures = crate::bodies::typed_body(db, def).closures.len() as u32;
    let closures = (0..closures).map(FnKind::Closure);
    std::iter::once(kind)
        .chain(closures)
        .map(|kind| FnId { def, kind })
        .collect()
}
