//! Records as blobs, and records of blobs.

use crate::codegen::blob::{
    DataBlob, FunctionBlob, LineKey, LineReloc, LineRow, Reloc, SymbolName,
};
use crate::codegen::key::{Blob, CodeKey, CodeUnit, CodegenError};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

use super::update::{Fresh, LinePlace};
use super::{DEFINED, DERIVED, FUNCTION, Line, Part, ProgramRecord, WRITABLE};
use crate::base::{Fingerprint, Name};
use crate::db::RootDatabase;

/// All code and data of a program or file, sorted by symbol.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub functions: Vec<FunctionBlob>,
    pub data: Vec<DataBlob>,
    /// What the blobs are the code and data of, in no particular order.
    pub keys: Vec<CodeKey>,
    /// What could not be generated.
    pub errors: Vec<CodegenError>,
    /// The paths that line keys count.
    paths: Vec<Name>,
}

impl Output {
    /// No code, because of errors.
    pub fn failed(errors: Vec<CodegenError>) -> Output {
        Output {
            errors,
            ..Output::default()
        }
    }

    /// Where an expression stands.
    pub fn place(&self, key: LineKey) -> Option<(Name, u32)> {
        place(&self.paths, key)
    }
}

fn place(paths: &[Name], key: LineKey) -> Option<(Name, u32)> {
    let path = paths.get(usize::try_from(key.def).ok()?)?;
    Some((*path, key.expr))
}

impl ProgramRecord {
    /// Finds out the keys of all units, which [`ProgramRecord::output`] lists. None if one cannot be read.
    pub fn know_keys(&mut self, db: &RootDatabase) -> Option<()> {
        let unknown = (0..).zip(&self.keys).filter(|(id, key)| {
            let flags = self.flags.get(*id);
            key.is_none() && flags & DEFINED != 0 && flags & DERIVED == 0
        });
        let unknown: Vec<u32> = unknown.map(|(id, _)| id).collect();
        let record = &*self;
        let found = db.par_map(&unknown, |db, &id| record.decode_key(db, id));
        for (id, key) in unknown.into_iter().zip(found) {
            *self.keys.get_mut(id as usize)? = Some(key?);
        }
        Some(())
    }

    /// The record's code and data as blobs. Their line keys hold lines: see [`line_of_output`].
    pub fn output(&self) -> Output {
        let datum = |&id: &u32| {
            let unit = self.unit(id);
            DataBlob {
                symbol: self.symbol(id),
                linkage: unit.linkage(),
                bytes: self.bytes(id).to_vec(),
                zero_size: unit.zero_size,
                align: unit.align,
                writable: self.flags.get(id) & WRITABLE != 0,
                relocs: self.blob_relocs(id),
                line_relocs: self.blob_lines(id),
            }
        };
        let functions = self.part(Part::Functions);
        let data = [Part::Constants, Part::Variables, Part::Zeroes];
        let data = data.iter().flat_map(|&section| self.part(section));
        let mut data: Vec<DataBlob> = data.map(datum).collect();
        data.sort_by_key(|blob| blob.symbol);
        let defined = (0..).zip(&self.keys).filter(|&(id, _)| self.is_defined(id));
        Output {
            functions: functions.iter().map(|&id| self.function(id)).collect(),
            data,
            keys: defined.filter_map(|(_, key)| *key).collect(),
            errors: Vec::new(),
            paths: self.paths.clone(),
        }
    }

    /// A function as a blob. Its line keys hold lines and paths: see [`ProgramRecord::place`].
    pub fn function(&self, id: u32) -> FunctionBlob {
        let unit = self.unit(id);
        let rows = self.line_rows(id).iter().map(|line| LineRow {
            offset: line.offset,
            key: line_key(line),
        });
        FunctionBlob {
            symbol: self.symbol(id),
            linkage: unit.linkage(),
            code: self.bytes(id).to_vec(),
            align: unit.align,
            relocs: self.blob_relocs(id),
            line_relocs: self.blob_lines(id),
            line_rows: rows.collect(),
        }
    }

    /// Where an expression stands, for the line keys of the record's blobs.
    pub fn place(&self, key: LineKey) -> Option<(Name, u32)> {
        place(&self.paths, key)
    }

    fn blob_relocs(&self, id: u32) -> Vec<Reloc> {
        let relocs = self.relocs(id).iter().map(|reloc| Reloc {
            offset: reloc.offset,
            kind: reloc.kind(),
            target: self.symbol(reloc.target()),
            addend: reloc.addend,
        });
        relocs.collect()
    }

    fn blob_lines(&self, id: u32) -> Vec<LineReloc> {
        let lines = self.line_places(id).iter().map(|line| LineReloc {
            offset: line.offset,
            key: line_key(line),
        });
        lines.collect()
    }

    /// A record of blobs made elsewhere. A symbol that is defined again is left out where that is allowed, and an error elsewhere.
    pub fn of_blobs(
        functions: &[FunctionBlob],
        data: &[DataBlob],
        line: impl Fn(LineKey) -> u32,
    ) -> Result<ProgramRecord, SymbolName> {
        use crate::codegen::blob::Linkage;
        let mut record = ProgramRecord::default();
        let functions = functions.iter().map(|blob| Blob::Function(blob.clone()));
        let data = data.iter().map(|blob| Blob::Data(blob.clone()));
        let mut places = FxHashMap::default();
        let mut order = Vec::new();
        for blob in functions.chain(data) {
            let (symbol, linkage) = match &blob {
                Blob::Function(blob) => (blob.symbol, blob.linkage),
                Blob::Data(blob) => (blob.symbol, blob.linkage),
            };
            let id = match record.find(symbol.as_str()) {
                Some(id) => id,
                None => record.add(symbol.as_str()),
            };
            if record.is_defined(id) {
                match linkage {
                    Linkage::Shared => continue,
                    _ => return Err(symbol),
                }
            }
            let mut lines = Vec::new();
            for key in super::update::line_keys(&blob, true) {
                lines.push((line(key), None));
                places.entry(key.def).or_insert(LinePlace {
                    def: Fingerprint(u128::from(key.def)),
                    file: Fingerprint::ZERO,
                });
            }
            let unit = CodeUnit {
                blob,
                references: Vec::new(),
                dynamic_protocols: Vec::new(),
            };
            let fresh = Fresh {
                id,
                key: CodeKey::CastHooks,
                unit: Arc::new(unit),
                references: Box::default(),
                protocols: Box::default(),
                lines,
                made_from: SmallVec::new(),
            };
            record.write(&fresh, &places, true);
            order.push((id, None));
        }
        record.sort(order);
        Ok(record)
    }

    /// Whether a unit is a function.
    pub fn is_function(&self, id: u32) -> bool {
        self.flags.get(id) & FUNCTION != 0
    }
}

/// A line that is known.
fn line_key(line: &Line) -> LineKey {
    LineKey {
        def: u64::from(line.path),
        expr: line.line,
    }
}

/// What the line keys of [`ProgramRecord::output`] mean.
pub fn line_of_output(key: LineKey) -> u32 {
    key.expr
}
