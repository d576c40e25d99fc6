//! Functions of C: `@convention(c)`.
//!
//! A value of such a type is the address of a thunk with the platform's convention, which calls the function of the language. What C knows travels in
//! one register each way, and is the same for both.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use smallvec::SmallVec;

use crate::mir::data::{Argument, FnKind, Instance, Operand};
use crate::types::ty::{Ty, TyKind};

use super::super::cx::Program;
use super::super::isa::RUNTIME_CALL;
use super::super::key::CodeKey;
use super::call::{Catch, result_types};
use super::code::{Code, Result, Target};
use super::frame::{Emitter, Loc};

/// The registers of parameters, and of a result.
pub(super) type Registers = (SmallVec<[Type; 8]>, SmallVec<[Type; 6]>);

/// Whether a function takes a context, even if it is only to ignore it.
pub(super) fn takes_context(instance: Instance) -> bool {
    matches!(
        instance.id.kind,
        FnKind::Closure(_)
            | FnKind::ValueThunk
            | FnKind::BoundMethodThunk
            | FnKind::KeyPathGet(_)
            | FnKind::KeyPathSet(_)
    )
}

/// The registers of a function of C: parameters and result.
pub(super) fn registers<'a>(p: &dyn Program<'a>, ty: Ty) -> Result<Registers> {
    let TyKind::Function(f) = ty.kind() else {
        return Err("a function of C of a type that is no function".into());
    };
    let mut params = SmallVec::new();
    for param in &f.params {
        let layout = p.layout(param.ty);
        if layout.scalars.is_none() {
            return Err("a parameter that C does not know".into());
        }
        params.extend(layout.scalar_types());
    }
    let result = p.layout(f.result);
    if result.scalars.as_ref().is_none_or(|s| s.len() > 1) {
        return Err("a result that C does not know".into());
    }
    Ok((params, result_types(result, false)))
}

/// The body of a thunk around a closure or local function: it captures nothing, so its context is null.
pub(super) fn call_closure(
    c: &mut Code<'_, '_>,
    instance: Instance,
    ty: Ty,
    values: &[Value],
) -> Result<()> {
    let (_, results) = registers(c.p, ty)?;
    let mut passed: SmallVec<[Value; 8]> = values.into();
    passed.push(c.i64(0));
    let target = Target::Key(CodeKey::Function(instance));
    let conv = super::convention(c.p, instance);
    let call = c.call(target, conv, &passed, &results);
    let result = c.b.inst_results(call).to_vec();
    c.b.ins().return_(&result);
    Ok(())
}

impl<'f, 'a> Emitter<'f, 'a> {
    pub(super) fn call_c_function(
        &mut self,
        function: &Operand,
        ty: Ty,
        dest: &Loc,
        args: &[Argument],
        catch: Catch<'_>,
    ) -> Result<()> {
        let TyKind::Function(f) = ty.kind() else {
            return Err("a call of a value that is no function".into());
        };
        let code = self.operand(function)?.scalar()?;
        let (mut values, writebacks) = self.arguments(args)?;
        for (value, param) in values.iter_mut().zip(&f.params) {
            *value = self.widened(*value, param.ty);
        }
        let layout = self.c.layout(dest.ty);
        let results = result_types(layout, false);
        let signature = self.c.sig_ref(RUNTIME_CALL, &values, &results);
        let inst = self.c.b.ins().call_indirect(signature, code, &values);
        self.after_call(inst, dest, layout, false, &writebacks, catch)
    }

    /// C's compilers take it that whoever calls a function has widened narrow integers to 32 bits, by their sign if they have one.
    fn widened(&mut self, value: Value, ty: Ty) -> Value {
        let from = self.c.b.func.dfg.value_type(value);
        if !from.is_int() || from.bits() >= 32 {
            return value;
        }
        let is_signed = ty.nominal_def().is_some_and(|def| {
            let name = self.c.p.def(def).name;
            self.c.p.is_library(def) && (name == "Int8" || name == "Int16")
        });
        match is_signed {
            true => self.c.b.ins().sextend(types::I32, value),
            false => self.c.b.ins().uextend(types::I32, value),
        }
    }
}
