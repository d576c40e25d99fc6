//! Questions about declarations and types that lowering asks, in its own words.

use crate::base::Name;
use crate::bodies::thir::TypedBody;
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::items::tree::{AccessorItem, Item, ItemKind, Modifiers, VarItem};
use crate::types::lang::{self, LangItem};
use crate::types::signature::Signature;
use crate::types::ty::{BuiltinTy, Ty, TyKind, TyList};

/// The library's operators that are lowered as control flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ShortCircuit {
    And,
    Or,
    /// `a ?? b`, where `b` is a value or (second form) an optional again.
    Coalesce,
}

/// How a variable is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VarKind {
    Stored,
    /// Stored, with `willSet` or `didSet`.
    Observed,
    /// `lazy`: the storage is an optional.
    Lazy,
    Weak,
    Unowned,
    /// Only accessors.
    Computed,
}

/// Access to everything that is known about declarations.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub db: &'a dyn Db,
}

impl<'a> Facts<'a> {
    // Declarations.

    pub fn item(&self, def: DefId) -> Option<&'a Item> {
        crate::items::item(self.db, def)
    }
    pub fn typed_body(&self, def: DefId) -> &'a TypedBody {
        crate::bodies::typed_body(self.db, def)
    }
    pub fn kind(&self, def: DefId) -> DefKind {
        def.kind(self.db)
    }
    pub fn parent(&self, def: DefId) -> Option<DefId> {
        def.parent(self.db)
    }
    pub fn name(&self, def: DefId) -> Name {
        def.name(self.db)
    }
    pub fn signature(&self, def: DefId) -> &'a Signature {
        crate::types::signature(self.db, def)
    }
    pub fn var_item(&self, def: DefId) -> Option<&'a VarItem> {
        match &self.item(def)?.kind {
            ItemKind::Var(var) => Some(var),
            _ => None,
        }
    }
    /// The function that makes a wrapped property's storage from a wrapped value.
    pub fn wrapper_init(&self, storage: DefId) -> Option<DefId> {
        use crate::items::tree::WrapperRole;
        match crate::types::wrappers::wrapper_role(self.db, storage)? {
            WrapperRole::Storage { by_value: true, .. } => {
                Some(crate::items::wrappers::init_def(self.db, storage))
            }
            _ => None,
        }
    }
    fn mods(&self, def: DefId) -> Option<&'a Modifiers> {
        crate::items::modifiers(self.db, def).as_ref()
    }
    /// The declaration that a member hangs off: accessors count as their variable or subscript.
    pub fn member_of(&self, def: DefId) -> DefId {
        match (self.kind(def), self.parent(def)) {
            (DefKind::Accessor(_), Some(parent)) => parent,
            _ => def,
        }
    }
    /// The type or extension that declares a member.
    pub fn container(&self, def: DefId) -> Option<DefId> {
        let parent = self.parent(self.member_of(def))?;
        use DefKind::*;
        matches!(
            self.kind(parent),
            Struct | Enum | Class | Protocol | Extension
        )
        .then_some(parent)
    }
    /// The nominal type whose member this is, through extensions; none in protocols and their extensions.
    pub fn nominal(&self, def: DefId) -> Option<DefId> {
        let container = self.container(def)?;
        match self.kind(container) {
            DefKind::Struct | DefKind::Enum | DefKind::Class => Some(container),
            DefKind::Extension => {
                crate::types::declared_self_type(self.db, container)?.nominal_def()
            }
            _ => None,
        }
    }
    pub fn is_class(&self, def: DefId) -> bool {
        self.kind(def) == DefKind::Class
    }
    /// Whether a member belongs to a class or an extension of one.
    pub fn in_class(&self, def: DefId) -> bool {
        self.nominal(def).is_some_and(|n| self.is_class(n))
    }
    /// A protocol's own requirement (not a member of its extensions).
    pub fn is_requirement(&self, def: DefId) -> bool {
        self.container(def)
            .is_some_and(|c| self.kind(c) == DefKind::Protocol)
    }
    pub fn is_static(&self, def: DefId) -> bool {
        let member = self.member_of(def);
        match self.kind(member) {
            DefKind::Synth(Synth::Equals | Synth::Less | Synth::AllCases) => true,
            _ => self.mods(member).is_some_and(|m| m.is_static || m.is_class),
        }
    }
    /// Whether a member belongs to a protocol or an extension of one, so that its first generic argument is `Self`.
    pub fn in_protocol(&self, def: DefId) -> bool {
        self.container(def).is_some_and(|c| match self.kind(c) {
            DefKind::Protocol => true,
            DefKind::Extension => crate::types::declared_self_type(self.db, c)
                .is_some_and(|t| matches!(t.kind(), TyKind::Param { .. })),
            _ => false,
        })
    }
    /// Whether the function of a static member has a metatype as its last parameter. The types of structs and enums are known where they are
    /// called; a class's may be a subclass.
    pub fn takes_metatype(&self, def: DefId) -> bool {
        let has_self = self.is_static(def) || self.kind(def) == DefKind::Init;
        has_self && (self.in_class(def) || self.is_requirement(def))
    }
    pub fn accessor_items(&self, def: DefId) -> &'a [AccessorItem] {
        match self.item(def).map(|i| &i.kind) {
            Some(ItemKind::Var(var)) => &var.accessors,
            Some(ItemKind::Subscript(sub)) => &sub.accessors,
            _ => &[],
        }
    }
    pub fn accessor(&self, def: DefId, kind: AccessorKind) -> Option<DefId> {
        let items = self.accessor_items(def);
        items.iter().find(|a| a.kind == kind).map(|a| a.def)
    }
    /// The accessor of a requirement, which exists as an id even where the protocol only says `{ get }`.
    pub fn requirement_accessor(&self, def: DefId, kind: AccessorKind) -> DefId {
        self.accessor(def, kind).unwrap_or_else(|| {
            DefId::new(
                self.db,
                Some(def),
                DefKind::Accessor(kind),
                self.name(def),
                0,
            )
        })
    }
    pub fn var_kind(&self, var: DefId) -> VarKind {
        let (Some(item), Some(data)) = (self.item(var), self.var_item(var)) else {
            return VarKind::Computed;
        };
        if item.mods.is_lazy {
            return VarKind::Lazy;
        }
        if item.mods.is_weak {
            return VarKind::Weak;
        }
        if item.mods.is_unowned {
            return VarKind::Unowned;
        }
        let observer =
            |a: &AccessorItem| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet);
        if data
            .accessors
            .iter()
            .any(|a| !observer(a) && a.kind != AccessorKind::Init)
            || self.is_requirement(var)
        {
            VarKind::Computed
        } else if data.accessors.iter().any(observer) {
            // An override that only observes has no storage of its own.
            if item.mods.is_override {
                VarKind::Computed
            } else {
                VarKind::Observed
            }
        } else {
            VarKind::Stored
        }
    }
    /// A variable that overrides another only to observe it.
    pub fn is_observing_override(&self, var: DefId) -> bool {
        let only =
            |a: &AccessorItem| matches!(a.kind, AccessorKind::WillSet | AccessorKind::DidSet);
        let items = self.accessor_items(var);
        !items.is_empty() && items.iter().all(only) && self.mods(var).is_some_and(|m| m.is_override)
    }
    pub fn has_storage(&self, var: DefId) -> bool {
        self.var_kind(var) != VarKind::Computed
    }
    pub fn is_let(&self, var: DefId) -> bool {
        self.var_item(var).is_some_and(|v| v.is_let)
    }
    pub fn var_type(&self, var: DefId) -> Ty {
        crate::types::var_type(self.db, var)
    }
    /// The type of a stored property's storage, which of a `lazy` one is an optional.
    pub fn storage_type(&self, var: DefId) -> Ty {
        let ty = self.var_type(var);
        match self.var_kind(var) {
            VarKind::Lazy => self.optional_of(ty),
            _ => ty,
        }
    }
    /// Whether a use of a class member goes through the vtable.
    pub fn is_dispatched(&self, def: DefId) -> bool {
        crate::types::is_dispatched(self.db, def)
    }
    /// The declaration at the root of a chain of overrides.
    pub fn introducing(&self, mut def: DefId) -> DefId {
        for _ in 0..1000 {
            match crate::types::overridden(self.db, def) {
                Some(up) => def = up,
                None => break,
            }
        }
        def
    }
    pub fn identity_args(&self, def: DefId) -> TyList {
        crate::types::identity_args(self.db, def)
    }
    pub fn stored_properties(&self, nominal: DefId) -> &'a [DefId] {
        crate::types::stored_properties(self.db, nominal)
    }
    pub fn cases(&self, enum_: DefId) -> &'a [DefId] {
        crate::types::enum_cases(self.db, enum_)
    }
    pub fn payload(&self, case: DefId) -> Vec<Ty> {
        let list = crate::types::case_payload(self.db, case);
        list.iter().map(|(_, t)| *t).collect()
    }
    /// Whether the case keeps its payload in a box.
    pub fn is_indirect(&self, case: DefId) -> bool {
        let on_enum = self
            .parent(case)
            .and_then(|e| self.mods(e))
            .is_some_and(|m| m.is_indirect);
        on_enum || matches!(self.item(case).map(|i| &i.kind), Some(ItemKind::Case(c)) if c.indirect)
    }
    pub fn superclass(&self, class: DefId) -> Option<Ty> {
        crate::types::superclass(self.db, class)
    }
    /// Whether the definition lies in the standard library.
    pub fn in_library(&self, def: DefId) -> bool {
        let mut at = def;
        while let Some(up) = self.parent(at) {
            at = up;
        }
        at == lang::library_module(self.db)
    }
    pub fn short_circuit(&self, def: DefId) -> Option<ShortCircuit> {
        if self.kind(def) != DefKind::Func {
            return None;
        }
        let name = self.item(def).map_or_else(|| self.name(def), |i| i.name);
        let kind = match name.as_str() {
            "&&" => ShortCircuit::And,
            "||" => ShortCircuit::Or,
            "??" => ShortCircuit::Coalesce,
            _ => return None,
        };
        self.in_library(def).then_some(kind)
    }

    // Types.

    pub fn optional_of(&self, ty: Ty) -> Ty {
        lang::optional_of(self.db, ty)
    }
    pub fn optional_payload(&self, ty: Ty) -> Option<Ty> {
        lang::optional_payload(self.db, ty)
    }
    /// The storage of a shared weak variable of this type, and the property in it.
    pub fn weak_cell(&self, ty: Ty) -> Option<(Ty, DefId)> {
        let cell = lang::lang(self.db, LangItem::WeakCell);
        let found = crate::types::members_named(self.db, cell, Name::new("value"));
        let value = found.first().copied()?;
        Some((Ty::nominal(cell, &[self.optional_payload(ty)?]), value))
    }
    pub fn none_case(&self) -> DefId {
        self.optional_case("none", 0)
    }
    pub fn some_case(&self) -> DefId {
        self.optional_case("some", 1)
    }
    fn optional_case(&self, name: &str, index: usize) -> DefId {
        let optional = lang::lang(self.db, LangItem::Optional);
        let cases = self.cases(optional);
        let named =
            |&&c: &&DefId| self.item(c).is_some_and(|i| i.name == *name) || self.name(c) == *name;
        let found = cases.iter().find(named).or_else(|| cases.get(index));
        found.copied().unwrap_or_else(|| {
            DefId::new(self.db, Some(optional), DefKind::Case, Name::new(name), 0)
        })
    }
    pub fn bool_ty(&self) -> Ty {
        lang::bool_ty(self.db)
    }
    pub fn int_ty(&self) -> Ty {
        lang::int_ty(self.db)
    }
    pub fn string_ty(&self) -> Ty {
        lang::string_ty(self.db)
    }
    pub fn array_of(&self, ty: Ty) -> Ty {
        lang::array_of(self.db, ty)
    }
    pub fn any_error(&self) -> Ty {
        lang::any_error(self.db)
    }
    pub fn is_never(&self, ty: Ty) -> bool {
        lang::is_lang(self.db, ty, LangItem::Never)
    }
    /// A reference to an object of a class.
    pub fn is_class_ref(&self, ty: Ty) -> bool {
        ty.nominal_def().is_some_and(|d| self.is_class(d))
    }
    /// Whether copying and destroying values of the type is certainly nothing.
    pub fn trivial(&self, ty: Ty) -> bool {
        match ty.kind() {
            TyKind::Builtin(b) => *b != BuiltinTy::NativeObject,
            TyKind::Metatype(_) | TyKind::ProtocolMetatype(_) | TyKind::Integer(_) => true,
            TyKind::Tuple(elems) => elems.iter().all(|e| self.trivial(e.ty)),
            TyKind::Function(f) => f.is_c(),
            TyKind::Nominal { .. } => trivial_nominal(self.db, ty),
            _ => false,
        }
    }
    /// The type of a stored property of a value of type `base`.
    pub fn field_type(&self, var: DefId, base: Ty) -> Ty {
        let ty = self.storage_type(var);
        self.in_terms_of(var, base, ty)
    }
    /// A type written in the declaring type's parameters, for a value of type `base`, which has the member or inherits it.
    pub fn in_terms_of(&self, member: DefId, base: Ty, ty: Ty) -> Ty {
        if !ty.has_params() {
            return ty;
        }
        let base = match base.kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => base,
        };
        let owner = self.nominal(member);
        let base = owner
            .and_then(|o| crate::types::inherited_type(self.db, base, o))
            .unwrap_or(base);
        match base.as_nominal() {
            Some((_, args)) => ty.subst(args.as_slice()),
            None => ty,
        }
    }

    // Known declarations.

    /// An operation of module `Builtin`, all of whose parameters are unlabelled.
    pub fn builtin(&self, name: &str, arguments: usize) -> DefId {
        let module = crate::resolve::scope::builtin_module(self.db);
        let found = crate::resolve::scope::module_members(self.db, module, Name::new(name));
        found.first().copied().unwrap_or_else(|| {
            let full = format!("{name}({})", "_:".repeat(arguments));
            DefId::new(self.db, Some(module), DefKind::Func, Name::new(&full), 0)
        })
    }
    /// A function at the top level of the library.
    pub fn library_fn(&self, name: &str) -> Option<DefId> {
        let module = lang::library_module(self.db);
        let found = crate::resolve::scope::module_members(self.db, module, Name::new(name));
        found.first().copied()
    }
    /// A function or initialiser of a type with exactly these labels.
    pub fn member_with_labels(
        &self,
        owner: DefId,
        name: &str,
        labels: &[Option<&str>],
    ) -> Option<DefId> {
        let found = crate::types::members_named(self.db, owner, Name::new(name));
        let fits = |&&def: &&DefId| {
            let params = &self.signature(def).params;
            params.len() == labels.len()
                && params
                    .iter()
                    .zip(labels)
                    .all(|(p, l)| p.label.map(|l| l.as_str()) == *l)
        };
        found.iter().find(fits).copied()
    }
    /// A protocol's own requirement.
    pub fn requirement_named(&self, protocol: DefId, name: &str) -> Option<DefId> {
        let all = crate::types::protocol_requirements(self.db, protocol);
        all.iter()
            .find(|&&r| crate::resolve::scope::base_name(self.db, r) == *name)
            .copied()
    }
    /// Whether calls of an initialiser on an unknown subclass go through the vtable.
    pub fn is_overridable_init(&self, init: DefId) -> bool {
        let Some(class) = self.nominal(init).filter(|c| self.is_class(*c)) else {
            return false;
        };
        let root = self.introducing(init);
        let table = crate::types::vtable(self.db, class);
        table.entries.iter().any(|e| e.method.def == root)
    }
    pub fn is_convenience(&self, init: DefId) -> bool {
        self.kind(init) == DefKind::Init
            && self.in_class(init)
            && (self.mods(init).is_some_and(|m| m.is_convenience)
                || self
                    .container(init)
                    .is_some_and(|c| self.kind(c) == DefKind::Extension))
    }
    pub fn is_failable(&self, init: DefId) -> bool {
        match self.item(init).map(|i| &i.kind) {
            Some(ItemKind::Func(f)) => f.failable.is_some(),
            _ => {
                let result = self.signature(init).result;
                self.optional_payload(result).is_some()
            }
        }
    }
    /// The designated initialiser of a class that takes nothing.
    pub fn default_init(&self, class: DefId) -> Option<DefId> {
        let all = crate::types::synth::designated_inits(self.db, class);
        let plain = |&&d: &&DefId| self.signature(d).params.is_empty();
        // One whose parameters all have default values serves too, but then the call needs their values.
        all.iter().find(plain).copied()
    }
    /// The deinitialiser that a class declares itself.
    pub fn deinit(&self, class: DefId) -> Option<DefId> {
        let members = crate::resolve::members::written_members(self.db, class);
        members
            .iter()
            .find(|&&m| self.kind(m) == DefKind::Deinit)
            .copied()
    }
    /// Whether an observer's body uses the value that it may ask for; others take no parameter, so that nothing is kept alive for them.
    pub fn observer_takes_value(&self, def: DefId) -> bool {
        match self.kind(def) {
            DefKind::Accessor(AccessorKind::WillSet | AccessorKind::DidSet) => {
                mentions_value(self.db, def)
            }
            _ => true,
        }
    }
    /// The type of a binding's whole pattern.
    pub fn binding_type(&self, binding: DefId) -> Ty {
        match self.implicit_nil(binding) {
            Some(var) => self.var_type(var),
            None => self.typed_body(binding).result.0,
        }
    }
    /// The optional variable that a binding without a value declares: it starts as nil.
    pub fn implicit_nil(&self, binding: DefId) -> Option<DefId> {
        match self.item(binding).map(|i| &i.kind) {
            Some(ItemKind::Binding(data)) if data.init.is_none() => {
                let &var = data.vars.first()?;
                crate::types::synth::is_implicitly_nil(self.db, var).then_some(var)
            }
            _ => None,
        }
    }
    /// What `#function` says in a body.
    pub fn function_name(&self, def: DefId) -> Name {
        match self.kind(def) {
            DefKind::Accessor(_) | DefKind::DefaultArg => match self.parent(def) {
                Some(parent) => self.function_name(parent),
                None => self.name(def),
            },
            DefKind::TopLevel | DefKind::Binding => match self.container(def) {
                Some(container) => self.name(container),
                None => Name::new("main"),
            },
            DefKind::Deinit => Name::new("deinit"),
            DefKind::Init => {
                let labels = self.signature(def).params.iter();
                let labels: String = labels
                    .map(|p| format!("{}:", p.label.map_or("_", |l| l.as_str())))
                    .collect();
                Name::new(&format!("init({labels})"))
            }
            _ => self.name(def),
        }
    }
    /// The errors that a binding's value may throw: only the main file's can.
    pub fn initial_value_throws(&self, binding: DefId) -> Option<Ty> {
        use crate::bodies::thir::{TExprKind, TStmt};
        if self.kind(binding) != DefKind::Binding || self.container(binding).is_some() {
            return None;
        }
        let body = self.typed_body(binding);
        let throws = body.exprs.values().any(|e| match &e.kind {
            TExprKind::Call(call) => call.throws,
            TExprKind::CallValue { throws, .. } => *throws,
            _ => false,
        });
        let has_throw = body.root.stmts.iter().any(|s| matches!(s, TStmt::Throw(_)));
        (throws || has_throw).then(|| self.any_error())
    }
    /// Whether an initial value is made with `this` at hand: that of a `lazy` property.
    pub fn initial_value_takes_this(&self, binding: DefId) -> bool {
        let body = self.typed_body(binding);
        body.this
            .and_then(|t| body.locals.get(t))
            .is_some_and(|l| !matches!(l.ty.kind(), TyKind::Metatype(_)))
    }
    /// Whether the function is inlined wherever it is called.
    pub fn is_transparent(&self, def: DefId) -> bool {
        let always = |d: DefId| {
            crate::items::attributes(self.db, d).iter().any(|a| {
                a.name == *"_transparent"
                    || a.name == *"inline" && a.args.is_some_and(|t| t == *"__always")
            })
        };
        always(def) || always(self.member_of(def))
    }
}

/// Whether a nominal type without type parameters holds no references: one answer per type.
fn trivial_nominal(db: &dyn Db, ty: Ty) -> bool {
    #[salsa::interned(unsafe(no_lifetime), revisions = usize::MAX)]
    struct TrivialKey {
        #[returns(copy)]
        ty: Ty,
    }
    #[salsa::tracked(returns(copy), cycle_result = recursive)]
    fn answer(db: &dyn Db, key: TrivialKey) -> bool {
        let facts = Facts { db };
        let ty = key.ty(db);
        let Some((def, args)) = ty.as_nominal() else {
            return false;
        };
        // What has a deinitialiser is not nothing to destroy.
        if facts.deinit(def).is_some() {
            return false;
        }
        match facts.kind(def) {
            DefKind::Struct => facts.stored_properties(def).iter().all(|&var| {
                matches!(
                    facts.var_kind(var),
                    VarKind::Stored | VarKind::Observed | VarKind::Lazy
                ) && trivial_part(facts, facts.storage_type(var).subst(args.as_slice()))
            }),
            DefKind::Enum => facts.cases(def).iter().all(|case| {
                let payload = facts.payload(*case);
                payload.is_empty()
                    || !facts.is_indirect(*case)
                        && payload
                            .iter()
                            .all(|t| trivial_part(facts, t.subst(args.as_slice())))
            }),
            _ => false,
        }
    }
    fn trivial_part(facts: Facts, ty: Ty) -> bool {
        let ty = if ty.has_projection() {
            crate::types::normalize(facts.db, None, ty)
        } else {
            ty
        };
        facts.trivial(ty)
    }
    fn recursive(_db: &dyn Db, _id: salsa::Id, _key: TrivialKey) -> bool {
        false
    }
    // A type that holds larger and larger types of its own kind has no end, which is an error that others report.
    const MAX_NESTING: u32 = 64;
    const MAX_SIZE: u32 = 1 << 12;
    ty.nesting() <= MAX_NESTING && ty.size() <= MAX_SIZE && answer(db, TrivialKey::new(db, ty))
}

/// Whether an observer's body mentions its parameter. A firewall: whoever writes to the property depends on no more of the body.
#[salsa::tracked(returns(copy))]
fn mentions_value(db: &dyn Db, observer: DefId) -> bool {
    use crate::bodies::thir::TExprKind;
    let body = crate::bodies::typed_body(db, observer);
    let param = body.params.first().copied();
    param.is_some_and(|param| {
        let mut exprs = body.exprs.values();
        exprs.any(|e| e.kind == TExprKind::Local(param))
    })
}
