//! What a build shows while it runs: a line for each module, a bar on terminals, or a JSON object for each thing that happens.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::interface::{Emitter, emit};

use super::execute::{Done, Happening, UnitTimes};
use super::plan::Unit;
use super::record::Said;

/// How wide the column of verbs is.
const COLUMN: usize = 12;

/// Shows what happens in a build.
pub struct Progress<'a> {
    emitter: &'a mut dyn Emitter,
    json: bool,
    verbose: bool,
    quiet: bool,
    colour: bool,
    bar: Option<ProgressBar>,
    active: Vec<String>,
}

/// The tone of a line's first word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Something is done.
    Good,
    /// Something went wrong.
    Bad,
}

impl<'a> Progress<'a> {
    /// For a build of `units` modules.
    pub fn new(
        emitter: &'a mut dyn Emitter,
        json: bool,
        verbose: bool,
        quiet: bool,
        units: usize,
    ) -> Progress<'a> {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !json && !quiet && units > 1).then(|| bar(units));
        Progress {
            emitter,
            json,
            verbose,
            quiet,
            colour: emit::stderr_shows_colours(),
            bar,
            active: Vec::new(),
        }
    }

    /// Shows that something happened to a module.
    pub fn show(&mut self, unit: &Unit, happening: &Happening, _times: &[UnitTimes]) {
        match happening {
            Happening::Started | Happening::Resumed | Happening::Waiting => {}
            Happening::Compiling(done) => {
                self.active.push(unit.name.clone());
                let verb = match done {
                    Done::Relinked => "Relinking",
                    _ if unit.output.is_none() => "Checking",
                    _ => "Compiling",
                };
                self.unit_line(verb, unit);
                if self.verbose && !self.json {
                    let command = unit.arguments.join(" ");
                    self.line("Running", Tone::Good, &format!("languagec {command}"));
                }
            }
            Happening::Metadata(_) => {
                self.artifact(unit, "metadata", unit.metadata.as_deref(), None)
            }
            Happening::Finished(done, said, _) => {
                self.end(unit);
                if *done == Done::Fresh && self.verbose {
                    self.unit_line("Fresh", unit);
                }
                self.said(unit, said);
                let emitted = match unit.links {
                    true => "executable",
                    false => "library",
                };
                self.artifact(unit, emitted, unit.output.as_deref(), Some(*done));
            }
            Happening::Failed(said) => {
                self.end(unit);
                self.said(unit, said);
                let errors = match said.errors {
                    0 => String::new(),
                    1 => " due to an error".to_owned(),
                    n => format!(" due to {n} errors"),
                };
                self.problem(&format!("could not compile '{}'{errors}", unit.name));
            }
            Happening::Broke => {
                self.end(unit);
                let message = format!(
                    "internal compiler error: please report this, with the sources of '{}'",
                    unit.name
                );
                self.problem(&message);
            }
            Happening::Abandoned => self.end(unit),
        }
        if let Some(bar) = &self.bar {
            bar.set_message(self.active.join(", "));
        }
    }

    /// Shows how the build ended.
    pub fn finish(&mut self, succeeded: bool, profile: &str, took: Duration) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.json {
            self.message(json!({ "reason": "build-finished", "success": succeeded }));
        } else if succeeded {
            let text = format!("{profile} build in {}", seconds(took));
            self.line("Finished", Tone::Good, &text);
        }
    }

    /// Shows a line with a verb in front, unless it is quiet.
    pub fn line(&mut self, verb: &str, tone: Tone, text: &str) {
        if self.quiet || self.json {
            return;
        }
        let line = verb_line(verb, tone, text, self.colour);
        self.note(&line);
    }

    fn unit_line(&mut self, verb: &str, unit: &Unit) {
        let text = format!("{} ({})", unit.name, unit.kind.word());
        self.line(verb, Tone::Good, &text);
    }

    fn problem(&mut self, message: &str) {
        if self.json {
            return;
        }
        let text = match self.colour {
            true => format!("\u{1b}[1;31merror\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m\n"),
            false => format!("error: {message}\n"),
        };
        self.note(&text);
    }

    fn end(&mut self, unit: &Unit) {
        self.active.retain(|name| *name != unit.name);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn said(&mut self, unit: &Unit, said: &Said) {
        if self.json {
            for line in said.json.lines() {
                let message: Value = serde_json::from_str(line).unwrap_or_default();
                self.message(json!({
                    "reason": "compiler-message",
                    "package": unit.package,
                    "target": target(unit),
                    "message": message,
                }));
            }
            return;
        }
        let text = match self.colour {
            true => &said.coloured,
            false => &said.plain,
        };
        self.note(text);
    }

    fn artifact(&mut self, unit: &Unit, emit: &str, path: Option<&str>, done: Option<Done>) {
        let Some(path) = path.filter(|_| self.json) else {
            return;
        };
        let mut message = json!({
            "reason": "compiler-artifact",
            "package": unit.package,
            "target": target(unit),
            "emit": emit,
            "path": path,
        });
        if let Some(done) = done {
            message["done"] = json!(match done {
                Done::Fresh => "fresh",
                Done::Relinked => "relinked",
                Done::Compiled => "compiled",
            });
        }
        self.message(message);
    }

    fn message(&mut self, message: Value) {
        // Whoever closed the stream does not want to hear more.
        let _ = self.emitter.print(&format!("{message}\n"));
    }

    fn note(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| self.emitter.note(text)),
            None => self.emitter.note(text),
        }
    }
}

/// A line with a verb in a column of its own.
pub fn verb_line(verb: &str, tone: Tone, text: &str, colour: bool) -> String {
    match (colour, tone) {
        (false, _) => format!("{verb:>COLUMN$} {text}\n"),
        (true, Tone::Good) => format!("\u{1b}[1;32m{verb:>COLUMN$}\u{1b}[0m {text}\n"),
        (true, Tone::Bad) => format!("\u{1b}[1;31m{verb:>COLUMN$}\u{1b}[0m {text}\n"),
    }
}

/// A time for people.
pub fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        short if short < 1.0 => format!("{:.0} ms", short * 1000.0),
        long => format!("{long:.2} s"),
    }
}

fn target(unit: &Unit) -> Value {
    json!({ "name": unit.name, "kind": unit.kind.word() })
}

fn bar(units: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(units as u64), ProgressDrawTarget::stderr());
    let template =
        format!("{{prefix:>{COLUMN}.bold.cyan}} [{{bar:25}}] {{pos}}/{{len}}: {{wide_msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix("Building");
    bar
}
