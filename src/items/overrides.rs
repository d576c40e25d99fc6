//! Which members may be overridden at all: the names that stand behind an `override` somewhere in a module.
//!
//! A class that cannot be subclassed outside of its module is *effectively final* where nothing in the module overrides its member: then the
//! member is used directly, without a vtable. Asking by name instead of by declaration is coarser, but it needs neither types nor bodies: an
//! edit has to write `override` in front of a name for the first time before anybody's answer changes.

use super::lazy::remembered_of_module;
use super::library::ResultKind;
use super::records::remembered;
use super::{is_compiled, module_of, parse, unit_of_module};
use crate::base::{FxHashSet, Name};
use crate::db::{CompilationUnit, Db, Marker, SourceFile};
use crate::items::ids::DefId;
use crate::syntax::SyntaxKind;

/// The base names of the members that classes of a file override, those of local classes too. A subscript's is `subscript`.
#[salsa::tracked]
pub(crate) fn overriding_names(db: &dyn Db, file: SourceFile) -> FxHashSet<Name> {
    // Most files override nothing; then no token has to be looked at.
    if !file.has(db, Marker::Override) && !is_compiled(db, file) {
        return FxHashSet::default();
    }
    let written = || {
        let mut names: Vec<Name> = written_names(db, file).into_iter().collect();
        names.sort();
        names
    };
    let names = remembered(db, file, ResultKind::Overriding, written);
    names.into_iter().collect()
}

fn written_names(db: &dyn Db, file: SourceFile) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    let root = parse(db, file).syntax();
    let mut marked = false;
    let mut introduced = false;
    for token in root
        .descendants_with_tokens()
        .filter_map(|e| e.into_token())
    {
        match token.kind() {
            SyntaxKind::OVERRIDE_KW => marked = true,
            SyntaxKind::SUBSCRIPT_KW if marked => {
                names.insert(Name::new("subscript"));
                marked = false;
            }
            SyntaxKind::VAR_KW | SyntaxKind::FN_KW if marked => introduced = true,
            kind if introduced && !kind.is_trivia() => {
                names.insert(Name::new(token.text().trim_matches('`')));
                (marked, introduced) = (false, false);
            }
            _ => {}
        }
    }
    names
}

/// Whether some class of the definition's module overrides a member of this name.
pub fn is_name_overridden(db: &dyn Db, def: DefId, name: Name) -> bool {
    in_module(db, module_of(db, def), name)
}

#[salsa::tracked(returns(copy))]
fn in_module(db: &dyn Db, module: DefId, name: Name) -> bool {
    let unit = unit_of_module(db, module);
    if let Some(unit) = unit.filter(|&unit| unit.compiled(db).is_some()) {
        return overridden_of_module(db, unit).contains(&name);
    }
    let files = unit.map_or(&[][..], |u| u.files(db));
    files
        .iter()
        .any(|&file| overriding_names(db, file).contains(&name))
}

/// The names that classes of a module override of which records are kept.
#[salsa::tracked]
fn overridden_of_module(db: &dyn Db, unit: CompilationUnit) -> FxHashSet<Name> {
    module_overriding(db, unit).into_iter().collect()
}

/// The names that classes of a module override, sorted.
pub(super) fn module_overriding(db: &dyn Db, unit: CompilationUnit) -> Vec<Name> {
    remembered_of_module(db, unit, ResultKind::Overriding, || {
        let files = unit.files(db).iter();
        let names = files.flat_map(|&file| overriding_names(db, file));
        let mut names: Vec<Name> = names.copied().collect();
        names.sort();
        names.dedup();
        names
    })
}
