//! Running tests: each in a process of its own, several at once, shown in their order.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::testing::{FAILED, PASSED, Test};

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestEnd {
    /// Why it failed, if it did: empty when its output says so.
    pub failure: Option<String>,
    /// Everything that it printed.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs tests of `program`, as many at once as there are `jobs`. `show` gets the results in the order of the tests.
pub fn run(program: &str, tests: &[&Test], jobs: usize, show: &mut dyn FnMut(&Test, &TestEnd)) {
    let next = AtomicUsize::new(0);
    let (send, receive) = channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(tests.len()) {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = tests.get(number) else {
                        return;
                    };
                    if send.send((number, run_one(program, test))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut ends: Vec<Option<TestEnd>> = tests.iter().map(|_| None).collect();
        let mut shown = 0;
        for (number, end) in receive {
            ends[number] = Some(end);
            while let Some(Some(end)) = ends.get(shown) {
                show(tests[shown], end);
                shown += 1;
            }
        }
    });
}

fn run_one(program: &str, test: &Test) -> TestEnd {
    let started = Instant::now();
    let ended = capture(program, &test.name);
    let took = started.elapsed();
    let (mut output, status) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            let reason = crate::vfs::describe(&error);
            return TestEnd {
                failure: Some(format!("cannot run '{program}' ({reason})")),
                output: String::new(),
                took,
            };
        }
    };
    let mut take = |mark: &str| {
        let at = output.rfind(mark);
        if let Some(at) = at {
            output.replace_range(at..at + mark.len(), "");
        }
        at.is_some()
    };
    let (passed, failed) = (take(PASSED), take(FAILED));
    let failure = match (status.success(), passed, failed) {
        (true, true, _) => None,
        (true, _, true) => Some(String::new()),
        _ => Some(describe(status)),
    };
    TestEnd {
        failure,
        output,
        took,
    }
}

/// What a process printed to both of its streams, and how it ended.
fn capture(program: &str, test: &str) -> std::io::Result<(String, ExitStatus)> {
    let (mut read, write) = std::io::pipe()?;
    let mut command = Command::new(program);
    command
        .arg(test)
        .stdin(Stdio::null())
        .stdout(write.try_clone()?)
        .stderr(write);
    let mut child = command.spawn()?;
    // The command holds the writing ends, without whose closing the reading would not end.
    drop(command);
    let mut bytes = Vec::new();
    read.read_to_end(&mut bytes)?;
    let status = child.wait()?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), status))
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (_, Some(signal @ (libc::SIGILL | libc::SIGTRAP))) => {
            format!("the test trapped (signal {signal})")
        }
        (_, Some(signal)) => format!("the test was ended by signal {signal}"),
        (Some(0), _) => "the test's process ended before the test did".to_owned(),
        (Some(code), _) => format!("the test's process ended with status {code}"),
        (None, None) => "the test's process did not end well".to_owned(),
    }
}
