//! Walking typed bodies: the direct parts of statements, expressions and patterns.

use crate::bodies::thir::*;

/// One part of a node, in evaluation order.
pub(super) enum Part<'a> {
    Expr(TExprId),
    Pat(TPatId),
    Block(&'a TBlock),
    Stmt(&'a TStmt),
    /// The node declares this local.
    Declares(TLocalId),
}

type Visitor<'v, 'a> = &'v mut dyn FnMut(Part<'a>);

/// The parts of a statement, without what local functions and accessors contain.
pub(super) fn stmt_parts<'a>(stmt: &'a TStmt, f: Visitor<'_, 'a>) {
    match stmt {
        TStmt::Expr(e) | TStmt::Throw(e) | TStmt::Yield(e) | TStmt::Then(e) => f(Part::Expr(*e)),
        TStmt::Let { pat, init, els } => {
            init.iter().for_each(|&e| f(Part::Expr(e)));
            f(Part::Pat(*pat));
            els.iter().for_each(|b| f(Part::Block(b)));
        }
        TStmt::LazyLet { init, .. } => f(Part::Expr(*init)),
        TStmt::Guard {
            conditions, els, ..
        } => {
            conditions_parts(conditions, f);
            f(Part::Block(els));
        }
        TStmt::While {
            conditions, body, ..
        } => {
            conditions_parts(conditions, f);
            f(Part::Block(body));
        }
        TStmt::RepeatWhile { body, cond, .. } => {
            f(Part::Block(body));
            f(Part::Expr(*cond));
        }
        TStmt::For(t) => {
            f(Part::Expr(t.iterator));
            f(Part::Expr(t.next));
            f(Part::Pat(t.pat));
            t.filter.iter().for_each(|&e| f(Part::Expr(e)));
            f(Part::Block(&t.body));
        }
        TStmt::Return(e) => e.iter().for_each(|&e| f(Part::Expr(e))),
        TStmt::Defer(b) => f(Part::Block(b)),
        TStmt::LocalFn { .. }
        | TStmt::LocalAccessors { .. }
        | TStmt::InitGlobal { .. }
        | TStmt::Break(_)
        | TStmt::Continue(_)
        | TStmt::Fallthrough
        | TStmt::DiscardThis => {}
    }
}

fn conditions_parts<'a>(conditions: &'a [TCondition], f: Visitor<'_, 'a>) {
    for condition in conditions {
        match condition {
            TCondition::Bool(e) => f(Part::Expr(*e)),
            TCondition::Pattern { pat, init } => {
                f(Part::Expr(*init));
                f(Part::Pat(*pat));
            }
            TCondition::Known(_) => {}
        }
    }
}

/// The parts of a pattern.
pub(super) fn pat_parts<'a>(pat: &'a TPat, f: Visitor<'_, 'a>) {
    match &pat.kind {
        TPatKind::Wild | TPatKind::BindGlobal(_) | TPatKind::Is(_) => {}
        TPatKind::Bind(local) => f(Part::Declares(*local)),
        TPatKind::Tuple(pats) => pats.iter().for_each(|&p| f(Part::Pat(p))),
        TPatKind::Case { payload, .. } => payload.iter().flatten().for_each(|&p| f(Part::Pat(p))),
        TPatKind::Expr { value, test } => {
            f(Part::Declares(*value));
            f(Part::Expr(*test));
        }
        TPatKind::As(_, p) => f(Part::Pat(*p)),
        TPatKind::Convert {
            value,
            convert,
            pat,
        } => {
            f(Part::Declares(*value));
            f(Part::Expr(*convert));
            f(Part::Pat(*pat));
        }
    }
}

/// The parts of an argument.
pub(super) fn arg_parts<'a>(arg: &'a TArg, f: Visitor<'_, 'a>) {
    match arg {
        TArg::Value(e) | TArg::Inout(e) => f(Part::Expr(*e)),
        TArg::Default { .. } => {}
        TArg::Variadic(list) => list.iter().for_each(|&e| f(Part::Expr(e))),
    }
}

fn cases_parts<'a>(cases: &'a [TCase], f: Visitor<'_, 'a>) {
    for case in cases {
        for (pat, guard) in &case.items {
            f(Part::Pat(*pat));
            guard.iter().for_each(|&e| f(Part::Expr(e)));
        }
        f(Part::Block(&case.body));
    }
}

/// The parts of an expression, without what closures contain.
pub(super) fn expr_parts<'a>(expr: &'a TExpr, f: Visitor<'_, 'a>) {
    use TExprKind as K;
    match &expr.kind {
        K::Error
        | K::Int(_)
        | K::Float(_)
        | K::Bool(_)
        | K::String(_)
        | K::Scalar(_)
        | K::Character(_)
        | K::Magic(_)
        | K::Unit
        | K::Local(_)
        | K::Static { .. }
        | K::Closure(_)
        | K::Metatype(_)
        | K::NilOptional => {}
        K::Property { base, .. } | K::TupleElem { base, .. } | K::ForceUnwrap { base, .. } => {
            f(Part::Expr(*base))
        }
        K::Subscript { base, indices, .. } => {
            f(Part::Expr(*base));
            indices.iter().for_each(|a| arg_parts(a, f));
        }
        K::ChainLink(e)
        | K::Chain { expr: e, .. }
        | K::DynamicType(e)
        | K::DiscardAssign(e)
        | K::TryOptional { expr: e, .. }
        | K::TryForced(e)
        | K::Await(e)
        | K::Cast { expr: e, .. }
        | K::InoutToPointer(e)
        | K::Consume(e)
        | K::CopyOf(e) => f(Part::Expr(*e)),
        K::KeyPathAccess { base, key_path } => {
            f(Part::Expr(*base));
            f(Part::Expr(*key_path));
        }
        K::Call(call) => {
            call.this.iter().for_each(|&e| f(Part::Expr(e)));
            call.params.iter().for_each(|a| arg_parts(a, f));
        }
        K::CallValue { callee, args, .. } => {
            f(Part::Expr(*callee));
            args.iter().for_each(|a| arg_parts(a, f));
        }
        K::FunctionValue { this, .. } => this.iter().for_each(|&e| f(Part::Expr(e))),
        K::Tuple(list) | K::Array { elems: list, .. } => {
            list.iter().for_each(|&e| f(Part::Expr(e)))
        }
        K::Dictionary { elems, .. } => {
            for (k, v) in elems {
                f(Part::Expr(*k));
                f(Part::Expr(*v));
            }
        }
        K::Assign { lhs, rhs } => {
            f(Part::Expr(*lhs));
            f(Part::Expr(*rhs));
        }
        K::Ternary { cond, then, els } => {
            f(Part::Expr(*cond));
            f(Part::Expr(*then));
            f(Part::Expr(*els));
        }
        K::If(t) => {
            conditions_parts(&t.conditions, f);
            f(Part::Block(&t.then));
            t.els.iter().for_each(|b| f(Part::Block(b)));
        }
        K::Switch(t) => {
            f(Part::Expr(t.subject));
            cases_parts(&t.cases, f);
        }
        K::Do(t) => {
            f(Part::Block(&t.body));
            t.error_local.iter().for_each(|&l| f(Part::Declares(l)));
            cases_parts(&t.catches, f);
        }
        K::Block { stmts, value } => {
            stmts.iter().for_each(|s| f(Part::Stmt(s)));
            f(Part::Expr(*value));
        }
        K::Convert { kind, expr } => {
            f(Part::Expr(*expr));
            match kind {
                Conversion::OptionalToOptional { payload, convert } => {
                    f(Part::Declares(*payload));
                    f(Part::Expr(*convert));
                }
                Conversion::Tuple(parts) => {
                    for (local, convert) in parts {
                        f(Part::Declares(*local));
                        f(Part::Expr(*convert));
                    }
                }
                Conversion::Function(c) => {
                    c.params.iter().for_each(|&l| f(Part::Declares(l)));
                    f(Part::Declares(c.result));
                    c.args.iter().for_each(|&e| f(Part::Expr(e)));
                    f(Part::Expr(c.convert));
                }
                Conversion::Collection { elem: l, convert }
                | Conversion::Dictionary { pair: l, convert } => {
                    f(Part::Declares(*l));
                    f(Part::Expr(*convert));
                }
                _ => {}
            }
        }
        K::KeyPath { components, .. } => {
            for component in components {
                if let TKeyPathComponent::Subscript { indices, .. } = component {
                    indices.iter().for_each(|a| arg_parts(a, f));
                }
            }
        }
        K::LetIn { local, init, body } => {
            f(Part::Expr(*init));
            f(Part::Declares(*local));
            f(Part::Expr(*body));
        }
    }
}

/// Visits every statement in a block, also inside expressions, but not inside closures.
pub(super) fn each_stmt<'a>(body: &'a TypedBody, block: &'a TBlock, f: &mut dyn FnMut(&'a TStmt)) {
    let mut stack: Vec<Part<'a>> = vec![Part::Block(block)];
    while let Some(part) = stack.pop() {
        match part {
            Part::Block(b) => stack.extend(b.stmts.iter().map(Part::Stmt)),
            Part::Stmt(s) => {
                f(s);
                stmt_parts(s, &mut |p| stack.push(p));
            }
            Part::Expr(e) => {
                if let Some(expr) = body.exprs.get(e) {
                    expr_parts(expr, &mut |p| stack.push(p));
                }
            }
            Part::Pat(p) => {
                if let Some(pat) = body.pats.get(p) {
                    pat_parts(pat, &mut |p| stack.push(p));
                }
            }
            Part::Declares(_) => {}
        }
    }
}
