//! Code from the database.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::table::Bits;
use super::update::{Failure, Generator, LinePlace, Update, made_from};
use super::{Changes, ProgramRecord, Stale, Words, words};
use crate::base::{Fingerprint, Idx, Name, Processors, StableHash, StableHasher};
use crate::codegen::blob::{LineKey, SymbolName};
use crate::codegen::cx::Program;
use crate::codegen::key::{CodeKey, CodeUnit, CodegenError, DynamicCall};
use crate::codegen::program::{
    DbProgram, can_conform, code_unit, definition_of_line, entry, line_number, opt_level,
    symbol_name,
};
use crate::codegen::{compiled, stored};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile};
use crate::items::compiled::coded_unit_of;
use crate::items::ids::{DefId, DefKind};
use crate::items::library::is_library_module;
use crate::items::{self, Anchor, file_def, file_of, module_of, presumed};
use crate::mir::data::Instance;
use crate::session::{DebugInfo, OptLevel};
use crate::types::ty::{Ty, TyKind, TyList};

/// More threads than this would mostly wait for the list of what is left to do.
const MAX_THREADS: usize = 16;

impl ProgramRecord {
    /// Brings the record up to date with a program whose entry is the unit's main file. When that fails, or a query is interrupted, the
    /// record is as it was.
    ///
    /// # Errors
    /// Code that could not be generated, which is a defect of the compiler.
    pub fn update(
        &mut self,
        db: &RootDatabase,
        unit: CompilationUnit,
        stale: &Stale<'_>,
    ) -> Result<Changes, Vec<CodegenError>> {
        let roots: Vec<CodeKey> = entry(db, unit, true).into_iter().collect();
        self.update_from(db, unit, &roots, stale, false)
    }

    /// The same for what begins with other keys. In a library everything that another module's library has is empty.
    ///
    /// # Errors
    /// As [`ProgramRecord::update`].
    pub fn update_from(
        &mut self,
        db: &RootDatabase,
        unit: CompilationUnit,
        roots: &[CodeKey],
        stale: &Stale<'_>,
        is_library: bool,
    ) -> Result<Changes, Vec<CodegenError>> {
        let is_optimized = opt_level(db) != OptLevel::None;
        let files: &[SourceFile] = match stale {
            Stale::Everything => &[],
            Stale::Bodies { files, .. } => files,
        };
        let processors = &*db.processors();
        let mut generators = generators(db, processors, unit, files, is_library);
        if let Stale::Bodies { bodies, .. } = stale
            && !self.is_empty()
            && !self.is_optimized
            && !is_optimized
            && let Some(generator) = generators.first()
        {
            let bodies = bodies.iter();
            let bodies = bodies.map(|&body| Words(words(generator.fingerprint(body))));
            let bodies: FxHashSet<Words> = bodies.collect();
            let stale = made_from(self, &bodies);
            match self.update_with(&mut generators, processors, roots, stale) {
                Ok((changed, gone)) => return Ok(Changes::Units { changed, gone }),
                Err(Failure::Errors(errors)) => return Err(errors),
                Err(Failure::Unknown) => {}
            }
        }
        let mut record = ProgramRecord {
            is_optimized,
            ..ProgramRecord::default()
        };
        match record.update_with(&mut generators, processors, roots, Bits::default()) {
            Ok(_) => {
                *self = record;
                Ok(Changes::Everything)
            }
            Err(Failure::Errors(errors)) => Err(errors),
            // Nothing is taken from an empty record.
            Err(Failure::Unknown) => Err(Vec::new()),
        }
    }

    /// An update with anything that generates code; returns the units that differ from before, and those that are gone.
    pub(in crate::codegen) fn update_with<G: Generator>(
        &mut self,
        generators: &mut [G],
        processors: &Processors,
        roots: &[CodeKey],
        stale: Bits,
    ) -> Result<(Vec<u32>, Vec<u32>), Failure> {
        let mut update = Update::new(self, generators, processors, stale);
        update.run(roots)?;
        let found = update.into_found();
        Ok(self.apply(found))
    }
}

/// A generator for each thread.
fn generators(
    db: &RootDatabase,
    processors: &Processors,
    unit: CompilationUnit,
    files: &[SourceFile],
    is_library: bool,
) -> Vec<DbGenerator> {
    let threads = processors.count().min(MAX_THREADS);
    let generator = || DbGenerator {
        db: db.clone(),
        files: files.to_vec(),
        wants_rows: unit.options(db).debug_info != DebugInfo::None,
        is_optimized: opt_level(db) != OptLevel::None,
        is_library,
        fingerprints: RefCell::default(),
        bodies: RefCell::default(),
    };
    (0..threads).map(|_| generator()).collect()
}

/// One thread's access to the queries.
struct DbGenerator {
    db: RootDatabase,
    /// Whether what other modules' libraries have is left to them.
    is_library: bool,
    files: Vec<SourceFile>,
    wants_rows: bool,
    is_optimized: bool,
    fingerprints: RefCell<FxHashMap<DefId, Fingerprint>>,
    bodies: RefCell<FxHashMap<DefId, Option<DefId>>>,
}

impl DbGenerator {
    fn body(&self, def: DefId) -> Option<DefId> {
        if let Some(&known) = self.bodies.borrow().get(&def) {
            return known;
        }
        let body = super::outermost_body(&self.db, def);
        self.bodies.borrow_mut().insert(def, body);
        body
    }
}

impl Generator for DbGenerator {
    fn unit(&self, key: CodeKey) -> Result<Arc<CodeUnit>, CodegenError> {
        if self.is_library
            && let Some(unit) = compiled::place_elsewhere(&self.db, key)
        {
            return Ok(Arc::new(unit));
        }
        code_unit(&self.db, key)
    }

    fn conforms(&self, metadata: CodeKey, descriptor: CodeKey) -> bool {
        let (protocol, constrained) = match descriptor {
            CodeKey::Protocol(protocol) => (protocol, None),
            CodeKey::ConstrainedProtocol(existential, protocol) => (protocol, Some(existential)),
            _ => return false,
        };
        let CodeKey::Metadata(ty) = metadata else {
            return false;
        };
        let p = DbProgram { db: &self.db };
        let conforms = || p.conforms(ty, protocol);
        can_conform(ty)
            && stored::stored_conformance(&self.db, ty, protocol, conforms)
            && constrained.is_none_or(|existential| p.fits(ty, existential))
    }

    fn serves(&self, call: DynamicCall, ty: Ty) -> bool {
        DbProgram { db: &self.db }.serves(call, ty)
    }

    fn symbol(&self, key: &CodeKey) -> SymbolName {
        symbol_name(&self.db, *key)
    }

    fn line(&self, key: LineKey) -> u32 {
        line_of(&self.db, key)
    }

    fn place(&self, key: LineKey) -> Option<(Name, u32)> {
        let def = definition_of_line(key);
        if is_library_module(module_of(&self.db, def).name(&self.db)) {
            return None;
        }
        if coded_unit_of(&self.db, def).is_some() {
            // The text is elsewhere; its lines are in the module's library.
            let line = stored::stored_line(&self.db, key).filter(|&line| line != 0)?;
            let file = file_of(&self.db, def)?;
            return Some((Name::new(file.path(&self.db)), line));
        }
        let anchor = Anchor::ExprPoint(def, Idx::from_raw(key.expr));
        let span = items::anchor::anchor_span(&self.db, anchor)?;
        let file = SourceFile::from_key(span.file);
        let line = presumed::presumed_line(&self.db, file, span.range.start());
        let path = presumed::presumed_path(&self.db, anchor);
        Some((path.unwrap_or_else(|| Name::new(file.path(&self.db))), line))
    }

    fn line_place(&self, key: LineKey) -> LinePlace {
        let def = definition_of_line(key);
        let file = file_of(&self.db, def).and_then(|file| file_def(&self.db, file));
        LinePlace {
            def: self.fingerprint(def),
            file: file.map_or(Fingerprint::ZERO, |file| self.fingerprint(file)),
        }
    }

    fn bodies(&self, key: &CodeKey) -> SmallVec<[DefId; 2]> {
        let mut bodies = SmallVec::new();
        // Optimised code contains other bodies too, so that nothing is said about it.
        if !self.is_optimized {
            mentioned(key, &mut |def| {
                if let Some(body) = self.body(def)
                    && !bodies.contains(&body)
                {
                    bodies.push(body);
                }
            });
        }
        bodies
    }

    fn fingerprint(&self, def: DefId) -> Fingerprint {
        if let Some(&known) = self.fingerprints.borrow().get(&def) {
            return known;
        }
        let parent = def.parent(&self.db);
        let parent = parent.map_or(Fingerprint::ZERO, |parent| self.fingerprint(parent));
        let found = step(&self.db, parent, def);
        self.fingerprints.borrow_mut().insert(def, found);
        found
    }

    fn moved(&self) -> FxHashMap<Fingerprint, u64> {
        let mut found = FxHashMap::default();
        for &file in &self.files {
            let mut queue = items::body_owners(&self.db, file).to_vec();
            while let Some(def) = queue.pop() {
                found.insert(self.fingerprint(def), line_number(def));
                queue.extend(items::local_body_owners(&self.db, def));
            }
        }
        found
    }

    fn moved_files(&self) -> Vec<Fingerprint> {
        let files = self.files.iter();
        let files = files.filter_map(|&file| file_def(&self.db, file));
        files.map(|file| self.fingerprint(file)).collect()
    }

    fn decode(&self, record: &ProgramRecord, id: u32) -> Option<CodeKey> {
        record.decode_key(&self.db, id)
    }

    fn wants_rows(&self) -> bool {
        self.wants_rows
    }
}

/// The fingerprint of a definition from that of its parent.
fn step(db: &dyn Db, parent: Fingerprint, def: DefId) -> Fingerprint {
    let mut hasher = StableHasher::new();
    parent.stable_hash(&mut hasher);
    match postcard::to_allocvec(&def.kind(db)) {
        Ok(kind) => kind.as_slice().stable_hash(&mut hasher),
        Err(_) => hasher.write_u8(0),
    }
    def.name(db).as_str().stable_hash(&mut hasher);
    hasher.write_u32(def.index(db));
    hasher.finish()
}

/// A number for a definition that is the same in every process: what a record knows bodies by.
pub fn def_fingerprint(db: &dyn Db, def: DefId) -> Fingerprint {
    let parent = def.parent(db);
    let parent = parent.map_or(Fingerprint::ZERO, |parent| def_fingerprint(db, parent));
    step(db, parent, def)
}

/// The line that an expression begins on.
pub fn line_of(db: &dyn Db, key: LineKey) -> u32 {
    if let Some(line) = stored::stored_line(db, key) {
        return line;
    }
    let def = definition_of_line(key);
    if def.kind(db) == DefKind::Module {
        return 0;
    }
    let anchor = Anchor::ExprPoint(def, Idx::from_raw(key.expr));
    let Some(span) = items::anchor::anchor_span(db, anchor) else {
        return 0;
    };
    let file = SourceFile::from_key(span.file);
    items::presumed::presumed_line(db, file, span.range.start())
}

/// Every definition that a key mentions.
fn mentioned(key: &CodeKey, note: &mut dyn FnMut(DefId)) {
    match *key {
        CodeKey::Function(instance)
        | CodeKey::ContextMetadata(instance)
        | CodeKey::DestroyContext(instance) => in_instance(instance, note),
        CodeKey::ValueThunk(instance, ty) => {
            in_instance(instance, note);
            in_type(ty, note);
        }
        CodeKey::WitnessThunk(def, args)
        | CodeKey::Global(def, args)
        | CodeKey::GlobalFlag(def, args)
        | CodeKey::GlobalInit(def, args) => {
            note(def);
            in_types(args, note);
        }
        CodeKey::VTableThunk(a, b, ty) => {
            note(a.def);
            note(b.def);
            in_type(ty, note);
        }
        CodeKey::DynamicInstance(call, ty) => {
            in_call(call, note);
            in_type(ty, note);
        }
        CodeKey::DynamicSlot(call) => in_call(call, note),
        CodeKey::WitnessTable(ty, def) | CodeKey::ConstrainedProtocol(ty, def) => {
            note(def);
            in_type(ty, note);
        }
        CodeKey::Protocol(def) | CodeKey::CastHook(def) => note(def),
        CodeKey::Metadata(ty)
        | CodeKey::Copy(ty)
        | CodeKey::Destroy(ty)
        | CodeKey::DestroyObject(ty)
        | CodeKey::EnumTag(ty)
        | CodeKey::EmptyObject(ty) => in_type(ty, note),
        CodeKey::StringObject(_)
        | CodeKey::Text(_)
        | CodeKey::TrapSite(..)
        | CodeKey::CastHooks => {}
    }
}

fn in_instance(instance: Instance, note: &mut dyn FnMut(DefId)) {
    note(instance.id.def);
    in_types(instance.args, note);
}

fn in_call(call: DynamicCall, note: &mut dyn FnMut(DefId)) {
    match call {
        DynamicCall::Opened { id, args, .. } | DynamicCall::Method { id, args } => {
            note(id.def);
            in_types(args, note);
        }
    }
}

fn in_types(types: TyList, note: &mut dyn FnMut(DefId)) {
    for ty in types.iter() {
        in_type(ty, note);
    }
}

fn in_type(ty: Ty, note: &mut dyn FnMut(DefId)) {
    ty.any_part(&mut |part| {
        match part.kind() {
            TyKind::Nominal { def, .. } => note(*def),
            TyKind::Existential(existential) => {
                existential.protocols.iter().for_each(|&def| note(def));
            }
            _ => {}
        }
        false
    });
}
