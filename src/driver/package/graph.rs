//! What depends on what: all targets of a build, each after those that it imports. Plain data.

use crate::base::FxHashMap;
use crate::base::distance::did_you_mean;
use crate::diag::{Diagnostic, FileSpan};

use super::load::{LoadedPackage, is_main};
use super::manifest::{TargetKind, Word};

/// The targets of a package and of those that it depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageGraph {
    /// The name of the package that is built.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The targets; each comes after those that it depends on.
    pub targets: Vec<Target>,
}

/// A target, with numbers for those that it may import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The name of its package.
    pub package: String,
    /// Whether that package is the one that is built.
    pub is_local: bool,
    /// What is made of it.
    pub kind: TargetKind,
    /// Its name, which is its module's.
    pub name: String,
    /// Its sources, sorted.
    pub sources: Vec<String>,
    /// The targets that it may import, by number, in the order in which they were declared.
    pub dependencies: Vec<usize>,
    /// The place of its declaration, or of its package's name.
    pub span: FileSpan,
}

impl Target {
    /// Whether one of its files holds code outside of functions.
    pub fn has_main(&self) -> bool {
        self.sources.iter().any(|path| is_main(path))
    }
}

impl PackageGraph {
    /// The target of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.targets.iter().position(|target| target.name == name)
    }

    /// All targets that a target needs, directly or not, each after those that it depends on.
    pub fn closure(&self, target: usize) -> Vec<usize> {
        let mut needed = vec![false; self.targets.len()];
        for &dependency in &self.targets[target].dependencies {
            needed[dependency] = true;
        }
        // Dependencies have smaller numbers, so that one walk downwards finds all.
        for number in (0..target).rev() {
            if needed[number] {
                for &dependency in &self.targets[number].dependencies {
                    needed[dependency] = true;
                }
            }
        }
        (0..target).filter(|&number| needed[number]).collect()
    }
}

/// A target before it has its number.
struct Node<'a> {
    package: &'a LoadedPackage,
    found: &'a super::load::FoundTarget,
    dependencies: Vec<usize>,
}

/// Resolves the names of dependencies and puts the targets in order. The last package is the one that is built.
pub fn resolve(packages: &[LoadedPackage]) -> Result<PackageGraph, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let Some(root) = packages.last() else {
        let message = "there is no package";
        return Err(vec![Diagnostic::global_error("package", message)]);
    };
    let mut nodes: Vec<Node<'_>> = Vec::new();
    let mut by_name: FxHashMap<&str, usize> = FxHashMap::default();
    for package in packages {
        for found in &package.targets {
            let number = nodes.len();
            if let Some(&first) = by_name.get(found.name.as_str()) {
                problems.push(duplicate(&nodes[first], package, found));
                continue;
            }
            by_name.insert(&found.name, number);
            nodes.push(Node {
                package,
                found,
                dependencies: Vec::new(),
            });
        }
    }
    let mut package_names: FxHashMap<&str, &LoadedPackage> = FxHashMap::default();
    for package in packages {
        let name = &package.manifest.name;
        if let Some(first) = package_names.insert(&name.text, package) {
            let message = format!("two packages are called '{}'", name.text);
            let problem = Diagnostic::error("duplicate-package", name.span, message);
            problems.push(problem.note(first.manifest.name.span, "the other one is here"));
        }
    }
    for number in 0..nodes.len() {
        let (package, found) = (nodes[number].package, nodes[number].found);
        let names = Names {
            packages,
            package,
            by_name: &by_name,
            nodes: &nodes,
        };
        let dependencies = match &found.dependencies {
            None => names.all(number, found.kind),
            Some(words) => {
                let mut list: Vec<usize> = Vec::new();
                for word in words {
                    match names.find(number, word) {
                        Ok(found) => {
                            let new = found.into_iter().filter(|n| !list.contains(n));
                            list.extend(new.collect::<Vec<_>>());
                        }
                        Err(problem) => problems.push(problem),
                    }
                }
                list
            }
        };
        nodes[number].dependencies = dependencies;
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let order = order(&nodes).map_err(|problem| vec![problem])?;
    let mut place = vec![0; nodes.len()];
    for (at, &number) in order.iter().enumerate() {
        place[number] = at;
    }
    let targets = order.iter().map(|&number| {
        let node = &nodes[number];
        Target {
            package: node.package.manifest.name.text.clone(),
            is_local: std::ptr::eq(node.package, root),
            kind: node.found.kind,
            name: node.found.name.clone(),
            sources: node.found.sources.clone(),
            dependencies: node.dependencies.iter().map(|&n| place[n]).collect(),
            span: span_of(node),
        }
    });
    Ok(PackageGraph {
        package: root.manifest.name.text.clone(),
        version: root.manifest.version.clone(),
        targets: targets.collect(),
    })
}

fn span_of(node: &Node<'_>) -> FileSpan {
    let name = node.package.manifest.name.span;
    node.found.declared.unwrap_or(name)
}

fn duplicate(
    first: &Node<'_>,
    package: &LoadedPackage,
    found: &super::load::FoundTarget,
) -> Diagnostic {
    let name = &found.name;
    let (one, other) = (&first.package.manifest.name, &package.manifest.name);
    let message = format!(
        "packages '{}' and '{}' both have a target '{name}'",
        one.text, other.text
    );
    let span = found.declared.unwrap_or(other.span);
    let note = "a program cannot hold two modules of one name";
    Diagnostic::error("duplicate-target", span, message)
        .note(span_of(first), "the other one is here")
        .note(None, note)
}

/// What the words in a package's manifest can mean.
struct Names<'a> {
    packages: &'a [LoadedPackage],
    package: &'a LoadedPackage,
    by_name: &'a FxHashMap<&'a str, usize>,
    nodes: &'a [Node<'a>],
}

impl Names<'_> {
    /// What a target may import if its declaration does not say: what other packages offer, and for programs and tests also
    /// the package's own libraries.
    fn all(&self, target: usize, kind: TargetKind) -> Vec<usize> {
        let own = kind != TargetKind::Library;
        let numbers = 0..self.nodes.len();
        let visible = |&number: &usize| {
            let is_own = std::ptr::eq(self.nodes[number].package, self.package);
            number != target && self.is_visible(number) && (own || !is_own)
        };
        numbers.filter(visible).collect()
    }

    /// Whether the package can name this target: its own libraries, and those of its dependencies.
    fn is_visible(&self, number: usize) -> bool {
        let node = &self.nodes[number];
        let direct = self.package.dependencies.iter();
        let mut direct = direct.map(|&number| &self.packages[number]);
        node.found.kind == TargetKind::Library
            && (std::ptr::eq(node.package, self.package)
                || direct.any(|package| std::ptr::eq(node.package, package)))
    }

    /// The targets that a word means: a library, or all libraries of a package.
    fn find(&self, target: usize, word: &Word) -> Result<Vec<usize>, Diagnostic> {
        let name = word.text.as_str();
        let problem = |message: String| Diagnostic::error("dependency", word.span, message);
        let known = self.by_name.get(name).copied();
        if known == Some(target) {
            return Err(problem(format!("target '{name}' depends on itself")));
        }
        if let Some(number) = known.filter(|&number| self.is_visible(number)) {
            return Ok(vec![number]);
        }
        let direct = self.package.dependencies.iter();
        let mut direct = direct.map(|&number| &self.packages[number]);
        if let Some(package) = direct.find(|package| package.manifest.name.text == name) {
            let numbers = 0..self.nodes.len();
            let inside =
                |&n: &usize| std::ptr::eq(self.nodes[n].package, package) && self.is_visible(n);
            return Ok(numbers.filter(inside).collect());
        }
        if let Some(number) = known {
            let node = &self.nodes[number];
            let message = match node.found.kind {
                TargetKind::Library => format!(
                    "library '{name}' belongs to package '{}', on which '{}' does not depend",
                    node.package.manifest.name.text, self.package.manifest.name.text
                ),
                kind => format!("'{name}' is no library, but {}", with_article(kind)),
            };
            return Err(problem(message));
        }
        let mut message = format!(
            "there is no library '{name}' in package '{}' or in those that it depends on",
            self.package.manifest.name.text
        );
        let visible = (0..self.nodes.len()).filter(|&n| n != target && self.is_visible(n));
        let names = visible.map(|number| self.nodes[number].found.name.as_str());
        if let Some(meant) = did_you_mean(name, names) {
            message.push_str(&format!("; did you mean '{meant}'?"));
        }
        Err(problem(message))
    }
}

fn with_article(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Library => "a library",
        TargetKind::Executable => "an executable",
        TargetKind::Test => "a test",
    }
}

/// The numbers of the targets, each after those that it depends on; otherwise as they are.
fn order(nodes: &[Node<'_>]) -> Result<Vec<usize>, Diagnostic> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; nodes.len()];
    let mut order = Vec::new();
    for start in 0..nodes.len() {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        // Each entry is a target and how many of its dependencies have been looked at.
        let mut path = vec![(start, 0)];
        while let Some((number, seen)) = path.last_mut() {
            let number = *number;
            let Some(&next) = nodes[number].dependencies.get(*seen) else {
                state[number] = State::Done;
                order.push(number);
                path.pop();
                continue;
            };
            *seen += 1;
            match state[next] {
                State::Done => {}
                State::New => {
                    state[next] = State::Open;
                    path.push((next, 0));
                }
                State::Open => {
                    let at = path.iter().position(|&(n, _)| n == next);
                    let cycle = &path[at.unwrap_or(0)..];
                    let name = |number: usize| nodes[number].found.name.as_str();
                    let mut names: Vec<&str> = cycle.iter().map(|&(n, _)| name(n)).collect();
                    names.push(name(next));
                    let message = format!("modules import each other: {}", names.join(" -> "));
                    let span = span_of(&nodes[next]);
                    return Err(Diagnostic::error("cyclic-modules", span, message));
                }
            }
        }
    }
    Ok(order)
}
