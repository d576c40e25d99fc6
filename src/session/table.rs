//! The command line's options as a table.
//!
//! Options are spelled with one dash and long names, values joined or apart, as this family of compilers
//! always had them; clap wants two dashes and an equals sign. [`OPTIONS`] says for every accepted spelling
//! what shape it has and which of clap's options it becomes.

/// How an option's value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// No value.
    Flag,
    /// In the next word: `-module-name M`.
    Separate,
    /// In the same word: `-use-ld=lld`.
    Joined,
    /// Either: `-DFOO`, `-D FOO`.
    Either,
}

/// Where an option is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// Under `MODES`.
    Mode,
    /// Under `OPTIONS`.
    Option,
    /// Nowhere: for build systems and for people who work on the compiler.
    Hidden,
}

/// One accepted spelling.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The option with its dashes, and with `=` where a joined value follows one.
    pub text: &'static str,
    /// How its value is written.
    pub shape: Shape,
    /// The name of clap's option.
    pub id: &'static str,
    /// The value that the spelling stands for; empty for plain flags and for options whose value the
    /// user writes.
    pub fixed: &'static str,
    /// What help calls the value.
    pub value: &'static str,
    /// What help says; empty for a second spelling of something.
    pub help: &'static str,
    /// Where help says it.
    pub listed: Listed,
}

const fn flag(text: &'static str, id: &'static str, help: &'static str) -> Spelling {
    Spelling {
        text,
        shape: Shape::Flag,
        id,
        fixed: "",
        value: "",
        help,
        listed: if help.is_empty() {
            Listed::Hidden
        } else {
            Listed::Option
        },
    }
}

const fn hidden(text: &'static str, id: &'static str) -> Spelling {
    flag(text, id, "")
}

const fn choice(
    text: &'static str,
    id: &'static str,
    fixed: &'static str,
    help: &'static str,
) -> Spelling {
    Spelling {
        fixed,
        ..flag(text, id, help)
    }
}

const fn mode(text: &'static str, fixed: &'static str, help: &'static str) -> Spelling {
    Spelling {
        listed: if help.is_empty() {
            Listed::Hidden
        } else {
            Listed::Mode
        },
        ..choice(text, "mode", fixed, help)
    }
}

const fn value(
    text: &'static str,
    shape: Shape,
    id: &'static str,
    value: &'static str,
    help: &'static str,
) -> Spelling {
    Spelling {
        shape,
        value,
        ..flag(text, id, help)
    }
}

use Shape::{Either, Joined, Separate};

/// Every spelling that is accepted.
pub const OPTIONS: &[Spelling] = &[
    mode(
        "-emit-executable",
        "emit-executable",
        "Emit a linked executable (the default)",
    ),
    mode("-emit-library", "emit-library", "Emit a linked library"),
    mode("-emit-object", "emit-object", "Emit object file(s) (-c)"),
    mode("-c", "emit-object", ""),
    mode(
        "-typecheck",
        "typecheck",
        "Parse and type-check input file(s)",
    ),
    mode("-parse", "parse", "Parse input file(s)"),
    mode(
        "-dump-parse",
        "dump-parse",
        "Parse input file(s) and dump syntax tree(s)",
    ),
    mode(
        "-dump-ast",
        "dump-ast",
        "Parse and type-check input file(s) and dump typed program(s)",
    ),
    mode(
        "-emit-mir",
        "emit-mir",
        "Emit the compiler's middle representation",
    ),
    mode("-emit-clif", "emit-clif", "Emit Cranelift's representation"),
    mode("-emit-ir", "emit-ir", "Emit LLVM IR file(s)"),
    mode("-emit-bc", "emit-bc", "Emit LLVM BC file(s)"),
    mode(
        "-emit-assembly",
        "emit-assembly",
        "Emit assembly file(s) (-S)",
    ),
    mode("-S", "emit-assembly", ""),
    mode(
        "-emit-imported-modules",
        "emit-imported-modules",
        "Emit a list of the imported modules",
    ),
    flag("-emit-module", "emit-module", "Emit an importable module"),
    value(
        "-emit-module-path",
        Separate,
        "emit-module-path",
        "<path>",
        "Emit an importable module to <path>",
    ),
    value("-emit-module-path=", Joined, "emit-module-path", "", ""),
    flag(
        "-emit-module-doc",
        "emit-module-doc",
        "Emit a file with the documentation of the module",
    ),
    value(
        "-emit-module-doc-path",
        Separate,
        "emit-module-doc-path",
        "<path>",
        "Emit the documentation of the module to <path>",
    ),
    flag(
        "-emit-dependencies",
        "emit-dependencies",
        "Emit Make-compatible dependencies files",
    ),
    flag(
        "-emit-loaded-module-trace",
        "emit-loaded-module-trace",
        "Emit a JSON file about the modules that were loaded",
    ),
    flag(
        "-serialize-diagnostics",
        "serialize-diagnostics",
        "Serialize diagnostics in a binary format",
    ),
    value("-o", Either, "output", "<file>", "Write output to <file>"),
    value(
        "-module-name",
        Separate,
        "module-name",
        "<name>",
        "Name of the module to build",
    ),
    value("-module-name=", Joined, "module-name", "", ""),
    value("-j", Either, "jobs", "<n>", "Number of threads to use"),
    value(
        "-num-threads",
        Separate,
        "num-threads",
        "<n>",
        "Emit one object per file on <n> threads",
    ),
    flag(
        "-whole-module-optimization",
        "whole-module",
        "Optimize input files together instead of individually",
    ),
    hidden("-wmo", "whole-module"),
    choice("-no-whole-module-optimization", "no-whole-module", "", ""),
    flag(
        "-incremental",
        "incremental",
        "Reuse what an earlier build left",
    ),
    choice(
        "-Onone",
        "opt-level",
        "none",
        "Compile without any optimization",
    ),
    choice("-O", "opt-level", "speed", "Compile with optimizations"),
    choice(
        "-Osize",
        "opt-level",
        "size",
        "Compile with optimizations and target small code size",
    ),
    choice(
        "-Ounchecked",
        "opt-level",
        "unchecked",
        "Compile with optimizations and remove runtime safety checks",
    ),
    choice("-g", "debug-info", "full", "Emit debug info"),
    choice(
        "-gline-tables-only",
        "debug-info",
        "lines",
        "Emit minimal debug info for backtraces only",
    ),
    choice("-gnone", "debug-info", "none", "Don't emit debug info"),
    value(
        "-I",
        Either,
        "import-path",
        "<dir>",
        "Add directory to the import search path",
    ),
    value(
        "-L",
        Either,
        "library-path",
        "<dir>",
        "Add directory to library link search path",
    ),
    value(
        "--extern",
        Separate,
        "extern",
        "<name>=<path>",
        "Find the module <name> at <path>",
    ),
    value("--extern=", Joined, "extern", "", ""),
    value("-extern", Separate, "extern", "", ""),
    value(
        "-C",
        Either,
        "codegen-option",
        "metadata=<value>",
        "Tell this module from others of its name by <value>",
    ),
    value(
        "--sysroot",
        Separate,
        "sysroot",
        "<dir>",
        "Find installed modules and libraries below <dir>",
    ),
    value("--sysroot=", Joined, "sysroot", "", ""),
    value(
        "-l",
        Either,
        "link-library",
        "<name>",
        "Link with library <name>",
    ),
    value("-F", Either, "ignored", "", ""),
    value(
        "-Xlinker",
        Separate,
        "linker-argument",
        "<arg>",
        "Pass <arg> to the linker",
    ),
    value("-Xfrontend", Separate, "ignored", "", ""),
    value("-Xcc", Separate, "ignored", "", ""),
    value("-Xllvm", Separate, "ignored", "", ""),
    value("-use-ld=", Joined, "linker", "<linker>", "Use this linker"),
    flag(
        "-static",
        "static-library",
        "Make this module statically linkable and make the output of -emit-library a static library",
    ),
    flag(
        "-static-stdlib",
        "static-stdlib",
        "Statically link the standard library",
    ),
    flag(
        "-static-executable",
        "static-executable",
        "Statically link the executable",
    ),
    hidden("-no-static-stdlib", "no-static-stdlib"),
    hidden("-no-static-executable", "no-static-executable"),
    value(
        "-D",
        Either,
        "define",
        "<name>",
        "Marks a conditional compilation flag as true",
    ),
    value(
        "-target",
        Separate,
        "target",
        "<triple>",
        "Generate code for the given target",
    ),
    value(
        "-sdk",
        Separate,
        "sdk",
        "<dir>",
        "Compile against this system root",
    ),
    value(
        "-resource-dir",
        Separate,
        "resource-dir",
        "<dir>",
        "Find the standard library's modules in <dir>",
    ),
    value(
        "-working-directory",
        Separate,
        "working-directory",
        "<dir>",
        "Resolve file paths relative to <dir>",
    ),
    value("-working-directory=", Joined, "working-directory", "", ""),
    value(
        "-cache-path",
        Separate,
        "cache-path",
        "<dir>",
        "Keep in <dir> what later builds of the same module can use",
    ),
    value(
        "-module-cache-path",
        Separate,
        "module-cache-path",
        "<dir>",
        "Keep results for later compilations in <dir>",
    ),
    value(
        "-output-file-map",
        Separate,
        "output-file-map",
        "<path>",
        "A file which specifies the location of outputs",
    ),
    value("-output-file-map=", Joined, "output-file-map", "", ""),
    value(
        "-language-version",
        Separate,
        "language-version",
        "<n>",
        "Interpret input according to a language version",
    ),
    flag(
        "-parse-as-library",
        "parse-as-library",
        "Parse the input file(s) as libraries, not scripts",
    ),
    flag(
        "-enable-testing",
        "enable-testing",
        "Allow this module's internal names to be accessed for testing",
    ),
    flag(
        "-save-temps",
        "save-temps",
        "Save intermediate compilation results",
    ),
    flag("-v", "verbose", "Show commands to run and the version"),
    flag("-version", "version", "Print version information and exit"),
    hidden("--version", "version"),
    flag("-help", "help-text", "Display available options"),
    hidden("--help", "help-text"),
    hidden("-h", "help-text"),
    flag("-###", "print-jobs", "Print the jobs and do not run them"),
    value("-primary-file", Separate, "primary-file", "", ""),
    hidden("-driver-separate-processes", "separate-processes"),
    hidden("-driver-print-jobs", "print-jobs"),
    hidden("-driver-print-actions", "print-actions"),
    hidden("-driver-print-bindings", "print-bindings"),
    hidden("-driver-print-output-file-map", "print-output-file-map"),
    flag(
        "--watch",
        "watch",
        "Build again whenever a source file changes, until interrupted",
    ),
    hidden("-watch", "watch"),
    hidden("-driver-show-incremental", "show-incremental"),
    hidden("-driver-show-job-lifecycle", "show-lifecycle"),
    flag(
        "-explain-rebuild",
        "explain-rebuild",
        "Say what an incremental build checked and compiled again, and why",
    ),
    value("-driver-filelist-threshold=", Joined, "ignored", "", ""),
    hidden("-driver-time-compilation", "time-passes"),
    flag(
        "-parseable-output",
        "parseable-output",
        "Print messages about jobs for build systems",
    ),
    flag(
        "-warnings-as-errors",
        "warnings-as-errors",
        "Treat warnings as errors",
    ),
    hidden("-no-warnings-as-errors", "no-warnings-as-errors"),
    flag(
        "-suppress-warnings",
        "suppress-warnings",
        "Suppress all warnings",
    ),
    choice(
        "-color-diagnostics",
        "color",
        "always",
        "Print diagnostics in color",
    ),
    choice("-no-color-diagnostics", "color", "never", ""),
    hidden("-embed-bitcode", "embed-bitcode"),
    flag(
        "--time-passes",
        "time-passes",
        "Print a table of the stages' times and queries",
    ),
    hidden("-time-passes", "time-passes"),
    value(
        "--message-format=",
        Joined,
        "message-format",
        "<text|json>",
        "How to print diagnostics",
    ),
    value("--message-format", Separate, "message-format", "", ""),
    value(
        "--error-limit=",
        Joined,
        "error-limit",
        "<n>",
        "Stop after <n> errors; 0 for no limit",
    ),
];

/// The text of `-help`.
pub fn help(program: &str) -> String {
    let mut text = format!("OVERVIEW: Codira compiler\n\nUSAGE: {program} [options] <inputs>\n");
    for (title, listed) in [("MODES", Listed::Mode), ("OPTIONS", Listed::Option)] {
        text.push_str(&format!("\n{title}:\n"));
        let mut lines: Vec<_> = OPTIONS.iter().filter(|o| o.listed == listed).collect();
        lines.sort_by_key(|o| o.text.to_ascii_lowercase());
        for option in lines {
            let space = match option.shape {
                Shape::Joined | Shape::Flag => "",
                Shape::Separate | Shape::Either => " ",
            };
            let left = format!("  {}{space}{}", option.text, option.value);
            // A left column that is too wide gets a line of its own.
            match left.len() < 26 {
                true => text.push_str(&format!("{left:<26}{}\n", option.help)),
                false => text.push_str(&format!("{left}\n{:26}{}\n", "", option.help)),
            }
        }
    }
    text
}
