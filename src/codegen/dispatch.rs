//! Dynamic calls: functions that depend on a type known only at run time.
//!
//! Generic code is compiled for each list of type arguments, and nothing generic is left at run time. Three calls need a function
//! all the same whose type arguments only the running program knows:
//!
//! * a generic function called with an existential, `f(x)` for `fn f<T: P>(_ x: T)` and `x: any P`, and so every member of a protocol's
//!   extension called on an existential;
//! * a requirement called on an existential where a witness table has no one entry for it: it is generic, or it mentions `Self` or
//!   an associated type;
//! * a generic method of a class that subclasses may override.
//!
//! A program is complete when it is linked, so all types that can be met there are known: they are those that have a metadata record and
//! satisfy the existential (or inherit from the class). For each pair of a call and such a type an *instance* is compiled
//! ([`CodeKey::DynamicInstance`]): a thunk with the call's convention, which takes the opened value by address, calls the function for the
//! concrete type and converts the result to what the existential's users see. Inside, `T` is the dynamic type: `T.this`, casts,
//! associated types and overloads mean what they would have meant had the caller named the type.
//!
//! Calls find the instance in two loads. When the program is complete, all calls are numbered; a call's number is the word
//! [`CodeKey::DynamicSlot`], which its code loads, and the metadata record of a type points to a table that the number indexes. The code of the call
//! itself thus does not depend on the rest of the program. Tables are stored from the first to the last number that the type needs.
//!
//! An instance can box values of new types, for which new instances are compiled, without end in the case of `fn wrap<T: P>(_ x: T) { wrap(W(x) as any P) }`.
//! Types that are nested more deeply than [`MAX_NESTING`], or that come after [`MAX_TYPES`] others of one call, get a table entry that stops the
//! program with a message.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::types::ty::Ty;

use super::blob::{DataBlob, Linkage, Reloc, RelocKind, SymbolName};
use super::collect::Generator;
use super::key::{CodeKey, DynamicCall};
use super::metadata::INSTANCES_OFFSET;

/// Dynamic calls are compiled for types of at most this nesting.
const MAX_NESTING: u32 = 9;
/// No function is compiled for types of more parts.
const MAX_SIZE: u32 = 1500;
/// Dynamic calls are compiled for at most this many types each.
const MAX_TYPES: usize = 4096;
/// What the runtime runs where no instance was compiled.
const NO_INSTANCE: &str = "codira_no_instance";

/// The dynamic calls of a program and the types that they may meet.
#[derive(Default)]
pub(super) struct Instances {
    calls: Vec<Call>,
    known_calls: FxHashSet<DynamicCall>,
    types: Vec<Ty>,
    known_types: FxHashSet<Ty>,
}

struct Call {
    call: DynamicCall,
    /// How many of the program's types have been looked at.
    looked_at: usize,
    /// Whether an instance was compiled.
    types: Vec<(Ty, bool)>,
}

impl Instances {
    /// Notes the calls and types among these keys. Returns the instances that this makes necessary.
    pub fn extend(
        &mut self,
        generator: &impl Generator,
        keys: impl Iterator<Item = CodeKey>,
    ) -> Vec<CodeKey> {
        let mut fresh: Vec<Ty> = Vec::new();
        for key in keys {
            match key {
                CodeKey::DynamicSlot(call) if self.known_calls.insert(call) => {
                    self.calls.push(Call {
                        call,
                        looked_at: 0,
                        types: Vec::new(),
                    });
                }
                CodeKey::Metadata(ty) if self.known_types.insert(ty) => fresh.push(ty),
                _ => {}
            }
        }
        // In an order that does not depend on the order of generation: which types come first matters when there are too many.
        fresh.sort_by_cached_key(|&ty| (ty.nesting(), generator.symbol(&CodeKey::Metadata(ty))));
        self.types.extend(fresh);
        let mut wanted = Vec::new();
        for call in &mut self.calls {
            for &ty in &self.types[call.looked_at..] {
                if !generator.serves(call.call, ty) {
                    continue;
                }
                let compiled = ty.nesting() <= MAX_NESTING && call.types.len() < MAX_TYPES;
                call.types.push((ty, compiled));
                if compiled {
                    wanted.push(CodeKey::DynamicInstance(call.call, ty));
                }
            }
            call.looked_at = self.types.len();
        }
        wanted
    }

    /// Numbers the calls and makes the tables, now that all are known. `data` finds the blob of a datum.
    pub fn finish(
        mut self,
        generator: &impl Generator,
        data: &mut FxHashMap<SymbolName, &mut DataBlob>,
    ) -> Vec<DataBlob> {
        let slot = |call: &Call| generator.symbol(&CodeKey::DynamicSlot(call.call));
        self.calls.sort_by_cached_key(slot);
        let mut tables: FxHashMap<Ty, Vec<(usize, SymbolName)>> = FxHashMap::default();
        for (number, call) in self.calls.iter().enumerate() {
            if let Some(blob) = data.get_mut(&slot(call)) {
                blob.bytes = (number as u64).to_le_bytes().to_vec();
            }
            for &(ty, compiled) in &call.types {
                let target = match compiled {
                    true => generator.symbol(&CodeKey::DynamicInstance(call.call, ty)),
                    false => SymbolName::new(NO_INSTANCE),
                };
                tables.entry(ty).or_default().push((number, target));
            }
        }
        let mut made = Vec::with_capacity(tables.len());
        for (ty, entries) in tables {
            let metadata = generator.symbol(&CodeKey::Metadata(ty));
            if let Some(blob) = data.get_mut(&metadata) {
                made.push(table(metadata, &entries, blob));
            }
        }
        made.sort_by_key(|blob| blob.symbol);
        made
    }
}

/// A type's table, and the reference to it in its metadata: to where the entry of call 0 would be.
fn table(metadata: SymbolName, entries: &[(usize, SymbolName)], record: &mut DataBlob) -> DataBlob {
    let symbol = SymbolName::new(&format!("{metadata}'instances"));
    let first = entries.first().map_or(0, |e| e.0);
    let last = entries.last().map_or(0, |e| e.0);
    let reloc = |offset: usize, target: SymbolName, addend: i64| Reloc {
        offset: offset as u32,
        kind: RelocKind::Abs64,
        target,
        addend,
    };
    record
        .relocs
        .push(reloc(INSTANCES_OFFSET, symbol, -8 * first as i64));
    DataBlob {
        symbol,
        linkage: Linkage::Local,
        bytes: vec![0; 8 * (last - first + 1)],
        align: 8,
        relocs: entries
            .iter()
            .map(|&(number, target)| reloc(8 * (number - first), target, 0))
            .collect(),
        ..DataBlob::default()
    }
}

/// Whether types are so large or nested so deeply that a function must be instantiating itself without end, with larger and larger types:
/// nothing that somebody wrote comes near. Whether such a function ever goes that far only the running program knows, as in the depth of a
/// tree whose element type grows with each level, and so a function for such types is one that stops the program.
pub(super) fn is_endless(types: &[Ty]) -> bool {
    types
        .iter()
        .any(|ty| ty.nesting() > 2 * MAX_NESTING || ty.size() > MAX_SIZE)
}
