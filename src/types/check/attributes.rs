//! Attributes: each is one that the compiler knows, or names a property wrapper, result builder, global actor or macro.

use super::Check;
use crate::base::{FxHashMap, Name};
use crate::db::{CompilationUnit, Db};
use crate::items::ids::{DefId, DefKind};
use crate::items::owners::declarations;
use crate::items::tree::{Attr, ItemKind};
use crate::items::{Anchor, file_of, is_script, item_tree, unit_of_file};
use crate::resolve::is_static_member;
use crate::resolve::members::inherited_named;
use crate::resolve::scope::file_scope;
use crate::types::generics::{identity_args, own_param_count};
use crate::types::lower::{Bounds, Lowerer};
use crate::types::signature::signature;
use crate::types::ty::Ty;

/// The attributes of the language, sorted. Those that mean nothing to this compiler are allowed all the same.
const KNOWN: &[&str] = &[
    "GKInspectable",
    "IBAction",
    "IBDesignable",
    "IBInspectable",
    "IBOutlet",
    "IBSegueAction",
    "MainActor",
    "NSApplicationMain",
    "NSCopying",
    "NSManaged",
    "Sendable",
    "Test",
    "UIApplicationMain",
    "abi",
    "addressableForDependencies",
    "addressableSelf",
    "attached",
    "autoclosure",
    "available",
    "backDeployed",
    "c",
    "cdecl",
    "concurrent",
    "constInitialized",
    "convention",
    "derivative",
    "differentiable",
    "discardableResult",
    "dynamicCallable",
    "dynamicMemberLookup",
    "escaping",
    "exclusivity",
    "execution",
    "export",
    "expose",
    "extensible",
    "extern",
    "externref",
    "fixed_layout",
    "freestanding",
    "frozen",
    "globalActor",
    "implementation",
    "inlinable",
    "inline",
    "isolated",
    "lifetime",
    "main",
    "marker",
    "noDerivative",
    "noImplicitCopy",
    "nonexhaustive",
    "nonisolated",
    "nonobjc",
    "objc",
    "objcMembers",
    "optimize",
    "preEnumExtensibility",
    "preconcurrency",
    "preInverseGenerics",
    "propertyWrapper",
    "retroactive",
    "requires_stored_property_inits",
    "resultBuilder",
    "rethrows",
    "runtimeMetadata",
    "safe",
    "section",
    "sendable",
    "sensitive",
    "specialize",
    "specialized",
    "spi",
    "storageRestrictions",
    "testable",
    "transpose",
    "typeWrapper",
    "unchecked",
    "unknown",
    "unsafe",
    "usableFromInline",
    "used",
    "warn_unqualified_access",
    "weakLinked",
];

pub(super) fn check(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    for (n, attr) in cx.item.attrs.iter().enumerate() {
        let name = attr.name.as_str();
        if name == "main" {
            check_entry(cx, Anchor::Attr(def, n as u32));
        }
        if name == "_cdecl" || name == "cdecl" {
            check_c_name(cx, attr);
        }
        // What begins with an underscore is between the compiler and its library.
        if name.starts_with('_') || KNOWN.contains(&name) {
            continue;
        }
        let Some(ty) = attr.ty else { continue };
        let mut lowerer = Lowerer::new(db, def, &cx.item.types, Bounds::Context(def));
        lowerer.constraint(ty);
        let unknown = lowerer
            .diagnostics
            .iter()
            .any(|d| d.code.starts_with("unknown"));
        if unknown {
            let known = KNOWN.iter().copied();
            let message = match crate::base::distance::did_you_mean(name, known) {
                Some(similar) => {
                    format!("unknown attribute '{name}'; did you mean '{similar}'?")
                }
                None => format!("unknown attribute '{name}'"),
            };
            cx.error("unknown-attribute", Anchor::Attr(def, n as u32), message);
        }
    }
}

/// The function that a program begins with when this type is marked with `@main`: `static fn main()`, its own or an inherited one.
pub fn main_function(db: &dyn Db, nominal: DefId) -> Option<DefId> {
    if !identity_args(db, nominal).is_empty() {
        return None;
    }
    let found = inherited_named(db, nominal, Name::new("main"));
    let is_entry = |def: DefId| {
        let is_requirement = def
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Protocol);
        if def.kind(db) != DefKind::Func || is_requirement || !is_static_member(db, def) {
            return false;
        }
        let signature = signature(db, def);
        let plain = own_param_count(db, def) == 0;
        plain && signature.params.is_empty() && signature.result == Ty::unit()
    };
    found.into_iter().find(|&def| is_entry(def))
}

/// `@main`: on one type of a module that has no statements outside of declarations.
fn check_entry(cx: &mut Check<'_>, at: Anchor) {
    let (db, def) = (cx.db, cx.def);
    let Some(file) = file_of(db, def) else { return };
    if !matches!(cx.item.kind, ItemKind::Nominal(_)) {
        return;
    }
    let unit = unit_of_file(db, file);
    let files = unit.map_or_else(Vec::new, |unit| unit.files(db).to_vec());
    if is_script(db, file) || files.iter().any(|&file| file_scope(db, file).is_main) {
        let message = "'main' attribute cannot be used in a module that contains top-level code";
        return cx.error("entry-with-statements", at, message);
    }
    let mut entries = files.iter().flat_map(|&file| &file_scope(db, file).entries);
    if entries.next().is_some_and(|&first| first != def) {
        let message = "'main' attribute can only apply to one type in a module";
        return cx.error("several-entries", at, message);
    }
    if main_function(db, def).is_none() {
        let message = format!(
            "'{}' is annotated with @main and must provide a main static function of type () -> Void, () throws -> Void, () async -> Void, or () async throws -> Void",
            cx.item.name
        );
        cx.error("entry-without-main", at, message);
    }
}

/// The first function of a module for each name that C calls one by.
#[salsa::tracked]
fn c_names(db: &dyn Db, unit: CompilationUnit) -> FxHashMap<Name, DefId> {
    let mut names = FxHashMap::default();
    for &file in unit.files(db) {
        let tree = item_tree(db, file);
        for &def in declarations(db, file) {
            let attrs = tree.items.get(&def).map_or(&[][..], |item| &item.attrs[..]);
            if let Some(name) = attrs.iter().find_map(c_name) {
                names.entry(name).or_insert(def);
            }
        }
    }
    names
}

fn c_name(attr: &Attr) -> Option<Name> {
    let is_c = attr.name == "_cdecl" || attr.name == "cdecl";
    attr.args.filter(|_| is_c)
}

/// Two functions of one name would be one symbol.
fn check_c_name(cx: &mut Check<'_>, attr: &Attr) {
    let (db, def) = (cx.db, cx.def);
    let unit = file_of(db, def).and_then(|file| unit_of_file(db, file));
    if let (Some(unit), Some(name)) = (unit, c_name(attr))
        && c_names(db, unit)
            .get(&name)
            .is_some_and(|&first| first != def)
    {
        let symbol = name.as_str().trim_matches(['"', ' ']);
        let message = format!("multiple definitions of symbol '{symbol}'");
        cx.error("duplicate-symbol", Anchor::Name(def), message);
    }
}
