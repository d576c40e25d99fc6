//! Members and calls that a type answers itself: `@dynamicMemberLookup` and `@dynamicCallable`.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::bodies::keypaths::Resolution;
use crate::bodies::solver::{
    Apply, ApplyKind, ArgInfo, Base, Choice, Constraint, Loc, Lookup, Rel, Resolved, Step, Target,
    Why, wait,
};
use crate::bodies::thir::*;
use crate::items::hir::{Arg, ExprId, KeyPathComponent};
use crate::items::ids::DefId;
use crate::types::lang::{LangItem, is_lang, lang_ty, string_ty};
use crate::types::members::MemberCandidate;
use crate::types::signature::signature;
use crate::types::ty::{Ty, TyKind};

impl<'db> Checker<'db> {
    /// Whether the type, a superclass or a protocol that it comes with carries the attribute.
    fn is_dynamic(&self, ty: Ty, attribute: &str) -> bool {
        let db = self.db;
        // Of parameters and existentials the protocols that declare the member decide.
        if ty.nominal_def().is_none() {
            return true;
        }
        crate::types::nominal::class_chain(db, ty)
            .iter()
            .filter_map(|t| t.nominal_def())
            .any(|def| {
                decl::has_attr(db, def, attribute)
                    || crate::types::conformance::conformance_table(db, def)
                        .keys()
                        .any(|&protocol| decl::has_attr(db, protocol, attribute))
            })
    }

    /// The member of a `@dynamicMemberLookup` type that no declaration names; none when the type has no such lookup.
    pub fn dynamic_member(
        &mut self,
        key: ExprId,
        base: Ty,
        name: Name,
        result: Ty,
    ) -> Option<Step> {
        let db = self.db;
        if matches!(
            base.kind(),
            TyKind::Metatype(_) | TyKind::ProtocolMetatype(_)
        ) {
            return None;
        }
        let lookup_in = match self.norm(base).kind() {
            TyKind::DynamicSelf(t) => *t,
            _ => self.norm(base),
        };
        let candidates: Vec<MemberCandidate> =
            crate::types::member_candidates(db, lookup_in, Name::new("subscript"), self.env)
                .into_iter()
                .filter(|c| {
                    let sig = signature(db, c.def);
                    matches!(&*sig.params, [p, rest @ ..]
                        if p.label.is_some_and(|l| l == "dynamicMember")
                            && rest.iter().all(|r| r.default.is_some()))
                        && !decl::is_static(db, c.def)
                        && crate::resolve::is_accessible(db, c.def, self.def)
                })
                .collect();
        if candidates.is_empty() || !self.is_dynamic(lookup_in, "dynamicMemberLookup") {
            return None;
        }
        let loc = Loc {
            expr: key,
            why: Why::Inner,
        };
        // The path through which most can be done wins; names as text come last.
        let mut best: Option<(u8, &MemberCandidate, Resolution)> = None;
        for candidate in &candidates {
            let param = signature(db, candidate.def).params[0].ty;
            let Some(needs) = path_strength(self, param) else {
                continue;
            };
            let root = param
                .as_nominal()
                .and_then(|(_, args)| args.as_slice().first().copied())?;
            let root = self.norm(root.subst(candidate.args.as_slice()));
            let root = self.table.resolve(root);
            if let Some(var) = self.table.as_var(root) {
                return Some(wait(var));
            }
            let component = KeyPathComponent::Member { name, labels: None };
            let Ok((value, components, class)) =
                self.key_path_parts(key, root, std::slice::from_ref(&component))
            else {
                continue;
            };
            let has = match class {
                LangItem::ReferenceWritableKeyPath => 2,
                LangItem::WritableKeyPath => 1,
                _ => 0,
            };
            if needs <= has && best.as_ref().is_none_or(|b| b.0 < needs) {
                let found = Resolution {
                    root,
                    value,
                    components,
                    class,
                };
                best = Some((needs, candidate, found));
            }
        }
        let choice = |candidate: &MemberCandidate| Choice {
            base: Base::Value,
            self_ty: Some(base),
            outer: candidate.args,
            constrained: candidate.constrained,
            ..Choice::plain(Target::Dynamic(candidate.def))
        };
        if let Some((_, candidate, found)) = best {
            let own = lang_ty(db, found.class, &[found.root, found.value]);
            let resolved = self.open(key, &choice(candidate));
            self.facts.key_paths.insert(key, Rc::new(found));
            let param = self.facts.targets.get(&key).copied();
            let param = param.unwrap_or(Ty::error());
            if let Step::Failed(f) = self.relate_sub(Rel::Convert, own, param, loc) {
                return Some(Step::Failed(f));
            }
            let value = resolved.ty;
            self.facts.choices.insert(key, Rc::new(resolved));
            return Some(self.relate_sub(Rel::Equal, value, result, loc));
        }
        let texts: Vec<Choice> = candidates
            .iter()
            .filter(|c| path_strength(self, signature(db, c.def).params[0].ty).is_none())
            .map(choice)
            .collect();
        (!texts.is_empty()).then(|| self.offer(key, result, texts))
    }

    /// The reference has the type of the subscript's value; what its argument must be is remembered.
    pub fn open_dynamic(&mut self, key: ExprId, choice: &Choice, def: DefId) -> Resolved {
        let outer: Vec<Ty> = choice.outer.iter().collect();
        let mut resolved = self.open_decl(key, choice, def, &outer);
        let param = resolved.params.take().and_then(|p| p.first().map(|p| p.ty));
        self.facts.targets.insert(key, param.unwrap_or(Ty::error()));
        resolved.ty = resolved.ty.as_function().map_or(Ty::error(), |f| f.result);
        resolved
    }

    /// `base.name` as the subscript that answers it.
    pub fn dynamic_node(
        &mut self,
        expr: ExprId,
        base: ExprId,
        def: DefId,
        resolved: &Resolved,
        name: Name,
    ) -> TExprId {
        let base = self.build_inner(base);
        let param = self.facts.targets.get(&expr).copied();
        let param = self.known(param.unwrap_or(Ty::error()));
        let index = if self.facts.key_paths.contains_key(&expr) {
            self.build_key_path(expr, param)
        } else {
            let string = string_ty(self.db);
            let text = |c: &mut Self, ty| c.node(TExprKind::String(name), ty, expr);
            if param == string || is_lang(self.db, param, LangItem::StaticString) {
                text(self, param)
            } else {
                let literal = text(self, string);
                self.literal_init(expr, param, LangItem::ExpressibleByStringLiteral, literal)
            }
        };
        let args = self.known_args(&resolved.args);
        let mut indices = vec![TArg::Value(index)];
        let rest = signature(self.db, def).params.iter().skip(1);
        indices.extend(
            rest.filter_map(|p| p.default)
                .map(|def| TArg::Default { def, args }),
        );
        let ty = self.known(resolved.ty);
        self.node(
            TExprKind::Subscript {
                base,
                subscript: def,
                args,
                indices,
                via_super: false,
            },
            ty,
            expr,
        )
    }

    /// A call of a `@dynamicCallable` value; none when the type is no such one.
    pub fn dynamic_call(&mut self, apply: &Rc<Apply>, callee: Ty) -> Option<Step> {
        let db = self.db;
        if apply.kind != ApplyKind::Call || !self.is_dynamic(callee, "dynamicCallable") {
            return None;
        }
        let has = |label: &str| {
            crate::types::member_candidates(db, callee, Name::new("dynamicallyCall"), self.env)
                .iter()
                .any(|c| {
                    matches!(&*signature(db, c.def).params, [p] if p.label.is_some_and(|l| l == label))
                })
        };
        let labelled = apply.args.iter().any(|a| a.label.is_some());
        let (plain, keyword) = (has("withArguments"), has("withKeywordArguments"));
        let by_keyword = match (plain, keyword) {
            (false, false) => return None,
            (true, _) if !labelled => false,
            (_, true) => true,
            _ => return None,
        };
        let (member, list, elem) = (self.table.fresh(), self.table.fresh(), self.table.fresh());
        let expr = apply.call;
        if by_keyword {
            let key = self.table.fresh();
            self.cs.add(Constraint::DictionaryLiteral {
                expr,
                ty: list,
                key,
                value: elem,
            });
        } else {
            self.cs.add(Constraint::ArrayLiteral {
                expr,
                ty: list,
                elem,
            });
        }
        for arg in &apply.args {
            self.require(Rel::Convert, arg.ty, elem, arg.expr, Why::Element);
        }
        let label = match by_keyword {
            true => "withKeywordArguments",
            false => "withArguments",
        };
        self.facts.targets.insert(expr, list);
        self.cs.add(Constraint::Member {
            key: expr,
            base: callee,
            name: Name::new("dynamicallyCall"),
            how: Lookup::CallAsFunction,
            result: member,
        });
        self.cs.add(Constraint::Apply(Rc::new(Apply {
            call: expr,
            key: expr,
            callee: member,
            args: vec![ArgInfo {
                label: Some(Name::new(label)),
                expr,
                ty: list,
            }],
            trailing: 0,
            result: apply.result,
            kind: ApplyKind::Dynamic,
        })));
        Some(Step::Solved)
    }

    /// The one argument of a dynamic call: the written ones as a collection.
    pub fn dynamic_arguments(&mut self, expr: ExprId, args: &'db [Arg]) -> TExprId {
        let list = self.facts.targets.get(&expr).copied();
        let list = self.known(list.unwrap_or(Ty::error()));
        let labels = self
            .facts
            .calls
            .get(&expr)
            .and_then(|m| m.params.first().and_then(|p| p.label));
        if labels.is_some_and(|l| l == "withArguments") {
            let exprs: Vec<ExprId> = args.iter().map(|a| a.expr).collect();
            return self.build_array(expr, &exprs, list);
        }
        let protocol = LangItem::ExpressibleByDictionaryLiteral;
        let key = self
            .literal_part(list, protocol, "Key")
            .unwrap_or(Ty::error());
        let value = self.literal_part(list, protocol, "Value");
        let value = value.unwrap_or(Ty::error());
        let string = string_ty(self.db);
        let mut elems = Vec::with_capacity(args.len());
        for arg in args {
            let text = arg.label.unwrap_or_else(|| Name::new(""));
            let name = self.node(TExprKind::String(text), string, arg.expr);
            let name = match key == string {
                true => name,
                false => {
                    let protocol = LangItem::ExpressibleByStringLiteral;
                    self.literal_init(arg.expr, key, protocol, name)
                }
            };
            let built = self.build(arg.expr);
            elems.push((name, self.coerce(built, value)));
        }
        self.dictionary_node(expr, elems, list)
    }
}

/// How much a parameter's type asks of a key path; none when it is not one.
fn path_strength(c: &Checker<'_>, ty: Ty) -> Option<u8> {
    let is = |item| is_lang(c.db, ty, item);
    if is(LangItem::ReferenceWritableKeyPath) {
        Some(2)
    } else if is(LangItem::WritableKeyPath) {
        Some(1)
    } else {
        is(LangItem::KeyPath).then_some(0)
    }
}
