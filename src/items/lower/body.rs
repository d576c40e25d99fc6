//! The state of lowering one body, and its entry points.

use super::syntax::{has_token, kid};
use super::types::TypeSink;
use crate::base::{FxHashMap, Name, TextRange};
use crate::db::Db;
use crate::items::anchor::{Anchor, AnchoredDiagnostic};
use crate::items::hir::*;
use crate::items::ids::{DefId, DefKind};
use crate::items::precedence::OperatorTable;
use crate::items::source_map::BodySourceMap;
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

/// Builds a [`Body`] and, beside it, the map back to the text.
pub(super) struct BodyCx<'a> {
    pub db: &'a dyn Db,
    pub owner: DefId,
    /// The innermost local function, or the owner: the parent of what is declared here.
    pub function: DefId,
    pub operators: &'a OperatorTable,
    pub conditions: &'a super::Conditions<'a>,
    pub body: Body,
    pub map: BodySourceMap,
    pub types: TypeSink,
    /// For the closures being lowered: the highest `$n` used, plus one, or none where parameters are named.
    pub anonymous: Vec<Vec<LocalId>>,
    /// Statements at the top level of the main file, where variables are globals.
    pub at_top_level: bool,
    /// How many local declarations of a kind and name there are so far.
    pub local_defs: FxHashMap<(DefKind, Name), u32>,
}

impl<'a> BodyCx<'a> {
    pub(super) fn new(
        db: &'a dyn Db,
        owner: DefId,
        operators: &'a OperatorTable,
        conditions: &'a super::Conditions<'a>,
    ) -> Self {
        BodyCx {
            db,
            owner,
            function: owner,
            operators,
            conditions,
            body: Body::default(),
            map: BodySourceMap::default(),
            types: TypeSink::default(),
            anonymous: Vec::new(),
            at_top_level: false,
            local_defs: FxHashMap::default(),
        }
    }

    pub(super) fn finish(mut self) -> (Body, BodySourceMap) {
        self.body.types = self.types.types;
        self.map.types = self.types.ranges;
        self.body.exprs.shrink_to_fit();
        (self.body, self.map)
    }

    pub(super) fn expr(&mut self, expr: Expr, range: TextRange) -> ExprId {
        self.map.exprs.push((range, range));
        self.body.exprs.alloc(expr)
    }

    /// An expression whose errors point at a token of it: the operator, the member's name.
    pub(super) fn expr_at(&mut self, expr: Expr, range: TextRange, point: TextRange) -> ExprId {
        self.map.exprs.push((range, point));
        self.body.exprs.alloc(expr)
    }

    pub(super) fn pat(&mut self, pat: Pat, range: TextRange) -> PatId {
        self.map.pats.push(range);
        self.body.pats.alloc(pat)
    }

    pub(super) fn stmt(&mut self, stmt: Stmt, range: TextRange) -> StmtId {
        self.map.stmts.push(range);
        self.body.stmts.alloc(stmt)
    }

    pub(super) fn local(&mut self, name: Name, kind: LocalKind, range: TextRange) -> LocalId {
        self.map.locals.push(range);
        self.body.locals.alloc(Local { name, kind })
    }

    pub(super) fn error(&mut self, code: &'static str, at: ExprId, message: impl Into<String>) {
        let anchor = Anchor::ExprPoint(self.owner, at);
        self.body
            .diagnostics
            .push(AnchoredDiagnostic::error(code, anchor, message));
    }

    /// The statements of a `CODE_BLOCK` child, or nothing.
    pub(super) fn block_child(&mut self, node: &Node<'_>) -> Block {
        match kid(node, CODE_BLOCK) {
            Some(block) => self.block(&block),
            None => Block::default(),
        }
    }

    /// The statements of a node that holds them directly.
    pub(super) fn block(&mut self, node: &Node<'_>) -> Block {
        let saved = std::mem::replace(&mut self.at_top_level, false);
        let block = self.statements(node);
        self.at_top_level = saved;
        block
    }

    /// Lowers an expression that is a child of `node`.
    pub(super) fn expr_child(&mut self, node: &Node<'_>) -> ExprId {
        match super::exprs::first_expr(node) {
            Some(expr) => self.lower_expr(&expr),
            None => self.expr(Expr::Missing, node.text_range()),
        }
    }

    /// Makes the `$n` local of the innermost closure without named parameters.
    pub(super) fn anonymous_param(&mut self, n: usize, range: TextRange) -> Option<LocalId> {
        let have = self.anonymous.last()?.len();
        for i in have..=n {
            let local = self.local(Name::new(&format!("${i}")), LocalKind::Param, range);
            self.anonymous.last_mut()?.push(local);
        }
        self.anonymous.last().map(|params| params[n])
    }
}

/// Whether a variable declaration says `let`.
pub(super) fn is_let(node: &Node<'_>) -> bool {
    has_token(node, LET_KW)
}
