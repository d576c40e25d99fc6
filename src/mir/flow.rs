//! Diagnostics about the flow of bodies: what is initialised when, what returns, what is never reached.

use super::{Built, FlowKind, FnKind, build};
use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
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
    if crate::items::body_syntax(db, def).is_none() || facts.typed_body(def).has_errors {
        return Vec::new();
    }
    let mut out = Vec::new();
    report(db, def, build(db, def, kind), &mut out);
    for n in 0..facts.typed_body(def).closures.len() as u32 {
        report(db, def, build(db, def, FnKind::Closure(n)), &mut out);
    }
    out
}

fn report(db: &dyn Db, def: DefId, built: &Built, out: &mut Vec<AnchoredDiagnostic>) {
    for error in &built.errors {
        let at = match error.src {
            Some(src) => Anchor::Expr(def, src),
            None => Anchor::End(def),
        };
        let (code, text) = describe(db, def, &error.kind);
        let diagnostic = match error.kind.is_warning() {
            true => AnchoredDiagnostic::warning(code, at, text),
            false => AnchoredDiagnostic::error(code, at, text),
        };
        if !out.contains(&diagnostic) {
            out.push(diagnostic);
        }
    }
}

fn list(names: &[Name]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'this.{n}'")).collect();
    quoted.join(", ")
}

fn describe(db: &dyn Db, def: DefId, kind: &FlowKind) -> (&'static str, String) {
    match kind {
        FlowKind::Unsupported(what) => ("unsupported", format!("this is not supported yet: {what}")),
        FlowKind::MissingReturn(ty) => {
            let what = match def.kind(db) {
                DefKind::Accessor(crate::items::ids::AccessorKind::Get) => "accessor",
                _ => "function",
            };
            let ty = crate::types::display_type(db, *ty, false);
            (
                "missing_return",
                format!("missing return in {what} expected to return '{ty}'"),
            )
        }
        FlowKind::NeverReturns => (
            "never_returns",
            "function with uninhabited return type 'Never' is missing a call to another never-returning function on all paths"
                .to_owned(),
        ),
        FlowKind::GuardFallsThrough => (
            "guard_falls_through",
            "'guard' body must not fall through, consider using a 'return' or 'throw' to exit the scope".to_owned(),
        ),
        FlowKind::Unreachable => ("unreachable", "code after this point will never be executed".to_owned()),
        FlowKind::UsedBeforeInitialized(name) => (
            "used_before_initialized",
            format!("variable '{name}' used before being initialized"),
        ),
        FlowKind::InitializedTwice(name) => (
            "initialized_twice",
            format!("immutable value '{name}' may only be initialized once"),
        ),
        FlowKind::UsedAfterConsume(name) => ("used_after_consume", format!("'{name}' used after consume")),
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
    }
}
