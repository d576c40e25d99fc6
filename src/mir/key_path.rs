//! Key path expressions and accesses through them.
//!
//! A key path is an object of the library that holds closures: one that reads the value in a root, and one that writes it. Both are functions
//! of the body, numbered by the expression, which walk the same components; what the literal's subscripts were given is captured.

use super::builder::Builder;
use super::call::ArgVal;
use super::data::*;
use super::facts::VarKind;
use super::place::{Access, Comp, LValue, Read, Stability, ThisPass, Val};
use crate::base::Name;
use crate::bodies::thir::*;
use crate::items::ids::{DefId, DefKind};
use crate::types::lang::{LangItem, is_lang};
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty, TyList};
use std::rc::Rc;

/// What may be done through a key path's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PathKind {
    /// Reading only; of an erased path the value is an `Any`.
    Read {
        erased: bool,
    },
    Write,
    /// Writing through an object, which itself stays as it is.
    Reference,
}

/// An access through a key path value as a component of a path.
#[derive(Clone, Debug)]
pub(super) struct PathComp {
    pub path: Place,
    pub root: Ty,
    pub value: Ty,
    pub kind: PathKind,
}

impl PathComp {
    fn types(&self) -> Vec<Ty> {
        match self.kind {
            PathKind::Read { erased: true } => vec![self.root],
            _ => vec![self.root, self.value],
        }
    }
}

impl<'a> Builder<'a> {
    /// Root, value and kind of a key path's type.
    fn path_type(&self, ty: Ty) -> Option<(Ty, Ty, PathKind)> {
        let (_, args) = ty.as_nominal()?;
        let is = |item| is_lang(self.facts.db, ty, item);
        let kind = if is(LangItem::ReferenceWritableKeyPath) {
            PathKind::Reference
        } else if is(LangItem::WritableKeyPath) {
            PathKind::Write
        } else {
            PathKind::Read {
                erased: is(LangItem::PartialKeyPath),
            }
        };
        let root = *args.as_slice().first()?;
        Some((
            root,
            args.as_slice().get(1).copied().unwrap_or_else(Ty::any),
            kind,
        ))
    }

    /// `base[keyPath: path]` as a path to storage.
    pub fn key_path_lvalue(&mut self, base: TExprId, key_path: TExprId, ty: Ty) -> LValue {
        let path_ty = self.ty_of(key_path);
        let Some((root, value, kind)) = self.path_type(path_ty) else {
            self.unsupported("key path of this type");
            return LValue::root(self.temp(ty).into(), ty, Stability::Fixed);
        };
        let mut lvalue = match kind {
            PathKind::Write => self.lvalue(base),
            _ => {
                let base_ty = self.ty_of(base);
                let base = self.rvalue(base);
                let base = self.stabilize(base, base_ty, Stability::Fixed);
                LValue::root(self.place_of(base, base_ty), base_ty, Stability::Fixed)
            }
        };
        let path = self.rvalue(key_path);
        let path = self.stabilize(path, path_ty, Stability::Fixed);
        let path = self.place_of(path, path_ty);
        lvalue.push(
            Comp::KeyPath(PathComp {
                path,
                root,
                value,
                kind,
            }),
            ty,
        );
        lvalue
    }

    /// Reads through a key path.
    pub fn read_path(&mut self, base: &Place, comp: &PathComp, dest: &Place) {
        let name = match comp.kind {
            PathKind::Read { erased: true } => "_readPartialKeyPath",
            _ => "_readKeyPath",
        };
        let args = vec![
            Argument::Value(Operand::Borrow(base.clone())),
            Argument::Value(Operand::Borrow(comp.path.clone())),
        ];
        self.library_call(name, &comp.types(), args, dest);
    }

    /// Writes a value, which is used up, through a key path.
    pub fn write_path(&mut self, base: &Place, comp: &PathComp, value: Operand) {
        let temp = match value {
            Operand::Move(place) if place.is_local() => place.local,
            other => {
                let temp = self.temp(comp.value);
                self.assign(temp, Rvalue::Use(other));
                temp
            }
        };
        let (name, root) = match comp.kind {
            PathKind::Reference => (
                "_writeReferenceKeyPath",
                Argument::Value(Operand::Borrow(base.clone())),
            ),
            _ => ("_writeKeyPath", Argument::Address(base.clone())),
        };
        let unit = self.temp(Ty::unit());
        let args = vec![
            root,
            Argument::Value(Operand::Borrow(comp.path.clone())),
            Argument::Value(Operand::Borrow(temp.into())),
        ];
        self.library_call(name, &comp.types(), args, &unit.into());
        if !self.facts.trivial(comp.value) {
            self.stmt(StatementKind::Destroy(temp.into()));
        }
    }

    /// The value of a key path literal.
    pub fn key_path(
        &mut self,
        e: TExprId,
        root: Ty,
        components: &'a [TKeyPathComponent],
        ty: Ty,
        dest: &Place,
    ) {
        let Some((_, value, kind)) = self.path_type(ty) else {
            return self.unsupported("key path of this type");
        };
        let indices = self.path_indices(components);
        let texts = self.component_texts(root, components, &indices);
        let offset = match kind {
            PathKind::Reference => None,
            _ => Some(self.path_offset(root, components)),
        };
        let get = self.path_closure(
            FnKind::KeyPathGet(e.raw()),
            &indices,
            &[(root, false)],
            value,
        );
        let mut labels = vec![Some("_components")];
        let mut args = vec![Argument::Value(Operand::Borrow(texts.into()))];
        if let Some(offset) = offset {
            labels.push(Some("offset"));
            args.push(Argument::Value(offset));
        }
        labels.push(Some("get"));
        args.push(Argument::Value(Operand::Borrow(get.into())));
        let write = match kind {
            PathKind::Read { .. } => None,
            PathKind::Write => Some(("set", true)),
            PathKind::Reference => Some(("setReference", false)),
        };
        if let Some((label, inout)) = write {
            let params = [(root, inout), (value, false)];
            let set = self.path_closure(FnKind::KeyPathSet(e.raw()), &indices, &params, Ty::unit());
            labels.push(Some(label));
            args.push(Argument::Value(Operand::Borrow(set.into())));
        }
        let init = ty
            .nominal_def()
            .and_then(|class| self.facts.member_with_labels(class, "init", &labels));
        let (Some(init), Some((_, types))) = (init, ty.as_nominal()) else {
            return self.unsupported("key path without the standard library");
        };
        args.push(Argument::Value(Operand::Const(Const::Metatype(ty))));
        let id = FnId {
            def: init,
            kind: FnKind::Allocate,
        };
        self.emit_call(dest, Callee::Static(id, types), args, None);
    }

    /// The subscript arguments of a literal, evaluated once.
    fn path_indices(&mut self, components: &'a [TKeyPathComponent]) -> Vec<(Place, Ty)> {
        let mut out = Vec::new();
        for component in components {
            let TKeyPathComponent::Subscript {
                def, args, indices, ..
            } = component
            else {
                continue;
            };
            for (value, _) in self.index_values(*def, indices, *args) {
                if let ArgVal::Val(value, ty) = value {
                    let value = self.stabilize(value, ty, Stability::Fixed);
                    out.push((self.place_of(value, ty), ty));
                }
            }
        }
        out
    }

    /// What tells two key paths apart: names, and the text of subscript arguments.
    fn component_texts(
        &mut self,
        root: Ty,
        components: &'a [TKeyPathComponent],
        indices: &[(Place, Ty)],
    ) -> Local {
        enum Text {
            Fixed(Name),
            Value(Place, Ty),
        }
        let facts = self.facts;
        let mut texts = vec![Text::Fixed(Name::new(&crate::types::metadata_name(
            facts.db, root, false,
        )))];
        let mut next = indices.iter();
        for component in components {
            let fixed = |text: &str| Text::Fixed(Name::new(text));
            texts.push(match component {
                TKeyPathComponent::Property { var, .. } => Text::Fixed(
                    facts
                        .item(*var)
                        .map_or_else(|| facts.name(*var), |i| i.name),
                ),
                TKeyPathComponent::Subscript { .. } => fixed("subscript"),
                TKeyPathComponent::TupleElem(i, _) => fixed(&i.to_string()),
                TKeyPathComponent::Force(_) => fixed("!"),
                TKeyPathComponent::ChainLink(_) => fixed("?"),
                TKeyPathComponent::Wrap(_) => continue,
            });
            if let TKeyPathComponent::Subscript { indices, .. } = component {
                texts.extend(
                    next.by_ref()
                        .take(indices.len())
                        .map(|(place, ty)| Text::Value(place.clone(), *ty)),
                );
            }
        }
        let string = facts.string_ty();
        let array = facts.array_of(string);
        let out = self.temp(array);
        let describe = string
            .nominal_def()
            .and_then(|s| facts.member_with_labels(s, "init", &[Some("describing")]));
        self.fill_array(
            texts.len(),
            string,
            array,
            &out.into(),
            |b, i, slot| match &texts[i] {
                Text::Fixed(name) => {
                    b.assign(
                        slot.clone(),
                        Rvalue::Use(Operand::Const(Const::Str(*name, string))),
                    );
                }
                Text::Value(place, ty) => match describe {
                    Some(def) => {
                        let id = FnId {
                            def,
                            kind: FnKind::Body,
                        };
                        let args = vec![Argument::Value(Operand::Borrow(place.clone()))];
                        b.emit_call(slot, Callee::Static(id, TyList::new(&[*ty])), args, None);
                    }
                    None => b.unsupported("key path without the standard library"),
                },
            },
        );
        self.own(out);
        out
    }

    /// Where the value is stored in the root, as an `Int`; -1 for anything but stored parts of structures and tuples.
    fn path_offset(&mut self, root: Ty, components: &'a [TKeyPathComponent]) -> Operand {
        let int = self.facts.int_ty();
        let mut projs = Vec::new();
        for component in components {
            match component {
                TKeyPathComponent::Property { var, .. }
                    if self.facts.kind(*var) == DefKind::Var
                        && matches!(
                            self.facts.var_kind(*var),
                            VarKind::Stored | VarKind::Observed
                        )
                        && !self.facts.in_class(*var) =>
                {
                    projs.push(Proj::Field(*var));
                }
                TKeyPathComponent::TupleElem(i, _) => projs.push(Proj::Elem(*i)),
                _ => return Operand::Const(Const::Int(-1, int)),
            }
        }
        // The distance of two addresses in storage that is never filled.
        let (raw, int64) = (
            self.raw_pointer(),
            Ty::builtin(crate::types::ty::BuiltinTy::Int64),
        );
        let storage = Place::from(self.temp(root));
        let part = projs
            .into_iter()
            .fold(storage.clone(), |p, proj| p.then(proj));
        let mut ends = Vec::new();
        for place in [part, storage] {
            let address = self.temp(raw);
            self.assign(address, Rvalue::AddressOf(place));
            let number = self.temp(int64);
            let args = vec![Argument::Value(Operand::Borrow(address.into()))];
            self.builtin("ptrToInt", &[], args, &number.into());
            ends.push(Argument::Value(Operand::Borrow(number.into())));
        }
        let distance = self.temp(int64);
        self.builtin("sub", &[int64], ends, &distance.into());
        let out = self.temp(int);
        self.assign(
            out,
            Rvalue::Aggregate(int, vec![Operand::Copy(distance.into())]),
        );
        Operand::Borrow(out.into())
    }

    fn path_closure(
        &mut self,
        kind: FnKind,
        indices: &[(Place, Ty)],
        params: &[(Ty, bool)],
        result: Ty,
    ) -> Local {
        let ty = Ty::function(FnTy {
            params: params
                .iter()
                .map(|&(ty, inout)| FnParam {
                    ty,
                    mode: if inout {
                        ParamMode::Inout
                    } else {
                        ParamMode::Borrow
                    },
                    variadic: false,
                    autoclosure: false,
                })
                .collect(),
            result,
            throws: None,
            is_async: false,
            escaping: true,
            repr: FnRepr::Thick,
        });
        let captures = indices
            .iter()
            .map(|(p, _)| Operand::Copy(p.clone()))
            .collect();
        self.owned_temp(
            ty,
            Rvalue::Closure {
                func: FnId {
                    def: self.owner,
                    kind,
                },
                args: self.type_args(self.closure),
                captures,
                ty,
                on_stack: false,
            },
        )
    }

    // The functions of a key path.

    /// Builds the function that reads (or, with `write`, writes) what a literal names.
    pub fn build_key_path(&mut self, n: u32, write: bool) {
        let e = TExprId::from_raw(n);
        let Some(TExprKind::KeyPath { root, components }) = self.body.exprs.get(e).map(|e| &e.kind)
        else {
            return self.unsupported("key path");
        };
        let expr = &self.body.exprs[e];
        self.src = Some(expr.src);
        let Some((_, value_ty, kind)) = self.path_type(expr.ty) else {
            return self.unsupported("key path of this type");
        };
        let root_kind = match (write, kind) {
            (true, PathKind::Write) => LocalKind::Inout,
            _ => LocalKind::Borrowed,
        };
        let root_local = self.param(*root, root_kind, Some(Name::new("root")));
        let value =
            write.then(|| self.param(value_ty, LocalKind::Borrowed, Some(Name::new("value"))));
        let object = self.native_object();
        let context = self.param(object, LocalKind::Borrowed, Some(Name::new("context")));
        for component in components {
            let TKeyPathComponent::Subscript { indices, .. } = component else {
                continue;
            };
            for index in indices {
                if let TArg::Value(e) | TArg::Inout(e) = index {
                    let ty = self.ty_of(*e);
                    self.mir.captures.push(CaptureDecl {
                        name: Name::new("index"),
                        ty,
                        mode: CaptureMode::Value,
                    });
                }
            }
        }
        let result = self.result_place();
        let result_ty = self.local_ty(self.mir.result);
        let nil = self.target();
        let join = self.block();
        self.chains.push(nil);
        self.push_scope();
        let mut lvalue = LValue::root(root_local.into(), *root, Stability::Fixed);
        let mut captured = 0;
        let mut wraps = false;
        for component in components {
            match component {
                TKeyPathComponent::Property { var, args, ty } => {
                    lvalue = self.path_member(lvalue, *var, *args, *ty, Vec::new());
                }
                TKeyPathComponent::Subscript {
                    def,
                    args,
                    indices,
                    ty,
                } => {
                    let params = &self.facts.signature(*def).params;
                    let mut values = Vec::new();
                    for (i, index) in indices.iter().enumerate() {
                        let (TArg::Value(e) | TArg::Inout(e)) = index else {
                            continue;
                        };
                        let place = Place::from(context).then(Proj::Capture(captured));
                        captured += 1;
                        let mode = params.get(i).map_or(ParamMode::Borrow, |p| p.mode);
                        let value = Val::Place(place, Stability::Fixed);
                        values.push((ArgVal::Val(value, self.ty_of(*e)), mode));
                    }
                    lvalue = self.path_member(lvalue, *def, *args, *ty, values);
                }
                TKeyPathComponent::TupleElem(i, ty) => lvalue.push(Comp::Proj(Proj::Elem(*i)), *ty),
                TKeyPathComponent::Force(ty) => lvalue.push(Comp::Force { implicit: false }, *ty),
                TKeyPathComponent::ChainLink(ty) => {
                    let place = self.begin_access(lvalue, Access::Read);
                    let payload = self.chain_payload(place);
                    lvalue = LValue::root(payload, *ty, Stability::Shared);
                }
                TKeyPathComponent::Wrap(_) => wraps = true,
            }
        }
        match value {
            Some(value) => {
                self.store(lvalue, Operand::Copy(value.into()));
                self.assign(result.clone(), Rvalue::Use(Operand::Const(Const::Unit)));
            }
            None => {
                let place = self.begin_access(lvalue, Access::Read);
                match wraps {
                    true => self.make_some(&result, result_ty, Operand::Copy(place)),
                    false => self.assign(result.clone(), Rvalue::Use(Operand::Copy(place))),
                }
            }
        }
        self.pop_scope();
        self.goto(join);
        self.chains.pop();
        self.switch_to(nil.block);
        if !self.dead {
            match value {
                Some(_) => self.assign(result, Rvalue::Use(Operand::Const(Const::Unit))),
                None => self.make_none(&result, result_ty),
            }
            self.goto(join);
        }
        self.switch_to(join);
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    fn path_member(
        &mut self,
        mut base: LValue,
        def: DefId,
        args: TyList,
        ty: Ty,
        indices: Vec<(ArgVal, ParamMode)>,
    ) -> LValue {
        let base_ty = base.ty;
        let member = self.member(
            def,
            args,
            ty,
            Some((base_ty, false)),
            None,
            false,
            Rc::new(indices),
        );
        // Objects are read, and kept while what lies behind them is accessed; a getter that changes its base gets a copy to change.
        let mutating_get = matches!(member.read, Read::Call(_, ThisPass::Inout));
        let borrowed =
            self.mir.locals[base.root.local].kind == LocalKind::Borrowed && base.comps.is_empty();
        let in_object = matches!(
            member.read,
            Read::Field(Proj::ClassField(_))
                | Read::Weak(Proj::ClassField(_))
                | Read::Unowned(Proj::ClassField(_))
        ) || self.facts.in_class(def);
        if in_object && !borrowed || mutating_get && borrowed {
            let place = self.begin_access(base, Access::Read);
            let copy = self.owned_temp(base_ty, Rvalue::Use(Operand::Copy(place)));
            base = LValue::root(copy.into(), base_ty, Stability::Fixed);
        }
        base.push(Comp::Member(member), ty);
        base
    }
}
