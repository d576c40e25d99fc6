//! Property wrappers in bodies: the first assignment to a wrapped property in its type's initialiser makes its storage.

use crate::bodies::check::{Checker, FnKind};
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::WrapperRole;
use crate::types::signature::var_type;
use crate::types::wrappers::wrapper_role;

impl<'db> Checker<'db> {
    /// An assignment that initialises a wrapped property: as one to its storage.
    pub fn wrapped_assignment(
        &mut self,
        expr: ExprId,
        place: TExprId,
        value: TExprId,
    ) -> Option<TExprId> {
        let db = self.db;
        let TExprKind::Property {
            base, var, args, ..
        } = self.out.exprs[place].kind
        else {
            return None;
        };
        let storage = match wrapper_role(db, var)? {
            WrapperRole::Value { storage, .. } => storage,
            // Giving the storage itself a value counts as well.
            WrapperRole::Storage { .. } => {
                self.note_wrapped(var);
                return None;
            }
            WrapperRole::Projection { .. } => return None,
        };
        let on_this =
            matches!(self.out.exprs[base].kind, TExprKind::Local(l) if Some(l) == self.out.this);
        let makes = on_this
            && self.def.kind(db) == DefKind::Init
            && self.fns.last().is_some_and(|f| f.kind == FnKind::Init)
            && !crate::items::item(db, self.def).is_some_and(|i| i.mods.is_convenience)
            && !crate::types::synth::has_default(db, storage)
            && matches!(
                wrapper_role(db, storage),
                Some(WrapperRole::Storage { by_value: true, .. })
            )
            && !self.wrapped_done.contains(&storage);
        if !makes {
            return None;
        }
        self.note_wrapped(storage);
        let ty = self.norm(var_type(db, storage).subst(args.as_slice()));
        let wrap = crate::items::wrappers::init_def(db, storage);
        let params = vec![TArg::Value(value)];
        let rhs = self.declared_call(expr, wrap, args, None, params, ty, None);
        let lhs = self.node(
            TExprKind::Property {
                base,
                var: storage,
                args,
                via_super: false,
            },
            ty,
            expr,
        );
        Some(self.node(
            TExprKind::Assign { lhs, rhs },
            crate::types::ty::Ty::unit(),
            expr,
        ))
    }

    /// The storage has its value from here on; what happens inside of a branch says nothing about what follows it.
    fn note_wrapped(&mut self, storage: DefId) {
        if self.fns.last().is_some_and(|f| f.labels.is_empty()) {
            self.wrapped_done.insert(storage);
        }
    }
}
