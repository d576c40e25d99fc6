//! Calling the system's linker, through the C compiler, which knows where the C library is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{LinkError, runtime};
use crate::vfs::{OsSystem, OutputKind, System};

/// Linkers in the order of their speed, with the option that makes the C compiler use them.
const LINKERS: [(&str, &str); 3] = [
    ("wild", "-fuse-ld=wild"),
    ("mold", "-fuse-ld=mold"),
    ("ld.lld", "-fuse-ld=lld"),
];

/// What to link.
#[derive(Clone, Debug, Default)]
pub struct LinkJob {
    pub objects: Vec<PathBuf>,
    /// Folders to look for libraries in.
    pub library_paths: Vec<PathBuf>,
    /// Libraries by name, as after `-l`.
    pub libraries: Vec<OsString>,
    pub output: PathBuf,
    /// Whether to make a shared library instead of an executable.
    pub shared: bool,
    /// The linker that was asked for.
    pub linker: Option<String>,
    /// Words for the linker itself.
    pub linker_arguments: Vec<OsString>,
    /// More arguments for the C compiler.
    pub arguments: Vec<OsString>,
}

/// A folder for what a linker reads and writes, which goes when this does.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes a folder of an unused name in `parent`. With `keep` it stays.
    pub fn new(parent: &Path, keep: bool) -> std::io::Result<Scratch> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("codira-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch { path, keep }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed stays; the link has succeeded or failed for itself.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The C compiler's name.
fn driver() -> OsString {
    std::env::var_os("CC")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "cc".into())
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The command line of a link, for showing it and for running it. `archive` is where the runtime's library is, `linker` the option that chooses a linker.
pub fn command_line(job: &LinkJob, archive: &Path, linker: Option<&str>) -> Vec<OsString> {
    let mut line = vec![driver()];
    let mut push = |argument: &dyn AsRef<OsStr>| line.push(argument.as_ref().to_owned());
    if let Some(linker) = linker {
        push(&linker);
    }
    if job.shared {
        // A library uses its own definitions, which its code reaches directly, and hides the runtime's.
        for option in ["-shared", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL"] {
            push(&option);
        }
    }
    push(&"-o");
    push(&job.output);
    for object in &job.objects {
        push(object);
    }
    for folder in &job.library_paths {
        push(&"-L");
        push(folder);
    }
    for library in &job.libraries {
        let mut option = OsString::from("-l");
        option.push(library);
        push(&option);
    }
    push(&archive);
    push(&"-lm");
    push(&"-Wl,--gc-sections");
    for argument in &job.linker_arguments {
        push(&"-Xlinker");
        push(argument);
    }
    for argument in &job.arguments {
        push(argument);
    }
    line
}

/// Links a program or a shared library with the first linker that there is. `scratch` is a folder for intermediate files; `show` is
/// given each command before it runs.
pub fn link(job: &LinkJob, scratch: &Path, show: &mut dyn FnMut(&str)) -> Result<(), LinkError> {
    let archive = scratch.join("libcodira_runtime.a");
    OsSystem.write(&archive, runtime::ARCHIVE, OutputKind::Data)?;
    if let Some(linker) = &job.linker {
        let line = command_line(job, &archive, Some(&format!("-fuse-ld={linker}")));
        return run(&line, show);
    }
    for (_, option) in LINKERS.iter().filter(|(program, _)| is_in_path(program)) {
        match run(&command_line(job, &archive, Some(option)), show) {
            // Older C compilers do not know every linker.
            Err(LinkError::Failed { message, .. }) if message.contains("fuse-ld") => {}
            result => return result,
        }
    }
    run(&command_line(job, &archive, None), show)
}

fn run(line: &[OsString], show: &mut dyn FnMut(&str)) -> Result<(), LinkError> {
    let words = line.iter().map(|word| word.to_string_lossy().into_owned());
    show(&(words.collect::<Vec<_>>().join(" ") + "\n"));
    let result = Command::new(&line[0]).args(&line[1..]).output();
    let result =
        result.map_err(|error| LinkError::Linker(format!("{}: {error}", line[0].display())))?;
    if result.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&result.stderr).into_owned();
    Err(
        match std::os::unix::process::ExitStatusExt::signal(&result.status) {
            Some(signal) => LinkError::Killed { signal, message },
            None => LinkError::Failed {
                status: result.status.code().unwrap_or(1),
                message,
            },
        },
    )
}
