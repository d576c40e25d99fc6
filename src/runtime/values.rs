//! Values of types that are known only by their metadata, and existential containers.

use core::ffi::c_void;
use core::ptr;

use super::metadata::{KIND_CLASS, KIND_EXISTENTIAL, Metadata, Value};
use super::object::{
    BoxObject, Object, codira_box_alloc, codira_box_metadata, codira_dealloc_partial,
    codira_is_unique, codira_release,
};

/// An opaque existential; witness tables follow.
#[repr(C)]
pub struct Existential {
    pub buffer: [*mut c_void; 3],
    pub metadata: *const Metadata,
}

/// Copies a value into uninitialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_copy_value(
    metadata: *const Metadata,
    destination: Value,
    source: *const u8,
) {
    match (*metadata).copy_init {
        Some(copy) if !(*metadata).is_trivial() => copy(destination, source),
        _ => ptr::copy_nonoverlapping(source, destination, (*metadata).size as usize),
    }
}

/// Moves a value into uninitialised memory. Every type can be moved by copying its bytes, weak references too, because nothing points back at them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_take_value(
    metadata: *const Metadata,
    destination: Value,
    source: *const u8,
) {
    ptr::copy_nonoverlapping(source, destination, (*metadata).size as usize);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_destroy_value(metadata: *const Metadata, value: Value) {
    if let Some(destroy) = (*metadata).destroy
        && !(*metadata).is_trivial()
    {
        destroy(value);
    }
}

/// Copies over an initialised value. The old value is destroyed last, when the place holds the new one already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_assign_value(
    metadata: *const Metadata,
    destination: Value,
    source: *const u8,
) {
    if (*metadata).is_trivial() {
        ptr::copy(source, destination, (*metadata).size as usize);
        return;
    }
    with_scratch(metadata, |old| {
        codira_take_value(metadata, old, destination);
        // Copying a place over itself must not read what was just moved out, which the bytes still show.
        codira_copy_value(
            metadata,
            destination,
            if ptr::eq(source, destination) {
                old
            } else {
                source
            },
        );
        codira_destroy_value(metadata, old);
    });
}

/// Calls the body with uninitialised memory for one value.
pub unsafe fn with_scratch<R>(metadata: *const Metadata, body: impl FnOnce(Value) -> R) -> R {
    #[repr(align(16))]
    struct Small(#[allow(dead_code)] [u8; 128]);
    let size = (*metadata).size as usize;
    if size <= 128 && (*metadata).align <= 16 {
        let mut small = core::mem::MaybeUninit::<Small>::uninit();
        body(small.as_mut_ptr().cast())
    } else {
        let memory = super::object::allocate(size, (*metadata).align as usize);
        let result = body(memory.cast());
        super::libc::free(memory);
        result
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_copy_array(
    metadata: *const Metadata,
    destination: Value,
    source: *const u8,
    count: u64,
) {
    let stride = (*metadata).stride as usize;
    if (*metadata).is_trivial() {
        ptr::copy_nonoverlapping(source, destination, stride * count as usize);
        return;
    }
    for index in 0..count as usize {
        codira_copy_value(
            metadata,
            destination.add(index * stride),
            source.add(index * stride),
        );
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_take_array(
    metadata: *const Metadata,
    destination: Value,
    source: *const u8,
    count: u64,
) {
    ptr::copy(
        source,
        destination,
        (*metadata).stride as usize * count as usize,
    );
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_destroy_array(
    metadata: *const Metadata,
    values: Value,
    count: u64,
) {
    if (*metadata).is_trivial() {
        return;
    }
    for index in 0..count as usize {
        codira_destroy_value(metadata, values.add(index * (*metadata).stride as usize));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_alloc(
    container: *mut Existential,
    metadata: *const Metadata,
) -> Value {
    (*container).metadata = metadata;
    if (*metadata).fits_inline() {
        container.cast()
    } else {
        let object = codira_box_alloc(metadata, ptr::null());
        (*container).buffer[0] = object.cast();
        BoxObject::value(object.cast())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_project(container: *const Existential) -> Value {
    if (*(*container).metadata).fits_inline() {
        container.cast_mut().cast()
    } else {
        BoxObject::value((*container).buffer[0].cast())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_copy(
    destination: *mut Existential,
    source: *const Existential,
    size: u64,
) {
    let metadata = (*source).metadata;
    let words = size as usize / 8;
    ptr::copy_nonoverlapping(
        source.cast::<u64>().add(3),
        destination.cast::<u64>().add(3),
        words - 3,
    );
    if (*metadata).fits_inline() {
        codira_copy_value(metadata, destination.cast(), source.cast());
    } else {
        let object = (*source).buffer[0];
        super::object::codira_retain(object.cast());
        (*destination).buffer[0] = object;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_destroy(container: *mut Existential) {
    let metadata = (*container).metadata;
    if (*metadata).fits_inline() {
        codira_destroy_value(metadata, container.cast());
    } else {
        codira_release((*container).buffer[0].cast());
    }
}

/// Frees the container but not the value, which was moved out or never stored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_dealloc(container: *mut Existential) {
    if !(*(*container).metadata).fits_inline() {
        codira_dealloc_partial((*container).buffer[0].cast());
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_take(destination: Value, container: *mut Existential) {
    let metadata = (*container).metadata;
    if (*metadata).fits_inline() {
        codira_take_value(metadata, destination, container.cast());
        return;
    }
    let object: *mut Object = (*container).buffer[0].cast();
    if codira_is_unique(object) != 0 {
        codira_take_value(metadata, destination, BoxObject::value(object.cast()));
        codira_dealloc_partial(object);
    } else {
        codira_copy_value(metadata, destination, BoxObject::value(object.cast()));
        codira_release(object);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_existential_make_unique(container: *mut Existential) -> Value {
    let metadata = (*container).metadata;
    if !(*metadata).fits_inline() {
        let shared: *mut Object = (*container).buffer[0].cast();
        if codira_is_unique(shared) == 0 {
            let own = codira_box_alloc(metadata, ptr::null());
            codira_copy_value(
                metadata,
                BoxObject::value(own.cast()),
                BoxObject::value(shared.cast()),
            );
            (*container).buffer[0] = own.cast();
            codira_release(shared);
        }
    }
    codira_existential_project(container)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_any_from(
    metadata: *const Metadata,
    value: *const u8,
    out: *mut Existential,
) {
    let place = codira_existential_alloc(out, metadata);
    codira_copy_value(metadata, place, value);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_any_take(
    metadata: *const Metadata,
    value: *const u8,
    out: *mut Existential,
) {
    let place = codira_existential_alloc(out, metadata);
    codira_take_value(metadata, place, value);
}

/// Looks through existentials: the innermost type and place of a value whose static type is `metadata`. A class reference stays at its place, with
/// the class of the object as its type.
pub unsafe fn open(
    mut metadata: *const Metadata,
    mut value: *const u8,
) -> (*const Metadata, *const u8) {
    loop {
        let record = &*metadata;
        if record.kind == KIND_CLASS
            || record.kind == KIND_EXISTENTIAL
                && record.is_class_bound()
                && !record.is_error_existential()
        {
            let object = *value.cast::<*const Object>();
            if (object as usize) >= 4096 && core::ptr::eq((*object).metadata, &codira_box_metadata)
            {
                // `AnyObject` made of a value that is no object.
                let cell = object.cast::<BoxObject>().cast_mut();
                return ((*cell).value_type, BoxObject::value(cell));
            }
            // A reference that is not an object is an extra inhabitant of some optional, and has its static type.
            return (
                if (object as usize) < 4096 {
                    metadata
                } else {
                    (*object).metadata
                },
                value,
            );
        }
        if record.kind != KIND_EXISTENTIAL {
            return (metadata, value);
        }
        if record.is_error_existential() {
            let cell = *value.cast::<*mut BoxObject>();
            (metadata, value) = ((*cell).value_type, BoxObject::value(cell));
        } else {
            let container = value.cast::<Existential>();
            (metadata, value) = ((*container).metadata, codira_existential_project(container));
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_dynamic_type(
    metadata: *const Metadata,
    value: *const u8,
) -> *const Metadata {
    open(metadata, value).0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_project_value(
    metadata: *const Metadata,
    value: *const u8,
) -> *const u8 {
    open(metadata, value).1
}
