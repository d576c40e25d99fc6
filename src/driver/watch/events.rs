//! What the operating system says about the folders of the inputs.
//!
//! Folders are watched, not files: most editors write a new file and put it in the old one's place, and a watched file would be the old one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{PollWatcher, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Signal;

/// How often folders are looked at where the system does not tell.
const POLL: Duration = Duration::from_millis(500);

/// Files that something happened to.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// The names of inputs.
    pub names: BTreeSet<OsString>,
    /// The system lost track: every input must be looked at.
    pub everything: bool,
    /// The files are complete, as far as the system can tell: closed, or moved to their places.
    pub settled: bool,
}

impl Touched {
    pub fn join(&mut self, more: Touched) {
        self.names.extend(more.names);
        self.everything |= more.everything;
        self.settled = more.settled;
    }
}

/// Watches until it is dropped.
pub(super) struct Watcher {
    /// What the user should know about how it watches.
    pub warnings: Vec<String>,
    _inner: Box<dyn notify::Watcher>,
}

/// Begins to watch folders for files of these names. Falls back to looking at them twice a second where the system's notifications
/// cannot be had. Errors say why nothing can be watched.
pub(super) fn start(
    folders: &BTreeSet<PathBuf>,
    names: BTreeSet<OsString>,
    send: Sender<Signal>,
) -> Result<Watcher, String> {
    let handler = move |names: BTreeSet<OsString>, send: Sender<Signal>| {
        move |event: notify::Result<notify::Event>| {
            let touched = match event {
                Ok(event) => touched(&event, &names),
                // An event that cannot be read may have been about anything.
                Err(_) => Some(Touched {
                    everything: true,
                    ..Touched::default()
                }),
            };
            if let Some(touched) = touched {
                // Nobody listens when the loop has ended.
                let _ = send.send(Signal::Files(touched));
            }
        }
    };
    let native = RecommendedWatcher::new(
        handler(names.clone(), send.clone()),
        notify::Config::default(),
    )
    .and_then(|mut watcher| {
        watch_all(&mut watcher, folders)?;
        Ok(watcher)
    });
    let problem = match native {
        Ok(watcher) => {
            return Ok(Watcher {
                warnings: Vec::new(),
                _inner: Box::new(watcher),
            });
        }
        Err(problem) => problem,
    };
    let missing = folders.iter().find(|folder| !folder.is_dir());
    if let Some(folder) = missing {
        let folder = folder.display();
        return Err(format!("cannot watch '{folder}' (there is no such folder)"));
    }
    let config = notify::Config::default()
        .with_poll_interval(POLL)
        .with_compare_contents(true);
    let polling = PollWatcher::new(handler(names, send), config).and_then(|mut watcher| {
        watch_all(&mut watcher, folders)?;
        Ok(watcher)
    });
    match polling {
        Ok(watcher) => Ok(Watcher {
            warnings: vec![format!(
                "the system cannot notify about changes ({}); looking at the files every {} ms instead",
                reason(&problem),
                POLL.as_millis()
            )],
            _inner: Box::new(watcher),
        }),
        Err(error) => Err(format!("cannot watch the inputs ({})", reason(&error))),
    }
}

fn watch_all(watcher: &mut dyn notify::Watcher, folders: &BTreeSet<PathBuf>) -> notify::Result<()> {
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(())
}

/// The problem in words that say what to do about it.
fn reason(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the limit of watches is reached; raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::Io(cause) if cause.raw_os_error() == Some(libc::EMFILE) => {
            "the limit of watchers is reached; raise fs.inotify.max_user_instances".to_owned()
        }
        notify::ErrorKind::Io(cause) => crate::vfs::describe(cause),
        _ => error.to_string(),
    }
}

/// What an event says about files of these names, if anything.
fn touched(event: &notify::Event, names: &BTreeSet<OsString>) -> Option<Touched> {
    let everything = event.need_rescan();
    let settled = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_)) => true,
        // Reading changes nothing.
        EventKind::Access(_) if !everything => return None,
        _ => false,
    };
    let found: BTreeSet<OsString> = event
        .paths
        .iter()
        .filter_map(|path| path.file_name())
        .filter(|name| names.contains(*name))
        .map(OsString::from)
        .collect();
    (everything || !found.is_empty()).then_some(Touched {
        names: found,
        everything,
        settled,
    })
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;
    use notify::{Event, EventKind};

    use super::*;

    #[test]
    fn after_an_overflow_every_file_is_looked_at() {
        let names = BTreeSet::from([OsString::from("a.code")]);
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(touched(&overflow, &names).is_some_and(|touched| touched.everything));
        // What happens to other files is nobody's business.
        let other = Event::new(EventKind::Any).add_path(PathBuf::from("b.code"));
        assert!(touched(&other, &names).is_none());
        let own = Event::new(EventKind::Any).add_path(PathBuf::from("./a.code"));
        let found = touched(&own, &names).unwrap_or_default();
        assert_eq!(found.names, names);
        assert!(!found.everything);
    }
}
