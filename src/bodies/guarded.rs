//! Global variables that the conditions of a main file's `guard` statements bind: no initial value of their own tells their types.

use crate::bodies::check::{Checker, FnKind};
use crate::bodies::thir::TPatKind;
use crate::db::Db;
use crate::items::hir::Stmt;
use crate::items::ids::{DefId, DefKind};
use crate::items::{self, file_of};
use crate::resolve::scope::file_scope;
use crate::types::ty::Ty;

/// The type of a global variable that a `guard` binds, or the error type when there is no such statement.
pub fn guarded_type(db: &dyn Db, var: DefId) -> Ty {
    let is_main = file_of(db, var).is_some_and(|file| file_scope(db, file).is_main);
    let Some(file) = var.parent(db).filter(|_| is_main) else {
        return Ty::error();
    };
    if file.kind(db) != DefKind::File {
        return Ty::error();
    }
    let top = items::owners::top_level_def(db, file);
    let guards = items::body(db, top).root.stmts.len() as u32;
    (0..guards)
        .flat_map(|index| guarded_types(db, top, index))
        .find(|(def, _)| *def == var)
        .map_or_else(Ty::error, |(_, ty)| *ty)
}

/// The types of those that one statement binds. Only its conditions are checked: what stands between may need these types itself, and
/// names of the guards before are global variables like any other.
#[salsa::tracked(returns(deref), cycle_result = none_known)]
fn guarded_types(db: &dyn Db, top: DefId, index: u32) -> Vec<(DefId, Ty)> {
    let body = items::body(db, top);
    let guard = body.root.stmts.get(index as usize);
    let Some(Stmt::Guard { conditions, .. }) = guard.map(|&stmt| &body.stmts[stmt]) else {
        return Vec::new();
    };
    let mut checker = Checker::new(db, top, body);
    let error = crate::types::lang::any_error(db);
    checker
        .fns
        .push(super::ctx(Ty::unit(), Some(error), FnKind::TopLevel));
    checker.check_conditions(conditions);
    let pats = checker.out.pats.values();
    pats.filter_map(|pat| match pat.kind {
        TPatKind::BindGlobal(def) => Some((def, pat.ty)),
        _ => None,
    })
    .collect()
}

fn none_known(_: &dyn Db, _: salsa::Id, _: DefId, _: u32) -> Vec<(DefId, Ty)> {
    Vec::new()
}
