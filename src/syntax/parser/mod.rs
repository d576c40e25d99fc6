//! The event parser: recursive descent over the lexer's tokens.
//!
//! Events are in post-order: a token, or a node that takes everything pushed since its [`Marker`]. A marker is
//! only a height of the stack that the sink will have, so wrapping what was parsed already (a callee into its
//! call) costs nothing, and undoing a speculative parse is truncating the events.
//!
//! | module | grammar |
//! |---|---|
//! | [`decls`], [`nominal`], [`functions`], [`accessors`] | declarations |
//! | [`attributes`] | attributes and modifiers |
//! | [`generics`] | generic parameters, arguments, where clauses |
//! | [`types`] | types |
//! | [`exprs`], [`postfix`], [`primary`], [`closures`] | expressions |
//! | [`patterns`] | patterns |
//! | [`stmts`] | statements |
//! | [`if_config`] | `#if` in every context |
//! | [`recovery`] | skipping, the nesting guard |

mod accessors;
mod attributes;
mod closures;
mod decls;
mod exprs;
mod functions;
mod generics;
mod if_config;
mod nominal;
mod patterns;
mod postfix;
mod primary;
mod recovery;
pub(crate) mod sink;
mod stmts;
mod types;

use crate::syntax::kind::CONTEXTUAL;
use crate::syntax::kind::SyntaxKind::{self, *};
use crate::syntax::lexer::{
    Lexed, NEWLINE_BEFORE, NO_PARTNER, SPACE_BEFORE, Token, Trivia, error_at, operator,
};
use crate::syntax::{ParseOptions, SyntaxError, SyntaxFixIt, SyntaxNote};
use rowan::{TextRange, TextSize};

/// One step of building the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) kind: SyntaxKind,
    pub(crate) is_node: bool,
    /// For a token the end of its text, for a node the height of the stack where its children begin.
    pub(crate) data: u32,
}

/// What parsing leaves for the sink.
pub(crate) struct Output {
    pub(crate) events: Vec<Event>,
    pub(crate) errors: Vec<SyntaxError>,
    /// Ranges of bytes that were only lexed; the lexer's errors in them do not count.
    pub(crate) skipped: Vec<(u32, u32)>,
}

/// Where a node begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker(u32);

/// How deep brackets, operands, types and statements may nest.
pub(crate) const NESTING_LIMIT: u32 = 200;

/// How high the tree of an expression's operators may grow, and how many suffixes an operand may have.
pub(crate) const CHAIN_LIMIT: u32 = 4000;

/// A state to come back to.
struct Snapshot {
    pos: usize,
    kind: SyntaxKind,
    start: u32,
    end: u32,
    events: usize,
    errors: usize,
    height: u32,
    trivia: u32,
    prev_end: u32,
    nesting: u32,
    speculating: bool,
    failed: bool,
}

/// The parser's state. The current token is held apart from the token array, because a token like `>>`
/// is taken in parts where a bracket is wanted.
pub(crate) struct Parser<'t> {
    pub(crate) text: &'t str,
    pub(crate) tokens: &'t [Token],
    pub(crate) partner: &'t [u32],
    trivia_pieces: &'t [Trivia],
    pub(crate) options: &'t ParseOptions,
    pub(crate) pos: usize,
    kind: SyntaxKind,
    start: u32,
    end: u32,
    events: Vec<Event>,
    errors: Vec<SyntaxError>,
    skipped: Vec<(u32, u32)>,
    /// The height of the sink's stack.
    height: u32,
    /// How many pieces of trivia are on that stack or in nodes.
    trivia: u32,
    prev_end: u32,
    nesting: u32,
    /// The height of the highest tree of operators so far in the expression being parsed.
    pub(crate) operators: u32,
    /// Set while an attempt is made whose errors only mean that it failed.
    speculating: bool,
    failed: bool,
    /// Set once nesting was too deep, until the next top-level item: what unwinds then is not the user's mistake.
    muted: bool,
    /// A condition: `{` begins the body, not a closure.
    pub(crate) no_trailing_closure: bool,
    /// An expression that must end before `=`, inside of a pattern.
    pub(crate) no_assignment: bool,
    /// An expression that ends with its line, in an `#if`.
    pub(crate) one_line: bool,
    /// In an accessor that may `yield`.
    pub(crate) in_coroutine: bool,
    /// In the statements of a `case`, which end at the next one.
    pub(crate) in_switch_case: bool,
    /// How many `#if` blocks are open in this block of code.
    pub(crate) if_config_depth: u32,
    /// The `default` of the `switch` around has been seen, behind which no case may come.
    pub(crate) after_default: bool,
    /// In a protocol, whose members have no bodies, or behind an attribute that takes the body's place.
    pub(crate) bodiless: bool,
    /// At the root type of a key path, whose members are components.
    pub(crate) key_path_root: bool,
    /// Up to this token `<` is an operator: an attempt to read it otherwise nested too deep.
    pub(crate) no_generics_before: usize,
    /// Where a string without its end stopped: the brackets around it are not missed there.
    pub(crate) unterminated_at: u32,
}

/// Parses a whole file.
pub(crate) fn parse_tokens(text: &str, lexed: &Lexed, options: &ParseOptions) -> Output {
    let first = lexed.tokens[0];
    let mut parser = Parser {
        text,
        tokens: &lexed.tokens,
        partner: &lexed.partner,
        trivia_pieces: &lexed.trivia,
        options,
        pos: 0,
        kind: first.kind,
        start: first.start,
        end: first.end,
        events: Vec::with_capacity(lexed.tokens.len() * 3),
        errors: Vec::new(),
        skipped: Vec::new(),
        height: 0,
        trivia: 0,
        prev_end: 0,
        nesting: 0,
        operators: 0,
        speculating: false,
        failed: false,
        muted: false,
        no_trailing_closure: false,
        no_assignment: false,
        one_line: false,
        in_coroutine: false,
        in_switch_case: false,
        if_config_depth: 0,
        after_default: false,
        bodiless: false,
        key_path_root: false,
        no_generics_before: 0,
        unterminated_at: u32::MAX,
    };
    stmts::source_file(&mut parser);
    Output {
        events: parser.events,
        errors: parser.errors,
        skipped: parser.skipped,
    }
}

impl<'t> Parser<'t> {
    // Looking.

    /// The current token's kind.
    pub(crate) fn current(&self) -> SyntaxKind {
        self.kind
    }

    /// The kind of the token `n` places ahead.
    pub(crate) fn nth(&self, n: usize) -> SyntaxKind {
        if n == 0 {
            self.kind
        } else {
            self.token(self.pos + n).kind
        }
    }

    /// A token by its index; `EOF` past the end.
    pub(crate) fn token(&self, index: usize) -> Token {
        self.tokens[index.min(self.tokens.len() - 1)]
    }

    pub(crate) fn at(&self, kind: SyntaxKind) -> bool {
        self.kind == kind
    }

    pub(crate) fn at_any(&self, kinds: &[SyntaxKind]) -> bool {
        kinds.contains(&self.kind)
    }

    /// Whether the current token was split, so that the token array does not describe it.
    fn is_split(&self) -> bool {
        self.start != self.tokens[self.pos].start
    }

    /// The contextual keyword that the identifier `n` places ahead spells.
    pub(crate) fn nth_contextual(&self, n: usize) -> Option<SyntaxKind> {
        self.token(self.pos + n)
            .contextual
            .checked_sub(1)
            .map(|index| CONTEXTUAL[index as usize].0)
    }

    /// The contextual keyword at the current token.
    pub(crate) fn contextual(&self) -> Option<SyntaxKind> {
        self.nth_contextual(0)
    }

    pub(crate) fn at_contextual(&self, kind: SyntaxKind) -> bool {
        self.kind == IDENT && self.contextual() == Some(kind)
    }

    /// Whether the token `n` places ahead begins a line.
    pub(crate) fn nth_newline(&self, n: usize) -> bool {
        if n == 0 && self.is_split() {
            return false;
        }
        self.token(self.pos + n).flags & NEWLINE_BEFORE != 0
    }

    /// Whether the current token begins a line.
    pub(crate) fn newline_before(&self) -> bool {
        self.nth_newline(0)
    }

    /// Whether white space or a comment stands before the token `n` places ahead.
    pub(crate) fn nth_space(&self, n: usize) -> bool {
        if n == 0 && self.is_split() {
            return false;
        }
        self.token(self.pos + n).flags & (SPACE_BEFORE | NEWLINE_BEFORE) != 0
    }

    /// The current token's text.
    pub(crate) fn token_text(&self) -> &'t str {
        &self.text[self.start as usize..self.end as usize]
    }

    /// The text of the token `n` places ahead.
    pub(crate) fn nth_text(&self, n: usize) -> &'t str {
        if n == 0 {
            return self.token_text();
        }
        let token = self.token(self.pos + n);
        &self.text[token.start as usize..token.end as usize]
    }

    /// Whether the current token is an operator of the given text, whatever its fixity.
    pub(crate) fn at_operator(&self, op: &str) -> bool {
        self.is_operator() && self.token_text() == op
    }

    /// Whether the current token is an operator that is spelled with operator characters.
    pub(crate) fn is_operator(&self) -> bool {
        matches!(self.kind, BINARY_OP | PREFIX_OP | POSTFIX_OP)
    }

    /// Whether the current token begins with the character, so that it can be split off.
    pub(crate) fn starts_with(&self, byte: u8) -> bool {
        self.text.as_bytes().get(self.start as usize) == Some(&byte) && self.start < self.end
    }

    pub(crate) fn at_l_angle(&self) -> bool {
        self.is_operator() && self.starts_with(b'<')
    }

    pub(crate) fn at_r_angle(&self) -> bool {
        self.is_operator() && self.starts_with(b'>')
    }

    pub(crate) fn nth_l_angle(&self, n: usize) -> bool {
        matches!(self.nth(n), BINARY_OP | PREFIX_OP | POSTFIX_OP)
            && self.nth_text(n).starts_with('<')
    }

    /// The index of the token that closes the bracket `n` places ahead.
    pub(crate) fn partner_of(&self, index: usize) -> Option<usize> {
        match self.partner.get(index) {
            Some(&partner) if partner != NO_PARTNER => Some(partner as usize),
            _ => None,
        }
    }

    /// Whether the token can name a parameter, an argument or a member: an identifier or a keyword.
    pub(crate) fn nth_is_name(&self, n: usize) -> bool {
        let kind = self.nth(n);
        kind == IDENT || kind.is_keyword()
    }

    /// Whether an argument label and its colon are here; `_` counts as a label.
    pub(crate) fn at_label(&self) -> bool {
        (self.nth_is_name(0) || self.at(UNDERSCORE)) && self.nth(1) == COLON
    }

    // Building.

    /// Begins a node at the current token; the white space before it stays outside.
    pub(crate) fn start(&self) -> Marker {
        Marker(self.height + (self.tokens[self.pos].trivia - self.trivia))
    }

    /// Closes a node over everything since its marker.
    pub(crate) fn finish(&mut self, marker: Marker, kind: SyntaxKind) {
        let start = marker.0.min(self.height);
        self.events.push(Event {
            kind,
            is_node: true,
            data: start,
        });
        self.height = start + 1;
    }

    /// Takes the current token.
    pub(crate) fn bump(&mut self) {
        self.bump_as(self.kind);
    }

    /// Takes the current token under another kind, as for contextual keywords.
    pub(crate) fn bump_as(&mut self, kind: SyntaxKind) {
        if self.kind == EOF {
            return;
        }
        let end = self.end;
        self.push_token(kind, end);
        self.advance();
    }

    fn push_token(&mut self, kind: SyntaxKind, end: u32) {
        let trivia = self.tokens[self.pos].trivia;
        self.height += trivia - self.trivia + 1;
        self.trivia = trivia;
        self.events.push(Event {
            kind,
            is_node: false,
            data: end,
        });
        self.prev_end = end;
    }

    fn advance(&mut self) {
        if self.end < self.tokens[self.pos].end {
            self.relex(self.end);
        } else {
            self.pos += 1;
            let token = self.tokens[self.pos];
            self.kind = token.kind;
            self.start = token.start;
            self.end = token.end;
        }
    }

    /// Makes the rest of a split token current.
    fn relex(&mut self, start: u32) {
        let end = self.tokens[self.pos].end;
        self.start = start;
        self.end = end;
        let bytes = self.text.as_bytes();
        match bytes[start as usize] {
            b'?' => {
                self.kind = POSTFIX_QUESTION;
                self.end = start + 1;
            }
            b'!' => {
                self.kind = POSTFIX_BANG;
                self.end = start + 1;
            }
            _ => {
                let right = operator::right_bound(bytes, end as usize, true);
                self.kind = operator::classify(&bytes[start as usize..end as usize], true, right);
            }
        }
    }

    /// Takes only the first `len` bytes of the current token.
    pub(crate) fn bump_prefix(&mut self, len: u32, kind: SyntaxKind) {
        let end = (self.start + len).min(self.end);
        self.push_token(kind, end);
        self.end = end;
        self.advance();
    }

    pub(crate) fn bump_l_angle(&mut self) {
        self.bump_prefix(1, L_ANGLE);
    }

    /// Takes the token if it is of the given kind.
    pub(crate) fn eat(&mut self, kind: SyntaxKind) -> bool {
        if self.kind == kind {
            self.bump();
            true
        } else {
            false
        }
    }

    /// Takes an identifier that spells the given contextual keyword.
    pub(crate) fn eat_contextual(&mut self, kind: SyntaxKind) -> bool {
        if self.at_contextual(kind) {
            self.bump_as(kind);
            true
        } else {
            false
        }
    }

    /// Takes a name: an identifier, or a keyword where those may be names.
    pub(crate) fn bump_name(&mut self) {
        self.bump_as(IDENT);
    }

    // Errors.

    /// Reports an error at the current token.
    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>) {
        let (start, end) = (self.start, self.end);
        self.error_range(code, start, end, message);
    }

    /// Reports an error behind the token before.
    pub(crate) fn error_after(&mut self, code: &'static str, message: impl Into<String>) {
        let at = self.prev_end;
        self.error_range(code, at, at, message);
    }

    /// Reports an error; a second one at the same place is a consequence of the first and is dropped.
    pub(crate) fn error_range(
        &mut self,
        code: &'static str,
        start: u32,
        end: u32,
        message: impl Into<String>,
    ) {
        if self.speculating {
            self.failed = true;
            return;
        }
        if self.muted {
            return;
        }
        let start = TextSize::new(start);
        if self
            .errors
            .last()
            .is_some_and(|last| last.range.start() == start)
        {
            return;
        }
        self.errors
            .push(error_at(code, start.into(), end as usize, message));
    }

    /// Adds a replacement to the error that was just reported.
    pub(crate) fn fixit(&mut self, code: &'static str, start: u32, end: u32, replacement: &str) {
        if self.speculating || self.muted {
            return;
        }
        if let Some(error) = self
            .errors
            .last_mut()
            .filter(|error| error.code == code && error.fixit.is_none())
        {
            let range = TextRange::new(TextSize::new(start), TextSize::new(end));
            error.fixit = Some(SyntaxFixIt {
                range,
                replacement: replacement.to_string(),
            });
        }
    }

    /// Adds a note to the error that was just reported.
    pub(crate) fn note(&mut self, code: &'static str, start: u32, end: u32, message: String) {
        if self.speculating || self.muted {
            return;
        }
        if let Some(error) = self
            .errors
            .last_mut()
            .filter(|error| error.code == code && error.notes.is_empty())
        {
            let range = TextRange::new(TextSize::new(start), TextSize::new(end));
            error.notes.push(SyntaxNote { range, message });
        }
    }

    /// Takes the token or reports that it is missing.
    pub(crate) fn expect(&mut self, kind: SyntaxKind, code: &'static str, message: &str) -> bool {
        if self.eat(kind) {
            return true;
        }
        self.error(code, message);
        false
    }

    /// Takes a closing bracket or reports at the current token that it is missing, pointing at the opening one.
    pub(crate) fn expect_closing(&mut self, kind: SyntaxKind, opener: u32, message: &str) -> bool {
        if self.eat(kind) {
            return true;
        }
        if self.prev_end == self.unterminated_at {
            return false;
        }
        if self.kind == EOF && kind != R_BRACE {
            // What is in brackets rarely goes on to the end of the file.
            self.error_after("expected-closing", message);
        } else {
            self.error("expected-closing", message);
        }
        let open = match kind {
            R_PAREN | INTERPOLATION_END => '(',
            R_BRACKET => '[',
            _ => '{',
        };
        self.note(
            "expected-closing",
            opener,
            opener + 1,
            format!("to match this opening '{open}'"),
        );
        false
    }

    /// How many errors there are, to see whether something was reported.
    pub(crate) fn error_count(&self) -> usize {
        self.errors.len()
    }

    /// Records that the bytes in the range were only lexed.
    pub(crate) fn add_skipped(&mut self, start: u32, end: u32) {
        self.skipped.push((start, end));
    }

    /// Whether a character that the lexer reported stands right before the current token.
    pub(crate) fn bad_character_before(&self) -> bool {
        let (first, last) = (self.trivia as usize, self.tokens[self.pos].trivia as usize);
        self.trivia_pieces[first.min(last)..last]
            .iter()
            .any(|piece| piece.kind == UNKNOWN)
    }

    /// The first byte of the current token.
    pub(crate) fn offset(&self) -> u32 {
        self.start
    }

    /// The end of the current token.
    pub(crate) fn end_offset(&self) -> u32 {
        self.end
    }

    /// The end of the token before.
    pub(crate) fn prev_end(&self) -> u32 {
        self.prev_end
    }

    // Speculation.

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            pos: self.pos,
            kind: self.kind,
            start: self.start,
            end: self.end,
            events: self.events.len(),
            errors: self.errors.len(),
            height: self.height,
            trivia: self.trivia,
            prev_end: self.prev_end,
            nesting: self.nesting,
            speculating: self.speculating,
            failed: self.failed,
        }
    }

    /// Runs `attempt`; when it returns false or meets an error, everything is as before and false is returned.
    pub(crate) fn speculate(&mut self, attempt: impl FnOnce(&mut Self) -> bool) -> bool {
        let before = self.snapshot();
        self.speculating = true;
        self.failed = false;
        let ok = attempt(self) && !self.failed;
        self.speculating = before.speculating;
        self.failed = before.failed;
        if !ok {
            self.rewind(before);
        }
        ok
    }

    fn rewind(&mut self, before: Snapshot) {
        self.pos = before.pos;
        self.kind = before.kind;
        self.start = before.start;
        self.end = before.end;
        self.events.truncate(before.events);
        self.errors.truncate(before.errors);
        self.height = before.height;
        self.trivia = before.trivia;
        self.prev_end = before.prev_end;
        self.nesting = before.nesting;
        self.speculating = before.speculating;
        self.failed = before.failed;
    }

    /// Runs `body` as if at the beginning of an expression inside of brackets, where no outer context restricts it.
    pub(crate) fn in_brackets<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let saved = (self.no_trailing_closure, self.no_assignment, self.one_line);
        (self.no_trailing_closure, self.no_assignment) = (false, false);
        let result = body(self);
        (self.no_trailing_closure, self.no_assignment, self.one_line) = saved;
        result
    }

    /// Runs `body` where `{` ends the expression.
    pub(crate) fn without_trailing_closures<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let saved = std::mem::replace(&mut self.no_trailing_closure, true);
        let result = body(self);
        self.no_trailing_closure = saved;
        result
    }
}
