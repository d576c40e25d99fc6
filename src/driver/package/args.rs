//! The command lines of `language new`, `build`, `run`, `test`, `check` and `clean`.

use crate::base::distance::did_you_mean;
use crate::diag::Diagnostic;

/// What a command line says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arguments {
    /// The words that are no options.
    pub words: Vec<String>,
    /// What stands behind `--`, for the program that is run.
    pub program: Vec<String>,
    /// `--release`, `-c release`.
    pub release: bool,
    /// `--target`: the only one that is wanted.
    pub target: Option<String>,
    /// `-j`: how many compilations at once.
    pub jobs: Option<usize>,
    /// `--message-format=json`.
    pub json: bool,
    /// `--timings`.
    pub timings: bool,
    /// `--no-pipelining`.
    pub no_pipelining: bool,
    /// `-v`.
    pub verbose: bool,
    /// `-q`.
    pub quiet: bool,
    /// `--lib`.
    pub library: bool,
    /// `--package-path`: where to look for the package.
    pub package_path: Option<String>,
    /// `--help`.
    pub help: bool,
}

/// A command as its help shows it.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    /// How many words it takes.
    words: usize,
    options: &'static [Id],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Id {
    Release,
    Configuration,
    Target,
    Jobs,
    MessageFormat,
    Timings,
    NoPipelining,
    Verbose,
    Quiet,
    Library,
    PackagePath,
    Help,
}

struct Spelling {
    id: Id,
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
}

const fn option(
    id: Id,
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> Spelling {
    Spelling {
        id,
        long,
        short,
        value,
        help,
    }
}

const OPTIONS: &[Spelling] = &[
    option(Id::Release, "--release", None, "", "Optimise"),
    option(
        Id::Configuration,
        "--configuration",
        Some('c'),
        "NAME",
        "'debug' (the default) or 'release'",
    ),
    option(
        Id::Target,
        "--target",
        Some('p'),
        "NAME",
        "Only this target, and what it needs",
    ),
    option(
        Id::Jobs,
        "--jobs",
        Some('j'),
        "N",
        "Compile N modules at once",
    ),
    option(
        Id::MessageFormat,
        "--message-format",
        None,
        "FORMAT",
        "'text' (the default), or 'json': an object a line",
    ),
    option(
        Id::Timings,
        "--timings",
        None,
        "",
        "Write a page that shows what was built when",
    ),
    option(
        Id::NoPipelining,
        "--no-pipelining",
        None,
        "",
        "Wait for the code of imported modules",
    ),
    option(
        Id::Verbose,
        "--verbose",
        Some('v'),
        "",
        "Show the commands, and what is up to date",
    ),
    option(
        Id::Quiet,
        "--quiet",
        Some('q'),
        "",
        "Show only what goes wrong",
    ),
    option(Id::Library, "--lib", None, "", "A library and no program"),
    option(
        Id::PackagePath,
        "--package-path",
        None,
        "DIR",
        "The package in or above this folder",
    ),
    option(Id::Help, "--help", Some('h'), "", "Show this"),
];

const BUILDING: &[Id] = &[
    Id::Release,
    Id::Configuration,
    Id::Target,
    Id::Jobs,
    Id::MessageFormat,
    Id::Timings,
    Id::NoPipelining,
    Id::Verbose,
    Id::Quiet,
    Id::PackagePath,
    Id::Help,
];

const RUNNING: &[Id] = &[
    Id::Release,
    Id::Configuration,
    Id::Jobs,
    Id::Timings,
    Id::NoPipelining,
    Id::Verbose,
    Id::Quiet,
    Id::PackagePath,
    Id::Help,
];

const COMMANDS: &[Command] = &[
    Command {
        name: "new",
        usage: "NAME [--lib]",
        about: "Make a folder with a new package",
        words: 1,
        options: &[Id::Library, Id::Quiet, Id::Help],
    },
    Command {
        name: "build",
        usage: "[options]",
        about: "Build the libraries and programs of a package",
        words: 0,
        options: BUILDING,
    },
    Command {
        name: "run",
        usage: "[TARGET] [options] [-- ARGUMENTS]",
        about: "Build a program of a package and run it; 'language run FILES' runs files instead",
        words: 1,
        options: RUNNING,
    },
    Command {
        name: "test",
        usage: "[FILTER] [options]",
        about: "Run the tests of a package whose names contain FILTER",
        words: 1,
        options: BUILDING,
    },
    Command {
        name: "check",
        usage: "[options]",
        about: "Report what is wrong with a package, without making code",
        words: 0,
        options: BUILDING,
    },
    Command {
        name: "clean",
        usage: "[options]",
        about: "Remove what was built",
        words: 0,
        options: &[Id::Quiet, Id::PackagePath, Id::Help],
    },
];

/// Whether there is such a command.
pub fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|command| command.name == name)
}

/// The help of a command.
pub fn help(name: &str) -> String {
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return String::new();
    };
    let mut text = format!(
        "OVERVIEW: {}\n\nUSAGE: language {name} {}\n\nOPTIONS:\n",
        command.about, command.usage
    );
    for option in OPTIONS.iter().filter(|o| command.options.contains(&o.id)) {
        let mut spelled = match option.short {
            Some(short) => format!("-{short}, {}", option.long),
            None => option.long.to_owned(),
        };
        if !option.value.is_empty() {
            spelled.push(' ');
            spelled.push_str(option.value);
        }
        text.push_str(&format!("  {spelled:<26} {}\n", option.help));
    }
    text
}

fn error(message: String) -> Diagnostic {
    Diagnostic::global_error("command-line", message)
}

/// Reads the words behind `language NAME`.
pub fn parse(name: &str, args: &[String]) -> Result<Arguments, Diagnostic> {
    let mut parsed = Arguments::default();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(error(format!("unknown command: '{name}'")));
    };
    let known = || OPTIONS.iter().filter(|o| command.options.contains(&o.id));
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            if name != "run" {
                return Err(error(format!(
                    "'language {name}' takes no arguments behind '--'"
                )));
            }
            parsed.program = args.cloned().collect();
            break;
        }
        if !arg.starts_with('-') {
            if parsed.words.len() == command.words {
                let mut problem = error(format!("unexpected argument '{arg}'"));
                if name == "run" {
                    let note = "the program's own arguments stand behind '--'";
                    problem = problem.note(None, note);
                }
                return Err(problem);
            }
            parsed.words.push(arg.clone());
            continue;
        }
        let (spelled, joined) = match arg.split_once('=') {
            Some((spelled, value)) => (spelled, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let long = known().find(|option| option.long == spelled);
        // A letter's value may follow at once, as in `-j2`.
        let mut letters = arg.chars().skip(1);
        let letter = letters.next();
        let rest: String = letters.collect();
        let short = known().find(|option| {
            let takes = !option.value.is_empty();
            option.short.is_some() && option.short == letter && (rest.is_empty() || takes)
        });
        let (option, joined) = match (long, short) {
            (Some(option), _) => (option, joined),
            (None, Some(option)) if !arg.starts_with("--") => {
                (option, Some(rest).filter(|rest| !rest.is_empty()))
            }
            _ => {
                let mut message = format!("unknown option '{arg}' of 'language {name}'");
                if let Some(meant) = did_you_mean(spelled, known().map(|option| option.long)) {
                    message.push_str(&format!("; did you mean '{meant}'?"));
                }
                return Err(error(message));
            }
        };
        let value = match (option.value.is_empty(), joined) {
            (true, None) => String::new(),
            (true, Some(_)) => {
                return Err(error(format!("option '{}' takes no value", option.long)));
            }
            (false, Some(value)) => value,
            (false, None) => match args.next() {
                Some(value) => value.clone(),
                None => {
                    return Err(error(format!("missing argument value for '{spelled}'")));
                }
            },
        };
        set(&mut parsed, option, arg, value)?;
    }
    Ok(parsed)
}

fn set(
    parsed: &mut Arguments,
    option: &Spelling,
    arg: &str,
    value: String,
) -> Result<(), Diagnostic> {
    let invalid = || {
        let spelled = match arg.ends_with(&value) {
            true => arg.to_owned(),
            false => format!("{arg} {value}"),
        };
        error(format!("invalid value '{value}' in '{spelled}'"))
    };
    match option.id {
        Id::Release => parsed.release = true,
        Id::Configuration => match value.as_str() {
            "debug" => parsed.release = false,
            "release" => parsed.release = true,
            _ => return Err(invalid()),
        },
        Id::Target => parsed.target = Some(value),
        Id::Jobs => match value.parse::<usize>() {
            Ok(jobs) if jobs > 0 => parsed.jobs = Some(jobs),
            _ => return Err(invalid()),
        },
        Id::MessageFormat => match value.as_str() {
            "text" => parsed.json = false,
            "json" => parsed.json = true,
            _ => return Err(invalid()),
        },
        Id::Timings => parsed.timings = true,
        Id::NoPipelining => parsed.no_pipelining = true,
        Id::Verbose => parsed.verbose = true,
        Id::Quiet => parsed.quiet = true,
        Id::Library => parsed.library = true,
        Id::PackagePath => parsed.package_path = Some(value),
        Id::Help => parsed.help = true,
    }
    Ok(())
}
