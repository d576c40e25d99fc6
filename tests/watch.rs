//! `--watch` as a user meets it: a process that is started once, while files are edited beside it.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use expect_test::{Expect, expect};
use tempfile::TempDir;

/// A folder of sources and a compiler that watches it.
struct Session {
    folder: TempDir,
    process: Child,
    lines: Receiver<String>,
    transcript: String,
}

impl Session {
    /// Writes the files, starts `program` and waits for its first build.
    fn start(program: &str, args: &[&str], files: &[(&str, &str)]) -> Session {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut process = Command::new(program)
            .args(args)
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(process.stdout.take().unwrap()),
            Box::new(process.stderr.take().unwrap()),
        ];
        for stream in streams {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        let transcript = String::new();
        let mut session = Session {
            folder,
            process,
            lines,
            transcript,
        };
        session.step("start", "ms]", |_| {});
        session
    }

    /// Does something to the folder and notes what the compiler says, up to the line that ends in `last`.
    fn step(&mut self, what: &str, last: &str, edit: impl FnOnce(&Folder)) {
        self.transcript.push_str(&format!("-- {what}\n"));
        edit(&Folder(self.folder.path().to_path_buf()));
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let Ok(line) = line else {
                panic!("nothing more was said:\n{}", self.transcript);
            };
            self.transcript.push_str(&without_numbers(&line));
            self.transcript.push('\n');
            if line.ends_with(last) {
                return;
            }
        }
    }

    /// Notes what the program that was built prints.
    fn run(&mut self) {
        let output = Command::new(self.folder.path().join("prog"))
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        self.transcript.push_str(&format!("prints: {printed}"));
    }

    fn check(self, expected: Expect) {
        expected.assert_eq(&self.transcript);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Folder(PathBuf);

impl Folder {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
    /// Replaces a file as editors do: a new one takes its place.
    fn replace(&self, name: &str, text: &str) {
        std::fs::write(self.0.join("tmp"), text).unwrap();
        std::fs::rename(self.0.join("tmp"), self.0.join(name)).unwrap();
    }
    fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.join(name)).unwrap();
    }
}

/// Times differ from run to run, and how many functions of the library a program needs is the library's business.
fn without_numbers(line: &str) -> String {
    let Some((text, _)) = line.rsplit_once(" in ").filter(|_| line.ends_with(" ms]")) else {
        return line.to_owned();
    };
    let word = |word: &str| match word.parse::<u32>() {
        Ok(number) if number >= 5 => "many".to_owned(),
        _ => word.to_owned(),
    };
    let words: Vec<String> = text.split(' ').map(word).collect();
    format!("{} in … ms]", words.join(" "))
}

const LANGUAGEC: &str = env!("CARGO_BIN_EXE_languagec");
const LANGUAGE: &str = env!("CARGO_BIN_EXE_language");

const A: &str = "fn greet(_ name: String) -> String { \"hello \" + name }\n";
const MAIN: &str = "print(greet(\"world\"))\nprint(twice(4))\n";
const B: &str = "fn twice(_ n: Int) -> Int { n * 2 }\n";

#[test]
fn a_session_from_edit_to_edit() {
    let files = [("a.code", A), ("b.code", B), ("main.code", MAIN)];
    let args = ["--watch", "a.code", "b.code", "main.code", "-o", "prog"];
    let mut session = Session::start(LANGUAGEC, &args, &files);
    session.run();
    session.step("edit a body", "ms]", |f| {
        f.replace("b.code", "fn twice(_ n: Int) -> Int { n + n + 1 }\n");
    });
    session.run();
    session.step("edit a comment", "ms]", |f| {
        f.write(
            "b.code",
            "// Odd.\nfn twice(_ n: Int) -> Int { n + n + 1 }\n",
        );
    });
    session.step("edit a signature", "ms]", |f| {
        f.write("b.code", "fn twice(_ n: Double) -> Double { n * 2 }\n");
    });
    session.run();
    session.step("break a file", "ms]", |f| {
        f.write("a.code", "fn greet(_ name: String) -> String { 5 }\n");
    });
    session.step("repair it", "ms]", |f| f.write("a.code", A));
    session.step("delete a file", "ms]", |f| f.remove("b.code"));
    session.step("add it again", "ms]", |f| f.write("b.code", B));
    session.run();
    session.check(expect![[r#"
        -- start
        [checked 3 bodies, compiled many functions in … ms]
        prints: hello world
        8
        -- edit a body
        [b.code changed: checked 1 body, compiled 1 function in … ms]
        prints: hello world
        9
        -- edit a comment
        [b.code changed: nothing to do in … ms]
        -- edit a signature
        [b.code changed: checked 2 bodies, compiled many functions in … ms]
        prints: hello world
        8.0
        -- break a file
        a.code:1:38: error: cannot convert return expression of type 'Int' to return type 'String'
        1 | fn greet(_ name: String) -> String { 5 }
          |                                      ^
        [a.code changed: errors in … ms]
        -- repair it
        [a.code changed: checked 1 body in … ms]
        -- delete a file
        error: error opening input file 'b.code' (No such file or directory)
        [b.code removed: errors in … ms]
        -- add it again
        [b.code added: checked 2 bodies, compiled 2 functions in … ms]
        prints: hello world
        8
    "#]]);
}

#[test]
fn a_program_is_run_anew() {
    let endless = "while true {}\n";
    let args = ["run", "--watch", "main.code"];
    let mut session = Session::start(LANGUAGE, &args, &[("main.code", endless)]);
    session.step("edit", "status 0]", |f| {
        f.replace("main.code", "if false { print(2) }\n")
    });
    session.step("a trap", "signal 4]", |f| {
        f.replace("main.code", "var a = [1]\na.removeAll()\nprint(a[0])\n");
    });
    session.check(expect![[r#"
        -- start
        [checked 1 body, compiled 1 function in … ms]
        -- edit
        main.code:1:12: warning: will never be executed
        1 | if false { print(2) }
          |            ^^^^^^^^
        [main.code changed: checked 1 body, compiled 1 function in … ms]
        [program ended with status 0]
        -- a trap
        [main.code changed: checked 2 bodies, compiled many functions in … ms]
        Codira/Array.code:79: Fatal error: Index out of range
        [program ended by signal 4]
    "#]]);
}

#[test]
fn a_file_that_was_only_touched_is_not_built() {
    let args = ["--watch", "-typecheck", "main.code"];
    let mut session = Session::start(LANGUAGEC, &args, &[("main.code", "print(1)\n")]);
    session.step("the same text, then another", "ms]", |f| {
        f.write("main.code", "print(1)\n");
        std::thread::sleep(Duration::from_millis(200));
        f.write("main.code", "print(2)\n");
    });
    session.check(expect![[r#"
        -- start
        [checked 1 body in … ms]
        -- the same text, then another
        [main.code changed: checked 1 body in … ms]
    "#]]);
}

/// A user that may have no watchers at all; what a process does in a namespace of its own concerns nobody else.
const WITHOUT_WATCHERS: &str =
    "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"";

#[test]
fn where_the_system_does_not_notify_files_are_looked_at() {
    let alone = ["--user", "--map-root-user", "sh", "-c", WITHOUT_WATCHERS];
    let permitted = Command::new("unshare")
        .args(alone)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if !permitted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: the limit on watchers cannot be set here");
        return;
    }
    let compiler = [LANGUAGEC, "--watch", "-typecheck", "main.code"];
    let args = [&alone[..], &compiler[..]].concat();
    let mut session = Session::start("unshare", &args, &[("main.code", "print(1)\n")]);
    session.step("edit", "ms]", |f| f.replace("main.code", "print(2)\n"));
    session.step("break", "ms]", |f| f.write("main.code", "print(3\n"));
    session.step("delete", "ms]", |f| f.remove("main.code"));
    session.step("add", "ms]", |f| f.write("main.code", "print(4)\n"));
    session.check(expect![[r#"
        -- start
        warning: the system cannot notify about changes (the limit of watchers is reached; raise fs.inotify.max_user_instances); looking at the files every 500 ms instead
        [checked 1 body in … ms]
        -- edit
        [main.code changed: checked 1 body in … ms]
        -- break
        main.code:1:8: error: expected ')' in expression list
        1 | print(3
          |        ^
        main.code:1:6: note: to match this opening '('
        1 | print(3
          |      ^
        [main.code changed: errors in … ms]
        -- delete
        error: error opening input file 'main.code' (No such file or directory)
        [main.code removed: errors in … ms]
        -- add
        [main.code added: checked 1 body in … ms]
    "#]]);
}

#[test]
fn nothing_is_left_behind_when_it_is_interrupted() {
    let files = [("a.code", A), ("b.code", B), ("main.code", MAIN)];
    let args = ["--watch", "a.code", "b.code", "main.code", "-o", "prog"];
    let mut session = Session::start(LANGUAGEC, &args, &files);
    session.step("edit a body", "ms]", |f| {
        f.write("b.code", "fn twice(_ n: Int) -> Int { n + n + 1 }\n");
    });
    let hidden = |session: &Session| {
        let entries = std::fs::read_dir(session.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with('.'))
            .count()
    };
    assert_eq!(hidden(&session), 1, "the program before this one");
    let status = Command::new("kill")
        .arg(session.process.id().to_string())
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    assert!(!session.process.wait().unwrap().success());
    assert_eq!(hidden(&session), 0);
}
