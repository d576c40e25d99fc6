//! `fixtures/incremental`: what is done again after an edit, as a list of edits beside what followed from each.
//!
//! A fixture begins with its title and the files of a module (`//- NAME`). Steps follow, each with a name (`== NAME`), edits, and lines that begin with
//! `|`, which say what a build then did, reported and made. `UPDATE_EXPECT=1` rewrites those lines. The edits:
//!
//! ```text
//! edit FILE: OLD => NEW       a piece of text that occurs once; \n is a line's end
//! sneak FILE: OLD => NEW      the same, and the file's times are set back to what they were
//! write FILE: TEXT            a new file, or another text
//! rename FILE TO
//! remove FILE
//! touch FILE                  new times and nothing else
//! order FILE...               the order of the command line, which is by name otherwise
//! options OPTION...           instead of those before
//! remove-output
//! damage-output
//! ```
//!
//! Each fixture runs with an output file map and with `-cache-path`, to the same effect. After each step a clean build of the same files
//! has to say the same and make the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

const REMARK: &str = "remark: Incremental compilation: ";

/// Where a build keeps what the next one can use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the file that the output file map names.
    Map,
    /// In the folder of `-cache-path`.
    Folder,
}

/// A fixture, read.
struct Scenario {
    /// Everything in front of the first step, as it stands there.
    head: String,
    files: Vec<(String, String)>,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    actions: Vec<String>,
    expected: Vec<String>,
}

fn parse(text: &str) -> Scenario {
    let mut scenario = Scenario {
        head: String::new(),
        files: Vec::new(),
        steps: Vec::new(),
    };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            scenario.steps.push(Step {
                name: name.to_owned(),
                actions: Vec::new(),
                expected: Vec::new(),
            });
        } else if let Some(step) = scenario.steps.last_mut() {
            match line.strip_prefix('|') {
                Some(said) => step
                    .expected
                    .push(said.strip_prefix(' ').unwrap_or(said).to_owned()),
                None if line.is_empty() => {}
                None => step.actions.push(line.to_owned()),
            }
        } else {
            scenario.head.push_str(line);
            scenario.head.push('\n');
            if let Some(name) = line.strip_prefix("//- ") {
                scenario.files.push((name.to_owned(), String::new()));
            } else if let Some((_, text)) = scenario.files.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    // The empty line in front of the steps belongs to the fixture.
    for (_, text) in &mut scenario.files {
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    scenario
}

/// The fixture again, with what was found out.
fn print(scenario: &Scenario, found: &[Vec<String>]) -> String {
    let mut text = scenario.head.clone();
    for (number, (step, lines)) in scenario.steps.iter().zip(found).enumerate() {
        let separator = if number == 0 { "" } else { "\n" };
        let _ = writeln!(text, "{separator}== {}", step.name);
        for action in &step.actions {
            let _ = writeln!(text, "{action}");
        }
        for line in lines {
            let _ = writeln!(text, "{}", format!("| {line}").trim_end());
        }
    }
    text
}

/// A folder in which a scenario takes place.
struct Session {
    folder: tempfile::TempDir,
    place: Place,
    options: Vec<String>,
    order: Option<Vec<String>>,
    explains: bool,
}

impl Session {
    fn new(scenario: &Scenario, place: Place, explains: bool) -> Session {
        let folder = tempfile::tempdir().unwrap();
        let session = Session {
            folder,
            place,
            options: Vec::new(),
            order: None,
            explains,
        };
        for (name, text) in &scenario.files {
            fs::write(session.path(name), text).unwrap();
        }
        // The maps name every file that there will ever be, as those of build systems that know their folders do.
        let mut names: BTreeSet<String> = scenario.files.iter().map(|f| f.0.clone()).collect();
        let words = scenario.steps.iter().flat_map(|step| &step.actions);
        let words = words.flat_map(|action| action.split([' ', ':']));
        names.extend(
            words
                .filter(|word| word.ends_with(".code"))
                .map(str::to_owned),
        );
        for out in ["warm", "clean"] {
            fs::create_dir(session.path(out)).unwrap();
            let mut map: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
            for name in &names {
                let stem = name.trim_end_matches(".code");
                let entry = map.entry(name.clone()).or_default();
                entry.insert("object", format!("{out}/{stem}.o"));
                if out == "warm" && place == Place::Map {
                    entry.insert("language-dependencies", format!("warm/{stem}.codedeps"));
                }
            }
            if out == "warm" && place == Place::Map {
                let module = [("language-dependencies", "warm/m.codedeps".to_owned())];
                map.insert(String::new(), BTreeMap::from(module));
            }
            let text = serde_json::to_string(&map).unwrap();
            fs::write(session.path(&format!("{out}.json")), text).unwrap();
        }
        session
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn act(&mut self, action: &str) {
        let (word, rest) = action.split_once(' ').unwrap_or((action, ""));
        let unescape = |text: &str| text.replace("\\n", "\n");
        match word {
            "edit" | "sneak" => {
                let (name, edit) = rest.split_once(": ").expect("a file and an edit");
                let (old, new) = edit
                    .strip_suffix(" =>")
                    .map(|old| (old, ""))
                    .or_else(|| edit.split_once(" => "))
                    .expect("OLD => NEW");
                let (old, new) = (unescape(old), unescape(new));
                let text = self.read(name);
                assert_eq!(text.matches(&old).count(), 1, "{old:?} in {name}: {text}");
                let path = self.path(name);
                let time = fs::metadata(&path).unwrap().modified().unwrap();
                fs::write(&path, text.replacen(&old, &new, 1)).unwrap();
                if word == "sneak" {
                    set_time(&path, time);
                }
            }
            "write" => {
                let (name, text) = rest.split_once(": ").expect("a file and its text");
                fs::write(self.path(name), unescape(text) + "\n").unwrap();
            }
            "rename" => {
                let (from, to) = rest.split_once(' ').expect("two names");
                fs::rename(self.path(from), self.path(to)).unwrap();
            }
            "remove" => fs::remove_file(self.path(rest)).unwrap(),
            "touch" => set_time(
                &self.path(rest),
                SystemTime::now() + Duration::from_secs(60),
            ),
            "order" => self.order = Some(rest.split(' ').map(str::to_owned).collect()),
            "options" => {
                let words = rest.split(' ').filter(|word| !word.is_empty());
                self.options = words.map(str::to_owned).collect();
            }
            "remove-output" => fs::remove_file(self.path("warm/out")).unwrap(),
            "damage-output" => {
                let mut bytes = fs::read(self.path("warm/out")).unwrap();
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
                fs::write(self.path("warm/out"), bytes).unwrap();
            }
            _ => panic!("no such action: {action}"),
        }
    }

    fn inputs(&self) -> Vec<String> {
        if let Some(order) = &self.order {
            return order.clone();
        }
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".code")).collect();
        names.sort();
        names
    }

    fn compile(&self, out: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-module-name", "m"])
            .args(["-output-file-map", &format!("{out}.json")])
            .args(&self.options)
            .args(more);
        let has = |option: &str| self.options.iter().any(|known| known == option);
        if !has("-c") && !has("-typecheck") {
            command.args(["-o", &format!("{out}/out")]);
        }
        command.args(self.inputs()).output().unwrap()
    }

    /// What a build made, by name.
    fn outputs(&self, out: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(out)).unwrap();
        let named = entries.map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, path)
        });
        named
            .filter(|(name, _)| name == "out" || name.ends_with(".o"))
            .map(|(name, path)| (name, fs::read(path).unwrap()))
            .collect()
    }

    /// Builds, compares with a clean build, and returns what there is to say about it.
    fn build(&self) -> Result<Vec<String>, String> {
        let mut more = match self.place {
            Place::Map => vec!["-incremental"],
            Place::Folder => vec!["-cache-path", "cache"],
        };
        more.push("-driver-show-incremental");
        if self.explains {
            more.push("-explain-rebuild");
        }
        let before = self.outputs("warm");
        let warm = self.compile("warm", &more);
        let said = String::from_utf8(warm.stderr).unwrap();
        let (remarks, found): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.starts_with(REMARK));
        for entry in fs::read_dir(self.path("clean")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let clean = self.compile("clean", &[]);
        let expected = String::from_utf8(clean.stderr).unwrap();
        if found != expected.lines().collect::<Vec<_>>() {
            return Err(format!(
                "a clean build says\n{expected}\nand a warm one\n{said}"
            ));
        }
        if warm.status.code() != clean.status.code() {
            return Err(format!(
                "a clean build: {}, a warm one: {}\n{said}",
                clean.status, warm.status
            ));
        }
        let (made, mut wanted) = (self.outputs("warm"), self.outputs("clean"));
        if !clean.status.success() {
            // A build that fails leaves what was there.
            wanted = before;
        }
        // Objects of files that are not there any more, and programs of builds that made one, stay.
        let differs = wanted
            .iter()
            .find(|&(name, bytes)| made.get(name) != Some(bytes));
        if let Some((name, _)) = differs {
            return Err(format!("{name} is not what a clean build makes\n{said}"));
        }

        let mut lines = facts(&remarks);
        let shown = found.iter().filter(|line| is_diagnostic(line));
        lines.extend(shown.map(|line| (*line).to_owned()));
        match clean.status.success() {
            false => lines.push("fails".to_owned()),
            true if wanted.contains_key("out") => {
                let output = Command::new(self.path("warm/out")).output().unwrap();
                let printed = String::from_utf8(output.stdout).unwrap();
                lines.extend(printed.lines().map(|line| format!("prints {line}")));
                if !output.status.success() {
                    lines.push(format!("the program ends with {}", output.status));
                }
            }
            true => lines.push("succeeds".to_owned()),
        }
        Ok(lines)
    }
}

fn set_time(path: &Path, time: SystemTime) {
    let file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

/// The line of a diagnostic that says what is wrong; the source below it is no news.
fn is_diagnostic(line: &str) -> bool {
    [": warning: ", ": error: ", ": note: "]
        .iter()
        .any(|kind| line.contains(kind))
        || line.starts_with("error: ")
        || line.starts_with("warning: ")
}

/// What remarks say about what was done and why, without what follows from it.
fn facts(remarks: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut queued, mut skipped): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for remark in remarks {
        let text = &remark[REMARK.len()..];
        let input = || Some(text.split_once(" <= ")?.1.trim_end_matches('}'));
        match text {
            _ if text.starts_with("Scheduling changed input") => {
                lines.push(format!("changed {}", input().unwrap_or(text)));
            }
            _ if text.starts_with("Queuing") => queued.extend(input()),
            _ if text.starts_with("Skipping input") => skipped.extend(input()),
            _ if text.starts_with("Missing an output") => {
                lines.push("an output is missing or not what was written".to_owned());
            }
            _ if text.contains("different arguments") => {
                lines.push("the command line is another".to_owned());
            }
            _ if text.starts_with("Checked ") || text.starts_with("Compiled ") => {
                lines.push(without_library(text));
            }
            _ => {}
        }
    }
    if !queued.is_empty() {
        queued.dedup();
        lines.push(format!("builds {}", queued.join(" ")));
    }
    if !skipped.is_empty() {
        lines.push(format!("skips {}", skipped.join(" ")));
    }
    lines
}

/// How many functions of the library a program needs is the library's business.
fn without_library(text: &str) -> String {
    match text.strip_suffix(" functions of libraries") {
        Some(_) => "Compiled functions of libraries".to_owned(),
        None => text.to_owned(),
    }
}

/// Plays a scenario and returns what each of its steps led to.
fn play(scenario: &Scenario, place: Place, explains: bool) -> Result<Vec<Vec<String>>, String> {
    let mut session = Session::new(scenario, place, explains);
    let mut found = Vec::new();
    for step in &scenario.steps {
        for action in &step.actions {
            session.act(action);
        }
        let lines = session.build();
        found.push(lines.map_err(|problem| format!("'{}' ({place:?}): {problem}", step.name))?);
    }
    Ok(found)
}

fn judge(path: &Path, places: &[Place], explains: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let scenario = parse(&text);
    let updates = std::env::var_os("UPDATE_EXPECT").is_some();
    let steps = scenario.steps.iter();
    let mut expected: Vec<Vec<String>> = steps.map(|step| step.expected.clone()).collect();
    for &place in places {
        let found = play(&scenario, place, explains)?;
        if updates && place == places[0] {
            fs::write(path, print(&scenario, &found)).unwrap();
            expected = found;
            continue;
        }
        let differs = (0..found.len()).find(|&step| expected[step] != found[step]);
        if let Some(step) = differs {
            let (expected, found) = (expected[step].join("\n  "), found[step].join("\n  "));
            let name = &scenario.steps[step].name;
            return Err(format!(
                "'{name}' ({place:?}):\n  {found}\nexpected was:\n  {expected}"
            ));
        }
    }
    Ok(())
}

#[test]
fn edits_lead_to_what_the_fixtures_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incremental");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // `CODIRA_FIXTURE` is a part of the names of those to run.
    let wanted = std::env::var("CODIRA_FIXTURE").unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "steps"));
    paths.retain(|path| path.to_string_lossy().contains(&wanted));
    paths.sort();
    assert!(!paths.is_empty());
    // Unoptimised compilers are slow, so that each fixture has to do with one of the two unless it is named.
    let one_place = cfg!(debug_assertions) && wanted.is_empty();
    let help = Command::new(env!("CARGO_BIN_EXE_languagec"))
        .arg("-help")
        .output()
        .unwrap();
    let explains = String::from_utf8_lossy(&help.stdout).contains("-explain-rebuild");
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(number) else {
                        return;
                    };
                    let both = [Place::Map, Place::Folder];
                    let places = match one_place {
                        true => &both[number % 2..][..1],
                        false => &both[..],
                    };
                    let judged = std::panic::catch_unwind(|| judge(path, places, explains));
                    let problem = match judged {
                        Ok(Ok(())) => continue,
                        Ok(Err(problem)) => problem,
                        Err(_) => "the fixture cannot be played".to_owned(),
                    };
                    let name = path.file_name().unwrap_or_default().display();
                    let problem = format!("{name}: {problem}");
                    problems.lock().unwrap().push(problem);
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n\n"));
}
