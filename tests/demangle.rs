//! Symbols as `language demangle` shows them.

use codira::codegen::demangle::{demangle, demangle_line};

#[track_caller]
fn check(symbol: &str, expected: &str) {
    assert_eq!(demangle(symbol).as_deref(), Some(expected), "{symbol}");
}

#[test]
fn declarations_are_named_by_their_paths_without_files() {
    check("$cm.main%2Ecode.'f(_:)", "m.f(_:)");
    check(
        "$cm.main%2Ecode.P.'+(_:_:)<Codira.IntegerTypes%2Ecode.Int>",
        "m.P.+(_:_:)<Codira.Int>",
    );
    check(
        "$cm.main%2Ecode.P.'var'y.'get'y<Codira.String%2Ecode.String>",
        "m.P.y.getter<Codira.String>",
    );
    check(
        "$cm.main%2Ecode.P.'init'init(_:)<m.main%2Ecode.Q>",
        "m.P.init(_:)<m.Q>",
    );
    check("$cm.main%2Ecode.'ext'P.'q()", "m.P.q()");
    check("$cm.main%2Ecode.'fn%20x()", "m.fn x()");
}

#[test]
fn modules_with_metadata_show_what_tells_them_apart() {
    check("$cBase#123456.a%2Ecode.'f()", "Base#123456.f()");
}

#[test]
fn roles_come_first() {
    check("$cm.a%2Ecode.'binding'g~initial", "initial value of m.g");
    check(
        "$cm.a%2Ecode.'f()~closure0<Codira.I%2Ecode.Int>",
        "closure #1 in m.f()<Codira.Int>",
    );
    check("$c'metadata any[m.a%2Ecode.Q]", "type metadata of any m.Q");
    check("$c'metadata any[]", "type metadata of Any");
    check(
        "$c'table m.a%2Ecode.E:Codira.Core%2Ecode.Error",
        "witness table of m.E : Codira.Error",
    );
    check("$c'global m.a%2Ecode.'var'g", "storage of m.g");
    check("$c'string hello%20world", "string literal \"hello world\"");
    check(
        "$c'trap arithmetic%20overflow~m/main%2Ecode",
        "trap \"arithmetic overflow\" in m/main.code",
    );
}

#[test]
fn types_are_written_as_in_the_language() {
    let metadata = |ty: &str| demangle(&format!("$c'metadata {ty}")).unwrap();
    assert_eq!(
        metadata("{|Codira.I%2Ecode.Int,Codira.B%2Ecode.Bool->Codira.I%2Ecode.Int}"),
        "type metadata of @convention(c) (Codira.Int, Codira.Bool) -> Codira.Int"
    );
    assert_eq!(
        metadata("(x:m.a%2Ecode.P,m.a%2Ecode.Q)"),
        "type metadata of (x: m.P, m.Q)"
    );
    assert_eq!(metadata("()"), "type metadata of ()");
    assert_eq!(
        metadata("{&m.a%2Ecode.P,+m.a%2Ecode.Q->()!any[m.a%2Ecode.E]}"),
        "type metadata of (inout m.P, consuming m.Q) throws(any m.E) -> ()"
    );
    assert_eq!(
        metadata("'Type[m.a%2Ecode.P<'0>]"),
        "type metadata of m.P<T0>.Type"
    );
}

#[test]
fn what_is_no_symbol_stays() {
    assert_eq!(demangle("main"), None);
    assert_eq!(demangle("$c"), None);
    assert_eq!(demangle("$c%zz"), None);
    // A name that was cut ends in a hash; what is left of it is shown.
    check(
        "$cm.a%2Ecode.'f()<m.a%2Ecode.P<m~0123",
        "m.a.code.'f()<m.a.code.P<m~0123",
    );
}

#[test]
fn symbols_are_found_in_text() {
    assert_eq!(
        demangle_line("0001 t $cm.a%2Ecode.'f() + 12\n"),
        "0001 t m.f() + 12\n"
    );
    assert_eq!(
        demangle_line("at $c'metadata m.a%2Ecode.P (x)"),
        "at type metadata of m.P (x)"
    );
    assert_eq!(demangle_line("nothing here\n"), "nothing here\n");
    assert_eq!(
        demangle_line("$c'once m.a%2Ecode.'var'g\n"),
        "initialisation flag of m.g\n"
    );
}

#[test]
fn any_text_can_be_asked_about() {
    // Deep nesting neither overflows the stack nor takes long.
    let deep = format!("$c'metadata {}", "'Type[".repeat(100_000));
    assert!(demangle(&deep).is_some());
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut symbol = String::from("$c");
        for _ in 0..state % 40 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let alphabet = b"'.<>()[]{}:,~#^%2E-=!&+aP0 ";
            symbol.push(char::from(
                alphabet[(state >> 33) as usize % alphabet.len()],
            ));
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let _ = demangle_line(&symbol);
    }
}
