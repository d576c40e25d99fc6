//! Tests of `diag`.

use expect_test::{Expect, expect};

use super::*;

fn span(files: &FileList, file: FileKey, needle: &str) -> FileSpan {
    let start = files.text(file).find(needle).unwrap() as u32;
    let range = TextRange::new(start.into(), (start + needle.len() as u32).into());
    FileSpan::new(file, range)
}

fn check(files: &FileList, diagnostic: &Diagnostic, expected: Expect) {
    let text = render::to_text(diagnostic, files, false);
    let untrailed: Vec<&str> = text.lines().map(str::trim_end).collect();
    expected.assert_eq(&(untrailed.join("\n") + "\n"));
}

#[test]
fn excerpts_have_marks_labels_notes_and_fixits() {
    let mut files = FileList::new();
    let file = files.add(
        "dir/a.code",
        "immutable x: Int =\n    \"text\" + y\nvar y = 2\n",
    );
    let at = |needle| span(&files, file, needle);
    let diagnostic = Diagnostic::error("type-mismatch", at("\"text\""), "cannot convert")
        .label(at("Int"), "expected because of this")
        .label(at("y\n"), "and this")
        .note(at("var y"), "'y' declared here")
        .note(None, "no place")
        .fixit(at("\"text\""), "1");
    check(
        &files,
        &diagnostic,
        expect![[r#"
            dir/a.code:2:5: error: cannot convert
            1 | immutable x: Int =
              |              --- expected because of this
            2 |     "text" + y
              |     ^^^^^^   - and this
              = fix-it: replace '"text"' with '1'
            dir/a.code:3:1: note: 'y' declared here
            3 | var y = 2
              | ^^^^^
            note: no place
        "#]],
    );
}

#[test]
fn tabs_wide_characters_and_empty_ranges_line_up() {
    let mut files = FileList::new();
    let file = files.add("a.code", "\tvar 名前 = \"e\u{301}\" + x\u{0} y");
    let x = span(&files, file, "x");
    let end = FileSpan::new(file, TextRange::empty(TextSize::of(files.text(file))));
    let diagnostic = Diagnostic::warning("w", x, "here")
        .label(span(&files, file, "名前"), "wide")
        .label(end, "the end");
    check(
        &files,
        &diagnostic,
        expect![[r#"
            a.code:1:23: warning: here
            1 |     var 名前 = "é" + x␀ y
              |         ----         ^   - the end
              |         wide
        "#]],
    );
}

#[test]
fn long_lines_are_clipped_around_the_mark() {
    let mut files = FileList::new();
    let text = format!("{}bad{}", "é".repeat(5_000), "x".repeat(20_000_000));
    let file = files.add("a.code", &text);
    let text = render::to_text(
        &Diagnostic::error("e", span(&files, file, "bad"), "m"),
        &files,
        false,
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "a.code:1:10001: error: m");
    assert!(lines[1].chars().count() < 180, "{}", lines[1]);
    assert!(lines[1].ends_with("x…") && lines[1].starts_with("1 | …é"));
    let column = |line: &str, needle: &str| {
        let at = line.find(needle).unwrap();
        line[..at].chars().count()
    };
    assert_eq!(column(lines[1], "bad"), column(lines[2], "^^^"));
}

#[test]
fn colours_only_when_asked_for() {
    let files = FileList::new();
    let diagnostic = Diagnostic::global_error("no-inputs", "no input files");
    assert_eq!(
        render::to_text(&diagnostic, &files, false),
        "error: no input files\n"
    );
    let coloured = render::to_text(&diagnostic, &files, true);
    assert_eq!(
        coloured,
        "\x1b[1;31merror:\x1b[0m \x1b[1mno input files\x1b[0m\n"
    );
}

#[test]
fn json_is_one_line() {
    let mut files = FileList::new();
    let file = files.add("a.code", "let\nx");
    let x = span(&files, file, "x");
    let diagnostic = Diagnostic::error("c", x, "say \"no\"\n").fixit(x, "y");
    expect![[r#"{"severity":"error","code":"c","message":"say \"no\"\n","span":{"file":"a.code","start":4,"end":5,"line":2,"column":1,"end_line":2,"end_column":2},"fixits":[{"span":{"file":"a.code","start":4,"end":5,"line":2,"column":1,"end_line":2,"end_column":2},"replacement":"y"}]}"#]]
    .assert_eq(&json::to_json(&diagnostic, &files));
}

#[test]
fn reports_are_sorted_deduplicated_and_limited() {
    let mut files = FileList::new();
    let (a, b) = (files.add("a.code", "one two"), files.add("b.code", "three"));
    let error = |file, needle, m: &str| Diagnostic::error("e", span(&files, file, needle), m);
    let all = vec![
        error(b, "three", "3"),
        error(a, "two", "2"),
        Diagnostic::warning("w", span(&files, a, "one"), "1"),
        error(a, "two", "2"),
        Diagnostic::global_error("g", "0"),
    ];
    let shown = |options: &ReportOptions| {
        let report = prepare(all.clone(), options, &files);
        let messages: Vec<String> = report.diagnostics.into_iter().map(|d| d.message).collect();
        (messages.join(" "), report.errors, report.warnings)
    };
    let mut options = ReportOptions::default();
    assert_eq!(shown(&options), ("0 1 2 3".into(), 3, 1));
    options.suppress_warnings = true;
    assert_eq!(shown(&options), ("0 2 3".into(), 3, 0));
    options.warnings_as_errors = true;
    assert_eq!(shown(&options), ("0 1 2 3".into(), 4, 0));
    options.error_limit = Some(2);
    let (text, errors, _) = shown(&options);
    assert_eq!(
        (text.as_str(), errors),
        ("0 1 too many errors emitted, stopping now (2 more)", 4)
    );
}
