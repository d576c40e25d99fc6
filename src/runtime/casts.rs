//! Dynamic casts: `as?`, `as!` and `is` where the compiler cannot decide them.

use core::ffi::c_void;
use core::ptr;

use super::metadata::*;
use super::object::{
    BoxObject, Object, codira_alloc_object, codira_box_alloc, codira_release, codira_retain,
};
use super::trap;
use super::values::{
    Existential, codira_any_from, codira_copy_value, codira_destroy_value,
    codira_existential_project, codira_take_value, open, with_scratch,
};

type CastFunction = unsafe extern "C" fn(Value, *const u8, *const Metadata, *const Metadata) -> u8;

/// A cast between two instances of one generic type that the library performs, for example element by element.
#[repr(C)]
pub struct CollectionCast {
    /// The type's qualified name without arguments, such as `Codira.Dictionary`.
    pub name: Text,
    /// `(dst, src, source type, target type) -> bool`: copies on success.
    pub cast: CastFunction,
}

/// What the library adds to casts. The program may define one as `codira_program_hooks`.
#[repr(C)]
pub struct Hooks {
    /// Metadata of `AnyHashable`, or null.
    pub any_hashable: *const Metadata,
    /// `(dst, src, source type, target type) -> bool`: makes an `AnyHashable` of a value, if its type is Hashable.
    pub to_any_hashable: Option<CastFunction>,
    pub collections: Table<CollectionCast>,
}

/// The witness table of a conformance of the type or of a class that it inherits from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_conforms(
    metadata: *const Metadata,
    protocol: *const Protocol,
) -> *const c_void {
    let mut current = metadata;
    while !current.is_null() {
        for conformance in (*current).conformances.entries() {
            if ptr::eq(conformance.protocol, protocol) {
                return conformance.witness_table;
            }
        }
        current = (*current).superclass;
    }
    ptr::null()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_is_subclass(
    metadata: *const Metadata,
    ancestor: *const Metadata,
) -> u8 {
    let mut current = metadata;
    while !current.is_null() {
        if ptr::eq(current, ancestor) {
            return 1;
        }
        current = (*current).superclass;
    }
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_class_cast(
    object: *mut Object,
    class: *const Metadata,
) -> *mut Object {
    if object as usize >= 4096 && codira_is_subclass((*object).metadata, class) != 0 {
        object
    } else {
        ptr::null_mut()
    }
}

/// Whether a type satisfies an existential's constraints, whose witness tables go to `store` one by one.
unsafe fn satisfies(
    metadata: &Metadata,
    existential: &Metadata,
    mut store: impl FnMut(usize, *const c_void),
) -> bool {
    if existential.is_class_bound() && metadata.kind != KIND_CLASS {
        return false;
    }
    // A class constraint (`any Base & P`) is recorded like a superclass.
    if !existential.superclass.is_null()
        && codira_is_subclass(metadata, existential.superclass) == 0
    {
        return false;
    }
    for (index, &protocol) in existential.protocols.entries().iter().enumerate() {
        let table = codira_conforms(metadata, protocol);
        if table.is_null() {
            return false;
        }
        store(index, table);
    }
    true
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_metatype_cast(
    ty: *const Metadata,
    target: *const Metadata,
) -> *const Metadata {
    let matches = if (*target).kind == KIND_EXISTENTIAL {
        ptr::eq(ty, target) || satisfies(&*ty, &*target, |_, _| ())
    } else {
        codira_is_subclass(ty, target) != 0
    };
    if matches { ty } else { ptr::null() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_dynamic_cast(
    destination: Value,
    source: Value,
    source_type: *const Metadata,
    target: *const Metadata,
    take: u8,
) -> u8 {
    let success = cast(destination, source, &*source_type, &*target);
    if success && take != 0 {
        codira_destroy_value(source_type, source);
    }
    u8::from(success)
}

/// Copies `source` to `destination` as the target type, or does nothing and gives false.
unsafe fn cast(destination: Value, source: *const u8, from: &Metadata, to: &Metadata) -> bool {
    if ptr::eq(from, to) {
        codira_copy_value(from, destination, source);
        return true;
    }
    // What an existential holds decides, before any optional of the target is considered: a nil in an `Any` is a nil of every optional type.
    if from.kind == KIND_EXISTENTIAL {
        let (inner_type, inner) = open(from, source);
        if !ptr::eq(inner_type, from) {
            return cast(destination, inner, &*inner_type, to);
        }
    }
    if to.kind == KIND_OPTIONAL {
        return cast_to_optional(destination, source, from, to);
    }
    if let Some(done) = cast_any_hashable(destination, source, from, to) {
        return done;
    }
    let direct = match to.kind {
        KIND_EXISTENTIAL => cast_to_existential(destination, source, from, to),
        KIND_CLASS => cast_to_class(destination, source, from, to),
        KIND_METATYPE => cast_to_metatype(destination, source, from, to),
        KIND_TUPLE => cast_to_tuple(destination, source, from, to),
        KIND_STRUCT => cast_collection(destination, source, from, to),
        _ => false,
    };
    if direct {
        return true;
    }
    from.kind == KIND_OPTIONAL
        && !is_none(from, source)
        && cast(destination, source, from.first_argument(), to)
}

/// The number of optionals around a type.
unsafe fn optional_depth(mut metadata: &Metadata) -> usize {
    let mut depth = 0;
    while metadata.kind == KIND_OPTIONAL {
        depth += 1;
        metadata = metadata.first_argument();
    }
    depth
}

unsafe fn cast_to_optional(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    if from.kind == KIND_OPTIONAL {
        if !is_none(from, source) {
            // The levels correspond to each other from the inside; a deeper target wraps what the source is.
            if optional_depth(to) > optional_depth(from)
                && cast(destination, source, from, to.first_argument())
            {
                mark_some(to, destination);
                return true;
            }
            return cast(destination, source, from.first_argument(), to);
        }
        let surplus = optional_depth(to).saturating_sub(optional_depth(from));
        store_none_at(destination, to, surplus);
        return true;
    }
    if cast(destination, source, from, to.first_argument()) {
        mark_some(to, destination);
        return true;
    }
    false
}

/// Stores a nil wrapped in `depth` optionals.
unsafe fn store_none_at(destination: Value, optional: &Metadata, depth: usize) {
    if depth == 0 {
        store_none(optional, destination);
    } else {
        store_none_at(destination, optional.first_argument(), depth - 1);
        mark_some(optional, destination);
    }
}

/// Whether an existential is plain `AnyObject`.
fn is_any_object(existential: &Metadata) -> bool {
    existential.is_class_bound()
        && existential.protocols.count == 0
        && existential.superclass.is_null()
}

unsafe fn cast_to_existential(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    // Class references know more about themselves than their static type does.
    let (from, source) = open(from, source);
    let from = &*from;
    let word = destination.cast::<*const c_void>();
    if to.is_error_existential() {
        let mut table = ptr::null();
        if !satisfies(from, to, |_, found| table = found) {
            return false;
        }
        let cell = codira_box_alloc(from, table);
        codira_copy_value(from, BoxObject::value(cell.cast()), source);
        *word = cell.cast();
        return true;
    }
    if is_any_object(to) && from.kind != KIND_CLASS {
        // Values that are no objects travel in a box; what an optional holds does so without it.
        if from.kind == KIND_OPTIONAL && !is_none(from, source) {
            return false;
        }
        let cell = codira_box_alloc(from, ptr::null());
        codira_copy_value(from, BoxObject::value(cell.cast()), source);
        *word = cell.cast();
        return true;
    }
    let first_table = if to.is_class_bound() { 1 } else { 4 };
    // The tables are written before the value: if a later one is missing, they are just bytes.
    if !satisfies(from, to, |index, table| {
        *word.add(first_table + index) = table
    }) {
        return false;
    }
    if to.is_class_bound() {
        *word = codira_retain(*source.cast::<*mut Object>()).cast();
    } else {
        codira_any_from(from, source, destination.cast::<Existential>());
    }
    true
}

unsafe fn cast_to_class(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    if from.kind != KIND_CLASS {
        return false;
    }
    let object = codira_class_cast(*source.cast::<*mut Object>(), to);
    if object.is_null() {
        return false;
    }
    *destination.cast::<*mut Object>() = codira_retain(object);
    true
}

unsafe fn cast_to_metatype(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    if from.kind != KIND_METATYPE {
        return false;
    }
    let instance = to.first_argument();
    let result = codira_metatype_cast(*source.cast::<*const Metadata>(), instance);
    if result.is_null() {
        return false;
    }
    *destination.cast::<*const Metadata>() = result;
    // `any P.Type` has room for the tables of `any P`, and `P.Protocol` has not.
    let tables = destination.cast::<*const c_void>().add(1);
    let count = to.size as usize / size_of::<*const c_void>() - 1;
    for (index, &protocol) in instance.protocols.entries().iter().take(count).enumerate() {
        *tables.add(index) = codira_conforms(result, protocol);
    }
    true
}

/// Where the elements of a tuple start, by the layout rule of structs.
unsafe fn tuple_offsets(tuple: &Metadata) -> impl Iterator<Item = usize> {
    tuple
        .arguments
        .entries()
        .iter()
        .scan(0_usize, |end, &element| {
            let align = (*element).align.max(1) as usize;
            let start = end.next_multiple_of(align);
            *end = start + (*element).size as usize;
            Some(start)
        })
}

unsafe fn cast_to_tuple(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    if from.kind != KIND_TUPLE || from.arguments.count != to.arguments.count {
        return false;
    }
    let (ours, theirs) = (from.labels.bytes(), to.labels.bytes());
    let unlabelled = |labels: &[u8]| labels.iter().all(|&byte| byte == b' ');
    if ours != theirs && !unlabelled(ours) && !unlabelled(theirs) {
        return false;
    }
    let elements = || {
        let types = from.arguments.entries().iter().zip(to.arguments.entries());
        types.zip(tuple_offsets(from).zip(tuple_offsets(to)))
    };
    for (done, ((&from, &to), (at, target))) in elements().enumerate() {
        if !cast(destination.add(target), source.add(at), &*from, &*to) {
            for ((_, &to), (_, target)) in elements().take(done) {
                codira_destroy_value(to, destination.add(target));
            }
            return false;
        }
    }
    true
}

unsafe extern "C" {
    /// The address of the program's `codira_program_hooks`, or null. See start.rs.
    static codira_slot_program_hooks: *const Hooks;
}

unsafe fn hooks() -> Option<&'static Hooks> {
    // The slot is filled in when the image is written, which the optimiser must not foresee.
    ptr::read_volatile(&raw const codira_slot_program_hooks).as_ref()
}

/// Casts that involve `AnyHashable`: `None` when this is not one.
unsafe fn cast_any_hashable(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> Option<bool> {
    let hooks = hooks()?;
    if hooks.any_hashable.is_null() {
        return None;
    }
    if ptr::eq(to, hooks.any_hashable) {
        // An optional is tried as itself first, and then by what it wraps.
        let made = hooks.to_any_hashable?(destination, source, from, to) != 0;
        return made.then_some(true);
    }
    if ptr::eq(from, hooks.any_hashable) {
        // What it conforms to itself is not asked of the value inside.
        if to.kind == KIND_EXISTENTIAL && satisfies(from, to, |_, _| ()) {
            return None;
        }
        // An `AnyHashable` is an existential around a structure of one field, whose type is the generic argument.
        let container = source.cast::<Existential>();
        let inner_type = (*(*container).metadata).first_argument();
        let inner = codira_existential_project(container);
        return cast(destination, inner, inner_type, to).then_some(true);
    }
    None
}

/// The name of a generic type without its arguments.
fn generic_name(name: &[u8]) -> Option<&[u8]> {
    name.iter()
        .position(|&byte| byte == b'<')
        .map(|end| &name[..end])
}

const ARRAY_NAME: &[u8] = b"Codira.Array";

unsafe fn cast_collection(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    if from.kind != KIND_STRUCT {
        return false;
    }
    let (Some(ours), Some(theirs)) = (
        generic_name(from.qualified_name.bytes()),
        generic_name(to.qualified_name.bytes()),
    ) else {
        return false;
    };
    if ours != theirs {
        return false;
    }
    if let Some(hooks) = hooks() {
        for collection in hooks.collections.entries() {
            if collection.name.bytes() == ours {
                return (collection.cast)(destination, source, from, to) != 0;
            }
        }
    }
    ours == ARRAY_NAME && cast_array(destination, source, from, to)
}

/// The library's array storage, an object with the elements behind its header.
#[repr(C)]
struct ArrayStorage {
    header: Object,
    count: u64,
    capacity: u64,
}

impl ArrayStorage {
    fn elements(this: *mut ArrayStorage) -> *mut u8 {
        this.cast::<u8>().wrapping_add(32)
    }
}

/// Casts an array element by element.
unsafe fn cast_array(
    destination: Value,
    source: *const u8,
    from: &Metadata,
    to: &Metadata,
) -> bool {
    let Some(storage_type) = to
        .fields
        .entries()
        .first()
        .map(|field| field.metadata)
        .filter(|storage| !storage.is_null())
    else {
        return false;
    };
    let (element, target) = (from.first_argument(), to.first_argument());
    let old = *source.cast::<*mut ArrayStorage>();
    let count = (*old).count;
    let size = 32 + count * target.stride;
    let new =
        codira_alloc_object(storage_type, size, target.align.max(16).into()).cast::<ArrayStorage>();
    (*new).count = 0;
    (*new).capacity = count;
    for index in 0..count as usize {
        let from = ArrayStorage::elements(old).add(index * element.stride as usize);
        let to = ArrayStorage::elements(new).add(index * target.stride as usize);
        if !cast(to, from, element, target) {
            // Destroys the elements that were made, which the count says.
            codira_release(new.cast());
            return false;
        }
        (*new).count += 1;
    }
    *destination.cast::<*mut ArrayStorage>() = new;
    true
}

/// Whether an optional is nil.
unsafe fn is_none(optional: &Metadata, value: *const u8) -> bool {
    if let Some(tag) = optional.enum_tag {
        // The declaration order of the cases says which one is nil: the one without payload.
        let none = optional
            .fields
            .entries()
            .iter()
            .position(|case| case.flags & FIELD_HAS_PAYLOAD == 0)
            .unwrap_or(0);
        return tag(value) as usize == none;
    }
    let wrapped = optional.first_argument();
    if wrapped.extra_inhabitants == 0 {
        return *value.add(wrapped.size as usize) != 0;
    }
    // The bytes that a nil has are written over a copy: if that changes nothing, the value is nil.
    with_scratch(optional, |copy| {
        codira_take_value(optional, copy, value);
        store_none(optional, copy);
        core::slice::from_raw_parts(copy, optional.size as usize)
            == core::slice::from_raw_parts(value, optional.size as usize)
    })
}

/// Makes an optional whose payload is in place a non-nil one.
unsafe fn mark_some(optional: &Metadata, value: Value) {
    let wrapped = optional.first_argument();
    if wrapped.extra_inhabitants == 0 {
        *value.add(wrapped.size as usize) = 0;
    }
}

unsafe fn store_none(optional: &Metadata, value: Value) {
    let wrapped = optional.first_argument();
    if wrapped.extra_inhabitants == 0 {
        ptr::write_bytes(value, 0, wrapped.size as usize);
        *value.add(wrapped.size as usize) = 1;
    } else {
        store_extra_inhabitant(wrapped, value, 0);
    }
}

/// Writes an extra inhabitant of a type: bytes that no value of it has. Follows the layout rules of enums.
unsafe fn store_extra_inhabitant(metadata: &Metadata, value: Value, index: u32) {
    let word = |offset: usize| *value.add(offset).cast::<u64>() = index.into();
    match metadata.kind {
        KIND_EXISTENTIAL if !metadata.is_class_bound() && !metadata.is_error_existential() => {
            word(24)
        }
        KIND_STRUCT | KIND_TUPLE => {
            let mut best: Option<(&Metadata, usize)> = None;
            let mut consider = |field: *const Metadata, offset: usize| {
                if !field.is_null()
                    && (*field).extra_inhabitants
                        > best.map_or(0, |(field, _)| field.extra_inhabitants)
                {
                    best = Some((&*field, offset));
                }
            };
            if metadata.kind == KIND_STRUCT {
                for field in metadata.fields.entries() {
                    consider(field.metadata, field.offset as usize);
                }
            } else {
                for (&element, offset) in metadata
                    .arguments
                    .entries()
                    .iter()
                    .zip(tuple_offsets(metadata))
                {
                    consider(element, offset);
                }
            }
            match best {
                Some((field, offset)) if !ptr::eq(field, metadata) => {
                    store_extra_inhabitant(field, value.add(offset), index)
                }
                // A struct that hides its fields: what it has room for says what is inside.
                _ => store_scalar_inhabitant(metadata, value, index),
            }
        }
        KIND_ENUM | KIND_OPTIONAL => {
            let cases = metadata.fields.entries();
            let payloads = cases
                .iter()
                .filter(|case| case.flags & FIELD_HAS_PAYLOAD != 0)
                .count();
            let empty = (cases.len() - payloads) as u32;
            let size = metadata.size as usize;
            match payloads {
                0 if size == 2 => *value.cast::<u16>() = (empty + index) as u16,
                0 => *value = (empty + index) as u8,
                1 => {
                    let payload = cases
                        .iter()
                        .find(|case| case.flags & FIELD_HAS_PAYLOAD != 0)
                        .map(|case| case.metadata);
                    let payload = payload.filter(|payload| !payload.is_null());
                    // An indirect payload is a pointer.
                    match payload {
                        Some(payload) if (*payload).extra_inhabitants >= empty + index => {
                            store_extra_inhabitant(&*payload, value, empty + index);
                        }
                        _ => *value.cast::<u64>() = (empty + index).into(),
                    }
                }
                // The tag byte is last.
                _ => *value.add(size - 1) = (256 - metadata.extra_inhabitants + index) as u8,
            }
        }
        KIND_BUILTIN => store_scalar_inhabitant(metadata, value, index),
        KIND_CLASS | KIND_FUNCTION | KIND_METATYPE => word(0),
        // Class-bound existentials and errors begin with a reference.
        _ => word(0),
    }
}

unsafe fn store_scalar_inhabitant(metadata: &Metadata, value: Value, index: u32) {
    if metadata.size == 1 {
        *value = (256 - metadata.extra_inhabitants.min(254) + index) as u8;
    } else {
        *value.cast::<u64>() = index.into();
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_optional_is_none(
    optional: *const Metadata,
    value: *const u8,
) -> u8 {
    u8::from(is_none(&*optional, value))
}

/// The declaration index of the case that an enum value holds; of an optional, 0 for `none` and 1 for `some`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_enum_tag(metadata: *const Metadata, value: *const u8) -> u32 {
    if (*metadata).kind == KIND_OPTIONAL {
        return u32::from(!is_none(&*metadata, value));
    }
    match (*metadata).enum_tag {
        Some(enum_tag) => enum_tag(value),
        None => 0,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_optional_store_none(optional: *const Metadata, value: Value) {
    store_none(&*optional, value);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_optional_mark_some(optional: *const Metadata, value: Value) {
    mark_some(&*optional, value);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_cast_failure(
    dynamic_type: *const Metadata,
    target: *const Metadata,
    _file: *const u8,
    _file_length: u64,
    _line: u32,
) -> ! {
    trap::cast_failure(&*dynamic_type, &*target)
}
