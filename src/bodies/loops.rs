//! `for`: a sequence, its iterator, and the pattern that takes the elements.

use crate::bodies::check::Checker;
use crate::bodies::solver::{Loc, Purpose, Rel, Why};
use crate::bodies::thir::*;
use crate::items::hir::ForStmt;
use crate::items::ids::DefId;
use crate::types::lang::{LangItem, bool_ty, lang, optional_of, optional_payload};
use crate::types::ty::{Ty, TyKind, TyList};

impl<'db> Checker<'db> {
    pub fn check_for(&mut self, f: &'db ForStmt, out: &mut Vec<TStmt>) {
        self.check_for_with(f, out, |c| c.check_block(&f.body));
    }

    /// A loop whose body is checked in a way of its own.
    pub fn check_for_with(
        &mut self,
        f: &'db ForStmt,
        out: &mut Vec<TStmt>,
        body: impl FnOnce(&mut Self) -> TBlock,
    ) {
        let db = self.db;
        let protocol = lang(db, LangItem::Sequence);
        let written = match f.is_case {
            true => None,
            false => self.pattern_annotation(f.pat),
        };
        let sequence = self.check_expr_with(f.sequence, None, |checker, ty| {
            // The type that is written for the elements is context for the sequence: `for c: Character in ["a"]`.
            if let Some(written) = written.filter(|t| !t.has_infer())
                && let Some(element) = checker.assoc_named(protocol, "Element")
            {
                let why = Why::SequenceElement;
                let loc = Loc {
                    expr: f.sequence,
                    why,
                };
                let element = checker.project(ty, element, loc);
                checker.require(Rel::Convert, element, written, f.sequence, why);
            }
        });
        let ty = self.ty_of(sequence);
        let iterator_protocol = lang(db, LangItem::IteratorProtocol);
        let src = f.sequence;
        let mut ok = !ty.is_error();
        if ok && !self.conforms(ty, protocol) {
            let shown = self.show(ty);
            let message = if optional_payload(db, ty).is_some() {
                format!(
                    "for-in loop requires '{shown}' to conform to 'Sequence'; did you mean to unwrap optional?"
                )
            } else {
                format!("for-in loop requires '{shown}' to conform to 'Sequence'")
            };
            self.error_at("not-sequence", src, message);
            ok = false;
        }
        let requirement = |this: &Self, protocol: DefId, name: &str| {
            crate::types::protocol_requirements(this.db, protocol)
                .iter()
                .copied()
                .find(|d| d.name(this.db).as_str().split('(').next() == Some(name))
        };
        let projected = |this: &Self, base: Ty, protocol: DefId, name: &str| match this
            .assoc_named(protocol, name)
        {
            Some(assoc) => {
                let projection = Ty::new(TyKind::Assoc { base, assoc });
                let reduced = this.norm(projection);
                if reduced == projection
                    && !matches!(
                        base.kind(),
                        TyKind::Param { .. } | TyKind::Assoc { .. } | TyKind::Opaque { .. }
                    )
                {
                    crate::types::assoc_type(this.db, base, assoc).unwrap_or(projection)
                } else {
                    reduced
                }
            }
            None => Ty::error(),
        };
        let (iterator_ty, element) = if ok {
            let iterator = projected(self, ty, protocol, "Iterator");
            let element = projected(self, iterator, iterator_protocol, "Element");
            (iterator, element)
        } else {
            (Ty::error(), Ty::error())
        };
        let make = requirement(self, protocol, "makeIterator");
        let next = requirement(self, iterator_protocol, "next");
        let iterator = match make {
            Some(make) if ok => self.declared_call(
                src,
                make,
                TyList::new(&[ty]),
                Some(sequence),
                Vec::new(),
                iterator_ty,
                None,
            ),
            _ => self.error_expr(src, Ty::error()),
        };
        let iterator_local = self.temp("$iterator", iterator_ty, TLocalKind::Var);
        let place = self.node(TExprKind::Local(iterator_local), iterator_ty, src);
        let optional = optional_of(db, element);
        let next = match next {
            Some(next) if ok => self.declared_call(
                src,
                next,
                TyList::new(&[iterator_ty]),
                Some(place),
                Vec::new(),
                optional,
                None,
            ),
            _ => self.error_expr(src, Ty::error()),
        };
        let saved = self.push_scope(None);
        let pat = self.check_pattern(f.pat, element);
        let filter = f
            .filter
            .map(|e| self.check_expr(e, Some((bool_ty(db), Purpose::Condition))));
        let label = self.push_label(f.label, true, false);
        let body = body(self);
        self.pop_label();
        self.scope = saved;
        out.push(TStmt::For(Box::new(TFor {
            label,
            pat,
            iterator,
            iterator_local,
            next,
            filter,
            body,
        })));
    }
}
