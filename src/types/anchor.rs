//! Where a declaration's diagnostic points, without a position: source maps turn anchors into ranges when a diagnostic is shown.

use crate::diag::Severity;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::items::tree::TypeRefId;

/// A place in a declaration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// The whole declaration, starting at its first modifier.
    Def(DefId),
    /// The declared name, or the keyword of what has none (`init`, `subscript`, `deinit`).
    DefName(DefId),
    /// The introducing keyword: `fn`, `var`, `extension`.
    DefKeyword(DefId),
    /// Attribute number n.
    Attr(DefId, u32),
    /// The name of parameter number n.
    Param(DefId, u32),
    /// Parameter number n of the declaration's own generic parameters.
    GenericParam(DefId, u32),
    /// The initial value, raw value, or default argument's parent: the start of what stands after `=`.
    Value(DefId),
    /// A written type of the declaration's own arena.
    Type(DefId, TypeRefId),
    /// An expression of the declaration's body.
    Expr(DefId, ExprId),
    /// The brace that ends the declaration.
    End(DefId),
}

/// A diagnostic about a declaration.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ItemDiagnostic {
    pub severity: Severity,
    /// The kind of mistake; see [`crate::diag::Diagnostic::code`].
    pub code: &'static str,
    pub message: String,
    pub at: Anchor,
    /// Notes, somewhere or nowhere.
    pub notes: Vec<(Option<Anchor>, String)>,
}

impl ItemDiagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, at: Anchor, message: impl Into<String>) -> ItemDiagnostic {
        ItemDiagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            at,
            notes: Vec::new(),
        }
    }
    /// A warning at a place.
    pub fn warning(code: &'static str, at: Anchor, message: impl Into<String>) -> ItemDiagnostic {
        ItemDiagnostic {
            severity: Severity::Warning,
            ..ItemDiagnostic::error(code, at, message)
        }
    }
    /// The same with a note.
    pub fn note(
        mut self,
        at: impl Into<Option<Anchor>>,
        message: impl Into<String>,
    ) -> ItemDiagnostic {
        self.notes.push((at.into(), message.into()));
        self
    }
}
