//! Array and dictionary literals in a system: what their types demand of their elements, and their default types.

use crate::base::{FxHashSet, Name};
use crate::bodies::check::Checker;
use crate::bodies::solver::{Constraint, FailKind, Failure, Loc, Rel, Step, Why};
use crate::items::hir::ExprId;
use crate::types::lang::{self};
use crate::types::ty::Ty;

impl<'db> Checker<'db> {
    pub fn step_array(&mut self, expr: ExprId, ty: Ty, elem: Ty) -> Step {
        let loc = Loc {
            expr,
            why: Why::Literal,
        };
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return crate::bodies::solver::wait(var);
        }
        if ty.is_error() {
            return self.relate_sub(Rel::Equal, elem, ty, loc);
        }
        if let Some(element) = lang::payload_of(self.db, ty, lang::LangItem::Array) {
            return self.relate_sub(Rel::Equal, element, elem, loc);
        }
        let protocol = lang::lang(self.db, lang::LangItem::ExpressibleByArrayLiteral);
        match self.step_conforms(ty, protocol, loc) {
            Step::Failed(_) => crate::bodies::solver::fail(FailKind::LiteralType(ty), loc),
            _ => match self.assoc_named(protocol, "ArrayLiteralElement") {
                Some(assoc) => {
                    let element = self.project(ty, assoc, loc);
                    self.relate_sub(Rel::Equal, element, elem, loc)
                }
                None => Step::Solved,
            },
        }
    }

    pub fn step_dictionary(&mut self, expr: ExprId, ty: Ty, key: Ty, value: Ty) -> Step {
        let loc = Loc {
            expr,
            why: Why::Literal,
        };
        let ty = self.table.shallow(ty);
        if let Some(var) = self.table.as_var(ty) {
            return crate::bodies::solver::wait(var);
        }
        if ty.is_error() {
            self.relate_sub(Rel::Equal, key, ty, loc);
            return self.relate_sub(Rel::Equal, value, ty, loc);
        }
        let protocol = lang::lang(self.db, lang::LangItem::ExpressibleByDictionaryLiteral);
        if let Step::Failed(_) = self.step_conforms(ty, protocol, loc) {
            return crate::bodies::solver::fail(FailKind::LiteralType(ty), loc);
        }
        for (name, var) in [("Key", key), ("Value", value)] {
            if let Some(assoc) = self.assoc_named(protocol, name) {
                let part = self.project(ty, assoc, loc);
                if let Step::Failed(f) = self.relate_sub(Rel::Equal, part, var, loc) {
                    return Step::Failed(f);
                }
            }
        }
        Step::Solved
    }

    pub fn assoc_named(
        &self,
        protocol: crate::items::DefId,
        name: &str,
    ) -> Option<crate::items::DefId> {
        crate::types::assoc_types(self.db, protocol)
            .iter()
            .copied()
            .find(|d| d.name(self.db) == name)
    }

    /// Array and dictionary literals that nothing gives a type are arrays and dictionaries. Those without elements are so only when `empty`
    /// asks for it: something else must find their parameters.
    pub fn default_collections(&mut self, empty: bool) -> Result<bool, Box<Failure>> {
        let ids: Vec<u32> = self.cs.waiting().collect();
        let mut any = false;
        // What elements are must be known before it can be said what literals among them are.
        let elements: FxHashSet<u32> = ids
            .iter()
            .flat_map(|&id| match self.cs.constraints[id as usize] {
                Constraint::ArrayLiteral { elem, .. } => [Some(elem), None],
                Constraint::DictionaryLiteral { key, value, .. } => [Some(key), Some(value)],
                _ => [None, None],
            })
            .filter_map(|ty| self.table.as_var(ty?))
            .collect();
        let nested = |this: &Self, ty: Ty| {
            this.table.as_var(ty).is_some_and(|var| {
                let uppers = this.table.uppers(var);
                uppers.iter().any(|&id| {
                    this.is_open(id)
                        && matches!(
                            &this.cs.constraints[id as usize],
                            Constraint::Relate { b, .. } if this.table.as_var(*b).is_some_and(|b| elements.contains(&b))
                        )
                })
            })
        };
        for id in ids {
            match self.cs.constraints[id as usize].clone() {
                Constraint::ArrayLiteral { ty, .. } | Constraint::DictionaryLiteral { ty, .. }
                    if nested(self, ty) => {}
                Constraint::ArrayLiteral { expr, ty, elem } => {
                    if let Some(var) = self.table.as_var(ty) {
                        // Without elements there must be a context.
                        if let Some(element) = self.table.as_var(elem)
                            && !self.has_lower(elem)
                        {
                            if empty {
                                let array = lang::lang(self.db, lang::LangItem::Array);
                                let name = Name::new("Element");
                                self.cs.open(element, name, array, expr);
                            } else if !self.has_upper(ty) {
                                continue;
                            }
                        }
                        let array = lang::array_of(self.db, elem);
                        self.table.bind(var, array);
                        any = true;
                    }
                }
                Constraint::DictionaryLiteral {
                    expr,
                    ty,
                    key,
                    value,
                } => {
                    if let Some(var) = self.table.as_var(ty) {
                        if !self.has_lower(key) {
                            if !empty {
                                continue;
                            }
                            let dictionary = lang::lang(self.db, lang::LangItem::Dictionary);
                            for (part, name) in [(key, "Key"), (value, "Value")] {
                                if let Some(part) = self.table.as_var(part) {
                                    self.cs.open(part, Name::new(name), dictionary, expr);
                                }
                            }
                        }
                        let dictionary = lang::dictionary_of(self.db, key, value);
                        self.table.bind(var, dictionary);
                        any = true;
                    }
                }
                _ => {}
            }
        }
        if any {
            self.simplify()?;
        }
        Ok(any)
    }

    /// Whether a variable converts to something.
    fn has_upper(&self, ty: Ty) -> bool {
        self.table
            .as_var(ty)
            .is_some_and(|var| self.table.uppers(var).iter().any(|&id| self.is_open(id)))
    }

    /// Whether something converts to a variable.
    fn has_lower(&self, ty: Ty) -> bool {
        let Some(var) = self.table.as_var(ty) else {
            return true;
        };
        self.table.watchers(var).iter().any(|&id| {
            self.is_open(id)
                && matches!(
                    &self.cs.constraints[id as usize],
                    Constraint::Relate { b, .. } if self.table.as_var(*b) == Some(var)
                )
        })
    }

    /// Whether a number that a variable remembers is that of a constraint of this system that is not done.
    fn is_open(&self, id: u32) -> bool {
        (id as usize) < self.cs.constraints.len() && !self.cs.is_done(id)
    }
}
