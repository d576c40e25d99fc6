//! Written types to types.
//!
//! Lowering finds names and builds types; it does not reduce associated types of concrete types, except where a further member is looked up
//! in one. That makes types of declarations available to the inference of conformances. [`resolve_type`] and `signature` normalise afterwards.

use crate::base::stack::with_room;
use crate::base::{Arena, Name};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{
    FunctionTypeRef, ItemKind, Ownership, PathSegment, ThrowsRef, TypeRef, TypeRefId,
};
use crate::items::{Anchor, AnchoredDiagnostic, item, module_of};
use crate::resolve::container_of;
use crate::resolve::decls::{
    TypeFound, TypeName, TypeScope, extended_decl, lookup_type, member_type, rival_modules,
    type_in_module,
};
use crate::types::conformance::{assoc_type_unchecked, normalize};
use crate::types::display::{describe, display_def, display_type};
use crate::types::env::GenericEnv;
use crate::types::generics::{
    generic_env, generics, implicit_param, own_param_base, own_param_count,
};
use crate::types::lang::{LangItem, any_error, library_module, optional_of};
use crate::types::nominal::{declared_self_type, inherited_type};
use crate::types::protocols::{
    assoc_named, assoc_root, has_self_or_assoc, inherited_protocols, primary_assocs,
    structural_protocols,
};
use crate::types::ty::{
    BuiltinTy, Existential, FnParam, FnRepr, FnTy, ParamMode, TupleElem, Ty, TyKind, TyList,
};

/// What a body's checker adds to the lowering of a written type.
pub trait TypeHost {
    /// A type for `_` and for each left-out generic argument; none means that leaving out is an error.
    fn fresh(&mut self) -> Option<Ty> {
        None
    }
    /// A type for `some P` outside of a signature's result; none means that it is an error.
    fn opaque(&mut self, _bounds: Ty) -> Option<Ty> {
        None
    }
    /// Whether the type is written inside a body: then local types are visible, and diagnostics point into the body.
    fn in_body(&self) -> bool {
        false
    }
}

/// A host that adds nothing.
pub struct NoHost;
impl TypeHost for NoHost {}

/// A written type of `context`'s item or body as a type, normalised for the context's generic environment, with what is wrong about it.
pub fn resolve_type(
    db: &dyn Db,
    context: DefId,
    types: &Arena<TypeRef>,
    id: TypeRefId,
    host: &mut dyn TypeHost,
) -> (Ty, Vec<AnchoredDiagnostic>) {
    let mut lowerer = Lowerer::new(db, context, types, Bounds::Context(context));
    lowerer.host = Some(host);
    let in_body = lowerer.host.as_ref().is_some_and(|h| h.in_body());
    lowerer.scope_mode.in_body = in_body;
    lowerer.anchor_body = in_body.then_some(context);
    let ty = lowerer.lower(id);
    let diagnostics = lowerer.diagnostics;
    (normalize(db, Some(context), ty), diagnostics)
}

/// The existential of these protocols, sorted and without implied ones.
pub fn compose(
    db: &dyn Db,
    protocols: &[DefId],
    superclass: Option<Ty>,
    class_bound: bool,
    mut bindings: Vec<(DefId, Ty)>,
) -> Ty {
    let mut kept: Vec<DefId> = Vec::new();
    for &p in protocols {
        let implied = protocols.iter().any(|&q| {
            q != p
                && inherited_protocols(db, q).contains(&p)
                && !inherited_protocols(db, p).contains(&q)
        });
        if !implied && !kept.contains(&p) {
            kept.push(p);
        }
    }
    kept.sort_by_key(|&p| (module_of(db, p).name(db), p.name(db), p.index(db)));
    bindings.sort_by_key(|(assoc, _)| assoc.name(db));
    bindings.dedup_by_key(|(assoc, _)| *assoc);
    let class_bound = class_bound
        || superclass.is_some()
        || kept
            .iter()
            .any(|&p| crate::types::protocols::is_class_bound(db, p));
    Ty::new(TyKind::Existential(Existential {
        protocols: kept.into(),
        superclass,
        class_bound,
        bindings: bindings.into(),
    }))
}

/// Where a lowerer learns what type parameters conform to.
pub(crate) enum Bounds<'a> {
    /// The finished environment of a declaration.
    Context(DefId),
    /// An environment that is being built.
    Building(&'a GenericEnv),
    /// The clauses of a protocol and those that it inherits, as written: while its requirements are being found.
    Structural(DefId),
}

/// Lowers the types of one declaration or body.
pub(crate) struct Lowerer<'a> {
    pub db: &'a dyn Db,
    pub scope: DefId,
    pub types: &'a Arena<TypeRef>,
    pub host: Option<&'a mut dyn TypeHost>,
    pub bounds: Bounds<'a>,
    pub scope_mode: TypeScope,
    pub diagnostics: Vec<AnchoredDiagnostic>,
    /// Opaque types of a result are numbered in order of occurrence; none where `some` is no result.
    pub opaque_of: Option<DefId>,
    /// The bounds of those found so far.
    pub opaque_bounds: Vec<Ty>,
    /// A member of a type parameter was not found, which a builder of an environment may try again later.
    pub missing_member: bool,
    /// The body whose arena the types are in, if they are not the item's own.
    pub anchor_body: Option<DefId>,
    depth: u32,
}

impl<'a> Lowerer<'a> {
    pub fn new(
        db: &'a dyn Db,
        scope: DefId,
        types: &'a Arena<TypeRef>,
        bounds: Bounds<'a>,
    ) -> Self {
        Lowerer {
            db,
            scope,
            types,
            host: None,
            bounds,
            scope_mode: TypeScope::default(),
            diagnostics: Vec::new(),
            opaque_of: None,
            opaque_bounds: Vec::new(),
            missing_member: false,
            anchor_body: None,
            depth: 0,
        }
    }

    fn anchor(&self, id: TypeRefId) -> Anchor {
        match self.anchor_body {
            Some(body) => Anchor::BodyType(body, id),
            None => Anchor::ItemType(self.scope, id),
        }
    }

    pub(super) fn error(&mut self, code: &'static str, id: TypeRefId, message: String) -> Ty {
        let anchor = self.anchor(id);
        self.diagnostics
            .push(AnchoredDiagnostic::error(code, anchor, message));
        Ty::error()
    }

    /// The type; the error type after a diagnostic.
    pub fn lower(&mut self, id: TypeRefId) -> Ty {
        self.depth += 1;
        let ty = if self.depth > 200 {
            Ty::error()
        } else {
            let ty = self.lower_inner(id);
            self.check_existential(id, ty);
            ty
        };
        self.depth -= 1;
        ty
    }

    /// A bare protocol with associated types must be written `any P`.
    fn check_existential(&mut self, id: TypeRefId, ty: Ty) {
        let bare = matches!(
            self.types[id],
            TypeRef::Path(_) | TypeRef::Member(..) | TypeRef::Composition(_)
        );
        if !bare {
            return;
        }
        let TyKind::Existential(e) = ty.kind() else {
            return;
        };
        let db = self.db;
        if let Some(&protocol) = e.protocols.iter().find(|&&p| has_self_or_assoc(db, p)) {
            let name = protocol.name(db);
            // Bounds and inheritance clauses never come here: they are lowered by `constraint`.
            self.error(
                "existential-any",
                id,
                format!("use of protocol '{name}' as a type must be written 'any {name}'"),
            );
        }
    }

    /// A type in the place of a bound: a protocol or composition as an existential, or a class.
    pub fn constraint(&mut self, id: TypeRefId) -> Ty {
        match &self.types[id] {
            TypeRef::Tuple(elems) if elems.len() == 1 => self.constraint(elems[0].1),
            _ => self.lower_inner(id),
        }
    }

    fn lower_inner(&mut self, id: TypeRefId) -> Ty {
        let types = self.types;
        let db = self.db;
        match &types[id] {
            TypeRef::Error => Ty::error(),
            TypeRef::Path(path) => self.path(id, path),
            TypeRef::Member(base, segment) => {
                let base = self.lower_inner(*base);
                self.member(id, base, segment)
            }
            TypeRef::Optional(inner) | TypeRef::ImplicitlyUnwrapped(inner) => {
                let payload = self.lower(*inner);
                optional_of(db, payload)
            }
            TypeRef::Array(element) => {
                let element = self.lower(*element);
                crate::types::lang::array_of(db, element)
            }
            TypeRef::Dictionary(key, value) => {
                let (key, value) = (self.lower(*key), self.lower(*value));
                crate::types::lang::dictionary_of(db, key, value)
            }
            TypeRef::Tuple(elems) => {
                if let [(None, only)] = elems.as_slice() {
                    return self.lower_inner(*only);
                }
                let elems: Vec<TupleElem> = elems
                    .iter()
                    .map(|&(label, ty)| TupleElem {
                        label,
                        ty: self.lower(ty),
                    })
                    .collect();
                Ty::tuple(&elems)
            }
            TypeRef::Function(function) => self.function(id, function),
            TypeRef::MisplacedConvention(inner) => {
                let ty = self.lower_inner(*inner);
                self.misplaced_convention(id, ty)
            }
            TypeRef::Metatype(inner) => {
                let inner = self.lower_inner(*inner);
                Ty::metatype(inner)
            }
            TypeRef::ProtocolMetatype(inner) => {
                let inner = self.lower_inner(*inner);
                if inner.is_existential() {
                    Ty::new(TyKind::ProtocolMetatype(inner))
                } else {
                    Ty::metatype(inner)
                }
            }
            TypeRef::Some(inner) => self.opaque(id, *inner),
            TypeRef::Any(inner) => {
                let ty = self.constraint(*inner);
                match ty.kind() {
                    TyKind::Existential(_) | TyKind::Error | TyKind::Metatype(_) => ty,
                    _ => {
                        let name = display_type(db, ty, false);
                        self.error(
                            "any-non-protocol",
                            id,
                            format!("'any' has no effect on concrete type '{name}'"),
                        );
                        ty
                    }
                }
            }
            TypeRef::Composition(parts) => self.composition(id, parts),
            // Suppressed conformances restrict nothing here: everything is copyable unless it says otherwise itself.
            TypeRef::Suppressed(_) => Ty::any(),
            TypeRef::Inout(inner) => {
                let inner = self.lower(*inner);
                Ty::new(TyKind::Inout(inner))
            }
            TypeRef::PackExpansion(inner) => {
                let inner = self.lower(*inner);
                Ty::new(TyKind::PackExpansion(inner))
            }
            TypeRef::PackElement(inner) => self.lower(*inner),
            TypeRef::Placeholder => match self.fresh() {
                Some(ty) => ty,
                None => self.error(
                    "placeholder",
                    id,
                    "type placeholder not allowed here".to_owned(),
                ),
            },
            TypeRef::Integer(value) => Ty::new(TyKind::Integer(*value)),
        }
    }

    fn fresh(&mut self) -> Option<Ty> {
        self.host.as_mut().and_then(|h| h.fresh())
    }

    fn function(&mut self, id: TypeRefId, function: &FunctionTypeRef) -> Ty {
        let params = function
            .params
            .iter()
            .map(|p| FnParam {
                ty: match self.lower(p.ty).kind() {
                    TyKind::Inout(inner) => *inner,
                    kind => Ty::new(kind.clone()),
                },
                mode: match (p.ownership, &self.types[p.ty]) {
                    (_, TypeRef::Inout(_)) => ParamMode::Inout,
                    (ownership, _) => param_mode(ownership),
                },
                variadic: p.variadic,
                autoclosure: matches!(&self.types[p.ty], TypeRef::Function(f) if f.autoclosure),
            })
            .collect();
        let result = self.lower(function.result);
        let throws = self.throws(function.throws);
        let ty = FnTy {
            params,
            result,
            throws,
            is_async: function.is_async,
            escaping: true,
            repr: FnRepr::Thick,
        };
        match function.convention {
            Some(convention) => self.convention(id, function, convention, ty),
            None => Ty::function(ty),
        }
    }

    /// The error type of a `throws` clause.
    pub fn throws(&mut self, throws: ThrowsRef) -> Option<Ty> {
        match throws {
            ThrowsRef::No => None,
            ThrowsRef::Any | ThrowsRef::Rethrows => Some(any_error(self.db)),
            ThrowsRef::Typed(ty) => {
                let ty = self.lower(ty);
                // `throws(Never)` cannot throw.
                (!crate::types::lang::is_lang(self.db, ty, LangItem::Never)).then_some(ty)
            }
        }
    }

    fn opaque(&mut self, id: TypeRefId, inner: TypeRefId) -> Ty {
        let db = self.db;
        if !self.scope_mode.in_body
            && let Some((index, name)) = implicit_param(db, self.scope, id)
        {
            return Ty::param(index, name);
        }
        if let Some(def) = self.opaque_of {
            // There is no opaque type inside of the bounds of one.
            self.opaque_of = None;
            let bounds = self.constraint(inner);
            self.opaque_of = Some(def);
            let index = self.opaque_bounds.len() as u32;
            self.opaque_bounds.push(bounds);
            let args = crate::types::generics::identity_args(db, def);
            return Ty::new(TyKind::Opaque { def, index, args });
        }
        let bounds = self.constraint(inner);
        if let Some(ty) = self.host.as_mut().and_then(|h| h.opaque(bounds)) {
            return ty;
        }
        self.error(
            "opaque-not-allowed",
            id,
            "'some' types are only permitted in properties, subscripts, and functions".to_owned(),
        )
    }

    fn composition(&mut self, id: TypeRefId, parts: &[TypeRefId]) -> Ty {
        let db = self.db;
        let mut protocols = Vec::new();
        let mut superclass = None;
        let mut class_bound = false;
        let mut bindings = Vec::new();
        for &part in parts {
            let ty = self.constraint(part);
            match ty.kind() {
                TyKind::Existential(e) => {
                    protocols.extend_from_slice(&e.protocols);
                    superclass = superclass.or(e.superclass);
                    class_bound |= e.class_bound;
                    bindings.extend_from_slice(&e.bindings);
                }
                TyKind::Nominal { def, .. } if def.kind(db) == DefKind::Class => {
                    superclass = superclass.or(Some(ty));
                }
                TyKind::Error => return ty,
                _ => {
                    let name = display_type(db, ty, false);
                    return self.error(
                        "composition-member",
                        id,
                        format!("non-protocol, non-class type '{name}' cannot be used within a protocol-constrained type"),
                    );
                }
            }
        }
        compose(db, &protocols, superclass, class_bound, bindings)
    }

    fn path(&mut self, id: TypeRefId, path: &[PathSegment]) -> Ty {
        let Some((first, rest)) = path.split_first() else {
            return Ty::error();
        };
        let db = self.db;
        let Some(found) = lookup_type(db, self.scope, first.name, self.scope_mode) else {
            let name = first.name;
            return self.error(
                "unknown-type",
                id,
                format!("cannot find type '{name}' in scope"),
            );
        };
        let mut rest = rest.iter();
        let mut ty = match found.name {
            TypeName::Module(module) => {
                let Some(segment) = rest.next() else {
                    let name = first.name;
                    return self.error(
                        "unknown-type",
                        id,
                        format!("cannot find type '{name}' in scope"),
                    );
                };
                match type_in_module(db, module, segment.name) {
                    Some(name) => {
                        let found = TypeFound {
                            name,
                            member_of: None,
                        };
                        self.found(id, found, segment)
                    }
                    None => {
                        let (name, module) = (segment.name, module.name(db));
                        return self.error(
                            "unknown-member-type",
                            id,
                            format!("no type named '{name}' in module '{module}'"),
                        );
                    }
                }
            }
            TypeName::Def(def) => {
                self.check_rivals(id, def);
                self.found(id, found, first)
            }
            _ => self.found(id, found, first),
        };
        for segment in rest {
            ty = self.member(id, ty, segment);
        }
        ty
    }

    /// Reports a name that several modules give a type. What follows is checked with the first of them.
    fn check_rivals(&mut self, id: TypeRefId, def: DefId) {
        let db = self.db;
        let rivals = rival_modules(db, self.scope, def);
        if rivals.len() < 2 {
            return;
        }
        let name = def.name(db);
        let message = format!("'{name}' is ambiguous for type lookup in this context");
        let anchor = self.anchor(id);
        let mut error = AnchoredDiagnostic::error("ambiguous-type", anchor, message);
        for module in rivals {
            let module = module.name(db);
            error = error.note(None, format!("found this candidate in module '{module}'"));
        }
        self.diagnostics.push(error);
    }

    /// The type that an unqualified name and its arguments stand for.
    fn found(&mut self, id: TypeRefId, found: TypeFound, segment: &PathSegment) -> Ty {
        let db = self.db;
        let def = match found.name {
            TypeName::Def(def) => def,
            TypeName::Any => return Ty::any(),
            TypeName::AnyObject => return Ty::any_object(),
            TypeName::Builtin(name) => return builtin_named(name),
            TypeName::SelfType(context) => return self.self_type(context),
            TypeName::Module(_) => return Ty::error(),
        };
        match def.kind(db) {
            DefKind::GenericParam => {
                let Some(owner) = def.parent(db) else {
                    return Ty::error();
                };
                let index = own_param_base(db, owner) + def.index(db);
                Ty::param(index, def.name(db))
            }
            _ => match found.member_of {
                Some(context) => match declared_self_type(db, context) {
                    Some(base) => self.member_decl(id, base, def, segment),
                    None => Ty::error(),
                },
                None => self.decl(id, None, def, segment),
            },
        }
    }

    fn self_type(&mut self, context: DefId) -> Ty {
        let Some(ty) = declared_self_type(self.db, context) else {
            return Ty::error();
        };
        match ty.as_nominal() {
            Some((def, _)) if def.kind(self.db) == DefKind::Class => {
                let is_final = item(self.db, def).is_some_and(|i| i.mods.is_final);
                if is_final || self.scope == def {
                    ty
                } else {
                    Ty::new(TyKind::DynamicSelf(ty))
                }
            }
            _ => ty,
        }
    }

    /// `base.Name<…>`
    fn member(&mut self, id: TypeRefId, base: Ty, segment: &PathSegment) -> Ty {
        let db = self.db;
        if base.is_error() {
            return base;
        }
        if segment.name == "Type" && segment.args.is_empty() {
            return Ty::metatype(base);
        }
        let base = self.reduce_base(base);
        if let Some(found) = self.find_member(base, segment.name) {
            return self.member_decl(id, base, found, segment);
        }
        if base.is_error() {
            return base;
        }
        if matches!(base.kind(), TyKind::Param { .. } | TyKind::Assoc { .. }) {
            self.missing_member = true;
        }
        let name = segment.name;
        let of = match base.kind() {
            TyKind::Nominal { def, .. } => {
                format!("{} '{}'", describe(db, *def), display_type(db, base, true))
            }
            _ => format!("type '{}'", display_type(db, base, false)),
        };
        self.error(
            "unknown-member-type",
            id,
            format!("'{name}' is not a member type of {of}"),
        )
    }

    /// The base of a member type with its own projection reduced.
    fn reduce_base(&mut self, base: Ty) -> Ty {
        let db = self.db;
        match base.kind() {
            TyKind::DynamicSelf(ty) => *ty,
            TyKind::Assoc { .. } | TyKind::Param { .. } => match &self.bounds {
                Bounds::Building(env) => env.reduce(db, base),
                Bounds::Context(context) => match generic_env(db, *context) {
                    Some(env) => env.reduce(db, base),
                    None => reduce_concrete(db, base),
                },
                Bounds::Structural(_) => base,
            },
            _ => base,
        }
    }

    fn find_member(&self, base: Ty, name: Name) -> Option<DefId> {
        let db = self.db;
        match base.kind() {
            TyKind::Nominal { def, .. } => member_type(db, *def, name),
            TyKind::Existential(e) => {
                let protocols = e.protocols.iter();
                let mut found = protocols.filter_map(|&p| member_type(db, p, name));
                found.next()
            }
            TyKind::Param { .. } | TyKind::Assoc { .. } => {
                let protocols: Vec<DefId> = match &self.bounds {
                    Bounds::Building(env) => env.protocols_of(db, base),
                    Bounds::Context(context) => generic_env(db, *context)
                        .map_or_else(Vec::new, |env| env.protocols_of(db, base)),
                    Bounds::Structural(protocol) => structural_protocols(db, *protocol, base),
                };
                assoc_named(db, &protocols, name).or_else(|| {
                    let env = match &self.bounds {
                        Bounds::Building(env) => Some(*env),
                        Bounds::Context(context) => generic_env(db, *context),
                        Bounds::Structural(_) => None,
                    };
                    let class = env?.superclass_of(db, base)?.nominal_def()?;
                    member_type(db, class, name)
                })
            }
            _ => None,
        }
    }

    /// A type declaration that was found as a member of a type.
    fn member_decl(&mut self, id: TypeRefId, base: Ty, def: DefId, segment: &PathSegment) -> Ty {
        let db = self.db;
        if def.kind(db) == DefKind::AssociatedType {
            let assoc = assoc_root(db, def);
            if let TyKind::Existential(e) = base.kind() {
                let bound = e.bindings.iter().find(|(a, _)| *a == assoc);
                return match bound {
                    Some((_, ty)) => *ty,
                    None => {
                        let (name, of) = (segment.name, display_type(db, base, false));
                        self.error(
                            "assoc-of-existential",
                            id,
                            format!("cannot access associated type '{name}' from '{of}'; use a concrete type or generic parameter base instead"),
                        )
                    }
                };
            }
            return Ty::new(TyKind::Assoc { base, assoc });
        }
        let Some(container) = container_of(db, def) else {
            return self.decl(id, None, def, segment);
        };
        // Aliases in protocols are written in terms of `Self`.
        let outer = if container.kind(db) == DefKind::Protocol {
            TyList::new(&[base])
        } else {
            let class = match base.kind() {
                TyKind::Param { .. } | TyKind::Assoc { .. } => match &self.bounds {
                    Bounds::Building(env) => env.superclass_of(db, base),
                    Bounds::Context(context) => {
                        generic_env(db, *context).and_then(|env| env.superclass_of(db, base))
                    }
                    Bounds::Structural(_) => None,
                },
                _ => Some(base),
            };
            match class.and_then(|c| inherited_type(db, c, container)) {
                Some(ty) => ty.as_nominal().map_or(TyList::empty(), |(_, args)| args),
                None => TyList::empty(),
            }
        };
        self.decl(id, Some(outer), def, segment)
    }

    /// A type declaration with the arguments for the parameters around it, and its own as written.
    fn decl(
        &mut self,
        id: TypeRefId,
        outer: Option<TyList>,
        def: DefId,
        segment: &PathSegment,
    ) -> Ty {
        let db = self.db;
        match def.kind(db) {
            DefKind::Protocol => return self.protocol(id, def, segment),
            DefKind::AssociatedType => return Ty::error(),
            _ => {}
        }
        let base = own_param_base(db, def);
        let own = own_param_count(db, def);
        let mut args: Vec<Ty> = match outer {
            Some(outer) => outer.as_slice().to_vec(),
            // A local type of a generic function sees the function's own parameters.
            None => {
                crate::types::generics::identity_args(db, def).as_slice()[..base as usize].to_vec()
            }
        };
        args.truncate(base as usize);
        let written = &segment.args;
        if !written.is_empty() {
            let mut lowered: Vec<Ty> = written.iter().map(|&a| self.lower(a)).collect();
            if own == 0 {
                let name = display_def(db, def, false);
                self.error(
                    "specialize-non-generic",
                    id,
                    format!("cannot specialize non-generic type '{name}'"),
                );
                lowered.clear();
            } else if lowered.len() != own && !has_pack(db, def) {
                let many = if lowered.len() > own { "many" } else { "few" };
                let (name, got) = (def.name(db), lowered.len());
                self.error(
                    "generic-argument-count",
                    id,
                    format!("generic type '{name}' specialized with too {many} type parameters (got {got}, but expected {own})"),
                );
                lowered.resize(own, Ty::error());
            }
            args.extend(lowered);
        } else if own > 0 {
            match self.implicit_args(def, base, own) {
                Some(implied) => args.extend(implied),
                None => {
                    let mut fresh = Vec::new();
                    for _ in 0..own {
                        fresh.extend(self.fresh());
                    }
                    if fresh.len() < own {
                        let name = def.name(db);
                        self.error(
                            "generic-arguments-missing",
                            id,
                            format!(
                                "reference to generic type '{name}' requires arguments in <...>"
                            ),
                        );
                        let anchor = Anchor::Name(def);
                        if let Some(last) = self.diagnostics.last_mut() {
                            last.notes.push(crate::items::AnchoredNote {
                                message: format!("generic type '{name}' declared here"),
                                anchor: Some(anchor),
                            });
                        }
                        fresh = vec![Ty::error(); own];
                    }
                    args.extend(fresh);
                }
            }
        }
        if def.kind(db) == DefKind::TypeAlias {
            return alias_type(db, def).subst(&args);
        }
        Ty::nominal(def, &args)
    }

    /// Inside its own declaration or extension a generic type may be named without arguments, which are then its parameters.
    fn implicit_args(&self, def: DefId, base: u32, own: usize) -> Option<Vec<Ty>> {
        let db = self.db;
        let mut at = Some(self.scope);
        while let Some(scope) = at {
            let decl = match scope.kind(db) {
                DefKind::Extension => extended_decl(db, scope),
                _ => Some(scope),
            };
            if decl == Some(def) {
                let params = crate::types::generics::identity_args(db, def);
                let own = &params.as_slice()[base as usize..base as usize + own];
                return Some(own.to_vec());
            }
            at = scope.parent(db);
        }
        None
    }

    fn protocol(&mut self, id: TypeRefId, def: DefId, segment: &PathSegment) -> Ty {
        let db = self.db;
        let mut bindings = Vec::new();
        if !segment.args.is_empty() {
            let primary = primary_assocs(db, def);
            let name = def.name(db);
            if primary.is_empty() {
                return self.error(
                    "specialize-protocol",
                    id,
                    format!("cannot specialize protocol type '{name}'"),
                );
            }
            if segment.args.len() > primary.len() {
                let (got, expected) = (segment.args.len(), primary.len());
                return self.error(
                    "generic-argument-count",
                    id,
                    format!("protocol type '{name}' specialized with too many type arguments (got {got}, but expected {expected})"),
                );
            }
            for (&assoc, &arg) in primary.iter().zip(&segment.args) {
                let arg = self.lower(arg);
                bindings.push((assoc, arg));
            }
        }
        compose(db, &[def], None, false, bindings)
    }
}

/// Reduces the projections at the base of a type outside of any generic environment.
pub(super) fn reduce_concrete(db: &dyn Db, ty: Ty) -> Ty {
    match ty.kind() {
        TyKind::Assoc { base, assoc } => {
            let base = reduce_concrete(db, *base);
            assoc_type_unchecked(db, base, *assoc).unwrap_or(ty)
        }
        _ => ty,
    }
}

fn has_pack(db: &dyn Db, def: DefId) -> bool {
    generics(db, def).params.iter().any(|p| p.is_pack)
}

fn builtin_named(name: Name) -> Ty {
    let found = BuiltinTy::ALL.into_iter().find(|b| name == b.name());
    found.map_or_else(Ty::error, Ty::builtin)
}

/// How a parameter with this ownership is passed.
pub(crate) fn param_mode(ownership: Ownership) -> ParamMode {
    match ownership {
        Ownership::Default | Ownership::Borrowing => ParamMode::Borrow,
        Ownership::Inout => ParamMode::Inout,
        Ownership::Consuming => ParamMode::Owned,
    }
}

/// The type behind an alias in terms of its parameters and those around it, not normalised.
#[salsa::tracked(returns(copy), cycle_result = cyclic_alias)]
pub(crate) fn alias_type(db: &dyn Db, alias: DefId) -> Ty {
    with_room(|| lower_alias(db, alias).0)
}

fn cyclic_alias(_: &dyn Db, _: salsa::Id, _: DefId) -> Ty {
    Ty::error()
}

/// An alias's type and what is wrong with it.
pub(crate) fn lower_alias(db: &dyn Db, alias: DefId) -> (Ty, Vec<AnchoredDiagnostic>) {
    let Some(item) = item(db, alias) else {
        return (Ty::error(), Vec::new());
    };
    let ItemKind::TypeAlias { target, .. } = &item.kind else {
        return (Ty::error(), Vec::new());
    };
    // `AnyObject` and the like stand for what only the compiler has.
    let mut lowerer = Lowerer::new(db, alias, &item.types, Bounds::Context(alias));
    let ty = lowerer.lower_inner(*target);
    (ty, lowerer.diagnostics)
}

/// Whether a definition lies in the library's module.
pub fn is_library_def(db: &dyn Db, def: DefId) -> bool {
    module_of(db, def) == library_module(db)
}
