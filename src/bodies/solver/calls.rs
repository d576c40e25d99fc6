//! Arguments to parameters: labels, defaults, variadic parameters, trailing closures; then their types.

use std::rc::Rc;

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::items::hir::{Expr, ExprId};
use crate::types::lang::optional_payload;
use crate::types::ty::{FnTy, ParamMode, Ty, TyKind};

use super::members::CallParam;
use super::{Apply, ApplyKind, ArgInfo, Constraint, FailKind, Failure, Loc, Mode, Rel, Step, Why};

/// How a call's arguments meet the parameters.
#[derive(Clone, Debug)]
pub struct CallMatch {
    /// One for each parameter.
    pub bound: Vec<Bound>,
    pub params: Rc<[CallParam]>,
    pub result: Ty,
    pub throws: Option<Ty>,
    /// The call is `T(literal)`: the literal itself, as a `T`.
    pub literal: bool,
}

/// What a parameter gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bound {
    Arg(u32),
    Variadic(Vec<u32>),
    Default,
}

/// Why arguments do not fit parameters, before types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ArgError {
    Missing {
        label: Option<Name>,
        index: u32,
        ty: Ty,
    },
    Extra {
        arg: u32,
    },
    Labels {
        have: Vec<Option<Name>>,
        expected: Vec<Option<Name>>,
    },
    Order {
        arg: u32,
        before: u32,
    },
    NoTrailing {
        arg: u32,
    },
}

/// What matching needs to know of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub label: Option<Name>,
    pub has_default: bool,
    pub variadic: bool,
    /// A closure may be passed.
    pub takes_closure: bool,
    pub ty: Ty,
}

/// Matches labels; see [`Bound`].
pub fn match_args(
    slots: &[Slot],
    labels: &[Option<Name>],
    trailing: usize,
) -> Result<Vec<Bound>, ArgError> {
    let mut bound: Vec<Option<Bound>> = vec![None; slots.len()];
    let regular = labels.len() - trailing.min(labels.len());
    let expected = || slots.iter().map(|s| s.label).collect::<Vec<_>>();
    let mut next = 0;
    let mut arg = 0;
    while arg < regular {
        let label = labels[arg];
        // Further elements of the variadic parameter before.
        if label.is_none()
            && next > 0
            && slots[next - 1].variadic
            && let Some(Bound::Variadic(args)) = &mut bound[next - 1]
        {
            args.push(arg as u32);
            arg += 1;
            continue;
        }
        let mut p = next;
        while p < slots.len()
            && slots[p].label != label
            && (slots[p].has_default || slots[p].variadic)
        {
            p += 1;
        }
        if p >= slots.len() || slots[p].label != label {
            return Err(label_error(
                slots,
                labels,
                regular,
                trailing,
                next,
                arg,
                &bound,
                expected(),
            ));
        }
        bound[p] = Some(if slots[p].variadic {
            Bound::Variadic(vec![arg as u32])
        } else {
            Bound::Arg(arg as u32)
        });
        next = p + 1;
        arg += 1;
    }
    // The first trailing closure has no label: it goes to the next parameter that can take it.
    let mut rest = regular;
    while rest < labels.len() {
        let label = labels[rest];
        let first = rest == regular;
        let mut p = next;
        if first {
            while p < slots.len() && !slots[p].takes_closure {
                if !(slots[p].has_default || slots[p].variadic) {
                    return Err(ArgError::Missing {
                        label: slots[p].label,
                        index: p as u32,
                        ty: slots[p].ty,
                    });
                }
                p += 1;
            }
            // An optional closure gives way to a later parameter that must have one.
            if labels.len() - regular == 1
                && p < slots.len()
                && slots[p].has_default
                && let Some(later) =
                    (p + 1..slots.len()).find(|&q| !(slots[q].has_default || slots[q].variadic))
                && slots[later].takes_closure
            {
                p = later;
            }
        } else {
            while p < slots.len()
                && slots[p].label != label
                && (slots[p].has_default || slots[p].variadic)
            {
                p += 1;
            }
            if p < slots.len() && slots[p].label != label {
                p = slots.len();
            }
        }
        if p >= slots.len() {
            return Err(ArgError::NoTrailing { arg: rest as u32 });
        }
        bound[p] = Some(if slots[p].variadic {
            Bound::Variadic(vec![rest as u32])
        } else {
            Bound::Arg(rest as u32)
        });
        next = p + 1;
        rest += 1;
    }
    let mut out = Vec::with_capacity(slots.len());
    for (i, (slot, bound)) in slots.iter().zip(bound).enumerate() {
        out.push(match bound {
            Some(bound) => bound,
            None if slot.variadic => Bound::Variadic(Vec::new()),
            None if slot.has_default => Bound::Default,
            None => {
                return Err(ArgError::Missing {
                    label: slot.label,
                    index: i as u32,
                    ty: slot.ty,
                });
            }
        });
    }
    Ok(out)
}

#[allow(clippy::too_many_arguments)]
fn label_error(
    slots: &[Slot],
    labels: &[Option<Name>],
    regular: usize,
    trailing: usize,
    next: usize,
    arg: usize,
    bound: &[Option<Bound>],
    expected: Vec<Option<Name>>,
) -> ArgError {
    let label = labels[arg];
    // The label exists, but earlier: the arguments are in the wrong order.
    if label.is_some()
        && let Some(p) = slots[..next].iter().position(|s| s.label == label)
        && bound[p].is_none()
    {
        let before = bound[p + 1..]
            .iter()
            .find_map(|b| match b {
                Some(Bound::Arg(a)) => Some(*a),
                _ => None,
            })
            .unwrap_or(0);
        return ArgError::Order {
            arg: arg as u32,
            before,
        };
    }
    let missing = (next..slots.len()).find(|&p| !slots[p].has_default && !slots[p].variadic);
    let required = slots
        .iter()
        .filter(|s| !s.has_default && !s.variadic)
        .count();
    if let Some(p) = missing {
        let later = label.is_some() && slots[p + 1..].iter().any(|s| s.label == label);
        let earlier =
            slots[p].label.is_some() && labels[arg + 1..regular].contains(&slots[p].label);
        if later && earlier {
            let first = labels[..regular].iter().position(|l| *l == slots[p].label);
            return ArgError::Order {
                arg: first.unwrap_or(arg) as u32,
                before: arg as u32,
            };
        }
        if later || labels.len() < required {
            return ArgError::Missing {
                label: slots[p].label,
                index: p as u32,
                ty: slots[p].ty,
            };
        }
    }
    if missing.is_none() && (next >= slots.len() || regular + trailing > slots.len()) {
        return ArgError::Extra { arg: arg as u32 };
    }
    ArgError::Labels {
        have: labels[..regular].to_vec(),
        expected,
    }
}

impl<'db> Checker<'db> {
    /// Whether a closure can be passed for a parameter of the type.
    pub fn takes_closure(&self, ty: Ty) -> bool {
        let ty = self.table.shallow(ty);
        match ty.kind() {
            TyKind::Function(_) | TyKind::Param { .. } | TyKind::Infer(_) | TyKind::Error => true,
            TyKind::Nominal { .. } => {
                optional_payload(self.db, ty).is_some_and(|t| self.takes_closure(t))
            }
            TyKind::Existential(_) => ty.is_any(),
            _ => false,
        }
    }

    pub fn slots(&self, params: &[CallParam]) -> Vec<Slot> {
        params
            .iter()
            .map(|p| Slot {
                label: p.label,
                has_default: p.default.is_some(),
                variadic: p.variadic,
                takes_closure: self.takes_closure(p.ty),
                ty: p.ty,
            })
            .collect()
    }

    /// The parameters that a call of this kind sees: operators have no labels.
    fn call_params(&self, apply: &Apply, f: &FnTy) -> Rc<[CallParam]> {
        let declared = self
            .facts
            .choices
            .get(&apply.key)
            .and_then(|r| r.params.clone());
        match declared {
            Some(params) if apply.kind == ApplyKind::Operator => params
                .iter()
                .map(|p| CallParam {
                    label: None,
                    ..p.clone()
                })
                .collect(),
            Some(params) => params,
            None => f
                .params
                .iter()
                .map(|p| CallParam {
                    label: None,
                    name: Name::new(""),
                    ty: p.ty,
                    mode: p.mode,
                    variadic: p.variadic,
                    autoclosure: p.autoclosure,
                    default: None,
                    builder: None,
                })
                .collect(),
        }
    }

    pub fn apply_function(&mut self, apply: &Rc<Apply>, f: &'static FnTy) -> Step {
        let loc = Loc {
            expr: apply.call,
            why: Why::Inner,
        };
        let params = self.call_params(apply, f);
        let slots = self.slots(&params);
        let mut labels: Vec<Option<Name>> = apply.args.iter().map(|a| a.label).collect();
        let by_value = self
            .facts
            .choices
            .get(&apply.key)
            .is_none_or(|r| r.params.is_none());
        let mut matched = match_args(&slots, &labels, apply.trailing as usize);
        if matched.is_err() && by_value && labels.iter().any(Option::is_some) {
            // A function value has no labels; say so rather than that arguments are missing.
            let have = labels.clone();
            labels.fill(None);
            if match_args(&slots, &labels, apply.trailing as usize).is_ok() {
                matched = Err(ArgError::Labels {
                    expected: vec![None; have.len()],
                    have,
                });
            }
        }
        let bound = match matched {
            Ok(bound) => bound,
            // One parameter that is a tuple takes several arguments only as a closure's; Void parameters may be left out.
            Err(ArgError::Missing { ty, .. })
                if slots.len() == 1
                    && apply.args.is_empty()
                    && self.table.shallow(ty).is_unit()
                    && by_value =>
            {
                vec![Bound::Default]
            }
            Err(error) => {
                if self.cs.mode == Mode::Diagnose {
                    if self.cs.failure.is_none() {
                        self.cs.failure = Some(Failure {
                            kind: FailKind::Arguments(error),
                            loc,
                        });
                    }
                    self.recover_args(apply);
                    return self.relate_sub(Rel::Equal, f.result, apply.result, loc);
                }
                return super::fail(FailKind::Arguments(error), loc);
            }
        };
        for (param, bound) in params.iter().zip(&bound) {
            match bound {
                Bound::Default => {}
                Bound::Arg(i) => self.pass(apply, *i, param),
                Bound::Variadic(args) => {
                    for i in args {
                        self.pass(apply, *i, param);
                    }
                }
            }
        }
        self.facts.calls.insert(
            apply.call,
            Rc::new(CallMatch {
                bound,
                params,
                result: f.result,
                throws: f.throws,
                literal: false,
            }),
        );
        self.relate_sub(Rel::Equal, f.result, apply.result, loc)
    }

    /// Demands that an argument converts to its parameter.
    fn pass(&mut self, apply: &Apply, index: u32, param: &CallParam) {
        let Some(arg) = apply.args.get(index as usize) else {
            return;
        };
        let loc = Loc {
            expr: arg.expr,
            why: Why::Argument(index),
        };
        if let Some(builder) = param.builder {
            self.note_builder(arg.expr, builder);
        }
        let (rel, expected) = self.expected(apply, arg, param);
        self.cs.add(Constraint::Relate {
            rel,
            a: arg.ty,
            b: expected,
            loc,
        });
    }

    /// What an argument must convert to for a parameter.
    pub fn expected(&self, apply: &Apply, arg: &ArgInfo, param: &CallParam) -> (Rel, Ty) {
        if param.mode == ParamMode::Inout {
            if apply.kind == ApplyKind::Operator && !self.is_inout_expr(arg.expr) {
                return (Rel::Equal, param.ty);
            }
            return (Rel::Argument, Ty::new(TyKind::Inout(param.ty)));
        }
        if param.autoclosure
            && let Some(f) = self.table.shallow(param.ty).as_function()
        {
            return (Rel::Convert, f.result);
        }
        match apply.kind {
            ApplyKind::Operator => (Rel::Operand, param.ty),
            _ => (Rel::Argument, param.ty),
        }
    }

    pub fn is_inout_expr(&self, expr: ExprId) -> bool {
        matches!(self.body.exprs[expr], Expr::Inout(_))
    }
}
