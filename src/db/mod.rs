//! Tour of `db`: the inputs of the query engine and the log of what it did.
//!
//! * [`Db`] is the trait that every query takes first; [`RootDatabase`] is the one type that implements it.
//! * [`SourceFile`] and [`CompilationUnit`] are the inputs: what the outside world sets.
//! * [`SourceText`]: a file's text, which need not have been read.
//! * [`Results`]: what other processes have computed before; [`ModuleRecords`]: what they left in a module's file.
//! * [`EventLog`] counts what ran and what was reused, for tests of incrementality and for `--time-passes`; [`WorkDone`] counts what users hear of.
//! * [`DbFiles`] shows the inputs to the renderers of diagnostics.
//!
//! # Idioms of salsa 0.28, to be copied
//!
//! * **A query** is a free function named after the question it answers:
//!   `#[salsa::tracked] pub fn line_index(db: &dyn Db, file: SourceFile) -> LineIndex`. It returns a *reference*
//!   into its memo, so that callers write `let lines = line_index(db, file);` and get a `&LineIndex`. Small `Copy`
//!   results ask for `#[salsa::tracked(returns(copy))]`; shared ones return `Arc<T>` with `returns(clone)`, or
//!   `returns(deref)` to hand out the `&T` inside.
//! * **Values** need `PartialEq` (an equal result stops the invalidation there) and nothing else, as long as they are
//!   `'static`. Only a value with a `'db` lifetime in it derives `salsa::SalsaValue`.
//! * **Keys.** A query of one argument takes a salsa struct: an input, or a `#[salsa::interned]` struct when
//!   the key is anything else. A query of several arguments may take any `Clone + Eq + Hash + 'static`
//!   values (`Name`, `Idx<T>`, `Interned<T>`, plain ids): salsa interns the tuple. To key by one
//!   plain id, take its file or unit as the first argument: `fn body(db: &dyn Db, file: SourceFile, item: ItemId)`.
//! * **Setters never compare**: writing an equal text counts as a change. Use [`SourceFile::update_text`].
//! * **Durability**: the standard library's inputs are `HIGH`, so that after an edit its queries are not
//!   even asked whether they changed; so is everything else but the user's texts (`LOW`) and the list of them (`MEDIUM`), because a query is as durable as the least
//!   durable input that it happens to pass by. Texts cannot be durable until they are edited first: an answer that becomes less durable counts
//!   as changed even if it is equal. In a process that compiles once, all inputs are `NEVER_CHANGE`, and queries keep no dependencies.
//! * **Diagnostics are returned** in values. No accumulators: reading one is an untracked read.
//! * **No cycles by accident**: a query that can reach itself through user code (type aliases, inheritance,
//!   inferred types) declares `cycle_result = recover`, where `fn recover(db, id: salsa::Id, args…) -> T` makes the
//!   value of every query on the cycle, from which an error is reported. Otherwise salsa panics.
//! * **Bulky, cheap values** (syntax trees) bound their memory with `#[salsa::tracked(lru = 128)]`; eviction happens
//!   when a revision ends and keeps the dependencies.
//! * **Threads**: one clone of [`RootDatabase`] each; [`RootDatabase::par_map`] does that for a list of questions.
//!   Two threads that need the same query share its execution. Never hold a lock while asking a query,
//!   and never clone inside one.
//! * **Cancellation**: setting an input waits for all clones and makes their queries unwind. Catch it once, at the
//!   edge, with `salsa::Cancelled::catch`; in between, never swallow panics.
//! * **Nothing untracked** inside a query: no file system, clock, environment or randomness. [`UnreadText`] is no exception: what will be read
//!   is known by its fingerprint.

mod event_log;
mod files;
mod inputs;
mod parallel;
mod results;
mod source_text;
mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use salsa::Durability;

use crate::base::Processors;

pub use self::event_log::{EventLog, QueryCounts};
pub use self::files::DbFiles;
pub use self::inputs::{CompilationUnit, CompiledModule, SourceFile, Workspace, line_index};
pub use self::results::{ModuleRecords, Results};
pub use self::source_text::{Marker, Markers, SourceText, UnreadText};
pub use self::work::{Work, WorkDone};

/// The database as queries see it.
#[salsa::db]
pub trait Db: salsa::Database {
    /// What earlier processes have computed, if anything is kept.
    fn results(&self) -> Option<&dyn Results>;

    /// What earlier builds of the user's module have found out about its files, if that is kept.
    fn records(&self) -> Option<&dyn Results>;

    /// How long inputs stay as they are: `usual`, or for ever in a process that compiles once.
    fn durability(&self, usual: Durability) -> Durability;

    /// Counts a piece of work that a query does. Nothing that is computed may depend on it.
    fn count(&self, work: Work);
}

/// The database: all inputs and all memos. Clones share them; each thread needs its own.
#[salsa::db]
#[derive(Clone)]
pub struct RootDatabase {
    storage: salsa::Storage<Self>,
    events: Option<Arc<EventLog>>,
    results: Option<Arc<dyn Results>>,
    records: Option<Arc<dyn Results>>,
    work: Arc<WorkDone>,
    processors: Option<Arc<Processors>>,
    frozen: bool,
}

#[salsa::db]
impl salsa::Database for RootDatabase {}

#[salsa::db]
impl Db for RootDatabase {
    fn results(&self) -> Option<&dyn Results> {
        self.results.as_deref()
    }

    fn records(&self) -> Option<&dyn Results> {
        self.records.as_deref()
    }

    fn durability(&self, usual: Durability) -> Durability {
        match self.frozen {
            true => Durability::NEVER_CHANGE,
            false => usual,
        }
    }

    fn count(&self, work: Work) {
        self.work.add(work);
    }
}

impl RootDatabase {
    /// An empty database that keeps no log, which is fastest.
    pub fn new() -> RootDatabase {
        Self::of(salsa::Storage::new(None), None)
    }

    /// An empty database that logs what it does.
    pub fn with_event_log() -> RootDatabase {
        let events = Arc::new(EventLog::default());
        let log = events.clone();
        let storage = salsa::Storage::new(Some(Box::new(move |event| log.record(&event))));
        Self::of(storage, Some(events))
    }

    fn of(storage: salsa::Storage<Self>, events: Option<Arc<EventLog>>) -> RootDatabase {
        RootDatabase {
            storage,
            events,
            results: None,
            records: None,
            work: Arc::default(),
            processors: None,
            frozen: false,
        }
    }

    /// Lets queries use and leave results of other processes. To be called before anything is asked.
    pub fn use_results(&mut self, results: Arc<dyn Results>) {
        self.results = Some(results);
    }

    /// Lets queries use and leave what is known about files of the user's module. To be called before anything is asked.
    pub fn use_records(&mut self, records: Arc<dyn Results>) {
        self.records = Some(records);
    }

    /// How many questions have been answered by results of other processes.
    pub fn hits(&self) -> usize {
        let keepers = [&self.results, &self.records];
        keepers
            .into_iter()
            .flatten()
            .map(|keeper| keeper.hits())
            .sum()
    }

    /// Promises that no input will be set again. Then queries need not remember what they read, which saves time and memory. To be called
    /// before there are inputs.
    pub fn freeze_inputs(&mut self) {
        self.frozen = true;
    }

    /// The log, if one is kept.
    pub fn event_log(&self) -> Option<&EventLog> {
        self.events.as_deref()
    }

    /// How much work was done.
    pub fn work(&self) -> &WorkDone {
        &self.work
    }

    /// What ran and what was reused since the log was last cleared, by query, sorted by name.
    pub fn query_counts(&self) -> Vec<(String, QueryCounts)> {
        match &self.events {
            Some(events) => events.counts(self),
            None => Vec::new(),
        }
    }

    /// How often `query` ran since the log was last cleared.
    pub fn executions_of(&self, query: &str) -> usize {
        let counts = self.query_counts();
        let found = counts.iter().find(|(name, _)| name == query);
        found.map_or(0, |(_, counts)| counts.executed)
    }

    /// The names of the queries that ran since the log was last cleared, sorted, each with a count:
    /// what tests of incrementality compare.
    pub fn take_executed(&self) -> Vec<(String, usize)> {
        let mut counts = self.query_counts();
        counts.retain(|(_, counts)| counts.executed > 0);
        if let Some(events) = &self.events {
            events.clear();
        }
        let executed = |(name, counts): (String, QueryCounts)| (name, counts.executed);
        counts.into_iter().map(executed).collect()
    }
}

impl Default for RootDatabase {
    fn default() -> Self {
        Self::new()
    }
}
