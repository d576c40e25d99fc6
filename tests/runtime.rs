//! Tests of the runtime. Its modules are compiled into this test directly, because the runtime is not part of the compiler.

#![allow(
    dead_code,
    unused_imports,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    non_upper_case_globals
)]

extern crate alloc;

#[path = "../src/runtime/casts.rs"]
mod casts;
#[path = "../src/runtime/graphemes.rs"]
mod graphemes;
#[path = "../src/runtime/hash.rs"]
mod hash;
#[path = "../src/runtime/libc.rs"]
mod libc;
#[path = "../src/runtime/math.rs"]
mod math;
#[path = "../src/runtime/metadata.rs"]
mod metadata;
#[path = "../src/runtime/numbers.rs"]
mod numbers;
#[path = "../src/runtime/object.rs"]
mod object;
#[path = "../src/runtime/output.rs"]
mod output;
#[path = "../src/runtime/start.rs"]
mod start;
#[path = "../src/runtime/strings.rs"]
mod strings;
#[path = "../src/runtime/system.rs"]
mod system;
#[path = "../src/runtime/trap.rs"]
mod trap;
#[path = "../src/runtime/unicode.rs"]
mod unicode;
#[path = "../src/runtime/values.rs"]
mod values;

mod text {
    use super::{graphemes, hash, numbers, strings, unicode};
    use std::cmp::Ordering;
    use unicode_normalization::UnicodeNormalization;
    use unicode_segmentation::UnicodeSegmentation;

    fn double(value: f64) -> String {
        let mut bytes = [0; 32];
        let length = numbers::double_text(value, &mut bytes);
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn float(value: f32) -> String {
        let mut bytes = [0; 32];
        let length = numbers::float_text(value, &mut bytes);
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn floating_point_text() {
        let cases = [
            (9007199254740991.0, "9007199254740991.0"),
            (9007199254740992.0, "9007199254740992.0"),
            (9007199254740994.0, "9.007199254740994e+15"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (18014398509481988.0, "1.8014398509481988e+16"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.00012345, "0.00012345"),
            (0.000099999, "9.9999e-05"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-0.0, "-0.0"),
            (0.0, "0.0"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (1e22, "1e+22"),
            (123.456, "123.456"),
            (-1e-7, "-1e-07"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ];
        for (value, expected) in cases {
            assert_eq!(double(value), expected);
        }
        let cases = [
            (16777216.0, "16777216.0"),
            (16777218.0, "1.6777218e+07"),
            (1e7, "10000000.0"),
            (1e8, "1e+08"),
            (f32::MAX, "3.4028235e+38"),
            (1e-45, "1e-45"),
            (0.1, "0.1"),
        ];
        for (value, expected) in cases {
            assert_eq!(float(value), expected);
        }
    }

    #[test]
    fn floating_point_parsing() {
        let parse = |text: &str| numbers::parse_double(text.as_bytes()).map(double);
        let cases = [
            ("1e400", "inf"),
            ("-1e400", "-inf"),
            ("1e-400", "0.0"),
            ("NaN", "nan"),
            ("INF", "inf"),
            ("infinity", "inf"),
            ("+5", "5.0"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("0x1.8p3", "12.0"),
            ("0x10", "16.0"),
            ("0X1P-2", "0.25"),
            ("-0x0p0", "-0.0"),
            ("0x1.fffffffffffff8p1023", "inf"),
            ("0x1.fffffffffffff7p1023", "1.7976931348623157e+308"),
            ("0x1p-1074", "5e-324"),
            ("0x1p-1075", "0.0"),
            ("0x1.8p-1075", "5e-324"),
            ("0x.8", "0.5"),
            ("nan(5)", "nan(0x5)"),
            ("snan", "snan"),
            ("-nan", "-nan"),
            ("1E+05", "100000.0"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "", " 5", "5 ", "1_000", "1e", "0x", "+", "0x1p", "--5", "+-5", "x", ".",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(numbers::parse_float(b"0x1.000001p0"), Some(1.0));
        assert_eq!(numbers::parse_float(b"1e39"), Some(f32::INFINITY));
    }

    #[test]
    fn integers_in_radices() {
        let mut out = [0; 129];
        let mut text = |value: i64, radix, upper| unsafe {
            let length = numbers::codira_int_to_text(value, radix, upper, out.as_mut_ptr());
            String::from_utf8(out[..length as usize].to_vec()).unwrap()
        };
        assert_eq!(text(i64::MIN, 10, 0), "-9223372036854775808");
        assert_eq!(text(255, 16, 1), "FF");
        assert_eq!(text(-255, 2, 0), "-11111111");
        assert_eq!(text(0, 36, 0), "0");
        let length = unsafe { numbers::codira_int128_to_text(0, 1 << 63, 10, 0, out.as_mut_ptr()) };
        assert_eq!(&out[..length as usize], i128::MIN.to_string().as_bytes());
    }

    /// Texts made of pieces that the rules are about, in every combination of three, and longer ones at random.
    fn samples() -> Vec<String> {
        let pieces = [
            "a",
            "e",
            "\r",
            "\n",
            "\u{301}",
            "\u{323}",
            "\u{345}",
            "é",
            "ộ",
            "\u{1100}",
            "\u{1161}",
            "\u{11a8}",
            "가",
            "각",
            "🇩",
            "🇪",
            "\u{200d}",
            "👩",
            "🚀",
            "\u{1f3fd}",
            "\u{fe0f}",
            "\u{915}",
            "\u{94d}",
            "\u{93c}",
            "\u{903}",
            "\u{600}",
            "\u{200c}",
            "日",
            "ﬁ",
            "\u{212b}",
            "\u{1e9b}\u{323}",
            "\u{0}",
            "\u{ad}",
            "\u{e0100}",
        ];
        let mut samples = Vec::new();
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    samples.push(format!("{a}{b}{c}"));
                }
            }
        }
        let mut state = 1_u64;
        let mut next = |limit: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % limit
        };
        for _ in 0..20_000 {
            let length = next(12);
            samples.push((0..length).map(|_| pieces[next(pieces.len())]).collect());
        }
        for _ in 0..20_000 {
            let scalar = |limit: usize| char::from_u32(limit as u32).unwrap_or('x');
            samples.push((0..6).map(|_| scalar(next(0x3_2000))).collect());
        }
        samples
    }

    #[test]
    fn characters() {
        for sample in samples() {
            let expected: Vec<&str> = sample.graphemes(true).collect();
            let mut forward = Vec::new();
            let mut rest = sample.as_str();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(graphemes::first_length(rest));
                forward.push(head);
                rest = tail;
            }
            assert_eq!(forward, expected, "{sample:?}");
            let mut backward = Vec::new();
            let mut rest = sample.as_str();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len() - graphemes::last_length(rest));
                backward.insert(0, tail);
                rest = head;
            }
            assert_eq!(backward, expected, "{sample:?} backwards");
            assert_eq!(graphemes::count(&sample), expected.len(), "{sample:?}");
        }
    }

    #[test]
    fn normal_forms() {
        let samples = samples();
        for (index, sample) in samples.iter().enumerate() {
            let composed: String = sample.nfc().collect();
            let decomposed: String = sample.nfd().collect();
            assert_eq!(
                strings::normalized(sample, unicode::Form::Composed),
                composed.as_bytes(),
                "{sample:?}"
            );
            assert_eq!(
                strings::normalized(sample, unicode::Form::Decomposed),
                decomposed.as_bytes(),
                "{sample:?}"
            );
            assert_eq!(
                strings::compare(sample, &composed),
                Ordering::Equal,
                "{sample:?}"
            );
            assert_eq!(
                strings::compare(&decomposed, sample),
                Ordering::Equal,
                "{sample:?}"
            );
            let hash = |text: &str| {
                let mut state = hash::State::new(1, 2);
                state.add_text(text);
                state.finish()
            };
            assert_eq!(hash(sample), hash(&decomposed), "{sample:?}");
            // Neighbours share prefixes, which is what the fast path of comparing is about.
            let other = &samples[(index + 1) % samples.len()];
            let expected = sample.nfc().cmp(other.nfc());
            assert_eq!(
                strings::compare(sample, other),
                expected,
                "{sample:?} {other:?}"
            );
        }
    }

    #[test]
    fn properties() {
        for (scalar, value) in [
            ('7', 7.0),
            ('٣', 3.0),
            ('½', 0.5),
            ('一', 1.0),
            ('Ⅷ', 8.0),
            ('④', 4.0),
            ('𝟗', 9.0),
        ] {
            assert_eq!(unicode::numeric_value(scalar), Some(value), "{scalar}");
        }
        assert_eq!(unicode::numeric_value('x'), None);
        let mut out = [0; 64];
        let upper = unsafe {
            strings::codira_string_upper("straße ŉ".as_ptr(), 10, out.as_mut_ptr(), 64)
        };
        assert_eq!(
            std::str::from_utf8(&out[..upper as usize]).unwrap(),
            "STRASSE ʼN"
        );
        let lower =
            unsafe { strings::codira_string_lower("ΑΣ İ".as_ptr(), 7, out.as_mut_ptr(), 64) };
        assert_eq!(
            std::str::from_utf8(&out[..lower as usize]).unwrap(),
            "ασ i\u{307}"
        );
        let broken = b"a\xff\xe2\x82z";
        let length = unsafe { strings::codira_utf8_repair(broken.as_ptr(), 5, out.as_mut_ptr()) };
        assert_eq!(
            std::str::from_utf8(&out[..length as usize]).unwrap(),
            "a\u{fffd}\u{fffd}z"
        );
    }

    #[test]
    fn hashing() {
        use std::hash::{DefaultHasher, Hasher};
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length)
                .map(|byte| (byte as u8).wrapping_mul(7))
                .collect();
            let mut expected = DefaultHasher::new();
            expected.write(&bytes);
            let mut state = hash::State::new(0, 0);
            state.add_bytes(&bytes);
            assert_eq!(state.finish(), expected.finish());
            // How the bytes are cut into parts makes no difference.
            for cut in 0..length {
                let mut state = hash::State::new(0, 0);
                state.add_bytes(&bytes[..cut]);
                state.add_bytes(&bytes[cut..]);
                assert_eq!(state.finish(), expected.finish());
            }
        }
    }
}

mod memory {
    use super::casts::*;
    use super::metadata::*;
    use super::object::*;
    use super::values::*;
    use std::ffi::c_void;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn name(text: &'static str) -> Text {
        Text {
            start: text.as_ptr(),
            length: text.len() as u64,
        }
    }

    fn table<T>(entries: Vec<T>) -> Table<T> {
        let entries = Box::leak(entries.into_boxed_slice());
        Table {
            start: entries.as_ptr(),
            count: entries.len() as u64,
        }
    }

    fn leak(metadata: Metadata) -> &'static Metadata {
        Box::leak(Box::new(metadata))
    }

    fn trivial(text: &'static str, size: u64) -> &'static Metadata {
        let flags = FLAG_TRIVIAL | if size <= 24 { FLAG_FITS_INLINE } else { 0 };
        leak(Metadata {
            flags,
            size,
            align: 8,
            stride: size.next_multiple_of(8),
            qualified_name: name(text),
            name: name(text),
            ..Metadata::EMPTY
        })
    }

    unsafe extern "C" fn copy_reference(to: Value, from: *const u8) {
        *to.cast::<*mut Object>() = codira_retain(*from.cast::<*mut Object>());
    }

    unsafe extern "C" fn destroy_reference(value: Value) {
        codira_release(*value.cast::<*mut Object>());
    }

    fn reference(kind: u32, flags: u32) -> Metadata {
        Metadata {
            kind,
            flags: flags | FLAG_FITS_INLINE,
            size: 8,
            align: 8,
            stride: 8,
            extra_inhabitants: 4096,
            copy_init: Some(copy_reference),
            destroy: Some(destroy_reference),
            ..Metadata::EMPTY
        }
    }

    fn class(superclass: *const Metadata) -> &'static Metadata {
        leak(Metadata {
            superclass,
            qualified_name: name("main.Class"),
            ..reference(KIND_CLASS, 0)
        })
    }

    unsafe extern "C" fn copy_any(to: Value, from: *const u8) {
        codira_existential_copy(to.cast(), from.cast(), 32);
    }

    unsafe extern "C" fn destroy_any(value: Value) {
        codira_existential_destroy(value.cast());
    }

    fn any() -> &'static Metadata {
        leak(Metadata {
            kind: KIND_EXISTENTIAL,
            size: 32,
            align: 8,
            stride: 32,
            copy_init: Some(copy_any),
            destroy: Some(destroy_any),
            ..Metadata::EMPTY
        })
    }

    /// An optional of a trivial type, or of a class.
    fn optional(wrapped: &'static Metadata) -> &'static Metadata {
        let payload = Field {
            name: name("some"),
            metadata: wrapped,
            offset: 0,
            flags: FIELD_HAS_PAYLOAD,
            padding: 0,
            tag: 0,
        };
        let empty = Field {
            name: name("none"),
            metadata: ptr::null(),
            offset: 0,
            flags: 0,
            padding: 0,
            tag: 0,
        };
        let extra = wrapped.extra_inhabitants;
        leak(Metadata {
            kind: KIND_OPTIONAL,
            flags: wrapped.flags,
            size: wrapped.size + u64::from(extra == 0),
            align: wrapped.align,
            stride: wrapped.stride + 8,
            extra_inhabitants: extra.saturating_sub(1),
            copy_init: wrapped.copy_init,
            destroy: wrapped.destroy,
            fields: table(vec![empty, payload]),
            arguments: table(vec![ptr::from_ref(wrapped)]),
            ..Metadata::EMPTY
        })
    }

    unsafe fn cast<T, const N: usize>(
        value: &T,
        from: &Metadata,
        to: &Metadata,
    ) -> Option<[u64; N]> {
        let mut out = [0_u64; N];
        let done = codira_dynamic_cast(
            out.as_mut_ptr().cast(),
            ptr::from_ref(value).cast_mut().cast(),
            from,
            to,
            0,
        );
        (done != 0).then_some(out)
    }

    #[test]
    fn casts_through_any_and_optionals() {
        unsafe {
            let (int, string) = (trivial("Codira.Int", 8), trivial("Codira.String", 16));
            let (any, maybe_int, maybe_string) = (any(), optional(int), optional(string));
            let twice = optional(maybe_int);
            let boxed: [u64; 4] = cast(&7_u64, int, any).unwrap();
            assert_eq!(cast::<_, 1>(&boxed, any, int), Some([7]));
            assert_eq!(cast::<_, 2>(&boxed, any, string), None);
            assert_eq!(cast::<_, 2>(&boxed, any, maybe_int), Some([7, 0]));
            assert_eq!(cast::<_, 3>(&boxed, any, twice), Some([7, 0, 0]));
            assert_eq!(cast::<_, 3>(&boxed, any, maybe_string), None);
            let nil = [0_u64, 1];
            let boxed_nil: [u64; 4] = cast(&nil, maybe_int, any).unwrap();
            assert_eq!(cast::<_, 1>(&boxed_nil, any, int), None);
            // A nil is a nil of every optional type; a deeper one wraps it.
            assert_eq!(cast::<_, 3>(&boxed_nil, any, maybe_string), Some([0, 0, 1]));
            assert_eq!(cast::<_, 2>(&nil, maybe_int, twice), Some([0, 1]));
        }
    }

    #[test]
    fn casts_of_classes_and_counts() {
        unsafe {
            let base = class(ptr::null());
            let derived = class(base);
            let other = class(ptr::null());
            let protocol: &'static Protocol = Box::leak(Box::new(Protocol {
                name: name("main.P"),
                flags: 0,
            }));
            let conforming = leak(Metadata {
                conformances: table(vec![Conformance {
                    protocol,
                    witness_table: 4096 as *const c_void,
                }]),
                ..reference(KIND_CLASS, 0)
            });
            let sub = class(conforming);
            let object = codira_alloc_object(derived, 16, 8);
            let counts = || (*object).counts.load(Ordering::Relaxed) & 0xffff_ffff;
            assert_eq!(cast::<_, 1>(&object, base, derived), Some([object as u64]));
            assert_eq!(counts(), 2);
            assert_eq!(cast::<_, 1>(&object, base, other), None);
            assert_eq!(
                cast::<_, 1>(&object, base, optional(derived)),
                Some([object as u64])
            );
            let boxed: [u64; 4] = cast(&object, base, any()).unwrap();
            assert_eq!((boxed[3], counts()), (ptr::from_ref(derived) as u64, 4));
            let existential = leak(Metadata {
                protocols: table(vec![ptr::from_ref(protocol)]),
                size: 40,
                ..reference(KIND_EXISTENTIAL, 0)
            });
            assert_eq!(cast::<_, 5>(&object, base, existential), None);
            let object = codira_alloc_object(sub, 16, 8);
            let found: [u64; 5] = cast(&object, sub, existential).unwrap();
            assert_eq!((found[0], found[4]), (object as u64, 4096));
            let none: u64 = 0;
            assert_eq!(
                cast::<_, 1>(&none, optional(base), optional(derived)),
                Some([0])
            );
        }
    }

    #[test]
    fn failed_tuple_cast_destroys_what_it_made() {
        unsafe {
            let base = class(ptr::null());
            let (int, any) = (trivial("Codira.Int", 8), any());
            let tuple = |first: &'static Metadata, second: &'static Metadata| {
                leak(Metadata {
                    kind: KIND_TUPLE,
                    size: first.size + second.size,
                    align: 8,
                    arguments: table(vec![ptr::from_ref(first), ptr::from_ref(second)]),
                    ..Metadata::EMPTY
                })
            };
            let object = codira_alloc_object(base, 16, 8);
            let value = [object as u64, 5];
            assert_eq!(
                cast::<_, 8>(&value, tuple(base, int), tuple(any, base)),
                None
            );
            assert_eq!(codira_is_unique(object), 1);
            let both: [u64; 8] = cast(&value, tuple(base, int), tuple(any, any)).unwrap();
            assert_eq!((both[0], both[4]), (object as u64, 5));
        }
    }

    /// An array type, and a storage class whose objects destroy their elements.
    fn array(text: &'static str, element: &'static Metadata) -> &'static Metadata {
        unsafe extern "C" fn destroy_storage(object: *mut c_void) {
            let words = object.cast::<u64>();
            let element = *(**words.cast::<*const Metadata>()).arguments.start;
            codira_destroy_array(element, words.add(4).cast(), *words.add(2));
        }
        let storage = leak(Metadata {
            destroy_object: Some(destroy_storage),
            arguments: table(vec![ptr::from_ref(element)]),
            ..reference(KIND_CLASS, 0)
        });
        let field = Field {
            name: name("_storage"),
            metadata: storage,
            offset: 0,
            flags: 0,
            padding: 0,
            tag: 0,
        };
        leak(Metadata {
            qualified_name: name(text),
            fields: table(vec![field]),
            arguments: table(vec![ptr::from_ref(element)]),
            ..reference(KIND_STRUCT, 0)
        })
    }

    #[test]
    fn arrays_are_cast_element_by_element() {
        unsafe {
            let (int, string) = (trivial("Codira.Int", 8), trivial("Codira.String", 16));
            let ints = array("Codira.Array<Codira.Int>", int);
            let strings = array("Codira.Array<Codira.String>", string);
            let anything = array("Codira.Array<Any>", any());
            let maybe = array("Codira.Array<Codira.Optional<Codira.Int>>", optional(int));
            let storage =
                codira_alloc_object((*ints.fields.start).metadata, 32 + 24, 16).cast::<u64>();
            for (at, word) in [3, 3, 10, 20, 30].into_iter().enumerate() {
                *storage.add(2 + at) = word;
            }
            let [boxed] = cast::<_, 1>(&storage, ints, anything).unwrap();
            let words = boxed as *const u64;
            let elements = [*words.add(2), *words.add(4), *words.add(8), *words.add(12)];
            assert_eq!(elements, [3, 10, 20, 30]);
            let [back] = cast::<_, 1>(&boxed, anything, maybe).unwrap();
            assert_eq!(*(back as *const u64).add(2), 3);
            assert_eq!(cast::<_, 1>(&boxed, anything, strings), None);
            assert!(cast::<_, 1>(&boxed, anything, ints).is_some());
            assert!(cast::<_, 1>(&boxed, anything, optional(ints)).is_some());
        }
    }

    #[test]
    fn weak_and_unowned_references() {
        unsafe {
            let object = codira_alloc_object(class(ptr::null()), 16, 8);
            let mut slot = ptr::null_mut();
            codira_weak_init(&mut slot, object);
            assert_eq!(codira_weak_load_strong(&slot), object);
            assert_eq!(codira_is_unique(object), 0);
            codira_release(object);
            assert_eq!(codira_is_unique(object), 1);
            codira_release(object);
            assert!(codira_weak_load_strong(&slot).is_null());
            codira_weak_destroy(&slot);
        }
    }

    static DESTROYED: AtomicUsize = AtomicUsize::new(0);

    #[repr(C)]
    struct Node {
        header: Object,
        next: *mut Object,
    }

    unsafe extern "C" fn destroy_node(object: *mut c_void) {
        DESTROYED.fetch_add(1, Ordering::Relaxed);
        codira_release((*object.cast::<Node>()).next);
    }

    #[test]
    fn long_lists_are_destroyed_in_bounded_stack() {
        const COUNT: usize = 2_000_000;
        // This thread's stack plays the main one: half a megabyte below here counts as deep.
        let here = 0_u8;
        let address = &raw const here as usize;
        STACK_END.store(address - (1 << 20), Ordering::Relaxed);
        STACK_DEEP.store(address - (1 << 19), Ordering::Relaxed);
        unsafe {
            let metadata = leak(Metadata {
                destroy_object: Some(destroy_node),
                ..reference(KIND_CLASS, 0)
            });
            let mut list = ptr::null_mut();
            for _ in 0..COUNT {
                let node = codira_alloc_object(metadata, 24, 8);
                (*node.cast::<Node>()).next = list;
                list = node;
            }
            codira_release(list);
        }
        assert_eq!(DESTROYED.load(Ordering::Relaxed), COUNT);
        STACK_END.store(0, Ordering::Relaxed);
        STACK_DEEP.store(0, Ordering::Relaxed);
    }

    #[test]
    fn large_values_in_existentials_are_copied_on_write() {
        unsafe {
            let large = trivial("main.Large", 64);
            let value = [7_u64; 8];
            let mut first: Existential = std::mem::zeroed();
            codira_any_from(large, value.as_ptr().cast(), &mut first);
            let mut second: Existential = std::mem::zeroed();
            codira_existential_copy(&mut second, &first, 32);
            assert_eq!(
                codira_existential_project(&first),
                codira_existential_project(&second)
            );
            *codira_existential_make_unique(&mut second) = 9;
            assert_eq!(
                (
                    *codira_existential_project(&first),
                    *codira_existential_project(&second)
                ),
                (7, 9)
            );
            let before = codira_existential_project(&second);
            assert_eq!(codira_existential_make_unique(&mut second), before);
            codira_existential_destroy(&mut first);
            let mut out = [0_u64; 8];
            codira_existential_take(out.as_mut_ptr().cast(), &mut second);
            assert_eq!(out[1], 7);
        }
    }
}
