//! Asking many questions at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::Processors;

use super::{Db, RootDatabase};

impl RootDatabase {
    /// Lets several compilations of a process divide its processors among themselves. To be called before anything is asked.
    pub fn share_processors(&mut self, processors: Arc<Processors>) {
        self.processors = Some(processors);
    }

    /// The processors that may be used: those that are shared, or else all threads of the pool.
    pub fn processors(&self) -> Arc<Processors> {
        let own = || Arc::new(Processors::new(rayon::current_num_threads()));
        self.processors.clone().unwrap_or_else(own)
    }

    /// Asks a question about every item, on all processors that are idle, and returns the answers in order. Items are begun in
    /// order too, so that lists with the longest questions first leave nobody idle. Call it from the outside only,
    /// never in a query.
    pub fn par_map<T: Sync, R: Send>(
        &self,
        items: &[T],
        ask: impl Fn(&dyn Db, &T) -> R + Send + Sync,
    ) -> Vec<R> {
        let processors = self.processors();
        let threads = processors.count().min(items.len());
        if threads <= 1 {
            return items.iter().map(|item| ask(self, item)).collect();
        }
        let batch = (items.len() / (threads * 16)).clamp(1, 64);
        let batches: Vec<&[T]> = items.chunks(batch).collect();
        let next = AtomicUsize::new(0);
        let answers: Mutex<Vec<(usize, Vec<R>)>> = Mutex::default();
        // Answers the questions of one batch; whether there was one.
        let answer = |db: &RootDatabase| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = batches.get(index) else {
                return false;
            };
            let found: Vec<R> = batch.iter().map(|item| ask(db, item)).collect();
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push((index, found));
            true
        };
        // One batch is left to this thread.
        let is_much_left = || next.load(Ordering::Relaxed) + 1 < batches.len();
        rayon::in_place_scope(|scope| {
            loop {
                while is_much_left()
                    && let Some(helper) = processors.helper()
                {
                    // Each thread needs a database of its own.
                    let (db, answer) = (self.clone(), &answer);
                    scope.spawn(move |_| while helper.may_stay() && answer(&db) {});
                }
                if !answer(self) {
                    return;
                }
            }
        });
        let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.sort_unstable_by_key(|answer| answer.0);
        answers.into_iter().flat_map(|answer| answer.1).collect()
    }
}
