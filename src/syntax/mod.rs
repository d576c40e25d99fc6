//! Tour of `syntax`: from the text of one file to a lossless tree, without a database.
//!
//! 1. [`kind`] names every token and node once, for both dialects.
//! 2. [`lexer`] cuts the text into tokens; it decides operator fixity by white space and enters
//!    interpolations, so that the parser sees real code inside of strings.
//! 3. [`parser`] is recursive descent over those tokens. It emits events in post-order, never fails, and
//!    [`parser::sink`] turns the events into a rowan green tree that holds every byte of the text.
//! 4. [`ast`] gives typed views of the tree, [`view`] plain ones that cost nothing; [`if_config`] evaluates `#if` conditions.
//! 5. [`hash`] digests a node without its white space, for the firewall between text and meaning.
//!
//! Errors are plain data beside the tree. One mistake should give one error, in swiftc's words and place.

pub mod ast;
pub mod hash;
pub mod if_config;
pub mod kind;
pub mod lexer;
pub mod parser;
mod unicode;
pub mod view;

#[cfg(test)]
mod tests;

pub use hash::trivia_insensitive_hash;
pub use kind::{CodiraLanguage, SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};
pub use rowan::{GreenNode, TextRange, TextSize};
use smallvec::SmallVec;

/// How the keywords of a file are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// `fn`, `this`, `immutable`, `#if language(...)`: files that end in `.code`.
    #[default]
    Codira,
    /// `func`, `self`, `let`, `#if swift(...)`: files that end in `.swift`.
    Swift,
}

/// What parsing depends on beside the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParseOptions {
    /// The file's spelling.
    pub dialect: Dialect,
    /// The effective language version, for `#if language(...)`; the body of a false one is only lexed.
    pub language_version: Version,
    /// The compiler's version, for `#if compiler(...)`; the body of a false one is only lexed.
    pub compiler_version: Version,
    /// Whether `/.../` is a regex literal, as it is in language mode 6. `#/.../#` always is one.
    pub bare_slash_regex: bool,
}

impl ParseOptions {
    /// The defaults for a dialect: language mode 5 of the 6.0.3 compiler.
    pub fn new(dialect: Dialect) -> ParseOptions {
        ParseOptions {
            dialect,
            language_version: Version::new(&[5, 10]),
            compiler_version: Version::new(&[6, 0, 3]),
            bare_slash_regex: false,
        }
    }
}

impl Default for ParseOptions {
    fn default() -> Self {
        ParseOptions::new(Dialect::Codira)
    }
}

/// A dotted version number; missing components count as zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Version {
    components: SmallVec<[u32; 4]>,
}

impl Version {
    /// A version from its components, the major one first.
    pub fn new(components: &[u32]) -> Version {
        let mut components = SmallVec::from_slice(components);
        while components.last() == Some(&0) {
            components.pop();
        }
        Version { components }
    }

    /// Reads `5`, `5.9` or `5.9.1`.
    pub fn parse(text: &str) -> Option<Version> {
        let components: Option<Vec<u32>> = text
            .split('.')
            .map(|part| part.trim().parse().ok())
            .collect();
        components.map(|components| Version::new(&components))
    }

    /// The components without trailing zeros.
    pub fn components(&self) -> &[u32] {
        &self.components
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.components.cmp(&other.components)
    }
}

/// How bad a finding of the lexer or parser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The file is not valid.
    Error,
    /// The file is valid but suspicious.
    Warning,
}

/// A replacement of text that would cure an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyntaxFixIt {
    /// What to replace; empty for an insertion.
    pub range: TextRange,
    /// The new text.
    pub replacement: String,
}

/// A place that explains an error, such as the bracket that was never closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyntaxNote {
    /// The text that is meant.
    pub range: TextRange,
    /// What is said about it.
    pub message: String,
}

/// A finding of the lexer or parser.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyntaxError {
    /// What is wrong, in the spelling of the file's dialect.
    pub message: String,
    /// Where, in bytes; empty where something is missing.
    pub range: TextRange,
    /// A stable name for the class of error.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// How to cure it, where that is clear.
    pub fixit: Option<SyntaxFixIt>,
    /// Further places that explain it.
    pub notes: Vec<SyntaxNote>,
}

/// The result of parsing: a tree that holds all of the text, and what was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parse {
    /// The root, a `SOURCE_FILE`.
    pub green: GreenNode,
    /// Findings in the order of their positions.
    pub errors: Vec<SyntaxError>,
}

impl Parse {
    /// The tree with positions.
    pub fn syntax(&self) -> SyntaxNode {
        SyntaxNode::new_root(self.green.clone())
    }

    /// The typed root.
    pub fn tree(&self) -> ast::SourceFile {
        use ast::AstNode;
        let root = self.syntax();
        ast::SourceFile::cast(root)
            .unwrap_or_else(|| unreachable!("the root of every parse is a source file"))
    }

    /// Whether any finding is an error rather than a warning.
    pub fn has_errors(&self) -> bool {
        self.errors
            .iter()
            .any(|error| error.severity == Severity::Error)
    }
}

/// Parses a file. Any text is accepted: the tree's text equals `text`, and mistakes are in `errors`.
pub fn parse(text: &str, options: &ParseOptions) -> Parse {
    let lexed = lexer::lex(text, options);
    let output = parser::parse_tokens(text, &lexed, options);
    let (green, mut errors) = parser::sink::build(text, &lexed, output);
    errors.sort_by_key(|error| (error.range.start(), error.range.end()));
    Parse { green, errors }
}
