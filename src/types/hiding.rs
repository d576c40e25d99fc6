//! Members of protocol extensions that others hide wherever both are found: those that are used in exactly the same way. Which of them is meant
//! is then known before anything else of a use is, so that nobody has to try both.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::decls::extended_decl;
use crate::resolve::is_static_member;
use crate::types::conformance::normalize;
use crate::types::generics::{
    Requirement, generic_context, generics, identity_args, own_param_base,
};
use crate::types::members::{Origin, member_candidates};
use crate::types::protocols::refines;
use crate::types::signature::{SigParam, signature, var_type};
use crate::types::ty::{Ty, TyKind};

/// Members of protocol extensions with this base name that a type's own members hide wherever the type is known.
#[salsa::tracked(returns(deref), cycle_result = none_hidden)]
pub fn hidden_defaults(db: &dyn Db, nominal: DefId, name: Name) -> Vec<DefId> {
    let this = Ty::nominal(nominal, identity_args(db, nominal).as_slice());
    let all = member_candidates(db, this, name, nominal);
    let own: Vec<DefId> = all
        .iter()
        .filter(|c| c.origin == Origin::Own && !c.constrained)
        .map(|c| c.def)
        .collect();
    all.iter()
        .filter(|c| c.origin == Origin::ProtocolExtension)
        .filter(|c| {
            own.iter()
                .any(|&own| same_use(db, nominal, this, own, c.def))
        })
        .map(|c| c.def)
        .collect()
}

fn none_hidden(_: &dyn Db, _: salsa::Id, _: DefId, _: Name) -> Vec<DefId> {
    Vec::new()
}

/// Whether a member of a protocol's extension without conditions hides one of an extension of a protocol that its own refines.
#[salsa::tracked(cycle_result = hides_nothing)]
pub fn hides_inherited(db: &dyn Db, member: DefId, other: DefId) -> bool {
    let protocol = |def: DefId| {
        let ext = def
            .parent(db)
            .filter(|p| p.kind(db) == DefKind::Extension)?;
        let extended = extended_decl(db, ext)?;
        (extended.kind(db) == DefKind::Protocol).then_some((ext, extended))
    };
    let (Some((ext, p)), Some((_, q))) = (protocol(member), protocol(other)) else {
        return false;
    };
    let this = Ty::param(0, Name::new("Self"));
    p != q
        && refines(db, p, q)
        && generic_context(db, ext) != Some(ext)
        && same_use(db, ext, this, member, other)
}

fn hides_nothing(_: &dyn Db, _: salsa::Id, _: DefId, _: DefId) -> bool {
    false
}

/// Whether a function, subscript or variable is used exactly like one of a protocol's extension, whose `Self` is `this`.
fn same_use(db: &dyn Db, env: DefId, this: Ty, member: DefId, default: DefId) -> bool {
    let own = generics(db, member);
    if member.kind(db) != default.kind(db)
        || is_static_member(db, member) != is_static_member(db, default)
        || own.own_count() != generics(db, default).own_count()
    {
        return false;
    }
    // The default's generic parameters are the member's, in order.
    let base = own_param_base(db, member);
    let mut args = vec![this];
    for (i, param) in own.params.iter().enumerate().skip(base as usize) {
        args.push(Ty::param(i as u32, param.name));
    }
    let env = match own.own_count() {
        0 => env,
        _ => member,
    };
    let known = |ty: Ty| normalize(db, Some(env), ty);
    let seen = |ty: Ty| known(ty.subst(&args));
    match member.kind(db) {
        DefKind::Var => known(var_type(db, member)) == seen(var_type(db, default)),
        DefKind::Func | DefKind::Subscript => {
            let (a, b) = (signature(db, member), signature(db, default));
            let shape = |p: &SigParam| {
                (
                    p.label,
                    p.mode,
                    p.variadic,
                    p.autoclosure,
                    p.default.is_some(),
                )
            };
            let params = a.params.iter().zip(&b.params);
            let opaque = |ty: Ty| ty.any_part(&mut |t| matches!(t.kind(), TyKind::Opaque { .. }));
            a.params.len() == b.params.len()
                && params
                    .clone()
                    .all(|(x, y)| shape(x) == shape(y) && known(x.ty) == seen(y.ty))
                && !opaque(a.result)
                && known(a.result) == seen(b.result)
                && a.throws.map(known) == b.throws.map(seen)
                && (a.is_async, a.rethrows) == (b.is_async, b.rethrows)
                && same_demands(db, member, default, &known, &args)
        }
        _ => false,
    }
}

/// Whether the generic parameters of two members have to fulfil the same, where the second's are these arguments.
fn same_demands(
    db: &dyn Db,
    member: DefId,
    default: DefId,
    known: &dyn Fn(Ty) -> Ty,
    args: &[Ty],
) -> bool {
    let own = |def: DefId| {
        let all = generics(db, def).requirements.to_vec();
        let outer = def
            .parent(db)
            .map_or(0, |p| generics(db, p).requirements.len());
        all.into_iter().skip(outer)
    };
    let normal = |r: Requirement| match r {
        Requirement::Conforms(t, p) => Requirement::Conforms(known(t), p),
        Requirement::Same(a, b) => Requirement::Same(known(a), known(b)),
        Requirement::Superclass(t, c) => Requirement::Superclass(known(t), known(c)),
        Requirement::Class(t) => Requirement::Class(known(t)),
    };
    let a: Vec<Requirement> = own(member).map(normal).collect();
    let b: Vec<Requirement> = own(default).map(|r| normal(r.subst(args))).collect();
    a.len() == b.len() && a.iter().all(|r| b.contains(r))
}
