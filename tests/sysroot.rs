//! The standard library as a module file: made at first use, installed, shared, damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Uses generics, conformances, closures and strings of the library, and traps in it.
const PROGRAM: &str = "\
immutable words = [\"one\", \"two\", \"three\"]
immutable lengths = Dictionary(uniqueKeysWithValues: words.map { ($0, $0.count) })
print(lengths.sorted { $0.key < $1.key }.map { \"\\($0.key)=\\($0.value)\" }.joined(separator: \" \"))
print((words as Any) as? [String] ?? [])
print(words[words.count])
";
const PRINTED: &str = "one=3 three=5 two=3\n[\"one\", \"two\", \"three\"]\n";

/// A folder with a program, and a cache that nobody else uses.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.path("main.code"), PROGRAM).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A compilation of the program to `out`.
    fn compile(&self, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.0.path())
            .args(["main.code", "-o", out])
            .args(more)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The files among the results of this build of the compiler that end in so.
    fn cached(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache/codira"))
            .into_iter()
            .flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.to_string_lossy().ends_with(ending))
            .collect()
    }

    fn library(&self) -> PathBuf {
        let found = self.cached(".codemodule");
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// A compilation succeeds without a word, and the program does what it should; its bytes.
    #[track_caller]
    fn expect_right(&self, out: &str, more: &[&str]) -> Vec<u8> {
        assert_silent(&self.compile(out, more).output().unwrap());
        let ran = Command::new(self.path(out)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), PRINTED);
        let trapped = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(
            trapped.contains("Fatal error: Index out of range"),
            "{trapped}"
        );
        fs::read(self.path(out)).unwrap()
    }
}

#[track_caller]
fn assert_silent(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn it_is_made_at_first_use_and_means_what_its_sources_mean() {
    let folder = Folder::new();
    let first = folder.expect_right("out", &[]);
    let library = folder.library();
    let made = fs::metadata(&library).unwrap().modified().unwrap();
    assert!(folder.expect_right("out", &[]) == first);
    folder.expect_right("out", &["-O"]);
    let still = fs::metadata(&library).unwrap().modified().unwrap();
    assert_eq!(made, still, "one file serves all compilations");

    // Where nothing can be written, the library is compiled from its sources with the program.
    fs::remove_dir_all(folder.path("cache")).unwrap();
    fs::write(folder.path("cache"), "no folder").unwrap();
    for options in [&[][..], &["-O"], &["-g"]] {
        let from_sources = folder.expect_right("out", options);
        let shared = Folder(tempfile::tempdir().unwrap());
        fs::copy(folder.path("main.code"), shared.path("main.code")).unwrap();
        fs::create_dir(shared.path("cache")).unwrap();
        let mut command = folder.compile("out", options);
        command.env("XDG_CACHE_HOME", shared.path("cache"));
        assert_silent(&command.output().unwrap());
        assert!(
            fs::read(folder.path("out")).unwrap() == from_sources,
            "{options:?}: the program depends on how the library was loaded"
        );
    }
}

#[test]
fn compilers_that_start_at_once_make_one() {
    let folder = Folder::new();
    let outs: Vec<String> = (0..6).map(|n| format!("out{n}/main")).collect();
    let start = |out: &String| {
        fs::create_dir(folder.path(out).parent().unwrap()).unwrap();
        folder.compile(out, &[]).spawn().unwrap()
    };
    let started: Vec<Child> = outs.iter().map(start).collect();
    for child in started {
        assert_silent(&child.wait_with_output().unwrap());
    }
    let programs: Vec<Vec<u8>> = outs
        .iter()
        .map(|out| fs::read(folder.path(out)).unwrap())
        .collect();
    assert!(programs.windows(2).all(|pair| pair[0] == pair[1]));
    folder.library();
    assert!(folder.cached(".tmp").is_empty());
}

#[test]
fn a_damaged_one_is_made_again() {
    let folder = Folder::new();
    let program = folder.expect_right("out", &[]);
    let library = folder.library();
    let whole = fs::read(&library).unwrap();
    // How much of the file is there, and where and how often a bit of it is wrong.
    let damages = [
        (whole.len() / 2, 0, 0),
        (0, 0, 0),
        (whole.len(), 100, whole.len()),
        (whole.len(), 40_000, 1),
        (whole.len(), 40_000, 97),
    ];
    for (number, (length, first, step)) in damages.into_iter().enumerate() {
        let mut bytes = whole[..length].to_vec();
        if step > 0 {
            let wrong = bytes.iter_mut().skip(first).step_by(step);
            wrong.for_each(|byte| *byte ^= 0x10);
        }
        fs::write(&library, bytes).unwrap();
        // What follows from the library would answer some of the questions.
        for pack in folder.cached(".pack") {
            fs::remove_file(pack).unwrap();
        }
        let again = folder.expect_right("out", &[]);
        assert!(again == program, "damage {number}");
        assert!(fs::read(&library).unwrap() == whole, "damage {number}");
    }
}

#[test]
fn it_can_be_installed() {
    let folder = Folder::new();
    let language = |args: &[&str]| -> Output {
        Command::new(env!("CARGO_BIN_EXE_language"))
            .args(args)
            .current_dir(folder.0.path())
            .output()
            .unwrap()
    };
    let installed = language(&["install-library", "root"]);
    let said = String::from_utf8(installed.stdout).unwrap();
    let path = said.strip_prefix("Installed ").unwrap().trim_end();
    assert!(path.starts_with("root/lib/codira/"), "{path}");
    assert!(path.ends_with("/Codira.codemodule"), "{path}");

    // Whoever uses it needs no cache, and leaves none behind.
    folder.expect_right("out", &["--sysroot", "root"]);
    assert!(folder.cached(".codemodule").is_empty());
    let resources = Path::new(path).parent().unwrap().to_str().unwrap();
    folder.expect_right("out", &["-resource-dir", resources]);
    assert!(folder.cached(".codemodule").is_empty());

    // It is a module file like any other.
    let described = language(&["metadata", path]);
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(described.contains("module: Codira\n"), "{described}");

    // A sysroot that was asked for has to fit.
    let whole = fs::read(folder.path(path)).unwrap();
    fs::write(folder.path(path), &whole[..whole.len() / 2]).unwrap();
    let failed = folder.compile("other", &["--sysroot", "root"]);
    let failed = { failed }.output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(
        said.starts_with("error: cannot load module file 'root/lib/"),
        "{said}"
    );
    assert!(said.contains("it is incomplete"), "{said}");
    assert_eq!(failed.status.code(), Some(1));
    assert!(!folder.path("other").exists());
}
