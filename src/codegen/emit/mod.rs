//! From MIR to machine code.
//!
//! * [`code`]: writing instructions; [`values`], [`enums`]: values by layout; neither knows MIR.
//! * [`frame`]: one function's MIR being emitted, and its places; [`blocks`], [`body`]: the order of blocks, statements and terminators; [`rvalue`]: right-hand
//!   sides; [`call`]: calls and inlining; [`builtin`]: the operations of module `Builtin`; [`dynamic`]: existentials and casts;
//!   [`metatypes`]: types as values;
//!   [`opened`]: calls that depend on the type inside an existential; [`c_functions`]: functions of C and calls of them.
//! * [`thunks`]: functions that adapt calling conventions, as MIR; [`helpers`]: copying and destroying by type, and other functions that
//!   the runtime calls.

mod blocks;
mod body;
mod builtin;
mod c_functions;
mod call;
pub(super) mod code;
mod dynamic;
mod enums;
pub(super) mod frame;
mod helpers;
mod metatypes;
mod opened;
pub(super) mod rvalue;
mod thunks;
pub(super) mod values;

use cranelift_codegen::binemit::Reloc as ClifReloc;
use cranelift_codegen::ir::{
    ExternalName, FuncRef, Function, InstBuilder, Type, UserExternalName, UserFuncName, Value,
    types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_codegen::{CompiledCode, FinalizedRelocTarget};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use smallvec::SmallVec;

use crate::mir::data::{FnKind, Instance, LocalKind, Mir};
use crate::session::OptLevel;
use crate::types::ty::TyList;

use self::call::result_types;
use self::code::{Code, LINE_SPACE, Result, SYMBOL_SPACE, Symbols, Target};
use self::frame::{Emitter, Exit, Frame};
pub(super) use self::thunks::{member_args, overrides_directly};
use super::blob::{FunctionBlob, LineReloc, LineRow, Linkage, Reloc, RelocKind, SymbolName};
use super::cx::Program;
use super::dispatch;
use super::isa::{self, COLD_CALL, LANGUAGE_CALL, RUNTIME_CALL};
use super::key::{Blob, CodeKey, CodeUnit, CodegenError};

/// How many statements may be inlined into one function.
const INLINE_BUDGET: u32 = 20_000;

/// The function of a key, as machine code.
///
/// # Errors
/// When the MIR contradicts itself or its types, or the function is too large for the machine: a defect of the compiler.
pub fn function<'a>(
    p: &dyn Program<'a>,
    key: CodeKey,
    level: OptLevel,
) -> std::result::Result<CodeUnit, CodegenError> {
    generate(p, key, level, &mut None)
}

/// The function of a key as Cranelift's text, before it is compiled.
///
/// # Errors
/// As [`function`].
pub fn function_text<'a>(
    p: &dyn Program<'a>,
    key: CodeKey,
    level: OptLevel,
) -> std::result::Result<String, CodegenError> {
    let mut text = Some(String::new());
    generate(p, key, level, &mut text)?;
    Ok(text.unwrap_or_default())
}

fn generate<'a>(
    p: &dyn Program<'a>,
    key: CodeKey,
    level: OptLevel,
    text: &mut Option<String>,
) -> std::result::Result<CodeUnit, CodegenError> {
    let symbol = p.symbol(&key).as_str();
    isa::with_compiler(|compiler| {
        let unit = emit(p, key, level, compiler, symbol, text);
        unit.map_err(|message| {
            // The builder may hold half a function; the next one starts afresh.
            compiler.builder = FunctionBuilderContext::new();
            CodegenError {
                symbol: symbol.to_owned(),
                message,
            }
        })
    })
}

/// What kind of function a key stands for.
enum Source<'f> {
    Mir(&'f Mir, TyList),
    GlobalAddress(Instance),
    /// A function for types that are too large: it stops the program.
    Endless,
    Helper,
}

fn emit<'a>(
    p: &dyn Program<'a>,
    key: CodeKey,
    level: OptLevel,
    compiler: &mut isa::Compiler,
    symbol: &str,
    text: &mut Option<String>,
) -> Result<CodeUnit> {
    let synthesised;
    let empty = TyList::empty();
    let (source, extra) = match key {
        CodeKey::Function(
            instance @ Instance {
                id:
                    crate::mir::data::FnId {
                        kind: FnKind::GlobalAddress,
                        ..
                    },
                ..
            },
        ) => (Source::GlobalAddress(instance), false),
        CodeKey::Function(instance) if dispatch::is_endless(instance.args.as_slice()) => {
            (Source::Endless, false)
        }
        // A function value of a generic function for an existential opens what it is given.
        CodeKey::Function(instance) if p.opened_argument(instance.id, instance.args).is_some() => {
            synthesised = thunks::opening(p, instance);
            (Source::Mir(&synthesised, empty), false)
        }
        CodeKey::Function(instance) => {
            let missing = "the function has no code: it has errors, or no body";
            if level == OptLevel::None {
                let mir = p.mir(instance.id).ok_or(missing)?;
                (Source::Mir(mir, instance.args), false)
            } else {
                let mir = p.optimized(instance).ok_or(missing)?;
                (Source::Mir(mir, empty), false)
            }
        }
        CodeKey::ValueThunk(instance, ty)
            if ty.is_c_function() && c_functions::takes_context(instance) =>
        {
            (Source::Helper, false)
        }
        CodeKey::ValueThunk(instance, ty) => {
            synthesised = thunks::value(p, instance, ty)?;
            (Source::Mir(&synthesised, empty), !ty.is_c_function())
        }
        CodeKey::WitnessThunk(requirement, args) => {
            synthesised = thunks::witness(p, requirement, args)?;
            (Source::Mir(&synthesised, empty), false)
        }
        CodeKey::DynamicInstance(call, ty) => {
            synthesised = thunks::dynamic(p, call, ty)?;
            (Source::Mir(&synthesised, empty), false)
        }
        CodeKey::VTableThunk(method, implementation, class) => {
            let args = TyList::empty();
            synthesised = thunks::vtable(p, method, implementation, class, args)?;
            (Source::Mir(&synthesised, empty), false)
        }
        _ => (Source::Helper, false),
    };
    let (conv, params, results): (CallConv, SmallVec<[Type; 8]>, SmallVec<[Type; 6]>) =
        match &source {
            Source::Mir(mir, args) => {
                let (params, results) = signature(p, mir, *args, extra);
                let conv = match key {
                    _ if mir.id.kind == FnKind::Main => RUNTIME_CALL,
                    CodeKey::Function(instance) => convention(p, instance),
                    CodeKey::ValueThunk(_, ty) if ty.is_c_function() => RUNTIME_CALL,
                    _ => LANGUAGE_CALL,
                };
                (conv, params, results)
            }
            Source::GlobalAddress(_) => (
                LANGUAGE_CALL,
                SmallVec::new(),
                smallvec::smallvec![types::I64],
            ),
            // It never looks at its parameters and never returns.
            Source::Endless => (LANGUAGE_CALL, SmallVec::new(), SmallVec::new()),
            Source::Helper => helpers::signature(p, key)?,
        };
    let context = &mut compiler.context;
    context.clear();
    context.func = Function::with_name_signature(
        UserFuncName::default(),
        cranelift_codegen::ir::Signature::new(conv),
    );
    let builder = FunctionBuilder::new(&mut context.func, &mut compiler.builder);
    let mut code = Code::new(p, builder, level != OptLevel::None);
    code.b.func.signature = code.signature(conv, &params, &results);
    let entry = code.b.create_block();
    code.b.append_block_params_for_function_params(entry);
    code.at(entry);
    let values: SmallVec<[Value; 8]> = code.b.block_params(entry).into();
    let mut code = match source {
        Source::Mir(mir, args) => emit_mir(code, mir, args, &values, key)?,
        Source::GlobalAddress(instance) => {
            let mut emitter = emitter(code);
            let address = emitter.global_address(instance.id.def, instance.args);
            emitter.c.b.ins().return_(&[address]);
            emitter.c
        }
        Source::Endless => {
            code.runtime("codira_endless_type", &[], &[]);
            code.unreachable();
            code
        }
        Source::Helper => {
            helpers::emit(&mut code, key, &values)?;
            code
        }
    };
    code.b.seal_all_blocks();
    let symbols = std::mem::take(&mut code.symbols);
    let target = isa::isa(level)?;
    code.b.finalize(target.frontend_config());
    if let Some(text) = text {
        *text = describe(p, &context.func, &symbols, symbol);
    }
    let names: Vec<UserExternalName> = context
        .func
        .params
        .user_named_funcs()
        .values()
        .cloned()
        .collect();
    if level != OptLevel::None {
        context
            .optimize(target, &mut compiler.control)
            .map_err(|error| format!("{error:?}"))?;
        super::scalar::run(context, &|func, called| is_retain(func, called, &symbols));
    }
    let compiled = context
        .compile(target, &mut compiler.control)
        .map_err(|error| format!("{:?}", error.inner))?;
    finish(p, key, symbol, compiled, &names, symbols)
}

/// The convention by which a function is called by name.
fn convention<'a>(p: &dyn Program<'a>, instance: Instance) -> CallConv {
    if p.is_cold(instance.id) {
        COLD_CALL
    } else {
        LANGUAGE_CALL
    }
}

/// The registers of a function's parameters and results.
fn signature<'a>(
    p: &dyn Program<'a>,
    mir: &Mir,
    args: TyList,
    extra: bool,
) -> (SmallVec<[Type; 8]>, SmallVec<[Type; 6]>) {
    let concrete = |ty: crate::types::ty::Ty| p.normalize(ty.subst(args.as_slice()));
    let mut params = SmallVec::new();
    let result = p.layout(concrete(mir.locals[mir.result].ty));
    if result.scalars.is_none() {
        params.push(types::I64);
    }
    for &param in &mir.params {
        let decl = &mir.locals[param];
        let by_address = matches!(decl.kind, LocalKind::Inout | LocalKind::BorrowedAddress);
        let layout = p.layout(concrete(decl.ty));
        match &layout.scalars {
            Some(_) if !by_address => params.extend(layout.scalar_types()),
            _ => params.push(types::I64),
        }
    }
    if extra {
        params.push(types::I64);
    }
    (params, result_types(result, throws(p, mir, args)))
}

fn throws<'a>(p: &dyn Program<'a>, mir: &Mir, args: TyList) -> bool {
    mir.throws.is_some_and(|error| {
        let error = p.normalize(error.subst(args.as_slice()));
        !p.layout(error)
            .as_enum()
            .is_some_and(|e| e.cases.is_empty())
    })
}

fn emitter<'f, 'a>(c: Code<'f, 'a>) -> Emitter<'f, 'a> {
    static NOTHING: std::sync::OnceLock<Mir> = std::sync::OnceLock::new();
    let nothing = NOTHING.get_or_init(thunks::empty_mir);
    Emitter {
        c,
        frame: Frame {
            mir: nothing,
            args: TyList::empty(),
            types: Vec::new(),
            storage: Vec::new(),
            blocks: Vec::new(),
            exit: Exit::Function {
                result_address: None,
                throws: false,
            },
            depth: 0,
            line: None,
            hidden_fields: false,
            texts: Default::default(),
        },
        inlining: Vec::new(),
        budget: INLINE_BUDGET,
        monos: Default::default(),
    }
}

fn emit_mir<'f, 'a>(
    mut code: Code<'f, 'a>,
    mir: &'f Mir,
    args: TyList,
    values: &[Value],
    key: CodeKey,
) -> Result<Code<'f, 'a>> {
    code.file = code.p.file_name(mir.id.def);
    let throws = throws(code.p, mir, args);
    let mut emitter = emitter(code);
    let exit = Exit::Function {
        result_address: None,
        throws,
    };
    emitter.frame = emitter.new_frame(mir, args, exit, 0, None);
    if let CodeKey::Function(instance) = key {
        emitter.inlining.push(instance);
    }
    emitter.function(values)?;
    Ok(emitter.c)
}

/// The function's text with the names of the symbols that it refers to.
fn describe<'a>(p: &dyn Program<'a>, func: &Function, symbols: &Symbols, symbol: &str) -> String {
    use std::fmt::Write;
    let mut text = format!("; {symbol}\n");
    for (i, target) in symbols.targets.iter().enumerate() {
        let _ = writeln!(text, "; u{SYMBOL_SPACE}:{i} = {}", target_symbol(p, target));
    }
    let _ = write!(text, "{}", func.display());
    text
}

fn target_symbol<'a>(p: &dyn Program<'a>, target: &Target) -> SymbolName {
    match target {
        Target::Key(key) => p.symbol(key),
        Target::Runtime(name) => SymbolName::new(name.as_str()),
    }
}

/// Whether a called function does nothing but count a reference up.
fn is_retain(func: &Function, called: FuncRef, symbols: &Symbols) -> bool {
    let ExternalName::User(name) = func.dfg.ext_funcs[called].name else {
        return false;
    };
    let index = func.params.user_named_funcs()[name].index as usize;
    matches!(symbols.targets.get(index), Some(Target::Runtime(name)) if name.as_str() == values::COUNT_UP)
}

/// Turns compiled code into a blob.
fn finish<'a>(
    p: &dyn Program<'a>,
    key: CodeKey,
    symbol: &str,
    compiled: &CompiledCode,
    externals: &[UserExternalName],
    symbols: Symbols,
) -> Result<CodeUnit> {
    let mut blob = FunctionBlob {
        symbol: SymbolName::new(symbol),
        linkage: linkage(p, &key),
        code: compiled.code_buffer().to_vec(),
        align: 16,
        ..FunctionBlob::default()
    };
    let names: Vec<SymbolName> = symbols
        .targets
        .iter()
        .map(|target| target_symbol(p, target))
        .collect();
    for reloc in compiled.buffer.relocs() {
        let FinalizedRelocTarget::ExternalName(name) = &reloc.target else {
            return Err("a relocation inside the function".into());
        };
        let index = match name {
            ExternalName::User(user) => {
                let name = externals
                    .get(user.as_u32() as usize)
                    .ok_or("an unknown name")?;
                if name.namespace == LINE_SPACE {
                    let line = symbols.lines.get(name.index as usize);
                    blob.line_relocs.push(LineReloc {
                        offset: reloc.offset,
                        key: *line.ok_or("a line that was not asked for")?,
                    });
                    continue;
                }
                names.get(name.index as usize).copied()
            }
            ExternalName::LibCall(call) => library_function(*call),
            _ => None,
        };
        let kind = match reloc.kind {
            ClifReloc::Abs8 => RelocKind::Abs64,
            ClifReloc::X86PCRel4 | ClifReloc::X86CallPCRel4 | ClifReloc::X86CallPLTRel4 => {
                RelocKind::PcRel32
            }
            ClifReloc::Arm64Call => RelocKind::Aarch64Call26,
            ClifReloc::Aarch64AdrPrelPgHi21 => RelocKind::Aarch64AdrPage21,
            ClifReloc::Aarch64AddAbsLo12Nc => RelocKind::Aarch64AddLow12,
            other => return Err(format!("a relocation of kind {other:?}")),
        };
        blob.relocs.push(Reloc {
            offset: reloc.offset,
            kind,
            target: index.ok_or("a relocation without a symbol")?,
            addend: reloc.addend,
        });
    }
    for location in compiled.buffer.get_srclocs_sorted() {
        if let Some(&key) = symbols.rows.get(location.loc.bits() as usize)
            && blob.line_rows.last().is_none_or(|row| row.key != key)
        {
            blob.line_rows.push(LineRow {
                offset: location.start,
                key,
            });
        }
    }
    let references = symbols
        .targets
        .iter()
        .filter_map(|target| match target {
            Target::Key(key) => Some(*key),
            Target::Runtime(_) => None,
        })
        .collect();
    Ok(CodeUnit {
        blob: Blob::Function(blob),
        references,
        dynamic_protocols: symbols.dynamic_protocols,
    })
}

/// The runtime's name for what Cranelift cannot do in instructions.
fn library_function(call: cranelift_codegen::ir::LibCall) -> Option<SymbolName> {
    use cranelift_codegen::ir::LibCall;
    let name = match call {
        LibCall::CeilF32 => "ceilf",
        LibCall::CeilF64 => "ceil",
        LibCall::FloorF32 => "floorf",
        LibCall::FloorF64 => "floor",
        LibCall::TruncF32 => "truncf",
        LibCall::TruncF64 => "trunc",
        LibCall::NearestF32 => "nearbyintf",
        LibCall::NearestF64 => "nearbyint",
        LibCall::FmaF32 => "fmaf",
        LibCall::FmaF64 => "fma",
        LibCall::Memcpy => "memcpy",
        LibCall::Memset => "memset",
        LibCall::Memmove => "memmove",
        LibCall::Memcmp => "memcmp",
        _ => return None,
    };
    Some(SymbolName::new(name))
}

/// Functions that have a place in one file are its own; everything made for types can be made by any file that needs it.
pub(super) fn linkage<'a>(p: &dyn Program<'a>, key: &CodeKey) -> Linkage {
    let (def, args) = match key {
        CodeKey::Function(instance) => (instance.id.def, instance.args),
        CodeKey::Global(def, args)
        | CodeKey::GlobalFlag(def, args)
        | CodeKey::GlobalInit(def, args) => (*def, *args),
        CodeKey::CastHook(def) => (*def, TyList::empty()),
        _ => return Linkage::Shared,
    };
    match args.is_empty() && !p.is_library(def) {
        true => Linkage::Global,
        false => Linkage::Shared,
    }
}
