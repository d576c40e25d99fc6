//! The target machine and the per-thread state of compilation.

use std::cell::RefCell;
use std::sync::OnceLock;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;

use crate::session::OptLevel;

/// The convention of functions of the language. It returns up to eight integers and eight floats in registers, which makes room for strings, optionals
/// of them and the error beside a result; otherwise it uses registers as C does.
pub const LANGUAGE_CALL: CallConv = CallConv::Tail;
/// The convention of functions that are called rarely from places where registers are precious: the callee saves all that it uses.
pub const COLD_CALL: CallConv = CallConv::PreserveAll;
/// The convention of the runtime's functions that count references.
pub const COUNT_CALL: CallConv = if cfg!(target_arch = "x86_64") {
    CallConv::PreserveAll
} else {
    RUNTIME_CALL
};
/// The convention of everything that the runtime calls or provides.
pub const RUNTIME_CALL: CallConv = CallConv::SystemV;

/// The machine that code is made for, with the settings of an optimisation level. Made once per level.
///
/// # Errors
/// When this machine is not one that code can be made for.
pub fn isa(level: OptLevel) -> Result<&'static dyn TargetIsa, String> {
    static DEBUG: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    static FAST: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    let (cell, opt) = match level {
        OptLevel::None => (&DEBUG, "none"),
        _ => (&FAST, "speed"),
    };
    match cell.get_or_init(|| make(opt)) {
        Ok(isa) => Ok(isa.as_ref()),
        Err(error) => Err(error.clone()),
    }
}

fn make(opt_level: &str) -> Result<OwnedTargetIsa, String> {
    let mut flags = settings::builder();
    let mut set = |name: &str, value: &str| {
        flags
            .set(name, value)
            .map_err(|error| format!("setting {name}: {error}"))
    };
    set("opt_level", opt_level)?;
    set("regalloc_algorithm", "backtracking")?;
    set("is_pic", "false")?;
    // The verifier finds mistakes of this folder; it costs a fifth of the time.
    set(
        "enable_verifier",
        if cfg!(debug_assertions) {
            "true"
        } else {
            "false"
        },
    )?;
    // Frames larger than a page touch each page in order, so that running out of stack hits the guard page and nothing beyond it.
    set("enable_probestack", "true")?;
    set("probestack_strategy", "inline")?;
    set("preserve_frame_pointers", "true")?;
    set("unwind_info", "false")?;
    set("enable_alias_analysis", "true")?;
    let triple = target_lexicon::Triple::host();
    let mut builder = cranelift_codegen::isa::lookup(triple).map_err(|error| error.to_string())?;
    if cfg!(target_arch = "x86_64") {
        // Rounding to integers needs SSE4.1; every machine of the last fifteen years also counts bits in one instruction.
        for feature in [
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
        ] {
            builder.enable(feature).map_err(|error| error.to_string())?;
        }
    }
    builder
        .finish(settings::Flags::new(flags))
        .map_err(|error| error.to_string())
}

/// What one thread reuses from function to function.
pub struct Compiler {
    pub context: Context,
    pub builder: FunctionBuilderContext,
    pub control: ControlPlane,
}

thread_local! {
    static COMPILER: RefCell<Option<Box<Compiler>>> = const { RefCell::new(None) };
}

/// Runs `f` with this thread's compiler. Calls that nest get one of their own.
pub fn with_compiler<T>(f: impl FnOnce(&mut Compiler) -> T) -> T {
    let taken = COMPILER.with(|cell| cell.borrow_mut().take());
    let mut compiler = taken.unwrap_or_else(|| {
        Box::new(Compiler {
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
        })
    });
    let result = f(&mut compiler);
    compiler.context.clear();
    COMPILER.with(|cell| *cell.borrow_mut() = Some(compiler));
    result
}
