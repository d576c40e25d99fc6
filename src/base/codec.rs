//! Handles as numbers, for values that go to disk.
//!
//! A [`Name`](super::Name) or another one-word handle means nothing outside of its process. While a value is written, each of its handles is
//! replaced by its number in a [`Table`] that is written beside the value; while it is read, the numbers are replaced by the
//! handles that this process has for the same meanings. `Serialize` and `Deserialize` of a handle are only of use between
//! [`Table::writing`] and [`Table::reading`], which the `codec` modules of `items` and `types` call.

use std::cell::RefCell;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// The handles of one kind in the value that this thread writes or reads.
pub struct Table<T> {
    written: RefCell<Written<T>>,
    read: RefCell<Vec<T>>,
}

struct Written<T> {
    numbers: FxHashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Written<T> {
    fn default() -> Self {
        Written {
            numbers: FxHashMap::default(),
            values: Vec::new(),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            written: RefCell::default(),
            read: RefCell::new(Vec::new()),
        }
    }
}

impl<T: Copy + Eq + Hash> Table<T> {
    /// The number of a handle in the value that is being written, if it has one already.
    pub fn known(&self, value: T) -> Option<u32> {
        self.written.borrow().numbers.get(&value).copied()
    }

    /// The number of a handle in the value that is being written.
    pub fn number(&self, value: T) -> u32 {
        let mut written = self.written.borrow_mut();
        let next = written.values.len() as u32;
        let number = *written.numbers.entry(value).or_insert(next);
        if number == next {
            written.values.push(value);
        }
        number
    }

    /// The handle with this number in the value that is being read.
    pub fn value(&self, number: u32) -> Option<T> {
        self.read.borrow().get(number as usize).copied()
    }

    /// Adds a handle to those of the value that is being read.
    pub fn add(&self, value: T) {
        self.read.borrow_mut().push(value);
    }

    /// Runs `write` with an empty table; returns its result and the handles that it asked numbers for, in their order.
    pub fn writing<R>(&self, write: impl FnOnce() -> R) -> (R, Vec<T>) {
        let outer = self.written.take();
        let result = write();
        let inner = self.written.replace(outer);
        (result, inner.values)
    }

    /// Runs `read` with these handles behind the numbers.
    pub fn reading<R>(&self, values: Vec<T>, read: impl FnOnce() -> R) -> R {
        let outer = self.read.replace(values);
        let result = read();
        self.read.replace(outer);
        result
    }
}

/// Implements serialisation of a handle as its number in a thread's [`Table`].
#[macro_export]
macro_rules! serialize_as_number {
    ($handle:ty, $table:ident) => {
        impl serde::Serialize for $handle {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u32($table.with(|table| table.number(*self)))
            }
        }

        impl<'de> serde::Deserialize<'de> for $handle {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <u32 as serde::Deserialize>::deserialize(deserializer)?;
                $table
                    .with(|table| table.value(number))
                    .ok_or_else(|| serde::de::Error::custom("no such handle"))
            }
        }
    };
}
