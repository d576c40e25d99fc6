//! The type metadata record, as the code generator lays it out in the program's static data.

use core::ffi::c_void;

pub const KIND_STRUCT: u32 = 0;
pub const KIND_ENUM: u32 = 1;
pub const KIND_CLASS: u32 = 2;
pub const KIND_TUPLE: u32 = 3;
pub const KIND_FUNCTION: u32 = 4;
pub const KIND_EXISTENTIAL: u32 = 5;
pub const KIND_METATYPE: u32 = 6;
pub const KIND_BUILTIN: u32 = 7;
pub const KIND_BOX: u32 = 8;
pub const KIND_OPTIONAL: u32 = 10;

/// Copying is copying bytes and nothing needs destroying.
pub const FLAG_TRIVIAL: u32 = 1;
/// The value is stored in an opaque existential's own buffer.
pub const FLAG_FITS_INLINE: u32 = 4;
pub const FLAG_ERROR_EXISTENTIAL: u32 = 8;
pub const FLAG_CLASS_BOUND: u32 = 16;

/// A case that carries a payload, in [`Field::flags`].
pub const FIELD_HAS_PAYLOAD: u32 = 4;

pub type Value = *mut u8;
pub type CopyFunction = unsafe extern "C" fn(Value, *const u8);
pub type DestroyFunction = unsafe extern "C" fn(Value);

/// Text that is static or otherwise outlives its use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub start: *const u8,
    pub length: u64,
}

impl Text {
    /// The bytes of the text.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        if self.length == 0 {
            &[]
        } else {
            unsafe { core::slice::from_raw_parts(self.start, self.length as usize) }
        }
    }
}

/// An address and a count of entries.
#[repr(C)]
pub struct Table<T> {
    pub start: *const T,
    pub count: u64,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Table<T> {}

impl<T> Table<T> {
    /// The entries; tables are static.
    pub unsafe fn entries(&self) -> &'static [T] {
        if self.count == 0 {
            &[]
        } else {
            unsafe { core::slice::from_raw_parts(self.start, self.count as usize) }
        }
    }
}

#[repr(C)]
pub struct Field {
    pub name: Text,
    /// Null for a case without payload.
    pub metadata: *const Metadata,
    pub offset: u64,
    pub flags: u32,
    pub padding: u32,
    pub tag: u64,
}

#[repr(C)]
pub struct Protocol {
    pub name: Text,
    /// Bit 0: only classes conform.
    pub flags: u64,
}

#[repr(C)]
pub struct Conformance {
    pub protocol: *const Protocol,
    pub witness_table: *const c_void,
}

/// One record per type of the program; two types are the same exactly when their records' addresses are.
#[repr(C)]
pub struct Metadata {
    pub kind: u32,
    pub flags: u32,
    pub size: u64,
    pub align: u32,
    pub extra_inhabitants: u32,
    pub stride: u64,
    /// Absent when trivial.
    pub copy_init: Option<CopyFunction>,
    pub destroy: Option<DestroyFunction>,
    pub qualified_name: Text,
    pub name: Text,
    pub fields: Table<Field>,
    /// Generic arguments, tuple elements, an optional's wrapped type, a metatype's instance type.
    pub arguments: Table<*const Metadata>,
    pub conformances: Table<Conformance>,
    pub superclass: *const Metadata,
    pub enum_tag: Option<unsafe extern "C" fn(*const u8) -> u32>,
    pub instance_size: u64,
    pub instance_align: u64,
    pub destroy_object: Option<unsafe extern "C" fn(*mut c_void)>,
    pub protocols: Table<*const Protocol>,
    pub labels: Text,
    /// The functions that dynamic calls run for this type; only generated code reads them. A class's vtable follows.
    pub instances: *const c_void,
}

// The offsets are part of the contract with the code generator.
const _: () = {
    assert!(core::mem::offset_of!(Metadata, copy_init) == 32);
    assert!(core::mem::offset_of!(Metadata, fields) == 80);
    assert!(core::mem::offset_of!(Metadata, superclass) == 128);
    assert!(core::mem::offset_of!(Metadata, destroy_object) == 160);
    assert!(core::mem::offset_of!(Metadata, protocols) == 168);
    assert!(core::mem::offset_of!(Metadata, labels) == 184);
    assert!(core::mem::offset_of!(Metadata, instances) == 200);
    assert!(core::mem::size_of::<Metadata>() == 208);
    assert!(core::mem::size_of::<Field>() == 48);
};

// SAFETY: records are static and never change.
unsafe impl Sync for Metadata {}

impl Metadata {
    /// A record with nothing in it, to build others from.
    pub const EMPTY: Metadata = Metadata {
        kind: 0,
        flags: 0,
        size: 0,
        align: 1,
        extra_inhabitants: 0,
        stride: 1,
        copy_init: None,
        destroy: None,
        qualified_name: Text {
            start: core::ptr::null(),
            length: 0,
        },
        name: Text {
            start: core::ptr::null(),
            length: 0,
        },
        fields: Table {
            start: core::ptr::null(),
            count: 0,
        },
        arguments: Table {
            start: core::ptr::null(),
            count: 0,
        },
        conformances: Table {
            start: core::ptr::null(),
            count: 0,
        },
        superclass: core::ptr::null(),
        enum_tag: None,
        instance_size: 0,
        instance_align: 0,
        destroy_object: None,
        protocols: Table {
            start: core::ptr::null(),
            count: 0,
        },
        labels: Text {
            start: core::ptr::null(),
            length: 0,
        },
        instances: core::ptr::null(),
    };

    pub fn is_trivial(&self) -> bool {
        self.flags & FLAG_TRIVIAL != 0
    }

    pub fn fits_inline(&self) -> bool {
        self.flags & FLAG_FITS_INLINE != 0
    }

    pub fn is_class_bound(&self) -> bool {
        self.flags & FLAG_CLASS_BOUND != 0
    }

    pub fn is_error_existential(&self) -> bool {
        self.flags & FLAG_ERROR_EXISTENTIAL != 0
    }

    /// The first generic argument: an optional's wrapped type, an array's element.
    pub unsafe fn first_argument(&self) -> &'static Metadata {
        unsafe { &**self.arguments.start }
    }
}
