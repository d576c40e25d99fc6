//! Written types to [`TypeRef`]s.

use super::syntax::{has_token, kid, kids, name_of, name_tokens, token};
use crate::base::{Arena, Name, TextRange};
use crate::items::tree::{
    FunctionTypeParam, FunctionTypeRef, Ownership, PathSegment, ThrowsRef, TypeRef, TypeRefId,
};
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::{Node, Token};

/// Collects the types of one item or body, with their ranges beside them.
#[derive(Default)]
pub(super) struct TypeSink {
    pub types: Arena<TypeRef>,
    pub ranges: Vec<TextRange>,
}

impl TypeSink {
    pub(super) fn alloc(&mut self, ty: TypeRef, range: TextRange) -> TypeRefId {
        self.ranges.push(range);
        self.types.alloc(ty)
    }

    /// The type that is a child of `node`, or an error type.
    pub(super) fn child(&mut self, node: &Node<'_>) -> TypeRefId {
        match node.children().find(|n| is_type(n.kind())) {
            Some(ty) => self.lower(&ty),
            None => self.alloc(TypeRef::Error, node.text_range()),
        }
    }

    /// Lowers a type node.
    pub(super) fn lower(&mut self, node: &Node<'_>) -> TypeRefId {
        let range = node.text_range();
        let ty = match node.kind() {
            NAMED_TYPE => TypeRef::Path(vec![self.segment(node)]),
            MEMBER_TYPE => {
                let segment = self.segment(node);
                let Some(base) = node.children().find(|n| is_type(n.kind())) else {
                    return self.alloc(TypeRef::Error, range);
                };
                let base = self.lower(&base);
                match &self.types[base] {
                    TypeRef::Path(path) => {
                        let mut path = path.clone();
                        path.push(segment);
                        TypeRef::Path(path)
                    }
                    _ => TypeRef::Member(base, segment),
                }
            }
            METATYPE_TYPE => {
                let base = self.child(node);
                if has_token(node, PROTOCOL_TYPE_KW) {
                    TypeRef::ProtocolMetatype(base)
                } else {
                    TypeRef::Metatype(base)
                }
            }
            ARRAY_TYPE => TypeRef::Array(self.child(node)),
            DICTIONARY_TYPE => {
                let parts: Vec<_> = types_of(node).collect();
                let [key, value] = &parts[..] else {
                    return self.alloc(TypeRef::Error, range);
                };
                TypeRef::Dictionary(self.lower(key), self.lower(value))
            }
            OPTIONAL_TYPE => TypeRef::Optional(self.child(node)),
            IUO_TYPE => TypeRef::ImplicitlyUnwrapped(self.child(node)),
            TUPLE_TYPE => return self.tuple(node),
            FUNCTION_TYPE => self.function(node),
            COMPOSITION_TYPE => {
                let parts: Vec<_> = types_of(node).collect();
                TypeRef::Composition(parts.iter().map(|p| self.lower(p)).collect())
            }
            OPAQUE_TYPE => TypeRef::Some(self.child(node)),
            EXISTENTIAL_TYPE => TypeRef::Any(self.child(node)),
            ATTRIBUTED_TYPE => return self.attributed(node),
            PACK_EXPANSION_TYPE => TypeRef::PackExpansion(self.child(node)),
            PACK_ELEMENT_TYPE => TypeRef::PackElement(self.child(node)),
            SUPPRESSED_TYPE => TypeRef::Suppressed(self.child(node)),
            CLASS_CONSTRAINT_TYPE => TypeRef::Path(vec![PathSegment {
                name: Name::new("AnyObject"),
                args: Vec::new(),
            }]),
            WILDCARD_TYPE => TypeRef::Placeholder,
            INTEGER_TYPE => {
                let text = token(node, INT_NUMBER).map(|t| t.text().replace('_', ""));
                let value = text.and_then(|t| t.parse::<i128>().ok()).unwrap_or(0);
                TypeRef::Integer(if has_token(node, MINUS) {
                    -value
                } else {
                    value
                })
            }
            _ => TypeRef::Error,
        };
        self.alloc(ty, range)
    }

    fn segment(&mut self, node: &Node<'_>) -> PathSegment {
        let name = name_tokens(node).last().map(|t| name_of(&t));
        PathSegment {
            name: name.unwrap_or_else(|| Name::new("")),
            args: self.generic_args(node),
        }
    }

    /// The arguments of a `GENERIC_ARG_LIST` child.
    pub(super) fn generic_args(&mut self, node: &Node<'_>) -> Vec<TypeRefId> {
        let Some(list) = kid(node, GENERIC_ARG_LIST) else {
            return Vec::new();
        };
        let args: Vec<_> = types_of(&list).collect();
        args.iter().map(|a| self.lower(a)).collect()
    }

    fn tuple(&mut self, node: &Node<'_>) -> TypeRefId {
        let elements: Vec<_> = kids(node, TUPLE_TYPE_ELEMENT).collect();
        let mut parts = Vec::new();
        for element in &elements {
            let label = element_label(element);
            parts.push((label, self.child(element)));
        }
        // One unlabelled type in parentheses is that type.
        if let [(None, only)] = parts[..]
            && !has_token(&elements[0], ELLIPSIS)
        {
            return only;
        }
        self.alloc(TypeRef::Tuple(parts), node.text_range())
    }

    fn function(&mut self, node: &Node<'_>) -> TypeRef {
        let parts: Vec<_> = types_of(node).collect();
        let Some((result, params)) = parts.split_last() else {
            return TypeRef::Error;
        };
        let mut lowered = Vec::new();
        for param in params {
            if param.kind() != TUPLE_TYPE {
                let ty = self.lower(param);
                lowered.push(plain_param(ty));
                continue;
            }
            for element in kids(param, TUPLE_TYPE_ELEMENT) {
                let (ty, ownership) = self.param_type(&element);
                lowered.push(FunctionTypeParam {
                    label: element_label(&element),
                    ty,
                    ownership,
                    variadic: has_token(&element, ELLIPSIS),
                });
            }
        }
        let (throws, is_async) = self.effects(node);
        TypeRef::Function(FunctionTypeRef {
            params: lowered,
            result: self.lower(result),
            throws,
            is_async,
            escaping: false,
            autoclosure: false,
            sendable: false,
            convention: None,
        })
    }

    /// The type child of a parameter, with what its specifiers say.
    pub(super) fn param_type(&mut self, node: &Node<'_>) -> (TypeRefId, Ownership) {
        let Some(ty) = node.children().find(|n| is_type(n.kind())) else {
            return (
                self.alloc(TypeRef::Error, node.text_range()),
                Ownership::Default,
            );
        };
        let mut ownership = Ownership::Default;
        if ty.kind() == ATTRIBUTED_TYPE {
            for specifier in kids(&ty, TYPE_SPECIFIER) {
                match specifier.first_token().map(|t| t.kind()) {
                    Some(INOUT_KW) => ownership = Ownership::Inout,
                    Some(BORROWING_KW | SHARED_KW | UNDERSCORED_BORROWING_KW) => {
                        ownership = Ownership::Borrowing;
                    }
                    Some(CONSUMING_KW | OWNED_KW) => ownership = Ownership::Consuming,
                    _ => {}
                }
            }
        }
        let lowered = self.lower(&ty);
        if let TypeRef::Inout(inner) = self.types[lowered] {
            return (inner, Ownership::Inout);
        }
        (lowered, ownership)
    }

    /// `async`, `throws`, `rethrows` of an `EFFECTS` child.
    pub(super) fn effects(&mut self, node: &Node<'_>) -> (ThrowsRef, bool) {
        let Some(effects) = kid(node, EFFECTS) else {
            return (ThrowsRef::No, false);
        };
        let is_async = has_token(&effects, ASYNC_KW) || has_token(&effects, REASYNC_KW);
        (self.throws(&effects), is_async)
    }

    /// `throws`, `throws(E)` or `rethrows`, directly in the node or in its `THROWS_CLAUSE`.
    pub(super) fn throws(&mut self, node: &Node<'_>) -> ThrowsRef {
        let clause = kid(node, THROWS_CLAUSE);
        let holder = clause.as_ref().unwrap_or(node);
        if has_token(holder, RETHROWS_KW) {
            ThrowsRef::Rethrows
        } else if has_token(holder, THROWS_KW) {
            match holder.children().find(|n| is_type(n.kind())) {
                Some(ty) => ThrowsRef::Typed(self.lower(&ty)),
                None => ThrowsRef::Any,
            }
        } else {
            ThrowsRef::No
        }
    }

    /// `@escaping T`, `inout T`, `borrowing T`…
    fn attributed(&mut self, node: &Node<'_>) -> TypeRefId {
        let inner = self.child(node);
        let mut inout = false;
        for specifier in kids(node, TYPE_SPECIFIER) {
            inout |= specifier
                .first_token()
                .is_some_and(|t| t.kind() == INOUT_KW);
        }
        let attrs: Vec<Name> = attribute_names(node).collect();
        let convention = convention_name(node);
        let is_function = node.children().any(|n| n.kind() == FUNCTION_TYPE);
        if convention.is_some() && !is_function {
            return self.alloc(TypeRef::MisplacedConvention(inner), node.text_range());
        }
        if let TypeRef::Function(f) = &mut self.types[inner] {
            f.convention = f.convention.or(convention);
            f.escaping |= attrs.iter().any(|a| a.as_str() == "escaping");
            f.autoclosure |= attrs.iter().any(|a| a.as_str() == "autoclosure");
            f.sendable |= attrs.iter().any(|a| a.as_str() == "Sendable");
        }
        if inout {
            return self.alloc(TypeRef::Inout(inner), node.text_range());
        }
        inner
    }

    /// Reads an expression as a type: `[Int]`, `A.B<C>`, `(Int) -> Void`…; none where it cannot be one.
    pub(super) fn expr_as_type(&mut self, node: &Node<'_>) -> Option<TypeRefId> {
        let range = node.text_range();
        let ty = match node.kind() {
            TYPE_EXPR => return Some(self.child(node)),
            IDENT_EXPR => {
                let name = name_tokens(node).next()?;
                TypeRef::Path(vec![PathSegment {
                    name: name_of(&name),
                    args: Vec::new(),
                }])
            }
            SPECIALIZE_EXPR => {
                let base = self.expr_as_type(&node.first_child()?)?;
                let args = self.generic_args(node);
                match &self.types[base] {
                    TypeRef::Path(path) => {
                        let mut path = path.clone();
                        path.last_mut()?.args = args;
                        TypeRef::Path(path)
                    }
                    TypeRef::Member(inner, segment) => TypeRef::Member(
                        *inner,
                        PathSegment {
                            name: segment.name,
                            args,
                        },
                    ),
                    _ => return None,
                }
            }
            MEMBER_EXPR => {
                let base = self.expr_as_type(&node.first_child()?)?;
                let name = name_of(&name_tokens(node).last()?);
                if name.as_str() == "Type" {
                    TypeRef::Metatype(base)
                } else if name.as_str() == "Protocol" {
                    TypeRef::ProtocolMetatype(base)
                } else {
                    let segment = PathSegment {
                        name,
                        args: Vec::new(),
                    };
                    match &self.types[base] {
                        TypeRef::Path(path) => {
                            let mut path = path.clone();
                            path.push(segment);
                            TypeRef::Path(path)
                        }
                        _ => TypeRef::Member(base, segment),
                    }
                }
            }
            OPTIONAL_CHAIN_EXPR => TypeRef::Optional(self.expr_as_type(&node.first_child()?)?),
            FORCE_UNWRAP_EXPR => {
                TypeRef::ImplicitlyUnwrapped(self.expr_as_type(&node.first_child()?)?)
            }
            ARRAY_EXPR => {
                let mut elements = node.children();
                let (element, None) = (elements.next()?, elements.next()) else {
                    return None;
                };
                TypeRef::Array(self.expr_as_type(&element)?)
            }
            DICTIONARY_EXPR => {
                let element = kid(node, DICTIONARY_ELEMENT)?;
                let (key, value) = (element.first_child()?, element.last_child()?);
                TypeRef::Dictionary(self.expr_as_type(&key)?, self.expr_as_type(&value)?)
            }
            PAREN_EXPR | TUPLE_EXPR => {
                let mut parts = Vec::new();
                for argument in kids(node, ARGUMENT) {
                    let label = name_tokens(&argument).next().map(|t| name_of(&t));
                    parts.push((label, self.expr_as_type(&argument.last_child()?)?));
                }
                if let [(None, only)] = parts[..] {
                    return Some(only);
                }
                TypeRef::Tuple(parts)
            }
            SEQUENCE_EXPR => return self.sequence_as_type(node),
            _ => return None,
        };
        Some(self.alloc(ty, range))
    }

    /// `A -> B` and `A & B` as a flat sequence.
    fn sequence_as_type(&mut self, node: &Node<'_>) -> Option<TypeRefId> {
        let parts: Vec<_> = node.children().collect();
        self.parts_as_type(&parts)
    }

    fn parts_as_type(&mut self, parts: &[Node<'_>]) -> Option<TypeRefId> {
        let range = parts
            .first()?
            .text_range()
            .cover(parts.last()?.text_range());
        // What follows the first arrow is the result: `A -> B -> C` is `A -> (B -> C)`.
        if let Some(arrow) = parts.iter().position(|p| p.kind() == ARROW_OPERATOR) {
            let [params] = &parts[..arrow] else {
                return None;
            };
            let result = self.parts_as_type(&parts[arrow + 1..])?;
            let mut lowered = Vec::new();
            for argument in kids(params, ARGUMENT) {
                let inner = argument.last_child()?;
                let (inner, ownership) = match inner.kind() {
                    INOUT_EXPR => (inner.first_child()?, Ownership::Inout),
                    _ => (inner, Ownership::Default),
                };
                let ty = self.expr_as_type(&inner)?;
                lowered.push(FunctionTypeParam {
                    ownership,
                    ..plain_param(ty)
                });
            }
            let (throws, is_async) = self.effects(&parts[arrow]);
            let function = TypeRef::Function(FunctionTypeRef {
                params: lowered,
                result,
                throws,
                is_async,
                escaping: true,
                autoclosure: false,
                sendable: false,
                convention: None,
            });
            return Some(self.alloc(function, range));
        }
        if let [only] = parts {
            return self.expr_as_type(only);
        }
        let mut members = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if i % 2 == 0 {
                members.push(self.expr_as_type(part)?);
            } else if part.kind() != BINARY_OPERATOR || part.text() != "&" {
                return None;
            }
        }
        Some(self.alloc(TypeRef::Composition(members), range))
    }
}

fn plain_param(ty: TypeRefId) -> FunctionTypeParam {
    FunctionTypeParam {
        label: None,
        ty,
        ownership: Ownership::Default,
        variadic: false,
    }
}

/// The label of a tuple type's element; `_` is none.
fn element_label(element: &Node<'_>) -> Option<Name> {
    let has_colon = has_token(element, COLON);
    let first: Option<Token<'_>> = name_tokens(element).next();
    first.filter(|_| has_colon).map(|t| name_of(&t))
}

/// The names of the attributes in front of a type.
pub(super) fn attribute_names<'t>(node: &Node<'t>) -> impl Iterator<Item = Name> + use<'t> {
    type_attributes(node).filter_map(|attr| {
        let text = attr.text();
        leading_name(text.trim_start_matches('@'))
    })
}

/// The name in a `@convention(name)` in front of a type; empty where none was written in it.
fn convention_name(node: &Node<'_>) -> Option<Name> {
    type_attributes(node).find_map(|attr| {
        let text = attr.text();
        let text = text.trim_start_matches('@').trim_start();
        let arguments = text.strip_prefix("convention")?.trim_start();
        let inside = arguments.strip_prefix('(')?;
        Some(leading_name(inside).unwrap_or_else(|| Name::new("")))
    })
}

fn type_attributes<'t>(node: &Node<'t>) -> impl Iterator<Item = Node<'t>> + use<'t> {
    let direct = kids(node, ATTRIBUTE);
    let listed = kids(node, ATTRIBUTE_LIST).flat_map(|list| {
        let attrs: Vec<_> = kids(&list, ATTRIBUTE).collect();
        attrs
    });
    direct.chain(listed)
}

/// The identifier that a text starts with.
fn leading_name(text: &str) -> Option<Name> {
    let text = text.trim_start();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| Name::new(&text[..end]))
}

fn types_of<'t>(node: &Node<'t>) -> impl Iterator<Item = Node<'t>> + use<'t> {
    node.children().filter(|n| is_type(n.kind()))
}

/// Whether nodes of this kind are types.
pub(super) fn is_type(kind: SyntaxKind) -> bool {
    (NAMED_TYPE..=INTEGER_TYPE).contains(&kind) && kind != TUPLE_TYPE_ELEMENT
}
