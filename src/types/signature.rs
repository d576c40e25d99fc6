//! Signatures of functions and types of variables.

use crate::base::{Arena, Name};
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::tree::{
    Failable, ItemKind, Modifiers, ParamItem, ThrowsRef, TypeRef, TypeRefId, VarItem,
};
use crate::items::{Anchor, AnchoredDiagnostic, item};
use crate::resolve::access::has_initial_value;
use crate::resolve::decls::written;
use crate::resolve::{container_of, is_static_member};
use crate::types::conformance::normalize;
use crate::types::hooks;
use crate::types::lang::{LangItem, lang_ty, optional_of, optional_payload};
use crate::types::lower::{Bounds, Lowerer, param_mode};
use crate::types::nominal::declared_self_type;
use crate::types::synth::synth_signature;
use crate::types::ty::{BuiltinTy, FnParam, FnRepr, FnTy, ParamMode, Ty, TyKind};

/// The type of a `Func`, `Init`, `Subscript`, `Accessor`, `Case`, `Synth` or `Deinit`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    pub params: Vec<SigParam>,
    /// Of an initialiser the type that it makes (an optional of it when it can fail); of a case the enum.
    pub result: Ty,
    /// The result was written `T!`.
    pub result_is_iuo: bool,
    pub throws: Option<Ty>,
    pub rethrows: bool,
    pub is_async: bool,
    /// How `this` is passed.
    pub this: ThisKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigParam {
    pub label: Option<Name>,
    pub name: Name,
    /// For a variadic parameter the element type, for an autoclosure the function type.
    pub ty: Ty,
    pub mode: ParamMode,
    pub variadic: bool,
    pub autoclosure: bool,
    /// The parameter's type was written `T!`.
    pub is_iuo: bool,
    /// The `DefaultArg` definition, if there is a default value. A memberwise initialiser's is the property's `Binding`, or the property
    /// itself where an optional variable without a value is nil.
    pub default: Option<DefId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThisKind {
    /// A free function.
    None,
    Borrow,
    Inout,
    /// `consuming`
    Owned,
    /// A static member or initialiser.
    Metatype,
}

impl SigParam {
    /// A borrowed parameter without anything special.
    pub fn plain(label: Option<Name>, name: Name, ty: Ty) -> SigParam {
        SigParam {
            label,
            name,
            ty,
            mode: ParamMode::Borrow,
            variadic: false,
            autoclosure: false,
            is_iuo: false,
            default: None,
        }
    }
}

impl Signature {
    /// A signature that neither throws nor suspends.
    pub fn plain(params: Vec<SigParam>, result: Ty, this: ThisKind) -> Signature {
        Signature {
            params,
            result,
            result_is_iuo: false,
            throws: None,
            rethrows: false,
            is_async: false,
            this,
        }
    }

    /// The function type without `this`.
    pub fn function_type(&self) -> Ty {
        Ty::function(FnTy {
            params: self
                .params
                .iter()
                .map(|p| FnParam {
                    ty: p.ty,
                    mode: p.mode,
                    variadic: p.variadic,
                    autoclosure: p.autoclosure,
                })
                .collect(),
            result: self.result,
            throws: self.throws,
            is_async: self.is_async,
            escaping: true,
            repr: FnRepr::Thick,
        })
    }

    fn map(&self, never: Ty, f: &mut dyn FnMut(Ty) -> Ty) -> Signature {
        Signature {
            params: self
                .params
                .iter()
                .map(|p| SigParam {
                    ty: f(p.ty),
                    ..p.clone()
                })
                .collect(),
            result: f(self.result),
            // What throws `Never` does not throw.
            throws: self.throws.map(&mut *f).filter(|&t| t != never),
            ..self.clone()
        }
    }
}

/// The signature of a declaration; one without parameters and with the error type for anything that has none.
pub fn signature(db: &dyn Db, def: DefId) -> &Signature {
    normal_signature(db, def)
}

#[salsa::tracked(cycle_result = cyclic_signature)]
fn normal_signature(db: &dyn Db, def: DefId) -> Signature {
    let raw = raw_signature(db, def);
    raw.map(crate::types::lang::never_ty(db), &mut |t| {
        normalize(db, Some(def), t)
    })
}

fn cyclic_signature(_: &dyn Db, _: salsa::Id, _: DefId) -> Signature {
    Signature::plain(Vec::new(), Ty::error(), ThisKind::None)
}

/// The signature before projections are reduced; see [`crate::types::lower`].
pub fn raw_signature(db: &dyn Db, def: DefId) -> &Signature {
    &lowered_signature(db, def).signature
}

/// A signature with what else its written types say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoweredSignature {
    pub signature: Signature,
    /// The bounds of the result's `some` types, as existentials.
    pub opaque: Vec<Ty>,
    pub diagnostics: Vec<AnchoredDiagnostic>,
}

/// The signature before projections are reduced, with diagnostics.
#[salsa::tracked(cycle_result = cyclic_lowered)]
pub fn lowered_signature(db: &dyn Db, def: DefId) -> LoweredSignature {
    let mut opaque = Vec::new();
    let mut diagnostics = Vec::new();
    let signature = lower_signature(db, def, &mut opaque, &mut diagnostics);
    LoweredSignature {
        signature,
        opaque,
        diagnostics,
    }
}

fn cyclic_lowered(db: &dyn Db, id: salsa::Id, def: DefId) -> LoweredSignature {
    LoweredSignature {
        signature: cyclic_signature(db, id, def),
        opaque: Vec::new(),
        diagnostics: Vec::new(),
    }
}

fn lower_signature(
    db: &dyn Db,
    def: DefId,
    opaque: &mut Vec<Ty>,
    diagnostics: &mut Vec<AnchoredDiagnostic>,
) -> Signature {
    let none = || Signature::plain(Vec::new(), Ty::error(), ThisKind::None);
    match def.kind(db) {
        DefKind::Func | DefKind::Init | DefKind::Macro => {
            let Some(written) = written(db, def) else {
                return none();
            };
            let Some(func) = written.func else {
                return none();
            };
            let mut lowerer = Lowerer::new(db, def, written.types, Bounds::Context(def));
            lowerer.anchor_body = written.body;
            let params = lower_params(&mut lowerer, def, written.params);
            let throws = lowerer.throws(func.throws);
            let (result, result_is_iuo) = if def.kind(db) == DefKind::Init {
                let made = declared_self_type(db, def).unwrap_or_else(Ty::error);
                match func.failable {
                    Some(failable) => (
                        optional_of(db, made),
                        failable == Failable::ImplicitlyUnwrapped,
                    ),
                    None => (made, false),
                }
            } else {
                match func.result {
                    Some(result) => {
                        lowerer.opaque_of = Some(def);
                        (lowerer.lower(result), is_iuo(written.types, result))
                    }
                    None => (Ty::unit(), false),
                }
            };
            opaque.append(&mut lowerer.opaque_bounds);
            diagnostics.append(&mut lowerer.diagnostics);
            let plain = Modifiers::default();
            let mods = item(db, def).map_or(&plain, |i| &i.mods);
            Signature {
                params,
                result,
                result_is_iuo,
                throws,
                rethrows: func.throws == ThrowsRef::Rethrows,
                is_async: func.is_async,
                this: this_kind(db, def, mods),
            }
        }
        DefKind::Subscript => {
            let Some(item) = item(db, def) else {
                return none();
            };
            let ItemKind::Subscript(subscript) = &item.kind else {
                return none();
            };
            let mut lowerer = Lowerer::new(db, def, &item.types, Bounds::Context(def));
            let params = lower_params(&mut lowerer, def, &subscript.params);
            lowerer.opaque_of = Some(def);
            let result = lowerer.lower(subscript.result);
            opaque.append(&mut lowerer.opaque_bounds);
            diagnostics.append(&mut lowerer.diagnostics);
            let mut signature = Signature::plain(params, result, this_kind(db, def, &item.mods));
            signature.result_is_iuo = is_iuo(&item.types, subscript.result);
            signature
        }
        DefKind::Case => {
            let result = declared_self_type(db, def).unwrap_or_else(Ty::error);
            let Some(item) = item(db, def) else {
                return none();
            };
            let ItemKind::Case(case) = &item.kind else {
                return none();
            };
            let mut lowerer = Lowerer::new(db, def, &item.types, Bounds::Context(def));
            let payload = case.payload.as_deref().unwrap_or(&[]);
            let params = lower_params(&mut lowerer, def, payload);
            diagnostics.append(&mut lowerer.diagnostics);
            Signature::plain(params, result, ThisKind::Metatype)
        }
        DefKind::Deinit => Signature::plain(Vec::new(), Ty::unit(), ThisKind::Borrow),
        DefKind::WrapperInit => crate::types::wrappers::init_signature(db, def),
        DefKind::Synth(_) => synth_signature(db, def),
        DefKind::Accessor(kind) => accessor_signature(db, def, kind, diagnostics),
        DefKind::Var => {
            let ty = raw_var_type(db, def);
            let plain = Modifiers::default();
            let mods = item(db, def).map_or(&plain, |i| &i.mods);
            Signature::plain(Vec::new(), ty, this_kind(db, def, mods))
        }
        _ => none(),
    }
}

/// Whether a written type is `T!`.
pub fn is_iuo(types: &Arena<TypeRef>, id: TypeRefId) -> bool {
    matches!(types[id], TypeRef::ImplicitlyUnwrapped(_))
}

fn lower_params(lowerer: &mut Lowerer<'_>, def: DefId, params: &[ParamItem]) -> Vec<SigParam> {
    let db = lowerer.db;
    let types = lowerer.types;
    let in_case = def.kind(db) == DefKind::Case;
    params
        .iter()
        .enumerate()
        .map(|(i, param)| {
            let mut ty = lowerer.lower(param.ty);
            let mut mode = param_mode(param.ownership);
            if let TyKind::Inout(inner) = ty.kind() {
                ty = *inner;
                mode = ParamMode::Inout;
            }
            // Only a parameter's own function type is confined to the call; inside of optionals and tuples functions escape.
            if let TyKind::Function(function) = ty.kind() {
                let written = matches!(&types[param.ty], TypeRef::Function(f) if f.escaping);
                let escaping =
                    param.escaping || written || in_case || param.variadic || function.is_c();
                if !escaping
                    && matches!(
                        &types[param.ty],
                        TypeRef::Function(_) | TypeRef::Path(_) | TypeRef::Tuple(_)
                    )
                {
                    ty = Ty::function(FnTy {
                        escaping: false,
                        ..function.clone()
                    });
                }
            }
            let autoclosure = param.autoclosure
                || matches!(&types[param.ty], TypeRef::Function(f) if f.autoclosure);
            SigParam {
                label: param.label,
                name: param.name,
                ty,
                mode,
                variadic: param.variadic,
                autoclosure,
                is_iuo: is_iuo(types, param.ty),
                default: (param.default.is_some() || param.has_local_default)
                    .then(|| DefId::new(db, Some(def), DefKind::DefaultArg, param.name, i as u32)),
            }
        })
        .collect()
}

/// How a member with these modifiers takes `this`.
fn this_kind(db: &dyn Db, def: DefId, mods: &Modifiers) -> ThisKind {
    let Some(container) = container_of(db, def) else {
        return ThisKind::None;
    };
    if def.kind(db) == DefKind::Init || is_static_member(db, def) {
        ThisKind::Metatype
    } else if mods.is_consuming {
        ThisKind::Owned
    } else if mods.is_mutating && container.kind(db) != DefKind::Class {
        ThisKind::Inout
    } else {
        ThisKind::Borrow
    }
}

fn accessor_signature(
    db: &dyn Db,
    def: DefId,
    kind: AccessorKind,
    diagnostics: &mut Vec<AnchoredDiagnostic>,
) -> Signature {
    let Some(owner) = def.parent(db) else {
        return Signature::plain(Vec::new(), Ty::error(), ThisKind::None);
    };
    let (mut params, value, is_iuo) = match owner.kind(db) {
        DefKind::Subscript => {
            let signature = raw_signature(db, owner);
            let params = signature.params.clone();
            (params, signature.result, signature.result_is_iuo)
        }
        _ => (Vec::new(), raw_var_type(db, owner), var_is_iuo(db, owner)),
    };
    let written = item(db, owner).and_then(|i| {
        let (ItemKind::Var(VarItem { accessors, .. })
        | ItemKind::Subscript(crate::items::tree::SubscriptItem { accessors, .. })) = &i.kind
        else {
            return None;
        };
        Some((i, accessors.iter().find(|a| a.kind == kind)?))
    });
    let container = container_of(db, owner);
    let mutating = written.is_some_and(|(_, a)| a.mods.is_mutating);
    let nonmutating = written.is_some_and(|(i, a)| a.mods.is_nonmutating || i.mods.is_nonmutating);
    let this = match container {
        None => ThisKind::None,
        Some(_) if is_static_member(db, owner) => ThisKind::Metatype,
        Some(c) if c.kind(db) == DefKind::Class => ThisKind::Borrow,
        Some(c)
            if c.kind(db) == DefKind::Protocol
                && crate::types::protocols::is_class_bound(db, c) =>
        {
            ThisKind::Borrow
        }
        Some(_) => match kind {
            AccessorKind::Get | AccessorKind::Read | AccessorKind::Address if !mutating => {
                ThisKind::Borrow
            }
            _ if nonmutating => ThisKind::Borrow,
            _ => ThisKind::Inout,
        },
    };
    let mut extra = |default: &str| {
        let name = written.and_then(|(_, a)| a.param);
        let name = name.unwrap_or_else(|| Name::new(default));
        params.push(SigParam::plain(None, name, value));
    };
    let result = match kind {
        AccessorKind::Get | AccessorKind::Read => value,
        // The frame of the coroutine.
        AccessorKind::Modify => Ty::builtin(BuiltinTy::RawPointer),
        AccessorKind::Set | AccessorKind::WillSet | AccessorKind::Init => {
            extra("newValue");
            Ty::unit()
        }
        AccessorKind::DidSet => {
            extra("oldValue");
            Ty::unit()
        }
        AccessorKind::Address => lang_ty(db, LangItem::UnsafePointer, &[value]),
        AccessorKind::MutableAddress => lang_ty(db, LangItem::UnsafeMutablePointer, &[value]),
    };
    let mut signature = Signature::plain(params, result, this);
    signature.result_is_iuo = is_iuo && kind == AccessorKind::Get;
    if let Some((item, accessor)) = written {
        let mut lowerer = Lowerer::new(db, owner, &item.types, Bounds::Context(owner));
        signature.throws = lowerer.throws(accessor.throws);
        signature.is_async = accessor.is_async;
        diagnostics.append(&mut lowerer.diagnostics);
    }
    signature
}

/// Whether a variable's type was written `T!`.
pub fn var_is_iuo(db: &dyn Db, var: DefId) -> bool {
    match item(db, var) {
        Some(item) => {
            matches!(&item.kind, ItemKind::Var(v) if v.ty.is_some_and(|t| is_iuo(&item.types, t)))
        }
        None => false,
    }
}

/// The type of a variable's value: declared, or inferred from the initial value. For a `weak` variable the optional type. The error type for
/// anything else.
#[salsa::tracked(returns(copy), cycle_result = cyclic_var)]
pub fn var_type(db: &dyn Db, var: DefId) -> Ty {
    normalize(db, Some(var), raw_var_type(db, var))
}

fn cyclic_var(_: &dyn Db, _: salsa::Id, _: DefId) -> Ty {
    Ty::error()
}

/// The type of a variable before projections are reduced.
pub fn raw_var_type(db: &dyn Db, var: DefId) -> Ty {
    lowered_var(db, var).signature.result
}

/// The declared or inferred type of a variable, with diagnostics.
#[salsa::tracked(cycle_result = cyclic_lowered)]
pub fn lowered_var(db: &dyn Db, var: DefId) -> LoweredSignature {
    let mut lowered = LoweredSignature {
        signature: Signature::plain(Vec::new(), Ty::error(), ThisKind::None),
        opaque: Vec::new(),
        diagnostics: Vec::new(),
    };
    if let DefKind::Synth(_) = var.kind(db) {
        lowered.signature = synth_signature(db, var);
        return lowered;
    }
    let Some(item) = item(db, var) else {
        return lowered;
    };
    let ItemKind::Var(data) = &item.kind else {
        return lowered;
    };
    let ty = match data.ty {
        Some(written) => {
            let initialised = data.binding.filter(|_| has_initial_value(db, data));
            let mut host = Open::default();
            let mut lowerer = Lowerer::new(db, var, &item.types, Bounds::Context(var));
            lowerer.opaque_of = Some(var);
            if initialised.is_some() {
                lowerer.host = Some(&mut host);
            }
            let ty = lowerer.lower(written);
            lowered.opaque = std::mem::take(&mut lowerer.opaque_bounds);
            lowered.diagnostics = std::mem::take(&mut lowerer.diagnostics);
            match initialised {
                // `var s: Set = [1, 2]`: the value says the rest.
                Some(binding) if host.used => hooks::infer_binding(db, binding),
                _ => ty,
            }
        }
        None if data.wrapper.is_some() => crate::types::wrappers::wrapper_type(db, var, item, data),
        None => match data.binding {
            Some(binding) => element_at(binding_type(db, binding), &data.path),
            None => hooks::infer_guarded(db, var),
        },
    };
    // `weak var x = object` is optional without saying so.
    lowered.signature.result = if item.mods.is_weak
        && !ty.is_error()
        && data.ty.is_none()
        && optional_payload(db, ty).is_none()
    {
        optional_of(db, ty)
    } else {
        ty
    };
    lowered
}

/// Accepts left-out generic arguments and remembers that there were some.
#[derive(Default)]
struct Open {
    used: bool,
}

impl crate::types::lower::TypeHost for Open {
    fn fresh(&mut self) -> Option<Ty> {
        self.used = true;
        Some(Ty::error())
    }
}

/// The type of a binding's whole pattern: annotated, or inferred by the checker of bodies.
pub fn binding_type(db: &dyn Db, binding: DefId) -> Ty {
    if let Some(item) = item(db, binding)
        && let ItemKind::Binding(data) = &item.kind
        && let Some(written) = data.ty
    {
        let mut host = Open::default();
        let mut lowerer = Lowerer::new(db, binding, &item.types, Bounds::Context(binding));
        lowerer.host = Some(&mut host);
        let ty = lowerer.lower(written);
        if !host.used {
            return ty;
        }
    }
    hooks::infer_binding(db, binding)
}

fn element_at(ty: Ty, path: &[u32]) -> Ty {
    path.iter().fold(ty, |ty, &index| {
        let elems = ty.as_tuple().unwrap_or(&[]);
        elems.get(index as usize).map_or_else(Ty::error, |e| e.ty)
    })
}

/// The bounds of the `some` types in the result of a function, subscript or variable, as existentials.
pub fn opaque_bounds(db: &dyn Db, def: DefId) -> &[Ty] {
    match def.kind(db) {
        DefKind::Var => &lowered_var(db, def).opaque,
        _ => &lowered_signature(db, def).opaque,
    }
}

/// Where the diagnostics of a parameter point.
pub fn param_anchor(def: DefId, index: usize) -> Anchor {
    Anchor::Param(def, index as u32)
}
