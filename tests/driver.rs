//! The programs themselves, as build systems and people call them: messages, exit statuses, and nothing left
//! behind when something is wrong.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    fn run<S: AsRef<OsStr>>(&self, program: &str, args: &[S]) -> Output {
        let program = match program {
            "language" => env!("CARGO_BIN_EXE_language"),
            _ => env!("CARGO_BIN_EXE_languagec"),
        };
        Command::new(program)
            .args(args)
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    /// The exit status and standard error of `languagec`.
    fn languagec(&self, line: &str) -> (Option<i32>, String) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = self.run("languagec", &words);
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    }

    #[track_caller]
    fn rejects(&self, line: &str, expected: &str) {
        let before = self.entries();
        assert_eq!(
            self.languagec(line),
            (Some(1), format!("{expected}\n")),
            "for: {line}"
        );
        assert_eq!(
            self.entries(),
            before,
            "something was left behind by: {line}"
        );
    }
}

#[test]
fn versions_and_help_go_to_standard_output() {
    let folder = Folder::new(&[]);
    for (program, arg) in [
        ("languagec", "-v"),
        ("languagec", "-version"),
        ("languagec", "--version"),
        ("language", "-version"),
    ] {
        let output = folder.run(program, &[arg]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("Codira version 0.1.0 ("), "{text}");
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    }
    let output = folder.run("languagec", &["-help"]);
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("\nMODES:\n")
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn wrong_inputs_are_errors_and_leave_nothing_behind() {
    let folder = Folder::new(&[
        ("dir.code/x", b""),
        ("latin.code", b"print(\"a\xff\")\n"),
        ("good.code", b"print(1)\n"),
        ("plain/file", b""),
    ]);
    folder.rejects("", "error: no input files");
    folder.rejects(
        "missing.code -o out",
        "error: error opening input file 'missing.code' (No such file or directory)",
    );
    folder.rejects(
        "dir.code -o out",
        "error: error opening input file 'dir.code' (Is a directory)",
    );
    folder.rejects(
        "latin.code -o out",
        "error: input file 'latin.code' is not valid UTF-8 (byte offset 8)",
    );
    folder.rejects(
        "good.code -o nowhere/out",
        "error: cannot write output file 'nowhere/out' (No such file or directory)",
    );
    folder.rejects(
        "good.code -o plain/file/out",
        "error: cannot write output file 'plain/file/out' (Not a directory)",
    );
    folder.rejects(
        "good.code -o plain",
        "error: cannot write output file 'plain' (Is a directory)",
    );
    folder.rejects(
        "good.code -typechek",
        "error: unknown argument: '-typechek'; did you mean '-typecheck'?",
    );
    folder.rejects(
        "good.code -output-file-map no.json",
        "error: unable to load output file map 'no.json': No such file or directory",
    );
}

#[test]
fn read_only_folders_are_found_out_first() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("locked/x", b"")]);
    let locked = folder.path().join("locked");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        // The superuser may write everywhere, and there is nothing to find out.
        return;
    }
    // The input does not exist either, but the output is looked at first.
    folder.rejects(
        "missing.code -o locked/out",
        "error: cannot write output file 'locked/out' (Permission denied)",
    );
}

#[test]
fn arguments_that_are_not_utf8_are_errors() {
    let folder = Folder::new(&[]);
    let output = folder.run("languagec", &[OsStr::from_bytes(b"a\xff.code")]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        stderr,
        "error: argument 'a\u{fffd}.code' is not valid UTF-8\n"
    );
}

#[test]
fn response_files_hold_arguments_and_inputs() {
    let folder = Folder::new(&[
        ("args", b"-module-name M @more\n"),
        ("more", b"'a b.code' -###"),
    ]);
    let output = folder.run("languagec", &["@args"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let first = "language-frontend -frontend -c -primary-file 'a b.code' ";
    assert!(
        text.starts_with(first) && text.contains(" -module-name M "),
        "{text}"
    );
}

#[test]
fn closed_streams_do_no_harm() {
    let program = env!("CARGO_BIN_EXE_languagec");
    let line =
        format!("'{program}' -help | head -n 1; '{program}' -help >&-; '{program}' -foo 2>&-");
    let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"OVERVIEW: Codira compiler\n");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

/// An error that nobody catches ends the program, whether it leaves the statements of a file or the function that the program begins with.
#[test]
fn uncaught_errors_end_the_program() {
    let folder = Folder::new(&[
        (
            "script.code",
            b"struct Late: Error {}\nprint(1)\nthrow Late()\n",
        ),
        (
            "app.code",
            b"struct Late: Error {}\n@main struct App { static fn main() throws { print(1); throw Late() } }\n",
        ),
        ("main.code", b"// A program that has nothing to do.\n"),
    ]);
    for (line, succeeds) in [
        ("script.code -o program", false),
        ("-O script.code -o program", false),
        ("-parse-as-library app.code -o program", false),
        ("main.code -o program", true),
    ] {
        assert_eq!(folder.languagec(line), (Some(0), String::new()), "{line}");
        let output = Command::new(folder.path().join("program"))
            .output()
            .unwrap();
        assert_eq!(output.status.success(), succeeds, "{line}");
        if !succeeds {
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.stdout, b"1\n", "{line}");
            let expected = "Error raised at top level: program.Late()";
            assert!(stderr.contains(expected), "{line}: {stderr}");
        }
    }
}
