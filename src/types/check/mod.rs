//! What is wrong with declarations.
//!
//! * [`item_diagnostics`] checks one declaration by itself; [`decl_diagnostics`] a declaration with its members; [`file_diagnostics`] a file.
//! * [`inheritance`]: clauses, cycles, endless values; [`conforming`]: conformances and their witnesses; [`overriding`]: overrides and required
//!   initialisers; [`storage`]: properties, accessors, cases, raw values; [`functions`]: parameters, operators, modifiers;
//!   [`redeclared`]: names declared twice; [`exposure`]: access levels; [`attributes`]: attributes that do not exist.

mod attributes;
mod conforming;
mod exposure;
mod functions;
mod inheritance;
mod overriding;
mod redeclared;
mod storage;

use crate::db::{Db, SourceFile};
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{Item, ItemKind, TypeRef};
use crate::items::{Anchor, AnchoredDiagnostic, item, item_tree};
use crate::types::conformance::{conforms, requirement_holds};
use crate::types::display::{display_def, display_type};
use crate::types::generics::{Requirement, generic_context, generic_info, generics};
use crate::types::lang::{LangItem, lang};
use crate::types::lower::{Bounds, Lowerer, lower_alias};
use crate::types::protocols::signature_diagnostics;
use crate::types::signature::{lowered_signature, lowered_var};
use crate::types::ty::{Ty, TyKind};

pub use self::attributes::main_function;
pub use self::storage::{RawValue, raw_values};

/// What is wrong with a file's declarations, bodies left out.
pub fn file_diagnostics(db: &dyn Db, file: SourceFile) -> Vec<AnchoredDiagnostic> {
    let mut out = Vec::new();
    for &def in &item_tree(db, file).top_level {
        decl_diagnostics(db, def, &mut out);
    }
    out
}

/// What is wrong with a declaration and its members.
pub fn decl_diagnostics(db: &dyn Db, def: DefId, out: &mut Vec<AnchoredDiagnostic>) {
    out.extend_from_slice(item_diagnostics(db, def));
    match item(db, def).map(|i| &i.kind) {
        Some(ItemKind::Nominal(n)) => n.members.iter().for_each(|&m| decl_diagnostics(db, m, out)),
        Some(ItemKind::Extension(e)) => {
            e.members.iter().for_each(|&m| decl_diagnostics(db, m, out))
        }
        _ => {}
    }
}

/// What is wrong with one declaration, its members and bodies left out.
#[salsa::tracked(returns(deref))]
pub fn item_diagnostics(db: &dyn Db, def: DefId) -> Vec<AnchoredDiagnostic> {
    let Some(item) = item(db, def) else {
        return Vec::new();
    };
    let mut cx = Check {
        db,
        def,
        item,
        out: Vec::new(),
    };
    cx.types();
    attributes::check(&mut cx);
    redeclared::check(&mut cx);
    match def.kind(db) {
        DefKind::Struct | DefKind::Enum | DefKind::Class => {
            functions::shadowed_generics(&mut cx);
            inheritance::check(&mut cx);
            conforming::check(&mut cx);
            storage::check_nominal(&mut cx);
            if def.kind(db) == DefKind::Class {
                overriding::check_class(&mut cx);
            }
        }
        DefKind::Extension => {
            inheritance::check(&mut cx);
            conforming::check(&mut cx);
        }
        DefKind::Protocol => inheritance::check(&mut cx),
        DefKind::TypeAlias => inheritance::check_alias(&mut cx),
        DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case | DefKind::Deinit => {
            functions::check(&mut cx);
            overriding::check_member(&mut cx);
            exposure::check(&mut cx);
            if matches!(def.kind(db), DefKind::Subscript) {
                storage::check_accessors(&mut cx);
            }
            if def.kind(db) == DefKind::Case {
                storage::check_case(&mut cx);
            }
        }
        DefKind::Var => {
            storage::check_var(&mut cx);
            overriding::check_member(&mut cx);
            exposure::check(&mut cx);
        }
        DefKind::Operator => functions::check_operator(&mut cx),
        DefKind::Import => functions::check_import(&mut cx),
        _ => {}
    }
    cx.out
}

/// One declaration being checked.
struct Check<'a> {
    db: &'a dyn Db,
    def: DefId,
    item: &'a Item,
    out: Vec<AnchoredDiagnostic>,
}

impl Check<'_> {
    fn error(&mut self, code: &'static str, at: Anchor, message: impl Into<String>) {
        self.out.push(AnchoredDiagnostic::error(code, at, message));
    }

    fn error_here(&mut self, code: &'static str, message: impl Into<String>) {
        self.error(code, Anchor::Name(self.def), message);
    }

    /// Adds a note to the last diagnostic.
    fn note(&mut self, at: Anchor, message: impl Into<String>) {
        if let Some(last) = self.out.pop() {
            self.out.push(last.note(Some(at), message));
        }
    }

    /// The diagnostics of written types, and whether their generic arguments fit.
    fn types(&mut self) {
        let (db, def) = (self.db, self.def);
        if generic_context(db, def) == Some(def) {
            self.out
                .extend_from_slice(&generic_info(db, def).diagnostics);
        }
        match def.kind(db) {
            DefKind::Var => self
                .out
                .extend_from_slice(&lowered_var(db, def).diagnostics),
            DefKind::TypeAlias => self.out.extend(lower_alias(db, def).1),
            DefKind::Protocol => self.out.extend_from_slice(signature_diagnostics(db, def)),
            DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case | DefKind::Macro => {
                self.out
                    .extend_from_slice(&lowered_signature(db, def).diagnostics);
            }
            _ => {}
        }
        let accessors = match &self.item.kind {
            ItemKind::Var(v) => &v.accessors[..],
            ItemKind::Subscript(s) => &s.accessors[..],
            _ => &[],
        };
        for accessor in accessors {
            self.out
                .extend_from_slice(&lowered_signature(db, accessor.def).diagnostics);
        }
        let clause = matches!(def.kind(db), DefKind::AssociatedType | DefKind::Extension);
        for (id, ty) in self.item.types.iter() {
            let takes_arguments = match ty {
                TypeRef::Path(path) => path.iter().any(|s| !s.args.is_empty()),
                TypeRef::Dictionary(..) | TypeRef::Array(_) => true,
                _ => false,
            };
            if !takes_arguments || clause {
                continue;
            }
            let mut lowerer = Lowerer::new(db, def, &self.item.types, Bounds::Context(def));
            let ty = lowerer.constraint(id);
            if !lowerer.diagnostics.is_empty() {
                continue;
            }
            let message = match ty.kind() {
                TyKind::Nominal { .. } => unmet_argument(db, Some(def), ty),
                _ => None,
            };
            if let Some(message) = message {
                self.error("generic-argument", Anchor::ItemType(def, id), message);
            }
        }
    }
}

/// What the outermost declaration of a written generic type requires and its arguments do not meet.
pub fn unmet_argument(db: &dyn Db, env: Option<DefId>, ty: Ty) -> Option<String> {
    let (def, args) = ty.as_nominal()?;
    if args.iter().any(|a| a.has_error() || a.has_infer()) {
        return None;
    }
    for requirement in generics(db, def).requirements.iter() {
        let requirement = requirement.subst(args.as_slice());
        if !requirement_holds(db, env, requirement) {
            return Some(unmet_message(db, def, requirement));
        }
    }
    // Parameters are copyable unless they say otherwise.
    let copyable = lang(db, LangItem::Copyable);
    if !holds_noncopyable(db, def) {
        for arg in args.iter() {
            if !conforms(db, env, arg, copyable) {
                let arg = display_type(db, arg, false);
                return Some(format!(
                    "type '{arg}' does not conform to protocol 'Copyable'"
                ));
            }
        }
    }
    None
}

/// The library's types that hold values which cannot be copied: optionals, results and what points at memory.
fn holds_noncopyable(db: &dyn Db, def: DefId) -> bool {
    crate::types::lower::is_library_def(db, def) && {
        let name = def.name(db);
        let name = name.as_str();
        matches!(name, "Optional" | "Result" | "ManagedBuffer") || name.contains("Pointer")
    }
}

/// What to say about a requirement of `def` that does not hold.
pub fn unmet_message(db: &dyn Db, def: DefId, requirement: Requirement) -> String {
    let show = |t: Ty| display_type(db, t, false);
    let name = display_def(db, def, false);
    match requirement {
        Requirement::Conforms(ty, protocol) => format!(
            "type '{}' does not conform to protocol '{}'",
            show(ty),
            protocol.name(db)
        ),
        Requirement::Same(a, b) => format!(
            "'{name}' requires the types '{}' and '{}' be equivalent",
            show(a),
            show(b)
        ),
        Requirement::Superclass(a, b) => {
            format!(
                "'{name}' requires that '{}' inherit from '{}'",
                show(a),
                show(b)
            )
        }
        Requirement::Class(a) => format!("'{name}' requires that '{}' be a class type", show(a)),
    }
}
