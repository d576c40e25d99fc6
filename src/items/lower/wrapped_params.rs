//! Parameters with property wrappers: the body of a function or closure sees wrapped variables in place of the parameters.

use super::body::BodyCx;
use super::exprs::closure_param_name;
use super::parts::*;
use super::syntax::kid;
use super::wrappers::{storage_name, wrappers_of};
use crate::base::{Name, TextRange};
use crate::db::Db;
use crate::items::hir::*;
use crate::items::ids::DefId;
use crate::syntax::SyntaxKind::*;
use crate::syntax::view::Node;

impl BodyCx<'_> {
    /// The statements of a function with wrapped parameters: the body sees the wrapped variables in place of the parameters.
    pub(super) fn wrapped_body(&mut self, node: &Node<'_>) -> Block {
        let mut stmts = Vec::new();
        for param in param_nodes(node) {
            let list = wrappers_of(self.db, self.owner, &param);
            let (Some(&(_, outer)), Some(Some(name))) = (list.first(), param_names(&param).pop())
            else {
                continue;
            };
            let range = param.text_range();
            let value = self.plain_name(name.as_str(), range);
            let wrapped = self.wrap(&list, Some(value));
            let settable = list.iter().all(|(_, shape)| shape.settable);
            self.wrap_names(
                name,
                list.len(),
                outer,
                settable,
                wrapped,
                range,
                &mut stmts,
            );
        }
        let body = self.block_child(node).stmts;
        match kid(node, RETURN_CLAUSE) {
            Some(_) => {
                let stmts = self.after_wrapping(stmts, body);
                Block { stmts }
            }
            None => {
                stmts.extend(body);
                Block { stmts }
            }
        }
    }

    /// The statements that wrap parameters and then those of the body: one that is an expression alone is its value still.
    pub(super) fn after_wrapping(
        &mut self,
        mut wrapping: Vec<StmtId>,
        body: Vec<StmtId>,
    ) -> Vec<StmtId> {
        if !wrapping.is_empty()
            && let [only] = &*body
            && let Stmt::Expr(value) = self.body.stmts[*only]
        {
            self.body.stmts[*only] = Stmt::Return(Some(value));
        }
        wrapping.extend(body);
        wrapping
    }

    /// What wraps the parameters of a closure. One that is named `$x` is what a wrapper projects, from which the wrapper is made again.
    pub(super) fn wrapped_closure_params(&mut self, params: &[Node<'_>]) -> Vec<StmtId> {
        let mut stmts = Vec::new();
        for param in params {
            let Some(written) = closure_param_name(param) else {
                continue;
            };
            let range = param.text_range();
            if let Some(name) = written.as_str().strip_prefix('$') {
                let name = Name::new(name);
                let made = self.value_of_projection(written, range);
                stmts.push(self.binding_stmt(storage_name(name), LocalKind::Var, made, range));
                stmts.push(self.accessed(name, name, &["wrappedValue"], false, range));
                stmts.push(self.accessed(written, name, &["projectedValue"], false, range));
                continue;
            }
            let list = wrappers_of(self.db, self.owner, param);
            if let Some(&(_, outer)) = list.first() {
                let value = self.plain_name(written.as_str(), range);
                let wrapped = self.wrap(&list, Some(value));
                let count = list.len();
                self.wrap_names(written, count, outer, false, wrapped, range, &mut stmts);
            }
        }
        stmts
    }

    /// `type(of: $x).init(projectedValue: $x)`
    fn value_of_projection(&mut self, projection: Name, range: TextRange) -> ExprId {
        let value = |cx: &mut Self, label: &str| Arg {
            label: Some(Name::new(label)),
            expr: cx.plain_name(projection.as_str(), range),
        };
        let (of, projected) = (value(self, "of"), value(self, "projectedValue"));
        let callee = self.plain_name("type", range);
        let metatype = Expr::Call {
            callee,
            args: vec![of],
            trailing: 0,
        };
        let metatype = self.expr(metatype, range);
        let init = Expr::Member {
            base: Some(metatype),
            name: Name::new("init"),
            labels: None,
            args: Vec::new(),
        };
        let callee = self.expr(init, range);
        let call = Expr::Call {
            callee,
            args: vec![projected],
            trailing: 0,
        };
        self.expr(call, range)
    }
}

/// Whether some parameter of a function has a wrapper.
pub(super) fn has_wrapped_params(db: &dyn Db, owner: DefId, node: &Node<'_>) -> bool {
    let mut params = param_nodes(node).into_iter();
    params.any(|p| !wrappers_of(db, owner, &p).is_empty())
}
