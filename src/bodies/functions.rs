//! Functions inside of bodies: parameters, results, `return`, and the one expression that a function may consist of.

use crate::bodies::check::{Checker, FnCtx, FnKind};
use crate::bodies::solver::Purpose;
use crate::bodies::thir::*;
use crate::items::hir::{Block, Expr, ExprId, LocalFn, LocalId, Stmt, StmtId};
use crate::items::ids::{AccessorKind, DefId};
use crate::items::{self, Anchor};
use crate::types::lang::{self, LangItem, is_lang, optional_payload};
use crate::types::signature::{Signature, signature};
use crate::types::ty::{ParamMode, Ty};

impl<'db> Checker<'db> {
    /// Declares parameters with the types of a signature.
    pub fn declare_params(&mut self, locals: &[LocalId], sig: &Signature) -> Vec<TLocalId> {
        let mut out = Vec::new();
        for (i, local) in locals.iter().enumerate() {
            let param = sig.params.get(i);
            let ty = match param {
                Some(p) if p.variadic => lang::array_of(self.db, p.ty),
                Some(p) => p.ty,
                None => Ty::error(),
            };
            if param.is_some_and(|p| p.is_iuo) {
                self.iuo.insert(*local);
            }
            self.declare_local(*local, ty);
            let id = TLocalId::from_raw(local.raw());
            if let Some(p) = param {
                self.out.locals[id].kind = match p.mode {
                    ParamMode::Inout => TLocalKind::InoutParam,
                    ParamMode::Owned => TLocalKind::OwnedParam,
                    ParamMode::Borrow => TLocalKind::Param,
                };
            }
            out.push(id);
        }
        out
    }

    /// A function's statements, or the one expression that it returns.
    pub fn check_function_block(&mut self, block: &'db Block) -> TBlock {
        let Some(ctx) = self.fns.last().cloned() else {
            return TBlock::default();
        };
        let result = self.table.resolve(ctx.result);
        if ctx.kind == FnKind::Function
            && let Some(builder) = self.own_builder()
            && !self.returns_explicitly(block)
        {
            let at = self.some_expression(block);
            return self.check_built(builder, block, at, Some(result));
        }
        let implicit = matches!(ctx.kind, FnKind::Function | FnKind::Closure) && !result.is_unit();
        if implicit && let Some((expr, explicit)) = self.single_expression(block) {
            self.declare_functions(block);
            if let Some(f) = self.fns.last_mut() {
                f.returned = true;
            }
            let purpose = match explicit {
                true => Purpose::Return,
                false => Purpose::ImplicitReturn,
            };
            let typed = self.check_returned(expr, &ctx, purpose);
            let never = is_lang(self.db, self.ty_of(typed), LangItem::Never);
            let stmt = if never {
                TStmt::Expr(typed)
            } else {
                TStmt::Return(Some(typed))
            };
            return TBlock { stmts: vec![stmt] };
        }
        self.check_block_in_place(block)
    }

    /// An expression of a block for messages about the whole.
    fn some_expression(&self, block: &Block) -> ExprId {
        let found = block.stmts.iter().find_map(|&s| match self.body.stmts[s] {
            Stmt::Expr(e) => Some(e),
            _ => None,
        });
        found.unwrap_or(ExprId::from_raw(0))
    }

    pub fn check_local_fn(&mut self, f: &'db LocalFn) {
        let sig = signature(self.db, f.def);
        let own = crate::types::generics(self.db, f.def);
        let own_generics = own.params.len() as u32 - own.parent_count.min(own.params.len() as u32);
        let ty = sig.function_type();
        let saved_env = std::mem::replace(&mut self.env, f.def);
        let saved = self.push_scope(None);
        let params = self.declare_params(&f.params, sig);
        self.fns.push(FnCtx {
            result: sig.result,
            returned: false,
            throws: sig.throws,
            kind: FnKind::Function,
            labels: Vec::new(),
            no_return: None,
        });
        let closures = std::mem::take(&mut self.closures);
        let effects = std::mem::take(&mut self.effects);
        let catching = std::mem::take(&mut self.catching);
        let body = self.check_function_block(&f.body);
        self.catching = catching;
        self.effects = effects;
        self.closures = closures;
        self.fns.pop();
        self.scope = saved;
        self.env = saved_env;
        if let Some(slot) = self.out.closures.get_mut(f.index as usize) {
            *slot = Some(TClosure {
                def: Some(f.def),
                ty,
                params,
                captures: Vec::new(),
                body,
                own_generics,
                escaping: true,
                throws: sig.throws,
            });
        }
    }

    /// The type of a local variable that is declared by its getter alone.
    pub fn getter_type(&mut self, accessors: &'db [(AccessorKind, LocalFn)]) -> Ty {
        let getter = accessors.iter().find(|(k, _)| *k == AccessorKind::Get);
        let Some((_, getter)) = getter else {
            return Ty::error();
        };
        match self.single_expression(&getter.body) {
            Some((value, _)) => {
                let value = self.check_expr(value, None);
                self.ty_of(value)
            }
            None => Ty::error(),
        }
    }

    pub fn check_local_accessor(&mut self, kind: AccessorKind, f: &'db LocalFn, ty: Ty) {
        let reads = matches!(kind, AccessorKind::Get | AccessorKind::Read);
        let saved = self.push_scope(None);
        let mut params = Vec::new();
        let mut types = Vec::new();
        for local in &f.params {
            self.declare_local(*local, ty);
            params.push(TLocalId::from_raw(local.raw()));
            types.push(ty);
        }
        let result = if reads { ty } else { Ty::unit() };
        self.fns.push(FnCtx {
            result,
            returned: false,
            throws: None,
            kind: FnKind::Function,
            labels: Vec::new(),
            no_return: None,
        });
        let effects = std::mem::take(&mut self.effects);
        let body = self.check_function_block(&f.body);
        self.effects = effects;
        self.fns.pop();
        self.scope = saved;
        let ty = Self::plain_function(&types, result);
        if let Some(slot) = self.out.closures.get_mut(f.index as usize) {
            *slot = Some(TClosure {
                def: Some(f.def),
                ty,
                params,
                captures: Vec::new(),
                body,
                own_generics: 0,
                escaping: true,
                throws: None,
            });
        }
    }

    /// Whether the definition's item has a body at all.
    pub fn has_body(&self, def: DefId) -> bool {
        items::body_syntax(self.db, def).is_some()
    }

    pub fn check_return(&mut self, id: StmtId, value: Option<ExprId>, out: &mut Vec<TStmt>) {
        let anchor = Anchor::Stmt(self.def, id);
        let Some(ctx) = self.fns.last().cloned() else {
            return;
        };
        if let Some(place) = ctx.no_return {
            self.error(
                "return",
                anchor,
                format!("'return' cannot transfer control out of a {place} statement"),
            );
            return;
        }
        if ctx.kind == FnKind::TopLevel || ctx.kind == FnKind::Value {
            self.error("return", anchor, "return invalid outside of a func");
            return;
        }
        match value {
            None => {
                if let Some(f) = self.fns.last_mut()
                    && ctx.kind == FnKind::Closure
                    && self.table.as_var(ctx.result).is_some()
                {
                    f.returned = true;
                    if let Some(var) = self.table.as_var(ctx.result) {
                        self.table.bind(var, Ty::unit());
                    }
                } else if ctx.kind != FnKind::Init
                    && !self.table.resolve(ctx.result).is_unit()
                    && !ctx.result.is_error()
                {
                    self.error("return", anchor, "non-void function should return a value");
                }
                out.push(TStmt::Return(None));
            }
            Some(expr) => {
                if let Some(f) = self.fns.last_mut() {
                    f.returned = true;
                }
                let typed = self.check_returned(expr, &ctx, Purpose::Return);
                out.push(TStmt::Return(Some(typed)));
            }
        }
    }

    /// A value that a function returns.
    pub fn check_returned(&mut self, expr: ExprId, ctx: &FnCtx, purpose: Purpose) -> TExprId {
        let result = self.table.resolve(ctx.result);
        if ctx.kind == FnKind::Init {
            if optional_payload(self.db, result).is_none() {
                let nil = matches!(self.body.exprs[expr], Expr::Nil);
                self.error_at(
                    "return",
                    expr,
                    if nil {
                        "only a failable initializer can return 'nil'"
                    } else {
                        "'nil' is the only return value permitted in an initializer"
                    },
                );
                return self.error_expr(expr, Ty::error());
            }
            return self.check_expr(expr, Some((result, purpose)));
        }
        if let Some(owner) = self.own_opaque(result) {
            return self.check_opaque_value(expr, result, owner, purpose);
        }
        if result.is_unit() && !matches!(self.body.exprs[expr], Expr::Tuple(_)) {
            let typed = self.check_expr(expr, None);
            let ty = self.ty_of(typed);
            if !ty.is_unit() && !ty.is_error() && !is_lang(self.db, ty, LangItem::Never) {
                self.error_at(
                    "return",
                    expr,
                    "unexpected non-void return value in void function",
                );
            }
            return typed;
        }
        self.check_expr(expr, Some((result, purpose)))
    }
}
