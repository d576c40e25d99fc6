//! How programs die: a line on the error output, everything printed before on the output, and then a signal.

use super::libc;
use super::metadata::{Metadata, Text};
use super::numbers::with_radix;
use super::output;

/// What a trap says and the file that it says it about. The line is passed beside it, so that equal sites share one record.
#[repr(C)]
pub struct TrapSite {
    pub message: Text,
    pub file: Text,
}

/// A message that is put together without allocating, since memory may be what ran out.
struct Message {
    bytes: [u8; 1024],
    length: usize,
}

impl Message {
    fn new() -> Self {
        Message {
            bytes: [0; 1024],
            length: 0,
        }
    }

    /// Appends text; text that has no room is written out first.
    fn push(&mut self, text: &[u8]) -> &mut Self {
        if self.length + text.len() > self.bytes.len() {
            self.send();
        }
        if text.len() > self.bytes.len() {
            output::write_all(2, text);
        } else {
            self.bytes[self.length..][..text.len()].copy_from_slice(text);
            self.length += text.len();
        }
        self
    }

    fn push_address(&mut self, address: usize) -> &mut Self {
        let mut digits = [0; 65];
        let length = with_radix(address as u64, 16, false, &mut digits);
        self.push(b"0x").push(&digits[..length])
    }

    fn send(&mut self) {
        output::write_all(2, &self.bytes[..self.length]);
        self.length = 0;
    }
}

/// Dies as a failed check does: by an illegal instruction.
fn die() -> ! {
    // SAFETY: the instruction ends the process.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("ud2", options(noreturn));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("brk #1", options(noreturn));
    }
}

fn report(prefix: &[u8], message: &[u8], file: &[u8], line: u32) {
    output::flush_at_death();
    let mut text = Message::new();
    if !file.is_empty() {
        let mut digits = [0; 65];
        let length = with_radix(line.into(), 10, false, &mut digits);
        text.push(file)
            .push(b":")
            .push(&digits[..length])
            .push(b": ");
    }
    text.push(prefix);
    if !message.is_empty() {
        text.push(b": ").push(message);
    }
    text.push(b"\n").send();
}

/// A failure that has no place in the program.
pub fn fatal(message: &str) -> ! {
    report(b"Fatal error", message.as_bytes(), b"", 0);
    die()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_fatal_error(
    prefix: *const u8,
    prefix_length: u64,
    message: *const u8,
    message_length: u64,
    file: *const u8,
    file_length: u64,
    line: u32,
) -> ! {
    let text = |start, length| Text { start, length }.bytes();
    report(
        text(prefix, prefix_length),
        text(message, message_length),
        text(file, file_length),
        line,
    );
    die()
}

#[unsafe(no_mangle)]
#[cold]
pub unsafe extern "C" fn codira_trap_at(site: *const TrapSite, line: u32) -> ! {
    report(
        b"Fatal error",
        (*site).message.bytes(),
        (*site).file.bytes(),
        line,
    );
    die()
}

#[unsafe(no_mangle)]
#[cold]
pub unsafe extern "C" fn codira_trap(message: *const u8, length: u64) -> ! {
    report(
        b"Fatal error",
        Text {
            start: message,
            length,
        }
        .bytes(),
        b"",
        0,
    );
    die()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_unreachable() -> ! {
    fatal("Code that cannot be reached was reached")
}

/// Where a dynamic call meets a type that no code was generated for: generic types can grow without end only while the program runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_no_instance() -> ! {
    fatal("A generic type is nested too deeply to be opened from an existential")
}

/// A function that is called for types so large that no code was generated for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_endless_type() -> ! {
    fatal("A generic function was called for a type that is nested too deeply")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_abort() -> ! {
    output::flush_at_death();
    libc::abort()
}

/// The text of Swift's runtime, which ends with SIGABRT here rather than with a trap.
pub fn dead_unowned_reference(address: usize) -> ! {
    output::flush_at_death();
    let mut text = Message::new();
    text.push(b"Fatal error: Attempted to read an unowned reference but object ")
        .push_address(address);
    text.push(b" was already deallocated\n").send();
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}

pub unsafe fn cast_failure(from: &Metadata, to: &Metadata) -> ! {
    output::flush_at_death();
    let mut text = Message::new();
    text.push(b"Could not cast value of type '")
        .push(from.qualified_name.bytes());
    text.push(b"' (")
        .push_address(&raw const *from as usize)
        .push(b") to '")
        .push(to.qualified_name.bytes());
    text.push(b"' (")
        .push_address(&raw const *to as usize)
        .push(b").\n")
        .send();
    libc::abort()
}

/// Says what overflowed; the caller goes on to die by the signal.
pub fn report_stack_overflow() {
    output::write_all(2, b"Fatal error: Stack overflow\n");
}
