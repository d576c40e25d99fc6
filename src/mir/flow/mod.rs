//! Diagnostics about the flow of bodies: what is initialised when, what returns, what is never reached.
//!
//! * What building a graph finds out is put in words here.
//! * [`arithmetic`]: operations on constants that are sure to fail; [`escape`]: closures and parameters that must not outlive a call;
//!   [`access`]: exclusive access to variables; [`usage`]: variables that nobody needs. These read the typed body.

mod access;
mod arithmetic;
mod escape;
mod usage;

use super::{AfterConsume, Built, FlowKind, FnKind, MirError, build};
use crate::base::Name;
use crate::bodies::thir::TypedBody;
use crate::db::Db;
use crate::diag::Severity;
use crate::items::hir::Expr;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::{Anchor, AnchoredDiagnostic};

/// Everything that building a definition's functions finds, its closures' too.
#[salsa::tracked]
pub fn flow_diagnostics(db: &dyn Db, def: DefId) -> Vec<AnchoredDiagnostic> {
    let facts = super::facts::Facts { db };
    let kind = match def.kind(db) {
        DefKind::TopLevel => FnKind::Main,
        DefKind::Binding => FnKind::InitialValue,
        DefKind::DefaultArg => FnKind::DefaultArg,
        DefKind::Init if facts.is_convenience(def) => FnKind::Allocate,
        DefKind::Case => return Vec::new(),
        _ => FnKind::Body,
    };
    let body = facts.typed_body(def);
    if crate::items::body_syntax(db, def).is_none() || body.has_errors {
        return Vec::new();
    }
    // What is wrong with an initialiser's declaration makes its body look wrong too.
    let declaration = crate::types::check::item_diagnostics(db, def);
    if declaration.iter().any(|d| d.severity == Severity::Error) {
        return Vec::new();
    }
    let mut out = Vec::new();
    report(db, def, None, build(db, def, kind), &mut out);
    for n in 0..body.closures.len() as u32 {
        report(
            db,
            def,
            Some(n),
            build(db, def, FnKind::Closure(n)),
            &mut out,
        );
    }
    let caps = &*super::captures_of(db, def);
    arithmetic::check(facts, def, body, &mut out);
    escape::check(facts, def, body, caps, &mut out);
    access::check(facts, def, body, caps, &mut out);
    // Warnings about a body that is wrong would only be in the way.
    if !out.iter().any(|d| d.severity == Severity::Error) {
        usage::check(facts, def, body, &mut out);
    }
    out
}

/// The findings of one graph: of the definition, or of a closure in its body.
fn report(
    db: &dyn Db,
    def: DefId,
    closure: Option<u32>,
    built: &Built,
    out: &mut Vec<AnchoredDiagnostic>,
) {
    for error in &built.errors {
        let diagnostic = diagnostic(db, def, closure, error);
        if !out.contains(&diagnostic) {
            out.push(diagnostic);
        }
    }
}

fn diagnostic(
    db: &dyn Db,
    def: DefId,
    closure: Option<u32>,
    error: &MirError,
) -> AnchoredDiagnostic {
    let body = super::facts::Facts { db }.typed_body(def);
    let here = match error.src {
        Some(src) => Anchor::Expr(def, src),
        None => closure
            .and_then(|n| closure_end(db, def, body, n))
            .unwrap_or(Anchor::End(def)),
    };
    let declared = |local| escape::declaration(def, body, local).unwrap_or(here);
    match &error.kind {
        FlowKind::GuardFallsThrough(stmt) => AnchoredDiagnostic::error(
            "guard_falls_through",
            Anchor::StmtEnd(def, *stmt),
            "'guard' body must not fall through, consider using a 'return' or 'throw' to exit the scope",
        ),
        FlowKind::UsedAfterConsume {
            name,
            local,
            taken,
            how,
        } => {
            let text = match how {
                AfterConsume::Used => format!("'{name}' used after consume"),
                AfterConsume::Consumed => format!("'{name}' consumed more than once"),
                AfterConsume::ConsumedInLoop => format!("'{name}' consumed in a loop"),
            };
            let error = AnchoredDiagnostic::error("used_after_consume", declared(*local), text);
            let taken = taken.map(|taken| Anchor::Expr(def, taken));
            match how {
                AfterConsume::Used => error
                    .note(taken, "consumed here")
                    .note(Some(here), "used here"),
                AfterConsume::Consumed => error
                    .note(taken, "consumed here")
                    .note(Some(here), "consumed again here"),
                AfterConsume::ConsumedInLoop => error.note(Some(here), "consumed here"),
            }
        }
        FlowKind::NotReinitialized { name, local, taken } => AnchoredDiagnostic::error(
            "not_reinitialized",
            declared(*local),
            format!("missing reinitialization of inout parameter '{name}' after consume"),
        )
        .note(taken.map(|t| Anchor::Expr(def, t)), "consumed here"),
        FlowKind::ConsumedBorrowed { name, local } => AnchoredDiagnostic::error(
            "consumed_borrowed",
            declared(*local),
            format!("'{name}' is borrowed and cannot be consumed"),
        )
        .note(Some(here), "consumed here"),
        kind => {
            let (code, text) = describe(db, def, closure.is_some(), kind);
            let diagnostic = match kind.is_warning() {
                true => AnchoredDiagnostic::warning(code, here, text),
                false => AnchoredDiagnostic::error(code, here, text),
            };
            let missing: &[Name] = match kind {
                FlowKind::ReturnWithoutInitializing(names)
                | FlowKind::ThisUsedBeforeInitialized(names) => names,
                _ => &[],
            };
            missing.iter().fold(diagnostic, |diagnostic, name| {
                diagnostic.note(None, format!("'this.{name}' not initialized"))
            })
        }
    }
}

/// The closing brace of a closure or local function.
fn closure_end(db: &dyn Db, def: DefId, body: &TypedBody, n: u32) -> Option<Anchor> {
    let closure = body.closures.get(n as usize)?.as_ref()?;
    if let Some(function) = closure.def {
        return Some(Anchor::End(function));
    }
    let source = crate::items::body(db, def);
    let (expr, _) = source
        .exprs
        .iter()
        .find(|(_, expr)| matches!(expr, Expr::Closure(c) if c.index == n))?;
    Some(Anchor::ClosureEnd(def, expr))
}

fn list(names: &[Name]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'this.{n}'")).collect();
    quoted.join(", ")
}

fn describe(db: &dyn Db, def: DefId, in_closure: bool, kind: &FlowKind) -> (&'static str, String) {
    match kind {
        FlowKind::Unsupported(what) => ("unsupported", format!("this is not supported yet: {what}")),
        FlowKind::MissingReturn(ty) => {
            let what = match def.kind(db) {
                _ if in_closure => "closure",
                DefKind::Accessor(AccessorKind::Get) => "getter",
                _ => crate::types::display::describe(db, def),
            };
            let ty = crate::types::display_type(db, *ty, false);
            (
                "missing_return",
                format!("missing return in {what} expected to return '{ty}'"),
            )
        }
        FlowKind::MissingYield { always } => (
            "missing_yield",
            match always {
                true => "accessor must yield before returning",
                false => "accessor must yield on all paths before returning",
            }
            .to_owned(),
        ),
        FlowKind::SecondYield => (
            "second_yield",
            "accessor must not yield more than once".to_owned(),
        ),
        FlowKind::NeverReturns => (
            "never_returns",
            "function with uninhabited return type 'Never' is missing a call to another never-returning function on all paths"
                .to_owned(),
        ),
        FlowKind::Unreachable => ("unreachable", "will never be executed".to_owned()),
        FlowKind::UsedBeforeInitialized(name) => (
            "used_before_initialized",
            format!("variable '{name}' used before being initialized"),
        ),
        FlowKind::InitializedTwice(name) => (
            "initialized_twice",
            format!("immutable value '{name}' may only be initialized once"),
        ),
        FlowKind::ReturnWithoutInitializing(_) => (
            "return_without_initializing",
            "return from initializer without initializing all stored properties".to_owned(),
        ),
        FlowKind::ThisUsedBeforeInitialized(_) => (
            "this_used_before_initialized",
            "'this' used before all stored properties are initialized".to_owned(),
        ),
        FlowKind::SuperInitNotCalled => (
            "super_init_not_called",
            "'super.init' isn't called on all paths before returning from initializer".to_owned(),
        ),
        FlowKind::ThisUsedBeforeSuperInit => (
            "this_before_super_init",
            "'this' used before 'super.init' call".to_owned(),
        ),
        FlowKind::ThisUsedBeforeDelegation => (
            "this_before_delegation",
            "'this' used before 'this.init' call or assignment to 'this'".to_owned(),
        ),
        FlowKind::SuperInitBeforeProperties(names) => (
            "super_init_before_properties",
            format!("property {} not initialized at super.init call", list(names)),
        ),
        FlowKind::CapturesInCFunction { is_local_function } => {
            let what = match is_local_function {
                true => "local function",
                false => "closure",
            };
            (
                "captures_in_c_function",
                format!("a C function pointer cannot be formed from a {what} that captures context"),
            )
        }
        FlowKind::NotDelegated => (
            "not_delegated",
            "'this.init' isn't called on all paths before returning from initializer".to_owned(),
        ),
        // These have more than one place.
        FlowKind::GuardFallsThrough(_)
        | FlowKind::UsedAfterConsume { .. }
        | FlowKind::NotReinitialized { .. }
        | FlowKind::ConsumedBorrowed { .. } => ("flow", String::new()),
    }
}
