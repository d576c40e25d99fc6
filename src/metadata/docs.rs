//! Documentation comments of a module: `M.codedoc`.
//!
//! They lie in a file of their own, because compilers never read them and editors read nothing else. The container is that of module files, with a header that names the module; a
//! record holds the comment of one declaration, and its key is the hash of the declaration's identity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Fingerprint, TextRange};
use crate::db::{CompilationUnit, Db, SourceFile};
use crate::items::ids::DefId;
use crate::items::source_map::item_source_map;
use crate::items::{DefKind, codec, declarations, parse};
use crate::syntax::{SyntaxKind, SyntaxToken};

use super::file::{ModuleFile, encode};
use super::header::ModuleHeader;
use super::interface::exported;

/// The documentation of one declaration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Documentation {
    /// The declaration's path in its module, as `Point.moved(by:)`.
    pub path: String,
    /// The comment's lines without what marks them as comments.
    pub text: String,
}

/// The bytes of the documentation file that belongs to a module with this header.
pub fn module_docs(db: &dyn Db, unit: CompilationUnit, header: &ModuleHeader) -> Vec<u8> {
    encode_docs(header, &doc_records(db, unit, unit.files(db)))
}

/// The bytes of a documentation file with these records. Its header says which module they belong to, and nothing that could change without them.
pub fn encode_docs(header: &ModuleHeader, records: &BTreeMap<Fingerprint, Vec<u8>>) -> Vec<u8> {
    let header = ModuleHeader {
        name: header.name.clone(),
        stable_crate_id: header.stable_crate_id,
        crate_metadata: header.crate_metadata.clone(),
        target: header.target.clone(),
        ..ModuleHeader::default()
    };
    let records = records.iter().map(|(&key, bytes)| (key, bytes.as_slice()));
    encode(&header, &records.collect())
}

/// The records of what is documented in some files of a module and can be seen by others.
pub fn doc_records(
    db: &dyn Db,
    unit: CompilationUnit,
    files: &[SourceFile],
) -> BTreeMap<Fingerprint, Vec<u8>> {
    let shown = &exported(db, unit).items;
    let mut records: BTreeMap<Fingerprint, Vec<u8>> = BTreeMap::new();
    for &file in files {
        let declared = declarations(db, file).iter();
        for &def in declared.filter(|def| shown.contains(def)) {
            let Some(text) = documentation(db, file, def) else {
                continue;
            };
            let path = path(db, def);
            if let Some(key) = key(db, def)
                && let Ok(bytes) = postcard::to_allocvec(&Documentation { path, text })
            {
                records.insert(key, bytes);
            }
        }
    }
    records
}

/// The documentation of a declaration in a documentation file.
pub fn docs_of(db: &dyn Db, file: &ModuleFile, def: DefId) -> Option<Documentation> {
    postcard::from_bytes(file.record(key(db, def)?)?).ok()
}

/// All documentation in a documentation file, by path.
pub fn all_docs(file: &ModuleFile) -> Vec<Documentation> {
    let records = file.records();
    let mut all: Vec<Documentation> = records
        .filter_map(|(_, bytes)| postcard::from_bytes(bytes).ok())
        .collect();
    all.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
    all
}

/// The documentation comment in front of a declaration.
pub fn documentation(db: &dyn Db, file: SourceFile, def: DefId) -> Option<String> {
    let spans = item_source_map(db, file).items.get(&def)?;
    let comments = comments_before(db, file, spans.whole);
    let mut lines: Vec<String> = Vec::new();
    for comment in comments {
        match comment.strip_prefix("///") {
            Some(line) => lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()),
            None => lines.extend(block_lines(&comment)),
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The documentation comments right in front of a place, the first one first.
fn comments_before(db: &dyn Db, file: SourceFile, range: TextRange) -> Vec<String> {
    let root = parse(db, file).syntax();
    let first = root.token_at_offset(range.start()).right_biased();
    let mut comments = Vec::new();
    let mut token: Option<SyntaxToken> = first.and_then(|token| token.prev_token());
    while let Some(comment) = token {
        match comment.kind() {
            SyntaxKind::WHITESPACE => {}
            SyntaxKind::LINE_COMMENT if comment.text().starts_with("///") => {
                comments.push(comment.text().to_owned());
            }
            SyntaxKind::BLOCK_COMMENT if comment.text().starts_with("/**") => {
                comments.push(comment.text().to_owned());
            }
            _ => break,
        }
        token = comment.prev_token();
    }
    comments.reverse();
    comments
}

/// The lines of a `/** … */` comment without the stars in front.
fn block_lines(comment: &str) -> Vec<String> {
    let inner = comment.strip_prefix("/**").unwrap_or(comment);
    let inner = inner.strip_suffix("*/").unwrap_or(inner);
    let line = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("* ").unwrap_or(line);
        line.strip_prefix('*').unwrap_or(line).to_owned()
    };
    let mut lines: Vec<String> = inner.lines().map(line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let blank = lines.iter().take_while(|line| line.is_empty()).count();
    lines.drain(..blank);
    lines
}

fn key(db: &dyn Db, def: DefId) -> Option<Fingerprint> {
    Some(Fingerprint::of_bytes(&codec::encode(db, &def)?.bytes))
}

/// A declaration's path inside of its module.
fn path(db: &dyn Db, def: DefId) -> String {
    let mut parts = Vec::new();
    let mut at = Some(def);
    while let Some(def) = at {
        match def.kind(db) {
            DefKind::Module | DefKind::File => break,
            _ => parts.push(def.name(db).as_str()),
        }
        at = def.parent(db);
    }
    parts.reverse();
    parts.join(".")
}
