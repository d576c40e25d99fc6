//! From a command line to [`Options`].
//!
//! Three steps, each plain data to plain data: [`expand_response_files`] puts the words of `@file`s in their
//! place, [`normalise`] turns the words into what clap reads, checking them against the table of spellings, and
//! [`parse`] makes options of clap's answer. The messages are those that build systems look for.

use std::path::Path;

use clap::{ArgAction, Parser};

use crate::base::Name;
use crate::base::distance::did_you_mean;
use crate::diag::Diagnostic;
use crate::vfs::{ReadErrorKind, System};

use super::options::{ColorChoice, DebugInfo, Extern, MessageFormat, Mode, OptLevel, Options};
use super::table::{OPTIONS, Shape, Spelling};
use super::{Target, names};

/// What a command line asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Invocation {
    /// Print the options.
    Help,
    /// Print the version.
    Version,
    /// Compile; also says what is questionable about the command line.
    Compile(Box<Options>, Vec<Diagnostic>),
}

/// Response files may name response files, but not for ever.
const MAX_RESPONSE_DEPTH: usize = 32;

/// What clap reads: one option for every `id` of the table.
#[derive(Parser, Debug, Default)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
struct Raw {
    #[arg(long)]
    mode: Option<String>,
    #[arg(long)]
    emit_module: bool,
    #[arg(long)]
    emit_module_path: Option<String>,
    #[arg(long)]
    emit_module_doc: bool,
    #[arg(long)]
    emit_module_doc_path: Option<String>,
    #[arg(long)]
    emit_dependencies: bool,
    #[arg(long)]
    emit_loaded_module_trace: bool,
    #[arg(long)]
    serialize_diagnostics: bool,
    #[arg(long)]
    output: Option<String>,
    #[arg(long)]
    module_name: Option<String>,
    #[arg(long)]
    jobs: Option<String>,
    #[arg(long)]
    num_threads: Option<String>,
    #[arg(long, overrides_with = "no_whole_module")]
    whole_module: bool,
    #[arg(long, overrides_with = "whole_module")]
    no_whole_module: bool,
    #[arg(long)]
    incremental: bool,
    #[arg(long)]
    opt_level: Option<String>,
    #[arg(long)]
    debug_info: Option<String>,
    #[arg(long, action = ArgAction::Append)]
    import_path: Vec<String>,
    #[arg(long, action = ArgAction::Append)]
    library_path: Vec<String>,
    #[arg(long = "extern", action = ArgAction::Append)]
    externs: Vec<String>,
    #[arg(long, action = ArgAction::Append)]
    codegen_option: Vec<String>,
    #[arg(long)]
    sysroot: Option<String>,
    #[arg(long, action = ArgAction::Append)]
    link_library: Vec<String>,
    #[arg(long, action = ArgAction::Append)]
    linker_argument: Vec<String>,
    #[arg(long, action = ArgAction::Append)]
    ignored: Vec<String>,
    #[arg(long)]
    ignored_flag: bool,
    #[arg(long)]
    linker: Option<String>,
    #[arg(long)]
    static_library: bool,
    #[arg(long, overrides_with = "no_static_stdlib")]
    static_stdlib: bool,
    #[arg(long, overrides_with = "static_stdlib")]
    no_static_stdlib: bool,
    #[arg(long, overrides_with = "no_static_executable")]
    static_executable: bool,
    #[arg(long, overrides_with = "static_executable")]
    no_static_executable: bool,
    #[arg(long, action = ArgAction::Append)]
    define: Vec<String>,
    #[arg(long)]
    target: Option<String>,
    #[arg(long)]
    sdk: Option<String>,
    #[arg(long)]
    resource_dir: Option<String>,
    #[arg(long)]
    working_directory: Option<String>,
    #[arg(long)]
    module_cache_path: Option<String>,
    #[arg(long)]
    cache_path: Option<String>,
    #[arg(long)]
    output_file_map: Option<String>,
    #[arg(long)]
    language_version: Option<String>,
    #[arg(long)]
    parse_as_library: bool,
    #[arg(long)]
    enable_testing: bool,
    #[arg(long)]
    save_temps: bool,
    #[arg(long)]
    verbose: bool,
    #[arg(long)]
    version: bool,
    #[arg(long)]
    help_text: bool,
    #[arg(long)]
    print_jobs: bool,
    #[arg(long)]
    print_actions: bool,
    #[arg(long)]
    print_bindings: bool,
    #[arg(long)]
    print_output_file_map: bool,
    #[arg(long)]
    watch: bool,
    #[arg(long)]
    show_incremental: bool,
    #[arg(long)]
    show_lifecycle: bool,
    #[arg(long)]
    explain_rebuild: bool,
    #[arg(long)]
    parseable_output: bool,
    #[arg(long, action = ArgAction::Append)]
    primary_file: Vec<String>,
    #[arg(long)]
    separate_processes: bool,
    #[arg(long, overrides_with = "no_warnings_as_errors")]
    warnings_as_errors: bool,
    #[arg(long, overrides_with = "warnings_as_errors")]
    no_warnings_as_errors: bool,
    #[arg(long)]
    suppress_warnings: bool,
    #[arg(long)]
    color: Option<String>,
    #[arg(long)]
    embed_bitcode: bool,
    #[arg(long)]
    time_passes: bool,
    #[arg(long)]
    message_format: Option<String>,
    #[arg(long)]
    error_limit: Option<String>,
    inputs: Vec<String>,
}

/// A command line in clap's spelling.
#[derive(Clone, PartialEq, Debug, Default)]
struct Normalised {
    words: Vec<String>,
    inputs: Vec<String>,
}

fn error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::global_error("command-line", message)
}

fn warning(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(crate::diag::Severity::Warning, "command-line", message)
}

/// Reads a command line without the program's name. Fails with everything that is wrong with it.
pub fn parse(system: &dyn System, args: &[String]) -> Result<Invocation, Vec<Diagnostic>> {
    let words = expand_response_files(system, args).map_err(|error| vec![error])?;
    let normalised = normalise(&words)?;
    let raw = Raw::try_parse_from(&normalised.words)
        // The table and the struct agree, so clap has nothing to object to.
        .map_err(|error| vec![Diagnostic::internal_error(error)])?;
    if raw.help_text {
        return Ok(Invocation::Help);
    }
    if raw.version || (raw.verbose && normalised.inputs.is_empty()) {
        return Ok(Invocation::Version);
    }
    let mut problems = Vec::new();
    let options = options(&raw, normalised.inputs, &mut problems);
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(Invocation::Compile(Box::new(options), problems))
}

/// How to report what is wrong with a command line that could not be read: as far as it says itself.
pub fn reporting_options(args: &[String]) -> Options {
    let mut options = Options::default();
    let json = args.iter().any(|arg| arg == "--message-format=json")
        || args
            .windows(2)
            .any(|w| w[0] == "--message-format" && w[1] == "json");
    if json {
        options.untracked.message_format = MessageFormat::Json;
    }
    options
}

/// Replaces every `@file` by the words in the file.
fn expand_response_files(system: &dyn System, args: &[String]) -> Result<Vec<String>, Diagnostic> {
    fn expand(
        system: &dyn System,
        args: &[String],
        depth: usize,
        out: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        for arg in args {
            let Some(path) = arg.strip_prefix('@') else {
                out.push(arg.clone());
                continue;
            };
            let bytes = match system.read(Path::new(path)) {
                Ok(bytes) => bytes,
                // A file may really be called so.
                Err(ReadErrorKind::NotFound) if depth == 0 => {
                    out.push(arg.clone());
                    continue;
                }
                Err(kind) => {
                    let path = path.to_owned();
                    return Err(error(crate::vfs::ReadError { path, kind }.to_string()));
                }
            };
            if depth >= MAX_RESPONSE_DEPTH {
                return Err(error(format!("response file '{path}' includes itself")));
            }
            let text = String::from_utf8(bytes)
                .map_err(|_| error(format!("response file '{path}' is not valid UTF-8")))?;
            expand(system, &split_words(&text), depth + 1, out)?;
        }
        Ok(())
    }
    let mut out = Vec::new();
    expand(system, args, 0, &mut out)?;
    Ok(out)
}

/// Splits a response file as a shell would: white space separates, quotes and backslashes protect.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                let next = chars.next();
                // A backslash before a line's end joins the lines.
                if next != Some('\n') {
                    word.get_or_insert_default().extend(next);
                }
            }
            (c, Some(q)) if c == q => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Turns the words of a command line into clap's, and sets the inputs apart.
fn normalise(args: &[String]) -> Result<Normalised, Vec<Diagnostic>> {
    let mut out = Normalised::default();
    let mut problems = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.inputs.extend(args.by_ref().cloned());
            break;
        }
        if arg == "-" || !arg.starts_with('-') {
            out.inputs.push(arg.clone());
            continue;
        }
        let Some((spelling, joined)) = find(arg) else {
            problems.push(unknown(arg));
            continue;
        };
        let value = match (spelling.shape, joined) {
            (Shape::Flag, _) => spelling.fixed,
            (Shape::Joined, value) => value,
            (Shape::Either, value) if !value.is_empty() => value,
            (Shape::Either | Shape::Separate, _) => match args.next() {
                Some(value) => value,
                None => {
                    let name = spelling.text.trim_end_matches('=');
                    problems.push(error(format!("missing argument value for '{name}'")));
                    continue;
                }
            },
        };
        let id = spelling.id;
        if id == "primary-file" {
            // It keeps its place among the inputs.
            out.inputs.push(value.to_owned());
        }
        if let Some(problem) = invalid_number(spelling, arg, value) {
            problems.push(problem);
        }
        match spelling.shape == Shape::Flag && spelling.fixed.is_empty() {
            true => out.words.push(format!("--{id}")),
            false => out.words.push(format!("--{id}={value}")),
        }
    }
    match problems.is_empty() {
        true => Ok(out),
        false => Err(problems),
    }
}

/// Options that take numbers are checked where the user's own spelling is still known.
fn invalid_number(spelling: &Spelling, arg: &str, value: &str) -> Option<Diagnostic> {
    let counts = ["jobs", "num-threads", "error-limit"];
    if !counts.contains(&spelling.id) || value.parse::<u32>().is_ok() {
        return None;
    }
    let spelled = match arg.len() > spelling.text.len() {
        true => arg.to_owned(),
        false => format!("{arg} {value}"),
    };
    Some(error(format!("invalid value '{value}' in '{spelled}'")))
}

/// The spelling that `arg` uses, and the value that is joined to it. Whole words win over joined values,
/// and of those the longest, so that `-driver-print-jobs` is not `-D` with a value.
fn find(arg: &str) -> Option<(&'static Spelling, &str)> {
    if let Some(whole) = OPTIONS
        .iter()
        .find(|o| o.text == arg && o.shape != Shape::Joined)
    {
        return Some((whole, ""));
    }
    let joined = OPTIONS
        .iter()
        .filter(|o| matches!(o.shape, Shape::Joined | Shape::Either));
    joined
        .filter_map(|o| Some((o, arg.strip_prefix(o.text)?)))
        // `-libs` is a library to link; `-library-thing` more likely a mistyped option: a name joined to
        // a one-letter option holds no dash, except in paths.
        .filter(|(o, value)| {
            o.shape == Shape::Joined || o.id.ends_with("path") || is_plain_value(o, value)
        })
        .max_by_key(|(o, _)| o.text.len())
}

fn is_plain_value(option: &Spelling, value: &str) -> bool {
    match option.id {
        "jobs" => true,
        "output" => value.contains(['/', '.']) || !value.contains('-'),
        _ => !value.starts_with('-'),
    }
}

fn unknown(arg: &str) -> Diagnostic {
    let spellings = OPTIONS.iter().map(|o| o.text.trim_end_matches('='));
    let mut message = format!("unknown argument: '{arg}'");
    if let Some(meant) = did_you_mean(arg, spellings.filter(|text| text.len() > 3)) {
        message.push_str(&format!("; did you mean '{meant}'?"));
    }
    error(message)
}

fn options(raw: &Raw, inputs: Vec<String>, problems: &mut Vec<Diagnostic>) -> Options {
    let mut options = Options::default();
    let untracked = &mut options.untracked;
    untracked.mode = mode(raw);
    untracked.output = raw.output.clone();
    untracked.emit_module = raw.emit_module;
    untracked.emit_module_path = raw.emit_module_path.clone();
    untracked.emit_module_doc = raw.emit_module_doc;
    untracked.emit_module_doc_path = raw.emit_module_doc_path.clone();
    untracked.emit_dependencies = raw.emit_dependencies;
    untracked.serialize_diagnostics = raw.serialize_diagnostics;
    untracked.output_file_map = raw.output_file_map.clone();
    untracked.incremental = raw.incremental;
    untracked.cache_path = raw.cache_path.clone();
    untracked.jobs = number(&raw.jobs).unwrap_or(0);
    untracked.num_threads = number(&raw.num_threads).unwrap_or(0);
    untracked.verbose = raw.verbose;
    untracked.print_jobs = raw.print_jobs;
    untracked.print_actions = raw.print_actions;
    untracked.print_bindings = raw.print_bindings;
    untracked.print_output_file_map = raw.print_output_file_map;
    untracked.parseable_output = raw.parseable_output;
    untracked.primary_files = raw.primary_file.clone();
    untracked.separate_processes = raw.separate_processes;
    untracked.watch = raw.watch;
    untracked.show_incremental = raw.show_incremental;
    untracked.show_lifecycle = raw.show_lifecycle;
    untracked.explain_rebuild = raw.explain_rebuild;
    untracked.time_passes = raw.time_passes;
    untracked.warnings_as_errors = raw.warnings_as_errors;
    untracked.suppress_warnings = raw.suppress_warnings;
    if let Some(limit) = number(&raw.error_limit) {
        untracked.error_limit = (limit > 0).then_some(limit);
    }
    untracked.save_temps = raw.save_temps;
    untracked.working_directory = raw.working_directory.clone();
    untracked.module_cache_path = raw.module_cache_path.clone();
    untracked.import_paths = raw.import_path.clone();
    untracked.library_paths = raw.library_path.clone();
    untracked.externs = raw
        .externs
        .iter()
        .filter_map(|text| extern_module(text, problems))
        .collect();
    untracked.sysroot = raw.sysroot.clone();
    untracked.resource_dir = raw.resource_dir.clone();
    untracked.sdk = raw.sdk.clone();
    untracked.color = match raw.color.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    untracked.message_format = match raw.message_format.as_deref() {
        None | Some("text") => MessageFormat::Text,
        Some("json") => MessageFormat::Json,
        Some(other) => {
            let message = format!("invalid value '{other}' in '--message-format={other}'");
            problems.push(error(message));
            MessageFormat::Text
        }
    };

    let tracked = &mut options.tracked;
    tracked.opt_level = match raw.opt_level.as_deref() {
        Some("speed") => OptLevel::Speed,
        Some("size") => OptLevel::Size,
        Some("unchecked") => OptLevel::Unchecked,
        _ => OptLevel::None,
    };
    tracked.debug_info = match raw.debug_info.as_deref() {
        Some("full") => DebugInfo::Full,
        Some("lines") => DebugInfo::LineTables,
        _ => DebugInfo::None,
    };
    for option in &raw.codegen_option {
        match option.split_once('=') {
            Some(("metadata", value)) => drop(tracked.crate_metadata.insert(value.to_owned())),
            _ => problems.push(
                error(format!("unknown codegen option: '{option}'"))
                    .note(None, "valid arguments to '-C' are 'metadata=<value>'"),
            ),
        }
    }
    tracked.parse_as_library = raw.parse_as_library;
    tracked.whole_module = raw.whole_module;
    tracked.enable_testing = raw.enable_testing;
    tracked.static_library = raw.static_library;
    tracked.static_stdlib = raw.static_stdlib;
    tracked.static_executable = raw.static_executable;
    tracked.linker = raw.linker.clone();
    tracked.link_libraries = raw.link_library.clone();
    tracked.linker_arguments = raw.linker_argument.clone();
    for name in &raw.define {
        if let Some(name) = condition(name, problems) {
            tracked.conditions.insert(name);
        }
    }
    if let Some(triple) = &raw.target {
        match Target::parse(triple) {
            Some(target) => tracked.target = target,
            None => problems.push(error(format!("unknown target '{triple}'"))),
        }
    }
    if let Some(version) = &raw.language_version {
        match version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
        {
            Some(major @ (4..=6)) => tracked.language_version = major,
            _ => problems.push(
                error(format!(
                    "invalid value '{version}' in '-language-version {version}'"
                ))
                .note(
                    None,
                    "valid arguments to '-language-version' are '4', '5', '6'",
                ),
            ),
        }
    }
    sort_inputs(&mut options, inputs, problems);
    check_combination(raw, &options, problems);
    if problems.iter().any(Diagnostic::is_error) {
        // A name derived from a wrong command line would only add to the confusion.
        return options;
    }
    match names::module_name(&options, raw.module_name.as_deref()) {
        Ok(name) => options.tracked.module_name = Name::new(&name),
        Err(problem) => problems.push(problem),
    }
    options
}

fn mode(raw: &Raw) -> Mode {
    match raw.mode.as_deref() {
        Some("emit-library") => Mode::EmitLibrary,
        Some("emit-object") => Mode::EmitObject,
        Some("typecheck") => Mode::Typecheck,
        Some("parse") => Mode::Parse,
        Some("dump-parse") => Mode::DumpParse,
        Some("dump-ast") => Mode::DumpAst,
        Some("emit-mir") => Mode::EmitMir,
        Some("emit-clif") => Mode::EmitClif,
        Some("emit-ir") => Mode::EmitIr,
        Some("emit-bc") => Mode::EmitBitcode,
        Some("emit-assembly") => Mode::EmitAssembly,
        Some("emit-imported-modules") => Mode::EmitImportedModules,
        // A module file beside the default output replaces it.
        None if raw.emit_module || raw.emit_module_path.is_some() => Mode::EmitModule,
        None if raw.emit_module_doc || raw.emit_module_doc_path.is_some() => Mode::EmitModule,
        _ => Mode::EmitExecutable,
    }
}

/// What `--extern` says.
fn extern_module(text: &str, problems: &mut Vec<Diagnostic>) -> Option<Extern> {
    match text.split_once('=') {
        Some((name, path)) if names::is_identifier(name) && !path.is_empty() => Some(Extern {
            name: name.to_owned(),
            path: path.to_owned(),
        }),
        _ => {
            let message = format!("invalid value '{text}' in '--extern {text}'");
            let form = "a module is named as in '--extern Shapes=lib/libShapes.rlib'";
            problems.push(error(message).note(None, form));
            None
        }
    }
}

fn number(text: &Option<String>) -> Option<usize> {
    text.as_deref()?.parse().ok()
}

fn condition(name: &str, problems: &mut Vec<Diagnostic>) -> Option<Name> {
    if let Some((before, _)) = name.split_once('=') {
        problems.push(warning(format!(
            "conditional compilation flags do not have values in Codira; they are either present or absent \
             (rather than '{name}')"
        )));
        return names::is_identifier(before).then(|| Name::new(name));
    }
    if !names::is_identifier(name) {
        problems.push(error(format!(
            "conditional compilation flags must be valid Codira identifiers (rather than '{name}')"
        )));
        return None;
    }
    Some(Name::new(name))
}

/// Tells source files from what goes to the linker.
fn sort_inputs(options: &mut Options, inputs: Vec<String>, problems: &mut Vec<Diagnostic>) {
    let links = options.untracked.mode.links();
    for input in inputs {
        let ending = Path::new(&input).extension().and_then(|e| e.to_str());
        match ending {
            Some("code" | "swift") => options.untracked.inputs.push(input),
            _ if input == "-" => options.untracked.inputs.push(input),
            Some("o" | "a" | "so" | "rlib" | "lo") if links => {
                options.untracked.link_inputs.push(input);
            }
            _ => problems.push(error(format!("unexpected input file: {input}"))),
        }
    }
    if options.untracked.inputs.is_empty()
        && options.untracked.link_inputs.is_empty()
        && problems.is_empty()
        && !options.untracked.print_output_file_map
    {
        problems.push(error("no input files"));
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut by_name = std::collections::HashMap::new();
    for input in &options.untracked.inputs {
        let name = Path::new(input).file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or(input);
        if let Some(first) = by_name.insert(name, input.as_str()) {
            seen.push((first, input));
        }
    }
    for (first, second) in seen {
        let name = Path::new(second).file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or(second);
        problems.push(
            error(format!(
                "filename \"{name}\" used twice: '{first}' and '{second}'"
            ))
            .note(
                None,
                "filenames are used to distinguish private declarations with the same name",
            ),
        );
    }
}

/// Options that contradict each other.
fn check_combination(raw: &Raw, options: &Options, problems: &mut Vec<Diagnostic>) {
    let untracked = &options.untracked;
    if options.tracked.static_library && untracked.mode == Mode::EmitExecutable {
        problems.push(error("-static may not be used with -emit-executable"));
    }
    let one_unit = options.tracked.whole_module && untracked.num_threads == 0;
    if untracked.output.is_some()
        && untracked.mode.is_per_file()
        && untracked.compiled_inputs().count() > 1
        && !one_unit
    {
        let message = "cannot specify -o when generating multiple output files";
        problems.push(error(message));
    }
    if raw.warnings_as_errors && raw.suppress_warnings {
        let message = "conflicting options '-warnings-as-errors' and '-suppress-warnings'";
        problems.push(error(message));
    }
    if untracked.incremental
        && untracked.output_file_map.is_none()
        && untracked.cache_path.is_none()
    {
        problems.push(warning(
            "ignoring -incremental (currently requires an output file map)",
        ));
    }
    if untracked.print_output_file_map && untracked.output_file_map.is_none() {
        problems.push(error("no output file map specified"));
    }
}
