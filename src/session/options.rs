//! Every setting of a compilation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::{Fingerprint, Name, fingerprint_of};
use crate::diag::report::DEFAULT_ERROR_LIMIT;
use crate::stable_hash_enum;

use super::Target;

/// Declares the two halves of [`Options`] and the hash of the tracked one.
///
/// Every option is in exactly one half, so whoever adds one decides whether it can change what is compiled.
macro_rules! options {
    ($(#[$tracked_doc:meta])* tracked { $($(#[$doc:meta])* $field:ident: $ty:ty = $default:expr,)* }
     $(#[$untracked_doc:meta])* untracked { $($(#[$udoc:meta])* $ufield:ident: $uty:ty = $udefault:expr,)* }
    ) => {
        $(#[$tracked_doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct TrackedOptions { $($(#[$doc])* pub $field: $ty,)* }

        $(#[$untracked_doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct UntrackedOptions { $($(#[$udoc])* pub $ufield: $uty,)* }

        impl Default for TrackedOptions {
            fn default() -> Self {
                TrackedOptions { $($field: $default,)* }
            }
        }

        impl Default for UntrackedOptions {
            fn default() -> Self {
                UntrackedOptions { $($ufield: $udefault,)* }
            }
        }

        $crate::stable_hash_struct!(TrackedOptions { $($field),* });

        #[cfg(test)]
        impl Options {
            /// These options with one changed, for each: its name, and whether it is tracked.
            pub(super) fn each_changed(&self) -> Vec<(&'static str, bool, Options)> {
                use super::tests::Different;
                let mut all = Vec::new();
                $({
                    let mut options = self.clone();
                    options.tracked.$field = options.tracked.$field.different();
                    all.push((stringify!($field), true, options));
                })*
                $({
                    let mut options = self.clone();
                    options.untracked.$ufield = options.untracked.$ufield.different();
                    all.push((stringify!($ufield), false, options));
                })*
                all
            }
        }
    };
}

options! {
    /// The options that can change what is compiled. A module's queries read them from its input; the
    /// hash of them all is part of what decides whether earlier results may be used.
    tracked {
        /// The module's name.
        module_name: Name = Name::new("main"),
        /// What tells the module from others of its name (`-C metadata`).
        crate_metadata: BTreeSet<String> = BTreeSet::new(),
        /// How hard to optimise.
        opt_level: OptLevel = OptLevel::None,
        /// How much debug information to write.
        debug_info: DebugInfo = DebugInfo::None,
        /// The machine to make code for.
        target: Target = Target::HOST,
        /// The language mode.
        language_version: u32 = 5,
        /// The names that `#if` finds defined (`-D`).
        conditions: BTreeSet<Name> = BTreeSet::new(),
        /// No file is a script: top-level code is an error everywhere.
        parse_as_library: bool = false,
        /// One unit of code for the whole module instead of one a file.
        whole_module: bool = false,
        /// Declarations are visible to `@testable` imports.
        enable_testing: bool = false,
        /// Link everything into the executable, the C library too.
        static_executable: bool = false,
        /// Link the standard library into the executable.
        static_stdlib: bool = false,
        /// Make an archive instead of a shared library.
        static_library: bool = false,
        /// The linker to use (`-use-ld=`).
        linker: Option<String> = None,
        /// Libraries to link (`-l`), in order.
        link_libraries: Vec<String> = Vec::new(),
        /// Words for the linker (`-Xlinker`), in order.
        linker_arguments: Vec<String> = Vec::new(),
    }

    /// The options that cannot change what is compiled: where things are, what is shown, how fast.
    untracked {
        /// What to make.
        mode: Mode = Mode::EmitExecutable,
        /// The source files as spelled on the command line.
        inputs: Vec<String> = Vec::new(),
        /// The inputs that a frontend job compiles; all if there are none.
        primary_files: Vec<String> = Vec::new(),
        /// Run each compile job in a process of its own.
        separate_processes: bool = false,
        /// Objects and archives among the inputs, which go to the linker as they are.
        link_inputs: Vec<String> = Vec::new(),
        /// Where the output goes (`-o`).
        output: Option<String> = None,
        /// Where the module file goes, if one is made.
        emit_module_path: Option<String> = None,
        /// Make a module file beside the main output.
        emit_module: bool = false,
        /// Where the module's documentation goes.
        emit_module_doc_path: Option<String> = None,
        /// Write the module's documentation beside the module file.
        emit_module_doc: bool = false,
        /// Write Make-style dependencies.
        emit_dependencies: bool = false,
        /// Write serialised diagnostics.
        serialize_diagnostics: bool = false,
        /// The output file map's path.
        output_file_map: Option<String> = None,
        /// Reuse what an earlier build left.
        incremental: bool = false,
        /// The folder where builds leave what the next one can use.
        cache_path: Option<String> = None,
        /// Threads to use; 0 for one a processor.
        jobs: usize = 0,
        /// Threads that turn one module's code into objects.
        num_threads: usize = 0,
        /// Show the commands.
        verbose: bool = false,
        /// Print the jobs and stop (`-###`).
        print_jobs: bool = false,
        /// Print the actions and stop.
        print_actions: bool = false,
        /// Print the actions' files and stop.
        print_bindings: bool = false,
        /// Print the output file map and stop.
        print_output_file_map: bool = false,
        /// Print messages about jobs for build systems.
        parseable_output: bool = false,
        /// Build again whenever a source file changes, until interrupted.
        watch: bool = false,
        /// Say what an incremental build does and why.
        show_incremental: bool = false,
        /// Say which jobs begin and end.
        show_lifecycle: bool = false,
        /// Say what was checked and compiled again, and why.
        explain_rebuild: bool = false,
        /// Print a table of the stages' times.
        time_passes: bool = false,
        /// How diagnostics are printed.
        message_format: MessageFormat = MessageFormat::Text,
        /// Whether they are coloured.
        color: ColorChoice = ColorChoice::Auto,
        /// Warnings stop the compiler.
        warnings_as_errors: bool = false,
        /// Warnings are not reported.
        suppress_warnings: bool = false,
        /// After so many errors the rest is left out.
        error_limit: Option<usize> = Some(DEFAULT_ERROR_LIMIT),
        /// Keep temporary files.
        save_temps: bool = false,
        /// The folder that relative paths start from, if not the current one.
        working_directory: Option<String> = None,
        /// The folder for results that later compilations can use, if not the user's cache.
        module_cache_path: Option<String> = None,
        /// Folders with module files (`-I`).
        import_paths: Vec<String> = Vec::new(),
        /// Folders with libraries (`-L`).
        library_paths: Vec<String> = Vec::new(),
        /// Modules whose files were named (`--extern`), in order.
        externs: Vec<Extern> = Vec::new(),
        /// The folder that the compiler is installed in, for modules and libraries (`--sysroot`).
        sysroot: Option<String> = None,
        /// The folder of the standard library's modules, if not the embedded one.
        resource_dir: Option<String> = None,
        /// The folder of the system's headers and libraries.
        sdk: Option<String> = None,
        /// The arguments of a program that is run (`language run`).
        program_arguments: Vec<String> = Vec::new(),
    }
}

impl UntrackedOptions {
    /// The inputs that outputs are made for: all, or those that a frontend job was given.
    pub fn compiled_inputs(&self) -> impl Iterator<Item = &String> {
        let inputs = self.inputs.iter();
        inputs.filter(|input| self.primary_files.is_empty() || self.primary_files.contains(input))
    }
}

/// Every setting of a compilation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Those that can change what is compiled.
    pub tracked: TrackedOptions,
    /// Those that cannot.
    pub untracked: UntrackedOptions,
}

impl Options {
    /// The hash of everything that can change what is compiled.
    pub fn tracked_hash(&self) -> Fingerprint {
        fingerprint_of(&self.tracked)
    }

    /// Where the main output goes; `None` for modes that print.
    pub fn output_path(&self) -> Option<String> {
        let named = self.untracked.output.clone();
        let module = self.tracked.module_name.as_str();
        match self.untracked.mode {
            Mode::EmitExecutable => Some(named.unwrap_or_else(|| module.to_owned())),
            Mode::EmitLibrary => Some(named.unwrap_or_else(|| {
                let ending = if self.tracked.static_library {
                    "a"
                } else {
                    "so"
                };
                format!("lib{module}.{ending}")
            })),
            Mode::EmitModule => {
                let named = named.or_else(|| self.untracked.emit_module_path.clone());
                Some(named.unwrap_or_else(|| format!("{module}.codemodule")))
            }
            _ => named,
        }
    }

    /// Whether a module file is asked for, beside the main output or as it.
    pub fn makes_module(&self) -> bool {
        let asked = &self.untracked;
        asked.mode == Mode::EmitModule
            || asked.emit_module
            || asked.emit_module_path.is_some()
            || asked.emit_module_doc
            || asked.emit_module_doc_path.is_some()
    }

    /// Where the module file goes, if one is asked for.
    pub fn module_path(&self) -> Option<String> {
        if !self.makes_module() {
            return None;
        }
        if self.untracked.mode == Mode::EmitModule {
            return self.output_path();
        }
        if let Some(path) = &self.untracked.emit_module_path {
            return Some(path.clone());
        }
        // Beside the main output.
        let name = format!("{}.codemodule", self.tracked.module_name);
        let folder = self.output_path();
        let folder = folder.as_deref().and_then(|path| Path::new(path).parent());
        let path = folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        Some(path.to_string_lossy().into_owned())
    }

    /// Where the documentation of the module goes, if it is asked for. Frontend jobs leave it in their partial modules.
    pub fn docs_path(&self) -> Option<String> {
        let asked = &self.untracked;
        if !asked.primary_files.is_empty() {
            return None;
        }
        if let Some(path) = &asked.emit_module_doc_path {
            return Some(path.clone());
        }
        let wanted = asked.emit_module || asked.emit_module_doc || asked.mode == Mode::EmitModule;
        let path = self.module_path().filter(|path| wanted && path != "-")?;
        let path = Path::new(&path).with_extension("codedoc");
        Some(path.to_string_lossy().into_owned())
    }
}

/// A module whose file the command line names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extern {
    /// The module's name, as `import` writes it.
    pub name: String,
    /// Where it is.
    pub path: String,
}

/// What to make.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// A program.
    EmitExecutable,
    /// A program that is run at once and not kept.
    Run,
    /// A library.
    EmitLibrary,
    /// An object file for every input.
    EmitObject,
    /// A module file.
    EmitModule,
    /// Diagnostics only, of everything up to code generation.
    Typecheck,
    /// Diagnostics only, of the parser.
    Parse,
    /// The syntax trees.
    DumpParse,
    /// The checked program.
    DumpAst,
    /// The middle representation.
    EmitMir,
    /// Cranelift's representation.
    EmitClif,
    /// LLVM's representation.
    EmitIr,
    /// LLVM's representation, binary.
    EmitBitcode,
    /// Assembly.
    EmitAssembly,
    /// The names of the modules that are imported.
    EmitImportedModules,
}

impl Mode {
    /// Whether there is an output for every input instead of one for all.
    pub fn is_per_file(self) -> bool {
        matches!(
            self,
            Mode::EmitObject | Mode::EmitIr | Mode::EmitBitcode | Mode::EmitAssembly
        )
    }

    /// Whether the outputs are linked into one image.
    pub fn links(self) -> bool {
        matches!(self, Mode::EmitExecutable | Mode::EmitLibrary | Mode::Run)
    }
}

/// How hard to optimise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OptLevel {
    /// `-Onone`: compile fast, keep every variable.
    #[default]
    None,
    /// `-O`.
    Speed,
    /// `-Osize`.
    Size,
    /// `-Ounchecked`: `-O`, and preconditions are assumed to hold.
    Unchecked,
}

impl OptLevel {
    /// Whether the optimiser runs at all.
    pub fn is_optimized(self) -> bool {
        self != OptLevel::None
    }
}

/// How much debug information to write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DebugInfo {
    /// `-gnone`.
    #[default]
    None,
    /// `-gline-tables-only`: enough for backtraces.
    LineTables,
    /// `-g`.
    Full,
}

/// How diagnostics are printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MessageFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether diagnostics are coloured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ColorChoice {
    /// When they go to a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

stable_hash_enum!(OptLevel {
    None,
    Speed,
    Size,
    Unchecked
});
stable_hash_enum!(DebugInfo {
    None,
    LineTables,
    Full
});
