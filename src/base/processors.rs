//! The processors that threads of one process share.
//!
//! Several compilations may run at once, each in a thread that owns it. An owner always works. While there are processors with nothing to do, owners let others
//! help; when more owners come, those who help leave. Two threads that work on one module get in each other's way, so that it is best to have one for each as long as there
//! are modules enough, and worst to leave a processor idle.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads work, and how many may.
#[derive(Debug)]
pub struct Processors {
    count: usize,
    owners: AtomicUsize,
    helpers: AtomicUsize,
}

impl Processors {
    /// So many processors, for one owner until somebody says otherwise.
    pub fn new(count: usize) -> Processors {
        Processors {
            count: count.max(1),
            owners: AtomicUsize::new(1),
            helpers: AtomicUsize::new(0),
        }
    }

    /// How many threads can be of use.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Says how many owners there are.
    pub fn set_owners(&self, owners: usize) {
        self.owners.store(owners, Ordering::Relaxed);
    }

    /// The right to help, if a processor is idle.
    pub fn helper(&self) -> Option<Helper<'_>> {
        let owners = self.owners.load(Ordering::Relaxed);
        let helpers = &self.helpers;
        let one_more = |helpers| (owners + helpers < self.count).then_some(helpers + 1);
        let taken = helpers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.ok().map(|_| Helper { processors: self })
    }
}

/// The right to help an owner. It ends when it is dropped.
#[derive(Debug)]
pub struct Helper<'p> {
    processors: &'p Processors,
}

impl Helper<'_> {
    /// Whether no owner needs the processor. To be asked before each piece of work.
    pub fn may_stay(&self) -> bool {
        let owners = self.processors.owners.load(Ordering::Relaxed);
        let helpers = self.processors.helpers.load(Ordering::Relaxed);
        owners + helpers <= self.processors.count
    }
}

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        self.processors.helpers.fetch_sub(1, Ordering::Relaxed);
    }
}
