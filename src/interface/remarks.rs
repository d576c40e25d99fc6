//! What a build that reuses results says about itself, when it is asked to.
//!
//! `-driver-show-incremental` tells which inputs are compiled and which are skipped, `-driver-show-job-lifecycle` when that begins and ends, in the
//! words that build systems know; `-explain-rebuild` says why, for each file that was looked at again.

use std::path::Path;

use crate::diag::{Diagnostic, Severity};
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

/// Why bodies of a file were checked again, if any were.
fn reason(file: &FileRebuild) -> Option<&str> {
    match file.stale.first() {
        Some((_, reason)) => Some(reason),
        None if file.is_whole && file.is_changed => Some("its text changed"),
        None if file.is_whole => Some("what is said about it may have changed"),
        None => None,
    }
}
