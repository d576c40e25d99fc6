//! Arithmetic on constants that is sure to fail: overflows and divisions by zero.
//!
//! Nodes stand behind their operands in the arena, so that one pass over it computes everything that is known, however long a chain is.

use crate::base::FxHashMap;
use crate::bodies::thir::*;
use crate::items::ids::DefId;
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::mir::facts::Facts;
use crate::mir::visit;
use crate::types::ty::Ty;

/// Reports each operation whose operands are known and whose result does not exist.
pub(super) fn check(facts: Facts, def: DefId, body: &TypedBody, out: &mut Vec<AnchoredDiagnostic>) {
    let constants = constants(body);
    let mut values: Vec<Option<i128>> = Vec::with_capacity(body.exprs.len());
    for expr in body.exprs.values() {
        let known = |id: TExprId| values.get(id.index()).copied().flatten();
        let value = match &expr.kind {
            TExprKind::Int(value) => Some(*value),
            TExprKind::Local(local) => constants.get(local).and_then(|&init| known(init)),
            TExprKind::Convert {
                kind: Conversion::Identity,
                expr,
            } => known(*expr),
            TExprKind::Static { var, .. } if facts.in_library(*var) => {
                let range = integer_range(facts, expr.ty);
                match (range, facts.item(*var).map(|i| i.name)) {
                    (Some((least, _)), Some(name)) if name == "min" => Some(least),
                    (Some((_, greatest)), Some(name)) if name == "max" => Some(greatest),
                    _ => None,
                }
            }
            TExprKind::Call(call) if facts.in_library(call.func) => {
                operation(facts, body, call, expr, &known).unwrap_or_else(|message| {
                    let at = Anchor::ExprPoint(def, expr.src);
                    out.push(AnchoredDiagnostic::error("arithmetic", at, message));
                    None
                })
            }
            _ => None,
        };
        values.push(value);
    }
}

/// The initial values of constants.
fn constants(body: &TypedBody) -> FxHashMap<TLocalId, TExprId> {
    let mut found = FxHashMap::default();
    let closures = body.closures.iter().flatten().map(|c| &c.body);
    for block in std::iter::once(&body.root).chain(closures) {
        visit::each_stmt(body, block, &mut |stmt| {
            if let TStmt::Let {
                pat,
                init: Some(init),
                ..
            } = stmt
                && let Some(TPatKind::Bind(local)) = body.pats.get(*pat).map(|p| &p.kind)
                && matches!(body.locals[*local].kind, TLocalKind::Let)
            {
                found.insert(*local, *init);
            }
        });
    }
    found
}

/// The value of a call of an arithmetic operator, if it is known; or why it has none.
fn operation(
    facts: Facts,
    body: &TypedBody,
    call: &TCall,
    expr: &TExpr,
    known: &dyn Fn(TExprId) -> Option<i128>,
) -> Result<Option<i128>, String> {
    let Some(name) = facts.item(call.func).map(|i| i.name) else {
        return Ok(None);
    };
    let op = name.as_str();
    let (lhs, rhs, ty) = match (op, call.params.as_slice()) {
        ("+" | "-" | "*" | "/" | "%", [TArg::Value(lhs), TArg::Value(rhs)]) => {
            (known(*lhs), *rhs, expr.ty)
        }
        ("/=" | "%=", [TArg::Inout(lhs), TArg::Value(rhs)]) => (None, *rhs, body.exprs[*lhs].ty),
        _ => return Ok(None),
    };
    let Some((least, greatest)) = integer_range(facts, ty) else {
        return Ok(None);
    };
    // Shifts and the like have operands of other types.
    if body.exprs[rhs].ty != ty {
        return Ok(None);
    }
    let rhs = known(rhs);
    if matches!(op, "/" | "%" | "/=" | "%=") && rhs == Some(0) {
        return Err("division by zero".to_owned());
    }
    let (Some(a), Some(b)) = (lhs, rhs) else {
        return Ok(None);
    };
    let result = match op {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        // The remainder itself would fit, but the division on the way does not.
        "%" if a == least && b == -1 => None,
        _ => a.checked_rem(b),
    };
    match result.filter(|value| (least..=greatest).contains(value)) {
        Some(value) => Ok(Some(value)),
        None => {
            let ty = crate::types::display_type(facts.db, ty, false);
            Err(match op {
                "/" | "%" => format!("division '{a} {op} {b}' results in an overflow"),
                _ => format!(
                    "arithmetic operation '{a} {op} {b}' (on type '{ty}') results in an overflow"
                ),
            })
        }
    }
}

/// The least and greatest value of one of the library's integer types.
fn integer_range(facts: Facts, ty: Ty) -> Option<(i128, i128)> {
    let (def, _) = ty.as_nominal()?;
    if !facts.in_library(def) {
        return None;
    }
    let name = facts.name(def);
    let (signed, bits) = match name.as_str() {
        "Int" | "Int64" => (true, 64),
        "Int8" => (true, 8),
        "Int16" => (true, 16),
        "Int32" => (true, 32),
        "UInt" | "UInt64" => (false, 64),
        "UInt8" => (false, 8),
        "UInt16" => (false, 16),
        "UInt32" => (false, 32),
        _ => return None,
    };
    Some(match signed {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1 << bits) - 1),
    })
}
