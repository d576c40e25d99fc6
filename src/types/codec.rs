//! Values with types in them as bytes that mean the same in every process: `items::codec` with a table of types.

use std::cell::RefCell;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::codec::Table;
use crate::db::Db;
use crate::items::codec::{Encoded, decode_with, encode_with};

use super::ty::{Ty, TyKind, TyList};

thread_local! {
    static TYPES: Table<Ty> = Table::default();
    /// The kinds of the types that have numbers, one after the other.
    static KINDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Serialize for Ty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = match TYPES.with(|types| types.known(*self)) {
            Some(number) => number,
            None => {
                // Writing the kind gives numbers to the type's parts, so that they are read before the type.
                let kind = postcard::to_allocvec(self.kind()).map_err(S::Error::custom)?;
                KINDS.with(|kinds| kinds.borrow_mut().extend(kind));
                TYPES.with(|types| types.number(*self))
            }
        };
        serializer.serialize_u32(number)
    }
}

impl<'de> Deserialize<'de> for Ty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        TYPES
            .with(|types| types.value(number))
            .ok_or_else(|| D::Error::custom("no such type"))
    }
}

impl Serialize for TyList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TyList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let types = Vec::<Ty>::deserialize(deserializer)?;
        Ok(TyList::new(&types))
    }
}

/// The bytes of a value. None if something in it cannot be written.
pub fn encode<T: Serialize>(db: &dyn Db, value: &T) -> Option<Encoded> {
    encode_with(db, || {
        KINDS.with(|kinds| kinds.borrow_mut().clear());
        let (body, types) = TYPES.with(|types| types.writing(|| postcard::to_allocvec(value)));
        let mut body = body?;
        let mut bytes = postcard::to_allocvec(&(types.len() as u32))?;
        KINDS.with(|kinds| bytes.append(&mut kinds.borrow_mut()));
        bytes.append(&mut body);
        Ok(bytes)
    })
}

/// What [`encode`] wrote; none if the bytes are something else.
pub fn decode<'a, T: Deserialize<'a>>(db: &dyn Db, bytes: &'a [u8]) -> Option<T> {
    let mut value = None;
    decode_with(db, bytes, |body| {
        // `body` is the end of `bytes`; the value may borrow from it for as long as from those.
        let body = &bytes[bytes.len() - body.len()..];
        TYPES.with(|types| {
            types.reading(Vec::new(), || {
                let (count, mut rest) = postcard::take_from_bytes::<u32>(body)?;
                for _ in 0..count {
                    let (kind, behind) = postcard::take_from_bytes::<TyKind>(rest)?;
                    types.add(Ty::new(kind));
                    rest = behind;
                }
                value = Some(postcard::from_bytes(rest)?);
                Ok(())
            })
        })
    })?;
    value
}
