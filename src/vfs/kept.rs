//! Files that are written again and again, each time with little that differs.
//!
//! Beside the file lies a hidden one with what it held before. A write changes there what differs and exchanges the two, so that the
//! visible file is never half-written, and no more is written than has changed. The hidden file is changed only if its stamp says that nobody else has, and if
//! no process runs from it; otherwise it is written anew as a whole.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::SystemTime;

use super::os::{create_beside, create_temporary, exchange, hidden_prefix, put_in_place, stamp};
use super::{Metadata, OutputKind};

/// Ranges of bytes that are closer to each other are written as one.
const NEAR: usize = 4096;

/// How the names of hidden files end.
const SUFFIX: &str = "kept";

/// A file that is written again and again. The hidden file is removed when this is dropped.
#[derive(Debug)]
pub struct KeptFile {
    target: PathBuf,
    hidden: Hidden,
    /// The visible file, as it was when it was put in its place.
    visible: Metadata,
    /// The hidden file, and where it may differ from the visible one; none if it is of no use.
    behind: Option<(Metadata, Vec<Range<usize>>)>,
}

impl KeptFile {
    /// Writes a file of which nothing is known, and its double.
    pub(super) fn create(target: &Path, bytes: &[u8], kind: OutputKind) -> io::Result<KeptFile> {
        let (first, file) = create_temporary(target, kind)?;
        let written = write_whole(file, bytes).and_then(|written| {
            put_in_place(&first, target)?;
            Ok(written)
        });
        if written.is_err() {
            // The first failure is the one to report; a leftover that cannot be removed adds nothing.
            let _ = fs::remove_file(&first);
        }
        let visible = in_place(target, &written?)?;
        remove_strays(target);
        let (path, file) = create_beside(target, kind, SUFFIX)?;
        let hidden = Hidden::new(path);
        let behind = write_whole(file, bytes).ok();
        Ok(KeptFile {
            target: target.to_path_buf(),
            hidden,
            visible,
            behind: behind.map(|stamp| (stamp, Vec::new())),
        })
    }

    /// Replaces the file by `bytes`, which differ from those of the last write in these ranges at most.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        changed: &[Range<usize>],
        kind: OutputKind,
    ) -> io::Result<()> {
        let changed = joined(changed.to_vec(), bytes.len());
        let stamp_of = |path: &Path| fs::symlink_metadata(path).map(|data| stamp(&data));
        let is_ours = stamp_of(&self.target).is_ok_and(|stamp| stamp == self.visible);
        let behind = self.behind.take();
        let patched = behind.and_then(|(expected, behind)| {
            let is_same =
                stamp_of(&self.hidden.path).ok()? == expected && expected.len == bytes.len() as u64;
            let ranges = joined([behind, changed.clone()].concat(), bytes.len());
            // A file that a process runs from cannot be opened.
            is_same.then(|| patch(&self.hidden.path, bytes, &ranges).ok())?
        });
        let written = match patched {
            Some(written) => written,
            None => {
                let _ = fs::remove_file(&self.hidden.path);
                let (path, file) = create_beside(&self.target, kind, SUFFIX)?;
                self.hidden = Hidden::new(path);
                write_whole(file, bytes)?
            }
        };
        let same_length = self.visible.len == written.len;
        if !exchange(&self.hidden.path, &self.target) {
            fs::rename(&self.hidden.path, &self.target)?;
        } else {
            let was_visible = stamp_of(&self.hidden.path)?;
            if is_ours && same_length && is_same_file(&was_visible, &self.visible) {
                self.behind = Some((was_visible, changed));
            }
        }
        self.visible = in_place(&self.target, &written)?;
        Ok(())
    }

    /// Whether this is about a path.
    pub(super) fn is_for(&self, target: &Path) -> bool {
        self.target == target
    }
}

/// Removes what processes that were killed have left beside a file. A process that misses its hidden file makes another one.
fn remove_strays(target: &Path) {
    let (Some(folder), Some(prefix)) = (target.parent(), hidden_prefix(target)) else {
        return;
    };
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.as_bytes().strip_prefix(prefix.as_bytes());
        let rest = rest.and_then(|rest| std::str::from_utf8(rest).ok());
        let owner = rest.and_then(|rest| {
            let numbers = rest.strip_suffix(SUFFIX)?.strip_suffix('.')?;
            let (process, number) = numbers.split_once('-')?;
            number.parse::<u32>().ok()?;
            process.parse::<u32>().ok()
        });
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // What cannot be removed stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether two stamps are of one file with one content. To give it another name counts as a change of what is known about it.
fn is_same_file(now: &Metadata, then: &Metadata) -> bool {
    (now.inode, now.len, now.modified) == (then.inode, then.len, then.modified)
}

/// The stamp of a file that was put in its place; one that matches nothing if somebody has put another one there since.
fn in_place(target: &Path, written: &Metadata) -> io::Result<Metadata> {
    let found = stamp(&fs::symlink_metadata(target)?);
    Ok(match is_same_file(&found, written) {
        true => found,
        false => of_no_file(found),
    })
}

fn of_no_file(stamp: Metadata) -> Metadata {
    Metadata {
        len: u64::MAX,
        ..stamp
    }
}

/// Writes a new file and closes it; returns what it is recognised by.
fn write_whole(mut file: File, bytes: &[u8]) -> io::Result<Metadata> {
    file.write_all(bytes)?;
    mark(file)
}

/// Writes ranges of a file.
fn patch(path: &Path, bytes: &[u8], ranges: &[Range<usize>]) -> io::Result<Metadata> {
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    for range in ranges {
        let part = bytes.get(range.clone()).unwrap_or_default();
        file.write_all_at(part, range.start as u64)?;
    }
    mark(file)
}

/// Gives a file a time that the system, whose clock has a coarser step, does not give to any write: so that another write shows, however soon it comes.
fn mark(file: File) -> io::Result<Metadata> {
    let time = SystemTime::now();
    file.set_modified(time)?;
    let mark = stamp(&file.metadata()?);
    let wanted = time.duration_since(SystemTime::UNIX_EPOCH);
    let wanted = wanted.map_or(0, |time| time.as_nanos() as i128);
    match mark.modified == wanted {
        true => Ok(mark),
        // A file system that cannot hold the time.
        false => Ok(of_no_file(mark)),
    }
}

/// The ranges in order, within `len`, without those that are close to each other.
fn joined(mut ranges: Vec<Range<usize>>, len: usize) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let range = range.start.min(len)..range.end.min(len);
        match joined.last_mut() {
            Some(last) if range.start <= last.end + NEAR => last.end = last.end.max(range.end),
            _ if range.is_empty() => {}
            _ => joined.push(range),
        }
    }
    joined
}

/// A hidden file, removed with this, or when a signal ends the process.
#[derive(Debug)]
struct Hidden {
    path: PathBuf,
    slot: Option<usize>,
}

/// The paths of hidden files, for the handler of signals. Few processes have more than one.
static HIDDEN: [AtomicPtr<libc::c_char>; 4] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 4];

impl Hidden {
    fn new(path: PathBuf) -> Hidden {
        let Ok(text) = CString::new(path.as_os_str().as_bytes()) else {
            return Hidden { path, slot: None };
        };
        let text = text.into_raw();
        let slot = HIDDEN.iter().position(|slot| {
            let empty = std::ptr::null_mut();
            slot.compare_exchange(empty, text, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        });
        if slot.is_none() {
            // SAFETY: nobody else has seen the pointer, which `into_raw` made.
            drop(unsafe { CString::from_raw(text) });
        }
        Hidden { path, slot }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        if let Some(slot) = self.slot.and_then(|slot| HIDDEN.get(slot)) {
            // The text stays allocated: a signal may be looking at it. That is a path for each time that a file is written anew.
            slot.store(std::ptr::null_mut(), Ordering::Release);
        }
    }
}

/// Lets the signals that usually end a process remove its hidden files first.
pub fn remove_hidden_files_at_signals() {
    extern "C" fn handle(signal: libc::c_int) {
        for slot in &HIDDEN {
            let path = slot.load(Ordering::Acquire);
            if !path.is_null() {
                // SAFETY: the text is never freed once it was there to be found. `unlink` may be called in handlers.
                unsafe { libc::unlink(path) };
            }
        }
        // SAFETY: both calls are allowed in handlers; the second ends the process, as the signal would have without this handler.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
    let handler: extern "C" fn(libc::c_int) = handle;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only does what handlers may do. A signal that is ignored stays so.
        unsafe {
            let before = libc::signal(signal, handler as libc::sighandler_t);
            if before == libc::SIG_IGN {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
    }
}
