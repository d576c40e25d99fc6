//! Programs and libraries that the system's linker puts together.
//!
//! Programs that consist of Codira alone are written directly. Where C libraries, objects or the user's own words for a linker come in, and for shared
//! libraries, the module becomes objects, and the C compiler calls a linker.

use std::path::{Path, PathBuf};

use crate::diag::Diagnostic;
use crate::link::autolink;
use crate::link::linker::{LinkJob, Scratch, link};
use crate::link::{LinkError, runtime};
use crate::metadata::{ModuleFile, metadata_object};
use crate::session::{Mode, Options, TrackedOptions};
use crate::vfs::System;

use super::stages::{Image, Object};
use super::{Compiler, Emitter, Ending};

/// Whether the options, or the modules that are imported, ask for what only a linker can do.
pub(super) fn needs_linker(compiler: &Compiler) -> bool {
    asks_for_linker(&compiler.options, &*compiler.system) || inherits_libraries(compiler)
}

/// Whether a program is linked with libraries because modules that it imports are.
pub(super) fn inherits_libraries(compiler: &Compiler) -> bool {
    let makes_program = matches!(
        compiler.options.untracked.mode,
        Mode::EmitExecutable | Mode::Run
    );
    makes_program && !inherited_libraries(compiler).is_empty()
}

/// Whether the options ask for what only a linker can do.
pub(super) fn asks_for_linker(options: &Options, system: &dyn System) -> bool {
    let (tracked, untracked) = (&options.tracked, &options.untracked);
    match untracked.mode {
        Mode::EmitLibrary => !tracked.static_library,
        Mode::EmitExecutable | Mode::Run => {
            runtime::IMAGE.is_empty()
                || tracked.linker.is_some()
                || !tracked.linker_arguments.is_empty()
                || !foreign_inputs(options, system).is_empty()
                || !foreign_libraries(options, system).is_empty()
        }
        _ => false,
    }
}

/// The libraries among those of `-l` that are not modules: a module's code is part of the program anyway.
fn foreign_libraries(options: &Options, system: &dyn System) -> Vec<String> {
    if links_only(options) {
        return options.tracked.link_libraries.clone();
    }
    let is_module = |name: &str| {
        let folders = options.untracked.library_paths.iter();
        let mut archives = folders.flat_map(|folder| {
            let folder = Path::new(folder);
            ["a", "rlib"].map(|ending| folder.join(format!("lib{name}.{ending}")))
        });
        archives.any(|path| is_module_file(system, &path))
    };
    let libraries = options.tracked.link_libraries.iter();
    libraries.filter(|name| !is_module(name)).cloned().collect()
}

/// Whether nothing is compiled: then what objects need of modules is in archives, like everything else.
fn links_only(options: &Options) -> bool {
    options.untracked.inputs.is_empty()
}

/// The objects and archives among the inputs that are not modules.
fn foreign_inputs(options: &Options, system: &dyn System) -> Vec<String> {
    if links_only(options) {
        return options.untracked.link_inputs.clone();
    }
    let inputs = options.untracked.link_inputs.iter();
    let foreign = inputs.filter(|path| !is_module_file(system, Path::new(path)));
    foreign.cloned().collect()
}

fn is_module_file(system: &dyn System, path: &Path) -> bool {
    system.exists(path) && ModuleFile::open(system, path).is_ok_and(|module| module.has_code())
}

/// What a module file says that programs with this module are linked with. The libraries of modules are found by their imports.
pub(super) fn own_entries(options: &TrackedOptions, modules: &[ModuleFile]) -> Vec<String> {
    let mut entries = Vec::new();
    for library in &options.link_libraries {
        if !is_imported(modules, library) {
            autolink::add(&mut entries, format!("-l{library}"));
        }
    }
    entries
}

fn is_imported(modules: &[ModuleFile], name: &str) -> bool {
    modules.iter().any(|module| module.header().name == name)
}

/// The libraries that the modules which are imported were compiled with, those of importers first: linkers take from a library what was missing before it.
fn inherited_libraries(compiler: &Compiler) -> Vec<String> {
    let mut libraries = Vec::new();
    for module in compiler.modules.iter().rev() {
        for entry in &module.header().autolink {
            // Whatever else a file may say is no word that it can give to a program.
            if let Some(name) = entry.strip_prefix("-l").filter(|name| !name.is_empty())
                && !is_imported(&compiler.modules, name)
            {
                autolink::add(&mut libraries, name.to_owned());
            }
        }
    }
    libraries
}

/// What an object says that it wants to be linked with.
pub(super) fn autolink_entries(compiler: &Compiler) -> Vec<String> {
    // The runtime does its arithmetic on floating-point numbers with the C library's.
    let mut entries = vec!["-lm".to_owned()];
    let own = compiler.options.tracked.link_libraries.iter().cloned();
    for library in own.chain(inherited_libraries(compiler)) {
        autolink::add(&mut entries, format!("-l{library}"));
    }
    entries
}

/// An object that holds a module file.
pub(super) fn module_object(compiler: &Compiler, module: &[u8]) -> Result<Object, Ending> {
    let bytes = metadata_object(module, compiler.options.tracked.target);
    let bytes = bytes.map_err(|error| Diagnostic::global_error("link", error.to_string()))?;
    Ok(Object {
        input: "module".to_owned(),
        bytes,
    })
}

/// Links objects with the runtime and with whatever else the command line names.
pub(super) fn link_objects(
    compiler: &Compiler,
    objects: Vec<Object>,
    emitter: &mut dyn Emitter,
) -> Result<Image, Ending> {
    let (options, system) = (&compiler.options, &*compiler.system);
    let untracked = &options.untracked;
    let inputs = foreign_inputs(options, system);
    let mut words = Vec::new();
    for input in &inputs {
        let bytes = system.map(Path::new(input)).map_err(|kind| {
            let path = input.clone();
            let error = crate::vfs::ReadError { path, kind };
            Diagnostic::global_error("unreadable-input", error.to_string())
        })?;
        let found = autolink::entries(&bytes).map_err(|reason| {
            let message = format!("cannot read object file '{input}' ({reason})");
            Diagnostic::global_error("malformed-object", message)
        })?;
        for entry in found {
            autolink::add(&mut words, entry);
        }
    }
    let scratch = Scratch::new(&temporary_folder(system), untracked.save_temps);
    let scratch = scratch.map_err(|error| {
        let reason = crate::vfs::describe(&error);
        let message = format!("cannot make a temporary folder ({reason})");
        Diagnostic::global_error("unwritable-output", message)
    })?;
    let mut libraries = foreign_libraries(options, system);
    for library in inherited_libraries(compiler) {
        autolink::add(&mut libraries, library);
    }
    let mut job = LinkJob {
        library_paths: untracked.library_paths.iter().map(PathBuf::from).collect(),
        libraries: libraries.into_iter().map(Into::into).collect(),
        output: scratch.path().join("linked"),
        shared: untracked.mode == Mode::EmitLibrary,
        linker: options.tracked.linker.clone(),
        linker_arguments: linker_arguments(options),
        arguments: words.into_iter().map(Into::into).collect(),
        ..LinkJob::default()
    };
    if options.tracked.static_executable && !job.shared {
        job.arguments.push("-static".into());
    }
    for (number, object) in objects.iter().enumerate() {
        let stem = Path::new(&object.input).file_stem();
        let stem = stem.map_or_else(
            || options.tracked.module_name.to_string(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        let path = scratch.path().join(format!("{stem}-{number}.o"));
        let written = std::fs::write(&path, &object.bytes);
        written.map_err(|error| super::outputs::unwritable(&path.to_string_lossy(), &error))?;
        job.objects.push(path);
    }
    job.objects.extend(inputs.into_iter().map(PathBuf::from));
    let mut show = |line: &str| {
        if untracked.verbose {
            emitter.note(line);
        }
    };
    let linked = link(&job, scratch.path(), &mut show).and_then(|()| {
        let bytes = std::fs::read(&job.output)?;
        Ok(Image::from(bytes))
    });
    linked.map_err(|error| {
        let message = error.to_string();
        let diagnostic = Diagnostic::global_error("link", message);
        Ending::from(match error {
            LinkError::Failed { message, .. } | LinkError::Killed { message, .. }
                if !message.trim().is_empty() =>
            {
                diagnostic.note(None, message.trim_end().to_owned())
            }
            _ => diagnostic,
        })
    })
}

/// Words for the linker: where programs look for libraries first, and the user's own.
fn linker_arguments(options: &Options) -> Vec<std::ffi::OsString> {
    // Libraries are found where the program is, wherever both are moved.
    let mut words: Vec<String> = vec!["-rpath".into(), "$ORIGIN".into()];
    if options.untracked.mode == Mode::EmitLibrary
        && let Some(path) = options.output_path()
        && let Some(name) = Path::new(&path).file_name()
    {
        words.push("-soname".into());
        words.push(name.to_string_lossy().into_owned());
    }
    words.extend(options.tracked.linker_arguments.iter().cloned());
    words.into_iter().map(Into::into).collect()
}

/// Where files go that nobody asked for.
fn temporary_folder(system: &dyn System) -> PathBuf {
    match system.env("TMPDIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from("/tmp"),
    }
}
