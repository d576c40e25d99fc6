//! The parts that declarations are made of: names, parameters, generics, attributes, modifiers, places.

use super::body::is_let;
use super::patterns::is_pattern;
use super::syntax::{has_token, kid, kids, name_of, name_tokens, tokens};
use super::types::{TypeSink, is_type};
use crate::base::{Name, TextRange};
use crate::items::ids::AccessorKind;
use crate::items::source_map::ItemSpans;
use crate::items::tree::*;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::Node;

/// `name(label:_:)`
pub(super) fn full_name(base: Name, params: &[ParamItem]) -> Name {
    let mut text = format!("{base}(");
    for param in params {
        text.push_str(param.label.map_or("_", |l| l.as_str()));
        text.push(':');
    }
    text.push(')');
    Name::new(&text)
}

pub(super) fn func_item<'t>(
    node: &Node<'t>,
    types: &mut TypeSink,
) -> (FuncItem, Vec<Option<Node<'t>>>) {
    let generics = generics(node, types);
    let (mut params, defaults) = param_items(node, types);
    if node.kind() == FN_DECL && is_operator_name(node) {
        for param in &mut params {
            param.label = None;
        }
    }
    let (throws, is_async) = types.effects(node);
    let func = FuncItem {
        generics,
        params,
        result: kid(node, RETURN_CLAUSE).map(|clause| types.child(&clause)),
        throws,
        is_async,
        failable: if node.kind() != INIT_DECL {
            None
        } else if has_token(node, POSTFIX_QUESTION) {
            Some(Failable::Optional)
        } else if has_token(node, POSTFIX_BANG) {
            Some(Failable::ImplicitlyUnwrapped)
        } else {
            None
        },
        body: None,
    };
    (func, defaults)
}

pub(super) fn is_operator_name(node: &Node<'_>) -> bool {
    kid(node, NAME).is_some_and(|n| name_tokens(&n).next().is_none())
}

pub(super) fn param_nodes<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    kid(node, PARAM_LIST).map_or(Vec::new(), |list| kids(&list, PARAM).collect())
}

/// The written names of a parameter, `_` as none.
pub(super) fn param_names(param: &Node<'_>) -> Vec<Option<Name>> {
    if !has_token(param, COLON) {
        return Vec::new();
    }
    let mut names: Vec<Option<Name>> = tokens(param)
        .take_while(|t| t.kind() != COLON)
        .filter(|t| !matches!(t.kind(), INOUT_KW | OWNED_KW | SHARED_KW | CONST_KW))
        .map(|t| (t.kind() != UNDERSCORE).then(|| name_of(&t)))
        .collect();
    // A specifier in the old place comes before the names.
    while names.len() > 2 {
        names.remove(0);
    }
    names
}

pub(super) fn param_items<'t>(
    node: &Node<'t>,
    types: &mut TypeSink,
) -> (Vec<ParamItem>, Vec<Option<Node<'t>>>) {
    let mut params = Vec::new();
    let mut defaults = Vec::new();
    for param in param_nodes(node) {
        let names = param_names(&param);
        let label = names.first().copied().flatten();
        let name = names.last().copied().flatten();
        let (ty, ownership) = types.param_type(&param);
        let (autoclosure, escaping) = match &types.types[ty] {
            TypeRef::Function(f) => (f.autoclosure, f.escaping),
            _ => (false, true),
        };
        let (attrs, _) = attributes(&param, types);
        params.push(ParamItem {
            label,
            name: name.unwrap_or_else(|| Name::new("_")),
            ty,
            ownership,
            variadic: has_token(&param, ELLIPSIS),
            autoclosure,
            escaping,
            default: None,
            has_local_default: false,
            attrs,
        });
        defaults.push(kid(&param, INITIALIZER));
    }
    (params, defaults)
}

pub(super) fn generics(node: &Node<'_>, types: &mut TypeSink) -> GenericsRef {
    let mut result = GenericsRef::default();
    if let Some(list) = kid(node, GENERIC_PARAM_LIST) {
        for param in kids(&list, GENERIC_PARAM) {
            let Some(name) = tokens(&param)
                .filter(|t| t.kind() == IDENT)
                .find(|t| t.text() != "each" || name_tokens(&param).count() == 1)
            else {
                continue;
            };
            result.params.push(GenericParamRef {
                name: name_of(&name),
                bound: param
                    .children()
                    .find(|n| is_type(n.kind()))
                    .map(|t| types.lower(&t)),
                is_pack: has_token(&param, EACH_KW) || has_token(&param, ELLIPSIS),
                is_value: has_token(&param, LET_KW),
            });
        }
        result.requirements.extend(requirements(&list, types));
    }
    result.requirements.extend(requirements(node, types));
    result
}

pub(super) fn requirements(node: &Node<'_>, types: &mut TypeSink) -> Vec<WhereRef> {
    let Some(clause) = kid(node, WHERE_CLAUSE) else {
        return Vec::new();
    };
    let mut result = Vec::new();
    for requirement in kids(&clause, GENERIC_REQUIREMENT) {
        let parts: Vec<_> = requirement
            .children()
            .filter(|n| is_type(n.kind()))
            .collect();
        let [left, right] = &parts[..] else { continue };
        let (left, right) = (types.lower(left), types.lower(right));
        result.push(if has_token(&requirement, COLON) {
            WhereRef::Conforms(left, right)
        } else {
            WhereRef::Same(left, right)
        });
    }
    result
}

pub(super) fn inherits(node: &Node<'_>, types: &mut TypeSink) -> Vec<TypeRefId> {
    let Some(clause) = kid(node, INHERITANCE_CLAUSE) else {
        return Vec::new();
    };
    let parts: Vec<_> = clause.children().filter(|n| is_type(n.kind())).collect();
    parts.iter().map(|p| types.lower(p)).collect()
}

/// The lists of attributes or modifiers of a declaration. All of its variables or cases ask for them, so that they are
/// not looked for among those.
fn lists_before_parts<'t>(
    node: &Node<'t>,
    kind: SyntaxKind,
) -> impl Iterator<Item = Node<'t>> + use<'t> {
    node.children()
        .take_while(|n| !matches!(n.kind(), PATTERN_BINDING | ENUM_CASE_ELEMENT))
        .filter(move |n| n.kind() == kind)
}

/// For each binding of a declaration the one whose type annotation it has: `var a, b: Int` gives `a` that of `b`.
pub(super) fn annotated_bindings(bindings: &[Node<'_>]) -> Vec<usize> {
    let mut annotated: Vec<usize> = (0..bindings.len()).collect();
    let mut following = None;
    for (i, binding) in bindings.iter().enumerate().rev() {
        if kid(binding, INITIALIZER).is_some() {
            following = None;
        } else if kid(binding, TYPE_ANNOTATION).is_some() {
            following = Some(i);
        }
        annotated[i] = following.unwrap_or(i);
    }
    annotated
}

/// The attributes with their ranges.
pub(super) fn attributes(node: &Node<'_>, types: &mut TypeSink) -> (Vec<Attr>, Vec<TextRange>) {
    let mut attrs = Vec::new();
    let mut ranges = Vec::new();
    for list in lists_before_parts(node, ATTRIBUTE_LIST) {
        for attr in kids(&list, ATTRIBUTE) {
            let ty = attr.children().find(|n| is_type(n.kind()));
            let Some(name) = ty.as_ref().and_then(|t| name_tokens(t).last()) else {
                continue;
            };
            let args = kid(&attr, ATTRIBUTE_ARGS).or_else(|| kid(&attr, ARGUMENT_LIST));
            let args = args.map(|args| {
                let text: String = args
                    .descendant_tokens()
                    .filter(|t| !t.kind().is_trivia())
                    .map(|t| t.text())
                    .collect();
                Name::new(&text[1..text.len().max(2) - 1])
            });
            attrs.push(Attr {
                name: name_of(&name),
                args,
                ty: ty.map(|t| types.lower(&t)),
            });
            ranges.push(attr.text_range());
        }
    }
    (attrs, ranges)
}

/// The modifiers of a declaration or accessor.
pub(super) fn modifiers(node: &Node<'_>) -> Modifiers {
    let mut mods = Modifiers::default();
    for list in lists_before_parts(node, MODIFIER_LIST) {
        for modifier in kids(&list, MODIFIER) {
            let words: Vec<_> = tokens(&modifier).collect();
            let Some(first) = words.first() else { continue };
            let argument = words.get(2).map(|t| t.text());
            let access = match first.kind() {
                PRIVATE_KW => Some(Access::Private),
                FILEPRIVATE_KW => Some(Access::Fileprivate),
                INTERNAL_KW => Some(Access::Internal),
                PACKAGE_KW => Some(Access::Package),
                PUBLIC_KW => Some(Access::Public),
                OPEN_KW => Some(Access::Open),
                _ => None,
            };
            if let Some(access) = access {
                if argument == Some("set") {
                    mods.set_access = Some(access);
                } else {
                    mods.access = Some(access);
                }
                continue;
            }
            match first.kind() {
                STATIC_KW => mods.is_static = true,
                CLASS_KW => mods.is_class = true,
                FINAL_KW => mods.is_final = true,
                OVERRIDE_KW => mods.is_override = true,
                REQUIRED_KW => mods.is_required = true,
                CONVENIENCE_KW => mods.is_convenience = true,
                MUTATING_KW => mods.is_mutating = true,
                NONMUTATING_KW => mods.is_nonmutating = true,
                CONSUMING_KW | UNDERSCORED_CONSUMING_KW => mods.is_consuming = true,
                LAZY_KW => mods.is_lazy = true,
                WEAK_KW => mods.is_weak = true,
                UNOWNED_KW => {
                    mods.is_unowned = true;
                    mods.is_unowned_unsafe = argument == Some("unsafe");
                }
                INDIRECT_KW => mods.is_indirect = true,
                PREFIX_KW => mods.is_prefix = true,
                POSTFIX_KW => mods.is_postfix = true,
                INFIX_KW => mods.is_infix = true,
                DYNAMIC_KW => mods.is_dynamic = true,
                OPTIONAL_KW => mods.is_optional = true,
                NONISOLATED_KW => mods.is_nonisolated = true,
                DISTRIBUTED_KW => mods.is_distributed = true,
                _ => {}
            }
        }
    }
    mods
}

/// The accessors of a block; none stands for the short form `{ statements }`.
pub(super) fn accessor_nodes<'t>(block: &Node<'t>) -> Vec<Option<(AccessorKind, Node<'t>)>> {
    let mut found: Vec<_> = kids(block, ACCESSOR_DECL)
        .filter_map(|node| {
            let kind = tokens(&node).find_map(|t| {
                Some(match t.kind() {
                    GET_KW => AccessorKind::Get,
                    SET_KW => AccessorKind::Set,
                    WILL_SET_KW => AccessorKind::WillSet,
                    DID_SET_KW => AccessorKind::DidSet,
                    READ_KW | READ_CORO_KW => AccessorKind::Read,
                    MODIFY_KW | MODIFY_CORO_KW => AccessorKind::Modify,
                    UNSAFE_ADDRESS_KW => AccessorKind::Address,
                    UNSAFE_MUTABLE_ADDRESS_KW => AccessorKind::MutableAddress,
                    INIT_KW => AccessorKind::Init,
                    _ => return None,
                })
            })?;
            Some(Some((kind, node)))
        })
        .collect();
    if found.is_empty() {
        found.push(None);
    }
    found
}

/// The names that a binding pattern declares, each with its path of tuple indices.
pub(super) fn bound_names(
    pattern: &Node<'_>,
    path: &mut Vec<u32>,
    out: &mut Vec<(Name, Vec<u32>, TextRange)>,
) {
    match pattern.kind() {
        IDENT_PATTERN => {
            let name = kid(pattern, NAME).and_then(|n| name_tokens(&n).next());
            if let Some(name) = name {
                out.push((name_of(&name), path.clone(), name.text_range()));
            }
        }
        TUPLE_PATTERN => {
            let elements: Vec<_> = kids(pattern, TUPLE_PATTERN_ELEMENT).collect();
            for (i, element) in elements.iter().enumerate() {
                let single = elements.len() == 1;
                if !single {
                    path.push(i as u32);
                }
                if let Some(inner) = element.children().find(|n| is_pattern(n.kind())) {
                    bound_names(&inner, path, out);
                }
                if !single {
                    path.pop();
                }
            }
        }
        VALUE_BINDING_PATTERN => {
            if let Some(inner) = pattern.children().find(|n| is_pattern(n.kind())) {
                bound_names(&inner, path, out);
            }
        }
        _ => {}
    }
}

/// The names that the conditions of a `guard` at the top level bind: they are globals of the file.
pub(super) fn guard_names(node: &Node<'_>) -> Vec<(Name, bool, TextRange)> {
    let mut names = Vec::new();
    let Some(list) = kid(node, CONDITION_LIST) else {
        return names;
    };
    for condition in list.children() {
        pattern_names(&condition, has_token(&condition, LET_KW), &mut names);
    }
    names
}

/// The names in the patterns of a condition; `let` is decided by the nearest binding keyword outside.
pub(super) fn pattern_names(
    node: &Node<'_>,
    is_let_here: bool,
    names: &mut Vec<(Name, bool, TextRange)>,
) {
    for child in node.children() {
        match child.kind() {
            IDENT_PATTERN => {
                let name = kid(&child, NAME).and_then(|n| name_tokens(&n).next());
                if let Some(name) = name {
                    names.push((name_of(&name), is_let_here, name.text_range()));
                }
            }
            VALUE_BINDING_PATTERN => pattern_names(&child, is_let(&child), names),
            _ => pattern_names(&child, is_let_here, names),
        }
    }
}

/// The declared name.
pub(super) fn decl_name(node: &Node<'_>) -> Name {
    let Some(name) = kid(node, NAME) else {
        return Name::new("");
    };
    match name_tokens(&name).next() {
        Some(token) => name_of(&token),
        None => Name::new(name.text().trim()),
    }
}

/// The range of the name, or of the introducing keyword.
pub(super) fn name_range(node: &Node<'_>) -> TextRange {
    if let Some(name) = kid(node, NAME) {
        return name.text_range();
    }
    if let Some(ty) = (node.kind() == EXTENSION_DECL)
        .then(|| node.children().find(|n| is_type(n.kind())))
        .flatten()
    {
        return ty.text_range();
    }
    tokens(node)
        .next()
        .map_or(node.text_range(), |t| t.text_range())
}

pub(super) fn trimmed_range(node: &Node<'_>) -> TextRange {
    let start = node.descendant_tokens().find(|t| !t.kind().is_trivia());
    let start = start.map_or(node.text_range().start(), |t| t.text_range().start());
    TextRange::new(start, node.text_range().end())
}

/// The closing brace of the declaration.
pub(super) fn end_range(node: &Node<'_>) -> TextRange {
    let holder = kid(node, MEMBER_BLOCK)
        .or_else(|| kid(node, CODE_BLOCK))
        .or_else(|| kid(node, ACCESSOR_BLOCK));
    let brace = holder.as_ref().unwrap_or(node);
    tokens(brace)
        .filter(|t| t.kind() == R_BRACE)
        .last()
        .map_or(node.text_range(), |t| t.text_range())
}

/// The places of a declaration.
pub(super) fn spans(node: &Node<'_>, types: Vec<TextRange>, attrs: Vec<TextRange>) -> ItemSpans {
    ItemSpans {
        name: name_range(node),
        whole: trimmed_range(node),
        end: end_range(node),
        types,
        params: param_ranges(node),
        attrs,
    }
}

pub(super) fn param_ranges(node: &Node<'_>) -> Vec<TextRange> {
    param_nodes(node)
        .iter()
        .map(|p| {
            let names = tokens(p).take_while(|t| t.kind() != COLON).last();
            names.map_or(p.text_range(), |t| t.text_range())
        })
        .collect()
}
