//! Symbols in words that people read.
//!
//! The reader follows the notation of [`mangle`](super::mangle). File names are left out, marks of kinds become words, and roles move to the front. A symbol
//! that was cut, or that somebody made up, is shown with its escapes undone as far as they can be.

use std::fmt::Write;

use super::mangle::{C_FUNCTION, PREFIX};

/// Types are nested by generic arguments; nobody reads deeper ones, and a stack has an end.
const MAX_DEPTH: usize = 64;

/// The readable form of a symbol; `None` for symbols that are not a Codira program's.
pub fn demangle(symbol: &str) -> Option<String> {
    let rest = symbol
        .strip_prefix(PREFIX)
        .filter(|rest| !rest.is_empty())?;
    let mut reader = Reader { rest, depth: 0 };
    match reader.symbol().filter(|_| reader.rest.is_empty()) {
        Some(text) => Some(text),
        None => unescape(rest),
    }
}

/// Replaces the symbols in a line of text. A line that is a symbol as a whole may have white space in it; others end at white space.
pub fn demangle_line(line: &str) -> String {
    let trimmed = line.trim_end_matches(['\n', '\r']);
    if let Some(text) = demangle(trimmed) {
        return text + &line[trimmed.len()..];
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(PREFIX) {
        out.push_str(&rest[..at]);
        let symbol = &rest[at..];
        // A role is followed by a blank that belongs to the symbol.
        let role = symbol.strip_prefix("$c'").and_then(|role| {
            let end = role.find(' ')?;
            role[..end]
                .bytes()
                .all(|b| b.is_ascii_lowercase())
                .then_some(end + 4)
        });
        let body = &symbol[role.unwrap_or(0)..];
        let len = role.unwrap_or(0) + body.find(char::is_whitespace).unwrap_or(body.len());
        match demangle(&symbol[..len]) {
            Some(text) => out.push_str(&text),
            None => out.push_str(&symbol[..len]),
        }
        rest = &symbol[len..];
    }
    out.push_str(rest);
    out
}

/// The text with escapes undone; none if they are wrong.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Reads a symbol from left to right. Every function returns none where the text is not what it expects.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The characters up to the first that does not satisfy `is`.
    fn take(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let len = self.rest.find(|c| !is(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn symbol(&mut self) -> Option<String> {
        let Some(role) = self.leading_role() else {
            return self.instance();
        };
        let of = match role {
            "string" | "text" => {
                let text = std::mem::take(&mut self.rest);
                return match text.strip_prefix('=') {
                    Some(hash) => Some(format!("{role} literal {hash}")),
                    None => Some(format!("{role} literal {:?}", unescape(text)?)),
                };
            }
            "trap" => {
                let (message, file) = self.rest.split_once('~')?;
                self.rest = "";
                let (message, file) = (unescape(message)?, unescape(file)?);
                return Some(format!("trap {message:?} in {file}"));
            }
            "metadata" | "copy" | "destroy" | "deinit" | "tag" | "empty" | "table"
            | "constrained" => self.ty()?,
            _ => self.instance()?,
        };
        let role = match role {
            "metadata" => "type metadata",
            "table" => "witness table",
            "copy" => "copy function",
            "destroy" => "destroy function",
            "deinit" => "deallocating deinit",
            "tag" => "tag of enum",
            "empty" => "empty object",
            "value" => "function value",
            "witness" => "witness",
            "override" => "override",
            "dynamic" => "dynamic instance",
            "slot" => "dynamic slot",
            "protocol" => "protocol descriptor",
            "constrained" => "constrained protocol descriptor",
            "global" => "storage",
            "once" => "initialisation flag",
            "initial" => "initialisation",
            "context" => "closure context metadata",
            "release" => "closure context destroy function",
            "cast" => "cast hook",
            _ => return None,
        };
        let mut text = format!("{role} of {of}");
        while self.eat(":") {
            let _ = match self.rest.starts_with(['{', '(']) || self.rest.starts_with("any[") {
                true => write!(text, " : {}", self.ty()?),
                false => write!(text, " : {}", self.instance()?),
            };
        }
        if self.rest.starts_with(['#', '^']) {
            text.push_str(std::mem::take(&mut self.rest));
        }
        Some(text)
    }

    /// `'role `, which only stands at the front.
    fn leading_role(&mut self) -> Option<&'a str> {
        let (role, rest) = self.rest.strip_prefix('\'')?.split_once(' ')?;
        let is_role = !role.is_empty() && role.bytes().all(|b| b.is_ascii_lowercase());
        is_role.then(|| {
            self.rest = rest;
            role
        })
    }

    /// A function with its generic arguments.
    fn instance(&mut self) -> Option<String> {
        let mut text = self.path()?;
        let role = match self.eat("~") {
            true => self.take(|c| c.is_ascii_alphanumeric() || c == ' '),
            false => "",
        };
        self.arguments(&mut text)?;
        let number = |kind: &str| {
            let index: u32 = role.strip_prefix(kind)?.parse().ok()?;
            Some(index.saturating_add(1))
        };
        if let Some(n) = number("closure") {
            return Some(format!("closure #{n} in {text}"));
        }
        if let Some(n) = number("path get") {
            return Some(format!("key path getter #{n} in {text}"));
        }
        if let Some(n) = number("path set") {
            return Some(format!("key path setter #{n} in {text}"));
        }
        Some(match role {
            "" => text,
            "new" => format!("allocating {text}"),
            // The path already says which one.
            "default" => match text.rsplit_once(".default argument ") {
                Some((of, number)) => format!("default argument {number} of {of}"),
                None => format!("default argument of {text}"),
            },
            "initial" => format!("initial value of {text}"),
            "address" => format!("addressor of {text}"),
            "get" => format!("{text}.getter"),
            "set" => format!("{text}.setter"),
            "case" => format!("case constructor {text}"),
            "value" | "method" => format!("{role} thunk of {text}"),
            other => format!("{other} of {text}"),
        })
    }

    fn arguments(&mut self, text: &mut String) -> Option<()> {
        if !self.eat("<") {
            return Some(());
        }
        text.push('<');
        self.list(text, ">")?;
        text.push('>');
        Some(())
    }

    /// Types between commas up to `close`.
    fn list(&mut self, text: &mut String, close: &str) -> Option<()> {
        if self.eat(close) {
            return Some(());
        }
        loop {
            text.push_str(&self.ty()?);
            if self.eat(close) {
                return Some(());
            }
            if !self.eat(",") {
                return None;
            }
            text.push_str(", ");
        }
    }

    /// The parts of a declaration's path.
    fn path(&mut self) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut last_name = String::new();
        loop {
            let kind = match self.eat("'") {
                false => "",
                true => self.kind().unwrap_or_default(),
            };
            let name = self.name()?;
            let number = match self.eat("#") {
                true => self.take(|c| c.is_ascii_digit()),
                false => "",
            };
            let is_file = parts.len() == 1 && kind.is_empty() && name.contains('.');
            let mut shown = match kind {
                "get" | "set" if name == last_name || name.is_empty() => format!("{kind}ter"),
                "willSet" | "didSet" | "read" | "modify" | "address" | "mutable address" => {
                    kind.to_owned()
                }
                "default" => {
                    let index: u32 = number.parse().unwrap_or(0);
                    format!("default argument {}", index.saturating_add(1))
                }
                "memberwise" | "default init" | "inherited init" => format!("{name} ({kind})"),
                _ => name.clone(),
            };
            if !number.is_empty() && kind != "default" {
                let _ = write!(shown, "#{number}");
            }
            if !is_file {
                parts.push(shown);
            } else if !self.rest.starts_with('.') {
                parts.push(name.clone());
            }
            last_name = name;
            if !self.eat(".") {
                return Some(parts.join("."));
            }
        }
    }

    /// The mark of a declaration's kind in front of its name. A function has only the first quotation mark.
    fn kind(&mut self) -> Option<&'a str> {
        let (kind, rest) = self.rest.split_once('\'')?;
        let is_kind =
            !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
        is_kind.then(|| {
            self.rest = rest;
            kind
        })
    }

    /// A name, with argument labels. Parentheses only stand at the end of one.
    fn name(&mut self) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_+-*/!?%".contains(c);
        let is_word = self
            .rest
            .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let mut len = self.rest.find(|c| !plain(c)).unwrap_or(self.rest.len());
        if is_word {
            // What follows a type's name may look like an operator.
            let name = &self.rest[..len];
            let arrow = name.len() - 1;
            len = match name.find('!') {
                Some(mark) => mark,
                None if name.ends_with('-') && self.rest[len..].starts_with('>') => arrow,
                None => len,
            };
        }
        let (text, rest) = self.rest.split_at(len);
        self.rest = rest;
        let mut text = text.to_owned();
        if self.rest.starts_with('(') {
            text.push_str(self.take(|c| plain(c) || c == '(' || c == ':'));
            if !self.eat(")") {
                return None;
            }
            text.push(')');
        }
        unescape(&text)
    }

    fn ty(&mut self) -> Option<String> {
        self.depth += 1;
        let text = match self.depth <= MAX_DEPTH {
            true => self.ty_inside(),
            false => None,
        };
        self.depth -= 1;
        text
    }

    fn ty_inside(&mut self) -> Option<String> {
        if self.eat("any[") {
            return self.existential();
        }
        if self.eat("(") {
            let mut text = String::from("(");
            let mut is_first = true;
            while !self.eat(")") {
                if !std::mem::take(&mut is_first) {
                    if !self.eat(",") {
                        return None;
                    }
                    text.push_str(", ");
                }
                let label = self
                    .rest
                    .find([':', ',', '(', ')', '<', '[', '{', '.', '\'']);
                if let Some(end) = label
                    && self.rest[end..].starts_with(':')
                {
                    let _ = write!(text, "{}: ", unescape(&self.rest[..end])?);
                    self.rest = &self.rest[end + 1..];
                }
                text.push_str(&self.ty()?);
            }
            text.push(')');
            return Some(text);
        }
        if self.eat("{") {
            return self.function_type();
        }
        if self.eat("'") {
            return self.special_type();
        }
        let mut text = self.path()?;
        self.arguments(&mut text)?;
        Some(text)
    }

    fn existential(&mut self) -> Option<String> {
        let mut parts = Vec::new();
        while !self.rest.starts_with(['!', ':', ',', ']']) {
            parts.push(self.path()?);
            if !self.eat("&") {
                break;
            }
        }
        if self.eat("!") {
            parts.push("AnyObject".to_owned());
        }
        if self.eat(":") {
            parts.insert(0, self.ty()?);
        }
        let mut bindings = Vec::new();
        while self.eat(",") {
            let assoc = self.path()?;
            if !self.eat("=") {
                return None;
            }
            bindings.push(format!("{assoc} == {}", self.ty()?));
        }
        if !self.eat("]") {
            return None;
        }
        let mut text = match parts.is_empty() {
            true => "Any".to_owned(),
            false => format!("any {}", parts.join(" & ")),
        };
        if !bindings.is_empty() {
            let _ = write!(text, "<{}>", bindings.join(", "));
        }
        Some(text)
    }

    fn function_type(&mut self) -> Option<String> {
        let convention = match self.rest.strip_prefix(C_FUNCTION) {
            Some(rest) => {
                self.rest = rest;
                "@convention(c) "
            }
            None => "",
        };
        let mut params = Vec::new();
        let arrow = loop {
            let arrows = ["->", "~>", "=>", "~=>"];
            if let Some(arrow) = arrows
                .into_iter()
                .find(|arrow| self.rest.starts_with(arrow))
            {
                break arrow;
            }
            if !params.is_empty() && !self.eat(",") {
                return None;
            }
            let mode = match self.rest.as_bytes().first()? {
                b'+' => "consuming ",
                b'&' => "inout ",
                _ => "",
            };
            let _ = self.eat("+") || self.eat("&");
            let mut param = format!("{mode}{}", self.ty()?);
            if self.eat("...") {
                param.push_str("...");
            }
            if self.eat("@") {
                param.insert_str(0, "@autoclosure ");
            }
            params.push(param);
        };
        self.eat(arrow);
        let result = self.ty()?;
        let throws = match self.eat("!") {
            true => format!(" throws({})", self.ty()?),
            false => String::new(),
        };
        let is_async = if arrow.ends_with("=>") { " async" } else { "" };
        let params = params.join(", ");
        self.eat("}")
            .then(|| format!("{convention}({params}){is_async}{throws} -> {result}"))
    }

    /// What begins with a quotation mark that has been read.
    fn special_type(&mut self) -> Option<String> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let index = self.take(|c| c.is_ascii_digit());
            return Some(format!("T{index}"));
        }
        if self.eat("some") {
            self.take(|c| c.is_ascii_digit());
            let mut text = format!("some result of {}", self.path()?);
            self.arguments(&mut text)?;
            return Some(text);
        }
        let what = self.take(|c| c.is_ascii_alphanumeric());
        if !self.eat("[") {
            return Some(what.to_owned());
        }
        let inner = self.ty()?;
        if !self.eat("]") {
            return None;
        }
        Some(match what {
            "Type" => format!("{inner}.Type"),
            "Protocol" => format!("{inner}.Protocol"),
            "assoc" => format!("{inner}.{}", self.path()?.rsplit('.').next()?),
            "Self" => "Self".to_owned(),
            "inout" => format!("inout {inner}"),
            "pack" => format!("repeat {inner}"),
            _ => return None,
        })
    }
}
