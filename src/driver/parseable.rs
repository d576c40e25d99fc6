//! Messages about jobs for build systems (`-parseable-output`).
//!
//! A message is its length in bytes, a JSON object, and an end of line. Jobs that run inside of the driver share its process, so they are
//! told apart by negative numbers; `process.real_pid` is the process that really works.

use serde_json::{Value, json};

use super::plan::{ActionKind, Job};

/// The first number of a job without a process of its own; those after it count down.
const FIRST_QUASI_PID: i64 = -1000;

/// A job as messages name it.
#[derive(Clone, Debug)]
pub(super) struct Named<'a> {
    pub job: &'a Job,
    pub pid: i64,
    pub real_pid: u32,
}

/// A job inside of this process; `number` is its place in the plan.
pub(super) fn in_process(job: &Job, number: usize) -> Named<'_> {
    Named {
        job,
        pid: FIRST_QUASI_PID - number as i64,
        real_pid: std::process::id(),
    }
}

/// What a job has used: seconds, and bytes at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    user: f64,
    system: f64,
    memory: u64,
}

impl Usage {
    /// What this process has used so far, or its finished children have.
    pub fn now(of_children: bool) -> Usage {
        let who = match of_children {
            true => libc::RUSAGE_CHILDREN,
            false => libc::RUSAGE_SELF,
        };
        // SAFETY: the structure is plain numbers, and the call fills it in.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        Usage {
            user: seconds(usage.ru_utime),
            system: seconds(usage.ru_stime),
            memory: usage.ru_maxrss as u64 * 1024,
        }
    }
}

fn name(kind: &ActionKind) -> &'static str {
    let name = kind.name();
    name.strip_prefix("language-").unwrap_or(name)
}

fn message(object: &Value) -> String {
    let text = object.to_string();
    format!("{}\n{text}\n", text.len())
}

/// A job starts.
pub(super) fn began(named: &Named<'_>, output_type: &str) -> String {
    let job = named.job;
    let (executable, arguments) = match job.command.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("", &[][..]),
    };
    let outputs = match job.output.is_empty() {
        true => Vec::new(),
        false => vec![json!({ "type": output_type, "path": job.output })],
    };
    message(&json!({
        "kind": "began",
        "name": name(&job.kind),
        "command": job.command.join(" "),
        "command_executable": executable,
        "command_arguments": arguments,
        "inputs": job.inputs,
        "outputs": outputs,
        "pid": named.pid,
        "process": { "real_pid": named.real_pid },
    }))
}

/// A job has ended by itself; `output` is what it said.
pub(super) fn finished(named: &Named<'_>, status: i32, output: &str, usage: Usage) -> String {
    let mut object = json!({
        "kind": "finished",
        "name": name(&named.job.kind),
        "pid": named.pid,
        "exit-status": status,
        "process": process(named, usage),
    });
    if !output.is_empty() {
        object["output"] = output.into();
    }
    message(&object)
}

/// A job was killed.
pub(super) fn signalled(named: &Named<'_>, signal: i32, output: &str, usage: Usage) -> String {
    let mut object = json!({
        "kind": "signalled",
        "name": name(&named.job.kind),
        "pid": named.pid,
        "error-message": signal_name(signal),
        "signal": signal,
        "process": process(named, usage),
    });
    if !output.is_empty() {
        object["output"] = output.into();
    }
    message(&object)
}

fn process(named: &Named<'_>, usage: Usage) -> Value {
    json!({
        "real_pid": named.real_pid,
        "usage": {
            "utime": (usage.user * 1e6) as u64,
            "stime": (usage.system * 1e6) as u64,
            "maxrss": usage.memory,
        },
    })
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGILL => "Illegal instruction",
        libc::SIGABRT => "Aborted",
        libc::SIGKILL => "Killed",
        libc::SIGSEGV => "Segmentation fault",
        libc::SIGTERM => "Terminated",
        libc::SIGINT => "Interrupt",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}
