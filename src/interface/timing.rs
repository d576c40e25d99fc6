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
}

#[derive(Debug)]
struct Row {
    stage: &'static str,
    took: Duration,
    queries: QueryCounts,
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
        self.rows.push(Row {
            stage,
            took: start.elapsed(),
            queries: QueryCounts {
                executed: total.executed - self.seen.executed,
                reused: total.reused - self.seen.reused,
            },
        });
        self.seen = total;
        value
    }

    /// The table as text.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<12}{:>12}{:>12}{:>12}\n",
            "stage", "time (ms)", "executed", "reused"
        );
        let mut line = |stage: &str, took: Duration, queries: QueryCounts| {
            let ms = took.as_secs_f64() * 1000.0;
            let QueryCounts { executed, reused } = queries;
            text.push_str(&format!(
                "{stage:<12}{ms:>12.3}{executed:>12}{reused:>12}\n"
            ));
        };
        for row in &self.rows {
            line(row.stage, row.took, row.queries);
        }
        line("total", self.start.elapsed(), self.seen);
        if !self.worst.is_empty() {
            text.push_str("hardest expressions (solver steps)\n");
        }
        for (place, steps) in &self.worst {
            text.push_str(&format!("{steps:>12}  {place}\n"));
        }
        text
    }
}
