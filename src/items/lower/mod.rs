//! Tour of `lower`: from syntax to item trees and bodies.
//!
//! [`decls`] turns declarations into items, with the help of [`parts`], and collects each body's syntax unread; [`body`] and its
//! neighbours ([`exprs`], [`fold`], [`patterns`], [`stmts`], [`locals`], [`literals`], [`types`]) turn one body's syntax into a [`Body`], when somebody asks for it. Both build their source
//! map beside the value, so that the way back always fits.

mod body;
mod decls;
mod exprs;
mod fold;
mod literals;
mod locals;
mod parts;
mod patterns;
mod stmts;
mod syntax;
mod types;
mod wrapped_params;
mod wrappers;

pub(crate) use self::wrappers::{wrapper_default, wrapper_init, wrapper_shapes};

use crate::base::Name;
use crate::db::{CompilationUnit, Db, SourceFile};
use crate::diag::{Diagnostic, FileSpan, FixIt, Severity};
use crate::items::hir::{Body, LocalKind};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::source_map::{BodySourceMap, ItemSourceMap};
use crate::items::tree::{BodySyntax, Item, ItemKind, ItemTree, Modifiers, VarItem};
use crate::syntax::if_config::active_children;
use crate::syntax::view::Node;
use crate::syntax::{Dialect, ParseOptions, SyntaxKind};
use std::sync::Arc;

/// How a file is parsed.
pub(super) fn parse_options(db: &dyn Db, file: SourceFile) -> ParseOptions {
    let dialect = match file.dialect(db) {
        crate::base::Dialect::Codira => Dialect::Codira,
        crate::base::Dialect::Swift => Dialect::Swift,
    };
    ParseOptions::new(dialect)
}

/// What `#if` conditions are decided by.
pub(super) struct Conditions<'a>(crate::syntax::if_config::Conditions<'a>);

impl Conditions<'_> {
    fn active_children<'t>(&self, node: &Node<'t>) -> Vec<Node<'t>> {
        active_children(*node, &self.0)
    }

    fn active_clause<'t>(&self, config: &Node<'t>) -> Option<Node<'t>> {
        self.0.active_clause(*config)
    }
}

/// Runs `work` with the conditions of a module.
fn with_conditions<T>(
    db: &dyn Db,
    unit: Option<CompilationUnit>,
    work: impl FnOnce(&Conditions<'_>) -> T,
) -> T {
    let options = ParseOptions::default();
    let flags = unit.map_or(Vec::new(), |unit| {
        let names = unit.options(db).conditions.iter();
        names.map(|n| n.as_str()).collect()
    });
    let can_import = |name: &str, _version: Option<&crate::syntax::Version>| {
        let Some(unit) = unit else { return false };
        let library = unit.library(db);
        let mut imported = unit.dependencies(db).iter().chain(&library);
        name == "Codira" || imported.any(|u| u.name(db).as_str() == name)
    };
    let arch = match crate::session::Target::HOST.arch {
        crate::session::Arch::X86_64 => "x86_64",
        crate::session::Arch::Arm64 => "arm64",
    };
    let conditions = Conditions(crate::syntax::if_config::Conditions {
        flags,
        os: "Linux",
        arch,
        target_environment: None,
        endian: "little",
        runtime: "_Native",
        properties: &[("_pointerBitWidth", "_64"), ("_objectFileFormat", "_ELF")],
        language_version: options.language_version,
        compiler_version: options.compiler_version,
        can_import: &can_import,
        has_feature: &|_| false,
        has_attribute: &|_| true,
    });
    work(&conditions)
}

/// Lowers a file's declarations.
pub(super) fn lower_file(
    db: &dyn Db,
    file: SourceFile,
    file_def: DefId,
) -> (ItemTree, ItemSourceMap) {
    let root = Node::root(&crate::items::parse(db, file).green);
    with_conditions(db, crate::items::unit_of_file(db, file), |conditions| {
        let mut cx = decls::DeclCx::new(db, conditions);
        let is_script = crate::items::is_script(db, file);
        let mut has_code = false;
        for node in conditions.active_children(&root) {
            if decls::is_decl(node.kind()) {
                let defs = cx.decl(&node, file_def);
                cx.tree.top_level.extend(defs);
                has_code |= is_script && node.kind() == SyntaxKind::VAR_DECL;
            } else {
                has_code |= node.kind() != SyntaxKind::ERROR;
                if node.kind() == SyntaxKind::GUARD_STMT {
                    add_guard_names(db, &mut cx, &node, file_def);
                }
            }
        }
        if has_code {
            let code = DefId::new(db, Some(file_def), DefKind::TopLevel, Name::new("main"), 0);
            cx.map.bodies.insert(code, root.ptr());
            cx.tree.top_level_code = Some(top_level_syntax(&root));
        }
        (cx.tree, cx.map)
    })
}

/// The file's statements: the hash leaves out declarations other than variables, which are not part of the code that runs.
fn top_level_syntax(root: &Node<'_>) -> BodySyntax {
    let mut hash = crate::base::StableHasher::new();
    for child in root.children() {
        let kind = child.kind();
        if !decls::is_decl(kind) || kind == SyntaxKind::VAR_DECL {
            let child_hash = crate::syntax::trivia_insensitive_hash(child.green());
            hash.write(&child_hash.to_le_bytes());
        }
    }
    BodySyntax {
        green: Some(root.to_green()),
        hash: hash.finish().0,
    }
}

fn add_guard_names(db: &dyn Db, cx: &mut decls::DeclCx<'_>, node: &Node<'_>, file: DefId) {
    for (name, is_let, range) in parts::guard_names(node) {
        let def = DefId::new(db, Some(file), DefKind::Var, name, 0);
        let item = Item {
            def,
            name,
            attrs: Vec::new(),
            mods: Modifiers::default(),
            types: Default::default(),
            kind: ItemKind::Var(VarItem {
                is_let,
                ty: None,
                binding: None,
                path: Vec::new(),
                accessors: Vec::new(),
                requirement_settable: false,
                wrapper: None,
            }),
        };
        if cx.tree.items.insert(def, Arc::new(item)).is_none() {
            cx.tree.top_level.push(def);
            let spans = crate::items::source_map::ItemSpans {
                name: range,
                whole: range,
                end: range,
                ..Default::default()
            };
            cx.map.items.insert(def, spans);
        }
    }
}

/// Lowers a body from the syntax that its item keeps. The map's ranges count from the start of that syntax.
pub(super) fn lower_body(db: &dyn Db, def: DefId, syntax: &BodySyntax) -> (Body, BodySourceMap) {
    match &syntax.green {
        Some(green) => lower_body_node(db, def, &Node::root(green)),
        None => Default::default(),
    }
}

/// Lowers a body from a node that stands in its file, for the source map.
pub(super) fn lower_body_node(db: &dyn Db, def: DefId, root: &Node<'_>) -> (Body, BodySourceMap) {
    let unit = crate::items::unit_of_module(db, crate::items::module_of(db, def));
    let empty = crate::items::OperatorTable::default();
    let operators = unit.map_or(&empty, |unit| crate::items::operators(db, unit));
    with_conditions(db, unit, |conditions| {
        let mut cx = body::BodyCx::new(db, def, operators, conditions);
        params(&mut cx, def);
        cx.body.root = cx.root(root);
        cx.finish()
    })
}

/// The parameters of a body, as its declaration names them.
fn params(cx: &mut body::BodyCx<'_>, def: DefId) {
    let db = cx.db;
    let range = crate::base::TextRange::default();
    let mut declared = Vec::new();
    let mut add = |items: &[crate::items::tree::ParamItem]| {
        for param in items {
            let kind = match param.ownership {
                crate::items::tree::Ownership::Inout => LocalKind::InoutParam,
                _ => LocalKind::Param,
            };
            declared.push((param.name, kind));
        }
    };
    match def.kind(db) {
        DefKind::Accessor(kind) => {
            let parent = def.parent(db).and_then(|p| crate::items::item(db, p));
            let accessors = match parent.map(|p| &p.kind) {
                Some(ItemKind::Subscript(subscript)) => {
                    add(&subscript.params);
                    &subscript.accessors[..]
                }
                Some(ItemKind::Var(var)) => &var.accessors[..],
                _ => &[],
            };
            let written = accessors
                .iter()
                .find(|a| a.kind == kind)
                .and_then(|a| a.param);
            let default = match kind {
                AccessorKind::Set | AccessorKind::WillSet | AccessorKind::Init => "newValue",
                AccessorKind::DidSet => "oldValue",
                _ => "",
            };
            if !default.is_empty() {
                let name = written.unwrap_or_else(|| Name::new(default));
                declared.push((name, LocalKind::Param));
            }
        }
        DefKind::WrapperInit => {
            declared.push((Name::new("wrappedValue"), LocalKind::Param));
        }
        _ => {
            let kind = crate::items::item(db, def).map(|item| &item.kind);
            if let Some(ItemKind::Func(func) | ItemKind::Macro(func)) = kind {
                add(&func.params);
            }
        }
    }
    for (name, kind) in declared {
        let local = cx.local(name, kind, range);
        cx.body.params.push(local);
    }
}

/// The syntax errors of a file as diagnostics.
pub(super) fn syntax_diagnostics(db: &dyn Db, file: SourceFile) -> Vec<Diagnostic> {
    let parse = crate::items::parse(db, file);
    let mut result = Vec::new();
    for error in &parse.errors {
        let severity = match error.severity {
            crate::syntax::Severity::Error => Severity::Error,
            crate::syntax::Severity::Warning => Severity::Warning,
        };
        let mut diagnostic = Diagnostic::new(severity, error.code, error.message.clone());
        diagnostic.span = Some(FileSpan::new(file, error.range));
        for note in &error.notes {
            diagnostic.notes.push(crate::diag::SubDiagnostic {
                severity: Severity::Note,
                message: note.message.clone(),
                span: Some(FileSpan::new(file, note.range)),
                fixits: Vec::new(),
            });
        }
        if let Some(fix) = &error.fixit {
            diagnostic.fixits.push(FixIt {
                range: FileSpan::new(file, fix.range),
                replacement: fix.replacement.clone(),
            });
        }
        result.push(diagnostic);
    }
    result
}
