//! What is known only when the program is complete: which types conform to the protocols that are looked up at run time, and the instances of
//! dynamic calls (see [`crate::codegen::dispatch`]).
//!
//! Both may reach new code with new types, protocols and calls, so that they are asked for in rounds until nothing new turns up. What the record's
//! program had in common with this one need not be asked again.

use rustc_hash::{FxHashMap, FxHashSet};

use super::update::{Failure, Generator, Update};
use crate::codegen::dispatch::{MAX_NESTING, MAX_TYPES};
use crate::codegen::key::CodeKey;

/// What depends on the whole program.
#[derive(Default)]
pub(super) struct Derived {
    /// The protocols that are looked up.
    pub protocols: Vec<u32>,
    /// For metadata the protocols that the type conforms to, sorted by symbol, with the witness tables.
    pub conformances: FxHashMap<u32, Vec<(u32, u32)>>,
    /// The dynamic calls, sorted by symbol.
    pub calls: Vec<Call>,
}

/// A dynamic call and what it may meet.
pub(super) struct Call {
    /// The unit that holds its number.
    pub slot: u32,
    /// How many of the program's types have been looked at.
    looked_at: usize,
    /// Metadata, and the instance.
    pub types: Vec<Served>,
}

/// A type that a dynamic call may meet.
#[derive(Clone, Copy)]
pub(super) struct Served {
    pub metadata: u32,
    pub instance: u32,
    /// Whether it was compiled: there are limits.
    pub compiled: bool,
}

/// Asks for everything that the program's types, protocols and calls make necessary.
pub(super) fn derive<G: Generator>(update: &mut Update<'_, '_, G>) -> Result<Derived, Failure> {
    let mut derived = Derived::default();
    let mut types: Vec<u32> = Vec::new();
    let (mut old_types, mut old_protocols) = (0, 0);
    let asked: FxHashSet<u32> = update.record.protocols.iter().copied().collect();
    loop {
        // In an order that does not depend on the order of generation: which types come first matters when there are too many.
        let mut fresh = update.metadata[old_types..].to_vec();
        fresh.sort_by_cached_key(|&id| (update.nesting(id), update.symbol_of(id).to_owned()));
        types.extend(&fresh);
        let mut next = Vec::new();
        for &slot in &update.slots[derived.calls.len()..] {
            derived.calls.push(Call {
                slot,
                looked_at: 0,
                types: Vec::new(),
            });
        }
        for call in &mut derived.calls {
            serve(update, call, &types, &mut next)?;
        }
        let (metadata, protocols) = (update.metadata.len(), update.protocols.len());
        for i in 0..metadata {
            let first = if i < old_types { old_protocols } else { 0 };
            let id = update.metadata[i];
            for j in first..protocols {
                let protocol = update.protocols[j];
                if let Some(table) = conformance(update, &asked, id, protocol)? {
                    let list = derived.conformances.entry(id).or_default();
                    list.push((protocol, table));
                    next.extend([table, protocol]);
                }
            }
        }
        (old_types, old_protocols) = (metadata, protocols);
        next.retain(|&id| update.reached.insert(id));
        if next.is_empty() {
            break;
        }
        update.close(next)?;
    }
    for list in derived.conformances.values_mut() {
        list.sort_by(|a, b| update.symbol_of(a.0).cmp(update.symbol_of(b.0)));
    }
    let symbol = |call: &Call| update.symbol_of(call.slot).to_owned();
    derived.calls.sort_by_cached_key(symbol);
    derived.protocols = update.protocols.clone();
    Ok(derived)
}

/// The witness table of a type for a protocol.
fn conformance<G: Generator>(
    update: &mut Update<'_, '_, G>,
    asked: &FxHashSet<u32>,
    metadata: u32,
    protocol: u32,
) -> Result<Option<u32>, Failure> {
    if asked.contains(&protocol) && update.is_kept(metadata) && update.is_kept(protocol) {
        let record = update.record;
        let pairs = record.ids.run(record.unit(metadata).answers);
        let found = pairs.chunks_exact(2).find(|pair| pair[0] == protocol);
        return Ok(found.map(|pair| pair[1]));
    }
    let key = update.key_of(metadata).ok_or(Failure::Unknown)?;
    let descriptor = update.key_of(protocol).ok_or(Failure::Unknown)?;
    let (CodeKey::Protocol(def) | CodeKey::ConstrainedProtocol(_, def)) = descriptor else {
        return Err(Failure::Unknown);
    };
    let (CodeKey::Metadata(ty), Some(generator)) = (key, update.generator()) else {
        return Ok(None);
    };
    match generator.conforms(key, descriptor) {
        true => Ok(update.id_of_key(CodeKey::WitnessTable(ty, def))),
        false => Ok(None),
    }
}

/// Adds the types that a call may meet, of those that it has not looked at.
fn serve<G: Generator>(
    update: &mut Update<'_, '_, G>,
    call: &mut Call,
    types: &[u32],
    next: &mut Vec<u32>,
) -> Result<(), Failure> {
    let slot = call.slot;
    let is_kept = update.is_kept(slot);
    let mut known: FxHashMap<u32, u32> = FxHashMap::default();
    if is_kept {
        let record = update.record;
        let pairs = record.ids.run(record.unit(slot).answers).chunks_exact(2);
        known.extend(pairs.map(|pair| (pair[0], pair[1])));
    }
    for &metadata in &types[call.looked_at..] {
        let instance = if is_kept && update.is_kept(metadata) {
            known.get(&metadata).copied()
        } else {
            let (key, ty) = (update.key_of(slot), update.key_of(metadata));
            let (Some(CodeKey::DynamicSlot(key)), Some(CodeKey::Metadata(ty))) = (key, ty) else {
                return Err(Failure::Unknown);
            };
            let serves = update.generator().is_some_and(|g| g.serves(key, ty));
            match serves {
                true => update.id_of_key(CodeKey::DynamicInstance(key, ty)),
                false => None,
            }
        };
        let Some(instance) = instance else {
            continue;
        };
        let compiled = update.nesting(metadata) <= MAX_NESTING && call.types.len() < MAX_TYPES;
        call.types.push(Served {
            metadata,
            instance,
            compiled,
        });
        if compiled {
            next.push(instance);
        }
    }
    call.looked_at = types.len();
    Ok(())
}

/// The tables that metadata point to, by metadata: conformances, and instances with the numbers of their calls.
pub(super) fn tables(derived: &Derived) -> FxHashMap<u32, Tables> {
    let mut tables: FxHashMap<u32, Tables> = FxHashMap::default();
    for (&id, list) in &derived.conformances {
        tables.entry(id).or_default().conformances = list.clone();
    }
    for (number, call) in (0..).zip(&derived.calls) {
        for served in &call.types {
            let target = served.compiled.then_some(served.instance);
            let table = tables.entry(served.metadata).or_default();
            table.instances.push((number, target));
        }
    }
    tables
}

/// What is filled in for one metadata record.
#[derive(Default, Hash)]
pub(super) struct Tables {
    pub conformances: Vec<(u32, u32)>,
    /// Numbers of calls, and the instance where one was compiled.
    pub instances: Vec<(u32, Option<u32>)>,
}
