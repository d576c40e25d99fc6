//! The runtime that every Codira program is linked with. It is not a module of the compiler: `build.rs` compiles it by itself, both to an archive (for programs made of objects by a
//! linker) and to a static image that the compiler embeds and appends programs to.
//!
//! It is `no_std` Rust over libc: that keeps the image small and its start-up to a few system calls.
//!
//! # The interface
//!
//! Every function below is `extern "C"`. `ptr` is an address, `len` a byte count (u64), `obj` an object or null, `md` a type metadata record,
//! `bool` a u8 that is 0 or 1. "copies" and "moves" speak of values in the language's sense. Unless said otherwise the caller keeps ownership of what it passes (+0) and owns what it gets (+1).
//!
//! ## Provided by the program
//! ```text
//! codira_program_main()                       the top-level code; required
//! codira_program_hooks                        a `Hooks` record (see casts.rs); optional
//! ```
//! ## Objects (object.rs)
//! ```text
//! codira_alloc_object(md, u64 size, u64 align) -> obj      counts set to one strong, fields uninitialised
//! codira_retain(obj) -> obj                                null, small (< 4096) and immortal pointers are left alone
//! codira_release(obj)
//! codira_count_up(obj)     codira_count_down(obj)          the same, keeping all registers (counting.rs)
//! codira_retain_n(obj, u32 n)    codira_release_n(obj, u32 n)
//! codira_is_unique(obj) -> bool                            false for null and immortal objects
//! codira_object_capacity(obj) -> u64                       usable bytes from the start of the object
//! codira_dealloc_partial(obj)                              frees an object whose fields are already destroyed or were never made; deinit does not run
//! codira_weak_init(ptr slot, obj)     codira_weak_assign(ptr slot, obj)     codira_weak_destroy(ptr slot)
//! codira_weak_copy(ptr dst, ptr src)  codira_weak_load_strong(ptr slot) -> obj or null
//! codira_unowned_retain(obj) -> obj   codira_unowned_release(obj)
//! codira_unowned_load_strong(obj) -> obj                   traps when the object is gone
//! codira_alloc_raw(u64 size, u64 align) -> ptr    codira_dealloc_raw(ptr)    codira_realloc_raw(ptr, u64 size) -> ptr (align <= 16)
//! codira_raw_capacity(ptr) -> u64
//! codira_box_alloc(md value_type, ptr witness_table_or_0) -> obj     value at +32, uninitialised
//! codira_box_metadata                                      the record in word 0 of every box
//! codira_once(ptr u32_flag, fn(ptr) body, ptr argument)    runs the body once; other threads wait
//! ```
//! A box is freed like any object; `codira_dealloc_partial` frees it without destroying the value.
//!
//! ## Values by metadata, existentials (values.rs)
//! ```text
//! codira_copy_value(md, dst, src)    codira_take_value(md, dst, src)    codira_destroy_value(md, ptr)    codira_assign_value(md, dst, src) (copies)
//! codira_copy_array(md, dst, src, u64 n)   codira_take_array(md, dst, src, u64 n) (may overlap)   codira_destroy_array(md, ptr, u64 n)
//! -- opaque existentials: 24-byte buffer, metadata, witness tables
//! codira_existential_alloc(dst, md) -> ptr           stores md in word 3 and gives the place for the value (the buffer, or inside a new box)
//! codira_existential_project(src) -> ptr             where the value is
//! codira_existential_copy(dst, src, u64 size)        size = the existential's whole size, 32 + 8 * witness tables
//! codira_existential_destroy(ptr)
//! codira_existential_take(ptr dst_value, src)        moves the value out and frees the container
//! codira_existential_dealloc(ptr)                    frees the container of a value that was moved out, or never stored
//! codira_existential_make_unique(ptr) -> ptr         like project, but the value may then be mutated (copy on write)
//! codira_any_from(md, addr, out)    codira_any_take(md, addr, out)      32-byte `Any` from a value
//! codira_dynamic_type(md static_type, ptr value) -> md     looks into existentials, error boxes and class references
//! codira_project_value(md static_type, ptr value) -> ptr   address of the innermost value for the above
//! ```
//! Class-bound existentials are retained and released by their first word; errors are a box.
//! Extra inhabitants: an opaque existential's are those of its metadata word (+24), a class-bound one's those of the object pointer.
//!
//! ## Casts (casts.rs)
//! ```text
//! codira_conforms(md, ptr protocol) -> ptr witness table or 0
//! codira_dynamic_cast(dst, src, md src_type, md dst_type, bool take) -> bool     on failure nothing is changed; with `take` a success consumes the source
//! codira_class_cast(obj, md class) -> obj or null (+0)    the pointer itself when its class is or inherits `class`
//! codira_is_subclass(md, md ancestor) -> bool
//! codira_metatype_cast(md type, md target_instance_type) -> md or 0       the target may be an existential; the witness tables of `any P.Type` are not looked up
//! codira_cast_failure(md dynamic_type, md target, ptr file, len, u32 line) -> never
//! codira_enum_tag(md, ptr) -> u32: the declaration index of the case held; of an optional 0 for none, 1 for some
//! codira_optional_is_none(md optional, ptr) -> bool   codira_optional_store_none(md optional, ptr)   codira_optional_mark_some(md optional, ptr)
//! ```
//! ## Traps (trap.rs)
//! ```text
//! codira_trap_at(ptr TrapSite, u32 line) -> never       TrapSite { message ptr, len, file ptr, len }: "FILE:LINE: Fatal error: MESSAGE"; FILE is "MODULE/NAME.code"
//! codira_trap(message ptr, len) -> never                without a place
//! codira_fatal_error(prefix ptr, len, message ptr, len, file ptr, len, u32 line) -> never     an empty file leaves the place out
//! codira_unreachable() -> never
//! codira_no_instance() -> never                         a dynamic call for a type that no code was generated for
//! codira_endless_type() -> never                        a generic function for a type that is nested too deeply
//! codira_abort() -> never                               SIGABRT
//! ```
//! ## Output, input, process (output.rs, system.rs)
//! ```text
//! codira_print_bytes(ptr, len)    codira_print_flush()    codira_print_error_bytes(ptr, len)    codira_write(i32 fd, ptr, len)
//! codira_lock_output()    codira_unlock_output()          hold the lock over several prints
//! codira_read_line(ptr out_ptr) -> u64 len or u64::MAX at the end    stores a malloc'ed buffer (free with codira_dealloc_raw); the newline is kept
//! codira_exit(i32) -> never                               flushes
//! codira_monotonic_ns() -> u64    codira_wall_clock_ns() -> i64 since 1970    codira_cpu_ns() -> u64    codira_sleep_ns(u64)
//! codira_getenv(name ptr, len, ptr out_ptr) -> u64 len or u64::MAX    the text is not owned
//! codira_argument_count() -> u64    codira_argument(u64 index, ptr out_ptr) -> u64 len
//! codira_random_u64() -> u64      codira_random_bytes(ptr, len)
//! ```
//! ## Numbers (numbers.rs, math.rs)
//! ```text
//! codira_int_to_text(i64, u32 radix, bool upper, ptr out[65]) -> u64 len          codira_uint_to_text(u64, ...)
//! codira_int128_to_text(u64 low, u64 high, u32 radix, bool upper, ptr out[129])   codira_uint128_to_text(...)
//! codira_double_to_text(f64, ptr out[32]) -> u64 len      codira_float_to_text(f32, ptr out[32]) -> u64 len
//! codira_double_from_text(ptr, len, ptr f64 out) -> bool  codira_float_from_text(ptr, len, ptr f32 out) -> bool
//! codira_{s,u}{div,rem}128(u64 a_lo, a_hi, b_lo, b_hi, ptr u128 out)     codira_{s,u}mul128_overflow(... out) -> bool
//! codira_{double,float}_to_{int128,uint128}(f, ptr u128 out) saturating   codira_{int128,uint128}_to_{double,float}(lo, hi) -> f
//! codira_c_NAME: NAME of libm or of <string.h>, callable also as plain NAME: fmod fmodf pow powf exp exp2 expm1 exp10 log log2 log10 log1p sin cos tan asin acos
//!   atan atan2 sinh cosh tanh asinh acosh atanh cbrt hypot remainder rint nearbyint round fma floor ceil trunc erf erfc tgamma lgamma ldexp and their ...f forms;
//!   memcpy memmove memset memcmp strlen
//! ```
//! ## Text (strings.rs, graphemes.rs, unicode.rs); buffers are UTF-8
//! ```text
//! codira_utf8_scan(ptr, len) -> u64                   bit 0 valid, bit 1 all ASCII, bit 2 surely in NFC
//! codira_utf8_repair(ptr, len, ptr out[3*len]) -> u64 len     ill-formed parts become U+FFFD
//! codira_grapheme_next(ptr, len, u64 offset) -> u64           the end of the character that starts at offset
//! codira_grapheme_previous(ptr, len, u64 offset) -> u64       the start of the character that ends at offset
//! codira_grapheme_count(ptr, len) -> u64
//! codira_string_equal(a, len, b, len) -> bool         canonical equivalence
//! codira_string_compare(a, len, b, len) -> i32        -1, 0, 1 by the scalars of the NFC forms
//! codira_string_upper(ptr, len, out, u64 capacity) -> u64     codira_string_lower(...)     the length needed; nothing past the capacity is written
//! codira_string_normalize(u32 form, ptr, len, out, u64 capacity) -> u64       form 0 NFC, 1 NFD
//! codira_scalar_property(u32 scalar, u32 property) -> bool    see unicode.rs for the numbers
//! codira_scalar_category(u32 scalar) -> u32                   in the order of Unicode.GeneralCategory
//! codira_scalar_numeric_value(u32 scalar) -> f64              NaN where there is none
//! codira_scalar_combining_class(u32 scalar) -> u32
//! codira_scalar_map(u32 scalar, u32 which, ptr u32 out[3]) -> u32 count     which 0 lower, 1 upper, 2 title
//! ```
//! ## Hashing (hash.rs); the state is 48 bytes
//! ```text
//! codira_hasher_init(ptr state, u64 seed)      codira_hasher_combine_u64(ptr state, u64)     codira_hasher_combine_small(ptr state, u64 value, u64 bytes 1...7)
//! codira_hasher_combine_bytes(ptr, bytes, len) codira_hasher_combine_string(ptr, text, len) (by NFC)    codira_hasher_finish(ptr state) -> u64 (state is left as it was)
//! codira_hash_u64(u64 value, u64 seed) -> u64  codira_hash_string(ptr, len, u64 seed) -> u64            one-shot forms, equal to the steps above
//! codira_hash_is_deterministic() -> bool       the environment variable CODIRA_DETERMINISTIC_HASHING was set
//! ```

#![no_std]
#![no_main]
// Every entry point takes raw addresses whose validity the code generator guarantees by the contracts above, so that whole functions are unsafe rather
// than single operations.
#![allow(unsafe_op_in_unsafe_fn)]

extern crate alloc;

mod casts;
mod counting;
mod graphemes;
mod hash;
mod libc;
mod math;
mod metadata;
mod numbers;
mod object;
mod output;
mod start;
mod strings;
mod system;
mod trap;
mod unicode;
mod values;
