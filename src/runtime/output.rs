//! The program's output. It is collected in one buffer, which is written when it is full, at every line's end on a terminal, at exit, and before
//! the process dies from a trap or a signal.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::libc;
use super::object::SpinLock;

const CAPACITY: usize = 64 * 1024;

struct Output {
    bytes: [u8; CAPACITY],
    length: usize,
    /// 0 not known yet, 1 a terminal, 2 something else.
    kind: u8,
}

static mut OUTPUT: Output = Output {
    bytes: [0; CAPACITY],
    length: 0,
    kind: 0,
};
static LOCK: SpinLock = SpinLock::new();
/// The thread that holds the lock by `codira_lock_output`, or 0.
static OWNER: AtomicUsize = AtomicUsize::new(0);

/// A number that is different for every running thread: its thread pointer.
fn this_thread() -> usize {
    let pointer: usize;
    // SAFETY: reads the thread pointer, which on x86-64 is stored at its own address.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem));
    }
    pointer
}

/// Writes everything, as far as the other side takes it. A closed pipe or a full disk loses the rest: there is nobody to tell.
pub fn write_all(fd: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are readable, and the error number is this thread's own.
        let (written, error) = unsafe {
            (
                libc::write(fd, bytes.as_ptr(), bytes.len()),
                *libc::__errno_location(),
            )
        };
        if written > 0 {
            bytes = &bytes[written as usize..];
        } else if written < 0 && error == libc::EAGAIN {
            // Whoever made the other side non-blocking did not mean this program to lose output.
            super::system::codira_sleep_ns(1_000_000);
        } else if written == 0 || error != libc::EINTR {
            return;
        }
    }
}

/// The buffer. The lock must be held, or the process be dying.
unsafe fn output() -> &'static mut Output {
    &mut *(&raw mut OUTPUT)
}

impl Output {
    fn flush(&mut self) {
        // The length is reset first: a signal during the write must not print anything twice.
        let length = core::mem::take(&mut self.length);
        write_all(1, &self.bytes[..length]);
    }

    fn print(&mut self, bytes: &[u8]) {
        if self.kind == 0 {
            // SAFETY: asking about a descriptor has no preconditions.
            self.kind = if unsafe { libc::isatty(1) } == 1 {
                1
            } else {
                2
            };
        }
        if bytes.len() > CAPACITY - self.length {
            self.flush();
            if bytes.len() > CAPACITY {
                write_all(1, bytes);
                return;
            }
        }
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
        if self.kind == 1 && bytes.contains(&b'\n') {
            self.flush();
        }
    }
}

/// Takes the lock unless this thread holds it over several prints.
fn locked<R>(body: impl FnOnce() -> R) -> R {
    if OWNER.load(Ordering::Relaxed) == this_thread() {
        return body();
    }
    LOCK.lock();
    let result = body();
    LOCK.unlock();
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_print_bytes(bytes: *const u8, length: u64) {
    if length != 0 {
        let bytes = core::slice::from_raw_parts(bytes, length as usize);
        locked(|| output().print(bytes));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_print_flush() {
    locked(|| output().flush());
}

/// Writes to the error output, after what was printed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_print_error_bytes(bytes: *const u8, length: u64) {
    codira_write(2, bytes, length);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_write(fd: i32, bytes: *const u8, length: u64) {
    codira_print_flush();
    if length != 0 {
        write_all(fd, core::slice::from_raw_parts(bytes, length as usize));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_lock_output() {
    LOCK.lock();
    OWNER.store(this_thread(), Ordering::Relaxed);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_unlock_output() {
    OWNER.store(0, Ordering::Relaxed);
    LOCK.unlock();
}

/// A library's host ends the process without telling the library, whose text must come out nevertheless.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".fini_array")]
static FLUSH_AT_EXIT: unsafe extern "C" fn() = codira_print_flush;

/// Writes what is collected although the lock may be held by whoever is dying.
pub fn flush_at_death() {
    // SAFETY: no other code of this thread goes on.
    unsafe { output().flush() };
}

struct Input {
    bytes: [u8; 4096],
    start: usize,
    end: usize,
}

static mut INPUT: Input = Input {
    bytes: [0; 4096],
    start: 0,
    end: 0,
};

/// Reads one line with its newline. Prompts printed before are shown first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_read_line(out: *mut *mut c_void) -> u64 {
    codira_print_flush();
    let input = &mut *(&raw mut INPUT);
    let mut line = alloc::vec::Vec::new();
    loop {
        if input.start == input.end {
            let count = libc::read(0, input.bytes.as_mut_ptr(), input.bytes.len());
            if count <= 0 {
                break;
            }
            (input.start, input.end) = (0, count as usize);
        }
        let ready = &input.bytes[input.start..input.end];
        let newline = ready.iter().position(|&byte| byte == b'\n');
        let taken = newline.map_or(ready.len(), |at| at + 1);
        line.extend_from_slice(&ready[..taken]);
        input.start += taken;
        if newline.is_some() {
            break;
        }
    }
    if line.is_empty() {
        return u64::MAX;
    }
    let memory = super::object::allocate(line.len(), 1);
    core::ptr::copy_nonoverlapping(line.as_ptr(), memory.cast(), line.len());
    *out = memory;
    line.len() as u64
}
