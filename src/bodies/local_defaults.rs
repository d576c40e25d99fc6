//! Default values of local functions' parameters.
//!
//! Such a value may use the variables around the function, so it is no body of its own but a closure without parameters, which calls that leave
//! the argument out call.

use crate::bodies::check::{Checker, FnCtx, FnKind};
use crate::bodies::solver::Purpose;
use crate::bodies::solver::members::{CallParam, simple_function};
use crate::bodies::thir::*;
use crate::items::hir::{Expr, ExprId, LocalDefault, LocalFn};
use crate::items::ids::DefId;
use crate::items::is_local_function;
use crate::types::signature::signature;
use crate::types::ty::{FnTy, Ty, TyList};

impl<'db> Checker<'db> {
    /// Checks the default values of a local function and declares the closures that make them.
    pub fn check_local_defaults(&mut self, f: &'db LocalFn, out: &mut Vec<TStmt>) {
        let sig = signature(self.db, f.def);
        for (default, param) in f.defaults.iter().zip(&sig.params) {
            if let Some(default) = default {
                self.check_local_default(f, default, param.ty, param.autoclosure, out);
            }
        }
    }

    fn check_local_default(
        &mut self,
        f: &'db LocalFn,
        default: &'db LocalDefault,
        param: Ty,
        autoclosure: bool,
        out: &mut Vec<TStmt>,
    ) {
        let ty = made_type(param, autoclosure);
        let saved_env = std::mem::replace(&mut self.env, f.def);
        let saved = self.push_scope(None);
        self.fns.push(FnCtx {
            result: ty,
            returned: false,
            throws: None,
            kind: FnKind::Value,
            labels: Vec::new(),
            no_return: None,
        });
        let closures = std::mem::take(&mut self.closures);
        let effects = std::mem::take(&mut self.effects);
        let value = self.check_expr(default.value, Some((ty, Purpose::Initial)));
        self.effects = effects;
        self.closures = closures;
        self.fns.pop();
        self.scope = saved;
        self.env = saved_env;
        let function = simple_function(&[], ty);
        if let Some(slot) = self.out.closures.get_mut(default.index as usize) {
            *slot = Some(TClosure {
                def: Some(default.def),
                ty: function,
                params: Vec::new(),
                captures: Vec::new(),
                body: TBlock {
                    stmts: vec![TStmt::Return(Some(value))],
                },
                own_generics: 0,
                escaping: true,
                throws: None,
            });
        }
        let name = default.def.name(self.db);
        let local = self.temp(name.as_str(), function, TLocalKind::Let);
        out.push(TStmt::LocalFn {
            local,
            closure: default.index,
        });
    }

    /// The default value of a local function's parameter as an argument; none when the parameter is not a local function's.
    pub fn local_default_arg(
        &mut self,
        call: ExprId,
        def: DefId,
        args: TyList,
        param: &CallParam,
    ) -> Option<TArg> {
        let function = def.parent(self.db)?;
        if !is_local_function(self.db, function) {
            return None;
        }
        let declared = self.local_fns.values().find(|f| f.def == function)?;
        let default = declared.defaults.iter().flatten().find(|d| d.def == def)?;
        let ty = self.known(param.ty);
        let made = match self.body.exprs[default.value] {
            Expr::Magic(_) => ty,
            _ if param.autoclosure => ty,
            _ => made_type(ty, false),
        };
        let kind = match self.body.exprs[default.value] {
            // `#line` and the like speak of the caller.
            Expr::Magic(magic) => TExprKind::Magic(magic),
            _ if param.autoclosure => TExprKind::FunctionValue {
                func: def,
                args,
                this: None,
                via_super: false,
            },
            _ => TExprKind::Call(Box::new(TCall {
                func: def,
                args,
                this: None,
                params: Vec::new(),
                via_super: false,
                delegates: false,
                throws: false,
            })),
        };
        let value = self.node(kind, made, call);
        Some(TArg::Value(self.coerce(value, ty)))
    }
}

/// The type of what the closure of a default value makes: a function outlives it, even where the parameter is only called.
fn made_type(param: Ty, autoclosure: bool) -> Ty {
    match param.as_function() {
        Some(function) if autoclosure => function.result,
        Some(function) => Ty::function(FnTy {
            escaping: true,
            ..function.clone()
        }),
        None => param,
    }
}
