//! What the checker has to say about a body: anchored at ids, without positions, so that a shifted line changes nothing here.

use crate::diag::Severity;
use crate::items::hir::{ExprId, PatId, StmtId};
use crate::items::ids::DefId;
use crate::items::tree::TypeRefId;

/// Where in a body a diagnostic points; source maps turn it into a range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// An expression; for calls of members and operators see [`Anchor::ExprName`].
    Expr(ExprId),
    /// The name in a member expression, or the operator of an operation.
    ExprName(ExprId),
    /// Where an expression ends: what is missing would stand there.
    ExprEnd(ExprId),
    Pat(PatId),
    Type(TypeRefId),
    Stmt(StmtId),
    /// The name of a declaration, in any file.
    Def(DefId),
    /// The brace that closes the body.
    End,
}

/// One diagnostic of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyDiagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The kind of mistake, stable, in lower case.
    pub code: &'static str,
    /// One line in the words of the file's dialect.
    pub message: String,
    /// The owner of the body that the anchor's ids index.
    pub def: DefId,
    /// Where.
    pub anchor: Anchor,
    /// Further remarks with their places.
    pub notes: Vec<(String, Anchor)>,
}
