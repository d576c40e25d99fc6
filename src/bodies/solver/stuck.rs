//! When nothing can be decided any more: what the constraints that are left mean to the user, and how to go on without them.

use smallvec::SmallVec;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::types::ty::{Ty, TyKind};

use super::table::Literal;
use super::{Constraint, FailKind, Failure, Loc, Lookup, Mode, Why};

impl<'db> Checker<'db> {
    pub(super) fn give_up(&mut self, constraint: &Constraint) {
        let mut vars = SmallVec::new();
        self.vars_of(constraint, &mut vars);
        if let Constraint::Apply(apply) = constraint {
            let apply = apply.clone();
            self.recover_args(&apply);
        }
        for var in vars {
            let me = Ty::new(TyKind::Infer(var));
            if self.table.as_var(me) == Some(var) {
                self.table.bind(var, Ty::error());
            }
        }
    }

    /// What a constraint that nothing can solve means to the user.
    pub(super) fn stuck(&mut self, constraint: &Constraint) -> Option<Box<Failure>> {
        let boxed = |kind, expr| {
            Some(Box::new(Failure {
                kind,
                loc: Loc {
                    expr,
                    why: Why::Inner,
                },
            }))
        };
        match constraint {
            Constraint::Member { key, how, base, .. } => {
                let kind = if *how == Lookup::Implicit {
                    FailKind::NeedsContext
                } else {
                    let _ = base;
                    FailKind::Ambiguous
                };
                boxed(kind, *key)
            }
            Constraint::Closure { expr, .. } => boxed(FailKind::ClosureParameter, *expr),
            Constraint::ArrayLiteral { expr, .. } | Constraint::DictionaryLiteral { expr, .. } => {
                boxed(FailKind::EmptyCollection, *expr)
            }
            Constraint::KeyPath { expr, .. } => boxed(FailKind::NeedsContext, *expr),
            Constraint::Overload { key, .. } => boxed(FailKind::Ambiguous, *key),
            Constraint::Conforms { ty, .. } => {
                let var = self.table.as_var(*ty)?;
                let found = self.opened_name(var);
                match found {
                    Some((name, def, key)) => boxed(FailKind::NotInferred(name, def), key),
                    None => None,
                }
            }
            Constraint::Relate { a, b, loc, .. } => {
                let nil = [*a, *b].into_iter().find_map(|t| {
                    let var = self.table.as_var(t)?;
                    self.table
                        .literals(var)
                        .contains(Literal::Nil)
                        .then_some(())
                });
                match nil {
                    Some(()) => boxed(FailKind::NilNeedsContext, loc.expr),
                    None => boxed(FailKind::Ambiguous, loc.expr),
                }
            }
            _ => None,
        }
    }

    /// The generic parameter that a variable was opened for.
    pub fn opened_name(&self, var: u32) -> Option<(Name, DefId, ExprId)> {
        let target = self.table.as_var(Ty::new(TyKind::Infer(var)))?;
        self.cs.opened.iter().find_map(|(v, name, def, key)| {
            (self.table.as_var(Ty::new(TyKind::Infer(*v))) == Some(target))
                .then_some((*name, *def, *key))
        })
    }

    /// At the end every generic argument must be known.
    pub fn check_inferred(&mut self) -> Result<(), Box<Failure>> {
        let expected = std::mem::take(&mut self.cs.expected);
        let mut failure = None;
        for opened in expected {
            let Some((var, name, def, key)) = self.cs.opened.get(opened as usize) else {
                continue;
            };
            let (opened, name, def, key) = (Ty::new(TyKind::Infer(*var)), *name, *def, *key);
            let mut vars = SmallVec::<[u32; 4]>::new();
            self.table.vars_in(opened, &mut vars);
            // A system around this one may still find its own variables.
            vars.retain(|v| *v as usize >= self.cs.first_var);
            if vars.is_empty() {
                continue;
            }
            if self.settle_literals(vars.iter().copied())? {
                vars.clear();
                self.table.vars_in(opened, &mut vars);
                vars.retain(|v| *v as usize >= self.cs.first_var);
            }
            for v in vars {
                failure.get_or_insert(Failure {
                    kind: FailKind::NotInferred(name, def),
                    loc: Loc {
                        expr: key,
                        why: Why::Inner,
                    },
                });
                self.table.bind(v, Ty::error());
            }
        }
        match failure {
            None => Ok(()),
            Some(failure) if self.cs.mode == Mode::Diagnose => {
                self.cs.failure.get_or_insert(failure);
                Ok(())
            }
            Some(failure) => Err(Box::new(failure)),
        }
    }

    /// At the end the parameters of every closure must be known.
    pub(super) fn check_closures(&mut self) -> Result<(), Box<Failure>> {
        let mut unknown: Option<ExprId> = None;
        let mut vars = SmallVec::<[u32; 4]>::new();
        for (&expr, opened) in self.facts.closures.iter() {
            let before = vars.len();
            for (_, ty) in &opened.params {
                self.table.vars_in(*ty, &mut vars);
            }
            vars.retain(|v| *v as usize >= self.cs.first_var);
            if vars.len() > before && unknown.is_none_or(|u| expr.raw() < u.raw()) {
                unknown = Some(expr);
            }
        }
        let Some(expr) = unknown else { return Ok(()) };
        for var in vars {
            if self.table.as_var(Ty::new(TyKind::Infer(var))) == Some(var) {
                self.table.bind(var, Ty::error());
            }
        }
        let failure = Failure {
            kind: FailKind::ClosureParameter,
            loc: Loc {
                expr,
                why: Why::Inner,
            },
        };
        if self.cs.mode == Mode::Diagnose {
            self.cs.failure.get_or_insert(failure);
            return Ok(());
        }
        Err(Box::new(failure))
    }

    /// After a failure that is going to be reported, what the constraint should have settled is erroneous and agrees with everything.
    pub(super) fn recover(&mut self, constraint: &Constraint) {
        let unknown = match constraint {
            Constraint::Member { result, .. } | Constraint::Assoc { result, .. } => Some(*result),
            Constraint::Overload { ty, .. } => Some(*ty),
            Constraint::Apply(apply) => Some(apply.result),
            Constraint::Unwrap { object, .. } => Some(*object),
            Constraint::Closure { ty, .. } => Some(*ty),
            Constraint::TypeOf { result, .. } => Some(*result),
            Constraint::PathAccess { value, .. } => Some(*value),
            _ => None,
        };
        if let Some(var) = unknown.and_then(|ty| self.table.as_var(ty)) {
            self.table.bind(var, Ty::error());
        }
    }

    pub(super) fn loc_of(&self, id: u32) -> Loc {
        match &self.cs.constraints[id as usize] {
            Constraint::Relate { loc, .. }
            | Constraint::Conforms { loc, .. }
            | Constraint::Superclass { loc, .. }
            | Constraint::ClassBound { loc, .. }
            | Constraint::Unwrap { loc, .. }
            | Constraint::PathAccess { loc, .. }
            | Constraint::Assoc { loc, .. } => *loc,
            Constraint::Member { key, .. } | Constraint::Overload { key, .. } => Loc {
                expr: *key,
                why: Why::Inner,
            },
            Constraint::Apply(apply) => Loc {
                expr: apply.call,
                why: Why::Inner,
            },
            Constraint::Closure { expr, .. }
            | Constraint::ArrayLiteral { expr, .. }
            | Constraint::DictionaryLiteral { expr, .. }
            | Constraint::KeyPath { expr, .. } => Loc {
                expr: *expr,
                why: Why::Inner,
            },
            Constraint::TypeOf { .. } => Loc {
                expr: ExprId::from_raw(0),
                why: Why::Inner,
            },
        }
    }
}
