//! Functions: parameters, operators, modifiers; imports and operator declarations.

use super::Check;
use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::items::tree::{Attr, Fixity, ItemKind, Ownership};
use crate::items::{Anchor, module_of, operators, unit_of_module};
use crate::resolve::container_of;
use crate::resolve::decls::generics_ref;
use crate::resolve::scope::{is_operator, module_named};
use crate::types::conformance::conforms;
use crate::types::display::display_type;
use crate::types::generics::params_of;
use crate::types::lang::{LangItem, lang};
use crate::types::nominal::declared_self_type;
use crate::types::signature::signature;
use crate::types::ty::{ParamMode, Ty, TyKind};

pub(super) fn check(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    parameters(cx);
    let container = container_of(db, def);
    let in_class = container.is_some_and(|c| c.kind(db) == DefKind::Class);
    let mods = &cx.item.mods;
    match def.kind(db) {
        DefKind::Func => {
            if is_operator(cx.item.name) {
                operator_function(cx, container);
            }
            if in_class && cx.item.mods.is_mutating {
                cx.error(
                    "mutating-in-class",
                    Anchor::Start(def),
                    "'mutating' is not valid on instance methods in classes",
                );
            }
        }
        DefKind::Init => init(cx, container, mods.is_convenience, mods.is_required),
        DefKind::Deinit => {
            let parent = def.parent(db);
            if parent.is_some_and(|p| p.kind(db) == DefKind::Extension) || container.is_none() {
                cx.error(
                    "misplaced-deinit",
                    Anchor::Start(def),
                    "deinitializers may only be declared within a class, actor, or noncopyable type",
                );
            } else if let Some(container) = container
                && !in_class
                && let Some(this) = declared_self_type(db, def)
                && conforms(db, None, this, lang(db, LangItem::Copyable))
            {
                let what = crate::types::display::describe(db, container);
                let name = container.name(db);
                cx.error(
                    "misplaced-deinit",
                    Anchor::Start(def),
                    format!("deinitializer cannot be declared in {what} '{name}' that conforms to 'Copyable'"),
                );
                cx.note(
                    Anchor::Name(container),
                    format!("consider adding '~Copyable' to {what} '{name}'"),
                );
            }
        }
        _ => {}
    }
    shadowed_generics(cx);
}

fn parameters(cx: &mut Check<'_>) {
    let (db, def) = (cx.db, cx.def);
    let params = params_of(cx.item);
    let types: Vec<Ty> = signature(db, def).params.iter().map(|p| p.ty).collect();
    let modes: Vec<ParamMode> = signature(db, def).params.iter().map(|p| p.mode).collect();
    let mut after_variadic = false;
    for (i, param) in params.iter().enumerate() {
        let at = Anchor::Param(def, i as u32);
        if after_variadic && param.label.is_none() && def.kind(db) != DefKind::Case {
            cx.error(
                "after-variadic",
                at,
                "a parameter following a variadic parameter requires a label",
            );
        }
        after_variadic = param.variadic;
        if modes.get(i) == Some(&ParamMode::Inout) && param.default.is_some() {
            let name = param.name;
            cx.error(
                "inout-default",
                at,
                format!("cannot provide default value to inout parameter '{name}'"),
            );
        }
        let copyable = lang(db, LangItem::Copyable);
        if let Some(&ty) = types.get(i)
            && def.kind(db) != DefKind::Case
            && param.ownership == Ownership::Default
            && modes.get(i) == Some(&ParamMode::Borrow)
            && matches!(ty.kind(), TyKind::Nominal { .. })
            && !crate::types::lower::is_library_def(db, def)
            && !conforms(db, Some(def), ty, copyable)
        {
            let ty = display_type(db, ty, false);
            cx.error(
                "noncopyable-parameter",
                Anchor::ItemType(def, param.ty),
                format!("parameter of noncopyable type '{ty}' must specify ownership"),
            );
        }
    }
}

fn init(cx: &mut Check<'_>, container: Option<DefId>, convenience: bool, required: bool) {
    let (db, def) = (cx.db, cx.def);
    let Some(container) = container else {
        return;
    };
    let kind = container.kind(db);
    let name = container.name(db);
    if kind == DefKind::Class {
        let in_extension = def
            .parent(db)
            .is_some_and(|p| p.kind(db) == DefKind::Extension);
        let other_module = module_of(db, container) != module_of(db, def);
        if in_extension && !convenience && !other_module {
            cx.error(
                "designated-in-extension",
                Anchor::Name(def),
                format!("designated initializer cannot be declared in an extension of '{name}'; did you mean this to be a convenience initializer?"),
            );
        }
        return;
    }
    if kind == DefKind::Protocol {
        return;
    }
    if convenience {
        let kinds = if kind == DefKind::Enum {
            "enums"
        } else {
            "structs"
        };
        cx.error(
            "convenience-in-value",
            Anchor::Name(def),
            format!("initializers in {kinds} are not marked with 'convenience'"),
        );
    }
    if required {
        cx.error(
            "required-in-value",
            Anchor::Name(def),
            format!("'required' initializer in non-class type '{name}'"),
        );
    }
}

fn operator_function(cx: &mut Check<'_>, container: Option<DefId>) {
    let (db, def) = (cx.db, cx.def);
    let name = cx.item.name;
    let mods = &cx.item.mods;
    if let Some(container) = container {
        let is_static = mods.is_static || mods.is_class;
        let in_protocol = container.kind(db) == DefKind::Protocol;
        if !is_static {
            let what = match def.parent(db).map(|p| p.kind(db)) {
                Some(DefKind::Extension) => "extension",
                _ if in_protocol => "protocol",
                _ => "type",
            };
            let of = container.name(db);
            cx.error_here(
                "operator-not-static",
                format!("operator '{name}' declared in {what} '{of}' must be 'static'"),
            );
            return;
        }
        let params = &signature(db, def).params;
        if let Some(this) = declared_self_type(db, def)
            && !in_protocol
            && !params
                .iter()
                .any(|p| p.ty.has_error() || mentions(p.ty, this))
        {
            let this = display_type(db, this, false);
            cx.error_here(
                "operator-without-self",
                format!(
                    "member operator '{name}' must have at least one argument of type '{this}'"
                ),
            );
        }
    }
    let Some(unit) = unit_of_module(db, module_of(db, def)) else {
        return;
    };
    let table = operators(db, unit);
    let count = params_of(cx.item).len();
    let (prefix, postfix, infix) = (
        table.prefix.contains_key(&name),
        table.postfix.contains_key(&name),
        table.infix.contains_key(&name),
    );
    if mods.is_prefix && prefix && count == 1
        || mods.is_postfix && postfix && count == 1
        || !mods.is_prefix && !mods.is_postfix && infix && count == 2
    {
        return;
    }
    if !prefix && !postfix && !infix {
        cx.error_here(
            "operator-undeclared",
            "operator implementation without matching operator declaration",
        );
    } else if count == 1 && !mods.is_prefix && !mods.is_postfix {
        if prefix || postfix {
            let kind = if prefix { "prefix" } else { "postfix" };
            cx.error(
                "operator-fixity",
                Anchor::Start(def),
                format!("{kind} unary operator missing '{kind}' modifier"),
            );
        } else {
            cx.error_here(
                "operator-arity",
                "operator implementation without matching operator declaration",
            );
        }
    } else if count != 2 && count != 1 {
        cx.error_here("operator-arity", "operators must have one or two arguments");
    } else {
        cx.error_here(
            "operator-undeclared",
            "operator implementation without matching operator declaration",
        );
    }
}

/// Whether a parameter's type is the type around, a metatype of it, or `Self`.
fn mentions(ty: Ty, this: Ty) -> bool {
    ty.any_part(&mut |t| {
        t == this
            || matches!(t.kind(), TyKind::DynamicSelf(_))
            || (t.nominal_def().is_some() && t.nominal_def() == this.nominal_def())
            || matches!(
                (t.kind(), this.kind()),
                (TyKind::Existential(_), TyKind::Param { .. })
            )
    })
}

/// Generic parameters of one declaration that have one name.
pub(super) fn shadowed_generics(cx: &mut Check<'_>) {
    let Some(generics) = generics_ref(cx.item) else {
        return;
    };
    let mut seen: Vec<Name> = Vec::new();
    for param in &generics.params {
        if seen.contains(&param.name) {
            let name = param.name;
            cx.error_here(
                "redeclaration",
                format!("invalid redeclaration of '{name}'"),
            );
        }
        seen.push(param.name);
    }
}

pub(super) fn check_operator(cx: &mut Check<'_>) {
    let ItemKind::Operator(operator) = &cx.item.kind else {
        return;
    };
    let Some(group) = operator.group else {
        return;
    };
    if operator.fixity != Fixity::Infix {
        return;
    }
    let db = cx.db;
    if !has_group(db, module_of(db, cx.def), group) {
        cx.error_here(
            "unknown-precedence",
            format!("unknown precedence group '{group}'"),
        );
    }
}

fn has_group(db: &dyn Db, module: DefId, group: Name) -> bool {
    let Some(unit) = unit_of_module(db, module) else {
        return true;
    };
    let mut units = vec![unit];
    units.extend(unit.dependencies(db));
    units.extend(unit.library(db));
    units.into_iter().flat_map(|u| u.files(db)).any(|&file| {
        let tree = crate::items::item_tree(db, file);
        tree.top_level
            .iter()
            .any(|d| d.kind(db) == DefKind::PrecedenceGroup && d.name(db) == group)
    })
}

pub(super) fn check_import(cx: &mut Check<'_>) {
    let ItemKind::Import(import) = &cx.item.kind else {
        return;
    };
    let Some(&name) = import.path.first() else {
        return;
    };
    let db = cx.db;
    let module = module_of(db, cx.def);
    let found = module_named(db, cx.def, name);
    // What is internal has no code that others can use in a module that was not compiled for it.
    let is_closed = found
        .and_then(|found| unit_of_module(db, found))
        .is_some_and(|unit| unit.compiled(db).is_some() && !unit.options(db).enable_testing);
    let is_testable = |attr: &Attr| attr.name == *"testable";
    if is_closed && cx.item.attrs.iter().any(is_testable) {
        let message = format!("module '{name}' was not compiled for testing");
        cx.error_here("not-testable", message);
    }
    if found.is_none() && module.name(db) != name {
        let hint = match name == "Swift" {
            true => "; its library is 'Codira' here, and imported everywhere",
            false => "",
        };
        cx.error_here("no-such-module", format!("no such module '{name}'{hint}"));
    }
}
