//! Skipping what cannot be parsed, and the guard against nesting that would exhaust the stack.

use super::{NESTING_LIMIT, Parser};
use crate::syntax::kind::SyntaxKind::{self, *};

impl Parser<'_> {
    /// Runs `body` one level deeper. Beyond the limit the rest of the region becomes one flat `ERROR`.
    pub(crate) fn nested(&mut self, body: impl FnOnce(&mut Self)) {
        if self.nesting >= NESTING_LIMIT {
            self.too_deep();
            return;
        }
        self.nesting += 1;
        body(self);
        self.nesting -= 1;
    }

    /// Reports nesting beyond a limit and takes the rest of the region as one flat `ERROR`.
    pub(crate) fn too_deep(&mut self) {
        self.error("nesting-too-deep", "nesting too deep");
        if self.speculating {
            self.no_generics_before = self.pos;
            return;
        }
        self.muted = true;
        let marker = self.start();
        while !self.at_any(&[
            EOF,
            R_PAREN,
            R_BRACKET,
            R_BRACE,
            INTERPOLATION_END,
            STRING_END,
        ]) {
            self.skip_balanced();
        }
        self.finish(marker, ERROR);
    }

    /// Errors count again: a new top-level item begins.
    pub(crate) fn unmute(&mut self) {
        self.muted = false;
    }

    /// Takes one token, or a bracket with everything up to its partner, without structure.
    pub(crate) fn skip_balanced(&mut self) {
        if matches!(
            self.current(),
            L_PAREN | L_BRACKET | L_BRACE | INTERPOLATION_START | STRING_START
        ) {
            let last = match self.current() {
                STRING_START => self.string_end(),
                _ => self.partner_of(self.pos),
            };
            // An opening bracket without a partner takes the rest of the file with it only by itself.
            let Some(last) = last else { return self.bump() };
            while self.pos <= last && !self.at(EOF) {
                self.bump();
            }
        } else {
            self.bump();
        }
    }

    /// The index of the token that ends the string beginning here.
    fn string_end(&self) -> Option<usize> {
        let mut index = self.pos + 1;
        loop {
            match self.token(index).kind {
                STRING_TEXT => index += 1,
                INTERPOLATION_START => index = self.partner_of(index)? + 1,
                STRING_END => return Some(index),
                _ => return None,
            }
        }
    }

    /// Wraps what is skipped until `stop` says so into one `ERROR` node; nothing is added when it stops at once.
    pub(crate) fn skip_until(&mut self, stop: impl Fn(&Self) -> bool) {
        if self.at(EOF) || stop(self) {
            return;
        }
        let marker = self.start();
        while !self.at(EOF) && !stop(self) {
            self.skip_balanced();
        }
        self.finish(marker, ERROR);
    }

    /// Skips to the end of a bracketed list or the end of the statement that it is in.
    pub(crate) fn skip_to_closing(&mut self, closing: SyntaxKind) {
        self.skip_until(|p| {
            p.at(closing)
                || p.at_any(&[
                    R_BRACE,
                    R_PAREN,
                    R_BRACKET,
                    SEMICOLON,
                    INTERPOLATION_END,
                    STRING_END,
                    POUND_ENDIF,
                ])
                || (p.newline_before() && p.at_statement_keyword())
                || p.at(L_BRACE)
        });
    }

    /// Whether the token can only begin a statement or declaration.
    pub(crate) fn at_statement_keyword(&self) -> bool {
        matches!(
            self.current(),
            LET_KW
                | VAR_KW
                | FN_KW
                | STRUCT_KW
                | CLASS_KW
                | ENUM_KW
                | PROTOCOL_KW
                | EXTENSION_KW
                | IMPORT_KW
                | TYPEALIAS_KW
                | RETURN_KW
                | GUARD_KW
                | FOR_KW
                | WHILE_KW
                | DEFER_KW
                | THROW_KW
                | BREAK_KW
                | CONTINUE_KW
                | STATIC_KW
                | PRIVATE_KW
                | PUBLIC_KW
                | INTERNAL_KW
                | FILEPRIVATE_KW
                | CASE_KW
                | POUND_IF
        )
    }
}
