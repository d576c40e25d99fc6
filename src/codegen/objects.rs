//! A module's code as one piece for each of its files.
//!
//! Functions and global variables have a home: the file that declares them. Everything else (instances of generic functions, metadata, witness
//! tables, the standard library's code) can be made by any file, so each piece gets what it refers to, and the linker keeps one of equal ones.

use crate::base::{FxHashMap, FxHashSet};
use crate::db::{CompilationUnit, Db, SourceFile};
use crate::items::file_of;
use crate::items::ids::DefId;

use super::blob::{DataBlob, FunctionBlob, Linkage, SymbolName};
use super::key::CodeKey;
use super::program::symbol_name;
use super::record::Output;

/// The code of one file, sorted by symbol.
#[derive(Debug)]
pub struct FileCode<'a> {
    pub file: SourceFile,
    pub functions: Vec<&'a FunctionBlob>,
    pub data: Vec<&'a DataBlob>,
}

/// The definition that decides where a key is at home.
pub(super) fn definition(key: &CodeKey) -> Option<DefId> {
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
        // Functions of other modules are in one place too, and so is what a program knows of types.
        let is_elsewhere = super::compiled::home_elsewhere(db, key).is_some()
            || super::compiled::depends_on_program(key);
        if let Some(&home) = files.first().filter(|_| is_elsewhere) {
            homes.insert(symbol_name(db, *key), home);
        }
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
