//! Code of the standard library that an earlier process has generated.
//!
//! A key that mentions nothing but the library stands for the same code in every program, as long as the program does not make the
//! library's types conform to the library's protocols. So such code is kept, with the keys that it refers to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::db::Db;
use crate::items::compiled::compiled_unit_of;
use crate::items::ids::{DefId, DefKind};
use crate::items::library::{ResultKind, is_library_module, result_key};
use crate::items::module_of;
use crate::resolve::extended::library_is_extended;
use crate::types::codec;
use crate::types::ty::{Ty, TyKind};

use super::blob::{
    DataBlob, FunctionBlob, LineKey, LineReloc, LineRow, Linkage, Reloc, RelocKind, SymbolName,
};
use super::key::{Blob, CodeKey, CodeUnit, CodegenError};
use super::program::{definition_of_line, line_number};

/// A [`CodeUnit`] with numbers for what repeats itself.
#[derive(Serialize, Deserialize)]
struct StoredUnit<'a> {
    is_function: bool,
    linkage: Linkage,
    bytes: &'a [u8],
    zero_size: u64,
    align: u32,
    writable: bool,
    /// The symbol itself comes first, then those of the relocations.
    symbols: Vec<&'a str>,
    relocs: Vec<(u32, RelocKind, u32, i64)>,
    /// Expressions whose lines the unit knows.
    lines: Vec<(DefId, u32)>,
    line_relocs: Vec<(u32, u32)>,
    line_rows: Vec<(u32, u32)>,
    references: Vec<CodeKey>,
    dynamic_protocols: Vec<CodeKey>,
}

/// The number of a value in a list of distinct ones.
fn number<T: Copy + PartialEq>(list: &mut Vec<T>, value: T) -> u32 {
    let found = list.iter().position(|&known| known == value);
    found.unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    }) as u32
}

pub(super) fn encode(db: &dyn Db, unit: &CodeUnit) -> Option<Vec<u8>> {
    let (symbol, linkage, bytes, align, relocs, line_relocs) = match &unit.blob {
        Blob::Function(b) => (
            b.symbol,
            b.linkage,
            &b.code,
            b.align,
            &b.relocs,
            &b.line_relocs,
        ),
        Blob::Data(b) => (
            b.symbol,
            b.linkage,
            &b.bytes,
            b.align,
            &b.relocs,
            &b.line_relocs,
        ),
    };
    let (rows, zero_size, writable): (&[LineRow], _, _) = match &unit.blob {
        Blob::Function(b) => (&b.line_rows, 0, false),
        Blob::Data(b) => (&[], b.zero_size, b.writable),
    };
    let mut symbols = vec![symbol];
    let mut lines: Vec<LineKey> = Vec::new();
    let relocs = relocs.iter().map(|r| {
        let target = number(&mut symbols, r.target);
        (r.offset, r.kind, target, r.addend)
    });
    let relocs = relocs.collect();
    let line_relocs = line_relocs.iter();
    let line_relocs = line_relocs
        .map(|r| (r.offset, number(&mut lines, r.key)))
        .collect();
    let line_rows = rows.iter().map(|r| (r.offset, number(&mut lines, r.key)));
    let line_rows = line_rows.collect();
    let lines = lines.into_iter();
    let stored = StoredUnit {
        is_function: matches!(unit.blob, Blob::Function(_)),
        linkage,
        bytes,
        zero_size,
        align,
        writable,
        symbols: symbols.into_iter().map(SymbolName::as_str).collect(),
        relocs,
        lines: lines
            .map(|key| (definition_of_line(key), key.expr))
            .collect(),
        line_relocs,
        line_rows,
        references: unit.references.clone(),
        dynamic_protocols: unit.dynamic_protocols.clone(),
    };
    codec::encode(db, &stored).map(|encoded| encoded.bytes)
}

/// More than any type asks for.
const MAX_ALIGN: u32 = 1 << 16;
/// More than any program has, and little enough for sums of many.
const MAX_ZEROS: u64 = 1 << 40;

pub(super) fn decode(db: &dyn Db, bytes: &[u8]) -> Option<CodeUnit> {
    let stored: StoredUnit<'_> = codec::decode(db, bytes)?;
    let symbols: Vec<SymbolName> = stored
        .symbols
        .iter()
        .map(|text| SymbolName::new(text))
        .collect();
    let symbol = *symbols.first()?;
    // Images are laid out by these numbers, so that nobody may write others than code generation does.
    let has_fitting_size = stored.align.is_power_of_two()
        && stored.align <= MAX_ALIGN
        && stored.zero_size <= MAX_ZEROS;
    if !has_fitting_size {
        return None;
    }
    let lines = stored.lines.iter();
    let lines: Vec<LineKey> = lines
        .map(|&(def, expr)| LineKey {
            def: line_number(def),
            expr,
        })
        .collect();
    let reloc = |(offset, kind, target, addend): (u32, RelocKind, u32, i64)| {
        let target = *symbols.get(target as usize)?;
        Some(Reloc {
            offset,
            kind,
            target,
            addend,
        })
    };
    let relocs = stored
        .relocs
        .into_iter()
        .map(reloc)
        .collect::<Option<_>>()?;
    let line = |key: u32| lines.get(key as usize).copied();
    let line_relocs = stored.line_relocs.into_iter();
    let line_relocs = line_relocs
        .map(|(offset, key)| {
            Some(LineReloc {
                offset,
                key: line(key)?,
            })
        })
        .collect::<Option<_>>()?;
    let line_rows = stored.line_rows.into_iter();
    let line_rows = line_rows
        .map(|(offset, key)| {
            Some(LineRow {
                offset,
                key: line(key)?,
            })
        })
        .collect::<Option<_>>()?;
    let blob = match stored.is_function {
        true => Blob::Function(FunctionBlob {
            symbol,
            linkage: stored.linkage,
            code: stored.bytes.to_vec(),
            align: stored.align,
            relocs,
            line_relocs,
            line_rows,
        }),
        false => Blob::Data(DataBlob {
            symbol,
            linkage: stored.linkage,
            bytes: stored.bytes.to_vec(),
            zero_size: stored.zero_size,
            align: stored.align,
            writable: stored.writable,
            relocs,
            line_relocs,
        }),
    };
    Some(CodeUnit {
        blob,
        references: stored.references,
        dynamic_protocols: stored.dynamic_protocols,
    })
}

/// Whether a key may be one of the library, as far as can be seen without looking into its types.
fn may_be_library(db: &dyn Db, key: CodeKey) -> bool {
    let of_library = |def: DefId| is_library_module(module_of(db, def).name(db));
    let of_type = |ty: Ty| match ty.kind() {
        TyKind::Nominal { def, .. } => of_library(*def),
        _ => true,
    };
    match key {
        CodeKey::Function(instance)
        | CodeKey::ValueThunk(instance, _)
        | CodeKey::ContextMetadata(instance)
        | CodeKey::DestroyContext(instance) => of_library(instance.id.def),
        CodeKey::WitnessThunk(def, args) => of_library(def) && args.iter().all(of_type),
        CodeKey::DynamicInstance(call, ty) => of_library(call.function().def) && of_type(ty),
        CodeKey::VTableThunk(id, _, ty) => of_library(id.def) && of_type(ty),
        CodeKey::Protocol(def)
        | CodeKey::Global(def, _)
        | CodeKey::GlobalFlag(def, _)
        | CodeKey::GlobalInit(def, _) => of_library(def),
        CodeKey::WitnessTable(ty, protocol) => of_library(protocol) && of_type(ty),
        CodeKey::Metadata(ty)
        | CodeKey::Copy(ty)
        | CodeKey::Destroy(ty)
        | CodeKey::DestroyObject(ty)
        | CodeKey::EnumTag(ty)
        | CodeKey::EmptyObject(ty) => of_type(ty),
        // Made faster than found.
        CodeKey::CastHook(def) => of_library(def),
        CodeKey::CastHooks
        | CodeKey::ConstrainedProtocol(..)
        | CodeKey::StringObject(_)
        | CodeKey::Text(_)
        | CodeKey::TrapSite(..)
        | CodeKey::DynamicSlot(_) => false,
    }
}

/// The code of a key; `generate` makes it if no process has before.
pub(super) fn stored_unit(
    db: &dyn Db,
    key: CodeKey,
    generate: impl FnOnce() -> Result<CodeUnit, CodegenError>,
) -> Result<Arc<CodeUnit>, CodegenError> {
    if let Some(unit) = super::compiled::compiled_unit(db, key) {
        return Ok(Arc::new(unit));
    }
    let new = || generate().map(Arc::new);
    let Some(results) = db.results() else {
        return new();
    };
    if !may_be_library(db, key) || library_is_extended(db) {
        return new();
    }
    let Some(place) = result_key(db, ResultKind::Code, codec::encode(db, &key).as_ref()) else {
        return new();
    };
    if let Some(unit) = results.get(place).and_then(|bytes| decode(db, bytes)) {
        return Ok(Arc::new(unit));
    }
    let unit = new()?;
    if let Some(bytes) = encode(db, &unit) {
        results.put(place, bytes);
    }
    Ok(unit)
}

/// Whether a type conforms to a protocol; `find` finds out if no process has before.
pub(super) fn stored_conformance(
    db: &dyn Db,
    ty: Ty,
    protocol: DefId,
    find: impl FnOnce() -> bool,
) -> bool {
    let Some(results) = db.results() else {
        return find();
    };
    if !may_be_library(db, CodeKey::WitnessTable(ty, protocol)) || library_is_extended(db) {
        return find();
    }
    let about = codec::encode(db, &(ty, protocol));
    let Some(place) = result_key(db, ResultKind::Conformance, about.as_ref()) else {
        return find();
    };
    if let Some(&[answer]) = results.get(place) {
        return answer != 0;
    }
    let answer = find();
    results.put(place, vec![u8::from(answer)]);
    answer
}

/// The line of an expression of the library, which need not be parsed for it.
pub fn stored_line(db: &dyn Db, key: LineKey) -> Option<u32> {
    let def = definition_of_line(key);
    if def.kind(db) == DefKind::Module {
        return None;
    }
    let module = module_of(db, def);
    if !is_library_module(module.name(db)) && compiled_unit_of(db, def).is_none() {
        return None;
    }
    let lines = crate::items::library::library_lines(db, def);
    Some(lines.get(key.expr as usize).copied().unwrap_or(0))
}
