//! The output file map: where a build system wants each output.
//!
//! A mapping from inputs, spelled as on the command line, to mappings from output types to paths; `""` holds the
//! outputs of the whole module. JSON, or the YAML that people write by hand: block and flow mappings and
//! sequences, plain and quoted scalars, comments.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::{TextRange, TextSize};
use crate::diag::{Diagnostic, FileList, FileSpan};
use crate::vfs::{ReadErrorKind, System};

/// The types of outputs that mean something; others are ignored.
const TYPES: &[&str] = &[
    "object",
    "dependencies",
    "language-dependencies",
    "diagnostics",
    "languagemodule",
    "languagedoc",
    "languagesourceinfo",
    "languageinterface",
    "llvm-ir",
    "llvm-bc",
    "assembly",
    "ast-dump",
];

/// Where each output goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutputFileMap {
    entries: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a map could not be loaded, with the file that the diagnostics point into.
#[derive(Clone, Debug, Default)]
pub struct FileMapError {
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The map's own text.
    pub files: FileList,
}

impl OutputFileMap {
    /// Reads the map at `path`.
    pub fn load(system: &dyn System, path: &str) -> Result<OutputFileMap, FileMapError> {
        let unable = |reason: &str| {
            let message = format!("unable to load output file map '{path}': {reason}");
            Diagnostic::global_error("output-file-map", message)
        };
        let fail = |reason: &str| FileMapError {
            diagnostics: vec![unable(reason)],
            files: FileList::new(),
        };
        let bytes = system.read(Path::new(path)).map_err(|kind| match kind {
            ReadErrorKind::NotFound => fail("No such file or directory"),
            ReadErrorKind::IsDirectory => fail("Is a directory"),
            ReadErrorKind::PermissionDenied => fail("Permission denied"),
            ReadErrorKind::Other(reason) => fail(&reason),
            _ => fail("the file changed while it was read"),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| fail("the file is not valid UTF-8"))?;
        match parse(&text) {
            Ok(Node::Map(entries)) => Ok(OutputFileMap::from_entries(entries)),
            Ok(_) => Err(fail("root was not a MappingNode")),
            Err((offset, message)) => {
                let mut files = FileList::new();
                let file = files.add(path, &text);
                let at = TextSize::try_from(offset).unwrap_or_default();
                let span = FileSpan::new(file, TextRange::empty(at));
                let syntax = Diagnostic::error("output-file-map", span, message);
                Err(FileMapError {
                    diagnostics: vec![syntax, unable("no root")],
                    files,
                })
            }
        }
    }

    fn from_entries(nodes: Vec<(String, Node)>) -> OutputFileMap {
        let mut map = OutputFileMap::default();
        for (input, outputs) in nodes {
            let Node::Map(outputs) = outputs else {
                continue;
            };
            let known = outputs.into_iter().filter_map(|(kind, path)| match path {
                Node::Scalar(path) if TYPES.contains(&kind.as_str()) => Some((kind, path)),
                _ => None,
            });
            map.entries.entry(input).or_default().extend(known);
        }
        map
    }

    /// Where the output of type `kind` made from `input` goes, if the map says so.
    pub fn get(&self, input: &str, kind: &str) -> Option<&str> {
        self.entries.get(input)?.get(kind).map(String::as_str)
    }

    /// Where an output of the whole module goes.
    pub fn whole_module(&self, kind: &str) -> Option<&str> {
        self.get("", kind)
    }

    /// Everything that the map says about the whole module.
    pub fn of_module(&self) -> Option<&BTreeMap<String, String>> {
        self.entries.get("")
    }

    /// The map as `-driver-print-output-file-map` shows it.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (input, outputs) in &self.entries {
            for (kind, path) in outputs {
                text.push_str(&format!("{input} -> {kind}: \"{path}\"\n"));
            }
        }
        text
    }
}

/// A YAML value.
#[derive(Clone, PartialEq, Debug)]
enum Node {
    Null,
    Scalar(String),
    Map(Vec<(String, Node)>),
    Sequence(Vec<Node>),
}

type Parsed<T> = Result<T, (usize, String)>;

/// Deeper nesting than a map has any use for is an error instead of a deep recursion.
const MAX_DEPTH: usize = 64;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// How many flow mappings and sequences are open.
    flow: usize,
}

fn parse(text: &str) -> Parsed<Node> {
    let mut reader = Reader {
        text: text.trim_start_matches('\u{feff}'),
        at: 0,
        depth: 0,
        flow: 0,
    };
    reader.skip_blank();
    if reader.rest().starts_with("---") {
        reader.at += 3;
        reader.skip_blank();
    }
    let node = reader.node(0)?;
    reader.skip_blank();
    match reader.rest().is_empty() || reader.rest().starts_with("...") {
        true => Ok(node),
        false => reader.fail("Unexpected token"),
    }
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn fail<T>(&self, message: &str) -> Parsed<T> {
        Err((self.at, message.to_owned()))
    }

    /// Skips spaces on this line and a comment at its end.
    fn skip_spaces(&mut self) {
        let rest = self.rest();
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at += spaces;
        let starts_word = spaces > 0 || self.column() == 0;
        if starts_word && self.peek() == Some('#') {
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// Skips white space, line ends and comments.
    fn skip_blank(&mut self) {
        loop {
            self.skip_spaces();
            match self.peek() {
                Some('\n' | '\r') => self.at += 1,
                _ => return,
            }
        }
    }

    /// How far the position is from its line's start.
    fn column(&self) -> usize {
        let before = &self.text[..self.at];
        before.len() - before.rfind('\n').map_or(0, |i| i + 1)
    }

    /// A value that starts at the position, or nothing when the next thing is indented less than `indent`.
    fn node(&mut self, indent: usize) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("Nesting is too deep");
        }
        self.skip_blank();
        let node = match self.peek() {
            None => Node::Null,
            Some('{') => self.flow_map()?,
            Some('[') => self.flow_sequence()?,
            Some(_) if self.column() < indent => Node::Null,
            Some('-') if self.rest()[1..].starts_with([' ', '\n']) => self.block_sequence()?,
            Some(_) => self.block_map_or_scalar()?,
        };
        self.depth -= 1;
        Ok(node)
    }

    fn flow_map(&mut self) -> Parsed<Node> {
        let mut entries = Vec::new();
        self.at += 1;
        self.flow += 1;
        loop {
            self.skip_blank();
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    self.flow -= 1;
                    return Ok(Node::Map(entries));
                }
                Some(',') if !entries.is_empty() => self.at += 1,
                None => return self.fail("Expected , or } in flow mapping"),
                Some(_) if self.previous() == Some(',') || entries.is_empty() => {
                    let key = self.scalar(true)?;
                    self.skip_blank();
                    if self.peek() != Some(':') {
                        return self.fail("Expected : in flow mapping");
                    }
                    self.at += 1;
                    entries.push((key, self.node(0)?));
                }
                Some(_) => return self.fail("Expected , between entries!"),
            }
        }
    }

    fn flow_sequence(&mut self) -> Parsed<Node> {
        let mut items = Vec::new();
        self.at += 1;
        self.flow += 1;
        loop {
            self.skip_blank();
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    self.flow -= 1;
                    return Ok(Node::Sequence(items));
                }
                Some(',') if !items.is_empty() => self.at += 1,
                None => return self.fail("Could not find closing ]!"),
                Some(_) if self.previous() == Some(',') || items.is_empty() => {
                    items.push(match self.peek() {
                        Some('{' | '[') => self.node(0)?,
                        _ => Node::Scalar(self.scalar(true)?),
                    });
                }
                Some(_) => return self.fail("Expected , between entries!"),
            }
        }
    }

    /// The last character before the position that is not blank.
    fn previous(&self) -> Option<char> {
        self.text[..self.at].trim_end().chars().next_back()
    }

    fn block_sequence(&mut self) -> Parsed<Node> {
        let column = self.column();
        let mut items = Vec::new();
        loop {
            self.at += 1;
            items.push(self.node(column + 1)?);
            self.skip_blank();
            if self.column() != column || !self.rest().starts_with('-') {
                return Ok(Node::Sequence(items));
            }
        }
    }

    fn block_map_or_scalar(&mut self) -> Parsed<Node> {
        let column = self.column();
        let mut entries = Vec::new();
        loop {
            let in_flow = self.flow > 0;
            let scalar = self.scalar(in_flow)?;
            let after = self.at;
            self.skip_spaces();
            if in_flow || self.peek() != Some(':') {
                self.at = after;
                return match entries.is_empty() {
                    true => Ok(Node::Scalar(scalar)),
                    false => self.fail("Could not find expected : for simple key"),
                };
            }
            self.at += 1;
            entries.push((scalar, self.node(column + 1)?));
            self.skip_blank();
            if self.column() != column || self.rest().is_empty() {
                return Ok(Node::Map(entries));
            }
        }
    }

    fn scalar(&mut self, in_flow: bool) -> Parsed<String> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => self.plain(in_flow),
        }
    }

    fn plain(&mut self, in_flow: bool) -> Parsed<String> {
        let rest = self.rest();
        let end = rest.char_indices().find(|&(i, c)| match c {
            '\n' | '\r' => true,
            ',' | '{' | '}' | '[' | ']' => in_flow,
            ':' => rest[i + 1..].is_empty() || rest[i + 1..].starts_with([' ', '\n', '\r']),
            '#' => rest[..i].ends_with([' ', '\t']),
            _ => false,
        });
        let end = end.map_or(rest.len(), |(i, _)| i);
        let word = rest[..end].trim_end().to_owned();
        if word.is_empty() {
            return self.fail("Unexpected token");
        }
        self.at += word.len();
        Ok(word)
    }

    fn quoted(&mut self, quote: char) -> Parsed<String> {
        let start = self.at;
        let unterminated = || Err((start, "Expected quote at end of scalar".to_owned()));
        let mut value = String::new();
        let rest = &self.text[self.at + 1..];
        let mut chars = rest.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                _ if c == quote && quote == '\'' && rest[i + 1..].starts_with('\'') => {
                    value.push('\'');
                    chars.next();
                }
                _ if c == quote => {
                    self.at = start + 1 + i + 1;
                    return Ok(value);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 'u')) => {
                        let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&digits, 16).ok();
                        match code.and_then(char::from_u32) {
                            Some(c) => value.push(c),
                            None => {
                                return Err((start + 1 + i, "Unrecognized escape code!".into()));
                            }
                        }
                    }
                    Some((_, c)) => value.push(c),
                    None => return unterminated(),
                },
                _ => value.push(c),
            }
        }
        unterminated()
    }
}
