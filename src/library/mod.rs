//! The standard library, written in Codira and compiled into every compiler.
//!
//! The sources below form the module `Codira`; `Builtin.code` declares the module `Builtin`, whose operations the code generator emits inline and which only
//! `Codira` can name. Generic code is instantiated per use, so what a program does not call costs nothing but the time to parse it.
//!
//! # Reading order
//! * `Operators.code`: precedence groups, operators, comparison of tuples.
//! * `Core.code`: `Bool`, `Optional`, the basic protocols, literals, failures, `Result`.
//! * `Numbers.code`, `IntegerTypes.code`, `Floats.code`: protocols of arithmetic with their defaults; the concrete types.
//! * `Ranges.code`, `Pointers.code`: ranges and strides; unmanaged memory.
//! * `Sequence.code`, `Collection.code`: protocols and algorithms; `Slices.code`, `Erasure.code`, `Lazy.code`, `Difference.code`, `RangeSet.code`: views.
//! * `Array.code`, `ContiguousArray.code`: `Array`, `ArraySlice` and the sort.
//! * `String.code`, `Unicode.code`, `Encodings.code`: text and its views; scalars and characters; code units.
//! * `Hasher.code`, `Dictionary.code`, `Set.code`: hashing and the table under both collections.
//! * `Printing.code`, `Mirror.code`: `print`, descriptions through metadata records; `Mirror` and `dump`.
//! * `Casts.code`: what dynamic casts reach through the program's hooks.
//! * `KeyPath.code`: key paths as objects that hold their accessors.
//! * `AnyHashable.code`: `AnyHashable`, `ManagedBuffer`, `CommandLine`, clocks.
//!
//! # Conventions
//! A struct around one builtin scalar calls it `_value` and is made from it with `init(_builtin:)`. Names that start with an underscore are not API.
//! In-place access goes through `unsafeAddress` and `unsafeMutableAddress`, so that `a[i].x += 1` copies no buffer. A storage class with a tail of elements is
//! created by `Builtin.allocTailElems`, never by its initialiser, and `Builtin.emptyObject` gives a shared instance that must not be written to.

/// The module `Builtin`: declarations without bodies.
pub const BUILTIN_SOURCE: (&str, &str) = ("Builtin.code", include_str!("Builtin.code"));

/// The module `Codira`, in reading order.
pub const CODIRA_SOURCES: &[(&str, &str)] = &[
    ("Operators.code", include_str!("Codira/Operators.code")),
    ("Core.code", include_str!("Codira/Core.code")),
    ("Numbers.code", include_str!("Codira/Numbers.code")),
    (
        "IntegerTypes.code",
        include_str!("Codira/IntegerTypes.code"),
    ),
    ("Floats.code", include_str!("Codira/Floats.code")),
    ("Ranges.code", include_str!("Codira/Ranges.code")),
    ("Pointers.code", include_str!("Codira/Pointers.code")),
    ("Sequence.code", include_str!("Codira/Sequence.code")),
    ("Collection.code", include_str!("Codira/Collection.code")),
    ("Slices.code", include_str!("Codira/Slices.code")),
    ("Erasure.code", include_str!("Codira/Erasure.code")),
    ("Lazy.code", include_str!("Codira/Lazy.code")),
    ("Difference.code", include_str!("Codira/Difference.code")),
    ("RangeSet.code", include_str!("Codira/RangeSet.code")),
    ("Array.code", include_str!("Codira/Array.code")),
    (
        "ContiguousArray.code",
        include_str!("Codira/ContiguousArray.code"),
    ),
    ("String.code", include_str!("Codira/String.code")),
    ("Unicode.code", include_str!("Codira/Unicode.code")),
    ("Encodings.code", include_str!("Codira/Encodings.code")),
    ("Hasher.code", include_str!("Codira/Hasher.code")),
    ("Dictionary.code", include_str!("Codira/Dictionary.code")),
    ("Set.code", include_str!("Codira/Set.code")),
    ("Printing.code", include_str!("Codira/Printing.code")),
    ("Mirror.code", include_str!("Codira/Mirror.code")),
    ("Casts.code", include_str!("Codira/Casts.code")),
    ("KeyPath.code", include_str!("Codira/KeyPath.code")),
    ("AnyHashable.code", include_str!("Codira/AnyHashable.code")),
];
