//! Putting the diagnostics of a compilation in order.

use crate::base::FxHashSet;

use super::{Diagnostic, FileSpan, Files, Severity};

/// What the user wants to hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportOptions {
    /// Warnings stop the compiler.
    pub warnings_as_errors: bool,
    /// Warnings are not reported. Errors win over both.
    pub suppress_warnings: bool,
    /// After so many errors the rest is left out; `None` for no limit.
    pub error_limit: Option<usize>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            warnings_as_errors: false,
            suppress_warnings: false,
            error_limit: Some(DEFAULT_ERROR_LIMIT),
        }
    }
}

/// Nobody reads more errors than this at once.
pub const DEFAULT_ERROR_LIMIT: usize = 100;

/// The diagnostics of a compilation in the order in which they are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What to show.
    pub diagnostics: Vec<Diagnostic>,
    /// How many errors there are, shown or not.
    pub errors: usize,
    /// How many warnings there are, shown or not.
    pub warnings: usize,
}

impl Report {
    /// Whether outputs must not be made.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }
}

/// Sorts by position, removes repetitions, applies the options and the limit.
pub fn prepare(
    mut diagnostics: Vec<Diagnostic>,
    options: &ReportOptions,
    files: &dyn Files,
) -> Report {
    if options.warnings_as_errors {
        let warnings = |d: &&mut Diagnostic| d.severity == Severity::Warning;
        for diagnostic in diagnostics.iter_mut().filter(warnings) {
            diagnostic.severity = Severity::Error;
        }
    } else if options.suppress_warnings {
        diagnostics.retain(|d| d.severity != Severity::Warning);
    }
    // What is nowhere in a file, such as a mistake in the command line, explains the rest and comes first.
    let place = |span: Option<FileSpan>| {
        span.map(|span| (files.order(span.file), span.range.start(), span.range.end()))
    };
    diagnostics.sort_by_cached_key(|d| (place(d.span), d.severity));
    let mut seen = FxHashSet::default();
    diagnostics.retain(|d| seen.insert((d.severity, d.span, d.message.clone())));

    let count = |severity| {
        let same = |d: &&Diagnostic| d.severity == severity;
        diagnostics.iter().filter(same).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if let Some(limit) = options.error_limit
        && errors > limit
    {
        let mut shown = 0;
        diagnostics.retain(|d| {
            shown += usize::from(d.is_error());
            shown <= limit
        });
        let message = format!(
            "too many errors emitted, stopping now ({} more)",
            errors - limit
        );
        diagnostics.push(Diagnostic::new(Severity::Note, "error-limit", message));
    }
    Report {
        diagnostics,
        errors,
        warnings,
    }
}
