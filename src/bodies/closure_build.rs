//! Closures as typed trees, once the system around them is solved.

use crate::bodies::check::{Checker, Effects, FnCtx, FnKind};
use crate::bodies::closures::OpenedBody;
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::types::lang;
use crate::types::ty::Ty;

impl<'db> Checker<'db> {
    /// Builds an opened closure of the given function type.
    pub fn build_closure(&mut self, expr: ExprId, ty: Ty) -> TExprId {
        let wanted_ty = self.table.resolve(ty);
        // A closure that becomes a function of C is an ordinary one itself.
        let ty = match wanted_ty.as_function() {
            Some(f) if f.is_c() => Ty::function(f.thick()),
            _ => wanted_ty,
        };
        let (Some(closure), Some(opened)) = (
            self.closure_of(expr),
            self.facts.closures.get(&expr).cloned(),
        ) else {
            return self.error_expr(expr, ty);
        };
        let Some(f) = ty.as_function() else {
            return self.error_expr(expr, ty);
        };
        let mut params: Vec<TLocalId> = Vec::new();
        for (local, t) in &opened.params {
            let t = self.table.resolve(*t);
            self.set_local(*local, t);
            params.push(TLocalId::from_raw(local.raw()));
        }
        let mut block = match &opened.body {
            OpenedBody::Checked { block } => block.clone(),
            OpenedBody::Single {
                expr: value,
                result,
                value: wanted,
            } => {
                let escaping = f.escaping && !self.immediate.contains(&expr);
                self.closures.push(self.closure_ctx(closure, escaping));
                let effects = std::mem::replace(
                    &mut self.effects,
                    Effects {
                        ..Effects::default()
                    },
                );
                self.fns.push(FnCtx {
                    result: *result,
                    returned: true,
                    throws: f.throws,
                    kind: FnKind::Closure,
                    labels: Vec::new(),
                    no_return: None,
                });
                let saved_scope = self.scope;
                if let Some(&scope) = self.scope_of.get(&expr) {
                    self.scope = scope;
                }
                let catching = std::mem::take(&mut self.catching);
                let built = self.build(*value);
                self.catching = catching;
                self.scope = saved_scope;
                self.fns.pop();
                let result = self.table.resolve(*result);
                let ty = self.ty_of(built);
                let never = lang::is_lang(self.db, ty, lang::LangItem::Never);
                let drops = !wanted || never || result.is_unit() && !ty.is_unit();
                let stmt = if !drops {
                    let built = self.coerce(built, result);
                    TStmt::Return(Some(built))
                } else {
                    TStmt::Expr(built)
                };
                self.effects = effects;
                self.closures.pop();
                TBlock { stmts: vec![stmt] }
            }
        };
        if opened.spread {
            // The one parameter is a tuple: bind its elements.
            let tuple = f.params[0].ty;
            let whole = self.temp("$tuple", tuple, TLocalKind::Param);
            let read = self.node(TExprKind::Local(whole), tuple, expr);
            let elems = params
                .iter()
                .map(|&p| {
                    let ty = self.out.locals[p].ty;
                    self.out.pats.alloc(TPat {
                        kind: TPatKind::Bind(p),
                        ty,
                        src: Some(expr),
                    })
                })
                .collect();
            let pat = self.out.pats.alloc(TPat {
                kind: TPatKind::Tuple(elems),
                ty: tuple,
                src: Some(expr),
            });
            for &p in &params {
                self.out.locals[p].kind = TLocalKind::Let;
            }
            block.stmts.insert(
                0,
                TStmt::Let {
                    pat,
                    init: Some(read),
                    els: None,
                },
            );
            params = vec![whole];
        } else if params.is_empty() && f.params.len() == 1 {
            params.push(self.temp("_", f.params[0].ty, TLocalKind::Param));
        }
        let captures = opened
            .captures
            .iter()
            .map(|(l, e)| (TLocalId::from_raw(l.raw()), *e))
            .collect();
        if let Some(slot) = self.out.closures.get_mut(closure.index as usize) {
            *slot = Some(TClosure {
                def: None,
                ty,
                params,
                captures,
                body: block,
                own_generics: 0,
                escaping: f.escaping,
                throws: f.throws,
            });
        }
        let built = self.node(TExprKind::Closure(closure.index), ty, expr);
        self.coerce(built, wanted_ty)
    }
}
