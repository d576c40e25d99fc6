//! Values with names and definitions in them as bytes that mean the same in every process.
//!
//! The bytes begin with the tables of the names and definitions that the value mentions; in the value they are numbers. `types::codec` adds
//! types to that.

use crate::base::Name;
use crate::base::codec::Table;
use crate::base::name::NAMES;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use serde::{Deserialize, Serialize};

thread_local! {
    static DEFS: Table<DefId> = Table::default();
}

crate::serialize_as_number!(DefId, DEFS);

/// A value as bytes.
pub struct Encoded {
    pub bytes: Vec<u8>,
    /// Every module that the value mentions something of.
    pub modules: Vec<Name>,
}

/// One definition of the table: the parent as its number plus one, kind, name and counter.
#[derive(Serialize, Deserialize)]
struct DefEntry(u32, DefKind, u32, u32);

/// The bytes of what `write` writes, behind the tables of what it mentions. None if something in it cannot be written.
pub fn encode_with(
    db: &dyn Db,
    write: impl FnOnce() -> postcard::Result<Vec<u8>>,
) -> Option<Encoded> {
    let ((body, defs), mut names) =
        NAMES.with(|names| names.writing(|| DEFS.with(|defs| defs.writing(write))));
    let mut body = body.ok()?;
    let mut numbers = crate::base::FxHashMap::default();
    let mut name_numbers: crate::base::FxHashMap<Name, u32> =
        (0..).zip(&names).map(|(i, &n)| (n, i)).collect();
    let mut modules = Vec::new();
    // Parents are added to the list behind those who have them, so that the value's numbers stay.
    let mut defs = defs;
    for (number, &def) in (0..).zip(&defs) {
        numbers.insert(def, number);
    }
    let mut entries: Vec<DefEntry> = Vec::with_capacity(defs.len() * 2);
    let mut at = 0;
    while let Some(&def) = defs.get(at) {
        let parent = def.parent(db).map_or(0, |parent| {
            let next = defs.len() as u32;
            let number = *numbers.entry(parent).or_insert(next);
            if number == next {
                defs.push(parent);
            }
            number + 1
        });
        let (kind, name) = (def.kind(db), def.name(db));
        let next = names.len() as u32;
        let name_number = *name_numbers.entry(name).or_insert(next);
        if name_number == next {
            names.push(name);
        }
        if kind == DefKind::Module {
            modules.push(name);
        }
        entries.push(DefEntry(parent, kind, name_number, def.index(db)));
        at += 1;
    }
    let texts: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let mut bytes = postcard::to_allocvec(&(texts, entries)).ok()?;
    bytes.append(&mut body);
    Some(Encoded { bytes, modules })
}

/// Reads the tables and then, with `read`, the value behind them. None if the bytes are not what [`encode_with`] wrote.
pub fn decode_with<T>(
    db: &dyn Db,
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> postcard::Result<T>,
) -> Option<T> {
    type Tables<'a> = (Vec<&'a str>, Vec<DefEntry>);
    let ((texts, entries), body) = postcard::take_from_bytes::<Tables<'_>>(bytes).ok()?;
    let names: Vec<Name> = texts.into_iter().map(Name::new).collect();
    let mut defs: Vec<Option<DefId>> = vec![None; entries.len()];
    for number in 0..entries.len() {
        def_of(db, &entries, &names, &mut defs, number)?;
    }
    let defs = defs.into_iter().collect::<Option<Vec<DefId>>>()?;
    NAMES
        .with(|table| {
            table.reading(names, || {
                DEFS.with(|table| table.reading(defs, || read(body)))
            })
        })
        .ok()
}

/// How deep definitions are nested in intact bytes, generously; a longer way up can only be a circle.
const MAX_DEPTH: usize = 1000;

/// The definition with this number, and those around it.
fn def_of(
    db: &dyn Db,
    entries: &[DefEntry],
    names: &[Name],
    defs: &mut [Option<DefId>],
    number: usize,
) -> Option<DefId> {
    let mut path = Vec::new();
    let mut at = number;
    let mut parent = loop {
        if let Some(known) = *defs.get(at)? {
            break Some(known);
        }
        path.push(at);
        match entries.get(at)?.0 {
            0 => break None,
            _ if path.len() > MAX_DEPTH => return None,
            up => at = up as usize - 1,
        }
    };
    for at in path.into_iter().rev() {
        let DefEntry(_, kind, name, index) = entries[at];
        let def = DefId::new(db, parent, kind, *names.get(name as usize)?, index);
        defs[at] = Some(def);
        parent = Some(def);
    }
    parent
}

/// [`encode_with`] for a value without types in it.
pub fn encode<T: Serialize>(db: &dyn Db, value: &T) -> Option<Encoded> {
    encode_with(db, || postcard::to_allocvec(value))
}

/// What [`encode`] wrote.
pub fn decode<T: for<'a> Deserialize<'a>>(db: &dyn Db, bytes: &[u8]) -> Option<T> {
    decode_with(db, bytes, |body| postcard::from_bytes(body))
}
