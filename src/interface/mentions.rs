//! Who mentions a name.
//!
//! A function that came, went or changed can matter to code that mentions its name, and to code that the compiler makes it matter to: loops
//! call `next`, result builders `buildBlock`. The standard library declares nearly all names of the second kind, because such functions are
//! requirements of its protocols, and a list has the rest; imported modules have protocols too. So each body that has the name among its words is found by looking at the texts, which is
//! faster than to keep lists of words. A declaration that has the name among its words may carry the difference on to others; then the answer is that
//! this is not known.

use crate::base::{FxHashMap, FxHashSet, Name, TextRange, TextSize};
use crate::db::{CompilationUnit, Db, RootDatabase, SourceFile};
use crate::items::ids::{DefId, DefKind};
use crate::items::library::declared_names;
use crate::items::outline::file_outline;
use crate::items::source_map::item_source_map;
use crate::items::tree::Item;
use crate::items::{self, body_owners};

/// More names than this are not looked for one by one.
const MAX_NAMES: usize = 16;

/// Names that the compiler uses without a word in the program or the library.
const IMPLICIT: &[&str] = &[
    "main",
    "callAsFunction",
    "dynamicallyCall",
    "wrappedValue",
    "projectedValue",
    "appendInterpolation",
    "appendLiteral",
    "init",
    "deinit",
    "subscript",
    "Self",
    "this",
];

/// The bodies that mention names.
pub(super) struct Mentions {
    /// By the file's number: the bodies, with the reasons.
    pub bodies: Vec<(usize, Vec<(DefId, String)>)>,
}

impl Mentions {
    /// Looks for names that declarations have in the files at the given paths; those declarations themselves are given by file. An error is a reason to ask everything.
    pub(super) fn of(
        db: &RootDatabase,
        unit: CompilationUnit,
        names: &FxHashMap<Name, Name>,
        affected: &FxHashMap<SourceFile, &FxHashSet<DefId>>,
    ) -> Result<Mentions, String> {
        if names.len() > MAX_NAMES {
            return Err("many declarations changed".to_owned());
        }
        let mut sorted: Vec<(Name, Name)> = names.iter().map(|(&n, &f)| (n, f)).collect();
        sorted.sort_by_key(|(name, _)| name.as_str());
        let library = unit.library(db).map(|unit| declared_names(db, unit));
        let imported = unit.dependencies(db).iter();
        let imported = imported.filter(|unit| unit.compiled(db).is_some());
        let mut imported_names: FxHashSet<Name> = FxHashSet::default();
        imported_names.extend(imported.flat_map(|&unit| declared_names(db, unit)));
        for &(name, _) in &sorted {
            let text = name.as_str();
            let implicit = IMPLICIT.contains(&text) || text.starts_with("build");
            if implicit || library.as_ref().is_none_or(|names| names.contains(&name)) {
                return Err(format!("'{name}' changed, which the language knows"));
            }
            if imported_names.contains(&name) {
                return Err(format!("'{name}' changed, which an imported module knows"));
            }
        }
        let numbered: Vec<(usize, SourceFile)> =
            unit.files(db).iter().copied().enumerate().collect();
        let found = db.par_map(&numbered, |db, &(index, file)| {
            let mut bodies: Vec<(DefId, String)> = Vec::new();
            for &(name, from) in &sorted {
                let places = places(file.text(db), name.as_str());
                if places.is_empty() {
                    continue;
                }
                let own = affected.get(&file).copied();
                let mentioning = bodies_at(db, file, &places, own).ok_or_else(|| {
                    let at = file.path(db);
                    format!("'{name}' changed in {from}, and a declaration in {at} mentions it")
                })?;
                let reason = format!("mentions '{name}', which changed in {from}");
                for def in mentioning {
                    if !bodies.iter().any(|(known, _)| *known == def) {
                        bodies.push((def, reason.clone()));
                    }
                }
            }
            Ok((index, bodies))
        });
        let bodies = found.into_iter().collect::<Result<_, String>>()?;
        Ok(Mentions { bodies })
    }
}

/// Where a word stands in a text, comments included.
fn places(text: &str, word: &str) -> Vec<TextRange> {
    let is_part = |c: char| c == '_' || c.is_alphanumeric() || !c.is_ascii();
    let mut found = Vec::new();
    for (at, _) in text.match_indices(word) {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        if !before.is_some_and(is_part)
            && !after.is_some_and(is_part)
            && let (Ok(start), Ok(len)) = (u32::try_from(at), u32::try_from(word.len()))
        {
            found.push(TextRange::at(TextSize::from(start), TextSize::from(len)));
        }
    }
    found
}

/// The bodies around these places of a file. None if a place is in a declaration that others can see; the declarations in `own` may mention themselves.
fn bodies_at(
    db: &dyn Db,
    file: SourceFile,
    places: &[TextRange],
    own: Option<&FxHashSet<DefId>>,
) -> Option<Vec<DefId>> {
    let map = item_source_map(db, file);
    let outline = file_outline(db, file).items.iter();
    let shown: FxHashMap<DefId, &Item> = outline.map(|item| (item.def, item)).collect();
    let mut inner: Vec<(TextRange, DefId)> = Vec::new();
    let mut statements = None;
    for &def in body_owners(db, file) {
        let range = map.bodies.get(&def)?;
        match def.kind(db) {
            DefKind::TopLevel => statements = Some(def),
            _ => inner.push((range.text_range(), def)),
        }
    }
    let is_own = |def: DefId| own.is_some_and(|own| own.contains(&def));
    let is_hidden = |def: DefId| {
        // What is hidden has no hash in the outline.
        let shown = items::body_in_items(db, &shown, def);
        shown.is_some_and(|body| body.hash == 0)
    };
    let mut found = Vec::new();
    let mut add = |def: DefId| {
        if !found.contains(&def) {
            found.push(def);
        }
    };
    for place in places {
        let around = inner.iter().find(|(range, _)| range.contains_range(*place));
        if let Some(&(_, def)) = around {
            let of_own = is_own(def) || def.parent(db).is_some_and(is_own);
            if !of_own && !is_hidden(def) {
                return None;
            }
            add(def);
            continue;
        }
        // Outside of all bodies: in a declaration, or among the statements of a main file.
        let declarations = map.items.iter();
        let declarations = declarations.filter(|(_, at)| at.whole.contains_range(*place));
        match declarations.min_by_key(|(_, at)| at.whole.len()) {
            Some((&def, at)) if is_own(def) => {
                // Its own name, but not that of another one.
                if at.name.contains_range(*place) {
                    continue;
                }
                return None;
            }
            Some(_) => return None,
            None => {}
        }
        // What is in no declaration is a statement, or a comment.
        if let Some(def) = statements {
            add(def);
        }
    }
    Some(found)
}
