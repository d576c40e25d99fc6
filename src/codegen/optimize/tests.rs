//! What `-O` leaves of everyday code, with the real standard library.

use std::sync::Arc;

use crate::base::Name;
use crate::db::{CompilationUnit, RootDatabase, SourceFile, Workspace};
use crate::items::ids::{DefId, DefKind};
use crate::mir::data::{
    Callee, FnId, FnKind, Instance, Mir, Operand, Rvalue, StatementKind, Terminator, TrapKind,
};
use crate::mir::dump::dump;
use crate::session::{OptLevel, TrackedOptions};
use crate::types::ty::TyList;

use super::super::cx::Program;
use super::super::program::DbProgram;

/// Optimises the function `f` of a program, and hands its graph and its text to `look`.
fn check(source: &str, look: impl FnOnce(&DbProgram<'_>, &Mir, &str)) {
    crate::bodies::register();
    let db = RootDatabase::new();
    let options = TrackedOptions {
        opt_level: OptLevel::Speed,
        ..TrackedOptions::default()
    };
    let library = CompilationUnit::of_library(&db, crate::library::CODIRA_SOURCES, &options);
    let builtin = CompilationUnit::of_builtin(&db, crate::library::BUILTIN_SOURCE, &options);
    let file = SourceFile::of_user(&db, "main.code", source);
    let unit = CompilationUnit::of_user(&db, vec![file], Arc::new(options), Some(library));
    Workspace::new(&db, vec![unit, library, builtin]);
    let def = function(&db, file);
    let p = DbProgram { db: &db };
    let instance = Instance {
        id: FnId {
            def,
            kind: FnKind::Body,
        },
        args: TyList::empty(),
    };
    let mir = p.optimized(instance).expect("the function has code");
    look(&p, mir, &dump(&db, mir));
}

fn function(db: &RootDatabase, file: SourceFile) -> DefId {
    let owners = crate::items::body_owners(db, file);
    let found = owners.iter().copied().find(|def| {
        def.kind(db) == DefKind::Func && def.name(db).as_str().split('(').next() == Some("f")
    });
    found.expect("the program declares `f`")
}

/// The functions that a graph calls, operations of the machine and ends of the program aside.
fn calls(p: &DbProgram<'_>, mir: &Mir) -> Vec<Name> {
    let mut found = Vec::new();
    let mut note = |callee: &Callee| match callee {
        Callee::Static(id, _) if p.intrinsic(id.def).is_some() => {}
        Callee::Static(id, _) | Callee::Virtual(id, _) => found.push(p.def(id.def).name),
        Callee::Witness(def, _) => found.push(p.def(*def).name),
        Callee::Value(_) => found.push(Name::new("value")),
    };
    for data in mir.blocks.values() {
        if matches!(
            data.term,
            Some(Terminator::Trap(TrapKind::Message(_)) | Terminator::Unreachable)
        ) {
            continue;
        }
        for statement in &data.stmts {
            if let StatementKind::Call { callee, .. } = &statement.kind {
                note(callee);
            }
        }
        if let Some(Terminator::TryCall { callee, .. }) = &data.term {
            note(callee);
        }
    }
    found
}

/// No calls are left.
const NONE: [Name; 0] = [];

/// Whether an optional is tested anywhere.
fn tests_a_case(mir: &Mir) -> bool {
    mir.blocks.values().flat_map(|data| &data.stmts).any(|s| {
        matches!(
            s.kind,
            StatementKind::Assign(_, Rvalue::IsCase(..) | Rvalue::Tag(_))
        )
    })
}

#[test]
fn a_loop_over_a_range_is_a_counter() {
    check(
        "fn f(_ n: Int) -> Int { var sum = 0; for i in 0..<n { sum += i }; return sum }",
        |p, mir, text| {
            assert_eq!(calls(p, mir), NONE, "{text}");
            assert!(
                !tests_a_case(mir),
                "the iterator's optional is made and tested:\n{text}"
            );
        },
    );
}

#[test]
fn a_loop_over_an_array_calls_nothing() {
    check(
        "fn f(_ xs: [Int]) -> Int { var sum = 0; for x in xs { sum += x }; return sum }",
        |p, mir, text| {
            assert_eq!(calls(p, mir), NONE, "{text}");
            assert!(!tests_a_case(mir), "{text}");
        },
    );
}

#[test]
fn a_closure_that_is_passed_down_disappears() {
    check(
        "fn twice(_ g: (Int) -> Int) -> Int { return g(1) + g(2) }\n\
         fn f(_ n: Int) -> Int { return twice { $0 + n } }",
        |p, mir, text| {
            assert_eq!(calls(p, mir), NONE, "{text}");
            assert!(!text.contains("closure"), "{text}");
            assert!(
                !text.contains("address of"),
                "what the closure captures still has an address:\n{text}"
            );
        },
    );
}

#[test]
fn generic_requirements_become_their_implementations() {
    check(
        "protocol P { fn area() -> Int }\n\
         struct S: P { var side: Int; fn area() -> Int { return side * side } }\n\
         fn total<T: P>(_ xs: T, _ ys: T) -> Int { return xs.area() + ys.area() }\n\
         fn f(_ s: S) -> Int { return total(s, s) }",
        |p, mir, text| assert_eq!(calls(p, mir), NONE, "{text}"),
    );
}

#[test]
fn methods_of_final_classes_are_called_directly() {
    check(
        "final class C { var n = 0; fn step() { n += 1 } }\nfn f(_ c: C) { c.step(); c.step() }",
        |p, mir, text| assert_eq!(calls(p, mir), NONE, "{text}"),
    );
}

#[test]
fn recursion_stays() {
    check(
        "fn f(_ n: Int) -> Int { return n < 2 ? n : f(n - 1) + f(n - 2) }",
        |p, mir, text| assert_eq!(calls(p, mir).len(), 2, "{text}"),
    );
}

#[test]
fn mutual_recursion_ends() {
    check(
        "fn even(_ n: Int) -> Bool { return n == 0 || f(n - 1) }\n\
         fn f(_ n: Int) -> Bool { return n != 0 && even(n - 1) }",
        |_, mir, text| assert!(mir.blocks.len() < 100, "{text}"),
    );
}

#[test]
fn errors_of_inlined_functions_reach_their_handlers() {
    check(
        "struct E: Error {}\n\
         fn g(_ n: Int) throws -> Int { if n < 0 { throw E() }; return n }\n\
         fn f(_ n: Int) -> Int { do { return try g(n) } catch { return -1 } }",
        |p, mir, text| assert!(!calls(p, mir).contains(&Name::new("g(_:)")), "{text}"),
    );
}

/// How many values that are not trivial a graph copies.
fn copies(p: &DbProgram<'_>, mir: &Mir) -> usize {
    mir.blocks
        .values()
        .flat_map(|data| &data.stmts)
        .filter(|s| match &s.kind {
            StatementKind::Assign(_, Rvalue::Use(Operand::Copy(place))) => {
                super::types::place_type(p, mir, place).is_some_and(|ty| !p.layout(ty).trivial)
            }
            _ => false,
        })
        .count()
}

#[test]
fn a_loop_does_not_count_the_array_that_it_goes_through() {
    check(
        "final class C { var n = 0 }; fn f(_ xs: [C]) -> Int { var sum = 0; for x in xs { sum += x.n }; return sum }",
        |p, mir, text| {
            // The iterator's array, once, and the element in each round.
            assert_eq!(copies(p, mir), 2, "{text}");
        },
    );
}

#[test]
fn a_copy_outlives_a_change_of_its_original() {
    check(
        "fn f(_ xs: inout [Int]) -> Int { immutable old = xs; xs = []; return old.count }",
        |p, mir, text| assert_eq!(copies(p, mir), 1, "{text}"),
    );
    check(
        "fn f(_ xs: inout [Int]) -> Int { immutable old = xs; xs[0] = 1; return old[0] }",
        |p, mir, text| assert_eq!(copies(p, mir), 1, "{text}"),
    );
    // The second copy may not borrow from the first, which does not outlive the change.
    check(
        "fn f(_ xs: inout [Int]) -> Int { var n = 0; do { immutable a = xs; immutable b = a; n = b.count; xs = [] ; n += b.count }; return n }",
        |p, mir, text| assert!(copies(p, mir) >= 1, "{text}"),
    );
}
