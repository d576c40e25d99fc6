//! Rules about the source itself, so that the architecture stays what ARCHITECTURE.md says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `src`, in reading order: a folder may import only folders before it.
const ORDER: &[&str] = &[
    "base",
    "vfs",
    "diag",
    "session",
    "syntax",
    "db",
    "items",
    "metadata",
    "resolve",
    "types",
    "bodies",
    "mir",
    "codegen",
    "store",
    "link",
    "interface",
    "driver",
    "ide",
    "server",
];

/// Folders that are data rather than a stage: everybody may import them, and they import nothing.
const DATA: &[&str] = &["library", "runtime"];

/// Folders whose Rust is compiled on its own, outside this crate.
const SEPARATE: &[&str] = &["runtime"];

const WARN_LINES: usize = 800;
const MAX_LINES: usize = 1000;

/// Files that are too long today, with what they may have until they are split. The list only shrinks.
const OVERSIZE: &[(&str, usize)] = &[("codegen/tests.rs", 1050)];

struct SourceFile {
    path: PathBuf,
    /// The first folder below `src`, empty for files right in it.
    folder: String,
    text: String,
}

fn sources() -> Vec<SourceFile> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let relative = path.strip_prefix(&root).unwrap();
        let mut parts = relative.components();
        let first = parts.next().unwrap().as_os_str().to_str().unwrap();
        let folder = match parts.next() {
            Some(_) => first.to_owned(),
            None => String::new(),
        };
        let text = fs::read_to_string(&path).unwrap();
        SourceFile { path, folder, text }
    };
    paths.into_iter().map(read).collect()
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The line without its comment. Good enough for this tree: no string in it holds `//` and matters here.
fn code(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        false => line.split(" // ").next().unwrap_or(line),
    }
}

/// The folders that a file's code names after `crate::`, also in `use crate::{a, b}` over several lines.
fn imported(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|line| code(line).to_owned() + "\n")
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` in a macro speaks about the same crate; `mycrate::` would not.
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(group) => found.extend(group_heads(group)),
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// The first names of a `use` group whose opening brace was just read: `a::{b, c}, d}` gives a and d.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut expects_head = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects_head = true,
            c if expects_head && !c.is_whitespace() => {
                heads.extend(first_word(&group[at..]));
                expects_head = false;
            }
            _ => {}
        }
    }
    heads
}

#[test]
fn folders_import_only_folders_above_them() {
    let mut problems = Vec::new();
    for file in sources() {
        let place = |name: &str| ORDER.iter().position(|&folder| folder == name);
        if file.folder.is_empty() || file.folder == "bin" || SEPARATE.contains(&&*file.folder) {
            continue;
        }
        // Tests may run what they made through the folders below.
        if file.path.ends_with("tests.rs") {
            continue;
        }
        let own = place(&file.folder);
        if own.is_none() && !DATA.contains(&&*file.folder) {
            let path = file.path.display();
            problems.push(format!(
                "{path}: '{}' is not in the order of folders",
                file.folder
            ));
            continue;
        }
        for name in imported(&file.text) {
            let below = match (place(&name), own) {
                (Some(theirs), Some(own)) => theirs > own,
                (Some(_), None) => true,
                // Data folders, macros and re-exports of the crate's root.
                (None, _) => false,
            };
            if below {
                let path = file.path.display();
                problems.push(format!("{path}: imports '{name}', which is below it"));
            }
        }
    }
    report(problems);
}

#[test]
fn every_folder_opens_with_a_tour_of_itself() {
    let mut problems = Vec::new();
    let mut folders = BTreeSet::new();
    for file in sources() {
        let in_order = ORDER.contains(&&*file.folder);
        if in_order {
            folders.insert(file.folder.clone());
        }
        if !file.text.starts_with("//!") && !SEPARATE.contains(&&*file.folder) {
            let path = file.path.display();
            problems.push(format!("{path}: does not open with a //! comment"));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for folder in folders {
        let text = fs::read_to_string(root.join(&folder).join("mod.rs")).unwrap_or_default();
        if !text.starts_with(&format!("//! Tour of `{folder}`")) {
            problems.push(format!(
                "src/{folder}/mod.rs: does not open with '//! Tour of `{folder}`'"
            ));
        }
    }
    report(problems);
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut problems = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        let path = file.path.display();
        let known = OVERSIZE.iter().find(|(name, _)| file.path.ends_with(name));
        if lines > known.map_or(MAX_LINES, |(_, most)| *most) {
            problems.push(format!("{path}: {lines} lines; split it"));
        } else if lines > WARN_LINES {
            println!("warning: {path}: {lines} lines; think about splitting it");
        }
    }
    report(problems);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not hold the words itself.
    let forbidden = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let mut problems = Vec::new();
    for file in sources() {
        for (number, line) in file.text.lines().enumerate() {
            let line = code(line);
            for word in forbidden.iter().filter(|word| line.contains(word.as_str())) {
                let path = file.path.display();
                problems.push(format!("{path}:{}: {word}…)", number + 1));
            }
        }
    }
    report(problems);
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::base::Name;\nuse crate::{\n    db::{Db, x},\n    diag,\n};\n\
                // crate::driver\nfn f() -> crate::vfs::X { $crate::session::y!() }\n";
    let found: Vec<String> = imported(text).into_iter().collect();
    assert_eq!(found, ["base", "db", "diag", "session", "vfs"]);
}
