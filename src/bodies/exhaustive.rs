//! Whether the patterns of a `switch` or the clauses of a `do` cover every value.

use crate::bodies::check::Checker;
use crate::bodies::patterns::base_name;
use crate::bodies::thir::*;
use crate::items::Anchor;
use crate::items::hir::{Expr, ExprId};
use crate::items::ids::{DefId, DefKind};
use crate::types::lang::{self};
use crate::types::nominal::{case_payload, enum_cases};
use crate::types::ty::Ty;

/// The rows of a `switch`: patterns with guards, and whether the row is `default`.
pub type Rows = [(Vec<(TPatId, Option<TExprId>)>, bool)];

impl<'db> Checker<'db> {
    /// Reports values that no row matches.
    pub fn check_exhaustive(&mut self, expr: ExprId, ty: Ty, rows: &Rows) {
        if ty.is_error() || rows.iter().any(|(_, is_default)| *is_default) {
            return;
        }
        if rows
            .iter()
            .any(|(items, _)| items.iter().any(|(p, _)| self.out.pats[*p].ty.is_error()))
        {
            return;
        }
        let matrix = self.matrix(rows);
        let mut budget = 20_000;
        let Some(missing) = self.uncovered(&matrix, &[ty], &mut budget) else {
            return;
        };
        let shown = missing.first().map(Space::show).unwrap_or_default();
        self.out.has_errors = true;
        let mut diagnostic = crate::items::AnchoredDiagnostic::error(
            "not-exhaustive",
            Anchor::Expr(self.def, expr),
            "switch must be exhaustive",
        );
        diagnostic = if shown == "_" {
            diagnostic.note(None, "do you want to add a default clause?")
        } else {
            diagnostic
                .note(None, format!("add missing case: '{shown}'"))
                .fix(
                    Anchor::ExprEnd(self.def, expr),
                    crate::items::FixPlace::Before,
                    format!("case {shown}:\n<#code#>\n"),
                )
        };
        self.diags.push(diagnostic);
    }

    /// Whether the rows match every value of the type.
    pub fn covers_all(&mut self, ty: Ty, rows: &Rows) -> bool {
        let matrix = self.matrix(rows);
        let mut budget = 20_000;
        self.uncovered(&matrix, &[ty], &mut budget).is_none()
    }

    fn matrix(&self, rows: &Rows) -> Vec<Vec<Space>> {
        rows.iter()
            .flat_map(|(items, _)| items)
            .filter(|(_, guard)| guard.is_none())
            .map(|(pat, _)| vec![self.space(*pat)])
            .collect()
    }

    fn space(&self, pat: TPatId) -> Space {
        let pat = &self.out.pats[pat];
        match &pat.kind {
            TPatKind::Wild | TPatKind::Bind(_) | TPatKind::BindGlobal(_) => Space::Any,
            TPatKind::Tuple(parts) => Space::Tuple(parts.iter().map(|p| self.space(*p)).collect()),
            TPatKind::Case { case, payload } => {
                let arity = case_payload(self.db, *case).len();
                let parts = match payload {
                    Some(parts) => parts.iter().map(|p| self.space(*p)).collect(),
                    None => vec![Space::Any; arity],
                };
                Space::Case(base_name(case.name(self.db)).to_string(), *case, parts)
            }
            TPatKind::Expr { .. } => match pat.src.map(|e| &self.body.exprs[e]) {
                Some(Expr::Bool(value)) if lang::is_lang(self.db, pat.ty, lang::LangItem::Bool) => {
                    Space::Bool(*value)
                }
                _ => Space::Some,
            },
            TPatKind::Is(target) => {
                if *target == pat.ty || self.upcasts(pat.ty, *target) {
                    Space::Any
                } else {
                    Space::Some
                }
            }
            TPatKind::As(target, inner) => {
                if *target == pat.ty || self.upcasts(pat.ty, *target) {
                    self.space(*inner)
                } else {
                    Space::Some
                }
            }
            TPatKind::Convert { pat: inner, .. } => match self.space(*inner) {
                Space::Any => Space::Any,
                Space::Tuple(parts) if parts.iter().all(|p| *p == Space::Any) => Space::Any,
                other => other,
            },
        }
    }

    /// A row of values that no row of the matrix matches.
    fn uncovered(
        &mut self,
        rows: &[Vec<Space>],
        types: &[Ty],
        budget: &mut u32,
    ) -> Option<Vec<Space>> {
        if *budget == 0 {
            return None;
        }
        *budget -= 1;
        let Some((&first, rest)) = types.split_first() else {
            return rows.is_empty().then(Vec::new);
        };
        if rows.is_empty() {
            // Enums without cases have no values.
            if types.iter().any(|t| self.is_uninhabited(*t)) {
                return None;
            }
            return Some(types.iter().map(|_| Space::Any).collect());
        }
        let ctors = self.constructors(first);
        let Some(ctors) = ctors else {
            // Nothing to enumerate: only rows that take anything count.
            let rest_rows: Vec<Vec<Space>> = rows
                .iter()
                .filter(|r| r[0] == Space::Any)
                .map(|r| r[1..].to_vec())
                .collect();
            let mut found = self.uncovered(&rest_rows, rest, budget)?;
            found.insert(0, Space::Any);
            return Some(found);
        };
        if rows.iter().all(|r| r[0] == Space::Any) {
            let rest_rows: Vec<Vec<Space>> = rows.iter().map(|r| r[1..].to_vec()).collect();
            let mut found = self.uncovered(&rest_rows, rest, budget)?;
            if self.is_uninhabited(first) {
                return None;
            }
            found.insert(0, Space::Any);
            return Some(found);
        }
        for (ctor, fields) in ctors {
            let arity = fields.len();
            let mut narrowed: Vec<Vec<Space>> = Vec::new();
            for row in rows {
                let head = match (&row[0], &ctor) {
                    (Space::Any, _) => vec![Space::Any; arity],
                    (Space::Case(_, a, parts), Space::Case(_, b, _)) if a == b => parts.clone(),
                    (Space::Bool(a), Space::Bool(b)) if a == b => Vec::new(),
                    (Space::Tuple(parts), Space::Tuple(_)) => parts.clone(),
                    _ => continue,
                };
                if head.len() != arity {
                    continue;
                }
                let mut next = head;
                next.extend_from_slice(&row[1..]);
                narrowed.push(next);
            }
            let mut all: Vec<Ty> = fields.clone();
            all.extend_from_slice(rest);
            if let Some(found) = self.uncovered(&narrowed, &all, budget) {
                let mut out = Vec::new();
                let parts = found[..arity].to_vec();
                out.push(match ctor {
                    Space::Case(name, def, _) => Space::Case(name, def, parts),
                    Space::Tuple(_) => Space::Tuple(parts),
                    other => other,
                });
                out.extend_from_slice(&found[arity..]);
                return Some(out);
            }
        }
        None
    }

    fn is_uninhabited(&self, ty: Ty) -> bool {
        ty.nominal_def()
            .is_some_and(|d| d.kind(self.db) == DefKind::Enum && enum_cases(self.db, d).is_empty())
    }

    /// The ways to make a value of the type, with the types of their parts.
    fn constructors(&self, ty: Ty) -> Option<Vec<(Space, Vec<Ty>)>> {
        if let Some(elems) = ty.as_tuple() {
            let types: Vec<Ty> = elems.iter().map(|e| e.ty).collect();
            return Some(vec![(Space::Tuple(Vec::new()), types)]);
        }
        if lang::is_lang(self.db, ty, lang::LangItem::Bool) {
            return Some(vec![
                (Space::Bool(true), Vec::new()),
                (Space::Bool(false), Vec::new()),
            ]);
        }
        let (def, args) = ty.as_nominal()?;
        if def.kind(self.db) != DefKind::Enum {
            return None;
        }
        Some(
            enum_cases(self.db, def)
                .iter()
                .map(|&case| {
                    let types = case_payload(self.db, case)
                        .iter()
                        .map(|(_, t)| self.norm(t.subst(args.as_slice())))
                        .collect();
                    let name = base_name(case.name(self.db)).to_string();
                    (Space::Case(name, case, Vec::new()), types)
                })
                .collect(),
        )
    }
}

/// A set of values, as a pattern sees it.
#[derive(Clone, PartialEq, Debug)]
enum Space {
    Any,
    /// Some values that are not known: as good as none.
    Some,
    Case(String, DefId, Vec<Space>),
    Bool(bool),
    Tuple(Vec<Space>),
}

impl Space {
    pub fn show(&self) -> String {
        match self {
            Space::Any | Space::Some => "_".to_string(),
            Space::Bool(value) => value.to_string(),
            Space::Case(name, _, parts) if parts.is_empty() => format!(".{name}"),
            Space::Case(name, _, parts) => {
                let parts: Vec<String> = parts.iter().map(Space::show).collect();
                format!(".{name}({})", parts.join(", "))
            }
            Space::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(Space::show).collect();
                format!("({})", parts.join(", "))
            }
        }
    }
}
