//! How long the phases took and what the query engine did in them.

use std::time::{Duration, Instant};

use crate::db::{QueryCounts, RootDatabase};

/// Measures phases, when that was asked for.
#[derive(Debug)]
pub struct Timing {
    enabled: bool,
    start: Instant,
    rows: Vec<Row>,
    worst: Vec<(String, u64)>,
    seen: QueryCounts,
    seen_hits: usize,
}

#[derive(Debug)]
struct Row {
    stage: &'static str,
    took: Duration,
    queries: QueryCounts,
    /// Questions that results of other processes answered.
    found: usize,
}

impl Timing {
    /// A table without rows; one that is not enabled stays so.
    pub fn new(enabled: bool) -> Timing {
        Timing {
            enabled,
            start: Instant::now(),
            rows: Vec::new(),
            worst: Vec::new(),
            seen: QueryCounts::default(),
            seen_hits: 0,
        }
    }

    /// Whether anybody will read the table.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Remembers the expressions that were hardest to check, with the solver's steps.
    pub fn note_worst(&mut self, worst: Vec<(String, u64)>) {
        self.worst = worst;
    }

    /// Runs a phase. Phases of the same name in a row are added up.
    pub fn stage<T>(
        &mut self,
        stage: &'static str,
        db: Option<&RootDatabase>,
        run: impl FnOnce() -> T,
    ) -> T {
        if !self.enabled {
            return run();
        }
        let start = Instant::now();
        let value = run();
        let log = db.and_then(RootDatabase::event_log);
        let total = log.map_or(self.seen, |log| log.total());
        let hits = db.map_or(self.seen_hits, RootDatabase::hits);
        self.rows.push(Row {
            stage,
            took: start.elapsed(),
            queries: QueryCounts {
                executed: total.executed - self.seen.executed,
                reused: total.reused - self.seen.reused,
            },
            found: hits - self.seen_hits,
        });
        self.seen_hits = hits;
        self.seen = total;
        value
    }

    /// The table as text.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<12}{:>12}{:>12}{:>12}{:>12}\n",
            "stage", "time (ms)", "executed", "validated", "found"
        );
        let mut line = |stage: &str, took: Duration, queries: QueryCounts, found: usize| {
            let ms = took.as_secs_f64() * 1000.0;
            let QueryCounts { executed, reused } = queries;
            text.push_str(&format!(
                "{stage:<12}{ms:>12.3}{executed:>12}{reused:>12}{found:>12}\n"
            ));
        };
        for row in &self.rows {
            line(row.stage, row.took, row.queries, row.found);
        }
        line("total", self.start.elapsed(), self.seen, self.seen_hits);
        if !self.worst.is_empty() {
            text.push_str("hardest expressions (solver steps)\n");
        }
        for (place, steps) in &self.worst {
            text.push_str(&format!("{steps:>12}  {place}\n"));
        }
        text
    }
}
