//! Generating what is asked for, and all that it refers to, on the processors that are idle.
//!
//! One queue holds what is left to do; whoever works takes some of it and adds what that turned out to refer to. The thread that needs the code is always
//! there; others come when a processor is idle, each with a generator of its own, and leave when its owner is back.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Processors;
use crate::codegen::blob::SymbolName;
use crate::codegen::key::{Blob, CodeKey, CodeUnit, CodegenError};

use super::update::{Generator, Place, line_keys, row_place};

/// A unit that some thread has generated.
pub(super) struct Made {
    pub key: CodeKey,
    pub symbol: SymbolName,
    pub unit: Result<Arc<CodeUnit>, CodegenError>,
    pub references: Vec<SymbolName>,
    pub lines: Vec<Place>,
}

/// Starting a thread takes longer than what an edit usually leaves to do: this many units.
const FEW: usize = 16;

#[derive(Default)]
struct State {
    queue: Vec<CodeKey>,
    seen: FxHashSet<CodeKey>,
    done: Vec<Made>,
    /// Keys that some thread is working on.
    busy: usize,
    /// A thread has panicked, so that waiting for it would never end.
    failed: bool,
}

/// What all threads see.
struct Shared<'a, F> {
    state: Mutex<State>,
    wake: Condvar,
    /// Whether a symbol's code is there already.
    has: &'a F,
}

/// Works through keys and all that they refer to and nobody `has`, on at most one thread per generator.
pub(super) fn work_through<G: Generator>(
    generators: &mut [G],
    processors: &Processors,
    queue: Vec<CodeKey>,
    has: &(impl Fn(SymbolName) -> bool + Sync),
) -> Vec<Made> {
    let mut worth_it = queue.len() > FEW / 4;
    let state = State {
        seen: queue.iter().copied().collect(),
        queue,
        ..State::default()
    };
    let shared = Shared {
        state: Mutex::new(state),
        wake: Condvar::new(),
        has,
    };
    let Some((own, others)) = generators.split_first_mut() else {
        return Vec::new();
    };
    let idle: Mutex<Vec<&mut G>> = Mutex::new(others.iter_mut().collect());
    let idle = || idle.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        work(own, &shared, |left, done| {
            worth_it |= done >= FEW;
            while worth_it && left > 1 && !idle().is_empty() {
                let (Some(helper), Some(generator)) = (processors.helper(), idle().pop()) else {
                    break;
                };
                let (shared, idle) = (&shared, &idle);
                scope.spawn(move || {
                    work(generator, shared, |_, _| helper.may_stay());
                    idle().push(generator);
                });
            }
            true
        });
    });
    let state = shared.state.into_inner();
    state.unwrap_or_else(PoisonError::into_inner).done
}

/// Tells the other threads when this one dies in the middle of a key.
struct Alarm<'s, 'a, F>(&'s Shared<'a, F>);

impl<F> Drop for Alarm<'_, '_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state.failed = true;
            self.0.wake.notify_all();
        }
    }
}

impl<F> Shared<'_, F> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Generates units until nothing is left, or `goes_on` says no. That is asked before each piece of work, with the number of keys in the queue and how many units
/// this thread has generated.
fn work<G: Generator, F: Fn(SymbolName) -> bool>(
    generator: &G,
    shared: &Shared<'_, F>,
    mut goes_on: impl FnMut(usize, usize) -> bool,
) {
    let _alarm = Alarm(shared);
    let wants_rows = generator.wants_rows();
    let mut batch: Vec<CodeKey> = Vec::new();
    let mut results: Vec<Made> = Vec::new();
    // What this thread has seen referred to, so that nothing is asked about twice.
    let mut known: FxHashMap<CodeKey, SymbolName> = FxHashMap::default();
    let mut wanted: Vec<CodeKey> = Vec::new();
    let mut count = 0;
    let mut state = shared.lock();
    loop {
        while state.queue.is_empty() && state.busy > 0 && !state.failed {
            state = shared
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.queue.is_empty() || state.failed || !goes_on(state.queue.len(), count) {
            shared.wake.notify_all();
            return;
        }
        // Half of what there is, so that the others have something too.
        let taken = (state.queue.len() / 2).clamp(1, 16);
        let rest = state.queue.len() - taken;
        batch.extend(state.queue.drain(rest..));
        state.busy += 1;
        drop(state);
        count += taken;
        for key in batch.drain(..) {
            let unit = generator.unit(key);
            let mut made = Made {
                key,
                symbol: generator.symbol(&key),
                unit,
                references: Vec::new(),
                lines: Vec::new(),
            };
            if let Ok(unit) = &made.unit {
                for &reference in &unit.references {
                    let symbol = *known.entry(reference).or_insert_with(|| {
                        let symbol = generator.symbol(&reference);
                        if !(shared.has)(symbol) {
                            wanted.push(reference);
                        }
                        symbol
                    });
                    made.references.push(symbol);
                }
                let keys = line_keys(&unit.blob, false);
                made.lines = keys.map(|key| (generator.line(key), None)).collect();
                if let (true, Blob::Function(blob)) = (wants_rows, &unit.blob) {
                    let rows = blob.line_rows.iter();
                    let rows = rows.map(|row| row_place(generator, row.key));
                    made.lines.extend(rows);
                }
            }
            results.push(made);
        }
        state = shared.lock();
        for key in wanted.drain(..) {
            if state.seen.insert(key) {
                state.queue.push(key);
            }
        }
        state.done.append(&mut results);
        state.busy -= 1;
        shared.wake.notify_all();
    }
}
