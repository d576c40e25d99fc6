//! Compilations as jobs: in one process, in many, as a whole module; and what build systems are told about them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A program of three files, one of which has generic code that the others make instances of.
const FILES: [(&str, &str); 3] = [
    (
        "main.code",
        "import Codira\nimmutable shop = Shop(prices: [3, 4])\nprint(shop.total, twice(shop.total), kind(of: shop))\n",
    ),
    (
        "shop.code",
        "struct Shop: Named { var prices: [Int]\n  var total: Int { return prices.reduce(0, +) }\n  var name: String { return twice(\"shop\").joined() } }\n",
    ),
    (
        "tools.code",
        "protocol Named { var name: String { get } }\nfn twice<T>(_ x: T) -> [T] { return [x, x] }\nfn kind(of x: Any) -> String { return (x as? any Named)?.name ?? \"?\" }\n",
    ),
];
const PRINTED: &str = "7 [7, 7] shopshop\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in FILES {
            folder.write(name, text);
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn run(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        let path = match words.next().unwrap() {
            "languagec" => env!("CARGO_BIN_EXE_languagec").into(),
            "language" => env!("CARGO_BIN_EXE_language").into(),
            own if own.starts_with("./") => self.path().join(own),
            other => other.into(),
        };
        Command::new(path)
            .args(words)
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .env("TMPDIR", self.path())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn output(&self, line: &str) -> String {
        let output = self.run(line);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {messages}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The exit status and standard error of a command.
    fn said(&self, line: &str) -> (Option<i32>, String) {
        let output = self.run(line);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

#[test]
fn programs_are_the_same_however_they_are_made() {
    let folder = Folder::new();
    for options in [
        "",
        "-driver-separate-processes",
        "-wmo -use-ld=bfd",
        "-wmo -num-threads 2 -use-ld=bfd",
        "-O -wmo -num-threads 2 -use-ld=bfd",
    ] {
        folder.output(&format!(
            "languagec {options} main.code shop.code tools.code -o program"
        ));
        assert_eq!(folder.output("./program"), PRINTED, "{options}");
    }
}

/// A frontend job makes its own file's object, which is the one that a compilation of all files makes.
#[test]
fn frontend_jobs_make_the_objects_of_one_process() {
    let folder = Folder::new();
    let line = "-c main.code shop.code tools.code -module-name shop";
    folder.output(&format!("languagec {line}"));
    let names = ["main.o", "shop.o", "tools.o"];
    let together = names.map(|name| folder.read(name));
    for name in names {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    folder.output(&format!("languagec -driver-separate-processes {line}"));
    assert!(names.map(|name| folder.read(name)) == together);
    let job =
        "-frontend -c main.code -primary-file shop.code tools.code -module-name shop -o one.o";
    folder.output(&format!("language {job}"));
    assert!(folder.read("one.o") == together[1]);
    // Threads are not jobs: how many there are changes nothing.
    folder.output(&format!("languagec -j1 {line}"));
    assert!(names.map(|name| folder.read(name)) == together);
}

#[test]
fn a_frontend_job_speaks_for_its_own_file() {
    let folder = Folder::new();
    folder.write(
        "shop.code",
        "struct Shop { var prices: [Int]; var total: Int { return nothing } }\n",
    );
    let line = "main.code shop.code tools.code";
    let (status, said) = folder.said(&format!("languagec -driver-separate-processes {line}"));
    assert_eq!(status, Some(1));
    assert_eq!(
        said.matches("cannot find 'nothing' in scope").count(),
        1,
        "{said}"
    );
    let failed = "error: compile command failed with exit code 1 (use -v to see invocation)\n";
    assert!(said.contains(failed), "{said}");
    let (status, said) =
        folder.said("language -frontend -c -primary-file tools.code main.code shop.code -o t.o");
    assert_eq!((status, said.as_str()), (Some(1), ""));
    assert!(!folder.path().join("t.o").exists());
}

/// Takes messages apart: each has its length, a line with the object, and nothing else.
fn messages(mut text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let (length, rest) = text.split_once('\n').unwrap();
        let length: usize = length.parse().unwrap();
        found.push(serde_json::from_str(&rest[..length]).unwrap());
        text = rest[length..].strip_prefix('\n').unwrap();
    }
    found
}

fn summary(messages: &[Value]) -> Vec<String> {
    let describe = |message: &Value| {
        let text = |key: &str| message[key].as_str().unwrap().to_owned();
        let mut line = format!("{} {}", text("kind"), text("name"));
        if let Some(status) = message["exit-status"].as_i64() {
            line.push_str(&format!(" {status}"));
        }
        line
    };
    messages.iter().map(describe).collect()
}

#[test]
fn build_systems_are_told_about_jobs() {
    let folder = Folder::new();
    let line = "-parseable-output main.code shop.code tools.code -o program";
    let (status, said) = folder.said(&format!("languagec {line}"));
    assert_eq!(status, Some(0));
    let found = messages(&said);
    let mut expected = vec!["began compile"; 3];
    expected.extend(["finished compile 0"; 3]);
    expected.extend(["began autolink-extract", "finished autolink-extract 0"]);
    expected.extend(["began link", "finished link 0"]);
    assert_eq!(summary(&found), expected);
    assert_eq!(found[1]["inputs"], serde_json::json!(["shop.code"]));
    assert_eq!(found[1]["outputs"][0]["type"], "object");
    // Jobs that share a process have numbers of their own, all negative.
    assert!(
        found
            .iter()
            .all(|message| message["pid"].as_i64() < Some(0))
    );
    assert_eq!(found[0]["pid"], found[3]["pid"]);
    assert!(found[0]["process"]["real_pid"].as_i64() > Some(0));
    assert!(found[3]["process"]["usage"]["maxrss"].as_i64() > Some(0));

    folder.write(
        "shop.code",
        "struct Shop { var prices: [Int]; var total: Int { return nothing } }\n",
    );
    for (option, is_own) in [("", false), ("-driver-separate-processes", true)] {
        let (status, said) = folder.said(&format!("languagec {option} {line}"));
        assert_eq!(status, Some(1));
        let found = messages(&said);
        let failed = found
            .iter()
            .find(|message| message["exit-status"] == 1 && message["output"].is_string());
        let failed = failed.unwrap_or_else(|| panic!("{said}"));
        let output = failed["output"].as_str().unwrap();
        assert!(
            output.contains("cannot find 'nothing' in scope"),
            "{output}"
        );
        assert_eq!(failed["pid"].as_i64() > Some(0), is_own);
        assert!(!summary(&found).contains(&"began link".to_owned()));
    }
}

#[test]
fn assembly_is_what_an_assembler_accepts() {
    let folder = Folder::new();
    let text = folder.output("languagec -wmo -S main.code shop.code tools.code -module-name main");
    folder.write("all.s", &text);
    folder.output("as all.s -o all.o");
    folder.output("languagec all.o -o program");
    assert_eq!(folder.output("./program"), PRINTED);
    folder.output("languagec -S -O main.code shop.code tools.code -wmo -o optimised.s");
    folder.output("as optimised.s -o optimised.o");
}

#[test]
fn make_and_people_are_told_what_is_read() {
    let folder = Folder::new();
    folder.write("with space.code", "");
    folder
        .output("languagec -c -module-name main -emit-dependencies main.code shop.code tools.code");
    let rules = String::from_utf8(folder.read("shop.d")).unwrap();
    assert_eq!(rules, "shop.o : main.code shop.code tools.code\n");
    folder.output("languagec -emit-dependencies -wmo main.code shop.code tools.code -o program");
    let rules = String::from_utf8(folder.read("program.d")).unwrap();
    assert_eq!(rules, "program : main.code shop.code tools.code\n");
    let map = "{\"main.code\": {\"object\": \"m.o\", \"dependencies\": \"deps/with space.d\"}}";
    folder.write("map.json", map);
    fs::create_dir(folder.path().join("deps")).unwrap();
    folder.output(
        "languagec -c -module-name main -emit-dependencies -output-file-map map.json main.code shop.code tools.code",
    );
    let rules = String::from_utf8(folder.read("deps/with space.d")).unwrap();
    assert_eq!(rules, "m.o : main.code shop.code tools.code\n");
    let imported = folder.output("languagec -emit-imported-modules main.code shop.code");
    assert_eq!(imported, "Codira\n");
}

#[test]
fn modules_are_wrapped_in_objects() {
    use codira::metadata::{ModuleFile, ModuleHeader, encode};
    let folder = Folder::new();
    let header = ModuleHeader {
        name: "Shop".into(),
        ..ModuleHeader::default()
    };
    let module = encode(&header, &std::collections::BTreeMap::new());
    fs::write(folder.path().join("Shop.codemodule"), &module).unwrap();
    folder.output("language -frontend -modulewrap Shop.codemodule -o wrapped.o");
    let wrapped = ModuleFile::from_bytes("wrapped.o", folder.read("wrapped.o")).unwrap();
    assert_eq!(wrapped.header().name, "Shop");
    folder.output("languagec main.code shop.code tools.code wrapped.o -o program");
    assert_eq!(folder.output("./program"), PRINTED);
    fs::write(
        folder.path().join("Shop.codemodule"),
        &module[..module.len() / 2],
    )
    .unwrap();
    let (status, said) = folder.said("language -frontend -modulewrap Shop.codemodule -o none.o");
    assert_eq!(status, Some(1));
    assert!(said.contains("Shop.codemodule"), "{said}");
    assert!(!folder.path().join("none.o").exists());
}
