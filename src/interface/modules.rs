//! Modules that were compiled before, and the module files that a compilation leaves.
//!
//! Before anything is resolved [`load`] finds the modules that the files' imports name, and those that these need in turn. Each becomes a
//! [`CompilationUnit`] without text. [`module_file`] and [`library`] make what other compilations load.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::base::{
    Fingerprint, FxHashMap, FxHashSet, Name, StableHash, StableHasher, fingerprint_of,
};
use crate::codegen;
use crate::codegen::compiled::in_library;
use crate::codegen::record::Output;
use crate::db::{
    CompilationUnit, CompiledModule, Db, ModuleRecords, RootDatabase, SourceFile, Workspace,
};
use crate::diag::Diagnostic;
use crate::items::compiled::{
    ModuleSummary, RecordMap, add_file_record, record_body, record_file, record_summary,
    summary_key,
};
use crate::items::ids::{DefKind, Synth};
use crate::items::library::{ResultKind, lines_of_body, record_lines};
use crate::items::outline::outline_fingerprint;
use crate::items::{
    DefId, body_owners, body_syntax, declarations, file_of, local_body_owners, module_of,
};
use crate::metadata::docs::{doc_records, module_docs};
use crate::metadata::interface::file_hash;
use crate::metadata::merge::whole;
use crate::metadata::{
    CODE_MEMBER, CStore, CrateLocator, CrateNum, LocateError, METADATA_MEMBER, ModuleError,
    ModuleFile, ModuleHeader, Part, PartFile, SearchPaths, Upstream, Wanted, encode, exported,
    pack, write_archive,
};
use crate::mir::data::{FnId, FnKind};
use crate::mir::mentions::functions_mentioned;
use crate::resolve::index::record_index;
use crate::resolve::scope::file_scope;
use crate::session::{Options, Target, TrackedOptions};
use crate::types::synth::synth_members;
use crate::vfs::System;
use crate::{bodies, mir};

use super::imported::Opened;
use super::stages::Object;
use super::{Compiler, Ending, linking};

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

    fn note_damage(&self) {
        if let Some(archive) = self.archive() {
            archive.note_damage();
        }
    }

    fn damaged(&self) -> Option<&str> {
        // Nobody can have met damage in an archive that has not been looked for.
        let archive = self.archive.get()?.as_ref()?;
        ModuleRecords::damaged(archive)
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
    /// The paths of those archives that are there, in the same order.
    pub archives: Vec<String>,
    /// What was found, in the order in which it was.
    pub opened: Vec<Opened>,
}

/// Finds the modules that imports name, and what these need.
///
/// A module of which there is no trace is the error of the import that names it, which may stand where it does not count; a file that is there and
/// cannot be used is an error of its own.
pub(super) fn load(
    db: &RootDatabase,
    system: &Arc<dyn System>,
    options: &Options,
    wanted: Vec<String>,
    library: CompilationUnit,
) -> Result<Loaded, Vec<Diagnostic>> {
    if wanted.is_empty() {
        return Ok(Loaded::default());
    }
    let paths = SearchPaths::of_options(options);
    let locator = CrateLocator::new(&**system, &paths, options.tracked.target);
    let (store, problems) = find(&locator, options, wanted);
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
    if !loader.errors.is_empty() {
        return Err(loader.errors);
    }
    let mut loaded = loader.loaded;
    let opened = store.crates().map(|(_, found)| {
        let library = found.library.clone();
        let before = |file: &ModuleFile| locator.before(file.path());
        let archive = library.archive.as_ref().and_then(before);
        let before = [before(&library.module), archive];
        Opened { library, before }
    });
    loaded.opened = opened.collect();
    Ok(loaded)
}

/// The modules with these names, as far as there is a trace of them, and what they need.
pub(super) fn find(
    locator: &CrateLocator<'_>,
    options: &Options,
    mut wanted: Vec<String>,
) -> (CStore, Vec<Diagnostic>) {
    wanted.retain(|name| {
        let wanted = Wanted {
            name: name.clone(),
            exactly: None,
        };
        let found = locator.locate(&wanted);
        !matches!(found, Err(LocateError::NotFound { candidates, .. }) if candidates.is_empty())
    });
    let (own, id) = (
        options.tracked.module_name,
        options.tracked.stable_crate_id(),
    );
    CStore::load(locator, own.as_str(), id, &wanted)
}

/// What is wrong with the modules that are imported, as far as anybody has met it by now: those of which a record is damaged. Whatever follows from them may be
/// wrong, errors included.
pub(super) fn damage(db: &dyn Db) -> Vec<Diagnostic> {
    let units = Workspace::try_get(db).map(|workspace| workspace.units(db));
    let compiled = units.unwrap_or_default().iter();
    let compiled = compiled.filter_map(|unit| unit.compiled(db));
    let mut paths: Vec<&str> = compiled
        .flat_map(|module| [module.interface.damaged(), module.code.damaged()])
        .flatten()
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().map(damaged_record).collect()
}

fn damaged_record(path: &str) -> Diagnostic {
    let error = ModuleError::damaged_record(path);
    Diagnostic::global_error("unloadable-module", error.to_string())
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
            self.errors.push(damaged_record(file.path()));
            return None;
        };
        let archive = found.library.archive.clone();
        let archive = archive.filter(|file| file.has_code());
        let path = archive.as_ref().map(|file| file.path().to_owned());
        self.loaded.archives.extend(path);
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
                enable_testing: file.header().is_testable,
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

/// The files that outputs are made of: all, or the primary ones of a frontend job.
fn own_files(compiler: &Compiler) -> Vec<(u32, SourceFile)> {
    let files = compiler.unit.files(&compiler.db).iter().copied();
    let primary = &compiler.options.untracked.primary_files;
    let is_own = |file: &SourceFile| {
        primary.is_empty() || primary.iter().any(|path| path == file.path(&compiler.db))
    };
    let numbered = (0..).zip(files);
    numbered.filter(|(_, file)| is_own(file)).collect()
}

/// The records of some files of the module that is compiled, and the keys of the graphs among them.
fn records(
    db: &RootDatabase,
    unit: CompilationUnit,
    own: &[SourceFile],
) -> (RecordMap, Vec<Fingerprint>) {
    let mut records = RecordMap::new();
    record_summary(db, unit, &mut records);
    // The part of the first file speaks for the module as a whole.
    if own.first() == unit.files(db).first() {
        record_index(db, unit, &mut records);
    }
    let files = db.par_map(own, |db, &file| {
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
    let graphs = graphs(db, unit, own, &owners);
    let keys = graphs.keys().copied().collect();
    records.extend(graphs);
    (records, keys)
}

/// The graphs of functions that importers compile into themselves: those of exported bodies, and of what these mention as far as no library has it. Importers cannot
/// notice a change of any other body. Only what was optimised is an exception, with all graphs: its importers are compiled again whenever anything changes.
fn graphs(
    db: &RootDatabase,
    unit: CompilationUnit,
    files: &[SourceFile],
    owners: &[DefId],
) -> RecordMap {
    let module = crate::items::module_def(db, unit);
    // The standard library leaves no code, and the compiler itself calls what is not exported of it.
    let shows_all = unit.options(db).opt_level.is_optimized() || unit.is_library(db);
    let exported = (!shows_all).then(|| exported(db, unit));
    let is_shown = |db: &dyn Db, def: DefId| {
        exported
            .as_ref()
            .is_none_or(|exported| exported.exports_body(db, def))
    };
    let own: FxHashSet<SourceFile> = files.iter().copied().collect();
    let is_complete = own.len() == unit.files(db).len();
    // The part of another file has it in any case.
    let is_others = |db: &dyn Db, id: FnId| {
        let is_body = !matches!(
            id.kind,
            FnKind::GlobalAddress
                | FnKind::DestroyObject
                | FnKind::CaseConstructor
                | FnKind::PropertyGet
                | FnKind::PropertySet
                | FnKind::PropertyAddress
                | FnKind::ValueThunk
                | FnKind::BoundMethodThunk
                | FnKind::KeyPathGet(_)
                | FnKind::KeyPathSet(_)
        );
        !is_complete
            && is_body
            && is_shown(db, id.def)
            && file_of(db, id.def).is_some_and(|file| !own.contains(&file))
            && body_syntax(db, id.def).is_some()
    };
    let mut next: Vec<FnId> = Vec::new();
    for list in db.par_map(owners, |db, &def| {
        if !is_shown(db, def) {
            return Vec::new();
        }
        let mut ids = mir::functions_of(db, def);
        let others = [FnKind::Allocate, FnKind::EndAccess];
        ids.extend(others.map(|kind| FnId { def, kind }));
        ids
    }) {
        next.extend(list);
    }
    next.extend(raw_value_members(db, files));
    let mut seen: FxHashSet<FnId> = next.iter().copied().collect();
    let mut records = RecordMap::new();
    while !next.is_empty() {
        let found = db.par_map(&next, |db, &id| {
            let mut records = RecordMap::new();
            let mut mentioned = Vec::new();
            if let Some(graph) = mir::mir(db, id) {
                mir::record_mir(db, id, graph, &mut records);
                functions_mentioned(graph, &mut |id| {
                    let is_own = module_of(db, id.def) == module;
                    let is_needed = || is_shown(db, id.def) || !in_library(db, id);
                    if is_own && is_needed() && !is_others(db, id) {
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
fn raw_value_members(db: &RootDatabase, files: &[SourceFile]) -> Vec<FnId> {
    let found = db.par_map(files, |db, &file| {
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

/// What a compilation leaves for importers: the bytes of the module file, and its header.
pub(super) struct Module {
    pub bytes: Vec<u8>,
    pub header: ModuleHeader,
}

/// Makes the module file, or for a frontend job the part of it that belongs to the primary files.
pub(super) fn module_file(compiler: &Compiler) -> Module {
    let (db, unit) = (&compiler.db, compiler.unit);
    let own = own_files(compiler);
    let common = common_header(db, unit, &compiler.modules);
    if compiler.options.untracked.primary_files.is_empty() {
        return whole_module(db, unit, own, &common, RecordMap::new());
    }
    let files: Vec<SourceFile> = own.iter().map(|&(_, file)| file).collect();
    let (records, graphs) = records(db, unit, &files);
    let mut part = part(db, unit, own, graphs);
    part.docs = doc_records(db, unit, &files);
    let header = ModuleHeader {
        part: Some(part),
        ..common
    };
    Module::new(header, &records)
}

/// Makes the module file of the standard library, in a database that has its sources. There is no code beside it, and so it has the lines of bodies, too.
pub(super) fn library_file(db: &RootDatabase, library: CompilationUnit) -> Module {
    let own: Vec<_> = (0..).zip(library.files(db).iter().copied()).collect();
    let lines = db.par_map(library.files(db), |db, &file| {
        let mut records = RecordMap::new();
        let mut bodies = body_owners(db, file).to_vec();
        let mut at = 0;
        while let Some(&def) = bodies.get(at) {
            bodies.extend(local_body_owners(db, def));
            record_lines(db, def, &mut records);
            at += 1;
        }
        records
    });
    let lines = lines.into_iter().flatten().collect();
    let common = common_header(db, library, &[]);
    whole_module(db, library, own, &common, lines)
}

fn whole_module(
    db: &RootDatabase,
    unit: CompilationUnit,
    own: Vec<(u32, SourceFile)>,
    common: &ModuleHeader,
    others: RecordMap,
) -> Module {
    let files: Vec<SourceFile> = own.iter().map(|&(_, file)| file).collect();
    let (mut records, graphs) = records(db, unit, &files);
    records.extend(others);
    let part = part(db, unit, own, graphs);
    let print = |key| {
        let record = records.get(&key);
        record.map_or(Fingerprint::ZERO, |bytes| Fingerprint::of_bytes(bytes))
    };
    let header = whole(common, &[&part], records.keys(), &print);
    Module::new(header, &records)
}

impl Module {
    fn new(header: ModuleHeader, records: &RecordMap) -> Module {
        let records = records
            .iter()
            .map(|(&key, bytes)| (key, bytes.as_slice()))
            .collect();
        Module {
            bytes: encode(&header, &records),
            header,
        }
    }
}

/// What some files contribute to the header of the module.
fn part(
    db: &RootDatabase,
    unit: CompilationUnit,
    own: Vec<(u32, SourceFile)>,
    graphs: Vec<Fingerprint>,
) -> Part {
    let exported = exported(db, unit);
    let shown: FxHashSet<SourceFile> = exported
        .bodies
        .iter()
        .filter_map(|&def| file_of(db, def))
        .collect();
    let own = db.par_map(&own, |db, &(number, file)| PartFile {
        number,
        text: Fingerprint::of_bytes(file.text(db).as_bytes()),
        content: file_hash(db, file),
        lines: match shown.contains(&file) {
            true => lines_of_bodies(db, file),
            false => Fingerprint::ZERO,
        },
    });
    let outlines = db.par_map(unit.files(db), |db, &file| outline_fingerprint(db, file));
    let mut hasher = StableHasher::new();
    outlines.stable_hash(&mut hasher);
    let files = unit.files(db).iter();
    Part {
        files: files.map(|file| file.path(db).to_owned()).collect(),
        own,
        options: fingerprint_of(unit.options(db)),
        is_optimized: unit.options(db).opt_level.is_optimized(),
        outlines: hasher.finish(),
        shown: exported.hash,
        graphs,
        docs: std::collections::BTreeMap::new(),
    }
}

/// Bodies that importers compile into themselves say in which line they trap, so that importers notice when lines move there.
fn lines_of_bodies(db: &dyn Db, file: SourceFile) -> Fingerprint {
    let mut hasher = StableHasher::new();
    for &def in body_owners(db, file) {
        lines_of_body(db, def).stable_hash(&mut hasher);
    }
    hasher.finish()
}

/// The header without what follows from single files: the same for every frontend job.
fn common_header(db: &RootDatabase, unit: CompilationUnit, modules: &[ModuleFile]) -> ModuleHeader {
    let tracked = unit.options(db);
    let files = unit.files(db).iter();
    let scopes: Vec<_> = files.map(|&file| file_scope(db, file)).collect();
    let direct: FxHashSet<&str> = scopes
        .iter()
        .flat_map(|scope| scope.imports.iter().map(|name| name.as_str()))
        .collect();
    let reexported: FxHashSet<&str> = scopes
        .iter()
        .flat_map(|scope| scope.exported.iter().map(|name| name.as_str()))
        .collect();
    let upstream = modules.iter().map(|file| {
        let header = file.header();
        Upstream {
            name: header.name.clone(),
            stable_crate_id: header.stable_crate_id,
            svh: header.svh,
            interface: header.interface,
            is_reexported: reexported.contains(header.name.as_str()),
            is_direct: direct.contains(header.name.as_str()),
        }
    });
    ModuleHeader {
        stable_crate_id: tracked.stable_crate_id(),
        crate_metadata: tracked.crate_metadata.iter().cloned().collect(),
        name: tracked.module_name.to_string(),
        has_mir: true,
        is_testable: tracked.enable_testing,
        target: tracked.target.triple().to_owned(),
        upstream: upstream.collect(),
        autolink: linking::own_entries(tracked, modules),
        ..ModuleHeader::default()
    }
}

/// The bytes of the documentation file, which has the module's header.
pub(super) fn docs(compiler: &Compiler, header: &ModuleHeader) -> Vec<u8> {
    module_docs(&compiler.db, compiler.unit, header)
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
