//! Accessors that take more than finding a child by its type.

use super::{AstNode, nodes::*, support};
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::kind::{SyntaxNode, SyntaxToken};
use smallvec::SmallVec;

/// An identifier's text without its backticks.
pub fn unquoted(text: &str) -> &str {
    text.strip_prefix('`')
        .and_then(|text| text.strip_suffix('`'))
        .unwrap_or(text)
}

fn is_name(kind: SyntaxKind) -> bool {
    matches!(kind, IDENT | UNDERSCORE | THIS_KW | INIT_KW | DOLLAR_IDENT)
}

/// Direct tokens before the first of the given kind.
fn tokens_before(node: &SyntaxNode, end: SyntaxKind) -> SmallVec<[SyntaxToken; 2]> {
    support::tokens(node)
        .take_while(|token| token.kind() != end)
        .filter(|token| is_name(token.kind()))
        .collect()
}

impl Name {
    /// The name's token.
    pub fn token(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }

    /// The name without backticks.
    pub fn text(&self) -> String {
        self.token()
            .map(|token| unquoted(token.text()).to_string())
            .unwrap_or_default()
    }

    /// Whether the name is an operator.
    pub fn is_operator(&self) -> bool {
        self.token().is_some_and(|token| token.kind() != IDENT)
    }
}

impl IfConfigClause {
    /// Whether this is the `#else` branch.
    pub fn is_else(&self) -> bool {
        support::first_token(self.syntax()).is_some_and(|token| token.kind() == POUND_ELSE)
    }

    /// The condition of `#if` and `#elseif`.
    pub fn condition(&self) -> Option<Expr> {
        if self.is_else() {
            None
        } else {
            support::child(self.syntax())
        }
    }

    /// What an `#if` behind an expression holds: a member chain that begins with a dot.
    pub fn postfix_chain(&self) -> Option<Expr> {
        support::nth_child(self.syntax(), if self.is_else() { 0 } else { 1 })
    }
}

impl ImportPath {
    /// The components of the path.
    pub fn components(&self) -> Vec<SyntaxToken> {
        support::tokens(self.syntax())
            .filter(|token| token.kind() == IDENT)
            .collect()
    }
}

impl ImportDecl {
    /// The kind of declaration that is imported, as in `import struct A.B`.
    pub fn kind_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax())
            .filter(|token| token.kind() != IMPORT_KW)
            .find(|token| token.kind().is_keyword())
    }
}

impl VarDecl {
    /// Whether the bindings cannot be assigned again.
    pub fn is_let(&self) -> bool {
        self.let_token().is_some()
    }
}

impl Param {
    /// The first name, which callers write: an identifier, or `_` where they write none.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        tokens_before(self.syntax(), COLON).into_iter().next()
    }

    /// The name inside of the function: the second one, or the only one.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        tokens_before(self.syntax(), COLON).into_iter().last()
    }

    /// A specifier in its old place before the name.
    pub fn specifier_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax())
            .take_while(|token| token.kind() != COLON)
            .find(|token| !is_name(token.kind()))
    }
}

impl EnumCaseParam {
    /// The label, if one is written.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), COLON)?;
        tokens_before(self.syntax(), COLON).into_iter().next()
    }
}

impl TupleTypeElement {
    /// The first name before the colon.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), COLON)?;
        tokens_before(self.syntax(), COLON).into_iter().next()
    }

    /// The second name before the colon.
    pub fn second_name_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), COLON)?;
        tokens_before(self.syntax(), COLON).into_iter().nth(1)
    }
}

impl TuplePatternElement {
    /// The label, if one is written.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), COLON)?;
        tokens_before(self.syntax(), COLON).into_iter().next()
    }
}

impl Argument {
    /// The label, if one is written; a keyword there is an identifier, `_` is `UNDERSCORE`.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), COLON)?;
        support::first_token(self.syntax())
    }
}

impl LabeledTrailingClosure {
    /// The label.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }
}

impl ClosureParam {
    /// The first name.
    pub fn label_token(&self) -> Option<SyntaxToken> {
        tokens_before(self.syntax(), COLON).into_iter().next()
    }

    /// The name inside of the closure: the second one, or the only one.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        tokens_before(self.syntax(), COLON).into_iter().last()
    }
}

impl Capture {
    /// The captured name; `THIS_KW` for `this`.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax()).find(|token| is_name(token.kind()))
    }
}

impl Modifier {
    /// The modifier's keyword.
    pub fn kind(&self) -> SyntaxKind {
        support::first_token(self.syntax()).map_or(ERROR, |token| token.kind())
    }

    /// The text in its parentheses, such as `set` or `unsafe`.
    pub fn detail(&self) -> Option<String> {
        let inner: String = support::tokens(self.syntax())
            .skip_while(|token| token.kind() != L_PAREN)
            .skip(1)
            .take_while(|token| token.kind() != R_PAREN)
            .map(|token| token.text().to_string())
            .collect();
        (!inner.is_empty()).then_some(inner)
    }
}

impl ModifierList {
    /// The first modifier of a kind.
    pub fn find(&self, kind: SyntaxKind) -> Option<Modifier> {
        self.modifiers().find(|modifier| modifier.kind() == kind)
    }

    /// Whether a modifier of the kind is there, without an argument such as `(set)`.
    pub fn has(&self, kind: SyntaxKind) -> bool {
        self.modifiers()
            .any(|modifier| modifier.kind() == kind && modifier.detail().is_none())
    }
}

impl Attribute {
    /// The attribute's name, without arguments.
    pub fn name(&self) -> String {
        self.name_type()
            .map(|ty| ty.syntax().text().to_string())
            .unwrap_or_default()
    }
}

impl AttributeArgs {
    /// The tokens between the parentheses.
    pub fn tokens(&self) -> Vec<SyntaxToken> {
        let all: Vec<_> = support::tokens(self.syntax()).collect();
        let last = all.len().saturating_sub(1).max(1);
        all.get(1..last).map(<[_]>::to_vec).unwrap_or_default()
    }
}

impl AttributeList {
    /// The first attribute of a name.
    pub fn find(&self, name: &str) -> Option<Attribute> {
        self.attributes().find(|attribute| attribute.name() == name)
    }
}

impl AccessorDecl {
    /// Which accessor this is: `GET_KW`, `SET_KW`, `WILL_SET_KW`, …
    pub fn kind(&self) -> SyntaxKind {
        support::first_token(self.syntax()).map_or(ERROR, |token| token.kind())
    }
}

impl AccessorBlock {
    /// Whether the block is the getter's statements rather than accessors.
    pub fn is_implicit_getter(&self) -> bool {
        self.accessors().next().is_none()
    }

    /// The accessor of a kind.
    pub fn accessor(&self, kind: SyntaxKind) -> Option<AccessorDecl> {
        self.accessors().find(|accessor| accessor.kind() == kind)
    }
}

impl GenericRequirement {
    /// The left type.
    pub fn subject(&self) -> Option<Type> {
        support::nth_child(self.syntax(), 0)
    }

    /// The right type.
    pub fn constraint(&self) -> Option<Type> {
        support::nth_child(self.syntax(), 1)
    }

    /// Whether this is `==` rather than `:`.
    pub fn is_same_type(&self) -> bool {
        self.eq_eq_token().is_some()
    }
}

impl PrecedenceGroupAttribute {
    /// The attribute's name.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }

    /// The values behind the colon.
    pub fn values(&self) -> Vec<SyntaxToken> {
        support::tokens(self.syntax())
            .skip_while(|token| token.kind() != COLON)
            .filter(|token| matches!(token.kind(), IDENT | TRUE_KW | FALSE_KW))
            .collect()
    }
}

impl OperatorDecl {
    /// `PREFIX_KW`, `INFIX_KW` or `POSTFIX_KW`.
    pub fn fixity(&self) -> Option<SyntaxKind> {
        self.modifiers()?
            .modifiers()
            .map(|modifier| modifier.kind())
            .find(|kind| matches!(kind, PREFIX_KW | INFIX_KW | POSTFIX_KW))
    }
}

impl ForStmt {
    /// The expression behind `where`.
    pub fn guard(&self) -> Option<Expr> {
        self.where_token()?;
        support::nth_child(self.syntax(), 1)
    }
}

impl NamedType {
    /// The name; `Self` and `Any` are keywords.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }
}

impl MemberType {
    /// The name behind the dot.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::token(self.syntax(), IDENT)
    }
}

impl DictionaryType {
    /// The value's type.
    pub fn value(&self) -> Option<Type> {
        support::nth_child(self.syntax(), 1)
    }
}

impl InlineArrayType {
    /// The element's type.
    pub fn element(&self) -> Option<Type> {
        support::nth_child(self.syntax(), 1)
    }
}

impl FunctionType {
    /// The type behind the arrow.
    pub fn result(&self) -> Option<Type> {
        support::nth_child(self.syntax(), 1)
    }
}

impl TypeSpecifier {
    /// The specifier's keyword.
    pub fn kind(&self) -> SyntaxKind {
        support::first_token(self.syntax()).map_or(ERROR, |token| token.kind())
    }
}

impl DictionaryElement {
    /// The value.
    pub fn value(&self) -> Option<Expr> {
        support::nth_child(self.syntax(), 1)
    }
}

impl ParenExpr {
    /// The expression in the parentheses.
    pub fn expr(&self) -> Option<Expr> {
        self.arg()?.value()
    }
}

impl IdentExpr {
    /// The name.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }
}

impl MemberExpr {
    /// The name behind the dot: `IDENT`, `INT_NUMBER`, `THIS_KW` or `INIT_KW`.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax()).find(|token| token.kind() != DOT)
    }
}

impl ImplicitMemberExpr {
    /// The name behind the dot.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax()).find(|token| token.kind() != DOT)
    }
}

impl KeyPathProperty {
    /// The name behind the dot.
    pub fn name_token(&self) -> Option<SyntaxToken> {
        support::tokens(self.syntax()).find(|token| token.kind() != DOT)
    }
}

impl DeclNameArgs {
    /// The labels; `_` for a parameter without one.
    pub fn labels(&self) -> Vec<SyntaxToken> {
        support::tokens(self.syntax())
            .filter(|token| matches!(token.kind(), IDENT | UNDERSCORE))
            .collect()
    }
}

impl CallExpr {
    /// The unlabelled trailing closure.
    pub fn trailing_closure(&self) -> Option<ClosureExpr> {
        self.syntax().children().skip(1).find_map(ClosureExpr::cast)
    }
}

impl SubscriptExpr {
    /// The unlabelled trailing closure.
    pub fn trailing_closure(&self) -> Option<ClosureExpr> {
        self.syntax().children().skip(1).find_map(ClosureExpr::cast)
    }
}

impl SwitchCase {
    /// Whether this is `@unknown default`.
    pub fn is_unknown(&self) -> bool {
        self.attributes()
            .is_some_and(|attributes| attributes.find("unknown").is_some())
    }
}

impl BoolLiteral {
    /// The value.
    pub fn value(&self) -> bool {
        self.true_token().is_some()
    }
}

impl AvailabilityArg {
    /// The platform's name or `*`.
    pub fn platform(&self) -> Option<SyntaxToken> {
        support::first_token(self.syntax())
    }

    /// The version behind the name.
    pub fn version(&self) -> String {
        support::tokens(self.syntax())
            .skip(1)
            .map(|token| token.text().to_string())
            .collect()
    }
}

impl Decl {
    /// The attributes before the declaration.
    pub fn attributes(&self) -> Option<AttributeList> {
        support::child(self.syntax())
    }

    /// The modifiers before the declaration.
    pub fn modifiers(&self) -> Option<ModifierList> {
        support::child(self.syntax())
    }

    /// The name, where this kind of declaration has exactly one.
    pub fn name(&self) -> Option<Name> {
        support::child(self.syntax())
    }

    /// The members, where this declares a type.
    pub fn member_block(&self) -> Option<MemberBlock> {
        support::child(self.syntax())
    }
}

/// The comments that document a node: `///` lines and `/** */` blocks right before it.
pub fn doc_comment(node: &SyntaxNode) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut element = node.prev_sibling_or_token();
    while let Some(rowan::NodeOrToken::Token(token)) = element {
        match token.kind() {
            WHITESPACE => {
                if token.text().bytes().filter(|&byte| byte == b'\n').count() > 1 {
                    break;
                }
            }
            LINE_COMMENT if token.text().starts_with("///") => {
                let text = &token.text()[3..];
                lines.push(text.strip_prefix(' ').unwrap_or(text).to_string());
            }
            BLOCK_COMMENT if token.text().starts_with("/**") => {
                lines.push(
                    token
                        .text()
                        .trim_start_matches("/**")
                        .trim_end_matches("*/")
                        .trim()
                        .to_string(),
                );
            }
            _ => break,
        }
        element = token.prev_sibling_or_token();
    }
    if lines.is_empty() {
        return None;
    }
    lines.reverse();
    Some(lines.join("\n"))
}
