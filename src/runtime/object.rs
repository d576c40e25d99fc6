//! Reference-counted objects: `[0]` class metadata, `[8]` counts.
//!
//! The counts are one 64-bit word: the low half counts strong references, the high half weak and unowned ones, plus one that
//! the strong side holds together. Two bits of the strong half are marks: [`IMMORTAL`] objects (static data) are never counted,
//! and [`DEINITING`] is set before the destroying function runs, so that references taken and dropped inside a `deinit` neither revive the object nor destroy it twice.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use super::libc;
use super::metadata::{KIND_BOX, Metadata};
use super::trap;

const WEAK_ONE: u64 = 1 << 32;
const IMMORTAL: u64 = 1 << 31;
const DEINITING: u64 = 1 << 30;
const STRONG_MASK: u64 = 0xffff_ffff;
/// One strong reference and no weak ones.
const FRESH: u64 = WEAK_ONE | 1;

#[repr(C)]
pub struct Object {
    pub metadata: *const Metadata,
    pub counts: AtomicU64,
}

/// A heap cell that holds one value of any type.
#[repr(C)]
pub struct BoxObject {
    pub header: Object,
    pub value_type: *const Metadata,
    pub witness_table: *const c_void,
}

impl BoxObject {
    /// Where the value of a box is.
    pub fn value(this: *mut BoxObject) -> *mut u8 {
        this.cast::<u8>().wrapping_add(32)
    }
}

const BOX_NAME: &str = "Builtin.Box";

/// The record of all boxes; what a box holds is in the box.
#[unsafe(no_mangle)]
pub static codira_box_metadata: Metadata = Metadata {
    kind: KIND_BOX,
    size: 8,
    align: 8,
    stride: 8,
    qualified_name: super::metadata::Text {
        start: BOX_NAME.as_ptr(),
        length: BOX_NAME.len() as u64,
    },
    name: super::metadata::Text {
        start: BOX_NAME.as_ptr(),
        length: BOX_NAME.len() as u64,
    },
    destroy_object: Some(destroy_box),
    ..Metadata::EMPTY
};

unsafe extern "C" fn destroy_box(object: *mut c_void) {
    let object = object.cast::<BoxObject>();
    super::values::codira_destroy_value((*object).value_type, BoxObject::value(object));
}

/// Pointers below this are not objects: nil and other extra inhabitants.
fn is_object(object: *const Object) -> bool {
    object as usize >= 4096
}

/// Allocates memory or traps; every request is at least 16-aligned, as malloc promises.
pub unsafe fn allocate(size: usize, align: usize) -> *mut c_void {
    let address = if align <= 16 {
        libc::malloc(size)
    } else {
        let mut out = core::ptr::null_mut();
        if libc::posix_memalign(&mut out, align, size) == 0 {
            out
        } else {
            core::ptr::null_mut()
        }
    };
    if address.is_null() && size != 0 {
        trap::fatal("Out of memory");
    }
    address
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_alloc_object(
    metadata: *const Metadata,
    size: u64,
    align: u64,
) -> *mut Object {
    let object = allocate(size as usize, align as usize).cast::<Object>();
    object.write(Object {
        metadata,
        counts: AtomicU64::new(FRESH),
    });
    object
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_box_alloc(
    value_type: *const Metadata,
    witness_table: *const c_void,
) -> *mut Object {
    let size = 32 + (*value_type).size.max(1);
    let align = (*value_type).align.max(16);
    let object = codira_alloc_object(&codira_box_metadata, size, align.into());
    let cell = object.cast::<BoxObject>();
    (*cell).value_type = value_type;
    (*cell).witness_table = witness_table;
    object
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_retain(object: *mut Object) -> *mut Object {
    codira_retain_n(object, 1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_retain_n(object: *mut Object, count: u32) -> *mut Object {
    if is_object(object) && (*object).counts.load(Ordering::Relaxed) & IMMORTAL == 0 {
        (*object).counts.fetch_add(count.into(), Ordering::Relaxed);
    }
    object
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_release(object: *mut Object) {
    codira_release_n(object, 1);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_release_n(object: *mut Object, count: u32) {
    if !is_object(object) {
        return;
    }
    let counts = &(*object).counts;
    let seen = counts.load(Ordering::Acquire);
    if seen == FRESH {
        // Nobody else has a reference of any sort, so nobody else can look at the counts.
        counts.store(WEAK_ONE | DEINITING, Ordering::Relaxed);
        destroy(object);
    } else if seen & IMMORTAL == 0 {
        let old = counts.fetch_sub(count.into(), Ordering::Release);
        if old & STRONG_MASK == u64::from(count) {
            fence(Ordering::Acquire);
            counts.fetch_or(DEINITING, Ordering::Relaxed);
            destroy(object);
        }
    }
}

/// After the strong count has become zero.
pub unsafe extern "C" fn last_reference_gone(object: *mut Object) {
    let counts = &(*object).counts;
    if counts.load(Ordering::Acquire) == WEAK_ONE {
        // Nobody else has a reference of any sort, so nobody else can look at the counts.
        counts.store(WEAK_ONE | DEINITING, Ordering::Relaxed);
    } else {
        counts.fetch_or(DEINITING, Ordering::Relaxed);
    }
    destroy(object);
}

/// Below this address of the main stack, objects are not destroyed recursively.
pub static STACK_DEEP: AtomicUsize = AtomicUsize::new(0);
/// The lowest address of the main stack.
pub static STACK_END: AtomicUsize = AtomicUsize::new(0);

/// Objects whose destruction waits until the stack has room. Only the thread on the main stack uses it.
struct Deferred {
    objects: alloc::vec::Vec<*mut Object>,
    draining: bool,
}

static mut DEFERRED: Deferred = Deferred {
    objects: alloc::vec::Vec::new(),
    draining: false,
};

/// Whether so much of the main stack is in use that a long chain of objects is being destroyed recursively.
fn stack_is_deep() -> bool {
    let here = 0_u8;
    let address = &raw const here as usize;
    address < STACK_DEEP.load(Ordering::Relaxed) && address > STACK_END.load(Ordering::Relaxed)
}

/// Destroys what an object holds and drops the strong side's part of the weak count. A list of a million nodes destroys itself recursively, node by node;
/// past a depth the rest of the chain is put on a list that the caller at that depth works off, so that the stack stays bounded.
unsafe fn destroy(object: *mut Object) {
    if stack_is_deep() {
        let deferred = &mut *(&raw mut DEFERRED);
        deferred.objects.push(object);
        if deferred.draining || deferred.objects.len() > 1 {
            return;
        }
        // This is the first object past the limit: it becomes the loop's frame, and everything that it causes is deferred to the loop.
        deferred.draining = true;
        while let Some(next) = (*(&raw mut DEFERRED)).objects.pop() {
            destroy_now(next);
        }
        (*(&raw mut DEFERRED)).draining = false;
    } else {
        destroy_now(object);
    }
}

unsafe fn destroy_now(object: *mut Object) {
    if let Some(destroy_object) = (*(*object).metadata).destroy_object {
        destroy_object(object.cast());
    }
    weak_release(object);
}

unsafe fn weak_release(object: *mut Object) {
    let counts = &(*object).counts;
    let seen = counts.load(Ordering::Acquire);
    if seen & IMMORTAL != 0 {
        return;
    }
    // The last reference of any sort has nobody to race with.
    if seen >> 32 == 1 || counts.fetch_sub(WEAK_ONE, Ordering::AcqRel) >> 32 == 1 {
        libc::free(object.cast());
    }
}

unsafe fn weak_retain(object: *mut Object) {
    if (*object).counts.load(Ordering::Relaxed) & IMMORTAL == 0 {
        (*object).counts.fetch_add(WEAK_ONE, Ordering::Relaxed);
    }
}

/// Takes a strong reference unless the object is already being destroyed.
unsafe fn try_retain(object: *mut Object) -> bool {
    let counts = &(*object).counts;
    let mut seen = counts.load(Ordering::Relaxed);
    loop {
        if seen & IMMORTAL != 0 {
            return true;
        }
        if seen & DEINITING != 0 || seen & STRONG_MASK == 0 {
            return false;
        }
        match counts.compare_exchange_weak(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => seen = now,
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_is_unique(object: *const Object) -> u8 {
    u8::from(is_object(object) && (*object).counts.load(Ordering::Acquire) & STRONG_MASK == 1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_object_capacity(object: *mut Object) -> u64 {
    // Static objects were not allocated, and have no room besides what they were made with.
    if !is_object(object) || (*object).counts.load(Ordering::Relaxed) & IMMORTAL != 0 {
        return 0;
    }
    libc::malloc_usable_size(object.cast()) as u64
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_dealloc_partial(object: *mut Object) {
    if is_object(object) {
        (*object).counts.fetch_or(DEINITING, Ordering::Relaxed);
        weak_release(object);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_weak_init(slot: *mut *mut Object, object: *mut Object) {
    if is_object(object) {
        weak_retain(object);
    }
    *slot = object;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_weak_assign(slot: *mut *mut Object, object: *mut Object) {
    let old = *slot;
    codira_weak_init(slot, object);
    codira_weak_destroy(&raw const old);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_weak_destroy(slot: *const *mut Object) {
    if is_object(*slot) {
        weak_release(*slot);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_weak_copy(
    destination: *mut *mut Object,
    source: *const *mut Object,
) {
    codira_weak_init(destination, *source);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_weak_load_strong(slot: *const *mut Object) -> *mut Object {
    let object = *slot;
    if is_object(object) && try_retain(object) {
        object
    } else {
        core::ptr::null_mut()
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_unowned_retain(object: *mut Object) -> *mut Object {
    if is_object(object) {
        weak_retain(object);
    }
    object
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_unowned_release(object: *mut Object) {
    if is_object(object) {
        weak_release(object);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_unowned_load_strong(object: *mut Object) -> *mut Object {
    if is_object(object) && !try_retain(object) {
        trap::dead_unowned_reference(object as usize);
    }
    object
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_alloc_raw(size: u64, align: u64) -> *mut c_void {
    allocate(size.max(1) as usize, align as usize)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_dealloc_raw(address: *mut c_void) {
    libc::free(address);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_realloc_raw(address: *mut c_void, size: u64) -> *mut c_void {
    let moved = libc::realloc(address, size.max(1) as usize);
    if moved.is_null() {
        trap::fatal("Out of memory");
    }
    moved
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_raw_capacity(address: *mut c_void) -> u64 {
    libc::malloc_usable_size(address) as u64
}

/// Runs `body` unless it ran before; `flag` starts as 0, is 1 while the body runs and 2 afterwards, which callers may test by themselves.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_once(
    flag: *const AtomicU32,
    body: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
) {
    match (*flag).compare_exchange(0, 1, Ordering::Acquire, Ordering::Acquire) {
        Ok(_) => {
            body(argument);
            (*flag).store(2, Ordering::Release);
        }
        Err(_) => {
            // Waiting is rare and short, so it need not be clever.
            while (*flag).load(Ordering::Acquire) != 2 {
                libc::sched_yield();
            }
        }
    }
}

/// A lock for short critical sections of the runtime itself.
pub struct SpinLock(AtomicBool);

impl SpinLock {
    pub const fn new() -> Self {
        SpinLock(AtomicBool::new(false))
    }

    pub fn lock(&self) {
        while self.0.swap(true, Ordering::Acquire) {
            // SAFETY: yielding has no preconditions.
            unsafe { libc::sched_yield() };
        }
    }

    pub fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}
