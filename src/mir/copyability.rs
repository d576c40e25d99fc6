//! Which types' values can only be moved, and what a place's type is.

use super::data::*;
use super::facts::Facts;
use crate::base::{FxHashSet, Name};
use crate::items::ids::DefId;
use crate::items::tree::{GenericsRef, ItemKind, TypeRef, TypeRefId, WhereRef};
use crate::types::lang::{self, LangItem};
use crate::types::ty::{Ty, TyKind};

/// Answers for the code of one declaration: there, type parameters may be marked as not copyable.
pub(super) struct Copyability<'a> {
    facts: Facts<'a>,
    /// Type parameters in scope with `~Copyable`.
    suppressed: FxHashSet<Name>,
}

impl<'a> Copyability<'a> {
    pub fn of(facts: Facts<'a>, owner: DefId) -> Self {
        let mut suppressed = FxHashSet::default();
        let mut at = Some(owner);
        while let Some(def) = at {
            if let Some(item) = facts.item(def) {
                let types = &item.types;
                let mut generics = |g: &GenericsRef| {
                    for param in &g.params {
                        if param.bound.is_some_and(|b| suppresses(types, b)) {
                            suppressed.insert(param.name);
                        }
                    }
                };
                match &item.kind {
                    ItemKind::Nominal(n) => generics(&n.generics),
                    ItemKind::Func(f) => generics(&f.generics),
                    ItemKind::Subscript(s) => generics(&s.generics),
                    _ => {}
                }
                let requirements: &[WhereRef] = match &item.kind {
                    ItemKind::Nominal(n) => &n.generics.requirements,
                    ItemKind::Func(f) => &f.generics.requirements,
                    ItemKind::Subscript(s) => &s.generics.requirements,
                    ItemKind::Extension(e) => &e.requirements,
                    _ => &[],
                };
                for requirement in requirements {
                    if let WhereRef::Conforms(subject, bound) = requirement
                        && suppresses(types, *bound)
                        && let TypeRef::Path(path) = &types[*subject]
                        && let [segment] = path.as_slice()
                    {
                        suppressed.insert(segment.name);
                    }
                }
            }
            at = facts.parent(def);
        }
        Copyability { facts, suppressed }
    }

    /// Whether values of the type cannot be copied, only moved.
    pub fn noncopyable(&self, ty: Ty) -> bool {
        if let TyKind::Param { name, .. } = ty.kind() {
            return self.suppressed.contains(name);
        }
        if let Some(payload) = self.facts.optional_payload(ty) {
            return self.noncopyable(payload);
        }
        // The question is only worth asking of a declaration that says `~Copyable`.
        let says_so = |def: DefId| {
            self.facts.item(def).is_some_and(|item| match &item.kind {
                ItemKind::Nominal(n) => n.inherits.iter().any(|&t| suppresses(&item.types, t)),
                _ => false,
            })
        };
        ty.nominal_def().is_some_and(says_so) && {
            let copyable = lang::lang(self.facts.db, LangItem::Copyable);
            !crate::types::conforms(self.facts.db, None, ty, copyable)
        }
    }

    /// The type of what a place holds; none where it cannot be told.
    pub fn place_type(&self, mir: &Mir, place: &Place) -> Option<Ty> {
        let mut ty = mir.locals[place.local].ty;
        for proj in &place.path {
            ty = match proj {
                Proj::Field(var) | Proj::ClassField(var) => self.field_type(ty, *var)?,
                Proj::Elem(i) => match ty.kind() {
                    TyKind::Tuple(elems) => elems.get(*i as usize)?.ty,
                    _ => return None,
                },
                Proj::Payload(case) => self.payload_type(ty, *case)?,
                Proj::Deref(ty) | Proj::BoxValue(ty) => *ty,
                Proj::Capture(n) => mir.captures.get(*n as usize)?.ty,
            };
        }
        Some(ty)
    }

    /// The type of a stored property of a value of this type.
    pub fn field_type(&self, ty: Ty, var: DefId) -> Option<Ty> {
        let owner = self.facts.nominal(var)?;
        let mut at = ty;
        loop {
            let (def, args) = at.as_nominal()?;
            if def == owner {
                return Some(self.facts.storage_type(var).subst(args.as_slice()));
            }
            at = self.facts.superclass(def)?.subst(args.as_slice());
        }
    }

    /// The type of a case's payload: a single one is itself.
    pub fn payload_type(&self, ty: Ty, case: DefId) -> Option<Ty> {
        let (_, args) = ty.as_nominal()?;
        let payload = self.facts.payload(case);
        match payload.as_slice() {
            [one] => Some(one.subst(args.as_slice())),
            list => Some(Ty::tuple_of(
                &list
                    .iter()
                    .map(|t| t.subst(args.as_slice()))
                    .collect::<Vec<_>>(),
            )),
        }
    }
}

/// Whether a bound contains `~Copyable`.
fn suppresses(types: &crate::base::Arena<TypeRef>, bound: TypeRefId) -> bool {
    match &types[bound] {
        TypeRef::Suppressed(inner) => match &types[*inner] {
            TypeRef::Path(path) => path.last().is_some_and(|s| s.name == *"Copyable"),
            _ => false,
        },
        TypeRef::Composition(parts) => parts.iter().any(|&p| suppresses(types, p)),
        _ => false,
    }
}
