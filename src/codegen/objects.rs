//! A module's code as one piece for each of its files.
//!
//! Functions and global variables have a home: the file that declares them. Everything else (instances of generic functions, metadata, witness
//! tables, the standard library's code) can be made by any file, so each piece gets what it refers to, and the linker keeps one of equal ones.

use crate::base::{FxHashMap, FxHashSet};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile};
use crate::items::ids::{DefId, DefKind};
use crate::items::{body_owners, declarations, file_of};
use crate::mir::data::{FnId, FnKind, Instance};
use crate::types::generics::generics;
use crate::types::nominal::declared_self_type;
use crate::types::ty::TyList;

use super::blob::{DataBlob, FunctionBlob, Linkage, SymbolName};
use super::key::CodeKey;
use super::metadata;
use super::program::{c_symbol, main_code, symbol_name};
use super::record::{Output, ProgramRecord, Stale};

/// The code of one file, sorted by symbol.
#[derive(Debug)]
pub struct FileCode<'a> {
    pub file: SourceFile,
    pub functions: Vec<&'a FunctionBlob>,
    pub data: Vec<&'a DataBlob>,
}

/// The code of a whole module: everything that has a home in it, whether the program uses it or not, and what that refers to.
pub fn module(db: &RootDatabase, unit: CompilationUnit) -> Output {
    let mut roots: Vec<CodeKey> = main_code(db, unit)
        .map(metadata::main_key)
        .into_iter()
        .collect();
    for &file in unit.files(db) {
        roots.extend(homed(db, file));
    }
    let mut record = ProgramRecord::default();
    match record.update_from(db, unit, &roots, &Stale::Everything) {
        Ok(_) => record.output(),
        Err(errors) => Output::failed(errors),
    }
}

/// What other files may refer to: functions and initialisers of types without generic parameters, and metadata, through which methods are reached.
fn homed(db: &dyn Db, file: SourceFile) -> Vec<CodeKey> {
    let is_plain = |def: DefId| generics(db, def).params.is_empty();
    let function = |def: DefId, kind: FnKind| {
        CodeKey::Function(Instance {
            id: FnId { def, kind },
            args: TyList::empty(),
        })
    };
    let mut keys = Vec::new();
    for &def in body_owners(db, file) {
        let kind = match def.kind(db) {
            DefKind::Func | DefKind::Accessor(_) => FnKind::Body,
            DefKind::Init => match def.parent(db).and_then(|of| declared_self_type(db, of)) {
                Some(ty) if is_class(db, ty.nominal_def()) => FnKind::Allocate,
                _ => FnKind::Body,
            },
            _ => continue,
        };
        if is_plain(def) {
            keys.push(function(def, kind));
            if kind == FnKind::Body && c_symbol(db, def).is_some() {
                keys.push(CodeKey::CastHook(def));
            }
        }
    }
    for &def in declarations(db, file) {
        match def.kind(db) {
            DefKind::Struct | DefKind::Enum | DefKind::Class if is_plain(def) => {
                keys.extend(declared_self_type(db, def).map(CodeKey::Metadata));
            }
            _ => {}
        }
    }
    keys
}

fn is_class(db: &dyn Db, nominal: Option<DefId>) -> bool {
    nominal.is_some_and(|def| def.kind(db) == DefKind::Class)
}

/// The definition that decides where a key is at home.
fn definition(key: &CodeKey) -> Option<DefId> {
    match key {
        CodeKey::Function(instance) => Some(instance.id.def),
        CodeKey::CastHook(def) => Some(*def),
        CodeKey::Global(def, _) | CodeKey::GlobalFlag(def, _) | CodeKey::GlobalInit(def, _) => {
            Some(*def)
        }
        _ => None,
    }
}

/// Divides a module's code among its files.
pub fn by_file<'a>(db: &dyn Db, unit: CompilationUnit, code: &'a Output) -> Vec<FileCode<'a>> {
    let files = unit.files(db);
    let mut homes: FxHashMap<SymbolName, SourceFile> = FxHashMap::default();
    for key in &code.keys {
        let home = definition(key).and_then(|def| file_of(db, def));
        if let Some(home) = home.filter(|home| files.contains(home)) {
            homes.insert(symbol_name(db, *key), home);
        }
    }
    let functions: FxHashMap<SymbolName, &FunctionBlob> =
        code.functions.iter().map(|b| (b.symbol, b)).collect();
    let data: FxHashMap<SymbolName, &DataBlob> = code.data.iter().map(|b| (b.symbol, b)).collect();
    let is_global = |symbol: SymbolName| {
        let function = functions.get(&symbol).map(|b| b.linkage);
        function.or_else(|| data.get(&symbol).map(|b| b.linkage)) == Some(Linkage::Global)
    };
    homes.retain(|&symbol, _| is_global(symbol));
    let mut own: FxHashMap<SourceFile, Vec<SymbolName>> = FxHashMap::default();
    for (&symbol, &file) in &homes {
        own.entry(file).or_default().push(symbol);
    }
    let piece = |&file: &SourceFile| {
        let mut queue = own.get(&file).cloned().unwrap_or_default();
        let mut seen: FxHashSet<SymbolName> = queue.iter().copied().collect();
        let mut piece = FileCode {
            file,
            functions: Vec::new(),
            data: Vec::new(),
        };
        while let Some(symbol) = queue.pop() {
            let mut follow = |target: SymbolName| {
                if !homes.contains_key(&target) && seen.insert(target) {
                    queue.push(target);
                }
            };
            if let Some(&blob) = functions.get(&symbol) {
                blob.targets().for_each(&mut follow);
                piece.functions.push(blob);
            } else if let Some(&blob) = data.get(&symbol) {
                blob.targets().for_each(&mut follow);
                piece.data.push(blob);
            }
        }
        piece.functions.sort_by_key(|blob| blob.symbol);
        piece.data.sort_by_key(|blob| blob.symbol);
        piece
    };
    files.iter().map(piece).collect()
}
