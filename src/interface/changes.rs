//! What a changed module has in common with the module that the last successful build saw.
//!
//! [`Rebuild`] says for each file which questions have to be asked again. Three answers are possible.
//!
//! 1. All files show to others what they showed before (their outlines are equal): then bodies whose text changed are asked about, and nothing else.
//! 2. Functions came, went or changed, or computed properties came or went, outside of classes and protocols, with their files or extensions or in them. Nothing can notice that without mentioning their
//!    names, so that the bodies that do ([`super::mentions`]) are asked about as well.
//! 3. Anything else: everything is asked again.
//!
//! Places in files whose text changed have moved, so that a file with something to say is asked as a whole then.

use crate::base::{Fingerprint, FxHashMap, FxHashSet, Name};
use crate::db::{CompilationUnit, Db, Marker, RootDatabase, SourceFile};
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

    /// What has to be asked again, where the files at `paths` were like `known` when all answers were.
    pub(super) fn since(
        db: &RootDatabase,
        unit: CompilationUnit,
        paths: &[&str],
        known: &[FileFacts],
    ) -> Rebuild {
        match compare(db, unit, paths, known) {
            Ok(rebuild) => rebuild,
            Err(reason) => Rebuild::everything(db, unit, reason),
        }
    }
}

/// The difference between a file and what it was.
struct Difference {
    path: Name,
    /// The file and its number, if it is still there.
    now: Option<(usize, SourceFile)>,
    old: ItemTree,
    /// Declarations that came, went, or changed what they show.
    affected: FxHashSet<DefId>,
}

/// Finds out what differs; an error is a reason to ask everything.
fn compare(
    db: &RootDatabase,
    unit: CompilationUnit,
    paths: &[&str],
    known: &[FileFacts],
) -> Result<Rebuild, String> {
    let files = unit.files(db);
    if paths.len() != known.len() || known.is_empty() {
        return Err("nothing is known about files".to_owned());
    }
    let numbers: FxHashMap<&str, usize> = paths.iter().copied().zip(0..).collect();
    // By file: its number when everything was known.
    let before: Vec<Option<usize>> = files
        .iter()
        .map(|file| numbers.get(file.path(db)).copied())
        .collect();
    // The order of files decides which of two mistakes is one.
    let stayed: Vec<usize> = before.iter().copied().flatten().collect();
    if !stayed.is_sorted_by(|a, b| a < b) || numbers.len() != paths.len() {
        return Err("the files are in another order".to_owned());
    }
    let stays: FxHashSet<usize> = stayed.iter().copied().collect();
    let gone: Vec<usize> = (0..known.len()).filter(|n| !stays.contains(n)).collect();
    let keys = db.par_map(files, |db, &file| tree_key(db, file));
    let mut rebuild = Rebuild::default();
    let mut changed = Vec::new();
    for (index, (&key, before)) in keys.iter().zip(&before).enumerate() {
        let key = key.ok_or("a file is not known")?;
        let facts = before.and_then(|number| known.get(number));
        let is_changed = facts.is_none_or(|facts| key != facts.key);
        if is_changed {
            changed.push(index);
        }
        let is_whole = facts.is_none_or(|facts| facts.findings.is_none());
        rebuild.files.push(FileRebuild {
            is_changed,
            is_whole,
            declarations: is_whole,
            ..FileRebuild::default()
        });
    }
    // Looking closely at many files costs as much as asking everything.
    if changed.len() + gone.len() > 8 + files.len() / 4 {
        return Err("many files changed".to_owned());
    }
    // What `#file` says depends on places then.
    let was_located = |number: usize| {
        let facts = known.get(number);
        facts.is_some_and(|facts| facts.markers.has(Marker::SourceLocation))
    };
    let is_located = |&index: &usize| {
        before[index].is_some_and(was_located) || files[index].has(db, Marker::SourceLocation)
    };
    if changed.iter().any(is_located) || gone.iter().copied().any(was_located) {
        return Err("a file with '#sourceLocation' changed".to_owned());
    }
    let differences = db.par_map(&changed, |db, &index| {
        let facts = before[index].and_then(|number| known.get(number));
        difference(
            db,
            Some((index, files[index])),
            Name::new(files[index].path(db)),
            facts,
        )
    });
    let went = gone
        .iter()
        .map(|&number| difference(db, None, Name::new(paths[number]), known.get(number)));
    let differences = differences.into_iter().chain(went);
    let differences = differences.collect::<Result<Vec<_>, _>>()?;
    let mut names: FxHashMap<Name, Name> = FxHashMap::default();
    for difference in &differences {
        // Nobody mentions an extension by itself.
        let named = difference.affected.iter().copied();
        for def in named.filter(|def| def.kind(db) != DefKind::Extension) {
            let name = crate::resolve::scope::base_name(db, def);
            names.entry(name).or_insert(difference.path);
        }
        let Some((index, file)) = difference.now else {
            continue;
        };
        let facts = &mut rebuild.files[index];
        facts.declarations |= !difference.affected.is_empty();
        facts.stale = changed_bodies(db, file, difference);
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
    for ((before, &own), file) in before.iter().zip(files).zip(&mut rebuild.files) {
        let facts = before.and_then(|number| known.get(number));
        let said = facts.and_then(|facts| facts.findings.as_deref());
        let said = said.unwrap_or_default();
        let is_touched = file.is_changed || !file.stale.is_empty();
        if is_touched && !said.is_empty() {
            file.is_whole = true;
            file.declarations = true;
        } else if !file.is_whole {
            // All places are in the file itself, whatever its number was.
            let key = |number: FileKey| {
                let same = usize::try_from(number.0).ok() == *before;
                same.then(|| FileKey::from(own))
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
    let stayed = differences.filter_map(|d| Some((d.now?.1, &d.affected)));
    stayed.collect()
}

/// Looks at a file whose text changed, that came or went.
fn difference(
    db: &dyn Db,
    now: Option<(usize, SourceFile)>,
    path: Name,
    facts: Option<&FileFacts>,
) -> Result<Difference, String> {
    let nothing = FileOutline::default();
    let new = now.map_or(&nothing, |(_, file)| file_outline(db, file));
    let (old, before) = match facts {
        None => (ItemTree::default(), FileOutline::default()),
        Some(facts) => {
            let records = db.records().ok_or("nothing is kept")?;
            let old = kept_tree(db, records, facts.key).ok_or("the record is damaged")?;
            let same = now.and_then(|(_, file)| outline_fingerprint(db, file));
            if same == Some(facts.outline) {
                let affected = FxHashSet::default();
                return Ok(Difference {
                    path,
                    now,
                    old,
                    affected,
                });
            }
            // Names that are overridden change only with the text of classes, which are not looked into any closer.
            let before = outline_of(&old, new.overriding.clone());
            let encoded = crate::items::codec::encode(db, &before);
            let whole = encoded.map(|encoded| Fingerprint::of_bytes(&encoded.bytes));
            if whole != Some(facts.outline) {
                return Err(format!("the interface of {path} changed"));
            }
            (old, before)
        }
    };
    let affected = affected(db, &before, new);
    Ok(Difference {
        path,
        now,
        old,
        affected: affected.ok_or_else(|| format!("the interface of {path} changed"))?,
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
        if stays && matches!(def.kind(db), DefKind::Var | DefKind::Extension) {
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
            // What it adds is looked at by itself.
            ItemKind::Extension(extension) => extension.inherits.is_empty(),
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
fn changed_bodies(db: &dyn Db, file: SourceFile, difference: &Difference) -> Vec<(DefId, String)> {
    let Difference { old, affected, .. } = difference;
    let tree = items::item_tree(db, file);
    let mut stale = Vec::new();
    for &def in items::body_owners(db, file) {
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
