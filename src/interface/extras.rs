//! Outputs beside the main one, and those that need no more than declarations.

use std::path::Path;

use crate::db::{CompilationUnit, Db};
use crate::items::item_tree;
use crate::items::tree::ItemKind;
use crate::session::{Mode, Options, OutputFileMap};

use super::outputs::object_path;

/// The modules that a unit's files import, a line each, sorted.
pub(super) fn imported_modules(db: &dyn Db, unit: CompilationUnit) -> String {
    let mut names: Vec<&'static str> = Vec::new();
    for &file in unit.files(db) {
        for item in item_tree(db, file).items.values() {
            if let ItemKind::Import(import) = &item.kind {
                names.extend(import.path.first().map(|name| name.as_str()));
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// The files for `make` that a compilation leaves: their paths and texts. `others` are the module files that it read.
pub(super) fn dependencies(
    options: &Options,
    file_map: &OutputFileMap,
    others: &[String],
) -> Vec<(String, String)> {
    let untracked = &options.untracked;
    if !untracked.emit_dependencies {
        return Vec::new();
    }
    let sources = untracked.inputs.iter().chain(others);
    let sources: Vec<String> = sources.map(|path| escaped(path)).collect();
    let rule = |target: &str| format!("{} : {}\n", escaped(target), sources.join(" "));
    let beside = |output: &str| {
        let path = Path::new(output).with_extension("d");
        path.to_string_lossy().into_owned()
    };
    let objects = untracked.mode == Mode::EmitObject;
    if options.tracked.whole_module {
        let main = options.output_path();
        let main = main.unwrap_or_else(|| format!("{}.o", options.tracked.module_name));
        let path = file_map.whole_module("dependencies").map(str::to_owned);
        let path = path.unwrap_or_else(|| beside(&main));
        let targets = match objects && untracked.num_threads > 0 {
            true => {
                let inputs = untracked.inputs.iter();
                inputs
                    .map(|input| object_path(options, file_map, input))
                    .collect()
            }
            false => vec![main],
        };
        let text = targets.iter().map(|target| rule(target)).collect();
        return vec![(path, text)];
    }
    let inputs = untracked.compiled_inputs();
    let file = |input: &String| {
        let object = object_path(options, file_map, input);
        let target = match objects {
            true => object.clone(),
            false => options.output_path()?,
        };
        let path = match file_map.get(input, "dependencies") {
            Some(path) => path.to_owned(),
            None if objects => beside(&object),
            None => {
                let stem = Path::new(input).file_stem()?.to_string_lossy();
                format!("{stem}.d")
            }
        };
        Some((path, rule(&target)))
    };
    inputs.filter_map(file).collect()
}

/// A path as `make` reads it.
fn escaped(path: &str) -> String {
    path.replace('$', "$$")
        .replace('#', "\\#")
        .replace(' ', "\\ ")
}
