//! How far a long run is.

/// Says from time to time how far a test has come, past what the test runner holds back: a run of thousands of steps is otherwise as silent
/// as one that hangs, and where one is ended nobody knows what it has shown.
pub struct Progress {
    test: &'static str,
    steps: u64,
    started: std::time::Instant,
    said: std::time::Instant,
}

impl Progress {
    /// How many steps are said only where they were asked for by `CODIRA_STEPS`.
    pub fn new(test: &'static str, steps: u64) -> Progress {
        let now = std::time::Instant::now();
        Progress {
            test,
            steps,
            started: now,
            said: now,
        }
    }

    /// This many steps were taken without a difference.
    pub fn at(&mut self, step: u64) {
        let due = self.said.elapsed().as_secs() >= 60 || step == self.steps;
        if due && std::env::var_os("CODIRA_STEPS").is_some() {
            use std::io::Write;
            self.said = std::time::Instant::now();
            let (test, steps) = (self.test, self.steps);
            let seconds = self.started.elapsed().as_secs();
            let line = format!("{test}: {step} of {steps} steps, {seconds} s\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
