//! Expressions.

use super::body::BodyCx;
use super::syntax::{has_token, is_name, kid, kids, name_of, name_tokens, token, tokens};
use crate::base::{Name, TextRange};
use crate::items::hir::*;
use crate::items::tree::ThrowsRef;
use crate::syntax::SyntaxKind::{self, *};
use crate::syntax::view::{Node, Token};

/// Whether nodes of this kind are expressions.
pub(super) fn is_expr(kind: SyntaxKind) -> bool {
    (INTEGER_LITERAL..=DO_EXPR).contains(&kind)
        && !matches!(
            kind,
            STRING_SEGMENT
                | INTERPOLATION
                | DICTIONARY_ELEMENT
                | DECL_NAME_ARGS
                | ARGUMENT_LIST
                | ARGUMENT
                | LABELED_TRAILING_CLOSURE
                | BINARY_OPERATOR
                | ASSIGN_OPERATOR
                | TERNARY_OPERATOR
                | IS_OPERATOR
                | AS_OPERATOR
                | ARROW_OPERATOR
                | CLOSURE_SIGNATURE
                | CAPTURE_LIST
                | CAPTURE
                | CLOSURE_PARAM_LIST
                | CLOSURE_PARAM
                | KEY_PATH_PROPERTY
                | KEY_PATH_SUBSCRIPT
                | KEY_PATH_OPTIONAL
                | KEY_PATH_CALL
        )
}

/// The first child that is an expression.
pub(super) fn first_expr<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.children().find(|n| is_expr(n.kind()))
}

impl BodyCx<'_> {
    /// Lowers an expression node.
    pub(super) fn lower_expr(&mut self, node: &Node<'_>) -> ExprId {
        if is_postfix(node.kind()) {
            // The whole postfix expression is the extent of the optional chain in it.
            let inner = self.lower_postfix(node, None);
            if spine_has_chain(node) {
                let range = node.text_range();
                return self.expr(Expr::Chain(inner), range);
            }
            return inner;
        }
        self.lower_operand(node)
    }

    /// Lowers an operand of a call or an operator, which are the only places where `&place` may stand.
    pub(super) fn lower_argument(&mut self, node: &Node<'_>) -> ExprId {
        if node.kind() != INOUT_EXPR {
            return self.lower_expr(node);
        }
        let place = self.expr_child(node);
        self.expr(Expr::Inout(place), node.text_range())
    }

    /// `&place` anywhere else, as in `x = &y` or `(&x)`: an error, and a value that no other error is about.
    fn misplaced_inout(&mut self, node: &Node<'_>) -> ExprId {
        let missing = self.expr(Expr::Missing, node.text_range());
        self.error(
            "misplaced-inout",
            missing,
            "'&' may only be used to pass an argument to inout parameter",
        );
        missing
    }

    fn lower_operand(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let expr = match node.kind() {
            INTEGER_LITERAL | FLOAT_LITERAL | STRING_LITERAL | BOOL_LITERAL | NIL_LITERAL
            | REGEX_LITERAL => return self.literal(node),
            ARRAY_EXPR => {
                let elements: Vec<_> = node.children().filter(|n| is_expr(n.kind())).collect();
                Expr::Array(elements.iter().map(|e| self.lower_expr(e)).collect())
            }
            DICTIONARY_EXPR => {
                let mut pairs = Vec::new();
                for element in kids(node, DICTIONARY_ELEMENT) {
                    let parts: Vec<_> = element.children().filter(|n| is_expr(n.kind())).collect();
                    let key = match parts.first() {
                        Some(key) => self.lower_expr(key),
                        None => self.expr(Expr::Missing, element.text_range()),
                    };
                    let value = match parts.get(1) {
                        Some(value) => self.lower_expr(value),
                        None => self.expr(Expr::Missing, element.text_range()),
                    };
                    pairs.push((key, value));
                }
                Expr::Dictionary(pairs)
            }
            PAREN_EXPR => match kid(node, ARGUMENT) {
                Some(argument) => Expr::Paren(self.expr_child(&argument)),
                None => Expr::Paren(self.expr_child(node)),
            },
            TUPLE_EXPR => Expr::Tuple(self.arguments(node)),
            IDENT_EXPR => return self.ident(node),
            THIS_EXPR => Expr::This,
            SUPER_EXPR => Expr::Super,
            WILDCARD_EXPR => Expr::Discard,
            IMPLICIT_MEMBER_EXPR => return self.member(node, None),
            PREFIX_EXPR => return self.prefix(node),
            INOUT_EXPR => return self.misplaced_inout(node),
            SEQUENCE_EXPR => return self.sequence(node),
            TRY_EXPR | AWAIT_EXPR | UNSAFE_EXPR => {
                let inner = self.expr_child(node);
                return self.wrap_effect(node, inner, range);
            }
            CONSUME_EXPR => Expr::Consume(self.expr_child(node)),
            COPY_EXPR | BORROW_EXPR => Expr::Copy(self.expr_child(node)),
            PACK_ELEMENT_EXPR => Expr::PackElement(self.expr_child(node)),
            PACK_EXPANSION_EXPR => Expr::PackExpansion(self.expr_child(node)),
            CLOSURE_EXPR => return self.closure(node),
            KEY_PATH_EXPR => return self.key_path(node),
            MACRO_EXPANSION_EXPR => return self.macro_use(node),
            TYPE_EXPR => Expr::Type(self.types.child(node)),
            IF_EXPR => return self.if_expr(node, None),
            SWITCH_EXPR => return self.switch_expr(node, None),
            DO_EXPR => return self.do_expr(node, None),
            _ => Expr::Missing,
        };
        self.expr(expr, range)
    }

    /// Lowers a postfix expression; `base` replaces the missing base of an implicit member (in `#if` around member chains).
    fn lower_postfix(&mut self, node: &Node<'_>, base: Option<ExprId>) -> ExprId {
        // The spine from the outermost suffix down to the operand, without recursion: chains can be long.
        let mut spine = vec![*node];
        let mut operand = None;
        while let Some(next) = spine.last().and_then(first_expr) {
            if is_postfix(next.kind()) {
                spine.push(next);
            } else {
                operand = Some(next);
                break;
            }
        }
        let mut result = match (&operand, base) {
            (Some(operand), Some(base)) if operand.kind() == IMPLICIT_MEMBER_EXPR => {
                self.member(operand, Some(base))
            }
            (Some(operand), _) => self.lower_operand(operand),
            (None, _) => self.expr(Expr::Missing, node.text_range()),
        };
        while let Some(suffix) = spine.pop() {
            result = self.suffix(&suffix, result);
        }
        result
    }

    fn suffix(&mut self, node: &Node<'_>, base: ExprId) -> ExprId {
        let range = node.text_range();
        match node.kind() {
            MEMBER_EXPR => self.member(node, Some(base)),
            SPECIALIZE_EXPR => {
                let args = self.types.generic_args(node);
                let mut expr = self.body.exprs[base].clone();
                match &mut expr {
                    Expr::Name { args: a, .. } | Expr::Member { args: a, .. } => *a = args,
                    _ => {}
                }
                let point = self.map.exprs[base.index()].1;
                self.expr_at(expr, range, point)
            }
            CALL_EXPR => {
                let (args, trailing) = self.call_arguments(node);
                let point = kid(node, ARGUMENT_LIST).map_or(range, |list| list.text_range());
                self.expr_at(
                    Expr::Call {
                        callee: base,
                        args,
                        trailing,
                    },
                    range,
                    point,
                )
            }
            SUBSCRIPT_EXPR => {
                let (args, _) = self.call_arguments(node);
                let point = kid(node, ARGUMENT_LIST).map_or(range, |list| list.text_range());
                self.expr_at(Expr::Subscript { base, args }, range, point)
            }
            OPTIONAL_CHAIN_EXPR => self.expr(Expr::ChainLink(base), range),
            FORCE_UNWRAP_EXPR => self.expr(Expr::ForceUnwrap(base), range),
            POSTFIX_EXPR => {
                let Some(op) = token(node, POSTFIX_OP) else {
                    return base;
                };
                let name = Name::new(op.text());
                self.expr_at(
                    Expr::Postfix {
                        op: name,
                        operand: base,
                    },
                    range,
                    op.text_range(),
                )
            }
            POSTFIX_IF_CONFIG_EXPR => {
                let clause = kid(node, IF_CONFIG).and_then(|c| self.conditions.active_clause(&c));
                let chain = clause
                    .and_then(|clause| clause.children().filter(|n| is_expr(n.kind())).last());
                match chain {
                    Some(chain) if is_postfix(chain.kind()) => {
                        self.lower_postfix(&chain, Some(base))
                    }
                    Some(chain) if chain.kind() == IMPLICIT_MEMBER_EXPR => {
                        self.member(&chain, Some(base))
                    }
                    _ => base,
                }
            }
            _ => base,
        }
    }

    fn member(&mut self, node: &Node<'_>, base: Option<ExprId>) -> ExprId {
        let range = node.text_range();
        let Some(name) = name_tokens(node).last() else {
            return self.expr(Expr::Missing, range);
        };
        let point = name.text_range();
        if name.kind() == THIS_KW
            && let Some(base) = base
        {
            return self.expr_at(Expr::DotThis(base), range, point);
        }
        let (name, labels) = (name_of(&name), decl_name_labels(node));
        let args = Vec::new();
        self.expr_at(
            Expr::Member {
                base,
                name,
                labels,
                args,
            },
            range,
            point,
        )
    }

    fn ident(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let Some(name) = tokens(node).next() else {
            return self.expr(Expr::Missing, range);
        };
        match name.kind() {
            BINARY_OP | PREFIX_OP | POSTFIX_OP => {
                return self.expr(Expr::Operator(Name::new(name.text())), range);
            }
            DOLLAR_IDENT => {
                if let Ok(n) = name.text()[1..].parse::<usize>()
                    && n < 1024
                    && let Some(local) = self.anonymous_param(n, range)
                {
                    let name = self.body.locals[local].name;
                    return self.expr(plain_name(name), range);
                }
            }
            _ => {}
        }
        let expr = Expr::Name {
            name: name_of(&name),
            labels: decl_name_labels(node),
            args: Vec::new(),
        };
        self.expr_at(expr, range, name.text_range())
    }

    fn prefix(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let Some(op) = tokens(node).next() else {
            return self.expr_child(node);
        };
        let operand = first_expr(node);
        // A minus in front of a number belongs to the literal, also below member accesses: `-2.advanced(by: 3)`.
        if op.text() == "-"
            && let Some(operand) = &operand
            && let Some(literal) = leading_number(operand)
            && literal.text_range().start() == op.text_range().end()
        {
            let inner = self.lower_expr(operand);
            self.negate_leading(inner, range);
            return inner;
        }
        let operand = self.expr_child(node);
        let name = Name::new(op.text());
        self.expr_at(Expr::Prefix { op: name, operand }, range, op.text_range())
    }

    /// Negates the number at the left end of a postfix expression that has just been lowered.
    fn negate_leading(&mut self, expr: ExprId, range: TextRange) {
        let mut at = expr;
        loop {
            self.map.exprs[at.index()].0 = range.cover(self.map.exprs[at.index()].0);
            at = match &mut self.body.exprs[at] {
                Expr::Int(value) => {
                    *value = value.wrapping_neg();
                    return;
                }
                Expr::BigInt(text) => {
                    *text = Name::new(&format!("-{text}"));
                    return;
                }
                Expr::Float(bits, text) => {
                    *bits = (-f64::from_bits(*bits)).to_bits();
                    *text = Name::new(&format!("-{text}"));
                    return;
                }
                Expr::Member { base: Some(b), .. } => *b,
                Expr::Call { callee, .. } => *callee,
                Expr::Subscript { base, .. } => *base,
                Expr::Postfix { operand, .. } => *operand,
                Expr::ForceUnwrap(e) | Expr::ChainLink(e) | Expr::Chain(e) | Expr::DotThis(e) => *e,
                _ => return,
            };
        }
    }

    /// The arguments of a call or subscript, and how many of them are trailing closures.
    fn call_arguments(&mut self, node: &Node<'_>) -> (Vec<Arg>, u32) {
        let mut args = match kid(node, ARGUMENT_LIST) {
            Some(list) => self.arguments(&list),
            None => Vec::new(),
        };
        let mut trailing = 0;
        // The callee can be a closure too: only what follows it counts.
        for child in node.children().skip(1) {
            match child.kind() {
                CLOSURE_EXPR => {
                    let expr = self.lower_expr(&child);
                    args.push(Arg { label: None, expr });
                    trailing += 1;
                }
                LABELED_TRAILING_CLOSURE => {
                    let label = name_tokens(&child).next().map(|t| name_of(&t));
                    let expr = self.expr_child(&child);
                    args.push(Arg { label, expr });
                    trailing += 1;
                }
                _ => {}
            }
        }
        (args, trailing)
    }

    /// The `ARGUMENT` children with their labels.
    pub(super) fn arguments(&mut self, list: &Node<'_>) -> Vec<Arg> {
        let mut args = Vec::new();
        for argument in kids(list, ARGUMENT) {
            let label = if has_token(&argument, COLON) {
                name_tokens(&argument).next().map(|t| name_of(&t))
            } else {
                None
            };
            let expr = match first_expr(&argument) {
                Some(value) if list.kind() != TUPLE_EXPR => self.lower_argument(&value),
                _ => self.expr_child(&argument),
            };
            if let Some(token) = argument.first_token()
                && label.is_some()
            {
                self.map.labels.push((expr, token.text_range()));
            }
            args.push(Arg { label, expr });
        }
        args
    }

    fn macro_use(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let name = name_tokens(node).next().map(|t| name_of(&t));
        let magic = match name.map_or("", |n| n.as_str()) {
            "file" => Some(Magic::File),
            "fileID" => Some(Magic::FileId),
            "filePath" => Some(Magic::FilePath),
            "line" => Some(Magic::Line),
            "column" => Some(Magic::Column),
            "function" => Some(Magic::Function),
            "dsohandle" => Some(Magic::DsoHandle),
            _ => None,
        };
        if let Some(magic) = magic {
            return self.expr(Expr::Magic(magic), range);
        }
        let (args, _) = self.call_arguments(node);
        let name = name.unwrap_or_else(|| Name::new(""));
        self.expr(Expr::Macro { name, args }, range)
    }

    fn key_path(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let root = node
            .children()
            .find(|n| super::types::is_type(n.kind()))
            .map(|ty| self.types.lower(&ty));
        let mut components = Vec::new();
        for part in node.children() {
            match part.kind() {
                KEY_PATH_PROPERTY => {
                    let Some(name) = name_tokens(&part).last() else {
                        continue;
                    };
                    components.push(if name.kind() == THIS_KW {
                        KeyPathComponent::This
                    } else {
                        KeyPathComponent::Member {
                            name: name_of(&name),
                            labels: decl_name_labels(&part),
                        }
                    });
                }
                KEY_PATH_SUBSCRIPT => {
                    let args = match kid(&part, ARGUMENT_LIST) {
                        Some(list) => self.arguments(&list),
                        None => Vec::new(),
                    };
                    components.push(KeyPathComponent::Subscript(args));
                }
                KEY_PATH_OPTIONAL => components.push(if has_token(&part, POSTFIX_BANG) {
                    KeyPathComponent::Force
                } else {
                    KeyPathComponent::Chain
                }),
                _ => {}
            }
        }
        self.expr(Expr::KeyPath { root, components }, range)
    }

    fn closure(&mut self, node: &Node<'_>) -> ExprId {
        let range = node.text_range();
        let index = self.body.closure_count;
        self.body.closure_count += 1;
        let signature = kid(node, CLOSURE_SIGNATURE);
        let mut closure = Closure {
            index,
            captures: Vec::new(),
            params: None,
            anonymous: Vec::new(),
            result: None,
            throws: ThrowsRef::No,
            is_async: false,
            attrs: Vec::new(),
            body: Block::default(),
        };
        let mut params: Vec<Node<'_>> = Vec::new();
        if let Some(signature) = &signature {
            if let Some(list) = kid(signature, CAPTURE_LIST) {
                closure.captures = kids(&list, CAPTURE)
                    .filter_map(|c| self.capture(&c))
                    .collect();
            }
            if let Some(list) = kid(signature, CLOSURE_PARAM_LIST) {
                params = kids(&list, CLOSURE_PARAM).collect();
                closure.params = Some(params.iter().map(|p| self.closure_param(p)).collect());
            }
            (closure.throws, closure.is_async) = self.types.effects(signature);
            if let Some(clause) = kid(signature, RETURN_CLAUSE) {
                closure.result = Some(self.types.child(&clause));
            }
        }
        // `$0` belongs to the innermost closure that names no parameters itself.
        let named = closure.params.is_some();
        if !named {
            self.anonymous.push(Vec::new());
        }
        let prelude = self.wrapped_closure_params(&params);
        closure.body = self.block(node);
        if !prelude.is_empty() {
            closure.body.stmts = self.after_wrapping(prelude, closure.body.stmts);
        }
        if !named {
            closure.anonymous = self.anonymous.pop().unwrap_or_default();
        }
        self.expr(Expr::Closure(Box::new(closure)), range)
    }

    fn capture(&mut self, node: &Node<'_>) -> Option<Capture> {
        let name = name_tokens(node).find(|t| !matches!(t.kind(), LET_KW | VAR_KW))?;
        let modifier = kid(node, MODIFIER).and_then(|m| m.first_token());
        let kind = match modifier.map(|t| t.kind()) {
            Some(WEAK_KW) => LocalKind::Weak,
            Some(UNOWNED_KW) => LocalKind::Unowned,
            _ => LocalKind::Let,
        };
        let range = name.text_range();
        let init = match kid(node, INITIALIZER) {
            Some(init) => self.expr_child(&init),
            None if name.kind() == THIS_KW => self.expr(Expr::This, range),
            None => self.expr(plain_name(name_of(&name)), range),
        };
        let local = self.local(name_of(&name), kind, range);
        Some(Capture { local, init })
    }

    fn closure_param(&mut self, node: &Node<'_>) -> ClosureParam {
        let name = closure_param_token(node);
        let mut ty = None;
        let mut inout = has_token(node, INOUT_KW);
        if let Some(annotation) = kid(node, TYPE_ANNOTATION) {
            let (lowered, ownership) = self.types.param_type(&annotation);
            ty = Some(lowered);
            inout |= ownership == crate::items::tree::Ownership::Inout;
        }
        let kind = if inout {
            LocalKind::InoutParam
        } else {
            LocalKind::Param
        };
        let (name, range) = match name {
            Some(t) => (name_of(&t), t.text_range()),
            None => (Name::new("_"), node.text_range()),
        };
        ClosureParam {
            local: self.local(name, kind, range),
            ty,
            inout,
            variadic: has_token(node, ELLIPSIS),
        }
    }
}

/// A bare name.
pub(super) fn plain_name(name: Name) -> Expr {
    Expr::Name {
        name,
        labels: None,
        args: Vec::new(),
    }
}

/// The labels in `f(a:_:)`.
fn decl_name_labels(node: &Node<'_>) -> Option<Vec<Option<Name>>> {
    let args = kid(node, DECL_NAME_ARGS)?;
    let mut labels = Vec::new();
    let mut last = None;
    for token in tokens(&args) {
        match token.kind() {
            COLON => labels.push(last.take()),
            UNDERSCORE | L_PAREN | R_PAREN => last = None,
            _ => last = Some(name_of(&token)),
        }
    }
    Some(labels)
}

fn is_postfix(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        MEMBER_EXPR
            | SPECIALIZE_EXPR
            | CALL_EXPR
            | SUBSCRIPT_EXPR
            | OPTIONAL_CHAIN_EXPR
            | FORCE_UNWRAP_EXPR
            | POSTFIX_EXPR
            | POSTFIX_IF_CONFIG_EXPR
    )
}

/// Whether a `?` stands on the spine of a postfix expression.
fn spine_has_chain(node: &Node<'_>) -> bool {
    let mut at = Some(*node);
    while let Some(node) = at {
        match node.kind() {
            OPTIONAL_CHAIN_EXPR => return true,
            kind if is_postfix(kind) => at = first_expr(&node),
            _ => return false,
        }
    }
    false
}

/// The number literal at the left end of a postfix expression.
fn leading_number<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let mut at = *node;
    loop {
        match at.kind() {
            INTEGER_LITERAL | FLOAT_LITERAL => return Some(at),
            kind if is_postfix(kind) => at = first_expr(&at)?,
            _ => return None,
        }
    }
}

/// The token that names a closure's parameter.
fn closure_param_token<'t>(node: &Node<'t>) -> Option<Token<'t>> {
    tokens(node)
        .filter(|t| t.kind() == UNDERSCORE || is_name(t.kind()))
        .filter(|t| t.kind() != INOUT_KW)
        .last()
}

/// The name of a closure's parameter.
pub(super) fn closure_param_name(node: &Node<'_>) -> Option<Name> {
    closure_param_token(node).map(|t| name_of(&t))
}
