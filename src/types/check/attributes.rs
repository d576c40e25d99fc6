//! Attributes: each is one that the compiler knows, or names a property wrapper, result builder, global actor or macro.

use super::Check;
use crate::items::Anchor;
use crate::types::lower::{Bounds, Lowerer};

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
