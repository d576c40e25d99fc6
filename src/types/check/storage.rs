//! Properties, accessors, enum cases and their raw values.

use super::Check;
use crate::base::{FxHashMap, Name};
use crate::db::Db;
use crate::items::hir::{Expr, Stmt};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::tree::{AccessorItem, ItemKind, VarItem};
use crate::items::{Anchor, body, item};
use crate::resolve::access::has_initial_value;
use crate::resolve::container_of;
use crate::resolve::is_static_member;
use crate::resolve::members::declared_named;
use crate::types::conformance::{conforms, is_class_type};
use crate::types::display::display_type;
use crate::types::generics::generics;
use crate::types::lang::{LangItem, lang, optional_payload};
use crate::types::nominal::{declared_self_type, enum_cases, has_payload, is_stored, raw_type};
use crate::types::signature::var_type;

pub(super) fn check_nominal(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    if cx.item.attrs.iter().any(|a| a.name == "propertyWrapper") {
        let wrapped = declared_named(db, def, Name::new("wrappedValue"));
        if !wrapped.iter().any(|&w| !is_static_member(db, w)) {
            let name = def.name(db);
            cx.error_here(
                "wrapper-without-value",
                format!("property wrapper type '{name}' does not contain a non-static property named 'wrappedValue'"),
            );
        }
    }
    if def.kind(db) == DefKind::Enum && raw_type(db, def).is_some() {
        unique_raw_values(cx);
    }
}

fn accessors_of(cx: &Check<'_>) -> Vec<AccessorItem> {
    match &cx.item.kind {
        ItemKind::Var(v) => v.accessors.clone(),
        ItemKind::Subscript(s) => s.accessors.clone(),
        _ => Vec::new(),
    }
}

/// Which accessors stand together.
pub(super) fn check_accessors(cx: &mut Check<'_>) {
    let db = cx.db;
    let accessors = accessors_of(cx);
    let in_protocol = container_of(db, cx.def).is_some_and(|c| c.kind(db) == DefKind::Protocol)
        && cx
            .def
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Protocol);
    let has = |k: AccessorKind| accessors.iter().find(|a| a.kind == k).map(|a| a.def);
    let reads = [AccessorKind::Get, AccessorKind::Read, AccessorKind::Address];
    let reader = reads.iter().any(|&k| has(k).is_some());
    let writes = [
        AccessorKind::Set,
        AccessorKind::Modify,
        AccessorKind::MutableAddress,
    ];
    let writer = writes.iter().find_map(|&k| has(k));
    let subject = match cx.def.kind(db) {
        DefKind::Subscript => "subscript",
        _ => "variable",
    };
    if let Some(writer) = writer
        && !reader
        && !in_protocol
    {
        cx.error(
            "setter-without-getter",
            Anchor::Name(writer),
            format!("{subject} with a setter must also have a getter"),
        );
    }
    for (kind, word) in [
        (AccessorKind::WillSet, "willSet"),
        (AccessorKind::DidSet, "didSet"),
    ] {
        if let Some(observer) = has(kind)
            && (reader || writer.is_some())
        {
            let other = if reader { "getter" } else { "setter" };
            cx.error(
                "observer-with-getter",
                Anchor::Name(observer),
                format!("'{word}' cannot be provided together with a {other}"),
            );
        }
    }
}

pub(super) fn check_var(cx: &mut Check<'_>) {
    check_accessors(cx);
    let (db, def) = (cx.db, cx.def);
    let ItemKind::Var(var) = &cx.item.kind else {
        return;
    };
    let (keyword, article) = match crate::items::file_of(db, def).map(|f| f.dialect(db)) {
        Some(crate::base::Dialect::Swift) => ("let", "a"),
        _ => ("immutable", "an"),
    };
    let container = container_of(db, def);
    let parent_kind = def.parent(db).map(|p| p.kind(db));
    let stored = is_stored(db, def);
    let is_static = is_static_member(db, def);
    if var.is_let && !stored && parent_kind != Some(DefKind::Protocol) {
        cx.error_here(
            "computed-constant",
            format!("'{keyword}' declarations cannot be computed properties"),
        );
    }
    // What a property wrapper makes of a variable has its type from the wrapper.
    if var.wrapper.is_none() && !annotated_or_given(cx, var) {
        cx.error_here("missing-type", "type annotation missing in pattern");
        return;
    }
    if cx.item.mods.is_lazy && parent_kind == Some(DefKind::File) {
        cx.error(
            "lazy-global",
            Anchor::Start(def),
            "'lazy' cannot be used on an already-lazy global",
        );
        return;
    }
    if cx.item.mods.is_lazy && var.is_let {
        cx.error(
            "lazy-constant",
            Anchor::Start(def),
            format!("'lazy' cannot be used on {article} {keyword}"),
        );
    } else if cx.item.mods.is_lazy && !has_initial_value(db, var) {
        cx.error(
            "lazy-without-value",
            Anchor::Start(def),
            "lazy properties must have an initializer",
        );
    }
    if parent_kind == Some(DefKind::Protocol) {
        if var.accessors.is_empty() {
            cx.error_here(
                "requirement-accessors",
                "property in protocol must have explicit { get } or { get set } specifier",
            );
        }
        return;
    }
    match (parent_kind, container.map(|c| c.kind(db))) {
        (Some(DefKind::Extension), _) if stored && !is_static => {
            cx.error_here(
                "stored-in-extension",
                "extensions must not contain stored properties",
            );
        }
        (Some(DefKind::Enum), _) if stored && !is_static => {
            cx.error_here("stored-in-enum", "enums must not contain stored properties");
        }
        (_, Some(kind)) if stored && is_static => {
            let generic = !generics(db, def).params.is_empty();
            if kind == DefKind::Protocol {
                cx.error_here(
                    "static-stored",
                    "static stored properties not supported in protocol extensions",
                );
            } else if generic {
                cx.error_here(
                    "static-stored",
                    "static stored properties not supported in generic types",
                );
            }
        }
        _ => {}
    }
    weak(cx);
    noncopyable(cx, stored && !is_static);
}

/// Whether a variable's type is written or follows from a value.
fn annotated_or_given(cx: &Check<'_>, var: &VarItem) -> bool {
    // A property wrapper may give both.
    if var.wrapper.is_some() {
        return true;
    }
    let Some(binding) = var.binding.and_then(|binding| item(cx.db, binding)) else {
        return true;
    };
    match &binding.kind {
        ItemKind::Binding(binding) => binding.ty.is_some() || binding.init.is_some(),
        _ => true,
    }
}

fn weak(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let word = match (cx.item.mods.is_weak, cx.item.mods.is_unowned) {
        (true, _) => "weak",
        (_, true) => "unowned",
        _ => return,
    };
    let ty = var_type(db, def);
    if ty.is_error() {
        return;
    }
    let payload = optional_payload(db, ty);
    let name = |t| display_type(db, t, false);
    if word == "weak" && payload.is_none() {
        let message = format!("'weak' variable should have optional type '{}?'", name(ty));
        cx.error_here("weak-not-optional", message);
        return;
    }
    let object = payload.unwrap_or(ty);
    if !is_class_type(db, Some(def), object) {
        let message = format!(
            "'{word}' may only be applied to class and class-bound protocol types, not '{}'",
            name(object)
        );
        cx.error_here("weak-not-class", message);
    }
}

/// A copyable struct cannot hold what cannot be copied.
fn noncopyable(cx: &mut Check<'_>, stored: bool) {
    let (db, def) = (cx.db, cx.def);
    let Some(container) = container_of(db, def).filter(|_| stored) else {
        return;
    };
    let Some(this) = declared_self_type(db, def) else {
        return;
    };
    let copyable = lang(db, LangItem::Copyable);
    let ty = var_type(db, def);
    if container.kind(db) == DefKind::Struct
        && conforms(db, Some(def), this, copyable)
        && !conforms(db, Some(def), ty, copyable)
    {
        let (name, own, ty) = (
            def.name(db),
            container.name(db),
            display_type(db, ty, false),
        );
        cx.error_here(
            "noncopyable-storage",
            format!("stored property '{name}' of 'Copyable'-conforming struct '{own}' has noncopyable type '{ty}'"),
        );
    }
}

pub(super) fn check_case(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let ItemKind::Case(case) = &cx.item.kind else {
        return;
    };
    let Some(owner) = def.parent(db) else {
        return;
    };
    let raw = raw_type(db, owner);
    if raw.is_none() && case.raw_value.is_some() {
        cx.error_here(
            "raw-value-without-type",
            "enum case cannot have a raw value if the enum does not have a raw type",
        );
    }
    if raw.is_some() && has_payload(db, def) {
        cx.error_here(
            "raw-type-with-payload",
            "enum with raw type cannot have cases with arguments",
        );
    }
    if let Some(raw) = raw
        && let Some(value) = literal(db, def)
    {
        let protocol = match value {
            RawValue::Int(_) => LangItem::ExpressibleByIntegerLiteral,
            RawValue::Float(_) => LangItem::ExpressibleByFloatLiteral,
            RawValue::String(_) => LangItem::ExpressibleByStringLiteral,
        };
        let literal = match value {
            RawValue::Int(_) => "Int",
            RawValue::Float(_) => "Double",
            RawValue::String(_) => "String",
        };
        let character = matches!(value, RawValue::String(_))
            && conforms(
                db,
                None,
                raw,
                lang(db, LangItem::ExpressibleByUnicodeScalarLiteral),
            );
        if !character && !conforms(db, None, raw, lang(db, protocol)) {
            let raw = display_type(db, raw, false);
            cx.error_here(
                "raw-value-type",
                format!("cannot convert value of type '{literal}' to raw type '{raw}'"),
            );
        }
    }
}

/// The raw value of an enum case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RawValue {
    Int(i128),
    /// The bits of a double.
    Float(u64),
    String(Name),
}

/// The literal that a case writes as its raw value.
fn literal(db: &dyn Db, case: DefId) -> Option<RawValue> {
    let ItemKind::Case(data) = &item(db, case)?.kind else {
        return None;
    };
    data.raw_value.as_ref()?;
    let body = body(db, case);
    let stmt = *body.root.stmts.first()?;
    let Stmt::Expr(expr) = body.stmts[stmt] else {
        return None;
    };
    match &body.exprs[expr] {
        Expr::Int(value) => Some(RawValue::Int(*value)),
        Expr::Float(bits, _) => Some(RawValue::Float(*bits)),
        Expr::String(text) => Some(RawValue::String(*text)),
        _ => None,
    }
}

/// The raw values of an enum's cases in order: written, counted on from the one before, or the case's name. None for a case whose value is
/// missing or wrong.
#[salsa::tracked(returns(deref))]
pub fn raw_values(db: &dyn Db, enum_def: DefId) -> Vec<Option<RawValue>> {
    let Some(raw) = raw_type(db, enum_def) else {
        return Vec::new();
    };
    let textual = conforms(
        db,
        None,
        raw,
        lang(db, LangItem::ExpressibleByStringLiteral),
    );
    let mut next: Option<i128> = Some(0);
    let value = |&case: &DefId| {
        let found = literal(db, case).or_else(|| match textual {
            true => Some(RawValue::String(case.name(db))),
            false => next.map(RawValue::Int),
        });
        next = match found {
            Some(RawValue::Int(n)) => n.checked_add(1),
            _ => None,
        };
        found
    };
    enum_cases(db, enum_def).iter().map(value).collect()
}

fn unique_raw_values(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let mut seen: FxHashMap<RawValue, DefId> = FxHashMap::default();
    let values = raw_values(db, def);
    for (&case, value) in enum_cases(db, def).iter().zip(values) {
        let Some(value) = *value else {
            let written = matches!(item(db, case).map(|i| &i.kind), Some(ItemKind::Case(c)) if c.raw_value.is_some());
            if written {
                continue;
            }
            cx.error(
                "raw-value-missing",
                Anchor::Name(case),
                "enum case must declare a raw value when the preceding raw value is not an integer",
            );
            continue;
        };
        match seen.get(&value) {
            Some(&first) => {
                cx.error(
                    "raw-value-repeated",
                    Anchor::Name(case),
                    "raw value for enum case is not unique",
                );
                cx.note(Anchor::Name(first), "raw value previously used here");
            }
            None => {
                seen.insert(value, case);
            }
        }
    }
}
