//! What a changed module has in common with the module that the last successful build saw.
//!
//! [`Rebuild`] says for each file which questions have to be asked again. Three answers are possible.
//!
//! 1. All files show to others what they showed before (their outlines are equal): then bodies whose text changed are asked about, and nothing else.
//! 2. Functions came, went or changed, or computed properties came or went, outside of classes and protocols. Nothing can notice that without mentioning their
//!    names, so that the bodies that do ([`super::mentions`]) are asked about as well.
//! 3. Anything else: everything is asked again.
//!
//! Places in files whose text changed have moved, so that a file with something to say is asked as a whole then.

use crate::base::{Fingerprint, FxHashMap, FxHashSet, Name};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile};
use crate::diag::{Diagnostic, FileKey};
use crate::items::ids::{DefId, DefKind};
use crate::items::library::kept_tree;
use crate::items::outline::{FileOutline, file_outline, outline_fingerprint, outline_of};
use crate::items::records::tree_key;
use crate::items::tree::{Item, ItemKind, ItemTree, TypeRef};
use crate::items::{self, body_in_tree};
use crate::resolve::decls::extended_decl;
use crate::resolve::scope::is_operator;
use crate::store::manifest::FileFacts;

use super::mentions::Mentions;

/// What has to be asked again about a module.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    /// By file, in the unit's order.
    pub files: Vec<FileRebuild>,
    /// Why nothing of what was known holds, if so.
    pub everything: Option<String>,
}

/// What has to be asked again about a file.
#[derive(Debug, Default)]
pub(super) struct FileRebuild {
    /// The text is another one.
    pub is_changed: bool,
    /// All that the file says is asked again.
    pub is_whole: bool,
    /// Its declarations are asked again.
    pub declarations: bool,
    /// Bodies whose code does not hold any more, with the reasons.
    pub stale: Vec<(DefId, String)>,
    /// Declarations whose code does not hold any more either: they went, or others stand in their place.
    pub affected: Vec<DefId>,
    /// What is known to be said about the file beside the answers.
    pub kept: Vec<Diagnostic>,
}

impl Rebuild {
    /// Everything, for a reason.
    pub(super) fn everything(db: &dyn Db, unit: CompilationUnit, reason: String) -> Rebuild {
        let whole = |_: &SourceFile| FileRebuild {
            is_whole: true,
            declarations: true,
            ..FileRebuild::default()
        };
        Rebuild {
            files: unit.files(db).iter().map(whole).collect(),
            everything: Some(reason),
        }
    }

    /// What has to be asked again, where the files were like `known` when all answers were.
    pub(super) fn since(db: &RootDatabase, unit: CompilationUnit, known: &[FileFacts]) -> Rebuild {
        match compare(db, unit, known) {
            Ok(rebuild) => rebuild,
            Err(reason) => Rebuild::everything(db, unit, reason),
        }
    }
}

/// The difference between a file and what it was.
struct Difference {
    index: usize,
    file: SourceFile,
    old: ItemTree,
    /// Declarations that came, went, or changed what they show.
    affected: FxHashSet<DefId>,
}

/// Finds out what differs; an error is a reason to ask everything.
fn compare(
    db: &RootDatabase,
    unit: CompilationUnit,
    known: &[FileFacts],
) -> Result<Rebuild, String> {
    let files = unit.files(db);
    if files.len() != known.len() {
        return Err("other files were compiled".to_owned());
    }
    let keys = db.par_map(files, |db, &file| tree_key(db, file));
    let mut rebuild = Rebuild::default();
    let mut changed = Vec::new();
    for (index, (&key, facts)) in keys.iter().zip(known).enumerate() {
        let key = key.ok_or("a file is not known")?;
        let is_changed = key != facts.key;
        if is_changed {
            changed.push(index);
        }
        rebuild.files.push(FileRebuild {
            is_changed,
            is_whole: facts.findings.is_none(),
            declarations: facts.findings.is_none(),
            ..FileRebuild::default()
        });
    }
    // Looking closely at many files costs as much as asking everything.
    if changed.len() > 8 + files.len() / 4 {
        return Err("many files changed".to_owned());
    }
    // What `#file` says depends on places then.
    let is_located = |&index: &usize| {
        let text = files[index].text(db);
        known[index].is_located || text.contains("#sourceLocation")
    };
    if changed.iter().any(is_located) {
        return Err("a file with '#sourceLocation' changed".to_owned());
    }
    let differences = db.par_map(&changed, |db, &index| {
        difference(db, files[index], index, &known[index])
    });
    let differences = differences.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut names: FxHashMap<Name, SourceFile> = FxHashMap::default();
    for difference in &differences {
        for &def in &difference.affected {
            let name = crate::resolve::scope::base_name(db, def);
            names.entry(name).or_insert(difference.file);
        }
        let facts = &mut rebuild.files[difference.index];
        facts.declarations |= !difference.affected.is_empty();
        facts.stale = changed_bodies(db, difference);
        facts.affected = difference.affected.iter().copied().collect();
    }
    if !names.is_empty() {
        let mentions = Mentions::of(db, unit, &names, &differences_by_file(&differences))?;
        for (index, bodies) in mentions.bodies {
            let stale = &mut rebuild.files[index].stale;
            for (def, reason) in bodies {
                if !stale.iter().any(|(known, _)| *known == def) {
                    stale.push((def, reason));
                }
            }
        }
    }
    for (facts, file) in known.iter().zip(&mut rebuild.files) {
        let said = facts.findings.as_deref().unwrap_or_default();
        let is_touched = file.is_changed || !file.stale.is_empty();
        if is_touched && !said.is_empty() {
            file.is_whole = true;
            file.declarations = true;
        } else if !file.is_whole {
            let key = |number: FileKey| {
                let file = files.get(usize::try_from(number.0).ok()?)?;
                Some(FileKey::from(*file))
            };
            let said = said.iter().cloned();
            let said = said.map(|d| d.with_files(key)).collect::<Option<_>>();
            file.kept = said.ok_or("the record is damaged")?;
        }
    }
    Ok(rebuild)
}

fn differences_by_file(differences: &[Difference]) -> FxHashMap<SourceFile, &FxHashSet<DefId>> {
    let differences = differences.iter();
    differences.map(|d| (d.file, &d.affected)).collect()
}

/// Looks at a file whose text changed.
fn difference(
    db: &dyn Db,
    file: SourceFile,
    index: usize,
    facts: &FileFacts,
) -> Result<Difference, String> {
    let records = db.records().ok_or("nothing is kept")?;
    let old = kept_tree(db, records, facts.key).ok_or("the record is damaged")?;
    let same = outline_fingerprint(db, file) == Some(facts.outline);
    let affected = match same {
        true => FxHashSet::default(),
        false => {
            let new = file_outline(db, file);
            // Names that are overridden change only with the text of classes, which are not looked into any closer.
            let before = outline_of(&old, new.overriding.clone());
            let encoded = crate::items::codec::encode(db, &before);
            let whole = encoded.map(|encoded| Fingerprint::of_bytes(&encoded.bytes));
            let affected = affected(db, &before, new);
            affected
                .filter(|_| whole == Some(facts.outline))
                .ok_or_else(|| format!("the interface of {} changed", file.path(db)))?
        }
    };
    Ok(Difference {
        index,
        file,
        old,
        affected,
    })
}

/// The functions and computed properties that make the difference between two outlines; none if there is more to it.
fn affected(db: &dyn Db, old: &FileOutline, new: &FileOutline) -> Option<FxHashSet<DefId>> {
    let by_def = |outline: &FileOutline| -> FxHashMap<DefId, Item> {
        let items = outline.items.iter();
        items
            .map(|item| (item.def, without_members(item)))
            .collect()
    };
    let (before, after) = (by_def(old), by_def(new));
    let mut affected = FxHashSet::default();
    for (def, item) in &before {
        if after.get(def) != Some(item) {
            affected.insert(*def);
        }
    }
    affected.extend(after.keys().filter(|def| !before.contains_key(def)));
    for def in &affected {
        let mut versions = [before.get(def), after.get(def)].into_iter().flatten();
        if !versions.all(goes_by_name) || !stands_apart(db, *def) {
            return None;
        }
        // Code of a property's accessors is also found by the property, which has no body to be stale by.
        let stays = before.contains_key(def) && after.contains_key(def);
        if stays && def.kind(db) == DefKind::Var {
            return None;
        }
    }
    // What stays has to stay in its order: it decides about errors and initialisation.
    let rest = |outline: &FileOutline| -> Vec<(DefId, Vec<DefId>)> {
        let items = outline.items.iter();
        let items = items.filter(|item| !affected.contains(&item.def));
        let members = |item: &Item| {
            let all = members(item).iter();
            all.filter(|def| !affected.contains(def)).copied().collect()
        };
        items.map(|item| (item.def, members(item))).collect()
    };
    let same = rest(old) == rest(new) && old.is_main == new.is_main;
    (same && old.overriding == new.overriding).then_some(affected)
}

fn members(item: &Item) -> &[DefId] {
    match &item.kind {
        ItemKind::Nominal(nominal) => &nominal.members,
        ItemKind::Extension(extension) => &extension.members,
        _ => &[],
    }
}

fn without_members(item: &Item) -> Item {
    let mut item = item.clone();
    match &mut item.kind {
        ItemKind::Nominal(nominal) => nominal.members.clear(),
        ItemKind::Extension(extension) => extension.members.clear(),
        _ => {}
    }
    item
}

/// Whether only code that mentions the declaration's name can tell how it is declared.
fn goes_by_name(item: &Item) -> bool {
    let opaque = item.types.values().any(|t| matches!(t, TypeRef::Some(_)));
    let plain = item.attrs.is_empty() && !opaque && !item.mods.is_override;
    plain
        && match &item.kind {
            ItemKind::Func(_) => !is_operator(item.name),
            ItemKind::Var(var) => {
                let computed = var.binding.is_none() && var.wrapper.is_none();
                let kinds = var.accessors.iter().all(|accessor| {
                    use crate::items::AccessorKind::{Get, Modify, Read, Set};
                    matches!(accessor.kind, Get | Set | Read | Modify)
                });
                computed && kinds && !var.accessors.is_empty()
            }
            _ => false,
        }
}

/// Whether a declaration is a member of a file, structure or enumeration. Those of classes and protocols have a part in what subclasses and
/// conforming types are.
fn stands_apart(db: &dyn Db, def: DefId) -> bool {
    let Some(parent) = def.parent(db) else {
        return false;
    };
    let is_value = |def: DefId| matches!(def.kind(db), DefKind::Struct | DefKind::Enum);
    match parent.kind(db) {
        DefKind::File => true,
        DefKind::Extension => extended_decl(db, parent).is_some_and(is_value),
        _ => is_value(parent),
    }
}

/// The bodies of a file that are not what they were, or whose declaration is not, with the reasons.
fn changed_bodies(db: &dyn Db, difference: &Difference) -> Vec<(DefId, String)> {
    let Difference {
        file,
        old,
        affected,
        ..
    } = difference;
    let tree = items::item_tree(db, *file);
    let mut stale = Vec::new();
    for &def in items::body_owners(db, *file) {
        let hash = |tree| body_in_tree(db, tree, def).map(|body| body.hash);
        let (before, after) = (hash(old), hash(tree));
        let declared = |def: DefId| affected.contains(&def);
        let is_affected = declared(def) || def.parent(db).is_some_and(declared);
        let reason = match before {
            None => "it is new",
            Some(_) if before != after => "its text changed",
            Some(_) if is_affected => "its declaration changed",
            Some(_) => continue,
        };
        stale.push((def, reason.to_owned()));
    }
    stale
}
