//! What the query engine did.

use std::sync::{Mutex, PoisonError};

use salsa::{Database, EventKind, IngredientIndex};

use crate::base::FxHashMap;

/// How often a query ran and how often its memo was found valid again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueryCounts {
    /// Executions: first ones, and those after a change of what was read.
    pub executed: usize,
    /// Memos of earlier revisions that turned out to be valid. A memo that is used again in the same revision
    /// is not counted: asking is free then.
    pub reused: usize,
}

/// Counts of executed and reused queries. Salsa calls from many threads; queries are named only when
/// somebody looks, because names are known to the database alone.
#[derive(Debug, Default)]
pub struct EventLog {
    counts: Mutex<FxHashMap<IngredientIndex, QueryCounts>>,
}

impl EventLog {
    pub(super) fn record(&self, event: &salsa::Event) {
        let (key, executed) = match event.kind {
            EventKind::WillExecute { database_key } => (database_key, true),
            EventKind::DidValidateMemoizedValue { database_key } => (database_key, false),
            _ => return,
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = counts.entry(key.ingredient_index()).or_default();
        if executed {
            entry.executed += 1;
        } else {
            entry.reused += 1;
        }
    }

    /// The counts by query name, sorted.
    pub(super) fn counts(&self, db: &dyn Database) -> Vec<(String, QueryCounts)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let named = counts
            .iter()
            .map(|(&query, &counts)| (db.ingredient_debug_name(query).into_owned(), counts));
        let mut named: Vec<_> = named.collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    }

    /// The sums over all queries.
    pub fn total(&self) -> QueryCounts {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .values()
            .fold(QueryCounts::default(), |sum, c| QueryCounts {
                executed: sum.executed + c.executed,
                reused: sum.reused + c.reused,
            })
    }

    /// Starts counting from zero.
    pub fn clear(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clear();
    }
}
