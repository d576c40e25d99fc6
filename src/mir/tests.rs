//! Checks of lowering on typed bodies made by hand over real declarations.

use super::facts::Facts;
use super::{FlowKind, FnId, FnKind, Mir, MirError, build_from, captures_in, dump, opt, verify};
use crate::base::{Idx, Name};
use crate::bodies::thir::*;
use crate::db::{CompilationUnit, RootDatabase, SourceFile, Workspace};
use crate::items::hir::ExprId;
use crate::items::ids::{DefId, DefKind};
use crate::session::TrackedOptions;
use crate::types::lang;
use crate::types::ty::{FnParam, FnRepr, FnTy, ParamMode, Ty, TyList};
use expect_test::{Expect, expect};
use std::sync::Arc;

const PROGRAM: &str = "
class T { init(); fn touch() -> T; final var count: Int; weak var peer: T? }
struct Pair { var a: T; var b: T; init(_ x: T) {} }
struct Bad: Error {}
class Base { var x: T; init?(_ t: T) {} }
final class Derived: Base { var y: T; init(d: T) {} }
enum Shape { case empty, one(T), two(T, T) }
fn make() -> T
fn maybe() -> T?
fn may() throws -> T
fn sink(_ t: T)
fn test() -> Bool
fn run(_ f: () -> ())
fn keep(_ f: @escaping () -> ())
fn shape() -> Shape
fn body() {}
fn answer() -> T {}
fn taking(_ t: T) -> T {}
fn throwing() throws -> T {}
";

/// Declarations and a typed body being made.
struct Fixture {
    db: &'static RootDatabase,
    body: TypedBody,
    module: DefId,
}

impl Fixture {
    fn new() -> Fixture {
        let db: &'static RootDatabase = Box::leak(Box::new(RootDatabase::new()));
        let options = TrackedOptions::default();
        let library = CompilationUnit::of_library(db, crate::library::CODIRA_SOURCES, &options);
        let builtin = CompilationUnit::of_builtin(db, crate::library::BUILTIN_SOURCE, &options);
        let file = SourceFile::of_user(db, "main.code", PROGRAM);
        let main = CompilationUnit::of_user(db, vec![file], Arc::new(options), Some(library));
        Workspace::new(db, vec![main, library, builtin]);
        let module = crate::items::module_def(db, main);
        Fixture {
            db,
            body: TypedBody::default(),
            module,
        }
    }
    fn def(&self, name: &str) -> DefId {
        let found = crate::resolve::scope::module_members(self.db, self.module, Name::new(name));
        found[0]
    }
    fn ty(&self, name: &str) -> Ty {
        Ty::nominal(self.def(name), &[])
    }
    fn member(&self, of: &str, name: &str) -> DefId {
        let members = crate::resolve::members::written_members(self.db, self.def(of));
        let named = |d: &&DefId| crate::resolve::scope::base_name(self.db, **d) == *name;
        *members
            .iter()
            .find(named)
            .unwrap_or_else(|| panic!("no {of}.{name}"))
    }
    fn optional(&self, ty: Ty) -> Ty {
        lang::optional_of(self.db, ty)
    }
    fn local(&mut self, name: &str, ty: Ty, kind: TLocalKind) -> TLocalId {
        self.body.locals.alloc(TLocal {
            name: Name::new(name),
            ty,
            kind,
        })
    }
    fn e(&mut self, kind: TExprKind, ty: Ty) -> TExprId {
        let src: ExprId = Idx::from_raw(self.body.exprs.len() as u32);
        self.body.exprs.alloc(TExpr { kind, ty, src })
    }
    fn var(&mut self, local: TLocalId) -> TExprId {
        let ty = self.body.locals[local].ty;
        self.e(TExprKind::Local(local), ty)
    }
    fn call(&mut self, name: &str, args: &[TExprId]) -> TExprId {
        self.call_with(name, args, false)
    }
    fn call_with(&mut self, name: &str, args: &[TExprId], throws: bool) -> TExprId {
        let func = self.def(name);
        let ty = crate::types::signature(self.db, func).result;
        let params = args.iter().map(|&a| TArg::Value(a)).collect();
        self.e(
            TExprKind::Call(Box::new(TCall {
                func,
                args: TyList::empty(),
                this: None,
                params,
                via_super: false,
                delegates: false,
                throws,
            })),
            ty,
        )
    }
    fn sink(&mut self, value: TExprId) -> TStmt {
        TStmt::Expr(self.call("sink", &[value]))
    }
    fn pat(&mut self, kind: TPatKind, ty: Ty) -> TPatId {
        self.body.pats.alloc(TPat {
            kind,
            ty,
            src: None,
        })
    }
    fn declare(&mut self, local: TLocalId, init: Option<TExprId>) -> TStmt {
        let ty = self.body.locals[local].ty;
        let pat = self.pat(TPatKind::Bind(local), ty);
        TStmt::Let {
            pat,
            init,
            els: None,
        }
    }
    fn assign(&mut self, lhs: TExprId, rhs: TExprId) -> TStmt {
        TStmt::Expr(self.e(TExprKind::Assign { lhs, rhs }, Ty::unit()))
    }
    fn build(
        mut self,
        def: DefId,
        kind: FnKind,
        stmts: Vec<TStmt>,
    ) -> (&'static RootDatabase, Mir, Vec<MirError>) {
        self.body.root = TBlock { stmts };
        let body: &'static TypedBody = Box::leak(Box::new(self.body));
        let facts = Facts { db: self.db };
        let caps = captures_in(facts, def, body);
        let id = FnId { def, kind };
        let (mut mir, errors) = build_from(facts, id, body, true, caps).expect("built");
        if errors.is_empty() {
            opt::run(&mut mir, facts);
            mir.prune();
            let problems = verify::verify(self.db, &mir);
            assert!(
                problems.is_empty(),
                "{problems:#?}\n{}",
                dump::dump(self.db, &mir)
            );
        }
        (self.db, mir, errors)
    }
    fn check(self, def: &str, stmts: Vec<TStmt>, expected: Expect) {
        let def = self.def(def);
        self.check_def(def, FnKind::Body, stmts, expected);
    }
    fn check_def(self, def: DefId, kind: FnKind, stmts: Vec<TStmt>, expected: Expect) {
        let (db, mir, errors) = self.build(def, kind, stmts);
        assert!(errors.is_empty(), "{errors:#?}");
        expected.assert_eq(&dump::dump(db, &mir));
    }
}

fn block(stmts: Vec<TStmt>) -> TBlock {
    TBlock { stmts }
}

#[test]
fn locals_die_in_reverse_and_temporaries_at_the_end_of_statements() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let b = f.local("b", t, TLocalKind::Var);
    let (m1, m2, m3, m4) = (
        f.call("make", &[]),
        f.call("make", &[]),
        f.call("make", &[]),
        f.call("make", &[]),
    );
    let (va, vb) = (f.var(a), f.var(b));
    let stmts = vec![
        f.declare(a, Some(m1)),
        f.declare(b, Some(m2)),
        f.sink(va),
        f.sink(m3),
        f.assign(vb, m4),
    ];
    f.check(
        "body",
        stmts,
        expect![[r#"
        fn body()() -> () {
            let a_1: T
            let b_2: T
            let _3: ()
            let _4: ()
            let _5: T
            let _6: T
            let _7: T
          b0:
            a_1 = call make()()
            b_2 = call make()()
            _3 = call sink(_:)(a_1)
            _5 = call make()()
            _4 = call sink(_:)(_5)
            destroy _5
            _6 = call make()()
            _7 = move b_2
            b_2 = move _6
            destroy _7
            result = ()
            destroy b_2
            destroy a_1
            return
        }
    "#]],
    );
}

#[test]
fn a_returned_local_is_moved() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let m = f.call("make", &[]);
    let va = f.var(a);
    let stmts = vec![f.declare(a, Some(m)), TStmt::Return(Some(va))];
    f.check(
        "answer",
        stmts,
        expect![[r#"
        fn answer()() -> T {
            let a_1: T
          b0:
            a_1 = call make()()
            result = move a_1
            return
        }
    "#]],
    );
}

#[test]
fn optional_binding_moves_the_payload() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let init = f.call("maybe", &[]);
    let optional = f.optional(t);
    let some = crate::types::enum_cases(f.db, lang::lang(f.db, lang::LangItem::Optional))[1];
    let bind = f.pat(TPatKind::Bind(a), t);
    let pat = f.pat(
        TPatKind::Case {
            case: some,
            payload: Some(vec![bind]),
        },
        optional,
    );
    let va = f.var(a);
    let then = block(vec![f.sink(va)]);
    let m = f.call("make", &[]);
    let els = block(vec![f.sink(m)]);
    let e = f.e(
        TExprKind::If(Box::new(TIf {
            label: 0,
            conditions: vec![TCondition::Pattern { pat, init }],
            then,
            els: Some(els),
        })),
        Ty::unit(),
    );
    f.check(
        "body",
        vec![TStmt::Expr(e)],
        expect![[r#"
        fn body()() -> () {
            let _1: T?
            let _2: T?
            let _3: Builtin.Int1
            let a_4: T
            let _5: ()
            let _6: ()
            let _7: T
          b0:
            _1 = call maybe()()
            _3 = _1 is .some
            if _3 then b1 else b3
          b1:
            a_4 = move _1.payload(some)
            _5 = call sink(_:)(a_4)
            destroy a_4
            goto b2
          b2:
            result = ()
            return
          b3:
            _7 = call make()()
            _6 = call sink(_:)(_7)
            destroy _7
            goto b2
        }
    "#]],
    );
}

#[test]
fn loops_clean_up_on_break() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let m = f.call("make", &[]);
    let (c1, c2) = (f.call("test", &[]), f.call("test", &[]));
    let exit = f.e(
        TExprKind::If(Box::new(TIf {
            label: 1,
            conditions: vec![TCondition::Bool(c2)],
            then: block(vec![TStmt::Break(0)]),
            els: None,
        })),
        Ty::unit(),
    );
    let va = f.var(a);
    let body = block(vec![f.declare(a, Some(m)), TStmt::Expr(exit), f.sink(va)]);
    let stmts = vec![TStmt::While {
        label: 0,
        conditions: vec![TCondition::Bool(c1)],
        body,
    }];
    f.check(
        "body",
        stmts,
        expect![[r#"
        fn body()() -> () {
            let _1: Bool
            let a_2: T
            let _3: Bool
            let _4: ()
          b0:
            goto b1
          b1:
            _1 = call test()()
            if _1 then b2 else b5
          b2:
            a_2 = call make()()
            _3 = call test()()
            if _3 then b3 else b4
          b3:
            destroy a_2
            goto b5
          b4:
            _4 = call sink(_:)(a_2)
            destroy a_2
            goto b1
          b5:
            result = ()
            return
        }
    "#]],
    );
}

#[test]
fn late_initialisation_uses_flags_only_where_paths_differ() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let m = f.call("make", &[]);
    let c = f.call("test", &[]);
    let va = f.var(a);
    let set = f.assign(va, m);
    let e = f.e(
        TExprKind::If(Box::new(TIf {
            label: 0,
            conditions: vec![TCondition::Bool(c)],
            then: block(vec![set]),
            els: None,
        })),
        Ty::unit(),
    );
    let stmts = vec![f.declare(a, None), TStmt::Expr(e)];
    f.check(
        "body",
        stmts,
        expect![[r#"
        fn body()() -> () {
            let a_1: T
            let _2: Bool
            let _3: T
            let _4: Builtin.Int1
          b0:
            _4 = 0: Builtin.Int1
            _2 = call test()()
            if _2 then b1 else b2
          b1:
            a_1 = call make()()
            _4 = 1: Builtin.Int1
            goto b2
          b2:
            result = ()
            if _4 then b3 else b4
          b3:
            destroy a_1
            goto b4
          b4:
            _4 = 0: Builtin.Int1
            return
        }
    "#]],
    );
}

#[test]
fn use_before_initialisation_is_reported() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let va = f.var(a);
    let stmts = vec![f.declare(a, None), f.sink(va)];
    let def = f.def("body");
    let (_, _, errors) = f.build(def, FnKind::Body, stmts);
    assert_eq!(
        errors[0].kind,
        FlowKind::UsedBeforeInitialized(Name::new("a"))
    );
}

#[test]
fn missing_return_is_reported() {
    let f = Fixture::new();
    let def = f.def("answer");
    let (_, _, errors) = f.build(def, FnKind::Body, Vec::new());
    assert!(matches!(errors[0].kind, FlowKind::MissingReturn(_)));
}

#[test]
fn errors_run_cleanups_and_reach_the_handler() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Let);
    let any_error = lang::any_error(f.db);
    let error = f.local("error", any_error, TLocalKind::Let);
    let m = f.call("make", &[]);
    let may = f.call_with("may", &[], true);
    let body = block(vec![f.declare(a, Some(m)), f.sink(may)]);
    let m2 = f.call("make", &[]);
    let handler = TCase {
        items: Vec::new(),
        is_default: true,
        body: block(vec![f.sink(m2)]),
    };
    let e = f.e(
        TExprKind::Do(Box::new(TDo {
            label: 0,
            body,
            error: Some(any_error),
            error_local: Some(error),
            catches: vec![handler],
            exhaustive: true,
        })),
        Ty::unit(),
    );
    f.check(
        "body",
        vec![TStmt::Expr(e)],
        expect![[r#"
        fn body()() -> () {
            let error_1: any Error
            let a_2: T
            let _3: ()
            let _4: T
            let _5: any Error
            let _6: ()
            let _7: T
          b0:
            a_2 = call make()()
            _4 = try may()() then b1 else _5 in b3
          b1:
            _3 = call sink(_:)(_4)
            destroy _4
            destroy a_2
            goto b2
          b2:
            result = ()
            return
          b3:
            error_1 = move _5
            destroy a_2
            _7 = call make()()
            _6 = call sink(_:)(_7)
            destroy _7
            destroy error_1
            goto b2
        }
    "#]],
    );
}

#[test]
fn an_escaping_closure_shares_a_box() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let a = f.local("a", t, TLocalKind::Var);
    let m = f.call("make", &[]);
    let fn_ty = Ty::function(FnTy {
        params: Box::new([]),
        result: Ty::unit(),
        throws: None,
        is_async: false,
        escaping: true,
        repr: FnRepr::Thick,
    });
    let va = f.var(a);
    let m2 = f.call("make", &[]);
    let inner = f.assign(va, m2);
    f.body.closures.push(Some(TClosure {
        def: None,
        ty: fn_ty,
        params: Vec::new(),
        captures: Vec::new(),
        body: block(vec![inner]),
        own_generics: 0,
        escaping: true,
        throws: None,
    }));
    let closure = f.e(TExprKind::Closure(0), fn_ty);
    let keep = f.call("keep", &[closure]);
    let va2 = f.var(a);
    let stmts = vec![f.declare(a, Some(m)), TStmt::Expr(keep), f.sink(va2)];
    f.check(
        "body",
        stmts,
        expect![[r#"
        fn body()() -> () {
            let _1: T
            let a_2: Builtin.NativeObject
            let _3: ()
            let _4: () -> ()
            let _5: ()
            let _6: T
          b0:
            _1 = call make()()
            a_2 = box T
            a_2.boxed = move _1
            _4 = closure body()#Closure(0) [copy a_2]
            _3 = call keep(_:)(_4)
            destroy _4
            _6 = copy a_2.boxed
            _5 = call sink(_:)(_6)
            destroy _6
            result = ()
            destroy a_2
            return
        }
    "#]],
    );
}

#[test]
fn an_initialiser_fills_in_the_fields() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let pair = f.ty("Pair");
    let init = f.member("Pair", "init");
    let x = f.local("x", t, TLocalKind::Param);
    let this = f.local("this", pair, TLocalKind::Var);
    f.body.params = vec![x];
    f.body.this = Some(this);
    let mut stmts = Vec::new();
    for field in ["a", "b"] {
        let var = f.member("Pair", field);
        let base = f.var(this);
        let lhs = f.e(
            TExprKind::Property {
                base,
                var,
                args: TyList::empty(),
                via_super: false,
            },
            t,
        );
        let rhs = if field == "a" {
            f.var(x)
        } else {
            f.call("make", &[])
        };
        stmts.push(f.assign(lhs, rhs));
    }
    f.check_def(
        init,
        FnKind::Body,
        stmts,
        expect![[r#"
        fn Pair.init(_:)(x_1: T) -> Pair {
            let this_2: Pair
            let _3: T
            let _4: T
          b0:
            this_2.a = copy x_1
            this_2.b = call make()()
            result = move this_2
            return
        }
    "#]],
    );
}

#[test]
fn a_failed_class_initialiser_destroys_what_it_initialised() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let base_ty = f.ty("Base");
    let init = f.member("Base", "init");
    let x = f.local("t", t, TLocalKind::Param);
    let this = f.local("this", base_ty, TLocalKind::Var);
    f.body.params = vec![x];
    f.body.this = Some(this);
    let var = f.member("Base", "x");
    let base = f.var(this);
    let optional = f.optional(base_ty);
    let nil = f.e(TExprKind::NilOptional, optional);
    let (c1, c2) = (f.call("test", &[]), f.call("test", &[]));
    let fail = |f: &mut Fixture, c| {
        let e = f.e(
            TExprKind::If(Box::new(TIf {
                label: 0,
                conditions: vec![TCondition::Bool(c)],
                then: block(vec![TStmt::Return(Some(nil))]),
                els: None,
            })),
            Ty::unit(),
        );
        TStmt::Expr(e)
    };
    let lhs = f.e(
        TExprKind::Property {
            base,
            var,
            args: TyList::empty(),
            via_super: false,
        },
        t,
    );
    let rhs = f.var(x);
    let first = fail(&mut f, c1);
    let set = f.assign(lhs, rhs);
    let second = fail(&mut f, c2);
    f.check_def(
        init,
        FnKind::Body,
        vec![first, set, second],
        expect![[r#"
            fn Base.init(_:)(t_1: T, this_2: owned Base) -> Base? {
                let _3: Bool
                let _4: T
                let _5: Bool
                let _6: ()
                let _7: Base
              b0:
                _3 = call test()()
                if _3 then b1 else b2
              b1:
                result = Base?.none
                _6 = call abandon(_:)<Base>(this_2)
                return
              b2:
                this_2->x = copy t_1
                _5 = call test()()
                if _5 then b3 else b4
              b3:
                result = Base?.none
                store unowned _7 = this_2 (init)
                destroy this_2
                return
              b4:
                result = Base?.some(move this_2)
                return
            }
        "#]],
    );
}

#[test]
fn chains_stop_at_nil() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let touch = f.member("T", "touch");
    let base = f.call("maybe", &[]);
    let link = f.e(TExprKind::ChainLink(base), t);
    let call = f.e(
        TExprKind::Call(Box::new(TCall {
            func: touch,
            args: TyList::empty(),
            this: Some(link),
            params: Vec::new(),
            via_super: false,
            delegates: false,
            throws: false,
        })),
        t,
    );
    let optional = f.optional(t);
    let chain = f.e(
        TExprKind::Chain {
            expr: call,
            flatten: false,
        },
        optional,
    );
    f.check(
        "body",
        vec![TStmt::Expr(chain)],
        expect![[r#"
            fn body()() -> () {
                let _1: T?
                let _2: T
                let _3: T?
                let _4: Builtin.Int1
              b0:
                _3 = call maybe()()
                _4 = _3 is .some
                if _4 then b1 else b3
              b1:
                _2 = call T.touch()(_3.payload(some))
                destroy _3
                _1 = T?.some(move _2)
                goto b2
              b2:
                destroy _1
                result = ()
                return
              b3:
                destroy _3
                _1 = T?.none
                goto b2
            }
        "#]],
    );
}

#[test]
fn a_switch_jumps_by_case() {
    let mut f = Fixture::new();
    let t = f.ty("T");
    let shape = f.ty("Shape");
    let cases = crate::types::enum_cases(f.db, f.def("Shape")).to_vec();
    let subject = f.call("shape", &[]);
    let mut arms = Vec::new();
    for (n, &case) in cases.iter().enumerate() {
        let mut payload = Vec::new();
        let mut stmts = Vec::new();
        for i in 0..n {
            let x = f.local(&format!("x{i}"), t, TLocalKind::Let);
            payload.push(f.pat(TPatKind::Bind(x), t));
            let vx = f.var(x);
            stmts.push(f.sink(vx));
        }
        let payload = (n > 0).then_some(payload);
        let pat = f.pat(TPatKind::Case { case, payload }, shape);
        arms.push(TCase {
            items: vec![(pat, None)],
            is_default: false,
            body: block(stmts),
        });
    }
    let e = f.e(
        TExprKind::Switch(Box::new(TSwitch {
            label: 0,
            subject,
            cases: arms,
        })),
        Ty::unit(),
    );
    f.check(
        "body",
        vec![TStmt::Expr(e)],
        expect![[r#"
            fn body()() -> () {
                let _1: Shape
                let _2: Shape
                let _3: Builtin.Int32
                let _4: Builtin.Int1
                let _5: Builtin.Int1
                let _6: ()
                let _7: Builtin.Int1
                let _8: ()
                let _9: ()
              b0:
                _2 = call shape()()
                _3 = tag _2
                switch _3 [0: b1, 1: b3] else b4
              b1:
                destroy _2
                goto b2
              b2:
                result = ()
                return
              b3:
                _6 = call sink(_:)(_2.payload(one))
                destroy _2
                goto b2
              b4:
                _8 = call sink(_:)(_2.payload(two).0)
                _9 = call sink(_:)(_2.payload(two).1)
                destroy _2
                goto b2
            }
        "#]],
    );
}

#[test]
fn modes_of_parameters_follow_the_signature() {
    // The helper types of this file must agree with the declared ones.
    let f = Fixture::new();
    let params = &crate::types::signature(f.db, f.def("sink")).params;
    assert_eq!(params[0].mode, ParamMode::Borrow);
    let _ = FnParam {
        ty: f.ty("T"),
        mode: ParamMode::Borrow,
        variadic: false,
        autoclosure: false,
    };
    assert_eq!(f.def("sink").kind(f.db), DefKind::Func);
}
