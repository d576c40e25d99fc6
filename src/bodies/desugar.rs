//! Uses of members that no source expression spells: the calls that key paths, result builders, property wrappers and dynamic members
//! stand for. Each is a small system of its own, in which overloads are chosen as for a written call.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::solver::calls::Bound;
use crate::bodies::solver::members::CallParam;
use crate::bodies::solver::{
    Apply, ApplyKind, ArgInfo, Constraint, FailKind, Failure, Loc, Lookup, Purpose, Rel, System,
    Target, Why,
};
use crate::bodies::thir::*;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::types::ty::{ParamMode, Ty, TyList};

/// An argument of a call that no source text spells.
#[derive(Clone, Copy, Debug)]
pub enum SynthArg {
    /// An expression of the body, checked with the call.
    Written(ExprId),
    /// A finished value or place.
    Typed(TExprId),
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub struct SynthCall<'a> {
    /// The expression that the call stands for.
    pub at: ExprId,
    /// The type of the value, or the metatype, whose member it is.
    pub base: Ty,
    pub name: &'a str,
    pub how: Lookup,
    pub args: &'a [(Option<Name>, SynthArg)],
    /// What the result must convert to.
    pub want: Option<Ty>,
}

/// A member, chosen, with an argument for each of its parameters.
#[derive(Clone, Debug)]
pub struct MemberUse {
    pub def: DefId,
    pub args: TyList,
    pub params: Vec<TArg>,
    pub result: Ty,
    pub throws: Option<Ty>,
}

/// Where the choice of a synthesised call is kept: no expression of the body has this number.
const KEY: u32 = u32::MAX - 1;

impl<'db> Checker<'db> {
    /// Chooses the member that a synthesised call means and finishes its arguments.
    pub fn use_member(&mut self, call: SynthCall<'_>) -> Result<MemberUse, Box<Failure>> {
        let saved_cs = std::mem::replace(&mut self.cs, System::new(self.table.len()));
        let saved_facts = std::mem::take(&mut self.facts);
        let saved_root = std::mem::replace(&mut self.root_expr, call.at);
        let saved_hint = self.soft_hint.take();
        self.nesting += 1;
        let solved = self.solve_members(&[call]).map(|_| ());
        self.count_work();
        let result = solved.and_then(|()| self.finish_member(&call));
        self.nesting -= 1;
        self.soft_hint = saved_hint;
        self.root_expr = saved_root;
        self.cs = saved_cs;
        self.facts = saved_facts;
        if self.nesting == 0 {
            self.table = Default::default();
        }
        result
    }

    /// The type that all these calls can give.
    pub fn joined_type(&mut self, calls: &[SynthCall<'_>]) -> Result<Ty, Box<Failure>> {
        let Some(first) = calls.first() else {
            return Ok(Ty::error());
        };
        let saved_cs = std::mem::replace(&mut self.cs, System::new(self.table.len()));
        let saved_facts = std::mem::take(&mut self.facts);
        let saved_root = std::mem::replace(&mut self.root_expr, first.at);
        self.nesting += 1;
        let solved = self.solve_members(calls);
        self.count_work();
        let result = solved.map(|ty| self.known(ty));
        self.nesting -= 1;
        self.root_expr = saved_root;
        self.cs = saved_cs;
        self.facts = saved_facts;
        if self.nesting == 0 {
            self.table = Default::default();
        }
        result
    }

    /// Solves calls whose results have one type, which is returned.
    fn solve_members(&mut self, calls: &[SynthCall<'_>]) -> Result<Ty, Box<Failure>> {
        let before = self.errors();
        let mut joined = None;
        let mut at = self.root_expr;
        for (n, call) in calls.iter().enumerate() {
            at = call.at;
            let result = self.add_member_call(call, ExprId::from_raw(KEY - n as u32));
            match joined {
                None => joined = Some(result),
                Some(first) => self.require(Rel::Equal, first, result, call.at, Why::Inner),
            }
        }
        let solved = self.solve();
        if self.errors() > before {
            return Err(self.already_reported(at));
        }
        solved.map(|()| joined.unwrap_or(Ty::error()))
    }

    fn add_member_call(&mut self, call: &SynthCall<'_>, key: ExprId) -> Ty {
        let args = call
            .args
            .iter()
            .map(|&(label, arg)| match arg {
                SynthArg::Written(expr) => ArgInfo {
                    label,
                    expr,
                    ty: self.generate(expr),
                },
                SynthArg::Typed(value) => ArgInfo {
                    label,
                    expr: call.at,
                    ty: self.ty_of(value),
                },
            })
            .collect();
        let callee = self.table.fresh();
        let result = self.table.fresh();
        let kind = match call.how {
            Lookup::Subscript => ApplyKind::Subscript,
            _ => ApplyKind::Call,
        };
        self.add(Constraint::Apply(Rc::new(Apply {
            call: key,
            key,
            callee,
            args,
            trailing: 0,
            result,
            kind,
        })));
        self.add(Constraint::Member {
            key,
            base: call.base,
            name: Name::new(call.name),
            how: call.how,
            result: callee,
        });
        if let Some(want) = call.want {
            let why = Why::Context(Purpose::Other);
            self.require(Rel::Convert, result, want, call.at, why);
        }
        result
    }

    fn already_reported(&self, at: ExprId) -> Box<Failure> {
        Box::new(Failure {
            kind: FailKind::Reported,
            loc: Loc {
                expr: at,
                why: Why::Inner,
            },
        })
    }

    fn finish_member(&mut self, call: &SynthCall<'_>) -> Result<MemberUse, Box<Failure>> {
        let key = ExprId::from_raw(KEY);
        let (Some(matched), Some(resolved)) =
            (self.facts.calls.get(&key).cloned(), self.facts_choice(key))
        else {
            return Err(self.already_reported(call.at));
        };
        let Target::Decl(def) = resolved.choice.target else {
            return Err(self.already_reported(call.at));
        };
        let args = self.known_args(&resolved.args);
        let mut threw = None;
        let mut params = Vec::with_capacity(matched.bound.len());
        for (param, bound) in matched.params.iter().zip(&matched.bound) {
            params.push(match bound {
                Bound::Default => match param.default {
                    Some(def) => self.default_arg(call.at, def, args, param),
                    None => TArg::Value(self.node(TExprKind::Unit, Ty::unit(), call.at)),
                },
                Bound::Arg(i) => self.synth_arg(call, *i, param, &mut threw),
                Bound::Variadic(list) => {
                    let mut elems = Vec::with_capacity(list.len());
                    for &i in list {
                        if let TArg::Value(e) = self.synth_arg(call, i, param, &mut threw) {
                            elems.push(e);
                        }
                    }
                    TArg::Variadic(elems)
                }
            });
        }
        let throws = self.declared_throws(def, &matched, &params, threw);
        if let Some(error) = throws {
            self.note_throw(error, call.at, "call");
        }
        Ok(MemberUse {
            def,
            args,
            params,
            result: self.known(matched.result),
            throws,
        })
    }

    fn synth_arg(
        &mut self,
        call: &SynthCall<'_>,
        index: u32,
        param: &CallParam,
        threw: &mut Option<Ty>,
    ) -> TArg {
        match call.args.get(index as usize) {
            Some((_, SynthArg::Written(expr))) => self.build_arg(*expr, param, threw),
            Some((_, SynthArg::Typed(value))) if param.mode == ParamMode::Inout => {
                TArg::Inout(*value)
            }
            Some((_, SynthArg::Typed(value))) => {
                let ty = self.known(param.ty);
                TArg::Value(self.coerce(*value, ty))
            }
            None => TArg::Value(self.error_expr(call.at, Ty::error())),
        }
    }

    /// A call of a static member or initialiser, as a value; a failure has been reported.
    pub fn synth_static_call(&mut self, call: SynthCall<'_>) -> TExprId {
        match self.use_member(call) {
            Ok(found) => self.declared_call(
                call.at,
                found.def,
                found.args,
                None,
                found.params,
                found.result,
                found.throws,
            ),
            Err(failure) => {
                if !matches!(failure.kind, FailKind::Reported) {
                    self.report(&failure);
                }
                self.error_expr(call.at, Ty::error())
            }
        }
    }
}
