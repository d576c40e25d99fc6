//! Static data: type metadata, witness tables, protocol descriptors, constants, and the storage of globals.
//!
//! The runtime's `metadata.rs` describes the record. A record's tables and texts stand behind it in the same blob.

use crate::base::Name;
use crate::items::ids::DefId;
use crate::mir::data::{FnId, FnKind, Instance};
use crate::types::ty::{TupleElem, Ty, TyKind, TyList};

use super::blob::{DataBlob, Reloc, RelocKind, SymbolName};
use super::cx::{NominalKind, Ownership, Program};
use super::emit;
use super::emit::rvalue::IMMORTAL;
use super::key::{Blob, CodeKey, CodeUnit, CodegenError, canonical};
use super::layout::{ExistentialKind, Field, Shape, VTABLE_OFFSET};

/// Where a record holds the address and number of its conformances; they are filled in when the program is complete.
pub(super) const CONFORMANCES_OFFSET: usize = 112;

/// Where a record holds the address of its instances for dynamic calls, likewise.
pub(super) const INSTANCES_OFFSET: usize = 200;

const KIND_STRUCT: u32 = 0;
const KIND_ENUM: u32 = 1;
const KIND_CLASS: u32 = 2;
const KIND_TUPLE: u32 = 3;
const KIND_FUNCTION: u32 = 4;
const KIND_EXISTENTIAL: u32 = 5;
const KIND_METATYPE: u32 = 6;
const KIND_BUILTIN: u32 = 7;
const KIND_CONTEXT: u32 = 9;
const KIND_OPTIONAL: u32 = 10;

const FLAG_TRIVIAL: u32 = 1;
const FLAG_TAKABLE: u32 = 2;
const FLAG_FITS_INLINE: u32 = 4;
const FLAG_ERROR: u32 = 8;
const FLAG_CLASS_BOUND: u32 = 16;

const FIELD_INDIRECT: u32 = 1;
const FIELD_WEAK: u32 = 2;
const FIELD_PAYLOAD: u32 = 4;
const FIELD_UNOWNED: u32 = 8;
const FIELD_LET: u32 = 16;

/// Bytes and relocations being collected.
struct Data<'p, 'a> {
    p: &'p dyn Program<'a>,
    symbol: SymbolName,
    bytes: Vec<u8>,
    relocs: Vec<Reloc>,
    references: Vec<CodeKey>,
    writable: bool,
    zero_size: u64,
    align: u32,
}

/// The datum of a key.
///
/// # Errors
/// When the key names a function, or declarations contradict each other: a defect of the compiler.
pub fn data<'a>(p: &dyn Program<'a>, key: CodeKey) -> Result<CodeUnit, CodegenError> {
    let symbol = p.symbol(&key);
    let mut d = Data {
        p,
        symbol,
        bytes: Vec::new(),
        relocs: Vec::new(),
        references: Vec::new(),
        writable: false,
        zero_size: 0,
        align: 8,
    };
    let made = match key {
        CodeKey::Metadata(ty) => d.metadata(ty),
        CodeKey::WitnessTable(ty, protocol) => d.witness_table(ty, protocol),
        CodeKey::Protocol(protocol) | CodeKey::ConstrainedProtocol(_, protocol) => {
            d.protocol(protocol)
        }
        CodeKey::StringObject(text) => d.string_object(text),
        CodeKey::Text(text) => {
            d.bytes.extend_from_slice(text.as_str().as_bytes());
            d.align = 1;
            Ok(())
        }
        CodeKey::TrapSite(message, file) => {
            d.trap_site(message, file);
            Ok(())
        }
        CodeKey::Global(var, args) => {
            let layout = p.layout(p.var_type(var, args));
            d.zero_size = layout.size.max(1);
            d.align = layout.align.max(8);
            d.writable = true;
            Ok(())
        }
        // The number is filled in when the program is complete.
        CodeKey::DynamicSlot(_) => {
            d.bytes.resize(8, 0);
            Ok(())
        }
        CodeKey::GlobalFlag(..) => {
            d.zero_size = 8;
            d.writable = true;
            Ok(())
        }
        CodeKey::ContextMetadata(instance) => {
            d.context_metadata(instance);
            Ok(())
        }
        CodeKey::EmptyObject(ty) => {
            d.empty_object(ty);
            Ok(())
        }
        CodeKey::CastHooks => {
            d.cast_hooks();
            Ok(())
        }
        _ => Err("a function where a datum was expected".to_owned()),
    };
    made.map_err(|message| CodegenError {
        symbol: symbol.as_str().to_owned(),
        message,
    })?;
    Ok(CodeUnit {
        blob: Blob::Data(DataBlob {
            symbol,
            linkage: emit::linkage(p, &key),
            bytes: d.bytes,
            zero_size: d.zero_size,
            align: d.align,
            writable: d.writable,
            relocs: d.relocs,
            line_relocs: Vec::new(),
        }),
        references: d.references,
        dynamic_protocols: Vec::new(),
    })
}

impl Data<'_, '_> {
    fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    fn reloc(&mut self, offset: usize, target: SymbolName, addend: i64) {
        self.relocs.push(Reloc {
            offset: offset as u32,
            kind: RelocKind::Abs64,
            target,
            addend,
        });
    }
    /// A pointer to another function or datum.
    fn pointer(&mut self, key: CodeKey) {
        let at = self.bytes.len();
        self.u64(0);
        self.point(at, key);
    }
    fn point(&mut self, at: usize, key: CodeKey) {
        let target = self.p.symbol(&key);
        self.reloc(at, target, 0);
        if !self.references.contains(&key) {
            self.references.push(key);
        }
    }
    fn pointer_to_metadata(&mut self, ty: Ty) {
        self.pointer(CodeKey::Metadata(canonical(ty)));
    }
    fn set_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    fn set_u64(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(8) {
            self.bytes.push(0);
        }
    }
    /// Puts a text behind everything, and its address and length at `at`.
    fn text(&mut self, at: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.pad();
        let symbol = self.symbol;
        self.reloc(at, symbol, start as i64);
        self.set_u64(at + 8, text.len() as u64);
    }
    /// Puts a table of metadata pointers behind everything, and its address and length at `at`.
    fn metadata_table(&mut self, at: usize, types: &[Ty]) {
        if types.is_empty() {
            return;
        }
        self.table_start(at, types.len());
        for &ty in types {
            self.pointer_to_metadata(ty);
        }
    }
    fn table_start(&mut self, at: usize, count: usize) {
        self.pad();
        let symbol = self.symbol;
        let start = self.bytes.len() as i64;
        self.reloc(at, symbol, start);
        self.set_u64(at + 8, count as u64);
    }

    fn metadata(&mut self, ty: Ty) -> Result<(), String> {
        let p = self.p;
        let layout = p.layout(ty);
        self.bytes.resize(VTABLE_OFFSET as usize, 0);
        let nominal = ty.as_nominal();
        let class = nominal.is_some_and(|(def, _)| p.nominal_kind(def) == NominalKind::Class);
        if class {
            self.vtable(ty);
        }
        let mut flags = 0;
        let mut flag = |condition: bool, bit| {
            if condition {
                flags |= bit;
            }
        };
        flag(layout.trivial, FLAG_TRIVIAL);
        flag(layout.takable, FLAG_TAKABLE);
        flag(layout.fits_inline(), FLAG_FITS_INLINE);
        if let Shape::Existential(kind, _) = layout.shape {
            flag(kind == ExistentialKind::Error, FLAG_ERROR);
            flag(kind == ExistentialKind::Class, FLAG_CLASS_BOUND);
        }
        self.set_u32(0, kind_of(p, ty));
        self.set_u32(4, flags);
        self.set_u64(8, layout.size);
        self.set_u32(16, layout.align);
        self.set_u32(20, layout.inhabitants.count);
        self.set_u64(24, layout.stride());
        if !layout.trivial {
            self.point(32, CodeKey::Copy(ty));
            self.point(40, CodeKey::Destroy(ty));
        }
        self.text(48, &p.type_name(ty, true));
        self.text(64, &p.type_name(ty, false));
        // The parts of a type that grows without end have no records: nothing can be made of them.
        if super::dispatch::is_endless(&[ty]) {
            return Ok(());
        }
        match (ty.kind(), nominal) {
            (_, Some((def, args))) => {
                self.metadata_table(96, args.as_slice());
                self.nominal(ty, def);
            }
            (TyKind::Tuple(elems), _) => {
                self.fields(layout.fields());
                let types: Vec<Ty> = elems.iter().map(|e| e.ty).collect();
                self.metadata_table(96, &types);
                if elems.iter().any(|e| e.label.is_some()) {
                    let mut labels = String::new();
                    for elem in elems {
                        labels.push_str(elem.label.map_or("", Name::as_str));
                        labels.push(' ');
                    }
                    self.text(184, &labels);
                }
            }
            (TyKind::Function(f), _) => {
                let types: Vec<Ty> = f
                    .params
                    .iter()
                    .map(|param| param.ty)
                    .chain([f.result])
                    .collect();
                self.metadata_table(96, &types);
            }
            (TyKind::Metatype(instance) | TyKind::ProtocolMetatype(instance), _) => {
                self.metadata_table(96, &[*instance]);
            }
            (TyKind::Existential(existential), _) => {
                let protocols: Vec<DefId> = match &layout.shape {
                    Shape::Existential(_, tables) => tables.to_vec(),
                    _ => Vec::new(),
                };
                if !protocols.is_empty() {
                    self.table_start(168, protocols.len());
                    for protocol in protocols {
                        self.pointer(descriptor(ty, protocol));
                    }
                }
                if let Some(superclass) = existential.superclass {
                    self.point(128, CodeKey::Metadata(canonical(superclass)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn nominal(&mut self, ty: Ty, def: DefId) {
        let p = self.p;
        let layout = p.layout(ty);
        match p.nominal_kind(def) {
            NominalKind::Struct => self.fields(layout.fields()),
            NominalKind::Class => {
                let class = p.class_layout(ty);
                self.set_u64(144, class.size);
                self.set_u64(152, u64::from(class.align));
                self.point(160, CodeKey::DestroyObject(ty));
                if let Some(superclass) = p.superclass(ty) {
                    self.point(128, CodeKey::Metadata(canonical(superclass)));
                }
                self.fields(&class.fields[class.inherited as usize..]);
            }
            NominalKind::Enum => {
                self.point(136, CodeKey::EnumTag(ty));
                self.cases(ty);
            }
            NominalKind::Other => {}
        }
    }

    /// The functions of a class's dynamic members. Members with generic parameters of their own have no one code: they are called through
    /// the instances of the class (see [`super::dispatch`]).
    fn vtable(&mut self, class: Ty) {
        let p = self.p;
        let Some((def, _)) = class.as_nominal() else {
            return;
        };
        for slot in p.vtable(def) {
            let args = emit::member_args(p, class, slot.implementation.def);
            match args {
                Some(args) if p.own_generic_count(slot.method.def) == 0 => {
                    let direct =
                        emit::overrides_directly(p, slot.method, slot.implementation, class);
                    self.pointer(if direct {
                        CodeKey::Function(Instance {
                            id: slot.implementation,
                            args,
                        })
                    } else {
                        CodeKey::VTableThunk(slot.method, slot.implementation, class)
                    });
                }
                _ => self.u64(0),
            }
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        if fields.is_empty() {
            return;
        }
        self.table_start(80, fields.len());
        let mut names = Vec::with_capacity(fields.len());
        for field in fields {
            names.push((self.bytes.len(), field.name));
            self.u64(0);
            self.u64(0);
            self.pointer_to_metadata(field.ty);
            self.u64(field.offset);
            let mut flags = match field.ownership {
                Ownership::Strong => 0,
                Ownership::Weak => FIELD_WEAK,
                Ownership::Unowned | Ownership::UnownedUnsafe => FIELD_UNOWNED,
            };
            if field.is_let {
                flags |= FIELD_LET;
            }
            self.u32(flags);
            self.u32(0);
            self.u64(0);
        }
        for (at, name) in names {
            self.text(at, name.as_str());
        }
    }

    fn cases(&mut self, ty: Ty) {
        let Some(shape) = self.p.layout(ty).as_enum() else {
            return;
        };
        if shape.cases.is_empty() {
            return;
        }
        self.table_start(80, shape.cases.len());
        let mut names = Vec::with_capacity(shape.cases.len());
        for (tag, case) in shape.cases.iter().enumerate() {
            names.push((self.bytes.len(), case.name));
            self.u64(0);
            self.u64(0);
            match (case.payload, case.label) {
                // A tuple of one element has the element's layout, and shows its label.
                (Some(ty), Some(label)) => {
                    let label = Some(label);
                    self.pointer_to_metadata(Ty::tuple(&[TupleElem { label, ty }]));
                }
                (Some(payload), None) => self.pointer_to_metadata(payload),
                (None, _) => self.u64(0),
            }
            self.u64(0);
            let mut flags = 0;
            if case.indirect {
                flags |= FIELD_INDIRECT;
            }
            if case.payload.is_some() {
                flags |= FIELD_PAYLOAD;
            }
            self.u32(flags);
            self.u32(0);
            self.u64(tag as u64);
        }
        for (at, name) in names {
            self.text(at, name.as_str());
        }
    }

    fn witness_table(&mut self, ty: Ty, protocol: DefId) -> Result<(), String> {
        let p = self.p;
        self.pointer_to_metadata(ty);
        for inherited in p.inherited_protocols(protocol) {
            self.pointer(CodeKey::WitnessTable(ty, inherited));
        }
        for requirement in p.requirements(protocol) {
            if p.is_dispatchable(requirement) {
                self.pointer(CodeKey::WitnessThunk(requirement, TyList::new(&[ty])));
            } else {
                // Such a requirement is called through the instances of the type (see `dispatch`).
                self.u64(0);
            }
        }
        Ok(())
    }

    fn protocol(&mut self, protocol: DefId) -> Result<(), String> {
        self.bytes.resize(24, 0);
        self.set_u64(16, u64::from(self.p.is_class_bound(protocol)));
        let name = self.p.protocol_name(protocol);
        self.text(0, &name);
        Ok(())
    }

    fn string_object(&mut self, text: Name) -> Result<(), String> {
        let class = self
            .p
            .string_storage()
            .ok_or("the library has no class for the text of strings")?;
        self.pointer_to_metadata(class);
        self.u64(IMMORTAL);
        self.u64(text.as_str().len() as u64);
        self.bytes.extend_from_slice(text.as_str().as_bytes());
        self.bytes.push(0);
        Ok(())
    }

    fn trap_site(&mut self, message: Name, file: Name) {
        self.bytes.resize(32, 0);
        self.text(0, message.as_str());
        self.text(16, file.as_str());
    }

    fn context_metadata(&mut self, instance: Instance) {
        self.bytes.resize(VTABLE_OFFSET as usize, 0);
        self.set_u32(0, KIND_CONTEXT);
        self.set_u64(8, 8);
        self.set_u32(16, 8);
        self.set_u64(24, 8);
        self.point(160, CodeKey::DestroyContext(instance));
    }

    /// The runtime's `Hooks`: the metadata of `AnyHashable`, how one is made, and the casts of collections by the types' names.
    fn cast_hooks(&mut self) {
        const ENTRY: usize = 24;
        self.bytes.resize(32, 0);
        let Some(hooks) = self.p.cast_hooks() else {
            return;
        };
        self.point(0, CodeKey::Metadata(canonical(hooks.any_hashable)));
        self.point(8, CodeKey::CastHook(hooks.to_any_hashable));
        let table = self.bytes.len();
        self.bytes
            .resize(table + ENTRY * hooks.collections.len(), 0);
        let symbol = self.symbol;
        self.reloc(16, symbol, table as i64);
        self.set_u64(24, hooks.collections.len() as u64);
        for (i, (name, _, cast)) in hooks.collections.iter().enumerate() {
            let entry = table + i * ENTRY;
            self.text(entry, name);
            self.point(entry + 16, CodeKey::CastHook(*cast));
        }
    }

    fn empty_object(&mut self, ty: Ty) {
        let layout = self.p.class_layout(ty);
        self.pointer_to_metadata(ty);
        self.u64(IMMORTAL);
        self.bytes
            .resize((layout.size as usize).max(self.bytes.len()), 0);
        self.align = layout.align.max(16);
    }
}

fn kind_of(p: &dyn Program<'_>, ty: Ty) -> u32 {
    match ty.kind() {
        TyKind::Nominal { def, .. } if p.is_optional(*def) => KIND_OPTIONAL,
        TyKind::Nominal { def, .. } => match p.nominal_kind(*def) {
            NominalKind::Class => KIND_CLASS,
            NominalKind::Enum => KIND_ENUM,
            NominalKind::Struct | NominalKind::Other => KIND_STRUCT,
        },
        TyKind::Tuple(_) => KIND_TUPLE,
        TyKind::Function(_) => KIND_FUNCTION,
        TyKind::Existential(_) => KIND_EXISTENTIAL,
        TyKind::Metatype(_) | TyKind::ProtocolMetatype(_) => KIND_METATYPE,
        _ => KIND_BUILTIN,
    }
}

/// The descriptor by which the values of an existential type are known to conform to one of its protocols.
pub(super) fn descriptor(existential: Ty, protocol: DefId) -> CodeKey {
    match existential.kind() {
        TyKind::Existential(e) if !e.bindings.is_empty() => {
            CodeKey::ConstrainedProtocol(canonical(existential), protocol)
        }
        _ => CodeKey::Protocol(protocol),
    }
}

/// Whether code or data is generated for a key.
pub(super) fn is_function(key: &CodeKey) -> bool {
    match key {
        CodeKey::Function(_)
        | CodeKey::ValueThunk(..)
        | CodeKey::WitnessThunk(..)
        | CodeKey::VTableThunk(..)
        | CodeKey::DynamicInstance(..)
        | CodeKey::Copy(_)
        | CodeKey::Destroy(_)
        | CodeKey::DestroyObject(_)
        | CodeKey::EnumTag(_)
        | CodeKey::DestroyContext(_)
        | CodeKey::CastHook(_)
        | CodeKey::GlobalInit(..) => true,
        CodeKey::Metadata(_)
        | CodeKey::DynamicSlot(_)
        | CodeKey::WitnessTable(..)
        | CodeKey::Protocol(_)
        | CodeKey::ConstrainedProtocol(..)
        | CodeKey::StringObject(_)
        | CodeKey::Text(_)
        | CodeKey::TrapSite(..)
        | CodeKey::Global(..)
        | CodeKey::GlobalFlag(..)
        | CodeKey::ContextMetadata(_)
        | CodeKey::CastHooks
        | CodeKey::EmptyObject(_) => false,
    }
}

/// The entry of the program: a file's statements, or the type that is marked with `@main`.
pub fn main_key(def: DefId) -> CodeKey {
    CodeKey::Function(Instance {
        id: FnId {
            def,
            kind: FnKind::Main,
        },
        args: TyList::empty(),
    })
}
