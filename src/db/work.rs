//! How much a database has done of what users want to hear about.
//!
//! The engine's own events would say it too, but whoever listens to them makes the engine tell of every memo that it looks at, which takes longer
//! than looking.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What takes a user's time and is worth counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A body was checked.
    Check,
    /// A function or a value of data was translated to machine code, or fetched from where that is kept.
    Compile,
}

/// Counts of work, shared by all clones of a database.
#[derive(Debug, Default)]
pub struct WorkDone {
    counts: [AtomicUsize; 2],
}

impl WorkDone {
    pub(super) fn add(&self, work: Work) {
        self.counts[work as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often this was done since the counts were cleared.
    pub fn of(&self, work: Work) -> usize {
        self.counts[work as usize].load(Ordering::Relaxed)
    }

    /// Starts counting from zero.
    pub fn clear(&self) {
        for count in &self.counts {
            count.store(0, Ordering::Relaxed);
        }
    }
}
