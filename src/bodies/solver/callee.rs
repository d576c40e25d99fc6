//! What a call calls: a declared function, a function value, a type, or a value with `callAsFunction`.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::types::ty::{Ty, TyKind};

use super::{
    Apply, ApplyKind, ArgInfo, Constraint, FailKind, Loc, Lookup, Rel, Step, Why, fail, wait,
};

impl<'db> Checker<'db> {
    /// Calls of something: a declared function, a function value, a type, a value with `callAsFunction`.
    pub fn step_apply(&mut self, apply: &Rc<Apply>) -> Step {
        let loc = Loc {
            expr: apply.call,
            why: Why::Inner,
        };
        let callee = self.table.shallow(apply.callee);
        if let Some(var) = self.table.as_var(callee) {
            return wait(var);
        }
        match callee.kind() {
            TyKind::Error => {
                self.recover_args(apply);
                self.relate_sub(Rel::Equal, apply.result, Ty::error(), loc)
            }
            TyKind::Function(f) => self.apply_function(apply, f),
            TyKind::Metatype(t) => {
                let t = self.table.shallow(*t);
                if let Some(var) = self.table.as_var(t) {
                    return wait(var);
                }
                self.redirect(apply, callee, Name::new("init"), Lookup::Init)
            }
            TyKind::ProtocolMetatype(_) => fail(FailKind::NotCallable(callee), loc),
            _ => {
                let name = Name::new("callAsFunction");
                if crate::types::member_candidates(self.db, callee, name, self.env).is_empty()
                    && let Some(step) = self.dynamic_call(apply, callee)
                {
                    return step;
                }
                self.redirect(apply, callee, name, Lookup::CallAsFunction)
            }
        }
    }

    /// The call is one of a member of what stands before the parentheses.
    fn redirect(&mut self, apply: &Rc<Apply>, base: Ty, name: Name, how: Lookup) -> Step {
        let member = self.table.fresh();
        let inner = Apply {
            call: apply.call,
            key: apply.call,
            callee: member,
            args: apply.args.clone(),
            trailing: apply.trailing,
            result: apply.result,
            kind: ApplyKind::Call,
        };
        self.cs.add(Constraint::Member {
            key: apply.call,
            base,
            name,
            how,
            result: member,
        });
        self.cs.add(Constraint::Apply(Rc::new(inner)));
        Step::Solved
    }

    /// Arguments of a call that cannot be checked: what waits in them must not be reported as well.
    pub fn recover_args(&mut self, apply: &Apply) {
        for ArgInfo { ty, .. } in &apply.args {
            if let Some(var) = self.table.as_var(*ty) {
                self.table.bind(var, Ty::error());
            }
        }
    }
}
