//! What a build that reuses results says about itself, when it is asked to.
//!
//! `-driver-show-incremental` tells which inputs are compiled and which are skipped, `-driver-show-job-lifecycle` when that begins and ends, in the
//! words that build systems know; `-explain-rebuild` says why, for each file that was looked at again.

use std::path::Path;

use crate::base::FxHashMap;
use crate::codegen::demangle::demangle;
use crate::codegen::key::CodeKey;
use crate::codegen::program::symbol_name;
use crate::codegen::record::outermost_body;
use crate::db::{CompilationUnit, Db};
use crate::diag::{Diagnostic, Severity};
use crate::items::ids::DefId;
use crate::items::{file_of, module_of};
use crate::mir::data::FnKind;
use crate::session::{Mode, Options, OutputFileMap};

use super::changes::{FileRebuild, Rebuild};
use super::{Emitter, emit_global};

/// What happens to an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is compiled because of itself.
    Queued,
    /// It is compiled because of another one.
    Discovered,
    /// It is left as it was.
    Skipped,
}

/// The fate of each input, where those in `changed` are others than they were.
pub(super) fn fates(rebuild: &Rebuild, changed: &[bool]) -> Vec<Fate> {
    let is_changed = |index: usize| changed.get(index).copied().unwrap_or(true);
    let files = rebuild.files.iter().enumerate();
    let fate = |(index, file): (usize, &FileRebuild)| match is_changed(index) || file.is_changed {
        true => Fate::Queued,
        false if file.is_whole || !file.stale.is_empty() => Fate::Discovered,
        false => Fate::Skipped,
    };
    files.map(fate).collect()
}

/// How jobs are called.
pub(super) fn job(file_map: &OutputFileMap, input: &str) -> String {
    let stem = Path::new(input).file_stem().unwrap_or_default();
    let object = format!("{}.o", stem.to_string_lossy());
    let object = file_map.get(input, "object").unwrap_or(&object);
    format!("{{compile: {object} <= {input}}}")
}

/// Shows lines about incremental compilation, if they are wanted.
pub(super) fn incremental(emitter: &mut dyn Emitter, options: &Options, lines: Vec<String>) {
    if options.untracked.show_incremental {
        say(emitter, options, lines);
    }
}

fn say(emitter: &mut dyn Emitter, options: &Options, lines: Vec<String>) {
    let lines = lines.into_iter();
    let remarks = lines.map(|line| {
        let text = format!("Incremental compilation: {line}");
        Diagnostic::new(Severity::Remark, "incremental", text)
    });
    emit_global(emitter, options, remarks.collect());
}

/// Says what is compiled on top of what is known to have changed, and what is skipped.
pub(super) fn queue(
    emitter: &mut dyn Emitter,
    options: &Options,
    file_map: &OutputFileMap,
    rebuild: &Rebuild,
    fates: &[Fate],
) {
    let inputs = options.untracked.inputs.iter().zip(fates);
    let mut lines: Vec<String> = Vec::new();
    if let Some(reason) = &rebuild.everything
        && fates.contains(&Fate::Discovered)
    {
        lines.push(format!("Traced: {reason}"));
    }
    for ((input, fate), file) in inputs.zip(&rebuild.files) {
        let job = job(file_map, input);
        match fate {
            Fate::Queued => {}
            Fate::Discovered => {
                if let Some((_, reason)) = file.stale.first() {
                    lines.push(format!("Traced: {input} {reason}"));
                }
                lines.push(format!(
                    "Queuing because of dependencies discovered later:  {job}"
                ));
            }
            Fate::Skipped => lines.push(format!("Skipping input:  {job}")),
        }
    }
    incremental(emitter, options, lines);
}

/// A moment in the life of the jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    Starting,
    Finished,
}

/// Says which jobs begin or end, if that is wanted. Without fates all inputs are compiled.
pub(super) fn lifecycle(
    emitter: &mut dyn Emitter,
    options: &Options,
    fates: Option<&[Fate]>,
    moment: Moment,
) {
    if !options.untracked.show_lifecycle {
        return;
    }
    let mut lines = Vec::new();
    for (index, input) in options.untracked.inputs.iter().enumerate() {
        let skipped = fates.and_then(|fates| fates.get(index)) == Some(&Fate::Skipped);
        let name = Path::new(input).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        match (moment, skipped) {
            (Moment::Starting, true) => lines.push(format!("Skipped Compiling {name}")),
            (_, true) => {}
            (_, false) => lines.push(format!("{moment:?} Compiling {name}")),
        }
    }
    if moment == Moment::Finished && options.untracked.mode == Mode::EmitExecutable {
        let module = options.tracked.module_name;
        lines.push(format!("Starting Linking {module}"));
        lines.push(format!("Finished Linking {module}"));
    }
    let lines = lines.into_iter();
    let remarks = lines.map(|line| Diagnostic::new(Severity::Remark, "lifecycle", line));
    emit_global(emitter, options, remarks.collect());
}

/// Says what was looked at again and why, if that is wanted: files, then functions with what is said about them.
pub(super) fn explain(
    emitter: &mut dyn Emitter,
    options: &Options,
    rebuild: &Rebuild,
    compiled: &[String],
) {
    if !options.untracked.explain_rebuild {
        return;
    }
    let mut lines = Vec::new();
    match &rebuild.everything {
        Some(reason) => lines.push(format!("Checked every file: {reason}")),
        None => {
            let files = options.untracked.inputs.iter().zip(&rebuild.files);
            for (input, file) in files {
                if let Some(reason) = reason(file) {
                    lines.push(format!("Checked {input}: {reason}"));
                }
            }
            lines.extend(compiled.iter().cloned());
        }
    }
    say(emitter, options, lines);
}

/// Lines about functions that were compiled again: those of the module by name, with the reasons, those of libraries as a number.
pub(super) fn compiled(
    db: &dyn Db,
    unit: CompilationUnit,
    rebuild: &Rebuild,
    generated: &[CodeKey],
) -> Vec<String> {
    let stale = rebuild.files.iter().flat_map(|file| &file.stale);
    let reasons: FxHashMap<DefId, &str> = stale.map(|(def, why)| (*def, why.as_str())).collect();
    let mut lines = Vec::new();
    let mut others = 0;
    for &key in generated {
        let CodeKey::Function(instance) = key else {
            continue;
        };
        let def = instance.id.def;
        if module_of(db, def).name(db) != unit.name(db) {
            others += 1;
            continue;
        }
        let named = match instance.id.kind {
            FnKind::Main => file_of(db, def).map(|file| file.path(db).to_owned()),
            FnKind::Body | FnKind::Closure(_) | FnKind::DefaultArg | FnKind::InitialValue => {
                readable(db, unit, key)
            }
            _ => None,
        };
        if let Some(name) = named {
            let body = outermost_body(db, def).unwrap_or(def);
            let why = reasons.get(&body).or_else(|| reasons.get(&def));
            let why = why.copied().unwrap_or("nobody has used it before");
            lines.push(format!("Compiled {name}: {why}"));
        }
    }
    lines.sort();
    if others > 0 {
        lines.push(format!("Compiled {others} functions of libraries"));
    }
    lines
}

/// A function's name without the module's.
fn readable(db: &dyn Db, unit: CompilationUnit, key: CodeKey) -> Option<String> {
    let symbol = symbol_name(db, key);
    let text = demangle(symbol.as_str())?;
    let module = format!("{}.", unit.name(db));
    // Types are shown behind the function; only the paths' first parts go.
    let mut name = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&module) {
        let (before, after) = rest.split_at(at);
        name.push_str(before);
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        if inside {
            name.push_str(&module);
        }
        rest = &after[module.len()..];
    }
    name.push_str(rest);
    Some(name)
}

/// Why bodies of a file were checked again, if any were.
fn reason(file: &FileRebuild) -> Option<&str> {
    match file.stale.first() {
        Some((_, reason)) => Some(reason),
        None if file.is_whole && file.is_changed => Some("its text changed"),
        None if file.is_whole => Some("what is said about it may have changed"),
        None => None,
    }
}
