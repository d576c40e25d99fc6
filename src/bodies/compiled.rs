//! What importers of a module need to know from its bodies: types that are inferred from them, and a few facts that callers act on.
//!
//! Such a fact is read back as the smallest [`TypedBody`] that shows it, so that nobody else has to know where a body was checked.

use serde::{Deserialize, Serialize};

use crate::base::Name;
use crate::db::{CompilationUnit, Db};
use crate::items;
use crate::items::codec::Encoded;
use crate::items::compiled::{RecordMap, add_record, read_about};
use crate::items::hir::ExprId;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::library::ResultKind;
use crate::types::codec;
use crate::types::ty::{Ty, TyKind};

use super::thir::*;
use super::{Checked, check_body};

/// What a body shows to those who do not compile it.
#[derive(PartialEq, Default, Serialize, Deserialize)]
struct Shown {
    /// The type of an initial value or default value.
    result: Option<Ty>,
    /// The types behind `some`.
    opaque: Vec<(DefId, Vec<Option<Ty>>)>,
    /// A case's raw value.
    literal: Option<(Literal, Ty)>,
    /// An observer asks for the value that it may ask for.
    asks_for_value: bool,
    /// An initial value is made with `this` at hand.
    takes_this: Option<Ty>,
}

/// A constant.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Literal {
    Int(i128),
    Float(u64),
    Bool(bool),
    String(Name),
    Scalar(u32),
    Character(Name),
}

/// What is known of a body of a compiled module. No code can be made from it.
pub(super) fn compiled_body(db: &dyn Db, unit: CompilationUnit, def: DefId) -> Checked {
    let about = items::codec::encode(db, &def);
    let shown: Option<Shown> = read_about(db, unit, ResultKind::Checked, about.as_ref(), |bytes| {
        codec::decode(db, bytes)
    });
    let shown = shown.unwrap_or_default();
    let mut checked = Checked::default();
    let typed = &mut checked.typed;
    typed.has_errors = true;
    if let Some(result) = shown.result {
        typed.result = Ty0(result);
    }
    let src = ExprId::from_raw(0);
    if let Some((literal, ty)) = shown.literal {
        let kind = match literal {
            Literal::Int(v) => TExprKind::Int(v),
            Literal::Float(v) => TExprKind::Float(v),
            Literal::Bool(v) => TExprKind::Bool(v),
            Literal::String(v) => TExprKind::String(v),
            Literal::Scalar(v) => TExprKind::Scalar(v),
            Literal::Character(v) => TExprKind::Character(v),
        };
        let value = typed.exprs.alloc(TExpr { kind, ty, src });
        typed.root.stmts.push(TStmt::Return(Some(value)));
    }
    if shown.asks_for_value {
        let (name, ty) = (Name::new("value"), Ty::error());
        let kind = TLocalKind::Param;
        let param = typed.locals.alloc(TLocal { name, ty, kind });
        typed.params.push(param);
        let kind = TExprKind::Local(param);
        typed.exprs.alloc(TExpr { kind, ty, src });
    }
    if let Some(ty) = shown.takes_this {
        let kind = TLocalKind::Param;
        let name = Name::new("this");
        typed.this = Some(typed.locals.alloc(TLocal { name, ty, kind }));
    }
    checked.opaque = shown.opaque.into_iter().collect();
    checked
}

/// Records what a body shows.
pub fn record_checked(db: &dyn Db, def: DefId, records: &mut RecordMap) {
    let checked = check_body(db, def);
    let typed = &checked.typed;
    let kind = def.kind(db);
    let mut shown = Shown::default();
    if matches!(
        kind,
        DefKind::Binding | DefKind::DefaultArg | DefKind::WrapperInit
    ) {
        shown.result = Some(typed.result.0);
        let this = typed.this.and_then(|this| typed.locals.get(this));
        let this = this.map(|local| local.ty);
        shown.takes_this = this.filter(|ty| !matches!(ty.kind(), TyKind::Metatype(_)));
    }
    shown.opaque = checked
        .opaque
        .iter()
        .map(|(def, types)| (*def, types.clone()))
        .collect();
    // A body has few functions with opaque results; their paths tell them apart in every process.
    shown.opaque.sort_by_key(|(def, _)| path_of(db, *def));
    if kind == DefKind::Case {
        shown.literal = literal_of(typed);
    }
    if matches!(
        kind,
        DefKind::Accessor(AccessorKind::WillSet | AccessorKind::DidSet)
    ) {
        let param = typed.params.first().copied();
        shown.asks_for_value = param.is_some_and(|param| {
            let mut exprs = typed.exprs.values();
            exprs.any(|e| e.kind == TExprKind::Local(param))
        });
    }
    if shown == Shown::default() {
        return;
    }
    let about: Option<Encoded> = items::codec::encode(db, &def);
    add_record(
        records,
        ResultKind::Checked,
        about,
        codec::encode(db, &shown),
    );
}

/// The names and counters of a definition and what is around it.
fn path_of(db: &dyn Db, def: DefId) -> Vec<(&'static str, u32)> {
    let outwards = std::iter::successors(Some(def), |def| def.parent(db));
    let mut path: Vec<_> = outwards
        .map(|def| (def.name(db).as_str(), def.index(db)))
        .collect();
    path.reverse();
    path
}

fn literal_of(typed: &TypedBody) -> Option<(Literal, Ty)> {
    let [TStmt::Return(Some(e)) | TStmt::Expr(e) | TStmt::Then(e)] = *typed.root.stmts.as_slice()
    else {
        return None;
    };
    let expr = typed.exprs.get(e)?;
    let literal = match expr.kind {
        TExprKind::Int(v) => Literal::Int(v),
        TExprKind::Float(v) => Literal::Float(v),
        TExprKind::Bool(v) => Literal::Bool(v),
        TExprKind::String(v) => Literal::String(v),
        TExprKind::Scalar(v) => Literal::Scalar(v),
        TExprKind::Character(v) => Literal::Character(v),
        _ => return None,
    };
    Some((literal, expr.ty))
}
