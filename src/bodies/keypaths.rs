//! Key path expressions.

use std::rc::Rc;

use crate::bodies::check::Checker;
use crate::bodies::decl::{self, Settable};
use crate::bodies::desugar::{SynthArg, SynthCall};
use crate::bodies::solver::{
    ApplyKind, ArgInfo, Base, Constraint, FailKind, Failure, Loc, Lookup, Rel, Step, Target, Why,
    fail, wait,
};
use crate::bodies::thir::*;
use crate::items::hir::{Expr, ExprId, KeyPathComponent};
use crate::types::lang::{LangItem, is_lang, lang_ty, optional_of, optional_payload};
use crate::types::ty::{FnRepr, FnTy, Ty, TyList};

/// A key path whose root is known.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub root: Ty,
    pub value: Ty,
    pub components: Vec<TKeyPathComponent>,
    /// The class of key path that the components make.
    pub class: LangItem,
}

impl<'db> Checker<'db> {
    /// Resolves a literal whose root is written, known from its context, or given. Unless `forced`, one without a context waits for it: it
    /// may turn out to be a function.
    pub fn step_key_path(&mut self, expr: ExprId, ty: Ty, given: Option<Ty>, forced: bool) -> Step {
        let loc = Loc {
            expr,
            why: Why::Inner,
        };
        let body = self.body;
        let Expr::KeyPath { root, components } = &body.exprs[expr] else {
            return Step::Solved;
        };
        let ty = self.table.shallow(ty);
        let settled = self.table.as_var(ty).is_none() && self.facts.key_paths.contains_key(&expr);
        if ty.is_error() || settled {
            return Step::Solved;
        }
        // The root is written, or comes from the context: a key path's first argument, or a function's parameter.
        let contextual = match ty.as_function() {
            Some(f) if f.params.len() == 1 => Some(f.params[0].ty),
            _ => ty
                .as_nominal()
                .and_then(|(_, args)| args.as_slice().first().copied()),
        };
        let context = self.context_of(ty);
        let contextual = given.or(contextual).or_else(|| {
            let context = context?;
            let context = optional_payload(self.db, context).unwrap_or(context);
            match context.as_function() {
                Some(f) if f.params.len() == 1 => Some(f.params[0].ty),
                _ => context
                    .as_nominal()
                    .and_then(|(_, args)| args.as_slice().first().copied()),
            }
        });
        let root_ty = match (root, contextual) {
            (Some(id), _) => self.written_type(*id),
            (None, Some(ty)) => self.table.resolve(ty),
            (None, None) => {
                return match self.table.as_var(ty) {
                    Some(var) => wait(var),
                    None => fail(FailKind::NeedsContext, loc),
                };
            }
        };
        if let Some(var) = self.table.as_var(root_ty) {
            return wait(var);
        }
        // A subscript's arguments are checked against its parameters' types, which must be known by then.
        let has_subscript = components
            .iter()
            .any(|c| matches!(c, KeyPathComponent::Subscript(_)));
        let root_ty = self.table.resolve(root_ty);
        if has_subscript && root_ty.has_infer() {
            let mut vars = Default::default();
            self.table.vars_in(root_ty, &mut vars);
            return Step::Waiting(vars);
        }
        if let Some(var) = self.table.as_var(ty)
            && given.is_none()
            && context.is_none()
            && !forced
        {
            return wait(var);
        }
        let (value, parts, class) = match self.key_path_parts(expr, root_ty, components) {
            Ok(found) => found,
            Err(kind) => return fail(kind, loc),
        };
        self.facts.key_paths.insert(
            expr,
            Rc::new(Resolution {
                root: root_ty,
                value,
                components: parts,
                class,
            }),
        );
        // As a function where one is wanted.
        let wanted = match ty.as_function() {
            Some(f) => Some(f.clone()),
            None => context
                .map(|c| optional_payload(self.db, c).unwrap_or(c))
                .and_then(Ty::as_function)
                .cloned(),
        };
        if let Some(f) = wanted {
            let own = Ty::function(FnTy {
                result: value,
                throws: None,
                params: f.params.clone(),
                is_async: false,
                escaping: true,
                repr: FnRepr::Thick,
            });
            if let Step::Failed(f) = self.relate_sub(Rel::Equal, f.params[0].ty, root_ty, loc) {
                return Step::Failed(f);
            }
            return self.relate_sub(Rel::Convert, own, ty, loc);
        }
        let own = lang_ty(self.db, class, &[root_ty, value]);
        match self.table.as_var(ty) {
            Some(var) => {
                self.table.bind(var, own);
                Step::Solved
            }
            None => self.relate_sub(Rel::Convert, own, ty, loc),
        }
    }

    pub fn key_path_parts(
        &mut self,
        expr: ExprId,
        root: Ty,
        components: &[KeyPathComponent],
    ) -> Result<(Ty, Vec<TKeyPathComponent>, LangItem), FailKind> {
        let db = self.db;
        let mut ty = root;
        let mut parts = Vec::new();
        let mut chained = false;
        // Writable by value, and through an object.
        let mut writable = true;
        let mut reference = false;
        for component in components {
            match component {
                KeyPathComponent::This => {}
                KeyPathComponent::Force => {
                    ty = optional_payload(db, ty).ok_or(FailKind::NotOptional(ty))?;
                    parts.push(TKeyPathComponent::Force(ty));
                }
                KeyPathComponent::Chain => {
                    ty = optional_payload(db, ty).ok_or(FailKind::NotOptional(ty))?;
                    parts.push(TKeyPathComponent::ChainLink(ty));
                    chained = true;
                }
                KeyPathComponent::Member { name, .. } => {
                    if let Some(elems) = ty.as_tuple() {
                        let index = match name.as_str().parse::<usize>() {
                            Ok(i) => Some(i),
                            Err(_) => elems.iter().position(|e| e.label == Some(*name)),
                        };
                        let Some(elem) = index.and_then(|i| elems.get(i)) else {
                            return Err(FailKind::NoMember {
                                base: ty,
                                name: *name,
                            });
                        };
                        parts.push(TKeyPathComponent::TupleElem(
                            index.unwrap_or(0) as u32,
                            elem.ty,
                        ));
                        ty = elem.ty;
                        continue;
                    }
                    let choices = self.member_choices(expr, ty, *name, Lookup::Explicit);
                    let found = choices.iter().find_map(|c| match c.target {
                        Target::Decl(d)
                            if c.base == Base::Value
                                && (d.kind(db) == crate::items::DefKind::Var
                                    || matches!(d.kind(db), crate::items::DefKind::Synth(_))) =>
                        {
                            Some((d, c.outer))
                        }
                        _ => None,
                    });
                    let Some((var, args)) = found else {
                        return Err(FailKind::NoMember {
                            base: ty,
                            name: *name,
                        });
                    };
                    if decl::settable(db, var) != Settable::Yes
                        || !crate::resolve::access::is_settable_from(db, var, self.def)
                    {
                        writable = false;
                        reference = false;
                    } else if self.is_class(ty) || !decl::setter_mutates(db, var) {
                        reference = true;
                        writable = true;
                    }
                    let next = self.norm(decl::value_type(db, var).subst(args.as_slice()));
                    parts.push(TKeyPathComponent::Property {
                        var,
                        args,
                        ty: next,
                    });
                    ty = next;
                }
                KeyPathComponent::Subscript(args) => {
                    let args: Vec<_> = args
                        .iter()
                        .map(|a| (a.label, SynthArg::Written(a.expr)))
                        .collect();
                    let found = self
                        .use_member(SynthCall {
                            at: expr,
                            base: ty,
                            name: "subscript",
                            how: Lookup::Subscript,
                            args: &args,
                            want: None,
                        })
                        .map_err(|f| f.kind)?;
                    let (def, outer, indices) = (found.def, found.args, found.params);
                    if decl::settable(db, def) != Settable::Yes {
                        writable = false;
                        reference = false;
                    } else if self.is_class(ty) {
                        reference = true;
                        writable = true;
                    }
                    let next = found.result;
                    parts.push(TKeyPathComponent::Subscript {
                        def,
                        args: outer,
                        indices,
                        ty: next,
                    });
                    ty = next;
                }
            }
        }
        if chained && optional_payload(db, ty).is_none() {
            ty = optional_of(db, ty);
            parts.push(TKeyPathComponent::Wrap(ty));
        }
        // What an optional chain leads to can only be read, even in objects.
        let class = if !writable || chained {
            LangItem::KeyPath
        } else if reference {
            LangItem::ReferenceWritableKeyPath
        } else {
            LangItem::WritableKeyPath
        };
        Ok((ty, parts, class))
    }

    /// Key path literals that nothing gives a type are key paths.
    pub fn default_key_paths(&mut self) -> Result<bool, Box<Failure>> {
        let ids: Vec<u32> = self.cs.waiting().collect();
        for id in ids {
            let Constraint::KeyPath { expr, ty } = self.cs.constraints[id as usize] else {
                continue;
            };
            if self.table.as_var(ty).is_none() {
                continue;
            }
            match self.step_key_path(expr, ty, None, true) {
                Step::Solved => {
                    self.cs.finish(id);
                    self.simplify()?;
                    return Ok(true);
                }
                Step::Waiting(_) => {}
                Step::Failed(failure) => return Err(failure),
            }
        }
        Ok(false)
    }

    /// A literal with a written root before a dot has no other context.
    pub fn settle_key_path(&mut self, var: u32) -> bool {
        let found = self
            .cs
            .waiting()
            .find_map(|id| match self.cs.constraints[id as usize] {
                Constraint::KeyPath { expr, ty } if self.table.as_var(ty) == Some(var) => {
                    Some((expr, ty))
                }
                _ => None,
            });
        match found {
            Some((expr, ty)) => {
                matches!(self.step_key_path(expr, ty, None, true), Step::Solved)
                    && self.table.as_var(ty).is_none()
            }
            None => false,
        }
    }

    /// The argument of `x[keyPath: argument]`, which applies to every type.
    pub fn path_argument(&self, key: ExprId) -> Option<ArgInfo> {
        let id = *self.cs.applies.get(&key)?;
        let Constraint::Apply(apply) = &self.cs.constraints[id as usize] else {
            return None;
        };
        let [arg] = &*apply.args else { return None };
        let is_path = apply.kind == ApplyKind::Subscript
            && matches!(arg.label, Some(label) if label == "keyPath");
        is_path.then(|| arg.clone())
    }

    /// `root[keyPath: path]` is a `value`; the location's expression is the path.
    pub fn step_path_access(&mut self, path: Ty, root: Ty, value: Ty, loc: Loc) -> Step {
        let db = self.db;
        let path = self.table.shallow(path);
        let root = self.table.shallow(root);
        if let Some(var) = self.table.as_var(path) {
            // A literal is given its root, and makes of it as much as it can.
            let literal = self.unparen(loc.expr);
            if !matches!(self.body.exprs[literal], Expr::KeyPath { .. }) {
                return wait(var);
            }
            if let Some(var) = self.table.as_var(root) {
                return wait(var);
            }
            if let Step::Failed(f) = self.step_key_path(literal, path, Some(root), false) {
                return Step::Failed(f);
            }
            let wanted = lang_ty(db, LangItem::KeyPath, &[root, value]);
            return self.relate_sub(Rel::Convert, path, wanted, loc);
        }
        if is_lang(db, path, LangItem::PartialKeyPath)
            && let Some((_, args)) = path.as_nominal()
            && let Some(&of) = args.as_slice().first()
        {
            if let Step::Failed(f) = self.relate_sub(Rel::Convert, root, of, loc) {
                return Step::Failed(f);
            }
            return self.relate_sub(Rel::Equal, Ty::any(), value, loc);
        }
        // A path from a superclass or protocol applies to what converts to it.
        let of = self.table.fresh();
        let wanted = lang_ty(db, LangItem::KeyPath, &[of, value]);
        if let Step::Failed(f) = self.relate_sub(Rel::Convert, path, wanted, loc) {
            return Step::Failed(f);
        }
        self.relate_sub(Rel::Convert, root, of, loc)
    }

    /// The base of an access through a key path, as the path's root type.
    pub fn path_root(&mut self, base: TExprId, key_path: TExprId) -> TExprId {
        let root = self
            .ty_of(key_path)
            .as_nominal()
            .and_then(|(_, args)| args.as_slice().first().copied());
        match root {
            Some(root) if root != self.ty_of(base) => self.coerce(base, root),
            _ => base,
        }
    }

    pub fn build_key_path(&mut self, expr: ExprId, ty: Ty) -> TExprId {
        let Some(found) = self.facts.key_paths.get(&expr).cloned() else {
            return self.error_expr(expr, ty);
        };
        // The root may have become known after its members were found.
        let found = Rc::new(Resolution {
            root: self.known(found.root),
            value: self.known(found.value),
            components: self.known_components(&found.components),
            class: found.class,
        });
        let root = found.root;
        if let Some(f) = ty.as_function() {
            if f.is_c() {
                return self.no_c_function(expr, ty);
            }
            return self.key_path_function(expr, ty, f, &found);
        }
        let own = lang_ty(self.db, found.class, &[root, self.known(found.value)]);
        let node = self.node(
            TExprKind::KeyPath {
                root,
                components: found.components.clone(),
            },
            own,
            expr,
        );
        self.coerce(node, ty)
    }

    fn known_components(&self, components: &[TKeyPathComponent]) -> Vec<TKeyPathComponent> {
        let known = |ty: &Ty| self.known(*ty);
        components
            .iter()
            .map(|component| match component {
                TKeyPathComponent::Property { var, args, ty } => TKeyPathComponent::Property {
                    var: *var,
                    args: self.known_args(args.as_slice()),
                    ty: known(ty),
                },
                TKeyPathComponent::Subscript {
                    def,
                    args,
                    indices,
                    ty,
                } => TKeyPathComponent::Subscript {
                    def: *def,
                    args: self.known_args(args.as_slice()),
                    indices: indices.clone(),
                    ty: known(ty),
                },
                TKeyPathComponent::TupleElem(i, ty) => TKeyPathComponent::TupleElem(*i, known(ty)),
                TKeyPathComponent::Force(ty) => TKeyPathComponent::Force(known(ty)),
                TKeyPathComponent::ChainLink(ty) => TKeyPathComponent::ChainLink(known(ty)),
                TKeyPathComponent::Wrap(ty) => TKeyPathComponent::Wrap(known(ty)),
            })
            .collect()
    }

    /// `\.a.b` as a function: a closure that reads the path.
    fn key_path_function(
        &mut self,
        expr: ExprId,
        ty: Ty,
        f: &'static FnTy,
        found: &Resolution,
    ) -> TExprId {
        let root = self.known(found.root);
        let param = self.temp("$root", root, TLocalKind::Param);
        let mut value = self.node(TExprKind::Local(param), root, expr);
        let mut chained = false;
        for part in &found.components {
            value = match part {
                TKeyPathComponent::Property { var, args, ty } => self.node(
                    TExprKind::Property {
                        base: value,
                        var: *var,
                        args: *args,
                        via_super: false,
                    },
                    *ty,
                    expr,
                ),
                TKeyPathComponent::Subscript {
                    def,
                    args,
                    indices,
                    ty,
                } => self.node(
                    TExprKind::Subscript {
                        base: value,
                        subscript: *def,
                        args: *args,
                        indices: indices.clone(),
                        via_super: false,
                    },
                    *ty,
                    expr,
                ),
                TKeyPathComponent::TupleElem(index, ty) => self.node(
                    TExprKind::TupleElem {
                        base: value,
                        index: *index,
                    },
                    *ty,
                    expr,
                ),
                TKeyPathComponent::Force(ty) => self.node(
                    TExprKind::ForceUnwrap {
                        base: value,
                        implicit: false,
                    },
                    *ty,
                    expr,
                ),
                TKeyPathComponent::ChainLink(ty) => {
                    chained = true;
                    self.node(TExprKind::ChainLink(value), *ty, expr)
                }
                TKeyPathComponent::Wrap(_) => value,
            };
        }
        if chained {
            let whole = self.known(found.value);
            let flatten = self.ty_of(value) == whole;
            value = self.node(
                TExprKind::Chain {
                    expr: value,
                    flatten,
                },
                whole,
                expr,
            );
        }
        let value = self.coerce(value, f.result);
        let index = self.out.closures.len() as u32;
        self.out.closures.push(Some(TClosure {
            def: None,
            ty,
            params: vec![param],
            captures: Vec::new(),
            body: TBlock {
                stmts: vec![TStmt::Return(Some(value))],
            },
            own_generics: 0,
            escaping: f.escaping,
            throws: f.throws,
        }));
        self.node(TExprKind::Closure(index), ty, expr)
    }

    /// Whether a type is one of the key path classes.
    pub fn is_key_path(&self, ty: Ty) -> bool {
        [
            LangItem::KeyPath,
            LangItem::WritableKeyPath,
            LangItem::ReferenceWritableKeyPath,
            LangItem::PartialKeyPath,
            LangItem::AnyKeyPath,
        ]
        .into_iter()
        .any(|item| is_lang(self.db, ty, item))
    }

    /// No arguments.
    pub fn no_args(&self) -> TyList {
        TyList::empty()
    }
}
