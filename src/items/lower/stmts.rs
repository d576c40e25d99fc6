//! Statements, and the expressions made of blocks.

use super::body::{BodyCx, is_let};
use super::exprs::{first_expr, is_expr, plain_name};
use super::patterns::{Binds, is_pattern};
use super::syntax::{has_token, kid, kids, name_of, name_tokens, token};
use crate::base::{Name, TextRange};
use crate::items::hir::*;
use crate::items::tree::ThrowsRef;
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

impl BodyCx<'_> {
    /// The statements that are children of `node`, conditional compilation decided.
    pub(super) fn statements(&mut self, node: &Node<'_>) -> Block {
        let mut stmts = Vec::new();
        let nodes = self.conditions.active_children(node);
        // Local functions and types can be used before their declaration; names see the whole block, so order is kept as written.
        for node in nodes {
            self.statement(&node, None, node.text_range(), &mut stmts);
        }
        Block { stmts }
    }

    /// One statement, whose place begins with its label.
    fn statement(
        &mut self,
        node: &Node<'_>,
        label: Option<Name>,
        range: TextRange,
        out: &mut Vec<StmtId>,
    ) {
        let stmt = match node.kind() {
            EXPR_STMT => match first_expr(node) {
                Some(expr) => Stmt::Expr(self.statement_expr(&expr, label)),
                None => Stmt::Missing,
            },
            kind if is_expr(kind) => Stmt::Expr(self.statement_expr(node, label)),
            LABELED_STMT => {
                let name = kid(node, NAME).and_then(|n| name_tokens(&n).next());
                let label = name.map(|t| name_of(&t));
                if let Some(inner) = node.children().find(|n| n.kind() != NAME) {
                    self.statement(&inner, label, range, out);
                }
                return;
            }
            RETURN_STMT => Stmt::Return(first_expr(node).map(|e| self.lower_expr(&e))),
            THROW_STMT => Stmt::Throw(self.expr_child(node)),
            BREAK_STMT => Stmt::Break(name_tokens(node).nth(1).map(|t| name_of(&t))),
            CONTINUE_STMT => Stmt::Continue(name_tokens(node).nth(1).map(|t| name_of(&t))),
            FALLTHROUGH_STMT => Stmt::Fallthrough,
            DEFER_STMT => Stmt::Defer(self.block_child(node)),
            YIELD_STMT => Stmt::Yield(vec![match super::exprs::first_expr(node) {
                Some(value) => self.lower_argument(&value),
                None => self.expr_child(node),
            }]),
            THEN_STMT => Stmt::Then(self.expr_child(node)),
            DISCARD_STMT => Stmt::DiscardThis,
            GUARD_STMT => {
                let conditions = self.conditions(node);
                Stmt::Guard {
                    conditions,
                    els: self.block_child(node),
                }
            }
            WHILE_STMT => {
                let saved = std::mem::replace(&mut self.at_top_level, false);
                let conditions = self.conditions(node);
                self.at_top_level = saved;
                Stmt::While {
                    label,
                    conditions,
                    body: self.block_child(node),
                }
            }
            REPEAT_STMT => Stmt::RepeatWhile {
                label,
                body: self.block_child(node),
                cond: self.expr_child(node),
            },
            FOR_STMT => self.for_stmt(node, label),
            _ => {
                self.declaration_statement(node, out);
                return;
            }
        };
        let stmt = self.stmt(stmt, range);
        out.push(stmt);
    }

    /// An expression as a statement: only here `if`, `switch` and `do` can carry a label.
    fn statement_expr(&mut self, node: &Node<'_>, label: Option<Name>) -> ExprId {
        match node.kind() {
            IF_EXPR => self.if_expr(node, label),
            SWITCH_EXPR => self.switch_expr(node, label),
            DO_EXPR => self.do_expr(node, label),
            _ => self.lower_expr(node),
        }
    }

    fn for_stmt(&mut self, node: &Node<'_>, label: Option<Name>) -> Stmt {
        let saved = std::mem::replace(&mut self.at_top_level, false);
        let is_case = has_token(node, CASE_KW);
        let binds = if is_case { Binds::No } else { Binds::Let };
        // The sequence is evaluated outside of the scope of the pattern's names.
        let exprs: Vec<_> = node.children().filter(|n| is_expr(n.kind())).collect();
        let sequence = match exprs.first() {
            Some(sequence) => self.lower_expr(sequence),
            None => self.expr(Expr::Missing, node.text_range()),
        };
        let pat = self.pattern_child(node, binds);
        let filter = exprs.get(1).map(|filter| self.lower_expr(filter));
        let body = self.block_child(node);
        self.at_top_level = saved;
        Stmt::For(Box::new(ForStmt {
            label,
            pat,
            is_case,
            sequence,
            filter,
            try_kind: has_token(node, TRY_KW).then_some(TryKind::Try),
            is_await: has_token(node, AWAIT_KW),
            body,
        }))
    }

    /// The conditions of `if`, `guard` or `while`.
    pub(super) fn conditions(&mut self, node: &Node<'_>) -> Vec<Condition> {
        let Some(list) = kid(node, CONDITION_LIST) else {
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for condition in list.children() {
            conditions.push(match condition.kind() {
                EXPR_CONDITION => Condition::Expr(self.expr_child(&condition)),
                AVAILABILITY_CONDITION => {
                    // Every platform version is met here; `#unavailable` is the opposite.
                    Condition::Available(has_token(&condition, POUND_AVAILABLE))
                }
                CASE_CONDITION => {
                    let init = self.initializer(&condition);
                    Condition::Case {
                        pat: self.pattern_child(&condition, Binds::No),
                        init,
                    }
                }
                BINDING_CONDITION => self.binding_condition(&condition),
                _ => continue,
            });
        }
        conditions
    }

    fn binding_condition(&mut self, node: &Node<'_>) -> Condition {
        let binds = if is_let(node) { Binds::Let } else { Binds::Var };
        let pattern = node.children().find(|n| is_pattern(n.kind()));
        let init = match (&kid(node, INITIALIZER), &pattern) {
            (Some(init), _) => self.expr_child(init),
            // `if let x` means `if let x = x`.
            (None, Some(pattern)) => {
                let range = pattern.text_range();
                let name = kid(pattern, NAME).and_then(|n| name_tokens(&n).next());
                match name {
                    Some(t) if t.kind() == THIS_KW => self.expr(Expr::This, range),
                    Some(t) => self.expr(plain_name(name_of(&t)), range),
                    None => self.expr(Expr::Missing, range),
                }
            }
            (None, None) => self.expr(Expr::Missing, node.text_range()),
        };
        let pat = self.pattern_child(node, binds);
        Condition::OptionalBinding { pat, init }
    }

    /// The expression of the `INITIALIZER` child.
    pub(super) fn initializer(&mut self, node: &Node<'_>) -> ExprId {
        match kid(node, INITIALIZER) {
            Some(init) => self.expr_child(&init),
            None => self.expr(Expr::Missing, node.text_range()),
        }
    }

    pub(super) fn if_expr(&mut self, node: &Node<'_>, label: Option<Name>) -> ExprId {
        let saved = std::mem::replace(&mut self.at_top_level, false);
        let conditions = self.conditions(node);
        let then = self.block_child(node);
        let els = kid(node, ELSE_CLAUSE).map(|clause| match kid(&clause, IF_EXPR) {
            Some(nested) => ElseBranch::If(self.if_expr(&nested, None)),
            None => ElseBranch::Block(self.block_child(&clause)),
        });
        self.at_top_level = saved;
        let expr = IfExpr {
            label,
            conditions,
            then,
            els,
        };
        let range = node.text_range();
        self.expr(Expr::If(Box::new(expr)), range)
    }

    pub(super) fn switch_expr(&mut self, node: &Node<'_>, label: Option<Name>) -> ExprId {
        let saved = std::mem::replace(&mut self.at_top_level, false);
        let subject = self.expr_child(node);
        let mut cases = Vec::new();
        for case in self.conditions.active_children(node) {
            if case.kind() == SWITCH_CASE {
                cases.push(SwitchCase {
                    items: self.case_items(&case),
                    is_default: has_token(&case, DEFAULT_KW),
                    unknown: kid(&case, ATTRIBUTE_LIST).is_some()
                        || kid(&case, ATTRIBUTE).is_some(),
                    body: self.block(&case),
                });
            }
        }
        self.at_top_level = saved;
        let expr = SwitchExpr {
            label,
            subject,
            cases,
        };
        let point = token(node, SWITCH_KW).map_or(node.text_range(), |t| t.text_range());
        let range = node.text_range();
        self.expr_at(Expr::Switch(Box::new(expr)), range, point)
    }

    /// The `CASE_ITEM` children: a pattern and its guard each.
    fn case_items(&mut self, node: &Node<'_>) -> Vec<CaseItemPat> {
        let mut items = Vec::new();
        for item in kids(node, CASE_ITEM) {
            let pat = self.pattern_child(&item, Binds::No);
            let guard = item
                .children()
                .find(|n| is_expr(n.kind()))
                .map(|guard| self.lower_expr(&guard));
            items.push(CaseItemPat { pat, guard });
        }
        items
    }

    pub(super) fn do_expr(&mut self, node: &Node<'_>, label: Option<Name>) -> ExprId {
        let saved = std::mem::replace(&mut self.at_top_level, false);
        let (throws, _) = self.types.effects(node);
        let body = self.block_child(node);
        let mut catches = Vec::new();
        for clause in kids(node, CATCH_CLAUSE) {
            let mut items = self.case_items(&clause);
            let mut implicit_error = None;
            if items.is_empty() {
                let keyword =
                    token(&clause, CATCH_KW).map_or(clause.text_range(), |t| t.text_range());
                let local = self.local(Name::new("error"), LocalKind::Let, keyword);
                implicit_error = Some(local);
                // `catch where c`
                if let Some(guard) = first_expr(&clause) {
                    let guard = self.lower_expr(&guard);
                    let pat = self.pat(Pat::Bind(local), keyword);
                    let guard = Some(guard);
                    items.push(CaseItemPat { pat, guard });
                }
            }
            catches.push(CatchClause {
                items,
                implicit_error,
                body: self.block_child(&clause),
            });
        }
        self.at_top_level = saved;
        let expr = DoExpr {
            label,
            throws: if throws == ThrowsRef::Rethrows {
                ThrowsRef::Any
            } else {
                throws
            },
            body,
            catches,
        };
        let range = node.text_range();
        self.expr(Expr::Do(Box::new(expr)), range)
    }
}
