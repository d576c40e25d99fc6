//! Generic parameters and requirements of a declaration, flattened over the declarations around it.

use crate::base::{Arena, Name};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{Item, ItemKind, ParamItem, TypeRef, TypeRefId, WhereRef};
use crate::items::{Anchor, AnchoredDiagnostic, item};
use crate::resolve::decls::{Written, extended_decl, written};
use crate::types::display::display_type;
use crate::types::env::{GenericEnv, is_type_param, self_param};
use crate::types::lang::{LangItem, lang};
use crate::types::lower::{Bounds, Lowerer};
use crate::types::ty::{Ty, TyKind, TyList};
use std::sync::Arc;

/// What a declaration is generic over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Generics {
    /// All parameters in scope, outermost first; an index into this is a [`crate::types::TyKind::Param`]'s index.
    pub params: Arc<[GenericParam]>,
    /// How many of them belong to declarations further out. For members of extensions all those of the extended type.
    pub parent_count: u32,
    /// All requirements in scope, those of outer declarations first. A protocol's (and its extensions') begin with `Self: P`.
    pub requirements: Arc<[Requirement]>,
}

impl Generics {
    /// How many parameters the declaration itself adds.
    pub fn own_count(&self) -> usize {
        self.params.len() - self.parent_count as usize
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenericParam {
    pub name: Name,
    /// `each T`
    pub is_pack: bool,
    /// `immutable N: Int`
    pub is_value: bool,
    /// Stands for a parameter's `some P`.
    pub is_opaque: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Requirement {
    /// The type conforms to the protocol.
    Conforms(Ty, DefId),
    Same(Ty, Ty),
    /// The first is the second or a subclass of it.
    Superclass(Ty, Ty),
    /// The type is a class.
    Class(Ty),
}

impl Requirement {
    /// The requirement for these arguments.
    pub fn subst(self, args: &[Ty]) -> Requirement {
        self.map(&mut |t| t.subst(args))
    }

    /// The requirement with its types replaced.
    pub fn map(self, f: &mut dyn FnMut(Ty) -> Ty) -> Requirement {
        match self {
            Requirement::Conforms(t, p) => Requirement::Conforms(f(t), p),
            Requirement::Same(a, b) => Requirement::Same(f(a), f(b)),
            Requirement::Superclass(t, c) => Requirement::Superclass(f(t), f(c)),
            Requirement::Class(t) => Requirement::Class(f(t)),
        }
    }

    /// The type that it restricts.
    pub fn subject(self) -> Ty {
        match self {
            Requirement::Conforms(t, _)
            | Requirement::Same(t, _)
            | Requirement::Superclass(t, _)
            | Requirement::Class(t) => t,
        }
    }
}

/// Whether declarations of this kind can have generic parameters or requirements of their own.
fn is_generic_kind(kind: DefKind) -> bool {
    matches!(
        kind,
        DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::Protocol
            | DefKind::Extension
            | DefKind::TypeAlias
            | DefKind::Func
            | DefKind::Init
            | DefKind::Subscript
            | DefKind::Macro
    )
}

/// The generic parameters and requirements in scope of a declaration's signature.
pub fn generics(db: &dyn Db, def: DefId) -> &Generics {
    match def.kind(db) {
        DefKind::Accessor(_)
        | DefKind::DefaultArg
        | DefKind::GenericParam
        | DefKind::WrapperInit
        | DefKind::Closure
        | DefKind::Binding => match def.parent(db) {
            Some(parent) => generics(db, parent),
            None => generics_of(db, def),
        },
        _ => generics_of(db, def),
    }
}

#[salsa::tracked]
fn generics_of(db: &dyn Db, def: DefId) -> Generics {
    match generic_context(db, def) {
        None => Generics::default(),
        Some(context) => {
            let info = generic_info(db, context);
            let own = if context == def {
                own_param_count(db, def) as u32
            } else {
                0
            };
            Generics {
                params: info.params.clone(),
                parent_count: info.params.len() as u32 - own,
                requirements: info.requirements.clone(),
            }
        }
    }
}

/// The parameters in scope as types, in order: the arguments that a declaration has inside itself.
#[salsa::tracked(returns(copy))]
pub fn identity_args(db: &dyn Db, def: DefId) -> TyList {
    let mut args: Vec<Ty> = Vec::new();
    collect_params(db, def, &mut args);
    TyList::new(&args)
}

/// Collects the parameters without asking for requirements, which depend on types.
fn collect_params(db: &dyn Db, def: DefId, out: &mut Vec<Ty>) {
    let kind = def.kind(db);
    match kind {
        DefKind::Module | DefKind::File => return,
        DefKind::Protocol => {
            out.push(self_param());
            return;
        }
        DefKind::Extension => {
            if let Some(extended) = extended_decl(db, def) {
                collect_params(db, extended, out);
            }
            return;
        }
        _ => {}
    }
    if let Some(parent) = def.parent(db) {
        collect_params(db, parent, out);
    }
    if is_generic_kind(kind) {
        for param in own_params(db, def) {
            out.push(Ty::param(out.len() as u32, param.name));
        }
    }
}

/// The nearest declaration from this one outwards that adds generic parameters or requirements.
#[salsa::tracked(returns(copy))]
pub fn generic_context(db: &dyn Db, def: DefId) -> Option<DefId> {
    let kind = def.kind(db);
    if matches!(kind, DefKind::Module | DefKind::File) {
        return None;
    }
    let adds = match kind {
        DefKind::Protocol => true,
        DefKind::Extension => {
            let extended = extended_decl(db, def)?;
            match item(db, def).map(|i| (&i.kind, i)) {
                Some((ItemKind::Extension(ext), item))
                    if ext.requirements.is_empty()
                        && !names_arguments(&item.types[ext.extended], extended.name(db)) =>
                {
                    return generic_context(db, extended);
                }
                _ => true,
            }
        }
        _ if is_generic_kind(kind) => {
            let requirements =
                written(db, def).is_some_and(|w| !w.generics.requirements.is_empty());
            requirements || own_param_count(db, def) > 0
        }
        _ => false,
    };
    if adds {
        return Some(def);
    }
    generic_context(db, def.parent(db)?)
}

/// `extension [Int]`, `extension Box<String>`, or an alias, which may stand for such a type.
fn names_arguments(ty: &TypeRef, name: Name) -> bool {
    match ty {
        TypeRef::Path(path) => {
            path.iter().any(|s| !s.args.is_empty()) || path.last().is_some_and(|s| s.name != name)
        }
        _ => true,
    }
}

/// The parameters that a declaration adds itself, with those that stand for `some P`.
pub fn own_params(db: &dyn Db, def: DefId) -> Vec<GenericParam> {
    if def.kind(db) == DefKind::Protocol {
        return vec![plain_param(Name::new("Self"))];
    }
    let Some(written) = written(db, def) else {
        return Vec::new();
    };
    let explicit = written.generics.params.iter().map(|p| GenericParam {
        name: p.name,
        is_pack: p.is_pack,
        is_value: p.is_value,
        is_opaque: false,
    });
    let implicit = implicit_params(db, def).iter().map(|&id| GenericParam {
        is_opaque: true,
        ..plain_param(opaque_name(written.types, id))
    });
    explicit.chain(implicit).collect()
}

fn plain_param(name: Name) -> GenericParam {
    GenericParam {
        name,
        is_pack: false,
        is_value: false,
        is_opaque: false,
    }
}

fn opaque_name(types: &Arena<TypeRef>, id: TypeRefId) -> Name {
    let text = match &types[id] {
        TypeRef::Some(inner) => match &types[*inner] {
            TypeRef::Path(path) => path.last().map_or("_", |s| s.name.as_str()),
            _ => "_",
        },
        _ => "_",
    };
    Name::new(&format!("some {text}"))
}

/// How many generic parameters belong to declarations around this one.
#[salsa::tracked(returns(copy))]
pub fn own_param_base(db: &dyn Db, def: DefId) -> u32 {
    fn total(db: &dyn Db, def: DefId) -> u32 {
        match def.kind(db) {
            DefKind::Module | DefKind::File => 0,
            DefKind::Protocol => 1,
            DefKind::Extension => extended_decl(db, def).map_or(0, |d| total(db, d)),
            kind if is_generic_kind(kind) => {
                own_param_base(db, def) + own_param_count(db, def) as u32
            }
            _ => def.parent(db).map_or(0, |p| total(db, p)),
        }
    }
    match def.kind(db) {
        DefKind::Protocol => 0,
        DefKind::Extension => total(db, def),
        _ => def.parent(db).map_or(0, |p| total(db, p)),
    }
}

/// How many generic parameters a declaration adds itself.
#[salsa::tracked(returns(copy))]
pub fn own_param_count(db: &dyn Db, def: DefId) -> usize {
    match def.kind(db) {
        DefKind::Protocol => 1,
        kind if is_generic_kind(kind) && kind != DefKind::Extension => {
            let explicit = written(db, def).map_or(0, |w| w.generics.params.len());
            explicit + implicit_params(db, def).len()
        }
        _ => 0,
    }
}

/// The parameters of a function-like item.
pub fn params_of(item: &Item) -> &[ParamItem] {
    match &item.kind {
        ItemKind::Func(f) | ItemKind::Macro(f) => &f.params,
        ItemKind::Subscript(s) => &s.params,
        ItemKind::Case(c) => c.payload.as_deref().unwrap_or(&[]),
        _ => &[],
    }
}

/// The written `some P` of a function's parameters, in order: each is a generic parameter of its own.
#[salsa::tracked(returns(deref))]
fn implicit_params(db: &dyn Db, def: DefId) -> Vec<TypeRefId> {
    let mut found = Vec::new();
    if !matches!(
        def.kind(db),
        DefKind::Func | DefKind::Init | DefKind::Subscript
    ) {
        return found;
    }
    if let Some(written) = written(db, def) {
        for param in written.params {
            collect_some(written.types, param.ty, &mut found);
        }
    }
    found
}

fn collect_some(types: &Arena<TypeRef>, id: TypeRefId, out: &mut Vec<TypeRefId>) {
    match &types[id] {
        TypeRef::Some(_) => out.push(id),
        TypeRef::Optional(t)
        | TypeRef::ImplicitlyUnwrapped(t)
        | TypeRef::Array(t)
        | TypeRef::Inout(t)
        | TypeRef::Metatype(t)
        | TypeRef::PackExpansion(t) => collect_some(types, *t, out),
        TypeRef::Dictionary(k, v) => {
            collect_some(types, *k, out);
            collect_some(types, *v, out);
        }
        TypeRef::Tuple(elems) => elems.iter().for_each(|e| collect_some(types, e.1, out)),
        TypeRef::Path(path) => {
            let args = path.iter().flat_map(|s| &s.args);
            args.for_each(|&a| collect_some(types, a, out));
        }
        _ => {}
    }
}

/// The generic parameter that a written `some P` of a function's parameters stands for.
pub(crate) fn implicit_param(db: &dyn Db, def: DefId, id: TypeRefId) -> Option<(u32, Name)> {
    let position = implicit_params(db, def).iter().position(|&p| p == id)?;
    let written = written(db, def)?;
    let explicit = written.generics.params.len();
    let index = own_param_base(db, def) + (explicit + position) as u32;
    Some((index, opaque_name(written.types, id)))
}

/// Everything about the generics of a context.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GenericInfo {
    pub params: Arc<[GenericParam]>,
    pub requirements: Arc<[Requirement]>,
    /// Where the context's own requirements begin.
    pub own_requirements: usize,
    pub env: GenericEnv,
    pub diagnostics: Vec<AnchoredDiagnostic>,
}

/// What follows from the requirements in scope of a declaration; none outside of generic declarations.
pub fn generic_env(db: &dyn Db, def: DefId) -> Option<&GenericEnv> {
    let context = generic_context(db, def)?;
    Some(&generic_info(db, context).env)
}

/// The generics of a declaration that adds some; see [`generic_context`].
#[salsa::tracked(cycle_result = cyclic_info)]
pub fn generic_info(db: &dyn Db, context: DefId) -> GenericInfo {
    let outer = match context.kind(db) {
        DefKind::Protocol => None,
        DefKind::Extension => extended_decl(db, context).and_then(|d| generic_context(db, d)),
        _ => context.parent(db).and_then(|p| generic_context(db, p)),
    };
    let outer = outer.map(|o| generic_info(db, o));
    let mut builder = Builder {
        db,
        context,
        env: outer.map_or_else(GenericEnv::default, |o| o.env.clone()),
        requirements: outer.map_or_else(Vec::new, |o| o.requirements.to_vec()),
        diagnostics: Vec::new(),
    };
    let own_requirements = builder.requirements.len();
    let params: Arc<[GenericParam]> = match context.kind(db) {
        DefKind::Extension => outer.map(|o| o.params.clone()).unwrap_or_default(),
        _ => {
            let mut params = outer.map_or_else(Vec::new, |o| o.params.to_vec());
            params.extend(own_params(db, context));
            params.into()
        }
    };
    builder.clauses();
    GenericInfo {
        params,
        requirements: builder.requirements.into(),
        own_requirements,
        env: builder.env,
        diagnostics: builder.diagnostics,
    }
}

fn cyclic_info(db: &dyn Db, _: salsa::Id, context: DefId) -> GenericInfo {
    GenericInfo {
        params: own_params(db, context).into(),
        ..GenericInfo::default()
    }
}

struct Builder<'a> {
    db: &'a dyn Db,
    context: DefId,
    env: GenericEnv,
    requirements: Vec<Requirement>,
    diagnostics: Vec<AnchoredDiagnostic>,
}

impl Builder<'_> {
    fn clauses(&mut self) {
        let db = self.db;
        let mut clauses: Vec<Clause> = Vec::new();
        let base = own_param_base(db, self.context);
        match self.context.kind(db) {
            DefKind::Extension => {
                if let Some(item) = item(db, self.context)
                    && let ItemKind::Extension(ext) = &item.kind
                {
                    if let Some(extended) = extended_decl(db, self.context) {
                        self.extended_arguments(&item.types, ext.extended, extended);
                    }
                    clauses.extend(ext.requirements.iter().map(Clause::of));
                    self.read(&item.types, None, clauses);
                }
            }
            DefKind::Protocol => {
                self.require(Requirement::Conforms(self_param(), self.context));
            }
            _ => {
                let Some(written) = written(db, self.context) else {
                    return;
                };
                for (i, param) in written.generics.params.iter().enumerate() {
                    let ty = Ty::param(base + i as u32, param.name);
                    self.env.want(db, ty);
                    if let Some(bound) = param.bound
                        && !param.is_value
                    {
                        clauses.push(Clause::Bound(ty, bound));
                    }
                }
                clauses.extend(written.generics.requirements.iter().map(Clause::of));
                for &id in implicit_params(db, self.context) {
                    if let TypeRef::Some(bound) = written.types[id]
                        && let Some((index, name)) = implicit_param(db, self.context, id)
                    {
                        clauses.push(Clause::Bound(Ty::param(index, name), bound));
                    }
                }
                self.read(written.types, written.body, clauses);
                self.infer_from_signature(written);
            }
        }
    }

    /// Reads clauses in any order: one may name members that another one gives, and whatever fails for that is tried again.
    fn read(&mut self, types: &Arena<TypeRef>, body: Option<DefId>, mut clauses: Vec<Clause>) {
        loop {
            let before = clauses.len();
            clauses.retain(|&clause| !self.clause(types, body, clause, false));
            if clauses.is_empty() || clauses.len() == before {
                break;
            }
        }
        for clause in clauses {
            self.clause(types, body, clause, true);
        }
    }

    /// Reads one clause; false when it should be tried again later.
    fn clause(
        &mut self,
        types: &Arena<TypeRef>,
        body: Option<DefId>,
        clause: Clause,
        last: bool,
    ) -> bool {
        let db = self.db;
        let mut lowerer = Lowerer::new(db, self.context, types, Bounds::Building(&self.env));
        lowerer.anchor_body = body;
        let mut found: Vec<Requirement> = Vec::new();
        match clause {
            Clause::Bound(subject, bound) => {
                let bound_ty = lowerer.constraint(bound);
                constrain(
                    db,
                    subject,
                    bound_ty,
                    &mut found,
                    &mut |message| {
                        Some((
                            "generic-bound",
                            Anchor::ItemType(self.context, bound),
                            message,
                        ))
                    },
                    &mut lowerer.diagnostics,
                );
            }
            Clause::Conforms(subject, bound) => {
                let subject_ty = lowerer.lower(subject);
                let bound_ty = lowerer.constraint(bound);
                if !subject_ty.is_error() {
                    constrain(
                        db,
                        subject_ty,
                        bound_ty,
                        &mut found,
                        &mut |message| {
                            Some((
                                "generic-bound",
                                Anchor::ItemType(self.context, bound),
                                message,
                            ))
                        },
                        &mut lowerer.diagnostics,
                    );
                }
            }
            Clause::Same(a, b) => {
                let (a, b) = (lowerer.lower(a), lowerer.lower(b));
                if !a.is_error() && !b.is_error() {
                    found.push(Requirement::Same(a, b));
                    collect_inferred(db, a, &mut found);
                    collect_inferred(db, b, &mut found);
                }
            }
        }
        if lowerer.missing_member && !last {
            return false;
        }
        let diagnostics = lowerer.diagnostics;
        self.diagnostics.extend(diagnostics);
        for requirement in found {
            self.require(requirement);
        }
        true
    }

    fn require(&mut self, requirement: Requirement) {
        let db = self.db;
        if is_type_param(requirement.subject()) {
            self.env.want(db, requirement.subject());
        }
        if let Requirement::Same(_, b) = requirement
            && is_type_param(b)
        {
            self.env.want(db, b);
        }
        self.env.add(db, requirement);
        if !self.requirements.contains(&requirement) {
            self.requirements.push(requirement);
        }
    }

    /// `extension Box<Int>` says that the parameter is `Int`, and `extension Collection<Int>` that the primary associated type is.
    fn extended_arguments(&mut self, types: &Arena<TypeRef>, extended: TypeRefId, decl: DefId) {
        let db = self.db;
        if decl.kind(db) == DefKind::Protocol {
            return self.extended_protocol(types, extended, decl);
        }
        if own_param_base(db, decl) as usize + own_param_count(db, decl) == 0 {
            return;
        }
        let Some(scope) = self.context.parent(db) else {
            return;
        };
        let mut lowerer = Lowerer::new(db, scope, types, Bounds::Building(&self.env));
        struct Open(u32);
        impl crate::types::lower::TypeHost for Open {
            fn fresh(&mut self) -> Option<Ty> {
                self.0 += 1;
                Some(Ty::new(TyKind::Infer(u32::MAX - self.0)))
            }
        }
        let mut host = Open(0);
        lowerer.host = Some(&mut host);
        let ty = lowerer.lower(extended);
        let Some((_, args)) = ty.as_nominal() else {
            return;
        };
        let params = identity_args(db, decl);
        for (param, arg) in params.iter().zip(args.iter()) {
            if !arg.has_infer() && !arg.is_error() && arg != param {
                self.require(Requirement::Same(param, arg));
            }
        }
    }

    /// What the arguments of an extended protocol say of `Self`. The protocol itself is no requirement of the extension's own.
    fn extended_protocol(&mut self, types: &Arena<TypeRef>, extended: TypeRefId, decl: DefId) {
        let db = self.db;
        if !names_arguments(&types[extended], decl.name(db)) {
            return;
        }
        let mut lowerer = Lowerer::new(db, self.context, types, Bounds::Building(&self.env));
        let bound = lowerer.constraint(extended);
        let mut found = Vec::new();
        let subject = self_param();
        constrain(
            db,
            subject,
            bound,
            &mut found,
            &mut |_| None,
            &mut lowerer.diagnostics,
        );
        found.retain(|requirement| !matches!(requirement, Requirement::Conforms(ty, protocol) if *ty == subject && *protocol == decl));
        for requirement in found {
            self.require(requirement);
        }
    }

    /// A parameter of type `Set<T>` says that `T` is Hashable.
    fn infer_from_signature(&mut self, written: Written<'_>) {
        let db = self.db;
        if own_param_count(db, self.context) == 0 {
            return;
        }
        let mut types: Vec<TypeRefId> = written.params.iter().map(|p| p.ty).collect();
        types.extend(written.func.and_then(|f| f.result));
        let mut inferred = Vec::new();
        let mut lowerer =
            Lowerer::new(db, self.context, written.types, Bounds::Building(&self.env));
        for id in types {
            let ty = lowerer.lower(id);
            collect_inferred(db, ty, &mut inferred);
        }
        if let Some(func) = written.func
            && let Some(error) = lowerer.throws(func.throws)
            && is_type_param(error)
        {
            inferred.push(Requirement::Conforms(error, lang(db, LangItem::Error)));
        }
        for requirement in inferred {
            if is_type_param(requirement.subject()) {
                self.require(requirement);
            }
        }
    }
}

/// What the generic types within a type require of their arguments.
fn collect_inferred(db: &dyn Db, ty: Ty, out: &mut Vec<Requirement>) {
    if !ty.has_params() {
        return;
    }
    ty.any_part(&mut |part| {
        if let TyKind::Function(function) = part.kind()
            && let Some(error) = function.throws.filter(|e| is_type_param(*e))
        {
            let requirement = Requirement::Conforms(error, lang(db, LangItem::Error));
            if !out.contains(&requirement) {
                out.push(requirement);
            }
        }
        if let TyKind::Nominal { def, args } = part.kind()
            && part.has_params()
        {
            for requirement in generics(db, *def).requirements.iter() {
                let requirement = requirement.subst(args.as_slice());
                if requirement.subject().has_params() && !out.contains(&requirement) {
                    out.push(requirement);
                }
            }
        }
        false
    });
}

/// A clause that is still to be read.
#[derive(Clone, Copy)]
enum Clause {
    /// A parameter is bound by this type.
    Bound(Ty, TypeRefId),
    Conforms(TypeRefId, TypeRefId),
    Same(TypeRefId, TypeRefId),
}

impl Clause {
    fn of(requirement: &WhereRef) -> Clause {
        match *requirement {
            WhereRef::Conforms(a, b) => Clause::Conforms(a, b),
            WhereRef::Same(a, b) => Clause::Same(a, b),
        }
    }
}

/// Where a wrong bound is reported, with what code and message.
type BoundError<'a> = dyn FnMut(String) -> Option<(&'static str, Anchor, String)> + 'a;

/// The requirements that `subject: bound` means.
pub(crate) fn constrain(
    db: &dyn Db,
    subject: Ty,
    bound: Ty,
    out: &mut Vec<Requirement>,
    error: &mut BoundError<'_>,
    diagnostics: &mut Vec<AnchoredDiagnostic>,
) {
    match bound.kind() {
        TyKind::Existential(e) => {
            if let Some(class) = e.superclass {
                out.push(Requirement::Superclass(subject, class));
            }
            if e.class_bound && e.protocols.is_empty() && e.superclass.is_none() {
                out.push(Requirement::Class(subject));
            }
            for &protocol in &e.protocols {
                out.push(Requirement::Conforms(subject, protocol));
            }
            if e.class_bound && !e.protocols.is_empty() && e.superclass.is_none() {
                out.push(Requirement::Class(subject));
            }
            for &(assoc, ty) in &e.bindings {
                let member = Ty::new(TyKind::Assoc {
                    base: subject,
                    assoc,
                });
                out.push(Requirement::Same(member, ty));
            }
        }
        TyKind::Nominal { def, .. } if def.kind(db) == DefKind::Class => {
            out.push(Requirement::Superclass(subject, bound));
        }
        TyKind::Error => {}
        _ => {
            let (subject, bound) = (
                display_type(db, subject, false),
                display_type(db, bound, false),
            );
            let message =
                format!("type '{subject}' constrained to non-protocol, non-class type '{bound}'");
            if let Some((code, anchor, message)) = error(message) {
                diagnostics.push(AnchoredDiagnostic::error(code, anchor, message));
            }
        }
    }
}

/// Whether a declaration's own requirements (an extension's `where` clause, a method's) hold for these arguments in an environment.
pub fn satisfied(db: &dyn Db, env: Option<DefId>, def: DefId, args: &[Ty]) -> bool {
    first_unsatisfied(db, env, def, args).is_none()
}

/// The first requirement of a declaration and what is around it that does not hold for these arguments.
pub fn first_unsatisfied(
    db: &dyn Db,
    env: Option<DefId>,
    def: DefId,
    args: &[Ty],
) -> Option<Requirement> {
    let requirements = &generics(db, def).requirements;
    let failed = requirements.iter().map(|r| r.subst(args));
    let mut failed = failed.filter(|&r| !crate::types::conformance::requirement_holds(db, env, r));
    failed.next()
}
