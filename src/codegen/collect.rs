//! From the entry to everything it reaches.
//!
//! Each function or datum names what it refers to, and that is generated in turn: nothing that is not used is compiled. Which types conform to the
//! protocols that the program asks for at run time is known only when no new type and no new protocol turn up: the lists of
//! conformances in metadata are added then, and likewise the instances that dynamic calls run (see [`super::dispatch`]).

use std::sync::{Condvar, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::items::ids::DefId;
use crate::types::ty::Ty;

use super::blob::{DataBlob, FunctionBlob, Linkage, Reloc, RelocKind, SymbolName};
use super::dispatch::Instances;
use super::key::{Blob, CodeKey, CodeUnit, CodegenError, DynamicCall};
use super::metadata::CONFORMANCES_OFFSET;

/// All code and data of a program or file, sorted by symbol.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub functions: Vec<FunctionBlob>,
    pub data: Vec<DataBlob>,
    /// What the blobs are the code and data of, in no particular order.
    pub keys: Vec<CodeKey>,
    /// What could not be generated.
    pub errors: Vec<CodegenError>,
}

/// What one thread needs to generate code.
pub trait Generator: Send {
    /// The memoised code of a key.
    fn unit(&self, key: CodeKey) -> Result<std::sync::Arc<CodeUnit>, CodegenError>;
    /// The protocols among `protocols` that the type of a metadata record conforms to.
    fn conformances(&self, metadata: CodeKey, protocols: &[DefId]) -> Vec<DefId>;
    /// Whether a dynamic call may meet values of a type.
    fn serves(&self, call: DynamicCall, ty: Ty) -> bool;
    fn symbol(&self, key: &CodeKey) -> SymbolName;
}

type Unit = Result<std::sync::Arc<CodeUnit>, CodegenError>;

#[derive(Default)]
struct Shared {
    queue: Vec<CodeKey>,
    seen: FxHashSet<CodeKey>,
    done: Vec<(CodeKey, Unit)>,
    /// Keys that some thread is working on.
    busy: usize,
    /// A thread has panicked, so that waiting for it would never end.
    failed: bool,
}

/// Generates everything that is reachable from `roots`, on one thread per generator. `follow` decides which references are
/// generated as well: all for a program, those without a home elsewhere for one file.
pub fn collect<G: Generator>(
    mut generators: Vec<G>,
    roots: Vec<CodeKey>,
    follow: impl Fn(&CodeKey) -> bool + Sync,
) -> Output {
    let mut units: FxHashMap<CodeKey, Unit> = FxHashMap::default();
    let mut seen = FxHashSet::default();
    let mut protocols: Vec<DefId> = Vec::new();
    let mut conformances: FxHashMap<CodeKey, Vec<DefId>> = FxHashMap::default();
    let mut instances = Instances::default();
    let mut next: Vec<CodeKey> = roots;
    while !next.is_empty() {
        next.retain(|key| seen.insert(*key));
        let shared = run(&mut generators, next, seen, &follow);
        seen = shared.seen;
        for (key, unit) in shared.done {
            if let Ok(unit) = &unit {
                for &protocol in &unit.dynamic_protocols {
                    if !protocols.contains(&protocol) {
                        protocols.push(protocol);
                    }
                }
            }
            units.insert(key, unit);
        }
        let Some(generator) = generators.first() else {
            break;
        };
        next = instances.extend(generator, units.keys().copied());
        // Witness tables for every pair of a type with metadata and a protocol that is looked up; they may reach new types and protocols.
        for key in units.keys() {
            let CodeKey::Metadata(ty) = *key else {
                continue;
            };
            let known = conformances.entry(*key).or_default();
            let fresh = generator.conformances(*key, &protocols);
            if fresh.len() != known.len() {
                next.extend(
                    fresh
                        .iter()
                        .map(|&protocol| CodeKey::WitnessTable(ty, protocol)),
                );
                next.extend(fresh.iter().map(|&protocol| CodeKey::Protocol(protocol)));
                *known = fresh;
            }
        }
        next.retain(|key| !seen.contains(key));
        next.sort_by_key(|key| generator.symbol(key));
        next.dedup();
    }
    match generators.first() {
        Some(generator) => finish(generator, units, &conformances, instances),
        None => Output::default(),
    }
}

/// Works through a queue on all threads.
fn run<G: Generator>(
    generators: &mut [G],
    queue: Vec<CodeKey>,
    seen: FxHashSet<CodeKey>,
    follow: &(impl Fn(&CodeKey) -> bool + Sync),
) -> Shared {
    let shared = Mutex::new(Shared {
        queue,
        seen,
        ..Shared::default()
    });
    let wake = Condvar::new();
    match generators {
        [one] => work(one, &shared, &wake, follow),
        many => std::thread::scope(|scope| {
            for generator in many {
                let (shared, wake) = (&shared, &wake);
                scope.spawn(move || work(generator, shared, wake, follow));
            }
        }),
    }
    shared.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the other threads when this one dies in the middle of a key.
struct Alarm<'s> {
    shared: &'s Mutex<Shared>,
    wake: &'s Condvar,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.failed = true;
            self.wake.notify_all();
        }
    }
}

fn work<G: Generator>(
    generator: &G,
    shared: &Mutex<Shared>,
    wake: &Condvar,
    follow: &impl Fn(&CodeKey) -> bool,
) {
    let _alarm = Alarm { shared, wake };
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch: Vec<CodeKey> = Vec::new();
    let mut results: Vec<(CodeKey, Unit)> = Vec::new();
    let mut state = lock();
    loop {
        while state.queue.is_empty() && state.busy > 0 && !state.failed {
            state = wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.queue.is_empty() || state.failed {
            wake.notify_all();
            return;
        }
        // Half of what there is, so that the others have something too.
        let count = (state.queue.len() / 2).clamp(1, 16);
        let rest = state.queue.len() - count;
        batch.extend(state.queue.drain(rest..));
        state.busy += 1;
        drop(state);
        for key in batch.drain(..) {
            results.push((key, generator.unit(key)));
        }
        state = lock();
        for (key, unit) in results.drain(..) {
            if let Ok(unit) = &unit {
                for &reference in &unit.references {
                    if follow(&reference) && state.seen.insert(reference) {
                        state.queue.push(reference);
                    }
                }
            }
            state.done.push((key, unit));
        }
        state.busy -= 1;
        wake.notify_all();
    }
}

fn finish<G: Generator>(
    generator: &G,
    units: FxHashMap<CodeKey, Unit>,
    conformances: &FxHashMap<CodeKey, Vec<DefId>>,
    instances: Instances,
) -> Output {
    let mut output = Output {
        keys: units.keys().copied().collect(),
        ..Output::default()
    };
    for (key, unit) in units {
        match unit {
            Err(error) => output.errors.push(error),
            Ok(unit) => {
                let unit = std::sync::Arc::unwrap_or_clone(unit);
                match unit.blob {
                    Blob::Function(blob) => output.functions.push(blob),
                    Blob::Data(mut blob) => {
                        if let Some(list) = conformances.get(&key).filter(|l| !l.is_empty()) {
                            output
                                .data
                                .push(conformance_list(generator, key, list, &mut blob));
                        }
                        output.data.push(blob);
                    }
                }
            }
        }
    }
    let mut data = output.data.iter_mut().map(|b| (b.symbol, b)).collect();
    let tables = instances.finish(generator, &mut data);
    output.data.extend(tables);
    output.functions.sort_by_key(|blob| blob.symbol);
    output.data.sort_by_key(|blob| blob.symbol);
    output.errors.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    output
}

/// The pairs of protocol and witness table of a type, and the reference to them in its metadata.
fn conformance_list<G: Generator>(
    generator: &G,
    key: CodeKey,
    protocols: &[DefId],
    metadata: &mut DataBlob,
) -> DataBlob {
    let symbol = SymbolName::new(&format!("{}'conformances", metadata.symbol));
    let mut list = DataBlob {
        symbol,
        linkage: Linkage::Local,
        bytes: vec![0; 16 * protocols.len()],
        align: 8,
        ..DataBlob::default()
    };
    let CodeKey::Metadata(ty) = key else {
        return list;
    };
    for (i, &protocol) in protocols.iter().enumerate() {
        let pair = [
            CodeKey::Protocol(protocol),
            CodeKey::WitnessTable(ty, protocol),
        ];
        for (j, key) in pair.iter().enumerate() {
            list.relocs.push(Reloc {
                offset: (16 * i + 8 * j) as u32,
                kind: RelocKind::Abs64,
                target: generator.symbol(key),
                addend: 0,
            });
        }
    }
    metadata.relocs.push(Reloc {
        offset: CONFORMANCES_OFFSET as u32,
        kind: RelocKind::Abs64,
        target: symbol,
        addend: 0,
    });
    let count = (protocols.len() as u64).to_le_bytes();
    if let Some(place) = metadata
        .bytes
        .get_mut(CONFORMANCES_OFFSET + 8..CONFORMANCES_OFFSET + 16)
    {
        place.copy_from_slice(&count);
    }
    list
}
