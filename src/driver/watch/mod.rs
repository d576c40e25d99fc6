//! `--watch`: build, wait for an edit, build again, until interrupted.
//!
//! * [`events`] turns what the operating system says about folders into the names of files to look at again.
//! * [`program`] runs what `language run --watch` makes, and replaces it after each build.
//! * [`watch`] is the loop. It owns the inputs and never compiles itself: builds run in a thread of their own on a clone of the database,
//!   and an edit that arrives meanwhile cancels the one that runs at once.
//!
//! Contents decide whether anything happened: touching a file, or writing the same text again, builds nothing.

mod events;
mod program;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::diag::{Diagnostic, Severity};
use crate::interface::hot::{Build, Built, Change, ChangeKind, HotCompiler};
use crate::interface::{BufferEmitter, Emitter, ExitStatus, emit_global};
use crate::session::Options;
use crate::store::Store;
use crate::vfs::{self, System};

use self::program::Program;

/// What the loop waits for.
enum Signal {
    /// Something happened to files of these names.
    Files(events::Touched),
    /// A build ended; none when it was cancelled or broke.
    Built(u64, Option<(Built, BufferEmitter)>),
    /// The program of this build ended by itself.
    Exited(u64),
}

/// How long files that are being written are left alone: an editor that truncates a file before it writes must not cause a build of nothing.
const SETTLE: Duration = Duration::from_millis(20);

/// Builds what `options` ask for, now and after each change of an input. Returns when nothing can be watched.
pub fn watch(
    options: Options,
    system: Arc<dyn System>,
    store: Option<Arc<Store>>,
    emitter: &mut dyn Emitter,
) -> u8 {
    if options.untracked.inputs.iter().any(|input| input == "-") {
        let message = "'--watch' cannot watch standard input";
        emit_global(emitter, &options, vec![super::error(message)]);
        return ExitStatus::Failure.code();
    }
    vfs::remove_hidden_files_at_signals();
    let (send, receive) = channel();
    let mut compiler = HotCompiler::open(options, system, store);
    let names = file_names(compiler.options());
    let watcher = match events::start(&compiler.folders(), names, send.clone()) {
        Ok(watcher) => watcher,
        Err(message) => {
            emit_global(emitter, compiler.options(), vec![super::error(message)]);
            return ExitStatus::Failure.code();
        }
    };
    for warning in &watcher.warnings {
        let warning = Diagnostic::new(Severity::Warning, "watch", warning.clone());
        emit_global(emitter, compiler.options(), vec![warning]);
    }
    let builds = match start_builder(send.clone()) {
        Ok(builds) => builds,
        Err(error) => {
            let reason = vfs::describe(&error);
            let message = format!("cannot start a thread that builds ({reason})");
            emit_global(emitter, compiler.options(), vec![super::error(message)]);
            return ExitStatus::Failure.code();
        }
    };
    // What was edited between reading the files and watching their folders.
    compiler.refresh(None);
    Loop {
        number: 0,
        started: Instant::now(),
        why: Vec::new(),
        program: None,
        send,
        builds,
    }
    .run(&mut compiler, &receive, emitter)
}

/// Starts the thread that builds, until nobody can ask it any more. It is one for all builds, so that each finds the memory that the last one gave back.
fn start_builder(send: Sender<Signal>) -> std::io::Result<Sender<(u64, Build)>> {
    let (builds, asked) = channel::<(u64, Build)>();
    let work = move || {
        for (number, build) in asked {
            let run = std::panic::AssertUnwindSafe(|| {
                let mut emitter = BufferEmitter::for_process();
                build.run(&mut emitter).map(|built| (built, emitter))
            });
            let built = std::panic::catch_unwind(run).ok().flatten();
            // The loop has ended when nobody listens.
            let _ = send.send(Signal::Built(number, built));
        }
    };
    let thread = std::thread::Builder::new()
        .name("build".into())
        .stack_size(super::STACK);
    thread.spawn(work)?;
    Ok(builds)
}

fn file_names(options: &Options) -> BTreeSet<OsString> {
    let inputs = options.untracked.inputs.iter();
    inputs
        .filter_map(|input| Path::new(input).file_name().map(OsString::from))
        .collect()
}

/// What the loop remembers between two signals.
struct Loop {
    /// The number of the newest build, from 1.
    number: u64,
    /// When the change that it is for was noticed.
    started: Instant,
    /// What has changed since a build ended.
    why: Vec<Change>,
    program: Option<Program>,
    send: Sender<Signal>,
    /// Takes builds to the thread that runs them, one after the other. One that is overtaken is cancelled by the edit, so that the next never waits.
    builds: Sender<(u64, Build)>,
}

impl Loop {
    fn run(
        mut self,
        compiler: &mut HotCompiler,
        signals: &Receiver<Signal>,
        emitter: &mut dyn Emitter,
    ) -> u8 {
        self.begin(compiler.build());
        loop {
            match signals.recv() {
                Ok(Signal::Files(touched)) => {
                    let noticed = Instant::now();
                    let touched = self.settle(touched, signals, emitter, compiler.options());
                    let names = (!touched.everything).then_some(&touched.names);
                    let changes = compiler.refresh(names);
                    if changes.is_empty() {
                        continue;
                    }
                    self.started = noticed;
                    self.remember(changes);
                    self.begin(compiler.build());
                }
                Ok(other) => {
                    let is_newest =
                        matches!(other, Signal::Built(number, _) if number == self.number);
                    self.handle(other, emitter, compiler.options());
                    if is_newest {
                        compiler.release();
                    }
                }
                // The loop itself holds a sender, so this cannot be.
                Err(mpsc::RecvError) => return ExitStatus::Failure.code(),
            }
        }
    }

    /// Collects what else is touched until the files are complete.
    fn settle(
        &mut self,
        mut touched: events::Touched,
        signals: &Receiver<Signal>,
        emitter: &mut dyn Emitter,
        options: &Options,
    ) -> events::Touched {
        let end = Instant::now() + SETTLE * 5;
        loop {
            let now = Instant::now();
            let wait = match touched.settled {
                true => Duration::ZERO,
                false => SETTLE.min(end.saturating_duration_since(now)),
            };
            match signals.recv_timeout(wait) {
                Ok(Signal::Files(more)) => touched.join(more),
                Ok(other) => self.handle(other, emitter, options),
                Err(_) => return touched,
            }
        }
    }

    /// Adds to what the next build is for. A file that was edited twice is mentioned once.
    fn remember(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.why.retain(|earlier| earlier.path != change.path);
            self.why.push(change);
        }
    }

    /// Starts a build.
    fn begin(&mut self, build: Build) {
        self.number += 1;
        let number = self.number;
        if self.builds.send((number, build)).is_err() {
            let _ = self.send.send(Signal::Built(number, None));
        }
    }

    fn handle(&mut self, signal: Signal, emitter: &mut dyn Emitter, options: &Options) {
        match signal {
            Signal::Built(number, Some((built, said))) if number == self.number => {
                self.show(built, said, emitter, options);
            }
            // Of a build that an edit has overtaken nothing is shown.
            Signal::Built(..) => {}
            Signal::Exited(number) => {
                if let Some(program) = self.program.take_if(|p| p.number() == number) {
                    emitter.note(&format!("[{}]\n", program.ended()));
                }
            }
            Signal::Files(_) => {}
        }
    }

    /// Shows what a build said and did, and starts the program anew.
    fn show(
        &mut self,
        built: Built,
        said: BufferEmitter,
        emitter: &mut dyn Emitter,
        options: &Options,
    ) {
        let took = self.started.elapsed();
        let succeeded = built.status != ExitStatus::Failure;
        if succeeded && let Some(program) = self.program.take() {
            program.stop();
        }
        if self.number > 1 && std::io::stderr().is_terminal() {
            // Clears the screen and what scrolled out of it.
            emitter.note("\u{1b}[2J\u{1b}[3J\u{1b}[H");
        }
        emitter.note(&said.stderr);
        let _ = emitter.print(&said.stdout);
        let summary = summary(&std::mem::take(&mut self.why), &built, took);
        emitter.note(&format!("[{summary}]\n"));
        let Some(image) = built.image else { return };
        match Program::start(self.number, &image.bytes, options, self.send.clone()) {
            Ok(program) => self.program = Some(program),
            Err(error) => {
                let reason = crate::vfs::describe(&error);
                let message = format!("cannot run the program ({reason})");
                emit_global(emitter, options, vec![super::error(message)]);
            }
        }
    }
}

/// One line about a build: why it happened, what was done, how long it took.
fn summary(why: &[Change], built: &Built, took: Duration) -> String {
    let mut text = String::new();
    for (index, change) in why.iter().enumerate() {
        let what = match change.kind {
            ChangeKind::Edited => "changed",
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
        };
        let separator = if index == 0 { "" } else { ", " };
        text.push_str(&format!("{separator}{} {what}", change.path));
    }
    if !why.is_empty() {
        text.push_str(": ");
    }
    let count = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    };
    text.push_str(&match (built.status, built.checked, built.compiled) {
        (ExitStatus::Failure, ..) => "errors".to_owned(),
        (_, 0, 0) => "nothing to do".to_owned(),
        (_, checked, 0) => {
            format!("checked {}", count(checked, "body", "bodies"))
        }
        (_, checked, compiled) => format!(
            "checked {}, compiled {}",
            count(checked, "body", "bodies"),
            count(compiled, "function", "functions")
        ),
    });
    text.push_str(&format!(" in {:.1} ms", took.as_secs_f64() * 1000.0));
    text
}
