//! What declarations mean, shown for small programs over the real standard library.

use super::generics::{GenericInfo, generic_context, generic_info};
use super::*;
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile, Workspace};
use crate::items::anchor::resolve_diagnostic;
use crate::items::ids::{DefId, DefKind};
use crate::items::{ItemKind, item, item_tree, unit_of_module};
use crate::resolve::scope::is_nominal;
use crate::session::TrackedOptions;
use expect_test::{Expect, expect};
use std::fmt::Write;
use std::sync::Arc;

fn workspace(text: &str) -> (RootDatabase, SourceFile) {
    let db = RootDatabase::with_event_log();
    let options = TrackedOptions::default();
    let library = CompilationUnit::of_library(&db, crate::library::CODIRA_SOURCES, &options);
    let builtin = CompilationUnit::of_builtin(&db, crate::library::BUILTIN_SOURCE, &options);
    let file = SourceFile::of_user(&db, "main.code", text);
    let unit = CompilationUnit::of_user(&db, vec![file], Arc::new(options), Some(library));
    Workspace::new(&db, vec![unit, library, builtin]);
    (db, file)
}

fn all_defs(db: &dyn Db, file: SourceFile) -> Vec<DefId> {
    fn walk(db: &dyn Db, defs: &[DefId], out: &mut Vec<DefId>) {
        for &def in defs {
            out.push(def);
            match item(db, def).map(|i| &i.kind) {
                Some(ItemKind::Nominal(n)) => walk(db, &n.members, out),
                Some(ItemKind::Extension(e)) => walk(db, &e.members, out),
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    walk(db, &item_tree(db, file).top_level, &mut out);
    out
}

/// Lists types, signatures, generics, conformances with witnesses, synthesised members and vtables; then the diagnostics.
fn check(text: &str, expected: Expect) {
    let (db, file) = workspace(text);
    let db: &dyn Db = &db;
    let mut out = String::new();
    for def in all_defs(db, file) {
        describe(db, def, &mut out);
    }
    diagnostics(db, file, &mut out);
    expected.assert_eq(&out);
}

/// Lists diagnostics alone.
fn check_errors(text: &str, expected: Expect) {
    let (db, file) = workspace(text);
    let mut out = String::new();
    diagnostics(&db, file, &mut out);
    expected.assert_eq(&out);
}

fn diagnostics(db: &dyn Db, file: SourceFile, out: &mut String) {
    let lines = crate::db::line_index(db, file);
    for diagnostic in check::file_diagnostics(db, file) {
        let measured = resolve_diagnostic(db, &diagnostic);
        let at = measured.span.map(|s| lines.line_col(s.range.start()));
        let place = at.map_or("?".to_owned(), |p| format!("{}:{}", p.line, p.col));
        let _ = writeln!(out, "{place} {}", measured.message);
        for note in &measured.notes {
            let _ = writeln!(out, "    {}", note.message);
        }
    }
}

fn show(db: &dyn Db, ty: Ty) -> String {
    display_type(db, ty, false)
}

fn requirement_text(db: &dyn Db, requirement: Requirement) -> String {
    match requirement {
        Requirement::Conforms(t, p) => format!("{}: {}", show(db, t), p.name(db)),
        Requirement::Same(a, b) => format!("{} == {}", show(db, a), show(db, b)),
        Requirement::Superclass(a, b) => format!("{}: {}", show(db, a), show(db, b)),
        Requirement::Class(a) => format!("{}: AnyObject", show(db, a)),
    }
}

fn describe(db: &dyn Db, def: DefId, out: &mut String) {
    let name = display::display_def(db, def, false);
    let _ = match def.kind(db) {
        DefKind::Var => writeln!(out, "var {name}: {}", show(db, var_type(db, def))),
        DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case => {
            let signature = signature::signature(db, def);
            let ty = show(db, signature.function_type());
            writeln!(out, "{name}: {:?} {ty}", signature.this)
        }
        _ => writeln!(out, "{} {name}", display::describe(db, def)),
    };
    if generic_context(db, def) == Some(def) {
        let info: &GenericInfo = generic_info(db, def);
        let params: Vec<&str> = info.params.iter().map(|p| p.name.as_str()).collect();
        let requirements: Vec<String> = info
            .requirements
            .iter()
            .map(|r| requirement_text(db, *r))
            .collect();
        let (params, requirements) = (params.join(", "), requirements.join(", "));
        let _ = writeln!(out, "  <{params}> where {requirements}");
    }
    if let Some(base) = overridden(db, def) {
        let _ = writeln!(out, "  overrides {}", display::display_def(db, base, false));
    }
    if is_nominal(db, def) {
        nominal(db, def, out);
    }
}

fn nominal(db: &dyn Db, def: DefId, out: &mut String) {
    for &member in synth::synth_members(db, def) {
        let name = display::display_name(db, member);
        let ty = show(db, signature::signature(db, member).function_type());
        let _ = writeln!(out, "  makes {name} {ty}");
    }
    let mut protocols: Vec<DefId> = conformance::conformance_table(db, def)
        .keys()
        .copied()
        .collect();
    protocols.sort_by_key(|p| p.name(db));
    for protocol in protocols {
        let _ = writeln!(out, "  : {}", protocol.name(db));
        if lower::is_library_def(db, protocol) {
            continue;
        }
        for &requirement in protocol_requirements(db, protocol) {
            let name = display::display_name(db, requirement);
            let _ = match witness::witness_entry(db, def, requirement) {
                Ok(entry) => {
                    let args: Vec<String> = entry.args.iter().map(|t| show(db, t)).collect();
                    let by = entry.def.parent(db).map_or("", |p| p.name(db).as_str());
                    writeln!(out, "    {name} by {by} <{}>", args.join(", "))
                }
                Err(_) => writeln!(out, "    {name} missing"),
            };
        }
    }
    let mut assocs: Vec<String> = assoc::type_witnesses(db, def)
        .iter()
        .map(|(a, t)| {
            format!(
                "{} = {}",
                a.name(db),
                show(db, normalize(db, Some(def), *t))
            )
        })
        .collect();
    assocs.sort();
    assocs.dedup();
    if !assocs.is_empty() {
        let _ = writeln!(out, "  where {}", assocs.join(", "));
    }
    if def.kind(db) == DefKind::Class {
        for entry in &vtable(db, def).entries {
            let at = |f: VFn| {
                let class =
                    crate::resolve::container_of(db, f.def).map_or("", |c| c.name(db).as_str());
                format!("{class}.{}", f.def.name(db))
            };
            let (method, implementation) = (at(entry.method), at(entry.implementation));
            let _ = writeln!(out, "  {:?} {method} = {implementation}", entry.method.kind);
        }
    }
}

#[test]
fn the_library_is_sound() {
    let (db, _) = workspace("");
    let db: &dyn Db = &db;
    let library = crate::resolve::scope::library_module(db);
    let mut problems = String::new();
    for &file in unit_of_module(db, library).map_or(&[][..], |u| u.files(db)) {
        diagnostics(db, file, &mut problems);
        for def in all_defs(db, file) {
            let ty = match def.kind(db) {
                DefKind::Var => var_type(db, def),
                DefKind::Func | DefKind::Init | DefKind::Subscript | DefKind::Case => {
                    signature::signature(db, def).function_type()
                }
                _ => continue,
            };
            // Inferred variables wait for the checker of bodies, which is not there in this test.
            let declared =
                !matches!(item(db, def).map(|i| &i.kind), Some(ItemKind::Var(v)) if v.ty.is_none());
            if ty.has_error() && declared {
                let _ = writeln!(problems, "{} {}", file.path(db), def.name(db));
            }
        }
    }
    assert_eq!(problems, "");
    for item in LangItem::ALL {
        let found = item_data(db, lang(db, *item));
        assert!(found || *item == LangItem::Actor, "no {}", item.name());
    }
}

fn item_data(db: &dyn Db, def: DefId) -> bool {
    item(db, def).is_some()
}

#[test]
fn protocols_and_witnesses() {
    check(
        "protocol Shape { associatedtype Unit: Comparable; fn area() -> Unit; static var name: String { get }; init(side: Unit) }
extension Shape { fn twice() -> [Unit] { [] }; static var name: String { \"s\" } }
struct Square: Shape { var side: Double; fn area() -> Double { side }; init(side: Double) { this.side = side } }
extension Array where Element: Shape { var total: Element.Unit { fatalError() } }",
        expect![[r#"
            protocol Shape
              <Self> where Self: Shape
            associated type Shape.Unit
            Shape.area(): Borrow () -> Self.Unit
            var Shape.name: String
            Shape.init(side:): Metatype (Self.Unit) -> Self
            extension Shape
            Shape.twice(): Borrow () -> [Self.Unit]
            var Shape.name: String
            struct Square
              : Shape
                area() by Square <>
                name by Shape <Square>
                init(side:) by Square <>
              where Unit = Double
            var Square.side: Double
            Square.area(): Borrow () -> Double
            Square.init(side:): Metatype (Double) -> Square
            extension Array
              <Element> where Element: Shape
            var Array.total: Element.Unit
        "#]],
    );
}

#[test]
fn associated_types_are_inferred() {
    check(
        "struct Count: Sequence, IteratorProtocol { var n: Int; mutating fn next() -> Int? { nil } }
struct Deck: Collection { var cards: [String]; var startIndex: Int { 0 }; var endIndex: Int { 1 }; subscript(i: Int) -> String { cards[i] }; fn index(after i: Int) -> Int { i + 1 } }
struct Gen<Base: Sequence>: Sequence { var base: Base; struct Iterator: IteratorProtocol { var it: Base.Iterator; mutating fn next() -> Base.Element? { it.next() } }; fn makeIterator() -> Iterator { fatalError() } }
protocol Step { associatedtype Failure: Error; associatedtype Out; fn run(_ input: Int) throws(Failure) -> Out }
struct Safe: Step { fn run(_ i: Int) -> Int { i } }
struct Any1: Step { fn run(_ i: Int) throws -> [Int] { [] } }",
        expect![[r#"
            struct Count
              makes init(n:) (Int) -> Count
              : IteratorProtocol
              : Sequence
              where Element = Int, Iterator = Count
            var Count.n: Int
            Count.next(): Inout () -> Int?
            struct Deck
              makes init(cards:) ([String]) -> Deck
              : Collection
              : Sequence
              where Element = String, Index = Int, Indices = DefaultIndices<Deck>, Iterator = IndexingIterator<Deck>, SubSequence = Slice<Deck>
            var Deck.cards: [String]
            var Deck.startIndex: Int
            var Deck.endIndex: Int
            Deck.subscript(_:): Borrow (Int) -> String
            Deck.index(after:): Borrow (Int) -> Int
            struct Gen
              <Base> where Base: Sequence
              makes init(base:) (Base) -> Gen<Base>
              : Sequence
              where Element = Base.Element, Iterator = Gen<Base>.Iterator
            var Gen.base: Base
            struct Gen.Iterator
              makes init(it:) (Base.Iterator) -> Gen<Base>.Iterator
              : IteratorProtocol
              where Element = Base.Element
            var Gen.Iterator.it: Base.Iterator
            Gen.Iterator.next(): Inout () -> Base.Element?
            Gen.makeIterator(): Borrow () -> Gen<Base>.Iterator
            protocol Step
              <Self> where Self: Step
            associated type Step.Failure
            associated type Step.Out
            Step.run(_:): Borrow (Int) throws(Self.Failure) -> Self.Out
            struct Safe
              makes init() () -> Safe
              : Step
                run by Safe <>
              where Failure = Never, Out = Int
            Safe.run(_:): Borrow (Int) -> Int
            struct Any1
              makes init() () -> Any1
              : Step
                run by Any1 <>
              where Failure = any Error, Out = [Int]
            Any1.run(_:): Borrow (Int) throws -> [Int]
        "#]],
    );
}

#[test]
fn generics() {
    check(
        "fn first<C: Collection>(_ c: C, by f: (C.Element, C.Iterator.Element) throws -> Bool) rethrows -> C.SubSequence.Element? where C.Index == Int { nil }
fn opaque(_ a: some Collection<Int>, b: [some Hashable]) -> some Sequence<String> { [\"a\"] }
fn infer<K, V>(_ d: [K: V]) -> Set<K> { [] }
extension Array<Int> { fn f(e: Element) {} }
struct Outer<T> { struct Inner<U> { var t: T; var v: Outer<U>.Inner<T> }; typealias Pair = (T, Inner<Int>); fn g(_ p: Pair) -> Inner<T> {} }
struct Point<T: Numeric>: Equatable { var x: T; var y: T; static fn + (a: Point, b: Point) -> Point<T> { a } }
extension Point: Hashable where T: Hashable {}",
        expect![[r#"
            first(_:by:): None (C, (C.Element, C.Element) throws -> Bool) throws -> C.Element?
              <C> where C: Collection, C.Index == Int
            opaque(_:b:): None (some Collection, [some Hashable]) -> some Sequence<String>
              <some Collection, some Hashable> where some Collection: Collection, some Collection.Element == Int, some Hashable: Hashable
            infer(_:): None ([K : V]) -> Set<K>
              <K, V> where K: Hashable
            extension Array<Int>
              <Element> where Element == Int
            Array.f(e:): Borrow (Int) -> ()
            struct Outer
              <T> where 
              makes init() () -> Outer<T>
            struct Outer.Inner
              <T, U> where 
              makes init(t:v:) (T, Outer<U>.Inner<T>) -> Outer<T>.Inner<U>
            var Outer.Inner.t: T
            var Outer.Inner.v: Outer<U>.Inner<T>
            type alias Outer.Pair
            Outer.g(_:): Borrow ((T, Outer<T>.Inner<Int>)) -> Outer<T>.Inner<T>
            struct Point
              <T> where T: Numeric
              makes init(x:y:) (T, T) -> Point<T>
              makes ==(_:_:) (Point<T>, Point<T>) -> Bool
              makes hash(into:) (inout Hasher) -> ()
              : Equatable
              : Hashable
            var Point.x: T
            var Point.y: T
            Point.+(_:_:): Metatype (Point<T>, Point<T>) -> Point<T>
            extension Point
              <T> where T: Numeric, T: Hashable
            5:51 value type 'Outer<T>.Inner<U>' cannot have a stored property that recursively contains it
        "#]],
    );
}

#[test]
fn classes() {
    check(
        "class Animal { var legs: Int { 4 }; var name: String?; fn speak(_ x: Int) -> Animal? { nil }; required init() {}; class fn make() -> Self { fatalError() } }
class Dog: Animal { override var legs: Int { 3 }; override fn speak(_ x: Int?) -> Dog { this }; required init() {}; final fn bark() {} }
final class Puppy<T>: Dog { var t: T?; override var name: String? { didSet {} } }",
        expect![[r#"
            class Animal
              Body Animal.legs = Animal.legs
              PropertyGet Animal.name = Animal.name
              PropertySet Animal.name = Animal.name
              Body Animal.speak(_:) = Animal.speak(_:)
              Allocate Animal.init() = Animal.init()
              Body Animal.make() = Animal.make()
            var Animal.legs: Int
            var Animal.name: String?
            Animal.speak(_:): Borrow (Int) -> Animal?
            Animal.init(): Metatype () -> Animal
            Animal.make(): Metatype () -> Self
            class Dog
              Body Animal.legs = Dog.legs
              PropertyGet Animal.name = Animal.name
              PropertySet Animal.name = Animal.name
              Body Animal.speak(_:) = Dog.speak(_:)
              Allocate Animal.init() = Dog.init()
              Body Animal.make() = Animal.make()
            var Dog.legs: Int
              overrides Animal.legs
            Dog.speak(_:): Borrow (Int?) -> Dog
              overrides Animal.speak(_:)
            Dog.init(): Metatype () -> Dog
              overrides Animal.init()
            Dog.bark(): Borrow () -> ()
            class Puppy
              <T> where 
              makes init() () -> Puppy<T>
              Body Animal.legs = Dog.legs
              PropertyGet Animal.name = Animal.name
              PropertySet Animal.name = Puppy.name
              Body Animal.speak(_:) = Dog.speak(_:)
              Allocate Animal.init() = Puppy.init
              Body Animal.make() = Animal.make()
            var Puppy.t: T?
            var Puppy.name: String?
              overrides Animal.name
        "#]],
    );
}

#[test]
fn enums_derive() {
    check(
        "enum E: Int, CaseIterable { case a, b }
enum F<A> { case x(A, label: Int), y; indirect case z(F<A>) }
enum G: Comparable { case p, q }",
        expect![[r#"
            enum E
              makes ==(_:_:) (E, E) -> Bool
              makes hash(into:) (inout Hasher) -> ()
              makes allCases () -> [E]
              makes init(rawValue:) (Int) -> E?
              makes rawValue () -> Int
              : CaseIterable
              : Equatable
              : Hashable
              : RawRepresentable
              where AllCases = [E], RawValue = Int
            E.a: Metatype () -> E
            E.b: Metatype () -> E
            enum F
              <A> where 
            F.x: Metatype (A, Int) -> F<A>
            F.y: Metatype () -> F<A>
            F.z: Metatype (F<A>) -> F<A>
            enum G
              makes ==(_:_:) (G, G) -> Bool
              makes hash(into:) (inout Hasher) -> ()
              makes <(_:_:) (G, G) -> Bool
              : Comparable
              : Equatable
              : Hashable
            G.p: Metatype () -> G
            G.q: Metatype () -> G
        "#]],
    );
}

#[test]
fn circles_end() {
    check_errors(
        "typealias A = B; typealias B = A
class C: D {}; class D: C {}
protocol P: Q {}; protocol Q: P {}
struct S<T> where T == S<T> {}
struct V { var w: W }; struct W { var v: [V]; var o: V? }
protocol R { associatedtype X: R where X.X == Self }
class E: E.Inner { class Inner {} }
extension Missing.Other { fn f() -> Other {} }",
        expect![[r#"
            1:11 type alias 'A' references itself
            2:7 'C' inherits from itself
                class 'D' declared here
            3:28 protocol 'Q' refines itself
            5:16 value type 'V' cannot have a stored property that recursively contains it
            5:51 value type 'W' cannot have a stored property that recursively contains it
            8:11 cannot find type 'Missing' in scope
            8:37 cannot find type 'Other' in scope
        "#]],
    );
}

#[test]
fn wrong_types() {
    check_errors(
        "protocol HasSelf { fn eq(_ o: Self) -> Bool }
fn bad(_ a: HasSelf, b: Missing, c: Array, d: Int<Int>, e: Set<Int, Int>, f: any Int, g: Int.Foo) {}
struct NotHashable {}
var s: [NotHashable: Int] = [:]
fn bound<T>(_ t: T) where T: Int, T.X: Equatable {}",
        expect![[r#"
            2:13 use of protocol 'HasSelf' as a type must be written 'any HasSelf'
            2:25 cannot find type 'Missing' in scope
            2:37 reference to generic type 'Array' requires arguments in <...>
                generic type 'Array' declared here
            2:47 cannot specialize non-generic type 'Int'
            2:60 generic type 'Set' specialized with too many type parameters (got 2, but expected 1)
            2:78 'any' has no effect on concrete type 'Int'
            2:90 'Foo' is not a member type of struct 'Codira.Int'
            4:8 type 'NotHashable' does not conform to protocol 'Hashable'
            5:30 type 'T' constrained to non-protocol, non-class type 'Int'
            5:35 'X' is not a member type of type 'T'
        "#]],
    );
}

#[test]
fn wrong_overrides() {
    check_errors(
        "class Base { final fn f() {}; static fn g() {}; var legs = 4; var ro: Int { 1 }; fn p(_ x: Int?) {}; init(a: Int) {} }
class Sub: Base {
    override fn f() {}
    override static fn g() {}
    override var legs = 2
    override fn zz() {}
    override fn p(_ x: Int) {}
    override var ro: String { \"\" }
    fn p(_ x: Int?) {}
}
class Silent { var x: Int }",
        expect![[r#"
            3:17 instance method overrides a 'final' instance method
                overridden declaration is here
            4:24 cannot override static method
                overridden declaration is here
            5:18 cannot override with a stored property 'legs'
                attempt to override property here
            6:17 method does not override any method from its superclass
            7:24 cannot override instance method parameter of type 'Int?' with non-optional type 'Int'
            8:18 property 'ro' with type 'String' cannot override a property with type 'Int'
                attempt to override property here
            9:8 overriding declaration requires an 'override' keyword
                overridden declaration is here
            11:7 class 'Silent' has no initializers
                stored property 'x' without initial value prevents synthesized initializers
        "#]],
    );
}

#[test]
fn wrong_conformances() {
    check_errors(
        "protocol Runner { fn run(); var name: String { get set }; static fn make() -> Self; associatedtype A }
struct Job: Runner { immutable name: String; fn run() -> Int { 1 }; fn make() -> Job { this } }
struct N {}
struct Eq: Equatable { var n: N }
protocol Bound: AnyObject {}
struct Ear: Bound {}
extension Eq: Equatable {}",
        expect![[r#"
            2:8 type 'Job' does not conform to protocol 'Runner'
                protocol requires nested type 'A'; add nested type 'A' for conformance
                candidate is not settable, but protocol requires it
                protocol requires property 'name' with type 'String'; add a stub for conformance
                candidate operates on an instance, not a type as required
                protocol requires function 'make()' with type '() -> Job'; add a stub for conformance
            4:8 type 'Eq' does not conform to protocol 'Equatable'
                stored property type 'N' does not conform to protocol 'Equatable', preventing synthesized conformance of 'Eq' to 'Equatable'
            6:8 non-class type 'Ear' cannot conform to class protocol 'Bound'
            7:15 redundant conformance of 'Eq' to protocol 'Equatable'
                'Eq' declares conformance to protocol 'Equatable' here
        "#]],
    );
}

#[test]
fn witnesses_for_code_generation() {
    let (db, file) = workspace(
        "protocol P { associatedtype A; fn f<T>(_ t: T) -> A; var v: Int { get set } }
extension P { fn f<T>(_ t: T) -> [T] { [t] } }
class Base<X>: P { var v = 1; fn f<U>(_ u: U) -> X { fatalError() } }
class Sub: Base<Int> {}
struct D: P { typealias A = [String]; var v: Int { get { 1 } set {} }; fn f<T>(_ t: T) -> [String] { [] } }",
    );
    let db: &dyn Db = &db;
    let tops = &item_tree(db, file).top_level;
    let named = |n: &str| tops.iter().copied().find(|d| d.name(db) == n).unwrap();
    let requirements = protocol_requirements(db, named("P"));
    let mut out = String::new();
    for this in ["Sub", "D"] {
        let this = Ty::nominal(named(this), &[]);
        let args = TyList::new(&[this, string_ty(db)]);
        let (def, args) = witness(db, requirements[0], args).unwrap();
        let shown: Vec<String> = args.iter().map(|t| show(db, t)).collect();
        let _ = writeln!(
            out,
            "{} <{}>",
            display::display_def(db, def, false),
            shown.join(", ")
        );
        let setter = DefId::new(
            db,
            Some(requirements[1]),
            DefKind::Accessor(crate::items::AccessorKind::Set),
            requirements[1].name(db),
            0,
        );
        let (def, _) = witness(db, setter, TyList::new(&[this])).unwrap();
        let _ = writeln!(out, "{:?} {}", def.kind(db), def.name(db));
    }
    expect![[r#"
        Base.f(_:) <Int, String>
        Var v
        D.f(_:) <String>
        Accessor(Set) v
    "#]]
    .assert_eq(&out);
}

#[test]
fn a_body_edit_reaches_no_signature() {
    let text = "struct S { fn f() -> Int { 1 } }\nfn g(_ s: S) -> [S] { [s] }\nextension S: Equatable {}\n";
    let (mut db, file) = workspace(text);
    let ask = |db: &RootDatabase| {
        check::file_diagnostics(db, file);
        for def in all_defs(db, file) {
            signature::signature(db, def);
        }
    };
    ask(&db);
    db.take_executed();
    file.update_text(&mut db, &text.replace("{ 1 }", "{ 2 }"));
    ask(&db);
    let ran = db.take_executed();
    let ours = [
        "normal_signature",
        "conformance_table",
        "witness_entry",
        "type_witnesses",
        "declared_members",
        "module_scope",
    ];
    let again: Vec<_> = ran
        .iter()
        .filter(|(name, _)| ours.iter().any(|o| name.contains(o)))
        .collect();
    assert!(again.len() <= 1, "{again:?}");
}
