//! Modules that were compiled before, and the module files that a compilation leaves.
//!
//! Before anything is resolved [`load`] finds the modules that the files' imports name, and those that these need in turn. Each becomes a
//! [`CompilationUnit`] without text. [`module_file`] and [`library`] make what other compilations load.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::base::{Fingerprint, FxHashMap, FxHashSet, Name, StableHash, StableHasher};
use crate::codegen;
use crate::codegen::record::Output;
use crate::db::{CompilationUnit, CompiledModule, Db, ModuleRecords, RootDatabase, SourceFile};
use crate::diag::Diagnostic;
use crate::items::compiled::{
    ModuleSummary, RecordMap, add_file_record, record_body, record_file, record_summary,
    summary_key,
};
use crate::items::ids::{DefKind, Synth};
use crate::items::imports::written_imports;
use crate::items::library::{ResultKind, lines_of_body};
use crate::items::{DefId, body_owners, declarations, file_of, module_of};
use crate::metadata::{
    CODE_MEMBER, CStore, CrateLocator, CrateNum, LocateError, METADATA_MEMBER, ModuleFile,
    ModuleHeader, SearchPaths, SourceInfo, Upstream, Wanted, encode, exported, module_hashes,
    own_hash, pack, write_archive,
};
use crate::mir::data::{FnId, FnKind};
use crate::mir::mentions::functions_mentioned;
use crate::resolve::scope::file_scope;
use crate::session::{Options, Target, TrackedOptions};
use crate::types::synth::synth_members;
use crate::vfs::System;
use crate::{bodies, mir};

use super::stages::Object;
use super::{Compiler, Ending};

/// The records of a library's code.
///
/// Where several modules are built at once, a module is loaded while its archive is still in the making. So one that is missing
/// is looked for again when code is asked for, which nobody does before [`Callbacks::before_code`](super::Callbacks::before_code).
struct Code {
    archive: OnceLock<Option<ModuleFile>>,
    module: ModuleFile,
    system: Arc<dyn System>,
    paths: SearchPaths,
    target: Target,
}

impl Code {
    fn archive(&self) -> Option<&ModuleFile> {
        let find = || {
            let locator = CrateLocator::new(&*self.system, &self.paths, self.target);
            let wanted = Wanted {
                name: self.module.header().name.clone(),
                exactly: None,
            };
            let archive = locator.locate(&wanted).ok()?.archive?;
            let same = archive.header() == self.module.header();
            (same && archive.has_code()).then_some(archive)
        };
        self.archive.get_or_init(find).as_ref()
    }
}

impl ModuleRecords for Code {
    fn record(&self, key: Fingerprint) -> Option<&[u8]> {
        self.archive()?.code(key)
    }

    fn exists(&self) -> bool {
        self.archive().is_some()
    }
}

/// The modules of a compilation.
#[derive(Default)]
pub(super) struct Loaded {
    /// Each behind those that it needs.
    pub units: Vec<CompilationUnit>,
    /// The files, in the same order.
    pub files: Vec<ModuleFile>,
}

/// Finds the modules that files import, and what these need.
///
/// A module of which there is no trace is the error of the import that names it, which may stand where it does not count; a file that is there and
/// cannot be used is an error of its own.
pub(super) fn load(
    db: &RootDatabase,
    system: &Arc<dyn System>,
    options: &Options,
    files: &[SourceFile],
    library: CompilationUnit,
) -> Result<Loaded, Vec<Diagnostic>> {
    let own = options.tracked.module_name;
    let mut wanted: Vec<String> = Vec::new();
    for &file in files {
        for name in written_imports(db, file) {
            if name != own && name != "Codira" && name != "Builtin" {
                wanted.push(name.to_string());
            }
        }
    }
    if wanted.is_empty() {
        return Ok(Loaded::default());
    }
    let paths = SearchPaths::of_options(options);
    let locator = CrateLocator::new(&**system, &paths, options.tracked.target);
    let id = options.tracked.stable_crate_id();
    wanted.retain(|name| {
        let wanted = Wanted {
            name: name.clone(),
            exactly: None,
        };
        let found = locator.locate(&wanted);
        !matches!(found, Err(LocateError::NotFound { candidates, .. }) if candidates.is_empty())
    });
    let (store, problems) = CStore::load(&locator, own.as_str(), id, &wanted);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut loader = Loader {
        db,
        system,
        paths: &paths,
        options,
        library,
        store: &store,
        units: FxHashMap::default(),
        loaded: Loaded::default(),
        errors: Vec::new(),
    };
    for (number, _) in store.crates() {
        loader.unit(number);
    }
    match loader.errors.is_empty() {
        true => Ok(loader.loaded),
        false => Err(loader.errors),
    }
}

/// Makes inputs of modules.
struct Loader<'a> {
    db: &'a RootDatabase,
    system: &'a Arc<dyn System>,
    paths: &'a SearchPaths,
    options: &'a Options,
    library: CompilationUnit,
    store: &'a CStore,
    /// None while a module's dependencies are being looked at: a circle, which [`CStore`] has told about.
    units: FxHashMap<CrateNum, Option<CompilationUnit>>,
    loaded: Loaded,
    errors: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn unit(&mut self, number: CrateNum) -> Option<CompilationUnit> {
        if let Some(known) = self.units.get(&number) {
            return *known;
        }
        self.units.insert(number, None);
        let found = self.store.get(number)?;
        let dependencies: Vec<CompilationUnit> = found
            .dependencies
            .iter()
            .filter_map(|&(number, _)| self.unit(number))
            .collect();
        let file = found.module();
        let summary = file.record(summary_key());
        let summary = summary.and_then(|b| postcard::from_bytes::<ModuleSummary>(b).ok());
        let Some(summary) = summary else {
            let message = format!("module file '{}' is damaged", file.path());
            let error = Diagnostic::global_error("unloadable-module", message);
            self.errors.push(error);
            return None;
        };
        let archive = found.library.archive.clone();
        let archive = archive.filter(|file| file.has_code());
        let code = Code {
            archive: archive.map_or_else(OnceLock::new, |found| OnceLock::from(Some(found))),
            module: file.clone(),
            system: self.system.clone(),
            paths: self.paths.clone(),
            target: self.options.tracked.target,
        };
        let compiled = CompiledModule {
            interface: Arc::new(file.clone()),
            code: Arc::new(code),
        };
        let unit = CompilationUnit::of_compiled(
            self.db,
            &summary.files,
            TrackedOptions {
                module_name: Name::new(&summary.name),
                crate_metadata: file.header().crate_metadata.iter().cloned().collect(),
                parse_as_library: true,
                ..self.options.tracked.clone()
            },
            Some(self.library),
            dependencies,
            compiled,
        );
        self.units.insert(number, Some(unit));
        self.loaded.units.push(unit);
        self.loaded.files.push(file.clone());
        Some(unit)
    }
}

/// The records of the module that is compiled.
fn records(db: &RootDatabase, unit: CompilationUnit) -> RecordMap {
    let mut records = RecordMap::new();
    record_summary(db, unit, &mut records);
    let files = db.par_map(unit.files(db), |db, &file| {
        let mut records = RecordMap::new();
        record_file(db, file, &mut records);
        let scope = file_scope(db, file);
        add_file_record(db, file, ResultKind::Scope, scope, &mut records);
        let mut owners = body_owners(db, file).to_vec();
        let mut at = 0;
        while let Some(&def) = owners.get(at) {
            record_body(db, def, &mut records, &mut owners);
            bodies::compiled::record_checked(db, def, &mut records);
            at += 1;
        }
        (records, owners)
    });
    let mut owners: Vec<DefId> = Vec::new();
    for (file, bodies) in files {
        records.extend(file);
        owners.extend(bodies);
    }
    records.extend(graphs(db, unit, &owners));
    records
}

/// The graphs of a module's functions, from bodies on to everything in the module that these mention.
fn graphs(db: &RootDatabase, unit: CompilationUnit, owners: &[DefId]) -> RecordMap {
    let module = crate::items::module_def(db, unit);
    let mut next: Vec<FnId> = Vec::new();
    for list in db.par_map(owners, |db, &def| {
        let mut ids = mir::functions_of(db, def);
        let others = [FnKind::Allocate, FnKind::EndAccess];
        ids.extend(others.map(|kind| FnId { def, kind }));
        ids
    }) {
        next.extend(list);
    }
    next.extend(raw_value_members(db, unit));
    let mut seen: crate::base::FxHashSet<FnId> = next.iter().copied().collect();
    let mut records = RecordMap::new();
    while !next.is_empty() {
        let found = db.par_map(&next, |db, &id| {
            let mut records = RecordMap::new();
            let mut mentioned = Vec::new();
            if let Some(graph) = mir::mir(db, id) {
                mir::record_mir(db, id, graph, &mut records);
                functions_mentioned(graph, &mut |id| {
                    if module_of(db, id.def) == module {
                        mentioned.push(id);
                    }
                });
            }
            (records, mentioned)
        });
        next.clear();
        for (made, mentioned) in found {
            records.extend(made);
            next.extend(mentioned.into_iter().filter(|&id| seen.insert(id)));
        }
    }
    records
}

/// Members that the compiler makes of the raw values that cases are written with. Those texts are not part of a module file, and so the graphs are.
fn raw_value_members(db: &RootDatabase, unit: CompilationUnit) -> Vec<FnId> {
    let found = db.par_map(unit.files(db), |db, &file| {
        let declared = declarations(db, file).iter().copied();
        let enums = declared.filter(|def| def.kind(db) == DefKind::Enum);
        let members = enums.flat_map(|def| synth_members(db, def).iter().copied());
        let of_raw_values = |def: &DefId| {
            matches!(
                def.kind(db),
                DefKind::Synth(Synth::RawValue | Synth::InitRawValue)
            )
        };
        let kind = FnKind::Body;
        let members = members.filter(of_raw_values);
        members.map(|def| FnId { def, kind }).collect::<Vec<_>>()
    });
    found.concat()
}

/// The bytes of the module file.
pub(super) fn module_file(compiler: &Compiler) -> Vec<u8> {
    let (db, unit) = (&compiler.db, compiler.unit);
    let records = records(db, unit);
    let records: std::collections::BTreeMap<Fingerprint, &[u8]> = records
        .iter()
        .map(|(&key, bytes)| (key, bytes.as_slice()))
        .collect();
    encode(&header(compiler, &records), &records)
}

/// Bodies that importers compile into themselves say in which line they trap, so that importers notice when lines move there.
fn lines_of_exported_bodies(db: &RootDatabase, unit: CompilationUnit) -> Fingerprint {
    let exported = exported(db, unit);
    let shown: FxHashSet<SourceFile> = exported
        .bodies
        .iter()
        .filter_map(|&def| file_of(db, def))
        .collect();
    let mut hasher = StableHasher::new();
    for &file in unit.files(db).iter().filter(|file| shown.contains(file)) {
        for &def in body_owners(db, file) {
            lines_of_body(db, def).stable_hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn header(
    compiler: &Compiler,
    records: &std::collections::BTreeMap<Fingerprint, &[u8]>,
) -> ModuleHeader {
    let (db, unit) = (&compiler.db, compiler.unit);
    let tracked = &compiler.options.tracked;
    let name = tracked.module_name.to_string();
    let direct: Vec<String> = unit
        .files(db)
        .iter()
        .flat_map(|&file| file_scope(db, file).imports.clone())
        .map(|name| name.to_string())
        .collect();
    let reexported: Vec<String> = unit
        .files(db)
        .iter()
        .flat_map(|&file| file_scope(db, file).exported.clone())
        .map(|name| name.to_string())
        .collect();
    let upstream = compiler.modules.iter().map(|file| {
        let header = file.header();
        Upstream {
            name: header.name.clone(),
            stable_crate_id: header.stable_crate_id,
            svh: header.svh,
            interface: header.interface,
            is_reexported: reexported.contains(&header.name),
            is_direct: direct.contains(&header.name),
        }
    });
    let upstream: Vec<Upstream> = upstream.collect();
    let (svh, visible) = module_hashes(db, unit, &upstream);
    // Optimised importers compile all bodies into themselves, and may read every record.
    let mut hasher = StableHasher::new();
    tracked.stable_hash(&mut hasher);
    for (key, bytes) in records {
        key.stable_hash(&mut hasher);
        Fingerprint::of_bytes(bytes).stable_hash(&mut hasher);
    }
    for module in &upstream {
        hasher.write_u64(module.svh.0);
    }
    let own = (!tracked.opt_level.is_optimized()).then(|| own_hash(db, unit));
    let interface = match tracked.opt_level.is_optimized() {
        true => hasher.finish(),
        false => visible.combine(lines_of_exported_bodies(db, unit)),
    };
    ModuleHeader {
        stable_crate_id: tracked.stable_crate_id(),
        crate_metadata: tracked.crate_metadata.iter().cloned().collect(),
        name,
        svh,
        own,
        interface,
        has_mir: true,
        is_testable: tracked.enable_testing,
        target: tracked.target.triple().to_owned(),
        sources: unit
            .files(db)
            .iter()
            .map(|file| SourceInfo {
                path: file.path(db).to_owned(),
                hash: Fingerprint::of_bytes(file.text(db).as_bytes()),
            })
            .collect(),
        upstream,
        ..ModuleHeader::default()
    }
}

/// The bytes of a static library: the module, its objects, and its code as programs take it.
pub(super) fn library(
    compiler: &Compiler,
    module: &[u8],
    objects: &[Object],
    code: &Output,
) -> Result<Vec<u8>, Ending> {
    let codes = codegen::compiled::record_code(&compiler.db, compiler.unit, code);
    let codes = codes.iter().map(|(&key, bytes)| (key, bytes.as_slice()));
    let pack = pack::encode(&codes.collect());
    let names: Vec<String> = objects.iter().map(object_name).collect();
    let mut members: Vec<(&str, &[u8])> = vec![(METADATA_MEMBER, module)];
    let objects = objects.iter().zip(&names);
    members.extend(objects.map(|(object, name)| (name.as_str(), object.bytes.as_slice())));
    members.push((CODE_MEMBER, &pack));
    write_archive(&members).map_err(|error| {
        let message = format!("cannot make the archive ({error})");
        Diagnostic::global_error("archive", message).into()
    })
}

/// An object's name in an archive: that of its source.
fn object_name(object: &Object) -> String {
    let stem = Path::new(&object.input).file_stem();
    let stem = stem.and_then(|stem| stem.to_str());
    format!("{}.o", stem.filter(|s| !s.is_empty()).unwrap_or("module"))
}

/// What to say where the code of a module that is needed was not found.
pub(super) fn missing_code(db: &dyn Db, units: &[CompilationUnit]) -> Vec<Diagnostic> {
    let without = units.iter().filter(|unit| {
        unit.compiled(db)
            .is_some_and(|module| !module.code.exists())
    });
    let errors = without.map(|unit| {
        let name = unit.name(db);
        let message = format!(
            "cannot find the library of module '{name}' for linking: 'lib{name}.a' or 'lib{name}.rlib' of the same build is in no folder of -I or -L"
        );
        Diagnostic::global_error("missing-library", message)
    });
    errors.collect()
}
