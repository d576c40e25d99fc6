//! The few functions of the C library that the runtime uses, for Linux.

use core::ffi::c_void;

#[repr(C)]
pub struct TimeSpec {
    pub seconds: i64,
    pub nanoseconds: i64,
}

#[repr(C)]
pub struct SigAction {
    pub handler: usize,
    pub mask: [u64; 16],
    pub flags: i32,
    pub restorer: usize,
}

#[repr(C)]
pub struct SigStack {
    pub base: *mut c_void,
    pub flags: i32,
    pub size: usize,
}

pub const EINTR: i32 = 4;
pub const EAGAIN: i32 = 11;
pub const SIGILL: i32 = 4;
pub const SIGBUS: i32 = 7;
pub const SIGFPE: i32 = 8;
pub const SIGSEGV: i32 = 11;
pub const SA_SIGINFO: i32 = 4;
pub const SA_ONSTACK: i32 = 0x0800_0000;
pub const SA_RESETHAND: i32 = 0x8000_0000_u32 as i32;
pub const PROT_NONE: i32 = 0;
pub const PROT_READ: i32 = 1;
pub const PROT_WRITE: i32 = 2;
pub const MAP_PRIVATE: i32 = 2;
pub const MAP_ANONYMOUS: i32 = 0x20;
pub const MAP_NORESERVE: i32 = 0x4000;
pub const MAP_STACK: i32 = 0x20000;
pub const MADV_NOHUGEPAGE: i32 = 15;
pub const CLOCK_REALTIME: i32 = 0;
pub const CLOCK_MONOTONIC: i32 = 1;
pub const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    /// Not zero as long as the process has had one thread only.
    pub static __libc_single_threaded: u8;
}
/// Other C libraries do not say: there may always be more.
#[cfg(not(target_env = "gnu"))]
pub static __libc_single_threaded: u8 = 0;

unsafe extern "C" {
    pub fn malloc(size: usize) -> *mut c_void;
    pub fn free(address: *mut c_void);
    pub fn realloc(address: *mut c_void, size: usize) -> *mut c_void;
    pub fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> i32;
    pub fn malloc_usable_size(address: *mut c_void) -> usize;
    pub fn write(fd: i32, bytes: *const u8, count: usize) -> isize;
    pub fn read(fd: i32, bytes: *mut u8, count: usize) -> isize;
    pub fn isatty(fd: i32) -> i32;
    pub fn mmap(
        address: *mut c_void,
        size: usize,
        protection: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> *mut c_void;
    pub fn mprotect(address: *mut c_void, size: usize, protection: i32) -> i32;
    pub fn madvise(address: *mut c_void, size: usize, advice: i32) -> i32;
    pub fn sigaction(signal: i32, new: *const SigAction, old: *mut SigAction) -> i32;
    pub fn sigaltstack(new: *const SigStack, old: *mut SigStack) -> i32;
    pub fn exit(status: i32) -> !;
    pub fn abort() -> !;
    pub fn getenv(name: *const u8) -> *const u8;
    pub fn strlen(text: *const u8) -> usize;
    pub fn getrandom(bytes: *mut u8, count: usize, flags: u32) -> isize;
    pub fn clock_gettime(clock: i32, out: *mut TimeSpec) -> i32;
    pub fn nanosleep(time: *const TimeSpec, rest: *mut TimeSpec) -> i32;
    pub fn __errno_location() -> *mut i32;
    pub fn sched_yield() -> i32;
}
