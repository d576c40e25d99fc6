//! Calling the system's linker, through the C compiler, which knows where the C library is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{LinkError, output, runtime};

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
    /// More arguments for the C compiler.
    pub arguments: Vec<OsString>,
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
        push(&"-shared");
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
    if !job.shared {
        push(&archive);
    }
    push(&"-lm");
    push(&"-Wl,--gc-sections");
    for argument in &job.arguments {
        push(argument);
    }
    line
}

/// Links a program or a shared library with the first linker that there is. `scratch` is a folder for intermediate files.
pub fn link(job: &LinkJob, scratch: &Path) -> Result<(), LinkError> {
    let archive = scratch.join("libcodira_runtime.a");
    output::replace_file(&archive, runtime::ARCHIVE, false)?;
    for (_, option) in LINKERS.iter().filter(|(program, _)| is_in_path(program)) {
        match run(&command_line(job, &archive, Some(option))) {
            // Older C compilers do not know every linker.
            Err(LinkError::Linker(message)) if message.contains("fuse-ld") => {}
            result => return result,
        }
    }
    run(&command_line(job, &archive, None))
}

fn run(line: &[OsString]) -> Result<(), LinkError> {
    let result = Command::new(&line[0]).args(&line[1..]).output();
    let result =
        result.map_err(|error| LinkError::Linker(format!("{}: {error}", line[0].display())))?;
    if result.status.success() {
        return Ok(());
    }
    Err(LinkError::Linker(
        String::from_utf8_lossy(&result.stderr).into_owned(),
    ))
}
