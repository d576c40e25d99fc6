//! The program as the database knows it: [`Program`] over the queries of other folders, and this folder's own queries.

use std::sync::Arc;

use salsa::plumbing::{AsId, FromId};

use crate::base::Name;
use crate::base::stack::with_room;
use crate::db::{CompilationUnit, Db, RootDatabase, Work, Workspace};
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::library::is_library_module;
use crate::items::tree::{AccessorItem, Attr, Item, ItemKind, VarItem};
use crate::items::{file_def, file_of, item, module_of};
use crate::mir::data::{FnId, FnKind, Instance, LocalKind, Mir};
use crate::resolve::scope::{file_scope, library_module, module_members};
use crate::resolve::{container_of, is_static_member};
use crate::session::OptLevel;
use crate::types::class::{VFn, VFnKind};
use crate::types::generics::Requirement;
use crate::types::lang::{LangItem, array_of, lang, optional_of};
use crate::types::signature::{Signature, ThisKind, signature, var_type};
use crate::types::ty::{BuiltinTy, Existential, FnTy, ParamMode, Ty, TyKind, TyList};
use crate::types::{self};

use super::blob::SymbolName;
use super::cx::{
    CalleeShape, CaseInfo, CastHooks, DefData, GlobalInitial, NominalKind, Ownership, Passing,
    Program, Slot, StoredProperty, ThisMode,
};
use super::key::{CodeKey, CodeUnit, CodegenError, DynamicCall};
use super::layout::{self, ClassLayout, Layout};
use super::record::{Output, ProgramRecord, Stale};
use super::{adapt, emit, mangle, metadata, optimize, stored};

/// A type as the key of a query.
#[salsa::interned(unsafe(no_lifetime), revisions = usize::MAX)]
struct TypeKey {
    #[returns(copy)]
    ty: Ty,
}

/// A function or datum as the key of a query.
#[salsa::interned(unsafe(no_lifetime), revisions = usize::MAX)]
struct UnitKey {
    #[returns(copy)]
    key: CodeKey,
}

#[salsa::tracked(cycle_result = recursive_layout)]
fn layout_query(db: &dyn Db, key: TypeKey) -> Layout {
    with_room(|| layout::compute(&DbProgram { db }, key.ty(db)))
}

/// A type that contains itself has been reported; any layout will do.
fn recursive_layout(_: &dyn Db, _: salsa::Id, _: TypeKey) -> Layout {
    Layout::empty()
}

#[salsa::tracked(cycle_result = recursive_class)]
fn class_layout_query(db: &dyn Db, key: TypeKey) -> ClassLayout {
    with_room(|| layout::compute_class(&DbProgram { db }, key.ty(db)))
}

fn recursive_class(_: &dyn Db, _: salsa::Id, _: TypeKey) -> ClassLayout {
    ClassLayout {
        size: layout::OBJECT_HEADER,
        align: 8,
        fields: Box::new([]),
        inherited: 0,
    }
}

#[salsa::tracked(returns(copy))]
fn symbol_query(db: &dyn Db, key: UnitKey) -> SymbolName {
    SymbolName::new(&mangle::symbol(&DbProgram { db }, &key.key(db)))
}

#[salsa::tracked(returns(clone))]
fn unit_query(db: &dyn Db, key: UnitKey) -> Result<Arc<CodeUnit>, CodegenError> {
    db.count(Work::Compile);
    let key = key.key(db);
    let p = DbProgram { db };
    stored::stored_unit(db, key, || {
        if metadata::is_function(&key) {
            emit::function(&p, key, opt_level(db))
        } else {
            metadata::data(&p, key)
        }
    })
}

#[salsa::tracked(returns(clone))]
fn specialized_query(db: &dyn Db, key: UnitKey) -> Option<Arc<Mir>> {
    let CodeKey::Function(instance) = key.key(db) else {
        return None;
    };
    optimize::specialized(&DbProgram { db }, instance).map(Arc::new)
}

#[salsa::tracked]
fn optimized_query(db: &dyn Db, key: UnitKey) -> Option<Arc<Mir>> {
    let CodeKey::Function(instance) = key.key(db) else {
        return None;
    };
    optimize::optimized(&DbProgram { db }, instance).map(Arc::new)
}

/// How a value of this type lies in memory and in registers. The type is concrete.
pub fn layout(db: &dyn Db, ty: Ty) -> &Layout {
    layout_query(db, TypeKey::new(db, ty))
}

/// The symbol of a function or datum.
pub fn symbol_name(db: &dyn Db, key: CodeKey) -> SymbolName {
    symbol_query(db, UnitKey::new(db, key))
}

/// The code or data of a key.
///
/// # Errors
/// When code generation fails, which is a defect of the compiler.
pub fn code_unit(db: &dyn Db, key: CodeKey) -> Result<Arc<CodeUnit>, CodegenError> {
    unit_query(db, UnitKey::new(db, key))
}

/// The symbol by which C calls a function of the user's program; none if it has not asked for one. The library's are for the runtime alone.
pub fn c_symbol(db: &dyn Db, def: DefId) -> Option<Name> {
    let p = DbProgram { db };
    let attr = p.attr(def, "_cdecl").or_else(|| p.attr(def, "cdecl"))?;
    if p.is_library(def) {
        return None;
    }
    Some(unquoted(attr.args?.as_str()))
}

/// The text of a string literal among an attribute's arguments.
fn unquoted(argument: &str) -> Name {
    Name::new(argument.trim_matches(['"', ' ']))
}

/// The definition that a line key names.
pub fn definition_of_line(key: super::blob::LineKey) -> DefId {
    DefId::from_id(salsa::Id::from_bits(key.def))
}

/// The number that line keys name a definition by.
pub(super) fn line_number(def: DefId) -> u64 {
    def.as_id().as_bits()
}

/// The optimisation level of the compilation.
pub fn opt_level(db: &dyn Db) -> OptLevel {
    let units = Workspace::try_get(db).map(|w| w.units(db));
    units
        .and_then(|units| units.first())
        .map_or(OptLevel::None, |unit| unit.options(db).opt_level)
}

fn function_of(virtual_function: VFn) -> FnId {
    let kind = match virtual_function.kind {
        VFnKind::Body => FnKind::Body,
        VFnKind::Allocate => FnKind::Allocate,
        VFnKind::PropertyGet => FnKind::PropertyGet,
        VFnKind::PropertySet => FnKind::PropertySet,
    };
    FnId {
        def: virtual_function.def,
        kind,
    }
}

/// [`Program`] over a database.
#[derive(Clone, Copy)]
pub struct DbProgram<'db> {
    pub db: &'db dyn Db,
}

impl<'db> DbProgram<'db> {
    fn item(&self, def: DefId) -> Option<&'db Item> {
        item(self.db, def)
    }
    fn kind(&self, def: DefId) -> DefKind {
        def.kind(self.db)
    }
    /// Accessors count as their variable or subscript.
    fn member(&self, def: DefId) -> DefId {
        match (self.kind(def), def.parent(self.db)) {
            (DefKind::Accessor(_), Some(parent)) => parent,
            _ => def,
        }
    }
    fn attrs(&self, def: DefId) -> &'db [Attr] {
        crate::items::attributes(self.db, self.member(def))
    }
    fn attr(&self, def: DefId, name: &str) -> Option<&'db Attr> {
        self.attrs(def).iter().find(|a| a.name == *name)
    }
    fn var_item(&self, def: DefId) -> Option<&'db VarItem> {
        match &self.item(def)?.kind {
            ItemKind::Var(var) => Some(var),
            _ => None,
        }
    }
    fn container(&self, def: DefId) -> Option<DefId> {
        container_of(self.db, self.member(def))
    }
    /// The nominal type that a member belongs to, through extensions.
    fn nominal(&self, def: DefId) -> Option<DefId> {
        let container = self.container(def)?;
        matches!(
            self.kind(container),
            DefKind::Struct | DefKind::Enum | DefKind::Class
        )
        .then_some(container)
    }
    fn in_class(&self, def: DefId) -> bool {
        self.nominal(def)
            .is_some_and(|n| self.kind(n) == DefKind::Class)
    }
    fn is_static(&self, def: DefId) -> bool {
        let member = self.member(def);
        match self.kind(member) {
            DefKind::Synth(Synth::Equals | Synth::Less | Synth::AllCases) => true,
            _ => is_static_member(self.db, member),
        }
    }
    /// Whether a static member's function has a metatype as its last parameter.
    fn takes_metatype(&self, def: DefId) -> bool {
        (self.is_static(def)
            || matches!(
                self.kind(def),
                DefKind::Init
                    | DefKind::Synth(
                        Synth::MemberwiseInit | Synth::DefaultInit | Synth::InheritedInit
                    )
            ))
            && (self.in_class(def) || self.requirement_owner(def).is_some())
    }
    fn accessors(&self, def: DefId) -> &'db [AccessorItem] {
        match self.item(def).map(|item| &item.kind) {
            Some(ItemKind::Var(var)) => &var.accessors,
            Some(ItemKind::Subscript(subscript)) => &subscript.accessors,
            _ => &[],
        }
    }
    /// The accessor of a requirement, which exists as an id even where the protocol only says `{ get }`.
    fn requirement_accessor(&self, def: DefId, kind: AccessorKind) -> DefId {
        let declared = self.accessors(def).iter().find(|a| a.kind == kind);
        declared.map_or_else(
            || {
                DefId::new(
                    self.db,
                    Some(def),
                    DefKind::Accessor(kind),
                    def.name(self.db),
                    0,
                )
            },
            |a| a.def,
        )
    }
    /// The type of a variable's storage, which of a `lazy` one is an optional.
    fn storage_type(&self, var: DefId) -> Ty {
        let ty = var_type(self.db, var);
        match self.item(var) {
            Some(item) if item.mods.is_lazy => optional_of(self.db, ty),
            _ => ty,
        }
    }
    fn concrete(&self, ty: Ty, args: TyList) -> Ty {
        self.normalize(ty.subst(args.as_slice()))
    }
    fn shape_of_signature(&self, id: FnId, signature: &Signature, args: TyList) -> CalleeShape {
        let params = signature.params.iter().map(|param| {
            let ty = if param.variadic {
                array_of(self.db, param.ty)
            } else {
                param.ty
            };
            let passing = match param.mode {
                ParamMode::Borrow => Passing::Borrow,
                ParamMode::Owned => Passing::Owned,
                ParamMode::Inout => Passing::Inout,
            };
            (self.concrete(ty, args), passing)
        });
        let this = match (id.kind, signature.this) {
            (FnKind::Allocate, _) => ThisMode::Metatype,
            (FnKind::CaseConstructor, _) | (_, ThisKind::None) => ThisMode::None,
            (_, ThisKind::Borrow) => ThisMode::Borrow,
            (_, ThisKind::Inout) if self.in_class(id.def) => ThisMode::Borrow,
            (_, ThisKind::Inout) => ThisMode::Inout,
            (_, ThisKind::Owned) => ThisMode::Owned,
            (_, ThisKind::Metatype) if self.takes_metatype(id.def) => ThisMode::Metatype,
            (_, ThisKind::Metatype) => ThisMode::None,
        };
        CalleeShape {
            params: params.collect(),
            this,
            result: self.concrete(signature.result, args),
            throws: self.thrown(signature.throws, args),
        }
    }
    /// The error type, unless it has no values.
    fn thrown(&self, throws: Option<Ty>, args: TyList) -> Option<Ty> {
        let error = self.concrete(throws?, args);
        let uninhabited = self
            .layout(error)
            .as_enum()
            .is_some_and(|e| e.cases.is_empty());
        (!uninhabited).then_some(error)
    }
    fn shape_of_property(&self, id: FnId, args: TyList) -> CalleeShape {
        let ty = match self.kind(id.def) {
            DefKind::Subscript => signature(self.db, id.def).result,
            _ => var_type(self.db, id.def),
        };
        let ty = self.concrete(ty, args);
        let mut params: Vec<(Ty, Passing)> = Vec::new();
        let is_set = id.kind == FnKind::PropertySet;
        if self.kind(id.def) == DefKind::Subscript {
            let indices = self.shape_of_signature(id, signature(self.db, id.def), args);
            params.extend(indices.params);
        }
        if is_set {
            params.push((ty, Passing::Owned));
        }
        let lazy = self.item(id.def).is_some_and(|i| i.mods.is_lazy);
        let this = match self.container(id.def) {
            None => ThisMode::None,
            Some(_) if self.is_static(id.def) => {
                if self.takes_metatype(id.def) {
                    ThisMode::Metatype
                } else {
                    ThisMode::None
                }
            }
            Some(_) if self.in_class(id.def) => ThisMode::Borrow,
            Some(_) if is_set || lazy => ThisMode::Inout,
            Some(_) => ThisMode::Borrow,
        };
        CalleeShape {
            params,
            this,
            result: if is_set { Ty::unit() } else { ty },
            throws: None,
        }
    }
    /// Whether values of a concrete type can be in an existential type.
    pub(super) fn fits(&self, ty: Ty, existential: Ty) -> bool {
        matches!(existential.kind(), TyKind::Existential(e) if self.satisfies(ty, e))
    }
    /// Whether values of a concrete type can be in an existential.
    fn satisfies(&self, ty: Ty, existential: &Existential) -> bool {
        if ty.is_existential() {
            return false;
        }
        let class = matches!(ty.as_nominal(), Some((def, _)) if self.kind(def) == DefKind::Class);
        let conforms = |&protocol: &DefId| self.conforms(ty, protocol);
        if existential.class_bound && !class || !existential.protocols.iter().all(conforms) {
            return false;
        }
        let inherits = |superclass: Ty| {
            let mut chain = types::nominal::class_chain(self.db, ty).into_iter();
            chain.any(|class| self.normalize(class) == superclass)
        };
        existential.superclass.is_none_or(inherits)
            && existential.bindings.iter().all(|&(assoc, bound)| {
                self.normalize(Ty::new(TyKind::Assoc { base: ty, assoc })) == bound
            })
    }
    fn shape_of_mir(&self, mir: &Mir, args: TyList) -> CalleeShape {
        let params = mir.params.iter().map(|&param| {
            let decl = &mir.locals[param];
            let passing = match decl.kind {
                LocalKind::Owned => Passing::Owned,
                LocalKind::Inout => Passing::Inout,
                _ => Passing::Borrow,
            };
            (self.concrete(decl.ty, args), passing)
        });
        CalleeShape {
            params: params.collect(),
            this: ThisMode::None,
            result: self.concrete(mir.locals[mir.result].ty, args),
            throws: self.thrown(mir.throws, args),
        }
    }
}

impl<'db> Program<'db> for DbProgram<'db> {
    fn layout(&self, ty: Ty) -> &'db Layout {
        layout(self.db, ty)
    }
    fn class_layout(&self, class: Ty) -> &'db ClassLayout {
        class_layout_query(self.db, TypeKey::new(self.db, class))
    }
    fn mir(&self, id: FnId) -> Option<&'db Mir> {
        crate::mir::mir(self.db, id)
    }
    fn normalize(&self, ty: Ty) -> Ty {
        types::conformance::normalize_concrete(self.db, ty)
    }
    fn symbol(&self, key: &CodeKey) -> SymbolName {
        symbol_name(self.db, *key)
    }
    fn def(&self, def: DefId) -> DefData {
        DefData {
            parent: def.parent(self.db),
            kind: def.kind(self.db),
            name: def.name(self.db),
            index: def.index(self.db),
        }
    }
    fn nominal_kind(&self, def: DefId) -> NominalKind {
        match self.kind(def) {
            DefKind::Struct => NominalKind::Struct,
            DefKind::Enum => NominalKind::Enum,
            DefKind::Class => NominalKind::Class,
            _ => NominalKind::Other,
        }
    }
    fn stored_properties(&self, nominal: DefId) -> Vec<StoredProperty> {
        let property = |&def: &DefId| {
            let item = self.item(def);
            let ownership = match item.map(|i| &i.mods) {
                Some(mods) if mods.is_weak => Ownership::Weak,
                Some(mods) if mods.is_unowned_unsafe => Ownership::UnownedUnsafe,
                Some(mods) if mods.is_unowned => Ownership::Unowned,
                _ => Ownership::Strong,
            };
            let name = def.name(self.db);
            StoredProperty {
                def,
                // Reflection shows the storage of a lazy property, not the property.
                name: match item.is_some_and(|item| item.mods.is_lazy) {
                    true => Name::new(&format!("$__lazy_storage_$_{name}")),
                    false => name,
                },
                ty: self.storage_type(def),
                ownership,
                is_let: self.var_item(def).is_some_and(|v| v.is_let),
            }
        };
        types::stored_properties(self.db, nominal)
            .iter()
            .map(property)
            .collect()
    }
    fn enum_cases(&self, def: DefId) -> Vec<CaseInfo> {
        let all_indirect = self.item(def).is_some_and(|i| i.mods.is_indirect);
        let case = |&case: &DefId| {
            let data = match self.item(case).map(|i| &i.kind) {
                Some(ItemKind::Case(data)) => Some(data),
                _ => None,
            };
            let payload = types::case_payload(self.db, case);
            let declared = data.is_some_and(|d| d.payload.is_some()) || !payload.is_empty();
            CaseInfo {
                def: case,
                // The declared name of a case may carry its labels.
                name: Name::new(
                    case.name(self.db)
                        .as_str()
                        .split('(')
                        .next()
                        .unwrap_or_default(),
                ),
                payload: declared.then(|| payload.to_vec()),
                indirect: declared && (all_indirect || data.is_some_and(|d| d.indirect)),
            }
        };
        types::enum_cases(self.db, def).iter().map(case).collect()
    }
    fn superclass(&self, class: Ty) -> Option<Ty> {
        let (def, args) = class.as_nominal()?;
        let superclass = types::superclass(self.db, def)?;
        Some(self.concrete(superclass, args))
    }
    fn deinit(&self, class: DefId) -> Option<DefId> {
        match &self.item(class)?.kind {
            ItemKind::Nominal(nominal) => nominal
                .members
                .iter()
                .copied()
                .find(|&member| self.kind(member) == DefKind::Deinit),
            _ => None,
        }
    }
    fn vtable(&self, class: DefId) -> Vec<Slot> {
        types::vtable(self.db, class)
            .entries
            .iter()
            .map(|entry| Slot {
                method: function_of(entry.method),
                implementation: function_of(entry.implementation),
            })
            .collect()
    }
    fn vtable_slot(&self, id: FnId) -> Option<u32> {
        let class = self.class_of_member(id.def)?;
        let entries = &types::vtable(self.db, class).entries;
        let slot = entries
            .iter()
            .position(|e| function_of(e.method) == id || function_of(e.implementation) == id)?;
        Some(slot as u32)
    }
    fn requirements(&self, protocol: DefId) -> Vec<DefId> {
        let mut list = Vec::new();
        for &requirement in types::protocol_requirements(self.db, protocol) {
            let settable = match self.item(requirement).map(|i| &i.kind) {
                Some(ItemKind::Var(var)) => var.requirement_settable,
                Some(ItemKind::Subscript(subscript)) => subscript.requirement_settable,
                _ => {
                    list.push(requirement);
                    continue;
                }
            };
            list.push(self.requirement_accessor(requirement, AccessorKind::Get));
            if settable {
                list.push(self.requirement_accessor(requirement, AccessorKind::Set));
            }
        }
        list
    }
    fn inherited_protocols(&self, protocol: DefId) -> Vec<DefId> {
        types::inherited_protocols(self.db, protocol)
            .iter()
            .copied()
            .filter(|&p| !self.is_marker(p))
            .collect()
    }
    fn is_marker(&self, protocol: DefId) -> bool {
        self.attr(protocol, "_marker").is_some()
    }
    fn is_class_bound(&self, protocol: DefId) -> bool {
        types::is_class_bound(self.db, protocol)
    }
    fn error_protocol(&self) -> Option<DefId> {
        Some(lang(self.db, LangItem::Error))
    }
    fn requirement_owner(&self, def: DefId) -> Option<DefId> {
        // Members of a protocol's extensions are no requirements.
        let parent = self.member(def).parent(self.db)?;
        (self.kind(parent) == DefKind::Protocol).then_some(parent)
    }
    fn witness(&self, requirement: DefId, args: TyList) -> Option<(FnId, TyList)> {
        let (def, args) = types::witness(self.db, requirement, args)?;
        let kind =
            match self.kind(def) {
                DefKind::Var | DefKind::Subscript => match self.kind(requirement) {
                    DefKind::Accessor(AccessorKind::Set) => FnKind::PropertySet,
                    _ => FnKind::PropertyGet,
                },
                DefKind::Case => FnKind::CaseConstructor,
                DefKind::Init
                | DefKind::Synth(
                    Synth::MemberwiseInit | Synth::DefaultInit | Synth::InheritedInit,
                ) if self.in_class(def) => FnKind::Allocate,
                _ => FnKind::Body,
            };
        Some((FnId { def, kind }, args))
    }
    fn conforms(&self, ty: Ty, protocol: DefId) -> bool {
        types::conforms(self.db, None, ty, protocol)
    }
    fn intrinsic(&self, def: DefId) -> Option<&'static str> {
        if self.kind(def) != DefKind::Func || module_of(self.db, def).name(self.db) != "Builtin" {
            return None;
        }
        let name = def.name(self.db).as_str();
        Some(name.split('(').next().unwrap_or(name))
    }
    fn runtime_symbol(&self, def: DefId) -> Option<Name> {
        if let Some(attr) = self.attr(def, "_runtime") {
            return attr.args.map(|args| unquoted(args.as_str()));
        }
        let attr = |name: &str| self.attr(def, name);
        let declared =
            attr("_silgen_name").or_else(|| attr("_extern").or_else(|| attr("extern")))?;
        // A function of a C library is declared here and defined there. Whether there is a body is asked only where it matters, because who asks depends on it.
        if self.kind(def) != DefKind::Func || crate::items::body_syntax(self.db, def).is_some() {
            return None;
        }
        let args = declared.args?;
        if declared.name == *"_silgen_name" {
            return Some(unquoted(args.as_str()));
        }
        let written = args.as_str().split_once(',');
        Some(match written {
            Some((_, name)) => unquoted(name),
            None => Name::new(def.name(self.db).as_str().split('(').next().unwrap_or("")),
        })
    }
    fn c_symbol(&self, def: DefId) -> Option<Name> {
        c_symbol(self.db, def)
    }
    fn callee_shape(&self, id: FnId, args: TyList) -> CalleeShape {
        match id.kind {
            FnKind::Body | FnKind::Allocate | FnKind::CaseConstructor => {
                self.shape_of_signature(id, signature(self.db, id.def), args)
            }
            FnKind::PropertyGet | FnKind::PropertySet => self.shape_of_property(id, args),
            FnKind::EndAccess => CalleeShape {
                params: vec![
                    (Ty::builtin(BuiltinTy::RawPointer), Passing::Borrow),
                    (Ty::builtin(BuiltinTy::Int1), Passing::Borrow),
                ],
                this: ThisMode::None,
                result: Ty::unit(),
                throws: None,
            },
            _ => match self.mir(id) {
                Some(mir) => self.shape_of_mir(mir, args),
                None => CalleeShape {
                    params: Vec::new(),
                    this: ThisMode::None,
                    result: Ty::unit(),
                    throws: None,
                },
            },
        }
    }
    fn class_of_member(&self, def: DefId) -> Option<DefId> {
        let nominal = self.nominal(def)?;
        (self.kind(nominal) == DefKind::Class).then_some(nominal)
    }
    fn own_generic_count(&self, def: DefId) -> usize {
        let member = self.member(def);
        types::generics(self.db, member).own_count()
    }
    fn is_dispatchable(&self, requirement: DefId) -> bool {
        if self.own_generic_count(requirement) != 0 {
            return false;
        }
        let plain = |ty: Ty| !ty.has_params() && !ty.has_projection();
        let signature = signature(self.db, requirement);
        signature.params.iter().all(|p| plain(p.ty)) && plain(signature.result)
    }
    fn is_library(&self, def: DefId) -> bool {
        is_library_module(module_of(self.db, def).name(self.db))
    }
    fn opened_argument(&self, id: FnId, args: TyList) -> Option<u32> {
        if !args.iter().any(Ty::is_existential) {
            return None;
        }
        let member = match id.kind {
            FnKind::Body | FnKind::Allocate => self.member(id.def),
            // Of closures only local functions have generic parameters of their own.
            FnKind::Closure(n) => {
                let closures = &crate::bodies::typed_body(self.db, id.def).closures;
                closures.get(n as usize)?.as_ref()?.def?
            }
            _ => return None,
        };
        let in_protocol = self
            .container(member)
            .is_some_and(|c| self.kind(c) == DefKind::Protocol);
        let generics = types::generics(self.db, member);
        // An existential of errors is an error itself; no other conforms to its own protocols.
        let error = lang(self.db, LangItem::Error);
        let needs_opening = |index: u32, existential: &Existential| {
            generics.requirements.iter().any(|r| match *r {
                Requirement::Conforms(ty, protocol) => {
                    matches!(ty.kind(), TyKind::Param { index: i, .. } if *i == index)
                        && !types::conformance::is_marker(self.db, protocol)
                        && (protocol != error || existential.superclass.is_some())
                }
                _ => false,
            })
        };
        let opened = args.iter().enumerate().find(|(index, ty)| {
            let TyKind::Existential(existential) = ty.kind() else {
                return false;
            };
            match (in_protocol, *index) {
                (true, 0) => true,
                (_, index) => {
                    index >= generics.parent_count as usize
                        && needs_opening(index as u32, existential)
                }
            }
        });
        opened.map(|(index, _)| index as u32)
    }
    fn this_type(&self, def: DefId, args: TyList) -> Option<Ty> {
        let ty = types::declared_self_type(self.db, self.member(def))?;
        Some(self.concrete(ty, args))
    }
    fn serves(&self, call: DynamicCall, ty: Ty) -> bool {
        match call {
            DynamicCall::Opened { args, index, .. } => {
                let opened = args.as_slice().get(index as usize);
                let Some(TyKind::Existential(existential)) = opened.map(|t| t.kind()) else {
                    return false;
                };
                self.satisfies(ty, existential)
            }
            DynamicCall::Method { id, args } => {
                // The class that introduced the method, for the arguments of the call, or a subclass.
                let Some(found) = emit::member_args(self, ty, id.def) else {
                    return false;
                };
                args.as_slice().starts_with(found.as_slice())
            }
        }
    }
    fn is_transparent(&self, id: FnId) -> bool {
        id.kind == FnKind::Body
            && self.attrs(id.def).iter().any(|attr| {
                attr.name == "_transparent"
                    || attr.name == "inline" && attr.args.is_some_and(|args| args == "__always")
            })
    }
    fn is_cold(&self, id: FnId) -> bool {
        id.kind == FnKind::Body
            && self.is_library(id.def)
            && self.attrs(id.def).iter().any(|attr| attr.name == "_cold")
    }
    fn specialized(&self, instance: Instance) -> Option<Arc<Mir>> {
        specialized_query(self.db, UnitKey::new(self.db, CodeKey::Function(instance)))
    }
    fn optimized(&self, instance: Instance) -> Option<&'db Mir> {
        optimized_query(self.db, UnitKey::new(self.db, CodeKey::Function(instance))).as_deref()
    }
    fn may_inline(&self, id: FnId) -> bool {
        let never =
            |attr: &Attr| attr.name == "inline" && attr.args.is_some_and(|args| args == "never");
        !self.attrs(id.def).iter().any(never)
            && self.requirement_owner(id.def).is_none()
            && self.runtime_symbol(id.def).is_none()
            && self.intrinsic(id.def).is_none()
    }
    fn only_implementation(&self, id: FnId) -> Option<FnId> {
        if self.vtable_slot(id).is_none() {
            return Some(id);
        }
        let class = self.item(self.class_of_member(id.def)?)?;
        let member = self.item(self.member(id.def))?;
        (class.mods.is_final || member.mods.is_final).then_some(id)
    }
    fn var_type(&self, def: DefId, args: TyList) -> Ty {
        self.concrete(self.storage_type(def), args)
    }
    fn global_initial_value(&self, var: DefId) -> Option<GlobalInitial> {
        let data = self.var_item(var)?;
        let binding = data.binding?;
        // The variables of a main file are initialised where they stand; those of types are not among its statements.
        let is_main = file_of(self.db, var).is_some_and(|file| file_scope(self.db, file).is_main);
        if is_main && self.container(var).is_none() {
            return None;
        }
        // An optional variable without a value starts as nil, which not every type spells with zeros.
        if crate::items::body_syntax(self.db, binding).is_none()
            && !crate::types::synth::is_implicitly_nil(self.db, var)
        {
            return None;
        }
        let function = FnId {
            def: binding,
            kind: FnKind::InitialValue,
        };
        let vars = match self.item(binding).map(|item| &item.kind) {
            Some(ItemKind::Binding(data)) => data.vars.as_slice(),
            _ => &[],
        };
        let path = |var| self.var_item(var).map(|data| data.path.clone());
        Some(GlobalInitial {
            function,
            leader: vars.first().copied().unwrap_or(var),
            parts: vars
                .iter()
                .filter_map(|&var| Some((var, path(var)?)))
                .collect(),
        })
    }
    fn function_adapter(&self, from: &FnTy, to: &FnTy) -> Option<(FnId, TyList)> {
        adapt::function_adapter(self.db, from, to)
    }
    fn cast_hooks(&self) -> Option<CastHooks> {
        let library = |name: &str, kind: DefKind| {
            let found = module_members(self.db, library_module(self.db), Name::new(name));
            found.iter().copied().find(|&def| self.kind(def) == kind)
        };
        let collection = |name: &str, function: &str| {
            let ty = library(name, DefKind::Struct)?;
            Some((
                format!("Codira.{name}"),
                ty,
                library(function, DefKind::Func)?,
            ))
        };
        Some(CastHooks {
            any_hashable: Ty::nominal(library("AnyHashable", DefKind::Struct)?, &[]),
            to_any_hashable: library("_toAnyHashable", DefKind::Func)?,
            collections: vec![
                collection("Dictionary", "_castDictionary")?,
                collection("Set", "_castSet")?,
            ],
        })
    }
    fn string_storage(&self) -> Option<Ty> {
        let found = module_members(
            self.db,
            library_module(self.db),
            Name::new("_StringStorage"),
        );
        let class = found
            .iter()
            .find(|&&def| self.kind(def) == DefKind::Class)?;
        Some(Ty::nominal(*class, &[]))
    }
    fn is_optional(&self, def: DefId) -> bool {
        def == lang(self.db, LangItem::Optional)
    }
    fn type_name(&self, ty: Ty, qualified: bool) -> String {
        types::display::metadata_name(self.db, ty, qualified)
    }
    fn protocol_name(&self, protocol: DefId) -> String {
        let module = module_of(self.db, protocol).name(self.db);
        format!("{module}.{}", protocol.name(self.db))
    }
    fn file_name(&self, def: DefId) -> Name {
        let module = module_of(self.db, def).name(self.db);
        let Some(file) = file_of(self.db, def) else {
            return Name::new("");
        };
        let path = file.path(self.db);
        let last = path.rsplit(['/', '\\']).next().unwrap_or(path);
        Name::new(&format!("{module}/{last}"))
    }
    fn line_number_key(&self, def: DefId) -> u64 {
        line_number(def)
    }
    fn is_debug(&self) -> bool {
        opt_level(self.db) == OptLevel::None
    }
}

/// Whether the type of a metadata record can conform to protocols that are looked up at run time.
pub(super) fn can_conform(ty: Ty) -> bool {
    matches!(ty.kind(), TyKind::Nominal { .. })
}

/// The statements of a module's main file, if it has any.
fn main_code(db: &dyn Db, unit: CompilationUnit) -> Option<DefId> {
    let main = unit
        .files(db)
        .iter()
        .copied()
        .find(|&file| file_scope(db, file).is_main)?;
    let file = file_def(db, main)?;
    Some(DefId::new(
        db,
        Some(file),
        DefKind::TopLevel,
        Name::new("main"),
        0,
    ))
}

/// What the runtime calls: the statements of a module's main file, or the function `main` of the type that is marked for it. A main file
/// without statements is a program that does nothing; so is any one file, where a program is wanted.
pub fn entry(db: &dyn Db, unit: CompilationUnit, is_program: bool) -> Option<CodeKey> {
    let marked = || {
        let mut files = unit.files(db).iter();
        files.find_map(|&file| file_scope(db, file).entries.first().copied())
    };
    let empty = || {
        let mut files = unit.files(db).iter();
        let script = files.find(|&&file| {
            crate::items::is_script(db, file)
                && (is_program || crate::items::is_named_main(db, file))
        });
        let file = file_def(db, *script?)?;
        Some(crate::items::owners::top_level_def(db, file))
    };
    let found = main_code(db, unit).or_else(marked).or_else(empty);
    found.map(metadata::main_key)
}

/// All code and data of a program.
pub fn program(db: &RootDatabase, unit: CompilationUnit) -> Output {
    let mut record = ProgramRecord::default();
    match record.update(db, unit, &Stale::Everything) {
        Ok(_) => record.output(),
        Err(errors) => Output::failed(errors),
    }
}

/// Cranelift's text of everything that the program runs, sorted by symbol.
pub fn program_text(db: &RootDatabase, unit: CompilationUnit) -> String {
    let p = DbProgram { db };
    functions(db, unit, |key| {
        emit::function_text(&p, key, opt_level(db)).unwrap_or_else(|error| format!("; {error}\n"))
    })
}

/// The optimised graphs of everything that the program runs, sorted by symbol.
pub fn optimized_text(db: &RootDatabase, unit: CompilationUnit) -> String {
    let p = DbProgram { db };
    functions(db, unit, |key| {
        let CodeKey::Function(instance) = key else {
            return String::new();
        };
        let mir = p.optimized(instance);
        mir.map_or_else(String::new, |mir| {
            format!("// {}\n{}", p.symbol(&key), crate::mir::dump::dump(db, mir))
        })
    })
}

/// The texts of all functions of a program.
fn functions(
    db: &RootDatabase,
    unit: CompilationUnit,
    mut describe: impl FnMut(CodeKey) -> String,
) -> String {
    let p = DbProgram { db };
    let mut queue: Vec<CodeKey> = entry(db, unit, true).into_iter().collect();
    let mut seen: crate::base::FxHashSet<CodeKey> = Default::default();
    let mut parts: Vec<(SymbolName, String)> = Vec::new();
    while let Some(key) = queue.pop() {
        if !seen.insert(key) {
            continue;
        }
        if let Ok(unit) = code_unit(db, key) {
            queue.extend(unit.references.iter().copied());
        }
        if metadata::is_function(&key) {
            parts.push((p.symbol(&key), describe(key)));
        }
    }
    parts.sort_by_key(|(symbol, _)| *symbol);
    let texts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    texts.join("\n")
}
