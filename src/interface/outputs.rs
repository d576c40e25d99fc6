//! Where outputs go, and getting them there.

use std::path::{Path, PathBuf};

use crate::base::{ContentHash, Fingerprint};
use crate::diag::Diagnostic;
use crate::session::{Mode, Options, OutputFileMap};
use crate::vfs::{FileKind, OutputKind, System, Written, describe};

use super::modules::{self, Module};
use super::reuse::Program;
use super::stages::{Image, Object};
use super::{Compiler, Emitter, Ending};

/// Finds out whether every output can be written, before any work is done.
pub(super) fn check(
    options: &Options,
    system: &dyn System,
    file_map: &OutputFileMap,
) -> Result<(), Ending> {
    let mut paths: Vec<String> = Vec::new();
    match options.untracked.mode {
        Mode::EmitObject => {
            let inputs = options.untracked.compiled_inputs();
            paths.extend(inputs.map(|input| object_path(options, file_map, input)));
        }
        _ => paths.extend(options.output_path()),
    }
    paths.extend(
        options
            .module_path()
            .filter(|_| options.untracked.mode != Mode::EmitModule),
    );
    paths.extend(options.docs_path());
    for path in &paths {
        if options.untracked.inputs.contains(path) {
            let message = format!("output file '{path}' would replace an input");
            return Err(Diagnostic::global_error("output-is-input", message).into());
        }
    }
    // Outputs in one folder succeed or fail together.
    let mut checked: Vec<PathBuf> = Vec::new();
    let mut errors = Vec::new();
    for path in paths.iter().filter(|path| *path != "-") {
        let folder = Path::new(path).parent().map(Path::to_path_buf);
        let folder = folder.unwrap_or_default();
        let exists = system.exists(Path::new(path));
        if !exists && checked.contains(&folder) {
            continue;
        }
        match system.check_writable(Path::new(path)) {
            Ok(()) => checked.push(folder),
            Err(error) => errors.push(unwritable(path, &error)),
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.into()),
    }
}

/// Where the object file of an input goes.
pub(super) fn object_path(options: &Options, file_map: &OutputFileMap, input: &str) -> String {
    if let Some(path) = file_map.get(input, "object") {
        return path.to_owned();
    }
    if let Some(path) = &options.untracked.output {
        return path.clone();
    }
    // Beside the current folder's other files, not beside the input.
    let stem = Path::new(input).file_stem().and_then(|stem| stem.to_str());
    match stem {
        Some(stem) if stem != "-" => format!("{stem}.o"),
        _ => format!("{}.o", options.tracked.module_name),
    }
}

/// Shows a text output, or writes it where `-o` says.
pub(super) fn print(
    compiler: &Compiler,
    emitter: &mut dyn Emitter,
    text: String,
) -> Result<(), Ending> {
    match compiler.options.untracked.output.as_deref() {
        None | Some("-") => {
            let printed = emitter.print(&text);
            printed.map_err(|error| unwritable("<stdout>", &error).into())
        }
        Some(path) => write(compiler, path.to_owned(), text.as_bytes(), OutputKind::Data).map(drop),
    }
}

/// An output that was written, or that was there already.
pub(super) struct Made {
    pub path: String,
    /// What is known about the file; none if it is not a regular one.
    pub written: Option<Written>,
    /// Of its bytes.
    pub content: Fingerprint,
    /// The same in pieces, for a program.
    pub pieces: Option<ContentHash>,
}

type Outputs = Vec<Made>;

/// Writes the objects.
pub(super) fn write_objects(compiler: &Compiler, objects: Vec<Object>) -> Result<Outputs, Ending> {
    let mut written = Vec::with_capacity(objects.len());
    for object in objects {
        let path = match object.input.is_empty() {
            true => {
                let options = &compiler.options;
                let named = options.untracked.output.clone();
                named.unwrap_or_else(|| format!("{}.o", options.tracked.module_name))
            }
            false => object_path(&compiler.options, &compiler.file_map, &object.input),
        };
        // Build systems look at times: an object that stays the same is left alone by a build that reuses results.
        let system = &*compiler.system;
        let there = || {
            let metadata = system.metadata(Path::new(&path)).ok()?;
            let same = metadata.kind == FileKind::File
                && metadata.len == object.bytes.len() as u64
                && system.read(Path::new(&path)).ok()? == object.bytes;
            same.then_some(metadata)
        };
        let there = compiler.rebuild.as_ref().and_then(|_| there());
        written.push(match there {
            Some(metadata) => Made {
                path,
                written: Some(Written {
                    metadata,
                    is_marked: false,
                }),
                content: ContentHash::of(&object.bytes).fingerprint(),
                pieces: None,
            },
            None => write(compiler, path, &object.bytes, OutputKind::Data)?,
        });
    }
    Ok(written)
}

/// Writes the files for `make`, if they are wanted.
pub(super) fn write_dependencies(compiler: &Compiler) -> Result<Outputs, Ending> {
    let modules = compiler.modules.iter();
    let modules: Vec<String> = modules.map(|file| file.path().to_owned()).collect();
    let files = super::extras::dependencies(&compiler.options, &compiler.file_map, &modules);
    let mut written = Vec::with_capacity(files.len());
    for (path, text) in files {
        written.push(write(compiler, path, text.as_bytes(), OutputKind::Data)?);
    }
    Ok(written)
}

/// Writes the texts of inputs to where the options or the output file map want them, or shows them.
pub(super) fn write_assembly(
    compiler: &Compiler,
    emitter: &mut dyn Emitter,
    texts: Vec<(String, String)>,
) -> Result<(), Ending> {
    for (input, text) in texts {
        match compiler.file_map.get(&input, "assembly") {
            Some(path) => drop(write(
                compiler,
                path.to_owned(),
                text.as_bytes(),
                OutputKind::Data,
            )?),
            None => print(compiler, emitter, text)?,
        }
    }
    Ok(())
}

/// Writes the module file where one is asked for, and its documentation.
pub(super) fn write_module(compiler: &Compiler, module: &Module) -> Result<Outputs, Ending> {
    let mut written = Vec::new();
    // Who waits for the module waits for all of it.
    if let Some(path) = compiler.options.docs_path() {
        let docs = modules::docs(compiler, &module.header);
        written.push(write(compiler, path, &docs, OutputKind::Data)?);
    }
    if let Some(path) = compiler.options.module_path() {
        written.push(write(compiler, path, &module.bytes, OutputKind::Data)?);
    }
    Ok(written)
}

/// Writes a static library.
pub(super) fn write_library(compiler: &Compiler, library: Vec<u8>) -> Result<Outputs, Ending> {
    let path = compiler.options.output_path();
    let path = path.unwrap_or_else(|| format!("lib{}.a", compiler.options.tracked.module_name));
    Ok(vec![write(compiler, path, &library, OutputKind::Data)?])
}

/// Writes a program.
pub(super) fn write_image(compiler: &Compiler, image: &Image) -> Result<Outputs, Ending> {
    let (path, kind) = (image_path(compiler), OutputKind::Executable);
    let (written, pieces) = write_hashed(compiler, &path, &image.bytes, &image.pieces, kind)?;
    Ok(vec![Made {
        path,
        written,
        content: pieces.fingerprint(),
        pieces: Some(pieces),
    }])
}

/// Writes the program that was made from the one before.
pub(super) fn write_again(compiler: &Compiler, program: &mut Program) -> Result<(), Ending> {
    let path = image_path(compiler);
    let written = program.write(&*compiler.system, Path::new(&path));
    written.map_err(|error| unwritable(&path, &error).into())
}

fn image_path(compiler: &Compiler) -> String {
    let path = compiler.options.output_path();
    path.unwrap_or_else(|| compiler.options.tracked.module_name.to_string())
}

/// More than this is hashed while it is written.
const LARGE: usize = 1 << 20;

fn write(
    compiler: &Compiler,
    path: String,
    bytes: &[u8],
    kind: OutputKind,
) -> Result<Made, Ending> {
    let (written, pieces) = write_hashed(compiler, &path, bytes, &None, kind)?;
    Ok(Made {
        path,
        written,
        content: pieces.fingerprint(),
        pieces: None,
    })
}

/// Writes a file, and hashes it for a record if nobody has.
fn write_hashed(
    compiler: &Compiler,
    path: &str,
    bytes: &[u8],
    known: &Option<ContentHash>,
    kind: OutputKind,
) -> Result<(Option<Written>, ContentHash), Ending> {
    let mut pieces = known.clone().unwrap_or_default();
    let written = rayon::in_place_scope(|scope| {
        let mut hash = || pieces = ContentHash::of(bytes);
        match compiler.is_recorded && known.is_none() {
            true if bytes.len() > LARGE => scope.spawn(move |_| hash()),
            true => hash(),
            false => {}
        }
        compiler.system.write(Path::new(path), bytes, kind)
    });
    let written = written.map_err(|error| unwritable(path, &error))?;
    Ok((written, pieces))
}

/// The error for an output that cannot be written.
pub(super) fn unwritable(path: &str, error: &std::io::Error) -> Diagnostic {
    let reason = describe(error);
    let message = format!("cannot write output file '{path}' ({reason})");
    Diagnostic::global_error("unwritable-output", message)
}

/// Refuses outputs beside the main one that a later version will make: a build system that asked for
/// them must not go on without.
pub(super) fn check_available(options: &Options) -> Result<(), Ending> {
    let asked = &options.untracked;
    let later = [(asked.serialize_diagnostics, "-serialize-diagnostics")];
    let errors: Vec<Diagnostic> = later
        .iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, option)| unavailable(option))
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.into()),
    }
}

fn unavailable(option: &str) -> Diagnostic {
    let message = format!("'{option}' is not available yet");
    Diagnostic::global_error("not-available", message)
}

/// The error for a mode that a later version will have.
pub(super) fn not_available(mode: Mode) -> Diagnostic {
    if matches!(mode, Mode::EmitIr | Mode::EmitBitcode) {
        let message =
            "LLVM's representation is not available: this compiler makes code with Cranelift";
        let diagnostic = Diagnostic::global_error("not-available", message);
        return diagnostic.note(
            None,
            "'-emit-clif' prints the representation that it has, '-emit-assembly' its code",
        );
    }
    unavailable(match mode {
        Mode::EmitLibrary => "-emit-library",
        Mode::EmitModule => "-emit-module",
        Mode::DumpAst => "-dump-ast",
        _ => "this mode",
    })
}
