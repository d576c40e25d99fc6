//! Where diagnostics and printed outputs go.

use std::io::{self, IsTerminal, Write};

use crate::diag::{Diagnostic, Files, Report, json, render};
use crate::session::{ColorChoice, MessageFormat, Options};

/// Receives everything that a compilation says.
pub trait Emitter {
    /// Shows diagnostics, in the format that the options ask for.
    fn report(&mut self, report: &Report, files: &dyn Files, options: &Options);

    /// Shows an output that was asked for, such as a dump: standard output.
    fn print(&mut self, text: &str) -> io::Result<()>;

    /// Shows something about the compilation itself: standard error.
    fn note(&mut self, text: &str);
}

/// The text of a report.
fn render_report(report: &Report, files: &dyn Files, options: &Options, terminal: bool) -> String {
    let colour = match options.untracked.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal,
    };
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        match options.untracked.message_format {
            MessageFormat::Text => text.push_str(&render::to_text(diagnostic, files, colour)),
            MessageFormat::Json => {
                text.push_str(&json::to_json(diagnostic, files));
                text.push('\n');
            }
        }
    }
    text
}

/// Whether standard error is a terminal that shows colours, and nobody has asked for none.
pub fn stderr_shows_colours() -> bool {
    let plain_terminal = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal()
        && !plain_terminal
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The process's own streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdEmitter;

impl Emitter for StdEmitter {
    fn report(&mut self, report: &Report, files: &dyn Files, options: &Options) {
        if report.diagnostics.is_empty() {
            return;
        }
        self.note(&render_report(
            report,
            files,
            options,
            stderr_shows_colours(),
        ));
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        match written.and_then(|()| stdout.flush()) {
            // Whoever closed the stream does not want to hear the rest.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn note(&mut self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Keeps everything, for tests and for programs that embed the compiler.
#[derive(Clone, Debug, Default)]
pub struct BufferEmitter {
    /// Whether the texts will be shown on a terminal that shows colours.
    colour: bool,
    /// Outputs that were asked for.
    pub stdout: String,
    /// Diagnostics and notes, rendered.
    pub stderr: String,
    /// The diagnostics as data.
    pub diagnostics: Vec<Diagnostic>,
}

impl BufferEmitter {
    /// Keeps what the process will write to its own streams later.
    pub fn for_process() -> BufferEmitter {
        BufferEmitter {
            colour: stderr_shows_colours(),
            ..BufferEmitter::default()
        }
    }
}

impl Emitter for BufferEmitter {
    fn report(&mut self, report: &Report, files: &dyn Files, options: &Options) {
        let text = render_report(report, files, options, self.colour);
        self.stderr.push_str(&text);
        self.diagnostics.extend(report.diagnostics.iter().cloned());
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.stdout.push_str(text);
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.stderr.push_str(text);
    }
}

/// What a compilation says that may have to begin anew: the second attempt does not repeat the first.
pub(super) struct Attempts<'e> {
    emitter: &'e mut dyn Emitter,
    said: Words,
    /// What the attempt before has said.
    before: Words,
}

#[derive(Default)]
struct Words {
    diagnostics: Vec<Diagnostic>,
    notes: Vec<String>,
}

impl<'e> Attempts<'e> {
    pub fn new(emitter: &'e mut dyn Emitter) -> Attempts<'e> {
        Attempts {
            emitter,
            said: Words::default(),
            before: Words::default(),
        }
    }

    /// Another attempt follows.
    pub fn begin_anew(&mut self) {
        self.before = std::mem::take(&mut self.said);
    }
}

impl Emitter for Attempts<'_> {
    fn report(&mut self, report: &Report, files: &dyn Files, options: &Options) {
        let diagnostics = report.diagnostics.iter();
        let news = diagnostics.filter(|diagnostic| !self.before.diagnostics.contains(diagnostic));
        let news = Report {
            diagnostics: news.cloned().collect(),
            ..*report
        };
        self.emitter.report(&news, files, options);
        self.said.diagnostics.extend(news.diagnostics);
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.emitter.print(text)
    }

    fn note(&mut self, text: &str) {
        if !self.before.notes.iter().any(|note| note == text) {
            self.emitter.note(text);
            self.said.notes.push(text.to_owned());
        }
    }
}
