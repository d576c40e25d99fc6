//! Evaluation of `#if` conditions, and views of a tree that show only what is active.

use crate::syntax::ast::{AstNode, Expr};
use crate::syntax::kind::SyntaxKind::*;
use crate::syntax::view::Node;
use crate::syntax::{ParseOptions, Version};

/// What conditions are evaluated against.
pub struct Conditions<'a> {
    /// Flags given with `-D`.
    pub flags: Vec<&'a str>,
    /// The name for `os(...)`, such as `Linux`.
    pub os: &'a str,
    /// The name for `arch(...)`, such as `x86_64`.
    pub arch: &'a str,
    /// The name for `targetEnvironment(...)`, if the target has one.
    pub target_environment: Option<&'a str>,
    /// The name for `_endian(...)`.
    pub endian: &'a str,
    /// The name for `_runtime(...)`.
    pub runtime: &'a str,
    /// The name for `_ptrauth(...)`, `_objectFileFormat(...)`, `_pointerBitWidth(...)`: pairs of function and value.
    pub properties: &'a [(&'a str, &'a str)],
    /// The effective language version.
    pub language_version: Version,
    /// The compiler's version.
    pub compiler_version: Version,
    /// Answers `canImport(Module)`, with the version asked for.
    pub can_import: &'a dyn Fn(&str, Option<&Version>) -> bool,
    /// Answers `hasFeature(name)`.
    pub has_feature: &'a dyn Fn(&str) -> bool,
    /// Answers `hasAttribute(name)`.
    pub has_attribute: &'a dyn Fn(&str) -> bool,
}

/// The value of a condition of which a part may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told here.
    Unknown,
}

impl Truth {
    fn of(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }

    fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }

    fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::True, Truth::True) => Truth::True,
            _ => Truth::Unknown,
        }
    }

    fn or(self, other: Truth) -> Truth {
        self.not().and(other.not()).not()
    }
}

/// What versions alone say about a condition; the parser asks, because what versions rule out is not parsed.
pub(crate) fn version_truth(words: &[&str], options: &ParseOptions) -> Truth {
    let mut atom = |name: &str, args: &[&str]| match name {
        "compiler" | "_compiler_version" => compare(args, &options.compiler_version),
        "language" | "swift" if !args.is_empty() => compare(args, &options.language_version),
        _ => Truth::Unknown,
    };
    Evaluator {
        words,
        at: 0,
        depth: 0,
        atom: &mut atom,
    }
    .or()
}

/// `>=5.9` or `<6` against a version.
fn compare(args: &[&str], actual: &Version) -> Truth {
    let text: String = args.concat();
    let (less, version) = match (text.strip_prefix(">="), text.strip_prefix('<')) {
        (Some(version), _) => (false, version),
        (_, Some(version)) => (true, version),
        _ => return Truth::Unknown,
    };
    match Version::parse(version.trim_matches('"')) {
        Some(version) => Truth::of((*actual >= version) != less),
        None => Truth::Unknown,
    }
}

/// Evaluates a condition given as its tokens' texts.
struct Evaluator<'a, 'w> {
    words: &'a [&'w str],
    at: usize,
    depth: u32,
    atom: &'a mut dyn FnMut(&str, &[&str]) -> Truth,
}

impl Evaluator<'_, '_> {
    fn peek(&self) -> &str {
        self.words.get(self.at).copied().unwrap_or("")
    }

    fn or(&mut self) -> Truth {
        let mut value = self.and();
        while self.peek() == "||" {
            self.at += 1;
            value = value.or(self.and());
        }
        value
    }

    fn and(&mut self) -> Truth {
        let mut value = self.not();
        while self.peek() == "&&" {
            self.at += 1;
            value = value.and(self.not());
        }
        value
    }

    fn not(&mut self) -> Truth {
        let mut negated = false;
        while !self.peek().is_empty() && self.peek().bytes().all(|byte| byte == b'!') {
            negated ^= self.peek().len() % 2 == 1;
            self.at += 1;
        }
        let value = self.primary();
        if negated { value.not() } else { value }
    }

    fn primary(&mut self) -> Truth {
        if self.peek() == "(" {
            if self.depth > 200 {
                return Truth::Unknown;
            }
            self.depth += 1;
            self.at += 1;
            let value = self.or();
            self.at += 1;
            self.depth -= 1;
            return value;
        }
        let Some(&name) = self.words.get(self.at) else {
            return Truth::Unknown;
        };
        self.at += 1;
        match name {
            "true" => return Truth::True,
            "false" => return Truth::False,
            _ => {}
        }
        if self.peek() != "(" {
            return (self.atom)(name, &[]);
        }
        let first = self.at + 1;
        let mut depth = 0;
        while let Some(&word) = self.words.get(self.at) {
            match word {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let last = self.at.saturating_sub(1).max(first.min(self.words.len()));
        let args = &self.words[first.min(last)..last];
        (self.atom)(name, args)
    }
}

impl Conditions<'_> {
    fn atom(&self, name: &str, args: &[&str]) -> Truth {
        let first = args.first().copied().unwrap_or("");
        let text: String = args.concat();
        let value = match name {
            _ if args.is_empty() => self.flags.contains(&name),
            "os" => text == self.os,
            "arch" => text == self.arch,
            "targetEnvironment" => self.target_environment == Some(text.as_str()),
            "_endian" => text == self.endian,
            "_runtime" => text == self.runtime,
            "compiler" | "_compiler_version" => return compare(args, &self.compiler_version),
            "language" | "swift" => return compare(args, &self.language_version),
            "canImport" => {
                let comma = args
                    .iter()
                    .position(|word| *word == ",")
                    .unwrap_or(args.len());
                let module = args[..comma].concat();
                let version = args
                    .get(comma..)
                    .and_then(|rest| {
                        rest.iter()
                            .position(|word| *word == ":")
                            .map(|colon| rest[colon + 1..].concat())
                    })
                    .and_then(|text| Version::parse(&text));
                (self.can_import)(&module, version.as_ref())
            }
            "hasFeature" => (self.has_feature)(first),
            "hasAttribute" => (self.has_attribute)(first),
            _ => self
                .properties
                .iter()
                .any(|&(function, value)| function == name && value == text),
        };
        Truth::of(value)
    }

    /// The value of the condition of an `IF_CONFIG_CLAUSE`; `#else` holds.
    pub fn evaluate(&self, clause: Node<'_>) -> Truth {
        if is_else(clause) {
            return Truth::True;
        }
        let condition = clause.first_child();
        let Some(condition) = condition.filter(|node| Expr::can_cast(node.kind())) else {
            return Truth::False;
        };
        let words: Vec<&str> = condition
            .descendant_tokens()
            .filter(|token| !token.kind().is_trivia())
            .map(|token| token.text())
            .collect();
        let mut atom = |name: &str, args: &[&str]| self.atom(name, args);
        Evaluator {
            words: &words,
            at: 0,
            depth: 0,
            atom: &mut atom,
        }
        .or()
    }

    /// The clause of an `IF_CONFIG` that counts, if any.
    pub fn active_clause<'t>(&self, config: Node<'t>) -> Option<Node<'t>> {
        config
            .children()
            .filter(|child| child.kind() == IF_CONFIG_CLAUSE)
            .find(|&clause| self.evaluate(clause) == Truth::True)
    }
}

/// Whether a clause is `#else`, which has no condition.
fn is_else(clause: Node<'_>) -> bool {
    clause
        .tokens()
        .next()
        .is_some_and(|token| token.kind() == POUND_ELSE)
}

/// The children of `node` as they are after conditional compilation: an `#if` gives way to what its active clause holds.
pub fn active_children<'t>(node: Node<'t>, conditions: &Conditions<'_>) -> Vec<Node<'t>> {
    let mut out = Vec::new();
    collect_active(node.children(), conditions, &mut out);
    out
}

fn collect_active<'t>(
    children: impl Iterator<Item = Node<'t>>,
    conditions: &Conditions<'_>,
    out: &mut Vec<Node<'t>>,
) {
    for child in children {
        if child.kind() != IF_CONFIG {
            out.push(child);
        } else if let Some(clause) = conditions.active_clause(child) {
            let skipped = usize::from(!is_else(clause));
            let held: Vec<Node<'t>> = clause.children().skip(skipped).collect();
            collect_active(held.into_iter(), conditions, out);
        }
    }
}
