//! Code of modules that were compiled before, and the code that a module leaves to those who import it.
//!
//! A function without generic parameters is *at home* in its module: the module's library has its code, and programs take it from there.
//! Everything else that a module's types and functions give rise to (instances, metadata, witness tables, thunks) may be in the library of any
//! module that needed it, and is generated again where it is not.

use crate::base::FxHashSet;
use crate::db::{CompilationUnit, Db, RootDatabase, Workspace};
use crate::items::compiled::{RecordMap, coded_unit_of, read_record, record_key};
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::items::library::{ResultKind, is_library_module, record_lines};
use crate::items::{
    body_owners, body_syntax, declarations, enclosing_body, local_body_owners, module_of,
};
use crate::mir::data::{FnId, FnKind, Instance};
use crate::resolve::is_static_member;
use crate::types::codec;
use crate::types::generics::generics;
use crate::types::nominal::{declared_self_type, is_stored};
use crate::types::ty::TyList;

use super::blob::{DataBlob, LineKey, Linkage, SymbolName};
use super::cx::Program;
use super::key::{Blob, CodeKey, CodeUnit};
use super::objects::definition;
use super::program::{DbProgram, c_symbol, code_unit, definition_of_line, entry, symbol_name};
use super::record::{Output, ProgramRecord};
use super::stored;

/// The code of a key in the libraries of the modules that are imported.
pub(super) fn compiled_unit(db: &dyn Db, key: CodeKey) -> Option<CodeUnit> {
    let units = Workspace::try_get(db)?.units(db);
    let mut packs = units
        .iter()
        .filter_map(|unit| Some(&unit.compiled(db)?.code))
        .peekable();
    packs.peek()?;
    if !is_kept(key) {
        return None;
    }
    let about = codec::encode(db, &key)?;
    let is_compiled = |name| {
        let mut named = units.iter().filter(|unit| unit.name(db) == name);
        named.any(|unit| unit.compiled(db).is_some())
    };
    let mut own = about.modules.clone();
    own.retain(|&name| !is_library_module(name));
    if own.is_empty() || !own.into_iter().all(is_compiled) {
        return None;
    }
    let place = record_key(ResultKind::Code, &about.bytes);
    packs.find_map(|pack| {
        let bytes = pack.record(place)?;
        read_record(&**pack, bytes, |bytes| stored::decode(db, bytes))
    })
}

/// Whether code is worth looking for: the rest is made faster than found, or belongs to a program as a whole.
fn is_kept(key: CodeKey) -> bool {
    !matches!(
        key,
        CodeKey::CastHooks
            | CodeKey::CastHook(_)
            | CodeKey::StringObject(_)
            | CodeKey::Text(_)
            | CodeKey::TrapSite(..)
            | CodeKey::DynamicSlot(_)
    )
}

/// The module whose library must have the code of a key, where that is not the module that is compiled.
pub fn home_elsewhere(db: &dyn Db, key: &CodeKey) -> Option<CompilationUnit> {
    let (def, id) = match *key {
        CodeKey::Function(Instance { id, args }) if args.is_empty() => (id.def, Some(id)),
        CodeKey::Global(def, args)
        | CodeKey::GlobalFlag(def, args)
        | CodeKey::GlobalInit(def, args)
            if args.is_empty() =>
        {
            (def, None)
        }
        _ => return None,
    };
    let unit = coded_unit_of(db, def)?;
    let is_local = def
        .parent(db)
        .is_some_and(|parent| enclosing_body(db, parent).is_some());
    let is_home = !is_local && id.is_none_or(|id| is_at_home(db, id));
    is_home.then_some(unit)
}

/// Whether a function of a module is one that its library always has.
fn is_at_home(db: &dyn Db, id: FnId) -> bool {
    let kind = id.def.kind(db);
    let fits = match id.kind {
        FnKind::Body => matches!(
            kind,
            DefKind::Func
                | DefKind::Init
                | DefKind::Deinit
                | DefKind::WrapperInit
                | DefKind::Accessor(_)
        ),
        FnKind::Allocate => {
            let class = crate::resolve::container_of(db, id.def);
            kind == DefKind::Init && class.is_some_and(|of| of.kind(db) == DefKind::Class)
        }
        FnKind::EndAccess => kind == DefKind::Accessor(AccessorKind::Modify),
        FnKind::DefaultArg => kind == DefKind::DefaultArg,
        _ => false,
    };
    fits && body_syntax(db, id.def).is_some()
}

/// Whether the library of a function's module has its code, so that importers need no graph of it.
pub fn in_library(db: &dyn Db, id: FnId) -> bool {
    let owner = owner_of(db, id.def);
    let parent = owner.parent(db);
    let is_local = parent.is_some_and(|parent| enclosing_body(db, parent).is_some());
    !is_local && is_plain(db, owner) && is_at_home(db, id)
}

/// The code of a module's library, of a record of which [`roots`] are the roots: what is at home in it, and what that needs beyond the libraries of other
/// modules.
pub fn library(db: &RootDatabase, record: &ProgramRecord) -> Output {
    let mut output = record.output();
    // Others have the code of these; here they have been empty places.
    let mut elsewhere: FxHashSet<SymbolName> = FxHashSet::default();
    // Thunks and the like of another module's declarations: its library has them only if it needs them itself.
    let mut copies: FxHashSet<SymbolName> = FxHashSet::default();
    output.keys.retain(|key| {
        let is_own = home_elsewhere(db, key).is_none();
        if !is_own {
            elsewhere.insert(symbol_name(db, *key));
        } else if let CodeKey::Function(instance) = key
            && coded_unit_of(db, instance.id.def).is_some()
        {
            copies.insert(symbol_name(db, *key));
        }
        is_own
    });
    for function in &mut output.functions {
        if copies.contains(&function.symbol) {
            function.linkage = Linkage::Shared;
        }
    }
    output
        .functions
        .retain(|blob| !elsewhere.contains(&blob.symbol));
    output.data.retain(|blob| !elsewhere.contains(&blob.symbol));
    output
}

/// Whether a datum is filled in from the program as a whole: with conformances that are looked up, and with instances of dynamic calls and their numbers.
pub(super) fn depends_on_program(key: &CodeKey) -> bool {
    matches!(key, CodeKey::Metadata(_) | CodeKey::DynamicSlot(_))
}

/// The code of a program with all that it uses of other modules, for objects that are linked with those of these modules.
///
/// What depends on the program as a whole each module's objects have as far as the module knows it, and only the program's own are complete. So theirs are weak
/// and the program's are not: it does not matter where they stand on a linker's command line. Functions and storage of other modules give way to their own.
pub fn program_objects(db: &RootDatabase, record: &ProgramRecord) -> Output {
    let mut output = record.output();
    let mut complete: FxHashSet<SymbolName> = FxHashSet::default();
    let mut copies: FxHashSet<SymbolName> = FxHashSet::default();
    for key in &output.keys {
        if depends_on_program(key) {
            complete.insert(symbol_name(db, *key));
        } else if definition(key).is_some_and(|def| coded_unit_of(db, def).is_some()) {
            copies.insert(symbol_name(db, *key));
        }
    }
    for function in &mut output.functions {
        if copies.contains(&function.symbol) {
            function.linkage = Linkage::Shared;
        }
    }
    for datum in &mut output.data {
        if complete.contains(&datum.symbol) {
            datum.linkage = Linkage::Global;
        } else if copies.contains(&datum.symbol) {
            datum.linkage = Linkage::Shared;
        }
    }
    output
}

/// What stands for code that another module's library has, while a library is made.
pub(super) fn place_elsewhere(db: &dyn Db, key: CodeKey) -> Option<CodeUnit> {
    home_elsewhere(db, &key)?;
    let blob = DataBlob {
        symbol: symbol_name(db, key),
        linkage: Linkage::Global,
        align: 1,
        ..DataBlob::default()
    };
    Some(CodeUnit {
        blob: Blob::Data(blob),
        references: Vec::new(),
        dynamic_protocols: Vec::new(),
    })
}

/// Everything that a module has, whether the program uses it or not: its main code, functions, storage and metadata without generic parameters.
pub fn roots(db: &RootDatabase, unit: CompilationUnit) -> Vec<CodeKey> {
    let mut roots: Vec<CodeKey> = entry(db, unit, false).into_iter().collect();
    for list in db.par_map(unit.files(db), |db, &file| {
        let mut keys = Vec::new();
        for &def in body_owners(db, file) {
            functions(db, def, &mut keys);
        }
        for &def in declarations(db, file) {
            data(db, def, &mut keys);
        }
        keys
    }) {
        roots.extend(list);
    }
    roots
}

/// The definition whose generic parameters a body may use.
fn owner_of(db: &dyn Db, def: DefId) -> DefId {
    match def.kind(db) {
        DefKind::DefaultArg | DefKind::WrapperInit => def.parent(db).unwrap_or(def),
        _ => def,
    }
}

fn is_plain(db: &dyn Db, def: DefId) -> bool {
    generics(db, def).params.is_empty()
}

/// The functions at home in a module that a body makes.
fn functions(db: &dyn Db, def: DefId, keys: &mut Vec<CodeKey>) {
    let kinds = [
        FnKind::Body,
        FnKind::Allocate,
        FnKind::EndAccess,
        FnKind::DefaultArg,
    ];
    if !is_plain(db, owner_of(db, def)) {
        return;
    }
    for kind in kinds {
        let id = FnId { def, kind };
        if is_at_home(db, id) && crate::mir::mir(db, id).is_some() {
            let args = TyList::empty();
            keys.push(CodeKey::Function(Instance { id, args }));
            if kind == FnKind::Body && c_symbol(db, def).is_some() {
                keys.push(CodeKey::CastHook(def));
            }
        }
    }
}

/// Metadata and storage that a declaration stands for.
fn data(db: &dyn Db, def: DefId, keys: &mut Vec<CodeKey>) {
    match def.kind(db) {
        DefKind::Struct | DefKind::Enum | DefKind::Class if is_plain(db, def) => {
            keys.extend(declared_self_type(db, def).map(CodeKey::Metadata));
        }
        DefKind::Var => {
            let is_global = def
                .parent(db)
                .is_some_and(|parent| parent.kind(db) == DefKind::File);
            let stored = is_stored(db, def);
            if !stored || !(is_global || is_static_member(db, def)) || !is_plain(db, def) {
                return;
            }
            let args = TyList::empty();
            keys.push(CodeKey::Global(def, args));
            if let Some(initial) = (DbProgram { db }).global_initial_value(def) {
                keys.push(CodeKey::GlobalFlag(initial.leader, args));
                keys.push(CodeKey::GlobalInit(initial.leader, args));
            }
        }
        _ => {}
    }
}

/// Records the code of a module's library, and the lines that it knows.
pub fn record_code(db: &RootDatabase, unit: CompilationUnit, code: &Output) -> RecordMap {
    let module = crate::items::module_def(db, unit);
    let found = db.par_map(&code.keys, |db, &key| {
        let about = codec::encode(db, &key).filter(|_| is_kept(key))?;
        let belongs_to_all = about.modules.iter().all(|&name| is_library_module(name));
        if belongs_to_all {
            return None;
        }
        let unit = code_unit(db, key).ok()?;
        let mut lines: Vec<DefId> = lines_in(&unit).map(definition_of_line).collect();
        lines.retain(|&def| def.kind(db) != DefKind::Module && module_of(db, def) == module);
        let place = record_key(ResultKind::Code, &about.bytes);
        Some((place, stored::encode(db, &unit)?, lines))
    });
    let mut records = RecordMap::new();
    let mut bodies: FxHashSet<DefId> = FxHashSet::default();
    for (place, bytes, lines) in found.into_iter().flatten() {
        records.insert(place, bytes);
        bodies.extend(lines);
    }
    // Those who import the module compile generic bodies for types of their own, and say where these trap too.
    let files = unit.files(db).iter();
    let owners = files.flat_map(|&file| body_owners(db, file)).copied();
    let mut generic: Vec<DefId> = owners
        .filter(|&def| !is_plain(db, owner_of(db, def)))
        .collect();
    while let Some(def) = generic.pop() {
        if bodies.insert(def) {
            generic.extend(local_body_owners(db, def));
        }
    }
    let bodies: Vec<DefId> = bodies.into_iter().collect();
    let lines = db.par_map(&bodies, |db, &def| {
        let mut records = RecordMap::new();
        record_lines(db, def, &mut records);
        records
    });
    records.extend(lines.into_iter().flatten());
    records
}

fn lines_in(unit: &CodeUnit) -> impl Iterator<Item = LineKey> {
    let (relocs, rows) = match &unit.blob {
        Blob::Function(blob) => (&blob.line_relocs, &blob.line_rows[..]),
        Blob::Data(blob) => (&blob.line_relocs, &[][..]),
    };
    let relocs = relocs.iter().map(|reloc| reloc.key);
    relocs.chain(rows.iter().map(|row| row.key))
}
