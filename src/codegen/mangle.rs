//! Symbol names.
//!
//! A symbol is readable as it stands: `$c`, then the path of the declaration as the language writes it, then what distinguishes it
//! further. Characters of identifiers and operators that the notation itself uses are escaped as `%` and two hexadecimal digits, which keeps
//! the naming injective. Names beyond [`MAX_LENGTH`] bytes are cut and end in a hash of the whole.

use std::fmt::Write;

use crate::base::Fingerprint;
use crate::items::ids::{AccessorKind, DefId, DefKind, Synth};
use crate::mir::data::{FnId, FnKind, Instance};
use crate::types::ty::{ParamMode, Ty, TyKind, TyList};

use super::cx::Program;
use super::key::{CodeKey, DynamicCall};

/// What every symbol of a Codira program starts with.
pub const PREFIX: &str = "$c";
const MAX_LENGTH: usize = 220;
/// What the type of a function of C starts with, inside of its braces. No type starts like that.
pub(super) const C_FUNCTION: char = '|';
/// The entry that the runtime calls.
pub const MAIN_SYMBOL: &str = "codira_program_main";
/// The table in which the runtime finds what the library adds to casts, where a program has one.
pub const HOOKS_SYMBOL: &str = "codira_program_hooks";

/// The symbol of a function or datum.
pub fn symbol<'a>(p: &dyn Program<'a>, key: &CodeKey) -> String {
    let mut m = Mangler {
        p,
        out: String::from(PREFIX),
    };
    match *key {
        CodeKey::Function(Instance {
            id: FnId {
                kind: FnKind::Main, ..
            },
            ..
        }) => return MAIN_SYMBOL.to_owned(),
        CodeKey::Function(instance) => m.instance(instance),
        CodeKey::ValueThunk(instance, ty) => {
            m.role("value ");
            m.instance(instance);
            m.out.push(':');
            m.ty(ty);
        }
        CodeKey::WitnessThunk(requirement, args) => {
            m.role("witness ");
            m.def(requirement);
            m.args(args);
        }
        CodeKey::VTableThunk(method, implementation, class) => {
            m.role("override ");
            m.function(method);
            m.out.push(':');
            m.function(implementation);
            m.out.push(':');
            m.ty(class);
        }
        CodeKey::DynamicInstance(call, ty) => {
            m.role("dynamic ");
            m.dynamic_call(call);
            m.out.push(':');
            m.ty(ty);
        }
        CodeKey::DynamicSlot(call) => {
            m.role("slot ");
            m.dynamic_call(call);
        }
        CodeKey::Metadata(ty) => m.of_type("metadata ", ty),
        CodeKey::WitnessTable(ty, protocol) => {
            m.of_type("table ", ty);
            m.out.push(':');
            m.def(protocol);
        }
        CodeKey::ConstrainedProtocol(existential, protocol) => {
            m.of_type("constrained ", existential);
            m.out.push(':');
            m.def(protocol);
        }
        CodeKey::Protocol(protocol) => {
            m.role("protocol ");
            m.def(protocol);
        }
        CodeKey::StringObject(text) => m.of_text("string ", text.as_str()),
        CodeKey::Text(text) => m.of_text("text ", text.as_str()),
        CodeKey::TrapSite(message, file) => {
            m.of_text("trap ", message.as_str());
            m.out.push('~');
            m.escaped(file.as_str());
        }
        CodeKey::Global(def, args) => m.of_global("global ", def, args),
        CodeKey::GlobalFlag(def, args) => m.of_global("once ", def, args),
        CodeKey::GlobalInit(def, args) => m.of_global("initial ", def, args),
        CodeKey::Copy(ty) => m.of_type("copy ", ty),
        CodeKey::Destroy(ty) => m.of_type("destroy ", ty),
        CodeKey::DestroyObject(ty) => m.of_type("deinit ", ty),
        CodeKey::EnumTag(ty) => m.of_type("tag ", ty),
        CodeKey::ContextMetadata(instance) => {
            m.role("context ");
            m.instance(instance);
        }
        CodeKey::DestroyContext(instance) => {
            m.role("release ");
            m.instance(instance);
        }
        CodeKey::EmptyObject(ty) => m.of_type("empty ", ty),
        CodeKey::CastHooks => return HOOKS_SYMBOL.to_owned(),
        CodeKey::CastHook(def) => {
            if let Some(name) = p.c_symbol(def) {
                return name.as_str().to_owned();
            }
            m.role("cast ");
            m.def(def);
        }
    }
    shorten(m.out)
}

fn shorten(mut name: String) -> String {
    if name.len() <= MAX_LENGTH {
        return name;
    }
    let hash = Fingerprint::of_bytes(name.as_bytes()).to_hex();
    let mut cut = MAX_LENGTH - hash.len() - 1;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    name.truncate(cut);
    name.push('~');
    name.push_str(&hash);
    name
}

struct Mangler<'p, 'a> {
    p: &'p dyn Program<'a>,
    out: String,
}

impl Mangler<'_, '_> {
    fn role(&mut self, role: &str) {
        // No declaration's name starts with this mark, because marks are escaped in names.
        self.out.push('\'');
        self.out.push_str(role);
    }

    fn of_type(&mut self, role: &str, ty: Ty) {
        self.role(role);
        self.ty(ty);
    }

    fn dynamic_call(&mut self, call: DynamicCall) {
        match call {
            DynamicCall::Opened {
                id,
                args,
                index,
                is_virtual,
            } => {
                self.instance(Instance { id, args });
                let mark = if is_virtual { '^' } else { '#' };
                let _ = write!(self.out, "{mark}{index}");
            }
            DynamicCall::Method { id, args } => self.instance(Instance { id, args }),
        }
    }

    fn of_global(&mut self, role: &str, def: DefId, args: TyList) {
        self.role(role);
        self.def(def);
        self.args(args);
    }

    fn of_text(&mut self, role: &str, text: &str) {
        self.role(role);
        if text.len() <= 40 {
            self.escaped(text);
        } else {
            let hash = Fingerprint::of_bytes(text.as_bytes()).to_hex();
            // A short text has no `=`, so that the two forms cannot meet.
            self.out.push('=');
            self.out.push_str(&hash);
        }
    }

    fn escaped(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'_'
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'!'
                | b'?'
                | b'('
                | b')' => {
                    self.out.push(byte as char);
                }
                _ => {
                    let _ = write!(self.out, "%{byte:02X}");
                }
            }
        }
    }

    /// A declaration's name: its labels keep their colons, because nothing follows a `)` but a mark.
    fn name(&mut self, text: &str) {
        match text.split_once('(') {
            Some((base, labels)) if labels.ends_with(')') => {
                self.escaped(base);
                self.out.push('(');
                for label in labels.trim_end_matches(')').split_inclusive(':') {
                    self.escaped(label.trim_end_matches(':'));
                    if label.ends_with(':') {
                        self.out.push(':');
                    }
                }
                self.out.push(')');
            }
            _ => self.escaped(text),
        }
    }

    fn def(&mut self, def: DefId) {
        let data = self.p.def(def);
        if let Some(parent) = data.parent {
            self.def(parent);
            self.out.push('.');
        }
        match data.kind {
            DefKind::Module
            | DefKind::Struct
            | DefKind::Enum
            | DefKind::Class
            | DefKind::Protocol
            | DefKind::TypeAlias
            | DefKind::AssociatedType => {}
            // Only the last part of a path: where a file lies must not show in the program.
            DefKind::File => {
                let path = data.name.as_str();
                let last = path.rsplit(['/', '\\']).next().unwrap_or(path);
                self.escaped(last);
            }
            DefKind::Func => self.out.push('\''),
            other => {
                self.out.push('\'');
                self.out.push_str(kind_mark(other));
                self.out.push('\'');
            }
        }
        if data.kind != DefKind::File {
            self.name(data.name.as_str());
        }
        if data.index != 0 {
            let _ = write!(self.out, "#{}", data.index);
        }
    }

    fn function(&mut self, id: FnId) {
        self.def(id.def);
        let role = match id.kind {
            FnKind::Body => return,
            FnKind::Allocate => "new".to_owned(),
            FnKind::Closure(n) => format!("closure{n}"),
            FnKind::DefaultArg => "default".to_owned(),
            FnKind::InitialValue => "initial".to_owned(),
            FnKind::GlobalAddress => "address".to_owned(),
            FnKind::DestroyObject => "deinit".to_owned(),
            FnKind::CaseConstructor => "case".to_owned(),
            FnKind::PropertyGet => "get".to_owned(),
            FnKind::PropertySet => "set".to_owned(),
            FnKind::PropertyAddress => "in place".to_owned(),
            FnKind::Main => "main".to_owned(),
            FnKind::ValueThunk => "value".to_owned(),
            FnKind::BoundMethodThunk => "method".to_owned(),
            FnKind::KeyPathGet(n) => format!("path get{n}"),
            FnKind::KeyPathSet(n) => format!("path set{n}"),
            FnKind::EndAccess => "end".to_owned(),
            #[allow(
                unreachable_patterns,
                reason = "kinds may be added while this folder is built against an older list"
            )]
            other => format!("{other:?}"),
        };
        self.out.push('~');
        self.out.push_str(&role);
    }

    fn instance(&mut self, instance: Instance) {
        self.function(instance.id);
        self.args(instance.args);
    }

    fn args(&mut self, args: TyList) {
        if args.is_empty() {
            return;
        }
        self.list('<', args.iter(), '>');
    }

    fn list(&mut self, open: char, types: impl Iterator<Item = Ty>, close: char) {
        self.out.push(open);
        for (i, ty) in types.enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.ty(ty);
        }
        self.out.push(close);
    }

    fn ty(&mut self, ty: Ty) {
        match ty.kind() {
            TyKind::Error => self.out.push_str("'error"),
            TyKind::Infer(n) => {
                let _ = write!(self.out, "'infer{n}");
            }
            TyKind::Param { index, .. } => {
                let _ = write!(self.out, "'{index}");
            }
            TyKind::Nominal { def, args } => {
                self.def(*def);
                self.args(*args);
            }
            TyKind::Existential(e) => {
                self.out.push_str("any[");
                for (i, &protocol) in e.protocols.iter().enumerate() {
                    if i > 0 {
                        self.out.push('&');
                    }
                    self.def(protocol);
                }
                if e.class_bound {
                    self.out.push('!');
                }
                if let Some(superclass) = e.superclass {
                    self.out.push(':');
                    self.ty(superclass);
                }
                for &(assoc, ty) in &e.bindings {
                    self.out.push(',');
                    self.def(assoc);
                    self.out.push('=');
                    self.ty(ty);
                }
                self.out.push(']');
            }
            TyKind::Tuple(elems) => {
                self.out.push('(');
                for (i, elem) in elems.iter().enumerate() {
                    if i > 0 {
                        self.out.push(',');
                    }
                    if let Some(label) = elem.label {
                        self.escaped(label.as_str());
                        self.out.push(':');
                    }
                    self.ty(elem.ty);
                }
                self.out.push(')');
            }
            TyKind::Function(f) => {
                self.out.push('{');
                if f.is_c() {
                    self.out.push(C_FUNCTION);
                }
                for (i, param) in f.params.iter().enumerate() {
                    if i > 0 {
                        self.out.push(',');
                    }
                    self.out.push_str(match param.mode {
                        ParamMode::Borrow => "",
                        ParamMode::Owned => "+",
                        ParamMode::Inout => "&",
                    });
                    self.ty(param.ty);
                    if param.variadic {
                        self.out.push_str("...");
                    }
                    if param.autoclosure {
                        self.out.push('@');
                    }
                }
                self.out.push_str(match (f.is_async, f.escaping) {
                    (false, true) => "->",
                    (false, false) => "~>",
                    (true, true) => "=>",
                    (true, false) => "~=>",
                });
                self.ty(f.result);
                if let Some(error) = f.throws {
                    self.out.push('!');
                    self.ty(error);
                }
                self.out.push('}');
            }
            TyKind::Metatype(t) => self.wrapped("Type", *t),
            TyKind::ProtocolMetatype(t) => self.wrapped("Protocol", *t),
            TyKind::Assoc { base, assoc } => {
                self.wrapped("assoc", *base);
                self.def(*assoc);
            }
            TyKind::Opaque { def, index, args } => {
                let _ = write!(self.out, "'some{index}");
                self.def(*def);
                self.args(*args);
            }
            TyKind::DynamicSelf(t) => self.wrapped("Self", *t),
            TyKind::Builtin(b) => {
                self.out.push_str("Builtin.");
                self.out.push_str(b.name());
            }
            TyKind::Inout(t) => self.wrapped("inout", *t),
            TyKind::PackExpansion(t) => self.wrapped("pack", *t),
            TyKind::Integer(n) => {
                let _ = write!(self.out, "{n}");
            }
        }
    }

    fn wrapped(&mut self, what: &str, ty: Ty) {
        self.out.push('\'');
        self.out.push_str(what);
        self.list('[', std::iter::once(ty), ']');
    }
}

fn kind_mark(kind: DefKind) -> &'static str {
    match kind {
        DefKind::Module => "module",
        DefKind::File => "file",
        DefKind::Struct | DefKind::Enum | DefKind::Class | DefKind::Protocol => "type",
        DefKind::Extension => "ext",
        DefKind::TypeAlias | DefKind::AssociatedType => "alias",
        DefKind::GenericParam => "param",
        DefKind::Func => "fn",
        DefKind::Init => "init",
        DefKind::Deinit => "deinit",
        DefKind::Subscript => "subscript",
        DefKind::Var => "var",
        DefKind::Binding => "binding",
        DefKind::Case => "case",
        DefKind::Accessor(kind) => match kind {
            AccessorKind::Get => "get",
            AccessorKind::Set => "set",
            AccessorKind::WillSet => "willSet",
            AccessorKind::DidSet => "didSet",
            AccessorKind::Read => "read",
            AccessorKind::Modify => "modify",
            AccessorKind::Address => "address",
            AccessorKind::MutableAddress => "mutable address",
            AccessorKind::Init => "init accessor",
        },
        DefKind::DefaultArg => "default",
        DefKind::TopLevel => "top",
        DefKind::Operator => "operator",
        DefKind::PrecedenceGroup => "group",
        DefKind::Import => "import",
        DefKind::Macro => "macro",
        DefKind::Closure => "closure",
        DefKind::WrapperInit => "wrapper init",
        DefKind::Synth(synth) => match synth {
            Synth::MemberwiseInit => "memberwise",
            Synth::DefaultInit => "default init",
            Synth::InheritedInit => "inherited init",
            Synth::Equals => "equals",
            Synth::HashInto => "hash into",
            Synth::HashValue => "hash value",
            Synth::Less => "less",
            Synth::AllCases => "all cases",
            Synth::InitRawValue => "from raw",
            Synth::RawValue => "raw",
        },
    }
}
