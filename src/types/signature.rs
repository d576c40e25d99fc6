//! Signatures of functions and types of variables.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::DefId;
use crate::types::ty::{FnTy, ParamMode, Ty};

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
    /// The `DefaultArg` definition, if there is a default value.
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

impl Signature {
    /// The function type without `this`.
    pub fn function_type(&self) -> Ty {
        Ty::function(FnTy {
            params: self
                .params
                .iter()
                .map(|p| crate::types::ty::FnParam {
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
        })
    }
}

/// The signature of a declaration; one without parameters and with the error type for anything that has none.
pub fn signature(_db: &dyn Db, _def: DefId) -> &Signature {
    unimplemented!()
}

/// The type of a variable's value: declared, or inferred from the initial value. For a `weak` variable the optional type. The error type for
/// anything else.
pub fn var_type(_db: &dyn Db, _var: DefId) -> Ty {
    Ty::error()
}
