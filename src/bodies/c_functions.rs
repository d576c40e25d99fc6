//! Functions of C (`@convention(c)`): which expressions become one.

use crate::bodies::check::Checker;
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::container_of;
use crate::types::generics;
use crate::types::ty::{FnTy, ParamMode, Ty};

/// What stands where a function of C is wanted.
enum Source {
    /// A function that has an address, or a closure that has one if it captures nothing.
    Function,
    Generic,
    Other,
}

impl<'db> Checker<'db> {
    /// The expression, of function type `f`, as the function of C `to`: an address stands for a function that is known by name or written in place, not
    /// for the value of a variable.
    pub(super) fn c_function(
        &mut self,
        expr: TExprId,
        f: &'static FnTy,
        g: &'static FnTy,
        to: Ty,
    ) -> TExprId {
        let source = match f.is_c() {
            true => Source::Other,
            false => self.c_function_source(expr),
        };
        let src = self.out.exprs[expr].src;
        match source {
            Source::Function if to.has_error() || self.has_same_values(f, g) => {
                return self.convert_node(Conversion::CFunction, expr, to);
            }
            Source::Function => {
                let (from, to) = (self.show(Ty::function(f.clone())), self.show(to));
                self.error_at(
                    "c-function-signature",
                    src,
                    format!("C function pointer signature '{from}' is not compatible with expected type '{to}'"),
                );
            }
            Source::Generic => self.error_at(
                "c-function-generic",
                src,
                "a C function pointer cannot be formed from a reference to a generic function",
            ),
            Source::Other => return self.no_c_function(src, to),
        }
        self.error_expr(src, to)
    }

    /// An expression from which no function of C is made.
    pub(super) fn no_c_function(&mut self, expr: ExprId, to: Ty) -> TExprId {
        let word = self.word("fn");
        self.error_at(
            "c-function-source",
            expr,
            format!("a C function pointer can only be formed from a reference to a '{word}' or a literal closure"),
        );
        self.error_expr(expr, to)
    }

    fn c_function_source(&self, expr: TExprId) -> Source {
        match &self.out.exprs[expr].kind {
            TExprKind::Closure(_) => Source::Function,
            TExprKind::Local(local) if self.closure_local_fn(*local) => Source::Function,
            TExprKind::FunctionValue {
                func, this: None, ..
            } if self.is_plain_function(*func) => match generics(self.db, *func).own_count() {
                0 => Source::Function,
                _ => Source::Generic,
            },
            _ => Source::Other,
        }
    }

    /// Whether a declaration is a function that is no member of a type.
    fn is_plain_function(&self, def: DefId) -> bool {
        def.kind(self.db) == DefKind::Func && container_of(self.db, def).is_none()
    }

    /// Whether two functions take and give the same values. Those that C knows are never consumed, so it does not matter who owns them.
    fn has_same_values(&self, f: &FnTy, g: &FnTy) -> bool {
        f.params.len() == g.params.len()
            && f.params.iter().zip(g.params.iter()).all(|(p, q)| {
                let inout = |mode| mode == ParamMode::Inout;
                self.same(p.ty, q.ty) && inout(p.mode) == inout(q.mode)
            })
            && self.same(f.result, g.result)
    }
}
