//! The process's surroundings: time, environment, arguments, random numbers, exit.

use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::{libc, output};

pub static ARGUMENT_COUNT: AtomicU64 = AtomicU64::new(0);
pub static ARGUMENTS: AtomicPtr<*const u8> = AtomicPtr::new(core::ptr::null_mut());

fn clock(which: i32) -> i64 {
    let mut time = libc::TimeSpec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: the record is writable; these clocks exist.
    unsafe { libc::clock_gettime(which, &mut time) };
    time.seconds * 1_000_000_000 + time.nanoseconds
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_monotonic_ns() -> u64 {
    clock(libc::CLOCK_MONOTONIC) as u64
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_wall_clock_ns() -> i64 {
    clock(libc::CLOCK_REALTIME)
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_cpu_ns() -> u64 {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID) as u64
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_sleep_ns(nanoseconds: u64) {
    let mut time = libc::TimeSpec {
        seconds: (nanoseconds / 1_000_000_000) as i64,
        nanoseconds: (nanoseconds % 1_000_000_000) as i64,
    };
    // SAFETY: both records may be the same one.
    unsafe {
        let time = &raw mut time;
        while libc::nanosleep(time, time) != 0 {}
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_getenv(name: *const u8, length: u64, out: *mut *const u8) -> u64 {
    let mut text = alloc::vec::Vec::with_capacity(length as usize + 1);
    if length != 0 {
        text.extend_from_slice(core::slice::from_raw_parts(name, length as usize));
    }
    text.push(0);
    let value = libc::getenv(text.as_ptr());
    if value.is_null() {
        return u64::MAX;
    }
    *out = value;
    libc::strlen(value) as u64
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_argument_count() -> u64 {
    ARGUMENT_COUNT.load(Ordering::Relaxed)
}

/// The index must be below the count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_argument(index: u64, out: *mut *const u8) -> u64 {
    let argument = *ARGUMENTS.load(Ordering::Relaxed).add(index as usize);
    *out = argument;
    libc::strlen(argument) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_random_bytes(bytes: *mut u8, length: u64) {
    let mut done = 0;
    while done < length as usize {
        let count = libc::getrandom(bytes.add(done), length as usize - done, 0);
        if count > 0 {
            done += count as usize;
        }
    }
}

/// Random numbers come from the system in portions, since a system call for each would be slow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_random_u64() -> u64 {
    struct Pool {
        words: [u64; 64],
        left: usize,
    }
    static mut POOL: Pool = Pool {
        words: [0; 64],
        left: 0,
    };
    static LOCK: super::object::SpinLock = super::object::SpinLock::new();
    LOCK.lock();
    let pool = &mut *(&raw mut POOL);
    if pool.left == 0 {
        codira_random_bytes(
            pool.words.as_mut_ptr().cast(),
            size_of_val(&pool.words) as u64,
        );
        pool.left = pool.words.len();
    }
    pool.left -= 1;
    let word = pool.words[pool.left];
    LOCK.unlock();
    word
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_exit(status: i32) -> ! {
    output::codira_print_flush();
    libc::exit(status)
}

/// The allocator behind `alloc`'s vectors.
pub struct Malloc;

// SAFETY: `allocate` gives memory of the size and alignment asked for, and `free` takes it back.
unsafe impl core::alloc::GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: core::alloc::Layout) -> *mut u8 {
        super::object::allocate(layout.size(), layout.align()).cast()
    }

    unsafe fn dealloc(&self, address: *mut u8, _layout: core::alloc::Layout) {
        libc::free(address.cast::<c_void>());
    }

    unsafe fn realloc(
        &self,
        address: *mut u8,
        layout: core::alloc::Layout,
        size: usize,
    ) -> *mut u8 {
        if layout.align() <= 16 {
            return super::object::codira_realloc_raw(address.cast(), size as u64).cast();
        }
        let moved = super::object::allocate(size, layout.align()).cast::<u8>();
        core::ptr::copy_nonoverlapping(address, moved, layout.size().min(size));
        libc::free(address.cast::<c_void>());
        moved
    }
}
