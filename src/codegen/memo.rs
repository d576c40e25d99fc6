//! Code that a process keeps from one build to the next without asking the query engine about each piece.
//!
//! The engine would find out by itself that a function's code still holds, by walking through all that it was made from. In a program of
//! 70,000 lines that takes longer than compiling the one function that did change. Whoever owns a [`UnitMemo`] knows which files' bodies have
//! changed and that nothing else has, and forgets the code that mentions them.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHashSet};

use super::key::{CodeKey, CodeUnit, DynamicCall};
use crate::db::{Db, SourceFile};
use crate::items::file_of;
use crate::items::ids::DefId;
use crate::mir::data::{FnId, Instance};
use crate::types::ty::{Ty, TyKind, TyList};

/// The code of keys, valid as long as its owner says so.
#[derive(Debug, Default)]
pub struct UnitMemo {
    units: RwLock<FxHashMap<CodeKey, Arc<CodeUnit>>>,
}

impl UnitMemo {
    /// The code of a key, if it is known.
    pub fn get(&self, key: &CodeKey) -> Option<Arc<CodeUnit>> {
        let units = self.units.read().unwrap_or_else(PoisonError::into_inner);
        units.get(key).cloned()
    }

    /// Remembers code.
    pub fn insert(&self, key: CodeKey, unit: Arc<CodeUnit>) {
        let mut units = self.units.write().unwrap_or_else(PoisonError::into_inner);
        units.insert(key, unit);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let units = self.units.get_mut();
        units.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets the code of functions and types that these files declare, wherever they are used.
    pub fn forget_files(&mut self, db: &dyn Db, files: &FxHashSet<SourceFile>) {
        let mut known: FxHashMap<DefId, bool> = FxHashMap::default();
        let mut is_in = |def: DefId| {
            *known
                .entry(def)
                .or_insert_with(|| file_of(db, def).is_some_and(|file| files.contains(&file)))
        };
        let units = self.units.get_mut();
        let units = units.unwrap_or_else(PoisonError::into_inner);
        units.retain(|key, _| !mentions(key, &mut is_in));
    }

    /// Forgets what a program does not contain any more, once that is more than half.
    pub fn keep_only(&mut self, keys: &[CodeKey]) {
        let units = self.units.get_mut();
        let units = units.unwrap_or_else(PoisonError::into_inner);
        if units.len() > keys.len().saturating_mul(2) {
            let keys: FxHashSet<&CodeKey> = keys.iter().collect();
            units.retain(|key, _| keys.contains(key));
        }
    }
}

/// Whether a key mentions a definition that `is_in` accepts.
fn mentions(key: &CodeKey, is_in: &mut dyn FnMut(DefId) -> bool) -> bool {
    match *key {
        CodeKey::Function(instance)
        | CodeKey::ContextMetadata(instance)
        | CodeKey::DestroyContext(instance) => in_instance(instance, is_in),
        CodeKey::ValueThunk(instance, ty) => in_instance(instance, is_in) || in_type(ty, is_in),
        CodeKey::WitnessThunk(def, args)
        | CodeKey::Global(def, args)
        | CodeKey::GlobalFlag(def, args)
        | CodeKey::GlobalInit(def, args) => is_in(def) || in_types(args, is_in),
        CodeKey::VTableThunk(a, b, ty) => is_in(a.def) || is_in(b.def) || in_type(ty, is_in),
        CodeKey::DynamicInstance(call, ty) => in_call(call, is_in) || in_type(ty, is_in),
        CodeKey::DynamicSlot(call) => in_call(call, is_in),
        CodeKey::WitnessTable(ty, def) => is_in(def) || in_type(ty, is_in),
        CodeKey::Protocol(def) => is_in(def),
        CodeKey::Metadata(ty)
        | CodeKey::Copy(ty)
        | CodeKey::Destroy(ty)
        | CodeKey::DestroyObject(ty)
        | CodeKey::EnumTag(ty)
        | CodeKey::EmptyObject(ty) => in_type(ty, is_in),
        CodeKey::CastHook(def) => is_in(def),
        CodeKey::StringObject(_)
        | CodeKey::Text(_)
        | CodeKey::TrapSite(..)
        | CodeKey::CastHooks => false,
    }
}

fn in_instance(instance: Instance, is_in: &mut dyn FnMut(DefId) -> bool) -> bool {
    let Instance {
        id: FnId { def, .. },
        args,
    } = instance;
    is_in(def) || in_types(args, is_in)
}

fn in_call(call: DynamicCall, is_in: &mut dyn FnMut(DefId) -> bool) -> bool {
    match call {
        DynamicCall::Opened { id, args, .. } | DynamicCall::Method { id, args } => {
            is_in(id.def) || in_types(args, is_in)
        }
    }
}

fn in_types(types: TyList, is_in: &mut dyn FnMut(DefId) -> bool) -> bool {
    types.iter().any(|ty| in_type(ty, is_in))
}

fn in_type(ty: Ty, is_in: &mut dyn FnMut(DefId) -> bool) -> bool {
    ty.any_part(&mut |part| match part.kind() {
        TyKind::Nominal { def, .. } => is_in(*def),
        TyKind::Existential(existential) => existential.protocols.iter().any(|&def| is_in(def)),
        _ => false,
    })
}
