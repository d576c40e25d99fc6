//! Failures in words, at the place where Swift's users expect them.

use crate::base::Name;
use crate::bodies::check::Checker;
use crate::bodies::solver::calls::ArgError;
use crate::bodies::solver::{FailKind, Failure, Purpose, Target, Why};
use crate::items::hir::{Arg, Expr, ExprId};
use crate::items::{Anchor, AnchoredDiagnostic, FixPlace, is_local_function};
use crate::types::display::{describe, display_name};
use crate::types::lang::{LangItem, is_lang, optional_payload};
use crate::types::ty::{Ty, TyKind};

/// For how many names of a body a likely spelling is looked for. One with more unknown names has other problems.
const MAX_SUGGESTIONS: usize = 100;

impl<'db> Checker<'db> {
    /// Reports why a system has no solution.
    pub fn report(&mut self, failure: &Failure) {
        let at = match self.body.exprs.get(failure.loc.expr) {
            Some(_) => failure.loc.expr,
            None => self.root_expr,
        };
        let (code, anchor, message) = self.describe(failure, at);
        if message.is_empty() {
            self.out.has_errors = true;
            return;
        }
        let error = AnchoredDiagnostic::error(code, anchor, message);
        let error = self.corrected(error, failure, at);
        self.out.has_errors = true;
        self.diags.push(error);
    }

    fn describe(&mut self, failure: &Failure, at: ExprId) -> (&'static str, Anchor, String) {
        let whole = Anchor::Expr(self.def, at);
        let point = Anchor::ExprPoint(self.def, at);
        match &failure.kind {
            FailKind::Mismatch(a, b) => {
                let (a, b) = (self.default_literals(*a), *b);
                (
                    "mismatch",
                    whole,
                    self.mismatch(a, b, failure.loc.why, at),
                )
            }
            FailKind::NoConformance(ty, requirement) => {
                let shown = self.show(*ty);
                let protocol = requirement.name(self.db);
                let message = match failure.loc.why {
                    Why::Argument(_) => format!(
                        "argument type '{shown}' does not conform to expected type '{protocol}'"
                    ),
                    Why::Requirement if self.has_written_arguments(at) => {
                        format!("type '{shown}' does not conform to protocol '{protocol}'")
                    }
                    Why::Requirement => {
                        let owner = self.callee_words(at);
                        format!("{owner} requires that '{shown}' conform to '{protocol}'")
                    }
                    Why::OpaqueBound(owner) => {
                        self.opaque_bound_message(owner, *ty, *requirement)
                    }
                    _ => format!("type '{shown}' does not conform to protocol '{protocol}'"),
                };
                ("conformance", whole, message)
            }
            FailKind::NoSuperclass(ty, class) => (
                "superclass",
                whole,
                format!(
                    "{} requires that '{}' inherit from '{}'",
                    self.callee_words(at),
                    self.show(*ty),
                    self.show(*class)
                ),
            ),
            FailKind::NotClass(ty) => (
                "class-bound",
                whole,
                format!(
                    "{} requires that '{}' be a class type",
                    self.callee_words(at),
                    self.show(*ty)
                ),
            ),
            FailKind::NoMember { base, name } => {
                ("unknown-member", point, self.no_such_member(*base, *name))
            }
            FailKind::MemberOfOptional { base, name } => (
                "unwrap",
                whole,
                format!(
                    "value of optional type '{}' must be unwrapped to refer to member '{name}' of wrapped base type '{}'",
                    self.show(*base),
                    optional_payload(self.db, *base).map_or(String::new(), |t| self.show(t))
                ),
            ),
            FailKind::StaticMember {
                base,
                name,
                is_static,
            } => {
                let shown = self.show(*base);
                let message = if *is_static {
                    format!("static member '{name}' cannot be used on instance of type '{shown}'")
                } else {
                    format!("instance member '{name}' cannot be used on type '{shown}'")
                };
                ("static-member", point, message)
            }
            FailKind::Inaccessible { name, def } => {
                let level = match crate::resolve::access::access_of(self.db, *def) {
                    crate::items::tree::Access::Private => "private",
                    crate::items::tree::Access::Fileprivate => "fileprivate",
                    _ => "internal",
                };
                (
                    "inaccessible",
                    point,
                    format!("'{name}' is inaccessible due to '{level}' protection level"),
                )
            }
            FailKind::NotOptional(ty) => (
                "not-optional",
                whole,
                match self.body.exprs[at] {
                    Expr::ForceUnwrap(_) => format!(
                        "cannot force unwrap value of non-optional type '{}'",
                        self.show(*ty)
                    ),
                    _ => format!(
                        "cannot use optional chaining on non-optional value of type '{}'",
                        self.show(*ty)
                    ),
                },
            ),
            FailKind::NotCallable(ty) => (
                "not-callable",
                whole,
                match ty.kind() {
                    TyKind::ProtocolMetatype(t) => {
                        format!("type '{}' cannot be instantiated", self.show(*t))
                    }
                    _ => format!(
                        "cannot call value of non-function type '{}'",
                        self.show(*ty)
                    ),
                },
            ),
            FailKind::Arguments(error) => self.describe_args(error, at),
            FailKind::Operator(types) => {
                let types = types.clone();
                ("operator", point, self.operator_mismatch(at, &types))
            }
            FailKind::NoOverload => {
                let words = self.callee_words(at);
                (
                    "no-overload",
                    whole,
                    format!("no exact matches in call to {words}"),
                )
            }
            FailKind::Ambiguous => {
                let name = self.name_at(at);
                (
                    "ambiguous",
                    whole,
                    match name {
                        Some(name) => format!("ambiguous use of '{name}'"),
                        None => "type of expression is ambiguous without a type annotation".into(),
                    },
                )
            }
            FailKind::NotInferred(name, def) => {
                let _ = def;
                (
                    "not-inferred",
                    whole,
                    format!("generic parameter '{name}' could not be inferred"),
                )
            }
            FailKind::NeedsContext => (
                "needs-context",
                whole,
                match self.body.exprs[at] {
                    Expr::Member { name, .. } => format!(
                        "cannot infer contextual base in reference to member '{name}'"
                    ),
                    Expr::KeyPath { .. } => {
                        "cannot infer key path type from context; consider explicitly specifying a root type".into()
                    }
                    _ => "type of expression is ambiguous without a type annotation".into(),
                },
            ),
            FailKind::EmptyCollection => (
                "empty-collection",
                whole,
                "empty collection literal requires an explicit type".into(),
            ),
            FailKind::NilNeedsContext => (
                "nil-context",
                whole,
                "'nil' requires a contextual type".into(),
            ),
            FailKind::ClosureArity {
                ty,
                expected,
                given,
            } => {
                let plural = if *expected == 1 { "" } else { "s" };
                let ty = self.show(*ty);
                (
                    "closure-arity",
                    whole,
                    if *given == 0 {
                        format!("contextual type for closure argument expects {expected} argument{plural}, which cannot be implicitly ignored")
                    } else {
                        let was = if *given == 1 { "was" } else { "were" };
                        format!("contextual closure type '{ty}' expects {expected} argument{plural}, but {given} {was} used in closure body")
                    },
                )
            }
            FailKind::ClosureParameter => {
                let name = match &self.body.exprs[at] {
                    Expr::Closure(c) => c
                        .params
                        .as_ref()
                        .and_then(|p| p.iter().find(|p| p.ty.is_none()).map(|p| p.local))
                        .or_else(|| c.anonymous.first().copied())
                        .map(|l| self.body.locals[l].name),
                    _ => None,
                };
                (
                    "closure-parameter",
                    whole,
                    match name {
                        Some(name) => format!("cannot infer type of closure parameter '{name}' without a type annotation"),
                        None => "unable to infer closure type without a type annotation".into(),
                    },
                )
            }
            FailKind::LiteralType(ty) => (
                "literal",
                whole,
                format!(
                    "cannot convert value of literal type to expected type '{}'",
                    self.show(*ty)
                ),
            ),
            FailKind::TooComplex => (
                "too-complex",
                whole,
                "the compiler is unable to type-check this expression in reasonable time; try breaking up the expression into distinct sub-expressions".into(),
            ),
            FailKind::Reported => ("reported", whole, String::new()),
        }
    }

    /// A type for a message: literals as their default types.
    fn default_literals(&self, ty: Ty) -> Ty {
        let ty = self.table.resolve(ty);
        ty.map(&mut |t| match t.kind() {
            TyKind::Infer(var) => Some(
                self.table
                    .as_var(t)
                    .and_then(|v| self.default_type(self.table.literals(v)))
                    .unwrap_or_else(|| {
                        let _ = var;
                        Ty::error()
                    }),
            ),
            _ => None,
        })
    }

    fn mismatch(&mut self, a: Ty, b: Ty, why: Why, at: ExprId) -> String {
        let (x, y) = (self.show(a), self.show(b));
        if let Expr::Nil = self.body.exprs[at] {
            return format!("'nil' is not compatible with expected type '{y}'");
        }
        if let TyKind::Inout(place) = b.kind()
            && !matches!(a.kind(), TyKind::Inout(_))
        {
            let shown = self.show(*place);
            return format!(
                "passing value of type '{shown}' to an inout parameter requires explicit '&'"
            );
        }
        if let TyKind::Inout(_) = a.kind() {
            return "use of extraneous '&'".to_string();
        }
        if let (Some(f), Some(g)) = (a.as_function(), b.as_function())
            && f.throws.is_some()
            && g.throws.is_none()
        {
            return format!(
                "invalid conversion from throwing function of type '{x}' to non-throwing function type '{y}'"
            );
        }
        if let Some(payload) = optional_payload(self.db, a)
            && payload == b
        {
            return format!(
                "value of optional type '{x}' must be unwrapped to a value of type '{y}'"
            );
        }
        match why {
            Why::Argument(_) => {
                format!("cannot convert value of type '{x}' to expected argument type '{y}'")
            }
            Why::Context(Purpose::Initial | Purpose::Pattern | Purpose::Other) => {
                format!("cannot convert value of type '{x}' to specified type '{y}'")
            }
            Why::Context(Purpose::Assign) => {
                format!("cannot assign value of type '{x}' to type '{y}'")
            }
            Why::Context(Purpose::Return | Purpose::ImplicitReturn) => {
                format!("cannot convert return expression of type '{x}' to return type '{y}'")
            }
            Why::Context(Purpose::Condition) => {
                if optional_payload(self.db, a).is_some() {
                    return format!(
                        "optional type '{x}' cannot be used as a boolean; test for '!= nil' instead"
                    );
                }
                format!("cannot convert value of type '{x}' to expected condition type '{y}'")
            }
            Why::Context(Purpose::Coerce) => {
                format!("cannot convert value of type '{x}' to type '{y}' in coercion")
            }
            Why::Context(Purpose::Throw) => {
                if is_lang(self.db, b, LangItem::Error) || b.is_existential() {
                    format!("thrown expression type '{x}' does not conform to 'Error'")
                } else {
                    format!("thrown expression type '{x}' cannot be converted to error type '{y}'")
                }
            }
            Why::Context(Purpose::ClosureResult) | Why::ClosureValue => {
                format!("cannot convert value of type '{x}' to closure result type '{y}'")
            }
            Why::SequenceElement => {
                format!("cannot convert sequence element type '{x}' to expected type '{y}'")
            }
            Why::Element => {
                format!("cannot convert value of type '{x}' to expected element type '{y}'")
            }
            _ => format!("cannot convert value of type '{x}' to expected type '{y}'"),
        }
    }

    fn no_such_member(&mut self, base: Ty, name: Name) -> String {
        let (what, ty) = match base.kind() {
            TyKind::Metatype(t) | TyKind::ProtocolMetatype(t) => ("type", *t),
            _ => ("value of type", base),
        };
        let shown = self.show(ty);
        if name == "init" {
            return format!(
                "'{shown}' cannot be constructed because it has no accessible initializers"
            );
        }
        if name == "subscript" {
            return format!("value of type '{shown}' has no subscripts");
        }
        if let TyKind::Metatype(_) = base.kind()
            && optional_payload(self.db, ty).is_none()
        {
            return format!("{what} '{shown}' has no member '{name}'");
        }
        format!("{what} '{shown}' has no member '{name}'")
    }

    /// The name that an expression refers to, for messages.
    fn name_at(&self, at: ExprId) -> Option<Name> {
        match &self.body.exprs[at] {
            Expr::Name { name, .. } | Expr::Member { name, .. } | Expr::Operator(name) => {
                Some(*name)
            }
            Expr::Binary { op, .. } | Expr::Prefix { op, .. } | Expr::Postfix { op, .. } => {
                Some(*op)
            }
            Expr::Call { callee, .. } => self.name_at(*callee),
            Expr::Subscript { .. } => Some(Name::new("subscript")),
            _ => None,
        }
    }

    /// What is called or named at an expression.
    fn callee_words(&self, at: ExprId) -> String {
        let callee = match &self.body.exprs[at] {
            Expr::Binary { op, .. } | Expr::Prefix { op, .. } | Expr::Postfix { op, .. } => {
                return format!("operator function '{op}'");
            }
            Expr::Call { callee, .. } => *callee,
            _ => at,
        };
        let chosen = |expr| self.facts.choices.get(&expr).map(|r| r.choice.target);
        let def = match chosen(at).or_else(|| chosen(callee)) {
            Some(Target::Decl(def)) => Some(def),
            Some(Target::Type(_)) if callee != at => return "initializer".to_string(),
            Some(Target::Type(ty)) => ty.nominal_def(),
            Some(Target::LocalFn(index)) => self.local_fn(index),
            _ => None,
        };
        match (def, self.name_at(at)) {
            (Some(def), _) => {
                let name = display_name(self.db, def);
                let kind = match describe(self.db, def) {
                    kind @ ("struct" | "enum" | "class" | "actor") => &format!("generic {kind}"),
                    "global function" if is_local_function(self.db, def) => "local function",
                    kind => kind,
                };
                format!("{kind} '{name}'")
            }
            (None, _) if matches!(self.body.exprs[at], Expr::Subscript { .. }) => {
                "subscript".to_string()
            }
            (None, Some(name)) => format!("'{name}'"),
            (None, None) => "this expression".to_string(),
        }
    }

    /// Whether an expression names a type with written generic arguments.
    fn has_written_arguments(&self, at: ExprId) -> bool {
        let args = match &self.body.exprs[at] {
            Expr::Name { args, .. } | Expr::Member { args, .. } => args,
            _ => return false,
        };
        let target = self.facts.choices.get(&at).map(|r| r.choice.target);
        !args.is_empty() && matches!(target, Some(Target::Type(_)))
    }

    fn describe_args(&mut self, error: &ArgError, at: ExprId) -> (&'static str, Anchor, String) {
        let whole = Anchor::Expr(self.def, at);
        let args: Vec<Arg> = match &self.body.exprs[at] {
            Expr::Call { args, .. } | Expr::Subscript { args, .. } => args.clone(),
            _ => Vec::new(),
        };
        let label = |l: &Option<Name>| match l {
            Some(l) => format!("{l}:"),
            None => "_:".to_string(),
        };
        match error {
            ArgError::Missing { label, index, .. } => {
                let anchor = match args.last() {
                    Some(last) if *index > 0 => Anchor::ExprEnd(self.def, last.expr),
                    _ => whole,
                };
                let what = match label {
                    Some(label) => format!("'{label}'"),
                    None => format!("#{}", index + 1),
                };
                (
                    "missing-argument",
                    anchor,
                    format!("missing argument for parameter {what} in call"),
                )
            }
            ArgError::Extra { arg } => {
                let anchor = match args.get(*arg as usize) {
                    Some(a) => Anchor::Expr(self.def, a.expr),
                    None => whole,
                };
                let message = match args.len() {
                    1 => "argument passed to call that takes no arguments".to_string(),
                    _ => match args.get(*arg as usize).and_then(|a| a.label) {
                        Some(l) => format!("extra argument '{l}' in call"),
                        None => "extra argument in call".to_string(),
                    },
                };
                ("extra-argument", anchor, message)
            }
            ArgError::NoTrailing { arg } => {
                let anchor = match args.get(*arg as usize) {
                    Some(a) => Anchor::Expr(self.def, a.expr),
                    None => whole,
                };
                (
                    "extra-argument",
                    anchor,
                    "extra trailing closure passed in call".to_string(),
                )
            }
            ArgError::Order { arg, before } => {
                let name = |i: u32| match args.get(i as usize).and_then(|a| a.label) {
                    Some(l) => format!("'{l}'"),
                    None => "unnamed argument".to_string() + &format!(" #{}", i + 1),
                };
                let anchor = match args.get(*arg as usize) {
                    Some(a) => Anchor::Expr(self.def, a.expr),
                    None => whole,
                };
                (
                    "argument-order",
                    anchor,
                    format!(
                        "argument {} must precede argument {}",
                        name(*arg),
                        name(*before)
                    ),
                )
            }
            ArgError::Labels { have, expected } => {
                if have.len() == expected.len() {
                    let wrong: Vec<usize> = (0..have.len())
                        .filter(|&i| have[i] != expected[i])
                        .collect();
                    if let [one] = &*wrong {
                        match (have[*one], expected[*one]) {
                            (None, Some(l)) => {
                                return (
                                    "argument-labels",
                                    whole,
                                    format!("missing argument label '{l}:' in call"),
                                );
                            }
                            (Some(l), None) => {
                                return (
                                    "argument-labels",
                                    whole,
                                    format!("extraneous argument label '{l}:' in call"),
                                );
                            }
                            _ => {}
                        }
                    }
                }
                let have: String = have.iter().map(label).collect();
                let expected: String = expected.iter().map(label).collect();
                let plural = if have.matches(':').count() == 1 {
                    ""
                } else {
                    "s"
                };
                (
                    "argument-labels",
                    whole,
                    format!(
                        "incorrect argument label{plural} in call (have '{have}', expected '{expected}')"
                    ),
                )
            }
        }
    }

    fn operator_mismatch(&mut self, at: ExprId, types: &[Ty]) -> String {
        let shown = |this: &mut Self, n: usize| {
            let ty = match types.get(n) {
                Some(&ty) => this.default_literals(ty),
                None => Ty::error(),
            };
            if ty.is_error() {
                "_".to_string()
            } else {
                this.show(ty)
            }
        };
        match &self.body.exprs[at] {
            Expr::Binary { op, .. } => {
                let op = *op;
                let (a, b) = (shown(self, 0), shown(self, 1));
                // One operand only has to be unwrapped where the other is what it holds, or a literal.
                let have = |n: usize| types.get(n).map(|&ty| self.table.resolve(ty));
                let (x, y) = (have(0), have(1));
                let holds = |optional: Option<Ty>, other: Option<Ty>| {
                    let payload = optional_payload(self.db, optional?)?;
                    let fits = other.is_none_or(|t| t == payload || t.has_infer() || t.is_error());
                    fits.then(|| (self.show(optional.unwrap_or(payload)), self.show(payload)))
                };
                if let Some((optional, payload)) = holds(x, y).or_else(|| holds(y, x)) {
                    return format!(
                        "value of optional type '{optional}' must be unwrapped to a value of type '{payload}'"
                    );
                }
                if a == b {
                    format!("binary operator '{op}' cannot be applied to two '{a}' operands")
                } else {
                    format!(
                        "binary operator '{op}' cannot be applied to operands of type '{a}' and '{b}'"
                    )
                }
            }
            Expr::Prefix { op, .. } | Expr::Postfix { op, .. } => {
                let op = *op;
                let a = shown(self, 0);
                format!("unary operator '{op}' cannot be applied to an operand of type '{a}'")
            }
            _ => "operator cannot be applied to these operands".to_string(),
        }
    }

    /// The name in scope that is most like an unknown one.
    fn suggestion(&mut self, name: Name) -> Option<Name> {
        if let Some(&known) = self.suggestions.get(&name) {
            return known;
        }
        if self.suggestions.len() >= MAX_SUGGESTIONS {
            return None;
        }
        let found = crate::resolve::suggest(self.db, self.env, name);
        self.suggestions.insert(name, found);
        found
    }

    /// A name that nothing in scope has.
    pub fn unknown_name(&mut self, expr: ExprId, name: Name) {
        let text = name.as_str();
        let at = Anchor::Expr(self.def, expr);
        let error = |message: String| AnchoredDiagnostic::error("unresolved-name", at, message);
        let labels = self.written_labels(expr).map(|labels| {
            let label = |label: &Option<Name>| format!("{}:", label.map_or("_", Name::as_str));
            format!("({})", labels.iter().map(label).collect::<String>())
        });
        let unknown = format!(
            "cannot find '{name}{}' in scope",
            labels.unwrap_or_default()
        );
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let error = if text.strip_prefix('$').is_some_and(digits) {
            error("anonymous closure argument not contained in a closure".to_owned())
        } else if text == "self" {
            error(format!("{unknown}; Codira spells it 'this'")).fix(
                at,
                FixPlace::Replace,
                "this".to_owned(),
            )
        } else {
            match self.suggestion(name) {
                Some(similar) if similar != name => error(format!(
                    "{unknown}; did you mean '{similar}'?"
                ))
                .fix(at, FixPlace::Replace, similar.to_string()),
                _ => error(unknown),
            }
        };
        self.out.has_errors = true;
        self.diags.push(error);
    }
}
