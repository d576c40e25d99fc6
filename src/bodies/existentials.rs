//! What a value of type `any P` cannot do: be of the same type as another one, or stand for a type that conforms to `P`.

use crate::bodies::check::Checker;
use crate::db::Db;
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::items::{Anchor, AnchoredDiagnostic};
use crate::types::existential::fixes;
use crate::types::generics::{Requirement, generics};
use crate::types::lang::{LangItem, is_lang, lang};
use crate::types::signature::signature;
use crate::types::ty::{Existential, ParamMode, Ty, TyKind, TyList};

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
        let Some(TyKind::Existential(existential)) = args.as_slice().first().map(|t| t.kind())
        else {
            return false;
        };
        let params = &signature(db, def).params;
        of_protocol
            && params
                .iter()
                .any(|param| takes_self(db, existential, param.ty, true))
    }

    /// An existential stands for a generic parameter only where a parameter is exactly of that type: then the value behind it does. What else
    /// is of the type must be given by the function, because whoever calls it does not know the type.
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
            let opened = params.iter().position(|param| {
                let mut ty = param.ty;
                while let TyKind::Metatype(inner) | TyKind::Inout(inner) = ty.kind() {
                    ty = *inner;
                }
                let ty = crate::types::optional_payload(db, ty).unwrap_or(ty);
                ty == *subject && !param.variadic
            });
            let direct = opened.is_some_and(|opened| {
                let mut others = params.iter().enumerate().filter(|(i, _)| *i != opened);
                let taken = others.any(|(_, param)| {
                    let place = match param.mode {
                        ParamMode::Inout => Place::Both,
                        _ => Place::Taken,
                    };
                    needs_type(db, param.ty, *index, place)
                });
                !taken && !needs_type(db, signature(db, def).result, *index, Place::Given)
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

/// Where a part of a function's type stands: who makes values of it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Given,
    Taken,
    Both,
}

impl Place {
    fn flipped(self) -> Place {
        match self {
            Place::Given => Place::Taken,
            Place::Taken => Place::Given,
            Place::Both => Place::Both,
        }
    }
}

/// Whether a type, standing at this place of a function's type, says something about a generic parameter that an existential cannot say.
fn needs_type(db: &dyn Db, ty: Ty, index: u32, place: Place) -> bool {
    match ty.kind() {
        TyKind::Param { index: i, .. } => *i == index && place != Place::Given,
        TyKind::Assoc { base, .. } => needs_type(db, *base, index, place),
        TyKind::Function(f) => {
            let params = f.params.iter().any(|param| {
                let place = match param.mode {
                    ParamMode::Inout => Place::Both,
                    _ => place.flipped(),
                };
                needs_type(db, param.ty, index, place)
            });
            params || needs_type(db, f.result, index, place)
        }
        TyKind::Tuple(elems) => elems.iter().any(|e| needs_type(db, e.ty, index, place)),
        TyKind::Metatype(inner) => needs_type(db, *inner, index, place),
        TyKind::Inout(inner) => needs_type(db, *inner, index, Place::Both),
        TyKind::Nominal { args, .. } => {
            // Values of these can be converted with what they hold.
            let converts = [LangItem::Optional, LangItem::Array].map(|item| is_lang(db, ty, item));
            let converts = converts.contains(&true);
            let dictionary = is_lang(db, ty, LangItem::Dictionary);
            args.iter().enumerate().any(|(i, arg)| {
                let place = match converts || dictionary && i == 1 {
                    true => place,
                    false => Place::Both,
                };
                needs_type(db, arg, index, place)
            })
        }
        _ => false,
    }
}

/// Whether whoever calls a function with a parameter of this type must know what `Self` is: `Self` is taken, not given. What is bound to an
/// associated type may be known.
fn takes_self(db: &dyn Db, existential: &Existential, ty: Ty, taken: bool) -> bool {
    let part = |ty: Ty, taken: bool| takes_self(db, existential, ty, taken);
    match ty.kind() {
        TyKind::Param { index, .. } => *index == 0 && taken,
        TyKind::Assoc { base, assoc } => {
            let own = matches!(base.kind(), TyKind::Param { index: 0, .. });
            own && taken && !fixes(db, existential, *assoc)
        }
        TyKind::Function(f) => {
            f.params.iter().any(|param| part(param.ty, !taken)) || part(f.result, taken)
        }
        TyKind::Tuple(elems) => elems.iter().any(|elem| part(elem.ty, taken)),
        TyKind::Nominal { args, .. } => args.iter().any(|arg| part(arg, taken)),
        TyKind::Inout(inner) | TyKind::Metatype(inner) => part(*inner, taken),
        _ => false,
    }
}
