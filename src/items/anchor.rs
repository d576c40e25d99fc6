//! Diagnostics whose places are named, not measured.
//!
//! Queries that check meaning must not change when text merely moves, so what they report points at an [`Anchor`]: a piece of a declaration or
//! body. [`resolve_diagnostic`] measures it, when the diagnostics are shown.

use crate::base::{TextRange, TextSize};
use crate::db::{Db, SourceFile};
use crate::diag::{Diagnostic, FileSpan, FixIt, Severity, SubDiagnostic};
use crate::items::hir::{ExprId, LocalId, PatId, StmtId};
use crate::items::ids::DefId;
use crate::items::tree::TypeRefId;

/// A piece of source text, by what it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// A declaration's name (or its keyword, where it has none).
    Name(DefId),
    /// The first token of the declaration.
    Start(DefId),
    /// The closing brace of a declaration's body or member list.
    End(DefId),
    /// A written type of an item.
    ItemType(DefId, TypeRefId),
    /// Parameter number n of an item.
    Param(DefId, u32),
    /// Attribute number n of an item.
    Attr(DefId, u32),
    /// An expression of the body of this definition, whole.
    Expr(DefId, ExprId),
    /// The token of an expression that errors about the operation point at: an operator, a member's name, a call's opening parenthesis.
    ExprPoint(DefId, ExprId),
    /// The end of an expression's text.
    ExprEnd(DefId, ExprId),
    Pat(DefId, PatId),
    Stmt(DefId, StmtId),
    /// The closing brace of a statement.
    StmtEnd(DefId, StmtId),
    /// Where a local variable is declared.
    Local(DefId, LocalId),
    /// A written type inside a body.
    BodyType(DefId, TypeRefId),
    /// The closing brace of a closure expression or of a statement's block.
    ClosureEnd(DefId, ExprId),
    /// Argument number n of a call: its label, or its expression.
    ArgLabel(DefId, ExprId, u32),
}

impl Anchor {
    /// The definition that the anchor lies in.
    pub fn def(self) -> DefId {
        match self {
            Anchor::Name(d)
            | Anchor::Start(d)
            | Anchor::End(d)
            | Anchor::ItemType(d, _)
            | Anchor::Param(d, _)
            | Anchor::Attr(d, _)
            | Anchor::Expr(d, _)
            | Anchor::ExprPoint(d, _)
            | Anchor::ExprEnd(d, _)
            | Anchor::Pat(d, _)
            | Anchor::Stmt(d, _)
            | Anchor::StmtEnd(d, _)
            | Anchor::Local(d, _)
            | Anchor::BodyType(d, _)
            | Anchor::ClosureEnd(d, _)
            | Anchor::ArgLabel(d, _, _) => d,
        }
    }
}

/// A diagnostic without positions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AnchoredDiagnostic {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub anchor: Anchor,
    pub notes: Vec<AnchoredNote>,
    pub fixits: Vec<AnchoredFixIt>,
}

/// A message that belongs to another diagnostic.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AnchoredNote {
    pub message: String,
    pub anchor: Option<Anchor>,
}

/// An edit that corrects a mistake.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AnchoredFixIt {
    pub anchor: Anchor,
    pub place: FixPlace,
    pub replacement: String,
}

/// What an edit does to the anchored text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FixPlace {
    Replace,
    Before,
    After,
    /// Replaces this word, with which the text begins; no edit where it does not.
    Word(&'static str),
}

impl AnchoredDiagnostic {
    /// An error at `anchor`.
    pub fn error(code: &'static str, anchor: Anchor, message: impl Into<String>) -> Self {
        AnchoredDiagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            anchor,
            notes: Vec::new(),
            fixits: Vec::new(),
        }
    }
    /// A warning at `anchor`.
    pub fn warning(code: &'static str, anchor: Anchor, message: impl Into<String>) -> Self {
        AnchoredDiagnostic {
            severity: Severity::Warning,
            ..Self::error(code, anchor, message)
        }
    }
    /// Adds a note.
    pub fn note(mut self, anchor: Option<Anchor>, message: impl Into<String>) -> Self {
        self.notes.push(AnchoredNote {
            message: message.into(),
            anchor,
        });
        self
    }
    /// Adds an edit.
    pub fn fix(mut self, anchor: Anchor, place: FixPlace, replacement: impl Into<String>) -> Self {
        self.fixits.push(AnchoredFixIt {
            anchor,
            place,
            replacement: replacement.into(),
        });
        self
    }
}

/// Measures a diagnostic's places in the files as they are now.
pub fn resolve_diagnostic(db: &dyn Db, diagnostic: &AnchoredDiagnostic) -> Diagnostic {
    let span = |anchor: Anchor| anchor_span(db, anchor);
    Diagnostic {
        severity: diagnostic.severity,
        code: diagnostic.code,
        message: diagnostic.message.clone(),
        span: span(diagnostic.anchor),
        labels: Vec::new(),
        notes: diagnostic
            .notes
            .iter()
            .map(|note| SubDiagnostic {
                severity: Severity::Note,
                message: note.message.clone(),
                span: note.anchor.and_then(span),
                fixits: Vec::new(),
            })
            .collect(),
        fixits: diagnostic
            .fixits
            .iter()
            .filter_map(|fix| {
                let whole = span(fix.anchor)?;
                let range = match fix.place {
                    FixPlace::Replace => whole.range,
                    FixPlace::Before => TextRange::empty(whole.range.start()),
                    FixPlace::After => TextRange::empty(whole.range.end()),
                    FixPlace::Word(word) => {
                        let file = SourceFile::from_key(whole.file);
                        let start = whole.range.start();
                        let rest = file.text(db).get(usize::from(start)..)?;
                        rest.starts_with(word).then_some(())?;
                        TextRange::at(start, TextSize::of(word))
                    }
                };
                Some(FixIt {
                    range: FileSpan { range, ..whole },
                    replacement: fix.replacement.clone(),
                })
            })
            .collect(),
    }
}

/// The text that an anchor names; none for anchors in what the compiler made itself.
pub fn anchor_span(db: &dyn Db, anchor: Anchor) -> Option<FileSpan> {
    let file: SourceFile = crate::items::file_of(db, anchor.def())?;
    let range = crate::items::source_map::anchor_range(db, file, anchor)?;
    Some(FileSpan::new(file, range))
}
