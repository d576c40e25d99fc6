//! The header of a module from what its parts know, and modules from partial ones.
//!
//! A frontend job knows the records of its primary files, and of the module what all jobs know alike: its name, its imports, what its files show
//! each other and everybody else. Merging is the union of the records and a header, which follows from the parts whatever their order: they are sorted
//! by the places of their files. A compilation of the whole module makes its header with the same function, [`whole`], from a single part, and so the
//! files are the same, byte by byte.
//!
//! Parts that do not belong together are refused. They may come from different edits only where these cannot be noticed by other files: the outlines
//! of all files are a part of each.
//!
//! Merging is a query. A part that has changed is read and hashed again, the others are not.

use std::collections::BTreeMap;

use crate::base::{Fingerprint, StableHash, StableHasher};
use crate::db::Db;

use super::docs::encode_docs;
use super::file::{ModuleFile, encode};
use super::header::{ModuleHeader, Part, PartFile, SourceInfo};
use super::interface::{own_hash_of, svh_of, visible_hash};

/// A file that may be a partial module.
#[salsa::input]
pub struct PartialModule {
    /// The opened file.
    #[returns(ref)]
    pub file: ModuleFile,
}

/// What merging makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// The header of both files.
    pub header: ModuleHeader,
    /// The bytes of the module file.
    pub module: Vec<u8>,
    /// The bytes of the documentation file.
    pub docs: Vec<u8>,
}

/// The files that are merged, in any order.
#[salsa::interned]
pub struct PartialModules<'db> {
    #[returns(ref)]
    files: Vec<PartialModule>,
}

/// The fingerprints of a part's records, or what is wrong with them.
#[salsa::tracked]
pub fn part_records(
    db: &dyn Db,
    part: PartialModule,
) -> Result<BTreeMap<Fingerprint, Fingerprint>, String> {
    let records = part.file(db).all_records();
    let records = records.map_err(|error| error.to_string())?;
    let records = records.iter();
    Ok(records
        .map(|(&key, bytes)| (key, Fingerprint::of_bytes(bytes)))
        .collect())
}

/// A module from its parts, or why they are not those of one module.
#[salsa::tracked]
pub fn merged<'db>(db: &'db dyn Db, parts: PartialModules<'db>) -> Result<Merged, String> {
    let modules = parts.files(db);
    if let [only] = modules[..]
        && only.file(db).header().part.is_none()
    {
        return whole_already(db, only);
    }
    let mut parts: Vec<(PartialModule, &Part)> = checked(db, modules)?;
    parts.sort_by_key(|(_, part)| part.own.first().map(|file| file.number));
    let mut records: BTreeMap<Fingerprint, &[u8]> = BTreeMap::new();
    let mut prints: BTreeMap<Fingerprint, (Fingerprint, PartialModule)> = BTreeMap::new();
    for &(module, _) in &parts {
        let file = module.file(db);
        for (&key, &print) in part_records(db, module).as_ref().map_err(String::clone)? {
            let &mut (known, from) = prints.entry(key).or_insert((print, module));
            if known != print {
                return Err(different_states(from.file(db), file));
            }
            if let Some(bytes) = file.record(key) {
                records.insert(key, bytes);
            }
        }
    }
    let header = match parts.first() {
        Some((first, _)) => {
            let parts: Vec<&Part> = parts.iter().map(|&(_, part)| part).collect();
            let print = |key| {
                prints
                    .get(&key)
                    .map_or(Fingerprint::ZERO, |&(print, _)| print)
            };
            whole(first.file(db).header(), &parts, prints.keys(), &print)
        }
        None => return Err("no input files".to_owned()),
    };
    let mut docs: BTreeMap<Fingerprint, Vec<u8>> = BTreeMap::new();
    for (_, part) in &parts {
        docs.extend(part.docs.iter().map(|(&key, bytes)| (key, bytes.clone())));
    }
    Ok(Merged {
        module: encode(&header, &records),
        docs: encode_docs(&header, &docs),
        header,
    })
}

/// A compilation of a whole module leaves nothing to merge, and writes the documentation itself.
fn whole_already(db: &dyn Db, module: PartialModule) -> Result<Merged, String> {
    let file = module.file(db);
    let records = file.all_records().map_err(|error| error.to_string())?;
    Ok(Merged {
        header: file.header().clone(),
        module: encode(file.header(), &records),
        docs: encode_docs(file.header(), &BTreeMap::new()),
    })
}

/// The header of a module, from what all of its parts know alike (`common`), the parts, and the keys of all records with their fingerprints.
pub fn whole<'k>(
    common: &ModuleHeader,
    parts: &[&Part],
    keys: impl Iterator<Item = &'k Fingerprint>,
    print: &dyn Fn(Fingerprint) -> Fingerprint,
) -> ModuleHeader {
    let Some(&first) = parts.first() else {
        return common.clone();
    };
    let mut files: Vec<&PartFile> = parts.iter().flat_map(|part| &part.own).collect();
    files.sort_by_key(|file| file.number);
    let own = own_hash_of(
        first.options,
        common.stable_crate_id,
        files.iter().map(|file| file.content),
    );
    let visible = visible_hash(first.options, first.shown, &common.upstream);
    let mut seen = StableHasher::new();
    let mut add = |key: Fingerprint| {
        key.stable_hash(&mut seen);
        print(key).stable_hash(&mut seen);
    };
    if first.is_optimized {
        keys.copied().for_each(add);
        for module in &common.upstream {
            seen.write_u64(module.svh.0);
        }
    } else {
        let mut graphs: Vec<Fingerprint> = parts
            .iter()
            .flat_map(|part| &part.graphs)
            .copied()
            .collect();
        graphs.sort_unstable();
        graphs.dedup();
        graphs.into_iter().for_each(&mut add);
        for file in &files {
            file.lines.stable_hash(&mut seen);
        }
    }
    let sources = files.iter().map(|file| SourceInfo {
        path: first
            .files
            .get(file.number as usize)
            .cloned()
            .unwrap_or_default(),
        hash: file.text,
    });
    ModuleHeader {
        svh: svh_of(own, &common.upstream),
        // What was optimised has more from its imports than their interfaces.
        own: (!first.is_optimized).then_some(own),
        interface: visible.combine(seen.finish()),
        sources: sources.collect(),
        part: None,
        ..common.clone()
    }
}

/// The parts of the files, if they are all parts of one module, and all of them.
fn checked<'db>(
    db: &'db dyn Db,
    modules: &[PartialModule],
) -> Result<Vec<(PartialModule, &'db Part)>, String> {
    let mut parts = Vec::with_capacity(modules.len());
    // Which part has a file.
    let mut owners: BTreeMap<u32, &ModuleFile> = BTreeMap::new();
    for &module in modules {
        let file = module.file(db);
        let Some(part) = &file.header().part else {
            return Err(format!(
                "cannot merge '{}': it is not a partial module",
                file.path()
            ));
        };
        if let Some(&(first, known)) = parts.first() {
            let first: PartialModule = first;
            fit(first.file(db), known, file, part)?;
        }
        for own in &part.own {
            let Some(path) = part.files.get(own.number as usize) else {
                return Err(format!("module file '{}' is damaged", file.path()));
            };
            if let Some(other) = owners.insert(own.number, file) {
                let (a, b) = (other.path(), file.path());
                return Err(format!(
                    "cannot merge '{a}' and '{b}': both are made from '{path}'"
                ));
            }
        }
        parts.push((module, part));
    }
    if let Some((first, part)) = parts.first() {
        let mut paths = part.files.iter().enumerate();
        let missing = paths.find(|(number, _)| !owners.contains_key(&(*number as u32)));
        if let Some((_, path)) = missing {
            let name = &first.file(db).header().name;
            return Err(format!(
                "cannot merge module '{name}': the partial module of '{path}' is missing"
            ));
        }
    }
    Ok(parts)
}

/// Whether two parts are of one module in one state.
fn fit(a: &ModuleFile, part_a: &Part, b: &ModuleFile, part_b: &Part) -> Result<(), String> {
    let (left, right) = (a.header(), b.header());
    let why = if left.name != right.name {
        format!(
            "they are parts of different modules, '{}' and '{}'",
            left.name, right.name
        )
    } else if part_a.options != part_b.options
        || left.stable_crate_id != right.stable_crate_id
        || left.target != right.target
    {
        "they were compiled with different options".to_owned()
    } else if part_a.files != part_b.files {
        "they were compiled with different lists of files".to_owned()
    } else if part_a.outlines != part_b.outlines
        || part_a.shown != part_b.shown
        || left.upstream != right.upstream
        || common(left) != common(right)
    {
        return Err(different_states(a, b));
    } else {
        return Ok(());
    };
    let (a, b) = (a.path(), b.path());
    Err(format!("cannot merge '{a}' and '{b}': {why}"))
}

/// What is the same in the headers of all parts.
fn common(header: &ModuleHeader) -> ModuleHeader {
    ModuleHeader {
        sources: Vec::new(),
        part: None,
        ..header.clone()
    }
}

fn different_states(a: &ModuleFile, b: &ModuleFile) -> String {
    let (name, a, b) = (&a.header().name, a.path(), b.path());
    format!(
        "cannot merge '{a}' and '{b}': module '{name}' was changed between their compilations; compile its files again"
    )
}
