//! From `main` to the program: signal handlers and a large stack.

use core::arch::global_asm;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::object::{STACK_DEEP, STACK_END};
use super::{libc, output, system, trap};

// Slots are pointers to what the program may define. A linker fills them in, because the names are weak references; in the
// image that programs are appended to they are zero, and the image writer fills them in.
global_asm!(
    ".weak codira_program_main",
    ".weak codira_program_hooks",
    ".pushsection .data.codira_slots,\"aw\"",
    ".balign 8",
    ".globl codira_slot_program_main",
    "codira_slot_program_main: .quad codira_program_main",
    ".globl codira_slot_program_hooks",
    "codira_slot_program_hooks: .quad codira_program_hooks",
    ".popsection",
);

unsafe extern "C" {
    static codira_slot_program_main: usize;
}

/// Room for a larger program header table in the image. It must be in the file and be mapped, since the C library reads the table at start-up.
#[cfg(not(test))]
#[unsafe(no_mangle)]
#[used]
pub static codira_program_headers: [u64; 7 * 24] = [1; 7 * 24];

/// The stack is reserved, not allocated: only what is used takes memory.
const STACK_SIZE: usize = 256 << 20;
const GUARD_SIZE: usize = 64 << 10;
/// Enough for the signal handler.
const SIGNAL_STACK_SIZE: usize = 16 << 10;
static mut SIGNAL_STACK: [u8; SIGNAL_STACK_SIZE] = [0; SIGNAL_STACK_SIZE];
static GUARD: AtomicUsize = AtomicUsize::new(0);

#[cfg(not(test))]
#[unsafe(no_mangle)]
unsafe extern "C" fn main(count: i32, arguments: *mut *const u8) -> i32 {
    system::ARGUMENT_COUNT.store(count as u64, Ordering::Relaxed);
    system::ARGUMENTS.store(arguments, Ordering::Relaxed);
    install_handlers();
    let program = core::ptr::read_volatile(&raw const codira_slot_program_main);
    if program == 0 {
        trap::fatal("This image holds no program");
    }
    let program: unsafe extern "C" fn() = core::mem::transmute(program);
    match make_stack() {
        Some(top) => call_on_stack(program, top),
        None => program(),
    }
    system::codira_exit(0)
}

/// Reserves a stack and gives its upper end.
unsafe fn make_stack() -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    let base = libc::mmap(
        core::ptr::null_mut(),
        STACK_SIZE,
        libc::PROT_READ | libc::PROT_WRITE,
        flags,
        -1,
        0,
    );
    if base as isize == -1 {
        return None;
    }
    libc::mprotect(base, GUARD_SIZE, libc::PROT_NONE);
    // A huge page for the first frames would cost more than the whole start-up.
    libc::madvise(base, STACK_SIZE, libc::MADV_NOHUGEPAGE);
    GUARD.store(base as usize, Ordering::Relaxed);
    STACK_END.store(base as usize, Ordering::Relaxed);
    STACK_DEEP.store(base as usize + STACK_SIZE / 2, Ordering::Relaxed);
    Some(base as usize + STACK_SIZE)
}

/// Calls a function on another stack.
#[cfg(target_arch = "x86_64")]
unsafe fn call_on_stack(function: unsafe extern "C" fn(), top: usize) {
    core::arch::asm!(
        "mov r12, rsp",
        "mov rsp, {top}",
        "push rbp",
        "push rbp",
        "call {function}",
        "mov rsp, r12",
        top = in(reg) top,
        function = in(reg) function,
        out("r12") _,
        clobber_abi("C"),
    );
}

#[cfg(target_arch = "aarch64")]
unsafe fn call_on_stack(function: unsafe extern "C" fn(), top: usize) {
    core::arch::asm!(
        "mov x20, sp",
        "mov sp, {top}",
        "blr {function}",
        "mov sp, x20",
        top = in(reg) top,
        function = in(reg) function,
        out("x20") _,
        clobber_abi("C"),
    );
}

unsafe fn install_handlers() {
    let stack = libc::SigStack {
        base: (&raw mut SIGNAL_STACK).cast(),
        flags: 0,
        size: SIGNAL_STACK_SIZE,
    };
    libc::sigaltstack(&stack, core::ptr::null_mut());
    // The handler runs once: returning from it repeats the instruction, which then kills the process with the right signal.
    let action = libc::SigAction {
        handler: on_fault as *const () as usize,
        mask: [0; 16],
        flags: libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND,
        restorer: 0,
    };
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
        libc::sigaction(signal, &action, core::ptr::null_mut());
    }
}

/// The start of the C library's `siginfo_t`: three numbers, padding, and the address of the fault.
#[repr(C)]
struct SignalInfo {
    numbers: [i32; 4],
    address: usize,
}

unsafe extern "C" fn on_fault(signal: i32, info: *const SignalInfo, _context: *mut c_void) {
    output::flush_at_death();
    let guard = GUARD.load(Ordering::Relaxed);
    let address = (*info).address;
    if signal == libc::SIGSEGV && guard != 0 && (guard..guard + GUARD_SIZE).contains(&address) {
        trap::report_stack_overflow();
    }
}

#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: system::Malloc = system::Malloc;

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    trap::fatal("The runtime failed an internal check")
}

/// The precompiled `core` refers to these although nothing unwinds.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    trap::fatal("The runtime failed an internal check")
}
