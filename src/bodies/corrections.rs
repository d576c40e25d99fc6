//! What would make a mistake right: notes and edits that go with the words of [`super::report`].

use crate::bodies::check::Checker;
use crate::bodies::solver::calls::ArgError;
use crate::bodies::solver::{FailKind, Failure};
use crate::items::hir::{Expr, ExprId};
use crate::items::{Anchor, AnchoredDiagnostic, FixPlace};
use crate::types::lang::optional_payload;

impl Checker<'_> {
    /// Adds the corrections of a failure at an expression.
    pub fn corrected(
        &self,
        error: AnchoredDiagnostic,
        failure: &Failure,
        at: ExprId,
    ) -> AnchoredDiagnostic {
        match &failure.kind {
            FailKind::Mismatch(have, want) => {
                let (have, want) = (self.table.resolve(*have), self.table.resolve(*want));
                match optional_payload(self.db, have) == Some(want) {
                    true => self.unwrapped(error, at),
                    false => error,
                }
            }
            FailKind::MemberOfOptional { name, .. } => {
                let base = match &self.body.exprs[at] {
                    Expr::Member {
                        base: Some(base), ..
                    } => *base,
                    _ => return error,
                };
                let error = error
                    .note(
                        None,
                        format!("chain the optional using '?' to access member '{name}' only for non-'nil' base values"),
                    )
                    .note(
                        None,
                        "force-unwrap using '!' to abort execution if the optional value contains 'nil'",
                    );
                match self.takes_postfix(base) {
                    true => error.fix(Anchor::Expr(self.def, base), FixPlace::After, "?"),
                    false => error,
                }
            }
            FailKind::Arguments(ArgError::Labels { have, expected })
                if have.len() == expected.len() =>
            {
                let (Expr::Call { args, .. } | Expr::Subscript { args, .. }) = &self.body.exprs[at]
                else {
                    return error;
                };
                let missing = args.iter().zip(have.iter().zip(expected));
                missing.fold(error, |error, (arg, labels)| match labels {
                    (None, Some(label)) => error.fix(
                        Anchor::Expr(self.def, arg.expr),
                        FixPlace::Before,
                        format!("{label}: "),
                    ),
                    _ => error,
                })
            }
            _ => error,
        }
    }

    /// An optional where its value is wanted.
    fn unwrapped(&self, error: AnchoredDiagnostic, at: ExprId) -> AnchoredDiagnostic {
        let error = error
            .note(
                None,
                "coalesce using '??' to provide a default when the optional value contains 'nil'",
            )
            .note(
                None,
                "force-unwrap using '!' to abort execution if the optional value contains 'nil'",
            );
        match self.takes_postfix(at) {
            true => error.fix(Anchor::Expr(self.def, at), FixPlace::After, "!"),
            false => error,
        }
    }

    /// Whether an operator may stand right behind an expression and belong to all of it.
    fn takes_postfix(&self, expr: ExprId) -> bool {
        matches!(
            self.body.exprs[expr],
            Expr::Name { .. }
                | Expr::Member { .. }
                | Expr::Call { .. }
                | Expr::Subscript { .. }
                | Expr::Paren(_)
                | Expr::This
        )
    }
}
