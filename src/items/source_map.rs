//! From items and bodies back to the text.
//!
//! Source maps change with every edit; only diagnostics, line tables and the editor may ask for them. They are made by lowering again
//! from the tree as it is now: the values are equal, so the ids fit.

use crate::base::{FxHashMap, TextRange};
use crate::db::{Db, SourceFile};
use crate::items::anchor::Anchor;
use crate::items::hir::ExprId;
use crate::items::ids::DefId;
use crate::items::lower;
use crate::syntax::view::{Node, NodePtr};

/// The places of a file's declarations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ItemSourceMap {
    pub items: FxHashMap<DefId, ItemSpans>,
    /// The nodes of bodies, initial values and default values.
    pub bodies: FxHashMap<DefId, NodePtr>,
}

impl ItemSourceMap {
    pub(super) fn extend(&mut self, other: ItemSourceMap) {
        self.items.extend(other.items);
        self.bodies.extend(other.bodies);
    }
}

/// The places of one declaration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ItemSpans {
    pub name: TextRange,
    /// Without the white space and comments in front.
    pub whole: TextRange,
    /// The closing brace.
    pub end: TextRange,
    /// By [`crate::items::tree::TypeRefId`].
    pub types: Vec<TextRange>,
    /// The parameters' names.
    pub params: Vec<TextRange>,
    pub attrs: Vec<TextRange>,
}

/// The places of what a body holds, by index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BodySourceMap {
    /// The whole expression, and the token that errors about it point at.
    pub exprs: Vec<(TextRange, TextRange)>,
    pub pats: Vec<TextRange>,
    pub stmts: Vec<TextRange>,
    pub locals: Vec<TextRange>,
    pub types: Vec<TextRange>,
    /// The labels of arguments, by the argument's expression.
    pub labels: Vec<(ExprId, TextRange)>,
    /// Declarations inside of the body.
    pub items: ItemSourceMap,
}

/// The places of a file's declarations.
pub fn item_source_map(db: &dyn Db, file: SourceFile) -> &ItemSourceMap {
    &crate::items::lowered_file(db, file).1
}

/// The places in a body, in its file.
#[salsa::tracked]
pub fn body_source_map(db: &dyn Db, def: DefId) -> BodySourceMap {
    let Some(file) = crate::items::file_of(db, def) else {
        return BodySourceMap::default();
    };
    let Some(ptr) = body_ptr(db, file, def) else {
        return BodySourceMap::default();
    };
    let root = Node::root(&crate::items::parse(db, file).green);
    match ptr.find(root) {
        Some(node) => lower::lower_body_node(db, def, &node).1,
        None => BodySourceMap::default(),
    }
}

fn body_ptr(db: &dyn Db, file: SourceFile, def: DefId) -> Option<NodePtr> {
    if let Some(ptr) = item_source_map(db, file).bodies.get(&def) {
        return Some(*ptr);
    }
    let owner = crate::items::enclosing_body(db, def.parent(db)?)?;
    body_source_map(db, owner).items.bodies.get(&def).copied()
}

fn spans(db: &dyn Db, file: SourceFile, def: DefId) -> Option<&ItemSpans> {
    if let Some(spans) = item_source_map(db, file).items.get(&def) {
        return Some(spans);
    }
    let parent = def.parent(db)?;
    if let Some(owner) = crate::items::enclosing_body(db, parent)
        && let Some(spans) = body_source_map(db, owner).items.items.get(&def)
    {
        return Some(spans);
    }
    // What has no place of its own is shown at its parent.
    spans(db, file, parent)
}

/// The place of a closing brace, which is the last thing in a range.
fn last_byte(range: TextRange) -> TextRange {
    let start = range.end() - crate::base::TextSize::from(1).min(range.len());
    TextRange::new(start, range.end())
}

/// Where an anchor is.
pub fn anchor_range(db: &dyn Db, file: SourceFile, anchor: Anchor) -> Option<TextRange> {
    let body = |def: DefId| body_source_map(db, def);
    match anchor {
        Anchor::Name(def) => spans(db, file, def).map(|s| s.name),
        Anchor::Start(def) => spans(db, file, def).map(|s| s.whole),
        Anchor::End(def) => spans(db, file, def).map(|s| s.end),
        Anchor::ItemType(def, ty) => {
            let spans = spans(db, file, def)?;
            Some(spans.types.get(ty.index()).copied().unwrap_or(spans.name))
        }
        Anchor::Param(def, n) => {
            let spans = spans(db, file, def)?;
            Some(spans.params.get(n as usize).copied().unwrap_or(spans.name))
        }
        Anchor::Attr(def, n) => {
            let spans = spans(db, file, def)?;
            Some(spans.attrs.get(n as usize).copied().unwrap_or(spans.name))
        }
        Anchor::Expr(def, expr) => body(def).exprs.get(expr.index()).map(|e| e.0),
        Anchor::ExprPoint(def, expr) => body(def).exprs.get(expr.index()).map(|e| e.1),
        Anchor::ExprEnd(def, expr) | Anchor::ClosureEnd(def, expr) => {
            body(def).exprs.get(expr.index()).map(|e| last_byte(e.0))
        }
        Anchor::Pat(def, pat) => body(def).pats.get(pat.index()).copied(),
        Anchor::Stmt(def, stmt) => body(def).stmts.get(stmt.index()).copied(),
        Anchor::StmtEnd(def, stmt) => body(def).stmts.get(stmt.index()).map(|s| last_byte(*s)),
        Anchor::Local(def, local) => {
            let map = body(def);
            let range = *map.locals.get(local.index())?;
            if range.is_empty() {
                // A parameter: its place is the declaration's.
                let spans = spans(db, file, def)?;
                return Some(
                    spans
                        .params
                        .get(local.index())
                        .copied()
                        .unwrap_or(spans.name),
                );
            }
            Some(range)
        }
        Anchor::BodyType(def, ty) => body(def).types.get(ty.index()).copied(),
        Anchor::ArgLabel(def, call, n) => {
            let crate::items::hir::Expr::Call { args, .. } =
                &crate::items::body(db, def).exprs[call]
            else {
                return None;
            };
            let arg = args.get(n as usize)?;
            let map = body(def);
            let label = map.labels.iter().find(|l| l.0 == arg.expr);
            match label {
                Some((_, range)) => Some(*range),
                None => map.exprs.get(arg.expr.index()).map(|e| e.0),
            }
        }
    }
}
