//! Running a plan: several compilations at once, each in a thread of its own, all in this process.
//!
//! [`execute`] is the only one that decides. Threads tell it what happens ([`Happening`]), and it starts others:
//!
//! * A module starts when the module files of what it imports are written. Their code may still be in the making: that is the
//!   pipelining. Without it a module waits for the others' archives too.
//! * A thread that is about to make code asks and waits: for room, and for a program also for the archives of what it imports, whose code becomes part of it. A library's code
//!   follows from module files alone.
//! * Making code has a lower priority than what leads to module files, on which the next modules wait.
//! * After an error nothing new starts. What runs is finished, because it may have more to say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use crate::base::Processors;
use crate::diag::{Diagnostic, FileList};
use crate::interface::{Callbacks, Compilation, Compiler, Config, ExitStatus, emit_global, run};
use crate::session::{Invocation, Options, cli};
use crate::store::Store;
use crate::vfs::{OutputKind, System};

use super::graph::PackageGraph;
use super::imports;
use super::plan::{Plan, Unit};
use super::record::{Begun, Record, Said, Seen, Shown, command_of, shown_by};

/// How a plan is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How many compilations at once.
    pub jobs: usize,
    /// Whether module files are enough to start.
    pub pipelining: bool,
}

/// What had to be done for a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// Nothing.
    Fresh,
    /// Only archives had changed.
    Relinked,
    /// It was compiled.
    Compiled,
}

/// Something that those who watch a build may want to know.
#[derive(Debug)]
pub enum Happening {
    /// The thread begins to look at a module.
    Started,
    /// There is something to do for it; whether that is more than linking.
    Compiling(Done),
    /// Its module file is there, and says this.
    Metadata(Shown),
    /// It waits until it may make code.
    Waiting,
    /// It goes on.
    Resumed,
    /// It is done: what was done, what it said, and a number for its archive.
    Finished(Done, Said, u128),
    /// It has errors, and said this.
    Failed(Said),
    /// The compiler broke.
    Broke,
    /// Another module's failure ended it.
    Abandoned,
}

/// When what happened to a module, from the begin of the build.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UnitTimes {
    /// When its thread began.
    pub start: Option<Duration>,
    /// When its module file was written.
    pub metadata: Option<Duration>,
    /// When it had to wait before it made code.
    pub wait: Option<Duration>,
    /// When it went on.
    pub resume: Option<Duration>,
    /// When it was done.
    pub end: Option<Duration>,
    /// What was done.
    pub done: Option<Done>,
}

/// How a build ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Built {
    /// Whether everything was made.
    pub succeeded: bool,
    /// Whether the compiler broke.
    pub broke: bool,
    /// How long everything took.
    pub took: Duration,
    /// When what happened, by unit.
    pub times: Vec<UnitTimes>,
}

/// At most so many modules' code is made at a time.
const MAX_CODING: usize = 4;

/// What all threads use.
struct Context<'a> {
    system: Arc<dyn System>,
    store: Option<Arc<Store>>,
    graph: &'a PackageGraph,
    plan: &'a Plan,
    send: Sender<(usize, Happening)>,
    pipelining: bool,
    /// What compilations divide among themselves.
    processors: Arc<Processors>,
    /// The bytes of the sources whose compilations' memory is kept.
    kept: AtomicU64,
}

/// Freeing the memory of a compilation takes a while, and at the end of the process all of it is freed at once. So it is kept, but
/// not for more than this many bytes of sources, each of which takes some hundred bytes of memory.
const MAX_KEPT: u64 = 4 << 20;

/// The archives that a unit gets, by module.
type Numbers = Vec<(String, u128)>;

/// The archives that a unit may link with now, or none if it has to give up.
type Grant = Option<Numbers>;

/// Runs a plan. `show` hears of everything as it happens.
pub fn execute(
    system: Arc<dyn System>,
    store: Option<Arc<Store>>,
    graph: &PackageGraph,
    plan: &Plan,
    settings: Settings,
    show: &mut dyn FnMut(&Unit, &Happening, &[UnitTimes]),
) -> Built {
    let (send, receive) = channel();
    let context = Context {
        system,
        store,
        graph,
        plan,
        send,
        pipelining: settings.pipelining,
        processors: Arc::new(Processors::new(settings.jobs)),
        kept: AtomicU64::new(0),
    };
    std::thread::scope(|scope| Scheduler::new(&context, settings).run(scope, &receive, show))
}

/// What is known about each unit while a plan runs.
struct Scheduler<'a> {
    context: &'a Context<'a>,
    settings: Settings,
    started: Instant,
    times: Vec<UnitTimes>,
    /// The units that import a unit.
    importers: Vec<Vec<usize>>,
    /// The programs that need a unit's archive.
    linkers: Vec<Vec<usize>>,
    /// How many units have to write their module files before a unit can start.
    blocked: Vec<usize>,
    /// How many archives are missing before code can be made for a unit.
    unlinked: Vec<usize>,
    shown: Vec<Shown>,
    archives: Vec<u128>,
    grants: Vec<Option<Sender<Grant>>>,
    ready: BTreeSet<usize>,
    /// Units whose threads wait until they may make code.
    waiting: BTreeSet<usize>,
    /// How many threads are on their way to a module file, or have nothing to do.
    checking: usize,
    /// The units whose threads make code.
    coding: BTreeSet<usize>,
    succeeded: bool,
    broke: bool,
}

impl<'a> Scheduler<'a> {
    fn new(context: &'a Context<'a>, settings: Settings) -> Scheduler<'a> {
        let units = &context.plan.units;
        let mut importers = vec![Vec::new(); units.len()];
        let mut linkers = vec![Vec::new(); units.len()];
        for (number, unit) in units.iter().enumerate() {
            unit.imports.iter().for_each(|&n| importers[n].push(number));
            if unit.links {
                unit.closure.iter().for_each(|&n| linkers[n].push(number));
            }
        }
        let archives = |unit: &Unit| match unit.links {
            true => unit.closure.len(),
            false => 0,
        };
        Scheduler {
            context,
            settings,
            started: Instant::now(),
            times: vec![UnitTimes::default(); units.len()],
            importers,
            linkers,
            blocked: units.iter().map(|unit| unit.imports.len()).collect(),
            unlinked: units.iter().map(archives).collect(),
            shown: vec![Shown::default(); units.len()],
            archives: vec![0; units.len()],
            grants: (0..units.len()).map(|_| None).collect(),
            ready: (0..units.len())
                .filter(|&n| units[n].imports.is_empty())
                .collect(),
            waiting: BTreeSet::new(),
            checking: 0,
            coding: BTreeSet::new(),
            succeeded: true,
            broke: false,
        }
    }

    fn run<'scope>(
        mut self,
        scope: &'scope Scope<'scope, 'a>,
        receive: &Receiver<(usize, Happening)>,
        show: &mut dyn FnMut(&Unit, &Happening, &[UnitTimes]),
    ) -> Built {
        loop {
            self.start_what_can(scope, show);
            self.context.processors.set_owners(self.running());
            if self.running() == 0 && self.waiting.is_empty() {
                break;
            }
            // The context holds a sender, so the channel stays open.
            let Ok((number, happening)) = receive.recv() else {
                break;
            };
            self.note(number, &happening);
            show(&self.context.plan.units[number], &happening, &self.times);
        }
        Built {
            succeeded: self.succeeded,
            broke: self.broke,
            took: self.started.elapsed(),
            times: self.times,
        }
    }

    fn running(&self) -> usize {
        self.checking + self.coding.len()
    }

    /// Whether one more thread may make code. All processors help with the code of one module, so that few modules at a time are enough.
    fn may_code(&self) -> bool {
        let most = self.settings.jobs.min(MAX_CODING);
        self.coding.len() < most && (self.settings.jobs > 1 || self.checking == 0)
    }

    /// Whether one more thread may begin. With pipelining those that make code are no reason to wait, as long as they keep up.
    fn may_start(&self) -> bool {
        let jobs = self.settings.jobs;
        match self.settings.pipelining && jobs > 1 {
            true => self.checking < jobs && self.waiting.len() <= MAX_CODING.max(jobs),
            false => self.running() < jobs,
        }
    }

    /// Lets threads run while there is room.
    fn start_what_can<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'a>,
        show: &mut dyn FnMut(&Unit, &Happening, &[UnitTimes]),
    ) {
        let units = &self.context.plan.units;
        if !self.succeeded {
            self.ready.clear();
            for number in std::mem::take(&mut self.waiting) {
                self.coding.insert(number);
                self.grant(number, None);
            }
        }
        loop {
            let mut codable = self.waiting.iter().copied().filter(|_| self.may_code());
            if let Some(number) = codable.find(|&n| self.unlinked[n] == 0) {
                self.waiting.remove(&number);
                self.coding.insert(number);
                self.times[number].resume = Some(self.started.elapsed());
                let archives = self.archives_of(number);
                show(&units[number], &Happening::Resumed, &self.times);
                self.grant(number, Some(archives));
                continue;
            }
            if !self.may_start() {
                return;
            }
            let Some(number) = self.ready.pop_first() else {
                return;
            };
            self.checking += 1;
            self.times[number].start = Some(self.started.elapsed());
            show(&units[number], &Happening::Started, &self.times);
            let (send, receive) = channel();
            self.grants[number] = Some(send);
            let seen = self.seen_by(number);
            let context = self.context;
            let work = move || context.work(number, seen, receive);
            let thread = Builder::new()
                .name(units[number].name.clone())
                .stack_size(crate::driver::STACK);
            if thread.spawn_scoped(scope, work).is_err() {
                let _ = self.context.send.send((number, Happening::Broke));
            }
        }
    }

    /// The archives of what a unit imports, directly or not.
    fn archives_of(&self, number: usize) -> Numbers {
        let units = &self.context.plan.units;
        let closure = units[number].closure.iter();
        let archive = |&n: &usize| (units[n].name.clone(), self.archives[n]);
        closure.map(archive).collect()
    }

    /// What there is to be seen of those modules.
    fn seen_by(&self, number: usize) -> Vec<Seen> {
        let units = &self.context.plan.units;
        let closure = units[number].closure.iter();
        let seen = |&n: &usize| Seen {
            name: units[n].name.clone(),
            shown: self.shown[n],
        };
        closure.map(seen).collect()
    }

    fn grant(&mut self, number: usize, archives: Grant) {
        if let Some(send) = &self.grants[number] {
            // The thread has ended if nobody listens.
            let _ = send.send(archives);
        }
    }

    fn note(&mut self, number: usize, happening: &Happening) {
        let now = Some(self.started.elapsed());
        let times = &mut self.times[number];
        match happening {
            Happening::Started | Happening::Resumed | Happening::Compiling(_) => {}
            Happening::Metadata(shown) => {
                times.metadata = now;
                self.shown[number] = *shown;
                if self.settings.pipelining {
                    self.unblock(number);
                }
            }
            Happening::Waiting => {
                times.wait = now;
                self.checking -= 1;
                self.waiting.insert(number);
            }
            Happening::Finished(done, _, archive) => {
                times.end = now;
                times.done = Some(*done);
                self.end(number);
                self.archives[number] = *archive;
                if !self.settings.pipelining {
                    self.unblock(number);
                }
                for linker in std::mem::take(&mut self.linkers[number]) {
                    self.unlinked[linker] -= 1;
                }
            }
            Happening::Failed(_) | Happening::Broke | Happening::Abandoned => {
                times.end = now;
                self.end(number);
                self.succeeded = false;
                self.broke |= matches!(happening, Happening::Broke);
            }
        }
    }

    /// A thread is at its end.
    fn end(&mut self, number: usize) {
        if !self.coding.remove(&number) {
            self.checking -= 1;
        }
    }

    fn unblock(&mut self, number: usize) {
        for importer in std::mem::take(&mut self.importers[number]) {
            self.blocked[importer] -= 1;
            if self.blocked[importer] == 0 {
                self.ready.insert(importer);
            }
        }
    }
}

impl Context<'_> {
    /// What the thread of a unit does.
    fn work(&self, number: usize, seen: Vec<Seen>, grant: Receiver<Grant>) {
        let compile = || {
            let unit = &self.plan.units[number];
            Job {
                context: self,
                number,
                unit,
                grant,
                archives: None,
                announced: false,
            }
            .run(seen)
        };
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(compile));
        // A panic was already described on standard error by the panic hook.
        self.tell(number, end.unwrap_or(Happening::Broke));
    }

    fn tell(&self, number: usize, happening: Happening) {
        // The scheduler listens until every thread has ended.
        let _ = self.send.send((number, happening));
    }
}

/// The compilation of a unit.
struct Job<'a> {
    context: &'a Context<'a>,
    number: usize,
    unit: &'a Unit,
    grant: Receiver<Grant>,
    /// The archives to link with, once they are there.
    archives: Option<Numbers>,
    /// Whether others know that the module file is there.
    announced: bool,
}

impl Job<'_> {
    fn run(mut self, seen: Vec<Seen>) -> Happening {
        let (unit, system) = (self.unit, self.context.system.clone());
        let mut said = Said::default();
        if let Err(problem) = self.prepare() {
            emit_global(&mut said, &Options::default(), vec![problem]);
            return Happening::Failed(said);
        }
        let command = command_of(&*system, unit);
        let mut done = Done::Compiled;
        if let Some(mut record) = Record::load(&*system, &unit.record) {
            let mut touched = false;
            if record.is_current(&*system, command, &seen, &mut touched)
                && record.follow_states(&*system, unit, &seen, &mut touched)
            {
                if let Some(shown) = record.shown {
                    self.announce(shown);
                }
                if unit.links && !self.wait() {
                    return Happening::Abandoned;
                }
                let archives = self.archives.as_deref().filter(|_| unit.links);
                if record.holds(archives.unwrap_or_default()) {
                    if touched {
                        record.save(&*system, &unit.record);
                    }
                    let content = record.content();
                    return Happening::Finished(Done::Fresh, record.said, content);
                }
                done = Done::Relinked;
            }
        }
        self.context.tell(self.number, Happening::Compiling(done));
        let mut files = FileList::new();
        let problems = imports::check(&*system, self.context.graph, unit.target, &mut files);
        if !problems.is_empty() {
            report(&mut said, problems, &files);
            return Happening::Failed(said);
        }
        let begun = Begun::new(&*system, unit, command);
        match self.compile(&mut said) {
            ExitStatus::Success => {}
            ExitStatus::Stopped => return Happening::Abandoned,
            ExitStatus::Failure => return Happening::Failed(said),
        }
        self.announce_file();
        let archives = self.archives.take().filter(|_| unit.links);
        let archives = archives.unwrap_or_default();
        let record = begun.finish(&*system, unit, seen, archives, said.clone());
        // Where something was edited meanwhile, the next build has to look again, and so do those that link with it.
        let content = record.as_ref().map_or_else(random, Record::content);
        match record {
            Some(record) => record.save(&*system, &unit.record),
            None => drop(system.remove(Path::new(&unit.record))),
        }
        Happening::Finished(done, said, content)
    }

    /// Makes the unit's folder, and the source that the build itself provides.
    fn prepare(&self) -> Result<(), Diagnostic> {
        let system = &*self.context.system;
        let failed = |path: &Path, error: std::io::Error| {
            let reason = crate::vfs::describe(&error);
            let message = format!("cannot write '{}' ({reason})", path.display());
            Diagnostic::global_error("unwritable-output", message)
        };
        if let Some(folder) = Path::new(&self.unit.record).parent() {
            let made = system.create_dir_all(folder);
            made.map_err(|error| failed(folder, error))?;
        }
        if let Some((path, text)) = &self.unit.generated {
            let path = Path::new(path);
            if system.read(path).ok().as_deref() != Some(text.as_bytes()) {
                let written = system.write(path, text.as_bytes(), OutputKind::Data);
                written.map_err(|error| failed(path, error))?;
            }
        }
        Ok(())
    }

    fn compile(&mut self, said: &mut Said) -> ExitStatus {
        let system = self.context.system.clone();
        match cli::parse(&*system, &self.unit.arguments) {
            Ok(Invocation::Compile(options, warnings)) => {
                emit_global(said, &options, warnings);
                let mut config = Config::new(*options, system);
                config.one_shot = self.may_keep_memory();
                config.store = self.context.store.clone();
                config.processors = Some(self.context.processors.clone());
                run(config, self, said)
            }
            Ok(_) => ExitStatus::Success,
            Err(problems) => {
                emit_global(said, &Options::default(), problems);
                ExitStatus::Failure
            }
        }
    }

    /// Whether the memory of this compilation can be left to the end of the process.
    fn may_keep_memory(&self) -> bool {
        let sizes = self.unit.sources.iter().map(|path| {
            let data = self.context.system.metadata(Path::new(path));
            data.map_or(0, |data| data.len)
        });
        let size: u64 = sizes.sum();
        let before = self.context.kept.fetch_add(size, Ordering::Relaxed);
        before + size <= MAX_KEPT
    }

    /// Tells others that the module file is there.
    fn announce(&mut self, shown: Shown) {
        if !std::mem::replace(&mut self.announced, true) {
            let happening = Happening::Metadata(shown);
            self.context.tell(self.number, happening);
        }
    }

    fn announce_file(&mut self) {
        let path = self.unit.metadata.as_ref();
        if let Some(shown) = path.and_then(|p| shown_by(&*self.context.system, p)) {
            self.announce(shown);
        }
    }

    /// Waits until code may be made. Returns whether it may.
    fn wait(&mut self) -> bool {
        if self.archives.is_none() {
            self.context.tell(self.number, Happening::Waiting);
            self.archives = self.grant.recv().ok().flatten();
        }
        self.archives.is_some()
    }
}

impl Callbacks for Job<'_> {
    fn after_module(&mut self, _compiler: &Compiler) -> Compilation {
        self.announce_file();
        Compilation::Continue
    }

    fn before_code(&mut self, _compiler: &Compiler) -> Compilation {
        match self.wait() {
            true => {
                if self.context.pipelining {
                    lower_priority();
                }
                Compilation::Continue
            }
            false => Compilation::Stop,
        }
    }
}

/// Lets this thread, and those that it starts, run when the threads of others have nothing to do.
fn lower_priority() {
    // A system that does not have this makes no difference between the threads, which is slower and not wrong.
    #[cfg(target_os = "linux")]
    // SAFETY: the call concerns this thread alone.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
    }
}

/// A number that no archive has had before.
fn random() -> u128 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_nanos()
}

/// Reports diagnostics that point into `files`.
pub fn report(
    emitter: &mut dyn crate::interface::Emitter,
    problems: Vec<Diagnostic>,
    files: &FileList,
) {
    let report = crate::diag::prepare(problems, &Default::default(), files);
    emitter.report(&report, files, &Options::default());
}
