//! Bodies of members that no source text has: memberwise initialisers, derived conformances, thunks.

use super::builder::Builder;
use super::data::*;
use super::facts::VarKind;
use crate::base::Name;
use crate::bodies::thir::{TExprKind, TStmt};
use crate::items::ids::{DefId, DefKind, Synth};
use crate::types::lang::{self, LangItem};
use crate::types::signature::ThisKind;
use crate::types::ty::{BuiltinTy, ParamMode, Ty, TyList};

impl<'a> Builder<'a> {
    /// Calls the function `main` of the type that is marked as the program's entry; a file without statements has nothing to do.
    pub fn build_entry(&mut self) -> Option<()> {
        self.mir.throws = Some(self.facts.any_error());
        let nominal = self.owner;
        if self.facts.kind(nominal) == DefKind::TopLevel {
            self.finish_unit();
            return Some(());
        }
        let function = crate::types::check::main_function(self.facts.db, nominal)?;
        let this = Ty::nominal(nominal, &[]);
        let mut args = Vec::new();
        if self.facts.takes_metatype(function) {
            let metatype = Operand::Const(Const::Metatype(this));
            args.push(Argument::Value(metatype));
        }
        let id = FnId {
            def: function,
            kind: FnKind::Body,
        };
        // In a protocol's extension the type is the only generic argument.
        let generic: Vec<Ty> = self
            .facts
            .identity_args(function)
            .iter()
            .map(|_| this)
            .collect();
        let dest = self.temp(Ty::unit());
        let throws = self.facts.signature(function).throws;
        let callee = Callee::Static(id, TyList::new(&generic));
        self.emit_call(&dest.into(), callee, args, throws);
        if !self.dead {
            self.finish_unit();
        }
        Some(())
    }

    /// Builds the body of a synthesised member.
    pub fn build_synth(&mut self, synth: Synth) {
        let def = self.owner;
        self.mir.throws = self.facts.signature(def).throws;
        match synth {
            Synth::MemberwiseInit | Synth::DefaultInit | Synth::InheritedInit
                if self.facts.in_class(def) =>
            {
                self.build_class_synth();
            }
            Synth::MemberwiseInit | Synth::DefaultInit | Synth::InheritedInit => self.memberwise(),
            Synth::Equals => self.compare_values(),
            Synth::Less => self.less(),
            Synth::HashInto => self.hash_into(),
            Synth::HashValue => self.hash_value(),
            Synth::AllCases => self.all_cases(),
            Synth::RawValue => self.raw_value(),
            Synth::InitRawValue => self.init_raw_value(),
        }
    }

    fn self_ty(&self) -> Ty {
        let declared = crate::types::declared_self_type(self.facts.db, self.owner);
        declared.unwrap_or_else(|| self.local_ty(self.mir.result))
    }

    fn done(&mut self) {
        self.emit_cleanups_to(0);
        self.terminate(Terminator::Return);
    }

    /// A structure's own initialisers: some properties from parameters, the others from their initial values.
    fn memberwise(&mut self) {
        let facts = self.facts;
        let def = self.owner;
        let Some(nominal) = facts.nominal(def) else {
            return self.unsupported("memberwise initialiser");
        };
        let sig = facts.signature(def);
        let taken: &[DefId] = match sig.params.is_empty() {
            true => &[],
            false => crate::types::synth::memberwise_properties(facts.db, nominal),
        };
        let mut params = Vec::new();
        for param in &sig.params {
            let kind = match param.mode {
                ParamMode::Owned => LocalKind::Owned,
                _ => LocalKind::Borrowed,
            };
            params.push((self.param(param.ty, kind, Some(param.name)), param.mode));
        }
        let result = self.result_place();
        self.init_other_properties(nominal, &result, taken);
        for (&var, (param, mode)) in taken.iter().zip(params) {
            let place = result.then(Proj::Field(var));
            let ty = facts.storage_type(var);
            let value = match mode {
                ParamMode::Owned => Operand::Move(param.into()),
                _ => Operand::Copy(param.into()),
            };
            if facts.var_kind(var) == VarKind::Lazy && self.local_ty(param) != ty {
                self.make_some(&place, ty, value);
                continue;
            }
            let owned = self.temp(ty);
            match self.local_ty(param) == ty || facts.wrapper_init(var).is_none() {
                true => self.assign(owned, Rvalue::Use(value)),
                false => {
                    // A wrapped property is made from the wrapped value.
                    let wrap = facts.wrapper_init(var).unwrap_or(var);
                    let args = vec![Argument::Value(Operand::Borrow(param.into()))];
                    let id = FnId {
                        def: wrap,
                        kind: FnKind::Body,
                    };
                    let callee = Callee::Static(id, facts.identity_args(nominal));
                    self.emit_call(&owned.into(), callee, args, None);
                }
            }
            self.init_stored(var, place, owned.into(), ty);
        }
        self.done();
    }

    /// Initial values of the properties that parameters do not give.
    fn init_other_properties(&mut self, nominal: DefId, result: &Place, taken: &[DefId]) {
        use crate::items::tree::ItemKind;
        let facts = self.facts;
        let args = facts.identity_args(nominal);
        let mut done: Vec<DefId> = Vec::new();
        for &var in facts.stored_properties(nominal) {
            if taken.contains(&var) {
                continue;
            }
            let place = result.then(Proj::Field(var));
            let ty = facts.storage_type(var);
            let binding = facts.var_item(var).and_then(|v| v.binding);
            let data = binding.and_then(|b| facts.item(b)).map(|i| &i.kind);
            match (binding, data) {
                _ if facts.var_kind(var) == VarKind::Lazy => self.make_none(&place, ty),
                (Some(binding), Some(ItemKind::Binding(data))) if data.init.is_some() => {
                    if done.contains(&binding) {
                        continue;
                    }
                    done.push(binding);
                    let value = self.initial_value(binding, args);
                    for &part in &data.vars {
                        let Some(item) = facts.var_item(part) else {
                            continue;
                        };
                        let from = item
                            .path
                            .iter()
                            .fold(Place::from(value), |p, &i| p.then(Proj::Elem(i)));
                        if taken.contains(&part) {
                            self.stmt(StatementKind::Destroy(from));
                        } else {
                            let ty = facts.storage_type(part);
                            self.init_stored(part, result.then(Proj::Field(part)), from, ty);
                        }
                    }
                }
                _ => {
                    let nil = self.temp(ty);
                    self.make_none(&nil.into(), ty);
                    self.init_stored(var, place, nil.into(), ty);
                }
            }
        }
    }

    /// The default value of a memberwise initialiser's parameter: the property's initial value.
    pub fn build_memberwise_default(&mut self, init: DefId, index: u32) {
        let facts = self.facts;
        let var = facts.nominal(init).and_then(|n| {
            let vars = crate::types::synth::memberwise_properties(facts.db, n);
            vars.get(index as usize).copied()
        });
        let result = self.result_place();
        let ty = self.local_ty(self.mir.result);
        let binding = var.and_then(|v| facts.var_item(v)).and_then(|v| v.binding);
        let has_value = binding.is_some_and(|b| crate::items::body_syntax(facts.db, b).is_some());
        match binding.filter(|_| has_value) {
            Some(binding) => {
                let value = self.initial_value(binding, facts.identity_args(init));
                let path = var
                    .and_then(|v| facts.var_item(v))
                    .map(|v| v.path.as_slice());
                let from = path
                    .unwrap_or(&[])
                    .iter()
                    .fold(Place::from(value), |p, &i| p.then(Proj::Elem(i)));
                self.assign(result, Rvalue::Use(Operand::Copy(from)));
                self.stmt(StatementKind::Destroy(value.into()));
            }
            None if facts.optional_payload(ty).is_some() => self.make_none(&result, ty),
            None => self.unsupported("default value of a property without one"),
        }
        self.terminate(Terminator::Return);
    }

    // Comparison and hashing.

    /// Two parameters of the type itself.
    fn two_params(&mut self) -> (Local, Local) {
        let ty = self.self_ty();
        let a = self.param(ty, LocalKind::Borrowed, Some(Name::new("a")));
        let b = self.param(ty, LocalKind::Borrowed, Some(Name::new("b")));
        if self.facts.in_class(self.owner) {
            self.param(Ty::metatype(ty), LocalKind::Borrowed, None);
        }
        (a, b)
    }

    fn return_bool(&mut self, value: bool) {
        let result = self.result_place();
        let ty = self.facts.bool_ty();
        self.assign(
            result,
            Rvalue::Use(Operand::Const(Const::Int(value as i128, ty))),
        );
        self.terminate(Terminator::Return);
    }

    /// Calls a requirement of two operands of type `ty` (`==` or `<`).
    fn call_operator(
        &mut self,
        protocol: LangItem,
        name: &str,
        ty: Ty,
        a: Place,
        b: Place,
    ) -> Operand {
        let owner = lang::lang(self.facts.db, protocol);
        let Some(requirement) = self.facts.requirement_named(owner, name) else {
            self.unsupported("operator of the standard library");
            return Operand::Const(Const::Unit);
        };
        let bool_ty = self.facts.bool_ty();
        let out = self.temp(bool_ty);
        self.emit_call(
            &out.into(),
            Callee::Witness(requirement, TyList::new(&[ty])),
            vec![
                Argument::Value(Operand::Borrow(a)),
                Argument::Value(Operand::Borrow(b)),
                Argument::Value(Operand::Const(Const::Metatype(ty))),
            ],
            None,
        );
        Operand::Borrow(out.into())
    }

    /// The parts of a payload as places with their types.
    fn payload_parts(&self, place: &Place, case: DefId) -> Vec<(Place, Ty)> {
        let types = self.facts.payload(case);
        let inner = place.then(Proj::Payload(case));
        match types.as_slice() {
            [one] => vec![(inner, *one)],
            _ => types
                .iter()
                .enumerate()
                .map(|(i, &t)| (inner.then(Proj::Elem(i as u32)), t))
                .collect(),
        }
    }

    fn tag(&mut self, place: Place) -> Local {
        let tag = self.temp(Ty::builtin(BuiltinTy::Int32));
        self.assign(tag, Rvalue::Tag(place));
        tag
    }

    fn compare_values(&mut self) {
        let (a, b) = self.two_params();
        let different = self.block();
        let Some(nominal) = self.self_ty().nominal_def() else {
            return self.unsupported("derived ==");
        };
        let facts = self.facts;
        if facts.kind(nominal) == DefKind::Enum {
            self.same_case(a, b, different);
            self.each_case(a, nominal, |builder, case| {
                let left = builder.payload_parts(&a.into(), case);
                let right = builder.payload_parts(&b.into(), case);
                for ((x, ty), (y, _)) in left.into_iter().zip(right) {
                    let equal = builder.call_operator(LangItem::Equatable, "==", ty, x, y);
                    let next = builder.block();
                    builder.branch(equal, next, different);
                    builder.switch_to(next);
                }
                builder.return_bool(true);
            });
        } else {
            for &var in facts.stored_properties(nominal) {
                let (x, y) = (
                    Place::from(a).then(Proj::Field(var)),
                    Place::from(b).then(Proj::Field(var)),
                );
                let ty = facts.storage_type(var);
                let equal = self.call_operator(LangItem::Equatable, "==", ty, x, y);
                let next = self.block();
                self.branch(equal, next, different);
                self.switch_to(next);
            }
            self.return_bool(true);
        }
        self.switch_to(different);
        self.return_bool(false);
    }

    /// Goes on when both enums hold the same case.
    fn same_case(&mut self, a: Local, b: Local, different: Block) {
        let (x, y) = (self.tag(a.into()), self.tag(b.into()));
        let equal = self.compare_tags("eq", x, y);
        let same = self.block();
        self.branch(equal, same, different);
        self.switch_to(same);
    }

    fn compare_tags(&mut self, operation: &str, x: Local, y: Local) -> Operand {
        let int1 = self.int1();
        let out = self.temp(int1);
        let args = vec![
            Argument::Value(Operand::Borrow(x.into())),
            Argument::Value(Operand::Borrow(y.into())),
        ];
        self.builtin(
            operation,
            &[Ty::builtin(BuiltinTy::Int32)],
            args,
            &out.into(),
        );
        Operand::Borrow(out.into())
    }

    /// Switches on the case that a local holds; `f` ends each branch.
    fn each_case(&mut self, value: Local, nominal: DefId, mut f: impl FnMut(&mut Self, DefId)) {
        let cases = self.facts.cases(nominal);
        let blocks: Vec<Block> = cases.iter().map(|_| self.block()).collect();
        let Some((&default, rest)) = blocks.split_last() else {
            return self.unreachable();
        };
        let tag = self.tag(value.into());
        let targets = rest
            .iter()
            .enumerate()
            .map(|(i, &b)| (i as i128, b))
            .collect();
        self.terminate(Terminator::Switch {
            value: Operand::Borrow(tag.into()),
            targets,
            default,
        });
        for (&case, block) in cases.iter().zip(blocks) {
            self.switch_to(block);
            f(self, case);
        }
    }

    fn less(&mut self) {
        let (a, b) = self.two_params();
        let Some(nominal) = self.self_ty().nominal_def() else {
            return self.unsupported("derived <");
        };
        let (x, y) = (self.tag(a.into()), self.tag(b.into()));
        let equal = self.compare_tags("eq", x, y);
        let (same, other) = (self.block(), self.block());
        self.branch(equal, same, other);
        self.switch_to(other);
        let less = self.compare_tags("slt", x, y);
        let (yes, no) = (self.block(), self.block());
        self.branch(less, yes, no);
        self.switch_to(yes);
        self.return_bool(true);
        self.switch_to(same);
        self.each_case(a, nominal, |builder, case| {
            let left = builder.payload_parts(&a.into(), case);
            let right = builder.payload_parts(&b.into(), case);
            for ((p, ty), (q, _)) in left.into_iter().zip(right) {
                let less =
                    builder.call_operator(LangItem::Comparable, "<", ty, p.clone(), q.clone());
                let not_less = builder.block();
                builder.branch(less, yes, not_less);
                builder.switch_to(not_less);
                let greater = builder.call_operator(LangItem::Comparable, "<", ty, q, p);
                let equal = builder.block();
                builder.branch(greater, no, equal);
                builder.switch_to(equal);
            }
            builder.goto(no);
        });
        self.switch_to(no);
        self.return_bool(false);
    }

    fn hash_into(&mut self) {
        let facts = self.facts;
        let ty = self.self_ty();
        let hasher_ty = lang::lang_ty(facts.db, LangItem::Hasher, &[]);
        let hasher = self.param(hasher_ty, LocalKind::Inout, Some(Name::new("hasher")));
        let this = self.param(ty, LocalKind::Borrowed, Some(Name::new("this")));
        let Some(nominal) = ty.nominal_def() else {
            return self.unsupported("derived hash");
        };
        if facts.kind(nominal) == DefKind::Enum {
            let many = facts.cases(nominal).len() > 1;
            let end = self.block();
            self.each_case(this, nominal, |builder, case| {
                let number = builder.facts.cases(nominal).iter().position(|&c| c == case);
                if many {
                    let int = builder.facts.int_ty();
                    let tag = builder.temp(int);
                    let number = Const::Int(number.unwrap_or(0) as i128, int);
                    builder.assign(tag, Rvalue::Use(Operand::Const(number)));
                    builder.combine(hasher, tag.into(), int);
                }
                for (part, ty) in builder.payload_parts(&this.into(), case) {
                    builder.combine(hasher, part, ty);
                }
                builder.goto(end);
            });
            self.switch_to(end);
        } else {
            for &var in facts.stored_properties(nominal) {
                let part = Place::from(this).then(Proj::Field(var));
                self.combine(hasher, part, facts.storage_type(var));
            }
        }
        self.finish_unit();
    }

    fn combine(&mut self, hasher: Local, part: Place, ty: Ty) {
        let owner = lang::lang(self.facts.db, LangItem::Hasher);
        let Some(combine) = self.facts.member_with_labels(owner, "combine", &[None]) else {
            return self.unsupported("hashing without the standard library");
        };
        let unit = self.temp(Ty::unit());
        let id = FnId {
            def: combine,
            kind: FnKind::Body,
        };
        self.emit_call(
            &unit.into(),
            Callee::Static(id, TyList::new(&[ty])),
            vec![
                Argument::Value(Operand::Borrow(part)),
                Argument::Address(hasher.into()),
            ],
            None,
        );
    }

    fn hash_value(&mut self) {
        let facts = self.facts;
        let ty = self.self_ty();
        let this = self.param(ty, LocalKind::Borrowed, Some(Name::new("this")));
        let result = self.result_place();
        let operand = Argument::Value(Operand::Borrow(this.into()));
        self.library_call("_hashValue", &[ty], vec![operand], &result);
        let _ = facts;
        self.done();
    }

    // Enums.

    fn all_cases(&mut self) {
        let ty = self.self_ty();
        let Some(nominal) = ty.nominal_def() else {
            return self.unsupported("derived allCases");
        };
        let cases = self.facts.cases(nominal);
        let result = self.result_place();
        let array = self.local_ty(self.mir.result);
        self.fill_array(cases.len(), ty, array, &result, |b, i, slot| {
            b.assign(
                slot.clone(),
                Rvalue::Case {
                    ty,
                    case: cases[i],
                    payload: Vec::new(),
                },
            );
        });
        self.done();
    }

    /// The raw values of an enum's cases, in order: written, counted up, or the case's name.
    fn raw_values(&self, nominal: DefId, raw: Ty) -> Option<Vec<Const>> {
        let facts = self.facts;
        let mut next = 0i128;
        let mut values = Vec::new();
        for &case in facts.cases(nominal) {
            let written = match crate::items::body_syntax(facts.db, case) {
                Some(_) => {
                    let body = facts.typed_body(case);
                    let value = match body.root.stmts.as_slice() {
                        [TStmt::Return(Some(e)) | TStmt::Expr(e) | TStmt::Then(e)] => *e,
                        _ => return None,
                    };
                    Some(match body.exprs.get(value)?.kind {
                        TExprKind::Int(v) => Const::Int(v, raw),
                        TExprKind::Float(v) => Const::Float(v, raw),
                        TExprKind::Bool(v) => Const::Int(v as i128, raw),
                        TExprKind::String(v) | TExprKind::Character(v) => Const::Str(v, raw),
                        TExprKind::Scalar(v) => Const::Int(v as i128, raw),
                        _ => return None,
                    })
                }
                None => None,
            };
            let value = written.unwrap_or_else(|| match raw == facts.string_ty() {
                true => {
                    let name = facts
                        .item(case)
                        .map_or_else(|| facts.name(case), |i| i.name);
                    Const::Str(name, raw)
                }
                false => match lang::is_lang(facts.db, raw, LangItem::Double) {
                    true => Const::Float((next as f64).to_bits(), raw),
                    false => Const::Int(next, raw),
                },
            });
            next = match value {
                Const::Int(v, _) => v + 1,
                Const::Float(v, _) => f64::from_bits(v) as i128 + 1,
                _ => next + 1,
            };
            values.push(value);
        }
        Some(values)
    }

    fn raw_value(&mut self) {
        let ty = self.self_ty();
        let this = self.param(ty, LocalKind::Borrowed, Some(Name::new("this")));
        let raw = self.local_ty(self.mir.result);
        let Some((nominal, values)) = ty
            .nominal_def()
            .and_then(|n| Some((n, self.raw_values(n, raw)?)))
        else {
            return self.unsupported("raw value that is no literal");
        };
        let cases = self.facts.cases(nominal);
        let result = self.result_place();
        self.each_case(this, nominal, |b, case| {
            let at = cases.iter().position(|&c| c == case).unwrap_or(0);
            b.assign(result.clone(), Rvalue::Use(Operand::Const(values[at])));
            b.terminate(Terminator::Return);
        });
    }

    fn init_raw_value(&mut self) {
        let ty = self.self_ty();
        let Some((nominal, raw)) = ty
            .nominal_def()
            .and_then(|n| Some((n, crate::types::raw_type(self.facts.db, n)?)))
        else {
            return self.unsupported("derived init(rawValue:)");
        };
        let Some(values) = self.raw_values(nominal, raw) else {
            return self.unsupported("raw value that is no literal");
        };
        let mode = self
            .facts
            .signature(self.owner)
            .params
            .first()
            .map(|p| p.mode);
        let kind = match mode {
            Some(ParamMode::Owned) => LocalKind::Owned,
            _ => LocalKind::Borrowed,
        };
        let param = self.param(raw, kind, Some(Name::new("rawValue")));
        if kind == LocalKind::Owned {
            self.own(param);
        }
        let result = self.result_place();
        let optional = self.local_ty(self.mir.result);
        for (&case, value) in self.facts.cases(nominal).iter().zip(values) {
            let expected = self.temp(raw);
            self.assign(expected, Rvalue::Use(Operand::Const(value)));
            let equal = self.call_operator(
                LangItem::Equatable,
                "==",
                raw,
                param.into(),
                expected.into(),
            );
            let (yes, no) = (self.block(), self.block());
            self.branch(equal, yes, no);
            self.switch_to(yes);
            let made = self.temp(ty);
            self.assign(
                made,
                Rvalue::Case {
                    ty,
                    case,
                    payload: Vec::new(),
                },
            );
            self.make_some(&result, optional, Operand::Move(made.into()));
            self.done();
            self.switch_to(no);
        }
        self.make_none(&result, optional);
        self.done();
    }

    /// An enum case as a function.
    pub fn build_case_constructor(&mut self) {
        let case = self.owner;
        let sig = self.facts.signature(case);
        let mut payload = Vec::new();
        for param in &sig.params {
            payload.push(
                match self.forward_param(param.ty, param.mode, Some(param.name)) {
                    Argument::Value(Operand::Borrow(place)) => Operand::Copy(place),
                    Argument::Value(operand) => operand,
                    Argument::Address(place) => Operand::Copy(place),
                },
            );
        }
        let result = self.result_place();
        let ty = self.local_ty(self.mir.result);
        self.assign(result, Rvalue::Case { ty, case, payload });
        self.terminate(Terminator::Return);
    }

    /// `x.method` as a value: the context holds `x`.
    pub fn build_bound_method(&mut self) {
        let func = self.owner;
        let facts = self.facts;
        let sig = facts.signature(func);
        self.mir.throws = sig.throws;
        let mut args = self.forward_params(sig);
        let object = self.native_object();
        let context = self.param(object, LocalKind::Borrowed, Some(Name::new("context")));
        let declared = crate::types::declared_self_type(facts.db, func).unwrap_or_else(Ty::error);
        let of_metatype = matches!(sig.this, ThisKind::Metatype);
        let ty = match of_metatype {
            true => Ty::metatype(declared),
            false => declared,
        };
        self.mir.captures.push(CaptureDecl {
            name: Name::new("this"),
            ty,
            mode: CaptureMode::Value,
        });
        let this = Place::from(context).then(Proj::Capture(0));
        args.push(match sig.this {
            ThisKind::Owned => Argument::Value(Operand::Copy(this)),
            ThisKind::Inout => {
                let copy = self.owned_temp(ty, Rvalue::Use(Operand::Copy(this)));
                Argument::Address(copy.into())
            }
            _ => Argument::Value(Operand::Borrow(this)),
        });
        let types = facts.identity_args(func);
        let kind = match self.is_class_init(func) {
            true => FnKind::Allocate,
            false => FnKind::Body,
        };
        let id = FnId { def: func, kind };
        let callee = if facts.is_requirement(func) {
            Callee::Witness(func, types)
        } else if facts.in_class(func) && (facts.is_dispatched(func) || kind == FnKind::Allocate) {
            let root = self.introducing_id(id);
            Callee::Virtual(
                root,
                self.inherited_args(root.def, func, types, Some(declared)),
            )
        } else {
            Callee::Static(id, types)
        };
        let result = self.result_place();
        self.emit_call(&result, callee, args, sig.throws);
        self.done();
    }
}
