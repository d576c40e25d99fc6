//! Patterns.

use super::body::{BodyCx, is_let};
use super::exprs::{first_expr, is_expr};
use super::syntax::{has_token, kid, kids, name_of, name_tokens};
use crate::base::Name;
use crate::items::hir::*;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::Node;

/// How the names in a pattern are declared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binds {
    Let,
    Var,
    /// Names are not bound: they are expressions.
    No,
}

/// Whether nodes of this kind are patterns.
pub(super) fn is_pattern(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        WILDCARD_PATTERN
            | IDENT_PATTERN
            | TUPLE_PATTERN
            | VALUE_BINDING_PATTERN
            | EXPR_PATTERN
            | IS_PATTERN
            | AS_PATTERN
            | OPTIONAL_PATTERN
            | ENUM_CASE_PATTERN
    )
}

/// The first child that is a pattern.
fn first_pattern<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.children().find(|n| is_pattern(n.kind()))
}

impl BodyCx<'_> {
    /// The pattern that is a child of `node`, with the type annotation beside it.
    pub(super) fn pattern_child(&mut self, node: &Node<'_>, binds: Binds) -> PatId {
        let Some(pattern) = first_pattern(node) else {
            return self.pat(Pat::Missing, node.text_range());
        };
        let pat = self.pattern(&pattern, binds);
        match kid(node, TYPE_ANNOTATION) {
            Some(annotation) => {
                let ty = self.types.child(&annotation);
                let range = pattern.text_range().cover(annotation.text_range());
                self.pat(Pat::Typed(pat, ty), range)
            }
            None => pat,
        }
    }

    /// Lowers a pattern node.
    pub(super) fn pattern(&mut self, node: &Node<'_>, binds: Binds) -> PatId {
        let range = node.text_range();
        let pat = match node.kind() {
            WILDCARD_PATTERN => Pat::Wild,
            IDENT_PATTERN => {
                let name = kid(node, NAME).and_then(|n| name_tokens(&n).next());
                let name = name.map_or(Name::new("_"), |t| name_of(&t));
                Pat::Bind(self.bind(name, binds, range))
            }
            TUPLE_PATTERN => {
                let elements = self.tuple_elements(node, binds);
                // One unlabelled pattern in parentheses is that pattern.
                if let [(None, only)] = elements[..] {
                    return only;
                }
                Pat::Tuple(elements)
            }
            VALUE_BINDING_PATTERN => {
                let binds = if is_let(node) { Binds::Let } else { Binds::Var };
                return match first_pattern(node) {
                    Some(pattern) => self.pattern(&pattern, binds),
                    None => self.pat(Pat::Missing, range),
                };
            }
            IS_PATTERN => Pat::Is(self.types.child(node)),
            AS_PATTERN => {
                let pattern = match first_pattern(node) {
                    Some(pattern) => self.pattern(&pattern, binds),
                    None => self.pat(Pat::Missing, range),
                };
                Pat::As(pattern, self.types.child(node))
            }
            OPTIONAL_PATTERN => match first_pattern(node) {
                Some(pattern) => Pat::Some(self.pattern(&pattern, binds)),
                None => Pat::Missing,
            },
            ENUM_CASE_PATTERN => self.enum_case(node, binds),
            EXPR_PATTERN => match first_expr(node) {
                Some(expr) => return self.expr_pattern(&expr, binds),
                None => Pat::Missing,
            },
            _ => Pat::Missing,
        };
        self.pat(pat, range)
    }

    /// An expression as a pattern. Inside of `let` some shapes bind after all: a name, a case's payload.
    fn expr_pattern(&mut self, expr: &Node<'_>, binds: Binds) -> PatId {
        let range = expr.text_range();
        if binds != Binds::No && expr.kind() == IDENT_EXPR && expr.children().next().is_none() {
            let name = name_tokens(expr).next();
            if let Some(name) = name {
                let local = self.bind(name_of(&name), binds, range);
                return self.pat(Pat::Bind(local), range);
            }
        }
        let lowered = self.lower_expr(expr);
        // `case 1 as Int`: the cast is of the subject.
        if let Expr::Cast {
            kind: CastKind::Coerce,
            expr: value,
            ty,
        } = self.body.exprs[lowered]
        {
            let inner = self.pat(Pat::Expr(value), range);
            return self.pat(Pat::As(inner, ty), range);
        }
        self.pat(Pat::Expr(lowered), range)
    }

    fn enum_case(&mut self, node: &Node<'_>, binds: Binds) -> Pat {
        let Some(path) = node.children().find(|n| is_expr(n.kind())) else {
            return Pat::Missing;
        };
        let args = kid(node, TUPLE_PATTERN).map(|tuple| self.tuple_elements(&tuple, binds));
        if args.is_none() && path.kind() == MEMBER_EXPR {
            // `A.b` may be a static member as well; the checker sees which.
            let lowered = self.lower_expr(&path);
            return Pat::Expr(lowered);
        }
        let Some(name) = name_tokens(&path).last() else {
            return Pat::Missing;
        };
        let base = match path.kind() {
            MEMBER_EXPR => first_expr(&path).map(|base| self.lower_expr(&base)),
            _ => None,
        };
        if args.is_none() && base.is_none() {
            let lowered = self.lower_expr(&path);
            return Pat::Expr(lowered);
        }
        Pat::Case {
            base,
            name: name_of(&name),
            args,
        }
    }

    fn tuple_elements(&mut self, node: &Node<'_>, binds: Binds) -> Vec<(Option<Name>, PatId)> {
        let mut elements = Vec::new();
        for element in kids(node, TUPLE_PATTERN_ELEMENT) {
            let label = has_token(&element, COLON)
                .then(|| name_tokens(&element).next().map(|t| name_of(&t)))
                .flatten();
            let pattern = first_pattern(&element);
            let pat = match pattern {
                Some(pattern) => self.pattern(&pattern, binds),
                None => self.pat(Pat::Missing, element.text_range()),
            };
            elements.push((label, pat));
        }
        elements
    }

    fn bind(&mut self, name: Name, binds: Binds, range: crate::base::TextRange) -> LocalId {
        let mut kind = if binds == Binds::Var {
            LocalKind::Var
        } else {
            LocalKind::Let
        };
        if self.at_top_level
            && let Some(def) = super::decls::global_def(self.db, self.owner, name)
        {
            kind = LocalKind::Global(def);
        }
        self.local(name, kind, range)
    }
}
