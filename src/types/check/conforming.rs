//! Conformances: every requirement has a witness, every associated type is known and fits.

use super::Check;
use crate::db::Db;
use crate::items::Anchor;
use crate::items::ids::{DefId, DefKind, Synth};
use crate::items::tree::Access;
use crate::resolve::access::access_of;
use crate::resolve::decls::{TypeName, direct_protocols, extended_decl, inherits};
use crate::types::assoc::type_witnesses;
use crate::types::conformance::{
    conformance_table, conforms, is_marker, normalize, requirement_holds,
};
use crate::types::display::describe;
use crate::types::display::{display_name, display_type};
use crate::types::generics::identity_args;
use crate::types::lang::{LangItem, lang};
use crate::types::nominal::{class_chain, enum_cases, stored_properties};
use crate::types::protocols::{
    assoc_types, is_class_bound, protocol_requirements, protocol_signature,
};
use crate::types::signature::{raw_signature, signature, var_type};
use crate::types::ty::Ty;
use crate::types::witness::{Mismatch, NoWitness, witness_entry};

pub(super) fn check(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let nominal = match def.kind(db) {
        DefKind::Extension => match extended_decl(db, def) {
            Some(d) if crate::resolve::scope::is_nominal(db, d) => d,
            _ => return,
        },
        _ => def,
    };
    redundant(cx, nominal);
    let table = conformance_table(db, nominal);
    let mut own: Vec<DefId> = table
        .iter()
        .filter(|(_, declared)| declared.source == def)
        .map(|(&protocol, _)| protocol)
        .collect();
    // The refining protocol first, as Swift reports them; names decide the rest.
    own.sort_by(|&a, &b| {
        let depth =
            |p| std::cmp::Reverse(crate::types::protocols::inherited_protocols(db, p).len());
        depth(a)
            .cmp(&depth(b))
            .then_with(|| a.name(db).cmp(&b.name(db)))
    });
    let this = Ty::nominal(nominal, identity_args(db, nominal).as_slice());
    // A raw type beside payloads is reported at the payloads.
    let raw_payload = nominal.kind(db) == DefKind::Enum
        && crate::types::nominal::raw_type(db, nominal).is_some()
        && enum_cases(db, nominal)
            .iter()
            .any(|&case| crate::types::nominal::has_payload(db, case));
    let raw_representable = lang(db, LangItem::RawRepresentable);
    for protocol in own {
        if raw_payload && protocol == raw_representable {
            continue;
        }
        if is_class_bound(db, protocol) && nominal.kind(db) != DefKind::Class {
            let (name, protocol) = (nominal.name(db), protocol.name(db));
            cx.error_here(
                "class-protocol",
                format!("non-class type '{name}' cannot conform to class protocol '{protocol}'"),
            );
            continue;
        }
        one(cx, nominal, this, protocol);
    }
}

/// The same protocol named again in an extension.
fn redundant(cx: &mut Check<'_>, nominal: DefId) {
    let (db, def) = (cx.db, cx.def);
    let direct = direct_protocols(db, nominal);
    for entry in inherits(db, def) {
        for named in &entry.names {
            let TypeName::Def(protocol) = *named else {
                continue;
            };
            let first = direct.iter().find(|(p, _)| *p == protocol).map(|d| d.1);
            if let Some(first) = first
                && first != def
            {
                let (own, name) = (nominal.name(db), protocol.name(db));
                let at = Anchor::ItemType(def, entry.written);
                cx.error(
                    "redundant-conformance",
                    at,
                    format!("redundant conformance of '{own}' to protocol '{name}'"),
                );
                cx.note(
                    Anchor::Name(first),
                    format!("'{own}' declares conformance to protocol '{name}' here"),
                );
            }
        }
    }
    if nominal.kind(db) != DefKind::Class {
        return;
    }
    // A superclass's conformance is inherited and may not be stated again.
    let this = Ty::nominal(nominal, identity_args(db, nominal).as_slice());
    for entry in inherits(db, def) {
        for named in &entry.names {
            let TypeName::Def(protocol) = *named else {
                continue;
            };
            if protocol.kind(db) != DefKind::Protocol || is_marker(db, protocol) {
                continue;
            }
            let inherited = class_chain(db, this).into_iter().skip(1).find_map(|c| {
                let class = c.nominal_def()?;
                let declared = conformance_table(db, class).get(&protocol)?;
                declared.explicit.then_some(class)
            });
            if let Some(class) = inherited {
                let (own, name, class_name) = (nominal.name(db), protocol.name(db), class.name(db));
                let at = Anchor::ItemType(def, entry.written);
                cx.error(
                    "redundant-conformance",
                    at,
                    format!("redundant conformance of '{own}' to protocol '{name}'"),
                );
                cx.note(Anchor::Name(class), format!("'{own}' inherits conformance to protocol '{name}' from superclass '{class_name}' here"));
            }
        }
    }
}

fn one(cx: &mut Check<'_>, nominal: DefId, this: Ty, protocol: DefId) {
    let (db, def) = (cx.db, cx.def);
    let mut notes: Vec<(Anchor, String)> = Vec::new();
    let mut broken = false;
    let witnesses = type_witnesses(db, nominal);
    for &assoc in assoc_types(db, protocol) {
        if !witnesses.contains_key(&assoc) {
            broken = true;
            let name = assoc.name(db);
            notes.push((
                Anchor::Name(assoc),
                format!("protocol requires nested type '{name}'; add nested type '{name}' for conformance"),
            ));
        }
    }
    if !broken {
        for requirement in protocol_signature(db, protocol) {
            let requirement = requirement.subst(&[this]);
            if !requirement_holds(db, Some(def), requirement) {
                broken = true;
                notes.push((
                    Anchor::Name(protocol),
                    super::unmet_message(db, protocol, requirement),
                ));
            }
        }
    }
    let unknown_assoc = broken;
    for &requirement in protocol_requirements(db, protocol) {
        match witness_entry(db, nominal, requirement) {
            Ok(entry) => {
                match entry.def.kind(db) {
                    DefKind::Synth(kind) => {
                        broken |= !derivable(db, def, nominal, kind, protocol, &mut notes);
                    }
                    _ => too_private(cx, nominal, protocol, requirement, entry.def),
                }
                required_init(cx, nominal, requirement, entry.def, entry.in_protocol);
            }
            Err(failures) => {
                // An unknown associated type makes every requirement that mentions it fail, which says nothing new.
                if unknown_assoc
                    && failures.candidates.iter().all(|c| c.1 == Mismatch::Type)
                    && !failures.candidates.is_empty()
                {
                    continue;
                }
                broken = true;
                candidates(db, failures, &mut notes);
                notes.push((
                    Anchor::Name(requirement),
                    missing(db, nominal, this, requirement),
                ));
            }
        }
    }
    if broken {
        let (name, protocol) = (display_type(db, this, false), protocol.name(db));
        cx.error_here(
            "missing-conformance",
            format!("type '{name}' does not conform to protocol '{protocol}'"),
        );
        for (at, message) in notes {
            cx.note(at, message);
        }
    }
}

fn missing(db: &dyn Db, nominal: DefId, this: Ty, requirement: DefId) -> String {
    let name = display_name(db, requirement);
    let show = |t: Ty| display_type(db, normalize(db, Some(nominal), t.subst(&[this])), false);
    match requirement.kind(db) {
        DefKind::Var => {
            let ty = show(var_type(db, requirement));
            format!(
                "protocol requires property '{name}' with type '{ty}'; add a stub for conformance"
            )
        }
        kind => {
            let what = match kind {
                DefKind::Init => "initializer",
                DefKind::Subscript => "subscript",
                _ => "function",
            };
            let ty = show(signature(db, requirement).function_type());
            format!(
                "protocol requires {what} '{name}' with type '{ty}'; add a stub for conformance"
            )
        }
    }
}

fn candidates(db: &dyn Db, failures: &NoWitness, notes: &mut Vec<(Anchor, String)>) {
    for &(candidate, mismatch) in &failures.candidates {
        // Members of the library's protocols would only be noise.
        if crate::types::lower::is_library_def(db, candidate)
            || matches!(candidate.kind(db), DefKind::Synth(_))
        {
            continue;
        }
        let message = match mismatch {
            Mismatch::Type => {
                let ty = match candidate.kind(db) {
                    DefKind::Var => var_type(db, candidate),
                    _ => signature(db, candidate).function_type(),
                };
                format!(
                    "candidate has non-matching type '{}'",
                    display_type(db, ty, false)
                )
            }
            Mismatch::Static if crate::resolve::is_static_member(db, candidate) => {
                "candidate operates on a type, not an instance as required".to_owned()
            }
            Mismatch::Static => {
                "candidate operates on an instance, not a type as required".to_owned()
            }
            Mismatch::Mutating => {
                "candidate is marked 'mutating' but protocol does not allow it".to_owned()
            }
            Mismatch::Throws => "candidate throws, but protocol does not allow it".to_owned(),
            Mismatch::Async => "candidate is 'async', but protocol requirement is not".to_owned(),
            Mismatch::NotSettable => {
                "candidate is not settable, but protocol requires it".to_owned()
            }
            Mismatch::Failable => {
                "candidate is failable, but protocol requires a non-failable initializer".to_owned()
            }
            Mismatch::Requirement(r) => {
                format!(
                    "candidate would match if {}",
                    super::unmet_message(db, candidate, r)
                )
            }
            Mismatch::Kind | Mismatch::Labels | Mismatch::Condition => continue,
        };
        notes.push((Anchor::Name(candidate), message));
    }
}

/// Whether a derived member can be made: everything stored must conform too.
fn derivable(
    db: &dyn Db,
    source: DefId,
    nominal: DefId,
    kind: Synth,
    protocol: DefId,
    notes: &mut Vec<(Anchor, String)>,
) -> bool {
    if !matches!(kind, Synth::Equals | Synth::HashInto | Synth::Less) {
        return true;
    }
    let mut parts: Vec<(DefId, Ty, &str)> = Vec::new();
    for &property in stored_properties(db, nominal) {
        parts.push((property, var_type(db, property), "stored property"));
    }
    for &case in enum_cases(db, nominal) {
        let params = raw_signature(db, case).params.iter();
        parts.extend(params.map(|p| (case, p.ty, "associated value")));
    }
    let mut all = true;
    for (at, ty, what) in parts {
        // Comparing the parts takes `==` or `hash(into:)` of each.
        let ty = normalize(db, Some(source), ty);
        // Builtin scalars are compared and hashed by the derived code itself.
        if matches!(ty.kind(), crate::types::ty::TyKind::Builtin(_)) {
            continue;
        }
        if !conforms(db, Some(source), ty, protocol) {
            all = false;
            let (ty, protocol, own) = (
                display_type(db, ty, false),
                protocol.name(db),
                nominal.name(db),
            );
            notes.push((
                Anchor::Name(at),
                format!("{what} type '{ty}' does not conform to protocol '{protocol}', preventing synthesized conformance of '{own}' to '{protocol}'"),
            ));
        }
    }
    all
}

/// A witness must be as visible as the conformance.
fn too_private(
    cx: &mut Check<'_>,
    nominal: DefId,
    protocol: DefId,
    requirement: DefId,
    witness: DefId,
) {
    let db = cx.db;
    let needed = access_of(db, nominal)
        .min(access_of(db, protocol))
        .min(Access::Public);
    let own = access_of(db, witness);
    let needed = if needed == Access::Private {
        Access::Fileprivate
    } else {
        needed
    };
    if own >= needed
        || witness
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Protocol)
    {
        return;
    }
    let kind = match describe(db, witness) {
        "instance method" | "static method" | "global function" => "method",
        "static property" => "property",
        other => other,
    };
    let level = super::exposure::word(needed);
    let (name, protocol_name) = (display_name(db, requirement), protocol.name(db));
    let protocol_level = super::exposure::word(access_of(db, protocol));
    let message = format!(
        "{kind} '{name}' must be declared {level} because it matches a requirement in {protocol_level} protocol '{protocol_name}'"
    );
    cx.error("witness-access", Anchor::Name(witness), message);
}

/// A class that may be inherited from must pass an initialiser requirement on.
fn required_init(
    cx: &mut Check<'_>,
    nominal: DefId,
    requirement: DefId,
    witness: DefId,
    in_protocol: bool,
) {
    let db = cx.db;
    if in_protocol || requirement.kind(db) != DefKind::Init || nominal.kind(db) != DefKind::Class {
        return;
    }
    let is_final = |d: DefId| crate::items::item(db, d).is_some_and(|i| i.mods.is_final);
    let required = crate::items::item(db, witness).is_some_and(|i| i.mods.is_required);
    if required || is_final(nominal) || witness.kind(db) != DefKind::Init {
        return;
    }
    if witness
        .parent(db)
        .is_some_and(|p| p.kind(db) == DefKind::Extension)
    {
        return;
    }
    let (name, class) = (display_name(db, requirement), nominal.name(db));
    cx.error(
        "required-witness",
        Anchor::Name(witness),
        format!("initializer requirement '{name}' can only be satisfied by a 'required' initializer in non-final class '{class}'"),
    );
}
