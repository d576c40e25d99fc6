//! Names of functions as people write them, for debuggers.
//!
//! A symbol holds all that tells two functions apart. A backtrace wants what people say: `Point.moved` instead of
//! `$cmain.shapes%2Ecode.Point.'moved(by:)`. Labels and type arguments are left out, so that a breakpoint on a name finds all that it can mean.

use super::mangle::{MAIN_SYMBOL, PREFIX};

/// What ends a part of a path.
const ENDS: &[char] = &[
    '.', '<', '>', ',', '(', ')', '{', '}', '[', ']', '&', ':', '=', '!', '~', ' ',
];

/// The name that people know a symbol's function by. Symbols that are not of the language stay as they are.
pub fn readable_name(symbol: &str) -> String {
    if symbol == MAIN_SYMBOL {
        return "main".to_owned();
    }
    let Some(mangled) = symbol.strip_prefix(PREFIX) else {
        return symbol.to_owned();
    };
    let mut name = String::with_capacity(mangled.len());
    let mut rest = mangled;
    let mut is_first = true;
    while !rest.is_empty() {
        let (part, after) = split_part(rest);
        rest = after;
        let is_module = std::mem::take(&mut is_first) && part.ends_with('.') && part != "Codira.";
        // The file only tells private declarations apart.
        let is_file = part.ends_with("%2Ecode.") || part.ends_with("%2Eswift.");
        if !is_module && !is_file {
            push_part(&mut name, part);
        }
    }
    // What is made for a type is named after all of it.
    let name = match name.contains(' ') {
        true => name,
        false => without_lists(&name),
    };
    decode(&name).unwrap_or(name)
}

/// Leaves out labels, type arguments, and the numbers of extensions.
fn without_lists(name: &str) -> String {
    let mut depth = 0usize;
    let mut in_number = false;
    let mut short = String::with_capacity(name.len());
    for c in name.chars() {
        in_number = c == '#' || in_number && c.is_ascii_digit();
        match c {
            _ if in_number => {}
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => short.push(c),
            _ => {}
        }
    }
    match short.is_empty() {
        true => name.to_owned(),
        false => short,
    }
}

/// The first part of a path with the mark behind it, and the rest. A declaration's kind, which stands in quotes, belongs to its part.
fn split_part(text: &str) -> (&str, &str) {
    let quoted = text
        .strip_prefix('\'')
        .and_then(|inner| Some(inner.find('\'')? + 2))
        .filter(|&end| {
            text[1..end - 1]
                .chars()
                .all(|c| c.is_ascii_alphabetic() || c == ' ')
        });
    let start = quoted.unwrap_or(0);
    let end = text[start..].find(ENDS).map(|at| start + at);
    let end = end.map_or(text.len(), |at| at + 1);
    text.split_at(end)
}

fn push_part(name: &mut String, part: &str) {
    let Some(inner) = part.strip_prefix('\'') else {
        // What distinguishes the functions of one declaration is written like a member.
        match part.strip_suffix('~') {
            Some(part) => {
                name.push_str(part);
                name.push('.');
            }
            None => name.push_str(part),
        }
        return;
    };
    let Some((kind, own)) = inner.split_once('\'') else {
        return push_part(name, inner);
    };
    // An accessor repeats its property's name.
    match kind {
        "get" | "set" | "willSet" | "didSet" | "read" | "modify" | "address"
        | "mutable address" | "init accessor" => {
            name.push_str(kind);
            let mark = own.find(ENDS).map_or("", |at| &own[at..]);
            push_part(name, mark);
        }
        _ => push_part(name, own),
    }
}

/// Undoes the escapes of a symbol.
fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::readable_name;

    #[test]
    fn names_are_those_of_the_source() {
        for (symbol, name) in [
            ("codira_program_main", "main"),
            ("codira_retain", "codira_retain"),
            ("$cmain.jt%2Ecode.'fib(_:)", "fib"),
            ("$cmain.'fib(_:)", "fib"),
            ("$cmain.jt%2Ecode.'top'main~closure0", "main.closure0"),
            ("$cmain.jt%2Ecode.'binding'p~initial", "p.initial"),
            (
                "$cmain.jt%2Ecode.'twice(_:)<Codira.IntegerTypes%2Ecode.Int>",
                "twice",
            ),
            ("$cmain.jt%2Ecode.Point.'init'init(x:y:)", "Point.init"),
            ("$cmain.jt%2Ecode.Point.'moved(by:)", "Point.moved"),
            ("$cmain.jt%2Ecode.Point.'var'sum.'get'sum", "Point.sum.get"),
            ("$cmain.a%2Ecode.Point.'%3D%3D(_:_:)", "Point.=="),
            (
                "$cCodira.Array%2Ecode.Array.'append(_:)<Codira.Int>",
                "Codira.Array.append",
            ),
            ("$cCodira.Sequence#12.'map(_:)", "Codira.Sequence.map"),
            ("$c'copy main.jt%2Ecode.Point", "copy main.Point"),
            ("$c%", "%"),
        ] {
            assert_eq!(readable_name(symbol), name, "{symbol}");
        }
    }
}
