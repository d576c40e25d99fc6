//! Which jobs a command line means.
//!
//! [`actions`] says what depends on what, [`jobs`] gives each action its files and its command. Both are pure
//! functions of plain data: nothing is looked up in a file system, so a plan can be printed, compared and tested.

use std::path::Path;

use crate::session::{DebugInfo, Mode, OptLevel, Options, OutputFileMap, TrackedOptions};

/// A step of a build. `inputs` are the numbers of the steps it depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// What is done.
    pub kind: ActionKind,
    /// The numbers of earlier actions.
    pub inputs: Vec<usize>,
    /// What comes out, as `-driver-print-actions` calls it.
    pub output: &'static str,
}

/// The kinds of steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionKind {
    /// A file that the user named.
    Input(String),
    /// From source to an object, or to what the mode asks for.
    Compile,
    /// From partial modules to the module.
    MergeModule,
    /// From objects to the libraries they want.
    AutolinkExtract,
    /// From the module to an object that holds it, for debuggers.
    ModuleWrap,
    /// From objects to an image.
    Link,
    /// From objects to an archive.
    Archive,
}

impl ActionKind {
    /// The name in listings.
    pub fn name(&self) -> &'static str {
        match self {
            ActionKind::Input(_) => "input",
            ActionKind::Compile => "compile",
            ActionKind::MergeModule => "merge-module",
            ActionKind::AutolinkExtract => "language-autolink-extract",
            ActionKind::ModuleWrap => "modulewrap",
            ActionKind::Link => "link",
            ActionKind::Archive => "archive",
        }
    }
}

/// A step with its files and its command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// What is done.
    pub kind: ActionKind,
    /// The files it reads.
    pub inputs: Vec<String>,
    /// The file it writes; empty for a check.
    pub output: String,
    /// The partial module that a compile job writes beside it; empty if there is none.
    pub partial: String,
    /// The command that does it in a process of its own.
    pub command: Vec<String>,
}

/// What a compile job makes in a mode.
fn compiled(mode: Mode) -> &'static str {
    match mode {
        Mode::EmitExecutable | Mode::Run | Mode::EmitLibrary | Mode::EmitObject => "object",
        Mode::EmitModule => "languagemodule",
        Mode::EmitIr => "llvm-ir",
        Mode::EmitBitcode => "llvm-bc",
        Mode::EmitAssembly => "assembly",
        Mode::DumpAst | Mode::DumpParse => "ast-dump",
        Mode::EmitMir => "mir",
        Mode::EmitClif => "clif",
        Mode::EmitImportedModules => "imported-modules",
        Mode::Typecheck | Mode::Parse => "nothing",
    }
}

/// The steps, each after those that it depends on.
pub fn actions(options: &Options) -> Vec<Action> {
    let mode = options.untracked.mode;
    let mut actions: Vec<Action> = Vec::new();
    let mut push = |kind, inputs, output| {
        actions.push(Action {
            kind,
            inputs,
            output,
        });
        actions.len() - 1
    };
    let mut sources = Vec::new();
    let mut objects = Vec::new();
    for input in &options.untracked.inputs {
        let source = push(ActionKind::Input(input.clone()), Vec::new(), "language");
        match options.tracked.whole_module {
            true => sources.push(source),
            false => objects.push(push(ActionKind::Compile, vec![source], compiled(mode))),
        }
    }
    if !sources.is_empty() {
        objects.push(push(ActionKind::Compile, sources, compiled(mode)));
    }
    let compiles = objects.clone();
    for input in &options.untracked.link_inputs {
        objects.push(push(ActionKind::Input(input.clone()), Vec::new(), "object"));
    }
    let full_debug = options.tracked.debug_info == DebugInfo::Full;
    let wants_module = options.makes_module() || (full_debug && mode.links());
    let merged = (wants_module && !compiles.is_empty())
        .then(|| push(ActionKind::MergeModule, compiles, "languagemodule"));
    if !mode.links() {
        return actions;
    }
    if options.tracked.static_library {
        push(ActionKind::Archive, objects, "static-library");
        return actions;
    }
    let autolink = push(ActionKind::AutolinkExtract, objects.clone(), "autolink");
    objects.push(autolink);
    if let (Some(module), true) = (merged, full_debug) {
        objects.push(push(ActionKind::ModuleWrap, vec![module], "object"));
    }
    push(ActionKind::Link, objects, "image");
    actions
}

/// `-driver-print-actions`.
pub fn print_actions(actions: &[Action]) -> String {
    let mut text = String::new();
    for (number, action) in actions.iter().enumerate() {
        let name = action.kind.name();
        let from = match &action.kind {
            ActionKind::Input(path) => format!("\"{path}\""),
            _ => {
                let inputs = action.inputs.iter().map(usize::to_string);
                format!("{{{}}}", inputs.collect::<Vec<_>>().join(", "))
            }
        };
        text.push_str(&format!("{number}: {name}, {from}, {}\n", action.output));
    }
    text
}

/// The steps that run something, with files and commands. Files that nobody asked for go to the folder `temporary`.
pub fn jobs(
    options: &Options,
    actions: &[Action],
    file_map: &OutputFileMap,
    temporary: &str,
) -> Vec<Job> {
    let mut outputs: Vec<String> = Vec::new();
    // What merging reads of each step.
    let mut partials: Vec<String> = Vec::new();
    let merges = actions
        .iter()
        .any(|action| action.kind == ActionKind::MergeModule);
    let mut jobs = Vec::new();
    for (number, action) in actions.iter().enumerate() {
        if let ActionKind::Input(path) = &action.kind {
            outputs.push(path.clone());
            partials.push(String::new());
            continue;
        }
        let is_merge = action.kind == ActionKind::MergeModule;
        let from = if is_merge { &partials } else { &outputs };
        let inputs: Vec<String> = action.inputs.iter().map(|&i| from[i].clone()).collect();
        let output = output_of(options, action, number, &inputs, file_map, temporary);
        let partial = match action.kind {
            ActionKind::Compile if merges => {
                partial_of(options, action, number, &inputs, file_map, temporary)
            }
            _ => String::new(),
        };
        let command = command_of(options, &action.kind, &inputs, &output, &partial);
        outputs.push(output.clone());
        partials.push(match partial.is_empty() {
            true => output.clone(),
            false => partial.clone(),
        });
        jobs.push(Job {
            kind: action.kind.clone(),
            inputs,
            output,
            partial,
            command,
        });
    }
    jobs
}

/// Where a compile job that makes something else leaves its partial module. Never beside the object, where it could have the module's own path.
fn partial_of(
    options: &Options,
    action: &Action,
    number: usize,
    inputs: &[String],
    file_map: &OutputFileMap,
    temporary: &str,
) -> String {
    if options.untracked.mode == Mode::EmitModule {
        return String::new();
    }
    let module = Action {
        output: "languagemodule",
        ..action.clone()
    };
    output_in(options, &module, number, inputs, file_map, temporary, true)
}

fn output_of(
    options: &Options,
    action: &Action,
    number: usize,
    inputs: &[String],
    file_map: &OutputFileMap,
    temporary: &str,
) -> String {
    output_in(options, action, number, inputs, file_map, temporary, false)
}

/// The output of a step; with `hidden` it is one that nobody asked for.
fn output_in(
    options: &Options,
    action: &Action,
    number: usize,
    inputs: &[String],
    file_map: &OutputFileMap,
    temporary: &str,
    hidden: bool,
) -> String {
    let module = options.tracked.module_name.as_str();
    let untracked = &options.untracked;
    let source = match options.tracked.whole_module {
        true => "",
        false => inputs.first().map_or("", String::as_str),
    };
    let stem = Path::new(source).file_stem().and_then(|stem| stem.to_str());
    let stem = stem.unwrap_or(module);
    match action.kind {
        ActionKind::Compile => {
            let ending = match action.output {
                "object" => "o",
                "llvm-ir" => "ll",
                "llvm-bc" => "bc",
                "assembly" => "s",
                "languagemodule" => "codemodule",
                _ => return String::new(),
            };
            if let Some(path) = file_map.get(source, action.output) {
                return path.to_owned();
            }
            match (untracked.mode.is_per_file() && !hidden, &untracked.output) {
                (true, Some(path)) => path.clone(),
                (true, None) => format!("{stem}.{ending}"),
                (false, _) => format!("{temporary}/{stem}-{number}.{ending}"),
            }
        }
        ActionKind::MergeModule => {
            let wanted = options.module_path();
            wanted.unwrap_or_else(|| format!("{temporary}/{module}-{number}.codemodule"))
        }
        ActionKind::AutolinkExtract => format!("{temporary}/{module}-{number}.autolink"),
        ActionKind::ModuleWrap => format!("{temporary}/{module}-{number}.o"),
        _ => options
            .output_path()
            .unwrap_or_else(|| format!("{temporary}/{module}-{number}")),
    }
}

fn command_of(
    options: &Options,
    kind: &ActionKind,
    inputs: &[String],
    output: &str,
    partial: &str,
) -> Vec<String> {
    let tracked = &options.tracked;
    let mut command: Vec<String> = Vec::new();
    let mut words = |words: &[&str]| command.extend(words.iter().map(|&word| word.to_owned()));
    let module = tracked.module_name.as_str();
    match kind {
        ActionKind::Input(_) => {}
        ActionKind::Compile => {
            words(&[
                "language-frontend",
                "-frontend",
                mode_option(options.untracked.mode),
            ]);
            for file in &options.untracked.inputs {
                if !tracked.whole_module && inputs.contains(file) {
                    words(&["-primary-file"]);
                }
                words(&[file]);
            }
            words(&["-target", tracked.target.triple()]);
            words(optimisation_option(tracked.opt_level));
            words(debug_option(tracked.debug_info));
            for condition in &tracked.conditions {
                words(&["-D", condition.as_str()]);
            }
            search_options(options, &mut words);
            if tracked.parse_as_library {
                words(&["-parse-as-library"]);
            }
            if tracked.enable_testing {
                words(&["-enable-testing"]);
            }
            if tracked.language_version != TrackedOptions::default().language_version {
                words(&["-language-version", &tracked.language_version.to_string()]);
            }
            for value in &tracked.crate_metadata {
                words(&["-C", &format!("metadata={value}")]);
            }
            for library in &tracked.link_libraries {
                words(&[&format!("-l{library}")]);
            }
            link_options(options, &mut words);
            if let Some(folder) = &options.untracked.module_cache_path {
                words(&["-module-cache-path", folder]);
            }
            if tracked.whole_module {
                words(&["-wmo"]);
            }
            words(&["-module-name", module]);
            if !output.is_empty() {
                words(&["-o", output]);
            }
            if !partial.is_empty() {
                words(&["-emit-module-path", partial]);
            }
            // A job for the whole module knows all of its documentation; others leave theirs in partial modules.
            if let Some(path) = options.docs_path().filter(|_| tracked.whole_module) {
                words(&["-emit-module-doc-path", &path]);
            }
        }
        ActionKind::MergeModule => {
            words(&[
                "language-frontend",
                "-frontend",
                "-merge-modules",
                "-emit-module",
            ]);
            inputs.iter().for_each(|input| words(&[input]));
            words(&["-parse-as-library", "-target", tracked.target.triple()]);
            words(&["-module-name", module, "-o", output]);
            if let Some(path) = options.docs_path().filter(|_| !tracked.whole_module) {
                words(&["-emit-module-doc-path", &path]);
            }
        }
        ActionKind::AutolinkExtract => {
            words(&["language-autolink-extract"]);
            inputs.iter().for_each(|input| words(&[input]));
            words(&["-o", output]);
        }
        ActionKind::ModuleWrap => {
            words(&["language-frontend", "-modulewrap"]);
            inputs.iter().for_each(|input| words(&[input]));
            words(&["-target", tracked.target.triple(), "-o", output]);
        }
        ActionKind::Archive => {
            words(&["ar", "crs", output]);
            inputs.iter().for_each(|input| words(&[input]));
        }
        ActionKind::Link => link_command(options, inputs, output, &mut words),
    }
    command
}

/// Where a job finds the modules that its files import.
fn search_options(options: &Options, words: &mut dyn FnMut(&[&str])) {
    let untracked = &options.untracked;
    for path in &untracked.import_paths {
        words(&["-I", path]);
    }
    for path in &untracked.library_paths {
        words(&["-L", path]);
    }
    for named in &untracked.externs {
        words(&["--extern", &format!("{}={}", named.name, named.path)]);
    }
    if let Some(folder) = &untracked.sysroot {
        words(&["--sysroot", folder]);
    }
    if let Some(folder) = &untracked.resource_dir {
        words(&["-resource-dir", folder]);
    }
}

/// What is said about linking belongs to the module's identity, as all options do that change what is made.
fn link_options(options: &Options, words: &mut dyn FnMut(&[&str])) {
    let tracked = &options.tracked;
    if let Some(linker) = &tracked.linker {
        words(&[&format!("-use-ld={linker}")]);
    }
    for argument in &tracked.linker_arguments {
        words(&["-Xlinker", argument]);
    }
    let flags = [
        (tracked.static_executable, "-static-executable"),
        (tracked.static_stdlib, "-static-stdlib"),
        (tracked.static_library, "-static"),
    ];
    for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
        words(&[flag]);
    }
}

fn link_command(
    options: &Options,
    inputs: &[String],
    output: &str,
    words: &mut dyn FnMut(&[&str]),
) {
    let tracked = &options.tracked;
    words(&["cc"]);
    if let Some(linker) = &tracked.linker {
        words(&[&format!("-fuse-ld={linker}")]);
    }
    if options.untracked.mode == Mode::EmitLibrary {
        words(&["-shared"]);
    }
    if tracked.static_executable {
        words(&["-static"]);
    }
    for input in inputs {
        match input.ends_with(".autolink") {
            true => words(&[&format!("@{input}")]),
            false => words(&[input]),
        }
    }
    for path in &options.untracked.library_paths {
        words(&["-L", path]);
    }
    for library in &tracked.link_libraries {
        words(&[&format!("-l{library}")]);
    }
    for argument in &tracked.linker_arguments {
        words(&["-Xlinker", argument]);
    }
    words(&["-o", output]);
}

fn mode_option(mode: Mode) -> &'static str {
    match mode {
        Mode::EmitExecutable | Mode::Run | Mode::EmitLibrary | Mode::EmitObject => "-c",
        Mode::EmitModule => "-emit-module",
        Mode::Typecheck => "-typecheck",
        Mode::Parse => "-parse",
        Mode::DumpParse => "-dump-parse",
        Mode::DumpAst => "-dump-ast",
        Mode::EmitMir => "-emit-mir",
        Mode::EmitClif => "-emit-clif",
        Mode::EmitIr => "-emit-ir",
        Mode::EmitBitcode => "-emit-bc",
        Mode::EmitAssembly => "-S",
        Mode::EmitImportedModules => "-emit-imported-modules",
    }
}

fn optimisation_option(level: OptLevel) -> &'static [&'static str] {
    match level {
        OptLevel::None => &[],
        OptLevel::Speed => &["-O"],
        OptLevel::Size => &["-Osize"],
        OptLevel::Unchecked => &["-Ounchecked"],
    }
}

fn debug_option(info: DebugInfo) -> &'static [&'static str] {
    match info {
        DebugInfo::None => &[],
        DebugInfo::LineTables => &["-gline-tables-only"],
        DebugInfo::Full => &["-g"],
    }
}

/// `-###`: a command a line, in a shell's spelling.
pub fn print_commands(jobs: &[Job]) -> String {
    let line = |job: &Job| {
        let words: Vec<String> = job.command.iter().map(|word| quoted(word)).collect();
        words.join(" ") + "\n"
    };
    jobs.iter().map(line).collect()
}

/// `-driver-print-bindings`: which files each job reads and writes.
pub fn print_bindings(options: &Options, jobs: &[Job]) -> String {
    let triple = options.tracked.target.triple();
    let line = |job: &Job| {
        let inputs: Vec<String> = job.inputs.iter().map(|i| format!("\"{i}\"")).collect();
        let (name, inputs) = (job.kind.name(), inputs.join(", "));
        let output = match job.output.is_empty() {
            true => String::new(),
            false => format!("\"{}\"", job.output),
        };
        format!("# \"{triple}\" - \"{name}\", inputs: [{inputs}], output: {{{output}}}\n")
    };
    jobs.iter().map(line).collect()
}

/// A word that a shell reads back as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+,:@%#".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
