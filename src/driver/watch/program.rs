//! The program that `language run --watch` runs.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::link::memory_image::{IGNORED, MemoryImage};
use crate::session::Options;

use super::Signal;

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_millis(500);

/// A running program.
pub(super) struct Program {
    number: u64,
    child: Child,
    /// The file that the process runs from.
    _image: MemoryImage,
}

impl Program {
    /// Starts a program. It gets a signal when the compiler ends, so that it never outlives it; the loop gets one when it ends by itself.
    pub fn start(
        number: u64,
        image: &[u8],
        options: &Options,
        send: Sender<Signal>,
    ) -> io::Result<Program> {
        let name = options.tracked.module_name.as_str();
        let image = MemoryImage::new(name, image)?;
        let mut command = Command::new(image.path());
        command
            .arg0(name)
            .args(&options.untracked.program_arguments);
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                for signal in IGNORED {
                    libc::signal(signal, libc::SIG_DFL);
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        let process = child.id();
        // The thread only waits; whoever owns the child collects its status.
        std::thread::spawn(move || {
            // SAFETY: `info` is a plain structure that the call fills in.
            unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                let options = libc::WEXITED | libc::WNOWAIT;
                while libc::waitid(libc::P_PID, process, &mut info, options) < 0
                    && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
                {
                }
            }
            let _ = send.send(Signal::Exited(number));
        });
        Ok(Program {
            number,
            child,
            _image: image,
        })
    }

    /// The number of the build that made it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How a program that has ended did so, in words.
    pub fn ended(mut self) -> String {
        match self.child.wait() {
            Ok(status) => describe(status),
            Err(error) => format!("program ended ({error})"),
        }
    }

    /// Ends the program: politely, and after a while in any case.
    pub fn stop(mut self) {
        let end = Instant::now() + GRACE;
        // SAFETY: the process has not been waited for, so its number is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        while Instant::now() < end {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("program ended with status {code}"),
        (None, Some(signal)) => format!("program ended by signal {signal}"),
        (None, None) => "program ended".to_owned(),
    }
}
