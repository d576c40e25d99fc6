//! What a value of type `any P` cannot do: be of the same type as another one, or stand for a type that conforms to `P`.

use crate::bodies::check::Checker;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::types::generics::{Requirement, generics};
use crate::types::lang::{LangItem, lang};
use crate::types::signature::signature;
use crate::types::ty::{Ty, TyKind, TyList};

impl Checker<'_> {
    /// Reports a call whose chosen declaration needs to know the type behind an existential. True when it did.
    pub fn check_existential_call(
        &mut self,
        call: ExprId,
        callee: ExprId,
        def: DefId,
        args: TyList,
        has_this: bool,
    ) -> bool {
        if !args
            .iter()
            .any(|arg| matches!(arg.kind(), TyKind::Existential(_)))
        {
            return false;
        }
        if has_this && self.needs_own_type(def, args) {
            let this = args.as_slice().first().map_or(Ty::error(), |t| *t);
            let name =
                crate::items::item(self.db, def).map_or_else(|| def.name(self.db), |i| i.name);
            let message = format!(
                "member '{name}' cannot be used on value of type '{}'; consider using a generic constraint instead",
                self.show(this)
            );
            self.error(
                "existential-member",
                Anchor::ExprPoint(self.def, callee),
                message,
            );
            return true;
        }
        self.check_self_conformance(call, def, args)
    }

    /// Whether a protocol's member, used on an existential, takes values of the type behind it.
    fn needs_own_type(&self, def: DefId, args: TyList) -> bool {
        let db = self.db;
        let of_protocol = crate::resolve::container_of(db, def)
            .is_some_and(|container| container.kind(db) == DefKind::Protocol);
        let existential = args
            .as_slice()
            .first()
            .is_some_and(|this| matches!(this.kind(), TyKind::Existential(_)));
        of_protocol
            && existential
            && signature(db, def)
                .params
                .iter()
                .any(|param| takes_self(param.ty, true))
    }

    /// An existential stands for a generic parameter only where a parameter is exactly of that type: then the value behind it does.
    fn check_self_conformance(&mut self, call: ExprId, def: DefId, args: TyList) -> bool {
        let db = self.db;
        let own = generics(db, def);
        let params = &signature(db, def).params;
        let error = lang(db, LangItem::Error);
        for requirement in own.requirements.iter() {
            let Requirement::Conforms(subject, protocol) = requirement else {
                continue;
            };
            let TyKind::Param { index, .. } = subject.kind() else {
                continue;
            };
            let argument = args.as_slice().get(*index as usize);
            let Some(argument) = argument.filter(|_| *index >= own.parent_count) else {
                continue;
            };
            let direct = params.iter().any(|param| {
                let mut ty = param.ty;
                while let TyKind::Metatype(inner) | TyKind::Inout(inner) = ty.kind() {
                    ty = *inner;
                }
                let ty = crate::types::optional_payload(db, ty).unwrap_or(ty);
                ty == *subject
            });
            let marker = crate::types::conformance::is_marker(db, *protocol);
            if direct
                || marker
                || *protocol == error
                || !matches!(argument.kind(), TyKind::Existential(_))
            {
                continue;
            }
            let (shown, name) = (self.show(*argument), protocol.name(db));
            let what = crate::types::display::describe(db, def);
            let callee = crate::types::display::display_name(db, def);
            let message = format!("type '{shown}' cannot conform to '{name}'");
            let at = Anchor::Expr(self.def, call);
            self.out.has_errors = true;
            self.diags.push(
                AnchoredDiagnostic::error("existential-conformance", at, message)
                    .note(
                        None,
                        "only concrete types such as structs, enums and classes can conform to protocols",
                    )
                    .note(
                        Some(Anchor::Name(def)),
                        format!("required by {what} '{callee}' where '{}' = '{shown}'", self.show(*subject)),
                    ),
            );
            return true;
        }
        false
    }
}

/// Whether whoever calls a function with a parameter of this type must know what `Self` is: `Self` is taken, not given. What is bound to an
/// associated type may be known.
fn takes_self(ty: Ty, taken: bool) -> bool {
    match ty.kind() {
        TyKind::Param { index, .. } => *index == 0 && taken,
        TyKind::Function(f) => {
            f.params.iter().any(|param| takes_self(param.ty, !taken)) || takes_self(f.result, taken)
        }
        TyKind::Tuple(elems) => elems.iter().any(|elem| takes_self(elem.ty, taken)),
        TyKind::Nominal { args, .. } => args.iter().any(|arg| takes_self(arg, taken)),
        TyKind::Inout(inner) | TyKind::Metatype(inner) => takes_self(*inner, taken),
        _ => false,
    }
}
