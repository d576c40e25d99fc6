//! Which compilations a request means: a pure function of the graph, so that a plan can be printed and compared.

use super::graph::{PackageGraph, Target};
use super::manifest::TargetKind;
use super::testing::TestTarget;

/// The folder of everything that is built.
pub const BUILD_FOLDER: &str = ".build";

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Libraries and programs.
    Build,
    /// Programs that run tests, with what they need.
    Test,
    /// Diagnostics only.
    Check,
}

/// How code is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// Fast to compile, with assertions and `#if DEBUG`.
    #[default]
    Debug,
    /// Optimised.
    Release,
}

impl Profile {
    /// The name, which is that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }
}

/// What decides about a plan, beside the graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is to be done.
    pub work: Work,
    /// How.
    pub profile: Profile,
    /// The only target that is wanted, by number; what it needs comes with it.
    pub only: Option<usize>,
}

/// All compilations of a build; each comes after those that it depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The folder of the outputs.
    pub folder: String,
    /// The compilations.
    pub units: Vec<Unit>,
}

/// The compilation of one module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// The number of the target in the graph.
    pub target: usize,
    /// The module.
    pub name: String,
    /// The module's package.
    pub package: String,
    /// What is made.
    pub kind: TargetKind,
    /// The compiler's arguments.
    pub arguments: Vec<String>,
    /// The sources among them.
    pub sources: Vec<String>,
    /// A source that the build makes itself: path and text.
    pub generated: Option<(String, String)>,
    /// The module file, which others wait for.
    pub metadata: Option<String>,
    /// The archive or the program.
    pub output: Option<String>,
    /// Whether the archives of what it imports become part of the output.
    pub links: bool,
    /// The units that it may import, by number.
    pub imports: Vec<usize>,
    /// All units that those lead to, in the order of the plan.
    pub closure: Vec<usize>,
    /// The file that says what its last compilation was made from.
    pub record: String,
}

/// The compilations that `request` means. `tests` are the tests of the graph's test targets.
pub fn plan(graph: &PackageGraph, request: &Request, tests: &[TestTarget]) -> Plan {
    let folder = match request.work {
        // Module files without code are no use for a build, so they live apart.
        Work::Check => format!("{BUILD_FOLDER}/check-{}", request.profile.name()),
        Work::Build | Work::Test => format!("{BUILD_FOLDER}/{}", request.profile.name()),
    };
    let mut wanted = vec![false; graph.targets.len()];
    for (number, target) in graph.targets.iter().enumerate() {
        let asked = match (request.only, request.work) {
            (Some(only), _) => number == only,
            (None, Work::Build) => target.is_local && target.kind != TargetKind::Test,
            (None, Work::Test) => target.is_local && target.kind == TargetKind::Test,
            (None, Work::Check) => target.is_local,
        };
        if asked {
            wanted[number] = true;
            graph.closure(number).iter().for_each(|&n| wanted[n] = true);
        }
    }
    let mut place = vec![0; graph.targets.len()];
    let mut units = Vec::new();
    for (number, target) in graph.targets.iter().enumerate() {
        if !wanted[number] {
            continue;
        }
        place[number] = units.len();
        let closure = graph.closure(number);
        let libraries: Vec<&str> = closure
            .iter()
            .map(|&n| graph.targets[n].name.as_str())
            .collect();
        let tests = tests.iter().find(|tests| tests.target == number);
        let mut unit = unit(number, target, request, &folder, &libraries, tests);
        unit.imports = target.dependencies.iter().map(|&n| place[n]).collect();
        unit.closure = closure.iter().map(|&n| place[n]).collect();
        units.push(unit);
    }
    Plan { folder, units }
}

fn unit(
    number: usize,
    target: &Target,
    request: &Request,
    folder: &str,
    libraries: &[&str],
    tests: Option<&TestTarget>,
) -> Unit {
    let name = &target.name;
    let own = format!("{folder}/{name}.build");
    let is_library = target.kind == TargetKind::Library;
    let checks = request.work == Work::Check;
    let metadata = is_library.then(|| format!("{folder}/{name}.codemodule"));
    let output = match (checks, is_library) {
        (true, _) => None,
        (false, true) => Some(format!("{folder}/lib{name}.a")),
        (false, false) => Some(format!("{folder}/{name}")),
    };
    let generated = (target.kind == TargetKind::Test).then(|| {
        let text = tests.map(TestTarget::main_file).unwrap_or_default();
        (format!("{own}/main.code"), text)
    });
    let mut sources = target.sources.clone();
    sources.extend(generated.as_ref().map(|(path, _)| path.clone()));

    let mut arguments: Vec<String> = Vec::new();
    let mut words = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
    match (checks, is_library) {
        (false, false) => {}
        (true, false) => words(&["-typecheck"]),
        (false, true) => words(&["-emit-library", "-static", "-emit-module"]),
        (true, true) => words(&["-emit-module"]),
    }
    words(&["-module-name", name]);
    // A program without a main file begins in a type that is marked for it.
    if is_library || (target.kind == TargetKind::Executable && !target.has_main()) {
        words(&["-parse-as-library"]);
    }
    match request.profile {
        Profile::Debug => words(&["-D", "DEBUG"]),
        Profile::Release => words(&["-O"]),
    }
    if is_library && request.profile == Profile::Debug {
        words(&["-enable-testing"]);
    }
    if let Some(path) = &metadata {
        words(&["-emit-module-path", path]);
    }
    if let Some(path) = &output {
        words(&["-o", path]);
    }
    if !libraries.is_empty() {
        words(&["-I", folder]);
    }
    let links = !is_library && !checks;
    if links && !libraries.is_empty() {
        words(&["-L", folder]);
        for library in libraries.iter().rev() {
            words(&[&format!("-l{library}")]);
        }
    }
    words(&["-cache-path", &own]);
    sources.iter().for_each(|path| words(&[path]));
    Unit {
        target: number,
        name: name.clone(),
        package: target.package.clone(),
        kind: target.kind,
        arguments,
        sources,
        generated,
        metadata,
        output,
        links,
        imports: Vec::new(),
        closure: Vec::new(),
        record: format!("{own}/unit.record"),
    }
}
