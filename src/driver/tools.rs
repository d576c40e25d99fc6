//! The small programs that jobs call beside the compiler.

use std::path::Path;

use crate::db::RootDatabase;
use crate::diag::Diagnostic;
use crate::interface::{Emitter, print};
use crate::link::autolink;
use crate::metadata::merge::{Merged, PartialModule, PartialModules, merged};
use crate::metadata::{ModuleFile, metadata_object};
use crate::session::Target;
use crate::vfs::{OutputKind, ReadError, System};

use super::{error, fail};

/// `language-autolink-extract a.o b.a -o FILE`: the linker options that objects hold, a line each, each once.
pub(super) fn autolink_extract(
    system: &dyn System,
    args: &[String],
    emitter: &mut dyn Emitter,
) -> u8 {
    match extracted(system, args) {
        Err(problem) => fail(emitter, vec![problem]),
        Ok((text, None)) => print(emitter, &text).code(),
        Ok((text, Some(output))) => {
            match system.write(Path::new(output), text.as_bytes(), OutputKind::Data) {
                Ok(_) => 0,
                Err(cause) => {
                    let reason = crate::vfs::describe(&cause);
                    let message = format!("cannot write output file '{output}' ({reason})");
                    fail(emitter, vec![error(message)])
                }
            }
        }
    }
}

/// `language -frontend -modulewrap M.codemodule -o FILE`: an object that holds the module, for debuggers of programs that it is linked into.
pub(super) fn modulewrap(system: &dyn System, args: &[String], emitter: &mut dyn Emitter) -> u8 {
    match wrapped(system, args) {
        Ok(()) => 0,
        Err(problem) => fail(emitter, vec![problem]),
    }
}

fn wrapped(system: &dyn System, args: &[String]) -> Result<(), Diagnostic> {
    let (mut module, mut output, mut target) = (None, None, Target::HOST);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || {
            let missing = || error(format!("missing argument value for '{arg}'"));
            args.next().ok_or_else(missing)
        };
        match arg.as_str() {
            "-o" => output = Some(value()?.as_str()),
            "-target" => {
                let triple = value()?;
                let unknown = || error(format!("unknown target '{triple}'"));
                target = Target::parse(triple).ok_or_else(unknown)?;
            }
            other if other.starts_with('-') => {
                return Err(error(format!("unknown argument: '{other}'")));
            }
            input if module.is_none() => module = Some(input),
            input => return Err(error(format!("unexpected input file: {input}"))),
        }
    }
    let module = module.ok_or_else(|| error("no input files"))?;
    let output = output.ok_or_else(|| error("no output file; use '-o' to name one"))?;
    // What is wrapped is read by nobody for a long time, so what is wrong with it is said now.
    ModuleFile::open(system, Path::new(module)).map_err(|problem| error(problem.to_string()))?;
    let bytes = system.map(Path::new(module)).map_err(|kind| {
        let path = module.to_owned();
        error(ReadError { path, kind }.to_string())
    })?;
    let object = metadata_object(&bytes, target);
    let written = object.and_then(|o| system.write(Path::new(output), &o, OutputKind::Data));
    written.map(drop).map_err(|cause| {
        let reason = crate::vfs::describe(&cause);
        error(format!("cannot write output file '{output}' ({reason})"))
    })
}

/// `language -frontend -merge-modules a.codemodule … -emit-module -module-name M -o M.codemodule`: the module that partial ones are parts of.
pub(super) fn merge_modules(system: &dyn System, args: &[String], emitter: &mut dyn Emitter) -> u8 {
    let merge = || {
        let asked = Merge::parse(args)?;
        let merged = asked.merged(system)?;
        let mut outputs = vec![(asked.output, &merged.module)];
        outputs.extend(asked.docs.map(|path| (path, &merged.docs)));
        for (path, bytes) in outputs {
            let written = system.write(Path::new(path), bytes, OutputKind::Data);
            written.map_err(|cause| {
                let reason = crate::vfs::describe(&cause);
                error(format!("cannot write output file '{path}' ({reason})"))
            })?;
        }
        Ok(())
    };
    match merge() {
        Ok(()) => 0,
        Err(problem) => fail(emitter, vec![problem]),
    }
}

/// A command line of a merge job.
#[derive(Default)]
struct Merge<'a> {
    inputs: Vec<&'a str>,
    output: &'a str,
    docs: Option<&'a str>,
    name: Option<&'a str>,
    target: Option<Target>,
}

impl<'a> Merge<'a> {
    fn parse(args: &'a [String]) -> Result<Merge<'a>, Diagnostic> {
        let mut asked = Merge::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                let missing = || error(format!("missing argument value for '{arg}'"));
                args.next().map(String::as_str).ok_or_else(missing)
            };
            match arg.as_str() {
                "-o" | "-emit-module-path" => asked.output = value()?,
                "-emit-module-doc-path" => asked.docs = Some(value()?),
                "-module-name" => asked.name = Some(value()?),
                "-target" => {
                    let triple = value()?;
                    let unknown = || error(format!("unknown target '{triple}'"));
                    asked.target = Some(Target::parse(triple).ok_or_else(unknown)?);
                }
                // What else the parts were compiled with is in them.
                "-emit-module" | "-parse-as-library" => {}
                other if other.starts_with('-') => {
                    return Err(error(format!("unknown argument: '{other}'")));
                }
                input => asked.inputs.push(input),
            }
        }
        if asked.inputs.is_empty() {
            return Err(error("no input files"));
        }
        if asked.output.is_empty() {
            return Err(error("no output file; use '-o' to name one"));
        }
        Ok(asked)
    }

    fn merged(&self, system: &dyn System) -> Result<Merged, Diagnostic> {
        let db = RootDatabase::new();
        let mut parts = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let file = ModuleFile::open(system, Path::new(input));
            let file = file.map_err(|problem| error(problem.to_string()))?;
            let header = file.header();
            if let Some(name) = self.name.filter(|name| *name != header.name) {
                let found = &header.name;
                let message = format!(
                    "cannot merge '{input}' into module '{name}': it is a part of '{found}'"
                );
                return Err(error(message));
            }
            if let Some(target) = self.target.filter(|t| t.triple() != header.target) {
                let (found, triple) = (&header.target, target.triple());
                let message =
                    format!("cannot merge '{input}': it was compiled for {found}, not {triple}");
                return Err(error(message));
            }
            parts.push(PartialModule::new(&db, file));
        }
        let result = merged(&db, PartialModules::new(&db, parts));
        result.clone().map_err(error)
    }
}

/// The text to write, and where to.
fn extracted<'a>(
    system: &dyn System,
    args: &'a [String],
) -> Result<(String, Option<&'a str>), Diagnostic> {
    let mut output = None;
    let mut inputs = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-o" => match args.next() {
                Some(path) => output = Some(path.as_str()),
                None => return Err(error("missing argument value for '-o'")),
            },
            other if other.starts_with('-') && other != "-" => {
                return Err(error(format!("unknown argument: '{other}'")));
            }
            input => inputs.push(input),
        }
    }
    if inputs.is_empty() {
        return Err(error("no input files"));
    }
    let mut entries = Vec::new();
    for input in inputs {
        let bytes = system.map(Path::new(input)).map_err(|kind| {
            let path = input.to_owned();
            error(ReadError { path, kind }.to_string())
        })?;
        let found = autolink::entries(&bytes)
            .map_err(|reason| error(format!("cannot read object file '{input}' ({reason})")))?;
        for entry in found {
            autolink::add(&mut entries, entry);
        }
    }
    let lines = entries.iter().map(|entry| format!("{entry}\n"));
    Ok((lines.collect(), output))
}
