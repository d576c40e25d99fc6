//! How types and declarations are printed.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::ItemKind;
use crate::items::{item, module_of};
use crate::resolve::container_of;
use crate::types::generics::{own_param_base, own_param_count};
use crate::types::lang::{LangItem, is_lang, lang};
use crate::types::signature::{opaque_bounds, signature};
use crate::types::ty::{Existential, FnTy, ParamMode, Ty, TyKind};
use std::fmt::Write;

/// The type as diagnostics print it (`[Int]`, `String?`); `qualified` puts the module before every nominal.
pub fn display_type(db: &dyn Db, ty: Ty, qualified: bool) -> String {
    let mut printer = Printer {
        db,
        qualified,
        sugar: true,
        out: String::new(),
    };
    printer.ty(ty);
    printer.out
}

/// The name that metadata holds and `print(type(of:))` shows: `Array<Int>`, of a nested type its own name only; `qualified` as
/// `Codira.Array<Codira.Int>`, with the types around.
pub fn metadata_name(db: &dyn Db, ty: Ty, qualified: bool) -> String {
    let mut printer = Printer {
        db,
        qualified,
        sugar: false,
        out: String::new(),
    };
    printer.ty(ty);
    printer.out
}

/// A type declaration's name with those of the types around it, and the module's where it is wanted.
pub fn display_def(db: &dyn Db, def: DefId, qualified: bool) -> String {
    let mut names: Vec<Name> = vec![def.name(db)];
    let mut at = def.parent(db);
    while let Some(outer) = at {
        match outer.kind(db) {
            DefKind::Struct | DefKind::Enum | DefKind::Class | DefKind::Protocol => {
                names.push(outer.name(db));
            }
            DefKind::Extension => match crate::resolve::decls::extended_decl(db, outer) {
                Some(decl) => {
                    at = Some(decl);
                    continue;
                }
                None => break,
            },
            DefKind::File => {}
            DefKind::Module if qualified => names.push(outer.name(db)),
            DefKind::Module => {}
            // Local types are named by themselves.
            _ if qualified => {
                names.push(module_of(db, def).name(db));
                break;
            }
            _ => break,
        }
        at = outer.parent(db);
    }
    let parts: Vec<&str> = names.iter().rev().map(|n| n.as_str()).collect();
    parts.join(".")
}

/// A declaration's name as messages quote it: `move(from:to:)`, `run()`, `size` when no parameter has a label, `init(_:)`, `count`.
pub fn display_name(db: &dyn Db, def: DefId) -> String {
    let base = crate::resolve::scope::base_name(db, def);
    match def.kind(db) {
        DefKind::Func | DefKind::Init | DefKind::Subscript => {
            let full = def.name(db).as_str();
            let labels = full.strip_prefix(base.as_str()).unwrap_or("");
            let inner = labels.trim_start_matches('(').trim_end_matches(')');
            let plain = !inner.is_empty() && inner.split(':').all(|l| l.is_empty() || l == "_");
            let named = matches!(def.kind(db), DefKind::Init | DefKind::Subscript);
            if plain && !named {
                base.to_string()
            } else {
                full.to_owned()
            }
        }
        DefKind::Synth(_) | DefKind::Case => {
            let params = &signature(db, def).params;
            if params.is_empty() && base != "init" {
                return base.to_string();
            }
            let labels: String = params
                .iter()
                .map(|p| p.label.map_or("_:".to_owned(), |l| format!("{l}:")))
                .collect();
            format!("{base}({labels})")
        }
        _ => base.to_string(),
    }
}

/// What messages call a declaration of this kind.
pub fn describe(db: &dyn Db, def: DefId) -> &'static str {
    match def.kind(db) {
        DefKind::Struct => "struct",
        DefKind::Enum => "enum",
        DefKind::Class => match item(db, def).map(|i| &i.kind) {
            Some(ItemKind::Nominal(n)) if n.is_actor => "actor",
            _ => "class",
        },
        DefKind::Protocol => "protocol",
        DefKind::TypeAlias => "type alias",
        DefKind::AssociatedType => "associated type",
        DefKind::GenericParam => "generic parameter",
        DefKind::Extension => "extension",
        DefKind::Func => match container_of(db, def) {
            Some(_) if crate::resolve::is_static_member(db, def) => "static method",
            Some(_) => "instance method",
            None => "global function",
        },
        DefKind::Init | DefKind::Synth(_) => "initializer",
        DefKind::Deinit => "deinitializer",
        DefKind::Subscript => "subscript",
        DefKind::Case => "enum case",
        DefKind::Var => match container_of(db, def) {
            Some(_) if crate::resolve::is_static_member(db, def) => "static property",
            Some(_) => "property",
            None => "var",
        },
        DefKind::Accessor(_) => "accessor",
        DefKind::Module => "module",
        _ => "declaration",
    }
}

/// The module of the extension that declares a nested type, where names say so: it extends another module's type, or has conditions.
fn foreign_extension(db: &dyn Db, def: DefId) -> Option<DefId> {
    let extension = def
        .parent(db)
        .filter(|p| p.kind(db) == DefKind::Extension)?;
    let extended = crate::resolve::decls::extended_decl(db, extension)?;
    let module = module_of(db, extension);
    let conditional = crate::types::generics::generic_context(db, extension) == Some(extension);
    (conditional || module_of(db, extended) != module).then_some(module)
}

struct Printer<'a> {
    db: &'a dyn Db,
    qualified: bool,
    /// `[T]` for `Array<T>` and the like.
    sugar: bool,
    out: String,
}

impl Printer<'_> {
    fn ty(&mut self, ty: Ty) {
        let db = self.db;
        match ty.kind() {
            TyKind::Error | TyKind::Infer(_) => self.out.push('_'),
            TyKind::Param { name, .. } => self.out.push_str(name.as_str()),
            TyKind::Nominal { def, args } => {
                if self.sugar && self.sugared(ty, args.as_slice()) {
                    return;
                }
                self.nominal(*def, args.as_slice());
            }
            TyKind::Existential(e) => self.existential(e),
            TyKind::Tuple(elems) => {
                self.out.push('(');
                for (i, elem) in elems.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    if let Some(label) = elem.label {
                        let _ = write!(self.out, "{label}: ");
                    }
                    self.ty(elem.ty);
                }
                self.out.push(')');
            }
            TyKind::Function(f) => self.function(f),
            TyKind::Metatype(inner) => {
                match inner.kind() {
                    // `any P.Type`: of one protocol no parentheses are needed.
                    TyKind::Existential(e) if e.protocols.len() == 1 && e.superclass.is_none() => {
                        self.ty(*inner);
                    }
                    _ => self.postfix_operand(*inner),
                }
                self.out.push_str(".Type");
            }
            TyKind::ProtocolMetatype(inner) => {
                match inner.kind() {
                    TyKind::Existential(e) if e.protocols.len() == 1 => {
                        self.def(e.protocols[0]);
                    }
                    _ => self.postfix_operand(*inner),
                }
                self.out
                    .push_str(if self.sugar { ".Type" } else { ".Protocol" });
            }
            TyKind::Assoc { base, assoc } => {
                self.ty(*base);
                let _ = write!(self.out, ".{}", assoc.name(db));
            }
            TyKind::Opaque { def, index, args } => {
                let bounds = opaque_bounds(db, *def).get(*index as usize);
                match bounds {
                    Some(bounds) => {
                        self.out.push_str("some ");
                        let bounds = bounds.subst(args.as_slice());
                        match bounds.kind() {
                            TyKind::Existential(e) => self.composition(e),
                            _ => self.ty(bounds),
                        }
                    }
                    None => self.out.push_str("some Any"),
                }
            }
            TyKind::DynamicSelf(inner) => {
                if self.sugar {
                    self.out.push_str("Self");
                } else {
                    self.ty(*inner);
                }
            }
            TyKind::Builtin(b) => {
                let _ = write!(self.out, "Builtin.{}", b.name());
            }
            TyKind::Inout(inner) => {
                self.out.push_str("inout ");
                self.ty(*inner);
            }
            TyKind::PackExpansion(inner) => {
                self.out.push_str("repeat each ");
                self.ty(*inner);
            }
            TyKind::Integer(n) => {
                let _ = write!(self.out, "{n}");
            }
        }
    }

    fn sugared(&mut self, ty: Ty, args: &[Ty]) -> bool {
        let db = self.db;
        // A type from a file that somebody made by hand may lack arguments.
        match *args {
            [wrapped] if is_lang(db, ty, LangItem::Optional) => {
                self.postfix_operand(wrapped);
                self.out.push('?');
            }
            [element] if is_lang(db, ty, LangItem::Array) => {
                self.out.push('[');
                self.ty(element);
                self.out.push(']');
            }
            [key, value] if is_lang(db, ty, LangItem::Dictionary) => {
                self.out.push('[');
                self.ty(key);
                self.out.push_str(" : ");
                self.ty(value);
                self.out.push(']');
            }
            _ => return false,
        }
        true
    }

    fn postfix_operand(&mut self, ty: Ty) {
        let parenthesise = match ty.kind() {
            TyKind::Function(_) | TyKind::Opaque { .. } => true,
            TyKind::Existential(e) => !(e.protocols.is_empty() && e.superclass.is_none()),
            _ => false,
        };
        if parenthesise {
            self.out.push('(');
        }
        self.ty(ty);
        if parenthesise {
            self.out.push(')');
        }
    }

    fn def(&mut self, def: DefId) {
        if self.is_short() {
            self.out.push_str(def.name(self.db).as_str());
            return;
        }
        let text = display_def(self.db, def, self.qualified);
        self.out.push_str(&text);
    }

    /// At run time the short name of a type leaves out the types around it: `print(Deck.Card.this)` shows `Card`.
    fn is_short(&self) -> bool {
        !self.sugar && !self.qualified
    }

    /// `Outer<A>.Inner<B>`: arguments stand behind the declaration that has the parameters.
    fn nominal(&mut self, def: DefId, args: &[Ty]) {
        let db = self.db;
        let base = own_param_base(db, def) as usize;
        let own = own_param_count(db, def);
        if self.qualified
            && !self.sugar
            && let Some(outer) = crate::resolve::container_of(db, def)
        {
            if let Some(module) = foreign_extension(db, def) {
                let _ = write!(self.out, "(extension in {}):", module.name(db));
            }
            self.nominal(outer, args.get(..base).unwrap_or(&[]));
            let _ = write!(self.out, ".{}", def.name(db));
        } else if base == 0 || args.len() < base || self.is_short() {
            self.def(def);
        } else {
            match crate::resolve::container_of(db, def) {
                Some(outer) => {
                    self.nominal(outer, &args[..base]);
                    let _ = write!(self.out, ".{}", def.name(db));
                }
                None => self.def(def),
            }
        }
        let args = args.get(base..base + own).unwrap_or(&[]);
        if !args.is_empty() {
            self.out.push('<');
            for (i, &arg) in args.iter().enumerate() {
                if i > 0 {
                    self.out.push_str(", ");
                }
                self.ty(arg);
            }
            self.out.push('>');
        }
    }

    fn existential(&mut self, e: &Existential) {
        if e.protocols.is_empty() && e.superclass.is_none() {
            let name = if e.class_bound { "AnyObject" } else { "Any" };
            self.out.push_str(name);
            return;
        }
        // Metadata names leave `any` out.
        if self.sugar {
            self.out.push_str("any ");
        }
        self.composition(e);
    }

    fn composition(&mut self, e: &Existential) {
        let db = self.db;
        let mut first = true;
        let mut separate = |out: &mut String| {
            if !first {
                out.push_str(" & ");
            }
            first = false;
        };
        if let Some(class) = e.superclass {
            separate(&mut self.out);
            self.ty(class);
        }
        for &protocol in &e.protocols {
            separate(&mut self.out);
            self.def(protocol);
            let primary = crate::types::protocols::primary_assocs(db, protocol);
            let bound: Vec<Ty> = primary
                .iter()
                .filter_map(|a| e.bindings.iter().find(|b| b.0 == *a).map(|b| b.1))
                .collect();
            if !bound.is_empty() {
                self.out.push('<');
                for (i, &ty) in bound.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.ty(ty);
                }
                self.out.push('>');
            }
        }
        // `AnyObject` is last, and unsaid where the others say as much.
        let implied = e.superclass.is_some()
            || e.protocols
                .iter()
                .any(|&p| crate::types::protocols::is_class_bound(db, p));
        if e.class_bound && !implied {
            separate(&mut self.out);
            self.out.push_str("AnyObject");
        }
    }

    fn function(&mut self, f: &FnTy) {
        if f.is_c() {
            self.out.push_str("@convention(c) ");
        }
        self.out.push('(');
        for (i, param) in f.params.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            match param.mode {
                ParamMode::Inout => self.out.push_str("inout "),
                ParamMode::Owned if self.sugar => self.out.push_str("__owned "),
                _ => {}
            }
            if self.sugar
                && matches!(param.ty.kind(), TyKind::Function(p) if p.escaping && !p.is_c())
            {
                self.out.push_str("@escaping ");
            }
            self.ty(param.ty);
            if param.variadic {
                self.out.push_str("...");
            }
        }
        self.out.push(')');
        if f.is_async {
            self.out.push_str(" async");
        }
        if let Some(error) = f.throws {
            self.out.push_str(" throws");
            let any = matches!(error.kind(), TyKind::Existential(e)
                if e.protocols.as_ref() == [lang(self.db, LangItem::Error)]);
            if !any {
                self.out.push('(');
                self.ty(error);
                self.out.push(')');
            }
        }
        self.out.push_str(" -> ");
        self.ty(f.result);
    }
}
